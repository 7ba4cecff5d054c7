#include "state/staking_layout.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

/* The mappings of S2 by their slot. */
enum { STAKE = 16, PLACE, MINER_AT, SIGNER, DEPOSIT, OWNER_COUNT, OWNER_MINER_AT, OWNER_PLACE, EXIT_RANGE, EXIT };
enum { WORD_SIZE = 32, ADDRESS_PAD = WORD_SIZE - POSW_ADDRESS_SIZE };

/* key ‖ slot, the preimage of a mapping's element */
typedef struct {
    uint8_t b[2 * WORD_SIZE];
} preimage;

static void put_number(uint8_t word[WORD_SIZE], uint64_t v) {
    memset(word, 0, WORD_SIZE - 8);
    posw_store_be64(word + WORD_SIZE - 8, v);
}

static void put_address(uint8_t word[WORD_SIZE], const posw_address *a) {
    memset(word, 0, ADDRESS_PAD);
    memcpy(word + ADDRESS_PAD, a->b, sizeof a->b);
}

static posw_hash number_word(uint64_t v) {
    posw_hash h;
    put_number(h.b, v);
    return h;
}

static posw_hash of_address(const posw_address *a, posw_hash slot) {
    preimage in;
    posw_hash h;
    put_address(in.b, a);
    memcpy(in.b + WORD_SIZE, slot.b, WORD_SIZE);
    posw_keccak256(&h, in.b, sizeof in.b);
    return h;
}

static posw_hash of_number(uint64_t i, posw_hash slot) {
    preimage in;
    posw_hash h;
    put_number(in.b, i);
    memcpy(in.b + WORD_SIZE, slot.b, WORD_SIZE);
    posw_keccak256(&h, in.b, sizeof in.b);
    return h;
}

posw_hash posw_slot_fixed(enum posw_staking_slot slot) {
    return number_word(slot);
}

posw_hash posw_slot_stake(const posw_address *miner) {
    return of_address(miner, number_word(STAKE));
}

posw_hash posw_slot_place(const posw_address *miner) {
    return of_address(miner, number_word(PLACE));
}

posw_hash posw_slot_miner_at(uint64_t place) {
    return of_number(place, number_word(MINER_AT));
}

posw_hash posw_slot_signer(const posw_address *miner) {
    return of_address(miner, number_word(SIGNER));
}

posw_hash posw_slot_deposit(const posw_address *owner, const posw_address *miner) {
    return of_address(miner, of_address(owner, number_word(DEPOSIT)));
}

posw_hash posw_slot_deposit_recent(const posw_hash *deposit, unsigned i) {
    posw_hash h = *deposit;
    unsigned carry = i + 1;
    for (size_t at = sizeof h.b; at > 0 && carry > 0; at--) {
        carry += h.b[at - 1];
        h.b[at - 1] = (uint8_t)carry;
        carry >>= 8;
    }
    return h;
}

posw_hash posw_slot_owner_count(const posw_address *owner) {
    return of_address(owner, number_word(OWNER_COUNT));
}

posw_hash posw_slot_owner_miner_at(const posw_address *owner, uint64_t place) {
    return of_number(place, of_address(owner, number_word(OWNER_MINER_AT)));
}

posw_hash posw_slot_owner_place(const posw_address *owner, const posw_address *miner) {
    return of_address(miner, of_address(owner, number_word(OWNER_PLACE)));
}

posw_hash posw_slot_exit_range(const posw_address *owner) {
    return of_address(owner, number_word(EXIT_RANGE));
}

posw_hash posw_slot_exit(const posw_address *owner, uint64_t i) {
    return of_number(i, of_address(owner, number_word(EXIT)));
}

/* ---- four at once ---- */

static void hash_x4(posw_hash out[4], const preimage in[4]) {
    posw_hash *outs[4] = {&out[0], &out[1], &out[2], &out[3]};
    posw_bytes ins[4];
    for (size_t i = 0; i < 4; i++)
        ins[i] = posw_bytes_of(in[i].b, sizeof in[i].b);
    posw_keccak256_x4(outs, ins);
}

void posw_slots_miner_at_x4(posw_hash out[4], uint64_t first_place) {
    preimage in[4];
    for (size_t i = 0; i < 4; i++) {
        put_number(in[i].b, first_place + i);
        put_number(in[i].b + WORD_SIZE, MINER_AT);
    }
    hash_x4(out, in);
}

static void of_addresses_x4(posw_hash out[4], const posw_address a[4], uint64_t slot) {
    preimage in[4];
    for (size_t i = 0; i < 4; i++) {
        put_address(in[i].b, &a[i]);
        put_number(in[i].b + WORD_SIZE, slot);
    }
    hash_x4(out, in);
}

void posw_slots_stake_x4(posw_hash out[4], const posw_address miner[4]) {
    of_addresses_x4(out, miner, STAKE);
}

void posw_slots_signer_x4(posw_hash out[4], const posw_address miner[4]) {
    of_addresses_x4(out, miner, SIGNER);
}

/* ---- words ---- */

posw_u256 posw_word_pack_amount(uint64_t at, const posw_u256 *amount) {
    POSW_ASSERT((amount->w[2] | amount->w[3]) == 0);
    return (posw_u256){{amount->w[0], amount->w[1], at, 0}};
}

bool posw_word_unpack_amount(uint64_t *at, posw_u256 *amount, const posw_u256 *word) {
    *at = word->w[2];
    *amount = (posw_u256){{word->w[0], word->w[1], 0, 0}};
    return word->w[3] == 0;
}

posw_u256 posw_word_pack_range(uint64_t first, uint64_t next) {
    return (posw_u256){{next, first, 0, 0}};
}

bool posw_word_unpack_range(uint64_t *first, uint64_t *next, const posw_u256 *word) {
    *first = word->w[1];
    *next = word->w[0];
    return (word->w[2] | word->w[3]) == 0 && *first <= *next;
}

posw_u256 posw_word_of_address(const posw_address *a) {
    uint8_t word[WORD_SIZE];
    put_address(word, a);
    return posw_u256_from_be(word);
}

bool posw_word_to_address(posw_address *out, const posw_u256 *word) {
    static const uint8_t pad[ADDRESS_PAD];
    uint8_t b[WORD_SIZE];
    posw_u256_to_be(b, word);
    memcpy(out->b, b + ADDRESS_PAD, sizeof out->b);
    return memcmp(b, pad, sizeof pad) == 0;
}
