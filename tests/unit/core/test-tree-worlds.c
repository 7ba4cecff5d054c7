/* The fork choice in every small world: all block trees of up to seven blocks, in all orders of arrival, against a
 * naive one.
 *
 * Three miners whose blocks differ in difficulty (1, 2 or 3: on a chain where a miner's timestamp decides over it). The
 * naive fork choice is a list of what arrived, in which sums are made, branches walked and the heaviest looked for from
 * the beginning each time.
 *
 *   parents first    A tree in an order of arrival is the same as: each block in turn chooses its parent among genesis
 * and the blocks before it. That makes 7! = 5,040 for seven blocks, times 3^7 for who made them; all are walked as one
 * tree of choices, so that every state on the way is looked at once. Each state is compared in everything that can be
 * asked, and with every refusal. one invalid      The same, but somewhere on the way one block is found invalid: any
 * block, at any time. all orders       Each block has any parent at all that makes a tree: (n + 1)^(n - 1) by Cayley's
 * formula, 262,144 for seven blocks. One that comes before its parent is refused, changes nothing, and is offered again
 * when another block was added. The tip is looked at after each arrival. */
#include "posw/tree.h"

#include "base/scale.h"
#include "core/made.h"

enum { BLOCKS_MAX = 7, NODES_MAX = BLOCKS_MAX + 1, GENESIS_NUMBER = 100, GENESIS_WEIGHT = 50 };

/* ---- the naive tree: block 0 is genesis ---- */

typedef struct {
    uint32_t count;             /* blocks that exist, refused ones included */
    uint32_t parent[NODES_MAX]; /* by name */
    uint32_t difficulty[NODES_MAX];
    uint32_t index[NODES_MAX]; /* place of arrival in the real tree; NONE: not in it */
    uint32_t arrived;          /* in the tree, genesis included */
    uint32_t at[NODES_MAX];    /* the name of the i-th */
    uint32_t bad;              /* the name of the block that was found invalid; 0: none */
} list;

static posw_hash hash_of(uint32_t name) {
    posw_hash h;
    memset(h.b, (int)(0x10 + name), sizeof h.b);
    return h;
}

static uint32_t weight_of(const list *l, uint32_t name) {
    return name == 0 ? GENESIS_WEIGHT : l->difficulty[name] + weight_of(l, l->parent[name]);
}

static uint32_t number_of(const list *l, uint32_t name) {
    return name == 0 ? GENESIS_NUMBER : 1 + number_of(l, l->parent[name]);
}

static bool is_valid(const list *l, uint32_t name) {
    for (; name != 0; name = l->parent[name])
        if (name == l->bad) return false;
    return true;
}

static bool is_on(const list *l, uint32_t ancestor, uint32_t name) {
    while (name != ancestor && name != 0)
        name = l->parent[name];
    return name == ancestor;
}

/* The latest block that is on both branches. */
static uint32_t fork_of(const list *l, uint32_t a, uint32_t b) {
    while (!is_on(l, a, b))
        a = l->parent[a];
    return a;
}

/* F1 to F3. */
static uint32_t best_within(const list *l, uint32_t from, uint32_t reorg_max) {
    uint32_t best = POSW_TREE_NONE;
    for (uint32_t i = 0; i < l->arrived; i++) {
        const uint32_t name = l->at[i];
        if (!is_valid(l, name) || number_of(l, from) - number_of(l, fork_of(l, from, name)) > reorg_max) continue;
        if (best == POSW_TREE_NONE || weight_of(l, name) > weight_of(l, best)) best = name;
    }
    return best == POSW_TREE_NONE ? from : best;
}

static uint32_t naive_tip(const list *l) {
    return best_within(l, 0, 0);
}

/* ---- comparison ---- */

typedef struct {
    posw_tree *trees[NODES_MAX + 2]; /* after each choice */
    posw_tree *spare;
    size_t size;
    int blocks, difficulties;
    bool with_invalid, prune_all;
    uint64_t states, leaves, arrivals, waited;
} world;

