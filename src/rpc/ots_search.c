/* ots_searchTransactionsBefore, ots_searchTransactionsAfter, ots_getTransactionBySenderAndNonce: the transactions of an
 * address, found by looking through blocks (rpc_walk). If a search ends at its limit with something found, that is a
 * page with more to come; with nothing found, it is an error that says where it stopped. */
#include "rpc/methods.h"

#include "base/bytes.h"

#include <inttypes.h>

static size_t count_matches(const rpc_block *b, const posw_address *a) {
    size_t count = 0;
    for (size_t i = 0; i < b->block.tx_count; i++)
        count += rpc_tx_concerns(b, i, a);
    return count;
}

/* ---- a page ---- */

/* The blocks of a page, in the order of the walk. */
typedef struct {
    posw_hash blocks[RPC_SEARCH_PAGE_MAX]; /* each has a match */
    size_t block_count, matches;
} page;

/* Goes on until the page is full at the end of a block. */
static bool collect(rpc_call *c, rpc_walk *s, page *p, const posw_address *address, uint64_t size) {
    const rpc_block *b;
    while (p->matches < size && (b = rpc_walk_next(c, s)) != NULL) {
        const size_t count = count_matches(b, address);
        if (count == 0) continue;
        p->blocks[p->block_count++] = b->hash; /* at most one a match: `size` is at most RPC_SEARCH_PAGE_MAX */
        p->matches += count;
    }
    if (c->code != 0) return false;
    if (p->matches > 0 || s->exhausted) return true;
    return rpc_fail(c, RPC_ERROR_SERVER,
                    "the search stopped before block %" PRIu64 ", after %" PRIu64
                    " blocks without a transaction of this address; there is no index by address, so ask again from "
                    "there",
                    s->next, c->rpc->options.search_blocks_max - s->blocks_left);
}

/* Newest first. Receipts go to a buffer of their own, since both lists are made in one pass. */
static void json_block_matches(rpc_call *c, posw_jw *receipts, const rpc_block *b, const posw_address *a) {
    for (size_t i = b->block.tx_count; i-- > 0 && rpc_fits(c);) {
        if (!rpc_tx_concerns(b, i, a)) continue;
        rpc_json_tx(&c->w, b, i);
        (void)rpc_json_receipt_as(c, receipts, b, i, RPC_RECEIPT_TIMED);
    }
}

static void json_page(rpc_call *c, const page *p, const posw_address *address, bool upward, bool first_page,
                      bool last_page) {
    posw_buf receipts = {0};
    posw_jw r, *w = &c->w;
    posw_jw_init(&r, &receipts);
    posw_jw_array(&r);
    posw_jw_object(w);
    posw_jw_key(w, "txs");
    posw_jw_array(w);
    for (size_t k = 0; k < p->block_count && rpc_fits(c); k++) {
        rpc_block *b = rpc_block_load(c, &p->blocks[upward ? p->block_count - 1 - k : k]);
        if (b != NULL && rpc_block_need_hashes(c, b) && rpc_block_need_receipts(c, b))
            json_block_matches(c, &r, b, address);
    }
    posw_jw_array_end(w);
    posw_jw_array_end(&r);
    posw_jw_key(w, "receipts");
    posw_jw_raw(w, (const char *)receipts.data, receipts.size);
    posw_jw_kv_bool(w, "firstPage", first_page);
    posw_jw_kv_bool(w, "lastPage", last_page);
    posw_jw_object_end(w);
    if (receipts.failed) (void)rpc_fail_operating(c, POSW_ENOMEM);
    (void)rpc_fits(c);
    posw_buf_clear(&receipts);
}

static void search(rpc_call *c, bool upward) {
    posw_address address;
    uint64_t number, size;
    const uint64_t tip = posw_chain_tip(c->chain)->number;
    if (!rpc_param_address(c, 0, &address) || !rpc_value_count(c, rpc_arg(1), rpc_param(c, 1), &number, UINT32_MAX) ||
        !rpc_value_count(c, rpc_arg(2), rpc_param(c, 2), &size, RPC_SEARCH_PAGE_MAX))
        return;
    if (size == 0) {
        (void)rpc_bad(c, rpc_arg(2), "a page has at least one transaction");
        return;
    }
    /* Genesis has no transactions: blocks 1 to the tip. 0 means from the end of the chain on that side. */
    uint64_t first = upward ? number + 1 : number == 0 || number > tip ? tip : number - 1;
    rpc_walk s = rpc_walk_of(c, upward, first, upward ? tip : 1);
    page p = {.block_count = 0};
    if (!collect(c, &s, &p, &address, size)) return;
    const bool is_end = number == 0;
    json_page(c, &p, &address, upward, upward ? s.exhausted : is_end, upward ? is_end : s.exhausted);
}

void rpc_ots_search_before(rpc_call *c) {
    search(c, false);
}

void rpc_ots_search_after(rpc_call *c) {
    search(c, true);
}

/* ---- by nonce ---- */

static bool json_sent_with(rpc_call *c, const rpc_block *b, const posw_address *sender, uint64_t nonce) {
    for (size_t i = 0; i < b->block.tx_count; i++) {
        if (b->block.txs[i].nonce != nonce || !posw_address_equal(rpc_block_sender(b, i), sender)) continue;
        posw_jw_hash(&c->w, &b->tx_hashes[i]);
        return true;
    }
    return false;
}

/* Whether the account has sent so many: else there is nothing to look for. */
static bool has_sent(rpc_call *c, const posw_address *sender, uint64_t nonce) {
    const rpc_block_ref latest = {.kind = RPC_LATEST};
    posw_account account;
    posw_state *state = rpc_ref_state(c, &latest, NULL);
    if (state == NULL) return false;
    const int err = posw_state_account(state, &account, sender);
    posw_state_free(state);
    if (err != POSW_OK) return rpc_fail_operating(c, err);
    return account.nonce > nonce;
}

void rpc_ots_get_transaction_by_nonce(rpc_call *c) {
    posw_address sender;
    uint64_t nonce;
    if (!rpc_param_address(c, 0, &sender) || !rpc_value_count(c, rpc_arg(1), rpc_param(c, 1), &nonce, UINT64_MAX))
        return;
    if (!has_sent(c, &sender, nonce)) {
        posw_jw_null(&c->w);
        return;
    }
    rpc_walk s = rpc_walk_of(c, false, posw_chain_tip(c->chain)->number, 1);
    const rpc_block *b;
    while ((b = rpc_walk_next(c, &s)) != NULL)
        if (json_sent_with(c, b, &sender, nonce)) return;
    if (c->code == 0 && s.exhausted && posw_chain_first_body(c->chain) > 0)
        (void)rpc_fail_pruned(c);
    else if (c->code == 0)
        (void)rpc_fail(c, RPC_ERROR_SERVER,
                       "the transaction is older than block %" PRIu64
                       ", where the search stopped; there is no index by sender",
                       s.next);
}
