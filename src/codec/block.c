#include "codec/block.h"

#include "base/bytes.h"
#include "base/error.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "posw/verdict.h"

#include <stdlib.h>

enum {
    LIST = 0xc0,
    SHORT_LIST_MAX = 0xf7,
    SHORT_SIZE_MAX = 55,
    TX_ENCODED_SIZE_MIN = 10, /* a list prefix and nine fields of type 0 */
    TX_GAS_MIN = 21000,       /* X3 */
    FRAME_LENGTH_MAX = 3      /* bytes of a length up to POSW_BLOCK_SIZE_MAX */
};

/* ---- decoding ---- */

/* One transaction of the body: type 0 is a list, the others are byte strings around their envelope. */
static bool read_tx(posw_tx *out, posw_rlp *list) {
    if (posw_rlp_next_is_list(list)) {
        const posw_bytes raw = posw_rlp_raw(list);
        return posw_tx_decode(out, raw.data, raw.size) == POSW_TX_OK;
    }
    const posw_bytes raw = posw_rlp_bytes(list);
    return raw.size > 0 && raw.data[0] < LIST && posw_tx_decode(out, raw.data, raw.size) == POSW_TX_OK;
}

static int refuse(int *rule, enum posw_rule broken) {
    if (rule != NULL) *rule = (int)broken;
    return POSW_EPARSE;
}

/* POSW_OK and the owned array (NULL for none), POSW_EPARSE or POSW_ENOMEM. */
static int read_txs(posw_tx **out, size_t *tx_count, int *rule, const posw_header *header, posw_rlp list) {
    const size_t size = (size_t)(list.end - list.p);
    const int64_t count = posw_rlp_count(list);
    if (count < 0) return refuse(rule, POSW_RULE_TX_FORM);
    /* Decoded, a transaction may take thirty times its bytes. */
    if ((uint64_t)count > header->gas_limit / TX_GAS_MIN) return refuse(rule, POSW_RULE_BLOCK_SIZE); /* X9 */
    if ((uint64_t)count > size / TX_ENCODED_SIZE_MIN) return refuse(rule, POSW_RULE_TX_FORM);
    *out = NULL;
    *tx_count = 0;
    if (count == 0) return POSW_OK;
    posw_tx *txs = malloc((size_t)count * sizeof *txs);
    if (txs == NULL) return POSW_ENOMEM;
    for (size_t i = 0; i < (size_t)count; i++) {
        if (!read_tx(&txs[i], &list)) {
            free(txs);
            return refuse(rule, POSW_RULE_TX_FORM);
        }
    }
    *out = txs;
    *tx_count = (size_t)count;
    return POSW_OK;
}

/* known, hash: of its header; NULL: they are not known yet. */
static int decode(posw_block *out, int *rule, const posw_header *known, const posw_hash *hash, const uint8_t *in,
                  size_t size) {
    posw_header decoded;
    posw_tx *own_txs;
    size_t tx_count;
    if (size > POSW_BLOCK_SIZE_MAX) return refuse(rule, POSW_RULE_BLOCK_SIZE);
    posw_rlp outer = posw_rlp_reader(in, size), parts = posw_rlp_list(&outer);
    const posw_bytes header_raw = posw_rlp_raw(&parts);
    if (!posw_rlp_done(&outer) || (known == NULL && !posw_header_decode(&decoded, header_raw.data, header_raw.size)))
        return refuse(rule, POSW_RULE_HEADER_FORM);
    const posw_header *header = known != NULL ? known : &decoded;
    const posw_rlp txs = posw_rlp_list(&parts);
    if (txs.failed) return refuse(rule, POSW_RULE_TX_FORM);
    const posw_rlp ommers = posw_rlp_list(&parts);
    if (!posw_rlp_done(&ommers)) return refuse(rule, POSW_RULE_OMMERS);
    if (!posw_rlp_done(&parts)) return refuse(rule, POSW_RULE_HEADER_FORM);
    const int code = read_txs(&own_txs, &tx_count, rule, header, txs);
    if (code != POSW_OK) return code;
    out->header = *header;
    if (hash != NULL)
        out->hash = *hash;
    else
        posw_keccak256(&out->hash, header_raw.data, header_raw.size);
    out->raw = (posw_bytes){in, size};
    out->header_raw = header_raw;
    out->txs = own_txs;
    out->tx_count = tx_count;
    return POSW_OK;
}

