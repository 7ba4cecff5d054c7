/* As much of JSON Schema as the execution-apis schemas use. oneOf is read as anyOf: the schemas overlap. */
#ifndef POSW_TEST_RPC_SCHEMA_H
#define POSW_TEST_RPC_SCHEMA_H

#include "base/test.h"

#include <jansson.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    json_t *root; /* owned */
    char why[512];
} schema;

static inline void schema_open(schema *s) {
    json_error_t error;
    s->root = json_load_file(POSW_VECTORS "/execution-apis/openrpc-compact.json", 0, &error);
    if (s->root == NULL) fail_msg("%s", error.text);
}

static inline void schema_close(schema *s) {
    json_decref(s->root);
}

static bool schema_matches(schema *s, const json_t *rule, const json_t *v);

static inline bool schema_says(schema *s, const char *what, const char *name) {
    if (s->why[0] == 0) snprintf(s->why, sizeof s->why, "%s %s", what, name);
    return false;
}

static inline bool schema_type(const char *type, const json_t *v) {
    if (strcmp(type, "string") == 0) return json_is_string(v);
    if (strcmp(type, "object") == 0) return json_is_object(v);
    if (strcmp(type, "array") == 0) return json_is_array(v);
    if (strcmp(type, "boolean") == 0) return json_is_boolean(v);
    if (strcmp(type, "number") == 0) return json_is_number(v);
    if (strcmp(type, "null") == 0) return json_is_null(v);
    fail_msg("schema type %s", type);
    return false;
}

static inline bool schema_pattern(const char *pattern, const char *text) {
    regex_t re;
    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool found = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return found;
}

static inline bool schema_any(schema *s, const json_t *list, const json_t *v) {
    size_t i;
    json_t *rule;
    json_array_foreach(list, i, rule) {
        schema probe = {.root = s->root};
        if (schema_matches(&probe, rule, v)) return true;
        if (s->why[0] == 0) memcpy(s->why, probe.why, sizeof s->why);
    }
    return false;
}

static inline bool schema_members(schema *s, const json_t *rule, const json_t *v) {
    const json_t *properties = json_object_get(rule, "properties"),
                 *more = json_object_get(rule, "additionalProperties");
    size_t i;
    json_t *item;
    const char *key;
    json_array_foreach(json_object_get(rule, "required"), i, item) {
        if (json_object_get(v, json_string_value(item)) == NULL)
            return schema_says(s, "missing", json_string_value(item));
    }
    json_object_foreach((json_t *)v, key, item) {
        const json_t *p = json_object_get(properties, key);
        if (p == NULL && json_is_false(more)) return schema_says(s, "unexpected", key);
        if (p == NULL && json_is_object(more)) p = more;
        if (p != NULL && !schema_matches(s, p, item)) {
            char inner[sizeof s->why];
            snprintf(inner, sizeof inner, "%s", s->why);
            snprintf(s->why, sizeof s->why, "%.40s: %.400s", key, inner);
            return false;
        }
    }
    return true;
}

static bool schema_matches(schema *s, const json_t *rule, const json_t *v) {
    const char *ref = json_string_value(json_object_get(rule, "$ref"));
    if (ref != NULL) {
        const json_t *target = json_object_get(json_object_get(s->root, "schemas"), strrchr(ref, '/') + 1);
        assert_non_null(target);
        return schema_matches(s, target, v);
    }
    size_t i;
    json_t *part;
    json_array_foreach(json_object_get(rule, "allOf"), i, part) {
        if (!schema_matches(s, part, v)) return false;
    }
    const json_t *any =
        json_object_get(rule, "anyOf") != NULL ? json_object_get(rule, "anyOf") : json_object_get(rule, "oneOf");
    if (any != NULL && !schema_any(s, any, v)) return schema_says(s, "none of the choices", "");
    const char *type = json_string_value(json_object_get(rule, "type"));
    if (type != NULL && !schema_type(type, v)) return schema_says(s, "wrong type, want", type);
    const char *pattern = json_string_value(json_object_get(rule, "pattern"));
    if (pattern != NULL && !schema_pattern(pattern, json_string_value(v)))
        return schema_says(s, json_string_value(v), pattern);
    if (json_is_object(v) && !schema_members(s, rule, v)) return false;
    const json_t *items = json_object_get(rule, "items");
    json_array_foreach(v, i, part) {
        if (items != NULL && !schema_matches(s, items, part)) return false;
    }
    return true;
}

/* A result of a method that the schemas know. */
static inline void schema_check_result(schema *s, const char *method, const json_t *result) {
    const json_t *m = json_object_get(json_object_get(s->root, "methods"), method);
    if (m == NULL) return;
    s->why[0] = 0;
    if (!schema_matches(s, json_object_get(json_object_get(m, "result"), "schema"), result)) {
        char *text = json_dumps(result, JSON_ENCODE_ANY);
        fail_msg("%s: %s in %.2000s", method, s->why, text);
    }
}

/* A value against one of the schemas. */
static inline void schema_check(schema *s, const char *name, const json_t *v) {
    s->why[0] = 0;
    if (!schema_matches(s, json_object_get(json_object_get(s->root, "schemas"), name), v))
        fail_msg("%s: %s", name, s->why);
}

#endif
