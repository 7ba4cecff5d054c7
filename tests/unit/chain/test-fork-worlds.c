/* Every small block tree in every order of arrival, over the real chain manager, against a naive fork choice.
 *
 * A world is n blocks, numbered as they arrive. Each has a parent (genesis, or any other block, so that children come
 * before their parents, too) and one of three miners, and at most one block is invalid:
 *
 *      kind 0: a boosted block of miner 0, who has one ticket for a window of three blocks
 *      kind 1: a boosted block of miner 1, who has two
 *      kind 2: a block of miner 2, who has no stake; with a transfer
 *
 * So a block may also be over its miner's tickets, which depends on its branch alone (W4). Trees on n + 1 labelled
 * vertices are (n + 1)^(n - 1): 16, 125, 1296 for n = 3, 4, 5. A block that comes before its parent is "not yet" and
 * changes nothing; it is offered again whenever another was taken. For n = 5 only orders with parents first are run (n!
 * trees), as the others were shown to come down to them.
 *
 * The naive fork choice keeps a list and looks for the heaviest sound branch, first seen among equals (F1, F2). The
 * verdict of each import, with its rule, is predicted as well. At the end of some worlds (of each n-th) the stored rows
 * are those of an instance that saw nothing but the winning branch. Under the rule `fixed` each block weighs the same;
 * under `step` a slow block weighs less.
 *
 * A block is made once: it is known by its parent block, kind, place among its like, and soundness. */
#include "rows.h"

#include "base/map.h"
#include "base/scale.h"

enum { BLOCKS_MAX = 5, KINDS = 3, GENESIS = -1, WINDOW = 3, CACHE_MAX = 1 << 16, SENDER = 5 };

/* ---- blocks, made once ---- */

typedef struct {
    int parent; /* in the cache, or GENESIS */
    int kind, like, bad;
} identity;

typedef struct {
    identity id;
    h_block block;
    posw_u256 weight; /* sum of D */
    bool over;        /* its miner has no ticket left */
} made;

typedef struct {
    posw_chain_spec spec;
    posw_map by_identity; /* identity -> index + 1 */
    made *blocks;
    int count;
} factory;

/* Genesis first. */
static int path_to(const factory *f, int at, int path[BLOCKS_MAX]) {
    int length = 0;
    for (int b = at; b != GENESIS; b = f->blocks[b].id.parent)
        length++;
    for (int b = at, i = length; b != GENESIS; b = f->blocks[b].id.parent)
        path[--i] = b;
    return length;
}

/* A block of `like` others before it comes later, so that it is another block; kind 2 is slow. */
static uint64_t gap_of(const identity *id) {
    return (uint64_t)(1 + id->like + (id->kind == 2 ? 4 : 0));
}

static h_plan plan_of(h_node *n, const identity *id) {
    h_plan plan = {.miner = (unsigned)id->kind, .gap_s = gap_of(id)};
    if (id->kind == 2) plan.txs[plan.tx_count++] = h_transfer(SENDER, h_nonce(n->chain, SENDER), 6, 1);
    return plan;
}

/* An instance at the twin of a block: the same miners at the same times, all sound and none boosted. Its next header is
 * that of the real branch but for the parent's hash. */
static void open_twin(factory *f, h_node *n, int at) {
    int path[BLOCKS_MAX];
    const int length = path_to(f, at, path);
    h_open(n, &f->spec);
    for (int i = 0; i < length; i++) {
        h_plan plan = plan_of(n, &f->blocks[path[i]].id);
        h_block b = h_extend(n->chain, &plan);
        h_block_clear(&b);
    }
}

typedef struct {
    const posw_hash *parent;
    identity id;
} changes;

static void put_on_branch(void *arg, posw_header *h) {
    const changes *c = arg;
    h->parent_hash = *c->parent;
    if (c->id.bad) h->state_root.b[0] ^= 1;
}

