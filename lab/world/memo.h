/* What a world's program keeps of the answers of pure functions (memo.c); only where memo.c is linked. */
#ifndef POSW_LAB_MEMO_H
#define POSW_LAB_MEMO_H

#include <stdbool.h>
#include <stdint.h>

/* On from the start; for tests and measurements. */
void memo_set(bool on);
/* Hashes that were answered from memory, and that were computed. */
void memo_counts(uint64_t *hit, uint64_t *miss);

#endif
