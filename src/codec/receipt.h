/* Logs, receipts and the bloom filter, as in Ethereum after EIP-658 and EIP-2718. */
#ifndef POSW_CODEC_RECEIPT_H
#define POSW_CODEC_RECEIPT_H

#include "base/buf.h"
#include "codec/rlp.h"
#include "codec/tx.h"
#include "posw/header.h"

enum { POSW_LOG_TOPICS_MAX = 4, POSW_LOG_DATA_MAX = 256 };

/* The only contract of this chain emits short logs, so a log is plain data. */
typedef struct {
    posw_address address;
    size_t topic_count;
    posw_hash topics[POSW_LOG_TOPICS_MAX];
    size_t data_size;
    uint8_t data[POSW_LOG_DATA_MAX];
} posw_event_log;

typedef struct {
    enum posw_tx_type type;
    bool success;
    uint64_t cumulative_gas_used;
    size_t log_count;     /* at most POSW_RECEIPT_LOGS_MAX */
    posw_event_log *logs; /* borrowed from the maker */
} posw_receipt;

enum { POSW_RECEIPT_LOGS_MAX = 4 };

void posw_bloom_add(uint8_t bloom[POSW_BLOOM_SIZE], const void *data, size_t size);
void posw_bloom_add_log(uint8_t bloom[POSW_BLOOM_SIZE], const posw_event_log *log);
bool posw_bloom_has(const uint8_t bloom[POSW_BLOOM_SIZE], const void *data, size_t size);
void posw_receipt_bloom(uint8_t bloom[POSW_BLOOM_SIZE], const posw_receipt *r); /* clears, then adds every log */

/* Consensus encoding (with the type byte for types 1 and 2): what receiptsRoot is over. */
void posw_receipt_encode(posw_buf *out, const posw_receipt *r);
/* Strict; at most POSW_RECEIPT_LOGS_MAX logs are written to `logs`, which r->logs then points to. The bloom is
 * verified. */
POSW_MUST_USE bool posw_receipt_decode(posw_receipt *out, posw_event_log logs[POSW_RECEIPT_LOGS_MAX], const uint8_t *in,
                                       size_t size);

#endif
