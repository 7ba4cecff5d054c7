#include "io/resolver.h"

#include "io/pool.h"
#include "io/sockaddr.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

struct posw_resolver {
    posw_pool *pool;
};

static void add(posw_resolved *r, const struct sockaddr *s) {
    posw_netaddr a;
    if (!posw_sockaddr_read(&a, s)) return;
    a.port = r->port;
    for (size_t i = 0; i < r->count; i++)
        if (posw_netaddr_equal(&r->addresses[i], &a)) return;
    if (r->count < POSW_RESOLVER_ADDRESSES_MAX) r->addresses[r->count++] = a;
}

static void run(void *task, void **local, const atomic_bool *ending) {
    (void)local, (void)ending;
    posw_resolved *r = task;
    struct addrinfo *list = NULL;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(r->name, NULL, &hints, &list) != 0) return;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next)
        add(r, a->ai_addr);
    freeaddrinfo(list);
}

int posw_resolver_new(posw_resolver **out, void (*wake)(void *arg), void *arg) {
    posw_resolver *r = calloc(1, sizeof *r);
    if (r == NULL) return POSW_ENOMEM;
    const posw_pool_options o = {.threads_max = POSW_RESOLVER_THREADS,
                                 .tasks_max = POSW_RESOLVER_NAMES_MAX,
                                 .run = run,
                                 .drop = free,
                                 .wake = wake,
                                 .arg = arg};
    int err = posw_pool_new(&r->pool, &o);
    if (err != POSW_OK) {
        free(r);
        return err;
    }
    *out = r;
    return POSW_OK;
}

int posw_resolver_ask(posw_resolver *r, posw_bytes name, uint16_t port) {
    if (name.size == 0 || name.size > POSW_RESOLVER_NAME_MAX || memchr(name.data, 0, name.size) != NULL)
        return POSW_EINVAL;
    posw_resolved *task = calloc(1, sizeof *task);
    if (task == NULL) return POSW_ENOMEM;
    memcpy(task->name, name.data, name.size);
    task->port = port;
    if (posw_pool_push(r->pool, task)) return POSW_OK;
    free(task);
    return POSW_EFULL;
}

posw_resolved *posw_resolver_take(posw_resolver *r) {
    return posw_pool_take(r->pool);
}

void posw_resolver_free(posw_resolver *r) {
    if (r == NULL) return;
    (void)posw_pool_free(r->pool);
    free(r);
}
