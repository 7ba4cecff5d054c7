#include "cli/stack.h"

#include "cli/dashboard.h"
#include "crypto/keccak.h"
#include "io/file.h"
#include "io/store_lmdb.h"

#include <stdlib.h>
#include <string.h>

int cli_spec_read(posw_chain_spec *out, const char *path) {
    posw_buf text = {0};
    posw_message msg = {""};
    int err = posw_file_read(&text, path, POSW_CHAINFILE_SIZE_MAX, &msg);
    if (err != POSW_OK) return cli_fail("%s", msg.text);
    err = posw_chainfile_read(out, (const char *)text.data, text.size, &msg);
    posw_buf_clear(&text);
    return err == POSW_OK ? CLI_OK : cli_fail("%s: %s", path, msg.text);
}

int cli_genesis_hash(const posw_chain_spec *spec, posw_hash *out) {
    posw_state *state;
    posw_header genesis;
    int err = posw_state_open(&state, &POSW_TRIE_EMPTY_ROOT, NULL);
    if (err != POSW_OK) return err;
    err = posw_genesis_build(&genesis, state, spec);
    posw_state_free(state);
    if (err == POSW_OK) posw_header_hash(out, &genesis);
    return err;
}

/* Files are given up whole, so those of a node that prunes are a small part of what it may keep. */
static uint32_t log_file_size(uint64_t prune_bytes) {
    enum { PARTS = 16, SIZE_MIN = 1 << 20 };
    const uint64_t size = prune_bytes / PARTS;
    if (prune_bytes == 0 || size > POSW_BODY_FILE_SIZE_DEFAULT) return 0;
    return size < SIZE_MIN ? SIZE_MIN : (uint32_t)size;
}

static int open_store(cli_stack *s, const char *datadir) {
    if (datadir == NULL) {
        s->store = posw_store_memory_new();
        return s->store != NULL ? CLI_OK : cli_fail("out of memory");
    }
    posw_hash genesis;
    posw_message msg = {""};
    int err = cli_genesis_hash(&s->spec, &genesis);
    if (err != POSW_OK) return cli_fail("the genesis block cannot be made: %s", posw_error_text(err));
    const posw_store_lmdb_options opt = {.log_file_size_max = log_file_size(s->prune_bytes)};
    err = posw_store_lmdb_open(&s->store, datadir, &genesis, &opt, &msg);
    return err == POSW_OK ? CLI_OK : cli_fail("%s", msg.text);
}

int cli_stack_open_chain(cli_stack *s, const cli *c, const char *datadir) {
    posw_message msg = {""};
    s->pow = posw_pow_engine(s->spec.params.pow, &msg);
    if (s->pow == NULL) return cli_fail("%s", msg.text);
    int code = open_store(s, datadir);
    if (code != CLI_OK) return code;
    posw_chain_options o = {.spec = &s->spec, .store = s->store, .pow = s->pow, .log = &c->log};
    int err = posw_chain_open(&s->chain, &o, &msg);
    if (err != POSW_OK) return cli_fail("%s", msg.text[0] != '\0' ? msg.text : posw_error_text(err));
    return CLI_OK;
}

int cli_stack_open_node(cli_stack *s, const cli *c, posw_node_options *o) {
    posw_mempool_options mo;
    posw_mempool_options_default(&mo);
    posw_random_bytes(mo.seed, sizeof mo.seed);
    int err = posw_mempool_new(&s->mempool, s->chain, &mo);
    if (err != POSW_OK) return cli_fail("the mempool cannot be made: %s", posw_error_text(err));
    o->chain = s->chain;
    o->mempool = s->mempool;
    o->pow = s->pow;
    o->log = &c->log;
    o->prune_bytes = s->prune_bytes;
    err = posw_node_new(&s->node, o);
    if (err != POSW_OK) return cli_fail("the node cannot be made: %s", posw_error_text(err));
    posw_rpc_options ro;
    posw_rpc_options_default(&ro);
    posw_random_bytes(ro.seed, sizeof ro.seed);
    uint64_t batch_max;
    if (!cli_u64(c, "batch-max", 1, 100000, &batch_max)) return CLI_USAGE;
    ro.batch_max = (size_t)batch_max;
    ro.jobs = true;
    if (!o->development) ro.stopwatch_us = posw_clock_stopwatch_us; /* a development chain has nobody who waits */
    ro.admin = !cli_switch(c, "rpc-public") || cli_switch(c, "rpc-admin");
    ro.client_version = "posw/v" POSW_VERSION "/linux/c17";
    err = posw_rpc_new(&s->rpc, s->node, &ro);
    return err == POSW_OK ? CLI_OK : cli_fail("the RPC cannot be made: %s", posw_error_text(err));
}

int cli_stack_close(cli_stack *s) {
    posw_rpc_free(s->rpc);
    posw_node_free(s->node);
    posw_mempool_free(s->mempool);
    int err = s->chain != NULL ? posw_chain_close(s->chain) : POSW_OK;
    if (s->store != NULL) s->store->ops->close(s->store);
    posw_chain_spec_clear(&s->spec);
    memset(s, 0, sizeof *s);
    return err == POSW_OK ? CLI_OK : cli_fail("the last blocks could not be stored: %s", posw_error_text(err));
}

bool cli_server_options(const cli *c, posw_runner_options *o, const char **lists[2]) {
    uint64_t port, rate, body_max;
    posw_runner_options_default(o);
    if (!cli_u64(c, "port", 0, 65535, &port) || !cli_u64(c, "rate", 0, 1000000, &rate) ||
        !cli_u64(c, "body-max", 1024, 1ULL << 30, &body_max))
        return false;
    lists[0] = cli_list(c, "rpc-hosts");
    lists[1] = cli_list(c, "cors");
    o->rpc_host = cli_text(c, "host");
    o->rpc_port = (uint16_t)port;
    o->rpc_public = cli_switch(c, "rpc-public");
    o->rpc_hosts = lists[0];
    o->cors_origins = lists[1];
    o->pages = cli_switch(c, "no-dashboard") ? NULL : &cli_dashboard;
    o->requests_per_s = (unsigned)rate;
    o->count_requests = posw_rpc_count_calls;
    o->body_bytes_max = (size_t)body_max;
    return true;
}
