#include "p2p/branch.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/siphash.h"
#include "core/check_parts.h"
#include "posw/u256.h"

#include <stdlib.h>
#include <string.h>

static void stand_at(p2p_branch *b, const posw_chain_place *place) {
    b->base_number = place->parent.number;
    b->fork_number = place->fork_number;
    b->base_hash = b->last_hash = place->parent_hash;
    b->last = place->parent;
    b->weight = place->parent_weight;
}

/* At the base. */
static int make_window(p2p_branch *b, posw_chain *c, const posw_chain_place *base) {
    const size_t size = posw_chain_window_size(c);
    if (b->window_memory == NULL) b->window_memory = aligned_alloc(16, size);
    if (b->window_memory == NULL) return POSW_ENOMEM;
    b->window_size = size;
    return posw_chain_window_copy(c, b->window_memory, &b->window, base);
}

int p2p_branch_ready(p2p_branch *b, posw_chain *c) {
    const posw_hash tip = posw_chain_tip_hash(c);
    posw_chain_place base;
    if (b->window != NULL || (b->count == 0 && posw_hash_equal(&b->base_hash, &tip))) return POSW_OK;
    POSW_ASSERT(b->count <= 1);
    int rc = posw_chain_find_place(c, &base, &b->base_hash);
    if (rc == POSW_OK) rc = make_window(b, c, &base);
    if (rc != POSW_OK || b->count == 0) return rc;
    const posw_window_entry entry = posw_chain_entry_of(&b->last);
    posw_window_push(b->window, &entry);
    return POSW_OK;
}

int p2p_branch_new(p2p_branch **out, posw_chain *c, const posw_hash *base) {
    posw_chain_place place;
    int rc = posw_chain_find_place(c, &place, base);
    if (rc != POSW_OK) return rc;
    p2p_branch *b = calloc(1, sizeof *b);
    if (b == NULL) return POSW_ENOMEM;
    if (!place.at_tip) rc = make_window(b, c, &place);
    if (rc != POSW_OK) {
        p2p_branch_free(b);
        return rc;
    }
    stand_at(b, &place);
    *out = b;
    return POSW_OK;
}

static void record_clear(p2p_branch *b, p2p_record *r) {
    if (r->block == NULL) return;
    b->bytes -= r->block->bytes.size;
    posw_prepared_clear(r->block);
    free(r->block);
    r->block = NULL;
}

void p2p_branch_free(p2p_branch *b) {
    if (b == NULL) return;
    for (size_t i = 0; i < b->count; i++)
        record_clear(b, &b->records[i]);
    free(b->records);
    free(b->slots);
    free(b->tags);
    free(b->window_memory);
    free(b);
}

/* The chain keeps the difficulty of what follows its tip. */
static posw_verdict check_fields(const posw_check_context *context, posw_chain *c, const posw_header *h) {
    const posw_hash tip = posw_chain_tip_hash(c);
    if (!posw_hash_equal(context->parent_hash, &tip)) return posw_check_header_fields(context, h);
    const posw_u256 difficulty = posw_chain_next_difficulty(c, h->timestamp);
    return posw_check_header_fields_at(context, h, &difficulty);
}

