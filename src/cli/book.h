/* The address book of the person at the terminal: ~/.posw/book.json. It is read when the first name is asked for, and
 * kept; a file that cannot be used is told once, and then there are no names.
 *
 * cli_address (cli.h) takes its names wherever an address is asked for. */
#ifndef POSW_CLI_BOOK_H
#define POSW_CLI_BOOK_H

#include "cli/cli.h"
#include "wallet/address.h"
#include "wallet/book.h"

/* An address as people read it, with its name if it has one: "0x7099… (alice)". A struct, so that it can be an
 * argument. */
typedef struct {
    char text[POSW_EIP55_SIZE + POSW_BOOK_NAME_MAX + 4];
} cli_shown_address;
cli_shown_address cli_show_address(const posw_address *a);

/* NULL: none. Borrowed. */
const char *cli_book_name(const posw_address *a);

/* "HOME/.posw/<rest>", NUL-terminated. CLI_OK, or CLI_FAILED after its sentence. */
int cli_home_path(posw_buf *out, const char *rest);

#endif
