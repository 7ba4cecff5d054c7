/* The name server of a seeder: what it answers to whom, and how often. */
#include "base/buf.h"
#include "base/bytes.h"
#include "base/test.h"
#include "io/dns_server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- codec ---- */

static posw_dns_name name_of(const char *text) {
    posw_dns_name n;
    assert_true(posw_dns_name_parse(&n, text));
    return n;
}

static void put_u16(posw_buf *b, unsigned v) {
    const uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    posw_buf_append(b, bytes, sizeof bytes);
}

/* A question with the letters as they are given. */
static void question(posw_buf *b, uint16_t id, const char *labels, unsigned type, bool edns) {
    posw_buf_reset(b);
    put_u16(b, id);
    put_u16(b, 0x0100);
    put_u16(b, 1);
    put_u16(b, 0);
    put_u16(b, 0);
    put_u16(b, edns ? 1 : 0);
    for (const char *at = labels; *at != '\0';) {
        const size_t size = strcspn(at, ".");
        posw_buf_byte(b, (uint8_t)size);
        posw_buf_append(b, at, size);
        at += size + (at[size] == '.');
    }
    posw_buf_byte(b, 0);
    put_u16(b, type);
    put_u16(b, 1);
    if (!edns) return;
    posw_buf_byte(b, 0);
    put_u16(b, 41);
    put_u16(b, 1232);
    put_u16(b, 0);
    put_u16(b, 0);
    put_u16(b, 0);
}

static posw_netaddr ipv4(unsigned i) {
    return (posw_netaddr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 5, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i},
                          .port = 30301};
}

static posw_netaddr ipv6(unsigned i) {
    return (posw_netaddr){.ip = {0x20, 1, 0x48, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i}, .port = 30301};
}

static posw_dns_answer ask(const char *labels, unsigned type, bool edns, size_t addresses) {
    const posw_dns_name zone = name_of("seed.example.org");
    posw_netaddr list[100];
    posw_dns_query q;
    posw_dns_answer a;
    posw_buf b = {0};
    uint8_t out[POSW_DNS_ANSWER_MAX];
    for (unsigned i = 0; i < addresses; i++)
        list[i] = i % 2 == 0 ? ipv4(i) : ipv6(i);
    question(&b, 77, labels, type, edns);
    assert_true(posw_dns_query_decode(&q, b.data, b.size));
    const size_t size = posw_dns_answer_encode(out, &q, &zone, list, addresses);
    assert_true(size <= POSW_DNS_ANSWER_MAX && size >= b.size);
    assert_memory_equal(out + 12, b.data + 12, strlen(labels) + 2 + 4); /* the question as it came, letter by letter */
    assert_true(posw_dns_answer_decode(&a, out, size));
    assert_int_equal(a.id, 77);
    assert_int_equal(a.has_opt, edns);
    posw_buf_clear(&b);
    return a;
}

static void test_names(void **state) {
    (void)state;
    posw_dns_name n;
    static const char *const bad[] = {"", ".", "a..b", ".a", "a b", "a/b", "\x80.org"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++)
        assert_false(posw_dns_name_parse(&n, bad[i]));
    char text[400];
    memset(text, 'a', sizeof text);
    text[63] = '\0';
    assert_true(posw_dns_name_parse(&n, text));
    text[63] = 'a', text[64] = '\0';
    assert_false(posw_dns_name_parse(&n, text));
    memset(text, 'a', sizeof text);
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = '.';
    text[253] = '\0'; /* 127 labels: 255 bytes with the zero */
    assert_true(posw_dns_name_parse(&n, text));
    assert_int_equal(n.size, POSW_DNS_NAME_MAX);
    text[253] = '.', text[254] = 'a', text[255] = '\0';
    assert_false(posw_dns_name_parse(&n, text));
    const posw_dns_name a = name_of("Seed.Example.org."), b = name_of("seed.example.org");
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
}

static void test_answers(void **state) {
    (void)state;
    posw_dns_answer a = ask("SEED.example.ORG", POSW_DNS_A, false, 6);
    assert_true(a.authoritative && a.code == POSW_DNS_OK && a.count == 3 && !a.has_soa);
    assert_true(posw_netaddr_is_ipv4(&a.addresses[0]) && a.addresses[2].ip[15] == 4);
    a = ask("seed.example.org", POSW_DNS_AAAA, true, 6);
    assert_true(a.count == 3 && !posw_netaddr_is_ipv4(&a.addresses[0]) && a.addresses[2].ip[15] == 5);
    a = ask("seed.example.org", POSW_DNS_ANY, false, 6);
    assert_true(a.count == 3 && posw_netaddr_is_ipv4(&a.addresses[0]));
    a = ask("seed.example.org", POSW_DNS_A, true, 100);
    assert_int_equal(a.count, POSW_DNS_ADDRESSES_MAX); /* of 50 */
    a = ask("seed.example.org", POSW_DNS_AAAA, true, 100);
    assert_true(a.count > 10 && a.count <= POSW_DNS_ADDRESSES_MAX); /* as many as 512 bytes hold */
}

