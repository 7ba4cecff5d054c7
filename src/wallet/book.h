/* The address book: names for addresses, so that people need neither type nor compare 40 digits.
 *
 * A name begins with a letter and goes on with letters, digits, '-', '_' and '.', at most POSW_BOOK_NAME_MAX of all; so
 * it can never be taken for an address. Upper and lower case are the same in looking up. `all` and `none` are words of
 * some commands and no names. As a file:
 *
 *      {"version":1,"names":{"alice":"0x70997970C51812dc3A010C7d01b50e0d17dc79C8"}}
 *
 * Text in, text out: where the file is, is the caller's business. */
#ifndef POSW_WALLET_BOOK_H
#define POSW_WALLET_BOOK_H

#include "base/buf.h"
#include "base/error.h"

enum {
    POSW_BOOK_NAME_MAX = 32,
    POSW_BOOK_ENTRIES_MAX = 10000,
    POSW_BOOK_JSON_MAX = 2 << 20, /* bytes of the file that are read */
};

typedef struct {
    char name[POSW_BOOK_NAME_MAX + 1];
    posw_address address;
} posw_book_entry;

/* Zero-initialise. */
typedef struct {
    posw_book_entry *entries; /* sorted by name without case; owned */
    size_t count, capacity;
} posw_book;

void posw_book_clear(posw_book *book); /* zeroed allowed; then usable again */

/* POSW_OK, or POSW_EINVAL with the sentence that says what is wrong. */
POSW_MUST_USE int posw_book_name_check(const char *name, posw_message *msg);

/* NULL: no such name. Borrowed until the book changes. */
const posw_book_entry *posw_book_find(const posw_book *book, const char *name);
/* The first name of an address; NULL: it has none. */
const posw_book_entry *posw_book_name_of(const posw_book *book, const posw_address *address);

/* POSW_EINVAL for the name; POSW_EEXIST when it is there: a name never moves to another address by itself; POSW_EFULL;
 * POSW_ENOMEM. On failure nothing has changed. */
POSW_MUST_USE int posw_book_add(posw_book *book, const char *name, const posw_address *address, posw_message *msg);
POSW_MUST_USE int posw_book_remove(posw_book *book, const char *name); /* POSW_ENOTFOUND */

/* A file's text. POSW_EPARSE (not such a file, a name or an address that is none, a name twice), POSW_EUNSUPPORTED
 * (another version), POSW_EFULL, POSW_ENOMEM, with `msg` (may be NULL). *out is empty before, and after a failure. */
POSW_MUST_USE int posw_book_decode(posw_book *out, const char *json, size_t size, posw_message *msg);
/* Appends the text, with its line end. */
void posw_book_encode(posw_buf *out, const posw_book *book);

#endif
