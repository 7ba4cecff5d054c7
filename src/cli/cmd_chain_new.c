/* posw chain new */
#include "cli/commands.h"

#include "chain/chainfile.h"
#include "cli/bundle.h"
#include "cli/chain_show.h"
#include "cli/keys.h"
#include "cli/stack.h"
#include "cli/wizard.h"
#include "io/file.h"
#include "io/runner.h"

#include <stdio.h>
#include <string.h>

static const cli_option options[] = {
    {"name", "NAME", NULL, "name of the chain, at most 32 bytes"},
    {"ticker", "TICKER", NULL, "symbol of the coin, 1 to 6 of A-Z and 0-9"},
    {"chain-id", "N", NULL, "a number no other chain uses, below 2147483630"},
    {"supply", "AMOUNT", NULL, "coins at genesis; accounts and stakes may then be parts of it, and must add up to it"},
    {"accounts", "LIST", NULL, "ADDRESS=AMOUNT or ADDRESS=PERCENT%, separated by commas: who owns coins at genesis"},
    {"stakes", "LIST", NULL, "MINER=AMOUNT or MINER=PERCENT%, separated by commas: stake from the first block"},
    {"block-time", "SECONDS", "15", "time between blocks"},
    {"pow", "ALGORITHM", "argon2id", "argon2id, randomx or keccak256"},
    {"difficulty", "N", "16384",
     "difficulty of the first blocks: hashes a second of the first miners, times the block time, times 1024 if "
     "--stakes "
     "gives them tickets"},
    {"half-life", "BLOCKS", NULL, "how slowly the difficulty follows the hash power [1008]"},
    {"weight", "PRESET", "ticket", "pow, linear, sqrt, quadratic, diode, ticket or quarkchain"},
    {"ramp", "LENGTH", NULL,
     "blocks, or a time such as \"90 days\", in which the boost of a ticket grows to its full size"},
    {"window", "LENGTH", NULL, "after which a ticket may be used again [2016; 256 with quarkchain]"},
    {"epoch", "LENGTH", NULL, "between two stake tables [1008]"},
    {"max-reorg", "BLOCKS", NULL, "the deepest automatic reorganisation [504; half of a shorter epoch]"},
    {"unbonding", "LENGTH", NULL,
     "how long unstaked coins stay locked: blocks, or a time [7 days, or what window and epoch need at least]"},
    {"stake-minimum", "AMOUNT", NULL,
     "the least that can be staked at once [1 coin; more where 65536 such stakes, the most there can be, are less than "
     "a "
     "twentieth of all coins]"},
    {"reward", "AMOUNT", "2 coin", "new coins of each block at first"},
    {"halving", "BLOCKS", "4204800", "blocks after which the reward halves; 0: never"},
    {"tail", "AMOUNT", "0.1 coin", "the reward never falls below it"},
    {"treasury", "ADDRESS", NULL, "gets a part of each reward"},
    {"treasury-share", "PERCENT", NULL, "that part, such as 5% [0%]"},
    {"rules", "FILE", NULL,
     "a chain file, such as posw lab design writes: what no other option says is as there, but for names, accounts and "
     "stakes"},
    BUNDLE_OPTIONS,
    {"force", NULL, NULL, "overwrite the files; keys are never overwritten"},
    {"keystore", "DIR", NULL, "where the questions look for an address to propose [~/.posw/keystore]"},
    {NULL, NULL, NULL, NULL},
};

static int write_file(const cli *c, const posw_chain_spec *spec, const char *path) {
    posw_buf text = {0};
    posw_message msg = {""};
    posw_chainfile_write(&text, spec);
    int err = text.failed              ? posw_message_set(&msg, POSW_ENOMEM, "out of memory")
              : cli_switch(c, "force") ? posw_file_write(path, text.data, text.size, 0644, &msg)
                                       : posw_file_create(path, text.data, text.size, 0644, &msg);
    posw_buf_clear(&text);
    if (err == POSW_EEXIST) return cli_fail("%s exists already; choose another name or add --force", path);
    if (err != POSW_OK) return cli_fail("%s", msg.text);
    printf("wrote %s; the first node: posw node --chain %s --datadir ./data --mine 0x… --mine-alone\n", path, path);
    return CLI_OK;
}

