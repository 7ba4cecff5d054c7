/* The named weight rules of W6, and the parameters of a new chain. A preset is values only: nothing else in the code
 * knows its name. */
#include "base/error.h"
#include "posw/difficulty.h"
#include "posw/params.h"
#include "posw/u256.h"

#include <string.h>

enum { PRESET_COUNT = 7 };
static const uint64_t WEI_PER_COIN = 1000000000000000000U;
static const uint64_t QUARKCHAIN_WINDOW = 256;

typedef struct {
    const char *text;
    enum posw_weight_rule rule;
    uint64_t unit_coins, min, max;
    uint32_t exponent_x2;
    uint64_t boost, slots, price_coins;
    uint64_t window_blocks; /* 0: the preset leaves the window as it is */
} preset;

static const char *const NAMES[PRESET_COUNT + 1] = {"ticket", "quarkchain", "diode", "quadratic",
                                                    "linear", "sqrt",       "pow",   NULL};

/* In the order of NAMES. */
static const preset PRESETS[PRESET_COUNT] = {
    {.text = "stake is used up: each boosted block takes one ticket for a whole window (the default)",
     .rule = POSW_WEIGHT_TICKET,
     .boost = 1024,
     .slots = 4},
    {.text = "tickets at a fixed price of 1,000 coins, boost 20, meant for a window of 256 blocks",
     .rule = POSW_WEIGHT_TICKET,
     .boost = 20,
     .slots = 1,
     .price_coins = 1000,
     .window_blocks = QUARKCHAIN_WINDOW},
    {.text = "the square of the stake in units of 1,000 coins, from 1 to 2,500",
     .rule = POSW_WEIGHT_POWER,
     .unit_coins = 1000,
     .min = 1,
     .max = 50,
     .exponent_x2 = 4},
    {.text = "the square of the stake in units of 1,000 coins, without a practical limit",
     .rule = POSW_WEIGHT_POWER,
     .unit_coins = 1000,
     .min = 1,
     .max = 1000000,
     .exponent_x2 = 4},
    {.text = "the stake in units of 1,000 coins",
     .rule = POSW_WEIGHT_POWER,
     .unit_coins = 1000,
     .min = 1,
     .max = 1000000,
     .exponent_x2 = 2},
    {.text = "the square root of the stake in units of 1,000 coins",
     .rule = POSW_WEIGHT_POWER,
     .unit_coins = 1000,
     .min = 1,
     .max = 1000000,
     .exponent_x2 = 1},
    {.text = "plain proof of work: stake counts for nothing",
     .rule = POSW_WEIGHT_POWER,
     .unit_coins = 1000,
     .min = 1,
     .max = 1,
     .exponent_x2 = 0},
};

static posw_u256 coins(uint64_t n) {
    const posw_u256 one = posw_u256_from_u64(WEI_PER_COIN);
    posw_u256 out;
    const bool fits = posw_u256_mul_u64(&out, &one, n);
    POSW_ASSERT(fits);
    return out;
}

static const preset *find(const char *name) {
    for (size_t i = 0; i < PRESET_COUNT; i++)
        if (strcmp(NAMES[i], name) == 0) return &PRESETS[i];
    return NULL;
}

static posw_weight_params weight_of(const preset *p) {
    return (posw_weight_params){.rule = p->rule,
                                .unit_wei = coins(p->unit_coins),
                                .min = p->min,
                                .max = p->max,
                                .exponent_x2 = p->exponent_x2,
                                .boost = p->boost,
                                .slots = p->slots,
                                .ticket_price_wei = coins(p->price_coins)};
}

const char *const *posw_params_presets(void) {
    return NAMES;
}

const char *posw_params_preset_text(const char *name) {
    const preset *p = find(name);
    return p == NULL ? "" : p->text;
}

/* W6 */
bool posw_params_preset(posw_params *out, const char *name) {
    const preset *p = find(name);
    if (p == NULL) return false;
    out->weight = weight_of(p);
    if (p->window_blocks != 0) out->window_blocks = p->window_blocks;
    return true;
}

/* Equal in what the rule of `a` uses. */
static bool same_rule(const posw_weight_params *a, const posw_weight_params *b) {
    if (a->rule != b->rule) return false;
    if (a->rule == POSW_WEIGHT_POWER)
        return posw_u256_equal(&a->unit_wei, &b->unit_wei) && a->min == b->min && a->max == b->max &&
               a->exponent_x2 == b->exponent_x2;
    return a->boost == b->boost && a->slots == b->slots && a->ramp_blocks == b->ramp_blocks &&
           posw_u256_equal(&a->ticket_price_wei, &b->ticket_price_wei);
}

/* The window is a parameter of its own, which whoever shows a preset shows beside it. */
const char *posw_params_preset_of(const posw_params *params) {
    for (size_t i = 0; i < PRESET_COUNT; i++) {
        const posw_weight_params weight = weight_of(&PRESETS[i]);
        if (same_rule(&params->weight, &weight)) return NAMES[i];
    }
    return "custom";
}

void posw_params_default(posw_params *out) {
    static const uint64_t WEI_PER_GWEI = 1000000000;
    *out = (posw_params){
        .pow = POSW_POW_ARGON2ID,
        .block_time_s = 15,
        .window_blocks = 2016,
        .epoch_blocks = 1008,
        .unbonding_blocks = 40320,
        .reorg_max_blocks = 504,
        .difficulty_rule = POSW_DIFFICULTY_ASERT_LAG,
        .difficulty_blocks = posw_difficulty_blocks_default(POSW_DIFFICULTY_ASERT_LAG, 2016),
        .stake_min_wei = coins(1),
        .reward_initial_wei = coins(2),
        .reward_tail_wei = posw_u256_from_u64(WEI_PER_COIN / 10),
        .halving_blocks = 4204800,
        .fee_rule = POSW_FEE_BURN,
        .base_fee_min_wei = WEI_PER_GWEI,
        .genesis_difficulty = posw_u256_from_u64(1024),
        .gas_limit = 30000000,
        .base_fee_initial_wei = WEI_PER_GWEI,
    };
    const bool known = posw_params_preset(out, "ticket");
    POSW_ASSERT(known);
}
