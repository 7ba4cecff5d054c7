/* The miners' door without sockets: lines in, lines out, blocks on the chain. Key 0 has 100 coins at stake under
 * tickets of 10 coins that count 16-fold; the node holds keys 0 and 1. */
#include "miner/search.h"
#include "node/node.h"
#include "stratum/client.h"
#include "stratum/stratum.h"

#include <inttypes.h>

enum { CLIENTS = 80, SHARES_MAX = 64, SHARES_CONN_MAX = 4 };
static const uint64_t START_MS = 2000 * 1000;

typedef struct {
    bool open;
    posw_buf got; /* since it was last looked at */
} peer;

typedef struct {
    posw_chain_spec spec;
    h_node chain;
    posw_mempool *pool;
    posw_node *node;
    posw_stratum *stratum;
    uint64_t now_ms, timer_ms;
    unsigned places;         /* of the sockets */
    peer peers[CLIENTS + 1]; /* by number, from 1 */
    bool keeps_jobs;
    posw_job *jobs[SHARES_MAX + 1];
    size_t job_count;
} world;

/* ---- the world around the node ---- */

static void step(world *w, posw_event e);

static void perform(world *w, posw_actions *a) {
    for (size_t i = 0; i < a->count; i++) {
        posw_action *x = &a->items[i];
        if (x->type == POSW_ACTION_MINER_SEND) {
            if (w->peers[x->client].open) posw_buf_append(&w->peers[x->client].got, x->data.data, x->data.size);
        } else if (x->type == POSW_ACTION_MINER_CLOSE) {
            w->peers[x->client].open = false;
        } else if (x->type == POSW_ACTION_TIMER) {
            w->timer_ms = x->at_ms;
        } else if (x->type == POSW_ACTION_JOB) {
            posw_job *job = x->job;
            x->job = NULL;
            posw_job_run(job, &h_pow, NULL);
            if (w->keeps_jobs) {
                assert_true(w->job_count < POSW_ARRAY_SIZE(w->jobs));
                w->jobs[w->job_count++] = job;
            } else {
                step(w, (posw_event){.type = POSW_EVENT_JOB_DONE, .job = job});
            }
        }
    }
}

static void step(world *w, posw_event e) {
    posw_actions a = {0};
    e.now_ms = w->now_ms;
    posw_node_step(w->node, &e, &a);
    perform(w, &a);
    posw_actions_clear(&a);
}

static void tick(world *w, uint64_t ms) {
    w->now_ms += ms;
    step(w, (posw_event){.type = POSW_EVENT_TICK});
}

static world *open_with(void (*change)(posw_chain_spec *spec), posw_stratum_options o) {
    world *w = calloc(1, sizeof *w);
    posw_mempool_options m;
    posw_stratum_key keys[2];
    h_spec(&w->spec);
    w->spec.params.genesis_difficulty = posw_u256_from_u64(64);
    if (change != NULL) change(&w->spec);
    h_open(&w->chain, &w->spec);
    posw_mempool_options_default(&m);
    ok(posw_mempool_new(&w->pool, w->chain.chain, &m));
    ok(posw_node_new(&w->node, &(posw_node_options){.chain = w->chain.chain, .mempool = w->pool, .pow = &h_pow}));
    for (unsigned i = 0; i < 2; i++) {
        keys[i].address = h_address(i);
        h_secret(keys[i].secret, i);
    }
    o.keys = keys;
    o.key_count = 2;
    ok(posw_stratum_new(&w->stratum, w->node, &o));
    w->now_ms = START_MS;
    tick(w, 0);
    return w;
}

static void close_world(world *w) {
    posw_stratum_free(w->stratum);
    posw_node_free(w->node);
    posw_mempool_free(w->pool);
    for (size_t i = 0; i <= CLIENTS; i++)
        posw_buf_clear(&w->peers[i].got);
    h_close(&w->chain);
    posw_chain_spec_clear(&w->spec);
    free(w);
}

static int setup(void **state) {
    *state = open_with(NULL, (posw_stratum_options){0});
    return 0;
}

static int teardown(void **state) {
    close_world(*state);
    return 0;
}

/* ---- a miner ---- */

static void come_from(world *w, uint64_t n, uint8_t host) {
    const posw_netaddr a = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = host}, .port = 1000};
    w->peers[n].open = true;
    step(w, (posw_event){.type = POSW_EVENT_MINER_OPEN, .client = n, .address = a, .places = w->places});
}

static void come(world *w, uint64_t n) {
    come_from(w, n, (uint8_t)n);
}

static void say(world *w, uint64_t n, const char *line) {
    step(w, (posw_event){.type = POSW_EVENT_MINER_DATA, .client = n, .data = {(const uint8_t *)line, strlen(line)}});
}

/* The text that it was sent since the last time; the caller frees. */
static char *heard(world *w, uint64_t n) {
    posw_buf_byte(&w->peers[n].got, 0);
    char *text = strdup((const char *)w->peers[n].got.data);
    posw_buf_reset(&w->peers[n].got);
    return text;
}

static void hears(world *w, uint64_t n, const char *part) {
    char *text = heard(w, n);
    if (strstr(text, part) == NULL) fail_msg("not '%s' but: %s", part, text);
    free(text);
}

static void hears_nothing(world *w, uint64_t n) {
    assert_int_equal(w->peers[n].got.size, 0);
}

