/* The parameters of a chain: which values make sense together, what they commit to, and how many coins they can ever
 * make.
 *
 * The checks P3 and P4 are what makes stake binding. With the table of an epoch taken a whole epoch before it is in
 * force, a deposit must outlive any reorganisation that could bring back the time when it counted (P4):
 *
 *      stake ... unstake | <- still counts: up to 2 E -> | <- cannot come back: R -> |
 *                        |<------------------ U blocks locked ---------------------->|
 *
 * and coins that change sides must count for nobody while the tickets that they gave are still used up (P3). Both
 * unstaking and staking wait for the second next epoch, so that the pause between has as many whole epochs as U:
 *
 *      for A: ... counts | <- for nobody: floor(U/E) E or more, which is at least W -> | counts ... :for B
 *
 * P5 keeps every amount, and every sum of amounts, below 2^128: sums in the stake tree have 16 bytes, and no rule needs
 * to think about overflow. Amounts of the allocation are added by who knows them; the subsidies of 2^40 blocks (520,000
 * years of 15 s) are summed here era by era. */
#include "posw/params.h"

#include "base/bytes.h"
#include "base/error.h"
#include "codec/rlp.h"
#include "core/staking_address.h"
#include "crypto/keccak.h"
#include "posw/difficulty.h"
#include "posw/economy.h"
#include "posw/u256.h"

const posw_address POSW_STAKING_ADDRESS = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x70, 0x6f, 0x73, 0x77}};

static const uint64_t REWARD_BLOCKS = (uint64_t)1 << 40;

static bool fits_128(const posw_u256 *v) {
    return posw_u256_bits(v) <= 128;
}

enum { LONG_MAX_BLOCKS = 1 << 24 };

static bool within(uint64_t v, uint64_t min, uint64_t max) {
    return v >= min && v <= max;
}

/* P2 */
static bool check_difficulty_blocks(const posw_params *p) {
    return !posw_difficulty_has_blocks(p->difficulty_rule) ||
           within(p->difficulty_blocks, posw_difficulty_blocks_min(p->difficulty_rule),
                  posw_difficulty_blocks_max(p->difficulty_rule, p->window_blocks));
}

/* P2 */
static bool check_range(const posw_params *p) {
    enum { BLOCK_TIME_MAX = 3600, BLOCKS_MAX = 65536 };
    if (p->block_time_s < 1 || p->block_time_s > BLOCK_TIME_MAX) return false;
    if (p->window_blocks < 2 || p->window_blocks > BLOCKS_MAX) return false;
    if (p->epoch_blocks < 1 || p->epoch_blocks > BLOCKS_MAX) return false;
    if (p->reorg_max_blocks < 1 || p->reorg_max_blocks > p->epoch_blocks) return false;
    if (p->unbonding_blocks > LONG_MAX_BLOCKS) return false;
    return check_difficulty_blocks(p);
}

/* From genesis on, whatever the list of upgrades says. */
static posw_rules first_rules(const posw_params *p) {
    return (posw_rules){.gas_limit = p->gas_limit,
                        .base_fee_min_wei = p->base_fee_min_wei,
                        .treasury = p->treasury,
                        .treasury_share = p->treasury_share};
}

/* P6, of the rules that an upgrade may change */
static bool fees_sound(const posw_rules *r) {
    static const uint64_t GAS_LIMIT_MIN = 5000, GAS_LIMIT_END = (uint64_t)1 << 63;
    return r->gas_limit >= GAS_LIMIT_MIN && r->gas_limit < GAS_LIMIT_END && r->base_fee_min_wei > 0;
}

/* P6 */
static bool check_genesis(const posw_params *p) {
    const posw_rules first = first_rules(p);
    if ((unsigned)p->pow > POSW_POW_RANDOMX || (unsigned)p->difficulty_rule > POSW_DIFFICULTY_ASERT_LAG) return false;
    if (posw_u256_is_zero(&p->genesis_difficulty)) return false;
    return fees_sound(&first) && p->base_fee_min_wei <= p->base_fee_initial_wei;
}

/* P7 */
static bool check_weight(const posw_weight_params *w) {
    static const uint64_t RAMP_END = (uint64_t)1 << 32;
    switch (w->rule) {
    case POSW_WEIGHT_POWER:
        if (posw_u256_is_zero(&w->unit_wei) || w->min < 1 || w->min > w->max) return false;
        return w->exponent_x2 <= 4 || w->exponent_x2 == 6;
    case POSW_WEIGHT_TICKET:
        return w->boost >= 1 && w->slots >= 1 && fits_128(&w->ticket_price_wei) && w->ramp_blocks < RAMP_END;
    }
    return false;
}

