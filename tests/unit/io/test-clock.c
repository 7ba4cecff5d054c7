/* The time that a node is given, when somebody sets the wall clock. */
#include "base/test.h"
#include "io/clock.h"

static void it_is_the_wall_clocks(void **state) {
    (void)state;
    posw_clock c = {0};
    assert_int_equal(posw_clock_advance(&c, 5000, 77), 0);
    assert_int_equal(c.now_ms, 5000);
    assert_int_equal(posw_clock_advance(&c, 5000, 77), 0);
    assert_int_equal(c.now_ms, 5000);
    assert_int_equal(posw_clock_advance(&c, 6000, 1077), 0);
    assert_int_equal(c.now_ms, 6000);
    assert_int_equal(posw_clock_advance(&c, 9000, 1078), 0); /* set forward, or the machine has slept */
    assert_int_equal(c.now_ms, 9000);
}

static void it_goes_on_when_that_is_set_back(void **state) {
    (void)state;
    posw_clock c = {0};
    assert_int_equal(posw_clock_advance(&c, 3600000, 10), 0);
    assert_int_equal(posw_clock_advance(&c, 1000, 15), 3599005);
    assert_int_equal(c.now_ms, 3600005);
    for (uint64_t i = 1; i <= 1000; i++) {
        assert_int_equal(posw_clock_advance(&c, 1000 + i, 15 + i), 3599005);
        assert_int_equal(c.now_ms, 3600005 + i);
    }
    assert_int_equal(posw_clock_advance(&c, 500, 1020), 3600510); /* and once more */
    assert_int_equal(c.now_ms, 3601010);
    assert_int_equal(posw_clock_advance(&c, 3602000, 1021), 0); /* set right again */
    assert_int_equal(c.now_ms, 3602000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_wall_clocks),
        cmocka_unit_test(it_goes_on_when_that_is_set_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
