#include "p2p/bans.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/map.h"
#include "codec/rlp.h"

#include <stdlib.h>

enum { IPV4_BITS = 96, IP_BITS = 128, VERSION = 1 };

static const uint8_t ipv4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* ---- subnets ---- */

static void clear_beyond(uint8_t ip[16], unsigned bits) {
    for (unsigned i = 0; i < 16; i++) {
        const unsigned kept = bits > 8 * i ? bits - 8 * i : 0;
        if (kept < 8) ip[i] = (uint8_t)(ip[i] & ~(0xffu >> kept));
    }
}

/* Digits without leading zeros, at most max. */
static bool read_bits(unsigned *out, const char *text, unsigned max) {
    unsigned v = 0;
    if (text[0] == '\0' || strlen(text) > 3 || (text[0] == '0' && text[1] != '\0')) return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') return false;
        v = 10 * v + (unsigned)(*text - '0');
    }
    if (v > max) return false;
    *out = v;
    return true;
}

bool posw_subnet_parse(posw_subnet *out, const char *text) {
    posw_subnet s;
    const size_t size = strcspn(text, "/");
    if (!posw_ip_parse(s.ip, text, size)) return false;
    const unsigned family =
        memcmp(s.ip, ipv4_prefix, sizeof ipv4_prefix) == 0 && memchr(text, ':', size) == NULL ? IPV4_BITS : 0;
    unsigned bits = IP_BITS - family;
    if (text[size] == '/' && !read_bits(&bits, text + size + 1, bits)) return false;
    s.bits = (uint8_t)(bits + family);
    clear_beyond(s.ip, s.bits);
    *out = s;
    return true;
}

static void put_number(char *out, unsigned v) {
    size_t n = 0;
    if (v >= 100) out[n++] = (char)('0' + v / 100);
    if (v >= 10) out[n++] = (char)('0' + v / 10 % 10);
    out[n++] = (char)('0' + v % 10);
    out[n] = '\0';
}

void posw_subnet_text(char out[POSW_SUBNET_TEXT], const posw_subnet *s) {
    posw_ip_text(out, s->ip);
    if (s->bits == IP_BITS) return;
    const unsigned bits = strchr(out, ':') == NULL ? s->bits - IPV4_BITS : s->bits;
    const size_t n = strlen(out);
    out[n] = '/';
    put_number(out + n + 1, bits);
}

static bool has_ip(const posw_subnet *s, const uint8_t ip[16]) {
    uint8_t masked[16];
    memcpy(masked, ip, sizeof masked);
    clear_beyond(masked, s->bits);
    return memcmp(masked, s->ip, sizeof masked) == 0;
}

bool posw_subnet_has(const posw_subnet *s, const posw_netaddr *address) {
    const bool is_of_ipv6 = s->bits < IPV4_BITS; /* "::/0" means those who come by IPv6 */
    return !(is_of_ipv6 && posw_netaddr_is_ipv4(address)) && has_ip(s, address->ip);
}

static int compare(const posw_subnet *a, const posw_subnet *b) {
    const int c = memcmp(a->ip, b->ip, sizeof a->ip);
    return c != 0 ? c : (int)a->bits - b->bits;
}

/* ---- the object ---- */

typedef struct {
    posw_subnet subnet;
    uint64_t until_s;
} ban;

/* Who is discouraged stands in the ring in the order of arrival, and in the map with the place in it; the oldest is
 * overwritten. */
typedef struct {
    uint8_t unit[16];
    uint64_t until_s;
} discouraged;

struct posw_bans {
    ban *items; /* sorted */
    size_t count, capacity;
    posw_map places; /* unit -> uint32_t place in the ring */
    discouraged *ring;
    size_t ring_count, ring_next, ring_capacity;
};

int posw_bans_new(posw_bans **out, const uint8_t seed[16]) {
    posw_bans *b = calloc(1, sizeof *b);
    if (b == NULL) return POSW_ENOMEM;
    posw_map_init(&b->places, 16, sizeof(uint32_t), seed);
    *out = b;
    return POSW_OK;
}

void posw_bans_free(posw_bans *b) {
    if (b == NULL) return;
    posw_map_clear(&b->places);
    free(b->ring);
    free(b->items);
    free(b);
}

/* ---- bans ---- */

/* The first that is not below it. */
static size_t find_place(const posw_bans *b, const posw_subnet *s) {
    size_t low = 0, high = b->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (compare(&b->items[middle].subnet, s) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const posw_bans *b, size_t i, const posw_subnet *s) {
    return i < b->count && compare(&b->items[i].subnet, s) == 0;
}

static void drop_over(posw_bans *b, uint64_t now_s) {
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].until_s > now_s) b->items[n++] = b->items[i];
    b->count = n;
}

static int insert(posw_bans *b, size_t at, const ban *item) {
    if (b->count == POSW_BANS_MAX) return POSW_EFULL;
    if (b->count == b->capacity) {
        const size_t capacity = b->capacity == 0 ? 8 : b->capacity * 2;
        ban *items = realloc(b->items, capacity * sizeof *items);
        if (items == NULL) return POSW_ENOMEM;
        b->items = items;
        b->capacity = capacity;
    }
    memmove(b->items + at + 1, b->items + at, (b->count - at) * sizeof *b->items);
    b->items[at] = *item;
    b->count++;
    return POSW_OK;
}

int posw_bans_add(posw_bans *b, const posw_subnet *s, uint64_t until_s, uint64_t now_s) {
    const ban item = {*s, until_s};
    drop_over(b, now_s);
    const size_t at = find_place(b, s);
    if (!is_at(b, at, s)) return insert(b, at, &item);
    b->items[at] = item;
    return POSW_OK;
}