static int read_and_write(const cli *c, const char *const texts[NEW_CHAIN_CHOICES], const posw_params *rules,
                          uint64_t genesis_time, const char *file, const char *folder) {
    new_chain n;
    posw_message msg = {""};
    const size_t judged = new_chain_read(&n, texts, rules, genesis_time, &msg);
    int code = CLI_OK;
    if (judged < NEW_CHAIN_CHOICES)
        code = cli_usage(c, "--%s %s", NEW_CHAIN_TABLE[judged].option, msg.text);
    else if (judged > NEW_CHAIN_CHOICES)
        code = cli_fail("%s", msg.text);
    if (code == CLI_OK && folder != NULL) code = cli_bundle_write(c, &n.spec, folder);
    if (code == CLI_OK && file != NULL) code = write_file(c, &n.spec, file);
    if (code == CLI_OK) cli_chain_warn(&n.spec);
    new_chain_clear(&n);
    return code;
}

static int run_options(const cli *c, uint64_t genesis_time) {
    const char *texts[NEW_CHAIN_CHOICES], *folder = cli_text(c, "bundle"), *rules = cli_text(c, "rules");
    posw_chain_spec spec = {0};
    for (size_t i = 0; i < NEW_CHAIN_CHOICES; i++) {
        const char *option = NEW_CHAIN_TABLE[i].option;
        texts[i] = rules == NULL || cli_given(c, option) ? cli_text(c, option) : NULL;
    }
    if (c->arg_count == 0 && folder == NULL)
        return cli_usage(c, "name the FILE to write, or a folder with --bundle DIR");
    int code = rules == NULL ? CLI_OK : cli_spec_read(&spec, rules);
    if (code == CLI_OK)
        code = read_and_write(c, texts, rules == NULL ? NULL : &spec.params, genesis_time,
                              c->arg_count > 0 ? c->args[0] : NULL, folder);
    posw_chain_spec_clear(&spec);
    return code;
}

static int run_questions(const cli *c, uint64_t genesis_time) {
    wizard_answers answers = {0};
    const char *folder = cli_text(c, "bundle"), *texts[NEW_CHAIN_CHOICES];
    int code = wizard_ask(c, &answers,
                          folder != NULL     ? folder
                          : c->arg_count > 0 ? c->args[0]
                                             : NULL,
                          genesis_time, cli_chain_show);
    for (size_t i = 0; i < NEW_CHAIN_CHOICES; i++)
        texts[i] = answers.texts[i] != NULL ? answers.texts[i] : cli_text(c, NEW_CHAIN_TABLE[i].option);
    if (code == CLI_OK) {
        const char *end = strrchr(answers.target, '.');
        const bool is_file = end != NULL && strcmp(end, ".json") == 0;
        code = read_and_write(c, texts, NULL, genesis_time, is_file ? answers.target : NULL,
                              is_file ? NULL : answers.target);
    }
    wizard_answers_clear(&answers);
    return code;
}

/* Questions where something is missing and somebody is there to answer. */
static int run(cli *c) {
    const uint64_t now = posw_clock_now_ms() / 1000;
    const bool complete = cli_given(c, "name") && cli_given(c, "ticker") && cli_given(c, "chain-id");
    if (!complete && cli_given(c, "rules")) return cli_usage(c, "--rules goes with --name, --ticker and --chain-id");
    return complete || !wizard_possible() ? run_options(c, now) : run_questions(c, now);
}

const cli_command cli_command_chain_new = {
    "chain new",
    "[--name NAME --ticker TICKER --chain-id N] [OPTIONS] [FILE]",
    "write the chain file of a new chain",
    "Makes a chain file with sound defaults: the ticket rule with 4 slots, a window of 2016 blocks and a boost of "
    "1024, Argon2id proof of work, ASERT difficulty with a lag. On a terminal, without name, ticker and chain id, it "
    "asks for everything, one question after the other, and tells what each answer does to the cost of an attack. With "
    "--bundle it writes a folder with all that a community needs: the chain file, keys of boot nodes, a systemd "
    "unit, a compose file, a page that adds the chain to a browser wallet, and a README. "
    "Every node of the chain needs the chain file. Edit it before the first start; afterwards only an upgrade may be "
    "added.",
    "posw chain new\n"
    "posw chain new --name \"My Chain\" --ticker MINE --chain-id 424242 --accounts 0x…=1000000coin mychain.json\n"
    "posw chain new --name \"My Chain\" --ticker MINE --chain-id 424242 --supply 1000000coin --accounts 0x…=70% "
    "--stakes 0x…=30% --bundle mychain\n"
    "posw chain new --name \"My Chain\" --ticker MINE --chain-id 424242 --rules design.json --accounts "
    "0x…=1000000coin mychain.json",
    options,
    0,
    1,
    run};
