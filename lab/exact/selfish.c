#include "selfish.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

double lab_selfish_sm1(double a, double g) {
    if (a >= 0.5) return 1;
    return (a * (1 - a) * (1 - a) * (4 * a + g * (1 - 2 * a)) - a * a * a) / (1 - a * (1 + (2 - a) * a));
}

double lab_selfish_sm1_threshold(double gamma) {
    return (1 - gamma) / (3 - 2 * gamma);
}

/* SM1 where of two branches of the same length, two blocks or more, the attacker's is the heavier one. It keeps blocks
 * hidden until the honest branch is as long, and in a race of one block each goes on like that behind its shown block.
 *
 *   walk      from a lead of d, with a hidden blocks, to a lead of 0: a + d r of them, r = a / (1 - 2 a)
 *   race(n)   the first block is shown and raced against, n - 1 are behind it:
 *                 alpha             race(n + 1)
 *                 (1 - alpha) g     the first one counts; race(n - 1), or one honest block for n = 1
 *                 the rest          two honest blocks for n = 1; else a lead of n - 2, with n blocks
 *   lead(n)   n hidden, no honest block yet: lead(n + 1) or race(n)
 *
 * So race(n) = u n + v + c z^(n-1) own blocks and h z^(n-1) honest ones, z the smaller root of alpha z^2 - z +
 * (1 - alpha) g; and lead(n) follows with the same shape. */
double lab_selfish_sm1_earlier(double a, double g) {
    if (a >= 0.5) return 1;
    if (a <= 0) return 0;
    const double b = 1 - a, r = a / (b - a), lost = b * (1 - g), followed = b * g;
    const double z = 2 * followed / (1 + sqrt(1 - 4 * a * followed)), slow = 1 - a * z;
    const double u = 1 + r, v = lost > 0 ? (a * u + followed * (1 - u) - 2 * r * lost) / lost : 0;
    const double c = (a * (2 * u + v) + followed - u - v) / slow, h = (followed + 2 * lost) / slow;
    const double own = a * (u + a / b * u + v + b * c / slow), honest = b + a * b * h / slow;
    return own / (own + honest);
}

double lab_selfish_sm1_earlier_threshold(double gamma) {
    double low = 0, high = 0.5;
    while (high - low > 1e-9) {
        const double alpha = low + (high - low) / 2;
        if (lab_selfish_sm1_earlier(alpha, gamma) > alpha)
            high = alpha;
        else
            low = alpha;
    }
    return low + (high - low) / 2;
}

/* ---- the decision process ----
 *
 * a, h: blocks of the attacker's and of the honest branch since they parted, 0 to T. fork: what the latest block was.
 *   IRRELEVANT  the attacker's: the honest block at the tip, if any, has been seen by all
 *   RELEVANT    an honest one: the attacker can still race against it
 *   ACTIVE      a race is on: part gamma of the honest hash mines on the attacker's branch
 *
 * Each time the attacker adopts the honest branch, everything starts anew, so that the ratio of rewards is that of one
 * such cycle. For a guess r of the ratio the cycle is worth V = max E[(1 - r) own - r others']; r is too low while V >
 * 0.
 *
 * Waiting and racing lead to longer branches (a + h grows by one); only overriding and a race that is won lead back,
 * and only to the 2 T states kept(d) = (d, 0, IRRELEVANT), d = 1..T        beaten(d) = (d, 1, RELEVANT), d = 0..T-1.
 * With the values of those known, all others follow in one pass from long branches to short ones. So a strategy is
 * judged exactly by 2 T linear equations, whose coefficients come from such a pass, and improved until nothing changes
 * (Howard's policy iteration: a handful of rounds, also near alpha = 1/2, where cycles are long). */

enum fork { IRRELEVANT, RELEVANT, ACTIVE, FORK_COUNT };
enum action { ADOPT, OVERRIDE, WAIT, RACE, TIE, ACTION_COUNT };

