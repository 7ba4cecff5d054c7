/* Store, chain, pool, node and RPC of one data directory (or in memory), opened in order and closed in reverse. */
#ifndef POSW_CLI_STACK_H
#define POSW_CLI_STACK_H

#include "cli/cli.h"
#include "io/runner.h"
#include "rpc/rpc.h"

typedef struct {
    posw_chain_spec spec; /* owned */
    uint64_t prune_bytes; /* set before the chain is opened: 0, or what block and execution files may take */
    posw_store *store;
    const posw_pow *pow;
    posw_chain *chain;
    posw_mempool *mempool;
    posw_node *node;
    posw_rpc *rpc;
} cli_stack;

/* Reads a chain file. CLI_OK or an exit code after its sentence. */
int cli_spec_read(posw_chain_spec *out, const char *path);
/* The hash that names the chain of a data directory. POSW_OK, or POSW_ENOMEM. */
int cli_genesis_hash(const posw_chain_spec *spec, posw_hash *out);
/* Opens store (datadir NULL: memory) and chain for s->spec. */
int cli_stack_open_chain(cli_stack *s, const cli *c, const char *datadir);
/* Adds pool, node and RPC on top. o->chain and o->mempool are filled in. */
int cli_stack_open_node(cli_stack *s, const cli *c, posw_node_options *o);
/* NULL members allowed. CLI_OK, or CLI_FAILED when the last commit failed. */
int cli_stack_close(cli_stack *s);

/* Options that every command with an RPC server has. */
#define CLI_SERVER_OPTIONS(default_cors)                                                                          \
    {"host", "ADDRESS", "127.0.0.1", "address on which the RPC listens"},                                         \
        {"port", "N", "8545", "port of HTTP and WebSocket RPC; 0 takes a free one"},                              \
        {"rpc-public", NULL, NULL,                                                                                \
         "allow an address that others can reach (the RPC has no password; admin_* is off then)"},                \
        {"rpc-hosts", "NAMES", NULL, "Host names to accept beside localhost, separated by commas; * for all"},    \
        {"cors", "ORIGINS", default_cors, "browser origins to accept, separated by commas; * for all"},           \
        {"rate", "N", "0", "requests a second that one address may send, each of a batch counts; 0: no limit"},   \
        {"body-max", "BYTES", "5242880", "largest request"}, {"batch-max", "N", "1000", "requests in one batch"}, \
        {"no-dashboard", NULL, NULL, "answer RPC only, no web pages"}, {                                          \
        "json-ready", NULL, NULL, "print one line of JSON with the endpoints when ready"                          \
    }
/* Fills the runner's server part; *lists (two, free both) own what it points to. */
POSW_MUST_USE bool cli_server_options(const cli *c, posw_runner_options *o, const char **lists[2]);

#endif
