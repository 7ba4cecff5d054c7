/* Pruning as the node decides it: in steps between events, each as short as an import, so that nothing waits long for
 * it. A new block asks for a tick: it is so told to others before what it pushes out is looked at. A step that did
 * something asks for another one, a little later when it has cost a commit: a whole node that begins to prune has much
 * to do, and is there for others meanwhile. */
#include "node/node_internal.h"

#include <inttypes.h>

enum { PAUSE_MS = 20 };

static void wake_at(posw_node *n, uint64_t at_ms) {
    n->prune_wake_ms = at_ms;
    n->rearm = true;
}

void node_prune_later(posw_node *n) {
    if (n->options.prune_bytes != 0 && n->prune_wake_ms == UINT64_MAX) wake_at(n, n->now_ms);
}

/* The promise cannot be held: what is needed is larger. By more than the few files that are full but young. */
static void warn(posw_node *n, const posw_chain_pruning *p) {
    const bool much = p->needed && p->bytes > n->options.prune_bytes + n->options.prune_bytes / 4;
    if (much && !n->warned_prune)
        posw_log_write(n->options.log, POSW_LOG_WARN, "node",
                       "the latest %" PRIu64 " blocks take %" PRIu64 " MiB with what they did, more than the %" PRIu64
                       " MiB of --prune: they are kept all the same",
                       posw_chain_keep_depth(n->options.chain), p->bytes >> 20, n->options.prune_bytes >> 20);
    n->warned_prune = much;
}

void node_prune(posw_node *n, posw_actions *out) {
    posw_chain_pruning p;
    if (n->prune_wake_ms > n->now_ms) return;
    n->prune_wake_ms = UINT64_MAX;
    const int err = posw_chain_prune(n->options.chain, n->options.prune_bytes, &p);
    if (err != POSW_OK) {
        node_operating_error(n, err, "old blocks could not be pruned", out);
        return;
    }
    warn(n, &p);
    if (p.more) wake_at(n, n->now_ms + (p.joined ? 0 : PAUSE_MS));
}
