/* The chain file: a JSON object that defines a chain (doc/protocol.md section 1 and 9). Unknown keys, wrong types and
 * values that break a rule are refused with one sentence that names the key and what to do. Written back, it is
 * canonical: write(read(write(x))) = write(x).
 *
 *  { "name": "…", "ticker": "…", "chainId": 1337,
 *    "pow": "argon2id", "blockTime": 15, "window": 2016, "epoch": 1008, "unbonding": 40320, "maxReorg": 504,
 *    "difficulty": { "rule": "asert-lag", "halfLife": 1008, "genesis": "1024" }, or { "rule": "lwma3" | "bitcoin2016",
 *       "blocks": 60, ... }, or { "rule": "fixed" | "homestead" | "step", ... },
 *    "weight": { "preset": "ticket", ... or "rule": "ticket" | "power" and its parameters },
 *    "stake": { "minimum": "1 coin" },
 *    "reward": { "initial": "2 coin", "halving": 4204800, "tail": "0.1 coin", "treasury": "0x…", "treasuryShare": 0 },
 *    "fees": { "base": "burn", or "pool", "poolBlocks": 2016, "initial": "1 gwei", "minimum": "1 gwei" },
 *    "gasLimit": 30000000, "timestamp": 1790000000,
 *    "upgrades": [ { "height": 500000, "name": "spring", "gasLimit": 60000000, "fees": { "minimum": "2 gwei" },
 *       "reward": { "treasury": "0x…", "treasuryShare": 500 } } ],
 *    "accounts": { "0x…": "10000 coin" }, "stakes": [ { "miner": "0x…", "owner": "0x…", "amount": "1000 coin" } ] }
 *
 * An upgrade names at least one change. Only name, ticker, chainId and timestamp must be there; the rest has the
 * defaults of posw_params_default(); without "halfLife" or "blocks" the rule has posw_difficulty_blocks_default().
 * Amounts are strings with a unit. */
#ifndef POSW_CHAIN_CHAINFILE_H
#define POSW_CHAIN_CHAINFILE_H

#include "base/buf.h"
#include "base/error.h"
#include "posw/chainfile.h"
#include "state/genesis.h"

/* Reads and checks. POSW_EPARSE or POSW_EINVAL with a sentence in msg; *out is then unchanged. */
int posw_chainfile_read(posw_chain_spec *out, const char *text, size_t size, posw_message *msg);
/* Appends the file as pretty JSON with a final newline. */
void posw_chainfile_write(posw_buf *out, const posw_chain_spec *spec);
/* Things that are allowed but unwise for a chain with value (fixed difficulty, quadratic weight, no stake at genesis,
 * tiny windows, …): calls fn with one sentence each. */
void posw_chainfile_warnings(const posw_chain_spec *spec, void (*fn)(void *arg, const char *sentence), void *arg);
/* The least stake.minimum, in whole coins, with which all places in the list of miners (S3) take a twentieth of so many
 * coins. At least 1 coin. */
enum { POSW_CHAINFILE_PLACES_PART = 20 };
posw_u256 posw_chainfile_stake_min(const posw_u256 *supply_wei);
/* The shortest lock in blocks that P3 and P4 allow beside the window and the epoch; and that of a new chain: a week, or
 * the shortest if that is more. */
uint64_t posw_chainfile_unbonding_min(const posw_params *p);
uint64_t posw_chainfile_unbonding_default(const posw_params *p);
/* The development chain of `posw dev`: keccak256, fixed difficulty 2048, 1 s, ticket with W 32, E 16, U 32, R 16, gas
 * limit 600,000,000, chain id 1337, no accounts, genesis time 0. */
int posw_chainfile_dev(posw_chain_spec *out);

#endif
