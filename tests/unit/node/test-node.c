/* posw_node_step: which events bring which actions. Time and seals come from the test. */
#include "miner/search.h"
#include "node/node.h"

#include <inttypes.h>

static const uint64_t START_MS = 2000 * 1000;

typedef struct {
    posw_chain_spec spec;
    h_node chain;
    posw_mempool *pool;
    posw_node *node;
    posw_actions actions; /* of the latest step */
    posw_log log;
    unsigned warnings;
    uint64_t now_ms, behind_ms;
    /* the service */
    unsigned changes, accepted, closed, asked;
    size_t removed;
} world;

static void on_log(void *arg, enum posw_log_level level, const char *category, const char *line) {
    world *w = arg;
    (void)category, (void)line;
    w->warnings += level <= POSW_LOG_WARN;
}

static void on_data(void *arg, posw_node *n, const posw_event *e, posw_actions *out) {
    world *w = arg;
    (void)n;
    w->asked++;
    posw_action *a = posw_actions_push(out, POSW_ACTION_SEND);
    a->client = e->client;
    posw_buf_append(&a->data, e->data.data, e->data.size);
}

static void on_closed(void *arg, posw_node *n, uint64_t client) {
    (void)n;
    ((world *)arg)->closed += (unsigned)client;
}

static void on_changed(void *arg, posw_node *n, const posw_chain_change *change, posw_actions *out) {
    world *w = arg;
    (void)n, (void)out;
    w->changes++;
    w->removed += change->removed_count;
}

static void on_accepted(void *arg, posw_node *n, const posw_mempool_entry *e, posw_actions *out) {
    world *w = arg;
    (void)n, (void)out;
    assert_true(e->pending || e->tx.nonce > 0);
    w->accepted++;
}

typedef struct {
    bool no_miner, development;
    unsigned key; /* that signs for key 0, plus 1; 0: its own */
    uint64_t pace_s;
    void (*change)(posw_chain_spec *spec);
} options;

/* Each look at it takes 300 us. */
static uint64_t stopwatch_us(void) {
    static uint64_t us;
    return us += 300;
}

static void node_open(world *w, const options *o) {
    posw_miner_identity id = {.miner = h_address(0)};
    h_secret(id.secret, o->key == 0 ? 0 : o->key - 1);
    w->log = (posw_log){POSW_LOG_TRACE, on_log, w};
    const posw_node_options n = {.chain = w->chain.chain,
                                 .mempool = w->pool,
                                 .log = &w->log,
                                 .identity = o->no_miner ? NULL : &id,
                                 .pace_s = o->pace_s,
                                 .development = o->development,
                                 .pow = &h_pow,
                                 .stopwatch_us = stopwatch_us};
    ok(posw_node_new(&w->node, &n));
    posw_node_set_service(w->node, POSW_SERVICE_RPC,
                          &(posw_node_service){NULL, on_data, on_closed, on_changed, on_accepted, w});
}

static world *open_with(const options *o) {
    world *w = calloc(1, sizeof *w);
    posw_mempool_options m;
    h_spec(&w->spec);
    if (o->change != NULL) o->change(&w->spec);
    h_open(&w->chain, &w->spec);
    posw_mempool_options_default(&m);
    ok(posw_mempool_new(&w->pool, w->chain.chain, &m));
    node_open(w, o);
    w->now_ms = START_MS;
    return w;
}

static void close_world(world *w) {
    posw_node_free(w->node);
    posw_mempool_free(w->pool);
    h_close(&w->chain);
    posw_chain_spec_clear(&w->spec);
    posw_actions_clear(&w->actions);
    free(w);
}

static int setup(void **state) {
    *state = open_with(&(options){0});
    return 0;
}

static int teardown(void **state) {
    close_world(*state);
    return 0;
}

/* ---- steps ---- */

static void step(world *w, posw_event e) {
    posw_actions_reset(&w->actions);
    e.now_ms = w->now_ms;
    e.behind_ms = w->behind_ms;
    posw_node_step(w->node, &e, &w->actions);
}

static void tick(world *w) {
    step(w, (posw_event){.type = POSW_EVENT_TICK});
}

static void tick_at(world *w, uint64_t ms) {
    w->now_ms = START_MS + ms;
    tick(w);
}

static void seal(world *w, const posw_work *work) {
    const found f = search_work(work);
    posw_event e = {.type = POSW_EVENT_SEAL_FOUND, .work_id = work->id, .mix_hash = f.mix};
    memcpy(e.nonce, f.nonce, sizeof e.nonce);
    step(w, e);
}

static size_t count(const world *w, enum posw_action_type type) {
    size_t n = 0;
    for (size_t i = 0; i < w->actions.count; i++)
        n += w->actions.items[i].type == type;
    return n;
}

/* The latest action of this kind, NULL: none. */
static const posw_action *last(const world *w, enum posw_action_type type) {
    for (size_t i = w->actions.count; i-- > 0;)
        if (w->actions.items[i].type == type) return &w->actions.items[i];
    return NULL;
}

static posw_work given(const world *w) {
    assert_int_equal(count(w, POSW_ACTION_MINE), 1);
    return last(w, POSW_ACTION_MINE)->work;
}

