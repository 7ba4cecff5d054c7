/* A peer for tests that has a chain and does not do right with it.
 *
 *      posw-liar CHAIN_FILE BLOCK_FILE MODE [PORT]
 *
 *      stall     gives headers and never a block
 *      silent    greets and answers nothing
 *      bodies    gives headers; its blocks have the bodies of others
 *      headers   gives headers of which the 700th is sealed without work
 *      honest    does right
 *
 * Prints one line of JSON with its port and url, then serves until it is killed. */
#include "base/bytes.h"
#include "chain/chain.h"
#include "codec/block.h"
#include "crypto/keccak.h"
#include "io/file.h"
#include "io/peers.h"
#include "p2p/message.h"
#include "posw/u256.h"
#include "store/store_memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PEERS_MAX = 64, BAD_HEADER = 700 };
enum mode { STALL, SILENT, BODIES, HEADERS, HONEST, MODES };
static const char *const mode_names[MODES] = {"stall", "silent", "bodies", "headers", "honest"};

typedef struct {
    posw_bytes raw;
    posw_header header;
    posw_hash hash;
} block;

typedef struct {
    uint64_t peer; /* 0: free */
    posw_buf in;
} conversation;

typedef struct {
    enum mode mode;
    posw_chain_spec spec;
    posw_hash genesis;
    posw_u256 weight;
    posw_buf file;
    block *blocks; /* number i + 1 */
    size_t count;
    uv_loop_t loop;
    posw_identity *identity;
    posw_peers *peers;
    conversation talks[PEERS_MAX];
} liar;

static void must(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "posw-liar: %s\n", what);
    exit(1);
}

/* ---- what it has ---- */

static void read_file(posw_buf *out, const char *path) {
    posw_message msg = {""};
    must(posw_file_read(out, path, SIZE_MAX, &msg) == POSW_OK, msg.text);
}

/* Genesis as the chain has it, and the fork hash of a version that knows no forks (CRC-32). */
static void read_chain(liar *l, const char *path) {
    posw_buf text = {0};
    posw_message msg = {{0}};
    posw_chain *c;
    posw_store *store = posw_store_memory_new();
    read_file(&text, path);
    must(posw_chainfile_read(&l->spec, (const char *)text.data, text.size, &msg) == POSW_OK, msg.text);
    const posw_chain_options o = {.spec = &l->spec, .store = store, .pow = NULL};
    must(posw_chain_open(&c, &o, &msg) == POSW_OK, msg.text);
    l->genesis = posw_chain_genesis_hash(c);
    l->weight = posw_chain_weight_total(c);
    must(posw_chain_close(c) == POSW_OK, "closing");
    store->ops->close(store);
    posw_buf_clear(&text);
}

static void read_blocks(liar *l, const char *path) {
    read_file(&l->file, path);
    posw_bytes rest = posw_buf_view(&l->file);
    while (rest.size > 0) {
        posw_rlp r = posw_rlp_reader(rest.data, rest.size);
        posw_block decoded;
        const posw_bytes raw = posw_rlp_raw(&r);
        must(!r.failed && posw_block_decode(&decoded, NULL, raw.data, raw.size) == POSW_OK, "not a block file");
        if (l->count % 1024 == 0) l->blocks = realloc(l->blocks, (l->count + 1024) * sizeof *l->blocks);
        must(l->blocks != NULL, "out of memory");
        block *b = &l->blocks[l->count++];
        *b = (block){.raw = raw, .header = decoded.header};
        posw_header_hash(&b->hash, &b->header);
        l->weight = posw_u256_add_sat(&l->weight, &b->header.difficulty);
        posw_block_clear(&decoded);
        rest = posw_bytes_of(rest.data + raw.size, rest.size - raw.size);
    }
    must(l->count > 1, "too few blocks");
}

static size_t find(const liar *l, const posw_hash *hash) {
    for (size_t i = 0; i < l->count; i++)
        if (posw_hash_equal(&l->blocks[i].hash, hash)) return i;
    return SIZE_MAX;
}

