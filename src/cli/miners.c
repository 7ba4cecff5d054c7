#include "cli/miners.h"

#include "base/bytes.h"

#include <string.h>

bool cli_miners_add_key(cli_miners *m, const posw_address *address, const uint8_t secret[32]) {
    if (m->key_count == POSW_STRATUM_KEYS_MAX) return false;
    posw_stratum_key *k = &m->keys[m->key_count++];
    k->address = *address;
    memcpy(k->secret, secret, sizeof k->secret);
    return true;
}

int cli_miners_open(cli_miners *m, const cli *c, cli_stack *s, uint64_t port_step, posw_runner_options *ro) {
    const char *place = cli_text(c, "stratum");
    posw_stratum_options o = {.keys = m->keys, .key_count = m->key_count};
    uint64_t addresses, connections;
    uint16_t port;
    if (!cli_u64(c, "stratum-addresses", 1, 4096, &addresses) ||
        !cli_u64(c, "stratum-connections", 1, 100000, &connections))
        return CLI_USAGE;
    if (place == NULL) return CLI_OK;
    if (!cli_place(place, m->host, &port))
        return cli_usage(c, "--stratum: '%s' is not a place to listen; write 3333, 0.0.0.0:3333 or [::]:3333", place);
    if (m->key_count == 0)
        return cli_usage(c, "--stratum needs a key that signs the blocks: --mine ADDRESS or --stratum-keys ADDRESSES");
    o.accounts_max = (unsigned)addresses;
    o.connections_max = (unsigned)connections;
    posw_random_bytes(o.seed, sizeof o.seed);
    const int err = posw_stratum_new(&m->stratum, s->node, &o);
    if (err != POSW_OK) return cli_fail("the door for miners cannot be made: %s", posw_error_text(err));
    ro->stratum_host = m->host;
    ro->stratum_port = (uint16_t)(port == 0 ? 0 : port + port_step);
    ro->stratum_connections = o.connections_max;
    return CLI_OK;
}

static int open_key(cli_miners *m, const char *datadir) {
    posw_buf path = {0};
    posw_message msg = {""};
    if (datadir == NULL) {
        if (posw_identity_new(&m->identity) == POSW_OK) return CLI_OK;
        return cli_fail("a key for TLS could not be made");
    }
    posw_buf_printf(&path, "%s/node.key", datadir);
    posw_buf_byte(&path, 0);
    const int err = path.failed ? posw_message_set(&msg, POSW_ENOMEM, "out of memory")
                                : posw_identity_open(&m->identity, (const char *)path.data, &msg);
    posw_buf_clear(&path);
    return err == POSW_OK ? CLI_OK : cli_fail("%s", msg.text);
}

int cli_miners_offer_tls(cli_miners *m, const cli *c, const char *datadir, posw_runner_options *ro,
                         char fingerprint[2 * POSW_FINGERPRINT_SIZE + 1]) {
    uint8_t bytes[POSW_FINGERPRINT_SIZE];
    if (!cli_switch(c, "stratum-tls")) return CLI_OK;
    if (ro->stratum_host == NULL) return cli_usage(c, "--stratum-tls needs --stratum");
    const int code = ro->identity != NULL ? CLI_OK : open_key(m, datadir);
    if (code != CLI_OK) return code;
    ro->stratum_identity = ro->identity != NULL ? ro->identity : m->identity;
    if (!posw_identity_fingerprint(bytes, ro->stratum_identity)) return cli_fail("out of memory");
    posw_hex_encode(fingerprint, bytes, sizeof bytes);
    return CLI_OK;
}

void cli_miners_close(cli_miners *m) {
    posw_identity_free(m->identity);
    m->identity = NULL;
    posw_stratum_free(m->stratum);
    m->stratum = NULL;
    posw_wipe(m->keys, sizeof m->keys);
}
