#include "p2p/evict.h"

#include "base/random.h"
#include "base/scale.h"
#include "base/test.h"

#include <string.h>

enum { SLOTS = 114, NOW_MS = 1000000000 };
static const uint8_t secret[16] = "any secret bytes";

static posw_evict_candidate plain(uint64_t peer, uint8_t group) {
    return (posw_evict_candidate){.peer = peer, .group = {4, group}, .ping_min_ms = UINT32_MAX, .connected_ms = peer};
}

static uint64_t evicted(const posw_evict_candidate *c, size_t count) {
    posw_evict_candidate copy[200];
    uint64_t peer = 0;
    memcpy(copy, c, count * sizeof *c);
    return posw_evict_inbound(&peer, copy, count, secret) ? peer : 0;
}

static void test_nobody(void **state) {
    (void)state;
    posw_evict_candidate c[200] = {0};
    assert_int_equal(evicted(c, 0), 0);
    for (size_t i = 0; i < 200; i++) {
        c[i] = plain(i + 1, (uint8_t)i);
        c[i].is_protected = true;
    }
    assert_int_equal(evicted(c, 200), 0); /* all are the operator's */
    for (size_t i = 0; i < 24; i++) {
        c[i] = plain(i + 1, (uint8_t)i);
        c[i].ping_min_ms = 10;
        c[i].last_tx_ms = c[i].last_block_ms = 10;
    }
    assert_int_equal(evicted(c, 24), 0); /* 4 + 8 + 4 + 8 are protected */
    c[24] = plain(25, 24);
    assert_int_equal(evicted(c, 25), 25);
    c[3].discouraged = true; /* comes before all protection but the operator's */
    assert_int_equal(evicted(c, 24), 4);
    c[7].discouraged = true;
    assert_int_equal(evicted(c, 24), 8); /* the youngest of them */
    c[7].is_protected = c[3].is_protected = true;
    assert_int_equal(evicted(c, 24), 0);
}

/* Of the younger half of what is left, the youngest of the largest group. */
static void test_choice(void **state) {
    (void)state;
    posw_evict_candidate c[200];
    size_t n = 0;
    for (uint64_t i = 0; i < 20; i++) /* ten groups of two, older */
        c[n++] = plain(1 + i, (uint8_t)(100 + i / 2));
    for (uint64_t i = 0; i < 3; i++) /* a group of three, but in the older half */
        c[n++] = plain(21 + i, 50);
    for (uint64_t i = 0; i < 40; i++) /* forty groups of one, younger */
        c[n++] = plain(100 + i, (uint8_t)i);
    for (uint64_t i = 0; i < 4; i++) { /* a group of four in the younger half */
        c[n] = plain(60 + i, 60);
        c[n++].connected_ms = 200 + i;
    }
    assert_int_equal(evicted(c, n), 63);
    for (uint64_t i = 0; i < 4; i++) /* two groups of two: the one with the youngest member */
        c[n - 4 + i].group[1] = (uint8_t)(60 + i % 2);
    assert_int_equal(evicted(c, n), 63);
    c[n - 1].ping_min_ms = 5; /* quick now */
    assert_int_equal(evicted(c, n), 62);
}

/* The result does not hang on the order in which the peers are listed. */
static void test_order(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 300; round++) {
        posw_evict_candidate c[SLOTS];
        for (size_t i = 0; i < SLOTS; i++) {
            c[i] = plain(1 + i, (uint8_t)random_below(&seed, 30));
            c[i].connected_ms = random_below(&seed, 40);
            c[i].ping_min_ms = (uint32_t)random_below(&seed, 20);
            c[i].last_block_ms = random_below(&seed, 3);
            c[i].last_tx_ms = random_below(&seed, 3);
            c[i].is_protected = random_below(&seed, 20) == 0;
        }
        const uint64_t first = evicted(c, SLOTS);
        assert_true(first > 0);
        for (size_t i = SLOTS; i > 1; i--) {
            const size_t j = random_below(&seed, i);
            const posw_evict_candidate swap = c[i - 1];
            c[i - 1] = c[j];
            c[j] = swap;
        }
        assert_int_equal(evicted(c, SLOTS), first);
    }
}

/* An attacker in 8 groups comes again and again, with any pings and ages that it can have, into 114 places where 30
 * honest peers of 30 groups are: whoever of them is quick, useful or old stays, and so do at least 20 of the 30. */
