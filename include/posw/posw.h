/* libposw: the rules of Proof-of-StakeWork, for clients that want stake-weighted proof of work.
 *
 *      proof of work:        h * D < 2^256
 *      proof of stakework:   h * D < F * 2^256        F: the weight of the miner's stake
 *
 * The rules have numbers (H7, W2, E5 ...), which doc/protocol.md of the project explains one by one. The headers,
 * bottom up:
 *
 *      types.h u256.h verdict.h     hashes, 256-bit integers, what a check says
 *      params.h chainfile.h         a chain's parameters, by hand or from its chain file; their check (P)
 *      weight.h window.h            F of a miner from its stake and its latest boosted blocks (W)
 *      stake.h                      epochs, the table of stakes, its root, proofs of single stakes (E)
 *      difficulty.h economy.h       difficulty of the next block (D), rewards and base fee (R, B)
 *      header.h genesis.h seal.h    the header and its seal (H, G)
 *      check.h                      all checks of one header
 *      tree.h                       fork choice (F)
 *      light.h                      a whole chain of headers, as a light client follows it
 *
 * A chain with a header of its own needs weight.h, window.h, stake.h and posw_seal_meets() only: the rule does not care
 * what is hashed.
 *
 * What holds everywhere:
 * - Functions are pure or work on an object of the caller's. No I/O, no clock, no threads, no floating point, and no
 * heap but in chainfile.h. Different objects may be used by different threads at the same time.
 * - Memory is the caller's. An object whose size is not known from its type has a function that tells it; it is filled
 * by its init, and may be forgotten at any time. "Borrowed" means: must stay where it is for as long as is said. NULL
 * is allowed where it is said, and as the pointer to no bytes or elements.
 * - Outputs come first and are written on success only. Amounts are in wei, times in seconds since 1970, lengths in
 * blocks, unless a name ends in another unit.
 * - A verdict (verdict.h) is valid, invalid with the rule that was broken, or not yet. It never stands for an operating
 * error.
 * - "Asserted" means: the caller has a bug if it does not hold; the program stops with a message. What others send
 * (headers, proofs, chain files) is decoded and judged first; nothing of it stops that.
 * - Nothing here is a key or signs, so no function needs constant time. The seeds of tree.h are to be kept from peers.
 * - Members and sizes of structs and the numbers of enums are part of the ABI: when they change, so does the soversion.
 *
 * Use: cc main.c $(pkg-config --cflags --libs libposw) */
#ifndef POSW_POSW_H
#define POSW_POSW_H

#include "posw/chainfile.h"
#include "posw/check.h"
#include "posw/difficulty.h"
#include "posw/economy.h"
#include "posw/genesis.h"
#include "posw/header.h"
#include "posw/light.h"
#include "posw/params.h"
#include "posw/seal.h"
#include "posw/stake.h"
#include "posw/tree.h"
#include "posw/types.h"
#include "posw/u256.h"
#include "posw/verdict.h"
#include "posw/version.h"
#include "posw/weight.h"
#include "posw/window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library in use, "0.1.0": the same as POSW_VERSION_STRING of its headers. Static storage. */
POSW_API const char *posw_version(void);

#ifdef __cplusplus
}
#endif

#endif
