/* What one block of 1,000 transfers costs the store: 5,000 trie rows of 200 to 500 bytes under path-like keys, 2,000
 * rows of the transaction index, a header, and one record in each log; all of it durable.
 *
 *      bench-store [directory (-: a temporary one)] [commits (300)] [accounts (1,000,000)] [blocks a commit (1)]
 *
 * Prints milliseconds a commit (writing rows, then commit itself) for the LMDB store, beside the floor that the disk
 * sets (as many bytes written in one piece with as many syncs) and the in-memory store; then random reads, and resident
 * memory. */
#include "base/bytes.h"
#include "bench.h"
#include "io/store_lmdb.h"
#include "store/store_memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TRANSFERS = 1000, DEPTH = 5, INDEX_ROWS = 2000, BODY_SIZE = 112000, EXEC_SIZE = 60000, LOAD_BATCH = 20000 };

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint64_t next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void must(posw_store *s, int code, bool lmdb) {
    if (code == POSW_OK) return;
    fprintf(stderr, "bench-store: %s\n", lmdb ? posw_store_lmdb_last_message(s)->text : posw_error_text(code));
    exit(2);
}

/* 'a' and `depth` nibbles of the account's number, spread over all paths. */
static size_t path_key(uint8_t key[65], uint64_t account, size_t depth) {
    uint64_t bits = account * 0x9e3779b97f4a7c15u;
    key[0] = 'a';
    for (size_t i = 0; i < depth; i++)
        key[1 + i] = (uint8_t)(bits >> (60 - 4 * i) & 15);
    return 1 + depth;
}

static uint8_t noise[1 << 20];

static void put_account(posw_store *s, bool lmdb, uint64_t account, uint64_t *seed) {
    uint8_t key[65];
    for (size_t depth = 1; depth <= DEPTH; depth++) {
        uint64_t r = next(seed);
        size_t size = path_key(key, account, depth);
        must(s, s->ops->put(s, POSW_TABLE_TRIE, key, size, noise + (r >> 8) % 500000, 200 + r % 301), lmdb);
    }
}

static void load(posw_store *s, bool lmdb, uint64_t accounts) {
    uint64_t seed = 1;
    for (uint64_t i = 0; i < accounts;) {
        must(s, s->ops->begin(s), lmdb);
        for (uint64_t stop = i + LOAD_BATCH; i < stop && i < accounts; i++) {
            uint8_t key[65];
            uint64_t r = next(&seed);
            size_t size = path_key(key, i, DEPTH);
            must(s, s->ops->put(s, POSW_TABLE_TRIE, key, size, noise + (r >> 8) % 500000, 200 + r % 301), lmdb);
        }
        must(s, s->ops->commit(s), lmdb);
    }
}

static void put_index(posw_store *s, bool lmdb, uint64_t *seed) {
    for (size_t i = 0; i < INDEX_ROWS; i++) {
        uint8_t hash[32], place[12] = {0};
        for (size_t j = 0; j < 4; j++)
            posw_store_le64(hash + 8 * j, next(seed));
        must(s, s->ops->put(s, POSW_TABLE_TXS, hash, sizeof hash, place, sizeof place), lmdb);
    }
}

static void block(posw_store *s, bool lmdb, uint64_t number, uint64_t accounts, uint64_t *seed) {
    posw_store_pos body, exec;
    uint8_t key[32], row[700] = {0};
    for (size_t i = 0; i < TRANSFERS; i++)
        put_account(s, lmdb, next(seed) % accounts, seed);
    put_index(s, lmdb, seed);
    must(s, s->ops->append(s, POSW_LOG_BLOCKS, noise + number % 1000, BODY_SIZE, &body), lmdb);
    must(s, s->ops->append(s, POSW_LOG_EXEC, noise + number % 1000, EXEC_SIZE, &exec), lmdb);
    for (size_t j = 0; j < 4; j++)
        posw_store_le64(key + 8 * j, next(seed));
    must(s, s->ops->put(s, POSW_TABLE_HEADERS, key, sizeof key, row, sizeof row), lmdb);
    uint8_t number_key[8];
    posw_store_be64(number_key, number);
    must(s, s->ops->put(s, POSW_TABLE_MAIN, number_key, sizeof number_key, key, sizeof key), lmdb);
    must(s, s->ops->put(s, POSW_TABLE_META, "tip", 3, key, sizeof key), lmdb);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *what, double *ms, size_t count) {
    qsort(ms, count, sizeof *ms, ascending);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += ms[i];
    printf("%-34s mean %7.2f  p50 %7.2f  p95 %7.2f  max %7.2f ms\n", what, sum / (double)count, ms[count / 2],
           ms[count * 95 / 100], ms[count - 1]);
}

