/* Connections of a simulated world: what is sent takes its time to leave and to arrive. */
#include "world_internal.h"

#include "base/bytes.h"
#include "base/siphash.h"

#include <stdlib.h>
#include <string.h>

enum {
    CLOSE_FLUSH_US = 1000 * 1000,
    REFUSED_US = 1000,
    UNREACHED_US = 3 * 1000 * 1000,
    DRAINED_FROM = 256 * 1024 /* bytes: see link.undrained */
};

link *link_find(world *w, uint64_t number) {
    const size_t slot = number % LINK_SLOTS;
    return number != 0 && slot < w->link_count && w->links[slot].number == number ? &w->links[slot] : NULL;
}

/* A machine has few, and speaks most to the newest. */
static link_place *place_of(const machine *m, uint64_t peer) {
    for (size_t i = m->place_count; i > 0; i--)
        if (m->places[i - 1].peer == peer) return &m->places[i - 1];
    return NULL;
}

link *link_of(world *w, const machine *m, uint64_t peer, int *side) {
    const size_t i = world_index_of(w, m);
    const link_place *place = place_of(m, peer);
    link *l = place == NULL ? NULL : &w->links[place->slot];
    if (l == NULL || l->number == 0) return NULL;
    for (*side = 0; *side < 2; (*side)++)
        if (l->machine[*side] == i && l->life[*side] == m->life && l->peer[*side] == peer) return l;
    return NULL;
}

static void note_link(world *w, machine *m, uint64_t peer, const link *l) {
    if (m->place_count == m->place_capacity) {
        const size_t capacity = m->place_capacity == 0 ? 16 : 2 * m->place_capacity;
        link_place *grown = realloc(m->places, capacity * sizeof *grown);
        if (grown == NULL) {
            w->result = POSW_ENOMEM;
            return;
        }
        m->places = grown;
        m->place_capacity = capacity;
    }
    m->places[m->place_count++] = (link_place){peer, (uint32_t)(l - w->links)};
}

void link_forget(machine *m, uint64_t peer) {
    link_place *place = place_of(m, peer);
    if (place == NULL) return;
    const size_t i = (size_t)(place - m->places);
    memmove(place, place + 1, (--m->place_count - i) * sizeof *place);
}

static link *new_link(world *w) {
    for (size_t i = 0; i < w->link_count; i++)
        if (w->links[i].number == 0) return &w->links[i];
    if (w->link_count == w->link_capacity) {
        const size_t capacity = w->link_capacity == 0 ? 64 : 2 * w->link_capacity;
        link *links = realloc(w->links, capacity * sizeof *links);
        if (links == NULL) return NULL;
        w->links = links;
        w->link_capacity = capacity;
    }
    return &w->links[w->link_count++];
}

bool link_can_reach(const world *w, size_t a, size_t b) {
    return w->groups == NULL || w->groups[a] == w->groups[b];
}

/* The same for both directions, and for all time. */
uint64_t world_pair_latency_us(uint64_t world_seed, uint32_t latency_ms, size_t a, size_t b) {
    const uint64_t low = a < b ? a : b, high = a < b ? b : a, pair[2] = {low, high}, seed[2] = {world_seed, 1};
    const uint64_t mean = (uint64_t)latency_ms * 1000;
    return mean / 2 + (mean == 0 ? 0 : posw_siphash(seed, pair, sizeof pair) % mean);
}

uint64_t world_latency_us(const world *w, size_t a, size_t b) {
    return world_pair_latency_us(w->o.seed, w->o.latency_ms, a, b);
}

static uint64_t jitter_us(world *w) {
    return w->o.jitter_ms == 0 ? 0 : posw_random_below(&w->random, (uint64_t)w->o.jitter_ms * 1000);
}

static void put_closed(world *w, link *l, int side, uint64_t at_us, const char *why) {
    machine *m = &w->machines[l->machine[side]];
    happening h = world_happening(w, m, WHAT_CLOSED, at_us);
    h.life = l->life[side];
    h.link = l->number;
    posw_buf_text(&h.data, why);
    world_put(w, &h);
}

void link_cut(world *w, link *l, uint64_t after_us, const char *why) {
    if (l->cut) return;
    l->cut = true;
    put_closed(w, l, 0, w->now_us + after_us, why);
    put_closed(w, l, 1, w->now_us + after_us, why);
}

