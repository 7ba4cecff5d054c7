/* Keys that come from a mnemonic: which of its accounts are meant, and storing each in the keystore. */
#ifndef POSW_CLI_HD_KEYS_H
#define POSW_CLI_HD_KEYS_H

#include "cli/keys.h"
#include "wallet/hd.h"

enum { CLI_HD_COUNT_MAX = 100 };
#define CLI_HD_OPTIONS                                                                                          \
    {"path", "PATH", POSW_HD_DEFAULT_PATH, "derivation path of the key, as MetaMask, Ledger and Trezor use"}, { \
        "count", "N", "1", "so many keys, the last number of the path counting up"                              \
    }
#define CLI_LIGHT_OPTION \
    { "light", NULL, NULL, "weak but quick encryption of the key file (scrypt n = 4096), for tests and development" }

/* Of --light. */
const posw_keystore_kdf *cli_chosen_kdf(const cli *c);

typedef struct {
    posw_address address;
    posw_buf path;                      /* of the key file, NUL-terminated; owned */
    char derivation[POSW_HD_PATH_SIZE]; /* "": not derived */
    bool was_there;                     /* the keystore had it already */
} cli_stored_key;

/* Zero-initialise. */
typedef struct {
    cli_stored_key *keys; /* owned */
    size_t count;
} cli_stored_keys;
void cli_stored_keys_clear(cli_stored_keys *list);

/* --path and --count, and with `index` above 0 another last number. CLI_OK or CLI_USAGE. */
typedef struct {
    posw_hd_path first;
    uint64_t count;
} cli_hd_choice;
int cli_hd_choose(const cli *c, cli_hd_choice *out);

/* Stores one key, or all that were chosen of a mnemonic's seed. One key that is there already is refused; of several,
 * those that are there stay. */
int cli_key_store_one(const cli *c, const uint8_t secret[32], const char *password, cli_stored_keys *out);
int cli_hd_store(const cli *c, const cli_hd_choice *choice, const uint8_t seed[64], const char *password,
                 cli_stored_keys *out);

/* Appends what was stored: lines for people, or with --json members of the object that is open in w. */
void cli_stored_keys_text(posw_buf *b, const cli_stored_keys *list);
void cli_stored_keys_json(posw_jw *w, const cli_stored_keys *list);

/* Prints and wipes; not through stdio, whose buffer would keep a copy. Reserve room for everything before a secret goes
 * in, so that no copy is left behind by growing. */
int cli_print_secret(posw_buf *b);

#endif
