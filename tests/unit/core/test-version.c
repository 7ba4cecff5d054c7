/* The version is one: of the headers, of the library, and of the project that was built. */
#include "posw/posw.h"

#include "base/test.h"

#include <stdio.h>

static void test_version(void **state) {
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", POSW_VERSION_MAJOR, POSW_VERSION_MINOR, POSW_VERSION_PATCH);
    assert_string_equal(posw_version(), text);
    assert_string_equal(posw_version(), POSW_VERSION_STRING);
    assert_string_equal(posw_version(), POSW_VERSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
