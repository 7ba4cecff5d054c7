/* A new chain from texts: what `posw chain new` reads, from options or from answers. One table, so that both say and
 * permit the same. */
#ifndef POSW_CLI_NEW_CHAIN_H
#define POSW_CLI_NEW_CHAIN_H

#include "cli/cli.h"
#include "state/genesis.h"

typedef struct {
    posw_chain_spec spec; /* owned */
    posw_u256 supply_wei; /* of --supply */
    bool has_supply, has_epoch, has_reorg;
} new_chain;

/* One choice, named after its option. */
typedef struct {
    const char *option;
    bool needed;
    /* Puts the text into n. False with what would be permitted in msg, a predicate without a full stop: "must be a
     * whole number from 1 to 3600". */
    bool (*read)(new_chain *n, const char *text, posw_message *msg);
} new_chain_choice;

enum { NEW_CHAIN_CHOICES = 22 };
/* In the order in which they are to be read: a preset before the window that it sets, the block time before lengths
 * that are given in days, the supply before shares of it. */
extern const new_chain_choice NEW_CHAIN_TABLE[NEW_CHAIN_CHOICES];
/* The place of a choice in the table; asserted to be there. */
size_t new_chain_find(const char *option);

/* Everything from texts[i] for NEW_CHAIN_TABLE[i]; NULL: as in rules, which are the defaults if they are NULL. *out is
 * fresh memory and cleared by the caller also after a failure. Returns NEW_CHAIN_CHOICES when the chain keeps every
 * rule (P1 to P9); else the choice that was refused, or one more for the whole, with a sentence in msg. genesis_time:
 * seconds since 1970. */
size_t new_chain_read(new_chain *out, const char *const texts[NEW_CHAIN_CHOICES], const posw_params *rules,
                      uint64_t genesis_time, posw_message *msg);
void new_chain_clear(new_chain *n);

/* The name as a file or a unit may have it: a-z, 0-9 and single dashes, "chain" if nothing is left. */
enum { NEW_CHAIN_SLUG_SIZE = POSW_CHAIN_NAME_MAX + 8 };
void new_chain_slug(char out[NEW_CHAIN_SLUG_SIZE], const char *name);

#endif
