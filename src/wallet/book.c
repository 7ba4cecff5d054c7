#include "wallet/book.h"

#include "base/bytes.h"
#include "base/json_writer.h"
#include "wallet/address.h"

#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

enum { VERSION = 1 };

void posw_book_clear(posw_book *book) {
    free(book->entries);
    *book = (posw_book){0};
}

/* ---- names ---- */

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static bool is_inner(char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

int posw_book_name_check(const char *name, posw_message *msg) {
    static const char *const taken[] = {"all", "none"};
    const size_t size = strnlen(name, POSW_BOOK_NAME_MAX + 1);
    if (strncasecmp(name, "0x", 2) == 0)
        return posw_message_set(msg, POSW_EINVAL, "a name must not look like an address: begin it with a letter");
    if (size > POSW_BOOK_NAME_MAX)
        return posw_message_set(msg, POSW_EINVAL, "a name has at most %d characters", POSW_BOOK_NAME_MAX);
    bool ok = is_letter(name[0]);
    for (size_t i = 1; i < size; i++)
        ok = ok && is_inner(name[i]);
    if (!ok)
        return posw_message_set(
            msg, POSW_EINVAL, "a name begins with a letter and has only letters, digits, '-', '_' and '.': like alice");
    for (size_t i = 0; i < POSW_ARRAY_SIZE(taken); i++)
        if (strcasecmp(name, taken[i]) == 0)
            return posw_message_set(msg, POSW_EINVAL, "'%s' means something else to some commands; take another name",
                                    name);
    return POSW_OK;
}

/* ---- looking up ---- */

/* Where the name is or belongs. */
static size_t place_of(const posw_book *book, const char *name, bool *found) {
    size_t low = 0, high = book->count;
    *found = false;
    while (low < high && !*found) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcasecmp(name, book->entries[middle].name);
        *found = order == 0;
        if (order > 0)
            low = middle + 1;
        else if (order < 0)
            high = middle;
        else
            low = middle;
    }
    return low;
}

const posw_book_entry *posw_book_find(const posw_book *book, const char *name) {
    bool found;
    const size_t i = place_of(book, name, &found);
    return found ? &book->entries[i] : NULL;
}

const posw_book_entry *posw_book_name_of(const posw_book *book, const posw_address *address) {
    for (size_t i = 0; i < book->count; i++)
        if (posw_address_equal(&book->entries[i].address, address)) return &book->entries[i];
    return NULL;
}

/* ---- changing ---- */

static bool make_room(posw_book *book) {
    if (book->count < book->capacity) return true;
    const size_t capacity = book->capacity > 0 ? 2 * book->capacity : 16;
    posw_book_entry *entries = realloc(book->entries, capacity * sizeof *entries);
    if (entries == NULL) return false;
    book->entries = entries;
    book->capacity = capacity;
    return true;
}

int posw_book_add(posw_book *book, const char *name, const posw_address *address, posw_message *msg) {
    bool found;
    int err = posw_book_name_check(name, msg);
    if (err != POSW_OK) return err;
    const size_t i = place_of(book, name, &found);
    if (found)
        return posw_message_set(msg, POSW_EEXIST, "the name %s is in the address book already", book->entries[i].name);
    if (book->count == POSW_BOOK_ENTRIES_MAX)
        return posw_message_set(msg, POSW_EFULL, "the address book is full: %d names", POSW_BOOK_ENTRIES_MAX);
    if (!make_room(book)) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    memmove(&book->entries[i + 1], &book->entries[i], (book->count - i) * sizeof *book->entries);
    memset(&book->entries[i], 0, sizeof book->entries[i]);
    memcpy(book->entries[i].name, name, strlen(name));
    book->entries[i].address = *address;
    book->count++;
    return POSW_OK;
}

int posw_book_remove(posw_book *book, const char *name) {
    bool found;
    const size_t i = place_of(book, name, &found);
    if (!found) return POSW_ENOTFOUND;
    book->count--;
    memmove(&book->entries[i], &book->entries[i + 1], (book->count - i) * sizeof *book->entries);
    return POSW_OK;
}

/* ---- as a file ---- */

static int read_names(posw_book *out, json_t *names, posw_message *msg) {
    const char *name;
    json_t *value;
    json_object_foreach(names, name, value) {
        posw_address address;
        posw_message why = {""};
        const char *text = json_string_value(value);
        int err = text == NULL ? posw_message_set(&why, POSW_EPARSE, "its address is not a text")
                               : posw_eip55_parse(&address, text, &why);
        if (err == POSW_OK) err = posw_book_add(out, name, &address, &why);
        if (err == POSW_ENOMEM || err == POSW_EFULL) return posw_message_set(msg, err, "%s", why.text);
        if (err != POSW_OK)
            return posw_message_set(msg, POSW_EPARSE, "the entry '%.40s' of the address book: %.200s", name, why.text);
    }
    return POSW_OK;
}

int posw_book_decode(posw_book *out, const char *json, size_t size, posw_message *msg) {
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *version = json_object_get(root, "version");
    json_t *names = json_object_get(root, "names");
    int err = POSW_OK;
    if (!json_is_integer(version) || !json_is_object(names))
        err = posw_message_set(msg, POSW_EPARSE,
                               "not an address book: {\"version\":1,\"names\":{…}} is expected, each name once");
    else if (json_integer_value(version) != VERSION)
        err = posw_message_set(msg, POSW_EUNSUPPORTED, "an address book of version %lld, which is not known here",
                               (long long)json_integer_value(version));
    else
        err = read_names(out, names, msg);
    json_decref(root);
    if (err != POSW_OK) posw_book_clear(out);
    return err;
}

void posw_book_encode(posw_buf *out, const posw_book *book) {
    posw_jw w;
    posw_jw_init(&w, out);
    posw_jw_object(&w);
    posw_jw_kv_u64(&w, "version", VERSION);
    posw_jw_key(&w, "names");
    posw_jw_object(&w);
    for (size_t i = 0; i < book->count; i++)
        posw_jw_kv_eip55(&w, book->entries[i].name, &book->entries[i].address);
    posw_jw_object_end(&w);
    posw_jw_object_end(&w);
    posw_buf_byte(out, '\n');
}
