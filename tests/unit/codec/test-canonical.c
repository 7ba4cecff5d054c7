/* One value, one encoding: for every codec, on very many random values and mutations of their encodings.
 *
 *   encode(decode(b)) = b for what was encoded, and for whatever else a decoder accepts.
 *   A mutation of the framing alone (a long form for a short length, a length with leading zeros, a single byte with a
 * prefix that it does not need) is refused everywhere, however deep it lies and with all lengths around it set right.
 *   posw_rlp_valid() is true exactly for what a lenient reader reads and the writer gives back byte by byte.
 *
 * Mutations are of bytes (changed, inserted, removed, moved, cut, appended) and of items: the encoding is taken apart
 * into a tree, one item is changed, and all is put together again. */
#include "base/bytes.h"
#include "base/scale.h"
#include "base/test.h"
#include "codec/block.h"
#include "codec/receipt.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "posw/stake.h"
#include "posw/u256.h"

enum { ITEMS_MAX = 4096, DEPTH_MAX = 64, NONE = -1 };

/* ---- taking apart, with every lenience ---- */

typedef struct {
    bool is_list;
    posw_bytes payload; /* of a string */
    int first, next;    /* children of a list */
} item;

typedef struct {
    item items[ITEMS_MAX];
    int count;
} tree;

/* The length of the next item's payload from its prefix; any form goes. False: it does not fit. */
static bool read_prefix(posw_bytes in, bool *is_list, size_t *prefix, size_t *payload) {
    if (in.size == 0) return false;
    const uint8_t b = in.data[0];
    *is_list = b >= 0xc0;
    *prefix = b < 0x80 ? 0 : 1;
    *payload = b < 0x80 ? 1 : (size_t)(b & 0x3f);
    if (b >= 0x80 && (b & 0x3f) > 55) {
        const size_t width = (size_t)(b & 0x3f) - 55;
        uint64_t n = 0;
        if (in.size < 1 + width) return false;
        for (size_t i = 0; i < width; i++) {
            if (n >> 56 != 0) return false;
            n = n << 8 | in.data[1 + i];
        }
        *prefix += width;
        *payload = n;
    }
    return *payload <= in.size - *prefix;
}

/* All items of `in`, one after another; the first of them, or NONE. */
static bool take_apart(tree *t, posw_bytes in, int depth, int *first) {
    int *link = first;
    *first = NONE;
    while (in.size > 0) {
        bool is_list;
        size_t prefix, payload;
        if (depth > DEPTH_MAX || t->count == ITEMS_MAX || !read_prefix(in, &is_list, &prefix, &payload)) return false;
        item *it = &t->items[t->count];
        *it = (item){.is_list = is_list, .payload = {in.data + prefix, payload}, .first = NONE, .next = NONE};
        *link = t->count++;
        link = &it->next;
        if (is_list && !take_apart(t, it->payload, depth + 1, &it->first)) return false;
        in = (posw_bytes){in.data + prefix + payload, in.size - prefix - payload};
    }
    return true;
}

static bool take_one_apart(tree *t, posw_bytes in) {
    int first;
    t->count = 0;
    return take_apart(t, in, 0, &first) && first == 0 && t->items[0].next == NONE;
}

/* ---- putting together ---- */

enum form {
    AS_IT_IS,
    /* of the framing alone */
    LONG_FORM,
    ZERO_IN_LENGTH,
    WRAPPED_BYTE,
    /* of the content */
    ZERO_IN_FRONT,
    WITHOUT,
    TWICE,
    EMPTY,
    OTHER_KIND,
    FORM_COUNT
};

static void put_prefix(posw_buf *out, size_t size, bool is_list, enum form form) {
    uint8_t length[8];
    size_t width = 0;
    posw_store_be64(length, size);
    while (width < 8 && (size >> (8 * width)) != 0)
        width++;
    if (form == LONG_FORM && width == 0) width = 1;
    if (form == ZERO_IN_LENGTH) width++;
    if (size > 55 || form == LONG_FORM || form == ZERO_IN_LENGTH) {
        posw_buf_byte(out, (uint8_t)((is_list ? 0xf7 : 0xb7) + width));
        posw_buf_append(out, length + 8 - width, width);
    } else {
        posw_buf_byte(out, (uint8_t)((is_list ? 0xc0 : 0x80) + size));
    }
}

