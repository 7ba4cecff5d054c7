/* The staking contract's books (E2, S3 to S7): clocks, snapshots, limits, signers, the stake table, damage, views. */
#include "state/staking_test.h"

#include "posw/window.h"
#include "state/staking_layout.h"

static posw_staking_deposit deposit_of(world *w, posw_address owner, posw_address miner) {
    posw_staking_deposit all[POSW_STAKE_DEPOSITS_MAX];
    size_t count;
    assert_int_equal(posw_staking_deposits_of(w->state, all, &count, &owner), POSW_OK);
    for (size_t i = 0; i < count; i++)
        if (posw_address_equal(&all[i].miner, &miner)) return all[i];
    return (posw_staking_deposit){.miner = miner};
}

/* ---- deposits: each has its own clock ---- */

static void assert_deposit(const posw_staking_deposit *d, posw_u256 total, uint64_t epoch0, uint64_t coins0,
                           uint64_t epoch1, uint64_t coins1) {
    posw_u256 a = coins(coins0), b = coins(coins1);
    assert_u256(&d->total_wei, &total);
    assert_u256(&d->recent[0].amount_wei, &a);
    assert_u256(&d->recent[1].amount_wei, &b);
    assert_int_equal(d->recent[0].epoch, epoch0);
    assert_int_equal(d->recent[1].epoch, epoch1);
}

static void stake_in_epoch(world *w, uint64_t epoch, uint64_t n) {
    world_skip_to(w, epoch * WORLD_EPOCH);
    world_begin(w);
    assert_true(world_stake(w, rich(0), miner_of(1), coins(n)));
    world_end(w);
}

static void unstake_now(world *w, uint64_t n) {
    world_begin(w);
    assert_true(world_unstake(w, rich(0), miner_of(1), coins(n)));
    world_end(w);
}

static void test_deposit_clocks(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    posw_staking_deposit d;
    stake_in_epoch(&w, 0, 100);
    stake_in_epoch(&w, 0, 20); /* joins: same epoch, same clock */
    d = deposit_of(&w, rich(0), miner_of(1));
    assert_deposit(&d, coins(120), 0, 120, 0, 0);
    stake_in_epoch(&w, 1, 10); /* the older clock goes on */
    d = deposit_of(&w, rich(0), miner_of(1));
    assert_deposit(&d, coins(130), 1, 10, 0, 120);
    stake_in_epoch(&w, 4, 40);
    d = deposit_of(&w, rich(0), miner_of(1));
    assert_deposit(&d, coins(170), 4, 40, 1, 10);
    unstake_now(&w, 15); /* newest first */
    d = deposit_of(&w, rich(0), miner_of(1));
    assert_deposit(&d, coins(155), 4, 25, 1, 10);
    stake_in_epoch(&w, 4, 11);
    d = deposit_of(&w, rich(0), miner_of(1));
    assert_deposit(&d, coins(166), 4, 36, 1, 10);
    unstake_now(&w, 38); /* all of the newest and a part of the second, which moves up */
    d = deposit_of(&w, rich(0), miner_of(1));
    assert_deposit(&d, coins(128), 1, 8, 0, 0);
    stake_in_epoch(&w, 6, 10);
    d = deposit_of(&w, rich(0), miner_of(1));
    assert_deposit(&d, coins(138), 6, 10, 1, 8);
    unstake_now(&w, 10); /* exactly the newest */
    d = deposit_of(&w, rich(0), miner_of(1));
    assert_deposit(&d, coins(128), 1, 8, 0, 0);
    unstake_now(&w, 50); /* beyond the recent ones */
    d = deposit_of(&w, rich(0), miner_of(1));
    assert_deposit(&d, coins(78), 0, 0, 0, 0);
    unstake_now(&w, 78);
    d = deposit_of(&w, rich(0), miner_of(1));
    assert_deposit(&d, coins(0), 0, 0, 0, 0);
    world_close(&w);
}

