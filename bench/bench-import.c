/* What becomes of transfers: full blocks of them imported, everything checked and durable, and taken into the pool;
 * beside the bound that signature recovery sets on this machine at this moment.
 *
 *      bench-import [directory (-: a temporary one)] [blocks (100)] [transfers a block (1,000)] [accounts (10,000)]
 * [file: the import of a file only]
 *
 * Prints: recovers/s on one and on two threads; what the main thread spends on a transfer of a prepared block (in
 * memory and on LMDB, joined commits and one commit a block); the whole import from a file with two threads; a new
 * block at the tip whose transfers the pool has, until it is durable; a reorganisation over all blocks; and the
 * admission of transfers to the pool on one thread. Ratios of imports are to the two-thread bound. */
#include "base/bytes.h"
#include "base/units.h"
#include "bench.h"
#include "chain/chain.h"
#include "codec/trie.h"
#include "crypto/keccak.h"
#include "io/block_file.h"
#include "io/store_lmdb.h"
#include "mempool/mempool.h"
#include "posw/difficulty.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RECOVERS = 20000, BATCH_BLOCKS = 50, ADMITTED_MAX = 50000 };

typedef struct {
    posw_chain_spec spec;
    size_t blocks, transfers, accounts;
    uint8_t (*secrets)[32];
    posw_address *addresses;
    uint64_t *nonces;
    posw_buf *chains[2]; /* encoded blocks of two branches from genesis */
    const char *directory;
} bench;

/* ---- helpers ---- */

static double clock_s(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double wall(void) {
    return clock_s(CLOCK_MONOTONIC);
}

static void must_hold(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "bench-import: %s\n", what);
    exit(2);
}

static void must(int code) {
    must_hold(code == POSW_OK, posw_error_text(code));
}

static void *allocate(size_t count, size_t size) {
    void *p = calloc(count, size);
    must_hold(p != NULL, "out of memory");
    return p;
}

static bool keccak_pow(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch, (void)key;
    posw_keccak256(out, input, POSW_POW_INPUT_SIZE);
    return true;
}
static const posw_pow pow_engine = {.name = "keccak256", .hash = keccak_pow};

/* ---- the chain ---- */

static void make_accounts(bench *b) {
    must(posw_chainfile_dev(&b->spec));
    b->spec.params.genesis_difficulty = POSW_U256_ONE;
    b->spec.params.epoch_blocks = b->spec.params.reorg_max_blocks = 1024;
    b->spec.params.unbonding_blocks = 2048;
    b->secrets = allocate(b->accounts, sizeof *b->secrets);
    b->addresses = allocate(b->accounts, sizeof *b->addresses);
    b->nonces = allocate(b->accounts, sizeof *b->nonces);
    b->spec.accounts = allocate(b->accounts, sizeof *b->spec.accounts);
    b->spec.account_count = b->accounts;
    const posw_u256 coin = posw_coin();
    for (size_t i = 0; i < b->accounts; i++) {
        posw_hash h;
        posw_keccak256(&h, &i, sizeof i);
        memcpy(b->secrets[i], h.b, sizeof h.b);
        must_hold(posw_secp_address(&b->addresses[i], b->secrets[i]), "a key");
        b->spec.accounts[i].address = b->addresses[i];
        must_hold(posw_u256_mul_u64(&b->spec.accounts[i].balance_wei, &coin, 1000), "a balance");
    }
}

static posw_chain *open_chain(const bench *b, posw_store *store) {
    const posw_chain_options o = {.spec = &b->spec, .store = store, .pow = &pow_engine};
    posw_message msg = {{0}};
    posw_chain *c;
    must_hold(posw_chain_open(&c, &o, &msg) == POSW_OK, msg.text);
    return c;
}

/* ---- making blocks ---- */

static void sign_transfer(bench *b, posw_buf *out, size_t from, size_t to) {
    const posw_tx tx = {.type = POSW_TX_DYNAMIC_FEE,
                        .is_protected = true,
                        .chain_id = b->spec.params.chain_id,
                        .nonce = b->nonces[from]++,
                        .gas_limit = 21000,
                        .max_fee = posw_u256_from_u64(100000000000),
                        .max_tip = posw_u256_from_u64(1000000000),
                        .has_to = true,
                        .to = b->addresses[to],
                        .value = posw_u256_from_u64(1000000000 + to)};
    must_hold(posw_tx_sign(out, &tx, b->secrets[from]), "signing");
}

