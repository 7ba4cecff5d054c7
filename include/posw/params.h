/* The parameters of a chain that consensus needs (doc/protocol.md section 1). Plain data, no pointers; the chain file's
 * reader fills it, posw_params_check judges it; other functions rely on values that it has found valid. Pure functions,
 * any thread. */
#ifndef POSW_PARAMS_H
#define POSW_PARAMS_H

#include "posw/types.h"
#include "posw/verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

enum posw_pow_algorithm { POSW_POW_KECCAK256, POSW_POW_ARGON2ID, POSW_POW_RANDOMX };
enum posw_difficulty_rule {
    POSW_DIFFICULTY_ASERT,
    POSW_DIFFICULTY_FIXED,
    POSW_DIFFICULTY_LWMA3,
    POSW_DIFFICULTY_BITCOIN2016,
    POSW_DIFFICULTY_HOMESTEAD,
    POSW_DIFFICULTY_STEP,
    POSW_DIFFICULTY_ASERT_LAG
};
enum posw_weight_rule { POSW_WEIGHT_POWER, POSW_WEIGHT_TICKET };
enum posw_fee_rule { POSW_FEE_BURN, POSW_FEE_POOL };

enum {
    POSW_UPGRADES_MAX = 16,
    POSW_UPGRADE_NAME_MAX = 32 /* bytes of UTF-8, without the final NUL */
};

typedef struct {
    enum posw_weight_rule rule;
    /* power (W1) */
    posw_u256 unit_wei;
    uint64_t min, max;
    uint32_t exponent_x2; /* twice the exponent: 0, 1, 2, 3, 4 or 6 */
    /* ticket (W2 to W5) */
    uint64_t boost; /* M */
    uint64_t slots;
    posw_u256 ticket_price_wei; /* fixed price, 0: derived from the supply */
    uint64_t ramp_blocks;
} posw_weight_params;

/* What an upgrade may change (section 11): each is used by the number of the block alone. */
typedef struct {
    uint64_t gas_limit;        /* X9 */
    uint64_t base_fee_min_wei; /* B1, a unit of gas */
    posw_address treasury;     /* R2 */
    uint32_t treasury_share;   /* R2, hundredths of a percent, at most 10,000 */
} posw_rules;

typedef struct {
    uint64_t height; /* of the first block under these rules */
    char name[POSW_UPGRADE_NAME_MAX + 1];
    posw_rules rules; /* complete, also what this upgrade leaves as it was */
} posw_upgrade;

typedef struct {
    uint64_t chain_id;
    enum posw_pow_algorithm pow;
    uint64_t block_time_s;     /* T */
    uint64_t window_blocks;    /* W */
    uint64_t epoch_blocks;     /* E */
    uint64_t unbonding_blocks; /* U */
    uint64_t reorg_max_blocks; /* R */
    enum posw_difficulty_rule difficulty_rule;
    uint64_t difficulty_blocks; /* half-life (asert, asert-lag), window (lwma3) or interval (bitcoin2016); no meaning
                                   under the others */
    posw_weight_params weight;
    posw_u256 stake_min_wei;
    posw_u256 reward_initial_wei, reward_tail_wei;
    uint64_t halving_blocks; /* 0: never */
    posw_address treasury;
    uint32_t treasury_share; /* hundredths of a percent, at most 10,000 */
    enum posw_fee_rule fee_rule;
    uint64_t pool_blocks;      /* with POSW_FEE_POOL, at least 1; no meaning under the other */
    uint64_t base_fee_min_wei; /* a unit of gas */
    /* genesis block */
    uint64_t genesis_time; /* seconds since 1970 */
    posw_u256 genesis_difficulty;
    uint64_t gas_limit;
    uint64_t base_fee_initial_wei;
    /* Rules from genesis on are treasury, treasury_share, base_fee_min_wei and gas_limit above; from a height on: */
    posw_upgrade upgrades[POSW_UPGRADES_MAX]; /* by ascending height */
    uint32_t upgrade_count;
} posw_params;

/* The parameters of a new chain with the default rule: argon2id, 15 s, W 2016, E 1008, U 40320, R 504, asert-lag 1008,
 * preset `ticket`, minimum stake 1 coin, reward 2 coins halving every 4,204,800 blocks with tail 0.1 coin, fees burnt,
 * base fee from 1 gwei, gas limit 30,000,000, genesis difficulty 1024. chain_id, genesis_time are 0 and must be set. */
POSW_API void posw_params_default(posw_params *out);

/* Sets the weight rule (and for quarkchain the window, W 256) to a preset of W6: "pow", "linear", "sqrt", "quadratic",
 * "diode", "ticket", "quarkchain". False, and nothing changed, for another name. quarkchain's fixed price is 1,000
 * coins. A preset sets no ramp. */
POSW_API POSW_MUST_USE bool posw_params_preset(posw_params *p, const char *name);
/* Names of the presets, NULL-terminated; and a sentence for each ("" for another name). Static storage. */
POSW_API const char *const *posw_params_presets(void);
POSW_API const char *posw_params_preset_text(const char *name);
/* The preset whose weight rule this is (parameters that the rule does not use are not compared, nor is the window), or
 * "custom". Static storage. */
POSW_API const char *posw_params_preset_of(const posw_params *p);

/* "keccak256", "argon2id" or "randomx": the name in chain files. "" for a value outside the enum. Static storage. */
POSW_API const char *posw_pow_name(enum posw_pow_algorithm algorithm);

/* U2: the rules for block `number`: those of the latest upgrade at or below it, or those from genesis on. */
POSW_API posw_rules posw_params_rules(const posw_params *p, uint64_t number);
/* True iff no block can tell the two apart: all is equal, but the treasury's address where neither gives it a share. */
POSW_API bool posw_rules_equal(const posw_rules *a, const posw_rules *b);

/* Rules P1 to P8 and U1 (P9 and the balances of P5 are checked where the allocation is known): valid, or invalid under
 * one of POSW_RULE_PARAMS_*. Any values may be judged, also enums out of their range. */
POSW_API POSW_MUST_USE posw_verdict posw_params_check(const posw_params *p);
/* Sum of the subsidies of blocks 1 to 2^40 (P5) in wei, saturated at 2^256 - 1. */
POSW_API posw_u256 posw_params_reward_total(const posw_params *p);

/* keccak256 of the canonical parameters (C1), to which genesis commits (G2): chains with the same hash have the same
 * rules up to the first upgrade that they do not share. Upgrades are no part of it (U3). */
POSW_API void posw_params_hash(posw_hash *out, const posw_params *p);

#ifdef __cplusplus
}
#endif

#endif
