/* Checking a stored chain from genesis to tip, and its state. Reads only, and trusts nothing: the window is counted
 * anew, tables are decoded with their roots recomputed and compared with what every header says, the state is walked
 * node by node. Blocks that are pruned have headers, and these are checked like all others. */
#include "chain/chain_internal.h"

#include "base/bytes.h"
#include "codec/receipt.h"
#include "codec/rlp.h"
#include "codec/trie.h"
#include "posw/u256.h"
#include "state/staking.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct {
    posw_chain *c;
    posw_message *msg;
    posw_window *window; /* own memory */
    posw_stake_table *table;
    uint64_t table_epoch;
    posw_hash stake_root;
    uint64_t stake_root_epoch;
    posw_header parent;
    posw_hash parent_hash;
    posw_u256 weight;
    posw_buf raw, record, receipts;
} verifier;

static int damaged(const verifier *v, uint64_t number, const char *what) {
    return posw_message_set(v->msg, POSW_ECORRUPT, "block %" PRIu64 ": %s; " POSW_STORE_REMEDY, number, what);
}

/* Operating errors pass; what is missing or cannot be decoded is damage. */
static int judge(const verifier *v, int rc, uint64_t number, const char *what) {
    const bool is_damage = rc == POSW_ENOTFOUND || rc == POSW_ECORRUPT || rc == POSW_EPARSE || rc == POSW_EPRUNED;
    return is_damage ? damaged(v, number, what) : rc;
}

/* ---- the header ---- */

static int load_table(verifier *v, uint64_t number) {
    const posw_params *p = &v->c->spec->params;
    const uint64_t epoch = posw_epoch_of(p, number), key = posw_chain_epoch_key(p, number);
    if (v->table == NULL || v->table_epoch != key) {
        free(v->table);
        v->table = NULL;
        const int rc = posw_chain_table_read(v->c, &v->table, key);
        if (rc != POSW_OK) return judge(v, rc, number, "the stake table in force is missing or damaged");
        v->table_epoch = key;
        v->stake_root_epoch = UINT64_MAX;
    }
    if (v->stake_root_epoch != epoch)
        posw_stake_root(&v->stake_root, epoch, &v->table->supply_wei, &v->table->total_wei, &v->table->tree_root);
    v->stake_root_epoch = epoch;
    return POSW_OK;
}

static int check_pow(verifier *v, const posw_header *h, posw_verdict *verdict) {
    posw_chain *c = v->c;
    posw_hash key;
    bool ok;
    const int rc = posw_chain_key_after(c, &key, &v->parent_hash, v->parent.number);
    if (rc != POSW_OK) return rc;
    if (c->pow_scratch == NULL && c->pow->scratch_new != NULL && (c->pow_scratch = c->pow->scratch_new()) == NULL)
        return POSW_ENOMEM;
    *verdict = posw_seal_check_pow(&ok, h, c->pow, c->pow_scratch, &key);
    return ok ? POSW_OK : POSW_ENOMEM;
}

static int check_header(verifier *v, const posw_header *h) {
    int rc = load_table(v, h->number);
    if (rc != POSW_OK) return rc;
    const posw_check_context context = {.params = &v->c->spec->params,
                                        .parent = &v->parent,
                                        .parent_hash = &v->parent_hash,
                                        .window = v->window,
                                        .stake_root = &v->stake_root};
    posw_verdict verdict = posw_check_header_fields(&context, h);
    if (verdict.kind == POSW_VALID)
        verdict = posw_check_header_seal(&context, h, posw_stake_table_find(v->table, &h->beneficiary),
                                         &v->table->supply_wei);
    if (verdict.kind == POSW_VALID) rc = check_pow(v, h, &verdict);
    if (rc != POSW_OK) return judge(v, rc, h->number, "the proof-of-work key is missing");
    return verdict.kind == POSW_VALID ? POSW_OK : damaged(v, h->number, posw_rule_text(verdict.rule));
}

/* ---- the body ---- */

static int check_txs(const verifier *v, const posw_block *b) {
    const uint64_t number = b->header.number;
    posw_bytes *raw = malloc((b->tx_count + 1) * sizeof *raw);
    if (raw == NULL) return POSW_ENOMEM;
    int rc = POSW_OK;
    for (size_t i = 0; rc == POSW_OK && i < b->tx_count; i++) {
        posw_hash hash;
        uint64_t at;
        uint32_t index;
        raw[i] = b->txs[i].raw;
        posw_tx_hash(&hash, &b->txs[i]);
        rc = judge(v, posw_chain_find_tx(v->c, &at, &index, &hash), number, "a transaction is missing in the index");
        if (rc == POSW_OK && (at != number || index != i))
            rc = damaged(v, number, "the index puts a transaction elsewhere");
    }
    posw_hash root;
    if (rc == POSW_OK) rc = posw_trie_list_root(&root, raw, b->tx_count);
    free(raw);
    if (rc != POSW_OK) return rc;
    return posw_hash_equal(&root, &b->header.transactions_root) ? POSW_OK
                                                                : damaged(v, number, posw_rule_text(POSW_RULE_TX_ROOT));
}

