/* Lack of memory: every operation of the codecs with each of its allocations failing in turn, alone and with all that
 * follow. It says so, writes nothing, keeps what was there, and leaks nothing. */
#include "base/random.h"
#include "codec/abi.h"
#include "codec/block.h"
#include "codec/receipt.h"
#include "codec/trie_node.h"
#include "faults.h"
#include "posw/u256.h"
#include "trie_model.h"
#include "vectors.h"

/* Runs `attempt` until none of its allocations fails; it reports success exactly then. Returns how many failed. */
static size_t each_allocation(bool (*attempt)(void *arg), void *arg) {
    static const size_t counts[] = {1, SIZE_MAX};
    size_t failures = 0;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(counts); i++) {
        for (size_t n = 0;; n++) {
            const size_t live = faults_live();
            faults_on(n, counts[i]);
            const bool done = attempt(arg);
            const size_t failed = faults_off();
            assert_int_equal(faults_live(), live);
            assert_int_equal(done, failed == 0);
            if (done) break;
            failures++;
        }
    }
    return failures;
}

/* ---- writing to a buffer: the error sticks, and what was there before stays ---- */

typedef struct {
    void (*write)(posw_buf *out);
    size_t before; /* bytes in the buffer */
} writer;

static bool try_writer(void *arg) {
    const writer *w = arg;
    uint8_t first[100];
    posw_buf b = {0};
    memset(first, 7, sizeof first);
    posw_buf_append(&b, first, w->before);
    const bool begun = !b.failed;
    w->write(&b);
    const bool ok = !b.failed;
    if (begun) assert_memory_equal(b.data, first, w->before);
    posw_buf_clear(&b);
    return ok;
}

/* The capacity grows in powers of two, so that other starts meet other ends. */
static void check_writer(void (*write)(posw_buf *out)) {
    size_t failures = 0;
    for (size_t before = 1; before <= 100; before += 9)
        failures += each_allocation(try_writer, &(writer){write, before});
    assert_true(failures > 20);
}

static void write_rlp(posw_buf *out) {
    const posw_u256 wide = POSW_U256_MAX;
    uint8_t bytes[60] = {1};
    const size_t mark = posw_rlp_list_begin(out);
    posw_rlp_append_bytes(out, bytes, sizeof bytes);
    posw_rlp_append_u256(out, &wide);
    posw_rlp_append_list(out, 9);
    posw_rlp_append_u64(out, UINT64_MAX);
    posw_rlp_list_end(out, mark);
}

/* One kind at a time, so that each meets the end of the memory. */
static void write_u64s(posw_buf *out) {
    for (int i = 0; i < 40; i++)
        posw_rlp_append_u64(out, UINT64_MAX);
}
static void write_u256s(posw_buf *out) {
    const posw_u256 wide = POSW_U256_MAX;
    for (int i = 0; i < 10; i++)
        posw_rlp_append_u256(out, &wide);
}
static void write_prefixes(posw_buf *out) {
    for (int i = 0; i < 300; i++)
        posw_rlp_append_list(out, 1);
}
static void write_nested(posw_buf *out) {
    size_t marks[100];
    for (size_t i = 0; i < POSW_ARRAY_SIZE(marks); i++)
        marks[i] = posw_rlp_list_begin(out);
    for (size_t i = POSW_ARRAY_SIZE(marks); i-- > 0;)
        posw_rlp_list_end(out, marks[i]);
}

static void write_abi(posw_buf *out) {
    const posw_u256 words[2] = {POSW_U256_ONE, POSW_U256_MAX};
    posw_abi_append_selector(out, "stake(address)");
    posw_abi_append_address(out, &(posw_address){{1}});
    posw_abi_append_two_arrays(out, words, words, 2);
    posw_abi_append_revert(out, "no such stake");
}

static void write_receipt(posw_buf *out) {
    posw_event_log logs[2] = {{.topic_count = 4, .data_size = 256}, {.topic_count = 1, .data_size = 32}};
    const posw_receipt r = {.type = POSW_TX_DYNAMIC_FEE, .success = true, .log_count = 2, .logs = logs};
    posw_receipt_encode(out, &r);
}

static const posw_tx TX = {.type = POSW_TX_DYNAMIC_FEE,
                           .is_protected = true,
                           .chain_id = 5,
                           .has_to = true,
                           .signature = {{[31] = 1, [63] = 1}}};

static void write_tx(posw_buf *out) {
    posw_tx_encode(out, &TX);
}

static void write_block(posw_buf *out) {
    const posw_header h = {.number = 1};
    const posw_bytes txs[] = {posw_bytes_of("\x02\xc0", 2), posw_bytes_of("\xc0", 1)};
    posw_block_encode(out, &h, txs, POSW_ARRAY_SIZE(txs));
}

