/* The staking contract in every small world: all sequences of six actions of two owners and two miners around the edges
 * of tiny epochs, over real transactions, blocks and states. An action is a call or the passing of blocks.
 *
 * The model beside it is a list of lots: coins with an owner, a miner, the block at which they unlock (once unstaked),
 * and the last block in which a table that counts them is in force. After each action:
 *   - S9: the supply is the sum of all balances; the contract holds what the books say (world_check);
 *   - the total stake is the sum of the stakes of the miners and of the deposits of the owners, and each lot is in
 * exactly one place: nothing is counted twice, neither in the books nor in the stake table, which equals a recount from
 * the storage (E2, E3);
 *   - P4: no coin is paid out in a block in which a table in force still counts it;
 *   - undo(apply(x)) = x: the undo record gives the root before the action back;
 *   - nothing is locked for ever: from here, every owner can unstake everything, withdraw it U blocks later, and then
 * the contract's storage is as if nobody had ever staked.
 *
 * How all sequences are covered. Fees are zero, so that what may happen next depends on no more than the block number,
 * the contract's storage, the balances and the model's lots (nonces differ, and decide nothing here): when these were
 * met before with as many actions left, all that can follow was seen. And as the names of the two owners mean nothing,
 * the first who acts is owner 0. One world is also gone through without either shortcut. */
#include "state/staking_test.h"

#include "base/map.h"
#include "base/scale.h"
#include "state/staking_layout.h"

enum { OWNERS = 2, MINERS = 2, LOTS_MAX = 24, LENGTH_MAX = 6, UNIT = 10, OWNER_COINS = 1000 };

/* A lot that is not unstaked has unlock 0. */
typedef struct {
    uint32_t owner, miner, units, epoch, unlock, counted_until;
} lot;

typedef struct {
    lot lots[LOTS_MAX]; /* sorted, equals joined */
    uint32_t count;
    uint32_t signer[OWNERS]; /* 1: owner i, who is miner i, has named another */
} model;

typedef struct {
    posw_state *state; /* sealed, owned */
    uint32_t number;   /* the block in which the next action takes place */
    model m;
    bool touched; /* somebody acted */
} node;

typedef struct {
    world w;
    uint32_t start;
    bool plain;       /* no shortcuts */
    posw_state *base; /* of `start`, untouched */
    posw_map seen;    /* key -> most actions that were left */
    uint64_t executed, states, paid, counted;
} explorer;

/* ---- the model ---- */

static int compare_lots(const void *a, const void *b) {
    const lot *x = a, *y = b;
    const uint32_t p[] = {x->owner, x->miner, x->unlock, x->epoch, x->counted_until};
    const uint32_t q[] = {y->owner, y->miner, y->unlock, y->epoch, y->counted_until};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(p); i++)
        if (p[i] != q[i]) return p[i] < q[i] ? -1 : 1;
    return 0;
}

static void model_tidy(model *m) {
    uint32_t n = 0;
    qsort(m->lots, m->count, sizeof m->lots[0], compare_lots);
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->lots[i].units == 0) continue;
        if (n > 0 && compare_lots(&m->lots[n - 1], &m->lots[i]) == 0)
            m->lots[n - 1].units += m->lots[i].units;
        else
            m->lots[n++] = m->lots[i];
    }
    memset(m->lots + n, 0, (m->count - n) * sizeof m->lots[0]);
    m->count = n;
}

static void model_add(model *m, lot l) {
    assert_true(m->count < LOTS_MAX);
    m->lots[m->count++] = l;
}

/* Units that are staked; owner or miner -1: any. */
static uint32_t model_staked(const model *m, int owner, int miner) {
    uint32_t units = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        const lot *l = &m->lots[i];
        if (l->unlock == 0 && (owner < 0 || l->owner == (uint32_t)owner) && (miner < 0 || l->miner == (uint32_t)miner))
            units += l->units;
    }
    return units;
}

/* The newest staked lot of this owner for this miner, NULL: none. */
static lot *newest(model *m, uint32_t owner, uint32_t miner) {
    lot *best = NULL;
    for (uint32_t i = 0; i < m->count; i++) {
        lot *l = &m->lots[i];
        if (l->owner != owner || l->miner != miner || l->unlock != 0 || l->units == 0) continue;
        if (best == NULL || l->epoch > best->epoch) best = l;
    }
    return best;
}

