/* posw_getUpgrades: the changes of rules that the chain file names, and those that only peers speak of. */
#include "rpc/methods.h"

#include "rpc/upgrade_news.h"

static void json_when(posw_jw *w, uint64_t tip, uint64_t height, uint64_t block_time_s) {
    posw_jw_kv_quantity(w, "height", height);
    posw_jw_kv_quantity(w, "blocksLeft", height > tip ? height - tip : 0);
    posw_jw_kv_quantity(w, "secondsLeft", posw_upgrade_seconds(tip, height, block_time_s));
}

static void json_quantity_change(posw_jw *w, const char *parameter, uint64_t from, uint64_t to) {
    if (from == to) return;
    posw_jw_object(w);
    posw_jw_kv_string(w, "parameter", parameter);
    posw_jw_kv_quantity(w, "from", from);
    posw_jw_kv_quantity(w, "to", to);
    posw_jw_object_end(w);
}

/* Names as in posw_chainParameters. */
static void json_changes(posw_jw *w, const posw_params *p, uint64_t height) {
    const posw_rules a = posw_params_rules(p, height - 1), b = posw_params_rules(p, height);
    posw_jw_key(w, "changes");
    posw_jw_array(w);
    json_quantity_change(w, "gasLimit", a.gas_limit, b.gas_limit);
    json_quantity_change(w, "fees.minimum", a.base_fee_min_wei, b.base_fee_min_wei);
    if (!posw_address_equal(&a.treasury, &b.treasury)) {
        posw_jw_object(w);
        posw_jw_kv_string(w, "parameter", "reward.treasury");
        posw_jw_kv_address(w, "from", &a.treasury);
        posw_jw_kv_address(w, "to", &b.treasury);
        posw_jw_object_end(w);
    }
    json_quantity_change(w, "reward.treasuryShare", a.treasury_share, b.treasury_share);
    posw_jw_array_end(w);
}

static void json_known(posw_jw *w, const posw_params *p, uint64_t tip) {
    posw_jw_key(w, "known");
    posw_jw_array(w);
    for (size_t i = 0; i < p->upgrade_count; i++) {
        const uint64_t height = p->upgrades[i].height;
        posw_jw_object(w);
        posw_jw_kv_string(w, "name", p->upgrades[i].name);
        posw_jw_kv_string(w, "state", height <= tip ? "active" : "coming");
        json_when(w, tip, height, p->block_time_s);
        json_changes(w, p, height);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}

/* At most one: the next. */
static void json_unknown(posw_jw *w, const rpc_call *c, const posw_params *p, uint64_t tip) {
    posw_upgrade_news n;
    posw_jw_key(w, "unknown");
    posw_jw_array(w);
    if (posw_upgrade_news_read(&n, c->rpc->p2p)) {
        posw_jw_object(w);
        posw_jw_kv_string(w, "state", n.missed ? "missed" : "coming");
        json_when(w, n.missed && n.height > tip ? n.height : tip, n.height, p->block_time_s);
        posw_jw_kv_quantity(w, "networks", n.networks);
        posw_jw_kv_bool(w, "credible", n.credible);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}

void rpc_posw_get_upgrades(rpc_call *c) {
    const posw_params *p = posw_chain_params(c->chain);
    const uint64_t tip = posw_chain_tip(c->chain)->number;
    posw_jw_object(&c->w);
    posw_jw_kv_quantity(&c->w, "number", tip);
    json_known(&c->w, p, tip);
    json_unknown(&c->w, c, p, tip);
    posw_jw_object_end(&c->w);
}
