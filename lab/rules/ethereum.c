#include "rules/ethereum.h"

#include "base/error.h"
#include "posw/difficulty.h"
#include "posw/u256.h"

static const posw_u256 FLOOR = {{131072, 0, 0, 0}};

static posw_u256 with_bomb(const posw_u256 *d, uint64_t number) {
    enum { PERIOD = 100000 };
    const uint64_t period = number / PERIOD;
    if (period < 2) return *d;
    const posw_u256 bomb = period - 2 < 256 ? posw_u256_shl(&POSW_U256_ONE, (unsigned)(period - 2)) : POSW_U256_MAX;
    return posw_u256_add_sat(d, &bomb);
}

posw_u256 lab_ethereum_homestead(const posw_u256 *parent, uint64_t elapsed_s, uint64_t number) {
    enum { BUCKET_S = 10 };
    const posw_u256 d = posw_difficulty_homestead(parent, elapsed_s, BUCKET_S, &FLOOR);
    return with_bomb(&d, number);
}

/* y - k steps for k = elapsed / 9 and y = 2: one step more than the function for y = 1 gives, except where that stops
 * at -99; with k one less it is the same but for k = 0. */
static posw_u256 with_uncles(const posw_u256 *parent, uint64_t elapsed_s, uint64_t bucket_s) {
    if (elapsed_s >= bucket_s) return posw_difficulty_homestead(parent, elapsed_s - bucket_s, bucket_s, &FLOOR);
    const posw_u256 part = posw_u256_div_u64(parent, 2048);
    posw_u256 twice = posw_u256_add_sat(&part, &part);
    twice = posw_u256_add_sat(parent, &twice);
    return posw_u256_cmp(&twice, &FLOOR) > 0 ? twice : FLOOR;
}

posw_u256 lab_ethereum_byzantium(const posw_u256 *parent, uint64_t elapsed_s, uint64_t number, bool parent_has_uncles) {
    enum { BUCKET_S = 9, LATE = 3000000 };
    const posw_u256 d = parent_has_uncles ? with_uncles(parent, elapsed_s, BUCKET_S)
                                          : posw_difficulty_homestead(parent, elapsed_s, BUCKET_S, &FLOOR);
    return with_bomb(&d, number > LATE ? number - LATE : 0);
}
