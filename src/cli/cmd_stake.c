/* posw stake add, remove, withdraw, signer: calls of the staking contract (doc/protocol.md S3 to S6). */
#include "cli/commands.h"

#include "base/bytes.h"
#include "base/units.h"
#include "cli/book.h"
#include "cli/json_view.h"
#include "cli/transact.h"
#include "codec/abi.h"
#include "node/upgrades.h"
#include "posw/u256.h"
#include "state/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One command: the call, and what its event tells. */
typedef struct {
    cli_tx_wish wish;
    posw_buf data;
    const char *event; /* signature; NULL: nothing to tell */
    size_t event_word; /* of its data, from 0 */
    cli_tx_fact fact;  /* that word */
} stake_call;

/* ---- what happened ---- */

/* Word i of the event's data, where the log is that event of the staking contract. */
static bool log_word(posw_u256 *out, const json_t *log, const posw_hash *topic, size_t i) {
    const char *first = json_string_value(json_array_get(json_object_get(log, "topics"), 0));
    const char *emitter = json_string_value(json_object_get(log, "address"));
    posw_address address;
    posw_hash has;
    posw_buf data = {0};
    if (first == NULL || emitter == NULL || !posw_hash_parse(&has, first) || !posw_hash_equal(&has, topic) ||
        !posw_address_parse(&address, emitter) || !posw_address_equal(&address, &POSW_STAKING_ADDRESS))
        return false;
    bool ok =
        cli_json_data(&data, json_object_get(log, "data")) && !data.failed && data.size >= (i + 1) * POSW_HASH_SIZE;
    if (ok) *out = posw_u256_from_be(data.data + i * POSW_HASH_SIZE);
    posw_buf_clear(&data);
    return ok;
}

static bool event_word(posw_u256 *out, const json_t *receipt, const char *signature, size_t i) {
    const json_t *logs = json_object_get(receipt, "logs");
    posw_hash topic;
    posw_abi_topic(&topic, signature);
    for (size_t k = 0; k < json_array_size(logs); k++)
        if (log_word(out, json_array_get(logs, k), &topic, i)) return true;
    return false;
}

/* How far away the block of the fact is; nothing if the node does not say how long a block takes. */
static void tell_when(cli_rpc *rpc, cli_tx_fact *fact, uint64_t now) {
    json_t *chain = NULL;
    uint64_t block;
    if (fact->is_amount || !posw_u256_to_u64(&block, &fact->value) ||
        cli_rpc_try(rpc, &chain, "posw_chainParameters", json_array()) != CLI_RPC_OK)
        return;
    posw_upgrade_when(fact->when, posw_upgrade_seconds(now, block, cli_view_u64(chain, "blockTime")));
    json_decref(chain);
}

static int send_call(const cli *c, cli_rpc *rpc, stake_call *s) {
    cli_tx_sent sent = {0};
    s->wish.to = POSW_STAKING_ADDRESS;
    s->wish.refuser = "the staking contract";
    s->wish.data = posw_buf_view(&s->data);
    int code = s->data.failed ? cli_fail("out of memory") : cli_transact(c, rpc, &s->wish, &sent);
    bool told =
        code == CLI_OK && s->event != NULL && event_word(&s->fact.value, sent.waited.receipt, s->event, s->event_word);
    if (told) tell_when(rpc, &s->fact, sent.waited.block);
    if (code == CLI_OK) code = cli_tx_report(c, &s->wish, &sent, &s->fact, told);
    cli_tx_sent_clear(&sent);
    return code;
}

/* ---- arguments ---- */

static int read_from(const cli *c, stake_call *s) {
    const char *from = cli_text(c, "from");
    if (from == NULL) return cli_usage(c, "--from ADDRESS is needed");
    return cli_address(c, "--from", from, &s->wish.from) ? CLI_OK : CLI_USAGE;
}

/* The miner is the owner itself unless another is named. */
static int read_owner_and_miner(const cli *c, stake_call *s, posw_address *miner) {
    const char *text = cli_text(c, "miner");
    int code = read_from(c, s);
    if (code != CLI_OK) return code;
    *miner = s->wish.from;
    if (text != NULL && !cli_address(c, "--miner", text, miner)) return CLI_USAGE;
    return cli_given(c, "amount") ? CLI_OK : cli_usage(c, "--amount is needed, such as --amount \"1000 coin\"");
}

/* Opens the node, runs the rest, and clears up. */
static int run_call(cli *c, int (*make)(const cli *c, cli_rpc *rpc, stake_call *s)) {
    cli_rpc rpc = {0};
    stake_call s = {0};
    int code = cli_rpc_open(&rpc, c);
    if (code == CLI_OK) code = make(c, &rpc, &s);
    if (code == CLI_OK) code = send_call(c, &rpc, &s);
    posw_buf_clear(&s.data);
    cli_rpc_close(&rpc);
    return code;
}

