/* The searching threads of a miner, built into the node or outside. One thread hands them work; they hand back found
 * nonces through a callback that runs on a searching thread (the runner wakes its loop in it). New work is taken up
 * within one hash. */
#ifndef POSW_IO_MINE_THREADS_H
#define POSW_IO_MINE_THREADS_H

#include "miner/miner.h"

typedef struct posw_mine_threads posw_mine_threads;

/* found: called on a searching thread, at most once for each work. pow: borrowed. 1 <= threads <= 256. Threads idle
 * until work comes. POSW_ENOMEM. */
int posw_mine_threads_new(posw_mine_threads **out, unsigned threads, const posw_pow *pow,
                          void (*found)(void *arg, uint64_t work_id, const uint8_t nonce[8], const posw_hash *mix),
                          void *arg);
/* So many hundredths of their time the threads rest, 0 (the default) to 90; any thread, at any time. */
void posw_mine_threads_throttle(posw_mine_threads *m, unsigned percent);
/* Searches this work (copied) and drops what was searched before; NULL: idle. */
void posw_mine_threads_work(posw_mine_threads *m, const posw_work *work);
/* Hashes tried since the start. */
uint64_t posw_mine_threads_hashes(const posw_mine_threads *m);
/* Ends within one hash and frees; found is not called after that. NULL allowed. */
void posw_mine_threads_free(posw_mine_threads *m);

#endif
