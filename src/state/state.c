#include "state/state_impl.h"

#include "base/bytes.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "posw/u256.h"
#include "state/account.h"

#include <stdlib.h>

/* Levels of the tries that posw_state_trim keeps: 16^3 nodes of 0.6 KiB at most. */
enum { TRIM_DEPTH = 3 };

const uint8_t POSW_STAKING_CODE[5] = {0xfe, 0x70, 0x6f, 0x73, 0x77};

posw_hash posw_staking_code_hash(void) {
    posw_hash h;
    posw_keccak256(&h, POSW_STAKING_CODE, sizeof POSW_STAKING_CODE);
    return h;
}

/* ---- reading the tries ---- */

static int read_account(posw_trie *accounts, posw_account *out, const posw_hash *key) {
    posw_bytes rlp;
    int rc = posw_trie_get_view(accounts, &rlp, key->b, sizeof key->b);
    if (rc == POSW_ENOTFOUND) {
        *out = posw_account_blank();
        return POSW_OK;
    }
    if (rc != POSW_OK) return rc;
    return posw_account_decode(out, rlp) ? POSW_OK : POSW_ECORRUPT;
}

static int read_word(posw_trie *storage, posw_u256 *out, const posw_hash *key) {
    posw_bytes rlp;
    int rc = posw_trie_get_view(storage, &rlp, key->b, sizeof key->b);
    if (rc == POSW_ENOTFOUND) {
        *out = POSW_U256_ZERO;
        return POSW_OK;
    }
    if (rc != POSW_OK) return rc;
    posw_rlp r = posw_rlp_reader(rlp.data, rlp.size);
    posw_u256 v = posw_rlp_u256(&r);
    if (!posw_rlp_done(&r)) return POSW_ECORRUPT;
    *out = v;
    return POSW_OK;
}

size_t posw_state_word_encode(uint8_t out[33], const posw_u256 *v) {
    return (size_t)(posw_rlp_put_u256(out, v) - out);
}

/* ---- life ---- */

static void assert_sealed(const posw_state *s) {
    POSW_ASSERT(!posw_overlay_changed(&s->overlay) && !s->undone);
}

static int open_tries(posw_state *s, const posw_hash *root) {
    s->accounts = posw_trie_new(root, s->source == NULL ? NULL : &s->source->accounts);
    if (s->accounts == NULL) return POSW_ENOMEM;
    posw_hash key;
    posw_account contract;
    posw_keccak256(&key, POSW_STAKING_ADDRESS.b, sizeof POSW_STAKING_ADDRESS.b);
    int rc = read_account(s->accounts, &contract, &key);
    if (rc != POSW_OK) return rc;
    s->storage = posw_trie_new(&contract.storage_root, s->source == NULL ? NULL : &s->source->storage);
    return s->storage == NULL ? POSW_ENOMEM : POSW_OK;
}

int posw_state_open(posw_state **out, const posw_hash *root, const posw_state_source *source) {
    posw_state *s = calloc(1, sizeof *s);
    if (s == NULL) return POSW_ENOMEM;
    s->source = source;
    s->root = *root;
    posw_overlay_init(&s->overlay, root);
    int rc = open_tries(s, root);
    if (rc != POSW_OK) {
        posw_state_free(s);
        return rc;
    }
    *out = s;
    return POSW_OK;
}

int posw_state_copy(posw_state **out, const posw_state *s) {
    assert_sealed(s);
    posw_state *copy = malloc(sizeof *copy);
    if (copy == NULL) return POSW_ENOMEM;
    copy->source = s->source;
    copy->root = s->root;
    copy->undone = false;
    copy->shares = 0;
    posw_overlay_init(&copy->overlay, &copy->root);
    copy->accounts = posw_trie_copy(s->accounts);
    copy->storage = posw_trie_copy(s->storage);
    if (copy->accounts == NULL || copy->storage == NULL) {
        posw_state_free(copy);
        return POSW_ENOMEM;
    }
    *out = copy;
    return POSW_OK;
}

int posw_state_child(posw_state **out, posw_state *s) {
    const int rc = posw_state_copy(out, s);
    if (rc != POSW_OK) return rc;
    (*out)->overlay = s->overlay;
    posw_overlay_settle(&(*out)->overlay, &s->root);
    posw_overlay_init(&s->overlay, &s->root);
    return POSW_OK;
}

posw_state *posw_state_share(posw_state *s) {
    assert_sealed(s);
    s->shares++;
    return s;
}

