/* Keccak-256 against official values and against the permutation written out from its specification. */
#include "crypto/keccak.h"

#include "base/bytes.h"
#include "base/random.h"
#include "base/test.h"

enum { RATE = 136 };

/* ---- the specification (Keccak reference 3.0), lane by lane ---- */

/* rc[t]: bit t of the linear feedback shift register x^8 + x^6 + x^5 + x^4 + 1. */
static bool rc_bit(unsigned t) {
    unsigned r = 1;
    for (unsigned i = 0; i < t % 255; i++) {
        r <<= 1;
        if (r & 0x100) r ^= 0x171;
    }
    return r & 1;
}

static uint64_t rotated(uint64_t v, unsigned n) {
    return n % 64 == 0 ? v : v << (n % 64) | v >> (64 - n % 64);
}

static void reference_round(uint64_t a[5][5], unsigned round) {
    uint64_t c[5], b[5][5];
    for (int x = 0; x < 5; x++)
        c[x] = a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4];
    for (int x = 0; x < 5; x++)
        for (int y = 0; y < 5; y++)
            a[x][y] ^= c[(x + 4) % 5] ^ rotated(c[(x + 1) % 5], 1);
    b[0][0] = a[0][0];
    for (unsigned t = 0, x = 1, y = 0; t < 24; t++) {
        b[y][(2 * x + 3 * y) % 5] = rotated(a[x][y], (t + 1) * (t + 2) / 2);
        unsigned next = (2 * x + 3 * y) % 5;
        x = y;
        y = next;
    }
    for (int x = 0; x < 5; x++)
        for (int y = 0; y < 5; y++)
            a[x][y] = b[x][y] ^ (~b[(x + 1) % 5][y] & b[(x + 2) % 5][y]);
    for (unsigned j = 0; j <= 6; j++)
        if (rc_bit(j + 7 * round)) a[0][0] ^= (uint64_t)1 << ((1u << j) - 1);
}

static posw_hash reference(const uint8_t *data, size_t size) {
    uint64_t a[5][5] = {{0}};
    posw_hash out;
    for (size_t start = 0; start <= size / RATE * RATE; start += RATE) {
        for (size_t i = 0; i < RATE; i++) {
            size_t at = start + i;
            uint8_t byte = at < size ? data[at] : at == size ? 1 : 0;
            if (i == RATE - 1 && start + RATE > size) byte |= 0x80;
            a[i / 8 % 5][i / 40] ^= (uint64_t)byte << (8 * (i % 8));
        }
        for (unsigned round = 0; round < 24; round++)
            reference_round(a, round);
    }
    for (size_t i = 0; i < 32; i++)
        out.b[i] = (uint8_t)(a[i / 8][0] >> (8 * (i % 8)));
    return out;
}

static void assert_hash(const posw_hash *h, const char *hex) {
    char text[65];
    posw_hex_encode(text, h->b, sizeof h->b);
    assert_string_equal(text, hex);
}

static void test_official(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
        {"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"},
        {"The quick brown fox jumps over the lazy dog",
         "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15"},
        {"transfer(address,uint256)", "a9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b"},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        posw_hash h;
        posw_keccak256(&h, cases[i][0], strlen(cases[i][0]));
        assert_hash(&h, cases[i][1]);
    }
    posw_hash h;
    posw_keccak256(&h, NULL, 0);
    assert_memory_equal(&h, &POSW_KECCAK_EMPTY, sizeof h);
    assert_hash(&h, cases[0][1]);
    posw_keccak256(&h, "\x80", 1);
    assert_memory_equal(&h, &POSW_TRIE_EMPTY_ROOT, sizeof h);
    posw_keccak256(&h, "\xc0", 1);
    assert_memory_equal(&h, &POSW_OMMERS_EMPTY, sizeof h);
}

static posw_hash streamed(const uint8_t *data, size_t size, uint64_t *seed) {
    posw_keccak k;
    posw_hash out;
    posw_keccak_init(&k);
    for (size_t at = 0; at < size;) {
        static const size_t pieces[] = {1, 7, 40, 135, 136, 137, 300};
        size_t n = random_below(seed, pieces[random_below(seed, POSW_ARRAY_SIZE(pieces))] + 1);
        n = n < size - at ? n : size - at;
        posw_keccak_update(&k, data + at, n);
        at += n;
    }
    posw_keccak_update(&k, NULL, 0);
    posw_keccak_final(&k, &out);
    return out;
}

static void test_every_length(void **state) {
    (void)state;
    uint8_t data[600];
    uint64_t seed = 1;
    random_bytes(&seed, data, sizeof data);
    for (size_t size = 0; size <= sizeof data; size++) {
        const posw_hash expected = reference(data, size);
        posw_hash h;
        posw_keccak256(&h, data, size);
        assert_memory_equal(&h, &expected, sizeof h);
        for (int i = 0; i < 5; i++) {
            h = streamed(data, size, &seed);
            assert_memory_equal(&h, &expected, sizeof h);
        }
    }
}

static void check_x4(const uint8_t *const data[4], const size_t size[4]) {
    posw_hash got[4], expected;
    posw_hash *out[4];
    posw_bytes in[4];
    for (int l = 0; l < 4; l++) {
        out[l] = &got[l];
        in[l] = (posw_bytes){size[l] > 0 ? data[l] : NULL, size[l]};
    }
    posw_keccak256_x4(out, in);
    for (int l = 0; l < 4; l++) {
        posw_keccak256(&expected, data[l], size[l]);
        assert_memory_equal(&got[l], &expected, sizeof expected);
    }
}

static void test_x4(void **state) {
    (void)state;
    uint8_t data[4][600];
    uint64_t seed = 2;
    random_bytes(&seed, data[0], sizeof data);
    const uint8_t *const messages[4] = {data[0], data[1], data[2], data[3]};
    for (size_t size = 0; size <= 600; size++) {
        check_x4(messages, (const size_t[4]){size, size, size, size});
        for (size_t l = 0; l < 4; l++) { /* one lane longer or shorter than the others */
            size_t sizes[4] = {0, 0, 0, 0};
            sizes[l] = size;
            check_x4(messages, sizes);
            for (size_t other = 0; other < 4; other++)
                sizes[other] = other == l ? 0 : size;
            check_x4(messages, sizes);
        }
    }
    for (int i = 0; i < 5000; i++) {
        size_t sizes[4];
        for (int l = 0; l < 4; l++)
            sizes[l] = random_below(&seed, 601);
        check_x4(messages, sizes);
    }
}

/* Outputs may lie in the inputs: a trie node is hashed into place. */
static void test_overlap(void **state) {
    (void)state;
    uint8_t data[4 * 64];
    uint64_t seed = 3;
    random_bytes(&seed, data, sizeof data);
    posw_hash expected[4], one;
    posw_hash *out[4];
    posw_bytes in[4];
    for (int l = 0; l < 4; l++) {
        in[l] = (posw_bytes){data, sizeof data - (size_t)l};
        out[l] = (posw_hash *)(data + 64 * l);
        posw_keccak256(&expected[l], in[l].data, in[l].size);
    }
    memcpy(&one, data, sizeof one);
    posw_keccak256(&one, &one, sizeof one);
    const posw_hash in_place = reference(data, sizeof one);
    assert_memory_equal(&one, &in_place, sizeof one);
    posw_keccak256_x4(out, in);
    for (int l = 0; l < 4; l++)
        assert_memory_equal(out[l], &expected[l], sizeof expected[l]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_official),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_x4),
        cmocka_unit_test(test_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
