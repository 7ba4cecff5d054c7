#include "codec/block.h"

#include "base/random.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "posw/u256.h"
#include "posw/verdict.h"
#include "vectors.h"

/* Around a header that is known: the same block, whatever stands in the place of the header. */
static void expect_known(const posw_block *b) {
    posw_block again;
    const posw_header other = {.number = 5, .gas_limit = b->header.gas_limit};
    const posw_hash hash = {{5}};
    int rule = POSW_RULE_NONE;
    assert_int_equal(posw_block_decode_known(&again, &rule, &b->header, &b->hash, b->raw.data, b->raw.size), POSW_OK);
    assert_true(posw_hash_equal(&again.hash, &b->hash) && again.tx_count == b->tx_count);
    assert_memory_equal(&again.header, &b->header, sizeof again.header);
    assert_true(again.header_raw.data == b->header_raw.data && again.header_raw.size == b->header_raw.size);
    posw_block_clear(&again);
    assert_int_equal(posw_block_decode_known(&again, NULL, &other, &hash, b->raw.data, b->raw.size), POSW_OK);
    assert_true(posw_hash_equal(&again.hash, &hash) && again.header.number == 5);
    posw_block_clear(&again);
    assert_int_equal(posw_block_decode_known(&again, &rule, &b->header, &b->hash, b->raw.data, b->raw.size - 1),
                     POSW_EPARSE);
    assert_int_equal(rule, POSW_RULE_HEADER_FORM);
}

static void encode_again(posw_buf *out, const posw_block *b) {
    posw_bytes *raws = calloc(b->tx_count + 1, sizeof *raws);
    assert_non_null(raws);
    for (size_t i = 0; i < b->tx_count; i++)
        raws[i] = b->txs[i].raw;
    posw_buf_reset(out);
    posw_block_encode(out, &b->header, raws, b->tx_count);
    free(raws);
}

/* ---- a real chain ---- */

static void test_real_blocks(void **state) {
    (void)state;
    posw_buf file = vectors_file("chain/london.rlp"), again = {0};
    posw_hash parent = {{0}};
    size_t at = 0;
    for (int n = 26; n <= 39; n++) {
        posw_block b;
        int rule = POSW_RULE_NONE;
        const size_t size = posw_block_frame(file.data + at, file.size - at);
        assert_true(size > 0 && size <= file.size - at);
        uint8_t *exact = vectors_copy(file.data + at, size);
        const int code = posw_block_decode(&b, &rule, exact, size);
        if (n == 29 || n == 32 || n == 34) {
            assert_int_equal(code, POSW_EPARSE);
            assert_int_equal(rule, POSW_RULE_OMMERS); /* these have one */
        } else if (n == 26 || n == 39) {
            assert_int_equal(code, POSW_EPARSE);
            assert_int_equal(rule, POSW_RULE_HEADER_FORM); /* headers of other forks */
        } else {
            assert_int_equal(code, POSW_OK);
            assert_int_equal(rule, POSW_RULE_NONE);
            assert_true(b.header.number == (uint64_t)n);
            assert_true(b.raw.data == exact && b.raw.size == size);
            if (n == 28 || n == 31 || n > 35) assert_true(posw_hash_equal(&b.header.parent_hash, &parent));
            parent = b.hash;
            encode_again(&again, &b);
            assert_int_equal(again.size, size);
            assert_memory_equal(again.data, exact, size);
            posw_block_clear(&b);
            assert_null(b.txs);
        }
        free(exact);
        at += size;
    }
    assert_int_equal(at, file.size);
    posw_buf_clear(&again);
    posw_buf_clear(&file);
}

/* ---- blocks made here ---- */

static posw_header some_header(uint64_t *seed) {
    posw_header h = {.number = 7, .gas_limit = 30000000, .timestamp = 1700000000, .base_fee_wei = 7};
    posw_hash root;
    random_bytes(seed, h.parent_hash.b, 32);
    random_bytes(seed, root.b, 32);
    random_bytes(seed, h.logs_bloom, POSW_BLOOM_SIZE);
    h.ommers_hash = POSW_OMMERS_EMPTY;
    h.difficulty = posw_u256_from_u64(random_next(seed));
    posw_header_set_extra(&h, &root);
    return h;
}