static void timer_at(const world *w, uint64_t ms) {
    assert_int_equal(last(w, POSW_ACTION_TIMER)->at_ms, START_MS + ms);
}

static uint64_t height(const world *w) {
    return posw_chain_tip(w->chain.chain)->number;
}

static enum posw_mempool_refusal submit(world *w, h_tx tx) {
    enum posw_mempool_refusal refusal;
    posw_message text = {""};
    posw_hash hash;
    posw_actions_reset(&w->actions);
    ok(posw_node_submit_tx(w->node, tx.raw.data, tx.raw.size, NULL, &refusal, &text, &hash, &w->actions));
    assert_int_equal(text.text[0] != '\0', refusal != POSW_MEMPOOL_ACCEPTED);
    posw_buf_clear(&tx.raw);
    return refusal;
}

static posw_verdict submit_block(world *w, const h_block *b) {
    posw_prepared p;
    posw_verdict v;
    posw_actions_reset(&w->actions);
    ok(posw_prepare(&p, b->bytes.data, b->bytes.size, &h_pow, NULL, NULL));
    ok(posw_node_submit_block(w->node, &p, &v, &w->actions));
    posw_prepared_clear(&p);
    return v;
}

static int submit_seal(world *w, const posw_work *work, const found *f, const posw_signature *signature,
                       posw_verdict *v) {
    posw_actions_reset(&w->actions);
    return posw_node_submit_work(w->node, &work->seal_hash, f->nonce, &f->mix, signature, v, &w->actions);
}

static posw_signature sign(const posw_work *work, const found *f, unsigned key) {
    posw_hash digest;
    posw_signature s;
    uint8_t secret[32];
    posw_seal_digest(&digest, &work->seal_hash, f->nonce, &f->mix);
    h_secret(secret, key);
    assert_true(posw_secp_sign(&s, &digest, secret));
    return s;
}

/* ---- the built-in miner ---- */

static void a_tick_brings_work(void **state) {
    world *w = *state;
    tick(w);
    const posw_work work = given(w);
    assert_int_equal(work.number, 1);
    timer_at(w, 30000);
    tick_at(w, 500);
    assert_int_equal(count(w, POSW_ACTION_MINE), 0);
    timer_at(w, 30000);
    tick_at(w, 30000); /* for the timestamp's sake */
    assert_int_not_equal(given(w).id, work.id);
    timer_at(w, 60000);
}

static void by_steps(posw_chain_spec *spec) {
    spec->params.difficulty_rule = POSW_DIFFICULTY_STEP;
    spec->params.difficulty_blocks = 0;
    spec->params.block_time_s = 15;
    spec->params.genesis_difficulty = posw_u256_from_u64(1000);
}

/* D7: work is of the time, second by second, and easier from T after the parent on. */
static void work_is_of_the_time_where_that_counts(void **state) {
    (void)state;
    world *w = open_with(&(options){.change = by_steps});
    tick(w);
    const posw_work first = given(w);
    seal(w, &first);
    posw_work work = given(w);
    for (uint64_t s = 0; s < 20; s++) {
        assert_int_equal(work.difficulty.w[0], s < 15 ? 1100 : 1000);
        timer_at(w, 1000 * (s + 1));
        tick_at(w, 1000 * s + 999);
        assert_int_equal(count(w, POSW_ACTION_MINE), 0);
        tick_at(w, 1000 * (s + 1));
        work = given(w);
    }
    seal(w, &work);
    assert_int_equal(height(w), 2);
    assert_int_equal(posw_chain_tip(w->chain.chain)->timestamp, START_MS / 1000 + 20);
    close_world(w);
}

/* Genesis is 1000 s old at the start, blocks shall come every second. */
static void asert_late(posw_chain_spec *spec) {
    spec->params.difficulty_rule = POSW_DIFFICULTY_ASERT_LAG;
    spec->params.difficulty_blocks = 499;
}
static void asert_in_time(posw_chain_spec *spec) {
    spec->params.difficulty_rule = POSW_DIFFICULTY_ASERT;
    spec->params.difficulty_blocks = 500;
}

/* D2: who begins a chain long after its genesis is told so, once; a chain that has a block is nobody's to begin. */
static void a_late_start_is_said(void **state) {
    (void)state;
    void (*const changes[])(posw_chain_spec *) = {asert_late, asert_in_time};
    for (unsigned i = 0; i < 2; i++) {
        world *w = open_with(&(options){.change = changes[i]});
        tick(w);
        assert_int_equal(w->warnings, i == 0);
        tick_at(w, 30000);
        const posw_work work = given(w);
        seal(w, &work);
        assert_int_equal(height(w), 1);
        assert_int_equal(w->warnings, i == 0);
        posw_node_free(w->node);
        node_open(w, &(options){0}); /* as after a restart */
        tick_at(w, 100000);
        given(w);
        assert_int_equal(w->warnings, i == 0);
        close_world(w);
    }
}

