/* The store on a disk that fails, is full, or gets no address space: it says so, goes on reading, loses nothing, and
 * works again when the disk does. */
#include "base/random.h"
#include "io/lmdb_helpers.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

/* --- calls that fail --- */

typedef struct {
    long calls, fail_at;
    int error;     /* errno; 0: cut writes short instead */
    bool from_now; /* fails for ever from fail_at on */
} fault;

static bool strikes(fault *f) {
    f->calls++;
    return f->from_now ? f->calls >= f->fail_at : f->calls == f->fail_at;
}

static ssize_t faulty_pwritev(void *arg, int fd, const struct iovec *parts, int count, off_t offset) {
    fault *f = arg;
    if (!strikes(f)) return pwritev(fd, parts, count, offset);
    if (f->error == 0) return pwrite(fd, parts[0].iov_base, (parts[0].iov_len + 1) / 2, offset);
    errno = f->error;
    return -1;
}
static int faulty_fdatasync(void *arg, int fd) {
    fault *f = arg;
    if (!strikes(f) || f->error == 0) return fdatasync(fd);
    errno = f->error;
    return -1;
}
static int faulty_ftruncate(void *arg, int fd, off_t size) {
    fault *f = arg;
    if (!strikes(f) || f->error == 0) return ftruncate(fd, size);
    errno = f->error;
    return -1;
}

static int three_records(posw_store *s, const char *value, posw_store_pos pos[3]) {
    static const uint8_t data[250];
    int code = s->ops->begin(s);
    for (size_t i = 0; i < 3 && code == POSW_OK; i++)
        code = s->ops->append(s, i == 2 ? POSW_LOG_EXEC : POSW_LOG_BLOCKS, data, sizeof data, &pos[i]);
    if (code == POSW_OK) code = put_text(s, "tip", value);
    if (code == POSW_OK) code = s->ops->commit(s);
    if (code != POSW_OK) s->ops->abort(s);
    return code;
}

/* Fails call `at` with this errno; the store must go on reading, keep its contents, work again later, and reopen. False
 * once `at` is beyond the last call. */
static bool endure(long at, int error, bool from_now) {
    char dir[TEMPORARY_SIZE];
    fault f = {0};
    posw_body_calls calls = {faulty_pwritev, faulty_fdatasync, faulty_ftruncate, &f};
    posw_store_lmdb_options opt = {.log_file_size_max = SMALL_FILE, .calls = &calls};
    posw_store_pos pos[3], more[3];
    posw_buf out = {0};
    temporary_make_fast(dir);
    posw_store *s = must_open(dir, &opt);
    assert_int_equal(three_records(s, "old", pos), POSW_OK);
    f = (fault){.fail_at = at, .error = error, .from_now = from_now};
    int code = three_records(s, "new", more);
    bool struck = f.calls >= at;
    int wanted = !struck || error == 0 || error == EINTR ? POSW_OK : error == ENOSPC ? POSW_ENOSPC : POSW_EIO;
    assert_int_equal(code, wanted);
    if (code != POSW_OK) {
        const char *text = posw_store_lmdb_last_message(s)->text;
        if (strstr(text, "blocks/") == NULL || strstr(text, strerror(error)) == NULL) fail_msg("%s", text);
    }
    assert_text(s, "tip", code == POSW_OK ? "new" : "old");
    assert_int_equal(s->ops->read(s, POSW_LOG_BLOCKS, pos[1], &out), POSW_OK);
    f.fail_at = 0;
    f.from_now = false;
    f.calls = 0;
    assert_int_equal(three_records(s, "newer", more), POSW_OK);
    assert_int_equal(three_records(s, "newest", more), POSW_OK);
    assert_int_equal(s->ops->read(s, POSW_LOG_BLOCKS, more[0], &out), POSW_OK);
    assert_int_equal(posw_store_lmdb_check_logs(s, NULL, NULL), POSW_OK);
    s->ops->close(s);
    s = must_open(dir, &small_files);
    assert_text(s, "tip", "newest");
    assert_int_equal(s->ops->read(s, POSW_LOG_BLOCKS, more[1], &out), POSW_OK);
    assert_int_equal(posw_store_lmdb_check_logs(s, NULL, NULL), POSW_OK);
    s->ops->close(s);
    posw_buf_clear(&out);
    temporary_remove(dir);
    return struck;
}

