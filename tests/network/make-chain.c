/* Makes a chain for tests: a chain file, and a file of valid blocks with transfers between its accounts.
 *
 *      posw-make-chain CHAIN_FILE BLOCK_FILE BLOCKS TRANSFERS_A_BLOCK [fresh]
 *
 * With "fresh" each transfer goes to an address that nobody has paid before, so that the state grows by an account.
 *
 * keccak256 with fixed difficulty 1 and one miner; the blocks are a second apart and end a minute ago. */
#include "base/bytes.h"
#include "base/units.h"
#include "chain/chain.h"
#include "codec/trie.h"
#include "crypto/keccak.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "store/store_memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ACCOUNTS = 1000, TRANSFERS_MAX = 1000 };

typedef struct {
    posw_chain_spec spec;
    posw_chain *chain;
    size_t transfers;
    uint8_t secrets[ACCOUNTS][32];
    posw_address addresses[ACCOUNTS];
    uint64_t nonces[ACCOUNTS];
    size_t next; /* account that sends next; transfers so far */
    bool fresh;
} maker;

static void must(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "posw-make-chain: %s\n", what);
    exit(1);
}

static void ok(int code) {
    must(code == POSW_OK, posw_error_text(code));
}

static bool keccak_pow(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch, (void)key;
    posw_keccak256(out, input, POSW_POW_INPUT_SIZE);
    return true;
}
static const posw_pow engine = {.name = "keccak256", .hash = keccak_pow};

/* ---- the chain file ---- */

static void make_spec(maker *m, uint64_t blocks) {
    const posw_u256 coin = posw_coin();
    ok(posw_chainfile_dev(&m->spec));
    m->spec.params.chain_id = 424244;
    m->spec.params.genesis_difficulty = POSW_U256_ONE;
    m->spec.params.genesis_time = (uint64_t)time(NULL) - blocks - 60;
    m->spec.params.epoch_blocks = m->spec.params.reorg_max_blocks = 1024;
    m->spec.params.unbonding_blocks = 2048;
    m->spec.accounts = calloc(ACCOUNTS, sizeof *m->spec.accounts);
    m->spec.account_count = ACCOUNTS;
    must(m->spec.accounts != NULL, "out of memory");
    for (size_t i = 0; i < ACCOUNTS; i++) {
        posw_hash h;
        posw_keccak256(&h, &i, sizeof i);
        memcpy(m->secrets[i], h.b, sizeof h.b);
        must(posw_secp_address(&m->addresses[i], m->secrets[i]), "a key");
        m->spec.accounts[i].address = m->addresses[i];
        must(posw_u256_mul_u64(&m->spec.accounts[i].balance_wei, &coin, 1000), "a balance");
    }
}

static void write_file(const char *path, const posw_buf *b) {
    FILE *f = fopen(path, "wb");
    must(f != NULL && !b->failed && fwrite(b->data, 1, b->size, f) == b->size && fclose(f) == 0,
         "a file cannot be written");
}

/* ---- a block ---- */

static posw_address fresh_address(uint64_t number) {
    posw_address a = {{0xf7}};
    posw_store_be64(a.b + sizeof a.b - 8, number);
    return a;
}

static void add_transfer(maker *m, posw_chain_template *t, posw_execution *x, posw_bytes *raw) {
    posw_buf bytes = {0};
    posw_tx tx;
    uint8_t size[4];
    enum posw_tx_refusal refusal;
    const size_t transfer = m->next++, from = transfer % ACCOUNTS;
    const posw_tx plan = {.type = POSW_TX_DYNAMIC_FEE,
                          .is_protected = true,
                          .chain_id = m->spec.params.chain_id,
                          .nonce = m->nonces[from]++,
                          .gas_limit = 21000,
                          .max_fee = posw_u256_from_u64(100000000000),
                          .max_tip = posw_u256_from_u64(1000000000),
                          .has_to = true,
                          .to = m->fresh ? fresh_address(transfer) : m->addresses[(from * 7 + 1) % ACCOUNTS],
                          .value = posw_u256_from_u64(1000000000)};
    must(posw_tx_sign(&bytes, &plan, m->secrets[from]), "signing");
    must(posw_tx_decode(&tx, bytes.data, bytes.size) == POSW_TX_OK, "decoding");
    ok(posw_execution_tx(x, &refusal, &tx, &m->addresses[from]));
    must(refusal == POSW_TX_FITS, "a transfer is refused");
    posw_store_be32(size, (uint32_t)bytes.size);
    posw_buf_append(&t->txs, size, sizeof size);
    posw_buf_append(&t->txs, bytes.data, bytes.size);
    posw_buf_append(&t->senders, m->addresses[from].b, sizeof m->addresses[from].b);
    *raw = posw_buf_view(&bytes); /* freed with the block */
}