static void test_writers(void **state) {
    (void)state;
    check_writer(write_rlp);
    check_writer(write_u64s);
    check_writer(write_u256s);
    check_writer(write_prefixes);
    check_writer(write_nested);
    check_writer(write_abi);
    check_writer(write_receipt);
    check_writer(write_tx);
    check_writer(write_block);
}

static bool try_sign(void *arg) {
    const uint8_t secret[32] = {[31] = 1};
    (void)arg;
    posw_buf b = {0};
    const bool ok = posw_tx_sign(&b, &TX, secret);
    assert_int_equal(ok, !b.failed);
    posw_buf_clear(&b);
    return ok;
}

static void test_sign(void **state) {
    (void)state;
    assert_true(each_allocation(try_sign, NULL) > 0);
}

/* ---- blocks ---- */

static bool try_decode(void *arg) {
    const posw_bytes *raw = arg;
    posw_block block, untouched;
    int rule = -1;
    memset(&block, 0x5a, sizeof block);
    memset(&untouched, 0x5a, sizeof untouched);
    const int rc = posw_block_decode(&block, &rule, raw->data, raw->size);
    if (rc == POSW_OK) {
        assert_true(block.tx_count > 0);
        posw_block_clear(&block);
        return true;
    }
    assert_int_equal(rc, POSW_ENOMEM); /* and no verdict */
    assert_int_equal(rule, -1);
    assert_memory_equal(&block, &untouched, sizeof block);
    return false;
}

static void test_decode_block(void **state) {
    (void)state;
    posw_buf file = vectors_file("chain/london.rlp");
    posw_rlp r = posw_rlp_reader(file.data, file.size);
    size_t failures = 0;
    while (posw_rlp_more(&r)) {
        posw_bytes raw = posw_rlp_raw(&r);
        posw_block block;
        if (posw_block_decode(&block, NULL, raw.data, raw.size) != POSW_OK) continue;
        const bool has_txs = block.tx_count > 0;
        posw_block_clear(&block);
        if (has_txs) failures += each_allocation(try_decode, &raw);
    }
    assert_true(failures > 5);
    posw_buf_clear(&file);
}

/* ---- tries ---- */

static bool try_new(void *arg) {
    const posw_hash *root = arg;
    posw_trie *t = posw_trie_new(root, NULL);
    if (t == NULL) return false;
    posw_trie *copy = posw_trie_copy(t);
    posw_trie_free(t);
    if (copy == NULL) return false;
    posw_trie_free(copy);
    return true;
}

typedef struct {
    posw_bytes items[1200];
    uint8_t bytes[700];
    posw_hash root;
} list;

static bool try_list_root(void *arg) {
    const list *l = arg;
    posw_hash root = {{9}}, untouched = root;
    const int rc = posw_trie_list_root(&root, l->items, POSW_ARRAY_SIZE(l->items));
    assert_true(rc == POSW_OK || rc == POSW_ENOMEM);
    assert_true(posw_hash_equal(&root, rc == POSW_OK ? &l->root : &untouched));
    return rc == POSW_OK;
}

static void test_new_and_lists(void **state) {
    (void)state;
    posw_hash root = POSW_TRIE_EMPTY_ROOT;
    /* The pool, and memory for both versions: of one slab. */
    assert_int_equal(each_allocation(try_new, &root), POSW_CHUNKS_USED ? 4 : 6);
    list l;
    uint64_t random = 1;
    random_bytes(&random, l.bytes, sizeof l.bytes);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(l.items); i++)
        l.items[i] = posw_bytes_of(l.bytes, i % 60 == 0 ? sizeof l.bytes : 1 + i % 100);
    assert_int_equal(posw_trie_list_root(&l.root, l.items, POSW_ARRAY_SIZE(l.items)), POSW_OK);
    assert_true(each_allocation(try_list_root, &l) > 5);
}

static store the_store;
static const posw_trie_source source = {store_load, &the_store};

/* A stored trie of some keys, opened with nothing of it in memory. */
static posw_trie *stored_trie(model *m, enum key_kind kind, int count) {
    uint64_t random = 71;
    store_init(&the_store);
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, &source);
    for (int i = 0; i < count; i++)
        random_change(&random, kind, 0, t, m);
    assert_int_equal(store_commit(&the_store, t, NULL), POSW_OK);
    const posw_hash root = root_of(t);
    posw_trie_free(t);
    return new_trie(&root, &source);
}

typedef struct {
    posw_trie *t;
    const model *m;
    size_t at;
    posw_buf proof;
    size_t sizes[POSW_TRIE_LEVELS_MAX], nodes;
} reader;

