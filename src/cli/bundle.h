/* Everything that the community of a new chain needs, in one folder. */
#ifndef POSW_CLI_BUNDLE_H
#define POSW_CLI_BUNDLE_H

#include "cli/cli.h"
#include "state/genesis.h"

#define BUNDLE_OPTIONS                                                                                          \
    {"bundle", "DIR", NULL, "write a folder for the chain's community"},                                        \
        {"boot-hosts", "LIST", NULL,                                                                            \
         "with --bundle: names or addresses of the boot nodes, a key for each, with :PORT if it is not 30301"}, \
        {"rpc-urls", "LIST", "http://127.0.0.1:8545",                                                           \
         "with --bundle: where wallets find a node; https://, or http:// on this machine"},                     \
    {                                                                                                           \
        "explorer", "URL", NULL, "with --bundle: a block explorer for wallets, https://"                        \
    }

/* Writes the folder, or nothing: a file that is there already is refused unless --force is given, and boot nodes' keys
 * that are there stay in any case. Prints what it wrote. Options: BUNDLE_OPTIONS and --force. CLI_OK or an exit code
 * after its sentence. */
int cli_bundle_write(const cli *c, const posw_chain_spec *spec, const char *folder);

#endif
