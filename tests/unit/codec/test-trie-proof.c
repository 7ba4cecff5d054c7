/* Merkle proofs, and the strict reading of nodes that they need. */
#include "codec/rlp.h"
#include "codec/trie_node.h"
#include "trie_model.h"
#include "vectors.h"

enum { NODES_MAX = 80 };

typedef struct {
    size_t count;
    posw_bytes node[NODES_MAX]; /* heap memory of exactly the size */
} proof;

static int on_node(void *arg, const uint8_t *rlp, size_t size) {
    proof *p = arg;
    assert_true(p->count < NODES_MAX);
    p->node[p->count++] = (posw_bytes){vectors_copy(rlp, size), size};
    return 0;
}

static proof prove(posw_trie *t, const uint8_t *key, size_t key_size) {
    proof p = {.count = 0};
    assert_int_equal(posw_trie_prove(t, key, key_size, on_node, &p), POSW_OK);
    return p;
}

static void proof_clear(proof *p) {
    for (size_t i = 0; i < p->count; i++)
        free((uint8_t *)p->node[i].data);
    p->count = 0;
}

static int check(posw_buf *value, const posw_hash *root, const uint8_t *key, size_t key_size, const proof *p) {
    posw_buf_reset(value);
    return posw_trie_proof_check(value, root, key, key_size, p->node, p->count);
}

/* ---- from another implementation ---- */

static void test_known_proofs(void **state) {
    (void)state;
    json_t *file = vectors_json("trie/proofs.json");
    size_t i, k;
    json_t *c, *node;
    json_array_foreach(file, i, c) {
        posw_buf raw = vectors_hex(json_string_value(json_object_get(c, "key"))), value = {0};
        posw_hash root, key;
        proof p = {.count = 0};
        assert_true(posw_hash_parse(&root, json_string_value(json_object_get(c, "root"))));
        posw_keccak256(&key, raw.data, raw.size);
        json_array_foreach(json_object_get(c, "proof"), k, node) {
            posw_buf b = vectors_hex(json_string_value(node));
            p.node[p.count++] = posw_buf_view(&b);
        }
        assert_int_equal(check(&value, &root, key.b, sizeof key.b, &p), POSW_OK);
        assert_hex(value.data, value.size, json_string_value(json_object_get(c, "value")));
        key.b[31] ^= 1; /* proven absent by the same leaf */
        assert_int_equal(check(&value, &root, key.b, sizeof key.b, &p), POSW_OK);
        assert_int_equal(value.size, 0);
        proof_clear(&p);
        posw_buf_clear(&raw);
        posw_buf_clear(&value);
    }
    assert_int_equal(i, 2);
    json_decref(file);
}

/* ---- own proofs ---- */

static void check_key(posw_trie *t, const model *m, const uint8_t *key, size_t key_size) {
    const posw_hash root = root_of(t);
    bool found;
    const size_t at = model_find(m, key, key_size, &found);
    proof p = prove(t, key, key_size);
    posw_buf value = {0};
    assert_int_equal(check(&value, &root, key, key_size, &p), POSW_OK);
    assert_int_equal(value.size, found ? m->entries[at].value_size : 0);
    if (found) assert_memory_equal(value.data, m->entries[at].value, value.size);
    posw_buf_clear(&value);
    proof_clear(&p);
}

static void test_random_proofs(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        uint64_t random = 1000 + kind;
        posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
        model m = {0};
        for (int i = 0; i < 150; i++) {
            uint8_t key[POSW_TRIE_KEY_MAX];
            const size_t size = random_key(&random, (enum key_kind)kind, key);
            check_key(t, &m, key, size);
            random_change(&random, (enum key_kind)kind, 10, t, &m);
        }
        for (size_t i = 0; i < m.count; i++)
            check_key(t, &m, m.entries[i].key, m.entries[i].key_size);
        posw_trie_free(t);
        model_clear(&m);
    }
}

