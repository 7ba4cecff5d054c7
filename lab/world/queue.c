#include "queue.h"

#include <stdlib.h>
#include <string.h>

void happening_clear(happening *h) {
    if (h->data.data != NULL) posw_buf_clear(&h->data);
    if (h->job != NULL) posw_job_free(h->job);
    h->job = NULL;
}

enum { CHILDREN = 4, FIRST_CAPACITY = 256 };

/* Time and number as one number: half of the comparisons could not be predicted. */
static bool before(const queue_item *a, const queue_item *b) {
    const unsigned __int128 x = (unsigned __int128)a->at_us << 64 | a->serial;
    const unsigned __int128 y = (unsigned __int128)b->at_us << 64 | b->serial;
    return x < y;
}

static bool grow(queue *q) {
    const size_t capacity = q->capacity == 0 ? FIRST_CAPACITY : 2 * q->capacity;
    queue_item *items = realloc(q->items, capacity * sizeof *items);
    if (items != NULL) q->items = items;
    happening *slots = realloc(q->slots, capacity * sizeof *slots);
    if (slots != NULL) q->slots = slots;
    uint32_t *places = realloc(q->places, capacity * sizeof *places);
    if (places != NULL) q->places = places;
    uint32_t *unused = realloc(q->free, capacity * sizeof *unused);
    if (unused != NULL) q->free = unused;
    if (items == NULL || slots == NULL || places == NULL || unused == NULL) return false;
    for (size_t i = capacity; i > q->capacity; i--) /* all others are in use */
        q->free[capacity - i] = (uint32_t)(i - 1);
    q->capacity = capacity;
    return true;
}

static void place(queue *q, size_t i, const queue_item *item) {
    q->items[i] = *item;
    q->places[item->slot] = (uint32_t)i;
}

/* From the free place i towards the root, to where the item belongs. */
static void rise(queue *q, size_t i, const queue_item *item) {
    for (; i > 0 && before(item, &q->items[(i - 1) / CHILDREN]); i = (i - 1) / CHILDREN)
        place(q, i, &q->items[(i - 1) / CHILDREN]);
    place(q, i, item);
}

static size_t earlier(const queue *q, size_t a, size_t b) {
    return before(&q->items[a], &q->items[b]) ? a : b;
}

static size_t first_child(const queue *q, size_t i) {
    const size_t begin = CHILDREN * i + 1, end = begin + CHILDREN < q->count ? begin + CHILDREN : q->count;
    if (end == begin + CHILDREN) return earlier(q, earlier(q, begin, begin + 1), earlier(q, begin + 2, begin + 3));
    size_t first = begin;
    for (size_t k = begin + 1; k < end; k++)
        first = earlier(q, k, first);
    return first;
}

static void sink(queue *q, size_t i, const queue_item *item) {
    size_t child;
    for (; (child = first_child(q, i)) < q->count && before(&q->items[child], item); i = child)
        place(q, i, &q->items[child]);
    place(q, i, item);
}

bool queue_put(queue *q, happening *h, uint32_t *slot) {
    if (q->count == q->capacity && !grow(q)) {
        happening_clear(h);
        return false;
    }
    h->serial = q->serial++;
    const queue_item item = {h->at_us, h->serial, q->free[q->capacity - q->count - 1]};
    q->slots[item.slot] = *h;
    rise(q, q->count++, &item);
    if (slot != NULL) *slot = item.slot;
    return true;
}

void queue_put_again(queue *q, uint32_t slot, uint64_t at_us, uint64_t number) {
    const queue_item item = {at_us, q->serial++, slot};
    const size_t i = q->places[slot];
    const bool is_earlier = before(&item, &q->items[i]);
    happening *h = &q->slots[slot];
    h->at_us = at_us;
    h->serial = item.serial;
    h->number = number;
    if (is_earlier)
        rise(q, i, &item);
    else
        sink(q, i, &item);
}

const happening *queue_peek(const queue *q) {
    return q->count == 0 ? NULL : &q->slots[q->items[0].slot];
}

bool queue_take(queue *q, happening *out) {
    if (q->count == 0) return false;
    const uint32_t slot = q->items[0].slot;
    *out = q->slots[slot];
    const queue_item last = q->items[--q->count];
    q->free[q->capacity - q->count - 1] = slot;
    if (q->count > 0) sink(q, 0, &last);
    return true;
}

void queue_clear(queue *q) {
    for (size_t i = 0; i < q->count; i++)
        happening_clear(&q->slots[q->items[i].slot]);
    free(q->items);
    free(q->slots);
    free(q->places);
    free(q->free);
    memset(q, 0, sizeof *q);
}
