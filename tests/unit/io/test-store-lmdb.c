/* The store on disk: its life, and what it finds wrong at open. That it obeys the store's rules is in
 * store/test-conformance.c, a disk that fails or is full in io/test-store-disk.c, and dying at every system call in
 * io/test-store-crash.c. */
#include "io/lmdb_helpers.h"

#include "base/bytes.h"
#include "io/file.h"

static const posw_hash other_genesis = {{0xcd, 2}};

enum { RECORDS = 12, RECORD_SIZE = 90 };

/* Twelve records in each log, in four files each; the store is closed again. */
static void make_store(const char *datadir, posw_store_pos pos[RECORDS]) {
    posw_store *s = must_open(datadir, &small_files);
    for (uint8_t i = 0; i < RECORDS; i++) {
        uint8_t data[RECORD_SIZE];
        posw_store_pos exec;
        memset(data, i, sizeof data);
        assert_int_equal(s->ops->begin(s), POSW_OK);
        assert_int_equal(s->ops->append(s, POSW_LOG_BLOCKS, data, sizeof data, &pos[i]), POSW_OK);
        assert_int_equal(s->ops->append(s, POSW_LOG_EXEC, data, sizeof data, &exec), POSW_OK);
        assert_int_equal(put_text(s, "tip", "value"), POSW_OK);
        assert_int_equal(s->ops->commit(s), POSW_OK);
    }
    s->ops->close(s);
}

static void assert_records(posw_store *s, const posw_store_pos pos[RECORDS]) {
    for (uint8_t i = 0; i < RECORDS; i++) {
        posw_buf out = {0};
        assert_int_equal(s->ops->read(s, POSW_LOG_BLOCKS, pos[i], &out), POSW_OK);
        assert_int_equal(out.size, RECORD_SIZE);
        assert_int_equal(out.data[0], i);
        posw_buf_clear(&out);
    }
}

static int count_progress(void *arg, uint64_t done, uint64_t total) {
    uint64_t *seen = arg;
    assert_true(done > seen[0] && done <= total);
    seen[0] = done;
    seen[1] = total;
    return seen[2] != 0 && done >= seen[2] ? 42 : 0;
}

/* --- life --- */

