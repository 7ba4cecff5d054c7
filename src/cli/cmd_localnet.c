/* posw localnet: several nodes with miners on one machine. Each is a process of its own (a copy of this one), connected
 * to those before it over loopback, as nodes of different people are over the internet. */
#include "cli/commands.h"

#include "base/bytes.h"
#include "base/units.h"
#include "cli/json_view.h"
#include "cli/miners.h"
#include "cli/network.h"
#include "cli/ready.h"
#include "io/file.h"
#include "posw/u256.h"
#include "wallet/hd.h"
#include "wallet/mnemonic.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NODES_MAX = 16, READY_MS = 30000, LINE_MAX_SIZE = 4096, HASHES_AT_START = 400000 };
static const char MNEMONIC[] = "test test test test test test test test test test test junk";

static const cli_option options[] = {
    {"datadir", "DIR", NULL, "keep the chains there, a folder for each node (default: in memory)"},
    {"block-time", "SECONDS", "2", "time between blocks, on average"},
    {"weight", "PRESET", "ticket", "pow, linear, sqrt, quadratic, diode, ticket or quarkchain"},
    {"chain-id", "N", "1337", "chain id"},
    {"threads", "N", "1", "threads that mine, of each node"},
    {"no-mining", NULL, NULL, "no node mines"},
    {"duration", "SECONDS", "0", "stop after this time; 0: run until Ctrl-C"},
    CLI_MINERS_OPTIONS,
    CLI_SERVER_OPTIONS("*"),
    {"p2p-port", "N", "30301", "TCP port for peers; 0 takes free ones"},
    {NULL, NULL, NULL, NULL},
};

typedef struct {
    pid_t pid;
    json_t *ready; /* what it said */
    uint64_t height;
    char hash[128];
    uint64_t peers, pending;
} child;

typedef struct {
    cli *c;
    uint64_t count, rpc_port, p2p_port, threads;
    posw_chain_spec spec;
    uint8_t secrets[NODES_MAX][32];
    posw_address miners[NODES_MAX];
    child children[NODES_MAX];
    const char **lists[2];
} localnet;

/* ---- The chain ---- */

static int make_keys(localnet *l) {
    uint8_t seed[64];
    posw_message msg = {""};
    if (posw_mnemonic_seed(seed, MNEMONIC, "", &msg) != POSW_OK) return cli_fail("%s", msg.text);
    for (uint32_t i = 0; i < NODES_MAX; i++)
        if (posw_hd_account(l->secrets[i], &l->miners[i], seed, i) != POSW_OK)
            return cli_fail("the accounts cannot be derived");
    return CLI_OK;
}

/* The development chain with real difficulty: miners that do not wait for each other would otherwise all find at once.
 */
static int make_spec(localnet *l, posw_chain_spec *spec) {
    posw_params *p = &spec->params;
    const posw_u256 coin = posw_coin();
    posw_message msg = {""};
    if (posw_chainfile_dev(spec) != POSW_OK) return cli_fail("out of memory");
    const uint64_t window = 4 * p->window_blocks;
    p->epoch_blocks *= 4; /* with epochs of 64 blocks a network that was cut for a minute can be one again (F3, P2) */
    p->reorg_max_blocks *= 4;
    p->unbonding_blocks *= 4;
    if (!cli_u64(l->c, "chain-id", 1, 2147483629, &p->chain_id) ||
        !cli_u64(l->c, "block-time", 1, 3600, &p->block_time_s))
        return CLI_USAGE;
    if (!posw_params_preset(p, cli_text(l->c, "weight")))
        return cli_usage(l->c, "--weight must be pow, linear, sqrt, quadratic, diode, ticket or quarkchain");
    p->window_blocks = window;
    p->difficulty_rule = POSW_DIFFICULTY_ASERT_LAG;
    p->difficulty_blocks = 32;
    p->genesis_difficulty = posw_u256_from_u64(p->block_time_s * HASHES_AT_START);
    p->genesis_time = posw_clock_now_ms() / 1000;
    spec->accounts = calloc(NODES_MAX, sizeof *spec->accounts);
    if (spec->accounts == NULL) return cli_fail("out of memory");
    for (; spec->account_count < NODES_MAX; spec->account_count++) {
        posw_genesis_account *a = &spec->accounts[spec->account_count];
        a->address = l->miners[spec->account_count];
        POSW_ASSERT(posw_u256_mul_u64(&a->balance_wei, &coin, 10000));
    }
    const int err = posw_chain_spec_check(spec, NULL, &msg);
    return err == POSW_OK ? CLI_OK : cli_fail("%s", msg.text);
}

