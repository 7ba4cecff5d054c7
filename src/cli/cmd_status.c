/* posw status */
#include "cli/commands.h"

#include "base/units.h"
#include "cli/json_view.h"
#include "node/upgrades.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const cli_option options[] = {
    CLI_RPC_OPTION,
    {"json", NULL, NULL, "print the node's own answers as JSON"},
    {NULL, NULL, NULL, NULL},
};

/* What the node says; owned. */
typedef struct {
    json_t *status, *epoch, *chain, *gas_price; /* posw_status, posw_getEpoch, posw_chainParameters, eth_gasPrice */
    json_t *upgrades;                           /* posw_getUpgrades; NULL: an older node, which knows none */
    json_t *network, *miner; /* posw_networkStatus; posw_getMiner of the one it mines for; NULL: not known */
} answers;

/* What an older node, or one without a network or a miner, does not say. */
static int ask_more(cli_rpc *rpc, answers *a) {
    const json_t *miner = cli_view(a->status, "mining.miner");
    if (cli_rpc_try(rpc, &a->upgrades, "posw_getUpgrades", json_array()) == CLI_RPC_FAILED ||
        cli_rpc_try(rpc, &a->network, "posw_networkStatus", json_array()) == CLI_RPC_FAILED)
        return CLI_FAILED;
    if (!json_is_string(miner)) return CLI_OK;
    return cli_rpc_try(rpc, &a->miner, "posw_getMiner", json_pack("[O]", miner)) == CLI_RPC_FAILED ? CLI_FAILED
                                                                                                   : CLI_OK;
}

static int ask(cli_rpc *rpc, answers *a) {
    int code = cli_rpc_call(rpc, &a->status, "posw_status", json_array());
    if (code == CLI_OK) code = cli_rpc_call(rpc, &a->epoch, "posw_getEpoch", json_array());
    if (code == CLI_OK) code = cli_rpc_call(rpc, &a->chain, "posw_chainParameters", json_array());
    if (code == CLI_OK) code = cli_rpc_call(rpc, &a->gas_price, "eth_gasPrice", json_array());
    return code == CLI_OK ? ask_more(rpc, a) : code;
}

/* Hundredths of a percent. */
static unsigned share(const posw_u256 *part, const posw_u256 *whole) {
    const posw_u256 all = posw_u256_from_u64(10000);
    posw_u256 q;
    uint64_t v;
    if (posw_u256_is_zero(whole) || !posw_u256_muldiv(&q, part, &all, whole) || !posw_u256_to_u64(&v, &q)) return 0;
    return v < 10000 ? (unsigned)v : 10000;
}

static void show_chain(const answers *a, const cli_rpc *rpc) {
    const json_t *s = a->status;
    uint64_t time = cli_view_u64(s, "time"), block_time = cli_view_u64(s, "tip.timestamp");
    char difficulty[POSW_U256_DEC_SIZE];
    posw_u256 d = cli_view_u256(s, "tip.difficulty");
    posw_u256_to_dec(difficulty, &d);
    printf("%-15s %s at %s\n", "node", cli_view_text(s, "version").text, rpc->url);
    printf("%-15s %s (chain id %" PRIu64 "%s)\n", "chain", cli_view_text(s, "chain").text, cli_view_u64(s, "chainId"),
           json_is_true(cli_view(s, "development")) ? ", for development" : "");
    printf("%-15s %" PRIu64 ", %" PRIu64 " s old, %s\n", "block", cli_view_u64(s, "tip.number"),
           time > block_time ? time - block_time : 0, cli_view_text(s, "tip.hash").text);
    printf("%-15s up to block %" PRIu64 ", safe up to %" PRIu64 "\n", "final", cli_view_u64(s, "finalized"),
           cli_view_u64(s, "safe"));
    if (cli_view_u64(s, "firstBody") > 0)
        printf("%-15s from block %" PRIu64 " on; the transactions of older blocks are pruned\n", "kept",
               cli_view_u64(s, "firstBody"));
    printf("%-15s %s, a block every %" PRIu64 " s\n", "difficulty", difficulty, cli_view_u64(a->chain, "blockTime"));
}

static void show_stake(const answers *a) {
    const json_t *e = a->epoch;
    uint64_t next = cli_view_u64(e, "nextEpochAt"), tip = cli_view_u64(a->status, "tip.number");
    posw_u256 staked = cli_view_u256(e, "totalStake"), supply = cli_view_u256(e, "supply");
    posw_u256 price = cli_view_u256(e, "ticketPrice");
    unsigned part = share(&staked, &supply);
    printf("%-15s %s: %s\n", "weight rule", cli_view_text(a->chain, "weight.preset").text,
           cli_view_text(a->chain, "weight.text").text);
    printf("%-15s %" PRIu64 ", blocks %" PRIu64 " to %" PRIu64 "; %" PRIu64 " to go\n", "epoch",
           cli_view_u64(e, "epoch"), cli_view_u64(e, "firstBlock"), cli_view_u64(e, "lastBlock"),
           next > tip ? next - tip : 0);
    printf("%-15s %s of %s coin (%u.%02u %%) for %" PRIu64 " miner%s, as it counts in this epoch\n", "stake",
           cli_view_coins(e, "totalStake").text, cli_view_coins(e, "supply").text, part / 100, part % 100,
           cli_view_u64(e, "miners"), posw_plural(cli_view_u64(e, "miners")));
    if (!posw_u256_is_zero(&price)) printf("%-15s %s coin\n", "ticket price", cli_view_coins(e, "ticketPrice").text);
}