static void a_seal_brings_a_block_and_work(void **state) {
    world *w = *state;
    tick(w);
    posw_work work = given(w);
    for (uint64_t n = 1; n <= 5; n++) {
        w->now_ms += 1000;
        seal(w, &work);
        assert_int_equal(height(w), n);
        work = given(w);
        assert_int_equal(work.number, n + 1);
        assert_int_equal(w->changes, n);
    }
    assert_int_equal(posw_node_read_counters(w->node).blocks_mined, 5);
    assert_int_equal(posw_node_read_counters(w->node).templates, 6);
    assert_int_equal(w->warnings, 0);
}

static void unknown_work_is_ignored(void **state) {
    world *w = *state;
    tick(w);
    posw_work work = given(w);
    work.id += 100;
    seal(w, &work);
    assert_int_equal(w->actions.count, 0);
    work.id = 0;
    seal(w, &work);
    assert_int_equal(w->actions.count, 0);
    assert_int_equal(height(w), 0);
}

/* The tip has moved while the find was on its way: a block beside the chain, and the search goes on. */
static void a_late_seal(void **state) {
    world *w = *state;
    tick(w);
    const posw_work old = given(w);
    h_block b = h_simple(w->chain.chain, 1, 1);
    assert_int_equal(submit_block(w, &b).kind, POSW_VALID);
    const posw_work work = given(w);
    assert_int_equal(work.number, 2);
    seal(w, &old);
    assert_int_equal(count(w, POSW_ACTION_MINE), 0);
    assert_int_equal(height(w), 1);
    assert_true(h_tip_is(w->chain.chain, &b.hash));
    seal(w, &old); /* once only */
    assert_int_equal(w->actions.count, 0);
    seal(w, &work);
    assert_int_equal(height(w), 2);
    h_block_clear(&b);
}

static void a_wrong_seal(void **state) {
    world *w = *state;
    tick(w);
    const posw_work work = given(w);
    posw_event e = {.type = POSW_EVENT_SEAL_FOUND, .work_id = work.id};
    memset(e.mix_hash.b, 1, 32);
    step(w, e);
    assert_int_equal(height(w), 0);
    assert_int_equal(w->warnings, 1);
    const posw_work next = given(w); /* the searchers have stopped at their find */
    seal(w, &next);
    assert_int_equal(height(w), 1);
}

static void new_transactions_come_into_work(void **state) {
    world *w = *state;
    tick(w);
    assert_int_equal(submit(w, h_transfer(1, 0, 2, 1)), POSW_MEMPOOL_ACCEPTED);
    assert_int_equal(count(w, POSW_ACTION_MINE), 0);
    timer_at(w, 1000);
    assert_int_equal(submit(w, h_transfer(1, 1, 2, 1)), POSW_MEMPOOL_ACCEPTED);
    assert_int_equal(count(w, POSW_ACTION_TIMER), 0); /* it is asked for already */
    tick_at(w, 999);
    assert_int_equal(count(w, POSW_ACTION_MINE), 0);
    tick_at(w, 1000);
    const posw_work work = given(w);
    timer_at(w, 31000);
    seal(w, &work);
    assert_int_equal(posw_chain_tip(w->chain.chain)->gas_used, 42000);
    size_t pending;
    posw_mempool_counts(w->pool, &pending, NULL, NULL);
    assert_int_equal(pending, 0);
}

static void without_a_miner(void **state) {
    (void)state;
    world *w = open_with(&(options){.no_miner = true});
    tick(w);
    assert_int_equal(w->actions.count, 0);
    assert_null(posw_node_miner(w->node));
    assert_int_equal(submit(w, h_transfer(1, 0, 2, 1)), POSW_MEMPOOL_ACCEPTED);
    h_block b = h_simple(w->chain.chain, 1, 1);
    assert_int_equal(submit_block(w, &b).kind, POSW_VALID);
    assert_int_equal(count(w, POSW_ACTION_MINE), 0);
    h_block_clear(&b);
    close_world(w);
}

/* A key that is not the miner's signer: not mining, said once, looked at again. */
static void a_key_that_cannot_sign(void **state) {
    (void)state;
    world *w = open_with(&(options){.key = 5 + 1});
    for (uint64_t ms = 0; ms < 5000; ms += 1000) {
        tick_at(w, ms);
        assert_int_equal(count(w, POSW_ACTION_MINE), 0);
        timer_at(w, ms + 1000);
    }
    assert_int_equal(w->warnings, 1);
    close_world(w);
}

/* ---- pace ---- */

static void pace_between_blocks(void **state) {
    (void)state;
    world *w = open_with(&(options){.pace_s = 5});
    tick(w); /* genesis is old */
    posw_work work = given(w);
    seal(w, &work);
    assert_int_equal(height(w), 1);
    assert_int_equal(count(w, POSW_ACTION_MINE), 0);
    timer_at(w, 5000);
    tick_at(w, 4999);
    assert_int_equal(count(w, POSW_ACTION_MINE), 0);
    timer_at(w, 5000);
    tick_at(w, 5000);
    work = given(w);
    /* another's block: the search is called off until the pace allows the next */
    h_block b = h_simple(w->chain.chain, 1, 5);
    assert_int_equal(submit_block(w, &b).kind, POSW_VALID);
    assert_int_equal(count(w, POSW_ACTION_MINE_STOP), 1);
    assert_int_equal(count(w, POSW_ACTION_MINE), 0);
    timer_at(w, 10000);
    tick_at(w, 6000);
    assert_int_equal(count(w, POSW_ACTION_MINE_STOP), 0);
    tick_at(w, 10000);
    work = given(w);
    seal(w, &work);
    assert_int_equal(posw_chain_tip(w->chain.chain)->timestamp - b.header.timestamp, 5);
    h_block_clear(&b);
    close_world(w);
}

