#include "io/dns_codec.h"

#include "base/bytes.h"
#include "base/error.h"

#include <string.h>

enum {
    HEADER = 12,
    LABEL_MAX = 63,
    POINTER = 0xc0, /* to an earlier name */
    QUESTION_AT = HEADER,
    TYPE_OPT = 41,
    CLASS_IN = 1,
    CLASS_ANY = 255,
    RECORDS_MAX = 8, /* of a question, that are looked through for EDNS */
    UDP_SIZE = 1232,
    FLAG_ANSWER = 0x8000,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_RECURSION = 0x0100,
    OPT_SIZE = 11
};

/* ---- names ---- */

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool is_name_char(uint8_t c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool posw_dns_name_parse(posw_dns_name *out, const char *text) {
    posw_dns_name n = {.size = 1};
    size_t label = 0; /* where its length stands */
    for (const char *c = text; *c != '\0'; c++) {
        if (n.size == POSW_DNS_NAME_MAX) return false;
        if (*c != '.') {
            if (!is_name_char((uint8_t)*c) || n.bytes[label] == LABEL_MAX) return false;
            n.bytes[label]++;
            n.bytes[n.size++] = lower((uint8_t)*c);
        } else if (n.bytes[label] == 0) {
            return false;
        } else {
            label = n.size++;
            n.bytes[label] = 0;
        }
    }
    if (n.bytes[label] != 0) { /* no final dot */
        if (n.size == POSW_DNS_NAME_MAX) return false;
        n.bytes[n.size++] = 0;
    }
    if (n.size < 3) return false;
    *out = n;
    return true;
}

static bool name_equal(const posw_dns_name *a, const posw_dns_name *b) {
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Is a the zone's own name, or one below? */
static bool is_within(const posw_dns_name *a, const posw_dns_name *zone) {
    for (size_t at = 0; at + zone->size <= a->size; at += (size_t)a->bytes[at] + 1)
        if (a->size - at == zone->size && memcmp(a->bytes + at, zone->bytes, zone->size) == 0) return true;
    return false;
}

/* ---- reading ---- */

typedef struct {
    const uint8_t *data;
    size_t size, at;
    bool failed;
} reader;

static const uint8_t *take(reader *r, size_t n) {
    if (r->failed || r->size - r->at < n) {
        r->failed = true;
        return NULL;
    }
    r->at += n;
    return r->data + r->at - n;
}

static unsigned take_u16(reader *r) {
    const uint8_t *p = take(r, 2);
    return p == NULL ? 0 : (unsigned)p[0] << 8 | p[1];
}

static uint32_t take_u32(reader *r) {
    const uint32_t high = take_u16(r);
    return high << 16 | take_u16(r);
}

/* Without pointers: the first name of a message has nothing to point to. */
static void take_name(reader *r, posw_dns_name *out) {
    out->size = 0;
    for (;;) {
        const uint8_t *length = take(r, 1);
        if (length == NULL || *length > LABEL_MAX || out->size + 1 + *length > POSW_DNS_NAME_MAX) break;
        out->bytes[out->size++] = *length;
        if (*length == 0) return;
        const uint8_t *label = take(r, *length);
        for (size_t i = 0; label != NULL && i < *length; i++)
            out->bytes[out->size++] = lower(label[i]);
        if (label == NULL) break;
    }
    r->failed = true;
    out->size = 0;
}

/* Any name, over which one goes. */
static void skip_name(reader *r) {
    for (const uint8_t *length; (length = take(r, 1)) != NULL && *length != 0;) {
        if ((*length & POINTER) == POINTER) {
            (void)take(r, 1);
            return;
        }
        if (*length > LABEL_MAX) r->failed = true;
        (void)take(r, *length);
    }
}

typedef struct {
    unsigned type, class_;
    uint32_t ttl;
    const uint8_t *data;
    size_t size;
} record;

static bool take_record(reader *r, record *out) {
    skip_name(r);
    out->type = take_u16(r);
    out->class_ = take_u16(r);
    out->ttl = take_u32(r);
    out->size = take_u16(r);
    out->data = take(r, out->size);
    return !r->failed;
}

/* EDNS stands among the additional records; a question has no others before it as a rule. */
static void find_opt(reader *r, posw_dns_query *q, unsigned records) {
    record rec;
    for (unsigned i = 0; i < records && i < RECORDS_MAX && take_record(r, &rec); i++) {
        if (rec.type != TYPE_OPT) continue;
        if (q->has_opt) q->code = POSW_DNS_FORMAT; /* RFC 6891: one at most */
        q->has_opt = true;
        if ((rec.ttl >> 16 & 0xff) != 0) q->code = POSW_DNS_BAD_VERSION;
    }
    if (r->failed) q->code = POSW_DNS_FORMAT;
}

bool posw_dns_query_decode(posw_dns_query *out, const uint8_t *data, size_t size) {
    reader r = {.data = data, .size = size};
    posw_dns_query q = {.id = (uint16_t)take_u16(&r)};
    const unsigned flags = take_u16(&r), questions = take_u16(&r), answers = take_u16(&r), authorities = take_u16(&r),
                   additionals = take_u16(&r);
    if (r.failed || (flags & FLAG_ANSWER) != 0) return false;
    q.opcode = flags >> 11 & 0xf;
    q.recursion = (flags & FLAG_RECURSION) != 0;
    if (q.opcode != 0) {
        q.code = POSW_DNS_NOT_IMPLEMENTED;
        *out = q;
        return true;
    }
    take_name(&r, &q.name);
    q.type = take_u16(&r);
    q.class_ = take_u16(&r);
    if (r.failed || questions != 1) {
        q.name.size = 0;
        q.code = POSW_DNS_FORMAT;
        *out = q;
        return true;
    }
    q.question_size = r.at - QUESTION_AT;
    memcpy(q.question, data + QUESTION_AT, q.question_size);
    find_opt(&r, &q, answers + authorities + additionals);
    *out = q;
    return true;
}

/* ---- answering ---- */

/* What the question deserves. */
static enum posw_dns_code code_for(const posw_dns_query *q, const posw_dns_name *zone) {
    if (q->code != POSW_DNS_OK) return q->code;
    if ((q->class_ != CLASS_IN && q->class_ != CLASS_ANY) || !is_within(&q->name, zone)) return POSW_DNS_REFUSED;
    return name_equal(&q->name, zone) ? POSW_DNS_OK : POSW_DNS_NO_NAME;
}

enum posw_dns_wish posw_dns_query_wish(const posw_dns_query *q, const posw_dns_name *zone) {
    if (code_for(q, zone) != POSW_DNS_OK) return POSW_DNS_WISH_NOTHING;
    if (q->type == POSW_DNS_A || q->type == POSW_DNS_ANY) return POSW_DNS_WISH_IPV4;
    return q->type == POSW_DNS_AAAA ? POSW_DNS_WISH_IPV6 : POSW_DNS_WISH_NOTHING;
}

typedef struct {
    uint8_t *data;
    size_t size, room;
} writer;

static void put(writer *w, const void *data, size_t size) {
    POSW_ASSERT(w->room - w->size >= size);
    memcpy(w->data + w->size, data, size);
    w->size += size;
}

static void put_u16(writer *w, unsigned v) {
    const uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    put(w, bytes, sizeof bytes);
}

static void put_u32(writer *w, uint32_t v) {
    put_u16(w, v >> 16);
    put_u16(w, v & 0xffff);
}

/* name_at: where it stands in the message. */
static void put_record_head(writer *w, size_t name_at, unsigned type, size_t size) {
    put_u16(w, (unsigned)POINTER << 8 | (unsigned)name_at);
    put_u16(w, type);
    put_u16(w, CLASS_IN);
    put_u32(w, POSW_DNS_TTL_S);
    put_u16(w, (unsigned)size);
}

/* How long a resolver may remember that there is nothing. */
static void put_soa(writer *w, size_t zone_at) {
    enum { NAMES = 4, NUMBERS = 20, HOUR_S = 3600 };
    put_record_head(w, zone_at, POSW_DNS_SOA, NAMES + NUMBERS);
    for (int i = 0; i < 2; i++) /* server and owner: the zone itself */
        put_u16(w, (unsigned)POINTER << 8 | (unsigned)zone_at);
    put_u32(w, 1);
    put_u32(w, HOUR_S);
    put_u32(w, HOUR_S);
    put_u32(w, HOUR_S);
    put_u32(w, POSW_DNS_TTL_S);
}

static size_t put_addresses(writer *w, unsigned type, const posw_netaddr *addresses, size_t count, size_t keep_free) {
    const size_t size = type == POSW_DNS_A ? 4 : 16;
    size_t n = 0;
    for (size_t i = 0; i < count && n < POSW_DNS_ADDRESSES_MAX && w->room - w->size >= 12 + size + keep_free; i++) {
        if (posw_netaddr_is_ipv4(&addresses[i]) != (type == POSW_DNS_A)) continue;
        put_record_head(w, QUESTION_AT, type, size);
        put(w, addresses[i].ip + sizeof addresses[i].ip - size, size);
        n++;
    }
    return n;
}

static void set_u16(uint8_t *at, size_t v) {
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void put_opt(writer *w, enum posw_dns_code code) {
    static const uint8_t root = 0;
    put(w, &root, 1);
    put_u16(w, TYPE_OPT);
    put_u16(w, UDP_SIZE);
    put_u32(w, (uint32_t)code >> 4 << 24);
    put_u16(w, 0);
}

size_t posw_dns_answer_encode(uint8_t out[POSW_DNS_ANSWER_MAX], const posw_dns_query *q, const posw_dns_name *zone,
                              const posw_netaddr *addresses, size_t count) {
    writer w = {.data = out, .room = POSW_DNS_ANSWER_MAX};
    const enum posw_dns_code code = code_for(q, zone);
    const enum posw_dns_wish wish = posw_dns_query_wish(q, zone);
    const bool ours = code == POSW_DNS_OK || code == POSW_DNS_NO_NAME;
    size_t answers = 0, authorities = 0;
    put_u16(&w, q->id);
    put_u16(&w, FLAG_ANSWER | (unsigned)q->opcode << 11 | (ours ? FLAG_AUTHORITATIVE : 0) |
                    (q->recursion ? FLAG_RECURSION : 0) | (code & 0xf));
    put_u16(&w, q->question_size > 0 ? 1 : 0);
    put_u16(&w, 0);
    put_u16(&w, 0);
    put_u16(&w, q->has_opt ? 1 : 0);
    put(&w, q->question, q->question_size);
    if (wish != POSW_DNS_WISH_NOTHING)
        answers = put_addresses(&w, wish == POSW_DNS_WISH_IPV4 ? POSW_DNS_A : POSW_DNS_AAAA, addresses, count,
                                q->has_opt ? OPT_SIZE : 0);
    if (code == POSW_DNS_OK && q->type == POSW_DNS_SOA) {
        put_soa(&w, QUESTION_AT);
        answers = 1;
    } else if (ours && answers == 0) {
        put_soa(&w, QUESTION_AT + q->name.size - zone->size);
        authorities = 1;
    }
    if (q->has_opt) put_opt(&w, code);
    set_u16(out + 6, answers);
    set_u16(out + 8, authorities);
    return w.size;
}

/* ---- reading an answer ---- */

static void add_address(posw_dns_answer *a, const record *rec) {
    posw_netaddr *to = &a->addresses[a->count++];
    *to = (posw_netaddr){.port = 0};
    if (rec->size == 4) to->ip[10] = to->ip[11] = 0xff;
    memcpy(to->ip + sizeof to->ip - rec->size, rec->data, rec->size);
}

bool posw_dns_answer_decode(posw_dns_answer *out, const uint8_t *data, size_t size) {
    reader r = {.data = data, .size = size};
    posw_dns_answer a = {.id = (uint16_t)take_u16(&r)};
    const unsigned flags = take_u16(&r), questions = take_u16(&r), answers = take_u16(&r), authorities = take_u16(&r),
                   additionals = take_u16(&r);
    record rec;
    if (r.failed || (flags & FLAG_ANSWER) == 0 || questions > 1 || answers > POSW_DNS_ADDRESSES_MAX) return false;
    a.code = flags & 0xf;
    a.authoritative = (flags & FLAG_AUTHORITATIVE) != 0;
    if (questions == 1) {
        skip_name(&r);
        (void)take_u32(&r);
    }
    for (unsigned i = 0; i < answers + authorities + additionals && i < 2 * POSW_DNS_ADDRESSES_MAX; i++) {
        if (!take_record(&r, &rec)) return false;
        const bool is_address =
            (rec.type == POSW_DNS_A && rec.size == 4) || (rec.type == POSW_DNS_AAAA && rec.size == 16);
        if (i < answers && is_address)
            add_address(&a, &rec);
        else if (rec.type == POSW_DNS_SOA)
            a.has_soa = true;
        else if (i >= answers + authorities && rec.type == TYPE_OPT) {
            a.has_opt = true;
            a.code |= (rec.ttl >> 24) << 4;
        } else
            return false;
    }
    if (r.failed || r.at != r.size) return false;
    *out = a;
    return true;
}
