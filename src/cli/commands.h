/* The commands; cli_commands lists them in the order of the help. */
#ifndef POSW_CLI_COMMANDS_H
#define POSW_CLI_COMMANDS_H

#include "cli/cli.h"

extern const cli_command cli_command_dev, cli_command_node, cli_command_miner, cli_command_localnet, cli_command_peers;
extern const cli_command cli_command_chain_new, cli_command_chain_check, cli_command_chain_show,
    cli_command_chain_rehearse;
extern const cli_command cli_command_wallet_new, cli_command_wallet_list, cli_command_wallet_import,
    cli_command_wallet_export, cli_command_wallet_book, cli_command_wallet_history, cli_command_wallet_sign_message,
    cli_command_wallet_verify;
extern const cli_command cli_command_tx_show, cli_command_tx_sign, cli_command_tx_send, cli_command_tx_wait;
extern const cli_command cli_command_send, cli_command_status;
extern const cli_command cli_command_stake_add, cli_command_stake_remove, cli_command_stake_withdraw,
    cli_command_stake_status, cli_command_stake_signer;
extern const cli_command cli_command_import, cli_command_export, cli_command_db_verify;
extern const cli_command cli_command_snapshot_create, cli_command_snapshot_restore;
extern const cli_command cli_command_lab;
extern const cli_command cli_command_faucet;
extern const cli_command cli_command_metrics, cli_command_man, cli_command_completion;

#endif
