/* The golden vectors of the executable specification (tests/vectors/spec, formats in spec/README.md): reading a file
 * and the values of a case. Numbers are JSON integers or decimal strings, bytes are "0x...". What is missing or
 * malformed fails the test. */
#ifndef POSW_TEST_SPEC_JSON_H
#define POSW_TEST_SPEC_JSON_H

#include "codec/vectors.h"
#include "posw/u256.h"

/* Calls fn for every case of tests/vectors/spec/<name>.json, at least one. */
static inline void spec_each(const char *name, void (*fn)(const json_t *c)) {
    char path[128];
    (void)snprintf(path, sizeof path, "spec/%s.json", name);
    json_t *file = vectors_json(path);
    const json_t *cases = json_object_get(file, "cases");
    assert_true(json_array_size(cases) > 0);
    for (size_t i = 0; i < json_array_size(cases); i++)
        fn(json_array_get(cases, i));
    json_decref(file);
}

static inline const json_t *spec_get(const json_t *c, const char *key) {
    const json_t *v = json_object_get(c, key);
    if (v == NULL) fail_msg("a case has no \"%s\"", key);
    return v;
}

static inline posw_u256 spec_wide_of(const json_t *v) {
    posw_u256 out = POSW_U256_ZERO;
    if (json_is_integer(v)) return posw_u256_from_u64((uint64_t)json_integer_value(v));
    assert_true(json_is_string(v) && posw_u256_parse(&out, json_string_value(v), json_string_length(v)));
    return out;
}

static inline uint64_t spec_u64_of(const json_t *v) {
    const posw_u256 wide = spec_wide_of(v);
    uint64_t out = 0;
    assert_true(posw_u256_to_u64(&out, &wide));
    return out;
}

static inline posw_u256 spec_wide(const json_t *c, const char *key) {
    return spec_wide_of(spec_get(c, key));
}
static inline uint64_t spec_u64(const json_t *c, const char *key) {
    return spec_u64_of(spec_get(c, key));
}
static inline bool spec_bool(const json_t *c, const char *key) {
    assert_true(json_is_boolean(spec_get(c, key)));
    return json_is_true(spec_get(c, key));
}
static inline const char *spec_text_of(const json_t *v) {
    assert_true(json_is_string(v));
    return json_string_value(v);
}
static inline const char *spec_text(const json_t *c, const char *key) {
    return spec_text_of(spec_get(c, key));
}
static inline posw_buf spec_bytes(const json_t *c, const char *key) {
    return vectors_hex(spec_text(c, key));
}
static inline posw_hash spec_hash(const json_t *c, const char *key) {
    posw_hash h = {{0}};
    assert_true(posw_hash_parse(&h, spec_text(c, key)));
    return h;
}
static inline posw_address spec_address_of(const json_t *v) {
    posw_address a = {{0}};
    assert_true(posw_address_parse(&a, spec_text_of(v)));
    return a;
}
static inline posw_address spec_address(const json_t *c, const char *key) {
    return spec_address_of(spec_get(c, key));
}

static inline void spec_same(const posw_u256 *have, const posw_u256 *want) {
    char a[POSW_U256_DEC_SIZE], b[POSW_U256_DEC_SIZE];
    if (posw_u256_equal(have, want)) return;
    posw_u256_to_dec(a, have);
    posw_u256_to_dec(b, want);
    fail_msg("%s instead of %s", a, b);
}
static inline void spec_same_hash(const json_t *c, const char *key, const posw_hash *have) {
    const posw_hash want = spec_hash(c, key);
    if (!posw_hash_equal(have, &want)) fail_msg("another \"%s\"", key);
}

#endif
