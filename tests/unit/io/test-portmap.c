/* Port mappings: the packets against the texts of the RFCs, and the client against a router of the test's own. */
#include "base/bytes.h"
#include "base/test.h"
#include "io/file.h"
#include "io/portmap.h"
#include "io/portmap_codec.h"
#include "io/temporary.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

static posw_netaddr address(const char *text) {
    posw_netaddr a;
    assert_true(posw_netaddr_parse(&a, text, 0));
    return a;
}

static void assert_hex(const uint8_t *data, size_t size, const char *hex) {
    char text[512];
    posw_hex_encode(text, data, size);
    assert_string_equal(text, hex);
}

/* ---- packets ---- */

static void requests(void **state) {
    (void)state;
    posw_portmap_wish w = {.nonce = "abcdefghijkl",
                           .local = address("192.168.1.7:1"),
                           .port = 30301,
                           .external = {.port = 30301},
                           .lifetime_s = 3600};
    uint8_t pcp[POSW_PCP_MAP_SIZE], map[POSW_NATPMP_MAP_SIZE], ip[POSW_NATPMP_ADDRESS_SIZE];
    posw_pcp_map_encode(pcp, &w);
    assert_hex(pcp, sizeof pcp, /* RFC 6887, figures 2 and 9 */
               "02010000"
               "00000e10"
               "00000000000000000000ffffc0a80107"
               "6162636465666768696a6b6c"
               "06000000"
               "765d765d"
               "00000000000000000000ffff00000000");
    posw_natpmp_map_encode(map, &w);
    assert_hex(map, sizeof map, "00020000765d765d00000e10"); /* RFC 6886, section 3.3 */
    posw_natpmp_address_encode(ip);
    assert_hex(ip, sizeof ip, "0000");
    w.external = address("203.0.113.9:4000");
    posw_pcp_map_encode(pcp, &w);
    assert_hex(pcp + 40, 20, "765d0fa000000000000000000000ffffcb007109");
    w.lifetime_s = 0;
    posw_natpmp_map_encode(map, &w);
    assert_hex(map, sizeof map, "00020000765d000000000000");
}

static bool decode(posw_portmap_answer *a, const char *hex, size_t size) {
    uint8_t data[POSW_PORTMAP_ANSWER_MAX + 8], *exact;
    assert_true(posw_hex_decode(data, strlen(hex) / 2, hex, strlen(hex)));
    exact = malloc(size > 0 ? size : 1);
    memcpy(exact, data, size);
    const bool good = posw_portmap_decode(a, exact, size);
    free(exact);
    return good;
}