/* The last line that it was sent. */
static posw_stratum_reply last(world *w, uint64_t n) {
    posw_stratum_reply r;
    const posw_buf *got = &w->peers[n].got;
    size_t begin = got->size - 1;
    assert_true(got->size > 0);
    while (begin > 0 && got->data[begin - 1] != '\n')
        begin--;
    ok(posw_stratum_reply_decode(&r, posw_bytes_of(got->data + begin, got->size - 1 - begin)));
    posw_buf_reset(&w->peers[n].got);
    return r;
}

static void say_login(world *w, uint64_t n, unsigned key, const char *more) {
    char line[256], hex[41];
    const posw_address a = h_address(key);
    posw_hex_encode(hex, a.b, sizeof a.b);
    snprintf(line, sizeof line, "{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"0x%s%s\",\"pass\":\"x\"}}\n",
             hex, more);
    say(w, n, line);
}

static posw_stratum_reply log_in(world *w, uint64_t n, unsigned key) {
    if (!w->peers[n].open) come(w, n);
    say_login(w, n, key, ".rig");
    const posw_stratum_reply r = last(w, n);
    assert_int_equal(r.type, POSW_STRATUM_WELCOME);
    return r;
}

typedef struct {
    uint8_t nonce[4];
    posw_hash mix;
} hit;

/* As a stock miner does: the last 8 bytes of the hash against the target; from a nonce on. weak: one that misses. */
static hit search_job(const posw_stratum_job *j, uint32_t from, bool weak) {
    hit f;
    uint8_t input[POSW_POW_INPUT_SIZE];
    memcpy(input, j->input, sizeof input);
    for (uint32_t n = from;; n++) {
        posw_store_be32(f.nonce, n);
        memcpy(input + POSW_STRATUM_NONCE_OFFSET, f.nonce, sizeof f.nonce);
        h_pow_hash(NULL, &f.mix, &j->key, input);
        if ((posw_load_le64(f.mix.b + 24) < j->target) != weak) return f;
    }
}

static void submit(world *w, uint64_t n, uint64_t session, uint64_t job, const hit *f) {
    posw_stratum_request r = {
        .method = POSW_STRATUM_SUBMIT, .id = "2", .session = session, .job = job, .result = f->mix};
    posw_buf line = {0};
    memcpy(r.nonce, f->nonce, sizeof r.nonce);
    posw_stratum_request_encode(&line, &r, NULL);
    posw_buf_byte(&line, 0);
    say(w, n, (const char *)line.data);
    posw_buf_clear(&line);
}

static uint64_t height(const world *w) {
    return posw_chain_tip(w->chain.chain)->number;
}

/* ---- logging in ---- */

static void targets_are_those_of_the_stake(void **state) {
    world *w = *state;
    const posw_stratum_job rich = log_in(w, 1, 0).job, poor = log_in(w, 2, 1).job;
    assert_true(rich.target >= 16 * poor.target && rich.target - 16 * poor.target < 16);
    for (unsigned i = 0; i < 2; i++) {
        const posw_address a = h_address(i);
        const posw_u256 weight = posw_chain_next_weight(w->chain.chain, &a), d = posw_u256_from_u64(64);
        const posw_u256 target = posw_seal_target(&d, &weight);
        assert_int_equal(i == 0 ? rich.target : poor.target, target.w[3]);
    }
    assert_string_equal(rich.algorithm, "posw/keccak256");
    assert_int_equal(rich.height, 1);
    assert_int_equal(rich.stake.tickets, 10);
    assert_int_equal(poor.stake.tickets, 0);
    const posw_u256 price = h_coins(10), boost = posw_u256_from_u64(16);
    assert_true(posw_u256_equal(&poor.stake.step_wei, &price) && posw_u256_equal(&poor.stake.step_weight, &boost));
}

static void no_two_jobs_overlap(void **state) {
    world *w = *state;
    const posw_stratum_job a = log_in(w, 1, 0).job, b = log_in(w, 2, 0).job;
    assert_memory_equal(a.input, b.input, 39);
    assert_memory_not_equal(a.input + 43, b.input + 43, 4);
    say(w, 1, "{\"id\":5,\"method\":\"getjob\",\"params\":{}}\n");
    const posw_stratum_job c = last(w, 1).job;
    assert_memory_not_equal(a.input + 43, c.input + 43, 4);
    assert_int_not_equal(a.id, c.id);
}

static void logins_that_cannot_be_served(void **state) {
    world *w = *state;
    come(w, 1);
    say_login(w, 1, 2, "");
    hears(w, 1, "this node has not got its signer's key; stake and name 0x");
    assert_false(w->peers[1].open);
    come(w, 2);
    say(w, 2, "{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"me@example.org\"}}\n");
    hears(w, 2, "The login is your address");
    come(w, 3);
    say(w, 3, "{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"x\",\"algo\":[\"rx/0\"]}}\n");
    hears(w, 3, "mined with posw/keccak256, which is not among your miner's");
    come(w, 4);
    say(w, 4,
        "{\"id\":1,\"method\":\"submit\",\"params\":{\"nonce\":\"00000000\",\"result\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}}\n");
    hears(w, 4, "Unauthenticated");
    for (uint64_t n = 1; n <= 4; n++)
        assert_false(w->peers[n].open);
    assert_int_equal(posw_stratum_read_counters(w->stratum).refused, 3);
}