/* One signed transaction of each type and size; the raws are owned by the caller. */
static void some_txs(posw_buf *raws, size_t count, uint64_t *seed) {
    uint8_t data[300];
    const uint8_t secret[32] = {[31] = 9};
    for (size_t i = 0; i < count; i++) {
        posw_tx tx = {
            .type = (enum posw_tx_type)(i % 3), .is_protected = true, .chain_id = 5, .nonce = i, .has_to = true};
        random_bytes(seed, data, sizeof data);
        tx.input = posw_bytes_of(data, i % 2 == 0 ? 0 : random_below(seed, sizeof data));
        raws[i] = (posw_buf){0};
        assert_true(posw_tx_sign(&raws[i], &tx, secret));
    }
}

static void make_block(posw_buf *out, size_t tx_count, uint64_t *seed) {
    posw_buf raws[8];
    posw_bytes views[8];
    const posw_header h = some_header(seed);
    assert_true(tx_count <= 8);
    some_txs(raws, tx_count, seed);
    for (size_t i = 0; i < tx_count; i++)
        views[i] = posw_buf_view(&raws[i]);
    posw_block_encode(out, &h, views, tx_count);
    assert_false(out->failed);
    for (size_t i = 0; i < tx_count; i++)
        posw_buf_clear(&raws[i]);
}

static void test_round_trip(void **state) {
    (void)state;
    uint64_t seed = 60;
    for (size_t count = 0; count <= 8; count++) {
        posw_buf b = {0}, again = {0};
        posw_block block;
        posw_hash hash;
        make_block(&b, count, &seed);
        uint8_t *exact = vectors_copy(b.data, b.size);
        assert_int_equal(posw_block_decode(&block, NULL, exact, b.size), POSW_OK);
        assert_int_equal(block.tx_count, count);
        for (size_t i = 0; i < count; i++) {
            assert_true(block.txs[i].nonce == i);
            assert_true(block.txs[i].raw.data > exact && block.txs[i].raw.data < exact + b.size);
        }
        posw_header_hash(&hash, &block.header);
        assert_true(posw_hash_equal(&hash, &block.hash));
        posw_keccak256(&hash, block.header_raw.data, block.header_raw.size);
        assert_true(posw_hash_equal(&hash, &block.hash));
        expect_known(&block);
        encode_again(&again, &block);
        assert_int_equal(again.size, b.size);
        assert_memory_equal(again.data, b.data, b.size);
        posw_block_clear(&block);
        posw_block_clear(&block); /* a cleared one, too */
        free(exact);
        posw_buf_clear(&b);
        posw_buf_clear(&again);
    }
    posw_block_clear(NULL);
}

static int decode_exact(posw_block *out, int *rule, const uint8_t *in, size_t size) {
    uint8_t *exact = vectors_copy(in, size);
    const int code = posw_block_decode(out, rule, exact, size);
    if (code == POSW_OK) posw_block_clear(out);
    free(exact);
    return code;
}

static void test_truncated_and_trailing(void **state) {
    (void)state;
    uint64_t seed = 61;
    posw_buf b = {0};
    posw_block block, untouched;
    make_block(&b, 3, &seed);
    memset(&block, 0xa5, sizeof block);
    untouched = block;
    for (size_t n = 0; n < b.size; n++)
        assert_int_equal(decode_exact(&block, NULL, b.data, n), POSW_EPARSE);
    posw_buf_byte(&b, 0xc0);
    assert_int_equal(decode_exact(&block, NULL, b.data, b.size), POSW_EPARSE);
    assert_memory_equal(&block, &untouched, sizeof block);
    posw_buf_clear(&b);
}

