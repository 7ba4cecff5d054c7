#include "base/netaddr.h"

#include "base/random.h"
#include "base/test.h"

#include <arpa/inet.h>
#include <stdio.h>

static posw_netaddr at(const char *text) {
    posw_netaddr a;
    assert_true(posw_netaddr_parse(&a, text, 30301));
    return a;
}

static void assert_text(const char *in, const char *out) {
    char text[POSW_NETADDR_TEXT];
    const posw_netaddr a = at(in);
    posw_netaddr_text(text, &a);
    assert_string_equal(text, out);
    const posw_netaddr again = at(text);
    assert_true(posw_netaddr_equal(&a, &again));
}

static void test_text(void **state) {
    (void)state;
    assert_text("1.2.3.4:30301", "1.2.3.4:30301");
    assert_text("1.2.3.4", "1.2.3.4:30301");
    assert_text("255.255.255.255:65535", "255.255.255.255:65535");
    assert_text("0.0.0.0:1", "0.0.0.0:1");
    assert_text("[2001:DB8::1]:30301", "[2001:db8::1]:30301");
    assert_text("[2001:0db8:0000:0000:0000:0000:0000:0001]", "[2001:db8::1]:30301");
    assert_text("[::]:5", "[::]:5");
    assert_text("[::1]:5", "[::1]:5");
    assert_text("[1::]:5", "[1::]:5");
    assert_text("[1:0:0:2::3]:5", "[1:0:0:2::3]:5");           /* the longer run */
    assert_text("[1:0:0:2:3:0:0:4]:5", "[1::2:3:0:0:4]:5");    /* the first of equal runs */
    assert_text("[1:0:2:3:4:5:6:7]:5", "[1:0:2:3:4:5:6:7]:5"); /* one word alone is not shortened */
    assert_text("[1::2:3:4:5:6:7]:5", "[1:0:2:3:4:5:6:7]:5");
    assert_text("[::2:3:4:5:6:7:8]:5", "[0:2:3:4:5:6:7:8]:5");
    assert_text("[::ffff:1.2.3.4]:5", "1.2.3.4:5"); /* the same address */
    assert_text("[::ffff:102:304]:5", "1.2.3.4:5");
    assert_text("[64:ff9b::1.2.3.4]:5", "[64:ff9b::102:304]:5");
    assert_text("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");

    char text[POSW_NETADDR_TEXT];
    posw_netaddr a = at("1.2.3.4");
    a.port = 0;
    posw_netaddr_text(text, &a);
    assert_string_equal(text, "1.2.3.4");
}

static void test_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      ":",
                                      ":1",
                                      "1",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "1.2.3.4.",
                                      ".1.2.3.4",
                                      "1..3.4",
                                      "256.1.1.1",
                                      "01.2.3.4",
                                      "1.2.3.4:",
                                      "1.2.3.4:0",
                                      "1.2.3.4:01",
                                      "1.2.3.4:65536",
                                      "1.2.3.4:-1",
                                      "1.2.3.4:+1",
                                      "1.2.3.4: 1",
                                      "1.2.3.4:1 ",
                                      " 1.2.3.4",
                                      "1.2.3.4:1:2",
                                      "0x1.2.3.4",
                                      "1.2.3.4:999999",
                                      "a.b.c.d:1",
                                      "example.org:1",
                                      "2001:db8::1",
                                      "2001:db8::1:30301",
                                      "[2001:db8::1",
                                      "2001:db8::1]",
                                      "[]",
                                      "[]:1",
                                      "[1.2.3.4]:1",
                                      "[::1]1",
                                      "[::1]:",
                                      "[::1]:0",
                                      "[::1%eth0]:1",
                                      "[:1]:1",
                                      "[1:]:1",
                                      "[:::]:1",
                                      "[1:::2]:1",
                                      "[::1::2]:1",
                                      "[1:2:3:4:5:6:7]:1",
                                      "[1:2:3:4:5:6:7:8:9]:1",
                                      "[1:2:3:4:5:6:7::8]:1x",
                                      "[1:2:3:4:5:6:7:8::]:1",
                                      "[::1:2:3:4:5:6:7:8]:1",
                                      "[12345::]:1",
                                      "[g::]:1",
                                      "[::1.2.3]:1",
                                      "[::1.2.3.4:5]:1",
                                      "[1:2:3:4:5:6:7:1.2.3.4]:1",
                                      "[::01.2.3.4]:1",
                                      "[[::1]]:1",
                                      "posw://1.2.3.4:1"};
    posw_netaddr a = {{9}, 9};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++)
        if (posw_netaddr_parse(&a, bad[i], 30301)) fail_msg("taken: %s", bad[i]);
    assert_false(posw_netaddr_parse(&a, "1.2.3.4", 0)); /* no port anywhere */
    assert_true(a.ip[0] == 9 && a.port == 9);           /* unchanged */
    assert_true(posw_netaddr_parse(&a, "1.2.3.4:7", 0) && a.port == 7);
}

