/* Files: whole reads with a limit, atomic writes, directories, and sentences for what goes wrong. */
#include "base/test.h"
#include "io/temporary.h"

#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

static char dir[TEMPORARY_SIZE];

static const char *in_dir(const char *name) {
    static char path[TEMPORARY_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static size_t entries(void) {
    size_t count = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d) != NULL)
        count++;
    closedir(d);
    return count - 2;
}

static void assert_file(const char *path, const char *wanted, mode_t mode) {
    posw_buf out = {0};
    struct stat st;
    assert_int_equal(posw_file_read(&out, path, 100, NULL), POSW_OK);
    assert_int_equal(out.size, strlen(wanted));
    if (out.size > 0) assert_memory_equal(out.data, wanted, out.size);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, mode);
    posw_buf_clear(&out);
}

static void test_read(void **state) {
    (void)state;
    posw_buf out = {0};
    posw_message msg = {0};
    posw_buf_text(&out, "kept");
    assert_int_equal(posw_file_read(&out, in_dir("absent"), 10, &msg), POSW_ENOTFOUND);
    assert_non_null(strstr(msg.text, "absent: No such file"));
    assert_int_equal(posw_file_write(in_dir("ten"), "0123456789", 10, 0644, &msg), POSW_OK);
    assert_int_equal(posw_file_read(&out, in_dir("ten"), 9, &msg), POSW_EFULL);
    assert_non_null(strstr(msg.text, "9 bytes"));
    assert_int_equal(out.size, 4);
    assert_int_equal(posw_file_read(&out, in_dir("ten"), 10, &msg), POSW_OK);
    assert_int_equal(out.size, 14);
    assert_memory_equal(out.data, "kept0123456789", 14);
    assert_int_equal(posw_file_read(&out, dir, 10, &msg), POSW_EINVAL);
    assert_int_equal(mkfifo(in_dir("pipe"), 0600), 0);
    assert_int_equal(posw_file_read(&out, in_dir("pipe"), 10, &msg), POSW_EINVAL); /* and does not hang */
    assert_int_equal(posw_file_write(in_dir("empty"), NULL, 0, 0600, NULL), POSW_OK);
    assert_file(in_dir("empty"), "", 0600);
    posw_buf_clear(&out);
    unlink(in_dir("ten"));
    unlink(in_dir("pipe"));
    unlink(in_dir("empty"));
}

static void test_read_large(void **state) {
    (void)state;
    size_t size = 300001;
    char *data = malloc(size);
    posw_buf out = {0};
    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 + i / 251);
    assert_int_equal(posw_file_write(in_dir("large"), data, size, 0600, NULL), POSW_OK);
    assert_int_equal(posw_file_read(&out, in_dir("large"), size - 1, NULL), POSW_EFULL);
    assert_int_equal(posw_file_read(&out, in_dir("large"), size, NULL), POSW_OK);
    assert_int_equal(out.size, size);
    assert_memory_equal(out.data, data, size);
    posw_buf_clear(&out);
    free(data);
    unlink(in_dir("large"));
}

static void test_write(void **state) {
    (void)state;
    posw_message msg = {0};
    mode_t old = umask(077);
    assert_int_equal(posw_file_write(in_dir("a"), "one", 3, 0644, &msg), POSW_OK);
    assert_file(in_dir("a"), "one", 0644); /* whatever the umask */
    assert_int_equal(posw_file_write(in_dir("a"), "two!", 4, 0600, &msg), POSW_OK);
    assert_file(in_dir("a"), "two!", 0600);
    umask(old);
    assert_int_equal(posw_file_create(in_dir("a"), "three", 5, 0600, &msg), POSW_EEXIST);
    assert_file(in_dir("a"), "two!", 0600);
    assert_int_equal(posw_file_create(in_dir("b"), "new", 3, 0640, &msg), POSW_OK);
    assert_file(in_dir("b"), "new", 0640);
    assert_int_equal(posw_file_write(in_dir("none/a"), "x", 1, 0600, &msg), POSW_ENOTFOUND);
    assert_int_equal(posw_file_write(in_dir("none/"), "x", 1, 0600, &msg), POSW_EINVAL);
    assert_int_equal(mkdir(in_dir("is-dir"), 0700), 0);
    assert_int_equal(posw_file_write(in_dir("is-dir"), "x", 1, 0600, &msg), POSW_EIO);
    rmdir(in_dir("is-dir"));
    assert_int_equal(entries(), 2); /* no temporary file is left */
    unlink(in_dir("a"));
    unlink(in_dir("b"));
}

