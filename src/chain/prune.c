/* Pruning: old bodies, results and undo records go, by whole files of the logs.
 *
 *      0 ──────── first_body ──────── tip - keep ──────── tip
 *        headers     │   bodies, results, undo, index       │
 *        only        │                                      never given up
 *                    └─> one step after the other
 *
 * Along the main chain records lie in the order of its blocks (a parent is always stored, and executed, before its
 * child), so the oldest file of a log ends at a block number. A step takes the transactions of some blocks before it
 * out of the index and moves first_body up; when all of the file's blocks are behind first_body, it drops the file, in
 * the same transaction. So what is indexed is there, whatever instant the program dies at.
 *
 * Headers, the main-chain index and stake tables stay: they are what light checks, proofs and the headers-first
 * synchronisation of others need, and they are small.
 *
 * Side branches keep what they stand on: nothing at or above the block after a fork goes while a branch leaves there.
 * And they keep their own records, which may be older than those of main-chain blocks that came, or were executed,
 * after them: of a branch that was the main chain before, or of one that leaves another that has won. In the first
 * synchronisation, when branches may leave anywhere, a branch can so hold pruning up until it has won or is forgotten.
 */
#include "chain/chain_internal.h"

#include "base/bytes.h"

#include <inttypes.h>

/* A step is to take some milliseconds. */
enum { STEP_BLOCKS = 128, STEP_TXS = 256 };

static const char FIRST_KEY[] = "first.body";

uint64_t posw_chain_first_body(const posw_chain *c) {
    return c->first_body;
}

uint64_t posw_chain_pruned_bytes(const posw_chain *c) {
    return c->pruned_bytes;
}

uint64_t posw_chain_keep_depth(const posw_chain *c) {
    const uint64_t twice = 2 * c->spec->params.reorg_max_blocks;
    return (twice > POSW_CHAIN_BODIES_MIN ? twice : POSW_CHAIN_BODIES_MIN) + POSW_CHAIN_BODIES_SLACK;
}

int posw_chain_prune_load(posw_chain *c) {
    posw_bytes value;
    const int rc = c->store->ops->get(c->store, POSW_TABLE_META, FIRST_KEY, strlen(FIRST_KEY), &value);
    c->first_body = 0;
    c->pruned_bytes -= c->pruned_open;
    c->pruned_open = 0;
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_OK : rc;
    c->first_body = posw_chain_meta_u64(value);
    return c->first_body <= c->tip.number ? POSW_OK : POSW_ECORRUPT;
}

/* ---- what may go ---- */

/* A file that is the oldest of its log. */
typedef struct {
    enum posw_store_log log;
    uint64_t bytes;
    posw_store_pos pos; /* all of its records are before that */
    uint64_t end;       /* the lowest main-chain block that has no record in it */
} part;

/* The lowest main-chain block, from first_body on, whose record is not before this position; tip + 1: none. */
static int first_behind(posw_chain *c, uint64_t *out, enum posw_store_log log, posw_store_pos pos) {
    uint64_t low = c->first_body, high = c->tip.number + 1;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        posw_chain_row row;
        const int rc = posw_chain_main_row(c, &row, NULL, middle);
        if (rc != POSW_OK) return rc;
        if ((log == POSW_LOG_BLOCKS ? row.block_pos : row.exec_pos) < pos)
            low = middle + 1;
        else
            high = middle;
    }
    *out = low;
    return POSW_OK;
}

/* Of both logs' oldest files the one whose blocks are older. POSW_ENOTFOUND: there is none. */
static int oldest_part(posw_chain *c, part *out) {
    bool found = false;
    for (int log = 0; log < POSW_STORE_LOG_COUNT; log++) {
        posw_store_log_info info;
        part p = {.log = (enum posw_store_log)log};
        c->store->ops->log_info(c->store, p.log, &info);
        if (info.oldest_bytes == 0) continue;
        p.bytes = info.oldest_bytes;
        p.pos = info.oldest_end;
        const int rc = first_behind(c, &p.end, p.log, info.oldest_end);
        if (rc != POSW_OK) return rc;
        if (found && p.end >= out->end) continue;
        found = true;
        *out = p;
    }
    return found ? POSW_OK : POSW_ENOTFOUND;
}

