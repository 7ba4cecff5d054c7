/* Calls of the staking contract with any input, one after another, as transactions would make them. Coins are neither
 * made nor lost: what the contract owes (staked, in exit, fee pool) is what it had, and what was paid in less what was
 * paid out.
 *
 * A call is: caller (1 byte), coins paid in and blocks that pass before (1), size of its input (1), input. */
#include "world.h"

#include "state/staking.h"

typedef struct {
    world w;
    posw_state *state;
    posw_staking_env env;
} scene;

static void set(scene *s) {
    world_open(&s->w);
    world_grow(&s->w, 2);
    const uint64_t tip = posw_chain_tip(s->w.chain)->number;
    POSW_ASSERT(posw_chain_state_at(s->w.chain, &s->state, tip) == POSW_OK);
    s->env = (posw_staking_env){.params = &s->w.spec.params,
                                .number = tip + 1,
                                .table = posw_chain_table(s->w.chain, tip + 1),
                                .window = posw_chain_window(s->w.chain)};
}

static posw_u256 owed(posw_state *s) {
    posw_staking_totals t;
    posw_u256 sum;
    POSW_ASSERT(posw_staking_read_totals(s, &t) == POSW_OK);
    POSW_ASSERT(posw_u256_add(&sum, &t.staked_wei, &t.exiting_wei) && posw_u256_add(&sum, &sum, &t.fee_pool_wei));
    return sum;
}

static posw_u256 balance_of(posw_state *s, const posw_address *a) {
    posw_account account;
    POSW_ASSERT(posw_state_account(s, &account, a) == POSW_OK);
    return account.balance_wei;
}

/* What the contract has beyond what it owes. */
static posw_u256 surplus(posw_state *s) {
    const posw_u256 debt = owed(s), has = balance_of(s, &POSW_STAKING_ADDRESS);
    posw_u256 out;
    POSW_ASSERT(posw_u256_sub(&out, &has, &debt));
    return out;
}

static void call(posw_state *s, const posw_staking_env *env, const posw_address *caller, uint64_t coins,
                 posw_bytes input) {
    const posw_u256 coin = posw_coin(), before = surplus(s);
    posw_u256 value, after;
    posw_call_result result;
    posw_buf output = {0};
    const size_t mark = posw_state_mark(s);
    POSW_ASSERT(posw_u256_mul_u64(&value, &coin, coins));
    POSW_ASSERT(posw_state_add_balance(s, &POSW_STAKING_ADDRESS, &value) == POSW_OK);
    POSW_ASSERT(posw_staking_call(&result, &output, s, env, caller, &value, input, 200000) == POSW_OK);
    POSW_ASSERT(!output.failed && result.log_count <= POSW_RECEIPT_LOGS_MAX && result.gas_used <= 200000);
    if (result.status != POSW_CALL_OK) {
        char reason[POSW_MESSAGE_SIZE];
        POSW_ASSERT(result.status == POSW_CALL_OUT_OF_GAS ||
                    posw_abi_revert_reason(reason, sizeof reason, posw_buf_view(&output)));
        posw_state_revert(s, mark);
    }
    after = surplus(s);
    POSW_ASSERT(posw_u256_equal(&before, &after));
    posw_buf_clear(&output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static scene s;
    if (s.state == NULL) set(&s);
    posw_staking_env env = s.env;
    const size_t mark = posw_state_mark(s.state);
    for (int calls = 0; calls < 16 && size >= 3; calls++) {
        const posw_address caller = data[0] == 0 ? s.w.id.miner : (posw_address){{[0] = data[0] % 4}};
        const posw_bytes input = {data + 3, data[2] < size - 3 ? data[2] : size - 3};
        env.number += data[1] / 4;
        call(s.state, &env, &caller, data[1] % 4, input);
        data += 3 + input.size;
        size -= 3 + input.size;
    }
    posw_state_revert(s.state, mark);
    return 0;
}