/* Whatever is changed in a proof, it is refused or (another key's proof) tells the truth. */
static void check_refused(posw_trie *t, const uint8_t *key, size_t key_size, uint64_t *random) {
    const posw_hash root = root_of(t);
    posw_hash other = root;
    proof p = prove(t, key, key_size);
    posw_buf value = {0};
    other.b[31] ^= 1;
    assert_int_equal(check(&value, &other, key, key_size, &p), POSW_EPARSE);
    assert_int_equal(check(&value, &POSW_TRIE_EMPTY_ROOT, key, key_size, &p), POSW_EPARSE);
    for (size_t i = 0; i < p.count; i++) {
        const posw_bytes node = p.node[i];
        uint8_t *bytes = (uint8_t *)node.data;
        for (int k = 0; k < 40; k++) {
            const size_t at = random_below(random, node.size);
            const uint8_t bit = (uint8_t)(1u << random_below(random, 8));
            bytes[at] ^= bit;
            assert_int_equal(check(&value, &root, key, key_size, &p), POSW_EPARSE);
            bytes[at] ^= bit;
        }
        p.node[i].size--;
        assert_int_equal(check(&value, &root, key, key_size, &p), POSW_EPARSE);
        p.node[i] = (posw_bytes){NULL, 0};
        assert_int_equal(check(&value, &root, key, key_size, &p), POSW_EPARSE);
        p.node[i] = node;
    }
    p.count--; /* the last one is missing */
    assert_int_equal(check(&value, &root, key, key_size, &p), POSW_EPARSE);
    p.node[p.count + 1] = p.node[p.count]; /* one too many */
    p.count += 2;
    assert_int_equal(check(&value, &root, key, key_size, &p), POSW_EPARSE);
    p.count--;
    assert_int_equal(check(&value, &root, key, key_size, &p), POSW_OK);
    assert_int_equal(check(&value, &root, (const uint8_t[POSW_TRIE_KEY_MAX + 1]){0}, POSW_TRIE_KEY_MAX + 1, &p),
                     POSW_EPARSE);
    posw_buf_clear(&value);
    proof_clear(&p);
}

static void test_refused_proofs(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        uint64_t random = 1100 + kind;
        posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
        model m = {0};
        for (int i = 0; i < 100; i++)
            random_change(&random, (enum key_kind)kind, 0, t, &m);
        for (int i = 0; i < 30; i++) {
            uint8_t key[POSW_TRIE_KEY_MAX];
            const size_t size = random_key(&random, (enum key_kind)kind, key);
            check_refused(t, key, size, &random);
        }
        posw_trie_free(t);
        model_clear(&m);
    }
}

static void test_empty_trie(void **state) {
    (void)state;
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    const uint8_t empty_string = 0x80; /* its hash is the empty root */
    const posw_bytes node = {&empty_string, 1};
    posw_buf value = {0};
    proof p = prove(t, &empty_string, 1);
    assert_int_equal(p.count, 0);
    assert_int_equal(check(&value, &POSW_TRIE_EMPTY_ROOT, &empty_string, 1, &p), POSW_OK);
    assert_int_equal(value.size, 0);
    assert_int_equal(posw_trie_proof_check(&value, &POSW_TRIE_EMPTY_ROOT, &empty_string, 1, &node, 1), POSW_EPARSE);
    assert_int_equal(posw_trie_prove(t, (const uint8_t[33]){0}, 33, on_node, &p), POSW_EINVAL);
    posw_trie_free(t);
}

static int stop(void *arg, const uint8_t *rlp, size_t size) {
    (void)arg, (void)rlp, (void)size;
    return POSW_ECANCELED;
}

static void test_prove_stops(void **state) {
    (void)state;
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    assert_int_equal(posw_trie_put(t, (const uint8_t *)"k", 1, (const uint8_t *)"v", 1), POSW_OK);
    assert_int_equal(posw_trie_prove(t, (const uint8_t *)"k", 1, stop, NULL), POSW_ECANCELED);
    posw_trie_free(t);
}

/* A hash-valid proof whose nodes no trie has: an extension above an extension. */
static void test_uncanonical_proof(void **state) {
    (void)state;
    static const uint8_t value[40] = {1};
    uint8_t leaf[64], upper[64], lower[64];
    posw_hash hash;
    /* Keys 0x11..: root extension [1], below it an extension [1], then a leaf. */
    uint8_t *p = posw_rlp_put_list(leaf, 1 + 41);
    p = posw_rlp_put_bytes(p, "\x20", 1);
    p = posw_rlp_put_bytes(p, value, sizeof value);
    const size_t leaf_size = (size_t)(p - leaf);
    posw_keccak256(&hash, leaf, leaf_size);
    p = posw_rlp_put_list(lower, 1 + 33);
    p = posw_rlp_put_bytes(p, "\x11", 1);
    p = posw_rlp_put_bytes(p, hash.b, 32);
    const size_t lower_size = (size_t)(p - lower);
    posw_keccak256(&hash, lower, lower_size);
    p = posw_rlp_put_list(upper, 1 + 33);
    p = posw_rlp_put_bytes(p, "\x11", 1);
    p = posw_rlp_put_bytes(p, hash.b, 32);
    const posw_bytes nodes[3] = {{upper, (size_t)(p - upper)}, {lower, lower_size}, {leaf, leaf_size}};
    posw_keccak256(&hash, nodes[0].data, nodes[0].size);
    posw_buf out = {0};
    assert_int_equal(posw_trie_proof_check(&out, &hash, (const uint8_t *)"\x11", 1, nodes, 3), POSW_EPARSE);
    posw_buf_clear(&out);
}

