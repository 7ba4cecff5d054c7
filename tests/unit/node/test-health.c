/* The rule of /health/ready, at its limits. */
#include "base/test.h"

#include "node/health.h"

#include <string.h>

static const posw_health good = {.peers = 2, .height = 7, .tip_age_s = 44, .block_time_s = 15};

static void is(const posw_health *h, bool ready, const char *json) {
    posw_buf b = {0};
    assert_int_equal(posw_health_is_ready(h), ready);
    posw_health_json(&b, h);
    posw_buf_byte(&b, 0);
    assert_string_equal((const char *)b.data, json);
    posw_buf_clear(&b);
}

static void ready(void **state) {
    (void)state;
    is(&good, true, "{\"ready\":true,\"reasons\":[],\"height\":7,\"tipAge\":44,\"peers\":2}\n");
}

static void each_reason(void **state) {
    (void)state;
    posw_health h = good;
    h.tip_age_s = 45;
    is(&h, false,
       "{\"ready\":false,\"reasons\":[\"the latest block is 45 s old, 45 s are too "
       "many\"],\"height\":7,\"tipAge\":45,\"peers\":2}\n");
    h = good;
    h.peers = 1;
    is(&h, false,
       "{\"ready\":false,\"reasons\":[\"1 peer, at least 2 are needed\"],\"height\":7,\"tipAge\":44,\"peers\":1}\n");
    h = good;
    h.syncing = true;
    is(&h, false,
       "{\"ready\":false,\"reasons\":[\"blocks of a heavier chain are being "
       "fetched\"],\"height\":7,\"tipAge\":44,\"peers\":2}\n");
}

static void missed_upgrade(void **state) {
    (void)state;
    posw_health h = good;
    h.missed_upgrade = true;
    h.missed_height = 7;
    is(&h, false,
       "{\"ready\":false,\"reasons\":[\"a node that was dialled changed the rules at block 7, and this node's chain "
       "file does "
       "not: what it follows may not be the chain any more; get the chain's new file and start the node with "
       "it\"],\"height\":7,\"tipAge\":44,\"peers\":2}\n");
}

/* Nobody else mines, nobody is needed; but what is being fetched is waited for. */
static void alone(void **state) {
    (void)state;
    posw_health h = {.alone = true, .tip_age_s = 1000000, .block_time_s = 15};
    assert_true(posw_health_is_ready(&h));
    h.syncing = true;
    assert_false(posw_health_is_ready(&h));
}

static void block_times_at_the_ends(void **state) {
    (void)state;
    posw_health h = good;
    h.block_time_s = 1; /* three block times are 3 s: too short for a chain that mines by chance */
    h.tip_age_s = 9;
    assert_true(posw_health_is_ready(&h));
    h.tip_age_s = 10;
    assert_false(posw_health_is_ready(&h));
    h.block_time_s = UINT64_MAX / 2;
    h.tip_age_s = UINT64_MAX - 1;
    assert_true(posw_health_is_ready(&h));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready),
        cmocka_unit_test(each_reason),
        cmocka_unit_test(missed_upgrade),
        cmocka_unit_test(alone),
        cmocka_unit_test(block_times_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
