/* Fees: what the next block asks for, what recent blocks paid. */
#include "rpc/methods.h"

#include "base/bytes.h"
#include "posw/economy.h"
#include "posw/u256.h"

#include <stdlib.h>

enum {
    HISTORY_MAX = 1024,
    PERCENTILES_MAX = 100,
    HISTORY_TXS_MAX = 200000, /* read by one request: bounds its time; older blocks are then left out */
    TIPS_PER_BLOCK = 3,
    SUGGESTED_PERCENTILE = 60,
};

static uint64_t next_base_fee(rpc_call *c) {
    const posw_header *tip = posw_chain_tip(c->chain);
    return posw_base_fee_next(posw_chain_params(c->chain), tip->number, tip->base_fee_wei, tip->gas_used);
}

void rpc_eth_base_fee(rpc_call *c) {
    posw_jw_quantity(&c->w, next_base_fee(c));
}

/* The tip that a mined transaction paid per gas: min(tip, max fee - base fee). */
static posw_u256 effective_tip(const posw_tx *tx, uint64_t base_fee_wei) {
    posw_u256 price = posw_tx_effective_price(tx, base_fee_wei), base_fee = posw_u256_from_u64(base_fee_wei);
    return posw_u256_sub_sat(&price, &base_fee);
}

static int compare_u256(const void *a, const void *b) {
    return posw_u256_cmp(a, b);
}

/* ---- the suggested tip: the 60th percentile of the lowest tips of recent blocks, at least a tenth of the least base
 * fee ----
 *
 * The lowest tips of a block are what was enough to get in. Where base fees are burnt, a tip is all that a transaction
 * gives to its miner, so the floor is not zero. */

static void insert_tip(rpc_block_tips *t, const posw_u256 *tip) {
    if (t->count == TIPS_PER_BLOCK && posw_u256_cmp(tip, &t->tips[TIPS_PER_BLOCK - 1]) >= 0) return;
    size_t i = t->count < TIPS_PER_BLOCK ? t->count++ : TIPS_PER_BLOCK - 1;
    for (; i > 0 && posw_u256_cmp(tip, &t->tips[i - 1]) < 0; i--)
        t->tips[i] = t->tips[i - 1];
    t->tips[i] = *tip;
}

/* The lowest tips of a main-chain block, remembered by hash. NULL: failed. */
static const rpc_block_tips *tips_of(rpc_call *c, uint64_t number) {
    rpc_block_ref ref = {.kind = RPC_BY_NUMBER, .number = number};
    posw_hash hash;
    if (!rpc_ref_hash(c, &ref, &hash)) return NULL;
    rpc_block_tips *t = &c->rpc->tips[number % RPC_TIP_BLOCKS];
    if (t->used && posw_hash_equal(&t->hash, &hash)) return t;
    const rpc_block *b = rpc_block_load(c, &hash);
    if (b == NULL) return NULL;
    *t = (rpc_block_tips){.used = true, .hash = hash};
    for (size_t i = 0; i < b->block.tx_count; i++) {
        posw_u256 tip = effective_tip(&b->block.txs[i], b->header.base_fee_wei);
        if (!posw_u256_is_zero(&tip)) insert_tip(t, &tip);
    }
    return t;
}

static posw_u256 pick_tip(posw_u256 *tips, size_t count, uint64_t base_fee_min_wei) {
    posw_u256 least = posw_u256_from_u64(base_fee_min_wei / 10 > 0 ? base_fee_min_wei / 10 : 1);
    if (count == 0) return least;
    qsort(tips, count, sizeof *tips, compare_u256);
    const posw_u256 *picked = &tips[(count - 1) * SUGGESTED_PERCENTILE / 100];
    return posw_u256_cmp(picked, &least) < 0 ? least : *picked;
}

static bool suggested_tip(rpc_call *c, posw_u256 *out) {
    posw_rpc *r = c->rpc;
    posw_hash tip_hash = posw_chain_tip_hash(c->chain);
    if (!r->tip_known || !posw_hash_equal(&r->tip_of, &tip_hash)) {
        posw_u256 tips[RPC_TIP_BLOCKS * TIPS_PER_BLOCK];
        size_t count = 0;
        uint64_t number = posw_chain_tip(c->chain)->number;
        for (size_t i = 0; i < RPC_TIP_BLOCKS && number > 0; i++, number--) {
            const rpc_block_tips *t = tips_of(c, number);
            if (t == NULL) return rpc_fail_operating(c, POSW_ECORRUPT);
            for (size_t k = 0; k < t->count; k++)
                tips[count++] = t->tips[k];
        }
        r->suggested_tip = pick_tip(tips, count, rpc_rules_next(c).base_fee_min_wei);
        r->tip_of = tip_hash;
        r->tip_known = true;
    }
    *out = r->suggested_tip;
    return true;
}