/* The C library as the second opinion: the same texts are addresses, with the same bytes; its own writing reads back.
 */
static void test_against_libc(void **state) {
    (void)state;
    static const char alphabet[] = "0123456789abcdefF:::::....";
    uint64_t seed = 7;
    unsigned taken = 0;
    for (int i = 0; i < 300000; i++) {
        char text[48];
        uint8_t v4[4], v6[16], mine[16], theirs[16] = {[10] = 0xff, [11] = 0xff};
        const size_t n = 1 + (size_t)random_below(&seed, i % 2 ? 12 : 24);
        for (size_t k = 0; k < n; k++)
            text[k] = alphabet[random_below(&seed, i % 3 == 0 ? 10 : sizeof alphabet - 1)];
        if (i % 3 == 0)
            for (size_t k = 0; k < 3 && n > 4; k++)
                text[1 + random_below(&seed, n - 2)] = '.';
        text[n] = '\0';
        const bool is_v4 = inet_pton(AF_INET, text, v4) == 1, is_v6 = inet_pton(AF_INET6, text, v6) == 1;
        const bool good = posw_ip_parse(mine, text, n);
        if (good != (is_v4 || is_v6)) fail_msg("%s: %d", text, good);
        if (!good) continue;
        taken++;
        if (is_v4) memcpy(theirs + 12, v4, 4);
        assert_memory_equal(mine, is_v4 ? theirs : v6, 16);
    }
    assert_true(taken > 1000);
    for (int i = 0; i < 20000; i++) {
        uint8_t ip[16], back[16];
        char text[POSW_IP_TEXT], theirs[INET6_ADDRSTRLEN];
        random_bytes(&seed, ip, sizeof ip);
        for (size_t k = 0; k < 8; k++) /* zeros in all constellations */
            if (random_below(&seed, 2)) ip[2 * k] = ip[2 * k + 1] = 0;
        posw_ip_text(text, ip);
        assert_true(posw_ip_parse(back, text, strlen(text)));
        assert_memory_equal(back, ip, 16);
        inet_ntop(AF_INET6, ip, theirs, sizeof theirs);
        if (strchr(theirs, '.') == NULL) assert_string_equal(text, theirs);
    }
}