static void compare_ancestors(const posw_tree *t, const list *l, uint32_t name) {
    for (uint32_t number = GENESIS_NUMBER - 1; number <= GENESIS_NUMBER + BLOCKS_MAX; number++) {
        uint32_t up = name;
        while (number_of(l, up) > number && up != 0)
            up = l->parent[up];
        const uint32_t want = number_of(l, up) == number ? l->index[up] : POSW_TREE_NONE;
        assert_int_equal(posw_tree_ancestor(t, l->index[name], number), want);
    }
}

static void compare_nodes(const posw_tree *t, const list *l) {
    assert_int_equal(posw_tree_count(t), l->arrived);
    for (uint32_t i = 0; i < l->arrived; i++) {
        const uint32_t name = l->at[i];
        const posw_tree_node *n = posw_tree_at(t, i);
        const posw_hash hash = hash_of(name);
        assert_true(posw_hash_equal(&n->hash, &hash));
        assert_int_equal(n->parent, name == 0 ? POSW_TREE_NONE : l->index[l->parent[name]]);
        assert_true(n->weight.w[0] == weight_of(l, name) && posw_u256_bits(&n->weight) < 64);
        assert_int_equal(n->number, number_of(l, name));
        assert_int_equal(n->is_valid, is_valid(l, name));
        assert_int_equal(posw_tree_find(t, &hash), i);
    }
}

static void compare_route(const posw_tree *t, const list *l, uint32_t from, uint32_t to) {
    uint32_t undo[NODES_MAX], apply[NODES_MAX], at = from;
    const uint32_t fork = fork_of(l, from, to), i = l->index[from], j = l->index[to];
    const posw_tree_route r = posw_tree_route_between(t, i, j);
    assert_int_equal(posw_tree_fork(t, i, j), l->index[fork]);
    assert_int_equal(r.fork, l->index[fork]);
    assert_int_equal(r.undo_count, number_of(l, from) - number_of(l, fork));
    assert_int_equal(r.apply_count, number_of(l, to) - number_of(l, fork));
    posw_tree_route_list(t, &r, i, j, undo, apply);
    for (uint32_t k = 0; k < r.undo_count; k++, at = l->parent[at])
        assert_int_equal(undo[k], l->index[at]);
    at = to;
    for (uint32_t k = r.apply_count; k-- > 0; at = l->parent[at])
        assert_int_equal(apply[k], l->index[at]);
    for (uint32_t limit = 0; limit <= BLOCKS_MAX; limit++)
        assert_int_equal(posw_tree_reorg_allowed(t, i, j, limit), r.undo_count <= limit);
}

/* Whatever is refused leaves every byte as it was. */
static void compare_refusals(const world *x, posw_tree *t, const list *l) {
    const posw_u256 one = u64(1);
    uint32_t index = 77;
    memcpy(x->spare, t, x->size);
    for (uint32_t name = 0; name < l->count; name++) {
        const posw_hash fresh = hash_of(NODES_MAX + 1), hash = hash_of(name);
        if (l->index[name] != POSW_TREE_NONE) {
            assert_int_equal(posw_tree_insert(t, &index, &hash, &fresh, &one), POSW_TREE_KNOWN);
            assert_int_equal(index, l->index[name]);
            if (is_valid(l, name)) continue;
            assert_int_equal(posw_tree_insert(t, &index, &fresh, &hash, &one), POSW_TREE_INVALID_PARENT);
            assert_int_equal(posw_tree_invalidate(t, l->index[name]), 0);
        } else {
            assert_int_equal(posw_tree_find(t, &hash), POSW_TREE_NONE);
            assert_int_equal(posw_tree_insert(t, &index, &fresh, &hash, &one), POSW_TREE_NO_PARENT);
        }
    }
    if (l->arrived == posw_tree_capacity(t)) {
        const posw_hash fresh = hash_of(NODES_MAX + 1), parent = hash_of(0);
        assert_int_equal(posw_tree_insert(t, &index, &fresh, &parent, &one), POSW_TREE_FULL);
    }
    assert_memory_equal(x->spare, t, x->size);
}

