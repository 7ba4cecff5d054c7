/* Addresses as text with the EIP-55 checksum: the case of each letter is a bit of the hash of the lower-case text, so
 * that a typing error shows. Pure, no allocation. Source: EIP-55. */
#ifndef POSW_WALLET_ADDRESS_H
#define POSW_WALLET_ADDRESS_H

#include "base/error.h"
#include "base/json_writer.h"

/* "0x", 40 digits and the NUL. */
enum { POSW_EIP55_SIZE = 43 };

/* The checksummed text, NUL-terminated. Returns its length, 42. */
size_t posw_eip55_format(char out[POSW_EIP55_SIZE], const posw_address *address);

/* A member with that text. */
void posw_jw_kv_eip55(posw_jw *w, const char *key, const posw_address *address);

/* NUL-terminated text: "0x" and 40 digits. All letters of one case carry no checksum and are accepted; mixed case must
 * be the checksum. Nothing may stand before or after.
 * Returns POSW_OK; POSW_EPARSE if it is not an address at all; POSW_ECHECKSUM if the checksum is wrong. `msg` (may be
 * NULL) then says what is wrong. *out is written only on success. */
POSW_MUST_USE int posw_eip55_parse(posw_address *out, const char *text, posw_message *msg);

#endif
