/* The system's form of network addresses. */
#ifndef POSW_IO_SOCKADDR_H
#define POSW_IO_SOCKADDR_H

#include "base/netaddr.h"

#include <sys/socket.h>

/* False, and all zero: it is neither IPv4 nor IPv6. */
bool posw_sockaddr_read(posw_netaddr *out, const struct sockaddr *s);
/* IPv4 as such, not inside IPv6. */
void posw_sockaddr_write(struct sockaddr_storage *out, const posw_netaddr *a);

#endif
