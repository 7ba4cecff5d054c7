/* The libraries of the proofs of work alone, for miner.mjs: as one thread of a miner calls them, and nothing else.
 *
 *      bare-pow argon2id|randomx SECONDS
 *
 * Prints hashes a second. */
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if POSW_HAVE_RANDOMX
#include <randomx.h>
#endif

enum { INPUT_SIZE = 47, PASSES = 3, MEMORY = 512 * 1024 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void argon2id(void *vm, const uint8_t input[INPUT_SIZE], uint8_t out[32]) {
    (void)vm;
    if (crypto_pwhash(out, 32, (const char *)input, INPUT_SIZE, input, PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13) !=
        0)
        exit(2);
}

#if POSW_HAVE_RANDOMX
static void randomx(void *vm, const uint8_t input[INPUT_SIZE], uint8_t out[32]) {
    randomx_calculate_hash(vm, input, INPUT_SIZE, out);
}

static void *new_vm(void) {
    const uint8_t key[32] = {0};
    randomx_cache *cache = randomx_alloc_cache(randomx_get_flags());
    if (cache == NULL) return NULL;
    randomx_init_cache(cache, key, sizeof key);
    return randomx_create_vm(randomx_get_flags(), cache, NULL);
}
#endif

int main(int argc, char **argv) {
    void (*hash)(void *vm, const uint8_t input[INPUT_SIZE], uint8_t out[32]) = argon2id;
    void *vm = NULL;
    uint8_t input[INPUT_SIZE] = {0}, out[32];
    const double seconds = argc > 2 ? strtod(argv[2], NULL) : 0;
    if (seconds <= 0 || sodium_init() < 0) return 2;
#if POSW_HAVE_RANDOMX
    if (strcmp(argv[1], "randomx") == 0 && (vm = new_vm()) != NULL) hash = randomx;
#endif
    if (strcmp(argv[1], hash == argon2id ? "argon2id" : "randomx") != 0) return 2;
    const double begin = now_s();
    uint64_t hashes = 0;
    for (; now_s() - begin < seconds; hashes++) {
        memcpy(input + INPUT_SIZE - 8, &hashes, sizeof hashes);
        hash(vm, input, out);
    }
    printf("%.3f\n", (double)hashes / (now_s() - begin));
    return 0;
}