static void test_flood(void **state) {
    (void)state;
    uint64_t seed = scale_seed("evict");
    for (unsigned round = 0; round < scale_of(20, 500); round++) {
        posw_evict_candidate c[SLOTS];
        size_t n = 0;
        for (; n < 30; n++) { /* half an hour old; 6 bring blocks, 4 transactions, 6 are near */
            c[n] = plain(1 + n, (uint8_t)(100 + n));
            c[n].connected_ms = NOW_MS - 1800000 + random_below(&seed, 1000);
            c[n].ping_min_ms = n < 6 ? 2 : 30 + (uint32_t)random_below(&seed, 100);
            if (n >= 6 && n < 12) c[n].last_block_ms = NOW_MS + 100000000;
            if (n >= 12 && n < 16) c[n].last_tx_ms = NOW_MS + 100000000;
        }
        for (uint64_t arrival = 0; arrival < 3000; arrival++) {
            if (n == SLOTS) {
                const uint64_t gone = evicted(c, n);
                assert_true(gone > 0);
                size_t i = 0;
                while (c[i].peer != gone)
                    i++;
                c[i] = c[--n];
            }
            c[n] = plain(1000 + arrival, (uint8_t)random_below(&seed, 8));
            c[n].connected_ms = NOW_MS + arrival;
            c[n].ping_min_ms = (uint32_t)(3 + random_below(&seed, 200)); /* not nearer than the six */
            c[n].last_tx_ms = random_below(&seed, 2) ? NOW_MS + arrival : 0;
            n++;
        }
        unsigned honest = 0, protected_ones = 0;
        for (size_t i = 0; i < n; i++) {
            honest += c[i].peer < 1000;
            protected_ones += c[i].peer <= 16;
        }
        assert_int_equal(protected_ones, 16);
        assert_true(honest >= 20);
    }
}

static void test_rare_groups(void **state) {
    (void)state;
    /* One honest peer, the youngest of all, slow and without merit, alone in its group: it stays while three others as
     * rare do. */
    posw_evict_candidate c[SLOTS];
    for (size_t i = 0; i < SLOTS; i++) {
        c[i] = plain(1 + i, (uint8_t)(i % 5));
        c[i].ping_min_ms = 1;
        c[i].last_block_ms = c[i].last_tx_ms = 1;
    }
    c[SLOTS - 1] = plain(9999, 77);
    const uint64_t gone = evicted(c, SLOTS);
    assert_true(gone > 0 && gone != 9999);
}

static void test_room(void **state) {
    (void)state;
    posw_evict_candidate c[SLOTS];
    posw_netaddr a, local, other;
    assert_true(posw_netaddr_parse(&a, "1.2.3.4:5", 0) && posw_netaddr_parse(&local, "127.0.0.1:5", 0) &&
                posw_netaddr_parse(&other, "1.3.3.4:5", 0));
    for (size_t i = 0; i < SLOTS; i++) {
        c[i] = plain(i, 0);
        posw_netaddr_group(c[i].group, &a);
    }
    assert_true(posw_inbound_group_has_room(c, 15, &a, false));
    assert_false(posw_inbound_group_has_room(c, 16, &a, false));
    assert_true(posw_inbound_group_has_room(c, 16, &other, false));
    assert_true(posw_inbound_group_has_room(c, SLOTS, &a, true));
    for (size_t i = 0; i < SLOTS; i++)
        posw_netaddr_group(c[i].group, &local);
    assert_true(posw_inbound_group_has_room(c, SLOTS, &local, false));
}

static void test_outbound(void **state) {
    (void)state;
    posw_evict_candidate c[4];
    uint64_t peer;
    for (size_t i = 0; i < 4; i++) {
        c[i] = plain(1 + i, (uint8_t)i);
        c[i].connected_ms = 1000 * i;
        c[i].last_block_ms = 500 * (4 - i);
    }
    assert_false(posw_evict_outbound(&peer, c, 4, 29999));
    assert_true(posw_evict_outbound(&peer, c, 4, 33000) && peer == 4); /* its block is the oldest */
    assert_true(posw_evict_outbound(&peer, c, 4, 32999) && peer == 3); /* that one came just now */
    c[3].is_protected = true;
    assert_true(posw_evict_outbound(&peer, c, 4, 100000) && peer == 3);
    c[0].last_block_ms = c[2].last_block_ms = 0; /* never: the younger of the two */
    assert_true(posw_evict_outbound(&peer, c, 4, 100000) && peer == 3);
    assert_false(posw_evict_outbound(&peer, c, 0, 100000));

    posw_netaddr a, same, other, local, private;
    assert_true(posw_netaddr_parse(&a, "1.2.3.4:5", 0) && posw_netaddr_parse(&same, "1.2.9.9:5", 0) &&
                posw_netaddr_parse(&other, "1.3.3.4:5", 0));
    assert_true(posw_netaddr_parse(&local, "127.0.0.1:5", 0) && posw_netaddr_parse(&private, "10.0.0.1:5", 0));
    const posw_netaddr others[3] = {other, a, local};
    assert_false(posw_outbound_group_is_free(&same, others, 3, false));
    assert_true(posw_outbound_group_is_free(&same, others, 1, false));
    assert_true(posw_outbound_group_is_free(&same, others, 3, true));
    assert_true(posw_outbound_group_is_free(&local, others, 3, false));
    assert_true(posw_outbound_group_is_free(&private, &private, 1, false));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody),   cmocka_unit_test(test_choice),      cmocka_unit_test(test_order),
        cmocka_unit_test(test_flood),    cmocka_unit_test(test_rare_groups), cmocka_unit_test(test_room),
        cmocka_unit_test(test_outbound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
