/* Epochs, the Merkle-sum tree against a naive recursive one, and proofs under every small change. */
#include "posw/stake.h"

#include "core/made.h"
#include "crypto/keccak.h"

enum { SMALL_MAX = 40 };

/* --- epochs --- */

/* E1, by walking the chain: after the last block of epoch k the table of epoch k + 2 is taken. */
static void test_epochs(void **state) {
    (void)state;
    enum { BLOCKS = 60 };
    for (uint64_t e = 1; e <= 5; e++) {
        posw_params p = made_params();
        p.epoch_blocks = e;
        uint64_t taken_after[BLOCKS + 3] = {0};
        bool is_snapshot[BLOCKS] = {true}; /* genesis, for epochs 0 and 1 */
        uint64_t first_epoch[BLOCKS] = {0}, epoch = 0;
        for (uint64_t n = 0; n < BLOCKS; n++) {
            assert_int_equal(posw_epoch_of(&p, n), epoch);
            if ((n + 1) % e != 0) continue;
            taken_after[epoch + 2] = n;
            if (n != 0) {
                is_snapshot[n] = true;
                first_epoch[n] = epoch + 2;
            }
            epoch++;
        }
        for (uint64_t k = 0; k < epoch; k++)
            assert_int_equal(posw_epoch_snapshot_block(&p, k), taken_after[k]);
        for (uint64_t n = 0; n < BLOCKS; n++) {
            uint64_t first = 999;
            assert_int_equal(posw_epoch_is_snapshot(&first, &p, n), is_snapshot[n]);
            assert_int_equal(first, is_snapshot[n] ? first_epoch[n] : 999);
        }
    }
}

/* S3: a deposit counts from the first block whose table was taken at or after it. */
static void test_active_from(void **state) {
    (void)state;
    for (uint64_t e = 1; e <= 5; e++) {
        posw_params p = made_params();
        p.epoch_blocks = e;
        for (uint64_t n = 1; n < 40; n++) {
            uint64_t b = n;
            while (posw_epoch_snapshot_block(&p, posw_epoch_of(&p, b)) < n)
                b++;
            assert_int_equal(posw_epoch_active_from(&p, n), b);
        }
    }
}

/* --- tables --- */

static int compare_entries(const void *a, const void *b) {
    return posw_address_cmp(&((const posw_stake_entry *)a)->miner, &((const posw_stake_entry *)b)->miner);
}

static void random_entries(uint64_t *seed, posw_stake_entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        random_bytes(seed, entries[i].miner.b, sizeof entries[i].miner.b);
        entries[i].signer = entries[i].miner;
        if (random_below(seed, 3) == 0) random_bytes(seed, entries[i].signer.b, sizeof entries[i].signer.b);
        entries[i].stake_wei = plus(&POSW_U256_ONE, (posw_u256[]){random_u256(seed, 100)});
    }
    qsort(entries, count, sizeof *entries, compare_entries);
}

/* E3, by recursion: the left half is the greatest power of two below the count. */
static posw_stake_node naive_tree(const posw_stake_entry *entries, size_t count) {
    posw_stake_node out;
    uint8_t message[97] = {0}, number[32];
    if (count == 1) {
        memcpy(message + 1, entries->miner.b, 20);
        memcpy(message + 21, entries->signer.b, 20);
        posw_u256_to_be(number, &entries->stake_wei);
        memcpy(message + 41, number + 16, 16);
        posw_keccak256(&out.hash, message, 57);
        out.sum = entries->stake_wei;
        return out;
    }
    size_t half = 1;
    while (2 * half < count)
        half *= 2;
    const posw_stake_node left = naive_tree(entries, half), right = naive_tree(entries + half, count - half);
    message[0] = 1;
    memcpy(message + 1, left.hash.b, 32);
    posw_u256_to_be(number, &left.sum);
    memcpy(message + 33, number + 16, 16);
    memcpy(message + 49, right.hash.b, 32);
    posw_u256_to_be(number, &right.sum);
    memcpy(message + 81, number + 16, 16);
    posw_keccak256(&out.hash, message, 97);
    out.sum = plus(&left.sum, &right.sum);
    return out;
}

typedef struct {
    posw_stake_entry entries[SMALL_MAX];
    posw_stake_node scratch[SMALL_MAX];
    posw_stake_table table;
    posw_hash root; /* E4 in epoch EPOCH */
} made_table;
enum { EPOCH = 12345 };

static void make_table(made_table *t, uint64_t seed, size_t count) {
    random_entries(&seed, t->entries, count);
    t->table = (posw_stake_table){.entries = t->entries, .count = count, .supply_wei = random_u256(&seed, 128)};
    posw_stake_table_finish(&t->table, t->scratch);
    posw_stake_root(&t->root, EPOCH, &t->table.supply_wei, &t->table.total_wei, &t->table.tree_root);
}