/* E1, S4: what a deposit counts for, epoch by epoch, is what the snapshots say. */
static void test_snapshots(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    posw_u256 at_end[12];
    for (uint64_t n = 1; n < 12 * WORLD_EPOCH; n++) {
        world_begin(&w);
        if (n == 2 * WORLD_EPOCH + 3) assert_true(world_stake(&w, rich(0), miner_of(1), coins(50)));
        if (n == 5 * WORLD_EPOCH) assert_true(world_stake(&w, rich(0), miner_of(1), coins(10)));
        if (n == 6 * WORLD_EPOCH) assert_true(world_unstake(&w, rich(0), miner_of(1), coins(20)));
        world_end(&w);
        uint64_t epoch;
        if (posw_epoch_is_snapshot(&epoch, &w.spec.params, n)) at_end[epoch - 2] = stake_of(&w, miner_of(1));
    }
    static const uint64_t want[12] = {0, 0, 50, 50, 50, 60, 40, 40, 40, 40, 40, 40}; /* in force two epochs later */
    for (size_t e = 0; e < 12; e++) {
        posw_u256 v = coins(want[e]);
        assert_u256(&at_end[e], &v);
    }
    world_close(&w);
}

/* ---- limits ---- */

static void test_exits_join_and_limit(void **state) {
    (void)state;
    world w;
    posw_staking_exit exits[POSW_STAKE_EXITS_MAX];
    size_t count;
    world_open(&w, POSW_FEE_BURN);
    w.spec.params.unbonding_blocks = 100;
    posw_address owner = rich(0), miner = miner_of(1), other = miner_of(2);
    world_begin(&w);
    assert_true(world_stake(&w, owner, miner, coins(1000)));
    assert_true(world_stake(&w, owner, other, coins(1000)));
    world_end(&w);
    for (uint64_t i = 0; i < 64; i++) {
        world_begin(&w); /* blocks 2 to 65 */
        assert_true(world_unstake(&w, owner, miner, coins(1)));
        assert_true(world_unstake(&w, owner, other, coins(2))); /* of the same block: one exit, even at the limit */
        world_end(&w);
        assert_int_equal(posw_staking_exits_of(w.state, exits, &count, &owner), POSW_OK);
        assert_int_equal(count, i + 1);
        posw_u256 three = coins(3);
        assert_u256(&exits[i].amount_wei, &three);
        assert_int_equal(exits[i].unlock_block, w.number + 100);
    }
    world_begin(&w);
    posw_u256 one = coins(1);
    reverts(&w, owner, u64(0), input_of("unstake(address,uint256)", &miner, &one), 70000,
            "unstake: 64 exits are open already; withdraw first");
    world_end(&w);
    world_skip_to(&w, 103);
    world_begin(&w); /* block 104: exits 0 to 2 */
    assert_true(world_withdraw(&w, owner));
    assert_int_equal(w.gas_used,
                     intrinsic_of(&(posw_buf){.data = (uint8_t *)"\x3c\xcf\xd6\x0b", .size = 4}) + 30000 + 18000);
    assert_int_equal(posw_staking_exits_of(w.state, exits, &count, &owner), POSW_OK);
    assert_int_equal(count, 61);
    assert_int_equal(exits[0].unlock_block, 105);
    for (int i = 0; i < 3; i++)
        assert_true(world_unstake(&w, owner, miner, coins(1))); /* these join each other */
    assert_int_equal(posw_staking_exits_of(w.state, exits, &count, &owner), POSW_OK);
    assert_int_equal(count, 62);
    assert_int_equal(exits[61].unlock_block, 204);
    world_end(&w);
    world_skip_to(&w, 203);
    world_begin(&w);
    assert_true(world_withdraw(&w, owner)); /* 62 at once */
    assert_int_equal(posw_staking_exits_of(w.state, exits, &count, &owner), POSW_OK);
    assert_int_equal(count, 0);
    world_end(&w);
    world_close(&w);
}

static void test_64_miners_an_owner(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    posw_address owner = rich(0), extra = miner_of(64);
    world_begin(&w);
    for (uint64_t i = 0; i < 64; i++)
        assert_true(world_stake(&w, owner, miner_of(i), coins(10 + i)));
    reverts(&w, owner, coins(10), input_of("stake(address)", &extra, NULL), 60000,
            "stake: you stake for 64 miners already; unstake from one first");
    assert_true(world_stake(&w, owner, miner_of(63), coins(10)));   /* more for one of them */
    assert_true(world_stake(&w, rich(1), miner_of(64), coins(10))); /* somebody else for another */
    assert_true(world_unstake(&w, owner, miner_of(20), coins(30)));
    assert_true(world_stake(&w, owner, miner_of(64), coins(10)));
    world_end(&w);
    posw_staking_deposit all[POSW_STAKE_DEPOSITS_MAX];
    size_t count;
    assert_int_equal(posw_staking_deposits_of(w.state, all, &count, &owner), POSW_OK);
    assert_int_equal(count, 64);
    posw_u256 sum = u64(0);
    for (size_t i = 0; i < count; i++) {
        posw_address want = i == 20   ? miner_of(63)
                            : i == 63 ? miner_of(64)
                                      : miner_of(i); /* the last moved into the gap */
        assert_memory_equal(&all[i].miner, &want, 20);
        sum = plus(&sum, &all[i].total_wei);
    }
    posw_u256 want = coins(64 * 10 + 63 * 64 / 2 + 10 - 30 + 10);
    assert_u256(&sum, &want);
    posw_staking_totals t;
    assert_int_equal(posw_staking_read_totals(w.state, &t), POSW_OK);
    assert_int_equal(t.miners, 64);
    world_close(&w);
}

