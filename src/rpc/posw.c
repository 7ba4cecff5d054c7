/* posw_chainParameters and posw_status. Numbers in posw_* answers are quantities, as in eth_*, unless said otherwise.
 */
#include "rpc/methods.h"

#include "posw/difficulty.h"
#include "posw/stake.h"

/* ---- parameters ---- */

static void json_weight(posw_jw *w, const posw_params *p) {
    const posw_weight_params *f = &p->weight;
    const char *preset = posw_params_preset_of(p), *text = posw_params_preset_text(preset);
    posw_jw_key(w, "weight");
    posw_jw_object(w);
    posw_jw_kv_string(w, "preset", preset);
    posw_jw_kv_string(w, "text", text != NULL && text[0] != 0 ? text : "parameters of this chain's own");
    switch (f->rule) {
    case POSW_WEIGHT_POWER:
        posw_jw_kv_string(w, "rule", "power");
        posw_jw_kv_quantity_u256(w, "unit", &f->unit_wei);
        posw_jw_kv_quantity(w, "min", f->min);
        posw_jw_kv_quantity(w, "max", f->max);
        posw_jw_key(w, "exponent"); /* a JSON number: 0, 0.5, 1, 1.5, 2 or 3 */
        posw_jw_double(w, (double)f->exponent_x2 / 2);
        break;
    case POSW_WEIGHT_TICKET:
        posw_jw_kv_string(w, "rule", "ticket");
        posw_jw_kv_quantity(w, "boost", f->boost);
        posw_jw_kv_quantity(w, "slots", f->slots);
        posw_jw_kv_quantity_u256(w, "price", &f->ticket_price_wei); /* 0: derived from the supply */
        posw_jw_kv_quantity(w, "ramp", f->ramp_blocks);
        break;
    }
    posw_jw_object_end(w);
}

static void json_difficulty(posw_jw *w, const posw_params *p) {
    posw_jw_key(w, "difficulty");
    posw_jw_object(w);
    posw_jw_kv_string(w, "rule", posw_difficulty_name(p->difficulty_rule));
    if (posw_difficulty_has_blocks(p->difficulty_rule))
        posw_jw_kv_quantity(w, posw_difficulty_has_half_life(p->difficulty_rule) ? "halfLife" : "blocks",
                            p->difficulty_blocks);
    posw_jw_kv_quantity_u256(w, "genesis", &p->genesis_difficulty);
    posw_jw_object_end(w);
}

static void json_economy(posw_jw *w, const posw_params *p, const posw_rules *rules) {
    posw_jw_key(w, "reward");
    posw_jw_object(w);
    posw_jw_kv_quantity_u256(w, "initial", &p->reward_initial_wei);
    posw_jw_kv_quantity(w, "halving", p->halving_blocks);
    posw_jw_kv_quantity_u256(w, "tail", &p->reward_tail_wei);
    posw_jw_kv_address(w, "treasury", &rules->treasury);
    posw_jw_kv_quantity(w, "treasuryShare", rules->treasury_share); /* hundredths of a percent */
    posw_jw_object_end(w);
    posw_jw_key(w, "fees");
    posw_jw_object(w);
    posw_jw_kv_string(w, "base", p->fee_rule == POSW_FEE_BURN ? "burn" : "pool");
    posw_jw_kv_quantity(w, "poolBlocks", p->pool_blocks);
    posw_jw_kv_quantity(w, "initial", p->base_fee_initial_wei);
    posw_jw_kv_quantity(w, "minimum", rules->base_fee_min_wei);
    posw_jw_object_end(w);
}

