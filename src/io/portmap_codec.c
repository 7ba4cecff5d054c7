#include "io/portmap_codec.h"

#include "base/bytes.h"

enum {
    PCP_VERSION = 2,
    PCP_MAP = 1,
    NATPMP_VERSION = 0,
    NATPMP_ADDRESS = 0,
    NATPMP_TCP = 2,
    ANSWER = 0x80,
    UNSUPPORTED_VERSION = 1, /* in both */
    PROTOCOL_TCP = 6,
    PCP_HEADER_SIZE = 24
};

static void store_be16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint16_t load_be16(const uint8_t *p) {
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void set_ipv4(posw_netaddr *out, const uint8_t ip[4]) {
    memset(out->ip, 0, sizeof out->ip);
    out->ip[10] = out->ip[11] = 0xff;
    memcpy(out->ip + 12, ip, 4);
}

static bool is_zero(const uint8_t ip[16]) {
    static const uint8_t zero[16];
    return memcmp(ip, zero, sizeof zero) == 0;
}

/* ---- Requests ---- */

void posw_pcp_map_encode(uint8_t out[POSW_PCP_MAP_SIZE], const posw_portmap_wish *w) {
    memset(out, 0, POSW_PCP_MAP_SIZE);
    out[0] = PCP_VERSION;
    out[1] = PCP_MAP;
    posw_store_be32(out + 4, w->lifetime_s);
    memcpy(out + 8, w->local.ip, 16);
    memcpy(out + 24, w->nonce, POSW_PORTMAP_NONCE);
    out[36] = PROTOCOL_TCP;
    store_be16(out + 40, w->port);
    store_be16(out + 42, w->external.port);
    memcpy(out + 44, w->external.ip, 16);
    if (is_zero(w->external.ip) && posw_netaddr_is_ipv4(&w->local))
        out[54] = out[55] = 0xff; /* any IPv4 address: mapped zero */
}

void posw_natpmp_map_encode(uint8_t out[POSW_NATPMP_MAP_SIZE], const posw_portmap_wish *w) {
    memset(out, 0, POSW_NATPMP_MAP_SIZE);
    out[0] = NATPMP_VERSION;
    out[1] = NATPMP_TCP;
    store_be16(out + 4, w->port);
    store_be16(out + 6, w->lifetime_s == 0 ? 0 : w->external.port); /* zero takes it back (RFC 6886 section 3.4) */
    posw_store_be32(out + 8, w->lifetime_s);
}

void posw_natpmp_address_encode(uint8_t out[POSW_NATPMP_ADDRESS_SIZE]) {
    out[0] = NATPMP_VERSION;
    out[1] = NATPMP_ADDRESS;
}

/* ---- Answers ---- */

static bool decode_pcp(posw_portmap_answer *out, const uint8_t *d, size_t size) {
    if (size < PCP_HEADER_SIZE || size > POSW_PORTMAP_ANSWER_MAX || size % 4 != 0 || d[1] != (ANSWER | PCP_MAP))
        return false;
    *out = (posw_portmap_answer){.kind = POSW_PORTMAP_PCP_MAP, .result = d[3], .lifetime_s = posw_load_be32(d + 4)};
    if (out->result == UNSUPPORTED_VERSION) out->kind = POSW_PORTMAP_OTHER_VERSION;
    if (size < POSW_PCP_MAP_SIZE) return out->result != 0;
    memcpy(out->nonce, d + 24, sizeof out->nonce);
    out->port = load_be16(d + 40);
    out->external.port = load_be16(d + 42);
    memcpy(out->external.ip, d + 44, 16);
    return out->result != 0 || d[36] == PROTOCOL_TCP;
}

static bool decode_natpmp(posw_portmap_answer *out, const uint8_t *d, size_t size) {
    enum { HEADER_SIZE = 8, ADDRESS_SIZE = 12, MAP_SIZE = 16 };
    *out = (posw_portmap_answer){.kind = POSW_PORTMAP_OTHER_VERSION};
    if (size < 4 || (d[1] & ANSWER) == 0) return false;
    out->result = load_be16(d + 2);
    if (out->result == UNSUPPORTED_VERSION) return true; /* which a router of NAT-PMP says to PCP */
    if (size < HEADER_SIZE) return false;
    if (d[1] == (ANSWER | NATPMP_ADDRESS)) {
        out->kind = POSW_PORTMAP_NATPMP_ADDRESS;
        if (size >= ADDRESS_SIZE) set_ipv4(&out->external, d + 8);
        return size >= ADDRESS_SIZE || out->result != 0;
    }
    if (d[1] != (ANSWER | NATPMP_TCP)) return false;
    out->kind = POSW_PORTMAP_NATPMP_MAP;
    if (size < MAP_SIZE) return out->result != 0;
    out->port = load_be16(d + 8);
    out->external.port = load_be16(d + 10);
    out->lifetime_s = posw_load_be32(d + 12);
    return true;
}

bool posw_portmap_decode(posw_portmap_answer *out, const uint8_t *data, size_t size) {
    posw_portmap_answer a;
    if (size < 2) return false;
    const bool good = data[0] == PCP_VERSION      ? decode_pcp(&a, data, size)
                      : data[0] == NATPMP_VERSION ? decode_natpmp(&a, data, size)
                                                  : false;
    if (good) *out = a;
    return good;
}

const char *posw_portmap_result_text(const posw_portmap_answer *a) {
    static const char *const pcp[] = {
        "granted",           "another version",       "not authorized",  "malformed request", "unknown operation",
        "unknown option",    "malformed option",      "network failure", "no resources",      "unknown protocol",
        "too many mappings", "cannot give that port", "another address", "too many addresses"};
    static const char *const natpmp[] = {"granted",         "another version", "not authorized",
                                         "network failure", "no resources",    "unknown operation"};
    const bool is_pcp = a->kind == POSW_PORTMAP_PCP_MAP;
    const size_t count = is_pcp ? sizeof pcp / sizeof *pcp : sizeof natpmp / sizeof *natpmp;
    if (a->result >= count) return "unknown reason";
    return is_pcp ? pcp[a->result] : natpmp[a->result];
}

/* ---- The default route ---- */

enum { COLUMN_DESTINATION = 1, COLUMN_GATEWAY = 2, COLUMN_FLAGS = 3, COLUMN_METRIC = 6, COLUMN_MASK = 7, COLUMNS };

static bool number(uint32_t *out, const char *text, size_t size, unsigned base) {
    uint64_t v = 0;
    if (size == 0 || size > 10) return false;
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        const unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                               : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                               : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                      : 16;
        if (digit >= base) return false;
        v = v * base + digit;
    }
    *out = (uint32_t)v;
    return v <= UINT32_MAX;
}

