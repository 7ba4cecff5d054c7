/* A header without a true stake proof never gets a boost (H10, E5), and one with it does: random seals with no proof,
 * with forged ones and with true ones, one by one and in runs as a light client takes them.
 *
 * A forged proof is another miner's; or from another table, in which the miner is richer; or for another epoch; or the
 * true one with anything changed; or anything. */
#include "posw/check.h"

#include "base/scale.h"
#include "core/made.h"
#include "crypto/keccak.h"
#include "posw/difficulty.h"
#include "posw/genesis.h"
#include "posw/light.h"
#include "posw/weight.h"

enum {
    MINERS = 9,
    KEYS = MINERS + 2,
    WINDOW = 8,
    HISTORY = 4,
    EPOCH = 64,
    BOOST = 64,
    POOL = 400,
    RUN = 9,
    RUN_POOL = 30
};

/* ---- a table, and another ---- */

typedef struct {
    posw_stake_entry entries[MINERS];
    posw_stake_table table;
    posw_hash root; /* E4 in epoch 0 */
} stakes;

typedef struct {
    posw_params params;
    made_key keys[KEYS]; /* 0 to 8 have stake; the signer of 2 and 5 is key 9; key 10 has none */
    stakes honest, richer;
    posw_hash next_epoch;
    posw_header genesis;
    posw_hash genesis_hash;
    void *memory, *memory_light;
    posw_window *window;
    posw_check_context context; /* of block `number`, of which nothing but the seal is looked at */
} world;

static unsigned signer_of(unsigned miner) {
    return miner == 2 || miner == 5 ? 9 : miner;
}

static int compare_entries(const void *a, const void *b) {
    return posw_address_cmp(&((const posw_stake_entry *)a)->miner, &((const posw_stake_entry *)b)->miner);
}

static void make_stakes(const world *x, stakes *s, uint64_t factor) {
    posw_stake_node scratch[MINERS];
    for (unsigned i = 0; i < MINERS; i++)
        s->entries[i] = (posw_stake_entry){x->keys[i].address, x->keys[signer_of(i)].address,
                                           coins(i == 8 ? 0 : (1 + i % 4) * factor)};
    s->entries[8].stake_wei = factor == 1 ? minus_one(&(posw_u256){{1000000000000000000u}}) : coins(5); /* no ticket */
    qsort(s->entries, MINERS, sizeof s->entries[0], compare_entries);
    s->table = (posw_stake_table){.entries = s->entries, .count = MINERS, .supply_wei = coins(1000)};
    posw_stake_table_finish(&s->table, scratch);
    posw_stake_root(&s->root, 0, &s->table.supply_wei, &s->table.total_wei, &s->table.tree_root);
}

static posw_window *make_window(void **memory, const posw_params *p) {
    assert_int_equal(posix_memalign(memory, 16, posw_window_size(WINDOW, HISTORY)), 0);
    return posw_window_init(*memory, WINDOW, HISTORY, 2 * WINDOW * p->block_time_s);
}

static int setup(void **state) {
    world *x = calloc(1, sizeof *x);
    assert_non_null(x);
    posw_params *p = &x->params;
    *p = made_params();
    p->pow = POSW_POW_KECCAK256;
    p->difficulty_rule = POSW_DIFFICULTY_FIXED;
    p->difficulty_blocks = 0;
    p->genesis_difficulty = u64(1000000);
    p->window_blocks = WINDOW;
    p->epoch_blocks = p->reorg_max_blocks = EPOCH;
    p->weight.boost = BOOST;
    p->weight.ticket_price_wei = coins(1);
    assert_verdict(posw_params_check(p), POSW_VALID, POSW_RULE_NONE);
    for (unsigned i = 0; i < KEYS; i++)
        x->keys[i] = key_of((uint8_t)(1 + i));
    make_stakes(x, &x->honest, 1);
    make_stakes(x, &x->richer, 50);
    const posw_stake_table *t = &x->honest.table;
    posw_stake_root(&x->next_epoch, 1, &t->supply_wei, &t->total_wei, &t->tree_root);
    const posw_hash state_root = {{1}};
    posw_genesis_header(&x->genesis, p, "test", &state_root);
    posw_header_hash(&x->genesis_hash, &x->genesis);
    x->window = make_window(&x->memory, p);
    (void)make_window(&x->memory_light, p);
    x->context = (posw_check_context){.params = p,
                                      .parent = &x->genesis,
                                      .parent_hash = &x->genesis_hash,
                                      .window = x->window,
                                      .stake_root = &x->honest.root};
    *state = x;
    return 0;
}