/* Each with the complete rules from its height on. */
static void json_upgrades(posw_jw *w, const posw_params *p) {
    posw_jw_key(w, "upgrades");
    posw_jw_array(w);
    for (uint32_t i = 0; i < p->upgrade_count; i++) {
        const posw_upgrade *u = &p->upgrades[i];
        posw_jw_object(w);
        posw_jw_kv_quantity(w, "height", u->height);
        posw_jw_kv_string(w, "name", u->name);
        posw_jw_kv_quantity(w, "gasLimit", u->rules.gas_limit);
        posw_jw_kv_quantity(w, "minimumBaseFee", u->rules.base_fee_min_wei);
        posw_jw_kv_address(w, "treasury", &u->rules.treasury);
        posw_jw_kv_quantity(w, "treasuryShare", u->rules.treasury_share);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}

/* What an upgrade changes is told as it is for the next block. */
void rpc_posw_chain_parameters(rpc_call *c) {
    const posw_rules rules = rpc_rules_next(c);
    const posw_chain_spec *spec = posw_chain_get_spec(c->chain);
    const posw_params *p = &spec->params;
    posw_hash genesis = posw_chain_genesis_hash(c->chain);
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_string(w, "name", spec->name);
    posw_jw_kv_string(w, "ticker", spec->ticker);
    posw_jw_kv_quantity(w, "chainId", p->chain_id);
    posw_jw_kv_hash(w, "genesisHash", &genesis);
    posw_jw_kv_quantity(w, "genesisTime", p->genesis_time);
    posw_jw_kv_string(w, "pow", posw_pow_name(p->pow));
    posw_jw_kv_quantity(w, "blockTime", p->block_time_s);
    posw_jw_kv_quantity(w, "window", p->window_blocks);
    posw_jw_kv_quantity(w, "epoch", p->epoch_blocks);
    posw_jw_kv_quantity(w, "unbonding", p->unbonding_blocks);
    posw_jw_kv_quantity(w, "maxReorg", p->reorg_max_blocks);
    json_difficulty(w, p);
    json_weight(w, p);
    posw_jw_kv_quantity_u256(w, "minimumStake", &p->stake_min_wei);
    json_economy(w, p, &rules);
    posw_jw_kv_quantity(w, "gasLimit", rules.gas_limit);
    json_upgrades(w, p);
    posw_jw_kv_address(w, "stakingContract", &POSW_STAKING_ADDRESS);
    posw_jw_object_end(w);
}

/* ---- status ---- */

static void json_tip(posw_jw *w, posw_chain *chain) {
    const posw_header *tip = posw_chain_tip(chain);
    posw_hash hash = posw_chain_tip_hash(chain);
    posw_jw_key(w, "tip");
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "number", tip->number);
    posw_jw_kv_hash(w, "hash", &hash);
    posw_jw_kv_quantity(w, "timestamp", tip->timestamp);
    posw_jw_kv_quantity_u256(w, "difficulty", &tip->difficulty);
    posw_jw_object_end(w);
}

static void json_mempool(posw_jw *w, const posw_mempool *pool) {
    size_t pending, queued, bytes;
    posw_mempool_counts(pool, &pending, &queued, &bytes);
    posw_jw_key(w, "mempool");
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "pending", pending);
    posw_jw_kv_quantity(w, "queued", queued);
    posw_jw_kv_quantity(w, "bytes", bytes);
    posw_jw_object_end(w);
}

static void json_mining(posw_jw *w, const posw_node *n) {
    const posw_address *miner = posw_node_miner(n);
    posw_jw_key(w, "mining");
    posw_jw_object(w);
    posw_jw_kv_bool(w, "enabled", miner != NULL);
    posw_jw_kv_bool(w, "held", posw_node_mining_is_held(n)); /* rests: no peers, or behind */
    posw_jw_key(w, "miner");
    if (miner != NULL)
        posw_jw_address(w, miner);
    else
        posw_jw_null(w);
    posw_jw_object_end(w);
}

static void json_counters(posw_jw *w, const posw_rpc *r) {
    posw_node_counters n = posw_node_read_counters(r->node);
    posw_jw_key(w, "counters");
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "blocksMined", n.blocks_mined);
    posw_jw_kv_quantity(w, "templates", n.templates);
    posw_jw_kv_quantity(w, "transactionsSubmitted", n.txs_submitted);
    posw_jw_kv_quantity(w, "transactionsRefused", n.txs_refused);
    posw_jw_kv_quantity(w, "filters", r->filter_count);
    posw_jw_kv_quantity(w, "subscriptions", r->subscription_count);
    posw_jw_object_end(w);
}

void rpc_posw_status(rpc_call *c) {
    posw_u256 weight = posw_chain_weight_total(c->chain);
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_string(w, "version", c->rpc->options.client_version);
    posw_jw_kv_string(w, "chain", posw_chain_get_spec(c->chain)->name);
    posw_jw_kv_quantity(w, "chainId", posw_chain_params(c->chain)->chain_id);
    posw_jw_kv_bool(w, "development", posw_node_is_development(c->node));
    posw_jw_kv_quantity(w, "time", posw_node_now_s(c->node));
    json_tip(w, c->chain);
    posw_jw_kv_quantity_u256(w, "totalDifficulty", &weight);
    posw_jw_kv_quantity(w, "safe", posw_chain_safe(c->chain));
    posw_jw_kv_quantity(w, "finalized", posw_chain_finalized(c->chain));
    posw_jw_kv_quantity(w, "firstBody", posw_chain_first_body(c->chain)); /* older ones are pruned; 0: none is */
    posw_jw_kv_bool(w, "syncing", rpc_is_syncing(c));
    posw_jw_kv_quantity(w, "peers", rpc_peer_count(c));
    json_mempool(w, c->pool);
    json_mining(w, c->node);
    json_counters(w, c->rpc);
    posw_jw_object_end(w);
}
