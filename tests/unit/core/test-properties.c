/* Properties of the weight rules and of the seal on very many random cases: every preset, and random parameters.
 *
 * F is monotone: more stake never weighs less, more used tickets never weigh more.
 *
 * Splitting never gains. What an owner has is hash power h and stake S; it may split both among any number of
 * identities, h = h_1 + .. + h_n and S = S_1 + .. + S_n. A hash counts for one identity only (the beneficiary is part
 * of what is hashed), so that the chance of a block is proportional to h_1·F(S_1) + .. + h_n·F(S_n). The true
 * statements, rule by rule:
 *
 *   pow                                 Σ h_i·F(S_i) = h·F(S): stake counts for nothing.
 *   linear, sqrt, quadratic, diode,     Σ h_i·F(S_i) ≤ h·F(S), whatever the exponent, because F is monotone and S_i ≤
 * S; so every other power rule              concave rules do not reward splitting either. It is strict as soon as a
 * part with hash power falls to a lower F: then merging gains, and gains for ever. (That is the fault of these rules.)
 *   ticket, quarkchain,                 (a) Σ ⌊S_i/c⌋ ≤ ⌊S/c⌋, by less than n; equal iff Σ (S_i mod c) < c, so whenever
 * all but one part are every other ticket rule             multiples of c: splitting and merging multiples of a ticket
 * is neutral. (b) In play, with the same stake all along: at each block the parts have a ticket that is free only if
 * the whole would have one, and if they are multiples then whenever; so the boosted blocks of the whole up to any block
 * are never fewer. (c) Where no part is over its tickets (B_i ≤ ⌊S_i/c⌋): Σ h_i·F_i ≤ h·F at each block.
 *
 * (c) needs its condition: an identity that is over its tickets, because it unstaked or because the price rose at an
 * epoch's edge, cannot boost, and split from it another one still can. What holds without the condition, and is tested:
 * free tickets of the parts ≤ free tickets of the whole + what the parts are over. Nor does moving coins from one
 * identity to another help: unstaked coins are locked and count for nobody for ⌊U/E⌋·E blocks, which is the last test.
 *
 * The 512-bit comparison of seals (H7, H9) against a naive product; divisions by their definition. */
#include "posw/weight.h"

#include "base/scale.h"
#include "core/made.h"
#include "posw/seal.h"
#include "posw/stake.h"
#include "posw/window.h"

enum { PARTS_MAX = 6 };

/* ---- random parameters ---- */

static void report(const char *what, uint64_t cases, double begin) {
    printf("%s: %llu cases, %.1f s\n", what, (unsigned long long)cases, scale_seconds() - begin);
    fflush(stdout);
}

static uint64_t random_width(uint64_t *seed) {
    return random_next(seed) >> random_below(seed, 64);
}

static posw_u256 random_positive(uint64_t *seed, unsigned bits) {
    const posw_u256 v = random_u256(seed, bits);
    return posw_u256_is_zero(&v) ? POSW_U256_ONE : v;
}

static void random_power(posw_weight_params *w, uint64_t *seed) {
    static const uint32_t exponents[] = {0, 1, 2, 3, 4, 6};
    const uint64_t a = random_width(seed) | 1, b = random_width(seed) | 1;
    *w = (posw_weight_params){.rule = POSW_WEIGHT_POWER,
                              .unit_wei = random_positive(seed, 110),
                              .min = a < b ? a : b,
                              .max = a < b ? b : a,
                              .exponent_x2 = exponents[random_below(seed, 6)]};
}

static void random_ticket(posw_weight_params *w, uint64_t *seed) {
    *w = (posw_weight_params){.rule = POSW_WEIGHT_TICKET,
                              .boost = random_width(seed) | 1,
                              .slots = random_width(seed) | 1,
                              .ramp_blocks = random_below(seed, 2) == 0 ? 0 : random_width(seed) >> 32};
    if (random_below(seed, 2) == 0) w->ticket_price_wei = random_u256(seed, 110);
}

