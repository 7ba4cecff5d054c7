/* posw faucet: a page and a JSON door that send coins to who asks, within limits. One thread owns the book and the
 * server; the node is asked by one step at a time on another (faucet_pay.h). */
#include "cli/commands.h"

#include "base/bytes.h"
#include "base/units.h"
#include "cli/bundle_texts.h"
#include "cli/faucet_pay.h"
#include "cli/keys.h"
#include "cli/ready.h"
#include "core/staking_address.h"
#include "io/runner.h"
#include "io/server.h"
#include "posw/u256.h"
#include "wallet/address.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BODY_MAX = 1024,
    CONNECTIONS_MAX = 256,
    RPC_MS = 5000,
    TICK_MS = 100,
    RETRY_MS = 500,
    RETRY_MAX_MS = 30000, /* after a node that was away or did not take it */
    CONFIRM_MS = 1000,    /* between two questions whether what was sent is in a block */
    PATIENCE_MS = 8000    /* after which who asked is told that it waits */
};

static const cli_option options[] = {
    {"from", "ADDRESS", NULL, "who gives; its key is in the keystore"},
    {"amount", "AMOUNT", "1 coin", "what each gets"},
    {"per-address-hours", "HOURS", "24", "an address is served once in this time, at most 744 hours"},
    {"per-client", "N", "5",
     "payments to one part of the network (/16 of IPv4, /32 of IPv6) in that time; 0: any number, for behind a proxy"},
    {"per-day", "AMOUNT", "100 coin", "all payments of any 24 hours together; fees come on top"},
    {"max-fee", "AMOUNT", "100 gwei", "most to pay per unit of gas; a payment takes 21,000"},
    {"chain-id", "N", NULL,
     "pay on this chain only; needed for a node elsewhere, which could have another one's signed"},
    {"rate", "N", "10", "requests a second that one address may send; 0: any number"},
    {"listen", "[HOST:]PORT", "8555", "where it listens; without a host on this machine only; port 0 takes a free one"},
    {"hosts", "NAMES", NULL, "Host names to accept beside localhost and numeric ones, separated by commas; * for all"},
    {"datadir", "DIR", NULL, "where it remembers what it gave [~/.posw/faucet]"},
    {"json-ready", NULL, NULL, "print one line of JSON with the address when ready"},
    CLI_RPC_OPTION,
    CLI_KEY_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

/* Somebody who waits for an answer. */
typedef struct {
    uint64_t client, payment, until_ms;
} waiting;

typedef struct {
    const cli *c;
    faucet_limits limits;
    faucet_payer payer;
    faucet_book *book;
    posw_address from;
    char host[CLI_HOST_SIZE];
    uint16_t port;
    uint64_t rate;
    const char **hosts; /* owned */
    posw_page page;
    posw_pages pages;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t interrupt, terminate;
    posw_server *server;
    /* the step that runs */
    uv_work_t work;
    faucet_step step;
    bool busy, stopping;
    uint64_t next_ms, confirm_ms; /* not before */
    uint64_t retry_ms;
    posw_message trouble; /* why the oldest waits; empty: it does not */
    waiting queue[FAUCET_QUEUE_MAX];
    size_t queue_count;
    posw_message fatal;
} faucet;

static uint64_t now_s(void) {
    return posw_clock_now_ms() / 1000;
}

/* ---- answers ---- */

static void answer(faucet *f, uint64_t client, json_t *o) {
    char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    const char *body = text != NULL ? text : "{\"error\":\"out of memory\"}";
    posw_server_send(f->server, client, posw_bytes_of(body, strlen(body)));
    free(text);
}

static void answer_error(faucet *f, uint64_t client, const char *sentence) {
    answer(f, client, json_pack("{s:s}", "error", sentence));
}

static json_t *payment_json(const faucet *f, const faucet_payment *p) {
    static const char *const names[] = {"queued", "queued", "sent", "paid", "failed"};
    char amount[POSW_AMOUNT_SIZE], to[POSW_EIP55_SIZE];
    posw_amount_format(amount, &p->amount_wei);
    posw_eip55_format(to, &p->to);
    json_t *o = json_pack("{s:s, s:s, s:s}", "status", names[p->state], "address", to, "amount", amount);
    const bool is_out = p->state == FAUCET_SENT || p->state == FAUCET_PAID;
    if (o != NULL && is_out) json_object_set_new(o, "hash", cli_json_hex(posw_bytes_of(p->hash.b, sizeof p->hash.b)));
    if (o != NULL && !is_out && f->trouble.text[0] != '\0')
        json_object_set_new(o, "reason", json_string(f->trouble.text));
    return o;
}

static json_t *about_json(const faucet *f) {
    char from[POSW_EIP55_SIZE], amount[POSW_AMOUNT_SIZE], day[POSW_AMOUNT_SIZE], left[POSW_AMOUNT_SIZE];
    const posw_u256 rest = faucet_book_left(f->book, now_s());
    posw_eip55_format(from, &f->from);
    posw_amount_format(amount, &f->limits.amount_wei);
    posw_amount_format(day, &f->limits.day_wei);
    posw_amount_format(left, &rest);
    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:I}", "from", from, "amount", amount, "perAddressHours",
                     (json_int_t)f->limits.hours, "perClient", (json_int_t)f->limits.per_group, "perDay", day,
                     "leftToday", left, "waiting", (json_int_t)faucet_book_waiting(f->book));
}

