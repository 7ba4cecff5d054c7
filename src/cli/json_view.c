#include "cli/json_view.h"

#include "base/bytes.h"
#include "cli/book.h"
#include "posw/u256.h"

#include <stdio.h>

const json_t *cli_view(const json_t *object, const char *path) {
    char key[64];
    for (;;) {
        size_t size = strcspn(path, ".");
        POSW_ASSERT(size < sizeof key);
        memcpy(key, path, size);
        key[size] = '\0';
        object = json_object_get(object, key);
        if (object == NULL || path[size] == '\0') return object;
        path += size + 1;
    }
}

posw_u256 cli_view_u256(const json_t *object, const char *path) {
    posw_u256 v;
    return cli_json_u256(&v, cli_view(object, path)) ? v : POSW_U256_ZERO;
}

uint64_t cli_view_u64(const json_t *object, const char *path) {
    uint64_t v;
    return cli_json_u64(&v, cli_view(object, path)) ? v : 0;
}

/* Control characters of a foreign node do not reach the terminal. */
cli_shown cli_view_text(const json_t *object, const char *path) {
    cli_shown s = {"?"};
    const char *text = json_string_value(cli_view(object, path));
    if (text != NULL) snprintf(s.text, sizeof s.text, "%s", text);
    cli_no_controls(s.text);
    return s;
}

cli_shown cli_view_coins(const json_t *object, const char *path) {
    cli_shown s = {"?"};
    posw_u256 wei;
    if (cli_json_u256(&wei, cli_view(object, path))) posw_amount_format(s.text, &wei);
    return s;
}

_Static_assert(sizeof(cli_shown_address) <= sizeof(cli_shown), "an address with its name fits");

cli_shown cli_view_address(const json_t *object, const char *path) {
    cli_shown s = {"?"};
    const char *text = json_string_value(cli_view(object, path));
    posw_address a;
    if (text != NULL && posw_address_parse(&a, text))
        memcpy(s.text, cli_show_address(&a).text, sizeof(cli_shown_address));
    return s;
}