static void test_faults(void **state) {
    static const int errors[] = {ENOSPC, EIO, EINTR, 0};
    (void)state;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(errors); i++) {
        long at = 1;
        while (endure(at, errors[i], false))
            at++;
        assert_true(at > 6);
        for (at = 1; errors[i] != EINTR && errors[i] != 0 && endure(at, errors[i], true);)
            at++;
    }
}

/* Writes transactions until one fails; returns the number of the last that did not. */
static uint32_t fill_store(posw_store *s, bool with_records, int *code) {
    static uint8_t data[20000];
    uint64_t seed = 5;
    for (uint32_t n = 0;; n++) {
        posw_store_pos pos;
        uint8_t key[8];
        *code = s->ops->begin(s);
        for (int i = 0; i < 20 && *code == POSW_OK; i++) {
            random_bytes(&seed, key, sizeof key);
            *code = s->ops->put(s, POSW_TABLE_TRIE, key, sizeof key, data, 300);
        }
        if (*code == POSW_OK && with_records) *code = s->ops->append(s, POSW_LOG_BLOCKS, data, sizeof data, &pos);
        if (*code == POSW_OK) *code = s->ops->put(s, POSW_TABLE_HEADERS, "n", 1, &n, sizeof n);
        if (*code == POSW_OK) *code = s->ops->commit(s);
        if (*code == POSW_OK) continue;
        s->ops->abort(s);
        return n - 1;
    }
}

static void assert_number(posw_store *s, uint32_t wanted) {
    posw_bytes got;
    uint32_t n;
    assert_int_equal(s->ops->get(s, POSW_TABLE_HEADERS, "n", 1, &got), POSW_OK);
    assert_int_equal(got.size, sizeof n);
    memcpy(&n, got.data, sizeof n);
    assert_int_equal(n, wanted);
}

static void test_map_full(void **state) {
    char dir[TEMPORARY_SIZE];
    posw_store_lmdb_options opt = {.map_size_bytes = 1 << 20};
    int code;
    (void)state;
    temporary_make_fast(dir);
    posw_store *s = must_open(dir, &opt);
    for (int i = 0; i < 3; i++) { /* it stays full, and stays whole */
        uint32_t n = fill_store(s, true, &code);
        assert_int_equal(code, POSW_ENOSPC);
        assert_non_null(strstr(posw_store_lmdb_last_message(s)->text, "1 MiB of address space"));
        if (i == 0) assert_true(n > 50);
        if (i > 0) break;
        assert_number(s, n);
    }
    s->ops->close(s);
    s = must_open(dir, NULL); /* more room */
    assert_int_equal(posw_store_lmdb_check_logs(s, NULL, NULL), POSW_OK);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(s->ops->put(s, POSW_TABLE_TXS, &i, sizeof i, "0123456789", 10), POSW_OK);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    s->ops->close(s);
    temporary_remove(dir);
}

static bool write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return ok;
}

/* A mount namespace of our own, so that no mount outlives the test; as root, or as root of a user namespace where the
 * system allows that. */