/* Each preset in turn, and as often a random rule of its family. */
static posw_params random_params(uint64_t *seed, uint64_t turn) {
    posw_params p = made_params();
    const char *const *names = posw_params_presets();
    size_t count = 0;
    while (names[count] != NULL)
        count++;
    assert_int_equal(count, 7);
    assert_true(posw_params_preset(&p, names[turn % count]));
    if (turn / count % 2 == 0) return p;
    p.window_blocks = 2 + random_below(seed, p.unbonding_blocks - 1);
    if (p.weight.rule == POSW_WEIGHT_POWER)
        random_power(&p.weight, seed);
    else
        random_ticket(&p.weight, seed);
    assert_verdict(posw_params_check(&p), POSW_VALID, POSW_RULE_NONE);
    return p;
}

/* What a step of the rule is worth in wei: a unit, or a ticket. */
static posw_u256 step_of(const posw_params *p, const posw_u256 *supply) {
    return p->weight.rule == POSW_WEIGHT_POWER ? p->weight.unit_wei : posw_weight_ticket_price(p, supply);
}

/* Any stake below 2^120; often a few steps, or one wei below. */
static posw_u256 random_stake(uint64_t *seed, const posw_u256 *step) {
    posw_u256 v = random_u256(seed, 120);
    if (random_below(seed, 2) == 0) return v;
    if (!posw_u256_mul_u64(&v, step, random_below(seed, 12)) || posw_u256_bits(&v) > 120) return *step;
    return random_below(seed, 2) == 0 ? v : posw_u256_sub_sat(&v, &POSW_U256_ONE);
}

/* ---- monotone ---- */

static void monotone_case(const posw_params *p, uint64_t *seed) {
    const posw_u256 supply = random_u256(seed, 127), step = step_of(p, &supply);
    const uint64_t number = random_width(seed) >> 24, used = random_below(seed, 8);
    posw_u256 low = random_stake(seed, &step), high = random_stake(seed, &step);
    if (posw_u256_cmp(&low, &high) > 0) {
        const posw_u256 swap = low;
        low = high;
        high = swap;
    }
    const posw_u256 f = posw_weight(p, number, &low, &supply, used), g = posw_weight(p, number, &high, &supply, used),
                    worn = posw_weight(p, number, &high, &supply, used + 1 + random_below(seed, 3)),
                    later = posw_weight(p, number + random_width(seed) % 1000, &high, &supply, used),
                    most = posw_weight_max(p, number);
    assert_false(posw_u256_is_zero(&f));
    assert_true(posw_u256_cmp(&f, &g) <= 0);
    assert_true(posw_u256_cmp(&g, &most) <= 0);
    assert_true(posw_u256_cmp(&worn, &g) <= 0);
    assert_true(posw_u256_cmp(&later, &g) >= 0); /* the ramp goes up only */
    assert_true(posw_weight_tickets(p, &low, &supply) <= posw_weight_tickets(p, &high, &supply));
}

static void test_monotone(void **state) {
    (void)state;
    const uint64_t turns = scale_of(4200, 200000), each = 100;
    uint64_t seed = scale_seed("monotone");
    const double begin = scale_seconds();
    for (uint64_t t = 0; t < turns; t++) {
        const posw_params p = random_params(&seed, t);
        for (uint64_t i = 0; i < each; i++)
            monotone_case(&p, &seed);
    }
    report("F monotone", turns * each, begin);
}

/* ---- splitting ---- */

typedef struct {
    size_t count;
    posw_u256 stake[PARTS_MAX], whole; /* whole: their sum */
    uint64_t hash[PARTS_MAX], hash_sum;
} split;

static split random_split(uint64_t *seed, const posw_u256 *step, bool multiples) {
    split s = {.count = 2 + random_below(seed, PARTS_MAX - 1)};
    for (size_t i = 0; i < s.count; i++) {
        s.stake[i] = random_stake(seed, step);
        if (multiples && !posw_u256_mul_u64(&s.stake[i], step, random_below(seed, 20))) s.stake[i] = POSW_U256_ZERO;
        s.whole = plus(&s.whole, &s.stake[i]);
        s.hash[i] = random_below(seed, 5) == 0 ? 0 : random_width(seed) >> 20;
        s.hash_sum += s.hash[i];
    }
    return s;
}

