/* Lines and messages of the miners' protocol, and our miner's side of them. */
#include "base/bytes.h"
#include "base/test.h"
#include "posw/u256.h"
#include "stratum/client.h"

static posw_bytes text(const char *s) {
    return posw_bytes_of(s, strlen(s));
}

/* ---- lines ---- */

static void lines_are_cut_wherever_the_bytes_are(void **state) {
    (void)state;
    static const char all[] = "one\r\n\ntwo\nthree";
    static const char *const expected[] = {"one", "", "two"};
    for (size_t piece = 1; piece <= sizeof all; piece++) {
        posw_stratum_lines l = {0};
        posw_bytes line;
        size_t n = 0;
        for (size_t at = 0; at < sizeof all - 1; at += piece) {
            const size_t left = sizeof all - 1 - at;
            assert_true(posw_stratum_lines_add(&l, posw_bytes_of(all + at, left < piece ? left : piece)));
            while (posw_stratum_lines_next(&l, &line) == POSW_STRATUM_CUT_LINE) {
                assert_int_equal(line.size, strlen(expected[n]));
                assert_memory_equal(line.data, expected[n], line.size);
                n++;
            }
        }
        assert_int_equal(n, 3);
        posw_stratum_lines_clear(&l);
    }
}

static void of_nothing_there_is_no_line(void **state) {
    (void)state;
    posw_stratum_lines l = {0};
    posw_bytes line;
    assert_int_equal(posw_stratum_lines_next(&l, &line), POSW_STRATUM_CUT_NONE);
    assert_true(posw_stratum_lines_add(&l, posw_bytes_of(NULL, 0)));
    assert_int_equal(posw_stratum_lines_next(&l, &line), POSW_STRATUM_CUT_NONE);
    posw_stratum_lines_clear(&l);
}

static void a_line_has_a_limit(void **state) {
    (void)state;
    static char data[POSW_STRATUM_LINE_MAX + 2];
    posw_bytes line;
    memset(data, 'a', sizeof data);
    posw_stratum_lines l = {0};
    assert_true(posw_stratum_lines_add(&l, posw_bytes_of(data, POSW_STRATUM_LINE_MAX)));
    assert_int_equal(posw_stratum_lines_next(&l, &line), POSW_STRATUM_CUT_NONE);
    assert_true(posw_stratum_lines_add(&l, text("\n")));
    assert_int_equal(posw_stratum_lines_next(&l, &line), POSW_STRATUM_CUT_LINE);
    assert_int_equal(line.size, POSW_STRATUM_LINE_MAX);
    assert_true(posw_stratum_lines_add(&l, posw_bytes_of(data, POSW_STRATUM_LINE_MAX + 1)));
    assert_int_equal(posw_stratum_lines_next(&l, &line), POSW_STRATUM_CUT_TOO_LONG);
    posw_stratum_lines_clear(&l);
}

/* ---- requests ---- */

static posw_stratum_request read_request(const char *line, int expected) {
    posw_stratum_request r;
    posw_message why = {""};
    memset(&r, 0, sizeof r);
    assert_int_equal(posw_stratum_request_decode(&r, text(line), "argon2/chukwa", &why), expected);
    return r;
}

/* As xmrig 6 writes them. */
static void requests_of_a_stock_miner(void **state) {
    (void)state;
    posw_stratum_request r =
        read_request("{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"0xabc.rig\",\"pass\":"
                     "\"x\",\"agent\":\"XMRig/6.26.0\",\"algo\":[\"cn/1\",\"argon2/chukwa\"]}}",
                     POSW_OK);
    assert_int_equal(r.method, POSW_STRATUM_LOGIN);
    assert_string_equal(r.id, "1");
    assert_string_equal(r.login, "0xabc.rig");
    assert_string_equal(r.agent, "XMRig/6.26.0");
    assert_true(r.lists_algorithms && r.knows);
    r = read_request(
        "{\"id\":7,\"jsonrpc\":\"2.0\",\"method\":\"submit\",\"params\":{\"id\":\"1f\",\"job_id\":\"2a\","
        "\"nonce\":\"01020304\",\"result\":"
        "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\",\"algo\":\"argon2/chukwa\"}}",
        POSW_OK);
    assert_int_equal(r.method, POSW_STRATUM_SUBMIT);
    assert_int_equal(r.session, 0x1f);
    assert_int_equal(r.job, 0x2a);
    assert_memory_equal(r.nonce, "\1\2\3\4", 4);
    assert_int_equal(r.result.b[1], 0x11);
    assert_int_equal(read_request("{\"id\":8,\"method\":\"keepalived\",\"params\":{}}", POSW_OK).method,
                     POSW_STRATUM_KEEPALIVED);
    r = read_request("{\"method\":\"login\",\"params\":{\"login\":\"a\",\"algo\":[\"rx/0\",3]}}", POSW_OK);
    assert_true(r.lists_algorithms && !r.knows);
    assert_string_equal(r.id, "null");
}

