#include "p2p/addrman.h"

#include "base/random.h"
#include "base/scale.h"
#include "base/test.h"

#include <string.h>

enum { NOW = 1800000000, HOUR = 3600, DAY = 86400 };

static posw_addrman *start(uint8_t seed) {
    const uint8_t bytes[32] = {seed};
    posw_addrman *a;
    assert_int_equal(posw_addrman_new(&a, bytes, false), POSW_OK);
    return a;
}

/* a.b.c.d */
static posw_netaddr v4(unsigned a, unsigned b, unsigned c, unsigned d) {
    return (posw_netaddr){{[10] = 0xff, 0xff, (uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}, 30301};
}

/* The n-th of many addresses that are each of another group. */
static posw_netaddr far_apart(unsigned n) {
    return v4(11 + n / 250 % 80, n % 250, 1, 1 + n / 20000);
}

static bool add_at(posw_addrman *a, posw_netaddr address, posw_netaddr source, uint64_t seen_s) {
    const posw_msg_address told = {.address = address, .seen_s = seen_s};
    return posw_addrman_add(a, &told, &source, NOW);
}
static bool add(posw_addrman *a, posw_netaddr address, posw_netaddr source) {
    return add_at(a, address, source, NOW);
}

static size_t count_new(const posw_addrman *a) {
    size_t n;
    (void)posw_addrman_count(a, &n, NULL);
    return n;
}
static size_t count_tried(const posw_addrman *a) {
    size_t n;
    (void)posw_addrman_count(a, NULL, &n);
    return n;
}

static bool is_tried(const posw_addrman *a, posw_netaddr address) {
    posw_addrman_entry e;
    return posw_addrman_find(a, &e, &address) && e.tried;
}

/* ---- what is taken ---- */

static void test_add(void **state) {
    (void)state;
    posw_addrman *a = start(1);
    posw_addrman_entry e;
    const posw_netaddr x = v4(1, 2, 3, 4), source = v4(9, 9, 9, 9);
    assert_false(posw_addrman_select(a, &e, POSW_ADDRMAN_EITHER, NOW));
    assert_false(posw_addrman_find(a, &e, &x));
    assert_true(add(a, x, source));
    assert_false(add(a, x, source)); /* known */
    assert_int_equal(posw_addrman_count(a, NULL, NULL), 1);
    assert_true(posw_addrman_find(a, &e, &x));
    assert_true(e.seen_s == NOW - 2 * HOUR && !e.tried && e.dialled_s == 0 && e.success_s == 0 && e.failures == 0);
    posw_netaddr other_port = x;
    other_port.port = 1;
    assert_true(add(a, other_port, other_port)); /* another node; it speaks for itself: no penalty */
    assert_true(posw_addrman_find(a, &e, &other_port) && e.seen_s == NOW);
    /* nowhere to go */
    posw_netaddr no_port = v4(1, 2, 3, 5);
    no_port.port = 0;
    assert_false(add(a, no_port, source));
    assert_false(add(a, v4(127, 0, 0, 1), source));
    assert_false(add(a, v4(10, 0, 0, 1), v4(10, 0, 0, 2)));
    assert_false(add(a, (posw_netaddr){{0}, 5}, source));
    for (int i = 0; i < 50; i++) { /* with something in it, select always finds */
        assert_true(posw_addrman_select(a, &e, i % 2 ? POSW_ADDRMAN_NEW : POSW_ADDRMAN_EITHER, NOW));
        assert_false(posw_addrman_select(a, &e, POSW_ADDRMAN_TRIED, NOW));
    }
    posw_addrman_remove(a, &x);
    posw_addrman_remove(a, &x);
    posw_addrman_remove(a, &other_port);
    assert_int_equal(posw_addrman_count(a, NULL, NULL), 0);
    assert_false(posw_addrman_select(a, &e, POSW_ADDRMAN_EITHER, NOW));
    posw_addrman_free(a);
    posw_addrman_free(NULL);

    const uint8_t seed[32] = {2};
    assert_int_equal(posw_addrman_new(&a, seed, true), POSW_OK); /* a private network takes private addresses */
    for (unsigned i = 1; i <= 60; i++)
        (void)add(a, v4(10, 0, i % 3, i), v4(10, 0, 0, 250));
    assert_true(count_new(a) >= 50); /* and they are not one group there */
    assert_true(add(a, v4(127, 0, 0, 1), v4(127, 0, 0, 1)));
    posw_addrman_free(a);
}

/* Times that are told: the future and zero are taken for 5 days ago; a newer one counts when it is news. */
static void test_seen(void **state) {
    (void)state;
    posw_addrman *a = start(1);
    posw_addrman_entry e;
    const posw_netaddr source = v4(9, 9, 9, 9);
    static const struct {
        uint64_t told, believed;
    } cases[] = {{NOW + 601, NOW - 5 * DAY - 2 * HOUR},
                 {NOW + 600, NOW - 2 * HOUR},
                 {UINT64_MAX, NOW - 5 * DAY - 2 * HOUR},
                 {0, NOW - 5 * DAY - 2 * HOUR},
                 {1, 0},
                 {NOW - DAY, NOW - DAY - 2 * HOUR}};
    for (unsigned i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        assert_true(add_at(a, far_apart(i), source, cases[i].told));
        const posw_netaddr x = far_apart(i);
        assert_true(posw_addrman_find(a, &e, &x));
        if (e.seen_s != cases[i].believed) fail_msg("case %u: %llu", i, (unsigned long long)e.seen_s);
    }
    const posw_netaddr x = v4(1, 1, 1, 1);
    assert_true(add_at(a, x, source, NOW - 10 * DAY));
    (void)add_at(a, x, source, NOW - 9 * DAY - HOUR); /* less than a day newer */
    assert_true(posw_addrman_find(a, &e, &x) && e.seen_s == NOW - 10 * DAY - 2 * HOUR);
    (void)add_at(a, x, source, NOW - 8 * DAY);
    assert_true(posw_addrman_find(a, &e, &x) && e.seen_s == NOW - 8 * DAY - 2 * HOUR);
    (void)add_at(a, x, source, NOW - 9 * DAY); /* never back */
    assert_true(posw_addrman_find(a, &e, &x) && e.seen_s == NOW - 8 * DAY - 2 * HOUR);
    (void)add_at(a, x, source, NOW);
    assert_true(posw_addrman_find(a, &e, &x) && e.seen_s == NOW - 2 * HOUR);
    posw_addrman_was_connected(a, &x, NOW + 5);
    assert_true(posw_addrman_find(a, &e, &x) && e.seen_s == NOW + 5);
    posw_addrman_free(a);
}

/* Somebody's word on an id is kept until the node shows one; after that nobody's word counts. */
static void test_ids(void **state) {
    (void)state;
    posw_addrman *a = start(1);
    posw_addrman_entry e;
    const posw_netaddr x = v4(1, 1, 1, 1), source = v4(9, 9, 9, 9);
    const posw_node_id one = {{1}}, two = {{2}};
    posw_msg_address told = {.address = x, .seen_s = NOW};
    assert_true(posw_addrman_add(a, &told, &source, NOW));
    told.id = one;
    (void)posw_addrman_add(a, &told, &source, NOW);
    assert_true(posw_addrman_find(a, &e, &x) && e.id.b[0] == 1 && !e.id_proven);
    told.id = two;
    (void)posw_addrman_add(a, &told, &source, NOW);
    assert_true(posw_addrman_find(a, &e, &x) && e.id.b[0] == 1);
    posw_addrman_good(a, &x, &two, NOW);
    assert_true(posw_addrman_find(a, &e, &x) && e.id.b[0] == 2 && e.id_proven && e.tried);
    told.id = one;
    (void)posw_addrman_add(a, &told, &source, NOW);
    posw_addrman_good(a, &x, NULL, NOW);
    assert_true(posw_addrman_find(a, &e, &x) && e.id.b[0] == 2 && e.id_proven);
    posw_addrman_free(a);
}

/* ---- tried ---- */

static void test_good(void **state) {
    (void)state;
    posw_addrman *a = start(1);
    posw_addrman_entry e;
    const posw_netaddr x = v4(1, 1, 1, 1), unknown = v4(2, 2, 2, 2);
    assert_true(add(a, x, x));
    posw_addrman_attempt(a, &x, NOW + 1);
    posw_addrman_failed(a, &x, true, NOW + 2);
    posw_addrman_failed(a, &x, false, NOW + 2); /* the node itself is cut off: does not count */
    assert_true(posw_addrman_find(a, &e, &x) && e.failures == 1 && e.dialled_s == NOW + 1);
    posw_addrman_good(a, &x, NULL, NOW + 3);
    assert_true(posw_addrman_find(a, &e, &x) && e.failures == 0 && e.tried && e.success_s == NOW + 3);
    assert_true(count_new(a) == 0 && count_tried(a) == 1);
    posw_addrman_good(a, &x, NULL, NOW + 4);
    posw_addrman_good(a, &unknown, NULL, NOW);
    posw_addrman_attempt(a, &unknown, NOW);
    posw_addrman_failed(a, &unknown, true, NOW);
    posw_addrman_was_connected(a, &unknown, NOW);
    assert_int_equal(posw_addrman_count(a, NULL, NULL), 1);
    assert_false(add(a, x, unknown)); /* tried: no place in new for it */
    assert_int_equal(count_new(a), 0);
    posw_addrman_remove(a, &x);
    assert_int_equal(posw_addrman_count(a, NULL, NULL), 0);
    posw_addrman_free(a);
}

/* Two addresses of one place in the tried table: the second is good while the first has it. Returns them. */
static void make_collision(posw_addrman *a, posw_netaddr *old, posw_netaddr *newcomer, uint64_t old_s, uint64_t new_s) {
    for (unsigned i = 0;; i++) {
        const posw_netaddr x = v4(1, 1, i / 250, 1 + i % 250);
        if (!add(a, x, far_apart(i))) continue;
        posw_addrman_good(a, &x, NULL, old_s);
        if (is_tried(a, x)) continue;
        posw_addrman_resolve_collisions(a, new_s); /* that one's wish is over */
        posw_addrman_good(a, &x, NULL, new_s);
        *newcomer = x;
        break;
    }
    posw_addrman_entry e;
    assert_true(posw_addrman_select_collision(a, &e, new_s));
    *old = e.address;
}

/* Test before evict: the place changes hands only after the old one was dialled and not found. */
static void test_collisions(void **state) {
    (void)state;
    posw_netaddr old, newcomer;
    posw_addrman_entry e;
    const uint64_t later = NOW + DAY;

    posw_addrman *a = start(1); /* tested and gone */
    make_collision(a, &old, &newcomer, NOW, later);
    assert_true(is_tried(a, old) && !is_tried(a, newcomer));
    posw_addrman_resolve_collisions(a, later + 60);
    assert_true(is_tried(a, old));
    posw_addrman_attempt(a, &old, later + 70);
    posw_addrman_resolve_collisions(a, later + 71);  /* dialled, but nothing has come of it yet */
    posw_addrman_failed(a, &old, false, later + 75); /* nor is it its fault */
    posw_addrman_resolve_collisions(a, later + 76);
    assert_true(is_tried(a, old));
    posw_addrman_failed(a, &old, true, later + 80);
    posw_addrman_resolve_collisions(a, later + 81);
    assert_true(!is_tried(a, old) && is_tried(a, newcomer));
    assert_true(posw_addrman_find(a, &e, &old)); /* back in the new table */
    assert_false(posw_addrman_select_collision(a, &e, later + 81));
    posw_addrman_free(a);

    a = start(1); /* tested and there: the newcomer stays new */
    make_collision(a, &old, &newcomer, NOW, later);
    posw_addrman_attempt(a, &old, later + 70);
    posw_addrman_good(a, &old, NULL, later + 71);
    posw_addrman_resolve_collisions(a, later + 72);
    assert_true(is_tried(a, old) && !is_tried(a, newcomer));
    assert_false(posw_addrman_select_collision(a, &e, later + 72));
    posw_addrman_free(a);

    a = start(1); /* never tested: after 40 minutes the old one has stayed */
    make_collision(a, &old, &newcomer, NOW, later);
    assert_true(posw_addrman_select_collision(a, &e, later + 2400));
    assert_false(posw_addrman_select_collision(a, &e, later + 2401));
    assert_true(is_tried(a, old) && !is_tried(a, newcomer));
    posw_addrman_good(a, &newcomer, NULL, later + 3000); /* it can ask again */
    assert_true(posw_addrman_select_collision(a, &e, later + 3000));
    posw_addrman_free(a);

    a = start(1); /* there within the last 4 hours: no test is needed */
    make_collision(a, &old, &newcomer, NOW, later);
    posw_addrman_good(a, &old, NULL, later - 4 * HOUR + 10);
    assert_false(posw_addrman_select_collision(a, &e, later + 1));
    posw_addrman_free(a);

    a = start(1); /* the old one was removed: the place is free */
    make_collision(a, &old, &newcomer, NOW, later);
    posw_addrman_remove(a, &old);
    posw_addrman_resolve_collisions(a, later + 1);
    assert_true(is_tried(a, newcomer));
    posw_addrman_free(a);

    a = start(1); /* the newcomer was removed: nobody waits */
    make_collision(a, &old, &newcomer, NOW, later);
    posw_addrman_remove(a, &newcomer);
    assert_false(posw_addrman_select_collision(a, &e, later + 1));
    assert_true(is_tried(a, old));
    posw_addrman_free(a);
}

/* Times of a run whose clock was ahead say nothing: they neither keep an address away, nor in its place. */
static void test_clock_was_ahead(void **state) {
    (void)state;
    const uint64_t ahead = NOW + 365 * DAY;
    posw_netaddr old, newcomer;
    posw_addrman_entry e;
    posw_msg_address told[POSW_ADDRMAN_ANSWER_MAX];

    posw_addrman *a = start(1); /* it is told as soon as it was there, or somebody has heard of it */
    const posw_netaddr x = v4(1, 1, 1, 1), y = v4(2, 2, 2, 2), source = v4(9, 9, 9, 9);
    assert_true(add(a, x, x) && add(a, y, y));
    posw_addrman_good(a, &x, NULL, ahead);
    posw_addrman_was_connected(a, &x, ahead);
    posw_addrman_was_connected(a, &y, ahead);
    assert_int_equal(posw_addrman_answer(a, told, POSW_ADDRMAN_ANSWER_MAX, NOW), 0);
    posw_addrman_was_connected(a, &x, NOW);
    assert_true(posw_addrman_find(a, &e, &x) && e.seen_s == NOW && e.success_s == NOW);
    assert_false(add(a, y, source));
    assert_true(posw_addrman_find(a, &e, &y) && e.seen_s == NOW - 2 * HOUR);
    assert_int_equal(posw_addrman_answer(a, told, POSW_ADDRMAN_ANSWER_MAX, NOW), 2);
    unsigned of_x = 0; /* both were dialled in the future: that is not just now */
    posw_addrman_attempt(a, &x, ahead);
    for (int i = 0; i < 2000; i++) {
        assert_true(posw_addrman_select(a, &e, POSW_ADDRMAN_EITHER, NOW));
        of_x += posw_netaddr_equal(&e.address, &x);
    }
    assert_in_range(of_x, 850, 1150);
    posw_addrman_free(a);

    a = start(1); /* its place is not safe for a year */
    make_collision(a, &old, &newcomer, NOW, NOW + DAY);
    posw_addrman_good(a, &old, NULL, ahead);
    assert_true(posw_addrman_select_collision(a, &e, NOW + DAY + 60));
    posw_addrman_attempt(a, &old, NOW + DAY + 70);
    posw_addrman_failed(a, &old, true, NOW + DAY + 80);
    posw_addrman_resolve_collisions(a, NOW + DAY + 81);
    assert_true(!is_tried(a, old) && is_tried(a, newcomer));
    posw_addrman_free(a);
}

/* ---- choosing ---- */

/* Those that fail are chosen less: an address with failures against one without. */
static void test_chances(void **state) {
    (void)state;
    posw_addrman *a = start(1);
    posw_addrman_entry e;
    const posw_netaddr x = v4(1, 1, 1, 1), y = v4(2, 2, 2, 2);
    assert_true(add(a, x, x) && add(a, y, y));
    unsigned of_x = 0;
    for (int i = 0; i < 2000; i++) {
        assert_true(posw_addrman_select(a, &e, POSW_ADDRMAN_EITHER, NOW));
        of_x += posw_netaddr_equal(&e.address, &x);
    }
    assert_in_range(of_x, 850, 1150);
    posw_addrman_attempt(a, &x, NOW - 601);
    for (int i = 0; i < 8; i++)
        posw_addrman_failed(a, &x, true, NOW - 601);
    of_x = 0;
    for (int i = 0; i < 2000; i++) {
        assert_true(posw_addrman_select(a, &e, POSW_ADDRMAN_EITHER, NOW));
        of_x += posw_netaddr_equal(&e.address, &x);
    }
    assert_in_range(of_x, 20, 200); /* (2/3)^8 = 4 % of y's chance */
    posw_addrman_attempt(a, &y, NOW);
    for (int i = 0; i < 7; i++)
        posw_addrman_failed(a, &y, true, NOW);
    of_x = 0;
    for (int i = 0; i < 2000; i++) {
        assert_true(posw_addrman_select(a, &e, POSW_ADDRMAN_EITHER, NOW));
        of_x += posw_netaddr_equal(&e.address, &x);
    }
    assert_true(of_x > 1900); /* y was dialled just now */
    /* one tried beside a hundred new ones: half of the choices */
    for (unsigned i = 0; i < 100; i++)
        (void)add(a, far_apart(i), far_apart(i));
    posw_addrman_good(a, &x, NULL, NOW - 700);
    of_x = 0;
    for (int i = 0; i < 2000; i++) {
        assert_true(posw_addrman_select(a, &e, POSW_ADDRMAN_EITHER, NOW));
        of_x += posw_netaddr_equal(&e.address, &x);
    }
    assert_in_range(of_x, 850, 1150);
    posw_addrman_free(a);
}

/* From the new table a teller is drawn first: one address of one teller weighs as much as the hundreds of another; and
 * when a teller's last address is gone, or has moved to tried, it is not drawn any more. */
static void test_tellers(void **state) {
    (void)state;
    posw_addrman *a = start(1);
    posw_addrman_entry e;
    const posw_netaddr one = v4(1, 1, 1, 1), big = v4(9, 9, 9, 9), small = v4(8, 8, 8, 8), third = v4(7, 7, 7, 7);
    for (unsigned i = 0; i < 500; i++)
        (void)add(a, far_apart(i), big);
    assert_true(add(a, one, small));
    for (int round = 0; round < 3; round++) {
        unsigned of_one = 0;
        for (int i = 0; i < 3000; i++) {
            assert_true(posw_addrman_select(a, &e, POSW_ADDRMAN_NEW, NOW));
            of_one += posw_netaddr_equal(&e.address, &one);
        }
        assert_in_range(of_one, round == 1 ? 850 : round == 2 ? 0 : 1350, round == 1 ? 1150 : round == 2 ? 0 : 1650);
        if (round == 0) (void)add(a, v4(2, 2, 2, 2), third); /* a third teller */
        if (round == 1) posw_addrman_good(a, &one, NULL, NOW);
    }
    for (unsigned i = 0; i < 500; i++) {
        const posw_netaddr x = far_apart(i);
        posw_addrman_remove(a, &x);
    }
    for (int i = 0; i < 100; i++) {
        assert_true(posw_addrman_select(a, &e, POSW_ADDRMAN_NEW, NOW));
        assert_int_equal(e.address.ip[12], 2);
    }
    posw_addrman_free(a);
}

/* Gone for good: not told any more, and its place goes to the next one. */
static void test_gone(void **state) {
    (void)state;
    posw_msg_address out[100];
    for (int kind = 0; kind < 5; kind++) {
        posw_addrman *a = start(1);
        posw_netaddr x = v4(1, 1, 1, 1), source = v4(9, 9, 9, 9);
        uint64_t now = NOW;
        assert_true(add(a, x, source));
        if (kind == 1) now += 30 * DAY - 2 * HOUR + 1; /* not heard of */
        if (kind == 2)
            for (int i = 0; i < 3; i++)
                posw_addrman_failed(a, &x, true, NOW); /* never reached */
        if (kind == 3) {
            posw_addrman_good(a, &x, NULL, NOW);
            for (int i = 0; i < 10; i++)
                posw_addrman_failed(a, &x, true, NOW);
            now += 7 * DAY + 1; /* not for a week */
        }
        if (kind == 4) { /* dialled within the minute: not judged yet */
            for (int i = 0; i < 3; i++)
                posw_addrman_failed(a, &x, true, NOW);
            posw_addrman_attempt(a, &x, NOW);
        }
        assert_int_equal(posw_addrman_answer(a, out, 100, now), kind == 0 || kind == 4);
        if (kind == 1) assert_int_equal(posw_addrman_answer(a, out, 100, now - 1), 1);
        if (kind == 3) assert_int_equal(posw_addrman_answer(a, out, 100, now - 1), 1);
        posw_addrman_free(a);
    }
}

static void test_answer(void **state) {
    (void)state;
    static posw_msg_address out[POSW_ADDRMAN_ANSWER_MAX + 1];
    posw_addrman *a = start(1);
    assert_int_equal(posw_addrman_answer(a, out, 1000, NOW), 0);
    size_t n = 0;
    for (unsigned i = 0; n < 10; i++)
        n += add(a, far_apart(i), far_apart(i));
    assert_int_equal(posw_addrman_answer(a, out, 1000, NOW), 10); /* few are told whole */
    assert_int_equal(posw_addrman_answer(a, out, 3, NOW), 3);
    for (unsigned i = 100; n < 1000; i++)
        n += add(a, far_apart(i), far_apart(i + 1));
    assert_int_equal(posw_addrman_answer(a, out, 1000, NOW), 230);
    for (size_t i = 0; i < 230; i++)
        for (size_t k = 0; k < i; k++)
            assert_false(posw_netaddr_equal(&out[i].address, &out[k].address));
    for (unsigned i = 2000; n < 6000; i++)
        n += add(a, far_apart(i), far_apart(i * 7 % 5000));
    assert_int_equal(posw_addrman_answer(a, out, 10000, NOW), 1000);
    posw_addrman_free(a);
}

/* ---- an attacker ---- */

enum { GROUPS = 8, ATTACKERS = 1000 };

static posw_netaddr attacker(unsigned i) {
    return v4(150 + i % GROUPS, 7, i / 250, i % 250 + 1);
}

static bool is_attacker(const posw_netaddr *a) {
    return a->ip[12] >= 150 && a->ip[12] < 150 + GROUPS && a->ip[13] == 7;
}

/* A thousand addresses in 8 groups, told of each other again and again, good whenever they are dialled: they get at
 * most 64 buckets per telling group of the new table, 8 per group of the tried one, and so at most a part of the
 * choices; the honest that were tried before keep their places. */
static void test_flood(void **state) {
    (void)state;
    uint64_t seed = scale_seed("flood");
    for (unsigned round = 0; round < scale_of(5, 50); round++) {
        posw_addrman *a = start((uint8_t)random_next(&seed));
        unsigned honest_tried = 0, honest_new = 0, of_attacker = 0;
        for (unsigned i = 0; i < 200; i++) { /* 100 tried, 100 heard of from honest ones */
            if (!add(a, far_apart(i), far_apart((i * 37 + 11) % 200))) continue;
            const posw_netaddr x = far_apart(i);
            if (i % 2 == 0) posw_addrman_good(a, &x, NULL, NOW);
            honest_tried += is_tried(a, x);
            honest_new += !is_tried(a, x);
        }
        for (unsigned pass = 0; pass < 20; pass++)
            for (unsigned i = 0; i < ATTACKERS; i++) {
                const posw_netaddr x = attacker(i);
                (void)add_at(a, x, attacker((unsigned)random_below(&seed, ATTACKERS)), NOW);
                posw_addrman_good(a, &x, NULL, NOW + pass);
            }
        assert_true(count_tried(a) - honest_tried <= GROUPS * 8 * POSW_ADDRMAN_BUCKET);
        unsigned tried_left = 0, new_left = 0;
        for (unsigned i = 0; i < 200; i++) {
            const posw_netaddr x = far_apart(i);
            posw_addrman_entry e;
            tried_left += is_tried(a, x);
            new_left += posw_addrman_find(a, &e, &x) && !e.tried;
        }
        assert_int_equal(tried_left, honest_tried);
        assert_int_equal(new_left, honest_new);
        for (int i = 0; i < 2000; i++) {
            posw_addrman_entry e;
            assert_true(posw_addrman_select(a, &e, POSW_ADDRMAN_EITHER, NOW + 1000));
            of_attacker += is_attacker(&e.address);
        }
        /* tried: 64 of about 64 + 90 buckets; new: few are left there, since all became tried */
        assert_true(of_attacker < 1100);
        posw_addrman_free(a);
    }
}

/* The same without ever being dialled, with a million told addresses: the new table holds at most 64 buckets of each
 * group of tellers, whatever groups the told addresses claim. */
static void test_flood_new(void **state) {
    (void)state;
    uint64_t seed = 3;
    posw_addrman *a = start(3);
    posw_addrman_entry e;
    for (unsigned i = 0; i < 100; i++)
        (void)add(a, far_apart(i), far_apart((i * 37 + 11) % 100));
    const size_t honest = count_new(a);
    for (unsigned i = 0; i < 300000; i++) {
        const posw_netaddr x = v4(100 + (unsigned)random_below(&seed, 20), random_next(&seed) & 255,
                                  random_next(&seed) & 255, random_next(&seed) & 255);
        (void)add(a, x, attacker(i % ATTACKERS));
    }
    const size_t all = count_new(a);
    assert_true(all - honest <= GROUPS * 64 * POSW_ADDRMAN_BUCKET &&
                all - honest > GROUPS * 64 * POSW_ADDRMAN_BUCKET / 2);
    size_t still = 0;
    for (unsigned i = 0; i < 100; i++) {
        const posw_netaddr x = far_apart(i);
        still += posw_addrman_find(a, &e, &x);
    }
    assert_int_equal(still, honest); /* nobody who is not gone is pushed out */
    unsigned of_honest = 0;
    for (int i = 0; i < 4000; i++) {
        assert_true(posw_addrman_select(a, &e, POSW_ADDRMAN_NEW, NOW));
        of_honest += e.address.ip[12] < 100;
    }
    assert_true(of_honest > 4000 * 3 / 4); /* 100 of 32,000 addresses, but told by 100 of 108 groups */
    posw_addrman_free(a);
}

/* ---- kept ---- */

static posw_addrman *busy(uint8_t which) {
    posw_addrman *a = start(which);
    uint64_t seed = which;
    for (unsigned i = 0; i < 3000; i++) {
        const posw_netaddr x = far_apart((unsigned)random_below(&seed, 1500)),
                           source = far_apart((unsigned)random_below(&seed, 500));
        (void)add_at(a, x, source, NOW - random_below(&seed, 20 * DAY));
        if (i % 5 == 0) posw_addrman_good(a, &x, &(posw_node_id){{(uint8_t)i, 1}}, NOW - random_below(&seed, DAY));
        if (i % 7 == 0) posw_addrman_failed(a, &x, true, NOW);
        if (i % 11 == 0) posw_addrman_remove(a, &x);
        posw_addrman_attempt(a, &source, NOW - random_below(&seed, DAY));
    }
    return a;
}

static void test_kept(void **state) {
    (void)state;
    const uint8_t seed[32] = {77};
    posw_addrman *a = busy(5), *b;
    posw_buf first = {0}, second = {0};
    posw_addrman_encode(&first, a);
    assert_int_equal(posw_addrman_decode(&b, posw_buf_view(&first), seed, false), POSW_OK);
    assert_int_equal(count_new(a), count_new(b));
    assert_int_equal(count_tried(a), count_tried(b));
    for (unsigned i = 0; i < 1500; i++) {
        const posw_netaddr x = far_apart(i);
        posw_addrman_entry p, q;
        const bool there = posw_addrman_find(a, &p, &x);
        assert_int_equal(posw_addrman_find(b, &q, &x), there);
        if (!there) continue;
        assert_true(posw_netaddr_equal(&p.address, &q.address) && memcmp(&p.id, &q.id, 32) == 0 &&
                    p.id_proven == q.id_proven && p.tried == q.tried);
        assert_true(p.seen_s == q.seen_s && p.dialled_s == q.dialled_s && p.success_s == q.success_s &&
                    p.failures == q.failures);
    }
    posw_addrman_encode(&second, b);
    assert_true(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    /* the secret came along: the same address finds the same place */
    posw_addrman_entry e;
    for (int i = 0; i < 100; i++)
        assert_true(posw_addrman_select(b, &e, POSW_ADDRMAN_EITHER, NOW));
    posw_addrman *c;
    assert_int_equal(posw_addrman_decode(&c, posw_buf_view(&first), seed, true), POSW_EMISMATCH);
    posw_addrman_free(a);
    posw_addrman_free(b);
    posw_buf_clear(&first);
    posw_buf_clear(&second);
}

/* Any damage is refused, or it is another right table that comes back as it was read. */
static void test_damage(void **state) {
    (void)state;
    uint64_t seed = 9;
    const uint8_t bytes[32] = {77};
    posw_addrman *a = start(6), *b;
    posw_buf good = {0}, bad = {0}, again = {0};
    for (unsigned i = 0; i < 30; i++) {
        (void)add(a, far_apart(i), far_apart(i + 1));
        const posw_netaddr x = far_apart(i);
        if (i % 3 == 0) posw_addrman_good(a, &x, NULL, NOW);
    }
    posw_addrman_encode(&good, a);
    posw_buf_append(&bad, good.data, good.size);
    for (size_t n = 0; n < good.size; n += 7)
        assert_int_equal(posw_addrman_decode(&b, posw_bytes_of(good.data, n), bytes, false), POSW_EPARSE);
    unsigned refused = 0;
    for (unsigned i = 0; i < 3000; i++) {
        const size_t at = random_below(&seed, good.size);
        bad.data[at] ^= (uint8_t)(1u << random_below(&seed, 8));
        const int code = posw_addrman_decode(&b, posw_buf_view(&bad), bytes, false);
        refused += code != POSW_OK;
        if (code == POSW_OK) {
            posw_buf_reset(&again);
            posw_addrman_encode(&again, b);
            assert_true(again.size == bad.size && memcmp(again.data, bad.data, bad.size) == 0);
            posw_addrman_free(b);
        }
        bad.data[at] = good.data[at];
    }
    assert_true(refused > 500);
    posw_addrman_free(a);
    posw_buf_clear(&good);
    posw_buf_clear(&bad);
    posw_buf_clear(&again);
}

/* The same seed and calls give the same table, byte for byte; another seed another one. */
static void test_deterministic(void **state) {
    (void)state;
    posw_buf one = {0}, two = {0};
    posw_addrman *a = busy(8), *b = busy(8), *c = busy(9);
    for (int i = 0; i < 100; i++) {
        posw_addrman_entry x, y;
        assert_true(posw_addrman_select(a, &x, POSW_ADDRMAN_EITHER, NOW) &&
                    posw_addrman_select(b, &y, POSW_ADDRMAN_EITHER, NOW));
        assert_true(posw_netaddr_equal(&x.address, &y.address));
    }
    posw_addrman_encode(&one, a);
    posw_addrman_encode(&two, b);
    assert_true(one.size == two.size && memcmp(one.data, two.data, one.size) == 0);
    posw_buf_reset(&two);
    posw_addrman_encode(&two, c);
    assert_true(one.size != two.size || memcmp(one.data, two.data, one.size) != 0);
    posw_addrman_free(a);
    posw_addrman_free(b);
    posw_addrman_free(c);
    posw_buf_clear(&one);
    posw_buf_clear(&two);
}

/* ---- what a seeder answers with ---- */

static void prove(posw_addrman *a, posw_netaddr address, uint64_t now_s) {
    assert_true(add(a, address, address));
    posw_addrman_good(a, &address, NULL, now_s);
}

static size_t proven(posw_addrman *a, posw_netaddr *out, size_t max) {
    const size_t n = posw_addrman_proven(a, out, max, false, 30301, NOW - DAY);
    assert_true(n <= max);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_false(posw_netaddr_equal(&out[i], &out[k]));
    return n;
}

static void test_proven(void **state) {
    (void)state;
    posw_addrman *a = start(1);
    posw_netaddr out[24], other = v4(1, 6, 1, 1);
    const posw_netaddr old = v4(1, 1, 1, 1), failed = v4(1, 2, 1, 1), unproven = v4(1, 3, 1, 1), good = v4(1, 4, 1, 1),
                       v6 = {{0x26, 1, 2, 3, [15] = 1}, 30301};
    assert_int_equal(proven(a, out, 24), 0);
    prove(a, old, NOW - DAY - 1);
    prove(a, failed, NOW - 1);
    posw_addrman_attempt(a, &failed, NOW);
    posw_addrman_failed(a, &failed, true, NOW);
    assert_true(add(a, unproven, unproven));
    prove(a, v6, NOW);
    other.port++;
    prove(a, other, NOW);
    prove(a, good, NOW - DAY);
    assert_int_equal(proven(a, out, 24), 1);
    assert_true(posw_netaddr_equal(&out[0], &good));
    assert_int_equal(posw_addrman_proven(a, out, 24, true, 30301, NOW - DAY), 1);
    assert_true(posw_netaddr_equal(&out[0], &v6));
    posw_addrman_free(a);
}

/* Whoever has many addresses in few groups is not told of more often for it; and where there are few groups, the room
 * is filled all the same, each time with others. */
static void test_proven_groups(void **state) {
    (void)state;
    enum { HONEST = 60, FEW = 4, THEIRS = 100, ANSWERS = 200 };
    posw_addrman *a = start(1);
    posw_netaddr out[24];
    size_t theirs = 0, seen = 0;
    bool is_seen[THEIRS] = {false};
    for (unsigned i = 0; i < THEIRS; i++)
        prove(a, v4(5, i % FEW, 1, 1 + i), NOW);
    for (unsigned i = 0; i < ANSWERS; i++) {
        assert_int_equal(proven(a, out, 24), 24);
        bool groups[FEW] = {false};
        for (size_t k = 0; k < 24; k++) {
            groups[out[k].ip[13]] = true;
            seen += !is_seen[out[k].ip[15] - 1];
            is_seen[out[k].ip[15] - 1] = true;
        }
        for (unsigned g = 0; g < FEW; g++)
            assert_true(groups[g]);
    }
    assert_int_equal(seen, THEIRS);
    for (unsigned i = 0; i < HONEST; i++)
        prove(a, far_apart(i), NOW);
    for (unsigned i = 0; i < ANSWERS; i++) {
        assert_int_equal(proven(a, out, 24), 24);
        for (size_t k = 0; k < 24; k++)
            theirs += out[k].ip[12] == 5;
    }
    /* 4 of 64 groups: 300 of the 4800; of the addresses it would be 3000 */
    assert_in_range(theirs, 200, 400);
    posw_addrman_free(a);
}

static void test_quota(void **state) {
    (void)state;
    posw_addr_quota q = {0};
    uint64_t now = 5000000;
    assert_int_equal(posw_addr_quota_take(&q, 10, now), 1); /* its own */
    assert_int_equal(posw_addr_quota_take(&q, 10, now), 0);
    assert_int_equal(posw_addr_quota_take(&q, 10, now + 9999), 0);
    assert_int_equal(posw_addr_quota_take(&q, 10, now + 10000), 1);
    assert_int_equal(posw_addr_quota_take(&q, 10, now), 0); /* time that goes back gives nothing */
    for (unsigned i = 0; i < 100; i++)                      /* asked often: one token in 10 s for all that */
        assert_int_equal(posw_addr_quota_take(&q, 1, now + 10000 + i * 99), 0);
    assert_int_equal(posw_addr_quota_take(&q, 1, now + 20000), 1);
    posw_addr_quota_asked(&q);
    assert_int_equal(posw_addr_quota_take(&q, 600, now + 20000), 600);
    assert_int_equal(posw_addr_quota_take(&q, 600, now + 20000), 400);
    assert_int_equal(posw_addr_quota_take(&q, 5000, now + 1000000000), 1000); /* a long time saves 1,000 */
    for (int i = 0; i < 50; i++)
        posw_addr_quota_asked(&q);
    assert_int_equal(posw_addr_quota_take(&q, 50000, now + 1000000000), 2000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),     cmocka_unit_test(test_seen),          cmocka_unit_test(test_ids),
        cmocka_unit_test(test_good),    cmocka_unit_test(test_collisions),    cmocka_unit_test(test_chances),
        cmocka_unit_test(test_tellers), cmocka_unit_test(test_gone),          cmocka_unit_test(test_answer),
        cmocka_unit_test(test_flood),   cmocka_unit_test(test_flood_new),     cmocka_unit_test(test_kept),
        cmocka_unit_test(test_damage),  cmocka_unit_test(test_deterministic), cmocka_unit_test(test_quota),
        cmocka_unit_test(test_proven),  cmocka_unit_test(test_proven_groups), cmocka_unit_test(test_clock_was_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
