/* Who this node is in the network: an Ed25519 key, kept in a file of one line, and a certificate that is made of it
 * anew in each run and shows nothing but the key. */
#ifndef POSW_IO_IDENTITY_H
#define POSW_IO_IDENTITY_H

#include "base/error.h"
#include "base/netaddr.h"

#include <openssl/ssl.h>

typedef struct posw_identity posw_identity;

/* The key of that file, which is created (0600) with a new key where there is none. A file that is damaged, or that
 * others than its owner may read, is refused with a sentence that says what to do: POSW_ECORRUPT, POSW_EAUTH, or the
 * code of the input or output error. */
int posw_identity_open(posw_identity **out, const char *path, posw_message *msg);
/* A new key that is kept nowhere. */
int posw_identity_new(posw_identity **out);
/* From the secret seed of RFC 8032 (copied). POSW_ENOMEM. */
int posw_identity_from_seed(posw_identity **out, const uint8_t seed[32]);
void posw_identity_free(posw_identity *id); /* NULL allowed */

posw_node_id posw_identity_node_id(const posw_identity *id);
/* Borrowed. */
EVP_PKEY *posw_identity_key(const posw_identity *id);
X509 *posw_identity_certificate(const posw_identity *id);
/* SHA-256 of the certificate's DER form: the same in each run, since the certificate is. False: out of memory. */
enum { POSW_FINGERPRINT_SIZE = 32 };
POSW_MUST_USE bool posw_identity_fingerprint(uint8_t out[POSW_FINGERPRINT_SIZE], const posw_identity *id);

/* The node id of a public key; false: it is no Ed25519 key. */
bool posw_identity_id_of_key(posw_node_id *out, const EVP_PKEY *key);

#endif
