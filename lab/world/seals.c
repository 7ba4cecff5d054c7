/* Proofs of work of a simulated world: drawn instead of searched for. */
#include "world_internal.h"

#include "base/bytes.h"
#include "crypto/keccak.h"
#include "posw/difficulty.h"
#include "posw/u256.h"

#include <stdlib.h>
#include <string.h>

/* input -> output, for all that was "found"; everything else is really hashed. Inputs differ by their seal hash and
 * nonce, which are spread well: no key is needed. At most half full. */
typedef struct {
    uint8_t input[POSW_POW_INPUT_SIZE];
    bool is_used;
    posw_hash output;
} find;
static find *finds;
static size_t find_count, find_capacity;
static size_t worlds;

/* The place of this input, or the empty one where it would be. */
static find *place_of(find *table, size_t capacity, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    enum { NONCE_AT = POSW_POW_INPUT_SIZE - 8, HASH_AT = NONCE_AT - POSW_HASH_SIZE };
    size_t i = (size_t)(posw_load_le64(input + HASH_AT) ^ posw_load_le64(input + NONCE_AT));
    for (;; i++) {
        find *f = &table[i & (capacity - 1)];
        if (!f->is_used || memcmp(f->input, input, POSW_POW_INPUT_SIZE) == 0) return f;
    }
}

static bool grow(void) {
    const size_t capacity = find_capacity == 0 ? 1024 : 2 * find_capacity;
    find *table = calloc(capacity, sizeof *table);
    if (table == NULL) return false;
    for (size_t i = 0; i < find_capacity; i++)
        if (finds[i].is_used) *place_of(table, capacity, finds[i].input) = finds[i];
    free(finds);
    finds = table;
    find_capacity = capacity;
    return true;
}

static bool note(const uint8_t input[POSW_POW_INPUT_SIZE], const posw_hash *output) {
    if (find_count + 1 > find_capacity / 2 && !grow()) return false;
    find *f = place_of(finds, find_capacity, input);
    find_count += !f->is_used;
    memcpy(f->input, input, POSW_POW_INPUT_SIZE);
    f->is_used = true;
    f->output = *output;
    return true;
}

static bool pow_hash(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch, (void)key;
    const find *f = find_count == 0 ? NULL : place_of(finds, find_capacity, input);
    if (f != NULL && f->is_used)
        *out = f->output;
    else
        posw_keccak256(out, input, POSW_POW_INPUT_SIZE);
    return true;
}
const posw_pow seal_engine = {.name = "keccak256", .hash = pow_hash};

void seals_begin(void) {
    worlds++;
}
void seals_end(void) {
    if (--worlds > 0) return;
    free(finds);
    finds = NULL;
    find_count = find_capacity = 0;
}

/* An output below the target, all equally likely: random * target / 2^256, little-endian. */
bool seal_draw(world *w, const posw_hash *seal_hash, const posw_u256 *target, uint8_t nonce[8], posw_hash *mix) {
    uint8_t input[POSW_POW_INPUT_SIZE];
    uint8_t bytes[32];
    posw_u256 hi, lo;
    posw_random_fill(&w->random, bytes, sizeof bytes);
    posw_random_fill(&w->random, nonce, 8);
    const posw_u256 random = posw_u256_from_be(bytes);
    posw_u256_mul_full(&hi, &lo, &random, target);
    posw_u256_to_be(bytes, &hi);
    for (size_t i = 0; i < sizeof bytes; i++)
        mix->b[i] = bytes[sizeof bytes - 1 - i];
    posw_pow_input(input, seal_hash, nonce);
    return note(input, mix);
}

static uint64_t mean_us(const posw_u256 *target, uint64_t hashes_per_s) {
    posw_u256 hashes = posw_difficulty_of_target(target), us;
    const posw_u256 rate = posw_u256_from_u64(hashes_per_s);
    if (!posw_u256_mul_u64(&us, &hashes, 1000 * 1000)) return 1ULL << 50;
    posw_u256_divmod(&us, NULL, &us, &rate);
    return posw_u256_bits(&us) > 50 ? 1ULL << 50 : us.w[0];
}

uint64_t seal_mean_us(world *w, const posw_work *work, uint64_t hashes_per_s) {
    for (size_t i = 0; i < KNOWN_MEANS; i++)
        if (w->means[i].hashes_per_s == hashes_per_s && posw_u256_equal(&w->means[i].target, &work->target))
            return w->means[i].mean_us;
    known_mean *k = &w->means[w->next_mean];
    w->next_mean = (w->next_mean + 1) % KNOWN_MEANS;
    *k = (known_mean){work->target, hashes_per_s, mean_us(&work->target, hashes_per_s)};
    return k->mean_us;
}
