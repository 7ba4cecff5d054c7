/* posw dev: a development chain, ready at once. */
#include "cli/commands.h"

#include "base/bytes.h"
#include "base/units.h"
#include "cli/miners.h"
#include "cli/observe.h"
#include "cli/ready.h"
#include "cli/stack.h"
#include "io/file.h"
#include "posw/u256.h"
#include "wallet/address.h"
#include "wallet/hd.h"
#include "wallet/mnemonic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEV_ACCOUNTS_MAX = 1000 };

static const cli_option options[] = {
    {"datadir", "DIR", NULL, "keep the chain there and go on with it next time, as it began (default: in memory)"},
    {"block-time", "SECONDS", "1", "time between blocks"},
    {"accounts", "N", "10", "funded accounts"},
    {"mnemonic", "WORDS", "test test test test test test test test test test test junk",
     "where the accounts come from"},
    {"chain-id", "N", "1337", "chain id"},
    {"weight", "PRESET", "ticket", "pow, linear, sqrt, quadratic, diode, ticket or quarkchain"},
    {"no-mining", NULL, NULL, "make blocks only on evm_mine"},
    CLI_MINERS_OPTIONS,
    CLI_SERVER_OPTIONS("*"),
    {NULL, NULL, NULL, NULL},
};

typedef struct {
    posw_address address;
    uint8_t secret[32];
} dev_account;

typedef struct {
    cli_ready ready; /* first: cli_ready functions take it */
    cli_miners miners;
    dev_account *accounts;
    uint64_t count;
} dev;

static int make_accounts(cli *c, dev *d) {
    uint8_t seed[64];
    posw_message msg = {""};
    if (!cli_u64(c, "accounts", 1, DEV_ACCOUNTS_MAX, &d->count)) return CLI_USAGE;
    if (posw_mnemonic_seed(seed, cli_text(c, "mnemonic"), "", &msg) != POSW_OK)
        return cli_usage(c, "--mnemonic: %s", msg.text);
    d->accounts = calloc(d->count, sizeof *d->accounts);
    if (d->accounts == NULL) return cli_fail("out of memory");
    for (uint32_t i = 0; i < d->count; i++)
        if (posw_hd_account(d->accounts[i].secret, &d->accounts[i].address, seed, i) != POSW_OK)
            return cli_fail("account %u of this mnemonic cannot be derived; choose another mnemonic", i);
    posw_wipe(seed, sizeof seed);
    return CLI_OK;
}

static int fill_spec(cli *c, const dev *d, posw_chain_spec *spec) {
    posw_params *p = &spec->params;
    uint64_t window = 0;
    if (posw_chainfile_dev(spec) != POSW_OK) return cli_fail("out of memory");
    window = p->window_blocks;
    if (!cli_u64(c, "chain-id", 1, 2147483629, &p->chain_id) || !cli_u64(c, "block-time", 1, 3600, &p->block_time_s))
        return CLI_USAGE;
    if (!posw_params_preset(p, cli_text(c, "weight")))
        return cli_usage(c, "--weight must be pow, linear, sqrt, quadratic, diode, ticket or quarkchain");
    p->window_blocks = window;
    p->genesis_time = posw_clock_now_ms() / 1000;
    spec->accounts = calloc(d->count, sizeof *spec->accounts);
    if (spec->accounts == NULL) return cli_fail("out of memory");
    posw_u256 coin = posw_coin(), balance;
    POSW_ASSERT(posw_u256_mul_u64(&balance, &coin, 10000));
    for (spec->account_count = 0; spec->account_count < d->count; spec->account_count++)
        spec->accounts[spec->account_count] = (posw_genesis_account){d->accounts[spec->account_count].address, balance};
    return CLI_OK;
}

static char *path_in(const char *dir, const char *name) {
    posw_buf b = {0};
    posw_buf_printf(&b, "%s/%s", dir, name);
    posw_buf_byte(&b, 0);
    return (char *)b.data;
}

static bool same_spec(const posw_chain_spec *a, const posw_chain_spec *b) {
    posw_buf x = {0}, y = {0};
    posw_chainfile_write(&x, a);
    posw_chainfile_write(&y, b);
    bool same = !x.failed && !y.failed && x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
    posw_buf_clear(&x);
    posw_buf_clear(&y);
    return same;
}

