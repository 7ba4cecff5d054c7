#include "chain_input.h"

#include "base/units.h"
#include "chain/chainfile.h"
#include "io/file.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "rules/clock.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int lab_chain_read(const cli *c, const char *path, posw_chain_spec *out) {
    posw_buf text = {0};
    posw_message msg = {""};
    int err = posw_file_read(&text, path, POSW_CHAINFILE_SIZE_MAX, &msg);
    if (err != POSW_OK) {
        (void)cli_usage(c, "%s", msg.text);
        return CLI_USAGE;
    }
    err = posw_chainfile_read(out, (const char *)text.data, text.size, &msg);
    posw_buf_clear(&text);
    if (err != POSW_OK) return cli_usage(c, "%s: %s", path, msg.text);
    if (out->params.weight.rule != POSW_WEIGHT_TICKET || out->params.weight.boost <= LAB_CHAIN_BOOST_MAX) return CLI_OK;
    posw_chain_spec_clear(out);
    return cli_usage(c, "%s: weight.boost is above 2^40, which the laboratory cannot simulate", path);
}

/* ---- miners ---- */

bool lab_miners_make(lab_miners *out, const lab_miner_group *groups, size_t count) {
    *out = (lab_miners){.group_count = count};
    for (size_t i = 0; i < count; i++)
        out->miner_count += groups[i].count;
    out->groups = malloc(count * sizeof *groups + 1);
    out->miners = calloc(out->miner_count + 1, sizeof *out->miners);
    if (out->groups == NULL || out->miners == NULL) {
        lab_miners_clear(out);
        return false;
    }
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        const lab_miner_group *g = &groups[i];
        out->groups[i] = *g;
        for (uint32_t k = 0; k < g->count; k++) {
            out->miners[next++] = (chain_sim_miner){.hash = g->hash,
                                                    .stake_wei = posw_u256_div_u64(&g->stake_wei, g->identities),
                                                    .identities = g->identities};
            out->stake_wei = posw_u256_add_sat(&out->stake_wei, &g->stake_wei);
        }
    }
    return true;
}

void lab_miners_clear(lab_miners *m) {
    free(m->groups);
    free(m->miners);
    *m = (lab_miners){.groups = NULL};
}

typedef struct {
    const cli *c;
    const char *path;
    size_t entry; /* from 1 */
} place;

static bool refuse(const place *p, const char *what) {
    (void)cli_usage(p->c, "%s: miner %zu: %s", p->path, p->entry, what);
    return false;
}

static bool read_whole(const place *p, const json_t *v, const char *what, uint32_t max, uint32_t *out) {
    if (v == NULL) return true;
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > max) return refuse(p, what);
    *out = (uint32_t)json_integer_value(v);
    return true;
}

static bool known_keys(const place *p, const json_t *entry) {
    static const char *const keys[] = {"name", "hash", "stake", "count", "identities"};
    size_t known = 0;
    for (size_t i = 0; i < 5; i++)
        known += json_object_get(entry, keys[i]) != NULL;
    return known == json_object_size(entry) || refuse(p, "a miner has only name, hash, stake, count and identities");
}

static bool read_group(const place *p, const json_t *entry, lab_miner_group *out) {
    *out = (lab_miner_group){.count = 1, .identities = 1};
    snprintf(out->name, sizeof out->name, "miner %zu", p->entry);
    if (!json_is_object(entry))
        return refuse(p, "it must be an object such as {\"hash\": 1, \"stake\": \"1000 coin\"}");
    if (!known_keys(p, entry)) return false;
    const json_t *name = json_object_get(entry, "name"), *hash = json_object_get(entry, "hash"),
                 *stake = json_object_get(entry, "stake");
    if (name != NULL && (!json_is_string(name) || json_string_length(name) >= sizeof out->name))
        return refuse(p, "name must be text of at most 63 bytes");
    if (name != NULL) snprintf(out->name, sizeof out->name, "%s", json_string_value(name));
    out->hash = json_number_value(hash);
    if (!json_is_number(hash) || (out->hash != 0 && !(out->hash >= 1e-30 && out->hash <= 1e30)))
        return refuse(p, "hash must be 0, or a number from 1e-30 to 1e30");
    if (stake != NULL && (!json_is_string(stake) || !posw_amount_parse(&out->stake_wei, json_string_value(stake)) ||
                          posw_u256_bits(&out->stake_wei) > 128))
        return refuse(p, "stake must be an amount such as \"1000 coin\"");
    return read_whole(p, json_object_get(entry, "count"), "count must be a whole number from 1 to 65536",
                      LAB_MINERS_MAX, &out->count) &&
           read_whole(p, json_object_get(entry, "identities"), "identities must be a whole number from 1 to 65536",
                      LAB_MINERS_MAX, &out->identities);
}

