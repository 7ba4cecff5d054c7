#include "codec/tx.h"

#include "base/bytes.h"
#include "base/error.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

enum { STRING = 0x80, LIST = 0xc0, PARITY_BASE = 27, PROTECTED_BASE = 35, ACCESS_KEY_SIZE = 32 };

/* v = 35 + 2 * chain id + parity must fit in 64 bits with room to spare. */
static const uint64_t PROTECTED_CHAIN_ID_MAX = UINT64_C(1) << 62;

/* The order n of the group of secp256k1, and (n - 1) / 2. */
static const posw_u256 ORDER = {
    {UINT64_C(0xbfd25e8cd0364141), UINT64_C(0xbaaedce6af48a03b), UINT64_C(0xfffffffffffffffe), UINT64_MAX}};
static const posw_u256 HALF_ORDER = {
    {UINT64_C(0xdfe92f46681b20a0), UINT64_C(0x5d576e7357a4501d), UINT64_MAX, UINT64_C(0x7fffffffffffffff)}};

/* ---- decoding ---- */

static void read_to(posw_rlp *r, posw_tx *tx) {
    const posw_bytes b = posw_rlp_bytes(r);
    tx->has_to = b.size != 0;
    if (b.size == 0) return;
    if (b.size == sizeof tx->to.b) {
        memcpy(tx->to.b, b.data, sizeof tx->to.b);
    } else {
        r->failed = true;
    }
}

/* [address, [key, key, ...]] */
static bool read_access_entry(posw_rlp *entries, posw_tx *tx) {
    posw_rlp entry = posw_rlp_list(entries);
    const bool address_fits = posw_rlp_bytes(&entry).size == POSW_ADDRESS_SIZE;
    posw_rlp keys = posw_rlp_list(&entry);
    while (posw_rlp_more(&keys)) {
        if (posw_rlp_bytes(&keys).size != ACCESS_KEY_SIZE) return false;
        tx->access_keys++;
    }
    tx->access_addresses++;
    return address_fits && posw_rlp_done(&keys) && posw_rlp_done(&entry);
}

static void read_access_list(posw_rlp *r, posw_tx *tx) {
    posw_rlp entries = posw_rlp_list(r);
    tx->access_list = (posw_bytes){entries.p, (size_t)(entries.end - entries.p)};
    while (posw_rlp_more(&entries)) {
        if (!read_access_entry(&entries, tx)) entries.failed = true;
    }
    if (!posw_rlp_done(&entries)) r->failed = true;
}

/* The fields that all types share, in their order; the fee fields differ. */
static void read_fields(posw_rlp *r, posw_tx *tx) {
    if (tx->type != POSW_TX_LEGACY) tx->chain_id = posw_rlp_u64(r);
    tx->nonce = posw_rlp_u64(r);
    tx->max_tip = posw_rlp_u256(r);
    tx->max_fee = tx->type == POSW_TX_DYNAMIC_FEE ? posw_rlp_u256(r) : tx->max_tip;
    tx->gas_limit = posw_rlp_u64(r);
    read_to(r, tx);
    tx->value = posw_rlp_u256(r);
    tx->input = posw_rlp_bytes(r);
    if (tx->type != POSW_TX_LEGACY) read_access_list(r, tx);
}

/* What v says: the parity, and for type 0 whether and for which chain the signature is protected (EIP-155). */
static bool apply_v(posw_tx *tx, uint64_t v) {
    uint8_t *parity = &tx->signature.b[POSW_SIGNATURE_SIZE - 1];
    if (tx->type != POSW_TX_LEGACY) {
        tx->is_protected = true;
        *parity = (uint8_t)v;
        return v <= 1;
    }
    if (v == PARITY_BASE || v == PARITY_BASE + 1) {
        *parity = (uint8_t)(v - PARITY_BASE);
        return true;
    }
    if (v < PROTECTED_BASE) return false;
    tx->is_protected = true;
    tx->chain_id = (v - PROTECTED_BASE) / 2;
    *parity = (v - PROTECTED_BASE) % 2;
    return tx->chain_id <= PROTECTED_CHAIN_ID_MAX;
}

static bool apply_rs(posw_tx *tx, const posw_u256 *r, const posw_u256 *s) {
    posw_u256_to_be(tx->signature.b, r);
    posw_u256_to_be(tx->signature.b + 32, s);
    return !posw_u256_is_zero(r) && posw_u256_cmp(r, &ORDER) < 0 && !posw_u256_is_zero(s) &&
           posw_u256_cmp(s, &HALF_ORDER) <= 0;
}

