/* posw chain new, check, show */
#include "cli/commands.h"

#include "base/bytes.h"
#include "base/units.h"
#include "cli/stack.h"
#include "io/file.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "posw/weight.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cli_option new_options[] = {
    {"name", "NAME", NULL, "name of the chain, at most 32 bytes"},
    {"ticker", "TICKER", NULL, "symbol of the coin, 1 to 6 of A-Z and 0-9"},
    {"chain-id", "N", NULL, "a number no other chain uses, below 2147483630"},
    {"weight", "PRESET", "ticket", "pow, linear, sqrt, quadratic, diode, ticket or quarkchain"},
    {"pow", "ALGORITHM", "argon2id", "argon2id, randomx or keccak256"},
    {"block-time", "SECONDS", "15", "time between blocks"},
    {"difficulty", "N", "16384",
     "difficulty of the first blocks: hashes a second of the first miners, times the block time"},
    {"reward", "AMOUNT", "2 coin", "new coins of each block at first"},
    {"halving", "BLOCKS", "4204800", "blocks after which the reward halves; 0: never"},
    {"tail", "AMOUNT", "0.1 coin", "the reward never falls below it"},
    {"accounts", "LIST", NULL, "ADDRESS=AMOUNT, separated by commas: who owns coins at genesis"},
    {"stakes", "LIST", NULL, "MINER=AMOUNT, separated by commas: stake from the first block"},
    {"force", NULL, NULL, "overwrite the file"},
    {NULL, NULL, NULL, NULL},
};

static int read_pow(cli *c, posw_params *p) {
    static const struct {
        const char *name;
        enum posw_pow_algorithm algorithm;
    } names[] = {{"argon2id", POSW_POW_ARGON2ID}, {"randomx", POSW_POW_RANDOMX}, {"keccak256", POSW_POW_KECCAK256}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(names); i++) {
        if (strcmp(names[i].name, cli_text(c, "pow")) != 0) continue;
        p->pow = names[i].algorithm;
        return CLI_OK;
    }
    return cli_usage(c, "--pow must be argon2id, randomx or keccak256");
}

/* One "ADDRESS=AMOUNT" of a list. */
static int read_pair(cli *c, const char *option, const char *item, posw_address *address, posw_u256 *amount) {
    char text[64], what[32];
    const char *equals = strchr(item, '=');
    snprintf(what, sizeof what, "--%s", option);
    if (equals == NULL || (size_t)(equals - item) >= sizeof text)
        return cli_usage(c, "--%s: write ADDRESS=AMOUNT, not '%s'", option, item);
    memcpy(text, item, (size_t)(equals - item));
    text[equals - item] = '\0';
    if (!cli_address(c, what, text, address)) return CLI_USAGE;
    if (!posw_amount_parse(amount, equals + 1))
        return cli_usage(c, "--%s: '%s' is not an amount such as \"1000 coin\"", option, equals + 1);
    return CLI_OK;
}

static size_t list_size(const char **list) {
    size_t n = 0;
    while (list != NULL && list[n] != NULL)
        n++;
    return n;
}

/* Reads the list of an option into a new array of (address, amount); *out and *count are set also after a failure. */
static int read_pairs(cli *c, const char *option, posw_genesis_account **out, size_t *count) {
    const char **list = cli_list(c, option);
    size_t n = list_size(list);
    int code = CLI_OK;
    *count = 0;
    *out = calloc(n + 1, sizeof **out);
    if (*out == NULL) code = cli_fail("out of memory");
    for (; code == CLI_OK && *count < n; ++*count)
        code = read_pair(c, option, list[*count], &(*out)[*count].address, &(*out)[*count].balance_wei);
    free(list);
    return code;
}

/* At genesis a miner owns its own stake; other owners are written into the file by hand. */
static int read_stakes(cli *c, posw_chain_spec *spec) {
    posw_genesis_account *pairs = NULL;
    size_t count = 0;
    int code = read_pairs(c, "stakes", &pairs, &count);
    if (code == CLI_OK) spec->stakes = calloc(count + 1, sizeof *spec->stakes);
    if (code == CLI_OK && spec->stakes == NULL) code = cli_fail("out of memory");
    for (; code == CLI_OK && spec->stake_count < count; spec->stake_count++) {
        const posw_genesis_account *a = &pairs[spec->stake_count];
        spec->stakes[spec->stake_count] =
            (posw_genesis_stake){.miner = a->address, .owner = a->address, .amount_wei = a->balance_wei};
    }
    free(pairs);
    return code;
}

