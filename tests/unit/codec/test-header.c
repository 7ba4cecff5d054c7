#include "posw/header.h"

#include "base/random.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "posw/u256.h"
#include "vectors.h"

/* The header item of the next block of the file. */
static posw_bytes next_header(posw_rlp *file) {
    posw_rlp block = posw_rlp_list(file);
    const posw_bytes raw = posw_rlp_raw(&block);
    assert_false(block.failed);
    return raw;
}

/* A real chain: each hash must be what the next block calls its parent. */
static void test_real_headers(void **state) {
    (void)state;
    posw_buf file = vectors_file("chain/london.rlp");
    posw_rlp r = posw_rlp_reader(file.data, file.size);
    posw_header h, previous = {0};
    posw_hash hash;
    posw_bytes raw = next_header(&r);
    assert_false(posw_header_decode(&h, raw.data, raw.size)); /* block 26, before London: 15 fields */
    for (uint64_t n = 27; n <= 38; n++) {
        uint8_t again[POSW_HEADER_SIZE_MAX];
        raw = next_header(&r);
        assert_true(posw_header_decode(&h, raw.data, raw.size));
        assert_true(h.number == n);
        assert_int_equal(posw_header_encode(again, &h), raw.size);
        assert_memory_equal(again, raw.data, raw.size);
        /* Three blocks of this chain have an ommer. */
        assert_true(posw_hash_equal(&h.ommers_hash, &POSW_OMMERS_EMPTY) == (n != 29 && n != 32 && n != 34));
        if (n == 27) assert_true(h.base_fee_wei == 1000000000 && h.gas_used == 145736 && h.timestamp == 0x10e);
        if (n > 27) assert_true(posw_hash_equal(&h.parent_hash, &hash));
        if (n > 27) assert_true(h.timestamp > previous.timestamp);
        posw_header_hash(&hash, &h);
        if (n == 27) assert_hex(hash.b, 32, "b82be38216daf4487ab4fcafe9413892e7140f6816276560ec10d94d039db1aa");
        previous = h;
    }
    raw = next_header(&r); /* block 39, Shanghai: 17 fields; its first is the hash of block 38 */
    assert_false(posw_header_decode(&h, raw.data, raw.size));
    posw_rlp last = posw_rlp_reader(raw.data, raw.size), fields = posw_rlp_list(&last);
    const posw_bytes parent = posw_rlp_bytes(&fields);
    assert_int_equal(parent.size, 32);
    assert_memory_equal(parent.data, hash.b, 32);
    assert_true(posw_rlp_done(&r));
    posw_buf_clear(&file);
}

static uint64_t random_width(uint64_t *seed) {
    return random_next(seed) >> random_below(seed, 64);
}

static posw_header random_header(uint64_t *seed) {
    posw_header h = {0};
    random_bytes(seed, h.parent_hash.b, 32);
    random_bytes(seed, h.ommers_hash.b, 32);
    random_bytes(seed, h.beneficiary.b, 20);
    random_bytes(seed, h.state_root.b, 32);
    random_bytes(seed, h.transactions_root.b, 32);
    random_bytes(seed, h.receipts_root.b, 32);
    random_bytes(seed, h.logs_bloom, POSW_BLOOM_SIZE);
    random_bytes(seed, (uint8_t *)h.difficulty.w, 32);
    h.difficulty = posw_u256_shr(&h.difficulty, (unsigned)random_below(seed, 256));
    h.number = random_width(seed);
    h.gas_limit = random_width(seed);
    h.gas_used = random_width(seed);
    h.timestamp = random_width(seed);
    h.extra_size = (uint32_t)random_below(seed, POSW_EXTRA_SIZE + 1);
    random_bytes(seed, h.extra, h.extra_size);
    random_bytes(seed, h.mix_hash.b, 32);
    random_bytes(seed, h.nonce, 8);
    h.base_fee_wei = random_width(seed);
    return h;
}