#define FROM_OPTION(help) \
    { "from", "ADDRESS", NULL, help }
#define MINER_OPTION \
    { "miner", "ADDRESS", NULL, "the miner whose stake it is (default: the owner itself)" }

/* ---- add ---- */

static const cli_option add_options[] = {
    FROM_OPTION("the owner of the coins; its key is in the keystore"),
    MINER_OPTION,
    {"amount", "AMOUNT", NULL, "how much, such as \"1000 coin\""},
    CLI_TRANSACT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

/* Less than a ticket does nothing: better said before it is locked. */
static int warn_small(cli_rpc *rpc, const posw_address *miner, const posw_u256 *amount_wei) {
    json_t *epoch = NULL, *stake = NULL;
    int code = cli_rpc_call(rpc, &epoch, "posw_getEpoch", json_array());
    if (code == CLI_OK) code = cli_rpc_call(rpc, &stake, "posw_getStake", json_pack("[o]", cli_json_address(miner)));
    const posw_u256 price = cli_view_u256(epoch, "ticketPrice"), before = cli_view_u256(stake, "stake");
    const posw_u256 after = posw_u256_add_sat(&before, amount_wei);
    char has[POSW_AMOUNT_SIZE], lacks[POSW_AMOUNT_SIZE];
    if (code == CLI_OK && posw_u256_cmp(&after, &price) < 0) {
        const posw_u256 rest = posw_u256_sub_sat(&price, &after);
        posw_amount_format(has, &after);
        posw_amount_format(lacks, &rest);
        fprintf(
            stderr,
            "note: the miner then has %s coin, which is less than a ticket (%s coin): they do nothing until at least "
            "%s coin more are staked for it\n",
            has, cli_view_coins(epoch, "ticketPrice").text, lacks);
    }
    json_decref(epoch);
    json_decref(stake);
    return code;
}

static int make_add(const cli *c, cli_rpc *rpc, stake_call *s) {
    posw_address miner;
    int code = read_owner_and_miner(c, s, &miner);
    if (code != CLI_OK) return code;
    if (!cli_amount(c, "amount", &s->wish.value_wei)) return CLI_USAGE;
    code = warn_small(rpc, &miner, &s->wish.value_wei);
    if (code != CLI_OK) return code;
    posw_abi_append_selector(&s->data, "stake(address)");
    posw_abi_append_address(&s->data, &miner);
    s->event = "Staked(address,address,uint256,uint256)";
    s->event_word = 1;
    s->fact = (cli_tx_fact){.key = "activeFrom", .label = "counts from"};
    return CLI_OK;
}

static int run_add(cli *c) {
    return run_call(c, make_add);
}

const cli_command cli_command_stake_add = {
    "stake add",
    "--from OWNER [--miner MINER] --amount AMOUNT [OPTIONS]",
    "lock coins as stake for a miner",
    "Locks coins in the staking contract. They amplify the work of the miner from the second next epoch on, and belong "
    "to the owner, who alone can take "
    "them back (posw stake remove, and posw stake withdraw after the unbonding time).",
    "posw stake add --from 0x… --amount \"1000 coin\" --wait\nposw stake add --from 0x… --miner 0x… --amount 500",
    add_options,
    0,
    0,
    run_add};

/* ---- remove ---- */

static const cli_option remove_options[] = {
    FROM_OPTION("the owner of the stake; its key is in the keystore"),
    MINER_OPTION,
    {"amount", "AMOUNT", NULL, "how much, such as \"500 coin\", or all"},
    CLI_TRANSACT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

/* stakeOf(owner, miner) through eth_call. */
static int read_stake(cli_rpc *rpc, const posw_address *owner, const posw_address *miner, posw_u256 *out) {
    json_t *result = NULL;
    posw_buf data = {0};
    posw_abi_append_selector(&data, "stakeOf(address,address)");
    posw_abi_append_address(&data, owner);
    posw_abi_append_address(&data, miner);
    int code = data.failed ? cli_fail("out of memory")
                           : cli_rpc_call(rpc, &result, "eth_call",
                                          json_pack("[{s:o, s:o}, s]", "to", cli_json_address(&POSW_STAKING_ADDRESS),
                                                    "input", cli_json_hex(posw_buf_view(&data)), "latest"));
    if (code == CLI_OK && !cli_json_u256(out, result)) code = cli_rpc_fail_answer(rpc, "eth_call", "it is no word");
    if (code == CLI_OK && posw_u256_is_zero(out))
        code = cli_fail("%s has no stake for the miner %s; see 'posw stake status'", cli_show_address(owner).text,
                        cli_show_address(miner).text);
    json_decref(result);
    posw_buf_clear(&data);
    return code;
}

static int make_remove(const cli *c, cli_rpc *rpc, stake_call *s) {
    posw_address miner;
    posw_u256 amount;
    int code = read_owner_and_miner(c, s, &miner);
    if (code != CLI_OK) return code;
    if (strcmp(cli_text(c, "amount"), "all") == 0)
        code = read_stake(rpc, &s->wish.from, &miner, &amount);
    else if (!cli_amount(c, "amount", &amount))
        code = CLI_USAGE;
    if (code != CLI_OK) return code;
    posw_abi_append_selector(&s->data, "unstake(address,uint256)");
    posw_abi_append_address(&s->data, &miner);
    posw_abi_append_u256(&s->data, &amount);
    s->event = "Unstaked(address,address,uint256,uint256)";
    s->event_word = 1;
    s->fact = (cli_tx_fact){.key = "unlockBlock", .label = "unlocks at"};
    return CLI_OK;
}

static int run_remove(cli *c) {
    return run_call(c, make_remove);
}

const cli_command cli_command_stake_remove = {
    "stake remove",
    "--from OWNER [--miner MINER] --amount AMOUNT [OPTIONS]",
    "begin to take stake back",
    "Takes coins out of a stake, the newest deposits first. They stop counting at the next snapshot and stay locked "
    "for the unbonding time; then posw "
    "stake withdraw pays them out.",
    "posw stake remove --from 0x… --amount \"500 coin\" --wait\nposw stake remove --from 0x… --miner 0x… --amount all",
    remove_options,
    0,
    0,
    run_remove};

/* ---- withdraw ---- */

static const cli_option withdraw_options[] = {
    FROM_OPTION("the owner of the coins; its key is in the keystore"),
    CLI_TRANSACT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

/* The reasons of protocol rule S5. */
static int explain_withdraw(const cli_tx_wish *wish, const char *reason) {
    uint64_t block;
    if (strcmp(reason, "withdraw: no exits") == 0)
        return cli_fail("%s has no coins to withdraw: take them out of a stake with 'posw stake remove', and withdraw "
                        "them when their unbonding time is over",
                        cli_show_address(&wish->from).text);
    if (sscanf(reason, "withdraw: nothing to withdraw yet; your next exit unlocks at block %" SCNu64, &block) == 1)
        return cli_fail("%s has no coins to withdraw yet: the next unlock at block %" PRIu64
                        "; 'posw stake status %s' tells when that is",
                        cli_show_address(&wish->from).text, block, cli_show_address(&wish->from).text);
    return CLI_OK;
}

static int make_withdraw(const cli *c, cli_rpc *rpc, stake_call *s) {
    (void)rpc;
    int code = read_from(c, s);
    s->wish.explain = explain_withdraw;
    posw_abi_append_selector(&s->data, "withdraw()");
    s->event = "Withdrawn(address,uint256)";
    s->fact = (cli_tx_fact){.key = "amountWei", .label = "paid out", .is_amount = true};
    return code;
}

static int run_withdraw(cli *c) {
    return run_call(c, make_withdraw);
}

const cli_command cli_command_stake_withdraw = {
    "stake withdraw",
    "--from OWNER [OPTIONS]",
    "pay out coins that are unlocked",
    "Pays out all coins of the owner whose unbonding time is over. posw stake status tells when that is.",
    "posw stake withdraw --from 0x… --wait",
    withdraw_options,
    0,
    0,
    run_withdraw};

/* ---- signer ---- */

static const cli_option signer_options[] = {
    FROM_OPTION("the miner; its key is in the keystore"),
    {"signer", "ADDRESS", NULL, "whose key shall sign the miner's blocks; none: the miner's own"},
    CLI_TRANSACT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static int make_signer(const cli *c, cli_rpc *rpc, stake_call *s) {
    (void)rpc;
    posw_address signer = {{0}};
    const char *text = cli_text(c, "signer");
    int code = read_from(c, s);
    if (code != CLI_OK) return code;
    if (text == NULL) return cli_usage(c, "--signer ADDRESS is needed; --signer none takes it back");
    bool none = strcmp(text, "none") == 0;
    if (!none && !cli_address(c, "--signer", text, &signer)) return CLI_USAGE;
    posw_abi_append_selector(&s->data, "setSigner(address)");
    posw_abi_append_address(&s->data, &signer);
    return CLI_OK;
}

static int run_signer(cli *c) {
    return run_call(c, make_signer);
}

const cli_command cli_command_stake_signer = {
    "stake signer",
    "--from MINER --signer SIGNER [OPTIONS]",
    "name the key that signs a miner's blocks",
    "Names another key that signs the blocks of a miner, so that the key of the stake can stay offline. It is in force "
    "with the stake table that first "
    "contains it; until then the old one signs.",
    "posw stake signer --from 0x… --signer 0x… --wait",
    signer_options,
    0,
    0,
    run_signer};
