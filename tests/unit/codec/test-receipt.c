#include "codec/receipt.h"

#include "base/random.h"
#include "codec/block.h"
#include "crypto/keccak.h"
#include "vectors.h"

/* ---- a real chain, whose contract logs two topics, "emit" and the hash of its input, and a counter as data;
 * test-roots.c checks the receipts themselves ---- */

static const uint8_t EMITTER[20] = {0x7d, 0xcd, 0x17, 0x43, 0x37, 0x42, 0xf4, 0xc0, 0xca, 0x53,
                                    0x12, 0x2a, 0xb5, 0x41, 0xd0, 0xba, 0x67, 0xfc, 0x27, 0xdf};

static void test_bloom_of_real_block(void **state) {
    (void)state;
    posw_buf file = vectors_file("chain/london.rlp");
    posw_rlp r = posw_rlp_reader(file.data, file.size);
    posw_block block;
    size_t found = 0;
    while (posw_rlp_more(&r)) {
        const posw_bytes raw = posw_rlp_raw(&r);
        if (posw_block_decode(&block, NULL, raw.data, raw.size) != POSW_OK) continue;
        for (size_t i = 0; i < block.tx_count; i++) {
            posw_hash topic;
            const posw_tx *tx = &block.txs[i];
            if (memcmp(tx->to.b, EMITTER, 20) != 0) continue;
            posw_keccak256(&topic, tx->input.data, tx->input.size);
            assert_true(posw_bloom_has(block.header.logs_bloom, topic.b, 32));
            assert_true(posw_bloom_has(block.header.logs_bloom, EMITTER, 20));
            assert_false(posw_bloom_has(block.header.logs_bloom, EMITTER, 19));
            found++;
        }
        posw_block_clear(&block);
    }
    assert_int_equal(found, 9);
    posw_buf_clear(&file);
}

/* The receipt of the access list transaction of block 24 of that chain, as published. */
static posw_event_log published_log(void) {
    posw_event_log log = {.topic_count = 2, .data_size = 32};
    memcpy(log.address.b, EMITTER, 20);
    memcpy(log.topics[0].b + 28, "emit", 4);
    assert_true(posw_hash_parse(&log.topics[1], "0x95104e47e1982aba633477f377b1511396c3fe83600224bcb0c78949be705b33"));
    log.data[31] = 0x0f;
    return log;
}

#define BLOOM                                                                                                  \
    "00000000000000000000000000000000000000000000000000800000800000000000000000000000000000000000000000000000" \
    "00000000000000000000000000000000000000000000400000000000020000000000000000000000000000200000000000000000" \
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000020000000000000000" \
    "00000000000000000000009000000000000000000000000000000000000000000000000000000000000000000000000000000000" \
    "000000000000000000000000000000080000000000000000000000000000000000000000000000000000000000000000"

static void test_published_receipt(void **state) {
    (void)state;
    uint8_t bloom[POSW_BLOOM_SIZE];
    posw_event_log log = published_log();
    const posw_receipt receipt = {
        .type = POSW_TX_ACCESS_LIST, .success = true, .cumulative_gas_used = 0xca9c, .log_count = 1, .logs = &log};
    posw_buf b = {0};
    posw_receipt_bloom(bloom, &receipt);
    assert_hex(bloom, sizeof bloom, BLOOM);
    posw_receipt_encode(&b, &receipt);
    assert_hex(b.data, b.size,
               "01f901850182ca9cb90100" BLOOM "f87cf87a947dcd17433742f4c0ca53122ab541d0ba67fc27dff842"
               "a000000000000000000000000000000000000000000000000000000000656d6974"
               "a095104e47e1982aba633477f377b1511396c3fe83600224bcb0c78949be705b33"
               "a0000000000000000000000000000000000000000000000000000000000000000f");
    posw_buf_clear(&b);
}

/* ---- bloom ---- */

static void test_bloom(void **state) {
    (void)state;
    uint64_t seed = 50;
    uint8_t bloom[POSW_BLOOM_SIZE] = {0}, item[32], other[32];
    for (int i = 0; i < 200; i++) {
        unsigned bits = 0;
        memset(bloom, 0, sizeof bloom);
        random_bytes(&seed, item, sizeof item);
        posw_bloom_add(bloom, item, sizeof item);
        for (size_t k = 0; k < sizeof bloom; k++)
            bits += (unsigned)__builtin_popcount(bloom[k]);
        assert_true(bits >= 1 && bits <= 3);
        assert_true(posw_bloom_has(bloom, item, sizeof item));
        for (size_t k = 0; k < sizeof bloom; k++) { /* each bit is needed */
            uint8_t less[POSW_BLOOM_SIZE];
            if (bloom[k] == 0) continue;
            memcpy(less, bloom, sizeof less);
            less[k] = 0;
            assert_false(posw_bloom_has(less, item, sizeof item));
        }
        random_bytes(&seed, other, sizeof other);
        assert_false(posw_bloom_has(bloom, other, sizeof other)); /* with this seed */
    }
}

