/* The transport between two nodes on the loopback, each on a thread of its own: handshakes a second, bytes a second,
 * time of a message there and back. Beside them the bound of the same machine in the same run: TLS between two ends in
 * memory.
 *
 *      bench-peers [seconds of each part, default 2] */
#include "io/peers.h"
#include "io/tls.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLES_MAX = 200000, BULK = 4 * 1024 * 1024, PING = 200, AT_ONCE = 8 };

enum part { HANDSHAKES, ROUND_TRIPS, BULK_BYTES };

typedef struct {
    posw_peers *p;
    uv_loop_t loop;
    uv_async_t wake;
    posw_identity *id;
    pthread_t thread;
    enum part part;
    /* the dialling side */
    posw_netaddr other;
    uint64_t next, begin_us, end_us, most_us, sent_us;
    uint64_t opened, bytes, samples, cpu_us;
    unsigned waiting;
    uint32_t *times_us;
} side;

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Of this thread alone: the machine may be busy with other things. */
static uint64_t cpu_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void send_bytes(side *s, uint64_t peer, size_t size) {
    posw_buf b = {0};
    uint8_t *at = posw_buf_extend(&b, size);
    memset(at, 0x5a, size);
    posw_peers_send(s->p, peer, &b);
    posw_peers_flush(s->p);
}

static void on_stop(uv_async_t *a) {
    side *s = a->data;
    posw_peers_stop(s->p, 100);
    uv_close((uv_handle_t *)a, NULL);
}

/* The listening side: gives pings back and throws the rest away. */
static void on_server_event(void *arg, posw_event *e) {
    side *s = arg;
    if (e->type != POSW_EVENT_PEER_DATA) return;
    if (s->part == ROUND_TRIPS) send_bytes(s, e->peer, e->data.size);
    s->bytes += e->data.size;
}

static void dial(side *s) {
    const posw_node_id any = {{0}};
    posw_peers_connect(s->p, POSW_PEER_OUTBOUND | ++s->next, &s->other, &any);
}

static bool is_over(side *s) {
    if (s->end_us != 0) return true;
    if (now_us() - s->begin_us < s->most_us) return false;
    s->end_us = now_us();
    (void)uv_async_send(&s->wake);
    return true;
}

static void ping(side *s, uint64_t peer) {
    s->sent_us = now_us();
    s->waiting = PING;
    send_bytes(s, peer, PING);
}

static void on_client_event(void *arg, posw_event *e) {
    side *s = arg;
    switch (s->part) {
    case HANDSHAKES:
        if (e->type == POSW_EVENT_PEER_OPEN) {
            s->opened++;
            posw_peers_close(s->p, e->peer);
        } else if (e->type == POSW_EVENT_PEER_CLOSED && !is_over(s)) {
            dial(s);
        }
        break;
    case ROUND_TRIPS:
        if (e->type == POSW_EVENT_PEER_OPEN) ping(s, e->peer);
        if (e->type != POSW_EVENT_PEER_DATA || (s->waiting -= (unsigned)e->data.size) > 0) break;
        if (s->samples < SAMPLES_MAX) s->times_us[s->samples++] = (uint32_t)(now_us() - s->sent_us);
        if (!is_over(s)) ping(s, e->peer);
        break;
    case BULK_BYTES:
        if ((e->type == POSW_EVENT_PEER_OPEN || e->type == POSW_EVENT_PEER_DRAINED) && !is_over(s)) {
            send_bytes(s, e->peer, BULK);
            s->bytes += BULK;
        }
        break;
    }
}

static void *side_main(void *arg) {
    side *s = arg;
    const uint64_t begin = cpu_us();
    uv_run(&s->loop, UV_RUN_DEFAULT);
    s->cpu_us += cpu_us() - begin;
    return NULL;
}

static void open_side(side *s, const char *host, void (*event)(void *arg, posw_event *e)) {
    posw_message msg = {""};
    if (posw_identity_new(&s->id) != POSW_OK || uv_loop_init(&s->loop) != 0 ||
        uv_async_init(&s->loop, &s->wake, on_stop) != 0)
        abort();
    s->wake.data = s;
    const posw_peers_options o = {.identity = s->id,
                                  .host = host,
                                  .handshakes_per_s = 100000,
                                  .handshakes_burst = 100000,
                                  .handshakes_all_per_s = 100000,
                                  .event = event,
                                  .arg = s};
    if (posw_peers_start(&s->p, &s->loop, &o, &msg) != POSW_OK) {
        fprintf(stderr, "%s\n", msg.text);
        exit(1);
    }
}