static bool enter_namespace(void) {
    char map[48];
    unsigned user = geteuid(), group = getegid();
    if (user == 0 && unshare(CLONE_NEWNS) != 0) return false;
    if (user != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
        snprintf(map, sizeof map, "0 %u 1", user);
        if (!write_text("/proc/self/uid_map", map) || !write_text("/proc/self/setgroups", "deny")) return false;
        snprintf(map, sizeof map, "0 %u 1", group);
        if (!write_text("/proc/self/gid_map", map)) return false;
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* A tmpfs of this size on the directory, else the test is skipped aloud. */
static void mount_small(char *dir, const char *options) {
    static bool entered;
    entered = entered || enter_namespace();
    if (entered && mount("posw-test", dir, "tmpfs", 0, options) == 0) return;
    print_message("NOT TESTED: a full disk; mounting a small one needs root: %s\n", strerror(errno));
    temporary_remove(dir);
    skip();
}

/* A real full disk: a small tmpfs. What fills up first differs from run to run of i. */
static void test_disk_full(void **state) {
    char dir[TEMPORARY_SIZE];
    (void)state;
    temporary_make(dir);
    for (int i = 0; i < 6; i++) {
        char options[32], ballast[4096] = {1};
        int code;
        snprintf(options, sizeof options, "size=%dk", 700 + 44 * i);
        mount_small(dir, options);
        int fd = open(path_of(dir, "ballast"), O_RDWR | O_CREAT, 0600);
        for (int page = 0; page < 50; page++)
            assert_int_equal(write(fd, ballast, sizeof ballast), sizeof ballast);
        posw_store *s = must_open(dir, NULL);
        uint32_t n = fill_store(s, i % 2 == 0, &code);
        if (code != POSW_ENOSPC) fail_msg("%s: %s", posw_error_name(code), posw_store_lmdb_last_message(s)->text);
        assert_non_null(strstr(posw_store_lmdb_last_message(s)->text, "No space left on device; free some space"));
        assert_true(n > 5 && n < 1000);
        assert_number(s, n);
        fill_store(s, i % 2 == 0, &code); /* again, with leftovers of the first time */
        assert_int_equal(code, POSW_ENOSPC);
        assert_int_equal(posw_store_lmdb_check_logs(s, NULL, NULL), POSW_OK);
        s->ops->close(s);
        s = must_open(dir, NULL); /* a full disk is no reason not to start */
        assert_int_equal(ftruncate(fd, 0), 0);
        close(fd);
        assert_int_equal(s->ops->begin(s), POSW_OK);
        assert_int_equal(s->ops->put(s, POSW_TABLE_HEADERS, "n", 1, &n, sizeof n), POSW_OK);
        assert_int_equal(s->ops->commit(s), POSW_OK);
        assert_number(s, n);
        s->ops->close(s);
        assert_int_equal(umount(dir), 0);
    }
    temporary_remove(dir);
}

/* No room even to begin: a sentence, no half-made store, and a start when there is room. */
static void test_disk_full_at_first(void **state) {
    char dir[TEMPORARY_SIZE];
    posw_message msg = {0};
    (void)state;
    temporary_make(dir);
    mount_small(dir, "size=16k");
    posw_store *s = NULL;
    assert_int_equal(open_with(&s, dir, NULL, &msg), POSW_ENOSPC);
    assert_non_null(strstr(msg.text, "No space left on device"));
    assert_int_equal(mount("posw-test", dir, "tmpfs", MS_REMOUNT, "size=1m"), 0);
    s = must_open(dir, NULL);
    s->ops->close(s);
    assert_int_equal(umount(dir), 0);
    temporary_remove(dir);
}

/* --- address space --- */

#if defined(__SANITIZE_ADDRESS__)
static void test_address_space(void **state) {
    (void)state;
    print_message("NOT TESTED: ulimit -v; the sanitizer needs the address space itself\n");
    skip();
}
#else
/* Opens with a limit of address space that is so much above what is in use; exit status 0, or 1 with the error's
 * sentence to fd. */
static int open_limited(const char *dir, uint64_t more_bytes, int fd) {
    pid_t child = fork();
    if (child == 0) {
        unsigned long pages = 0;
        FILE *f = fopen("/proc/self/statm", "r");
        if (f == NULL || fscanf(f, "%lu", &pages) != 1) _exit(9);
        fclose(f);
        struct rlimit limit = {pages * 4096 + more_bytes, pages * 4096 + more_bytes};
        if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(9);
        posw_store *s;
        posw_message msg = {0};
        int code = open_with(&s, dir, NULL, &msg);
        if (code != POSW_OK) {
            (void)!write(fd, msg.text, strlen(msg.text));
            _exit(code == POSW_ENOMEM ? 1 : 9);
        }
        uint64_t used, size;
        s->ops->usage(s, &used, &size);
        bool fine = size <= used + more_bytes && size > more_bytes / 8 && s->ops->begin(s) == POSW_OK &&
                    put_text(s, "k", "v") == POSW_OK && s->ops->commit(s) == POSW_OK;
        s->ops->close(s);
        _exit(fine ? 0 : 8);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_address_space(void **state) {
    char dir[TEMPORARY_SIZE], text[POSW_MESSAGE_SIZE] = {0};
    int channel[2];
    (void)state;
    temporary_make(dir);
    assert_int_equal(pipe(channel), 0);
    assert_int_equal(open_limited(dir, (uint64_t)1 << 30, channel[1]), 0);
    assert_int_equal(open_limited(dir, (uint64_t)300 << 20, channel[1]), 0);
    assert_int_equal(open_limited(dir, 20 << 20, channel[1]), 1);
    assert_true(read(channel[0], text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "ulimit -v"));
    posw_store *s = must_open(dir, NULL);
    assert_text(s, "k", "v");
    uint64_t used, limit;
    s->ops->usage(s, &used, &limit);
    s->ops->close(s);
    close(channel[0]);
    close(channel[1]);
    temporary_remove(dir);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),        cmocka_unit_test(test_map_full),
        cmocka_unit_test(test_disk_full),     cmocka_unit_test(test_disk_full_at_first),
        cmocka_unit_test(test_address_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