/* Somebody sets the clock back by a quarter of an hour: blocks have its time, and come at their pace, after what the
 * tip is ahead of it. */
static void a_clock_that_is_set_back(void **state) {
    (void)state;
    world *w = open_with(&(options){.pace_s = 5});
    w->behind_ms = 900 * 1000; /* 1100 s: genesis is at 1000 */
    tick(w);
    assert_int_equal(posw_node_now_s(w->node), 1100);
    posw_work work = given(w);
    seal(w, &work);
    assert_int_equal(posw_chain_tip(w->chain.chain)->timestamp, 1100);
    timer_at(w, 5000);
    tick_at(w, 4999);
    assert_int_equal(count(w, POSW_ACTION_MINE), 0);
    tick_at(w, 5000);
    work = given(w);
    seal(w, &work);
    assert_int_equal(posw_chain_tip(w->chain.chain)->timestamp, 1105);
    w->behind_ms += 7 * 1000; /* again, to before the tip */
    tick_at(w, 6000);
    assert_int_equal(posw_node_now_s(w->node), 1099);
    assert_int_equal(count(w, POSW_ACTION_MINE), 0);
    timer_at(w, 17000);
    tick_at(w, 17000);
    work = given(w);
    seal(w, &work);
    assert_int_equal(posw_chain_tip(w->chain.chain)->timestamp, 1110);
    close_world(w);
}

/* Blocks faster than one a second run ahead of the clock; beyond what the rules allow there is no work. */
static void not_too_far_ahead_of_time(void **state) {
    world *w = *state;
    tick(w);
    posw_work work = given(w);
    uint64_t blocks = 0;
    for (; last(w, POSW_ACTION_MINE) != NULL && blocks < 100; blocks++) {
        work = given(w);
        seal(w, &work);
        assert_int_equal(height(w), blocks + 1);
    }
    assert_int_equal(blocks, 16); /* the first on time, then 15 seconds ahead */
    assert_int_equal(w->warnings, 0);
    timer_at(w, 1000);
    tick_at(w, 999);
    assert_null(last(w, POSW_ACTION_MINE));
    tick_at(w, 1000);
    work = given(w);
    seal(w, &work);
    assert_int_equal(height(w), blocks + 1);
}

/* ---- work for others ---- */

static void work_for_an_outside_miner(void **state) {
    (void)state;
    world *w = open_with(&(options){.no_miner = true});
    const posw_address miner = h_address(3);
    posw_work work, again;
    posw_verdict v;
    tick(w);
    ok(posw_node_get_work(w->node, &miner, &work));
    ok(posw_node_get_work(w->node, &miner, &again));
    assert_int_equal(work.id, again.id);
    tick_at(w, 999);
    ok(posw_node_get_work(w->node, &miner, &again));
    assert_int_equal(work.id, again.id);
    tick_at(w, 1000);
    ok(posw_node_get_work(w->node, &miner, &again));
    assert_int_not_equal(work.id, again.id);

    const found f = search_work(&work); /* the older one is as good */
    assert_int_equal(submit_seal(w, &work, &f, NULL, &v), POSW_EAUTH);
    posw_signature wrong = sign(&work, &f, 4), right = sign(&work, &f, 3);
    ok(submit_seal(w, &work, &f, &wrong, &v));
    assert_int_equal(v.kind, POSW_INVALID);
    found lie = f;
    lie.mix.b[5] ^= 1;
    posw_signature signed_lie = sign(&work, &lie, 3);
    ok(submit_seal(w, &work, &lie, &signed_lie, &v));
    assert_int_equal(v.kind, POSW_INVALID);
    assert_int_equal(height(w), 0);
    ok(submit_seal(w, &work, &f, &right, &v)); /* nothing of that has spoilt the work */
    assert_int_equal(v.kind, POSW_VALID);
    assert_int_equal(height(w), 1);
    assert_int_equal(w->changes, 1);
    assert_int_equal(submit_seal(w, &work, &f, &right, &v), POSW_ENOTFOUND);
    const posw_work unknown = {.id = 5};
    assert_int_equal(submit_seal(w, &unknown, &f, &right, &v), POSW_ENOTFOUND);
    close_world(w);
}

/* Without a signature the node signs, for its own identity only. */
static void the_node_signs(void **state) {
    world *w = *state;
    const posw_address own = h_address(0), other = h_address(3);
    posw_work work;
    posw_verdict v;
    tick(w);
    const posw_work mining = given(w);
    ok(posw_node_get_work(w->node, &other, &work));
    found f = search_work(&work);
    ok(submit_seal(w, &work, &f, NULL, &v));
    assert_int_equal(v.kind, POSW_INVALID);
    ok(posw_node_get_work(w->node, &own, &work));
    assert_int_equal(work.id, mining.id); /* the same work as its own searchers' */
    f = search_work(&work);
    ok(submit_seal(w, &work, &f, NULL, &v));
    assert_int_equal(v.kind, POSW_VALID);
    assert_int_equal(given(w).number, 2);
    seal(w, &mining); /* and they were late */
    assert_int_equal(w->actions.count, 0);
}

