/* A copy of a chain in a folder of its own, for commands that try something on it (posw chain rehearse). It comes from
 * a data directory that no node uses, from a node that runs, which makes a snapshot of itself, or from a snapshot. */
#ifndef POSW_CLI_CHAIN_COPY_H
#define POSW_CLI_CHAIN_COPY_H

#include "cli/cli.h"

#include <limits.h>

typedef struct {
    char dir[PATH_MAX]; /* "": none */
    bool keep;
    /* What stands before a name in the copy where the original is meant: "DIR/", "FILE, " or "the node's ". */
    char origin[PATH_MAX];
} cli_chain_copy;

#define CLI_CHAIN_COPY_OPTIONS                                                                        \
    {"datadir", "DIR", NULL, "of a node that does not run: its data directory, which is only read"},  \
        {"rpc", "URL", CLI_RPC_DEFAULT_URL, "of a node that runs on this machine: where it answers"}, \
        {"snapshot", "FILE", NULL, "or a snapshot of the chain (see posw snapshot create)"},          \
        {"keep", "DIR", NULL, "make the copy here, where nothing may be yet, and keep it"}, {         \
        "tmp", "DIR", NULL, "folder for a copy that is not kept; default $TMPDIR, or /var/tmp"        \
    }

/* Makes the copy that the options ask for. From then on SIGINT and SIGTERM do not end the program: ask
 * cli_chain_copy_stopped. CLI_OK, or an exit code after its sentence: there is none then. */
int cli_chain_copy_make(cli_chain_copy *copy, const cli *c);
bool cli_chain_copy_stopped(void);
/* A sentence about a file of the copy made one about the original: the copy is gone when it is read. */
void cli_chain_copy_blame(const cli_chain_copy *copy, posw_message *msg);
/* Removes it unless it is to be kept. */
void cli_chain_copy_clear(cli_chain_copy *copy);

#endif