static void close_side(side *s) {
    pthread_join(s->thread, NULL);
    posw_peers_free(s->p);
    uv_loop_close(&s->loop);
    posw_identity_free(s->id);
}

static int by_value(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void run_part(enum part part, double seconds) {
    side server = {.part = part}, client = {.part = part, .most_us = (uint64_t)(seconds * 1e6)};
    client.times_us = malloc(SAMPLES_MAX * sizeof *client.times_us);
    open_side(&server, "127.0.0.1", on_server_event);
    open_side(&client, NULL, on_client_event);
    client.other =
        (posw_netaddr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}, .port = posw_peers_port(server.p)};
    client.begin_us = now_us();
    for (int i = 0; i < (part == HANDSHAKES ? AT_ONCE : 1); i++)
        dial(&client);
    pthread_create(&server.thread, NULL, side_main, &server);
    pthread_create(&client.thread, NULL, side_main, &client);
    pthread_join(client.thread, NULL);
    pthread_create(&client.thread, NULL, side_main, &client); /* nothing is left to do */
    (void)uv_async_send(&server.wake);
    close_side(&server);
    close_side(&client);
    const double s = (double)(client.end_us - client.begin_us) / 1e6;
    if (part == HANDSHAKES)
        printf("handshakes, connect to close, %d at once     %9.0f /s (%.0f us of processor time of the side that "
               "listens)\n",
               AT_ONCE, (double)client.opened / s, (double)server.cpu_us / (double)client.opened);
    else if (part == BULK_BYTES)
        printf("bulk, one peer                              %9.0f MB/s (%.0f and %.0f MB/s of processor time, sent and "
               "received)\n",
               (double)server.bytes / s / 1e6, (double)server.bytes / (double)client.cpu_us,
               (double)server.bytes / (double)server.cpu_us);
    else {
        qsort(client.times_us, client.samples, sizeof *client.times_us, by_value);
        printf("%d bytes there and back                    %9" PRIu32 " us p50, %" PRIu32 " us p99 (%" PRIu64
               " of them)\n",
               PING, client.times_us[client.samples / 2], client.times_us[client.samples * 99 / 100], client.samples);
    }
    free(client.times_us);
}

/* ---- in memory ---- */

static void carry(posw_tls *a, posw_tls *b, posw_buf *heard) {
    posw_tls *const ends[] = {a, b};
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < 2; i++) {
            posw_buf *out = posw_tls_output(ends[i]);
            if (out->size == 0) continue;
            more = true;
            (void)posw_tls_feed(ends[1 - i], out->data, out->size, heard);
            posw_buf_reset(out);
        }
    }
}

static void in_memory(double seconds) {
    posw_identity *id;
    posw_tls_context *c;
    posw_buf heard = {0};
    uint8_t *block = calloc(1, 65536);
    uint64_t n = 0;
    if (posw_identity_new(&id) != POSW_OK || posw_tls_context_new(&c, id) != POSW_OK) abort();
    posw_tls *a = NULL, *b = NULL;
    const uint64_t begin = cpu_us();
    for (; (double)(cpu_us() - begin) < seconds * 1e6; n++) {
        posw_tls_free(a);
        posw_tls_free(b);
        if (posw_tls_new(&a, c, false, NULL) != POSW_OK || posw_tls_new(&b, c, true, NULL) != POSW_OK) abort();
        carry(a, b, &heard);
    }
    printf("in memory, both sides: handshakes           %9.0f /s of processor time\n",
           (double)n * 1e6 / (double)(cpu_us() - begin));
    const uint64_t begin_bytes = cpu_us();
    for (n = 0; (double)(cpu_us() - begin_bytes) < seconds * 1e6; n++) {
        posw_buf_reset(&heard);
        (void)posw_tls_write(a, block, 65536);
        carry(a, b, &heard);
    }
    printf("in memory, both sides: bulk                 %9.0f MB/s of processor time\n",
           (double)n * 65536 / (double)(cpu_us() - begin_bytes));
    posw_tls_free(a);
    posw_tls_free(b);
    posw_tls_context_free(c);
    posw_identity_free(id);
    posw_buf_clear(&heard);
    free(block);
}

int main(int argc, char **argv) {
    const double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    in_memory(seconds);
    run_part(HANDSHAKES, seconds);
    run_part(ROUND_TRIPS, seconds);
    run_part(BULK_BYTES, seconds);
    return 0;
}