/* Neither many that ask nor wrong seals take the own searchers' work away. */
static void others_cannot_disturb_the_own_miner(void **state) {
    world *w = *state;
    posw_work work;
    posw_verdict v;
    tick(w);
    const posw_work mining = given(w);
    for (unsigned i = 1; i < 30; i++) {
        const posw_address miner = h_address(i);
        ok(posw_node_get_work(w->node, &miner, &work));
    }
    found lie = {.nonce = {1}};
    for (int i = 0; i < 3; i++) {
        ok(submit_seal(w, &mining, &lie, NULL, &v));
        assert_int_equal(v.kind, POSW_INVALID);
    }
    seal(w, &mining);
    assert_int_equal(height(w), 1);
    assert_int_equal(given(w).number, 2);
}

static void the_oldest_work_is_given_up_first(void **state) {
    (void)state;
    world *w = open_with(&(options){.no_miner = true});
    posw_work work[9];
    posw_verdict v;
    tick(w);
    for (unsigned i = 0; i < 9; i++) {
        const posw_address miner = h_address(i);
        ok(posw_node_get_work(w->node, &miner, &work[i]));
    }
    const found first = search_work(&work[0]), second = search_work(&work[1]);
    const posw_signature a = sign(&work[0], &first, 0), b = sign(&work[1], &second, 1);
    assert_int_equal(submit_seal(w, &work[0], &first, &a, &v), POSW_ENOTFOUND);
    ok(submit_seal(w, &work[1], &second, &b, &v));
    assert_int_equal(v.kind, POSW_VALID);
    close_world(w);
}

static void seal_of(world *w, const posw_work *work, unsigned key) {
    const found f = search_work(work);
    const posw_signature s = sign(work, &f, key);
    posw_verdict v;
    ok(submit_seal(w, work, &f, &s, &v));
    assert_int_equal(v.kind, POSW_VALID);
}

/* Whoever asks every second takes away older work of its own only. */
static void one_that_asks_often(void **state) {
    (void)state;
    world *w = open_with(&(options){.no_miner = true});
    const posw_address patient = h_address(3), eager = h_address(4);
    posw_work work, others, first;
    posw_verdict v;
    tick(w);
    ok(posw_node_get_work(w->node, &patient, &work));
    for (uint64_t s = 1; s <= 20; s++) {
        tick_at(w, 1000 * s);
        ok(posw_node_get_work(w->node, &eager, &others));
    }
    const found f = search_work(&work);
    const posw_signature s = sign(&work, &f, 3);
    ok(submit_seal(w, &work, &f, &s, &v));
    assert_int_equal(v.kind, POSW_VALID);
    assert_int_equal(height(w), 1);
    ok(posw_node_get_work(w->node, &patient, &work));
    const found late = search_work(&work);
    const posw_signature late_signature = sign(&work, &late, 3);
    ok(posw_node_get_work(w->node, &eager, &others));
    seal_of(w, &others, 4); /* and work on an old tip goes before that */
    assert_int_equal(height(w), 2);
    for (uint64_t k = 0; k < 8; k++) {
        tick_at(w, 1000 * (30 + k));
        ok(posw_node_get_work(w->node, &eager, &others));
        if (k == 0) first = others;
    }
    assert_int_equal(submit_seal(w, &work, &late, &late_signature, &v), POSW_ENOTFOUND);
    seal_of(w, &first, 4);
    assert_int_equal(height(w), 3);
    close_world(w);
}

/* The own searchers' work is renewed as often as transactions come. */
static void the_own_miner_leaves_room(void **state) {
    world *w = *state;
    const posw_address patient = h_address(3);
    posw_work work;
    posw_verdict v;
    tick(w);
    ok(posw_node_get_work(w->node, &patient, &work));
    for (uint64_t s = 1; s <= 20; s++) {
        assert_int_equal(submit(w, h_transfer(1, s - 1, 2, 1)), POSW_MEMPOOL_ACCEPTED);
        tick_at(w, 1000 * s);
    }
    assert_true(given(w).id > work.id + 10);
    const found f = search_work(&work);
    const posw_signature s = sign(&work, &f, 3);
    ok(submit_seal(w, &work, &f, &s, &v));
    assert_int_equal(v.kind, POSW_VALID);
}

/* A seal for an old tip, by somebody else: stored beside the chain. */
static void outside_work_on_an_old_tip(void **state) {
    world *w = *state;
    const posw_address miner = h_address(3);
    posw_work work;
    posw_verdict v;
    tick(w);
    const posw_work mining = given(w);
    ok(posw_node_get_work(w->node, &miner, &work));
    seal(w, &mining);
    const found f = search_work(&work);
    const posw_signature s = sign(&work, &f, 3);
    ok(submit_seal(w, &work, &f, &s, &v));
    assert_int_equal(v.kind, POSW_VALID);
    assert_int_equal(height(w), 1);
    assert_int_equal(w->changes, 1);
}

