/* Dying at every system call that changes the disk, in three ways (see io/crash_disk.h): after each death the store
 * opens by itself and holds either what the last finished commit left or, when the death was inside a commit, what that
 * one wanted. */
#include "io/crash_disk.h"

#include "base/scale.h"
#include "base/test.h"
#include "io/temporary.h"

#include "base/bytes.h"
#include "io/store_lmdb.h"
#include "store/store_memory.h"

#include <dirent.h>

static const posw_hash genesis = {{7}};
static const posw_store_lmdb_options options = {.log_file_size_max = 700};

enum { STEPS = 12 };

/* --- a script of transactions, the same on every store --- */

static void row(posw_store *s, int *code, enum posw_table t, uint32_t key, size_t size, uint8_t fill) {
    uint8_t k[4], *value = malloc(size + 1);
    posw_store_be32(k, key);
    assert_non_null(value);
    memset(value, fill, size);
    if (*code == POSW_OK) *code = s->ops->put(s, t, k, sizeof k, value, size);
    free(value);
}

/* A record, and a row of MAIN with its log and place. */
static void record(posw_store *s, int *code, enum posw_store_log log, uint32_t key, size_t size, uint8_t fill) {
    uint8_t data[1000], k[4], place[9];
    posw_store_pos pos = 0;
    memset(data, fill, sizeof data);
    posw_store_be32(k, key);
    if (*code == POSW_OK) *code = s->ops->append(s, log, data, size, &pos);
    place[0] = (uint8_t)log;
    posw_store_be64(place + 1, pos);
    if (*code == POSW_OK) *code = s->ops->put(s, POSW_TABLE_MAIN, k, sizeof k, place, sizeof place);
}

static void remove_row(posw_store *s, int *code, enum posw_table t, uint32_t key) {
    uint8_t k[4];
    posw_store_be32(k, key);
    if (*code == POSW_OK) *code = s->ops->del(s, t, k, sizeof k);
}

/* Gives up all that can be, with the rows of MAIN that may speak of it. (Stores differ in what a part is.) */
static void prune(posw_store *s, int *code) {
    for (uint32_t key = 100; key < 400; key++)
        remove_row(s, code, POSW_TABLE_MAIN, key);
    for (int log = 0; log < POSW_STORE_LOG_COUNT; log++) {
        posw_store_log_info info;
        for (;;) {
            s->ops->log_info(s, (enum posw_store_log)log, &info);
            if (*code != POSW_OK || info.oldest_bytes == 0) break;
            *code = s->ops->drop_oldest(s, (enum posw_store_log)log);
        }
    }
}

static int step_contents(posw_store *s, uint32_t step) {
    int code = POSW_OK;
    uint8_t fill = (uint8_t)(1 + step);
    row(s, &code, POSW_TABLE_META, 1, 8, fill); /* every step changes this row */
    if (step % 3 != 2) record(s, &code, POSW_LOG_BLOCKS, 100 + step, 150 + 30 * step, fill);
    if (step % 2 == 0) record(s, &code, POSW_LOG_EXEC, 200 + step, 40, fill);
    if (step == 5) /* over several files */
        for (uint32_t i = 0; i < 8; i++)
            record(s, &code, POSW_LOG_BLOCKS, 300 + i, 250, (uint8_t)i);
    if (step == 7) row(s, &code, POSW_TABLE_EPOCHS, step, 100000, fill);
    for (uint32_t i = 0; i < 40; i++)
        row(s, &code, POSW_TABLE_TRIE, (i * 2654435761u) ^ (step % 4), 100, fill);
    if (step > 2) remove_row(s, &code, POSW_TABLE_TRIE, 2654435761u ^ (step % 4));
    if (step == 8 || step == 10) prune(s, &code);
    if (step == 9) remove_row(s, &code, POSW_TABLE_EPOCHS, 7);
    return code;
}

/* Step 4 writes and takes it all back, over several files, before it writes for good. */
static int run_step(posw_store *s, uint32_t step) {
    if (step == 4) {
        int code = s->ops->begin(s);
        for (uint32_t i = 0; i < 6; i++)
            record(s, &code, POSW_LOG_BLOCKS, 900 + i, 333, 99);
        row(s, &code, POSW_TABLE_HEADERS, 1, 3000, 99);
        s->ops->abort(s);
        if (code != POSW_OK) return code;
    }
    int code = s->ops->begin(s);
    if (code != POSW_OK) return code;
    code = step_contents(s, step);
    if (code == POSW_OK) return s->ops->commit(s);
    s->ops->abort(s);
    return code;
}

/* --- the whole contents as bytes --- */

typedef struct {
    posw_buf out, places;
    enum posw_table t;
} dump;

static int dump_row(void *arg, posw_bytes key, posw_bytes value) {
    dump *d = arg;
    if (d->t == POSW_TABLE_META && key.size != 4) return 0; /* the LMDB store's own */
    posw_buf_printf(&d->out, "%d %zu %zu ", d->t, key.size, value.size);
    posw_buf_append(&d->out, key.data, key.size);
    if (d->t == POSW_TABLE_MAIN)
        posw_buf_append(&d->places, value.data, value.size); /* places differ from store to store */
    else
        posw_buf_append(&d->out, value.data, value.size);
    return 0;
}

