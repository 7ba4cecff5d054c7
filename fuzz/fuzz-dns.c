/* Questions to a seeder's name server (first byte 0), and answers (else). */
#include "fuzz.h"

#include "io/dns_codec.h"

#include <string.h>

static void check_query(const uint8_t *data, size_t size) {
    posw_dns_name zone;
    posw_dns_query q;
    posw_dns_answer a;
    posw_netaddr addresses[40];
    uint8_t out[POSW_DNS_ANSWER_MAX];
    POSW_ASSERT(posw_dns_name_parse(&zone, "seed.example.org"));
    if (!posw_dns_query_decode(&q, data, size)) return;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(addresses); i++) {
        addresses[i] = (posw_netaddr){.port = 1};
        memset(addresses[i].ip, i % 3 == 0 ? 0 : 0x20, sizeof addresses[i].ip);
        if (i % 3 == 0) addresses[i].ip[10] = addresses[i].ip[11] = 0xff;
    }
    const size_t got = posw_dns_answer_encode(out, &q, &zone, addresses, POSW_ARRAY_SIZE(addresses));
    POSW_ASSERT(got <= POSW_DNS_ANSWER_MAX && posw_dns_answer_decode(&a, out, got));
    POSW_ASSERT(a.id == q.id && a.has_opt == q.has_opt);
    const enum posw_dns_wish wish = posw_dns_query_wish(&q, &zone);
    POSW_ASSERT((a.count > 0) == (wish != POSW_DNS_WISH_NOTHING));
    for (size_t i = 0; i < a.count; i++)
        POSW_ASSERT(posw_netaddr_is_ipv4(&a.addresses[i]) == (wish == POSW_DNS_WISH_IPV4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_dns_answer a;
    if (size == 0) return 0;
    if (data[0] == 0)
        check_query(data + 1, size - 1);
    else if (posw_dns_answer_decode(&a, data + 1, size - 1))
        POSW_ASSERT(a.count <= POSW_DNS_ADDRESSES_MAX);
    return 0;
}