/* ---- round trips ---- */

static posw_receipt random_receipt(uint64_t *seed, posw_event_log logs[POSW_RECEIPT_LOGS_MAX]) {
    posw_receipt r = {
        .type = (enum posw_tx_type)random_below(seed, 3), .success = random_below(seed, 2) == 0, .logs = logs};
    r.cumulative_gas_used = random_next(seed) >> random_below(seed, 64);
    r.log_count = random_below(seed, POSW_RECEIPT_LOGS_MAX + 1);
    for (size_t i = 0; i < r.log_count; i++) {
        memset(&logs[i], 0, sizeof logs[i]);
        random_bytes(seed, logs[i].address.b, 20);
        logs[i].topic_count = random_below(seed, POSW_LOG_TOPICS_MAX + 1);
        for (size_t k = 0; k < logs[i].topic_count; k++)
            random_bytes(seed, logs[i].topics[k].b, 32);
        logs[i].data_size =
            random_below(seed, 2) == 0 ? random_below(seed, POSW_LOG_DATA_MAX + 1) : random_below(seed, 2);
        random_bytes(seed, logs[i].data, logs[i].data_size);
    }
    return r;
}

static bool decode_exact(posw_receipt *out, posw_event_log logs[POSW_RECEIPT_LOGS_MAX], const uint8_t *in,
                         size_t size) {
    uint8_t *exact = vectors_copy(in, size);
    const bool ok = posw_receipt_decode(out, logs, exact, size);
    free(exact);
    return ok;
}

static void test_round_trip(void **state) {
    (void)state;
    uint64_t seed = 51;
    for (int i = 0; i < 500; i++) {
        posw_event_log logs[POSW_RECEIPT_LOGS_MAX], read[POSW_RECEIPT_LOGS_MAX];
        const posw_receipt r = random_receipt(&seed, logs);
        posw_receipt d;
        posw_buf b = {0};
        posw_receipt_encode(&b, &r);
        assert_int_equal(b.data[0] < 0xc0 ? b.data[0] : 0, r.type);
        assert_true(decode_exact(&d, read, b.data, b.size));
        assert_true(d.type == r.type && d.success == r.success && d.cumulative_gas_used == r.cumulative_gas_used);
        assert_int_equal(d.log_count, r.log_count);
        assert_ptr_equal(d.logs, read);
        if (r.log_count > 0) assert_memory_equal(read, logs, r.log_count * sizeof *logs);
        for (size_t n = 0; n < b.size; n += 1 + n / 32)
            assert_false(decode_exact(&d, read, b.data, n));
        posw_buf_byte(&b, 0x80);
        assert_false(decode_exact(&d, read, b.data, b.size));
        posw_buf_clear(&b);
    }
}

static void test_mutated(void **state) {
    (void)state;
    uint64_t seed = 52;
    size_t accepted = 0, refused = 0;
    for (int i = 0; i < 500; i++) {
        posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
        posw_receipt r = random_receipt(&seed, logs);
        posw_buf b = {0}, again = {0};
        posw_receipt_encode(&b, &r);
        for (int k = 0; k < 40; k++) {
            const size_t at = random_below(&seed, 3) == 0 ? random_below(&seed, b.size) : random_below(&seed, 16);
            const uint8_t before = b.data[at];
            b.data[at] = (uint8_t)random_next(&seed);
            if (decode_exact(&r, logs, b.data, b.size)) {
                posw_buf_reset(&again);
                posw_receipt_encode(&again, &r);
                assert_int_equal(again.size, b.size);
                assert_memory_equal(again.data, b.data, b.size);
                accepted++;
            } else {
                refused++;
            }
            b.data[at] = before;
        }
        posw_buf_clear(&b);
        posw_buf_clear(&again);
    }
    assert_true(accepted > 500 && refused > 500);
}

/* ---- limits and form ---- */

