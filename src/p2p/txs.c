/* Transactions: hashes are announced, what is unknown is asked for once, and what the pool takes is announced on.
 *
 * Limits: of each peer the latest 4,096 hashes that are to be told to it, the latest 8,192 to 16,384 that it has (8
 * bytes each), and 1,024 that it was asked for; in all 16,384 that are asked for, and beyond that 64 of each peer, so
 * that whoever fills the places keeps nobody out. A peer can make the node judge 4,000 transactions a second, with
 * twice that at once; what it announces beyond is passed over, others will announce it too. What the pool refused is
 * not asked for again before the next block. What was announced and not given within 5 s is asked of another that has
 * announced it, for a minute. */
#include "base/bytes.h"
#include "base/error.h"
#include "base/siphash.h"
#include "crypto/keccak.h"
#include "p2p/p2p_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    QUEUE_MAX = 4096,
    KNOWN_MAX = 8192, /* of one generation; two are kept */
    REFUSED_MAX = 16384,
    ASKED_MAX = 16384,
    ASKED_PEER_MAX = 1024,
    ASKED_SURE = 64, /* of a peer, when all places are taken; */
    ASKED_ALL_MAX =
        65536, /* those of peers that have left count on, and a node lets no more come in 5 s than fill this */
    ASK_MS = 5000,
    ASK_ALL_MS = 60 * 1000, /* so long one after the other: some were mined or replaced before anybody gave them */
    TELL_MS =
        100, /* mean time between announcements to a peer: nobody can tell where a transaction came from by the time */
    BUDGET_PER_MS = 4,
    BUDGET_MAX = 8000
};

/* The latest of many, in two generations: the older one goes when the newer is full. */
typedef struct {
    posw_map now, before;
    size_t max;
} recent;

struct p2p_txs_peer {
    recent known; /* hashes that it has, by their first 8 bytes under a secret */
    posw_hash queue[QUEUE_MAX];
    size_t queue_first, queue_count;
    uint64_t tell_ms;                 /* when the queue is told */
    posw_hash wanted[ASKED_PEER_MAX]; /* that it asked for, and has not got yet */
    size_t wanted_count, asked;
    uint64_t budget, budget_ms;
};

typedef struct {
    uint64_t peer, asked_ms, first_ms; /* first_ms: when anybody was asked first */
} asked_tx;

struct p2p_txs {
    posw_map asked; /* hash -> asked_tx */
    recent refused;
    uint64_t key[2];
    uint64_t check_ms;
};

/* ---- The latest of many ---- */

static void recent_init(recent *r, size_t max, const uint8_t *seed) {
    posw_map_init(&r->now, sizeof(uint64_t), 0, seed);
    posw_map_init(&r->before, sizeof(uint64_t), 0, seed);
    r->max = max;
}

static void recent_clear(recent *r) {
    posw_map_clear(&r->now);
    posw_map_clear(&r->before);
}

static void recent_add(recent *r, uint64_t key, const uint8_t *seed) {
    if (r->now.count >= r->max) {
        const posw_map old = r->before;
        r->before = r->now;
        r->now = old;
        posw_map_reset(&r->now, seed);
    }
    (void)posw_map_put(&r->now, &key, NULL);
}

static void recent_forget(recent *r, const uint8_t *seed) {
    if (r->now.count > 0) posw_map_reset(&r->now, seed);
    if (r->before.count > 0) posw_map_reset(&r->before, seed);
}

static void recent_remove(recent *r, uint64_t key) {
    (void)posw_map_remove(&r->now, &key);
    (void)posw_map_remove(&r->before, &key);
}

static bool recent_has(const recent *r, uint64_t key) {
    return posw_map_find(&r->now, &key) != NULL || posw_map_find(&r->before, &key) != NULL;
}

static uint64_t key_of(const posw_p2p *p, const posw_hash *hash) {
    return posw_siphash(p->txs->key, hash->b, sizeof hash->b);
}

static const uint8_t *map_seed(const posw_p2p *p) {
    return (const uint8_t *)p->txs->key;
}

/* ---- Life ---- */

