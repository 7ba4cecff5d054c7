/* One transaction, from the wish to the receipt: asks the node for what is missing, checks before anything is signed
 * that it would work and can be paid, then unlocks the key, signs, sends, and waits if that is wanted. Or, with
 * --offline, writes it to a file for a machine with the key and without a node (posw tx sign). */
#ifndef POSW_CLI_TRANSACT_H
#define POSW_CLI_TRANSACT_H

#include "cli/fees.h"
#include "cli/keys.h"
#include "cli/wait.h"

/* Options of every command that sends one. */
#define CLI_TRANSACT_OPTIONS                                                                            \
    CLI_WAIT_OPTIONS, CLI_FEE_OPTIONS,                                                                  \
        {"chain-id", "N", NULL,                                                                         \
         "refuse a node of another chain than this; needed with --password-file for a node elsewhere"}, \
        {"offline", "FILE", NULL,                                                                       \
         "write it to this file, to be signed elsewhere with 'posw tx sign'; no key "                   \
         "is needed here"},                                                                             \
        {"json", NULL, NULL, "print the result as JSON"}, CLI_RPC_OPTION, CLI_KEY_OPTIONS

typedef struct cli_tx_wish cli_tx_wish;
struct cli_tx_wish {
    posw_address from, to;
    posw_u256 value_wei;
    posw_bytes data;     /* borrowed */
    const char *refuser; /* who speaks in a revert reason: "the staking contract" */
    /* A better sentence for a revert reason, with what to do: an exit code after it, or CLI_OK: there is none. NULL
     * allowed. */
    int (*explain)(const cli_tx_wish *wish, const char *reason);
};

typedef struct {
    posw_hash hash;
    uint64_t nonce, gas_limit;
    posw_u256 max_fee_wei, max_tip_wei;
    bool has_quote;
    cli_fee_quote quote;
    const char *file; /* of --offline: written there, not sent; NULL */
    cli_wait waited;
} cli_tx_sent;

/* The node is believed no more than it must be: what it asks for as fees is refused above CLI_FEE_TRUST_COIN unless
 * --max-fee was given, another chain than that of --chain-id always, on a terminal what will be signed is shown before
 * the password is asked for, and without one a node elsewhere needs --chain-id.
 * CLI_OK: sent, and if --wait was given, waited for; or written to the file. */
int cli_transact(const cli *c, cli_rpc *rpc, const cli_tx_wish *wish, cli_tx_sent *out);
/* Sends a signed encoding, and waits if that is wanted. out->hash and the waiting are filled in. */
int cli_tx_send(const cli *c, cli_rpc *rpc, posw_bytes raw, cli_tx_sent *out);
void cli_tx_sent_clear(cli_tx_sent *sent); /* zeroed allowed */

/* Something more to say about what happened: a block number or an amount. */
typedef struct {
    const char *key;   /* in JSON */
    const char *label; /* in text, at most 12 characters */
    bool is_amount;    /* in wei */
    char when[48];     /* of a block: how far away, in text alone; may be empty */
    posw_u256 value;
} cli_tx_fact;
/* Prints the result, for people under what cli_tx_sentence says. CLI_FAILED for a transaction that failed in its block.
 */
int cli_tx_report(const cli *c, const cli_tx_wish *wish, const cli_tx_sent *sent, const cli_tx_fact *facts,
                  size_t fact_count);

#endif