static void append_u32(posw_buf *out, size_t v) {
    uint8_t bytes[4];
    posw_store_be32(bytes, (uint32_t)v);
    posw_buf_append(out, bytes, sizeof bytes);
}

static void execute(posw_execution *x, const posw_buf *raw, const posw_address *sender) {
    posw_tx tx;
    enum posw_tx_refusal refusal;
    must_hold(posw_tx_decode(&tx, raw->data, raw->size) == POSW_TX_OK, "decoding");
    must(posw_execution_tx(x, &refusal, &tx, sender));
    must_hold(refusal == POSW_TX_FITS, "a transfer is refused");
}

static void fill_template(bench *b, posw_chain_template *t, posw_execution *x, posw_bytes *raws, uint64_t *seed) {
    posw_buf raw = {0};
    size_t *ends = allocate(b->transfers, sizeof *ends);
    for (size_t i = 0; i < b->transfers; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        const size_t from = (size_t)((t->header.number - 1) * b->transfers + i) % b->accounts,
                     to = (size_t)(*seed >> 33) % b->accounts;
        posw_buf_reset(&raw);
        sign_transfer(b, &raw, from, to);
        execute(x, &raw, &b->addresses[from]);
        append_u32(&t->txs, raw.size);
        posw_buf_append(&t->txs, raw.data, raw.size);
        ends[i] = t->txs.size;
        posw_buf_append(&t->senders, b->addresses[from].b, sizeof b->addresses[from].b);
        raws[i].size = raw.size;
    }
    must_hold(!t->txs.failed && !t->senders.failed, "out of memory");
    for (size_t i = 0; i < b->transfers; i++)
        raws[i].data = t->txs.data + ends[i] - raws[i].size;
    t->tx_count = b->transfers;
    free(ends);
    posw_buf_clear(&raw);
}

static void seal(const bench *b, posw_header *h, size_t miner) {
    posw_hash seal_hash, digest;
    posw_signature signature;
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_header_seal_hash(&seal_hash, h);
    posw_pow_input(input, &seal_hash, h->nonce);
    keccak_pow(NULL, &h->mix_hash, NULL, input); /* difficulty 1: every nonce is good */
    posw_seal_digest(&digest, &seal_hash, h->nonce, &h->mix_hash);
    must_hold(posw_secp_sign(&signature, &digest, b->secrets[miner]), "sealing");
    memcpy(h->extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE, signature.b, sizeof signature.b);
}

static void make_block(bench *b, posw_chain *c, posw_buf *out, size_t miner, uint64_t *seed) {
    const posw_params *p = &b->spec.params;
    const posw_header *tip = posw_chain_tip(c);
    posw_chain_template t = {.parent = posw_chain_tip_hash(c)};
    posw_header *h = &t.header;
    posw_execution x;
    posw_bytes *raws = allocate(b->transfers, sizeof *raws);
    *h = (posw_header){.parent_hash = t.parent,
                       .ommers_hash = POSW_OMMERS_EMPTY,
                       .beneficiary = b->addresses[miner],
                       .difficulty = posw_difficulty_next(p, posw_chain_window(c), tip, tip->timestamp + 1),
                       .number = tip->number + 1,
                       .gas_limit = p->gas_limit,
                       .timestamp = tip->timestamp + 1,
                       .base_fee_wei = posw_base_fee_next(p, tip->number, tip->base_fee_wei, tip->gas_used)};
    must(posw_chain_state_at(c, &t.state, tip->number));
    posw_execution_begin(&x, t.state, p, posw_chain_table(c, h->number), h->number, h->timestamp, h->base_fee_wei,
                         &h->beneficiary);
    fill_template(b, &t, &x, raws, seed);
    must(posw_execution_finish(&x, &t.result));
    posw_execution_clear(&x);
    h->state_root = t.result.state_root;
    h->receipts_root = t.result.receipts_root;
    h->gas_used = t.result.gas_used;
    memcpy(h->logs_bloom, t.result.bloom, sizeof h->logs_bloom);
    must(posw_trie_list_root(&h->transactions_root, raws, b->transfers));
    const posw_hash root = posw_chain_stake_root(c, h->number);
    posw_header_set_extra(h, &root);
    posw_header sealed = *h;
    seal(b, &sealed, miner);
    posw_block_encode(out, &sealed, raws, b->transfers);
    free(raws);
    posw_verdict v;
    must(posw_chain_import_own(c, &t, &sealed, UINT64_MAX / 2, &v, NULL));
    must_hold(v.kind == POSW_VALID, posw_rule_text(v.rule));
}

