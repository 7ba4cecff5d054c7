#include "wallet/tx_file.h"

#include "base/bytes.h"
#include "base/json_writer.h"
#include "posw/u256.h"
#include "wallet/address.h"

#include <jansson.h>

void posw_tx_file_clear(posw_tx_file *f) {
    posw_buf_clear(&f->data);
    posw_buf_clear(&f->raw);
    *f = (posw_tx_file){0};
}

/* ---- reading ---- */

/* An object of the file, with the error that sticks once something is wrong. `used` members have been asked for. */
typedef struct {
    const json_t *object;
    size_t used;
    posw_message *msg;
    int error;
} reader;

static void refuse(reader *r, const char *name, const char *what) {
    if (r->error == POSW_OK)
        r->error = posw_message_set(r->msg, POSW_EPARSE, "the transaction file's \"%s\" %s", name, what);
}

static const json_t *find(reader *r, const char *name) {
    const json_t *value = json_object_get(r->object, name);
    if (value == NULL)
        refuse(r, name, "is missing");
    else
        r->used++;
    return value;
}

static uint64_t read_count(reader *r, const char *name) {
    const json_t *value = find(r, name);
    if (value != NULL && json_is_integer(value) && json_integer_value(value) >= 0)
        return (uint64_t)json_integer_value(value);
    refuse(r, name, "is not a whole number");
    return 0;
}

static const char *read_text(reader *r, const char *name) {
    const json_t *value = find(r, name);
    if (value != NULL && json_is_string(value)) return json_string_value(value);
    refuse(r, name, "is not a text");
    return NULL;
}

/* Decimal digits. */
static posw_u256 read_wei(reader *r, const char *name) {
    const char *text = read_text(r, name);
    posw_u256 v = POSW_U256_ZERO;
    if (text != NULL && (text[strspn(text, "0123456789")] != '\0' || !posw_u256_parse(&v, text, strlen(text))))
        refuse(r, name, "is not an amount in wei");
    return v;
}

static void read_address(reader *r, const char *name, posw_address *out) {
    const char *text = read_text(r, name);
    posw_message why = {""};
    if (text != NULL && posw_eip55_parse(out, text, &why) != POSW_OK) refuse(r, name, why.text);
}

/* A name goes to a terminal: no control characters, neither those of ASCII nor U+0080 to U+009F. */
static void read_name(reader *r, const char *name, char out[POSW_TX_FILE_NAME_MAX + 1]) {
    const char *text = read_text(r, name);
    if (text == NULL) return;
    const size_t size = strlen(text);
    bool ok = size > 0 && size <= POSW_TX_FILE_NAME_MAX;
    for (size_t i = 0; ok && i < size; i++) {
        const uint8_t ch = (uint8_t)text[i];
        ok = ch >= ' ' && ch != 0x7f && !(ch == 0xc2 && (uint8_t)text[i + 1] < 0xa0);
    }
    if (ok)
        memcpy(out, text, size + 1);
    else
        refuse(r, name, "is empty, too long or has control characters");
}

static void read_data(reader *r, const char *name, posw_buf *out, size_t max) {
    const char *text = read_text(r, name);
    if (text == NULL) return;
    const size_t digits = strlen(text), size = digits / 2 - 1;
    if (digits < 2 || digits % 2 != 0 || size > max || memcmp(text, "0x", 2) != 0) {
        refuse(r, name, "is not 0x and pairs of hexadecimal digits, or too long");
        return;
    }
    if (strcmp(text, "0x") == 0) return;
    uint8_t *room = posw_buf_extend(out, size);
    if (room == NULL)
        r->error = posw_message_set(r->msg, POSW_ENOMEM, "out of memory");
    else if (!posw_hex_decode_prefixed(room, size, text, digits))
        refuse(r, name, "is not 0x and pairs of hexadecimal digits");
}

static void all_used(reader *r, const char *what) {
    if (r->error == POSW_OK && json_object_size(r->object) != r->used)
        r->error = posw_message_set(r->msg, POSW_EPARSE, "%s has members that are not known here", what);
}

static void read_chain(reader *outer, posw_tx_file *f) {
    reader r = {.object = find(outer, "chain"), .msg = outer->msg, .error = outer->error};
    read_name(&r, "name", f->chain_name);
    read_name(&r, "ticker", f->ticker);
    f->tx.chain_id = read_count(&r, "chainId");
    const char *genesis = read_text(&r, "genesis");
    if (genesis != NULL && !posw_hash_parse(&f->genesis, genesis)) refuse(&r, "genesis", "is not a hash");
    if (f->tx.chain_id == 0) refuse(&r, "chainId", "is zero");
    all_used(&r, "the transaction file's \"chain\"");
    outer->error = r.error;
}