bool posw_bans_remove(posw_bans *b, const posw_subnet *s) {
    const size_t at = find_place(b, s);
    if (!is_at(b, at, s)) return false;
    memmove(b->items + at, b->items + at + 1, (b->count - at - 1) * sizeof *b->items);
    b->count--;
    return true;
}

bool posw_bans_has(const posw_bans *b, const posw_netaddr *address, uint64_t now_s) {
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].until_s > now_s && posw_subnet_has(&b->items[i].subnet, address)) return true;
    return false;
}

int posw_bans_walk(const posw_bans *b, uint64_t now_s, int (*fn)(void *arg, const posw_subnet *s, uint64_t until_s),
                   void *arg) {
    for (size_t i = 0; i < b->count; i++) {
        const int stop = b->items[i].until_s > now_s ? fn(arg, &b->items[i].subnet, b->items[i].until_s) : 0;
        if (stop != 0) return stop;
    }
    return 0;
}

/* ---- the discouraged ---- */

static const discouraged *find_discouraged(const posw_bans *b, const uint8_t unit[16]) {
    uint32_t place;
    const void *found = posw_map_find(&b->places, unit);
    if (found == NULL) return NULL;
    memcpy(&place, found, sizeof place);
    return &b->ring[place];
}

static bool ring_has_room(posw_bans *b) {
    if (b->ring_count < b->ring_capacity || b->ring_count == POSW_DISCOURAGED_MAX) return true;
    size_t capacity = b->ring_capacity == 0 ? 16 : b->ring_capacity * 2;
    if (capacity > POSW_DISCOURAGED_MAX) capacity = POSW_DISCOURAGED_MAX;
    discouraged *ring = realloc(b->ring, capacity * sizeof *ring);
    if (ring == NULL) return false;
    b->ring = ring;
    b->ring_capacity = capacity;
    return true;
}

/* Without memory it is left out: nothing but a courtesy is lost. */
void posw_bans_discourage(posw_bans *b, const posw_netaddr *address, uint64_t now_s) {
    discouraged d = {.until_s = now_s + POSW_DISCOURAGED_S};
    if (posw_netaddr_is_loopback(address)) return;
    posw_netaddr_unit(d.unit, address);
    discouraged *known = (discouraged *)find_discouraged(b, d.unit);
    if (known != NULL) {
        known->until_s = d.until_s;
        return;
    }
    if (!ring_has_room(b)) return;
    const uint32_t place = (uint32_t)b->ring_next;
    void *value = posw_map_put(&b->places, d.unit, NULL);
    if (value == NULL) return;
    memcpy(value, &place, sizeof place);
    if (b->ring_count == POSW_DISCOURAGED_MAX) posw_map_remove(&b->places, b->ring[place].unit);
    b->ring[place] = d;
    if (b->ring_count < POSW_DISCOURAGED_MAX) b->ring_count++;
    b->ring_next = (b->ring_next + 1) % POSW_DISCOURAGED_MAX;
}

bool posw_bans_is_discouraged(const posw_bans *b, const posw_netaddr *address, uint64_t now_s) {
    uint8_t unit[16];
    posw_netaddr_unit(unit, address);
    const discouraged *d = find_discouraged(b, unit);
    return d != NULL && d->until_s > now_s;
}

/* ---- kept ---- */

/* [version, [[ip, bits, until]...]], ascending. */
void posw_bans_encode(posw_buf *out, const posw_bans *b) {
    const size_t outer = posw_rlp_list_begin(out);
    posw_rlp_append_u64(out, VERSION);
    const size_t list = posw_rlp_list_begin(out);
    for (size_t i = 0; i < b->count; i++) {
        const size_t item = posw_rlp_list_begin(out);
        posw_rlp_append_bytes(out, b->items[i].subnet.ip, sizeof b->items[i].subnet.ip);
        posw_rlp_append_u64(out, b->items[i].subnet.bits);
        posw_rlp_append_u64(out, b->items[i].until_s);
        posw_rlp_list_end(out, item);
    }
    posw_rlp_list_end(out, list);
    posw_rlp_list_end(out, outer);
}

static bool read_ban(ban *out, posw_rlp *list) {
    uint8_t masked[16];
    posw_rlp r = posw_rlp_list(list);
    posw_rlp_fixed(&r, out->subnet.ip, sizeof out->subnet.ip);
    const uint64_t bits = posw_rlp_u64(&r);
    out->until_s = posw_rlp_u64(&r);
    if (!posw_rlp_done(&r) || bits > IP_BITS) return false;
    out->subnet.bits = (uint8_t)bits;
    memcpy(masked, out->subnet.ip, sizeof masked);
    clear_beyond(masked, out->subnet.bits);
    return memcmp(masked, out->subnet.ip, sizeof masked) == 0;
}

int posw_bans_decode(posw_bans *b, posw_bytes in) {
    posw_rlp outer = posw_rlp_reader(in.data, in.size), r = posw_rlp_list(&outer);
    const uint64_t version = posw_rlp_u64(&r);
    posw_rlp list = posw_rlp_list(&r);
    int code = posw_rlp_done(&outer) && posw_rlp_done(&r) && version == VERSION ? POSW_OK : POSW_EPARSE;
    POSW_ASSERT(b->count == 0);
    while (code == POSW_OK && posw_rlp_more(&list)) {
        ban item;
        const bool good =
            read_ban(&item, &list) && (b->count == 0 || compare(&b->items[b->count - 1].subnet, &item.subnet) < 0);
        code = good ? insert(b, b->count, &item) : POSW_EPARSE;
    }
    if (code == POSW_OK && posw_rlp_done(&list)) return POSW_OK;
    b->count = 0;
    return code == POSW_ENOMEM ? code : POSW_EPARSE;
}