static void test_no_answers(void **state) {
    (void)state;
    posw_dns_answer a = ask("seed.example.org", POSW_DNS_A, false, 0);
    assert_true(a.code == POSW_DNS_OK && a.authoritative && a.count == 0 && a.has_soa);
    a = ask("seed.example.org", POSW_DNS_NS, false, 6);
    assert_true(a.code == POSW_DNS_OK && a.count == 0 && a.has_soa);
    a = ask("seed.example.org", POSW_DNS_SOA, false, 6);
    assert_true(a.code == POSW_DNS_OK && a.count == 0 && a.has_soa);
    a = ask("www.seed.example.org", POSW_DNS_A, true, 6);
    assert_true(a.code == POSW_DNS_NO_NAME && a.authoritative && a.has_soa);
    a = ask("example.org", POSW_DNS_A, true, 6);
    assert_true(a.code == POSW_DNS_REFUSED && !a.authoritative && !a.has_soa);
    a = ask("xseed.example.org", POSW_DNS_A, false, 6);
    assert_int_equal(a.code, POSW_DNS_REFUSED);
}

/* ---- server ---- */

static size_t give(void *arg, posw_netaddr *out, size_t max, bool is_ipv6) {
    unsigned *asked = arg;
    ++*asked;
    for (unsigned i = 0; i < 3 && i < max; i++)
        out[i] = is_ipv6 ? ipv6(i) : ipv4(i);
    return max < 3 ? max : 3;
}

static void turn(uv_loop_t *loop) {
    for (int i = 0; i < 50; i++)
        (void)uv_run(loop, UV_RUN_NOWAIT);
}

static void test_server_and_its_limit(void **state) {
    (void)state;
    uv_loop_t loop;
    posw_dns_server *s;
    posw_message msg = {""};
    posw_buf b = {0};
    unsigned asked = 0, answered = 0;
    uint8_t in[600];
    struct timeval patience = {.tv_usec = 20000};
    posw_dns_server_options o = {.zone = name_of("seed.example.org"), .per_s = 5, .addresses = give, .arg = &asked};
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_true(posw_netaddr_parse(&o.listen, "127.0.0.1:1", 0));
    o.listen.port = 0;
    assert_int_equal(posw_dns_server_start(&s, &loop, &o, &msg), POSW_OK);
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(posw_dns_server_port(s)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    const uint64_t began_ms = uv_now(&loop);
    assert_int_equal(write(fd, "abc", 3), 3); /* not a question */
    for (uint16_t i = 0; i < 40; i++) {
        posw_dns_answer a;
        question(&b, i, "seed.example.org", POSW_DNS_A, false);
        assert_int_equal(write(fd, b.data, b.size), (ssize_t)b.size);
        turn(&loop);
        const ssize_t got = recv(fd, in, sizeof in, MSG_DONTWAIT);
        if (got <= 0) continue;
        assert_true(posw_dns_answer_decode(&a, in, (size_t)got));
        assert_true(a.id == i && a.count == 3);
        answered++;
    }
    const posw_dns_counters n = posw_dns_server_read_counters(s);
    assert_true(answered >= 10 && answered < 40); /* 10 at once, 5 a second: 40 questions take no six seconds */
    assert_int_equal(n.answered, answered);
    assert_int_equal(n.answered + n.dropped, 40);
    assert_int_equal(n.malformed, 1);
    assert_in_range(asked, 1, 1 + (uv_now(&loop) - began_ms) / 1000); /* a choice lasts for a second */
    close(fd);
    posw_dns_server *second;
    o.listen.port = posw_dns_server_port(s);
    assert_int_equal(posw_dns_server_start(&second, &loop, &o, &msg), POSW_EBUSY);
    assert_non_null(strstr(msg.text, "port is in use"));
    posw_dns_server_stop(s);
    while (!posw_dns_server_is_idle(s))
        (void)uv_run(&loop, UV_RUN_ONCE);
    posw_dns_server_free(s);
    assert_int_equal(uv_loop_close(&loop), 0);
    posw_buf_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_no_answers),
        cmocka_unit_test(test_server_and_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
