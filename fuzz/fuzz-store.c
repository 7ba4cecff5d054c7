/* A store that was damaged: changes of its rows and records, then opening the chain on it, checking it, and asking it
 * for everything. Errors are expected; stopping, or reading beyond a row, is not.
 *
 * An input is a list of changes: what (1 byte), which row (2, counted through all tables and logs), where (1), how many
 * bytes follow (1), those bytes. */
#include "world.h"

#include "chain/chain_internal.h"

enum { ROWS_MAX = 600, BLOCKS = 9, CHANGES_MAX = 8 };
enum { CHANGE_XOR, CHANGE_CUT, CHANGE_REPLACE, CHANGE_DELETE, CHANGE_GROW, CHANGE_KINDS };

typedef struct {
    int table; /* of enum posw_table, or TABLE_COUNT + log */
    posw_buf key, value;
} row;

typedef struct {
    row rows[ROWS_MAX];
    size_t count;
    int table; /* that is copied now */
} rows;

static int copy_row(void *arg, posw_bytes key, posw_bytes value) {
    rows *all = arg;
    POSW_ASSERT(all->count < ROWS_MAX);
    row *r = &all->rows[all->count++];
    *r = (row){.table = all->table};
    posw_buf_append(&r->key, key.data, key.size);
    posw_buf_append(&r->value, value.data, value.size);
    return 0;
}

/* Positions of the store in memory are 1, 2, 3, ... in the order of appending. */
static void copy_logs(rows *all, posw_store *s) {
    for (int log = 0; log < POSW_STORE_LOG_COUNT; log++) {
        for (uint64_t pos = 1;; pos++) {
            posw_buf record = {0};
            all->table = POSW_TABLE_COUNT + log;
            if (s->ops->read(s, (enum posw_store_log)log, pos, &record) != POSW_OK) break;
            copy_row(all, (posw_bytes){(const uint8_t *)"", 1}, posw_buf_view(&record));
            posw_buf_clear(&record);
        }
    }
}

static void copy_store(rows *all, posw_store *s) {
    for (all->table = 0; all->table < POSW_TABLE_COUNT; all->table++)
        POSW_ASSERT(s->ops->walk(s, (enum posw_table)all->table, NULL, 0, copy_row, all) == POSW_OK);
    copy_logs(all, s);
}

static void write_row(posw_store *s, const row *r, posw_bytes value) {
    posw_store_pos pos;
    if (r->table >= POSW_TABLE_COUNT) {
        POSW_ASSERT(s->ops->append(s, (enum posw_store_log)(r->table - POSW_TABLE_COUNT), value.data, value.size,
                                   &pos) == POSW_OK);
        return;
    }
    POSW_ASSERT(s->ops->put(s, (enum posw_table)r->table, r->key.data, r->key.size, value.data, value.size) == POSW_OK);
}

/* ---- changes ---- */

typedef struct {
    uint8_t kind, at;
    size_t row;
    posw_bytes bytes;
} change;

static bool next_change(change *c, const uint8_t **p, const uint8_t *end) {
    if (end - *p < 5) return false;
    *c = (change){.kind = (uint8_t)((*p)[0] % CHANGE_KINDS), .at = (*p)[3], .row = (size_t)(*p)[1] << 8 | (*p)[2]};
    const size_t left = (size_t)(end - *p) - 5;
    c->bytes = (posw_bytes){*p + 5, (*p)[4] < left ? (*p)[4] : left};
    *p += 5 + c->bytes.size;
    return true;
}

static void change_value(posw_buf *value, const change *c) {
    const size_t at =
        value->size == 0 ? 0 : (c->at < 128 ? c->at : value->size - (256u - c->at) % (value->size + 1)) % value->size;
    switch (c->kind) {
    case CHANGE_XOR:
        for (size_t i = 0; i < c->bytes.size && at + i < value->size; i++)
            value->data[at + i] ^= c->bytes.data[i];
        return;
    case CHANGE_CUT:
        value->size = at;
        return;
    case CHANGE_REPLACE:
        posw_buf_reset(value);
        break;
    }
    posw_buf_append(value, c->bytes.data, c->bytes.size);
}

