/* Somebody who means harm, over real sockets: connects to a node of one's own as often as it is thrown out, and floods
 * it. For tests; not installed.
 *
 *      posw-flood --port P [--host IP] --stage STAGE [--chain FILE] [--count N] [--seed S] [--feet K]
 *                 [--seconds T]
 *
 * Stages:
 *   ping      no harm: one honest peer that measures. A line "unix time in ms, round trip in us" 20 times a second,
 *             until standard input ends.
 *   broken    frames that cannot be decoded, one a connection: nothing after it is looked at
 *   right     messages right in form with random contents; now and then one that is never right, which ends the
 *             connection
 *   nowork    headers (512 an answer) without work: every second list claims outputs that meet any target
 *   forged    the same with stake proofs that prove nothing
 *   worked    headers with work at the base target on the latest blocks; needs a chain of trivial, fixed difficulty
 *   old       the same on old blocks, one header a branch
 *   copies    one proof of work, signed again and again
 *   hoard     messages of 8 MiB whose last byte never comes, from all feet at once
 *
 * All but ping end after N messages (headers) that the node has judged, as an answer to a PING behind them or the end
 * of the connection shows (or after T seconds), and print one line of JSON. The same seed sends the same messages; in
 * which order the connections come depends on the machine. Exit code 1: the node did not behave as it must, with a
 * sentence. */
#include "messages.h"

#include "base/bytes.h"
#include "chain/chainfile.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "io/file.h"
#include "io/peers.h"
#include "posw/economy.h"
#include "posw/seal.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    FEET_MAX = 64,
    CHAIN_MAX = 1 << 16, /* headers of theirs that are kept */
    BATCH = 64,          /* messages before an answer is waited for */
    PING_MS = 50,
    TICK_MS = 5,
    REDIAL_MS = 20,        /* after a dial that failed */
    ANSWER_MS = 60 * 1000, /* everything is answered, or the connection ends, within this */
    CODES = 16
};

typedef struct flood flood;

typedef struct {
    flood *f;
    posw_peers *p;
    posw_identity *id;
    posw_random random;
    uint64_t number;  /* of the connection; 0: none */
    uint64_t next_ms; /* no dial before */
    bool open, greeted, ending, counted_on_close;
    posw_buf in;
    uint64_t waiting; /* messages that will count when the answer comes */
    uint8_t nonce[8]; /* of the PING behind them */
    uint64_t sent_us, since_ms;
    bool pinged;
    posw_header last; /* of the chain that it makes */
    posw_hash last_hash;
    bool has_last;
    uint64_t copies;
} foot;

typedef struct {
    const char *name;
    bool heavy;             /* claims more work than the node has, so that it is asked for headers */
    void (*open)(foot *x);  /* connected, nothing said; NULL: HELLO */
    void (*ready)(foot *x); /* both have said HELLO, and after each answer to a PING */
    void (*asked)(foot *x, const posw_msg_get_headers *m);
} stage;

struct flood {
    uv_loop_t loop;
    uv_timer_t timer;
    uv_pipe_t input;
    const stage *stage;
    const char *host;  /* numeric */
    posw_netaddr node; /* both */
    uint16_t port;
    uint64_t wanted, judged, seed, connections, refused;
    uint64_t end_ms; /* 0: none */
    bool done, has_hello;
    const char *failure;
    foot feet[FEET_MAX + 1]; /* the last is the scout, which learns the chain and does no harm */
    size_t count;
    posw_msg_hello hello; /* theirs */
    posw_chain_spec spec;
    posw_header *headers; /* of their main chain, by number - 1 */
    posw_hash *hashes;
    size_t known;
    uint64_t scout_ms;
    uint64_t goodbyes[CODES];
    char last_words[POSW_MSG_SENTENCE_MAX + 1];
};