/* ---- development ---- */

static void mining_on_demand(void **state) {
    (void)state;
    world *w = open_with(&(options){.development = true, .pace_s = 1});
    tick(w);
    for (uint64_t n = 1; n <= 20; n++) {
        const uint64_t before = posw_chain_tip(w->chain.chain)->timestamp;
        posw_actions_reset(&w->actions);
        ok(posw_node_mine_now(w->node, &w->actions));
        assert_int_equal(height(w), n);
        assert_true(posw_chain_tip(w->chain.chain)->timestamp > before);
    }
    assert_int_equal(posw_node_now_s(w->node), posw_chain_tip(w->chain.chain)->timestamp); /* time went with it */
    tick_at(w, 1000);
    posw_work work = given(w);
    seal(w, &work);
    assert_int_equal(height(w), 21);
    close_world(w);
}

static void time_on_demand(void **state) {
    (void)state;
    world *w = open_with(&(options){.development = true});
    tick(w);
    assert_int_equal(posw_node_now_s(w->node), 2000);
    ok(posw_node_increase_time(w->node, 86400));
    assert_int_equal(posw_node_now_s(w->node), 2000 + 86400);
    ok(posw_node_mine_now(w->node, &w->actions));
    assert_int_equal(posw_chain_tip(w->chain.chain)->timestamp, 2000 + 86400);
    assert_int_equal(posw_node_increase_time(w->node, (uint64_t)UINT32_MAX + 1), POSW_ERANGE);
    ok(posw_node_increase_time(w->node, UINT32_MAX));
    assert_int_equal(posw_node_increase_time(w->node, UINT32_MAX), POSW_ERANGE);
    close_world(w);
}

static void only_on_development_chains(void **state) {
    world *w = *state;
    tick(w);
    assert_int_equal(posw_node_mine_now(w->node, &w->actions), POSW_EUNSUPPORTED);
    assert_int_equal(posw_node_increase_time(w->node, 1), POSW_EUNSUPPORTED);
    world *b = open_with(&(options){.development = true, .no_miner = true});
    assert_int_equal(posw_node_mine_now(b->node, &b->actions), POSW_EUNSUPPORTED);
    close_world(b);
    b = open_with(&(options){.development = true, .key = 6});
    assert_int_equal(posw_node_mine_now(b->node, &b->actions), POSW_EAUTH);
    assert_int_equal(height(b), 0);
    close_world(b);
}

/* A chain that was mined ahead of the clock in an earlier life: its time goes on from its tip. */
static void a_tip_in_the_future(void **state) {
    (void)state;
    const options o = {.development = true, .pace_s = 1};
    world *w = open_with(&o);
    h_block b = h_simple(w->chain.chain, 1, 500000);
    h_import_valid(w->chain.chain, &b);
    const posw_chain_change change = {.added = &b.hash, .added_count = 1};
    ok(posw_mempool_follow(w->pool, &change, 2000));
    tick(w);
    assert_int_equal(posw_node_now_s(w->node), b.header.timestamp);
    timer_at(w, 1000);
    tick_at(w, 1000);
    const posw_work work = given(w);
    seal(w, &work);
    assert_int_equal(posw_chain_tip(w->chain.chain)->timestamp, b.header.timestamp + 1);
    h_block_clear(&b);
    close_world(w);
}

static void time_never_goes_back(void **state) {
    world *w = *state;
    tick(w);
    w->now_ms -= 500000;
    tick(w);
    assert_int_equal(posw_node_now_s(w->node), 2000);
}

/* ---- transactions and the journal ---- */

static void submitted_transactions(void **state) {
    world *w = *state;
    tick(w);
    h_tx a = h_transfer(1, 0, 2, 1), b = h_transfer(1, 1, 2, 1);
    posw_buf expected = {0};
    enum posw_mempool_refusal refusal;
    posw_actions_reset(&w->actions);
    ok(posw_node_submit_tx(w->node, a.raw.data, a.raw.size, NULL, &refusal, NULL, NULL, &w->actions));
    ok(posw_node_submit_tx(w->node, b.raw.data, b.raw.size, NULL, &refusal, NULL, NULL, &w->actions));
    ok(posw_node_submit_tx(w->node, b.raw.data, b.raw.size, NULL, &refusal, NULL, NULL, &w->actions));
    assert_int_equal(refusal, POSW_MEMPOOL_KNOWN);
    for (int i = 0; i < 2; i++) {
        const h_tx *t = i == 0 ? &a : &b;
        const posw_mempool_entry e = {.tx = {.raw = posw_buf_view(&t->raw)}};
        posw_mempool_journal_record(&expected, &e);
    }
    posw_buf journal = {0};
    for (size_t i = 0; i < w->actions.count; i++)
        if (w->actions.items[i].type == POSW_ACTION_JOURNAL_APPEND)
            posw_buf_append(&journal, w->actions.items[i].data.data, w->actions.items[i].data.size);
    assert_int_equal(journal.size, expected.size);
    assert_memory_equal(journal.data, expected.data, expected.size);
    assert_int_equal(w->accepted, 2);
    assert_int_equal(submit(w, h_transfer(1, 0, 2, 1)), POSW_MEMPOOL_KNOWN);
    assert_int_equal(submit(w, h_transfer(20, 0, 2, 1)), POSW_MEMPOOL_FUNDS);
    assert_int_equal(w->actions.count, 0);
    const posw_node_counters c = posw_node_read_counters(w->node);
    assert_int_equal(c.txs_submitted, 2);
    assert_int_equal(c.txs_refused, 3);
    posw_buf_clear(&a.raw);
    posw_buf_clear(&b.raw);
    posw_buf_clear(&expected);
    posw_buf_clear(&journal);
}

