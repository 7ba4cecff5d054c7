#include "attack.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    const lab_rule *rule;
    const lab_scenario *scenario;
    double depth;
    double hash_usd;      /* honest miners' cost of hash for the time of `depth` blocks, with the rent premium */
    double honest_weight; /* their average weight */
    double lock_years;
    double ticket_price; /* ticket rule: coins */
} attack;

static lab_attack_route route_of(const attack *a, double stake, double weight) {
    const lab_scenario *s = a->scenario;
    const double value = stake * s->price_usd;
    lab_attack_route r = {.stake = stake, .weight = weight, .hash_ratio = a->honest_weight / weight};
    r.hash = a->hash_usd * r.hash_ratio;
    r.loss = s->delta * value;
    r.interest = s->interest_rate * a->lock_years * value;
    if (s->price_impact > 0 && stake > 0) r.impact = s->price_impact * value / s->daily_volume_usd / 2 * value;
    r.cost = weight > 0 ? r.hash + r.loss + r.interest + r.impact : INFINITY;
    r.capital = r.hash + value + r.impact;
    return r;
}

/* ---- rules of stake alone ---- */

static lab_attack_route power_route(const attack *a, double stake) {
    return route_of(a, stake, lab_rule_weight(a->rule, stake, a->scenario->supply));
}

/* The cost is convex in the stake: golden section. */
static lab_attack_route best_smooth(const attack *a) {
    static const double GOLDEN = 0.6180339887498949;
    double low = 0, high = a->scenario->supply;
    /* a stake that alone costs more than some whole route is too much; this narrows the search to the right scale */
    const double some = power_route(a, high).cost;
    for (double stake = high; stake > high * 1e-12; stake /= 2) {
        const lab_attack_route r = power_route(a, stake);
        if (r.cost - r.hash <= some) break;
        high = stake;
    }
    for (int i = 0; i < 300 && high - low > 1e-13 * high; i++) {
        const double left = high - GOLDEN * (high - low), right = low + GOLDEN * (high - low);
        if (power_route(a, left).cost <= power_route(a, right).cost)
            high = right;
        else
            low = left;
    }
    return power_route(a, low + (high - low) / 2);
}

/* Units or tickets that so many coins pay for; not one fewer for the last digit of a double. */
static double whole_steps(double coins, double step) {
    return floor(coins / step * (1 + 1e-12));
}

/* Only whole multiples of the unit matter. Each further one makes the stake dearer and the hash no dearer, so that of
 * low..high units none costs less than the stake of `low` and the hash of `high`: ranges that may hold a cheaper one by
 * more than 1e-8 of it are halved. Where stake costs nothing the last one is the best. */
static lab_attack_route best_stepped(const attack *a) {
    enum { RANGES_MAX = 128 }; /* two for each halving of 2^64 units would be enough */
    static const double CHEAPER = 1 - 1e-8;
    struct {
        double low, high;
    } ranges[RANGES_MAX];
    size_t count = 0;
    lab_attack_route best = {.cost = INFINITY};
    const double step = lab_rule_step(a->rule, a->scenario->supply);
    const double most = fmin(lab_rule_stake_max(a->rule, a->scenario->supply), a->scenario->supply);
    const double units = whole_steps(most, step);
    if (units >= 1) {
        ranges[count].low = 1;
        ranges[count++].high = units;
    }
    while (count > 0) {
        const double low = ranges[--count].low, high = ranges[count].high, middle = floor(low + (high - low) / 2);
        const lab_attack_route least = power_route(a, low * step), last = power_route(a, high * step);
        if (last.cost < best.cost) best = last;
        if (least.cost < best.cost) best = least;
        /* beyond 2^53 neighbours are no longer 1 apart */
        if (!(middle < high && middle + 1 > low)) continue;
        if (least.cost - least.hash + last.hash >= best.cost * CHEAPER) continue;
        POSW_ASSERT(count + 2 <= RANGES_MAX);
        ranges[count].low = middle + 1;
        ranges[count++].high = high;
        ranges[count].low = low;
        ranges[count++].high = middle;
    }
    return best;
}

/* ---- tickets ---- */

static lab_attack_route ticket_route(const attack *a, double tickets) {
    const double boost = lab_rule_boost(a->rule), slots = fmin(a->depth, (double)a->rule->params.window_blocks);
    const double part = fmin(1, tickets / slots);
    lab_attack_route r = route_of(a, tickets * a->ticket_price, 1 / (part / boost + (1 - part)));
    r.tickets = tickets;
    return r;
}

/* Without a price impact the cost is linear in the number of tickets, and the best is none or as many as there are;
 * else every number is tried. */
static lab_attack_route best_tickets(const attack *a) {
    lab_attack_route best = {.cost = INFINITY};
    const double slots = ceil(fmin(a->depth, (double)a->rule->params.window_blocks));
    const double most = fmin(slots, whole_steps(a->scenario->supply, a->ticket_price));
    for (double t = a->scenario->price_impact > 0 || most < 1 ? 1 : most; t <= most; t++) {
        const lab_attack_route r = ticket_route(a, t);
        if (r.cost < best.cost) best = r;
    }
    return best;
}

