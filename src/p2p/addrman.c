#include "base/bytes.h"
#include "base/siphash.h"
#include "p2p/addrman_internal.h"

#include <stdlib.h>

enum {
    SOURCE_BUCKETS = 64, /* of the new table that one group of tellers reaches */
    GROUP_BUCKETS = 8,   /* of the tried table that one group of addresses reaches */
    FIRST_CAPACITY = 64,
    POOL_MAX =
        (POSW_ADDRMAN_NEW_BUCKETS + POSW_ADDRMAN_TRIED_BUCKETS) * POSW_ADDRMAN_BUCKET + 1, /* and one that comes */
    HOUR_S = 3600,
    DAY_S = 24 * HOUR_S,
    HORIZON_S = 30 * DAY_S, /* not heard of for so long: gone */
    WEEK_S = 7 * DAY_S,
    NEVER_REACHED_MAX = 3, /* failures of an address that never worked */
    FAILURES_MAX = 10,     /* of one that did not for a week */
    FUTURE_S = 600,        /* clocks differ */
    JUST_DIALLED_S = 60,
    PENALTY_S = 2 * HOUR_S,
    UNKNOWN_AGE_S = 5 * DAY_S, /* what is taken for a senseless time */
    ALIVE_S = 4 * HOUR_S,      /* a tried one that worked within this is not tested again */
    TEST_S = 40 * 60
};

/* ---- where an address lies ---- */

enum { SALT_NEW_SOURCE, SALT_NEW_BUCKET, SALT_NEW_SLOT, SALT_TRIED_GROUP, SALT_TRIED_BUCKET, SALT_TRIED_SLOT };

typedef struct {
    uint8_t b[1 + 2 * POSW_NETGROUP_SIZE + 2 + ADDRMAN_ADDRESS_SIZE];
    size_t size;
} hash_input;

static hash_input input_of(uint8_t salt) {
    return (hash_input){.b = {salt}, .size = 1};
}

static void input_add(hash_input *in, const void *data, size_t size) {
    memcpy(in->b + in->size, data, size);
    in->size += size;
}