/* S4: the newest deposits go first. A unit is the minimum, so that what stays is never too little. */
static bool model_unstake(model *m, uint32_t owner, uint32_t miner, uint32_t units, uint32_t unlock) {
    if (units == 0 || units > model_staked(m, (int)owner, (int)miner)) return false;
    while (units > 0) {
        lot *from = newest(m, owner, miner), part = *from;
        part.units = units < from->units ? units : from->units;
        part.unlock = unlock;
        from->units -= part.units;
        units -= part.units;
        model_add(m, part);
    }
    model_tidy(m);
    return true;
}

/* S5, P4. Units that are paid. */
static uint32_t model_withdraw(model *m, uint32_t owner, uint32_t number) {
    uint32_t paid = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        lot *l = &m->lots[i];
        if (l->owner != owner || l->unlock == 0 || l->unlock > number) continue;
        assert_true(l->counted_until < number);
        paid += l->units;
        l->units = 0;
    }
    model_tidy(m);
    return paid;
}

/* E1: the state after this block is the snapshot of a table. Lots that it counts. */
static uint32_t model_snapshot(model *m, uint32_t in_force_until) {
    uint32_t counted = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->lots[i].unlock != 0) continue;
        m->lots[i].counted_until = in_force_until;
        counted++;
    }
    model_tidy(m);
    return counted;
}

/* ---- comparison with the books ---- */

static posw_u256 units(uint32_t n) {
    return coins((uint64_t)n * UNIT);
}

static posw_address owner_at(uint32_t i) {
    return rich((uint8_t)i);
}

static posw_address signer_at(uint32_t i) {
    return made_address((uint8_t)(0x51 + i));
}

/* E3 of at most two leaves. */
static posw_hash leaf_of(const posw_stake_entry *e) {
    uint8_t message[57] = {0}, stake[32];
    posw_hash out;
    posw_u256_to_be(stake, &e->stake_wei);
    memcpy(message + 1, e->miner.b, 20);
    memcpy(message + 21, e->signer.b, 20);
    memcpy(message + 41, stake + 16, 16);
    posw_keccak256(&out, message, sizeof message);
    return out;
}

static posw_hash tree_of(const posw_stake_entry *e, size_t count) {
    uint8_t message[97] = {1}, stake[32];
    posw_hash out = {{0}};
    if (count == 0) return out;
    if (count == 1) return leaf_of(e);
    for (size_t i = 0; i < 2; i++) {
        const posw_hash leaf = leaf_of(&e[i]);
        posw_u256_to_be(stake, &e[i].stake_wei);
        memcpy(message + 1 + 48 * i, leaf.b, 32);
        memcpy(message + 33 + 48 * i, stake + 16, 16);
    }
    posw_keccak256(&out, message, sizeof message);
    return out;
}

/* From the contract's words (S2), by ascending address. */
static size_t recount_table(world *w, posw_stake_entry out[MINERS]) {
    const posw_hash count_slot = posw_slot_fixed(POSW_SLOT_MINERS);
    const uint64_t count = word_at(w, &count_slot).w[0];
    assert_true(count <= MINERS);
    for (uint64_t i = 0; i < count; i++) {
        posw_stake_entry e;
        const posw_hash at = posw_slot_miner_at(i + 1);
        const posw_u256 miner = word_at(w, &at);
        assert_true(posw_word_to_address(&e.miner, &miner));
        const posw_hash stake = posw_slot_stake(&e.miner), signer = posw_slot_signer(&e.miner);
        e.stake_wei = word_at(w, &stake);
        const posw_u256 named = word_at(w, &signer);
        assert_true(posw_word_to_address(&e.signer, &named));
        if (posw_u256_is_zero(&named)) e.signer = e.miner;
        const bool swap = i == 1 && posw_address_cmp(&e.miner, &out[0].miner) < 0;
        if (swap) out[1] = out[0];
        out[swap ? 0 : i] = e;
    }
    return count;
}

/* The table's stored form and back. */
static void check_stored(const posw_stake_table *table) {
    posw_stake_table *again;
    posw_buf stored = {0};
    posw_staking_table_encode(&stored, table);
    assert_int_equal(posw_staking_table_decode(&again, stored.data, stored.size), POSW_OK);
    assert_int_equal(again->count, table->count);
    assert_memory_equal(&again->tree_root, &table->tree_root, sizeof table->tree_root);
    posw_buf_clear(&stored);
    free(again);
}