/* A kept chain goes on with the chain file that it began with; other options than it began with are refused, not
 * ignored. */
static int go_on(cli *c, const dev *d, posw_chain_spec *spec, const char *path) {
    posw_chain_spec wanted;
    memset(&wanted, 0, sizeof wanted);
    int code = cli_spec_read(spec, path);
    if (code == CLI_OK) code = fill_spec(c, d, &wanted);
    wanted.params.genesis_time = spec->params.genesis_time;
    if (code == CLI_OK && !same_spec(spec, &wanted))
        code = cli_fail("%s holds a chain that began with other options (accounts, mnemonic, chain-id, block-time or "
                        "weight); give the "
                        "same again, or choose another --datadir",
                        cli_text(c, "datadir"));
    posw_chain_spec_clear(&wanted);
    return code;
}

static int kept_spec(cli *c, const dev *d, posw_chain_spec *spec, const char *path) {
    if (access(path, F_OK) == 0) return go_on(c, d, spec, path);
    int code = fill_spec(c, d, spec);
    if (code != CLI_OK) return code;
    posw_buf text = {0};
    posw_message msg = {""};
    posw_chainfile_write(&text, spec);
    int err = text.failed ? posw_message_set(&msg, POSW_ENOMEM, "out of memory")
                          : posw_file_make_directories(cli_text(c, "datadir"), 0700, &msg);
    if (err == POSW_OK) err = posw_file_write(path, text.data, text.size, 0600, &msg);
    posw_buf_clear(&text);
    return err == POSW_OK ? CLI_OK : cli_fail("%s", msg.text);
}

static int make_spec(cli *c, const dev *d, posw_chain_spec *spec) {
    const char *datadir = cli_text(c, "datadir");
    if (datadir == NULL) return fill_spec(c, d, spec);
    char *path = path_in(datadir, "chain.json");
    int code = path == NULL ? cli_fail("out of memory") : kept_spec(c, d, spec, path);
    free(path);
    return code;
}

static void banner(const dev *d, const posw_runner_ports *ports) {
    const uint16_t port = ports->rpc;
    const posw_params *p = &d->ready.stack->spec.params;
    char address[POSW_EIP55_SIZE], key[65], http[CLI_URL_SIZE], ws[CLI_URL_SIZE], miners[CLI_URL_SIZE];
    cli_url(http, "http", d->ready.host, port);
    cli_url(ws, "ws", d->ready.host, port);
    puts("\nposw development chain\n\nAccounts (10,000 coins each; the first one mines)");
    for (uint64_t i = 0; i < d->count; i++) {
        posw_eip55_format(address, &d->accounts[i].address);
        printf("(%" PRIu64 ") %s\n", i, address);
    }
    puts("\nPrivate keys (known to everybody: never use them for anything of value)");
    for (uint64_t i = 0; i < d->count; i++) {
        posw_hex_encode(key, d->accounts[i].secret, 32);
        printf("(%" PRIu64 ") 0x%s\n", i, key);
    }
    posw_wipe(key, sizeof key);
    posw_eip55_format(address, &POSW_STAKING_ADDRESS);
    printf("\nMnemonic          %s\nDerivation path   m/44'/60'/0'/0/\nChain id          %" PRIu64
           "\nBlock time        %" PRIu64 " s\nWeight rule       %s, window %" PRIu64 ", epoch %" PRIu64
           ", unbonding %" PRIu64 " blocks\nStaking contract  %s\n"
           "\nListening on %s and %s\n",
           cli_text(d->ready.c, "mnemonic"), p->chain_id, p->block_time_s, posw_params_preset_of(p), p->window_blocks,
           p->epoch_blocks, p->unbonding_blocks, address, http, ws);
    if (ports->stratum != 0) {
        cli_url(miners, "stratum+tcp", d->miners.host, ports->stratum);
        if (d->miners.key_count == 1)
            printf("Miners log in at %s with the account\n", miners);
        else
            printf("Miners log in at %s with any of the first %zu accounts\n", miners, d->miners.key_count);
        if (d->ready.fingerprint[0] != '\0') printf("  also with TLS; fingerprint %s\n", d->ready.fingerprint);
    }
    if (!cli_switch(d->ready.c, "no-dashboard")) {
        char page[CLI_URL_SIZE];
        cli_ready_dashboard(page, d->ready.host, port);
        printf("Dashboard    %s\n", page);
    }
    puts("");
    fflush(stdout);
}