int p2p_txs_new(posw_p2p *p) {
    p->txs = calloc(1, sizeof *p->txs);
    if (p->txs == NULL) return POSW_ENOMEM;
    p->txs->key[0] = posw_random_u64(&p->random);
    p->txs->key[1] = posw_random_u64(&p->random);
    posw_map_init(&p->txs->asked, POSW_HASH_SIZE, sizeof(asked_tx), map_seed(p));
    recent_init(&p->txs->refused, REFUSED_MAX, map_seed(p));
    return POSW_OK;
}

void p2p_txs_free(posw_p2p *p) {
    if (p->txs == NULL) return;
    posw_map_clear(&p->txs->asked);
    recent_clear(&p->txs->refused);
    free(p->txs);
    p->txs = NULL;
}

static void queue_push(posw_p2p *p, p2p_peer *peer, const posw_hash *hash) {
    p2p_txs_peer *t = peer->relay;
    const uint64_t key = key_of(p, hash);
    if (recent_has(&t->known, key)) return;
    recent_add(&t->known, key, map_seed(p));
    t->queue[(t->queue_first + t->queue_count) % QUEUE_MAX] = *hash;
    if (t->queue_count < QUEUE_MAX)
        t->queue_count++;
    else
        t->queue_first = (t->queue_first + 1) % QUEUE_MAX;
    if (t->tell_ms == UINT64_MAX) t->tell_ms = p->now_ms + posw_random_interval(&p->random, TELL_MS);
    p2p_wake(p, t->tell_ms);
}

static bool takes_txs(const p2p_peer *peer) {
    return peer->relay != NULL && (peer->flags & POSW_MSG_HELLO_RELAYS) != 0;
}

typedef struct {
    posw_p2p *p;
    p2p_peer *peer;
    size_t count;
} pool_walk;

static int tell_pooled(void *arg, const posw_mempool_entry *e) {
    pool_walk *w = arg;
    if (e->pending) queue_push(w->p, w->peer, &e->hash);
    return ++w->count < QUEUE_MAX ? 0 : 1;
}

int p2p_txs_peer_ready(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    (void)out;
    if (peer->kind == POSW_P2P_BLOCK_ONLY) return POSW_OK;
    peer->relay =
        malloc(sizeof *peer->relay); /* its queue is written before it is read: pages that are not needed stay away */
    if (peer->relay == NULL) return POSW_ENOMEM;
    peer->relay->queue_first = peer->relay->queue_count = peer->relay->asked = peer->relay->wanted_count = 0;
    recent_init(&peer->relay->known, KNOWN_MAX, map_seed(p));
    peer->relay->tell_ms = UINT64_MAX;
    peer->relay->budget = BUDGET_MAX;
    peer->relay->budget_ms = p->now_ms;
    pool_walk w = {p, peer, 0};
    /* By address would cost a sort for each who connects, and of a large pool those with low addresses alone would be
     * heard of. */
    if (takes_txs(peer)) (void)posw_mempool_walk_unsorted(p->mempool, tell_pooled, &w);
    return POSW_OK;
}

/* ---- Asking ---- */

static size_t budget_of(p2p_txs_peer *t, uint64_t now_ms) {
    t->budget += (now_ms - t->budget_ms) * BUDGET_PER_MS;
    t->budget_ms = now_ms;
    if (t->budget > BUDGET_MAX) t->budget = BUDGET_MAX;
    return (size_t)t->budget;
}

static void send_get(posw_p2p *p, p2p_peer *peer, const posw_hash *hashes, size_t count, posw_actions *out) {
    posw_action *a = count == 0 ? NULL : p2p_send_begin(p, peer, out);
    if (a == NULL) return; /* no memory: they run out of time and are asked of another */
    posw_msg_hashes_encode(&a->data, POSW_MSG_GET_TXS, hashes, count);
    p2p_send_end(p, peer, a);
}

static bool has_place(posw_p2p *p, p2p_txs_peer *t) {
    const size_t most = p->txs->asked.count < ASKED_MAX ? ASKED_PEER_MAX : ASKED_SURE;
    return p->txs->asked.count < ASKED_ALL_MAX && t->asked < most && budget_of(t, p->now_ms) > 0;
}