static int collect_node(void *arg, const uint8_t *rlp, size_t size) {
    reader *r = arg;
    posw_buf_append(&r->proof, rlp, size);
    if (r->proof.failed) return POSW_ENOMEM;
    r->sizes[r->nodes++] = size;
    return 0;
}

/* Reads, proves and checks the proof, in a version that has to load everything. */
static bool try_read(void *arg) {
    reader *r = arg;
    const model_entry *e = &r->m->entries[r->at];
    posw_buf value = {0}, proven = {0};
    posw_bytes nodes[POSW_TRIE_LEVELS_MAX];
    posw_hash root;
    memcpy(root.b, r->t->root_ref.rest, sizeof root.b);
    r->nodes = 0;
    r->proof = (posw_buf){0};
    int rc = posw_trie_get(r->t, &value, e->key, e->key_size);
    if (rc == POSW_OK) rc = posw_trie_prove(r->t, e->key, e->key_size, collect_node, r);
    for (size_t i = 0, from = 0; rc == POSW_OK && i < r->nodes; from += r->sizes[i++])
        nodes[i] = posw_bytes_of(r->proof.data + from, r->sizes[i]);
    if (rc == POSW_OK) rc = posw_trie_proof_check(&proven, &root, e->key, e->key_size, nodes, r->nodes);
    assert_true(rc == POSW_OK || rc == POSW_ENOMEM);
    if (rc == POSW_OK) {
        assert_int_equal(value.size, e->value_size);
        assert_memory_equal(value.data, e->value, value.size);
        assert_int_equal(proven.size, value.size);
        assert_memory_equal(proven.data, value.data, value.size);
    }
    posw_buf_clear(&value);
    posw_buf_clear(&proven);
    posw_buf_clear(&r->proof);
    return rc == POSW_OK;
}

/* A version with changes is hashed before it is proven. */
static bool try_prove_changed(void *arg) {
    reader r = {.nodes = 0};
    const posw_bytes *value = arg;
    posw_trie *t = posw_trie_new(&POSW_TRIE_EMPTY_ROOT, NULL);
    if (t == NULL) return false;
    int rc = posw_trie_put(t, (const uint8_t *)"kex", 3, value->data, value->size);
    if (rc == POSW_OK) rc = posw_trie_put(t, (const uint8_t *)"key", 3, value->data, value->size);
    if (rc == POSW_OK) rc = posw_trie_prove(t, (const uint8_t *)"key", 3, collect_node, &r);
    assert_true(rc == POSW_ENOMEM || (rc == POSW_OK && r.nodes > 0));
    posw_buf_clear(&r.proof);
    posw_trie_free(t);
    return rc == POSW_OK;
}

static void test_proving_changes(void **state) {
    (void)state;
    uint8_t large[700] = {1};
    posw_bytes value = {large, 1};
    assert_true(each_allocation(try_prove_changed, &value) > 3);
    value.size = sizeof large; /* too large to be hashed beside others */
    assert_true(each_allocation(try_prove_changed, &value) > 3);
}

/* The version is made anew each time: what was loaded would stay. */
static void check_reading(model *m, const posw_hash *root) {
    size_t failures = 0;
    for (size_t at = 0; at < m->count; at += 7) {
        for (size_t n = 0;; n++) {
            const size_t live = faults_live();
            posw_trie *t = new_trie(root, &source);
            reader r = {.t = t, .m = m, .at = at};
            faults_on(n, 1);
            const bool done = try_read(&r);
            const size_t failed = faults_off();
            assert_int_equal(done, failed == 0);
            if (!done) assert_true(try_read(&r)); /* a failure is not remembered */
            posw_trie_free(t);
            assert_int_equal(faults_live(), live);
            if (done) break;
            failures++;
        }
    }
    assert_true(failures > m->count / 7);
}

static void test_reading(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        model m = {0};
        posw_trie *t = stored_trie(&m, (enum key_kind)kind, 60);
        const posw_hash root = root_of(t);
        check_reading(&m, &root);
        posw_trie_free(t);
        model_clear(&m);
        store_clear(&the_store);
    }
}

static int accept_put(void *arg, const uint8_t *path, size_t path_size, const uint8_t *rlp, size_t rlp_size) {
    (void)arg, (void)path, (void)path_size, (void)rlp, (void)rlp_size;
    return 0;
}

static int accept_del(void *arg, const uint8_t *path, size_t path_size) {
    (void)arg, (void)path, (void)path_size;
    return 0;
}

typedef struct {
    uint8_t key[POSW_TRIE_KEY_MAX], value[600];
    size_t key_size, value_size;
} change;

