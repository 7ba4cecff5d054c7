#include "node/upgrades.h"

#include <inttypes.h>
#include <stdio.h>

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };

uint64_t posw_upgrade_seconds(uint64_t tip, uint64_t height, uint64_t block_time_s) {
    uint64_t seconds;
    if (height <= tip) return 0;
    return __builtin_mul_overflow(height - tip, block_time_s, &seconds) ? UINT64_MAX : seconds;
}

enum posw_upgrade_stage posw_upgrade_stage_of(uint64_t tip, uint64_t height, uint64_t block_time_s) {
    const uint64_t seconds = posw_upgrade_seconds(tip, height, block_time_s);
    if (height <= tip) return POSW_UPGRADE_REACHED;
    if (seconds <= 1 * DAY_S) return POSW_UPGRADE_DAYS_1;
    if (seconds <= 7 * DAY_S) return POSW_UPGRADE_DAYS_7;
    return seconds <= 30 * DAY_S ? POSW_UPGRADE_DAYS_30 : POSW_UPGRADE_FAR;
}

/* One that is known and was there at the start is long past. */
static bool is_due(const posw_upgrade_said *said, bool known, enum posw_upgrade_stage stage, uint64_t now_s) {
    if (!said->any) return !known || stage != POSW_UPGRADE_REACHED;
    if (stage > said->stage) return true;
    return !known && stage == POSW_UPGRADE_REACHED && now_s - said->at_s >= POSW_UPGRADE_REPEAT_S;
}

bool posw_upgrade_due(posw_upgrade_said *said, bool known, enum posw_upgrade_stage stage, uint64_t now_s) {
    const bool due = is_due(said, known, stage, now_s);
    if (due) said->at_s = now_s;
    if (!said->any || stage > said->stage) said->stage = stage;
    said->any = true;
    return due;
}

bool posw_upgrade_is_credible(bool missed, size_t networks, size_t all) {
    if (missed) return all <= 1;
    return networks >= 2 || (networks == 1 && all <= 1);
}

enum posw_upgrade_stage posw_upgrade_news_stage(const posw_upgrade_news *n, uint64_t tip, uint64_t block_time_s) {
    return n->missed ? POSW_UPGRADE_REACHED : posw_upgrade_stage_of(tip, n->height, block_time_s);
}

void posw_upgrade_when(char out[POSW_UPGRADE_WHEN_SIZE], uint64_t seconds) {
    const uint64_t hours = seconds / HOUR_S + (seconds % HOUR_S >= HOUR_S / 2), days = hours / 24 + (hours % 24 >= 12);
    if (seconds == 0)
        snprintf(out, POSW_UPGRADE_WHEN_SIZE, "now");
    else if (hours == 0)
        snprintf(out, POSW_UPGRADE_WHEN_SIZE, "within the hour");
    else if (hours < 48)
        snprintf(out, POSW_UPGRADE_WHEN_SIZE, "in about %" PRIu64 " hour%s", hours, hours == 1 ? "" : "s");
    else
        snprintf(out, POSW_UPGRADE_WHEN_SIZE, "in about %" PRIu64 " days", days);
}

void posw_upgrade_known_text(char *out, size_t size, const char *name, uint64_t height, uint64_t tip,
                             uint64_t block_time_s) {
    char when[POSW_UPGRADE_WHEN_SIZE];
    posw_upgrade_when(when, posw_upgrade_seconds(tip, height, block_time_s));
    if (tip >= height)
        snprintf(out, size, "the upgrade %s is in force since block %" PRIu64, name, height);
    else
        snprintf(out, size, "the upgrade %s comes with block %" PRIu64 ", %s; this node knows it and will follow", name,
                 height, when);
}

static void missed_text(char *out, size_t size, uint64_t height) {
    char where[48] = "a block that it does not name";
    if (height != 0) snprintf(where, sizeof where, "block %" PRIu64, height);
    snprintf(
        out, size,
        "a node that was dialled changed the rules at %s, and this node's chain file does not: what it follows may not "
        "be the chain any more; get the chain's new file and start the node with it",
        where);
}

void posw_upgrade_news_text(char *out, size_t size, const posw_upgrade_news *n, uint64_t tip, uint64_t block_time_s) {
    char when[POSW_UPGRADE_WHEN_SIZE];
    if (n->missed) {
        missed_text(out, size, n->height);
        return;
    }
    posw_upgrade_when(when, posw_upgrade_seconds(tip, n->height, block_time_s));
    snprintf(out, size,
             "peers in %zu part%s of the network expect an upgrade at block %" PRIu64
             ", %s: get the chain's new file and start this node with it before, or it will stop following",
             n->networks, n->networks == 1 ? "" : "s", n->height, when);
}
