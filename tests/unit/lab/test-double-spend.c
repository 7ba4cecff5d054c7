/* Double spends against published tables: Nakamoto 2008 section 11, Rosenfeld 2014 table 1. */
#include "exact/double_spend.h"

#include "near.h"

static void test_nakamoto(void **state) {
    (void)state;
    static const double q10[] = {1,         0.2045873, 0.0509779, 0.0131722, 0.0034552, 0.0009137,
                                 0.0002428, 0.0000647, 0.0000173, 0.0000046, 0.0000012};
    static const double q30[] = {1,         0.1773523, 0.0416605, 0.0101008, 0.0024804, 0.0006132,
                                 0.0001522, 0.0000379, 0.0000095, 0.0000024, 0.0000006};
    for (uint64_t i = 0; i <= 10; i++) {
        near(lab_double_spend(LAB_DOUBLE_SPEND_NAKAMOTO, 0.1, i), q10[i], 5e-8);
        near(lab_double_spend(LAB_DOUBLE_SPEND_NAKAMOTO, 0.3, 5 * i), q30[i], 5e-8);
    }
}

static void test_rosenfeld(void **state) {
    (void)state;
    static const double percent[][7] = {{.02, 4.00000, 0.23680, 0.01552, 0.00107, 0.00008, 0.00001},
                                        {.10, 20.0000, 5.60000, 1.71200, 0.54560, 0.17818, 0.05914},
                                        {.30, 60.00000, 43.20000, 32.61600, 25.20720, 19.76173, 15.64496},
                                        {.40, 80.00000, 70.40000, 63.48800, 57.95840, 53.31354, 49.30037}};
    for (size_t row = 0; row < 4; row++)
        for (uint64_t z = 1; z <= 6; z++)
            near(lab_double_spend(LAB_DOUBLE_SPEND_ROSENFELD, percent[row][0], z) * 100, percent[row][z], 5.1e-6);
}

static void test_strict(void **state) {
    (void)state;
    near(lab_double_spend(LAB_DOUBLE_SPEND_STRICT, 0.1, 1), 3.111111e-02, 1e-8);
    near(lab_double_spend(LAB_DOUBLE_SPEND_STRICT, 0.3, 6), 8.910745e-02, 1e-8);
    near(lab_double_spend(LAB_DOUBLE_SPEND_STRICT, 0.45, 60), 2.446718e-01, 1e-7);
}

static void test_confirmations(void **state) {
    (void)state;
    static const double q[] = {.10, .15, .20, .25, .30, .35, .40, .45};
    static const uint64_t z[3][8] = {
        {5, 8, 11, 15, 24, 41, 89, 340}, {6, 9, 13, 20, 32, 58, 133, 539}, {4, 7, 11, 17, 29, 55, 128, 530}};
    for (int model = 0; model < 3; model++)
        for (size_t i = 0; i < 8; i++)
            assert_int_equal(lab_confirmations((enum lab_double_spend_model)model, q[i], 0.001, 1000), z[model][i]);
    assert_true(lab_confirmations(LAB_DOUBLE_SPEND_STRICT, 0.5, 0.001, 1000) == UINT64_MAX);
}

/* Far below what differences of sums could tell. */
static void test_tiny(void **state) {
    (void)state;
    const double at30 = lab_double_spend(LAB_DOUBLE_SPEND_NAKAMOTO, 0.1, 30),
                 at31 = lab_double_spend(LAB_DOUBLE_SPEND_NAKAMOTO, 0.1, 31);
    assert_true(at30 > 0 && at30 < 1e-15 && at31 < at30 && at31 > at30 / 10);
    near(lab_double_spend(LAB_DOUBLE_SPEND_ROSENFELD, 0, 3), 0, 0);
    near(lab_double_spend(LAB_DOUBLE_SPEND_ROSENFELD, 0.7, 3), 1, 0);
}

/* So small that no double holds it: 0, and soon. */
static void test_below_all_doubles(void **state) {
    (void)state;
    for (int model = 0; model < 3; model++)
        near(lab_double_spend((enum lab_double_spend_model)model, 0.1, 3000), 0, 0);
    near(lab_double_spend_tickets(0.1, 3000, LAB_TICKETS_MAX), 0, 0);
}

