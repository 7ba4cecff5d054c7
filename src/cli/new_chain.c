#include "cli/new_chain.h"

#include "base/bytes.h"
#include "base/units.h"
#include "chain/chainfile.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "wallet/address.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSE(msg, ...) (posw_message_set((msg), POSW_EINVAL, __VA_ARGS__) == POSW_OK)

/* ---- kinds of values ---- */

static bool read_number(const char *text, uint64_t min, uint64_t max, uint64_t *out, posw_message *msg) {
    posw_u256 v;
    uint64_t n;
    if (*text != '\0' && text[strspn(text, "0123456789")] == '\0' && posw_u256_parse(&v, text, strlen(text)) &&
        posw_u256_to_u64(&n, &v) && n >= min && n <= max) {
        *out = n;
        return true;
    }
    return REFUSE(msg, "must be a whole number from %" PRIu64 " to %" PRIu64, min, max);
}

static bool read_amount(const char *text, posw_u256 *out, posw_message *msg) {
    return posw_amount_parse(out, text) ||
           REFUSE(msg, "must be an amount such as \"12.5 coin\", \"3 gwei\" or \"100 wei\"");
}

static bool read_address(const char *text, posw_address *out, posw_message *msg) {
    const int err = posw_eip55_parse(out, text, NULL);
    if (err == POSW_OK) return true;
    if (err == POSW_ECHECKSUM)
        return REFUSE(msg, "has %s with a wrong checksum: a letter was mistyped; copy the address again", text);
    return REFUSE(msg, "must have addresses, 0x and 40 hexadecimal digits, and '%.60s' is none", text);
}

/* "12.5%" in 10^-20 of the whole, as amounts are read: coins stand for percents. */
static bool read_percent(const char *text, posw_u256 *out, posw_message *msg) {
    char digits[32];
    const size_t size = strlen(text);
    posw_u256 hundred = posw_coin();
    POSW_ASSERT(posw_u256_mul_u64(&hundred, &hundred, 100));
    if (size > 1 && size < sizeof digits && text[size - 1] == '%') {
        memcpy(digits, text, size - 1);
        digits[size - 1] = '\0';
        if (posw_amount_parse(out, digits) && posw_u256_cmp(out, &hundred) <= 0) return true;
    }
    return REFUSE(msg, "must be a percentage from 0%% to 100%%, such as 12.5%%");
}

/* A length in blocks, or "7 days", "12 hours", rounded up to whole blocks. */
static bool read_length(const char *text, uint64_t block_time_s, uint64_t min, uint64_t max, uint64_t *out,
                        posw_message *msg) {
    static const struct {
        const char *name;
        uint64_t seconds;
    } units[] = {{"days", 86400}, {"day", 86400}, {"hours", 3600}, {"hour", 3600}};
    char digits[32];
    const size_t count = strspn(text, "0123456789"), skip = count + strspn(text + count, " ");
    for (size_t i = 0; i < POSW_ARRAY_SIZE(units); i++) {
        uint64_t n;
        if (strcmp(text + skip, units[i].name) != 0 || count == 0 || count >= sizeof digits) continue;
        memcpy(digits, text, count);
        digits[count] = '\0';
        if (!read_number(digits, 1, 36500, &n, msg)) return false;
        *out = (n * units[i].seconds + block_time_s - 1) / block_time_s;
        if (*out >= min && *out <= max) return true;
        return REFUSE(msg, "are %" PRIu64 " blocks then, and must be from %" PRIu64 " to %" PRIu64, *out, min, max);
    }
    return read_number(text, min, max, out, msg) ||
           REFUSE(msg, "must be from %" PRIu64 " to %" PRIu64 " blocks, or a time such as \"7 days\" or \"12 hours\"",
                  min, max);
}

/* ---- names ---- */

static bool read_name(new_chain *n, const char *text, posw_message *msg) {
    if (!posw_chain_name_valid(text))
        return REFUSE(msg, "must be 1 to %d bytes of text without control characters, such as the arrow keys leave",
                      POSW_CHAIN_NAME_MAX);
    memcpy(n->spec.name, text, strlen(text) + 1);
    return true;
}

static bool read_ticker(new_chain *n, const char *text, posw_message *msg) {
    const size_t size = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    if (size == 0 || size > POSW_CHAIN_TICKER_MAX || text[size] != '\0')
        return REFUSE(msg, "must be 1 to %d characters of A-Z and 0-9", POSW_CHAIN_TICKER_MAX);
    memcpy(n->spec.ticker, text, size + 1);
    return true;
}

