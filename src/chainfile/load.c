#include "chainfile/reader.h"

#include <string.h>

/* The key that ends at this place of the text, without its quotes. */
static const char *key_before(char out[POSW_CHAINFILE_QUOTE_SIZE], const char *text, size_t end) {
    char key[POSW_CHAINFILE_QUOTE_SIZE] = "";
    size_t last = end, first;
    while (last > 0 && text[last - 1] != '"')
        last--;
    for (first = last > 0 ? last - 1 : 0; first > 0 && text[first - 1] != '"';)
        first--;
    if (last > first) {
        const size_t size = last - 1 - first < sizeof key - 1 ? last - 1 - first : sizeof key - 1;
        memcpy(key, text + first, size);
        key[size] = '\0';
    }
    return posw_chainfile_quote(out, key);
}

/* jansson seldom says so: it names no line, has no code, or complains that a string is none, when it had no room for
 * the string. */
static bool ran_out_of_memory(const json_error_t *e) {
    static const char no_key[] = "string or '}' expected near '\"", no_string[] = "invalid token near '\"";
    const enum json_error_code code = json_error_code(e);
    if (e->line < 1 || code == json_error_unknown || code == json_error_out_of_memory) return true;
    return strncmp(e->text, no_key, sizeof no_key - 1) == 0 || strncmp(e->text, no_string, sizeof no_string - 1) == 0;
}

static int parse_error(posw_message *msg, const json_error_t *e, const char *text, size_t size) {
    char safe[JSON_ERROR_TEXT_LENGTH], key[POSW_CHAINFILE_QUOTE_SIZE];
    const enum json_error_code code = json_error_code(e);
    if (ran_out_of_memory(e)) return posw_message_set(msg, POSW_ENOMEM, "%s", posw_error_text(POSW_ENOMEM));
    if (code == json_error_duplicate_key) {
        const size_t end = e->position > 0 && (size_t)e->position <= size ? (size_t)e->position : 0;
        return posw_message_set(msg, POSW_EPARSE, "%s is given twice (line %d): remove one of the two",
                                key_before(key, text, end), e->line);
    }
    size_t n = 0;
    for (; e->text[n] != '\0' && n < sizeof safe - 1; n++)
        safe[n] = e->text[n] >= ' ' && e->text[n] <= '~' ? e->text[n] : '?';
    safe[n] = '\0';
    return posw_message_set(msg, POSW_EPARSE, "line %d, column %d is not valid JSON (%s): correct it there", e->line,
                            e->column, safe);
}

json_t *posw_chainfile_load(posw_chainfile_reader *r, const char *text, size_t size) {
    if (size > POSW_CHAINFILE_SIZE_MAX) {
        r->code = posw_message_set(r->msg, POSW_EINVAL, "the chain file has %zu bytes: at most %d are allowed", size,
                                   POSW_CHAINFILE_SIZE_MAX);
        return NULL;
    }
    json_error_t error;
    json_t *root = json_loadb(size == 0 ? "" : text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL) r->code = parse_error(r->msg, &error, text, size);
    return root;
}

enum posw_chainfile_result posw_params_read(posw_params *out, char name[POSW_CHAIN_NAME_MAX + 1], const char *json,
                                            size_t size, char *message, size_t message_size) {
    posw_message msg = {""};
    posw_chainfile_reader r = {.msg = &msg};
    json_t *root = posw_chainfile_load(&r, json, size);
    const bool ok = root != NULL && posw_chainfile_read_head(&r, root);
    json_decref(root);
    if (message_size > 0) snprintf(message, message_size, "%s", msg.text);
    if (!ok) return r.code == POSW_ENOMEM ? POSW_CHAINFILE_NO_MEMORY : POSW_CHAINFILE_REFUSED;
    *out = r.head.params;
    if (name != NULL) memcpy(name, r.head.name, sizeof r.head.name);
    return POSW_CHAINFILE_OK;
}
