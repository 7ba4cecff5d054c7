/* Snapshots of a store that is written to meanwhile, and what is not unpacked. */
#include "lmdb_helpers.h"

#include "crypto/digest.h"
#include "io/file.h"
#include "io/lmdb_check.h"
#include "io/runner.h"
#include "io/snapshot.h"
#include "io/tar.h"

#include <fcntl.h>
#include <pthread.h>
#include <time.h>

/* ---- Archives ---- */

static void heads(void **state) {
    (void)state;
    static const uint64_t sizes[] = {0, 1, 511, 512, 077777777777, 0100000000000, INT64_MAX};
    static const char *const names[] = {"a", "state/data.mdb", "blocks/blk00000.dat"};
    uint8_t head[POSW_TAR_BLOCK];
    char name[POSW_TAR_NAME_SIZE];
    uint64_t size, time_s;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(sizes); i++) {
        posw_tar_head_encode(head, names[i % 3], sizes[i], 1700000000 + i);
        assert_true(posw_tar_head_decode(name, &size, &time_s, head));
        assert_string_equal(name, names[i % 3]);
        assert_int_equal(size, sizes[i]);
        assert_int_equal(time_s, 1700000000 + i);
        for (size_t byte = 0; byte < POSW_TAR_BLOCK; byte++) { /* each byte is looked at */
            head[byte] ^= 0x41;
            if (posw_tar_head_decode(name, &size, &time_s, head)) fail_msg("byte %zu is not looked at", byte);
            head[byte] ^= 0x41;
        }
    }
    assert_int_equal(posw_tar_padding(0), 0);
    assert_int_equal(posw_tar_padding(1), 511);
    assert_int_equal(posw_tar_padding(512), 0);
    memset(head, 0, sizeof head);
    assert_true(posw_tar_is_end(head));
    assert_false(posw_tar_head_decode(name, &size, &time_s, head));
}

/* ---- Snapshots ---- */

/* A transaction that leaves the store whole: row "n" says how many there were, and each has a record of its own; it
 * also writes over rows, so that pages are given up and used again. */
enum { ROWS = 2000, ROW_SIZE = 300 };

