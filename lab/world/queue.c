#include "queue.h"

#include <stdlib.h>
#include <string.h>

void happening_clear(happening *h) {
    if (h->data.data != NULL) posw_buf_clear(&h->data);
    if (h->job != NULL) posw_job_free(h->job);
    h->job = NULL;
}

enum {
    CHILDREN = 4,
    FIRST_CAPACITY = 256,
    LOOKED_AT_MAX = 32 /* in a bucket, for the place of one more */
};

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

/* ---- Far ---- */

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

static void take_root(queue *q) {
    const queue_item last = q->items[--q->count];
    if (q->count > 0) sink(q, 0, &last);
}

/* ---- Near ---- */

/* Behind those of the same time, which were put before. False: it is not near, or the bucket is crowded. */
static bool near_put(queue *q, uint32_t slot) {
    const uint64_t at_us = q->slots[slot].at_us, bucket = at_us / NEAR_US;
    if (at_us < q->taken_us || bucket - q->taken_us / NEAR_US >= NEAR_BUCKETS) return false;
    uint32_t *link = &q->near[bucket % NEAR_BUCKETS];
    for (unsigned n = 0; *link != 0 && q->slots[*link - 1].at_us <= at_us; link = &q->places[*link - 1])
        if (++n == LOOKED_AT_MAX) return false;
    q->places[slot] = *link;
    *link = slot + 1;
    const size_t word = bucket % NEAR_BUCKETS / 64;
    q->filled[word] |= 1ULL << bucket % 64;
    q->any_filled |= 1ULL << word;
    return true;
}

/* The first bucket that is not empty, from that of taken_us on; one must not be. */
static size_t near_first(const queue *q) {
    const size_t from = q->taken_us / NEAR_US % NEAR_BUCKETS, word = from / 64;
    const uint64_t here = q->filled[word] & UINT64_MAX << from % 64;
    if (here != 0) return 64 * word + (size_t)__builtin_ctzll(here);
    const uint64_t behind = word == 63 ? 0 : q->any_filled & UINT64_MAX << (word + 1);
    const size_t next = (size_t)__builtin_ctzll(behind != 0 ? behind : q->any_filled);
    return 64 * next + (size_t)__builtin_ctzll(q->filled[next]);
}

static void take_first(queue *q, size_t bucket) {
    const uint32_t next = q->places[q->near[bucket] - 1];
    q->near[bucket] = next;
    if (next != 0) return;
    q->filled[bucket / 64] &= ~(1ULL << bucket % 64);
    if (q->filled[bucket / 64] == 0) q->any_filled &= ~(1ULL << bucket / 64);
}

/* ---- Both ---- */

bool queue_put(queue *q, happening *h, uint32_t *slot) {
    if (q->used == q->capacity && !grow(q)) {
        happening_clear(h);
        return false;
    }
    h->serial = q->serial++;
    const queue_item item = {h->at_us, h->serial, q->free[q->capacity - ++q->used]};
    q->slots[item.slot] = *h;
    if (slot != NULL) *slot = item.slot;
    if (slot != NULL || !near_put(q, item.slot)) rise(q, q->count++, &item);
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

static void take_slot(queue *q, uint32_t slot, happening *out) {
    *out = q->slots[slot];
    q->free[q->capacity - q->used--] = slot;
    q->taken_us = out->at_us;
}

bool queue_take(queue *q, uint64_t until_us, happening *out) {
    const queue_item *far = q->count == 0 ? NULL : &q->items[0];
    const size_t bucket = q->any_filled == 0 ? 0 : near_first(q);
    if (q->any_filled != 0) {
        const uint32_t slot = q->near[bucket] - 1;
        const queue_item near = {q->slots[slot].at_us, q->slots[slot].serial, slot};
        if (far == NULL || before(&near, far)) {
            if (near.at_us > until_us) return false;
            take_first(q, bucket);
            take_slot(q, slot, out);
            return true;
        }
    }
    if (far == NULL || far->at_us > until_us) return false;
    const uint32_t slot = far->slot;
    take_root(q);
    take_slot(q, slot, out);
    return true;
}

void queue_clear(queue *q) {
    happening h;
    while (queue_take(q, UINT64_MAX, &h))
        happening_clear(&h);
    free(q->items);
    free(q->slots);
    free(q->places);
    free(q->free);
    memset(q, 0, sizeof *q);
}
