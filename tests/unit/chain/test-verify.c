/* posw_chain_verify finds every kind of damage and names the block; a damaged store is refused at open where it shows.
 */
#include "harness.h"

typedef struct {
    posw_chain_spec spec;
    h_node a;
} world;

static int setup(void **state) {
    world *w = calloc(1, sizeof *w);
    h_spec(&w->spec);
    h_open(&w->a, &w->spec);
    h_plan plan = {.miner = 1, .tx_count = 1, .txs = {h_stake(1, 0, 1, 20)}};
    h_block b = h_extend(w->a.chain, &plan);
    h_block_clear(&b);
    h_grow(w->a.chain, 2 * H_EPOCH);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world *w = *state;
    h_close(&w->a);
    posw_chain_spec_clear(&w->spec);
    free(w);
    return 0;
}

static void expect_damage(world *w, const char *block, const char *what) {
    posw_message msg = {{0}};
    assert_int_equal(posw_chain_verify(w->a.chain, NULL, NULL, &msg), POSW_ECORRUPT);
    if (strstr(msg.text, block) == NULL || strstr(msg.text, what) == NULL || strstr(msg.text, "restore") == NULL)
        fail_msg("%s", msg.text);
}

/* Changes a byte of a row, counted from the end when negative. */
static void flip(world *w, enum posw_table t, const void *key, size_t key_size, int at) {
    const posw_store_ops *ops = w->a.store->ops;
    posw_bytes value;
    uint8_t copy[1024];
    ok(ops->get(w->a.store, t, key, key_size, &value));
    assert_true(value.size <= sizeof copy);
    memcpy(copy, value.data, value.size);
    copy[at < 0 ? (int)value.size + at : at] ^= 1;
    const size_t size = value.size;
    ok(ops->begin(w->a.store));
    ok(ops->put(w->a.store, t, key, key_size, copy, size));
    ok(ops->commit(w->a.store));
}

static void drop(world *w, enum posw_table t, const void *key, size_t key_size) {
    ok(w->a.store->ops->begin(w->a.store));
    ok(w->a.store->ops->del(w->a.store, t, key, key_size));
    ok(w->a.store->ops->commit(w->a.store));
}

static posw_hash hash_at(world *w, uint64_t number) {
    posw_hash h;
    ok(posw_chain_hash_by_number(w->a.chain, &h, number));
    return h;
}

static void headers(void **state) {
    world *w = *state;
    const posw_hash h = hash_at(w, 7);
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, -1); /* base fee */
    expect_damage(w, "block 7:", "hash");
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, -1);
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, 31); /* weight */
    expect_damage(w, "block 7:", "weight");
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, 31);
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, 39); /* position of the body */
    expect_damage(w, "block 7:", "body");
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, 39);
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, 47); /* position of the results */
    expect_damage(w, "block 7:", "");
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, 47);
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, 51); /* size */
    expect_damage(w, "block 7:", "size");
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, 51);
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, 52); /* executed */
    expect_damage(w, "block 7:", "results");
    flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, 52);
    h_verify(w->a.chain);
    drop(w, POSW_TABLE_HEADERS, h.b, sizeof h.b);
    expect_damage(w, "block 7:", "missing");
}

static void main_chain(void **state) {
    world *w = *state;
    uint8_t key[8];
    posw_store_be64(key, 4);
    flip(w, POSW_TABLE_MAIN, key, sizeof key, 5);
    expect_damage(w, "block 4:", "missing");
    drop(w, POSW_TABLE_MAIN, key, sizeof key);
    expect_damage(w, "block 4:", "missing");
}

static void transactions(void **state) {
    world *w = *state;
    posw_block block;
    posw_hash hash;
    h_block b = h_copy(w->a.chain, 9);
    ok(posw_block_decode(&block, NULL, b.bytes.data, b.bytes.size));
    posw_tx_hash(&hash, &block.txs[0]);
    flip(w, POSW_TABLE_TXS, hash.b, sizeof hash.b, 7);
    expect_damage(w, "block 9:", "index");
    drop(w, POSW_TABLE_TXS, hash.b, sizeof hash.b);
    expect_damage(w, "block 9:", "missing in the index");
    posw_block_clear(&block);
    h_block_clear(&b);
}

