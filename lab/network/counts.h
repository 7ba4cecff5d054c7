/* What both models of a network count of a block that is found, and of one that comes to a node. */
#ifndef POSW_LAB_NETWORK_COUNTS_H
#define POSW_LAB_NETWORK_COUNTS_H

#include "network.h"

#include <math.h>

/* power: of the node, in parts of all. */
static inline void count_found(network_result *out, size_t node, double power) {
    out->found++;
    if (out->found_of != NULL) out->found_of[node]++;
    out->own_power += power;
}

/* Times until a part of the nodes has a block. reached: by how many it is had now, the finder among them. */
static inline void count_arrival(network_result *out, size_t nodes, double power, uint64_t us, uint32_t reached) {
    static const double parts[3] = {.5, .9, .99};
    const double ms = (double)us / 1000;
    out->arrivals++;
    out->arrival_ms += ms;
    out->delay_ms += power * ms;
    out->delay_power += power;
    for (size_t i = 0; i < 3; i++) {
        if (reached != (uint32_t)ceil(parts[i] * (double)nodes)) continue;
        out->reached[i]++;
        out->reached_ms[i] += ms;
    }
}

#endif
