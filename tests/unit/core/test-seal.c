/* The seal: 512-bit comparison against slow integers, targets, boosted or not, and a full round of sealing and
 * checking. */
#include "posw/seal.h"

#include "core/made.h"
#include "core/slow.h"
#include "crypto/keccak.h"

/* h * D < F * 2^256, as H7 writes it. */
static bool slow_meets(const posw_u256 *h, const posw_u256 *difficulty, const posw_u256 *weight) {
    const slow hs = slow_of(h), ds = slow_of(difficulty), fs = slow_of(weight);
    const slow product = slow_mul(&hs, &ds), bound = slow_shift(fs, 256);
    return slow_cmp(&product, &bound) < 0;
}

static void assert_meets_agrees(const posw_u256 *h, const posw_u256 *difficulty, const posw_u256 *weight) {
    const posw_hash mix = hash_of_level(h);
    assert_int_equal(posw_seal_meets(&mix, difficulty, weight), slow_meets(h, difficulty, weight));
    assert_int_equal(posw_seal_boosted(&mix, difficulty), !slow_meets(h, difficulty, &POSW_U256_ONE));
    const slow hs = slow_of(h), ds = slow_of(difficulty), product = slow_mul(&hs, &ds),
               high = slow_shift(product, -256);
    const posw_u256 want = slow_low(&high, NULL), got = posw_seal_level(&mix, difficulty);
    assert_u256(&got, &want);
}

static posw_u256 random_positive(uint64_t *seed) {
    const posw_u256 v = random_u256(seed, 256);
    return posw_u256_is_zero(&v) ? POSW_U256_ONE : v;
}

static void test_meets(void **state) {
    (void)state;
    uint64_t seed = 12;
    const posw_u256 edges[] = {POSW_U256_ZERO, POSW_U256_ONE, u64(2), power_of_two(255), POSW_U256_MAX};
    for (size_t a = 0; a < 5; a++)
        for (size_t b = 1; b < 5; b++)
            for (size_t c = 1; c < 5; c++)
                assert_meets_agrees(&edges[a], &edges[b], &edges[c]);
    for (int i = 0; i < 200; i++) {
        const posw_u256 h = random_u256(&seed, 256), d = random_positive(&seed), f = random_positive(&seed);
        assert_meets_agrees(&h, &d, &f);
    }
}

/* The output is read least significant byte first. */
static void test_byte_order(void **state) {
    (void)state;
    posw_hash mix = {{0}};
    const posw_u256 d = power_of_two(8);
    mix.b[0] = 0xff;
    assert_false(posw_seal_boosted(&mix, &d));
    mix.b[31] = 0x01; /* 2^248 * 2^8 = 2^256: just missed */
    assert_true(posw_seal_boosted(&mix, &d));
    const posw_u256 level = posw_seal_level(&mix, &d);
    assert_u256_is(&level, 1);
}

/* target = ceil(F * 2^256 / D): the last h below it is valid, and it is not. */
static void assert_target(const posw_u256 *difficulty, const posw_u256 *weight) {
    const slow fs = slow_of(weight), ds = slow_of(difficulty), one = slow_u64(1);
    slow n = slow_shift(fs, 256);
    n = slow_add(&n, &ds);
    n = slow_sub(&n, &one);
    const slow q = slow_div(&n, &ds);
    bool fits;
    posw_u256 want = slow_low(&q, &fits);
    if (!fits) want = POSW_U256_MAX;
    const posw_u256 got = posw_seal_target(difficulty, weight);
    assert_u256(&got, &want);
    if (!fits || posw_u256_equal(&got, &POSW_U256_MAX)) return;
    const posw_u256 last = minus_one(&got);
    assert_true(slow_meets(&last, difficulty, weight));
    assert_false(slow_meets(&got, difficulty, weight));
    assert_meets_agrees(&last, difficulty, weight);
    assert_meets_agrees(&got, difficulty, weight);
}

static void test_target(void **state) {
    (void)state;
    uint64_t seed = 13;
    const posw_u256 edges[] = {POSW_U256_ONE, u64(2), u64(3), power_of_two(255), minus_one(&POSW_U256_MAX),
                               POSW_U256_MAX};
    for (size_t a = 0; a < POSW_ARRAY_SIZE(edges); a++)
        for (size_t b = 0; b < POSW_ARRAY_SIZE(edges); b++)
            assert_target(&edges[a], &edges[b]);
    for (int i = 0; i < 150; i++) {
        const posw_u256 d = random_positive(&seed), f = random_positive(&seed);
        assert_target(&d, &f);
    }
    const posw_u256 none = posw_seal_target(&POSW_U256_MAX, &POSW_U256_ZERO);
    assert_u256_is(&none, 0);
}

