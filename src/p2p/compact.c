/* New blocks at the tip: told to those who do not have them, and rebuilt from short ids and the pool.
 *
 *      COMPACT ── header right? ── proof of work (a job) ── pool ──┬── all there ── block ── on to others ── import
 *                                                                  └── GET_BLOCK_TXS ── BLOCK_TXS ──┘
 *
 * What fails here for want of luck (two transactions with one short id) goes the other way: headers, then the whole
 * block. */
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/keccak.h"
#include "p2p/p2p_internal.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    REBUILDS_MAX = 8,      /* at a time */
    REBUILDS_PEER_MAX = 2, /* of one peer */
    REBUILD_MS = 2000,     /* from COMPACT to the last transaction */
    FAST_PEERS = 3,        /* that are asked to send COMPACT unasked */
    HAS_MAX = 64,
    TOLD_MAX = 16,
    TELL_DEPTH = POSW_MSG_ANNOUNCE_MAX,
    GAS_PER_TX = 21000
};

struct p2p_compact_peer {
    bool wants_compact;        /* it said so */
    bool is_fast;              /* we said so */
    size_t has_at;             /* where the next one is noted */
    uint16_t has_tag[HAS_MAX]; /* the first bytes of `has`: eight are compared at a time */
    posw_hash has[HAS_MAX];
    size_t told_at;           /* where the next one is noted */
    posw_hash told[TOLD_MAX]; /* by COMPACT, and its transactions have not been asked for; zero: none */
};

/* A block that is being rebuilt. */
typedef struct {
    uint64_t peer, started_ms;
    bool proved;        /* its proof of work is right, and transactions are waited for */
    bool own_signature; /* the beneficiary's */
    posw_buf payload;   /* of COMPACT; everything below points into it */
    posw_msg_compact m;
    size_t count;    /* transactions of the block */
    posw_bytes *txs; /* NULL data: missing. Into payload or own */
    posw_buf own;    /* copies of the pool's: the pool may drop them */
    size_t missing;
} rebuild;

struct p2p_compact {
    rebuild *rebuilds[REBUILDS_MAX];
    size_t count;
    rebuild *spare;                     /* the memory of one that is over, for the next; or NULL */
    uint8_t last[POSW_HEADER_SIZE_MAX]; /* the encoded header that was hashed last, */
    size_t last_size;
    posw_hash last_hash;
};

/* ---- Who has what ---- */

static uint16_t tag_of(const posw_hash *hash) {
    return (uint16_t)(hash->b[0] << 8 | hash->b[1]);
}

/* It is the latest, or mostly it is not: then the tags alone are looked at, all of them, without a branch. */
static bool is_noted(const p2p_compact_peer *c, const posw_hash *hash) {
    const uint16_t tag = tag_of(hash);
    const size_t latest = (c->has_at + HAS_MAX - 1) % HAS_MAX;
    uint16_t any = 0;
    if (c->has_tag[latest] == tag && posw_hash_equal(&c->has[latest], hash)) return true;
    for (size_t i = 0; i < HAS_MAX; i++)
        any |= c->has_tag[i] == tag;
    for (size_t i = 1; any != 0 && i <= HAS_MAX; i++) {
        const size_t at = (c->has_at + HAS_MAX - i) % HAS_MAX;
        if (c->has_tag[at] == tag && posw_hash_equal(&c->has[at], hash)) return true;
    }
    return false;
}

static void note(p2p_compact_peer *c, const posw_hash *hash) {
    c->has_tag[c->has_at] = tag_of(hash);
    c->has[c->has_at] = *hash;
    c->has_at = (c->has_at + 1) % HAS_MAX;
}

static void note_told(p2p_compact_peer *c, const posw_hash *hash) {
    note(c, hash);
    c->told[c->told_at] = *hash;
    c->told_at = (c->told_at + 1) % TOLD_MAX;
}

