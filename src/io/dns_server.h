/* The name server of a seeder: UDP, one zone, answers with addresses of nodes that it is given. Nothing is asked
 * onwards.
 *
 * Limits: answers a second to one source (a /24 of IPv4, a /56 of IPv6: sources of UDP can be forged, so that is a
 * bound of what one victim gets) and to all; what is above is dropped in silence. No memory grows with questions. */
#ifndef POSW_IO_DNS_SERVER_H
#define POSW_IO_DNS_SERVER_H

#include "base/error.h"
#include "base/log.h"
#include "io/dns_codec.h"

#include <uv.h>

typedef struct {
    posw_dns_name zone;
    posw_netaddr listen; /* a port of 0: any free one */
    unsigned per_s;      /* answers to one source, on average, twice as many at once; 0: 10 */
    unsigned all_per_s;  /* to all; 0: 500 */
    const posw_log *log; /* borrowed */
    /* Fills in addresses of nodes of one family, the best known ones, another choice each time; returns how many. Asked
     * once a second at most. */
    size_t (*addresses)(void *arg, posw_netaddr *out, size_t max, bool ipv6);
    void *arg;
} posw_dns_server_options;

typedef struct posw_dns_server posw_dns_server;
/* POSW_EBUSY, POSW_EINVAL, POSW_EAUTH (a port below 1024), POSW_ENOMEM or POSW_EIO with a sentence. */
int posw_dns_server_start(posw_dns_server **out, uv_loop_t *loop, const posw_dns_server_options *o, posw_message *msg);
uint16_t posw_dns_server_port(const posw_dns_server *s);

typedef struct {
    uint64_t answered, dropped, malformed;
} posw_dns_counters;
posw_dns_counters posw_dns_server_read_counters(const posw_dns_server *s);

/* The loop must run until it is idle, then posw_dns_server_free. */
void posw_dns_server_stop(posw_dns_server *s);
bool posw_dns_server_is_idle(const posw_dns_server *s);
void posw_dns_server_free(posw_dns_server *s); /* NULL allowed */

#endif
