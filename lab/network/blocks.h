/* A network at the level of blocks: nodes are fork choice and connections, nothing else. It answers what network.h
 * answers of whole nodes without an attack, for more of them, and faster.
 *
 * What is modelled, as the node does it (src/p2p/compact.c, sync.c, headers.c, bodies.c, givers.c; lab/world/links.c):
 *  - Rules: difficulty, weights, window, timestamps and fork choice by the functions of libposw (block_tree.h). Of two
 *    chains of one weight a node keeps the one that it saw first. A template's timestamp is as old as the node's tip,
 *    and renewed every 30 s; every second where the difficulty depends on it.
 *  - Connections: those of world_name_peers, with the latencies of the world of the same seed. A message leaves at the
 *    sender's upload rate, one after the other, and arrives after latency and jitter, in order within its connection.
 *  - New blocks: COMPACT at once to those that have asked for it (of three peers each node does: at first of those that
 *    it dialled, then of whoever has just brought a block), ANNOUNCE to the others once it is the tip; these then ask
 *    for the body. A millisecond for a proof of work, and for a body. A block that does not outweigh the tip is not
 *    taken.
 *  - Branches: for the child of a block that was not taken headers are asked for, then all bodies that lack, of whoever
 *    has shown a chain of that weight; who has not got one says so. What has become light is given up. A node that
 *    knows of two blocks or more that it lacks does not mine before they come.
 *
 * What is not: transactions (`block_bytes` makes blocks large, always as large), execution, addresses, pings, discovery
 * of peers, connections that fail, answers that come too late, clocks that differ, rewards (stakes and supply are those
 * of genesis), attacks. Blocks that are more than 16 below all tips are taken for known to all. */
#ifndef POSW_LAB_BLOCKS_H
#define POSW_LAB_BLOCKS_H

#include "network.h"

enum { BLOCKS_NODES_MAX = 20000, BLOCKS_BYTES_DEFAULT = 630, BLOCKS_BYTES_MAX = 64 << 20 };

/* One run; spec: network_chain's of this setup, of which other runs may read at the same time. The same setup and seed
 * give the same result. setup.attack: none; nodes: up to BLOCKS_NODES_MAX. block_bytes: of a COMPACT or BLOCK message;
 * one without transactions has BLOCKS_BYTES_DEFAULT, and fewer count as so many. stop: asked now and then whether to
 * end; NULL allowed: then out->done stays false. POSW_OK, or POSW_ENOMEM. */
int blocks_run(network_result *out, const network_setup *setup, const posw_chain_spec *spec, uint64_t block_bytes,
               bool (*stop)(void));

#endif
