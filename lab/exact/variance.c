#include "variance.h"

#include <math.h>

lab_variance_result lab_variance(double share, double blocks, double shares_per_block) {
    const double pieces = blocks * shares_per_block, x = share;
    return (lab_variance_result){
        .expected = blocks * x,
        .variation = sqrt((1 - x) / (pieces * x)),
        .none = exp(pieces * log1p(-x)),
        .wait_blocks = 1 / x,
        .blocks_for_10 = (1 - x) / (x * shares_per_block) * 100,
    };
}
