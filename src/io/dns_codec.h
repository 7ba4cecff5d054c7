/* DNS messages (RFC 1035, 3596, 6891) as a server needs them that knows the addresses of one name: the question in, the
 * answer out. Pure bytes; the socket is dns_server.c's.
 *
 * An answer is never larger than 512 bytes, so that it is never cut and gains an attacker little who asks under
 * another's address. */
#ifndef POSW_IO_DNS_CODEC_H
#define POSW_IO_DNS_CODEC_H

#include "base/netaddr.h"

enum {
    POSW_DNS_NAME_MAX = 255,   /* bytes of a name in a message, with its final zero */
    POSW_DNS_ANSWER_MAX = 512, /* bytes */
    POSW_DNS_ADDRESSES_MAX = 24,
    POSW_DNS_TTL_S = 60
};

/* A name as in messages: each label after its length, in lower case, and a zero. */
typedef struct {
    uint8_t bytes[POSW_DNS_NAME_MAX];
    size_t size;
} posw_dns_name;
/* "seed.example.org", with or without a final dot. False: empty, a label that is empty or longer than 63, too long, or
 * a character other than letters, digits, - and _. */
POSW_MUST_USE bool posw_dns_name_parse(posw_dns_name *out, const char *text);

enum posw_dns_type {
    POSW_DNS_A = 1,
    POSW_DNS_NS = 2,
    POSW_DNS_SOA = 6,
    POSW_DNS_AAAA = 28,
    POSW_DNS_ANY = 255, /* answered as A (RFC 8482 lets an answer be a part) */
};
enum posw_dns_code {
    POSW_DNS_OK = 0,
    POSW_DNS_FORMAT = 1,
    POSW_DNS_NO_NAME = 3,
    POSW_DNS_NOT_IMPLEMENTED = 4,
    POSW_DNS_REFUSED = 5,
    POSW_DNS_BAD_VERSION = 16,
};

typedef struct {
    uint16_t id;
    bool recursion; /* was desired: comes back */
    uint8_t opcode;
    bool has_opt;                            /* EDNS: the answer has it, too */
    enum posw_dns_code code;                 /* what is wrong with the question itself; OK: nothing */
    posw_dns_name name;                      /* in lower case; size 0: could not be read */
    uint8_t question[POSW_DNS_NAME_MAX + 4]; /* as it came: resolvers look for it letter by letter */
    size_t question_size;
    unsigned type, class_;
} posw_dns_query;
/* False: nothing that may be answered (no header, or an answer itself). */
POSW_MUST_USE bool posw_dns_query_decode(posw_dns_query *out, const uint8_t *data, size_t size);

/* Whether it asks for addresses of this zone: then which. */
enum posw_dns_wish { POSW_DNS_WISH_NOTHING, POSW_DNS_WISH_IPV4, POSW_DNS_WISH_IPV6 };
enum posw_dns_wish posw_dns_query_wish(const posw_dns_query *q, const posw_dns_name *zone);

/* The answer: the addresses (of the family that was wished for, the others are left out), as many as find room; or why
 * there are none, with the zone's SOA where a resolver wants one. Returns its size. */
size_t posw_dns_answer_encode(uint8_t out[POSW_DNS_ANSWER_MAX], const posw_dns_query *q, const posw_dns_name *zone,
                              const posw_netaddr *addresses, size_t count);

/* What such an answer says, for tests and diagnosis; strict. */
typedef struct {
    uint16_t id;
    enum posw_dns_code code;
    bool authoritative, has_soa, has_opt;
    posw_netaddr addresses[POSW_DNS_ADDRESSES_MAX]; /* port 0 */
    size_t count;
} posw_dns_answer;
POSW_MUST_USE bool posw_dns_answer_decode(posw_dns_answer *out, const uint8_t *data, size_t size);

#endif