/* Boosted or not as the kind says, whether its miner may or not. */
static void seal_by_kind(void *arg, posw_header *h) {
    const changes *c = arg;
    const posw_hash no_key = {{0}};
    const posw_u256 most = posw_u256_from_u64(c->id.kind == 2 ? 1 : 16);
    const h_plan plan = {.want_boosted = c->id.kind != 2};
    h_search(h, &no_key, &most, &plan);
    h_sign(h, (unsigned)c->id.kind);
}

/* T3 of the i-th block of a path, of which genesis is number -1. */
static uint64_t mtp_of(const factory *f, const int path[BLOCKS_MAX], int i) {
    const int n = i + 2; /* never more than 11; times increase */
    const int at = n / 2 - 1;
    return at < 0 ? f->spec.params.genesis_time : f->blocks[path[at]].block.header.timestamp;
}

/* W4, over the branch itself. */
static bool over_its_tickets(const factory *f, const identity *id) {
    static const int tickets[KINDS] = {1, 2, 0};
    int path[BLOCKS_MAX], used = 0;
    const int length = path_to(f, id->parent, path);
    if (id->kind == 2) return false;
    for (int i = length > WINDOW ? length - WINDOW : 0; i < length; i++) {
        const uint64_t age_s = mtp_of(f, path, length - 1) - mtp_of(f, path, i);
        if (f->blocks[path[i]].id.kind == id->kind && age_s <= 2 * WINDOW * f->spec.params.block_time_s) used++;
    }
    return used >= tickets[id->kind];
}

static int make(factory *f, const identity *id) {
    bool added;
    uint64_t *slot = posw_map_put(&f->by_identity, id, &added);
    assert_non_null(slot);
    if (!added) return (int)(*slot - 1);
    assert_true(f->count < CACHE_MAX);
    h_node twin;
    open_twin(f, &twin, id->parent);
    const posw_hash genesis = posw_chain_genesis_hash(twin.chain);
    changes c = {.parent = id->parent == GENESIS ? &genesis : &f->blocks[id->parent].block.hash, .id = *id};
    h_plan plan = plan_of(&twin, id);
    plan.before_seal = put_on_branch;
    plan.after_seal = seal_by_kind;
    plan.arg = &c;
    plan.ignore_target = true;
    made *m = &f->blocks[f->count];
    *m = (made){.id = *id, .block = h_build(twin.chain, &plan), .over = over_its_tickets(f, id)};
    const posw_u256 before = id->parent == GENESIS ? f->spec.params.genesis_difficulty : f->blocks[id->parent].weight;
    assert_true(posw_u256_add(&m->weight, &before, &m->block.header.difficulty));
    h_close(&twin);
    *slot = (uint64_t)++f->count;
    return f->count - 1;
}

static void factory_open(factory *f, enum posw_difficulty_rule rule) {
    *f = (factory){.blocks = calloc(CACHE_MAX, sizeof *f->blocks)};
    assert_non_null(f->blocks);
    posw_map_init(&f->by_identity, sizeof(identity), sizeof(uint64_t), NULL);
    h_spec(&f->spec);
    posw_params *p = &f->spec.params;
    p->difficulty_rule = rule;
    p->block_time_s = rule == POSW_DIFFICULTY_FIXED ? 1 : 4;
    p->genesis_difficulty = posw_u256_from_u64(rule == POSW_DIFFICULTY_FIXED ? 4 : 30);
    p->window_blocks = WINDOW;
    f->spec.stakes = realloc(f->spec.stakes, 2 * sizeof *f->spec.stakes);
    f->spec.stake_count = 2;
    for (unsigned i = 0; i < 2; i++)
        f->spec.stakes[i] = (posw_genesis_stake){h_address(i), h_address(i), h_coins(10 * (i + 1))};
    posw_message msg = {{0}};
    if (posw_chain_spec_check(&f->spec, NULL, &msg) != POSW_OK) fail_msg("%s", msg.text);
}

