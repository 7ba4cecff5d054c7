/* Snapshots of a running node: asked for within a step, begun and ended between steps, in DATADIR/snapshots. */
#ifndef POSW_CLI_SNAPSHOTS_H
#define POSW_CLI_SNAPSHOTS_H

#include "cli/rpc_client.h"
#include "cli/stack.h"
#include "io/snapshot.h"

#include <limits.h>

/* Files in the folder: nobody can fill the disk by asking. */
enum { CLI_SNAPSHOTS_MAX = 4 };

typedef struct {
    const cli_stack *stack;
    const char *datadir;
    bool wanted;
    posw_snapshot *running; /* NULL: none */
    posw_snapshot_progress last;
    bool any; /* one was asked for in this run */
    char path[PATH_MAX];
} cli_snapshots;

/* Offers admin_snapshot to the RPC of the stack, which has the data directory open, and removes what a killed node has
 * left of one. */
void cli_snapshots_open(cli_snapshots *s, const cli_stack *stack, const char *datadir);
/* Between steps, some times a second. */
void cli_snapshots_rest(cli_snapshots *s);
/* One that runs is given up. */
void cli_snapshots_close(cli_snapshots *s);

/* Makes one of a store that nobody else uses, and waits for it: CLI_OK, or an exit code after its sentence. */
int cli_snapshots_make(cli_snapshots *s);

/* Has a running node make one and waits for it: the answer of admin_snapshotStatus, with a "path", owned by the caller
 * also on failure. stopped (may be NULL): asked some times a second. CLI_OK, or an exit code after its sentence. */
int cli_snapshots_ask(cli_rpc *rpc, json_t **status, bool (*stopped)(void));

#endif