/* ---- what it says ---- */

static void greet(liar *l, uint64_t peer) {
    posw_buf b = {0};
    posw_msg_hello m = {.version = 1,
                        .chain_id = l->spec.params.chain_id,
                        .genesis = l->genesis,
                        .fork = p2p_fork_id_at(&l->genesis, &l->spec.params, l->count),
                        .number = l->count,
                        .hash = l->blocks[l->count - 1].hash,
                        .weight = posw_u256_add_sat(&l->weight, &POSW_U256_ONE), /* a little more than the others */
                        .flags = POSW_MSG_HELLO_RELAYS,
                        .time_s = (uint64_t)time(NULL),
                        .agent = posw_bytes_of("liar", 4)};
    if (l->mode == HONEST) m.weight = l->weight;
    memcpy(m.nonce, &peer, sizeof m.nonce);
    m.nonce[7] = (uint8_t)(1 + l->mode);
    posw_msg_hello_encode(&b, &m);
    posw_peers_send(l->peers, peer, &b);
}

static void give_headers(liar *l, uint64_t peer, posw_bytes payload) {
    posw_msg_get_headers m;
    posw_msg_writer list;
    posw_buf b = {0};
    if (!posw_msg_get_headers_decode(&m, payload)) return;
    size_t i = 0;
    for (size_t k = 0; k < m.locator.count; k++) {
        const posw_hash hash = posw_msg_hash_at(&m.locator, k);
        const size_t at = find(l, &hash);
        if (at == SIZE_MAX) continue;
        i = at + 1;
        break;
    }
    posw_msg_headers_begin(&list, &b, m.request);
    for (const size_t end = i + m.wanted; i < end && i < l->count; i++) {
        posw_header h = l->blocks[i].header;
        if (l->mode == HEADERS && h.number == BAD_HEADER) h.mix_hash.b[31] ^= 1;
        if (!posw_msg_headers_add(&list, &h, NULL)) break;
    }
    posw_msg_end(&list);
    posw_peers_send(l->peers, peer, &b);
}

/* Its header with the transactions of another. */
static void false_block(const liar *l, posw_buf *out, size_t i) {
    const block *b = &l->blocks[i], *other = &l->blocks[i > 0 ? i - 1 : i + 1];
    posw_block decoded;
    must(posw_block_decode(&decoded, NULL, other->raw.data, other->raw.size) == POSW_OK, "decoding");
    const size_t count =
        decoded.tx_count > 0 ? decoded.tx_count - 1 : 0; /* one less: different also from an equal one */
    posw_bytes *raws = calloc(count + 1, sizeof *raws);
    for (size_t k = 0; k < count; k++)
        raws[k] = decoded.txs[k].raw;
    posw_block_encode(out, &b->header, raws, count);
    free(raws);
    posw_block_clear(&decoded);
}

static void give_blocks(liar *l, uint64_t peer, posw_bytes payload) {
    posw_msg_hashes list;
    if (!posw_msg_hashes_decode(&list, POSW_MSG_GET_BLOCKS, payload)) return;
    for (size_t k = 0; k < list.count; k++) {
        const posw_hash hash = posw_msg_hash_at(&list, k);
        const size_t i = find(l, &hash);
        posw_buf b = {0}, lie = {0};
        if (i == SIZE_MAX) {
            posw_msg_hashes_encode(&b, POSW_MSG_NOT_FOUND, &hash, 1);
        } else if (l->mode == BODIES) {
            false_block(l, &lie, i);
            posw_msg_block_encode(&b, posw_buf_view(&lie));
        } else {
            posw_msg_block_encode(&b, l->blocks[i].raw);
        }
        posw_peers_send(l->peers, peer, &b);
        posw_buf_clear(&lie);
    }
}

