/* The consensus part of a chain file, as users of the library read it. What each key means and which values are refused
 * is tested with the whole chain file (tests/unit/chain/test-chainfile.c). */
#include "posw/chainfile.h"

#include "base/bytes.h"
#include "base/test.h"
#include "posw/u256.h"

#include <jansson.h>
#include <string.h>

static const char FILE_TEXT[] =
    "{\"name\":\"read\",\"ticker\":\"RD\",\"chainId\":77,\"timestamp\":1700000000,\"window\":100,"
    "\"weight\":{\"preset\":\"diode\"},\"accounts\":{\"nobody\":[]},\"stakes\":7}";

static enum posw_chainfile_result read_text(posw_params *out, const char *text, char *message, size_t size) {
    return posw_params_read(out, NULL, text, strlen(text), message, size);
}

/* The allocation is there, is nonsense, and is not looked at. */
static void test_reads(void **state) {
    (void)state;
    posw_params p, want;
    char name[POSW_CHAIN_NAME_MAX + 1], message[POSW_CHAINFILE_MESSAGE_SIZE] = "before";
    memset(&p, 0x5a, sizeof p);
    assert_int_equal(posw_params_read(&p, name, FILE_TEXT, sizeof FILE_TEXT - 1, message, sizeof message),
                     POSW_CHAINFILE_OK);
    assert_string_equal(message, "");
    assert_string_equal(name, "read");
    posw_params_default(&want);
    assert_true(posw_params_preset(&want, "diode"));
    want.chain_id = 77;
    want.genesis_time = 1700000000;
    want.window_blocks = 100;
    posw_hash a, b;
    posw_params_hash(&a, &p);
    posw_params_hash(&b, &want);
    assert_true(posw_hash_equal(&a, &b));
    assert_int_equal(posw_params_read(&p, NULL, FILE_TEXT, sizeof FILE_TEXT - 1, NULL, 0), POSW_CHAINFILE_OK);
}

typedef struct {
    const char *text, *says; /* says: part of the sentence */
} bad_file;

static const bad_file BAD_FILES[] = {
    {"", "line 1"},
    {"[1]", "the chain file is a list"},
    {"{\"name\":\"a\",\"name\":\"b\"}", "name is given twice"},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":1,\"timestamp\":1,\"color\":1}", "color is not a key"},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"timestamp\":1}", "chainId is missing"},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":0,\"timestamp\":1}", "chainId is 0: write a number from 1"},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":1,\"timestamp\":1,\"unbonding\":2}",
     "unbonding is 2: write a number from 2016"},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":1,\"timestamp\":1,\"window\":2017,\"unbonding\":3023}",
     "(write 3024 or more)"},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":1,\"timestamp\":1,\"reward\":{\"treasury\":"
     "\"0x00000000000000000000000000000000706f7377\",\"treasuryShare\":1}}",
     "reward.treasury is the staking contract"},
};

static void test_refuses(void **state) {
    (void)state;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(BAD_FILES); i++) {
        posw_params p, before;
        memset(&p, 0x5a, sizeof p);
        before = p;
        char message[POSW_CHAINFILE_MESSAGE_SIZE], cut[8], name[POSW_CHAIN_NAME_MAX + 1] = "before";
        assert_int_equal(
            posw_params_read(&p, name, BAD_FILES[i].text, strlen(BAD_FILES[i].text), message, sizeof message),
            POSW_CHAINFILE_REFUSED);
        if (strstr(message, BAD_FILES[i].says) == NULL) fail_msg("\"%s\" lacks \"%s\"", message, BAD_FILES[i].says);
        assert_memory_equal(&p, &before, sizeof p);
        assert_string_equal(name, "before");
        assert_int_equal(read_text(&p, BAD_FILES[i].text, cut, sizeof cut), POSW_CHAINFILE_REFUSED);
        assert_true(strlen(cut) == sizeof cut - 1 && memcmp(cut, message, sizeof cut - 1) == 0);
        assert_int_equal(read_text(&p, BAD_FILES[i].text, NULL, 0), POSW_CHAINFILE_REFUSED);
    }
    char *large = calloc(1, POSW_CHAINFILE_SIZE_MAX + 1), message[POSW_CHAINFILE_MESSAGE_SIZE];
    assert_non_null(large);
    posw_params p;
    assert_int_equal(posw_params_read(&p, NULL, NULL, 0, message, sizeof message), POSW_CHAINFILE_REFUSED);
    assert_non_null(strstr(message, "line 1"));
    assert_int_equal(posw_params_read(&p, NULL, large, POSW_CHAINFILE_SIZE_MAX + 1, message, sizeof message),
                     POSW_CHAINFILE_REFUSED);
    assert_non_null(strstr(message, "at most 16777216"));
    free(large);
}

/* ---- every allocation fails once ---- */

static size_t left; /* allocations that succeed; SIZE_MAX: all */

static void *counted_malloc(size_t size) {
    if (left == 0) return NULL;
    if (left != SIZE_MAX) left--;
    return malloc(size);
}

static void test_no_memory(void **state) {
    (void)state;
    posw_params p, before;
    memset(&p, 0x5a, sizeof p);
    before = p;
    json_set_alloc_funcs(counted_malloc, free);
    enum posw_chainfile_result result = POSW_CHAINFILE_NO_MEMORY;
    size_t failures = 0;
    for (size_t n = 0; result != POSW_CHAINFILE_OK && n < 10000; n++) {
        left = n;
        char message[POSW_CHAINFILE_MESSAGE_SIZE];
        result = posw_params_read(&p, NULL, FILE_TEXT, sizeof FILE_TEXT - 1, message, sizeof message);
        if (result == POSW_CHAINFILE_OK) break;
        if (result != POSW_CHAINFILE_NO_MEMORY) fail_msg("allocation %zu: %s", n + 1, message);
        assert_memory_equal(&p, &before, sizeof p);
        failures++;
    }
    left = SIZE_MAX;
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(result, POSW_CHAINFILE_OK);
    assert_true(failures > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
