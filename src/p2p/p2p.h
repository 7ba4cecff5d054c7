/* The peer-to-peer network of one node (doc/network.md), as a service on posw_node: bytes of peers in, actions out.
 *
 *      posw_p2p ─┬─ connect, addrman, bans, evict    who is connected                       (pure, own headers)
 *                ├─ sync                             headers, bodies, which chain to follow
 *                ├─ compact                          new blocks at the tip, in and out
 *                └─ txs                              transactions, in and out
 *
 * No socket, clock, thread or system randomness: addresses are dialled and bytes sent by the performer of the node's
 * actions; proofs of work and signatures of blocks are computed in jobs (node/job.h). Everything random comes from the
 * seed, so a simulated network is the same in every run. One thread.
 *
 * Limits: peers (options), memory of each peer (POSW_P2P_PEER_MEMORY for what it sent and is not yet used), messages
 * (doc/network.md section 2), headers ahead (POSW_P2P_HEADERS_AHEAD), bodies ahead (1,024 and 64 MiB). */
#ifndef POSW_P2P_P2P_H
#define POSW_P2P_P2P_H

#include "node/node.h"

typedef struct posw_p2p posw_p2p;

enum {
    POSW_P2P_VERSION = 1,
    POSW_P2P_PORT = 30301,
    POSW_P2P_HEADERS_AHEAD = 8192,
    POSW_P2P_PEER_MEMORY = 12 * 1024 * 1024, /* one BLOCK being received, and what waits beside it */
    POSW_P2P_NAMED_MAX = 64,                 /* of --connect, --addnode, bootnodes, DNS seeds: each */
    POSW_P2P_AGENT_MAX = 64
};

typedef struct {
    posw_node *node; /* borrowed; posw_p2p_new sets the service POSW_SERVICE_P2P */
    const posw_log *log;
    uint8_t seed[32]; /* secret; everything random comes from it */
    posw_node_id self;
    uint16_t listen_port;       /* that others can dial; 0: none */
    posw_netaddr external;      /* the address that others see; zero: not known */
    unsigned outbound_max;      /* full connections, default 8 */
    unsigned block_only_max;    /* default 2 */
    unsigned inbound_max;       /* default 114 */
    const posw_node_url *named; /* dialled for ever (--addnode); copied */
    size_t named_count;
    bool named_only;                /* --connect: nobody else is dialled */
    const posw_node_url *bootnodes; /* dialled when there is nobody else; copied */
    size_t bootnode_count;
    const char *const *dns_seeds; /* NULL-terminated or NULL; copied */
    bool private_network; /* addresses that the internet does not route are taken and given on; no netgroup limits */
    bool mine_alone;      /* mine also with no peer, and while peers claim more (a chain's first node) */
    bool seeder;          /* tells addresses to all who ask and closes; keeps no chain data flowing */
    posw_bytes kept;      /* what SAVE_PEERS kept in the last run; empty: none */
    const char *agent;    /* NULL: "posw/<version>" */
} posw_p2p_options;
void posw_p2p_options_default(posw_p2p_options *o);

int posw_p2p_new(posw_p2p **out, const posw_p2p_options *o);
/* Takes the service off the node. */
void posw_p2p_free(posw_p2p *p);
/* First actions: dial anchors and named nodes, arm the timer. Once, after the node's first TICK. */
void posw_p2p_start(posw_p2p *p, posw_actions *out);
/* The address under which others reach this node has become known (a router's mapping); all zero: no longer. Peers are
 * told with the next tick. */
void posw_p2p_set_external(posw_p2p *p, const posw_netaddr *external);
/* Says goodbye to all, and keeps the addresses (SAVE_PEERS). */
void posw_p2p_stop(posw_p2p *p, posw_actions *out);

/* ---- What operators see and do ---- */
enum posw_p2p_kind {
    POSW_P2P_INBOUND,
    POSW_P2P_OUTBOUND,
    POSW_P2P_BLOCK_ONLY,
    POSW_P2P_FEELER,
    POSW_P2P_NAMED, /* the operator's */
};
const char *posw_p2p_kind_text(enum posw_p2p_kind kind);

