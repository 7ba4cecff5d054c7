#include "adversary.h"

#include "base/bytes.h"
#include "crypto/keccak.h"
#include "p2p/message.h"
#include "posw/difficulty.h"
#include "posw/u256.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdlib.h>
#include <string.h>

enum { HELD_MAX = 256, PEERS_MAX = 64, SPAM_MS = 2000, UNSIGNED = POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE };

/* A piece that is given out later. */
typedef struct {
    size_t to;
    posw_buf data;
} held;

struct adversary {
    world *w;
    size_t machine;
    enum adversary_kind kind;
    posw_random random;
    secp256k1_context *signer;
    bool resting, half;
    held held[HELD_MAX];
    size_t held_count;
    bool releasing, release_set;
};

const char *adversary_text(enum adversary_kind kind) {
    static const char *const names[] = {"withholds", "invalid", "spams", "stalls", "lies", "equivocates", "floods"};
    return kind < ADVERSARY_KINDS ? names[kind] : "?";
}

static bool chance(adversary *a, uint64_t part, uint64_t whole) {
    return posw_random_chance(&a->random, part, whole);
}

static void send_all(adversary *a, const posw_buf *data) {
    size_t peers[PEERS_MAX];
    const size_t n = world_peers(a->w, a->machine, peers, PEERS_MAX);
    for (size_t i = 0; i < n; i++)
        (void)world_inject(a->w, a->machine, peers[i], posw_buf_view(data));
}

static void send_one(adversary *a, const posw_buf *data) {
    size_t peers[PEERS_MAX];
    const size_t n = world_peers(a->w, a->machine, peers, PEERS_MAX);
    if (n > 0) (void)world_inject(a->w, a->machine, peers[posw_random_below(&a->random, n)], posw_buf_view(data));
}

/* ---- withholds ---- */

static void release(void *arg, world *w) {
    adversary *a = arg;
    a->releasing = true;
    for (size_t i = 0; i < a->held_count; i++) {
        (void)world_inject(w, a->machine, a->held[i].to, posw_buf_view(&a->held[i].data));
        posw_buf_clear(&a->held[i].data);
    }
    a->held_count = 0;
    a->releasing = a->release_set = false;
}

static bool withhold(adversary *a, size_t to, posw_buf *data, uint8_t type) {
    if (type != POSW_MSG_COMPACT && type != POSW_MSG_ANNOUNCE && type != POSW_MSG_PING) return true;
    if (a->held_count == HELD_MAX) return false;
    a->held[a->held_count++] = (held){.to = to, .data = *data};
    *data = (posw_buf){0};
    if (!a->release_set) world_at(a->w, 5000 + posw_random_below(&a->random, 40000), release, a);
    a->release_set = true;
    return false;
}

/* ---- stalls ---- */

static bool stall(adversary *a, uint8_t type) {
    switch (type) {
    case POSW_MSG_HEADERS:
    case POSW_MSG_BLOCK:
    case POSW_MSG_NOT_FOUND:
    case POSW_MSG_BLOCK_TXS:
    case POSW_MSG_TXS:
    case POSW_MSG_PONG:
        return a->half && chance(a, 1, 2);
    default:
        return true;
    }
}

/* ---- lies ---- */

static void flip(adversary *a, posw_buf *data) {
    data->data[posw_random_below(&a->random, data->size)] ^= (uint8_t)(1U << posw_random_below(&a->random, 8));
}

