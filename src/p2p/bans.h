/* Who is not wanted: addresses and subnets that the operator has banned, and addresses that have broken the protocol
 * (discouraged for 24 hours: not dialled, first to be evicted).
 *
 * Both are bounded: 1,000 bans, and the latest 10,000 discouraged. IPv4 counts by address, IPv6 by /64, since that is
 * what a single machine has at least; an IPv4 address that is reached by a translator or tunnel counts as itself.
 * Loopback is never discouraged: it would be all local nodes at once. Times are unix seconds. */
#ifndef POSW_P2P_BANS_H
#define POSW_P2P_BANS_H

#include "base/buf.h"
#include "base/netaddr.h"

enum {
    POSW_BANS_MAX = 1000,
    POSW_DISCOURAGED_MAX = 10000,
    POSW_DISCOURAGED_S = 24 * 3600,
    POSW_SUBNET_TEXT = POSW_IP_TEXT + 4
};

typedef struct {
    uint8_t ip[16]; /* bits beyond the prefix are zero */
    uint8_t bits;   /* 0..128, of the IPv6 form: "10.0.0.0/8" has 104 */
} posw_subnet;
/* "1.2.3.4", "10.0.0.0/8", "2001:db8::/32"; bits beyond the prefix are cleared. Strict otherwise. */
POSW_MUST_USE bool posw_subnet_parse(posw_subnet *out, const char *text);
/* The same form; a single address without prefix. */
void posw_subnet_text(char out[POSW_SUBNET_TEXT], const posw_subnet *s);
/* A subnet of IPv6 has no IPv4 addresses: "::/0" is all of IPv6 and nothing of IPv4, "0.0.0.0/0" the other way round.
 */
bool posw_subnet_has(const posw_subnet *s, const posw_netaddr *address);

typedef struct posw_bans posw_bans;
int posw_bans_new(posw_bans **out, const uint8_t seed[16]); /* seed: secret, of a hash table */
void posw_bans_free(posw_bans *b);

/* Until that time; replaces an earlier ban of the same subnet. POSW_EFULL: too many. */
int posw_bans_add(posw_bans *b, const posw_subnet *s, uint64_t until_s, uint64_t now_s);
bool posw_bans_remove(posw_bans *b, const posw_subnet *s); /* false: was not banned */
bool posw_bans_has(const posw_bans *b, const posw_netaddr *address, uint64_t now_s);
/* Those in force, by address and prefix. A non-zero result of fn stops and is returned. */
int posw_bans_walk(const posw_bans *b, uint64_t now_s, int (*fn)(void *arg, const posw_subnet *s, uint64_t until_s),
                   void *arg);

void posw_bans_discourage(posw_bans *b, const posw_netaddr *address, uint64_t now_s);
bool posw_bans_is_discouraged(const posw_bans *b, const posw_netaddr *address, uint64_t now_s);

/* The operator's bans, appended; the discouraged are forgotten with the run. */
void posw_bans_encode(posw_buf *out, const posw_bans *b);
/* Into an empty object. POSW_EPARSE (nothing changed) for anything that encode does not write. */
int posw_bans_decode(posw_bans *b, posw_bytes in);

#endif
