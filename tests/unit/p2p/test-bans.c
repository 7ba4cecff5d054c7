#include "p2p/bans.h"

#include "base/random.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>

enum { NOW = 1800000000 };

static posw_bans *start(void) {
    posw_bans *b;
    assert_int_equal(posw_bans_new(&b, (const uint8_t *)"0123456789abcdef"), POSW_OK);
    return b;
}

static posw_subnet subnet(const char *text) {
    posw_subnet s;
    if (!posw_subnet_parse(&s, text)) fail_msg("%s", text);
    return s;
}

static posw_netaddr at(const char *text) {
    posw_netaddr a;
    assert_true(posw_netaddr_parse(&a, text, 1));
    return a;
}

static void test_subnets(void **state) {
    (void)state;
    static const char *const texts[][2] = {{"1.2.3.4", "1.2.3.4"},
                                           {"1.2.3.4/32", "1.2.3.4"},
                                           {"10.0.0.0/8", "10.0.0.0/8"},
                                           {"10.1.2.3/8", "10.0.0.0/8"},
                                           {"1.2.3.4/31", "1.2.3.4/31"},
                                           {"1.2.3.5/31", "1.2.3.4/31"},
                                           {"1.2.3.4/0", "0.0.0.0/0"},
                                           {"2001:db8::/32", "2001:db8::/32"},
                                           {"2001:DB8::1", "2001:db8::1"},
                                           {"2001:db8::1/128", "2001:db8::1"},
                                           {"2001:db8:ffff::/33", "2001:db8:8000::/33"},
                                           {"::/0", "::/0"},
                                           {"::ffff:1.2.3.4", "1.2.3.4"},
                                           {"::ffff:1.2.3.4/104", "1.0.0.0/8"},
                                           {"255.255.255.255", "255.255.255.255"}};
    char text[POSW_SUBNET_TEXT];
    for (size_t i = 0; i < POSW_ARRAY_SIZE(texts); i++) {
        const posw_subnet s = subnet(texts[i][0]);
        posw_subnet_text(text, &s);
        assert_string_equal(text, texts[i][1]);
        const posw_subnet again = subnet(text);
        assert_memory_equal(&again, &s, sizeof s);
    }
    static const char *const bad[] = {"",
                                      "/",
                                      "/8",
                                      "1.2.3.4/",
                                      "1.2.3.4/33",
                                      "1.2.3.4/08",
                                      "1.2.3.4/-1",
                                      "1.2.3.4/ 8",
                                      "1.2.3.4/8 ",
                                      "1.2.3.4/8/8",
                                      "1.2.3/8",
                                      "1.2.3.4:5",
                                      "2001:db8::/129",
                                      "2001:db8::/1000",
                                      "[2001:db8::1]",
                                      "example.org",
                                      "1.2.3.4/a",
                                      "1.2.3.4/99999999999999999999"};
    posw_subnet s = {.bits = 7};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++)
        if (posw_subnet_parse(&s, bad[i])) fail_msg("taken: %s", bad[i]);
    assert_int_equal(s.bits, 7);
    posw_netaddr a = at("10.255.0.1"), b = at("11.0.0.0"), c = at("[2001:db8::5]");
    s = subnet("10.0.0.0/8");
    assert_true(posw_subnet_has(&s, &a) && !posw_subnet_has(&s, &b) && !posw_subnet_has(&s, &c));
    s = subnet("0.0.0.0/0"); /* all of IPv4 and nothing of IPv6 */
    assert_true(posw_subnet_has(&s, &a) && posw_subnet_has(&s, &b) && !posw_subnet_has(&s, &c));
    static const char *const wide[] = {"::/0", "::/80", "::/95"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(wide); i++) { /* nothing of IPv4, which has ::ffff:0:0/96 */
        s = subnet(wide[i]);
        assert_true(!posw_subnet_has(&s, &a) && posw_subnet_has(&s, &c) == (s.bits == 0));
    }
}

typedef struct {
    char text[400];
    size_t count, stop_at;
} list;
static int on_ban(void *arg, const posw_subnet *s, uint64_t until_s) {
    list *l = arg;
    char text[POSW_SUBNET_TEXT];
    posw_subnet_text(text, s);
    snprintf(l->text + strlen(l->text), sizeof l->text - strlen(l->text), "%s:%d ", text, (int)(until_s - NOW));
    return ++l->count == l->stop_at ? 42 : 0;
}