static void run(posw_store *s, bool lmdb, const char *name, size_t commits, uint64_t accounts, size_t batch) {
    double *rows = calloc(commits, sizeof *rows), *commit = calloc(commits, sizeof *commit),
           *total = calloc(commits, sizeof *total), *reads = calloc(commits, sizeof *reads);
    char what[64];
    uint64_t seed = 42;
    for (size_t i = 0; i < commits; i++) {
        double start = now_ms();
        must(s, s->ops->begin(s), lmdb);
        for (size_t j = 0; j < batch; j++)
            block(s, lmdb, i * batch + j, accounts, &seed);
        double middle = now_ms();
        must(s, s->ops->commit(s), lmdb);
        double end = now_ms();
        rows[i] = middle - start;
        commit[i] = end - middle;
        total[i] = end - start;
        for (size_t j = 0; j < 1000; j++) {
            uint8_t key[65];
            posw_bytes value;
            size_t size = path_key(key, next(&seed) % accounts, DEPTH);
            must(s, s->ops->get(s, POSW_TABLE_TRIE, key, size, &value), lmdb);
        }
        reads[i] = now_ms() - end;
    }
    snprintf(what, sizeof what, "%s: rows and records", name);
    report(what, rows, commits);
    snprintf(what, sizeof what, "%s: commit", name);
    report(what, commit, commits);
    snprintf(what, sizeof what, "%s: all of it, durable", name);
    report(what, total, commits);
    snprintf(what, sizeof what, "%s: 1,000 random reads", name);
    report(what, reads, commits);
    free(rows);
    free(commit);
    free(total);
    free(reads);
}

/* The same bytes as one piece, with the three syncs and the O_DSYNC write that a commit has. */
static void floor_of_disk(const char *directory, size_t commits, size_t bytes) {
    char path[sizeof bench_temporary + 8];
    double *ms = calloc(commits, sizeof *ms);
    snprintf(path, sizeof path, "%s/floor", directory);
    int fd = open(path, O_RDWR | O_CREAT, 0600), dsync = open(path, O_WRONLY | O_DSYNC);
    for (size_t i = 0; i < commits; i++) {
        double start = now_ms();
        off_t at = (off_t)(i % 8) * (off_t)(bytes + 8192);
        for (size_t done = 0; done < bytes; done += sizeof noise)
            if (pwrite(fd, noise, bytes - done < sizeof noise ? bytes - done : sizeof noise, at + (off_t)done) < 0)
                exit(2);
        for (int sync = 0; sync < 3; sync++)
            if (pwrite(fd, noise, 4096, at + 4096 * sync) < 0 || fdatasync(fd) != 0) exit(2);
        if (pwrite(dsync, noise, 300, 0) < 0) exit(2);
        ms[i] = now_ms() - start;
    }
    char what[64];
    snprintf(what, sizeof what, "disk: %.1f MB in one piece", (double)bytes / 1e6);
    report(what, ms, commits);
    close(fd);
    close(dsync);
    unlink(path);
    free(ms);
}

/* Megabytes: all resident, and of it the pages of mapped files. */
static void memory(const char *when) {
    unsigned long size = 0, resident = 0, shared = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f != NULL && fscanf(f, "%lu %lu %lu", &size, &resident, &shared) == 3)
        printf("memory %-27s resident %7.1f  of it file pages %7.1f MB\n", when, (double)resident * 4096 / 1e6,
               (double)shared * 4096 / 1e6);
    if (f != NULL) fclose(f);
}

/* Bytes given to write calls (write_bytes counts whole large pages of the cache instead). */
static uint64_t bytes_written(void) {
    char line[128];
    unsigned long long value = 0;
    FILE *f = fopen("/proc/self/io", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "wchar: %llu", &value) == 1) break;
    if (f != NULL) fclose(f);
    return value;
}

int main(int argc, char **argv) {
    const char *directory = bench_folder(argc > 1 ? argv[1] : NULL);
    size_t commits = argc > 2 ? strtoul(argv[2], NULL, 10) : 300;
    uint64_t accounts = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000000;
    size_t batch = argc > 4 ? strtoul(argv[4], NULL, 10) : 1;
    if (commits == 0 || accounts == 0 || batch == 0) return 2;
    uint64_t seed = 9, used, limit;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof noise; i += 8)
        posw_store_le64(noise + i, next(&seed));
    posw_store *s = NULL;
    posw_message msg = {0};
    const posw_hash genesis = {{1}};
    double start = now_ms();
    if (posw_store_lmdb_open(&s, directory, &genesis, NULL, &msg) != POSW_OK) {
        fprintf(stderr, "bench-store: %s\n", msg.text);
        return 2;
    }
    printf("open %.2f ms\n", now_ms() - start);
    memory("after open");
    start = now_ms();
    load(s, true, accounts);
    printf("%llu accounts loaded in %.0f ms\n", (unsigned long long)accounts, now_ms() - start);
    uint64_t before = bytes_written();
    run(s, true, "lmdb", commits, accounts, batch);
    size_t bytes = (size_t)((bytes_written() - before) / commits);
    printf("written a commit: %.2f MB\n", (double)bytes / 1e6);
    memory("after the blocks");
    start = now_ms();
    if (posw_store_lmdb_trim(s) != POSW_OK) return 2;
    printf("trim %.2f ms\n", now_ms() - start);
    memory("after trim");
    s->ops->usage(s, &used, &limit);
    printf("used %.1f MB\n", (double)used / 1e6);
    s->ops->close(s);
    floor_of_disk(directory, commits, bytes);
    s = posw_store_memory_new();
    if (s == NULL) return 2;
    load(s, false, accounts);
    run(s, false, "memory", commits, accounts, batch);
    memory("with the store in memory");
    s->ops->close(s);
    return 0;
}
