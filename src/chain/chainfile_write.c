/* Writing the chain file, its warnings, and the development chain. The written form is canonical: all values that mean
 * something, in the order of the header's example, so that write(read(write(x))) = write(x). */
#include "chain/chainfile.h"

#include "base/bytes.h"
#include "base/units.h"
#include "chainfile/fields.h"
#include "posw/stake.h"
#include "posw/u256.h"
#include "posw/weight.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- values ---- */

/* Every number up to here is exact in every JSON reader. */
static const uint64_t SAFE_INTEGER_MAX = ((uint64_t)1 << 53) - 1;

static json_t *number_json(uint64_t v) {
    if (v <= SAFE_INTEGER_MAX) return json_integer((json_int_t)v);
    const posw_u256 wide = posw_u256_from_u64(v);
    char text[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(text, &wide);
    return json_string(text);
}

static json_t *number256_json(const posw_u256 *v) {
    char text[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(text, v);
    return json_string(text);
}

static json_t *with_unit(const posw_u256 *v, const char *unit) {
    char text[POSW_U256_DEC_SIZE + 8];
    const size_t n = posw_u256_to_dec(text, v);
    memcpy(text + n, unit, strlen(unit) + 1);
    return json_string(text);
}

/* Coins where that is short; fees and dust in the unit in which they are whole numbers. */
static json_t *amount_json(const posw_u256 *wei) {
    const posw_u256 gwei = posw_u256_from_u64(1000000000), micro_coin = posw_u256_from_u64(1000000000000);
    posw_u256 quotient, rest;
    if (posw_u256_is_zero(wei) || posw_u256_cmp(wei, &micro_coin) >= 0) {
        char text[POSW_AMOUNT_SIZE + 8];
        const size_t n = posw_amount_format(text, wei);
        memcpy(text + n, " coin", sizeof " coin");
        return json_string(text);
    }
    posw_u256_divmod(&quotient, &rest, wei, &gwei);
    return posw_u256_is_zero(&rest) ? with_unit(&quotient, " gwei") : with_unit(wei, " wei");
}

static json_t *address_json(const posw_address *a) {
    char text[2 + 2 * POSW_ADDRESS_SIZE + 1] = "0x";
    posw_hex_encode(text + 2, a->b, sizeof a->b);
    return json_string(text);
}

static json_t *field_json(const posw_chainfile_field *f, const posw_params *p) {
    const void *at = (const uint8_t *)p + f->offset;
    posw_u256 wei;
    switch (f->type) {
    case POSW_FIELD_NUMBER:
        return number_json(*(const uint64_t *)at);
    case POSW_FIELD_NUMBER256:
        return number256_json(at);
    case POSW_FIELD_AMOUNT:
        return amount_json(at);
    case POSW_FIELD_AMOUNT64:
        wei = posw_u256_from_u64(*(const uint64_t *)at);
        return amount_json(&wei);
    }
    return NULL;
}

/* ---- members; *ok goes false when memory runs out ---- */

static void set(json_t *object, const char *key, json_t *value, bool *ok) {
    if (json_object_set_new(object, key, value) != 0) *ok = false; /* also when object or value is NULL */
}

static void set_fields(json_t *object, enum posw_chainfile_section section, const posw_params *p, bool *ok) {
    for (size_t i = 0; i < POSW_CHAINFILE_FIELD_COUNT; i++) {
        const posw_chainfile_field *f = &POSW_CHAINFILE_FIELDS[i];
        const bool after_sections = f->offset == offsetof(posw_params, gas_limit);
        if (f->section == section && !after_sections && posw_chainfile_applies(f, p))
            set(object, f->key, field_json(f, p), ok);
    }
}

static json_t *difficulty_json(const posw_params *p, bool *ok) {
    json_t *o = json_object();
    set(o, "rule", json_string(posw_difficulty_name(p->difficulty_rule)), ok);
    set_fields(o, POSW_SECTION_DIFFICULTY, p, ok);
    return o;
}

static json_t *weight_json(const posw_params *p, bool *ok) {
    json_t *o = json_object();
    const char *preset = posw_params_preset_of(p);
    if (strcmp(preset, "custom") != 0) {
        set(o, "preset", json_string(preset), ok);
        return o;
    }
    set(o, "rule", json_string(POSW_CHAINFILE_WEIGHT_RULES[p->weight.rule]), ok);
    set_fields(o, POSW_SECTION_WEIGHT, p, ok);
    if (p->weight.rule != POSW_WEIGHT_POWER) return o;
    POSW_ASSERT(p->weight.exponent_x2 < POSW_ARRAY_SIZE(POSW_CHAINFILE_EXPONENTS)); /* P7 */
    set(o, "exponent", json_string(POSW_CHAINFILE_EXPONENTS[p->weight.exponent_x2]), ok);
    return o;
}

static json_t *reward_json(const posw_params *p, bool *ok) {
    json_t *o = json_object();
    set_fields(o, POSW_SECTION_REWARD, p, ok);
    if (posw_address_is_zero(&p->treasury) && p->treasury_share == 0) return o;
    set(o, "treasury", address_json(&p->treasury), ok);
    set(o, "treasuryShare", number_json(p->treasury_share), ok);
    return o;
}

static json_t *fees_json(const posw_params *p, bool *ok) {
    json_t *o = json_object();
    set(o, "base", json_string(POSW_CHAINFILE_FEE_RULES[p->fee_rule]), ok);
    if (p->fee_rule == POSW_FEE_POOL) set(o, "poolBlocks", number_json(p->pool_blocks), ok);
    set_fields(o, POSW_SECTION_FEES, p, ok);
    return o;
}

/* What differs from the rules before. Both values of the treasury are written if one differs: a share needs an address.
 */
static json_t *upgrade_json(const posw_upgrade *u, const posw_rules *before, bool *ok) {
    json_t *o = json_object();
    const posw_rules *rules = &u->rules;
    const posw_u256 fee = posw_u256_from_u64(rules->base_fee_min_wei);
    set(o, "height", number_json(u->height), ok);
    set(o, "name", json_string(u->name), ok);
    if (rules->gas_limit != before->gas_limit) set(o, "gasLimit", number_json(rules->gas_limit), ok);
    if (rules->base_fee_min_wei != before->base_fee_min_wei) {
        json_t *fees = json_object();
        set(fees, "minimum", amount_json(&fee), ok);
        set(o, "fees", fees, ok);
    }
    if (rules->treasury_share != before->treasury_share || !posw_address_equal(&rules->treasury, &before->treasury)) {
        json_t *reward = json_object();
        set(reward, "treasury", address_json(&rules->treasury), ok);
        set(reward, "treasuryShare", number_json(rules->treasury_share), ok);
        set(o, "reward", reward, ok);
    }
    return o;
}

static json_t *upgrades_json(const posw_params *p, bool *ok) {
    json_t *list = json_array();
    posw_rules before = posw_params_rules(p, 0);
    for (uint32_t i = 0; i < p->upgrade_count; i++) {
        if (json_array_append_new(list, upgrade_json(&p->upgrades[i], &before, ok)) != 0) *ok = false;
        before = p->upgrades[i].rules;
    }
    return list;
}

static json_t *accounts_json(const posw_chain_spec *spec, bool *ok) {
    json_t *o = json_object();
    for (size_t i = 0; i < spec->account_count; i++) {
        char key[2 + 2 * POSW_ADDRESS_SIZE + 1] = "0x";
        posw_hex_encode(key + 2, spec->accounts[i].address.b, POSW_ADDRESS_SIZE);
        set(o, key, amount_json(&spec->accounts[i].balance_wei), ok);
    }
    return o;
}

static json_t *stakes_json(const posw_chain_spec *spec, bool *ok) {
    json_t *list = json_array();
    for (size_t i = 0; i < spec->stake_count; i++) {
        json_t *o = json_object();
        set(o, "miner", address_json(&spec->stakes[i].miner), ok);
        set(o, "owner", address_json(&spec->stakes[i].owner), ok);
        set(o, "amount", amount_json(&spec->stakes[i].amount_wei), ok);
        if (json_array_append_new(list, o) != 0) *ok = false;
    }
    return list;
}

static json_t *spec_json(const posw_chain_spec *spec, bool *ok) {
    const posw_params *p = &spec->params;
    json_t *o = json_object(), *stake = json_object();
    set(o, "name", json_string(spec->name), ok);
    set(o, "ticker", json_string(spec->ticker), ok);
    set(o, "chainId", number_json(p->chain_id), ok);
    set(o, "pow", json_string(posw_pow_name(p->pow)), ok);
    set_fields(o, POSW_SECTION_TOP, p, ok);
    set(o, "difficulty", difficulty_json(p, ok), ok);
    set(o, "weight", weight_json(p, ok), ok);
    set_fields(stake, POSW_SECTION_STAKE, p, ok);
    set(o, "stake", stake, ok);
    set(o, "reward", reward_json(p, ok), ok);
    set(o, "fees", fees_json(p, ok), ok);
    set(o, "gasLimit", number_json(p->gas_limit), ok);
    set(o, "timestamp", number_json(p->genesis_time), ok);
    if (p->upgrade_count > 0) set(o, "upgrades", upgrades_json(p, ok), ok);
    set(o, "accounts", accounts_json(spec, ok), ok);
    set(o, "stakes", stakes_json(spec, ok), ok);
    return o;
}

static int append_text(const char *text, size_t size, void *arg) {
    posw_buf *out = arg;
    posw_buf_append(out, text, size);
    return out->failed ? -1 : 0;
}

void posw_chainfile_write(posw_buf *out, const posw_chain_spec *spec) {
    bool ok = true;
    json_t *root = spec_json(spec, &ok);
    if (!ok || json_dump_callback(root, append_text, out, JSON_INDENT(2)) != 0) out->failed = true;
    json_decref(root);
    posw_buf_byte(out, '\n');
}

/* ---- warnings ---- */

typedef void (*warn_fn)(void *arg, const char *sentence);

static const char *difficulty_warning(enum posw_difficulty_rule rule) {
    switch (rule) {
    case POSW_DIFFICULTY_ASERT_LAG:
        return NULL;
    case POSW_DIFFICULTY_ASERT:
        return "difficulty.rule \"asert\": a secret branch makes its own blocks harder by its timestamps, so that "
               "fewer tickets are enough, and a selfish miner wins ties; \"asert-lag\" looks at times that all know";
    case POSW_DIFFICULTY_FIXED:
        return "difficulty.rule \"fixed\" never follows the hash rate: use it for development only";
    case POSW_DIFFICULTY_LWMA3:
        return "difficulty.rule \"lwma3\": a short burst of hash power moves the difficulty for many blocks; "
               "\"asert-lag\" does not swing";
    case POSW_DIFFICULTY_BITCOIN2016:
        return "difficulty.rule \"bitcoin2016\": when hash power leaves, the chain crawls to the end of the interval; "
               "\"asert-lag\" follows with each block";
    case POSW_DIFFICULTY_HOMESTEAD:
        return "difficulty.rule \"homestead\": a miner lowers its own difficulty by its timestamp; \"asert-lag\" "
               "cannot be moved by that";
    case POSW_DIFFICULTY_STEP:
        return "difficulty.rule \"step\": a miner lowers its own difficulty by its timestamp, and blocks take 1.278 "
               "times blockTime; use \"asert-lag\"";
    }
    return NULL;
}

/* The least difficulty that a rule moves: below, a step of it is rounded down to 0 (D4, D6, D7). */
static uint64_t least_moved(enum posw_difficulty_rule rule) {
    switch (rule) {
    case POSW_DIFFICULTY_HOMESTEAD:
        return 2048;
    case POSW_DIFFICULTY_STEP:
        return 10;
    case POSW_DIFFICULTY_LWMA3:
        return 2;
    case POSW_DIFFICULTY_ASERT:
    case POSW_DIFFICULTY_ASERT_LAG:
    case POSW_DIFFICULTY_FIXED:
    case POSW_DIFFICULTY_BITCOIN2016:
        return 1;
    }
    return 1;
}

/* Timestamps are whole seconds that rise (T1), so that blocks a second apart are in time for a rule that has no shorter
 * one to tell from; under homestead that is the second bucket (D6). */
static bool never_early(const posw_params *p) {
    switch (p->difficulty_rule) {
    case POSW_DIFFICULTY_ASERT:
    case POSW_DIFFICULTY_ASERT_LAG:
    case POSW_DIFFICULTY_LWMA3:
    case POSW_DIFFICULTY_BITCOIN2016:
    case POSW_DIFFICULTY_STEP:
        return p->block_time_s == 1;
    case POSW_DIFFICULTY_HOMESTEAD:
        return p->block_time_s <= 2;
    case POSW_DIFFICULTY_FIXED:
        return false;
    }
    return false;
}

static void warn_work(const posw_params *p, warn_fn fn, void *arg) {
    const char *about_rule = difficulty_warning(p->difficulty_rule);
    const posw_u256 least = posw_u256_from_u64(least_moved(p->difficulty_rule));
    if (about_rule != NULL) fn(arg, about_rule);
    if (posw_u256_cmp(&p->genesis_difficulty, &least) < 0)
        fn(arg, "difficulty.genesis is so low that the rule never moves it, since its steps are rounded down to 0: "
                "whoever has hash power makes blocks without limit; give at least 2048 for \"homestead\", 10 for "
                "\"step\", 2 for \"lwma3\"");
    if (posw_difficulty_has_half_life(p->difficulty_rule) && p->genesis_time < 1600000000)
        fn(arg, "timestamp lies years back: the difficulty will fall to 1 at the first block; use the time of launch");
    if (posw_difficulty_has_half_life(p->difficulty_rule) && p->difficulty_blocks < 16)
        fn(arg, "difficulty.halfLife is below 16 blocks: the difficulty will swing with luck, and the lag of "
                "\"asert-lag\", a sixteenth of it, is none");
    if (never_early(p))
        fn(arg,
           "blockTime is so short that no block can be early, since timestamps rise by a second at least (T1): the "
           "difficulty hardly ever rises, and whoever has hash power makes blocks without limit; give at least 2, "
           "3 for \"homestead\"");
    if (p->pow == POSW_POW_KECCAK256)
        fn(arg, "pow \"keccak256\" is searched best by special hardware: use it for development only");
    if (p->block_time_s < 5)
        fn(arg, "blockTime is below 5 s: on a real network many blocks will be found side by side");
}

/* Tickets for a part of a window only: the difficulty rises to what boosted work finds, and when all tickets are used
 * up, the same machines are M times too slow for it. A few of them hardly move the difficulty. */
static void warn_tickets(const posw_chain_spec *spec, warn_fn fn, void *arg) {
    const posw_params *p = &spec->params;
    const posw_u256 supply = posw_chain_spec_supply(spec);
    uint64_t tickets = 0;
    for (size_t i = 0; i < spec->stake_count; i++)
        tickets += posw_weight_tickets(p, &spec->stakes[i].amount_wei, &supply);
    if (p->weight.ramp_blocks == 0 && tickets >= p->window_blocks / 32 && tickets < p->window_blocks)
        fn(arg,
           "stakes give fewer tickets than a window has blocks: if their miners alone mine, the chain is quick until "
           "all are used up, and then nearly stands still for hours, since work counts only once; stake more than "
           "the supply divided by weight.slots, or set weight.ramp");
}

/* Who has a ticket for every block of a window amplifies any amount of hash power, as under `power`. Under a fixed
 * price what that takes is a smaller part of the coins the more there are. */
static void warn_price(const posw_chain_spec *spec, warn_fn fn, void *arg) {
    enum { PART = 16 };
    const posw_params *p = &spec->params;
    const posw_u256 supply = posw_chain_spec_supply(spec);
    posw_u256 window_wei;
    if (posw_u256_is_zero(&p->weight.ticket_price_wei)) {
        if (p->weight.slots > PART)
            fn(arg,
               "weight.slots is above 16: less than a sixteenth of the coins gives a ticket for every block, and so "
               "amplifies any amount of rented hash power");
        return;
    }
    if (posw_u256_mul_u64(&window_wei, &p->weight.ticket_price_wei, PART * p->window_blocks) &&
        posw_u256_cmp(&window_wei, &supply) < 0)
        fn(arg, "weight.price times window is below a sixteenth of the coins: so much gives a ticket for every block, "
                "and amplifies any amount of rented hash power");
}

posw_u256 posw_chainfile_stake_min(const posw_u256 *supply_wei) {
    const posw_u256 coin = posw_coin();
    posw_u256 least = posw_u256_sub_sat(supply_wei, &POSW_U256_ONE); /* rounded up to whole coins */
    least = posw_u256_div_u64(&least, (uint64_t)POSW_CHAINFILE_PLACES_PART * POSW_STAKE_MINERS_MAX);
    posw_u256_divmod(&least, NULL, &least, &coin);
    least = posw_u256_add_sat(&least, &POSW_U256_ONE);
    return posw_u256_mul(&least, &least, &coin) ? least : *supply_wei;
}

uint64_t posw_chainfile_unbonding_min(const posw_params *p) {
    const uint64_t epochs = (p->window_blocks + p->epoch_blocks - 1) / p->epoch_blocks;
    return (epochs < 2 ? 2 : epochs) * p->epoch_blocks;
}

uint64_t posw_chainfile_unbonding_default(const posw_params *p) {
    const uint64_t week = 7 * 86400 / p->block_time_s, least = posw_chainfile_unbonding_min(p);
    return week > least ? week : least;
}

/* S3: when all places are taken, nobody else can stake; who is in the list may like that. */
static void warn_places(const posw_chain_spec *spec, warn_fn fn, void *arg) {
    const posw_u256 supply = posw_chain_spec_supply(spec), least = posw_chainfile_stake_min(&supply);
    posw_u256 all, parts;
    char all_text[POSW_AMOUNT_SIZE], least_text[POSW_AMOUNT_SIZE], sentence[400];
    if (!posw_u256_mul_u64(&all, &spec->params.stake_min_wei, POSW_STAKE_MINERS_MAX) ||
        !posw_u256_mul_u64(&parts, &all, POSW_CHAINFILE_PLACES_PART) || posw_u256_cmp(&parts, &supply) >= 0)
        return;
    posw_amount_format(all_text, &all);
    posw_amount_format(least_text, &least);
    snprintf(
        sentence, sizeof sentence,
        "stake.minimum is low: %s coins, less than a twentieth of all, take every place in the list of miners, and "
        "nobody else can stake then; give at least %s coin",
        all_text, least_text);
    fn(arg, sentence);
}

static void warn_weight(const posw_chain_spec *spec, warn_fn fn, void *arg) {
    const posw_weight_params *w = &spec->params.weight;
    const bool counts = w->rule == POSW_WEIGHT_TICKET ? w->boost > 1 : w->exponent_x2 > 0 && w->max > 1;
    if (!counts) {
        fn(arg, "weight: stake counts for nothing, so rented hash power can take the chain over");
        return;
    }
    if (w->rule == POSW_WEIGHT_POWER)
        fn(arg, "weight.rule \"power\": one stake amplifies any amount of rented hash power; \"ticket\" does not");
    if (w->rule == POSW_WEIGHT_POWER && w->exponent_x2 > 2)
        fn(arg, "weight.exponent is above 1: the largest stake wins more than its share, and small miners will merge "
                "or leave");
    if (w->rule == POSW_WEIGHT_TICKET && w->boost < 16)
        fn(arg,
           "weight.boost is below 16: an attacker without stake needs little more hash power than on a plain chain");
    if (spec->stake_count == 0)
        fn(arg, spec->account_count == 0
                    ? "accounts and stakes are empty: nobody has coins but those that are mined, and no stake is in "
                      "force in the first two epochs, when a new chain is weakest"
                    : "stakes is empty: no stake is in force in the first two epochs, when a new chain is weakest");
    if (spec->stake_count > 0 && w->rule == POSW_WEIGHT_TICKET && w->ramp_blocks == 0 && spec->stake_count < 4)
        fn(arg, "stakes names fewer than four deposits and weight.ramp is 0: they will win nearly all first blocks");
    if (w->rule == POSW_WEIGHT_TICKET) warn_tickets(spec, fn, arg);
    if (w->rule == POSW_WEIGHT_TICKET) warn_price(spec, fn, arg);
    warn_places(spec, fn, arg);
}

static void warn_lengths(const posw_params *p, warn_fn fn, void *arg) {
    if (p->window_blocks < 256) fn(arg, "window is below 256 blocks: few stakes in a row are needed to rewrite it");
    if (p->epoch_blocks < 64) fn(arg, "epoch is below 64 blocks: a private fork can change the stake table soon");
    if (p->reorg_max_blocks < 16)
        fn(arg, "maxReorg is below 16 blocks: a short network split can divide the chain for good");
    if (p->unbonding_blocks * p->block_time_s < 86400)
        fn(arg, "unbonding is shorter than a day: an attacker can sell the stake before the attack is understood");
}

static void warn_money(const posw_chain_spec *spec, warn_fn fn, void *arg) {
    const posw_params *p = &spec->params;
    if (posw_u256_is_zero(&p->reward_initial_wei) && posw_u256_is_zero(&p->reward_tail_wei) && spec->account_count == 0)
        fn(arg, "reward.initial is 0 and accounts is empty: nobody can ever have a coin");
    if (p->treasury_share > 5000)
        fn(arg, "reward.treasuryShare is above 5000: miners get less than half of the reward");
    if (p->fee_rule == POSW_FEE_POOL && p->pool_blocks < 16)
        fn(arg,
           "fees.poolBlocks is below 16: a miner gets much of its own block's base fees back at once, and can fill "
           "blocks for little");
    if (p->gas_limit < 21000) fn(arg, "gasLimit is below 21000: no block can hold a transfer");
    if (p->gas_limit > 100000000) fn(arg, "gasLimit is above 100,000,000: full blocks take long to check and to send");
}

static void warn_names(const posw_chain_spec *spec, warn_fn fn, void *arg) {
    static const uint64_t taken[] = {1, 5, 10, 56, 61, 100, 137, 8453, 17000, 42161, 43114, 11155111};
    static const char *const tickers[] = {"BTC", "ETH", "BNB", "XRP", "SOL", "USDT", "USDC", "DOGE"};
    const uint64_t id = spec->params.chain_id;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(taken); i++)
        if (id == taken[i])
            fn(arg, "chainId is that of a well-known chain: wallets will mix the two up; choose another");
    if (id == 1337 || id == 31337)
        fn(arg, "chainId is the usual one of development chains: choose another for a chain with value");
    for (size_t i = 0; i < POSW_ARRAY_SIZE(tickers); i++)
        if (strcmp(spec->ticker, tickers[i]) == 0)
            fn(arg, "ticker is that of a well-known coin: wallets will warn of fraud");
}

void posw_chainfile_warnings(const posw_chain_spec *spec, warn_fn fn, void *arg) {
    warn_work(&spec->params, fn, arg);
    warn_weight(spec, fn, arg);
    warn_lengths(&spec->params, fn, arg);
    warn_money(spec, fn, arg);
    warn_names(spec, fn, arg);
}

/* ---- the development chain ---- */

int posw_chainfile_dev(posw_chain_spec *out) {
    posw_chain_spec spec = {.name = "posw dev", .ticker = "DEV"};
    posw_params *p = &spec.params;
    posw_params_default(p);
    p->chain_id = 1337;
    p->pow = POSW_POW_KECCAK256;
    p->block_time_s = 1;
    p->window_blocks = 32;
    p->epoch_blocks = 16;
    p->unbonding_blocks = 32;
    p->reorg_max_blocks = 16;
    p->difficulty_rule = POSW_DIFFICULTY_FIXED;
    p->difficulty_blocks = 0;
    p->genesis_difficulty = posw_u256_from_u64(2048);
    p->gas_limit = 600000000;
    *out = spec;
    return POSW_OK;
}
