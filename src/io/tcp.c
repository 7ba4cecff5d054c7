#include "io/tcp.h"

#include "io/sockaddr.h"

#include <string.h>

enum { BACKLOG = 511 };

static uint16_t port_of(const uv_tcp_t *tcp) {
    struct sockaddr_storage address;
    int size = sizeof address;
    posw_netaddr own;
    if (uv_tcp_getsockname(tcp, (struct sockaddr *)&address, &size) != 0) return 0;
    return posw_sockaddr_read(&own, (struct sockaddr *)&address) ? own.port : 0;
}

int posw_tcp_listen(uv_tcp_t *tcp, const char *host, uint16_t port, const char *option, uv_connection_cb accept,
                    uint16_t *bound, posw_message *msg) {
    struct sockaddr_storage address;
    memset(&address, 0, sizeof address);
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&address) != 0 &&
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address) != 0)
        return posw_message_set(msg, POSW_EINVAL,
                                "'%s' is not a numeric IP address to listen on; use for example 127.0.0.1", host);
    int err = uv_tcp_bind(tcp, (struct sockaddr *)&address, 0);
    if (err == 0) err = uv_listen((uv_stream_t *)tcp, BACKLOG, accept);
    if (err == UV_EADDRINUSE)
        return posw_message_set(msg, POSW_EBUSY,
                                "port %u of %s is in use by another program; stop that or choose another port with %s",
                                port, host, option);
    if (err == UV_EACCES)
        return posw_message_set(msg, POSW_EIO,
                                "no permission to listen on port %u of %s; choose a port above 1023 with %s", port,
                                host, option);
    if (err != 0)
        return posw_message_set(msg, POSW_EIO, "cannot listen on %s port %u: %s", host, port, uv_strerror(err));
    if (bound != NULL) *bound = port_of(tcp);
    return POSW_OK;
}

posw_netaddr posw_tcp_peer(const uv_tcp_t *tcp) {
    struct sockaddr_storage peer;
    int size = sizeof peer;
    posw_netaddr a = {.port = 0};
    if (uv_tcp_getpeername(tcp, (struct sockaddr *)&peer, &size) == 0)
        (void)posw_sockaddr_read(&a, (struct sockaddr *)&peer);
    return a;
}
