/* Proofs of work of a simulated world: drawn instead of searched for. */
#include "world_internal.h"

#include "crypto/keccak.h"
#include "posw/difficulty.h"
#include "posw/u256.h"

/* input -> output, for all that was "found"; everything else is really hashed. */
static posw_map found_table;
static size_t worlds;

static bool pow_hash(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch, (void)key;
    const posw_hash *found = posw_map_find(&found_table, input);
    if (found != NULL)
        *out = *found;
    else
        posw_keccak256(out, input, POSW_POW_INPUT_SIZE);
    return true;
}
const posw_pow seal_engine = {.name = "keccak256", .hash = pow_hash};

void seals_begin(void) {
    if (worlds++ == 0) posw_map_init(&found_table, POSW_POW_INPUT_SIZE, sizeof(posw_hash), NULL);
}
void seals_end(void) {
    if (--worlds == 0) posw_map_clear(&found_table);
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
    posw_hash *slot = posw_map_put(&found_table, input, NULL);
    if (slot != NULL) *slot = *mix;
    return slot != NULL;
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
