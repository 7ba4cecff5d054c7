/* What stake does for a login, and what a little more would do: for the line that our own miner shows. */
#include "posw/u256.h"
#include "posw/weight.h"
#include "stratum/stratum_internal.h"

typedef struct {
    const posw_params *p;
    uint64_t number;
    posw_u256 supply_wei;
    uint64_t used;
} rule;

static posw_u256 weight_of(const rule *r, const posw_u256 *stake) {
    return posw_weight(r->p, r->number, stake, &r->supply_wei, r->used);
}

/* n units of stake; false: more than there can be. */
static bool units(posw_u256 *out, const posw_u256 *unit_wei, uint64_t n) {
    return posw_u256_mul_u64(out, unit_wei, n) && posw_u256_bits(out) <= 128;
}

/* The least number of units above u whose F is another; false: there is none. F never falls. */
static bool next_units(const rule *r, uint64_t *out, uint64_t u, const posw_u256 *now) {
    const posw_weight_params *w = &r->p->weight;
    uint64_t low = u, high = w->max; /* F(low) is now's, F(high) another */
    posw_u256 stake, weight;
    while (high > u && !units(&stake, &w->unit_wei, high))
        high = u + (high - u) / 2;
    if (high <= u) return false;
    weight = weight_of(r, &stake);
    if (posw_u256_equal(&weight, now)) return false;
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        (void)!units(&stake, &w->unit_wei, middle);
        weight = weight_of(r, &stake);
        if (posw_u256_equal(&weight, now))
            low = middle;
        else
            high = middle;
    }
    *out = high;
    return true;
}

static void power_step(const rule *r, posw_stratum_stake *s) {
    posw_u256 u;
    uint64_t now, next;
    posw_u256_divmod(&u, NULL, &s->stake_wei, &r->p->weight.unit_wei);
    posw_u256 at;
    if (!posw_u256_to_u64(&now, &u) || !next_units(r, &next, now, &s->weight)) return;
    if (!units(&at, &r->p->weight.unit_wei, next)) return;
    s->step_wei = posw_u256_sub_sat(&at, &s->stake_wei);
    s->step_weight = weight_of(r, &at);
}

/* The next ticket; while all are used up, the first that would be free. */
static void ticket_step(const rule *r, posw_stratum_stake *s) {
    const uint64_t most = s->tickets > s->used ? s->tickets : s->used;
    posw_u256 at;
    if (most == UINT64_MAX || !units(&at, &s->price_wei, most + 1)) return;
    s->step_wei = posw_u256_sub_sat(&at, &s->stake_wei);
    s->step_weight = weight_of(r, &at);
}

void stratum_stake_of(posw_stratum_stake *out, posw_chain *c, const posw_address *miner, const posw_u256 *difficulty) {
    const uint64_t number = posw_chain_tip(c)->number + 1;
    const posw_stake_table *table = posw_chain_table(c, number);
    posw_stratum_stake s = {.weight = POSW_U256_ONE, .difficulty = *difficulty};
    if (table != NULL) {
        const rule r = {posw_chain_params(c), number, table->supply_wei, posw_window_used(posw_chain_window(c), miner)};
        const posw_stake_entry *entry = posw_stake_table_find(table, miner);
        if (entry != NULL) s.stake_wei = entry->stake_wei;
        s.weight = s.step_weight = weight_of(&r, &s.stake_wei);
        s.tickets_rule = r.p->weight.rule == POSW_WEIGHT_TICKET;
        if (s.tickets_rule) {
            s.boost = posw_u256_from_u64(posw_weight_boost(r.p, number));
            s.price_wei = posw_weight_ticket_price(r.p, &r.supply_wei);
            s.tickets = posw_weight_tickets(r.p, &s.stake_wei, &r.supply_wei);
            s.used = r.used;
            s.window_blocks = r.p->window_blocks;
            ticket_step(&r, &s);
        } else {
            power_step(&r, &s);
        }
    }
    *out = s;
}
