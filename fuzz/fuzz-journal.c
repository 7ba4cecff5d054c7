/* The pool's journal, read as it was left by a crash. Reading never fails for what is in it; a journal that is written
 * from the pool is taken again whole, and in any pieces. */
#include "world.h"

enum { NOW_S = 1000 };

static posw_mempool *fill(const world *w, const uint8_t *data, size_t size, size_t *accepted) {
    posw_mempool_options o;
    posw_mempool *m;
    posw_mempool_options_default(&o);
    o.txs_max = 50;
    POSW_ASSERT(posw_mempool_new(&m, w->chain, &o) == POSW_OK);
    POSW_ASSERT(posw_mempool_journal_read(m, data, size, NOW_S, accepted) == POSW_OK);
    return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static world w;
    size_t accepted, pending, queued, bytes, again;
    posw_buf journal = {0};
    if (w.chain == NULL) {
        world_open(&w);
        world_grow(&w, 1);
    }
    for (size_t wanted = 1; wanted < size; wanted = 2 * wanted + 1)
        POSW_ASSERT(posw_mempool_journal_piece(data, size, wanted) <= size);
    posw_mempool *m = fill(&w, data, size, &accepted);
    posw_mempool_counts(m, &pending, &queued, &bytes);
    POSW_ASSERT(accepted >= pending + queued && pending + queued <= 50);
    POSW_ASSERT(posw_mempool_journal_write(m, &journal) == POSW_OK);
    posw_mempool *second = fill(&w, journal.data, journal.size, &again);
    POSW_ASSERT(again == pending + queued);
    posw_mempool_free(second);
    posw_mempool_free(m);
    posw_buf_clear(&journal);
    return 0;
}
