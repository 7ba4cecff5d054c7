/* The miners' door: outside miners log in with their address, get work whose target is that of their stake, and hand in
 * what they find. Stock CPU miners speak this protocol (message.h). A service on the node, like rpc and p2p: bytes of
 * connections come as events, answers go as actions; no socket, no clock, no thread here.
 *
 * Who can be served. A block must be signed by the signer of its beneficiary (H8), and stock miners cannot sign. So the
 * node signs, and a login is served iff the node holds the key of the signer in force of that address: the address's
 * own key, or, where the miner has named another signer (setSigner), that one's. One key of the node can so serve all
 * that have named it. Any other login is refused with a sentence that says what to do. Nobody is asked whether he may
 * be named; so of accounts_max, places are kept for the addresses of the keys themselves: one for each, half at most.
 *
 * Jobs. Each login's address has a template of its own (the beneficiary is inside what is hashed); all connections of
 * the address search it with different extra nonces. There is new work on every new tip (which an own block, and the
 * switch of an epoch, are), every refresh_ms, and pool_refresh_ms after a template when transactions came meanwhile.
 * Where the difficulty depends on a block's own time (D6, D7), every own_time_refresh_ms: for a time that is nearly
 * new, and not more often, since each of the accounts costs a template, and each connection a line.
 *
 * Shares. There is no easier target than the chain's: every good share is a block. A share of an earlier template on
 * the same tip is as good; one on an older tip still becomes a block of a side branch, and is answered as stale. A
 * share whose result misses the target costs nothing to refuse; one that meets it is recomputed by a job, and false_max
 * false ones ban the address (IPv4, or an IPv6 /64) for ban_ms, and 16 times as many a whole /48.
 *
 * While the node holds mining (it is behind, or alone) nobody is served: connections are closed with the reason, and
 * miners come back by themselves. */
#ifndef POSW_STRATUM_STRATUM_H
#define POSW_STRATUM_STRATUM_H

#include "node/node.h"

typedef struct posw_stratum posw_stratum;

/* A key that may sign blocks. */
typedef struct {
    posw_address address;
    uint8_t secret[32];
} posw_stratum_key;

enum { POSW_STRATUM_KEYS_MAX = 64 };

/* Zero members get their default. */
typedef struct {
    const posw_stratum_key *keys; /* copied; at most POSW_STRATUM_KEYS_MAX */
    size_t key_count;
    uint8_t seed[16];             /* from the system's generator */
    unsigned connections_max;     /* 1,024; then who has most of them gives one to a newcomer who has fewer */
    unsigned address_connections; /* of one IPv4 address or IPv6 /48; 64 */
    unsigned accounts_max;        /* different addresses that are logged in, a template each; 16 */
    unsigned login_ms;            /* from the connection to a login; 10,000 */
    unsigned refresh_ms;          /* 30,000 */
    unsigned pool_refresh_ms;     /* 10,000 */
    unsigned own_time_refresh_ms; /* 5,000 */
    unsigned requests_per_s;      /* of one connection, on average; what comes beyond is refused unread; 20 */
    unsigned requests_burst;      /* at once after a rest; 60 */
    unsigned excess_max;          /* such refusals in one connection before it is closed; 200 */
    unsigned false_max;           /* false results of an address before it is banned; 3 */
    unsigned ban_ms;              /* 600,000 */
} posw_stratum_options;

/* Registers itself as the node's service. POSW_ENOMEM, POSW_EINVAL (too many keys). */
int posw_stratum_new(posw_stratum **out, posw_node *n, const posw_stratum_options *o);
/* Wipes the keys. NULL allowed. */
void posw_stratum_free(posw_stratum *s);

typedef struct {
    unsigned connections, logins, accounts; /* now */
    uint64_t blocks;                        /* shares that became a block on the tip: the accepted ones */
    uint64_t stale;                         /* shares of an older tip, */
    uint64_t late;                          /* of these those that became a block of a side branch */
    uint64_t weak, false_results, duplicates, unknown_jobs; /* shares that are none */
    uint64_t jobs, refused, excess, malformed, bans;        /* refused: connections and logins; excess: requests */
} posw_stratum_counters;
posw_stratum_counters posw_stratum_read_counters(const posw_stratum *s);

#endif
