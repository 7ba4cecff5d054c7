/* Waiting until a transaction is in a block, and until so many blocks stand on it that it will stay there.
 *
 * How many are enough is asked of the laboratory's exact functions (lab/exact/double_spend.h):
 *  --wait-risk R    the least number of confirmations with which an attacker of --attacker of the hash undoes the
 * payment with a probability below R (Rosenfeld 2014: exact, one block mined beforehand)
 *  --wait-value V   on chains with tickets: the least number for which the attacker's loss on the tickets that it needs
 * is at least V, if the price falls by LAB_PRICE_FALL when the attack is known Both: the greater one. A block that is
 * final for the node ends the waiting at once, since no reorganisation replaces it by itself. One confirmation: the
 * transaction is in the newest block. */
#ifndef POSW_CLI_WAIT_H
#define POSW_CLI_WAIT_H

#include "cli/rpc_client.h"

#define CLI_ATTACKER_DEFAULT "0.3"
#define CLI_WAIT_FOR_OPTIONS                                                                                           \
    {"wait-risk", "R", NULL, "wait until a double spend succeeds with a probability below R, such as 0.001"},          \
        {"wait-value", "AMOUNT", NULL, "wait until undoing so much costs an attacker more, by its lost stake alone"},  \
        {"attacker", "Q", CLI_ATTACKER_DEFAULT, "with --wait-risk: the attacker's share of the hash that is assumed"}, \
    {                                                                                                                  \
        "timeout", "SECONDS", NULL, "how long to wait (default: 120, and three block times for each confirmation)"     \
    }
#define CLI_WAIT_OPTIONS {"wait", NULL, NULL, "wait until it is in a block"}, CLI_WAIT_FOR_OPTIONS

enum { CLI_CONFIRMATIONS_MAX = 100000 };

typedef struct {
    /* The wish. */
    bool wanted;
    uint64_t confirmations; /* at least 1 */
    uint64_t timeout_s;
    bool has_nonce;
    uint64_t nonce; /* for the advice when it takes too long */
    char why[160];  /* "an attacker with 30 % of the hash …"; "" for a plain --wait */
    /* What came of it. */
    json_t *receipt; /* owned; NULL: not waited for. Then: */
    bool succeeded, final;
    uint64_t block, tip, gas_used;
    posw_u256 fee_wei;
    unsigned reorganisations; /* that took it out of its block, seen while waiting */
} cli_wait;

/* Reads the options, and asks the node for what --wait-value and the time need. force: as if --wait were given. */
int cli_wait_plan(const cli *c, cli_rpc *rpc, bool force, cli_wait *out);
/* Waits for the transaction; raw (may be empty): sent again when a reorganisation has dropped it. */
int cli_wait_run(const cli *c, cli_rpc *rpc, const posw_hash *hash, posw_bytes raw, cli_wait *w);
void cli_wait_clear(cli_wait *w); /* zeroed allowed */

/* Members or lines about what was waited for; w->receipt != NULL. */
void cli_wait_json(posw_jw *out, const cli_wait *w);
void cli_wait_text(posw_buf *out, const cli_wait *w);

/* "0x…" */
enum { CLI_HASH_TEXT_SIZE = 67 };
void cli_hash_text(char out[CLI_HASH_TEXT_SIZE], const posw_hash *h);

#endif