void rpc_eth_max_priority_fee(rpc_call *c) {
    posw_u256 tip;
    if (suggested_tip(c, &tip)) posw_jw_quantity_u256(&c->w, &tip);
}

void rpc_eth_gas_price(rpc_call *c) {
    posw_u256 tip, base_fee = posw_u256_from_u64(next_base_fee(c));
    if (!suggested_tip(c, &tip)) return;
    tip = posw_u256_add_sat(&tip, &base_fee);
    posw_jw_quantity_u256(&c->w, &tip);
}

/* ---- eth_feeHistory ---- */

typedef struct {
    uint64_t count, newest, oldest;
    double percentiles[PERCENTILES_MAX];
    size_t percentile_count;
    bool rewards;
    posw_buf reward_json; /* of the blocks, newest first: size (4) and text each */
} history;

static bool read_percentiles(rpc_call *c, history *h) {
    const json_t *list = rpc_param(c, 2);
    if (list == NULL) return true;
    if (!json_is_array(list)) return rpc_bad(c, rpc_arg(2), "not an array of percentiles");
    h->percentile_count = json_array_size(list);
    h->rewards = h->percentile_count > 0;
    if (h->percentile_count > PERCENTILES_MAX)
        return rpc_fail(c, RPC_ERROR_PARAMS, "invalid reward percentile: over the query limit %d", PERCENTILES_MAX);
    for (size_t i = 0; i < h->percentile_count; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_number(v)) return rpc_bad(c, rpc_arg(2), "not a number");
        double p = h->percentiles[i] = json_number_value(v);
        if (!(p >= 0 && p <= 100)) return rpc_fail(c, RPC_ERROR_PARAMS, "invalid reward percentile: %f", p);
        if (i > 0 && p <= h->percentiles[i - 1])
            return rpc_fail(c, RPC_ERROR_PARAMS, "invalid reward percentile: #%zu:%f >= #%zu:%f", i - 1,
                            h->percentiles[i - 1], i, p);
    }
    return true;
}

static bool read_history(rpc_call *c, history *h) {
    rpc_block_ref ref;
    uint64_t tip = posw_chain_tip(c->chain)->number;
    if (!rpc_value_count(c, rpc_arg(0), rpc_param(c, 0), &h->count, UINT64_MAX) ||
        !rpc_param_block_number(c, 1, &ref) || !read_percentiles(c, h))
        return false;
    h->newest = rpc_ref_number(c, &ref);
    if (h->newest > tip)
        return rpc_fail(c, RPC_ERROR_SERVER, "request beyond head block: requested %llu, head %llu",
                        (unsigned long long)h->newest, (unsigned long long)tip);
    if (h->count > HISTORY_MAX) h->count = HISTORY_MAX;
    if (h->count > h->newest + 1) h->count = h->newest + 1;
    return true;
}

typedef struct {
    posw_u256 tip;
    uint64_t gas_used;
} paid;

static int compare_paid(const void *a, const void *b) {
    return posw_u256_cmp(&((const paid *)a)->tip, &((const paid *)b)->tip);
}

static paid *paid_of(rpc_call *c, const rpc_block *b) {
    size_t count = b->block.tx_count;
    paid *list = calloc(count, sizeof *list);
    if (list == NULL) {
        (void)rpc_fail_operating(c, POSW_ENOMEM);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t after = i + 1 < count ? b->places[i + 1].gas_before : b->header.gas_used;
        list[i] = (paid){effective_tip(&b->block.txs[i], b->header.base_fee_wei), after - b->places[i].gas_before};
    }
    qsort(list, count, sizeof *list, compare_paid);
    return list;
}