static void stake_tables(void **state) {
    world *w = *state;
    uint8_t key[8];
    posw_store_be64(key, 2); /* in force from block 16 */
    flip(w, POSW_TABLE_EPOCHS, key, sizeof key, -1);
    expect_damage(w, "block 16:", "stake table");
    flip(w, POSW_TABLE_EPOCHS, key, sizeof key, -1);
    /* taken, and not yet in force */
    posw_store_be64(key, 3);
    flip(w, POSW_TABLE_EPOCHS, key, sizeof key, -1);
    expect_damage(w, "block 26:", "stake table");
    flip(w, POSW_TABLE_EPOCHS, key, sizeof key, -1);
    h_verify(w->a.chain);
    h_grow(w->a.chain, 6); /* in force from the next block on */
    flip(w, POSW_TABLE_EPOCHS, key, sizeof key, -1);
    expect_damage(w, "block 24:", "stake table");
    flip(w, POSW_TABLE_EPOCHS, key, sizeof key, -1);
    posw_store_be64(key, 2);
    drop(w, POSW_TABLE_EPOCHS, key, sizeof key);
    expect_damage(w, "block 16:", "stake table");
}

typedef struct {
    uint8_t key[128];
    size_t key_size, skip;
} nth_row;

static int find_row(void *arg, posw_bytes key, posw_bytes value) {
    nth_row *n = arg;
    (void)value;
    if (n->skip-- > 0) return 0;
    memcpy(n->key, key.data, key.size);
    n->key_size = key.size;
    return 1;
}

/* Each trie node in turn. */
static void state_nodes(void **state) {
    world *w = *state;
    size_t count = 0;
    for (;; count++) {
        nth_row row = {.skip = count};
        const int rc = w->a.store->ops->walk(w->a.store, POSW_TABLE_TRIE, NULL, 0, find_row, &row);
        if (rc == 0) break;
        flip(w, POSW_TABLE_TRIE, row.key, row.key_size, -1);
        expect_damage(w, "block 17:", "state");
        flip(w, POSW_TABLE_TRIE, row.key, row.key_size, -1);
    }
    assert_true(count > 20);
    h_verify(w->a.chain);
}

static int stop_at(void *arg, uint64_t number, uint64_t tip) {
    assert_true(number <= tip);
    ++*(unsigned *)arg;
    return number == tip;
}

static void progress(void **state) {
    world *w = *state;
    unsigned calls = 0;
    assert_int_equal(posw_chain_verify(w->a.chain, stop_at, &calls, NULL), POSW_ECANCELED);
    assert_int_equal(calls, 2);
}

/* ---- opening ---- */

static void expect_refused(world *w, int code, const char *what) {
    const posw_chain_options o = h_options(&w->spec, w->a.store);
    posw_message msg = {{0}};
    posw_chain *c;
    assert_int_equal(posw_chain_open(&c, &o, &msg), code);
    if (strstr(msg.text, what) == NULL) fail_msg("%s", msg.text);
}

/* What memory is filled from at the start must be what it was: the ticket window relies on it. */
static void opening_damaged_rows(void **state) {
    world *w = *state;
    const posw_hash h = hash_at(w, 9);
    for (int at = -1; at > -100; at--) {
        flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, at);
        expect_refused(w, POSW_ECORRUPT, "damaged");
        flip(w, POSW_TABLE_HEADERS, h.b, sizeof h.b, at);
    }
    const posw_hash genesis = hash_at(w, 0);
    drop(w, POSW_TABLE_META, "chain.genesis", 13); /* must not look like an empty store */
    expect_refused(w, POSW_ECORRUPT, "damaged");
    ok(w->a.store->ops->begin(w->a.store));
    ok(w->a.store->ops->put(w->a.store, POSW_TABLE_META, "chain.genesis", 13, genesis.b, sizeof genesis.b));
    ok(w->a.store->ops->commit(w->a.store));
    h_verify(w->a.chain);
}