static void test_round_trip(void **state) {
    (void)state;
    uint64_t seed = 21;
    for (int i = 0; i < 2000; i++) {
        uint8_t raw[POSW_HEADER_SIZE_MAX], again[POSW_HEADER_SIZE_MAX];
        const posw_header h = random_header(&seed);
        posw_header d;
        const size_t size = posw_header_encode(raw, &h);
        assert_true(size <= 668);
        assert_true(posw_rlp_valid(raw, size));
        uint8_t *exact = vectors_copy(raw, size);
        assert_true(posw_header_decode(&d, exact, size));
        assert_int_equal(posw_header_encode(again, &d), size);
        assert_memory_equal(again, raw, size);
        assert_true(posw_u256_equal(&d.difficulty, &h.difficulty));
        assert_true(d.number == h.number && d.gas_limit == h.gas_limit && d.gas_used == h.gas_used);
        assert_true(d.timestamp == h.timestamp && d.base_fee_wei == h.base_fee_wei && d.extra_size == h.extra_size);
        assert_memory_equal(d.extra, h.extra, sizeof h.extra);
        assert_memory_equal(d.nonce, h.nonce, sizeof h.nonce);
        posw_hash hash, expected;
        posw_header_hash(&hash, &h);
        posw_keccak256(&expected, raw, size);
        assert_true(posw_hash_equal(&hash, &expected));
        free(exact);
    }
}

static void test_largest(void **state) {
    (void)state;
    posw_header h;
    uint8_t raw[POSW_HEADER_SIZE_MAX];
    memset(&h, 0xff, sizeof h);
    h.extra_size = POSW_EXTRA_SIZE;
    assert_int_equal(posw_header_encode(raw, &h), 668);
    assert_true(posw_header_decode(&h, raw, 668));
    assert_true(h.number == UINT64_MAX && h.base_fee_wei == UINT64_MAX);
}

static bool decode_exact(posw_header *out, const uint8_t *in, size_t size) {
    uint8_t *exact = vectors_copy(in, size);
    const bool ok = posw_header_decode(out, exact, size);
    free(exact);
    return ok;
}

static void test_truncated_and_trailing(void **state) {
    (void)state;
    uint64_t seed = 22;
    uint8_t raw[POSW_HEADER_SIZE_MAX + 1];
    const posw_header h = random_header(&seed);
    posw_header d, untouched;
    const size_t size = posw_header_encode(raw, &h);
    memset(&d, 0xa5, sizeof d);
    untouched = d;
    for (size_t n = 0; n < size; n++)
        assert_false(decode_exact(&d, raw, n));
    raw[size] = 0;
    assert_false(decode_exact(&d, raw, size + 1));
    assert_memory_equal(&d, &untouched, sizeof d); /* nothing is written on failure */
    assert_true(decode_exact(&d, raw, size));
}

/* Any change of bytes is refused, or decodes to a header that encodes to the changed bytes. */
static void test_mutated(void **state) {
    (void)state;
    uint64_t seed = 23;
    size_t accepted = 0, refused = 0;
    for (int i = 0; i < 20000; i++) {
        uint8_t raw[POSW_HEADER_SIZE_MAX], again[POSW_HEADER_SIZE_MAX];
        posw_header h = random_header(&seed);
        const size_t size = posw_header_encode(raw, &h);
        /* Two thirds of the changes where the prefixes are: at both ends and among the numbers. */
        const uint64_t where = random_below(&seed, 3);
        const size_t at = where == 0   ? random_below(&seed, 4)
                          : where == 1 ? 446 + random_below(&seed, 50)
                                       : random_below(&seed, size);
        raw[at] = (uint8_t)random_next(&seed);
        if (decode_exact(&h, raw, size)) {
            accepted++;
            assert_int_equal(posw_header_encode(again, &h), size);
            assert_memory_equal(again, raw, size);
        } else {
            refused++;
        }
    }
    assert_true(accepted > 1000 && refused > 1000);
}