static void claim_weight(adversary *a, posw_buf *data, const posw_msg_frame *f) {
    posw_msg_hello hello;
    posw_msg_ping ping;
    posw_buf out = {0};
    posw_u256 huge = posw_u256_from_u64(posw_random_u64(&a->random));
    huge.w[2] = posw_random_u64(&a->random) >> 32;
    if (f->type == POSW_MSG_HELLO && posw_msg_hello_decode(&hello, f->payload)) {
        hello.weight = huge;
        hello.number += posw_random_below(&a->random, 5000);
        if (chance(a, 1, 2)) posw_random_fill(&a->random, hello.hash.b, sizeof hello.hash.b);
        posw_msg_hello_encode(&out, &hello);
    } else if (f->type == POSW_MSG_PING && posw_msg_ping_decode(&ping, f->payload)) {
        ping.weight = huge;
        ping.number += posw_random_below(&a->random, 5000);
        if (chance(a, 1, 2)) posw_random_fill(&a->random, ping.hash.b, sizeof ping.hash.b);
        posw_msg_ping_encode(&out, &ping);
    } else {
        return;
    }
    posw_buf_clear(data);
    *data = out;
}

/* The header of one block with a body that is not its own. */
static void wrong_body(posw_buf *data, const posw_msg_frame *f) {
    posw_bytes block;
    posw_block b;
    posw_buf bytes = {0}, out = {0};
    if (!posw_msg_block_decode(&block, f->payload) || posw_block_decode(&b, NULL, block.data, block.size) != POSW_OK)
        return;
    posw_bytes *raw = calloc(b.tx_count + 1, sizeof *raw);
    if (raw != NULL && b.tx_count > 0) {
        for (size_t i = 0; i + 1 < b.tx_count; i++)
            raw[i] = b.txs[i].raw;
        posw_block_encode(&bytes, &b.header, raw, b.tx_count - 1);
        posw_msg_block_encode(&out, posw_buf_view(&bytes));
    }
    free(raw);
    posw_block_clear(&b);
    posw_buf_clear(&bytes);
    if (out.size == 0) return;
    posw_buf_clear(data);
    *data = out;
}

/* Half of the headers of an answer, or none. */
static void cut_headers(adversary *a, posw_buf *data, const posw_msg_frame *f) {
    posw_msg_headers m;
    posw_msg_header h;
    posw_msg_writer w;
    posw_buf out = {0};
    if (!posw_msg_headers_decode(&m, f->payload)) return;
    const size_t keep = m.list.count < 2 || chance(a, 1, 2) ? 0 : m.list.count / 2;
    const bool strip = chance(a, 1, 3);
    posw_msg_headers_begin(&w, &out, m.request);
    for (size_t i = 0; i < keep && posw_msg_headers_next(&h, &m.list); i++)
        (void)posw_msg_headers_add(&w, &h.header, h.has_proof && !strip ? &h.proof : NULL);
    posw_msg_end(&w);
    posw_buf_clear(data);
    *data = out;
}

static bool lie(adversary *a, posw_buf *data, const posw_msg_frame *f) {
    if (f->type == POSW_MSG_HELLO || f->type == POSW_MSG_PING)
        claim_weight(a, data, f);
    else if (f->type == POSW_MSG_BLOCK && chance(a, 1, 2))
        wrong_body(data, f);
    else if (f->type == POSW_MSG_HEADERS && chance(a, 1, 2))
        cut_headers(a, data, f);
    else if (chance(a, 1, 8))
        flip(a, data);
    return true;
}

/* ---- equivocates ---- */

/* Another valid signature of the same digest: with another k. */
static bool sign_again(adversary *a, posw_header *h) {
    posw_hash seal_hash, digest;
    uint8_t data[32];
    int recovery;
    secp256k1_ecdsa_recoverable_signature signature;
    posw_random_fill(&a->random, data, sizeof data);
    posw_header_seal_hash(&seal_hash, h);
    posw_seal_digest(&digest, &seal_hash, h->nonce, &h->mix_hash);
    if (!secp256k1_ecdsa_sign_recoverable(a->signer, &signature, digest.b, world_secret(a->w, a->machine), NULL, data))
        return false;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(a->signer, h->extra + UNSIGNED, &recovery, &signature);
    h->extra[POSW_EXTRA_SIZE - 1] = (uint8_t)recovery;
    return true;
}

