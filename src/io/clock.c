#include "io/clock.h"

uint64_t posw_clock_advance(posw_clock *c, uint64_t wall_ms, uint64_t steady_ms) {
    if (c->now_ms != 0) c->now_ms += steady_ms - c->steady_ms;
    if (wall_ms > c->now_ms) c->now_ms = wall_ms;
    c->steady_ms = steady_ms;
    return c->now_ms - wall_ms;
}
