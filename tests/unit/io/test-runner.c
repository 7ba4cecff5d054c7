/* The runner: a whole node on real sockets, threads, signals and files, with a service that takes raw transactions. */
#include "io/runner_world.h"

/* ---- life ---- */

static void starts_serves_and_stops(void **state) {
    world *w = *state;
    const int signals[] = {SIGTERM, SIGINT};
    for (int i = 0; i < 2; i++) {
        start(w);
        assert_true(w->ready);
        assert_int_equal(ask(w, "height", 6), 0);
        const int open = dial(&w->door); /* a client that stays does not hold it up */
        say(open, HEAD_POST);
        stop(w, signals[i]);
        close(open);
    }
}

static void mines(void **state) {
    world *w = *state;
    w->o.threads = 2;
    start(w);
    const uint64_t begin = clock_ms();
    while (ask(w, "height", 6) < 10 && clock_ms() - begin < 20000)
        rest_ms(5);
    submit(w, 1, 0);
    stop(w, SIGTERM);
    assert_true(posw_chain_tip(w->chain.chain)->number >= 10);
    h_check_state(w->chain.chain);
}

static void without_a_server(void **state) {
    world *w = *state;
    w->o.rpc_host = NULL;
    w->o.threads = 1;
    start(w);
    assert_true(w->ready);
    assert_int_equal(w->door.port, 0);
    rest_ms(100);
    stop(w, SIGTERM);
    assert_true(posw_chain_tip(w->chain.chain)->number > 0);
}

static _Atomic unsigned rests;
static void on_rest(void *arg) {
    (void)arg;
    rests++;
}

static void rests_now_and_then(void **state) {
    world *w = *state;
    w->o.rest = on_rest;
    w->o.rest_ms = 5;
    start(w);
    const uint64_t begin = clock_ms();
    while (rests < 3 && clock_ms() - begin < 20000)
        rest_ms(5);
    stop(w, SIGTERM);
    const unsigned at_the_end = rests;
    assert_true(at_the_end >= 3);
    rest_ms(20);
    assert_int_equal(rests, at_the_end);
}

/* ---- a service that has much to do, and asks for a tick at once after each of its steps ---- */

enum { BUSY_MS = 3000 };
static _Atomic uint64_t busy_until_ms;

static void on_busy_event(void *arg, posw_node *n, const posw_event *e, posw_actions *out) {
    (void)arg, (void)out;
    if (e->type != POSW_EVENT_TICK) return;
    rest_ms(1);
    posw_node_wake_at(n, POSW_SERVICE_STRATUM, clock_ms() < busy_until_ms ? posw_node_now_ms(n) : UINT64_MAX);
}

/* Clients have their turn between two steps of it. */
static void others_have_their_turn(void **state) {
    world *w = *state;
    posw_node_set_service(w->node, POSW_SERVICE_STRATUM, &(posw_node_service){.event = on_busy_event});
    const uint64_t begin = clock_ms();
    busy_until_ms = begin + BUSY_MS;
    start(w);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(w, "height", 6), 0);
    assert_true(clock_ms() - begin < BUSY_MS / 2);
    stop(w, SIGTERM);
}

/* ---- starts that fail: at once, with a sentence ---- */

static void fails(world *w, int code, const char *part) {
    const uint64_t begin = clock_ms();
    start(w);
    assert_int_equal(join(w), code);
    assert_true(clock_ms() - begin < 2000);
    if (strstr(w->msg.text, part) == NULL) fail_msg("'%s' does not say '%s'", w->msg.text, part);
}

static void a_port_in_use(void **state) {
    world *w = *state;
    const posw_server_options other = door_options();
    door *d = door_open(&other);
    w->o.rpc_port = d->port;
    fails(w, POSW_EBUSY, "is in use by another program");
    still_serves(d);
    door_close(d);
}

static void not_open_to_the_world(void **state) {
    world *w = *state;
    w->o.rpc_host = "0.0.0.0";
    fails(w, POSW_EINVAL, "--rpc-public");
    w->o.rpc_public = true;
    start(w);
    assert_int_equal(ask(w, "height", 6), 0);
    stop(w, SIGTERM);
}

