/* A chain of headers, checked one after the other, hashed four at a time.
 *
 * What can be computed before anything is judged is computed for four headers side by side: block hash, seal hash, the
 * digest that is signed, and the stake proof from leaf to root. Keccak in four lanes costs 0.4 times as much for each,
 * which takes all hashing of a header to a tenth of what its signature costs. Judging then goes header by header,
 * because the weight of each depends on the window that the one before has left.
 *
 *      prepare   |h0 h1 h2 h3|                      |h4 h5 h6 h7|
 *      judge                   h0 -> h1 -> h2 -> h3               h4 -> ...
 *
 * The verdicts are those of posw_check_header_fields, _time, _proof and posw_seal_check_pow, in this order. */
#include "posw/light.h"

#include "base/bytes.h"
#include "codec/header_x4.h"
#include "core/check_parts.h"
#include "core/stake_proof_x4.h"
#include "crypto/keccak.h"
#include "posw/genesis.h"
#include "posw/u256.h"

enum { LANES = POSW_HEADER_LANES, GROUP = 16 };
_Static_assert((int)LANES == (int)POSW_STAKE_PROOF_LANES, "one lane for each header");

typedef struct {
    posw_hash hash[LANES], seal_hash[LANES], digest[LANES];
    posw_verdict proven[LANES];
    bool has_work; /* work[] is the output of the chain's algorithm, which is Keccak */
    posw_hash work[LANES];
} prepared;

bool posw_light_init(posw_light *out, const posw_params *params, posw_window *window, const posw_pow *pow,
                     void *pow_scratch, const posw_header *genesis) {
    if (!posw_genesis_matches(genesis, params)) return false;
    *out = (posw_light){.params = params,
                        .window = window,
                        .pow = pow,
                        .pow_scratch = pow_scratch,
                        .tip = *genesis,
                        .weight = genesis->difficulty};
    posw_header_hash(&out->tip_hash, genesis);
    posw_pow_key_first(&out->pow_key, &out->tip_hash);
    posw_window_reset(window);
    posw_window_push(window, &(posw_window_entry){.miner = genesis->beneficiary,
                                                  .timestamp = genesis->timestamp,
                                                  .difficulty = genesis->difficulty});
    return true;
}

static posw_stake_claim claim_of(const posw_params *p, const posw_light_item *item) {
    const posw_header *h = item->header;
    posw_stake_claim claim = {.miner = &h->beneficiary, .epoch = posw_epoch_of(p, h->number)};
    if (h->extra_size != POSW_EXTRA_SIZE) return claim; /* is refused by H3 */
    claim.proof = item->proof;
    claim.stake_root = posw_header_stake_root(h);
    return claim;
}

static void prepare_one(prepared *out, const posw_light *l, const posw_light_item *item) {
    const posw_header *h = item->header;
    const posw_stake_claim claim = claim_of(l->params, item);
    posw_header_hash(&out->hash[0], h);
    if (h->extra_size != POSW_EXTRA_SIZE) return;
    posw_header_seal_hash(&out->seal_hash[0], h);
    posw_seal_digest(&out->digest[0], &out->seal_hash[0], h->nonce, &h->mix_hash);
    if (claim.proof != NULL)
        out->proven[0] = posw_stake_proof_check(claim.proof, claim.epoch, claim.miner, &claim.stake_root);
}

static void digest_four(prepared *out, const posw_header *const headers[LANES]) {
    uint8_t memory[LANES][POSW_SEAL_MESSAGE_SIZE];
    posw_bytes messages[LANES];
    posw_hash *digests[LANES];
    for (size_t i = 0; i < LANES; i++) {
        posw_seal_message(memory[i], &out->seal_hash[i], headers[i]->nonce, &headers[i]->mix_hash);
        messages[i] = posw_bytes_of(memory[i], POSW_SEAL_MESSAGE_SIZE);
        digests[i] = &out->digest[i];
    }
    posw_keccak256_x4(digests, messages);
}

/* H5, H6 under the algorithm keccak256. */
static void work_four(prepared *out, const posw_header *const headers[LANES]) {
    uint8_t memory[LANES][POSW_POW_INPUT_SIZE];
    posw_bytes messages[LANES];
    posw_hash *outputs[LANES];
    for (size_t i = 0; i < LANES; i++) {
        posw_pow_input(memory[i], &out->seal_hash[i], headers[i]->nonce);
        messages[i] = posw_bytes_of(memory[i], POSW_POW_INPUT_SIZE);
        outputs[i] = &out->work[i];
    }
    posw_keccak256_x4(outputs, messages);
    out->has_work = true;
}