static bool read_chain_id(new_chain *n, const char *text, posw_message *msg) {
    return read_number(text, 1, 2147483629, &n->spec.params.chain_id, msg);
}

/* ---- rules ---- */

static bool read_block_time(new_chain *n, const char *text, posw_message *msg) {
    return read_number(text, 1, 3600, &n->spec.params.block_time_s, msg);
}

static bool read_pow(new_chain *n, const char *text, posw_message *msg) {
    for (enum posw_pow_algorithm a = POSW_POW_KECCAK256; a <= POSW_POW_RANDOMX; a++) {
        if (strcmp(posw_pow_name(a), text) != 0) continue;
        n->spec.params.pow = a;
        return true;
    }
    return REFUSE(msg, "must be argon2id, randomx or keccak256");
}

static bool read_difficulty(new_chain *n, const char *text, posw_message *msg) {
    posw_u256 *d = &n->spec.params.genesis_difficulty;
    const bool is_number = *text != '\0' && text[strspn(text, "0123456789")] == '\0';
    if (is_number && posw_u256_parse(d, text, strlen(text)) && !posw_u256_is_zero(d)) return true;
    return REFUSE(msg, "must be a whole number from 1 up");
}

static bool read_half_life(new_chain *n, const char *text, posw_message *msg) {
    const enum posw_difficulty_rule rule = n->spec.params.difficulty_rule;
    if (!posw_difficulty_has_half_life(rule))
        return REFUSE(msg, "has no meaning under the difficulty rule %s of --rules", posw_difficulty_name(rule));
    return read_number(text, 1, 1 << 24, &n->spec.params.difficulty_blocks, msg);
}

static bool read_weight(new_chain *n, const char *text, posw_message *msg) {
    return posw_params_preset(&n->spec.params, text) ||
           REFUSE(msg, "must be pow, linear, sqrt, quadratic, diode, ticket or quarkchain");
}

static bool read_ramp(new_chain *n, const char *text, posw_message *msg) {
    uint64_t *ramp = &n->spec.params.weight.ramp_blocks;
    if (!read_length(text, n->spec.params.block_time_s, 0, UINT32_MAX, ramp, msg)) return false;
    return *ramp == 0 || n->spec.params.weight.rule == POSW_WEIGHT_TICKET ||
           REFUSE(msg, "has a meaning under the presets ticket and quarkchain only");
}

static bool read_window(new_chain *n, const char *text, posw_message *msg) {
    return read_length(text, n->spec.params.block_time_s, 2, 65536, &n->spec.params.window_blocks, msg);
}

static bool read_epoch(new_chain *n, const char *text, posw_message *msg) {
    n->has_epoch = true;
    return read_length(text, n->spec.params.block_time_s, 1, 65536, &n->spec.params.epoch_blocks, msg);
}

static bool read_reorg(new_chain *n, const char *text, posw_message *msg) {
    n->has_reorg = true;
    return read_length(text, n->spec.params.block_time_s, 1, n->spec.params.epoch_blocks,
                       &n->spec.params.reorg_max_blocks, msg);
}

static bool read_unbonding(new_chain *n, const char *text, posw_message *msg) {
    posw_params *p = &n->spec.params;
    return read_length(text, p->block_time_s, posw_chainfile_unbonding_min(p), 1 << 24, &p->unbonding_blocks, msg);
}

static bool read_stake_min(new_chain *n, const char *text, posw_message *msg) {
    if (!read_amount(text, &n->spec.params.stake_min_wei, msg)) return false;
    return !posw_u256_is_zero(&n->spec.params.stake_min_wei) || REFUSE(msg, "must be at least 1 wei");
}

/* ---- rewards ---- */

static bool read_reward(new_chain *n, const char *text, posw_message *msg) {
    return read_amount(text, &n->spec.params.reward_initial_wei, msg);
}

static bool read_halving(new_chain *n, const char *text, posw_message *msg) {
    return read_length(text, n->spec.params.block_time_s, 0, (1ULL << 40) - 1, &n->spec.params.halving_blocks, msg);
}

static bool read_tail(new_chain *n, const char *text, posw_message *msg) {
    return read_amount(text, &n->spec.params.reward_tail_wei, msg);
}

static bool read_treasury(new_chain *n, const char *text, posw_message *msg) {
    return strcmp(text, "none") == 0 || read_address(text, &n->spec.params.treasury, msg);
}

