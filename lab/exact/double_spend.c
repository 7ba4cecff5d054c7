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
        if (m > z && (double)m > mean && term < sum * 1e-18) break;
    }
    return fmin(sum, 1);
}

uint64_t lab_confirmations(enum lab_double_spend_model model, double q, double risk, uint64_t z_max) {
    for (uint64_t z = 1; z <= z_max; z++)
        if (lab_double_spend(model, q, z) < risk) return z;
    return UINT64_MAX;
}
