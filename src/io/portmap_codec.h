/* The packets by which a home router is asked to let connections in: PCP (RFC 6887) and its elder NAT-PMP (RFC 6886).
 * Pure bytes; the socket is portmap.c's. TCP only. */
#ifndef POSW_IO_PORTMAP_CODEC_H
#define POSW_IO_PORTMAP_CODEC_H

#include "base/netaddr.h"

enum {
    POSW_PORTMAP_PORT = 5351, /* of the router, UDP */
    POSW_PORTMAP_NONCE = 12,
    POSW_PCP_MAP_SIZE = 60,
    POSW_NATPMP_MAP_SIZE = 12,
    POSW_NATPMP_ADDRESS_SIZE = 2,
    POSW_PORTMAP_ANSWER_MAX = 1100
};

/* Wanted: the port of this machine, and what others should dial (zero: any); lifetime_s 0 takes the mapping back. */
typedef struct {
    uint8_t nonce[POSW_PORTMAP_NONCE]; /* PCP: who knows it owns the mapping */
    posw_netaddr local;                /* PCP: this machine as the router sees it */
    uint16_t port;
    posw_netaddr external;
    uint32_t lifetime_s;
} posw_portmap_wish;
void posw_pcp_map_encode(uint8_t out[POSW_PCP_MAP_SIZE], const posw_portmap_wish *w);
void posw_natpmp_map_encode(uint8_t out[POSW_NATPMP_MAP_SIZE], const posw_portmap_wish *w);
void posw_natpmp_address_encode(uint8_t out[POSW_NATPMP_ADDRESS_SIZE]);

enum posw_portmap_answer_kind {
    POSW_PORTMAP_PCP_MAP,
    POSW_PORTMAP_NATPMP_MAP,     /* external.port only */
    POSW_PORTMAP_NATPMP_ADDRESS, /* external.ip only */
    POSW_PORTMAP_OTHER_VERSION,  /* the router does not speak PCP, or not this version */
};
typedef struct {
    enum posw_portmap_answer_kind kind;
    unsigned result; /* 0: good, and the rest is set; a code of the RFC (they differ) */
    uint8_t nonce[POSW_PORTMAP_NONCE];
    uint16_t port;
    posw_netaddr external;
    uint32_t lifetime_s; /* also of a PCP error: how long it will last */
} posw_portmap_answer;
/* False: not an answer. */
POSW_MUST_USE bool posw_portmap_decode(posw_portmap_answer *out, const uint8_t *data, size_t size);
/* A few words for a result code. */
const char *posw_portmap_result_text(const posw_portmap_answer *a);

/* The router of the IPv4 default route with the least metric, from the text of Linux's /proc/net/route; port 0. False:
 * there is none. */
POSW_MUST_USE bool posw_portmap_gateway(posw_netaddr *out, const char *text, size_t size);

#endif