static uint64_t clock_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_ms(void) {
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

static _Noreturn void die(const char *what) {
    fprintf(stderr, "posw-flood: %s\n", what);
    exit(2);
}

static void fail(flood *f, const char *what) {
    if (f->failure == NULL) f->failure = what;
    f->done = true;
}

static bool is_scout(const foot *x) {
    return x == &x->f->feet[x->f->count];
}

/* ---- Sending ---- */

static void send_frames(foot *x, posw_buf *b) {
    if (b->failed) die("out of memory");
    posw_peers_send(x->p, x->number, b);
    posw_peers_flush(x->p);
}

static void say_hello(foot *x) {
    posw_buf b = {0};
    const flood *f = x->f;
    posw_msg_hello m = f->hello;
    posw_random_fill(&x->random, m.nonce, sizeof m.nonce);
    m.port = 0;
    m.flags = POSW_MSG_HELLO_RELAYS;
    m.agent = posw_bytes_of("posw-flood", 10);
    if (f->stage->heavy && !is_scout(x)) {
        m.number += 100; /* not so far ahead that one is asked at a time only */
        posw_random_fill(&x->random, m.hash.b, sizeof m.hash.b);
        m.weight = posw_u256_add_sat(&m.weight, &m.weight);
        m.weight = posw_u256_add_sat(&m.weight, &(posw_u256){.w = {1ULL << 60}});
    } else {
        m.weight = POSW_U256_ZERO;
    }
    posw_msg_hello_encode(&b, &m);
    send_frames(x, &b);
    x->greeted = true;
}

/* Behind what was sent: whoever answers it has judged that. */
static void put_ping(foot *x, posw_buf *b) {
    posw_msg_ping m = {.number = x->f->hello.number, .hash = x->f->hello.hash, .fork = x->f->hello.fork};
    posw_random_fill(&x->random, x->nonce, sizeof x->nonce);
    memcpy(m.nonce, x->nonce, sizeof m.nonce);
    posw_msg_ping_encode(b, &m);
    x->pinged = true;
    x->sent_us = clock_us(CLOCK_MONOTONIC);
}

static void note_judged(flood *f, uint64_t n) {
    f->judged += n;
    if (f->judged >= f->wanted) f->done = true;
}

/* The node must end the connection now. */
static void await_end(foot *x, uint64_t messages) {
    x->ending = true;
    x->waiting = messages;
    x->counted_on_close = true;
}

/* ---- Their chain ---- */

static messages_context context(const flood *f) {
    const size_t first = f->known > 1024 ? f->known - 1024 : 0;
    return (messages_context){.hello = &f->hello,
                              .known = f->known > 0 ? f->hashes + first : &f->hello.genesis,
                              .known_count = f->known > 0 ? f->known - first : 1,
                              .header = f->known > 0 ? &f->headers[f->known - 1] : NULL};
}

static void scout(foot *x) {
    flood *f = x->f;
    posw_buf b = {0};
    posw_hash locator[2] = {f->hello.genesis, f->hello.genesis};
    size_t n = 0;
    if (f->known > 4) locator[n++] = f->hashes[f->known - 4]; /* the tip may have been replaced */
    n++;
    posw_msg_get_headers_encode(&b, 1, locator, n, POSW_MSG_HEADERS_MAX);
    send_frames(x, &b);
    f->scout_ms = UINT64_MAX;
}

static void learn(flood *f, posw_bytes payload) {
    posw_msg_headers m;
    posw_msg_header h;
    if (!posw_msg_headers_decode(&m, payload)) die("the node sent headers that cannot be decoded");
    while (posw_msg_headers_next(&h, &m.list)) {
        const size_t at = (size_t)(h.header.number - 1);
        if (at >= CHAIN_MAX || at > f->known) continue;
        f->headers[at] = h.header;
        f->hashes[at] = h.hash;
        f->known = at + 1;
    }
    f->scout_ms = now_ms() + (m.list.count == 0 ? 300 : 100);
}

/* ---- Headers ---- */

static void sign(foot *x, posw_header *h, bool again) {
    static secp256k1_context *c;
    posw_hash seal_hash, digest;
    uint8_t secret[32] = {0}, data[32] = {0};
    secp256k1_ecdsa_recoverable_signature s;
    int recovery;
    secret[31] = 7;
    if (c == NULL) c = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    posw_header_seal_hash(&seal_hash, h);
    posw_seal_digest(&digest, &seal_hash, h->nonce, &h->mix_hash);
    if (again) posw_store_le64(data, ++x->copies);
    if (!secp256k1_ecdsa_sign_recoverable(c, &s, digest.b, secret, NULL, again ? data : NULL)) die("cannot sign");
    uint8_t *out = h->extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(c, out, &recovery, &s);
    out[64] = (uint8_t)recovery;
}

static void work(posw_header *h) {
    posw_hash seal_hash;
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_header_seal_hash(&seal_hash, h);
    for (uint64_t nonce = 0;; nonce++) {
        posw_store_be64(h->nonce, nonce);
        posw_pow_input(input, &seal_hash, h->nonce);
        posw_keccak256(&h->mix_hash, input, sizeof input);
        if (posw_seal_meets(&h->mix_hash, &h->difficulty, &POSW_U256_ONE)) return;
    }
}

/* A child that keeps every rule that needs no work. */
static posw_header child_of(foot *x, const posw_header *parent, const posw_hash *parent_hash) {
    static const uint8_t secret[32] = {[31] = 7};
    posw_header h = *parent;
    h.parent_hash = *parent_hash;
    h.number++;
    h.timestamp++;
    h.gas_used = 0;
    h.base_fee_wei = posw_base_fee_next(&x->f->spec.params, parent->number, parent->base_fee_wei, parent->gas_used);
    posw_random_fill(&x->random, h.state_root.b, sizeof h.state_root.b);
    if (!posw_secp_address(&h.beneficiary, secret)) die("cannot make an address");
    return h;
}

static void random_output(foot *x, posw_header *h) {
    posw_random_fill(&x->random, h->nonce, sizeof h->nonce);
    posw_random_fill(&x->random, h->mix_hash.b, sizeof h->mix_hash.b);
}

/* Little-endian: below any target. */
static void lucky_output(foot *x, posw_header *h) {
    random_output(x, h);
    memset(h->mix_hash.b + 8, 0, sizeof h->mix_hash.b - 8);
}

static void forge(foot *x, posw_stake_proof *p) {
    memset(p, 0, sizeof *p);
    p->supply_wei = p->total_wei = p->stake_wei = posw_u256_from_u64(UINT64_MAX);
    p->depth = posw_random_below(&x->random, POSW_STAKE_PROOF_DEPTH_MAX + 1);
    for (size_t i = 0; i < p->depth; i++)
        posw_random_fill(&x->random, p->siblings[i].hash.b, sizeof p->siblings[i].hash.b);
}

enum outputs { RANDOM_OUTPUT, LUCKY_OUTPUT, WORKED_OUTPUT };

/* Goes on from x->last. Returns how many were added. */
static uint64_t add_chain(foot *x, posw_msg_writer *w, size_t max, enum outputs outputs, bool forged) {
    uint64_t n = 0;
    posw_stake_proof proof;
    for (; n < max; n++) {
        posw_header h = child_of(x, &x->last, &x->last_hash);
        if (outputs == WORKED_OUTPUT)
            work(&h);
        else if (outputs == LUCKY_OUTPUT)
            lucky_output(x, &h);
        else
            random_output(x, &h);
        sign(x, &h, false);
        if (forged) forge(x, &proof);
        if (!posw_msg_headers_add(w, &h, forged ? &proof : NULL)) break;
        x->last = h;
        posw_header_hash(&x->last_hash, &h);
    }
    return n;
}

/* back: so many blocks below their tip. False: none is known. */
static bool begin_on(foot *x, uint64_t back) {
    const flood *f = x->f;
    if (f->known == 0) return false;
    const size_t at = f->known - 1 - (size_t)(back < f->known ? back : f->known - 1);
    x->last = f->headers[at];
    x->last_hash = f->hashes[at];
    return true;
}

static void answer_headers(foot *x, const posw_msg_get_headers *m, bool forged) {
    posw_buf b = {0};
    posw_msg_writer w;
    const bool lucky = posw_random_chance(&x->random, 1, 2);
    if (!begin_on(x, posw_random_below(&x->random, 3))) return;
    posw_msg_headers_begin(&w, &b, m->request);
    const uint64_t n = add_chain(x, &w, POSW_MSG_HEADERS_MAX, lucky ? LUCKY_OUTPUT : RANDOM_OUTPUT, forged);
    posw_msg_end(&w);
    send_frames(x, &b);
    await_end(x, n);
}

static void asked_nowork(foot *x, const posw_msg_get_headers *m) {
    answer_headers(x, m, false);
}

static void asked_forged(foot *x, const posw_msg_get_headers *m) {
    answer_headers(x, m, true);
}

/* A chain of real work goes on for as long as it is asked for. */
static void asked_worked(foot *x, const posw_msg_get_headers *m) {
    posw_buf b = {0};
    posw_msg_writer w;
    const posw_hash from = m->locator.count > 0 ? posw_msg_hash_at(&m->locator, 0) : x->f->hello.genesis;
    if (!x->has_last || !posw_hash_equal(&from, &x->last_hash)) x->has_last = begin_on(x, 0);
    if (!x->has_last) return;
    posw_msg_headers_begin(&w, &b, m->request);
    const uint64_t n = add_chain(x, &w, POSW_MSG_HEADERS_MAX, WORKED_OUTPUT, false);
    posw_msg_end(&w);
    x->waiting += n;
    if (!x->pinged) put_ping(x, &b);
    send_frames(x, &b);
}

static void ready_old(foot *x) {
    posw_buf b = {0};
    posw_msg_writer w;
    if (x->f->known < 8) return;
    for (int i = 0; i < BATCH / 4; i++) {
        if (!begin_on(x, 1 + posw_random_below(&x->random, 100))) return;
        posw_msg_announce_begin(&w, &b);
        x->waiting += add_chain(x, &w, 1, WORKED_OUTPUT, false);
        posw_msg_end(&w);
    }
    put_ping(x, &b);
    send_frames(x, &b);
}

static void ready_copies(foot *x) {
    posw_buf b = {0};
    posw_msg_writer w;
    if (x->f->known == 0) return;
    if (!x->has_last) {
        begin_on(x, 0);
        x->last = child_of(x, &x->last, &x->last_hash);
        work(&x->last);
        x->has_last = true;
    }
    for (int i = 0; i < BATCH; i++) {
        sign(x, &x->last, true);
        posw_msg_announce_begin(&w, &b);
        x->waiting += posw_msg_headers_add(&w, &x->last, NULL);
        posw_msg_end(&w);
    }
    if (posw_random_chance(&x->random, 1, 64)) x->has_last = false; /* another find, on the tip of now */
    put_ping(x, &b);
    send_frames(x, &b);
}

/* ---- Messages ---- */

static void ready_right(foot *x) {
    posw_buf b = {0};
    const messages_context c = context(x->f);
    const size_t n = 1 + posw_random_below(&x->random, BATCH);
    for (size_t i = 0; i < n; i++)
        messages_right(&b, &c, &x->random);
    if (posw_random_chance(&x->random, 1, 50)) {
        messages_unasked(&b, &c, &x->random);
        send_frames(x, &b);
        await_end(x, n + 1);
        return;
    }
    x->waiting = n;
    put_ping(x, &b);
    send_frames(x, &b);
}

/* Every answer is wrong in its way. */
static void asked_right(foot *x, const posw_msg_get_headers *m) {
    posw_buf b = {0};
    posw_msg_writer w;
    posw_msg_headers_begin(&w, &b, m->request);
    posw_msg_end(&w);
    send_frames(x, &b);
}

static void send_broken(foot *x) {
    posw_buf b = {0};
    const messages_context c = context(x->f);
    messages_broken(&b, &c, &x->random);
    send_frames(x, &b);
    await_end(x, 1);
}

/* Half of them before HELLO. */
static void open_broken(foot *x) {
    if (posw_random_chance(&x->random, 1, 2))
        send_broken(x);
    else
        say_hello(x);
}

/* It counts when the node ends the connection, or when the node has taken all of it and holds it. */
static void ready_hoard(foot *x) {
    posw_buf b = {0};
    uint8_t prefix[POSW_MSG_PREFIX] = {POSW_MSG_COMPACT};
    const size_t size = posw_msg_limit(POSW_MSG_COMPACT);
    posw_store_be32(prefix + 1, (uint32_t)size);
    posw_buf_append(&b, prefix, sizeof prefix);
    uint8_t *rest = posw_buf_extend(&b, size - 1);
    if (rest != NULL) memset(rest, 0, size - 1);
    send_frames(x, &b);
    x->ending = x->counted_on_close = true;
    x->waiting = 1;
}

static void ready_ping(foot *x) {
    x->next_ms = now_ms() + PING_MS; /* the tick sends it */
}

static const stage stages[] = {
    {.name = "ping", .ready = ready_ping},
    {.name = "broken", .open = open_broken, .ready = send_broken},
    {.name = "right", .ready = ready_right, .asked = asked_right},
    {.name = "nowork", .heavy = true, .asked = asked_nowork},
    {.name = "forged", .heavy = true, .asked = asked_forged},
    {.name = "worked", .heavy = true, .asked = asked_worked},
    {.name = "old", .ready = ready_old},
    {.name = "copies", .ready = ready_copies},
    {.name = "hoard", .ready = ready_hoard},
};

/* ---- What comes ---- */

static void on_pong(foot *x, posw_bytes payload) {
    uint8_t nonce[8];
    if (!posw_msg_pong_decode(nonce, payload) || memcmp(nonce, x->nonce, sizeof nonce) != 0) return;
    const uint64_t us = clock_us(CLOCK_MONOTONIC) - x->sent_us;
    x->pinged = false;
    if (x->ending) return;
    if (x->f->stage == &stages[0]) printf("%" PRIu64 " %" PRIu64 "\n", clock_us(CLOCK_REALTIME) / 1000, us);
    const uint64_t n = x->waiting;
    x->waiting = 0;
    x->since_ms = now_ms();
    note_judged(x->f, n);
    if (x->f->stage->ready != NULL && !x->f->done) x->f->stage->ready(x);
}

static void on_hello(foot *x, posw_bytes payload) {
    flood *f = x->f;
    posw_msg_hello m;
    if (!posw_msg_hello_decode(&m, payload)) die("the node's HELLO cannot be decoded");
    m.agent = posw_bytes_of("", 0);
    f->hello = m;
    f->has_hello = true;
    if (x->ending) return;
    if (!x->greeted) say_hello(x);
    if (is_scout(x))
        scout(x);
    else if (f->stage->ready != NULL)
        f->stage->ready(x);
}

static void on_goodbye(foot *x, posw_bytes payload) {
    posw_msg_goodbye m;
    if (!posw_msg_goodbye_decode(&m, payload)) die("the node's GOODBYE cannot be decoded");
    x->f->goodbyes[m.code < CODES ? m.code : 0]++;
    posw_msg_text(x->f->last_words, sizeof x->f->last_words, m.sentence);
    if (is_scout(x) || x->f->stage == &stages[0]) fail(x->f, "the node has sent an honest peer away");
    posw_peers_close(x->p, x->number);
}

static void answer_ping(foot *x, posw_bytes payload) {
    posw_msg_ping m;
    posw_buf b = {0};
    if (!posw_msg_ping_decode(&m, payload)) die("the node's PING cannot be decoded");
    posw_msg_pong_encode(&b, m.nonce);
    send_frames(x, &b);
}

static void on_get_headers(foot *x, posw_bytes payload) {
    posw_msg_get_headers m;
    if (!posw_msg_get_headers_decode(&m, payload)) die("the node's GET_HEADERS cannot be decoded");
    if (x->ending) return;
    if (!is_scout(x) && x->f->stage->asked != NULL)
        x->f->stage->asked(x, &m);
    else
        asked_right(x, &m);
}

static void on_frame(foot *x, const posw_msg_frame *m) {
    switch (m->type) {
    case POSW_MSG_HELLO:
        on_hello(x, m->payload);
        break;
    case POSW_MSG_GOODBYE:
        on_goodbye(x, m->payload);
        break;
    case POSW_MSG_PING:
        answer_ping(x, m->payload);
        break;
    case POSW_MSG_PONG:
        on_pong(x, m->payload);
        break;
    case POSW_MSG_GET_HEADERS:
        on_get_headers(x, m->payload);
        break;
    case POSW_MSG_HEADERS:
        if (is_scout(x)) learn(x->f, m->payload);
        break;
    default:
        break;
    }
}

static void on_data(foot *x, posw_bytes data) {
    posw_msg_frame m;
    size_t size, at = 0;
    enum posw_msg_cut cut = POSW_MSG_CUT_MORE;
    posw_buf_append(&x->in, data.data, data.size);
    posw_buf in = x->in; /* what comes while it is walked would move it */
    x->in = (posw_buf){0};
    while (at < in.size && (cut = posw_msg_frame_cut(&m, &size, in.data + at, in.size - at)) == POSW_MSG_CUT_WHOLE) {
        on_frame(x, &m);
        at += size;
    }
    if (cut == POSW_MSG_CUT_BAD) die("the node sent a frame that is none");
    if (at < in.size) posw_buf_append(&x->in, in.data + at, in.size - at);
    posw_buf_clear(&in);
}

static void on_open(foot *x) {
    x->open = true;
    x->f->connections++;
    x->since_ms = now_ms();
    if (!is_scout(x) && x->f->stage->open != NULL && x->f->has_hello) x->f->stage->open(x);
    /* else: when their HELLO has come */
}

static void on_closed(foot *x) {
    flood *f = x->f;
    if (!x->open) {
        f->refused++;
        x->next_ms = now_ms() + REDIAL_MS;
    }
    if (x->open && !f->done && (is_scout(x) || f->stage == &stages[0]))
        fail(f, "an honest peer's connection was closed");
    if (x->counted_on_close && !f->done) note_judged(f, x->waiting);
    x->number = 0;
    x->open = x->greeted = x->ending = x->counted_on_close = x->pinged = x->has_last = false;
    x->waiting = 0;
    posw_buf_clear(&x->in);
}

static void on_event(void *arg, posw_event *e) {
    foot *x = arg;
    if (e->type == POSW_EVENT_PEER_OPEN)
        on_open(x);
    else if (e->type == POSW_EVENT_PEER_DATA)
        on_data(x, e->data);
    else if (e->type == POSW_EVENT_PEER_CLOSED)
        on_closed(x);
}

/* ---- Time ---- */

static void dial(foot *x) {
    static uint64_t next = POSW_PEER_OUTBOUND | 1;
    const posw_node_id any = {{0}};
    x->number = next++;
    x->since_ms = now_ms();
    posw_peers_connect(x->p, x->number, &x->f->node, &any);
}

static void send_ping(foot *x) {
    posw_buf b = {0};
    put_ping(x, &b);
    send_frames(x, &b);
    x->next_ms = UINT64_MAX;
}

static void tick_foot(foot *x, uint64_t now) {
    const flood *f = x->f;
    if (x->number == 0 && now >= x->next_ms && (is_scout(x) || f->has_hello)) dial(x);
    if (is_scout(x) || !x->open) return;
    if (f->stage == &stages[0]) {
        if (x->greeted && !x->pinged && now >= x->next_ms) send_ping(x);
        return;
    }
    if (now - x->since_ms > ANSWER_MS) {
        /* whoever is not asked for headers has nothing to say, and begins again */
        if (x->ending)
            fail(x->f, "what ends a connection has not ended it");
        else
            posw_peers_close(x->p, x->number);
    } else if (!x->ending && !x->pinged && x->greeted && f->stage->ready != NULL) {
        f->stage->ready(x); /* it waited for the chain */
    } else if (!x->ending && x->pinged && clock_us(CLOCK_MONOTONIC) - x->sent_us > 5000000) {
        posw_buf b = {0};
        put_ping(x, &b); /* a node that cannot send leaves pings unanswered */
        send_frames(x, &b);
    }
}

static void on_timer(uv_timer_t *t) {
    flood *f = t->data;
    const uint64_t now = now_ms();
    for (size_t i = 0; i <= f->count; i++)
        tick_foot(&f->feet[i], now);
    foot *x = &f->feet[f->count];
    if (x->open && x->greeted && now >= f->scout_ms) scout(x);
    if (f->end_ms != 0 && now >= f->end_ms) f->done = true;
    if (f->done) uv_stop(&f->loop);
}

/* ---- Life ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    static char bytes[64];
    (void)handle, (void)suggested;
    *out = uv_buf_init(bytes, sizeof bytes);
}

static void on_input(uv_stream_t *s, ssize_t size, const uv_buf_t *b) {
    (void)b;
    if (size < 0) ((flood *)s->data)->done = true;
}

static void make_foot(flood *f, size_t i) {
    posw_message msg = {""};
    foot *x = &f->feet[i];
    uint8_t seed[POSW_RANDOM_SEED_SIZE] = {0};
    x->f = f;
    posw_store_le64(seed, f->seed);
    posw_store_le64(seed + 8, i);
    posw_random_init(&x->random, seed);
    if (posw_identity_new(&x->id) != POSW_OK) die("no identity");
    const posw_peers_options o = {.identity = x->id, .event = on_event, .arg = x};
    if (posw_peers_start(&x->p, &f->loop, &o, &msg) != POSW_OK) die(msg.text);
}

static void read_chain(flood *f, const char *path) {
    posw_buf text = {0};
    posw_message msg = {""};
    if (posw_file_read(&text, path, 64 << 20, &msg) != POSW_OK ||
        posw_chainfile_read(&f->spec, (const char *)text.data, text.size, &msg) != POSW_OK)
        die(msg.text);
    posw_buf_clear(&text);
}

static void set_stage(flood *f, const char *name) {
    for (size_t i = 0; i < POSW_ARRAY_SIZE(stages); i++)
        if (strcmp(name, stages[i].name) == 0) f->stage = &stages[i];
}

static void read_options(flood *f, char **argv) {
    for (; argv[0] != NULL && argv[1] != NULL; argv += 2) {
        if (strcmp(argv[0], "--port") == 0)
            f->port = (uint16_t)strtoul(argv[1], NULL, 10);
        else if (strcmp(argv[0], "--host") == 0)
            f->host = argv[1];
        else if (strcmp(argv[0], "--stage") == 0)
            set_stage(f, argv[1]);
        else if (strcmp(argv[0], "--chain") == 0)
            read_chain(f, argv[1]);
        else if (strcmp(argv[0], "--count") == 0)
            f->wanted = strtoull(argv[1], NULL, 10);
        else if (strcmp(argv[0], "--seed") == 0)
            f->seed = strtoull(argv[1], NULL, 10);
        else if (strcmp(argv[0], "--seconds") == 0)
            f->end_ms = now_ms() + 1000 * strtoull(argv[1], NULL, 10);
        else if (strcmp(argv[0], "--feet") == 0)
            f->count = strtoul(argv[1], NULL, 10);
        else
            die("no such option");
    }
    if (argv[0] != NULL || f->stage == NULL || f->port == 0 || !posw_netaddr_parse(&f->node, f->host, f->port) ||
        f->count == 0 || f->count > FEET_MAX)
        die("usage: posw-flood --port P [--host IP] --stage ping|broken|right|nowork|forged|worked|old|copies|hoard "
            "[--chain FILE] "
            "[--count N] [--seed S] [--feet K] [--seconds T]");
}

static void report(const flood *f, uint64_t us) {
    printf("{\"stage\":\"%s\",\"seed\":%" PRIu64 ",\"judged\":%" PRIu64 ",\"connections\":%" PRIu64
           ",\"refused\":%" PRIu64 ",\"seconds\":%.1f,\"goodbyes\":[",
           f->stage->name, f->seed, f->judged, f->connections, f->refused, (double)us / 1e6);
    for (int i = 0; i < CODES; i++)
        printf("%s%" PRIu64, i == 0 ? "" : ",", f->goodbyes[i]);
    printf("],\"lastWords\":\"");
    for (const char *s = f->last_words; *s != '\0'; s++)
        putchar(*s == '"' || *s == '\\' ? '\'' : *s);
    printf("\"}\n");
}

int main(int argc, char **argv) {
    static flood f = {.host = "127.0.0.1", .count = 8, .wanted = 20000, .seed = 1};
    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    read_options(&f, argv + 1);
    if (f.stage == &stages[0]) f.count = 1, f.wanted = UINT64_MAX;
    f.headers = calloc(CHAIN_MAX, sizeof *f.headers);
    f.hashes = calloc(CHAIN_MAX, sizeof *f.hashes);
    if (f.headers == NULL || f.hashes == NULL || uv_loop_init(&f.loop) != 0) die("out of memory");
    for (size_t i = 0; i <= f.count; i++)
        make_foot(&f, i);
    f.scout_ms = UINT64_MAX;
    f.timer.data = f.input.data = &f;
    (void)uv_timer_init(&f.loop, &f.timer);
    (void)uv_timer_start(&f.timer, on_timer, 0, TICK_MS);
    if (f.stage == &stages[0] && uv_pipe_init(&f.loop, &f.input, 0) == 0 && uv_pipe_open(&f.input, STDIN_FILENO) == 0)
        (void)uv_read_start((uv_stream_t *)&f.input, on_alloc, on_input);
    const uint64_t begin = clock_us(CLOCK_MONOTONIC);
    while (!f.done)
        (void)uv_run(&f.loop, UV_RUN_DEFAULT);
    if (f.stage != &stages[0]) report(&f, clock_us(CLOCK_MONOTONIC) - begin);
    if (f.failure == NULL) return 0; /* the system takes the rest */
    fprintf(stderr, "posw-flood: %s (%s)\n", f.failure, f.last_words);
    return 1;
}
