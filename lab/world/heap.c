#include "heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGE_PAGE = 2 << 20, RESERVED = 1 << 30, PROBE = 1 << 20, DEFAULT_PAD = 128 << 10 };

void heap_for_worlds(void) {
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that glibc takes */
    mallopt(M_TRIM_THRESHOLD, -1);       /* never */
    mallopt(M_TOP_PAD, RESERVED);
    const uintptr_t begin = (uintptr_t)sbrk(0);
    void *probe = malloc(PROBE); /* makes the heap grow, by address only */
    const uintptr_t end = (uintptr_t)sbrk(0);
    mallopt(M_TOP_PAD, DEFAULT_PAD);
    const uintptr_t first = (begin + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    if (probe != NULL && end > first) (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
    free(probe);
}
