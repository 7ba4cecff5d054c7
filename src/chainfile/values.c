#include "chainfile/reader.h"

#include "base/bytes.h"
#include "base/units.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

/* ---- words for people ---- */

const char *posw_chainfile_quote(char out[POSW_CHAINFILE_QUOTE_SIZE], const char *text) {
    size_t n = 0;
    for (; text[n] != '\0' && n < POSW_CHAINFILE_QUOTE_SIZE - 4; n++)
        out[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
    memcpy(out + n, text[n] == '\0' ? "" : "...", text[n] == '\0' ? 1 : 4);
    return out;
}

const char *posw_chainfile_path(char out[POSW_CHAINFILE_PATH_SIZE], enum posw_chainfile_section section,
                                const char *key) {
    char safe[POSW_CHAINFILE_QUOTE_SIZE];
    const char *name = POSW_CHAINFILE_SECTIONS[section];
    const size_t prefix = strlen(name), rest = strlen(posw_chainfile_quote(safe, key));
    memcpy(out, name, prefix);
    if (prefix > 0) out[prefix] = '.';
    memcpy(out + prefix + (prefix > 0), safe, rest + 1);
    return out;
}

const char *posw_chainfile_type_of(const json_t *v) {
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "a number";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "of an unknown type";
}

/* ---- values ---- */

_Static_assert((int)POSW_UPGRADE_NAME_MAX == (int)POSW_CHAIN_NAME_MAX, "names of chains and upgrades have one form");

bool posw_chainfile_string(posw_chainfile_reader *r, const char **out, const json_t *v, const char *path) {
    if (!json_is_string(v))
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "%s is %s: write a string in quotes", path,
                                     posw_chainfile_type_of(v));
    *out = json_string_value(v);
    return true;
}

/* "05" is a slip of the hand or of a program; a number has one form. */
static bool has_one_form(posw_chainfile_reader *r, const char *text, const char *path) {
    char safe[POSW_CHAINFILE_QUOTE_SIZE];
    if (text[0] != '0' || text[1] < '0' || text[1] > '9') return true;
    return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "%s is \"%s\": write it without the leading zero", path,
                                 posw_chainfile_quote(safe, text));
}

bool posw_chainfile_u256(posw_chainfile_reader *r, posw_u256 *out, const json_t *v, const char *path) {
    if (json_is_integer(v)) {
        if (json_integer_value(v) < 0)
            return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "%s is negative: write a whole number from 0 up", path);
        *out = posw_u256_from_u64((uint64_t)json_integer_value(v));
        return true;
    }
    if (!json_is_string(v))
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "%s is %s: write a whole number", path, posw_chainfile_type_of(v));
    const char *text = json_string_value(v);
    const size_t size = json_string_length(v);
    if (!has_one_form(r, text, path)) return false;
    if (strspn(text, "0123456789") == size && posw_u256_parse(out, text, size)) return true;
    char safe[POSW_CHAINFILE_QUOTE_SIZE];
    return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "%s is \"%s\": write a whole number", path,
                                 posw_chainfile_quote(safe, text));
}

bool posw_chainfile_u64(posw_chainfile_reader *r, uint64_t *out, const json_t *v, const char *path) {
    posw_u256 wide;
    if (!posw_chainfile_u256(r, &wide, v, path)) return false;
    return posw_u256_to_u64(out, &wide) ||
           POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "%s is 2^64 or more: write a smaller number", path);
}

bool posw_chainfile_amount(posw_chainfile_reader *r, posw_u256 *out, const json_t *v, const char *path) {
    const char *text;
    if (!json_is_string(v))
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "%s is %s: write an amount as a string, such as \"12.5 coin\"",
                                     path, posw_chainfile_type_of(v));
    text = json_string_value(v);
    if (!has_one_form(r, text, path)) return false;
    const size_t size = json_string_length(v);
    const bool has_unit = size > 0 && text[size - 1] >= 'a' && text[size - 1] <= 'z';
    if (has_unit && posw_amount_parse(out, text)) return true;
    char safe[POSW_CHAINFILE_QUOTE_SIZE];
    return POSW_CHAINFILE_REFUSE(
        r, POSW_EPARSE,
        "%s is \"%s\": write an amount with its unit, such as \"12.5 coin\", \"3 gwei\" or \"1000 wei\"", path,
        posw_chainfile_quote(safe, text));
}

