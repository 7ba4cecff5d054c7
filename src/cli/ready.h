/* What a node says when it is ready. */
#ifndef POSW_CLI_READY_H
#define POSW_CLI_READY_H

#include "cli/stack.h"

typedef struct {
    const cli *c;
    cli_stack *stack;
    const char *host;
    const posw_p2p *p2p;      /* NULL: no network */
    const char *stratum_host; /* where miners are heard; read only if there is a port for them */
    char fingerprint[65];     /* of the certificate that they are shown in TLS; "": none */
} cli_ready;

/* "scheme://host:port", with brackets around an IPv6 host. */
enum { CLI_URL_SIZE = 128 };
void cli_url(char out[CLI_URL_SIZE], const char *scheme, const char *host, uint16_t port);
/* One JSON line on stdout: {"ready":true,"rpc":…,"ws":…,"dashboard":…,"chainId":…,"genesis":…,"pid":…} */
int cli_ready_json(const cli_ready *r, const posw_runner_ports *ports);
/* Where a browser on this machine finds the dashboard. */
void cli_ready_dashboard(char out[CLI_URL_SIZE], const char *host, uint16_t port);
/* A posw_runner_options.ready function; arg is a cli_ready. */
int cli_ready_node(void *arg, const posw_runner_ports *ports);

#endif
