/* posw node: a node of a chain file on a data directory. */
#include "cli/commands.h"

#include "base/bytes.h"
#include "cli/keys.h"
#include "cli/log_file.h"
#include "cli/miners.h"
#include "cli/network.h"
#include "cli/observe.h"
#include "cli/ready.h"
#include "cli/snapshots.h"
#include "cli/stack.h"
#include "cli/upgrade_watch.h"
#include "io/store_lmdb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cli_option options[] = {
    {"chain", "FILE", NULL, "chain file (see posw chain new)"},
    {"datadir", "DIR", NULL, "where blocks and state are kept"},
    {"prune", "SIZE", NULL,
     "keep about so much of block and execution files, such as 2GiB, the oldest blocks go first"},
    {"mine", "ADDRESS", NULL, "mine for this address with its key from the keystore"},
    {"signer", "ADDRESS", NULL, "sign the blocks of --mine with this key instead (see posw stake signer)"},
    {"threads", "N", "1", "threads that mine"},
    CLI_MINERS_OPTIONS,
    {"stratum-keys", "ADDRESSES", NULL,
     "keys that sign the blocks of those miners, beside the one of --mine; separated by commas"},
    CLI_KEY_OPTIONS,
    CLI_SERVER_OPTIONS(NULL),
    {"rpc-admin", NULL, NULL, "allow admin_* also where --rpc-public lets others in"},
    CLI_OBSERVE_OPTION,
    CLI_LOG_FILE_OPTION,
    CLI_NETWORK_OPTIONS,
    {"dns-zone", "NAME", NULL, "with --seeder: also answer DNS questions for this name with addresses of nodes"},
    {"dns-listen", "ADDRESS", "0.0.0.0:53", "address and UDP port of the name server"},
    {NULL, NULL, NULL, NULL},
};

static int load_identity(const cli *c, posw_miner_identity *id, bool *has) {
    const char *mine = cli_text(c, "mine"), *signer = cli_text(c, "signer");
    posw_address key;
    *has = mine != NULL;
    if (mine == NULL) return signer == NULL ? CLI_OK : cli_usage(c, "--signer needs --mine");
    if (!cli_address(c, "--mine", mine, &id->miner)) return CLI_USAGE;
    if (signer == NULL)
        key = id->miner;
    else if (!cli_address(c, "--signer", signer, &key))
        return CLI_USAGE;
    return cli_key_unlock(c, &key, id->secret);
}

/* One password opens them all. */
static int load_keys(const cli *c, const posw_miner_identity *id, cli_miners *m) {
    posw_address address;
    uint8_t secret[32];
    int code = CLI_OK;
    if (cli_text(c, "stratum") == NULL)
        return cli_given(c, "stratum-keys") ? cli_usage(c, "--stratum-keys needs --stratum") : CLI_OK;
    if (id != NULL && posw_secp_address(&address, id->secret)) (void)cli_miners_add_key(m, &address, id->secret);
    const char **list = cli_list(c, "stratum-keys");
    for (size_t i = 0; code == CLI_OK && list != NULL && list[i] != NULL; i++) {
        code = cli_address(c, "--stratum-keys", list[i], &address) ? cli_key_unlock(c, &address, secret) : CLI_USAGE;
        if (code == CLI_OK && !cli_miners_add_key(m, &address, secret))
            code = cli_usage(c, "--stratum-keys takes at most %d keys", POSW_STRATUM_KEYS_MAX);
        posw_wipe(secret, sizeof secret);
    }
    free(list);
    return code;
}

enum { PRUNE_MIN_MIB = 64 };

static bool read_prune(const cli *c, cli_stack *s) {
    return !cli_given(c, "prune") || cli_size(c, "prune", (uint64_t)PRUNE_MIN_MIB << 20, &s->prune_bytes);
}

