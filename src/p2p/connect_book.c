#include "base/bytes.h"
#include "crypto/keccak.h"
#include "p2p/connect_internal.h"

/* [version, address table, [[ip, port]...] anchors, bans] ‖ keccak256 of that. */
enum { VERSION = 1 };

static void encode_anchors(posw_buf *out, const posw_connect *c) {
    posw_netaddr anchors[POSW_CONNECT_ANCHORS];
    size_t n = 0;
    for (size_t i = 0; i < c->link_count && n < POSW_CONNECT_ANCHORS; i++)
        if (c->links[i].ready && c->links[i].kind == POSW_P2P_BLOCK_ONLY) anchors[n++] = c->links[i].address;
    if (n == 0) { /* nobody yet: those of the last run stay */
        memcpy(anchors, c->anchors, sizeof anchors);
        n = c->anchor_count;
    }
    const size_t list = posw_rlp_list_begin(out);
    for (size_t i = 0; i < n; i++) {
        posw_rlp_append_list(out, posw_rlp_size_bytes(anchors[i].ip, sizeof anchors[i].ip) +
                                      posw_rlp_size_u64(anchors[i].port));
        posw_rlp_append_bytes(out, anchors[i].ip, sizeof anchors[i].ip);
        posw_rlp_append_u64(out, anchors[i].port);
    }
    posw_rlp_list_end(out, list);
}

void posw_connect_save(const posw_connect *c, posw_buf *out) {
    posw_hash hash;
    const size_t start = out->size, list = posw_rlp_list_begin(out);
    posw_rlp_append_u64(out, VERSION);
    posw_addrman_encode(out, c->addresses);
    encode_anchors(out, c);
    posw_bans_encode(out, c->bans);
    posw_rlp_list_end(out, list);
    if (out->failed) return;
    posw_keccak256(&hash, out->data + start, out->size - start);
    posw_buf_append(out, hash.b, sizeof hash.b);
}

static bool read_anchors(posw_netaddr anchors[POSW_CONNECT_ANCHORS], size_t *count, posw_rlp list) {
    for (*count = 0; posw_rlp_more(&list); (*count)++) {
        if (*count == POSW_CONNECT_ANCHORS) return false;
        posw_rlp pair = posw_rlp_list(&list);
        posw_rlp_fixed(&pair, anchors[*count].ip, sizeof anchors[*count].ip);
        const uint64_t port = posw_rlp_u64(&pair);
        if (!posw_rlp_done(&pair) || port == 0 || port > UINT16_MAX) return false;
        anchors[*count].port = (uint16_t)port;
    }
    return posw_rlp_done(&list);
}

static int read_parts(posw_connect *c, posw_bytes addresses, posw_bytes bans) {
    uint8_t seed[32];
    posw_random_fill(&c->random, seed, sizeof seed);
    int code = posw_bans_new(&c->bans, seed);
    if (code == POSW_OK) code = posw_bans_decode(c->bans, bans);
    posw_random_fill(&c->random, seed, sizeof seed);
    if (code == POSW_OK) code = posw_addrman_decode(&c->addresses, addresses, seed, c->o.private_network);
    if (code == POSW_EMISMATCH) code = POSW_OK; /* of another kind of network: the table begins anew */
    if (code != POSW_OK) {
        posw_bans_free(c->bans);
        c->bans = NULL;
    }
    posw_wipe(seed, sizeof seed);
    return code;
}

int connect_read_book(posw_connect *c, posw_bytes kept) {
    posw_netaddr anchors[POSW_CONNECT_ANCHORS];
    size_t anchor_count;
    posw_hash hash;
    if (kept.size < POSW_HASH_SIZE) return POSW_ECHECKSUM;
    const size_t size = kept.size - POSW_HASH_SIZE;
    posw_keccak256(&hash, kept.data, size);
    if (memcmp(hash.b, kept.data + size, POSW_HASH_SIZE) != 0) return POSW_ECHECKSUM;
    posw_rlp outer = posw_rlp_reader(kept.data, size), r = posw_rlp_list(&outer);
    const uint64_t version = posw_rlp_u64(&r);
    const posw_bytes addresses = posw_rlp_raw(&r);
    const posw_rlp anchor_list = posw_rlp_list(&r);
    const posw_bytes bans = posw_rlp_raw(&r);
    if (!posw_rlp_done(&outer) || !posw_rlp_done(&r) || version != VERSION) return POSW_EPARSE;
    if (!read_anchors(anchors, &anchor_count, anchor_list)) return POSW_EPARSE;
    const int code = read_parts(c, addresses, bans);
    if (code != POSW_OK) return code;
    memcpy(c->anchors, anchors, sizeof anchors);
    c->anchor_count = anchor_count;
    return POSW_OK;
}
