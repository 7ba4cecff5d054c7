/* What peers say of an upgrade that this node's chain file does not name, and whether to believe it. */
#ifndef POSW_RPC_UPGRADE_NEWS_H
#define POSW_RPC_UPGRADE_NEWS_H

#include "node/upgrades.h"
#include "p2p/p2p.h"

/* False: nothing is said. p may be NULL. */
bool posw_upgrade_news_read(posw_upgrade_news *out, const posw_p2p *p);

#endif
