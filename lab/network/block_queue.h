/* What is to happen, by time: events of 16 bytes in a heap with four children a place, and beside it a line for jobs,
 * which all take the same time and so come back in the order in which they were given out. What comes at one time
 * happens in an order that depends on what was put before, and on nothing else. */
#ifndef POSW_LAB_BLOCK_QUEUE_H
#define POSW_LAB_BLOCK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    uint64_t at_us;
    uint32_t link : 28, what : 4;   /* the connection over which it comes; an enum */
    uint32_t block : 28, count : 4; /* of the tree; blocks that are meant, this one the last of them */
} block_event;

static inline block_event block_event_of(uint64_t at_us, uint32_t what, uint32_t link, uint32_t block, unsigned count) {
    return (block_event){
        .at_us = at_us, .link = link & 0xfffffff, .what = what & 0xf, .block = block & 0xfffffff, .count = count & 0xf};
}

typedef struct {
    block_event *heap, *line;
    size_t heap_count, heap_capacity;
    size_t head, line_count, line_capacity; /* of the line: a ring, its capacity a power of two */
} block_queue;

enum { BLOCK_QUEUE_CHILDREN = 4, BLOCK_QUEUE_FIRST = 1024 };

static inline void block_queue_clear(block_queue *q) {
    free(q->heap);
    free(q->line);
    *q = (block_queue){.heap = NULL};
}

/* False: out of memory. */
static inline bool block_queue_put(block_queue *q, block_event e) {
    if (q->heap_count == q->heap_capacity) {
        const size_t capacity = q->heap_capacity == 0 ? BLOCK_QUEUE_FIRST : 2 * q->heap_capacity;
        block_event *heap = realloc(q->heap, capacity * sizeof *heap);
        if (heap == NULL) return false;
        q->heap = heap;
        q->heap_capacity = capacity;
    }
    size_t i = q->heap_count++;
    for (size_t up; i > 0 && e.at_us < q->heap[up = (i - 1) / BLOCK_QUEUE_CHILDREN].at_us; i = up)
        q->heap[i] = q->heap[up];
    q->heap[i] = e;
    return true;
}

/* at_us: not before that of the latest one in the line. */
static inline bool block_queue_put_job(block_queue *q, block_event e) {
    if (q->line_count == q->line_capacity) {
        const size_t before = q->line_capacity, capacity = before == 0 ? BLOCK_QUEUE_FIRST : 2 * before;
        block_event *line = malloc(capacity * sizeof *line);
        if (line == NULL) return false;
        for (size_t i = 0; i < before; i++)
            line[i] = q->line[(q->head + i) & (before - 1)];
        free(q->line);
        q->line = line;
        q->line_capacity = capacity;
        q->head = 0;
    }
    q->line[(q->head + q->line_count++) & (q->line_capacity - 1)] = e;
    return true;
}

static inline bool block_queue_line_is_first(const block_queue *q) {
    return q->line_count > 0 && (q->heap_count == 0 || q->line[q->head].at_us <= q->heap[0].at_us);
}

/* UINT64_MAX: nothing is to happen. */
static inline uint64_t block_queue_next_us(const block_queue *q) {
    if (block_queue_line_is_first(q)) return q->line[q->head].at_us;
    return q->heap_count == 0 ? UINT64_MAX : q->heap[0].at_us;
}

static inline block_event block_queue_take_heap(block_queue *q) {
    const block_event first = q->heap[0], last = q->heap[--q->heap_count];
    const size_t n = q->heap_count;
    size_t i = 0;
    for (;;) {
        const size_t begin = BLOCK_QUEUE_CHILDREN * i + 1;
        if (begin >= n) break;
        const size_t end = begin + BLOCK_QUEUE_CHILDREN < n ? begin + BLOCK_QUEUE_CHILDREN : n;
        size_t least = begin;
        for (size_t k = begin + 1; k < end; k++)
            if (q->heap[k].at_us < q->heap[least].at_us) least = k;
        if (q->heap[least].at_us >= last.at_us) break;
        q->heap[i] = q->heap[least];
        i = least;
    }
    q->heap[i] = last;
    return first;
}

/* There is one (block_queue_next_us). */
static inline block_event block_queue_take(block_queue *q) {
    if (!block_queue_line_is_first(q)) return block_queue_take_heap(q);
    const block_event e = q->line[q->head];
    q->head = (q->head + 1) & (q->line_capacity - 1);
    q->line_count--;
    return e;
}

#endif
