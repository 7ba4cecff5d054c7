/* Health and metrics of a running node. */
#include "cli/observe.h"

#include "base/units.h"
#include "cli/upgrade_watch.h"
#include "io/store_lmdb.h"
#include "posw/u256.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* ---- The table: constant, name, type, labels, meaning ---- */

#define METRICS(X)                                                                                                    \
    X(BUILD_INFO, "posw_build_info", GAUGE, "version, chain: of the chain file",                                      \
      "1, with the program's version and the name of its chain")                                                      \
    X(READY, "posw_ready", GAUGE, NULL, "1 when /health/ready says so, else 0")                                       \
    X(HEIGHT, "posw_blockchain_height", GAUGE, NULL, "Number of the latest block")                                    \
    X(BEST_KNOWN, "posw_best_known_block_number", GAUGE, NULL,                                                        \
      "Number of the latest block that peers have told of and whose header was checked")                              \
    X(FINALIZED, "posw_finalized_block_number", GAUGE, NULL,                                                          \
      "Number of the latest block that no reorganisation takes back by itself")                                       \
    X(FIRST_BODY, "posw_first_body_block_number", GAUGE, NULL,                                                        \
      "Lowest block whose transactions and receipts are kept; 0 while nothing is pruned")                             \
    X(SYNCING, "posw_syncing", GAUGE, NULL, "1 while blocks of a heavier chain are being fetched, else 0")            \
    X(HEAVIER_REFUSED, "posw_heavier_chain_refused", GAUGE, NULL,                                                     \
      "1 while a heavier chain is known that this node does not follow by itself, else 0")                            \
    X(TIP_AGE, "posw_tip_age_seconds", GAUGE, NULL, "Seconds since the timestamp of the latest block")                \
    X(BLOCK_TIME, "posw_block_time_seconds", GAUGE, NULL, "Seconds between blocks that the chain aims at")            \
    X(UPGRADES, "posw_upgrades", GAUGE, "state: active, coming", "Changes of the rules that the chain file names")    \
    X(UPGRADE_HEIGHT, "posw_upgrade_height", GAUGE, NULL, "Block of the next of them; absent if none is ahead")       \
    X(UPGRADE_SECONDS, "posw_upgrade_seconds", GAUGE, NULL,                                                           \
      "Seconds until it, at the chain's block time; absent if none is ahead")                                         \
    X(UNKNOWN, "posw_upgrade_unknown", GAUGE, NULL,                                                                   \
      "1 while peers credibly speak of a change of the rules that the chain file does not name, else 0")              \
    X(UNKNOWN_HEIGHT, "posw_upgrade_unknown_height", GAUGE, NULL, "Block of that change; absent if there is none")    \
    X(UNKNOWN_SECONDS, "posw_upgrade_unknown_seconds", GAUGE, NULL,                                                   \
      "Seconds until it, 0 once it is passed; absent if there is none")                                               \
    X(DIFFICULTY, "posw_network_difficulty", GAUGE, NULL, "Difficulty of the latest block")                           \
    X(EPOCH, "posw_epoch", GAUGE, NULL, "Epoch of the next block")                                                    \
    X(STAKE, "posw_stake_total", GAUGE, NULL, "Coins that count as stake in this epoch")                              \
    X(STAKERS, "posw_stake_miners", GAUGE, NULL, "Miners with stake in this epoch")                                   \
    X(SUPPLY, "posw_supply_coins", GAUGE, NULL, "Coins that existed at this epoch's snapshot")                        \
    X(BLOCKS, "posw_blocks_imported_total", COUNTER, NULL, "Blocks that joined the main chain since the start")       \
    X(MINED, "posw_blocks_mined_total", COUNTER, NULL, "Blocks that this node has found")                             \
    X(IMPORT, "posw_block_import_seconds", HISTOGRAM, NULL,                                                           \
      "Time that checking, executing and storing one block took")                                                     \
    X(PROOF, "posw_pow_verify_seconds", HISTOGRAM, NULL,                                                              \
      "Time that one proof of work of a peer's header or block took to check")                                        \
    X(REORGS, "posw_reorgs_total", COUNTER, NULL, "Reorganisations: changes of the main chain that took blocks back") \
    X(REORG_DEPTH, "posw_reorg_depth", HISTOGRAM, NULL, "Blocks that a reorganisation took back")                     \
    X(POOL, "posw_mempool_txs", GAUGE, "state: pending, queued",                                                      \
      "Transactions that wait: ready, and behind a gap of nonces")                                                    \
    X(POOL_BYTES, "posw_mempool_bytes", GAUGE, NULL, "Memory of waiting transactions")                                \
    X(SUBMITTED, "posw_txs_submitted_total", COUNTER, NULL, "Transactions that were accepted into the pool")          \
    X(REFUSED, "posw_txs_refused_total", COUNTER, NULL, "Transactions that were refused")                             \
    X(PEERS, "posw_peer_count", GAUGE, "direction: inbound, outbound", "Connected peers")                             \
    X(PEER_LIMIT, "posw_peer_limit", GAUGE, NULL, "Peers that the node keeps at most")                                \
    X(ADDRESSES, "posw_known_addresses", GAUGE, NULL, "Addresses of nodes that are known")                            \
    X(CLOCK, "posw_clock_offset_seconds", GAUGE, NULL,                                                                \
      "Median clock of the outbound peers minus the own one; absent below 4 of them")                                 \
    X(P2P_BYTES, "posw_p2p_bytes_total", COUNTER, "dir: in, out; msg: the messages of doc/network.md",                \
      "Bytes of whole messages")                                                                                      \
    X(DISCOURAGED, "posw_discouraged_total", COUNTER, "reason: the message, or other",                                \
      "Peers that broke the protocol, by the message in which they did")                                              \
    X(WRONG_PEERS, "posw_refused_peers_total", COUNTER, "reason: other_chain, other_fork, version",                   \
      "Peers that were refused for what they run")                                                                    \
    X(HEADERS, "posw_headers_checked_total", COUNTER, NULL, "Headers of peers that were checked")                     \
    X(RECEIVED, "posw_p2p_blocks_received_total", COUNTER, NULL, "Blocks that peers sent")                            \
    X(WASTED, "posw_p2p_blocks_wasted_total", COUNTER, NULL, "Blocks that peers sent in vain")                        \
    X(COMPACT, "posw_p2p_compact_rebuilt_total", COUNTER, NULL, "New blocks that were put together from the pool")    \
    X(COMPACT_ASKED, "posw_p2p_compact_asked_total", COUNTER, NULL,                                                   \
      "New blocks of which transactions had to be asked for")                                                         \
    X(P2P_MEMORY, "posw_p2p_memory_bytes", GAUGE, NULL, "Memory held for peers")                                      \
    X(RPC_CONNECTIONS, "posw_rpc_connections", GAUGE, NULL, "Open connections of RPC clients")                        \
    X(RPC_REQUESTS, "posw_rpc_requests_total", COUNTER, NULL, "Requests and messages of RPC clients; a batch is one") \
    X(RPC_REFUSED, "posw_rpc_refused_total", COUNTER, NULL,                                                           \
      "Requests and connections of RPC clients that were refused")                                                    \
    X(MINER_CONNECTIONS, "posw_stratum_connections", GAUGE, NULL, "Open connections of outside miners")               \
    X(MINERS, "posw_stratum_miners", GAUGE, NULL, "Outside miners that are logged in")                                \
    X(SHARES, "posw_stratum_shares_total", COUNTER, "result: accepted, stale, invalid",                               \
      "What outside miners have handed in; an accepted one is a block on the tip")                                    \
    X(MINERS_BLOCKS, "posw_stratum_blocks_total", COUNTER, NULL,                                                      \
      "Blocks that outside miners have found, with those that came late")                                             \
    X(MINERS_REFUSED, "posw_stratum_refused_total", COUNTER, NULL,                                                    \
      "Connections and logins of outside miners that were refused")                                                   \
    X(DB_USED, "posw_db_used_bytes", GAUGE, NULL, "Size of state and blocks")                                         \
    X(DB_PRUNED, "posw_db_pruned_bytes_total", COUNTER, NULL,                                                         \
      "Bytes of block and execution files that pruning has removed since the start")                                  \
    X(DB_MAP, "posw_db_map_bytes", GAUGE, NULL, "Address space that the state may grow to")                           \
    X(DB_READER, "posw_db_oldest_reader_seconds", GAUGE, NULL,                                                        \
      "Age of the oldest view of the database that is still in use")                                                  \
    X(DISK_FREE, "posw_disk_free_bytes", GAUGE, NULL, "Free space of the data directory's file system")               \
    X(DISK, "posw_disk_size_bytes", GAUGE, NULL, "Size of that file system, without what only root may use")          \
    X(PROCESS_CPU, "process_cpu_seconds_total", COUNTER, NULL, "Processor time")                                      \
    X(PROCESS_MEMORY, "process_resident_memory_bytes", GAUGE, NULL, "Resident memory")                                \
    X(PROCESS_FILES, "process_open_fds", GAUGE, NULL, "Open files")                                                   \
    X(PROCESS_FILES_MAX, "process_max_fds", GAUGE, NULL, "Files that may be open")                                    \
    X(PROCESS_START, "process_start_time_seconds", GAUGE, NULL, "When the node started, in unix time")

