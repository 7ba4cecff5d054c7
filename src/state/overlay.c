#include "state/overlay.h"

#include "base/bytes.h"
#include "state/account.h"

#include <stdlib.h>
#include <string.h>

static void init_indexes(posw_overlay *o, const posw_hash *root) {
    posw_map_init(&o->account_index, POSW_ADDRESS_SIZE, sizeof(uint32_t), root->b);
    posw_map_init(&o->word_index, POSW_HASH_SIZE, sizeof(uint32_t), root->b);
}

void posw_overlay_init(posw_overlay *o, const posw_hash *root) {
    *o = (posw_overlay){0};
    init_indexes(o, root);
}

void posw_overlay_clear(posw_overlay *o) {
    posw_map_clear(&o->account_index);
    posw_map_clear(&o->word_index);
    free(o->accounts);
    free(o->words);
    free(o->journal);
    *o = (posw_overlay){0};
}

void posw_overlay_reset(posw_overlay *o, const posw_hash *root) {
    if (o->account_capacity > POSW_OVERLAY_KEEP_ENTRIES || o->word_capacity > POSW_OVERLAY_KEEP_ENTRIES ||
        o->journal_capacity > POSW_OVERLAY_KEEP_ENTRIES) {
        posw_overlay_clear(o);
        init_indexes(o, root);
        return;
    }
    posw_map_reset(&o->account_index, root->b);
    posw_map_reset(&o->word_index, root->b);
    o->account_count = o->word_count = o->journal_count = o->journal_base = o->written = 0;
}

void posw_overlay_settle(posw_overlay *o, const posw_hash *root) {
    const size_t accounts = o->account_count, words = o->word_count, written = o->written;
    const bool are_few = accounts <= POSW_OVERLAY_FEW && words <= POSW_OVERLAY_FEW;
    posw_overlay_reset(o, root);
    if (!are_few || o->account_capacity < accounts || o->word_capacity < words) return;
    o->account_count = accounts;
    o->word_count = words;
    if (written == 0) return;
    for (size_t i = 0; i < accounts; i++) {
        posw_overlay_account *e = &o->accounts[i];
        if (!e->written) continue;
        if (posw_account_is_empty(&e->now)) e->now = posw_account_blank(); /* X8: it is gone */
        e->was = e->now;
        e->written = false;
    }
    for (size_t i = 0; i < words; i++) {
        posw_overlay_word *e = &o->words[i];
        if (e->written) e->was = e->now;
        e->written = false;
    }
}

bool posw_overlay_changed(const posw_overlay *o) {
    return o->journal_base + o->journal_count > 0;
}

bool posw_overlay_may_cache(posw_overlay *o, const posw_hash *root) {
    if (o->account_count + o->word_count - o->written < POSW_OVERLAY_CLEAN_MAX) return true;
    if (posw_overlay_changed(o)) return false;
    posw_overlay_reset(o, root);
    return true;
}

/* ---- entries ---- */

posw_overlay_account *posw_overlay_find_account(const posw_overlay *o, const posw_address *a) {
    if (o->account_count <= POSW_OVERLAY_FEW) {
        for (size_t i = 0; i < o->account_count; i++)
            if (posw_address_equal(&o->accounts[i].address, a)) return &o->accounts[i];
        return NULL;
    }
    const uint32_t *place = posw_map_find(&o->account_index, a->b);
    return place == NULL ? NULL : &o->accounts[*place];
}

posw_overlay_word *posw_overlay_find_word(const posw_overlay *o, const posw_hash *slot) {
    if (o->word_count <= POSW_OVERLAY_FEW) {
        for (size_t i = 0; i < o->word_count; i++)
            if (posw_hash_equal(&o->words[i].slot, slot)) return &o->words[i];
        return NULL;
    }
    const uint32_t *place = posw_map_find(&o->word_index, slot->b);
    return place == NULL ? NULL : &o->words[*place];
}

/* Room for one more element; the array's new place, or NULL. */
static void *grow(void *array, size_t count, size_t *capacity, size_t element_size) {
    if (count < *capacity) return array;
    if (count >= UINT32_MAX / 2) return NULL;
    size_t more = *capacity == 0 ? 4 : *capacity * 2;
    void *p = realloc(array, more * element_size);
    if (p != NULL) *capacity = more;
    return p;
}

