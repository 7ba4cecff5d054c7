/* One node with its network part, driven by hand: peers that are played by the test send frames, and what the node
 * answers is kept. Jobs run at once; time stands still unless the test moves it. */
#ifndef POSW_TEST_P2P_NET_H
#define POSW_TEST_P2P_NET_H

#include "chain/harness.h"
#include "p2p/sync.h"

enum { N_PEERS = 32 };
static const uint64_t N_START_MS = 5000000;

typedef struct {
    bool open;
    posw_buf got; /* all frames that it was sent since n_forget */
} n_peer;

typedef struct {
    posw_chain_spec spec;
    h_node node;
    posw_mempool *pool;
    posw_node *n;
    posw_p2p *p2p;
    uint64_t now_ms, behind_ms; /* behind_ms: of the world's clock, which was set back */
    n_peer peers[N_PEERS + 1];  /* by number, from 1 */
    bool fatal;
    uint64_t timer_ms; /* the tick that was asked for last */
    bool keeps_jobs;   /* does not run them: they wait in `jobs` until n_run_jobs */
    posw_job *jobs[4096];
    size_t job_count;
} n_net;

static inline void n_perform(n_net *w, posw_actions *a);

static inline void n_step(n_net *w, posw_event *e) {
    posw_actions a = {0};
    e->now_ms = w->now_ms;
    e->behind_ms = w->behind_ms;
    posw_node_step(w->n, e, &a);
    n_perform(w, &a);
    posw_actions_clear(&a);
}

static inline void n_closed(n_net *w, uint64_t peer) {
    if (peer <= N_PEERS) w->peers[peer].open = false;
    n_step(w, &(posw_event){.type = POSW_EVENT_PEER_CLOSED, .peer = peer});
}

static inline void n_perform(n_net *w, posw_actions *a) {
    for (size_t i = 0; i < a->count; i++) {
        posw_action *x = &a->items[i];
        if (x->type == POSW_ACTION_PEER_SEND && x->peer <= N_PEERS) {
            posw_buf_append(&w->peers[x->peer].got, x->data.data, x->data.size);
        } else if (x->type == POSW_ACTION_PEER_CLOSE || x->type == POSW_ACTION_PEER_CONNECT) {
            n_closed(w, x->peer);
        } else if (x->type == POSW_ACTION_JOB && w->keeps_jobs) {
            assert_true(w->job_count < POSW_ARRAY_SIZE(w->jobs));
            w->jobs[w->job_count++] = x->job;
            x->job = NULL;
        } else if (x->type == POSW_ACTION_JOB) {
            posw_event e = {.type = POSW_EVENT_JOB_DONE, .job = x->job};
            posw_job_run(x->job, &h_pow, NULL);
            x->job = NULL;
            n_step(w, &e);
        } else if (x->type == POSW_ACTION_TIMER) {
            w->timer_ms = x->at_ms;
        } else if (x->type == POSW_ACTION_FATAL) {
            w->fatal = true;
        }
    }
}

static inline void n_run_jobs(n_net *w) {
    w->keeps_jobs = false;
    for (size_t i = 0; i < w->job_count; i++) {
        posw_event e = {.type = POSW_EVENT_JOB_DONE, .job = w->jobs[i]};
        posw_job_run(e.job, &h_pow, NULL);
        n_step(w, &e);
    }
    w->job_count = 0;
}

/* With a specification that stands in w already. */
static inline void n_open_spec(n_net *w) {
    posw_mempool_options mo;
    posw_p2p_options po;
    posw_actions a = {0};
    h_open(&w->node, &w->spec);
    posw_mempool_options_default(&mo);
    ok(posw_mempool_new(&w->pool, w->node.chain, &mo));
    const posw_node_options no = {.chain = w->node.chain, .mempool = w->pool, .pow = &h_pow};
    ok(posw_node_new(&w->n, &no));
    posw_p2p_options_default(&po);
    po.node = w->n;
    po.private_network = true;
    ok(posw_p2p_new(&w->p2p, &po));
    w->now_ms = N_START_MS;
    n_step(w, &(posw_event){.type = POSW_EVENT_TICK});
    posw_p2p_start(w->p2p, &a);
    n_perform(w, &a);
    posw_actions_clear(&a);
}

static inline void n_open(n_net *w) {
    memset(w, 0, sizeof *w);
    h_spec(&w->spec);
    n_open_spec(w);
}

