#include "rule.h"

#include "posw/u256.h"
#include "posw/weight.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t WEI_PER_COIN = 1000000000000000000U;
static const double SMOOTH_UNIT = 1000, EXPONENT_MAX = 4;

/* ---- names ---- */

static bool parse_exponent(const char *text, double *out) {
    if (*text == '\0') {
        *out = 1;
        return true;
    }
    char *end;
    errno = 0;
    if (*text != '^' || text[1] < '0' || text[1] > '9') return false;
    *out = strtod(text + 1, &end);
    return *end == '\0' && errno == 0 && *out >= 0 && *out <= EXPONENT_MAX;
}

static bool parse_smooth(lab_rule *out, const char *name) {
    static const char *const bases[] = {"x", "(1+x)"};
    for (int i = 0; i < 2; i++) {
        const size_t size = strlen(bases[i]);
        double exponent;
        if (strncmp(name, bases[i], size) != 0 || !parse_exponent(name + size, &exponent)) continue;
        *out = (lab_rule){.smooth = true, .offset = i, .unit = SMOOTH_UNIT, .exponent = exponent};
        posw_params_default(&out->params);
        return true;
    }
    return false;
}

bool lab_rule_named(lab_rule *out, const char *name) {
    posw_params p;
    posw_params_default(&p);
    if (!posw_params_preset(&p, name)) return parse_smooth(out, name);
    lab_rule_of(out, &p);
    return true;
}

void lab_rule_of(lab_rule *out, const posw_params *p) {
    *out = (lab_rule){.params = *p};
}

const char *lab_rule_name(const lab_rule *r, char out[48]) {
    if (!r->smooth)
        snprintf(out, 48, "%s", posw_params_preset_of(&r->params));
    else if (r->exponent == 1)
        snprintf(out, 48, "%s", r->offset == 0 ? "x" : "(1+x)");
    else
        snprintf(out, 48, "%s^%g", r->offset == 0 ? "x" : "(1+x)", r->exponent);
    return out;
}

/* ---- amounts ---- */

posw_u256 lab_wei(double coins) {
    if (!(coins > 0)) return POSW_U256_ZERO;
    int exponent;
    const double mantissa = frexp(coins, &exponent);
    /* coins = whole * 2^shift exactly, whole < 2^53 */
    const uint64_t whole = (uint64_t)ldexp(mantissa, 53);
    const int shift = exponent - 53;
    posw_u256 wei = posw_u256_from_u64(whole);
    if (!posw_u256_mul_u64(&wei, &wei, WEI_PER_COIN)) return POSW_U256_MAX;
    if (shift < -255) return POSW_U256_ZERO;
    if (shift < 0) return posw_u256_shr(&wei, (unsigned)-shift);
    if (shift > 255 || !posw_u256_shl_checked(&wei, &wei, (unsigned)shift)) return POSW_U256_MAX;
    return wei;
}

posw_u256 lab_stake_wei(double coins) {
    static const double ROUNDING = 1e-12;
    return lab_wei(coins * (1 + ROUNDING));
}

static double to_double(const posw_u256 *v) {
    uint8_t bytes[32];
    double out = 0;
    posw_u256_to_be(bytes, v);
    for (size_t i = 0; i < sizeof bytes; i++)
        out = out * 256 + bytes[i];
    return out;
}

double lab_coins(const posw_u256 *wei) {
    return to_double(wei) / (double)WEI_PER_COIN;
}

/* ---- the rule ---- */

double lab_rule_weight(const lab_rule *r, double stake, double supply) {
    if (r->smooth) return pow(r->offset + stake / r->unit, r->exponent);
    const posw_u256 s = lab_stake_wei(stake), all = lab_wei(supply);
    const posw_u256 f = posw_weight(&r->params, r->params.weight.ramp_blocks, &s, &all, 0);
    return to_double(&f);
}

double lab_rule_ticket_price(const lab_rule *r, double supply) {
    const posw_u256 all = lab_wei(supply), price = posw_weight_ticket_price(&r->params, &all);
    return lab_coins(&price);
}

double lab_rule_tickets(const lab_rule *r, double stake, double supply) {
    if (!lab_rule_is_ticket(r)) return 0;
    const posw_u256 s = lab_stake_wei(stake), all = lab_wei(supply);
    return (double)posw_weight_tickets(&r->params, &s, &all);
}

double lab_rule_boost(const lab_rule *r) {
    return lab_rule_is_ticket(r) ? (double)r->params.weight.boost : 1;
}

double lab_rule_step(const lab_rule *r, double supply) {
    if (r->smooth) return 0;
    return lab_rule_is_ticket(r) ? lab_rule_ticket_price(r, supply) : lab_coins(&r->params.weight.unit_wei);
}

double lab_rule_stake_max(const lab_rule *r, double supply) {
    if (r->smooth) return r->exponent == 0 ? 0 : INFINITY;
    if (lab_rule_is_ticket(r)) return lab_rule_ticket_price(r, supply);
    const posw_weight_params *w = &r->params.weight;
    return w->max == w->min || w->exponent_x2 == 0 ? 0 : lab_coins(&w->unit_wei) * (double)w->max;
}

double lab_rule_lock_hours(const lab_rule *r, double depth) {
    const posw_params *p = &r->params;
    const double blocks = 2 * (double)p->epoch_blocks + (double)p->unbonding_blocks + depth;
    return blocks * (double)p->block_time_s / 3600;
}