/* Bloom and gas of the receipts against the header. */
static int check_receipts(const verifier *v, const posw_header *h, const posw_bytes *items, size_t count) {
    uint8_t bloom[POSW_BLOOM_SIZE] = {0}, one[POSW_BLOOM_SIZE];
    uint64_t gas_used = 0;
    posw_hash root;
    for (size_t i = 0; i < count; i++) {
        posw_receipt receipt;
        posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
        if (!posw_receipt_decode(&receipt, logs, items[i].data, items[i].size))
            return damaged(v, h->number, "a receipt is malformed");
        posw_receipt_bloom(one, &receipt);
        for (size_t k = 0; k < sizeof bloom; k++)
            bloom[k] |= one[k];
        gas_used = receipt.cumulative_gas_used;
    }
    const int rc = posw_trie_list_root(&root, items, count);
    if (rc != POSW_OK) return rc;
    if (!posw_hash_equal(&root, &h->receipts_root))
        return damaged(v, h->number, posw_rule_text(POSW_RULE_RECEIPTS_ROOT));
    if (memcmp(bloom, h->logs_bloom, sizeof bloom) != 0) return damaged(v, h->number, posw_rule_text(POSW_RULE_BLOOM));
    return gas_used == h->gas_used ? POSW_OK : damaged(v, h->number, posw_rule_text(POSW_RULE_GAS_USED));
}

static int check_results(verifier *v, const posw_chain_row *row, const posw_block *b) {
    const uint64_t number = b->header.number;
    posw_chain_record record;
    posw_buf_reset(&v->record);
    posw_buf_reset(&v->receipts);
    if ((row->flags & POSW_CHAIN_ROW_EXECUTED) == 0) return damaged(v, number, "its results are missing");
    int rc = v->c->store->ops->read(v->c->store, POSW_LOG_EXEC, row->exec_pos, &v->record);
    if (rc != POSW_OK) return judge(v, rc, number, "its results are missing or damaged");
    if (!posw_chain_record_decode(&record, posw_buf_view(&v->record), number) ||
        !posw_chain_receipts_unpack(&v->receipts, record.receipts) ||
        record.senders.size != b->tx_count * sizeof(posw_address))
        return damaged(v, number, "its results are damaged");
    posw_bytes *items = malloc((b->tx_count + 1) * sizeof *items);
    if (items == NULL || v->receipts.failed) {
        free(items);
        return POSW_ENOMEM;
    }
    for (size_t i = 0; rc == POSW_OK && i < b->tx_count; i++)
        if (!posw_receipts_at(&items[i], posw_buf_view(&v->receipts), i))
            rc = damaged(v, number, "a receipt is missing");
    if (rc == POSW_OK) rc = check_receipts(v, &b->header, items, b->tx_count);
    free(items);
    return rc;
}

/* ---- a block ---- */

static int check_links(verifier *v, const posw_chain_row *row, const posw_hash *hash) {
    const posw_header *h = &row->header;
    if (h->number == 0 && !posw_hash_equal(hash, &v->c->genesis_hash))
        return damaged(v, 0, "it is not the genesis of this chain");
    v->weight = h->number == 0 ? h->difficulty : posw_u256_add_sat(&v->weight, &h->difficulty);
    if (!posw_u256_equal(&v->weight, &row->weight)) return damaged(v, h->number, "its chain weight is wrong");
    return h->number == 0 ? POSW_OK : check_header(v, h);
}

static int check_body(verifier *v, const posw_chain_row *row, const posw_hash *hash) {
    const uint64_t number = row->header.number;
    posw_block block = {0};
    int rc =
        judge(v, posw_chain_block_load(v->c, &block, &v->raw, row, hash), number, "its body is missing or damaged");
    if (rc == POSW_OK && block.raw.size != row->size) rc = damaged(v, number, "its size in the index is wrong");
    if (rc == POSW_OK) rc = check_txs(v, &block);
    if (rc == POSW_OK) rc = check_results(v, row, &block);
    posw_block_clear(&block);
    return rc;
}

static int check_block(verifier *v, uint64_t number) {
    posw_chain_row row;
    posw_hash hash;
    int rc = judge(v, posw_chain_main_row(v->c, &row, &hash, number), number,
                   "it is missing in the index, or its header does not have its hash");
    if (rc == POSW_OK) rc = check_links(v, &row, &hash);
    if (rc == POSW_OK && number >= v->c->first_body) rc = check_body(v, &row, &hash);
    if (rc != POSW_OK) return rc;
    const posw_window_entry entry = posw_chain_entry_of(&row.header);
    posw_window_push(v->window, &entry);
    v->parent = row.header;
    v->parent_hash = hash;
    return POSW_OK;
}

/* ---- at the tip ---- */

