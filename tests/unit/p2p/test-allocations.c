/* Lack of memory in the network's books: a whole small life of address table, bans and connection policy with each of
 * its allocations failing in turn, alone and with all that follow. Nothing crashes or leaks, and what is there stays
 * consistent. */
#include "base/test.h"
#include "faults.h"
#include "p2p/connect.h"

enum { NOW = 1800000000, ADDRESSES = 150 };

static posw_netaddr address(unsigned i) {
    return (posw_netaddr){{[10] = 0xff, 0xff, (uint8_t)(20 + i % 100), 1, (uint8_t)(i / 100), 1}, 30301};
}

static void fill(posw_addrman *a) {
    for (unsigned i = 0; i < ADDRESSES; i++) {
        const posw_msg_address told = {.address = address(i), .seen_s = NOW};
        const posw_netaddr source = address(i * 7 % 60);
        (void)posw_addrman_add(a, &told, &source, NOW);
        if (i % 3 == 0) posw_addrman_good(a, &told.address, NULL, NOW);
        if (i % 10 == 0) posw_addrman_remove(a, &source);
    }
}

/* Counts agree with what can be found, and everything that is there can be drawn. */
static void check(posw_addrman *a) {
    posw_addrman_entry e;
    size_t found = 0, tried = 0, in_new, in_tried;
    for (unsigned i = 0; i < ADDRESSES; i++) {
        const posw_netaddr x = address(i);
        if (!posw_addrman_find(a, &e, &x)) continue;
        found++;
        tried += e.tried;
    }
    assert_int_equal(posw_addrman_count(a, &in_new, &in_tried), found);
    assert_int_equal(in_tried, tried);
    assert_int_equal(posw_addrman_select(a, &e, POSW_ADDRMAN_NEW, NOW), in_new > 0);
    assert_int_equal(posw_addrman_select(a, &e, POSW_ADDRMAN_TRIED, NOW), in_tried > 0);
}

static void dial_all(posw_connect *c) {
    posw_connect_wish wish;
    for (uint64_t i = 0; i < 30; i++) {
        posw_connect_next(c, &wish, i + 1, (NOW + i) * 1000ULL);
        if (wish.what == POSW_CONNECT_DIAL)
            posw_connect_result(c, i + 1, i % 2 ? POSW_DIAL_READY : POSW_DIAL_FAILED, NULL, (NOW + i) * 1000ULL);
    }
}

static void ban_some(posw_bans *b) {
    for (unsigned i = 0; i < 20; i++) {
        posw_subnet s = {.bits = 120};
        const posw_netaddr x = address(i * 5);
        memcpy(s.ip, x.ip, 15);
        (void)posw_bans_add(b, &s, NOW + 100, NOW);
        for (unsigned k = 0; k < 3; k++) {
            const posw_netaddr y = address(i * 3 + k);
            posw_bans_discourage(b, &y, NOW);
        }
    }
}

static void live(posw_bytes kept, const posw_node_url *urls, size_t url_count) {
    posw_message warning;
    posw_connect *c;
    posw_msg_address out[100];
    posw_buf saved = {0};
    const char *const seeds[] = {"seed.example.org", NULL};
    const posw_connect_options o = {.outbound_max = 8,
                                    .block_only_max = 2,
                                    .bootnodes = urls,
                                    .bootnode_count = url_count,
                                    .dns_seeds = seeds,
                                    .default_port = 30301,
                                    .kept = kept};
    if (posw_connect_new(&c, &warning, &o, NOW * 1000ULL) != POSW_OK) return;
    assert_string_equal(warning.text, ""); /* lack of memory is not damage */
    fill(posw_connect_addresses(c));
    check(posw_connect_addresses(c));
    dial_all(c);
    ban_some(posw_connect_bans(c));
    (void)posw_addrman_answer(posw_connect_addresses(c), out, 100, NOW);
    (void)posw_connect_add_named(c, &urls[0]);
    check(posw_connect_addresses(c));
    posw_connect_save(c, &saved);
    posw_buf_clear(&saved);
    posw_connect_free(c);
}

static void test_life(void **state) {
    (void)state;
    static const size_t counts[] = {1, SIZE_MAX};
    posw_node_url urls[20];
    posw_message warning;
    posw_connect *c;
    posw_buf kept = {0};
    for (unsigned i = 0; i < 20; i++)
        urls[i] = (posw_node_url){.host = "60.1.1.1", .port = 30301, .numeric = true, .address = address(5000 + i)};
    const posw_connect_options o = {.outbound_max = 8, .block_only_max = 2};
    assert_int_equal(posw_connect_new(&c, &warning, &o, NOW * 1000ULL), POSW_OK);
    fill(posw_connect_addresses(c));
    ban_some(posw_connect_bans(c));
    posw_connect_save(c, &kept);
    posw_connect_free(c);
    size_t most = 0;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(counts); i++) {
        for (size_t n = 0;; n++) {
            const size_t before = faults_live();
            faults_on(n, counts[i]);
            live(posw_buf_view(&kept), urls, 20);
            const size_t failed = faults_off();
            assert_int_equal(faults_live(), before);
            if (failed == 0) {
                if (n > most) most = n;
                break;
            }
        }
    }
    assert_true(most > 50);
    posw_buf_clear(&kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_life)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
