/* The tree of headers against a naive model that keeps a list of all that was ever inserted and recomputes every answer
 * from the words of F1 to F3. */
#include "posw/tree.h"

#include "core/made.h"

/* ---- the model ---- */

enum { MODEL_MAX = 400 };
typedef struct {
    posw_hash hash;
    int parent; /* -1: the root */
    posw_u256 difficulty;
    bool marked; /* invalid by itself */
    bool gone;   /* pruned */
} model_node;

typedef struct {
    int count, root;
    uint64_t root_number;
    posw_u256 root_weight;
    model_node nodes[MODEL_MAX];
} model;

static uint64_t model_number(const model *m, int i) {
    return i == m->root ? m->root_number : model_number(m, m->nodes[i].parent) + 1;
}

/* F1 */
static posw_u256 model_weight(const model *m, int i) {
    if (i == m->root) return m->root_weight;
    const posw_u256 below = model_weight(m, m->nodes[i].parent);
    return plus(&below, &m->nodes[i].difficulty);
}

static bool model_descends(const model *m, int i, int from) {
    for (; i >= 0 && i != from; i = m->nodes[i].parent)
        ;
    return i == from;
}

static bool model_valid(const model *m, int i) {
    for (; i != m->root; i = m->nodes[i].parent)
        if (m->nodes[i].marked) return false;
    return true;
}

/* F1, F2 among what descends from `anchor`; -1: nothing valid. */
static int model_best(const model *m, int anchor) {
    int best = -1;
    for (int i = 0; i < m->count; i++) {
        if (m->nodes[i].gone || !model_descends(m, i, anchor) || !model_valid(m, i)) continue;
        const posw_u256 weight = model_weight(m, i), most = best < 0 ? POSW_U256_ZERO : model_weight(m, best);
        if (best < 0 || posw_u256_cmp(&weight, &most) > 0) best = i;
    }
    return best;
}

static int model_ancestor(const model *m, int i, uint64_t number) {
    while (model_number(m, i) > number)
        i = m->nodes[i].parent;
    return i;
}

static int model_fork(const model *m, int a, int b) {
    while (!model_descends(m, b, a))
        a = m->nodes[a].parent;
    return a;
}

/* The index in the tree of the model's node. */
static uint32_t index_of(const posw_tree *t, const model *m, int i) {
    return posw_tree_find(t, &m->nodes[i].hash);
}

static bool is_node(const posw_tree *t, const model *m, uint32_t index, int i) {
    return posw_hash_equal(&posw_tree_at(t, index)->hash, &m->nodes[i].hash);
}

/* ---- everything agrees ---- */

static void assert_nodes_agree(const posw_tree *t, const model *m) {
    uint32_t next = 0;
    for (int i = 0; i < m->count; i++) {
        const uint32_t index = index_of(t, m, i);
        if (m->nodes[i].gone) {
            assert_true(index == POSW_TREE_NONE);
            continue;
        }
        assert_int_equal(index, next++); /* in the order of insertion */
        const posw_tree_node *n = posw_tree_at(t, index);
        const posw_u256 weight = model_weight(m, i);
        assert_memory_equal(&n->hash, &m->nodes[i].hash, sizeof n->hash);
        assert_u256(&n->weight, &weight);
        assert_true(n->number == model_number(m, i));
        assert_true(n->is_valid == model_valid(m, i));
        if (i == m->root)
            assert_true(n->parent == POSW_TREE_NONE);
        else
            assert_true(n->parent == index_of(t, m, m->nodes[i].parent));
    }
    assert_int_equal(posw_tree_count(t), next);
    assert_true(is_node(t, m, posw_tree_tip(t), model_best(m, m->root)));
}

