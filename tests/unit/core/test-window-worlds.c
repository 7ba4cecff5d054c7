/* The ticket window in every small world: all sequences of pushes and pops up to a length, for each small W and
 * history, with three miners, boosted or not, after a short or a long step of time, from an empty chain and from one
 * that is longer than a median. After each operation every answer is compared with a recount from the words of T3 and
 * W4.
 *
 * Sequences that differ only in the names of the miners are one world: the names given first, second and third are
 * always a, b and c. That leaves out nothing, and the number of sequences that are stood for is counted and compared
 * with 13^n. The three addresses differ from world to world. */
#include "posw/window.h"

#include "base/scale.h"
#include "core/made.h"

enum { MINERS = 3, OLD_MINER = MINERS, PUSHES = 4 * MINERS, OPERATIONS = PUSHES + 1 };
enum { DEPTH_MAX = 7, PREFIX = 12, STEP_SHORT_S = 1 };

/* The chain as a list. mtp is computed when an entry is pushed, from the list. */
typedef struct {
    posw_window_entry entry;
    int miner;
    uint64_t mtp;
} block;

typedef struct {
    block blocks[PREFIX + DEPTH_MAX];
    uint64_t count, top; /* top: highest count */
} list;

typedef struct {
    uint64_t window, history, unlock_s, step_long_s;
    int depth;
    posw_address miners[MINERS + 1]; /* the last made the blocks before the first operation */
    size_t size;
    void *memory[DEPTH_MAX + 1]; /* the window after each operation: a copy is a snapshot */
    list lists[DEPTH_MAX + 1];
    uint64_t executed, stands_for, pops,
        unlocked; /* operations; the last two: that worked, that time had unlocked blocks at */
} world;

/* --- the words of T3 and W4 --- */

/* T3: of the last entry, by sorting. */
static uint64_t mtp_of(const list *l) {
    uint64_t times[11] = {0}, n = 0;
    for (uint64_t i = l->count; i > 0 && n < 11; i--) {
        const uint64_t t = l->blocks[i - 1].entry.timestamp;
        uint64_t at = n++;
        for (; at > 0 && times[at - 1] > t; at--)
            times[at] = times[at - 1];
        times[at] = t;
    }
    return times[n / 2];
}

/* W4; tells if time has unlocked a block of the window. */
static bool recount(uint64_t used[MINERS + 1], const world *x, const list *l) {
    bool any_unlocked = false;
    memset(used, 0, (MINERS + 1) * sizeof *used);
    for (uint64_t i = l->count > x->window ? l->count - x->window : 0; i < l->count; i++) {
        const bool unlocked = l->blocks[l->count - 1].mtp - l->blocks[i].mtp > x->unlock_s;
        if (l->blocks[i].entry.boosted && !unlocked) used[l->blocks[i].miner]++;
        any_unlocked = any_unlocked || (l->blocks[i].entry.boosted && unlocked);
    }
    return any_unlocked;
}

/* --- comparison --- */

static void compare(world *x, const posw_window *w, const list *l) {
    uint64_t used[MINERS + 1];
    x->unlocked += recount(used, x, l);
    for (int m = 0; m <= MINERS; m++) {
        assert_int_equal(posw_window_used(w, &x->miners[m]), used[m]);
        assert_int_equal(posw_window_recount(w, &x->miners[m]), used[m]);
    }
    assert_int_equal(posw_window_mtp(w), l->count == 0 ? 0 : l->blocks[l->count - 1].mtp);
    const uint64_t kept = posw_window_count(w), room = x->window + x->history + POSW_WINDOW_MTP_ANCESTORS;
    assert_int_equal(kept, l->top > room ? l->count - (l->top - room) : l->count);
    for (uint64_t i = 0; i < kept; i++) {
        const posw_window_entry got = posw_window_at(w, i), *want = &l->blocks[l->count - 1 - i].entry;
        assert_int_equal(got.timestamp, want->timestamp);
        assert_int_equal(got.boosted, want->boosted);
        assert_true(posw_address_equal(&got.miner, &want->miner));
        assert_true(posw_u256_equal(&got.difficulty, &want->difficulty));
    }
}

/* --- operations --- */