/* A receipt whose logs are counted by the caller, with or without going over the limits; the bloom is right. */
static bool decodes_topics(uint64_t status, size_t log_count, size_t topic_count, size_t topic_size, size_t data_size,
                           int wrong_bloom) {
    static const uint8_t zeros[300];
    uint8_t bloom[POSW_BLOOM_SIZE] = {0};
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
    posw_receipt r;
    posw_buf b = {0};
    if (log_count > 0) posw_bloom_add(bloom, zeros, 20);
    if (log_count > 0 && topic_count > 0) posw_bloom_add(bloom, zeros, 32);
    bloom[7] ^= (uint8_t)wrong_bloom;
    const size_t mark = posw_rlp_list_begin(&b);
    posw_rlp_append_u64(&b, status);
    posw_rlp_append_u64(&b, 21000);
    posw_rlp_append_bytes(&b, bloom, sizeof bloom);
    const size_t list = posw_rlp_list_begin(&b);
    for (size_t i = 0; i < log_count; i++) {
        const size_t log = posw_rlp_list_begin(&b);
        posw_rlp_append_bytes(&b, zeros, 20);
        const size_t topics = posw_rlp_list_begin(&b);
        for (size_t k = 0; k < topic_count; k++)
            posw_rlp_append_bytes(&b, zeros, topic_size);
        posw_rlp_list_end(&b, topics);
        posw_rlp_append_bytes(&b, zeros, data_size);
        posw_rlp_list_end(&b, log);
    }
    posw_rlp_list_end(&b, list);
    posw_rlp_list_end(&b, mark);
    const bool ok = decode_exact(&r, logs, b.data, b.size);
    posw_buf_clear(&b);
    return ok;
}

static bool decodes(uint64_t status, size_t log_count, size_t topic_count, size_t data_size, int wrong_bloom) {
    return decodes_topics(status, log_count, topic_count, 32, data_size, wrong_bloom);
}

static void test_limits(void **state) {
    (void)state;
    assert_true(decodes(1, 0, 0, 0, 0));
    assert_true(decodes(0, 0, 0, 0, 0));
    assert_false(decodes(2, 0, 0, 0, 0));
    assert_false(decodes(256, 0, 0, 0, 0));
    assert_true(decodes(1, POSW_RECEIPT_LOGS_MAX, POSW_LOG_TOPICS_MAX, POSW_LOG_DATA_MAX, 0));
    assert_false(decodes(1, POSW_RECEIPT_LOGS_MAX + 1, 0, 0, 0));
    assert_false(decodes(1, 1, POSW_LOG_TOPICS_MAX + 1, 0, 0));
    assert_false(decodes(1, 1, 0, POSW_LOG_DATA_MAX + 1, 0));
    assert_false(decodes(1, 0, 0, 0, 1)); /* a bloom bit too many */
    assert_false(decodes(1, 1, 1, 0, 1));
    assert_true(decodes_topics(1, 1, 1, 32, 0, 0));
    assert_false(decodes_topics(1, 1, 1, 31, 0, 0));
    assert_false(decodes_topics(1, 1, 1, 33, 0, 0));
}

static void test_form(void **state) {
    (void)state;
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
    posw_receipt r = {.type = POSW_TX_LEGACY, .success = true}, untouched;
    posw_buf b = {0}, old = {0};
    posw_receipt_encode(&b, &r);
    assert_int_equal(b.size, 3 + 1 + 1 + 259 + 1);
    untouched = r;
    assert_false(posw_receipt_decode(&r, logs, NULL, 0));
    for (unsigned type = 0; type < 256; type++) { /* the same behind a type byte */
        old.size = 0;
        posw_buf_byte(&old, (uint8_t)type);
        posw_buf_append(&old, b.data, b.size);
        r = untouched;
        const bool ok = decode_exact(&r, logs, old.data, old.size);
        assert_true(ok == (type == 1 || type == 2));
        assert_int_equal(r.type, ok ? type : 0);
    }
    posw_rlp in = posw_rlp_reader(b.data, b.size), fields = posw_rlp_list(&in);
    /* A fifth field. */
    posw_buf_reset(&old);
    size_t mark = posw_rlp_list_begin(&old);
    posw_buf_append(&old, fields.p, (size_t)(fields.end - fields.p));
    posw_rlp_append_u64(&old, 0);
    posw_rlp_list_end(&old, mark);
    assert_false(decode_exact(&r, logs, old.data, old.size));
    /* Before EIP-658 a receipt had a state root where the status is now. */
    posw_buf_reset(&old);
    mark = posw_rlp_list_begin(&old);
    (void)posw_rlp_raw(&fields);
    posw_rlp_append_bytes(&old, POSW_KECCAK_EMPTY.b, 32);
    posw_buf_append(&old, fields.p, (size_t)(fields.end - fields.p));
    posw_rlp_list_end(&old, mark);
    assert_false(decode_exact(&r, logs, old.data, old.size));
    posw_buf_clear(&b);
    posw_buf_clear(&old);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bloom_of_real_block),
        cmocka_unit_test(test_published_receipt),
        cmocka_unit_test(test_bloom),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_mutated),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