typedef struct {
    double alpha, gamma, ratio;
    enum lab_tie tie;
    unsigned limit;   /* T */
    uint8_t *chosen;  /* an action for each state */
    double *known;    /* the values of kept(1..T), beaten(0..T-1) */
    double *value;    /* of the states of two sums a + h, scalar */
    double *linear;   /* the same as linear forms in `known`, 2 T coefficients and a constant */
    double *equation; /* 2 T rows of 2 T + 1 */
} process;

static size_t state_of(const process *m, unsigned a, unsigned h, enum fork f) {
    return ((size_t)a * (m->limit + 1) + h) * FORK_COUNT + f;
}

static size_t kept(unsigned d) {
    return d - 1;
}

static size_t beaten(const process *m, unsigned d) {
    return m->limit + d;
}

static bool may(const process *m, enum action action, unsigned a, unsigned h, enum fork f) {
    const bool room = a < m->limit && h < m->limit;
    switch (action) {
    case ADOPT:
        return true;
    case OVERRIDE:
        return a > h;
    case WAIT:
        return room && f != ACTIVE;
    case RACE: /* to start one, or to go on waiting while it is on */
        if (m->tie == LAB_TIE_EARLIER && h > 1) return false;
        return room && a >= h && h > 0 && (f != IRRELEVANT || m->tie == LAB_TIE_UNIFORM);
    case TIE: /* to show as many blocks as the honest branch has, which weigh more */
        return m->tie == LAB_TIE_EARLIER && a >= h && h > 1;
    case ACTION_COUNT:
        break;
    }
    return false;
}

/* An action as terms: a reward, known values, and states with a + h one higher. */
typedef struct {
    double reward;
    size_t known_count, longer_count;
    struct {
        double p;
        size_t index;
    } known[2], longer[2];
} terms;

static void add_known(terms *t, double p, size_t index) {
    t->known[t->known_count].p = p;
    t->known[t->known_count++].index = index;
}

/* Among states of the same sum: by a and fork. */
static void add_longer(terms *t, double p, unsigned a, enum fork f) {
    t->longer[t->longer_count].p = p;
    t->longer[t->longer_count++].index = (size_t)a * FORK_COUNT + f;
}

static terms terms_of(const process *m, enum action action, unsigned a, unsigned h) {
    const double own = 1 - m->ratio, p = m->alpha, q = 1 - m->alpha;
    terms t = {0};
    switch (action) {
    case ADOPT:
        t.reward = -m->ratio * h;
        break;
    case OVERRIDE:
        t.reward = own * (h + 1);
        add_known(&t, p, kept(a - h));
        add_known(&t, q, beaten(m, a - h - 1));
        break;
    case TIE:
        t.reward = own * h;
        add_known(&t, p, kept(a - h + 1));
        add_known(&t, q, beaten(m, a - h));
        break;
    case WAIT:
        add_longer(&t, p, a + 1, IRRELEVANT);
        add_longer(&t, q, a, RELEVANT);
        break;
    case RACE:
        t.reward = own * h * m->gamma * q;
        add_known(&t, m->gamma * q, beaten(m, a - h));
        add_longer(&t, p, a + 1, ACTIVE);
        add_longer(&t, (1 - m->gamma) * q, a, RELEVANT);
        break;
    case ACTION_COUNT:
        break;
    }
    return t;
}

/* ---- one pass over all states, from long branches to short ones ---- */

static double number_of(const process *m, const terms *t, const double *longer) {
    double v = t->reward;
    for (size_t i = 0; i < t->known_count; i++)
        v += t->known[i].p * m->known[t->known[i].index];
    for (size_t i = 0; i < t->longer_count; i++)
        v += t->longer[i].p * longer[t->longer[i].index];
    return v;
}

