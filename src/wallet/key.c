#include "wallet/key.h"

#include "base/bytes.h"
#include "crypto/secp.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int posw_key_parse(uint8_t secret[POSW_KEY_SIZE], const char *text, posw_message *msg) {
    while (is_blank(*text))
        text++;
    size_t size = strlen(text);
    while (size > 0 && is_blank(text[size - 1]))
        size--;
    if (size >= 2 && text[0] == '0' && text[1] == 'x') {
        text += 2;
        size -= 2;
    }
    uint8_t key[POSW_KEY_SIZE];
    int error = POSW_OK;
    if (!posw_hex_decode(key, sizeof key, text, size))
        error = posw_message_set(msg, POSW_EPARSE, "not a private key: give 64 hexadecimal digits, with or without 0x");
    else if (!posw_secp_secret_valid(key))
        error = posw_message_set(msg, POSW_ERANGE,
                                 "not a private key: the number is zero or not below the order of secp256k1");
    else
        memcpy(secret, key, sizeof key);
    posw_wipe(key, sizeof key);
    return error;
}
