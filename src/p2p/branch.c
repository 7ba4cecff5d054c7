#include "p2p/branch.h"

#include "base/bytes.h"
#include "base/error.h"
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

int p2p_branch_view(p2p_branch *out, posw_chain *c, const posw_hash *base) {
    posw_chain_place place;
    const posw_window *window;
    int rc = posw_chain_find_place(c, &place, base);
    if (rc == POSW_OK) rc = posw_chain_window_view(c, &window, &place);
    if (rc != POSW_OK) return rc;
    *out = (p2p_branch){.window = (posw_window *)window};
    stand_at(out, &place);
    return POSW_OK;
}

int p2p_branch_new(p2p_branch **out, posw_chain *c, const posw_hash *base) {
    posw_chain_place place;
    int rc = posw_chain_find_place(c, &place, base);
    if (rc != POSW_OK) return rc;
    p2p_branch *b = calloc(1, sizeof *b);
    if (b == NULL) return POSW_ENOMEM;
    b->window_size = posw_chain_window_size(c);
    b->window_memory = aligned_alloc(16, b->window_size);
    rc = b->window_memory == NULL ? POSW_ENOMEM : posw_chain_window_copy(c, b->window_memory, &b->window, &place);
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
    free(b->window_memory);
    free(b);
}

posw_verdict p2p_branch_check(const p2p_branch *b, posw_chain *c, const posw_header *h, const posw_hash *hash,
                              const posw_stake_proof *proof, uint64_t now_s) {
    const posw_stake_table *table = NULL;
    posw_hash root;
    enum posw_rule rule;
    posw_check_context context = {
        .params = posw_chain_params(c), .parent = &b->last, .parent_hash = &b->last_hash, .window = b->window};
    if (posw_chain_is_invalid(c, &rule, hash)) return posw_invalid(rule);
    const int rc = posw_chain_branch_table(c, &table, &root, b->last.number + 1, b->fork_number);
    if (rc == POSW_OK)
        context.stake_root = &root;
    else if (rc != POSW_ENOTFOUND)
        return posw_not_yet(POSW_RULE_UNKNOWN_PARENT); /* the disk fails: nobody is to blame */
    posw_verdict v = posw_check_header_fields(&context, h);
    if (v.kind == POSW_VALID)
        v = table == NULL ? posw_check_header_proof(&context, h, proof)
                          : posw_check_header_seal(&context, h, posw_stake_table_find(table, &h->beneficiary),
                                                   &table->supply_wei);
    return v.kind == POSW_VALID ? posw_check_header_time(context.params, h, now_s) : v;
}

int p2p_branch_push(p2p_branch *b, const posw_header *h, const posw_hash *hash) {
    if (b->count == b->capacity) {
        const size_t capacity = b->capacity == 0 ? 64 : 2 * b->capacity;
        p2p_record *records = realloc(b->records, capacity * sizeof *records);
        if (records == NULL) return POSW_ENOMEM;
        b->records = records;
        b->capacity = capacity;
    }
    const posw_window_entry entry = posw_chain_entry_of(h);
    posw_window_push(b->window, &entry);
    b->weight = posw_u256_add_sat(&b->weight, &h->difficulty); /* F1 */
    b->last = *h;
    b->last_hash = *hash;
    b->records[b->count++] = (p2p_record){.hash = *hash, .weight = b->weight};
    return POSW_OK;
}

/* ---- K1 ---- */

enum { KEY_BLOCKS = 2048, KEY_LAG = 64 };

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
    *out = b->records[at - b->base_number - 1].hash;
    return POSW_OK;
}

int p2p_branch_pow_item(const p2p_branch *b, posw_chain *c, posw_job_pow *out, const posw_header *h) {
    posw_hash seal_hash;
    posw_header_seal_hash(&seal_hash, h);
    posw_pow_input(out->input, &seal_hash, h->nonce);
    out->claimed = h->mix_hash;
    return pow_key(b, c, &out->key);
}

/* ---- records ---- */

void p2p_branch_cut(p2p_branch *b, size_t index) {
    for (size_t i = index; i < b->count; i++)
        record_clear(b, &b->records[i]);
    if (index < b->count) b->count = index;
    if (b->proved > b->count) b->proved = b->count;
    b->weight = b->count > 0 ? b->records[b->count - 1].weight : POSW_U256_ZERO;
    b->closed = true;
    b->source = 0;
}

size_t p2p_branch_find(const p2p_branch *b, const posw_hash *hash) {
    for (size_t i = b->count; i-- > 0;)
        if (posw_hash_equal(&b->records[i].hash, hash)) return i;
    return SIZE_MAX;
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
}

size_t p2p_branch_memory(const p2p_branch *b) {
    return sizeof *b + b->capacity * sizeof *b->records + b->bytes + b->window_size;
}
