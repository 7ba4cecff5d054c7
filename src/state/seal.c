/* Sealing: the overlay's changes go into the tries, and the old values into an undo record.
 *
 * Undo record: for the words, then for the accounts: count (4), then by ascending key: key hash (32) ‖ size (1) ‖ old
 * RLP (empty: it did not exist). It names key hashes, so that undoing needs no address. The staking contract's old
 * account carries the old storage root, against which the undone words are checked. */
#include "state/state_impl.h"

#include "base/bytes.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "posw/u256.h"
#include "state/account.h"

#include <stdlib.h>

enum { WORD_RLP_MAX = 33, UNDO_ITEM_MAX = POSW_HASH_SIZE + 1 + POSW_ACCOUNT_RLP_MAX };

/* A changed entry, to be sorted by its key. */
typedef struct {
    const uint8_t *key; /* 32 bytes */
    uint64_t prefix;    /* the key's first 8, to compare without a look at the entry */
    const void *entry;
} change;

static int compare_changes(const void *a, const void *b) {
    const change *x = a, *y = b;
    if (x->prefix != y->prefix) return x->prefix < y->prefix ? -1 : 1;
    return memcmp(x->key, y->key, POSW_HASH_SIZE);
}

/* qsort is for many: most blocks change a handful. */
static void sort_changes(change *list, size_t n) {
    if (n > POSW_OVERLAY_FEW) {
        qsort(list, n, sizeof *list, compare_changes);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        const change c = list[i];
        size_t at = i;
        for (; at > 0 && compare_changes(&list[at - 1], &c) > 0; at--)
            list[at] = list[at - 1];
        list[at] = c;
    }
}

static change change_of(const posw_hash *key, const void *entry) {
    return (change){.key = key->b, .prefix = posw_load_be64(key->b), .entry = entry};
}

static void undo_count(posw_buf *undo, size_t count) {
    uint8_t *p = undo == NULL ? NULL : posw_buf_extend(undo, 4);
    if (p != NULL) posw_store_be32(p, (uint32_t)count);
}

static void undo_item(posw_buf *undo, const uint8_t *key, const uint8_t *rlp, size_t size) {
    uint8_t *p = undo == NULL ? NULL : posw_buf_extend(undo, POSW_HASH_SIZE + 1 + size);
    if (p == NULL) return;
    memcpy(p, key, POSW_HASH_SIZE);
    p[POSW_HASH_SIZE] = (uint8_t)size;
    if (size > 0) memcpy(p + POSW_HASH_SIZE + 1, rlp, size);
}

/* ---- words ---- */

static size_t changed_words(change *list, const posw_overlay *o) {
    size_t n = 0;
    for (size_t i = 0; i < o->word_count; i++) {
        const posw_overlay_word *e = &o->words[i];
        if (e->written && !posw_u256_equal(&e->now, &e->was)) list[n++] = change_of(&e->key, e);
    }
    sort_changes(list, n);
    return n;
}

static int seal_word(posw_state *s, const posw_overlay_word *e, posw_buf *undo) {
    uint8_t rlp[WORD_RLP_MAX];
    size_t size = posw_u256_is_zero(&e->was) ? 0 : posw_state_word_encode(rlp, &e->was);
    undo_item(undo, e->key.b, rlp, size);
    size = posw_u256_is_zero(&e->now) ? 0 : posw_state_word_encode(rlp, &e->now);
    return posw_trie_put(s->storage, e->key.b, sizeof e->key.b, rlp, size);
}

static int seal_words(posw_state *s, change *list, posw_buf *undo) {
    size_t n = changed_words(list, &s->overlay);
    undo_count(undo, n);
    for (size_t i = 0; i < n; i++) {
        int rc = seal_word(s, list[i].entry, undo);
        if (rc != POSW_OK) return rc;
    }
    return POSW_OK;
}

/* The contract's account follows its storage trie; after an undo record it must agree with it already. */
static int seal_storage_root(posw_state *s) {
    posw_hash root;
    int rc = posw_trie_root(s->storage, &root);
    if (rc != POSW_OK) return rc;
    posw_account contract;
    rc = posw_state_account(s, &contract, &POSW_STAKING_ADDRESS);
    if (rc != POSW_OK || posw_hash_equal(&contract.storage_root, &root)) return rc;
    if (s->undone) return POSW_ECORRUPT;
    contract.storage_root = root;
    return posw_state_set_account(s, &POSW_STAKING_ADDRESS, &contract);
}

/* ---- accounts ---- */

static size_t changed_accounts(change *list, const posw_overlay *o) {
    size_t n = 0;
    for (size_t i = 0; i < o->account_count; i++) {
        const posw_overlay_account *e = &o->accounts[i];
        if (e->written && !posw_account_equal(&e->now, &e->was)) list[n++] = change_of(&e->key, e);
    }
    sort_changes(list, n);
    return n;
}

