/* Names and parameters. Order matters in two places only: rules are read before the values that belong to them, and a
 * preset is applied before everything that it may set (the window of `quarkchain`). */
#include "base/bytes.h"
#include "chainfile/reader.h"
#include "core/staking_address.h"
#include "posw/u256.h"

#include <inttypes.h>

/* Keys that are not in the table of fields. */
static const char *const special_keys[POSW_SECTION_COUNT][8] = {
    {"name", "ticker", "pow", "timestamp", "upgrades", "accounts", "stakes", NULL},
    {"rule", NULL},
    {"preset", "rule", "exponent", NULL},
    {NULL},
    {"treasury", "treasuryShare", NULL},
    {"base", "poolBlocks", NULL},
};

/* ---- keys ---- */

static const json_t *value_of(const posw_chainfile_reader *r, enum posw_chainfile_section section, const char *key) {
    return json_object_get(r->sections[section], key);
}

static bool key_known(enum posw_chainfile_section section, const char *key) {
    for (const char *const *name = special_keys[section]; *name != NULL; name++)
        if (strcmp(*name, key) == 0) return true;
    for (size_t i = 0; i < POSW_CHAINFILE_FIELD_COUNT; i++)
        if (POSW_CHAINFILE_FIELDS[i].section == section && strcmp(POSW_CHAINFILE_FIELDS[i].key, key) == 0) return true;
    if (section != POSW_SECTION_TOP) return false;
    for (size_t i = 1; i < POSW_SECTION_COUNT; i++)
        if (strcmp(POSW_CHAINFILE_SECTIONS[i], key) == 0) return true;
    return false;
}

static bool check_keys(posw_chainfile_reader *r, enum posw_chainfile_section section) {
    const char *key;
    json_t *value;
    char path[POSW_CHAINFILE_PATH_SIZE];
    json_object_foreach(r->sections[section], key, value) {
        if (!key_known(section, key))
            return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "%s is not a key of a chain file: correct or remove it",
                                         posw_chainfile_path(path, section, key));
    }
    return true;
}

static bool find_sections(posw_chainfile_reader *r, json_t *root) {
    r->sections[POSW_SECTION_TOP] = root;
    if (!json_is_object(root))
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "the chain file is %s: write a JSON object { ... }",
                                     posw_chainfile_type_of(root));
    if (!check_keys(r, POSW_SECTION_TOP)) return false;
    for (enum posw_chainfile_section s = POSW_SECTION_DIFFICULTY; s < POSW_SECTION_COUNT; s++) {
        json_t *v = json_object_get(root, POSW_CHAINFILE_SECTIONS[s]);
        if (v != NULL && !json_is_object(v))
            return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "%s is %s: write an object { ... }",
                                         POSW_CHAINFILE_SECTIONS[s], posw_chainfile_type_of(v));
        r->sections[s] = v;
        if (!check_keys(r, s)) return false;
    }
    return true;
}

/* ---- the parts that are more than a type ---- */

static bool read_names(posw_chainfile_reader *r) {
    const json_t *name = value_of(r, POSW_SECTION_TOP, "name"), *ticker = value_of(r, POSW_SECTION_TOP, "ticker");
    const char *text;
    if (name == NULL)
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "name is missing: give the chain a name of at most 32 bytes");
    if (!posw_chainfile_name(r, r->head.name, name, "name")) return false;

    if (ticker == NULL)
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE,
                                     "ticker is missing: give the coin's symbol of 1 to 6 of A-Z and 0-9");
    if (!posw_chainfile_string(r, &text, ticker, "ticker")) return false;
    const size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    char safe[POSW_CHAINFILE_QUOTE_SIZE];
    if (length == 0 || length > POSW_CHAIN_TICKER_MAX || text[length] != '\0')
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "ticker is \"%s\": write 1 to 6 of A-Z and 0-9",
                                     posw_chainfile_quote(safe, text));
    memcpy(r->head.ticker, text, length + 1);
    return true;
}

