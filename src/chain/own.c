/* Own blocks: what the template's execution gave is used instead of executing again. */
#include "chain/chain_internal.h"

#include "base/bytes.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

#include <stdlib.h>

void posw_chain_template_clear(posw_chain_template *t) {
    if (t == NULL) return;
    posw_state_free(t->state);
    posw_execution_result_clear(&t->result);
    posw_buf_clear(&t->txs);
    posw_buf_clear(&t->senders);
    *t = (posw_chain_template){0};
}

/* The sealed header is the template's but for mixHash, nonce and signature. */
static bool belongs(const posw_chain_template *t, const posw_header *sealed) {
    enum { UNSIGNED = POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE };
    posw_header expected = t->header;
    uint8_t a[POSW_HEADER_SIZE_MAX], b[POSW_HEADER_SIZE_MAX];
    if (sealed->extra_size != POSW_EXTRA_SIZE || expected.extra_size != POSW_EXTRA_SIZE) return false;
    expected.mix_hash = sealed->mix_hash;
    memcpy(expected.nonce, sealed->nonce, sizeof expected.nonce);
    memcpy(expected.extra + UNSIGNED, sealed->extra + UNSIGNED, POSW_SIGNATURE_SIZE);
    const size_t size = posw_header_encode(a, &expected);
    return size == posw_header_encode(b, sealed) && memcmp(a, b, size) == 0;
}

/* Views of the transactions; both arrays are freed by the caller. */
static int list_txs(const posw_chain_template *t, posw_bytes **raw, posw_hash **hashes) {
    posw_bytes *list = malloc((t->tx_count + 1) * sizeof *list);
    posw_hash *all = malloc((t->tx_count + 1) * sizeof *all);
    size_t at = 0, i = 0;
    if (list != NULL && all != NULL) {
        for (; i < t->tx_count && t->txs.size - at >= 4; i++) {
            list[i] = (posw_bytes){t->txs.data + at + 4, posw_load_be32(t->txs.data + at)};
            if (list[i].size > t->txs.size - at - 4) break;
            posw_keccak256(&all[i], list[i].data, list[i].size);
            at += 4 + list[i].size;
        }
    }
    const bool whole = i == t->tx_count && at == t->txs.size && t->senders.size == t->tx_count * sizeof(posw_address);
    if (list == NULL || all == NULL || !whole) {
        const int rc = list == NULL || all == NULL ? POSW_ENOMEM : POSW_EINVAL;
        free(list);
        free(all);
        return rc;
    }
    *raw = list;
    *hashes = all;
    return POSW_OK;
}

static int adopt_template(posw_chain *c, posw_chain_template *t, const posw_header *sealed, const posw_buf *bytes,
                          const posw_hash *hashes) {
    posw_hash hash;
    posw_header_hash(&hash, sealed);
    posw_state *state = t->state;
    t->state = NULL; /* taken over, whatever happens */
    const posw_chain_executed x = {.header = sealed,
                                   .hash = &hash,
                                   .weight = posw_u256_add_sat(&c->weight, &sealed->difficulty),
                                   .bytes = posw_buf_view(bytes),
                                   .size = (uint32_t)bytes->size,
                                   .senders = (const posw_address *)t->senders.data,
                                   .tx_hashes = hashes,
                                   .tx_count = t->tx_count,
                                   .result = &t->result,
                                   .state = state};
    return posw_chain_adopt(c, &x);
}

static int import_on_tip(posw_chain *c, posw_chain_template *t, const posw_header *sealed, uint64_t now_s,
                         posw_verdict *v) {
    const posw_chain_place place = {.parent = c->tip,
                                    .parent_hash = c->tip_hash,
                                    .parent_weight = c->weight,
                                    .fork_number = c->tip.number,
                                    .at_tip = true};
    posw_bytes *raw;
    posw_hash *hashes;
    posw_buf bytes = {0};
    int rc = posw_chain_check_header(c, v, &place, sealed, false, false, now_s);
    if (rc != POSW_OK || v->kind != POSW_VALID) return rc;
    rc = list_txs(t, &raw, &hashes);
    if (rc != POSW_OK) return rc;
    posw_block_encode(&bytes, sealed, raw, t->tx_count);
    if (bytes.failed) rc = POSW_ENOMEM;
    if (rc == POSW_OK && bytes.size > POSW_BLOCK_SIZE_MAX) *v = posw_invalid(POSW_RULE_BLOCK_SIZE); /* X9 */
    if (rc == POSW_OK && v->kind == POSW_VALID) rc = adopt_template(c, t, sealed, &bytes, hashes);
    posw_buf_clear(&bytes);
    free(raw);
    free(hashes);
    return rc;
}

typedef struct {
    const posw_hash *hashes;
    const posw_address *senders;
    size_t count, next;
} known_senders;

/* prepare asks in the order of the block. */
static bool next_sender(void *arg, posw_address *out, const posw_hash *tx_hash) {
    known_senders *k = arg;
    if (k->next >= k->count || !posw_hash_equal(&k->hashes[k->next], tx_hash)) return false;
    *out = k->senders[k->next++];
    return true;
}

/* The tip has moved meanwhile: the block goes the way of all blocks, and may still be a side branch. */
static int import_bytes(posw_chain *c, const posw_chain_template *t, const posw_header *sealed, uint64_t now_s,
                        posw_verdict *v, posw_chain_change *change) {
    posw_bytes *raw;
    posw_hash *hashes;
    posw_buf bytes = {0};
    posw_prepared p = {0};
    int rc = list_txs(t, &raw, &hashes);
    if (rc != POSW_OK) return rc;
    posw_block_encode(&bytes, sealed, raw, t->tx_count);
    known_senders known = {hashes, (const posw_address *)t->senders.data, t->tx_count, 0};
    const posw_sender_cache cache = {next_sender, &known};
    rc = bytes.failed ? POSW_ENOMEM : posw_prepare(&p, bytes.data, bytes.size, NULL, NULL, &cache);
    if (rc == POSW_OK) rc = posw_chain_import(c, &p, now_s, v, change);
    posw_prepared_clear(&p);
    posw_buf_clear(&bytes);
    free(raw);
    free(hashes);
    return rc;
}

int posw_chain_import_own(posw_chain *c, posw_chain_template *t, const posw_header *sealed, uint64_t now_s,
                          posw_verdict *verdict, posw_chain_change *change) {
    posw_verdict v = posw_valid();
    if (!belongs(t, sealed)) return POSW_EINVAL;
    int rc = posw_chain_import_begin(c, change);
    if (rc == POSW_OK && t->state != NULL && posw_hash_equal(&sealed->parent_hash, &c->tip_hash)) {
        rc = import_on_tip(c, t, sealed, now_s, &v);
        if (rc == POSW_OK) posw_chain_import_end(c, change);
    } else if (rc == POSW_OK) {
        rc = import_bytes(c, t, sealed, now_s, &v, change);
    }
    if (rc != POSW_OK) return rc;
    if (v.kind == POSW_VALID)
        posw_chain_template_clear(t); /* a wrong seal must not spoil the search for the right one */
    *verdict = v;
    return POSW_OK;
}