static void test_reopen(void **state) {
    char dir[TEMPORARY_SIZE], deep[TEMPORARY_SIZE + 16];
    struct stat st;
    posw_store_pos pos[RECORDS];
    (void)state;
    temporary_make(dir);
    snprintf(deep, sizeof deep, "%s/a/b", dir);
    make_store(deep, pos);
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(path_of(deep, "state/data.mdb"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(size_of(path_of(deep, "blocks/blk00003.dat")) > 0 && size_of(path_of(deep, "blocks/blk00004.dat")) < 0);
    posw_store *s = must_open(deep, &small_files);
    assert_records(s, pos);
    assert_text(s, "tip", "value");
    uint64_t seen[3] = {0, 0, 0}, used, limit;
    assert_int_equal(posw_store_lmdb_check_logs(s, count_progress, seen), POSW_OK);
    assert_true(seen[0] >= 2 * RECORDS * RECORD_SIZE && seen[0] <= seen[1]);
    memset(seen, 0, sizeof seen);
    seen[2] = 500;
    assert_int_equal(posw_store_lmdb_check_logs(s, count_progress, seen), 42);
    s->ops->usage(s, &used, &limit);
    assert_true(used > 2 * RECORDS * RECORD_SIZE && limit > used);
    s->ops->close(s);
    temporary_remove(dir);
}

static void test_trim(void **state) {
    char dir[TEMPORARY_SIZE];
    posw_store_pos pos[RECORDS];
    (void)state;
    temporary_make(dir);
    make_store(dir, pos);
    posw_store *s = must_open(dir, &small_files);
    for (int i = 0; i < 3; i++) {
        assert_text(s, "tip", "value");
        assert_int_equal(posw_store_lmdb_trim(s), POSW_OK);
        assert_text(s, "tip", "value");
        assert_int_equal(s->ops->begin(s), POSW_OK);
        assert_int_equal(put_text(s, "more", i % 2 == 0 ? "even" : "odd"), POSW_OK);
        assert_int_equal(s->ops->commit(s), POSW_OK);
    }
    assert_int_equal(posw_store_lmdb_trim(s), POSW_OK);
    bool trimmed = true;
    assert_int_equal(posw_store_lmdb_trim_above(s, UINT64_MAX, &trimmed), POSW_OK);
    assert_false(trimmed); /* not so much */
    assert_int_equal(s->ops->begin(s), POSW_OK);
    assert_int_equal(put_text(s, "open", "yes"), POSW_OK);
    assert_int_equal(posw_store_lmdb_trim_above(s, 0, &trimmed), POSW_OK);
    assert_false(trimmed); /* not now */
    assert_int_equal(s->ops->commit(s), POSW_OK);
    assert_int_equal(posw_store_lmdb_trim_above(s, 0, &trimmed), POSW_OK);
    assert_true(trimmed);
    assert_text(s, "open", "yes");
    assert_text(s, "more", "even");
    assert_records(s, pos);
    s->ops->close(s);
    temporary_remove(dir);
}

/* --- what is refused at open --- */

static void test_lock(void **state) {
    char dir[TEMPORARY_SIZE], words[64];
    int ready[2];
    char byte;
    (void)state;
    temporary_make(dir);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        posw_store *s;
        bool ok = open_with(&s, dir, NULL, NULL) == POSW_OK && write(ready[1], "x", 1) == 1;
        for (; ok;)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    snprintf(words, sizeof words, "is in use by process %ld", (long)child);
    must_refuse(dir, POSW_EBUSY, words);
    must_refuse(dir, POSW_EBUSY, dir);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    posw_store *s = must_open(dir, NULL); /* nothing to clean up by hand */
    snprintf(words, sizeof words, "process %ld", (long)getpid());
    must_refuse(dir, POSW_EBUSY, words);
    assert_int_equal(unlink(path_of(dir, "LOCK")), 0); /* by somebody who took it for one that was left behind */
    must_refuse(dir, POSW_EBUSY, "whose lock file was removed");
    must_refuse(dir, POSW_EBUSY, dir);
    s->ops->close(s);
    s = must_open(dir, NULL);
    s->ops->close(s);
    close(ready[0]);
    close(ready[1]);
    temporary_remove(dir);
}

static void test_other_chain(void **state) {
    char dir[TEMPORARY_SIZE];
    posw_store *s;
    posw_message msg = {0};
    (void)state;
    temporary_make(dir);
    s = must_open(dir, NULL);
    s->ops->close(s);
    s = NULL;
    assert_int_equal(posw_store_lmdb_open(&s, dir, &other_genesis, NULL, &msg), POSW_EMISMATCH);
    assert_null(s);
    assert_non_null(strstr(msg.text, "0xab01000000"));
    assert_non_null(strstr(msg.text, "0xcd02000000"));
    assert_non_null(strstr(msg.text, dir));
    s = must_open(dir, NULL);
    s->ops->close(s);
    temporary_remove(dir);
}

static void put_meta(const char *datadir, const char *key, const void *value, size_t size) {
    posw_store *s = must_open(datadir, &small_files);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    if (value != NULL)
        assert_int_equal(s->ops->put(s, POSW_TABLE_META, key, strlen(key), value, size), POSW_OK);
    else
        assert_int_equal(s->ops->del(s, POSW_TABLE_META, key, strlen(key)), POSW_OK);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    s->ops->close(s);
}

static void test_format(void **state) {
    static const struct {
        const char *key;
        uint8_t value[4];
        size_t size; /* 0: the row is removed */
        int code;
        const char *words;
    } cases[] = {
        {"format", {0, 0, 0, POSW_STORE_LMDB_FORMAT + 1}, 4, POSW_EUNSUPPORTED, "has format 3, this program knows 2"},
        {"format", {0, 0, 0, 0}, 4, POSW_ECORRUPT, "no valid format"},
        {"format", {0, 0, 1}, 3, POSW_ECORRUPT, "no valid format"},
        {"format", {0}, 0, POSW_ECORRUPT, "lacks its row 'format'"},
        {"chain", {0}, 0, POSW_ECORRUPT, "lacks its row 'chain'"},
        {"chain", {1, 2, 3}, 3, POSW_ECORRUPT, "no valid chain"},
        {"end.exec", {0}, 0, POSW_ECORRUPT, "lacks its row 'end.exec'"},
        {"end.blocks", {1, 2, 3}, 3, POSW_ECORRUPT, "no valid row 'end.blocks'"},
        {"start.exec", {1, 2, 3}, 3, POSW_ECORRUPT, "no valid row 'start.exec'"},
        {"start.blocks", {0, 0, 0, 1}, 4, POSW_ECORRUPT, "no valid row 'start.blocks'"}, /* behind the end */
    };
    (void)state;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        char dir[TEMPORARY_SIZE];
        temporary_make(dir);
        put_meta(dir, cases[i].key, cases[i].size > 0 ? cases[i].value : NULL, cases[i].size);
        must_refuse(dir, cases[i].code, cases[i].words);
        temporary_remove(dir);
    }
}

static void test_end_codec(void **state) {
    posw_body_end end = {3, 500, 400}, got;
    uint8_t bytes[POSW_BODY_END_SIZE];
    static const posw_body_end bad[] = {
        {0, 0, 1},           {1, 0, 0}, {0, 24, 0}, {0, 100, 76}, {0, 100, 200}, {POSW_BODY_FILE_MAX + 1, 100, 0},
        {0, 0x80000000u, 0},
    };
    (void)state;
    posw_body_end_encode(bytes, &end);
    assert_true(posw_body_end_decode(&got, bytes, sizeof bytes));
    assert_memory_equal(&got, &end, sizeof end);
    assert_false(posw_body_end_decode(&got, bytes, sizeof bytes - 1));
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        posw_body_end_encode(bytes, &bad[i]);
        assert_false(posw_body_end_decode(&got, bytes, sizeof bytes));
    }
}