static void test_bans(void **state) {
    (void)state;
    posw_bans *b = start();
    const posw_subnet ten = subnet("10.0.0.0/8"), one = subnet("10.0.0.1"), v6 = subnet("2001:db8::/32");
    const posw_netaddr in_ten = at("10.9.9.9:77"), is_one = at("10.0.0.1:1"), in_v6 = at("[2001:db8:1::1]:5"),
                       other = at("11.0.0.1:1");
    assert_int_equal(posw_bans_add(b, &ten, NOW + 100, NOW), POSW_OK);
    assert_int_equal(posw_bans_add(b, &v6, NOW + 50, NOW), POSW_OK);
    assert_int_equal(posw_bans_add(b, &one, NOW + 200, NOW), POSW_OK);
    assert_int_equal(posw_bans_add(b, &v6, NOW + 60, NOW), POSW_OK); /* replaces */
    assert_true(posw_bans_has(b, &in_ten, NOW) && posw_bans_has(b, &is_one, NOW) && posw_bans_has(b, &in_v6, NOW) &&
                !posw_bans_has(b, &other, NOW));
    assert_true(posw_bans_has(b, &in_v6, NOW + 59) && !posw_bans_has(b, &in_v6, NOW + 60));
    assert_true(!posw_bans_has(b, &in_ten, NOW + 100) && posw_bans_has(b, &is_one, NOW + 199));
    list l = {.count = 0};
    assert_int_equal(posw_bans_walk(b, NOW, on_ban, &l), 0);
    assert_string_equal(l.text, "10.0.0.0/8:100 10.0.0.1:200 2001:db8::/32:60 ");
    l = (list){.stop_at = 2};
    assert_int_equal(posw_bans_walk(b, NOW, on_ban, &l), 42);
    assert_int_equal(l.count, 2);
    posw_buf kept = {0}, again = {0};
    posw_bans_encode(&kept, b);
    posw_bans *c = start();
    assert_int_equal(posw_bans_decode(c, posw_buf_view(&kept)), POSW_OK);
    posw_bans_encode(&again, c);
    assert_true(kept.size == again.size && memcmp(kept.data, again.data, kept.size) == 0);
    assert_true(posw_bans_has(c, &is_one, NOW + 199));
    posw_bans_free(c);
    assert_true(posw_bans_remove(b, &ten));
    assert_false(posw_bans_remove(b, &ten));
    assert_true(!posw_bans_has(b, &in_ten, NOW) && posw_bans_has(b, &is_one, NOW));
    assert_int_equal(posw_bans_add(b, &ten, NOW + 1000, NOW + 150), POSW_OK); /* drops what is over */
    l = (list){.count = 0};
    assert_int_equal(posw_bans_walk(b, NOW, on_ban, &l), 0);
    assert_string_equal(l.text, "10.0.0.0/8:1000 10.0.0.1:200 ");
    posw_bans_free(b);
    posw_bans_free(NULL);
    posw_buf_clear(&kept);
    posw_buf_clear(&again);
}

static void test_ban_limit(void **state) {
    (void)state;
    posw_bans *b = start();
    posw_subnet s = subnet("20.0.0.0");
    for (unsigned i = 0; i < POSW_BANS_MAX; i++) {
        s.ip[14] = (uint8_t)(i * 7 >> 8);
        s.ip[15] = (uint8_t)(i * 7);
        assert_int_equal(posw_bans_add(b, &s, NOW + 10 + i, NOW), POSW_OK);
    }
    assert_int_equal(posw_bans_add(b, &s, NOW + 99999, NOW), POSW_OK); /* known */
    s.ip[13] = 1;
    assert_int_equal(posw_bans_add(b, &s, NOW + 10, NOW), POSW_EFULL);
    posw_buf kept = {0};
    posw_bans_encode(&kept, b);
    posw_bans *c = start();
    assert_int_equal(posw_bans_decode(c, posw_buf_view(&kept)), POSW_OK);
    posw_bans_free(c);
    assert_int_equal(posw_bans_add(b, &s, NOW + 20, NOW + 10), POSW_OK); /* one is over */
    assert_int_equal(posw_bans_add(b, &(posw_subnet){{1}, 8}, NOW + 20, NOW + 10), POSW_EFULL);
    posw_bans_free(b);
    posw_buf_clear(&kept);
}