static void equivocate(adversary *a, posw_buf *data, const posw_msg_frame *f) {
    posw_msg_header_list list;
    posw_msg_header h;
    posw_msg_compact m;
    posw_buf out = {0};
    if (f->type == POSW_MSG_ANNOUNCE && posw_msg_announce_decode(&list, f->payload) && list.count == 1)
        (void)posw_msg_headers_next(&h, &list);
    else if (f->type == POSW_MSG_COMPACT && posw_msg_compact_decode(&m, f->payload))
        h = m.head;
    else
        return;
    if (!posw_address_equal(&h.header.beneficiary, world_miner(a->w, a->machine))) return;
    const uint64_t n = 1 + posw_random_below(&a->random, 20);
    for (uint64_t i = 0; i < n && sign_again(a, &h.header); i++) {
        posw_msg_writer w;
        if (chance(a, 1, 2)) {
            posw_msg_announce_begin(&w, &out);
            (void)posw_msg_headers_add(&w, &h.header, h.has_proof ? &h.proof : NULL);
            posw_msg_end(&w);
        } else if (h.header.gas_used == 0) {
            static const uint8_t nonce[8] = {1};
            if (!posw_msg_compact_encode(&out, &h.header, h.has_proof ? &h.proof : NULL, nonce, NULL, 0, NULL, 0))
                break;
        }
    }
    if (chance(a, 1, 2)) posw_buf_append(&out, data->data, data->size);
    if (out.size == 0) return;
    posw_buf_clear(data);
    *data = out;
}

static bool tamper(void *arg, world *w, size_t from, size_t to, posw_buf *data) {
    adversary *a = arg;
    posw_msg_frame f;
    size_t size;
    (void)w, (void)from;
    if (posw_msg_frame_cut(&f, &size, data->data, data->size) != POSW_MSG_CUT_WHOLE || size != data->size) return true;
    switch (a->kind) {
    case ADVERSARY_WITHHOLDS:
        return withhold(a, to, data, f.type);
    case ADVERSARY_STALLS:
        return stall(a, f.type);
    case ADVERSARY_LIES:
        return lie(a, data, &f);
    case ADVERSARY_EQUIVOCATES:
        equivocate(a, data, &f);
        return true;
    case ADVERSARY_INVALID:
    case ADVERSARY_SPAMS:
    case ADVERSARY_FLOODS:
    case ADVERSARY_KINDS:
        break;
    }
    return true;
}

/* ---- invalid blocks ---- */

enum fault {
    FAULT_STATE,
    FAULT_RECEIPTS,
    FAULT_DIFFICULTY,
    FAULT_SIGNATURE,
    FAULT_BOOST,
    FAULT_TIME,
    FAULT_GAS,
    FAULT_STAKE_ROOT,
    FAULT_NONE,
    FAULTS
};

static void spoil(adversary *a, posw_header *h, enum fault fault, posw_u256 *target) {
    posw_hash root;
    posw_u256 hi;
    switch (fault) {
    case FAULT_STATE:
        h->state_root.b[0] ^= 1;
        break;
    case FAULT_RECEIPTS:
        h->receipts_root.b[31] ^= 1;
        break;
    case FAULT_DIFFICULTY:
        h->difficulty = posw_u256_from_u64(1ULL << 60);
        break;
    case FAULT_BOOST: /* as if its weight were a hundred times what it is */
        posw_u256_mul_full(&hi, target, target, &(posw_u256){{100}});
        if (!posw_u256_is_zero(&hi)) memset(target, 0xff, sizeof *target);
        break;
    case FAULT_TIME:
        h->timestamp -= 1 + posw_random_below(&a->random, 100000);
        break;
    case FAULT_GAS:
        h->gas_used += 21000;
        break;
    case FAULT_STAKE_ROOT:
        posw_random_fill(&a->random, root.b, sizeof root.b);
        posw_header_set_extra(h, &root);
        break;
    case FAULT_SIGNATURE:
    case FAULT_NONE:
    case FAULTS:
        break;
    }
}

