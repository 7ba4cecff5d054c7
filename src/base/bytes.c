#include "base/bytes.h"

static const char hex_digits[] = "0123456789abcdef";

bool posw_hash_is_zero(const posw_hash *h) {
    uint64_t w[4];
    memcpy(w, h->b, sizeof w);
    return (w[0] | w[1] | w[2] | w[3]) == 0;
}

bool posw_address_is_zero(const posw_address *a) {
    uint64_t w[2];
    uint32_t tail;
    memcpy(w, a->b, sizeof w);
    memcpy(&tail, a->b + sizeof w, sizeof tail);
    return (w[0] | w[1] | tail) == 0;
}

size_t posw_hex_encode(char *out, const uint8_t *in, size_t size) {
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = hex_digits[in[i] >> 4];
        out[2 * i + 1] = hex_digits[in[i] & 15];
    }
    out[2 * size] = '\0';
    return 2 * size;
}

/* 0..15, or 16 for what is no digit. */
static unsigned hex_value(char c) {
    if (c >= '0' && c <= '9') return (unsigned)(c - '0');
    unsigned lower = (unsigned char)c | 0x20u;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 16;
}

bool posw_hex_decode(uint8_t *out, size_t size, const char *text, size_t text_size) {
    if (text_size % 2 != 0 || text_size / 2 != size) return false;
    unsigned bad = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        bad |= high | low;
        out[i] = (uint8_t)(high << 4 | (low & 15));
    }
    return (bad & 16) == 0;
}

bool posw_hex_decode_prefixed(uint8_t *out, size_t size, const char *text, size_t text_size) {
    if (text_size < 2 || text[0] != '0' || text[1] != 'x') return false;
    return posw_hex_decode(out, size, text + 2, text_size - 2);
}

bool posw_hash_parse(posw_hash *out, const char *text) {
    posw_hash h;
    if (!posw_hex_decode_prefixed(h.b, sizeof h.b, text, strlen(text))) return false;
    *out = h;
    return true;
}

bool posw_address_parse(posw_address *out, const char *text) {
    posw_address a;
    if (!posw_hex_decode_prefixed(a.b, sizeof a.b, text, strlen(text))) return false;
    *out = a;
    return true;
}

bool posw_equal_ct(const void *a, const void *b, size_t size) {
    const volatile uint8_t *x = a, *y = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++)
        difference = (uint8_t)(difference | (x[i] ^ y[i]));
    return difference == 0;
}

void posw_wipe(void *p, size_t size) {
    if (size > 0) explicit_bzero(p, size);
}