static void put_string(posw_buf *out, posw_bytes s, enum form form) {
    const bool bare = s.size == 1 && s.data[0] < 0x80 && form == AS_IT_IS;
    if (!bare) put_prefix(out, s.size, false, form);
    posw_buf_append(out, s.data, s.size);
}

static void put_items(posw_buf *out, const tree *t, int first, int changed, enum form form);

static void put_item(posw_buf *out, const tree *t, int i, int changed, enum form form) {
    const item *it = &t->items[i];
    const enum form mine = i == changed ? form : AS_IT_IS;
    const bool is_list = mine == OTHER_KIND ? !it->is_list : it->is_list;
    posw_buf content = {0};
    if (mine == ZERO_IN_FRONT) posw_buf_byte(&content, 0);
    if (it->is_list && mine != EMPTY) put_items(&content, t, it->first, changed, form);
    if (!it->is_list && mine != EMPTY) posw_buf_append(&content, it->payload.data, it->payload.size);
    const enum form framing = mine <= WRAPPED_BYTE ? mine : AS_IT_IS;
    if (is_list) {
        put_prefix(out, content.size, true, framing);
        posw_buf_append(out, content.data, content.size);
    } else {
        put_string(out, posw_buf_view(&content), framing);
    }
    posw_buf_clear(&content);
}

static void put_items(posw_buf *out, const tree *t, int first, int changed, enum form form) {
    for (int i = first; i != NONE; i = t->items[i].next) {
        if (i == changed && form == WITHOUT) continue;
        put_item(out, t, i, changed, form);
        if (i == changed && form == TWICE) put_item(out, t, i, NONE, AS_IT_IS);
    }
}

/* Whether the form changes this item at all and is wrong by its framing alone. */
static bool breaks_framing(const item *it, enum form form) {
    if (form == LONG_FORM)
        return it->payload.size <= 55; /* of a list: its content as it was, which is canonical here */
    if (form == WRAPPED_BYTE) return !it->is_list && it->payload.size == 1 && it->payload.data[0] < 0x80;
    return form == ZERO_IN_LENGTH;
}

/* ---- codecs ---- */

/* Decodes; when it was accepted, appends the encoding of what was decoded. */
typedef struct {
    const char *name;
    void (*make)(uint64_t *seed, posw_buf *out);
    bool (*recode)(posw_buf *out, const uint8_t *in, size_t size);
    bool typed; /* a type byte may stand ahead */
    uint64_t values_short, values_long;
} codec;

static uint64_t random_width(uint64_t *seed) {
    return random_next(seed) >> random_below(seed, 64);
}

static posw_u256 random_u256(uint64_t *seed, unsigned bits) {
    uint8_t b[32];
    random_bytes(seed, b, sizeof b);
    const posw_u256 v = posw_u256_from_be(b);
    return posw_u256_shr(&v, 256 - 1 - (unsigned)random_below(seed, bits));
}

static posw_header random_header(uint64_t *seed) {
    posw_header h;
    memset(&h, 0, sizeof h);
    random_bytes(seed, h.parent_hash.b, 32);
    random_bytes(seed, h.ommers_hash.b, 32);
    random_bytes(seed, h.beneficiary.b, 20);
    random_bytes(seed, h.state_root.b, 32);
    random_bytes(seed, h.logs_bloom, POSW_BLOOM_SIZE);
    h.difficulty = random_u256(seed, 256);
    h.number = random_width(seed);
    h.gas_limit = random_width(seed);
    h.gas_used = random_width(seed);
    h.timestamp = random_width(seed);
    h.extra_size = random_below(seed, 2) == 0 ? POSW_EXTRA_SIZE : (uint32_t)random_below(seed, POSW_EXTRA_SIZE + 1);
    random_bytes(seed, h.extra, h.extra_size);
    random_bytes(seed, h.mix_hash.b, 32);
    random_bytes(seed, h.nonce, 8);
    h.base_fee_wei = random_width(seed);
    return h;
}

