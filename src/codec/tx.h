/* Transactions of type 0 (EIP-155), 1 (EIP-2930) and 2 (EIP-1559): decoding, hash, signing digest, sender (protocol X2,
 * X3).
 *
 * A decoded posw_tx is a view: `input`, `access_list` and `raw` point into the bytes it was decoded from and are
 * borrowed from them. No allocation. */
#ifndef POSW_CODEC_TX_H
#define POSW_CODEC_TX_H

#include "base/buf.h"
#include "crypto/secp.h"
#include "posw/types.h"

enum posw_tx_type { POSW_TX_LEGACY = 0, POSW_TX_ACCESS_LIST = 1, POSW_TX_DYNAMIC_FEE = 2 };
enum { POSW_TX_SIZE_MAX = 131072 }; /* a limit of the mempool; the decoder has none, since a block may hold more */

typedef struct {
    enum posw_tx_type type;
    bool is_protected; /* false: type 0 with v 27 or 28 */
    uint64_t chain_id; /* 0 when not protected */
    uint64_t nonce, gas_limit;
    posw_u256 max_fee, max_tip; /* both gasPrice for types 0 and 1 */
    bool has_to;
    posw_address to;
    posw_u256 value;
    posw_bytes input;
    posw_bytes access_list; /* RLP content of the list (without its prefix), structure verified */
    uint64_t access_addresses, access_keys;
    posw_signature signature; /* r ‖ s ‖ y parity */
    posw_bytes raw;           /* the encoding: legacy RLP list, or type ‖ payload */
} posw_tx;

enum posw_tx_status {
    POSW_TX_OK,
    POSW_TX_MALFORMED,        /* not canonical RLP of a transaction, a number too large, trailing bytes */
    POSW_TX_TYPE_UNSUPPORTED, /* a typed envelope other than 1 or 2 */
    POSW_TX_BAD_SIGNATURE,    /* r, s or v out of range, high s */
};

/* Decodes the envelope (what eth_sendRawTransaction takes and what hashes to the transaction hash). */
enum posw_tx_status posw_tx_decode(posw_tx *out, const uint8_t *data, size_t size);
/* keccak256 of raw. */
void posw_tx_hash(posw_hash *out, const posw_tx *tx);
/* What the sender signed. */
void posw_tx_signing_hash(posw_hash *out, const posw_tx *tx);
/* Recovers the sender; about 55 us. False: no such key. */
POSW_MUST_USE bool posw_tx_sender(posw_address *out, const posw_tx *tx);
/* X3; saturates at 2^64 - 1. */
uint64_t posw_tx_intrinsic_gas(const posw_tx *tx);
/* X5: the price paid at this base fee; the caller made sure that max_fee >= base fee. */
posw_u256 posw_tx_effective_price(const posw_tx *tx, uint64_t base_fee_wei);

/* Appends the encoding of the fields of `tx` with its signature (its raw is ignored; the access list is that of the
 * view). */
void posw_tx_encode(posw_buf *out, const posw_tx *tx);
/* The same, signed with the key; false: invalid key, no memory, or type 0 with a chain id above 2^62. For wallets and
 * tests. */
POSW_MUST_USE bool posw_tx_sign(posw_buf *out, const posw_tx *tx, const uint8_t secret[32]);

#endif