static void opening_a_damaged_store(void **state) {
    world *w = *state;
    const posw_hash tip = posw_chain_tip_hash(w->a.chain);
    flip(w, POSW_TABLE_META, "chain.format", 12, 7);
    expect_refused(w, POSW_EUNSUPPORTED, "format");
    flip(w, POSW_TABLE_META, "chain.format", 12, 7);
    flip(w, POSW_TABLE_META, "tip", 3, 0);
    expect_refused(w, POSW_ECORRUPT, "damaged");
    flip(w, POSW_TABLE_META, "tip", 3, 0);
    flip(w, POSW_TABLE_TRIE, "a", 1, -1); /* the root */
    expect_refused(w, POSW_ECORRUPT, "damaged");
    flip(w, POSW_TABLE_TRIE, "a", 1, -1);
    flip(w, POSW_TABLE_META, "chain.genesis", 13, 0); /* the specification's hash still says that it is ours */
    expect_refused(w, POSW_ECORRUPT, "damaged");
    flip(w, POSW_TABLE_META, "chain.genesis", 13, 0);
    const posw_hash side = hash_at(w, 3);
    uint8_t key[36] = "side";
    const uint8_t order[8] = {0};
    memcpy(key + 4, side.b, 32);
    key[35] ^= 1;
    ok(w->a.store->ops->begin(w->a.store));
    ok(w->a.store->ops->put(w->a.store, POSW_TABLE_META, key, sizeof key, order, sizeof order));
    ok(w->a.store->ops->commit(w->a.store));
    expect_refused(w, POSW_ECORRUPT, "damaged");
    drop(w, POSW_TABLE_META, key, sizeof key);
    h_reopen(&w->a);
    assert_true(h_tip_is(w->a.chain, &tip));
}

/* ---- rows that somebody made up, or changed beside what a hash covers ---- */

enum { WEIGHT_SIZE = 32, HEADER_AT = 53 }; /* of a header row: see row.c */

static posw_hash put_header(world *w, const posw_header *h, const posw_u256 *weight) {
    uint8_t row[HEADER_AT + POSW_HEADER_SIZE_MAX] = {0};
    posw_hash hash;
    posw_header_hash(&hash, h);
    posw_u256_to_be(row, weight);
    const size_t size = HEADER_AT + posw_header_encode(row + HEADER_AT, h);
    ok(w->a.store->ops->begin(w->a.store));
    ok(w->a.store->ops->put(w->a.store, POSW_TABLE_HEADERS, hash.b, sizeof hash.b, row, size));
    ok(w->a.store->ops->commit(w->a.store));
    return hash;
}

static void side_key(uint8_t key[36], const posw_hash *hash) {
    memcpy(key, "side", 4);
    memcpy(key + 4, hash->b, sizeof hash->b);
}

static posw_hash put_side(world *w, const posw_header *h, const posw_u256 *weight) {
    const uint8_t order[8] = {0};
    const posw_hash hash = put_header(w, h, weight);
    uint8_t key[36];
    side_key(key, &hash);
    ok(w->a.store->ops->begin(w->a.store));
    ok(w->a.store->ops->put(w->a.store, POSW_TABLE_META, key, sizeof key, order, sizeof order));
    ok(w->a.store->ops->commit(w->a.store));
    return hash;
}

/* Refused with this row, and sound without it. */
static void expect_side_refused(world *w, const posw_header *h, const posw_u256 *weight) {
    const posw_hash hash = put_side(w, h, weight);
    uint8_t key[36];
    side_key(key, &hash);
    expect_refused(w, POSW_ECORRUPT, "damaged");
    drop(w, POSW_TABLE_META, key, sizeof key);
    h_reopen(&w->a);
}

