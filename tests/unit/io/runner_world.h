/* A whole node in a runner on a thread of its own, with a service that takes raw transactions, and what tests do to it.
 */
#ifndef POSW_TEST_IO_RUNNER_WORLD_H
#define POSW_TEST_IO_RUNNER_WORLD_H

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
    void *extra; /* of a test */
} world;

/* "pool": how many wait; "height": the tip; anything else is a raw transaction, answered by its refusal. */
static inline void on_client_data(void *arg, posw_node *n, const posw_event *e, posw_actions *out) {
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
        ok(posw_node_submit_tx(n, e->data.data, e->data.size, NULL, &refusal, NULL, NULL, out));
        snprintf(text, sizeof text, "%d", (int)refusal);
    }
    posw_action *a = posw_actions_push(out, POSW_ACTION_SEND);
    a->client = e->client;
    posw_buf_text(&a->data, text);
}

static inline void open_node(world *w) {
    posw_mempool_options m;
    posw_miner_identity id = {.miner = h_address(0)};
    h_secret(id.secret, 0);
    posw_mempool_options_default(&m);
    ok(posw_mempool_new(&w->pool, w->chain.chain, &m));
    const posw_node_options n = {.chain = w->chain.chain, .mempool = w->pool, .identity = &id, .pow = &h_pow};
    ok(posw_node_new(&w->node, &n));
    posw_node_set_service(w->node, POSW_SERVICE_RPC, &(posw_node_service){.client_data = on_client_data});
}

static inline void close_node(world *w) {
    posw_node_free(w->node);
    posw_mempool_free(w->pool);
}

static inline int on_ready(void *arg, const posw_runner_ports *ports) {
    world *w = arg;
    pthread_mutex_lock(&w->lock);
    w->door.port = ports->rpc;
    w->ready = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return w->ready_result;
}

/* The runner's own thread hears them; here they would end the test. */
static inline void block_signals(void) {
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static inline int setup(void **state) {
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

static inline int teardown(void **state) {
    world *w = *state;
    close_node(w);
    h_close(&w->chain);
    posw_chain_spec_clear(&w->spec);
    temporary_remove(w->dir);
    free(w);
    return 0;
}

/* ---- runs ---- */

static inline void *run_main(void *arg) {
    world *w = arg;
    w->result = posw_runner_run(w->node, &w->o, NULL, &w->msg);
    pthread_mutex_lock(&w->lock);
    w->ended = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Starts a run and waits until it serves or has ended. */
static inline void start(world *w) {
    w->ready = w->ended = false;
    memset(&w->msg, 0, sizeof w->msg);
    assert_int_equal(pthread_create(&w->thread, NULL, run_main, w), 0);
    pthread_mutex_lock(&w->lock);
    while (!w->ready && !w->ended)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

/* A runner that does not end would hold up everything: that ends the test program. */
static inline int join(world *w) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    if (pthread_timedjoin_np(w->thread, NULL, &until) != 0) {
        fprintf(stderr, "the runner does not end\n");
        abort();
    }
    return w->result;
}

static inline void stop(world *w, int number) {
    const uint64_t begin = clock_ms();
    kill(getpid(), number);
    assert_int_equal(join(w), POSW_OK);
    assert_true(clock_ms() - begin < 1000);
}

static inline unsigned ask(world *w, const void *body, size_t size) {
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

static inline unsigned waiting(world *w) {
    return ask(w, "pool", 4);
}

static inline void wait_for_pool(world *w, unsigned count) {
    const uint64_t begin = clock_ms();
    while (waiting(w) != count && clock_ms() - begin < 20000)
        rest_ms(5);
    assert_int_equal(waiting(w), count);
}

static inline void submit(world *w, unsigned from, uint64_t nonce) {
    h_tx t = h_transfer(from, nonce, 2, 0);
    assert_int_equal(ask(w, t.raw.data, t.raw.size), POSW_MEMPOOL_ACCEPTED);
    posw_buf_clear(&t.raw);
}

static inline posw_buf records(unsigned from, uint64_t first, uint64_t count) {
    posw_buf b = {0};
    for (uint64_t n = first; n < first + count; n++) {
        h_tx t = h_transfer(from, n, 2, 0);
        const posw_mempool_entry e = {.tx = {.raw = posw_buf_view(&t.raw)}};
        posw_mempool_journal_record(&b, &e);
        posw_buf_clear(&t.raw);
    }
    return b;
}

static inline void write_journal(const world *w, posw_bytes b) {
    FILE *f = fopen(w->journal, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.data, 1, b.size, f), b.size);
    fclose(f);
}

static inline size_t journal_size(const world *w) {
    struct stat st;
    assert_int_equal(stat(w->journal, &st), 0);
    return (size_t)st.st_size;
}

/* Forgets the pool, as a new process would. */
static inline void new_process(world *w) {
    close_node(w);
    open_node(w);
}

#endif