/* --- damage --- */

static void test_tail(void **state) {
    char dir[TEMPORARY_SIZE];
    posw_store_pos pos[RECORDS], fresh;
    (void)state;
    temporary_make(dir);
    make_store(dir, pos);
    off_t end = size_of(path_of(dir, "blocks/blk00003.dat"));
    assert_true(end > 0);
    /* longer: cut, with the files behind it */
    assert_int_equal(truncate(path_of(dir, "blocks/blk00003.dat"), end + 1000), 0);
    for (int i = 4; i < 7; i++) {
        char name[32];
        snprintf(name, sizeof name, "blocks/blk0000%d.dat", i);
        assert_int_equal(posw_file_write(path_of(dir, name), "garbage", 7, 0600, NULL), POSW_OK);
    }
    posw_store *s = must_open(dir, &small_files);
    assert_int_equal(size_of(path_of(dir, "blocks/blk00003.dat")), end);
    assert_int_equal(size_of(path_of(dir, "blocks/blk00004.dat")), -1);
    assert_int_equal(size_of(path_of(dir, "blocks/blk00006.dat")), -1);
    assert_records(s, pos);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    assert_int_equal(s->ops->append(s, POSW_LOG_BLOCKS, "new", 3, &fresh), POSW_OK);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    s->ops->close(s);
    /* shorter, by any number of bytes: refused, and not made worse */
    end = size_of(path_of(dir, "blocks/blk00003.dat"));
    posw_buf kept = {0};
    assert_int_equal(posw_file_read(&kept, path_of(dir, "blocks/blk00003.dat"), SMALL_FILE, NULL), POSW_OK);
    int fd = open(path_of(dir, "blocks/blk00003.dat"), O_RDWR);
    for (off_t size = end - 1; size >= 0; size--) {
        assert_int_equal(ftruncate(fd, size), 0);
        must_refuse(dir, POSW_ECORRUPT, "blocks/blk00003.dat");
        assert_int_equal(size_of(path_of(dir, "blocks/blk00003.dat")), size);
    }
    assert_int_equal(pwrite(fd, kept.data, kept.size, 0), end);
    close(fd);
    posw_buf_clear(&kept);
    s = must_open(dir, &small_files);
    assert_records(s, pos);
    s->ops->close(s);
    temporary_remove(dir);
}

