/* Cost of the account trie in block import: random updates of a trie in memory, the root, and the commit.
 *
 *      bench-trie [accounts] [batches] [updates per batch]        (defaults 1000000 200 2000)
 *
 * Each batch is what a block does: copy the version, put, take the root, commit against the old version, drop the old
 * version. The bound printed beside it is the hashing alone: the Keccak blocks of one batch, four lanes at a time. */
#include "base/bytes.h"
#include "base/error.h"
#include "codec/rlp.h"
#include "codec/trie.h"
#include "crypto/keccak.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RATE = 136, ACCOUNT_SIZE_MAX = 128 };

typedef struct {
    size_t puts, dels, bytes, keccak_blocks;
} counts;

static double now_s(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void must(int rc) {
    if (rc == POSW_OK) return;
    fprintf(stderr, "bench-trie: %s\n", posw_error_text(rc));
    exit(2);
}

static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static posw_hash key_of(uint64_t account) {
    uint8_t number[8];
    posw_hash key;
    posw_store_be64(number, account);
    posw_keccak256(&key, number, sizeof number);
    return key;
}

/* rlp([nonce, balance, storage root, code hash]) */
static size_t account_rlp(uint8_t out[ACCOUNT_SIZE_MAX], uint64_t nonce, uint64_t balance) {
    const size_t content = posw_rlp_size_u64(nonce) + posw_rlp_size_u64(balance) + 2 * 33;
    uint8_t *p = posw_rlp_put_list(out, content);
    p = posw_rlp_put_u64(p, nonce);
    p = posw_rlp_put_u64(p, balance);
    p = posw_rlp_put_bytes(p, POSW_TRIE_EMPTY_ROOT.b, 32);
    p = posw_rlp_put_bytes(p, POSW_KECCAK_EMPTY.b, 32);
    return (size_t)(p - out);
}

static int on_put(void *arg, const uint8_t *path, size_t path_size, const uint8_t *rlp, size_t rlp_size) {
    counts *c = arg;
    (void)path, (void)rlp;
    c->puts++;
    c->bytes += path_size + rlp_size;
    c->keccak_blocks += rlp_size / RATE + 1;
    return 0;
}

static int on_del(void *arg, const uint8_t *path, size_t path_size) {
    counts *c = arg;
    (void)path, (void)path_size;
    c->dels++;
    return 0;
}

static void put_account(posw_trie *t, const posw_hash *key, uint64_t nonce, uint64_t balance) {
    uint8_t value[ACCOUNT_SIZE_MAX];
    must(posw_trie_put(t, key->b, sizeof key->b, value, account_rlp(value, nonce, balance)));
}

static int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { PHASES = 4 };
static const char *const phase_names[PHASES] = {"put", "root", "commit", "drop old version"};

/* Of each phase, and of put and root together: what another program on the machine does shows in the median, not in the
 * first decile. */
static void print_quantile(const char *name, double *const seconds[PHASES + 1], uint64_t batches, double at,
                           double us) {
    double value[PHASES + 1];
    for (int p = 0; p <= PHASES; p++) {
        qsort(seconds[p], batches, sizeof(double), compare_doubles);
        value[p] = seconds[p][(size_t)((double)(batches - 1) * at)] * us;
    }
    printf("update, %s: %s %.2f + %s %.2f = %.2f us; %s %.2f us, %s %.2f us\n", name, phase_names[0], value[0],
           phase_names[1], value[1], value[PHASES], phase_names[2], value[2], phase_names[3], value[3]);
}

/* Seconds for one Keccak block in one of four lanes. */
static double keccak_block_s(void) {
    enum { ROUNDS = 20000, SIZE = 532, BLOCKS = 4 };
    static uint8_t data[4][SIZE];
    posw_hash hash[4];
    posw_hash *out[4] = {&hash[0], &hash[1], &hash[2], &hash[3]};
    const posw_bytes in[4] = {{data[0], SIZE}, {data[1], SIZE}, {data[2], SIZE}, {data[3], SIZE}};
    const double start = now_s();
    for (int i = 0; i < ROUNDS; i++) {
        posw_keccak256_x4(out, in);
        data[0][0] = hash[3].b[0];
    }
    return (now_s() - start) / (ROUNDS * 4.0 * BLOCKS);
}

int main(int argc, char **argv) {
    const uint64_t accounts = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    const uint64_t batches = argc > 2 ? strtoull(argv[2], NULL, 10) : 200;
    const uint64_t updates = argc > 3 ? strtoull(argv[3], NULL, 10) : 2000;
    posw_hash *keys = malloc(accounts * sizeof *keys), *changed = malloc(updates * sizeof *changed);
    counts built = {0}, c = {0};
    posw_trie_sink sink = {on_put, on_del, &built};
    posw_hash root;
    uint64_t random = 1;
    if (accounts == 0 || batches == 0 || updates == 0 || keys == NULL || changed == NULL) return 2;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (uint64_t i = 0; i < accounts; i++)
        keys[i] = key_of(i);

    double t0 = now_s();
    posw_trie *t = posw_trie_new(&POSW_TRIE_EMPTY_ROOT, NULL);
    if (t == NULL) return 2;
    for (uint64_t i = 0; i < accounts; i++)
        put_account(t, &keys[i], 0, UINT64_C(1000000000000000000) + i);
    double t1 = now_s();
    must(posw_trie_root(t, &root));
    double t2 = now_s();
    must(posw_trie_commit(t, NULL, &sink));
    double t3 = now_s();
    printf("build: %llu accounts, put %.2f us, root %.2f us, commit %.2f us each; %zu nodes, %.0f MB\n",
           (unsigned long long)accounts, (t1 - t0) * 1e6 / (double)accounts, (t2 - t1) * 1e6 / (double)accounts,
           (t3 - t2) * 1e6 / (double)accounts, built.puts, (double)posw_trie_memory(t) * 1e-6);

    double *seconds[PHASES + 1];
    for (int p = 0; p <= PHASES; p++) {
        seconds[p] = malloc(batches * sizeof(double));
        if (seconds[p] == NULL) return 2;
    }
    sink.arg = &c;
    for (uint64_t b = 0; b < batches; b++) {
        for (uint64_t i = 0; i < updates; i++)
            changed[i] = keys[next_random(&random) % accounts];
        t0 = now_s();
        posw_trie *base = t;
        t = posw_trie_copy(base);
        if (t == NULL) return 2;
        for (uint64_t i = 0; i < updates; i++)
            put_account(t, &changed[i], b + 1, next_random(&random) >> 1);
        t1 = now_s();
        must(posw_trie_root(t, &root));
        t2 = now_s();
        must(posw_trie_commit(t, base, &sink));
        t3 = now_s();
        posw_trie_free(base);
        const double of_phase[PHASES + 1] = {t1 - t0, t2 - t1, t3 - t2, now_s() - t3, t2 - t0};
        for (int p = 0; p <= PHASES; p++)
            seconds[p][b] = of_phase[p];
    }
    const double us = 1e6 / (double)updates, blocks = (double)c.keccak_blocks / (double)(batches * updates);
    char hex[2 * 32 + 1];
    posw_hex_encode(hex, root.b, 32);
    print_quantile("first decile", seconds, batches, 0.1, us);
    print_quantile("median", seconds, batches, 0.5, us);
    printf("bound: %.1f keccak blocks an update, %.2f us of hashing\n", blocks, blocks * keccak_block_s() * 1e6);
    printf("batch: %.0f nodes and %.0f kB committed; %.0f MB; root %s\n", (double)(c.puts + c.dels) / (double)batches,
           (double)c.bytes / (double)batches * 1e-3, (double)posw_trie_memory(t) * 1e-6, hex);
    posw_trie_free(t);
    for (int p = 0; p <= PHASES; p++)
        free(seconds[p]);
    free(changed);
    free(keys);
    return 0;
}
