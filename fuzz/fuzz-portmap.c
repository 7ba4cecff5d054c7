/* What a router answers (first byte 0), and the text of the routes (else). */
#include "fuzz.h"

#include "io/portmap_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_portmap_answer a;
    posw_netaddr gateway;
    if (size == 0) return 0;
    if (data[0] == 0 && posw_portmap_decode(&a, data + 1, size - 1)) {
        POSW_ASSERT(posw_portmap_result_text(&a)[0] != '\0');
        POSW_ASSERT(a.kind != POSW_PORTMAP_OTHER_VERSION || a.result == 1);
    } else if (data[0] != 0 && posw_portmap_gateway(&gateway, (const char *)data + 1, size - 1)) {
        POSW_ASSERT(posw_netaddr_is_ipv4(&gateway) && gateway.port == 0);
    }
    return 0;
}
