/* eth_call, eth_estimateGas, eth_createAccessList: messages on a copy of the state that is thrown away.
 *
 * A call runs in the block after the one that was asked for, as a view from outside (S7). An estimate runs as a
 * transaction would, to which the views that need the stake table in force are closed. The cost of a call is fixed by
 * the function (X6), so one run tells it exactly. */
#include "rpc/methods.h"

#include "base/bytes.h"
#include "posw/economy.h"
#include "posw/u256.h"

#include <inttypes.h>

typedef struct {
    posw_message_call message; /* input is a view of data */
    posw_buf data;
    bool has_gas;
    bool has_price;
    posw_u256 price; /* the most that the sender would pay for gas, if has_price */
} call_request;

static void request_clear(call_request *q) {
    posw_buf_clear(&q->data);
}

/* ---- reading the call object; unknown members are ignored, since clients send their own ---- */

typedef struct {
    rpc_call *c;
    const json_t *object;
} reader;

/* NULL when absent or null. */
static const json_t *member(const reader *r, const char *name) {
    const json_t *v = json_object_get(r->object, name);
    return json_is_null(v) ? NULL : v;
}

static bool read_u64(const reader *r, const char *name, uint64_t *out, bool *present) {
    const json_t *v = member(r, name);
    *present = v != NULL;
    return v == NULL || rpc_value_u64(r->c, (rpc_at){0, name}, v, out);
}

static bool read_u256(const reader *r, const char *name, posw_u256 *out, bool *present) {
    const json_t *v = member(r, name);
    *present = v != NULL;
    return v == NULL || rpc_value_u256(r->c, (rpc_at){0, name}, v, out);
}

static bool read_address(const reader *r, const char *name, posw_address *out, bool *present) {
    const json_t *v = member(r, name);
    *present = v != NULL;
    return v == NULL || rpc_value_address(r->c, (rpc_at){0, name}, v, out);
}

/* `input` is the name, `data` the older one; clients send both. */
static bool read_input(const reader *r, call_request *q) {
    const json_t *input = member(r, "input"), *data = member(r, "data");
    const json_t *v = input != NULL ? input : data;
    if (v == NULL) return true;
    if (!rpc_value_data(r->c, (rpc_at){0, v == input ? "input" : "data"}, v, &q->data, SIZE_MAX)) return false;
    q->message.input = posw_buf_view(&q->data);
    if (input == NULL || data == NULL) return true;
    posw_buf other = {0};
    bool ok = rpc_value_data(r->c, (rpc_at){0, "data"}, data, &other, SIZE_MAX);
    bool equal =
        ok && other.size == q->data.size && (other.size == 0 || memcmp(other.data, q->data.data, other.size) == 0);
    posw_buf_clear(&other);
    if (ok && !equal)
        return rpc_fail(
            r->c, RPC_ERROR_SERVER,
            "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data");
    return ok;
}

static bool read_access_list(const reader *r, call_request *q) {
    const json_t *list = member(r, "accessList");
    const rpc_at at = {0, "accessList"};
    if (list == NULL) return true;
    if (!json_is_array(list)) return rpc_bad(r->c, at, "not an array");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i), *keys = json_object_get(entry, "storageKeys");
        posw_address address;
        posw_hash key;
        if (!rpc_value_address(r->c, at, json_object_get(entry, "address"), &address)) return false;
        if (keys != NULL && !json_is_null(keys) && !json_is_array(keys))
            return rpc_bad(r->c, at, "storageKeys is not an array");
        for (size_t k = 0; k < json_array_size(keys); k++)
            if (!rpc_value_hash(r->c, at, json_array_get(keys, k), &key)) return false;
        q->message.access_addresses++;
        q->message.access_keys += json_array_size(keys);
    }
    return true;
}

static bool read_fees(const reader *r, call_request *q) {
    posw_u256 price = POSW_U256_ZERO, max = POSW_U256_ZERO, tip = POSW_U256_ZERO;
    bool has_price, has_max, has_tip;
    if (!read_u256(r, "gasPrice", &price, &has_price) || !read_u256(r, "maxFeePerGas", &max, &has_max) ||
        !read_u256(r, "maxPriorityFeePerGas", &tip, &has_tip))
        return false;
    if (has_price && (has_max || has_tip))
        return rpc_fail(r->c, RPC_ERROR_SERVER, "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified");
    if (has_max && posw_u256_cmp(&max, &tip) < 0)
        return rpc_fail(r->c, RPC_ERROR_SERVER, "max priority fee per gas higher than max fee per gas");
    q->price = has_price ? price : max;
    q->has_price = !posw_u256_is_zero(&q->price); /* a price of zero means: do not look at fees */
    return true;
}

