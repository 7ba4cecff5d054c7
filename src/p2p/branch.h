/* A chain of headers that were checked and whose blocks are not in the chain yet.
 *
 *      chain … ── base ── records[0] ── records[1] ── … ── records[count - 1] = last
 *                         └ imported ┘  └ proved ┘    └ only checked ┘
 *
 * Every record has passed all rules of its header but those about the proof-of-work output and the signature, which
 * jobs compute; `proved` counts those, from the first on, for which both are right. The window stands at `last`. A
 * stake table that the chain does not know yet is replaced by the root that the header carries itself, and its stake
 * proof: then execution has the last word.
 *
 * A long branch may leave the chain so far back that more headers than are kept must be known before it outweighs the
 * tip. It is then weighed first and fetched again afterwards:
 *
 *      chain … ── base ── records ── far headers ── last        1. weighed: of a far header a tag of 32 bits under a
 * secret key stays, └ 4 bytes each                    until the whole outweighs the tip
 *                                                               2. heavier: the same headers come again, each must have
 * its tag, and becomes a record that is proved already
 *
 * Memory: about 110 bytes a record, a ticket window, the tags, and the bodies that have come out of order. No I/O, no
 * clock. */
#ifndef POSW_P2P_BRANCH_H
#define POSW_P2P_BRANCH_H

#include "chain/chain.h"
#include "node/job.h"

enum {
    P2P_BRANCH_FAR_MAX = POSW_CHAIN_SIDE_DEEP_MAX - 8192
}; /* so that the chain can take its blocks beside its own */

enum p2p_body {
    P2P_BODY_WANTED,
    P2P_BODY_ASKED,     /* of record.peer at asked_ms */
    P2P_BODY_PREPARING, /* came from record.peer, a job has it */
    P2P_BODY_READY,     /* record.block */
};

typedef struct {
    posw_hash hash;
    posw_u256 weight;     /* of the chain up to it */
    posw_prepared *block; /* READY: owned */
    uint64_t peer, asked_ms;
    enum p2p_body body;
    bool late;          /* ASKED: was seen to be late, at asked_ms */
    bool own_signature; /* its beneficiary must have signed the seal itself */
    bool seal_right;    /* a job has found its proof-of-work output and its signature to be what they claim */
} p2p_record;

typedef struct {
    uint64_t id;
    uint64_t base_number, fork_number; /* fork_number: as in posw_chain_place, of the base */
    posw_hash base_hash;
    p2p_record *records;
    size_t count, capacity, proved, imported;
    uint32_t *slots; /* of the records by hash: 1 + the record's number modulo 2^32, 0: empty; a power of two of them */
    size_t slot_count;
    size_t bytes; /* of the blocks that are READY */
    posw_header last;
    posw_hash last_hash;
    posw_u256 weight; /* up to last */
    void *window_memory;
    size_t window_size;
    posw_window *window;      /* NULL: none was needed yet (p2p_branch_ready) */
    uint64_t source;          /* the peer that feeds it: more is to come; 0: none */
    uint64_t maker;           /* the peer whose header began it */
    uint64_t fed_ms;          /* when it was begun, or last got on */
    uint64_t origin;          /* the peer that gave it as an answer, so from its own main chain; 0: none */
    bool closed;              /* it was cut: `last` does not stand, nothing can follow */
    uint64_t grown_ms;        /* its latest header came */
    uint64_t orphan_until_ms; /* its source went away with more to come: so long it waits for another */
    /* headers beyond the records */
    bool far, heavier; /* weighed; and found heavier than the tip, so that they come again */
    uint32_t *tags;
    size_t far_count, far_capacity, far_taken; /* taken: have come again */
    size_t far_open;                           /* proofs of work that jobs have not answered for */
    uint8_t tag_key[16];
    posw_hash far_keys[2]; /* blocks that K1 takes keys from, the latest first */
} p2p_branch;

/* On a block that the chain has. POSW_ENOTFOUND: it does not; or an operating error. */
int p2p_branch_new(p2p_branch **out, posw_chain *c, const posw_hash *base);
/* Before each header that is checked: a window of its own is made when the branch needs one. Most branches are one
 * header on the tip, which the chain's own window judges. Results as p2p_branch_new. */
int p2p_branch_ready(p2p_branch *b, posw_chain *c);
void p2p_branch_free(p2p_branch *b);

/* What a header follows, and the window that stands there; all borrowed. fork_number: as in posw_chain_place. */
typedef struct {
    const posw_header *last;
    const posw_hash *last_hash;
    const posw_window *window;
    uint64_t fork_number;
} p2p_parent;
/* All rules for a header that follows it, but the proof-of-work output (H6) and the signature (H8). proof: NULL:
 * none came. now_s: for T2. NOT_YET: T2; F2 when the chain could not be read; or H10, E5, for which its sender is to
 * blame. signer: after VALID, who must have signed the seal. */
posw_verdict p2p_check_header(const p2p_parent *parent, posw_chain *c, const posw_header *h, const posw_hash *hash,
                              const posw_stake_proof *proof, uint64_t now_s, posw_address *signer);
/* The same for one that follows `last`. */
posw_verdict p2p_branch_check(const p2p_branch *b, posw_chain *c, const posw_header *h, const posw_hash *hash,
                              const posw_stake_proof *proof, uint64_t now_s, posw_address *signer);
/* After POSW_VALID: `last` is now h. POSW_ENOMEM; POSW_EFULL: far, and too long. */
int p2p_branch_push(p2p_branch *b, const posw_header *h, const posw_hash *hash, bool own_signature);
/* The question about the seal of a header that follows `last` and that p2p_branch_check found VALID (ask before the
 * push). */
int p2p_branch_pow_item(const p2p_branch *b, posw_chain *c, posw_job_pow *out, const posw_header *h,
                        const posw_address *signer);
/* What comes next is weighed only. key: secret. */
void p2p_branch_go_far(p2p_branch *b, const uint8_t key[16]);
/* The far headers are proved and outweigh the tip: they come again, after p2p_branch_end. */
void p2p_branch_come_back(p2p_branch *b);
/* A header that comes again. POSW_EMISMATCH: it is another one than was weighed; POSW_ENOMEM. */
int p2p_branch_retake(p2p_branch *b, const posw_header *h, const posw_hash *hash);
/* What the next header has as its parent. */
static inline const posw_hash *p2p_branch_end(const p2p_branch *b) {
    return b->heavier ? &b->records[b->count - 1].hash : &b->last_hash;
}
/* What it is worth to fork choice: the weight that is proved. */
const posw_u256 *p2p_branch_proved_weight(const p2p_branch *b);
/* Drops the records from this index on. The branch can then not be continued. */
void p2p_branch_cut(p2p_branch *b, size_t index);
/* Goes on after the record of this index, whose header is given: later ones are dropped. The record must be proved
 * (asserted), so that no job's answer is about those that come in their place. False: the window does not reach so far
 * back; nothing has changed. */
bool p2p_branch_rewind(p2p_branch *b, const posw_header *h, size_t index);
/* The first record that was not imported has been. Its block must have been taken out. The oldest records are forgotten
 * now and then: indices move (and base_number with them). fork_number stays right while the branch is the main chain or
 * was made on it. */
void p2p_branch_imported(p2p_branch *b);
/* The record's index, SIZE_MAX: none. */
size_t p2p_branch_find(const p2p_branch *b, const posw_hash *hash);
static inline uint64_t p2p_branch_number(const p2p_branch *b, size_t index) {
    return b->base_number + 1 + index;
}
size_t p2p_branch_memory(const p2p_branch *b);

#endif
