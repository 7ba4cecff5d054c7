#include "cli/trial_branch.h"

#include "base/bytes.h"
#include "crypto/keccak.h"
#include "posw/difficulty.h"
#include "posw/u256.h"

#include <stdlib.h>
#include <string.h>

/* ---- The proof of work ---- */

/* Below 2^64, whatever the input, and another one for each. */
static bool trial_hash(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    posw_hash h;
    (void)scratch;
    (void)key;
    posw_keccak256(&h, input, POSW_POW_INPUT_SIZE);
    memset(out->b, 0, sizeof out->b);
    memcpy(out->b, h.b, 8); /* outputs are little-endian */
    return true;
}

const posw_pow *cli_trial_pow(void) {
    static const posw_pow pow = {.name = "rehearsal", .hash = trial_hash};
    return &pow;
}

/* ---- A branch ---- */

int cli_branch_open(cli_branch *b, posw_chain *chain, const posw_params *rules, const posw_miner_identity *id,
                    uint64_t number) {
    *b = (cli_branch){.chain = chain, .rules = rules, .id = id, .fork_number = number};
    posw_chain_place place;
    int err = posw_chain_hash_by_number(chain, &b->tip_hash, number);
    if (err == POSW_OK) err = posw_chain_find_place(chain, &place, &b->tip_hash);
    if (err != POSW_OK) return err;
    b->tip = place.parent;
    b->window_memory = malloc(posw_chain_window_size(chain));
    if (b->window_memory == NULL) return POSW_ENOMEM;
    err = posw_chain_window_copy(chain, b->window_memory, &b->window, &place);
    return err == POSW_OK ? posw_chain_state_at(chain, &b->state, number) : err;
}

void cli_branch_close(cli_branch *b) {
    posw_state_free(b->state);
    free(b->window_memory);
    memset(b, 0, sizeof *b);
}

static void start_header(const cli_branch *b, posw_header *h, uint64_t timestamp, const posw_hash *stake_root) {
    memset(h, 0, sizeof *h);
    h->parent_hash = b->tip_hash;
    h->ommers_hash = b->tip.ommers_hash;
    h->beneficiary = b->id->miner;
    h->number = b->tip.number + 1;
    h->gas_limit = posw_params_rules(b->rules, h->number).gas_limit;
    h->timestamp = timestamp;
    h->difficulty = posw_difficulty_next(b->rules, b->window, &b->tip, timestamp);
    h->base_fee_wei = posw_base_fee_next(b->rules, b->tip.number, b->tip.base_fee_wei, b->tip.gas_used);
    posw_header_set_extra(h, stake_root);
}

/* ---- Its transactions ---- */

typedef struct {
    cli_branch *branch;
    posw_execution x;
    posw_buf bytes; /* envelopes, one after another */
    size_t *ends;   /* of each in bytes */
    size_t count;
} body;

/* A transfer of 1 wei to itself at the base fee; *fits: it is in. */
static int add_transfer(body *t, uint64_t nonce, bool *fits) {
    const posw_miner_identity *id = t->branch->id;
    enum posw_tx_refusal refusal;
    posw_tx tx = {.type = POSW_TX_DYNAMIC_FEE,
                  .is_protected = true,
                  .chain_id = t->branch->rules->chain_id,
                  .nonce = nonce,
                  .gas_limit = 21000,
                  .max_fee = posw_u256_from_u64(t->x.base_fee_wei),
                  .has_to = true,
                  .to = id->miner,
                  .value = posw_u256_from_u64(1)};
    const size_t start = t->bytes.size;
    *fits = false;
    if (!posw_tx_sign(&t->bytes, &tx, id->secret) || t->bytes.failed) return POSW_ENOMEM;
    if (posw_tx_decode(&tx, t->bytes.data + start, t->bytes.size - start) != POSW_TX_OK) return POSW_EPARSE;
    const int err = posw_execution_tx(&t->x, &refusal, &tx, &id->miner);
    if (err != POSW_OK) return err;
    *fits = refusal == POSW_TX_FITS;
    if (*fits)
        t->ends[t->count++] = t->bytes.size;
    else
        t->bytes.size = start;
    return POSW_OK;
}

static int fill(body *t, size_t transfers) {
    posw_account account;
    bool fits = true;
    int err = posw_state_account(t->x.state, &account, &t->branch->id->miner);
    for (size_t i = 0; err == POSW_OK && fits && i < transfers; i++)
        err = add_transfer(t, account.nonce + i, &fits);
    return err;
}

static void split(posw_bytes *out, const body *t) {
    for (size_t i = 0, start = 0; i < t->count; start = t->ends[i++])
        out[i] = posw_bytes_of(t->bytes.data + start, t->ends[i] - start);
}

/* ---- A block ---- */

static int seal(cli_branch *b, posw_header *h) {
    const uint8_t nonce[8] = {b->variant};
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_hash seal_hash, mix;
    const posw_chain_template t = {.header = *h};
    posw_header_seal_hash(&seal_hash, h);
    posw_pow_input(input, &seal_hash, nonce);
    (void)trial_hash(NULL, &mix, NULL, input);
    return posw_miner_seal(h, &t, nonce, &mix, b->id->secret) ? POSW_OK : POSW_EINVAL;
}

static int finish(body *t, posw_header *h, posw_buf *block) {
    posw_execution_result r = {0};
    posw_bytes *txs = calloc(t->count + 1, sizeof *txs);
    if (txs == NULL) return POSW_ENOMEM;
    int err = posw_execution_finish(&t->x, &r);
    if (err == POSW_OK) {
        h->state_root = r.state_root;
        h->receipts_root = r.receipts_root;
        h->gas_used = r.gas_used;
        memcpy(h->logs_bloom, r.bloom, sizeof h->logs_bloom);
        split(txs, t);
        err = posw_trie_list_root(&h->transactions_root, txs, t->count);
    }
    if (err == POSW_OK) err = seal(t->branch, h);
    if (err == POSW_OK) {
        posw_block_encode(block, h, txs, t->count);
        if (block->failed) err = POSW_ENOMEM;
    }
    posw_execution_result_clear(&r);
    free(txs);
    return err;
}

static void move_on(cli_branch *b, const posw_header *h, size_t transfers) {
    const posw_window_entry entry = posw_chain_entry_of(h);
    posw_window_push(b->window, &entry);
    b->tip = *h;
    posw_header_hash(&b->tip_hash, h);
    b->transfers = transfers;
}

int cli_branch_add(cli_branch *b, posw_buf *block, uint64_t timestamp, size_t transfers) {
    const posw_stake_table *table;
    posw_hash root;
    posw_header h;
    int err = posw_chain_branch_table(b->chain, &table, &root, b->tip.number + 1, b->fork_number);
    if (err != POSW_OK) return err;
    start_header(b, &h, timestamp, &root);
    body t = {.branch = b, .ends = calloc(transfers + 1, sizeof(size_t))};
    if (t.ends == NULL) return POSW_ENOMEM;
    posw_execution_begin(&t.x, b->state, b->rules, table, h.number, h.timestamp, h.base_fee_wei, &h.beneficiary);
    err = fill(&t, transfers);
    if (err == POSW_OK) err = finish(&t, &h, block);
    posw_execution_clear(&t.x);
    posw_buf_clear(&t.bytes);
    free(t.ends);
    if (err == POSW_OK) move_on(b, &h, t.count);
    return err;
}