static void answers(void **state) {
    (void)state;
    posw_portmap_answer a;
    const posw_netaddr external = address("203.0.113.9:4000");
    static const char pcp[] = "0281000000000708000000640000000000000000000000006162636465666768696a6b6c06000000765d0fa0"
                              "00000000000000000000ffffcb007109";
    assert_true(decode(&a, pcp, 60));
    assert_int_equal(a.kind, POSW_PORTMAP_PCP_MAP);
    assert_int_equal(a.result, 0);
    assert_int_equal(a.lifetime_s, 1800);
    assert_int_equal(a.port, 30301);
    assert_true(posw_netaddr_equal(&a.external, &external));
    assert_memory_equal(a.nonce, "abcdefghijkl", 12);
    for (size_t size = 0; size < 60; size++)
        assert_false(decode(&a, pcp, size));
    assert_true(decode(&a, "0281000800000e100000006400000000000000000000000000", 24));
    assert_string_equal(posw_portmap_result_text(&a), "no resources");
    assert_int_equal(a.lifetime_s, 3600);
    assert_true(decode(&a, "0281000100000e100000006400000000000000000000000000", 24));
    assert_int_equal(a.kind, POSW_PORTMAP_OTHER_VERSION);
    /* NAT-PMP */
    assert_true(decode(&a, "008000000000000acb007109", 12));
    assert_int_equal(a.kind, POSW_PORTMAP_NATPMP_ADDRESS);
    assert_memory_equal(a.external.ip, external.ip, 16);
    assert_true(decode(&a, "008200000000000a765d0fa000000708", 16));
    assert_int_equal(a.kind, POSW_PORTMAP_NATPMP_MAP);
    assert_int_equal(a.port, 30301);
    assert_int_equal(a.external.port, 4000);
    assert_int_equal(a.lifetime_s, 1800);
    for (size_t size = 0; size < 16; size++)
        assert_false(decode(&a, "008200000000000a765d0fa000000708", size));
    assert_true(decode(&a, "008200020000000a", 8));
    assert_string_equal(posw_portmap_result_text(&a), "not authorized");
    assert_true(decode(&a, "00810001", 4)); /* what a router of NAT-PMP answers to PCP */
    assert_int_equal(a.kind, POSW_PORTMAP_OTHER_VERSION);
    assert_false(decode(&a, "000200000000000a765d0fa000000708", 16)); /* a request */
    assert_false(decode(&a, "018200000000000a765d0fa000000708", 16));
    assert_false(decode(&a, "008100000000000a765d0fa000000708", 16)); /* UDP */
    a.result = 77;
    assert_string_equal(posw_portmap_result_text(&a), "unknown reason");
}

#define HEAD \
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                          \n"

static bool gateway(posw_netaddr *out, const char *text) {
    return posw_portmap_gateway(out, text, strlen(text));
}

static void routes(void **state) {
    (void)state;
    posw_netaddr a;
    const posw_netaddr router = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 1}};
    /* as a machine of little-endian order prints it */
    assert_true(gateway(&a, HEAD "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0     "
                                 "\neth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"));
    assert_true(posw_netaddr_equal(&a, &router));
    assert_true(gateway(&a, HEAD "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\neth0\t00000000\t010200"
                                 "C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"));
    assert_true(posw_netaddr_equal(&a, &router)); /* the lesser metric */
    static const char *const none[] = {
        "",
        "\n",
        HEAD,
        HEAD "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
        HEAD "eth0\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n", /* not up */
        HEAD "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n", /* no gateway */
        HEAD "tun0\t00000000\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n", /* half of the internet */
        HEAD "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t0000000\xff\n",
        HEAD "eth0\t00000000\t010200C0\t0003\t0\t0",
        "eth0 00000000 010200C011 0003 0 0 0 00000000",
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(none); i++)
        if (gateway(&a, none[i])) fail_msg("found one in %zu", i);
}

/* ---- a router ---- */

enum mood { PCP, NATPMP, SILENT, REFUSING, DEAF_AT_FIRST };

typedef struct {
    uv_loop_t loop;
    uv_udp_t udp;
    enum mood mood;
    uint16_t port;
    unsigned asked, taken_back;
    uint32_t lifetime_s;
    posw_netaddr external, told;
    uint8_t nonce[12];
    unsigned changes;
    char room[2048];
    posw_portmap *m;
    posw_portmap_options o;
} world;

static void reply(world *w, const struct sockaddr *to, const uint8_t *data, size_t size) {
    const uv_buf_t b = uv_buf_init((char *)(uintptr_t)data, (unsigned)size);
    assert_int_equal(uv_udp_try_send(&w->udp, &b, 1, to), (int)size);
}