enum metric {
#define X(constant, name, type, labels, help) constant,
    METRICS(X)
#undef X
        METRIC_COUNT
};

static const posw_metric metrics[METRIC_COUNT] = {
#define X(constant, name, type, labels, help) [constant] = {name, POSW_METRIC_##type, labels, help},
    METRICS(X)
#undef X
};

void cli_observe_page(posw_buf *out) {
    posw_buf_text(out, "| metric | type | meaning | labels |\n| --- | --- | --- | --- |\n");
    for (const posw_metric *m = metrics; m < metrics + METRIC_COUNT; m++)
        posw_buf_printf(out, "| `%s` | %s | %s | %s |\n", m->name, posw_metric_type_text(m->type), m->help,
                        m->labels == NULL ? "" : m->labels);
    if (out->size > 0) out->size--; /* cli_print ends the line */
}

/* ---- Writing ---- */

static void one(posw_buf *out, enum metric m, uint64_t value) {
    posw_metric_head(out, &metrics[m]);
    posw_metric_sample(out, &metrics[m], NULL, 0, value);
}

static void one_fixed(posw_buf *out, enum metric m, int64_t value, unsigned decimals) {
    posw_metric_head(out, &metrics[m]);
    posw_metric_sample_fixed(out, &metrics[m], NULL, 0, value, decimals);
}

