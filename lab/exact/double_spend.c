#include "double_spend.h"

#include <math.h>

/* Sum over m of P(attacker has m when the honest chain has z) * P(catching up from there). All terms are positive, so
 * that tiny results are as accurate as large ones: what lies beyond the last m of the loop succeeds for certain and is
 * bounded by the tail of the distribution. */

/* NB(m; z, p): m blocks of the attacker before the z-th honest one, as a logarithm. */
static double log_negative_binomial(double q, uint64_t z, uint64_t m) {
    const double dz = (double)z, dm = (double)m;
    return lgamma(dz + dm) - lgamma(dz) - lgamma(dm + 1) + dz * log1p(-q) + dm * log(q);
}

static double log_poisson(double mean, uint64_t m) {
    return (double)m * log(mean) - mean - lgamma((double)m + 1);
}

/* The attacker needs `ahead` more blocks than the honest chain from a deficit: (q/p)^deficit, or 1 where there is none.
 */
static double catch_up(double q, int64_t deficit) {
    return deficit <= 0 ? 1 : pow(q / (1 - q), (double)deficit);
}

double lab_double_spend(enum lab_double_spend_model model, double q, uint64_t z) {
    if (z == 0 || q >= 0.5) return 1;
    if (q <= 0) return 0;
    const double mean = (double)z * q / (1 - q);
    double sum = 0;
    for (uint64_t m = 0;; m++) {
        const double log_p = model == LAB_DOUBLE_SPEND_NAKAMOTO ? log_poisson(mean, m) : log_negative_binomial(q, z, m);
        const int64_t deficit = (int64_t)z - (int64_t)m + (model == LAB_DOUBLE_SPEND_STRICT);
        const double term = exp(log_p) * catch_up(q, deficit);
        sum += term;
        /* beyond the bulk terms fall at least geometrically */
        if (m > z && (double)m > mean && term <= sum * 1e-18) break;
    }
    return fmin(sum, 1);
}

/* ---- tickets ---- */

/* Logarithm of the probability of ever being `deficit` blocks further ahead, while the honest chain makes at most
 * `most` blocks: the sum over j = 0..most of  d / (d + 2 j) C(d + 2 j, j) p^j q^(d + j)  (first passages of a walk).
 * Its terms are summed as multiples of the first, and scaled down before they overflow. */
static double log_passage(double q, uint64_t deficit, uint64_t most) {
    static const double BIG = 1e250;
    const double d = (double)deficit, pq = q * (1 - q);
    double term = 1, sum = 1, scale = d * log(q);
    for (uint64_t i = 0; i < most; i++) {
        const double j = (double)i;
        term *= pq * (d + 2 * j) * (d + 2 * j + 1) / ((j + 1) * (d + j + 1));
        sum += term;
        if (term < sum * 1e-19 && j > d) break; /* from there on they fall */
        if (sum < BIG) continue;
        term /= BIG;
        sum /= BIG;
        scale += log(BIG);
    }
    return scale + log(sum);
}

/* Sum over m, the attacker's blocks when the honest chain has z. It stops at one more than the honest chain has, so
 * that it needs z + 1 tickets and one more for each further honest block: it gives up after tickets - z - 1 of those.
 */
double lab_double_spend_tickets(double q, uint64_t z, uint64_t tickets) {
    if (tickets <= z) return 0;
    if (z == 0 || q >= 1) return 1;
    if (q <= 0) return 0;
    const double mean = (double)z * q / (1 - q);
    double sum = 0, term = 0;
    for (uint64_t m = 0; m <= z; m++)
        sum += exp(log_negative_binomial(q, z, m) + log_passage(q, z + 1 - m, tickets - z - 1));
    for (uint64_t m = z + 1; m == z + 1 || (double)m < mean || term > sum * 1e-18; m++)
        sum += term = exp(log_negative_binomial(q, z, m));
    return fmin(sum, 1);
}

/* ---- confirmations ---- */

typedef struct {
    double q;
    enum lab_double_spend_model model;
    uint64_t tickets; /* UINT64_MAX: the model */
} spender;

static double success(const spender *s, uint64_t z) {
    return s->tickets == UINT64_MAX ? lab_double_spend(s->model, s->q, z)
                                    : lab_double_spend_tickets(s->q, z, s->tickets);
}

/* The probability falls with z; at `low` it is too great, and at `high` it is not. */
static uint64_t least_between(const spender *s, double risk, uint64_t low, uint64_t high) {
    while (high - low > 1) {
        const uint64_t z = low + (high - low) / 2;
        if (success(s, z) < risk)
            high = z;
        else
            low = z;
    }
    return high;
}

uint64_t lab_confirmations(enum lab_double_spend_model model, double q, double risk, uint64_t z_max) {
    const spender s = {q, model, UINT64_MAX};
    uint64_t low = 0, high = 1;
    while (success(&s, high) >= risk) {
        if (high >= z_max) return UINT64_MAX;
        low = high;
        high = high < z_max / 2 ? 2 * high : z_max;
    }
    return least_between(&s, risk, low, high);
}

uint64_t lab_confirmations_tickets(double q, double risk, uint64_t tickets) {
    const spender s = {q, LAB_DOUBLE_SPEND_STRICT, tickets};
    return least_between(&s, risk, 0, tickets > 0 ? tickets : 1);
}

/* ---- stake ---- */

double lab_confirmations_by_stake(double value, double fall, double ticket_price) {
    return ceil(value / (fall * ticket_price));
}

double lab_confirmations_false_times(double blocks, double block_time_s, double half_life_blocks, double lag_blocks) {
    const double whole = ceil(blocks), fewer = whole - 1, harder = fewer - 1 - lag_blocks;
    const double ratio = exp2((1 - 1 / block_time_s) / half_life_blocks); /* of a block to the one before */
    if (!(harder > 0) || ratio == 1) return whole;
    return fmax(whole, floor(fewer - harder + (pow(ratio, harder + 1) - ratio) / (ratio - 1)) + 1);
}
