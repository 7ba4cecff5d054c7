/* Random numbers of the laboratory: xoshiro256** (Blackman and Vigna 2018), seeded by splitmix64. Fast, reproducible on
 * every machine, and not for secrets. Each task of a computation has a generator of its own, made from the seed and the
 * task's number, so that answers do not depend on the threads. */
#ifndef POSW_LAB_RANDOM_H
#define POSW_LAB_RANDOM_H

#include <math.h>
#include <stdint.h>

typedef struct {
    uint64_t s[4];
} lab_random;

static inline uint64_t lab_mix(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static inline lab_random lab_random_of(uint64_t seed, uint64_t task) {
    uint64_t state = seed;
    state = lab_mix(&state) ^ task;
    lab_random r;
    for (int i = 0; i < 4; i++)
        r.s[i] = lab_mix(&state);
    return r;
}

static inline uint64_t lab_rotate(uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t lab_u64(lab_random *r) {
    uint64_t *s = r->s;
    const uint64_t result = lab_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = lab_rotate(s[3], 45);
    return result;
}

/* Uniform in [0, 1), 53 bits. */
static inline double lab_uniform(lab_random *r) {
    return (double)(lab_u64(r) >> 11) * 0x1p-53;
}

/* Exponential with mean 1. */
static inline double lab_exponential(lab_random *r) {
    return -log1p(-lab_uniform(r));
}

/* 0..n-1 with a bias below n / 2^64; n > 0. */
static inline uint64_t lab_below(lab_random *r, uint64_t n) {
    return (uint64_t)(((unsigned __int128)lab_u64(r) * n) >> 64);
}

#endif
