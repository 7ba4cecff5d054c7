#include "wallet_test.h"

#include "wallet/book.h"

static posw_address address_of(uint8_t n) {
    posw_address a;
    memset(&a, n, sizeof a);
    return a;
}

static void test_names(void **state) {
    (void)state;
    static const char *const good[] = {
        "a", "alice", "Bob-2", "my_cold.wallet", "deadbeef", "a2345678901234567890123456789012"};
    static const char *const bad[] = {"",
                                      "2alice",
                                      "-a",
                                      "al ice",
                                      "al/ice",
                                      "0x12",
                                      "0X12",
                                      "\xc3\xa4pfel",
                                      "all",
                                      "NONE",
                                      "a23456789012345678901234567890123",
                                      "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
                                      "70997970C51812dc3A010C7d01b50e0d17dc79C8",
                                      "abcdefabcdefabcdefabcdefabcdefabcdefabcd"};
    posw_message msg;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(good); i++)
        assert_int_equal(posw_book_name_check(good[i], &msg), POSW_OK);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        msg.text[0] = 0;
        assert_int_equal(posw_book_name_check(bad[i], &msg), POSW_EINVAL);
        assert_true(msg.text[0]);
    }
}

static void test_add_find_remove(void **state) {
    (void)state;
    posw_book book = {0};
    posw_message msg = {""};
    const posw_address a = address_of(1), b = address_of(2);
    assert_null(posw_book_find(&book, "alice"));
    assert_int_equal(posw_book_add(&book, "alice", &a, &msg), POSW_OK);
    assert_int_equal(posw_book_add(&book, "Zoe", &b, &msg), POSW_OK);
    assert_int_equal(posw_book_add(&book, "bob", &b, &msg), POSW_OK);
    assert_int_equal(posw_book_add(&book, "ALICE", &b, &msg), POSW_EEXIST);
    assert_non_null(strstr(msg.text, "alice"));
    assert_int_equal(posw_book_add(&book, "0x", &b, &msg), POSW_EINVAL);
    assert_int_equal(book.count, 3);
    assert_memory_equal(&posw_book_find(&book, "Alice")->address, &a, sizeof a);
    assert_string_equal(posw_book_name_of(&book, &b)->name, "bob");
    const posw_address c = address_of(3);
    assert_null(posw_book_name_of(&book, &c));
    assert_int_equal(posw_book_remove(&book, "BOB"), POSW_OK);
    assert_int_equal(posw_book_remove(&book, "bob"), POSW_ENOTFOUND);
    assert_string_equal(posw_book_name_of(&book, &b)->name, "Zoe");
    posw_book_clear(&book);
}

/* Any order of many names, looked up each; and the file's text gives the same book. */
static void test_many(void **state) {
    (void)state;
    posw_book book = {0}, again = {0};
    posw_buf first = {0}, second = {0};
    char name[16];
    for (unsigned i = 0; i < POSW_BOOK_ENTRIES_MAX; i++) {
        const posw_address a = address_of((uint8_t)(i * 7919 % 10000));
        snprintf(name, sizeof name, "n%u", i * 7919 % 10000);
        assert_int_equal(posw_book_add(&book, name, &a, NULL), POSW_OK);
    }
    const posw_address a = address_of(1);
    assert_int_equal(posw_book_add(&book, "one-more", &a, NULL), POSW_EFULL);
    for (unsigned i = 0; i < POSW_BOOK_ENTRIES_MAX; i++) {
        snprintf(name, sizeof name, "N%u", i);
        assert_non_null(posw_book_find(&book, name));
    }
    posw_book_encode(&first, &book);
    assert_true(first.size < POSW_BOOK_JSON_MAX);
    assert_int_equal(posw_book_decode(&again, (const char *)first.data, first.size, NULL), POSW_OK);
    posw_book_encode(&second, &again);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    posw_buf_clear(&first);
    posw_buf_clear(&second);
    posw_book_clear(&book);
    posw_book_clear(&again);
}

static int decode(const char *text) {
    posw_book book = {0};
    posw_message msg = {""};
    const int err = posw_book_decode(&book, text, strlen(text), &msg);
    if (err != POSW_OK) {
        assert_true(msg.text[0]);
        assert_int_equal(book.count, 0);
    }
    posw_book_clear(&book);
    return err;
}

static void test_files(void **state) {
    (void)state;
    static const char A[] = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    char text[256];
    assert_int_equal(decode("{\"version\":1,\"names\":{}}"), POSW_OK);
    snprintf(text, sizeof text, "{\"version\":1,\"names\":{\"alice\":\"%s\"}}", A);
    assert_int_equal(decode(text), POSW_OK);
    snprintf(text, sizeof text, "{\"version\":2,\"names\":{\"alice\":\"%s\"}}", A);
    assert_int_equal(decode(text), POSW_EUNSUPPORTED);
    snprintf(text, sizeof text, "{\"version\":1,\"names\":{\"alice\":\"%s\",\"alice\":\"%s\"}}", A, A);
    assert_int_equal(decode(text), POSW_EPARSE);
    snprintf(text, sizeof text, "{\"version\":1,\"names\":{\"alice\":\"%s\",\"Alice\":\"%s\"}}", A, A);
    assert_int_equal(decode(text), POSW_EPARSE);
    /* a wrong checksum: somebody edited the file by hand */
    assert_int_equal(decode("{\"version\":1,\"names\":{\"a\":\"0x70997970C51812dc3A010C7d01b50e0d17dc79c8\"}}"),
                     POSW_EPARSE);
    assert_int_equal(decode("{\"version\":1,\"names\":{\"a\":7}}"), POSW_EPARSE);
    assert_int_equal(decode("{\"version\":1,\"names\":[]}"), POSW_EPARSE);
    assert_int_equal(decode("{\"version\":1}"), POSW_EPARSE);
    assert_int_equal(decode("[]"), POSW_EPARSE);
    assert_int_equal(decode(""), POSW_EPARSE);
    assert_int_equal(decode("{"), POSW_EPARSE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_add_find_remove),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