/* True: it is to be asked of this peer now. */
static bool note_announced(posw_p2p *p, p2p_peer *peer, const posw_hash *hash) {
    p2p_txs *s = p->txs;
    bool added;
    if (posw_mempool_find(p->mempool, hash) != NULL || recent_has(&s->refused, key_of(p, hash))) return false;
    if (posw_map_find(&s->asked, hash->b) != NULL || !has_place(p, peer->relay)) return false;
    asked_tx *a = posw_map_put(&s->asked, hash->b, &added);
    if (a == NULL) return false;
    *a = (asked_tx){peer->id, p->now_ms, p->now_ms};
    peer->relay->asked++;
    peer->relay->budget--;
    return true;
}

static bool on_hashes(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_msg_hashes list;
    posw_hash wanted[POSW_MSG_TXS_MAX];
    size_t n = 0;
    if (!posw_msg_hashes_decode(&list, POSW_MSG_TX_HASHES, payload)) return false;
    for (size_t i = 0; i < list.count; i++) {
        const posw_hash hash = posw_msg_hash_at(&list, i);
        recent_add(&peer->relay->known, key_of(p, &hash), map_seed(p));
        if (p2p_sync_is_behind(p) || !note_announced(p, peer, &hash)) continue;
        wanted[n++] = hash;
        if (n < POSW_MSG_TXS_MAX) continue;
        send_get(p, peer, wanted, n, out);
        n = 0;
    }
    send_get(p, peer, wanted, n, out);
    if (p->txs->asked.count > 0) p2p_wake(p, p->now_ms + ASK_MS);
    return true;
}

/* ---- Answers ---- */

/* One message of what it asked for. */
static void send_wanted(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    p2p_txs_peer *t = peer->relay;
    posw_msg_writer w;
    size_t done = 0;
    posw_action *a = p2p_send_begin(p, peer, out);
    if (a == NULL) { /* no memory: it asks others */
        t->wanted_count = 0;
        return;
    }
    posw_msg_txs_begin(&w, &a->data);
    for (; done < t->wanted_count; done++) {
        const posw_mempool_entry *e = posw_mempool_find(p->mempool, &t->wanted[done]);
        if (e != NULL && !posw_msg_txs_add(&w, e->tx.raw)) break;
    }
    posw_msg_end(&w);
    if (a->data.failed) done = t->wanted_count;
    p2p_send_end(p, peer, a);
    t->wanted_count -= done;
    memmove(t->wanted, t->wanted + done, t->wanted_count * sizeof t->wanted[0]);
}

static void serve_wanted(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    while (peer->relay->wanted_count > 0 && !p2p_is_full(peer))
        send_wanted(p, peer, out);
}

/* Hashes tell nothing of sizes: whoever asks for 256 may ask for 32 MiB, which are given as it reads them. */
static bool on_get(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    p2p_txs_peer *t = peer->relay;
    posw_msg_hashes list;
    if (!posw_msg_hashes_decode(&list, POSW_MSG_GET_TXS, payload)) return false;
    for (size_t i = 0; i < list.count && t->wanted_count < ASKED_PEER_MAX; i++)
        t->wanted[t->wanted_count++] = posw_msg_hash_at(&list, i);
    serve_wanted(p, peer, out);
    return true;
}

void p2p_txs_peer_drained(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    if (peer->relay != NULL) serve_wanted(p, peer, out);
}

/* What no pool of this chain takes, whatever its state: whoever sends it on does not check. */
static bool is_never_valid(enum posw_mempool_refusal r) {
    return r == POSW_MEMPOOL_MALFORMED || r == POSW_MEMPOOL_SIGNATURE || r == POSW_MEMPOOL_CHAIN_ID ||
           r == POSW_MEMPOOL_UNPROTECTED;
}