void posw_state_free(posw_state *s) {
    if (s == NULL) return;
    if (s->shares > 0) {
        s->shares--;
        return;
    }
    posw_overlay_clear(&s->overlay);
    posw_trie_free(s->accounts);
    posw_trie_free(s->storage);
    free(s);
}

/* ---- accounts ---- */

static int load_account(posw_state *s, posw_hash *key, posw_account *out, const posw_address *a) {
    posw_keccak256(key, a->b, sizeof a->b);
    return read_account(s->accounts, out, key);
}

int posw_state_account(posw_state *s, posw_account *out, const posw_address *a) {
    const posw_overlay_account *e = posw_overlay_find_account(&s->overlay, a);
    if (e != NULL) {
        *out = e->now;
        return POSW_OK;
    }
    posw_hash key;
    posw_account v;
    int rc = load_account(s, &key, &v, a);
    if (rc != POSW_OK) return rc;
    if (posw_overlay_may_cache(&s->overlay, &s->root) && posw_overlay_add_account(&s->overlay, a, &key, &v) == NULL)
        return POSW_ENOMEM;
    *out = v;
    return POSW_OK;
}

int posw_state_account_entry(posw_state *s, posw_overlay_account **out, const posw_address *a) {
    *out = posw_overlay_find_account(&s->overlay, a);
    if (*out != NULL) return POSW_OK;
    posw_hash key;
    posw_account v;
    int rc = load_account(s, &key, &v, a);
    if (rc != POSW_OK) return rc;
    *out = posw_overlay_add_account(&s->overlay, a, &key, &v);
    return *out == NULL ? POSW_ENOMEM : POSW_OK;
}

static int warm_one(posw_state *s, const posw_address *a, const posw_hash *key) {
    posw_account v;
    if (posw_overlay_find_account(&s->overlay, a) != NULL || !posw_overlay_may_cache(&s->overlay, &s->root))
        return POSW_OK;
    int rc = read_account(s->accounts, &v, key);
    if (rc != POSW_OK) return rc;
    return posw_overlay_add_account(&s->overlay, a, key, &v) == NULL ? POSW_ENOMEM : POSW_OK;
}

int posw_state_warm_x4(posw_state *s, const posw_address *const a[4]) {
    posw_hash key[4];
    posw_hash *keys[4] = {&key[0], &key[1], &key[2], &key[3]};
    posw_bytes in[4];
    for (size_t i = 0; i < 4; i++)
        in[i] = posw_bytes_of(a[i]->b, sizeof a[i]->b);
    posw_keccak256_x4(keys, in);
    int rc = POSW_OK;
    for (size_t i = 0; rc == POSW_OK && i < 4; i++)
        rc = warm_one(s, a[i], &key[i]);
    return rc;
}

int posw_state_set_account(posw_state *s, const posw_address *a, const posw_account *account) {
    posw_overlay_account *e;
    int rc = posw_state_account_entry(s, &e, a);
    return rc != POSW_OK ? rc : posw_overlay_set_account(&s->overlay, e, account);
}

int posw_state_add_balance(posw_state *s, const posw_address *a, const posw_u256 *wei) {
    posw_overlay_account *e;
    int rc = posw_state_account_entry(s, &e, a);
    if (rc != POSW_OK) return rc;
    posw_account v = e->now;
    if (!posw_u256_add(&v.balance_wei, &v.balance_wei, wei)) return POSW_ERANGE;
    return posw_overlay_set_account(&s->overlay, e, &v);
}

int posw_state_sub_balance(posw_state *s, const posw_address *a, const posw_u256 *wei) {
    posw_overlay_account *e;
    int rc = posw_state_account_entry(s, &e, a);
    if (rc != POSW_OK) return rc;
    posw_account v = e->now;
    if (!posw_u256_sub(&v.balance_wei, &v.balance_wei, wei)) return POSW_ERANGE;
    return posw_overlay_set_account(&s->overlay, e, &v);
}

/* ---- words ---- */

int posw_state_word(posw_state *s, posw_u256 *out, const posw_hash *slot) {
    const posw_overlay_word *e = posw_overlay_find_word(&s->overlay, slot);
    if (e != NULL) {
        *out = e->now;
        return POSW_OK;
    }
    posw_hash key;
    posw_u256 v;
    posw_keccak256(&key, slot->b, sizeof slot->b);
    int rc = read_word(s->storage, &v, &key);
    if (rc != POSW_OK) return rc;
    if (posw_overlay_may_cache(&s->overlay, &s->root) && posw_overlay_add_word(&s->overlay, slot, &key, &v) == NULL)
        return POSW_ENOMEM;
    *out = v;
    return POSW_OK;
}

