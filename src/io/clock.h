/* The time that a node is given: that of the wall clock, which somebody may set, but never back.
 *
 *      wall     100  101 │ set to 4000: 4000  4001 │ set to 103: 103   104
 *      steady     7    8 │                 9    10 │              11    12
 *      now      100  101 │              4000  4001 │            4002  4003
 *      behind     0    0 │                 0     0 │            3899  3899
 *
 * Set forward, the node's time follows; set back, it goes on at the pace of the steady clock, and says by how much the
 * wall clock is behind it. If it stood still until the wall clock has caught up, nothing would be due meanwhile: no
 * block made, no peer pinged, no silent one left. */
#ifndef POSW_IO_CLOCK_H
#define POSW_IO_CLOCK_H

#include <stdint.h>

typedef struct {
    uint64_t now_ms;    /* 0: not begun */
    uint64_t steady_ms; /* the steady clock at that time */
} posw_clock;

/* Both clocks as they are read now; steady_ms never goes back, and counts from anywhere. Returns by how many
 * milliseconds the wall clock is behind c->now_ms. */
uint64_t posw_clock_advance(posw_clock *c, uint64_t wall_ms, uint64_t steady_ms);

#endif
