/* Judging a chain specification (protocol P1 to P9), in sentences that say what to do. */
#include "base/bytes.h"
#include "base/map.h"
#include "base/units.h"
#include "posw/u256.h"
#include "state/genesis.h"
#include "state/staking.h"

#include <stdlib.h>

enum { AMOUNT_BITS = 128, HEX_SIZE = 2 * POSW_ADDRESS_SIZE + 1 };

typedef struct {
    enum posw_rule *rule; /* may be NULL */
    posw_message *msg;
} report;

static void set_rule(const report *r, enum posw_rule rule) {
    if (r->rule != NULL) *r->rule = rule;
}

typedef struct {
    char hex[HEX_SIZE];
} address_text;

static address_text text_of(const posw_address *a) {
    address_text t;
    posw_hex_encode(t.hex, a->b, sizeof a->b);
    return t;
}

/* ---- name and ticker ---- */

/* Bytes of the UTF-8 character at p, 0 if it is none (overlong, surrogate, cut off) or a control character. */
static size_t utf8_size(const uint8_t *p, size_t left) {
    if (p[0] < 0x80) return p[0] >= 0x20 && p[0] != 0x7f ? 1 : 0;
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || size > left) return 0;
    for (size_t i = 1; i < size; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
    bool beyond = p[0] == 0xf4 && p[1] >= 0x90;
    bool control = p[0] == 0xc2 && p[1] < 0xa0;
    return overlong || surrogate || beyond || control ? 0 : size;
}

bool posw_chain_name_valid(const char *name) {
    size_t size = strnlen(name, POSW_CHAIN_NAME_MAX + 1);
    if (size == 0 || size > POSW_CHAIN_NAME_MAX) return false;
    for (size_t at = 0; at < size;) {
        size_t step = utf8_size((const uint8_t *)name + at, size - at);
        if (step == 0) return false;
        at += step;
    }
    return true;
}

