/* The connection policy from inside: connect.c holds what is known, connect_next.c decides, connect_book.c keeps it. */
#ifndef POSW_P2P_CONNECT_INTERNAL_H
#define POSW_P2P_CONNECT_INTERNAL_H

#include "crypto/random.h"
#include "p2p/connect.h"

enum {
    CONNECT_DIALS_MAX = 8,
    CONNECT_PACE_MS = 200,
    CONNECT_BACKOFF_MIN_MS = 1000,
    CONNECT_BACKOFF_MAX_MS = 5 * 60 * 1000,
    CONNECT_BACKOFF_NAMED_MS = 60 * 1000, /* the longest wait for a node that the operator named */
    CONNECT_STEADY_MS = 60 * 1000,  /* a named connection that lasted so long starts over with the shortest wait */
    CONNECT_BRIEF_MS = 5 * 1000,    /* one that ended sooner may have met the other's own dial */
    CONNECT_KNOWN_MS = 60 * 1000,   /* until a named node that is connected anyway (it dialled us) is tried again, or
                                       half of it by lot, */
    CONNECT_LOOK_MS = 5 * 1000,     /* and until it is looked whether it still is */
    CONNECT_RESOLVE_MS = 30 * 1000, /* without an answer: it failed */
    CONNECT_DNS_AGAIN_MS = 10 * 60 * 1000,
    CONNECT_FALLBACK_MS = 30 * 1000,
    CONNECT_FEELER_MS = 2 * 60 * 1000,
    CONNECT_EXTRA_MS = 30 * 1000,
    CONNECT_SEARCH_MS = 1000,          /* after a search that found nothing; twice as long after the next, up to */
    CONNECT_SEARCH_MAX_MS = 32 * 1000, /* unless an address came to be known or a connection was lost */
    CONNECT_REDIAL_MIN_S =
        5, /* the same address again: this at least, while there is no connection at all; longer the longer */
    CONNECT_REDIAL_MAX_S = 60, /* that lasts, up to this (and always this while there is one) */
    CONNECT_TARGET_ADDRESSES_MAX = 8,
    CONNECT_SEED_ADDRESSES_MAX = 256,
    CONNECT_OWN_MAX = 16
};

enum connect_target_kind { CONNECT_NAMED, CONNECT_BOOTNODE, CONNECT_SEED };

/* Somebody who was named: an address, or a name that is resolved to some. */
typedef struct {
    enum connect_target_kind kind;
    uint32_t number; /* of its connection's link */
    posw_node_url url;
    posw_netaddr addresses[CONNECT_TARGET_ADDRESSES_MAX];
    size_t address_count, address_next; /* the next one to dial; at the end the name is resolved again */
    bool resolving, linked;
    bool unresolved;         /* the name had no address when it was asked for last */
    uint64_t failure;        /* what stands for the reason of the last failure since it was ready; 0: none */
    uint64_t at_ms, wait_ms; /* next attempt (resolving: when that has failed); the wait after the next failure */
} connect_target;

/* An outbound connection from its dial on. */
typedef struct {
    uint64_t peer;
    enum posw_p2p_kind kind;
    posw_netaddr address;
    bool ready;
    uint64_t ready_ms;
    uint32_t target; /* number; 0: none */
} connect_link;

struct posw_connect {
    posw_connect_options o; /* without what is borrowed only by posw_connect_new */
    posw_random random;
    posw_addrman *addresses;
    posw_bans *bans;
    connect_target *targets;
    size_t target_count, target_capacity;
    uint32_t next_target;
    connect_link *links;
    size_t link_count, link_capacity;
    posw_netaddr anchors[POSW_CONNECT_ANCHORS]; /* of the last run */
    size_t anchor_count, anchor_next;
    posw_netaddr own[CONNECT_OWN_MAX]; /* found to be ourselves; a ring */
    size_t own_count;
    bool want_extra;
    uint64_t behind_ms;                                /* posw_connect_set_behind */
    uint64_t paced_ms, search_ms, feeler_ms, extra_ms; /* not before */
    uint64_t search_wait_ms;                           /* after the next search that finds nothing */
    uint64_t searched_ms;                              /* the last one that found nothing, */
    size_t search_known;                               /* and how many addresses were known then */
    uint64_t change_ms;    /* the last READY or loss of a connection that was not a feeler, or the start */
    uint64_t bootstrap_ms; /* until then bootnodes and seeds are asked in any case */
};

connect_link *connect_find_link(const posw_connect *c, uint64_t peer);
connect_target *connect_find_target(const posw_connect *c, uint32_t number);
/* NULL: no memory (or too many). */
connect_target *connect_add_target(posw_connect *c, enum connect_target_kind kind, const posw_node_url *url,
                                   uint64_t now_ms);
bool connect_add_link(posw_connect *c, uint64_t peer, enum posw_p2p_kind kind, const posw_netaddr *address,
                      uint32_t target);
/* The attempt has failed: wait, and twice as long the next time. */
void connect_target_failed(connect_target *t, uint64_t now_ms);
bool connect_any_ready(const posw_connect *c);
/* Something has changed: the address table is searched again at once. */
void connect_search_anew(posw_connect *c);

/* Takes over what was kept. POSW_ECHECKSUM, POSW_EPARSE: nothing was; POSW_ENOMEM. */
int connect_read_book(posw_connect *c, posw_bytes kept);

#endif
