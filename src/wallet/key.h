/* A private key as text, as people paste it. Pure, no allocation. */
#ifndef POSW_WALLET_KEY_H
#define POSW_WALLET_KEY_H

#include "base/error.h"

/* A secret is 32 bytes, most significant first, in 1..n-1 of secp256k1. */
enum { POSW_KEY_SIZE = 32 };

/* NUL-terminated text: 64 hexadecimal digits of either case, with or without "0x"; blanks and line ends around it are
 * ignored, so that the content of a key file can be given. Returns POSW_OK; POSW_EPARSE for anything else; POSW_ERANGE
 * for a number that is no key. `msg` (may be NULL) says what is wrong and never repeats the text. `secret` is written
 * only on success; the caller wipes it and the text. */
POSW_MUST_USE int posw_key_parse(uint8_t secret[POSW_KEY_SIZE], const char *text, posw_message *msg);

#endif