bool posw_chainfile_choice(posw_chainfile_reader *r, unsigned *out, const json_t *v, const char *path,
                           const char *const *names, size_t count) {
    const char *text;
    if (!posw_chainfile_string(r, &text, v, path)) return false;
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL || strcmp(names[i], text) != 0) continue;
        *out = (unsigned)i;
        return true;
    }
    char list[128] = "", safe[POSW_CHAINFILE_QUOTE_SIZE];
    for (size_t i = 0, n = 0; i < count && n < sizeof list - POSW_CHAINFILE_QUOTE_SIZE; i++) {
        if (names[i] == NULL) continue;
        if (n > 0) list[n++] = ',', list[n++] = ' ';
        n += strlen(memcpy(list + n, names[i], strlen(names[i]) + 1));
    }
    return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "%s is \"%s\": choose one of %s", path,
                                 posw_chainfile_quote(safe, text), list);
}

/* A mixed-case address carries a checksum (EIP-55); a wrong one is a typing error, and coins sent there are lost. */
static bool checksum_holds(const posw_address *a, const char *digits) {
    enum { DIGITS = 2 * POSW_ADDRESS_SIZE };
    char lower[DIGITS + 1];
    posw_hex_encode(lower, a->b, sizeof a->b);
    posw_hash hash;
    posw_keccak256(&hash, lower, DIGITS);
    bool has_lower = false, has_upper = false, holds = true;
    for (size_t i = 0; i < DIGITS; i++) {
        const bool is_letter = lower[i] >= 'a', is_upper = digits[i] != lower[i];
        const bool wants_upper = is_letter && (i % 2 == 0 ? hash.b[i / 2] >> 4 : hash.b[i / 2] & 15) >= 8;
        if (is_letter && is_upper) has_upper = true;
        if (is_letter && !is_upper) has_lower = true;
        if (is_upper != wants_upper) holds = false;
    }
    return holds || !has_lower || !has_upper;
}

bool posw_chainfile_address_text(posw_chainfile_reader *r, posw_address *out, const char *text, const char *path) {
    char safe[POSW_CHAINFILE_QUOTE_SIZE];
    posw_address a;
    if (!posw_address_parse(&a, text))
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "%s: \"%s\" is not an address: write 0x and 40 hexadecimal digits",
                                     path, posw_chainfile_quote(safe, text));
    if (!checksum_holds(&a, text + 2))
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE,
                                     "%s: the checksum of the address \"%s\" is wrong: copy it again from its source",
                                     path, posw_chainfile_quote(safe, text));
    *out = a;
    return true;
}

bool posw_chainfile_address(posw_chainfile_reader *r, posw_address *out, const json_t *v, const char *path) {
    const char *text;
    return posw_chainfile_string(r, &text, v, path) && posw_chainfile_address_text(r, out, text, path);
}

bool posw_chainfile_name(posw_chainfile_reader *r, char out[POSW_CHAIN_NAME_MAX + 1], const json_t *v,
                         const char *path) {
    const char *text;
    if (!posw_chainfile_string(r, &text, v, path)) return false;
    const size_t size = json_string_length(v);
    if (size == 0 || size > POSW_CHAIN_NAME_MAX)
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "%s has %zu bytes: write 1 to 32 bytes", path, size);
    for (size_t i = 0; i < size; i++)
        if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
            return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "%s has a control character: remove it", path);
    memcpy(out, text, size + 1);
    return true;
}
