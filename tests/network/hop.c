/* How long a node takes to pass a new block on: this program is both neighbours of a running node. It gives the node
 * the transactions of a block, waits until the node has told all of them to the other side, then sends the block as
 * COMPACT on one connection and waits for it on the other.
 *
 *      posw-hop CHAIN_FILE BLOCK_FILE PORT
 *
 * Prints one line of JSON: blocks, and p50, p95, p99 and the worst in microseconds. What is measured is the whole way
 * over the loopback: TLS, decoding, the header's check, the proof of work on another thread, the pool, encoding, TLS.
 */
#include "base/bytes.h"
#include "base/map.h"
#include "chain/chain.h"
#include "codec/block.h"
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

enum { FROM = 1, TO = 2, ENDS = 3, BLOCKS_MAX = 4096, PAUSE_MS = 20, TIMEOUT_MS = 60000 };

typedef struct {
    posw_chain_spec spec;
    posw_hash genesis;
    posw_u256 genesis_weight;
    posw_buf file;
    posw_bytes blocks[BLOCKS_MAX];
    size_t count, at; /* at: the one that goes next */
    posw_block block; /* of `at` */
    posw_hash *hashes;
    posw_map told; /* hashes that came to TO */
    bool sent;
    posw_hash last, last_parent; /* of the block before */
    uint64_t request;
    uint64_t sent_us;
    uint32_t times_us[BLOCKS_MAX];
    size_t times;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_timer_t patience;
    posw_peers *transports[ENDS]; /* each side is a node of its own */
    posw_buf in[ENDS];
    unsigned greeted;
} hop;

static void must(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "posw-hop: %s\n", what);
    exit(1);
}

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t peer_of(unsigned end) {
    return POSW_PEER_OUTBOUND | end;
}

static void say(hop *h, unsigned end, posw_buf *frames) {
    must(!frames->failed, "out of memory");
    posw_peers_send(h->transports[end], peer_of(end), frames);
    posw_peers_flush(h->transports[end]);
}

/* ---- what there is to tell ---- */

static void read_file(posw_buf *out, const char *path) {
    posw_message msg = {""};
    must(posw_file_read(out, path, SIZE_MAX, &msg) == POSW_OK, msg.text);
}

static void read_chain(hop *h, const char *path) {
    posw_buf text = {0};
    posw_message msg = {{0}};
    posw_chain *c;
    posw_store *store = posw_store_memory_new();
    read_file(&text, path);
    must(posw_chainfile_read(&h->spec, (const char *)text.data, text.size, &msg) == POSW_OK, msg.text);
    const posw_chain_options o = {.spec = &h->spec, .store = store};
    must(posw_chain_open(&c, &o, &msg) == POSW_OK, msg.text);
    h->genesis = posw_chain_genesis_hash(c);
    h->genesis_weight = posw_chain_weight_total(c);
    must(posw_chain_close(c) == POSW_OK, "closing");
    store->ops->close(store);
    posw_buf_clear(&text);
}

static void read_blocks(hop *h, const char *path) {
    read_file(&h->file, path);
    for (posw_bytes rest = posw_buf_view(&h->file); rest.size > 0 && h->count < BLOCKS_MAX;) {
        posw_rlp r = posw_rlp_reader(rest.data, rest.size);
        const posw_bytes raw = posw_rlp_raw(&r);
        must(!r.failed, "not a block file");
        h->blocks[h->count++] = raw;
        rest = posw_bytes_of(rest.data + raw.size, rest.size - raw.size);
    }
}

/* ---- one block ---- */

static void tell_hashes(hop *h) {
    posw_buf b = {0};
    for (size_t i = 0; i < h->block.tx_count; i += 256) {
        const size_t left = h->block.tx_count - i;
        posw_msg_hashes_encode(&b, POSW_MSG_TX_HASHES, h->hashes + i, left < 256 ? left : 256);
    }
    if (b.size > 0) say(h, FROM, &b);
}

static void send_block(hop *h) {
    posw_buf b = {0};
    static const uint8_t nonce[8] = {7};
    posw_hash hash;
    posw_header_hash(&hash, &h->block.header);
    const posw_short_id_key key = posw_short_id_key_of(&hash, nonce);
    uint64_t *ids = calloc(h->block.tx_count + 1, sizeof *ids);
    for (size_t i = 0; i < h->block.tx_count; i++)
        ids[i] = posw_short_id(&key, &h->hashes[i]);
    must(posw_msg_compact_encode(&b, &h->block.header, NULL, nonce, ids, h->block.tx_count, NULL, 0), "encoding");
    free(ids);
    h->sent = true;
    h->sent_us = now_us();
    say(h, FROM, &b);
}

