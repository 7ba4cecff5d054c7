#include "wallet_test.h"

#include "crypto/digest.h"
#include "wallet/mnemonic.h"
#include "wallet/word_guess.h"
#include "wallet/wordlist_en.h"

static const char ABANDON[] =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/* The list is the BIP's own, byte for byte, and sorted (the search relies on it). */
static void test_wordlist(void **state) {
    (void)state;
    char text[POSW_WORDLIST_SIZE * (POSW_WORD_LETTERS_MAX + 1)];
    size_t size = 0;
    for (size_t i = 0; i < POSW_WORDLIST_SIZE; i++) {
        size_t letters = strlen(posw_wordlist_en[i]);
        memcpy(text + size, posw_wordlist_en[i], letters);
        size += letters;
        text[size++] = '\n';
        if (i > 0) assert_true(strcmp(posw_wordlist_en[i - 1], posw_wordlist_en[i]) < 0);
    }
    uint8_t digest[32];
    char hex[65];
    posw_sha256(digest, text, size);
    posw_hex_encode(hex, digest, sizeof digest);
    assert_string_equal(hex, "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda");
}

/* Trezor's vectors: entropy, sentence, seed under the passphrase TREZOR. */
static void test_vectors(void **state) {
    (void)state;
    json_t *root = test_load(POSW_VECTORS "/bip39/english.json");
    assert_int_equal(json_array_size(root), 24);
    for (size_t i = 0; i < json_array_size(root); i++) {
        json_t *v = json_array_get(root, i);
        const char *sentence = json_string_value(json_array_get(v, 1));
        uint8_t entropy[32], decoded[32], seed[64], expected[64];
        size_t size = test_hex(entropy, sizeof entropy, json_string_value(json_array_get(v, 0))), decoded_size;
        test_hex(expected, sizeof expected, json_string_value(json_array_get(v, 2)));
        char text[POSW_MNEMONIC_SIZE];
        assert_int_equal(posw_mnemonic_encode(text, entropy, size), POSW_OK);
        assert_string_equal(text, sentence);
        assert_int_equal(posw_mnemonic_decode(decoded, &decoded_size, sentence, NULL), POSW_OK);
        assert_int_equal(decoded_size, size);
        assert_memory_equal(decoded, entropy, size);
        assert_int_equal(posw_mnemonic_seed(seed, sentence, "TREZOR", NULL), POSW_OK);
        assert_memory_equal(seed, expected, sizeof seed);
    }
    json_decref(root);
}

static void test_round_trip(void **state) {
    (void)state;
    uint64_t random = 39;
    for (int i = 0; i < 2000; i++) {
        uint8_t entropy[32], decoded[32];
        size_t size = 16 + 4 * (test_random(&random) % 5), decoded_size;
        for (size_t j = 0; j < size; j++)
            entropy[j] = (uint8_t)test_random(&random);
        char text[POSW_MNEMONIC_SIZE];
        assert_int_equal(posw_mnemonic_encode(text, entropy, size), POSW_OK);
        assert_int_equal(posw_mnemonic_decode(decoded, &decoded_size, text, NULL), POSW_OK);
        assert_int_equal(decoded_size, size);
        assert_memory_equal(decoded, entropy, size);
    }
}

static void test_entropy_sizes(void **state) {
    (void)state;
    uint8_t entropy[40] = {0};
    for (size_t size = 0; size <= sizeof entropy; size++) {
        char text[POSW_MNEMONIC_SIZE] = "?";
        bool legal = size == 16 || size == 20 || size == 24 || size == 28 || size == 32;
        assert_int_equal(posw_mnemonic_encode(text, entropy, size), legal ? POSW_OK : POSW_EINVAL);
        if (!legal) assert_string_equal(text, "?");
    }
    /* The longest possible text: 24 words of eight letters do not exist with a checksum, but 24 fit. */
    assert_int_equal(POSW_MNEMONIC_SIZE, 24 * 8 + 23 + 1);
}

/* How it is typed does not change the seed. */
static void test_forgiving(void **state) {
    (void)state;
    static const char typed[] =
        "\n  Abandon ABANDON\tabandon abandon  abandon abandon\r\nabandon abandon abandon abandon "
        "abandon aBouT \n";
    uint8_t a[64], b[64], c[64];
    assert_int_equal(posw_mnemonic_seed(a, ABANDON, NULL, NULL), POSW_OK);
    assert_int_equal(posw_mnemonic_seed(b, typed, "", NULL), POSW_OK);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(posw_mnemonic_seed(c, typed, " ", NULL), POSW_OK);
    assert_memory_not_equal(a, c, sizeof a);
}