static void factory_close(factory *f) {
    for (int i = 0; i < f->count; i++)
        h_block_clear(&f->blocks[i].block);
    free(f->blocks);
    posw_map_clear(&f->by_identity);
    posw_chain_spec_clear(&f->spec);
}

/* ---- the naive fork choice ---- */

enum fate { COMING, WAITING, STORED, REFUSED, FOUND_INVALID };

typedef struct {
    factory *f;
    int n;
    int parent[BLOCKS_MAX]; /* by order of arrival, or GENESIS */
    int kind[BLOCKS_MAX];
    int bad;              /* which block is invalid; n: none */
    int made[BLOCKS_MAX]; /* in the cache */
    enum fate fate[BLOCKS_MAX];
    int seen[BLOCKS_MAX]; /* order in which it was stored */
    int seen_count, tip;
} world;

static const made *block_of(const world *w, int i) {
    return &w->f->blocks[w->made[i]];
}

static bool is_on_bad_branch(const world *w, int i) {
    for (; i != GENESIS; i = w->parent[i])
        if (i == w->bad) return true;
    return false;
}

/* F1, F2 by their words. */
static int naive_tip(const world *w) {
    int best = GENESIS;
    for (int i = 0; i < w->n; i++) {
        if (w->fate[i] != STORED || is_on_bad_branch(w, i)) continue;
        const int order = best == GENESIS ? 1 : posw_u256_cmp(&block_of(w, i)->weight, &block_of(w, best)->weight);
        if (order > 0 || (order == 0 && w->seen[i] < w->seen[best])) best = i;
    }
    return best;
}

static bool heavier_than_tip(const world *w, int i) {
    const posw_u256 *tip = w->tip == GENESIS ? &w->f->spec.params.genesis_difficulty : &block_of(w, w->tip)->weight;
    return posw_fork_better(&block_of(w, i)->weight, tip);
}

/* The invalid block was executed: it and what is built on it leave. */
static posw_verdict found_invalid(world *w, int i) {
    for (int k = 0; k < w->n; k++)
        if ((w->fate[k] == STORED || k == i) && is_on_bad_branch(w, k)) w->fate[k] = FOUND_INVALID;
    w->fate[w->bad] = FOUND_INVALID;
    return posw_invalid(i == w->bad ? POSW_RULE_STATE_ROOT : POSW_RULE_BAD_ANCESTOR);
}

/* What the import of block i must say; follows it. */
static posw_verdict predict(world *w, int i) {
    const enum fate parent = w->parent[i] == GENESIS ? STORED : w->fate[w->parent[i]];
    if (parent == FOUND_INVALID) {
        w->fate[i] = FOUND_INVALID;
        return posw_invalid(POSW_RULE_BAD_ANCESTOR);
    }
    if (parent != STORED) {
        w->fate[i] = WAITING;
        return posw_not_yet(POSW_RULE_UNKNOWN_PARENT);
    }
    if (block_of(w, i)->over) {
        w->fate[i] = REFUSED;
        return posw_invalid(POSW_RULE_TARGET);
    }
    if (heavier_than_tip(w, i) && is_on_bad_branch(w, i)) return found_invalid(w, i);
    w->fate[i] = STORED;
    w->seen[i] = w->seen_count++;
    if (heavier_than_tip(w, i)) w->tip = i;
    return posw_valid();
}

/* ---- a world ---- */

typedef struct {
    uint64_t worlds, imports, reorgs, waited, over, invalid, compared;
} tally;

