/* What is to happen, by time; what comes at one time happens in the order in which it was put. What happens lies in
 * slots that do not move. Of two kinds:
 *
 *  - near: what comes soon, as messages and jobs do. A ring of buckets, each of NEAR_US and in order; a bit says which
 * of them are not empty.
 *  - far: the rest, and what can be put off or brought forward. A heap of small items. */
#ifndef POSW_LAB_QUEUE_H
#define POSW_LAB_QUEUE_H

#include "base/buf.h"
#include "node/job.h"
#include "world.h"

enum what {
    WHAT_BYTES,
    WHAT_OPEN,
    WHAT_CLOSED,
    WHAT_DRAINED,
    WHAT_TIMER,
    WHAT_SEAL,
    WHAT_JOB,
    WHAT_START,
    WHAT_RESOLVED,
    WHAT_CALL
};

typedef struct {
    uint64_t at_us, serial;
    enum what what;
    uint32_t machine;
    uint64_t life;         /* of the machine: what was meant for an earlier one is dropped */
    uint64_t link, number; /* of WHAT_BYTES .. DRAINED: the connection; TIMER, SEAL: generation */
    posw_buf data;         /* owned */
    posw_job *job;         /* owned */
    void (*fn)(void *arg, world *w);
    void *arg;
} happening;

typedef struct {
    uint64_t at_us, serial;
    uint32_t slot;
} queue_item;

enum {
    NEAR_US = 64,
    NEAR_WORDS = 64, /* of 64 bits, for whose being not zero one word has the bits */
    NEAR_BUCKETS = 64 * NEAR_WORDS
};

typedef struct {
    size_t used, capacity; /* slots */
    happening *slots;
    uint32_t *free;   /* capacity - used: slots that are not in use */
    uint32_t *places; /* of each slot that is in use. Far: its item's; near: 1 + the next one in its bucket, 0: none */
    uint64_t serial;
    uint64_t taken_us; /* the latest: nothing that is here comes before it */
    queue_item *items; /* far: a heap with four children a node */
    size_t count;
    uint32_t near[NEAR_BUCKETS]; /* 1 + the first one; times from taken_us on, the ring around */
    uint64_t filled[NEAR_WORDS], any_filled;
} queue;

/* Takes the item over. False: out of memory (the item is freed). *slot, if not NULL: where it is until it is taken, for
 * queue_put_again. */
bool queue_put(queue *q, happening *h, uint32_t *slot);
/* The one in this slot comes at another time, and with another number, as if it had not been put before. */
void queue_put_again(queue *q, uint32_t slot, uint64_t at_us, uint64_t number);
/* The earliest, if it comes until then; false: none does. */
bool queue_take(queue *q, uint64_t until_us, happening *out);
void queue_clear(queue *q);
void happening_clear(happening *h);

#endif