/* Key 2 stakes and names key 1: from the epoch in which that counts on, the node can serve it. */
static void a_named_signer_can_be_served(void **state) {
    (void)state;
    world *w = open_with(NULL, (posw_stratum_options){0});
    h_plan plan = {.miner = 0, .gap_s = 1, .tx_count = 2, .txs = {h_stake(2, 0, 2, 50), h_set_signer(2, 1, 1)}};
    h_block b = h_extend(w->chain.chain, &plan);
    h_block_clear(&b);
    while (height(w) < 2 * H_EPOCH - 1) {
        come(w, 1);
        say_login(w, 1, 2, "");
        hears(w, 1, "Cannot mine for 0x");
        h_grow(w->chain.chain, 1);
    }
    w->now_ms += 60000;
    const posw_stratum_reply r = log_in(w, 2, 2);
    assert_int_equal(r.job.stake.tickets, 5);
    const hit f = search_job(&r.job, 0, false);
    submit(w, 2, r.session, r.job.id, &f);
    hears(w, 2, "\"status\":\"OK\"");
    const posw_address miner = h_address(2);
    assert_true(posw_address_equal(&posw_chain_tip(w->chain.chain)->beneficiary, &miner));
    close_world(w);
}

/* ---- shares ---- */

static void a_share_is_a_block(void **state) {
    world *w = *state;
    posw_stratum_reply r = log_in(w, 1, 0);
    const posw_stratum_job other = log_in(w, 2, 1).job;
    for (uint64_t i = 1; i <= 5; i++) {
        w->now_ms += 2000;
        const hit f = search_job(&r.job, 0, false);
        submit(w, 1, r.session, r.job.id, &f);
        assert_int_equal(height(w), i);
        const posw_header *tip = posw_chain_tip(w->chain.chain);
        assert_true(posw_hash_equal(&tip->mix_hash, &f.mix));
        char *text = heard(w, 1); /* work for the next block, and the answer */
        char *line = strtok(text, "\n"), *answer = strtok(NULL, "\n");
        assert_non_null(answer);
        posw_stratum_reply job, done;
        ok(posw_stratum_reply_decode(&job, posw_bytes_of(line, strlen(line))));
        ok(posw_stratum_reply_decode(&done, posw_bytes_of(answer, strlen(answer))));
        assert_int_equal(done.type, POSW_STRATUM_STATUS);
        assert_string_equal(done.id, "2");
        assert_int_equal(job.job.height, i + 1);
        r.job = job.job;
        free(text);
        const posw_stratum_job o = last(w, 2).job; /* everybody gets new work */
        assert_int_equal(o.height, i + 1);
        assert_int_equal(o.target, other.target);
    }
    assert_int_equal(posw_stratum_read_counters(w->stratum).blocks, 5);
}

/* Tickets are used up, and the target falls with the last. */
static void targets_fall_with_the_last_ticket(void **state) {
    world *w = *state;
    posw_stratum_reply r = log_in(w, 1, 0);
    const uint64_t strong = r.job.target;
    unsigned boosted = 0;
    for (uint32_t i = 0; boosted < 10; i++) {
        w->now_ms += 2000;
        const posw_u256 d = posw_u256_from_u64(64);
        hit f = search_job(&r.job, 0, false);
        while (!posw_seal_boosted(&f.mix, &d)) /* one that needs its ticket */
            f = search_job(&r.job, posw_load_be32(f.nonce) + 1, false);
        assert_int_equal(r.job.target, strong);
        submit(w, 1, r.session, r.job.id, &f);
        boosted++;
        assert_int_equal(height(w), boosted);
        posw_stratum_reply job;
        char *text = heard(w, 1), *line = strtok(text, "\n");
        ok(posw_stratum_reply_decode(&job, posw_bytes_of(line, strlen(line))));
        r.job = job.job;
        free(text);
    }
    assert_true(r.job.target == strong / 16);
    assert_int_equal(r.job.stake.used, 10);
}

static void shares_that_are_refused(void **state) {
    world *w = *state;
    const posw_stratum_reply r = log_in(w, 1, 0);
    const hit weak = search_job(&r.job, 0, true), good = search_job(&r.job, 0, false);
    submit(w, 1, r.session, r.job.id, &weak);
    hears(w, 1, "Low difficulty share");
    submit(w, 1, r.session, r.job.id + 1000, &good);
    hears(w, 1, "Invalid job id");
    assert_int_equal(height(w), 0);
    w->keeps_jobs = true; /* the tip moves while a share is recomputed */
    submit(w, 1, r.session, r.job.id, &good);
    hears_nothing(w, 1);
    submit(w, 1, r.session, r.job.id, &good);
    hears(w, 1, "Duplicate share");
    h_block b = h_simple(w->chain.chain, 3, 1);
    posw_prepared p;
    posw_verdict v;
    posw_actions a = {0};
    ok(posw_prepare(&p, b.bytes.data, b.bytes.size, &h_pow, NULL, NULL));
    ok(posw_node_submit_block(w->node, &p, &v, &a));
    perform(w, &a);
    posw_actions_clear(&a);
    posw_prepared_clear(&p);
    h_block_clear(&b);
    assert_int_equal(height(w), 1);
    assert_int_equal(last(w, 1).job.height, 2);
    step(w, (posw_event){.type = POSW_EVENT_JOB_DONE, .job = w->jobs[0]});
    hears(w, 1, "Block expired"); /* it stands on a side branch */
    const posw_stratum_counters c = posw_stratum_read_counters(w->stratum);
    assert_int_equal(c.weak, 1);
    assert_int_equal(c.duplicates, 1);
    assert_int_equal(c.unknown_jobs, 1);
    assert_int_equal(c.stale, 1);
    assert_int_equal(c.late, 1);
    assert_int_equal(c.blocks, 0);
}

