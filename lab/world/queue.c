#include "queue.h"

#include <stdlib.h>
#include <string.h>

void happening_clear(happening *h) {
    posw_buf_clear(&h->data);
    posw_job_free(h->job);
    h->job = NULL;
}

enum { CHILDREN = 4, FIRST_CAPACITY = 256 };

static bool before(const queue_item *a, const queue_item *b) {
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->serial < b->serial;
}

static bool grow(queue *q) {
    const size_t capacity = q->capacity == 0 ? FIRST_CAPACITY : 2 * q->capacity;
    queue_item *items = realloc(q->items, capacity * sizeof *items);
    if (items != NULL) q->items = items;
    happening *slots = realloc(q->slots, capacity * sizeof *slots);
    if (slots != NULL) q->slots = slots;
    uint32_t *unused = realloc(q->free, capacity * sizeof *unused);
    if (unused != NULL) q->free = unused;
    if (items == NULL || slots == NULL || unused == NULL) return false;
    for (size_t i = capacity; i > q->capacity; i--) /* all others are in use */
        q->free[capacity - i] = (uint32_t)(i - 1);
    q->capacity = capacity;
    return true;
}

bool queue_put(queue *q, happening *h) {
    if (q->count == q->capacity && !grow(q)) {
        happening_clear(h);
        return false;
    }
    h->serial = q->serial++;
    const queue_item item = {h->at_us, h->serial, q->free[q->capacity - q->count - 1]};
    q->slots[item.slot] = *h;
    size_t i = q->count++;
    for (; i > 0 && before(&item, &q->items[(i - 1) / CHILDREN]); i = (i - 1) / CHILDREN)
        q->items[i] = q->items[(i - 1) / CHILDREN];
    q->items[i] = item;
    return true;
}

const happening *queue_peek(const queue *q) {
    return q->count == 0 ? NULL : &q->slots[q->items[0].slot];
}

static size_t first_child(const queue *q, size_t i) {
    const size_t begin = CHILDREN * i + 1, end = begin + CHILDREN < q->count ? begin + CHILDREN : q->count;
    size_t first = begin;
    for (size_t k = begin + 1; k < end; k++)
        if (before(&q->items[k], &q->items[first])) first = k;
    return first;
}

bool queue_take(queue *q, happening *out) {
    if (q->count == 0) return false;
    const uint32_t slot = q->items[0].slot;
    *out = q->slots[slot];
    const queue_item last = q->items[--q->count];
    q->free[q->capacity - q->count - 1] = slot;
    size_t i = 0, child;
    for (; (child = first_child(q, i)) < q->count && before(&q->items[child], &last); i = child)
        q->items[i] = q->items[child];
    if (q->count > 0) q->items[i] = last;
    return true;
}

void queue_clear(queue *q) {
    for (size_t i = 0; i < q->count; i++)
        happening_clear(&q->slots[q->items[i].slot]);
    free(q->items);
    free(q->slots);
    free(q->free);
    memset(q, 0, sizeof *q);
}
