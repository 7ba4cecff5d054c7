/* The network's part of the runner: connections to peers, jobs on other threads, host names, and the file of known
 * peers. */
#include "io/runner_internal.h"

#include "io/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PEERS_INBOUND = 114,      /* that stay, where the options do not say */
    PEERS_INBOUND_MORE = 142, /* that shake hands, are to be evicted, or take leave */
    PEERS_OUTBOUND = 64,
    JOBS_TURN = 8, /* so many jobs that are done are taken up before other events have their turn */
    LAST_WORDS_MS = 300
};

static void on_mapped(void *arg, const posw_netaddr *external) {
    runner *r = arg;
    if (r->o->mapped != NULL && r->begun && !r->stopping) r->o->mapped(r->o->arg, external);
}

static void on_peer(void *arg, posw_event *e) {
    runner *r = arg;
    if (!runner_signal_came(r)) runner_step(r, e);
}

/* ---- Jobs and names: what other threads have done ---- */

/* On another thread. */
static void wake(void *arg) {
    runner *r = arg;
    (void)uv_async_send(&r->network_async);
}

static void take_jobs(runner *r) {
    posw_job *job = NULL;
    for (int i = 0; i < JOBS_TURN && !runner_signal_came(r) && (job = posw_workers_take(r->workers)) != NULL; i++) {
        posw_event e = {.type = POSW_EVENT_JOB_DONE, .job = job};
        runner_step(r, &e);
    }
    if (job != NULL) wake(r); /* there may be more */
}

static void tell_resolved(runner *r, const posw_resolved *name) {
    posw_event e = {.type = POSW_EVENT_RESOLVED,
                    .data = posw_bytes_of(name->name, strlen(name->name)),
                    .addresses = name->addresses,
                    .address_count = name->count};
    runner_step(r, &e);
}

static void on_network_async(uv_async_t *async) {
    runner *r = async->data;
    posw_resolved *name;
    take_jobs(r);
    while (!r->stopping && r->resolver != NULL && (name = posw_resolver_take(r->resolver)) != NULL) {
        tell_resolved(r, name);
        free(name);
    }
}

/* ---- Actions ---- */

static void resolve(runner *r, const posw_action *a) {
    const size_t size = a->data.size > 0 && a->data.data[a->data.size - 1] == '\0' ? a->data.size - 1 : a->data.size;
    int err = posw_resolver_ask(r->resolver, posw_bytes_of(a->data.data, size), a->address.port);
    if (err != POSW_OK)
        posw_log_write(r->log, POSW_LOG_WARN, "peers", "the address of %.*s cannot be asked for: %s", (int)size,
                       (const char *)a->data.data, posw_error_text(err));
}

static void save_peers(runner *r, const posw_buf *data) {
    posw_message msg = {""};
    if (r->o->peers_path == NULL || data->failed) return;
    if (posw_file_write(r->o->peers_path, data->data, data->size, 0600, &msg) != POSW_OK)
        posw_log_write(r->log, POSW_LOG_WARN, "peers", "%s", msg.text);
}

void network_perform(runner *r, posw_action *a) {
    if (r->peers == NULL) return;
    if (a->type == POSW_ACTION_PEER_CONNECT)
        posw_peers_connect(r->peers, a->peer, &a->address, &a->node_id);
    else if (a->type == POSW_ACTION_PEER_SEND)
        posw_peers_send(r->peers, a->peer, &a->data);
    else if (a->type == POSW_ACTION_PEER_CLOSE)
        posw_peers_close(r->peers, a->peer);
    else if (a->type == POSW_ACTION_RESOLVE)
        resolve(r, a);
    else if (a->type == POSW_ACTION_SAVE_PEERS)
        save_peers(r, &a->data);
}

void jobs_perform(runner *r, posw_action *a) {
    if (r->workers == NULL || a->job == NULL) return;
    posw_workers_push(r->workers, a->job);
    a->job = NULL;
}

/* ---- Life ---- */

static unsigned inbound_max(const runner *r) {
    return (r->o->p2p_inbound != 0 ? r->o->p2p_inbound : PEERS_INBOUND) + PEERS_INBOUND_MORE;
}

unsigned network_files(const runner *r, unsigned files) {
    const unsigned wanted = r->o->identity == NULL ? 0 : inbound_max(r) + PEERS_OUTBOUND;
    return files / 2 < wanted ? files / 2 : wanted;
}

static unsigned worker_count(const runner *r) {
    if (r->o->workers != 0) return r->o->workers;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > 64 ? 64 : (unsigned)cores;
}