static enum posw_tx_status read_type(enum posw_tx_type *out, const uint8_t *data, size_t size) {
    if (size == 0 || (data[0] >= STRING && data[0] < LIST)) return POSW_TX_MALFORMED;
    if (data[0] >= LIST) {
        *out = POSW_TX_LEGACY;
    } else if (data[0] == POSW_TX_ACCESS_LIST || data[0] == POSW_TX_DYNAMIC_FEE) {
        *out = (enum posw_tx_type)data[0];
    } else {
        return POSW_TX_TYPE_UNSUPPORTED;
    }
    return POSW_TX_OK;
}

/* X2 */
enum posw_tx_status posw_tx_decode(posw_tx *out, const uint8_t *data, size_t size) {
    posw_tx tx = {.raw = {data, size}};
    const enum posw_tx_status status = read_type(&tx.type, data, size);
    if (status != POSW_TX_OK) return status;
    const size_t skip = tx.type == POSW_TX_LEGACY ? 0 : 1;
    posw_rlp outer = posw_rlp_reader(data + skip, size - skip), fields = posw_rlp_list(&outer);
    read_fields(&fields, &tx);
    const uint64_t v = posw_rlp_u64(&fields);
    const posw_u256 r = posw_rlp_u256(&fields), s = posw_rlp_u256(&fields);
    if (!posw_rlp_done(&fields) || !posw_rlp_done(&outer)) return POSW_TX_MALFORMED;
    if (!apply_v(&tx, v) || !apply_rs(&tx, &r, &s)) return POSW_TX_BAD_SIGNATURE;
    *out = tx;
    return POSW_TX_OK;
}

/* ---- encoding ----
 * An encoding is a row of pieces, so that it can be hashed or appended without a copy of the input and the access list:
 *
 *      type, list prefix │ fields, prefix of input │ input │ prefix of access list │ access list │ v, r, s or what is
 * signed instead
 */

enum { PIECE_COUNT = 6, FIELD_U64_MAX = 9, FIELD_U256_MAX = 33, PREFIX_MAX = 9 };

typedef struct {
    uint8_t start[1 + PREFIX_MAX];
    uint8_t fields[3 * FIELD_U64_MAX + 3 * FIELD_U256_MAX + 1 + POSW_ADDRESS_SIZE + PREFIX_MAX];
    uint8_t access_prefix[PREFIX_MAX];
    uint8_t tail[FIELD_U64_MAX + 2 * FIELD_U256_MAX];
    posw_bytes row[PIECE_COUNT];
} pieces;

static posw_bytes span(const uint8_t *from, const uint8_t *to) {
    return (posw_bytes){from, (size_t)(to - from)};
}

static posw_bytes put_fields(pieces *e, const posw_tx *tx) {
    uint8_t *p = e->fields;
    if (tx->type != POSW_TX_LEGACY) p = posw_rlp_put_u64(p, tx->chain_id);
    p = posw_rlp_put_u64(p, tx->nonce);
    if (tx->type == POSW_TX_DYNAMIC_FEE) p = posw_rlp_put_u256(p, &tx->max_tip);
    p = posw_rlp_put_u256(p, &tx->max_fee);
    p = posw_rlp_put_u64(p, tx->gas_limit);
    p = posw_rlp_put_bytes(p, tx->to.b, tx->has_to ? sizeof tx->to.b : 0);
    p = posw_rlp_put_u256(p, &tx->value);
    p = posw_rlp_put_bytes_prefix(p, tx->input.data, tx->input.size);
    return span(e->fields, p);
}

/* What type 0 signs in place of v, r, s: (chain id, 0, 0), or nothing when it is not protected. */
static posw_bytes put_unsigned_tail(pieces *e, const posw_tx *tx) {
    uint8_t *p = e->tail;
    if (tx->type == POSW_TX_LEGACY && tx->is_protected) {
        p = posw_rlp_put_u64(p, tx->chain_id);
        p = posw_rlp_put_u64(p, 0);
        p = posw_rlp_put_u64(p, 0);
    }
    return span(e->tail, p);
}