static int teardown(void **state) {
    world *x = *state;
    free(x->memory);
    free(x->memory_light);
    free(x);
    return 0;
}

/* ---- proofs ---- */

typedef struct {
    posw_stake_proof proof;
    bool given;
    bool is_true; /* for this miner, table and epoch */
} claim;

static bool prove(const stakes *s, const posw_address *miner, posw_stake_proof *out) {
    posw_stake_node scratch[MINERS];
    return posw_stake_prove(out, &s->table, miner, scratch);
}

static void change_number(uint64_t *seed, posw_u256 *v) {
    const posw_u256 by = random_below(seed, 2) == 0 ? POSW_U256_ONE : random_u256(seed, 126);
    *v = random_below(seed, 2) == 0 ? posw_u256_add_sat(v, &by) : posw_u256_sub_sat(v, &by);
}

/* One thing in it becomes another. */
static void change(uint64_t *seed, posw_stake_proof *p) {
    posw_stake_sibling *s = &p->siblings[random_below(seed, p->depth == 0 ? 1 : p->depth)];
    switch (random_below(seed, 8)) {
    case 0:
        change_number(seed, &p->stake_wei);
        break;
    case 1:
        change_number(seed, &p->supply_wei);
        break;
    case 2:
        change_number(seed, &p->total_wei);
        break;
    case 3:
        p->signer.b[random_below(seed, 20)] ^= (uint8_t)(1 + random_below(seed, 255));
        break;
    case 4:
        p->depth = random_below(seed, POSW_STAKE_PROOF_DEPTH_MAX + 1);
        break;
    case 5:
        s->hash.b[random_below(seed, 32)] ^= (uint8_t)(1 + random_below(seed, 255));
        break;
    case 6:
        change_number(seed, &s->sum);
        break;
    case 7:
        s->left = !s->left;
        break;
    }
}

static bool same_proof(const posw_stake_proof *a, const posw_stake_proof *b) {
    uint8_t x[POSW_STAKE_PROOF_SIZE_MAX], y[POSW_STAKE_PROOF_SIZE_MAX];
    if (a->depth != b->depth) return false;
    const size_t n = posw_stake_proof_encode(x, a), m = posw_stake_proof_encode(y, b);
    return n == m && memcmp(x, y, n) == 0;
}

static void garbage(uint64_t *seed, posw_stake_proof *p) {
    *p = (posw_stake_proof){.depth = random_below(seed, POSW_STAKE_PROOF_DEPTH_MAX + 1)};
    p->supply_wei = random_u256(seed, 128);
    p->stake_wei = p->total_wei = random_u256(seed, 120);
    random_bytes(seed, p->signer.b, 20);
    for (size_t i = 0; i < p->depth; i++) {
        random_bytes(seed, p->siblings[i].hash.b, 32);
        p->siblings[i].sum = random_u256(seed, 100);
        p->siblings[i].left = random_below(seed, 2) == 0;
        p->total_wei = plus(&p->total_wei, &p->siblings[i].sum);
    }
}

static claim make_claim(const world *x, uint64_t *seed, const posw_address *miner) {
    claim c = {.given = true};
    posw_stake_proof truth;
    const bool in_table = prove(&x->honest, miner, &truth);
    switch (random_below(seed, 8)) {
    case 0:
    case 1:
        c.given = false;
        return c;
    case 2:
    case 3:
        c.given = in_table;
        if (in_table) c.proof = truth;
        break;
    case 4:
        assert_true(prove(&x->honest, &x->keys[random_below(seed, MINERS)].address, &c.proof));
        break;
    case 5:
        assert_true(prove(&x->richer, &x->keys[random_below(seed, MINERS)].address, &c.proof));
        if (in_table) assert_true(prove(&x->richer, miner, &c.proof));
        break;
    case 6:
        assert_true(prove(&x->honest, in_table ? miner : &x->keys[0].address, &c.proof));
        for (uint64_t n = 1 + random_below(seed, 2); n > 0; n--)
            change(seed, &c.proof);
        break;
    case 7:
        garbage(seed, &c.proof);
        break;
    }
    c.is_true = c.given && in_table && same_proof(&c.proof, &truth);
    return c;
}

/* ---- one by one ---- */

typedef struct {
    posw_header header;
    unsigned miner, signer; /* keys */
    uint64_t level;
} sealed;

