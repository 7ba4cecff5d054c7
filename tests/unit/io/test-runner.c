/* The runner: a whole node on real sockets, threads, signals and files, with a service that takes raw transactions. */
#include "chain/harness.h"
#include "io/http_client.h"
#include "io/runner.h"
#include "io/temporary.h"

#include <sys/stat.h>

typedef struct {
    char dir[TEMPORARY_SIZE], journal[TEMPORARY_SIZE + 32];
    posw_chain_spec spec;
    h_node chain;
    posw_mempool *pool;
    posw_node *node;
    posw_runner_options o;
    /* of a run */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    door door; /* host and port of the runner's server */
    int result;
    bool ready, ended;
    int ready_result;
    posw_message msg;
} world;

/* "pool": how many wait; "height": the tip; anything else is a raw transaction, answered by its refusal. */
static void on_client_data(void *arg, posw_node *n, const posw_event *e, posw_actions *out) {
    (void)arg;
    char text[64];
    enum posw_mempool_refusal refusal;
    if (begins(e->data, "pool")) {
        size_t pending, queued;
        posw_mempool_counts(posw_node_mempool(n), &pending, &queued, NULL);
        snprintf(text, sizeof text, "%zu", pending + queued);
    } else if (begins(e->data, "height")) {
        snprintf(text, sizeof text, "%u", (unsigned)posw_chain_tip(posw_node_chain(n))->number);
    } else {
        ok(posw_node_submit_tx(n, e->data.data, e->data.size, &refusal, NULL, NULL, out));
        snprintf(text, sizeof text, "%d", (int)refusal);
    }
    posw_action *a = posw_actions_push(out, POSW_ACTION_SEND);
    a->client = e->client;
    posw_buf_text(&a->data, text);
}

static void open_node(world *w) {
    posw_mempool_options m;
    posw_miner_identity id = {.miner = h_address(0)};
    h_secret(id.secret, 0);
    posw_mempool_options_default(&m);
    ok(posw_mempool_new(&w->pool, w->chain.chain, &m));
    const posw_node_options n = {.chain = w->chain.chain, .mempool = w->pool, .identity = &id, .pow = &h_pow};
    ok(posw_node_new(&w->node, &n));
    posw_node_set_service(w->node, POSW_SERVICE_RPC, &(posw_node_service){.client_data = on_client_data});
}

static void close_node(world *w) {
    posw_node_free(w->node);
    posw_mempool_free(w->pool);
}

static int on_ready(void *arg, uint16_t port) {
    world *w = arg;
    pthread_mutex_lock(&w->lock);
    w->door.port = port;
    w->ready = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return w->ready_result;
}

/* The runner's own thread hears them; here they would end the test. */
static void block_signals(void) {
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int setup(void **state) {
    world *w = calloc(1, sizeof *w);
    block_signals();
    temporary_make_fast(w->dir);
    snprintf(w->journal, sizeof w->journal, "%s/journal", w->dir);
    h_spec(&w->spec);
    h_open(&w->chain, &w->spec);
    open_node(w);
    posw_runner_options_default(&w->o);
    w->o.rpc_port = 0;
    w->o.pow = &h_pow;
    w->o.journal_path = w->journal;
    w->o.ready = on_ready;
    w->o.arg = w;
    w->door.host = "127.0.0.1";
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world *w = *state;
    close_node(w);
    h_close(&w->chain);
    posw_chain_spec_clear(&w->spec);
    temporary_remove(w->dir);
    free(w);
    return 0;
}

/* ---- runs ---- */

static void *run_main(void *arg) {
    world *w = arg;
    w->result = posw_runner_run(w->node, &w->o, NULL, &w->msg);
    pthread_mutex_lock(&w->lock);
    w->ended = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Starts a run and waits until it serves or has ended. */
static void start(world *w) {
    w->ready = w->ended = false;
    memset(&w->msg, 0, sizeof w->msg);
    assert_int_equal(pthread_create(&w->thread, NULL, run_main, w), 0);
    pthread_mutex_lock(&w->lock);
    while (!w->ready && !w->ended)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

/* A runner that does not end would hold up everything: that ends the test program. */
static int join(world *w) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    if (pthread_timedjoin_np(w->thread, NULL, &until) != 0) {
        fprintf(stderr, "the runner does not end\n");
        abort();
    }
    return w->result;
}

static void stop(world *w, int number) {
    const uint64_t begin = clock_ms();
    kill(getpid(), number);
    assert_int_equal(join(w), POSW_OK);
    assert_true(clock_ms() - begin < 1000);
}

static unsigned ask(world *w, const void *body, size_t size) {
    const int fd = dial(&w->door);
    char head[256];
    reply r;
    snprintf(head, sizeof head, HEAD_POST "Connection: close\r\nContent-Length: %zu\r\n\r\n", size);
    say(fd, head);
    assert_true(say_bytes(fd, body, size));
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.status, 200);
    posw_buf_byte(&r.body, 0);
    const unsigned answer = (unsigned)atoi((const char *)r.body.data);
    posw_buf_clear(&r.body);
    close(fd);
    return answer;
}

static unsigned waiting(world *w) { return ask(w, "pool", 4); }

static void wait_for_pool(world *w, unsigned count) {
    const uint64_t begin = clock_ms();
    while (waiting(w) != count && clock_ms() - begin < 20000)
        rest_ms(5);
    assert_int_equal(waiting(w), count);
}

static void submit(world *w, unsigned from, uint64_t nonce) {
    h_tx t = h_transfer(from, nonce, 2, 0);
    assert_int_equal(ask(w, t.raw.data, t.raw.size), POSW_MEMPOOL_ACCEPTED);
    posw_buf_clear(&t.raw);
}

static posw_buf records(unsigned from, uint64_t first, uint64_t count) {
    posw_buf b = {0};
    for (uint64_t n = first; n < first + count; n++) {
        h_tx t = h_transfer(from, n, 2, 0);
        const posw_mempool_entry e = {.tx = {.raw = posw_buf_view(&t.raw)}};
        posw_mempool_journal_record(&b, &e);
        posw_buf_clear(&t.raw);
    }
    return b;
}

static void write_journal(const world *w, posw_bytes b) {
    FILE *f = fopen(w->journal, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.data, 1, b.size, f), b.size);
    fclose(f);
}

static size_t journal_size(const world *w) {
    struct stat st;
    assert_int_equal(stat(w->journal, &st), 0);
    return (size_t)st.st_size;
}

/* Forgets the pool, as a new process would. */
static void new_process(world *w) {
    close_node(w);
    open_node(w);
}

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
        TEST(starts_serves_and_stops), TEST(mines),           TEST(without_a_server), TEST(a_port_in_use),
        TEST(not_open_to_the_world),   TEST(ready_says_no),   TEST(a_fatal_error),    TEST(waiting_transactions_survive),
        TEST(a_torn_journal),          TEST(a_large_journal), TEST(a_journal_that_cannot_be_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
