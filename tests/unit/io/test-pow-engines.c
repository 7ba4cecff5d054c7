/* The proof-of-work engines against answers that other programs gave: argon2id by the reference library libargon2 (t 3,
 * m 512 KiB, p 1, salt the first 16 bytes), randomx by librandomx itself, which is first held against the hash that the
 * RandomX specification publishes. */
#include "base/bytes.h"
#include "base/test.h"
#include "crypto/keccak.h"
#include "io/runner.h"

#include <pthread.h>
#include <string.h>

#if POSW_HAVE_RANDOMX
#include <randomx.h>
#endif

typedef struct {
    const char *input, *output;
} answer;

static void unhex(uint8_t *out, size_t size, const char *text) {
    assert_true(posw_hex_decode(out, size, text, strlen(text)));
}

static const posw_pow *engine(enum posw_pow_algorithm algorithm) {
    posw_message msg = {""};
    const posw_pow *pow = posw_pow_engine(algorithm, &msg);
    if (pow == NULL) fail_msg("%s", msg.text);
    return pow;
}

static const answer argon2id[] = {
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e",
     "f6f89eafb2b32438129fd79ebaf79bc9955ffc56c054e61e034567d50cd193ae"},
    {"0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
     "59435edc6b11c36c01e44e619e352c75e5de2a645b6401db34cf63eb4678dfed"},
    {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "5087b709d249025ef72e0f808c1946b466506135b2d7293c6290d8deb125d75a"},
    {"706f73772d76316465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182830102030405060708",
     "db851336a21a86f3eaa263a3ec9429d0195685653ab9e259edca81ccb8573974"},
    {"0000000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c",
     "278a748efadafe63447734e18b3ee12d470642ee759663b5ed91a423a0d8c15d"},
};

static void check_argon2id(const posw_pow *pow, const answer *a, uint8_t key_byte) {
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_hash key, out, expected;
    memset(key.b, key_byte, sizeof key.b); /* it has no say */
    unhex(input, sizeof input, a->input);
    unhex(expected.b, sizeof expected.b, a->output);
    assert_true(pow->hash(NULL, &out, &key, input));
    assert_true(posw_hash_equal(&out, &expected));
}

static void argon2id_answers(void **state) {
    (void)state;
    const posw_pow *pow = engine(POSW_POW_ARGON2ID);
    assert_string_equal(pow->name, "argon2id");
    assert_null(pow->scratch_new);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(argon2id); i++)
        check_argon2id(pow, &argon2id[i], (uint8_t)i);
}

static void *argon2id_thread(void *arg) {
    const posw_pow *pow = arg;
    for (size_t i = 0; i < 3 * POSW_ARRAY_SIZE(argon2id); i++)
        check_argon2id(pow, &argon2id[i % POSW_ARRAY_SIZE(argon2id)], 0);
    return NULL;
}

static void argon2id_in_threads(void **state) {
    (void)state;
    pthread_t threads[4];
    const posw_pow *pow = engine(POSW_POW_ARGON2ID);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, argon2id_thread, (void *)(uintptr_t)pow), 0);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
}

static void keccak(void **state) {
    (void)state;
    const posw_pow *pow = engine(POSW_POW_KECCAK256);
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_hash key = {{0}}, out, expected;
    assert_string_equal(pow->name, "keccak256");
    for (uint8_t i = 0; i < 50; i++) {
        memset(input, i, sizeof input);
        posw_keccak256(&expected, input, sizeof input);
        assert_true(pow->hash(NULL, &out, &key, input));
        assert_true(posw_hash_equal(&out, &expected));
    }
}

#if POSW_HAVE_RANDOMX
/* What the library says of any key and input. */
static posw_hash direct(const void *key, size_t key_size, const void *input, size_t input_size) {
    posw_hash out;
    randomx_cache *cache = randomx_alloc_cache(randomx_get_flags());
    assert_non_null(cache);
    randomx_init_cache(cache, key, key_size);
    randomx_vm *vm = randomx_create_vm(randomx_get_flags(), cache, NULL);
    assert_non_null(vm);
    randomx_calculate_hash(vm, input, input_size, out.b);
    randomx_destroy_vm(vm);
    randomx_release_cache(cache);
    return out;
}

static void randomx_of_the_specification(void **state) {
    (void)state;
    posw_hash expected;
    unhex(expected.b, sizeof expected.b, "639183aae1bf4c9a35884cb46b09cad9175f04efd7684e7262a0ac1c2f0b4e3f");
    const posw_hash out = direct("test key 000", 12, "This is a test", 14);
    assert_true(posw_hash_equal(&out, &expected));
}

/* Keys change back and forth, in two scratches at once; a scratch keeps its cache while another has a new one. */
static void randomx_keys(void **state) {
    (void)state;
    const posw_pow *pow = engine(POSW_POW_RANDOMX);
    posw_hash keys[2], out, expected[2];
    uint8_t input[POSW_POW_INPUT_SIZE];
    memset(input, 0x42, sizeof input);
    for (size_t i = 0; i < 2; i++) {
        memset(keys[i].b, (int)(i + 1), sizeof keys[i].b);
        expected[i] = direct(keys[i].b, sizeof keys[i].b, input, sizeof input);
    }
    assert_false(posw_hash_equal(&expected[0], &expected[1]));
    void *a = pow->scratch_new(), *b = pow->scratch_new();
    assert_true(pow->hash(a, &out, &keys[0], input) && posw_hash_equal(&out, &expected[0]));
    assert_true(pow->hash(b, &out, &keys[1], input) && posw_hash_equal(&out, &expected[1]));
    assert_true(pow->hash(a, &out, &keys[0], input) && posw_hash_equal(&out, &expected[0]));
    assert_true(pow->hash(a, &out, &keys[1], input) && posw_hash_equal(&out, &expected[1]));
    input[0] ^= 1;
    assert_true(pow->hash(b, &out, &keys[1], input));
    assert_false(posw_hash_equal(&out, &expected[1]));
    assert_false(pow->hash(NULL, &out, &keys[0], input));
    pow->scratch_free(a);
    pow->scratch_free(b);
    pow->scratch_free(NULL);
    pow->scratch_free(pow->scratch_new());
}
#else
static void randomx_is_not_built(void **state) {
    (void)state;
    posw_message msg = {""};
    assert_null(posw_pow_engine(POSW_POW_RANDOMX, &msg));
    assert_non_null(strstr(msg.text, "librandomx-dev"));
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(argon2id_answers),
        cmocka_unit_test(argon2id_in_threads),
        cmocka_unit_test(keccak),
#if POSW_HAVE_RANDOMX
        cmocka_unit_test(randomx_of_the_specification),
        cmocka_unit_test(randomx_keys),
#else
        cmocka_unit_test(randomx_is_not_built),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
