/* What a header alone can be checked for, and in which order.
 *
 *      fields   links, form, time order, difficulty, base fee, stake root   nanoseconds, the parent is enough
 *      seal     target of this miner's weight, then the signature            55 us, stake table or stake proof
 *      proof of work                                                         up to 70 ms: posw_seal_check_pow
 *
 * A full node has the stake table of the epoch in force; somebody else has the proof that came with the header. Both
 * roads end in the same comparison, posw_seal_check.
 *
 * A missing or wrong proof says nothing about the header, because the proof is not part of it: the verdict is then
 * "not yet", and blames the one who sent it. If it were "invalid", anybody could make a node refuse a good header for
 * ever by sending it first with a broken proof. */
#include "posw/check.h"

#include "base/bytes.h"
#include "base/error.h"
#include "core/check_parts.h"
#include "core/window_parts.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "posw/weight.h"

enum { EXTRA_VERSION = 1, TIME_AHEAD_MIN_S = 15 };

/* H1: the place after the parent. */
static bool follows(const posw_check_context *c, const posw_header *h) {
    return h->number != 0 && h->number - 1 == c->parent->number && posw_hash_equal(&h->parent_hash, c->parent_hash);
}

/* H3 */
static bool extra_well_formed(const posw_header *h) {
    return h->extra_size == POSW_EXTRA_SIZE && h->extra[0] == EXTRA_VERSION &&
           posw_secp_well_formed(h->extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE);
}

/* E4 */
static bool stake_root_in_force(const posw_check_context *c, const posw_header *h) {
    if (c->stake_root == NULL) return true;
    const posw_hash root = posw_header_stake_root(h);
    return posw_hash_equal(&root, c->stake_root);
}

/* difficulty: NULL: it is asked for when it is its turn. */
static posw_verdict check_fields(const posw_check_context *c, const posw_header *h, const posw_u256 *difficulty) {
    const posw_params *p = c->params;
    if (!follows(c, h)) return posw_invalid(POSW_RULE_PARENT);                                        /* H1 */
    if (!posw_hash_equal(&h->ommers_hash, &POSW_OMMERS_EMPTY)) return posw_invalid(POSW_RULE_OMMERS); /* H2 */
    if (!extra_well_formed(h)) return posw_invalid(POSW_RULE_EXTRA_DATA);                             /* H3 */
    if (h->timestamp <= c->parent->timestamp) return posw_invalid(POSW_RULE_TIME_ORDER);              /* T1 */
    if (h->gas_limit != posw_params_rules(p, h->number).gas_limit)
        return posw_invalid(POSW_RULE_GAS_LIMIT);                            /* X9, U2 */
    if (h->gas_used > h->gas_limit) return posw_invalid(POSW_RULE_GAS_USED); /* X8 */
    if (h->base_fee_wei != posw_base_fee_next(p, c->parent->number, c->parent->base_fee_wei, c->parent->gas_used))
        return posw_invalid(POSW_RULE_BASE_FEE); /* B1 */
    if (!stake_root_in_force(c, h)) return posw_invalid(POSW_RULE_STAKE_ROOT);
    const posw_u256 want =
        difficulty != NULL ? *difficulty : posw_difficulty_next(p, c->window, c->parent, h->timestamp);
    return posw_u256_equal(&h->difficulty, &want) ? posw_valid() : posw_invalid(POSW_RULE_DIFFICULTY); /* D1 */
}

posw_verdict posw_check_header_fields(const posw_check_context *c, const posw_header *h) {
    return check_fields(c, h, NULL);
}

posw_verdict posw_check_header_fields_at(const posw_check_context *c, const posw_header *h,
                                         const posw_u256 *difficulty) {
    return check_fields(c, h, difficulty);
}

/* T2 */
posw_verdict posw_check_header_time(const posw_params *p, const posw_header *h, uint64_t now_s) {
    const uint64_t ahead_max = 2 * p->block_time_s > TIME_AHEAD_MIN_S ? 2 * p->block_time_s : TIME_AHEAD_MIN_S;
    const bool too_far = h->timestamp > now_s && h->timestamp - now_s > ahead_max;
    return too_far ? posw_not_yet(POSW_RULE_TIME_FUTURE) : posw_valid();
}

/* W1 to W5 */
posw_u256 posw_check_weight(const posw_check_context *c, const posw_header *h, const posw_u256 *stake,
                            const posw_u256 *supply) {
    const bool counts = c->params->weight.rule == POSW_WEIGHT_TICKET;
    POSW_ASSERT(!counts || posw_window_is_of(c->window, c->params));
    const uint64_t used = counts ? posw_window_used(c->window, &h->beneficiary) : 0; /* W4 */
    return posw_weight(c->params, h->number, stake, supply, used);
}

/* entry: NULL: no stake. */
static posw_u256 weight_of(const posw_check_context *c, const posw_header *h, const posw_stake_entry *entry,
                           const posw_u256 *supply) {
    POSW_ASSERT(entry == NULL || posw_address_equal(&entry->miner, &h->beneficiary));
    const posw_u256 stake = entry == NULL ? POSW_U256_ZERO : entry->stake_wei;
    return posw_check_weight(c, h, &stake, supply);
}

