/* The stake table of a state (protocol E2), and its stored form:
 * count (4) ‖ supply (32) ‖ total (32) ‖ tree root (32) ‖ count times: miner (20) ‖ signer (20) ‖ stake (16). */
#include "base/bytes.h"
#include "posw/u256.h"
#include "state/staking.h"
#include "state/staking_layout.h"

#include <stdlib.h>

enum {
    WORD_SIZE = 32,
    STAKE_SIZE = 16,
    HEAD_SIZE = 4 + 3 * WORD_SIZE,
    ENTRY_SIZE = 2 * POSW_ADDRESS_SIZE + STAKE_SIZE
};

/* The table and its entries in one piece. */
static posw_stake_table *new_table(posw_stake_entry **entries, size_t count) {
    posw_stake_table *t = malloc(sizeof *t + (count + 1) * sizeof **entries);
    if (t == NULL) return NULL;
    *entries = (posw_stake_entry *)(t + 1);
    *t = (posw_stake_table){.entries = *entries, .count = count};
    return t;
}

/* P5 holds on every chain, so a larger sum is damage; the tree's sums have 16 bytes. */
static bool sum_fits(const posw_stake_table *t) {
    posw_u256 sum = POSW_U256_ZERO;
    for (size_t i = 0; i < t->count; i++)
        sum = posw_u256_add_sat(&sum, &t->entries[i].stake_wei);
    return posw_u256_bits(&sum) <= STAKE_SIZE * 8;
}

static int finish_table(posw_stake_table *t) {
    if (!sum_fits(t)) return POSW_ECORRUPT;
    posw_stake_node *scratch = malloc((t->count + 1) * sizeof *scratch);
    if (scratch == NULL) return POSW_ENOMEM;
    posw_stake_table_finish(t, scratch);
    free(scratch);
    return POSW_OK;
}

/* ---- from the state ---- */

static int compare_entries(const void *a, const void *b) {
    return posw_address_cmp(&((const posw_stake_entry *)a)->miner, &((const posw_stake_entry *)b)->miner);
}

static bool entry_of_words(posw_stake_entry *out, const posw_u256 *miner, const posw_u256 *stake,
                           const posw_u256 *signer) {
    if (!posw_word_to_address(&out->miner, miner) || !posw_word_to_address(&out->signer, signer)) return false;
    if (posw_address_is_zero(&out->signer)) out->signer = out->miner;
    out->stake_wei = *stake;
    return !posw_address_is_zero(&out->miner) && !posw_u256_is_zero(stake);
}

/* Four places from first_place on; those beyond `count` are read (they are zero) and left out. */
static int read_four(posw_state *s, posw_stake_entry *out, size_t count, uint64_t first_place) {
    posw_hash slot[4];
    posw_u256 miner[4], stake[4], signer[4];
    posw_address address[4];
    posw_slots_miner_at_x4(slot, first_place);
    int rc = posw_state_peek_words_x4(s, miner, slot);
    if (rc != POSW_OK) return rc;
    for (size_t i = 0; i < 4; i++)
        if (!posw_word_to_address(&address[i], &miner[i])) return POSW_ECORRUPT;
    posw_slots_stake_x4(slot, address);
    rc = posw_state_peek_words_x4(s, stake, slot);
    if (rc != POSW_OK) return rc;
    posw_slots_signer_x4(slot, address);
    rc = posw_state_peek_words_x4(s, signer, slot);
    for (size_t i = 0; rc == POSW_OK && i < count; i++)
        if (!entry_of_words(&out[i], &miner[i], &stake[i], &signer[i])) return POSW_ECORRUPT;
    return rc;
}

static int read_entries(posw_state *s, posw_stake_entry *out, size_t count) {
    for (size_t i = 0; i < count; i += 4) {
        int rc = read_four(s, out + i, count - i < 4 ? count - i : 4, i + 1);
        if (rc != POSW_OK) return rc;
    }
    qsort(out, count, sizeof *out, compare_entries);
    for (size_t i = 1; i < count; i++)
        if (compare_entries(&out[i - 1], &out[i]) == 0) return POSW_ECORRUPT;
    return POSW_OK;
}

