/* Who may ask the RPC door: Host, Origin and content type of a request. */
#include "io/server_internal.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static bool in_list(const char *const *list, const char *text, size_t size) {
    for (; list != NULL && *list != NULL; list++)
        if (strcmp(*list, "*") == 0 || (strlen(*list) == size && strncasecmp(*list, text, size) == 0)) return true;
    return false;
}

/* "name:port" or "[v6]:port" without its port. */
static size_t host_size(const char *host) {
    if (host[0] == '[') {
        const char *end = strchr(host, ']');
        return end == NULL ? strlen(host) : (size_t)(end - host) + 1;
    }
    const char *colon = strchr(host, ':');
    return colon == NULL ? strlen(host) : (size_t)(colon - host);
}

/* No name server had a say in it, so nobody can have made a name point here. */
static bool is_numeric(const char *host, size_t size) {
    char text[INET6_ADDRSTRLEN];
    struct in6_addr v6;
    struct in_addr v4;
    bool bracketed = size >= 2 && host[0] == '[' && host[size - 1] == ']';
    if (bracketed) host++, size -= 2;
    if (size == 0 || size >= sizeof text) return false;
    memcpy(text, host, size);
    text[size] = '\0';
    return bracketed ? inet_pton(AF_INET6, text, &v6) == 1 : inet_pton(AF_INET, text, &v4) == 1;
}

bool http_host_allowed(const conn *c) {
    static const char *const loopback[] = {"localhost", NULL};
    const char *host = c->headers[HEADER_HOST];
    size_t size = host_size(host);
    return in_list(loopback, host, size) || is_numeric(host, size) || in_list(c->server->o.hosts, host, size);
}

/* A page of this very door, if it has pages: its Host has been found to be allowed. */
static bool is_own_origin(const conn *c) {
    static const char *const schemes[] = {"http://", "https://"}; /* the latter: behind a proxy */
    const char *origin = c->headers[HEADER_ORIGIN], *host = c->headers[HEADER_HOST];
    if (c->server->o.pages == NULL || host[0] == '\0') return false;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(schemes); i++) {
        const size_t size = strlen(schemes[i]);
        if (strncmp(origin, schemes[i], size) == 0 && strcasecmp(origin + size, host) == 0) return true;
    }
    return false;
}

bool http_origin_allowed(const conn *c) {
    const char *origin = c->headers[HEADER_ORIGIN];
    return origin[0] == '\0' || is_own_origin(c) || in_list(c->server->o.cors_origins, origin, strlen(origin));
}

bool http_is_json(const conn *c) {
    static const char json[] = "application/json";
    const char *type = c->headers[HEADER_CONTENT_TYPE];
    if (strncasecmp(type, json, sizeof json - 1) != 0) return false;
    return strchr("; \t", type[sizeof json - 1]) != NULL; /* its end (NUL counts as found), or parameters */
}
