#include "cli/network.h"

#include "base/bytes.h"
#include "io/file.h"

#include <stdlib.h>
#include <string.h>

enum { PEERS_FILE_MAX = 64 * 1024 * 1024 };

static char *path_in(const char *dir, const char *name) {
    posw_buf b = {0};
    posw_buf_printf(&b, "%s/%s", dir, name);
    posw_buf_byte(&b, 0);
    return (char *)b.data;
}

/* A list of nodes; *out is owned by the caller. */
static int read_nodes(const cli *c, const char *option, posw_node_url **out, size_t *count) {
    const char **list = cli_list(c, option);
    int code = CLI_OK;
    *count = 0;
    if (list == NULL) return CLI_OK;
    *out = calloc(POSW_P2P_NAMED_MAX, sizeof **out);
    if (*out == NULL) code = cli_fail("out of memory");
    for (size_t i = 0; code == CLI_OK && list[i] != NULL; i++) {
        if (*count == POSW_P2P_NAMED_MAX)
            code = cli_usage(c, "--%s takes at most %d nodes", option, POSW_P2P_NAMED_MAX);
        else if (!posw_node_url_parse(&(*out)[(*count)++], list[i], POSW_P2P_PORT))
            code =
                cli_usage(c, "--%s: %s is not a node; write posw://ID@HOST:PORT, HOST:PORT or HOST", option, list[i]);
    }
    free(list);
    return code;
}

/* port: that others dial, unless the external address names another; 0: any free one, which is not known yet. */
static int read_addresses(cli_network *n, uint16_t port) {
    const cli *c = n->c;
    const char *external = cli_text(c, "external");
    size_t extra = 0;
    posw_node_url *connect = NULL;
    int code = read_nodes(c, "addnode", &n->named, &n->options.named_count);
    if (code == CLI_OK) code = read_nodes(c, "connect", &connect, &extra);
    if (code == CLI_OK && connect != NULL) {
        if (n->named != NULL)
            code = cli_usage(c, "--connect and --addnode exclude each other: --connect dials nobody else");
        n->options.named_only = true;
        n->options.named_count = extra;
        free(n->named);
        n->named = connect;
    }
    if (code == CLI_OK) code = read_nodes(c, "bootnodes", &n->bootnodes, &n->options.bootnode_count);
    if (port == 0) port = POSW_P2P_PORT;
    if (code == CLI_OK && external != NULL && !posw_netaddr_parse(&n->options.external, external, port))
        code = cli_usage(c, "--external: %s is not a numeric address; write 1.2.3.4:30301 or [2001:db8::1]:30301",
                         external);
    n->options.named = n->named;
    n->options.bootnodes = n->bootnodes;
    n->dns_seeds = cli_list(c, "dns-seeds");
    n->options.dns_seeds = n->dns_seeds;
    return code;
}

static int read_options(cli_network *n, posw_runner_options *ro) {
    const cli *c = n->c;
    uint64_t port, inbound, outbound, handshakes;
    const char *listen = cli_text(c, "listen");
    posw_p2p_options_default(&n->options);
    if (!cli_u64(c, "p2p-port", 0, 65535, &port) || !cli_u64(c, "max-peers", 0, 1000, &inbound) ||
        !cli_u64(c, "outbound-peers", 0, 64, &outbound) || !cli_u64(c, "handshakes", 1, 100000, &handshakes))
        return CLI_USAGE;
    n->options.inbound_max = (unsigned)inbound;
    n->options.outbound_max = (unsigned)outbound;
    n->options.private_network = cli_switch(c, "private-network");
    n->options.mine_alone = cli_switch(c, "mine-alone");
    n->options.seeder = cli_switch(c, "seeder");
    ro->p2p_host = strcmp(listen, "none") == 0 ? NULL : listen;
    ro->p2p_port = (uint16_t)port;
    ro->p2p_inbound = (unsigned)inbound + 16; /* some more shake hands, or are about to go */
    ro->p2p_handshakes = (unsigned)handshakes;
    ro->port_mapping = !cli_switch(c, "no-port-mapping");
    return read_addresses(n, (uint16_t)port);
}