posw_verdict p2p_check_header(const p2p_parent *parent, posw_chain *c, const posw_header *h, const posw_hash *hash,
                              const posw_stake_proof *proof, uint64_t now_s, posw_address *signer) {
    const posw_stake_table *table = NULL;
    posw_hash root;
    enum posw_rule rule;
    posw_check_context context = {.params = posw_chain_params(c),
                                  .parent = parent->last,
                                  .parent_hash = parent->last_hash,
                                  .window = parent->window};
    if (posw_chain_is_invalid(c, &rule, hash)) return posw_invalid(rule);
    const int rc = posw_chain_branch_table(c, &table, &root, parent->last->number + 1, parent->fork_number);
    if (rc == POSW_OK)
        context.stake_root = &root;
    else if (rc != POSW_ENOTFOUND)
        return posw_not_yet(POSW_RULE_UNKNOWN_PARENT); /* the disk fails: nobody is to blame */
    const posw_stake_entry *entry = table == NULL ? NULL : posw_stake_table_find(table, &h->beneficiary);
    posw_verdict v = check_fields(&context, c, h);
    if (v.kind == POSW_VALID)
        v = table == NULL ? posw_check_header_unsigned(&context, h, proof)
                          : posw_check_header_target(&context, h, entry, &table->supply_wei);
    *signer = entry != NULL ? entry->signer : (table == NULL && proof != NULL ? proof->signer : h->beneficiary);
    return v.kind == POSW_VALID ? posw_check_header_time(context.params, h, now_s) : v;
}

/* The chain's, of a base that is its tip. */
static int view_window(const p2p_branch *b, posw_chain *c, const posw_window **out) {
    posw_chain_place base;
    const int rc = posw_chain_find_place(c, &base, &b->base_hash);
    return rc == POSW_OK ? posw_chain_window_view(c, out, &base) : rc;
}

posw_verdict p2p_branch_check(const p2p_branch *b, posw_chain *c, const posw_header *h, const posw_hash *hash,
                              const posw_stake_proof *proof, uint64_t now_s, posw_address *signer) {
    p2p_parent parent = {&b->last, &b->last_hash, b->window, b->fork_number};
    if (b->window == NULL && view_window(b, c, &parent.window) != POSW_OK)
        return posw_not_yet(POSW_RULE_UNKNOWN_PARENT);
    return p2p_check_header(&parent, c, h, hash, proof, now_s, signer);
}

/* ---- records by hash ---- */

static size_t slot_of(const p2p_branch *b, const posw_hash *hash) {
    return (size_t)posw_load_be64(hash->b + 8) &
           (b->slot_count - 1); /* a hash is spread well, and costs a proof of work */
}

static void slot_put(p2p_branch *b, size_t index) {
    size_t at = slot_of(b, &b->records[index].hash);
    while (b->slots[at] != 0)
        at = (at + 1) & (b->slot_count - 1);
    b->slots[at] = (uint32_t)p2p_branch_number(b, index) + 1;
}

static void slots_fill(p2p_branch *b) {
    if (b->slot_count == 0) return;
    memset(b->slots, 0, b->slot_count * sizeof *b->slots);
    for (size_t i = 0; i < b->count; i++)
        slot_put(b, i);
}

size_t p2p_branch_find(const p2p_branch *b, const posw_hash *hash) {
    if (b->slot_count == 0) return SIZE_MAX;
    for (size_t at = slot_of(b, hash); b->slots[at] != 0; at = (at + 1) & (b->slot_count - 1)) {
        const size_t index = (uint32_t)(b->slots[at] - 2 - (uint32_t)b->base_number);
        if (index < b->count && posw_hash_equal(&b->records[index].hash, hash)) return index;
    }
    return SIZE_MAX;
}

static int grow(p2p_branch *b) {
    const size_t capacity = b->capacity == 0 ? 64 : 2 * b->capacity;
    p2p_record *records = realloc(b->records, capacity * sizeof *records);
    if (records == NULL) return POSW_ENOMEM;
    b->records = records;
    uint32_t *slots = malloc(2 * capacity * sizeof *slots);
    if (slots == NULL) return POSW_ENOMEM;
    free(b->slots);
    b->slots = slots;
    b->capacity = capacity;
    b->slot_count = 2 * capacity;
    slots_fill(b);
    return POSW_OK;
}

static int add_record(p2p_branch *b, const posw_hash *hash, const posw_u256 *weight, bool own_signature, bool proved) {
    if (b->count == b->capacity && grow(b) != POSW_OK) return POSW_ENOMEM;
    b->records[b->count++] =
        (p2p_record){.hash = *hash, .weight = *weight, .own_signature = own_signature, .seal_right = proved};
    slot_put(b, b->count - 1);
    return POSW_OK;
}