static void test_65536_miners(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    posw_address listed = miner_of(1), fresh = miner_of(2);
    world_begin(&w);
    assert_true(world_stake(&w, rich(0), listed, coins(10)));
    posw_hash slot = posw_slot_fixed(POSW_SLOT_MINERS);
    posw_u256 full = u64(65536), almost = u64(65535);
    assert_int_equal(posw_state_set_word(w.state, &slot, &full), POSW_OK);
    reverts(&w, rich(0), coins(10), input_of("stake(address)", &fresh, NULL), 60000,
            "stake: the list of miners is full; stake for a miner that is in it");
    assert_true(world_stake(&w, rich(0), listed, coins(10)));
    assert_int_equal(posw_state_set_word(w.state, &slot, &almost), POSW_OK);
    assert_true(world_stake(&w, rich(0), fresh, coins(10)));
    posw_u256 now = word_at(&w, &slot);
    assert_u256(&now, &full);
    world_close(&w);
}

/* S3: nothing in the contract can pass 2^128, whatever balances a broken chain may have. */
static void test_total_stake_limit(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    world_begin(&w);
    posw_address miner = miner_of(1), a = rich(0);
    posw_u256 huge = power_of_two(200), limit = power_of_two(128), one = u64(1);
    assert_int_equal(posw_state_add_balance(w.state, &a, &huge), POSW_OK);
    reverts(&w, a, limit, input_of("stake(address)", &miner, NULL), 60000, "stake: the total stake would be too large");
    posw_u256 most = minus_one(&limit);
    assert_true(world_stake(&w, a, miner, most));
    reverts(&w, a, coins(10), input_of("stake(address)", &miner, NULL), 60000,
            "stake: the total stake would be too large");
    assert_true(world_unstake(&w, a, miner, most));
    (void)one;
    world_close(&w);
}

/* ---- signers and the table ---- */

static void test_signers(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    posw_address a = rich(0), b = rich(1), signer = made_address(0x55), got, none = {{0}};
    world_begin(&w);
    assert_int_equal(posw_staking_signer_of(w.state, &got, &a), POSW_OK);
    assert_memory_equal(&got, &a, 20);
    assert_true(world_set_signer(&w, a, signer));
    assert_int_equal(posw_staking_signer_of(w.state, &got, &a), POSW_OK);
    assert_memory_equal(&got, &signer, 20);
    assert_true(world_stake(&w, b, a, coins(10)));
    assert_true(world_stake(&w, b, b, coins(20)));
    world_end(&w);
    posw_stake_table *t;
    assert_int_equal(posw_staking_table(w.state, &t), POSW_OK);
    assert_int_equal(t->count, 2);
    assert_memory_equal(&posw_stake_table_find(t, &a)->signer, &signer, 20);
    assert_memory_equal(&posw_stake_table_find(t, &b)->signer, &b, 20);
    free(t);
    world_begin(&w);
    assert_true(world_set_signer(&w, a, none));
    assert_int_equal(posw_staking_signer_of(w.state, &got, &a), POSW_OK);
    assert_memory_equal(&got, &a, 20);
    assert_true(world_set_signer(&w, a, signer));
    assert_true(world_set_signer(&w, a, a));
    posw_hash slot = posw_slot_signer(&a);
    posw_u256 v = word_at(&w, &slot);
    assert_u256_is(&v, 0);
    world_end(&w);
    world_close(&w);
}

static void fill_table(world *w, uint64_t count) {
    world_begin(w);
    for (uint64_t i = 0; i < count; i++) {
        w->x.gas_used = 0; /* more than one block could hold */
        assert_true(world_stake(w, rich((uint8_t)(i / 60)), miner_of(i * 7919 % 1009), coins(10 + i)));
    }
    w->x.gas_used = 0;
}

