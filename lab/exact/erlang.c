#include "erlang.h"

#include <math.h>

/* 1 / E for 0 <= f < 1: the integral of e^-u (1 + u / A)^f. Substituting u = e^(t - e^-t) makes both ends fall off
 * doubly exponentially, where the trapezoidal rule converges geometrically. */
static double inverse_fraction(double f, double load) {
    if (f <= 0) return 1;
    const double step = 1.0 / 16;
    double sum = 0;
    for (int i = -80; i <= 80; i++) {
        const double t = i * step, u = exp(t - exp(-t));
        sum += exp(-u) * pow(1 + u / load, f) * u * (1 + exp(-t));
    }
    return sum * step;
}

double lab_erlang_b(double m, double load) {
    if (load <= 0) return m > 0 ? 0 : 1;
    if (isinf(load)) return 1;
    const double f = m - floor(m);
    double inverse = inverse_fraction(f, load);
    /* 1 / E(j) = 1 + j / (A E(j - 1)): grows, so that nothing cancels */
    for (double j = f + 1; j < m + 0.5; j++) {
        inverse = 1 + inverse * j / load;
        if (inverse > 1e300) return 0;
    }
    return 1 / inverse;
}

double lab_erlang_carried(double m, double load) {
    return load * (1 - lab_erlang_b(m, load));
}

double lab_erlang_load(double m, double carried) {
    if (carried >= m) return INFINITY;
    if (carried <= 0) return 0;
    /* Newton's method: what is carried grows with the load and is concave, so that steps from below stay below */
    double load = carried;
    for (int i = 0; i < 200; i++) {
        const double e = lab_erlang_b(m, load), slope = 1 - e - e * (m - load + load * e);
        const double step = (carried - load * (1 - e)) / slope;
        load += step;
        if (!(fabs(step) > 1e-14 * load)) break;
    }
    return load;
}

double lab_erlang_boosted(double m, double ratio) {
    if (!(ratio > 1)) return 0;
    const double carried = m / ratio;
    return carried / lab_erlang_load(m, carried);
}

/* Tickets in use of all, when one unit of hash offers the load u. */
static double carried_by_all(const lab_erlang_class *classes, size_t count, double u) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += classes[i].miners * lab_erlang_carried(classes[i].tickets, classes[i].hash * u);
    return sum;
}

bool lab_erlang_classes(lab_erlang_class *classes, size_t count, double window, double *boosted) {
    double tickets = 0, hash = 0;
    for (size_t i = 0; i < count; i++) {
        hash += classes[i].miners * classes[i].hash;
        if (classes[i].hash > 0) tickets += classes[i].miners * classes[i].tickets;
    }
    if (!(hash > 0) || tickets <= window * (1 + 1e-9)) return false;
    /* u = W / L; with every miner always boosted L = hash, which is the least u */
    double low = window / hash, high = low;
    while (carried_by_all(classes, count, high) < window)
        low = high, high *= 2;
    for (int i = 0; i < 200 && high - low > 1e-15 * high; i++) {
        const double middle = low + (high - low) / 2;
        if (carried_by_all(classes, count, middle) < window)
            low = middle;
        else
            high = middle;
    }
    for (size_t i = 0; i < count; i++) {
        lab_erlang_class *c = classes + i;
        c->share = lab_erlang_carried(c->tickets, c->hash * high) / window;
        c->boosted = 1 - lab_erlang_b(c->tickets, c->hash * high);
    }
    *boosted = window / high / hash;
    return true;
}
