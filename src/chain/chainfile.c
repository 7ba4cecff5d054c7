/* Reading the chain file.
 *
 * A chain file decides over money for years, so nothing in it is guessed: a key that is unknown, given twice, of the
 * wrong type, or without effect under the chosen rules is refused. Each refusal is one sentence that names the key as
 * "section.key" and says what to write instead.
 *
 * Order matters in two places only: rules are read before the values that belong to them, and a preset is applied
 * before everything that it may set (the window of `quarkchain`). */
#include "chain/chainfile.h"

#include "base/bytes.h"
#include "base/units.h"
#include "chain/chainfile_fields.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

const char *const POSW_CHAINFILE_SECTIONS[POSW_SECTION_COUNT] = {"", "difficulty", "weight", "stake", "reward", "fees"};
const char *const POSW_CHAINFILE_POWS[3] = {"keccak256", "argon2id", "randomx"};
const char *const POSW_CHAINFILE_WEIGHT_RULES[2] = {"power", "ticket"};
const char *const POSW_CHAINFILE_FEE_RULES[2] = {"burn", "pool"};
const char *const POSW_CHAINFILE_EXPONENTS[7] = {"0", "0.5", "1", "1.5", "2", NULL, "3"};

#define AT(member) offsetof(posw_params, member)
const posw_chainfile_field POSW_CHAINFILE_FIELDS[POSW_CHAINFILE_FIELD_COUNT] = {
    {POSW_SECTION_TOP, "chainId", POSW_FIELD_NUMBER, AT(chain_id), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "blockTime", POSW_FIELD_NUMBER, AT(block_time_s), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "window", POSW_FIELD_NUMBER, AT(window_blocks), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "epoch", POSW_FIELD_NUMBER, AT(epoch_blocks), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "unbonding", POSW_FIELD_NUMBER, AT(unbonding_blocks), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "maxReorg", POSW_FIELD_NUMBER, AT(reorg_max_blocks), POSW_WHEN_ALWAYS},
    {POSW_SECTION_DIFFICULTY, "halfLife", POSW_FIELD_NUMBER, AT(difficulty_blocks), POSW_WHEN_ASERT},
    {POSW_SECTION_DIFFICULTY, "blocks", POSW_FIELD_NUMBER, AT(difficulty_blocks), POSW_WHEN_WINDOWED},
    {POSW_SECTION_DIFFICULTY, "genesis", POSW_FIELD_NUMBER256, AT(genesis_difficulty), POSW_WHEN_ALWAYS},
    {POSW_SECTION_WEIGHT, "unit", POSW_FIELD_AMOUNT, AT(weight.unit_wei), POSW_WHEN_POWER},
    {POSW_SECTION_WEIGHT, "min", POSW_FIELD_NUMBER, AT(weight.min), POSW_WHEN_POWER},
    {POSW_SECTION_WEIGHT, "max", POSW_FIELD_NUMBER, AT(weight.max), POSW_WHEN_POWER},
    {POSW_SECTION_WEIGHT, "boost", POSW_FIELD_NUMBER, AT(weight.boost), POSW_WHEN_TICKET},
    {POSW_SECTION_WEIGHT, "slots", POSW_FIELD_NUMBER, AT(weight.slots), POSW_WHEN_TICKET},
    {POSW_SECTION_WEIGHT, "price", POSW_FIELD_AMOUNT, AT(weight.ticket_price_wei), POSW_WHEN_TICKET},
    {POSW_SECTION_WEIGHT, "ramp", POSW_FIELD_NUMBER, AT(weight.ramp_blocks), POSW_WHEN_TICKET},
    {POSW_SECTION_STAKE, "minimum", POSW_FIELD_AMOUNT, AT(stake_min_wei), POSW_WHEN_ALWAYS},
    {POSW_SECTION_REWARD, "initial", POSW_FIELD_AMOUNT, AT(reward_initial_wei), POSW_WHEN_ALWAYS},
    {POSW_SECTION_REWARD, "halving", POSW_FIELD_NUMBER, AT(halving_blocks), POSW_WHEN_ALWAYS},
    {POSW_SECTION_REWARD, "tail", POSW_FIELD_AMOUNT, AT(reward_tail_wei), POSW_WHEN_ALWAYS},
    {POSW_SECTION_FEES, "initial", POSW_FIELD_AMOUNT64, AT(base_fee_initial_wei), POSW_WHEN_ALWAYS},
    {POSW_SECTION_FEES, "minimum", POSW_FIELD_AMOUNT64, AT(base_fee_min_wei), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "gasLimit", POSW_FIELD_NUMBER, AT(gas_limit), POSW_WHEN_ALWAYS},
};
#undef AT

