/* How much a test does, and from which seed. The short form runs with every test run and always does the same. The long
 * form (POSW_LONG=1) takes a new seed each time. Both print it, and POSW_SEED=<number> replays a run exactly. */
#ifndef POSW_TEST_BASE_SCALE_H
#define POSW_TEST_BASE_SCALE_H

#include "base/random.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline bool scale_is_long(void) {
    const char *text = getenv("POSW_LONG");
    return text != NULL && text[0] != '\0' && text[0] != '0';
}

static inline uint64_t scale_of(uint64_t short_form, uint64_t long_form) {
    return scale_is_long() ? long_form : short_form;
}

/* Built with the address sanitizer: finds faults of memory, several times slower. A test that counts thousands of
 * random cases does fewer of them then; the plain build of the same run does them all. */
static inline bool scale_is_sanitized(void) {
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

/* The seed of one test, derived from the run's: tests do not depend on each other. */
static inline uint64_t scale_seed(const char *test) {
    const char *text = getenv("POSW_SEED");
    uint64_t run = text != NULL ? strtoull(text, NULL, 0) : scale_is_long() ? (uint64_t)time(NULL) : 1, seed = run;
    printf("%s: POSW_SEED=%llu%s\n", test, (unsigned long long)run, scale_is_long() ? " POSW_LONG=1" : "");
    fflush(stdout);
    for (const char *c = test; *c != '\0'; c++)
        seed = (seed ^ (uint8_t)*c) * 0x100000001b3u;
    return random_next(&seed);
}

/* Processor seconds of this process. */
static inline double scale_seconds(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

#endif
