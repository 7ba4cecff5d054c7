/* Thousands of random transactions against a plain model of the staking contract, with the invariants of the state
 * after each block, and every block undone: once on a copy right away, and all of them at the end, down to genesis. */
#include "state/world.h"

#include "state/staking_layout.h"

enum { OWNERS = WORLD_RICH, MINERS = 10, BLOCKS = 160, SEEDS = 4, ACTIONS_MAX = 14 };

typedef struct {
    uint64_t total, epoch[2], amount[2];
} model_deposit;

typedef struct {
    uint64_t unlock[POSW_STAKE_EXITS_MAX], amount[POSW_STAKE_EXITS_MAX];
    size_t count;
} model_exits;

/* Amounts in coins; balances in wei. */
typedef struct {
    model_deposit deposit[OWNERS][MINERS];
    int list[OWNERS][MINERS], list_count[OWNERS]; /* miners in the order of the contract's list */
    int miners[MINERS], miner_count;
    model_exits exits[OWNERS];
    uint64_t stake[MINERS];
    posw_u256 balance[OWNERS];
    uint64_t nonce[OWNERS];
} model;

/* The first miners are owners, too. */
static posw_address miner_at(int m) {
    return m < 4 ? rich((uint8_t)m) : made_address((uint8_t)(0x30 + m));
}

static void remove_from(int *list, int *count, int member) {
    int i = 0;
    while (list[i] != member)
        i++;
    list[i] = list[--*count];
}

static void spend(model *m, int owner, posw_u256 wei) {
    assert_true(posw_u256_sub(&m->balance[owner], &m->balance[owner], &wei));
}

/* ---- the contract, once more ---- */

static bool model_stake(model *m, int o, int k, uint64_t n, uint64_t epoch) {
    model_deposit *d = &m->deposit[o][k];
    if (n < 10) return false;
    if (m->stake[k] == 0) m->miners[m->miner_count++] = k;
    if (d->total == 0) m->list[o][m->list_count[o]++] = k;
    if (d->amount[0] > 0 && d->epoch[0] != epoch) {
        d->amount[1] = d->amount[0];
        d->epoch[1] = d->epoch[0];
        d->amount[0] = 0;
    }
    d->epoch[0] = epoch;
    d->amount[0] += n;
    d->total += n;
    m->stake[k] += n;
    return true;
}

static bool model_unstake(model *m, int o, int k, uint64_t n, uint64_t unlock) {
    model_deposit *d = &m->deposit[o][k];
    model_exits *e = &m->exits[o];
    if (n == 0 || n > d->total || (n < d->total && d->total - n < 10)) return false;
    bool joins = e->count > 0 && e->unlock[e->count - 1] == unlock;
    if (e->count == POSW_STAKE_EXITS_MAX && !joins) return false;
    uint64_t left = n;
    for (int i = 0; i < 2; i++) {
        uint64_t part = left < d->amount[i] ? left : d->amount[i];
        d->amount[i] -= part;
        left -= part;
    }
    if (d->amount[0] == 0) {
        d->amount[0] = d->amount[1];
        d->epoch[0] = d->epoch[1];
        d->amount[1] = 0;
    }
    d->total -= n;
    m->stake[k] -= n;
    if (d->total == 0) remove_from(m->list[o], &m->list_count[o], k);
    if (m->stake[k] == 0) remove_from(m->miners, &m->miner_count, k);
    if (!joins) e->amount[e->count] = 0, e->unlock[e->count++] = unlock;
    e->amount[e->count - 1] += n;
    return true;
}

/* Coins that are paid; *paid exits. */
static uint64_t model_withdraw(model *m, int o, uint64_t number, size_t *paid) {
    model_exits *e = &m->exits[o];
    uint64_t sum = 0;
    *paid = 0;
    while (*paid < e->count && e->unlock[*paid] <= number)
        sum += e->amount[(*paid)++];
    for (size_t i = *paid; i < e->count; i++) {
        e->amount[i - *paid] = e->amount[i];
        e->unlock[i - *paid] = e->unlock[i];
    }
    e->count -= *paid;
    return sum;
}

/* ---- random actions, on both ---- */

static void settle(world *w, model *m, int o, bool success, posw_u256 value) {
    assert_int_equal(w->refusal, POSW_TX_FITS);
    assert_int_equal(w->receipt.success, success);
    spend(m, o, u64(w->gas_used * WORLD_BASE_FEE));
    if (success) spend(m, o, value);
    m->nonce[o]++;
}

