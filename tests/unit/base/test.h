/* cmocka with what it needs included before it, and a check that a bug stops the program. */
#ifndef POSW_TEST_BASE_TEST_H
#define POSW_TEST_BASE_TEST_H

#include "base/error.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* True if fn(arg) ends its process with SIGABRT; it runs in a child whose complaint is thrown away. */
static inline bool test_aborts(void (*fn)(void *arg), void *arg) {
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        fn(arg);
        _exit(0);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