static posw_store *damaged_store(const rows *all, const uint8_t *data, size_t size) {
    const uint8_t *p = data, *end = data + size;
    change changes[CHANGES_MAX];
    size_t count = 0;
    while (count < CHANGES_MAX && next_change(&changes[count], &p, end))
        count++;
    posw_store *s = posw_store_memory_new();
    POSW_ASSERT(s != NULL && s->ops->begin(s) == POSW_OK);
    for (size_t i = 0; i < all->count; i++) {
        posw_buf value = {0};
        bool deleted = false;
        posw_buf_append(&value, all->rows[i].value.data, all->rows[i].value.size);
        for (size_t k = 0; k < count; k++) {
            if (changes[k].row % all->count != i) continue;
            deleted = deleted || changes[k].kind == CHANGE_DELETE;
            change_value(&value, &changes[k]);
        }
        const bool is_record = all->rows[i].table >= POSW_TABLE_COUNT;
        if (is_record && value.size == 0)
            posw_buf_byte(&value, 0); /* a record is never empty, and the others keep their places */
        if (!deleted || is_record) write_row(s, &all->rows[i], posw_buf_view(&value));
        posw_buf_clear(&value);
    }
    POSW_ASSERT(s->ops->commit(s) == POSW_OK);
    return s;
}

/* ---- use ---- */

static void ask(posw_chain *c, uint64_t number) {
    posw_chain_block_info info;
    posw_buf block = {0}, receipts = {0}, senders = {0};
    posw_stake_proof proof;
    posw_state *state = NULL;
    const posw_address miner = {{1}};
    if (posw_chain_block_by_number(c, &info, number) == POSW_OK) {
        (void)posw_chain_block_bytes(c, &block, &info.hash);
        (void)posw_chain_block_results(c, &receipts, &senders, &info.hash);
    }
    (void)posw_chain_stake_proof(c, &proof, number, &miner);
    (void)posw_chain_table(c, number);
    if (posw_chain_state_at(c, &state, number) == POSW_OK) {
        posw_staking_totals totals;
        posw_stake_table *table = NULL;
        if (posw_staking_read_totals(state, &totals) == POSW_OK && posw_staking_table(state, &table) == POSW_OK)
            free(table);
        posw_state_free(state);
    }
    posw_buf_clear(&block);
    posw_buf_clear(&receipts);
    posw_buf_clear(&senders);
}

static void import(posw_chain *c, const posw_buf *block) {
    posw_prepared p;
    posw_verdict v;
    posw_chain_change changed;
    POSW_ASSERT(posw_prepare(&p, block->data, block->size, &WORLD_POW, NULL, NULL) == POSW_OK);
    POSW_ASSERT(p.verdict.kind == POSW_VALID);
    (void)posw_chain_import(c, &p, UINT32_MAX, &v, &changed);
    posw_prepared_clear(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static world w;
    static rows all;
    static posw_buf next[2]; /* blocks that follow */
    if (w.chain == NULL) {
        world_open(&w);
        world_grow(&w, BLOCKS);
        copy_store(&all, w.store);
        world_grow(&w, 2);
        for (uint64_t i = 0; i < 2; i++) {
            posw_hash hash;
            POSW_ASSERT(posw_chain_hash_by_number(w.chain, &hash, BLOCKS + 1 + i) == POSW_OK);
            POSW_ASSERT(posw_chain_block_bytes(w.chain, &next[i], &hash) == POSW_OK);
        }
    }
    posw_store *s = damaged_store(&all, data, size);
    const posw_chain_options o = {.spec = &w.spec, .store = s, .pow = &WORLD_POW};
    posw_chain *c;
    posw_message msg = {{0}};
    if (posw_chain_open(&c, &o, &msg) == POSW_OK) {
        (void)posw_chain_verify(c, NULL, NULL, &msg);
        for (uint64_t n = 0; n <= BLOCKS + 1; n++)
            ask(c, n);
        import(c, &next[0]);
        import(c, &next[1]);
        const int closed = posw_chain_close(c);
        POSW_ASSERT(size > 0 || (closed == POSW_OK && msg.text[0] == '\0'));
    } else {
        POSW_ASSERT(size > 0 && msg.text[0] != '\0'); /* a refusal is explained */
    }
    s->ops->close(s);
    return 0;
}