static void test_damage(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        bool good;
    } cases[] = {{"\xc2\x01\xc0", 3, true},
                 {"\xc2\x02\xc0", 3, false},
                 {"\xc2\x01\x80", 3, false},
                 {"\xc3\x01\xc0\x01", 4, false},
                 {"\xc2\x01\xc0\x01", 4, false},
                 {"", 0, false},
                 {"\xc0", 1, false},
                 {"\xd5\x01\xd3\xd2\x90"
                  "\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                  "\x08",
                  22, false}, /* no time; the list then ends early */
                 {"\xd7\x01\xd5\xd4\x90"
                  "\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                  "\x08\x05\x06",
                  24, false},
                 {"\xd6\x01\xd4\xd3\x90"
                  "\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                  "\x08\x05",
                  23, true},
                 {"\xd6\x01\xd4\xd3\x90"
                  "\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
                  "\x08\x05",
                  23, false}, /* bits beyond the prefix */
                 {"\xd7\x01\xd5\xd4\x90"
                  "\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                  "\x81\x81\x05",
                  24, false}, /* /129 */
                 {"\xd7\x01\xd5\xd4\x90"
                  "\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                  "\x81\x80\x05",
                  24, true}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        posw_bans *b = start();
        if ((posw_bans_decode(b, posw_bytes_of(cases[i].bytes, cases[i].size)) == POSW_OK) != cases[i].good)
            fail_msg("case %zu", i);
        posw_bans_free(b);
    }
    /* twice the same, and descending */
    posw_bans *b = start();
    const posw_subnet s = subnet("1.2.3.4"), t = subnet("1.2.3.5");
    assert_int_equal(posw_bans_add(b, &s, NOW + 1, NOW), POSW_OK);
    assert_int_equal(posw_bans_add(b, &t, NOW + 1, NOW), POSW_OK);
    posw_buf kept = {0};
    posw_bans_encode(&kept, b);
    posw_bans_free(b);
    for (uint8_t last = 4; last <= 5; last++) {
        uint8_t *second = memchr(kept.data, 5, kept.size); /* of 1.2.3.5 */
        assert_non_null(second);
        *second = last == 4 ? 4 : 3;
        b = start();
        assert_int_equal(posw_bans_decode(b, posw_buf_view(&kept)), POSW_EPARSE);
        posw_bans_free(b);
        *second = 5;
    }
    posw_buf_clear(&kept);
}

static void test_discouraged(void **state) {
    (void)state;
    posw_bans *b = start();
    const posw_netaddr x = at("1.2.3.4:5"), x_port = at("1.2.3.4:6"), y = at("1.2.3.5:5"),
                       v6 = at("[2001:db8:1:2::1]:5"), v6_64 = at("[2001:db8:1:2:ffff::]:5"),
                       v6_other = at("[2001:db8:1:3::1]:5"), local = at("127.0.0.1:5");
    assert_false(posw_bans_is_discouraged(b, &x, NOW));
    posw_bans_discourage(b, &x, NOW);
    posw_bans_discourage(b, &v6, NOW);
    posw_bans_discourage(b, &local, NOW);
    assert_true(posw_bans_is_discouraged(b, &x, NOW) && posw_bans_is_discouraged(b, &x_port, NOW) &&
                !posw_bans_is_discouraged(b, &y, NOW));
    assert_true(posw_bans_is_discouraged(b, &v6, NOW) && posw_bans_is_discouraged(b, &v6_64, NOW) &&
                !posw_bans_is_discouraged(b, &v6_other, NOW));
    assert_false(posw_bans_is_discouraged(b, &local, NOW));
    /* behind a translator all of IPv4 lies in one /64 */
    const posw_netaddr translated = at("[64:ff9b::5.6.7.8]:5"), another = at("[64:ff9b::5.6.7.9]:5");
    posw_bans_discourage(b, &translated, NOW);
    assert_true(posw_bans_is_discouraged(b, &translated, NOW) && !posw_bans_is_discouraged(b, &another, NOW));
    assert_true(posw_bans_is_discouraged(b, &x, NOW + 86399) && !posw_bans_is_discouraged(b, &x, NOW + 86400));
    posw_bans_discourage(b, &x, NOW + 86000); /* again: longer */
    assert_true(posw_bans_is_discouraged(b, &x, NOW + 2 * 86000));
    assert_false(posw_bans_has(b, &x, NOW));
    /* the 10,000 latest are remembered */
    posw_netaddr many = at("20.0.0.0:1");
    for (unsigned i = 0; i < POSW_DISCOURAGED_MAX; i++) {
        many.ip[14] = (uint8_t)(i >> 8);
        many.ip[15] = (uint8_t)i;
        posw_bans_discourage(b, &many, NOW);
    }
    assert_false(posw_bans_is_discouraged(b, &v6, NOW)); /* the oldest is forgotten */
    many.ip[14] = many.ip[15] = 0;
    assert_true(posw_bans_is_discouraged(b, &many, NOW));
    posw_bans_discourage(b, &y, NOW);
    assert_true(posw_bans_is_discouraged(b, &y, NOW) && !posw_bans_is_discouraged(b, &many, NOW));
    posw_bans_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subnets), cmocka_unit_test(test_bans),        cmocka_unit_test(test_ban_limit),
        cmocka_unit_test(test_damage),  cmocka_unit_test(test_discouraged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