static void make_chain(bench *b, size_t which, size_t blocks) {
    posw_store *store = posw_store_memory_new();
    posw_chain *c = open_chain(b, store);
    uint64_t seed = 1 + which;
    memset(b->nonces, 0, b->accounts * sizeof *b->nonces);
    b->chains[which] = allocate(blocks, sizeof *b->chains[which]);
    for (size_t i = 0; i < blocks; i++)
        make_block(b, c, &b->chains[which][i], which, &seed);
    must(posw_chain_close(c));
    store->ops->close(store);
}

/* ---- (a) the bound ---- */

static void *recover_many(void *arg) {
    const posw_tx *tx = arg;
    posw_address sender;
    for (size_t i = 0; i < RECOVERS; i++)
        must_hold(posw_tx_sender(&sender, tx), "recovering");
    return NULL;
}

static double recover_rate(const bench *b, unsigned threads) {
    posw_block block;
    pthread_t id;
    must(posw_block_decode(&block, NULL, b->chains[0][0].data, b->chains[0][0].size));
    const double start = wall();
    if (threads == 2) must_hold(pthread_create(&id, NULL, recover_many, &block.txs[0]) == 0, "a thread");
    recover_many(&block.txs[0]);
    if (threads == 2) pthread_join(id, NULL);
    const double rate = RECOVERS * threads / (wall() - start);
    posw_block_clear(&block);
    return rate;
}

/* ---- (b) the main thread ---- */

static posw_store *new_store(const bench *b, const char *name) {
    char path[512];
    posw_store *s;
    posw_message msg = {{0}};
    posw_chain *c;
    if (name == NULL) return posw_store_memory_new();
    posw_store *probe = posw_store_memory_new(); /* the directory wants the genesis hash first */
    c = open_chain(b, probe);
    const posw_hash genesis = posw_chain_genesis_hash(c);
    must(posw_chain_close(c));
    probe->ops->close(probe);
    snprintf(path, sizeof path, "%s/%s", b->directory, name);
    must_hold(posw_store_lmdb_open(&s, path, &genesis, NULL, &msg) == POSW_OK, msg.text);
    return s;
}

static posw_prepared *prepare_all(const bench *b, size_t which, size_t count) {
    posw_prepared *p = allocate(count, sizeof *p);
    for (size_t i = 0; i < count; i++) {
        must(posw_prepare(&p[i], b->chains[which][i].data, b->chains[which][i].size, &pow_engine, NULL, NULL));
        must_hold(p[i].verdict.kind == POSW_VALID, "a block is refused");
    }
    return p;
}

static void import_prepared(posw_chain *c, posw_prepared *p, size_t count) {
    for (size_t i = 0; i < count; i++) {
        posw_verdict v;
        must(posw_chain_import(c, &p[i], UINT64_MAX / 2, &v, NULL));
        must_hold(v.kind == POSW_VALID, posw_rule_text(v.rule));
    }
}

static void main_thread(const bench *b, const char *name, uint64_t batch, const char *what) {
    posw_store *store = new_store(b, name);
    posw_chain *c = open_chain(b, store);
    posw_prepared *p = prepare_all(b, 0, b->blocks);
    if (batch > 1) must(posw_chain_bulk(c, true, batch));
    const double start = wall(), cpu = clock_s(CLOCK_THREAD_CPUTIME_ID);
    import_prepared(c, p, b->blocks);
    must(posw_chain_flush(c));
    const double n = (double)(b->blocks * b->transfers);
    printf("  main thread, %-28s %6.2f us CPU, %6.2f us wall a transfer\n", what,
           (clock_s(CLOCK_THREAD_CPUTIME_ID) - cpu) * 1e6 / n, (wall() - start) * 1e6 / n);
    free(p);
    must(posw_chain_close(c));
    store->ops->close(store);
}

/* ---- (c) all of it ---- */

