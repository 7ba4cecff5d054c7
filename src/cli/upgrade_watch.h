/* Has a running node speak of upgrades in its log when it is time (node/upgrades.h). */
#ifndef POSW_CLI_UPGRADE_WATCH_H
#define POSW_CLI_UPGRADE_WATCH_H

#include "cli/network.h"
#include "cli/stack.h"
#include "rpc/upgrade_news.h"

/* Zero-initialise. */
typedef struct {
    posw_upgrade_said known[POSW_UPGRADES_MAX], unknown;
    uint64_t unknown_height; /* that `unknown` is about; 0: none */
} cli_upgrade_watch;

/* Between steps, once a second or so. network: NULL or without p2p: none. now_s: a clock that only goes on. */
void cli_upgrade_watch_look(cli_upgrade_watch *w, const cli_stack *stack, const cli_network *network,
                            const posw_log *log, uint64_t now_s);

/* What its peers say of an upgrade that the chain file does not name; network as above. */
bool cli_upgrade_news(posw_upgrade_news *out, const cli_network *network);

#endif