/* For each percentile the tip at which that part of the block's gas is reached, going up from the lowest tip. */
static void json_rewards(posw_jw *w, const history *h, const rpc_block *b, const paid *list) {
    size_t count = b->block.tx_count, i = 0;
    uint64_t sum = count > 0 ? list[0].gas_used : 0;
    posw_jw_array(w);
    for (size_t k = 0; k < h->percentile_count; k++) {
        posw_u256 tip = POSW_U256_ZERO;
        if (count > 0) {
            uint64_t threshold = (uint64_t)((double)b->header.gas_used * h->percentiles[k] / 100);
            while (sum < threshold && i + 1 < count)
                sum += list[++i].gas_used;
            tip = list[i].tip;
        }
        posw_jw_quantity_u256(w, &tip);
    }
    posw_jw_array_end(w);
}

/* Rewards are made from the newest block down, until the work of one request is done. */
static bool collect_rewards(rpc_call *c, history *h) {
    size_t txs = 0;
    uint64_t done = 0;
    for (; done < h->count && (done == 0 || txs < HISTORY_TXS_MAX); done++) {
        rpc_block_ref ref = {.kind = RPC_BY_NUMBER, .number = h->newest - done};
        rpc_block *b = rpc_block_by_ref(c, &ref);
        if (b == NULL || !rpc_block_need_receipts(c, b)) return rpc_fail_operating(c, POSW_ECORRUPT);
        paid *list = b->block.tx_count > 0 ? paid_of(c, b) : NULL;
        if (c->code != 0) return false;
        size_t start = h->reward_json.size;
        posw_jw w;
        (void)posw_buf_extend(&h->reward_json, 4);
        posw_jw_init(&w, &h->reward_json);
        json_rewards(&w, h, b, list);
        free(list);
        if (h->reward_json.failed) return rpc_fail_operating(c, POSW_ENOMEM);
        posw_store_be32(h->reward_json.data + start, (uint32_t)(h->reward_json.size - start - 4));
        txs += b->block.tx_count;
    }
    h->count = done;
    return true;
}

/* Oldest first: the texts were made newest first. */
static void json_reward_list(rpc_call *c, const history *h) {
    size_t places[HISTORY_MAX], count = 0;
    for (size_t at = 0; at < h->reward_json.size; at += 4 + posw_load_be32(h->reward_json.data + at))
        places[count++] = at;
    posw_jw_key(&c->w, "reward");
    posw_jw_array(&c->w);
    while (count > 0 && rpc_fits(c)) {
        const uint8_t *p = h->reward_json.data + places[--count];
        posw_jw_raw(&c->w, (const char *)p + 4, posw_load_be32(p));
    }
    posw_jw_array_end(&c->w);
}

static bool json_history(rpc_call *c, const history *h) {
    posw_jw *w = &c->w;
    uint64_t oldest = h->newest + 1 - h->count, next = 0;
    posw_buf ratios = {0};
    posw_jw ratio;
    posw_jw_init(&ratio, &ratios);
    posw_jw_array(&ratio);
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "oldestBlock", oldest);
    posw_jw_key(w, "baseFeePerGas");
    posw_jw_array(w);
    for (uint64_t n = oldest; n <= h->newest && c->code == 0; n++) {
        posw_chain_block_info info;
        int err = posw_chain_block_by_number(c->chain, &info, n);
        if (err != POSW_OK) {
            (void)rpc_fail_operating(c, err);
            break;
        }
        posw_jw_quantity(w, info.header.base_fee_wei);
        posw_jw_double(&ratio, (double)info.header.gas_used / (double)info.header.gas_limit);
        next = posw_base_fee_next(posw_chain_params(c->chain), n, info.header.base_fee_wei, info.header.gas_used);
    }
    posw_jw_quantity(w, next);
    posw_jw_array_end(w);
    posw_jw_array_end(&ratio);
    posw_jw_key(w, "gasUsedRatio");
    posw_jw_raw(w, (const char *)ratios.data, ratios.size);
    if (h->rewards) json_reward_list(c, h);
    posw_jw_object_end(w);
    bool ok = !ratios.failed;
    posw_buf_clear(&ratios);
    return ok || rpc_fail_operating(c, POSW_ENOMEM);
}

static void json_no_history(posw_jw *w) {
    static const char TEXT[] = "{\"oldestBlock\":\"0x0\",\"baseFeePerGas\":[],\"gasUsedRatio\":[]}";
    posw_jw_raw(w, TEXT, sizeof TEXT - 1);
}

void rpc_eth_fee_history(rpc_call *c) {
    history h = {0};
    if (!read_history(c, &h)) return;
    if (h.count == 0)
        json_no_history(&c->w);
    else if (!h.rewards || collect_rewards(c, &h))
        (void)json_history(c, &h);
    posw_buf_clear(&h.reward_json);
}
