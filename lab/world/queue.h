/* What is to happen, by time; what comes at one time happens in the order in which it was put. A heap of small
 * items; what happens lies in slots that do not move, and can be put off or brought forward. */
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

typedef struct {
    queue_item *items; /* a heap with four children a node */
    size_t count, capacity;
    happening *slots; /* `capacity` of them */
    uint32_t *places; /* of each slot that is in use: that of its item */
    uint32_t *free;   /* slots that are not in use: capacity - count */
    uint64_t serial;
} queue;

/* Takes the item over. False: out of memory (the item is freed). *slot (may be NULL): where it is until it is taken. */
bool queue_put(queue *q, happening *h, uint32_t *slot);
/* The one in this slot comes at another time, and with another number, as if it had not been put before. */
void queue_put_again(queue *q, uint32_t slot, uint64_t at_us, uint64_t number);
/* The earliest; false: none. */
bool queue_take(queue *q, happening *out);
const happening *queue_peek(const queue *q);
void queue_clear(queue *q);
void happening_clear(happening *h);

#endif
