#include "cli/commands.h"

#include <stddef.h>

const cli_program cli_this_program = {
    "posw",
    "posw",
    "a Proof-of-StakeWork blockchain: H(block) < Target * F(stake)",
    "Creates, runs and uses blockchains whose blocks are found by work that stake amplifies.",
    "  posw dev                    a development chain on http://127.0.0.1:8545\n"
    "  posw COMMAND --help         options and an example of a command\n",
};

const cli_command *const cli_commands[] = {
    &cli_command_dev,
    &cli_command_node,
    &cli_command_miner,
    &cli_command_localnet,
    &cli_command_peers,
    &cli_command_status,
    &cli_command_chain_new,
    &cli_command_chain_check,
    &cli_command_chain_show,
    &cli_command_chain_rehearse,
    &cli_command_wallet_new,
    &cli_command_wallet_list,
    &cli_command_wallet_import,
    &cli_command_wallet_export,
    &cli_command_wallet_book,
    &cli_command_wallet_history,
    &cli_command_wallet_sign_message,
    &cli_command_wallet_verify,
    &cli_command_send,
    &cli_command_tx_show,
    &cli_command_tx_sign,
    &cli_command_tx_send,
    &cli_command_tx_wait,
    &cli_command_stake_add,
    &cli_command_stake_remove,
    &cli_command_stake_withdraw,
    &cli_command_stake_status,
    &cli_command_stake_signer,
    &cli_command_faucet,
    &cli_command_import,
    &cli_command_export,
    &cli_command_db_verify,
    &cli_command_snapshot_create,
    &cli_command_snapshot_restore,
    &cli_command_lab,
    &cli_command_metrics,
    &cli_command_man,
    &cli_command_completion,
    NULL,
};
