/* A chain followed by its headers alone (protocol sections 2 to 5): all that a light client does, and what any other
 * client needs to check a Proof-of-StakeWork chain without executing it.
 *
 *      genesis -- 1 -- 2 -- ... -- tip  <--  header + proof, header + proof, ...      posw_light_extend
 *                                   |
 *                                   kept: the tip, the ticket window, the sum of difficulties,
 *                                         the stake root of the epoch, the key of RandomX
 *
 * A header is accepted when everything holds that a header and its stake proof can show: H1 to H10, T1, T2, X8 (gasUsed
 * within the limit), X9, B1, D1, W1 to W5, E5, and, by E4, that all headers of an epoch carry the same stake root.
 *
 * What headers cannot show is whether the stake root with which an epoch begins is the one that the chain's state
 * gives, and whether blocks execute as they say. Somebody who invents a stake table for a fork of his own spares up to
 * the boost in work on it (the factor M of the ticket rule), no more; so a light client takes headers from several
 * nodes, and the heaviest chain.
 *
 * No allocation, no I/O, no clock. To try a fork: copy the struct and the window's memory (posw/window.h), or pop the
 * window and set the other members back to what they were at the fork. An object is used by one thread at a time. */
#ifndef POSW_LIGHT_H
#define POSW_LIGHT_H

#include "posw/header.h"
#include "posw/params.h"
#include "posw/seal.h"
#include "posw/stake.h"
#include "posw/window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plain data; members may be read at any time, and be set by the caller to start from a block that it trusts: then the
 * window must have been given the latest W + 10 blocks, of which lwma3 and bitcoin2016 read the difficulties, too. */
typedef struct {
    const posw_params *params; /* borrowed while the object is used */
    posw_window *window;       /* borrowed; stands at the tip */
    const posw_pow *pow;       /* borrowed; NULL: the proof of work is not computed again (H6) */
    void *pow_scratch;         /* borrowed; what pow wants */
    posw_header tip;
    posw_hash tip_hash;
    posw_u256 weight;                /* F1: the sum of D from genesis to the tip, saturated at 2^256 - 1 */
    posw_hash stake_root;            /* of the tip's epoch; not read while the tip is genesis */
    posw_hash pow_key, pow_key_next; /* K1: of the next block, and of the key period after that once it is known */
} posw_light;

/* A header with what came with it. Both borrowed for the call. */
typedef struct {
    const posw_header *header;
    const posw_stake_proof *proof; /* NULL: none came */
} posw_light_item;

/* At genesis. params: checked (posw_params_check); window: of W = params->window_blocks and the unlock time 2 W T
 * (asserted here and below), is reset and given genesis. False, and nothing changed, when the header is not a genesis
 * header of these parameters (posw_genesis_matches). */
POSW_API POSW_MUST_USE bool posw_light_init(posw_light *out, const posw_params *params, posw_window *window,
                                            const posw_pow *pow, void *pow_scratch, const posw_header *genesis);

/* Checks headers that follow the tip one after the other and moves the tip along, up to the first that is not valid:
 * its verdict is returned, and *accepted tells how many stand before it. All accepted: valid. now_s: the local clock,
 * seconds since 1970 (T2). *ok false: the engine failed at header *accepted (out of memory); the verdict is then
 * meaningless. "Not yet" on H10 or E5 condemns the proof or its absence, never the header: ask somebody else for the
 * proof. count < 2^32 - 1, and extra_size of every header <= POSW_EXTRA_SIZE, as decoding leaves it (both asserted).
 * Uses up to 32 KiB of stack. Cost of a header: one signature recovery and a tenth, and the proof of work. Four and
 * more at once are faster than one by one. */
POSW_API POSW_MUST_USE posw_verdict posw_light_extend(bool *ok, size_t *accepted, posw_light *light,
                                                      const posw_light_item *items, size_t count, uint64_t now_s);

#ifdef __cplusplus
}
#endif

#endif
