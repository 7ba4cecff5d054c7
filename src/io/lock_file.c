#include "io/lock_file.h"

#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static int busy(int fd, const char *what, posw_message *msg) {
    char text[24] = {0};
    char holder[48] = "another process";
    if (pread(fd, text, sizeof text - 1, 0) > 0) {
        long pid = strtol(text, NULL, 10);
        if (pid > 0) snprintf(holder, sizeof holder, "process %ld", pid);
    }
    return posw_message_set(msg, POSW_EBUSY, "%s is in use by %s: stop it, or choose another directory", what, holder);
}

static int lock(int fd) {
    int result;
    do
        result = flock(fd, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

int posw_lock_file_take(int *fd, const char *path, const char *what, posw_message *msg) {
    int f = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f < 0) return posw_file_error(msg, errno, "open", path);
    const int errnum = lock(f);
    if (errnum != 0) {
        int code = errnum == EWOULDBLOCK ? busy(f, what, msg) : posw_file_error(msg, errnum, "lock", path);
        close(f);
        return code;
    }
    /* The id is a courtesy: on a full disk the lock holds without it. */
    char text[24];
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(f, 0) == 0) (void)!pwrite(f, text, (size_t)size, 0);
    *fd = f;
    return POSW_OK;
}

int posw_lock_file_take_directory(int *fd, const char *path, const char *what, posw_message *msg) {
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0) return posw_file_error(msg, errno, "open", path);
    const int errnum = lock(*fd);
    if (errnum == 0) return POSW_OK;
    close(*fd);
    *fd = -1;
    if (errnum != EWOULDBLOCK) return POSW_OK;
    return posw_message_set(msg, POSW_EBUSY,
                            "%s is in use by a process whose lock file was removed: stop it (it may run in another "
                            "container), or choose another directory",
                            what);
}

void posw_lock_file_release(int fd) {
    if (fd >= 0) close(fd);
}