static uint64_t log_bytes(posw_chain *c) {
    uint64_t bytes = 0;
    for (int log = 0; log < POSW_STORE_LOG_COUNT; log++) {
        posw_store_log_info info;
        c->store->ops->log_info(c->store, (enum posw_store_log)log, &info);
        bytes += info.bytes;
    }
    return bytes;
}

/* Blocks before this number are neither needed by a reorganisation, nor by a side branch, nor by peers near the tip. */
static uint64_t prunable_end(const posw_chain *c) {
    const uint64_t keep = posw_chain_keep_depth(c);
    const uint64_t deep = c->tip.number > keep ? c->tip.number - keep : 0;
    return c->side_floor < deep ? c->side_floor + 1 : deep;
}

static bool has_side_record(const posw_chain *c, const part *p) {
    size_t pos = 0;
    void *value;
    while (posw_map_next(&c->side, &pos, NULL, &value)) {
        const posw_chain_side *node = value;
        if ((p->log == POSW_LOG_BLOCKS ? node->block_pos : node->exec_pos) < p->pos) return true;
    }
    return false;
}

/* ---- a step ---- */

/* Takes the transactions of the block out of the index. */
static int unindex_block(posw_chain *c, uint64_t number, posw_buf *raw, size_t *txs) {
    posw_chain_row row;
    posw_hash hash;
    posw_block block = {0};
    int rc = posw_chain_main_row(c, &row, &hash, number);
    if (rc != POSW_OK || row.header.gas_used == 0) return rc; /* every transaction uses some */
    rc = posw_chain_block_load(c, &block, raw, &row, &hash);
    if (rc == POSW_OK) rc = posw_chain_txs_delete(c, &block);
    *txs += block.tx_count;
    posw_block_clear(&block);
    return rc;
}

/* In the open transaction; *first: the new first_body. */
static int unindex(posw_chain *c, uint64_t end, uint64_t *first) {
    posw_buf raw = {0};
    uint8_t value[8];
    size_t txs = 0;
    int rc = POSW_OK;
    for (size_t i = 0; rc == POSW_OK && *first < end && i < STEP_BLOCKS && txs < STEP_TXS; i++) {
        rc = unindex_block(c, *first, &raw, &txs);
        if (rc == POSW_OK) ++*first;
    }
    posw_buf_clear(&raw);
    if (rc != POSW_OK) return rc;
    posw_store_be64(value, *first);
    return c->store->ops->put(c->store, POSW_TABLE_META, FIRST_KEY, strlen(FIRST_KEY), value, sizeof value);
}

static int step(posw_chain *c, const part *p) {
    uint64_t first = c->first_body;
    int rc = posw_chain_begin(c);
    if (rc == POSW_OK && first < p->end) rc = unindex(c, p->end, &first);
    const bool drops = rc == POSW_OK && first >= p->end;
    if (drops) rc = c->store->ops->drop_oldest(c->store, p->log);
    if (rc == POSW_OK) rc = posw_chain_end_small(c);
    if (rc != POSW_OK) return posw_chain_fail(c, rc);
    c->first_body = first;
    if (!drops) return POSW_OK;
    c->pruned_bytes += p->bytes;
    if (c->tx_open) c->pruned_open += p->bytes;
    posw_log_write(c->log, POSW_LOG_INFO, "chain",
                   "pruned: blocks before %" PRIu64 " are gone but for their headers, %" PRIu64 " MiB more are free",
                   first, p->bytes >> 20);
    return POSW_OK;
}

int posw_chain_prune(posw_chain *c, uint64_t bytes_max, posw_chain_pruning *out) {
    part p = {.log = POSW_LOG_BLOCKS};
    *out = (posw_chain_pruning){.bytes = log_bytes(c)};
    if (c->stale || out->bytes <= bytes_max) return POSW_OK;
    int rc = oldest_part(c, &p);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_OK : rc;
    out->needed = p.end > prunable_end(c) || has_side_record(c, &p);
    if (out->needed) return POSW_OK;
    rc = step(c, &p);
    out->more = rc == POSW_OK;
    out->joined = c->tx_open;
    return rc;
}