static void labelled(posw_buf *out, enum metric m, const char *name, const char *text, uint64_t value) {
    posw_metric_sample(out, &metrics[m], &(posw_metric_label){name, text}, 1, value);
}

static void times(posw_buf *out, enum metric m, const posw_histogram *h) {
    posw_metric_head(out, &metrics[m]);
    posw_metric_sample_histogram(out, &metrics[m], h, &posw_histogram_times);
}

/* With nine decimals, and without any where there are more coins than 64 bits hold of those. */
static void coins(posw_buf *out, enum metric m, const posw_u256 *wei) {
    const posw_u256 gwei = posw_u256_div_u64(wei, 1000000000), whole = posw_u256_div_u64(&gwei, 1000000000);
    uint64_t value;
    posw_metric_head(out, &metrics[m]);
    if (posw_u256_to_u64(&value, &gwei) && value <= INT64_MAX)
        posw_metric_sample_fixed(out, &metrics[m], NULL, 0, (int64_t)value, 9);
    else
        posw_metric_sample_u256(out, &metrics[m], &whole);
}

/* ---- Chain and node ---- */

static uint64_t tip_age_s(const cli_observe *o) {
    const uint64_t now = posw_clock_now_ms() / 1000, tip = posw_chain_tip(o->stack->chain)->timestamp;
    return now > tip ? now - tip : 0;
}

static posw_p2p_status network_status(const cli_observe *o) {
    posw_p2p_status s = {0};
    if (o->network != NULL && o->network->p2p != NULL) posw_p2p_read_status(o->network->p2p, &s);
    return s;
}

posw_health cli_observe_health(const cli_observe *o) {
    const posw_p2p_status s = network_status(o);
    posw_upgrade_news n;
    const uint64_t height = posw_chain_tip(o->stack->chain)->number;
    const bool missed = cli_upgrade_news(&n, o->network) && n.missed && n.credible;
    return (posw_health){.syncing = s.syncing,
                         .alone = o->alone || o->network == NULL || !o->network->enabled,
                         .peers = s.inbound + s.outbound,
                         .height = height,
                         .tip_age_s = tip_age_s(o),
                         .block_time_s = posw_chain_params(o->stack->chain)->block_time_s,
                         .missed_upgrade = missed,
                         .missed_height = missed ? n.height : 0};
}