/* What is gone stays gone, whatever the options say now. */
static void tell_pruning(const cli *c, const cli_stack *s) {
    const uint64_t first = posw_chain_first_body(s->chain);
    if (s->prune_bytes > 0)
        posw_log_write(&c->log, POSW_LOG_INFO, "node",
                       "pruning: block and execution files are held at about %" PRIu64 " MiB, and the latest %" PRIu64
                       " blocks are kept in any case",
                       s->prune_bytes >> 20, posw_chain_keep_depth(s->chain));
    if (first > 0)
        posw_log_write(&c->log, s->prune_bytes > 0 ? POSW_LOG_INFO : POSW_LOG_WARN, "node",
                       "transactions and receipts are there from block %" PRIu64 " on: the older ones are pruned%s",
                       first, s->prune_bytes > 0 ? "" : ", and to have them again takes a new data directory");
}

static char *journal_path(const char *datadir) {
    posw_buf b = {0};
    posw_buf_printf(&b, "%s/mempool.journal", datadir);
    posw_buf_byte(&b, 0);
    return (char *)b.data;
}

/* What the runner calls back with. */
typedef struct {
    cli_network network;
    cli_miners miners;
    cli_ready ready;
    cli_observe observe;
    cli_snapshots snapshots;
    cli_upgrade_watch upgrades;
    uint64_t trim_ms;
    cli *c;
    cli_log_file *log_file;
} running;

static void on_begin(void *arg, const posw_runner_ports *ports, posw_actions *out) {
    running *r = arg;
    cli_network_begin(&r->network, ports, out);
}

static void on_end(void *arg, posw_actions *out) {
    running *r = arg;
    cli_network_end(&r->network, out);
}

static void on_mapped(void *arg, const posw_netaddr *external) {
    running *r = arg;
    cli_network_mapped(&r->network, external);
}

static size_t on_seeds(void *arg, posw_netaddr *out, size_t max, bool ipv6) {
    running *r = arg;
    return cli_network_seeds(&r->network, out, max, ipv6);
}

/* Snapshots go on; and what LMDB and the allocator keep from busy times is given back, so that a node at rest is small.
 */
enum { REST_MS = 250, TRIM_MS = 10 * 60 * 1000, REST_RESIDENT_BYTES = 64 << 20 };

static void on_rest(void *arg) {
    running *r = arg;
    const cli_stack *s = r->ready.stack;
    const uint64_t now = posw_clock_stopwatch_us() / 1000;
    cli_snapshots_rest(&r->snapshots);
    cli_upgrade_watch_look(&r->upgrades, s, &r->network, &r->ready.c->log, now / 1000);
    if (now - r->trim_ms < TRIM_MS) return;
    r->trim_ms = now;
    if (posw_store_lmdb_trim_above(s->store, REST_RESIDENT_BYTES, NULL) != POSW_OK)
        posw_log_write(&r->ready.c->log, POSW_LOG_WARN, "store", "memory could not be given back: %s",
                       posw_store_lmdb_last_message(s->store)->text);
}

static bool on_get(void *arg, const char *path, bool is_metrics, const posw_runner_numbers *n,
                   posw_server_reading *out) {
    const running *r = arg;
    return cli_observe_get(&r->observe, path, is_metrics, n, out);
}

static void on_status(void *arg, char *out, size_t size) {
    const running *r = arg;
    cli_observe_status(&r->observe, out, size);
}

static void on_reload(void *arg) {
    const running *r = arg;
    cli_log_file_reopen(r->log_file, r->c);
}

static int on_ready(void *arg, const posw_runner_ports *ports) {
    running *r = arg;
    r->ready.p2p = r->network.p2p;
    return cli_ready_node(&r->ready, ports);
}