static void offer(world *w, h_node *n, int i, tally *t) {
    posw_verdict got;
    posw_chain_change change;
    const posw_hash genesis = posw_chain_genesis_hash(n->chain);
    const posw_verdict want = predict(w, i);
    ok(h_try(n->chain, &block_of(w, i)->block, H_NOW, &got, &change));
    if (got.kind != want.kind || got.rule != want.rule)
        fail_msg("block %d of world %llu: %d %s, not %d %s", i, (unsigned long long)t->worlds, (int)got.kind,
                 posw_rule_text(got.rule), (int)want.kind, posw_rule_text(want.rule));
    assert_int_equal(w->tip, naive_tip(w));
    assert_true(h_tip_is(n->chain, w->tip == GENESIS ? &genesis : &block_of(w, w->tip)->block.hash));
    t->imports++;
    t->reorgs += change.removed_count > 0;
    t->waited += got.kind == POSW_NOT_YET;
    t->over += got.rule == POSW_RULE_TARGET;
    t->invalid += got.rule == POSW_RULE_STATE_ROOT || got.rule == POSW_RULE_BAD_ANCESTOR;
}

/* What waits is offered again, in the order of arrival, until nothing more is taken. */
static void deliver(world *w, h_node *n, tally *t) {
    for (int i = 0; i < w->n; i++) {
        offer(w, n, i, t);
        for (int k = 0; k <= i; k++) {
            if (w->fate[k] != WAITING ||
                (w->parent[k] != GENESIS && w->fate[w->parent[k]] != STORED && w->fate[w->parent[k]] != FOUND_INVALID))
                continue;
            offer(w, n, k, t);
            k = -1;
        }
    }
}

/* ---- at the end ---- */

/* The same as an instance that never saw another branch: undo(apply(x)) = x, in all rows that the main chain has. */
static void compare_with_naive(world *w, h_node *n) {
    h_node naive;
    int path[BLOCKS_MAX];
    const int length = path_to(w->f, w->tip == GENESIS ? GENESIS : w->made[w->tip], path);
    h_open(&naive, &w->f->spec);
    for (int i = 0; i < length; i++)
        h_import_valid(naive.chain, &w->f->blocks[path[i]].block);
    h_same(n->chain, naive.chain);
    h_check_state(n->chain);
    h_same_rows(n, &naive);
    h_verify(n->chain);
    h_reopen(n);
    h_same(n->chain, naive.chain);
    h_close(&naive);
}

/* Every other instance goes back by undo records. */
static void run(world *w, tally *t, uint64_t compare_each) {
    h_node n;
    for (int i = 0; i < w->n; i++)
        w->fate[i] = COMING;
    w->seen_count = 0;
    w->tip = GENESIS;
    h_open_forgetful(&n, &w->f->spec, t->worlds % 2 == 1);
    deliver(w, &n, t);
    if (t->worlds++ % compare_each == 0) {
        compare_with_naive(w, &n);
        t->compared++;
    }
    h_close(&n);
}

/* ---- all of them ---- */

/* The order in which blocks can be made; false: the parents go round in a circle. */
static bool parents_first(const world *w, int order[BLOCKS_MAX]) {
    bool done[BLOCKS_MAX] = {0};
    int count = 0;
    for (int round = 0; round < w->n; round++)
        for (int i = 0; i < w->n; i++) {
            if (done[i] || (w->parent[i] != GENESIS && !done[w->parent[i]])) continue;
            done[i] = true;
            order[count++] = i;
        }
    return count == w->n;
}

static void make_all(world *w, const int order[BLOCKS_MAX]) {
    for (int k = 0; k < w->n; k++) {
        const int i = order[k];
        identity id = {.parent = w->parent[i] == GENESIS ? GENESIS : w->made[w->parent[i]],
                       .kind = w->kind[i],
                       .bad = i == w->bad};
        for (int j = 0; j < i; j++)
            id.like += w->parent[j] == w->parent[i] && w->kind[j] == w->kind[i];
        w->made[i] = make(w->f, &id);
    }
}

typedef struct {
    int n;
    bool parents_first; /* only orders in which parents come first */
    bool with_invalid;  /* each block in turn is invalid; else none */
    uint64_t compare_each;
} scope;