/* Those who wait for this payment (NULL: those who have waited long enough) are answered. */
static void tell_waiting(faucet *f, const faucet_payment *p) {
    const uint64_t now = uv_now(&f->loop);
    size_t kept = 0;
    for (size_t i = 0; i < f->queue_count; i++) {
        const waiting w = f->queue[i];
        const faucet_payment *about = p != NULL && w.payment == p->id  ? p
                                      : p == NULL && now >= w.until_ms ? faucet_book_find(f->book, w.payment)
                                                                       : NULL;
        if (about != NULL)
            answer(f, w.client, payment_json(f, about));
        else
            f->queue[kept++] = w;
    }
    f->queue_count = kept;
}

/* ---- requests ---- */

static bool read_address(faucet *f, uint64_t client, const json_t *v, posw_address *out) {
    posw_message msg = {""};
    const char *text = json_string_value(v);
    if (text == NULL || posw_eip55_parse(out, text, &msg) != POSW_OK) {
        answer_error(f, client, text == NULL ? "address must be text" : msg.text);
        return false;
    }
    const bool useless = posw_address_is_zero(out) || posw_address_equal(out, &POSW_STAKING_ADDRESS) ||
                         posw_address_equal(out, &f->from);
    if (useless) answer_error(f, client, "coins sent to this address would be lost or come back; give your own");
    return !useless;
}

static void accept_request(faucet *f, uint64_t client, const posw_address *to) {
    posw_netaddr from = {.port = 1};
    uint8_t group[POSW_NETGROUP_SIZE];
    posw_message msg = {""};
    faucet_payment *p;
    (void)posw_server_client_address(f->server, client, from.ip);
    posw_netaddr_group(group, &from);
    if (f->queue_count == FAUCET_QUEUE_MAX) {
        answer_error(f, client, "too many are waiting; ask again in some minutes");
        return;
    }
    const int err = faucet_book_accept(f->book, &p, to, group, now_s(), &msg);
    if (err != POSW_OK) {
        if (err != POSW_EFULL) posw_log_write(&f->c->log, POSW_LOG_ERROR, "faucet", "%s", msg.text);
        answer_error(f, client,
                     err == POSW_EFULL ? msg.text
                                       : "the faucet cannot write down what it gives; its operator has been told");
        return;
    }
    if (f->trouble.text[0] != '\0') {
        answer(f, client, payment_json(f, p));
        return;
    }
    f->queue[f->queue_count++] = (waiting){client, p->id, uv_now(&f->loop) + PATIENCE_MS};
    posw_server_answer_later(f->server, client);
}

static void on_data(void *arg, uint64_t client, bool stream, posw_bytes body) {
    faucet *f = arg;
    posw_address to;
    json_t *request = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
    json_t *address = json_object_get(request, "address"), *query = json_object_get(request, "query");
    if (stream)
        posw_server_close_client(f->server, client);
    else if (!json_is_object(request) || (address != NULL && query != NULL))
        answer_error(f, client, "send {\"address\": \"0x…\"}, {\"query\": \"0x…\"} or {}");
    else if (address != NULL && read_address(f, client, address, &to))
        accept_request(f, client, &to);
    else if (query != NULL && read_address(f, client, query, &to)) {
        const faucet_payment *p = faucet_book_latest(f->book, &to);
        if (p != NULL)
            answer(f, client, payment_json(f, p));
        else
            answer_error(f, client, "nothing was sent to this address lately");
    } else if (address == NULL && query == NULL) {
        answer(f, client, about_json(f));
    }
    json_decref(request);
}

