#include "miner/miner.h"

#include "base/bytes.h"

#include <string.h>

void posw_miner_identity_clear(posw_miner_identity *id) {
    if (id != NULL) posw_wipe(id, sizeof *id);
}

bool posw_miner_can_sign(posw_chain *c, const posw_miner_identity *id) {
    posw_address own;
    return posw_secp_address(&own, id->secret) && posw_miner_is_signer(c, &id->miner, &own);
}

bool posw_miner_is_signer(posw_chain *c, const posw_address *miner, const posw_address *signer) {
    const posw_stake_table *t = posw_chain_table(c, posw_chain_tip(c)->number + 1);
    const posw_stake_entry *e = t == NULL ? NULL : posw_stake_table_find(t, miner);
    return posw_address_equal(signer, e == NULL ? miner : &e->signer); /* H8 */
}

/* What follows from the number and the difficulty. */
static int outlook(posw_chain *c, const posw_address *miner, posw_work *w) {
    w->weight = posw_chain_next_weight(c, miner);
    w->target = posw_seal_target(&w->difficulty, &w->weight);
    return posw_chain_pow_key(c, &w->key, w->number);
}

int posw_miner_outlook(posw_chain *c, const posw_address *miner, uint64_t now_s, uint64_t id, posw_work *out) {
    posw_work w = {.id = id,
                   .number = posw_chain_tip(c)->number + 1,
                   .difficulty = posw_chain_next_difficulty(c, posw_miner_next_time(c, now_s))};
    const int err = outlook(c, miner, &w);
    if (err == POSW_OK) *out = w;
    return err;
}

int posw_miner_work(posw_chain *c, const posw_chain_template *t, uint64_t id, posw_work *out) {
    posw_work w = {.id = id, .number = t->header.number, .difficulty = t->header.difficulty};
    const int err = outlook(c, &t->header.beneficiary, &w);
    if (err != POSW_OK) return err;
    posw_header_seal_hash(&w.seal_hash, &t->header);
    posw_pow_input(w.input, &w.seal_hash, t->header.nonce);
    *out = w;
    return POSW_OK;
}

bool posw_miner_seal(posw_header *out, const posw_chain_template *t, const uint8_t nonce[8], const posw_hash *mix_hash,
                     const uint8_t secret[32]) {
    posw_hash seal_hash, digest;
    posw_signature sig;
    posw_header_seal_hash(&seal_hash, &t->header);
    posw_seal_digest(&digest, &seal_hash, nonce, mix_hash);
    if (!posw_secp_sign(&sig, &digest, secret)) return false;
    *out = t->header;
    memcpy(out->nonce, nonce, sizeof out->nonce);
    out->mix_hash = *mix_hash;
    memcpy(out->extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE, sig.b, sizeof sig.b);
    return true;
}
