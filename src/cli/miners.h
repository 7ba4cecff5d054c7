/* The miners' door of a node's command: its options, the keys that may sign, and the service itself. */
#ifndef POSW_CLI_MINERS_H
#define POSW_CLI_MINERS_H

#include "cli/stack.h"
#include "io/identity.h"
#include "stratum/stratum.h"

/* Options that every command with such a door has. */
#define CLI_MINERS_OPTIONS                                                                                       \
    {"stratum", "[HOST:]PORT", NULL,                                                                             \
     "let miners such as xmrig and posw miner mine through this port (HOST: 127.0.0.1)"},                        \
        {"stratum-tls", NULL, NULL, "miners may also come with TLS; prints the fingerprint of the certificate"}, \
        {"stratum-addresses", "N", "16", "different addresses that miners may be logged in with at once"}, {     \
        "stratum-connections", "N", "1024", "connections of miners"                                              \
    }

typedef struct {
    posw_stratum_key keys[POSW_STRATUM_KEYS_MAX];
    size_t key_count;
    posw_stratum *stratum;   /* NULL: no door */
    posw_identity *identity; /* of a node without a network that offers TLS; else NULL */
    char host[CLI_HOST_SIZE];
} cli_miners;

/* One more key; the latest of too many is left out. False: there were. The caller wipes its own. */
bool cli_miners_add_key(cli_miners *m, const posw_address *address, const uint8_t secret[32]);
/* With --stratum: makes the service on the node and fills the runner's part; port_step is added to a port that is not
 * 0. CLI_OK or an exit code after its sentence. Close it after the run, before the node, whatever came of it. */
int cli_miners_open(cli_miners *m, const cli *c, cli_stack *s, uint64_t port_step, posw_runner_options *ro);
/* With --stratum-tls: has the runner hear TLS, too, and writes the certificate's fingerprint in hex. The key is that of
 * the network (ro->identity) if there is one, else node.key of datadir, which a network would use as well, and without
 * a datadir (NULL) a new one. After cli_miners_open, and cli_network_open where there is a network. */
int cli_miners_offer_tls(cli_miners *m, const cli *c, const char *datadir, posw_runner_options *ro,
                         char fingerprint[2 * POSW_FINGERPRINT_SIZE + 1]);
void cli_miners_close(cli_miners *m); /* wipes the keys */

#endif
