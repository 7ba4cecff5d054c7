/* A chain of headers, checked one after the other, hashed four at a time.
 *
 * What can be computed before anything is judged is computed for a group of headers, four side by side: block hash,
 * seal hash, the digest that is signed, and the stake proof from leaf to root. Keccak in four lanes costs 0.4 times as
 * much for each, and a miner's proof is the same all through an epoch, so it is followed once in a call. That takes all
 * hashing of a header to less than a tenth of what its signature costs. Judging then goes header by header, because the
 * weight of each depends on the window that the one before has left.
 *
 *      prepare   |h0 h1 h2 h3|h4 h5 h6 h7| ...                            |h16 h17 ...
 *      judge                                  h0 -> h1 -> h2 -> ... -> h15               h16 -> ...
 *
 * The verdicts are those of posw_check_header_fields, _time, _proof and posw_seal_check_pow, in this order. */
#include "posw/light.h"

#include "base/bytes.h"
#include "base/error.h"
#include "codec/header_x4.h"
#include "core/check_parts.h"
#include "core/stake_proof_x4.h"
#include "core/window_parts.h"
#include "crypto/keccak.h"
#include "posw/genesis.h"
#include "posw/u256.h"

enum { LANES = POSW_HEADER_LANES, GROUP = 16, MEMO_SLOTS = 256 };
_Static_assert((int)LANES == (int)POSW_STAKE_PROOF_LANES && GROUP % LANES == 0, "one lane for each header");

/* What is known of a group of headers before they are judged. Of headers that are not sealed (H3) it means nothing. */
typedef struct {
    posw_hash hash[GROUP], seal_hash[GROUP], digest[GROUP];
    posw_hash work[GROUP]; /* the output of keccak256, where that is the engine */
    posw_verdict proven[GROUP];
} prepared;

/* The headers of a call whose proofs held, by miner: index + 1, 0 for none. */
typedef struct {
    uint32_t held[MEMO_SLOTS];
} memo;

bool posw_light_init(posw_light *out, const posw_params *params, posw_window *window, const posw_pow *pow,
                     void *pow_scratch, const posw_header *genesis) {
    if (!posw_genesis_matches(genesis, params)) return false;
    POSW_ASSERT(posw_window_is_of(window, params));
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

/* ---- hashes ---- */

/* work: keccak256 is the engine. */
static void prepare_one(prepared *out, size_t at, const posw_header *h, bool work) {
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_header_hash(&out->hash[at], h);
    if (h->extra_size != POSW_EXTRA_SIZE) return;
    posw_header_seal_hash(&out->seal_hash[at], h);
    posw_seal_digest(&out->digest[at], &out->seal_hash[at], h->nonce, &h->mix_hash);
    if (!work) return;
    posw_pow_input(input, &out->seal_hash[at], h->nonce); /* H5 */
    posw_keccak256(&out->work[at], input, sizeof input);  /* H6 */
}

/* Headers at .. at + 3 of the group. */
static void prepare_four(prepared *out, size_t at, const posw_header *const headers[LANES], bool work) {
    uint8_t seals[LANES][POSW_SEAL_MESSAGE_SIZE];
    posw_bytes seal_messages[LANES], input_messages[LANES];
    posw_hash *digests[LANES], *outputs[LANES];
    posw_header_hash_x4(out->hash + at, out->seal_hash + at, headers);
    for (size_t i = 0; i < LANES; i++) {
        posw_seal_message(seals[i], &out->seal_hash[at + i], headers[i]->nonce, &headers[i]->mix_hash);
        seal_messages[i] = posw_bytes_of(seals[i], POSW_SEAL_MESSAGE_SIZE);
        input_messages[i] = posw_bytes_of(seals[i], POSW_POW_INPUT_SIZE); /* H5 */
        digests[i] = &out->digest[at + i];
        outputs[i] = &out->work[at + i];
    }
    posw_keccak256_x4(digests, seal_messages);
    if (work) posw_keccak256_x4(outputs, input_messages); /* H6 */
}

static bool computes_keccak(const posw_light *l) {
    return l->pow == posw_pow_keccak256();
}

static void prepare_hashes(prepared *out, const posw_light *l, const posw_light_item *items, size_t count) {
    for (size_t at = 0; at < count; at += LANES) {
        const posw_header *headers[LANES];
        for (size_t i = 0; i < LANES; i++) /* lanes beyond the last header do its work again */
            headers[i] = items[at + i < count ? at + i : count - 1].header;
        if (count - at == 1)
            prepare_one(out, at, headers[0], computes_keccak(l));
        else
            prepare_four(out, at, headers, computes_keccak(l));
    }
}

/* ---- proofs ---- */

static bool proof_equal(const posw_stake_proof *a, const posw_stake_proof *b) {
    if (a == b) return true;
    if (a->depth != b->depth || a->depth > POSW_STAKE_PROOF_DEPTH_MAX) return false;
    if (!posw_u256_equal(&a->supply_wei, &b->supply_wei) || !posw_u256_equal(&a->total_wei, &b->total_wei) ||
        !posw_u256_equal(&a->stake_wei, &b->stake_wei) || !posw_address_equal(&a->signer, &b->signer))
        return false;
    for (size_t i = 0; i < a->depth; i++) {
        const posw_stake_sibling *x = &a->siblings[i], *y = &b->siblings[i];
        if (!posw_hash_equal(&x->hash, &y->hash) || !posw_u256_equal(&x->sum, &y->sum) || x->left != y->left)
            return false;
    }
    return true;
}

/* Both headers are sealed. True iff the two proofs are asked the same (E5). */
static bool same_question(const posw_params *p, const posw_light_item *a, const posw_light_item *b) {
    const posw_hash root_a = posw_header_stake_root(a->header), root_b = posw_header_stake_root(b->header);
    return posw_address_equal(&a->header->beneficiary, &b->header->beneficiary) &&
           posw_epoch_of(p, a->header->number) == posw_epoch_of(p, b->header->number) &&
           posw_hash_equal(&root_a, &root_b) && proof_equal(a->proof, b->proof);
}

static uint32_t *memo_slot(memo *m, const posw_address *miner) {
    return &m->held[posw_load_be32(miner->b) % MEMO_SLOTS];
}

/* The questions that are not answered yet, four at most, and the headers of the group that they belong to. */
typedef struct {
    posw_stake_claim claims[LANES];
    size_t places[LANES], count;
} queue;

/* first: the index of the group's first header in the call. */
static void answer(prepared *out, queue *q, memo *m, size_t first) {
    posw_verdict verdicts[LANES];
    if (q->count == 1) {
        const posw_stake_claim *c = &q->claims[0];
        verdicts[0] = posw_stake_proof_check(c->proof, c->epoch, c->miner, &c->stake_root);
    } else {
        posw_stake_proof_check_x4(verdicts, q->claims);
    }
    for (size_t i = 0; i < q->count; i++) {
        out->proven[q->places[i]] = verdicts[i];
        if (verdicts[i].kind == POSW_VALID) *memo_slot(m, q->claims[i].miner) = (uint32_t)(first + q->places[i] + 1);
    }
    *q = (queue){.count = 0};
}

static void ask(queue *q, const posw_params *p, const posw_light_item *item, size_t place) {
    const posw_header *h = item->header;
    q->claims[q->count] = (posw_stake_claim){.proof = item->proof,
                                             .miner = &h->beneficiary,
                                             .epoch = posw_epoch_of(p, h->number),
                                             .stake_root = posw_header_stake_root(h)};
    q->places[q->count++] = place;
}

/* E5 for the items first .. first + count - 1 of the call. */
static void prepare_proofs(prepared *out, const posw_params *p, const posw_light_item *items, size_t first,
                           size_t count, memo *m) {
    queue q = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        const posw_light_item *item = &items[first + i];
        if (item->proof == NULL || item->header->extra_size != POSW_EXTRA_SIZE) continue; /* H10, H3 */
        const uint32_t held = *memo_slot(m, &item->header->beneficiary);
        if (held != 0 && same_question(p, item, &items[held - 1])) {
            out->proven[i] = posw_valid();
            continue;
        }
        ask(&q, p, item, i);
        if (q.count == LANES) answer(out, &q, m, first);
    }
    if (q.count > 0) answer(out, &q, m, first);
}