static void compare_table(world *w, const model *m) {
    posw_stake_table *table;
    posw_stake_entry want[MINERS];
    const size_t count = recount_table(w, want);
    assert_int_equal(posw_staking_table(w->state, &table), POSW_OK);
    assert_int_equal(table->count, count);
    const posw_hash root = tree_of(want, count);
    assert_memory_equal(&table->tree_root, &root, sizeof root);
    size_t listed = 0;
    for (uint32_t k = 0; k < MINERS; k++) {
        const posw_address miner = owner_at(k), signer = m->signer[k] ? signer_at(k) : miner;
        const posw_stake_entry *e = posw_stake_table_find(table, &miner);
        const posw_u256 stake = units(model_staked(m, -1, (int)k));
        assert_int_equal(e != NULL, !posw_u256_is_zero(&stake));
        if (e == NULL) continue;
        assert_u256(&e->stake_wei, &stake);
        assert_true(posw_address_equal(&e->signer, &signer));
        assert_memory_equal(e, &want[listed++], sizeof *e);
    }
    check_stored(table);
    free(table);
}

/* What is in the owner's exits, which must be the model's. */
static posw_u256 compare_exits(world *w, const model *m, uint32_t o) {
    posw_staking_exit e[POSW_STAKE_EXITS_MAX];
    const posw_address owner = owner_at(o);
    posw_u256 all = u64(0);
    size_t count;
    assert_int_equal(posw_staking_exits_of(w->state, e, &count, &owner), POSW_OK);
    for (size_t i = 0; i < count; i++) {
        uint32_t want = 0;
        for (uint32_t k = 0; k < m->count; k++)
            if (m->lots[k].owner == o && m->lots[k].unlock == e[i].unlock_block) want += m->lots[k].units;
        const posw_u256 wei = units(want);
        assert_u256(&e[i].amount_wei, &wei);
        assert_true(i == 0 || e[i].unlock_block > e[i - 1].unlock_block);
        all = plus(&all, &e[i].amount_wei);
    }
    return all;
}

/* What the owner has: at hand, at stake, in exits. Together it is always what it began with. */
static void compare_owner(world *w, const model *m, uint32_t o) {
    posw_staking_deposit d[POSW_STAKE_DEPOSITS_MAX];
    const posw_address owner = owner_at(o), first = owner_at(0);
    const posw_u256 in_exits = compare_exits(w, m, o), at_hand = balance_of(w, owner), had = coins(OWNER_COINS);
    posw_u256 all = plus(&at_hand, &in_exits);
    size_t count, miners = 0;
    assert_int_equal(posw_staking_deposits_of(w->state, d, &count, &owner), POSW_OK);
    for (int k = 0; k < MINERS; k++)
        miners += model_staked(m, (int)o, k) > 0;
    assert_int_equal(count, miners);
    for (size_t i = 0; i < count; i++) {
        const posw_u256 want = units(model_staked(m, (int)o, posw_address_equal(&d[i].miner, &first) ? 0 : 1));
        assert_u256(&d[i].total_wei, &want);
        all = plus(&all, &d[i].total_wei);
    }
    assert_u256(&all, &had);
}

static void compare(world *w, const model *m) {
    posw_staking_totals t;
    world_check(w);
    compare_table(w, m);
    for (uint32_t o = 0; o < OWNERS; o++)
        compare_owner(w, m, o);
    assert_int_equal(posw_staking_read_totals(w->state, &t), POSW_OK);
    const posw_u256 staked = units(model_staked(m, -1, -1));
    assert_u256(&t.staked_wei, &staked);
}

/* ---- doing it ---- */

/* From here on w->state is `state`, and calls are of block `number`. */
static void enter(explorer *x, posw_state *state, uint32_t number) {
    x->w.state = state;
    x->w.number = number;
    posw_execution_begin(&x->w.x, state, &x->w.spec.params, NULL, number, 1700000000 + number, 0, &WORLD_BENEFICIARY);
}

static void check_undo(posw_state *after, const posw_buf *undo, const posw_hash *before) {
    posw_state *copy;
    posw_hash back;
    assert_int_equal(posw_state_copy(&copy, after), POSW_OK);
    assert_int_equal(posw_state_apply_undo(copy, undo->data, undo->size), POSW_OK);
    assert_int_equal(posw_state_seal(copy, &back, NULL), POSW_OK);
    assert_memory_equal(&back, before, sizeof back);
    posw_state_free(copy);
}