static void take(posw_p2p *p, p2p_peer *peer, posw_bytes raw, posw_actions *out) {
    posw_hash hash;
    enum posw_mempool_refusal refusal;
    posw_keccak256(&hash, raw.data, raw.size);
    const asked_tx *a = posw_map_find(&p->txs->asked, hash.b);
    if (a == NULL || a->peer != peer->id) return; /* too late, or nobody asked: not looked at */
    (void)posw_map_remove(&p->txs->asked, hash.b);
    peer->relay->asked--;
    if (posw_node_submit_tx(p->node, raw.data, raw.size, NULL, &refusal, NULL, NULL, out) != POSW_OK) return;
    if (refusal == POSW_MEMPOOL_ACCEPTED) {
        peer->txs++;
        peer->last_tx_ms = p->now_ms;
        p->counters.txs_received++;
        return;
    }
    recent_add(&p->txs->refused, key_of(p, &hash), map_seed(p));
    if (is_never_valid(refusal)) p2p_violation(p, peer, "a transaction that can never be valid", out);
}

static bool on_txs(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_msg_tx_list list;
    posw_bytes raw;
    if (!posw_msg_txs_decode(&list, payload)) return false;
    while (peer->state == P2P_READY && posw_msg_txs_next(&raw, &list))
        take(p, peer, raw, out);
    return true;
}

bool p2p_txs_message(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f, posw_actions *out) {
    if (f->type == POSW_MSG_TX_HASHES) return on_hashes(p, peer, f->payload, out);
    if (f->type == POSW_MSG_GET_TXS) return on_get(p, peer, f->payload, out);
    return on_txs(p, peer, f->payload, out);
}

/* ---- Time ---- */

static void tell(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    p2p_txs_peer *t = peer->relay;
    posw_hash hashes[POSW_MSG_TX_HASHES_MAX];
    size_t n = 0;
    if (p->now_ms < t->tell_ms || p2p_is_full(peer)) return;
    while (t->queue_count > 0 && n < POSW_MSG_TX_HASHES_MAX) {
        const posw_hash *hash = &t->queue[t->queue_first];
        t->queue_first = (t->queue_first + 1) % QUEUE_MAX;
        t->queue_count--;
        if (posw_mempool_find(p->mempool, hash) != NULL) hashes[n++] = *hash; /* not mined meanwhile */
    }
    t->tell_ms = t->queue_count > 0 ? p->now_ms : UINT64_MAX;
    posw_action *a = n == 0 ? NULL : p2p_send_begin(p, peer, out);
    if (a == NULL) return;
    posw_msg_hashes_encode(&a->data, POSW_MSG_TX_HASHES, hashes, n);
    p2p_send_end(p, peer, a);
}

/* Somebody else who has announced it: one that this node dialled, if there is one, since those who come can be many,
 * announce everything first and give nothing. NULL: nobody. */
static p2p_peer *other_announcer(posw_p2p *p, const posw_hash *hash) {
    const uint64_t key = key_of(p, hash);
    p2p_peer *chosen = NULL;
    uint64_t alike = 0;
    size_t i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        if (peer->relay == NULL || !recent_has(&peer->relay->known, key)) continue;
        const bool came = peer->kind == POSW_P2P_INBOUND;
        if (chosen != NULL && came != (chosen->kind == POSW_P2P_INBOUND)) {
            if (came) continue;
            alike = 0;
        }
        if (posw_random_below(&p->random, ++alike) == 0) chosen = peer;
    }
    return chosen;
}

/* It is not in the pool, so whoever is known to have it has announced it; from now on this one no longer counts. */
static void give_up_on(posw_p2p *p, const posw_hash *hash) {
    const asked_tx *a = posw_map_find(&p->txs->asked, hash->b);
    p2p_peer *from = p2p_find(p, a->peer);
    (void)posw_map_remove(&p->txs->asked, hash->b);
    if (from == NULL || from->relay == NULL) return;
    if (from->relay->asked > 0) from->relay->asked--;
    recent_remove(&from->relay->known, key_of(p, hash));
}