static void test_missing_files(void **state) {
    static const char *const names[] = {"blocks/blk00000.dat", "blocks/blk00002.dat", "blocks/blk00003.dat",
                                        "blocks/exe00001.dat"};
    (void)state;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(names); i++) {
        char dir[TEMPORARY_SIZE];
        posw_store_pos pos[RECORDS];
        temporary_make(dir);
        make_store(dir, pos);
        assert_int_equal(unlink(path_of(dir, names[i])), 0);
        must_refuse(dir, POSW_ECORRUPT, names[i]);
        must_refuse(dir, POSW_ECORRUPT, "is missing");
        temporary_remove(dir);
    }
}

/* --- giving up the oldest --- */

static void drop_files(posw_store *s, enum posw_store_log log, unsigned count) {
    assert_int_equal(s->ops->begin(s), POSW_OK);
    while (count-- > 0)
        assert_int_equal(s->ops->drop_oldest(s, log), POSW_OK);
}

/* Records 0 to 2 lie in the first of four files, and so on. */
static void assert_dropped(posw_store *s, const posw_store_pos pos[RECORDS], size_t dropped) {
    for (size_t i = 0; i < RECORDS; i++) {
        posw_buf out = {0};
        assert_int_equal(s->ops->read(s, POSW_LOG_BLOCKS, pos[i], &out), i < dropped ? POSW_EPRUNED : POSW_OK);
        posw_buf_clear(&out);
    }
}

static bool is_there(const char *dir, const char *name) {
    return size_of(path_of(dir, name)) >= 0;
}

static void test_drop(void **state) {
    char dir[TEMPORARY_SIZE];
    posw_store_pos pos[RECORDS];
    posw_store_log_info info;
    posw_store_lmdb_copy copy;
    uint64_t seen[3] = {0, 0, 0}, used, limit;
    (void)state;
    temporary_make(dir);
    make_store(dir, pos);
    posw_store *s = must_open(dir, &small_files);
    s->ops->log_info(s, POSW_LOG_BLOCKS, &info);
    assert_int_equal(info.oldest_bytes, size_of(path_of(dir, "blocks/blk00000.dat")));
    assert_true(info.oldest_end > pos[2] && info.oldest_end <= pos[3]);
    /* taken back */
    drop_files(s, POSW_LOG_BLOCKS, 2);
    assert_dropped(s, pos, 6);
    s->ops->abort(s);
    assert_dropped(s, pos, 0);
    /* for good; the other log is as it was */
    drop_files(s, POSW_LOG_BLOCKS, 1);
    assert_true(is_there(dir, "blocks/blk00000.dat")); /* until it is committed */
    assert_int_equal(s->ops->commit(s), POSW_OK);
    assert_false(is_there(dir, "blocks/blk00000.dat"));
    assert_true(is_there(dir, "blocks/blk00001.dat") && is_there(dir, "blocks/exe00000.dat"));
    assert_dropped(s, pos, 3);
    s->ops->usage(s, &used, &limit);
    const uint64_t before = used;
    /* nothing goes while a copy is made */
    assert_int_equal(posw_store_lmdb_copy_begin(s, &copy), POSW_OK);
    s->ops->log_info(s, POSW_LOG_BLOCKS, &info);
    assert_int_equal(info.oldest_bytes, 0);
    posw_store_lmdb_copy_end(s);
    /* up to the file that is written, which never goes */
    s->ops->log_info(s, POSW_LOG_BLOCKS, &info);
    const uint64_t file = info.oldest_bytes;
    drop_files(s, POSW_LOG_BLOCKS, 2);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    s->ops->usage(s, &used, &limit);
    assert_int_equal(before - used, 2 * file);
    s->ops->log_info(s, POSW_LOG_BLOCKS, &info);
    assert_int_equal(info.oldest_bytes, 0);
    s->ops->close(s);
    s = must_open(dir, &small_files);
    assert_dropped(s, pos, 9);
    assert_int_equal(posw_store_lmdb_check_logs(s, count_progress, seen), POSW_OK);
    assert_int_equal(seen[0] + POSW_BODY_HEADER_SIZE * 3, seen[1]); /* but the seals of the other log */
    s->ops->close(s);
    temporary_remove(dir);
}