/* Once a block: a question takes forty bytes, and reading a block to answer it can take a tenth of a second. */
static bool take_told(p2p_compact_peer *c, const posw_hash *hash) {
    if (posw_hash_is_zero(hash)) return false; /* an empty place is no block */
    for (size_t i = 0; i < TOLD_MAX; i++) {
        if (!posw_hash_equal(&c->told[i], hash)) continue;
        c->told[i] = (posw_hash){{0}};
        return true;
    }
    return false;
}

void p2p_compact_peer_has(posw_p2p *p, p2p_peer *peer, const posw_hash *hash) {
    (void)p;
    if (peer->compact != NULL && !is_noted(peer->compact, hash)) note(peer->compact, hash);
}

static bool peer_has(const p2p_peer *peer, const posw_hash *hash) {
    return posw_hash_equal(&peer->hash, hash) || is_noted(peer->compact, hash);
}

/* ---- Life ---- */

int p2p_compact_new(posw_p2p *p) {
    p->compact = calloc(1, sizeof *p->compact);
    return p->compact == NULL ? POSW_ENOMEM : POSW_OK;
}

/* The payload is copied before it is decoded, so that it is decoded once. NULL: no memory. */
static rebuild *rebuild_new(p2p_compact *c, posw_bytes payload) {
    rebuild *r = c->spare != NULL ? c->spare : malloc(sizeof *r);
    if (r == NULL) return NULL;
    if (c->spare == NULL) r->payload = (posw_buf){0};
    c->spare = NULL;
    r->peer = r->started_ms = 0;
    r->proved = r->own_signature = false;
    r->own = (posw_buf){0};
    r->txs = NULL;
    r->count = r->missing = 0;
    posw_buf_append(&r->payload, payload.data, payload.size);
    if (!r->payload.failed) return r;
    posw_buf_clear(&r->payload);
    free(r);
    return NULL;
}

static void rebuild_free(p2p_compact *c, rebuild *r) {
    free(r->txs);
    posw_buf_clear(&r->own);
    if (c->spare == NULL && r->payload.capacity <= P2P_KEEP_BUFFER) {
        posw_buf_reset(&r->payload);
        c->spare = r;
        return;
    }
    posw_buf_clear(&r->payload);
    free(r);
}

static void drop(posw_p2p *p, rebuild *r) {
    p2p_compact *c = p->compact;
    for (size_t i = 0; i < c->count; i++)
        if (c->rebuilds[i] == r) {
            c->rebuilds[i] = c->rebuilds[--c->count];
            break;
        }
    rebuild_free(c, r);
}

void p2p_compact_free(posw_p2p *p) {
    if (p->compact == NULL) return;
    while (p->compact->count > 0)
        drop(p, p->compact->rebuilds[0]);
    if (p->compact->spare != NULL) posw_buf_clear(&p->compact->spare->payload);
    free(p->compact->spare);
    free(p->compact);
    p->compact = NULL;
}

static void say_fast(posw_p2p *p, p2p_peer *peer, bool fast, posw_actions *out) {
    posw_action *a = peer->compact->is_fast == fast ? NULL : p2p_send_begin(p, peer, out);
    if (a == NULL) return;
    peer->compact->is_fast = fast;
    posw_msg_send_compact_encode(&a->data, fast);
    p2p_send_end(p, peer, a);
}

static size_t count_fast(const posw_p2p *p, p2p_peer **idlest) {
    size_t n = 0, i = 0;
    *idlest = NULL;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        if (peer->compact == NULL || !peer->compact->is_fast) continue;
        n++;
        if (*idlest == NULL || peer->last_block_ms < (*idlest)->last_block_ms) *idlest = peer;
    }
    return n;
}

/* Whoever brought a block first is asked to send the next ones at once, in the place of the one that did so longest
 * ago. */
void p2p_compact_peer_brought(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    p2p_peer *idlest;
    if (peer->state != P2P_READY || peer->compact == NULL || peer->compact->is_fast) return;
    if (count_fast(p, &idlest) >= FAST_PEERS) say_fast(p, idlest, false, out);
    say_fast(p, peer, true, out);
}