/* P8. What the contract holds is all owed to somebody: coins of a treasury would be lost in it. */
static bool treasury_sound(const posw_rules *r) {
    enum { SHARE_WHOLE = 10000 };
    if (r->treasury_share > SHARE_WHOLE) return false;
    return r->treasury_share == 0 || !posw_address_equal(&r->treasury, &POSW_STAKING_ADDRESS);
}

/* P8 */
static bool check_economy(const posw_params *p) {
    const posw_rules first = first_rules(p);
    if (posw_u256_is_zero(&p->stake_min_wei) || !treasury_sound(&first)) return false;
    if (p->halving_blocks >= REWARD_BLOCKS || p->pool_blocks >= REWARD_BLOCKS) return false;
    if (p->fee_rule == POSW_FEE_POOL) return p->pool_blocks >= 1;
    return p->fee_rule == POSW_FEE_BURN;
}

/* In UTF-8: U+0000 to U+001f, U+007f to U+009f. */
static bool is_control(const uint8_t *text) {
    return text[0] < ' ' || text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0);
}

/* U1: a name is a line of text. */
static bool name_sound(const char name[POSW_UPGRADE_NAME_MAX + 1]) {
    size_t size = 0;
    for (; size <= POSW_UPGRADE_NAME_MAX && name[size] != '\0'; size++)
        if (is_control((const uint8_t *)name + size)) return false;
    return size >= 1 && size <= POSW_UPGRADE_NAME_MAX;
}

/* U1 */
static bool check_upgrades(const posw_params *p) {
    if (p->upgrade_count > POSW_UPGRADES_MAX) return false;
    uint64_t height = 0;
    posw_rules rules = first_rules(p);
    for (uint32_t i = 0; i < p->upgrade_count; i++) {
        const posw_upgrade *u = &p->upgrades[i];
        if (u->height <= height || u->height >= REWARD_BLOCKS || !name_sound(u->name)) return false;
        if (!fees_sound(&u->rules) || !treasury_sound(&u->rules)) return false;
        if (posw_rules_equal(&u->rules, &rules)) return false;
        height = u->height;
        rules = u->rules;
    }
    return true;
}

posw_verdict posw_params_check(const posw_params *p) {
    static const uint64_t CHAIN_ID_END = ((uint64_t)1 << 31) - 18;
    if (p->chain_id < 1 || p->chain_id >= CHAIN_ID_END) return posw_invalid(POSW_RULE_PARAMS_CHAIN_ID); /* P1 */
    if (!check_range(p)) return posw_invalid(POSW_RULE_PARAMS_RANGE);
    if (p->unbonding_blocks / p->epoch_blocks * p->epoch_blocks < p->window_blocks)
        return posw_invalid(POSW_RULE_PARAMS_TICKET_LOCK); /* P3 */
    if (p->unbonding_blocks < 2 * p->epoch_blocks || p->unbonding_blocks < p->epoch_blocks + p->reorg_max_blocks)
        return posw_invalid(POSW_RULE_PARAMS_UNBONDING); /* P4 */
    const posw_u256 rewards = posw_params_reward_total(p);
    if (!fits_128(&rewards)) return posw_invalid(POSW_RULE_PARAMS_SUPPLY); /* P5 */
    if (!check_genesis(p)) return posw_invalid(POSW_RULE_PARAMS_GENESIS);
    if (!check_weight(&p->weight)) return posw_invalid(POSW_RULE_PARAMS_WEIGHT);
    if (!check_economy(p)) return posw_invalid(POSW_RULE_PARAMS_ECONOMY);
    if (!check_upgrades(p)) return posw_invalid(POSW_RULE_PARAMS_UPGRADE);
    return posw_valid();
}

/* U2 */
posw_rules posw_params_rules(const posw_params *p, uint64_t number) {
    posw_rules rules = first_rules(p);
    for (uint32_t i = 0; i < p->upgrade_count && i < POSW_UPGRADES_MAX && p->upgrades[i].height <= number; i++)
        rules = p->upgrades[i].rules;
    return rules;
}

