/* Comparing figures with their tolerance. */
#ifndef POSW_TEST_LAB_NEAR_H
#define POSW_TEST_LAB_NEAR_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance)) fail_msg("%.12g, expected %.12g", got, want);
}

#endif