static void ready_says_no(void **state) {
    world *w = *state;
    w->ready_result = POSW_EIO;
    fails(w, POSW_EIO, "");
}

/* The store fails at the first template, or later at a block: the run ends by itself. */
static void a_fatal_error(void **state) {
    world *w = *state;
    close_node(w);
    h_reopen(&w->chain); /* so that the first template must read */
    open_node(w);
    posw_store_memory_fail(w->chain.store, 1, POSW_EIO, true);
    fails(w, POSW_EIO, "input or output error");
    posw_store_memory_fail(w->chain.store, 0, POSW_OK, false);
    w->o.threads = 1;
    posw_store_memory_fail(w->chain.store, 60, POSW_ENOSPC, true);
    fails(w, POSW_EIO, "no space left");
    posw_store_memory_fail(w->chain.store, 0, POSW_OK, false);
}

/* ---- the journal ---- */

static void waiting_transactions_survive(void **state) {
    world *w = *state;
    start(w);
    for (uint64_t n = 0; n < 5; n++)
        submit(w, 1, n);
    const size_t before = journal_size(w); /* written before the answer came */
    posw_buf expected = records(1, 0, 5);
    assert_int_equal(before, expected.size);
    stop(w, SIGTERM);
    assert_int_equal(journal_size(w), before);
    for (int i = 0; i < 2; i++) {
        new_process(w);
        start(w);
        wait_for_pool(w, 5);
        stop(w, SIGTERM);
        assert_int_equal(journal_size(w), before);
    }
    posw_buf_clear(&expected);
}

/* What is appended after a torn record must be found again. */
static void a_torn_journal(void **state) {
    world *w = *state;
    posw_buf b = records(1, 0, 4);
    for (size_t cut = 1; cut < b.size / 4; cut += 30) {
        write_journal(w, posw_bytes_of(b.data, b.size - cut));
        new_process(w);
        start(w);
        wait_for_pool(w, 3);
        submit(w, 1, 3);
        stop(w, SIGTERM);
        new_process(w);
        start(w);
        wait_for_pool(w, 4);
        stop(w, SIGTERM);
    }
    posw_buf_clear(&b);
}

/* Verifying a large journal takes long: the node serves meanwhile, takes transactions, and may be stopped. */
static void a_large_journal(void **state) {
    enum { MANY = 12000 };
    world *w = *state;
    posw_buf b = records(1, 0, MANY);
    write_journal(w, posw_buf_view(&b));
    const uint64_t begin = clock_ms();
    start(w);
    (void)ask(w, "height", 6);
    assert_true(clock_ms() - begin < 500);
    submit(w, 3, 0);
    assert_true(waiting(w) < MANY);
    stop(w, SIGTERM);
    assert_true(journal_size(w) > b.size); /* whole, and what was accepted meanwhile */
    new_process(w);
    start(w);
    wait_for_pool(w, MANY + 1);
    stop(w, SIGTERM);
    posw_buf_clear(&b);
}

/* Without a journal that can be written the node lives on. */
static void a_journal_that_cannot_be_kept(void **state) {
    world *w = *state;
    char path[TEMPORARY_SIZE + 32];
    const char *const paths[] = {path, w->dir, NULL};
    snprintf(path, sizeof path, "%s/no/journal", w->dir);
    for (uint64_t i = 0; i < 3; i++) {
        w->o.journal_path = paths[i];
        start(w);
        submit(w, 1, i);
        stop(w, SIGTERM);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(starts_serves_and_stops),
        TEST(mines),
        TEST(without_a_server),
        TEST(a_port_in_use),
        TEST(not_open_to_the_world),
        TEST(ready_says_no),
        TEST(a_fatal_error),
        TEST(waiting_transactions_survive),
        TEST(rests_now_and_then),
        TEST(others_have_their_turn),
        TEST(a_torn_journal),
        TEST(a_large_journal),
        TEST(a_journal_that_cannot_be_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