static char *path_in(const char *dir, const char *format, unsigned long i) __attribute__((format(printf, 2, 0)));
static char *path_in(const char *dir, const char *format, unsigned long i) {
    char name[64];
    posw_buf b = {0};
    snprintf(name, sizeof name, format, i);
    posw_buf_printf(&b, "%s/%s", dir, name);
    posw_buf_byte(&b, 0);
    return (char *)b.data;
}

/* With a datadir the chain goes on as it began. */
static int open_spec(localnet *l) {
    const char *dir = cli_text(l->c, "datadir");
    posw_message msg = {""};
    posw_buf text = {0};
    if (dir == NULL) return make_spec(l, &l->spec);
    char *path = path_in(dir, "chain.json", 0);
    if (path == NULL) return cli_fail("out of memory");
    int code = CLI_OK;
    if (access(path, F_OK) == 0) {
        code = cli_spec_read(&l->spec, path);
    } else if ((code = make_spec(l, &l->spec)) == CLI_OK) {
        posw_chainfile_write(&text, &l->spec);
        int err = posw_file_make_directories(dir, 0700, &msg);
        if (err == POSW_OK) err = posw_file_write(path, text.data, text.size, 0600, &msg);
        if (err != POSW_OK) code = cli_fail("%s", msg.text);
    }
    posw_buf_clear(&text);
    free(path);
    return code;
}

/* ---- A node: everything from here to `exit` runs in its process ---- */

typedef struct {
    cli_network network;
    cli_miners miners;
    cli_ready ready;
} running;

static void on_begin(void *arg, const posw_runner_ports *ports, posw_actions *out) {
    running *r = arg;
    cli_network_begin(&r->network, ports, out);
}

static void on_end(void *arg, posw_actions *out) {
    running *r = arg;
    cli_network_end(&r->network, out);
}

static int on_ready(void *arg, const posw_runner_ports *ports) {
    running *r = arg;
    r->ready.p2p = r->network.p2p;
    return cli_ready_json(&r->ready, ports);
}

static int add_earlier(localnet *l, cli_network *n, uint64_t self) {
    n->named = calloc(NODES_MAX, sizeof *n->named);
    if (n->named == NULL) return cli_fail("out of memory");
    for (uint64_t i = 0; i < self; i++) {
        const char *node = json_string_value(json_object_get(l->children[i].ready, "node"));
        if (node == NULL || !posw_node_url_parse(&n->named[i], node, POSW_P2P_PORT))
            return cli_fail("node %" PRIu64 " gave no address", i + 1);
    }
    n->options.named = n->named;
    n->options.named_count = (size_t)self;
    return CLI_OK;
}

static int run_node(localnet *l, uint64_t i, posw_runner_options *ro, const char *datadir) {
    cli_stack s = {.spec = l->spec};
    running r = {.ready = {.c = l->c, .stack = &s, .host = ro->rpc_host, .stratum_host = r.miners.host}};
    posw_miner_identity id = {.miner = l->miners[i]};
    posw_message msg = {""};
    memcpy(id.secret, l->secrets[i], sizeof id.secret);
    const bool mines = !cli_switch(l->c, "no-mining");
    posw_node_options no = {.identity = mines ? &id : NULL};
    int code = cli_stack_open_chain(&s, l->c, datadir);
    if (code == CLI_OK) code = cli_stack_open_node(&s, l->c, &no);
    for (size_t k = 0; k < NODES_MAX; k++)
        (void)cli_miners_add_key(&r.miners, &l->miners[k], l->secrets[k]);
    if (code == CLI_OK)
        code = cli_miners_open(&r.miners, l->c, &s, i, ro); /* the ports follow each other, as those of the RPC do */
    if (code == CLI_OK) {
        const uint64_t port = l->p2p_port == 0 ? 0 : l->p2p_port + i;
        code = cli_network_open_loopback(&r.network, l->c, &s, datadir, (uint16_t)port, ro);
    }
    if (code == CLI_OK) code = cli_miners_offer_tls(&r.miners, l->c, datadir, ro, r.ready.fingerprint);
    if (code == CLI_OK) code = add_earlier(l, &r.network, i); /* all know all */
    if (code == CLI_OK) {
        char *journal = datadir == NULL ? NULL : path_in(datadir, "mempool.journal", 0);
        ro->threads = mines ? (unsigned)l->threads : 0;
        ro->pow = s.pow;
        ro->workers = 1;
        ro->journal_path = journal;
        ro->begin = on_begin;
        ro->end = on_end;
        ro->ready = on_ready;
        ro->arg = &r;
        if (posw_runner_run(s.node, ro, &l->c->log, &msg) != POSW_OK)
            code = cli_fail("%s", msg.text[0] != '\0' ? msg.text : "a node ended");
        free(journal);
    }
    cli_miners_close(&r.miners);
    cli_network_close(&r.network);
    const int closed = cli_stack_close(&s);
    return code != CLI_OK ? code : closed;
}