bool posw_rules_equal(const posw_rules *a, const posw_rules *b) {
    if (a->gas_limit != b->gas_limit || a->base_fee_min_wei != b->base_fee_min_wei) return false;
    return a->treasury_share == b->treasury_share &&
           (a->treasury_share == 0 || posw_address_equal(&a->treasury, &b->treasury));
}

static posw_u256 times_saturated(const posw_u256 *a, uint64_t b) {
    posw_u256 out;
    return posw_u256_mul_u64(&out, a, b) ? out : POSW_U256_MAX;
}

/* P5: blocks 1 to 2^40, era by era. From era 256 on the subsidy is the tail, so the rest is one product. */
posw_u256 posw_params_reward_total(const posw_params *p) {
    enum { LAST_ERA = 256 };
    posw_u256 total = POSW_U256_ZERO;
    uint64_t first = 1;
    for (uint64_t era = 0; first <= REWARD_BLOCKS; era++) {
        uint64_t end = REWARD_BLOCKS + 1; /* the block after the era */
        const bool ends = p->halving_blocks != 0 && p->halving_blocks <= REWARD_BLOCKS && era < LAST_ERA;
        if (ends && (era + 1) * p->halving_blocks < end) end = (era + 1) * p->halving_blocks;
        const posw_u256 subsidy = posw_reward_subsidy(p, first);
        const posw_u256 sum = times_saturated(&subsidy, end - first);
        total = posw_u256_add_sat(&total, &sum);
        first = end;
    }
    return total;
}

/* --- C1; upgrades are no part of it (U3) --- */

enum { CANONICAL_SIZE_MAX = 1024, CANONICAL_VERSION = 1 };

typedef struct {
    uint8_t bytes[CANONICAL_SIZE_MAX], *end;
} canonical;

static void put(canonical *c, uint64_t v) {
    c->end = posw_rlp_put_u64(c->end, v);
}
static void put_wei(canonical *c, const posw_u256 *v) {
    c->end = posw_rlp_put_u256(c->end, v);
}

static void put_weight(canonical *c, const posw_weight_params *w) {
    const bool power = w->rule == POSW_WEIGHT_POWER;
    const posw_weight_params none = {0};
    const posw_weight_params *a = power ? w : &none, *b = power ? &none : w;
    put(c, w->rule);
    put_wei(c, &a->unit_wei);
    put(c, a->min);
    put(c, a->max);
    put(c, a->exponent_x2);
    put(c, b->boost);
    put(c, b->slots);
    put_wei(c, &b->ticket_price_wei);
    put(c, b->ramp_blocks);
}

static void put_economy(canonical *c, const posw_params *p) {
    const posw_address nobody = {0};
    const posw_address *treasury = p->treasury_share == 0 ? &nobody : &p->treasury;
    put_wei(c, &p->stake_min_wei);
    put_wei(c, &p->reward_initial_wei);
    put(c, p->halving_blocks);
    put_wei(c, &p->reward_tail_wei);
    c->end = posw_rlp_put_bytes(c->end, treasury->b, POSW_ADDRESS_SIZE);
    put(c, p->treasury_share);
    put(c, p->fee_rule);
    put(c, p->fee_rule == POSW_FEE_POOL ? p->pool_blocks : 0);
    put(c, p->base_fee_min_wei);
}

/* C1. The content is at most 24 numbers of 9 bytes, 6 of 33 and an address: far below the size of the array. */
void posw_params_hash(posw_hash *out, const posw_params *p) {
    canonical c;
    c.end = c.bytes;
    put(&c, CANONICAL_VERSION);
    put(&c, p->chain_id);
    put(&c, p->pow);
    put(&c, p->block_time_s);
    put(&c, p->window_blocks);
    put(&c, p->epoch_blocks);
    put(&c, p->unbonding_blocks);
    put(&c, p->reorg_max_blocks);
    put(&c, p->difficulty_rule);
    put(&c, posw_difficulty_has_blocks(p->difficulty_rule) ? p->difficulty_blocks : 0);
    put_weight(&c, &p->weight);
    put_economy(&c, p);

    uint8_t prefix[9];
    const size_t content = (size_t)(c.end - c.bytes),
                 prefix_size = (size_t)(posw_rlp_put_list(prefix, content) - prefix);
    posw_keccak k;
    posw_keccak_init(&k);
    posw_keccak_update(&k, prefix, prefix_size);
    posw_keccak_update(&k, c.bytes, content);
    posw_keccak_final(&k, out);
}
