/* The end of a block: rewards (protocol R1 to R5), roots; and whole blocks (X8). */
#include "state/execute.h"

#include "base/bytes.h"
#include "posw/economy.h"
#include "posw/u256.h"

#include <stdlib.h>

enum { LENGTH_SIZE = 4 };

/* ---- rewards ---- */

static int pay(posw_state *s, const posw_address *to, const posw_u256 *wei) {
    return posw_u256_is_zero(wei) ? POSW_OK : posw_state_add_balance(s, to, wei);
}

/* R1, R2: new coins. */
static int pay_subsidy(posw_execution *x, const posw_u256 *subsidy) {
    const posw_rules rules = posw_params_rules(x->params, x->number); /* U2 */
    posw_u256 treasury = posw_reward_treasury(x->params, x->number, subsidy);
    posw_u256 rest = posw_u256_sub_sat(subsidy, &treasury);
    int rc = pay(x->state, &rules.treasury, &treasury);
    return rc != POSW_OK ? rc : pay(x->state, &x->beneficiary, &rest);
}

/* R3, R4 of a pooling chain: base fees enter the pool, which the contract holds, and a part of the pool leaves it. */
static int turn_pool(posw_execution *x) {
    posw_u256 pool;
    int rc = posw_staking_read_fee_pool(x->state, &pool);
    if (rc != POSW_OK) return rc;
    if (!posw_u256_add(&pool, &pool, &x->base_fees_wei)) return POSW_ERANGE;
    posw_u256 payout = posw_reward_pool_payout(x->params, &pool);
    if (!posw_u256_sub(&pool, &pool, &payout)) return POSW_ERANGE;
    rc = pay(x->state, &POSW_STAKING_ADDRESS, &x->base_fees_wei);
    if (rc == POSW_OK && !posw_u256_is_zero(&payout))
        rc = posw_state_sub_balance(x->state, &POSW_STAKING_ADDRESS, &payout);
    if (rc == POSW_OK) rc = pay(x->state, &x->beneficiary, &payout);
    return rc != POSW_OK ? rc : posw_staking_set_fee_pool(x->state, &pool);
}

/* R5 */
static int change_supply(posw_execution *x, const posw_u256 *minted, const posw_u256 *burnt) {
    posw_u256 supply;
    const int rc = posw_staking_read_supply(x->state, &supply);
    if (rc != POSW_OK) return rc;
    if (!posw_u256_add(&supply, &supply, minted) || !posw_u256_sub(&supply, &supply, burnt)) return POSW_ERANGE;
    return posw_staking_set_supply(x->state, &supply);
}

static int pay_rewards(posw_execution *x) {
    const bool pooling = x->params->fee_rule == POSW_FEE_POOL;
    const posw_u256 subsidy = posw_reward_subsidy(x->params, x->number);
    const posw_u256 burnt = pooling ? POSW_U256_ZERO : x->base_fees_wei;
    int rc = pay_subsidy(x, &subsidy);
    if (rc == POSW_OK && pooling) rc = turn_pool(x);
    return rc != POSW_OK ? rc : change_supply(x, &subsidy, &burnt);
}

/* ---- receipts ---- */

/* The record at *at, which moves to the next one. */
static bool next_receipt(posw_bytes *out, posw_bytes receipts, size_t *at) {
    if (receipts.size - *at < LENGTH_SIZE) return false;
    size_t size = posw_load_be32(receipts.data + *at);
    if (receipts.size - *at - LENGTH_SIZE < size) return false;
    *out = (posw_bytes){receipts.data + *at + LENGTH_SIZE, size};
    *at += LENGTH_SIZE + size;
    return true;
}

bool posw_receipts_at(posw_bytes *out, posw_bytes receipts, size_t i) {
    posw_bytes r;
    size_t at = 0;
    do {
        if (!next_receipt(&r, receipts, &at)) return false;
    } while (i-- > 0);
    *out = r;
    return true;
}

static int receipts_root(posw_hash *out, const posw_execution *x) {
    if (x->tx_count == 0) return posw_trie_list_root(out, NULL, 0);
    posw_bytes *items = malloc(x->tx_count * sizeof *items);
    if (items == NULL) return POSW_ENOMEM;
    size_t at = 0;
    for (size_t i = 0; i < x->tx_count; i++) {
        bool found = next_receipt(&items[i], posw_buf_view(&x->receipts), &at);
        POSW_ASSERT(found);
    }
    int rc = posw_trie_list_root(out, items, x->tx_count);
    free(items);
    return rc;
}

/* ---- the end of a block ---- */