static void test_table_codec(void **state) {
    (void)state;
    static const uint64_t counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 100, 333};
    for (size_t c = 0; c < POSW_ARRAY_SIZE(counts); c++) {
        world w;
        world_open(&w, POSW_FEE_BURN);
        fill_table(&w, counts[c]);
        world_end(&w);
        posw_stake_table *t, *back;
        assert_int_equal(posw_staking_table(w.state, &t), POSW_OK);
        assert_int_equal(t->count, counts[c]);
        for (size_t i = 1; i < t->count; i++)
            assert_true(posw_address_cmp(&t->entries[i - 1].miner, &t->entries[i].miner) < 0);
        posw_stake_node *scratch = calloc(t->count + 1, sizeof *scratch);
        posw_stake_table again = *t;
        posw_stake_table_finish(&again, scratch);
        assert_memory_equal(&again.tree_root, &t->tree_root, 32);
        free(scratch);
        posw_buf b = {0};
        posw_staking_table_encode(&b, t);
        assert_int_equal(b.size, 100 + 56 * counts[c]);
        assert_int_equal(posw_staking_table_decode(&back, b.data, b.size), POSW_OK);
        assert_int_equal(back->count, t->count);
        assert_u256(&back->supply_wei, &t->supply_wei);
        assert_u256(&back->total_wei, &t->total_wei);
        assert_memory_equal(&back->tree_root, &t->tree_root, 32);
        if (t->count > 0) assert_memory_equal(back->entries, t->entries, t->count * sizeof *t->entries);
        free(back);
        free(t);
        posw_buf_clear(&b);
        world_close(&w);
    }
}

/* Cut, lengthened, any bit turned (but those of the supply, which the table's root does not cover). */
static void test_damaged_table(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    fill_table(&w, 5);
    world_end(&w);
    posw_stake_table *t, *back;
    assert_int_equal(posw_staking_table(w.state, &t), POSW_OK);
    posw_buf b = {0};
    posw_staking_table_encode(&b, t);
    for (size_t size = 0; size < b.size; size++) {
        uint8_t *cut = malloc(size + 1);
        memcpy(cut, b.data, size);
        assert_int_equal(posw_staking_table_decode(&back, cut, size), POSW_ECORRUPT);
        free(cut);
    }
    for (size_t bit = 0; bit < b.size * 8; bit++) {
        if (bit / 8 >= 4 && bit / 8 < 36) continue;
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(posw_staking_table_decode(&back, b.data, b.size), POSW_ECORRUPT);
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    posw_buf_byte(&b, 0);
    assert_int_equal(posw_staking_table_decode(&back, b.data, b.size), POSW_ECORRUPT);
    posw_buf_clear(&b);
    free(t);
    world_close(&w);
}

/* Damaged words are reported, not believed. */
static void test_damaged_storage(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    world_begin(&w);
    assert_true(world_stake(&w, rich(0), miner_of(1), coins(10)));
    world_end(&w);
    posw_address miner = miner_of(1), owner = rich(0);
    posw_u256 bad = POSW_U256_MAX;
    posw_hash slots[] = {posw_slot_fixed(POSW_SLOT_MINERS), posw_slot_miner_at(1), posw_slot_stake(&miner),
                         posw_slot_signer(&miner), posw_slot_fixed(POSW_SLOT_STAKED)};
    posw_stake_table *t;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(slots); i++) {
        size_t mark = posw_state_mark(w.state);
        assert_int_equal(posw_state_set_word(w.state, &slots[i], &bad), POSW_OK);
        assert_int_equal(posw_staking_table(w.state, &t), POSW_ECORRUPT);
        posw_state_revert(w.state, mark);
    }
    size_t count;
    posw_staking_exit exits[POSW_STAKE_EXITS_MAX];
    posw_staking_deposit deposits[POSW_STAKE_DEPOSITS_MAX];
    posw_hash range = posw_slot_exit_range(&owner), number = posw_slot_owner_count(&owner);
    posw_u256 many = u64(65);
    assert_int_equal(posw_state_set_word(w.state, &range, &many), POSW_OK);
    assert_int_equal(posw_staking_exits_of(w.state, exits, &count, &owner), POSW_ECORRUPT);
    assert_int_equal(posw_state_set_word(w.state, &number, &many), POSW_OK);
    assert_int_equal(posw_staking_deposits_of(w.state, deposits, &count, &owner), POSW_ECORRUPT);
    world_close(&w);
}