static void header_make(uint64_t *seed, posw_buf *out) {
    uint8_t bytes[POSW_HEADER_SIZE_MAX];
    const posw_header h = random_header(seed);
    posw_buf_append(out, bytes, posw_header_encode(bytes, &h));
    posw_header back;
    memset(&back, 0, sizeof back);
    assert_true(posw_header_decode(&back, out->data, out->size));
    assert_memory_equal(&back, &h, sizeof h);
}

static bool header_recode(posw_buf *out, const uint8_t *in, size_t size) {
    uint8_t bytes[POSW_HEADER_SIZE_MAX];
    posw_header h;
    if (!posw_header_decode(&h, in, size)) return false;
    posw_buf_append(out, bytes, posw_header_encode(bytes, &h));
    return true;
}

/* Content of an access list. */
static void random_access(uint64_t *seed, posw_buf *out) {
    uint8_t bytes[32];
    for (uint64_t n = random_below(seed, 3); n > 0; n--) {
        const size_t entry = posw_rlp_list_begin(out);
        random_bytes(seed, bytes, 32);
        posw_rlp_append_bytes(out, bytes, 20);
        const size_t keys = posw_rlp_list_begin(out);
        for (uint64_t k = random_below(seed, 3); k > 0; k--) {
            random_bytes(seed, bytes, 32);
            posw_rlp_append_bytes(out, bytes, 32);
        }
        posw_rlp_list_end(out, keys);
        posw_rlp_list_end(out, entry);
    }
}

static void tx_make(uint64_t *seed, posw_buf *out) {
    posw_buf access = {0};
    uint8_t input[80];
    posw_tx tx = {.type = (enum posw_tx_type)random_below(seed, 3), .nonce = random_width(seed)};
    tx.is_protected = tx.type != POSW_TX_LEGACY || random_below(seed, 3) > 0;
    tx.chain_id = tx.is_protected ? 1 + (random_width(seed) >> 3) : 0;
    tx.gas_limit = random_width(seed);
    tx.max_fee = random_u256(seed, 256);
    tx.max_tip = tx.type == POSW_TX_DYNAMIC_FEE ? random_u256(seed, 256) : tx.max_fee;
    tx.has_to = random_below(seed, 4) > 0;
    if (tx.has_to) random_bytes(seed, tx.to.b, 20);
    tx.value = random_u256(seed, 256);
    random_bytes(seed, input, sizeof input);
    tx.input =
        posw_bytes_of(input, random_below(seed, 2) == 0 ? random_below(seed, 3) : random_below(seed, sizeof input));
    if (tx.type != POSW_TX_LEGACY) random_access(seed, &access);
    tx.access_list = posw_buf_view(&access);
    random_bytes(seed, tx.signature.b, 64);
    const size_t zeros = random_below(seed, 3);
    memset(tx.signature.b, 0, zeros);      /* r below the order */
    memset(tx.signature.b + 32, 0, zeros); /* s, too, and low */
    tx.signature.b[0] &= 0x7f;
    tx.signature.b[32] &= 0x3f;
    tx.signature.b[64] = (uint8_t)random_below(seed, 2);
    posw_tx_encode(out, &tx);
    posw_buf_clear(&access);
}

static bool tx_recode(posw_buf *out, const uint8_t *in, size_t size) {
    posw_tx tx;
    if (posw_tx_decode(&tx, in, size) != POSW_TX_OK) return false;
    posw_tx_encode(out, &tx);
    return true;
}

