/* What the benchmarks share: goals, and folders that are removed.
 *
 * A goal ends a line of the output, "   goal 90 % or more   met" or MISSED; tools/bench lists those lines at its end.
 * Exit codes of a benchmark: 0; 1 when a goal is missed; 2 when it could not measure. */
#ifndef POSW_BENCH_BENCH_H
#define POSW_BENCH_BENCH_H

#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool bench_missed;

/* Ends a line. The format is of the goal, such as "60 %% or more". */
__attribute__((format(printf, 2, 3))) static inline void bench_goal(bool met, const char *format, ...) {
    va_list args;
    printf("   goal ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    puts(met ? "   met" : "   MISSED");
    if (!met) bench_missed = true;
}

/* What main returns. */
static inline int bench_end(void) {
    return bench_missed ? 1 : 0;
}

static char bench_temporary[4096];

static inline int bench_remove(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st, (void)type, (void)at;
    return remove(path);
}

static inline void bench_remove_folder(void) {
    (void)nftw(bench_temporary, bench_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* `given`, or for NULL and "-" a new folder in TMPDIR (/tmp), which is removed at the end of the process; one of those
 * at a time. What is durable wants that to be on a disk. */
static inline const char *bench_folder(const char *given) {
    const char *parent = getenv("TMPDIR");
    if (given != NULL && given[0] == '-' && given[1] != '\0') {
        fprintf(stderr, "%s is no folder: the head of the program's file says what it takes\n", given);
        exit(2);
    }
    if (given != NULL && strcmp(given, "-") != 0) return given;
    (void)snprintf(bench_temporary, sizeof bench_temporary, "%s/posw-bench-XXXXXX", parent == NULL ? "/tmp" : parent);
    if (mkdtemp(bench_temporary) == NULL || atexit(bench_remove_folder) != 0) {
        perror(bench_temporary);
        exit(2);
    }
    return bench_temporary;
}

#endif