static int copy_text(cli *c, const char *option, char *out, size_t size) {
    const char *text = cli_text(c, option);
    if (text == NULL) return cli_usage(c, "--%s is needed", option);
    if (strlen(text) >= size) return cli_usage(c, "--%s is longer than %zu bytes", option, size - 1);
    memcpy(out, text, strlen(text) + 1);
    return CLI_OK;
}

static int fill_spec(cli *c, posw_chain_spec *spec) {
    posw_params *p = &spec->params;
    posw_params_default(p);
    p->genesis_time = posw_clock_now_ms() / 1000;
    int code = copy_text(c, "name", spec->name, sizeof spec->name);
    if (code == CLI_OK) code = copy_text(c, "ticker", spec->ticker, sizeof spec->ticker);
    if (code != CLI_OK) return code;
    if (cli_text(c, "chain-id") == NULL)
        return cli_usage(c, "--chain-id is needed; see chainlist.org for the numbers that are taken");
    if (!cli_u64(c, "chain-id", 1, 2147483629, &p->chain_id) || !cli_u64(c, "block-time", 1, 3600, &p->block_time_s) ||
        !cli_u64(c, "halving", 0, (1ULL << 40) - 1, &p->halving_blocks))
        return CLI_USAGE;
    if (!posw_params_preset(p, cli_text(c, "weight")))
        return cli_usage(c, "--weight must be pow, linear, sqrt, quadratic, diode, ticket or quarkchain");
    const char *difficulty = cli_text(c, "difficulty");
    if (!posw_u256_parse(&p->genesis_difficulty, difficulty, strlen(difficulty)))
        return cli_usage(c, "--difficulty must be a whole number");
    if (!cli_amount(c, "reward", &p->reward_initial_wei) || !cli_amount(c, "tail", &p->reward_tail_wei))
        return CLI_USAGE;
    code = read_pow(c, p);
    if (code == CLI_OK) code = read_pairs(c, "accounts", &spec->accounts, &spec->account_count);
    if (code == CLI_OK) code = read_stakes(c, spec);
    return code;
}

static void warn(void *arg, const char *sentence) {
    (void)arg;
    fprintf(stderr, "note: %s\n", sentence);
}

static int write_spec(cli *c, const posw_chain_spec *spec, const char *path) {
    posw_buf text = {0};
    posw_message msg = {""};
    posw_chainfile_write(&text, spec);
    int err = text.failed              ? posw_message_set(&msg, POSW_ENOMEM, "out of memory")
              : cli_switch(c, "force") ? posw_file_write(path, text.data, text.size, 0644, &msg)
                                       : posw_file_create(path, text.data, text.size, 0644, &msg);
    posw_buf_clear(&text);
    if (err == POSW_EEXIST) return cli_fail("%s exists already; choose another name or add --force", path);
    if (err != POSW_OK) return cli_fail("%s", msg.text);
    posw_chainfile_warnings(spec, warn, NULL);
    printf("wrote %s; run it with: posw node --chain %s --datadir ./data\n", path, path);
    return CLI_OK;
}

static int run_new(cli *c) {
    posw_chain_spec spec;
    posw_message msg = {""};
    memset(&spec, 0, sizeof spec);
    int code = fill_spec(c, &spec);
    if (code == CLI_OK && posw_chain_spec_check(&spec, NULL, &msg) != POSW_OK) code = cli_fail("%s", msg.text);
    if (code == CLI_OK) code = write_spec(c, &spec, c->args[0]);
    posw_chain_spec_clear(&spec);
    return code;
}

const cli_command cli_command_chain_new = {
    "chain new",
    "--name NAME --ticker TICKER --chain-id N [OPTIONS] FILE",
    "write the chain file of a new chain",
    "Makes a chain file with sound defaults: the ticket rule with 4 slots, a window of 2016 blocks and a boost of "
    "1024, Argon2id proof of work, ASERT difficulty. "
    "Every node of the chain needs this file. Edit it before the first start; afterwards it must not change.",
    "posw chain new --name \"My Chain\" --ticker MINE --chain-id 424242 --accounts 0x…=1000000coin mychain.json",
    new_options,
    1,
    1,
    run_new};

/* ---- check and show ---- */

static const cli_option check_options[] = {{"json", NULL, NULL, "print the result as JSON"}, {NULL, NULL, NULL, NULL}};

static void collect(void *arg, const char *sentence) {
    posw_jw_string(arg, sentence);
}