/* What did not come in time is asked of another, else forgotten. At most a batch a round. */
static void ask_again(posw_p2p *p, posw_actions *out) {
    p2p_txs *s = p->txs;
    posw_hash late[POSW_MSG_TXS_MAX];
    size_t n = 0, pos = 0;
    const void *key;
    void *value;
    if (s->asked.count == 0 || p->now_ms < s->check_ms) return;
    while (n < POSW_MSG_TXS_MAX && posw_map_next(&s->asked, &pos, &key, &value))
        if (p->now_ms >= ((asked_tx *)value)->asked_ms + ASK_MS) memcpy(late[n++].b, key, POSW_HASH_SIZE);
    qsort(late, n, sizeof *late, p2p_compare_hashes); /* the map's order must reach nobody */
    s->check_ms = n == POSW_MSG_TXS_MAX ? p->now_ms : p->now_ms + ASK_MS / 4;
    for (size_t i = 0; i < n; i++) {
        const uint64_t first_ms = ((asked_tx *)posw_map_find(&s->asked, late[i].b))->first_ms;
        give_up_on(p, &late[i]);
        p2p_peer *other = p->now_ms >= first_ms + ASK_ALL_MS ? NULL : other_announcer(p, &late[i]);
        if (other == NULL || !note_announced(p, other, &late[i])) continue;
        ((asked_tx *)posw_map_find(&s->asked, late[i].b))->first_ms = first_ms;
        send_get(p, other, &late[i], 1, out);
    }
    if (s->asked.count > 0) p2p_wake(p, s->check_ms);
}

void p2p_txs_tick(posw_p2p *p, posw_actions *out) {
    size_t i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        if (peer->relay == NULL || peer->relay->queue_count == 0) continue;
        tell(p, peer, out);
        if (peer->relay->queue_count > 0)
            p2p_wake(p, peer->relay->tell_ms > p->now_ms ? peer->relay->tell_ms : p->now_ms + P2P_TICK_MS);
    }
    ask_again(p, out);
}

void p2p_txs_accepted(posw_p2p *p, const posw_mempool_entry *e, posw_actions *out) {
    size_t i = 0;
    (void)out;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        if (takes_txs(peer)) queue_push(p, peer, &e->hash);
}

/* The pending ones that came into the pool in this second. */
typedef struct {
    uint64_t now_s;
    size_t count;
    posw_hash hashes[QUEUE_MAX];
} newcomers;

static int note_newcomer(void *arg, const posw_mempool_entry *e) {
    newcomers *n = arg;
    if (e->pending && e->added_s == n->now_s) n->hashes[n->count++] = e->hash;
    return n->count < QUEUE_MAX ? 0 : 1;
}

/* After a block other transactions are right than before it: coins have come, nonces have moved, the pool has room. And
 * what came back when blocks left the chain is told to those who have not heard of it on this connection. */
void p2p_txs_chain_changed(posw_p2p *p, const posw_chain_change *change) {
    size_t i = 0;
    if (change->added_count > 0) recent_forget(&p->txs->refused, map_seed(p));
    if (change->removed_count == 0) return;
    newcomers *n = malloc(sizeof *n);
    if (n == NULL) return; /* others tell it, too */
    n->now_s = posw_node_now_s(p->node);
    n->count = 0;
    (void)posw_mempool_walk_unsorted(p->mempool, note_newcomer, n);
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        for (size_t k = 0; takes_txs(peer) && k < n->count; k++)
            queue_push(p, peer, &n->hashes[k]);
    free(n);
}

bool p2p_txs_peer_knows(const posw_p2p *p, const p2p_peer *peer, const posw_hash *hash) {
    return peer->relay != NULL && recent_has(&peer->relay->known, key_of(p, hash));
}

void p2p_txs_peer_gone(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    (void)p, (void)out; /* what it was asked for runs out of time */
    if (peer->relay == NULL) return;
    recent_clear(&peer->relay->known);
    free(peer->relay);
    peer->relay = NULL;
}

size_t p2p_txs_peer_memory(const p2p_peer *peer) {
    const p2p_txs_peer *t = peer->relay;
    return t == NULL ? 0
                     : sizeof *t + t->known.now.capacity * t->known.now.stride +
                           t->known.before.capacity * t->known.before.stride;
}
