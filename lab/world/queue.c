#include "queue.h"

#include <stdlib.h>
#include <string.h>

void happening_clear(happening *h) {
    posw_buf_clear(&h->data);
    posw_job_free(h->job);
    h->job = NULL;
}

static bool before(const happening *a, const happening *b) {
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->serial < b->serial;
}

bool queue_put(queue *q, happening *h) {
    if (q->count == q->capacity) {
        const size_t capacity = q->capacity == 0 ? 256 : 2 * q->capacity;
        happening *items = realloc(q->items, capacity * sizeof *items);
        if (items == NULL) {
            happening_clear(h);
            return false;
        }
        q->items = items;
        q->capacity = capacity;
    }
    h->serial = q->serial++;
    size_t i = q->count++;
    for (; i > 0 && before(h, &q->items[(i - 1) / 2]); i = (i - 1) / 2)
        q->items[i] = q->items[(i - 1) / 2];
    q->items[i] = *h;
    return true;
}

const happening *queue_peek(const queue *q) {
    return q->count == 0 ? NULL : &q->items[0];
}

bool queue_take(queue *q, happening *out) {
    if (q->count == 0) return false;
    *out = q->items[0];
    const happening last = q->items[--q->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= q->count) break;
        if (child + 1 < q->count && before(&q->items[child + 1], &q->items[child])) child++;
        if (!before(&q->items[child], &last)) break;
        q->items[i] = q->items[child];
        i = child;
    }
    if (q->count > 0) q->items[i] = last;
    return true;
}

void queue_clear(queue *q) {
    for (size_t i = 0; i < q->count; i++)
        happening_clear(&q->items[i]);
    free(q->items);
    memset(q, 0, sizeof *q);
}