/* ---- payments ---- */

static void log_payment(const faucet *f, const faucet_payment *p) {
    char amount[POSW_AMOUNT_SIZE], to[POSW_EIP55_SIZE], hash[2 * sizeof p->hash.b + 1];
    posw_amount_format(amount, &p->amount_wei);
    posw_eip55_format(to, &p->to);
    posw_hex_encode(hash, p->hash.b, sizeof p->hash.b);
    posw_log_write(&f->c->log, POSW_LOG_INFO, "faucet", "%s coin to %s: transaction 0x%s", amount, to, hash);
}

/* Nothing is sent that could not be written down, so the faucet stops there. */
static void note(faucet *f, const faucet_payment *p) {
    if (faucet_book_note(f->book, p, &f->fatal) != POSW_OK) uv_stop(&f->loop);
}

static void set_trouble(faucet *f, const char *why) {
    if (strcmp(f->trouble.text, why) != 0)
        posw_log_write(&f->c->log, POSW_LOG_WARN, "faucet", "payments wait: %s", why);
    (void)posw_message_set(&f->trouble, 0, "%s", why);
    f->retry_ms = f->retry_ms == 0 ? RETRY_MS : f->retry_ms < RETRY_MAX_MS / 2 ? 2 * f->retry_ms : RETRY_MAX_MS;
    f->next_ms = uv_now(&f->loop) + f->retry_ms;
    for (size_t i = 0; i < f->queue_count; i++)
        f->queue[i].until_ms = 0; /* they are told so now */
}

static void end_trouble(faucet *f) {
    f->trouble.text[0] = '\0';
    f->retry_ms = 0;
}

static void take_transaction(faucet_payment *p, faucet_payment *from) {
    posw_buf_clear(&p->raw);
    p->raw = from->raw;
    from->raw = (posw_buf){0};
    p->hash = from->hash;
    p->nonce = from->nonce;
    p->state = FAUCET_SIGNED;
}

static void settle(faucet *f, faucet_payment *p, faucet_step *s) {
    switch (s->outcome) {
    case FAUCET_PREPARED:
        take_transaction(p, &s->payment);
        note(f, p);
        return;
    case FAUCET_TAKEN:
        if (p->state == FAUCET_SIGNED) log_payment(f, p);
        end_trouble(f);
        f->confirm_ms = uv_now(&f->loop) + CONFIRM_MS;
        if (p->state == FAUCET_SENT) return;
        p->state = FAUCET_SENT;
        note(f, p);
        break;
    case FAUCET_MINED:
        p->state = FAUCET_PAID;
        posw_buf_clear(&p->raw);
        end_trouble(f);
        note(f, p);
        break;
    case FAUCET_REPLACED:
        p->state = FAUCET_QUEUED;
        posw_buf_clear(&p->raw);
        note(f, p);
        return;
    case FAUCET_EMPTY:
        p->state = FAUCET_FAILED;
        note(f, p);
        (void)posw_message_set(&f->trouble, 0, "%s", s->why.text);
        posw_log_write(&f->c->log, POSW_LOG_ERROR, "faucet", "%s; send coins to it", s->why.text);
        tell_waiting(f, p);
        f->trouble.text[0] = '\0';
        return;
    case FAUCET_AWAY:
        set_trouble(f, "the node does not answer; the coins are sent when it does");
        return;
    case FAUCET_WAITS:
        set_trouble(f, s->why.text[0] != '\0' ? s->why.text : "the node does not take it now");
        return;
    }
    tell_waiting(f, p);
}

static void advance(faucet *f);

static void on_work(uv_work_t *work) {
    faucet *f = work->data;
    faucet_step_run(&f->step);
}

static void on_worked(uv_work_t *work, int status) {
    faucet *f = work->data;
    faucet_payment *p = faucet_book_find(f->book, f->step.payment.id);
    f->busy = false;
    if (status == 0 && p != NULL) settle(f, p, &f->step);
    posw_buf_clear(&f->step.payment.raw);
    if (f->stopping)
        uv_stop(&f->loop);
    else
        advance(f);
}

