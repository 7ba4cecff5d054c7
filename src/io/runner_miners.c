/* The miners' part of the runner. */
#include "io/runner_internal.h"

static void on_miner(void *arg, posw_event *e) {
    runner *r = arg;
    if (!runner_signal_came(r)) runner_step(r, e);
}

unsigned miners_files(const runner *r, unsigned files) {
    const unsigned wanted = r->o->stratum_host == NULL ? 0 : r->o->stratum_connections + POSW_MINERS_TURNED_AWAY_MAX;
    return files / 2 < wanted ? files / 2 : wanted;
}

int miners_start(runner *r, unsigned files) {
    if (r->o->stratum_host == NULL) return POSW_OK;
    const posw_miners_options o = {.host = r->o->stratum_host,
                                   .port = r->o->stratum_port,
                                   .connections_max = files,
                                   .identity = r->o->stratum_identity,
                                   .event = on_miner,
                                   .arg = r};
    return posw_miners_start(&r->miners, &r->loop, &o, r->msg);
}

void miners_perform(runner *r, const posw_action *a) {
    if (r->miners == NULL) return;
    if (a->type == POSW_ACTION_MINER_SEND)
        posw_miners_send(r->miners, a->client, posw_buf_view(&a->data));
    else
        posw_miners_close(r->miners, a->client);
}
