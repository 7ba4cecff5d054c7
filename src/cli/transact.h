/* One transaction, from the wish to the receipt: asks the node for what is missing, checks before anything is signed
 * that it would work and can be paid, then unlocks the key, signs, sends, and waits if that is wanted. */
#ifndef POSW_CLI_TRANSACT_H
#define POSW_CLI_TRANSACT_H

#include "cli/keys.h"
#include "cli/rpc_client.h"

/* Options of every command that sends one. */
#define CLI_TRANSACT_OPTIONS                                                                                     \
    {"wait", NULL, NULL, "wait until it is in a block"}, {"timeout", "SECONDS", "120", "how long --wait waits"}, \
        {"nonce", "N", NULL, "nonce (default: the next one, counting those that wait in the pool)"},             \
        {"tip", "AMOUNT", NULL,                                                                                  \
         "tip for the miner per unit of gas, such as \"1 gwei\" (default: what the node suggests)"},             \
        {"max-fee", "AMOUNT", NULL,                                                                              \
         "most to pay per unit of gas, tip included (default: twice the base fee and the tip)"},                 \
        {"gas", "N", NULL, "gas limit (default: estimated; with it the call is sent even if it would fail)"},    \
        {"json", NULL, NULL, "print the result as JSON"}, CLI_RPC_OPTION, CLI_KEY_OPTIONS

typedef struct {
    posw_address from, to;
    posw_u256 value_wei;
    posw_bytes data;     /* borrowed */
    const char *refuser; /* who speaks in a revert reason: "the staking contract" */
} cli_tx_wish;

typedef struct {
    posw_hash hash;
    uint64_t nonce, gas_limit;
    posw_u256 max_fee_wei, max_tip_wei;
    json_t *receipt; /* owned; NULL: not waited for. Then: */
    bool succeeded;
    uint64_t block, gas_used;
    posw_u256 fee_wei;
} cli_tx_sent;

/* CLI_OK: sent, and if --wait was given, in a block. */
int cli_transact(const cli *c, cli_rpc *rpc, const cli_tx_wish *wish, cli_tx_sent *out);
void cli_tx_sent_clear(cli_tx_sent *sent); /* zeroed allowed */

/* Something more to say about what happened: a block number or an amount. */
typedef struct {
    const char *key;   /* in JSON */
    const char *label; /* in text, at most 12 characters */
    bool is_amount;    /* in wei */
    posw_u256 value;
} cli_tx_fact;
/* Prints the result; `what` is one line for people. CLI_FAILED for a transaction that failed in its block. */
int cli_tx_report(const cli *c, const cli_tx_wish *wish, const cli_tx_sent *sent, const char *what,
                  const cli_tx_fact *facts, size_t fact_count);

#endif
