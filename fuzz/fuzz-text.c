/* Everything that people type: numbers, amounts, addresses, hashes, paths of keys, sentences of words, addresses of
 * nodes. What is accepted is shown again and read again as the same. The input is one text, which every reader gets. */
#include "fuzz.h"

#include "base/bytes.h"
#include "base/netaddr.h"
#include "base/units.h"
#include "posw/u256.h"
#include "wallet/address.h"
#include "wallet/hd.h"
#include "wallet/mnemonic.h"

enum { TEXT_MAX = 2048 };

static void numbers(const char *text, size_t size) {
    posw_u256 v, again;
    char shown[POSW_AMOUNT_SIZE];
    if (posw_u256_parse(&v, text, size)) {
        POSW_ASSERT(posw_u256_parse(&again, shown, posw_u256_to_dec(shown, &v)) && posw_u256_equal(&v, &again));
        POSW_ASSERT(posw_u256_parse(&again, shown, posw_u256_to_hex(shown, &v)) && posw_u256_equal(&v, &again));
    }
    if (posw_amount_parse(&v, text)) {
        (void)posw_amount_format(shown, &v);
        POSW_ASSERT(posw_amount_parse(&again, shown) && posw_u256_equal(&v, &again));
    }
}

static void addresses(const char *text) {
    posw_hash hash;
    posw_address address, again;
    posw_message msg = {{0}};
    char shown[POSW_EIP55_SIZE];
    if (posw_hash_parse(&hash, text)) POSW_ASSERT(strlen(text) == 66);
    const bool plain = posw_address_parse(&address, text);
    if (posw_eip55_parse(&address, text, &msg) != POSW_OK) {
        POSW_ASSERT(msg.text[0] != '\0');
        return;
    }
    POSW_ASSERT(plain && posw_eip55_format(shown, &address) == 42);
    POSW_ASSERT(posw_eip55_parse(&again, shown, NULL) == POSW_OK && posw_address_equal(&address, &again));
}

static void keys(const char *text) {
    posw_hd_path path, again;
    posw_message msg = {{0}};
    char shown[POSW_HD_PATH_SIZE], sentence[POSW_MNEMONIC_SIZE];
    uint8_t entropy[POSW_MNEMONIC_ENTROPY_MAX], other[POSW_MNEMONIC_ENTROPY_MAX];
    size_t size, other_size;
    if (posw_hd_path_parse(&path, text, &msg) == POSW_OK) {
        POSW_ASSERT(path.depth <= POSW_HD_DEPTH_MAX && posw_hd_path_format(shown, &path) < sizeof shown);
        POSW_ASSERT(posw_hd_path_parse(&again, shown, NULL) == POSW_OK && again.depth == path.depth);
        POSW_ASSERT(memcmp(path.index, again.index, path.depth * sizeof path.index[0]) == 0);
    } else {
        POSW_ASSERT(msg.text[0] != '\0');
    }
    msg.text[0] = '\0';
    if (posw_mnemonic_decode(entropy, &size, text, &msg) == POSW_OK) {
        POSW_ASSERT(posw_mnemonic_encode(sentence, entropy, size) == POSW_OK);
        POSW_ASSERT(posw_mnemonic_decode(other, &other_size, sentence, NULL) == POSW_OK);
        POSW_ASSERT(other_size == size && memcmp(entropy, other, size) == 0);
    } else {
        POSW_ASSERT(msg.text[0] != '\0');
    }
}

static void nodes(const char *text, size_t size) {
    posw_netaddr address, again;
    posw_node_url url;
    uint8_t ip[16], ip_again[16], group[POSW_NETGROUP_SIZE];
    char shown[POSW_NETADDR_TEXT], ip_shown[POSW_IP_TEXT], url_shown[POSW_NODE_URL_TEXT];
    if (posw_netaddr_parse(&address, text, 30301)) {
        posw_netaddr_text(shown, &address);
        POSW_ASSERT(posw_netaddr_parse(&again, shown, 0) && posw_netaddr_equal(&address, &again));
        posw_netaddr_group(group, &address);
        (void)posw_netaddr_is_routable(&address);
    }
    if (posw_ip_parse(ip, text, size)) {
        posw_ip_text(ip_shown, ip);
        POSW_ASSERT(posw_ip_parse(ip_again, ip_shown, strlen(ip_shown)) && memcmp(ip, ip_again, sizeof ip) == 0);
    }
    if (posw_node_url_parse(&url, text, 30301)) {
        POSW_ASSERT(url.port != 0 && strlen(url.host) < sizeof url.host);
        if (!url.numeric) return;
        posw_node_url again_url;
        posw_node_url_text(url_shown, &url.id, &url.address);
        POSW_ASSERT(posw_node_url_parse(&again_url, url_shown, 0) && again_url.numeric);
        POSW_ASSERT(posw_netaddr_equal(&url.address, &again_url.address));
        POSW_ASSERT(memcmp(url.id.b, again_url.id.b, sizeof url.id.b) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[TEXT_MAX + 1];
    if (size > TEXT_MAX || memchr(data, '\0', size) != NULL) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    numbers(text, size);
    addresses(text);
    keys(text);
    nodes(text, size);
    return 0;
}
