/* `posw lab`, and what other commands ask the laboratory. */
#ifndef POSW_CLI_LAB_H
#define POSW_CLI_LAB_H

#include "state/genesis.h"

/* Replaces this process by posw-lab with the same arguments. Returns only when that fails: an exit code, after its
 * sentence. */
int cli_lab_main(char **argv);

/* Whether posw-lab is beside this program. */
bool cli_lab_installed(void);

/* What is assumed about the world around a chain; all the rest is as in the built-in scenario ten-million. */
typedef struct {
    double value_usd;    /* of all coins; of 10 million where a chain begins without any */
    double staked_share; /* 0 to 1 */
} cli_lab_market;
extern const cli_lab_market CLI_LAB_MARKET; /* 10 million USD, 0.4 */

typedef struct {
    double cost_usd;     /* of the cheapest way to replace the last blocks */
    double hash_usd;     /* of that, for hash */
    double no_stake_usd; /* without any stake */
    double stake_coins;  /* that must be bought and locked */
} cli_lab_attack;

/* posw-lab attack for this chain and depth (blocks, at least 1), about 30 ms. False without a word: there is no answer,
 * because posw-lab is missing or refuses. Leaves no file behind. */
bool cli_lab_ask_attack(cli_lab_attack *out, const posw_chain_spec *spec, const cli_lab_market *market, uint64_t depth);

/* Dollars for people: three digits, thousands apart ("22,400"); NUL-terminated. Returns out. */
enum { CLI_LAB_USD_SIZE = 48 };
const char *cli_lab_usd(char out[CLI_LAB_USD_SIZE], double usd);

#endif