static void begin_step(faucet *f, const faucet_payment *p) {
    f->step = (faucet_step){.payer = &f->payer, .payment = *p, .nonce_min = faucet_book_nonce(f->book)};
    f->step.payment.raw = (posw_buf){0};
    posw_buf_append(&f->step.payment.raw, p->raw.data, p->raw.size);
    f->work.data = f;
    f->busy = !f->step.payment.raw.failed && uv_queue_work(&f->loop, &f->work, on_work, on_worked) == 0;
    if (!f->busy) posw_buf_clear(&f->step.payment.raw);
}

/* The next step, if it is time for one. */
static void advance(faucet *f) {
    const uint64_t now = uv_now(&f->loop);
    if (f->busy || f->stopping || now < f->next_ms) return;
    const faucet_payment *p = faucet_book_next(f->book);
    if (p == NULL && now >= f->confirm_ms) {
        p = faucet_book_unconfirmed(f->book);
        f->confirm_ms = now + CONFIRM_MS;
    }
    if (p != NULL) begin_step(f, p);
}

static void on_tick(uv_timer_t *timer) {
    faucet *f = timer->data;
    tell_waiting(f, NULL);
    advance(f);
}

static void on_signal(uv_signal_t *handle, int number) {
    faucet *f = handle->data;
    (void)number;
    f->stopping = true;
    if (!f->busy) uv_stop(&f->loop);
}

/* ---- life ---- */

static int read_options(faucet *f) {
    const cli *c = f->c;
    if (cli_text(c, "from") == NULL) return cli_usage(c, "--from is needed: the address that gives");
    if (!cli_address(c, "--from", cli_text(c, "from"), &f->from) || !cli_amount(c, "amount", &f->limits.amount_wei) ||
        !cli_amount(c, "per-day", &f->limits.day_wei) || !cli_amount(c, "max-fee", &f->payer.max_fee_wei) ||
        !cli_u64(c, "per-address-hours", 1, FAUCET_HOURS_MAX, &f->limits.hours) ||
        !cli_u64(c, "rate", 0, 1000000, &f->rate) ||
        !cli_u64(c, "per-client", 0, FAUCET_PAYMENTS_MAX, &f->limits.per_group))
        return CLI_USAGE;
    if (posw_u256_is_zero(&f->limits.amount_wei)) return cli_usage(c, "--amount must be more than nothing");
    if (posw_u256_cmp(&f->limits.day_wei, &f->limits.amount_wei) < 0)
        return cli_usage(c, "--per-day must be at least --amount");
    f->hosts = cli_list(c, "hosts");
    f->payer.from = f->from;
    if (!cli_place(cli_text(c, "listen"), f->host, &f->port))
        return cli_usage(c, "--listen must be a port, or a numeric address with one, such as 0.0.0.0:8555");
    if (cli_given(c, "chain-id") && !cli_u64(c, "chain-id", 1, UINT64_MAX, &f->payer.chain_id)) return CLI_USAGE;
    const int code = cli_rpc_open(&f->payer.rpc, c);
    f->payer.rpc.timeout_ms = RPC_MS;
    if (code != CLI_OK || f->payer.chain_id != 0 || cli_rpc_is_here(&f->payer.rpc)) return code;
    return cli_usage(c,
                     "--chain-id N is needed, since the node at %s is not on this machine: it could have payments on "
                     "another chain signed",
                     f->payer.rpc.url);
}

static int open_book(faucet *f) {
    posw_buf dir = {0};
    posw_message msg = {""};
    const char *given = cli_text(f->c, "datadir"), *home = getenv("HOME");
    if (given == NULL && (home == NULL || *home == '\0'))
        return cli_fail("there is no home directory; name a folder with --datadir DIR");
    posw_buf_printf(&dir, "%s%s", given != NULL ? given : home, given != NULL ? "" : "/.posw/faucet");
    posw_buf_byte(&dir, 0);
    const int err = dir.failed ? posw_message_set(&msg, POSW_ENOMEM, "out of memory")
                               : faucet_book_open(&f->book, (const char *)dir.data, &f->limits, now_s(), &msg);
    posw_buf_clear(&dir);
    return err == POSW_OK ? CLI_OK : cli_fail("%s", msg.text);
}

