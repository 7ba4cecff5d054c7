/* What happened lately, numbered: filters remember only how far they have read, so that a thousand forgotten filters
 * cost nothing. */
#include "rpc/rpc_internal.h"

#include "base/siphash.h"

#include <stdlib.h>
#include <string.h>

/* Unguessable, so that no client reads another's filter by counting. Never 0. */
uint64_t rpc_new_id(posw_rpc *r) {
    for (;;) {
        uint64_t n = r->next_id++, id = posw_siphash(r->options.seed, &n, sizeof n);
        if (id != 0) return id;
    }
}

static void push(posw_rpc *r, const posw_hash *hash, uint64_t number, bool removed) {
    r->chain_events[r->chain_next++ % RPC_CHAIN_EVENTS] = (rpc_chain_event){*hash, number, removed};
}

/* Removed blocks from the old tip down, then added ones upwards: all stand on the same fork. */
void rpc_events_chain(posw_rpc *r, const posw_chain_change *change) {
    uint64_t fork = posw_chain_tip(posw_node_chain(r->node))->number - change->added_count;
    for (size_t i = 0; i < change->removed_count; i++)
        push(r, &change->removed[i], fork + change->removed_count - i, true);
    for (size_t i = 0; i < change->added_count; i++)
        push(r, &change->added[i], fork + 1 + i, false);
}

bool rpc_events_want_txs(posw_rpc *r) {
    if (r->tx_events == NULL) r->tx_events = calloc(RPC_TX_EVENTS, sizeof *r->tx_events);
    return r->tx_events != NULL;
}

void rpc_events_tx(posw_rpc *r, const posw_hash *hash) {
    if (r->tx_events != NULL) r->tx_events[r->tx_next++ % RPC_TX_EVENTS] = *hash;
}