static bool read_chain_id(const reader *r) {
    uint64_t id, own = posw_chain_params(r->c->chain)->chain_id;
    bool present;
    if (!read_u64(r, "chainId", &id, &present)) return false;
    return !present || id == own ||
           rpc_fail(r->c, RPC_ERROR_SERVER, "chainId does not match node's (have=%" PRIu64 ", want=%" PRIu64 ")", id,
                    own);
}

static bool read_request(rpc_call *c, call_request *q) {
    const reader r = {c, rpc_param(c, 0)};
    uint64_t ignored, most = rpc_rules_next(c).gas_limit;
    bool present;
    if (!json_is_object(r.object)) return rpc_bad(c, rpc_arg(0), "not a transaction object");
    posw_message_call *m = &q->message;
    if (!read_address(&r, "from", &m->from, &present) || !read_address(&r, "to", &m->to, &m->has_to) ||
        !read_u64(&r, "gas", &m->gas_limit, &q->has_gas) || !read_u256(&r, "value", &m->value_wei, &present) ||
        !read_u64(&r, "nonce", &ignored, &present) || !read_u64(&r, "type", &ignored, &present) || !read_chain_id(&r) ||
        !read_fees(&r, q) || !read_access_list(&r, q) || !read_input(&r, q))
        return false;
    if (!m->has_to)
        return rpc_fail(c, RPC_ERROR_SERVER,
                        "contract creation is not supported: this chain has no contract VM, so \"to\" must be set");
    if (!q->has_gas || m->gas_limit > most || m->gas_limit == 0) m->gas_limit = most;
    return true;
}

/* State and block overrides are a language of their own; empty ones are let through. */
static bool no_overrides(rpc_call *c) {
    for (size_t i = 2; i < rpc_param_count(c); i++) {
        const json_t *v = rpc_param(c, i);
        if (v != NULL && !(json_is_object(v) && json_object_size(v) == 0))
            return rpc_bad(c, rpc_arg(i), "overrides are not supported");
    }
    return true;
}

/* ---- running ---- */

typedef struct {
    posw_state *state; /* owned */
    posw_staking_env env;
    posw_call_result result;
    posw_buf output;
} call_run;

static void run_clear(call_run *x) {
    posw_state_free(x->state);
    posw_buf_clear(&x->output);
}

/* The state of argument 1 and the block after it. */
static bool run_open(rpc_call *c, call_run *x, bool from_outside) {
    rpc_block_ref ref;
    uint64_t number;
    if (!rpc_param_block(c, 1, &ref) || (x->state = rpc_ref_state(c, &ref, &number)) == NULL) return false;
    x->env = (posw_staking_env){.params = posw_chain_params(c->chain), .number = number + 1};
    if (!from_outside) return true;
    x->env.table = posw_chain_table(c->chain, number + 1);
    if (number == posw_chain_tip(c->chain)->number) x->env.window = posw_chain_window(c->chain);
    return true;
}

static bool fail_funds(rpc_call *c, const posw_address *from, const posw_u256 *have, const posw_u256 *want) {
    char address[41], have_text[POSW_U256_DEC_SIZE], want_text[POSW_U256_DEC_SIZE];
    posw_hex_encode(address, from->b, sizeof from->b);
    posw_u256_to_dec(have_text, have);
    posw_u256_to_dec(want_text, want);
    return rpc_fail(c, RPC_ERROR_SERVER, "insufficient funds for gas * price + value: address 0x%s have %s want %s",
                    address, have_text, want_text);
}

static bool run_message(rpc_call *c, call_run *x, const call_request *q) {
    int err = posw_execute_call(&x->result, &x->output, x->state, &x->env, &q->message);
    if (err == POSW_OK) return true;
    posw_account from;
    if (err == POSW_ERANGE && posw_state_account(x->state, &from, &q->message.from) == POSW_OK)
        return fail_funds(c, &q->message.from, &from.balance_wei, &q->message.value_wei);
    return rpc_fail_operating(c, err);
}

/* A price that was given is taken seriously: it must reach the base fee, and with a gas limit the sender must be able
 * to pay. */
