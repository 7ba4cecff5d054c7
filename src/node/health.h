/* Is a node fit for use? The rule of /health/ready (doc/operators.md): it has a chain that is young, and company.
 *
 *  - not synchronising;
 *  - the tip is less than three block times old, or at most 10 s where that is more;
 *  - at least two peers, unless the node stands alone: a development chain, no network, or mining alone;
 *  - others have not credibly changed the rules at a block that its chain file does not name (node/upgrades.h).
 *
 * A node that stands alone may have an old tip, too: with nobody to mine, the chain is as young as it gets. */
#ifndef POSW_NODE_HEALTH_H
#define POSW_NODE_HEALTH_H

#include "base/buf.h"

enum { POSW_HEALTH_PEERS_MIN = 2, POSW_HEALTH_BLOCK_TIMES = 3, POSW_HEALTH_AGE_MIN_S = 10 };

typedef struct {
    bool syncing, alone;
    size_t peers; /* in and out, ready ones */
    uint64_t height, tip_age_s, block_time_s;
    bool missed_upgrade;    /* credibly */
    uint64_t missed_height; /* 0: not known */
} posw_health;

bool posw_health_is_ready(const posw_health *h);
/* {"ready": …, "reasons": ["…"], "height": …, "tipAge": …, "peers": …}: reasons are sentences, none when it is ready.
 */
void posw_health_json(posw_buf *out, const posw_health *h);

#endif
