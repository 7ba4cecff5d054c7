/* The state: overlay, marks, sealing, undo, copies, storage through a source and a sink; against a plain model. */
#include "state/disk.h"
#include "state/overlay.h"
#include "state/world.h"

static posw_state *open_empty(void) {
    posw_state *s;
    assert_int_equal(posw_state_open(&s, &POSW_TRIE_EMPTY_ROOT, NULL), POSW_OK);
    return s;
}

static posw_hash seal(posw_state *s, posw_buf *undo) {
    posw_hash root;
    assert_int_equal(posw_state_seal(s, &root, undo), POSW_OK);
    posw_hash same = posw_state_root(s);
    assert_memory_equal(&root, &same, sizeof root);
    return root;
}

static void add(posw_state *s, posw_address a, uint64_t wei) {
    posw_u256 v = u64(wei);
    assert_int_equal(posw_state_add_balance(s, &a, &v), POSW_OK);
}

static posw_u256 balance(posw_state *s, posw_address a) {
    posw_account account;
    assert_int_equal(posw_state_account(s, &account, &a), POSW_OK);
    return account.balance_wei;
}

static posw_hash slot_of(uint64_t n) {
    posw_hash h = {{0}};
    posw_store_be64(h.b + 24, n);
    return h;
}

static void set_word(posw_state *s, uint64_t slot, uint64_t v) {
    posw_hash h = slot_of(slot);
    posw_u256 wide = u64(v);
    assert_int_equal(posw_state_set_word(s, &h, &wide), POSW_OK);
}

static posw_u256 word(posw_state *s, uint64_t slot) {
    posw_hash h = slot_of(slot);
    posw_u256 v;
    assert_int_equal(posw_state_word(s, &v, &h), POSW_OK);
    return v;
}

/* The contract must exist for its storage to have a place. */
static void make_contract(posw_state *s) {
    posw_account a = posw_account_blank();
    a.nonce = 1;
    a.code_hash = posw_staking_code_hash();
    assert_int_equal(posw_state_set_account(s, &POSW_STAKING_ADDRESS, &a), POSW_OK);
}

static void test_absent_account_is_blank(void **state) {
    (void)state;
    posw_state *s = open_empty();
    posw_account a;
    posw_address who = made_address(1);
    assert_int_equal(posw_state_account(s, &a, &who), POSW_OK);
    assert_int_equal(a.nonce, 0);
    assert_u256_is(&a.balance_wei, 0);
    assert_memory_equal(&a.storage_root, &POSW_TRIE_EMPTY_ROOT, 32);
    assert_memory_equal(&a.code_hash, &POSW_KECCAK_EMPTY, 32);
    posw_state_free(s);
}

static void test_balance_limits(void **state) {
    (void)state;
    posw_state *s = open_empty();
    posw_address a = made_address(1);
    posw_u256 one = u64(1), max = POSW_U256_MAX;
    assert_int_equal(posw_state_sub_balance(s, &a, &one), POSW_ERANGE);
    assert_int_equal(posw_state_add_balance(s, &a, &max), POSW_OK);
    assert_int_equal(posw_state_add_balance(s, &a, &one), POSW_ERANGE);
    posw_u256 now = balance(s, a);
    assert_u256(&now, &max);
    assert_int_equal(posw_state_sub_balance(s, &a, &max), POSW_OK);
    now = balance(s, a);
    assert_u256_is(&now, 0);
    posw_state_free(s);
}

static void test_code_hash(void **state) {
    (void)state;
    posw_hash h = posw_staking_code_hash();
    char hex[65];
    posw_hex_encode(hex, h.b, 32);
    assert_string_equal(hex, "a85deabe9c02d9b35c6e1ca29d3cd484ec48219ec50644f4f9d968ce74577a79");
    posw_address a;
    assert_true(posw_address_parse(&a, "0x00000000000000000000000000000000706f7377"));
    assert_memory_equal(&a, &POSW_STAKING_ADDRESS, sizeof a);
}