static void test_kinds(void **state) {
    (void)state;
    static const char *const routable[] = {"1.2.3.4",
                                           "8.8.8.8",
                                           "172.15.0.1",
                                           "172.32.0.1",
                                           "100.63.255.255",
                                           "100.128.0.1",
                                           "192.167.1.1",
                                           "198.17.1.1",
                                           "198.20.1.1",
                                           "223.255.255.255",
                                           "169.253.1.1",
                                           "[2001:4860::8888]",
                                           "[2a00::1]",
                                           "[3fff:1000::1]",
                                           "[2001:db9::1]",
                                           "[2001:30::1]",
                                           "[2002:0102:0304::1]",
                                           "[64:ff9b::1.2.3.4]",
                                           "[2001:0:1:2:3:4:fefd:fcfb]"};
    static const char *const not [] = {"0.1.2.3",
                                       "10.0.0.1",
                                       "100.64.0.1",
                                       "100.127.255.255",
                                       "127.0.0.1",
                                       "127.255.255.255",
                                       "169.254.1.1",
                                       "172.16.0.1",
                                       "172.31.255.255",
                                       "192.0.0.1",
                                       "192.0.2.1",
                                       "192.88.99.1",
                                       "192.168.0.1",
                                       "198.18.0.1",
                                       "198.19.255.255",
                                       "198.51.100.1",
                                       "203.0.113.9",
                                       "224.0.0.1",
                                       "240.0.0.1",
                                       "255.255.255.255",
                                       "[::]",
                                       "[::1]",
                                       "[fe80::1]",
                                       "[febf::1]",
                                       "[fec0::1]",
                                       "[fc00::1]",
                                       "[fdff::1]",
                                       "[ff02::1]",
                                       "[2001:db8::1]",
                                       "[2001:10::1]",
                                       "[2001:2f::1]",
                                       "[2001:2:0:1::1]",
                                       "[3fff::1]",
                                       "[4000::1]",
                                       "[1fff::1]",
                                       "[2002:0a00:0001::1]",
                                       "[64:ff9b::192.168.1.1]",
                                       "[2001:0:1:2:3:4:f5ff:fffe]",
                                       "[::ffff:10.1.2.3]"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(routable); i++) {
        posw_netaddr a = at(routable[i]);
        if (!posw_netaddr_is_routable(&a)) fail_msg("%s", routable[i]);
        a.port = 0;
        assert_false(posw_netaddr_is_routable(&a));
    }
    for (size_t i = 0; i < POSW_ARRAY_SIZE(not ); i++) {
        const posw_netaddr a = at(not [i]);
        if (posw_netaddr_is_routable(&a)) fail_msg("%s", not [i]);
    }
    posw_netaddr a = at("127.3.2.1");
    assert_true(posw_netaddr_is_loopback(&a) && posw_netaddr_is_ipv4(&a));
    a = at("[::1]");
    assert_true(posw_netaddr_is_loopback(&a) && !posw_netaddr_is_ipv4(&a));
    a = at("[::2]");
    assert_false(posw_netaddr_is_loopback(&a));
    a = at("128.0.0.1");
    assert_false(posw_netaddr_is_loopback(&a));
}

static bool same_group(const char *x, const char *y) {
    uint8_t gx[POSW_NETGROUP_SIZE], gy[POSW_NETGROUP_SIZE];
    const posw_netaddr a = at(x), b = at(y);
    posw_netaddr_group(gx, &a);
    posw_netaddr_group(gy, &b);
    return memcmp(gx, gy, sizeof gx) == 0;
}

static void test_groups(void **state) {
    (void)state;
    assert_true(same_group("1.2.3.4:1", "1.2.200.1:2"));
    assert_false(same_group("1.2.3.4", "1.3.3.4"));
    assert_true(same_group("[2a01:4f8::1]", "[2a01:4f8:ffff::2]"));
    assert_false(same_group("[2a01:4f8::1]", "[2a01:4f9::1]"));
    assert_true(same_group("1.2.3.4", "[2002:0102:ff00::1]"));
    assert_true(same_group("1.2.3.4", "[64:ff9b::1.2.9.9]"));
    assert_true(same_group("1.2.3.4", "[2001:0:9:9:9:9:fefd:1]"));
    assert_true(same_group("127.0.0.1", "[::1]"));
    assert_true(same_group("10.1.2.3", "192.168.7.7"));
    assert_true(same_group("10.1.2.3", "[fd12::1]"));
    assert_true(same_group("100.64.1.1", "169.254.1.1"));
    assert_false(same_group("10.1.2.3", "127.0.0.1"));
    assert_false(same_group("10.1.2.3", "11.1.2.3"));
}

static void unit_is(const char *text, const char *want, const char *site_want) {
    uint8_t unit[16];
    const posw_netaddr a = at(text), w = at(want), s = at(site_want);
    posw_netaddr_unit(unit, &a);
    assert_memory_equal(unit, w.ip, sizeof unit);
    posw_netaddr_site(unit, &a);
    assert_memory_equal(unit, s.ip, sizeof unit);
}