static bool read_groups(const cli *c, const char *path, const json_t *list, lab_miner_group *groups) {
    uint64_t miners = 0, identities = 0;
    double hash = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const place p = {c, path, i + 1};
        if (!read_group(&p, json_array_get(list, i), &groups[i])) return false;
        miners += groups[i].count;
        identities += (uint64_t)groups[i].count * groups[i].identities;
        hash += groups[i].hash;
    }
    if (miners <= LAB_MINERS_MAX && identities <= LAB_IDENTITIES_MAX && hash > 0) return true;
    if (!(hash > 0))
        (void)cli_usage(c, "%s: at least one miner must have some hash", path);
    else
        (void)cli_usage(c, "%s: at most %d miners and %d identities", path, LAB_MINERS_MAX, LAB_IDENTITIES_MAX);
    return false;
}

int lab_miners_read(const cli *c, const char *path, lab_miners *out) {
    enum { SIZE_MAX_BYTES = 16 * 1024 * 1024 };
    posw_buf text = {0};
    posw_message msg = {""};
    if (posw_file_read(&text, path, SIZE_MAX_BYTES, &msg) != POSW_OK) return cli_usage(c, "%s", msg.text);
    json_error_t error;
    json_t *list = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    posw_buf_clear(&text);
    if (list == NULL) return cli_usage(c, "%s is not JSON: %s in line %d", path, error.text, error.line);
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > LAB_MINERS_MAX) {
        json_decref(list);
        return cli_usage(c, "%s must be a JSON list of miners, such as [{\"hash\": 1, \"stake\": \"1000 coin\"}]",
                         path);
    }
    const size_t count = json_array_size(list);
    lab_miner_group *groups = calloc(count, sizeof *groups);
    int code = groups == NULL ? cli_fail("out of memory") : CLI_OK;
    if (code == CLI_OK && !read_groups(c, path, list, groups)) code = CLI_USAGE;
    if (code == CLI_OK && !lab_miners_make(out, groups, count)) code = cli_fail("out of memory");
    free(groups);
    json_decref(list);
    return code;
}

bool lab_supply_read(const cli *c, const posw_params *p, posw_u256 supply_wei, const lab_miners *m, posw_u256 *out) {
    *out = supply_wei;
    if (cli_given(c, "supply") && !cli_amount(c, "supply", out)) return false;
    if (posw_u256_cmp(out, &m->stake_wei) >= 0) return true;
    const posw_weight_params *w = &p->weight;
    if (w->rule == POSW_WEIGHT_POWER || !posw_u256_is_zero(&w->ticket_price_wei)) {
        *out = m->stake_wei; /* plays no part */
        return true;
    }
    (void)cli_usage(c, "the miners stake more coins than exist: give as many or more with --supply, on which the price "
                       "of tickets depends");
    return false;
}

/* ---- reports ---- */

static void report_weight(lab_report *r, const posw_params *p, const posw_u256 *supply_wei) {
    const posw_weight_params *w = &p->weight;
    lab_input_text(r, "weight", "weight rule", posw_params_preset_of(p));
    if (w->rule == POSW_WEIGHT_POWER) {
        lab_input_number(r, "unit", "stake is counted in units of", lab_coins(&w->unit_wei), "coins");
        lab_input_number(r, "exponent", "exponent", w->exponent_x2 / 2.0, "");
        return;
    }
    const posw_u256 price = posw_weight_ticket_price(p, supply_wei);
    lab_input_integer(r, "window", "window", p->window_blocks, "blocks");
    lab_input_integer(r, "boost", "boost", w->boost, "");
    lab_input_number(r, "ticket_price", "ticket price", lab_coins(&price), "coins");
    if (w->ramp_blocks > 0) lab_input_integer(r, "ramp", "ramp of the boost", w->ramp_blocks, "blocks");
}

void lab_report_chain(lab_report *r, const posw_params *p, const posw_u256 *supply_wei) {
    report_weight(r, p, supply_wei);
    lab_input_integer(r, "block_time", "block time", p->block_time_s, "s");
    lab_input_text(r, "difficulty_rule", "difficulty rule", posw_difficulty_name(p->difficulty_rule));
    if (posw_difficulty_has_blocks(p->difficulty_rule))
        lab_input_integer(r, "difficulty_blocks", "half-life, window or interval of it", p->difficulty_blocks,
                          "blocks");
    lab_input_number(r, "supply", "supply", lab_coins(supply_wei), "coins");
}
