#include "cli/ready.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void cli_url(char out[CLI_URL_SIZE], const char *scheme, const char *host, uint16_t port) {
    bool v6 = strchr(host, ':') != NULL;
    snprintf(out, CLI_URL_SIZE, "%s://%s%s%s:%u", scheme, v6 ? "[" : "", host, v6 ? "]" : "", port);
}

void cli_ready_dashboard(char out[CLI_URL_SIZE], const char *host, uint16_t port) {
    const bool any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    cli_url(out, "http", any ? "127.0.0.1" : host, port);
    strncat(out, "/", CLI_URL_SIZE - strlen(out) - 1);
}

int cli_ready_json(const cli_ready *r, const posw_runner_ports *ports) {
    const uint16_t port = ports->rpc;
    char text[CLI_URL_SIZE];
    posw_buf b = {0};
    posw_jw w;
    posw_hash genesis = posw_chain_genesis_hash(r->stack->chain);
    posw_jw_init(&w, &b);
    posw_jw_object(&w);
    posw_jw_kv_bool(&w, "ready", true);
    cli_url(text, "http", r->host, port);
    posw_jw_kv_string(&w, "rpc", text);
    cli_url(text, "ws", r->host, port);
    posw_jw_kv_string(&w, "ws", text);
    if (!cli_switch(r->c, "no-dashboard")) {
        cli_ready_dashboard(text, r->host, port);
        posw_jw_kv_string(&w, "dashboard", text);
    }
    posw_jw_kv_u64(&w, "port", port);
    if (ports->p2p != 0) posw_jw_kv_u64(&w, "p2pPort", ports->p2p);
    if (ports->stratum != 0) {
        cli_url(text, "stratum+tcp", r->stratum_host, ports->stratum);
        posw_jw_kv_string(&w, "stratum", text);
        if (r->fingerprint[0] != '\0') posw_jw_kv_string(&w, "stratumFingerprint", r->fingerprint);
    }
    if (ports->metrics != 0) posw_jw_kv_u64(&w, "metricsPort", ports->metrics);
    if (r->p2p != NULL) {
        char node[POSW_NODE_URL_TEXT];
        posw_p2p_url(r->p2p, node);
        posw_jw_kv_string(&w, "node", node);
    }
    posw_jw_kv_u64(&w, "chainId", r->stack->spec.params.chain_id);
    posw_jw_kv_hash(&w, "genesis", &genesis);
    posw_jw_kv_u64(&w, "height", posw_chain_tip(r->stack->chain)->number);
    posw_jw_kv_u64(&w, "pid", (uint64_t)getpid());
    posw_jw_object_end(&w);
    posw_buf_byte(&b, '\n');
    bool ok = !b.failed && fwrite(b.data, 1, b.size, stdout) == b.size && fflush(stdout) == 0;
    posw_buf_clear(&b);
    return ok ? POSW_OK : POSW_EIO; /* the runner says so */
}

int cli_ready_node(void *arg, const posw_runner_ports *ports) {
    const cli_ready *r = arg;
    const uint16_t port = ports->rpc;
    if (cli_switch(r->c, "json-ready")) return cli_ready_json(r, ports);
    const posw_address *miner = posw_node_miner(r->stack->node);
    char http[CLI_URL_SIZE], ws[CLI_URL_SIZE];
    cli_url(http, "http", r->host, port);
    cli_url(ws, "ws", r->host, port);
    printf("%s (chain id %" PRIu64 ") at block %" PRIu64 ", RPC on %s and %s%s\n", r->stack->spec.name,
           r->stack->spec.params.chain_id, posw_chain_tip(r->stack->chain)->number, http, ws,
           miner != NULL ? ", mining" : "");
    if (!cli_switch(r->c, "no-dashboard")) {
        char page[CLI_URL_SIZE];
        cli_ready_dashboard(page, r->host, port);
        printf("dashboard: %s\n", page);
    }
    if (ports->stratum != 0) {
        char text[CLI_URL_SIZE];
        cli_url(text, "stratum+tcp", r->stratum_host, ports->stratum);
        printf("miners (xmrig, posw miner) at %s\n", text);
        if (r->fingerprint[0] != '\0') printf("  also with TLS; fingerprint %s\n", r->fingerprint);
    }
    if (r->p2p != NULL) {
        char node[POSW_NODE_URL_TEXT];
        posw_p2p_url(r->p2p, node);
        printf("this node is %s\n", node);
    }
    return fflush(stdout) == 0 ? POSW_OK : POSW_EIO;
}
