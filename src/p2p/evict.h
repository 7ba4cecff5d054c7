/* Who must go when there are too many. Pure functions over what is known of each peer.
 *
 * Inbound: a newcomer gets a place from one who is not protected. Protected are, in this order, each out of those that
 * are left: the operator's; 4 of the rarest groups (among equals a secret decides), one of each; 8 with the least ping;
 * 4 that brought transactions last and 8 that brought blocks last; and the older half of the rest. What an attacker
 * would have to be to push all others out is thus many things at once: near, useful, old, and everywhere. Of those that
 * remain the youngest of the largest group goes. Discouraged ones go before all that. */
#ifndef POSW_P2P_EVICT_H
#define POSW_P2P_EVICT_H

#include "base/netaddr.h"

enum { POSW_EVICT_GROUP_MAX = 16 }; /* inbound peers of one group */

typedef struct {
    uint64_t peer;
    uint8_t group[POSW_NETGROUP_SIZE];
    uint32_t ping_min_ms;               /* UINT32_MAX: none yet */
    uint64_t connected_ms;              /* when */
    uint64_t last_block_ms, last_tx_ms; /* when it was the first to bring a valid one; 0: never */
    bool discouraged, is_protected;     /* is_protected: the operator's */
    uint64_t group_number, group_rank;  /* these three: room for posw_evict_inbound's own use */
    size_t group_size;
} posw_evict_candidate;

/* The inbound peer that goes. False: all are protected. The array is reordered. secret: the node's, constant. */
POSW_MUST_USE bool posw_evict_inbound(uint64_t *peer, posw_evict_candidate *c, size_t count, const uint8_t secret[16]);
/* May one more of this group come in? loopback and (with private_network) all are free of the limit. */
bool posw_inbound_group_has_room(const posw_evict_candidate *c, size_t count, const posw_netaddr *address,
                                 bool private_network);
/* The outbound peer that goes when one more than wanted is there: the one that brought a block longest ago (or never),
 * of those the youngest; not one that came within the last 30 s, and not the operator's. False: none. */
POSW_MUST_USE bool posw_evict_outbound(uint64_t *peer, const posw_evict_candidate *c, size_t count, uint64_t now_ms);
/* May an outbound connection go to this address beside those to `others`? At most one to a group, except to what the
 * internet does not route and in a private network. */
bool posw_outbound_group_is_free(const posw_netaddr *address, const posw_netaddr *others, size_t count,
                                 bool private_network);

#endif