void cli_observe_status(const cli_observe *o, char *out, size_t size) {
    const posw_p2p_status s = network_status(o);
    const uint64_t height = posw_chain_tip(o->stack->chain)->number;
    const size_t peers = s.inbound + s.outbound;
    if (s.syncing && s.sync_tip > height)
        snprintf(out, size, "synchronising: block %" PRIu64 " of %" PRIu64 " (%" PRIu64 " %%), %zu peer%s", height,
                 s.sync_tip, height * 100 / s.sync_tip, peers, posw_plural(peers));
    else
        snprintf(out, size, "block %" PRIu64 ", %zu peer%s%s%s", height, peers, posw_plural(peers),
                 s.problem[0] != '\0' ? "; " : "", s.problem);
}

static void write_upgrades(posw_buf *out, const cli_observe *o) {
    const posw_params *p = posw_chain_params(o->stack->chain);
    const uint64_t tip = posw_chain_tip(o->stack->chain)->number;
    posw_upgrade_news n;
    size_t active = 0;
    while (active < p->upgrade_count && p->upgrades[active].height <= tip)
        active++;
    posw_metric_head(out, &metrics[UPGRADES]);
    labelled(out, UPGRADES, "state", "active", active);
    labelled(out, UPGRADES, "state", "coming", p->upgrade_count - active);
    if (active < p->upgrade_count) {
        one(out, UPGRADE_HEIGHT, p->upgrades[active].height);
        one(out, UPGRADE_SECONDS, posw_upgrade_seconds(tip, p->upgrades[active].height, p->block_time_s));
    }
    const bool unknown = cli_upgrade_news(&n, o->network) && n.credible;
    one(out, UNKNOWN, unknown);
    if (!unknown) return;
    if (n.height != 0) one(out, UNKNOWN_HEIGHT, n.height);
    one(out, UNKNOWN_SECONDS, n.missed ? 0 : posw_upgrade_seconds(tip, n.height, p->block_time_s));
}

static void write_chain(posw_buf *out, const cli_observe *o, const posw_p2p_status *s) {
    posw_chain *chain = o->stack->chain;
    const posw_header *tip = posw_chain_tip(chain);
    const posw_health health = cli_observe_health(o);
    const posw_metric_label build[] = {{"version", POSW_VERSION}, {"chain", o->stack->spec.name}};
    posw_metric_head(out, &metrics[BUILD_INFO]);
    posw_metric_sample(out, &metrics[BUILD_INFO], build, POSW_ARRAY_SIZE(build), 1);
    one(out, READY, posw_health_is_ready(&health));
    one(out, HEIGHT, tip->number);
    one(out, BEST_KNOWN, s->sync_tip > tip->number ? s->sync_tip : tip->number);
    one(out, FINALIZED, posw_chain_finalized(chain));
    one(out, FIRST_BODY, posw_chain_first_body(chain));
    one(out, SYNCING, s->syncing);
    one(out, HEAVIER_REFUSED, s->refused);
    one(out, TIP_AGE, health.tip_age_s);
    one(out, BLOCK_TIME, health.block_time_s);
    write_upgrades(out, o);
    posw_metric_head(out, &metrics[DIFFICULTY]);
    posw_metric_sample_u256(out, &metrics[DIFFICULTY], &tip->difficulty);
}

static void write_stake(posw_buf *out, const cli_observe *o) {
    posw_chain *chain = o->stack->chain;
    const uint64_t next = posw_chain_tip(chain)->number + 1;
    const posw_stake_table *table = posw_chain_table(chain, next);
    one(out, EPOCH, posw_epoch_of(posw_chain_params(chain), next));
    if (table == NULL) return;
    coins(out, STAKE, &table->total_wei);
    one(out, STAKERS, table->count);
    coins(out, SUPPLY, &table->supply_wei);
}

