#include "rpc/upgrade_news.h"

#include <stdlib.h>
#include <string.h>

/* Parts of the network (address groups) in which there are peers now. */
static size_t count_networks(const posw_p2p *p) {
    const size_t room = posw_p2p_peers(p, NULL, 0);
    posw_p2p_peer_info *peers = calloc(room + 1, sizeof *peers);
    uint8_t(*groups)[POSW_NETGROUP_SIZE] = calloc(room + 1, sizeof *groups);
    size_t count = 0;
    const size_t n = peers != NULL && groups != NULL ? posw_p2p_peers(p, peers, room) : 0;
    for (size_t i = 0; i < n && i < room; i++) {
        size_t k = 0;
        if (!peers[i].ready) continue;
        posw_netaddr_group(groups[count], &peers[i].address);
        while (memcmp(groups[k], groups[count], sizeof groups[k]) != 0)
            k++;
        count += k == count;
    }
    free(peers);
    free(groups);
    return count;
}

bool posw_upgrade_news_read(posw_upgrade_news *out, const posw_p2p *p) {
    posw_upgrade_news n = {0};
    if (p == NULL) return false;
    n.missed = posw_p2p_upgrade_needed(p, &n.height);
    if (!n.missed && !posw_p2p_unknown_upgrade(p, &n.height, &n.networks)) return false;
    n.credible = posw_upgrade_is_credible(n.missed, n.networks, count_networks(p));
    *out = n;
    return true;
}
