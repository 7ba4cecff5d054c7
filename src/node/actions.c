#include "node/node.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

posw_action *posw_actions_push(posw_actions *a, enum posw_action_type type) {
    if (a->count == a->capacity) {
        size_t capacity = a->capacity ? 2 * a->capacity : 16;
        posw_action *items = realloc(a->items, capacity * sizeof *items);
        if (items == NULL) return NULL;
        memset(items + a->capacity, 0, (capacity - a->capacity) * sizeof *items);
        a->items = items;
        a->capacity = capacity;
    }
    posw_action *action = &a->items[a->count++];
    memset(action, 0, offsetof(posw_action, work));
    action->type = type;
    return action;
}

size_t posw_action_readers(const posw_action *a) {
    return a->data.failed || a->readers.failed ? 0 : a->readers.size / sizeof(posw_reader);
}

uint64_t posw_action_message(posw_buf *out, const posw_action *a, size_t i) {
    posw_reader r;
    memcpy(&r, a->readers.data + i * sizeof r, sizeof r);
    posw_buf_append(out, a->data.data, a->hole);
    posw_buf_printf(out, "0x%" PRIx64, r.number);
    posw_buf_append(out, a->data.data + a->hole, a->data.size - a->hole);
    return r.client;
}

void posw_actions_reset(posw_actions *a) {
    for (size_t i = 0; i < a->count; i++) { /* most have been given away */
        if (a->items[i].data.data != NULL) posw_buf_clear(&a->items[i].data);
        if (a->items[i].readers.data != NULL) posw_buf_clear(&a->items[i].readers);
        if (a->items[i].job != NULL) posw_job_free(a->items[i].job);
    }
    a->count = 0;
}

void posw_actions_clear(posw_actions *a) {
    if (a == NULL) return;
    posw_actions_reset(a);
    free(a->items);
    memset(a, 0, sizeof *a);
}