static int decode(const char *text, posw_message *msg) {
    uint8_t entropy[32];
    size_t size = 99;
    memset(entropy, 0xee, sizeof entropy);
    memset(msg, 0, sizeof *msg);
    int error = posw_mnemonic_decode(entropy, &size, text, msg);
    if (error) {
        assert_int_equal(size, 99);
        assert_int_equal(entropy[0], 0xee);
        assert_true(msg->text[0]);
    }
    return error;
}

static void test_refusals(void **state) {
    (void)state;
    posw_message msg;
    assert_int_equal(decode("", &msg), POSW_EPARSE);
    assert_non_null(strstr(msg.text, "0 words"));
    assert_int_equal(decode("abandon", &msg), POSW_EPARSE);
    assert_int_equal(decode("abandon abandon about", &msg), POSW_EPARSE);
    assert_int_equal(decode("abandon abandon abandon abandon abandon abandon abandon abandon abandon", &msg),
                     POSW_EPARSE);
    char text[2048] = "";
    for (int i = 0; i < 11; i++)
        strcat(text, "abandon ");
    assert_int_equal(decode(text, &msg), POSW_EPARSE);
    strcat(text, "abandon");
    assert_int_equal(decode(text, &msg), POSW_ECHECKSUM);
    assert_non_null(strstr(msg.text, "checksum"));
    strcat(text, " about");
    assert_int_equal(decode(text, &msg), POSW_EPARSE);
    assert_non_null(strstr(msg.text, "13 words"));

    /* The word is told, and what was meant. */
    assert_int_equal(
        decode("abandon abandon abandn abandon abandon abandon abandon abandon abandon abandon abandon about", &msg),
        POSW_EPARSE);
    assert_non_null(strstr(msg.text, "word 3 "));
    assert_non_null(strstr(msg.text, "'abandn'"));
    assert_non_null(strstr(msg.text, "did you mean abandon?"));
    assert_int_equal(decode("abandonabandon about", &msg), POSW_EPARSE);
    assert_int_equal(decode("abandon-abandon", &msg), POSW_EPARSE);
    assert_int_equal(decode("\xc3\xa4pfel", &msg), POSW_EPARSE);

    /* Two words exchanged. */
    assert_int_equal(decode("legal winner thank year wave sausage worth useful legal winner thank yellow", &msg),
                     POSW_OK);
    assert_int_equal(decode("winner legal thank year wave sausage worth useful legal winner thank yellow", &msg),
                     POSW_ECHECKSUM);
}

static void test_limits(void **state) {
    (void)state;
    posw_message msg;
    char text[2048];
    /* 24 words are the most; a 25th is told. */
    text[0] = 0;
    for (int i = 0; i < 23; i++)
        strcat(text, "abandon ");
    strcat(text, "art");
    assert_int_equal(decode(text, &msg), POSW_OK);
    strcat(text, " art");
    assert_int_equal(decode(text, &msg), POSW_EPARSE);
    assert_non_null(strstr(msg.text, "more than 24"));
    /* POSW_MNEMONIC_TEXT_MAX bytes are read, one more is not. */
    size_t words = strlen(ABANDON);
    memcpy(text, ABANDON, words);
    memset(text + words, ' ', sizeof text - words);
    text[POSW_MNEMONIC_TEXT_MAX] = 0;
    assert_int_equal(decode(text, &msg), POSW_OK);
    text[POSW_MNEMONIC_TEXT_MAX] = ' ';
    text[POSW_MNEMONIC_TEXT_MAX + 1] = 0;
    assert_int_equal(decode(text, &msg), POSW_EPARSE);
}

static void test_passphrase(void **state) {
    (void)state;
    uint8_t seed[64];
    posw_message msg = {0};
    memset(seed, 0xee, sizeof seed);
    assert_int_equal(posw_mnemonic_seed(seed, ABANDON, "gr\xc3\xbc\xc3\x9f", &msg), POSW_EUNSUPPORTED);
    assert_non_null(strstr(msg.text, "ASCII"));
    assert_int_equal(posw_mnemonic_seed(seed, ABANDON, "line\n", &msg), POSW_EUNSUPPORTED);
    assert_int_equal(posw_mnemonic_seed(seed, ABANDON, "\x7f", &msg), POSW_EUNSUPPORTED);
    assert_int_equal(posw_mnemonic_seed(seed, "abandon", "", &msg), POSW_EPARSE);
    char passphrase[POSW_MNEMONIC_PASSPHRASE_MAX + 2];
    memset(passphrase, '~', sizeof passphrase);
    passphrase[POSW_MNEMONIC_PASSPHRASE_MAX + 1] = 0;
    assert_int_equal(posw_mnemonic_seed(seed, ABANDON, passphrase, &msg), POSW_ERANGE);
    assert_int_equal(seed[0], 0xee);
    assert_int_equal(seed[63], 0xee);
    passphrase[POSW_MNEMONIC_PASSPHRASE_MAX] = 0;
    assert_int_equal(posw_mnemonic_seed(seed, ABANDON, passphrase, &msg), POSW_OK);
}