/* Blocks every 4 s; difficulty halves, doubles with each 40 blocks that the chain is late, early. The rule is the
 * default one, which reads two blocks back. */
static inline void n_open_asert(n_net *w, uint64_t genesis_difficulty) {
    memset(w, 0, sizeof *w);
    h_spec(&w->spec);
    w->spec.params.difficulty_rule = POSW_DIFFICULTY_ASERT_LAG;
    w->spec.params.difficulty_blocks = 40;
    w->spec.params.block_time_s = 4;
    w->spec.params.genesis_difficulty = posw_u256_from_u64(genesis_difficulty);
    n_open_spec(w);
    w->now_ms = H_NOW * 1000;
    n_step(w, &(posw_event){.type = POSW_EVENT_TICK});
}

static inline void n_close(n_net *w) {
    posw_p2p_free(w->p2p);
    posw_node_free(w->n);
    posw_mempool_free(w->pool);
    for (size_t i = 0; i <= N_PEERS; i++)
        posw_buf_clear(&w->peers[i].got);
    h_close(&w->node);
    posw_chain_spec_clear(&w->spec);
}

static inline void n_forget(n_net *w) {
    for (size_t i = 0; i <= N_PEERS; i++)
        posw_buf_reset(&w->peers[i].got);
}

static inline void n_tick(n_net *w, uint64_t ms) {
    w->now_ms += ms;
    n_step(w, &(posw_event){.type = POSW_EVENT_TICK});
}

/* In pieces of any size: the node must not care. */
static inline void n_send(n_net *w, uint64_t peer, posw_buf *frames) {
    assert_false(frames->failed);
    n_step(w, &(posw_event){.type = POSW_EVENT_PEER_DATA, .peer = peer, .data = posw_buf_view(frames)});
    if (w->p2p->sync->here_count > 0) n_step(w, &(posw_event){.type = POSW_EVENT_TICK}); /* as it has asked for */
    posw_buf_reset(frames);
}

static inline posw_msg_hello n_hello_of(n_net *w, uint64_t peer) {
    posw_msg_hello m = {.version = 1,
                        .chain_id = 1337,
                        .genesis = posw_chain_genesis_hash(w->node.chain),
                        .hash = posw_chain_genesis_hash(w->node.chain),
                        .flags = POSW_MSG_HELLO_RELAYS,
                        .time_s = w->now_ms / 1000,
                        .agent = posw_bytes_of("test", 4)};
    m.fork = w->p2p->fork;
    posw_store_le64(m.nonce, 1000 + peer);
    return m;
}

/* An inbound connection that has not said anything; the number is its peer's. */
static inline void n_connect(n_net *w, uint64_t peer) {
    posw_event e = {
        .type = POSW_EVENT_PEER_OPEN,
        .peer = peer,
        .inbound = true,
        .address = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [14] = (uint8_t)(peer >> 8), [15] = (uint8_t)peer},
                    .port = 1000}};
    posw_store_le64(e.node_id.b, peer);
    if (peer <= N_PEERS) w->peers[peer].open = true;
    n_step(w, &e);
}

