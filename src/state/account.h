/* The account as the accounts trie stores it (protocol X1): rlp([nonce, balance, storageRoot, codeHash]). Pure. */
#ifndef POSW_STATE_ACCOUNT_H
#define POSW_STATE_ACCOUNT_H

#include "state/state.h"

/* A list prefix of 2 bytes, 9 for the nonce and 33 for each of the others. */
enum { POSW_ACCOUNT_RLP_MAX = 110 };

/* What an absent account reads as. */
posw_account posw_account_blank(void);
/* EIP-161: nonce 0, balance 0 and no code; such an account does not exist. */
bool posw_account_is_empty(const posw_account *a);
bool posw_account_equal(const posw_account *a, const posw_account *b);
/* Returns the size. */
size_t posw_account_encode(uint8_t out[POSW_ACCOUNT_RLP_MAX], const posw_account *a);
/* Canonical RLP only; *out is unchanged on failure. */
POSW_MUST_USE bool posw_account_decode(posw_account *out, posw_bytes rlp);

#endif
