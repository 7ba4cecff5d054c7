/* The runner's network, with a node that dials itself; and signals that come again while it stops. */
#include "io/file.h"
#include "io/identity.h"
#include "io/runner_world.h"
#include "node/job.h"

enum { JOBS = 200, HASHES = 8 };
static const char GOODBYE[] = "goodbye";

/* What the service has seen; written by the node's thread, read by the test after the end or as single numbers. */
typedef struct {
    world *w;
    posw_node_id self;
    posw_runner_ports ports;
    uint64_t inbound;
    _Atomic unsigned opened, closed, drained, jobs_done, jobs_wrong, resolved, ended, heard;
    unsigned next_job;
    posw_netaddr address;
    char name[64];
    posw_buf said;
    bool many_jobs;
} net;

static void ask_for_work(posw_job_pow *out, unsigned n) {
    uint8_t input[POSW_POW_INPUT_SIZE];
    *out = (posw_job_pow){.seal_hash.b = {(uint8_t)n}};
    posw_pow_input(input, &out->seal_hash, out->nonce);
    assert_true(h_pow.hash(NULL, &out->claimed, &out->key, input));
}

static void push_job(net *s, posw_actions *out) {
    posw_job *job = posw_job_new(POSW_JOB_POW, POSW_JOB_POW_MAX);
    job->id = s->next_job++;
    job->item_count = HASHES;
    for (unsigned i = 0; i < HASHES; i++) {
        ask_for_work(&job->items[i], i);
        if (i == job->id % HASHES) job->items[i].claimed.b[0] ^= 1; /* so many are good */
    }
    posw_actions_push(out, POSW_ACTION_JOB)->job = job;
}

static void send_text(uint64_t peer, const char *text, posw_actions *out) {
    posw_action *a = posw_actions_push(out, POSW_ACTION_PEER_SEND);
    a->peer = peer;
    posw_buf_text(&a->data, text);
}

static void on_event(void *arg, posw_node *n, const posw_event *e, posw_actions *out) {
    net *s = arg;
    (void)n;
    switch (e->type) {
    case POSW_EVENT_PEER_OPEN:
        assert_memory_equal(&e->node_id, &s->self, sizeof s->self);
        if (e->inbound)
            s->inbound = e->peer;
        else
            send_text(e->peer, "hello", out);
        s->opened++;
        break;
    case POSW_EVENT_PEER_DATA:
        if (e->inbound) posw_buf_append(&s->said, e->data.data, e->data.size);
        s->heard += (unsigned)e->data.size;
        break;
    case POSW_EVENT_PEER_CLOSED:
        s->closed++;
        break;
    case POSW_EVENT_PEER_DRAINED:
        s->drained++;
        break;
    case POSW_EVENT_JOB_DONE:
        if (e->job->result != POSW_OK || e->job->good != e->job->id % HASHES) s->jobs_wrong++;
        s->jobs_done++;
        if (s->next_job < JOBS) push_job(s, out);
        break;
    case POSW_EVENT_RESOLVED:
        snprintf(s->name, sizeof s->name, "%.*s", (int)e->data.size, (const char *)e->data.data);
        if (e->address_count > 0) s->address = e->addresses[0];
        s->resolved++;
        break;
    case POSW_EVENT_TICK:
    case POSW_EVENT_CLIENT_DATA:
    case POSW_EVENT_CLIENT_CLOSED:
    case POSW_EVENT_SEAL_FOUND:
    case POSW_EVENT_JOURNAL:
    case POSW_EVENT_MINER_OPEN:
    case POSW_EVENT_MINER_DATA:
    case POSW_EVENT_MINER_CLOSED:
        break;
    }
}

static void on_begin(void *arg, const posw_runner_ports *ports, posw_actions *out) {
    world *w = arg;
    net *s = w->extra;
    s->ports = *ports;
    posw_action *a = posw_actions_push(out, POSW_ACTION_PEER_CONNECT);
    a->peer = POSW_PEER_OUTBOUND | 1;
    a->address = (posw_netaddr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}, .port = ports->p2p};
    a->node_id = s->self;
    a = posw_actions_push(out, POSW_ACTION_RESOLVE);
    posw_buf_append(&a->data, "localhost", 10);
    a->address.port = 1234;
    for (int i = 0; i < (s->many_jobs ? 50 : 4); i++)
        push_job(s, out);
}

static void on_end(void *arg, posw_actions *out) {
    world *w = arg;
    net *s = w->extra;
    s->ended++;
    send_text(POSW_PEER_OUTBOUND | 1, GOODBYE, out);
    posw_actions_push(out, POSW_ACTION_PEER_CLOSE)->peer = POSW_PEER_OUTBOUND | 1;
    posw_buf_text(&posw_actions_push(out, POSW_ACTION_SAVE_PEERS)->data, "peers of this run");
}

typedef struct {
    net s;
    posw_identity *id;
    char peers[TEMPORARY_SIZE + 32];
} place;

static int net_setup(void **state) {
    (void)setup(state);
    world *w = *state;
    place *p = calloc(1, sizeof *p);
    assert_int_equal(posw_identity_new(&p->id), POSW_OK);
    p->s.w = w;
    p->s.self = posw_identity_node_id(p->id);
    snprintf(p->peers, sizeof p->peers, "%s/peers.dat", w->dir);
    w->extra = &p->s;
    w->o.identity = p->id;
    w->o.p2p_host = "127.0.0.1";
    w->o.peers_path = p->peers;
    w->o.begin = on_begin;
    w->o.end = on_end;
    posw_node_set_service(w->node, POSW_SERVICE_P2P, &(posw_node_service){.event = on_event, .arg = &p->s});
    return 0;
}