/* Keys that are not in the table of fields. */
static const char *const special_keys[POSW_SECTION_COUNT][8] = {
    {"name", "ticker", "pow", "timestamp", "accounts", "stakes", NULL},
    {"rule", NULL},
    {"preset", "rule", "exponent", NULL},
    {NULL},
    {"treasury", "treasuryShare", NULL},
    {"base", "poolBlocks", NULL},
};

typedef struct {
    posw_message *msg;
    int code; /* of the first refusal, which is also the only one: reading stops there */
    posw_chain_spec spec;
    json_t *sections[POSW_SECTION_COUNT]; /* borrowed; NULL: not in the file */
} reader;

/* ---- words for people ---- */

enum { QUOTE_MAX = 48, PATH_MAX_SIZE = 96 };

/* A text from the file, cut, and with nothing in it that a terminal would act on. */
static const char *quote(char out[QUOTE_MAX], const char *text) {
    size_t n = 0;
    for (; text[n] != '\0' && n < QUOTE_MAX - 4; n++)
        out[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
    memcpy(out + n, text[n] == '\0' ? "" : "...", text[n] == '\0' ? 1 : 4);
    return out;
}

/* "reward.tail" */
static const char *path_of(char out[PATH_MAX_SIZE], enum posw_chainfile_section section, const char *key) {
    char safe[QUOTE_MAX];
    const char *name = POSW_CHAINFILE_SECTIONS[section];
    const size_t prefix = strlen(name), rest = strlen(quote(safe, key));
    memcpy(out, name, prefix);
    if (prefix > 0) out[prefix] = '.';
    memcpy(out + prefix + (prefix > 0), safe, rest + 1);
    return out;
}

#define REFUSE(r, error, ...) ((r)->code = posw_message_set((r)->msg, (error), __VA_ARGS__), false)

static const char *type_of(const json_t *v) {
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "a number";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "of an unknown type";
}

/* ---- values ---- */

static bool read_string(reader *r, const char **out, const json_t *v, const char *path) {
    if (!json_is_string(v)) return REFUSE(r, POSW_EPARSE, "%s is %s: write a string in quotes", path, type_of(v));
    *out = json_string_value(v);
    return true;
}

static bool read_u256(reader *r, posw_u256 *out, const json_t *v, const char *path) {
    if (json_is_integer(v)) {
        if (json_integer_value(v) < 0)
            return REFUSE(r, POSW_EPARSE, "%s is negative: write a whole number from 0 up", path);
        *out = posw_u256_from_u64((uint64_t)json_integer_value(v));
        return true;
    }
    if (!json_is_string(v)) return REFUSE(r, POSW_EPARSE, "%s is %s: write a whole number", path, type_of(v));
    if (posw_u256_parse(out, json_string_value(v), json_string_length(v))) return true;
    char safe[QUOTE_MAX];
    return REFUSE(r, POSW_EPARSE, "%s is \"%s\": write a whole number", path, quote(safe, json_string_value(v)));
}

static bool read_u64(reader *r, uint64_t *out, const json_t *v, const char *path) {
    posw_u256 wide;
    if (!read_u256(r, &wide, v, path)) return false;
    return posw_u256_to_u64(out, &wide) || REFUSE(r, POSW_EINVAL, "%s is 2^64 or more: write a smaller number", path);
}

/* With a unit, always: "5" might be meant as wei or as coins. */
static bool read_amount(reader *r, posw_u256 *out, const json_t *v, const char *path) {
    const char *text;
    if (!json_is_string(v))
        return REFUSE(r, POSW_EPARSE, "%s is %s: write an amount as a string, such as \"12.5 coin\"", path, type_of(v));
    text = json_string_value(v);
    const size_t size = json_string_length(v);
    const bool has_unit = size > 0 && text[size - 1] >= 'a' && text[size - 1] <= 'z';
    if (has_unit && posw_amount_parse(out, text)) return true;
    char safe[QUOTE_MAX];
    return REFUSE(r, POSW_EPARSE,
                  "%s is \"%s\": write an amount with its unit, such as \"12.5 coin\", \"3 gwei\" or \"1000 wei\"",
                  path, quote(safe, text));
}

static bool read_choice(reader *r, unsigned *out, const json_t *v, const char *path, const char *const *names,
                        size_t count) {
    const char *text;
    if (!read_string(r, &text, v, path)) return false;
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL || strcmp(names[i], text) != 0) continue;
        *out = (unsigned)i;
        return true;
    }
    char list[128] = "", safe[QUOTE_MAX];
    for (size_t i = 0, n = 0; i < count && n < sizeof list - QUOTE_MAX; i++) {
        if (names[i] == NULL) continue;
        if (n > 0) list[n++] = ',', list[n++] = ' ';
        n += strlen(memcpy(list + n, names[i], strlen(names[i]) + 1));
    }
    return REFUSE(r, POSW_EINVAL, "%s is \"%s\": choose one of %s", path, quote(safe, text), list);
}

