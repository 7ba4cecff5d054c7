/* The peer-to-peer network of a node's command: its options, its key and address files, and the object itself. */
#ifndef POSW_CLI_NETWORK_H
#define POSW_CLI_NETWORK_H

#include "cli/stack.h"
#include "io/identity.h"
#include "p2p/p2p.h"

/* Options of a node with a network. */
#define CLI_NETWORK_OPTIONS                                                                                     \
    {"listen", "ADDRESS", "::", "address on which peers are heard; 'none': only dial"},                         \
        {"p2p-port", "N", "30301", "TCP port for peers; 0 takes a free one"},                                   \
        {"external", "ADDRESS", NULL, "address (with :PORT if it differs) under which others reach this node"}, \
        {"addnode", "NODES", NULL,                                                                              \
         "nodes to stay connected to, separated by commas: posw://ID@HOST:PORT or HOST:PORT"},                  \
        {"connect", "NODES", NULL, "connect to these nodes and dial no others"},                                \
        {"bootnodes", "NODES", NULL, "nodes to ask when no other is known"},                                    \
        {"dns-seeds", "NAMES", NULL, "names that resolve to nodes, separated by commas"},                       \
        {"max-peers", "N", "114", "connections that others may make to this node"},                             \
        {"outbound-peers", "N", "8", "connections that this node makes"},                                       \
        {"handshakes", "N", "100", "handshakes a second for all who knock (0.3 ms of a core each)"},            \
        {"no-port-mapping", NULL, NULL, "do not ask the router to let others in (PCP, NAT-PMP)"},               \
        {"private-network", NULL, NULL, "take and tell addresses of private networks, too"},                    \
        {"mine-alone", NULL, NULL, "mine also with no peer connected (the first node of a chain)"},             \
        {"seeder", NULL, NULL, "tell addresses to all who ask, and close"}, {                                   \
        "no-network", NULL, NULL, "run without peers"                                                           \
    }

typedef struct {
    const cli *c;
    cli_stack *stack;
    const char *datadir;
    bool enabled;
    posw_identity *identity;
    posw_p2p *p2p;
    posw_p2p_options options;
    posw_buf kept;                    /* peers.dat of the last run */
    posw_node_url *named, *bootnodes; /* owned */
    const char **dns_seeds;           /* owned */
    char *key_path, *peers_path;      /* owned */
} cli_network;

/* datadir NULL: key and addresses are kept in memory. Reads the options and opens the key; fills the runner's network
 * part (begin, end and their argument with it: `ready` gets the same). CLI_OK or an exit code after its sentence. Clear
 * it after the run, whatever came of it. */
int cli_network_open(cli_network *n, const cli *c, cli_stack *s, const char *datadir, posw_runner_options *ro);
/* The same for a command without these options: a node on the loopback that listens at this port (0: any) and dials
 * none but those that its caller names, or admin_addPeer. */
int cli_network_open_loopback(cli_network *n, const cli *c, cli_stack *s, const char *datadir, uint16_t port,
                              posw_runner_options *ro);
/* The options dns-zone and dns-listen, for commands that have them; after cli_network_open. */
int cli_network_dns(const cli_network *n, posw_runner_options *ro);
/* posw_runner_options.begin, .end, .seeds and .mapped with a cli_network; mapped after cli_network_open only. */
void cli_network_begin(cli_network *n, const posw_runner_ports *ports, posw_actions *out);
void cli_network_end(cli_network *n, posw_actions *out);
size_t cli_network_seeds(cli_network *n, posw_netaddr *out, size_t max, bool ipv6);
void cli_network_mapped(cli_network *n, const posw_netaddr *external);
void cli_network_close(cli_network *n);

#endif
