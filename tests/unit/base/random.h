/* Reproducible pseudo-random numbers for tests (splitmix64): the same seed gives the same test on every machine. */
#ifndef POSW_TEST_BASE_RANDOM_H
#define POSW_TEST_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0..n-1; n > 0. */
static inline uint64_t random_below(uint64_t *state, uint64_t n) {
    return random_next(state) % n;
}

static inline void random_bytes(uint64_t *state, uint8_t *out, size_t size) {
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)random_next(state);
}

#endif