/* ---- all of it ---- */

static double insiders(const lab_scenario *s, double stake) {
    double *stakes = calloc(s->miners, sizeof *stakes), count = 0;
    if (stakes == NULL) return -1;
    lab_scenario_stakes(s, stakes);
    for (unsigned i = 0; i < s->miners; i++)
        count += stakes[i] >= stake * (1 - 1e-12);
    free(stakes);
    return count;
}

static bool prepare(attack *a, const lab_rule *r, const lab_scenario *s, double depth, lab_attack_result *out) {
    lab_honest honest;
    if (!lab_honest_miners(s, r, &honest)) return false;
    const double hours = depth * (double)r->params.block_time_s / 3600;
    out->honest_weight = honest.mean_weight;
    out->hash_cost_per_hour = honest.hash_cost_share * lab_reward_per_hour(s);
    out->lock_hours = isnan(s->lock_hours) ? lab_rule_lock_hours(r, depth) : s->lock_hours + hours;
    *a = (attack){
        .rule = r,
        .scenario = s,
        .depth = depth,
        .hash_usd = out->hash_cost_per_hour * hours * s->rent_premium,
        .honest_weight = honest.mean_weight,
        .lock_years = out->lock_hours / LAB_HOURS_PER_YEAR,
        .ticket_price = lab_rule_is_ticket(r) ? lab_rule_ticket_price(r, s->supply) : 0,
    };
    return true;
}

bool lab_attack(const lab_rule *r, const lab_scenario *s, double depth, lab_attack_result *out) {
    attack a;
    lab_attack_result found = {0};
    if (!prepare(&a, r, s, depth, &found)) return false;
    if (lab_rule_is_ticket(r)) {
        found.pure_hash = ticket_route(&a, 0);
        found.staked = ticket_route(&a, ceil(fmin(depth, (double)r->params.window_blocks)));
        if (found.staked.tickets > whole_steps(s->supply, a.ticket_price)) found.staked.cost = INFINITY;
        found.best = best_tickets(&a);
    } else {
        found.pure_hash = power_route(&a, 0);
        found.staked = r->smooth ? best_smooth(&a) : best_stepped(&a);
        if (lab_rule_stake_max(r, s->supply) == 0) found.staked.cost = INFINITY;
        found.best = found.staked;
    }
    if (found.pure_hash.cost <= found.best.cost) found.best = found.pure_hash;
    if (found.staked.cost < INFINITY) found.insiders = insiders(s, found.staked.stake);
    if (found.insiders < 0) return false;
    *out = found;
    return true;
}

/* With t tickets the last t blocks of the branch are boosted, and every window before them alike. */
static lab_attack_route best_along(const attack *a, const double *difficulties, size_t count) {
    const size_t window = a->rule->params.window_blocks, most = count < window ? count : window;
    const double for_sale = whole_steps(a->scenario->supply, a->ticket_price);
    const double unboosted = 1 - 1 / lab_rule_boost(a->rule);
    double work = 0;
    for (size_t i = 0; i < count; i++)
        work += difficulties[i];
    lab_attack_route best = {.cost = INFINITY};
    for (size_t t = 0; t <= most && (double)t <= for_sale; t++) {
        for (size_t back = t; t > 0 && back <= count; back += window)
            work -= unboosted * difficulties[count - back];
        lab_attack_route r = route_of(a, (double)t * a->ticket_price, a->depth / work);
        r.tickets = (double)t;
        if (r.cost < best.cost) best = r;
    }
    return best;
}

bool lab_attack_along(const lab_rule *r, const lab_scenario *s, double depth, const double *difficulties, size_t count,
                      lab_attack_route *out) {
    attack a;
    lab_attack_result found = {0};
    if (!lab_rule_is_ticket(r)) {
        if (!lab_attack(r, s, depth, &found)) return false;
        *out = found.best;
        return true;
    }
    if (!prepare(&a, r, s, depth, &found)) return false;
    *out = best_along(&a, difficulties, count);
    return true;
}

double lab_attack_depth(const lab_rule *r, const lab_scenario *s, double value, double depth_max) {
    double low = 0, high = depth_max;
    lab_attack_result at;
    if (!lab_attack(r, s, high, &at) || at.best.cost < value) return 0;
    while (high - low > 1) {
        const double middle = floor(low + (high - low) / 2);
        if (!lab_attack(r, s, middle, &at)) return 0;
        if (at.best.cost < value)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* ---- closed forms ---- */

double lab_leverage(double exponent, double miners, double stake_share) {
    return pow(miners * stake_share, -exponent);
}

double lab_leverage_cost(double k, double miners, double hash_cost, double stake_value, double *stake) {
    const double b = pow(k * hash_cost * pow(stake_value / miners, k), 1 / (k + 1));
    if (stake != NULL) *stake = b;
    return (1 + 1 / k) * b;
}

double lab_merge_factor(const lab_rule *r, double stake, double parts, double supply) {
    return lab_rule_weight(r, stake, supply) / lab_rule_weight(r, stake / parts, supply);
}