/* Only where somebody could come in from outside. */
static void start_portmap(runner *r) {
    posw_netaddr host;
    char text[POSW_NETADDR_TEXT];
    if (!r->o->port_mapping || r->o->p2p_host == NULL) return;
    (void)snprintf(text, sizeof text, strchr(r->o->p2p_host, ':') != NULL ? "[%s]:1" : "%s:1", r->o->p2p_host);
    if (!posw_netaddr_parse(&host, text, 0) || posw_netaddr_is_loopback(&host)) return;
    const posw_portmap_options o = {.port = posw_peers_port(r->peers), .log = r->log, .mapped = on_mapped, .arg = r};
    if (posw_portmap_start(&r->portmap, &r->loop, &o) != POSW_OK)
        posw_log_write(r->log, POSW_LOG_WARN, "peers", "the router cannot be asked to let peers in: no socket");
}

static size_t on_seeds(void *arg, posw_netaddr *out, size_t max, bool ipv6) {
    runner *r = arg;
    return r->begun && !r->stopping ? r->o->seeds(r->o->arg, out, max, ipv6) : 0;
}

static int start_dns(runner *r) {
    posw_dns_server_options o = {.listen = r->o->dns_listen, .log = r->log, .addresses = on_seeds, .arg = r};
    if (r->o->dns_zone == NULL) return POSW_OK;
    if (!posw_dns_name_parse(&o.zone, r->o->dns_zone))
        return posw_message_set(r->msg, POSW_EINVAL, "%s is not a domain name; write seed.example.org", r->o->dns_zone);
    return posw_dns_server_start(&r->dns, &r->loop, &o, r->msg);
}

static int start_peers(runner *r, unsigned files) {
    enum { GROUPS = 25, BURST_S = 4 }; /* the defaults of io/peers.h, in proportion */
    const unsigned handshakes = r->o->p2p_handshakes != 0 ? r->o->p2p_handshakes : 100;
    const unsigned inbound = files - files * PEERS_OUTBOUND / (inbound_max(r) + PEERS_OUTBOUND);
    const posw_peers_options o = {.identity = r->o->identity,
                                  .host = r->o->p2p_host,
                                  .port = r->o->p2p_port,
                                  .inbound_max = inbound,
                                  .outbound_max = files - inbound,
                                  .handshakes_per_s = (handshakes + GROUPS - 1) / GROUPS,
                                  .handshakes_burst = (handshakes + GROUPS - 1) / GROUPS * BURST_S,
                                  .handshakes_all_per_s = handshakes,
                                  .log = r->log,
                                  .event = on_peer,
                                  .arg = r};
    return posw_peers_start(&r->peers, &r->loop, &o, r->msg);
}

int jobs_start(runner *r) {
    if (uv_async_init(&r->loop, &r->network_async, on_network_async) != 0)
        return posw_message_set(r->msg, POSW_EIO,
                                "the event loop cannot be made: raise the limit of open files (ulimit -n)");
    r->network_async.data = r;
    const int err = posw_workers_new(&r->workers, worker_count(r), r->o->pow, wake, r);
    if (err == POSW_OK) return POSW_OK;
    return posw_message_set(r->msg, err, "the threads that run jobs cannot be started: %s", posw_error_text(err));
}

int network_start(runner *r, unsigned files) {
    if (r->o->identity == NULL) return POSW_OK;
    int err = posw_resolver_new(&r->resolver, wake, r);
    if (err != POSW_OK)
        return posw_message_set(r->msg, err, "the threads of the network cannot be started: %s", posw_error_text(err));
    err = start_peers(r, files);
    if (err == POSW_OK) start_portmap(r);
    return err == POSW_OK ? start_dns(r) : err;
}

static void stop_dns(runner *r) {
    if (r->dns == NULL) return;
    posw_dns_server_stop(r->dns);
    while (!posw_dns_server_is_idle(r->dns))
        (void)uv_run(&r->loop, UV_RUN_ONCE);
    posw_dns_server_free(r->dns);
    r->dns = NULL;
}

void network_stop(runner *r) {
    stop_dns(r);
    if (r->portmap != NULL) {
        posw_portmap_stop(r->portmap);
        while (!posw_portmap_is_idle(r->portmap))
            (void)uv_run(&r->loop, UV_RUN_ONCE);
        posw_portmap_free(r->portmap);
        r->portmap = NULL;
    }
    if (r->peers != NULL) {
        posw_peers_stop(r->peers, LAST_WORDS_MS);
        while (!posw_peers_is_idle(r->peers))
            (void)uv_run(&r->loop, UV_RUN_ONCE);
        posw_peers_free(r->peers);
        r->peers = NULL;
    }
    posw_workers_free(r->workers);
    posw_resolver_free(r->resolver);
    r->workers = NULL;
    r->resolver = NULL;
}