static void test_mutated(void **state) {
    (void)state;
    uint64_t seed = 62;
    size_t accepted = 0, refused = 0;
    for (int round = 0; round < 40; round++) {
        posw_buf b = {0}, again = {0};
        make_block(&b, (size_t)round % 9, &seed);
        for (int k = 0; k < 200; k++) {
            posw_block block;
            int rule = POSW_RULE_NONE;
            const uint64_t where = random_below(&seed, 3);
            const size_t at = where == 0   ? random_below(&seed, 8)
                              : where == 1 ? b.size - 1 - random_below(&seed, b.size < 700 ? 3 : b.size - 680)
                                           : random_below(&seed, b.size);
            const uint8_t before = b.data[at];
            b.data[at] = (uint8_t)random_next(&seed);
            uint8_t *exact = vectors_copy(b.data, b.size);
            const int code = posw_block_decode(&block, &rule, exact, b.size);
            if (code == POSW_OK) {
                encode_again(&again, &block);
                assert_int_equal(again.size, b.size);
                assert_memory_equal(again.data, b.data, b.size);
                posw_block_clear(&block);
                accepted++;
            } else {
                assert_int_equal(code, POSW_EPARSE);
                assert_true(rule == POSW_RULE_HEADER_FORM || rule == POSW_RULE_OMMERS || rule == POSW_RULE_TX_FORM);
                refused++;
            }
            free(exact);
            b.data[at] = before;
        }
        posw_buf_clear(&b);
        posw_buf_clear(&again);
    }
    assert_true(accepted > 500 && refused > 500);
}

/* ---- form: [header, transactions, ommers] put together from pieces ---- */

static int decode_pieces(int *rule, const char *header, const char *txs, const char *rest) {
    uint64_t seed = 63;
    uint8_t rlp[POSW_HEADER_SIZE_MAX];
    const posw_header h = some_header(&seed);
    const size_t size = posw_header_encode(rlp, &h);
    posw_buf b = {0}, piece[3] = {{0}, vectors_hex(txs), vectors_hex(rest)};
    posw_block block;
    if (header != NULL) piece[0] = vectors_hex(header);
    if (header == NULL) posw_buf_append(&piece[0], rlp, size);
    const size_t mark = posw_rlp_list_begin(&b);
    for (size_t i = 0; i < 3; i++) {
        posw_buf_append(&b, piece[i].data, piece[i].size);
        posw_buf_clear(&piece[i]);
    }
    posw_rlp_list_end(&b, mark);
    *rule = POSW_RULE_NONE;
    const int code = decode_exact(&block, rule, b.data, b.size);
    posw_buf_clear(&b);
    return code;
}

