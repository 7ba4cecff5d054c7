/* Pruning as the node decides it: in steps between events, each as short as an import, so that nothing waits for it. A
 * new block asks for a tick, and each step that did something for another one at once. A block is so told to others
 * before what it pushes out is looked at. */
#include "node/node_internal.h"

#include <inttypes.h>

void node_prune_later(posw_node *n) {
    if (n->options.prune_bytes == 0 || n->prune_wake_ms <= n->now_ms) return;
    n->prune_wake_ms = n->now_ms;
    n->rearm = true;
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
    if (p.more) node_prune_later(n);
}
