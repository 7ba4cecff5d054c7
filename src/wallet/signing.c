#include "wallet/signing.h"

#include "base/bytes.h"
#include "crypto/keccak.h"

#include <stdio.h>

enum { V_BASE = 27 }; /* Bitcoin's offset of the recovery id, which Ethereum's messages kept */

void posw_wallet_message_hash(posw_hash *out, const void *message, size_t size) {
    char prefix[64];
    int prefix_size = snprintf(prefix, sizeof prefix,
                               "\x19"
                               "Ethereum Signed Message:\n%zu",
                               size);
    posw_keccak k;
    posw_keccak_init(&k);
    posw_keccak_update(&k, prefix, (size_t)prefix_size);
    posw_keccak_update(&k, message, size);
    posw_keccak_final(&k, out);
}

int posw_wallet_sign_message(posw_signature *out, const void *message, size_t size, const uint8_t secret[32]) {
    posw_hash digest;
    posw_wallet_message_hash(&digest, message, size);
    return posw_secp_sign(out, &digest, secret) ? POSW_OK : POSW_EINVAL;
}

int posw_wallet_recover_message(posw_address *out, const void *message, size_t size, const posw_signature *signature) {
    posw_hash digest;
    posw_wallet_message_hash(&digest, message, size);
    return posw_secp_recover(out, &digest, signature) ? POSW_OK : POSW_EAUTH;
}

size_t posw_wallet_signature_format(char out[POSW_WALLET_SIGNATURE_SIZE], const posw_signature *signature) {
    posw_signature s = *signature;
    s.b[64] = (uint8_t)(s.b[64] + V_BASE);
    out[0] = '0';
    out[1] = 'x';
    return 2 + posw_hex_encode(out + 2, s.b, sizeof s.b);
}

int posw_wallet_signature_parse(posw_signature *out, const char *text, posw_message *msg) {
    posw_signature s;
    if (!posw_hex_decode_prefixed(s.b, sizeof s.b, text, strnlen(text, POSW_WALLET_SIGNATURE_SIZE)))
        return posw_message_set(msg, POSW_EPARSE, "not a signature: give 0x and 130 hexadecimal digits");
    if (s.b[64] >= V_BASE) s.b[64] = (uint8_t)(s.b[64] - V_BASE);
    if (s.b[64] > 1)
        return posw_message_set(msg, POSW_EPARSE, "not a signature of a message: its last byte must be 1b or 1c");
    *out = s;
    return POSW_OK;
}