static bool read_treasury_share(new_chain *n, const char *text, posw_message *msg) {
    const posw_u256 percent = posw_coin(), hundredth = posw_u256_div_u64(&percent, 100);
    posw_u256 share, rest;
    uint64_t parts = 0;
    if (!read_percent(text, &share, msg)) return false;
    posw_u256_divmod(&share, &rest, &share, &hundredth);
    if (!posw_u256_is_zero(&rest) || !posw_u256_to_u64(&parts, &share))
        return REFUSE(msg, "must be whole hundredths of a percent, such as 12.5%%");
    if (parts > 0 && posw_address_is_zero(&n->spec.params.treasury))
        return REFUSE(msg, "needs a treasury, the address that gets it");
    n->spec.params.treasury_share = (uint32_t)parts;
    return true;
}

/* ---- allocation ---- */

static bool read_supply(new_chain *n, const char *text, posw_message *msg) {
    n->has_supply = true;
    return read_amount(text, &n->supply_wei, msg);
}

/* An amount, or a percentage of the supply. */
static bool read_share(const new_chain *n, const char *text, posw_u256 *out, posw_message *msg) {
    posw_u256 hundred = posw_coin();
    if (strchr(text, '%') == NULL) {
        return posw_amount_parse(out, text) ||
               REFUSE(msg, "has '%.60s', which is not an amount such as \"1000 coin\"", text);
    }
    POSW_ASSERT(posw_u256_mul_u64(&hundred, &hundred, 100));
    if (!n->has_supply) return REFUSE(msg, "has a percentage, and of what is not said: give the supply, too");
    return read_percent(text, out, msg) &&
           (posw_u256_muldiv(out, out, &n->supply_wei, &hundred) || REFUSE(msg, "is too large"));
}

static bool read_pair(const new_chain *n, char *item, posw_address *address, posw_u256 *amount, posw_message *msg) {
    char *equals = strchr(item, '=');
    if (equals == NULL) return REFUSE(msg, "must be ADDRESS=AMOUNT, separated by commas, and not '%.60s'", item);
    *equals = '\0';
    return read_address(item, address, msg) && read_share(n, equals + 1, amount, msg);
}

static char *next_item(char **rest) {
    char *item = NULL;
    while (*rest != NULL && (item == NULL || *item == '\0')) {
        item = strsep(rest, ",");
        item += strspn(item, " ");
        for (size_t size = strlen(item); size > 0 && item[size - 1] == ' ';)
            item[--size] = '\0';
    }
    return item;
}

/* A new array of pairs; *count and *out are set also after a failure. */
static bool read_pairs(const new_chain *n, const char *text, posw_genesis_account **out, size_t *count,
                       posw_message *msg) {
    size_t commas = 0;
    for (const char *p = text; *p != '\0'; p++)
        commas += *p == ',';
    char *copy = strdup(text), *rest = copy;
    *count = 0;
    *out = calloc(commas + 1, sizeof **out);
    bool ok = copy != NULL && *out != NULL;
    if (!ok) (void)REFUSE(msg, "cannot be read: out of memory");
    if (ok && strcmp(text, "none") == 0) rest = NULL;
    for (char *item; ok && (item = next_item(&rest)) != NULL && *item != '\0'; ++*count)
        ok = read_pair(n, item, &(*out)[*count].address, &(*out)[*count].balance_wei, msg);
    free(copy);
    return ok;
}

static bool read_accounts(new_chain *n, const char *text, posw_message *msg) {
    return read_pairs(n, text, &n->spec.accounts, &n->spec.account_count, msg);
}

/* At genesis a miner owns its own stake; other owners are written into the file by hand. */
static bool read_stakes(new_chain *n, const char *text, posw_message *msg) {
    posw_genesis_account *pairs = NULL;
    size_t count = 0;
    bool ok = read_pairs(n, text, &pairs, &count, msg);
    if (ok) n->spec.stakes = calloc(count + 1, sizeof *n->spec.stakes);
    if (ok && n->spec.stakes == NULL) ok = REFUSE(msg, "cannot be read: out of memory");
    for (size_t i = 0; ok && i < count; i++)
        n->spec.stakes[n->spec.stake_count++] = (posw_genesis_stake){
            .miner = pairs[i].address, .owner = pairs[i].address, .amount_wei = pairs[i].balance_wei};
    free(pairs);
    return ok;
}

