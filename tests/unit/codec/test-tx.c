#include "codec/tx.h"

#include "base/random.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "posw/u256.h"
#include "vectors.h"

/* ---- official vectors ---- */

/* What makes a well-formed transaction unfit for any block; the codec leaves it to others. */
static bool is_sound(const posw_tx *tx, uint64_t intrinsic_gas) {
    const posw_u256 gas = posw_u256_from_u64(tx->gas_limit);
    posw_u256 cost;
    if (tx->is_protected && tx->chain_id != 1) return false;
    if (tx->nonce == UINT64_MAX || intrinsic_gas > tx->gas_limit) return false;
    return posw_u256_cmp(&tx->max_tip, &tx->max_fee) <= 0 && posw_u256_mul(&cost, &gas, &tx->max_fee);
}

/* Ethereum of that time charges more for making a contract; here this is not possible at all (X2), so X3 does not know
 * it. */
static uint64_t london_intrinsic_gas(const posw_tx *tx) {
    return posw_tx_intrinsic_gas(tx) + (tx->has_to ? 0 : 32000);
}

/* Whether the vectors blame the form, which the decoder itself must see. */
static bool blames_form(const char *exception) {
    const char *what = strchr(exception, '.') + 1;
    if (strcmp(what, "GASLIMIT_PRICE_PRODUCT_OVERFLOW") == 0) return false;
    return strncmp(what, "RLP_", 4) == 0 || strncmp(what, "ADDRESS_", 8) == 0 || strstr(what, "_OVERFLOW") != NULL;
}

static void check_case(const char *name, const json_t *t, size_t counts[4]) {
    const char *exception = json_string_value(json_object_get(t, "exception"));
    const char *gas_text = json_string_value(json_object_get(t, "intrinsicGas"));
    posw_buf b = vectors_hex(json_string_value(json_object_get(t, "txbytes")));
    posw_tx tx;
    posw_address sender;
    const enum posw_tx_status status = posw_tx_decode(&tx, b.data, b.size);
    const bool has_sender = status == POSW_TX_OK && posw_tx_sender(&sender, &tx);
    const bool ok = has_sender && is_sound(&tx, london_intrinsic_gas(&tx));
    counts[status]++;
    if (ok != (exception == NULL)) fail_msg("%s: status %d, expected %s", name, (int)status, exception);
    if (exception != NULL && blames_form(exception)) assert_int_equal(status, POSW_TX_MALFORMED);
    if (status == POSW_TX_OK && strtoull(gas_text, NULL, 16) != 0)
        assert_true(london_intrinsic_gas(&tx) == strtoull(gas_text, NULL, 16));
    if (ok) {
        posw_hash hash;
        posw_buf again = {0};
        posw_tx_hash(&hash, &tx);
        posw_tx_encode(&again, &tx);
        assert_hex(hash.b, 32, json_string_value(json_object_get(t, "hash")));
        assert_hex(sender.b, 20, json_string_value(json_object_get(t, "sender")));
        assert_int_equal(again.size, b.size);
        assert_memory_equal(again.data, b.data, b.size);
        posw_buf_clear(&again);
    }
    posw_buf_clear(&b);
}

static void test_vectors(void **state) {
    (void)state;
    const char *name;
    json_t *root = vectors_json("transactions/london.json"), *t;
    size_t counts[4] = {0};
    assert_int_equal(json_object_size(root), 210);
    json_object_foreach(root, name, t) check_case(name, t, counts);
    json_decref(root);
    assert_int_equal(counts[POSW_TX_OK], 86); /* 52 sound ones and 34 that only the rest refuses */
}

