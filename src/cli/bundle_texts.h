/* The templates of src/cli/bundle, the unit of the package, and the page of the faucet, made at build time by
 * tools/embed-text. */
#ifndef POSW_CLI_BUNDLE_TEXTS_H
#define POSW_CLI_BUNDLE_TEXTS_H

#include <stddef.h>

typedef struct {
    const char *name; /* of the file, without its ending */
    const char *text;
} cli_bundle_text;
extern const cli_bundle_text CLI_BUNDLE_TEXTS[]; /* ended by a NULL name */

/* The text of a name that is there (asserted). */
const char *cli_bundle_text_of(const char *name);

#endif
