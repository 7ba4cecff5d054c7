/* The genesis block of a chain specification (protocol section 9). */
#ifndef POSW_STATE_GENESIS_H
#define POSW_STATE_GENESIS_H

#include "posw/chainfile.h"
#include "posw/genesis.h"
#include "posw/header.h"
#include "posw/params.h"
#include "state/state.h"

enum { POSW_GENESIS_ACCOUNTS_MAX = 65536 };

typedef struct {
    posw_address address;
    posw_u256 balance_wei;
} posw_genesis_account;

typedef struct {
    posw_address miner, owner;
    posw_u256 amount_wei;
} posw_genesis_stake;

/* What a chain file says. The arrays are owned by it. */
typedef struct {
    char name[POSW_CHAIN_NAME_MAX + 1];     /* UTF-8 */
    char ticker[POSW_CHAIN_TICKER_MAX + 1]; /* 1 to 6 of A-Z, 0-9 */
    posw_params params;
    posw_genesis_account *accounts;
    size_t account_count;
    posw_genesis_stake *stakes;
    size_t stake_count;
} posw_chain_spec;

void posw_chain_spec_clear(posw_chain_spec *spec);
/* All coins of genesis: accounts and stakes together; 2^256 - 1 if they are more. */
posw_u256 posw_chain_spec_supply(const posw_chain_spec *spec);
/* Whether it can be a chain's name: 1 to 32 bytes of UTF-8 without control characters. */
bool posw_chain_name_valid(const char *name);
/* P1 to P9 with a sentence for a person in msg. POSW_OK or POSW_EINVAL; *rule (may be NULL) says which. */
int posw_chain_spec_check(const posw_chain_spec *spec, enum posw_rule *rule, posw_message *msg);
/* Fills the state (fresh, empty) and the header; the state is sealed. The spec must have passed the check. */
int posw_genesis_build(posw_header *out, posw_state *state, const posw_chain_spec *spec);

#endif