static posw_verdict check_level(const posw_header *h, const posw_u256 *weight) {
    return posw_seal_meets(&h->mix_hash, &h->difficulty, weight) ? posw_valid() : posw_invalid(POSW_RULE_TARGET);
}

/* H7, H8 */
posw_verdict posw_check_header_seal(const posw_check_context *c, const posw_header *h, const posw_stake_entry *entry,
                                    const posw_u256 *supply) {
    const posw_u256 weight = weight_of(c, h, entry, supply);
    return posw_seal_check(h, &weight, entry == NULL ? &h->beneficiary : &entry->signer);
}

posw_verdict posw_check_header_target(const posw_check_context *c, const posw_header *h, const posw_stake_entry *entry,
                                      const posw_u256 *supply) {
    const posw_u256 weight = weight_of(c, h, entry, supply);
    return check_level(h, &weight);
}

/* H10: without a proof a header may use no more weight than who has no stake (1, unless `power` has a greater minimum),
 * and no signer. No stake makes F smaller, so that it is then good for everybody. */
static posw_verdict check_unproven_target(const posw_check_context *c, const posw_header *h) {
    const posw_u256 least = posw_weight(c->params, h->number, &POSW_U256_ZERO, &POSW_U256_ZERO, 0);
    const bool meets = posw_seal_meets(&h->mix_hash, &h->difficulty, &least);
    return meets ? posw_valid() : posw_not_yet(POSW_RULE_PROOF_MISSING);
}

/* H7 with the stake of a proof that holds. */
static posw_verdict check_proven_target(const posw_check_context *c, const posw_header *h,
                                        const posw_stake_proof *proof) {
    const posw_u256 weight = posw_check_weight(c, h, &proof->stake_wei, &proof->supply_wei);
    return check_level(h, &weight);
}

/* What can be said before any hash: H3, and H7 with the greatest weight that any stake could have. */
static posw_verdict check_claim(const posw_check_context *c, const posw_header *h) {
    if (h->extra_size != POSW_EXTRA_SIZE) return posw_invalid(POSW_RULE_EXTRA_DATA);
    const posw_u256 weight_max = posw_weight_max(c->params, h->number);
    return check_level(h, &weight_max);
}

/* When the claim is possible and the proof, where there is one, holds. */
static posw_verdict check_target(const posw_check_context *c, const posw_header *h, const posw_stake_proof *proof) {
    return proof == NULL ? check_unproven_target(c, h) : check_proven_target(c, h, proof);
}

/* The rest: H7, H8. */
static posw_verdict check_signed(const posw_check_context *c, const posw_header *h, const posw_stake_proof *proof,
                                 const posw_hash *digest) {
    const posw_verdict target = check_target(c, h, proof);
    if (target.kind != POSW_VALID) return target;
    posw_address signer;
    if (!posw_seal_signer_of(&signer, h, digest)) return posw_invalid(POSW_RULE_SIGNATURE);
    if (posw_address_equal(&signer, proof == NULL ? &h->beneficiary : &proof->signer)) return posw_valid();
    return proof == NULL ? posw_not_yet(POSW_RULE_PROOF_MISSING) : posw_invalid(POSW_RULE_SIGNATURE);
}

posw_verdict posw_check_header_proven(const posw_check_context *c, const posw_header *h, const posw_stake_proof *proof,
                                      posw_verdict proven, const posw_hash *digest) {
    const posw_verdict claim = check_claim(c, h);
    if (claim.kind != POSW_VALID) return claim;
    if (proof != NULL && proven.kind != POSW_VALID) return posw_not_yet(proven.rule);
    return check_signed(c, h, proof, digest);
}

static posw_verdict check_claim_and_proof(const posw_check_context *c, const posw_header *h,
                                          const posw_stake_proof *proof) {
    const posw_verdict claim = check_claim(c, h);
    if (claim.kind != POSW_VALID || proof == NULL) return claim;
    const posw_hash root = c->stake_root != NULL ? *c->stake_root : posw_header_stake_root(h);
    const uint64_t epoch = posw_epoch_of(c->params, h->number);
    const posw_verdict proven = posw_stake_proof_check(proof, epoch, &h->beneficiary, &root); /* E5 */
    return proven.kind == POSW_VALID ? claim : posw_not_yet(proven.rule);
}

posw_verdict posw_check_header_unsigned(const posw_check_context *c, const posw_header *h,
                                        const posw_stake_proof *proof) {
    const posw_verdict v = check_claim_and_proof(c, h, proof);
    return v.kind == POSW_VALID ? check_target(c, h, proof) : v;
}

posw_verdict posw_check_header_proof(const posw_check_context *c, const posw_header *h, const posw_stake_proof *proof) {
    const posw_verdict v = check_claim_and_proof(c, h, proof);
    if (v.kind != POSW_VALID) return v;
    posw_hash seal_hash, digest;
    posw_header_seal_hash(&seal_hash, h);
    posw_seal_digest(&digest, &seal_hash, h->nonce, &h->mix_hash);
    return check_signed(c, h, proof, &digest);
}

/* F1, F2 */
bool posw_fork_better(const posw_u256 *candidate, const posw_u256 *current) {
    return posw_u256_cmp(candidate, current) > 0;
}