int posw_block_decode(posw_block *out, int *rule, const uint8_t *in, size_t size) {
    return decode(out, rule, NULL, NULL, in, size);
}

int posw_block_decode_known(posw_block *out, int *rule, const posw_header *header, const posw_hash *hash,
                            const uint8_t *in, size_t size) {
    return decode(out, rule, header, hash, in, size);
}

void posw_block_clear(posw_block *b) {
    if (b == NULL) return;
    free(b->txs);
    b->raw = b->header_raw = (posw_bytes){NULL, 0};
    b->txs = NULL;
    b->tx_count = 0;
}

size_t posw_block_frame(const uint8_t *in, size_t size) {
    if (size == 0) return 0;
    /* No block is so small that its length has the short form, none so large that it has more than three bytes. */
    if (in[0] <= SHORT_LIST_MAX || in[0] > SHORT_LIST_MAX + FRAME_LENGTH_MAX) return SIZE_MAX;
    const size_t length_size = in[0] - SHORT_LIST_MAX;
    if (size < 1 + length_size) return 0;
    size_t content = 0;
    for (size_t i = 1; i <= length_size; i++)
        content = content << 8 | in[i];
    const size_t total = 1 + length_size + content;
    return in[1] == 0 || content <= SHORT_SIZE_MAX || total > POSW_BLOCK_SIZE_MAX ? SIZE_MAX : total;
}

bool posw_block_header(posw_header *out, const uint8_t *in, size_t size) {
    posw_rlp outer = posw_rlp_reader(in, size), parts = posw_rlp_list(&outer);
    const posw_bytes header = posw_rlp_raw(&parts);
    return posw_rlp_done(&outer) && posw_header_decode(out, header.data, header.size);
}

/* ---- encoding ---- */

static bool is_typed(const posw_bytes *raw) {
    POSW_ASSERT(raw->size > 0);
    return raw->data[0] < LIST;
}

static size_t encoded_txs_size(const posw_bytes *raw_txs, size_t tx_count) {
    size_t sum = 0;
    for (size_t i = 0; i < tx_count; i++)
        sum += is_typed(&raw_txs[i]) ? posw_rlp_size_bytes(raw_txs[i].data, raw_txs[i].size) : raw_txs[i].size;
    return sum;
}

void posw_block_encode(posw_buf *out, const posw_header *header, const posw_bytes *raw_txs, size_t tx_count) {
    uint8_t rlp[POSW_HEADER_SIZE_MAX];
    posw_block_encode_raw(out, posw_bytes_of(rlp, posw_header_encode(rlp, header)), raw_txs, tx_count);
}

void posw_block_encode_raw(posw_buf *out, posw_bytes header, const posw_bytes *raw_txs, size_t tx_count) {
    const size_t txs_size = encoded_txs_size(raw_txs, tx_count);
    const size_t content = header.size + posw_rlp_size_list(txs_size) + posw_rlp_size_list(0);
    if (!posw_buf_reserve(out, posw_rlp_size_list(content))) return;
    posw_rlp_append_list(out, content);
    posw_buf_append(out, header.data, header.size);
    posw_rlp_append_list(out, txs_size);
    for (size_t i = 0; i < tx_count; i++) {
        if (is_typed(&raw_txs[i])) {
            posw_rlp_append_bytes(out, raw_txs[i].data, raw_txs[i].size);
        } else {
            posw_buf_append(out, raw_txs[i].data, raw_txs[i].size);
        }
    }
    posw_rlp_append_list(out, 0);
}