static void read_members(reader *r, posw_tx_file *f) {
    posw_tx *tx = &f->tx;
    tx->type = POSW_TX_DYNAMIC_FEE;
    tx->is_protected = tx->has_to = true;
    read_chain(r, f);
    read_address(r, "from", &f->from);
    read_address(r, "to", &tx->to);
    tx->value = read_wei(r, "valueWei");
    read_data(r, "data", &f->data, POSW_TX_SIZE_MAX);
    tx->nonce = read_count(r, "nonce");
    tx->gas_limit = read_count(r, "gasLimit");
    tx->max_fee = read_wei(r, "maxFeePerGasWei");
    tx->max_tip = read_wei(r, "maxPriorityFeePerGasWei");
    tx->input = posw_buf_view(&f->data);
    if (json_object_get(r->object, "signed") != NULL) read_data(r, "signed", &f->raw, 2 * POSW_TX_SIZE_MAX);
    all_used(r, "the transaction file");
}

/* The signed bytes are those of the members with some signature, and that one is `from`'s. */
static int check_signed(posw_tx_file *f, posw_message *msg) {
    posw_tx has;
    posw_address sender;
    posw_hash told, signed_hash;
    if (posw_tx_decode(&has, f->raw.data, f->raw.size) != POSW_TX_OK)
        return posw_message_set(msg, POSW_EPARSE, "the transaction file's \"signed\" is not a signed transaction");
    posw_tx_signing_hash(&told, &f->tx);
    posw_tx_signing_hash(&signed_hash, &has);
    if (has.type != f->tx.type || !posw_hash_equal(&told, &signed_hash))
        return posw_message_set(msg, POSW_EPARSE,
                                "the transaction file tells another transaction than the one that is signed in it");
    if (!posw_tx_sender(&sender, &has) || !posw_address_equal(&sender, &f->from))
        return posw_message_set(msg, POSW_EAUTH,
                                "the transaction file is signed by another key than that of its "
                                "\"from\"");
    f->tx.signature = has.signature;
    return POSW_OK;
}

int posw_tx_file_decode(posw_tx_file *out, const char *json, size_t size, posw_message *msg) {
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *version = json_object_get(root, "poswTransaction");
    reader r = {.object = root, .used = 1, .msg = msg, .error = POSW_OK};
    int err;
    if (!json_is_integer(version))
        err = posw_message_set(msg, POSW_EPARSE, "not a transaction file: 'posw send --offline FILE' makes one");
    else if (json_integer_value(version) != POSW_TX_FILE_VERSION)
        err = posw_message_set(msg, POSW_EUNSUPPORTED, "a transaction file of version %lld, which is not known here",
                               (long long)json_integer_value(version));
    else {
        read_members(&r, out);
        err = r.error;
        if (err == POSW_OK && out->raw.size > 0) err = check_signed(out, msg);
    }
    json_decref(root);
    if (err != POSW_OK) posw_tx_file_clear(out);
    return err;
}

/* ---- writing ---- */

void posw_tx_file_encode(posw_buf *out, const posw_tx_file *f) {
    posw_jw w;
    posw_jw_init(&w, out);
    posw_jw_object(&w);
    posw_jw_kv_u64(&w, "poswTransaction", POSW_TX_FILE_VERSION);
    posw_jw_key(&w, "chain");
    posw_jw_object(&w);
    posw_jw_kv_string(&w, "name", f->chain_name);
    posw_jw_kv_string(&w, "ticker", f->ticker);
    posw_jw_kv_u64(&w, "chainId", f->tx.chain_id);
    posw_jw_kv_hash(&w, "genesis", &f->genesis);
    posw_jw_object_end(&w);
    posw_jw_kv_eip55(&w, "from", &f->from);
    posw_jw_kv_eip55(&w, "to", &f->tx.to);
    posw_jw_kv_decimal(&w, "valueWei", &f->tx.value);
    posw_jw_kv_data(&w, "data", f->tx.input.data, f->tx.input.size);
    posw_jw_kv_u64(&w, "nonce", f->tx.nonce);
    posw_jw_kv_u64(&w, "gasLimit", f->tx.gas_limit);
    posw_jw_kv_decimal(&w, "maxFeePerGasWei", &f->tx.max_fee);
    posw_jw_kv_decimal(&w, "maxPriorityFeePerGasWei", &f->tx.max_tip);
    if (f->raw.size > 0) posw_jw_kv_data(&w, "signed", f->raw.data, f->raw.size);
    posw_jw_object_end(&w);
    posw_buf_byte(out, '\n');
}

int posw_tx_file_sign(posw_tx_file *f, const uint8_t secret[32]) {
    posw_address address;
    if (!posw_secp_address(&address, secret) || !posw_address_equal(&address, &f->from)) return POSW_EAUTH;
    posw_buf_reset(&f->raw);
    if (!posw_tx_sign(&f->raw, &f->tx, secret)) return POSW_ENOMEM;
    return check_signed(f, NULL);
}
