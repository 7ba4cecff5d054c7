#include "equilibrium.h"

#include "erlang.h"

#include <math.h>

lab_free_entry lab_free_entry_power(double k) {
    if (k <= 0) return (lab_free_entry){.miners = INFINITY, .electricity_cost_share = 1, .electricity_reward_share = 1};
    const double n = floor((1 + k) / k + 1e-9);
    /* n equal miners: costs together are (1 + k) (1 - 1 / n) of the reward */
    return (lab_free_entry){
        .miners = n,
        .electricity_cost_share = 1 / (1 + k),
        .electricity_reward_share = 1 - 1 / n,
        .profit_share = fmax(0, 1 - (1 + k) * (1 - 1 / n)),
        .least_share = k / (1 + k),
    };
}

/* theta = (active - 1) / sum of 1 / F over the active miners: each further miner is active while its F is above theta.
 */
lab_cournot_result lab_cournot(const double *weights, size_t count, double *shares) {
    lab_cournot_result r = {0};
    double inverse = 0;
    for (size_t i = 0; i < count && weights[i] > r.theta; i++) {
        inverse += 1 / weights[i];
        r.active = i + 1;
        r.theta = (double)i / inverse;
    }
    double hash = 0;
    for (size_t i = 0; i < count; i++) {
        const double x = i < r.active ? fmax(0, 1 - r.theta / weights[i]) : 0;
        r.hhi += x * x;
        r.top = fmax(r.top, x);
        if (x > 0) hash += x / weights[i];
        if (shares != NULL) shares[i] = x;
    }
    r.mean_weight = hash > 0 ? 1 / hash : 0;
    return r;
}

/* ---- tickets ---- */

typedef struct {
    double miners, window, sigma, hardware;
    double load;  /* A */
    double power; /* L, in units of hash that costs the whole reward: profit and costs are shares of the reward */
} ticket_game;

/* Marginal profit of a ticket, divided by 1 / W, when the hash is what the miner wants with m tickets each.
 *
 * carried(m, A) = A (1 - E); all carry W together: n carried(m, A) = W. With u = 1 / L, x_i = carried(m_i, W h_i u) /
 * W. When one of n equal miners adds hash dh, u falls by u dh / (n h); when it adds dm, by carried_m dm / (n carried_A
 * W h). The profit x (1 - c_e L) - hw h - sigma m / W has, with c_e = 1 - hw: by hash:   carried_A u (1 - 1/n) (1 - c_e
 * / u) - (c_e x / u^2) (u / (n h)) - hw = 0, which gives u; by ticket: (carried_m + carried_A (A / u) u_m) / W (1 - c_e
 * / u) + c_e x u_m / u^2 - sigma / W. */
static double marginal_ticket(ticket_game *g, double m) {
    const double n = g->miners, w = g->window, electric = 1 - g->hardware;
    const double load = lab_erlang_load(m, w / n), e = lab_erlang_b(m, load), step = 1e-4 * m;
    const double by_load = 1 - e - e * (m - load + load * e);
    const double by_ticket = (lab_erlang_carried(m + step, load) - lab_erlang_carried(m - step, load)) / (2 * step);
    const double u =
        (electric * by_load * (1 - 1 / n) + electric * w / (n * n * load) + g->hardware) / (by_load * (1 - 1 / n));
    const double du = -by_ticket * u / (n * by_load * load);
    g->load = load;
    g->power = 1 / u;
    return (by_ticket + by_load * load / u * du) * (1 - electric / u) + w * electric / n / (u * u) * du - g->sigma;
}

static double profit(double miners, double window, double sigma, double hardware, lab_ticket_equilibrium *out) {
    ticket_game g = {.miners = miners, .window = window, .sigma = sigma, .hardware = hardware};
    double low = window / miners * (1 + 1e-6), high = window / miners * 4 + 8;
    for (int i = 0; i < 60 && high - low > 1e-10 * high; i++) {
        const double middle = low + (high - low) / 2;
        if (marginal_ticket(&g, middle) > 0)
            low = middle;
        else
            high = middle;
    }
    const double m = low + (high - low) / 2;
    (void)marginal_ticket(&g, m);
    *out = (lab_ticket_equilibrium){
        .miners = miners,
        .tickets_ratio = miners * m / window,
        .tickets = m,
        .boosted = window / miners / g.load,
        .electricity = (1 - hardware) * g.power,
        .hardware = hardware * miners * g.load * g.power / window,
        .stake = sigma * miners * m / window,
    };
    return 1 - out->electricity - out->hardware - out->stake;
}

bool lab_ticket_equilibrium_find(double window, double sigma, double hardware, lab_ticket_equilibrium *out) {
    double low = 2, high = 2;
    while (high <= window / 2 && profit(high, window, sigma, hardware, out) > 0)
        low = high, high *= 2;
    if (high == 2 || high > window / 2) return false;
    for (int i = 0; i < 60 && high - low > 1e-6 * high; i++) {
        const double middle = low + (high - low) / 2;
        if (profit(middle, window, sigma, hardware, out) > 0)
            low = middle;
        else
            high = middle;
    }
    /* where idle hash costs next to nothing it grows without end, and there is no equilibrium to be found */
    return fabs(profit(low + (high - low) / 2, window, sigma, hardware, out)) < 1e-4;
}

/* ---- concentration ---- */

double lab_hhi(const double *shares, size_t count) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        sum += shares[i];
        squares += shares[i] * shares[i];
    }
    return sum > 0 ? squares / (sum * sum) : 0;
}

size_t lab_nakamoto(const double *shares, size_t count) {
    double sum = 0, part = 0;
    for (size_t i = 0; i < count; i++)
        sum += shares[i];
    for (size_t i = 0; i < count; i++) {
        part += shares[i];
        if (part > sum / 2) return i + 1;
    }
    return count;
}