/* ---- far headers ---- */

enum { KEY_BLOCKS = 2048, KEY_LAG = 64 }; /* K1 */

void p2p_branch_go_far(p2p_branch *b, const uint8_t key[16]) {
    b->far = true;
    memcpy(b->tag_key, key, sizeof b->tag_key);
    for (size_t i = b->count, k = 0; i-- > 0 && k < POSW_ARRAY_SIZE(b->far_keys);)
        if (p2p_branch_number(b, i) % KEY_BLOCKS == KEY_BLOCKS - KEY_LAG) b->far_keys[k++] = b->records[i].hash;
}

static uint32_t tag_of(const p2p_branch *b, const posw_hash *hash) {
    const uint64_t key[2] = {posw_load_be64(b->tag_key), posw_load_be64(b->tag_key + 8)};
    return (uint32_t)posw_siphash(key, hash->b, sizeof hash->b);
}

static int add_far(p2p_branch *b, const posw_header *h, const posw_hash *hash) {
    if (b->far_count == P2P_BRANCH_FAR_MAX) return POSW_EFULL;
    if (b->far_count == b->far_capacity) {
        const size_t capacity = b->far_capacity == 0 ? 1024 : 2 * b->far_capacity;
        uint32_t *tags = realloc(b->tags, capacity * sizeof *tags);
        if (tags == NULL) return POSW_ENOMEM;
        b->tags = tags;
        b->far_capacity = capacity;
    }
    b->tags[b->far_count++] = tag_of(b, hash);
    b->far_open++;
    if (h->number % KEY_BLOCKS == KEY_BLOCKS - KEY_LAG) {
        b->far_keys[1] = b->far_keys[0];
        b->far_keys[0] = *hash;
    }
    return POSW_OK;
}

void p2p_branch_come_back(p2p_branch *b) {
    POSW_ASSERT(b->far && !b->heavier && b->far_open == 0 && b->proved == b->count && b->count > 0);
    b->heavier = b->far_count > 0;
    b->far = b->heavier;
}

int p2p_branch_retake(p2p_branch *b, const posw_header *h, const posw_hash *hash) {
    POSW_ASSERT(b->heavier && b->far_taken < b->far_count && b->proved == b->count);
    if (tag_of(b, hash) != b->tags[b->far_taken]) return POSW_EMISMATCH;
    const posw_u256 weight = posw_u256_add_sat(&b->records[b->count - 1].weight, &h->difficulty);
    const int rc = add_record(b, hash, &weight, false, true);
    if (rc != POSW_OK) return rc;
    b->proved++;
    if (++b->far_taken < b->far_count) return POSW_OK;
    free(b->tags);
    b->tags = NULL;
    b->far = b->heavier = false;
    b->far_count = b->far_capacity = b->far_taken = 0;
    return POSW_OK;
}

const posw_u256 *p2p_branch_proved_weight(const p2p_branch *b) {
    return b->heavier ? &b->weight : &b->records[b->proved - 1].weight;
}

/* ---- the next header ---- */

int p2p_branch_push(p2p_branch *b, const posw_header *h, const posw_hash *hash, bool own_signature) {
    const posw_window_entry entry = posw_chain_entry_of(h);
    const posw_u256 weight = posw_u256_add_sat(&b->weight, &h->difficulty); /* F1 */
    POSW_ASSERT(!b->heavier);
    const int rc = b->far ? add_far(b, h, hash) : add_record(b, hash, &weight, own_signature, false);
    if (rc != POSW_OK) return rc;
    if (b->window != NULL) posw_window_push(b->window, &entry);
    b->weight = weight;
    b->last = *h;
    b->last_hash = *hash;
    return POSW_OK;
}

/* ---- K1 ---- */