static void push(const world *x, posw_window *w, list *l, int miner, bool boosted, uint64_t step_s) {
    const uint64_t last = l->count == 0 ? 1000 : l->blocks[l->count - 1].entry.timestamp;
    block *k = &l->blocks[l->count++];
    *k = (block){
        .miner = miner,
        .entry = {
            .miner = x->miners[miner], .timestamp = last + step_s, .boosted = boosted, .difficulty = u64(l->count)}};
    k->mtp = mtp_of(l);
    if (l->count > l->top) l->top = l->count;
    posw_window_push(w, &k->entry);
}

static void pop(world *x, posw_window *w, list *l) {
    const bool may = l->count > 0 && l->top - l->count < x->history;
    assert_int_equal(posw_window_pop(w), may);
    if (!may) return;
    l->count--;
    x->pops++;
}

static void operate(world *x, posw_window *w, list *l, int operation) {
    if (operation == PUSHES)
        pop(x, w, l);
    else
        push(x, w, l, operation / 4, operation & 1, operation & 2 ? x->step_long_s : STEP_SHORT_S);
}

/* names: how many miners have a name so far; worlds: how many sequences this one stands for. */
static void explore(world *x, int depth, int names, uint64_t worlds) {
    if (depth == x->depth) return;
    for (int operation = 0; operation < OPERATIONS; operation++) {
        const int miner = operation == PUSHES ? 0 : operation / 4;
        if (miner > names) continue;
        const bool names_one = operation != PUSHES && miner == names;
        const uint64_t stands_for = names_one ? worlds * (uint64_t)(MINERS - names) : worlds;
        memcpy(x->memory[depth + 1], x->memory[depth], x->size);
        x->lists[depth + 1] = x->lists[depth];
        operate(x, x->memory[depth + 1], &x->lists[depth + 1], operation);
        compare(x, x->memory[depth + 1], &x->lists[depth + 1]);
        x->executed++;
        x->stands_for += stands_for;
        explore(x, depth + 1, names + names_one, stands_for);
    }
}

/* --- worlds --- */

typedef struct {
    uint64_t executed, stood_for, worlds;
} tally;

static void run(tally *t, uint64_t *seed, uint64_t window, uint64_t history, bool long_chain) {
    world x = {.window = window, .history = history, .unlock_s = 2 * window, .depth = (int)scale_of(5, DEPTH_MAX)};
    const bool unlocks = (window + history + long_chain) % 2 == 0; /* after one long step just so, or just not */
    x.step_long_s = x.unlock_s + unlocks;
    x.size = posw_window_size(window, history);
    for (int m = 0; m <= MINERS; m++)
        random_bytes(seed, x.miners[m].b, sizeof x.miners[m].b);
    for (int d = 0; d <= x.depth; d++) {
        assert_int_equal(posix_memalign(&x.memory[d], 16, x.size), 0);
        memset(x.memory[d], 0xa5, x.size); /* nothing may depend on fresh memory */
    }
    posw_window *w = posw_window_init(x.memory[0], window, history, x.unlock_s);
    /* Long steps that the median reaches while operations go on. */
    for (int i = 0; long_chain && i < PREFIX; i++)
        push(&x, w, &x.lists[0], OLD_MINER, i % 3 != 0, i >= PREFIX - 4 && i % 2 == 0 ? x.step_long_s : STEP_SHORT_S);
    compare(&x, w, &x.lists[0]);
    explore(&x, 0, 0, 1);
    uint64_t all = 0, level = 1;
    for (int d = 0; d < x.depth; d++)
        all += level *= OPERATIONS;
    assert_int_equal(x.stands_for, all);
    assert_true(x.unlocked > 0 || !unlocks || window == 1); /* the latest block is never unlocked */
    assert_int_equal(x.pops > 0, history > 0);
    *t = (tally){t->executed + x.executed, t->stood_for + x.stands_for, t->worlds + 1};
    for (int d = 0; d <= x.depth; d++)
        free(x.memory[d]);
}

static void test_all_windows(void **state) {
    (void)state;
    tally t = {0};
    uint64_t seed = scale_seed("window-worlds");
    for (uint64_t window = 1; window <= 4; window++)
        for (uint64_t history = 0; history <= 3; history++)
            for (int prefix = 0; prefix < 2; prefix++)
                run(&t, &seed, window, history, prefix == 1);
    printf(
        "ticket windows: %llu worlds of all sequences up to %d operations: %llu operations executed for %llu, %.1f s\n",
        (unsigned long long)t.worlds, (int)scale_of(5, DEPTH_MAX), (unsigned long long)t.executed,
        (unsigned long long)t.stood_for, scale_seconds());
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_windows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