static void test_tickets(void **state) {
    (void)state;
    static const struct {
        double q;
        uint64_t tickets;
        double probability;
    } rows[] = {{.6, 7, .771156}, {.6, 10, .872438}, {.6, 18, .952158}, {.6, 30, .983490},    {.6, 60, .997875},
                {.5, 7, .500000}, {.5, 60, .855216}, {.3, 7, .062375},  {.3, 20000, .089107}, {.6, 6, 0},
                {.99, 6, 0},      {1, 7, 1},         {0, 60, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        near(lab_double_spend_tickets(rows[i].q, 6, rows[i].tickets), rows[i].probability, 5.1e-7);
    /* with many tickets they are no limit */
    near(lab_double_spend_tickets(.45, 60, LAB_TICKETS_MAX) / lab_double_spend(LAB_DOUBLE_SPEND_STRICT, .45, 60), 1,
         1e-9);
    near(lab_double_spend_tickets(.1, 100, LAB_TICKETS_MAX) / lab_double_spend(LAB_DOUBLE_SPEND_STRICT, .1, 100), 1,
         1e-9);
}

/* Against a plain walk over (attacker's blocks, honest blocks). */
static double walk(double q, unsigned z, unsigned tickets) {
    enum { SIDE = 64 };
    static double p[SIDE][SIDE];
    double won = 0;
    for (unsigned a = 0; a < SIDE; a++)
        for (unsigned h = 0; h < SIDE; h++)
            p[a][h] = 0;
    p[0][0] = 1;
    for (unsigned a = 0; a <= tickets; a++) {
        for (unsigned h = 0; h < SIDE - 1; h++) {
            if (h >= z && a > h) {
                won += p[a][h];
                continue;
            }
            if (a < tickets) p[a + 1][h] += p[a][h] * q;
            /* without a further ticket it only waits for the honest chain to reach z */
            p[a][h + 1] += p[a][h] * (a < tickets ? 1 - q : 1);
        }
    }
    return won;
}

static void test_tickets_walk(void **state) {
    (void)state;
    for (unsigned z = 1; z <= 8; z++)
        for (unsigned tickets = 0; tickets <= 40; tickets += 3)
            for (double q = 0.05; q < 1; q += 0.15)
                near(lab_double_spend_tickets(q, z, tickets), walk(q, z, tickets), 1e-12);
}

static void test_tickets_confirmations(void **state) {
    (void)state;
    for (uint64_t tickets = 0; tickets < 40; tickets += 3) {
        const uint64_t z = lab_confirmations_tickets(0.4, 0.001, tickets);
        assert_true(lab_double_spend_tickets(0.4, z, tickets) < 0.001);
        assert_true(z == 1 || lab_double_spend_tickets(0.4, z - 1, tickets) >= 0.001);
    }
    assert_int_equal(lab_confirmations_tickets(0.3, 0.001, 5000), 29);
}

/* Worked by hand: a payment of 1,000 against tickets of 1,240 that lose 30 %, and the edges. */
static void test_by_stake(void **state) {
    (void)state;
    assert_true(lab_confirmations_by_stake(1000, LAB_PRICE_FALL, 1240) == 3);
    assert_true(lab_confirmations_by_stake(100000, LAB_PRICE_FALL, 1240) == 269);
    assert_true(lab_confirmations_by_stake(0, 0.5, 1) == 0);
    assert_true(lab_confirmations_by_stake(1, 0.5, 2) == 1);
    assert_true(lab_confirmations_by_stake(1.001, 0.5, 2) == 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_stake),          cmocka_unit_test(test_nakamoto),
        cmocka_unit_test(test_rosenfeld),         cmocka_unit_test(test_strict),
        cmocka_unit_test(test_confirmations),     cmocka_unit_test(test_tiny),
        cmocka_unit_test(test_below_all_doubles), cmocka_unit_test(test_tickets),
        cmocka_unit_test(test_tickets_walk),      cmocka_unit_test(test_tickets_confirmations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
