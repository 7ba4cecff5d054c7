#include "scenario_read.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

typedef struct {
    const char *key;
    size_t offset; /* of a double in lab_scenario */
    double min, max;
} number_key;

#define NUMBER(key, min, max) \
    { #key, offsetof(lab_scenario, key), min, max }

static const number_key NUMBERS[] = {
    NUMBER(price_usd, 1e-12, 1e12),
    NUMBER(supply, 1, 1e18),
    NUMBER(issuance_per_year, 0, 100),
    NUMBER(fees_usd_per_year, 0, 1e15),
    NUMBER(staked_share, 0, 1),
    NUMBER(pareto_exponent, 0.1, 100),
    NUMBER(hash_cost_share, 0, 1),
    NUMBER(hardware_share, 0, 0.99),
    NUMBER(electricity_usd_per_kwh, 1e-6, 100),
    NUMBER(interest_rate, 0, 10),
    NUMBER(delta, 0, 1),
    NUMBER(rentable_hash_ratio, 0, 1e9),
    NUMBER(rent_premium, 0, 1e6),
    NUMBER(daily_volume_usd, 1e-6, 1e15),
    NUMBER(price_impact, 0, 1e3),
    NUMBER(lock_hours, 0, 1e6),
    NUMBER(block_time_s, 1, 3600),
    NUMBER(value_at_risk_usd, 1e-6, 1e15),
};

#define REFUSE(msg, ...) (posw_message_set((msg), POSW_EINVAL, __VA_ARGS__), false)

enum { SHOWN_SIZE = 40 };

/* A key from the file, cut, and with nothing in it that a terminal would act on. */
static const char *shown(char out[SHOWN_SIZE], const char *key) {
    size_t n = 0;
    for (; key[n] != '\0' && n < SHOWN_SIZE - 1; n++)
        out[n] = key[n] > ' ' && key[n] <= '~' ? key[n] : '?';
    out[n] = '\0';
    return out;
}

static bool read_number(posw_message *msg, const char *key, const json_t *v, double min, double max, double *out) {
    const double number = json_is_number(v) ? json_number_value(v) : NAN;
    if (!(number >= min && number <= max)) return REFUSE(msg, "%s must be a number from %g to %g", key, min, max);
    *out = number;
    return true;
}

static bool read_text(posw_message *msg, const char *key, const json_t *v, char *out, size_t size) {
    if (!json_is_string(v) || json_string_length(v) >= size)
        return REFUSE(msg, "%s must be a text of fewer than %zu bytes", key, size);
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return true;
}

/* Into rows of `width` bytes. */
static bool read_list(posw_message *msg, const char *key, const json_t *v, char *rows, size_t width, size_t max,
                      size_t *count) {
    size_t i;
    const json_t *item;
    if (!json_is_array(v) || json_array_size(v) > max)
        return REFUSE(msg, "%s must be a list of at most %zu texts", key, max);
    json_array_foreach(v, i, item) if (!read_text(msg, key, item, rows + i * width, width)) return false;
    *count = json_array_size(v);
    return true;
}

static bool read_attack_key(posw_message *msg, const char *key, const json_t *v, lab_documented_attack *a) {
    static const double MONEY_MAX = 1e15, DEPTH_MAX = 1e6;
    if (strcmp(key, "coin") == 0) return read_text(msg, "attack.coin", v, a->coin, sizeof a->coin);
    if (strcmp(key, "date") == 0) return read_text(msg, "attack.date", v, a->date, sizeof a->date);
    if (strcmp(key, "what") == 0) return read_text(msg, "attack.what", v, a->what, sizeof a->what);
    if (strcmp(key, "depth") == 0) return read_number(msg, "attack.depth", v, 0, DEPTH_MAX, &a->depth);
    if (strcmp(key, "double_spent_usd") == 0)
        return read_number(msg, "attack.double_spent_usd", v, 0, MONEY_MAX, &a->double_spent_usd);
    if (strcmp(key, "cost_usd") == 0) return read_number(msg, "attack.cost_usd", v, 0, MONEY_MAX, &a->cost_usd);
    if (strcmp(key, "sources") == 0)
        return read_list(msg, "attack.sources", v, a->sources[0], sizeof a->sources[0], LAB_SOURCES_MAX,
                         &a->source_count);
    if (strcmp(key, "uncertain") == 0)
        return read_list(msg, "attack.uncertain", v, a->uncertain[0], sizeof a->uncertain[0], LAB_UNCERTAIN_MAX,
                         &a->uncertain_count);
    char name[SHOWN_SIZE];
    return REFUSE(msg, "there is no key attack.%s", shown(name, key));
}

static bool read_attack(posw_message *msg, json_t *v, lab_documented_attack *a) {
    const char *key;
    json_t *item;
    if (!json_is_object(v)) return REFUSE(msg, "%s must be an object", "attack");
    a->given = true;
    a->depth = a->double_spent_usd = a->cost_usd = NAN;
    json_object_foreach(v, key, item) if (!read_attack_key(msg, key, item, a)) return false;
    if (isnan(a->depth)) return REFUSE(msg, "%s is missing", "attack.depth");
    return true;
}

static bool read_miners(posw_message *msg, const json_t *v, lab_scenario *s) {
    const json_int_t n = json_is_integer(v) ? json_integer_value(v) : 0;
    if (n < 1 || n > LAB_SCENARIO_MINERS_MAX)
        return REFUSE(msg, "miners must be a whole number from 1 to %d", LAB_SCENARIO_MINERS_MAX);
    s->miners = (unsigned)n;
    return true;
}

static bool read_stakes(posw_message *msg, const json_t *v, lab_scenario *s) {
    const char *text = json_is_string(v) ? json_string_value(v) : "";
    if (strcmp(text, "equal") != 0 && strcmp(text, "pareto") != 0)
        return REFUSE(msg, "%s must be \"equal\" or \"pareto\"", "stakes");
    s->stakes = *text == 'e' ? LAB_STAKES_EQUAL : LAB_STAKES_PARETO;
    return true;
}

static bool read_key(posw_message *msg, const char *key, json_t *v, lab_scenario_file *out, double *block_reward) {
    for (size_t i = 0; i < POSW_ARRAY_SIZE(NUMBERS); i++)
        if (strcmp(key, NUMBERS[i].key) == 0)
            return read_number(msg, key, v, NUMBERS[i].min, NUMBERS[i].max,
                               (double *)((char *)&out->scenario + NUMBERS[i].offset));
    if (strcmp(key, "about") == 0) return read_text(msg, key, v, out->about, sizeof out->about);
    if (strcmp(key, "miners") == 0) return read_miners(msg, v, &out->scenario);
    if (strcmp(key, "stakes") == 0) return read_stakes(msg, v, &out->scenario);
    if (strcmp(key, "block_reward") == 0) return read_number(msg, key, v, 0, 1e15, block_reward);
    if (strcmp(key, "attack") == 0) return read_attack(msg, v, &out->attack);
    char name[SHOWN_SIZE];
    return REFUSE(msg, "there is no key %s", shown(name, key));
}

/* What a file must say, and what follows from it. */
static bool complete(posw_message *msg, lab_scenario *s, double block_reward) {
    if (isnan(s->price_usd)) return REFUSE(msg, "%s is missing", "price_usd");
    if (isnan(s->supply)) return REFUSE(msg, "%s is missing", "supply");
    if (isnan(s->issuance_per_year) == isnan(block_reward))
        return REFUSE(msg, "%s is needed", "one of issuance_per_year and block_reward");
    if (!isnan(block_reward)) {
        if (isnan(s->block_time_s)) return REFUSE(msg, "%s needs block_time_s beside it", "block_reward");
        s->issuance_per_year = block_reward * LAB_HOURS_PER_YEAR * 3600 / s->block_time_s / s->supply;
    }
    if (s->block_time_s != floor(s->block_time_s) && !isnan(s->block_time_s))
        return REFUSE(msg, "%s must be a whole number of seconds, as on any chain", "block_time_s");
    if (s->price_impact > 0 && isnan(s->daily_volume_usd))
        return REFUSE(msg, "%s needs daily_volume_usd beside it", "price_impact");
    return true;
}

static bool read_object(posw_message *msg, json_t *root, lab_scenario_file *out) {
    const char *key;
    json_t *v;
    double block_reward = NAN;
    lab_scenario *s = &out->scenario;
    if (!json_is_object(root)) return REFUSE(msg, "%s", "a scenario is a JSON object");
    lab_scenario_default(s);
    s->price_usd = s->supply = s->issuance_per_year = s->lock_hours = s->block_time_s = NAN;
    json_object_foreach(root, key, v) if (!read_key(msg, key, v, out, &block_reward)) return false;
    return complete(msg, s, block_reward);
}

bool lab_scenario_read(lab_scenario_file *out, const char *text, size_t size, posw_message *msg) {
    json_error_t error;
    lab_scenario_file found = {0};
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL) return REFUSE(msg, "line %d is not valid JSON, or has a key twice", error.line);
    const bool ok = read_object(msg, root, &found);
    json_decref(root);
    if (ok) *out = found;
    return ok;
}