static int start_server(faucet *f) {
    posw_message msg = {""};
    const posw_server_options o = {.host = f->host,
                                   .port = f->port,
                                   .hosts = f->hosts,
                                   .pages = &f->pages,
                                   .body_bytes_max = BODY_MAX,
                                   .connections_max = CONNECTIONS_MAX,
                                   .requests_per_s = (unsigned)f->rate,
                                   .log = &f->c->log,
                                   .data = on_data,
                                   .arg = f};
    f->page = (posw_page){"/", "text/html; charset=utf-8", "\"" POSW_VERSION "\"",
                          (const unsigned char *)cli_bundle_text_of("index"), 0};
    f->page.size = strlen((const char *)f->page.data);
    f->pages = (posw_pages){&f->page, 1, "frame-ancestors 'none'"};
    return posw_server_start(&f->server, &f->loop, &o, &msg) == POSW_OK ? CLI_OK : cli_fail("%s", msg.text);
}

static void announce(const faucet *f) {
    char from[POSW_EIP55_SIZE];
    char url[CLI_URL_SIZE];
    const uint16_t port = posw_server_port(f->server);
    cli_url(url, "http", f->host, port);
    posw_eip55_format(from, &f->from);
    if (cli_switch(f->c, "json-ready"))
        printf("{\"ready\":true,\"url\":\"%s/\",\"port\":%u,\"from\":\"%s\"}\n", url, port, from);
    else
        printf("the faucet of %s is at %s/\n", from, url);
    fflush(stdout);
}

static void close_handle(uv_handle_t *handle, void *arg) {
    (void)arg;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static int serve(faucet *f) {
    if (uv_loop_init(&f->loop) != 0)
        return cli_fail("the event loop cannot be made: raise the limit of open files (ulimit -n)");
    uv_timer_init(&f->loop, &f->timer);
    uv_signal_init(&f->loop, &f->interrupt);
    uv_signal_init(&f->loop, &f->terminate);
    f->timer.data = f->interrupt.data = f->terminate.data = f;
    uv_signal_start(&f->interrupt, on_signal, SIGINT);
    uv_signal_start(&f->terminate, on_signal, SIGTERM);
    uv_timer_start(&f->timer, on_tick, TICK_MS, TICK_MS);
    int code = start_server(f);
    if (code == CLI_OK) {
        announce(f);
        (void)uv_run(&f->loop, UV_RUN_DEFAULT);
        posw_server_stop(f->server);
    }
    uv_walk(&f->loop, close_handle, NULL);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    posw_server_free(f->server);
    (void)uv_loop_close(&f->loop);
    return code == CLI_OK && f->fatal.text[0] != '\0' ? cli_fail("%s", f->fatal.text) : code;
}

static int run(cli *c) {
    faucet *f = calloc(1, sizeof *f);
    if (f == NULL) return cli_fail("out of memory");
    f->c = c;
    int code = read_options(f);
    if (code == CLI_OK) code = cli_key_unlock(c, &f->from, f->payer.secret);
    if (code == CLI_OK) code = open_book(f);
    if (code == CLI_OK) code = serve(f);
    faucet_book_close(f->book);
    posw_wipe(f->payer.secret, sizeof f->payer.secret);
    cli_rpc_close(&f->payer.rpc);
    free(f->hosts);
    free(f);
    return code;
}

const cli_command cli_command_faucet = {
    "faucet",
    "--from ADDRESS [OPTIONS]",
    "give coins to who asks, within limits",
    "Shows a page where people ask for coins, and takes the same as JSON: POST {\"address\": \"0x…\"} asks, "
    "{\"query\": \"0x…\"} tells what became of it, {} "
    "tells the limits. Coins come from a key of the keystore through the node at --rpc. An address, a part of the "
    "network and a day have limits, which hold "
    "across restarts; payments wait while the node is away, and each is sent at most once. Behind a proxy all who ask "
    "look alike: set --per-client 0 and --rate 0, and limit there. Give the key no more than may be lost.",
    "posw faucet --from 0x… --amount \"5 coin\" --per-address-hours 24 --per-day \"500 coin\" --listen 0.0.0.0:8555 "
    "--password-file secret.txt",
    options,
    0,
    0,
    run};
