/* Consensus verdicts: valid, invalid (with the broken rule of doc/protocol.md), or cannot be told yet. An operating
 * error (out of memory, a disk error) is never a verdict. */
#ifndef POSW_VERDICT_H
#define POSW_VERDICT_H

#include "posw/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* name, rule number in doc/protocol.md, sentence */
#define POSW_RULE_TABLE(X)                                                                               \
    X(POSW_RULE_NONE, "", "no rule")                                                                     \
    X(POSW_RULE_HEADER_FORM, "H1", "the header is malformed")                                            \
    X(POSW_RULE_OMMERS, "H2", "ommers are not empty")                                                    \
    X(POSW_RULE_EXTRA_DATA, "H3", "extraData is not version, stake root and signature")                  \
    X(POSW_RULE_POW, "H6", "mixHash is not the proof-of-work output")                                    \
    X(POSW_RULE_TARGET, "H7", "the proof of work does not meet the target")                              \
    X(POSW_RULE_SIGNATURE, "H8", "the seal is not signed by the miner's signer")                         \
    X(POSW_RULE_PROOF_MISSING, "H10", "a boosted or delegated header came without a stake proof")        \
    X(POSW_RULE_PARENT, "H1", "number or parentHash does not follow the parent")                         \
    X(POSW_RULE_TIME_ORDER, "T1", "the timestamp is not above the parent's")                             \
    X(POSW_RULE_TIME_FUTURE, "T2", "the timestamp is too far ahead")                                     \
    X(POSW_RULE_DIFFICULTY, "D1", "difficulty is not what the rule gives")                               \
    X(POSW_RULE_STAKE_ROOT, "E4", "the stake root is not the one in force")                              \
    X(POSW_RULE_STAKE_PROOF, "E5", "the stake proof does not lead to the stake root")                    \
    X(POSW_RULE_TX_FORM, "X2", "a transaction is malformed, of an unsupported type or badly signed")     \
    X(POSW_RULE_TX_INTRINSIC_GAS, "X3", "a transaction's gas limit is below its intrinsic gas")          \
    X(POSW_RULE_TX_INVALID, "X4", "a transaction cannot be included (nonce, balance, fee or gas)")       \
    X(POSW_RULE_GAS_LIMIT, "X9", "gasLimit is not the chain's")                                          \
    X(POSW_RULE_BLOCK_SIZE, "X9", "the block is too large")                                              \
    X(POSW_RULE_GAS_USED, "X8", "gasUsed is not what execution gives")                                   \
    X(POSW_RULE_TX_ROOT, "X8", "transactionsRoot is not that of the body")                               \
    X(POSW_RULE_RECEIPTS_ROOT, "X8", "receiptsRoot is not what execution gives")                         \
    X(POSW_RULE_BLOOM, "X8", "logsBloom is not what execution gives")                                    \
    X(POSW_RULE_STATE_ROOT, "X8", "stateRoot is not what execution gives")                               \
    X(POSW_RULE_BASE_FEE, "B1", "baseFeePerGas is not what the rule gives")                              \
    X(POSW_RULE_REORG_DEPTH, "F3", "the branch leaves the chain deeper than the reorg limit")            \
    X(POSW_RULE_BAD_ANCESTOR, "F2", "an ancestor is invalid")                                            \
    X(POSW_RULE_UNKNOWN_PARENT, "F2", "the parent is not known")                                         \
    X(POSW_RULE_PARAMS_CHAIN_ID, "P1", "chainId is out of range")                                        \
    X(POSW_RULE_PARAMS_RANGE, "P2", "a time or window parameter is out of range")                        \
    X(POSW_RULE_PARAMS_TICKET_LOCK, "P3", "the whole epochs of unbonding are shorter than the window")   \
    X(POSW_RULE_PARAMS_UNBONDING, "P4", "unbonding is too short")                                        \
    X(POSW_RULE_PARAMS_SUPPLY, "P5", "the supply could reach 2^128 wei")                                 \
    X(POSW_RULE_PARAMS_GENESIS, "P6", "difficulty, gas limit or base fee is out of range")               \
    X(POSW_RULE_PARAMS_WEIGHT, "P7", "a parameter of the weight rule is out of range")                   \
    X(POSW_RULE_PARAMS_ECONOMY, "P8", "stake minimum, treasury, halving or pool is out of range")        \
    X(POSW_RULE_PARAMS_ALLOC, "P9", "too many genesis accounts or stakes, or a stake below the minimum") \
    X(POSW_RULE_PARAMS_UPGRADE, "U1", "an upgrade's place, name or value is out of range, or it has none")

#define POSW_RULE_NAME(name, number, text) name,
enum posw_rule { POSW_RULE_TABLE(POSW_RULE_NAME) POSW_RULE_COUNT };
#undef POSW_RULE_NAME

enum posw_verdict_kind {
    POSW_VALID,
    POSW_INVALID, /* `rule` is broken, for ever */
    POSW_NOT_YET, /* `rule` says what is missing: a parent, a proof, or time */
};

typedef struct {
    enum posw_verdict_kind kind;
    enum posw_rule rule;
} posw_verdict;

static inline posw_verdict posw_verdict_of(enum posw_verdict_kind kind, enum posw_rule rule) {
    const posw_verdict v = {kind, rule};
    return v;
}
static inline posw_verdict posw_valid(void) {
    return posw_verdict_of(POSW_VALID, POSW_RULE_NONE);
}
static inline posw_verdict posw_invalid(enum posw_rule rule) {
    return posw_verdict_of(POSW_INVALID, rule);
}
static inline posw_verdict posw_not_yet(enum posw_rule rule) {
    return posw_verdict_of(POSW_NOT_YET, rule);
}

/* "H7" and its sentence; "" and "unknown rule" for a value outside the enum. Static storage. */
POSW_API const char *posw_rule_number(enum posw_rule rule);
POSW_API const char *posw_rule_text(enum posw_rule rule);

#ifdef __cplusplus
}
#endif

#endif
