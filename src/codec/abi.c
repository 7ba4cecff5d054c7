#include "codec/abi.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

enum { SELECTOR_SIZE = 4, WORD_SIZE = 32, ADDRESS_PAD = WORD_SIZE - POSW_ADDRESS_SIZE };

static const char ERROR_SIGNATURE[] = "Error(string)";

void posw_abi_topic(posw_hash *out, const char *signature) {
    posw_keccak256(out, signature, strlen(signature));
}

uint32_t posw_abi_selector(const char *signature) {
    posw_hash h;
    posw_abi_topic(&h, signature);
    return posw_load_be32(h.b);
}

/* ---- reading ---- */

/* Word i after the selector; NULL when the input is too short. */
static const uint8_t *word_at(posw_bytes input, size_t i) {
    if (input.size < SELECTOR_SIZE || i >= (input.size - SELECTOR_SIZE) / WORD_SIZE) return NULL;
    return input.data + SELECTOR_SIZE + i * WORD_SIZE;
}

bool posw_abi_word(posw_u256 *out, posw_bytes input, size_t i) {
    const uint8_t *word = word_at(input, i);
    if (word == NULL) return false;
    *out = posw_u256_from_be(word);
    return true;
}

bool posw_abi_address(posw_address *out, posw_bytes input, size_t i) {
    static const uint8_t pad[ADDRESS_PAD];
    const uint8_t *word = word_at(input, i);
    if (word == NULL || memcmp(word, pad, sizeof pad) != 0) return false;
    memcpy(out->b, word + ADDRESS_PAD, sizeof out->b);
    return true;
}

/* ---- writing ---- */

void posw_abi_append_selector(posw_buf *b, const char *signature) {
    posw_hash h;
    posw_abi_topic(&h, signature);
    posw_buf_append(b, h.b, SELECTOR_SIZE);
}

void posw_abi_append_u256(posw_buf *b, const posw_u256 *v) {
    uint8_t word[WORD_SIZE];
    posw_u256_to_be(word, v);
    posw_buf_append(b, word, sizeof word);
}

void posw_abi_append_u64(posw_buf *b, uint64_t v) {
    const posw_u256 wide = posw_u256_from_u64(v);
    posw_abi_append_u256(b, &wide);
}

void posw_abi_append_address(posw_buf *b, const posw_address *a) {
    uint8_t word[WORD_SIZE] = {0};
    memcpy(word + ADDRESS_PAD, a->b, sizeof a->b);
    posw_buf_append(b, word, sizeof word);
}

static void append_array(posw_buf *b, const posw_u256 *items, size_t count) {
    posw_abi_append_u64(b, count);
    for (size_t i = 0; i < count; i++)
        posw_abi_append_u256(b, &items[i]);
}

void posw_abi_append_two_arrays(posw_buf *b, const posw_u256 *first, const posw_u256 *second, size_t count) {
    const uint64_t head = 2 * WORD_SIZE; /* the offsets of both arrays, counted from here */
    posw_abi_append_u64(b, head);
    posw_abi_append_u64(b, head + WORD_SIZE + count * WORD_SIZE);
    append_array(b, first, count);
    append_array(b, second, count);
}

void posw_abi_append_revert(posw_buf *b, const char *reason) {
    static const uint8_t zeros[WORD_SIZE];
    const size_t size = strlen(reason);
    posw_abi_append_selector(b, ERROR_SIGNATURE);
    posw_abi_append_u64(b, WORD_SIZE);
    posw_abi_append_u64(b, size);
    posw_buf_append(b, reason, size);
    posw_buf_append(b, zeros, (WORD_SIZE - size % WORD_SIZE) % WORD_SIZE);
}

/* A word that is an offset or a length within `limit`. */
static bool word_within(size_t *out, const uint8_t *word, size_t limit) {
    const posw_u256 wide = posw_u256_from_be(word);
    uint64_t v;
    if (!posw_u256_to_u64(&v, &wide) || v > limit) return false;
    *out = (size_t)v;
    return true;
}

bool posw_abi_revert_reason(char *out, size_t out_size, posw_bytes data) {
    size_t offset, length;
    POSW_ASSERT(out_size > 0);
    if (data.size < SELECTOR_SIZE + 2 * WORD_SIZE) return false;
    if (posw_load_be32(data.data) != posw_abi_selector(ERROR_SIGNATURE)) return false;
    const uint8_t *args = data.data + SELECTOR_SIZE;
    const size_t size = data.size - SELECTOR_SIZE;
    if (!word_within(&offset, args, size - WORD_SIZE)) return false;
    if (!word_within(&length, args + offset, size - WORD_SIZE - offset)) return false;
    const size_t shown = length < out_size ? length : out_size - 1;
    memcpy(out, args + offset + WORD_SIZE, shown);
    out[shown] = '\0';
    return true;
}