static void write_node(posw_buf *out, const cli_observe *o, const posw_runner_numbers *n) {
    const posw_node_counters c = posw_node_read_counters(o->stack->node);
    size_t pending, queued, bytes;
    posw_mempool_counts(o->stack->mempool, &pending, &queued, &bytes);
    one(out, BLOCKS, c.blocks_imported);
    one(out, MINED, c.blocks_mined);
    times(out, IMPORT, &c.import_us);
    times(out, PROOF, &n->proofs_us);
    one(out, REORGS, c.reorgs);
    posw_metric_head(out, &metrics[REORG_DEPTH]);
    posw_metric_sample_histogram(out, &metrics[REORG_DEPTH], &c.reorg_depth, &posw_histogram_depths);
    posw_metric_head(out, &metrics[POOL]);
    labelled(out, POOL, "state", "pending", pending);
    labelled(out, POOL, "state", "queued", queued);
    one(out, POOL_BYTES, bytes);
    one(out, SUBMITTED, c.txs_submitted);
    one(out, REFUSED, c.txs_refused);
    one(out, RPC_CONNECTIONS, n->rpc.connections);
    one(out, RPC_REQUESTS, n->rpc.requests);
    one(out, RPC_REFUSED, n->rpc.refused);
}

/* ---- Network ---- */

static int write_bytes(void *arg, const char *message, const posw_p2p_traffic *t) {
    const posw_metric_label in[] = {{"dir", "in"}, {"msg", message}}, out[] = {{"dir", "out"}, {"msg", message}};
    posw_metric_sample(arg, &metrics[P2P_BYTES], in, 2, t->bytes_in);
    posw_metric_sample(arg, &metrics[P2P_BYTES], out, 2, t->bytes_out);
    return 0;
}

static int write_discouraged(void *arg, const char *message, const posw_p2p_traffic *t) {
    labelled(arg, DISCOURAGED, "reason", message, t->violations);
    return 0;
}

static void write_network(posw_buf *out, const posw_p2p *p, const posw_p2p_status *s) {
    posw_metric_head(out, &metrics[PEERS]);
    labelled(out, PEERS, "direction", "inbound", s->inbound);
    labelled(out, PEERS, "direction", "outbound", s->outbound);
    one(out, PEER_LIMIT, s->peers_max);
    one(out, ADDRESSES, s->addresses);
    if (s->clock_known) one_fixed(out, CLOCK, s->clock_offset_s, 0);
    posw_metric_head(out, &metrics[P2P_BYTES]);
    (void)posw_p2p_read_traffic(p, write_bytes, out);
    posw_metric_head(out, &metrics[DISCOURAGED]);
    (void)posw_p2p_read_traffic(p, write_discouraged, out);
    posw_metric_head(out, &metrics[WRONG_PEERS]);
    labelled(out, WRONG_PEERS, "reason", "other_chain", s->refused_other_chain);
    labelled(out, WRONG_PEERS, "reason", "other_fork", s->refused_other_fork);
    labelled(out, WRONG_PEERS, "reason", "version", s->refused_version);
    one(out, HEADERS, s->headers_checked);
    one(out, RECEIVED, s->blocks_received);
    one(out, WASTED, s->blocks_wasted);
    one(out, COMPACT, s->compact_rebuilt);
    one(out, COMPACT_ASKED, s->compact_asked);
    one(out, P2P_MEMORY, s->memory);
}

/* ---- Miners ---- */

static void write_miners(posw_buf *out, const posw_stratum *stratum) {
    const posw_stratum_counters c = posw_stratum_read_counters(stratum);
    one(out, MINER_CONNECTIONS, c.connections);
    one(out, MINERS, c.logins);
    posw_metric_head(out, &metrics[SHARES]);
    labelled(out, SHARES, "result", "accepted", c.blocks);
    labelled(out, SHARES, "result", "stale", c.stale);
    labelled(out, SHARES, "result", "invalid", c.weak + c.false_results + c.duplicates + c.unknown_jobs);
    one(out, MINERS_BLOCKS, c.blocks + c.late);
    one(out, MINERS_REFUSED, c.refused);
}

/* ---- Store and process ---- */

