/* What watches a node from outside reads here by GET: /health/live, /health/ready and, on a port of its own, /metrics.
 * One table gives the metrics, the page about them (posw metrics) and the heads in the answer. */
#ifndef POSW_CLI_OBSERVE_H
#define POSW_CLI_OBSERVE_H

#include "cli/network.h"
#include "cli/stack.h"
#include "node/health.h"
#include "stratum/stratum.h"

typedef struct {
    const cli_stack *stack;
    const cli_network *network; /* NULL: none */
    const posw_stratum *miners; /* NULL: miners have no door */
    const char *datadir;        /* NULL: the store is in memory */
    bool alone;                 /* mines alone, or is for development */
} cli_observe;

/* posw_runner_options.get, with a cli_observe; between steps of the node. */
bool cli_observe_get(const cli_observe *o, const char *path, bool is_metrics, const posw_runner_numbers *n,
                     posw_server_reading *out);
posw_health cli_observe_health(const cli_observe *o);
/* posw_runner_options.status: "block 7, 8 peers", or how far it has come. */
void cli_observe_status(const cli_observe *o, char *out, size_t size);

/* "[HOST:]PORT" of --metrics, HOST a numeric address and 127.0.0.1 by default, into the runner's options; host is
 * memory for it. An absent option leaves them alone. False after a usage sentence. */
POSW_MUST_USE bool cli_observe_option(const cli *c, posw_runner_options *ro, char host[CLI_HOST_SIZE]);
#define CLI_OBSERVE_OPTION                                                                               \
    {                                                                                                    \
        "metrics", "[HOST:]PORT", NULL,                                                                  \
            "also answer Prometheus at this port, of 127.0.0.1 if not said otherwise (see posw metrics)" \
    }

/* The table as a page in Markdown. */
void cli_observe_page(posw_buf *out);

#endif