static void compare_within(posw_tree *t, const list *l, uint32_t first) {
    for (uint32_t i = first; i < l->arrived; i++)
        for (uint32_t limit = 0; limit <= 3; limit++)
            assert_int_equal(posw_tree_tip_within(t, i, limit), l->index[best_within(l, l->at[i], limit)]);
}

/* A copy that is cut at each height of the best chain keeps what descends from there, in order. */
static void compare_pruned(const world *x, const posw_tree *t, const list *l) {
    const uint32_t tip = naive_tip(l);
    for (uint32_t number = GENESIS_NUMBER; number <= number_of(l, tip); number++) {
        uint32_t root = tip, kept = 0;
        while (number_of(l, root) > number)
            root = l->parent[root];
        memcpy(x->spare, t, x->size);
        const uint32_t forgotten = posw_tree_prune(x->spare, number);
        for (uint32_t i = 0; i < l->arrived; i++) {
            const posw_hash hash = hash_of(l->at[i]);
            const bool stays = is_on(l, root, l->at[i]);
            assert_int_equal(posw_tree_find(x->spare, &hash), stays ? kept : POSW_TREE_NONE);
            if (l->at[i] == tip) assert_int_equal(posw_tree_tip(x->spare), kept);
            if (!stays) continue;
            const posw_tree_node *n = posw_tree_at(x->spare, kept++);
            assert_int_equal(n->weight.w[0], weight_of(l, l->at[i]));
            assert_int_equal(n->is_valid, is_valid(l, l->at[i]));
            assert_int_equal(n->number, number_of(l, l->at[i]));
        }
        assert_int_equal(posw_tree_count(x->spare), kept);
        assert_int_equal(forgotten, l->arrived - kept);
    }
}

/* Everything; but in the largest worlds of several miners, of which there are millions, ways from block to block, which
 * do not depend on miners, are left to the world of one miner, and reorganisations are asked for from the last block
 * only. */
static void compare(world *x, posw_tree *t, const list *l) {
    const bool all = l->arrived < BLOCKS_MAX || x->difficulties == 1;
    x->states++;
    assert_int_equal(posw_tree_tip(t), l->index[naive_tip(l)]);
    compare_nodes(t, l);
    for (uint32_t i = 0; all && i < l->arrived; i++)
        compare_ancestors(t, l, l->at[i]);
    for (uint32_t i = 0; all && i < l->arrived; i++)
        for (uint32_t j = 0; j < l->arrived; j++)
            compare_route(t, l, l->at[i], l->at[j]);
    compare_refusals(x, t, l);
    compare_within(t, l, all ? 0 : l->arrived - 1);
    if (l->arrived < 6 || (l->arrived < BLOCKS_MAX && x->prune_all) || x->difficulties == 1) compare_pruned(x, t, l);
}

/* ---- choices ---- */

static list only_genesis(void) {
    list l = {.count = 1, .arrived = 1};
    for (int i = 1; i < NODES_MAX; i++)
        l.index[i] = POSW_TREE_NONE;
    return l;
}

/* Offers a block by name; what must come of it follows from the list. */
static enum posw_tree_result offer(posw_tree *t, list *l, uint32_t name) {
    const uint32_t parent = l->parent[name];
    const posw_hash hash = hash_of(name), parent_hash = hash_of(parent);
    const posw_u256 difficulty = u64(l->difficulty[name]);
    uint32_t index = 77;
    const enum posw_tree_result r = posw_tree_insert(t, &index, &hash, &parent_hash, &difficulty);
    const enum posw_tree_result want = l->index[parent] == POSW_TREE_NONE ? POSW_TREE_NO_PARENT
                                       : is_valid(l, parent)              ? POSW_TREE_ADDED
                                                                          : POSW_TREE_INVALID_PARENT;
    assert_int_equal(r, want);
    assert_int_equal(index, r == POSW_TREE_ADDED ? l->arrived : 77);
    if (r != POSW_TREE_ADDED) return r;
    l->index[name] = l->arrived;
    l->at[l->arrived++] = name;
    return r;
}

