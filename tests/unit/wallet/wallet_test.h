/* What the wallet tests share: cmocka, hexadecimal literals, vector files and a small fixed-seed generator. */
#ifndef POSW_TEST_WALLET_H
#define POSW_TEST_WALLET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/error.h"

#include <jansson.h>

/* "junk": the mnemonic of development chains everywhere. */
#define TEST_MNEMONIC "test test test test test test test test test test test junk"

/* A file of tests/vectors; the caller frees it with json_decref. */
static inline json_t *test_load(const char *path) {
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    if (!root) fail_msg("%s: %s", path, error.text);
    return root;
}

/* Bare hexadecimal digits to bytes; returns the number of bytes. */
static inline size_t test_hex(uint8_t *out, size_t capacity, const char *text) {
    size_t size = strlen(text) / 2;
    assert_true(size <= capacity);
    assert_true(posw_hex_decode(out, size, text, strlen(text)));
    return size;
}

/* splitmix64: good enough to choose mutations, the same on every machine. */
static inline uint64_t test_random(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* One random edit of text[0..size): a byte changed, dropped, doubled or moved, or the end cut off. Room for one byte
 * more is needed. Returns the new size. */
static inline size_t test_mutate(char *text, size_t size, uint64_t *state) {
    if (size == 0) return 0;
    size_t at = test_random(state) % size, other = test_random(state) % size;
    char c = text[at];
    switch (test_random(state) % 8) {
    case 0:
        text[at] = (char)test_random(state);
        return size;
    case 1:
        text[at] = (char)(c ^ (1 << test_random(state) % 7));
        return size;
    case 2:
        memmove(text + at, text + at + 1, size - at - 1);
        return size - 1;
    case 3:
        memmove(text + at + 1, text + at, size - at);
        return size + 1;
    case 4:
        text[at] = text[other];
        text[other] = c;
        return size;
    case 5:
        text[at] = "0123456789abcdef\"{}[],: "[test_random(state) % 24];
        return size;
    case 6:
        text[at] = text[other];
        return size;
    default:
        return test_random(state) % 8 ? size : at;
    }
}

#endif