static void expect_guess(const char *typed, const char *expected) {
    const char *guesses[POSW_WORD_GUESSES_MAX];
    const size_t count = posw_word_guess(guesses, typed, strlen(typed));
    char text[64] = "";
    for (size_t i = 0; i < count; i++) {
        strcat(text, i == 0 ? "" : " ");
        strcat(text, guesses[i]);
    }
    assert_string_equal(text, expected);
}

/* One slip of each kind, two slips, several that are as near, none that is near. */
static void test_guesses(void **state) {
    (void)state;
    expect_guess("abandon", "abandon");
    expect_guess("ABANDN", "abandon");
    expect_guess("abandonn", "abandon");
    expect_guess("abanden", "abandon");
    expect_guess("abadnon", "abandon");
    expect_guess("abuot", "about");
    expect_guess("junc", "junk");
    expect_guess("sausige", "sausage");
    expect_guess("bork", "book fork work");
    expect_guess("", "");
    expect_guess("qqqqqqqq", "");
    expect_guess("abandonabandonab", "");
    expect_guess("abandonabandonaba", "");
}

/* Every word with one letter taken out is found again, unless it is another word then. */
static void test_guesses_of_the_whole_list(void **state) {
    (void)state;
    for (size_t i = 0; i < POSW_WORDLIST_SIZE; i += 7) {
        char typed[POSW_WORD_LETTERS_MAX + 1];
        const char *guesses[POSW_WORD_GUESSES_MAX];
        const size_t size = strlen(posw_wordlist_en[i]), out = i % size;
        memcpy(typed, posw_wordlist_en[i], size + 1);
        memmove(typed + out, typed + out + 1, size - out);
        const size_t count = posw_word_guess(guesses, typed, size - 1);
        assert_true(count > 0);
        bool found = count == POSW_WORD_GUESSES_MAX || strcmp(guesses[0], typed) == 0;
        for (size_t k = 0; k < count; k++)
            found = found || strcmp(guesses[k], posw_wordlist_en[i]) == 0;
        assert_true(found);
    }
}

/* The canonical form of a text by a second, naive way: lower case, single blanks. */
static void canonical(char *out, const char *text) {
    bool gap = false, any = false;
    for (; *text; text++) {
        if (strchr(" \t\r\n", *text)) {
            gap = any;
            continue;
        }
        if (gap) *out++ = ' ';
        gap = false;
        any = true;
        *out++ = (char)(*text >= 'A' && *text <= 'Z' ? *text + 32 : *text);
    }
    *out = 0;
}

/* Random damage never crashes, and what is accepted means exactly what it says. */
static void test_mutations(void **state) {
    enum { ROUNDS = 6000 };
    (void)state;
    uint64_t random = 2039;
    size_t accepted = 0, changed = 0;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t entropy[32];
        size_t size = 16 + 4 * (test_random(&random) % 5);
        for (size_t j = 0; j < size; j++)
            entropy[j] = (uint8_t)test_random(&random);
        char text[POSW_MNEMONIC_SIZE + 16], original[POSW_MNEMONIC_SIZE + 16], again[POSW_MNEMONIC_SIZE];
        assert_int_equal(posw_mnemonic_encode(text, entropy, size), POSW_OK);
        memcpy(original, text, sizeof original);
        size_t length = strlen(text);
        for (uint64_t edits = 1 + test_random(&random) % 2; edits > 0; edits--)
            length = test_mutate(text, length, &random);
        text[length] = 0;
        if (i % 3 == 0) { /* another word of the list: only the checksum can tell */
            size_t at = (size_t)(strchr(original, ' ') - original);
            snprintf(text, sizeof text, "%s%.180s", posw_wordlist_en[test_random(&random) % 2048], original + at);
        }
        uint8_t decoded[32];
        size_t decoded_size;
        if (posw_mnemonic_decode(decoded, &decoded_size, text, NULL) != POSW_OK) continue;
        char expected[sizeof text + 1];
        canonical(expected, text);
        assert_int_equal(posw_mnemonic_encode(again, decoded, decoded_size), POSW_OK);
        assert_string_equal(again, expected);
        accepted++;
        changed += strcmp(again, original) != 0;
    }
    /* Both happened: harmless edits, and the 1 in 16 to 256 of wrong words that a short checksum lets through. */
    assert_true(accepted > changed);
    assert_true(changed > 0 && changed < ROUNDS / 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wordlist),   cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_entropy_sizes),
        cmocka_unit_test(test_forgiving),  cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_passphrase),
        cmocka_unit_test(test_guesses),    cmocka_unit_test(test_guesses_of_the_whole_list),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