/* The fields of a header, one of which is replaced by raw RLP (NULL: dropped; field 16: added). */
static size_t rebuild(uint8_t out[2048], const posw_header *h, int field, const char *hex) {
    uint8_t raw[POSW_HEADER_SIZE_MAX], content[2048], *p = content;
    const size_t size = posw_header_encode(raw, h);
    posw_rlp outer = posw_rlp_reader(raw, size), r = posw_rlp_list(&outer);
    for (int i = 0; i <= 16; i++) {
        posw_bytes item = i < 16 ? posw_rlp_raw(&r) : (posw_bytes){NULL, 0};
        posw_buf other = {0};
        if (i == field) {
            if (hex != NULL) other = vectors_hex(hex);
            item = posw_buf_view(&other);
        }
        if (item.size > 0) memcpy(p, item.data, item.size);
        p += item.size;
        posw_buf_clear(&other);
    }
    uint8_t *q = posw_rlp_put_list(out, (size_t)(p - content));
    memcpy(q, content, (size_t)(p - content));
    return (size_t)(q - out) + (size_t)(p - content);
}

static void test_bad_fields(void **state) {
    (void)state;
    uint64_t seed = 24;
    uint8_t raw[2048];
    posw_header h = random_header(&seed), d;
    static const int numbers[] = {8, 9, 10, 11, 15}; /* number, gasLimit, gasUsed, timestamp, baseFeePerGas */
    for (int field = 0; field < 16; field++) {
        assert_false(decode_exact(&d, raw, rebuild(raw, &h, field, NULL)));
        assert_false(decode_exact(&d, raw, rebuild(raw, &h, field, "c0")));
        assert_false(decode_exact(&d, raw, rebuild(raw, &h, field, "8101")));
        assert_false(decode_exact(&d, raw, rebuild(raw, &h, field, "b80101")));
        /* One byte where more are due; fields 7 to 12 and 15 are numbers or free. */
        const bool is_fixed = field < 7 || field == 13 || field == 14;
        assert_true(decode_exact(&d, raw, rebuild(raw, &h, field, "01")) == !is_fixed);
    }
    assert_false(decode_exact(&d, raw, rebuild(raw, &h, 16, "01")));
    assert_true(decode_exact(&d, raw, rebuild(raw, &h, 16, NULL)));
    for (size_t i = 0; i < POSW_ARRAY_SIZE(numbers); i++) {
        assert_true(decode_exact(&d, raw, rebuild(raw, &h, numbers[i], "80")));
        assert_true(decode_exact(&d, raw, rebuild(raw, &h, numbers[i], "88ffffffffffffffff")));
        assert_false(decode_exact(&d, raw, rebuild(raw, &h, numbers[i], "89010000000000000000")));
        assert_false(decode_exact(&d, raw, rebuild(raw, &h, numbers[i], "00")));
        assert_false(decode_exact(&d, raw, rebuild(raw, &h, numbers[i], "820001")));
    }
    assert_true(decode_exact(&d, raw, rebuild(raw, &h, 7, "89010000000000000000"))); /* difficulty has 256 bits */
    assert_false(decode_exact(
        &d, raw, rebuild(raw, &h, 7, "a1010000000000000000000000000000000000000000000000000000000000000000")));
    /* extraData: 98 bytes at most. */
    char extra[2 + 2 + 2 * 99 + 1] = "b862";
    memset(extra + 4, '8', 2 * 99);
    extra[4 + 2 * 98] = '\0';
    assert_true(decode_exact(&d, raw, rebuild(raw, &h, 12, extra)));
    memset(extra + 4, '8', 2 * 99);
    extra[3] = '3';
    assert_false(decode_exact(&d, raw, rebuild(raw, &h, 12, extra)));
}