static int seal_account(posw_state *s, const posw_overlay_account *e, posw_buf *undo) {
    uint8_t rlp[POSW_ACCOUNT_RLP_MAX];
    size_t size = posw_account_is_empty(&e->was) ? 0 : posw_account_encode(rlp, &e->was);
    undo_item(undo, e->key.b, rlp, size);
    size = posw_account_is_empty(&e->now) ? 0 : posw_account_encode(rlp, &e->now);
    return posw_trie_put(s->accounts, e->key.b, sizeof e->key.b, rlp, size);
}

static int seal_accounts(posw_state *s, change *list, posw_buf *undo) {
    size_t n = changed_accounts(list, &s->overlay);
    undo_count(undo, n);
    for (size_t i = 0; i < n; i++) {
        int rc = seal_account(s, list[i].entry, undo);
        if (rc != POSW_OK) return rc;
    }
    return POSW_OK;
}

/* ---- sealing ---- */

static int seal_all(posw_state *s, change *list, posw_hash *root, posw_buf *undo) {
    int rc = seal_words(s, list, undo);
    if (rc == POSW_OK) rc = seal_storage_root(s);
    if (rc == POSW_OK) rc = seal_accounts(s, list, undo);
    return rc != POSW_OK ? rc : posw_trie_root(s->accounts, root);
}

int posw_state_seal(posw_state *s, posw_hash *root, posw_buf *undo) {
    POSW_ASSERT(undo == NULL || !s->undone); /* there is no record of what an undo record changed */
    const posw_overlay *o = &s->overlay;
    size_t most = o->account_count > o->word_count ? o->account_count : o->word_count;
    change few[POSW_OVERLAY_FEW + 1]; /* the contract's account may join */
    change *list = most <= POSW_OVERLAY_FEW ? few : malloc((most + 1) * sizeof *list);
    if (list == NULL) return POSW_ENOMEM;
    if (undo != NULL) (void)posw_buf_reserve(undo, 2 * 4 + (o->written + 1) * UNDO_ITEM_MAX);
    int rc = seal_all(s, list, &s->root, undo);
    if (list != few) free(list);
    if (rc != POSW_OK) return rc;
    s->undone = false;
    posw_overlay_settle(&s->overlay, &s->root);
    *root = s->root;
    return undo != NULL && undo->failed ? POSW_ENOMEM : POSW_OK;
}

/* ---- undoing ---- */

/* The next item of a record; false at the end of its section or when it is damaged. */
typedef struct {
    const uint8_t *p, *end;
    uint32_t left; /* items of this section */
    const uint8_t *key;
    posw_bytes rlp;
    bool failed;
} undo_reader;

static void read_section(undo_reader *r) {
    r->key = NULL;
    if (r->failed || r->end - r->p < 4) {
        r->failed = true;
        return;
    }
    r->left = posw_load_be32(r->p);
    r->p += 4;
}

static bool read_item(undo_reader *r) {
    if (r->failed || r->left == 0) return false;
    r->failed = true;
    if (r->end - r->p < POSW_HASH_SIZE + 1) return false;
    const uint8_t *key = r->p;
    size_t size = r->p[POSW_HASH_SIZE];
    r->p += POSW_HASH_SIZE + 1;
    if ((size_t)(r->end - r->p) < size || (r->key != NULL && memcmp(r->key, key, POSW_HASH_SIZE) >= 0)) return false;
    r->key = key;
    r->rlp = (posw_bytes){r->p, size};
    r->p += size;
    r->left--;
    r->failed = false;
    return true;
}

static bool word_rlp_valid(posw_bytes rlp) {
    posw_rlp r = posw_rlp_reader(rlp.data, rlp.size);
    posw_u256 v = posw_rlp_u256(&r);
    return posw_rlp_done(&r) && !posw_u256_is_zero(&v);
}

static bool account_rlp_valid(posw_bytes rlp) {
    posw_account a;
    return posw_account_decode(&a, rlp) && !posw_account_is_empty(&a);
}

static bool undo_valid(const uint8_t *undo, size_t size) {
    undo_reader r = {.p = undo, .end = undo + size};
    read_section(&r);
    while (read_item(&r))
        if (r.rlp.size > 0 && !word_rlp_valid(r.rlp)) return false;
    read_section(&r);
    while (read_item(&r))
        if (r.rlp.size > 0 && !account_rlp_valid(r.rlp)) return false;
    return !r.failed && r.p == r.end;
}

static int undo_section(posw_trie *t, undo_reader *r) {
    read_section(r);
    while (read_item(r)) {
        int rc = posw_trie_put(t, r->key, POSW_HASH_SIZE, r->rlp.data, r->rlp.size);
        if (rc != POSW_OK) return rc;
    }
    return POSW_OK;
}

int posw_state_apply_undo(posw_state *s, const uint8_t *undo, size_t size) {
    POSW_ASSERT(!posw_overlay_changed(&s->overlay));
    if (size == 0 || !undo_valid(undo, size)) return POSW_ECORRUPT;
    posw_overlay_reset(&s->overlay, &s->root); /* cached reads are of the newer state */
    s->undone = true;
    undo_reader r = {.p = undo, .end = undo + size};
    int rc = undo_section(s->storage, &r);
    return rc != POSW_OK ? rc : undo_section(s->accounts, &r);
}