typedef struct {
    uint64_t peer;
    enum posw_p2p_kind kind;
    posw_netaddr address;
    posw_node_id node_id;
    bool ready;  /* HELLO has come */
    bool pruned; /* it keeps only recent blocks, as it told */
    char agent[POSW_P2P_AGENT_MAX + 1];
    uint64_t number; /* of its tip, as far as it told */
    posw_hash hash;
    posw_u256 weight;
    uint64_t connected_s;
    int64_t clock_offset_s;                    /* its clock minus ours, if both went on evenly since HELLO */
    uint32_t ping_ms;                          /* the latest; UINT32_MAX: none yet */
    uint64_t bytes_in, bytes_out, blocks, txs; /* delivered to us first */
    size_t memory;                             /* bytes held for it */
} posw_p2p_peer_info;
/* By peer number (order of connection). Returns how many there are; fills at most max. */
size_t posw_p2p_peers(const posw_p2p *p, posw_p2p_peer_info *out, size_t max);

typedef struct {
    size_t inbound, outbound;      /* ready ones */
    size_t addresses;              /* known */
    bool syncing;                  /* behind: bodies of a heavier chain are being fetched, or headers of it */
    bool refused;                  /* a heavier chain is known that cannot be followed (F3); problem says so */
    uint64_t sync_start, sync_tip; /* block numbers: where it began, where the heaviest known header stands */
    uint64_t headers_checked, blocks_received, blocks_wasted, txs_received, compact_rebuilt, compact_asked, violations;
    size_t memory;                                                     /* of the whole network part */
    unsigned peers_max;                                                /* connections that it keeps, in and out */
    bool clock_known;                                                  /* of at least 4 outbound peers */
    int64_t clock_offset_s;                                            /* their median clock minus ours */
    uint64_t refused_other_chain, refused_other_fork, refused_version; /* greetings */
    char problem[160]; /* the most urgent thing an operator should know and do ("" none): no peers, not reachable, clock
                          off, wrong chain */
} posw_p2p_status;
void posw_p2p_read_status(const posw_p2p *p, posw_p2p_status *out);

/* The lowest height above the tip at which peers that are connected now change the rules (U1) and this node's chain
 * file does not, and from how many different parts of the network they come (at most 64 are told apart). False: none.
 * What strangers say is not known to be true: believe several parts, or peers that this node dialled. */
bool posw_p2p_unknown_upgrade(const posw_p2p *p, uint64_t *height, size_t *peers);
/* Has such a height been passed without this node? *height: the lowest that was told; 0: none was. What counts is the
 * latest word of each of the 16 nodes that were dialled and heard last (whoever comes could say anything), and of these
 * the words of the last hour, if there are any: true while at least as many of them follow rules that this chain file
 * does not have as do not. So one of two others is enough, one liar among several is not, and it is over when they say
 * otherwise, or are gone and others are not. */
bool posw_p2p_upgrade_needed(const posw_p2p *p, uint64_t *height);

/* Bytes of whole messages since the start, by direction, and peers that broke the protocol, by the message in which
 * they did: for each kind of message (posw_msg_name), and then one with the name "other" (no whole message, or its
 * proof of work). A non-zero result of fn stops and is returned. */
typedef struct {
    uint64_t bytes_in, bytes_out, violations;
} posw_p2p_traffic;
int posw_p2p_read_traffic(const posw_p2p *p, int (*fn)(void *arg, const char *message, const posw_p2p_traffic *t),
                          void *arg);

/* For a seeder's name server: addresses of one family on the default port to which this node is connected now, or was
 * within the last day by a dial of its own; another choice each time. */
size_t posw_p2p_seed_addresses(posw_p2p *p, posw_netaddr *out, size_t max, bool ipv6);

/* Operators' commands; false where there is nothing to do (already, not found, too many). */
bool posw_p2p_add_node(posw_p2p *p, const posw_node_url *url, posw_actions *out);
bool posw_p2p_remove_node(posw_p2p *p, const posw_node_url *url, posw_actions *out);
bool posw_p2p_disconnect(posw_p2p *p, uint64_t peer, posw_actions *out);
/* "1.2.3.4", "10.0.0.0/8", "2001:db8::/32"; until_s: unix time, 0 lifts the ban. Connected ones are closed.
 * POSW_EINVAL: not an address. */
int posw_p2p_ban(posw_p2p *p, const char *subnet, uint64_t until_s, posw_actions *out);
int posw_p2p_bans(const posw_p2p *p, int (*fn)(void *arg, const char *subnet, uint64_t until_s), void *arg);
/* "posw://<id>@address:port" of this node as others may dial it (the external address, else the listening one given).
 */
void posw_p2p_url(const posw_p2p *p, char out[POSW_NODE_URL_TEXT]);

#endif