static int run_check(cli *c) {
    posw_chain_spec spec;
    memset(&spec, 0, sizeof spec);
    int code = cli_spec_read(&spec, c->args[0]);
    if (code != CLI_OK) return code;
    if (cli_switch(c, "json")) {
        posw_buf b = {0};
        posw_jw w;
        posw_jw_init(&w, &b);
        posw_jw_object(&w);
        posw_jw_kv_bool(&w, "valid", true);
        posw_jw_key(&w, "warnings");
        posw_jw_array(&w);
        posw_chainfile_warnings(&spec, collect, &w);
        posw_jw_array_end(&w);
        posw_jw_object_end(&w);
        code = cli_print(&b);
    } else {
        posw_chainfile_warnings(&spec, warn, NULL);
        printf("%s is a valid chain file of %s (chain id %" PRIu64 ")\n", c->args[0], spec.name, spec.params.chain_id);
    }
    posw_chain_spec_clear(&spec);
    return code;
}

const cli_command cli_command_chain_check = {"chain check",
                                             "[OPTIONS] FILE",
                                             "check a chain file",
                                             "Reads a chain file, checks every rule for its parameters, and notes what "
                                             "is allowed but unwise for a chain that shall carry value.",
                                             "posw chain check mychain.json",
                                             check_options,
                                             1,
                                             1,
                                             run_check};

static void amount_line(const char *label, const posw_u256 *wei, const char *ticker) {
    char text[POSW_AMOUNT_SIZE];
    posw_amount_format(text, wei);
    printf("%-18s %s %s\n", label, text, ticker);
}

static posw_u256 genesis_supply(const posw_chain_spec *spec) {
    posw_u256 sum = POSW_U256_ZERO;
    for (size_t i = 0; i < spec->account_count; i++)
        sum = posw_u256_add_sat(&sum, &spec->accounts[i].balance_wei);
    for (size_t i = 0; i < spec->stake_count; i++)
        sum = posw_u256_add_sat(&sum, &spec->stakes[i].amount_wei);
    return sum;
}

static void difficulty_line(const posw_params *p) {
    char genesis[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(genesis, &p->genesis_difficulty);
    printf("%-18s %s", "difficulty rule", posw_difficulty_name(p->difficulty_rule));
    const bool is_asert = p->difficulty_rule == POSW_DIFFICULTY_ASERT;
    if (posw_difficulty_has_blocks(p->difficulty_rule))
        printf(", %s %" PRIu64 " blocks", is_asert ? "half-life of" : "measured over", p->difficulty_blocks);
    printf(", from %s\n", genesis);
}

static void show_spec(const posw_chain_spec *spec) {
    static const char *const pow_names[] = {"keccak256", "argon2id", "randomx"};
    const posw_params *p = &spec->params;
    const char *preset = posw_params_preset_of(p), *text = posw_params_preset_text(preset);
    posw_u256 supply = genesis_supply(spec);
    printf("%-18s %s (%s)\n%-18s %" PRIu64 "\n%-18s %s\n%-18s %" PRIu64 " s\n", "name", spec->name, spec->ticker,
           "chain id", p->chain_id, "proof of work", pow_names[p->pow], "block time", p->block_time_s);
    difficulty_line(p);
    printf("%-18s %s%s%s\n", "weight rule", preset, text != NULL ? ": " : "", text != NULL ? text : "");
    printf("%-18s %" PRIu64 " blocks\n%-18s %" PRIu64 " blocks\n%-18s %" PRIu64 " blocks (%.1f days)\n%-18s %" PRIu64
           " blocks\n",
           "window", p->window_blocks, "epoch", p->epoch_blocks, "unbonding", p->unbonding_blocks,
           (double)(p->unbonding_blocks * p->block_time_s) / 86400, "deepest reorg", p->reorg_max_blocks);
    amount_line("supply at genesis", &supply, spec->ticker);
    if (p->weight.rule == POSW_WEIGHT_TICKET) {
        posw_u256 price = posw_weight_ticket_price(p, &supply); /* there is none under the other rule */
        amount_line("ticket price", &price, spec->ticker);
    }
    amount_line("block reward", &p->reward_initial_wei, spec->ticker);
    printf("%-18s %zu accounts, %zu stakes\n", "genesis", spec->account_count, spec->stake_count);
}

static int run_show(cli *c) {
    posw_chain_spec spec;
    memset(&spec, 0, sizeof spec);
    int code = cli_spec_read(&spec, c->args[0]);
    if (code != CLI_OK) return code;
    if (cli_switch(c, "json")) {
        posw_buf b = {0};
        posw_chainfile_write(&b, &spec);
        if (b.size > 0 && b.data[b.size - 1] == '\n') b.size--;
        code = cli_print(&b);
    } else {
        show_spec(&spec);
    }
    posw_chain_spec_clear(&spec);
    return code;
}

const cli_command cli_command_chain_show = {
    "chain show",
    "[OPTIONS] FILE",
    "show what a chain file means",
    "Prints the chain's parameters in plain words, with what follows from them.",
    "posw chain show mychain.json",
    check_options,
    1,
    1,
    run_show};