/* ---- verdicts ---- */

/* H6 */
static posw_verdict check_work(bool *ok, const posw_light *l, const posw_header *h, const prepared *ready, size_t at) {
    if (l->pow == NULL) return posw_valid();
    if (!computes_keccak(l))
        return posw_seal_check_pow_of(ok, h, &ready->seal_hash[at], l->pow, l->pow_scratch, &l->pow_key);
    return posw_hash_equal(&ready->work[at], &h->mix_hash) ? posw_valid() : posw_invalid(POSW_RULE_POW);
}

/* Header `at` of the group, against the tip. */
static posw_verdict judge(bool *ok, const posw_light *l, const posw_light_item *item, const prepared *ready, size_t at,
                          uint64_t now_s) {
    const posw_header *h = item->header;
    const posw_params *p = l->params;
    const bool same_epoch = l->tip.number > 0 && posw_epoch_of(p, h->number) == posw_epoch_of(p, l->tip.number);
    const posw_check_context c = {.params = p,
                                  .parent = &l->tip,
                                  .parent_hash = &l->tip_hash,
                                  .window = l->window,
                                  .stake_root = same_epoch ? &l->stake_root : NULL}; /* E4 */
    posw_verdict v = posw_check_header_fields(&c, h);
    if (v.kind == POSW_VALID) v = posw_check_header_time(p, h, now_s);
    if (v.kind == POSW_VALID) v = posw_check_header_proven(&c, h, item->proof, ready->proven[at], &ready->digest[at]);
    return v.kind == POSW_VALID ? check_work(ok, l, h, ready, at) : v;
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

posw_verdict posw_light_extend(bool *ok, size_t *accepted, posw_light *light, const posw_light_item *items,
                               size_t count, uint64_t now_s) {
    POSW_ASSERT(count < UINT32_MAX && posw_window_is_of(light->window, light->params));
    prepared ready = {.proven = {{POSW_VALID, POSW_RULE_NONE}}};
    memo known = {{0}};
    *ok = true;
    *accepted = 0;
    for (size_t at = 0; at < count; at++) {
        const size_t place = at % GROUP, left = count - at, group = left < GROUP ? left : GROUP;
        if (place == 0) {
            prepare_hashes(&ready, light, items + at, group);
            prepare_proofs(&ready, light->params, items, at, group, &known);
        }
        const posw_verdict v = judge(ok, light, &items[at], &ready, place, now_s);
        if (v.kind != POSW_VALID || !*ok) return v;
        accept(light, items[at].header, &ready.hash[place]);
        *accepted = at + 1;
    }
    return posw_valid();
}