static int net_teardown(void **state) {
    world *w = *state;
    place *p = (place *)w->extra;
    posw_identity_free(p->id);
    posw_buf_clear(&p->s.said);
    free(p);
    return teardown(state);
}

static void wait_for(_Atomic unsigned *what, unsigned count) {
    for (const uint64_t begin = clock_ms(); *what < count && clock_ms() - begin < 20000;)
        rest_ms(2);
    assert_true(*what >= count);
}

static void everything_once(void **state) {
    world *w = *state;
    net *s = w->extra;
    place *p = w->extra;
    start(w);
    assert_true(w->ready);
    assert_int_not_equal(s->ports.p2p, 0);
    assert_int_not_equal(s->ports.rpc, 0);
    assert_int_equal(ask(w, "height", 6), 0);
    wait_for(&s->opened, 2);
    wait_for(&s->heard, 5);
    wait_for(&s->drained, 1);
    wait_for(&s->jobs_done, JOBS);
    wait_for(&s->resolved, 1);
    stop(w, SIGTERM);
    assert_int_equal(s->jobs_wrong, 0);
    assert_int_equal(s->jobs_done, JOBS);
    assert_string_equal(s->name, "localhost");
    assert_true(posw_netaddr_is_loopback(&s->address));
    assert_int_equal(s->address.port, 1234);
    assert_int_equal(s->ended, 1);
    assert_int_equal(s->said.size, 5);
    posw_buf kept = {0};
    assert_int_equal(posw_file_read(&kept, p->peers, 1000, NULL), POSW_OK);
    assert_int_equal(kept.size, strlen("peers of this run"));
    posw_buf_clear(&kept);
}

/* Whatever is under way when it stops. */
static void stops_at_any_moment(void **state) {
    world *w = *state;
    net *s = w->extra;
    s->many_jobs = true;
    for (int i = 0; i < 12; i++) {
        s->next_job = 0;
        start(w);
        assert_true(w->ready);
        rest_ms(i);
        stop(w, i % 2 == 0 ? SIGTERM : SIGINT);
        posw_buf_reset(&s->said);
    }
    assert_int_equal(s->ended, 12);
    assert_int_equal(s->jobs_wrong, 0);
}

/* Hashes that would take half a minute hold up no stop. */
static bool slow_hash(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch, (void)key, (void)input;
    rest_ms(60);
    memset(out, 1, sizeof *out);
    return true;
}

static void slow_jobs_do_not_hold_it_up(void **state) {
    static const posw_pow slow = {.name = "slow", .hash = slow_hash};
    world *w = *state;
    net *s = w->extra;
    s->many_jobs = true;
    w->o.pow = &slow;
    start(w);
    rest_ms(100);
    stop(w, SIGTERM);
    assert_int_equal(s->ended, 1);
}

static void a_network_port_in_use(void **state) {
    world *w = *state;
    const posw_server_options other = door_options();
    door *d = door_open(&other);
    w->o.p2p_port = d->port;
    const uint64_t begin = clock_ms();
    start(w);
    assert_int_equal(join(w), POSW_EBUSY);
    assert_true(clock_ms() - begin < 2000);
    assert_non_null(strstr(w->msg.text, "--p2p-port"));
    door_close(d);
}

static void one_that_only_dials(void **state) {
    world *w = *state;
    net *s = w->extra;
    w->o.p2p_host = NULL;
    start(w);
    assert_int_equal(s->ports.p2p, 0);
    wait_for(&s->closed, 1); /* its own port is none */
    stop(w, SIGTERM);
}

/* ---- signals: in a process of its own, where they would end it ---- */

static void unblock_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    (void)pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static int tell_ready(void *arg, const posw_runner_ports *ports) {
    const world *w = arg;
    const int fd = *(const int *)w->extra;
    (void)ports;
    return write(fd, "r", 1) == 1 ? POSW_OK : POSW_EIO;
}

static void child_main(world *w, int fd) {
    posw_message msg;
    unblock_signals();
    w->extra = &fd;
    w->o.ready = tell_ready;
    w->o.threads = 1;
    const int err = posw_runner_run(w->node, &w->o, NULL, &msg);
    (void)!write(fd, "e", 1);
    rest_ms(150); /* the store is being closed */
    (void)!write(fd, "c", 1);
    _exit(err == POSW_OK ? 0 : 1);
}

static void a_second_signal_changes_nothing(void **state) {
    world *w = *state;
    for (int round = 0; round < 6; round++) {
        int fds[2], status;
        char told[8] = "";
        assert_int_equal(pipe(fds), 0);
        const pid_t child = fork();
        if (child == 0) child_main(w, fds[1]);
        close(fds[1]);
        assert_int_equal(read(fds[0], told, 1), 1);
        rest_ms(round);
        while (waitpid(child, &status, WNOHANG) == 0) {
            kill(child, round % 2 == 0 ? SIGINT : SIGTERM);
            kill(child, round % 3 == 0 ? SIGTERM : SIGINT);
            if (round > 3) rest_ms(1);
        }
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(read(fds[0], told, 2), 2);
        assert_memory_equal(told, "ec", 2);
        close(fds[0]);
    }
}

#define NET(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        NET(everything_once),
        NET(stops_at_any_moment),
        NET(slow_jobs_do_not_hold_it_up),
        NET(a_network_port_in_use),
        NET(one_that_only_dials),
        cmocka_unit_test_setup_teardown(a_second_signal_changes_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