/* What a crash, or a disk that did not let go of it, left behind goes at the next open; other names stay. */
static void test_dropped_files_that_stayed(void **state) {
    static const char *const stale[] = {"blocks/blk00000.dat", "blocks/blk00001.dat"};
    static const char *const other[] = {"blocks/blk0.dat", "blocks/blk00000.dat~", "blocks/abc00000.dat"};
    char dir[TEMPORARY_SIZE];
    posw_store_pos pos[RECORDS];
    (void)state;
    temporary_make(dir);
    make_store(dir, pos);
    posw_store *s = must_open(dir, &small_files);
    drop_files(s, POSW_LOG_BLOCKS, 2);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    s->ops->close(s);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(stale); i++)
        assert_int_equal(posw_file_write(path_of(dir, stale[i]), "old", 3, 0600, NULL), POSW_OK);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(other); i++)
        assert_int_equal(posw_file_write(path_of(dir, other[i]), "own", 3, 0600, NULL), POSW_OK);
    s = must_open(dir, &small_files);
    assert_dropped(s, pos, 6);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(stale); i++)
        assert_false(is_there(dir, stale[i]));
    for (size_t i = 0; i < POSW_ARRAY_SIZE(other); i++)
        assert_true(is_there(dir, other[i]));
    s->ops->close(s);
    /* a file that should be there is missed */
    assert_int_equal(unlink(path_of(dir, "blocks/blk00002.dat")), 0);
    must_refuse(dir, POSW_ECORRUPT, "blocks/blk00002.dat is missing");
    /* and without a state nothing is begun anew on what is left */
    assert_int_equal(unlink(path_of(dir, "state/data.mdb")), 0);
    must_refuse(dir, POSW_ECORRUPT, "state is missing");
    temporary_remove(dir);
}

static posw_body_files *open_log(const char *dir, uint32_t first, const posw_body_end *end) {
    posw_body_files *b = NULL;
    posw_message msg = {0};
    const posw_body_options o = {
        .directory = dir, .prefix = "blk", .genesis = genesis, .file_size_max = SMALL_FILE, .first = first};
    if (posw_body_files_open(&b, &o, end, &msg) != POSW_OK) fail_msg("%s", msg.text);
    return b;
}

/* A node that prunes makes small files: their numbers come beyond five digits within months, and all goes on. */
static void test_many_files(void **state) {
    enum { FIRST = 99998, COUNT = 30 };
    char dir[TEMPORARY_SIZE];
    uint64_t pos[COUNT];
    uint8_t data[RECORD_SIZE] = {0}, encoded[POSW_BODY_END_SIZE];
    posw_body_end end = {.file = FIRST};
    posw_buf out = {0};
    (void)state;
    temporary_make(dir);
    posw_body_files *b = open_log(dir, FIRST, &end);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(posw_body_files_append(b, data, sizeof data, &pos[i], NULL), POSW_OK);
    assert_int_equal(posw_body_files_sync(b, NULL), POSW_OK);
    posw_body_files_commit(b);
    end = posw_body_files_end(b);
    posw_body_files_close(b);
    assert_true(end.file > 100003);
    posw_body_end_encode(encoded, &end);
    assert_true(posw_body_end_decode(&end, encoded, sizeof encoded));
    b = open_log(dir, FIRST, &end);
    assert_int_equal(posw_body_files_check(b, NULL, NULL, NULL), POSW_OK);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(posw_body_files_read(b, pos[i], &out, NULL), POSW_OK);
    posw_buf_clear(&out);
    posw_body_files_close(b);
    b = open_log(dir, 100002, &end); /* which removes what is before */
    posw_body_files_close(b);
    assert_int_equal(size_of(path_of(dir, "blk99999.dat")), -1);
    assert_int_equal(size_of(path_of(dir, "blk100001.dat")), -1);
    assert_true(size_of(path_of(dir, "blk100002.dat")) > 0);
    temporary_remove(dir);
}

