/* A temporary directory for a test, and its removal with all that is in it. */
#ifndef POSW_TEST_IO_TEMPORARY_H
#define POSW_TEST_IO_TEMPORARY_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEMPORARY_SIZE = 256 };

static inline void temporary_make(char path[TEMPORARY_SIZE]) {
    const char *base = getenv("TMPDIR");
    snprintf(path, TEMPORARY_SIZE, "%s/posw-test-XXXXXX", base != NULL && strlen(base) < 200 ? base : "/tmp");
    if (mkdtemp(path) == NULL) {
        perror(path);
        abort();
    }
}

/* In memory where the system has such a place: for tests that sync thousands of times. */
static inline void temporary_make_fast(char path[TEMPORARY_SIZE]) {
    snprintf(path, TEMPORARY_SIZE, "/dev/shm/posw-test-XXXXXX");
    if (mkdtemp(path) == NULL) temporary_make(path);
}

static inline int temporary_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void temporary_remove(const char *path) {
    nftw(path, temporary_remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

#endif
