/* A deterministic generator for decisions that outsiders must not predict: which peer is asked, where an address is
 * kept, when something is sent. ChaCha20 in counter mode under a key that is replaced by its own output with every
 * block of 480 bytes, so that a state that leaks does not tell what was drawn before. The same seed gives the same
 * draws on every machine.
 *
 * Not for keys: those come from the system (src/io). Not thread-safe. No allocation. */
#ifndef POSW_CRYPTO_RANDOM_H
#define POSW_CRYPTO_RANDOM_H

#include "posw/types.h"

enum { POSW_RANDOM_SEED_SIZE = 32, POSW_RANDOM_BLOCK = 512 };

typedef struct {
    uint8_t block[POSW_RANDOM_BLOCK]; /* the next key, then what is drawn */
    size_t used;                      /* of block */
} posw_random;

/* seed: secret. Wipe the generator (posw_wipe) after use where that matters. */
void posw_random_init(posw_random *r, const uint8_t seed[POSW_RANDOM_SEED_SIZE]);
/* An independent generator, seeded by this one. */
void posw_random_fork(posw_random *out, posw_random *r);

void posw_random_fill(posw_random *r, void *out, size_t size);
uint64_t posw_random_u64(posw_random *r);
/* 0..n-1, all equally likely; n > 0 (asserted). */
uint64_t posw_random_below(posw_random *r, uint64_t n);
/* True in `part` of `whole` cases; whole > 0. */
bool posw_random_chance(posw_random *r, uint64_t part, uint64_t whole);
/* Fisher-Yates over `count` items of `size` bytes each (size at most 256). */
void posw_random_shuffle(posw_random *r, void *items, size_t count, size_t size);
/* The time until the next event of a Poisson process whose events are `mean` apart on average (any unit): -ln(u) * mean
 * for a uniform u in (0, 1], in integers with an error below 2^-30 of the mean, rounded down. mean at most 2^50; the
 * result at most 45 times the mean. */
uint64_t posw_random_interval(posw_random *r, uint64_t mean);

#endif
