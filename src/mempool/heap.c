/* A binary heap of senders, the one whose last transaction goes first when the pool is full on top. */
#include "mempool/mempool_internal.h"

#include "base/error.h"

#include <stdlib.h>

int pool_offer_cmp(const pool_tx *a, const pool_tx *b) {
    if (a->tip_wei != b->tip_wei) return a->tip_wei > b->tip_wei ? 1 : -1;
    int by_fee = posw_u256_cmp(&a->e.tx.max_fee, &b->e.tx.max_fee);
    if (by_fee != 0) return by_fee;
    return a->arrival < b->arrival ? 1 : a->arrival > b->arrival ? -1 : 0;
}

int pool_rank_cmp(bool a_pending, const pool_tx *a_worst, bool b_pending, const pool_tx *b_worst) {
    if (a_pending != b_pending) return a_pending ? 1 : -1;
    return pool_offer_cmp(a_worst, b_worst);
}

bool pool_tail_is_pending(const pool_sender *s) {
    return s->pending == s->count;
}

static bool goes_before(const pool_sender *a, const pool_sender *b) {
    return pool_rank_cmp(pool_tail_is_pending(a), a->txs[a->count - 1]->worst, pool_tail_is_pending(b),
                         b->txs[b->count - 1]->worst) < 0;
}

static void place(posw_mempool *m, size_t i, pool_sender *s) {
    m->heap[i] = s;
    s->heap_index = i;
}

static void sift_up(posw_mempool *m, size_t i) {
    pool_sender *s = m->heap[i];
    while (i > 0 && goes_before(s, m->heap[(i - 1) / 2])) {
        place(m, i, m->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(m, i, s);
}

static void sift_down(posw_mempool *m, size_t i) {
    pool_sender *s = m->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= m->heap_count) break;
        if (child + 1 < m->heap_count && goes_before(m->heap[child + 1], m->heap[child])) child++;
        if (!goes_before(m->heap[child], s)) break;
        place(m, i, m->heap[child]);
        i = child;
    }
    place(m, i, s);
}

int pool_heap_push(posw_mempool *m, pool_sender *s) {
    if (m->heap_count == m->heap_capacity) {
        size_t capacity = m->heap_capacity ? 2 * m->heap_capacity : 64;
        pool_sender **heap = realloc(m->heap, capacity * sizeof(pool_sender *));
        if (heap == NULL) return POSW_ENOMEM;
        m->heap = heap;
        m->heap_capacity = capacity;
    }
    m->heap[m->heap_count] = s;
    s->heap_index = m->heap_count++;
    sift_up(m, s->heap_index);
    return POSW_OK;
}

void pool_heap_update(posw_mempool *m, pool_sender *s) {
    sift_up(m, s->heap_index);
    sift_down(m, s->heap_index);
}

void pool_heap_order(posw_mempool *m) {
    for (size_t i = m->heap_count / 2; i-- > 0;)
        sift_down(m, i);
}

void pool_heap_remove(posw_mempool *m, pool_sender *s) {
    size_t i = s->heap_index;
    pool_sender *last = m->heap[--m->heap_count];
    if (last == s) return;
    place(m, i, last);
    pool_heap_update(m, last);
}