/* Children of `first`, whose weight is given: a wrong number, time, weight or parent. */
static void each_lie(world *w, const posw_header *parent, const posw_u256 *parent_weight) {
    static const uint64_t numbers[] = {0, 1, 100, 1000000, (uint64_t)1 << 58, (uint64_t)1 << 59, UINT64_MAX};
    posw_header h = *parent;
    posw_u256 weight = posw_u256_add_sat(parent_weight, &h.difficulty);
    posw_header_hash(&h.parent_hash, parent);
    h.timestamp++;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(numbers); i++) {
        h.number = numbers[i];
        expect_side_refused(w, &h, &weight);
        expect_side_refused(w, &h, &POSW_U256_MAX);
    }
    h.number = parent->number + 1;
    expect_side_refused(w, &h, &POSW_U256_MAX);
    expect_side_refused(w, &h, parent_weight);
    h.timestamp = parent->timestamp;
    expect_side_refused(w, &h, &weight);
    h.timestamp++;
    h.parent_hash.b[0] ^= 1;
    expect_side_refused(w, &h, &weight);
}

static void made_up_side_blocks(void **state) {
    world *w = *state;
    posw_chain_block_info info;
    ok(posw_chain_block_by_number(w->a.chain, &info, 12));
    each_lie(w, &info.header, &info.weight_total); /* below them the main chain */
    posw_header h = info.header;
    h.parent_hash = info.hash;
    h.number++;
    h.timestamp++;
    const posw_u256 weight = posw_u256_add_sat(&info.weight_total, &h.difficulty);
    const posw_hash first = put_side(w, &h, &weight);
    h_reopen(&w->a);
    each_lie(w, &h, &weight); /* and a block of their own kind */
    /* one that is lost below others */
    const posw_u256 more = posw_u256_add_sat(&weight, &h.difficulty);
    uint8_t key[36];
    h.parent_hash = first;
    h.number++;
    h.timestamp++;
    put_side(w, &h, &more);
    h_reopen(&w->a);
    side_key(key, &first);
    drop(w, POSW_TABLE_META, key, sizeof key);
    expect_refused(w, POSW_ECORRUPT, "damaged");
}

/* No hash covers it, and fork choice goes by it. */
static void a_changed_weight(void **state) {
    world *w = *state;
    const posw_hash tip = posw_chain_tip_hash(w->a.chain);
    for (int at = 0; at < WEIGHT_SIZE; at++) {
        flip(w, POSW_TABLE_HEADERS, tip.b, sizeof tip.b, at);
        expect_refused(w, POSW_ECORRUPT, "damaged");
        flip(w, POSW_TABLE_HEADERS, tip.b, sizeof tip.b, at);
    }
    h_reopen(&w->a);
    assert_true(h_tip_is(w->a.chain, &tip));
}

/* The ticket window takes no block that is older than its parent. */
static void a_made_up_tip(void **state) {
    world *w = *state;
    posw_chain_block_info info, parent;
    uint8_t key[8];
    ok(posw_chain_block_by_number(w->a.chain, &info, posw_chain_tip(w->a.chain)->number));
    ok(posw_chain_block_by_hash(w->a.chain, &parent, &info.header.parent_hash));
    info.header.timestamp = parent.header.timestamp;
    const posw_hash tip = put_header(w, &info.header, &info.weight_total);
    posw_store_be64(key, info.header.number);
    ok(w->a.store->ops->begin(w->a.store));
    ok(w->a.store->ops->put(w->a.store, POSW_TABLE_MAIN, key, sizeof key, tip.b, sizeof tip.b));
    ok(w->a.store->ops->put(w->a.store, POSW_TABLE_META, "tip", 3, tip.b, sizeof tip.b));
    ok(w->a.store->ops->commit(w->a.store));
    expect_refused(w, POSW_ECORRUPT, "damaged");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(headers, setup, teardown),
        cmocka_unit_test_setup_teardown(main_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(transactions, setup, teardown),
        cmocka_unit_test_setup_teardown(stake_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(state_nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(progress, setup, teardown),
        cmocka_unit_test_setup_teardown(opening_damaged_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(opening_a_damaged_store, setup, teardown),
        cmocka_unit_test_setup_teardown(made_up_side_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_weight, setup, teardown),
        cmocka_unit_test_setup_teardown(a_made_up_tip, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
