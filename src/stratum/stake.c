/* What stake does for a login, and what a little more would do: for the line that our own miner shows. */
#include "posw/u256.h"
#include "posw/weight.h"
#include "state/staking.h"
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

/* ---- what comes by itself ---- */

static void exits(posw_stratum_coming *out, posw_state *s, const posw_address *owner, uint64_t number) {
    posw_staking_exit list[POSW_STAKE_EXITS_MAX];
    size_t count;
    if (posw_staking_exits_of(s, list, &count, owner) != POSW_OK) return;
    for (size_t i = 0; i < count; i++) {
        posw_u256 *sum = list[i].unlock_block <= number ? &out->unlocked_wei : &out->exiting_wei;
        *sum = posw_u256_add_sat(sum, &list[i].amount_wei);
        if (sum == &out->exiting_wei) out->exit_block = list[i].unlock_block;
    }
}

/* Deposits of all owners for this miner, and exits of the miner itself. What cannot be read is left away: nobody's work
 * depends on it. */
static posw_stratum_coming coming(posw_chain *c, const posw_address *miner, const posw_u256 *now_wei) {
    const posw_params *p = posw_chain_params(c);
    const uint64_t tip = posw_chain_tip(c)->number, next_from = (posw_epoch_of(p, tip + 1) + 1) * p->epoch_blocks;
    const posw_stake_table *ahead = posw_chain_table_ahead(c);
    const posw_stake_entry *entry = ahead == NULL ? NULL : posw_stake_table_find(ahead, miner);
    const posw_u256 next = entry == NULL ? POSW_U256_ZERO : entry->stake_wei;
    posw_stratum_coming out = {0};
    posw_state *s = NULL;
    posw_u256 later;
    if (ahead == NULL || posw_chain_state_at(c, &s, tip) != POSW_OK) return out;
    if (!posw_u256_equal(&next, now_wei)) {
        out.next_from = next_from;
        out.next_wei = next;
    }
    if (posw_staking_stake_of(s, &later, miner) == POSW_OK && !posw_u256_equal(&later, &next)) {
        out.later_from = next_from + p->epoch_blocks;
        out.later_wei = later;
    }
    exits(&out, s, miner, tip + 1);
    if (out.next_from + out.later_from + out.exit_block > 0) out.block_time_s = p->block_time_s;
    posw_state_free(s);
    return out;
}

/* ---- all of it ---- */

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
        s.coming = coming(c, miner, &s.stake_wei);
    }
    *out = s;
}