/* The root is that of a trie made by hand (X1). */
static void test_root_by_hand(void **state) {
    (void)state;
    posw_state *s = open_empty();
    make_contract(s);
    posw_trie *accounts = posw_trie_new(&POSW_TRIE_EMPTY_ROOT, NULL),
              *storage = posw_trie_new(&POSW_TRIE_EMPTY_ROOT, NULL);
    for (uint64_t i = 1; i <= 40; i++) {
        posw_hash slot = slot_of(i), key;
        uint8_t rlp[33];
        posw_u256 v = u64(i * 1000000007);
        set_word(s, i, i * 1000000007);
        posw_keccak256(&key, slot.b, 32);
        assert_int_equal(posw_trie_put(storage, key.b, 32, rlp, (size_t)(posw_rlp_put_u256(rlp, &v) - rlp)), POSW_OK);
    }
    for (uint8_t i = 1; i <= 100; i++) {
        posw_address a = made_address(i);
        posw_account account = posw_account_blank();
        posw_hash key;
        uint8_t rlp[POSW_ACCOUNT_RLP_MAX];
        account.nonce = i % 3;
        account.balance_wei = u64(i);
        add(s, a, i);
        assert_int_equal(posw_state_set_account(s, &a, &account), POSW_OK);
        posw_keccak256(&key, a.b, 20);
        assert_int_equal(posw_trie_put(accounts, key.b, 32, rlp, posw_account_encode(rlp, &account)), POSW_OK);
    }
    posw_account contract = posw_account_blank();
    posw_hash key, want;
    uint8_t rlp[POSW_ACCOUNT_RLP_MAX];
    contract.nonce = 1;
    contract.code_hash = posw_staking_code_hash();
    assert_int_equal(posw_trie_root(storage, &contract.storage_root), POSW_OK);
    posw_keccak256(&key, POSW_STAKING_ADDRESS.b, 20);
    assert_int_equal(posw_trie_put(accounts, key.b, 32, rlp, posw_account_encode(rlp, &contract)), POSW_OK);
    assert_int_equal(posw_trie_root(accounts, &want), POSW_OK);
    posw_hash root = seal(s, NULL);
    assert_memory_equal(&root, &want, 32);
    posw_trie_free(accounts);
    posw_trie_free(storage);
    posw_state_free(s);
}

/* EIP-161, X8: a touched account that is empty vanishes; words of zero are not stored. */
static void test_empty_accounts_vanish(void **state) {
    (void)state;
    posw_state *s = open_empty();
    make_contract(s);
    add(s, made_address(1), 5);
    posw_hash before = seal(s, NULL);
    posw_buf undo = {0};
    add(s, made_address(2), 0);
    add(s, made_address(3), 7);
    set_word(s, 1, 0);
    posw_u256 seven = u64(7);
    posw_address three = made_address(3);
    assert_int_equal(posw_state_sub_balance(s, &three, &seven), POSW_OK);
    posw_hash after = seal(s, &undo);
    assert_memory_equal(&before, &after, 32);
    assert_int_equal(undo.size, 8); /* nothing changed, nothing to undo */
    add(s, made_address(3), 7);
    set_word(s, 1, 9);
    seal(s, NULL);
    assert_int_equal(posw_state_sub_balance(s, &three, &seven), POSW_OK);
    set_word(s, 1, 0);
    after = seal(s, NULL);
    assert_memory_equal(&before, &after, 32);
    posw_buf_clear(&undo);
    posw_state_free(s);
}

static void test_marks_nest(void **state) {
    (void)state;
    posw_state *s = open_empty();
    make_contract(s);
    posw_address a = made_address(1);
    add(s, a, 1);
    size_t outer = posw_state_mark(s);
    add(s, a, 2);
    set_word(s, 4, 40);
    size_t inner = posw_state_mark(s);
    add(s, a, 4);
    set_word(s, 4, 41);
    set_word(s, 5, 50);
    posw_state_revert(s, inner);
    posw_u256 v = balance(s, a);
    assert_u256_is(&v, 3);
    v = word(s, 4);
    assert_u256_is(&v, 40);
    v = word(s, 5);
    assert_u256_is(&v, 0);
    posw_state_revert(s, outer);
    v = balance(s, a);
    assert_u256_is(&v, 1);
    v = word(s, 4);
    assert_u256_is(&v, 0);
    posw_state_revert(s, outer);
    posw_state_revert(s, 0);
    v = balance(s, a);
    assert_u256_is(&v, 0);
    posw_state_free(s);
}

