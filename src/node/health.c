#include "node/health.h"

#include "base/json_writer.h"
#include "base/units.h"
#include "node/upgrades.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t age_max_s(const posw_health *h) {
    const uint64_t age =
        h->block_time_s > UINT64_MAX / POSW_HEALTH_BLOCK_TIMES ? UINT64_MAX : POSW_HEALTH_BLOCK_TIMES * h->block_time_s;
    return age < POSW_HEALTH_AGE_MIN_S ? POSW_HEALTH_AGE_MIN_S : age;
}

static bool is_old(const posw_health *h) {
    return !h->alone && h->tip_age_s >= age_max_s(h);
}
static bool is_lonely(const posw_health *h) {
    return !h->alone && h->peers < POSW_HEALTH_PEERS_MIN;
}

bool posw_health_is_ready(const posw_health *h) {
    return !h->syncing && !is_old(h) && !is_lonely(h) && !h->missed_upgrade;
}

static void reasons(posw_jw *w, const posw_health *h) {
    char text[400];
    if (h->syncing) posw_jw_string(w, "blocks of a heavier chain are being fetched");
    if (is_old(h)) {
        snprintf(text, sizeof text, "the latest block is %" PRIu64 " s old, %" PRIu64 " s are too many", h->tip_age_s,
                 age_max_s(h));
        posw_jw_string(w, text);
    }
    if (is_lonely(h)) {
        snprintf(text, sizeof text, "%zu peer%s, at least %d are needed", h->peers, posw_plural(h->peers),
                 POSW_HEALTH_PEERS_MIN);
        posw_jw_string(w, text);
    }
    if (h->missed_upgrade) {
        const posw_upgrade_news n = {.missed = true, .height = h->missed_height};
        posw_upgrade_news_text(text, sizeof text, &n, h->height, h->block_time_s);
        posw_jw_string(w, text);
    }
}

void posw_health_json(posw_buf *out, const posw_health *h) {
    posw_jw w;
    posw_jw_init(&w, out);
    posw_jw_object(&w);
    posw_jw_kv_bool(&w, "ready", posw_health_is_ready(h));
    posw_jw_key(&w, "reasons");
    posw_jw_array(&w);
    reasons(&w, h);
    posw_jw_array_end(&w);
    posw_jw_kv_u64(&w, "height", h->height);
    posw_jw_kv_u64(&w, "tipAge", h->tip_age_s);
    posw_jw_kv_u64(&w, "peers", h->peers);
    posw_jw_object_end(&w);
    posw_buf_byte(out, '\n');
}
