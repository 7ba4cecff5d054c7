#include "cli/upgrade_watch.h"

#include <stdio.h>

bool cli_upgrade_news(posw_upgrade_news *out, const cli_network *network) {
    return network != NULL && posw_upgrade_news_read(out, network->p2p);
}

/* There is nothing to do about one that the node knows: these are no warnings. */
static void look_at_known(cli_upgrade_watch *w, const posw_params *p, uint64_t tip, const posw_log *log,
                          uint64_t now_s) {
    char text[400];
    for (size_t i = 0; i < p->upgrade_count; i++) {
        const posw_upgrade *u = &p->upgrades[i];
        if (!posw_upgrade_due(&w->known[i], true, posw_upgrade_stage_of(tip, u->height, p->block_time_s), now_s))
            continue;
        posw_upgrade_known_text(text, sizeof text, u->name, u->height, tip, p->block_time_s);
        posw_log_write(log, POSW_LOG_INFO, "upgrade", "%s", text);
    }
}

/* One that is missed is told in any case, but what two parts of the network deny is no error of this node. */
static void look_at_unknown(cli_upgrade_watch *w, const posw_upgrade_news *n, const posw_params *p, uint64_t tip,
                            const posw_log *log, uint64_t now_s) {
    char text[400];
    if (!n->credible && !n->missed) return;
    if (n->height != w->unknown_height && !n->missed) w->unknown = (posw_upgrade_said){.any = false};
    w->unknown_height = n->height;
    if (!posw_upgrade_due(&w->unknown, false, posw_upgrade_news_stage(n, tip, p->block_time_s), now_s)) return;
    posw_upgrade_news_text(text, sizeof text, n, tip, p->block_time_s);
    posw_log_write(log, n->missed && n->credible ? POSW_LOG_ERROR : POSW_LOG_WARN, "upgrade", "%s", text);
}

void cli_upgrade_watch_look(cli_upgrade_watch *w, const cli_stack *stack, const cli_network *network,
                            const posw_log *log, uint64_t now_s) {
    const posw_params *p = posw_chain_params(stack->chain);
    const uint64_t tip = posw_chain_tip(stack->chain)->number;
    posw_upgrade_news n;
    look_at_known(w, p, tip, log, now_s);
    if (cli_upgrade_news(&n, network)) look_at_unknown(w, &n, p, tip, log, now_s);
}
