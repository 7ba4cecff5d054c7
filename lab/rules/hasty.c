#include "rules/hasty.h"

#include "posw/difficulty.h"
#include "posw/window.h"
#include "rules/clock.h"

#include <math.h>
#include <stdlib.h>

static const double UNIT = 0x1p56;

typedef struct {
    posw_params params;
    posw_window *window;
    posw_header parent;
} branch;

static void push(branch *b, uint64_t timestamp, const posw_u256 *difficulty) {
    b->parent.timestamp = timestamp;
    b->parent.difficulty = *difficulty;
    posw_window_push(b->window, &(posw_window_entry){.timestamp = timestamp, .difficulty = *difficulty});
}

static posw_u256 next_difficulty(branch *b, uint64_t timestamp) {
    const posw_u256 d = posw_difficulty_next(&b->params, b->window, &b->parent, timestamp);
    b->parent.number++;
    return d;
}

static double add_hasty(branch *b) {
    const uint64_t timestamp = b->parent.timestamp + 1; /* T1 asks no more */
    const posw_u256 difficulty = next_difficulty(b, timestamp);
    push(b, timestamp, &difficulty);
    return lab_double_of(&difficulty) / UNIT;
}

/* Blocks in time up to where the branch begins: as many as a rule may look back to, from genesis on. */
static bool start(branch *b, const posw_params *p) {
    const uint64_t most = lab_look_back_max(p), back = most > 0 ? most : 1, last = 2 * back + back / 2;
    void *memory = aligned_alloc(64, (posw_window_size(back, 0) + 63) / 64 * 64);
    if (memory == NULL) return false;
    const posw_u256 unit = lab_u256_of(UNIT);
    b->params = *p;
    b->params.genesis_time = 0;
    b->params.genesis_difficulty = unit;
    b->window = posw_window_init(memory, back, 0, UINT64_MAX);
    b->parent = (posw_header){.number = last};
    for (uint64_t i = 0; i <= last; i++)
        push(b, i * p->block_time_s, &unit);
    return true;
}

/* Blocks that weigh `goal`, none less than `least`. Frees the window. */
static double *grow(branch *b, double goal, double least, size_t *count) {
    double *out = NULL, weight = 0;
    size_t room = 0;
    *count = 0;
    while (weight < goal) {
        if (*count == room) {
            double *more = realloc(out, (room = 2 * room + 64) * sizeof *out);
            if (more == NULL) break;
            out = more;
        }
        out[*count] = fmax(least, add_hasty(b));
        weight += out[(*count)++];
    }
    free(b->window);
    if (weight >= goal) return out;
    free(out);
    return NULL;
}

/* Where haste makes no block harder (no time is shorter than a block time of 1 s), its miner has better times to write,
 * and it counts as one in time. */
double *lab_hasty_branch(const posw_params *p, double depth, size_t *count) {
    branch b;
    return start(&b, p) ? grow(&b, depth, 1, count) : NULL;
}

/* The public chain's blocks after the loss, of which the branch has the first `after`. Returns what the others weigh.
 */
static double lose_hash(branch *public, branch *secret, double longer, uint64_t after, uint64_t depth) {
    const uint64_t start_s = public->parent.timestamp;
    double work = 0, weight = 0;
    for (uint64_t i = 0; i < after + depth; i++) {
        const posw_u256 d = next_difficulty(public, public->parent.timestamp + 1);
        work += lab_double_of(&d) / UNIT;
        const double passed_s = work * longer * (double)public->params.block_time_s;
        const uint64_t least = public->parent.timestamp + 1, timestamp = start_s + (uint64_t)passed_s;
        push(public, timestamp > least ? timestamp : least, &d);
        if (i < after) {
            secret->parent.number++;
            push(secret, public->parent.timestamp, &d);
        } else {
            weight += lab_double_of(&d) / UNIT;
        }
    }
    return weight;
}

double *lab_hasty_branch_of_loss(const posw_params *p, uint64_t depth, double longer, uint64_t after, double *weight,
                                 size_t *count) {
    branch public, secret;
    if (!start(&public, p)) return NULL;
    if (!start(&secret, p)) {
        free(public.window);
        return NULL;
    }
    *weight = lose_hash(&public, &secret, longer, after, depth);
    free(public.window);
    return grow(&secret, *weight, 0, count);
}

bool lab_hasty_attack(const lab_rule *r, const lab_scenario *s, double depth, lab_attack_route *out, size_t *blocks) {
    double *difficulties = lab_hasty_branch(&r->params, depth, blocks);
    if (difficulties == NULL) return false;
    const bool ok = lab_attack_along(r, s, depth, difficulties, *blocks, out);
    free(difficulties);
    return ok;
}

struct lab_reach {
    double *difficulties; /* of the branch that weighs `most` */
    double *weights;      /* of its first 1, 2, ... blocks */
    size_t count;
    double most;
};

lab_reach *lab_reach_new(const posw_params *p, double most) {
    lab_reach *r = calloc(1, sizeof *r);
    if (r == NULL) return NULL;
    r->most = most;
    r->difficulties = lab_hasty_branch(p, most, &r->count);
    if (r->difficulties != NULL) r->weights = malloc(r->count * sizeof *r->weights);
    if (r->weights == NULL) {
        lab_reach_free(r);
        return NULL;
    }
    double sum = 0;
    for (size_t i = 0; i < r->count; i++)
        r->weights[i] = sum += r->difficulties[i];
    return r;
}

void lab_reach_free(lab_reach *r) {
    if (r == NULL) return;
    free(r->difficulties);
    free(r->weights);
    free(r);
}

/* Blocks of the branch that replaces `depth`. */
static size_t blocks_against(const lab_reach *reach, double depth) {
    size_t low = 0, high = reach->count - 1;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (reach->weights[middle] >= depth)
            high = middle;
        else
            low = middle + 1;
    }
    return low + 1;
}

static bool costs(const lab_reach *reach, const lab_rule *r, const lab_scenario *s, double depth, double value,
                  bool *out) {
    lab_attack_route route;
    if (!lab_attack_along(r, s, depth, reach->difficulties, blocks_against(reach, depth), &route)) return false;
    *out = route.cost >= value;
    return true;
}

double lab_reach_cost_depth(const lab_reach *reach, const lab_rule *r, const lab_scenario *s, double value,
                            double above) {
    double low = above, high = fmin(reach->most, above + 1);
    bool enough;
    for (;;) { /* further and further: what is near is quicker to look at */
        if (!costs(reach, r, s, high, value, &enough)) return 0;
        if (enough) break;
        if (high >= reach->most) return INFINITY;
        low = high;
        high = fmin(reach->most, 2 * high);
    }
    while (high - low > 1) {
        const double middle = floor(low + (high - low) / 2);
        if (!costs(reach, r, s, middle, value, &enough)) return 0;
        if (enough)
            high = middle;
        else
            low = middle;
    }
    return high;
}

double lab_reach_depth(const lab_reach *r, double blocks) {
    const double whole = ceil(blocks);
    if (whole < 2) return whole;
    if (whole - 1 > (double)r->count) return INFINITY;
    const double depth = fmax(whole, floor(r->weights[(size_t)whole - 2]) + 1);
    return depth <= r->most ? depth : INFINITY;
}
