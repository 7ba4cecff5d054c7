#include "faults.h"

#include <stdbool.h>
#include <stdlib.h>

static bool armed;
static size_t before, failures, failed, live;

void faults_on(size_t n, size_t count) {
    armed = true;
    before = n;
    failures = count;
    failed = 0;
}

size_t faults_off(void) {
    armed = false;
    return failed;
}

size_t faults_live(void) {
    return live;
}

/* ---- what the linker puts in the place of malloc and the others (--wrap) ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static bool fails(void) {
    if (!armed) return false;
    if (before > 0) {
        before--;
        return false;
    }
    if (failed == failures) return false;
    failed++;
    return true;
}

void *__wrap_malloc(size_t size) {
    void *p = fails() ? NULL : __real_malloc(size);
    live += p != NULL;
    return p;
}

void *__wrap_calloc(size_t count, size_t size) {
    void *p = fails() ? NULL : __real_calloc(count, size);
    live += p != NULL;
    return p;
}

void *__wrap_realloc(void *old, size_t size) {
    void *p = fails() ? NULL : __real_realloc(old, size);
    live += p != NULL && old == NULL;
    return p;
}

void __wrap_free(void *p) {
    live -= p != NULL;
    __real_free(p);
}