/* Transactions of a real chain, of all three types. */
static void test_chain(void **state) {
    (void)state;
    size_t types[3] = {0};
    posw_buf file = vectors_file("chain/london.rlp");
    posw_rlp r = posw_rlp_reader(file.data, file.size);
    while (posw_rlp_more(&r)) {
        posw_rlp block = posw_rlp_list(&r);
        (void)posw_rlp_raw(&block);
        posw_rlp txs = posw_rlp_list(&block);
        while (posw_rlp_more(&txs)) {
            const bool legacy = posw_rlp_next_is_list(&txs);
            const posw_bytes raw = legacy ? posw_rlp_raw(&txs) : posw_rlp_bytes(&txs);
            posw_tx tx;
            posw_address sender;
            posw_hash hash;
            assert_int_equal(posw_tx_decode(&tx, raw.data, raw.size), POSW_TX_OK);
            assert_true(tx.is_protected && tx.chain_id == 0xc72dd9d5e883e);
            assert_true(posw_tx_sender(&sender, &tx));
            assert_hex(sender.b, 20, "7435ed30a8b4aeb0877cef0c6e8cffe834eb865f");
            posw_tx_hash(&hash, &tx);
            if (tx.type == POSW_TX_DYNAMIC_FEE && types[POSW_TX_DYNAMIC_FEE] == 0) {
                assert_hex(hash.b, 32, "205405746564cbcf1dd53fb5ac92c7622d3792d82f03c59d9baddf2443d91864");
                assert_true(tx.nonce == 0x90 && tx.gas_limit == 0x186a0 && tx.max_fee.w[0] == 0x3b9aca01);
                assert_true(tx.max_tip.w[0] == 1 && tx.value.w[0] == 2 && tx.has_to);
                assert_hex(tx.to.b, 20, "7dcd17433742f4c0ca53122ab541d0ba67fc27df");
                assert_hex(tx.input.data, tx.input.size, "1ee8f6decf498faf656d6974");
                assert_true(tx.access_addresses == 1 && tx.access_keys == 2);
                assert_hex(tx.signature.b, 65,
                           "88bad2c994f3043a59072f6d16e0bf4fababbea1ebfbb4706fcc3066dc3b7733"
                           "2e1aa511f0d7eeebd17d63d3072aee3b02374238a54fd48b4786553f4e51113c01");
            }
            types[tx.type]++;
        }
    }
    assert_true(posw_rlp_done(&r));
    assert_int_equal(types[0], 29);
    assert_int_equal(types[1], 11);
    assert_int_equal(types[2], 12);
    posw_buf_clear(&file);
}