/* A mixed-case address carries a checksum (EIP-55); a wrong one is a typing error, and coins sent there are lost. */
static bool checksum_holds(const posw_address *a, const char *digits) {
    enum { DIGITS = 2 * POSW_ADDRESS_SIZE };
    char lower[DIGITS + 1];
    posw_hex_encode(lower, a->b, sizeof a->b);
    posw_hash hash;
    posw_keccak256(&hash, lower, DIGITS);
    bool has_lower = false, has_upper = false, holds = true;
    for (size_t i = 0; i < DIGITS; i++) {
        const bool is_letter = lower[i] >= 'a', is_upper = digits[i] != lower[i];
        const bool wants_upper = is_letter && (i % 2 == 0 ? hash.b[i / 2] >> 4 : hash.b[i / 2] & 15) >= 8;
        if (is_letter && is_upper) has_upper = true;
        if (is_letter && !is_upper) has_lower = true;
        if (is_upper != wants_upper) holds = false;
    }
    return holds || !has_lower || !has_upper;
}

static bool read_address_text(reader *r, posw_address *out, const char *text, const char *path) {
    char safe[QUOTE_MAX];
    posw_address a;
    if (!posw_address_parse(&a, text))
        return REFUSE(r, POSW_EPARSE, "%s: \"%s\" is not an address: write 0x and 40 hexadecimal digits", path,
                      quote(safe, text));
    if (!checksum_holds(&a, text + 2))
        return REFUSE(r, POSW_EPARSE, "%s: the checksum of the address \"%s\" is wrong: copy it again from its source",
                      path, quote(safe, text));
    *out = a;
    return true;
}

static bool read_address(reader *r, posw_address *out, const json_t *v, const char *path) {
    const char *text;
    return read_string(r, &text, v, path) && read_address_text(r, out, text, path);
}

/* ---- keys ---- */