/* The end of a call: sealed in the middle of the block, which changes nothing for what follows. before: may be NULL. */
static void leave(explorer *x, const posw_hash *before) {
    posw_hash root;
    posw_buf undo = {0};
    assert_int_equal(posw_state_seal(x->w.state, &root, &undo), POSW_OK);
    if (before != NULL) check_undo(x->w.state, &undo, before);
    posw_buf_clear(&undo);
    posw_execution_clear(&x->w.x);
    x->executed++;
}

/* Ends block n->number, which gives the rewards, and takes the table if it is the last of its epoch. */
static void pass_block(explorer *x, node *n, bool check) {
    const posw_params *p = &x->w.spec.params;
    posw_execution_result r;
    uint64_t epoch;
    const posw_hash before = posw_state_root(n->state);
    enter(x, n->state, n->number);
    assert_int_equal(posw_execution_finish(&x->w.x, &r), POSW_OK);
    if (check) check_undo(n->state, &r.undo, &before);
    posw_execution_clear(&x->w.x);
    posw_execution_result_clear(&r);
    if (posw_epoch_is_snapshot(&epoch, p, n->number))
        x->counted += model_snapshot(&n->m, (uint32_t)((epoch + 1) * p->epoch_blocks - 1));
    n->number++;
}

static void call_stake(explorer *x, node *n, uint32_t o, uint32_t k, uint32_t u) {
    const uint32_t epoch = n->number / (uint32_t)x->w.spec.params.epoch_blocks;
    assert_true(world_stake(&x->w, owner_at(o), owner_at(k), units(u)));
    model_add(&n->m, (lot){.owner = o, .miner = k, .units = u, .epoch = epoch});
    model_tidy(&n->m);
}

static void call_unstake(explorer *x, node *n, uint32_t o, uint32_t k, uint32_t u) {
    const uint32_t unlock = n->number + (uint32_t)x->w.spec.params.unbonding_blocks;
    const bool want = model_unstake(&n->m, o, k, u, unlock);
    assert_int_equal(world_unstake(&x->w, owner_at(o), owner_at(k), units(u)), want);
}

static void call_withdraw(explorer *x, node *n, uint32_t o) {
    const posw_u256 before = balance_of(&x->w, owner_at(o));
    const uint32_t paid = model_withdraw(&n->m, o, n->number);
    assert_int_equal(world_withdraw(&x->w, owner_at(o)), paid > 0);
    const posw_u256 wei = units(paid), want = plus(&before, &wei), after = balance_of(&x->w, owner_at(o));
    assert_u256(&after, &want);
    x->paid += paid > 0;
}

static void call_signer(explorer *x, node *n, uint32_t o) {
    n->m.signer[o] ^= 1;
    assert_true(world_set_signer(&x->w, owner_at(o), n->m.signer[o] ? signer_at(o) : owner_at(o)));
}

/* ---- actions ---- */

enum what { STAKE, UNSTAKE_ONE, UNSTAKE_ALL, WITHDRAW, SIGNER, PASS_ONE, PASS_TO_EDGE, PASS_UNBONDING };

typedef struct {
    enum what what;
    uint32_t owner, miner;
} action;

static const action ACTIONS[] = {
    {STAKE, 0, 0},       {STAKE, 0, 1},       {STAKE, 1, 0},        {STAKE, 1, 1},          {UNSTAKE_ONE, 0, 0},
    {UNSTAKE_ONE, 0, 1}, {UNSTAKE_ONE, 1, 0}, {UNSTAKE_ONE, 1, 1},  {UNSTAKE_ALL, 0, 0},    {UNSTAKE_ALL, 0, 1},
    {UNSTAKE_ALL, 1, 0}, {UNSTAKE_ALL, 1, 1}, {WITHDRAW, 0, 0},     {WITHDRAW, 1, 0},       {SIGNER, 0, 0},
    {SIGNER, 1, 0},      {PASS_ONE, 0, 0},    {PASS_TO_EDGE, 0, 0}, {PASS_UNBONDING, 0, 0},
};

/* How many blocks pass: to the last block of an epoch, or past it where it stands there. */
static uint64_t blocks_of(const explorer *x, const node *n, enum what what) {
    const uint64_t e = x->w.spec.params.epoch_blocks, rest = e - 1 - n->number % e;
    if (what == PASS_ONE) return 1;
    if (what == PASS_UNBONDING) return x->w.spec.params.unbonding_blocks;
    return rest == 0 ? e : rest;
}