static bool read_rules(posw_chainfile_reader *r) {
    posw_params *p = &r->head.params;
    unsigned choice;
    const json_t *v = value_of(r, POSW_SECTION_TOP, "pow");
    if (v != NULL) {
        const char *names[POSW_CHAINFILE_POW_COUNT];
        for (unsigned i = 0; i < POSW_ARRAY_SIZE(names); i++)
            names[i] = posw_pow_name((enum posw_pow_algorithm)i);
        if (!posw_chainfile_choice(r, &choice, v, "pow", names, POSW_ARRAY_SIZE(names))) return false;
        p->pow = (enum posw_pow_algorithm)choice;
    }
    v = value_of(r, POSW_SECTION_DIFFICULTY, "rule");
    if (v != NULL) {
        const char *names[POSW_CHAINFILE_DIFFICULTY_RULE_COUNT];
        for (unsigned i = 0; i < POSW_ARRAY_SIZE(names); i++)
            names[i] = posw_difficulty_name((enum posw_difficulty_rule)i);
        if (!posw_chainfile_choice(r, &choice, v, "difficulty.rule", names, POSW_ARRAY_SIZE(names))) return false;
        p->difficulty_rule = (enum posw_difficulty_rule)choice;
    }
    v = value_of(r, POSW_SECTION_FEES, "base");
    if (v != NULL) {
        if (!posw_chainfile_choice(r, &choice, v, "fees.base", POSW_CHAINFILE_FEE_RULES, 2)) return false;
        p->fee_rule = (enum posw_fee_rule)choice;
    }
    return true;
}

/* A rule without a preset has no defaults: its parameters are the chain's character. Only the ramp may be left out, for
 * none. */
static bool require_weight_keys(posw_chainfile_reader *r) {
    static const char *const power[] = {"unit", "min", "max", "exponent", NULL}, *const ticket[] = {"boost", "slots",
                                                                                                    "price", NULL};
    const bool is_power = r->head.params.weight.rule == POSW_WEIGHT_POWER;
    for (const char *const *name = is_power ? power : ticket; *name != NULL; name++) {
        const char *key = *name;
        if (value_of(r, POSW_SECTION_WEIGHT, key) == NULL)
            return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE,
                                         "weight.%s is missing: rule \"%s\" needs it, unless a preset is named", key,
                                         is_power ? "power" : "ticket");
    }
    return true;
}

static bool read_exponent(posw_chainfile_reader *r) {
    posw_weight_params *w = &r->head.params.weight;
    const json_t *v = value_of(r, POSW_SECTION_WEIGHT, "exponent");
    if (v == NULL) return true;
    if (w->rule != POSW_WEIGHT_POWER)
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL,
                                     "weight.exponent has no meaning under the rule \"ticket\": remove it");
    unsigned choice;
    if (json_is_integer(v)) {
        const json_int_t n = json_integer_value(v);
        if (n < 0 || n > 3)
            return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL,
                                         "weight.exponent is out of range: choose one of 0, 0.5, 1, 1.5, 2, 3");
        choice = (unsigned)(2 * n);
    } else if (!json_is_string(v)) {
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE,
                                     "weight.exponent is %s: write it as a string, one of 0, 0.5, 1, 1.5, 2, 3",
                                     posw_chainfile_type_of(v));
    } else if (!posw_chainfile_choice(r, &choice, v, "weight.exponent", POSW_CHAINFILE_EXPONENTS,
                                      POSW_ARRAY_SIZE(POSW_CHAINFILE_EXPONENTS))) {
        return false;
    }
    w->exponent_x2 = choice;
    return true;
}

static bool read_weight_rule(posw_chainfile_reader *r) {
    posw_params *p = &r->head.params;
    const json_t *preset = value_of(r, POSW_SECTION_WEIGHT, "preset"), *rule = value_of(r, POSW_SECTION_WEIGHT, "rule");
    const char *text;
    if (preset != NULL && rule != NULL)
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL,
                                     "weight.preset and weight.rule are both given: remove one of them");
    if (preset != NULL) {
        char safe[POSW_CHAINFILE_QUOTE_SIZE];
        if (!posw_chainfile_string(r, &text, preset, "weight.preset")) return false;
        if (!posw_params_preset(p, text))
            return POSW_CHAINFILE_REFUSE(
                r, POSW_EINVAL,
                "weight.preset is \"%s\": choose one of ticket, quarkchain, diode, quadratic, linear, sqrt, pow",
                posw_chainfile_quote(safe, text));
        return true;
    }
    if (rule == NULL) return true;
    unsigned choice;
    if (!posw_chainfile_choice(r, &choice, rule, "weight.rule", POSW_CHAINFILE_WEIGHT_RULES, 2)) return false;
    p->weight = (posw_weight_params){.rule = (enum posw_weight_rule)choice};
    return require_weight_keys(r);
}

