/* Reading a node's answers for people: values that are missing or strange read as nothing, so that a page with a hole
 * is shown rather than none. */
#ifndef POSW_CLI_JSON_VIEW_H
#define POSW_CLI_JSON_VIEW_H

#include "cli/rpc_client.h"

#include "base/units.h"
#include "wallet/address.h"

typedef struct {
    char text[POSW_AMOUNT_SIZE];
} cli_shown;

/* The member at a dotted path ("tip.number"), NULL if there is none. */
const json_t *cli_view(const json_t *object, const char *path);
/* 0 and zero if missing. */
uint64_t cli_view_u64(const json_t *object, const char *path);
posw_u256 cli_view_u256(const json_t *object, const char *path);
/* "?" if missing: text as it is, coins with their decimals, addresses with checksum and their names. */
cli_shown cli_view_text(const json_t *object, const char *path);
cli_shown cli_view_coins(const json_t *object, const char *path);
cli_shown cli_view_address(const json_t *object, const char *path);

#endif