static void test_rules(void **state) {
    (void)state;
    static const struct {
        const char *header, *txs, *rest;
        enum posw_rule rule;
    } cases[] = {
        {NULL, "c0", "c0", POSW_RULE_NONE},
        {NULL,
         "ca"
         "c98001028005801b0101",
         "c0", POSW_RULE_NONE}, /* the shortest transaction */
        {"c0", "c0", "c0", POSW_RULE_HEADER_FORM},
        {"80", "c0", "c0", POSW_RULE_HEADER_FORM},
        {"", "c0", "c0", POSW_RULE_HEADER_FORM},
        {NULL, "80", "c0", POSW_RULE_TX_FORM},
        {NULL, "", "", POSW_RULE_TX_FORM},
        {NULL, "c0", "", POSW_RULE_OMMERS},
        {NULL, "c0", "80", POSW_RULE_OMMERS},
        {NULL, "c0", "c1c0", POSW_RULE_OMMERS},
        {NULL, "c0", "c0c0", POSW_RULE_HEADER_FORM}, /* a fourth part: withdrawals */
        {NULL, "c1c0", "c0", POSW_RULE_TX_FORM},
        {NULL, "c180", "c0", POSW_RULE_TX_FORM},
        {NULL,
         "d4"
         "80"
         "92"
         "000000000000000000000000000000000000",
         "c0", POSW_RULE_TX_FORM}, /* an empty string, where the size leaves room for two */
        {NULL, "c101", "c0", POSW_RULE_TX_FORM},
        {NULL,
         "c1"
         "f8",
         "c0", POSW_RULE_TX_FORM},
        {NULL,
         "cb"
         "8a"
         "c98001028005801b0101",
         "c0", POSW_RULE_TX_FORM}, /* type 0 in a byte string */
        {NULL,
         "ca"
         "c98001028005801d0101",
         "c0", POSW_RULE_TX_FORM}, /* v = 29 */
        {NULL,
         "d0"
         "8f"
         "01cd018001028005"
         "80c0800101"
         "8080",
         "c0", POSW_RULE_TX_FORM},
        {NULL,
         "ce"
         "8d"
         "01"
         "cb0180010280"
         "0580c0800101",
         "c0", POSW_RULE_NONE},
        {NULL,
         "ce"
         "8d"
         "03"
         "cb0180010280"
         "0580c0800101",
         "c0", POSW_RULE_TX_FORM}, /* type 3 */
        {NULL,
         "cd"
         "01"
         "cb0180010280"
         "0580c0800101",
         "c0", POSW_RULE_TX_FORM}, /* without its byte string */
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        int rule;
        const int code = decode_pieces(&rule, cases[i].header, cases[i].txs, cases[i].rest);
        if (rule != (int)cases[i].rule) fail_msg("case %zu: rule %d", i, rule);
        assert_int_equal(code, cases[i].rule == POSW_RULE_NONE ? POSW_OK : POSW_EPARSE);
    }
}

/* The size limit. */
static void test_limits(void **state) {
    (void)state;
    uint64_t seed = 64;
    const posw_header h = some_header(&seed);
    uint8_t *bytes = calloc(1, POSW_BLOCK_SIZE_MAX);
    assert_non_null(bytes);
    static const uint8_t prefix[] = {0xc9, 0x80, 0x01, 0x02, 0x80, 0x05};
    for (size_t over = 0; over <= 1; over++) {
        posw_buf b = {0}, tx = {0};
        posw_block block;
        int rule = POSW_RULE_NONE;
        uint8_t rlp[POSW_HEADER_SIZE_MAX];
        /* One type 0 transaction whose input fills the block to the byte: three prefixes of 4 bytes, five bytes of
         * fields, input prefix 4, v, r, s, and an empty list of ommers. */
        const size_t around = 4 + posw_header_encode(rlp, &h) + 4 + 4 + 5 + 4 + 3 + 1;
        const size_t input = POSW_BLOCK_SIZE_MAX - around + over;
        posw_rlp_append_list(&tx, 5 + 4 + input + 3);
        posw_buf_append(&tx, prefix + 1, 5);
        posw_rlp_append_bytes(&tx, bytes, input);
        posw_buf_append(&tx, "\x1b\x01\x01", 3);
        const posw_bytes view = posw_buf_view(&tx);
        posw_block_encode(&b, &h, &view, 1);
        assert_int_equal(b.size, POSW_BLOCK_SIZE_MAX + over);
        assert_int_equal(decode_exact(&block, &rule, b.data, b.size), over == 0 ? POSW_OK : POSW_EPARSE);
        assert_int_equal(rule, over == 0 ? POSW_RULE_NONE : POSW_RULE_BLOCK_SIZE);
        assert_true(posw_block_frame(b.data, 9) == (over == 0 ? b.size : SIZE_MAX));
        posw_buf_clear(&b);
        posw_buf_clear(&tx);
    }
    free(bytes);
}