static void assert_route(const posw_tree *t, const model *m, int from, int to) {
    uint32_t undo[MODEL_MAX], apply[MODEL_MAX];
    const uint32_t a = index_of(t, m, from), b = index_of(t, m, to);
    const posw_tree_route r = posw_tree_route_between(t, a, b);
    const int fork = model_fork(m, from, to);
    assert_true(is_node(t, m, r.fork, fork) && posw_tree_fork(t, a, b) == r.fork && posw_tree_fork(t, b, a) == r.fork);
    const uint64_t depth = model_number(m, from) - model_number(m, fork);
    assert_int_equal(r.undo_count, depth);
    assert_int_equal(r.apply_count, model_number(m, to) - model_number(m, fork));
    posw_tree_route_list(t, &r, a, b, undo, apply);
    int at = from;
    for (uint32_t i = 0; i < r.undo_count; at = m->nodes[at].parent)
        assert_true(is_node(t, m, undo[i++], at));
    assert_int_equal(at, fork);
    at = to;
    for (uint32_t i = r.apply_count; i > 0; at = m->nodes[at].parent)
        assert_true(is_node(t, m, apply[--i], at));
    assert_int_equal(at, fork);
    assert_true(posw_tree_reorg_allowed(t, a, b, depth));
    assert_true(depth == 0 || !posw_tree_reorg_allowed(t, a, b, depth - 1));
}

static void assert_reach(posw_tree *t, const model *m, int from, uint64_t reorg_max) {
    const uint64_t number = model_number(m, from),
                   low = number - m->root_number < reorg_max ? m->root_number : number - reorg_max;
    const int want = model_best(m, model_ancestor(m, from, low));
    const uint32_t got = posw_tree_tip_within(t, index_of(t, m, from), reorg_max);
    assert_true(is_node(t, m, got, want < 0 ? from : want));
}

static int random_node(const model *m, uint64_t *seed) {
    for (;;) {
        const int i = (int)random_below(seed, (uint64_t)m->count);
        if (!m->nodes[i].gone) return i;
    }
}

static void assert_ways_agree(posw_tree *t, const model *m, uint64_t *seed) {
    const int a = random_node(m, seed), b = random_node(m, seed);
    assert_route(t, m, a, b);
    assert_reach(t, m, a, random_below(seed, 8));
    const uint64_t number = model_number(m, a), at = m->root_number + random_below(seed, number - m->root_number + 1);
    assert_true(is_node(t, m, posw_tree_ancestor(t, index_of(t, m, a), at), model_ancestor(m, a, at)));
    assert_true(posw_tree_ancestor(t, index_of(t, m, a), number + 1) == POSW_TREE_NONE);
    assert_true(posw_tree_ancestor(t, index_of(t, m, a), m->root_number - 1) == POSW_TREE_NONE);
}

/* ---- trees ---- */

static posw_hash random_hash(uint64_t *seed) {
    posw_hash h;
    random_bytes(seed, h.b, sizeof h.b);
    return h;
}

static void *tree_memory(uint32_t capacity) {
    const size_t size = (posw_tree_size(capacity) + 15) & ~(size_t)15;
    void *memory = aligned_alloc(16, size);
    assert_non_null(memory);
    memset(memory, 0xa5, size); /* nothing may depend on fresh memory */
    return memory;
}

typedef struct {
    posw_tree *t;
    model m;
    uint64_t seed;
    uint32_t capacity;
} walk;

static void start(walk *x, uint32_t capacity, uint64_t number) {
    const uint64_t key[2] = {random_next(&x->seed), random_next(&x->seed)};
    x->capacity = capacity;
    x->m.count = 1;
    x->m.root = 0;
    x->m.root_number = number;
    x->m.root_weight = random_u256(&x->seed, 100);
    x->m.nodes[0] = (model_node){.hash = random_hash(&x->seed), .parent = -1};
    x->t = posw_tree_init(tree_memory(capacity), capacity, key, &x->m.nodes[0].hash, number, &x->m.root_weight);
}

