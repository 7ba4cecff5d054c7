/* Runs a node on the real world: a libuv loop with the RPC server, the transport to peers, the searching threads and
 * those that run jobs, the mempool journal and signals around posw_node_step. */
#ifndef POSW_IO_RUNNER_H
#define POSW_IO_RUNNER_H

#include "base/error.h"
#include "base/metrics.h"
#include "base/netaddr.h"
#include "io/server.h"
#include "node/node.h"

/* Where it listens; 0: nowhere. */
typedef struct {
    uint16_t rpc, p2p, stratum, metrics;
} posw_runner_ports;

/* What the loop has counted. */
typedef struct {
    posw_server_counters rpc; /* all zero: none */
    posw_histogram proofs_us; /* io/workers.h */
} posw_runner_numbers;

typedef struct {
    /* RPC server; host NULL: none */
    const char *rpc_host; /* default 127.0.0.1; refused if not loopback unless rpc_public */
    uint16_t rpc_port;    /* 0: any free port */
    bool rpc_public;
    const char *const
        *rpc_hosts; /* Host headers allowed beside loopback names and addresses, NULL-terminated; "*": all */
    const char *const *cors_origins;             /* allowed browser origins, NULL-terminated; "*": all; NULL: none */
    const struct posw_pages *pages;              /* io/pages.h: shown beside the RPC; NULL: none. Borrowed */
    size_t body_bytes_max;                       /* default 5 MiB */
    unsigned connections_max;                    /* default 512 */
    unsigned requests_per_s;                     /* per client address, 0: unlimited */
    unsigned (*count_requests)(posw_bytes body); /* posw_server_options.count */
    /* What can be read by GET, between steps: from the RPC's port (is_metrics false) and from a port of its own, where
     * nothing else is answered. See posw_server_options.get. NULL: nothing. */
    bool (*get)(void *arg, const char *path, bool is_metrics, const posw_runner_numbers *n, posw_server_reading *out);
    const char *metrics_host; /* numeric address; NULL: no port for metrics */
    uint16_t metrics_port;    /* 0: any free port */
    /* mining */
    unsigned threads; /* searching threads; 0: none */
    const posw_pow *pow;
    /* outside miners (src/stratum); host NULL: no door for them */
    const char *stratum_host;                     /* numeric address */
    uint16_t stratum_port;                        /* 0: any free port */
    unsigned stratum_connections;                 /* that the service takes */
    const struct posw_identity *stratum_identity; /* TLS is heard there, too, with its certificate; NULL: not. Borrowed
                                                   */
    /* files */
    const char *journal_path; /* NULL: the mempool is not kept */
    /* network */
    const struct posw_identity *identity; /* io/identity.h; NULL: no network. Borrowed */
    const char *p2p_host; /* numeric address to listen on, "::": all of IPv6 and IPv4; NULL: it only dials */
    uint16_t p2p_port;    /* 0: any free port */
    unsigned p2p_inbound; /* inbound peers that the network keeps; others may knock beside them; 0: 114 */
    unsigned
        p2p_handshakes; /* a second that all who knock may have together; 0: 100. One part of the network has a 25th */
    const char *peers_path; /* where SAVE_PEERS goes; NULL: nowhere */
    unsigned workers;       /* threads that run jobs; 0: as many as the machine has cores */
    bool port_mapping; /* ask the router to let peers in (io/portmap.h), unless it listens on the loopback; default true
                        */
    /* A seeder's name server (io/dns_server.h); dns_zone NULL: none. It answers with what `seeds` gives. */
    const char *dns_zone;
    posw_netaddr dns_listen;
    size_t (*seeds)(void *arg, posw_netaddr *out, size_t max, bool ipv6);
    /* All on the node's thread, outside of its steps; NULL: not called. */
    /* Everything listens and the node has had its first TICK: services begin. */
    void (*begin)(void *arg, const posw_runner_ports *ports, posw_actions *out);
    /* The program is to stop: last words to peers, and what is to be kept. Called if begin was. */
    void (*end)(void *arg, posw_actions *out);
    /* The router lets peers in at this address now; all zero: no more. */
    void (*mapped)(void *arg, const posw_netaddr *external);
    /* Every rest_ms, between steps: for what a long-running program does now and then. */
    void (*rest)(void *arg);
    uint64_t rest_ms;
    /* SIGHUP: reopen the log. NULL: that signal ends the program, as it does by default, unless a service manager
     * listens (NOTIFY_SOCKET). May be called within a step. */
    void (*reload)(void *arg);
    /* A line on how the node does, for the service manager, NUL-terminated; between steps. */
    void (*status)(void *arg, char *out, size_t size);
    /* Once, after begin; a non-zero result stops. */
    int (*ready)(void *arg, const posw_runner_ports *ports);
    void *arg;
} posw_runner_options;
void posw_runner_options_default(posw_runner_options *o);

/* Runs until SIGINT or SIGTERM (POSW_OK) or a fatal error (its code, sentence in msg). Stops within a second: searching
 * threads end, clients are closed, the journal is written. A port in use: POSW_EBUSY with a sentence that names the
 * port and a remedy. From its end on the program ignores SIGINT and SIGTERM: the caller closes its store and ends, with
 * the exit code of its choice. */
int posw_runner_run(posw_node *node, const posw_runner_options *o, const posw_log *log, posw_message *msg);

/* A clock that only goes on, in microseconds; begins anywhere. */
uint64_t posw_clock_stopwatch_us(void);
/* unix time in ms; bytes from the system's generator (aborts if it fails); 0600 log sink to stderr with RFC 3339 times.
 */
uint64_t posw_clock_now_ms(void);
void posw_random_bytes(void *out, size_t size);

/* The engines: keccak256, argon2id (libsodium), randomx (where built; NULL otherwise). With a self-test against a known
 * answer at first use (false: broken library). */
const posw_pow *posw_pow_engine(enum posw_pow_algorithm algorithm, posw_message *msg);

#endif
