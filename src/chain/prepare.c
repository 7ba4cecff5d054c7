/* Preparing a block: cheap checks first, so that rubbish costs its sender more than us.
 *
 *      decode ... 1 us a transaction     PoW ... 1 us to 1 ms     transactions root ... 1 us a transaction     senders
 * ... 55 us each
 *
 * The first broken rule ends it. A block whose transactions root does not match says nothing about the block of that
 * hash: the body came with the wrong header. Who remembers invalid hashes must not remember such a one (see import.c).
 */
#include "chain/prepare.h"

#include "base/bytes.h"
#include "base/error.h"
#include "codec/trie.h"

#include <stdlib.h>

/* X2, what decoding lets pass because other users want to name it: no block may hold these. */
static bool txs_includable(const posw_block *b) {
    for (size_t i = 0; i < b->tx_count; i++)
        if (!b->txs[i].has_to || !b->txs[i].is_protected) return false;
    return true;
}

/* V2, step 1, of the bytes that p holds; a verdict in p->verdict. header, hash: where they are known, else NULL. */
static int decode(posw_prepared *p, const posw_header *header, const posw_hash *hash) {
    int rule = POSW_RULE_HEADER_FORM;
    const posw_bytes in = posw_buf_view(&p->bytes);
    const int code = header == NULL ? posw_block_decode(&p->block, &rule, in.data, in.size)
                                    : posw_block_decode_known(&p->block, &rule, header, hash, in.data, in.size);
    if (code != POSW_OK && code != POSW_EPARSE) return code;
    if (code == POSW_OK && txs_includable(&p->block)) return POSW_OK;
    p->verdict = posw_invalid(code == POSW_OK ? POSW_RULE_TX_FORM : (enum posw_rule)rule);
    posw_block_clear(&p->block);
    return POSW_OK;
}

/* V2, step 3: H6, where the engine needs no key. The engine's own failure leaves the check to the import. */
static void check_pow(posw_prepared *p, const posw_pow *pow, void *scratch) {
    const posw_hash no_key = {{0}};
    const bool needs_key = pow == NULL || strcmp(pow->name, "randomx") == 0;
    if (needs_key || p->block.header.extra_size != POSW_EXTRA_SIZE) return; /* H3 is the import's to judge */
    bool ok;
    const posw_verdict verdict = posw_seal_check_pow(&ok, &p->block.header, pow, scratch, &no_key);
    if (!ok) return;
    p->pow_checked = true;
    p->verdict = verdict;
}

/* X8, transactions root. */
static int check_root(posw_prepared *p) {
    const size_t count = p->block.tx_count;
    posw_bytes *items = count == 0 ? NULL : malloc(count * sizeof *items);
    if (items == NULL && count > 0) return POSW_ENOMEM;
    for (size_t i = 0; i < count; i++)
        items[i] = p->block.txs[i].raw;
    posw_hash root;
    const int code = posw_trie_list_root(&root, items, count);
    free(items);
    if (code != POSW_OK) return code;
    if (!posw_hash_equal(&root, &p->block.header.transactions_root)) p->verdict = posw_invalid(POSW_RULE_TX_ROOT);
    return POSW_OK;
}

/* Hashes and senders (X2). */
static int recover(posw_prepared *p, const posw_sender_cache *cache) {
    const size_t count = p->block.tx_count;
    if (count == 0) return POSW_OK;
    p->senders = calloc(count, sizeof *p->senders);
    p->tx_hashes = calloc(count, sizeof *p->tx_hashes);
    if (p->senders == NULL || p->tx_hashes == NULL) return POSW_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const posw_tx *tx = &p->block.txs[i];
        posw_tx_hash(&p->tx_hashes[i], tx);
        if (cache != NULL && cache->find(cache->arg, &p->senders[i], &p->tx_hashes[i])) continue;
        if (posw_tx_sender(&p->senders[i], tx)) continue;
        p->verdict = posw_invalid(POSW_RULE_TX_FORM);
        break;
    }
    return POSW_OK;
}

/* All of it, of the bytes that p holds. */
static int prepare(posw_prepared *p, const posw_header *header, const posw_hash *hash, const posw_pow *pow,
                   void *scratch, const posw_sender_cache *cache) {
    int code = p->bytes.failed ? POSW_ENOMEM : decode(p, header, hash);
    if (code == POSW_OK && p->verdict.kind == POSW_VALID) check_pow(p, pow, scratch);
    if (code == POSW_OK && p->verdict.kind == POSW_VALID) code = check_root(p);
    if (code == POSW_OK && p->verdict.kind == POSW_VALID) code = recover(p, cache);
    if (code != POSW_OK) posw_prepared_clear(p);
    return code;
}

int posw_prepare(posw_prepared *out, const uint8_t *in, size_t size, const posw_pow *pow, void *scratch,
                 const posw_sender_cache *cache) {
    posw_prepared p = {.verdict = posw_valid()};
    if (size > POSW_BLOCK_SIZE_MAX) { /* not worth a copy */
        *out = (posw_prepared){.verdict = posw_invalid(POSW_RULE_BLOCK_SIZE)};
        return POSW_OK;
    }
    posw_buf_append(&p.bytes, in, size);
    const int code = prepare(&p, NULL, NULL, pow, scratch, cache);
    if (code == POSW_OK) *out = p;
    return code;
}

int posw_prepare_known(posw_prepared *out, posw_buf *bytes, const posw_header *header, const posw_hash *hash,
                       const posw_sender_cache *cache) {
    *out = (posw_prepared){.bytes = *bytes, .verdict = posw_valid()};
    *bytes = (posw_buf){0};
    return prepare(out, header, hash, NULL, NULL, cache);
}

void posw_prepared_clear(posw_prepared *p) {
    if (p == NULL) return;
    posw_block_clear(&p->block);
    posw_buf_clear(&p->bytes);
    free(p->senders);
    free(p->tx_hashes);
    p->senders = NULL;
    p->tx_hashes = NULL;
    p->verdict = (posw_verdict){0};
    p->pow_checked = p->is_built_on = p->own_signature = false;
}
