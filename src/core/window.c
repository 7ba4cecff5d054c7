/* The ticket window (T3, W4).
 *
 * The question it answers for each header: how many boosted blocks did this miner make among the W ancestors of the
 * next block, leaving out those that time has unlocked? A recount would cost W steps a header; here it is one table
 * look-up.
 *
 *      logical index   0 ...... low ............ next-W ..... first ............ next-1 | next
 *                      overwritten  kept for pops  unlocked by time  counted in `slots`
 *
 * Blocks get logical indices in the order of pushes. The ring keeps the latest W + history + 10 of them.
 *
 * Why one pointer is enough for the time unlock: timestamps strictly increase along a chain (T1), so the sorted list of
 * T3 is the chain itself, the median is the timestamp of a fixed earlier block, and the median time past never
 * decreases. Hence the unlocked blocks are always a prefix of the window, and `first` alone says which blocks count. A
 * push moves it forward only; a pop moves it back to where it was. Each block is counted once and uncounted once per
 * pass, so a run of pushes costs O(1) each. (A pop right after a block that unlocked much counts that much again.)
 *
 * The counts live in an open-addressing table (linear probing, deletion by shifting back, load at most one half). Its
 * hash is not keyed: consensus code has no secret. To build a long probe chain somebody would have to win that many
 * boosted blocks with different staked miners, and would gain microseconds.
 *
 * Invariant: for each miner, count = number of boosted entries with index in [first, next); a slot is empty iff its
 * count is 0. Everything is addressed by offsets, so the caller may copy the whole memory: that is a snapshot. */
#include "posw/window.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/word.h"
#include "core/window_parts.h"

enum { BLOCKS_MAX = 1 << 24 };

typedef struct {
    uint64_t timestamp;
    posw_address miner;
    bool boosted;
    posw_u256 difficulty;
} ring_entry;

typedef struct {
    posw_address miner;
    uint32_t count; /* 0: empty */
} count_slot;

struct posw_window {
    uint64_t window, history, unlock_s;
    uint64_t ring_size;  /* W + history + 10 */
    uint64_t slot_mask;  /* table size - 1 */
    uint64_t next;       /* logical index of the next push */
    uint64_t top;        /* the highest `next` since the reset */
    uint64_t first;      /* first counted entry */
    uint64_t head;       /* ring position of `next` */
    size_t slots_offset; /* bytes from the start of the struct */
    _Alignas(16) ring_entry ring[];
};

static uint64_t ring_size_of(uint64_t window_blocks, uint64_t history_blocks) {
    POSW_ASSERT(window_blocks >= 1 && window_blocks <= BLOCKS_MAX && history_blocks <= BLOCKS_MAX);
    return window_blocks + history_blocks + POSW_WINDOW_MTP_ANCESTORS;
}

/* A power of two, at least twice the greatest number of different miners. */
static uint64_t slot_count_of(uint64_t window_blocks) {
    uint64_t n = 4;
    while (n < 2 * window_blocks)
        n *= 2;
    return n;
}

static size_t slots_offset_of(uint64_t ring_size) {
    return sizeof(struct posw_window) + (size_t)ring_size * sizeof(ring_entry);
}

size_t posw_window_size(uint64_t window_blocks, uint64_t history_blocks) {
    const uint64_t ring_size = ring_size_of(window_blocks, history_blocks);
    return slots_offset_of(ring_size) + (size_t)slot_count_of(window_blocks) * sizeof(count_slot);
}

posw_window *posw_window_init(void *memory, uint64_t window_blocks, uint64_t history_blocks, uint64_t unlock_s) {
    POSW_ASSERT((uintptr_t)memory % 16 == 0);
    posw_window *w = memory;
    *w = (posw_window){.window = window_blocks, .history = history_blocks, .unlock_s = unlock_s};
    w->ring_size = ring_size_of(window_blocks, history_blocks);
    w->slot_mask = slot_count_of(window_blocks) - 1;
    w->slots_offset = slots_offset_of(w->ring_size);
    posw_window_reset(w);
    return w;
}

bool posw_window_is_of(const posw_window *w, const posw_params *p) {
    return w->window == p->window_blocks && w->unlock_s == 2 * p->window_blocks * p->block_time_s;
}

/* --- the table of counts --- */

static count_slot *slots_of(const posw_window *w) {
    return (count_slot *)((uint8_t *)w + w->slots_offset);
}

static uint64_t fold(uint64_t a, uint64_t b) {
    uint64_t high;
    const uint64_t low = posw_word_mul(&high, a, b);
    return low ^ high;
}

/* All 20 bytes count: addresses may be chosen with any pattern. */
static uint64_t slot_hash(const posw_address *miner) {
    const uint64_t a = posw_load_le64(miner->b), b = posw_load_le64(miner->b + 8), c = posw_load_be32(miner->b + 16);
    return fold(fold(a ^ 0x9e3779b97f4a7c15, b ^ 0xe7037ed1a0b428db) ^ 0x8ebc6af09c88c6e3, c ^ 0x589965cc75374cc3);
}

/* The slot of this miner, or the empty slot where it would go. */
static uint64_t slot_find(const posw_window *w, const posw_address *miner) {
    const count_slot *slots = slots_of(w);
    uint64_t i = slot_hash(miner) & w->slot_mask;
    while (slots[i].count != 0 && !posw_address_equal(&slots[i].miner, miner))
        i = (i + 1) & w->slot_mask;
    return i;
}

