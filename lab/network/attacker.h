/* Of a run of network.c: what its parts share, and the attackers. */
#ifndef POSW_LAB_NETWORK_ATTACKER_H
#define POSW_LAB_NETWORK_ATTACKER_H

#include "network.h"

#include "base/map.h"
#include "world/world.h"

typedef struct {
    uint64_t found_us;
    size_t machine;   /* that found it */
    uint32_t reached; /* nodes, the finder included */
    bool hidden;
} found_block;

typedef struct {
    const network_setup *s;
    network_result *out;
    world *w;
    posw_map blocks;                 /* hash -> found_block */
    double power[NETWORK_NODES_MAX]; /* of each node, in parts of all */
    bool counting, over;
    int failed;    /* operating error inside a callback */
    uint64_t base; /* block from which is counted */
    /* the attacker */
    bool called;         /* attacker's next move is due */
    uint64_t fork;       /* reorg, eclipse: the last block that both chains share */
    bool racing, noted;  /* selfish: its block and an honest one of the same height are both known; counted already */
    posw_hash race_tip;  /* its block of the race */
    uint64_t seen;       /* selfish: height of the public chain when it last moved */
    posw_hash victim_at; /* eclipse: the victim's block after the fork */
    uint64_t victim_grew;
} network;

size_t network_machines(const network_setup *s);
/* Of each honest node its part of all hash. */
void network_hash_parts(const network_setup *s, double *parts);
/* Hashes a second of a part; at least 1 of any. */
uint64_t network_hashes(double part);
/* Under a ticket rule without a list every honest node has twice the tickets that its part of the blocks uses up. */
posw_u256 network_stake(const network_setup *s, const posw_params *p, size_t node);
/* F of an honest node in the first block. */
double network_first_weight(const network_setup *s, const posw_params *p, size_t node);
uint64_t network_begin_ms(const network_setup *s); /* when counting begins */
/* Machines after the honest nodes. */
size_t attacker_miner(const network_setup *s);
size_t attacker_gateway(const network_setup *s);
void attacker_machines(machine_options *m, const network_setup *s, uint64_t hashes_per_s);
/* Counting begins. */
void attacker_begin(network *n);
/* A machine has another tip. */
void attacker_tip(network *n, size_t machine);

#endif
