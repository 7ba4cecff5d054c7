/* Properties of whole chains, on random ones with random staking:
 *
 *   - No header beyond the snapshot lag can change a target (E1): whatever happens to stakes in the epochs e and e + 1,
 * weights, stake tables, ticket price and difficulty of all blocks of these epochs are the same as if nothing had
 * happened. In epoch e + 2 they may differ, and do.
 *   - undo(apply(x)) = x: an instance that goes from branch to branch has, each time, the rows and the state of one
 * that saw nothing but the branch it stands on. */
#include "rows.h"

#include "base/scale.h"
#include "posw/weight.h"

enum { EPOCH = 4, WINDOW = 6, STAKERS = 4 };

/* ---- random chains ---- */

/* Tickets at a price that follows the supply, or a power rule; difficulty 4, so that blocks may be boosted. */
static void random_spec(posw_chain_spec *out, uint64_t *seed) {
    h_spec(out);
    posw_params *p = &out->params;
    p->genesis_difficulty = posw_u256_from_u64(4);
    p->epoch_blocks = EPOCH;
    p->reorg_max_blocks = EPOCH;
    p->unbonding_blocks = 2 * EPOCH;
    p->window_blocks = WINDOW;
    p->weight.ticket_price_wei = POSW_U256_ZERO;
    p->weight.slots = 40;
    if (random_below(seed, 3) == 0)
        p->weight = (posw_weight_params){
            .rule = POSW_WEIGHT_POWER, .unit_wei = h_coins(100), .min = 1, .max = 50, .exponent_x2 = 2};
    if (random_below(seed, 3) == 0) p->difficulty_rule = POSW_DIFFICULTY_STEP;
    out->stakes = realloc(out->stakes, STAKERS * sizeof *out->stakes);
    out->stake_count = STAKERS;
    for (unsigned i = 0; i < STAKERS; i++)
        out->stakes[i] = (posw_genesis_stake){h_address(i), h_address(i), h_coins(100 + random_below(seed, 1500))};
    posw_message msg = {{0}};
    if (posw_chain_spec_check(out, NULL, &msg) != POSW_OK) fail_msg("%s", msg.text);
}

static h_tx withdraw(unsigned from, uint64_t nonce) {
    posw_buf input = {0};
    posw_abi_append_selector(&input, "withdraw()");
    const h_tx tx = h_call(from, nonce, &POSW_STAKING_ADDRESS, POSW_U256_ZERO, posw_buf_view(&input), 200000);
    posw_buf_clear(&input);
    return tx;
}

/* One transaction of each of up to four keys; some revert. */
static void random_txs(posw_chain *c, h_plan *plan, uint64_t *seed) {
    for (unsigned from = 0; from < STAKERS; from++) {
        const uint64_t what = random_below(seed, 8), coins = 1 + random_below(seed, 800), nonce = h_nonce(c, from);
        const unsigned miner = (unsigned)random_below(seed, H_KEYS);
        h_tx *tx = &plan->txs[plan->tx_count];
        if (what == 0) continue;
        plan->tx_count++;
        if (what <= 3)
            *tx = h_stake(from, nonce, miner, coins);
        else if (what <= 5)
            *tx = h_unstake(from, nonce, from, coins);
        else if (what == 6)
            *tx = withdraw(from, nonce);
        else
            *tx = h_set_signer(from, nonce, 4 + from);
    }
}

/* The key that signs for a miner in the next block (H8). */
static unsigned signer_of(posw_chain *c, unsigned miner) {
    const posw_address a = h_address(miner);
    const posw_stake_table *table = posw_chain_table(c, posw_chain_tip(c)->number + 1);
    const posw_stake_entry *e = posw_stake_table_find(table, &a);
    return e == NULL || posw_address_equal(&e->signer, &a) ? miner : 4 + miner;
}

typedef struct {
    posw_u256 weight;
    bool boosted;
    unsigned signer;
} seal;

/* Boosted or not as wanted, never by luck. */
static void put_seal(void *arg, posw_header *h) {
    const seal *s = arg;
    const posw_hash no_key = {{0}};
    const h_plan plan = {.want_boosted = s->boosted};
    h_search(h, &no_key, s->boosted ? &s->weight : &POSW_U256_ONE, &plan);
    h_sign(h, s->signer);
}

