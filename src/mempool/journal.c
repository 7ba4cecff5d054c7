/* The journal: length (4, big-endian) ‖ raw transaction, again and again. */
#include "mempool/mempool_internal.h"

#include "base/bytes.h"
#include "crypto/keccak.h"

void posw_mempool_journal_record(posw_buf *out, const posw_mempool_entry *e) {
    uint8_t size[4];
    posw_store_be32(size, (uint32_t)e->tx.raw.size);
    posw_buf_append(out, size, sizeof size);
    posw_buf_append(out, e->tx.raw.data, e->tx.raw.size);
}

static int write_entry(void *arg, const posw_mempool_entry *e) {
    posw_buf *out = arg;
    posw_mempool_journal_record(out, e);
    return out->failed ? POSW_ENOMEM : POSW_OK;
}

int posw_mempool_journal_write(const posw_mempool *m, posw_buf *out) {
    return posw_mempool_walk(m, NULL, write_entry, out);
}

/* Size of the first record, 0: none that is whole. */
static size_t record_size(const uint8_t *data, size_t size) {
    if (size < 4) return 0;
    size_t n = posw_load_be32(data);
    return n == 0 || n > POSW_TX_SIZE_MAX || n > size - 4 ? 0 : 4 + n;
}

size_t posw_mempool_journal_piece(const uint8_t *data, size_t size, size_t wanted) {
    size_t whole = 0;
    for (size_t n; whole < wanted && (n = record_size(data + whole, size - whole)) > 0;)
        whole += n;
    return whole;
}

/* Of a journal after a crash most is mined already: that is found out without recovering senders. */
static int read_record(posw_mempool *m, posw_bytes raw, uint64_t now_s, bool *taken) {
    posw_hash hash;
    uint64_t number;
    uint32_t index;
    enum posw_mempool_refusal refusal;
    *taken = false;
    posw_keccak256(&hash, raw.data, raw.size);
    int err = posw_chain_find_tx(m->chain, &number, &index, &hash);
    if (err != POSW_ENOTFOUND) return err;
    err = posw_mempool_add(m, &refusal, NULL, NULL, raw.data, raw.size, NULL, now_s);
    *taken = err == POSW_OK && refusal == POSW_MEMPOOL_ACCEPTED;
    return err;
}

int posw_mempool_journal_read(posw_mempool *m, const uint8_t *data, size_t size, uint64_t now_s, size_t *accepted) {
    size_t count = 0;
    int err = POSW_OK;
    for (size_t n; err == POSW_OK && (n = record_size(data, size)) > 0; data += n, size -= n) {
        bool taken;
        err = read_record(m, posw_bytes_of(data + 4, n - 4), now_s, &taken);
        count += taken;
    }
    if (accepted != NULL) *accepted = count;
    return err;
}