static uint64_t run_tree(world *w, const scope *s, const int order[BLOCKS_MAX], tally *t) {
    int colours = 1;
    const int bads = s->with_invalid ? s->n + 1 : 1;
    for (int i = 0; i < s->n; i++)
        colours *= KINDS;
    for (int c = 0; c < colours; c++)
        for (int b = 0; b < bads; b++) {
            for (int i = 0, rest = c; i < s->n; i++, rest /= KINDS)
                w->kind[i] = rest % KINDS;
            w->bad = s->n - b; /* none first */
            make_all(w, order);
            run(w, t, s->compare_each);
        }
    return (uint64_t)colours * (uint64_t)bads;
}

static uint64_t power(uint64_t base, int exponent) {
    return exponent == 0 ? 1 : base * power(base, exponent - 1);
}

static void run_all(factory *f, const scope *s, const char *rule) {
    tally t = {0};
    world w = {.f = f, .n = s->n};
    uint64_t trees = 0, codes = power((uint64_t)s->n + 1, s->n), expected = 1;
    const double begin = scale_seconds();
    for (uint64_t code = 0; code < codes; code++) {
        int order[BLOCKS_MAX];
        bool early = false;
        uint64_t rest = code;
        for (int i = 0; i < s->n; i++, rest /= (uint64_t)s->n + 1) {
            w.parent[i] = (int)(rest % ((uint64_t)s->n + 1)) - 1;
            early = early || w.parent[i] >= i;
        }
        if ((early && s->parents_first) || !parents_first(&w, order)) continue;
        run_tree(&w, s, order, &t);
        trees++;
    }
    if (s->parents_first)
        for (int i = 2; i <= s->n; i++)
            expected *= (uint64_t)i;
    assert_int_equal(trees, s->parents_first ? expected : power((uint64_t)s->n + 1, s->n - 1));
    assert_int_equal(t.worlds, trees * power(KINDS, s->n) * (s->with_invalid ? (uint64_t)s->n + 1 : 1));
    printf("forks, %s, %d blocks, %s: %llu trees and orders, %llu worlds of miners%s, %llu imports (%llu waited, %llu "
           "without ticket, %llu invalid), %llu reorganisations, %llu compared with a fresh chain, %.1f s\n",
           rule, s->n, s->parents_first ? "parents first" : "all orders", (unsigned long long)trees,
           (unsigned long long)t.worlds, s->with_invalid ? " and of one invalid block" : "",
           (unsigned long long)t.imports, (unsigned long long)t.waited, (unsigned long long)t.over,
           (unsigned long long)t.invalid, (unsigned long long)t.reorgs, (unsigned long long)t.compared,
           scale_seconds() - begin);
    fflush(stdout);
}

static void all_worlds(enum posw_difficulty_rule rule, const char *name) {
    const bool invalid = rule == POSW_DIFFICULTY_FIXED; /* in the largest worlds */
    const scope short_form[] = {{1, false, true, 1}, {2, false, true, 1}, {3, false, invalid, 31}};
    const scope long_form[] = {
        {1, false, true, 1}, {2, false, true, 1}, {3, false, true, 1}, {4, false, true, 15}, {5, true, invalid, 63}};
    factory f;
    factory_open(&f, rule);
    if (scale_is_long())
        for (size_t i = 0; i < POSW_ARRAY_SIZE(long_form); i++)
            run_all(&f, &long_form[i], name);
    else
        for (size_t i = 0; i < POSW_ARRAY_SIZE(short_form); i++)
            run_all(&f, &short_form[i], name);
    factory_close(&f);
}

static void equal_weights(void **state) {
    (void)state;
    all_worlds(POSW_DIFFICULTY_FIXED, "fixed");
}

static void unequal_weights(void **state) {
    (void)state;
    all_worlds(POSW_DIFFICULTY_STEP, "step");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_weights), cmocka_unit_test(unequal_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
