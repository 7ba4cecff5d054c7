/* What every door on TCP does in the same way. */
#ifndef POSW_IO_TCP_H
#define POSW_IO_TCP_H

#include "base/error.h"
#include "base/netaddr.h"

#include <uv.h>

/* Binds an initialised handle to a numeric address and listens. *bound (may be NULL): the port that it has. option:
 * that chooses the port, for the sentence ("--port"). POSW_EBUSY (port in use), POSW_EINVAL (host) or POSW_EIO with a
 * sentence. */
int posw_tcp_listen(uv_tcp_t *tcp, const char *host, uint16_t port, const char *option, uv_connection_cb accept,
                    uint16_t *bound, posw_message *msg);
/* Who is at the other end; all zero: not known. */
posw_netaddr posw_tcp_peer(const uv_tcp_t *tcp);

#endif