static void test_write_in_current_directory(void **state) {
    (void)state;
    char *here = getcwd(NULL, 0);
    assert_non_null(here);
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(posw_file_write("plain", "x", 1, 0600, NULL), POSW_OK);
    assert_int_equal(chdir(here), 0);
    free(here);
    assert_file(in_dir("plain"), "x", 0600);
    assert_int_equal(unlink(in_dir("plain")), 0);
}

/* A file size limit stands for a disk that runs full in the middle: the old file stays. */
static void test_write_fails(void **state) {
    (void)state;
    char big[5000];
    posw_message msg = {0};
    struct rlimit unlimited, small;
    memset(big, 'x', sizeof big);
    assert_int_equal(posw_file_write(in_dir("a"), "old", 3, 0600, NULL), POSW_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    small = unlimited;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int code = posw_file_write(in_dir("a"), big, sizeof big, 0600, &msg);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_int_equal(code, POSW_EIO);
    assert_non_null(strstr(msg.text, "ulimit -f"));
    assert_file(in_dir("a"), "old", 0600);
    assert_int_equal(entries(), 1);
    unlink(in_dir("a"));
}

static void test_directories(void **state) {
    (void)state;
    struct stat st;
    posw_message msg = {0};
    assert_int_equal(posw_file_make_directories(in_dir("x//y/z/"), 0700, &msg), POSW_OK);
    assert_int_equal(stat(in_dir("x/y/z"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(posw_file_make_directories(in_dir("x/y/z"), 0755, &msg), POSW_OK);
    assert_int_equal(posw_file_make_directories("/", 0755, &msg), POSW_OK);
    assert_int_equal(posw_file_make_directories("", 0755, &msg), POSW_EINVAL);
    assert_int_equal(posw_file_write(in_dir("x/file"), "x", 1, 0600, NULL), POSW_OK);
    assert_int_equal(posw_file_make_directories(in_dir("x/file"), 0700, &msg), POSW_EEXIST);
    assert_non_null(strstr(msg.text, "in the way"));
    assert_int_equal(posw_file_make_directories(in_dir("x/file/deeper"), 0700, &msg), POSW_EEXIST);
    assert_int_equal(posw_file_sync_directory(in_dir("x"), &msg), POSW_OK);
    assert_int_equal(posw_file_sync_directory(in_dir("nowhere"), &msg), POSW_ENOTFOUND);
    char *long_path = malloc(10001);
    assert_non_null(long_path);
    memset(long_path, 'a', 10000);
    long_path[10000] = '\0';
    assert_int_equal(posw_file_make_directories(long_path, 0700, &msg), POSW_EINVAL);
    assert_int_equal(posw_file_write(long_path, "x", 1, 0600, &msg), POSW_EINVAL);
    free(long_path);
}

static void test_error_codes(void **state) {
    (void)state;
    posw_message msg = {0};
    assert_int_equal(posw_file_error_code(ENOENT), POSW_ENOTFOUND);
    assert_int_equal(posw_file_error_code(ENOSPC), POSW_ENOSPC);
    assert_int_equal(posw_file_error_code(EDQUOT), POSW_ENOSPC);
    assert_int_equal(posw_file_error_code(ENOMEM), POSW_ENOMEM);
    assert_int_equal(posw_file_error_code(EEXIST), POSW_EEXIST);
    assert_int_equal(posw_file_error_code(EACCES), POSW_EIO);
    assert_int_equal(posw_file_error(&msg, EACCES, "open", "/x"), POSW_EIO);
    assert_string_equal(msg.text, "cannot open /x: Permission denied; check its owner and mode");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),        cmocka_unit_test(test_read_large),
        cmocka_unit_test(test_write),       cmocka_unit_test(test_write_in_current_directory),
        cmocka_unit_test(test_write_fails), cmocka_unit_test(test_directories),
        cmocka_unit_test(test_error_codes),
    };
    temporary_make(dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temporary_remove(dir);
    return failed;
}
