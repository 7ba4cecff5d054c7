/* What commands about one chain read: its parameters from a chain file or a preset, and its miners from a file. Every
 * failure is one sentence on stderr and exit code CLI_USAGE (or CLI_FAILED: out of memory). */
#ifndef POSW_LAB_CHAIN_INPUT_H
#define POSW_LAB_CHAIN_INPUT_H

#include "cli/cli.h"
#include "exact/rule.h"
#include "report/report.h"
#include "rules/chain_sim.h"
#include "state/genesis.h"

/* With more, time and difficulty leave the range of a simulation when tickets run out. */
static const uint64_t LAB_CHAIN_BOOST_MAX = (uint64_t)1 << 40;

/* Reads a chain file that can be simulated; the caller clears the spec with posw_chain_spec_clear. CLI_OK or an exit
 * code. */
int lab_chain_read(const cli *c, const char *path, posw_chain_spec *out);

/* One entry of a miners file: `count` miners alike. */
typedef struct {
    char name[64];
    double hash;
    posw_u256 stake_wei; /* of each miner, over all of its identities */
    uint32_t count;
    uint32_t identities; /* addresses among which each of them divides its stake */
} lab_miner_group;

typedef struct {
    lab_miner_group *groups;
    size_t group_count;
    chain_sim_miner *miners; /* the groups one after the other, each miner by itself */
    size_t miner_count;
    posw_u256 stake_wei; /* of all together */
} lab_miners;

enum { LAB_MINERS_MAX = 65536, LAB_IDENTITIES_MAX = 1 << 20 };

/* [{"name": "giant", "hash": 100, "stake": "20000 coin", "count": 1, "identities": 1}, …]: hash is needed; the others
 * are "miner K", 0, 1 and 1 where nothing is said. CLI_OK or an exit code; *out needs lab_miners_clear only then. */
int lab_miners_read(const cli *c, const char *path, lab_miners *out);
/* The same from groups: copies them. False: out of memory. */
bool lab_miners_make(lab_miners *out, const lab_miner_group *groups, size_t count);
void lab_miners_clear(lab_miners *m);

/* The coins that exist: --supply, or what the chain file says (supply_wei), or the miners' stakes where only they
 * matter. False after a sentence. */
bool lab_supply_read(const cli *c, const posw_params *p, posw_u256 supply_wei, const lab_miners *m, posw_u256 *out);

/* Inputs of a report: the rules of the chain in words and numbers. */
void lab_report_chain(lab_report *r, const posw_params *p, const posw_u256 *supply_wei);

#endif
