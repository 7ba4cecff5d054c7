/* Clock and randomness of the real machine. */
#include "io/runner.h"

#include <sodium.h>
#include <stdlib.h>
#include <time.h>

uint64_t posw_clock_now_ms(void) {
    struct timespec ts;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0) abort();
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t posw_clock_stopwatch_us(void) {
    struct timespec ts;
    if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0) abort();
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void posw_random_bytes(void *out, size_t size) {
    if (sodium_init() < 0) abort();
    randombytes_buf(out, size);
}