static _Noreturn void be_node(localnet *l, uint64_t i, int out) {
    posw_runner_options ro;
    const char *lists_dir = cli_text(l->c, "datadir");
    char *datadir = lists_dir == NULL ? NULL : path_in(lists_dir, "node-%lu", (unsigned long)i + 1);
    const bool under_table = isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
    if (under_table && !cli_given(l->c, "log-level"))
        l->c->log.level = POSW_LOG_WARN;    /* what happens shows the table */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* no node outlives the command, however that ends */
    (void)signal(SIGINT, SIG_IGN);          /* the command hears of Ctrl-C and tells its nodes */
    (void)dup2(out, STDOUT_FILENO);
    (void)close(out);
    int code = cli_server_options(l->c, &ro, l->lists) ? CLI_OK : CLI_USAGE;
    ro.rpc_port = (uint16_t)(l->rpc_port == 0 ? 0 : l->rpc_port + i);
    if (code == CLI_OK) code = run_node(l, i, &ro, datadir);
    fflush(stdout);
    _exit(code);
}

/* ---- The command ---- */

static volatile sig_atomic_t asked_to_stop;
static void on_signal(int number) {
    (void)number;
    asked_to_stop = 1;
}

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The first line that comes through the pipe. */
static bool read_line(int fd, char *line, size_t size) {
    const uint64_t until = now_ms() + READY_MS;
    size_t n = 0;
    while (n + 1 < size && now_ms() < until && !asked_to_stop) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 200) <= 0) continue;
        const ssize_t got = read(fd, line + n, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        if (line[n++] == '\n') break;
    }
    line[n] = '\0';
    return n > 0 && line[n - 1] == '\n';
}

static int start_node(localnet *l, uint64_t i) {
    int ends[2];
    char line[LINE_MAX_SIZE];
    if (pipe(ends) != 0) return cli_fail("no pipe can be made: %s", strerror(errno));
    fflush(NULL);
    const pid_t pid = fork();
    if (pid < 0) return cli_fail("no process can be made: %s", strerror(errno));
    if (pid == 0) {
        (void)close(ends[0]);
        be_node(l, i, ends[1]);
    }
    (void)close(ends[1]);
    l->children[i].pid = pid;
    const bool said = read_line(ends[0], line, sizeof line);
    (void)close(ends[0]);
    if (said) l->children[i].ready = json_loads(line, 0, NULL);
    if (asked_to_stop) return CLI_OK;
    return l->children[i].ready != NULL ? CLI_OK
                                        : cli_fail("node %" PRIu64 " did not start; the line above says why", i + 1);
}

static void stop_all(localnet *l) {
    for (uint64_t i = 0; i < l->count; i++)
        if (l->children[i].pid > 0) (void)kill(l->children[i].pid, SIGTERM);
    for (uint64_t i = 0; i < l->count; i++)
        if (l->children[i].pid > 0)
            while (waitpid(l->children[i].pid, NULL, 0) < 0 && errno == EINTR) {
            }
}

/* The number (from 1) of a node that has ended by itself; 0: all run. */
static uint64_t ended(localnet *l) {
    for (uint64_t i = 0; i < l->count; i++) {
        int status;
        if (waitpid(l->children[i].pid, &status, WNOHANG) != l->children[i].pid) continue;
        l->children[i].pid = 0;
        return i + 1;
    }
    return 0;
}

static void ask(child *n) {
    cli_rpc rpc = {.url = "the node", .host = "127.0.0.1", .path = strdup("/"), .timeout_ms = 1000};
    json_t *s = NULL;
    if (rpc.path != NULL) {
        snprintf(rpc.port, sizeof rpc.port, "%u", (unsigned)(uint16_t)cli_view_u64(n->ready, "port"));
        if (cli_rpc_try(&rpc, &s, "posw_status", json_array()) == CLI_RPC_OK) {
            n->height = cli_view_u64(s, "tip.number");
            snprintf(n->hash, sizeof n->hash, "%s", cli_view_text(s, "tip.hash").text);
            n->peers = cli_view_u64(s, "peers");
            n->pending = cli_view_u64(s, "mempool.pending");
        }
        json_decref(s);
    }
    cli_rpc_close(&rpc);
}

static void show(localnet *l, bool redraw) {
    const char *end = isatty(STDOUT_FILENO) ? "\033[K\n" : "\n"; /* clears what a longer line has left */
    if (redraw) printf("\033[%" PRIu64 "A", l->count + 1);
    printf("%-5s %8s  %-20s %5s %8s  %s%s", "node", "block", "tip", "peers", "pending",
           cli_switch(l->c, "no-dashboard") ? "RPC" : "RPC and dashboard", end);
    for (uint64_t i = 0; i < l->count; i++) {
        const child *n = &l->children[i];
        printf("%-5" PRIu64 " %8" PRIu64 "  %-18.18s… %5" PRIu64 " %8" PRIu64 "  %s%s", i + 1, n->height, n->hash,
               n->peers, n->pending, cli_view_text(n->ready, "rpc").text, end);
    }
    fflush(stdout);
}

