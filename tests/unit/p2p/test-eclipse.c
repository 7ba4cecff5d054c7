/* An attacker with 1,000 addresses in 8 groups tries to be all that a victim sees: a small world around the real
 * address table, connection policy and eviction.
 *
 * The victim knows 10 of 40 honest nodes, of which a tenth is down at any time (and goes and comes). The attacker is
 * always there: it answers every dial, tells of its own addresses and of made-up ones in other groups, fills the
 * inbound places as far as eviction lets it and floods addresses through them. Honest nodes have heard of the attacker,
 * too: half of what they tell is its. The victim restarts twice (20 in the long form) with what it kept; each time
 * all its connections are gone.
 *
 * Must hold: from 2 minutes after each start on, the victim has an honest outbound peer, or has one again within a
 * minute when those that it had went down. That it can fail is shown by the same world with the defence off (a private
 * network has no groups). */
#include "p2p/connect.h"
#include "p2p/evict.h"

#include "base/random.h"
#include "base/scale.h"
#include "base/test.h"

#include <string.h>

enum { HONEST = 40, KNOWN = 10, ATTACKERS = 1000, GROUPS = 8, INBOUND = 114, LINKS = 40 };
static const uint64_t START_MS = 1800000000000, SETTLE_MS = 120000, GRACE_MS = 60000;

struct dial {
    uint64_t peer, due_ms; /* due: when the dial's result is there */
    posw_netaddr address;
    enum posw_p2p_kind kind;
    bool ready;
};

typedef struct {
    posw_connect *c;
    uint64_t seed, now_ms, next_peer, honest_ms; /* honest_ms: when one was last there */
    bool up[HONEST];
    struct dial links[LINKS];
    size_t link_count;
    posw_evict_candidate inbound[INBOUND];
    posw_netaddr inbound_from[INBOUND];
    posw_addr_quota quota[INBOUND];
    size_t inbound_count;
    bool defenceless, eclipsed;
    size_t least_honest, most_attackers;
    uint64_t sum_honest, sum_all;
} world;

