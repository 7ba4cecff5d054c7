/* Development chains: blocks and time on demand. */
#include "rpc/methods.h"

enum { MINE_MAX = 10000 };

/* Filters live by a clock that does not jump when a development chain's does. */
static void note_jump(posw_rpc *r, uint64_t before_s) {
    r->clock_skew_s += posw_node_now_s(r->node) - before_s;
}

/* Nothing, a number of blocks, or {"blocks": n}. */
static bool read_blocks(rpc_call *c, uint64_t *out) {
    const json_t *v = rpc_param(c, 0);
    *out = 1;
    if (json_is_object(v)) {
        const json_t *blocks = json_object_get(v, "blocks");
        return blocks == NULL || rpc_value_count(c, (rpc_at){0, "blocks"}, blocks, out, MINE_MAX);
    }
    return v == NULL || rpc_value_count(c, rpc_arg(0), v, out, MINE_MAX);
}

void rpc_evm_mine(rpc_call *c) {
    uint64_t blocks;
    int err = POSW_OK;
    if (!read_blocks(c, &blocks)) return;
    for (uint64_t i = 0; i < blocks && err == POSW_OK; i++) {
        if (posw_node_interrupted(c->node)) {
            (void)rpc_fail(c, RPC_ERROR_SERVER, "the node is stopping");
            return;
        }
        uint64_t before = posw_node_now_s(c->node);
        err = posw_node_mine_now(c->node, c->actions);
        note_jump(c->rpc, before);
    }
    if (err == POSW_EUNSUPPORTED)
        (void)rpc_fail(c, RPC_ERROR_SERVER, "this node has no miner: start it with one");
    else if (err == POSW_EAUTH)
        (void)rpc_fail(c, RPC_ERROR_SERVER, "the miner's key cannot sign: it has named another signer");
    else if (err != POSW_OK)
        (void)rpc_fail_operating(c, err);
    else
        posw_jw_quantity(&c->w, 0);
}

/* The answer is a JSON number, as of other development nodes: the seconds that were added so far. */
void rpc_evm_increase_time(rpc_call *c) {
    uint64_t seconds, before = posw_node_now_s(c->node);
    if (!rpc_value_count(c, rpc_arg(0), rpc_param(c, 0), &seconds, UINT32_MAX)) return;
    int err = posw_node_increase_time(c->node, seconds);
    note_jump(c->rpc, before);
    if (err == POSW_ERANGE) {
        (void)rpc_fail(c, RPC_ERROR_SERVER, "time cannot be moved that far");
        return;
    }
    if (err != POSW_OK) {
        (void)rpc_fail_operating(c, err);
        return;
    }
    c->rpc->time_added_s += seconds;
    posw_jw_u64(&c->w, c->rpc->time_added_s);
}