/* A share of a miner that has gone meanwhile is a block all the same. */
static void a_share_outlives_its_connection(void **state) {
    world *w = *state;
    const posw_stratum_reply r = log_in(w, 1, 0);
    const hit f = search_job(&r.job, 0, false);
    w->keeps_jobs = true;
    submit(w, 1, r.session, r.job.id, &f);
    step(w, (posw_event){.type = POSW_EVENT_MINER_CLOSED, .client = 1});
    assert_int_equal(posw_stratum_read_counters(w->stratum).connections, 0);
    step(w, (posw_event){.type = POSW_EVENT_JOB_DONE, .job = w->jobs[0]});
    assert_int_equal(height(w), 1);
    tick(w, 0);
    assert_int_equal(posw_stratum_read_counters(w->stratum).accounts, 0);
}

static void false_results_lead_to_a_ban(void **state) {
    world *w = *state;
    const posw_stratum_reply r = log_in(w, 1, 0);
    (void)log_in(w, 2, 0); /* from elsewhere */
    for (uint8_t i = 0; i < 3; i++) {
        const hit f = {.nonce = {i, 1, 2, 3}};
        assert_true(w->peers[1].open);
        submit(w, 1, r.session, r.job.id, &f);
        hears(w, 1, "Invalid share");
    }
    assert_false(w->peers[1].open);
    assert_true(w->peers[2].open);
    w->peers[1].open = true;
    come_from(w, 3, 1);
    say_login(w, 3, 0, "");
    hears(w, 3, "IP Address currently banned");
    assert_false(w->peers[3].open);
    w->now_ms += 599999;
    come_from(w, 4, 1);
    say_login(w, 4, 0, "");
    hears(w, 4, "banned");
    w->now_ms += 1;
    come_from(w, 5, 1);
    (void)log_in(w, 5, 0);
    assert_int_equal(posw_stratum_read_counters(w->stratum).bans, 1);
}

static void come_by_ipv6(world *w, uint64_t n, uint8_t site, uint8_t network) {
    const posw_netaddr a = {.ip = {0x26, 1, 2, 3, 4, site, 7, network, [15] = 1}, .port = 1000};
    w->peers[n].open = true;
    step(w, (posw_event){.type = POSW_EVENT_MINER_OPEN, .client = n, .address = a});
}

/* Who goes from one /64 to the next, and has three false results in each, is banned with all of them. */
static void false_results_of_a_site_lead_to_a_ban(void **state) {
    world *w = *state;
    come_by_ipv6(w, 1, 1, 200);
    (void)log_in(w, 1, 0);
    come_by_ipv6(w, 2, 2, 1);
    (void)log_in(w, 2, 0);
    for (uint8_t network = 1; network <= 16; network++) {
        const uint64_t n = 2 + network;
        come_by_ipv6(w, n, 1, network);
        const posw_stratum_reply r = log_in(w, n, 0);
        assert_true(w->peers[1].open);
        for (uint8_t i = 0; i < 3; i++) {
            const hit f = {.nonce = {i, 1, 2, 3}};
            submit(w, n, r.session, r.job.id, &f);
            hears(w, n, "Invalid share");
        }
        assert_false(w->peers[n].open);
    }
    assert_false(w->peers[1].open);
    come_by_ipv6(w, 30, 1, 99);
    say_login(w, 30, 0, "");
    hears(w, 30, "IP Address currently banned");
    come_by_ipv6(w, 31, 2, 99); /* of another site */
    (void)log_in(w, 31, 0);
    assert_true(w->peers[2].open);
    w->now_ms += 600000;
    come_by_ipv6(w, 32, 1, 99);
    (void)log_in(w, 32, 0);
}

/* ---- new work ---- */

static void work_is_renewed(void **state) {
    world *w = *state;
    const posw_stratum_reply r = log_in(w, 1, 0);
    assert_int_equal(w->timer_ms, w->now_ms + 30000);
    tick(w, 29999);
    hears_nothing(w, 1);
    tick(w, 1);
    const posw_stratum_job j = last(w, 1).job;
    assert_int_equal(j.height, 1);
    assert_memory_not_equal(j.input + 7, r.job.input + 7, 32); /* of a later time */
    /* a share of the work before is as good */
    const hit f = search_job(&r.job, 0, false);
    submit(w, 1, r.session, r.job.id, &f);
    hears(w, 1, "\"status\":\"OK\"");
    assert_int_equal(height(w), 1);
}

static void by_steps(posw_chain_spec *spec) {
    spec->params.difficulty_rule = POSW_DIFFICULTY_STEP;
    spec->params.difficulty_blocks = 0;
}

/* Under a rule that reads the block's own time; a share of the two templates before is as good. */
static void work_is_renewed_for_its_time(void **state) {
    (void)state;
    world *w = open_with(by_steps, (posw_stratum_options){0});
    const posw_stratum_reply r = log_in(w, 1, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(w->timer_ms, w->now_ms + 5000);
        tick(w, 4999);
        hears_nothing(w, 1);
        tick(w, 1);
        assert_memory_not_equal(last(w, 1).job.input + 7, r.job.input + 7, 32);
    }
    const hit f = search_job(&r.job, 0, false);
    submit(w, 1, r.session, r.job.id, &f);
    hears(w, 1, "\"status\":\"OK\"");
    assert_int_equal(height(w), 1);
    close_world(w);
}