static void input_add_number(hash_input *in, size_t v) {
    const uint8_t be[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    input_add(in, be, sizeof be);
}

static size_t input_hash(const posw_addrman *a, const hash_input *in, size_t below) {
    return (size_t)(posw_siphash(a->sip, in->b, in->size) % below);
}

void addrman_key(uint8_t out[ADDRMAN_ADDRESS_SIZE], const posw_netaddr *a) {
    memcpy(out, a->ip, sizeof a->ip);
    out[16] = (uint8_t)(a->port >> 8);
    out[17] = (uint8_t)a->port;
}

/* In a private network every address stands for itself: all are of one group there, and nobody floods it from outside.
 */
void addrman_group(uint8_t out[POSW_NETGROUP_SIZE], const posw_addrman *a, const posw_netaddr *address) {
    if (!a->private_network) {
        posw_netaddr_group(out, address);
        return;
    }
    const uint8_t own[POSW_NETGROUP_SIZE] = {0xff, address->ip[14], address->ip[15], (uint8_t)(address->port >> 8),
                                             (uint8_t)address->port};
    memcpy(out, own, sizeof own);
}

/* One group of tellers, whatever it tells of, reaches SOURCE_BUCKETS buckets. */
static size_t new_bucket(const posw_addrman *a, const posw_netaddr *address,
                         const uint8_t source_group[POSW_NETGROUP_SIZE]) {
    uint8_t group[POSW_NETGROUP_SIZE];
    hash_input first = input_of(SALT_NEW_SOURCE), second = input_of(SALT_NEW_BUCKET);
    addrman_group(group, a, address);
    input_add(&first, group, sizeof group);
    input_add(&first, source_group, POSW_NETGROUP_SIZE);
    input_add(&second, source_group, POSW_NETGROUP_SIZE);
    input_add_number(&second, input_hash(a, &first, SOURCE_BUCKETS));
    return input_hash(a, &second, POSW_ADDRMAN_NEW_BUCKETS);
}

static size_t tried_bucket(const posw_addrman *a, const posw_netaddr *address) {
    uint8_t group[POSW_NETGROUP_SIZE], key[ADDRMAN_ADDRESS_SIZE];
    hash_input first = input_of(SALT_TRIED_GROUP), second = input_of(SALT_TRIED_BUCKET);
    addrman_group(group, a, address);
    addrman_key(key, address);
    input_add(&first, key, sizeof key);
    input_add(&second, group, sizeof group);
    input_add_number(&second, input_hash(a, &first, GROUP_BUCKETS));
    return input_hash(a, &second, POSW_ADDRMAN_TRIED_BUCKETS);
}

static size_t slot_in(const posw_addrman *a, uint8_t salt, size_t bucket, const posw_netaddr *address) {
    uint8_t key[ADDRMAN_ADDRESS_SIZE];
    hash_input in = input_of(salt);
    addrman_key(key, address);
    input_add_number(&in, bucket);
    input_add(&in, key, sizeof key);
    return input_hash(a, &in, POSW_ADDRMAN_BUCKET);
}

size_t addrman_new_place(const posw_addrman *a, size_t bucket, const posw_netaddr *address) {
    return bucket * POSW_ADDRMAN_BUCKET + slot_in(a, SALT_NEW_SLOT, bucket, address);
}

size_t addrman_tried_place(const posw_addrman *a, const posw_netaddr *address) {
    const size_t bucket = tried_bucket(a, address);
    return bucket * POSW_ADDRMAN_BUCKET + slot_in(a, SALT_TRIED_SLOT, bucket, address);
}

/* ---- the pool ---- */

int posw_addrman_new(posw_addrman **out, const uint8_t seed[32], bool private_network) {
    posw_addrman *a = calloc(1, sizeof *a);
    if (a == NULL) return POSW_ENOMEM;
    a->private_network = private_network;
    posw_random_init(&a->random, seed);
    posw_random_fill(&a->random, a->key, sizeof a->key);
    a->sip[0] = posw_load_le64(a->key);
    a->sip[1] = posw_load_le64(a->key + 8);
    posw_map_init(&a->by_address, ADDRMAN_ADDRESS_SIZE, sizeof(uint32_t), a->key);
    posw_map_init(&a->teller_by_group, POSW_NETGROUP_SIZE, sizeof(uint16_t), a->key);
    *out = a;
    return POSW_OK;
}

void posw_addrman_free(posw_addrman *a) {
    if (a == NULL) return;
    posw_map_clear(&a->by_address);
    addrman_tellers_clear(a);
    free(a->pool);
    posw_wipe(a->key, sizeof a->key);
    posw_wipe(&a->random, sizeof a->random);
    free(a);
}

size_t posw_addrman_count(const posw_addrman *a, size_t *in_new, size_t *in_tried) {
    if (in_new != NULL) *in_new = a->new_count;
    if (in_tried != NULL) *in_tried = a->tried_count;
    return a->new_count + a->tried_count;
}

uint32_t addrman_index(const posw_addrman *a, const addrman_entry *e) {
    return (uint32_t)(e - a->pool);
}

addrman_entry *addrman_lookup(const posw_addrman *a, const posw_netaddr *address) {
    uint8_t key[ADDRMAN_ADDRESS_SIZE];
    uint32_t i;
    addrman_key(key, address);
    const void *found = posw_map_find(&a->by_address, key);
    if (found == NULL) return NULL;
    memcpy(&i, found, sizeof i);
    return &a->pool[i];
}

static bool grow(posw_addrman *a) {
    if (a->first_free != 0 || a->used < a->capacity) return true;
    const uint32_t capacity = a->capacity == 0 ? FIRST_CAPACITY : a->capacity * 2;
    if (a->used >= POOL_MAX) return false;
    addrman_entry *pool = realloc(a->pool, capacity * sizeof *pool);
    if (pool == NULL) return false;
    a->pool = pool;
    a->capacity = capacity;
    return true;
}

addrman_entry *addrman_create(posw_addrman *a, const posw_netaddr *address) {
    uint8_t key[ADDRMAN_ADDRESS_SIZE];
    addrman_key(key, address);
    if (!grow(a)) return NULL;
    void *value = posw_map_put(&a->by_address, key, NULL);
    if (value == NULL) return NULL;
    uint32_t i = a->used;
    if (a->first_free != 0) {
        i = a->first_free - 1;
        a->first_free = a->pool[i].next_free;
    } else {
        a->used++;
    }
    memcpy(value, &i, sizeof i);
    a->pool[i] = (addrman_entry){.e = {.address = *address}};
    return &a->pool[i];
}

static void forget_collision(posw_addrman *a, size_t i) {
    a->collisions[i] = a->collisions[--a->collision_count];
}

/* It lies nowhere any more. */
static void destroy(posw_addrman *a, addrman_entry *e) {
    uint8_t key[ADDRMAN_ADDRESS_SIZE];
    const uint32_t index = addrman_index(a, e);
    for (size_t i = a->collision_count; i > 0; i--)
        if (a->collisions[i - 1].newcomer == index) forget_collision(a, i - 1);
    addrman_key(key, &e->e.address);
    posw_map_remove(&a->by_address, key);
    *e = (addrman_entry){.next_free = a->first_free};
    a->first_free = index + 1;
}

/* ---- moving ---- */

bool addrman_put_new(posw_addrman *a, addrman_entry *e, size_t place, const uint8_t teller[POSW_NETGROUP_SIZE]) {
    if (!addrman_teller_fills(a, place, teller)) return false;
    a->new_table[place] = addrman_index(a, e) + 1;
    e->places[e->refs] = (uint16_t)place;
    if (e->refs++ == 0) a->new_count++;
    return true;
}

/* Out of one place; the entry stays, with none if that was its last. */
static void take_new(posw_addrman *a, addrman_entry *e, size_t place) {
    size_t i = 0;
    addrman_teller_leaves(a, place);
    a->new_table[place] = 0;
    while (e->places[i] != place)
        i++;
    e->places[i] = e->places[--e->refs];
    if (e->refs == 0) a->new_count--;
}

static void clear_new_place(posw_addrman *a, size_t place) {
    if (a->new_table[place] == 0) return;
    addrman_entry *e = &a->pool[a->new_table[place] - 1];
    take_new(a, e, place);
    if (e->refs == 0) destroy(a, e);
}

void addrman_put_tried(posw_addrman *a, addrman_entry *e, size_t place) {
    const size_t bucket = place / POSW_ADDRMAN_BUCKET;
    a->tried_table[place] = addrman_index(a, e) + 1;
    a->tried_count++;
    e->e.tried = true;
    if (a->tried_fill[bucket]++ > 0) return;
    a->tried_rank[bucket] = (uint16_t)a->tried_used_count;
    a->tried_used[a->tried_used_count++] = (uint16_t)bucket;
}

static void take_tried(posw_addrman *a, addrman_entry *e) {
    const size_t place = addrman_tried_place(a, &e->e.address), bucket = place / POSW_ADDRMAN_BUCKET;
    a->tried_table[place] = 0;
    a->tried_count--;
    e->e.tried = false;
    if (--a->tried_fill[bucket] > 0) return;
    const uint16_t last = a->tried_used[--a->tried_used_count];
    a->tried_used[a->tried_rank[bucket]] = last;
    a->tried_rank[last] = a->tried_rank[bucket];
}

/* Back to where its first teller's group puts it, over whoever is there. */
static void demote(posw_addrman *a, addrman_entry *e) {
    const size_t place = addrman_new_place(a, new_bucket(a, &e->e.address, e->source_group), &e->e.address);
    take_tried(a, e);
    clear_new_place(a, place);
    if (!addrman_put_new(a, e, place, e->source_group)) destroy(a, e);
}

static void promote(posw_addrman *a, addrman_entry *e) {
    const size_t place = addrman_tried_place(a, &e->e.address);
    while (e->refs > 0)
        take_new(a, e, e->places[e->refs - 1]);
    if (a->tried_table[place] != 0) demote(a, &a->pool[a->tried_table[place] - 1]);
    addrman_put_tried(a, e, place);
}

/* ---- what is told and seen ---- */

bool addrman_takes(const posw_addrman *a, const posw_netaddr *address) {
    static const uint8_t none[16];
    if (!a->private_network) return posw_netaddr_is_routable(address);
    return address->port != 0 && memcmp(address->ip, none, sizeof none) != 0;
}

bool addrman_is_gone(const posw_addrman_entry *e, uint64_t now_s) {
    if (posw_addrman_is_recent(e->dialled_s, JUST_DIALLED_S, now_s)) return false;
    if (e->seen_s > now_s + FUTURE_S) return true;
    if (e->seen_s + HORIZON_S < now_s) return true;
    if (e->success_s == 0 && e->failures >= NEVER_REACHED_MAX) return true;
    return e->success_s + WEEK_S < now_s && e->failures >= FAILURES_MAX;
}

/* What is believed of a time that somebody told. */
static uint64_t believed(uint64_t seen_s, uint64_t penalty_s, uint64_t now_s) {
    if (seen_s > now_s + FUTURE_S || seen_s == 0) seen_s = now_s > UNKNOWN_AGE_S ? now_s - UNKNOWN_AGE_S : 0;
    if (seen_s > now_s) seen_s = now_s;
    return seen_s > penalty_s ? seen_s - penalty_s : 0;
}

/* A known address is told of again. True if one more place should be looked for: the more it has, the less likely. */
static bool told_again(posw_addrman *a, addrman_entry *e, const posw_msg_address *told, uint64_t seen_s,
                       uint64_t now_s) {
    static const posw_node_id none;
    const uint64_t step_s = seen_s + DAY_S > now_s ? HOUR_S : DAY_S;
    if (seen_s > e->e.seen_s + step_s || e->e.seen_s > now_s + FUTURE_S) e->e.seen_s = seen_s;
    if (memcmp(&e->e.id, &none, sizeof none) == 0) e->e.id = told->id;
    if (e->e.tried || e->refs == ADDRMAN_REFS_MAX) return false;
    return posw_random_below(&a->random, 1ULL << e->refs) == 0;
}

/* True if it lies there now. */
static bool settle(posw_addrman *a, addrman_entry *e, const uint8_t source_group[POSW_NETGROUP_SIZE], uint64_t now_s) {
    const size_t place = addrman_new_place(a, new_bucket(a, &e->e.address, source_group), &e->e.address);
    if (a->new_table[place] != 0) {
        const addrman_entry *there = &a->pool[a->new_table[place] - 1];
        if (there == e) return false;
        if (!addrman_is_gone(&there->e, now_s) && !(there->refs > 1 && e->refs == 0)) return false;
        clear_new_place(a, place);
    }
    return addrman_put_new(a, e, place, source_group);
}

bool posw_addrman_add(posw_addrman *a, const posw_msg_address *told, const posw_netaddr *source, uint64_t now_s) {
    uint8_t source_group[POSW_NETGROUP_SIZE];
    if (!addrman_takes(a, &told->address)) return false;
    const bool own = memcmp(told->address.ip, source->ip, sizeof source->ip) == 0;
    const uint64_t seen_s = believed(told->seen_s, own ? 0 : PENALTY_S, now_s);
    addrman_group(source_group, a, source);
    addrman_entry *e = addrman_lookup(a, &told->address);
    if (e != NULL) {
        if (told_again(a, e, told, seen_s, now_s)) (void)settle(a, e, source_group, now_s);
        return false;
    }
    e = addrman_create(a, &told->address);
    if (e == NULL) return false;
    e->e.id = told->id;
    e->e.seen_s = seen_s;
    memcpy(e->source_group, source_group, sizeof e->source_group);
    if (settle(a, e, source_group, now_s)) return true;
    destroy(a, e);
    return false;
}

bool posw_addrman_find(const posw_addrman *a, posw_addrman_entry *out, const posw_netaddr *address) {
    const addrman_entry *e = addrman_lookup(a, address);
    if (e == NULL) return false;
    *out = e->e;
    return true;
}

void posw_addrman_attempt(posw_addrman *a, const posw_netaddr *address, uint64_t now_s) {
    addrman_entry *e = addrman_lookup(a, address);
    if (e != NULL) e->e.dialled_s = now_s;
}

void posw_addrman_failed(posw_addrman *a, const posw_netaddr *address, bool count, uint64_t now_s) {
    addrman_entry *e = addrman_lookup(a, address);
    if (e == NULL || !count) return;
    if (e->e.failures < UINT32_MAX) e->e.failures++;
    e->failed_s = now_s;
    if (e->e.success_s > now_s) e->e.success_s = now_s - (now_s > 0); /* it was before, whatever the clock said then */
}

void posw_addrman_was_connected(posw_addrman *a, const posw_netaddr *address, uint64_t now_s) {
    addrman_entry *e = addrman_lookup(a, address);
    if (e == NULL) return;
    e->e.seen_s = e->e.success_s = now_s;
}

void posw_addrman_remove(posw_addrman *a, const posw_netaddr *address) {
    addrman_entry *e = addrman_lookup(a, address);
    if (e == NULL) return;
    if (e->e.tried) take_tried(a, e);
    while (e->refs > 0)
        take_new(a, e, e->places[e->refs - 1]);
    destroy(a, e);
}

/* ---- test before evict ---- */

static void await_test(posw_addrman *a, const addrman_entry *e, uint64_t now_s) {
    const uint32_t index = addrman_index(a, e);
    for (size_t i = 0; i < a->collision_count; i++)
        if (a->collisions[i].newcomer == index) return;
    if (a->collision_count == POSW_ADDRMAN_COLLISIONS_MAX) return;
    a->collisions[a->collision_count++] = (addrman_collision){index, now_s};
}

void posw_addrman_good(posw_addrman *a, const posw_netaddr *address, const posw_node_id *id, uint64_t now_s) {
    addrman_entry *e = addrman_lookup(a, address);
    if (e == NULL) return;
    e->e.success_s = e->e.dialled_s = now_s;
    e->e.failures = 0;
    if (id != NULL) {
        e->e.id = *id;
        e->e.id_proven = true;
    }
    if (e->e.tried) return;
    if (a->tried_table[addrman_tried_place(a, address)] == 0)
        promote(a, e);
    else
        await_test(a, e, now_s);
}

/* True: decided, one way or the other. */
static bool resolve(posw_addrman *a, const addrman_collision *c, uint64_t now_s) {
    addrman_entry *newcomer = &a->pool[c->newcomer];
    if (newcomer->e.tried) return true;
    const uint32_t holder = a->tried_table[addrman_tried_place(a, &newcomer->e.address)];
    const addrman_entry *old = holder == 0 ? NULL : &a->pool[holder - 1];
    if (old == NULL || (old->failed_s >= c->since_s && old->e.success_s < old->failed_s)) {
        promote(a, newcomer);
        return true;
    }
    return posw_addrman_is_recent(old->e.success_s, ALIVE_S, now_s) || c->since_s + TEST_S < now_s;
}

/* Each is taken off the list before it is decided: moving entries can drop others from it. */
void posw_addrman_resolve_collisions(posw_addrman *a, uint64_t now_s) {
    for (size_t i = a->collision_count; i > 0; i--) {
        if (i > a->collision_count) continue;
        const addrman_collision c = a->collisions[i - 1];
        forget_collision(a, i - 1);
        if (!resolve(a, &c, now_s)) a->collisions[a->collision_count++] = c;
    }
}
