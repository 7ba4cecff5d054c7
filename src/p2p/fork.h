/* The fork id (doc/network.md, EIP-2124): which upgrades (U1) a chain has passed, in four bytes, and the next one that
 * it knows. Nodes tell it in HELLO and PING, and so find out before the height, or at it, that one of them has an old
 * chain file; a block under rules that one side does not know need not come for that. Pure. */
#ifndef POSW_P2P_FORK_H
#define POSW_P2P_FORK_H

#include "posw/params.h"

typedef struct {
    uint8_t hash[4]; /* CRC-32 (IEEE) of the genesis hash and the heights that were passed, 8 bytes each, big-endian */
    uint64_t next;   /* the next height that is known; 0: none */
} p2p_fork_id;

/* Of a chain whose tip has this number: an upgrade is passed when its block is there. */
p2p_fork_id p2p_fork_id_at(const posw_hash *genesis, const posw_params *p, uint64_t number);

enum p2p_fork_verdict {
    P2P_FORK_FITS,
    P2P_FORK_WE_LACK, /* the other passed, or has before it, an upgrade at or below our tip that our chain file lacks */
    P2P_FORK_THEY_LACK /* we passed an upgrade that the other does not know */
};

typedef struct {
    enum p2p_fork_verdict verdict;
    uint64_t height;  /* what parts the two: where it does not fit; 0: not known */
    uint64_t parts;   /* it fits: from this height on, as far as both have told, rules differ; 0: nowhere */
    uint64_t unknown; /* it fits: a height above our tip that the other knows and we do not; 0: none */
} p2p_fork_judgement;

/* number: of our tip. */
p2p_fork_judgement p2p_fork_judge(const posw_hash *genesis, const posw_params *p, uint64_t number,
                                  const p2p_fork_id *theirs);

#endif