/* Records that come one after another are one write. */
static void many_records_are_one_write(void **state) {
    world *w = *state;
    tick(w);
    posw_actions_reset(&w->actions);
    for (uint64_t n = 0; n < 10; n++) {
        h_tx t = h_transfer(1, n, 2, 1);
        enum posw_mempool_refusal refusal;
        ok(posw_node_submit_tx(w->node, t.raw.data, t.raw.size, NULL, &refusal, NULL, NULL, &w->actions));
        posw_buf_clear(&t.raw);
    }
    assert_true(count(w, POSW_ACTION_JOURNAL_APPEND) <= 2); /* the first asks for a tick in between */
}

static void the_journal_comes_back(void **state) {
    world *w = *state;
    posw_buf journal = {0};
    for (uint64_t n = 0; n < 3; n++) {
        h_tx t = h_transfer(1, n, 2, 1);
        const posw_mempool_entry e = {.tx = {.raw = posw_buf_view(&t.raw)}};
        posw_mempool_journal_record(&journal, &e);
        posw_buf_clear(&t.raw);
    }
    tick(w);
    step(w, (posw_event){.type = POSW_EVENT_JOURNAL, .data = posw_buf_view(&journal)});
    size_t pending;
    posw_mempool_counts(w->pool, &pending, NULL, NULL);
    assert_int_equal(pending, 3);
    assert_int_equal(count(w, POSW_ACTION_JOURNAL_APPEND), 0);
    timer_at(w, 1000);
    tick_at(w, 1000);
    const posw_work work = given(w);
    seal(w, &work);
    assert_int_equal(posw_chain_tip(w->chain.chain)->gas_used, 3 * 21000);
    posw_buf_clear(&journal);
}

/* ---- blocks from outside ---- */

static void a_reorganisation(void **state) {
    world *w = *state;
    h_node other;
    h_open(&other, &w->spec);
    tick(w);
    assert_int_equal(submit(w, h_transfer(1, 0, 2, 1)), POSW_MEMPOOL_ACCEPTED);
    tick_at(w, 1000);
    posw_work work = given(w);
    seal(w, &work);
    size_t pending;
    for (unsigned i = 0; i < 2; i++) {
        h_plan plan = {.miner = 2};
        h_block b = h_extend(other.chain, &plan);
        assert_int_equal(submit_block(w, &b).kind, POSW_VALID);
        assert_int_equal(count(w, POSW_ACTION_JOURNAL_REPLACE), i);
        assert_int_equal(count(w, POSW_ACTION_MINE), i);
        h_block_clear(&b);
    }
    assert_int_equal(height(w), 2);
    assert_int_equal(w->changes, 2);
    assert_int_equal(w->removed, 1);
    posw_mempool_counts(w->pool, &pending, NULL, NULL);
    assert_int_equal(pending, 1);
    work = given(w);
    seal(w, &work); /* mined again */
    assert_int_equal(posw_chain_tip(w->chain.chain)->gas_used, 21000);
    const posw_node_counters c = posw_node_read_counters(w->node);
    assert_int_equal(c.blocks_imported, 4);
    assert_int_equal(c.reorgs, 1);
    assert_int_equal(c.reorg_depth.buckets[0], 1); /* one block */
    assert_int_equal(c.reorg_depth.sum, 1);
    assert_int_equal(c.import_us.sum, 4 * 300);
    assert_int_equal(c.import_us.buckets[3], 4); /* 100 to 500 us */
    h_close(&other);
}

static void a_bad_block(void **state) {
    world *w = *state;
    tick(w);
    h_block b = h_simple(w->chain.chain, 1, 1);
    b.bytes.data[b.bytes.size - 100] ^= 1;
    assert_int_not_equal(submit_block(w, &b).kind, POSW_VALID);
    assert_int_equal(w->actions.count, 0);
    assert_int_equal(w->changes, 0);
    h_block_clear(&b);
}

/* ---- clients ---- */