static void receipt_make(uint64_t *seed, posw_buf *out) {
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
    posw_receipt r = {.type = (enum posw_tx_type)random_below(seed, 3),
                      .success = random_below(seed, 2) == 0,
                      .cumulative_gas_used = random_width(seed),
                      .log_count = random_below(seed, 3),
                      .logs = logs};
    for (size_t i = 0; i < r.log_count; i++) {
        memset(&logs[i], 0, sizeof logs[i]);
        random_bytes(seed, logs[i].address.b, 20);
        logs[i].topic_count = random_below(seed, POSW_LOG_TOPICS_MAX + 1);
        random_bytes(seed, logs[i].topics[0].b, 32 * logs[i].topic_count);
        logs[i].data_size = random_below(seed, 2) == 0 ? random_below(seed, 3) : random_below(seed, 70);
        random_bytes(seed, logs[i].data, logs[i].data_size);
    }
    posw_receipt_encode(out, &r);
}

static bool receipt_recode(posw_buf *out, const uint8_t *in, size_t size) {
    posw_receipt r;
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
    if (!posw_receipt_decode(&r, logs, in, size)) return false;
    posw_receipt_encode(out, &r);
    return true;
}

static void block_make(uint64_t *seed, posw_buf *out) {
    posw_buf txs[3] = {{0}};
    posw_bytes raw[3];
    posw_header h = random_header(seed);
    h.ommers_hash = POSW_OMMERS_EMPTY;
    h.gas_limit = 100000 + random_below(seed, 30000000); /* room for the transactions (X9) */
    const size_t count = random_below(seed, 4);
    for (size_t i = 0; i < count; i++) {
        tx_make(seed, &txs[i]);
        raw[i] = posw_buf_view(&txs[i]);
    }
    posw_block_encode(out, &h, raw, count);
    for (size_t i = 0; i < count; i++)
        posw_buf_clear(&txs[i]);
}

static bool block_recode(posw_buf *out, const uint8_t *in, size_t size) {
    posw_block b = {0};
    posw_bytes raw[64];
    const int rc = posw_block_decode(&b, NULL, in, size);
    if (rc != POSW_OK) {
        assert_int_equal(rc, POSW_EPARSE);
        return false;
    }
    assert_true(b.tx_count <= POSW_ARRAY_SIZE(raw));
    for (size_t i = 0; i < b.tx_count; i++)
        raw[i] = b.txs[i].raw;
    posw_block_encode(out, &b.header, raw, b.tx_count);
    assert_int_equal(posw_block_frame(in, size), size);
    posw_block_clear(&b);
    return true;
}

static void proof_make(uint64_t *seed, posw_buf *out) {
    uint8_t bytes[POSW_STAKE_PROOF_SIZE_MAX];
    posw_stake_proof p = {.supply_wei = random_u256(seed, 256),
                          .total_wei = random_u256(seed, 128),
                          .stake_wei = random_u256(seed, 128),
                          .depth = random_below(seed, POSW_STAKE_PROOF_DEPTH_MAX + 1)};
    random_bytes(seed, p.signer.b, 20);
    for (size_t i = 0; i < p.depth; i++) {
        p.siblings[i].left = random_below(seed, 2) == 0;
        random_bytes(seed, p.siblings[i].hash.b, 32);
        p.siblings[i].sum = random_u256(seed, 128);
    }
    posw_buf_append(out, bytes, posw_stake_proof_encode(bytes, &p));
}

static bool proof_recode(posw_buf *out, const uint8_t *in, size_t size) {
    uint8_t bytes[POSW_STAKE_PROOF_SIZE_MAX];
    posw_stake_proof p;
    if (!posw_stake_proof_decode(&p, in, size)) return false;
    posw_buf_append(out, bytes, posw_stake_proof_encode(bytes, &p));
    return true;
}

/* Items of every kind. */
static void rlp_make_items(uint64_t *seed, posw_buf *out, int depth) {
    for (uint64_t n = random_below(seed, 5); n > 0; n--) {
        const size_t size = random_below(seed, 8) == 0 ? random_below(seed, 300) : random_below(seed, 60);
        uint8_t bytes[300];
        const posw_u256 number = random_u256(seed, 256);
        random_bytes(seed, bytes, size);
        switch (random_below(seed, depth > 4 ? 4 : 6)) {
        case 0:
            posw_rlp_append_u64(out, random_width(seed));
            break;
        case 1:
            posw_rlp_append_u256(out, &number);
            break;
        case 2:
            posw_rlp_append_bytes(out, bytes, size < 2 ? size : size % 3);
            break;
        case 3:
            posw_rlp_append_bytes(out, bytes, size);
            break;
        default: {
            const size_t mark = posw_rlp_list_begin(out);
            rlp_make_items(seed, out, depth + 1);
            posw_rlp_list_end(out, mark);
        }
        }
    }
}

