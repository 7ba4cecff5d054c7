/* The ticket window (protocol T3, W4): a ring of the latest blocks of one branch that can be pushed, popped and
 * recounted.
 *
 * Each entry is (miner, timestamp, boosted) and its median time past. Counting is O(1): a small hash table, kept in the
 * caller's memory, counts the boosted and not yet unlocked blocks of each miner in the latest W entries.
 *
 *      oldest kept ........ n-W ..unlocked.. first ...counted... n-1 | next block n
 *      `history` extra entries behind the window let pops bring back what had left it.
 *
 * No allocation: posw_window_size() bytes come from the caller. */
#ifndef POSW_WINDOW_H
#define POSW_WINDOW_H

#include "posw/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct posw_window posw_window;

typedef struct {
    posw_address miner;
    uint64_t timestamp; /* seconds */
    bool boosted;
    posw_u256 difficulty; /* D; read by the rule lwma3 only */
} posw_window_entry;

/* A median needs 10 ancestors. A window that is filled in the middle of a chain is exact after the latest W + history +
 * 10 blocks (or all blocks from genesis on, genesis included) have been pushed in order. */
enum { POSW_WINDOW_MTP_ANCESTORS = 10 };

/* Bytes for a window. window_blocks: W; history_blocks: how many pops must be possible (the reorg limit). Both at most
 * 2^24, W at least 1 (asserted). 64 bytes a block, and up to 96 more for each of W. */
POSW_API size_t posw_window_size(uint64_t window_blocks, uint64_t history_blocks);
/* memory: posw_window_size bytes, 16-byte aligned (asserted), borrowed while the window is used. unlock_s: 2 * W * T.
 * Empty afterwards. One thread at a time; nothing to clear. The window holds no pointers: a copy of the memory (16-byte
 * aligned again) is a second, independent window. */
POSW_API posw_window *posw_window_init(void *memory, uint64_t window_blocks, uint64_t history_blocks,
                                       uint64_t unlock_s);
/* Empty again, as after init. */
POSW_API void posw_window_reset(posw_window *w);
/* The next block of the branch; timestamps strictly increase (asserted). O(1) amortised, about 30 ns. */
POSW_API void posw_window_push(posw_window *w, const posw_window_entry *e);
/* Undoes the latest push. False, and nothing changed, when no entry is left, or when it would be more than
 * history_blocks below the highest point since the reset, where the window could no longer be complete: reset and push
 * again from the stored chain. */
POSW_API POSW_MUST_USE bool posw_window_pop(posw_window *w);
/* B of W4 for the next block: boosted blocks of this miner in the window that are not unlocked by time. */
POSW_API uint64_t posw_window_used(const posw_window *w, const posw_address *miner);
/* The same, counted anew from the entries by the words of W4, in O(W): for those who want to see it, and for tests. */
POSW_API uint64_t posw_window_recount(const posw_window *w, const posw_address *miner);
/* Median time past of the latest entry (T3), 0 when empty. */
POSW_API uint64_t posw_window_mtp(const posw_window *w);
POSW_API uint64_t posw_window_count(const posw_window *w); /* entries that are kept, at most W + history + 10 */
/* The i-th latest entry (0 = latest). i < count (asserted). */
POSW_API posw_window_entry posw_window_at(const posw_window *w, uint64_t i);

#ifdef __cplusplus
}
#endif

#endif