static void encode_compact(posw_buf *out, adversary *a, const posw_header *h, const posw_chain_template *t) {
    posw_msg_prefilled *filled = calloc(t->tx_count + 1, sizeof *filled);
    posw_stake_proof proof;
    static const uint8_t nonce[8] = {7};
    posw_chain *c = world_chain(a->w, a->machine);
    const bool has = posw_chain_stake_proof(c, &proof, h->number, &h->beneficiary) == POSW_OK;
    size_t at = 0, n = 0;
    for (; filled != NULL && n < t->tx_count && at + 4 <= t->txs.size; n++) {
        const size_t size = posw_load_be32(t->txs.data + at);
        filled[n] = (posw_msg_prefilled){.index = (uint32_t)n, .raw = posw_bytes_of(t->txs.data + at + 4, size)};
        at += 4 + size;
    }
    if (filled == NULL || !posw_msg_compact_encode(out, h, has ? &proof : NULL, nonce, NULL, 0, filled, n))
        posw_buf_reset(out);
    free(filled);
}

static bool seal_invalid(void *arg, world *w, size_t machine, const posw_work *work) {
    adversary *a = arg;
    posw_chain_template t = {0};
    posw_buf out = {0};
    posw_chain *c = world_chain(w, machine);
    const enum fault fault = (enum fault)posw_random_below(&a->random, FAULTS);
    if (a->resting || fault == FAULT_NONE) return false;
    if (posw_miner_template(c, world_mempool(w, machine), world_miner(w, machine), world_clock_s(w, machine), &t) !=
        POSW_OK)
        return false;
    posw_header h = t.header;
    posw_u256 target = work->target;
    spoil(a, &h, fault, &target);
    if (world_seal(w, machine, &h, &target)) {
        if (fault == FAULT_SIGNATURE) h.extra[UNSIGNED + 5] ^= 1;
        encode_compact(&out, a, &h, &t);
        if (chance(a, 1, 2))
            send_all(a, &out);
        else
            send_one(a, &out);
    }
    posw_buf_clear(&out);
    posw_chain_template_clear(&t);
    return true;
}

/* ---- spam ---- */

static void forge_proof(adversary *a, posw_stake_proof *p) {
    memset(p, 0, sizeof *p);
    p->supply_wei = posw_u256_from_u64(1000);
    p->total_wei = posw_u256_from_u64(100);
    p->stake_wei = posw_u256_from_u64(100);
    p->depth = posw_random_below(&a->random, 5);
    for (size_t i = 0; i < p->depth; i++) {
        posw_random_fill(&a->random, p->siblings[i].hash.b, sizeof p->siblings[i].hash.b);
        p->siblings[i].sum = posw_u256_from_u64(1);
    }
}

/* A chain of children of the tip that looks right but for the work. */
static void spam_headers(adversary *a, posw_buf *out, bool answer) {
    posw_chain *c = world_chain(a->w, a->machine);
    posw_chain_template t = {0};
    posw_msg_writer w;
    posw_stake_proof proof;
    if (posw_miner_template(c, NULL, world_miner(a->w, a->machine), world_clock_s(a->w, a->machine), &t) != POSW_OK)
        return;
    posw_header h = t.header;
    const bool forged = chance(a, 1, 2);
    if (answer)
        posw_msg_headers_begin(&w, out, posw_random_below(&a->random, 50));
    else
        posw_msg_announce_begin(&w, out);
    forge_proof(a, &proof);
    for (uint64_t i = 1 + posw_random_below(&a->random, POSW_MSG_ANNOUNCE_MAX); i-- > 0;) {
        memset(&h.mix_hash, 0, sizeof h.mix_hash); /* below any target */
        posw_random_fill(&a->random, h.mix_hash.b, 8);
        posw_random_fill(&a->random, h.nonce, sizeof h.nonce);
        (void)sign_again(a, &h);
        if (!posw_msg_headers_add(&w, &h, forged ? &proof : NULL)) break;
        posw_header_hash(&h.parent_hash, &h);
        h.number++;
        h.timestamp += 10;
    }
    posw_msg_end(&w);
    posw_chain_template_clear(&t);
}

