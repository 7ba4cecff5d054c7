/* What happened to an address: its transactions, the staking calls that name it, and the blocks that it mined, found by
 * looking through the blocks of a node from the newest to the oldest. */
#ifndef POSW_CLI_HISTORY_H
#define POSW_CLI_HISTORY_H

#include "cli/rpc_client.h"

#include <signal.h>

enum { CLI_HISTORY_ENTRIES_MAX = 100000 };

enum cli_history_kind {
    CLI_HISTORY_SENT,
    CLI_HISTORY_RECEIVED,
    CLI_HISTORY_SELF,    /* from and to the address */
    CLI_HISTORY_STAKING, /* a call of the staking contract by the address */
    CLI_HISTORY_NAMED,   /* one by somebody else that names it: stake for this miner */
    CLI_HISTORY_MINED,
};

typedef struct {
    enum cli_history_kind kind;
    uint64_t block, timestamp;
    posw_hash hash;      /* of the transaction; not for MINED */
    posw_u256 value_wei; /* moved; MINED: new coins and tips. What the fee pool paid is not told by nodes */
    posw_u256 fee_wei;   /* paid by the address */
    bool failed;         /* in its block: nothing but the fee was taken */
    char *words;         /* one line; owned */
} cli_history_entry;

/* Zero-initialise. */
typedef struct {
    cli_history_entry *entries; /* newest first; owned */
    size_t count, capacity;
    uint64_t first, last; /* the blocks that were looked at; first > last: none */
    bool complete;        /* all that were asked for */
} cli_history;

/* Looks at the `blocks` blocks up to `last`; *stop (may change in a signal handler) ends it early, and so do
 * CLI_HISTORY_ENTRIES_MAX entries. CLI_OK also then: what was found is in out. progress: a line on stderr. */
int cli_history_read(cli_rpc *rpc, const posw_address *address, uint64_t last, uint64_t blocks,
                     const volatile sig_atomic_t *stop, bool progress, cli_history *out);
void cli_history_clear(cli_history *h); /* zeroed allowed */

#endif