/* The block of this number at or below the base. */
static int ancestor_of_base(const p2p_branch *b, posw_chain *c, posw_hash *out, uint64_t number) {
    posw_hash hash = b->base_hash;
    if (number <= b->fork_number) return posw_chain_hash_by_number(c, out, number);
    for (uint64_t n = b->base_number; n > number; n--) {
        posw_chain_block_info info;
        const int rc = posw_chain_block_by_hash(c, &info, &hash);
        if (rc != POSW_OK) return rc;
        hash = info.header.parent_hash;
    }
    *out = hash;
    return POSW_OK;
}

static int pow_key(const p2p_branch *b, posw_chain *c, posw_hash *out) {
    const uint64_t number = b->last.number + 1, period = number / KEY_BLOCKS;
    if (posw_chain_params(c)->pow != POSW_POW_RANDOMX) {
        *out = (posw_hash){{0}};
        return POSW_OK;
    }
    if (period == (b->base_number + 1) / KEY_BLOCKS) return posw_chain_key_after(c, out, &b->base_hash, b->base_number);
    const uint64_t at = KEY_BLOCKS * period - KEY_LAG;
    if (at <= b->base_number) return ancestor_of_base(b, c, out, at);
    if (b->far) {
        *out = b->far_keys[b->last.number >= at + KEY_BLOCKS ? 1 : 0];
        return POSW_OK;
    }
    *out = b->records[at - b->base_number - 1].hash;
    return POSW_OK;
}

int p2p_branch_pow_item(const p2p_branch *b, posw_chain *c, posw_job_pow *out, const posw_header *h,
                        const posw_address *signer) {
    posw_job_pow_ask(out, h, signer);
    return pow_key(b, c, &out->key);
}

/* ---- records ---- */

void p2p_branch_cut(p2p_branch *b, size_t index) {
    for (size_t i = index; i < b->count; i++)
        record_clear(b, &b->records[i]);
    if (index < b->count) b->count = index;
    if (b->proved > b->count) b->proved = b->count;
    slots_fill(b);
    b->weight = b->count > 0 ? b->records[b->count - 1].weight : POSW_U256_ZERO;
    b->closed = true;
    b->source = 0;
}

static bool window_back(p2p_branch *b, size_t blocks) {
    if (blocks == 0) return true;
    void *before = malloc(b->window_size);
    if (before == NULL) return false;
    memcpy(before, b->window_memory, b->window_size);
    while (blocks > 0 && posw_window_pop(b->window))
        blocks--;
    if (blocks > 0) memcpy(b->window_memory, before, b->window_size);
    free(before);
    return blocks == 0;
}

bool p2p_branch_rewind(p2p_branch *b, const posw_header *h, size_t index) {
    POSW_ASSERT(index < b->proved && index + 1 >= b->imported && !b->far && !b->closed);
    if (!window_back(b, b->count - 1 - index)) return false;
    for (size_t i = index + 1; i < b->count; i++)
        record_clear(b, &b->records[i]);
    b->count = b->proved = index + 1;
    b->weight = b->records[index].weight;
    b->last = *h;
    b->last_hash = b->records[index].hash;
    slots_fill(b);
    return true;
}

void p2p_branch_imported(p2p_branch *b) {
    enum { KEEP = 4096 }; /* a key (K1) is taken from at most 2,112 back */
    b->imported++;
    if (b->imported < 2 * KEEP) return;
    b->base_hash = b->records[KEEP - 1].hash;
    b->base_number += KEEP;
    memmove(b->records, b->records + KEEP, (b->count - KEEP) * sizeof *b->records);
    b->count -= KEEP;
    b->proved -= KEEP;
    b->imported -= KEEP;
    slots_fill(b);
}

size_t p2p_branch_memory(const p2p_branch *b) {
    return sizeof *b + b->capacity * sizeof *b->records + b->slot_count * sizeof *b->slots +
           b->far_capacity * sizeof *b->tags + b->bytes + b->window_size;
}
