/* A small blocking JSON-RPC client over HTTP, for commands that talk to a running node.
 *
 * One connection a call, one deadline a call, one sentence when it fails. The answer's "result" is handed out as a
 * jansson value; an "error" of the node is kept apart, since some callers know better what to say about it. */
#ifndef POSW_CLI_RPC_CLIENT_H
#define POSW_CLI_RPC_CLIENT_H

#include "cli/cli.h"

#include <jansson.h>

#define CLI_RPC_DEFAULT_URL "http://127.0.0.1:8545"
#define CLI_RPC_OPTION \
    { "rpc", "URL", CLI_RPC_DEFAULT_URL, "where the node answers" }

enum {
    CLI_RPC_TIMEOUT_MS = 15000,    /* of one call, everything included */
    CLI_RPC_ANSWER_MAX = 64 << 20, /* bytes of an answer's body */
    CLI_RPC_BATCH_MAX = 1000,      /* calls of a batch; a node's default */
    CLI_RPC_REVERTED = 3,          /* code of a call that was reverted */
    CLI_RPC_NO_SUCH_METHOD = -32601,
};

typedef struct {
    const char *url;
    char host[256], port[8];
    char *path; /* owned */
    unsigned timeout_ms;
    uint64_t next_id;
    /* Of the last call that the node refused: */
    int code;
    posw_message refusal;
} cli_rpc;

/* Reads --rpc, connects to nothing yet. CLI_OK or an exit code after its sentence. */
int cli_rpc_open(cli_rpc *r, const cli *c);
void cli_rpc_close(cli_rpc *r); /* zeroed allowed */
/* Its host is this machine, by a name or number that nobody else can give another meaning. */
bool cli_rpc_is_here(const cli_rpc *r);

enum cli_rpc_outcome {
    CLI_RPC_OK,
    CLI_RPC_REFUSED, /* the node answered with an error: r->code, r->refusal; nothing was printed */
    CLI_RPC_FAILED,  /* no answer: a sentence was printed */
};
/* params: an array, taken over (NULL: out of memory or, with it, no parameters is json_array()). *result: a new
 * reference, on CLI_RPC_OK only. */
enum cli_rpc_outcome cli_rpc_try(cli_rpc *r, json_t **result, const char *method, json_t *params);
/* The same, with a refusal printed: CLI_OK or CLI_FAILED. */
int cli_rpc_call(cli_rpc *r, json_t **result, const char *method, json_t *params);
/* The same method several times in one request. params: an array of such arrays, at most CLI_RPC_BATCH_MAX, taken over.
 * *results: an array of the results in that order; any refusal fails the whole, after its sentence. */
int cli_rpc_batch(cli_rpc *r, json_t **results, const char *method, json_t *params);
/* What is said after a refusal. */
int cli_rpc_fail_refused(const cli_rpc *r, const char *method);

/* A note on stderr while the node is behind: what it says of an account may be old. CLI_FAILED: it does not answer. */
int cli_rpc_note_syncing(cli_rpc *r);

/* Calls whose answer is a quantity. */
int cli_rpc_u64(cli_rpc *r, uint64_t *out, const char *method, json_t *params);
int cli_rpc_u256(cli_rpc *r, posw_u256 *out, const char *method, json_t *params);

/* Reading answers: false (nothing printed) when v is not such a value; NULL is none. Quantities are "0x…" text or JSON
 * numbers, or decimal text. */
POSW_MUST_USE bool cli_json_u256(posw_u256 *out, const json_t *v);
POSW_MUST_USE bool cli_json_u64(uint64_t *out, const json_t *v);
POSW_MUST_USE bool cli_json_data(posw_buf *out, const json_t *v);
/* Text of a foreign node, before it reaches a terminal: what would steer one (control characters of ASCII, and U+0080
 * to U+009F) becomes '?'. */
void cli_no_controls(char *text);
/* Such a text in an answer, cut at the size of a sentence; empty unless v is one. */
posw_message cli_json_sentence(const json_t *v);
/* "METHOD of URL gave an answer that is not understood: …" */
int cli_rpc_fail_answer(const cli_rpc *r, const char *method, const char *what);

/* Prints and releases v; NULL: out of memory. */
int cli_json_print(json_t *v);

/* Parameters. New references, NULL: out of memory. */
json_t *cli_json_address(const posw_address *a);
json_t *cli_json_quantity(const posw_u256 *v);
json_t *cli_json_hex(posw_bytes data);

#endif