/* A directory of before is read, and becomes one that programs of before refuse with the first file that goes. */
static void test_drop_changes_the_format(void **state) {
    char dir[TEMPORARY_SIZE];
    posw_store_pos pos[RECORDS];
    posw_bytes value;
    (void)state;
    temporary_make(dir);
    make_store(dir, pos);
    posw_store *s = must_open(dir, &small_files);
    assert_int_equal(s->ops->get(s, POSW_TABLE_META, "format", 6, &value), POSW_OK);
    assert_int_equal(value.data[3], POSW_STORE_LMDB_FORMAT_WHOLE);
    drop_files(s, POSW_LOG_EXEC, 1);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    assert_int_equal(s->ops->get(s, POSW_TABLE_META, "format", 6, &value), POSW_OK);
    assert_int_equal(value.data[3], POSW_STORE_LMDB_FORMAT);
    s->ops->close(s);
    temporary_remove(dir);
}

/* Blocks without their state are kept. */
static void test_missing_state(void **state) {
    char dir[TEMPORARY_SIZE];
    posw_store_pos pos[RECORDS];
    (void)state;
    temporary_make(dir);
    make_store(dir, pos);
    off_t size = size_of(path_of(dir, "blocks/blk00000.dat"));
    assert_int_equal(unlink(path_of(dir, "state/data.mdb")), 0);
    must_refuse(dir, POSW_ECORRUPT, "state is missing");
    assert_int_equal(rmdir(path_of(dir, "state")), 0);
    must_refuse(dir, POSW_ECORRUPT, "state is missing");
    assert_int_equal(size_of(path_of(dir, "blocks/blk00000.dat")), size);
    temporary_remove(dir);
}

/* Opens and reads all; true if something was found wrong, and then with the right code. */
static bool finds_damage(const char *dir, const posw_store_pos pos[RECORDS]) {
    posw_store *s = NULL;
    posw_message msg = {0};
    int code = open_with(&s, dir, &small_files, &msg);
    if (code != POSW_OK) {
        assert_int_equal(code, POSW_ECORRUPT);
        assert_non_null(strstr(msg.text, "blocks/blk0000"));
        return true;
    }
    int worst = POSW_OK;
    for (size_t i = 0; i < RECORDS; i++) {
        posw_buf out = {0};
        code = s->ops->read(s, POSW_LOG_BLOCKS, pos[i], &out);
        if (code != POSW_OK) {
            assert_int_equal(code, POSW_ECORRUPT);
            assert_int_equal(out.size, 0);
            assert_non_null(strstr(posw_store_lmdb_last_message(s)->text, "blocks/blk0000"));
            worst = code;
        }
        posw_buf_clear(&out);
    }
    assert_int_equal(posw_store_lmdb_check_logs(s, NULL, NULL), worst);
    s->ops->close(s);
    return worst != POSW_OK;
}

/* Each byte of every file in turn, one bit of it. */
static void test_bit_flips(void **state) {
    char dir[TEMPORARY_SIZE];
    posw_store_pos pos[RECORDS];
    (void)state;
    temporary_make_fast(dir);
    make_store(dir, pos);
    assert_false(finds_damage(dir, pos));
    for (int file = 0; file < 4; file++) {
        char name[32];
        snprintf(name, sizeof name, "blocks/blk0000%d.dat", file);
        off_t size = size_of(path_of(dir, name));
        for (off_t at = 0; at < size; at++) {
            flip(path_of(dir, name), at, (unsigned)at % 8);
            if (!finds_damage(dir, pos)) fail_msg("%s: byte %ld", name, (long)at);
            flip(path_of(dir, name), at, (unsigned)at % 8);
        }
    }
    assert_false(finds_damage(dir, pos));
    temporary_remove(dir);
}