static int run_stack(cli *c, cli_stack *s, const posw_miner_identity *id, uint64_t threads, cli_log_file *log,
                     posw_runner_options *ro) {
    const char *datadir = cli_text(c, "datadir");
    int code = cli_stack_open_chain(s, c, datadir);
    if (code == CLI_OK) tell_pruning(c, s);
    posw_node_options no = {.identity = id, .stopwatch_us = posw_clock_stopwatch_us};
    if (code == CLI_OK) code = cli_stack_open_node(s, c, &no);
    running r = {
        .ready = {.c = c, .stack = s, .host = ro->rpc_host, .stratum_host = r.miners.host}, .c = c, .log_file = log};
    if (code == CLI_OK) code = load_keys(c, id, &r.miners);
    if (code == CLI_OK) code = cli_miners_open(&r.miners, c, s, 0, ro);
    if (code == CLI_OK) code = cli_network_open(&r.network, c, s, datadir, ro);
    if (code == CLI_OK) code = cli_network_dns(&r.network, ro);
    if (code == CLI_OK) code = cli_miners_offer_tls(&r.miners, c, datadir, ro, r.ready.fingerprint);
    r.observe = (cli_observe){.stack = s,
                              .network = &r.network,
                              .miners = r.miners.stratum,
                              .datadir = datadir,
                              .alone = cli_switch(c, "mine-alone")};
    if (code != CLI_OK) {
        cli_miners_close(&r.miners);
        cli_network_close(&r.network);
        return code;
    }
    char *journal = journal_path(datadir);
    posw_message msg = {""};
    ro->threads = id != NULL ? (unsigned)threads : 0;
    ro->pow = s->pow;
    ro->journal_path = journal;
    ro->begin = on_begin;
    ro->end = on_end;
    ro->mapped = on_mapped;
    ro->seeds = on_seeds;
    ro->get = on_get;
    ro->status = on_status;
    if (log->file != NULL) ro->reload = on_reload;
    ro->ready = on_ready;
    ro->rest = on_rest;
    ro->rest_ms = REST_MS;
    r.trim_ms = posw_clock_stopwatch_us() / 1000;
    cli_snapshots_open(&r.snapshots, s, datadir);
    ro->arg = &r;
    int err = posw_runner_run(s->node, ro, &c->log, &msg);
    cli_snapshots_close(&r.snapshots);
    cli_miners_close(&r.miners);
    cli_network_close(&r.network);
    free(journal);
    return err == POSW_OK ? CLI_OK : cli_fail("%s", msg.text[0] != '\0' ? msg.text : posw_error_text(err));
}

static int run(cli *c) {
    cli_stack s = {0};
    posw_miner_identity id;
    bool mines = false;
    uint64_t threads;
    posw_runner_options ro;
    char metrics_host[CLI_HOST_SIZE];
    const char **lists[2] = {NULL, NULL};
    if (cli_text(c, "chain") == NULL || cli_text(c, "datadir") == NULL)
        return cli_usage(c, "--chain FILE and --datadir DIR are needed; make a chain file with 'posw chain new'");
    if (!read_prune(c, &s) || !cli_u64(c, "threads", 1, 256, &threads) || !cli_server_options(c, &ro, lists) ||
        !cli_observe_option(c, &ro, metrics_host))
        return CLI_USAGE;
    cli_log_file log;
    int code = cli_log_file_open(&log, c);
    if (code == CLI_OK) code = cli_spec_read(&s.spec, cli_text(c, "chain"));
    if (code == CLI_OK) code = load_identity(c, &id, &mines);
    if (code == CLI_OK) code = run_stack(c, &s, mines ? &id : NULL, threads, &log, &ro);
    if (mines) posw_miner_identity_clear(&id);
    free(lists[0]);
    free(lists[1]);
    int closed = cli_stack_close(&s);
    cli_log_file_close(&log, c);
    return code != CLI_OK ? code : closed;
}

const cli_command cli_command_node = {
    "node",
    "--chain FILE --datadir DIR [OPTIONS]",
    "run a node of a chain",
    "Runs a full node: it keeps the chain in the data directory, answers JSON-RPC for wallets and programs, shows a "
    "dashboard to browsers at the same address, and mines "
    "when --mine names an address whose key is "
    "in the keystore. It can be killed at any moment and starts again with the same state. It finds other nodes of its "
    "chain through --addnode, "
    "--bootnodes or --dns-seeds, and mines only while it is connected and not behind, unless --mine-alone says so. "
    "With --prune it gives up old blocks, but for their headers, and checks and mines like any other node. "
    "Stop it with Ctrl-C.",
    "posw node --chain mychain.json --datadir ./data --addnode posw://…@203.0.113.7:30301\nposw node --chain "
    "mychain.json --datadir ./data --mine 0x… "
    "--password-file secret.txt --threads 2 --mine-alone\nposw node --chain mychain.json --datadir ./data --prune 2GiB",
    options,
    0,
    0,
    run};
