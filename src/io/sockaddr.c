#include "io/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { MAPPED = 12 }; /* what stands before an IPv4 address: ten zeros and ff ff */

bool posw_sockaddr_read(posw_netaddr *out, const struct sockaddr *s) {
    *out = (posw_netaddr){.port = 0};
    if (s->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)s;
        out->ip[MAPPED - 2] = out->ip[MAPPED - 1] = 0xff;
        memcpy(out->ip + MAPPED, &v4->sin_addr, 4);
        out->port = ntohs(v4->sin_port);
        return true;
    }
    if (s->sa_family != AF_INET6) return false;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)s;
    memcpy(out->ip, &v6->sin6_addr, 16);
    out->port = ntohs(v6->sin6_port);
    return true;
}

void posw_sockaddr_write(struct sockaddr_storage *out, const posw_netaddr *a) {
    memset(out, 0, sizeof *out);
    if (posw_netaddr_is_ipv4(a)) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(a->port);
        memcpy(&v4->sin_addr, a->ip + MAPPED, 4);
    } else {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(a->port);
        memcpy(&v6->sin6_addr, a->ip, 16);
    }
}