int p2p_compact_peer_ready(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    p2p_peer *idlest;
    peer->compact = calloc(1, sizeof *peer->compact);
    if (peer->compact == NULL) return POSW_ENOMEM;
    if (peer->kind != POSW_P2P_INBOUND && count_fast(p, &idlest) < FAST_PEERS) say_fast(p, peer, true, out);
    return POSW_OK;
}

void p2p_compact_peer_gone(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    (void)out;
    for (size_t i = p->compact == NULL ? 0 : p->compact->count; i-- > 0;)
        if (p->compact->rebuilds[i]->peer == peer->id) drop(p, p->compact->rebuilds[i]);
    free(peer->compact);
    peer->compact = NULL;
}

size_t p2p_compact_peer_memory(const p2p_peer *peer) {
    return peer->compact == NULL ? 0 : sizeof *peer->compact;
}

/* ---- Out ---- */

/* The proof of a header that may not be on the main chain yet. */
static const posw_stake_proof *proof_of(posw_p2p *p, posw_stake_proof *memory, const posw_header *h,
                                        const posw_msg_header *known) {
    if (known != NULL) return known->has_proof ? &known->proof : NULL;
    return p2p_header_proof(p, memory, h) ? memory : NULL;
}

/* To a peer that has it not. ids, filled: with room for all transactions. */
static bool send_compact(posw_p2p *p, p2p_peer *peer, const posw_prepared *b, const posw_msg_header *known,
                         uint64_t *ids, posw_msg_prefilled *filled, posw_actions *out) {
    const size_t n = b->block.tx_count;
    posw_stake_proof proof;
    uint8_t nonce[8];
    size_t id_count = 0, filled_count = 0;
    posw_action *a = p2p_send_begin(p, peer, out);
    bool sent = false;
    if (a != NULL) {
        posw_random_fill(&p->random, nonce, sizeof nonce);
        posw_short_id_key key = {{0}};
        if (n > 0) key = posw_short_id_key_of(&b->block.hash, nonce);
        for (size_t i = 0; i < n; i++) {
            if (p2p_txs_peer_knows(p, peer, &b->tx_hashes[i]))
                ids[id_count++] = posw_short_id(&key, &b->tx_hashes[i]);
            else
                filled[filled_count++] = (posw_msg_prefilled){.index = (uint32_t)i, .raw = b->block.txs[i].raw};
        }
        const posw_stake_proof *shown = proof_of(p, &proof, &b->block.header, known);
        sent = p->chain_error == POSW_OK && posw_msg_compact_encode_raw(&a->data, b->block.header_raw, shown, nonce,
                                                                        ids, id_count, filled, filled_count);
        if (sent) note_told(peer->compact, &b->block.hash);
        p2p_send_end(p, peer, a);
    }
    return sent;
}

/* To all that want it at once. known: the header as it came, NULL: own. */
static void spread(posw_p2p *p, const posw_prepared *b, const posw_msg_header *known, posw_actions *out) {
    const size_t n = b->block.tx_count;
    uint64_t *ids = n == 0 ? NULL : malloc(n * sizeof *ids);
    posw_msg_prefilled *filled = n == 0 ? NULL : malloc(n * sizeof *filled);
    size_t i = n == 0 || (ids != NULL && filled != NULL) ? 0 : p->peer_count;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        if (peer->compact != NULL && peer->compact->wants_compact && !p2p_is_full(peer) &&
            !peer_has(peer, &b->block.hash))
            (void)send_compact(p, peer, b, known, ids, filled, out);
    free(ids);
    free(filled);
}

/* The latest blocks of the main chain, from the tip down; each is read and encoded once for all peers. */
typedef struct {
    posw_header header[TELL_DEPTH];
    size_t count;
    posw_buf tip; /* the message that tells the tip alone */
} latest;