static void router_pcp(world *w, const uint8_t *d, const struct sockaddr *from) {
    uint8_t out[60];
    memcpy(out, d, 60);
    out[1] |= 0x80;
    out[2] = 0;
    out[3] = w->mood == REFUSING ? 2 : 0;
    if (posw_load_be32(d + 4) == 0)
        w->taken_back++;
    else
        posw_store_be32(out + 4, w->lifetime_s);
    memset(out + 8, 0, 16);
    out[42] = (uint8_t)(w->external.port >> 8);
    out[43] = (uint8_t)w->external.port;
    memcpy(out + 44, w->external.ip, 16);
    assert_memory_equal(d + 8, ((uint8_t[]){0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}), 16);
    memcpy(w->nonce, d + 24, 12);
    uint8_t wrong[60]; /* answers to somebody else are not taken */
    memcpy(wrong, out, 60);
    wrong[30] ^= 1;
    wrong[43] ^= 1;
    if (out[3] == 0) reply(w, from, wrong, 60);
    memcpy(wrong, out, 60);
    wrong[41] ^= 1;
    if (out[3] == 0) reply(w, from, wrong, 60);
    reply(w, from, (const uint8_t *)"what?", 5);
    reply(w, from, out, 60);
}

static void router_natpmp(world *w, const uint8_t *d, size_t size, const struct sockaddr *from) {
    uint8_t out[16] = {0, (uint8_t)(d[1] | 0x80), 0, 0, 0, 0, 0, 9};
    if (d[0] != 0) {
        reply(w, from, (const uint8_t[]){0, 0x81, 0, 1, 0, 0, 0, 9}, 8);
    } else if (d[1] == 0) {
        assert_int_equal(size, 2);
        memcpy(out + 8, w->external.ip + 12, 4);
        reply(w, from, out, 12);
    } else {
        assert_int_equal(size, 12);
        if (posw_load_be32(d + 8) == 0) w->taken_back++;
        memcpy(out + 8, d + 4, 2);
        out[10] = (uint8_t)(w->external.port >> 8);
        out[11] = (uint8_t)w->external.port;
        posw_store_be32(out + 12, w->lifetime_s);
        reply(w, from, out, 16);
    }
}

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *b) {
    (void)n;
    world *w = h->data;
    *b = uv_buf_init(w->room, sizeof w->room);
}

static void on_request(uv_udp_t *u, ssize_t n, const uv_buf_t *b, const struct sockaddr *from, unsigned flags) {
    world *w = u->data;
    (void)flags;
    if (n <= 0 || from == NULL) return;
    w->asked++;
    if (w->mood == SILENT || (w->mood == DEAF_AT_FIRST && w->asked < 3)) return;
    if (w->mood == NATPMP)
        router_natpmp(w, (const uint8_t *)b->base, (size_t)n, from);
    else
        router_pcp(w, (const uint8_t *)b->base, from);
}

static void on_mapped(void *arg, const posw_netaddr *external) {
    world *w = arg;
    w->told = *external;
    w->changes++;
}

static int setup(void **state) {
    world *w = calloc(1, sizeof *w);
    struct sockaddr_in s;
    int size = sizeof s;
    assert_int_equal(uv_loop_init(&w->loop), 0);
    uv_udp_init(&w->loop, &w->udp);
    w->udp.data = w;
    uv_ip4_addr("127.0.0.1", 0, &s);
    assert_int_equal(uv_udp_bind(&w->udp, (struct sockaddr *)&s, 0), 0);
    uv_udp_getsockname(&w->udp, (struct sockaddr *)&s, &size);
    uv_udp_recv_start(&w->udp, on_alloc, on_request);
    w->port = ntohs(s.sin_port);
    w->lifetime_s = 100;
    w->external = address("203.0.113.9:4000");
    w->o = (posw_portmap_options){
        .port = 30301, .gateway = address("127.0.0.1:1"), .first_wait_ms = 20, .mapped = on_mapped, .arg = w};
    w->o.gateway.port = w->port;
    *state = w;
    return 0;
}

