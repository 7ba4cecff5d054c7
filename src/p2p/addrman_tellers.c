#include "p2p/addrman_internal.h"

#include <stdlib.h>
#include <string.h>

static bool has_room(addrman_teller *t) {
    if (t->count < t->capacity) return true;
    const uint32_t capacity = t->capacity == 0 ? 4 : t->capacity * 2;
    uint16_t *places = realloc(t->places, capacity * sizeof *places);
    if (places == NULL) return false;
    t->places = places;
    t->capacity = capacity;
    return true;
}

/* The teller of a group, a new one without places if need be; there are never more than places. NULL: no memory. */
static addrman_teller *teller_of_group(posw_addrman *a, const uint8_t group[POSW_NETGROUP_SIZE]) {
    uint16_t i;
    const void *known = posw_map_find(&a->teller_by_group, group);
    if (known != NULL) {
        memcpy(&i, known, sizeof i);
        return &a->tellers[i];
    }
    if (a->teller_count == a->teller_capacity) {
        const size_t capacity = a->teller_capacity == 0 ? 8 : a->teller_capacity * 2;
        addrman_teller *tellers = realloc(a->tellers, capacity * sizeof *tellers);
        if (tellers == NULL) return NULL;
        a->tellers = tellers;
        a->teller_capacity = capacity;
    }
    void *value = posw_map_put(&a->teller_by_group, group, NULL);
    if (value == NULL) return NULL;
    i = (uint16_t)a->teller_count++;
    memcpy(value, &i, sizeof i);
    a->tellers[i] = (addrman_teller){.count = 0};
    memcpy(a->tellers[i].group, group, POSW_NETGROUP_SIZE);
    return &a->tellers[i];
}

/* The last one takes its place. */
static void drop_teller(posw_addrman *a, addrman_teller *t) {
    const uint16_t i = (uint16_t)(t - a->tellers);
    posw_map_remove(&a->teller_by_group, t->group);
    free(t->places);
    const addrman_teller *last = &a->tellers[--a->teller_count];
    if (last == t) return;
    *t = *last;
    for (uint32_t k = 0; k < t->count; k++)
        a->teller_of[t->places[k]] = i;
    memcpy(posw_map_find(&a->teller_by_group, t->group), &i, sizeof i);
}

bool addrman_teller_fills(posw_addrman *a, size_t place, const uint8_t group[POSW_NETGROUP_SIZE]) {
    addrman_teller *t = teller_of_group(a, group);
    if (t == NULL) return false;
    if (!has_room(t)) {
        if (t->count == 0) drop_teller(a, t);
        return false;
    }
    a->teller_of[place] = (uint16_t)(t - a->tellers);
    a->rank_of[place] = (uint16_t)t->count;
    t->places[t->count++] = (uint16_t)place;
    return true;
}

void addrman_teller_leaves(posw_addrman *a, size_t place) {
    addrman_teller *t = &a->tellers[a->teller_of[place]];
    const uint16_t last = t->places[--t->count];
    t->places[a->rank_of[place]] = last;
    a->rank_of[last] = a->rank_of[place];
    if (t->count == 0) drop_teller(a, t);
}

void addrman_tellers_clear(posw_addrman *a) {
    for (size_t i = 0; i < a->teller_count; i++)
        free(a->tellers[i].places);
    free(a->tellers);
    posw_map_clear(&a->teller_by_group);
}