static void show_mining(const answers *a) {
    const json_t *s = a->status;
    if (!json_is_true(cli_view(s, "mining.enabled"))) {
        printf("%-15s no\n", "mining");
        return;
    }
    printf("%-15s %sfor %s; %" PRIu64 " block%s found since it started\n", "mining",
           json_is_true(cli_view(s, "mining.held")) ? "rests, since it has no peers or is behind; " : "",
           cli_view_address(s, "mining.miner").text, cli_view_u64(s, "counters.blocksMined"),
           posw_plural(cli_view_u64(s, "counters.blocksMined")));
    if (cli_view_u64(a->miner, "boost") > 0)
        printf("%-15s %" PRIu64 " of %" PRIu64 " free; weight %" PRIu64 " in the next block\n", "its tickets",
               cli_view_u64(a->miner, "free"), cli_view_u64(a->miner, "tickets"), cli_view_u64(a->miner, "weight"));
}

static void show_node(const answers *a) {
    const json_t *s = a->status;
    const posw_message problem = cli_json_sentence(cli_view(a->network, "problem"));
    uint64_t price;
    printf("%-15s %" PRIu64 " ready, %" PRIu64 " waiting for an earlier nonce\n", "transactions",
           cli_view_u64(s, "mempool.pending"), cli_view_u64(s, "mempool.queued"));
    if (cli_json_u64(&price, a->gas_price))
        printf("%-15s %" PRIu64 ".%09" PRIu64 " gwei\n", "gas price", price / 1000000000, price % 1000000000);
    show_mining(a);
    printf("%-15s %" PRIu64 "%s\n", "peers", cli_view_u64(s, "peers"),
           json_is_true(cli_view(s, "syncing")) ? ", synchronising" : "");
    if (problem.text[0] != '\0') printf("%-15s %s\n", "problem", problem.text);
}

/* What is ahead, and what peers speak of. Those long in force are in the chain file. */
static void show_upgrades(const answers *a) {
    const json_t *list = cli_view(a->upgrades, "known"), *u;
    char when[POSW_UPGRADE_WHEN_SIZE], text[400];
    size_t i;
    json_array_foreach((json_t *)list, i, u) {
        if (strcmp(cli_view_text(u, "state").text, "coming") != 0) continue;
        posw_upgrade_when(when, cli_view_u64(u, "secondsLeft"));
        printf("%-15s %s at block %" PRIu64 ", %s\n", "upgrade", cli_view_text(u, "name").text,
               cli_view_u64(u, "height"), when);
    }
    list = cli_view(a->upgrades, "unknown");
    json_array_foreach((json_t *)list, i, u) {
        if (!json_is_true(cli_view(u, "credible"))) continue;
        const posw_upgrade_news n = {.height = cli_view_u64(u, "height"),
                                     .missed = strcmp(cli_view_text(u, "state").text, "missed") == 0,
                                     .networks = cli_view_u64(u, "networks")};
        posw_upgrade_news_text(text, sizeof text, &n, cli_view_u64(a->upgrades, "number"),
                               cli_view_u64(a->chain, "blockTime"));
        printf("%-15s %s\n", "UPGRADE", text);
    }
}

static int show_page(const answers *a, const cli_rpc *rpc) {
    show_chain(a, rpc);
    show_stake(a);
    show_node(a);
    show_upgrades(a);
    return fflush(stdout) == 0 ? CLI_OK : cli_fail("the output could not be written");
}

static int run(cli *c) {
    cli_rpc rpc = {0};
    answers a = {0};
    int code = cli_rpc_open(&rpc, c);
    if (code == CLI_OK) code = ask(&rpc, &a);
    if (code == CLI_OK)
        code = cli_switch(c, "json")
                   ? cli_json_print(json_pack("{s:O, s:O, s:O, s:O, s:O?}", "status", a.status, "epoch", a.epoch,
                                              "chain", a.chain, "gasPrice", a.gas_price, "upgrades", a.upgrades))
                   : show_page(&a, &rpc);
    json_decref(a.status);
    json_decref(a.epoch);
    json_decref(a.chain);
    json_decref(a.gas_price);
    json_decref(a.upgrades);
    json_decref(a.network);
    json_decref(a.miner);
    cli_rpc_close(&rpc);
    return code;
}

const cli_command cli_command_status = {
    "status",
    "[OPTIONS]",
    "show how a node is doing",
    "Asks a running node for its chain, its latest block, epoch and stake, its pool and its miner.",
    "posw status\nposw status --rpc http://127.0.0.1:8546 --json",
    options,
    0,
    0,
    run};