static void revert_forgotten(void *arg) {
    posw_state *s = arg;
    size_t mark = posw_state_mark(s);
    add(s, made_address(1), 1);
    posw_state_forget_marks(s);
    posw_state_revert(s, mark);
}

static void copy_changed(void *arg) {
    posw_state *copy;
    add(arg, made_address(1), 1);
    (void)posw_state_copy(&copy, arg);
}

static void test_bugs_stop(void **state) {
    (void)state;
    posw_state *s = open_empty();
    assert_true(test_aborts(revert_forgotten, s));
    assert_true(test_aborts(copy_changed, s));
    posw_state_free(s);
}

/* A copy is a value: neither sees the other's changes. */
static void test_copies_are_values(void **state) {
    (void)state;
    posw_state *s = open_empty(), *copy;
    make_contract(s);
    posw_address a = made_address(1);
    add(s, a, 10);
    set_word(s, 1, 100);
    posw_hash root = seal(s, NULL);
    assert_int_equal(balance(s, a).w[0], 10); /* a cached read does not hinder a copy */
    assert_int_equal(posw_state_copy(&copy, s), POSW_OK);
    add(copy, a, 1);
    set_word(copy, 1, 101);
    posw_hash other = seal(copy, NULL);
    assert_memory_not_equal(&root, &other, 32);
    posw_u256 v = balance(s, a);
    assert_u256_is(&v, 10);
    v = word(s, 1);
    assert_u256_is(&v, 100);
    v = balance(copy, a);
    assert_u256_is(&v, 11);
    add(s, a, 1);
    set_word(s, 1, 101);
    posw_hash same = seal(s, NULL);
    assert_memory_equal(&same, &other, 32);
    posw_state_free(s);
    v = word(copy, 1);
    assert_u256_is(&v, 101);
    posw_state_free(copy);
}

/* Of a version and the one that the next block makes of it, the newer has the overlay's memory. */
static void test_child_takes_memory(void **state) {
    (void)state;
    posw_state *s = open_empty(), *copy, *child;
    make_contract(s);
    const posw_address a = made_address(1);
    add(s, a, 10);
    set_word(s, 1, 100);
    const posw_hash root = seal(s, NULL);
    assert_int_equal(balance(s, a).w[0], 10); /* a cached read, which the child must not take for its own */
    assert_int_equal(posw_state_copy(&copy, s), POSW_OK);
    const size_t with = posw_state_memory(s), without = posw_state_memory(copy);
    assert_true(with > without);
    assert_int_equal(posw_state_child(&child, s), POSW_OK);
    assert_int_equal(posw_state_memory(s), without);
    assert_int_equal(posw_state_memory(child), with);
    add(child, a, 1);
    set_word(child, 1, 101);
    (void)seal(child, NULL);
    const posw_hash kept = posw_state_root(s);
    assert_memory_equal(&kept, &root, sizeof root);
    posw_u256 v = balance(s, a);
    assert_u256_is(&v, 10);
    v = word(s, 1);
    assert_u256_is(&v, 100);
    v = balance(child, a);
    assert_u256_is(&v, 11);
    v = word(child, 1);
    assert_u256_is(&v, 101);
    posw_state_free(s);
    posw_state_free(copy);
    posw_state_free(child);
}

/* Reading a long list must not fill the memory: neither on a clean state nor in the middle of a block. */
static void test_cache_is_bounded(void **state) {
    (void)state;
    posw_state *s = open_empty();
    make_contract(s);
    for (uint64_t i = 0; i < 20000; i++)
        set_word(s, i + 1, i + 1);
    seal(s, NULL);
    size_t before = posw_state_memory(s);
    for (uint64_t i = 0; i < 20000; i++) {
        posw_u256 v = word(s, i + 1);
        assert_u256_is(&v, i + 1);
    }
    size_t clean = posw_state_memory(s);
    assert_true(clean - before < 4 * POSW_OVERLAY_CLEAN_MAX * sizeof(posw_overlay_word));
    add(s, made_address(1), 1);
    for (uint64_t i = 0; i < 20000; i++) {
        posw_u256 v = word(s, i + 1);
        assert_u256_is(&v, i + 1);
    }
    posw_u256 v = balance(s, made_address(1));
    assert_u256_is(&v, 1);
    assert_true(posw_state_memory(s) - before < 4 * POSW_OVERLAY_CLEAN_MAX * sizeof(posw_overlay_word));
    posw_state_free(s);
}

