/* eth_getLogs. */
#include "rpc/methods.h"

void rpc_eth_get_logs(rpc_call *c) {
    rpc_log_filter f = {0};
    if (rpc_param_log_filter(c, 0, &f)) rpc_logs_of_filter(c, &f);
    rpc_log_filter_clear(&f);
}
