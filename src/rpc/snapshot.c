/* admin_snapshot, admin_snapshotStatus: a copy of the data directory for a new node or a backup. */
#include "rpc/methods.h"

void posw_rpc_set_snapshots(posw_rpc *r, const posw_rpc_snapshots *s) {
    r->snapshots = *s;
}

static void json_snapshot(rpc_call *c) {
    static const char *const states[] = {"none", "running", "done", "failed"};
    posw_rpc_snapshot s = {.state = POSW_RPC_SNAPSHOT_NONE};
    posw_jw *w = &c->w;
    c->rpc->snapshots.read(c->rpc->snapshots.arg, &s);
    posw_jw_object(w);
    posw_jw_kv_string(w, "state", states[s.state]);
    if (s.path != NULL) posw_jw_kv_string(w, "path", s.path);
    posw_jw_kv_quantity(w, "bytes", s.bytes);
    if (s.state == POSW_RPC_SNAPSHOT_FAILED) posw_jw_kv_string(w, "problem", s.problem);
    posw_jw_object_end(w);
}

static bool has_snapshots(rpc_call *c) {
    if (c->rpc->snapshots.start != NULL) return true;
    return rpc_fail(c, RPC_ERROR_SERVER, "this node keeps its chain in memory: there is nothing to copy");
}

void rpc_admin_snapshot(rpc_call *c) {
    posw_message msg = {""};
    if (!has_snapshots(c)) return;
    if (c->rpc->snapshots.start(c->rpc->snapshots.arg, &msg) != POSW_OK)
        (void)rpc_fail(c, RPC_ERROR_SERVER, "%s", msg.text);
    else
        json_snapshot(c);
}

void rpc_admin_snapshot_status(rpc_call *c) {
    if (has_snapshots(c)) json_snapshot(c);
}
