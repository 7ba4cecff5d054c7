/* What the service manager hears: ready, where the node stands, that it lives, that it stops. The watchdog's word comes
 * from a timer of the node's own thread, so it ends when a step does not. */
#include "io/runner_internal.h"

#include <inttypes.h>

enum { STATUS_MS = 10 * 1000 };

static void say_status(const runner *r, const char *first) {
    char text[RUNNER_STATUS_SIZE] = "";
    if (r->o->status != NULL) r->o->status(r->o->arg, text, sizeof text);
    posw_notify_say(&r->notify, "%s%sSTATUS=%s", first, first[0] != '\0' ? "\n" : "", text);
}

static void on_status(uv_timer_t *timer) {
    say_status(timer->data, "");
}

static void on_watchdog(uv_timer_t *timer) {
    const runner *r = timer->data;
    posw_notify_say(&r->notify, "WATCHDOG=1");
}

void notify_init(runner *r) {
    posw_notify_open(&r->notify);
    uv_timer_init(&r->loop, &r->status_timer);
    uv_timer_init(&r->loop, &r->watchdog_timer);
    r->status_timer.data = r->watchdog_timer.data = r;
}

void notify_ready(runner *r) {
    const uint64_t watchdog_ms = posw_notify_watchdog_ms();
    if (r->notify.fd < 0) return;
    say_status(r, "READY=1");
    (void)uv_timer_start(&r->status_timer, on_status, STATUS_MS, STATUS_MS);
    if (watchdog_ms > 0) (void)uv_timer_start(&r->watchdog_timer, on_watchdog, watchdog_ms / 2, watchdog_ms / 2);
}

void notify_reload(runner *r) {
    posw_notify_say(&r->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, posw_clock_stopwatch_us());
    if (r->o->reload != NULL) r->o->reload(r->o->arg);
    posw_notify_say(&r->notify, "READY=1"); /* without a status: the node may be in the middle of a step */
}

void notify_stopping(runner *r) {
    (void)uv_timer_stop(&r->status_timer);
    (void)uv_timer_stop(&r->watchdog_timer);
    posw_notify_say(&r->notify, "STOPPING=1\nSTATUS=stopping");
}