/* --- a header, sealed and checked --- */

static bool keccak_engine(void *scratch, posw_hash *out, const posw_hash *key,
                          const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch;
    (void)key;
    posw_keccak256(out, input, POSW_POW_INPUT_SIZE);
    return true;
}

static bool broken_engine(void *scratch, posw_hash *out, const posw_hash *key,
                          const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch;
    (void)out;
    (void)key;
    (void)input;
    return false;
}

static const posw_pow KECCAK = {.name = "keccak256", .hash = keccak_engine};
static const posw_pow BROKEN = {.name = "broken", .hash = broken_engine};

static posw_header made_header(const posw_address *beneficiary, uint64_t difficulty) {
    posw_header h = {.beneficiary = *beneficiary,
                     .ommers_hash = POSW_OMMERS_EMPTY,
                     .difficulty = u64(difficulty),
                     .number = 5,
                     .gas_limit = 30000000,
                     .timestamp = 1700000075,
                     .base_fee_wei = 1000000000};
    posw_hash root;
    memset(root.b, 0x44, sizeof root.b);
    posw_header_set_extra(&h, &root);
    return h;
}

/* Tries nonces until the seal is valid for this weight. */
static void mine(posw_header *h, uint64_t weight) {
    const posw_u256 f = u64(weight);
    posw_hash seal_hash;
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_header_seal_hash(&seal_hash, h);
    for (uint64_t nonce = 0;; nonce++) {
        posw_store_be64(h->nonce, nonce);
        posw_pow_input(input, &seal_hash, h->nonce);
        posw_keccak256(&h->mix_hash, input, sizeof input);
        if (posw_seal_meets(&h->mix_hash, &h->difficulty, &f)) return;
    }
}

static posw_verdict check_pow(const posw_header *h) {
    bool ok = false;
    const posw_verdict v = posw_seal_check_pow(&ok, h, &KECCAK, NULL, NULL);
    assert_true(ok);
    return v;
}

static void test_round_trip(void **state) {
    (void)state;
    const made_key key = key_of(0x31);
    posw_header h = made_header(&key.address, 500);
    mine(&h, 1);
    sign_header(&h, &key);
    posw_address signer;
    assert_true(posw_seal_signer(&signer, &h));
    assert_true(posw_address_equal(&signer, &key.address));
    assert_verdict(posw_seal_check(&h, &POSW_U256_ONE, &key.address), POSW_VALID, POSW_RULE_NONE);
    assert_verdict(check_pow(&h), POSW_VALID, POSW_RULE_NONE);

    uint8_t bytes[POSW_HEADER_SIZE_MAX];
    posw_header again;
    assert_true(posw_header_decode(&again, bytes, posw_header_encode(bytes, &h)));
    assert_verdict(posw_seal_check(&again, &POSW_U256_ONE, &key.address), POSW_VALID, POSW_RULE_NONE);
    assert_verdict(check_pow(&again), POSW_VALID, POSW_RULE_NONE);
}

/* H8: the digest has the bytes that the rule names. */
static void test_digest(void **state) {
    (void)state;
    uint8_t message[79] = "posw-v1";
    posw_hash seal_hash, mix, want, got;
    memset(message + 7, 1, 32);
    memset(message + 39, 2, 8);
    memset(message + 47, 3, 32);
    memset(seal_hash.b, 1, 32);
    memset(mix.b, 3, 32);
    posw_keccak256(&want, message, sizeof message);
    posw_seal_digest(&got, &seal_hash, message + 39, &mix);
    assert_memory_equal(&got, &want, sizeof got);
}

