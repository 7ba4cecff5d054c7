/* Blocks of the main chain looked through for an address. Blocks without transactions cost next to nothing: their
 * bodies are not read. */
#include "rpc/rpc_internal.h"

rpc_walk rpc_walk_of(const rpc_call *c, bool upward, uint64_t first, uint64_t end) {
    const uint64_t kept = posw_chain_first_body(c->chain);
    if (upward && first < kept) first = kept;
    if (!upward && end < kept) end = kept;
    return (rpc_walk){.end = end,
                      .upward = upward,
                      .next = first,
                      .blocks_left = c->rpc->options.search_blocks_max,
                      .txs_left = c->rpc->options.search_txs_max,
                      .exhausted = upward ? first > end : first < end};
}

rpc_block *rpc_walk_next(rpc_call *c, rpc_walk *s) {
    while (!s->exhausted && s->blocks_left > 0 && s->txs_left > 0) {
        const uint64_t number = s->next;
        posw_chain_block_info info;
        const int err = posw_chain_block_by_number(c->chain, &info, number);
        if (err != POSW_OK) return (void)rpc_fail_operating(c, err), NULL;
        s->exhausted = number == s->end;
        s->next = s->upward ? number + 1 : number - 1;
        s->blocks_left--;
        if (info.header.gas_used == 0) continue; /* every transaction uses some */
        rpc_block *b = rpc_block_load(c, &info.hash);
        if (b == NULL || !rpc_block_need_hashes(c, b) || !rpc_block_need_receipts(c, b)) {
            if (c->code == 0) (void)rpc_fail_operating(c, POSW_ECORRUPT); /* a main-chain block has all of that */
            return NULL;
        }
        s->txs_left -= b->block.tx_count < s->txs_left ? b->block.tx_count : s->txs_left;
        return b;
    }
    return NULL;
}

bool rpc_tx_concerns(const rpc_block *b, size_t i, const posw_address *a) {
    const posw_tx *tx = &b->block.txs[i];
    return posw_address_equal(rpc_block_sender(b, i), a) || (tx->has_to && posw_address_equal(&tx->to, a));
}