static void count_up(posw_window *w, const posw_address *miner) {
    count_slot *slot = slots_of(w) + slot_find(w, miner);
    if (slot->count == 0) slot->miner = *miner;
    slot->count++;
}

/* Empties slot `hole` and moves back what its occupation had displaced. */
static void slot_empty(posw_window *w, uint64_t hole) {
    count_slot *slots = slots_of(w);
    for (uint64_t i = (hole + 1) & w->slot_mask; slots[i].count != 0; i = (i + 1) & w->slot_mask) {
        const uint64_t home = slot_hash(&slots[i].miner) & w->slot_mask;
        const bool stays = ((i - home) & w->slot_mask) < ((i - hole) & w->slot_mask);
        if (stays) continue;
        slots[hole] = slots[i];
        hole = i;
    }
    slots[hole].count = 0;
}

static void count_down(posw_window *w, const posw_address *miner) {
    const uint64_t i = slot_find(w, miner);
    count_slot *slot = slots_of(w) + i;
    POSW_ASSERT(slot->count > 0);
    if (slot->count == 1) {
        slot_empty(w, i);
        return;
    }
    slot->count--;
}

/* --- the ring --- */

/* Entry of a logical index that is still kept. */
static const ring_entry *entry_of(const posw_window *w, uint64_t index) {
    const uint64_t back = w->next - index; /* 1..ring_size */
    return &w->ring[w->head >= back ? w->head - back : w->head + w->ring_size - back];
}

/* T3: the median of the block and its up to 10 ancestors is element n / 2 of n increasing timestamps. */
static uint64_t mtp_of(const posw_window *w, uint64_t index) {
    const uint64_t n = index < POSW_WINDOW_MTP_ANCESTORS ? index + 1 : POSW_WINDOW_MTP_ANCESTORS + 1;
    return entry_of(w, index - (n - 1 - n / 2))->timestamp;
}

/* T3 */
uint64_t posw_window_mtp(const posw_window *w) {
    return w->next == 0 ? 0 : mtp_of(w, w->next - 1);
}

void posw_window_reset(posw_window *w) {
    w->next = w->top = w->first = w->head = 0;
    memset(slots_of(w), 0, (size_t)(w->slot_mask + 1) * sizeof(count_slot));
}

/* The first counted entry stops counting. */
static void drop_first(posw_window *w) {
    const ring_entry *e = entry_of(w, w->first);
    if (e->boosted) count_down(w, &e->miner);
    w->first++;
}

/* Moves `first` back over what is in the window and locked again after a pop. */
static void recapture(posw_window *w) {
    const uint64_t mtp = posw_window_mtp(w);
    const uint64_t start = w->next > w->window ? w->next - w->window : 0;
    while (w->first > start && mtp - mtp_of(w, w->first - 1) <= w->unlock_s) {
        w->first--;
        const ring_entry *e = entry_of(w, w->first);
        if (e->boosted) count_up(w, &e->miner);
    }
}

void posw_window_push(posw_window *w, const posw_window_entry *e) {
    POSW_ASSERT(w->next == 0 || e->timestamp > entry_of(w, w->next - 1)->timestamp); /* T1 */
    if (w->next - w->first == w->window) drop_first(w); /* first out, then in: never more than W miners in the table */
    w->ring[w->head] =
        (ring_entry){.timestamp = e->timestamp, .miner = e->miner, .boosted = e->boosted, .difficulty = e->difficulty};
    w->head = w->head + 1 == w->ring_size ? 0 : w->head + 1;
    w->next++;
    if (w->next > w->top) w->top = w->next;
    if (e->boosted) count_up(w, &e->miner);
    const uint64_t mtp = posw_window_mtp(w);
    while (mtp - mtp_of(w, w->first) > w->unlock_s) /* W4; ends at the latest entry, which is 0 behind itself */
        drop_first(w);
}

bool posw_window_pop(posw_window *w) {
    if (w->next == 0 || w->top - w->next >= w->history) return false;
    const ring_entry *last = entry_of(w, w->next - 1);
    if (last->boosted) count_down(w, &last->miner); /* its own median is never unlocked: first < next */
    w->next--;
    w->head = w->head == 0 ? w->ring_size - 1 : w->head - 1;
    recapture(w);
    return true;
}

/* W4 */
uint64_t posw_window_used(const posw_window *w, const posw_address *miner) {
    return slots_of(w)[slot_find(w, miner)].count;
}

/* W4, without the counts and without `first` */
uint64_t posw_window_recount(const posw_window *w, const posw_address *miner) {
    const uint64_t mtp = posw_window_mtp(w);
    uint64_t used = 0;
    for (uint64_t i = w->next > w->window ? w->next - w->window : 0; i < w->next; i++) {
        const ring_entry *e = entry_of(w, i);
        const bool unlocked = mtp - mtp_of(w, i) > w->unlock_s; /* never decreases along a chain (T3) */
        used += e->boosted && !unlocked && posw_address_equal(&e->miner, miner);
    }
    return used;
}

uint64_t posw_window_count(const posw_window *w) {
    const uint64_t low = w->top > w->ring_size ? w->top - w->ring_size : 0;
    return w->next - low;
}

posw_window_entry posw_window_at(const posw_window *w, uint64_t i) {
    POSW_ASSERT(i < posw_window_count(w));
    const ring_entry *e = entry_of(w, w->next - 1 - i);
    return (posw_window_entry){
        .miner = e->miner, .timestamp = e->timestamp, .boosted = e->boosted, .difficulty = e->difficulty};
}