/* Σ h_i·F(S_i) compared with h·F(S): <0, 0, >0. used: of each part; the whole has used their sum. */
static int compare_split(const posw_params *p, const split *s, const posw_u256 *supply,
                         const uint64_t used[PARTS_MAX]) {
    posw_u256 parts = POSW_U256_ZERO;
    uint64_t used_sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        const posw_u256 f = posw_weight(p, 1u << 20, &s->stake[i], supply, used[i]), product = times(&f, s->hash[i]);
        parts = plus(&parts, &product);
        used_sum += used[i];
    }
    const posw_u256 f = posw_weight(p, 1u << 20, &s->whole, supply, used_sum), whole = times(&f, s->hash_sum);
    return posw_u256_cmp(&parts, &whole);
}

typedef struct {
    uint64_t strict, equal;
} gains;

/* All power rules. */
static void power_case(const posw_params *p, uint64_t *seed, gains *g) {
    static const uint64_t unused[PARTS_MAX] = {0};
    const posw_u256 supply = coins(1);
    const split s = random_split(seed, &p->weight.unit_wei, false);
    const int order = compare_split(p, &s, &supply, unused);
    assert_true(order <= 0);
    if (p->weight.exponent_x2 == 0) assert_int_equal(order, 0);
    g->strict += order < 0;
    g->equal += order == 0;
}

/* (a) */
static void whole_tickets_case(const posw_params *p, const split *s, const posw_u256 *supply) {
    const posw_u256 c = posw_weight_ticket_price(p, supply);
    posw_u256 parts = POSW_U256_ZERO, rests = POSW_U256_ZERO, whole;
    for (size_t i = 0; i < s->count; i++) {
        posw_u256 k, rest;
        posw_u256_divmod(&k, &rest, &s->stake[i], &c);
        const uint64_t tickets = posw_weight_tickets(p, &s->stake[i], supply);
        assert_true(tickets == (posw_u256_bits(&k) > 64 ? UINT64_MAX : k.w[0]));
        parts = plus(&parts, &k);
        rests = plus(&rests, &rest);
    }
    posw_u256_divmod(&whole, NULL, &s->whole, &c);
    assert_true(posw_u256_cmp(&parts, &whole) <= 0);
    assert_int_equal(posw_u256_equal(&parts, &whole), posw_u256_cmp(&rests, &c) < 0);
    const posw_u256 lost = posw_u256_sub_sat(&whole, &parts), n = u64(s->count);
    assert_true(posw_u256_cmp(&lost, &n) < 0);
}

static uint64_t capped(const posw_params *p, const posw_u256 *stake, const posw_u256 *supply) {
    const uint64_t k = posw_weight_tickets(p, stake, supply);
    return k > 1000000000 ? 1000000000 : k;
}

/* (c), and what holds without its condition. */
static void free_tickets_case(const posw_params *p, const split *s, const posw_u256 *supply, uint64_t *seed) {
    uint64_t used[PARTS_MAX], used_sum = 0, free_parts = 0, over = 0;
    for (size_t i = 0; i < s->count; i++) {
        const uint64_t k = capped(p, &s->stake[i], supply);
        used[i] = random_below(seed, 3) == 0 ? k : random_below(seed, k + (random_below(seed, 4) == 0 ? 4 : 1));
        used_sum += used[i];
        free_parts += used[i] < k ? k - used[i] : 0;
        over += used[i] > k ? used[i] - k : 0;
    }
    const uint64_t whole = posw_weight_tickets(p, &s->whole, supply);
    const uint64_t free_whole = whole > used_sum ? whole - used_sum : 0;
    assert_true(free_parts <= free_whole + over);
    if (over == 0) assert_true(compare_split(p, s, supply, used) <= 0);
}