static void transactions_are_taken_in_soon(void **state) {
    world *w = *state;
    (void)log_in(w, 1, 0);
    tick(w, 4000);
    (void)log_in(w, 2, 1); /* another address: its template is younger */
    tick(w, 1000);
    enum posw_mempool_refusal refusal;
    posw_actions a = {0};
    h_tx tx = h_transfer(5, 0, 6, 1);
    ok(posw_node_submit_tx(w->node, tx.raw.data, tx.raw.size, NULL, &refusal, NULL, NULL, &a));
    posw_buf_clear(&tx.raw);
    posw_actions_clear(&a);
    tick(w, 4999);
    hears_nothing(w, 1);
    tick(w, 1);
    assert_int_equal(last(w, 1).type, POSW_STRATUM_JOB);
    tick(w, 3999);
    hears_nothing(w, 2);
    tick(w, 1);
    assert_int_equal(last(w, 2).type, POSW_STRATUM_JOB);
    tick(w, 10000); /* nothing came meanwhile */
    hears_nothing(w, 1);
    hears_nothing(w, 2);
}

static void a_node_that_is_behind_serves_nobody(void **state) {
    world *w = *state;
    (void)log_in(w, 1, 0);
    posw_actions a = {0};
    posw_node_hold_mining(w->node, true, &a);
    tick(w, 0);
    hears(w, 1, "behind the chain or has no peers");
    assert_false(w->peers[1].open);
    come(w, 2);
    say_login(w, 2, 0, "");
    hears(w, 2, "behind the chain or has no peers");
    posw_node_hold_mining(w->node, false, &a);
    posw_actions_clear(&a);
    (void)log_in(w, 3, 0);
}

/* ---- limits ---- */

static void connections_have_limits(void **state) {
    (void)state;
    world *w = open_with(NULL, (posw_stratum_options){.connections_max = 70});
    for (uint64_t n = 1; n <= 64; n++)
        come_from(w, n, 1);
    come_from(w, 65, 1);
    hears(w, 65, "Too many connections");
    for (uint64_t n = 66; n <= 71; n++)
        come_from(w, n, 2);
    assert_int_equal(posw_stratum_read_counters(w->stratum).connections, 70);
    step(w, (posw_event){.type = POSW_EVENT_MINER_CLOSED, .client = 1});
    come_from(w, 72, 1);
    assert_true(w->peers[72].open);
    come_from(w, 73, 1); /* all have theirs, and nobody has more */
    hears(w, 73, "Too many connections");
    assert_int_equal(posw_stratum_read_counters(w->stratum).connections, 70);
    close_world(w);
}

static void leave(world *w, uint64_t n) {
    w->peers[n].open = false;
    step(w, (posw_event){.type = POSW_EVENT_MINER_CLOSED, .client = n});
}

static unsigned open_of(const world *w, uint64_t from, uint64_t to) {
    unsigned n = 0;
    for (uint64_t i = from; i <= to; i++)
        n += w->peers[i].open;
    return n;
}

/* When all places are taken, who has many of them gives way to who has few: the latest, and first one that is not
 * logged in. */
static void few_come_before_many(void **state) {
    (void)state;
    world *w = open_with(NULL, (posw_stratum_options){.connections_max = 12});
    for (uint64_t n = 1; n <= 9; n++) {
        come_from(w, n, 1);
        if (n != 5) (void)log_in(w, n, 0);
    }
    for (uint64_t n = 10; n <= 12; n++)
        come_from(w, n, 2);
    come_from(w, 20, 3);
    hears(w, 5, "Too many connections");
    assert_true(!w->peers[5].open && w->peers[20].open);
    come_from(w, 21, 4);
    assert_true(!w->peers[9].open && w->peers[21].open);
    for (uint64_t n = 22; n <= 24; n++)
        come_from(w, n, 2); /* places were 7, 3, 1 and 1: two more, and none has more than this one */
    assert_int_equal(open_of(w, 1, 9), 5);
    assert_int_equal(open_of(w, 10, 12) + open_of(w, 22, 23), 5);
    hears(w, 24, "Too many connections");
    assert_true(w->peers[20].open && w->peers[21].open);
    for (uint64_t n = 30; n <= 40; n++)
        come_from(w, n, (uint8_t)n);
    assert_int_equal(open_of(w, 30, 37), 8);
    assert_int_equal(open_of(w, 38, 40), 0); /* everybody has one */
    assert_int_equal(open_of(w, 1, 60), 12);
    assert_true(w->peers[1].open && w->peers[10].open);
    leave(w, 20);
    come_from(w, 41, 41);
    assert_true(w->peers[41].open);
    close_world(w);
}

/* With few open files the sockets have fewer places than the door. */
static void places_may_be_fewer(void **state) {
    world *w = *state;
    w->places = 3;
    for (uint64_t n = 1; n <= 4; n++)
        come_from(w, n, n <= 2 ? 1 : (uint8_t)n);
    hears(w, 2, "Too many connections");
    come_from(w, 5, 5);
    hears(w, 5, "Too many connections");
    assert_int_equal(open_of(w, 1, 5), 3);
}