static void test_units(void **state) {
    (void)state;
    unit_is("1.2.3.4:5", "1.2.3.4", "1.2.3.4");
    unit_is("[2a01:4f8:1:2:3:4:5:6]:7", "[2a01:4f8:1:2::]", "[2a01:4f8:1::]");
    unit_is("[::1]", "[::]", "[::]");
    /* of what leads to an IPv4 address, that one: the first bits are the same for all behind a translator */
    unit_is("[64:ff9b::1.2.3.4]:5", "1.2.3.4", "1.2.3.4");
    unit_is("[64:ff9b::1.2.3.5]:5", "1.2.3.5", "1.2.3.5");
    unit_is("[2002:0102:0304:ff00::1]:5", "1.2.3.4", "1.2.3.4");
    unit_is("[2001:0:9:9:9:9:fefd:fcfb]:5", "1.2.3.4", "1.2.3.4");
}

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_url(void **state) {
    (void)state;
    posw_node_url u;
    char text[POSW_NODE_URL_TEXT];
    assert_true(posw_node_url_parse(&u, "posw://" ID "@1.2.3.4:5", 30301));
    assert_true(u.id.b[0] == 0 && u.id.b[1] == 0x11 && u.id.b[31] == 0xff && u.numeric && u.port == 5 &&
                u.address.port == 5);
    assert_string_equal(u.host, "1.2.3.4");
    posw_node_url_text(text, &u.id, &u.address);
    assert_string_equal(text, "posw://" ID "@1.2.3.4:5");
    assert_true(posw_node_url_parse(&u, "posw://" ID "@[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", 30301));
    assert_string_equal(u.host, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    posw_node_url_text(text, &u.id, &u.address); /* the longest */
    assert_string_equal(text, "posw://" ID "@[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");

    assert_true(posw_node_url_parse(&u, "seed-1.Example.org", 30301));
    assert_true(!u.numeric && u.port == 30301 && u.id.b[1] == 0 && u.address.port == 0);
    assert_string_equal(u.host, "seed-1.Example.org");
    assert_true(posw_node_url_parse(&u, "localhost:1", 30301) && u.port == 1);
    assert_true(posw_node_url_parse(&u, "posw://" ID "@a.b", 30301) && u.port == 30301);
    assert_true(posw_node_url_parse(&u, "[::1]:2", 0) && u.numeric && posw_netaddr_is_loopback(&u.address));
    posw_node_url_text(text, &u.id, &u.address); /* no id */
    assert_string_equal(text, "[::1]:2");
    assert_true(posw_node_url_parse(&u, "1a.3b", 1)); /* not a number at the end */
}

static void test_url_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        ":1",
        "posw://",
        "posw://" ID,
        "posw://" ID "@",
        "posw://" ID "@:1",
        "posw://1.2.3.4:5",
        "posw://a@1.2.3.4",
        "posw://" ID "0@1.2.3.4",
        "posw:/" ID "@1.2.3.4",
        "POSW://" ID "@1.2.3.4",
        "enode://" ID "@1.2.3.4",
        ID "@1.2.3.4",
        "posw://" ID "@1.2.3.4:0",
        "posw://" ID "@a/b",
        "posw://" ID "@a?x=1",
        "300.1.1.1",
        "1.2.3",
        "a.1",
        "-a.b",
        "a-.b",
        "a..b",
        ".a",
        "a.",
        "a_b",
        "a b",
        "[a]:1",
        "[a",
        "2001:db8::1",
        "a:1:2",
        "posw://g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff@1.2.3.4"};
    posw_node_url u = {.port = 77};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++)
        if (posw_node_url_parse(&u, bad[i], 30301)) fail_msg("taken: %s", bad[i]);
    assert_int_equal(u.port, 77);
    char name[300];
    memset(name, 'a', sizeof name);
    name[63] = name[127] = name[191] = '.';
    name[253] = '\0';
    assert_true(posw_node_url_parse(&u, name, 1)); /* labels of 63, 253 in all */
    name[253] = 'a';
    name[254] = '\0';
    assert_false(posw_node_url_parse(&u, name, 1));
    memset(name, 'a', sizeof name);
    name[64] = '\0';
    assert_false(posw_node_url_parse(&u, name, 1)); /* a label of 64 */
    memset(name, '1', sizeof name);
    name[299] = '\0';
    assert_false(posw_node_url_parse(&u, name, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),  cmocka_unit_test(test_refused),     cmocka_unit_test(test_against_libc),
        cmocka_unit_test(test_kinds), cmocka_unit_test(test_groups),      cmocka_unit_test(test_units),
        cmocka_unit_test(test_url),   cmocka_unit_test(test_url_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