static void test_peek(void **state) {
    (void)state;
    posw_state *s = open_empty();
    make_contract(s);
    set_word(s, 1, 11);
    set_word(s, 2, 22);
    seal(s, NULL);
    set_word(s, 2, 23);
    set_word(s, 3, 33);
    posw_hash slots[4] = {slot_of(1), slot_of(2), slot_of(3), slot_of(4)};
    posw_u256 v[4];
    assert_int_equal(posw_state_peek_words_x4(s, v, slots), POSW_OK);
    assert_u256_is(&v[0], 11);
    assert_u256_is(&v[1], 23);
    assert_u256_is(&v[2], 33);
    assert_u256_is(&v[3], 0);
    posw_state_free(s);
}

/* ---- random blocks against a model, with undo ---- */

enum { ACCOUNTS = 60, WORDS = 60, BLOCKS = 120 };

typedef struct {
    uint64_t balance[ACCOUNTS], nonce[ACCOUNTS], word[WORDS];
} model;

static posw_address account_at(size_t i) {
    return made_address((uint8_t)(i + 1));
}

static void change(posw_state *s, model *m, uint64_t *seed) {
    size_t i = random_below(seed, ACCOUNTS);
    posw_address a = account_at(i);
    posw_account account;
    switch (random_below(seed, 4)) {
    case 0:
        m->word[i] = random_below(seed, 3) * random_below(seed, 1000);
        set_word(s, i, m->word[i]);
        break;
    case 1:
        m->balance[i] += 5;
        add(s, a, 5);
        break;
    case 2:
        m->balance[i] = 0;
        m->nonce[i] = random_below(seed, 2);
        assert_int_equal(posw_state_account(s, &account, &a), POSW_OK);
        account.balance_wei = u64(0);
        account.nonce = m->nonce[i];
        assert_int_equal(posw_state_set_account(s, &a, &account), POSW_OK);
        break;
    default: { /* a failed call */
        size_t mark = posw_state_mark(s);
        add(s, a, 77);
        set_word(s, i, 78);
        posw_state_revert(s, mark);
    }
    }
}

static void check_model(posw_state *s, const model *m) {
    for (size_t i = 0; i < ACCOUNTS; i++) {
        posw_account a;
        posw_address who = account_at(i);
        assert_int_equal(posw_state_account(s, &a, &who), POSW_OK);
        assert_u256_is(&a.balance_wei, m->balance[i]);
        assert_int_equal(a.nonce, m->nonce[i]);
        posw_u256 v = word(s, i);
        assert_u256_is(&v, m->word[i]);
    }
}

static void check_undo(posw_state *s, const posw_hash *root, const posw_buf *undo) {
    assert_int_equal(posw_state_apply_undo(s, undo->data, undo->size), POSW_OK);
    posw_hash back = seal(s, NULL);
    assert_memory_equal(&back, root, 32);
}

static void test_random_blocks(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        uint64_t rng = seed;
        model m = {0};
        posw_state *s = open_empty();
        make_contract(s);
        posw_hash roots[BLOCKS + 1];
        posw_buf undo[BLOCKS] = {0};
        roots[0] = seal(s, NULL);
        for (size_t n = 0; n < BLOCKS; n++) {
            for (uint64_t k = random_below(&rng, 40); k > 0; k--)
                change(s, &m, &rng);
            roots[n + 1] = seal(s, &undo[n]);
            check_model(s, &m);
            posw_state *copy; /* to and fro on a copy */
            assert_int_equal(posw_state_copy(&copy, s), POSW_OK);
            check_undo(copy, &roots[n], &undo[n]);
            posw_state_free(copy);
        }
        for (size_t n = BLOCKS; n-- > 60;)
            check_undo(s, &roots[n], &undo[n]);
        for (size_t n = 60; n-- > 0;) /* many records, one seal */
            assert_int_equal(posw_state_apply_undo(s, undo[n].data, undo[n].size), POSW_OK);
        posw_hash back = seal(s, NULL);
        assert_memory_equal(&back, &roots[0], 32);
        for (size_t n = 0; n < BLOCKS; n++)
            posw_buf_clear(&undo[n]);
        posw_state_free(s);
    }
}