/* Who has a /48 of IPv6 has 65,536 networks in it, and no more places than others. */
static void sites_have_limits(void **state) {
    world *w = *state;
    for (uint64_t n = 1; n <= 64; n++)
        come_by_ipv6(w, n, 1, (uint8_t)n);
    come_by_ipv6(w, 65, 1, 65);
    hears(w, 65, "Too many connections");
    come_by_ipv6(w, 66, 2, 65);
    assert_true(w->peers[66].open);
}

static void addresses_have_a_limit(void **state) {
    (void)state;
    world *w = open_with(NULL, (posw_stratum_options){.accounts_max = 1});
    (void)log_in(w, 1, 0);
    (void)log_in(w, 2, 0); /* the same once more */
    come(w, 3);
    say_login(w, 3, 1, "");
    hears(w, 3, "mines for 1 address already");
    step(w, (posw_event){.type = POSW_EVENT_MINER_CLOSED, .client = 1});
    step(w, (posw_event){.type = POSW_EVENT_MINER_CLOSED, .client = 2});
    (void)log_in(w, 4, 1);
    close_world(w);
}

/* Keys 2 to 2 + count - 1 have named key 1 of the node their signer, and that counts. */
static void strangers_name_a_signer(world *w, unsigned count) {
    h_plan plan = {.miner = 0, .gap_s = 1};
    for (unsigned i = 0; i < count; i++) {
        plan.txs[plan.tx_count++] = h_stake(2 + i, 0, 2 + i, 1);
        plan.txs[plan.tx_count++] = h_set_signer(2 + i, 1, 1);
    }
    for (unsigned i = 0; i < 2 * H_EPOCH; i++) {
        h_block b = h_extend(w->chain.chain, &plan);
        h_block_clear(&b);
        plan.tx_count = 0;
    }
    w->now_ms += 60000;
}

/* Anybody may name the node's key its signer: that must not keep out the addresses whose keys the node has. */
static void own_addresses_have_places_kept(void **state) {
    (void)state;
    world *w = open_with(NULL, (posw_stratum_options){.accounts_max = 4});
    strangers_name_a_signer(w, 4);
    (void)log_in(w, 1, 2);
    (void)log_in(w, 2, 3);
    (void)log_in(w, 3, 3); /* the same once more */
    for (unsigned key = 4; key <= 5; key++) {
        come(w, 4);
        say_login(w, 4, key, "");
        hears(w, 4, "mines for 2 addresses of others already");
        assert_false(w->peers[4].open);
    }
    (void)log_in(w, 5, 0);
    (void)log_in(w, 6, 1);
    step(w, (posw_event){.type = POSW_EVENT_MINER_CLOSED, .client = 1});
    w->now_ms += 1000;
    (void)log_in(w, 7, 4); /* in the place of another stranger */
    come(w, 8);
    say_login(w, 8, 2, "");
    hears(w, 8, "mines for 2 addresses of others already");
    close_world(w);
}

/* Nor can they use up the templates that are made for logins. */
static void own_logins_are_not_crowded_out(void **state) {
    (void)state;
    world *w = open_with(NULL, (posw_stratum_options){.accounts_max = 2});
    strangers_name_a_signer(w, 3);
    for (unsigned i = 0; i < 4; i++) { /* each time another than the two whose work is known still */
        (void)log_in(w, 1, 2 + i % 3);
        leave(w, 1);
    }
    come(w, 2);
    say_login(w, 2, 4, "");
    hears(w, 2, "Too many logins at once");
    for (unsigned i = 0; i < 4; i++) {
        (void)log_in(w, 3, i % 2);
        leave(w, 3);
    }
    close_world(w);
}

/* Who comes and goes has the same work; who makes the node forget it, with other addresses, is slowed down. */
static void logins_have_a_cost_that_is_bounded(void **state) {
    (void)state;
    world *w = open_with(NULL, (posw_stratum_options){.accounts_max = 1});
    const posw_stratum_job first = log_in(w, 1, 0).job;
    for (int i = 0; i < 20; i++) {
        leave(w, 1);
        w->now_ms += 400;
        assert_memory_equal(log_in(w, 1, 0).job.input, first.input, POSW_STRATUM_NONCE_OFFSET);
    }
    w->now_ms += 1000;
    for (unsigned i = 1; i <= 8; i++) {
        leave(w, 1);
        (void)log_in(w, 1, i % 2);
    }
    leave(w, 1);
    come(w, 2);
    say_login(w, 2, 1, "");
    hears(w, 2, "Too many logins at once");
    w->now_ms += 1000;
    (void)log_in(w, 3, 1);
    close_world(w);
}

static void who_does_not_log_in_is_left(void **state) {
    world *w = *state;
    come(w, 1);
    (void)log_in(w, 2, 0);
    tick(w, 9999);
    assert_true(w->peers[1].open);
    tick(w, 1);
    hears(w, 1, "No login");
    assert_false(w->peers[1].open);
    assert_true(w->peers[2].open);
}

