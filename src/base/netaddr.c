#include "base/netaddr.h"

#include "base/error.h"

/* All addresses are kept as IPv6; these are the blocks that mean something here (IANA's special-purpose registries). */
typedef struct {
    uint8_t prefix[16];
    uint8_t bits;
} block;

static const uint8_t ipv4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* First byte of a group. */
enum { GROUP_NONE = 0, GROUP_LOOPBACK = 1, GROUP_PRIVATE = 2, GROUP_IPV4 = 4, GROUP_IPV6 = 6 };

static bool in_block(const uint8_t *ip, const block *b) {
    const size_t whole = b->bits / 8, rest = b->bits % 8;
    if (memcmp(ip, b->prefix, whole) != 0) return false;
    return rest == 0 || ((ip[whole] ^ b->prefix[whole]) >> (8 - rest)) == 0;
}

static bool in_any(const uint8_t *ip, const block *blocks, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (in_block(ip, &blocks[i])) return true;
    return false;
}

static bool is_ipv4(const uint8_t ip[16]) {
    return memcmp(ip, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

bool posw_netaddr_equal(const posw_netaddr *a, const posw_netaddr *b) {
    return memcmp(a->ip, b->ip, sizeof a->ip) == 0 && a->port == b->port;
}

bool posw_netaddr_is_ipv4(const posw_netaddr *a) {
    return is_ipv4(a->ip);
}

bool posw_netaddr_is_loopback(const posw_netaddr *a) {
    static const block ipv6_loopback = {{[15] = 1}, 128};
    return is_ipv4(a->ip) ? a->ip[12] == 127 : in_block(a->ip, &ipv6_loopback);
}

/* Of one house or provider: RFC 1918, shared, link-local. */
static bool is_private_ipv4(const uint8_t ip[4]) {
    static const block blocks[] = {{{10}, 8}, {{172, 16}, 12}, {{192, 168}, 16}, {{100, 64}, 10}, {{169, 254}, 16}};
    return in_any(ip, blocks, POSW_ARRAY_SIZE(blocks));
}

/* What nobody reaches: "this network", protocol assignments, documentation, 6to4 relays, benchmarks, multicast,
 * reserved. */
static bool is_special_ipv4(const uint8_t ip[4]) {
    static const block blocks[] = {
        {{0}, 8},        {{127}, 8},           {{192, 0, 0}, 24},   {{192, 0, 2}, 24}, {{192, 88, 99}, 24},
        {{198, 18}, 15}, {{198, 51, 100}, 24}, {{203, 0, 113}, 24}, {{224}, 3}};
    return in_any(ip, blocks, POSW_ARRAY_SIZE(blocks));
}

/* Unique local, link-local, the former site-local. */
static bool is_private_ipv6(const uint8_t ip[16]) {
    static const block blocks[] = {{{0xfc}, 7}, {{0xfe, 0x80}, 10}, {{0xfe, 0xc0}, 10}};
    return in_any(ip, blocks, POSW_ARRAY_SIZE(blocks));
}

/* Inside 2000::/3 without being somebody's: benchmarks, ORCHID, documentation. */
static bool is_special_ipv6(const uint8_t ip[16]) {
    static const block blocks[] = {{{0x20, 0x01, 0x00, 0x02, 0x00, 0x00}, 48},
                                   {{0x20, 0x01, 0x00, 0x10}, 28},
                                   {{0x20, 0x01, 0x00, 0x20}, 28},
                                   {{0x20, 0x01, 0x0d, 0xb8}, 32},
                                   {{0x3f, 0xff, 0x00}, 20}};
    return in_any(ip, blocks, POSW_ARRAY_SIZE(blocks));
}

/* The IPv4 address on which reaching this one depends: itself, or that of a tunnel. */
static bool inner_ipv4(uint8_t out[4], const uint8_t ip[16]) {
    static const block nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96}, six_to_four = {{0x20, 0x02}, 16},
                       teredo = {{0x20, 0x01, 0, 0}, 32};
    if (is_ipv4(ip) || in_block(ip, &nat64)) {
        memcpy(out, ip + 12, 4);
    } else if (in_block(ip, &six_to_four)) {
        memcpy(out, ip + 2, 4);
    } else if (in_block(ip, &teredo)) { /* the client's address is stored inverted (RFC 4380) */
        for (size_t i = 0; i < 4; i++)
            out[i] = (uint8_t)~ip[12 + i];
    } else {
        return false;
    }
    return true;
}

/* The first bytes of IPv6, or the IPv4 address. */
static void put_part(uint8_t out[16], const posw_netaddr *a, size_t bytes) {
    memset(out, 0, 16);
    if (inner_ipv4(out + sizeof ipv4_prefix, a->ip))
        memcpy(out, ipv4_prefix, sizeof ipv4_prefix);
    else
        memcpy(out, a->ip, bytes);
}

void posw_netaddr_unit(uint8_t out[16], const posw_netaddr *a) {
    put_part(out, a, 8);
}

void posw_netaddr_site(uint8_t out[16], const posw_netaddr *a) {
    put_part(out, a, 6);
}

static bool is_private(const posw_netaddr *a) {
    return is_ipv4(a->ip) ? is_private_ipv4(a->ip + 12) : is_private_ipv6(a->ip);
}

bool posw_netaddr_is_routable(const posw_netaddr *a) {
    static const block global = {{0x20}, 3};
    uint8_t v4[4];
    if (a->port == 0) return false;
    if (inner_ipv4(v4, a->ip)) return !is_private_ipv4(v4) && !is_special_ipv4(v4);
    return in_block(a->ip, &global) && !is_special_ipv6(a->ip);
}

void posw_netaddr_group(uint8_t out[POSW_NETGROUP_SIZE], const posw_netaddr *a) {
    uint8_t v4[4];
    memset(out, 0, POSW_NETGROUP_SIZE);
    if (posw_netaddr_is_loopback(a)) {
        out[0] = GROUP_LOOPBACK;
    } else if (is_private(a)) {
        out[0] = GROUP_PRIVATE;
    } else if (inner_ipv4(v4, a->ip)) {
        out[0] = GROUP_IPV4;
        memcpy(out + 1, v4, 2);
    } else {
        out[0] = GROUP_IPV6;
        memcpy(out + 1, a->ip, 4);
    }
}

/* ---- text of numeric addresses ---- */

static size_t put_decimal(char *out, unsigned v) {
    char digits[10];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

static size_t put_ipv4(char *out, const uint8_t ip[4]) {
    size_t n = 0;
    for (size_t i = 0; i < 4; i++) {
        if (i > 0) out[n++] = '.';
        n += put_decimal(out + n, ip[i]);
    }
    return n;
}

static size_t put_hex_word(char *out, unsigned v) {
    size_t n = 0;
    for (int shift = 12; shift >= 0; shift -= 4) {
        const unsigned digit = v >> shift & 15;
        if (digit != 0 || n > 0 || shift == 0) out[n++] = "0123456789abcdef"[digit];
    }
    return n;
}

/* The longest run of at least two zero words, the first of equals (RFC 5952, 4.2). */
static void longest_zeros(size_t *start, size_t *length, const unsigned words[8]) {
    *start = 8;
    *length = 1;
    for (size_t i = 0; i < 8; i++) {
        size_t n = 0;
        while (i + n < 8 && words[i + n] == 0)
            n++;
        if (n > *length) {
            *start = i;
            *length = n;
        }
    }
}

static size_t put_ipv6(char *out, const uint8_t ip[16]) {
    unsigned words[8];
    size_t start, length, n = 0;
    for (size_t i = 0; i < 8; i++)
        words[i] = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
    longest_zeros(&start, &length, words);
    for (size_t i = 0; i < 8; i++) {
        if (i == start) {
            out[n++] = ':';
            if (i == 0) out[n++] = ':';
            i += length - 1;
        } else {
            n += put_hex_word(out + n, words[i]);
            if (i < 7) out[n++] = ':';
        }
    }
    return n;
}

void posw_ip_text(char out[POSW_IP_TEXT], const uint8_t ip[16]) {
    out[is_ipv4(ip) ? put_ipv4(out, ip + 12) : put_ipv6(out, ip)] = '\0';
}

void posw_netaddr_text(char out[POSW_NETADDR_TEXT], const posw_netaddr *a) {
    const bool v4 = is_ipv4(a->ip);
    size_t n = 0;
    if (!v4) out[n++] = '[';
    n += v4 ? put_ipv4(out + n, a->ip + 12) : put_ipv6(out + n, a->ip);
    if (!v4) out[n++] = ']';
    if (a->port != 0) {
        out[n++] = ':';
        n += put_decimal(out + n, a->port);
    }
    out[n] = '\0';
}

/* A decimal number without leading zeros, 0..max, of all `size` characters. */
static bool read_decimal(unsigned *out, const char *text, size_t size, unsigned max) {
    unsigned v = 0;
    if (size == 0 || size > 5 || (size > 1 && text[0] == '0')) return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        v = 10 * v + (unsigned)(text[i] - '0');
    }
    if (v > max) return false;
    *out = v;
    return true;
}

static bool read_ipv4(uint8_t out[4], const char *text, size_t size) {
    size_t at = 0;
    for (size_t i = 0; i < 4; i++) {
        size_t end = at;
        unsigned v;
        while (end < size && text[end] != '.')
            end++;
        if (!read_decimal(&v, text + at, end - at, 255)) return false;
        out[i] = (uint8_t)v;
        if (i < 3 && end == size) return false;
        at = i < 3 ? end + 1 : end;
    }
    return at == size;
}

/* Up to four hexadecimal digits. */
static bool read_hex_word(uint8_t out[2], const char *text, size_t size) {
    char padded[5] = "0000";
    if (size == 0 || size > 4) return false;
    memcpy(padded + 4 - size, text, size);
    return posw_hex_decode(out, 2, padded, 4);
}

/* Words between colons; "::" once, for one or more words of zeros; the last 32 bits may be written as IPv4. */
static bool read_ipv6(uint8_t out[16], const char *text, size_t size) {
    uint8_t bytes[16];
    size_t n = 0, at = 0, gap = SIZE_MAX;
    if (size >= 2 && text[0] == ':' && text[1] == ':') {
        gap = 0;
        at = 2;
    }
    while (at < size) {
        size_t end = at;
        while (end < size && text[end] != ':')
            end++;
        if (end == size && n <= 12 && read_ipv4(bytes + n, text + at, end - at)) {
            n += 4;
        } else if (n <= 14 && read_hex_word(bytes + n, text + at, end - at)) {
            n += 2;
        } else {
            return false;
        }
        if (end == size) break;
        at = end + 1;
        if (at == size) return false; /* a single colon at the end */
        if (text[at] == ':') {
            if (gap != SIZE_MAX) return false;
            gap = n;
            at++;
        }
    }
    if (gap == SIZE_MAX ? n != 16 : n > 14) return false;
    if (gap == SIZE_MAX) gap = n;
    memset(out, 0, 16);
    memcpy(out, bytes, gap);
    memcpy(out + 16 - (n - gap), bytes + gap, n - gap);
    return true;
}

bool posw_ip_parse(uint8_t out[16], const char *text, size_t size) {
    uint8_t v4[4], v6[16];
    if (read_ipv4(v4, text, size)) {
        memcpy(out, ipv4_prefix, sizeof ipv4_prefix);
        memcpy(out + 12, v4, 4);
        return true;
    }
    if (!read_ipv6(v6, text, size)) return false;
    memcpy(out, v6, sizeof v6);
    return true;
}

/* ---- host and port ---- */

/* Cuts "host", "host:port" or "[ipv6]:port"; *bracketed tells the last form. */
static bool cut_host(const char **host, size_t *host_size, bool *bracketed, uint16_t *port, const char *text,
                     uint16_t default_port) {
    const char *rest;
    unsigned v = default_port;
    *bracketed = text[0] == '[';
    *host = text + *bracketed;
    if (*bracketed) {
        const char *close = strchr(text, ']');
        if (close == NULL) return false;
        *host_size = (size_t)(close - *host);
        rest = close + 1;
    } else {
        *host_size = strcspn(text, ":");
        rest = text + *host_size;
    }
    if (*rest == ':') {
        if (!read_decimal(&v, rest + 1, strlen(rest + 1), 65535)) return false;
    } else if (*rest != '\0') {
        return false;
    }
    *port = (uint16_t)v;
    return v != 0;
}

/* IPv6 stands in brackets, IPv4 does not: then the port is never ambiguous. */
static bool read_address(uint8_t out[16], const char *host, size_t size, bool bracketed) {
    return bracketed == (memchr(host, ':', size) != NULL) && posw_ip_parse(out, host, size);
}

bool posw_netaddr_parse(posw_netaddr *out, const char *text, uint16_t default_port) {
    posw_netaddr a;
    const char *host;
    size_t size;
    bool bracketed;
    if (!cut_host(&host, &size, &bracketed, &a.port, text, default_port)) return false;
    if (!read_address(a.ip, host, size, bracketed)) return false;
    *out = a;
    return true;
}

static bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A name as DNS takes it: labels of 1 to 63 letters, digits and inner hyphens. The last one is no number: "1.2.3" and
 * "300.1.1.1" are addresses that somebody mistyped. */
static bool is_name(const char *text, size_t size) {
    bool number = true;
    size_t label = 0;
    if (size == 0 || size > 253) return false;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && text[i] != '.') {
            const bool hyphen = text[i] == '-';
            if (!is_alphanumeric(text[i]) && (!hyphen || label == 0)) return false;
            if (label++ == 0) number = true;
            number = number && text[i] >= '0' && text[i] <= '9';
        } else {
            if (label == 0 || label > 63 || text[i - 1] == '-') return false;
            label = 0;
        }
    }
    return !number;
}