static void ticket_case(const posw_params *p, uint64_t *seed, gains *g) {
    const posw_u256 supply = random_u256(seed, 110), c = posw_weight_ticket_price(p, &supply);
    const bool multiples = random_below(seed, 3) == 0;
    const split s = random_split(seed, &c, multiples);
    whole_tickets_case(p, &s, &supply);
    free_tickets_case(p, &s, &supply, seed);
    uint64_t parts = 0;
    bool saturated = false;
    for (size_t i = 0; i < s.count; i++) {
        const uint64_t k = posw_weight_tickets(p, &s.stake[i], &supply);
        saturated = saturated || k > UINT64_MAX / PARTS_MAX;
        parts += k;
    }
    if (saturated) return;
    const bool equal = parts == posw_weight_tickets(p, &s.whole, &supply);
    if (multiples) assert_true(equal);
    g->strict += !equal;
    g->equal += equal;
}

static void test_splitting_never_gains(void **state) {
    (void)state;
    const uint64_t turns = scale_of(2800, 140000), each = 100;
    uint64_t seed = scale_seed("splitting");
    const double begin = scale_seconds();
    gains by_preset[7] = {{0, 0}};
    for (uint64_t t = 0; t < turns; t++) {
        const posw_params p = random_params(&seed, t);
        for (uint64_t i = 0; i < each; i++)
            if (p.weight.rule == POSW_WEIGHT_POWER)
                power_case(&p, &seed, &by_preset[t % 7]);
            else
                ticket_case(&p, &seed, &by_preset[t % 7]);
    }
    for (size_t i = 0; i < 7; i++) { /* and merging does gain, but under pow */
        const bool is_pow = strcmp(posw_params_presets()[i], "pow") == 0;
        assert_true(by_preset[i].equal > 0 && (is_pow || by_preset[i].strict > 0));
    }
    report("splitting never gains", turns * each, begin);
}

/* ---- (b): tickets in play ---- */

enum { PLAY_WINDOW_MAX = 40, PLAY_BLOCKS = 300, STRANGER = PARTS_MAX + 1 };

typedef struct {
    posw_params p;
    posw_u256 supply;
    split s;
    posw_window *whole, *parts; /* the chain where the owner is one, and where it is many */
    void *memory[2];
    posw_address who[PARTS_MAX], one, stranger;
    uint64_t boosted_whole, boosted_parts;
} play;

static posw_window *play_window(void **memory, const posw_params *p) {
    assert_int_equal(posix_memalign(memory, 16, posw_window_size(p->window_blocks, 1)), 0);
    return posw_window_init(*memory, p->window_blocks, 1, 2 * p->window_blocks * p->block_time_s);
}

static bool is_boosted(const posw_u256 *weight) {
    return posw_u256_cmp(weight, &POSW_U256_ONE) > 0;
}

static bool whole_has_ticket(const play *x) {
    const posw_u256 f = posw_weight(&x->p, 1, &x->s.whole, &x->supply, posw_window_used(x->whole, &x->one));
    return is_boosted(&f);
}

/* A part with a free ticket, starting to look anywhere; count: none. */
static size_t part_with_ticket(const play *x, size_t start) {
    for (size_t i = 0; i < x->s.count; i++) {
        const size_t at = (start + i) % x->s.count;
        const posw_u256 f = posw_weight(&x->p, 1, &x->s.stake[at], &x->supply, posw_window_used(x->parts, &x->who[at]));
        if (is_boosted(&f)) return at;
    }
    return x->s.count;
}

/* One block at the same time on both chains. The owner finds a seal that needs a boost; where it has none, a stranger's
 * block comes. */
static void play_block(play *x, uint64_t *seed, uint64_t time, bool owner, bool multiples) {
    posw_window_entry a = {.miner = x->stranger, .timestamp = time}, b = a;
    const bool whole = whole_has_ticket(x);
    const size_t part = part_with_ticket(x, random_below(seed, x->s.count));
    if (multiples) assert_int_equal(whole, part < x->s.count);
    if (owner && whole) a = (posw_window_entry){.miner = x->one, .timestamp = time, .boosted = true};
    if (owner && part < x->s.count) b = (posw_window_entry){.miner = x->who[part], .timestamp = time, .boosted = true};
    posw_window_push(x->whole, &a);
    posw_window_push(x->parts, &b);
    x->boosted_whole += a.boosted;
    x->boosted_parts += b.boosted;
    assert_true(x->boosted_whole >= x->boosted_parts);
    if (multiples) assert_int_equal(x->boosted_whole, x->boosted_parts);
}