static void test_tree(void **state) {
    (void)state;
    made_table t;
    for (size_t count = 1; count <= SMALL_MAX; count++) {
        make_table(&t, 100 + count, count);
        const posw_stake_node want = naive_tree(t.entries, count);
        assert_memory_equal(&t.table.tree_root, &want.hash, sizeof want.hash);
        assert_u256(&t.table.total_wei, &want.sum);
    }
    make_table(&t, 1, 0);
    assert_true(posw_hash_is_zero(&t.table.tree_root));
    assert_u256_is(&t.table.total_wei, 0);
    assert_null(posw_stake_table_find(&t.table, &t.entries[0].miner));
}

/* E4: the bytes, spelled out. */
static void test_root(void **state) {
    (void)state;
    uint8_t message[104] = {0};
    posw_hash want, got, tree;
    memset(tree.b, 0x5a, sizeof tree.b);
    const posw_u256 supply = u64(0x1122), total = u64(0x33);
    message[6] = 0x03;
    message[7] = 0xe8;
    message[38] = 0x11;
    message[39] = 0x22;
    message[71] = 0x33;
    memset(message + 72, 0x5a, 32);
    posw_keccak256(&want, message, sizeof message);
    posw_stake_root(&got, 1000, &supply, &total, &tree);
    assert_memory_equal(&got, &want, sizeof got);
}

static void test_find(void **state) {
    (void)state;
    made_table t;
    for (size_t count = 1; count <= SMALL_MAX; count++) {
        make_table(&t, 200 + count, count);
        for (size_t i = 0; i < count; i++) {
            assert_ptr_equal(posw_stake_table_find(&t.table, &t.entries[i].miner), &t.entries[i]);
            posw_address other = t.entries[i].miner;
            other.b[19] ^= 1;
            assert_null(posw_stake_table_find(&t.table, &other));
        }
    }
}

/* --- proofs --- */

static bool proves(const posw_stake_proof *proof, uint64_t epoch, const posw_address *miner, const posw_hash *root) {
    const posw_verdict v = posw_stake_proof_check(proof, epoch, miner, root);
    if (v.kind != POSW_VALID) assert_verdict(v, POSW_INVALID, POSW_RULE_STAKE_PROOF);
    return v.kind == POSW_VALID;
}

static void test_proofs(void **state) {
    (void)state;
    made_table t;
    posw_stake_proof proof, again;
    for (size_t count = 1; count <= SMALL_MAX; count++) {
        make_table(&t, 300 + count, count);
        for (size_t i = 0; i < count; i++) {
            const posw_address *miner = &t.entries[i].miner;
            assert_true(posw_stake_prove(&proof, &t.table, miner, t.scratch));
            assert_true(proves(&proof, EPOCH, miner, &t.root));
            assert_u256(&proof.stake_wei, &t.entries[i].stake_wei);
            assert_u256(&proof.supply_wei, &t.table.supply_wei);
            assert_u256(&proof.total_wei, &t.table.total_wei);
            assert_true(posw_address_equal(&proof.signer, &t.entries[i].signer));

            assert_false(proves(&proof, EPOCH - 1, miner, &t.root));
            assert_false(proves(&proof, EPOCH + 1, miner, &t.root));
            assert_false(proves(&proof, EPOCH, &t.entries[(i + 1) % count].miner, &t.root) && count > 1);
            assert_false(proves(&proof, EPOCH, miner, &t.table.tree_root));

            uint8_t bytes[POSW_STAKE_PROOF_SIZE_MAX], bytes2[POSW_STAKE_PROOF_SIZE_MAX];
            const size_t size = posw_stake_proof_encode(bytes, &proof);
            assert_true(posw_stake_proof_decode(&again, bytes, size));
            assert_int_equal(posw_stake_proof_encode(bytes2, &again), size);
            assert_memory_equal(bytes, bytes2, size);
            assert_true(proves(&again, EPOCH, miner, &t.root));
        }
        posw_address stranger = t.entries[0].miner;
        stranger.b[0] ^= 1;
        again = proof;
        assert_false(posw_stake_prove(&proof, &t.table, &stranger, t.scratch));
        assert_memory_equal(&proof, &again, sizeof proof);
    }
}

/* Every other value of every byte (for a few entries) and every bit (for all): refused, or no proof. */
static void assert_mutation_fails(const made_table *t, const posw_address *miner, const uint8_t *bytes, size_t size) {
    posw_stake_proof proof;
    if (!posw_stake_proof_decode(&proof, bytes, size)) return;
    assert_false(proves(&proof, EPOCH, miner, &t->root));
    uint8_t back[POSW_STAKE_PROOF_SIZE_MAX];
    assert_int_equal(posw_stake_proof_encode(back, &proof), size);
    assert_memory_equal(back, bytes, size);
}

