/* Selection for a block: a heap of senders by what their next transaction pays the miner. */
#include "mempool/mempool_internal.h"

#include <stdlib.h>

typedef struct {
    const pool_sender *sender;
    size_t next;      /* index in its queue */
    uint64_t arrival; /* of that one, as is the tip: the heap is sorted without a look at the pool */
    posw_u256 tip;
} candidate;

struct posw_mempool_selection {
    posw_u256 base_fee;
    size_t count;
    bool started; /* the top was handed out and is advanced by the next call */
    candidate heap[];
};

/* What the miner gets for each gas of the next transaction; false: there is none, or not at this base fee. */
static bool offer(candidate *c, const posw_u256 *base_fee) {
    posw_u256 room;
    if (c->next >= c->sender->pending) return false;
    const pool_tx *t = c->sender->txs[c->next];
    if (!posw_u256_sub(&room, &t->e.tx.max_fee, base_fee)) return false;
    c->tip = posw_u256_cmp(&room, &t->e.tx.max_tip) < 0 ? room : t->e.tx.max_tip;
    c->arrival = t->arrival;
    return true;
}

static bool better(const candidate *a, const candidate *b) {
    int by_tip = posw_u256_cmp(&a->tip, &b->tip);
    if (by_tip != 0) return by_tip > 0;
    return a->arrival < b->arrival;
}

static void sift_down(posw_mempool_selection *s, size_t i) {
    candidate c = s->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->count) break;
        if (child + 1 < s->count && better(&s->heap[child + 1], &s->heap[child])) child++;
        if (!better(&s->heap[child], &c)) break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = c;
}

int posw_mempool_select(const posw_mempool *m, posw_mempool_selection **out, uint64_t base_fee_wei) {
    posw_mempool_selection *s = malloc(sizeof *s + m->heap_count * sizeof(candidate));
    if (s == NULL) return POSW_ENOMEM;
    s->base_fee = posw_u256_from_u64(base_fee_wei);
    s->count = 0;
    s->started = false;
    for (size_t i = 0; i < m->heap_count; i++) {
        candidate c = {.sender = m->heap[i]};
        if (offer(&c, &s->base_fee)) s->heap[s->count++] = c;
    }
    for (size_t i = s->count / 2; i-- > 0;)
        sift_down(s, i);
    *out = s;
    return POSW_OK;
}

static void drop_top(posw_mempool_selection *s) {
    s->heap[0] = s->heap[--s->count];
    if (s->count > 0) sift_down(s, 0);
}

static void advance_top(posw_mempool_selection *s) {
    candidate *c = &s->heap[0];
    c->next++;
    if (offer(c, &s->base_fee))
        sift_down(s, 0);
    else
        drop_top(s);
}

const posw_mempool_entry *posw_mempool_selection_next(posw_mempool_selection *s) {
    if (s->started) advance_top(s);
    s->started = s->count > 0;
    return s->count == 0 ? NULL : &s->heap[0].sender->txs[s->heap[0].next]->e;
}

void posw_mempool_selection_skip_sender(posw_mempool_selection *s) {
    if (!s->started) return;
    drop_top(s);
    s->started = false;
}

void posw_mempool_selection_free(posw_mempool_selection *s) {
    free(s);
}