/* A node of less than 32 bytes stands in its parent; named by its hash, it is refused in proofs and from the store. */
static const uint8_t short_leaf[3] = {0xc2, 0x30, 0x01};

static size_t make_short_root(uint8_t out[100]) {
    posw_hash hash;
    posw_keccak256(&hash, short_leaf, sizeof short_leaf);
    uint8_t *p = posw_rlp_put_list(out, 2 * 33 + 15);
    p = posw_rlp_put_bytes(p, hash.b, 32);
    p = posw_rlp_put_bytes(p, hash.b, 32);
    memset(p, 0x80, 15);
    return (size_t)(p + 15 - out);
}

static int load_short(void *arg, posw_buf *out, const uint8_t *path, size_t path_size) {
    uint8_t root[100];
    (void)arg, (void)path;
    if (path_size == 0)
        posw_buf_append(out, root, make_short_root(root));
    else
        posw_buf_append(out, short_leaf, sizeof short_leaf);
    return POSW_OK;
}

static void test_short_node_by_hash(void **state) {
    (void)state;
    const posw_trie_source source = {load_short, NULL};
    const uint8_t key = 0x00, absent = 0x20;
    uint8_t rlp[100];
    posw_hash root;
    posw_buf value = {0};
    const posw_bytes nodes[2] = {{rlp, make_short_root(rlp)}, {short_leaf, sizeof short_leaf}};
    posw_keccak256(&root, rlp, nodes[0].size);
    assert_int_equal(posw_trie_proof_check(&value, &root, &absent, 1, nodes, 1), POSW_OK);
    assert_int_equal(posw_trie_proof_check(&value, &root, &key, 1, nodes, 2), POSW_EPARSE);
    posw_trie *t = new_trie(&root, &source);
    assert_int_equal(posw_trie_get(t, &value, &absent, 1), POSW_ENOTFOUND);
    assert_int_equal(posw_trie_get(t, &value, &key, 1), POSW_ECORRUPT);
    posw_trie_free(t);
    posw_buf_clear(&value);
}

/* ---- nodes ---- */

static int decode(const char *hex, size_t depth) {
    posw_buf rlp = vectors_hex(hex);
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    posw_trie_node *n = NULL;
    const int rc = posw_trie_node_decode(t->pool, &n, rlp.data, rlp.size, depth);
    if (rc == POSW_OK) {
        const posw_bytes again = posw_trie_node_rlp(t->pool, n);
        assert_int_equal(again.size, rlp.size);
        assert_memory_equal(again.data, rlp.data, rlp.size);
        posw_trie_node_unref(t->pool, n);
    }
    posw_trie_free(t);
    posw_buf_clear(&rlp);
    return rc;
}