static void begin_block(hop *h) {
    must(posw_block_decode(&h->block, NULL, h->blocks[h->at].data, h->blocks[h->at].size) == POSW_OK, "a block");
    h->hashes = calloc(h->block.tx_count + 1, sizeof *h->hashes);
    for (size_t i = 0; i < h->block.tx_count; i++)
        posw_tx_hash(&h->hashes[i], &h->block.txs[i]);
    h->sent = false;
    posw_map_reset(&h->told, NULL);
    tell_hashes(h);
    if (h->block.tx_count == 0) send_block(h);
}

/* Has the node imported the block before? Its parent's child is asked for. */
static void ask_tip(hop *h) {
    posw_buf b = {0};
    posw_msg_get_headers_encode(&b, ++h->request, &h->last_parent, 1, 1);
    say(h, FROM, &b);
}

static void on_pause(uv_timer_t *timer) {
    hop *h = timer->data;
    if (h->at == 0)
        begin_block(h);
    else
        ask_tip(h);
}

static void headers_came(hop *h, posw_bytes payload) {
    posw_msg_headers m;
    posw_msg_header header;
    if (!posw_msg_headers_decode(&m, payload) || h->hashes != NULL) return;
    if (posw_msg_headers_next(&header, &m.list) && posw_hash_equal(&header.hash, &h->last))
        begin_block(h);
    else
        (void)uv_timer_start(&h->timer, on_pause, PAUSE_MS, 0);
}

static void on_timeout(uv_timer_t *timer) {
    const hop *h = timer->data;
    fprintf(stderr, "block %zu of %zu, %s, %zu of %zu transactions were told\n", h->at + 1, h->count,
            h->sent ? "sent" : "not sent", h->told.count, h->block.tx_count);
    must(false, "the node did not pass on what it was told");
}