static posw_netaddr v4(unsigned a, unsigned b, unsigned c, unsigned d) {
    return (posw_netaddr){{[10] = 0xff, 0xff, (uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}, 30301};
}
static posw_netaddr honest(uint64_t i) {
    return v4(20 + (unsigned)i, 3, 1, 1);
}
static posw_netaddr attacker(uint64_t i) {
    return v4(150 + (unsigned)(i % GROUPS), 7, (unsigned)(i / 250), (unsigned)(i % 250 + 1));
}
static posw_netaddr made_up(world *w) {
    return v4(80 + (unsigned)random_below(&w->seed, 60), random_next(&w->seed) & 255, random_next(&w->seed) & 255, 1);
}
static bool is_honest(const posw_netaddr *a) {
    return a->ip[12] >= 20 && a->ip[12] < 20 + HONEST && a->ip[13] == 3;
}
static bool is_attacker(const posw_netaddr *a) {
    return a->ip[12] >= 150 && a->ip[12] < 150 + GROUPS && a->ip[13] == 7;
}

static void tell(world *w, const posw_netaddr *source, posw_netaddr address) {
    const posw_msg_address told = {.address = address, .seen_s = w->now_ms / 1000 - random_below(&w->seed, 600)};
    (void)posw_addrman_add(posw_connect_addresses(w->c), &told, source, w->now_ms / 1000);
}

/* What a new outbound peer answers when it is asked for addresses. */
static void answer(world *w, const posw_netaddr *source) {
    posw_addr_quota quota = {0};
    posw_addr_quota_asked(&quota);
    size_t n = posw_addr_quota_take(&quota, is_honest(source) ? 40 : 1000, w->now_ms);
    for (; n > 0; n--) {
        const bool lie = random_below(&w->seed, 2);
        if (is_honest(source))
            tell(w, source, lie ? attacker(random_below(&w->seed, ATTACKERS)) : honest(random_below(&w->seed, HONEST)));
        else
            tell(w, source, lie ? made_up(w) : attacker(random_below(&w->seed, ATTACKERS)));
    }
}

static void finish_dial(world *w, struct dial *l) {
    const posw_node_id id = {{l->address.ip[12], l->address.ip[13], l->address.ip[14], l->address.ip[15]}};
    const bool there = is_attacker(&l->address) || (is_honest(&l->address) && w->up[l->address.ip[12] - 20]);
    posw_connect_result(w->c, l->peer, there ? POSW_DIAL_READY : POSW_DIAL_FAILED, &id, w->now_ms);
    l->ready = there;
    if (there) answer(w, &l->address);
    if (!there || l->kind != POSW_P2P_FEELER) return;
    posw_connect_gone(w->c, l->peer, w->now_ms);
    l->ready = false;
}

/* Dials whose time has come; honest ones that went down. */
static void step_links(world *w) {
    size_t n = 0;
    for (size_t i = 0; i < w->link_count; i++) {
        struct dial *l = &w->links[i];
        const bool due = !l->ready && l->due_ms <= w->now_ms;
        if (due) finish_dial(w, l);
        if (due && !l->ready) continue;
        if (l->ready && is_honest(&l->address) && !w->up[l->address.ip[12] - 20]) {
            posw_connect_gone(w->c, l->peer, w->now_ms);
            continue;
        }
        w->links[n++] = *l;
    }
    w->link_count = n;
}

static uint64_t ask(world *w) {
    for (;;) {
        posw_connect_wish wish;
        posw_connect_next(w->c, &wish, w->next_peer, w->now_ms);
        if (wish.what != POSW_CONNECT_DIAL) return wish.at_ms;
        assert_true(w->link_count < LINKS);
        const uint64_t takes_ms = is_attacker(&wish.address)                                    ? 20
                                  : is_honest(&wish.address) && w->up[wish.address.ip[12] - 20] ? 100
                                                                                                : 5000;
        w->links[w->link_count++] = (struct dial){w->next_peer++, w->now_ms + takes_ms, wish.address, wish.kind, false};
    }
}

/* One more inbound connection of the attacker, if it gets in. */
static void come_in(world *w) {
    const posw_netaddr from = attacker(random_below(&w->seed, ATTACKERS));
    if (!posw_inbound_group_has_room(w->inbound, w->inbound_count, &from, w->defenceless)) return;
    if (w->inbound_count == INBOUND) {
        uint64_t gone;
        posw_evict_candidate copy[INBOUND];
        memcpy(copy, w->inbound, sizeof copy);
        if (!posw_evict_inbound(&gone, copy, INBOUND, (const uint8_t *)"0123456789abcdef")) return;
        size_t i = 0;
        while (w->inbound[i].peer != gone)
            i++;
        w->inbound_count--;
        w->inbound[i] = w->inbound[w->inbound_count];
        w->inbound_from[i] = w->inbound_from[w->inbound_count];
        w->quota[i] = w->quota[w->inbound_count];
    }
    const size_t i = w->inbound_count++;
    w->inbound[i] = (posw_evict_candidate){.peer = w->next_peer++, .ping_min_ms = 1, .connected_ms = w->now_ms};
    posw_netaddr_group(w->inbound[i].group, &from);
    w->inbound_from[i] = from;
    w->quota[i] = (posw_addr_quota){0};
}

/* Once a minute. */
static void attack(world *w) {
    for (int i = w->inbound_count < INBOUND ? 40 : 3; i > 0; i--)
        come_in(w);
    for (size_t i = 0; i < w->inbound_count; i++)
        for (size_t n = posw_addr_quota_take(&w->quota[i], 1000, w->now_ms); n > 0; n--)
            tell(w, &w->inbound_from[i],
                 random_below(&w->seed, 4) ? attacker(random_below(&w->seed, ATTACKERS)) : made_up(w));
    for (size_t i = 0; i < HONEST; i++)
        if (random_below(&w->seed, 50) == 0) w->up[i] = random_below(&w->seed, 10) > 0;
}

static void look(world *w) {
    size_t of_honest = 0, of_attacker = 0;
    for (size_t i = 0; i < w->link_count; i++) {
        if (!w->links[i].ready) continue;
        of_honest += is_honest(&w->links[i].address);
        of_attacker += is_attacker(&w->links[i].address);
    }
    if (of_honest < w->least_honest) w->least_honest = of_honest;
    if (of_attacker > w->most_attackers) w->most_attackers = of_attacker;
    w->sum_honest += of_honest;
    w->sum_all += of_honest + of_attacker;
    if (of_honest > 0) w->honest_ms = w->now_ms;
    if (w->now_ms > w->honest_ms + GRACE_MS) w->eclipsed = true;
}

static void begin(world *w, posw_bytes kept) {
    posw_message warning;
    posw_connect_options o = {
        .outbound_max = 8, .block_only_max = 2, .default_port = 30301, .private_network = w->defenceless, .kept = kept};
    random_bytes(&w->seed, o.seed, sizeof o.seed);
    assert_int_equal(posw_connect_new(&w->c, &warning, &o, w->now_ms), POSW_OK);
    assert_string_equal(warning.text, "");
    w->link_count = w->inbound_count = 0;
}

static void live(world *w) {
    const uint64_t start_ms = w->now_ms;
    uint64_t minute_ms = start_ms;
    w->honest_ms = start_ms + SETTLE_MS - GRACE_MS; /* the first look finds one */
    const uint64_t period_ms = scale_of(240000, 1800000);
    while (w->now_ms < start_ms + period_ms && !w->eclipsed) {
        step_links(w);
        uint64_t next = ask(w);
        if (minute_ms <= w->now_ms) {
            attack(w);
            minute_ms = w->now_ms + 60000;
        }
        if (w->now_ms >= start_ms + SETTLE_MS) look(w);
        for (size_t i = 0; i < w->link_count; i++)
            if (!w->links[i].ready && w->links[i].due_ms < next) next = w->links[i].due_ms;
        if (minute_ms < next) next = minute_ms;
        w->now_ms = next > w->now_ms ? next : w->now_ms + 1;
    }
}

static world survive(uint64_t seed, bool defenceless, uint64_t restarts) {
    world w = {.seed = seed, .now_ms = START_MS, .next_peer = 1, .defenceless = defenceless, .least_honest = SIZE_MAX};
    posw_buf kept = {0};
    for (size_t i = 0; i < HONEST; i++)
        w.up[i] = random_below(&w.seed, 10) > 0;
    begin(&w, posw_buf_view(&kept));
    for (uint64_t i = 0, first = random_below(&w.seed, HONEST); i < KNOWN; i++) {
        const posw_netaddr source = honest((first + i * 3 + 1) % HONEST);
        tell(&w, &source, honest((first + i) % HONEST));
    }
    for (uint64_t i = 0; i < restarts && !w.eclipsed; i++) {
        live(&w);
        posw_buf_reset(&kept);
        posw_connect_save(w.c, &kept);
        posw_connect_free(w.c);
        w.now_ms += 60000 + random_below(&w.seed, 8 * 3600000); /* it is off for a while */
        begin(&w, posw_buf_view(&kept));
    }
    posw_connect_free(w.c);
    posw_buf_clear(&kept);
    return w;
}

static void test_eclipse(void **state) {
    (void)state;
    uint64_t seed = scale_seed("eclipse"), sum_honest = 0, sum_all = 0;
    const uint64_t seeds = scale_is_sanitized() ? 40 : scale_of(200, 1000);
    size_t least = SIZE_MAX, most = 0;
    for (uint64_t i = 0; i < seeds; i++) {
        const world w = survive(random_next(&seed), false, scale_of(2, 20));
        if (w.eclipsed)
            fail_msg("world %llu: no honest outbound peer at %llu", (unsigned long long)i,
                     (unsigned long long)(w.now_ms - START_MS));
        if (w.least_honest < least) least = w.least_honest;
        if (w.most_attackers > most) most = w.most_attackers;
        sum_honest += w.sum_honest;
        sum_all += w.sum_all;
    }
    printf("eclipse: %llu worlds; never less than %zu honest outbound peers, never more than %zu of the attacker; %llu "
           "%% honest on average\n",
           (unsigned long long)seeds, least, most, (unsigned long long)(100 * sum_honest / sum_all));
    assert_true(most <= GROUPS); /* one of a group */
}

static void test_without_defence(void **state) {
    (void)state;
    uint64_t seed = 1;
    unsigned eclipsed = 0;
    for (int i = 0; i < 10; i++)
        eclipsed += survive(random_next(&seed), true, 20).eclipsed;
    assert_true(eclipsed >= 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eclipse),
        cmocka_unit_test(test_without_defence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