static double whole_import(const bench *b, const char *name, uint64_t batch) {
    char path[512];
    posw_message msg = {{0}};
    snprintf(path, sizeof path, "%s/%s.blocks", b->directory, name);
    FILE *f = fopen(path, "wb");
    must_hold(f != NULL, "the block file cannot be written");
    for (size_t i = 0; i < b->blocks; i++)
        must_hold(fwrite(b->chains[0][i].data, b->chains[0][i].size, 1, f) == 1, "the block file cannot be written");
    must_hold(fclose(f) == 0, "the block file cannot be written");
    posw_store *store = new_store(b, name);
    posw_chain *c = open_chain(b, store);
    const posw_block_file_options o = {.threads = 1, .pow = &pow_engine, .commit_blocks = batch};
    const double start = wall();
    must_hold(posw_block_file_import(c, path, &o, &msg) == POSW_OK, msg.text);
    const double rate = (double)(b->blocks * b->transfers) / (wall() - start);
    must_hold(posw_chain_tip(c)->number == b->blocks, "not all blocks were imported");
    must(posw_chain_close(c));
    store->ops->close(store);
    return rate;
}

/* ---- (d) a reorganisation over everything ---- */

static double reorganise(const bench *b, const char *name) {
    posw_store *store = new_store(b, name);
    posw_chain *c = open_chain(b, store);
    posw_prepared *main = prepare_all(b, 0, b->blocks), *branch = prepare_all(b, 1, b->blocks + 1);
    import_prepared(c, main, b->blocks);
    import_prepared(c, branch, b->blocks);
    must_hold(posw_chain_tip(c)->number == b->blocks, "the branch won too early");
    const double start = wall();
    import_prepared(c, branch + b->blocks, 1);
    const double seconds = wall() - start;
    must_hold(posw_chain_tip(c)->number == b->blocks + 1, "the branch did not win");
    free(main);
    free(branch);
    must(posw_chain_close(c));
    store->ops->close(store);
    return seconds;
}

/* ---- (e) a block at the tip ---- */

/* What the pool knows: the senders of a block. */
typedef struct {
    const posw_prepared *block;
    size_t next; /* they are asked for in order */
} known_senders;

static bool find_sender(void *arg, posw_address *out, const posw_hash *tx_hash) {
    known_senders *k = arg;
    const size_t count = k->block->block.tx_count;
    for (size_t n = 0; n < count; n++) {
        const size_t i = k->next++ % count;
        if (memcmp(&k->block->tx_hashes[i], tx_hash, sizeof *tx_hash) != 0) continue;
        *out = k->block->senders[i];
        return true;
    }
    return false;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, size_t count, double at) {
    qsort(values, count, sizeof *values, ascending);
    return values[(size_t)((double)(count - 1) * at)];
}

/* From its bytes until it is valid and durable. */
static void tip_blocks(const bench *b, const char *name, double recovers) {
    posw_store *store = new_store(b, name);
    posw_chain *c = open_chain(b, store);
    posw_prepared *known = prepare_all(b, 0, b->blocks);
    double *ms = allocate(b->blocks, sizeof *ms);
    for (size_t i = 0; i < b->blocks; i++) {
        known_senders senders = {.block = &known[i]};
        const posw_sender_cache cache = {.find = find_sender, .arg = &senders};
        posw_prepared p;
        const double start = wall();
        must(posw_prepare(&p, b->chains[0][i].data, b->chains[0][i].size, &pow_engine, NULL, &cache));
        import_prepared(c, &p, 1);
        ms[i] = (wall() - start) * 1e3;
        must_hold(senders.next == b->transfers, "a sender was not asked for, or was recovered");
        posw_prepared_clear(&known[i]);
    }
    const double p50 = quantile(ms, b->blocks, 0.5), p95 = quantile(ms, b->blocks, 0.95);
    printf("  a tip block, valid and durable:      %6.1f ms p50, %.1f ms p95 (to recover its senders: %.0f ms)", p50,
           p95, (double)b->transfers * 1e3 / recovers);
    bench_goal(p95 <= 100, "100 ms or less, p95");
    free(ms);
    free(known);
    must(posw_chain_close(c));
    store->ops->close(store);
}

/* ---- (f) admission ---- */

static posw_mempool *new_pool(posw_chain *c) {
    posw_mempool *m;
    posw_mempool_options o;
    posw_mempool_options_default(&o);
    must(posw_mempool_new(&m, c, &o));
    return m;
}

static void admit(posw_mempool *m, const posw_bytes *raw) {
    enum posw_mempool_refusal refusal;
    posw_message text = {{0}};
    must(posw_mempool_add(m, &refusal, &text, NULL, raw->data, raw->size, NULL, 1));
    must_hold(refusal == POSW_MEMPOOL_ACCEPTED, text.text);
}

static double recover_s(const posw_block *block) {
    posw_address sender;
    const double start = wall();
    for (size_t i = 0; i < block->tx_count; i++)
        must_hold(posw_tx_sender(&sender, &block->txs[i]), "recovering");
    return wall() - start;
}