static void act(explorer *x, node *n, const action *a) {
    const posw_hash before = posw_state_root(n->state);
    if (a->what < PASS_ONE) enter(x, n->state, n->number);
    switch (a->what) {
    case STAKE:
        call_stake(x, n, a->owner, a->miner, 2);
        break;
    case UNSTAKE_ONE:
        call_unstake(x, n, a->owner, a->miner, 1);
        break;
    case UNSTAKE_ALL:
        call_unstake(x, n, a->owner, a->miner, model_staked(&n->m, (int)a->owner, (int)a->miner));
        break;
    case WITHDRAW:
        call_withdraw(x, n, a->owner);
        break;
    case SIGNER:
        call_signer(x, n, a->owner);
        break;
    case PASS_ONE:
    case PASS_TO_EDGE:
    case PASS_UNBONDING:
        for (uint64_t left = blocks_of(x, n, a->what); left > 0; left--)
            pass_block(x, n, true);
        x->executed++;
        return;
    }
    leave(x, &before);
    n->touched = true;
}

static node copy_of(const node *n) {
    node out = *n;
    assert_int_equal(posw_state_copy(&out.state, n->state), POSW_OK);
    return out;
}

/* ---- nothing is locked for ever ---- */

static posw_hash storage_root(posw_state *s) {
    posw_account a;
    assert_int_equal(posw_state_account(s, &a, &POSW_STAKING_ADDRESS), POSW_OK);
    return a.storage_root;
}

/* The contract's storage at this block if nobody had staked. */
static posw_hash clean_root(explorer *x, uint32_t number, const model *m) {
    node n = {.number = x->start};
    assert_int_equal(posw_state_copy(&n.state, x->base), POSW_OK);
    enter(x, n.state, n.number);
    for (uint32_t o = 0; o < OWNERS; o++)
        if (m->signer[o]) call_signer(x, &n, o);
    leave(x, NULL);
    while (n.number < number)
        pass_block(x, &n, false);
    const posw_hash root = storage_root(n.state);
    posw_state_free(n.state);
    return root;
}

static void free_everything(explorer *x, const node *from) {
    node n = copy_of(from);
    uint32_t last = 0;
    enter(x, n.state, n.number);
    for (uint32_t o = 0; o < OWNERS; o++)
        for (uint32_t k = 0; k < MINERS; k++) {
            const uint32_t staked = model_staked(&n.m, (int)o, (int)k);
            if (staked > 0) call_unstake(x, &n, o, k, staked);
        }
    leave(x, NULL);
    for (uint32_t i = 0; i < n.m.count; i++)
        if (n.m.lots[i].unlock > last) last = n.m.lots[i].unlock;
    assert_true(last <= n.number + x->w.spec.params.unbonding_blocks);
    while (n.number < last)
        pass_block(x, &n, false);
    enter(x, n.state, n.number);
    for (uint32_t o = 0; o < OWNERS; o++)
        call_withdraw(x, &n, o);
    leave(x, NULL);
    assert_int_equal(n.m.count, 0);
    compare(&x->w, &n.m); /* with no lots: each owner has all its coins at hand */
    const posw_hash got = storage_root(n.state), want = clean_root(x, n.number, &n.m);
    assert_memory_equal(&got, &want, sizeof got);
    posw_state_free(n.state);
}

/* ---- all sequences ---- */

/* All that decides what may follow. Nonces are left out on purpose. */
static posw_hash key_of_node(const node *n) {
    posw_keccak k;
    posw_hash out;
    const posw_hash storage = storage_root(n->state);
    posw_keccak_init(&k);
    posw_keccak_update(&k, &n->number, sizeof n->number);
    posw_keccak_update(&k, storage.b, sizeof storage.b);
    for (uint32_t o = 0; o <= OWNERS; o++) {
        posw_account a;
        const posw_address who = o < OWNERS ? owner_at(o) : POSW_STAKING_ADDRESS;
        assert_int_equal(posw_state_account(n->state, &a, &who), POSW_OK);
        posw_keccak_update(&k, &a.balance_wei, sizeof a.balance_wei);
    }
    posw_keccak_update(&k, &n->m, sizeof n->m);
    posw_keccak_final(&k, &out);
    return out;
}

/* True if nothing new can come of this node. */
static bool was_seen(explorer *x, const node *n, uint8_t left) {
    bool added;
    const posw_hash key = key_of_node(n);
    uint8_t *most_left = posw_map_put(&x->seen, key.b, &added);
    assert_non_null(most_left);
    if (!added && *most_left >= left && !x->plain) return true;
    if (!added && *most_left < left) *most_left = left;
    if (added) *most_left = left;
    if (added || x->plain) {
        x->states++;
        x->w.state = n->state;
        x->w.number = n->number;
        compare(&x->w, &n->m);
        free_everything(x, n);
    }
    return false;
}

