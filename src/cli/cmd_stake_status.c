/* posw stake status */
#include "cli/commands.h"

#include "base/units.h"
#include "cli/json_view.h"
#include "node/upgrades.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <stdio.h>

static const cli_option options[] = {
    {"json", NULL, NULL, "print the node's own answers as JSON"},
    CLI_RPC_OPTION,
    {NULL, NULL, NULL, NULL},
};

/* What the node says; owned. */
typedef struct {
    json_t *stake, *miner, *chain; /* posw_getStake, posw_getMiner, posw_chainParameters */
} answers;

static int ask(cli_rpc *rpc, const posw_address *address, answers *a) {
    int code = cli_rpc_call(rpc, &a->stake, "posw_getStake", json_pack("[o]", cli_json_address(address)));
    if (code == CLI_OK)
        code = cli_rpc_call(rpc, &a->miner, "posw_getMiner", json_pack("[o]", cli_json_address(address)));
    if (code == CLI_OK) code = cli_rpc_call(rpc, &a->chain, "posw_chainParameters", json_array());
    return code;
}

typedef struct {
    char text[POSW_UPGRADE_WHEN_SIZE];
} wait_text;

/* How far away a block is from the next one. */
static wait_text when(const answers *a, uint64_t block) {
    wait_text w;
    const uint64_t next = cli_view_u64(a->miner, "number");
    posw_upgrade_when(w.text,
                      posw_upgrade_seconds(next == 0 ? 0 : next - 1, block, cli_view_u64(a->chain, "blockTime")));
    return w;
}

static void show_miner(const answers *a) {
    uint64_t blocks = cli_view_u64(a->miner, "blocks"), window = cli_view_u64(a->miner, "windowBlocks");
    char weight[POSW_U256_DEC_SIZE];
    posw_u256 w = cli_view_u256(a->miner, "weight");
    posw_u256_to_dec(weight, &w);
    printf("\nAs a miner, in block %" PRIu64 "\n", cli_view_u64(a->miner, "number"));
    printf("  %-16s %s times the work of a miner without stake\n", "weight", weight);
    if (cli_view_u64(a->miner, "boost") > 0)
        printf("  %-16s %" PRIu64 ", of which %" PRIu64 " free and %" PRIu64
               " used up for now (one for each %s coin)\n",
               "tickets", cli_view_u64(a->miner, "tickets"), cli_view_u64(a->miner, "free"),
               cli_view_u64(a->miner, "used"), cli_view_coins(a->miner, "ticketPrice").text);
    printf("  %-16s %" PRIu64 " of the last %" PRIu64 " blocks\n", "found", blocks, window);
    printf("  %-16s %s\n", "signer", cli_view_address(a->miner, "signer").text);
}

static void show_stake(const answers *a) {
    printf("%-18s %s\n", "address", cli_view_address(a->stake, "address").text);
    printf("%-18s %s coin\n", "staked for it", cli_view_coins(a->stake, "stake").text);
    printf("%-18s %s coin\n", "  counts now", cli_view_coins(a->stake, "active").text);
    printf("%-18s %s coin\n", "  counts later", cli_view_coins(a->stake, "pending").text);
}

static void show_deposits(const answers *a) {
    const json_t *list = cli_view(a->stake, "deposits");
    size_t i, k;
    json_t *deposit, *recent;
    printf("\nCoins that it staked%s\n", json_array_size(list) == 0 ? ": none" : "");
    json_array_foreach((json_t *)list, i, deposit) {
        printf("  %s coin for the miner %s\n", cli_view_coins(deposit, "amount").text,
               cli_view_address(deposit, "miner").text);
        json_array_foreach((json_t *)cli_view(deposit, "recent"), k, recent) {
            uint64_t from = cli_view_u64(recent, "activeFrom");
            if (from > cli_view_u64(a->miner, "number"))
                printf("    %s coin of it count from block %" PRIu64 " on, %s\n", cli_view_coins(recent, "amount").text,
                       from, when(a, from).text);
        }
    }
}

static void show_exits(const answers *a) {
    const json_t *list = cli_view(a->stake, "exits");
    uint64_t next = cli_view_u64(a->miner, "number");
    size_t i;
    json_t *exit_of;
    printf("\nCoins on their way out%s\n", json_array_size(list) == 0 ? ": none" : "");
    json_array_foreach((json_t *)list, i, exit_of) {
        uint64_t unlock = cli_view_u64(exit_of, "unlockBlock");
        if (unlock <= next)
            printf("  %s coin, unlocked: take them with 'posw stake withdraw'\n",
                   cli_view_coins(exit_of, "amount").text);
        else
            printf("  %s coin, locked until block %" PRIu64 ", %" PRIu64 " block%s from now, %s\n",
                   cli_view_coins(exit_of, "amount").text, unlock, unlock - next + 1, posw_plural(unlock - next + 1),
                   when(a, unlock).text);
    }
}

static int show_page(const answers *a) {
    show_stake(a);
    show_miner(a);
    show_deposits(a);
    show_exits(a);
    return fflush(stdout) == 0 ? CLI_OK : cli_fail("the output could not be written");
}

static int run(cli *c) {
    cli_rpc rpc = {0};
    answers a = {NULL, NULL, NULL};
    posw_address address;
    if (!cli_address(c, "the address", c->args[0], &address)) return CLI_USAGE;
    int code = cli_rpc_open(&rpc, c);
    if (code == CLI_OK) code = cli_rpc_note_syncing(&rpc);
    if (code == CLI_OK) code = ask(&rpc, &address, &a);
    if (code == CLI_OK)
        code = cli_switch(c, "json") ? cli_json_print(json_pack("{s:O, s:O}", "stake", a.stake, "miner", a.miner))
                                     : show_page(&a);
    json_decref(a.stake);
    json_decref(a.miner);
    json_decref(a.chain);
    cli_rpc_close(&rpc);
    return code;
}

const cli_command cli_command_stake_status = {"stake status",
                                              "[OPTIONS] ADDRESS",
                                              "show the stake of an address",
                                              "Shows what is staked for an address and what it gives it as a miner in "
                                              "the next block, which coins the address staked itself, and which are on "
                                              "their way out.",
                                              "posw stake status 0x…\nposw stake status --json 0x…",
                                              options,
                                              1,
                                              1,
                                              run};