/* A call that meets damage is an operating error, never a verdict on the transaction. */
static void assert_call_corrupt(world *w, posw_address from, posw_buf in) {
    posw_tx tx = world_tx(w, from, POSW_STAKING_ADDRESS, u64(0), posw_buf_view(&in), 1000000);
    enum posw_tx_refusal refusal;
    assert_int_equal(posw_execution_tx(&w->x, &refusal, &tx, &from), POSW_ECORRUPT);
    posw_buf_clear(&in);
}

static void test_damaged_storage_in_calls(void **state) {
    (void)state;
    for (int damage = 0; damage < 4; damage++) {
        world w;
        world_open(&w, POSW_FEE_BURN);
        w.spec.params.unbonding_blocks = 0;
        world_begin(&w);
        posw_address owner = rich(0), miner = miner_of(1);
        posw_u256 ten = coins(10), none = u64(0), most = POSW_U256_MAX;
        assert_true(world_stake(&w, owner, miner, ten));
        posw_hash slots[3] = {posw_slot_place(&miner), posw_slot_owner_place(&owner, &miner),
                              posw_slot_exit_range(&owner)};
        if (damage < 3) {
            assert_int_equal(posw_state_set_word(w.state, &slots[damage], damage == 2 ? &most : &none), POSW_OK);
            assert_call_corrupt(&w, owner, input_of("unstake(address,uint256)", &miner, &ten));
        } else { /* the contract holds less than it owes */
            assert_true(world_unstake(&w, owner, miner, ten));
            posw_u256 one = u64(1);
            assert_int_equal(posw_state_sub_balance(w.state, &POSW_STAKING_ADDRESS, &one), POSW_OK);
            assert_call_corrupt(&w, owner, input_of("withdraw()", NULL, NULL));
        }
        world_close(&w);
    }
}

/* ---- views from outside ---- */

typedef struct {
    world *w;
    posw_staking_env env;
    posw_buf output;
} viewer;

static void view(viewer *v, const char *signature, const posw_address *a, const posw_address *b) {
    posw_buf in = input_of(signature, a, NULL);
    if (b != NULL) posw_abi_append_address(&in, b);
    posw_message_call call = {.from = made_address(0xee),
                              .has_to = true,
                              .to = POSW_STAKING_ADDRESS,
                              .input = posw_buf_view(&in),
                              .gas_limit = 100000};
    posw_call_result r;
    posw_buf_reset(&v->output);
    assert_int_equal(posw_execute_call(&r, &v->output, v->w->state, &v->env, &call), POSW_OK);
    assert_int_equal(r.status, POSW_CALL_OK);
    assert_int_equal(r.gas_used, intrinsic_of(&in) + 3000);
    assert_int_equal(r.log_count, 0);
    posw_buf_clear(&in);
}

static void assert_view(viewer *v, const char *signature, const posw_address *a, const posw_address *b,
                        posw_u256 want) {
    view(v, signature, a, b);
    assert_int_equal(v->output.size, 32);
    posw_u256 got = posw_u256_from_be(v->output.data);
    assert_u256(&got, &want);
}

static void assert_exits_view(viewer *v, const posw_address *owner, size_t count, const posw_staking_exit *want) {
    view(v, "exitsOf(address)", owner, NULL);
    assert_int_equal(v->output.size, 32 * (4 + 2 * count));
    uint64_t head[2] = {64, 96 + 32 * count};
    for (size_t array = 0; array < 2; array++) {
        posw_u256 offset = posw_u256_from_be(v->output.data + 32 * array);
        assert_u256_is(&offset, head[array]);
        posw_u256 length = posw_u256_from_be(v->output.data + head[array]);
        assert_u256_is(&length, count);
        for (size_t i = 0; i < count; i++) {
            posw_u256 got = posw_u256_from_be(v->output.data + head[array] + 32 * (i + 1));
            posw_u256 expected = array == 0 ? u64(want[i].unlock_block) : want[i].amount_wei;
            assert_u256(&got, &expected);
        }
    }
}