static void rlp_make(uint64_t *seed, posw_buf *out) {
    const size_t mark = posw_rlp_list_begin(out);
    rlp_make_items(seed, out, 0);
    posw_rlp_list_end(out, mark);
}

/* Reads with the cursor what posw_rlp_valid accepts, and writes it with the writers. */
static void rlp_copy(posw_buf *out, posw_rlp *r) {
    if (!posw_rlp_next_is_list(r)) {
        const posw_bytes b = posw_rlp_bytes(r);
        posw_rlp_append_bytes(out, b.data, b.size);
        return;
    }
    posw_rlp inner = posw_rlp_list(r);
    const size_t mark = posw_rlp_list_begin(out);
    while (posw_rlp_more(&inner))
        rlp_copy(out, &inner);
    assert_true(posw_rlp_done(&inner));
    posw_rlp_list_end(out, mark);
}

static bool rlp_recode(posw_buf *out, const uint8_t *in, size_t size) {
    if (!posw_rlp_valid(in, size)) return false;
    posw_rlp r = posw_rlp_reader(in, size);
    rlp_copy(out, &r);
    assert_true(posw_rlp_done(&r));
    return true;
}

static const codec CODECS[] = {
    {"header", header_make, header_recode, false, 1000, 100000},
    {"transaction", tx_make, tx_recode, true, 1000, 100000},
    {"receipt", receipt_make, receipt_recode, true, 500, 30000},
    {"block", block_make, block_recode, false, 500, 50000},
    {"stake proof", proof_make, proof_recode, false, 800, 60000},
    {"rlp items", rlp_make, rlp_recode, false, 2000, 150000},
};

/* ---- mutations ---- */

typedef struct {
    uint64_t tried, accepted, framing;
} tally;

/* In memory of exactly that size. True: accepted, and given back as it was. */
static bool try_bytes(const codec *c, posw_bytes in) {
    posw_buf again = {0};
    uint8_t *exact = malloc(in.size + (in.size == 0));
    assert_non_null(exact);
    if (in.size > 0) memcpy(exact, in.data, in.size);
    const bool accepted = c->recode(&again, exact, in.size);
    if (accepted) {
        assert_int_equal(again.size, in.size);
        assert_memory_equal(again.data, in.data, in.size);
    }
    free(exact);
    posw_buf_clear(&again);
    return accepted;
}

/* What the lenient reader and the writer make of it decides whether it is canonical; nothing else may be accepted. */
static void check_canonical(const codec *c, tree *t, posw_bytes in, bool accepted) {
    const size_t skip = c->typed && in.size > 0 && in.data[0] < 0xc0 ? 1 : 0;
    const posw_bytes body = skip == 0 ? in : posw_bytes_of(in.data + skip, in.size - skip);
    posw_buf again = {0};
    bool canonical = body.size > 0 && take_one_apart(t, body);
    if (canonical) put_item(&again, t, 0, NONE, AS_IT_IS);
    canonical = canonical && again.size == body.size && memcmp(again.data, body.data, body.size) == 0;
    assert_true(canonical || !accepted);
    assert_int_equal(posw_rlp_valid(body.data, body.size), canonical);
    posw_buf_clear(&again);
}