/* The example of EIP-155. */
static void test_eip155_example(void **state) {
    (void)state;
    static const char *const signed_hex =
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025"
        "a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
        "a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";
    uint8_t secret[32];
    posw_tx tx = {.is_protected = true, .chain_id = 1, .nonce = 9, .gas_limit = 21000, .has_to = true};
    posw_hash digest;
    posw_buf b = {0};
    memset(secret, 0x46, sizeof secret);
    memset(tx.to.b, 0x35, sizeof tx.to.b);
    tx.max_fee = posw_u256_from_u64(UINT64_C(20000000000));
    tx.value = posw_u256_from_u64(UINT64_C(1000000000000000000));
    posw_tx_signing_hash(&digest, &tx);
    assert_hex(digest.b, 32, "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
    assert_true(posw_tx_sign(&b, &tx, secret));
    assert_hex(b.data, b.size, signed_hex);
    posw_address sender;
    assert_int_equal(posw_tx_decode(&tx, b.data, b.size), POSW_TX_OK);
    assert_true(tx.is_protected && tx.chain_id == 1 && tx.signature.b[64] == 0);
    assert_true(posw_tx_sender(&sender, &tx));
    assert_hex(sender.b, 20, "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
    posw_buf_clear(&b);
}

/* ---- random round trips ---- */

static posw_u256 random_u256(uint64_t *seed) {
    posw_u256 v;
    random_bytes(seed, (uint8_t *)v.w, sizeof v.w);
    return posw_u256_shr(&v, (unsigned)random_below(seed, 256));
}

static void random_access_list(posw_buf *out, uint64_t *seed, posw_tx *tx) {
    for (uint64_t n = random_below(seed, 4); n > 0; n--) {
        uint8_t data[32];
        const size_t entry = posw_rlp_list_begin(out);
        random_bytes(seed, data, sizeof data);
        posw_rlp_append_bytes(out, data, 20);
        const size_t keys = posw_rlp_list_begin(out);
        for (uint64_t k = random_below(seed, 4); k > 0; k--) {
            random_bytes(seed, data, sizeof data);
            posw_rlp_append_bytes(out, data, 32);
            tx->access_keys++;
        }
        posw_rlp_list_end(out, keys);
        posw_rlp_list_end(out, entry);
        tx->access_addresses++;
    }
    tx->access_list = posw_buf_view(out);
}

/* Views point into `input` and `access`. */
static posw_tx random_tx(uint64_t *seed, posw_buf *input, posw_buf *access) {
    posw_tx tx = {.type = (enum posw_tx_type)random_below(seed, 3)};
    const size_t size = random_below(seed, 3) == 0 ? random_below(seed, 400) : random_below(seed, 3);
    posw_buf_reset(input);
    posw_buf_reset(access);
    random_bytes(seed, posw_buf_extend(input, size), size);
    tx.input = posw_buf_view(input);
    if (tx.type != POSW_TX_LEGACY) random_access_list(access, seed, &tx);
    tx.is_protected = tx.type != POSW_TX_LEGACY || random_below(seed, 3) > 0;
    if (tx.is_protected) tx.chain_id = random_next(seed) >> (2 + random_below(seed, 62));
    tx.nonce = random_next(seed) >> random_below(seed, 64);
    tx.gas_limit = random_next(seed) >> random_below(seed, 64);
    tx.max_fee = random_u256(seed);
    tx.max_tip = tx.type == POSW_TX_DYNAMIC_FEE ? random_u256(seed) : tx.max_fee;
    tx.has_to = random_below(seed, 4) > 0;
    if (tx.has_to) random_bytes(seed, tx.to.b, 20);
    tx.value = random_u256(seed);
    return tx;
}

static void assert_same_fields(const posw_tx *a, const posw_tx *b) {
    assert_true(a->type == b->type && a->is_protected == b->is_protected && a->chain_id == b->chain_id);
    assert_true(a->nonce == b->nonce && a->gas_limit == b->gas_limit && a->has_to == b->has_to);
    assert_true(posw_u256_equal(&a->max_fee, &b->max_fee) && posw_u256_equal(&a->max_tip, &b->max_tip));
    assert_true(posw_u256_equal(&a->value, &b->value) && posw_address_equal(&a->to, &b->to));
    assert_true(a->access_addresses == b->access_addresses && a->access_keys == b->access_keys);
    assert_int_equal(a->input.size, b->input.size);
    if (a->input.size > 0) assert_memory_equal(a->input.data, b->input.data, a->input.size);
    assert_int_equal(a->access_list.size, b->access_list.size);
    if (a->access_list.size > 0) assert_memory_equal(a->access_list.data, b->access_list.data, a->access_list.size);
}

/* The signing hash, from a plain encoding of the signed one without its last fields. */
static void plain_signing_hash(posw_hash *out, const posw_tx *tx) {
    const size_t skip = tx->type == POSW_TX_LEGACY ? 0 : 1;
    posw_rlp outer = posw_rlp_reader(tx->raw.data + skip, tx->raw.size - skip), r = posw_rlp_list(&outer);
    posw_buf b = {0};
    const int64_t fields = posw_rlp_count(r) - 3;
    if (skip > 0) posw_buf_byte(&b, tx->raw.data[0]);
    const size_t mark = posw_rlp_list_begin(&b);
    for (int64_t i = 0; i < fields; i++) {
        const posw_bytes item = posw_rlp_raw(&r);
        posw_buf_append(&b, item.data, item.size);
    }
    if (tx->type == POSW_TX_LEGACY && tx->is_protected) {
        posw_rlp_append_u64(&b, tx->chain_id);
        posw_buf_append(&b, "\x80\x80", 2);
    }
    posw_rlp_list_end(&b, mark);
    posw_keccak256(out, b.data, b.size);
    posw_buf_clear(&b);
}

static void check_round_trip(uint64_t *seed, posw_buf *input, posw_buf *access) {
    uint8_t secret[32];
    posw_address owner, sender;
    posw_hash hash, expected;
    posw_tx tx = random_tx(seed, input, access), d;
    posw_buf b = {0}, again = {0};
    random_bytes(seed, secret, sizeof secret);
    secret[0] = 0x7f; /* surely below the order */
    assert_true(posw_secp_address(&owner, secret));
    assert_true(posw_tx_sign(&b, &tx, secret));
    uint8_t *exact = vectors_copy(b.data, b.size);
    assert_int_equal(posw_tx_decode(&d, exact, b.size), POSW_TX_OK);
    assert_same_fields(&d, &tx);
    assert_true(posw_tx_sender(&sender, &d));
    assert_true(posw_address_equal(&sender, &owner));
    posw_tx_signing_hash(&hash, &d);
    plain_signing_hash(&expected, &d);
    assert_true(posw_hash_equal(&hash, &expected));
    posw_tx_hash(&hash, &d);
    posw_keccak256(&expected, b.data, b.size);
    assert_true(posw_hash_equal(&hash, &expected));
    posw_tx_encode(&again, &d);
    assert_int_equal(again.size, b.size);
    assert_memory_equal(again.data, b.data, b.size);
    free(exact);
    posw_buf_clear(&b);
    posw_buf_clear(&again);
}

static void test_sign_round_trip(void **state) {
    (void)state;
    uint64_t seed = 30;
    posw_buf input = {0}, access = {0};
    for (int i = 0; i < 600; i++)
        check_round_trip(&seed, &input, &access);
    posw_buf_clear(&input);
    posw_buf_clear(&access);
}

static enum posw_tx_status decode_exact(posw_tx *out, const void *in, size_t size) {
    uint8_t *exact = vectors_copy(in, size);
    const enum posw_tx_status status = posw_tx_decode(out, exact, size);
    free(exact);
    return status;
}

/* A change is refused, or the decoded transaction encodes to the changed bytes. */
static void test_mutated(void **state) {
    (void)state;
    uint64_t seed = 31;
    size_t counts[4] = {0};
    posw_buf input = {0}, access = {0};
    const uint8_t secret[32] = {[31] = 1};
    for (int i = 0; i < 300; i++) {
        posw_buf b = {0}, again = {0};
        posw_tx tx = random_tx(&seed, &input, &access);
        assert_true(posw_tx_sign(&b, &tx, secret));
        for (size_t n = 0; n < b.size; n += 1 + n / 64)
            assert_int_not_equal(decode_exact(&tx, b.data, n), POSW_TX_OK);
        posw_buf_byte(&b, 0);
        assert_int_not_equal(decode_exact(&tx, b.data, b.size), POSW_TX_OK);
        b.size--;
        for (int k = 0; k < 100; k++) {
            const size_t at = random_below(&seed, 1 + random_below(&seed, b.size));
            const uint8_t before = b.data[at];
            b.data[at] = (uint8_t)random_next(&seed);
            uint8_t *exact = vectors_copy(b.data, b.size);
            const enum posw_tx_status status = posw_tx_decode(&tx, exact, b.size);
            counts[status]++;
            if (status == POSW_TX_OK) {
                posw_buf_reset(&again);
                posw_tx_encode(&again, &tx);
                assert_int_equal(again.size, b.size);
                assert_memory_equal(again.data, b.data, b.size);
            }
            free(exact);
            b.data[at] = before;
        }
        posw_buf_clear(&b);
        posw_buf_clear(&again);
    }
    assert_true(counts[0] > 1000 && counts[1] > 1000 && counts[2] > 10 && counts[3] > 10);
    posw_buf_clear(&input);
    posw_buf_clear(&access);
}

/* ---- one field at a time ---- */

#define R1 "01"
#define TO "94095e7baea6a6c7c4c2dfeb977efac326af552d87"
enum { LEGACY_FIELDS = 9, ACCESS_FIELDS = 11, DYNAMIC_FIELDS = 12 };
static const char *const legacy[] = {"80", "01", "825208", TO, "05", "80", "1b", R1, R1};
static const char *const access_list[] = {"01", "80", "01", "825208", TO, "05", "80", "c0", "80", R1, R1};
static const char *const dynamic_fee[] = {"01", "80", "01", "02", "825208", TO, "05", "80", "c0", "80", R1, R1};

/* The transaction with one field replaced (field == count: added; -1: as it is). */
static enum posw_tx_status with_field(const char *const *fields, size_t count, int field, const char *hex) {
    posw_buf b = {0};
    posw_tx tx;
    if (count != LEGACY_FIELDS) posw_buf_byte(&b, count == ACCESS_FIELDS ? 1 : 2);
    const size_t mark = posw_rlp_list_begin(&b);
    for (size_t i = 0; i <= count; i++) {
        const char *text = (int)i == field ? hex : i < count ? fields[i] : "";
        posw_buf item = vectors_hex(text);
        posw_buf_append(&b, item.data, item.size);
        posw_buf_clear(&item);
    }
    posw_rlp_list_end(&b, mark);
    const enum posw_tx_status status = decode_exact(&tx, b.data, b.size);
    posw_buf_clear(&b);
    return status;
}

static enum posw_tx_status legacy_with(int field, const char *hex) {
    return with_field(legacy, LEGACY_FIELDS, field, hex);
}
static enum posw_tx_status access_with(int field, const char *hex) {
    return with_field(access_list, ACCESS_FIELDS, field, hex);
}
static enum posw_tx_status dynamic_with(int field, const char *hex) {
    return with_field(dynamic_fee, DYNAMIC_FIELDS, field, hex);
}

#define U64_MAX "88ffffffffffffffff"
#define U64_OVER "89010000000000000000"
#define U256_MAX "a0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define U256_OVER "a1010000000000000000000000000000000000000000000000000000000000000000"

static void check_number(enum posw_tx_status (*with)(int, const char *), int field, bool wide) {
    assert_int_equal(with(field, "80"), POSW_TX_OK);
    assert_int_equal(with(field, U64_MAX), POSW_TX_OK);
    assert_int_equal(with(field, U64_OVER), wide ? POSW_TX_OK : POSW_TX_MALFORMED);
    assert_int_equal(with(field, U256_MAX), wide ? POSW_TX_OK : POSW_TX_MALFORMED);
    assert_int_equal(with(field, U256_OVER), POSW_TX_MALFORMED);
    assert_int_equal(with(field, "00"), POSW_TX_MALFORMED);
    assert_int_equal(with(field, "820001"), POSW_TX_MALFORMED);
    assert_int_equal(with(field, "8101"), POSW_TX_MALFORMED);
    assert_int_equal(with(field, "c0"), POSW_TX_MALFORMED);
    assert_int_equal(with(field, ""), POSW_TX_MALFORMED);
}

static void test_numbers(void **state) {
    (void)state;
    assert_int_equal(legacy_with(-1, ""), POSW_TX_OK);
    assert_int_equal(access_with(-1, ""), POSW_TX_OK);
    assert_int_equal(dynamic_with(-1, ""), POSW_TX_OK);
    check_number(legacy_with, 0, false);
    check_number(legacy_with, 1, true);
    check_number(legacy_with, 2, false);
    check_number(legacy_with, 4, true);
    static const bool access_wide[] = {false, false, true, false, false, true};
    for (int i = 0; i < 6; i++) {
        if (i != 4) check_number(access_with, i, access_wide[i]);
    }
    static const bool dynamic_wide[] = {false, false, true, true, false, false, true};
    for (int i = 0; i < 7; i++) {
        if (i != 5) check_number(dynamic_with, i, dynamic_wide[i]);
    }
}

static void test_shape(void **state) {
    (void)state;
    posw_tx tx;
    assert_int_equal(legacy_with(LEGACY_FIELDS, "80"), POSW_TX_MALFORMED); /* one field more */
    assert_int_equal(access_with(ACCESS_FIELDS, "80"), POSW_TX_MALFORMED);
    assert_int_equal(dynamic_with(DYNAMIC_FIELDS, "80"), POSW_TX_MALFORMED);
    assert_int_equal(legacy_with(3, "80"), POSW_TX_OK); /* no `to` */
    assert_int_equal(legacy_with(3, "93"
                                    "095e7baea6a6c7c4c2dfeb977efac326af552d"),
                     POSW_TX_MALFORMED);
    assert_int_equal(legacy_with(3, "95"
                                    "095e7baea6a6c7c4c2dfeb977efac326af552d8700"),
                     POSW_TX_MALFORMED);
    assert_int_equal(legacy_with(3, "00"), POSW_TX_MALFORMED);
    assert_int_equal(legacy_with(5, "00"), POSW_TX_OK); /* input of one zero byte */
    assert_int_equal(legacy_with(5, "8100"), POSW_TX_MALFORMED);
    assert_int_equal(legacy_with(5, "c0"), POSW_TX_MALFORMED);
    assert_int_equal(posw_tx_decode(&tx, NULL, 0), POSW_TX_MALFORMED);
    for (unsigned first = 0; first < 256; first++) {
        const uint8_t in[1] = {(uint8_t)first};
        const bool known = first == 1 || first == 2;
        assert_int_equal(decode_exact(&tx, in, 1),
                         first < 0x80 && !known ? POSW_TX_TYPE_UNSUPPORTED : POSW_TX_MALFORMED);
    }
}

static void test_failure_writes_nothing(void **state) {
    (void)state;
    posw_tx tx, untouched;
    memset(&tx, 0xa5, sizeof tx);
    untouched = tx;
    assert_int_equal(decode_exact(&tx, "\xc9\x80\x01\x02\x80\x05\x80\x1d\x01\x01", 10), POSW_TX_BAD_SIGNATURE);
    assert_int_equal(decode_exact(&tx, "\xc9\x80\x01\x02\x80\x05\x80\x1b\x01", 9), POSW_TX_MALFORMED);
    assert_int_equal(decode_exact(&tx, "\x03\xc0", 2), POSW_TX_TYPE_UNSUPPORTED);
    assert_memory_equal(&tx, &untouched, sizeof tx);
    /* The shortest transaction: ten bytes. */
    assert_int_equal(decode_exact(&tx, "\xc9\x80\x01\x02\x80\x05\x80\x1b\x01\x01", 10), POSW_TX_OK);
    assert_false(tx.has_to || tx.is_protected);
}

#define ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
#define ORDER_LESS_1 "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140"
#define HALF "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"
#define HALF_PLUS_1 "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1"

static void check_rs(enum posw_tx_status (*with)(int, const char *), int r) {
    const int s = r + 1;
    assert_int_equal(with(r, "80"), POSW_TX_BAD_SIGNATURE);
    assert_int_equal(with(r, "a0" ORDER_LESS_1), POSW_TX_OK);
    assert_int_equal(with(r, "a0" ORDER), POSW_TX_BAD_SIGNATURE);
    assert_int_equal(with(r, U256_MAX), POSW_TX_BAD_SIGNATURE);
    assert_int_equal(with(r, U256_OVER), POSW_TX_MALFORMED);
    assert_int_equal(with(s, "80"), POSW_TX_BAD_SIGNATURE);
    assert_int_equal(with(s, "a0" HALF), POSW_TX_OK);
    assert_int_equal(with(s, "a0" HALF_PLUS_1), POSW_TX_BAD_SIGNATURE);
    assert_int_equal(with(s, "a0" ORDER_LESS_1), POSW_TX_BAD_SIGNATURE);
    assert_int_equal(with(s, "00"), POSW_TX_MALFORMED);
    assert_int_equal(with(s, "8200ff"), POSW_TX_MALFORMED);
}

static void test_signature_range(void **state) {
    (void)state;
    check_rs(legacy_with, 7);
    check_rs(access_with, 9);
    check_rs(dynamic_with, 10);
    for (int type = 1; type <= 2; type++) {
        enum posw_tx_status (*const with)(int, const char *) = type == 1 ? access_with : dynamic_with;
        const int v = type == 1 ? 8 : 9;
        assert_int_equal(with(v, "80"), POSW_TX_OK);
        assert_int_equal(with(v, "01"), POSW_TX_OK);
        assert_int_equal(with(v, "02"), POSW_TX_BAD_SIGNATURE);
        assert_int_equal(with(v, "1b"), POSW_TX_BAD_SIGNATURE);
        assert_int_equal(with(v, "820100"), POSW_TX_BAD_SIGNATURE); /* no cut to eight bits */
        assert_int_equal(with(v, "820101"), POSW_TX_BAD_SIGNATURE);
        assert_int_equal(with(v, "00"), POSW_TX_MALFORMED);
    }
    static const struct {
        const char *v;
        enum posw_tx_status status;
    } legacy_v[] = {{"80", POSW_TX_BAD_SIGNATURE},
                    {"01", POSW_TX_BAD_SIGNATURE},
                    {"1a", POSW_TX_BAD_SIGNATURE},
                    {"1b", POSW_TX_OK},
                    {"1c", POSW_TX_OK},
                    {"1d", POSW_TX_BAD_SIGNATURE},
                    {"22", POSW_TX_BAD_SIGNATURE},
                    {"23", POSW_TX_OK},
                    {"25", POSW_TX_OK},
                    {"88"
                     "8000000000000023",
                     POSW_TX_OK}, /* chain id 2^62 */
                    {"88"
                     "8000000000000024",
                     POSW_TX_OK},
                    {"88"
                     "8000000000000025",
                     POSW_TX_BAD_SIGNATURE},
                    {U64_MAX, POSW_TX_BAD_SIGNATURE},
                    {U64_OVER, POSW_TX_MALFORMED}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(legacy_v); i++)
        assert_int_equal(legacy_with(6, legacy_v[i].v), legacy_v[i].status);
}

#define KEY "a0" HALF
static void test_access_list(void **state) {
    (void)state;
    static const char *const good[] = {"c0", "d7d6" TO "c0", "f838f7" TO "e1" KEY,
                                       "f85b"
                                       "f859" TO "f842" KEY KEY,
                                       "eed6" TO "c0"
                                       "d6" TO "c0"};
    static const char *const bad[] = {"80", /* not a list */
                                      "c1c0",
                                      "c180",           /* an entry without fields, a string entry */
                                      "d6d5" TO,        /* no keys */
                                      "d7d6" TO "80",   /* keys are a string */
                                      "d8d7" TO "c0c0", /* three fields */
                                      "d6d594"
                                      "095e7baea6a6c7c4c2dfeb977efac326af552d"
                                      "c0", /* 19 bytes */
                                      "d8d795"
                                      "095e7baea6a6c7c4c2dfeb977efac326af552d8700"
                                      "c0",
                                      "d8d7" TO "c101", /* a key of one byte */
                                      "d8d7" TO "c1c0", /* a key that is a list */
                                      "f837f6" TO "e09f"
                                      "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20",
                                      "d7d6" TO "c1"}; /* runs over */
    for (size_t i = 0; i < POSW_ARRAY_SIZE(good); i++) {
        assert_int_equal(access_with(7, good[i]), POSW_TX_OK);
        assert_int_equal(dynamic_with(8, good[i]), POSW_TX_OK);
    }
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        assert_int_equal(access_with(7, bad[i]), POSW_TX_MALFORMED);
        assert_int_equal(dynamic_with(8, bad[i]), POSW_TX_MALFORMED);
    }
}

/* ---- gas and price ---- */

static void test_intrinsic_gas(void **state) {
    (void)state;
    static const uint8_t data[] = {0, 1, 0, 0xff, 0};
    posw_tx tx = {.type = POSW_TX_DYNAMIC_FEE};
    assert_true(posw_tx_intrinsic_gas(&tx) == 21000);
    tx.input = posw_bytes_of(data, sizeof data);
    assert_true(posw_tx_intrinsic_gas(&tx) == 21000 + 3 * 4 + 2 * 16);
    tx.access_addresses = 3;
    tx.access_keys = 7;
    assert_true(posw_tx_intrinsic_gas(&tx) == 21000 + 3 * 4 + 2 * 16 + 3 * 2400 + 7 * 1900);
    tx.access_keys = UINT64_MAX / 1900;
    assert_true(posw_tx_intrinsic_gas(&tx) == UINT64_MAX);
    tx.access_keys = 0;
    tx.access_addresses = UINT64_MAX / 2400 + 1;
    assert_true(posw_tx_intrinsic_gas(&tx) == UINT64_MAX);
    tx.access_keys = 1;
    assert_true(posw_tx_intrinsic_gas(&tx) == UINT64_MAX);
}

static void test_effective_price(void **state) {
    (void)state;
    static const struct {
        uint64_t fee, tip, base, price;
    } cases[] = {
        {100, 100, 30, 100}, {100, 5, 30, 35}, {100, 0, 30, 30}, {100, 70, 30, 100},
        {100, 71, 30, 100},  {30, 5, 30, 30},  {0, 0, 0, 0},     {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        const posw_tx tx = {.max_fee = posw_u256_from_u64(cases[i].fee), .max_tip = posw_u256_from_u64(cases[i].tip)};
        const posw_u256 price = posw_tx_effective_price(&tx, cases[i].base);
        const posw_u256 expected = posw_u256_from_u64(cases[i].price);
        assert_true(posw_u256_equal(&price, &expected));
    }
    const posw_tx tx = {.max_fee = POSW_U256_MAX, .max_tip = POSW_U256_MAX};
    const posw_u256 price = posw_tx_effective_price(&tx, UINT64_MAX), max = POSW_U256_MAX;
    assert_true(posw_u256_equal(&price, &max));
}

static void test_sign_refuses(void **state) {
    (void)state;
    const uint8_t zero[32] = {0}, one[32] = {[31] = 1};
    uint8_t order[32];
    assert_true(posw_hex_decode(order, 32, ORDER, 64));
    posw_tx tx = {.is_protected = true, .chain_id = UINT64_C(1) << 62};
    posw_buf b = {0};
    assert_false(posw_tx_sign(&b, &tx, zero));
    assert_false(posw_tx_sign(&b, &tx, order));
    assert_int_equal(b.size, 0);
    assert_true(posw_tx_sign(&b, &tx, one));
    assert_int_equal(decode_exact(&tx, b.data, b.size), POSW_TX_OK);
    assert_true(tx.chain_id == UINT64_C(1) << 62);
    tx.chain_id++;
    posw_buf_reset(&b);
    assert_false(posw_tx_sign(&b, &tx, one));
    tx.type = POSW_TX_ACCESS_LIST;
    tx.input = tx.access_list = (posw_bytes){NULL, 0};
    assert_true(posw_tx_sign(&b, &tx, one));
    b.failed = true;
    assert_false(posw_tx_sign(&b, &tx, one));
    posw_buf_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),         cmocka_unit_test(test_chain),
        cmocka_unit_test(test_eip155_example),  cmocka_unit_test(test_sign_round_trip),
        cmocka_unit_test(test_mutated),         cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_shape),           cmocka_unit_test(test_failure_writes_nothing),
        cmocka_unit_test(test_signature_range), cmocka_unit_test(test_access_list),
        cmocka_unit_test(test_intrinsic_gas),   cmocka_unit_test(test_effective_price),
        cmocka_unit_test(test_sign_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