/* The same changes in another order: same root, same undo record. */
static void test_undo_is_deterministic(void **state) {
    (void)state;
    posw_buf undo[2] = {0};
    for (int turn = 0; turn < 2; turn++) {
        posw_state *s = open_empty();
        make_contract(s);
        for (uint8_t i = 1; i < 50; i++)
            add(s, made_address(i), i);
        seal(s, NULL);
        for (uint8_t k = 1; k < 80; k++) {
            uint8_t i = turn == 0 ? k : (uint8_t)(80 - k);
            add(s, made_address(i), 1);
            set_word(s, i, i);
        }
        seal(s, &undo[turn]);
        posw_state_free(s);
    }
    assert_int_equal(undo[0].size, undo[1].size);
    assert_memory_equal(undo[0].data, undo[1].data, undo[0].size);
    posw_buf_clear(&undo[0]);
    posw_buf_clear(&undo[1]);
}

/* Cut at every place, lengthened, with a bit turned: refused and unchanged, or it leads to another root or to damage
 * found at the seal. */
static void test_damaged_undo(void **state) {
    (void)state;
    posw_state *s = open_empty(), *copy;
    make_contract(s);
    add(s, made_address(1), 300);
    set_word(s, 1, 300);
    posw_hash before = seal(s, NULL);
    posw_buf undo = {0};
    add(s, made_address(1), 1);
    add(s, made_address(2), 1);
    set_word(s, 1, 301);
    set_word(s, 2, 301);
    posw_hash root = seal(s, &undo);
    for (size_t size = 0; size < undo.size; size++) {
        uint8_t *cut = malloc(size + 1);
        memcpy(cut, undo.data, size);
        assert_int_equal(posw_state_apply_undo(s, cut, size), POSW_ECORRUPT);
        free(cut);
    }
    uint8_t *longer = calloc(1, undo.size + 1);
    memcpy(longer, undo.data, undo.size);
    assert_int_equal(posw_state_apply_undo(s, longer, undo.size + 1), POSW_ECORRUPT);
    free(longer);
    posw_hash now = posw_state_root(s);
    assert_memory_equal(&now, &root, 32);
    for (size_t bit = 0; bit < undo.size * 8; bit++) {
        undo.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(posw_state_copy(&copy, s), POSW_OK);
        int rc = posw_state_apply_undo(copy, undo.data, undo.size);
        posw_hash other;
        if (rc == POSW_OK) rc = posw_state_seal(copy, &other, NULL);
        if (rc == POSW_OK) assert_memory_not_equal(&other, &before, 32);
        posw_state_free(copy);
        undo.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    check_undo(s, &before, &undo);
    posw_buf_clear(&undo);
    posw_state_free(s);
}

/* ---- through a store: sink and source ---- */

static void test_commit_and_reopen(void **state) {
    (void)state;
    disk *accounts = calloc(1, sizeof *accounts), *storage = calloc(1, sizeof *storage);
    posw_trie_sink to_accounts = {disk_put, disk_del, accounts}, to_storage = {disk_put, disk_del, storage};
    posw_state_source source = {{disk_load, accounts}, {disk_load, storage}};
    posw_state *s, *base = NULL, *copy;
    model m = {0};
    uint64_t rng = 9;
    assert_int_equal(posw_state_open(&s, &POSW_TRIE_EMPTY_ROOT, &source), POSW_OK);
    make_contract(s);
    for (int n = 0; n < 40; n++) {
        for (int k = 0; k < 30; k++)
            change(s, &m, &rng);
        posw_hash root = seal(s, NULL);
        assert_int_equal(posw_state_commit(s, base, &to_accounts, &to_storage), POSW_OK);
        posw_state_free(base);
        assert_int_equal(posw_state_copy(&base, s), POSW_OK);
        if (n % 7 == 3) posw_state_trim(base);
        if (n % 5 == 4) { /* from the store alone */
            posw_state *again;
            assert_int_equal(posw_state_open(&again, &root, &source), POSW_OK);
            check_model(again, &m);
            assert_int_equal(posw_state_copy(&copy, again), POSW_OK);
            check_model(copy, &m);
            posw_state_free(copy);
            posw_state_free(again);
        }
    }
    assert_true(accounts->loads > 0 && storage->loads > 0);
    posw_hash missing = POSW_OMMERS_EMPTY; /* of no node */
    posw_state *none;
    assert_int_not_equal(posw_state_open(&none, &missing, &source), POSW_OK);
    posw_state_free(s);
    posw_state_free(base);
    disk_free(accounts);
    disk_free(storage);
}

/* ---- proofs ---- */

typedef struct {
    posw_bytes nodes[64];
    size_t count;
} proof;

static int collect(void *arg, const uint8_t *rlp, size_t size) {
    proof *p = arg;
    uint8_t *copy = malloc(size);
    memcpy(copy, rlp, size);
    p->nodes[p->count++] = (posw_bytes){copy, size};
    return POSW_OK;
}

static void proof_clear(proof *p) {
    for (size_t i = 0; i < p->count; i++)
        free((void *)p->nodes[i].data);
    p->count = 0;
}

static void test_proofs(void **state) {
    (void)state;
    posw_state *s = open_empty();
    make_contract(s);
    for (uint8_t i = 1; i < 60; i++) {
        add(s, made_address(i), i);
        set_word(s, i, i);
    }
    posw_hash root = seal(s, NULL), key;
    posw_account contract;
    proof p = {.count = 0};
    posw_buf value = {0};
    posw_address a = made_address(7);
    assert_int_equal(posw_state_prove_account(s, &a, collect, &p), POSW_OK);
    posw_keccak256(&key, a.b, 20);
    assert_int_equal(posw_trie_proof_check(&value, &root, key.b, 32, p.nodes, p.count), POSW_OK);
    posw_account got;
    assert_true(posw_account_decode(&got, posw_buf_view(&value)));
    assert_u256_is(&got.balance_wei, 7);
    proof_clear(&p);
    assert_int_equal(posw_state_account(s, &contract, &POSW_STAKING_ADDRESS), POSW_OK);
    posw_hash slot = slot_of(9);
    assert_int_equal(posw_state_prove_word(s, &slot, collect, &p), POSW_OK);
    posw_keccak256(&key, slot.b, 32);
    posw_buf_reset(&value);
    assert_int_equal(posw_trie_proof_check(&value, &contract.storage_root, key.b, 32, p.nodes, p.count), POSW_OK);
    assert_int_equal(value.size, 1);
    assert_int_equal(value.data[0], 9);
    proof_clear(&p);
    posw_buf_clear(&value);
    posw_state_free(s);
}

static void test_account_codec(void **state) {
    (void)state;
    uint64_t rng = 5;
    for (int i = 0; i < 2000; i++) {
        posw_account a = {.nonce = random_next(&rng) >> random_below(&rng, 64), .balance_wei = random_u256(&rng, 256)},
                     b;
        random_bytes(&rng, a.storage_root.b, 32);
        random_bytes(&rng, a.code_hash.b, 32);
        uint8_t rlp[POSW_ACCOUNT_RLP_MAX];
        size_t size = posw_account_encode(rlp, &a);
        assert_true(size <= sizeof rlp);
        assert_true(posw_account_decode(&b, posw_bytes_of(rlp, size)));
        assert_true(posw_account_equal(&a, &b));
        assert_false(posw_account_decode(&b, posw_bytes_of(rlp, size - 1)));
    }
    posw_account max = {.nonce = UINT64_MAX, .balance_wei = POSW_U256_MAX};
    uint8_t rlp[POSW_ACCOUNT_RLP_MAX];
    assert_int_equal(posw_account_encode(rlp, &max), POSW_ACCOUNT_RLP_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_account_is_blank),
        cmocka_unit_test(test_balance_limits),
        cmocka_unit_test(test_code_hash),
        cmocka_unit_test(test_root_by_hand),
        cmocka_unit_test(test_empty_accounts_vanish),
        cmocka_unit_test(test_marks_nest),
        cmocka_unit_test(test_bugs_stop),
        cmocka_unit_test(test_copies_are_values),
        cmocka_unit_test(test_child_takes_memory),
        cmocka_unit_test(test_cache_is_bounded),
        cmocka_unit_test(test_peek),
        cmocka_unit_test(test_random_blocks),
        cmocka_unit_test(test_undo_is_deterministic),
        cmocka_unit_test(test_damaged_undo),
        cmocka_unit_test(test_commit_and_reopen),
        cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_account_codec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
