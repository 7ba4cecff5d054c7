/* Whom to dial, and when: the connection policy of doc/network.md section 4 as an object that is asked and told. It
 * owns the address table and the bans, and knows every outbound connection from its dial on; inbound ones are none of
 * its business.
 *
 *      now ──► posw_connect_next ──► dial this address, resolve that name, or ask again at that time
 *              posw_connect_result, _gone, _resolved ◄── what became of it
 *
 * In this order of urgency: named nodes (the operator's, tried for ever, after 1 s, 2 s ... 1 min), anchors of the last
 * run, full connections up to outbound_max (and one more when the tip is stale), block-only ones, and every 2 minutes a
 * feeler: a short connection that tests an address. Bootnodes and DNS seeds are asked when no address is known, or when
 * nothing has connected for 30 s. With named_only there is nothing but named nodes.
 *
 * At most one outbound connection to a group (addresses that the operator or the chain named are free of that), none to
 * what is banned, discouraged or ourselves. At most 8 dials at a time, 200 ms apart but for named ones.
 *
 * Deterministic for a seed; no clock; single-threaded. Times are unix milliseconds. */
#ifndef POSW_P2P_CONNECT_H
#define POSW_P2P_CONNECT_H

#include "p2p/addrman.h"
#include "p2p/bans.h"
#include "p2p/p2p.h"

enum { POSW_CONNECT_ANCHORS = 2 };

typedef struct {
    uint8_t seed[32]; /* secret */
    unsigned outbound_max, block_only_max;
    const posw_node_url *named; /* copied, like all that follows; at most POSW_P2P_NAMED_MAX of each */
    size_t named_count;
    bool named_only;
    const posw_node_url *bootnodes;
    size_t bootnode_count;
    const char *const
        *dns_seeds; /* NULL-terminated or NULL: names that resolve to addresses of nodes; port default_port */
    uint16_t default_port;
    bool private_network;
    posw_netaddr self; /* not dialled; zero: not known */
    posw_bytes kept;   /* what posw_connect_save wrote in the last run; empty: none */
    /* Is this node connected already, in or out? id: zero if not proven. May be NULL: outbound addresses are compared
     * anyway. */
    bool (*is_connected)(void *arg, const posw_netaddr *address, const posw_node_id *id);
    void *arg;
} posw_connect_options;

typedef struct posw_connect posw_connect;
/* warning: a sentence when what was kept is damaged (the start is then with an empty table), else empty. POSW_ENOMEM.
 */
int posw_connect_new(posw_connect **out, posw_message *warning, const posw_connect_options *o, uint64_t now_ms);
void posw_connect_free(posw_connect *c);
posw_addrman *posw_connect_addresses(posw_connect *c);
posw_bans *posw_connect_bans(posw_connect *c);

/* By how much the world's clock is behind the times that are given here, since it was set back: bans end by that one,
 * which the operator reads. Until the next call; at first 0. */
void posw_connect_set_behind(posw_connect *c, uint64_t behind_ms);

enum posw_connect_what { POSW_CONNECT_WAIT, POSW_CONNECT_DIAL, POSW_CONNECT_RESOLVE };
typedef struct {
    enum posw_connect_what what;
    /* DIAL */
    enum posw_p2p_kind kind;
    posw_netaddr address;
    posw_node_id id; /* its key must hash to this; zero: any */
    /* RESOLVE: borrowed until the next call */
    const char *host;
    uint16_t port;
    /* WAIT: ask again at this time, and after each result; UINT64_MAX: only then */
    uint64_t at_ms;
} posw_connect_wish;
/* Ask until it says WAIT. peer: the number that the connection has if this is a DIAL; never used before. */
void posw_connect_next(posw_connect *c, posw_connect_wish *out, uint64_t peer, uint64_t now_ms);

enum posw_dial_result {
    POSW_DIAL_READY,   /* HELLO was right */
    POSW_DIAL_FAILED,  /* no connection, no handshake, silence, or a violation */
    POSW_DIAL_FULL,    /* it has no place for us, or goes down: nothing against it */
    POSW_DIAL_KNOWN,   /* that node is connected already */
    POSW_DIAL_USELESS, /* of another chain, fork or version: the address is forgotten */
    POSW_DIAL_SELF,    /* it is ourselves: the address is not dialled again */
};
/* What became of a dial; once for each, and not for a peer that was reported before (ignored). After anything but READY
 * the connection is over for this object. id: what it showed (READY, KNOWN), else NULL. */
void posw_connect_result(posw_connect *c, uint64_t peer, enum posw_dial_result result, const posw_node_id *id,
                         uint64_t now_ms);
/* A connection that was READY has ended; also right for one that has no result yet (then it failed), and for unknown
 * numbers (ignored). */
void posw_connect_gone(posw_connect *c, uint64_t peer, uint64_t now_ms);
/* This connection, which has no result yet, has failed for this reason. True: it was to a named node or a bootnode, and
 * the reason is another than the last time, or it was READY in between: the operator should read it. */
bool posw_connect_is_news(posw_connect *c, uint64_t peer, posw_bytes reason);
/* The addresses of a name that a RESOLVE asked for; none: it failed. The name need not be terminated. */
void posw_connect_resolved(posw_connect *c, posw_bytes host, const posw_netaddr *addresses, size_t count,
                           uint64_t now_ms);
/* A name that was given and has no address; NULL: none. Borrowed until the next call. */
const char *posw_connect_unresolved(const posw_connect *c);
/* Nodes or names were given at the start or since. */
bool posw_connect_has_named(const posw_connect *c);

/* The tip is stale: one full connection more than outbound_max is made while this is on. */
void posw_connect_want_extra(posw_connect *c, bool on);
/* Full connections beyond outbound_max are ready: one of them is to be left (posw_evict_outbound). */
bool posw_connect_has_surplus(const posw_connect *c);
typedef struct {
    size_t full, block_only, named, feelers; /* ready */
    size_t dialling;
} posw_connect_counts;
posw_connect_counts posw_connect_count(const posw_connect *c);

/* POSW_EEXIST, POSW_ENOTFOUND, POSW_EFULL. A removed node's connection stays until the caller closes it. */
int posw_connect_add_named(posw_connect *c, const posw_node_url *url);
int posw_connect_remove_named(posw_connect *c, const posw_node_url *url);

/* Addresses, anchors (the block-only peers that are ready, else those of the start) and bans, with a checksum: for
 * POSW_ACTION_SAVE_PEERS, every 10 minutes or so and at the end. */
void posw_connect_save(const posw_connect *c, posw_buf *out);

#endif