static bool ticker_valid(const char *ticker) {
    size_t size = strnlen(ticker, POSW_CHAIN_TICKER_MAX + 1);
    if (size == 0 || size > POSW_CHAIN_TICKER_MAX) return false;
    return strspn(ticker, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == size;
}

static int check_names(const posw_chain_spec *spec, const report *r) {
    set_rule(r, POSW_RULE_NONE);
    if (!posw_chain_name_valid(spec->name))
        return posw_message_set(r->msg, POSW_EINVAL,
                                "the chain's name must be 1 to %d bytes of text without control characters",
                                POSW_CHAIN_NAME_MAX);
    if (!ticker_valid(spec->ticker))
        return posw_message_set(r->msg, POSW_EINVAL, "the ticker must be 1 to %d characters of A-Z and 0-9",
                                POSW_CHAIN_TICKER_MAX);
    return POSW_OK;
}

/* ---- parameters ---- */

static const char *advice(enum posw_rule rule) {
    switch ((int)rule) {
    case POSW_RULE_PARAMS_CHAIN_ID:
        return "choose a chain id from 1 to 2147483629";
    case POSW_RULE_PARAMS_RANGE:
        return "choose block time 1 to 3600 s, window 2 to 65536 blocks, epoch 1 to 65536 blocks, deepest reorg 1 to "
               "the "
               "epoch's blocks, unbonding and half-life up to 16777216 blocks, the blocks that the difficulty looks "
               "back "
               "at 6 (lwma3; at most 1024) or 2 (bitcoin2016) to the window";
    case POSW_RULE_PARAMS_TICKET_LOCK:
        return "make unbonding longer or the window shorter: the whole epochs in unbonding must have at least window "
               "blocks";
    case POSW_RULE_PARAMS_UNBONDING:
        return "make unbonding at least two epochs long";
    case POSW_RULE_PARAMS_SUPPLY:
        return "lower the rewards or the genesis balances: all coins that can ever exist must be below 2^128 wei";
    case POSW_RULE_PARAMS_GENESIS:
        return "choose a difficulty of at least 1, a gas limit from 5000, and a minimum base fee above 0 that is not "
               "above "
               "the initial one";
    case POSW_RULE_PARAMS_WEIGHT:
        return "power needs a unit above 0, 1 <= min <= max and an exponent of 0, 1/2, 1, 3/2, 2 or 3; ticket needs a "
               "boost "
               "and slots of at least 1, a price below 2^128 wei and a ramp below 2^32 blocks";
    case POSW_RULE_PARAMS_ECONOMY:
        return "choose a minimum stake of at least 1 wei, a treasury share of at most 100 % and another treasury than "
               "the "
               "staking contract, halving and pool below "
               "2^40 "
               "blocks, and a pool of at least 1 block where fees are pooled";
    case POSW_RULE_PARAMS_UPGRADE:
        return "list at most 16 upgrades by ascending height from 1 to below 2^40, each with a name of 1 to 32 bytes "
               "and "
               "a change, and keep its values within the ranges of the chain's own";
    default:
        return "see the protocol's section 1";
    }
}

static int check_params(const posw_chain_spec *spec, const report *r) {
    posw_verdict v = posw_params_check(&spec->params);
    if (v.kind == POSW_VALID) return POSW_OK;
    set_rule(r, v.rule);
    return posw_message_set(r->msg, POSW_EINVAL, "%s; %s (rule %s)", posw_rule_text(v.rule), advice(v.rule),
                            posw_rule_number(v.rule));
}

/* ---- allocation (P9) ---- */

static int check_counts(const posw_chain_spec *spec, const report *r) {
    if (spec->account_count <= POSW_GENESIS_ACCOUNTS_MAX && spec->stake_count <= POSW_STAKE_MINERS_MAX) return POSW_OK;
    return posw_message_set(r->msg, POSW_EINVAL,
                            "at most %d genesis accounts and %d genesis stakes; pay the others by transactions",
                            POSW_GENESIS_ACCOUNTS_MAX, POSW_STAKE_MINERS_MAX);
}

/* P5: every coin that can ever exist. */
static int check_supply(const posw_chain_spec *spec, const report *r) {
    posw_u256 total = posw_params_reward_total(&spec->params);
    for (size_t i = 0; i < spec->account_count; i++)
        total = posw_u256_add_sat(&total, &spec->accounts[i].balance_wei);
    for (size_t i = 0; i < spec->stake_count; i++)
        total = posw_u256_add_sat(&total, &spec->stakes[i].amount_wei);
    if (posw_u256_bits(&total) <= AMOUNT_BITS) return POSW_OK;
    set_rule(r, POSW_RULE_PARAMS_SUPPLY);
    return posw_message_set(r->msg, POSW_EINVAL, "%s; %s (rule P5)", posw_rule_text(POSW_RULE_PARAMS_SUPPLY),
                            advice(POSW_RULE_PARAMS_SUPPLY));
}

static int check_account(posw_map *seen, const posw_genesis_account *a, const report *r) {
    if (posw_address_equal(&a->address, &POSW_STAKING_ADDRESS))
        return posw_message_set(r->msg, POSW_EINVAL,
                                "0x%s is the staking contract; list what it shall hold under stakes, not accounts",
                                text_of(&a->address).hex);
    bool added;
    if (posw_map_put(seen, a->address.b, &added) == NULL) return POSW_ENOMEM;
    if (!added)
        return posw_message_set(r->msg, POSW_EINVAL, "account 0x%s is listed twice; add its balances up in one entry",
                                text_of(&a->address).hex);
    return POSW_OK;
}

static int check_accounts(const posw_chain_spec *spec, const report *r) {
    posw_map seen;
    posw_map_init(&seen, POSW_ADDRESS_SIZE, 0, NULL);
    int rc = POSW_OK;
    for (size_t i = 0; rc == POSW_OK && i < spec->account_count; i++)
        rc = check_account(&seen, &spec->accounts[i], r);
    posw_map_clear(&seen);
    return rc;
}

/* pairs: owner ‖ miner; owners -> number of its miners. */
static int count_miner(posw_map *pairs, posw_map *owners, const posw_genesis_stake *s, const report *r) {
    uint8_t pair[2 * POSW_ADDRESS_SIZE];
    memcpy(pair, s->owner.b, POSW_ADDRESS_SIZE);
    memcpy(pair + POSW_ADDRESS_SIZE, s->miner.b, POSW_ADDRESS_SIZE);
    bool added;
    uint64_t *count = posw_map_put(owners, s->owner.b, NULL);
    if (count == NULL || posw_map_put(pairs, pair, &added) == NULL) return POSW_ENOMEM;
    if (!added || ++*count <= POSW_STAKE_DEPOSITS_MAX) return POSW_OK;
    return posw_message_set(r->msg, POSW_EINVAL,
                            "owner 0x%s stakes for more than %d miners; divide the stakes among several owners",
                            text_of(&s->owner).hex, POSW_STAKE_DEPOSITS_MAX);
}

static int check_stake(posw_map *pairs, posw_map *owners, const posw_genesis_stake *s, const posw_params *p,
                       const report *r) {
    if (posw_address_is_zero(&s->miner))
        return posw_message_set(r->msg, POSW_EINVAL, "a stake of owner 0x%s has no miner; name the miner's address",
                                text_of(&s->owner).hex);
    if (posw_u256_cmp(&s->amount_wei, &p->stake_min_wei) < 0) {
        char least[POSW_AMOUNT_SIZE];
        posw_amount_format(least, &p->stake_min_wei);
        return posw_message_set(r->msg, POSW_EINVAL,
                                "the stake for miner 0x%s is below the minimum; stake at least %s coins",
                                text_of(&s->miner).hex, least);
    }
    return count_miner(pairs, owners, s, r);
}

static int check_stakes(const posw_chain_spec *spec, const report *r) {
    posw_map pairs, owners;
    posw_map_init(&pairs, 2 * POSW_ADDRESS_SIZE, 0, NULL);
    posw_map_init(&owners, POSW_ADDRESS_SIZE, sizeof(uint64_t), NULL);
    int rc = POSW_OK;
    for (size_t i = 0; rc == POSW_OK && i < spec->stake_count; i++)
        rc = check_stake(&pairs, &owners, &spec->stakes[i], &spec->params, r);
    posw_map_clear(&pairs);
    posw_map_clear(&owners);
    return rc;
}

int posw_chain_spec_check(const posw_chain_spec *spec, enum posw_rule *rule, posw_message *msg) {
    static int (*const checks[])(const posw_chain_spec *, const report *) = {check_counts, check_supply, check_accounts,
                                                                             check_stakes};
    report r = {rule, msg};
    int rc = check_names(spec, &r);
    if (rc == POSW_OK) rc = check_params(spec, &r);
    if (rc != POSW_OK) return rc;
    for (size_t i = 0; rc == POSW_OK && i < POSW_ARRAY_SIZE(checks); i++) {
        set_rule(&r, POSW_RULE_PARAMS_ALLOC);
        rc = checks[i](spec, &r);
    }
    if (rc == POSW_OK) set_rule(&r, POSW_RULE_NONE);
    return rc;
}
