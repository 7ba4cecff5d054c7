/* Mining from outside: work to fetch, seals and blocks to hand in. */
#include "rpc/methods.h"

#include "base/bytes.h"

#include <string.h>

/* input: the 47 bytes of H5 with nonce zero; a searcher writes its nonce to the last 8. A seal is valid iff the output,
 * read as a little-endian number, is below target. */
void rpc_posw_get_work(rpc_call *c) {
    posw_address miner;
    posw_work work;
    if (!rpc_param_address(c, 0, &miner)) return;
    int err = posw_node_get_work(c->node, &miner, &work);
    if (err != POSW_OK) {
        (void)rpc_fail_operating(c, err);
        return;
    }
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "workId", work.id);
    posw_jw_kv_quantity(w, "number", work.number);
    posw_jw_kv_string(w, "algorithm", posw_pow_name(posw_chain_params(c->chain)->pow));
    posw_jw_kv_hash(w, "key", &work.key);
    posw_jw_kv_hash(w, "sealHash", &work.seal_hash);
    posw_jw_kv_data(w, "input", work.input, sizeof work.input);
    posw_jw_kv_quantity_u256(w, "target", &work.target);
    posw_jw_kv_quantity_u256(w, "difficulty", &work.difficulty);
    posw_jw_kv_quantity_u256(w, "weight", &work.weight);
    posw_jw_object_end(w);
}

typedef struct {
    posw_hash seal_hash, mix_hash;
    uint8_t nonce[8];
    bool has_signature;
    posw_signature signature;
} submission;

static bool read_submission(rpc_call *c, submission *s) {
    const json_t *o = rpc_param(c, 0);
    if (!json_is_object(o)) return rpc_bad(c, rpc_arg(0), "not an object with sealHash, nonce and mixHash");
    const json_t *signature = json_object_get(o, "signature");
    s->has_signature = signature != NULL && !json_is_null(signature);
    return rpc_value_hash(c, (rpc_at){0, "sealHash"}, json_object_get(o, "sealHash"), &s->seal_hash) &&
           rpc_value_fixed(c, (rpc_at){0, "nonce"}, json_object_get(o, "nonce"), s->nonce, sizeof s->nonce) &&
           rpc_value_hash(c, (rpc_at){0, "mixHash"}, json_object_get(o, "mixHash"), &s->mix_hash) &&
           (!s->has_signature ||
            rpc_value_fixed(c, (rpc_at){0, "signature"}, signature, s->signature.b, sizeof s->signature.b));
}

void rpc_posw_submit_work(rpc_call *c) {
    submission s = {0};
    posw_verdict v = posw_valid();
    if (!read_submission(c, &s)) return;
    int err = posw_node_submit_work(c->node, &s.seal_hash, s.nonce, &s.mix_hash, s.has_signature ? &s.signature : NULL,
                                    &v, c->actions);
    if (err == POSW_ENOTFOUND)
        (void)rpc_fail(c, RPC_ERROR_SERVER, "unknown or stale work: fetch new work with posw_getWork");
    else if (err == POSW_EAUTH)
        (void)rpc_fail(c, RPC_ERROR_SERVER, "this node has no key to sign the seal with: hand in a signature");
    else if (err != POSW_OK)
        (void)rpc_fail_operating(c, err);
    else if (v.kind != POSW_VALID)
        (void)rpc_fail_verdict(c, "the seal was not accepted", v);
    else
        posw_jw_bool(&c->w, true);
}

static bool find_sender(void *arg, posw_address *out, const posw_hash *tx_hash) {
    return posw_mempool_sender(arg, out, tx_hash);
}

/* Imports a prepared block; it is cleared in any case. */
static void submit_prepared(rpc_call *c, posw_prepared *p) {
    posw_verdict v = p->verdict;
    posw_hash hash = p->block.hash;
    int err = v.kind == POSW_VALID ? posw_node_submit_block(c->node, p, &v, c->actions) : POSW_OK;
    posw_prepared_clear(p);
    if (err != POSW_OK)
        (void)rpc_fail_operating(c, err);
    else if (v.kind != POSW_VALID)
        (void)rpc_fail_verdict(c, "the block was not accepted", v);
    else
        posw_jw_hash(&c->w, &hash);
}

/* The header first: X9, since the gas limit bounds the work that a body can make, and then all that stands without the
 * body. Whoever sends a block has worked for it, or the signatures in it are not looked at. */
static int judge_header(rpc_call *c, const posw_header *h, posw_verdict *v, bool *known) {
    if (h->gas_limit != posw_params_rules(posw_chain_params(c->chain), h->number).gas_limit) {
        *v = posw_invalid(POSW_RULE_GAS_LIMIT);
        return POSW_OK;
    }
    const int err = posw_chain_judge_header(c->chain, h, posw_node_now_s(c->node), v, known);
    if (err != POSW_OK) posw_node_operating_error(c->node, err, "a header could not be judged", c->actions);
    return err;
}

/* Where it is pruned its header speaks for it. */
static bool is_stored(rpc_call *c, const posw_hash *hash, const posw_buf *raw) {
    posw_buf own = {0};
    const int err = posw_chain_block_bytes(c->chain, &own, hash);
    const bool equal =
        err == POSW_EPRUNED || (err == POSW_OK && own.size == raw->size && memcmp(own.data, raw->data, own.size) == 0);
    posw_buf_clear(&own);
    return equal;
}

/* What is known is not prepared again; with another body it is, which its transactions root refuses. */
static void submit_raw(rpc_call *c, const posw_buf *raw) {
    const posw_sender_cache cache = {find_sender, c->pool};
    posw_prepared p = {.verdict = posw_valid()};
    posw_header h;
    posw_hash hash;
    bool known = false;
    const bool has_header = posw_block_header(&h, raw->data, raw->size);
    int err = has_header ? judge_header(c, &h, &p.verdict, &known) : POSW_OK;
    if (has_header) posw_header_hash(&hash, &h);
    if (err == POSW_OK && p.verdict.kind == POSW_VALID && known && is_stored(c, &hash, raw)) {
        posw_jw_hash(&c->w, &hash);
        return;
    }
    if (err == POSW_OK && p.verdict.kind == POSW_VALID) {
        err = posw_prepare(&p, raw->data, raw->size, NULL, NULL, &cache);
        p.pow_checked = has_header;
    }
    if (err != POSW_OK)
        (void)rpc_fail_operating(c, err);
    else
        submit_prepared(c, &p);
}

/* The hash of the block, which may be on a side branch. */
void rpc_posw_submit_block(rpc_call *c) {
    posw_buf raw = {0};
    if (rpc_value_data(c, rpc_arg(0), rpc_param(c, 0), &raw, POSW_BLOCK_SIZE_MAX)) submit_raw(c, &raw);
    posw_buf_clear(&raw);
}