static void test_views(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    w.spec.params.weight.ticket_price_wei = coins(15);
    posw_address a = rich(0), b = rich(1), m1 = miner_of(1), m2 = miner_of(2), signer = made_address(0x55);
    world_begin(&w);
    assert_true(world_stake(&w, a, m1, coins(40)));
    assert_true(world_stake(&w, b, m1, coins(20)));
    assert_true(world_stake(&w, a, a, coins(30)));
    assert_true(world_set_signer(&w, a, signer));
    world_end(&w);
    posw_stake_table *table;
    assert_int_equal(posw_staking_table(w.state, &table), POSW_OK);
    world_begin(&w); /* after the snapshot */
    assert_true(world_stake(&w, b, m1, coins(25)));
    assert_true(world_stake(&w, b, m2, coins(11)));
    assert_true(world_unstake(&w, a, a, coins(5)));
    world_end(&w);
    world_begin(&w);
    assert_true(world_unstake(&w, a, a, coins(6)));
    world_end(&w);
    const posw_params *p = &w.spec.params;
    void *memory = aligned_alloc(16, (posw_window_size(p->window_blocks, 4) + 15) / 16 * 16);
    posw_window *window = posw_window_init(memory, p->window_blocks, 4, 1000000);
    posw_window_push(window, &(posw_window_entry){.miner = m1, .timestamp = 1, .boosted = true});
    posw_window_push(window, &(posw_window_entry){.miner = a, .timestamp = 2, .boosted = true});
    posw_window_push(window, &(posw_window_entry){.miner = a, .timestamp = 3, .boosted = true});
    viewer v = {.w = &w, .env = {p, w.number + 1, table, window}};
    assert_view(&v, "stakeOf(address)", &m1, NULL, coins(85));
    assert_view(&v, "stakeOf(address)", &m2, NULL, coins(11));
    assert_view(&v, "stakeOf(address)", &b, NULL, coins(0));
    assert_view(&v, "stakeOf(address,address)", &a, &m1, coins(40));
    assert_view(&v, "stakeOf(address,address)", &b, &m1, coins(45));
    assert_view(&v, "stakeOf(address,address)", &m1, &a, coins(0));
    assert_view(&v, "activeStakeOf(address)", &m1, NULL, coins(60));
    assert_view(&v, "activeStakeOf(address)", &a, NULL, coins(30));
    assert_view(&v, "activeStakeOf(address)", &m2, NULL, coins(0));
    assert_view(&v, "pendingOf(address)", &m1, NULL, coins(25));
    assert_view(&v, "pendingOf(address)", &m2, NULL, coins(11));
    assert_view(&v, "pendingOf(address)", &a, NULL, coins(0)); /* less than in the table */
    assert_view(&v, "signerOf(address)", &a, NULL, posw_word_of_address(&signer));
    assert_view(&v, "signerOf(address)", &b, NULL, posw_word_of_address(&b));
    assert_view(&v, "totalStake()", NULL, NULL, coins(40 + 20 + 30 + 25 + 11 - 5 - 6));
    assert_view(&v, "ticketPrice()", NULL, NULL, coins(15));
    assert_view(&v, "weightOf(address)", &m1, NULL, u64(p->weight.boost)); /* four tickets, one used */
    assert_view(&v, "weightOf(address)", &a, NULL, u64(1));                /* two tickets, both used */
    assert_view(&v, "weightOf(address)", &m2, NULL, u64(1));
    posw_staking_exit want[2] = {{2 + WORLD_UNBONDING, coins(5)}, {3 + WORLD_UNBONDING, coins(6)}};
    assert_exits_view(&v, &a, 2, want);
    assert_exits_view(&v, &b, 0, NULL);
    w.spec.params.weight.ticket_price_wei = u64(0);
    w.spec.params.weight.slots = 4;
    posw_u256 price = posw_u256_div_u64(&table->supply_wei, 4 * WORLD_EPOCH);
    assert_view(&v, "ticketPrice()", NULL, NULL, price);
    assert_true(posw_params_preset(&w.spec.params, "linear"));
    w.spec.params.weight.unit_wei = coins(10);
    assert_view(&v, "weightOf(address)", &m1, NULL, u64(6));
    assert_view(&v, "ticketPrice()", NULL, NULL, u64(0));
    posw_buf_clear(&v.output);
    free(table);
    free(memory);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deposit_clocks),
        cmocka_unit_test(test_snapshots),
        cmocka_unit_test(test_exits_join_and_limit),
        cmocka_unit_test(test_64_miners_an_owner),
        cmocka_unit_test(test_65536_miners),
        cmocka_unit_test(test_total_stake_limit),
        cmocka_unit_test(test_signers),
        cmocka_unit_test(test_table_codec),
        cmocka_unit_test(test_damaged_table),
        cmocka_unit_test(test_damaged_storage),
        cmocka_unit_test(test_damaged_storage_in_calls),
        cmocka_unit_test(test_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