/* Notes the newest of count entries, whose keys stand `stride` bytes apart: when they are no longer few, all of them.
 * False: out of memory. */
static bool index_newest(posw_map *index, const uint8_t *keys, size_t stride, size_t count) {
    if (count <= POSW_OVERLAY_FEW) return true;
    for (size_t i = count == POSW_OVERLAY_FEW + 1 ? 0 : count - 1; i < count; i++) {
        uint32_t *place = posw_map_put(index, keys + i * stride, NULL);
        if (place == NULL) return false;
        *place = (uint32_t)i;
    }
    return true;
}

posw_overlay_account *posw_overlay_add_account(posw_overlay *o, const posw_address *a, const posw_hash *key,
                                               const posw_account *was) {
    void *p = grow(o->accounts, o->account_count, &o->account_capacity, sizeof *o->accounts);
    if (p == NULL) return NULL;
    o->accounts = p;
    posw_overlay_account *e = &o->accounts[o->account_count];
    *e = (posw_overlay_account){.now = *was, .was = *was, .key = *key, .address = *a};
    if (!index_newest(&o->account_index, o->accounts->address.b, sizeof *e, o->account_count + 1)) return NULL;
    o->account_count++;
    return e;
}

posw_overlay_word *posw_overlay_add_word(posw_overlay *o, const posw_hash *slot, const posw_hash *key,
                                         const posw_u256 *was) {
    void *p = grow(o->words, o->word_count, &o->word_capacity, sizeof *o->words);
    if (p == NULL) return NULL;
    o->words = p;
    posw_overlay_word *e = &o->words[o->word_count];
    *e = (posw_overlay_word){.now = *was, .was = *was, .slot = *slot, .key = *key};
    if (!index_newest(&o->word_index, o->words->slot.b, sizeof *e, o->word_count + 1)) return NULL;
    o->word_count++;
    return e;
}

/* ---- changes ---- */

static posw_overlay_change *journal_next(posw_overlay *o) {
    void *p = grow(o->journal, o->journal_count, &o->journal_capacity, sizeof *o->journal);
    if (p == NULL) return NULL;
    o->journal = p;
    return &o->journal[o->journal_count++];
}

int posw_overlay_set_account(posw_overlay *o, posw_overlay_account *e, const posw_account *v) {
    posw_overlay_change *c = journal_next(o);
    if (c == NULL) return POSW_ENOMEM;
    c->place = (uint32_t)(e - o->accounts);
    c->is_word = false;
    c->old.account = e->now;
    e->now = *v;
    o->written += !e->written;
    e->written = true;
    return POSW_OK;
}

int posw_overlay_set_word(posw_overlay *o, posw_overlay_word *e, const posw_u256 *v) {
    posw_overlay_change *c = journal_next(o);
    if (c == NULL) return POSW_ENOMEM;
    c->place = (uint32_t)(e - o->words);
    c->is_word = true;
    c->old.word = e->now;
    e->now = *v;
    o->written += !e->written;
    e->written = true;
    return POSW_OK;
}

size_t posw_overlay_mark(const posw_overlay *o) {
    return o->journal_base + o->journal_count;
}

void posw_overlay_revert(posw_overlay *o, size_t mark) {
    POSW_ASSERT(mark >= o->journal_base && mark <= o->journal_base + o->journal_count);
    while (o->journal_base + o->journal_count > mark) {
        const posw_overlay_change *c = &o->journal[--o->journal_count];
        if (c->is_word)
            o->words[c->place].now = c->old.word;
        else
            o->accounts[c->place].now = c->old.account;
    }
}

void posw_overlay_forget_marks(posw_overlay *o) {
    o->journal_base += o->journal_count;
    o->journal_count = 0;
}

size_t posw_overlay_memory(const posw_overlay *o) {
    return o->account_index.capacity * o->account_index.stride + o->word_index.capacity * o->word_index.stride +
           o->account_capacity * sizeof *o->accounts + o->word_capacity * sizeof *o->words +
           o->journal_capacity * sizeof *o->journal;
}
