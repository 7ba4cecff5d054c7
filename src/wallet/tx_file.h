/* Transactions as files, to be signed on a machine without a network:
 *
 *      online: everything but the signature --file--> offline: read, checked by a person, signed --file--> online: sent
 *
 *      {"poswTransaction":1,
 *       "chain":{"name":"Example","ticker":"EX","chainId":4242,"genesis":"0x…"},
 *       "from":"0x…","to":"0x…","valueWei":"12500000000000000000","data":"0x",
 *       "nonce":7,"gasLimit":21000,"maxFeePerGasWei":"3000000000","maxPriorityFeePerGasWei":"1000000000",
 *       "signed":"0x02…"}
 *
 * `signed` is there once it is signed. Reading is strict: every other member must be there, no unknown one may be, and
 * a signed transaction must be exactly the one that the other members tell, signed by `from`; so what a person is shown
 * is what goes out. Always of type 2 (EIP-1559). The signature binds the chain id; the genesis hash is for the sender,
 * who compares it with the node's. Text in, text out. */
#ifndef POSW_WALLET_TX_FILE_H
#define POSW_WALLET_TX_FILE_H

#include "base/buf.h"
#include "base/error.h"
#include "codec/tx.h"

enum {
    POSW_TX_FILE_VERSION = 1,
    POSW_TX_FILE_SIZE_MAX = 1 << 20, /* bytes of the text that are read */
    POSW_TX_FILE_NAME_MAX = 64,      /* of a chain's name and ticker */
};

/* Zero-initialise. */
typedef struct {
    char chain_name[POSW_TX_FILE_NAME_MAX + 1], ticker[POSW_TX_FILE_NAME_MAX + 1]; /* no control characters */
    posw_hash genesis;
    posw_address from;
    posw_tx tx;    /* tx.input is a view of `data` */
    posw_buf data; /* owned; at most POSW_TX_SIZE_MAX bytes */
    posw_buf raw;  /* owned; the signed encoding, or empty */
} posw_tx_file;

void posw_tx_file_clear(posw_tx_file *f); /* zeroed allowed; then usable again */

/* POSW_EPARSE: not such a file, or one whose parts contradict each other; POSW_EUNSUPPORTED: another version;
 * POSW_EAUTH: signed by somebody else than `from`; POSW_ENOMEM. `msg` (may be NULL) names the member. *out is empty
 * before, and after a failure. */
POSW_MUST_USE int posw_tx_file_decode(posw_tx_file *out, const char *json, size_t size, posw_message *msg);
/* Appends the text, with its line end. */
void posw_tx_file_encode(posw_buf *out, const posw_tx_file *f);

/* Signs with the key of `from`, in place of an earlier signature. POSW_EAUTH: the key of another address; POSW_ENOMEM.
 */
POSW_MUST_USE int posw_tx_file_sign(posw_tx_file *f, const uint8_t secret[32]);

#endif