/* The transfers of the first blocks, decoded, recovered, judged and taken, one after the other; in turns with
 * recovering alone, block by block. */
static void admission(const bench *b) {
    posw_store *store = posw_store_memory_new();
    posw_chain *c = open_chain(b, store);
    posw_mempool *m = new_pool(c);
    double *ms = allocate(ADMITTED_MAX + b->transfers, sizeof *ms), sum_ms = 0, bound_s = 0;
    size_t count = 0;
    for (size_t i = 0; i < b->blocks && count < ADMITTED_MAX; i++) {
        posw_block block;
        must(posw_block_decode(&block, NULL, b->chains[0][i].data, b->chains[0][i].size));
        for (size_t k = 0; k < block.tx_count; k++) {
            const double start = wall();
            admit(m, &block.txs[k].raw);
            sum_ms += ms[count++] = (wall() - start) * 1e3;
        }
        bound_s += recover_s(&block);
        posw_block_clear(&block);
    }
    const double rate = (double)count * 1e3 / sum_ms, p99 = quantile(ms, count, 0.99);
    printf("  admission to the pool, one thread:   %6.0f transfers/s, %.0f %% of recovering alone; %.3f ms p99", rate,
           100 * rate * bound_s / (double)count, p99);
    bench_goal(rate >= 8000 && p99 < 10, "8000 /s or more, p99 below 10 ms");
    free(ms);
    posw_mempool_free(m);
    must(posw_chain_close(c));
    store->ops->close(store);
}

static void bench_clear(bench *b) {
    for (size_t i = 0; i < b->blocks; i++)
        posw_buf_clear(&b->chains[0][i]);
    for (size_t i = 0; b->chains[1] != NULL && i < b->blocks + 1; i++)
        posw_buf_clear(&b->chains[1][i]);
    free(b->chains[0]);
    free(b->chains[1]);
    free(b->secrets);
    free(b->addresses);
    free(b->nonces);
    posw_chain_spec_clear(&b->spec);
}

static void print_import(double rate, double bound) {
    printf("  import of a file, two threads, joined commits:     %6.0f transfers/s, %.0f %% of the bound", rate,
           100 * rate / bound);
    bench_goal(rate >= 0.6 * bound && rate >= 15000, "60 %% or more, and 15000 /s");
}

int main(int argc, char **argv) {
    bench b = {.directory = bench_folder(argc > 1 ? argv[1] : NULL),
               .blocks = argc > 2 ? strtoul(argv[2], NULL, 10) : 100,
               .transfers = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000,
               .accounts = argc > 4 ? strtoul(argv[4], NULL, 10) : 10000};
    must_hold(b.blocks > 0 && b.transfers > 0 && b.accounts >= b.transfers, "usage: see the comment in bench-import.c");
    make_accounts(&b);
    const bool file_only = argc > 5 && strcmp(argv[5], "file") == 0;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    make_chain(&b, 0, b.blocks);
    if (!file_only) make_chain(&b, 1, b.blocks + 1);
    printf("%zu blocks of %zu transfers among %zu accounts, in %s\n", b.blocks, b.transfers, b.accounts, b.directory);
    const double one = recover_rate(&b, 1), two = recover_rate(&b, 2);
    printf("  recover bound: %.0f /s on one thread, %.0f /s on two\n", one, two);
    if (file_only) {
        print_import(whole_import(&b, "import-bulk", BATCH_BLOCKS), two);
        bench_clear(&b);
        return bench_end();
    }
    main_thread(&b, NULL, BATCH_BLOCKS, "memory, joined commits");
    main_thread(&b, "bulk", BATCH_BLOCKS, "LMDB, joined commits");
    main_thread(&b, "single", 1, "LMDB, one commit a block");
    print_import(whole_import(&b, "import-bulk", BATCH_BLOCKS), two);
    const double single = whole_import(&b, "import-single", 1);
    printf("  import of a file, two threads, one commit a block: %6.0f transfers/s, %.0f %% of the bound\n", single,
           100 * single / two);
    tip_blocks(&b, "tip", one);
    const double reorg = reorganise(&b, "reorg");
    printf("  reorganisation of %zu blocks: %.2f s", b.blocks, reorg);
    bench_goal(reorg <= 0.05 * (double)b.blocks, "%.2f s or less", 0.05 * (double)b.blocks);
    admission(&b);
    bench_clear(&b);
    return bench_end();
}