static void play_case(uint64_t *seed, uint64_t *most, uint64_t *fewer) {
    play x = {.p = made_params(), .one = made_address(1), .stranger = made_address(STRANGER)};
    x.p.window_blocks = 2 + random_below(seed, PLAY_WINDOW_MAX);
    x.p.weight.ticket_price_wei = coins(1);
    x.supply = coins(1000000);
    const bool multiples = random_below(seed, 2) == 0;
    x.s.count = 2 + random_below(seed, PARTS_MAX - 1);
    for (size_t i = 0; i < x.s.count; i++) {
        const posw_u256 whole = coins(random_below(seed, 6)), rest = u64(random_below(seed, 1000000000000000000u));
        x.who[i] = made_address((uint8_t)(2 + i));
        x.s.stake[i] = multiples ? whole : plus(&whole, &rest);
        x.s.whole = plus(&x.s.whole, &x.s.stake[i]);
    }
    x.whole = play_window(&x.memory[0], &x.p);
    x.parts = play_window(&x.memory[1], &x.p);
    const uint64_t owner_percent = 10 + random_below(seed, 91), slow = 1 + random_below(seed, 100);
    for (uint64_t i = 0, time = 1000; i < PLAY_BLOCKS; i++) {
        time += 1 + random_below(seed, slow); /* past 30 seconds a block, time unlocks some */
        play_block(&x, seed, time, random_below(seed, 100) < owner_percent, multiples);
    }
    *most += x.boosted_whole;
    *fewer += x.boosted_whole - x.boosted_parts;
    free(x.memory[0]);
    free(x.memory[1]);
}

static void test_tickets_in_play(void **state) {
    (void)state;
    const uint64_t cases = scale_of(1000, 100000);
    uint64_t seed = scale_seed("tickets in play"), boosted = 0, lost = 0;
    const double begin = scale_seconds();
    for (uint64_t i = 0; i < cases; i++)
        play_case(&seed, &boosted, &lost);
    assert_true(boosted > 0 && lost > 0 && boosted > lost);
    report("tickets in play, blocks", cases * PLAY_BLOCKS, begin);
}

/* ---- one coin, two identities ---- */

/* The first block whose table does not count a deposit that was unstaked in block u (E1). */
static uint64_t counts_until(const posw_params *p, uint64_t u) {
    uint64_t n = u;
    while (posw_epoch_snapshot_block(p, posw_epoch_of(p, n)) < u)
        n++;
    return n;
}

/* P3: coins that are unstaked in block u can be staked for somebody else in block u + U. They count for nobody during
 * ⌊U/E⌋·E blocks or more, and that is the longest window which is allowed: no coin stands behind two tickets in one. */
static void test_coins_change_sides(void **state) {
    (void)state;
    uint64_t cases = 0;
    for (uint64_t e = 1; e <= 8; e++)
        for (uint64_t unbonding = 2 * e; unbonding <= 5 * e; unbonding++) {
            posw_params p = made_params();
            uint64_t least = UINT64_MAX;
            p.epoch_blocks = p.reorg_max_blocks = e;
            p.unbonding_blocks = unbonding;
            for (uint64_t u = 1; u <= 6 * e; u++, cases++) {
                const uint64_t gap = posw_epoch_active_from(&p, u + unbonding) - counts_until(&p, u);
                if (gap < least) least = gap;
            }
            p.window_blocks = least;
            assert_verdict(posw_params_check(&p), POSW_VALID, POSW_RULE_NONE);
            p.window_blocks = least + 1;
            assert_verdict(posw_params_check(&p), POSW_INVALID, POSW_RULE_PARAMS_TICKET_LOCK);
        }
    printf("coins that change sides: %llu cases\n", (unsigned long long)cases);
}

/* ---- 512 bits ---- */

