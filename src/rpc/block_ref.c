/* Which block a request means: tags, numbers, hashes and the objects of EIP-1898.
 *
 * `pending` is the tip for everything that reads state: this node keeps no state of a block that is not mined. What is
 * pending is known where it matters: eth_getTransactionCount counts the pool, and calls run as in the next block. */
#include "rpc/rpc_internal.h"

#include "base/bytes.h"

#include <inttypes.h>

static const struct {
    const char *name;
    int kind;
} TAGS[] = {{"latest", RPC_LATEST},
            {"pending", RPC_PENDING},
            {"safe", RPC_SAFE},
            {"finalized", RPC_FINALIZED},
            {"earliest", RPC_BY_NUMBER}}; /* with number 0 */

static bool parse_tag(const char *text, rpc_block_ref *out) {
    for (size_t i = 0; i < POSW_ARRAY_SIZE(TAGS); i++) {
        if (strcmp(text, TAGS[i].name) != 0) continue;
        *out = (rpc_block_ref){.kind = TAGS[i].kind};
        return true;
    }
    return false;
}

bool rpc_value_block_number(rpc_call *c, rpc_at at, const json_t *v, rpc_block_ref *out) {
    if (json_is_string(v) && parse_tag(json_string_value(v), out)) return true;
    *out = (rpc_block_ref){.kind = RPC_BY_NUMBER};
    return rpc_value_count(c, at, v, &out->number, UINT64_MAX);
}

bool rpc_param_block_number(rpc_call *c, size_t i, rpc_block_ref *out) {
    const json_t *v = rpc_param(c, i);
    *out = (rpc_block_ref){.kind = RPC_LATEST};
    return v == NULL || rpc_value_block_number(c, rpc_arg(i), v, out);
}

/* NULL when absent or null. */
static const json_t *member(const json_t *object, const char *name) {
    const json_t *v = json_object_get(object, name);
    return json_is_null(v) ? NULL : v;
}

static bool parse_object(rpc_call *c, size_t i, const json_t *v, rpc_block_ref *out) {
    const json_t *hash = member(v, "blockHash"), *number = member(v, "blockNumber");
    const json_t *canonical = member(v, "requireCanonical");
    if (hash != NULL && number != NULL)
        return rpc_bad(c, rpc_arg(i), "cannot specify both BlockHash and BlockNumber, choose one or the other");
    if (hash == NULL && number == NULL) return rpc_bad(c, rpc_arg(i), "specify blockHash or blockNumber");
    if (canonical != NULL && !json_is_boolean(canonical))
        return rpc_bad(c, (rpc_at){i, "requireCanonical"}, "not a boolean");
    if (number != NULL) return rpc_value_block_number(c, (rpc_at){i, "blockNumber"}, number, out);
    *out = (rpc_block_ref){.kind = RPC_BY_HASH, .canonical = json_is_true(canonical)};
    return rpc_value_hash(c, (rpc_at){i, "blockHash"}, hash, &out->hash);
}

bool rpc_param_block(rpc_call *c, size_t i, rpc_block_ref *out) {
    const json_t *v = rpc_param(c, i);
    if (json_is_object(v)) return parse_object(c, i, v, out);
    if (!json_is_string(v) || json_string_length(v) != 2 + 2 * POSW_HASH_SIZE) return rpc_param_block_number(c, i, out);
    *out = (rpc_block_ref){.kind = RPC_BY_HASH};
    return rpc_value_hash(c, rpc_arg(i), v, &out->hash);
}

uint64_t rpc_ref_number(const rpc_call *c, const rpc_block_ref *ref) {
    switch (ref->kind) {
    case RPC_BY_NUMBER:
    case RPC_BY_HASH:
        return ref->number;
    case RPC_LATEST:
    case RPC_PENDING:
        return posw_chain_tip(c->chain)->number;
    case RPC_SAFE:
        return posw_chain_safe(c->chain);
    case RPC_FINALIZED:
        return posw_chain_finalized(c->chain);
    }
    return 0;
}

static bool fail_not_canonical(rpc_call *c) {
    return rpc_fail(c, RPC_ERROR_SERVER, "hash is not currently canonical");
}

/* True also for a block that is not known: whoever looks for it finds that out. */
static bool meets_canonical(rpc_call *c, const rpc_block_ref *ref) {
    posw_chain_block_info info;
    if (!ref->canonical) return true;
    const int err = posw_chain_block_by_hash(c->chain, &info, &ref->hash);
    if (err == POSW_ENOTFOUND) return true;
    if (err != POSW_OK) return rpc_fail_operating(c, err);
    return info.is_main || fail_not_canonical(c);
}

bool rpc_ref_hash(rpc_call *c, const rpc_block_ref *ref, posw_hash *out) {
    if (ref->kind == RPC_BY_HASH) {
        *out = ref->hash;
        return meets_canonical(c, ref);
    }
    uint64_t number = rpc_ref_number(c, ref), tip = posw_chain_tip(c->chain)->number;
    if (number > tip) return false;
    if (number == tip) {
        *out = posw_chain_tip_hash(c->chain);
        return true;
    }
    int err = posw_chain_hash_by_number(c->chain, out, number);
    if (err == POSW_OK) return true;
    return err != POSW_ENOTFOUND ? rpc_fail_operating(c, err) : false;
}

bool rpc_ref_info(rpc_call *c, const rpc_block_ref *ref, posw_chain_block_info *out) {
    posw_hash hash;
    if (!rpc_ref_hash(c, ref, &hash)) return false;
    const int err = posw_chain_block_by_hash(c->chain, out, &hash);
    if (err != POSW_OK && err != POSW_ENOTFOUND) (void)rpc_fail_operating(c, err);
    return err == POSW_OK;
}

/* The number of a block whose state is asked for. */
static bool state_number(rpc_call *c, const rpc_block_ref *ref, uint64_t *out) {
    if (ref->kind != RPC_BY_HASH) {
        *out = rpc_ref_number(c, ref);
        return *out <= posw_chain_tip(c->chain)->number || rpc_fail(c, RPC_ERROR_SERVER, "header not found");
    }
    posw_chain_block_info info;
    int err = posw_chain_block_by_hash(c->chain, &info, &ref->hash);
    if (err == POSW_ENOTFOUND) return rpc_fail(c, RPC_ERROR_SERVER, "header for hash not found");
    if (err != POSW_OK) return rpc_fail_operating(c, err);
    if (!info.is_main && ref->canonical) return fail_not_canonical(c);
    if (!info.is_main)
        return rpc_fail(c, RPC_ERROR_SERVER,
                        "missing trie node: block %" PRIu64 " of this hash is on a side branch, which has no state",
                        info.header.number);
    *out = info.header.number;
    return true;
}

posw_state *rpc_ref_state(rpc_call *c, const rpc_block_ref *ref, uint64_t *number) {
    uint64_t n;
    if (!state_number(c, ref, &n)) return NULL;
    posw_state *state = NULL;
    int err = posw_chain_state_at(c->chain, &state, n);
    if (err == POSW_ENOTFOUND)
        (void)rpc_fail(c, RPC_ERROR_SERVER,
                       "missing trie node: the state of block %" PRIu64
                       " is not kept, only those of the latest %" PRIu64
                       " blocks (fewer where these changed very much)",
                       n, posw_chain_states_depth(c->chain) + 1);
    else if (err != POSW_OK)
        (void)rpc_fail_operating(c, err);
    if (err != POSW_OK) return NULL;
    if (number != NULL) *number = n;
    return state;
}
