/* Random block trees in random orders of arrival, against the naive definition: replay the heaviest valid chain from
 * genesis, first seen among equals. */
#include "harness.h"

enum { TREE_BLOCKS = 60, TREES = 12, ORDERS = 4, DEPTH_BACK = 5 };

typedef struct {
    h_block block;
    int parent; /* -1: genesis */
    uint64_t number;
    bool invalid;
} node;

typedef struct {
    posw_chain_spec spec;
    node nodes[TREE_BLOCKS];
    uint64_t random, reorgs;
} tree;

/* An instance whose tip is this block. */
static void open_at(const tree *t, h_node *n, int at) {
    int path[TREE_BLOCKS], length = 0;
    h_open(n, &t->spec);
    for (; at >= 0; at = t->nodes[at].parent)
        path[length++] = at;
    while (length > 0)
        h_import_valid(n->chain, &t->nodes[path[--length]].block);
}

/* A valid parent that is not far below the top, so that branches are short but many. */
static int choose_parent(tree *t, int count) {
    for (;;) {
        const int at = (int)random_below(&t->random, (uint64_t)count + 1) - 1;
        uint64_t top = 0;
        for (int i = 0; i < count; i++)
            if (t->nodes[i].number > top) top = t->nodes[i].number;
        const uint64_t number = at < 0 ? 0 : t->nodes[at].number;
        if (number + DEPTH_BACK >= top && (at < 0 || !t->nodes[at].invalid)) return at;
    }
}

static void break_state_root(void *arg, posw_header *h) {
    (void)arg, h->state_root.b[0] ^= 1;
}

static void make_node(tree *t, int i) {
    h_node n;
    node *b = &t->nodes[i];
    b->parent = choose_parent(t, i);
    b->invalid = random_below(&t->random, 8) == 0;
    open_at(t, &n, b->parent);
    h_plan plan = {.miner = (unsigned)random_below(&t->random, H_KEYS), .gap_s = 1 + random_below(&t->random, 4)};
    const unsigned from = (unsigned)random_below(&t->random, 4), what = (unsigned)random_below(&t->random, 3);
    const unsigned miner = (unsigned)random_below(&t->random, H_KEYS);
    if (what == 1)
        plan.txs[plan.tx_count++] = h_transfer(from, h_nonce(n.chain, from), 7, 1 + random_below(&t->random, 5));
    if (what == 2)
        plan.txs[plan.tx_count++] = h_stake(from, h_nonce(n.chain, from), miner, 10 + random_below(&t->random, 50));
    if (b->invalid) plan.before_seal = break_state_root;
    b->block = h_build(n.chain, &plan);
    b->number = b->block.header.number;
    h_close(&n);
}

static void shuffle(tree *t, int order[TREE_BLOCKS]) {
    for (int i = 0; i < TREE_BLOCKS; i++)
        order[i] = i;
    for (int i = TREE_BLOCKS - 1; i > 0; i--) {
        const int j = (int)random_below(&t->random, (uint64_t)i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

/* Offers what is left again and again, as a node does when a parent arrives; the naive tip follows what was accepted.
 */
static int deliver(tree *t, posw_chain *c, const int order[TREE_BLOCKS]) {
    bool done[TREE_BLOCKS] = {0};
    int tip = -1;
    for (bool progress = true; progress;) {
        progress = false;
        for (int k = 0; k < TREE_BLOCKS; k++) {
            const int i = order[k];
            if (done[i]) continue;
            posw_verdict v;
            posw_chain_change change;
            ok(h_try(c, &t->nodes[i].block, H_NOW, &v, &change));
            if (v.kind == POSW_NOT_YET) {
                assert_int_equal(v.rule, POSW_RULE_UNKNOWN_PARENT);
                continue;
            }
            done[i] = progress = true;
            if (v.kind == POSW_INVALID) {
                assert_true(t->nodes[i].invalid);
                assert_int_equal(v.rule, POSW_RULE_STATE_ROOT);
                continue;
            }
            /* difficulty is fixed: weight goes with the number */
            if (!t->nodes[i].invalid && t->nodes[i].number > (tip < 0 ? 0 : t->nodes[tip].number)) tip = i;
            const posw_hash genesis = posw_chain_genesis_hash(c);
            assert_true(h_tip_is(c, tip < 0 ? &genesis : &t->nodes[tip].block.hash));
            if (change.removed_count > 0) t->reorgs++;
            if (change.added_count > 0) assert_true(h_tip_is(c, &change.added[change.added_count - 1]));
        }
    }
    for (int i = 0; i < TREE_BLOCKS; i++)
        assert_true(done[i]);
    return tip;
}

static void check_order(tree *t, bool reopen) {
    int order[TREE_BLOCKS];
    h_node n, naive;
    shuffle(t, order);
    h_open(&n, &t->spec);
    posw_chain_allow_deep_reorg(n.chain, true); /* an order may let one branch run far ahead */
    const int tip = deliver(t, n.chain, order);
    open_at(t, &naive, tip);
    h_same(n.chain, naive.chain);
    h_check_state(n.chain);
    h_verify(n.chain);
    if (reopen) {
        h_reopen(&n);
        h_same(n.chain, naive.chain);
        h_check_state(n.chain);
    }
    h_close(&n);
    h_close(&naive);
}

static void random_trees(void **state) {
    (void)state;
    tree *t = calloc(1, sizeof *t);
    h_spec(&t->spec);
    for (uint64_t seed = 1; seed <= TREES; seed++) {
        t->random = seed;
        for (int i = 0; i < TREE_BLOCKS; i++)
            make_node(t, i);
        for (int k = 0; k < ORDERS; k++)
            check_order(t, k == 0);
        for (int i = 0; i < TREE_BLOCKS; i++)
            h_block_clear(&t->nodes[i].block);
    }
    assert_true(t->reorgs > TREES * ORDERS);
    posw_chain_spec_clear(&t->spec);
    free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_trees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