/* 2 to 4 items; lanes beyond them do the work of the last one again. */
static void prepare_four(prepared *out, const posw_light *l, const posw_light_item *items, size_t count) {
    const posw_header *headers[LANES];
    posw_stake_claim claims[LANES] = {{0}};
    for (size_t i = 0; i < LANES; i++) {
        headers[i] = items[i < count ? i : count - 1].header;
        if (i < count) claims[i] = claim_of(l->params, &items[i]);
    }
    posw_header_hash_x4(out->hash, out->seal_hash, headers);
    digest_four(out, headers);
    if (l->pow == posw_pow_keccak256()) work_four(out, headers);
    posw_stake_proof_check_x4(out->proven, claims);
}

/* The header in lane i, against the tip. */
static posw_verdict judge(bool *ok, const posw_light *l, const posw_light_item *item, const prepared *ready, size_t i,
                          uint64_t now_s) {
    const posw_header *h = item->header;
    const bool in_epoch =
        l->tip.number > 0 && posw_epoch_of(l->params, h->number) == posw_epoch_of(l->params, l->tip.number);
    const posw_check_context c = {.params = l->params,
                                  .parent = &l->tip,
                                  .parent_hash = &l->tip_hash,
                                  .window = l->window,
                                  .stake_root = in_epoch ? &l->stake_root : NULL}; /* E4 */
    posw_verdict v = posw_check_header_fields(&c, h);
    if (v.kind == POSW_VALID) v = posw_check_header_time(l->params, h, now_s);
    if (v.kind == POSW_VALID) v = posw_check_header_proven(&c, h, item->proof, ready->proven[i], &ready->digest[i]);
    if (v.kind != POSW_VALID || l->pow == NULL) return v;
    if (ready->has_work)
        return posw_hash_equal(&ready->work[i], &h->mix_hash) ? posw_valid() : posw_invalid(POSW_RULE_POW);
    return posw_seal_check_pow_of(ok, h, &ready->seal_hash[i], l->pow, l->pow_scratch, &l->pow_key); /* H6 */
}

/* K1: the hash of block 2048 k - 64 becomes the key with block 2048 k. */
static void follow_key(posw_light *l) {
    if ((l->tip.number + POSW_POW_KEY_LAG) % POSW_POW_KEY_BLOCKS == 0) l->pow_key_next = l->tip_hash;
    if ((l->tip.number + 1) % POSW_POW_KEY_BLOCKS == 0) l->pow_key = l->pow_key_next;
}

static void accept(posw_light *l, const posw_header *h, const posw_hash *hash) {
    posw_window_push(l->window, &(posw_window_entry){.miner = h->beneficiary,
                                                     .timestamp = h->timestamp,
                                                     .boosted = posw_seal_boosted(&h->mix_hash, &h->difficulty),
                                                     .difficulty = h->difficulty});
    l->tip = *h;
    l->tip_hash = *hash;
    l->weight = posw_u256_add_sat(&l->weight, &h->difficulty);
    l->stake_root = posw_header_stake_root(h);
    follow_key(l);
}

/* The hashes of up to GROUP items. */
static void prepare(prepared out[GROUP / LANES], const posw_light *l, const posw_light_item *items, size_t count) {
    for (size_t at = 0; at < count; at += LANES) {
        const size_t n = count - at < LANES ? count - at : LANES;
        prepared *p = &out[at / LANES];
        p->has_work = false;
        if (n == 1)
            prepare_one(p, l, &items[at]);
        else
            prepare_four(p, l, &items[at], n);
    }
}

posw_verdict posw_light_extend(bool *ok, size_t *accepted, posw_light *light, const posw_light_item *items,
                               size_t count, uint64_t now_s) {
    prepared ready[GROUP / LANES] = {{.has_work = false}};
    *ok = true;
    *accepted = 0;
    for (size_t at = 0; at < count; at++) {
        const size_t i = at % GROUP, left = count - at;
        if (i == 0) prepare(ready, light, items + at, left < GROUP ? left : GROUP);
        const posw_verdict v = judge(ok, light, &items[at], &ready[i / LANES], i % LANES, now_s);
        if (v.kind != POSW_VALID || !*ok) return v;
        accept(light, items[at].header, &ready[i / LANES].hash[i % LANES]);
        *accepted = at + 1;
    }
    return posw_valid();
}