static void write_store(posw_buf *out, const cli_observe *o) {
    posw_store_lmdb_numbers n;
    if (o->datadir == NULL) return;
    posw_store_lmdb_read_numbers(o->stack->store, &n);
    one(out, DB_USED, n.used_bytes);
    one(out, DB_PRUNED, posw_chain_pruned_bytes(o->stack->chain));
    one(out, DB_MAP, n.map_bytes);
    one_fixed(out, DB_READER, (int64_t)n.reader_age_us, 6);
    if (n.disk_bytes == 0) return;
    one(out, DISK_FREE, n.disk_free_bytes);
    one(out, DISK, n.disk_bytes);
}

static uint64_t open_files(void) {
    DIR *dir = opendir("/proc/self/fd");
    uint64_t count = 0;
    if (dir == NULL) return 0;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        count += e->d_name[0] != '.';
    closedir(dir);
    return count > 0 ? count - 1 : 0; /* the directory itself */
}

/* The n-th number of a line of /proc, from 1; 0: not known. */
static uint64_t proc_number(const char *path, const char *behind, unsigned n) {
    char text[1024];
    FILE *f = fopen(path, "re");
    if (f == NULL) return 0;
    const size_t size = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f);
    text[size] = '\0';
    const char *p = behind == NULL ? text : strrchr(text, *behind);
    for (; p != NULL && n > 0; n--)
        p = strchr(p + 1, ' ');
    return p == NULL ? 0 : strtoull(p, NULL, 10);
}

/* Unix time at which this process began. */
static uint64_t start_time_s(void) {
    const uint64_t ticks = proc_number("/proc/self/stat", ")", 20), hz = (uint64_t)sysconf(_SC_CLK_TCK); /* field 22 */
    struct timespec up, now;
    if (clock_gettime(CLOCK_BOOTTIME, &up) != 0 || clock_gettime(CLOCK_REALTIME, &now) != 0) return 0;
    return (uint64_t)(now.tv_sec - up.tv_sec) + ticks / (hz == 0 ? 1 : hz);
}

static void write_process(posw_buf *out) {
    struct rusage usage;
    struct rlimit files;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        one_fixed(out, PROCESS_CPU,
                  (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) + usage.ru_utime.tv_usec +
                      usage.ru_stime.tv_usec,
                  6);
    one(out, PROCESS_MEMORY, proc_number("/proc/self/statm", NULL, 1) * (uint64_t)sysconf(_SC_PAGESIZE));
    one(out, PROCESS_FILES, open_files());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) one(out, PROCESS_FILES_MAX, files.rlim_cur);
    one(out, PROCESS_START, start_time_s());
}

/* ---- Answers ---- */

static void write_metrics(posw_buf *out, const cli_observe *o, const posw_runner_numbers *n) {
    const posw_p2p_status s = network_status(o);
    write_chain(out, o, &s);
    write_stake(out, o);
    write_node(out, o, n);
    if (o->network != NULL && o->network->p2p != NULL) write_network(out, o->network->p2p, &s);
    if (o->miners != NULL) write_miners(out, o->miners);
    write_store(out, o);
    write_process(out);
}

bool cli_observe_get(const cli_observe *o, const char *path, bool is_metrics, const posw_runner_numbers *n,
                     posw_server_reading *out) {
    out->content_type = "application/json";
    if (strcmp(path, "/health/live") == 0) {
        posw_buf_text(&out->body, "{\"live\":true}\n");
    } else if (strcmp(path, "/health/ready") == 0) {
        const posw_health h = cli_observe_health(o);
        out->status = posw_health_is_ready(&h) ? 200 : 503;
        posw_health_json(&out->body, &h);
    } else if (is_metrics && strcmp(path, "/metrics") == 0) {
        out->content_type = "text/plain; version=0.0.4; charset=utf-8";
        write_metrics(&out->body, o, n);
    } else {
        return false;
    }
    return true;
}

bool cli_observe_option(const cli *c, posw_runner_options *ro, char host[CLI_HOST_SIZE]) {
    const char *text = cli_text(c, "metrics");
    if (text == NULL) return true;
    uint16_t port;
    if (!cli_place(text, host, &port)) {
        cli_usage(c, "--metrics: %s is neither a port nor a numeric address with a port; write 9464 or 10.0.0.1:9464",
                  text);
        return false;
    }
    ro->metrics_host = host;
    ro->metrics_port = port;
    return true;
}
