#include "base/bytes.h"
#include "p2p/addrman_internal.h"

/* [version, private network, key, [[ip, port, id, proven, tried, seen, dialled, success, failed, failures, source
 * group, [bucket, its teller's group...]]...]]; slots follow from the key. */
enum { VERSION = 1 };

static void encode_entry(posw_buf *out, const posw_addrman *a, const addrman_entry *e) {
    const size_t list = posw_rlp_list_begin(out);
    posw_rlp_append_bytes(out, e->e.address.ip, sizeof e->e.address.ip);
    posw_rlp_append_u64(out, e->e.address.port);
    posw_rlp_append_bytes(out, e->e.id.b, sizeof e->e.id.b);
    posw_rlp_append_u64(out, e->e.id_proven);
    posw_rlp_append_u64(out, e->e.tried);
    posw_rlp_append_u64(out, e->e.seen_s);
    posw_rlp_append_u64(out, e->e.dialled_s);
    posw_rlp_append_u64(out, e->e.success_s);
    posw_rlp_append_u64(out, e->failed_s);
    posw_rlp_append_u64(out, e->e.failures);
    posw_rlp_append_bytes(out, e->source_group, sizeof e->source_group);
    const size_t buckets = posw_rlp_list_begin(out);
    for (size_t i = 0; i < e->refs; i++) {
        const addrman_teller *t = &a->tellers[a->teller_of[e->places[i]]];
        posw_rlp_append_u64(out, e->places[i] / POSW_ADDRMAN_BUCKET);
        posw_rlp_append_bytes(out, t->group, sizeof t->group);
    }
    posw_rlp_list_end(out, buckets);
    posw_rlp_list_end(out, list);
}

void posw_addrman_encode(posw_buf *out, const posw_addrman *a) {
    const size_t outer = posw_rlp_list_begin(out);
    posw_rlp_append_u64(out, VERSION);
    posw_rlp_append_u64(out, a->private_network);
    posw_rlp_append_bytes(out, a->key, sizeof a->key);
    const size_t list = posw_rlp_list_begin(out);
    for (uint32_t i = 0; i < a->used; i++)
        if (a->pool[i].refs > 0 || a->pool[i].e.tried) encode_entry(out, a, &a->pool[i]);
    posw_rlp_list_end(out, list);
    posw_rlp_list_end(out, outer);
}

static bool read_flag(posw_rlp *r) {
    const uint64_t v = posw_rlp_u64(r);
    if (v > 1) r->failed = true;
    return v == 1;
}

static uint64_t read_max(posw_rlp *r, uint64_t max) {
    const uint64_t v = posw_rlp_u64(r);
    if (v > max) r->failed = true;
    return r->failed ? 0 : v;
}

static bool read_fields(addrman_entry *e, posw_rlp *buckets, posw_rlp *list) {
    posw_rlp r = posw_rlp_list(list);
    posw_rlp_fixed(&r, e->e.address.ip, sizeof e->e.address.ip);
    e->e.address.port = (uint16_t)read_max(&r, UINT16_MAX);
    posw_rlp_fixed(&r, e->e.id.b, sizeof e->e.id.b);
    e->e.id_proven = read_flag(&r);
    e->e.tried = read_flag(&r);
    e->e.seen_s = posw_rlp_u64(&r);
    e->e.dialled_s = posw_rlp_u64(&r);
    e->e.success_s = posw_rlp_u64(&r);
    e->failed_s = posw_rlp_u64(&r);
    e->e.failures = (uint32_t)read_max(&r, UINT32_MAX);
    posw_rlp_fixed(&r, e->source_group, sizeof e->source_group);
    *buckets = posw_rlp_list(&r);
    return posw_rlp_done(&r);
}

/* Times are far from where adding to them could wrap. */
static bool is_sane(const addrman_entry *e) {
    static const uint64_t time_max = 1ULL << 60;
    return e->e.seen_s < time_max && e->e.dialled_s < time_max && e->e.success_s < time_max && e->failed_s < time_max;
}

static int place_tried(posw_addrman *a, addrman_entry *e, posw_rlp buckets) {
    const size_t place = addrman_tried_place(a, &e->e.address);
    if (!posw_rlp_done(&buckets) || a->tried_table[place] != 0) return POSW_EPARSE;
    addrman_put_tried(a, e, place);
    return POSW_OK;
}

static int place_new(posw_addrman *a, addrman_entry *e, posw_rlp buckets) {
    while (posw_rlp_more(&buckets)) {
        uint8_t teller[POSW_NETGROUP_SIZE];
        const uint64_t bucket = read_max(&buckets, POSW_ADDRMAN_NEW_BUCKETS - 1);
        posw_rlp_fixed(&buckets, teller, sizeof teller);
        if (buckets.failed || e->refs == ADDRMAN_REFS_MAX) return POSW_EPARSE;
        const size_t place = addrman_new_place(a, (size_t)bucket, &e->e.address);
        if (a->new_table[place] != 0) return POSW_EPARSE;
        if (!addrman_put_new(a, e, place, teller)) return POSW_ENOMEM;
    }
    return posw_rlp_done(&buckets) && e->refs > 0 ? POSW_OK : POSW_EPARSE;
}

static int read_entry(posw_addrman *a, posw_rlp *list) {
    addrman_entry read = {.refs = 0};
    posw_rlp buckets;
    if (!read_fields(&read, &buckets, list) || !is_sane(&read)) return POSW_EPARSE;
    if (!addrman_takes(a, &read.e.address) || addrman_lookup(a, &read.e.address) != NULL) return POSW_EPARSE;
    addrman_entry *e = addrman_create(a, &read.e.address);
    if (e == NULL) return POSW_ENOMEM;
    *e = read;
    return e->e.tried ? place_tried(a, e, buckets) : place_new(a, e, buckets);
}

/* POSW_OK with an empty table that has the stored secret, and the list of entries. */
static int read_head(posw_addrman **out, posw_rlp *entries, posw_bytes in, const uint8_t seed[32],
                     bool private_network) {
    uint8_t key[ADDRMAN_KEY_SIZE] = {0};
    posw_rlp outer = posw_rlp_reader(in.data, in.size), r = posw_rlp_list(&outer);
    const uint64_t version = posw_rlp_u64(&r);
    const bool was_private = read_flag(&r);
    posw_rlp_fixed(&r, key, sizeof key);
    *entries = posw_rlp_list(&r);
    if (!posw_rlp_done(&outer) || !posw_rlp_done(&r) || version != VERSION) return POSW_EPARSE;
    if (was_private != private_network) return POSW_EMISMATCH;
    const int code = posw_addrman_new(out, seed, private_network);
    if (code != POSW_OK) return code;
    memcpy((*out)->key, key, sizeof key);
    (*out)->sip[0] = posw_load_le64(key);
    (*out)->sip[1] = posw_load_le64(key + 8);
    posw_map_reset(&(*out)->by_address, key);
    posw_map_reset(&(*out)->teller_by_group, key);
    posw_wipe(key, sizeof key);
    return POSW_OK;
}

int posw_addrman_decode(posw_addrman **out, posw_bytes in, const uint8_t seed[32], bool private_network) {
    posw_addrman *a;
    posw_rlp entries;
    int code = read_head(&a, &entries, in, seed, private_network);
    if (code != POSW_OK) return code;
    while (code == POSW_OK && posw_rlp_more(&entries))
        code = read_entry(a, &entries);
    if (code == POSW_OK && !posw_rlp_done(&entries)) code = POSW_EPARSE;
    if (code != POSW_OK) {
        posw_addrman_free(a);
        return code;
    }
    *out = a;
    return POSW_OK;
}