/* What miners with TLS must name. */
static void show_fingerprints(const localnet *l) {
    for (uint64_t i = 0; i < l->count; i++) {
        const json_t *ready = l->children[i].ready;
        if (json_object_get(ready, "stratumFingerprint") != NULL)
            printf("node %" PRIu64 ": miners at %s, also with TLS; fingerprint %s\n", i + 1,
                   cli_view_text(ready, "stratum").text, cli_view_text(ready, "stratumFingerprint").text);
    }
}

static int print_json(const localnet *l) {
    json_t *nodes = json_array();
    for (uint64_t i = 0; i < l->count; i++)
        (void)json_array_append(nodes, l->children[i].ready);
    char *text = json_dumps(
        json_pack("{s:b, s:I, s:o}", "ready", 1, "chainId", (json_int_t)l->spec.params.chain_id, "nodes", nodes),
        JSON_COMPACT);
    const bool ok = text != NULL && puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    return ok ? CLI_OK : cli_fail("the output could not be written");
}

/* On a terminal the table is drawn anew each second; else a line of heights is printed when they change. */
static int watch(localnet *l) {
    const bool json = cli_switch(l->c, "json-ready"), terminal = isatty(STDOUT_FILENO);
    uint64_t duration, last = UINT64_MAX;
    if (!cli_u64(l->c, "duration", 0, 1000000000, &duration)) return CLI_USAGE;
    const uint64_t until = duration == 0 ? UINT64_MAX : now_ms() + duration * 1000;
    if (json && print_json(l) != CLI_OK) return CLI_FAILED;
    if (!json) show_fingerprints(l);
    for (bool first = true; !asked_to_stop && now_ms() < until; first = false) {
        const uint64_t gone = ended(l);
        if (gone != 0) return cli_fail("node %" PRIu64 " has ended; the lines above say why", gone);
        uint64_t sum = 0;
        for (uint64_t i = 0; !json && i < l->count; i++) {
            ask(&l->children[i]);
            sum += l->children[i].height;
        }
        if (!json && (terminal || sum != last)) show(l, terminal && !first);
        last = sum;
        for (int i = 0; i < 10 && !asked_to_stop; i++)
            (void)poll(NULL, 0, 100);
    }
    return CLI_OK;
}

static int run(cli *c) {
    localnet *l = calloc(1, sizeof *l);
    char *end;
    if (l == NULL) return cli_fail("out of memory");
    l->c = c;
    l->count = c->arg_count == 0 ? 4 : strtoull(c->args[0], &end, 10);
    int code = c->arg_count > 0 && (*end != '\0' || l->count < 1 || l->count > NODES_MAX)
                   ? cli_usage(c, "the number of nodes is 1 to %d", NODES_MAX)
                   : CLI_OK;
    if (code == CLI_OK &&
        (!cli_u64(c, "port", 0, 65000, &l->rpc_port) || !cli_u64(c, "p2p-port", 0, 65000, &l->p2p_port) ||
         !cli_u64(c, "threads", 1, 256, &l->threads)))
        code = CLI_USAGE;
    if (code == CLI_OK) code = make_keys(l);
    if (code == CLI_OK) code = open_spec(l);
    const struct sigaction a = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &a, NULL);
    (void)sigaction(SIGTERM, &a, NULL);
    for (uint64_t i = 0; code == CLI_OK && i < l->count && !asked_to_stop; i++)
        code = start_node(l, i);
    if (code == CLI_OK && !asked_to_stop) code = watch(l);
    stop_all(l);
    for (uint64_t i = 0; i < NODES_MAX; i++)
        json_decref(l->children[i].ready);
    posw_chain_spec_clear(&l->spec);
    posw_wipe(l->secrets, sizeof l->secrets);
    free(l);
    return code;
}

const cli_command cli_command_localnet = {
    "localnet",
    "[N] [OPTIONS]",
    "run a network of N nodes with miners on this machine",
    "Starts N nodes (4 if not said otherwise), each a process with its own chain, miner and RPC, connected to each "
    "other over loopback, and shows "
    "where each of them stands. The miners and 16 accounts are those of the development mnemonic. The nodes listen on "
    "--port, --port + 1 and "
    "so on, and with --stratum for outside miners that log in with any of the accounts in the same way. They search "
    "for blocks with real work, so they keep the processor busy. Stop it with Ctrl-C.",
    "posw localnet 4\nposw localnet 4 --datadir ./net --block-time 5\nposw localnet 3 --port 0 --json-ready",
    options,
    0,
    1,
    run};