static void walk(world *x, int depth, const list *before);

/* The next block: any parent, any miner. */
static void choose_block(world *x, int depth, const list *before) {
    for (uint32_t parent = 0; parent < before->count; parent++)
        for (uint32_t difficulty = 1; difficulty <= (uint32_t)x->difficulties; difficulty++) {
            list l = *before;
            posw_tree *t = x->trees[depth + 1];
            memcpy(t, x->trees[depth], x->size);
            l.parent[l.count] = parent;
            l.difficulty[l.count] = difficulty;
            (void)offer(t, &l, l.count++);
            compare(x, t, &l);
            walk(x, depth + 1, &l);
        }
}

/* Any block that is there is found invalid. */
static void choose_invalid(world *x, int depth, const list *before) {
    for (uint32_t i = 1; i < before->arrived; i++) {
        list l = *before;
        posw_tree *t = x->trees[depth + 1];
        uint32_t lost = 0;
        memcpy(t, x->trees[depth], x->size);
        l.bad = l.at[i];
        for (uint32_t k = 1; k < l.arrived; k++)
            lost += !is_valid(&l, l.at[k]);
        assert_int_equal(posw_tree_invalidate(t, i), lost);
        compare(x, t, &l);
        walk(x, depth + 1, &l);
    }
}

static void walk(world *x, int depth, const list *l) {
    if ((int)l->count <= x->blocks) choose_block(x, depth, l);
    if (x->with_invalid && l->bad == 0) choose_invalid(x, depth, l);
    if ((int)l->count == x->blocks + 1 && (!x->with_invalid || l->bad != 0)) x->leaves++;
}

static void open_world(world *x, int blocks, int difficulties) {
    *x = (world){.blocks = blocks, .difficulties = difficulties};
    x->size = posw_tree_size((uint32_t)blocks + 1);
    const uint64_t seed[2] = {1, 2};
    const posw_hash root = hash_of(0);
    const posw_u256 weight = u64(GENESIS_WEIGHT);
    for (int i = 0; i <= blocks + 2; i++) {
        void **memory = (void **)(i == blocks + 2 ? &x->spare : &x->trees[i]);
        assert_int_equal(posix_memalign(memory, 16, x->size), 0);
        memset(*memory, 0xa5, x->size);
    }
    assert_ptr_equal(posw_tree_init(x->trees[0], (uint32_t)blocks + 1, seed, &root, GENESIS_NUMBER, &weight),
                     x->trees[0]);
}

static void close_world(world *x) {
    for (int i = 0; i <= x->blocks + 1; i++)
        free(x->trees[i]);
    free(x->spare);
}

static uint64_t power(uint64_t base, int exponent) {
    uint64_t p = 1;
    for (int i = 0; i < exponent; i++)
        p *= base;
    return p;
}

static uint64_t factorial(int n) {
    uint64_t f = 1;
    for (int i = 2; i <= n; i++)
        f *= (uint64_t)i;
    return f;
}

static void run_choices(int blocks, int difficulties, bool with_invalid) {
    world x;
    const double begin = scale_seconds();
    open_world(&x, blocks, difficulties);
    x.with_invalid = with_invalid;
    x.prune_all = scale_is_long() && !with_invalid;
    const list l = only_genesis();
    compare(&x, x.trees[0], &l);
    walk(&x, 0, &l);
    uint64_t want = factorial(blocks) * power((uint64_t)difficulties, blocks);
    /* With an invalid one: after the k-th block, one of the k that are there. */
    if (with_invalid) want *= (uint64_t)(blocks * (blocks + 1) / 2);
    assert_int_equal(x.leaves, want);
    printf("fork choice, %d blocks of %d miners, parents first%s: %llu worlds, %llu states compared, %.1f s\n", blocks,
           difficulties, with_invalid ? ", one found invalid" : "", (unsigned long long)x.leaves,
           (unsigned long long)x.states, scale_seconds() - begin);
    fflush(stdout);
    close_world(&x);
}