static void lines_have_a_limit(void **state) {
    world *w = *state;
    static char line[POSW_STRATUM_LINE_MAX + 2];
    memset(line, ' ', POSW_STRATUM_LINE_MAX + 1);
    memcpy(line, "{\"method\":\"getjob\"}", 19);
    line[POSW_STRATUM_LINE_MAX] = '\n'; /* as long as may be */
    (void)log_in(w, 1, 0);
    say(w, 1, line);
    assert_int_equal(last(w, 1).type, POSW_STRATUM_JOB);
    line[POSW_STRATUM_LINE_MAX] = ' ';
    say(w, 1, line);
    hears(w, 1, "The line is too long");
    assert_false(w->peers[1].open);
    (void)log_in(w, 2, 0);
    say(w, 2, "GET / HTTP/1.1\r\n");
    hears(w, 2, "Malformed request");
    assert_false(w->peers[2].open);
}

static void requests_have_a_rate(void **state) {
    world *w = *state;
    (void)log_in(w, 1, 0);
    for (int i = 0; i < 59; i++) {
        say(w, 1, "{\"id\":1,\"method\":\"keepalived\"}\n");
        hears(w, 1, "OK");
    }
    say(w, 1, "{\"id\":1,\"method\":\"keepalived\"}\n");
    hears(w, 1, "Too many requests");
    w->now_ms += 50; /* 20 a second */
    say(w, 1, "{\"id\":1,\"method\":\"keepalived\"}\n{\"id\":1,\"method\":\"keepalived\"}\n");
    char *text = heard(w, 1);
    assert_true(strstr(text, "OK") != NULL && strstr(text, "Too many requests") != NULL);
    free(text);
    for (int i = 0; i < 197; i++)
        say(w, 1, "{}\n"); /* not even looked at */
    assert_true(w->peers[1].open);
    say(w, 1, "{}\n");
    assert_false(w->peers[1].open);
    assert_int_equal(posw_stratum_read_counters(w->stratum).excess, 200);
}

/* Lines without anything in them are requests like others. */
static void empty_lines_have_a_rate(void **state) {
    world *w = *state;
    char lines[260 + 1];
    memset(lines, '\n', sizeof lines - 1);
    lines[sizeof lines - 1] = '\0';
    (void)log_in(w, 1, 0);
    lines[258] = '\0'; /* 59 more at once, and 199 beyond */
    say(w, 1, lines);
    assert_true(w->peers[1].open);
    say(w, 1, "\r\n");
    hears(w, 1, "Too many requests");
    assert_false(w->peers[1].open);
    assert_int_equal(posw_stratum_read_counters(w->stratum).excess, 200);
}

/* A result that meets every target. */
static void submit_good(world *w, uint64_t n, const posw_stratum_reply *r, uint8_t nonce) {
    const hit f = {.nonce = {nonce}};
    submit(w, n, r->session, r->job.id, &f);
}

/* Of each connection, and of all: so many that one more connection finds no place before one is done. */
static void shares_under_way_have_a_limit(void **state) {
    world *w = *state;
    enum { FULL = SHARES_MAX / SHARES_CONN_MAX };
    posw_stratum_reply r;
    w->keeps_jobs = true;
    for (uint64_t n = 1; n <= FULL; n++) {
        r = log_in(w, n, 0);
        for (uint8_t i = 0; i < SHARES_CONN_MAX; i++)
            submit_good(w, n, &r, i);
        hears_nothing(w, n);
        submit_good(w, n, &r, SHARES_CONN_MAX);
        hears(w, n, "Too many shares at once");
        assert_int_equal(w->job_count, n * SHARES_CONN_MAX);
    }
    r = log_in(w, FULL + 1, 0);
    submit_good(w, FULL + 1, &r, 0);
    hears(w, FULL + 1, "Too many shares at once");
    assert_int_equal(w->job_count, SHARES_MAX);
    assert_int_equal(posw_stratum_read_counters(w->stratum).excess, FULL + 1);
    step(w, (posw_event){.type = POSW_EVENT_JOB_DONE, .job = w->jobs[0]});
    hears(w, 1, "Invalid share");
    submit_good(w, FULL + 1, &r, 0); /* what was refused for want of a place is no duplicate */
    hears_nothing(w, FULL + 1);
    assert_int_equal(w->job_count, SHARES_MAX + 1);
    submit_good(w, FULL + 1, &r, 1);
    hears(w, FULL + 1, "Too many shares at once");
    for (size_t i = 1; i < w->job_count; i++)
        posw_job_free(w->jobs[i]);
}

/* Only the latest jobs of a connection are remembered. */
static void jobs_have_a_limit(void **state) {
    world *w = *state;
    const posw_stratum_reply r = log_in(w, 1, 0);
    const hit weak = search_job(&r.job, 0, true);
    for (int i = 0; i < 7; i++)
        say(w, 1, "{\"id\":3,\"method\":\"getjob\"}\n");
    submit(w, 1, r.session, r.job.id, &weak);
    hears(w, 1, "Low difficulty share");
    say(w, 1, "{\"id\":3,\"method\":\"getjob\"}\n");
    (void)last(w, 1);
    submit(w, 1, r.session, r.job.id, &weak);
    hears(w, 1, "Invalid job id");
}

/* ---- what stake would do ---- */

static void root_of_tens(posw_chain_spec *spec) {
    assert_true(posw_params_preset(&spec->params, "sqrt"));
    spec->params.weight.unit_wei = h_coins(10);
}

static void the_next_step_of_a_power_rule(void **state) {
    (void)state;
    world *w = open_with(root_of_tens, (posw_stratum_options){0});
    const posw_stratum_stake s = log_in(w, 1, 0).job.stake; /* 10 units: F = 3; at 16 units 4 */
    const posw_u256 three = posw_u256_from_u64(3), four = posw_u256_from_u64(4), step_wei = h_coins(60);
    assert_false(s.tickets_rule);
    assert_true(posw_u256_equal(&s.weight, &three) && posw_u256_equal(&s.step_weight, &four));
    assert_true(posw_u256_equal(&s.step_wei, &step_wei));
    close_world(w);
}