/* Two whole files exchanged, and a file of another chain: every record is sound, but not at its place. */
static void test_exchanged_files(void **state) {
    char dir[TEMPORARY_SIZE], a[TEMPORARY_SIZE + 32], b[TEMPORARY_SIZE + 32], c[TEMPORARY_SIZE + 32];
    posw_store_pos pos[RECORDS];
    (void)state;
    temporary_make(dir);
    make_store(dir, pos);
    snprintf(a, sizeof a, "%s/blocks/blk00001.dat", dir);
    snprintf(b, sizeof b, "%s/blocks/exe00001.dat", dir);
    snprintf(c, sizeof c, "%s/blocks/other", dir);
    assert_int_equal(rename(a, c), 0);
    assert_int_equal(rename(b, a), 0);
    assert_int_equal(rename(c, b), 0);
    must_refuse(dir, POSW_ECORRUPT, "blocks/blk00001.dat");
    temporary_remove(dir);
}

/* A state file that was cut to any number of pages, or is no LMDB file, is an error and never a SIGBUS. */
static void test_state_cut(void **state) {
    char dir[TEMPORARY_SIZE];
    posw_store_pos pos[RECORDS];
    (void)state;
    temporary_make(dir);
    make_store(dir, pos);
    posw_buf whole = {0};
    const char *path = path_of(dir, "state/data.mdb");
    assert_int_equal(posw_file_read(&whole, path, 1 << 24, NULL), POSW_OK);
    for (size_t size = whole.size - 1; size > 0; size -= size % 4096 == 0 ? 1 : size % 4096) {
        int fd = open(path, O_RDWR);
        assert_int_equal(ftruncate(fd, (off_t)size), 0);
        close(fd);
        must_refuse(dir, POSW_ECORRUPT, "state");
        assert_int_equal(posw_file_write(path_of(dir, "state/data.mdb"), whole.data, whole.size, 0600, NULL), POSW_OK);
    }
    memset(whole.data, 'x', whole.size);
    assert_int_equal(posw_file_write(path_of(dir, "state/data.mdb"), whole.data, whole.size, 0600, NULL), POSW_OK);
    must_refuse(dir, POSW_ECORRUPT, "state");
    posw_buf_clear(&whole);
    temporary_remove(dir);
}

/* Each bit of the transaction numbers by which LMDB takes the newer of its two meta pages. A number that goes up or
 * down by two looks like another sound one; all others are noticed before the records of the newest state are cut as a
 * tail. */
static void test_state_metas(void **state) {
    enum { NUMBER = 16 + 4 + 4 + 8 + 8 + 2 * 48 + 8 };
    char dir[TEMPORARY_SIZE];
    posw_store_pos pos[RECORDS];
    (void)state;
    if (sizeof(size_t) != 8) skip();
    temporary_make_fast(dir);
    make_store(dir, pos);
    const off_t end = size_of(path_of(dir, "blocks/blk00003.dat"));
    unsigned unnoticed = 0;
    for (off_t bit = 0; bit < 128; bit++) {
        const off_t at = (bit / 64) * 4096 + NUMBER + bit % 64 / 8;
        posw_store *s = NULL;
        posw_message msg = {0};
        if (bit % 64 == 1) continue;
        flip(path_of(dir, "state/data.mdb"), at, (unsigned)bit % 8);
        const int code = open_with(&s, dir, &small_files, &msg);
        if (code != POSW_ECORRUPT || strstr(msg.text, "damaged first page") == NULL) unnoticed++;
        if (s != NULL) s->ops->close(s);
        flip(path_of(dir, "state/data.mdb"), at, (unsigned)bit % 8);
    }
    assert_int_equal(unnoticed, 0);
    assert_int_equal(size_of(path_of(dir, "blocks/blk00003.dat")), end);
    posw_store *s = must_open(dir, &small_files);
    assert_records(s, pos);
    s->ops->close(s);
    assert_int_equal(truncate(path_of(dir, "state/data.mdb"), 0), 0);
    must_refuse(dir, POSW_ECORRUPT, "data.mdb is empty");
    assert_int_equal(size_of(path_of(dir, "state/data.mdb")), 0);
    temporary_remove(dir);
}