int posw_execution_finish(posw_execution *x, posw_execution_result *out) {
    posw_hash state_root, receipts;
    posw_buf undo = {0};
    int rc = pay_rewards(x);
    if (rc == POSW_OK) rc = posw_state_seal(x->state, &state_root, &undo);
    if (rc == POSW_OK) rc = receipts_root(&receipts, x);
    if (rc != POSW_OK) {
        posw_buf_clear(&undo);
        return rc;
    }
    out->state_root = state_root;
    out->receipts_root = receipts;
    memcpy(out->bloom, x->bloom, sizeof out->bloom);
    out->gas_used = x->gas_used;
    out->receipts = x->receipts;
    out->undo = undo;
    x->receipts = (posw_buf){0};
    return POSW_OK;
}

void posw_execution_result_clear(posw_execution_result *r) {
    if (r == NULL) return;
    posw_buf_clear(&r->receipts);
    posw_buf_clear(&r->undo);
}

/* ---- whole blocks ---- */

static enum posw_rule rule_of_refusal(enum posw_tx_refusal refusal) {
    switch (refusal) {
    case POSW_TX_FITS:
        return POSW_RULE_NONE;
    case POSW_TX_UNPROTECTED:
    case POSW_TX_WRONG_CHAIN:
    case POSW_TX_CREATES_CONTRACT:
        return POSW_RULE_TX_FORM;
    case POSW_TX_INTRINSIC_GAS:
        return POSW_RULE_TX_INTRINSIC_GAS;
    case POSW_TX_GAS_ABOVE_BLOCK:
    case POSW_TX_NONCE_LOW:
    case POSW_TX_NONCE_HIGH:
    case POSW_TX_NONCE_MAX:
    case POSW_TX_SENDER_HAS_CODE:
    case POSW_TX_TIP_ABOVE_MAX:
    case POSW_TX_FEE_BELOW_BASE:
    case POSW_TX_FUNDS:
        return POSW_RULE_TX_INVALID;
    }
    return POSW_RULE_TX_INVALID;
}

/* Senders and recipients of transactions i and i + 1. */
static int warm_pair(posw_state *s, const posw_block *block, const posw_address *senders, size_t i) {
    size_t next = i + 1 < block->tx_count ? i + 1 : i;
    const posw_address *const wanted[4] = {&senders[i], &block->txs[i].to, &senders[next], &block->txs[next].to};
    return posw_state_warm_x4(s, wanted);
}

static int execute_txs(posw_execution *x, posw_verdict *verdict, const posw_block *block, const posw_address *senders) {
    for (size_t i = 0; i < block->tx_count; i++) {
        enum posw_tx_refusal refusal;
        int rc = i % 2 == 0 ? warm_pair(x->state, block, senders, i) : POSW_OK;
        if (rc == POSW_OK) rc = posw_execution_tx(x, &refusal, &block->txs[i], &senders[i]);
        if (rc != POSW_OK) return rc;
        if (refusal != POSW_TX_FITS) {
            *verdict = posw_invalid(rule_of_refusal(refusal));
            return POSW_OK;
        }
    }
    *verdict = posw_valid();
    return POSW_OK;
}

/* X8: the header's claims, the most telling first. */
static posw_verdict compare_header(const posw_header *h, const posw_execution_result *r) {
    if (h->gas_used != r->gas_used) return posw_invalid(POSW_RULE_GAS_USED);
    if (memcmp(h->logs_bloom, r->bloom, sizeof r->bloom) != 0) return posw_invalid(POSW_RULE_BLOOM);
    if (!posw_hash_equal(&h->receipts_root, &r->receipts_root)) return posw_invalid(POSW_RULE_RECEIPTS_ROOT);
    if (!posw_hash_equal(&h->state_root, &r->state_root)) return posw_invalid(POSW_RULE_STATE_ROOT);
    return posw_valid();
}

static int execute_all(posw_execution_result *out, posw_verdict *verdict, posw_execution *x, const posw_block *block,
                       const posw_address *senders) {
    posw_execution_result r;
    int rc = execute_txs(x, verdict, block, senders);
    if (rc != POSW_OK || verdict->kind != POSW_VALID) return rc;
    rc = posw_execution_finish(x, &r);
    if (rc != POSW_OK) return rc;
    *verdict = compare_header(&block->header, &r);
    if (verdict->kind == POSW_VALID)
        *out = r;
    else
        posw_execution_result_clear(&r);
    return POSW_OK;
}

int posw_execute_block(posw_execution_result *out, posw_verdict *verdict, posw_state *state, const posw_params *p,
                       const posw_stake_table *table, const posw_block *block, const posw_address *senders) {
    const posw_header *h = &block->header;
    posw_execution x;
    posw_execution_begin(&x, state, p, table, h->number, h->timestamp, h->base_fee_wei, &h->beneficiary);
    int rc = execute_all(out, verdict, &x, block, senders);
    posw_execution_clear(&x);
    return rc;
}