static void clients_go_to_the_service(void **state) {
    world *w = *state;
    step(w, (posw_event){.type = POSW_EVENT_CLIENT_DATA, .client = 9, .data = posw_bytes_of("hello", 5)});
    const posw_action *a = last(w, POSW_ACTION_SEND);
    assert_int_equal(a->client, 9);
    assert_memory_equal(a->data.data, "hello", 5);
    step(w, (posw_event){.type = POSW_EVENT_CLIENT_CLOSED, .client = 9});
    assert_int_equal(w->closed, 9);
    posw_node_set_service(w->node, POSW_SERVICE_RPC, &(posw_node_service){0});
    step(w, (posw_event){.type = POSW_EVENT_CLIENT_DATA, .client = 9});
    step(w, (posw_event){.type = POSW_EVENT_CLIENT_CLOSED, .client = 9});
    assert_int_equal(w->actions.count, 0);
}

/* ---- faults ---- */

/* Whichever operation of an import fails: the node says so and is to stop; the chain is as before or has the block, and
 * goes on when the fault is over. */
static void store_faults_are_fatal(void **state) {
    (void)state;
    bool reached_the_end = false;
    unsigned fatal = 0;
    for (uint64_t nth = 1; nth < 300 && !reached_the_end; nth++) {
        world *w = open_with(&(options){0});
        tick(w);
        posw_work work = given(w);
        const uint64_t before = posw_store_memory_operations(w->chain.store);
        posw_store_memory_fail(w->chain.store, nth, POSW_ENOSPC, false);
        seal(w, &work);
        posw_store_memory_fail(w->chain.store, 0, POSW_OK, false);
        reached_the_end = posw_store_memory_operations(w->chain.store) - before < nth;
        const posw_action *a = last(w, POSW_ACTION_FATAL);
        assert_int_equal(a == NULL, reached_the_end);
        if (a != NULL) {
            posw_buf text = {0};
            posw_buf_append(&text, a->data.data, a->data.size);
            posw_buf_byte(&text, 0);
            assert_non_null(strstr((const char *)text.data, "no space left on the disk"));
            assert_non_null(strstr((const char *)text.data, "free some space"));
            posw_buf_clear(&text);
            fatal++;
        }
        const uint64_t reached = height(w);
        tick_at(w, 31000); /* were it not stopped, it could go on */
        work = given(w);
        seal(w, &work);
        assert_int_equal(height(w), reached + 1);
        h_check_state(w->chain.chain);
        close_world(w);
    }
    assert_true(reached_the_end && fatal > 5);
}

static void each_fault_with_its_remedy(void **state) {
    const int codes[] = {POSW_EIO, POSW_ECORRUPT, POSW_ENOMEM};
    const char *const words[] = {"input or output error", "stored data is damaged", "out of memory"};
    (void)state;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(codes); i++) {
        world *w = open_with(&(options){0});
        tick(w);
        const posw_work work = given(w);
        posw_store_memory_fail(w->chain.store, 2, codes[i], false);
        seal(w, &work);
        const posw_action *a = last(w, POSW_ACTION_FATAL);
        assert_non_null(a);
        char text[600];
        snprintf(text, sizeof text, "%.*s", (int)a->data.size, (const char *)a->data.data);
        assert_non_null(strstr(text, words[i]));
        close_world(w);
    }
}

static void actions_are_reused(void **state) {
    (void)state;
    posw_actions a = {0};
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 100; i++) {
            posw_action *x = posw_actions_push(&a, POSW_ACTION_SEND);
            assert_int_equal(x->client, 0);
            assert_int_equal(x->data.size, 0);
            x->client = i;
            posw_buf_text(&x->data, "bytes");
        }
        assert_int_equal(a.count, 100);
        posw_actions_reset(&a);
        assert_int_equal(a.count, 0);
    }
    posw_actions_clear(&a);
    posw_actions_clear(&a);
    posw_actions_clear(NULL);
    posw_node_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_tick_brings_work),
        cmocka_unit_test(work_is_of_the_time_where_that_counts),
        cmocka_unit_test(a_late_start_is_said),
        TEST(a_seal_brings_a_block_and_work),
        TEST(unknown_work_is_ignored),
        TEST(a_late_seal),
        TEST(a_wrong_seal),
        TEST(new_transactions_come_into_work),
        cmocka_unit_test(without_a_miner),
        cmocka_unit_test(a_key_that_cannot_sign),
        cmocka_unit_test(pace_between_blocks),
        cmocka_unit_test(a_clock_that_is_set_back),
        TEST(not_too_far_ahead_of_time),
        cmocka_unit_test(work_for_an_outside_miner),
        TEST(the_node_signs),
        TEST(others_cannot_disturb_the_own_miner),
        TEST(the_own_miner_leaves_room),
        cmocka_unit_test(the_oldest_work_is_given_up_first),
        cmocka_unit_test(one_that_asks_often),
        TEST(outside_work_on_an_old_tip),
        cmocka_unit_test(mining_on_demand),
        cmocka_unit_test(time_on_demand),
        TEST(only_on_development_chains),
        cmocka_unit_test(a_tip_in_the_future),
        TEST(time_never_goes_back),
        TEST(submitted_transactions),
        TEST(many_records_are_one_write),
        TEST(the_journal_comes_back),
        TEST(a_reorganisation),
        TEST(a_bad_block),
        TEST(clients_go_to_the_service),
        cmocka_unit_test(store_faults_are_fatal),
        cmocka_unit_test(each_fault_with_its_remedy),
        cmocka_unit_test(actions_are_reused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
