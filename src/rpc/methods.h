/* Every method, by file. Each reads its arguments from the call and writes one JSON value. */
#ifndef POSW_RPC_METHODS_H
#define POSW_RPC_METHODS_H

#include "rpc/rpc_internal.h"

/* eth_chain.c */
void rpc_eth_chain_id(rpc_call *c);
void rpc_eth_block_number(rpc_call *c);
void rpc_eth_accounts(rpc_call *c);
void rpc_eth_coinbase(rpc_call *c);
void rpc_eth_get_block_by_number(rpc_call *c);
void rpc_eth_get_block_by_hash(rpc_call *c);
void rpc_eth_get_tx_count_by_number(rpc_call *c);
void rpc_eth_get_tx_count_by_hash(rpc_call *c);
void rpc_eth_get_uncle_count_by_number(rpc_call *c);
void rpc_eth_get_uncle_count_by_hash(rpc_call *c);
void rpc_eth_get_uncle_by_number(rpc_call *c);
void rpc_eth_get_uncle_by_hash(rpc_call *c);
void rpc_debug_get_raw_header(rpc_call *c);
void rpc_debug_get_raw_block(rpc_call *c);

/* network.c */
void rpc_net_listening(rpc_call *c);
void rpc_net_peer_count(rpc_call *c);
void rpc_eth_syncing(rpc_call *c);
void rpc_posw_network_status(rpc_call *c);
void rpc_admin_node_info(rpc_call *c);
void rpc_admin_peers(rpc_call *c);
void rpc_admin_add_peer(rpc_call *c);
void rpc_admin_remove_peer(rpc_call *c);
void rpc_admin_disconnect(rpc_call *c);
void rpc_admin_ban(rpc_call *c);
void rpc_admin_snapshot(rpc_call *c);
void rpc_admin_snapshot_status(rpc_call *c);
void rpc_admin_unban(rpc_call *c);
void rpc_admin_bans(rpc_call *c);

/* upgrades.c */
void rpc_posw_get_upgrades(rpc_call *c);

/* eth_state.c */
void rpc_eth_get_balance(rpc_call *c);
void rpc_eth_get_code(rpc_call *c);
void rpc_eth_get_storage_at(rpc_call *c);
void rpc_eth_get_transaction_count(rpc_call *c);
void rpc_eth_get_proof(rpc_call *c);

/* eth_call.c */
void rpc_eth_call(rpc_call *c);
void rpc_eth_estimate_gas(rpc_call *c);
void rpc_eth_create_access_list(rpc_call *c);

/* eth_fee.c */
void rpc_eth_gas_price(rpc_call *c);
void rpc_eth_max_priority_fee(rpc_call *c);
void rpc_eth_base_fee(rpc_call *c);
void rpc_eth_fee_history(rpc_call *c);

/* eth_tx.c */
void rpc_eth_send_raw_transaction(rpc_call *c);
void rpc_eth_get_transaction(rpc_call *c);
void rpc_eth_get_transaction_by_block_hash(rpc_call *c);
void rpc_eth_get_transaction_by_block_number(rpc_call *c);
void rpc_eth_get_raw_transaction(rpc_call *c);
void rpc_eth_get_receipt(rpc_call *c);
void rpc_eth_get_block_receipts(rpc_call *c);
void rpc_debug_get_raw_receipts(rpc_call *c);

/* eth_logs.c */
void rpc_eth_get_logs(rpc_call *c);

/* filters.c */
void rpc_eth_new_filter(rpc_call *c);
void rpc_eth_new_block_filter(rpc_call *c);
void rpc_eth_new_pending_filter(rpc_call *c);
void rpc_eth_uninstall_filter(rpc_call *c);
void rpc_eth_get_filter_changes(rpc_call *c);
void rpc_eth_get_filter_logs(rpc_call *c);

/* subscribe.c */
void rpc_eth_subscribe(rpc_call *c);
void rpc_eth_unsubscribe(rpc_call *c);

/* net_web3.c */
void rpc_net_version(rpc_call *c);
void rpc_web3_client_version(rpc_call *c);
void rpc_web3_sha3(rpc_call *c);

/* txpool.c */
void rpc_txpool_status(rpc_call *c);
void rpc_txpool_content(rpc_call *c);
void rpc_txpool_content_from(rpc_call *c);
void rpc_txpool_inspect(rpc_call *c);

/* ots.c */
void rpc_erigon_get_header_by_number(rpc_call *c);
void rpc_ots_get_api_level(rpc_call *c);
void rpc_ots_get_block_details(rpc_call *c);
void rpc_ots_get_block_details_by_hash(rpc_call *c);
void rpc_ots_get_block_transactions(rpc_call *c);
void rpc_ots_has_code(rpc_call *c);
void rpc_ots_get_contract_creator(rpc_call *c);
void rpc_ots_get_transaction_error(rpc_call *c);
void rpc_ots_get_internal_operations(rpc_call *c);
void rpc_ots_trace_transaction(rpc_call *c);

/* ots_search.c */
void rpc_ots_search_before(rpc_call *c);
void rpc_ots_search_after(rpc_call *c);
void rpc_ots_get_transaction_by_nonce(rpc_call *c);

/* posw.c */
void rpc_posw_chain_parameters(rpc_call *c);
void rpc_posw_status(rpc_call *c);

/* stake.c */
void rpc_posw_get_epoch(rpc_call *c);
void rpc_posw_get_stake(rpc_call *c);
void rpc_posw_get_miner(rpc_call *c);
void rpc_posw_get_stake_proof(rpc_call *c);

/* explore.c */
void rpc_posw_get_block_stats(rpc_call *c);
void rpc_posw_get_block_summary(rpc_call *c);
void rpc_posw_get_block_transactions(rpc_call *c);
void rpc_posw_get_account_transactions(rpc_call *c);
void rpc_posw_get_pending_transactions(rpc_call *c);

/* shares.c */
void rpc_posw_get_miners(rpc_call *c);

/* work.c */
void rpc_posw_get_work(rpc_call *c);
void rpc_posw_submit_work(rpc_call *c);
void rpc_posw_submit_block(rpc_call *c);

/* dev.c */
void rpc_evm_mine(rpc_call *c);
void rpc_evm_increase_time(rpc_call *c);

#endif