static void mutate_bytes(uint64_t *seed, posw_buf *b) {
    uint8_t copy[64];
    const size_t at = random_below(seed, b->size), other = random_below(seed, b->size);
    size_t size = 1 + random_below(seed, sizeof copy);
    switch (random_below(seed, 8)) {
    case 0:
        b->data[at] ^= (uint8_t)(1u << random_below(seed, 8));
        break;
    case 1:
        b->data[at] = (uint8_t)random_next(seed);
        break;
    case 2: /* insert */
        posw_buf_byte(b, 0);
        memmove(b->data + at + 1, b->data + at, b->size - 1 - at);
        b->data[at] = random_below(seed, 3) == 0 ? 0 : (uint8_t)random_next(seed);
        break;
    case 3: /* remove */
        memmove(b->data + at, b->data + at + 1, b->size - 1 - at);
        b->size--;
        break;
    case 4:
        b->size = at;
        break;
    case 5:
        posw_buf_byte(b, random_below(seed, 2) == 0 ? 0x80 : (uint8_t)random_next(seed));
        break;
    case 6: { /* swap */
        const uint8_t swap = b->data[at];
        b->data[at] = b->data[other];
        b->data[other] = swap;
        break;
    }
    case 7: /* a part of it over another */
        if (size > b->size - at) size = b->size - at;
        if (size > b->size - other) size = b->size - other;
        memcpy(copy, b->data + at, size);
        memcpy(b->data + other, copy, size);
        break;
    }
}

static void try_byte_mutations(const codec *c, tree *t, uint64_t *seed, const posw_buf *value, tally *n) {
    for (int k = 0; k < 24; k++) {
        posw_buf b = {0};
        posw_buf_append(&b, value->data, value->size);
        for (uint64_t times = 1 + (random_below(seed, 4) == 0); times > 0 && b.size > 0; times--)
            mutate_bytes(seed, &b);
        const bool accepted = try_bytes(c, posw_buf_view(&b));
        check_canonical(c, t, posw_buf_view(&b), accepted);
        n->tried++;
        n->accepted += accepted;
        posw_buf_clear(&b);
    }
}

static void try_item_mutations(const codec *c, tree *parts, tree *t, uint64_t *seed, const posw_buf *value, tally *n) {
    const size_t skip = c->typed && value->data[0] < 0xc0 ? 1 : 0;
    assert_true(take_one_apart(parts, (posw_bytes){value->data + skip, value->size - skip}));
    for (int k = 0; k < 24; k++) {
        const enum form form = (enum form)(1 + k % (FORM_COUNT - 1));
        const int changed = (int)random_below(seed, (uint64_t)parts->count);
        posw_buf b = {0};
        posw_buf_append(&b, value->data, skip);
        put_items(&b, parts, 0, changed, form);
        const bool accepted = try_bytes(c, posw_buf_view(&b));
        check_canonical(c, t, posw_buf_view(&b), accepted);
        if (breaks_framing(&parts->items[changed], form)) {
            assert_false(accepted);
            n->framing++;
        }
        n->tried++;
        n->accepted += accepted;
        posw_buf_clear(&b);
    }
}

static void run_codec(const codec *c, uint64_t *seed) {
    const uint64_t values = scale_of(c->values_short, c->values_long);
    const double begin = scale_seconds();
    tree *parts = malloc(sizeof *parts), *t = malloc(sizeof *t);
    assert_non_null(parts);
    assert_non_null(t);
    tally n = {0};
    for (uint64_t i = 0; i < values; i++) {
        posw_buf value = {0};
        c->make(seed, &value);
        assert_false(value.failed);
        assert_true(try_bytes(c, posw_buf_view(&value)));
        check_canonical(c, t, posw_buf_view(&value), true);
        try_byte_mutations(c, t, seed, &value, &n);
        try_item_mutations(c, parts, t, seed, &value, &n);
        posw_buf_clear(&value);
    }
    assert_true(n.accepted > 0 && n.accepted < n.tried && n.framing > values);
    printf("canonical, %s: %llu values, %llu mutations, %llu of which are other values; %llu of the framing alone, all "
           "refused; %.1f s\n",
           c->name, (unsigned long long)values, (unsigned long long)n.tried, (unsigned long long)n.accepted,
           (unsigned long long)n.framing, scale_seconds() - begin);
    fflush(stdout);
    free(parts);
    free(t);
}

static void test_codecs(void **state) {
    (void)state;
    uint64_t seed = scale_seed("canonical");
    for (size_t i = 0; i < POSW_ARRAY_SIZE(CODECS); i++)
        run_codec(&CODECS[i], &seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_codecs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