static uint64_t clock_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void turn(world *w) {
    (void)uv_run(&w->loop, UV_RUN_NOWAIT);
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

#define UNTIL(w, condition)                                                 \
    for (const uint64_t until_ = clock_ms() + 10000; !(condition); turn(w)) \
        if (clock_ms() > until_) fail_msg("waited in vain for: %s", #condition)

static int teardown(void **state) {
    world *w = *state;
    if (w->m != NULL) {
        posw_portmap_stop(w->m);
        UNTIL(w, posw_portmap_is_idle(w->m));
        posw_portmap_free(w->m);
    }
    uv_close((uv_handle_t *)&w->udp, NULL);
    UNTIL(w, uv_run(&w->loop, UV_RUN_NOWAIT) == 0);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    return 0;
}

static void begin(world *w, enum mood mood) {
    w->mood = mood;
    assert_int_equal(posw_portmap_start(&w->m, &w->loop, &w->o), POSW_OK);
}

static void end(world *w) {
    posw_portmap_stop(w->m);
    UNTIL(w, posw_portmap_is_idle(w->m));
    for (int i = 0; i < 20; i++)
        turn(w);
    posw_portmap_free(w->m);
    w->m = NULL;
}

static void granted_and_taken_back(void **state) {
    world *w = *state;
    static const enum mood moods[] = {PCP, NATPMP, DEAF_AT_FIRST};
    for (unsigned i = 0; i < POSW_ARRAY_SIZE(moods); i++) {
        w->asked = w->taken_back = w->changes = 0;
        begin(w, moods[i]);
        UNTIL(w, w->changes > 0);
        assert_true(posw_netaddr_equal(&w->told, &w->external));
        assert_true(w->asked >= 1 && w->asked <= 5);
        end(w);
        assert_int_equal(w->taken_back, 1);
        assert_int_equal(w->changes, 1);
    }
}

static void renewed_at_half_of_its_life(void **state) {
    world *w = *state;
    w->lifetime_s = 1;
    begin(w, PCP);
    const uint64_t t = clock_ms();
    uint8_t nonce[12];
    UNTIL(w, w->asked == 1);
    memcpy(nonce, w->nonce, 12);
    UNTIL(w, w->asked >= 4);
    assert_in_range(clock_ms() - t, 1400, 5000);
    assert_memory_equal(nonce, w->nonce, 12); /* which is why the router knows whose it is */
    assert_int_equal(w->changes, 1);
    w->external.port = 5000; /* the router has begun anew */
    UNTIL(w, w->changes == 2);
    assert_int_equal(w->told.port, 5000);
    /* it goes away: told when the mapping has ended */
    w->mood = SILENT;
    UNTIL(w, w->changes == 3);
    assert_int_equal(w->told.port, 0);
}

static void routers_that_do_not_help(void **state) {
    world *w = *state;
    w->o.pause_s = 1;
    begin(w, SILENT);
    UNTIL(w, w->asked >= 12); /* four tries by PCP, four of two packets by NAT-PMP */
    const uint64_t t = clock_ms();
    UNTIL(w, w->asked > 12); /* and again after a pause */
    assert_in_range(clock_ms() - t, 900, 6000);
    end(w);
    assert_int_equal(w->taken_back, 0);
    w->asked = 0;
    begin(w, REFUSING);
    UNTIL(w, w->asked == 2);
    w->mood = PCP; /* somebody allowed it */
    UNTIL(w, w->changes == 1);
    assert_true(posw_netaddr_equal(&w->told, &w->external));
}

static void no_router(void **state) {
    world *w = *state;
    char dir[TEMPORARY_SIZE], path[TEMPORARY_SIZE + 16];
    temporary_make_fast(dir);
    snprintf(path, sizeof path, "%s/route", dir);
    w->o.gateway = (posw_netaddr){.port = 0};
    w->o.routes_path = path;
    w->o.pause_s = 1;
    begin(w, PCP);
    for (int i = 0; i < 50; i++)
        turn(w);
    assert_int_equal(w->asked + w->changes, 0);
    temporary_remove(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(answers),
        cmocka_unit_test(routes),
        TEST(granted_and_taken_back),
        TEST(renewed_at_half_of_its_life),
        TEST(routers_that_do_not_help),
        TEST(no_router),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