static void hear(liar *l, uint64_t peer, const posw_msg_frame *f) {
    posw_buf b = {0};
    posw_msg_ping ping;
    if (l->mode == SILENT) return;
    switch (f->type) {
    case POSW_MSG_GET_HEADERS:
        give_headers(l, peer, f->payload);
        break;
    case POSW_MSG_GET_BLOCKS:
        if (l->mode != STALL) give_blocks(l, peer, f->payload);
        break;
    case POSW_MSG_PING:
        if (!posw_msg_ping_decode(&ping, f->payload)) break;
        posw_msg_pong_encode(&b, ping.nonce);
        posw_peers_send(l->peers, peer, &b);
        break;
    case POSW_MSG_GET_ADDRESSES: {
        posw_msg_writer w;
        posw_msg_addresses_begin(&w, &b);
        posw_msg_end(&w);
        posw_peers_send(l->peers, peer, &b);
        break;
    }
    default:
        break;
    }
}

/* ---- connections ---- */

static conversation *talk_of(liar *l, uint64_t peer) {
    for (size_t i = 0; i < PEERS_MAX; i++)
        if (l->talks[i].peer == peer) return &l->talks[i];
    return NULL;
}

static void hear_bytes(liar *l, conversation *t, posw_bytes data) {
    posw_msg_frame f;
    size_t size, at = 0;
    posw_buf_append(&t->in, data.data, data.size);
    must(!t->in.failed, "out of memory");
    while (posw_msg_frame_cut(&f, &size, t->in.data + at, t->in.size - at) == POSW_MSG_CUT_WHOLE) {
        hear(l, t->peer, &f);
        at += size;
    }
    memmove(t->in.data, t->in.data + at, t->in.size - at);
    t->in.size -= at;
}

static void on_event(void *arg, posw_event *e) {
    liar *l = arg;
    conversation *t = talk_of(l, e->type == POSW_EVENT_PEER_OPEN ? 0 : e->peer);
    if (t == NULL) {
        if (e->type == POSW_EVENT_PEER_OPEN) posw_peers_close(l->peers, e->peer);
        return;
    }
    if (e->type == POSW_EVENT_PEER_OPEN) {
        t->peer = e->peer;
        greet(l, e->peer);
    } else if (e->type == POSW_EVENT_PEER_DATA) {
        hear_bytes(l, t, e->data);
    } else if (e->type == POSW_EVENT_PEER_CLOSED) {
        posw_buf_clear(&t->in);
        *t = (conversation){0};
    }
}

static void serve(liar *l, uint16_t port) {
    posw_message msg = {{0}};
    char id[2 * sizeof(posw_node_id) + 1];
    const posw_peers_options o = {.identity = l->identity,
                                  .host = "127.0.0.1",
                                  .port = port,
                                  .queue_max = 256 << 20,
                                  .handshakes_per_s = 1000,
                                  .handshakes_burst = 1000,
                                  .event = on_event,
                                  .arg = l};
    must(posw_peers_start(&l->peers, &l->loop, &o, &msg) == POSW_OK, msg.text);
    const posw_node_id node = posw_identity_node_id(l->identity);
    posw_hex_encode(id, node.b, sizeof node.b);
    printf("{\"p2pPort\":%u,\"node\":\"posw://%s@127.0.0.1:%u\",\"height\":%zu}\n", posw_peers_port(l->peers), id,
           posw_peers_port(l->peers), l->count);
    fflush(stdout);
    (void)uv_run(&l->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv) {
    static liar l;
    must(argc >= 4, "usage: posw-liar CHAIN_FILE BLOCK_FILE stall|silent|bodies|headers|honest [PORT]");
    for (l.mode = 0; l.mode < MODES && strcmp(argv[3], mode_names[l.mode]) != 0;)
        l.mode++;
    must(l.mode < MODES, "no such mode");
    read_chain(&l, argv[1]);
    read_blocks(&l, argv[2]);
    must(posw_identity_new(&l.identity) == POSW_OK && uv_loop_init(&l.loop) == 0, "out of memory");
    serve(&l, argc > 4 ? (uint16_t)strtoul(argv[4], NULL, 10) : 0);
    return 0;
}