static void spam_junk(adversary *a, posw_buf *out) {
    const size_t size = posw_random_below(&a->random, 64);
    posw_buf_byte(out, (uint8_t)posw_random_below(&a->random, 0x28));
    posw_buf_append(out, (const uint8_t[3]){0}, 3);
    posw_buf_byte(out, (uint8_t)size);
    uint8_t *at = posw_buf_extend(out, size);
    if (at != NULL && size > 0) posw_random_fill(&a->random, at, size);
}

/* ---- floods ---- */

static void flood_addresses(adversary *a, posw_buf *out) {
    posw_msg_writer w;
    posw_msg_addresses_begin(&w, out);
    for (size_t i = 0; i < POSW_MSG_ADDRESSES_MAX; i++) {
        posw_msg_address m = {
            .address = {.ip = {[10] = 0xff, [11] = 0xff, [12] = (uint8_t)(60 + i % 8)}, .port = POSW_P2P_PORT},
            .seen_s = world_clock_s(a->w, a->machine)};
        posw_random_fill(&a->random, m.address.ip + 14, 2);
        if (!posw_msg_addresses_add(&w, &m)) break;
    }
    posw_msg_end(&w);
}

static void flood_hashes(adversary *a, posw_buf *out) {
    posw_hash hashes[64];
    static const enum posw_msg_type types[] = {POSW_MSG_TX_HASHES, POSW_MSG_GET_TXS, POSW_MSG_GET_BLOCKS};
    const enum posw_msg_type type = types[posw_random_below(&a->random, 3)];
    posw_random_fill(&a->random, hashes, sizeof hashes);
    posw_msg_hashes_encode(out, type, hashes, type == POSW_MSG_GET_BLOCKS ? 16 : 64);
}

static void flood_requests(adversary *a, posw_buf *out) {
    posw_hash hash = posw_chain_genesis_hash(world_chain(a->w, a->machine));
    for (int i = 0; i < 3; i++)
        posw_msg_get_headers_encode(out, posw_random_u64(&a->random), &hash, 1, POSW_MSG_HEADERS_MAX);
}

static void act(void *arg, world *w) {
    adversary *a = arg;
    posw_buf out = {0};
    if (world_chain(w, a->machine) != NULL && !a->resting) {
        const uint64_t what = posw_random_below(&a->random, 3);
        if (a->kind == ADVERSARY_SPAMS) {
            if (what == 2)
                spam_junk(a, &out);
            else
                spam_headers(a, &out, what == 1);
        } else if (what == 0) {
            flood_addresses(a, &out);
        } else if (what == 1) {
            flood_hashes(a, &out);
        } else {
            flood_requests(a, &out);
        }
        if (out.size > 0) send_one(a, &out);
    }
    posw_buf_clear(&out);
    world_at(w, 1 + posw_random_below(&a->random, SPAM_MS), act, a);
}

/* ---- life ---- */

adversary *adversary_new(world *w, size_t machine, enum adversary_kind kind) {
    adversary *a = calloc(1, sizeof *a);
    if (a == NULL) return NULL;
    a->w = w;
    a->machine = machine;
    a->kind = kind;
    posw_random_fork(&a->random, world_random(w));
    a->half = chance(a, 1, 2);
    a->signer = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    world_set_tamper(w, machine, tamper, a);
    if (kind == ADVERSARY_INVALID) world_set_sealer(w, machine, seal_invalid, a);
    if (kind == ADVERSARY_SPAMS || kind == ADVERSARY_FLOODS)
        world_at(w, posw_random_below(&a->random, SPAM_MS), act, a);
    return a;
}

void adversary_rest(adversary *a) {
    a->resting = true;
    world_set_tamper(a->w, a->machine, NULL, NULL);
    world_set_sealer(a->w, a->machine, NULL, NULL);
}

void adversary_free(adversary *a) {
    if (a == NULL) return;
    for (size_t i = 0; i < a->held_count; i++)
        posw_buf_clear(&a->held[i].data);
    secp256k1_context_destroy(a->signer);
    free(a);
}