/* ---- the whole ---- */

const new_chain_choice NEW_CHAIN_TABLE[NEW_CHAIN_CHOICES] = {
    {"name", true, read_name},
    {"ticker", true, read_ticker},
    {"chain-id", true, read_chain_id},
    {"supply", false, read_supply},
    {"accounts", false, read_accounts},
    {"stakes", false, read_stakes},
    {"block-time", false, read_block_time},
    {"pow", false, read_pow},
    {"difficulty", false, read_difficulty},
    {"half-life", false, read_half_life},
    {"weight", false, read_weight},
    {"ramp", false, read_ramp},
    {"window", false, read_window},
    {"epoch", false, read_epoch},
    {"max-reorg", false, read_reorg},
    {"unbonding", false, read_unbonding},
    {"stake-minimum", false, read_stake_min},
    {"reward", false, read_reward},
    {"halving", false, read_halving},
    {"tail", false, read_tail},
    {"treasury", false, read_treasury},
    {"treasury-share", false, read_treasury_share},
};

size_t new_chain_find(const char *option) {
    size_t i = 0;
    while (i < NEW_CHAIN_CHOICES && strcmp(NEW_CHAIN_TABLE[i].option, option) != 0)
        i++;
    POSW_ASSERT(i < NEW_CHAIN_CHOICES);
    return i;
}

/* What was said to exist must be somebody's. */
static bool check_supply(const new_chain *n, posw_message *msg) {
    const posw_u256 given = posw_chain_spec_supply(&n->spec);
    char all[POSW_AMOUNT_SIZE], parts[POSW_AMOUNT_SIZE];
    if (!n->has_supply || posw_u256_equal(&given, &n->supply_wei)) return true;
    posw_amount_format(all, &n->supply_wei);
    posw_amount_format(parts, &given);
    return REFUSE(msg, "the supply is %s coins, and accounts and stakes together are %s: make them equal", all, parts);
}

static bool is_given(const char *const texts[NEW_CHAIN_CHOICES], const char *option) {
    return texts[new_chain_find(option)] != NULL;
}

size_t new_chain_read(new_chain *out, const char *const texts[NEW_CHAIN_CHOICES], const posw_params *rules,
                      uint64_t genesis_time, posw_message *msg) {
    memset(out, 0, sizeof *out);
    posw_params *p = &out->spec.params;
    if (rules != NULL)
        *p = *rules;
    else
        posw_params_default(p);
    p->genesis_time = genesis_time;
    p->upgrade_count = 0;
    for (size_t i = 0; i < NEW_CHAIN_CHOICES; i++) {
        if (NEW_CHAIN_TABLE[i].needed && texts[i] == NULL) return posw_message_set(msg, (int)i, "is needed"), i;
        if (texts[i] != NULL && !NEW_CHAIN_TABLE[i].read(out, texts[i], msg)) return i;
        /* A shorter epoch makes the deepest reorganisation shorter, unless that is given. */
        if (out->has_epoch && !out->has_reorg && p->reorg_max_blocks > p->epoch_blocks)
            p->reorg_max_blocks = p->epoch_blocks > 1 ? p->epoch_blocks / 2 : 1;
    }
    if (rules == NULL && !is_given(texts, "unbonding")) p->unbonding_blocks = posw_chainfile_unbonding_default(p);
    const posw_u256 supply = posw_chain_spec_supply(&out->spec);
    if (rules == NULL && !is_given(texts, "stake-minimum")) p->stake_min_wei = posw_chainfile_stake_min(&supply);
    if (!check_supply(out, msg) || posw_chain_spec_check(&out->spec, NULL, msg) != POSW_OK)
        return NEW_CHAIN_CHOICES + 1;
    return NEW_CHAIN_CHOICES;
}

void new_chain_clear(new_chain *n) {
    posw_chain_spec_clear(&n->spec);
    memset(n, 0, sizeof *n);
}

void new_chain_slug(char out[NEW_CHAIN_SLUG_SIZE], const char *name) {
    size_t n = 0;
    for (; *name != '\0'; name++) {
        const char c = *name >= 'A' && *name <= 'Z' ? (char)(*name + 'a' - 'A') : *name;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            out[n++] = c;
        else if (n > 0 && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n > 0 && out[n - 1] == '-')
        n--;
    out[n] = '\0';
    if (n == 0) memcpy(out, "chain", sizeof "chain");
}