static void bad_requests(void **state) {
    (void)state;
    static const char *const none[] = {"",
                                       "[]",
                                       "null",
                                       "{}",
                                       "{\"method\":1}",
                                       "{\"method\":\"login\"",
                                       "GET / HTTP/1.1",
                                       "{\"method\":\"getjob\",\"method\":\"getjob\"}"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(none); i++)
        (void)read_request(none[i], POSW_EPARSE);
    static const char *const bad[] = {
        "{\"method\":\"login\",\"id\":3}", "{\"method\":\"login\",\"id\":3,\"params\":{\"login\":5}}",
        "{\"method\":\"submit\",\"id\":3,\"params\":{\"job_id\":\"1\",\"nonce\":\"010203\",\"result\":\"00\"}}",
        "{\"method\":\"submit\",\"id\":3,\"params\":{\"job_id\":\"1\",\"nonce\":\"01020304\",\"result\":\"00\"}}"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++)
        assert_string_equal(read_request(bad[i], POSW_EINVAL).id, "3");
}

/* ---- replies ---- */

static posw_stratum_job a_job(void) {
    posw_stratum_job j = {.id = 0x2a, .target = 0x00000000ffffffffull, .height = 17, .has_stake = true};
    memcpy(j.input, "posw-v1", 7);
    memset(j.input + 43, 9, 4);
    strcpy(j.algorithm, "argon2/chukwa");
    j.stake = (posw_stratum_stake){.tickets_rule = true,
                                   .weight = POSW_U256_ONE,
                                   .boost = POSW_U256(1024, 0, 0, 0),
                                   .price_wei = POSW_U256(7, 7, 0, 0),
                                   .tickets = 3,
                                   .used = 3,
                                   .window_blocks = 2016};
    return j;
}

/* The names that stock miners read, and the target with its least byte first. */
static void a_job_as_it_is_written(void **state) {
    (void)state;
    posw_buf out = {0};
    posw_stratum_reply r = {.type = POSW_STRATUM_JOB, .id = "null", .job = a_job()};
    posw_stratum_reply_encode(&out, &r);
    posw_buf_byte(&out, 0);
    const char *s = (const char *)out.data;
    assert_non_null(strstr(s, "\"method\":\"job\",\"params\":{\"blob\":\"706f73772d7631"));
    assert_non_null(
        strstr(s, "\"job_id\":\"2a\",\"target\":\"ffffffff00000000\",\"height\":17,\"algo\":\"argon2/chukwa\""));
    assert_null(strstr(s, "\"id\""));
    posw_buf_clear(&out);
}