static bool read_reward_and_fees(posw_chainfile_reader *r) {
    posw_params *p = &r->head.params;
    const json_t *treasury = value_of(r, POSW_SECTION_REWARD, "treasury");
    const json_t *share = value_of(r, POSW_SECTION_REWARD, "treasuryShare");
    if (treasury != NULL && !posw_chainfile_address(r, &p->treasury, treasury, "reward.treasury")) return false;
    uint64_t parts = 0;
    if (share != NULL && !posw_chainfile_u64(r, &parts, share, "reward.treasuryShare")) return false;
    if (parts > 10000)
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL,
                                     "reward.treasuryShare is in hundredths of a percent: write 0 to 10000");
    p->treasury_share = (uint32_t)parts;
    if (parts > 0 && treasury == NULL)
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL,
                                     "reward.treasury is missing: reward.treasuryShare needs an address to pay to");

    if (parts > 0 && posw_address_equal(&p->treasury, &POSW_STAKING_ADDRESS))
        return POSW_CHAINFILE_REFUSE(
            r, POSW_EINVAL, "reward.treasury is the staking contract: name an address that somebody can spend from");

    const json_t *pool = value_of(r, POSW_SECTION_FEES, "poolBlocks");
    if (pool != NULL && !posw_chainfile_u64(r, &p->pool_blocks, pool, "fees.poolBlocks")) return false;
    if (p->fee_rule == POSW_FEE_POOL && p->pool_blocks == 0)
        return POSW_CHAINFILE_REFUSE(
            r, POSW_EINVAL,
            "fees.poolBlocks is missing: with fees.base \"pool\", write over how many blocks it is paid out");
    if (p->fee_rule == POSW_FEE_BURN && pool != NULL)
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL,
                                     "fees.poolBlocks has no meaning with fees.base \"burn\": remove it");
    return true;
}

static const char *rule_in_force(const posw_chainfile_field *f, const posw_params *p) {
    if (f->section == POSW_SECTION_DIFFICULTY) return posw_difficulty_name(p->difficulty_rule);
    return POSW_CHAINFILE_WEIGHT_RULES[p->weight.rule];
}

static bool read_field(posw_chainfile_reader *r, const posw_chainfile_field *f) {
    const json_t *v = value_of(r, f->section, f->key);
    char path[POSW_CHAINFILE_PATH_SIZE];
    if (v == NULL) return true;
    posw_chainfile_path(path, f->section, f->key);
    if (!posw_chainfile_applies(f, &r->head.params))
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "%s has no meaning under the rule \"%s\": remove it", path,
                                     rule_in_force(f, &r->head.params));
    void *out = (uint8_t *)&r->head.params + f->offset;
    posw_u256 wei;
    switch (f->type) {
    case POSW_FIELD_NUMBER:
        return posw_chainfile_u64(r, out, v, path);
    case POSW_FIELD_NUMBER256:
        return posw_chainfile_u256(r, out, v, path);
    case POSW_FIELD_AMOUNT:
        return posw_chainfile_amount(r, out, v, path);
    case POSW_FIELD_AMOUNT64:
        if (!posw_chainfile_amount(r, &wei, v, path)) return false;
        return posw_u256_to_u64(out, &wei) ||
               POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "%s is 2^64 wei or more: write a smaller amount", path);
    }
    return false;
}

/* Only known after the window; a value of 0 in the file stays, and is refused. */
static void default_difficulty_blocks(posw_chainfile_reader *r) {
    posw_params *p = &r->head.params;
    if (value_of(r, POSW_SECTION_DIFFICULTY, "halfLife") == NULL &&
        value_of(r, POSW_SECTION_DIFFICULTY, "blocks") == NULL)
        p->difficulty_blocks = posw_difficulty_blocks_default(p->difficulty_rule, p->window_blocks);
}

static bool read_fields(posw_chainfile_reader *r) {
    for (size_t i = 0; i < POSW_CHAINFILE_FIELD_COUNT; i++)
        if (!read_field(r, &POSW_CHAINFILE_FIELDS[i])) return false;
    default_difficulty_blocks(r);
    const json_t *id = value_of(r, POSW_SECTION_TOP, "chainId"), *time = value_of(r, POSW_SECTION_TOP, "timestamp");
    if (id == NULL)
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE,
                                     "chainId is missing: give the chain a number of its own, 1 to 2147483629");
    if (time == NULL)
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE,
                                     "timestamp is missing: give the time of genesis in seconds since 1970");
    return posw_chainfile_u64(r, &r->head.params.genesis_time, time, "timestamp");
}

/* ---- ranges (P1 to P8), so that the sentence names the key; the specification's own check has the last word ---- */

static bool in_range(posw_chainfile_reader *r, const char *key, uint64_t value, uint64_t min, uint64_t max) {
    if (value >= min && value <= max) return true;
    return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "%s is %" PRIu64 ": write a number from %" PRIu64 " to %" PRIu64, key,
                                 value, min, max);
}

static bool not_zero(posw_chainfile_reader *r, const char *key, const posw_u256 *value) {
    return !posw_u256_is_zero(value) || POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "%s is 0: write more than that", key);
}