static uint64_t random_level(uint64_t *seed) {
    switch (random_below(seed, 4)) {
    case 0:
        return 0;
    case 1:
        return 1;
    case 2:
        return 1 + random_below(seed, BOOST - 1);
    default:
        return random_below(seed, 3) == 0 ? BOOST + random_below(seed, 10) : BOOST - 1;
    }
}

static void seal(const world *x, sealed *s) {
    const posw_u256 weight = u64(s->level), h = posw_seal_target(&s->header.difficulty, &weight);
    s->header.mix_hash = hash_of_level(&h);
    sign_header(&s->header, &x->keys[s->signer]);
}

static sealed random_sealed(const world *x, uint64_t *seed) {
    sealed s = {.miner = (unsigned)random_below(seed, KEYS), .level = random_level(seed)};
    s.signer = random_below(seed, 3) > 0 ? signer_of(s.miner) : (unsigned)random_below(seed, KEYS);
    s.header = (posw_header){.parent_hash = x->genesis_hash,
                             .ommers_hash = POSW_OMMERS_EMPTY,
                             .beneficiary = x->keys[s.miner].address,
                             .difficulty = x->params.genesis_difficulty,
                             .number = WINDOW + 5,
                             .timestamp = x->genesis.timestamp + 1000};
    posw_header_set_extra(&s.header, &x->honest.root);
    random_bytes(seed, s.header.nonce, 8);
    seal(x, &s);
    return s;
}

/* What the table says (W2, H8), without the code that reads proofs. */
static bool table_allows(const world *x, const sealed *s) {
    const posw_stake_entry *e = posw_stake_table_find(&x->honest.table, &s->header.beneficiary);
    const uint64_t used = posw_window_used(x->window, &s->header.beneficiary);
    const posw_u256 one = posw_coin();
    posw_u256 tickets = POSW_U256_ZERO;
    if (e != NULL) posw_u256_divmod(&tickets, NULL, &e->stake_wei, &one);
    const uint64_t f = tickets.w[0] > used ? BOOST : 1;
    return s->level < f && s->signer == (e == NULL ? s->miner : signer_of(s->miner));
}

typedef struct {
    uint64_t cases, boosts, refused, unboosted;
} tally;

static void judge(const world *x, uint64_t *seed, const sealed *s, tally *t) {
    const claim c = make_claim(x, seed, &s->header.beneficiary);
    posw_check_context context = x->context;
    const bool other_epoch = random_below(seed, 12) == 0;
    if (other_epoch) context.stake_root = &x->next_epoch;
    const posw_verdict v = posw_check_header_proof(&context, &s->header, c.given ? &c.proof : NULL);
    const bool by_itself = s->level == 0 && s->signer == s->miner;
    t->cases++;
    if (!c.given) {
        assert_int_equal(v.kind == POSW_VALID, by_itself);
        if (s->level > 0) assert_int_not_equal(v.kind, POSW_VALID);
        t->unboosted += v.kind == POSW_VALID;
        t->refused += s->level > 0;
        return;
    }
    if (other_epoch) {
        assert_int_not_equal(v.kind, POSW_VALID);
        return;
    }
    assert_int_equal(v.kind == POSW_VALID, c.is_true && table_allows(x, s));
    t->boosts += v.kind == POSW_VALID && s->level > 0;
    t->refused += v.kind != POSW_VALID && s->level > 0;
}

/* A window in which some have used their tickets. */
static void fill_window(world *x, uint64_t *seed) {
    posw_window_reset(x->window);
    for (uint64_t i = 0, time = x->genesis.timestamp; i < WINDOW + 5; i++)
        posw_window_push(x->window, &(posw_window_entry){.miner = x->keys[random_below(seed, MINERS)].address,
                                                         .timestamp = time += 1 + random_below(seed, 20),
                                                         .boosted = random_below(seed, 2) == 0});
}

static void test_one_by_one(void **state) {
    world *x = *state;
    sealed *pool = calloc(POOL, sizeof *pool);
    assert_non_null(pool);
    const uint64_t rounds = scale_of(1, 150), each = 80;
    uint64_t seed = scale_seed("unproven");
    const double begin = scale_seconds();
    tally t = {0};
    for (uint64_t r = 0; r < rounds; r++) {
        for (size_t i = 0; i < POOL; i++)
            pool[i] = random_sealed(x, &seed);
        for (uint64_t k = 0; k < each; k++) {
            fill_window(x, &seed);
            for (size_t i = 0; i < POOL; i++)
                judge(x, &seed, &pool[i], &t);
        }
    }
    assert_true(t.boosts > t.cases / 100 && t.refused > t.cases / 10 && t.unboosted > t.cases / 200);
    printf("unproven: %llu claims, %llu true boosts, %llu refused, %.1f s\n", (unsigned long long)t.cases,
           (unsigned long long)t.boosts, (unsigned long long)t.refused, scale_seconds() - begin);
    free(pool);
}