/* Miner, time and whether it is boosted come from `shape`, transactions from `txs` (NULL: none). */
static void extend(posw_chain *c, uint64_t *shape, uint64_t *txs) {
    h_plan plan = {.miner = (unsigned)random_below(shape, H_KEYS), .gap_s = 1 + random_below(shape, 4)};
    const posw_address a = h_address(plan.miner);
    seal s = {.weight = posw_chain_next_weight(c, &a), .signer = signer_of(c, plan.miner)};
    s.boosted = posw_u256_cmp(&s.weight, &POSW_U256_ONE) > 0 && random_below(shape, 3) > 0;
    plan.after_seal = put_seal;
    plan.arg = &s;
    plan.ignore_target = true;
    if (txs != NULL) random_txs(c, &plan, txs);
    h_block b = h_extend(c, &plan);
    h_block_clear(&b);
}

static uint64_t next_number(posw_chain *c) {
    return posw_chain_tip(c)->number + 1;
}

/* ---- the lag ---- */

/* Everything on which the target of the next block depends. */
typedef struct {
    posw_hash stake_root;
    posw_u256 supply, total, price, difficulty, weight[H_KEYS];
    size_t miners;
    unsigned signer[H_KEYS];
} targets;

static targets targets_of(posw_chain *c) {
    const posw_params *p = posw_chain_params(c);
    const uint64_t next = next_number(c);
    const posw_stake_table *table = posw_chain_table(c, next);
    targets t;
    memset(&t, 0, sizeof t); /* compared as bytes */
    assert_non_null(table);
    t.stake_root = posw_chain_stake_root(c, next);
    t.supply = table->supply_wei;
    t.total = table->total_wei;
    t.miners = table->count;
    if (p->weight.rule == POSW_WEIGHT_TICKET) t.price = posw_weight_ticket_price(p, &table->supply_wei);
    t.difficulty = posw_difficulty_next(p, posw_chain_window(c), posw_chain_tip(c), posw_chain_tip(c)->timestamp + 1);
    for (unsigned i = 0; i < H_KEYS; i++) {
        const posw_address a = h_address(i);
        t.weight[i] = posw_chain_next_weight(c, &a);
        t.signer[i] = signer_of(c, i);
    }
    return t;
}

static bool same_weights(const targets *a, const targets *b) {
    return memcmp(a->weight, b->weight, sizeof a->weight) == 0;
}

/* Both have the same blocks up to the last of epoch e - 1. Returns whether weights differ once they may. */
static bool lag_case(uint64_t seed, uint64_t *blocks) {
    posw_chain_spec spec;
    h_node quiet, busy;
    random_spec(&spec, &seed);
    h_open(&quiet, &spec);
    h_open(&busy, &spec);
    const uint64_t epoch = 1 + random_below(&seed, 3);
    for (uint64_t n = 1; n < epoch * EPOCH; n++)
        extend(busy.chain, &(uint64_t){random_next(&seed)}, random_below(&seed, 2) == 0 ? &seed : NULL);
    h_feed(quiet.chain, busy.chain, 1, epoch * EPOCH - 1);
    targets a, b;
    for (;;) {
        a = targets_of(quiet.chain);
        b = targets_of(busy.chain);
        if (posw_epoch_of(&spec.params, next_number(busy.chain)) == epoch + 2) break;
        assert_memory_equal(&a, &b, sizeof a);
        const uint64_t shape = random_next(&seed);
        extend(quiet.chain, &(uint64_t){shape}, NULL);
        extend(busy.chain, &(uint64_t){shape}, &seed);
        ++*blocks;
    }
    assert_memory_not_equal(&a.stake_root, &b.stake_root, sizeof a.stake_root);
    const bool differ = !same_weights(&a, &b);
    h_close(&quiet);
    h_close(&busy);
    posw_chain_spec_clear(&spec);
    return differ;
}

