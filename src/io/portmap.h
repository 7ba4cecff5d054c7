/* Asks the router of a home network to let peers in: a mapping of its port to ours, by PCP, or by NAT-PMP where it
 * speaks only that. Renewed at half of its lifetime for as long as the node runs, and taken back at its end. A router
 * that does not answer, or refuses, is asked again now and then; the node works without it. */
#ifndef POSW_IO_PORTMAP_H
#define POSW_IO_PORTMAP_H

#include "base/error.h"
#include "base/log.h"
#include "base/netaddr.h"

#include <uv.h>

typedef struct posw_portmap posw_portmap;

/* Zero members get their default. */
typedef struct {
    uint16_t port;           /* of this machine, TCP */
    posw_netaddr gateway;    /* zero: that of the default route; its port 0: 5351 */
    const char *routes_path; /* /proc/net/route */
    uint32_t lifetime_s;     /* that is asked for; 3,600 */
    unsigned first_wait_ms;  /* for an answer; doubled for each of four tries; 500 */
    unsigned pause_s;        /* before a router that did not answer is asked again; 900 */
    const posw_log *log;
    /* What others dial, when it is known or has changed; all zero: nothing any more. */
    void (*mapped)(void *arg, const posw_netaddr *external);
    void *arg;
} posw_portmap_options;

/* POSW_ENOMEM, or POSW_EIO: no socket. */
int posw_portmap_start(posw_portmap **out, uv_loop_t *loop, const posw_portmap_options *o);
/* Takes the mapping back (one packet, no waiting) and closes: the loop must run until posw_portmap_is_idle. */
void posw_portmap_stop(posw_portmap *m);
bool posw_portmap_is_idle(const posw_portmap *m);
void posw_portmap_free(posw_portmap *m); /* NULL allowed */

#endif