/* ---- in runs ---- */

typedef struct {
    sealed blocks[RUN];
    posw_stake_proof proofs[RUN];
    bool has_proof[RUN];
} run;

/* A chain that a light client accepts whole: true proofs, and boosts while there are tickets. */
static void make_run(world *x, uint64_t *seed, run *r) {
    posw_header parent = x->genesis;
    posw_hash parent_hash = x->genesis_hash;
    posw_window_reset(x->window);
    posw_window_push(x->window, &(posw_window_entry){.timestamp = parent.timestamp, .difficulty = parent.difficulty});
    for (size_t i = 0; i < RUN; i++) {
        sealed *s = &r->blocks[i];
        *s = (sealed){.miner = (unsigned)random_below(seed, MINERS)};
        s->signer = signer_of(s->miner);
        s->level = 1 + random_below(seed, BOOST - 1);
        s->header = (posw_header){
            .parent_hash = parent_hash,
            .ommers_hash = POSW_OMMERS_EMPTY,
            .beneficiary = x->keys[s->miner].address,
            .difficulty = x->params.genesis_difficulty,
            .number = parent.number + 1,
            .gas_limit = x->params.gas_limit,
            .timestamp = parent.timestamp + 1 + random_below(seed, 20),
            .base_fee_wei = posw_base_fee_next(&x->params, parent.number, parent.base_fee_wei, parent.gas_used)};
        posw_header_set_extra(&s->header, &x->honest.root);
        if (!table_allows(x, s)) s->level = 0;
        seal(x, s);
        r->has_proof[i] = prove(&x->honest, &s->header.beneficiary, &r->proofs[i]);
        posw_window_push(x->window, &(posw_window_entry){.miner = s->header.beneficiary,
                                                         .timestamp = s->header.timestamp,
                                                         .boosted = s->level > 0,
                                                         .difficulty = s->header.difficulty});
        parent = s->header;
        posw_header_hash(&parent_hash, &parent);
    }
}

/* One claim in the run is another one. Returns whether it was refused. */
static bool judge_run(world *x, uint64_t *seed, const run *r) {
    posw_light light;
    posw_light_item items[RUN];
    posw_window *window = x->memory_light;
    const size_t count = 1 + random_below(seed, RUN), odd = random_below(seed, count);
    const sealed *s = &r->blocks[odd];
    const claim c = make_claim(x, seed, &s->header.beneficiary);
    for (size_t i = 0; i < count; i++)
        items[i] = (posw_light_item){&r->blocks[i].header, r->has_proof[i] ? &r->proofs[i] : NULL};
    items[odd].proof = c.given ? &c.proof : NULL;
    const bool good = c.given ? c.is_true : s->level == 0 && s->signer == s->miner;
    bool ok;
    size_t accepted;
    assert_true(posw_light_init(&light, &x->params, window, NULL, NULL, &x->genesis));
    const posw_verdict v = posw_light_extend(&ok, &accepted, &light, items, count, x->genesis.timestamp + 100000);
    assert_true(ok);
    assert_int_equal(accepted, good ? count : odd);
    assert_int_equal(v.kind == POSW_VALID, good);
    assert_int_equal(light.tip.number, accepted);
    return !good;
}

static void test_in_runs(void **state) {
    world *x = *state;
    run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    const uint64_t rounds = scale_of(20, 2500);
    uint64_t seed = scale_seed("unproven runs"), refused = 0, boosted = 0;
    const double begin = scale_seconds();
    for (uint64_t i = 0; i < rounds; i++) {
        make_run(x, &seed, r);
        for (size_t k = 0; k < RUN; k++)
            boosted += r->blocks[k].level > 0;
        for (int k = 0; k < RUN_POOL; k++)
            refused += judge_run(x, &seed, r);
    }
    assert_true(refused > rounds && boosted > rounds);
    printf("unproven: %llu runs of a light client, %llu stopped at a claim that is not true, %.1f s\n",
           (unsigned long long)rounds * RUN_POOL, (unsigned long long)refused, scale_seconds() - begin);
    free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_one_by_one, setup, teardown),
                                       cmocka_unit_test_setup_teardown(test_in_runs, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
