/* What a transaction will cost, and when it will be in a block: figures of the node's, and a sentence about them. */
#ifndef POSW_CLI_FEES_H
#define POSW_CLI_FEES_H

#include "cli/rpc_client.h"
#include "codec/tx.h"

#define CLI_FEE_OPTIONS                                                                                    \
    {"nonce", "N", NULL, "nonce (default: the next one, counting those that wait in the pool)"},           \
        {"tip", "AMOUNT", NULL,                                                                            \
         "tip for the miner per unit of gas, such as \"1 gwei\" (default: what the node suggests)"},       \
        {"max-fee", "AMOUNT", NULL,                                                                        \
         "most to pay per unit of gas, tip included (default: twice the base fee and the tip)"},           \
    {                                                                                                      \
        "gas", "N", NULL, "gas limit (default: estimated; with it the call is sent even if it would fail)" \
    }

/* Per unit of gas, in wei. */
typedef struct {
    posw_u256 base_fee;      /* of the next block */
    posw_u256 suggested_tip; /* what recent blocks took */
} cli_fee_market;

/* So much a transaction may cost because a node says so, in coins. A transfer takes about a fifty-thousandth of it. */
enum { CLI_FEE_TRUST_COIN = 1 };

/* Asks the node, and fills max_tip and max_fee of the transaction from --tip and --max-fee or by the defaults. */
int cli_fees_fill(const cli *c, cli_rpc *rpc, posw_tx *tx, cli_fee_market *market);

/* What is to be expected. */
typedef struct {
    posw_u256 most_wei;   /* gas limit times --max-fee: never more than this */
    posw_u256 likely_wei; /* expected gas at the next block's base fee, with the tip */
    uint64_t blocks;      /* it will be in one of the next so many, if the pool stays as it is; 0: not at this fee */
    bool low_tip;         /* lower than what recent blocks took */
    uint64_t missing;     /* nonces before its own that no transaction has yet, so that it waits; then blocks is 0 */
} cli_fee_quote;

/* likely_gas: what the call takes, at most the gas limit. Blocks: two (the next one may be in the making), and as many
 * more as the transactions that wait already fill, each counted as a transfer. */
int cli_fees_quote(cli_rpc *rpc, const posw_tx *tx, const cli_fee_market *market, uint64_t likely_gas,
                   cli_fee_quote *out);

/* Fees that come from the node alone, without --max-fee, are within CLI_FEE_TRUST_COIN: CLI_OK, or CLI_FAILED after a
 * sentence. */
int cli_fees_check(const cli *c, const cli_rpc *rpc, const posw_tx *tx, const cli_fee_quote *q);

/* "at most 0.00002 coin, likely 0.00001; it will be in one of the next 2 blocks" */
void cli_fees_sentence(posw_buf *b, const cli_fee_quote *q);

#endif