static const posw_header *latest_header(posw_p2p *p, latest *l, size_t i) {
    posw_chain_block_info info;
    for (; l->count <= i; l->count++) {
        if (l->count == 0)
            l->header[0] = *posw_chain_tip(p->chain);
        else if (p2p_was_read(p, posw_chain_block_by_hash(p->chain, &info, &l->header[l->count - 1].parent_hash)))
            l->header[l->count] = info.header;
        else
            return NULL;
    }
    return &l->header[i];
}

/* False: there are no more. The header below is needed only for its parent's hash. */
static bool latest_hash(posw_p2p *p, latest *l, posw_hash *out, size_t i) {
    const posw_header *child;
    if (i >= posw_chain_tip(p->chain)->number || i >= TELL_DEPTH) return false;
    *out = posw_chain_tip_hash(p->chain);
    if (i == 0) return true;
    child = latest_header(p, l, i - 1);
    if (child != NULL) *out = child->parent_hash;
    return child != NULL;
}

/* Header n - 1 up to the tip. */
static void encode_latest(posw_p2p *p, latest *l, size_t n, posw_buf *out) {
    posw_msg_writer w;
    posw_msg_announce_begin(&w, out);
    for (const posw_header *h; n-- > 0 && (h = latest_header(p, l, n)) != NULL && p2p_add_header(p, &w, h);) {
    }
    posw_msg_end(&w);
}

/* Nothing, and so nothing is sent, where its proof cannot be read. */
static void encode_tip(posw_p2p *p, latest *l) {
    posw_stake_proof proof;
    const posw_header *h = posw_chain_tip(p->chain);
    const posw_stake_proof *shown = p2p_header_proof(p, &proof, h) ? &proof : NULL;
    if (p->chain_error == POSW_OK) posw_msg_announce_encode_single(&l->tip, h, shown);
}

/* What this peer lacks of them, from the highest that it has on. */
static void announce(posw_p2p *p, p2p_peer *peer, latest *l, posw_actions *out) {
    size_t n = 0;
    posw_hash hash;
    while (latest_hash(p, l, &hash, n) && !peer_has(peer, &hash))
        n++;
    posw_action *a = n == 0 || p2p_is_full(peer) ? NULL : p2p_send_begin(p, peer, out);
    if (a == NULL) return;
    if (n == 1) {
        if (l->tip.size == 0) encode_tip(p, l);
        posw_buf_append(&a->data, l->tip.data, l->tip.size);
    } else {
        encode_latest(p, l, n, &a->data);
    }
    while (n-- > 0 && latest_hash(p, l, &hash, n))
        p2p_compact_peer_has(p, peer, &hash);
    p2p_send_end(p, peer, a);
}

