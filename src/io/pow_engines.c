/* The proof-of-work engines (protocol H6) over the libraries that compute them, each with a self-test against a known
 * answer. */
#include "io/runner.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#if POSW_HAVE_RANDOMX
#include <pthread.h>
#include <randomx.h>
#endif

enum { ARGON2_PASSES = 3, ARGON2_MEMORY = 512 * 1024 };

static bool argon2id_hash(void *scratch, posw_hash *out, const posw_hash *key,
                          const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch;
    (void)key;
    /* the salt is the first 16 bytes of the input */
    return crypto_pwhash(out->b, sizeof out->b, (const char *)input, POSW_POW_INPUT_SIZE, input, ARGON2_PASSES,
                         ARGON2_MEMORY, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

#if POSW_HAVE_RANDOMX
/* The 256 MiB cache of the key in use is shared by all threads; a key change makes a new one. Old ones live while a
 * scratch uses them. */
typedef struct cache {
    randomx_cache *data;
    posw_hash key;
    unsigned users;
} cache;

typedef struct {
    cache *cache;
    randomx_vm *vm;
} randomx_scratch;

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static cache *cache_current;

static void cache_release_locked(cache *c) {
    if (c == NULL || --c->users > 0) return;
    randomx_release_cache(c->data);
    free(c);
}

static cache *cache_new(const posw_hash *key) {
    cache *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->data = randomx_alloc_cache(randomx_get_flags());
    if (c->data == NULL) {
        free(c);
        return NULL;
    }
    randomx_init_cache(c->data, key->b, sizeof key->b);
    c->key = *key;
    return c;
}

static cache *cache_acquire(const posw_hash *key) {
    pthread_mutex_lock(&cache_lock);
    if (cache_current == NULL || memcmp(&cache_current->key, key, sizeof *key) != 0) {
        cache *fresh = cache_new(key);
        if (fresh != NULL) {
            fresh->users = 1; /* the reference of cache_current */
            cache_release_locked(cache_current);
            cache_current = fresh;
        } else {
            pthread_mutex_unlock(&cache_lock);
            return NULL;
        }
    }
    cache *c = cache_current;
    c->users++;
    pthread_mutex_unlock(&cache_lock);
    return c;
}

static void scratch_reset(randomx_scratch *s) {
    if (s->vm != NULL) randomx_destroy_vm(s->vm);
    pthread_mutex_lock(&cache_lock);
    cache_release_locked(s->cache);
    pthread_mutex_unlock(&cache_lock);
    s->vm = NULL;
    s->cache = NULL;
}

static void *randomx_scratch_new(void) {
    return calloc(1, sizeof(randomx_scratch));
}

static void randomx_scratch_free(void *scratch) {
    if (scratch == NULL) return;
    scratch_reset(scratch);
    free(scratch);
}

static bool scratch_use_key(randomx_scratch *s, const posw_hash *key) {
    if (s->vm != NULL && memcmp(&s->cache->key, key, sizeof *key) == 0) return true;
    scratch_reset(s);
    s->cache = cache_acquire(key);
    if (s->cache == NULL) return false;
    s->vm = randomx_create_vm(randomx_get_flags(), s->cache->data, NULL);
    return s->vm != NULL;
}

static bool randomx_hash(void *scratch, posw_hash *out, const posw_hash *key,
                         const uint8_t input[POSW_POW_INPUT_SIZE]) {
    randomx_scratch *s = scratch;
    if (s == NULL || !scratch_use_key(s, key)) return false;
    randomx_calculate_hash(s->vm, input, POSW_POW_INPUT_SIZE, out->b);
    return true;
}
#endif

/* Outputs for 47 bytes 0, 1, 2, …, 46 and an all-zero key: argon2id as computed by libargon2's reference code, randomx
 * by librandomx. */
static bool self_test(const posw_pow *pow, const char *expected_hex) {
    uint8_t input[POSW_POW_INPUT_SIZE];
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)i;
    posw_hash key = {{0}}, out, expected;
    void *scratch = pow->scratch_new ? pow->scratch_new() : NULL;
    bool ok = pow->hash(scratch, &out, &key, input);
    if (scratch != NULL) pow->scratch_free(scratch);
    size_t size = 0;
    return ok && sodium_hex2bin(expected.b, sizeof expected.b, expected_hex, 64, NULL, &size, NULL) == 0 &&
           memcmp(&out, &expected, sizeof out) == 0;
}

static const posw_pow argon2id_engine = {"argon2id", argon2id_hash, NULL, NULL};
#if POSW_HAVE_RANDOMX
static const posw_pow randomx_engine = {"randomx", randomx_hash, randomx_scratch_new, randomx_scratch_free};
#endif

static const posw_pow *tested(const posw_pow *pow, const char *expected_hex, posw_message *msg) {
    /* libsodium finds out here what the processor can do, and is slower without it. */
    if (sodium_init() >= 0 && self_test(pow, expected_hex)) return pow;
    posw_message_set(
        msg, POSW_EUNSUPPORTED,
        "the %s library of this machine computes wrong hashes or cannot get memory; repair it before using the node",
        pow->name);
    return NULL;
}

const posw_pow *posw_pow_engine(enum posw_pow_algorithm algorithm, posw_message *msg) {
    switch (algorithm) {
    case POSW_POW_KECCAK256:
        return tested(posw_pow_keccak256(), "acffa2f286a18591adfce73bb51d17a87d42cce9f528722012ec074c91a8e725", msg);
    case POSW_POW_ARGON2ID:
        return tested(&argon2id_engine, "f6f89eafb2b32438129fd79ebaf79bc9955ffc56c054e61e034567d50cd193ae", msg);
    case POSW_POW_RANDOMX:
#if POSW_HAVE_RANDOMX
        return tested(&randomx_engine, "392a2a83da3418ba2db0c2a88861438ef0463010eeb92b5a1ea7822ace2a8bc4", msg);
#else
        posw_message_set(msg, POSW_EUNSUPPORTED,
                         "this build has no randomx; install librandomx-dev and build again with -Drandomx=enabled");
        return NULL;
#endif
    }
    return NULL;
}
