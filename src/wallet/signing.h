/* Signatures of messages that are no transactions: "personal_sign" of Ethereum wallets.
 *
 * What is signed is keccak256("\x19Ethereum Signed Message:\n" ‖ size in decimal ‖ message). The prefix keeps a
 * message from ever being a transaction. Nonces follow RFC 6979: the same message gives the same signature.
 * Source: EIP-191, version 0x45. */
#ifndef POSW_WALLET_SIGNING_H
#define POSW_WALLET_SIGNING_H

#include "base/error.h"
#include "crypto/secp.h"

/* "0x", r, s and v as digits, NUL. */
enum { POSW_WALLET_SIGNATURE_SIZE = 2 + 2 * POSW_SIGNATURE_SIZE + 1 };

/* The digest that is signed. Any size, also 0. */
void posw_wallet_message_hash(posw_hash *out, const void *message, size_t size);
/* POSW_EINVAL for an invalid secret. The recovery id in *out is 0 or 1, as posw_secp_recover wants it. */
POSW_MUST_USE int posw_wallet_sign_message(posw_signature *out, const void *message, size_t size,
                                           const uint8_t secret[32]);
/* Who signed the message. POSW_EAUTH if the signature is none of anybody. */
POSW_MUST_USE int posw_wallet_recover_message(posw_address *out, const void *message, size_t size,
                                              const posw_signature *signature);

/* The text that wallets exchange: v is 27 or 28. Returns the length. */
size_t posw_wallet_signature_format(char out[POSW_WALLET_SIGNATURE_SIZE], const posw_signature *signature);
/* The same back from NUL-terminated text; v may be 0, 1, 27 or 28. POSW_EPARSE for anything else. */
POSW_MUST_USE int posw_wallet_signature_parse(posw_signature *out, const char *text, posw_message *msg);

#endif