/* Puts, deletes, and commits over `base`; a change that fails is made again later, when there is memory. */
static bool try_changes(posw_trie *t, const posw_trie *base, const change *changes, size_t count, size_t *done) {
    const posw_trie_sink sink = {accept_put, accept_del, NULL};
    int rc = POSW_OK;
    while (rc == POSW_OK && *done < count) {
        const change *c = &changes[*done];
        rc = posw_trie_put(t, c->key, c->key_size, c->value, c->value_size);
        if (rc == POSW_OK) ++*done;
    }
    if (rc == POSW_OK) rc = posw_trie_commit(t, base, &sink);
    assert_true(rc == POSW_OK || rc == POSW_ENOMEM);
    return rc == POSW_OK;
}

static void check_changes(const posw_hash *root, const model *m, const change *changes, size_t count, size_t share) {
    posw_bytes value;
    model after = model_copy(m);
    for (size_t i = 0; i < count; i++)
        model_put(&after, changes[i].key, changes[i].key_size, changes[i].value, changes[i].value_size);
    size_t failures = 0;
    for (size_t n = 0;; n++) {
        const size_t live = faults_live();
        posw_trie *base = new_trie(root, &source);
        for (size_t i = 0; i < share; i++) /* loaded before the copy: both versions have these nodes */
            (void)posw_trie_get_view(base, &value, m->entries[i].key, m->entries[i].key_size);
        posw_trie *t = copy_trie(base);
        size_t done = 0;
        faults_on(n, 1);
        const bool ok = try_changes(t, base, changes, count, &done);
        const size_t failed = faults_off();
        assert_int_equal(ok, failed == 0);
        if (!ok) assert_true(try_changes(t, base, changes, count, &done));
        assert_root(t, &after);
        assert_root(base, m);
        assert_walk(base, m);
        posw_trie_free(t);
        posw_trie_free(base);
        assert_int_equal(faults_live(), live);
        if (ok) break;
        failures++;
    }
    assert_true(failures > 0); /* nodes share slabs, unless a sanitizer watches */
    model_clear(&after);
}

static void test_changing(void **state) {
    (void)state;
    enum { CHANGES = 12 };
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        uint64_t random = 72 + kind;
        model m = {0};
        change changes[CHANGES];
        posw_trie *t = stored_trie(&m, (enum key_kind)kind, 40);
        const posw_hash root = root_of(t);
        posw_trie_free(t);
        for (size_t i = 0; i < CHANGES; i++) {
            change *c = &changes[i];
            c->key_size = random_key(&random, (enum key_kind)kind, c->key);
            c->value_size = random_below(&random, 2) == 0 ? 0 : random_value(&random, c->value);
        }
        check_changes(&root, &m, changes, CHANGES, 0);
        check_changes(&root, &m, changes, CHANGES, m.count);
        model_clear(&m);
        store_clear(&the_store);
    }
}

/* An old version reads nodes that a commit has overwritten: what is short is memory, the store is not damaged. */
static void test_old_version(void **state) {
    (void)state;
    model m = {0};
    posw_trie *base = stored_trie(&m, KEYS_HASHED, 60), *old = copy_trie(base), *t = copy_trie(base);
    for (size_t i = 0; i < m.count; i++)
        assert_int_equal(posw_trie_put(t, m.entries[i].key, 32, (const uint8_t *)"new", 3), POSW_OK);
    assert_int_equal(store_commit(&the_store, t, base), POSW_OK);
    size_t failures = 0;
    for (size_t i = 0; i < m.count; i++) {
        const model_entry *e = &m.entries[i];
        posw_bytes value;
        posw_buf_clear(&old->pool->scratch);
        the_store.load_error = POSW_ENOTFOUND; /* without any use of memory */
        faults_on(0, SIZE_MAX);
        const int rc = posw_trie_get_view(old, &value, e->key, 32);
        (void)faults_off();
        the_store.load_error = POSW_OK;
        assert_true(rc == POSW_OK || rc == POSW_ENOMEM);
        failures += rc == POSW_ENOMEM;
        assert_int_equal(posw_trie_get_view(old, &value, e->key, 32), POSW_OK);
        assert_int_equal(value.size, e->value_size);
        assert_memory_equal(value.data, e->value, value.size);
    }
    assert_int_equal(failures, 1); /* at the root: the overwritten nodes below hang on each other */
    posw_trie_free(old);
    posw_trie_free(t);
    posw_trie_free(base);
    model_clear(&m);
    store_clear(&the_store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writers),      cmocka_unit_test(test_sign),
        cmocka_unit_test(test_decode_block), cmocka_unit_test(test_new_and_lists),
        cmocka_unit_test(test_reading),      cmocka_unit_test(test_changing),
        cmocka_unit_test(test_old_version),  cmocka_unit_test(test_proving_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