static size_t machine_at(const world *w, const posw_netaddr *address) {
    for (size_t i = 0; i < w->count; i++)
        if (posw_netaddr_equal(&w->machines[i].address, address)) return i;
    return SIZE_MAX;
}

static void refuse_dial(world *w, machine *m, uint64_t peer, uint64_t after_us, const char *why) {
    happening h = world_happening(w, m, WHAT_CLOSED, w->now_us + after_us);
    h.number = peer;
    posw_buf_text(&h.data, why);
    world_put(w, &h);
}

void link_dial(world *w, machine *m, const posw_action *a) {
    const size_t to = machine_at(w, &a->address), from = world_index_of(w, m);
    const posw_node_id any = {{0}};
    if (to == SIZE_MAX || !link_can_reach(w, from, to) || !w->machines[to].up) {
        refuse_dial(w, m, a->peer, UNREACHED_US, "timed out");
        return;
    }
    machine *other = &w->machines[to];
    if (other->o.silent || to == from) {
        refuse_dial(w, m, a->peer, REFUSED_US, "connection refused");
        return;
    }
    if (memcmp(&a->node_id, &any, sizeof any) != 0 && memcmp(&a->node_id, &other->id, sizeof any) != 0) {
        refuse_dial(w, m, a->peer, 2 * world_latency_us(w, from, to), "another node id than expected");
        return;
    }
    link *l = new_link(w);
    if (l == NULL) {
        w->result = POSW_ENOMEM;
        return;
    }
    *l = (link){.number = ++w->next_link * LINK_SLOTS + (uint64_t)(l - w->links),
                .machine = {from, to},
                .life = {m->life, other->life},
                .latency_us = world_latency_us(w, from, to),
                .peer = {a->peer, ++other->next_inbound}};
    note_link(w, m, l->peer[0], l);
    note_link(w, other, l->peer[1], l);
    const uint64_t trip = l->latency_us; /* TCP and TLS: two round trips */
    for (int side = 0; side < 2; side++) {
        happening h =
            world_happening(w, &w->machines[l->machine[side]], WHAT_OPEN, w->now_us + (side == 0 ? 4 : 3) * trip);
        h.link = l->number;
        world_put(w, &h);
        l->arrives[side] = w->now_us + 4 * trip;
    }
}

void link_send(world *w, machine *m, link *l, int side, posw_buf *data) {
    const size_t to = l->machine[1 - side], from = world_index_of(w, m);
    const uint64_t rate = m->o.upload_bytes_per_s;
    if (l->cut || data->size == 0) return;
    if (m->tamper != NULL && !m->tamper(m->tamper_arg, w, from, to, data)) return;
    const uint64_t begin = m->upload_free_us > w->now_us ? m->upload_free_us : w->now_us;
    m->upload_free_us = begin + data->size * 1000000 / rate;
    uint64_t at = m->upload_free_us + l->latency_us + jitter_us(w);
    if (at < l->arrives[side]) at = l->arrives[side];
    l->arrives[side] = at;
    happening h = world_happening(w, &w->machines[to], WHAT_BYTES, at);
    h.life = l->life[1 - side];
    h.link = l->number;
    h.data = *data;
    *data = (posw_buf){0};
    l->undrained[side] += h.data.size;
    l->sent[side]++;
    world_put(w, &h);
    if (l->undrained[side] < DRAINED_FROM) return;
    happening drained = world_happening(w, m, WHAT_DRAINED, m->upload_free_us);
    drained.link = l->number;
    drained.number = l->sent[side];
    world_put(w, &drained);
}

void link_close(world *w, machine *m, uint64_t peer) {
    int side;
    link *l = link_of(w, m, peer, &side);
    if (l == NULL || l->cut) return;
    /* what was sent before still arrives; then both hear of the end */
    l->cut = true;
    const uint64_t last = l->arrives[side] > w->now_us ? l->arrives[side] : w->now_us;
    put_closed(w, l, side, w->now_us + 1, "closed");
    put_closed(w, l, 1 - side, (last < w->now_us + CLOSE_FLUSH_US ? last : w->now_us + CLOSE_FLUSH_US) + 1,
               "the other side closed");
}