/* The columns of one line; false: not a line of a route. */
static bool columns(uint32_t out[COLUMNS], const char *line, size_t size) {
    unsigned column = 0;
    for (size_t at = 0; at < size && column < COLUMNS; column++) {
        size_t end = at;
        while (end < size && line[end] != '\t' && line[end] != ' ')
            end++;
        if (column > 0 && !number(&out[column], line + at, end - at, column >= 4 && column <= COLUMN_METRIC ? 10 : 16))
            return false;
        while (end < size && (line[end] == '\t' || line[end] == ' '))
            end++;
        at = end;
    }
    return column == COLUMNS;
}

bool posw_portmap_gateway(posw_netaddr *out, const char *text, size_t size) {
    enum { UP_AND_GATEWAY = 3 };
    uint32_t best = UINT32_MAX;
    bool found = false;
    for (size_t at = 0, end; at < size; at = end + 1) {
        uint32_t c[COLUMNS] = {0};
        for (end = at; end < size && text[end] != '\n';)
            end++;
        if (!columns(c, text + at, end - at) || c[COLUMN_DESTINATION] != 0 || c[COLUMN_MASK] != 0) continue;
        if ((c[COLUMN_FLAGS] & UP_AND_GATEWAY) != UP_AND_GATEWAY || c[COLUMN_GATEWAY] == 0) continue;
        if (found && c[COLUMN_METRIC] >= best) continue;
        uint8_t ip[4];
        memcpy(ip, &c[COLUMN_GATEWAY],
               sizeof ip); /* the kernel prints the address's own bytes as one number of this machine */
        *out = (posw_netaddr){.port = 0};
        set_ipv4(out, ip);
        best = c[COLUMN_METRIC];
        found = true;
    }
    return found;
}