bool posw_node_url_parse(posw_node_url *out, const char *text, uint16_t default_port) {
    static const char scheme[] = "posw://";
    posw_node_url url = {0};
    const char *host;
    size_t size;
    bool bracketed;
    if (strncmp(text, scheme, sizeof scheme - 1) == 0) {
        text += sizeof scheme - 1;
        if (strcspn(text, "@") != 2 * sizeof url.id.b || text[2 * sizeof url.id.b] != '@') return false;
        if (!posw_hex_decode(url.id.b, sizeof url.id.b, text, 2 * sizeof url.id.b)) return false;
        text += 2 * sizeof url.id.b + 1;
    }
    if (!cut_host(&host, &size, &bracketed, &url.port, text, default_port)) return false;
    url.numeric = read_address(url.address.ip, host, size, bracketed);
    if (!url.numeric && (bracketed || !is_name(host, size))) return false;
    if (url.numeric) url.address.port = url.port;
    memcpy(url.host, host, size); /* at most 253, or the 45 of an address */
    *out = url;
    return true;
}

void posw_node_url_text(char out[POSW_NODE_URL_TEXT], const posw_node_id *id, const posw_netaddr *a) {
    static const posw_node_id none;
    size_t n = 0;
    if (memcmp(id, &none, sizeof none) != 0) {
        memcpy(out, "posw://", 7);
        n = 7 + posw_hex_encode(out + 7, id->b, sizeof id->b);
        out[n++] = '@';
    }
    posw_netaddr_text(out + n, a);
}