static void insert_new(walk *x, int parent, posw_u256 difficulty) {
    model *m = &x->m;
    uint32_t index = 77;
    const model_node n = {.hash = random_hash(&x->seed), .parent = parent, .difficulty = difficulty};
    const uint32_t count = posw_tree_count(x->t);
    const enum posw_tree_result got = posw_tree_insert(x->t, &index, &n.hash, &m->nodes[parent].hash, &difficulty);
    const enum posw_tree_result want = m->nodes[parent].gone     ? POSW_TREE_NO_PARENT
                                       : !model_valid(m, parent) ? POSW_TREE_INVALID_PARENT
                                       : count == x->capacity    ? POSW_TREE_FULL
                                                                 : POSW_TREE_ADDED;
    assert_int_equal(got, want);
    assert_int_equal(index, want == POSW_TREE_ADDED ? count : 77);
    if (want == POSW_TREE_ADDED) m->nodes[m->count++] = n;
}

static void insert_known(walk *x) {
    const int i = random_node(&x->m, &x->seed);
    uint32_t index = 77;
    const posw_hash nobody = random_hash(&x->seed);
    assert_int_equal(posw_tree_insert(x->t, &index, &x->m.nodes[i].hash, &nobody, &POSW_U256_ONE), POSW_TREE_KNOWN);
    assert_int_equal(index, index_of(x->t, &x->m, i));
    assert_int_equal(posw_tree_insert(x->t, &index, &nobody, &nobody, &POSW_U256_ONE), POSW_TREE_NO_PARENT);
    assert_int_equal(posw_tree_insert(x->t, NULL, &x->m.nodes[i].hash, &nobody, &POSW_U256_ONE), POSW_TREE_KNOWN);
}

static void invalidate(walk *x, int i) {
    if (i == x->m.root) return;
    uint32_t want = 0;
    for (int k = 0; k < x->m.count; k++)
        want += !x->m.nodes[k].gone && model_valid(&x->m, k) && model_descends(&x->m, k, i);
    assert_int_equal(posw_tree_invalidate(x->t, index_of(x->t, &x->m, i)), want);
    x->m.nodes[i].marked = true;
}

static void prune(walk *x, uint64_t number) {
    model *m = &x->m;
    const int root = model_ancestor(m, model_best(m, m->root), number);
    const posw_u256 weight = model_weight(m, root);
    uint32_t want = 0;
    for (int i = 0; i < m->count; i++) {
        if (m->nodes[i].gone || model_descends(m, i, root)) continue;
        m->nodes[i].gone = true;
        want++;
    }
    assert_int_equal(posw_tree_prune(x->t, number), want);
    m->root = root;
    m->root_number = number;
    m->root_weight = weight;
}

/* Near the end of the list more often than not, so that the tree is high as well as wide. */
static int random_parent(walk *x) {
    if (random_below(&x->seed, 3) == 0) return (int)random_below(&x->seed, (uint64_t)x->m.count);
    const uint64_t near = x->m.count < 6 ? (uint64_t)x->m.count : 6;
    return x->m.count - 1 - (int)random_below(&x->seed, near);
}

static void random_walk(uint64_t seed, unsigned bits, uint32_t capacity, int steps) {
    walk *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->seed = seed;
    start(x, capacity, 1 + random_below(&x->seed, 1000));
    assert_nodes_agree(x->t, &x->m);
    for (int step = 0; step < steps; step++) {
        insert_new(x, random_parent(x), random_u256(&x->seed, bits));
        if (random_below(&x->seed, 10) == 0) insert_known(x);
        if (random_below(&x->seed, 12) == 0) invalidate(x, random_node(&x->m, &x->seed));
        if (random_below(&x->seed, 40) == 0) {
            const uint64_t tip = posw_tree_at(x->t, posw_tree_tip(x->t))->number;
            const uint64_t back = random_below(&x->seed, 12);
            if (tip >= x->m.root_number + back) prune(x, tip - back);
        }
        assert_nodes_agree(x->t, &x->m);
        assert_ways_agree(x->t, &x->m, &x->seed);
    }
    free(x->t);
    free(x);
}

static void test_random(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed++)
        random_walk(seed, seed % 3 == 0 ? 200 : 2, seed % 4 == 0 ? 25 : MODEL_MAX, 120);
}

/* ---- the order of arrival decides nothing but ties ---- */

enum { ORDER_NODES = 40 };
typedef struct {
    posw_hash hash;
    int parent;
    uint64_t difficulty;
} header;

