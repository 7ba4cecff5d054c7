#include "p2p/connect.h"

#include "base/random.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>

enum { START_S = 1800000000 };
static const uint64_t START_MS = START_S * 1000ULL;

/* A world of one connection policy: virtual time, what is dialled, and how a dial ends. */
typedef struct {
    posw_connect *c;
    uint64_t now_ms, peer;
    struct {
        posw_connect_wish wish;
        uint64_t peer, at_ms;
    } dials[4000];
    size_t count;
    char resolved[40][64];
    uint64_t resolved_ms[40];
    size_t resolve_count;
} world;

static posw_netaddr v4(unsigned a, unsigned b, unsigned c, unsigned d) {
    return (posw_netaddr){{[10] = 0xff, 0xff, (uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}, 30301};
}

static posw_node_url url(const char *text) {
    posw_node_url u;
    if (!posw_node_url_parse(&u, text, 30301)) fail_msg("%s", text);
    return u;
}

static posw_connect_options options(void) {
    return (posw_connect_options){.seed = {7}, .outbound_max = 8, .block_only_max = 2, .default_port = 30301};
}

static void start(world *w, const posw_connect_options *o) {
    posw_message warning;
    memset(w, 0, sizeof *w);
    w->now_ms = START_MS;
    w->peer = POSW_PEER_OUTBOUND;
    assert_int_equal(posw_connect_new(&w->c, &warning, o, w->now_ms), POSW_OK);
    assert_string_equal(warning.text, "");
}

static void know(world *w, posw_netaddr a) {
    const posw_msg_address told = {.address = a, .seen_s = w->now_ms / 1000};
    (void)posw_addrman_add(posw_connect_addresses(w->c), &told, &a, w->now_ms / 1000);
}

/* Asks until WAIT; new dials are appended. Returns when to ask again. */
static uint64_t ask(world *w) {
    for (unsigned i = 0; i < 1000; i++) {
        posw_connect_wish wish;
        posw_connect_next(w->c, &wish, w->peer, w->now_ms);
        if (wish.what == POSW_CONNECT_WAIT) {
            assert_true(wish.at_ms > w->now_ms);
            return wish.at_ms;
        }
        if (wish.what == POSW_CONNECT_RESOLVE) {
            w->resolved_ms[w->resolve_count] = w->now_ms;
            snprintf(w->resolved[w->resolve_count++], 64, "%s:%u", wish.host, wish.port);
            continue;
        }
        w->dials[w->count].wish = wish;
        w->dials[w->count].at_ms = w->now_ms;
        w->dials[w->count++].peer = w->peer++;
    }
    fail_msg("never waits");
    return 0;
}

static void result(world *w, size_t dial, enum posw_dial_result r) {
    const posw_node_id id = {{(uint8_t)dial, 9}};
    posw_connect_result(w->c, w->dials[dial].peer, r, &id, w->now_ms);
}

/* Until the time: asks whenever it is due; each dial ends at once as `r` says. */
static void run(world *w, uint64_t until_ms, enum posw_dial_result r) {
    for (unsigned steps = 0; w->now_ms < until_ms; steps++) {
        const size_t before = w->count;
        assert_true(steps < 100000);
        const uint64_t next = ask(w);
        for (size_t i = before; i < w->count; i++) {
            result(w, i, r);
            if (r == POSW_DIAL_READY && w->dials[i].wish.kind == POSW_P2P_FEELER)
                posw_connect_gone(w->c, w->dials[i].peer, w->now_ms);
        }
        if (w->count > before) continue;
        w->now_ms = next < until_ms ? next : until_ms;
    }
}

static size_t dials_of(const world *w, enum posw_p2p_kind kind) {
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        n += w->dials[i].wish.kind == kind;
    return n;
}

static void assert_counts(const world *w, size_t full, size_t block_only) {
    const posw_connect_counts n = posw_connect_count(w->c);
    assert_int_equal(n.full, full);
    assert_int_equal(n.block_only, block_only);
}

/* ---- ---- */

static void test_nothing(void **state) {
    (void)state;
    static world w;
    const posw_connect_options o = options();
    start(&w, &o);
    run(&w, START_MS + 3600000, POSW_DIAL_READY);
    assert_int_equal(w.count + w.resolve_count, 0);
    posw_connect_gone(w.c, 5, w.now_ms); /* unknown */
    posw_connect_result(w.c, 5, POSW_DIAL_READY, NULL, w.now_ms);
    posw_connect_free(w.c);
    posw_connect_free(NULL);
}

/* Many groups: 8 full and 2 block-only, one of a group; then feelers only, about every two minutes. */
static void test_fill(void **state) {
    (void)state;
    static world w;
    const posw_connect_options o = options();
    start(&w, &o);
    for (unsigned i = 0; i < 60; i++)
        know(&w, v4(20 + i / 3, 1, i % 3, 1)); /* 20 groups of 3 */
    (void)ask(&w);
    assert_int_equal(w.count, 1); /* paced */
    result(&w, 0, POSW_DIAL_READY);
    run(&w, START_MS + 5000, POSW_DIAL_READY);
    assert_counts(&w, 8, 2);
    assert_int_equal(w.count, 10);
    for (size_t i = 0; i < 10; i++) {
        for (size_t k = 0; k < i; k++)
            assert_true(w.dials[i].wish.address.ip[12] != w.dials[k].wish.address.ip[12]);
        if (i > 0) assert_true(w.dials[i].at_ms >= w.dials[i - 1].at_ms + 200);
    }
    run(&w, START_MS + 3600000, POSW_DIAL_READY);
    assert_int_equal(dials_of(&w, POSW_P2P_OUTBOUND), 8);
    assert_int_equal(dials_of(&w, POSW_P2P_BLOCK_ONLY), 2);
    assert_in_range(dials_of(&w, POSW_P2P_FEELER), 15, 50);
    assert_false(posw_connect_has_surplus(w.c));
    size_t tried;
    (void)posw_addrman_count(posw_connect_addresses(w.c), NULL, &tried);
    assert_true(tried > 20);
    posw_connect_free(w.c);
}

/* No more than 8 dials at a time, each other address. */
static void test_dials_at_a_time(void **state) {
    (void)state;
    static world w;
    const posw_connect_options o = options();
    start(&w, &o);
    for (unsigned i = 0; i < 60; i++)
        know(&w, v4(20 + i, 1, 1, 1));
    for (int i = 0; i < 200; i++) {
        (void)ask(&w);
        w.now_ms += 100;
    }
    assert_int_equal(w.count, 8);
    assert_int_equal(posw_connect_count(w.c).dialling, 8);
    result(&w, 0, POSW_DIAL_FAILED);
    (void)ask(&w);
    assert_int_equal(w.count, 9);
    assert_false(posw_netaddr_equal(&w.dials[8].wish.address, &w.dials[0].wish.address));
    posw_connect_gone(w.c, w.dials[1].peer, w.now_ms); /* not ready: the same as failed */
    w.now_ms += 200;
    (void)ask(&w);
    assert_int_equal(w.count, 10);
    result(&w, 1, POSW_DIAL_READY); /* late: ignored */
    assert_counts(&w, 0, 0);
    posw_connect_free(w.c);
}

/* A few that are all dead are not hammered, and a recovery of the network is noticed soon: within 5 s at first, within
 * a minute in the end. */
static void test_dead_network(void **state) {
    (void)state;
    static world w;
    const posw_connect_options o = options();
    start(&w, &o);
    for (unsigned i = 0; i < 3; i++)
        know(&w, v4(20 + i, 1, 1, 1));
    run(&w, START_MS + 30000, POSW_DIAL_FAILED);
    assert_in_range(w.count, 3 * 3, 3 * 7);
    run(&w, START_MS + 3630000, POSW_DIAL_FAILED);
    assert_in_range(w.count, 3 * 40, 3 * 90);
    posw_addrman_entry e;
    const posw_netaddr a = v4(20, 1, 1, 1);
    assert_true(posw_addrman_find(posw_connect_addresses(w.c), &e, &a) &&
                e.failures == 0); /* we are cut off: not their fault */
    const size_t before = w.count;
    run(&w, START_MS + 3630000 + 125000, POSW_DIAL_READY);
    assert_int_equal(w.count, before + 3);
    assert_counts(&w, 3, 0);
    /* all go at once: again within seconds */
    for (size_t i = before; i < before + 3; i++)
        posw_connect_gone(w.c, w.dials[i].peer, w.now_ms);
    w.now_ms += 3600;
    for (int i = 0; i < 30; i++) {
        (void)ask(&w);
        w.now_ms += 200;
    }
    assert_true(w.count > before + 3);
    posw_connect_free(w.c);
}

/* A node that has lost everybody, and has been told of more addresses than it can dial: those that have worked before
 * are dialled among them. */
static void test_flooded_and_alone(void **state) {
    (void)state;
    const posw_connect_options o = options();
    const posw_netaddr good = v4(20, 1, 0, 1);
    unsigned again = 0;
    world w;
    start(&w, &o);
    know(&w, good);
    ask(&w);
    assert_int_equal(w.count, 1);
    result(&w, 0, POSW_DIAL_READY);
    for (unsigned i = 0; i < 4000; i++)
        know(&w, v4(60 + i % 64, i / 250, i % 250, 1));
    w.now_ms += 1000;
    posw_connect_gone(w.c, w.dials[0].peer, w.now_ms);
    size_t answered = 1;
    for (const uint64_t end = w.now_ms + 60 * 1000; w.now_ms < end; w.now_ms += 200)
        for (ask(&w); answered < w.count; answered++) {
            again += posw_netaddr_equal(&w.dials[answered].wish.address, &good);
            result(&w, answered, POSW_DIAL_FAILED);
        }
    assert_true(w.count > 200);
    assert_in_range(again, 3, 30);
    posw_connect_free(w.c);
}

static void test_results(void **state) {
    (void)state;
    static world w;
    posw_connect_options o = options();
    o.self = v4(90, 1, 1, 1);
    start(&w, &o);
    posw_addrman *a = posw_connect_addresses(w.c);
    know(&w, o.self);
    for (unsigned i = 0; i < 6; i++)
        know(&w, v4(20 + i, 1, 1, 1));
    for (int i = 0; i < 40; i++) {
        (void)ask(&w);
        w.now_ms += 200;
    }
    assert_int_equal(w.count, 6); /* not ourselves */
    posw_addrman_entry e;
    result(&w, 0, POSW_DIAL_READY);
    assert_true(posw_addrman_find(a, &e, &w.dials[0].wish.address) && e.tried && e.id_proven && e.id.b[1] == 9);
    result(&w, 1, POSW_DIAL_FAILED);
    assert_true(posw_addrman_find(a, &e, &w.dials[1].wish.address) && !e.tried &&
                e.failures == 1); /* others can be reached */
    result(&w, 2, POSW_DIAL_FULL);
    assert_true(posw_addrman_find(a, &e, &w.dials[2].wish.address) && !e.tried && e.failures == 0);
    result(&w, 3, POSW_DIAL_KNOWN);
    assert_true(posw_addrman_find(a, &e, &w.dials[3].wish.address) && e.tried);
    result(&w, 4, POSW_DIAL_USELESS);
    assert_false(posw_addrman_find(a, &e, &w.dials[4].wish.address));
    result(&w, 5, POSW_DIAL_SELF);
    assert_false(posw_addrman_find(a, &e, &w.dials[5].wish.address));
    know(&w, w.dials[5].wish.address); /* somebody tells us of ourselves again */
    run(&w, w.now_ms + 3600000, POSW_DIAL_FAILED);
    for (size_t i = 6; i < w.count; i++)
        assert_false(posw_netaddr_equal(&w.dials[i].wish.address, &w.dials[5].wish.address) ||
                     posw_netaddr_equal(&w.dials[i].wish.address, &o.self));
    assert_counts(&w, 1, 0);
    w.now_ms += 100;
    posw_connect_gone(w.c, w.dials[0].peer, w.now_ms);
    assert_counts(&w, 0, 0);
    assert_true(posw_addrman_find(a, &e, &w.dials[0].wish.address) && e.seen_s == w.now_ms / 1000);
    posw_connect_free(w.c);
}

/* Banned, discouraged, connected already: not dialled. */
static bool connected_in_group_40(void *arg, const posw_netaddr *address, const posw_node_id *id) {
    (void)arg;
    assert_non_null(id);
    return address->ip[12] == 40;
}
static void test_unwanted(void **state) {
    (void)state;
    static world w;
    posw_connect_options o = options();
    o.is_connected = connected_in_group_40;
    start(&w, &o);
    posw_subnet s;
    assert_true(posw_subnet_parse(&s, "20.0.0.0/8"));
    assert_int_equal(posw_bans_add(posw_connect_bans(w.c), &s, START_S + 1000, START_S), POSW_OK);
    const posw_netaddr bad = v4(30, 1, 1, 1);
    posw_bans_discourage(posw_connect_bans(w.c), &bad, START_S);
    for (unsigned i = 0; i < 5; i++)
        know(&w, v4(20, i, 1, 1));
    know(&w, bad);
    know(&w, v4(40, 1, 1, 1));
    know(&w, v4(50, 1, 1, 1));
    run(&w, START_MS + 900000, POSW_DIAL_READY);
    assert_true(w.count >= 1);
    for (size_t i = 0; i < w.count; i++)
        assert_int_equal(w.dials[i].wish.address.ip[12], 50);
    run(&w, START_MS + 1100000, POSW_DIAL_READY); /* the ban is over */
    bool found = false;
    for (size_t i = 0; i < w.count; i++)
        found = found || w.dials[i].wish.address.ip[12] == 20;
    assert_true(found);
    posw_connect_free(w.c);
}

/* ---- named nodes ---- */

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_named(void **state) {
    (void)state;
    static world w;
    posw_connect_options o = options();
    const posw_node_url named[2] = {url("posw://" ID "@127.0.0.1:7"), url("127.0.0.1:8")};
    o.named = named;
    o.named_count = 2;
    o.named_only = true;
    start(&w, &o);
    know(&w, v4(20, 1, 1, 1)); /* nobody else */
    (void)ask(&w);
    assert_int_equal(w.count, 2); /* at once, both, of one group */
    assert_int_equal(w.dials[0].wish.kind, POSW_P2P_NAMED);
    const size_t with_id = w.dials[0].wish.address.port == 7 ? 0 : 1;
    assert_true(w.dials[with_id].wish.id.b[1] == 0x11 && w.dials[1 - with_id].wish.id.b[1] == 0);
    result(&w, with_id, POSW_DIAL_READY);
    result(&w, 1 - with_id, POSW_DIAL_FAILED);
    static const uint64_t waits[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    uint64_t last = START_MS;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(waits); i++) {
        w.now_ms = ask(&w);
        assert_int_equal(w.now_ms - last, waits[i] * 1000);
        last = w.now_ms;
        (void)ask(&w);
        assert_int_equal(w.count, 3 + i);
        result(&w, 2 + i, POSW_DIAL_FAILED);
    }
    /* it is there for a minute and goes: at once again; a shorter time goes on with the long waits */
    w.now_ms = ask(&w);
    (void)ask(&w);
    size_t dial = w.count - 1;
    result(&w, dial, POSW_DIAL_READY);
    w.now_ms += 59999;
    posw_connect_gone(w.c, w.dials[dial].peer, w.now_ms);
    assert_int_equal(ask(&w), w.now_ms + 60000);
    w.now_ms += 60000;
    (void)ask(&w);
    dial = w.count - 1;
    result(&w, dial, POSW_DIAL_USELESS); /* of another chain: that will hardly change within a minute */
    assert_int_equal(ask(&w), w.now_ms + 300000);
    w.now_ms += 300000;
    (void)ask(&w);
    dial = w.count - 1;
    result(&w, dial, POSW_DIAL_READY);
    w.now_ms += 60000;
    posw_connect_gone(w.c, w.dials[dial].peer, w.now_ms);
    assert_int_equal(ask(&w), w.now_ms + 1000);
    w.now_ms += 1000;
    (void)ask(&w);
    dial = w.count - 1;
    result(&w, dial, POSW_DIAL_SELF); /* never again */
    assert_int_equal(ask(&w), UINT64_MAX);
    assert_int_equal(posw_connect_count(w.c).named, 1);
    posw_connect_free(w.c);
}

static bool is_news(world *w, const char *reason) {
    return posw_connect_is_news(w->c, w->dials[w->count - 1].peer, posw_bytes_of(reason, strlen(reason)));
}

static void dial_named(world *w) {
    for (const size_t before = w->count; w->count == before;) {
        const uint64_t at_ms = ask(w);
        if (w->count == before) w->now_ms = at_ms;
    }
}

/* Why a named node cannot be reached is told once, until the reason is another or it was there meanwhile. */
static void test_news_of_named(void **state) {
    (void)state;
    static world w;
    posw_connect_options o = options();
    const posw_node_url named = url("127.0.0.1:7");
    o.named = &named;
    o.named_count = 1;
    start(&w, &o);
    static const struct {
        const char *reason;
        bool is_news, comes;
    } steps[] = {{"connection refused", true, false}, {"connection refused", false, false}, {"another id", true, false},
                 {"another id", false, true},         {"another id", true, false},          {"", true, false}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(steps); i++) {
        dial_named(&w);
        assert_int_equal(is_news(&w, steps[i].reason), steps[i].is_news);
        result(&w, w.count - 1, steps[i].comes ? POSW_DIAL_READY : POSW_DIAL_FAILED);
        posw_connect_gone(w.c, w.dials[w.count - 1].peer, w.now_ms);
    }
    know(&w, v4(20, 1, 1, 1)); /* of nobody else */
    while (w.dials[w.count - 1].wish.kind == POSW_P2P_NAMED) {
        dial_named(&w);
        if (w.dials[w.count - 1].wish.kind == POSW_P2P_NAMED) result(&w, w.count - 1, POSW_DIAL_FAILED);
    }
    assert_false(is_news(&w, "connection refused"));
    posw_connect_free(w.c);
}

/* Dials the named node when it is due; true: at another time than the other one, by more than the half of a second. */
static bool dial_apart(world *a, world *b) {
    dial_named(a);
    dial_named(b);
    return a->now_ms > b->now_ms + 500 || b->now_ms > a->now_ms + 500;
}

/* Two that name each other and dial at the same moment close each other's connection as one too many, after it was
 * ready here or before. They do not do so again and again. */
static void test_two_dial_each_other(void **state) {
    (void)state;
    static world a, b;
    for (int known = 0; known < 2; known++) {
        posw_connect_options o = options();
        const posw_node_url named = url("127.0.0.1:7");
        unsigned rounds = 0;
        o.named = &named;
        o.named_count = 1;
        o.named_only = true;
        start(&a, &o);
        o.seed[0]++;
        start(&b, &o);
        while (!dial_apart(&a, &b)) {
            world *const both[2] = {&a, &b};
            assert_true(rounds++ < 10);
            for (int i = 0; i < 2; i++) {
                result(both[i], both[i]->count - 1, known ? POSW_DIAL_KNOWN : POSW_DIAL_READY);
                both[i]->now_ms += 100;
                posw_connect_gone(both[i]->c, both[i]->dials[both[i]->count - 1].peer, both[i]->now_ms);
            }
        }
        posw_connect_free(a.c);
        posw_connect_free(b.c);
    }
}

static void test_add_and_remove_named(void **state) {
    (void)state;
    static world w;
    const posw_connect_options o = options();
    start(&w, &o);
    const posw_node_url one = url("127.0.0.1:8"), two = url("127.0.0.1:9");
    assert_int_equal(posw_connect_add_named(w.c, &one), POSW_OK);
    assert_int_equal(posw_connect_add_named(w.c, &one), POSW_EEXIST);
    (void)ask(&w);
    assert_int_equal(w.count, 1);
    assert_int_equal(posw_connect_remove_named(w.c, &two), POSW_ENOTFOUND);
    assert_int_equal(posw_connect_remove_named(w.c, &one), POSW_OK);
    result(&w, 0, POSW_DIAL_READY); /* its connection lives on */
    assert_int_equal(posw_connect_count(w.c).named, 1);
    posw_connect_gone(w.c, w.dials[0].peer, w.now_ms);
    run(&w, START_MS + 100000, POSW_DIAL_READY);
    assert_int_equal(w.count, 1);
    for (unsigned i = 0; i < POSW_P2P_NAMED_MAX; i++) {
        char text[40];
        snprintf(text, sizeof text, "127.0.0.1:%u", 1000 + i);
        const posw_node_url u = url(text);
        assert_int_equal(posw_connect_add_named(w.c, &u), POSW_OK);
    }
    assert_int_equal(posw_connect_add_named(w.c, &one), POSW_EFULL);
    posw_connect_free(w.c);
}

/* A name: resolved, each of its addresses dialled in turn, then resolved again. */
static void test_names(void **state) {
    (void)state;
    static world w;
    posw_connect_options o = options();
    const posw_node_url named = url("node.example.org:5");
    o.named = &named;
    o.named_count = 1;
    o.named_only = true;
    start(&w, &o);
    (void)ask(&w);
    assert_int_equal(w.resolve_count, 1);
    assert_string_equal(w.resolved[0], "node.example.org:5");
    posw_netaddr two[2] = {v4(20, 1, 1, 1), v4(21, 1, 1, 1)};
    posw_connect_resolved(w.c, posw_bytes_of("node.example.org", 16), two, 2, w.now_ms); /* of another port */
    (void)ask(&w);
    assert_int_equal(w.count, 0);
    two[0].port = two[1].port = 5;
    posw_connect_resolved(w.c, posw_bytes_of("node.example.or", 15), two, 2, w.now_ms); /* another name */
    (void)ask(&w);
    assert_int_equal(w.count, 0);
    posw_connect_resolved(w.c, posw_bytes_of("node.example.org", 16), two, 2, w.now_ms);
    (void)ask(&w);
    assert_int_equal(w.count, 1);
    result(&w, 0, POSW_DIAL_FAILED);
    w.now_ms = ask(&w);
    (void)ask(&w);
    assert_int_equal(w.count, 2);
    assert_false(posw_netaddr_equal(&w.dials[0].wish.address, &w.dials[1].wish.address));
    result(&w, 1, POSW_DIAL_FAILED);
    w.now_ms = ask(&w);
    (void)ask(&w);
    assert_int_equal(w.resolve_count, 2);
    posw_connect_resolved(w.c, posw_bytes_of("node.example.org", 16), NULL, 0, w.now_ms);
    w.now_ms = ask(&w);
    (void)ask(&w);
    assert_int_equal(w.resolve_count, 3);
    w.now_ms += 29999; /* no answer at all */
    (void)ask(&w);
    assert_int_equal(w.resolve_count, 3);
    w.now_ms += 1;
    w.now_ms = ask(&w);
    (void)ask(&w);
    assert_int_equal(w.resolve_count, 4);
    posw_connect_free(w.c);
}

/* ---- bootnodes and seeds ---- */

static void test_bootnodes(void **state) {
    (void)state;
    static world w;
    posw_connect_options o = options();
    const posw_node_url boot[3] = {url("posw://" ID "@60.1.1.1:7"), url("60.1.1.2:8"), url("boot.example.org")};
    const char *const seeds[] = {"seed.example.org", NULL};
    o.bootnodes = boot;
    o.bootnode_count = 3;
    o.dns_seeds = seeds;
    start(&w, &o);
    run(&w, START_MS + 900, POSW_DIAL_READY); /* an empty table: at once, also two of one group */
    assert_int_equal(w.count, 2);
    assert_int_equal(w.resolve_count, 2);
    assert_counts(&w, 2, 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(w.dials[i].wish.id.b[1], w.dials[i].wish.address.port == 7 ? 0x11 : 0);
    posw_addrman_entry e;
    assert_true(posw_addrman_find(posw_connect_addresses(w.c), &e, &boot[0].address) && e.tried &&
                e.id_proven); /* known from now on */
    const posw_netaddr seeded[3] = {v4(70, 1, 1, 1), v4(71, 1, 1, 1), v4(127, 0, 0, 1)};
    posw_connect_resolved(w.c, posw_bytes_of("seed.example.org", 16), seeded, 3, w.now_ms);
    assert_int_equal(posw_addrman_count(posw_connect_addresses(w.c), NULL, NULL), 4);
    assert_true(posw_addrman_find(posw_connect_addresses(w.c), &e, &seeded[0]));
    assert_true(e.seen_s < START_S - 2 * 86400 && e.seen_s > START_S - 9 * 86400);
    run(&w, START_MS + 5000, POSW_DIAL_READY);
    assert_counts(&w, 4, 0);
    posw_connect_free(w.c);

    /* a table that leads to nothing: after 30 s */
    start(&w, &o);
    for (unsigned i = 0; i < 20; i++)
        know(&w, v4(20 + i, 1, 1, 1));
    run(&w, START_MS + 29999, POSW_DIAL_FAILED);
    for (size_t i = 0; i < w.count; i++)
        assert_true(w.dials[i].wish.address.ip[12] != 60);
    assert_int_equal(w.resolve_count, 0);
    run(&w, START_MS + 32000, POSW_DIAL_FAILED);
    bool found = false;
    for (size_t i = 0; i < w.count; i++)
        found = found || w.dials[i].wish.address.ip[12] == 60;
    assert_true(found && w.resolve_count == 2);
    run(&w, START_MS + 3600000, POSW_DIAL_FAILED); /* seeds at most every 5 minutes, in the end */
    assert_in_range(w.resolve_count, 10, 40);
    posw_connect_free(w.c);

    /* a table that works: never */
    start(&w, &o);
    for (unsigned i = 0; i < 20; i++)
        know(&w, v4(20 + i, 1, 1, 1));
    run(&w, START_MS + 3600000, POSW_DIAL_READY);
    assert_int_equal(w.resolve_count, 0);
    for (size_t i = 0; i < w.count; i++)
        assert_true(w.dials[i].wish.address.ip[12] != 60);
    assert_counts(&w, 8, 2);
    posw_connect_free(w.c);
}

/* ---- anchors and the book ---- */

static void test_anchors(void **state) {
    (void)state;
    static world w;
    posw_connect_options o = options();
    posw_buf kept = {0}, again = {0};
    start(&w, &o);
    for (unsigned i = 0; i < 60; i++)
        know(&w, v4(20 + i, 1, 1, 1));
    run(&w, START_MS + 5000, POSW_DIAL_READY);
    posw_subnet s;
    assert_true(posw_subnet_parse(&s, "200.0.0.0/8"));
    assert_int_equal(posw_bans_add(posw_connect_bans(w.c), &s, START_S + 100000, START_S), POSW_OK);
    posw_connect_save(w.c, &kept);
    posw_netaddr anchors[2];
    size_t n = 0;
    for (size_t i = 0; i < w.count; i++)
        if (w.dials[i].wish.kind == POSW_P2P_BLOCK_ONLY) anchors[n++] = w.dials[i].wish.address;
    assert_int_equal(n, 2);
    posw_connect_free(w.c);

    o.kept = posw_buf_view(&kept);
    o.seed[0] = 99;
    start(&w, &o);
    const posw_netaddr banned = v4(200, 1, 1, 1);
    assert_true(posw_bans_has(posw_connect_bans(w.c), &banned, START_S));
    assert_true(posw_addrman_count(posw_connect_addresses(w.c), NULL, NULL) > 50);
    posw_connect_save(w.c, &again); /* before anything has happened: the same */
    assert_true(kept.size == again.size && memcmp(kept.data, again.data, kept.size) == 0);
    for (int i = 0; i < 15; i++) {
        (void)ask(&w);
        w.now_ms += 200;
    }
    assert_true(w.count >= 3);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(w.dials[i].wish.kind, POSW_P2P_BLOCK_ONLY);
        assert_true(posw_netaddr_equal(&w.dials[i].wish.address, &anchors[0]) ||
                    posw_netaddr_equal(&w.dials[i].wish.address, &anchors[1]));
    }
    assert_int_equal(w.dials[2].wish.kind, POSW_P2P_OUTBOUND);
    posw_connect_free(w.c);
    posw_buf_clear(&kept);
    posw_buf_clear(&again);
}

/* A run whose clock was a year ahead leaves a book with times that are still to come. Who is in it is dialled all the
 * same in the next run, and again in time when that has failed. */
static void test_book_from_the_future(void **state) {
    (void)state;
    static world w;
    posw_connect_options o = options();
    posw_buf kept = {0};
    start(&w, &o);
    w.now_ms += 365 * 86400 * 1000ULL;
    for (unsigned i = 0; i < 20; i++) {
        const posw_netaddr a = v4(20 + i, 1, 1, 1);
        know(&w, a);
        posw_addrman_attempt(posw_connect_addresses(w.c), &a, w.now_ms / 1000);
        if (i % 2 == 0) posw_addrman_good(posw_connect_addresses(w.c), &a, NULL, w.now_ms / 1000);
    }
    posw_connect_save(w.c, &kept);
    posw_connect_free(w.c);

    o.kept = posw_buf_view(&kept);
    start(&w, &o);
    run(&w, START_MS + 20000, POSW_DIAL_FAILED);
    assert_true(w.count >= 8);
    const size_t failed = w.count;
    run(&w, START_MS + 20 * 60 * 1000, POSW_DIAL_READY);
    assert_counts(&w, 8, 2);
    assert_true(w.count > failed);
    posw_connect_free(w.c);
    posw_buf_clear(&kept);
}

/* Whatever is wrong with it, the start is with an empty table and a sentence. */
static void test_damaged_book(void **state) {
    (void)state;
    static world w;
    posw_connect_options o = options();
    posw_buf kept = {0};
    start(&w, &o);
    for (unsigned i = 0; i < 20; i++)
        know(&w, v4(20 + i, 1, 1, 1));
    posw_connect_save(w.c, &kept);
    posw_connect_free(w.c);
    for (size_t i = 0; i <= kept.size; i += 1 + i / 40) {
        posw_message warning;
        posw_connect *c;
        if (i < kept.size) kept.data[i] ^= 1;
        o.kept = posw_bytes_of(kept.data, kept.size);
        for (int cut = 0; cut < 2; cut++) {
            if (cut == 1) o.kept.size = i;
            const bool good = (cut == 0 && i >= kept.size) || o.kept.size == 0 || (cut == 1 && i >= kept.size);
            assert_int_equal(posw_connect_new(&c, &warning, &o, START_MS), POSW_OK);
            assert_int_equal(warning.text[0] == '\0', good);
            assert_int_equal(posw_addrman_count(posw_connect_addresses(c), NULL, NULL) > 0, good && o.kept.size > 0);
            posw_connect_free(c);
        }
        if (i < kept.size) kept.data[i] ^= 1;
    }
    /* a private network with a book of the public one: no warning, an empty table */
    posw_message warning;
    posw_connect *c;
    o.kept = posw_bytes_of(kept.data, kept.size);
    o.private_network = true;
    assert_int_equal(posw_connect_new(&c, &warning, &o, START_MS), POSW_OK);
    assert_string_equal(warning.text, "");
    assert_int_equal(posw_addrman_count(posw_connect_addresses(c), NULL, NULL), 0);
    posw_connect_free(c);
    posw_buf_clear(&kept);
}

/* ---- a stale tip, private networks ---- */

static void test_extra(void **state) {
    (void)state;
    static world w;
    const posw_connect_options o = options();
    start(&w, &o);
    for (unsigned i = 0; i < 60; i++)
        know(&w, v4(20 + i, 1, 1, 1));
    run(&w, START_MS + 20000, POSW_DIAL_READY);
    assert_counts(&w, 8, 2);
    posw_connect_want_extra(w.c, true);
    run(&w, START_MS + 40000, POSW_DIAL_READY);
    assert_counts(&w, 9, 2);
    assert_true(posw_connect_has_surplus(w.c));
    run(&w, START_MS + 200000, POSW_DIAL_READY);
    assert_counts(&w, 9, 2); /* one, not more */
    size_t first = 0;
    while (w.dials[first].wish.kind != POSW_P2P_OUTBOUND)
        first++;
    posw_connect_gone(w.c, w.dials[first].peer, w.now_ms); /* the slowest was left: another one */
    assert_false(posw_connect_has_surplus(w.c));
    run(&w, START_MS + 240000, POSW_DIAL_READY);
    assert_counts(&w, 9, 2);
    posw_connect_want_extra(w.c, false);
    assert_true(posw_connect_has_surplus(w.c)); /* still one too many: the caller leaves it */
    posw_connect_free(w.c);
}

static void test_private_network(void **state) {
    (void)state;
    static world w;
    posw_connect_options o = options();
    o.private_network = true;
    start(&w, &o);
    for (unsigned i = 1; i <= 30; i++)
        know(&w, v4(10, 0, 0, i));
    run(&w, START_MS + 10000, POSW_DIAL_READY);
    assert_counts(&w, 8, 2);
    posw_connect_free(w.c);
}

/* The same seed gives the same dials at the same times. */
static void test_deterministic(void **state) {
    (void)state;
    static world w[2];
    posw_connect_options o = options();
    for (int k = 0; k < 2; k++) {
        start(&w[k], &o);
        for (unsigned i = 0; i < 60; i++)
            know(&w[k], v4(20 + i, 1, 1, 1));
        run(&w[k], START_MS + 1000000, POSW_DIAL_READY);
        posw_connect_free(w[k].c);
    }
    assert_int_equal(w[0].count, w[1].count);
    for (size_t i = 0; i < w[0].count; i++)
        assert_true(w[0].dials[i].at_ms == w[1].dials[i].at_ms &&
                    posw_netaddr_equal(&w[0].dials[i].wish.address, &w[1].dials[i].wish.address));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_dials_at_a_time),
        cmocka_unit_test(test_dead_network),
        cmocka_unit_test(test_flooded_and_alone),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_unwanted),
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_two_dial_each_other),
        cmocka_unit_test(test_news_of_named),
        cmocka_unit_test(test_add_and_remove_named),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bootnodes),
        cmocka_unit_test(test_anchors),
        cmocka_unit_test(test_damaged_book),
        cmocka_unit_test(test_book_from_the_future),
        cmocka_unit_test(test_extra),
        cmocka_unit_test(test_private_network),
        cmocka_unit_test(test_deterministic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
