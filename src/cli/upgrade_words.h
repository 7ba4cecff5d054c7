/* What an upgrade of a chain file changes, and when it comes, for people. */
#ifndef POSW_CLI_UPGRADE_WORDS_H
#define POSW_CLI_UPGRADE_WORDS_H

#include "cli/cli.h"
#include "posw/params.h"

enum { CLI_CHANGES_MAX = 4 };
typedef struct {
    const char *label, *key; /* "gas limit", "gasLimit": the latter as in chain files */
    char from[96], to[96];
} cli_change;

/* Of p->upgrades[i], against the rules before it. Returns how many. */
size_t cli_upgrade_changes(cli_change out[CLI_CHANGES_MAX], const posw_params *p, size_t i);
/* "gas limit 30000000 to 60000000, least base fee 1 gwei to 2 gwei". */
void cli_upgrade_changes_line(char *out, size_t size, const posw_params *p, size_t i);
/* [{"parameter", "from", "to"}, …] */
void cli_upgrade_changes_json(posw_jw *w, const posw_params *p, size_t i);

#endif