/* The verdict on a block of `count` items of the same bytes. */
static int decode_many(uint64_t gas_limit, const char *item, size_t item_size, size_t count) {
    uint64_t seed = 66;
    uint8_t rlp[POSW_HEADER_SIZE_MAX];
    posw_header h = some_header(&seed), again;
    posw_buf b = {0};
    posw_block block;
    int rule = POSW_RULE_NONE;
    h.gas_limit = gas_limit;
    const size_t mark = posw_rlp_list_begin(&b);
    posw_buf_append(&b, rlp, posw_header_encode(rlp, &h));
    posw_rlp_append_list(&b, count * item_size);
    for (size_t i = 0; i < count; i++)
        posw_buf_append(&b, item, item_size);
    posw_buf_byte(&b, 0xc0);
    posw_rlp_list_end(&b, mark);
    const int code = decode_exact(&block, &rule, b.data, b.size);
    assert_int_equal(code, rule == POSW_RULE_NONE ? POSW_OK : POSW_EPARSE);
    assert_true(posw_block_header(&again, b.data, b.size)); /* which is enough to judge the gas limit */
    assert_true(again.gas_limit == gas_limit);
    assert_false(posw_block_header(&again, b.data, b.size - 1));
    posw_buf_clear(&b);
    return rule;
}

/* X9: no memory is reserved for more transactions than the gas limit lets in, nor for more than the bytes can hold. */
static void test_count_limit(void **state) {
    (void)state;
    static const char shortest[] = "\xc9\x80\x01\x02\x80\x05\x80\x1b\x01\x01";
    for (size_t n = 0; n <= 3; n++) {
        assert_int_equal(decode_many(n * 21000, shortest, 10, n), POSW_RULE_NONE);
        assert_int_equal(decode_many(n * 21000 + 20999, shortest, 10, n), POSW_RULE_NONE);
        assert_int_equal(decode_many(n * 21000 + 20999, shortest, 10, n + 1), POSW_RULE_BLOCK_SIZE);
    }
    assert_int_equal(decode_many(30000000, shortest, 10, 1428), POSW_RULE_NONE);
    assert_int_equal(decode_many(30000000, shortest, 10, 800000), POSW_RULE_BLOCK_SIZE);
    assert_int_equal(decode_many(30000000, "\xc0", 1, 1000000), POSW_RULE_BLOCK_SIZE);
    assert_int_equal(decode_many(UINT64_MAX, "\xc0", 1, 8000000), POSW_RULE_TX_FORM);
    assert_int_equal(decode_many(UINT64_MAX, "\x80", 1, 8000000), POSW_RULE_TX_FORM);
}

static void test_frame(void **state) {
    (void)state;
    uint64_t seed = 65;
    posw_buf b = {0};
    make_block(&b, 2, &seed);
    assert_int_equal(b.data[0], 0xf9);
    for (size_t n = 0; n <= b.size; n++) {
        uint8_t *exact = vectors_copy(b.data, n);
        assert_true(posw_block_frame(exact, n) == (n < 3 ? 0 : b.size));
        free(exact);
    }
    static const struct {
        const char *hex;
        size_t size;
    } cases[] = {{"", 0},
                 {"00", SIZE_MAX},
                 {"80", SIZE_MAX},
                 {"bfffff", SIZE_MAX},
                 {"c0", SIZE_MAX},
                 {"f7", SIZE_MAX},
                 {"f8", 0},
                 {"f837", SIZE_MAX},
                 {"f838", 58},
                 {"f8ff", 257},
                 {"f90000", SIZE_MAX},
                 {"f900ff", SIZE_MAX},
                 {"f90100", 259},
                 {"f9ffff", 65538},
                 {"fa", 0},
                 {"fa0100", 0},
                 {"fa00ffff", SIZE_MAX},
                 {"fa010000", 65540},
                 {"fa7ffffc", POSW_BLOCK_SIZE_MAX},
                 {"fa7ffffd", SIZE_MAX},
                 {"faffffff", SIZE_MAX},
                 {"fb", SIZE_MAX},
                 {"fb01000000", SIZE_MAX},
                 {"ffffffffffffffffff", SIZE_MAX}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        posw_buf in = vectors_hex(cases[i].hex);
        assert_true(posw_block_frame(in.data, in.size) == cases[i].size);
        posw_buf_clear(&in);
    }
    posw_buf_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_blocks),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_truncated_and_trailing),
        cmocka_unit_test(test_mutated),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_count_limit),
        cmocka_unit_test(test_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