static const json_t *value_of(const reader *r, enum posw_chainfile_section section, const char *key) {
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

static bool check_keys(reader *r, enum posw_chainfile_section section) {
    const char *key;
    json_t *value;
    char path[PATH_MAX_SIZE];
    json_object_foreach(r->sections[section], key, value) {
        if (!key_known(section, key))
            return REFUSE(r, POSW_EPARSE, "%s is not a key of a chain file: correct or remove it",
                          path_of(path, section, key));
    }
    return true;
}

static bool find_sections(reader *r, json_t *root) {
    r->sections[POSW_SECTION_TOP] = root;
    if (!json_is_object(root))
        return REFUSE(r, POSW_EPARSE, "the chain file is %s: write a JSON object { ... }", type_of(root));
    if (!check_keys(r, POSW_SECTION_TOP)) return false;
    for (enum posw_chainfile_section s = POSW_SECTION_DIFFICULTY; s < POSW_SECTION_COUNT; s++) {
        json_t *v = json_object_get(root, POSW_CHAINFILE_SECTIONS[s]);
        if (v != NULL && !json_is_object(v))
            return REFUSE(r, POSW_EPARSE, "%s is %s: write an object { ... }", POSW_CHAINFILE_SECTIONS[s], type_of(v));
        r->sections[s] = v;
        if (!check_keys(r, s)) return false;
    }
    return true;
}

/* ---- the parts that are more than a type ---- */

static bool read_names(reader *r) {
    const json_t *name = value_of(r, POSW_SECTION_TOP, "name"), *ticker = value_of(r, POSW_SECTION_TOP, "ticker");
    const char *text;
    if (name == NULL) return REFUSE(r, POSW_EPARSE, "name is missing: give the chain a name of at most 32 bytes");
    if (!read_string(r, &text, name, "name")) return false;
    const size_t size = json_string_length(name);
    if (size == 0 || size > POSW_CHAIN_NAME_MAX)
        return REFUSE(r, POSW_EINVAL, "name has %zu bytes: write 1 to 32 bytes", size);
    for (size_t i = 0; i < size; i++)
        if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
            return REFUSE(r, POSW_EINVAL, "name has a control character: remove it");
    memcpy(r->spec.name, text, size + 1);

    if (ticker == NULL)
        return REFUSE(r, POSW_EPARSE, "ticker is missing: give the coin's symbol of 1 to 6 of A-Z and 0-9");
    if (!read_string(r, &text, ticker, "ticker")) return false;
    const size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    char safe[QUOTE_MAX];
    if (length == 0 || length > POSW_CHAIN_TICKER_MAX || text[length] != '\0')
        return REFUSE(r, POSW_EINVAL, "ticker is \"%s\": write 1 to 6 of A-Z and 0-9", quote(safe, text));
    memcpy(r->spec.ticker, text, length + 1);
    return true;
}

static bool read_rules(reader *r) {
    posw_params *p = &r->spec.params;
    unsigned choice;
    const json_t *v = value_of(r, POSW_SECTION_TOP, "pow");
    if (v != NULL) {
        if (!read_choice(r, &choice, v, "pow", POSW_CHAINFILE_POWS, 3)) return false;
        p->pow = (enum posw_pow_algorithm)choice;
    }
    v = value_of(r, POSW_SECTION_DIFFICULTY, "rule");
    if (v != NULL) {
        const char *names[POSW_CHAINFILE_DIFFICULTY_RULE_COUNT];
        for (unsigned i = 0; i < POSW_ARRAY_SIZE(names); i++)
            names[i] = posw_difficulty_name((enum posw_difficulty_rule)i);
        if (!read_choice(r, &choice, v, "difficulty.rule", names, POSW_ARRAY_SIZE(names))) return false;
        p->difficulty_rule = (enum posw_difficulty_rule)choice;
    }
    v = value_of(r, POSW_SECTION_FEES, "base");
    if (v != NULL) {
        if (!read_choice(r, &choice, v, "fees.base", POSW_CHAINFILE_FEE_RULES, 2)) return false;
        p->fee_rule = (enum posw_fee_rule)choice;
    }
    return true;
}

/* A rule without a preset has no defaults: its parameters are the chain's character. */
static bool require_weight_keys(reader *r) {
    static const char *const power[] = {"unit", "min", "max", "exponent"}, *const ticket[] = {"boost", "slots", "price",
                                                                                              "ramp"};
    const bool is_power = r->spec.params.weight.rule == POSW_WEIGHT_POWER;
    for (size_t i = 0; i < 4; i++) {
        const char *key = is_power ? power[i] : ticket[i];
        if (value_of(r, POSW_SECTION_WEIGHT, key) == NULL)
            return REFUSE(r, POSW_EPARSE, "weight.%s is missing: rule \"%s\" needs it, unless a preset is named", key,
                          is_power ? "power" : "ticket");
    }
    return true;
}

static bool read_exponent(reader *r) {
    posw_weight_params *w = &r->spec.params.weight;
    const json_t *v = value_of(r, POSW_SECTION_WEIGHT, "exponent");
    if (v == NULL) return true;
    if (w->rule != POSW_WEIGHT_POWER)
        return REFUSE(r, POSW_EINVAL, "weight.exponent has no meaning under the rule \"ticket\": remove it");
    unsigned choice;
    if (json_is_integer(v)) {
        const json_int_t n = json_integer_value(v);
        if (n < 0 || n > 3)
            return REFUSE(r, POSW_EINVAL, "weight.exponent is out of range: choose one of 0, 0.5, 1, 1.5, 2, 3");
        choice = (unsigned)(2 * n);
    } else if (!json_is_string(v)) {
        return REFUSE(r, POSW_EPARSE, "weight.exponent is %s: write it as a string, one of 0, 0.5, 1, 1.5, 2, 3",
                      type_of(v));
    } else if (!read_choice(r, &choice, v, "weight.exponent", POSW_CHAINFILE_EXPONENTS,
                            POSW_ARRAY_SIZE(POSW_CHAINFILE_EXPONENTS))) {
        return false;
    }
    w->exponent_x2 = choice;
    return true;
}

static bool read_weight_rule(reader *r) {
    posw_params *p = &r->spec.params;
    const json_t *preset = value_of(r, POSW_SECTION_WEIGHT, "preset"), *rule = value_of(r, POSW_SECTION_WEIGHT, "rule");
    const char *text;
    if (preset != NULL && rule != NULL)
        return REFUSE(r, POSW_EINVAL, "weight.preset and weight.rule are both given: remove one of them");
    if (preset != NULL) {
        char safe[QUOTE_MAX];
        if (!read_string(r, &text, preset, "weight.preset")) return false;
        if (!posw_params_preset(p, text))
            return REFUSE(
                r, POSW_EINVAL,
                "weight.preset is \"%s\": choose one of ticket, quarkchain, diode, quadratic, linear, sqrt, pow",
                quote(safe, text));
        return true;
    }
    if (rule == NULL) return true;
    unsigned choice;
    if (!read_choice(r, &choice, rule, "weight.rule", POSW_CHAINFILE_WEIGHT_RULES, 2)) return false;
    p->weight = (posw_weight_params){.rule = (enum posw_weight_rule)choice};
    return require_weight_keys(r);
}

static bool read_reward_and_fees(reader *r) {
    posw_params *p = &r->spec.params;
    const json_t *treasury = value_of(r, POSW_SECTION_REWARD, "treasury");
    const json_t *share = value_of(r, POSW_SECTION_REWARD, "treasuryShare");
    if (treasury != NULL && !read_address(r, &p->treasury, treasury, "reward.treasury")) return false;
    uint64_t parts = 0;
    if (share != NULL && !read_u64(r, &parts, share, "reward.treasuryShare")) return false;
    if (parts > 10000)
        return REFUSE(r, POSW_EINVAL, "reward.treasuryShare is in hundredths of a percent: write 0 to 10000");
    p->treasury_share = (uint32_t)parts;
    if (parts > 0 && treasury == NULL)
        return REFUSE(r, POSW_EINVAL, "reward.treasury is missing: reward.treasuryShare needs an address to pay to");

    const json_t *pool = value_of(r, POSW_SECTION_FEES, "poolBlocks");
    if (pool != NULL && !read_u64(r, &p->pool_blocks, pool, "fees.poolBlocks")) return false;
    if (p->fee_rule == POSW_FEE_POOL && p->pool_blocks == 0)
        return REFUSE(r, POSW_EINVAL,
                      "fees.poolBlocks is missing: with fees.base \"pool\", write over how many blocks it is paid out");
    if (p->fee_rule == POSW_FEE_BURN && p->pool_blocks != 0)
        return REFUSE(r, POSW_EINVAL, "fees.poolBlocks has no meaning with fees.base \"burn\": remove it");
    return true;
}

static const char *rule_in_force(const posw_chainfile_field *f, const posw_params *p) {
    if (f->section == POSW_SECTION_DIFFICULTY) return posw_difficulty_name(p->difficulty_rule);
    return POSW_CHAINFILE_WEIGHT_RULES[p->weight.rule];
}

static bool read_field(reader *r, const posw_chainfile_field *f) {
    const json_t *v = value_of(r, f->section, f->key);
    char path[PATH_MAX_SIZE];
    if (v == NULL) return true;
    path_of(path, f->section, f->key);
    if (!posw_chainfile_applies(f, &r->spec.params))
        return REFUSE(r, POSW_EINVAL, "%s has no meaning under the rule \"%s\": remove it", path,
                      rule_in_force(f, &r->spec.params));
    void *out = (uint8_t *)&r->spec.params + f->offset;
    posw_u256 wei;
    switch (f->type) {
    case POSW_FIELD_NUMBER:
        return read_u64(r, out, v, path);
    case POSW_FIELD_NUMBER256:
        return read_u256(r, out, v, path);
    case POSW_FIELD_AMOUNT:
        return read_amount(r, out, v, path);
    case POSW_FIELD_AMOUNT64:
        if (!read_amount(r, &wei, v, path)) return false;
        return posw_u256_to_u64(out, &wei) ||
               REFUSE(r, POSW_EINVAL, "%s is 2^64 wei or more: write a smaller amount", path);
    }
    return false;
}

/* Only known after the window; a value of 0 in the file stays, and is refused. */
static void default_difficulty_blocks(reader *r) {
    posw_params *p = &r->spec.params;
    if (value_of(r, POSW_SECTION_DIFFICULTY, "halfLife") == NULL &&
        value_of(r, POSW_SECTION_DIFFICULTY, "blocks") == NULL)
        p->difficulty_blocks = posw_difficulty_blocks_default(p->difficulty_rule, p->window_blocks);
}

static bool read_fields(reader *r) {
    for (size_t i = 0; i < POSW_CHAINFILE_FIELD_COUNT; i++)
        if (!read_field(r, &POSW_CHAINFILE_FIELDS[i])) return false;
    default_difficulty_blocks(r);
    const json_t *id = value_of(r, POSW_SECTION_TOP, "chainId"), *time = value_of(r, POSW_SECTION_TOP, "timestamp");
    if (id == NULL)
        return REFUSE(r, POSW_EPARSE, "chainId is missing: give the chain a number of its own, 1 to 2147483629");
    if (time == NULL)
        return REFUSE(r, POSW_EPARSE, "timestamp is missing: give the time of genesis in seconds since 1970");
    return read_u64(r, &r->spec.params.genesis_time, time, "timestamp");
}

/* ---- the allocation ---- */

static bool read_accounts(reader *r) {
    json_t *accounts = json_object_get(r->sections[POSW_SECTION_TOP], "accounts"), *value;
    const char *key;
    char path[PATH_MAX_SIZE], safe[QUOTE_MAX];
    if (accounts == NULL) return true;
    if (!json_is_object(accounts))
        return REFUSE(r, POSW_EPARSE, "accounts is %s: write an object of address and amount", type_of(accounts));
    const size_t count = json_object_size(accounts);
    if (count > POSW_GENESIS_ACCOUNTS_MAX)
        return REFUSE(r, POSW_EINVAL, "accounts has %zu members: at most %d are allowed", count,
                      POSW_GENESIS_ACCOUNTS_MAX);
    if (count == 0) return true;
    r->spec.accounts = calloc(count, sizeof *r->spec.accounts);
    if (r->spec.accounts == NULL) return REFUSE(r, POSW_ENOMEM, "%s", posw_error_text(POSW_ENOMEM));
    json_object_foreach(accounts, key, value) {
        posw_genesis_account *a = &r->spec.accounts[r->spec.account_count++];
        if (!read_address_text(r, &a->address, key, "accounts")) return false;
        snprintf(path, sizeof path, "accounts.%s", quote(safe, key));
        if (!read_amount(r, &a->balance_wei, value, path)) return false;
    }
    return true;
}

static bool read_stake(reader *r, posw_genesis_stake *out, json_t *stake, size_t index) {
    static const char *const keys[] = {"miner", "owner", "amount"};
    char path[PATH_MAX_SIZE], safe[QUOTE_MAX];
    const char *key;
    json_t *value;
    if (!json_is_object(stake))
        return REFUSE(r, POSW_EPARSE, "stakes[%zu] is %s: write { \"miner\": ..., \"owner\": ..., \"amount\": ... }",
                      index, type_of(stake));
    json_object_foreach(stake, key, value) {
        if (strcmp(key, keys[0]) != 0 && strcmp(key, keys[1]) != 0 && strcmp(key, keys[2]) != 0)
            return REFUSE(r, POSW_EPARSE, "stakes[%zu].%s is not a key of a chain file: correct or remove it", index,
                          quote(safe, key));
    }
    for (size_t i = 0; i < 3; i++) {
        value = json_object_get(stake, keys[i]);
        if (value == NULL)
            return REFUSE(r, POSW_EPARSE, "stakes[%zu].%s is missing: a stake has miner, owner and amount", index,
                          keys[i]);
        snprintf(path, sizeof path, "stakes[%zu].%s", index, keys[i]);
        if (i < 2 && !read_address(r, i == 0 ? &out->miner : &out->owner, value, path)) return false;
        if (i == 2 && !read_amount(r, &out->amount_wei, value, path)) return false;
    }
    return true;
}

static bool read_stakes(reader *r) {
    json_t *stakes = json_object_get(r->sections[POSW_SECTION_TOP], "stakes");
    if (stakes == NULL) return true;
    if (!json_is_array(stakes)) return REFUSE(r, POSW_EPARSE, "stakes is %s: write a list [ ... ]", type_of(stakes));
    const size_t count = json_array_size(stakes);
    if (count > POSW_GENESIS_ACCOUNTS_MAX)
        return REFUSE(r, POSW_EINVAL, "stakes has %zu members: at most %d are allowed", count,
                      POSW_GENESIS_ACCOUNTS_MAX);
    if (count == 0) return true;
    r->spec.stakes = calloc(count, sizeof *r->spec.stakes);
    if (r->spec.stakes == NULL) return REFUSE(r, POSW_ENOMEM, "%s", posw_error_text(POSW_ENOMEM));
    r->spec.stake_count = count;
    for (size_t i = 0; i < count; i++)
        if (!read_stake(r, &r->spec.stakes[i], json_array_get(stakes, i), i)) return false;
    return true;
}

/* ---- ranges (P1 to P8), so that the sentence names the key; the specification's own check has the last word ---- */

static bool in_range(reader *r, const char *key, uint64_t value, uint64_t min, uint64_t max) {
    if (value >= min && value <= max) return true;
    return REFUSE(r, POSW_EINVAL, "%s is %" PRIu64 ": write a number from %" PRIu64 " to %" PRIu64, key, value, min,
                  max);
}

static bool not_zero(reader *r, const char *key, const posw_u256 *value) {
    return !posw_u256_is_zero(value) || REFUSE(r, POSW_EINVAL, "%s is 0: write more than that", key);
}

static bool check_difficulty_blocks(reader *r) {
    const posw_params *p = &r->spec.params;
    const uint64_t long_max = 1 << 24, lwma_max = p->window_blocks < 1024 ? p->window_blocks : 1024;
    switch (p->difficulty_rule) {
    case POSW_DIFFICULTY_ASERT:
        return in_range(r, "difficulty.halfLife", p->difficulty_blocks, 1, long_max);
    case POSW_DIFFICULTY_LWMA3:
        if (lwma_max < 6)
            return REFUSE(r, POSW_EINVAL, "window is %" PRIu64 ": difficulty.rule \"lwma3\" needs at least 6",
                          p->window_blocks);
        return in_range(r, "difficulty.blocks", p->difficulty_blocks, 6, lwma_max);
    case POSW_DIFFICULTY_BITCOIN2016:
        return in_range(r, "difficulty.blocks", p->difficulty_blocks, 2, p->window_blocks);
    case POSW_DIFFICULTY_FIXED:
    case POSW_DIFFICULTY_HOMESTEAD:
    case POSW_DIFFICULTY_STEP:
        return true;
    }
    return true;
}

static bool check_lengths(reader *r) {
    const posw_params *p = &r->spec.params;
    const uint64_t long_max = 1 << 24, lock = 2 * p->epoch_blocks;
    if (!in_range(r, "chainId", p->chain_id, 1, 2147483629) || !in_range(r, "blockTime", p->block_time_s, 1, 3600))
        return false;
    if (!in_range(r, "window", p->window_blocks, 2, 65536) || !in_range(r, "epoch", p->epoch_blocks, 1, 65536))
        return false;
    if (!in_range(r, "maxReorg", p->reorg_max_blocks, 1, p->epoch_blocks)) return false;
    if (!in_range(r, "unbonding", p->unbonding_blocks, lock, long_max)) return false;
    if (p->epoch_blocks + p->unbonding_blocks < p->window_blocks)
        return REFUSE(
            r, POSW_EINVAL,
            "unbonding is too short: epoch + unbonding must be at least window, else a ticket outlives its stake");
    return check_difficulty_blocks(r);
}

static bool check_weight(reader *r) {
    const posw_weight_params *w = &r->spec.params.weight;
    if (w->rule == POSW_WEIGHT_POWER) {
        if (!not_zero(r, "weight.unit", &w->unit_wei) || !in_range(r, "weight.min", w->min, 1, UINT64_MAX))
            return false;
        return in_range(r, "weight.max", w->max, w->min, UINT64_MAX);
    }
    if (!in_range(r, "weight.boost", w->boost, 1, UINT64_MAX) || !in_range(r, "weight.slots", w->slots, 1, UINT64_MAX))
        return false;
    if (posw_u256_bits(&w->ticket_price_wei) > 128)
        return REFUSE(r, POSW_EINVAL, "weight.price is 2^128 wei or more: write a smaller amount");
    return in_range(r, "weight.ramp", w->ramp_blocks, 0, UINT32_MAX);
}

static bool check_economy(reader *r) {
    const posw_params *p = &r->spec.params;
    const uint64_t blocks_max = ((uint64_t)1 << 40) - 1;
    if (!not_zero(r, "difficulty.genesis", &p->genesis_difficulty) || !not_zero(r, "stake.minimum", &p->stake_min_wei))
        return false;
    if (!in_range(r, "gasLimit", p->gas_limit, 5000, INT64_MAX)) return false;
    if (!in_range(r, "reward.halving", p->halving_blocks, 0, blocks_max) ||
        !in_range(r, "fees.poolBlocks", p->pool_blocks, 0, blocks_max))
        return false;
    if (p->base_fee_min_wei == 0) return REFUSE(r, POSW_EINVAL, "fees.minimum is 0: write at least \"1 wei\"");
    if (p->base_fee_initial_wei < p->base_fee_min_wei)
        return REFUSE(r, POSW_EINVAL, "fees.initial is below fees.minimum: raise it, or lower fees.minimum");
    const posw_u256 rewards = posw_params_reward_total(p);
    if (posw_u256_bits(&rewards) <= 128) return true;
    return REFUSE(r, POSW_EINVAL,
                  "reward.initial or reward.tail is too large: all coins that can ever exist must be below 2^128 wei");
}

/* ---- the whole ---- */

static bool read_root(reader *r, json_t *root) {
    if (!find_sections(r, root) || !read_names(r) || !read_rules(r) || !read_weight_rule(r)) return false;
    if (!read_exponent(r) || !read_fields(r) || !read_reward_and_fees(r)) return false;
    if (!check_lengths(r) || !check_weight(r) || !check_economy(r)) return false;
    if (!read_accounts(r) || !read_stakes(r)) return false;
    r->code = posw_chain_spec_check(&r->spec, NULL, r->msg);
    return r->code == POSW_OK;
}

/* The key that ends at this place of the text, without its quotes. */
static const char *key_before(char out[QUOTE_MAX], const char *text, size_t end) {
    char key[QUOTE_MAX] = "";
    size_t last = end, first;
    while (last > 0 && text[last - 1] != '"')
        last--;
    for (first = last > 0 ? last - 1 : 0; first > 0 && text[first - 1] != '"';)
        first--;
    if (last > first) {
        const size_t size = last - 1 - first < sizeof key - 1 ? last - 1 - first : sizeof key - 1;
        memcpy(key, text + first, size);
        key[size] = '\0';
    }
    return quote(out, key);
}

static int parse_error(posw_message *msg, const json_error_t *e, const char *text, size_t size) {
    char safe[JSON_ERROR_TEXT_LENGTH], key[QUOTE_MAX];
    const enum json_error_code code = json_error_code(e);
    if (code == json_error_out_of_memory) return posw_message_set(msg, POSW_ENOMEM, "%s", posw_error_text(POSW_ENOMEM));
    if (code == json_error_duplicate_key) {
        const size_t end = e->position > 0 && (size_t)e->position <= size ? (size_t)e->position : 0;
        return posw_message_set(msg, POSW_EPARSE, "%s is given twice (line %d): remove one of the two",
                                key_before(key, text, end), e->line);
    }
    size_t n = 0;
    for (; e->text[n] != '\0' && n < sizeof safe - 1; n++)
        safe[n] = e->text[n] >= ' ' && e->text[n] <= '~' ? e->text[n] : '?';
    safe[n] = '\0';
    return posw_message_set(msg, POSW_EPARSE, "line %d, column %d is not valid JSON (%s): correct it there", e->line,
                            e->column, safe);
}

int posw_chainfile_read(posw_chain_spec *out, const char *text, size_t size, posw_message *msg) {
    if (size > POSW_CHAINFILE_SIZE_MAX)
        return posw_message_set(msg, POSW_EINVAL, "the chain file has %zu bytes: at most %d are allowed", size,
                                POSW_CHAINFILE_SIZE_MAX);
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL) return parse_error(msg, &error, text, size);
    reader r = {.msg = msg};
    posw_params_default(&r.spec.params);
    const bool ok = read_root(&r, root);
    json_decref(root);
    if (!ok) {
        posw_chain_spec_clear(&r.spec);
        return r.code;
    }
    *out = r.spec;
    return POSW_OK;
}
