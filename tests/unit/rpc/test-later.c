/* Batches of transactions, whose senders jobs recover: the answers are those of a batch that is answered at once. */
#include "rpc/world.h"

enum {
    MANY = 150, /* of one batch: five jobs */
    JOBS = 128  /* that may be on their way */
};

static void append_call(posw_buf *out, const char *params) {
    if (out->size > 1) posw_buf_byte(out, ',');
    posw_buf_printf(out, "{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":\"eth_sendRawTransaction\",\"params\":[%s]}",
                    out->size, params);
}

static void append_tx(posw_buf *out, unsigned key, uint64_t nonce, int spoil) {
    h_tx tx = h_transfer(key, nonce, 7, 1);
    if (spoil == 1) tx.raw.data[tx.raw.size - 40] ^= 1; /* r: another sender, or none */
    if (spoil == 2) tx.raw.data[0] = 3;
    if (spoil == 3) tx.raw.size--;
    char *hex = w_long_hex(posw_buf_view(&tx.raw));
    posw_buf quoted = {0};
    posw_buf_printf(&quoted, "\"%s\"", hex);
    posw_buf_byte(&quoted, 0);
    append_call(out, (const char *)quoted.data);
    posw_buf_clear(&quoted);
    posw_buf_clear(&tx.raw);
    free(hex);
}

static posw_buf batch_of(unsigned key, size_t count) {
    posw_buf b = {0};
    posw_buf_byte(&b, '[');
    for (size_t i = 0; i < count; i++)
        append_tx(&b, key, i, 0);
    posw_buf_byte(&b, ']');
    return b;
}

/* Everything that may stand in a batch beside good transactions. */
static posw_buf mixed_batch(void) {
    posw_buf b = {0};
    posw_buf_byte(&b, '[');
    for (unsigned i = 0; i < 70; i++) {
        append_tx(&b, 1 + i % 3, i / 3, i == 40 ? 0 : (int)(i % 11) - 7);
        if (i == 10) append_call(&b, "\"0x\"");
        if (i == 20) append_call(&b, "");
        if (i == 30) append_call(&b, "\"0x02\", 1");
        if (i == 40) append_tx(&b, 2, 13, 0); /* again */
        if (i == 50)
            posw_buf_printf(&b, ",{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txpool_status\"},7,\"text\",[],null");
        if (i == 60)
            posw_buf_printf(&b, ",{\"jsonrpc\":\"2.0\",\"method\":\"eth_sendRawTransaction\",\"params\":[\"0x01\"]}");
    }
    posw_buf_byte(&b, ']');
    return b;
}

static void open_with_jobs(world *w, bool jobs) {
    const world_options o = {.rpc = {.jobs = jobs}};
    w_open_with(w, &o);
}

/* Takes the jobs of the latest step. */
static size_t take_jobs(world *w, posw_job **jobs) {
    size_t count = 0;
    for (size_t i = 0; i < w->actions.count; i++) {
        posw_action *a = &w->actions.items[i];
        if (a->type != POSW_ACTION_JOB) continue;
        jobs[count++] = a->job;
        a->job = NULL;
    }
    return count;
}

static size_t actions_of(const world *w, enum posw_action_type type) {
    size_t count = 0;
    for (size_t i = 0; i < w->actions.count; i++)
        count += w->actions.items[i].type == type;
    return count;
}

static void done(world *w, posw_job *job) {
    posw_job_run(job, NULL, NULL);
    w_step(w, (posw_event){.type = POSW_EVENT_JOB_DONE, .job = job});
}

static posw_bytes sent(const world *w, uint64_t client) {
    for (size_t i = 0; i < w->actions.count; i++)
        if (w->actions.items[i].type == POSW_ACTION_SEND && w->actions.items[i].client == client)
            return posw_buf_view(&w->actions.items[i].data);
    fail_msg("nothing was sent");
    return (posw_bytes){NULL, 0};
}

static void same_answers(const posw_buf *batch, size_t want_jobs) {
    world now, later;
    posw_job *jobs[JOBS];
    open_with_jobs(&now, false);
    open_with_jobs(&later, true);
    w_data(&now, W_HTTP, batch->data, batch->size);
    w_data(&later, W_HTTP, batch->data, batch->size);
    assert_int_equal(actions_of(&now, POSW_ACTION_JOB), 0);
    assert_int_equal(actions_of(&later, POSW_ACTION_SEND), 0);
    assert_int_equal(actions_of(&later, POSW_ACTION_LATER), 1);
    const size_t count = take_jobs(&later, jobs);
    assert_int_equal(count, want_jobs);
    for (size_t i = count; i-- > 0;) { /* the last first */
        done(&later, jobs[i]);
        assert_int_equal(actions_of(&later, POSW_ACTION_SEND), i == 0);
    }
    const posw_bytes a = sent(&now, W_HTTP), b = sent(&later, W_HTTP);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    assert_int_equal(posw_node_read_counters(now.node).txs_submitted,
                     posw_node_read_counters(later.node).txs_submitted);
    assert_int_equal(posw_node_read_counters(now.node).txs_refused, posw_node_read_counters(later.node).txs_refused);
    w_close(&now);
    w_close(&later);
}

static void test_same_answers(void **state) {
    (void)state;
    posw_buf good = batch_of(1, MANY), mixed = mixed_batch();
    same_answers(&good, 5);
    same_answers(&mixed, 3);
    posw_buf_clear(&good);
    posw_buf_clear(&mixed);
}