/* Pages that a transaction allocates and frees again are never written: such a file is short, and sound. */
static void test_state_rightly_short(void **state) {
    char dir[TEMPORARY_SIZE];
    static const uint8_t big[60000];
    (void)state;
    temporary_make(dir);
    posw_store *s = must_open(dir, &small_files);
    for (int i = 0; i < 6; i++) { /* some pages must be free before */
        assert_int_equal(s->ops->begin(s), POSW_OK);
        assert_int_equal(put_text(s, "k", "v"), POSW_OK);
        if (i < 5) assert_int_equal(s->ops->commit(s), POSW_OK);
    }
    assert_int_equal(s->ops->put(s, POSW_TABLE_EPOCHS, "a", 1, big, sizeof big), POSW_OK);
    assert_int_equal(s->ops->put(s, POSW_TABLE_EPOCHS, "b", 1, big, sizeof big), POSW_OK);
    assert_int_equal(s->ops->del(s, POSW_TABLE_EPOCHS, "b", 1), POSW_OK);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    uint64_t used, limit;
    s->ops->usage(s, &used, &limit);
    s->ops->close(s);
    if ((uint64_t)size_of(path_of(dir, "state/data.mdb")) >= used)
        fail_msg("the file is not short: the test tests nothing");
    s = must_open(dir, &small_files);
    posw_bytes got;
    assert_int_equal(s->ops->get(s, POSW_TABLE_EPOCHS, "a", 1, &got), POSW_OK);
    assert_int_equal(got.size, sizeof big);
    assert_int_equal(s->ops->get(s, POSW_TABLE_EPOCHS, "b", 1, &got), POSW_ENOTFOUND);
    s->ops->close(s);
    temporary_remove(dir);
}

/* --- paths --- */

static void test_bad_paths(void **state) {
    char dir[TEMPORARY_SIZE], file[TEMPORARY_SIZE + 16];
    posw_store *s = NULL;
    posw_message msg = {0};
    (void)state;
    temporary_make(dir);
    snprintf(file, sizeof file, "%s/file", dir);
    assert_int_equal(posw_file_write(file, "x", 1, 0600, NULL), POSW_OK);
    assert_int_equal(open_with(&s, file, NULL, &msg), POSW_EEXIST);
    assert_non_null(strstr(msg.text, "in the way"));
    char *long_path = malloc(10001);
    assert_non_null(long_path);
    memset(long_path, 'a', 10000);
    long_path[10000] = '\0';
    assert_int_equal(open_with(&s, long_path, NULL, &msg), POSW_EINVAL);
    free(long_path);
    assert_int_equal(posw_file_make_directories(path_of(dir, "x/state/something"), 0700, NULL), POSW_OK);
    snprintf(file, sizeof file, "%s/x", dir);
    assert_int_equal(open_with(&s, file, NULL, &msg), POSW_EIO); /* somebody else's directory named state */
    assert_null(s);
    temporary_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_other_chain),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_end_codec),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_missing_files),
        cmocka_unit_test(test_missing_state),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_dropped_files_that_stayed),
        cmocka_unit_test(test_many_files),
        cmocka_unit_test(test_drop_changes_the_format),
        cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_exchanged_files),
        cmocka_unit_test(test_state_metas),
        cmocka_unit_test(test_state_cut),
        cmocka_unit_test(test_state_rightly_short),
        cmocka_unit_test(test_bad_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