static bool check_price(rpc_call *c, call_run *x, const call_request *q) {
    if (!q->has_price) return true;
    const posw_header *tip = posw_chain_tip(c->chain);
    uint64_t base_fee = posw_base_fee_next(posw_chain_params(c->chain), tip->number, tip->base_fee_wei, tip->gas_used);
    posw_u256 least = posw_u256_from_u64(base_fee), cost;
    char price[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(price, &q->price);
    if (posw_u256_cmp(&q->price, &least) < 0)
        return rpc_fail(c, RPC_ERROR_SERVER,
                        "max fee per gas less than block base fee: maxFeePerGas: %s, baseFee: %" PRIu64, price,
                        base_fee);
    if (!q->has_gas) return true;
    posw_account from;
    int err = posw_state_account(x->state, &from, &q->message.from);
    if (err != POSW_OK) return rpc_fail_operating(c, err);
    if (!posw_u256_mul_u64(&cost, &q->price, q->message.gas_limit) ||
        !posw_u256_add(&cost, &cost, &q->message.value_wei))
        cost = POSW_U256_MAX;
    return posw_u256_cmp(&from.balance_wei, &cost) >= 0 || fail_funds(c, &q->message.from, &from.balance_wei, &cost);
}

static uint64_t intrinsic_gas(const call_request *q) {
    posw_tx shape = {.input = q->message.input,
                     .access_addresses = q->message.access_addresses,
                     .access_keys = q->message.access_keys};
    return posw_tx_intrinsic_gas(&shape);
}

static bool fail_out_of_gas(rpc_call *c, const call_request *q) {
    uint64_t intrinsic = intrinsic_gas(q);
    if (q->message.gas_limit < intrinsic)
        return rpc_fail(c, RPC_ERROR_SERVER, "intrinsic gas too low: have %" PRIu64 ", want %" PRIu64,
                        q->message.gas_limit, intrinsic);
    return rpc_fail(c, RPC_ERROR_SERVER, "out of gas");
}

/* ---- eth_call ---- */

static void call_now(rpc_call *c, call_run *x, const call_request *q) {
    if (!run_open(c, x, true) || !check_price(c, x, q) || !run_message(c, x, q)) return;
    switch (x->result.status) {
    case POSW_CALL_OK:
        posw_jw_data(&c->w, x->output.data, x->output.size);
        break;
    case POSW_CALL_REVERTED:
        (void)rpc_fail_reverted(c, posw_buf_view(&x->output));
        break;
    case POSW_CALL_OUT_OF_GAS:
        (void)fail_out_of_gas(c, q);
        break;
    }
}

void rpc_eth_call(rpc_call *c) {
    call_request q = {0};
    call_run x = {0};
    if (no_overrides(c) && read_request(c, &q)) call_now(c, &x, &q);
    run_clear(&x);
    request_clear(&q);
}

/* ---- eth_estimateGas ---- */

/* What the sender could pay for bounds the estimate; wallets rely on the refusal. */
static bool limit_to_funds(rpc_call *c, call_run *x, call_request *q) {
    if (!q->has_price) return true;
    posw_account from;
    posw_u256 left, gas;
    uint64_t most;
    int err = posw_state_account(x->state, &from, &q->message.from);
    if (err != POSW_OK) return rpc_fail_operating(c, err);
    if (!posw_u256_sub(&left, &from.balance_wei, &q->message.value_wei))
        return rpc_fail(c, RPC_ERROR_SERVER, "insufficient funds for transfer");
    posw_u256_divmod(&gas, NULL, &left, &q->price);
    if (posw_u256_to_u64(&most, &gas) && most < q->message.gas_limit) q->message.gas_limit = most;
    return true;
}

static void estimate(rpc_call *c, call_run *x, call_request *q) {
    if (!run_open(c, x, false) || !limit_to_funds(c, x, q) || !run_message(c, x, q)) return;
    switch (x->result.status) {
    case POSW_CALL_OK:
        posw_jw_quantity(&c->w, x->result.gas_used);
        break;
    case POSW_CALL_REVERTED:
        (void)rpc_fail_reverted(c, posw_buf_view(&x->output));
        break;
    case POSW_CALL_OUT_OF_GAS:
        (void)rpc_fail(c, RPC_ERROR_SERVER, "gas required exceeds allowance (%" PRIu64 ")", q->message.gas_limit);
        break;
    }
}

void rpc_eth_estimate_gas(rpc_call *c) {
    call_request q = {0};
    call_run x = {0};
    if (no_overrides(c) && read_request(c, &q)) estimate(c, &x, &q);
    run_clear(&x);
    request_clear(&q);
}

/* ---- eth_createAccessList: the schedule does not know warm and cold, so no list ever saves gas ---- */

static void access_list(rpc_call *c, call_run *x, const call_request *q) {
    if (!run_open(c, x, true) || !check_price(c, x, q) || !run_message(c, x, q)) return;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_key(w, "accessList");
    posw_jw_array(w);
    posw_jw_array_end(w);
    if (x->result.status == POSW_CALL_REVERTED) posw_jw_kv_string(w, "error", "execution reverted");
    if (x->result.status == POSW_CALL_OUT_OF_GAS) posw_jw_kv_string(w, "error", "out of gas");
    posw_jw_kv_quantity(w, "gasUsed", x->result.gas_used);
    posw_jw_object_end(w);
}

void rpc_eth_create_access_list(rpc_call *c) {
    call_request q = {0};
    call_run x = {0};
    if (no_overrides(c) && read_request(c, &q)) access_list(c, &x, &q);
    run_clear(&x);
    request_clear(&q);
}
