#include "codec/receipt.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/keccak.h"

enum { LIST = 0xc0 };

/* ---- bloom: three of 2,048 bits for each entry, taken from the first three 16-bit words of its hash ---- */

typedef struct {
    size_t byte[3];
    uint8_t mask[3];
} bloom_bits;

static bloom_bits bits_of(const void *data, size_t size) {
    bloom_bits out;
    posw_hash h;
    posw_keccak256(&h, data, size);
    for (size_t i = 0; i < 3; i++) {
        const unsigned bit = (unsigned)(h.b[2 * i] << 8 | h.b[2 * i + 1]) % (8 * POSW_BLOOM_SIZE);
        out.byte[i] = POSW_BLOOM_SIZE - 1 - bit / 8;
        out.mask[i] = (uint8_t)(1u << bit % 8);
    }
    return out;
}

void posw_bloom_add(uint8_t bloom[POSW_BLOOM_SIZE], const void *data, size_t size) {
    const bloom_bits bits = bits_of(data, size);
    for (size_t i = 0; i < 3; i++)
        bloom[bits.byte[i]] |= bits.mask[i];
}

void posw_bloom_add_log(uint8_t bloom[POSW_BLOOM_SIZE], const posw_event_log *log) {
    posw_bloom_add(bloom, log->address.b, sizeof log->address.b);
    for (size_t i = 0; i < log->topic_count; i++)
        posw_bloom_add(bloom, log->topics[i].b, sizeof log->topics[i].b);
}

bool posw_bloom_has(const uint8_t bloom[POSW_BLOOM_SIZE], const void *data, size_t size) {
    const bloom_bits bits = bits_of(data, size);
    for (size_t i = 0; i < 3; i++) {
        if ((bloom[bits.byte[i]] & bits.mask[i]) == 0) return false;
    }
    return true;
}

void posw_receipt_bloom(uint8_t bloom[POSW_BLOOM_SIZE], const posw_receipt *r) {
    memset(bloom, 0, POSW_BLOOM_SIZE);
    for (size_t i = 0; i < r->log_count; i++)
        posw_bloom_add_log(bloom, &r->logs[i]);
}

/* ---- rlp([status, cumulative gas, bloom, [[address, [topic, ...], data], ...]]) ---- */

static void append_log(posw_buf *out, const posw_event_log *log) {
    POSW_ASSERT(log->topic_count <= POSW_LOG_TOPICS_MAX && log->data_size <= POSW_LOG_DATA_MAX);
    const size_t mark = posw_rlp_list_begin(out);
    posw_rlp_append_bytes(out, log->address.b, sizeof log->address.b);
    posw_rlp_append_list(out, log->topic_count * (1 + POSW_HASH_SIZE));
    for (size_t i = 0; i < log->topic_count; i++)
        posw_rlp_append_bytes(out, log->topics[i].b, sizeof log->topics[i].b);
    posw_rlp_append_bytes(out, log->data, log->data_size);
    posw_rlp_list_end(out, mark);
}

void posw_receipt_encode(posw_buf *out, const posw_receipt *r) {
    uint8_t bloom[POSW_BLOOM_SIZE];
    POSW_ASSERT(r->log_count <= POSW_RECEIPT_LOGS_MAX);
    posw_receipt_bloom(bloom, r);
    if (r->type != POSW_TX_LEGACY) posw_buf_byte(out, (uint8_t)r->type);
    const size_t receipt = posw_rlp_list_begin(out);
    posw_rlp_append_u64(out, r->success ? 1 : 0);
    posw_rlp_append_u64(out, r->cumulative_gas_used);
    posw_rlp_append_bytes(out, bloom, sizeof bloom);
    const size_t logs = posw_rlp_list_begin(out);
    for (size_t i = 0; i < r->log_count; i++)
        append_log(out, &r->logs[i]);
    posw_rlp_list_end(out, logs);
    posw_rlp_list_end(out, receipt);
}

static bool read_log(posw_rlp *list, posw_event_log *log) {
    posw_rlp r = posw_rlp_list(list);
    memset(log, 0, sizeof *log);
    posw_rlp_fixed(&r, log->address.b, sizeof log->address.b);
    posw_rlp topics = posw_rlp_list(&r);
    while (posw_rlp_more(&topics)) {
        if (log->topic_count == POSW_LOG_TOPICS_MAX) return false;
        posw_rlp_fixed(&topics, log->topics[log->topic_count].b, sizeof log->topics[0].b);
        log->topic_count++;
    }
    const posw_bytes data = posw_rlp_bytes(&r);
    if (data.size > POSW_LOG_DATA_MAX) return false;
    log->data_size = data.size;
    if (data.size > 0) memcpy(log->data, data.data, data.size);
    return posw_rlp_done(&topics) && posw_rlp_done(&r);
}

static bool read_logs(posw_rlp *r, posw_receipt *out) {
    posw_rlp list = posw_rlp_list(r);
    while (posw_rlp_more(&list)) {
        if (out->log_count == POSW_RECEIPT_LOGS_MAX) return false;
        if (!read_log(&list, &out->logs[out->log_count])) return false;
        out->log_count++;
    }
    return posw_rlp_done(&list);
}

/* Types 1 and 2 have their type byte ahead of the list. */
static bool read_type(enum posw_tx_type *out, const uint8_t *in, size_t size) {
    if (size == 0) return false;
    *out = in[0] >= LIST ? POSW_TX_LEGACY : (enum posw_tx_type)in[0];
    return in[0] >= LIST || in[0] == POSW_TX_ACCESS_LIST || in[0] == POSW_TX_DYNAMIC_FEE;
}

bool posw_receipt_decode(posw_receipt *out, posw_event_log logs[POSW_RECEIPT_LOGS_MAX], const uint8_t *in,
                         size_t size) {
    posw_receipt receipt = {.logs = logs};
    uint8_t bloom[POSW_BLOOM_SIZE] = {0}, expected[POSW_BLOOM_SIZE];
    if (!read_type(&receipt.type, in, size)) return false;
    const size_t skip = receipt.type == POSW_TX_LEGACY ? 0 : 1;
    posw_rlp outer = posw_rlp_reader(in + skip, size - skip), r = posw_rlp_list(&outer);
    const uint64_t status = posw_rlp_u64(&r);
    receipt.success = status == 1;
    receipt.cumulative_gas_used = posw_rlp_u64(&r);
    posw_rlp_fixed(&r, bloom, sizeof bloom);
    if (!read_logs(&r, &receipt) || !posw_rlp_done(&r) || !posw_rlp_done(&outer) || status > 1) return false;
    posw_receipt_bloom(expected, &receipt);
    if (memcmp(bloom, expected, sizeof bloom) != 0) return false;
    *out = receipt;
    return true;
}
