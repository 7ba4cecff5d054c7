/* net_* and web3_*. */
#include "rpc/methods.h"

#include "crypto/keccak.h"

#include <inttypes.h>
#include <stdio.h>

void rpc_net_version(rpc_call *c) {
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, posw_chain_params(c->chain)->chain_id);
    posw_jw_string(&c->w, text);
}

void rpc_web3_client_version(rpc_call *c) {
    posw_jw_string(&c->w, c->rpc->options.client_version);
}

void rpc_web3_sha3(rpc_call *c) {
    posw_buf data = {0};
    if (rpc_value_data(c, rpc_arg(0), rpc_param(c, 0), &data, SIZE_MAX)) {
        posw_hash hash;
        posw_keccak256(&hash, data.data, data.size);
        posw_jw_hash(&c->w, &hash);
    }
    posw_buf_clear(&data);
}