int posw_state_word_entry(posw_state *s, posw_overlay_word **out, const posw_hash *slot) {
    *out = posw_overlay_find_word(&s->overlay, slot);
    if (*out != NULL) return POSW_OK;
    posw_hash key;
    posw_u256 v;
    posw_keccak256(&key, slot->b, sizeof slot->b);
    int rc = read_word(s->storage, &v, &key);
    if (rc != POSW_OK) return rc;
    *out = posw_overlay_add_word(&s->overlay, slot, &key, &v);
    return *out == NULL ? POSW_ENOMEM : POSW_OK;
}

int posw_state_set_word(posw_state *s, const posw_hash *slot, const posw_u256 *v) {
    posw_overlay_word *e;
    int rc = posw_state_word_entry(s, &e, slot);
    if (rc != POSW_OK || posw_u256_equal(&e->now, v)) return rc;
    return posw_overlay_set_word(&s->overlay, e, v);
}

int posw_state_peek_words_x4(posw_state *s, posw_u256 out[4], const posw_hash slot[4]) {
    posw_hash key[4];
    posw_hash *keys[4] = {&key[0], &key[1], &key[2], &key[3]};
    posw_bytes slots[4];
    for (size_t i = 0; i < 4; i++)
        slots[i] = posw_bytes_of(slot[i].b, sizeof slot[i].b);
    posw_keccak256_x4(keys, slots);
    for (size_t i = 0; i < 4; i++) {
        const posw_overlay_word *e = posw_overlay_find_word(&s->overlay, &slot[i]);
        int rc = POSW_OK;
        if (e != NULL)
            out[i] = e->now;
        else
            rc = read_word(s->storage, &out[i], &key[i]);
        if (rc != POSW_OK) return rc;
    }
    return POSW_OK;
}

/* ---- marks ---- */

size_t posw_state_mark(const posw_state *s) {
    return posw_overlay_mark(&s->overlay);
}

void posw_state_revert(posw_state *s, size_t mark) {
    posw_overlay_revert(&s->overlay, mark);
}

void posw_state_forget_marks(posw_state *s) {
    posw_overlay_forget_marks(&s->overlay);
}

/* ---- the tries as a whole ---- */

posw_hash posw_state_root(const posw_state *s) {
    assert_sealed(s);
    return s->root;
}

int posw_state_commit(posw_state *s, const posw_state *base, const posw_trie_sink *accounts,
                      const posw_trie_sink *storage) {
    assert_sealed(s);
    int rc = posw_trie_commit(s->accounts, base == NULL ? NULL : base->accounts, accounts);
    return rc != POSW_OK ? rc : posw_trie_commit(s->storage, base == NULL ? NULL : base->storage, storage);
}

size_t posw_state_memory(const posw_state *s) {
    return posw_trie_memory(s->accounts) + posw_trie_memory(s->storage) + posw_overlay_memory(&s->overlay);
}

void posw_state_trim(posw_state *s) {
    posw_trie_trim(s->accounts, TRIM_DEPTH);
    posw_trie_trim(s->storage, TRIM_DEPTH);
}

int posw_state_prove_account(posw_state *s, const posw_address *a,
                             int (*node)(void *arg, const uint8_t *rlp, size_t size), void *arg) {
    assert_sealed(s);
    posw_hash key;
    posw_keccak256(&key, a->b, sizeof a->b);
    return posw_trie_prove(s->accounts, key.b, sizeof key.b, node, arg);
}

int posw_state_prove_word(posw_state *s, const posw_hash *slot, int (*node)(void *arg, const uint8_t *rlp, size_t size),
                          void *arg) {
    assert_sealed(s);
    posw_hash key;
    posw_keccak256(&key, slot->b, sizeof slot->b);
    return posw_trie_prove(s->storage, key.b, sizeof key.b, node, arg);
}

int posw_state_walk_accounts(posw_state *s,
                             int (*leaf)(void *arg, const uint8_t *key, size_t key_size, posw_bytes value), void *arg) {
    assert_sealed(s);
    return posw_trie_walk(s->accounts, leaf, arg);
}
