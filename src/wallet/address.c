#include "wallet/address.h"

#include "base/bytes.h"
#include "crypto/keccak.h"

enum { DIGITS = 2 * POSW_ADDRESS_SIZE };

size_t posw_eip55_format(char out[POSW_EIP55_SIZE], const posw_address *address) {
    out[0] = '0';
    out[1] = 'x';
    posw_hex_encode(out + 2, address->b, sizeof address->b);
    posw_hash hash;
    posw_keccak256(&hash, out + 2, DIGITS);
    for (size_t i = 0; i < DIGITS; i++) {
        unsigned nibble = i % 2 ? hash.b[i / 2] & 15 : hash.b[i / 2] >> 4;
        char *c = out + 2 + i;
        if (nibble >= 8 && *c >= 'a') *c = (char)(*c - 'a' + 'A');
    }
    return POSW_EIP55_SIZE - 1;
}

void posw_jw_kv_eip55(posw_jw *w, const char *key, const posw_address *address) {
    char text[POSW_EIP55_SIZE];
    posw_eip55_format(text, address);
    posw_jw_kv_string(w, key, text);
}

int posw_eip55_parse(posw_address *out, const char *text, posw_message *msg) {
    posw_address address;
    if (strnlen(text, POSW_EIP55_SIZE) != POSW_EIP55_SIZE - 1 ||
        !posw_hex_decode_prefixed(address.b, sizeof address.b, text, POSW_EIP55_SIZE - 1))
        return posw_message_set(msg, POSW_EPARSE, "not an address: give 0x and 40 hexadecimal digits");

    bool lower = false, upper = false;
    for (const char *c = text + 2; *c; c++) {
        if (*c >= 'a')
            lower = true;
        else if (*c >= 'A')
            upper = true;
    }
    if (lower && upper) {
        char expected[POSW_EIP55_SIZE];
        posw_eip55_format(expected, &address);
        if (memcmp(expected + 2, text + 2, DIGITS) != 0)
            return posw_message_set(msg, POSW_ECHECKSUM,
                                    "the address has a wrong checksum (upper and lower case letters): a digit is "
                                    "mistyped; copy it again from its source");
    }
    *out = address;
    return POSW_OK;
}
