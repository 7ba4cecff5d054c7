#include "wallet_test.h"

#include "wallet/address.h"

/* The examples of EIP-55. */
static const char *const examples[] = {
    "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
};

static void test_examples(void **state) {
    (void)state;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(examples); i++) {
        posw_address address;
        char text[POSW_EIP55_SIZE];
        assert_int_equal(posw_eip55_parse(&address, examples[i], NULL), POSW_OK);
        assert_int_equal(posw_eip55_format(text, &address), 42);
        assert_string_equal(text, examples[i]);
    }
}

static void test_one_case_is_accepted(void **state) {
    (void)state;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(examples); i++) {
        posw_address expected, lower, upper;
        char text[POSW_EIP55_SIZE];
        assert_int_equal(posw_eip55_parse(&expected, examples[i], NULL), POSW_OK);
        memcpy(text, examples[i], sizeof text);
        for (char *c = text + 2; *c; c++)
            if (*c >= 'A' && *c <= 'F') *c = (char)(*c - 'A' + 'a');
        assert_int_equal(posw_eip55_parse(&lower, text, NULL), POSW_OK);
        for (char *c = text + 2; *c; c++)
            if (*c >= 'a' && *c <= 'f') *c = (char)(*c - 'a' + 'A');
        assert_int_equal(posw_eip55_parse(&upper, text, NULL), POSW_OK);
        assert_true(posw_address_equal(&expected, &lower) && posw_address_equal(&expected, &upper));
    }
}

/* The case of any one letter turned round is refused, and the output left alone. */
static void test_wrong_checksum(void **state) {
    (void)state;
    for (size_t i = 4; i < POSW_ARRAY_SIZE(examples); i++) {
        for (size_t at = 2; at < 42; at++) {
            char text[POSW_EIP55_SIZE];
            memcpy(text, examples[i], sizeof text);
            if (text[at] < 'A') continue;
            text[at] ^= 0x20;
            posw_address address;
            posw_message msg = {0};
            memset(&address, 0xee, sizeof address);
            assert_int_equal(posw_eip55_parse(&address, text, &msg), POSW_ECHECKSUM);
            assert_non_null(strstr(msg.text, "checksum"));
            assert_int_equal(address.b[0], 0xee);
        }
    }
}

static void test_malformed(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "0x",
        "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed0",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg",
        " 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed ",
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        posw_address address;
        posw_message msg = {0};
        assert_int_equal(posw_eip55_parse(&address, bad[i], &msg), POSW_EPARSE);
        assert_true(msg.text[0]);
    }
    posw_address zero;
    assert_int_equal(posw_eip55_parse(&zero, "0x0000000000000000000000000000000000000000", NULL), POSW_OK);
    assert_true(posw_address_is_zero(&zero));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_one_case_is_accepted),
        cmocka_unit_test(test_wrong_checksum),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
