/* Keys for commands: from a keystore directory with a password. Secrets are wiped by the caller. */
#ifndef POSW_CLI_KEYS_H
#define POSW_CLI_KEYS_H

#include "cli/cli.h"
#include "wallet/keystore.h"

/* Options that every command with a key has. */
#define CLI_KEY_OPTIONS                                                                              \
    {"keystore", "DIR", NULL, "folder of key files (default: ~/.posw/keystore)"}, {                  \
        "password-file", "FILE", NULL, "first line is the password; without it you are asked for it" \
    }

/* The folder of --keystore or its default, into out. CLI_OK or an exit code after its sentence. */
int cli_keystore_dir(const cli *c, posw_buf *out);
/* The secret key of an address in the keystore. */
int cli_key_unlock(const cli *c, const posw_address *address, uint8_t secret[32]);
/* The password of --password-file or asked for on the terminal (twice when `repeat`); NUL-terminated, at most `size`.
 */
int cli_password(const cli *c, char *out, size_t size, bool repeat);

/* One line typed on the terminal without echo; `what` is asked for ("mnemonic"), `instead` the option that gives it
 * from a file. NUL-terminated, at most `size`; the caller wipes out. */
int cli_ask_secret(char *out, size_t size, const char *what, const char *instead);

/* What cli_password needs for any password. */
enum { CLI_PASSWORD_SIZE = POSW_KEYSTORE_PASSWORD_MAX + 2 };

/* One file of a keystore. All borrowed during the visit. */
typedef struct {
    const char *path;
    const posw_keystore *keystore; /* NULL: the file cannot be used */
    const char *problem;           /* then a sentence that names the file; else NULL */
    bool has_address;              /* from the content, else from the name */
    posw_address address;
} cli_key_file;
/* Visits the files in the order of their names; those of geth begin with the time. `visit` returns false to stop. A
 * missing folder is an empty one. */
int cli_keystore_scan(const char *dir, bool (*visit)(void *arg, const cli_key_file *f), void *arg);

/* Whether the keystore has a key for the address, without any password: CLI_OK, or CLI_FAILED after its sentence.
 * `path` (may be NULL) gets the file's path, NUL-terminated. */
int cli_key_find(const cli *c, const posw_address *address, posw_buf *path);

/* Whether it has one, without complaint; `path` gets the file's path then, NUL-terminated. */
int cli_key_is_there(const cli *c, const posw_address *address, bool *there, posw_buf *path);

/* Opens a decoded key file with the password; `path` is for the sentence. */
int cli_key_open(uint8_t secret[32], posw_address *address, const posw_keystore *k, const char *path,
                 const char *password);
/* Reads and decodes a key file. */
int cli_key_file_read(posw_keystore *out, const char *path);

/* Encrypts the secret into a new file of the keystore, which is made if it is missing; `path` gets the file's path,
 * NUL-terminated. An address that is there already is refused. */
int cli_key_store(const cli *c, const uint8_t secret[32], const char *password, const posw_keystore_kdf *kdf,
                  posw_address *address, posw_buf *path);

/* A small secret file, pipes included, as NUL-terminated text of less than `size` bytes. The caller wipes out. */
int cli_secret_file(char *out, size_t size, const char *what, const char *path);

#endif