int posw_staking_table(posw_state *s, posw_stake_table **out) {
    posw_staking_totals totals;
    int rc = posw_staking_read_totals(s, &totals);
    if (rc != POSW_OK) return rc;
    if (totals.miners > POSW_STAKE_MINERS_MAX) return POSW_ECORRUPT;
    posw_stake_entry *entries;
    posw_stake_table *t = new_table(&entries, (size_t)totals.miners);
    if (t == NULL) return POSW_ENOMEM;
    t->supply_wei = totals.supply_wei;
    rc = read_entries(s, entries, t->count);
    if (rc == POSW_OK) rc = finish_table(t);
    if (rc == POSW_OK && !posw_u256_equal(&t->total_wei, &totals.staked_wei)) rc = POSW_ECORRUPT;
    if (rc != POSW_OK) {
        free(t);
        return rc;
    }
    *out = t;
    return POSW_OK;
}

/* ---- stored form ---- */

void posw_staking_table_encode(posw_buf *out, const posw_stake_table *t) {
    uint8_t *p = posw_buf_extend(out, HEAD_SIZE + t->count * ENTRY_SIZE);
    if (p == NULL) return;
    posw_store_be32(p, (uint32_t)t->count);
    posw_u256_to_be(p + 4, &t->supply_wei);
    posw_u256_to_be(p + 4 + WORD_SIZE, &t->total_wei);
    memcpy(p + 4 + 2 * WORD_SIZE, t->tree_root.b, WORD_SIZE);
    p += HEAD_SIZE;
    for (size_t i = 0; i < t->count; i++, p += ENTRY_SIZE) {
        uint8_t stake[WORD_SIZE];
        posw_u256_to_be(stake, &t->entries[i].stake_wei);
        memcpy(p, t->entries[i].miner.b, POSW_ADDRESS_SIZE);
        memcpy(p + POSW_ADDRESS_SIZE, t->entries[i].signer.b, POSW_ADDRESS_SIZE);
        memcpy(p + 2 * POSW_ADDRESS_SIZE, stake + WORD_SIZE - STAKE_SIZE, STAKE_SIZE);
    }
}

static bool decode_entries(posw_stake_entry *out, const uint8_t *in, size_t count) {
    for (size_t i = 0; i < count; i++, in += ENTRY_SIZE) {
        memcpy(out[i].miner.b, in, POSW_ADDRESS_SIZE);
        memcpy(out[i].signer.b, in + POSW_ADDRESS_SIZE, POSW_ADDRESS_SIZE);
        if (!posw_u256_from_be_slice(&out[i].stake_wei, in + 2 * POSW_ADDRESS_SIZE, STAKE_SIZE) ||
            posw_u256_is_zero(&out[i].stake_wei) || (i > 0 && compare_entries(&out[i - 1], &out[i]) >= 0))
            return false;
    }
    return true;
}

/* The table's own sums and root must be those of its entries. */
static int check_table(posw_stake_table *t, const uint8_t *head) {
    int rc = finish_table(t);
    if (rc != POSW_OK) return rc;
    posw_u256 total = posw_u256_from_be(head + 4 + WORD_SIZE);
    bool same =
        posw_u256_equal(&total, &t->total_wei) && memcmp(head + 4 + 2 * WORD_SIZE, t->tree_root.b, WORD_SIZE) == 0;
    return same ? POSW_OK : POSW_ECORRUPT;
}

int posw_staking_table_decode(posw_stake_table **out, const uint8_t *in, size_t size) {
    if (size < HEAD_SIZE) return POSW_ECORRUPT;
    size_t count = posw_load_be32(in);
    if (count > POSW_STAKE_MINERS_MAX || size != HEAD_SIZE + count * ENTRY_SIZE) return POSW_ECORRUPT;
    posw_stake_entry *entries;
    posw_stake_table *t = new_table(&entries, count);
    if (t == NULL) return POSW_ENOMEM;
    t->supply_wei = posw_u256_from_be(in + 4);
    int rc = decode_entries(entries, in + HEAD_SIZE, count) ? check_table(t, in) : POSW_ECORRUPT;
    if (rc != POSW_OK) {
        free(t);
        return rc;
    }
    *out = t;
    return POSW_OK;
}

bool posw_staking_table_sums(posw_stake_sums *out, const uint8_t *in, size_t size) {
    if (size < HEAD_SIZE || size != HEAD_SIZE + posw_load_be32(in) * (size_t)ENTRY_SIZE) return false;
    *out = (posw_stake_sums){.miners = posw_load_be32(in),
                             .supply_wei = posw_u256_from_be(in + 4),
                             .total_wei = posw_u256_from_be(in + 4 + WORD_SIZE)};
    return true;
}