/* Inserts in this order, once more whatever came before its parent. */
static void insert_all(posw_tree *t, const header *headers, const int *order) {
    bool waits = true;
    while (waits) {
        waits = false;
        for (int i = 1; i < ORDER_NODES; i++) {
            const header *h = &headers[order[i]];
            const posw_u256 difficulty = u64(h->difficulty);
            if (posw_tree_insert(t, NULL, &h->hash, &headers[h->parent].hash, &difficulty) == POSW_TREE_NO_PARENT)
                waits = true;
        }
    }
}

static void shuffle(int *order, uint64_t *seed) {
    for (int i = 1; i < ORDER_NODES; i++)
        order[i] = i;
    for (int i = ORDER_NODES - 1; i > 1; i--) {
        const int k = 1 + (int)random_below(seed, (uint64_t)i), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
}

static uint64_t weight_of(const header *headers, int i) {
    return i == 0 ? 0 : headers[i].difficulty + weight_of(headers, headers[i].parent);
}

static void check_order(const posw_tree *t, const header *headers, uint64_t best, int best_count, int bad) {
    for (int i = 0; i < ORDER_NODES; i++) {
        const posw_tree_node *n = posw_tree_at(t, posw_tree_find(t, &headers[i].hash));
        assert_u256_is(&n->weight, weight_of(headers, i));
        bool descends = false;
        for (int k = i; k > 0; k = headers[k].parent)
            descends = descends || k == bad;
        assert_true(n->is_valid == !descends);
    }
    const posw_tree_node *tip = posw_tree_at(t, posw_tree_tip(t));
    assert_u256_is(&tip->weight, best);
    for (uint32_t i = 0; best_count > 1 && i < posw_tree_tip(t); i++) { /* the first seen of the best */
        const posw_tree_node *n = posw_tree_at(t, i);
        assert_true(!n->is_valid || n->weight.w[0] < best);
    }
}

/* Weight and number of the best that do not descend from `bad`. */
static void find_best(const header *headers, int bad, uint64_t *best, int *count) {
    *best = 0;
    *count = 0;
    for (int i = 0; i < ORDER_NODES; i++) {
        bool descends = false;
        for (int k = i; k > 0; k = headers[k].parent)
            descends = descends || k == bad;
        const uint64_t w = weight_of(headers, i);
        if (descends || w < *best) continue;
        *count = w == *best ? *count + 1 : 1;
        *best = w;
    }
}

static void test_order(void **state) {
    (void)state;
    uint64_t seed = 5;
    void *memory = tree_memory(ORDER_NODES);
    for (int round = 0; round < 60; round++) {
        header headers[ORDER_NODES];
        for (int i = 0; i < ORDER_NODES; i++)
            headers[i] = (header){random_hash(&seed), i == 0 ? 0 : (int)random_below(&seed, (uint64_t)i),
                                  1 + random_below(&seed, round % 2 == 0 ? 2 : 1000)};
        for (int i = 0; i < 10; i++) {
            int order[ORDER_NODES], best_count;
            uint64_t best;
            const uint64_t key[2] = {random_next(&seed), random_next(&seed)};
            posw_tree *t = posw_tree_init(memory, ORDER_NODES, key, &headers[0].hash, 0, &POSW_U256_ZERO);
            shuffle(order, &seed);
            insert_all(t, headers, order);
            find_best(headers, -1, &best, &best_count);
            check_order(t, headers, best, best_count, -1);
            const int bad = 1 + (int)random_below(&seed, ORDER_NODES - 1);
            posw_tree_invalidate(t, posw_tree_find(t, &headers[bad].hash));
            find_best(headers, bad, &best, &best_count);
            check_order(t, headers, best, best_count, bad);
        }
    }
    free(memory);
}

/* ---- the example of the header ---- */

static posw_hash named(unsigned name) {
    posw_hash h = {{0}};
    h.b[31] = (uint8_t)name;
    return h;
}

static void example(posw_tree *t, unsigned name, unsigned parent, uint64_t difficulty, unsigned tip) {
    const posw_hash hash = named(name), below = named(parent);
    const posw_u256 d = u64(difficulty);
    uint32_t index;
    assert_int_equal(posw_tree_insert(t, &index, &hash, &below, &d), POSW_TREE_ADDED);
    assert_int_equal(index, name);
    assert_int_equal(posw_tree_tip(t), tip);
}

static void test_example(void **state) {
    (void)state;
    const posw_hash root = named(0);
    void *memory = tree_memory(7);
    posw_tree *t = posw_tree_init(memory, 7, (const uint64_t[]){1, 2}, &root, 0, &POSW_U256_ZERO);
    assert_int_equal(posw_tree_tip(t), 0);
    example(t, 1, 0, 5, 1);
    example(t, 2, 1, 4, 2);
    example(t, 3, 1, 4, 2);
    example(t, 4, 2, 4, 4);
    example(t, 5, 3, 4, 4);
    example(t, 6, 5, 4, 6);
    const posw_tree_route r = posw_tree_route_between(t, 4, 6);
    uint32_t undo[2], apply[3];
    assert_true(r.fork == 1 && r.undo_count == 2 && r.apply_count == 3);
    posw_tree_route_list(t, &r, 4, 6, undo, apply);
    assert_true(undo[0] == 4 && undo[1] == 2 && apply[0] == 3 && apply[1] == 5 && apply[2] == 6);
    posw_tree_route_list(t, &r, 4, 6, NULL, NULL);
    assert_false(posw_tree_reorg_allowed(t, 4, 6, 1));
    assert_true(posw_tree_reorg_allowed(t, 4, 6, 2));
    assert_int_equal(posw_tree_tip_within(t, 4, 1), 4);
    assert_int_equal(posw_tree_tip_within(t, 4, 2), 6);
    assert_int_equal(posw_tree_invalidate(t, 5), 2);
    assert_int_equal(posw_tree_invalidate(t, 6), 0);
    assert_int_equal(posw_tree_tip(t), 4);
    assert_int_equal(posw_tree_invalidate(t, 1), 4);
    assert_int_equal(posw_tree_tip(t), 0);
    assert_int_equal(posw_tree_tip_within(t, 6, 2), 6); /* nothing valid within reach */
    free(memory);
}

/* ---- limits ---- */

static void test_full(void **state) {
    (void)state;
    enum { CAPACITY = 1000 };
    const posw_u256 one = POSW_U256_ONE;
    void *memory = tree_memory(CAPACITY);
    uint64_t seed = 3;
    posw_hash hashes[CAPACITY + 1], first = random_hash(&seed);
    posw_tree *t = posw_tree_init(memory, CAPACITY, (const uint64_t[]){0, 0}, &first, 0, &one);
    hashes[0] = first;
    for (int i = 1; i <= CAPACITY; i++)
        hashes[i] = random_hash(&seed);
    for (int i = 1; i < CAPACITY; i++)
        assert_int_equal(posw_tree_insert(t, NULL, &hashes[i], &hashes[i - 1], &one), POSW_TREE_ADDED);
    assert_int_equal(posw_tree_count(t), CAPACITY);
    assert_int_equal(posw_tree_capacity(t), CAPACITY);
    assert_int_equal(posw_tree_insert(t, NULL, &hashes[CAPACITY], &hashes[CAPACITY - 1], &one), POSW_TREE_FULL);
    assert_int_equal(posw_tree_insert(t, NULL, &hashes[7], &hashes[6], &one), POSW_TREE_KNOWN);
    assert_int_equal(posw_tree_find(t, &hashes[CAPACITY]), POSW_TREE_NONE);
    assert_int_equal(posw_tree_tip(t), CAPACITY - 1);
    assert_int_equal(posw_tree_prune(t, 0), 0);
    assert_int_equal(posw_tree_prune(t, 600), 600);
    assert_int_equal(posw_tree_prune(t, 600), 0);
    assert_int_equal(posw_tree_count(t), 400);
    assert_int_equal(posw_tree_find(t, &hashes[599]), POSW_TREE_NONE);
    assert_int_equal(posw_tree_find(t, &hashes[600]), 0);
    assert_int_equal(posw_tree_insert(t, NULL, &hashes[CAPACITY], &hashes[CAPACITY - 1], &one), POSW_TREE_ADDED);
    assert_u256_is(&posw_tree_at(t, posw_tree_tip(t))->weight, CAPACITY + 1);
    free(memory);

    memory = tree_memory(1); /* the root alone */
    t = posw_tree_init(memory, 1, (const uint64_t[]){0, 0}, &first, 9, &one);
    assert_int_equal(posw_tree_insert(t, NULL, &hashes[1], &first, &one), POSW_TREE_FULL);
    assert_int_equal(posw_tree_find(t, &first), 0);
    assert_int_equal(posw_tree_find(t, &hashes[1]), POSW_TREE_NONE);
    assert_int_equal(posw_tree_prune(t, 9), 0);
    free(memory);
}

static void test_numbers(void **state) {
    (void)state;
    void *memory = tree_memory(8);
    const posw_hash a = named(1), b = named(2), c = named(3), d = named(4);
    posw_tree *t = posw_tree_init(memory, 8, (const uint64_t[]){4, 5}, &a, UINT64_MAX - 1, &POSW_U256_ONE);
    assert_int_equal(posw_tree_insert(t, NULL, &b, &a, &POSW_U256_MAX), POSW_TREE_ADDED);
    assert_int_equal(posw_tree_insert(t, NULL, &c, &b, &POSW_U256_ONE), POSW_TREE_INVALID_PARENT);
    assert_u256(&posw_tree_at(t, 1)->weight, &POSW_U256_MAX); /* stops there */
    assert_int_equal(posw_tree_insert(t, NULL, &d, &a, &POSW_U256_MAX), POSW_TREE_ADDED);
    assert_int_equal(posw_tree_tip(t), 1);
    assert_int_equal(posw_tree_prune(t, UINT64_MAX), 2);
    assert_int_equal(posw_tree_tip(t), 0);
    for (int r = POSW_TREE_ADDED; r <= POSW_TREE_FULL; r++)
        assert_true(strlen(posw_tree_result_text((enum posw_tree_result)r)) > 10);
    assert_string_equal(posw_tree_result_text((enum posw_tree_result)5), "");
    free(memory);
}

/* Hashes that agree in all but the last bytes. And a copy of the memory is a tree of its own. */
static void test_alike_and_copied(void **state) {
    (void)state;
    enum { CAPACITY = 5000 };
    void *memory = tree_memory(CAPACITY), *copy = tree_memory(CAPACITY);
    const posw_hash root = {{1}};
    posw_hash h = {{0}};
    posw_tree *t = posw_tree_init(memory, CAPACITY, (const uint64_t[]){6, 7}, &root, 0, &POSW_U256_ZERO);
    for (uint32_t i = 1; i < CAPACITY; i++) {
        posw_store_be32(h.b + 28, i);
        assert_int_equal(posw_tree_insert(t, NULL, &h, &root, &POSW_U256_ONE), POSW_TREE_ADDED);
        if (i == CAPACITY / 2) memcpy(copy, memory, posw_tree_size(CAPACITY));
    }
    assert_int_equal(posw_tree_tip(t), 1);
    assert_int_equal(posw_tree_find(t, &h), CAPACITY - 1);
    assert_int_equal(posw_tree_invalidate(t, 1), 1);
    const posw_tree *old = copy;
    assert_int_equal(posw_tree_count(old), CAPACITY / 2 + 1);
    assert_int_equal(posw_tree_find(old, &h), POSW_TREE_NONE);
    assert_true(posw_tree_at(old, 1)->is_valid);
    assert_int_equal(posw_tree_tip(old), 1);
    assert_int_equal(posw_tree_tip(t), 2);
    free(memory);
    free(copy);
}

static void test_size(void **state) {
    (void)state;
    for (uint32_t capacity = 1; capacity <= 100000; capacity = capacity * 3 + 1) {
        const size_t size = posw_tree_size(capacity);
        assert_true(size >= (size_t)88 * capacity && size <= (size_t)96 * capacity + 64);
    }
    assert_true(posw_tree_size(POSW_TREE_NODES_MAX) > posw_tree_size(POSW_TREE_NODES_MAX - 1));
}

/* ---- misuse ---- */

static void no_nodes(void *arg) {
    (void)arg, (void)posw_tree_size(0);
}
static void too_many_nodes(void *arg) {
    (void)arg, (void)posw_tree_size(POSW_TREE_NODES_MAX + 1);
}
static void misaligned(void *arg) {
    const posw_hash root = named(0);
    posw_tree_init((uint8_t *)arg + 8, 4, (const uint64_t[]){0, 0}, &root, 0, &POSW_U256_ONE);
}
static void beyond(void *arg) {
    posw_tree_at(arg, 1);
}
static void invalidate_root(void *arg) {
    posw_tree_invalidate(arg, 0);
}
static void invalidate_beyond(void *arg) {
    posw_tree_invalidate(arg, 1);
}
static void ancestor_beyond(void *arg) {
    posw_tree_ancestor(arg, POSW_TREE_NONE, 0);
}
static void fork_beyond(void *arg) {
    posw_tree_fork(arg, 0, POSW_TREE_NONE);
}
static void prune_beyond(void *arg) {
    posw_tree_prune(arg, 1);
}

static void test_bugs_stop(void **state) {
    (void)state;
    static void (*const bugs[])(void *) = {no_nodes,        too_many_nodes,  misaligned,
                                           beyond,          invalidate_root, invalidate_beyond,
                                           ancestor_beyond, fork_beyond,     prune_beyond};
    void *memory = tree_memory(4);
    const posw_hash root = named(0);
    posw_tree *t = posw_tree_init(memory, 4, (const uint64_t[]){0, 0}, &root, 0, &POSW_U256_ONE);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bugs); i++)
        if (!test_aborts(bugs[i], t)) fail_msg("%zu", i);
    free(memory);
}