/* Key 0 unstakes 30 of its 100 coins, and somebody else stakes 50 for it. */
static void stake_that_will_change_is_told(void **state) {
    world *w = *state;
    const posw_u256 more = h_coins(120), out = h_coins(30);
    h_plan plan = {.miner = 1, .tx_count = 2, .txs = {h_unstake(0, 0, 0, 30), h_stake(2, 0, 0, 50)}};
    h_block b = h_extend(w->chain.chain, &plan);
    h_block_clear(&b);
    posw_stratum_coming c = log_in(w, 1, 0).job.stake.coming;
    assert_int_equal(c.next_from, 0); /* the next epoch's table is that of genesis */
    assert_int_equal(c.later_from, 2 * H_EPOCH);
    assert_true(posw_u256_equal(&c.later_wei, &more) && posw_u256_equal(&c.exiting_wei, &out));
    assert_int_equal(c.exit_block, 1 + H_UNBONDING);
    assert_true(posw_u256_is_zero(&c.unlocked_wei));
    assert_int_equal(c.block_time_s, w->spec.params.block_time_s);
    const posw_stratum_coming none = {0}, others = log_in(w, 2, 1).job.stake.coming;
    assert_memory_equal(&others, &none, sizeof none);

    h_grow(w->chain.chain, H_EPOCH - 1);
    w->now_ms += 60000;
    leave(w, 1); /* its work was made on an older tip, of which nobody has told the node */
    c = log_in(w, 3, 0).job.stake.coming;
    assert_int_equal(c.next_from, 2 * H_EPOCH);
    assert_true(posw_u256_equal(&c.next_wei, &more));
    assert_int_equal(c.later_from, 0);

    h_grow(w->chain.chain, H_EPOCH); /* block 16: the stake counts, and the exit is free in the next */
    w->now_ms += 60000;
    leave(w, 3);
    const posw_stratum_stake s = log_in(w, 3, 0).job.stake;
    assert_true(posw_u256_equal(&s.stake_wei, &more));
    assert_int_equal(s.coming.next_from + s.coming.later_from + s.coming.exit_block, 0);
    assert_true(posw_u256_equal(&s.coming.unlocked_wei, &out) && posw_u256_is_zero(&s.coming.exiting_wei));
}

/* ---- our own miner's side ---- */

static posw_stratum_said client_hears(const char *text, bool logged_in) {
    posw_stratum_client c = {.session = logged_in};
    posw_stratum_said said;
    assert_true(posw_stratum_client_add(&c, posw_bytes_of(text, strlen(text))));
    posw_stratum_client_next(&c, &said);
    posw_stratum_client_clear(&c);
    return said;
}

/* Refused for good: by the words of the node to a login that is wrong, and not to one that comes at a bad time. */
static void a_refusal_for_good_is_told_apart(void **state) {
    world *w = *state;
    posw_actions a = {0};
    come(w, 1);
    say_login(w, 1, 2, "");
    char *text = heard(w, 1);
    posw_stratum_said said = client_hears(text, false);
    assert_int_equal(said.type, POSW_STRATUM_SAID_REFUSED);
    assert_true(said.for_good && strstr(said.error, "posw stake signer") != NULL);
    free(text);
    posw_node_hold_mining(w->node, true, &a);
    posw_actions_clear(&a);
    come(w, 2);
    say_login(w, 2, 2, "");
    text = heard(w, 2);
    said = client_hears(text, false);
    assert_int_equal(said.type, POSW_STRATUM_SAID_REFUSED);
    assert_false(said.for_good);
    assert_int_equal(client_hears(text, true).type, POSW_STRATUM_SAID_ERROR);
    free(text);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(targets_are_those_of_the_stake),
        T(no_two_jobs_overlap),
        T(logins_that_cannot_be_served),
        cmocka_unit_test(a_named_signer_can_be_served),
        T(a_share_is_a_block),
        T(targets_fall_with_the_last_ticket),
        T(shares_that_are_refused),
        T(a_share_outlives_its_connection),
        T(false_results_lead_to_a_ban),
        T(false_results_of_a_site_lead_to_a_ban),
        T(work_is_renewed),
        cmocka_unit_test(work_is_renewed_for_its_time),
        T(transactions_are_taken_in_soon),
        T(a_node_that_is_behind_serves_nobody),
        cmocka_unit_test(connections_have_limits),
        cmocka_unit_test(few_come_before_many),
        T(places_may_be_fewer),
        T(sites_have_limits),
        cmocka_unit_test(addresses_have_a_limit),
        cmocka_unit_test(own_addresses_have_places_kept),
        cmocka_unit_test(own_logins_are_not_crowded_out),
        cmocka_unit_test(logins_have_a_cost_that_is_bounded),
        T(who_does_not_log_in_is_left),
        T(lines_have_a_limit),
        T(requests_have_a_rate),
        T(empty_lines_have_a_rate),
        T(shares_under_way_have_a_limit),
        T(jobs_have_a_limit),
        cmocka_unit_test(the_next_step_of_a_power_rule),
        T(stake_that_will_change_is_told),
        T(a_refusal_for_good_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