static void grow(posw_store *s, unsigned n) {
    uint8_t row[ROW_SIZE], number[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    posw_store_pos pos[2];
    memset(row, (int)(n % 251), sizeof row);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    for (unsigned i = 0; i < ROWS; i += 1 + n % 7) {
        char key[16];
        snprintf(key, sizeof key, "%08u", i * 7919 % ROWS);
        assert_int_equal(s->ops->put(s, POSW_TABLE_TRIE, key, 8, row, sizeof row), POSW_OK);
    }
    assert_int_equal(s->ops->append(s, POSW_LOG_BLOCKS, row, 1 + n % ROW_SIZE, &pos[0]), POSW_OK);
    assert_int_equal(s->ops->append(s, POSW_LOG_EXEC, row, 1 + n * 3 % ROW_SIZE, &pos[1]), POSW_OK);
    assert_int_equal(s->ops->put(s, POSW_TABLE_MAIN, number, sizeof number, pos, sizeof pos), POSW_OK);
    assert_int_equal(s->ops->put(s, POSW_TABLE_META, "n", 1, number, sizeof number), POSW_OK);
    assert_int_equal(s->ops->commit(s), POSW_OK);
}

/* Every record of every transaction is there; how many there are. */
static unsigned check_whole(posw_store *s) {
    posw_bytes v;
    assert_int_equal(s->ops->get(s, POSW_TABLE_META, "n", 1, &v), POSW_OK);
    const unsigned n = (unsigned)v.data[0] << 24 | (unsigned)v.data[1] << 16 | (unsigned)v.data[2] << 8 | v.data[3];
    for (unsigned i = 1; i <= n; i++) {
        const uint8_t number[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        posw_store_pos pos[2];
        posw_buf record = {0};
        assert_int_equal(s->ops->get(s, POSW_TABLE_MAIN, number, sizeof number, &v), POSW_OK);
        memcpy(pos, v.data, sizeof pos);
        assert_int_equal(s->ops->read(s, POSW_LOG_BLOCKS, pos[0], &record), POSW_OK);
        assert_int_equal(record.size, 1 + i % ROW_SIZE);
        assert_int_equal(record.data[0], i % 251);
        assert_int_equal(s->ops->read(s, POSW_LOG_EXEC, pos[1], &record), POSW_OK);
        posw_buf_clear(&record);
    }
    /* the rows are those of that transaction: each was written by the last one that came by it */
    for (unsigned i = 0; i < ROWS; i++) {
        char key[16];
        unsigned last = 0;
        for (unsigned t = n; t > 0 && last == 0; t--)
            for (unsigned at = 0; at < ROWS && (t % 7 != 0 ? last == 0 : true); at += 1 + t % 7)
                if (at == i) last = t;
        snprintf(key, sizeof key, "%08u", i * 7919 % ROWS);
        assert_int_equal(s->ops->get(s, POSW_TABLE_TRIE, key, 8, &v), POSW_OK);
        assert_int_equal(v.data[0], last % 251);
    }
    assert_int_equal(posw_store_lmdb_check_logs(s, NULL, NULL), POSW_OK);
    return n;
}

typedef struct {
    char dir[TEMPORARY_SIZE], source[TEMPORARY_SIZE + 16], target[TEMPORARY_SIZE + 16], file[TEMPORARY_SIZE + 16];
    posw_store *s;
    unsigned grown;
} world;

static void grow_to(world *w, unsigned n) {
    while (w->grown < n)
        grow(w->s, ++w->grown);
}

static int setup(void **state) {
    world *w = calloc(1, sizeof *w);
    temporary_make_fast(w->dir);
    snprintf(w->source, sizeof w->source, "%s/source", w->dir);
    snprintf(w->target, sizeof w->target, "%s/target", w->dir);
    snprintf(w->file, sizeof w->file, "%s/file.tar", w->dir);
    w->s = must_open(w->source, &small_files);
    grow_to(w, 30);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world *w = *state;
    if (w->s != NULL) w->s->ops->close(w->s);
    temporary_remove(w->dir);
    free(w);
    return 0;
}

static int check(void *arg, const char *dir, posw_message *msg) {
    (void)msg;
    posw_store *s = must_open(dir, &small_files);
    *(unsigned *)arg = check_whole(s);
    s->ops->close(s);
    return POSW_OK;
}

static int unpack(const world *w, unsigned *n, posw_message *msg) {
    const posw_snapshot_restore_options o = {.check = check, .arg = n};
    return posw_snapshot_restore(w->file, w->target, &o, msg);
}

/* Starts one, lets the store go on meanwhile, and waits for its end. */
static int snapshot(world *w, unsigned more, posw_message *msg) {
    posw_snapshot *snap;
    posw_snapshot_progress p = {0};
    int code = posw_snapshot_start(&snap, w->s, w->file, msg);
    if (code != POSW_OK) return code;
    for (unsigned i = 0; !p.done; i++) {
        if (i < more)
            grow_to(w, w->grown + 1);
        else
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        posw_snapshot_read(snap, &p);
    }
    posw_snapshot_finish(snap, false);
    if (p.result != POSW_OK)
        *msg = p.msg;
    else
        assert_int_equal(p.bytes, size_of(w->file));
    return p.result;
}

static void while_the_store_goes_on(void **state) {
    world *w = *state;
    for (unsigned round = 0; round < 4; round++) {
        posw_message msg = {""};
        const unsigned before = w->grown;
        unsigned n = 0;
        snprintf(w->file, sizeof w->file, "%s/%u.tar", w->dir, round);
        snprintf(w->target, sizeof w->target, "%s/target%u", w->dir, round);
        if (snapshot(w, round * 40, &msg) != POSW_OK) fail_msg("%s", msg.text);
        if (unpack(w, &n, &msg) != POSW_OK) fail_msg("%s", msg.text);
        assert_in_range(n, before, w->grown);
        posw_store *again = must_open(w->target, &small_files); /* where it was moved to */
        assert_int_equal(check_whole(again), n);
        again->ops->close(again);
        assert_int_equal(size_of(path_of(w->source, "state/lock.mdb")), -1);
        assert_int_equal(size_of(path_of(w->target, "restore.partial")), -1);
    }
    assert_int_equal(check_whole(w->s), w->grown);
    posw_store_lmdb_numbers numbers;
    posw_store_lmdb_read_numbers(w->s, &numbers);
    assert_true(numbers.reader_age_us < 60 * 1000000ULL);
}

/* ---- The moment of a copy ---- */

enum { MANY_ROWS = 30000 };

/* All rows of one generation, in one transaction. */
static void write_generation(posw_store *s, uint8_t generation) {
    uint8_t row[ROW_SIZE];
    memset(row, generation, sizeof row);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    for (unsigned i = 0; i < MANY_ROWS; i++) {
        const uint8_t key[4] = {1, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        assert_int_equal(s->ops->put(s, POSW_TABLE_HEADERS, key, sizeof key, row, sizeof row), POSW_OK);
    }
    assert_int_equal(s->ops->commit(s), POSW_OK);
}

typedef struct {
    posw_store_lmdb_copy copy;
    int fd, result;
} copier;

static void *copy_state(void *arg) {
    copier *c = arg;
    posw_message msg;
    c->result = posw_store_lmdb_copy_state(&c->copy, c->fd, &msg);
    close(c->fd);
    return NULL;
}

static size_t drain(int from, int to, size_t most) {
    uint8_t data[4096];
    size_t done = 0;
    for (ssize_t n; done < most && (n = read(from, data, sizeof data)) > 0; done += (size_t)n)
        assert_int_equal(write(to, data, (size_t)n), n);
    return done;
}

/* LMDB is stopped in the midst of copying, all rows are written anew several times, and then it goes on: the copy is of
 * one moment all the same. */
static void of_one_moment(void **state) {
    world *w = *state;
    copier c;
    pthread_t thread;
    int ends[2];
    write_generation(w->s, 1);
    write_generation(w->s, 2);
    assert_int_equal(posw_store_lmdb_copy_begin(w->s, &c.copy), POSW_OK);
    assert_int_equal(pipe(ends), 0);
    c.fd = ends[1];
    assert_int_equal(pthread_create(&thread, NULL, copy_state, &c), 0);
    assert_int_equal(posw_file_make_directories(path_of(w->target, "state"), 0700, NULL), POSW_OK);
    const int fd = open(path_of(w->target, "state/data.mdb"), O_WRONLY | O_CREAT, 0600);
    assert_true(drain(ends[0], fd, 1 << 20) >= 1 << 20);
    for (uint8_t g = 3; g < 9; g++)
        write_generation(w->s, g);
    assert_true(drain(ends[0], fd, SIZE_MAX) > MANY_ROWS * ROW_SIZE / 2);
    pthread_join(thread, NULL);
    close(ends[0]);
    close(fd);
    assert_int_equal(c.result, POSW_OK);
    posw_store_lmdb_copy_end(w->s);
    char from[TEMPORARY_SIZE + 32], to[TEMPORARY_SIZE + 32];
    snprintf(from, sizeof from, "%s/blocks", w->source);
    snprintf(to, sizeof to, "%s/blocks", w->target);
    w->s->ops->close(w->s);
    w->s = NULL;
    assert_int_equal(rename(from, to), 0);
    posw_message msg = {""};
    if (posw_lmdb_check(path_of(w->target, "state/data.mdb"), &msg) != POSW_OK) fail_msg("%s", msg.text);
    posw_store *copy = must_open(w->target, &small_files);
    for (unsigned i = 0; i < MANY_ROWS; i++) {
        const uint8_t key[4] = {1, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        posw_bytes v;
        assert_int_equal(copy->ops->get(copy, POSW_TABLE_HEADERS, key, sizeof key, &v), POSW_OK);
        assert_int_equal(v.size, ROW_SIZE);
        for (size_t j = 0; j < ROW_SIZE; j++)
            if (v.data[j] != 2) fail_msg("row %u has a byte of generation %u", i, v.data[j]);
    }
    assert_int_equal(check_whole(copy), w->grown);
    copy->ops->close(copy);
}

/* While there is a copy, nothing else replaces the environment, and no second one begins. */
static void one_at_a_time(void **state) {
    world *w = *state;
    posw_store_lmdb_copy copy, second;
    posw_message msg;
    bool trimmed = true;
    assert_int_equal(w->s->ops->begin(w->s), POSW_OK);
    assert_int_equal(posw_store_lmdb_copy_begin(w->s, &copy), POSW_EBUSY);
    w->s->ops->abort(w->s);
    assert_int_equal(posw_store_lmdb_copy_begin(w->s, &copy), POSW_OK);
    assert_int_equal(posw_store_lmdb_copy_begin(w->s, &second), POSW_EBUSY);
    assert_int_equal(posw_store_lmdb_trim_above(w->s, 0, &trimmed), POSW_OK);
    assert_false(trimmed);
    grow_to(w, w->grown + 3);
    assert_true(size_of(path_of(w->source, "state/lock.mdb")) >= 4096);
    posw_store_lmdb_numbers numbers;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    posw_store_lmdb_read_numbers(w->s, &numbers);
    assert_true(numbers.reader_age_us >= 20000);
    /* with a transaction open it ends, and the lock file goes later */
    assert_int_equal(w->s->ops->begin(w->s), POSW_OK);
    posw_store_lmdb_copy_end(w->s);
    assert_int_equal(w->s->ops->commit(w->s), POSW_OK);
    assert_int_equal(posw_store_lmdb_trim(w->s), POSW_OK);
    assert_int_equal(size_of(path_of(w->source, "state/lock.mdb")), -1);
    /* nor is a file overwritten that is there */
    assert_int_equal(posw_file_write(w->file, "x", 1, 0600, NULL), POSW_OK);
    assert_int_equal(snapshot(w, 0, &msg), POSW_EEXIST);
    assert_int_equal(size_of(w->file), 1);
}

/* A killed process leaves its lock file and half an archive. */
static void after_a_kill(void **state) {
    world *w = *state;
    posw_message msg = {""};
    unsigned n = 0;
    char partial[TEMPORARY_SIZE + 32];
    snprintf(partial, sizeof partial, "%s.partial", w->file);
    assert_int_equal(posw_file_write(path_of(w->source, "state/lock.mdb"), "rubbish", 7, 0600, NULL), POSW_OK);
    assert_int_equal(posw_file_write(partial, "half", 4, 0600, NULL), POSW_OK);
    assert_int_equal(posw_file_make_directories(path_of(w->target, "restore.partial/state"), 0700, NULL), POSW_OK);
    assert_int_equal(posw_file_write(path_of(w->target, "restore.partial/state/data.mdb"), "half", 4, 0600, NULL),
                     POSW_OK);
    if (snapshot(w, 5, &msg) != POSW_OK) fail_msg("%s", msg.text);
    assert_int_equal(size_of(partial), -1);
    if (unpack(w, &n, &msg) != POSW_OK) fail_msg("%s", msg.text);
    assert_in_range(n, 30, w->grown);
}

/* A node that is to stop does not wait for a large state to be copied. */
static void cancelled(void **state) {
    world *w = *state;
    posw_snapshot *snap;
    uint8_t *large = malloc(60000);
    memset(large, 7, 60000);
    for (unsigned t = 0; t < 8; t++) { /* 60 MB */
        assert_int_equal(w->s->ops->begin(w->s), POSW_OK);
        for (unsigned i = 0; i < 120; i++) {
            const uint8_t key[2] = {(uint8_t)(t + 1), (uint8_t)i};
            assert_int_equal(w->s->ops->put(w->s, POSW_TABLE_EPOCHS, key, sizeof key, large, 60000), POSW_OK);
        }
        assert_int_equal(w->s->ops->commit(w->s), POSW_OK);
    }
    free(large);
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    assert_int_equal(posw_snapshot_start(&snap, w->s, w->file, NULL), POSW_OK);
    const uint64_t begin_us = posw_clock_stopwatch_us();
    posw_snapshot_finish(snap, true);
    assert_true(posw_clock_stopwatch_us() - begin_us < 1000000);
    assert_int_equal(size_of(w->file), -1);
    grow_to(w, w->grown + 1);
    assert_int_equal(check_whole(w->s), w->grown);
}

/* ---- What is not unpacked ---- */

static void copy_file(const char *from, const char *to, off_t size) {
    posw_buf b = {0};
    assert_int_equal(posw_file_read(&b, from, 1 << 28, NULL), POSW_OK);
    assert_int_equal(posw_file_write(to, b.data, (size_t)size, 0600, NULL), POSW_OK);
    posw_buf_clear(&b);
}

static void nothing_is_left(const world *w) {
    assert_int_equal(size_of(path_of(w->target, "state")), -1);
    assert_int_equal(size_of(path_of(w->target, "blocks")), -1);
    assert_int_equal(size_of(path_of(w->target, "restore.partial")), -1);
}

static void damaged(void **state) {
    world *w = *state;
    posw_message msg = {""};
    unsigned n;
    char whole[TEMPORARY_SIZE + 32];
    if (snapshot(w, 0, &msg) != POSW_OK) fail_msg("%s", msg.text);
    snprintf(whole, sizeof whole, "%s/whole.tar", w->dir);
    const off_t size = size_of(w->file);
    copy_file(w->file, whole, size);
    /* a bit anywhere: contents (not the zeros behind them), heads, sums */
    for (off_t at = 0; at < size - 2 * POSW_TAR_BLOCK; at += size / 37 + 1) {
        copy_file(whole, w->file, size);
        flip(w->file, at, (unsigned)at % 8);
        const int code = unpack(w, &n, &msg);
        if (code == POSW_OK) { /* padding: nobody's */
            posw_store *again = must_open(w->target, &small_files);
            (void)check_whole(again);
            again->ops->close(again);
            temporary_remove(w->target);
            continue;
        }
        assert_true(code == POSW_EPARSE || code == POSW_ECHECKSUM);
        nothing_is_left(w);
    }
    /* cut anywhere */
    for (off_t at = 0; at < size - POSW_TAR_BLOCK; at += size / 11 + 1) {
        copy_file(whole, w->file, at);
        assert_int_equal(unpack(w, &n, &msg), POSW_EPARSE);
        assert_non_null(strstr(msg.text, "cut short"));
        nothing_is_left(w);
    }
}

/* An archive with these files, in this order. */
static void make_archive(const char *path, const char *const *names, size_t count) {
    posw_buf b = {0};
    for (size_t i = 0; i < count; i++) {
        uint8_t *at = posw_buf_extend(&b, 2 * POSW_TAR_BLOCK);
        memset(at, 0, 2 * POSW_TAR_BLOCK);
        posw_tar_head_encode(at, names[i], 5, 0);
        memcpy(at + POSW_TAR_BLOCK, "12345", 5);
    }
    memset(posw_buf_extend(&b, 2 * POSW_TAR_BLOCK), 0, 2 * POSW_TAR_BLOCK);
    assert_int_equal(posw_file_write(path, b.data, b.size, 0600, NULL), POSW_OK);
    posw_buf_clear(&b);
}

static void strange_archives(void **state) {
    world *w = *state;
    static const struct {
        const char *names[4];
        const char *words;
    } cases[] = {
        {{NULL}, "something is missing"},
        {{"state/data.mdb"}, "something is missing"},
        {{"SHA256SUMS"}, "something is missing"},
        {{"../../etc/passwd"}, "does not belong"},
        {{"/etc/passwd"}, "does not belong"},
        {{"state/../../x"}, "does not belong"},
        {{"state/data.mdb", "state/data.mdb"}, "does not belong"},
        {{"blocks/blk00001.dat"}, "something is missing"}, /* of a pruned node */
        {{"blocks/blk00001.dat", "blocks/blk00003.dat"}, "does not belong"},
        {{"blocks/blk00001.dat", "blocks/blk00000.dat"}, "does not belong"},
        {{"blocks/blk99999.dat", "blocks/blk100000.dat"}, "something is missing"},
        {{"blocks/blk100000.dat", "blocks/blk99999.dat"}, "does not belong"},
        {{"blocks/blk1.dat"}, "does not belong"},
        {{"blocks/blk000001.dat"}, "does not belong"},
        {{"blocks/blk-0001.dat"}, "does not belong"},
        {{"blocks/blk 0001.dat"}, "does not belong"},
        {{"blocks/blk00000.dat", "blocks/blk00000.dat"}, "does not belong"},
        {{"node.key"}, "does not belong"},
        {{"state/data.mdb", "SHA256SUMS", "blocks/blk00000.dat"}, "the head of a file"},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        posw_message msg = {""};
        unsigned n;
        size_t count = 0;
        while (count < 4 && cases[i].names[count] != NULL)
            count++;
        make_archive(w->file, cases[i].names, count);
        assert_int_equal(unpack(w, &n, &msg), POSW_EPARSE);
        if (strstr(msg.text, cases[i].words) == NULL) fail_msg("case %zu: %s", i, msg.text);
        nothing_is_left(w);
    }
    const char *const sums[] = {"state/data.mdb", "SHA256SUMS"};
    posw_message msg;
    unsigned n;
    make_archive(w->file, sums, 2);
    assert_int_equal(unpack(w, &n, &msg), POSW_ECHECKSUM);
}

/* ---- States that somebody made up ---- */

/* Where things stand in LMDB's meta page and in the heads of pages and nodes. */
enum {
    MAGIC_AT = 16,
    PAGE_SIZE_AT = 40,
    FREE_FLAGS_AT = 44,
    FREE_ROOT_AT = 80,
    DEPTH_AT = 94,
    ROOT_AT = 128,
    LAST_PAGE_AT = 136,
    TRANSACTION_AT = 144,
    FLAGS_AT = 10,
    LOWER_AT = 12,
    UPPER_AT = 14,
    NODES_AT = 16,
    NODE_FLAGS_AT = 4,
    KEY_SIZE_AT = 6,
    PAGE = 4096
};

typedef struct {
    posw_buf bytes;
    size_t meta, tables; /* the newest meta page; the leaf that names the tables */
    size_t branch, leaf; /* pages of a table */
    size_t row, big;     /* nodes of leaves: the first one of `leaf`; one whose data has pages of its own */
    size_t record;       /* of a table, behind its node's head and key */
} state_file;

static uint64_t number_at(const state_file *s, size_t at, size_t size) {
    uint64_t v = 0;
    memcpy(&v, s->bytes.data + at, size);
    return v;
}

static bool lmdb_takes(const world *w, const state_file *s) {
    posw_message msg = {""};
    char path[TEMPORARY_SIZE + 32];
    snprintf(path, sizeof path, "%s/made-up", w->dir);
    assert_int_equal(posw_file_write(path, s->bytes.data, s->bytes.size, 0600, NULL), POSW_OK);
    const int code = posw_lmdb_check(path, &msg);
    assert_true(code == POSW_OK || (code == POSW_ECORRUPT && msg.text[0] != '\0'));
    return code == POSW_OK;
}

/* A row with pages of its own, and a snapshot of the whole. */
static void make_state(world *w, state_file *s) {
    posw_message msg = {""};
    uint8_t *large = calloc(1, 3 * PAGE);
    assert_int_equal(w->s->ops->begin(w->s), POSW_OK);
    assert_int_equal(w->s->ops->put(w->s, POSW_TABLE_EPOCHS, "large", 5, large, 3 * PAGE), POSW_OK);
    assert_int_equal(w->s->ops->commit(w->s), POSW_OK);
    free(large);
    if (snapshot(w, 0, &msg) != POSW_OK) fail_msg("%s", msg.text);
    if (posw_snapshot_restore(w->file, w->target, &(posw_snapshot_restore_options){0}, &msg) != POSW_OK)
        fail_msg("%s", msg.text);
    assert_int_equal(posw_file_read(&s->bytes, path_of(w->target, "state/data.mdb"), 1 << 28, NULL), POSW_OK);
}

static void find_places(state_file *s) {
    s->meta = PAGE;
    s->tables = number_at(s, s->meta + ROOT_AT, 8) * PAGE;
    assert_int_equal(number_at(s, s->tables + FLAGS_AT, 2), 2);
    s->record = s->tables + number_at(s, s->tables + NODES_AT, 2);
    s->record += 8 + number_at(s, s->record + KEY_SIZE_AT, 2);
    for (size_t page = 2 * PAGE; page < s->bytes.size; page += PAGE) {
        if (number_at(s, page, 8) != page / PAGE || page == s->tables) continue; /* in the midst of a large row */
        if (number_at(s, page + FLAGS_AT, 2) == 1) s->branch = page;
        if (number_at(s, page + FLAGS_AT, 2) != 2) continue;
        const size_t node = page + number_at(s, page + NODES_AT, 2);
        if (number_at(s, node + NODE_FLAGS_AT, 2) == 1)
            s->big = node;
        else if (number_at(s, page + LOWER_AT, 2) > NODES_AT + 4)
            s->leaf = page;
    }
    assert_true(s->branch != 0 && s->leaf != 0 && s->big != 0);
    s->row = s->leaf + number_at(s, s->leaf + NODES_AT, 2);
}

/* One edit; each alone makes it a file that LMDB would misuse, or none of the form of a copy. */
static void made_up_states(void **state) {
    world *w = *state;
    state_file s = {0};
    make_state(w, &s);
    find_places(&s);
    const uint64_t first = number_at(&s, s.leaf + NODES_AT, 2),
                   child = s.branch + number_at(&s, s.branch + NODES_AT, 2),
                   data = s.big + 8 + number_at(&s, s.big + KEY_SIZE_AT, 2), large = number_at(&s, data, 8) * PAGE,
                   no_page = UINT64_MAX;
    const struct {
        const char *what;
        size_t at, size;
        uint64_t value;
    } edits[] = {
        {"magic", MAGIC_AT, 4, 1},
        {"no page size", PAGE_SIZE_AT, 4, 0},
        {"an odd page size", PAGE_SIZE_AT, 4, 4097},
        {"a huge page size", PAGE_SIZE_AT, 4, 1U << 31},
        {"the older meta page names tables", ROOT_AT, 8, 2},
        {"page sizes differ", s.meta + PAGE_SIZE_AT, 4, 8192},
        {"free pages with duplicates", s.meta + FREE_FLAGS_AT, 2, 12},
        {"free pages that are in use", s.meta + FREE_ROOT_AT, 8, s.leaf / PAGE},
        {"an older transaction", s.meta + TRANSACTION_AT, 8, 0},
        {"pages behind the end", s.meta + LAST_PAGE_AT, 8, s.bytes.size / PAGE},
        {"pages without end", s.meta + LAST_PAGE_AT, 8, no_page},
        {"tables in a meta page", s.meta + ROOT_AT, 8, 1},
        {"tables behind the end", s.meta + ROOT_AT, 8, s.bytes.size / PAGE},
        {"a depth that is none", s.meta + DEPTH_AT, 2, 0},
        {"a depth that is not so", s.meta + DEPTH_AT, 2, 2},
        {"a depth without end", s.meta + DEPTH_AT, 2, 40},
        {"a table with duplicates", s.record + 4, 2, 4},
        {"a table that is another's", s.record + 40, 8, s.tables / PAGE},
        {"a table's record is a row", s.tables + number_at(&s, s.tables + NODES_AT, 2) + NODE_FLAGS_AT, 2, 0},
        {"a table's record is short", s.tables + number_at(&s, s.tables + NODES_AT, 2), 2, 40},
        {"a page of another number", s.leaf, 8, 2},
        {"a dirty page", s.leaf + FLAGS_AT, 2, 0x12},
        {"a leaf that is a branch", s.leaf + FLAGS_AT, 2, 1},
        {"a branch that is a leaf", s.branch + FLAGS_AT, 2, 2},
        {"a branch that goes round", child, 2, s.branch / PAGE},
        {"a branch with one child", s.branch + LOWER_AT, 2, NODES_AT + 2},
        {"a leaf without rows", s.leaf + LOWER_AT, 2, NODES_AT},
        {"half a pointer", s.leaf + LOWER_AT, 2, NODES_AT + 3},
        {"pointers over the rows", s.leaf + LOWER_AT, 2, PAGE - 2},
        {"pointers over the page", s.leaf + LOWER_AT, 2, PAGE + 2},
        {"rows over the page", s.leaf + UPPER_AT, 2, 2 * PAGE},
        {"a gap below the rows", s.leaf + UPPER_AT, 2, number_at(&s, s.leaf + UPPER_AT, 2) - 2},
        {"a row behind the page", s.leaf + NODES_AT, 2, 0xfff0},
        {"a row across the page's end", s.leaf + NODES_AT, 2, PAGE - 8},
        {"a row in the page's head", s.leaf + NODES_AT, 2, 0},
        {"a row at an odd place", s.leaf + NODES_AT, 2, first + 1},
        {"two rows in one place", s.leaf + NODES_AT + 2, 2, first},
        {"a row with a huge key", s.row + KEY_SIZE_AT, 2, 0xffff},
        {"a row without a key", s.row + KEY_SIZE_AT, 2, 0},
        {"a row with huge data", s.row + 2, 2, 0x7fff},
        {"a row of duplicates", s.row + NODE_FLAGS_AT, 2, 4},
        {"a row that is a table", s.row + NODE_FLAGS_AT, 2, 2},
        {"large data in a meta page", data, 8, 0},
        {"large data in another's page", data, 8, s.leaf / PAGE},
        {"large data longer than its pages", s.big + 2, 2, 0x7fff},
        {"large data with pages of others", large + LOWER_AT, 2, 9},
        {"large data in a leaf", large + FLAGS_AT, 2, 2},
    };
    assert_true(lmdb_takes(w, &s));
    for (size_t i = 0; i < POSW_ARRAY_SIZE(edits); i++) {
        const uint64_t before = number_at(&s, edits[i].at, edits[i].size);
        assert_true(before != edits[i].value);
        memcpy(s.bytes.data + edits[i].at, &edits[i].value, edits[i].size);
        if (lmdb_takes(w, &s)) fail_msg("taken: %s", edits[i].what);
        memcpy(s.bytes.data + edits[i].at, &before, edits[i].size);
    }
    assert_true(lmdb_takes(w, &s));
    s.bytes.size -= PAGE;
    assert_false(lmdb_takes(w, &s));
    s.bytes.size = 100;
    assert_false(lmdb_takes(w, &s));
    posw_buf_clear(&s.bytes);
}

/* The sums are right, since who makes up the state makes them, too. */
static void a_made_up_state_with_its_sums(void **state) {
    world *w = *state;
    posw_message msg = {""};
    posw_buf b = {0};
    unsigned n;
    char name[POSW_TAR_NAME_SIZE], hex[65];
    uint8_t digest[32];
    uint64_t size, time_s;
    if (snapshot(w, 0, &msg) != POSW_OK) fail_msg("%s", msg.text);
    assert_int_equal(posw_file_read(&b, w->file, 1 << 28, NULL), POSW_OK);
    assert_true(posw_tar_head_decode(name, &size, &time_s, b.data));
    assert_string_equal(name, "state/data.mdb");
    uint8_t *file = b.data + POSW_TAR_BLOCK;
    file[2 * PAGE + NODES_AT] = 0xf0;
    file[2 * PAGE + NODES_AT + 1] = 0xff;
    posw_sha256(digest, file, size);
    posw_hex_encode(hex, digest, sizeof digest);
    uint8_t *line = memmem(b.data, b.size, "  state/data.mdb\n", 17);
    assert_non_null(line);
    memcpy(line - 64, hex, 64);
    assert_int_equal(posw_file_write(w->file, b.data, b.size, 0600, NULL), POSW_OK);
    assert_int_equal(unpack(w, &n, &msg), POSW_EPARSE);
    assert_non_null(strstr(msg.text, "not of the form that LMDB writes"));
    nothing_is_left(w);
    posw_buf_clear(&b);
}

static int refuse(void *arg, const char *dir, posw_message *msg) {
    (void)arg, (void)dir;
    return posw_message_set(msg, POSW_EMISMATCH, "another chain");
}

static int stop(void *arg, uint64_t done, uint64_t total) {
    (void)arg, (void)total;
    return done > 4096;
}

/* Something takes the state's place while the snapshot is checked. */
static int get_in_the_way(void *arg, const char *dir, posw_message *msg) {
    const world *w = arg;
    (void)dir;
    assert_int_equal(posw_file_make_directories(path_of(w->target, "state"), 0700, msg), POSW_OK);
    return posw_file_write(path_of(w->target, "state/x"), "x", 1, 0600, msg);
}

static void no_place_for_the_state(void **state) {
    world *w = *state;
    posw_message msg = {""};
    unsigned n;
    if (snapshot(w, 0, &msg) != POSW_OK) fail_msg("%s", msg.text);
    assert_int_not_equal(posw_snapshot_restore(w->file, w->target,
                                               &(posw_snapshot_restore_options){.check = get_in_the_way, .arg = w},
                                               &msg),
                         POSW_OK);
    assert_non_null(strstr(msg.text, "state"));
    temporary_remove(path_of(w->target, "state"));
    nothing_is_left(w);
    if (unpack(w, &n, &msg) != POSW_OK) fail_msg("%s", msg.text); /* and it can be tried again */
}

/* The archive of a pruned store begins with a later file, and what is unpacked is pruned as that is. Nothing goes while
 * it is made, and what was left over of an attempt that was killed goes whatever its number is. */
static void of_a_pruned_store(void **state) {
    world *w = *state;
    posw_message msg = {""};
    posw_store_log_info info, again;
    posw_buf out = {0};
    char name[TEMPORARY_SIZE + 64];
    for (unsigned log = 0; log < POSW_STORE_LOG_COUNT; log++) {
        assert_int_equal(w->s->ops->begin(w->s), POSW_OK);
        for (unsigned i = 0; i < 3 + log; i++)
            assert_int_equal(w->s->ops->drop_oldest(w->s, (enum posw_store_log)log), POSW_OK);
        assert_int_equal(w->s->ops->commit(w->s), POSW_OK);
    }
    w->s->ops->log_info(w->s, POSW_LOG_EXEC, &info);
    if (snapshot(w, 5, &msg) != POSW_OK) fail_msg("%s", msg.text);
    snprintf(name, sizeof name, "%s/restore.partial/blocks", w->target);
    assert_int_equal(posw_file_make_directories(name, 0700, NULL), POSW_OK);
    snprintf(name, sizeof name, "%s/restore.partial/blocks/exe00777.dat", w->target);
    assert_int_equal(posw_file_write(name, "half", 4, 0600, NULL), POSW_OK);
    if (posw_snapshot_restore(w->file, w->target, &(posw_snapshot_restore_options){0}, &msg) != POSW_OK)
        fail_msg("%s", msg.text);
    assert_int_equal(size_of(path_of(w->target, "blocks/blk00002.dat")), -1);
    assert_true(size_of(path_of(w->target, "blocks/blk00003.dat")) > 0);
    assert_int_equal(size_of(path_of(w->target, "restore.partial")), -1);
    posw_store *s = must_open(w->target, &small_files);
    assert_int_equal(posw_store_lmdb_check_logs(s, NULL, NULL), POSW_OK);
    assert_int_equal(s->ops->read(s, POSW_LOG_BLOCKS, 1, &out), POSW_EPRUNED);
    s->ops->log_info(s, POSW_LOG_EXEC, &again);
    assert_int_equal(again.oldest_end, info.oldest_end);
    s->ops->close(s);
}

static void places(void **state) {
    world *w = *state;
    posw_message msg = {""};
    unsigned n;
    if (snapshot(w, 0, &msg) != POSW_OK) fail_msg("%s", msg.text);
    assert_int_equal(posw_snapshot_restore(w->file, w->target, &(posw_snapshot_restore_options){.check = refuse}, &msg),
                     POSW_EMISMATCH);
    nothing_is_left(w);
    assert_int_equal(
        posw_snapshot_restore(w->file, w->target, &(posw_snapshot_restore_options){.progress = stop}, &msg),
        POSW_ECANCELED);
    nothing_is_left(w);
    assert_int_equal(posw_snapshot_restore(w->dir, w->target, &(posw_snapshot_restore_options){0}, &msg), POSW_EPARSE);
    char too_long[PATH_MAX];
    memset(too_long, 'x', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    const int stdin_before = fcntl(STDIN_FILENO, F_GETFD);
    assert_int_equal(posw_snapshot_restore(w->file, too_long, &(posw_snapshot_restore_options){0}, &msg), POSW_EINVAL);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), stdin_before); /* nothing was opened, nothing is closed */
    assert_int_equal(posw_snapshot_restore("/nowhere", w->target, &(posw_snapshot_restore_options){0}, &msg),
                     POSW_ENOTFOUND);
    assert_int_equal(posw_snapshot_restore(w->file, w->source, &(posw_snapshot_restore_options){0}, &msg), POSW_EBUSY);
    w->s->ops->close(w->s);
    w->s = NULL;
    assert_int_equal(posw_snapshot_restore(w->file, w->source, &(posw_snapshot_restore_options){0}, &msg), POSW_EEXIST);
    assert_non_null(strstr(msg.text, "holds a chain already"));
    /* a key that is there stays, and empty folders are no chain */
    assert_int_equal(posw_file_make_directories(path_of(w->target, "state"), 0700, NULL), POSW_OK);
    assert_int_equal(posw_file_write(path_of(w->target, "node.key"), "k", 1, 0600, NULL), POSW_OK);
    if (unpack(w, &n, &msg) != POSW_OK) fail_msg("%s", msg.text);
    assert_int_equal(size_of(path_of(w->target, "node.key")), 1);
    assert_int_equal(n, 30);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),
        TEST(while_the_store_goes_on),
        TEST(of_one_moment),
        TEST(one_at_a_time),
        TEST(after_a_kill),
        TEST(cancelled),
        TEST(damaged),
        TEST(strange_archives),
        TEST(made_up_states),
        TEST(a_made_up_state_with_its_sums),
        TEST(of_a_pruned_store),
        TEST(places),
        TEST(no_place_for_the_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
