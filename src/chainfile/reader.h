/* Reading the chain file: what its parts share. Private to the readers of this file (src/chainfile, src/chain).
 *
 * A chain file decides over money for years, so nothing in it is guessed: a key that is unknown, given twice, of the
 * wrong type, or without effect under the chosen rules is refused. Each refusal is one sentence that names the key as
 * "section.key" and says what to write instead. */
#ifndef POSW_CHAINFILE_READER_H
#define POSW_CHAINFILE_READER_H

#include "base/error.h"
#include "chainfile/fields.h"
#include "posw/chainfile.h"

#include <jansson.h>

/* Everything but the allocation. */
typedef struct {
    char name[POSW_CHAIN_NAME_MAX + 1];     /* UTF-8 */
    char ticker[POSW_CHAIN_TICKER_MAX + 1]; /* 1 to 6 of A-Z, 0-9 */
    posw_params params;
} posw_chainfile_head;

typedef struct {
    posw_message *msg;
    int code; /* of the first refusal, which is also the only one: reading stops there */
    posw_chainfile_head head;
    json_t *sections[POSW_SECTION_COUNT]; /* borrowed; NULL: not in the file */
} posw_chainfile_reader;

/* The whole text as JSON, owned by the caller (json_decref). NULL with a code and a sentence in the reader. */
json_t *posw_chainfile_load(posw_chainfile_reader *r, const char *text, size_t size);
/* Names and parameters, checked (P1 to P8). False with a code and a sentence in the reader. root: borrowed while the
 * reader is used. */
POSW_MUST_USE bool posw_chainfile_read_head(posw_chainfile_reader *r, json_t *root);

/* The list of upgrades, when all else was read: the rules from genesis on are where it begins. Private to this folder.
 */
POSW_MUST_USE bool posw_chainfile_read_upgrades(posw_chainfile_reader *r);

/* ---- words for people ---- */

enum { POSW_CHAINFILE_QUOTE_SIZE = 48, POSW_CHAINFILE_PATH_SIZE = 96 };

#define POSW_CHAINFILE_REFUSE(r, error, ...) ((r)->code = posw_message_set((r)->msg, (error), __VA_ARGS__), false)

/* A text from the file, cut, and with nothing in it that a terminal would act on. Returns out. */
const char *posw_chainfile_quote(char out[POSW_CHAINFILE_QUOTE_SIZE], const char *text);
/* "reward.tail" */
const char *posw_chainfile_path(char out[POSW_CHAINFILE_PATH_SIZE], enum posw_chainfile_section section,
                                const char *key);
/* "a number" */
const char *posw_chainfile_type_of(const json_t *v);

/* ---- values: false with a code and a sentence in the reader ---- */

bool posw_chainfile_string(posw_chainfile_reader *r, const char **out, const json_t *v, const char *path);
bool posw_chainfile_u256(posw_chainfile_reader *r, posw_u256 *out, const json_t *v, const char *path);
bool posw_chainfile_u64(posw_chainfile_reader *r, uint64_t *out, const json_t *v, const char *path);
/* With a unit, always: "5" might be meant as wei or as coins. */
bool posw_chainfile_amount(posw_chainfile_reader *r, posw_u256 *out, const json_t *v, const char *path);
/* One of the names that are not NULL. */
bool posw_chainfile_choice(posw_chainfile_reader *r, unsigned *out, const json_t *v, const char *path,
                           const char *const *names, size_t count);
bool posw_chainfile_address_text(posw_chainfile_reader *r, posw_address *out, const char *text, const char *path);
bool posw_chainfile_address(posw_chainfile_reader *r, posw_address *out, const json_t *v, const char *path);
/* 1 to 32 bytes of UTF-8 without control characters, of a chain or an upgrade. */
bool posw_chainfile_name(posw_chainfile_reader *r, char out[POSW_CHAIN_NAME_MAX + 1], const json_t *v,
                         const char *path);

#endif