/* The proof of work covers all but the seal; the signature covers the seal as well. */
static void test_changes_show(void **state) {
    (void)state;
    const made_key key = key_of(0x32);
    posw_header good = made_header(&key.address, 4);
    mine(&good, 1);
    sign_header(&good, &key);
    for (int change = 0; change < 8; change++) {
        posw_header h = good;
        switch (change) {
        case 0:
            h.number++;
            break;
        case 1:
            h.beneficiary.b[0] ^= 1;
            break;
        case 2:
            h.state_root.b[31] ^= 1;
            break;
        case 3:
            h.base_fee_wei++;
            break;
        case 4:
            h.extra[32] ^= 1;
            break; /* the stake root */
        case 5:
            h.timestamp++;
            break;
        case 6:
            h.nonce[7] ^= 1;
            break;
        case 7:
            h.logs_bloom[255] ^= 1;
            break;
        }
        assert_verdict(check_pow(&h), POSW_INVALID, POSW_RULE_POW);
        assert_verdict(posw_seal_check(&h, &POSW_U256_ONE, &key.address), POSW_INVALID, POSW_RULE_SIGNATURE);
    }
    posw_header h = good;
    h.mix_hash.b[0] ^= 1; /* too small to miss the target */
    assert_verdict(check_pow(&h), POSW_INVALID, POSW_RULE_POW);
    assert_verdict(posw_seal_check(&h, &POSW_U256_ONE, &key.address), POSW_INVALID, POSW_RULE_SIGNATURE);
    h = good;
    h.extra[40] ^= 1; /* the signature itself is under no proof of work */
    assert_verdict(check_pow(&h), POSW_VALID, POSW_RULE_NONE);
    assert_verdict(posw_seal_check(&h, &POSW_U256_ONE, &key.address), POSW_INVALID, POSW_RULE_SIGNATURE);
}

/* Two faults: the cheaper check speaks. */
static void test_order(void **state) {
    (void)state;
    const made_key key = key_of(0x33), other = key_of(0x34);
    posw_header h = made_header(&key.address, 1000);
    const posw_u256 ten = u64(10), nine = u64(9);
    const posw_u256 h_value = posw_seal_target(&h.difficulty, &nine); /* level 9 */
    h.mix_hash = hash_of_level(&h_value);
    sign_header(&h, &key);
    assert_true(posw_seal_boosted(&h.mix_hash, &h.difficulty));
    assert_verdict(posw_seal_check(&h, &ten, &key.address), POSW_VALID, POSW_RULE_NONE);
    assert_verdict(posw_seal_check(&h, &nine, &key.address), POSW_INVALID, POSW_RULE_TARGET);
    assert_verdict(posw_seal_check(&h, &ten, &other.address), POSW_INVALID, POSW_RULE_SIGNATURE);
    assert_verdict(posw_seal_check(&h, &nine, &other.address), POSW_INVALID, POSW_RULE_TARGET);
}

/* The same signature in its other form (s negated, v flipped) is not another valid block. */
static void test_malleable(void **state) {
    (void)state;
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48,
                                      0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
    const made_key key = key_of(0x35);
    posw_header h = made_header(&key.address, 1);
    posw_address signer;
    sign_header(&h, &key);
    const posw_u256 n = posw_u256_from_be(order), s = posw_u256_from_be(h.extra + 65);
    posw_u256 negated;
    assert_true(posw_u256_sub(&negated, &n, &s));
    posw_u256_to_be(h.extra + 65, &negated);
    h.extra[97] ^= 1;
    assert_false(posw_seal_signer(&signer, &h));
    sign_header(&h, &key);
    h.extra[97] = 2;
    assert_false(posw_seal_signer(&signer, &h));
    memset(h.extra + 33, 0, 65);
    assert_false(posw_seal_signer(&signer, &h));
    sign_header(&h, &key);
    h.extra_size = 97;
    assert_false(posw_seal_signer(&signer, &h));
    bool ok;
    assert_verdict(posw_seal_check_pow(&ok, &h, &KECCAK, NULL, NULL), POSW_INVALID, POSW_RULE_EXTRA_DATA);
    assert_true(ok);
}

static void test_engine_failure(void **state) {
    (void)state;
    const made_key key = key_of(0x36);
    const posw_header h = made_header(&key.address, 1);
    bool ok = true;
    const posw_verdict meaningless = posw_seal_check_pow(&ok, &h, &BROKEN, NULL, NULL);
    (void)meaningless;
    assert_false(ok);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meets),      cmocka_unit_test(test_byte_order), cmocka_unit_test(test_target),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_digest),     cmocka_unit_test(test_changes_show),
        cmocka_unit_test(test_order),      cmocka_unit_test(test_malleable),  cmocka_unit_test(test_engine_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