/* An own block is read back; one that was rebuilt has been spread already. */
static void spread_tip(posw_p2p *p, const posw_hash *tip, posw_actions *out) {
    size_t i = 0;
    bool wanted = false;
    for (const p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        wanted = wanted || (peer->compact != NULL && peer->compact->wants_compact && !peer_has(peer, tip));
    if (!wanted) return;
    posw_prepared b = {0};
    posw_buf bytes = {0};
    if (p2p_was_read(p, posw_chain_block_bytes(p->chain, &bytes, tip)) && p2p_decode_block(&b, &bytes) == POSW_OK)
        spread(p, &b, NULL, out);
    posw_buf_clear(&bytes);
    posw_prepared_clear(&b);
}

void p2p_compact_chain_changed(posw_p2p *p, const posw_chain_change *change, posw_actions *out) {
    size_t i = 0;
    latest l;
    if (change->added_count == 0 || p2p_sync_has_more(p)) return;
    l.count = 0;
    l.tip = (posw_buf){0};
    const posw_hash tip = change->added[change->added_count - 1];
    if (change->added_count == 1) spread_tip(p, &tip, out);
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        if (peer->compact != NULL && !peer_has(peer, &tip)) announce(p, peer, &l, out);
    posw_buf_clear(&l.tip);
}

/* ---- In ---- */

posw_hash p2p_compact_hash(posw_p2p *p, posw_bytes header) {
    p2p_compact *c = p->compact;
    POSW_ASSERT(header.size > 0 && header.size <= sizeof c->last);
    if (header.size == c->last_size && memcmp(header.data, c->last, header.size) == 0) return c->last_hash;
    memcpy(c->last, header.data, header.size);
    c->last_size = header.size;
    posw_keccak256(&c->last_hash, header.data, header.size);
    return c->last_hash;
}

static rebuild *find_rebuild(const posw_p2p *p, const posw_hash *hash) {
    for (size_t i = 0; i < p->compact->count; i++)
        if (posw_hash_equal(&p->compact->rebuilds[i]->m.head.hash, hash)) return p->compact->rebuilds[i];
    return NULL;
}

bool p2p_compact_is_rebuilding(const posw_p2p *p, const posw_hash *hash) {
    return p->compact != NULL && find_rebuild(p, hash) != NULL;
}

static size_t rebuilds_of(const posw_p2p *p, uint64_t peer) {
    size_t n = 0;
    for (size_t i = 0; i < p->compact->count; i++)
        n += p->compact->rebuilds[i]->peer == peer;
    return n;
}

/* With a job that has its item, but for the key. False: it could not be begun. */
static bool start(posw_p2p *p, p2p_peer *peer, rebuild *r, posw_job *job, posw_actions *out) {
    const posw_header *h = &r->m.head.header;
    if (posw_chain_key_after(p->chain, &job->items[0].key, &h->parent_hash, h->number - 1) != POSW_OK) return false;
    job->id = (uint64_t)P2P_JOB_COMPACT << P2P_JOB_OWNER_SHIFT;
    job->peer = r->peer = peer->id;
    job->hash = r->m.head.hash;
    job->item_count = 1;
    r->started_ms = p->now_ms;
    p2p_run_job(p, job, out);
    p->compact->rebuilds[p->compact->count++] = r;
    p2p_wake(p, p->now_ms + REBUILD_MS);
    return true;
}

/* seal: its signature was looked at here. */
static bool judge(posw_p2p *p, p2p_peer *peer, const posw_msg_compact *m, posw_job_pow *seal, bool *own_signature,
                  posw_actions *out) {
    posw_u256 weight;
    enum posw_rule rule;
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    if (posw_chain_is_invalid(p->chain, &rule, &m->head.hash))
        return false; /* sent on before it was executed: nobody is to blame */
    const posw_verdict v = p2p_sync_check_header(
        p, &m->head.header, &m->head.hash, m->head.has_proof ? &m->head.proof : NULL, &weight, seal, own_signature);
    if (v.kind == POSW_NOT_YET && v.rule == POSW_RULE_UNKNOWN_PARENT) {
        p2p_sync_ask_headers(p, peer, out);
        return false;
    }
    if (v.kind == POSW_NOT_YET && v.rule == POSW_RULE_TIME_FUTURE) return false;
    if (v.kind != POSW_VALID) {
        p2p_blame(p, peer, m->head.header.number, v.rule, posw_rule_text(v.rule), out);
        return false;
    }
    if (posw_u256_cmp(&weight, &peer->weight) > 0) {
        peer->number = m->head.header.number;
        peer->hash = m->head.hash;
        peer->weight = weight;
    }
    return posw_u256_cmp(&weight, &tip) > 0;
}

/* Two of three come from peers that were not the first: then only the header is looked at. */
static bool is_known(const posw_p2p *p, const posw_hash *hash) {
    const posw_hash tip = posw_chain_tip_hash(p->chain);
    return posw_hash_equal(hash, &tip) || find_rebuild(p, hash) != NULL;
}

/* seal: what is to be asked about it. */
static bool is_to_be_rebuilt(posw_p2p *p, p2p_peer *peer, rebuild *r, posw_job_pow *seal, posw_actions *out) {
    const posw_msg_header *head = &r->m.head;
    if (!judge(p, peer, &r->m, seal, &r->own_signature, out) || p2p_sync_is_copy(p, &head->header, &head->hash))
        return false;
    r->count = r->m.txs.id_count + r->m.txs.prefilled_count;
    if (r->count <= head->header.gas_used / GAS_PER_TX) return true;
    p2p_violation(p, peer, "a compact block with more transactions than its gas allows", out);
    return false;
}

/* True: r is among the rebuilds now. */
static bool take_compact(posw_p2p *p, p2p_peer *peer, rebuild *r, posw_actions *out) {
    const posw_msg_header *head = &r->m.head;
    const posw_hash tip = posw_chain_tip_hash(p->chain);
    const bool next = posw_hash_equal(&head->header.parent_hash, &tip);
    const bool full =
        p->compact->count == REBUILDS_MAX || rebuilds_of(p, peer->id) == REBUILDS_PEER_MAX || !p2p_may_prove(p, peer);
    if (p2p_was_read(p, posw_chain_has_block(p->chain, &head->hash))) return false;
    if (p2p_sync_wants(p, &head->hash) || p2p_sync_extends_branch(p, &head->header) ||
        (p2p_sync_is_behind(p) && !next) || full) {
        enum posw_rule rule; /* a block that was sent on before it was executed: nobody is to blame */
        if (!posw_chain_is_invalid(p->chain, &rule, &head->hash)) p2p_sync_announced(p, peer, head, out);
        return false;
    }
    posw_job *job = posw_job_new(POSW_JOB_POW, 1);
    if (job == NULL) return false;
    if (is_to_be_rebuilt(p, peer, r, &job->items[0], out) && start(p, peer, r, job, out)) return true;
    posw_job_free(job);
    return false;
}

static bool on_compact(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_bytes header;
    if (!posw_msg_compact_header(&header, payload)) return false;
    const posw_hash hash = p2p_compact_hash(p, header);
    if (is_known(p, &hash)) {
        p2p_compact_peer_has(p, peer, &hash);
        return true;
    }
    rebuild *r = rebuild_new(p->compact, payload);
    if (r == NULL) return true;
    const bool right = posw_msg_compact_decode_known(&r->m, &hash, posw_buf_view(&r->payload));
    if (right) p2p_compact_peer_has(p, peer, &hash);
    if (!right || !take_compact(p, peer, r, out)) rebuild_free(p->compact, r);
    return right;
}

/* ---- Rebuilding ---- */

typedef struct {
    rebuild *r;
    posw_short_id_key key;
    posw_map wanted; /* short id -> index + 1; SIZE_MAX: met twice */
    size_t *offsets; /* of what was found, in r->own; SIZE_MAX: not found */
    size_t *sizes;
} search;

static int look(void *arg, const posw_mempool_entry *e) {
    search *s = arg;
    const uint64_t id = posw_short_id(&s->key, &e->hash);
    uint64_t *index = posw_map_find(&s->wanted, &id);
    if (index == NULL) return 0;
    const size_t i = (size_t)*index;
    if (s->sizes[i] != 0) { /* two of the pool have this id: neither is taken */
        s->sizes[i] = SIZE_MAX;
        return 0;
    }
    s->offsets[i] = s->r->own.size;
    s->sizes[i] = e->tx.raw.size;
    posw_buf_append(&s->r->own, e->tx.raw.data, e->tx.raw.size);
    return s->r->own.failed ? 1 : 0;
}

/* Places: prefilled ones as they say, ids fill the rest in order. False: an index is not in the block. */
static bool lay_out(rebuild *r, search *s) {
    posw_msg_compact_txs list = r->m.txs;
    posw_msg_prefilled f;
    while (posw_msg_prefilled_next(&f, &list)) {
        if (f.index >= r->count) return false;
        r->txs[f.index] = f.raw;
    }
    for (size_t i = 0, at = 0; i < r->m.txs.id_count; i++, at++) {
        while (r->txs[at].data != NULL)
            at++;
        const uint64_t id = posw_msg_short_id_at(&r->m.txs, i);
        bool added;
        uint64_t *index = posw_map_put(&s->wanted, &id, &added);
        if (index == NULL) return false;
        *index = at;
    }
    return true;
}

/* False: cannot be rebuilt (its ids clash, or memory). */
static bool fill_from_pool(posw_p2p *p, rebuild *r) {
    uint8_t seed[16];
    r->missing = 0;
    if (r->count == 0) return true; /* an empty block: there is nothing to look for */
    search s = {.r = r, .key = posw_short_id_key_of(&r->m.head.hash, r->m.nonce)};
    posw_random_fill(&p->random, seed, sizeof seed);
    posw_map_init(&s.wanted, sizeof(uint64_t), sizeof(uint64_t), seed);
    r->txs = calloc(r->count + 1, sizeof *r->txs);
    s.offsets = calloc(r->count + 1, sizeof *s.offsets);
    s.sizes = calloc(r->count + 1, sizeof *s.sizes);
    bool right =
        r->txs != NULL && s.offsets != NULL && s.sizes != NULL && lay_out(r, &s) && s.wanted.count == r->m.txs.id_count;
    if (right) (void)posw_mempool_walk_unsorted(p->mempool, look, &s);
    right = right && !r->own.failed;
    r->missing = 0;
    for (size_t i = 0; right && i < r->count; i++) {
        if (r->txs[i].data != NULL) continue;
        if (s.sizes[i] != 0 && s.sizes[i] != SIZE_MAX)
            r->txs[i] = posw_bytes_of(r->own.data + s.offsets[i], s.sizes[i]);
        else
            r->missing++;
    }
    posw_map_clear(&s.wanted);
    free(s.offsets);
    free(s.sizes);
    return right;
}

static bool pool_sender(void *arg, posw_address *out, const posw_hash *tx_hash) {
    return posw_mempool_sender(arg, out, tx_hash);
}

/* The other way: by headers and whole blocks. */
static void give_up(posw_p2p *p, rebuild *r, posw_actions *out) {
    p2p_peer *peer = p2p_find(p, r->peer);
    drop(p, r);
    if (peer != NULL && peer->state == P2P_READY) p2p_sync_ask_headers(p, peer, out);
}

static void finish(posw_p2p *p, rebuild *r, posw_actions *out) {
    const posw_sender_cache cache = {pool_sender, p->mempool};
    posw_buf bytes = {0};
    posw_prepared *b = p2p_sync_room_here(p);
    p2p_peer *peer = p2p_find(p, r->peer);
    posw_block_encode_raw(&bytes, r->m.head.raw, r->txs, r->count);
    const bool right = posw_prepare_known(b, &bytes, &r->m.head.header, &r->m.head.hash, &cache) == POSW_OK &&
                       b->verdict.kind == POSW_VALID;
    if (!right) {
        posw_prepared_clear(b);
        give_up(p, r, out);
        return;
    }
    b->pow_checked = true;
    b->own_signature = r->own_signature;
    p->counters.compact_rebuilt++;
    spread(p, b, &r->m.head, out);
    drop(p, r);
    if (peer != NULL) p2p_compact_peer_brought(p, peer, out);
    p2p_sync_block_here(p, peer, out);
}

static void ask_missing(posw_p2p *p, rebuild *r, posw_actions *out) {
    p2p_peer *peer = p2p_find(p, r->peer);
    uint32_t *indexes = malloc((r->missing + 1) * sizeof *indexes);
    posw_action *a = peer == NULL || indexes == NULL ? NULL : p2p_send_begin(p, peer, out);
    if (a != NULL) {
        size_t n = 0;
        for (size_t i = 0; i < r->count; i++)
            if (r->txs[i].data == NULL) indexes[n++] = (uint32_t)i;
        posw_msg_get_block_txs_encode(&a->data, &r->m.head.hash, indexes, n);
        p2p_send_end(p, peer, a);
        p->counters.compact_asked++;
    }
    free(indexes);
    if (a == NULL) drop(p, r);
}

void p2p_compact_job_done(posw_p2p *p, posw_job *job, posw_actions *out) {
    rebuild *r = find_rebuild(p, &job->hash);
    if (r == NULL || r->proved) return;
    if (job->result != POSW_OK) {
        drop(p, r);
        return;
    }
    if (job->good < job->item_count) {
        p2p_peer *peer = p2p_find(p, job->peer);
        drop(p, r);
        if (peer != NULL) p2p_violation(p, peer, "a header whose mixHash is not its proof of work", out);
        return;
    }
    r->proved = true;
    if (!fill_from_pool(p, r))
        give_up(p, r, out);
    else if (r->missing > 0)
        ask_missing(p, r, out);
    else
        finish(p, r, out);
}

static bool on_block_txs(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_msg_block_txs m;
    posw_bytes raw;
    if (!posw_msg_block_txs_decode(&m, payload)) return false;
    rebuild *r = find_rebuild(p, &m.block);
    if (r == NULL || r->peer != peer->id || !r->proved) return true; /* too late */
    if (m.txs.count != r->missing) return false;
    for (size_t i = 0; i < r->count; i++)
        if (r->txs[i].data == NULL && posw_msg_txs_next(&raw, &m.txs)) r->txs[i] = raw;
    finish(p, r, out); /* while the payload is there */
    return true;
}

/* ---- Answers ---- */

/* False: an index that the block does not have. What does not fit into one message is not answered: whoever asked for
 * it takes the whole block after REBUILD_MS. */
static bool add_block_txs(posw_buf *out, posw_msg_get_block_txs *m, const posw_block *b) {
    posw_msg_writer w;
    uint32_t index;
    bool fits = true, right = true;
    posw_msg_block_txs_begin(&w, out, &m->block);
    while (fits && right && posw_msg_indexes_next(&index, m)) {
        right = index < b->tx_count;
        if (right) fits = posw_msg_txs_add(&w, b->txs[index].raw);
    }
    posw_msg_end(&w);
    if (!fits || !right) posw_buf_clear(out);
    return right;
}

static bool on_get_block_txs(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_msg_get_block_txs m;
    posw_block b = {0};
    posw_buf bytes = {0};
    bool right = true;
    if (!posw_msg_get_block_txs_decode(&m, payload)) return false;
    if (!take_told(peer->compact, &m.block)) return true; /* other blocks are asked for whole */
    posw_action *a = p2p_is_full(peer) ? NULL : p2p_send_begin(p, peer, out);
    if (a == NULL) return true;
    if (p2p_was_read(p, posw_chain_block_bytes(p->chain, &bytes, &m.block)) &&
        posw_block_decode(&b, NULL, bytes.data, bytes.size) == POSW_OK)
        right = add_block_txs(&a->data, &m, &b);
    p2p_send_end(p, peer, a);
    posw_buf_clear(&bytes);
    posw_block_clear(&b);
    return right;
}

bool p2p_compact_message(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f, posw_actions *out) {
    switch (f->type) {
    case POSW_MSG_COMPACT:
        return on_compact(p, peer, f->payload, out);
    case POSW_MSG_GET_BLOCK_TXS:
        return on_get_block_txs(p, peer, f->payload, out);
    case POSW_MSG_BLOCK_TXS:
        return on_block_txs(p, peer, f->payload, out);
    case POSW_MSG_SEND_COMPACT:
        return posw_msg_send_compact_decode(&peer->compact->wants_compact, f->payload);
    default:
        return false;
    }
}

void p2p_compact_tick(posw_p2p *p, posw_actions *out) {
    for (size_t i = p->compact->count; i-- > 0;) {
        rebuild *r = p->compact->rebuilds[i];
        if (p->now_ms >= r->started_ms + REBUILD_MS)
            give_up(p, r, out);
        else
            p2p_wake(p, r->started_ms + REBUILD_MS);
    }
}