static void execute(maker *m, posw_chain_template *t, posw_bytes *raws) {
    posw_header *h = &t->header;
    posw_execution x;
    ok(posw_chain_state_at(m->chain, &t->state, h->number - 1));
    posw_execution_begin(&x, t->state, &m->spec.params, posw_chain_table(m->chain, h->number), h->number, h->timestamp,
                         h->base_fee_wei, &h->beneficiary);
    for (size_t i = 0; i < m->transfers; i++)
        add_transfer(m, t, &x, &raws[i]);
    ok(posw_execution_finish(&x, &t->result));
    posw_execution_clear(&x);
    t->tx_count = m->transfers;
    h->state_root = t->result.state_root;
    h->receipts_root = t->result.receipts_root;
    h->gas_used = t->result.gas_used;
    memcpy(h->logs_bloom, t->result.bloom, sizeof h->logs_bloom);
    ok(posw_trie_list_root(&h->transactions_root, raws, m->transfers));
    const posw_hash root = posw_chain_stake_root(m->chain, h->number);
    posw_header_set_extra(h, &root);
}

static void seal(const maker *m, posw_header *h) {
    posw_hash seal_hash, digest;
    posw_signature signature;
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_header_seal_hash(&seal_hash, h);
    posw_pow_input(input, &seal_hash, h->nonce); /* difficulty 1: every nonce is good */
    keccak_pow(NULL, &h->mix_hash, NULL, input);
    posw_seal_digest(&digest, &seal_hash, h->nonce, &h->mix_hash);
    must(posw_secp_sign(&signature, &digest, m->secrets[0]), "sealing");
    memcpy(h->extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE, signature.b, sizeof signature.b);
}

static void make_block(maker *m, posw_buf *out) {
    const posw_params *p = &m->spec.params;
    const posw_header *tip = posw_chain_tip(m->chain);
    posw_bytes raws[TRANSFERS_MAX];
    posw_verdict v;
    posw_chain_template t = {.parent = posw_chain_tip_hash(m->chain)};
    t.header =
        (posw_header){.parent_hash = t.parent,
                      .ommers_hash = POSW_OMMERS_EMPTY,
                      .beneficiary = m->addresses[0],
                      .difficulty = posw_difficulty_next(p, posw_chain_window(m->chain), tip, tip->timestamp + 1),
                      .number = tip->number + 1,
                      .gas_limit = p->gas_limit,
                      .timestamp = tip->timestamp + 1,
                      .base_fee_wei = posw_base_fee_next(p, tip->number, tip->base_fee_wei, tip->gas_used)};
    execute(m, &t, raws);
    posw_header sealed = t.header;
    seal(m, &sealed);
    posw_block_encode(out, &sealed, raws, m->transfers);
    for (size_t i = 0; i < m->transfers; i++)
        free((void *)(uintptr_t)raws[i].data);
    ok(posw_chain_import_own(m->chain, &t, &sealed, UINT64_MAX / 2, &v, NULL));
    must(v.kind == POSW_VALID, posw_rule_text(v.rule));
}

int main(int argc, char **argv) {
    static maker m;
    posw_buf file = {0};
    posw_message msg = {{0}};
    m.fresh = argc == 6 && strcmp(argv[5], "fresh") == 0;
    must(argc == 5 || m.fresh, "usage: posw-make-chain CHAIN_FILE BLOCK_FILE BLOCKS TRANSFERS_A_BLOCK [fresh]");
    const uint64_t blocks = strtoull(argv[3], NULL, 10);
    m.transfers = strtoull(argv[4], NULL, 10);
    must(m.transfers <= TRANSFERS_MAX, "too many transfers");
    make_spec(&m, blocks);
    posw_chainfile_write(&file, &m.spec);
    write_file(argv[1], &file);
    posw_store *store = posw_store_memory_new();
    const posw_chain_options o = {.spec = &m.spec, .store = store, .pow = &engine};
    must(posw_chain_open(&m.chain, &o, &msg) == POSW_OK, msg.text);
    posw_buf_reset(&file);
    for (uint64_t i = 0; i < blocks; i++)
        make_block(&m, &file);
    write_file(argv[2], &file);
    ok(posw_chain_close(m.chain));
    store->ops->close(store);
    posw_buf_clear(&file);
    posw_chain_spec_clear(&m.spec);
    return 0;
}