static bool on_get(void *arg, const char *path, bool is_metrics, const posw_runner_numbers *n,
                   posw_server_reading *out) {
    const dev *d = arg;
    const cli_observe o = {.stack = d->ready.stack,
                           .miners = d->miners.stratum,
                           .datadir = cli_text(d->ready.c, "datadir"),
                           .alone = true};
    return cli_observe_get(&o, path, is_metrics, n, out);
}

static void on_status(void *arg, char *out, size_t size) {
    const dev *d = arg;
    const cli_observe o = {.stack = d->ready.stack, .alone = true};
    cli_observe_status(&o, out, size);
}

static int on_ready(void *arg, const posw_runner_ports *ports) {
    const dev *d = arg;
    if (cli_switch(d->ready.c, "json-ready")) return cli_ready_json(&d->ready, ports);
    banner(d, ports);
    return POSW_OK;
}

static int run_dev(cli *c, dev *d, cli_stack *s, posw_runner_options *ro) {
    const char *datadir = cli_text(c, "datadir");
    int code = make_spec(c, d, &s->spec);
    if (code == CLI_OK) code = cli_stack_open_chain(s, c, datadir);
    if (code != CLI_OK) return code;
    posw_miner_identity id = {.miner = d->accounts[0].address};
    memcpy(id.secret, d->accounts[0].secret, sizeof id.secret);
    /* without searching threads nothing is found but by evm_mine */
    posw_node_options no = {.identity = &id, .pace_s = s->spec.params.block_time_s, .development = true};
    code = cli_stack_open_node(s, c, &no);
    posw_miner_identity_clear(&id);
    for (uint64_t i = 0; i < d->count; i++)
        if (!cli_miners_add_key(&d->miners, &d->accounts[i].address, d->accounts[i].secret)) break;
    if (code == CLI_OK) code = cli_miners_open(&d->miners, c, s, 0, ro);
    d->ready = (cli_ready){.c = c, .stack = s, .host = ro->rpc_host, .stratum_host = d->miners.host};
    if (code == CLI_OK) code = cli_miners_offer_tls(&d->miners, c, datadir, ro, d->ready.fingerprint);
    if (code != CLI_OK) return code;
    char *journal = datadir != NULL ? path_in(datadir, "mempool.journal") : NULL;
    posw_message msg = {""};
    ro->threads = cli_switch(c, "no-mining") ? 0 : 1;
    ro->pow = s->pow;
    ro->journal_path = journal;
    ro->ready = on_ready;
    ro->get = on_get;
    ro->status = on_status;
    ro->arg = d;
    int err = posw_runner_run(s->node, ro, &c->log, &msg);
    free(journal);
    return err == POSW_OK ? CLI_OK : cli_fail("%s", msg.text[0] != '\0' ? msg.text : posw_error_text(err));
}

static int run(cli *c) {
    cli_stack s = {0};
    dev d = {0};
    posw_runner_options ro;
    const char **lists[2] = {NULL, NULL};
    if (!cli_server_options(c, &ro, lists)) return CLI_USAGE;
    int code = make_accounts(c, &d);
    if (code == CLI_OK) code = run_dev(c, &d, &s, &ro);
    cli_miners_close(&d.miners);
    if (d.accounts != NULL) posw_wipe(d.accounts, d.count * sizeof *d.accounts);
    free(d.accounts);
    free(lists[0]);
    free(lists[1]);
    int closed = cli_stack_close(&s);
    return code != CLI_OK ? code : closed;
}

const cli_command cli_command_dev = {
    "dev",
    "[OPTIONS]",
    "run a development chain with funded accounts",
    "Starts a chain for development at once: trivial proof of work, one block a second, funded accounts of a known "
    "mnemonic, the staking contract with short "
    "epochs, and an RPC that any Ethereum client understands. evm_mine and evm_increaseTime move it by hand. A chain "
    "that "
    "is kept with --datadir goes on with the accounts, weight rule, chain id and block time that it began with.",
    "posw dev\nposw dev --datadir ./devchain --block-time 2\nposw dev --port 0 --json-ready",
    options,
    0,
    0,
    run};