/* H4, put together here by hand from the encodings of the fields. */
static void test_seal_hash(void **state) {
    (void)state;
    uint64_t seed = 25;
    for (int round = 0; round < 50; round++) {
        posw_header h = random_header(&seed);
        if (h.extra_size < 33) h.extra_size = 33 + (uint32_t)random_below(&seed, 66);
        uint8_t raw[POSW_HEADER_SIZE_MAX];
        const size_t size = posw_header_encode(raw, &h);
        posw_rlp outer = posw_rlp_reader(raw, size), r = posw_rlp_list(&outer);
        posw_buf b = {0};
        const size_t mark = posw_rlp_list_begin(&b);
        for (int i = 0; i < 16; i++) {
            const posw_bytes item = posw_rlp_raw(&r);
            if (i == 12) {
                posw_buf_byte(&b, 0x80 + 33);
                posw_buf_append(&b, h.extra, 33);
            } else if (i != 13 && i != 14) {
                posw_buf_append(&b, item.data, item.size);
            }
        }
        posw_rlp_list_end(&b, mark);
        posw_hash expected, got;
        posw_keccak256(&expected, b.data, b.size);
        posw_header_seal_hash(&got, &h);
        assert_true(posw_hash_equal(&got, &expected));
        /* Not covered: mixHash, nonce and the signature. Covered: the rest, the stake root for one. */
        h.mix_hash.b[0] ^= 1;
        h.nonce[7] ^= 1;
        for (uint32_t i = 33; i < h.extra_size; i++)
            h.extra[i] ^= 1;
        posw_header_seal_hash(&got, &h);
        assert_true(posw_hash_equal(&got, &expected));
        h.extra[32] ^= 1;
        posw_header_seal_hash(&got, &h);
        assert_false(posw_hash_equal(&got, &expected));
        posw_buf_clear(&b);
    }
}

static void seal_hash_of_short_extra(void *arg) {
    posw_hash out;
    posw_header_seal_hash(&out, arg);
}

static void stake_root_of_short_extra(void *arg) {
    (void)posw_header_stake_root(arg);
}

static void test_extra(void **state) {
    (void)state;
    posw_header h;
    posw_hash root;
    memset(&h, 0xee, sizeof h);
    for (int i = 0; i < 32; i++)
        root.b[i] = (uint8_t)(i + 1);
    posw_header_set_extra(&h, &root);
    assert_int_equal(h.extra_size, 98);
    assert_int_equal(h.extra[0], 1);
    assert_memory_equal(h.extra + 1, root.b, 32);
    for (int i = 33; i < 98; i++)
        assert_int_equal(h.extra[i], 0);
    const posw_hash back = posw_header_stake_root(&h);
    assert_true(posw_hash_equal(&back, &root));
    h.extra_size = 97;
    assert_true(test_aborts(stake_root_of_short_extra, &h));
    h.extra_size = 32;
    assert_true(test_aborts(seal_hash_of_short_extra, &h));
}

static void test_pow_input(void **state) {
    (void)state;
    posw_hash seal;
    uint8_t nonce[8], out[POSW_POW_INPUT_SIZE];
    for (int i = 0; i < 32; i++)
        seal.b[i] = (uint8_t)i;
    for (int i = 0; i < 8; i++)
        nonce[i] = (uint8_t)(0xf0 + i);
    posw_pow_input(out, &seal, nonce);
    assert_memory_equal(out, "posw-v1", 7);
    assert_memory_equal(out + 7, seal.b, 32);
    assert_memory_equal(out + 39, nonce, 8); /* where stock miners search */
    assert_int_equal(sizeof out, 47);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_headers), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_largest),      cmocka_unit_test(test_truncated_and_trailing),
        cmocka_unit_test(test_mutated),      cmocka_unit_test(test_bad_fields),
        cmocka_unit_test(test_seal_hash),    cmocka_unit_test(test_extra),
        cmocka_unit_test(test_pow_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