static int check_window(const verifier *v) {
    const posw_chain *c = v->c;
    const uint64_t kept = posw_window_count(v->window), window_blocks = c->spec->params.window_blocks;
    if (!posw_hash_equal(&v->parent_hash, &c->tip_hash)) return damaged(v, c->tip.number, "it is not the stored tip");
    bool equal = posw_window_mtp(v->window) == posw_window_mtp(c->window);
    for (uint64_t i = 0; i < kept && i < window_blocks; i++) {
        const posw_window_entry e = posw_window_at(v->window, i);
        if (posw_window_used(v->window, &e.miner) != posw_window_used(c->window, &e.miner)) equal = false;
    }
    return equal ? POSW_OK : damaged(v, c->tip.number, "the ticket window in memory differs");
}

/* Those of the next block and of the epoch after that, which no header speaks of yet (E1): a damaged one would end the
 * node when its time comes. */
static int check_tables_ahead(verifier *v) {
    const uint64_t next = v->c->tip.number + 1;
    const int rc = load_table(v, next);
    return rc != POSW_OK ? rc : load_table(v, next + v->c->spec->params.epoch_blocks);
}

typedef struct {
    posw_u256 balances;
    bool malformed;
} account_sum;

static int sum_account(void *arg, const uint8_t *key, size_t key_size, posw_bytes value) {
    account_sum *sum = arg;
    (void)key;
    (void)key_size;
    posw_rlp outer = posw_rlp_reader(value.data, value.size), account = posw_rlp_list(&outer);
    posw_rlp_u64(&account);
    const posw_u256 balance = posw_rlp_u256(&account);
    if (account.failed || !posw_u256_add(&sum->balances, &sum->balances, &balance)) sum->malformed = true;
    return 0;
}

static int ignore_word(void *arg, const uint8_t *key, size_t key_size, posw_bytes value) {
    (void)arg, (void)key, (void)key_size, (void)value;
    return 0;
}

static int walk_storage(const verifier *v, posw_state *s) {
    posw_account contract;
    int rc = posw_state_account(s, &contract, &POSW_STAKING_ADDRESS);
    if (rc != POSW_OK) return rc;
    posw_trie *storage = posw_trie_new(&contract.storage_root, &v->c->source.storage);
    if (storage == NULL) return POSW_ENOMEM;
    rc = posw_trie_walk(storage, ignore_word, NULL);
    posw_trie_free(storage);
    return rc;
}

/* A state of its own, so that every node comes from the store. S9: the supply is the sum of all balances. */
static int check_state(const verifier *v) {
    const posw_header *tip = &v->c->tip;
    account_sum sum = {.balances = POSW_U256_ZERO};
    posw_staking_totals totals;
    posw_state *s;
    int rc = posw_state_open(&s, &tip->state_root, &v->c->source);
    if (rc != POSW_OK) return judge(v, rc, tip->number, "the root of its state is missing or damaged");
    rc = posw_state_walk_accounts(s, sum_account, &sum);
    if (rc == POSW_OK) rc = walk_storage(v, s);
    if (rc == POSW_OK) rc = posw_staking_read_totals(s, &totals);
    posw_state_free(s);
    if (rc != POSW_OK) return judge(v, rc, tip->number, "a node of its state is missing or damaged");
    if (sum.malformed) return damaged(v, tip->number, "an account of its state is malformed");
    return posw_u256_equal(&sum.balances, &totals.supply_wei)
               ? POSW_OK
               : damaged(v, tip->number, "the balances do not add up to the supply");
}

/* ---- the whole ---- */

static int verify(verifier *v, int (*progress)(void *arg, uint64_t number, uint64_t tip), void *arg) {
    enum { PROGRESS_BLOCKS = 64 };
    const uint64_t tip = v->c->tip.number;
    for (uint64_t n = 0; n <= tip; n++) {
        const int rc = check_block(v, n);
        if (rc != POSW_OK) return rc;
        const bool tell = progress != NULL && (n % PROGRESS_BLOCKS == 0 || n == tip);
        if (tell && progress(arg, n, tip) != 0) return POSW_ECANCELED;
    }
    int rc = check_window(v);
    if (rc == POSW_OK) rc = check_tables_ahead(v);
    return rc != POSW_OK ? rc : check_state(v);
}

int posw_chain_verify(posw_chain *c, int (*progress)(void *arg, uint64_t number, uint64_t tip), void *arg,
                      posw_message *msg) {
    const posw_params *p = &c->spec->params;
    int rc = posw_chain_flush(c); /* so that the store holds the tip's state */
    if (rc != POSW_OK) return rc;
    void *memory = aligned_alloc(16, c->window_size);
    if (memory == NULL) return POSW_ENOMEM;
    verifier v = {.c = c, .msg = msg};
    v.window = posw_window_init(memory, p->window_blocks, p->reorg_max_blocks, 2 * p->window_blocks * p->block_time_s);
    rc = verify(&v, progress, arg);
    free(v.table);
    posw_buf_clear(&v.raw);
    posw_buf_clear(&v.record);
    posw_buf_clear(&v.receipts);
    free(memory);
    return rc;
}