/* The best action with the known values; the one chosen before stays unless another is clearly better. */
static bool improve(process *m, unsigned a, unsigned h, enum fork f, const double *longer, double *out) {
    static const double CLEARLY = 1e-11;
    uint8_t *chosen = &m->chosen[state_of(m, a, h, f)];
    const terms before = terms_of(m, (enum action) * chosen, a, h);
    double most = number_of(m, &before, longer);
    bool changed = false;
    for (int action = 0; action < ACTION_COUNT; action++) {
        if (!may(m, (enum action)action, a, h, f)) continue;
        const terms t = terms_of(m, (enum action)action, a, h);
        const double v = number_of(m, &t, longer);
        if (v <= most + CLEARLY) continue;
        most = v;
        *chosen = (uint8_t)action;
        changed = true;
    }
    *out = most;
    return changed;
}

/* Returns whether any choice changed. */
static bool improve_all(process *m) {
    const size_t row = (size_t)(m->limit + 2) * FORK_COUNT;
    bool changed = false;
    for (unsigned sum = 2 * m->limit + 1; sum-- > 0;) {
        double *here = m->value + (sum % 2) * row;
        const double *longer = m->value + ((sum + 1) % 2) * row;
        for (unsigned a = sum > m->limit ? sum - m->limit : 0; a <= sum && a <= m->limit; a++)
            for (unsigned f = 0; f < FORK_COUNT; f++)
                changed |= improve(m, a, sum - a, (enum fork)f, longer, &here[a * FORK_COUNT + f]);
    }
    return changed;
}

static void linear_of(const process *m, const terms *t, const double *longer, double *out) {
    const size_t width = 2 * (size_t)m->limit + 1;
    memset(out, 0, width * sizeof *out);
    out[width - 1] = t->reward;
    for (size_t i = 0; i < t->longer_count; i++) {
        const double p = t->longer[i].p, *from = longer + t->longer[i].index * width;
        for (size_t k = 0; k < width; k++)
            out[k] += p * from[k];
    }
    for (size_t i = 0; i < t->known_count; i++)
        out[t->known[i].index] += t->known[i].p;
}

/* The linear form of every state under the chosen strategy; those of the known states become the equations. */
static void write_equations(process *m) {
    const size_t width = 2 * (size_t)m->limit + 1, row = (size_t)(m->limit + 2) * FORK_COUNT * width;
    for (unsigned sum = 2 * m->limit + 1; sum-- > 0;) {
        double *here = m->linear + (sum % 2) * row;
        const double *longer = m->linear + ((sum + 1) % 2) * row;
        for (unsigned a = sum > m->limit ? sum - m->limit : 0; a <= sum && a <= m->limit; a++) {
            const unsigned h = sum - a;
            for (unsigned f = 0; f < FORK_COUNT; f++) {
                const terms t = terms_of(m, (enum action)m->chosen[state_of(m, a, h, (enum fork)f)], a, h);
                linear_of(m, &t, longer, here + (a * FORK_COUNT + f) * width);
            }
            if (h == 0 && a > 0)
                memcpy(m->equation + kept(a) * width, here + (a * FORK_COUNT + IRRELEVANT) * width,
                       width * sizeof *here);
            if (h == 1 && a < m->limit)
                memcpy(m->equation + beaten(m, a) * width, here + (a * FORK_COUNT + RELEVANT) * width,
                       width * sizeof *here);
        }
    }
}

/* known = equation (known, 1): elimination without pivoting, which is safe since I - A is diagonally dominant (the
 * coefficients of a row are probabilities, with a sum of at most 1). */
static void solve_equations(process *m) {
    const size_t n = 2 * (size_t)m->limit, width = n + 1;
    double *e = m->equation;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++)
            e[i * width + k] = (double)(i == k) - e[i * width + k];
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            const double factor = e[j * width + i] / e[i * width + i];
            if (factor == 0) continue;
            for (size_t k = i; k < width; k++)
                e[j * width + k] -= factor * e[i * width + k];
        }
    }
    for (size_t i = n; i-- > 0;) {
        double v = e[i * width + n];
        for (size_t k = i + 1; k < n; k++)
            v -= e[i * width + k] * m->known[k];
        m->known[i] = v / e[i * width + i];
    }
}