static posw_bytes put_signed_tail(pieces *e, const posw_tx *tx) {
    const posw_u256 r = posw_u256_from_be(tx->signature.b), s = posw_u256_from_be(tx->signature.b + 32);
    uint64_t v = tx->signature.b[POSW_SIGNATURE_SIZE - 1];
    if (tx->type == POSW_TX_LEGACY) v += tx->is_protected ? PROTECTED_BASE + 2 * tx->chain_id : PARITY_BASE;
    uint8_t *p = posw_rlp_put_u64(e->tail, v);
    p = posw_rlp_put_u256(p, &r);
    p = posw_rlp_put_u256(p, &s);
    return span(e->tail, p);
}

static void make_pieces(pieces *e, const posw_tx *tx, bool is_signed) {
    const bool typed = tx->type != POSW_TX_LEGACY;
    e->row[1] = put_fields(e, tx);
    e->row[2] = tx->input;
    e->row[3] = e->row[4] = (posw_bytes){NULL, 0};
    if (typed) {
        e->row[3] = span(e->access_prefix, posw_rlp_put_list(e->access_prefix, tx->access_list.size));
        e->row[4] = tx->access_list;
    }
    e->row[5] = is_signed ? put_signed_tail(e, tx) : put_unsigned_tail(e, tx);
    size_t content = 0;
    for (size_t i = 1; i < PIECE_COUNT; i++)
        content += e->row[i].size;
    e->start[0] = (uint8_t)tx->type;
    e->row[0] = span(e->start, posw_rlp_put_list(e->start + (typed ? 1 : 0), content));
}

void posw_tx_encode(posw_buf *out, const posw_tx *tx) {
    pieces e;
    make_pieces(&e, tx, true);
    for (size_t i = 0; i < PIECE_COUNT; i++)
        posw_buf_append(out, e.row[i].data, e.row[i].size);
}

bool posw_tx_sign(posw_buf *out, const posw_tx *tx, const uint8_t secret[32]) {
    posw_tx copy = *tx;
    posw_hash digest;
    if (tx->type == POSW_TX_LEGACY && tx->is_protected && tx->chain_id > PROTECTED_CHAIN_ID_MAX) return false;
    posw_tx_signing_hash(&digest, tx);
    if (!posw_secp_sign(&copy.signature, &digest, secret)) return false;
    posw_tx_encode(out, &copy);
    return !out->failed;
}

/* ---- hashes, sender, gas ---- */

void posw_tx_hash(posw_hash *out, const posw_tx *tx) {
    posw_keccak256(out, tx->raw.data, tx->raw.size);
}

void posw_tx_signing_hash(posw_hash *out, const posw_tx *tx) {
    pieces e;
    posw_keccak k;
    make_pieces(&e, tx, false);
    posw_keccak_init(&k);
    for (size_t i = 0; i < PIECE_COUNT; i++)
        posw_keccak_update(&k, e.row[i].data, e.row[i].size);
    posw_keccak_final(&k, out);
}

bool posw_tx_sender(posw_address *out, const posw_tx *tx) {
    posw_hash digest;
    posw_tx_signing_hash(&digest, tx);
    return posw_secp_recover(out, &digest, &tx->signature);
}

static uint64_t add_gas(uint64_t sum, uint64_t count, uint64_t price) {
    uint64_t cost;
    if (__builtin_mul_overflow(count, price, &cost) || __builtin_add_overflow(sum, cost, &sum)) return UINT64_MAX;
    return sum;
}

/* X3 */
uint64_t posw_tx_intrinsic_gas(const posw_tx *tx) {
    enum { BASE = 21000, ZERO_BYTE = 4, OTHER_BYTE = 16, ACCESS_ADDRESS = 2400, ACCESS_KEY = 1900 };
    uint64_t zeros = 0;
    for (size_t i = 0; i < tx->input.size; i++)
        zeros += tx->input.data[i] == 0;
    uint64_t gas = add_gas(BASE, zeros, ZERO_BYTE);
    gas = add_gas(gas, tx->input.size - zeros, OTHER_BYTE);
    gas = add_gas(gas, tx->access_addresses, ACCESS_ADDRESS);
    return add_gas(gas, tx->access_keys, ACCESS_KEY);
}

/* X5 */
posw_u256 posw_tx_effective_price(const posw_tx *tx, uint64_t base_fee_wei) {
    const posw_u256 base = posw_u256_from_u64(base_fee_wei);
    const posw_u256 price = posw_u256_add_sat(&base, &tx->max_tip); /* a saturated sum is above every max_fee, too */
    return posw_u256_cmp(&price, &tx->max_fee) < 0 ? price : tx->max_fee;
}