#define TWO "c22001c22001"
#define EMPTY_14 "8080808080808080808080808080"
#define SAME_4 "01010101"
#define SAME_28 SAME_4 SAME_4 SAME_4 SAME_4 SAME_4 SAME_4 SAME_4
#define HASH_REF "a0000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void test_node_parsing(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        size_t depth;
        bool ok;
    } cases[] = {
        {"c22001", 0, true},                  /* leaf, no key left, value 01 */
        {"c22001", 64, true},                 /* the deepest */
        {"c23501", 63, true},                 /* one nibble more */
        {"c23501", 64, false},                /* too deep */
        {"c22001", 1, false},                 /* key of half a byte */
        {"c23501", 0, false},                 /* the same */
        {"c22080", 0, false},                 /* empty value */
        {"c22101", 0, false},                 /* padding nibble not zero */
        {"c24001", 0, false},                 /* flags */
        {"c28001", 0, false},                 /* no key */
        {"c2c001", 0, false},                 /* a list as key */
        {"c220c0", 0, false},                 /* a list as value */
        {"c3200101", 0, false},               /* three items */
        {"c12001", 0, false},                 /* bytes after the list */
        {"c0", 0, false},                     /* no items */
        {"20", 0, false},                     /* not a list */
        {"", 0, false},                       /* nothing */
        {"f8022001", 0, false},               /* length not canonical */
        {"c3208101", 0, false},               /* byte not canonical */
        {"e211" HASH_REF, 0, true},           /* extension */
        {"e211" HASH_REF, 62, true},          /* a branch can be below */
        {"e211" HASH_REF, 63, false},         /* no */
        {"e200" HASH_REF, 0, false},          /* no nibbles */
        {"c21101", 0, false},                 /* child is neither hash nor node */
        {"c21180", 0, false},                 /* no child */
        {"c211c0", 0, false},                 /* an empty list is no node */
        {"c411c22001", 0, true},              /* embedded */
        {"d4" TWO EMPTY_14, 0, false},        /* 16 items */
        {"d6" TWO EMPTY_14 "8080", 0, false}, /* 18 items */
        {"d5" TWO EMPTY_14 "80", 0, true},    /* branch with two children */
        {"d5" TWO EMPTY_14 "05", 0, true},    /* and a value */
        {"d5" TWO EMPTY_14 "05", 1, false},   /* value in the middle of a byte */
        {"d5" TWO EMPTY_14 "80", 63, true},
        {"d5" TWO EMPTY_14 "80", 64, false},
        {"d5" TWO EMPTY_14 "c0", 0, false},     /* a list as value */
        {"d3c22001" EMPTY_14 "8080", 0, false}, /* one child */
        {"d3c22001" EMPTY_14 "8005", 0, true},  /* one child and a value */
        {"d1" EMPTY_14 "808005", 0, false},     /* value only */
        {"d5" TWO "8080808080808001808080808080"
         "80",
         0, false}, /* a child that is a byte */
        {"e011de20"
         "9c" SAME_28,
         0, true}, /* embedded, as large as it can be */
        {"e111df20"
         "9d" SAME_28 "01",
         0, false},                                 /* one byte more */
        {"e3a120" SAME_28 SAME_4 "01", 0, true},    /* the longest key */
        {"e3a120" SAME_28 SAME_4 "01", 1, false},   /* too long here */
        {"e4a220" SAME_28 SAME_4 "0101", 0, false}, /* and anywhere */
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++)
        assert_int_equal(decode(cases[i].hex, cases[i].depth), cases[i].ok ? POSW_OK : POSW_ECORRUPT);
}

/* Values of the largest size and one byte more, in a leaf and in a branch. */
static void test_value_limit(void **state) {
    (void)state;
    static const uint8_t two_children[] = {0xc2, 0x20, 0x01, 0xc2, 0x20, 0x01, 0x80, 0x80, 0x80, 0x80,
                                           0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    uint8_t *bytes = calloc(1, POSW_TRIE_VALUE_MAX + 1);
    assert_non_null(bytes);
    for (size_t over = 0; over <= 1; over++) {
        for (int is_branch = 0; is_branch <= 1; is_branch++) {
            posw_buf rlp = {0};
            const size_t mark = posw_rlp_list_begin(&rlp);
            if (is_branch != 0)
                posw_buf_append(&rlp, two_children, sizeof two_children);
            else
                posw_buf_byte(&rlp, 0x20);
            posw_rlp_append_bytes(&rlp, bytes, POSW_TRIE_VALUE_MAX + over);
            posw_rlp_list_end(&rlp, mark);
            posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
            posw_trie_node *n = NULL;
            const int rc = posw_trie_node_decode(t->pool, &n, rlp.data, rlp.size, 0);
            assert_int_equal(rc, over == 0 ? POSW_OK : POSW_ECORRUPT);
            posw_trie_node_unref(t->pool, n);
            posw_trie_free(t);
            posw_buf_clear(&rlp);
        }
    }
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_proofs),       cmocka_unit_test(test_random_proofs),
        cmocka_unit_test(test_refused_proofs),     cmocka_unit_test(test_empty_trie),
        cmocka_unit_test(test_prove_stops),        cmocka_unit_test(test_uncanonical_proof),
        cmocka_unit_test(test_short_node_by_hash), cmocka_unit_test(test_node_parsing),
        cmocka_unit_test(test_value_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