static int by_value(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report(hop *h) {
    qsort(h->times_us, h->times, sizeof *h->times_us, by_value);
    printf("{\"blocks\":%zu,\"p50\":%u,\"p95\":%u,\"p99\":%u,\"max\":%u}\n", h->times, h->times_us[h->times / 2],
           h->times_us[h->times * 95 / 100], h->times_us[h->times * 99 / 100], h->times_us[h->times - 1]);
    exit(0);
}

static void block_came(hop *h, const posw_hash *hash) {
    posw_hash wanted;
    posw_header_hash(&wanted, &h->block.header);
    if (!h->sent || !posw_hash_equal(hash, &wanted)) return;
    h->times_us[h->times++] = (uint32_t)(now_us() - h->sent_us);
    h->last = wanted;
    h->last_parent = h->block.header.parent_hash;
    const uint64_t pause_ms = PAUSE_MS + h->block.tx_count / 3; /* a peer may tell 4,000 transactions a second */
    posw_block_clear(&h->block);
    free(h->hashes);
    h->hashes = NULL;
    h->sent = false;
    if (++h->at == h->count) report(h);
    (void)uv_timer_start(&h->timer, on_pause, pause_ms, 0); /* it imports now */
    (void)uv_timer_again(&h->patience);
}

/* ---- frames ---- */

static void give_txs(hop *h, posw_bytes payload) {
    posw_msg_hashes list;
    posw_msg_writer w;
    posw_buf b = {0};
    if (!posw_msg_hashes_decode(&list, POSW_MSG_GET_TXS, payload)) return;
    posw_msg_txs_begin(&w, &b);
    for (size_t k = 0; k < list.count; k++) {
        const posw_hash hash = posw_msg_hash_at(&list, k);
        for (size_t i = 0; i < h->block.tx_count; i++)
            if (posw_hash_equal(&hash, &h->hashes[i])) (void)posw_msg_txs_add(&w, h->block.txs[i].raw);
    }
    posw_msg_end(&w);
    say(h, FROM, &b);
}

static void note_told(hop *h, posw_bytes payload) {
    posw_msg_hashes list;
    bool added;
    if (!posw_msg_hashes_decode(&list, POSW_MSG_TX_HASHES, payload)) return;
    for (size_t k = 0; k < list.count; k++) {
        const posw_hash hash = posw_msg_hash_at(&list, k);
        must(posw_map_put(&h->told, hash.b, &added) != NULL, "out of memory");
    }
    if (!h->sent && h->hashes != NULL && h->told.count == h->block.tx_count) send_block(h);
}

static void hear(hop *h, unsigned end, const posw_msg_frame *f) {
    posw_buf b = {0};
    posw_msg_ping ping;
    posw_msg_compact compact;
    posw_msg_header_list list;
    posw_msg_header header;
    char text[POSW_MSG_SENTENCE_MAX + 1];
    posw_msg_goodbye bye;
    if (f->type == POSW_MSG_HELLO) {
        if (end == TO) posw_msg_send_compact_encode(&b, true);
        if (end == TO) say(h, end, &b);
        if (++h->greeted == 2) uv_timer_start(&h->timer, on_pause, 500, 0);
    } else if (f->type == POSW_MSG_PING && posw_msg_ping_decode(&ping, f->payload)) {
        posw_msg_pong_encode(&b, ping.nonce);
        say(h, end, &b);
    } else if (f->type == POSW_MSG_GET_TXS && end == FROM) {
        give_txs(h, f->payload);
    } else if (f->type == POSW_MSG_TX_HASHES && end == TO) {
        note_told(h, f->payload);
    } else if (f->type == POSW_MSG_COMPACT && end == TO && posw_msg_compact_decode(&compact, f->payload)) {
        block_came(h, &compact.head.hash);
    } else if (f->type == POSW_MSG_ANNOUNCE && end == TO && posw_msg_announce_decode(&list, f->payload)) {
        while (posw_msg_headers_next(&header, &list))
            block_came(h, &header.hash);
    } else if (f->type == POSW_MSG_GET_BLOCK_TXS) {
        must(false, "the node lacked a transaction that it had told");
    } else if (f->type == POSW_MSG_HEADERS && end == FROM) {
        headers_came(h, f->payload);
    } else if (f->type == POSW_MSG_GET_HEADERS) {
        must(false, "the node had not imported the last block when the next one came");
    } else if (f->type == POSW_MSG_GOODBYE && posw_msg_goodbye_decode(&bye, f->payload)) {
        posw_msg_text(text, sizeof text, bye.sentence);
        must(false, text);
    }
}

static void greet(hop *h, unsigned end) {
    posw_buf b = {0};
    posw_msg_hello m = {.version = 1,
                        .chain_id = h->spec.params.chain_id,
                        .genesis = h->genesis,
                        .fork = p2p_fork_id_at(&h->genesis, &h->spec.params, 0),
                        .hash = h->genesis,
                        .weight = h->genesis_weight,
                        .flags = POSW_MSG_HELLO_RELAYS,
                        .time_s = (uint64_t)time(NULL),
                        .nonce = {(uint8_t)end, 99},
                        .agent = posw_bytes_of("hop", 3)};
    posw_msg_hello_encode(&b, &m);
    say(h, end, &b);
}

static void on_event(hop *h, unsigned end, posw_event *e) {
    posw_msg_frame f;
    size_t size, at = 0;
    posw_buf *in = &h->in[end];
    if (e->type == POSW_EVENT_PEER_OPEN) greet(h, end);
    must(e->type != POSW_EVENT_PEER_CLOSED, "the node closed a connection");
    if (e->type != POSW_EVENT_PEER_DATA) return;
    posw_buf_append(in, e->data.data, e->data.size);
    while (posw_msg_frame_cut(&f, &size, in->data + at, in->size - at) == POSW_MSG_CUT_WHOLE) {
        hear(h, end, &f);
        at += size;
    }
    memmove(in->data, in->data + at, in->size - at);
    in->size -= at;
}

/* Two identities, so two transports. */
typedef struct {
    hop *h;
    unsigned end;
} side;

static void on_side_event(void *arg, posw_event *e) {
    side *s = arg;
    on_event(s->h, s->end, e);
}

static void open_side(hop *h, side *s, unsigned end, const posw_netaddr *to) {
    posw_identity *id;
    posw_message msg = {{0}};
    const posw_node_id any = {{0}};
    *s = (side){h, end};
    must(posw_identity_new(&id) == POSW_OK, "out of memory");
    const posw_peers_options o = {.identity = id, .event = on_side_event, .arg = s};
    must(posw_peers_start(&h->transports[end], &h->loop, &o, &msg) == POSW_OK, msg.text);
    posw_peers_connect(h->transports[end], peer_of(end), to, &any);
}

int main(int argc, char **argv) {
    static hop h;
    static side sides[ENDS];
    posw_netaddr to = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
    must(argc == 4, "usage: posw-hop CHAIN_FILE BLOCK_FILE PORT");
    read_chain(&h, argv[1]);
    read_blocks(&h, argv[2]);
    to.port = (uint16_t)strtoul(argv[3], NULL, 10);
    must(h.count > 0 && uv_loop_init(&h.loop) == 0, "no blocks");
    (void)uv_timer_init(&h.loop, &h.timer);
    (void)uv_timer_init(&h.loop, &h.patience);
    h.timer.data = h.patience.data = &h;
    (void)uv_timer_start(&h.patience, on_timeout, TIMEOUT_MS, TIMEOUT_MS);
    posw_map_init(&h.told, POSW_HASH_SIZE, 0, NULL);
    open_side(&h, &sides[FROM], FROM, &to);
    open_side(&h, &sides[TO], TO, &to);
    (void)uv_run(&h.loop, UV_RUN_DEFAULT);
    return 1;
}