static void explore(explorer *x, const node *n, uint8_t left) {
    if (was_seen(x, n, left)) return;
    for (size_t i = 0; left > 0 && i < POSW_ARRAY_SIZE(ACTIONS); i++) {
        if (!x->plain && !n->touched && ACTIONS[i].owner != 0) continue; /* the first who acts is owner 0 */
        node next = copy_of(n);
        act(x, &next, &ACTIONS[i]);
        explore(x, &next, (uint8_t)(left - 1));
        posw_state_free(next.state);
    }
}

typedef struct {
    uint64_t epoch, unbonding, window, start;
    uint8_t length_short, length_long;
    bool plain;
} small_world;

static void open_world(explorer *x, const small_world *s) {
    world *w = &x->w;
    *w = (world){.beneficiary = WORLD_BENEFICIARY};
    strcpy(w->spec.name, "small");
    strcpy(w->spec.ticker, "SML");
    posw_params *p = &w->spec.params;
    *p = world_params(POSW_FEE_BURN);
    p->epoch_blocks = s->epoch;
    p->reorg_max_blocks = 1;
    p->unbonding_blocks = s->unbonding;
    p->window_blocks = s->window;
    p->stake_min_wei = coins(UNIT);
    w->spec.accounts = calloc(OWNERS, sizeof *w->spec.accounts);
    w->spec.account_count = OWNERS;
    for (uint32_t o = 0; o < OWNERS; o++)
        w->spec.accounts[o] = (posw_genesis_account){owner_at(o), coins(OWNER_COINS)};
    world_genesis(w);
    posw_map_init(&x->seen, POSW_HASH_SIZE, 1, NULL);
}

static void report(const explorer *x, const small_world *s, uint8_t length, double seconds) {
    uint64_t sequences = 1;
    for (uint8_t i = 0; i < length; i++)
        sequences *= POSW_ARRAY_SIZE(ACTIONS);
    printf(
        "staking, E %llu U %llu from block %llu%s: all %llu sequences of %d actions in %llu states and %llu actions; "
        "%llu withdrawals, %llu lots counted in tables; %.1f s\n",
        (unsigned long long)s->epoch, (unsigned long long)s->unbonding, (unsigned long long)s->start,
        s->plain ? " without shortcuts" : "", (unsigned long long)sequences, length, (unsigned long long)x->states,
        (unsigned long long)x->executed, (unsigned long long)x->paid, (unsigned long long)x->counted, seconds);
    fflush(stdout);
}

static void run_world(const small_world *s) {
    const uint8_t length = (uint8_t)scale_of(s->length_short, s->length_long);
    if (length == 0) return;
    explorer x = {.start = (uint32_t)s->start, .plain = s->plain};
    const double begin = scale_seconds();
    open_world(&x, s);
    node n = {.state = x.w.state, .number = 1};
    while (n.number < x.start)
        pass_block(&x, &n, true);
    assert_int_equal(posw_state_copy(&x.base, n.state), POSW_OK);
    explore(&x, &n, length);
    assert_true(x.counted > 0 && x.paid > 0);
    report(&x, s, length, scale_seconds() - begin);
    posw_map_clear(&x.seen);
    posw_state_free(x.base);
    x.w.state = n.state;
    world_close(&x.w);
}

static void test_all_sequences(void **state) {
    (void)state;
    /* The least U that P4 allows, and one more; several places in an epoch. */
    static const small_world worlds[] = {
        {.epoch = 2, .unbonding = 4, .window = 2, .start = 3, .length_short = 2, .length_long = 4, .plain = true},
        {.epoch = 2, .unbonding = 4, .window = 2, .start = 3, .length_short = 4, .length_long = LENGTH_MAX},
        {.epoch = 2, .unbonding = 4, .window = 4, .start = 4, .length_short = 3, .length_long = LENGTH_MAX},
        {.epoch = 1, .unbonding = 2, .window = 2, .start = 2, .length_short = 3, .length_long = LENGTH_MAX},
        {.epoch = 3, .unbonding = 6, .window = 6, .start = 5, .length_short = 2, .length_long = LENGTH_MAX},
        {.epoch = 3, .unbonding = 7, .window = 6, .start = 4, .length_long = LENGTH_MAX - 1},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(worlds); i++)
        run_world(&worlds[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_sequences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
