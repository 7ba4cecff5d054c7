/* Network addresses as plain bytes: no sockets, no names, no lookups. */
#ifndef POSW_BASE_NETADDR_H
#define POSW_BASE_NETADDR_H

#include "base/bytes.h"

/* An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d, with a TCP port. All zero: none. */
typedef struct {
    uint8_t ip[16];
    uint16_t port;
} posw_netaddr;

/* keccak256 of a node's Ed25519 public key (32 bytes). All zero: not known. */
typedef struct {
    uint8_t b[32];
} posw_node_id;

enum { POSW_NETADDR_TEXT = 56, POSW_NODE_URL_TEXT = 64 + 2 * 32 + 16, POSW_NETGROUP_SIZE = 5 };

bool posw_netaddr_equal(const posw_netaddr *a, const posw_netaddr *b);
bool posw_netaddr_is_ipv4(const posw_netaddr *a);
/* What one user has: an IPv4 address (also inside 6to4, Teredo, NAT64, where many users have one /64), else of IPv6 the
 * /64 (and 8 zeros). */
void posw_netaddr_unit(uint8_t out[16], const posw_netaddr *a);
/* What one user can have for the asking: an IPv4 address (as above), else of IPv6 the /48 (and 10 zeros), in which
 * there are 65,536 such units. */
void posw_netaddr_site(uint8_t out[16], const posw_netaddr *a);
bool posw_netaddr_is_loopback(const posw_netaddr *a);
/* Can be reached over the public internet: not loopback, private, link-local, shared (100.64/10), documentation,
 * multicast or unspecified, and with a port. */
bool posw_netaddr_is_routable(const posw_netaddr *a);
/* The part of the network that one owner usually holds whole: family byte, then /16 of IPv4 (also inside 6to4, Teredo,
 * NAT64), /32 of IPv6. Loopback and private addresses are one group each. */
void posw_netaddr_group(uint8_t out[POSW_NETGROUP_SIZE], const posw_netaddr *a);
/* "1.2.3.4:30301", "[2001:db8::1]:30301" (RFC 5952); reading is strict, the port 1..65535, or default_port (if not 0)
 * where none is written. */
void posw_netaddr_text(char out[POSW_NETADDR_TEXT], const posw_netaddr *a); /* port 0: the address alone */
POSW_MUST_USE bool posw_netaddr_parse(posw_netaddr *out, const char *text, uint16_t default_port);

/* An address alone, without brackets or port: "1.2.3.4", "2001:db8::1" (RFC 5952); reading is strict (no octal, no
 * zone). */
enum { POSW_IP_TEXT = 40 };
void posw_ip_text(char out[POSW_IP_TEXT], const uint8_t ip[16]);
POSW_MUST_USE bool posw_ip_parse(uint8_t out[16], const char *text, size_t size);

/* "posw://<64 hex digits>@host:port", or host:port with no id, or a bare host. */
typedef struct {
    posw_node_id id; /* zero: any */
    char host[256];  /* as written: a name or a numeric address without brackets */
    uint16_t port;
    bool numeric; /* then address is set */
    posw_netaddr address;
} posw_node_url;
POSW_MUST_USE bool posw_node_url_parse(posw_node_url *out, const char *text, uint16_t default_port);
void posw_node_url_text(char out[POSW_NODE_URL_TEXT], const posw_node_id *id, const posw_netaddr *a);

#endif