static void act_stake(world *w, model *m, uint64_t *rng, int o, int k) {
    uint64_t n = 5 + random_below(rng, 60);
    bool want = model_stake(m, o, k, n, w->number / WORLD_EPOCH);
    (void)world_stake(w, rich((uint8_t)o), miner_at(k), coins(n));
    settle(w, m, o, want, coins(n));
}

static void act_unstake(world *w, model *m, uint64_t *rng, int o, int k) {
    uint64_t total = m->deposit[o][k].total;
    uint64_t n = random_below(rng, 3) == 0 ? total : random_below(rng, total + 5);
    bool want = model_unstake(m, o, k, n, w->number + WORLD_UNBONDING);
    (void)world_unstake(w, rich((uint8_t)o), miner_at(k), coins(n));
    settle(w, m, o, want, u64(0));
}

static void act_withdraw(world *w, model *m, int o) {
    size_t paid;
    uint64_t n = model_withdraw(m, o, w->number, &paid);
    (void)world_withdraw(w, rich((uint8_t)o));
    settle(w, m, o, paid > 0, u64(0));
    posw_u256 wei = coins(n);
    m->balance[o] = plus(&m->balance[o], &wei);
    assert_int_equal(w->gas_used, 21000 + 4 * 16 + 30000 + 6000 * paid);
}

static void act_transfer(world *w, model *m, uint64_t *rng, int o) {
    int to = (int)random_below(rng, OWNERS);
    posw_u256 value = u64(random_next(rng) >> random_below(rng, 64));
    posw_tx tx =
        world_tx(w, rich((uint8_t)o), rich((uint8_t)to), value, (posw_bytes){NULL, 0}, 21000 + random_below(rng, 9));
    uint64_t tip = random_below(rng, 5);
    tx.max_fee = u64(WORLD_BASE_FEE + random_below(rng, 5));
    tx.max_tip = u64(tip);
    uint64_t price = tx.max_fee.w[0] < WORLD_BASE_FEE + tip ? tx.max_fee.w[0] : WORLD_BASE_FEE + tip;
    if (tip > tx.max_fee.w[0]) return;
    world_execute(w, &tx, rich((uint8_t)o));
    settle(w, m, o, true, value);
    spend(m, o, u64(21000 * (price - WORLD_BASE_FEE)));
    m->balance[to] = plus(&m->balance[to], &value);
}

/* One whose gas does not suffice: all of it is used, nothing else happens. */
static void act_starve(world *w, model *m, uint64_t *rng, int o, int k) {
    posw_buf in = {0};
    posw_address miner = miner_at(k);
    posw_abi_append_selector(&in, "stake(address)");
    posw_abi_append_address(&in, &miner);
    posw_tx tx = world_tx(w, rich((uint8_t)o), POSW_STAKING_ADDRESS, coins(50), posw_buf_view(&in), 0);
    tx.gas_limit = posw_tx_intrinsic_gas(&tx) + random_below(rng, 60000);
    world_execute(w, &tx, rich((uint8_t)o));
    assert_int_equal(w->gas_used, tx.gas_limit);
    settle(w, m, o, false, u64(0));
    posw_buf_clear(&in);
}

static void act(world *w, model *m, uint64_t *rng) {
    int o = (int)random_below(rng, OWNERS), k = (int)random_below(rng, MINERS);
    switch (random_below(rng, 12)) {
    case 0:
    case 1:
    case 2:
        act_stake(w, m, rng, o, k);
        break;
    case 3:
    case 4:
    case 5:
        act_unstake(w, m, rng, o, k);
        break;
    case 6:
        act_withdraw(w, m, o);
        break;
    case 7:
        act_starve(w, m, rng, o, k);
        break;
    case 8:
        (void)world_set_signer(w, rich((uint8_t)o), miner_at(k));
        settle(w, m, o, true, u64(0));
        break;
    default:
        act_transfer(w, m, rng, o);
    }
}

/* ---- comparison ---- */