static inline void n_greet(n_net *w, uint64_t peer, uint64_t number, uint64_t weight) {
    posw_buf b = {0};
    posw_msg_hello m = n_hello_of(w, peer);
    n_connect(w, peer);
    m.number = number;
    m.weight = posw_u256_from_u64(weight);
    if (weight > 0) memset(m.hash.b, (int)peer, sizeof m.hash.b);
    posw_msg_hello_encode(&b, &m);
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

/* How many frames of this type it was sent; *last (may be NULL): the latest. */
static inline size_t n_got(const n_net *w, uint64_t peer, enum posw_msg_type type, posw_msg_frame *last) {
    posw_bytes rest = posw_buf_view(&w->peers[peer].got);
    posw_msg_frame f;
    size_t size, n = 0;
    while (rest.size > 0 && posw_msg_frame_cut(&f, &size, rest.data, rest.size) == POSW_MSG_CUT_WHOLE) {
        if (f.type == type) {
            n++;
            if (last != NULL) *last = f;
        }
        rest = posw_bytes_of(rest.data + size, rest.size - size);
    }
    return n;
}

/* Hashes that it was asked for in messages of this type (GET_BLOCKS, GET_TXS) since n_forget. How many; out (may be
 * NULL): they, at most `max` (asserted). */
static inline size_t n_asked(const n_net *w, uint64_t peer, enum posw_msg_type type, posw_hash *out, size_t max) {
    posw_bytes rest = posw_buf_view(&w->peers[peer].got);
    posw_msg_frame f;
    posw_msg_hashes list;
    size_t size, n = 0;
    for (; rest.size > 0 && posw_msg_frame_cut(&f, &size, rest.data, rest.size) == POSW_MSG_CUT_WHOLE;
         rest = posw_bytes_of(rest.data + size, rest.size - size)) {
        if (f.type != type) continue;
        assert_true(posw_msg_hashes_decode(&list, type, f.payload));
        assert_true(out == NULL || n + list.count <= max);
        for (size_t i = 0; out != NULL && i < list.count; i++)
            out[n + i] = posw_msg_hash_at(&list, i);
        n += list.count;
    }
    return n;
}

/* Headers first..last of a chain, as the answer to its open GET_HEADERS. forged: the last is signed by a key that has
 * no say there. */
static inline void n_answer_headers_forged(n_net *w, uint64_t peer, posw_chain *from, uint64_t first, uint64_t last,
                                           bool forged) {
    posw_msg_frame f;
    posw_msg_get_headers asked;
    posw_msg_writer list;
    posw_buf b = {0};
    assert_true(n_got(w, peer, POSW_MSG_GET_HEADERS, &f) > 0);
    assert_true(posw_msg_get_headers_decode(&asked, f.payload));
    posw_msg_headers_begin(&list, &b, asked.request);
    for (uint64_t n = first; n <= last; n++) {
        posw_chain_block_info info;
        posw_stake_proof proof;
        ok(posw_chain_block_by_number(from, &info, n));
        const bool has = posw_chain_stake_proof(from, &proof, n, &info.header.beneficiary) == POSW_OK;
        if (forged && n == last) h_sign(&info.header, H_KEYS - 1);
        assert_true(posw_msg_headers_add(&list, &info.header, has ? &proof : NULL));
    }
    posw_msg_end(&list);
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

static inline void n_answer_headers(n_net *w, uint64_t peer, posw_chain *from, uint64_t first, uint64_t last) {
    n_answer_headers_forged(w, peer, from, first, last, false);
}

static inline void n_send_block(n_net *w, uint64_t peer, posw_chain *from, const posw_hash *hash) {
    posw_buf block = {0}, b = {0};
    ok(posw_chain_block_bytes(from, &block, hash));
    posw_msg_block_encode(&b, posw_buf_view(&block));
    n_send(w, peer, &b);
    posw_buf_clear(&b);
    posw_buf_clear(&block);
}

/* All blocks that it was asked for since n_forget; how many. */
static inline size_t n_answer_blocks(n_net *w, uint64_t peer, posw_chain *from) {
    posw_hash hashes[POSW_MSG_BLOCKS_MAX];
    const size_t count = n_asked(w, peer, POSW_MSG_GET_BLOCKS, hashes, POSW_ARRAY_SIZE(hashes));
    n_forget(w);
    for (size_t i = count; i-- > 0;) /* in the wrong order */
        n_send_block(w, peer, from, &hashes[i]);
    return count;
}

/* ---- a peer that has a chain ---- */

static inline uint64_t n_fork_of(posw_chain *from, const posw_msg_hashes *locator) {
    for (size_t i = 0; i < locator->count; i++) {
        const posw_hash hash = posw_msg_hash_at(locator, i);
        posw_chain_block_info info;
        if (posw_chain_block_by_hash(from, &info, &hash) == POSW_OK && info.is_main) return info.header.number;
    }
    return 0;
}

static inline void n_serve_headers(n_net *w, uint64_t peer, posw_chain *from, posw_bytes payload) {
    posw_msg_get_headers asked;
    posw_msg_writer list;
    posw_buf b = {0};
    assert_true(posw_msg_get_headers_decode(&asked, payload));
    if (asked.request != p2p_find(w->p2p, peer)->sync->request) return; /* answered by hand */
    uint64_t n = n_fork_of(from, &asked.locator) + 1;
    posw_msg_headers_begin(&list, &b, asked.request);
    for (uint64_t end = n + asked.wanted; n < end && n <= posw_chain_tip(from)->number; n++) {
        posw_chain_block_info info;
        ok(posw_chain_block_by_number(from, &info, n));
        assert_true(posw_msg_headers_add(&list, &info.header, NULL));
    }
    posw_msg_end(&list);
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

static inline void n_serve_blocks(n_net *w, uint64_t peer, posw_chain *from, posw_bytes payload) {
    posw_msg_hashes list;
    posw_hash missing[POSW_MSG_BLOCKS_MAX];
    size_t missing_count = 0;
    posw_buf block = {0}, b = {0};
    assert_true(posw_msg_hashes_decode(&list, POSW_MSG_GET_BLOCKS, payload));
    for (size_t i = 0; i < list.count; i++) {
        const posw_hash hash = posw_msg_hash_at(&list, i);
        posw_buf_reset(&block);
        if (from != NULL && posw_chain_block_bytes(from, &block, &hash) == POSW_OK)
            posw_msg_block_encode(&b, posw_buf_view(&block));
        else
            missing[missing_count++] = hash;
    }
    if (missing_count > 0) posw_msg_hashes_encode(&b, POSW_MSG_NOT_FOUND, missing, missing_count);
    n_send(w, peer, &b);
    posw_buf_clear(&block);
    posw_buf_clear(&b);
}

/* What this peer was asked since it was served last, answered with a chain whose headers need no stake proofs. How many
 * questions there were. */
static inline size_t n_serve(n_net *w, uint64_t peer, posw_chain *from) {
    posw_buf got = w->peers[peer].got;
    posw_bytes rest = posw_buf_view(&got);
    posw_msg_frame f;
    size_t size, count = 0;
    w->peers[peer].got = (posw_buf){0};
    for (; rest.size > 0 && posw_msg_frame_cut(&f, &size, rest.data, rest.size) == POSW_MSG_CUT_WHOLE;
         rest = posw_bytes_of(rest.data + size, rest.size - size)) {
        if (!w->peers[peer].open) break;
        if (f.type == POSW_MSG_GET_HEADERS) n_serve_headers(w, peer, from, f.payload);
        if (f.type == POSW_MSG_GET_BLOCKS) n_serve_blocks(w, peer, from, f.payload);
        count += f.type == POSW_MSG_GET_HEADERS || f.type == POSW_MSG_GET_BLOCKS;
    }
    posw_buf_clear(&got);
    return count;
}

/* Until it is asked nothing more. */
static inline void n_serve_all(n_net *w, uint64_t peer, posw_chain *from) {
    while (n_serve(w, peer, from) > 0) {
    }
}

/* It claims the weight of this chain, with further flags of HELLO. */
static inline void n_greet_flagged(n_net *w, uint64_t peer, posw_chain *from, uint64_t flags) {
    posw_buf b = {0};
    posw_msg_hello m = n_hello_of(w, peer);
    n_connect(w, peer);
    m.flags |= flags;
    m.number = posw_chain_tip(from)->number;
    m.weight = posw_chain_weight_total(from);
    m.hash = posw_chain_tip_hash(from);
    posw_msg_hello_encode(&b, &m);
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

static inline void n_greet_with(n_net *w, uint64_t peer, posw_chain *from) {
    n_greet_flagged(w, peer, from, 0);
}

/* Blocks without transactions, gap_s apart. */
static inline void n_grow_slowly(posw_chain *c, uint64_t blocks, uint64_t gap_s) {
    for (uint64_t i = 0; i < blocks; i++) {
        h_block b = h_simple(c, 1 + (unsigned)(i % 3), gap_s);
        h_import_valid(c, &b);
        h_block_clear(&b);
    }
}

/* A node, and a chain of so many blocks a second apart, of which it does not know yet. */
static inline void n_open_beside(n_net *w, h_node *source, uint64_t blocks) {
    n_open(w);
    h_open(source, &w->spec);
    n_grow_slowly(source->chain, blocks, 1);
}

static inline void n_close_beside(n_net *w, h_node *source) {
    h_close(source);
    n_close(w);
}

/* It greets with this chain, and answers with all of its headers. */
static inline void n_show(n_net *w, uint64_t peer, posw_chain *from) {
    n_greet_with(w, peer, from);
    n_answer_headers(w, peer, from, 1, posw_chain_tip(from)->number);
}

/* Until a block that is missing now is late, has been seen so, and was asked of others. */
static inline void n_pass_late(n_net *w) {
    n_tick(w, sync_late_after_ms(w->p2p));
    n_tick(w, SYNC_LATE_AGAIN_MS);
}

static inline uint64_t n_violations(const n_net *w) {
    return w->p2p->counters.violations;
}

#endif