static int open_files(cli_network *n) {
    posw_message msg = {""};
    if (n->datadir == NULL)
        return posw_identity_new(&n->identity) == POSW_OK ? CLI_OK
                                                          : cli_fail("a node key could not be made"); /* in memory */
    n->key_path = path_in(n->datadir, "node.key");
    n->peers_path = path_in(n->datadir, "peers.dat");
    if (n->key_path == NULL || n->peers_path == NULL) return cli_fail("out of memory");
    if (posw_file_make_directories(n->datadir, 0700, &msg) != POSW_OK) return cli_fail("%s", msg.text);
    if (posw_identity_open(&n->identity, n->key_path, &msg) != POSW_OK) return cli_fail("%s", msg.text);
    const int err = posw_file_read(&n->kept, n->peers_path, PEERS_FILE_MAX, &msg);
    if (err != POSW_OK && err != POSW_ENOTFOUND) return cli_fail("%s", msg.text);
    return CLI_OK;
}

static int open_network(cli_network *n, posw_runner_options *ro) {
    const int code = open_files(n);
    if (code != CLI_OK) return code;
    n->options.log = &n->c->log;
    n->options.self = posw_identity_node_id(n->identity);
    n->options.kept = posw_buf_view(&n->kept);
    posw_random_bytes(n->options.seed, sizeof n->options.seed);
    ro->identity = n->identity;
    ro->peers_path = n->peers_path;
    return CLI_OK;
}

int cli_network_open(cli_network *n, const cli *c, cli_stack *s, const char *datadir, posw_runner_options *ro) {
    n->c = c;
    n->stack = s;
    n->datadir = datadir;
    n->enabled = !cli_switch(c, "no-network");
    if (!n->enabled) return CLI_OK;
    const int code = read_options(n, ro);
    return code == CLI_OK ? open_network(n, ro) : code;
}

int cli_network_open_loopback(cli_network *n, const cli *c, cli_stack *s, const char *datadir, uint16_t port,
                              posw_runner_options *ro) {
    n->c = c;
    n->stack = s;
    n->datadir = datadir;
    n->enabled = true;
    posw_p2p_options_default(&n->options);
    n->options.private_network = true;
    n->options.named_only = true;
    ro->p2p_host = "127.0.0.1";
    ro->p2p_port = port;
    ro->port_mapping = false;
    return open_network(n, ro);
}

void cli_network_begin(cli_network *n, const posw_runner_ports *ports, posw_actions *out) {
    if (!n->enabled) return;
    n->options.node = n->stack->node;
    n->options.listen_port = ports->p2p;
    const int err = posw_p2p_new(&n->p2p, &n->options);
    if (err != POSW_OK) {
        posw_action *a = posw_actions_push(out, POSW_ACTION_FATAL);
        if (a != NULL)
            posw_buf_printf(&a->data, "the network cannot be started: %s%s", posw_error_text(err),
                            posw_error_remedy(err));
        return;
    }
    posw_rpc_set_p2p(n->stack->rpc, n->p2p);
    posw_p2p_start(n->p2p, out);
}

int cli_network_dns(const cli_network *n, posw_runner_options *ro) {
    const cli *c = n->c;
    const char *listen = cli_text(c, "dns-listen");
    ro->dns_zone = cli_text(c, "dns-zone");
    if (ro->dns_zone != NULL && !n->options.seeder) return cli_usage(c, "--dns-zone needs --seeder");
    if (!posw_netaddr_parse(&ro->dns_listen, listen, 53))
        return cli_usage(c, "--dns-listen: %s is not a numeric address; write 0.0.0.0:53 or [::]:53", listen);
    return CLI_OK;
}

size_t cli_network_seeds(cli_network *n, posw_netaddr *out, size_t max, bool ipv6) {
    return n->p2p == NULL ? 0 : posw_p2p_seed_addresses(n->p2p, out, max, ipv6);
}

/* The operator's own word on the address counts more. */
void cli_network_mapped(cli_network *n, const posw_netaddr *external) {
    if (n->p2p != NULL && cli_text(n->c, "external") == NULL) posw_p2p_set_external(n->p2p, external);
}

void cli_network_end(cli_network *n, posw_actions *out) {
    if (n->p2p != NULL) posw_p2p_stop(n->p2p, out);
}

void cli_network_close(cli_network *n) {
    if (n->stack != NULL && n->stack->rpc != NULL) posw_rpc_set_p2p(n->stack->rpc, NULL);
    posw_p2p_free(n->p2p);
    posw_identity_free(n->identity);
    posw_wipe(n->options.seed, sizeof n->options.seed);
    posw_buf_clear(&n->kept);
    free(n->named);
    free(n->bootnodes);
    free(n->dns_seeds);
    free(n->key_path);
    free(n->peers_path);
    memset(n, 0, sizeof *n);
}
