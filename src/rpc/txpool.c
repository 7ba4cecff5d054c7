/* The pool as go-ethereum shows it: by sender (EIP-55 spelling), then by nonce. */
#include "rpc/methods.h"

#include "base/bytes.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

void rpc_txpool_status(rpc_call *c) {
    size_t pending, queued, bytes;
    posw_mempool_counts(c->pool, &pending, &queued, &bytes);
    posw_jw_object(&c->w);
    posw_jw_kv_quantity(&c->w, "pending", pending);
    posw_jw_kv_quantity(&c->w, "queued", queued);
    posw_jw_object_end(&c->w);
}

/* EIP-55: a letter is large where the hash of the small spelling has a digit above 7. */
static void checksummed(char out[43], const posw_address *a) {
    posw_hash hash;
    memcpy(out, "0x", 2);
    posw_hex_encode(out + 2, a->b, sizeof a->b);
    posw_keccak256(&hash, out + 2, 40);
    for (size_t i = 0; i < 40; i++) {
        uint8_t digit = i % 2 == 0 ? hash.b[i / 2] >> 4 : hash.b[i / 2] & 15;
        if (digit > 7) out[2 + i] = (char)toupper((unsigned char)out[2 + i]);
    }
}

static void json_summary(posw_jw *w, const posw_mempool_entry *e) {
    char text[256], to[43], value[POSW_U256_DEC_SIZE], price[POSW_U256_DEC_SIZE];
    checksummed(to, &e->tx.to);
    posw_u256_to_dec(value, &e->tx.value);
    posw_u256_to_dec(price, &e->tx.max_fee);
    (void)snprintf(text, sizeof text, "%s: %s wei + %" PRIu64 " gas \xc3\x97 %s wei", to, value, e->tx.gas_limit,
                   price);
    posw_jw_string(w, text);
}

/* One walk over the pool: those that are pending, or those that are queued. */
typedef struct {
    rpc_call *c;
    bool pending, summary, by_sender;
    bool any;            /* an entry was written */
    posw_address sender; /* of the last one */
} listing;

static void begin_sender(listing *l, const posw_address *sender) {
    char name[43];
    if (l->any && posw_address_equal(&l->sender, sender)) return;
    if (l->any) posw_jw_object_end(&l->c->w);
    checksummed(name, sender);
    posw_jw_key(&l->c->w, name);
    posw_jw_object(&l->c->w);
    l->sender = *sender;
}

static int list_entry(void *arg, const posw_mempool_entry *e) {
    listing *l = arg;
    char nonce[24];
    if (e->pending != l->pending) return 0;
    if (!rpc_fits(l->c)) return POSW_ECANCELED;
    if (l->by_sender) begin_sender(l, &e->sender);
    l->any = true;
    (void)snprintf(nonce, sizeof nonce, "%" PRIu64, e->tx.nonce);
    posw_jw_key(&l->c->w, nonce);
    if (l->summary)
        json_summary(&l->c->w, e);
    else
        rpc_json_pool_tx(&l->c->w, e);
    return 0;
}

static void json_part(rpc_call *c, const char *name, bool pending, bool summary, const posw_address *sender) {
    listing l = {.c = c, .pending = pending, .summary = summary, .by_sender = sender == NULL};
    posw_jw_key(&c->w, name);
    posw_jw_object(&c->w);
    int err = posw_mempool_walk(c->pool, sender, list_entry, &l);
    if (err != 0 && err != POSW_ECANCELED) (void)rpc_fail_operating(c, err);
    if (l.by_sender && l.any) posw_jw_object_end(&c->w);
    posw_jw_object_end(&c->w);
}

static void json_pool(rpc_call *c, bool summary, const posw_address *sender) {
    posw_jw_object(&c->w);
    json_part(c, "pending", true, summary, sender);
    json_part(c, "queued", false, summary, sender);
    posw_jw_object_end(&c->w);
}

void rpc_txpool_content(rpc_call *c) {
    json_pool(c, false, NULL);
}

void rpc_txpool_content_from(rpc_call *c) {
    posw_address sender;
    if (rpc_param_address(c, 0, &sender)) json_pool(c, false, &sender);
}

void rpc_txpool_inspect(rpc_call *c) {
    json_pool(c, true, NULL);
}