/* A naive product: digits of 32 bits, least first. */
static void naive_product(uint32_t out[16], const posw_u256 *a, const posw_u256 *b) {
    memset(out, 0, 16 * sizeof *out);
    for (int i = 0; i < 8; i++) {
        uint64_t carry = 0;
        for (int k = 0; k < 8; k++) {
            const uint64_t x = (uint32_t)(a->w[i / 2] >> (32 * (i % 2))), y = (uint32_t)(b->w[k / 2] >> (32 * (k % 2)));
            const uint64_t t = x * y + out[i + k] + carry;
            out[i + k] = (uint32_t)t;
            carry = t >> 32;
        }
        out[i + 8] = (uint32_t)carry;
    }
}

/* H7 as it is written: h·D < F·2^256. */
static bool naive_meets(const posw_u256 *h, const posw_u256 *d, const posw_u256 *f) {
    uint32_t product[16];
    naive_product(product, h, d);
    for (int i = 7; i >= 0; i--) {
        const uint32_t digit = (uint32_t)(f->w[i / 2] >> (32 * (i % 2)));
        if (product[8 + i] != digit) return product[8 + i] < digit;
    }
    return false; /* the upper half is F: h·D is F·2^256 or more */
}

/* Anywhere, and at the edge: the least h that is too much, and its neighbours. */
static void seal_case(uint64_t *seed) {
    const posw_u256 d = random_positive(seed, 256), f = random_positive(seed, 256);
    const posw_u256 target = posw_seal_target(&d, &f), any = random_u256(seed, 256);
    const posw_u256 hs[] = {any, posw_u256_sub_sat(&target, &POSW_U256_ONE), target,
                            posw_u256_add_sat(&target, &POSW_U256_ONE)};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(hs); i++) {
        const posw_hash mix = hash_of_level(&hs[i]);
        const posw_u256 level = posw_seal_level(&mix, &d);
        const bool meets = naive_meets(&hs[i], &d, &f);
        assert_int_equal(posw_seal_meets(&mix, &d, &f), meets);
        assert_int_equal(posw_u256_cmp(&level, &f) < 0, meets);
        assert_int_equal(posw_seal_boosted(&mix, &d), !naive_meets(&hs[i], &d, &POSW_U256_ONE));
    }
    if (posw_u256_equal(&target, &POSW_U256_MAX)) return; /* perhaps saturated */
    assert_true(naive_meets(&hs[1], &d, &f));
    assert_false(naive_meets(&hs[2], &d, &f));
}

/* n = q·d + r with r < d, by the naive product. */
static void division_case(uint64_t *seed) {
    const posw_u256 n = random_u256(seed, 256), d = random_positive(seed, 256);
    posw_u256 q, r, hi, lo, back = POSW_U256_ZERO;
    uint32_t product[16], wide[16];
    posw_u256_divmod(&q, &r, &n, &d);
    naive_product(product, &q, &d);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(product[8 + i], 0);
        back.w[i / 2] |= (uint64_t)product[i] << (32 * (i % 2));
    }
    assert_true(posw_u256_cmp(&r, &d) < 0);
    assert_true(posw_u256_add(&back, &back, &r));
    assert_u256(&back, &n);
    posw_u256_mul_full(&hi, &lo, &n, &d);
    naive_product(wide, &n, &d);
    for (int i = 0; i < 8; i++) {
        assert_int_equal((uint32_t)(lo.w[i / 2] >> (32 * (i % 2))), wide[i]);
        assert_int_equal((uint32_t)(hi.w[i / 2] >> (32 * (i % 2))), wide[8 + i]);
    }
    assert_true(posw_u256_muldiv(&q, &n, &d, &d));
    assert_u256(&q, &n);
}

static void test_512_bits(void **state) {
    (void)state;
    const uint64_t cases = scale_of(100000, 10000000);
    uint64_t seed = scale_seed("512 bits");
    const double begin = scale_seconds();
    for (uint64_t i = 0; i < cases; i++) {
        seal_case(&seed);
        division_case(&seed);
    }
    report("512-bit seals and divisions", cases, begin);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_monotone), cmocka_unit_test(test_splitting_never_gains),
                                       cmocka_unit_test(test_tickets_in_play),
                                       cmocka_unit_test(test_coins_change_sides), cmocka_unit_test(test_512_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