static posw_buf dump_store(posw_store *s) {
    dump d = {0};
    for (int t = 0; t < POSW_TABLE_COUNT; t++) {
        d.t = (enum posw_table)t;
        assert_int_equal(s->ops->walk(s, d.t, NULL, 0, dump_row, &d), POSW_OK);
    }
    for (size_t i = 0; i < d.places.size; i += 9) {
        uint64_t pos = posw_load_be64(d.places.data + i + 1);
        assert_int_equal(s->ops->read(s, (enum posw_store_log)d.places.data[i], pos, &d.out), POSW_OK);
    }
    posw_buf_clear(&d.places);
    assert_false(d.out.failed);
    return d.out;
}

static posw_buf wanted[STEPS + 1]; /* after so many steps */

static void make_wanted(void) {
    posw_store *s = posw_store_memory_new();
    assert_non_null(s);
    wanted[0] = dump_store(s);
    for (uint32_t step = 0; step < STEPS; step++) {
        assert_int_equal(run_step(s, step), POSW_OK);
        wanted[step + 1] = dump_store(s);
    }
    s->ops->close(s);
}

static bool holds(posw_store *s, uint32_t steps) {
    posw_buf got = dump_store(s);
    bool equal =
        got.size == wanted[steps].size && (got.size == 0 || memcmp(got.data, wanted[steps].data, got.size) == 0);
    posw_buf_clear(&got);
    return equal;
}

/* --- one death --- */

typedef struct {
    volatile uint32_t done; /* steps whose commit returned */
    volatile long calls;
} progress;

/* Runs in the child: opens, runs all, closes and opens again. */
static void live(const char *datadir, progress *p) {
    posw_store *s;
    for (int run = 0; run < 2; run++) {
        if (posw_store_lmdb_open(&s, datadir, &genesis, &options, NULL) != POSW_OK) _exit(2);
        while (p->done < (run == 0 ? STEPS / 2 : STEPS)) {
            if (run_step(s, p->done) != POSW_OK) _exit(3);
            p->done++;
        }
        s->ops->close(s);
    }
    p->calls = crash.calls;
    _exit(0);
}

/* Nothing lies about that no state speaks of. */
static void check_files(const char *datadir, posw_store *s) {
    posw_store_log_info info[POSW_STORE_LOG_COUNT];
    char path[TEMPORARY_SIZE + 64];
    uint64_t bytes = 0;
    snprintf(path, sizeof path, "%s/blocks", datadir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        struct stat st;
        assert_int_equal(fstatat(dirfd(dir), e->d_name, &st, 0), 0);
        if (S_ISREG(st.st_mode)) bytes += (uint64_t)st.st_size;
    }
    closedir(dir);
    for (int log = 0; log < POSW_STORE_LOG_COUNT; log++)
        s->ops->log_info(s, (enum posw_store_log)log, &info[log]);
    assert_int_equal(bytes, info[0].bytes + info[1].bytes);
}

static void check_survivor(const char *datadir, uint32_t done) {
    posw_store *s;
    posw_message msg = {0};
    int code = posw_store_lmdb_open(&s, datadir, &genesis, &options, &msg);
    if (code != POSW_OK) fail_msg("%s", msg.text);
    if (!holds(s, done)) {
        done++;
        assert_true(done <= STEPS && holds(s, done));
    }
    check_files(datadir, s);
    code = posw_store_lmdb_check_logs(s, NULL, NULL);
    if (code != POSW_OK) fail_msg("%s", posw_store_lmdb_last_message(s)->text);
    for (; done < STEPS; done++) /* and it goes on */
        assert_int_equal(run_step(s, done), POSW_OK);
    assert_true(holds(s, STEPS));
    s->ops->close(s);
}

/* False once n is beyond the last call. */
static bool survive(const char *base, enum crash_mode mode, long n, uint64_t seed) {
    char datadir[TEMPORARY_SIZE + 16], graveyard[TEMPORARY_SIZE + 16];
    snprintf(datadir, sizeof datadir, "%s/data", base);
    snprintf(graveyard, sizeof graveyard, "%s/graveyard", base);
    assert_int_equal(mkdir(graveyard, 0700), 0);
    progress *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        crash_arm(mode, n, seed, graveyard);
        live(datadir, p);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    bool died = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!died && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        fail_msg("mode %d, call %ld: status %x", mode, n, status);
    check_survivor(datadir, p->done);
    munmap(p, sizeof *p);
    temporary_remove(datadir);
    temporary_remove(graveyard);
    return died;
}

/* Under the sanitizer every third point of death, others in each mode. */
static void survive_all(enum crash_mode mode, uint64_t seeds) {
    char base[TEMPORARY_SIZE];
    temporary_make_fast(base);
    const long step = scale_is_sanitized() ? 3 : 1;
    long n = 1 + (scale_is_sanitized() ? (long)mode % 3 : 0);
    for (bool died = true; died; n += step) {
        died = false;
        for (uint64_t seed = 1; seed <= seeds; seed++)
            died |= survive(base, mode, n, seed * 1000003 + (uint64_t)n);
    }
    print_message("mode %d: the last call to die at is number %ld\n", mode, n - 2 * step);
    assert_true(n > 50);
    temporary_remove(base);
}

static void test_kill(void **state) {
    (void)state;
    survive_all(CRASH_BEFORE, 1);
}
static void test_torn_write(void **state) {
    (void)state;
    survive_all(CRASH_TORN, 1);
}
static void test_power_cut(void **state) {
    (void)state;
    survive_all(CRASH_POWER, scale_is_sanitized() ? 1 : 2);
}

int main(void) {
    make_wanted();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_torn_write),
        cmocka_unit_test(test_power_cut),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i <= STEPS; i++)
        posw_buf_clear(&wanted[i]);
    return failed;
}
