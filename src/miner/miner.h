/* Block templates and work: what is hashed, what target it must meet, and the sealed header at the end. No threads
 * here: searching is the business of src/io/mine_threads.c, of who asks with posw_getWork, or of miners at the door of
 * src/stratum. */
#ifndef POSW_MINER_MINER_H
#define POSW_MINER_MINER_H

#include "chain/chain.h"
#include "mempool/mempool.h"

/* The identity that mines, and the key that signs its seals (its own, or its signer's). Wiped with
 * posw_miner_identity_clear. */
typedef struct {
    posw_address miner;
    uint8_t secret[32];
} posw_miner_identity;
void posw_miner_identity_clear(posw_miner_identity *id);
/* Is this key the signer in force for the next block (H8)? */
bool posw_miner_can_sign(posw_chain *c, const posw_miner_identity *id); /* 25 us: its address is computed */
bool posw_miner_is_signer(posw_chain *c, const posw_address *miner, const posw_address *signer);

/* A unit of work for searchers. */
typedef struct {
    uint64_t id; /* of the template it belongs to */
    uint64_t number;
    posw_hash seal_hash, key; /* key: RandomX */
    posw_u256 difficulty, weight;
    posw_u256 target;                   /* posw_seal_target(difficulty, weight) */
    uint8_t input[POSW_POW_INPUT_SIZE]; /* nonce zero */
    bool half_nonce; /* only the first 4 bytes of the nonce are searched; the others are as in input */
} posw_work;

/* Builds the best block on the tip: transactions from the pool (NULL: none) within gas and size limits, timestamp
 * max(parent + 1, now_s) with the difficulty of that timestamp. POSW_OK or an operating error. */
int posw_miner_template(posw_chain *c, const posw_mempool *m, const posw_address *miner, uint64_t now_s,
                        posw_chain_template *out);
/* The tip has moved: frees the state of a template on another, which would keep that version's tries in memory; without
 * it a late seal is imported by its bytes. */
void posw_miner_template_age(posw_chain_template *t);
/* Of the next block's header: the timestamp, */
uint64_t posw_miner_next_time(posw_chain *c, uint64_t now_s);
/* and all fields that are known before its transactions are. */
void posw_miner_start_header(posw_header *h, posw_chain *c, const posw_address *miner, uint64_t now_s);
/* What posw_miner_work would say of number, difficulty, weight, target and key for a template made now; no seal hash.
 */
int posw_miner_outlook(posw_chain *c, const posw_address *miner, uint64_t now_s, uint64_t id, posw_work *out);
int posw_miner_work(posw_chain *c, const posw_chain_template *t, uint64_t id, posw_work *out);
/* Fills mixHash, nonce and the signature into a copy of the template's header. False: the key is invalid. */
POSW_MUST_USE bool posw_miner_seal(posw_header *out, const posw_chain_template *t, const uint8_t nonce[8],
                                   const posw_hash *mix_hash, const uint8_t secret[32]);

#endif