static bool check_difficulty_blocks(posw_chainfile_reader *r) {
    const posw_params *p = &r->head.params;
    const enum posw_difficulty_rule rule = p->difficulty_rule;
    const uint64_t min = posw_difficulty_blocks_min(rule), max = posw_difficulty_blocks_max(rule, p->window_blocks);
    if (!posw_difficulty_has_blocks(rule)) return true;
    if (max < min)
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL,
                                     "window is %" PRIu64 ": difficulty.rule \"%s\" needs at least %" PRIu64,
                                     p->window_blocks, posw_difficulty_name(rule), min);
    return in_range(r, posw_difficulty_has_half_life(rule) ? "difficulty.halfLife" : "difficulty.blocks",
                    p->difficulty_blocks, min, max);
}

static bool check_lengths(posw_chainfile_reader *r) {
    const posw_params *p = &r->head.params;
    const uint64_t long_max = 1 << 24, lock = 2 * p->epoch_blocks;
    if (!in_range(r, "chainId", p->chain_id, 1, 2147483629) || !in_range(r, "blockTime", p->block_time_s, 1, 3600))
        return false;
    if (!in_range(r, "window", p->window_blocks, 2, 65536) || !in_range(r, "epoch", p->epoch_blocks, 1, 65536))
        return false;
    if (!in_range(r, "maxReorg", p->reorg_max_blocks, 1, p->epoch_blocks)) return false;
    if (!in_range(r, "unbonding", p->unbonding_blocks, lock, long_max)) return false;
    if (p->unbonding_blocks / p->epoch_blocks * p->epoch_blocks < p->window_blocks)
        return POSW_CHAINFILE_REFUSE(
            r, POSW_EINVAL,
            "unbonding is too short: its whole epochs must have at least window blocks (write %" PRIu64
            " or more), else coins can stand behind two tickets of one window",
            (p->window_blocks + p->epoch_blocks - 1) / p->epoch_blocks * p->epoch_blocks);
    return check_difficulty_blocks(r);
}

static bool check_weight(posw_chainfile_reader *r) {
    const posw_weight_params *w = &r->head.params.weight;
    if (w->rule == POSW_WEIGHT_POWER) {
        if (!not_zero(r, "weight.unit", &w->unit_wei) || !in_range(r, "weight.min", w->min, 1, UINT64_MAX))
            return false;
        return in_range(r, "weight.max", w->max, w->min, UINT64_MAX);
    }
    if (!in_range(r, "weight.boost", w->boost, 1, UINT64_MAX) || !in_range(r, "weight.slots", w->slots, 1, UINT64_MAX))
        return false;
    if (posw_u256_bits(&w->ticket_price_wei) > 128)
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "weight.price is 2^128 wei or more: write a smaller amount");
    return in_range(r, "weight.ramp", w->ramp_blocks, 0, UINT32_MAX);
}

static bool check_economy(posw_chainfile_reader *r) {
    const posw_params *p = &r->head.params;
    const uint64_t blocks_max = ((uint64_t)1 << 40) - 1;
    if (!not_zero(r, "difficulty.genesis", &p->genesis_difficulty) || !not_zero(r, "stake.minimum", &p->stake_min_wei))
        return false;
    if (!in_range(r, "gasLimit", p->gas_limit, 5000, INT64_MAX)) return false;
    if (!in_range(r, "reward.halving", p->halving_blocks, 0, blocks_max) ||
        !in_range(r, "fees.poolBlocks", p->pool_blocks, 0, blocks_max))
        return false;
    if (p->base_fee_min_wei == 0)
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "fees.minimum is 0: write at least \"1 wei\"");
    if (p->base_fee_initial_wei < p->base_fee_min_wei)
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL,
                                     "fees.initial is below fees.minimum: raise it, or lower fees.minimum");
    const posw_u256 rewards = posw_params_reward_total(p);
    if (posw_u256_bits(&rewards) <= 128) return true;
    return POSW_CHAINFILE_REFUSE(
        r, POSW_EINVAL,
        "reward.initial or reward.tail is too large: all coins that can ever exist must be below 2^128 wei");
}

/* ---- the whole ---- */

/* The specification's own check has the last word. */
static bool check_params(posw_chainfile_reader *r) {
    const posw_verdict v = posw_params_check(&r->head.params);
    if (v.kind == POSW_VALID) return true;
    return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "rule %s is broken: %s", posw_rule_number(v.rule),
                                 posw_rule_text(v.rule));
}

bool posw_chainfile_read_head(posw_chainfile_reader *r, json_t *root) {
    posw_params_default(&r->head.params);
    if (!find_sections(r, root) || !read_names(r) || !read_rules(r) || !read_weight_rule(r)) return false;
    if (!read_exponent(r) || !read_fields(r) || !read_reward_and_fees(r)) return false;
    if (!check_lengths(r) || !check_weight(r) || !check_economy(r)) return false;
    return posw_chainfile_read_upgrades(r) && check_params(r);
}
