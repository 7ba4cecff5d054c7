/* Host names to addresses, as the system does it, on threads of its own: a name server that does not answer may take
 * half a minute, and nobody waits for it, not even the end of the program. */
#ifndef POSW_IO_RESOLVER_H
#define POSW_IO_RESOLVER_H

#include "base/error.h"
#include "base/netaddr.h"

typedef struct posw_resolver posw_resolver;

enum {
    POSW_RESOLVER_THREADS = 4,
    POSW_RESOLVER_NAMES_MAX = 128, /* under way */
    POSW_RESOLVER_ADDRESSES_MAX = 64,
    POSW_RESOLVER_NAME_MAX = 255
};

typedef struct {
    char name[POSW_RESOLVER_NAME_MAX + 1]; /* as asked */
    uint16_t port;
    posw_netaddr addresses[POSW_RESOLVER_ADDRESSES_MAX]; /* with that port; each once */
    size_t count;
} posw_resolved;

/* wake(arg): on another thread, when there is something to take; must not call the resolver. POSW_ENOMEM. */
int posw_resolver_new(posw_resolver **out, void (*wake)(void *arg), void *arg);
/* POSW_EFULL: so many names are under way; POSW_EINVAL: too long or empty; POSW_ENOMEM. */
int posw_resolver_ask(posw_resolver *r, posw_bytes name, uint16_t port);
/* An answer, NULL: none. To be freed with free(). */
posw_resolved *posw_resolver_take(posw_resolver *r);
void posw_resolver_free(posw_resolver *r); /* NULL allowed */

#endif