static void compare_owner(world *w, const model *m, int o) {
    posw_address owner = rich((uint8_t)o);
    posw_staking_deposit d[POSW_STAKE_DEPOSITS_MAX];
    posw_staking_exit e[POSW_STAKE_EXITS_MAX];
    size_t count;
    posw_u256 balance = balance_of(w, owner);
    assert_u256(&balance, &m->balance[o]);
    assert_int_equal(nonce_of(w, owner), m->nonce[o]);
    assert_int_equal(posw_staking_deposits_of(w->state, d, &count, &owner), POSW_OK);
    assert_int_equal(count, m->list_count[o]);
    for (size_t i = 0; i < count; i++) {
        int k = m->list[o][i];
        const model_deposit *want = &m->deposit[o][k];
        posw_address miner = miner_at(k);
        posw_u256 total = coins(want->total);
        assert_memory_equal(&d[i].miner, &miner, sizeof miner);
        assert_u256(&d[i].total_wei, &total);
        for (int r = 0; r < 2; r++) {
            posw_u256 amount = coins(want->amount[r]);
            assert_u256(&d[i].recent[r].amount_wei, &amount);
            assert_int_equal(d[i].recent[r].epoch, want->amount[r] == 0 ? 0 : want->epoch[r]);
        }
    }
    assert_int_equal(posw_staking_exits_of(w->state, e, &count, &owner), POSW_OK);
    assert_int_equal(count, m->exits[o].count);
    for (size_t i = 0; i < count; i++) {
        posw_u256 amount = coins(m->exits[o].amount[i]);
        assert_u256(&e[i].amount_wei, &amount);
        assert_int_equal(e[i].unlock_block, m->exits[o].unlock[i]);
    }
}

static void compare_miners(world *w, const model *m) {
    for (int k = 0; k < MINERS; k++) {
        posw_address miner = miner_at(k);
        posw_u256 got, want = coins(m->stake[k]);
        assert_int_equal(posw_staking_stake_of(w->state, &got, &miner), POSW_OK);
        assert_u256(&got, &want);
    }
    for (int i = 0; i < m->miner_count; i++) {
        posw_hash slot = posw_slot_miner_at((uint64_t)i + 1);
        posw_address miner = miner_at(m->miners[i]);
        posw_u256 got, want = posw_word_of_address(&miner);
        assert_int_equal(posw_state_word(w->state, &got, &slot), POSW_OK);
        assert_u256(&got, &want);
    }
}

static void undo_on_copy(world *w, const posw_hash *root) {
    posw_state *copy;
    posw_hash back;
    assert_int_equal(posw_state_copy(&copy, w->state), POSW_OK);
    assert_int_equal(posw_state_apply_undo(copy, w->last.undo.data, w->last.undo.size), POSW_OK);
    assert_int_equal(posw_state_seal(copy, &back, NULL), POSW_OK);
    assert_memory_equal(&back, root, sizeof back);
    posw_state_free(copy);
}

static void run(uint64_t seed, enum posw_fee_rule fees) {
    uint64_t rng = seed;
    world w;
    model m = {0};
    posw_buf undo[BLOCKS] = {0};
    posw_hash roots[BLOCKS + 1];
    world_open(&w, fees);
    for (int o = 0; o < OWNERS; o++)
        m.balance[o] = coins(1000000);
    roots[0] = w.genesis.state_root;
    for (size_t n = 0; n < BLOCKS; n++) {
        world_begin(&w);
        for (uint64_t i = random_below(&rng, ACTIONS_MAX); i > 0; i--)
            act(&w, &m, &rng);
        world_end(&w);
        roots[n + 1] = w.last.state_root;
        for (int o = 0; o < OWNERS; o++)
            compare_owner(&w, &m, o);
        compare_miners(&w, &m);
        undo_on_copy(&w, &roots[n]);
        undo[n] = w.last.undo;
        w.last.undo = (posw_buf){0};
    }
    for (size_t n = BLOCKS; n-- > 0; posw_buf_clear(&undo[n])) {
        posw_hash back;
        assert_int_equal(posw_state_apply_undo(w.state, undo[n].data, undo[n].size), POSW_OK);
        assert_int_equal(posw_state_seal(w.state, &back, NULL), POSW_OK);
        assert_memory_equal(&back, &roots[n], sizeof back);
    }
    world_close(&w);
}

static void test_burning(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed, POSW_FEE_BURN);
}

static void test_pooling(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed + 1000, POSW_FEE_POOL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burning),
        cmocka_unit_test(test_pooling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