static void test_mutations(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 5, 13};
    made_table t;
    posw_stake_proof proof;
    for (size_t c = 0; c < POSW_ARRAY_SIZE(counts); c++) {
        make_table(&t, 400 + c, counts[c]);
        for (size_t i = 0; i < counts[c]; i++) {
            const posw_address *miner = &t.entries[i].miner;
            uint8_t bytes[POSW_STAKE_PROOF_SIZE_MAX];
            assert_true(posw_stake_prove(&proof, &t.table, miner, t.scratch));
            const size_t size = posw_stake_proof_encode(bytes, &proof);
            for (size_t at = 0; at < size; at++)
                for (unsigned flip = 1; flip < 256; flip = i + 1 == counts[c] ? flip + 1 : flip * 2) {
                    bytes[at] ^= (uint8_t)flip;
                    assert_mutation_fails(&t, miner, bytes, size);
                    bytes[at] ^= (uint8_t)flip;
                }
            for (size_t cut = 0; cut < size; cut++)
                assert_false(posw_stake_proof_decode(&proof, bytes, cut));
            bytes[size] = 0x80; /* one byte too many */
            assert_false(posw_stake_proof_decode(&proof, bytes, size + 1));
        }
    }
}

/* Sums are limited before they are added. */
static void test_limits(void **state) {
    (void)state;
    made_table t;
    posw_stake_proof proof, bad;
    make_table(&t, 5, 3);
    const posw_address *miner = &t.entries[0].miner;
    const posw_u256 limit = power_of_two(128), top = minus_one(&limit);
    assert_true(posw_stake_prove(&proof, &t.table, miner, t.scratch));
    bad = proof;
    bad.depth = POSW_STAKE_PROOF_DEPTH_MAX + 1;
    assert_false(proves(&bad, EPOCH, miner, &t.root));
    bad = proof;
    bad.siblings[0].sum = top; /* the sum of two does not fit 16 bytes, with further nodes above */
    assert_false(proves(&bad, EPOCH, miner, &t.root));
    bad.siblings[0].sum = limit;
    assert_false(proves(&bad, EPOCH, miner, &t.root));
    bad.siblings[0].sum = POSW_U256_MAX;
    assert_false(proves(&bad, EPOCH, miner, &t.root));
    bad = proof;
    bad.total_wei = limit;
    assert_false(proves(&bad, EPOCH, miner, &t.root));
    bad = proof;
    bad.stake_wei = limit;
    assert_false(proves(&bad, EPOCH, miner, &t.root));
    bad.stake_wei = POSW_U256_ZERO;
    assert_false(proves(&bad, EPOCH, miner, &t.root));
}

/* A table of no stake proves nobody, although its root can be made to look right. */
static void test_zero_stake(void **state) {
    (void)state;
    const posw_address miner = made_address(3);
    uint8_t message[57] = {0};
    posw_hash leaf, root;
    memcpy(message + 1, miner.b, 20);
    memcpy(message + 21, miner.b, 20);
    posw_keccak256(&leaf, message, sizeof message);
    posw_stake_proof proof = {.signer = miner};
    posw_stake_root(&root, EPOCH, &proof.supply_wei, &proof.total_wei, &leaf);
    assert_false(proves(&proof, EPOCH, &miner, &root));
}

/* A root that lies about the total does not help: the sums must add up to it. */
static void test_wrong_total(void **state) {
    (void)state;
    made_table t;
    posw_stake_proof proof;
    posw_hash root;
    make_table(&t, 7, 9);
    const posw_address *miner = &t.entries[4].miner;
    assert_true(posw_stake_prove(&proof, &t.table, miner, t.scratch));
    proof.total_wei = plus(&proof.total_wei, &POSW_U256_ONE);
    posw_stake_root(&root, EPOCH, &proof.supply_wei, &proof.total_wei, &t.table.tree_root);
    assert_false(proves(&proof, EPOCH, miner, &root));
}