static void test_parents_first(void **state) {
    (void)state;
    run_choices((int)scale_of(6, 7), 1, false);
    run_choices((int)scale_of(5, 7), 3, false);
}

static void test_one_invalid(void **state) {
    (void)state;
    run_choices((int)scale_of(4, 6), 3, true);
    run_choices((int)scale_of(5, 7), scale_is_long() ? 2 : 1, true);
}

/* ---- all orders ---- */

/* True if every block leads to genesis. */
static bool is_tree(const list *l) {
    for (uint32_t name = 1; name < l->count; name++) {
        uint32_t at = name, steps = 0;
        while (at != 0 && steps++ < l->count)
            at = l->parent[at];
        if (at != 0) return false;
    }
    return true;
}

/* Block `name` arrives, and those that waited for it follow in the order of their arrival. */
static void arrive(world *x, list *l, uint32_t name) {
    posw_tree *t = x->trees[name];
    memcpy(t, x->trees[name - 1], x->size);
    x->arrivals++;
    x->waited += offer(t, l, name) != POSW_TREE_ADDED;
    for (uint32_t k = 1; k <= name; k++) {
        if (l->index[k] != POSW_TREE_NONE || offer(t, l, k) != POSW_TREE_ADDED) continue;
        k = 0;
    }
    assert_int_equal(posw_tree_tip(t), l->index[naive_tip(l)]);
}

/* All choices of who made block `name` and those that arrive after it: what arrived before is the same for all. */
static void walk_miners(world *x, const list *before, uint32_t name) {
    if (name == before->count) {
        assert_int_equal(before->arrived, before->count);
        x->leaves++;
        return;
    }
    for (int d = 1; d <= x->difficulties; d++) {
        list l = *before;
        l.difficulty[name] = (uint32_t)d;
        arrive(x, &l, name);
        walk_miners(x, &l, name + 1);
    }
}

static void run_orders(int blocks, int difficulties) {
    world x;
    const double begin = scale_seconds();
    const uint64_t codes = power((uint64_t)blocks + 1, blocks);
    uint64_t trees = 0;
    open_world(&x, blocks, difficulties);
    for (uint64_t code = 0; code < codes; code++) {
        list shape = only_genesis();
        uint64_t rest = code;
        for (shape.count = 1; (int)shape.count <= blocks; shape.count++, rest /= (uint64_t)blocks + 1)
            shape.parent[shape.count] = (uint32_t)(rest % ((uint64_t)blocks + 1));
        if (!is_tree(&shape)) continue;
        trees++;
        walk_miners(&x, &shape, 1);
    }
    assert_int_equal(trees, power((uint64_t)blocks + 1, blocks - 1)); /* Cayley */
    assert_int_equal(x.leaves, trees * power((uint64_t)difficulties, blocks));
    printf("fork choice, %d blocks of %d miners, all orders: %llu trees and orders, %llu worlds, %llu arrivals of "
           "which %llu "
           "had to wait, %.1f s\n",
           blocks, difficulties, (unsigned long long)trees, (unsigned long long)x.leaves,
           (unsigned long long)x.arrivals, (unsigned long long)x.waited, scale_seconds() - begin);
    fflush(stdout);
    close_world(&x);
}

static void test_all_orders(void **state) {
    (void)state;
    if (!scale_is_long()) {
        run_orders(5, 3);
        run_orders(7, 1);
        return;
    }
    for (int blocks = 1; blocks <= 7; blocks++)
        run_orders(blocks, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parents_first), cmocka_unit_test(test_one_invalid),
                                       cmocka_unit_test(test_all_orders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
