#include "miner/miner.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_OVERHEAD = 2048, /* room that is kept free in a block for its header and list prefixes */
    TX_OVERHEAD = 4,       /* and for the prefix of each transaction */
    TX_GAS_MIN = 21000     /* no transaction needs less */
};

typedef struct {
    posw_execution x;
    posw_chain_template *t;
    size_t body_bytes;
} builder;

static int keep_tx(builder *b, const posw_mempool_entry *e) {
    uint8_t size[4];
    posw_store_be32(size, (uint32_t)e->tx.raw.size);
    posw_buf_append(&b->t->txs, size, sizeof size);
    posw_buf_append(&b->t->txs, e->tx.raw.data, e->tx.raw.size);
    posw_buf_append(&b->t->senders, e->sender.b, sizeof e->sender.b);
    b->t->tx_count++;
    b->body_bytes += e->tx.raw.size + TX_OVERHEAD;
    return b->t->txs.failed || b->t->senders.failed ? POSW_ENOMEM : POSW_OK;
}

static bool has_room(const builder *b, const posw_tx *tx) {
    return tx->gas_limit <= b->x.gas_limit - b->x.gas_used &&
           b->body_bytes + tx->raw.size + TX_OVERHEAD <= POSW_BLOCK_SIZE_MAX - BLOCK_OVERHEAD;
}

/* Tries the best-paying transactions until the block is full. What does not fit now may fit in a later block: it stays
 * in the pool. There is no number of misses after which a block counts as full: a gas limit that is not used costs
 * nothing, so a crowd of transactions with the gas limit of a whole block would keep all others out of it. A miss is
 * cheap beside the sorting that has been done. */
static int fill(builder *b, posw_mempool_selection *s) {
    const posw_mempool_entry *e;
    while ((e = posw_mempool_selection_next(s)) != NULL) {
        if (b->x.gas_limit - b->x.gas_used < TX_GAS_MIN) break;
        enum posw_tx_refusal refusal = POSW_TX_GAS_ABOVE_BLOCK;
        int err = has_room(b, &e->tx) ? posw_execution_tx(&b->x, &refusal, &e->tx, &e->sender) : POSW_OK;
        if (err == POSW_OK && refusal == POSW_TX_FITS) err = keep_tx(b, e);
        if (err != POSW_OK) return err;
        if (refusal != POSW_TX_FITS) posw_mempool_selection_skip_sender(s);
    }
    return POSW_OK;
}

static int fill_from_pool(builder *b, const posw_mempool *m, uint64_t base_fee_wei) {
    if (m == NULL) return POSW_OK;
    posw_mempool_selection *s;
    int err = posw_mempool_select(m, &s, base_fee_wei);
    if (err != POSW_OK) return err;
    err = fill(b, s);
    posw_mempool_selection_free(s);
    return err;
}

static int transactions_root(posw_hash *out, const posw_chain_template *t) {
    posw_bytes *items = calloc(t->tx_count ? t->tx_count : 1, sizeof *items);
    if (items == NULL) return POSW_ENOMEM;
    const uint8_t *p = t->txs.data;
    for (size_t i = 0; i < t->tx_count; i++) {
        size_t size = posw_load_be32(p);
        items[i] = posw_bytes_of(p + 4, size);
        p += 4 + size;
    }
    int err = posw_trie_list_root(out, items, t->tx_count);
    free(items);
    return err;
}

void posw_miner_template_age(posw_chain_template *t) {
    posw_state_free(t->state);
    t->state = NULL;
    posw_execution_result_clear(&t->result);
}

uint64_t posw_miner_next_time(posw_chain *c, uint64_t now_s) {
    const uint64_t parent_s = posw_chain_tip(c)->timestamp;
    return now_s > parent_s ? now_s : parent_s + 1;
}

void posw_miner_start_header(posw_header *h, posw_chain *c, const posw_address *miner, uint64_t now_s) {
    const posw_params *p = posw_chain_params(c);
    const posw_header *parent = posw_chain_tip(c);
    memset(h, 0, sizeof *h);
    h->parent_hash = posw_chain_tip_hash(c);
    h->ommers_hash = parent->ommers_hash; /* H2: the same in every block */
    h->beneficiary = *miner;
    h->number = parent->number + 1;
    h->gas_limit = posw_params_rules(p, h->number).gas_limit;
    h->timestamp = posw_miner_next_time(c, now_s);
    h->difficulty = posw_chain_next_difficulty(c, h->timestamp); /* D6, D7: of that timestamp */
    h->base_fee_wei = posw_base_fee_next(p, parent->number, parent->base_fee_wei, parent->gas_used);
}

static int build(builder *b, posw_chain *c, const posw_mempool *m) {
    posw_chain_template *t = b->t;
    posw_header *h = &t->header;
    const posw_stake_table *table = posw_chain_table(c, h->number);
    if (table == NULL)
        return POSW_EIO; /* the table for the child of the tip is always known: so it could not be read */
    posw_hash root = posw_chain_stake_root(c, h->number);
    posw_header_set_extra(h, &root);
    posw_execution_begin(&b->x, t->state, posw_chain_params(c), table, h->number, h->timestamp, h->base_fee_wei,
                         &h->beneficiary);
    int err = fill_from_pool(b, m, h->base_fee_wei);
    if (err == POSW_OK) err = posw_execution_finish(&b->x, &t->result);
    posw_execution_clear(&b->x);
    if (err != POSW_OK) return err;
    h->state_root = t->result.state_root;
    h->receipts_root = t->result.receipts_root;
    h->gas_used = t->result.gas_used;
    memcpy(h->logs_bloom, t->result.bloom, sizeof h->logs_bloom);
    return transactions_root(&h->transactions_root, t);
}

int posw_miner_template(posw_chain *c, const posw_mempool *m, const posw_address *miner, uint64_t now_s,
                        posw_chain_template *out) {
    posw_chain_template t;
    memset(&t, 0, sizeof t);
    posw_miner_start_header(&t.header, c, miner, now_s);
    t.parent = t.header.parent_hash;
    int err = posw_chain_state_at(c, &t.state, t.header.number - 1);
    if (err != POSW_OK) return err;
    builder b = {.t = &t, .body_bytes = 0};
    err = build(&b, c, m);
    if (err != POSW_OK) {
        posw_chain_template_clear(&t);
        return err;
    }
    *out = t;
    return POSW_OK;
}