static void test_largest(void **state) {
    (void)state;
    enum { COUNT = POSW_STAKE_MINERS_MAX };
    uint64_t seed = 11;
    posw_stake_entry *entries = calloc(COUNT, sizeof *entries);
    posw_stake_node *scratch = calloc(COUNT, sizeof *scratch);
    assert_true(entries != NULL && scratch != NULL);
    random_entries(&seed, entries, COUNT);
    posw_stake_table t = {.entries = entries, .count = COUNT, .supply_wei = POSW_U256_MAX};
    posw_stake_table_finish(&t, scratch);
    const posw_stake_node want = naive_tree(entries, COUNT);
    assert_memory_equal(&t.tree_root, &want.hash, sizeof want.hash);

    posw_hash root;
    posw_stake_proof proof;
    uint8_t bytes[POSW_STAKE_PROOF_SIZE_MAX];
    posw_stake_root(&root, EPOCH, &t.supply_wei, &t.total_wei, &t.tree_root);
    for (size_t i = 0; i < COUNT; i += COUNT - 1) {
        assert_true(posw_stake_prove(&proof, &t, &entries[i].miner, scratch));
        assert_int_equal(proof.depth, POSW_STAKE_PROOF_DEPTH_MAX);
        assert_true(proves(&proof, EPOCH, &entries[i].miner, &root));
    }
    const posw_u256 limit = power_of_two(128); /* the largest encoding that there is */
    proof.total_wei = proof.stake_wei = minus_one(&limit);
    for (size_t i = 0; i < proof.depth; i++)
        proof.siblings[i].sum = proof.total_wei;
    const size_t size = posw_stake_proof_encode(bytes, &proof);
    assert_int_equal(size, 926);
    posw_stake_proof again;
    assert_true(posw_stake_proof_decode(&again, bytes, size));
    free(scratch);
    free(entries);
}

/* Decoding by hand: one sibling more than allowed, a wrong side, a sum of 17 bytes. */
static size_t hand_proof(uint8_t *out, size_t siblings, uint8_t side, size_t sum_size) {
    uint8_t *p = out + 3;
    *p++ = 0x05; /* supply */
    *p++ = 0x04; /* total */
    *p++ = 0x94;
    memset(p, 0x11, 20);
    p += 20;
    *p++ = 0x03; /* stake */
    const size_t item = 1 + 33 + 1 + sum_size, all = siblings * (1 + item);
    *p++ = 0xf9;
    *p++ = (uint8_t)(all >> 8);
    *p++ = (uint8_t)all;
    for (size_t i = 0; i < siblings; i++) {
        *p++ = (uint8_t)(0xc0 + item);
        *p++ = side;
        *p++ = 0xa0;
        memset(p, 0x22, 32);
        p += 32;
        *p++ = (uint8_t)(0x80 + sum_size);
        memset(p, 0x33, sum_size);
        p += sum_size;
    }
    const size_t size = (size_t)(p - out - 3);
    out[0] = 0xf9;
    out[1] = (uint8_t)(size >> 8);
    out[2] = (uint8_t)size;
    return size + 3;
}

static void test_decode_limits(void **state) {
    (void)state;
    uint8_t bytes[2048];
    posw_stake_proof proof, before;
    memset(&proof, 0x77, sizeof proof);
    before = proof;
    size_t size = hand_proof(bytes, 17, 0x80, 16);
    assert_false(posw_stake_proof_decode(&proof, bytes, size));
    size = hand_proof(bytes, 16, 0x02, 16);
    assert_false(posw_stake_proof_decode(&proof, bytes, size));
    size = hand_proof(bytes, 16, 0x00, 16); /* zero is written 0x80 */
    assert_false(posw_stake_proof_decode(&proof, bytes, size));
    size = hand_proof(bytes, 16, 0x01, 17);
    assert_false(posw_stake_proof_decode(&proof, bytes, size));
    assert_false(posw_stake_proof_decode(&proof, NULL, 0));
    assert_memory_equal(&proof, &before, sizeof proof);
    size = hand_proof(bytes, 16, 0x01, 16);
    assert_true(posw_stake_proof_decode(&proof, bytes, size));
    assert_int_equal(proof.depth, 16);
    assert_true(proof.siblings[15].left);
    size = hand_proof(bytes, 16, 0x80, 16);
    assert_true(posw_stake_proof_decode(&proof, bytes, size));
    assert_false(proof.siblings[15].left);
}

static void finish_unsorted(void *arg) {
    made_table *t = arg;
    posw_stake_table_finish(&t->table, t->scratch);
}

static void test_bugs_stop(void **state) {
    (void)state;
    made_table t;
    make_table(&t, 6, 4);
    const posw_stake_entry e = t.entries[1];
    t.entries[1] = t.entries[0]; /* a double */
    assert_true(test_aborts(finish_unsorted, &t));
    t.entries[1] = t.entries[2];
    t.entries[2] = e;
    assert_true(test_aborts(finish_unsorted, &t));
    make_table(&t, 6, 4);
    t.entries[3].stake_wei = POSW_U256_ZERO;
    assert_true(test_aborts(finish_unsorted, &t));
    t.entries[3].stake_wei = power_of_two(128);
    assert_true(test_aborts(finish_unsorted, &t));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epochs),      cmocka_unit_test(test_active_from),   cmocka_unit_test(test_tree),
        cmocka_unit_test(test_root),        cmocka_unit_test(test_find),          cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_mutations),   cmocka_unit_test(test_limits),        cmocka_unit_test(test_zero_stake),
        cmocka_unit_test(test_wrong_total), cmocka_unit_test(test_decode_limits), cmocka_unit_test(test_largest),
        cmocka_unit_test(test_bugs_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
