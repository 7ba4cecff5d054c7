/* transactionsRoot and receiptsRoot of real blocks, from what this codec makes of them. */
#include "codec/block.h"
#include "codec/receipt.h"
#include "codec/trie.h"
#include "crypto/keccak.h"
#include "vectors.h"

/* Calls `check` for each block of the file that has a London header and no ommers. */
static size_t each_block(void (*check)(const posw_block *b)) {
    posw_buf file = vectors_file("chain/london.rlp");
    posw_rlp r = posw_rlp_reader(file.data, file.size);
    size_t count = 0;
    while (posw_rlp_more(&r)) {
        posw_block b;
        const posw_bytes raw = posw_rlp_raw(&r);
        if (posw_block_decode(&b, NULL, raw.data, raw.size) != POSW_OK) continue;
        check(&b);
        posw_block_clear(&b);
        count++;
    }
    assert_true(posw_rlp_done(&r));
    posw_buf_clear(&file);
    return count;
}

enum { TXS_MAX = 8 };

static void check_transactions_root(const posw_block *b) {
    posw_bytes items[TXS_MAX];
    posw_hash root;
    assert_true(b->tx_count > 0 && b->tx_count <= TXS_MAX);
    for (size_t i = 0; i < b->tx_count; i++)
        items[i] = b->txs[i].raw;
    assert_int_equal(posw_trie_list_root(&root, items, b->tx_count), POSW_OK);
    assert_true(posw_hash_equal(&root, &b->header.transactions_root));
}

static void test_transactions_root(void **state) {
    (void)state;
    assert_int_equal(each_block(check_transactions_root), 9);
}

/* The contract that these blocks call logs two topics, "emit" and the hash of the input, and a counter as data; a call
 * costs 51,868 gas. The counter stands at this value before the block. Blocks with other calls have 0 here: what those
 * did is not in the block. */
static uint64_t counter_before(uint64_t number) {
    return number == 27 ? 0x13 : number == 37 ? 0x1f : 0;
}

static posw_event_log emitted(const posw_tx *tx, uint64_t counter) {
    posw_event_log log = {.address = tx->to, .topic_count = 2, .data_size = 32};
    memcpy(log.topics[0].b + 28, "emit", 4);
    posw_keccak256(&log.topics[1], tx->input.data, tx->input.size);
    posw_store_be64(log.data + 24, counter);
    return log;
}

static void check_receipts_root(const posw_block *b) {
    uint64_t counter = counter_before(b->header.number), gas = 0;
    uint8_t bloom[POSW_BLOOM_SIZE] = {0};
    posw_buf encoded[TXS_MAX] = {{0}};
    posw_bytes items[TXS_MAX];
    posw_hash root;
    if (counter == 0) return;
    for (size_t i = 0; i < b->tx_count; i++) {
        const bool is_call = b->txs[i].input.size > 0;
        gas += is_call ? 51868 : 21000;
        posw_event_log log = emitted(&b->txs[i], counter);
        const posw_receipt receipt = {
            .type = b->txs[i].type, .success = true, .cumulative_gas_used = gas, .log_count = is_call, .logs = &log};
        counter += is_call;
        posw_receipt_encode(&encoded[i], &receipt);
        items[i] = posw_buf_view(&encoded[i]);
        if (is_call) posw_bloom_add_log(bloom, &log);
    }
    assert_true(gas == b->header.gas_used);
    assert_memory_equal(bloom, b->header.logs_bloom, sizeof bloom);
    assert_int_equal(posw_trie_list_root(&root, items, b->tx_count), POSW_OK);
    assert_true(posw_hash_equal(&root, &b->header.receipts_root));
    for (size_t i = 0; i < b->tx_count; i++)
        posw_buf_clear(&encoded[i]);
}

static void test_receipts_root(void **state) {
    (void)state;
    assert_int_equal(each_block(check_receipts_root), 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_transactions_root), cmocka_unit_test(test_receipts_root)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
