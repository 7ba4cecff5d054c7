/* The table of methods, sorted by name for the search: name, function, arguments that must be there, arguments at most.
 */
#include "rpc/methods.h"

#include <string.h>

static const rpc_method METHODS[] = {
    {"admin_addPeer", rpc_admin_add_peer, 1, 1, false},
    {"admin_ban", rpc_admin_ban, 1, 2, false},
    {"admin_bans", rpc_admin_bans, 0, 0, false},
    {"admin_disconnect", rpc_admin_disconnect, 1, 1, false},
    {"admin_nodeInfo", rpc_admin_node_info, 0, 0, false},
    {"admin_peers", rpc_admin_peers, 0, 0, false},
    {"admin_removePeer", rpc_admin_remove_peer, 1, 1, false},
    {"admin_snapshot", rpc_admin_snapshot, 0, 0, false},
    {"admin_snapshotStatus", rpc_admin_snapshot_status, 0, 0, false},
    {"admin_unban", rpc_admin_unban, 1, 1, false},
    {"debug_getRawBlock", rpc_debug_get_raw_block, 1, 1, false},
    {"debug_getRawHeader", rpc_debug_get_raw_header, 1, 1, false},
    {"debug_getRawReceipts", rpc_debug_get_raw_receipts, 1, 1, false},
    {"debug_getRawTransaction", rpc_eth_get_raw_transaction, 1, 1, false},
    {"erigon_getHeaderByNumber", rpc_erigon_get_header_by_number, 1, 1, false},
    {"eth_accounts", rpc_eth_accounts, 0, 0, false},
    {"eth_baseFee", rpc_eth_base_fee, 0, 0, false},
    {"eth_blockNumber", rpc_eth_block_number, 0, 0, false},
    {"eth_call", rpc_eth_call, 1, 4, false},
    {"eth_chainId", rpc_eth_chain_id, 0, 0, false},
    {"eth_coinbase", rpc_eth_coinbase, 0, 0, false},
    {"eth_createAccessList", rpc_eth_create_access_list, 1, 3, false},
    {"eth_estimateGas", rpc_eth_estimate_gas, 1, 4, false},
    {"eth_feeHistory", rpc_eth_fee_history, 2, 3, false},
    {"eth_gasPrice", rpc_eth_gas_price, 0, 0, false},
    {"eth_getBalance", rpc_eth_get_balance, 1, 2, false},
    {"eth_getBlockByHash", rpc_eth_get_block_by_hash, 2, 2, false},
    {"eth_getBlockByNumber", rpc_eth_get_block_by_number, 2, 2, false},
    {"eth_getBlockReceipts", rpc_eth_get_block_receipts, 1, 1, false},
    {"eth_getBlockTransactionCountByHash", rpc_eth_get_tx_count_by_hash, 1, 1, false},
    {"eth_getBlockTransactionCountByNumber", rpc_eth_get_tx_count_by_number, 1, 1, false},
    {"eth_getCode", rpc_eth_get_code, 1, 2, false},
    {"eth_getFilterChanges", rpc_eth_get_filter_changes, 1, 1, false},
    {"eth_getFilterLogs", rpc_eth_get_filter_logs, 1, 1, false},
    {"eth_getLogs", rpc_eth_get_logs, 1, 1, false},
    {"eth_getProof", rpc_eth_get_proof, 2, 3, false},
    {"eth_getRawTransactionByHash", rpc_eth_get_raw_transaction, 1, 1, false},
    {"eth_getStorageAt", rpc_eth_get_storage_at, 2, 3, false},
    {"eth_getTransactionByBlockHashAndIndex", rpc_eth_get_transaction_by_block_hash, 2, 2, false},
    {"eth_getTransactionByBlockNumberAndIndex", rpc_eth_get_transaction_by_block_number, 2, 2, false},
    {"eth_getTransactionByHash", rpc_eth_get_transaction, 1, 1, false},
    {"eth_getTransactionCount", rpc_eth_get_transaction_count, 1, 2, false},
    {"eth_getTransactionReceipt", rpc_eth_get_receipt, 1, 1, false},
    {"eth_getUncleByBlockHashAndIndex", rpc_eth_get_uncle_by_hash, 2, 2, false},
    {"eth_getUncleByBlockNumberAndIndex", rpc_eth_get_uncle_by_number, 2, 2, false},
    {"eth_getUncleCountByBlockHash", rpc_eth_get_uncle_count_by_hash, 1, 1, false},
    {"eth_getUncleCountByBlockNumber", rpc_eth_get_uncle_count_by_number, 1, 1, false},
    {"eth_maxPriorityFeePerGas", rpc_eth_max_priority_fee, 0, 0, false},
    {"eth_newBlockFilter", rpc_eth_new_block_filter, 0, 0, false},
    {"eth_newFilter", rpc_eth_new_filter, 1, 1, false},
    {"eth_newPendingTransactionFilter", rpc_eth_new_pending_filter, 0, 1, false},
    {"eth_sendRawTransaction", rpc_eth_send_raw_transaction, 1, 1, false},
    {"eth_subscribe", rpc_eth_subscribe, 1, 2, false},
    {"eth_syncing", rpc_eth_syncing, 0, 0, false},
    {"eth_uninstallFilter", rpc_eth_uninstall_filter, 1, 1, false},
    {"eth_unsubscribe", rpc_eth_unsubscribe, 1, 1, false},
    {"evm_increaseTime", rpc_evm_increase_time, 1, 1, true},
    {"evm_mine", rpc_evm_mine, 0, 1, true},
    {"net_listening", rpc_net_listening, 0, 0, false},
    {"net_peerCount", rpc_net_peer_count, 0, 0, false},
    {"net_version", rpc_net_version, 0, 0, false},
    {"ots_getApiLevel", rpc_ots_get_api_level, 0, 0, false},
    {"ots_getBlockDetails", rpc_ots_get_block_details, 1, 1, false},
    {"ots_getBlockDetailsByHash", rpc_ots_get_block_details_by_hash, 1, 1, false},
    {"ots_getBlockTransactions", rpc_ots_get_block_transactions, 3, 3, false},
    {"ots_getContractCreator", rpc_ots_get_contract_creator, 1, 1, false},
    {"ots_getInternalOperations", rpc_ots_get_internal_operations, 1, 1, false},
    {"ots_getTransactionBySenderAndNonce", rpc_ots_get_transaction_by_nonce, 2, 2, false},
    {"ots_getTransactionError", rpc_ots_get_transaction_error, 1, 1, false},
    {"ots_hasCode", rpc_ots_has_code, 1, 2, false},
    {"ots_searchTransactionsAfter", rpc_ots_search_after, 3, 3, false},
    {"ots_searchTransactionsBefore", rpc_ots_search_before, 3, 3, false},
    {"ots_traceTransaction", rpc_ots_trace_transaction, 1, 1, false},
    {"posw_chainParameters", rpc_posw_chain_parameters, 0, 0, false},
    {"posw_getAccountTransactions", rpc_posw_get_account_transactions, 1, 4, false},
    {"posw_getBlockStats", rpc_posw_get_block_stats, 2, 3, false},
    {"posw_getBlockSummary", rpc_posw_get_block_summary, 1, 1, false},
    {"posw_getBlockTransactions", rpc_posw_get_block_transactions, 1, 3, false},
    {"posw_getEpoch", rpc_posw_get_epoch, 0, 1, false},
    {"posw_getMiner", rpc_posw_get_miner, 1, 1, false},
    {"posw_getMiners", rpc_posw_get_miners, 0, 1, false},
    {"posw_getPendingTransactions", rpc_posw_get_pending_transactions, 0, 1, false},
    {"posw_getStake", rpc_posw_get_stake, 1, 1, false},
    {"posw_getStakeProof", rpc_posw_get_stake_proof, 1, 2, false},
    {"posw_getUpgrades", rpc_posw_get_upgrades, 0, 0, false},
    {"posw_getWork", rpc_posw_get_work, 1, 1, false},
    {"posw_networkStatus", rpc_posw_network_status, 0, 0, false},
    {"posw_status", rpc_posw_status, 0, 0, false},
    {"posw_submitBlock", rpc_posw_submit_block, 1, 1, false},
    {"posw_submitWork", rpc_posw_submit_work, 1, 1, false},
    {"txpool_content", rpc_txpool_content, 0, 0, false},
    {"txpool_contentFrom", rpc_txpool_content_from, 1, 1, false},
    {"txpool_inspect", rpc_txpool_inspect, 0, 0, false},
    {"txpool_status", rpc_txpool_status, 0, 0, false},
    {"web3_clientVersion", rpc_web3_client_version, 0, 0, false},
    {"web3_sha3", rpc_web3_sha3, 1, 1, false},
};

const rpc_method *rpc_methods(size_t *count) {
    *count = POSW_ARRAY_SIZE(METHODS);
    return METHODS;
}

const rpc_method *rpc_method_find(const char *name, bool development, bool admin) {
    size_t low = 0, high = POSW_ARRAY_SIZE(METHODS);
    if (!admin && strncmp(name, "admin_", 6) == 0) return NULL;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(name, METHODS[mid].name);
        if (order == 0) return METHODS[mid].development && !development ? NULL : &METHODS[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}