/* ---- copies ---- */

static posw_hash hash_of(uint64_t n) {
    posw_hash h = {{0}};
    posw_store_be64(h.b, n);
    return h;
}

static void copies_of_one_proof(void **state) {
    (void)state;
    enum { PROOFS = 7 };
    const uint64_t seed[2] = {1, 2};
    uint8_t *memory = aligned_alloc(16, (posw_copies_size(PROOFS) + 15) / 16 * 16);
    posw_copies *c = posw_copies_init(memory, PROOFS, seed);
    const posw_hash parent = hash_of(1), other_parent = hash_of(2), mix = hash_of(3), other_mix = hash_of(4);
    for (uint64_t n = 10; n < 200; n++) {
        const posw_hash h = hash_of(n);
        assert_int_equal(posw_copies_take(c, &h, &parent, &mix), n < 10 + POSW_COPIES_MAX);
        assert_int_equal(posw_copies_take(c, &h, &parent, &mix),
                         n < 10 + POSW_COPIES_MAX); /* a known one stays known */
    }
    const posw_hash fresh = hash_of(500);
    assert_true(posw_copies_take(c, &fresh, &other_parent, &mix));
    assert_true(posw_copies_take(c, &fresh, &parent, &other_mix));
    assert_false(posw_copies_take(c, &fresh, &parent, &mix));
    for (uint64_t n = 0; n < PROOFS - 3; n++) { /* so many more are remembered beside it, */
        const posw_hash p = hash_of(1000 + n);
        assert_true(posw_copies_take(c, &fresh, &p, &mix));
    }
    assert_false(posw_copies_take(c, &fresh, &parent, &mix));
    const posw_hash p = hash_of(2000);
    assert_true(posw_copies_take(c, &fresh, &p, &mix));
    assert_true(posw_copies_take(c, &fresh, &parent, &mix)); /* and with one more the oldest is forgotten */
    free(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_of_one_proof), cmocka_unit_test(test_example),
        cmocka_unit_test(test_random),         cmocka_unit_test(test_order),
        cmocka_unit_test(test_full),           cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_size),           cmocka_unit_test(test_alike_and_copied),
        cmocka_unit_test(test_bugs_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