static void nothing_beyond_the_lag_changes_a_target(void **state) {
    (void)state;
    const uint64_t cases = scale_of(25, 2500);
    uint64_t seed = scale_seed("snapshot lag"), differ = 0, blocks = 0;
    const double begin = scale_seconds();
    for (uint64_t i = 0; i < cases; i++)
        differ += lag_case(random_next(&seed), &blocks);
    assert_true(differ * 4 > cases); /* the changes matter, later */
    printf("snapshot lag: %llu chains, %llu blocks compared, weights differ after the lag in %llu, %.1f s\n",
           (unsigned long long)cases, (unsigned long long)blocks, (unsigned long long)differ, scale_seconds() - begin);
}

/* ---- there and back ---- */

static void same_results(posw_chain *a, posw_chain *b) {
    for (uint64_t n = 1; n <= posw_chain_tip(b)->number; n++) {
        posw_hash hash;
        posw_buf x = {0}, y = {0};
        ok(posw_chain_hash_by_number(b, &hash, n));
        ok(posw_chain_block_results(a, &x, &x, &hash));
        ok(posw_chain_block_results(b, &y, &y, &hash));
        assert_int_equal(x.size, y.size);
        if (x.size > 0) assert_memory_equal(x.data, y.data, x.size);
        posw_buf_clear(&x);
        posw_buf_clear(&y);
    }
}

static void same_world(h_node *walker, h_node *fresh) {
    h_same(walker->chain, fresh->chain);
    h_check_state(walker->chain);
    same_results(walker->chain, fresh->chain);
    h_same_rows(walker, fresh);
}

static void back_case(uint64_t seed, uint64_t *reorgs) {
    posw_chain_spec spec;
    h_node branch[2], walker;
    random_spec(&spec, &seed);
    spec.params.difficulty_rule = POSW_DIFFICULTY_FIXED; /* longer is heavier */
    h_open(&branch[0], &spec);
    h_open(&branch[1], &spec);
    h_open_forgetful(&walker, &spec, random_below(&seed, 2) == 0);
    const uint64_t common = random_below(&seed, 2 * EPOCH);
    const bool is_deep = random_below(&seed, 2) == 0; /* beyond the lag the branches have tables of their own */
    const uint64_t length = is_deep ? 3 * EPOCH : EPOCH - 1;
    posw_chain_allow_deep_reorg(walker.chain, is_deep);
    for (uint64_t n = 0; n < common; n++)
        extend(branch[0].chain, &(uint64_t){random_next(&seed)}, &seed);
    h_feed(branch[1].chain, branch[0].chain, 1, common);
    h_feed(walker.chain, branch[0].chain, 1, common);
    uint64_t fed[2] = {common, common};
    for (unsigned i = 0; posw_chain_tip(walker.chain)->number - common < length; i ^= 1) {
        posw_chain *c = branch[i].chain;
        while (next_number(c) <= posw_chain_tip(walker.chain)->number + 1)
            extend(c, &(uint64_t){random_next(&seed)}, &seed);
        const posw_hash before = posw_chain_tip_hash(walker.chain);
        h_feed(walker.chain, c, fed[i] + 1, posw_chain_tip(c)->number);
        fed[i] = posw_chain_tip(c)->number;
        *reorgs += fed[0] > common && fed[1] > common && !h_tip_is(walker.chain, &before);
        same_world(&walker, &branch[i]);
        h_side_tables(&walker);
    }
    h_verify(walker.chain);
    h_close(&walker);
    h_close(&branch[0]);
    h_close(&branch[1]);
    posw_chain_spec_clear(&spec);
}

static void there_and_back_is_as_never_gone(void **state) {
    (void)state;
    const uint64_t cases = scale_of(15, 1500);
    uint64_t seed = scale_seed("there and back"), reorgs = 0;
    const double begin = scale_seconds();
    for (uint64_t i = 0; i < cases; i++)
        back_case(random_next(&seed), &reorgs);
    printf("there and back: %llu pairs of branches, %llu reorganisations, %.1f s\n", (unsigned long long)cases,
           (unsigned long long)reorgs, scale_seconds() - begin);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_beyond_the_lag_changes_a_target),
                                       cmocka_unit_test(there_and_back_is_as_never_gone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