/* What was recovered is what counts: the pool believes the job, and only for these bytes. */
static void test_the_job_is_believed(void **state) {
    (void)state;
    world w;
    posw_job *jobs[JOBS];
    open_with_jobs(&w, true);
    posw_buf batch = batch_of(1, 4);
    w_data(&w, W_HTTP, batch.data, batch.size);
    assert_int_equal(take_jobs(&w, jobs), 1);
    posw_job_run(jobs[0], NULL, NULL);
    const posw_address one = h_address(1), two = h_address(2);
    for (size_t i = 0; i < 4; i++)
        assert_true(jobs[0]->has_sender[i] && memcmp(&jobs[0]->senders[i], &one, sizeof one) == 0);
    jobs[0]->senders[0] = two;
    jobs[0]->bytes.data[4 + posw_load_be32(jobs[0]->bytes.data) + 4] ^= 1; /* other bytes than those of the second */
    jobs[0]->senders[1] = two;
    w_step(&w, (posw_event){.type = POSW_EVENT_JOB_DONE, .job = jobs[0]});
    uint64_t nonce;
    ok(posw_mempool_next_nonce(w.pool, &nonce, &two));
    assert_int_equal(nonce, 1);
    posw_buf_clear(&batch);
    w_close(&w);
}

static void at_once(world *w, uint64_t client, const posw_buf *text) {
    w_data(w, client, text->data, text->size);
    assert_int_equal(actions_of(w, POSW_ACTION_JOB), 0);
    assert_int_equal(actions_of(w, POSW_ACTION_LATER), 0);
    assert_int_equal(actions_of(w, POSW_ACTION_SEND), 1);
}

/* Few transactions, streams, no batch, too large a batch: nobody waits. */
static void test_at_once(void **state) {
    (void)state;
    world w;
    open_with_jobs(&w, true);
    posw_buf three = batch_of(1, 3), four = batch_of(2, 4), large = batch_of(3, 4);
    at_once(&w, W_HTTP, &three);
    at_once(&w, W_STREAM, &four);
    large.size--;
    for (int i = 0; i < 1000; i++)
        posw_buf_printf(&large, ",1");
    posw_buf_byte(&large, ']');
    at_once(&w, W_HTTP, &large); /* 1,004 requests: refused */
    posw_buf empty = {0};
    posw_buf_printf(&empty, "[]");
    at_once(&w, W_HTTP, &empty);
    posw_buf_clear(&three);
    posw_buf_clear(&four);
    posw_buf_clear(&large);
    posw_buf_clear(&empty);
    w_close(&w);
}

/* So many jobs may be on their way; then batches are answered at once, until one comes back. */
static void test_limits(void **state) {
    (void)state;
    world w;
    posw_job *jobs[2][JOBS];
    open_with_jobs(&w, true);
    posw_buf four = batch_of(1, 4);
    for (size_t i = 0; i < JOBS; i++) {
        w_data(&w, W_HTTP + i % 64, four.data, four.size);
        assert_int_equal(take_jobs(&w, jobs[0] + i), 1);
    }
    at_once(&w, 90, &four);
    done(&w, jobs[0][5]);
    (void)sent(&w, W_HTTP + 5);
    w_data(&w, W_HTTP + 5, four.data, four.size);
    assert_int_equal(take_jobs(&w, jobs[1]), 1);
    at_once(&w, 90, &four);
    done(&w, jobs[1][0]);
    for (size_t i = 0; i < JOBS; i++)
        if (i != 5 && i != JOBS - 1) done(&w, jobs[0][i]);
    /* requests of more than 16 MiB together; the last of before still waits */
    posw_buf large = {0};
    posw_buf_append(&large, four.data, four.size - 1);
    posw_buf_printf(&large, ",\"%0*d\"]", 6 << 20, 0);
    for (size_t i = 0; i < 2; i++) {
        w_data(&w, W_HTTP + i, large.data, large.size);
        assert_int_equal(take_jobs(&w, jobs[1] + i), 1);
    }
    at_once(&w, 90, &large);
    done(&w, jobs[1][0]);
    w_data(&w, 90, large.data, large.size);
    assert_int_equal(take_jobs(&w, jobs[0]), 1);
    posw_job_free(jobs[0][0]); /* the program ends: these are dropped */
    posw_job_free(jobs[0][JOBS - 1]);
    posw_job_free(jobs[1][1]);
    posw_buf_clear(&four);
    posw_buf_clear(&large);
    w_close(&w);
}

/* Jobs that nobody waits for. */
static void test_strange_jobs(void **state) {
    (void)state;
    world w;
    posw_job *jobs[JOBS];
    open_with_jobs(&w, true);
    posw_buf four = batch_of(1, 4);
    w_data(&w, W_HTTP, four.data, four.size);
    assert_int_equal(take_jobs(&w, jobs), 1);
    for (uint64_t k = 0; k < 3; k++) {
        posw_job *strange = posw_job_new(POSW_JOB_SENDERS, 0);
        strange->id = jobs[0]->id + (k == 0);
        strange->tag = k;
        if (k > 0) strange->tag += 1;
        w_step(&w, (posw_event){.type = POSW_EVENT_JOB_DONE, .job = strange});
        assert_int_equal(actions_of(&w, POSW_ACTION_SEND), 0);
    }
    done(&w, jobs[0]);
    (void)sent(&w, W_HTTP);
    posw_buf_clear(&four);
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_answers), cmocka_unit_test(test_the_job_is_believed), cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_strange_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