/* What a cycle is worth for this ratio. It begins with a block of the attacker's, or with an honest one. */
static double worth(process *m, double ratio) {
    enum { ROUNDS_MAX = 200 };
    m->ratio = ratio;
    for (int i = 0; i < ROUNDS_MAX; i++) {
        write_equations(m);
        solve_equations(m);
        if (!improve_all(m)) break;
    }
    return m->alpha * m->known[kept(1)] + (1 - m->alpha) * m->known[beaten(m, 0)];
}

/* ---- memory, and the search for the ratio ---- */

static void process_clear(process *m) {
    free(m->chosen);
    free(m->known);
    free(m->value);
    free(m->linear);
    free(m->equation);
}

static bool process_init(process *m, double gamma, enum lab_tie tie, unsigned truncation) {
    const size_t side = (size_t)truncation + 1, unknowns = 2 * (size_t)truncation, row = (side + 1) * FORK_COUNT;
    *m = (process){.gamma = gamma, .tie = tie, .limit = truncation};
    m->chosen = calloc(side * side * FORK_COUNT, 1);
    m->known = calloc(unknowns, sizeof *m->known);
    m->value = calloc(2 * row, sizeof *m->value);
    m->linear = calloc(2 * row * (unknowns + 1), sizeof *m->linear);
    m->equation = calloc(unknowns * (unknowns + 1), sizeof *m->equation);
    if (m->chosen != NULL && m->known != NULL && m->value != NULL && m->linear != NULL && m->equation != NULL) {
        /* to begin with, the honest strategy */
        for (unsigned a = 0; a < side; a++)
            for (unsigned h = 0; h < side; h++)
                for (unsigned f = 0; f < FORK_COUNT; f++)
                    m->chosen[state_of(m, a, h, (enum fork)f)] = a > h ? OVERRIDE : ADOPT;
        return true;
    }
    process_clear(m);
    return false;
}

/* Where the worth of a cycle is 0, by regula falsi (Illinois): it falls from alpha, where the honest strategy is worth
 * 0, to alpha / (1 - alpha), which no strategy exceeds. */
static double best_ratio(process *m) {
    static const double TOLERANCE = 1e-10;
    double low = m->alpha, high = m->alpha / (1 - m->alpha), at_low = worth(m, low), at_high = worth(m, high);
    if (at_low <= TOLERANCE) return low;
    if (at_high >= -TOLERANCE) return high;
    while (high - low > TOLERANCE) {
        const double ratio = (low * at_high - high * at_low) / (at_high - at_low), at = worth(m, ratio);
        if (fabs(at) <= TOLERANCE) return ratio;
        if (at > 0)
            low = ratio, at_low = at, at_high /= 2;
        else
            high = ratio, at_high = at, at_low /= 2;
    }
    return low;
}

double lab_selfish_optimal(double alpha, double gamma, enum lab_tie tie, unsigned truncation) {
    if (alpha >= 0.5) return 1;
    if (alpha <= 0) return 0;
    process m;
    if (!process_init(&m, gamma, tie, truncation)) return NAN;
    m.alpha = alpha;
    const double ratio = best_ratio(&m);
    process_clear(&m);
    return fmax(ratio, tie == LAB_TIE_EARLIER ? lab_selfish_sm1_earlier(alpha, gamma) : lab_selfish_sm1(alpha, gamma));
}

double lab_selfish_optimal_threshold(double gamma, enum lab_tie tie, unsigned truncation) {
    process m;
    if (!process_init(&m, gamma, tie, truncation)) return NAN;
    double low = 0, high = 0.5;
    while (high - low > 5e-7) {
        m.alpha = low + (high - low) / 2;
        /* the honest strategy is worth exactly 0 when the ratio is alpha */
        if (worth(&m, m.alpha) > 1e-10)
            high = m.alpha;
        else
            low = m.alpha;
    }
    process_clear(&m);
    return fmin(low + (high - low) / 2,
                tie == LAB_TIE_EARLIER ? lab_selfish_sm1_earlier_threshold(gamma) : lab_selfish_sm1_threshold(gamma));
}