static void replies_come_back(void **state) {
    (void)state;
    posw_stratum_reply all[] = {{.type = POSW_STRATUM_WELCOME, .id = "1", .session = 0x1f, .job = a_job()},
                                {.type = POSW_STRATUM_STATUS, .id = "\"text\""},
                                {.type = POSW_STRATUM_JOB, .id = "null", .job = a_job()},
                                {.type = POSW_STRATUM_JOB, .id = "4", .job = a_job()},
                                {.type = POSW_STRATUM_ERROR, .id = "5", .error = "Low difficulty share"},
                                {.type = POSW_STRATUM_ERROR, .id = "null", .error = "No login"},
                                {.type = POSW_STRATUM_ERROR, .id = "1", .error = "No key", .for_good = true}};
    all[2].job.stake = (posw_stratum_stake){.weight = POSW_U256_ONE, .step_wei = POSW_U256_ONE};
    all[2].job.stake.coming = (posw_stratum_coming){.next_from = 8,
                                                    .next_wei = posw_u256_from_u64(1),
                                                    .later_from = 16,
                                                    .later_wei = posw_u256_from_u64(2),
                                                    .exiting_wei = posw_u256_from_u64(3),
                                                    .exit_block = 17,
                                                    .unlocked_wei = posw_u256_from_u64(4),
                                                    .block_time_s = 15};
    all[3].job.has_stake = false;
    all[3].job.stake = (posw_stratum_stake){0};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(all); i++) {
        posw_stratum_reply back;
        posw_buf out = {0};
        posw_stratum_reply_encode(&out, &all[i]);
        assert_false(out.failed || out.size - 1 > POSW_STRATUM_LINE_MAX);
        assert_int_equal(posw_stratum_reply_decode(&back, posw_bytes_of(out.data, out.size - 1)), POSW_OK);
        assert_int_equal(back.type, all[i].type);
        assert_string_equal(back.id, all[i].id);
        assert_memory_equal(&back.job.input, &all[i].job.input, sizeof back.job.input);
        assert_memory_equal(&back.job.stake, &all[i].job.stake, sizeof back.job.stake);
        assert_string_equal(back.error, all[i].error);
        assert_int_equal(back.for_good, all[i].for_good);
        posw_buf_clear(&out);
    }
}

/* ---- our miner's side ---- */

static posw_stratum_said hear(posw_stratum_client *c, const char *line) {
    posw_stratum_said said;
    if (line != NULL) assert_true(posw_stratum_client_add(c, text(line)));
    posw_stratum_client_next(c, &said);
    return said;
}

static void answers_go_to_their_shares(void **state) {
    (void)state;
    posw_stratum_client c = {0};
    posw_buf out = {0};
    const posw_hash h = {{0}};
    posw_stratum_client_login(&c, &out, "0xabc", "test", NULL);         /* 1 */
    posw_stratum_client_submit(&c, &out, 1, (const uint8_t[4]){0}, &h); /* 2 */
    posw_stratum_client_keepalive(&c, &out);                            /* 3 */
    posw_stratum_client_submit(&c, &out, 1, (const uint8_t[4]){1}, &h); /* 4 */
    assert_int_equal(hear(&c, "{\"id\":4,\"error\":{\"code\":-1,\"message\":\"Low difficulty share\"}}\n").type,
                     POSW_STRATUM_SAID_REJECTED);
    assert_int_equal(hear(&c, "{\"id\":3,\"result\":{\"status\":\"KEEPALIVED\"}}\n").type, POSW_STRATUM_SAID_NOTHING);
    assert_int_equal(hear(&c, "{\"id\":2,\"result\":{\"status\":\"OK\"}}\n").type, POSW_STRATUM_SAID_ACCEPTED);
    assert_int_equal(hear(&c, "{\"id\":2,\"result\":{\"status\":\"OK\"}}\n").type,
                     POSW_STRATUM_SAID_NOTHING); /* once */
    c.session = 1;                               /* logged in: what is about no share is no refusal either */
    const posw_stratum_said e = hear(&c, "{\"method\":\"error\",\"error\":{\"message\":\"No \\u00e9 login\"}}\n");
    assert_int_equal(e.type, POSW_STRATUM_SAID_ERROR);
    assert_string_equal(e.error, "No ?? login");
    assert_int_equal(hear(&c, "HTTP/1.1 400 Bad Request\r\n").type, POSW_STRATUM_SAID_GARBAGE);
    posw_stratum_client_clear(&c);
    posw_buf_clear(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_wherever_the_bytes_are),
        cmocka_unit_test(of_nothing_there_is_no_line),
        cmocka_unit_test(a_line_has_a_limit),
        cmocka_unit_test(requests_of_a_stock_miner),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(a_job_as_it_is_written),
        cmocka_unit_test(replies_come_back),
        cmocka_unit_test(answers_go_to_their_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
