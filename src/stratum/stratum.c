/* Connections of miners: who may come, what they ask, and when they are given other work. */
#include "stratum/stratum_internal.h"

#include "base/bytes.h"
#include "core/difficulty_rules.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- sending ---- */

stratum_conn *stratum_find(posw_stratum *s, uint64_t client) {
    stratum_conn **slot = posw_map_find(&s->by_id, &client);
    return slot == NULL ? NULL : *slot;
}

static void send_to(uint64_t client, const posw_stratum_reply *r, posw_actions *out) {
    posw_action *a = posw_actions_push(out, POSW_ACTION_MINER_SEND);
    if (a == NULL) return;
    a->client = client;
    posw_stratum_reply_encode(&a->data, r);
}

void stratum_reply(const stratum_conn *c, const posw_stratum_reply *r, posw_actions *out) {
    send_to(c->id, r, out);
}

static void refuse_client(uint64_t client, const char *id, posw_actions *out, const char *text, bool for_good) {
    posw_stratum_reply r = {.type = POSW_STRATUM_ERROR, .for_good = for_good};
    (void)snprintf(r.id, sizeof r.id, "%s", id);
    (void)snprintf(r.error, sizeof r.error, "%s", text);
    send_to(client, &r, out);
}

void stratum_refuse(const stratum_conn *c, const char *id, posw_actions *out, const char *format, ...) {
    char text[POSW_STRATUM_ERROR_SIZE];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    refuse_client(c->id, id, out, text, false);
}

static void close_client(uint64_t client, posw_actions *out) {
    posw_action *a = posw_actions_push(out, POSW_ACTION_MINER_CLOSE);
    if (a != NULL) a->client = client;
}

static void forget(posw_stratum *s, stratum_conn *c) {
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->first = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    else
        s->last = c->prev;
    (void)posw_map_remove(&s->by_id, &c->id);
    unsigned *of_site = posw_map_find(&s->by_site, c->site);
    if (--*of_site == 0) (void)posw_map_remove(&s->by_site, c->site);
    if (c->account != NULL) {
        stratum_account_leave(c->account);
        s->counters.logins--;
    }
    s->counters.connections--;
    posw_stratum_lines_clear(&c->lines);
    free(c);
}

void stratum_close(posw_stratum *s, stratum_conn *c, posw_actions *out) {
    close_client(c->id, out);
    forget(s, c);
}

void stratum_give_job(posw_stratum *s, stratum_conn *c, enum posw_stratum_reply_type type, const char *id,
                      posw_actions *out) {
    const stratum_account *a = c->account;
    const stratum_work *w = &a->works[a->current];
    if (!w->used) return; /* a block already: there is other work in a moment */
    stratum_job *j = &c->jobs[c->next_job++ % STRATUM_JOBS];
    *j = (stratum_job){.id = s->next_id++, .work = w->serial};
    posw_store_be32(j->extra, s->next_extra++);
    posw_stratum_reply r = {.type = type, .session = c->session};
    (void)snprintf(r.id, sizeof r.id, "%s", id);
    r.job = (posw_stratum_job){
        .id = j->id, .height = w->work.number, .key = w->work.key, .has_stake = true, .stake = a->stake};
    /* Whole words below the target's topmost are left to the node's check; a target below one word is one. */
    r.job.target = w->work.target.w[3] > 0 ? w->work.target.w[3] : 1;
    memcpy(r.job.input, w->work.input, sizeof r.job.input);
    memcpy(r.job.input + POSW_STRATUM_NONCE_OFFSET + POSW_STRATUM_NONCE_SIZE, j->extra, sizeof j->extra);
    (void)snprintf(r.job.algorithm, sizeof r.job.algorithm, "%s", s->algorithm);
    s->counters.jobs++;
    stratum_reply(c, &r, out);
}

/* ---- requests ---- */

/* "0x….worker" or "0x…+worker" */
static bool parse_login(posw_address *miner, char worker[33], const char *login) {
    char address[2 * POSW_ADDRESS_SIZE + 3];
    const size_t size = strcspn(login, ".+");
    if (size != sizeof address - 1) return false;
    memcpy(address, login, size);
    address[size] = '\0';
    size_t n = 0;
    for (const char *p = login + size; *p != '\0' && n < 32; p++)
        if (p > login + size) worker[n++] = *p >= ' ' && *p <= '~' ? *p : '?';
    worker[n] = '\0';
    return posw_address_parse(miner, address);
}

static const char HELD[] = "This node is behind the chain or has no peers; it takes miners when it has caught up";

/* for_good: it is the login's own fault, and the same one will be refused again. */
static void refuse_login(posw_stratum *s, stratum_conn *c, const char *id, const char *why, bool for_good,
                         posw_actions *out) {
    s->counters.refused++;
    posw_log_write(posw_node_log(s->node), POSW_LOG_DEBUG, "stratum", "a login was refused: %s", why);
    refuse_client(c->id, id, out, why, for_good);
    stratum_close(s, c, out);
}

static void on_login(posw_stratum *s, stratum_conn *c, const posw_stratum_request *r, posw_actions *out) {
    posw_address miner;
    posw_message why = {""};
    if (c->account != NULL) {
        stratum_refuse(c, r->id, out, "Logged in already");
    } else if (posw_node_mining_is_held(s->node)) {
        refuse_login(s, c, r->id, HELD, false, out);
    } else if (r->lists_algorithms && !r->knows) {
        (void)posw_message_set(&why, POSW_EUNSUPPORTED, "This chain is mined with %s, which is not among your miner's",
                               s->algorithm);
        refuse_login(s, c, r->id, why.text, true, out);
    } else if (!parse_login(&miner, c->worker, r->login)) {
        refuse_login(s, c, r->id, "The login is your address, 0x and 40 digits, or 0x….NAME of a machine", true, out);
    } else {
        const int err = stratum_account_get(s, &c->account, &miner, &why, out);
        if (err != POSW_OK) {
            refuse_login(s, c, r->id, why.text, err == POSW_EAUTH, out);
            return;
        }
        s->counters.logins++;
        c->session = s->next_id++;
        posw_log_write(posw_node_log(s->node), POSW_LOG_DEBUG, "stratum", "login %.42s %s (%s)", r->login, c->worker,
                       r->agent);
        stratum_give_job(s, c, POSW_STRATUM_WELCOME, r->id, out);
    }
}

static void on_request(posw_stratum *s, stratum_conn *c, const posw_stratum_request *r, posw_actions *out) {
    posw_stratum_reply done = {.type = POSW_STRATUM_STATUS};
    memcpy(done.id, r->id, sizeof done.id);
    if (r->method == POSW_STRATUM_LOGIN) {
        on_login(s, c, r, out);
        return;
    }
    if (r->method == POSW_STRATUM_OTHER) {
        stratum_refuse(c, r->id, out, "Invalid method");
        return;
    }
    if (c->account == NULL || (r->method == POSW_STRATUM_SUBMIT && r->session != c->session)) {
        stratum_refuse(c, r->id, out, "Unauthenticated");
        stratum_close(s, c, out);
    } else if (r->method == POSW_STRATUM_GETJOB) {
        stratum_give_job(s, c, POSW_STRATUM_JOB, r->id, out);
    } else if (r->method == POSW_STRATUM_SUBMIT) {
        stratum_submit(s, c, r, out);
    } else {
        stratum_reply(c, &done, out);
    }
}

/* May this connection ask once more? A request costs a thousand tokens, and each millisecond gives requests_per_s. */
static bool spend(posw_stratum *s, stratum_conn *c) {
    const uint64_t most = 1000ull * s->o.requests_burst, more = (s->now_ms - c->filled_ms) * s->o.requests_per_s;
    c->tokens = c->tokens + more < most ? c->tokens + more : most;
    c->filled_ms = s->now_ms;
    if (c->tokens < 1000) return false;
    c->tokens -= 1000;
    return true;
}

static void malformed(posw_stratum *s, stratum_conn *c, const char *text, posw_actions *out) {
    s->counters.malformed++;
    stratum_refuse(c, "null", out, "%s", text);
    stratum_close(s, c, out);
}

static void on_line(posw_stratum *s, stratum_conn *c, posw_bytes line, posw_actions *out) {
    posw_stratum_request r;
    posw_message why = {""};
    if (!spend(s, c)) {
        s->counters.excess++;
        if (++c->excess < s->o.excess_max)
            stratum_refuse(c, "null", out, "Too many requests");
        else
            malformed(s, c, "Too many requests", out);
        return;
    }
    if (line.size == 0) return;
    const int err = posw_stratum_request_decode(&r, line, s->algorithm, &why);
    if (err == POSW_EPARSE)
        malformed(s, c, "Malformed request: one JSON object a line is expected", out);
    else if (stratum_is_banned(s, c))
        malformed(s, c, "IP Address currently banned", out);
    else if (err != POSW_OK)
        stratum_refuse(c, r.id, out, "%s", why.text);
    else
        on_request(s, c, &r, out);
}

static void on_data(posw_stratum *s, const posw_event *e, posw_actions *out) {
    stratum_conn *c = stratum_find(s, e->client);
    posw_bytes line;
    if (c == NULL) return;
    if (!posw_stratum_lines_add(&c->lines, e->data)) {
        stratum_close(s, c, out);
        return;
    }
    for (;;) {
        const enum posw_stratum_cut cut = posw_stratum_lines_next(&c->lines, &line);
        if (cut == POSW_STRATUM_CUT_TOO_LONG) malformed(s, c, "The line is too long", out);
        if (cut != POSW_STRATUM_CUT_LINE) return;
        on_line(s, c, line, out);
        c = stratum_find(s, e->client);
        if (c == NULL) return;
    }
}

/* ---- connections ---- */

static unsigned count_of(const posw_stratum *s, const uint8_t site[16]) {
    const unsigned *n = posw_map_find(&s->by_site, site);
    return n == NULL ? 0 : *n;
}

/* Whose place a newcomer takes when there is none left: of the site with most connections, if that has more even then
 * than the newcomer's. Who is not logged in goes first, then who came last. NULL: nobody's. */
static stratum_conn *to_displace(const posw_stratum *s, const uint8_t site[16]) {
    const unsigned own = count_of(s, site) + 1;
    unsigned most = own;
    stratum_conn *worst = NULL;
    for (stratum_conn *c = s->first; c != NULL; c = c->next) {
        const unsigned n = count_of(s, c->site);
        if (n <= own || n < most) continue;
        if (n == most && c->account != NULL && worst->account == NULL) continue;
        most = n;
        worst = c;
    }
    return worst;
}

static const char MANY[] = "Too many connections";

/* places: that the sockets' side has, which may be fewer; 0: any number. */
static bool has_place(posw_stratum *s, const uint8_t site[16], unsigned places, posw_actions *out) {
    const unsigned most = places != 0 && places < s->o.connections_max ? places : s->o.connections_max;
    if (count_of(s, site) >= s->o.address_connections) return false;
    if (s->counters.connections < most) return true;
    stratum_conn *other = to_displace(s, site);
    if (other == NULL) return false;
    s->counters.refused++;
    stratum_refuse(other, "null", out, "%s", MANY);
    stratum_close(s, other, out);
    return true;
}

static void turn_away(posw_stratum *s, uint64_t client, const char *why, posw_actions *out) {
    s->counters.refused++;
    refuse_client(client, "null", out, why, false);
    close_client(client, out);
}

static void on_open(posw_stratum *s, const posw_event *e, posw_actions *out) {
    uint8_t site[16];
    posw_netaddr_site(site, &e->address);
    if (!has_place(s, site, e->places, out)) {
        turn_away(s, e->client, MANY, out);
        return;
    }
    stratum_conn *c = calloc(1, sizeof *c);
    unsigned *of_site = c == NULL ? NULL : posw_map_put(&s->by_site, site, NULL);
    stratum_conn **slot = of_site == NULL ? NULL : posw_map_put(&s->by_id, &e->client, NULL);
    if (slot == NULL) {
        if (of_site != NULL && *of_site == 0) (void)posw_map_remove(&s->by_site, site);
        free(c);
        turn_away(s, e->client, "Out of memory", out);
        return;
    }
    *slot = c;
    ++*of_site;
    c->id = e->client;
    c->opened_ms = c->filled_ms = s->now_ms;
    c->tokens = 1000ull * s->o.requests_burst;
    posw_netaddr_unit(c->address, &e->address);
    memcpy(c->site, site, sizeof c->site);
    c->prev = s->last;
    if (s->last != NULL)
        s->last->next = c;
    else
        s->first = c;
    s->last = c;
    s->counters.connections++;
}

static void on_closed(posw_stratum *s, const posw_event *e) {
    stratum_conn *c = stratum_find(s, e->client);
    if (c != NULL) forget(s, c);
}

/* ---- time ---- */

static uint64_t renew_at(const posw_stratum *s, const stratum_account *a) {
    if (s->reads_own_time) return a->made_ms + s->o.own_time_refresh_ms;
    return a->made_ms + (a->pool_changed ? s->o.pool_refresh_ms : s->o.refresh_ms);
}

static void on_tick(posw_stratum *s, posw_actions *out) {
    for (stratum_conn *c = s->first, *next; c != NULL; c = next) {
        next = c->next;
        if (c->account != NULL || s->now_ms < c->opened_ms + s->o.login_ms) continue;
        stratum_refuse(c, "null", out, "No login");
        stratum_close(s, c, out);
    }
    for (size_t i = 0; i < s->o.accounts_max; i++) {
        stratum_account *a = &s->accounts[i];
        if (a->users > 0 && s->now_ms >= renew_at(s, a)) stratum_account_renew(s, a, out);
    }
}

static void hold(posw_stratum *s, posw_actions *out) {
    if (!posw_node_mining_is_held(s->node)) return;
    for (stratum_conn *c = s->first, *next; c != NULL; c = next) {
        next = c->next;
        if (c->account == NULL) continue;
        stratum_refuse(c, "null", out, "%s", HELD);
        stratum_close(s, c, out);
    }
}

static void set_timer(posw_stratum *s) {
    uint64_t at = UINT64_MAX;
    for (const stratum_conn *c = s->first; c != NULL; c = c->next)
        if (c->account == NULL && c->opened_ms + s->o.login_ms < at) at = c->opened_ms + s->o.login_ms;
    s->counters.accounts = 0;
    for (size_t i = 0; i < s->o.accounts_max; i++) {
        if (s->accounts[i].users == 0) continue;
        s->counters.accounts++;
        if (renew_at(s, &s->accounts[i]) < at) at = renew_at(s, &s->accounts[i]);
    }
    posw_node_wake_at(s->node, POSW_SERVICE_STRATUM, at);
}

/* ---- the service ---- */

static void on_event(void *arg, posw_node *n, const posw_event *e, posw_actions *out) {
    posw_stratum *s = arg;
    s->now_ms = posw_node_now_ms(n);
    hold(s, out);
    if (e->type == POSW_EVENT_MINER_OPEN)
        on_open(s, e, out);
    else if (e->type == POSW_EVENT_MINER_DATA)
        on_data(s, e, out);
    else if (e->type == POSW_EVENT_MINER_CLOSED)
        on_closed(s, e);
    else if (e->type == POSW_EVENT_TICK)
        on_tick(s, out);
    else if (e->type == POSW_EVENT_JOB_DONE && e->job->type == POSW_JOB_SHARE)
        stratum_share_done(s, e->job, out);
    set_timer(s);
}

static void on_chain_changed(void *arg, posw_node *n, const posw_chain_change *change, posw_actions *out) {
    posw_stratum *s = arg;
    (void)change;
    s->now_ms = posw_node_now_ms(n);
    hold(s, out);
    for (size_t i = 0; i < s->o.accounts_max; i++) {
        if (s->accounts[i].users > 0)
            stratum_account_renew(s, &s->accounts[i], out);
        else
            stratum_account_clear(&s->accounts[i]);
    }
    set_timer(s);
}

static void on_tx(void *arg, posw_node *n, const posw_mempool_entry *e, posw_actions *out) {
    posw_stratum *s = arg;
    bool is_news = false;
    (void)n, (void)e, (void)out;
    for (size_t i = 0; i < s->o.accounts_max; i++) {
        is_news = is_news || !s->accounts[i].pool_changed;
        s->accounts[i].pool_changed = true;
    }
    if (is_news) set_timer(s);
}

static void set_defaults(posw_stratum_options *o) {
    const struct {
        unsigned *at, value;
    } d[] = {{&o->connections_max, 1024}, {&o->address_connections, 64}, {&o->accounts_max, 16},
             {&o->login_ms, 10000},       {&o->refresh_ms, 30000},       {&o->pool_refresh_ms, 10000},
             {&o->requests_per_s, 20},    {&o->requests_burst, 60},      {&o->excess_max, 200},
             {&o->false_max, 3},          {&o->ban_ms, 600000},          {&o->own_time_refresh_ms, 5000}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(d); i++)
        if (*d[i].at == 0) *d[i].at = d[i].value;
}

int posw_stratum_new(posw_stratum **out, posw_node *n, const posw_stratum_options *o) {
    if (o->key_count > POSW_STRATUM_KEYS_MAX) return POSW_EINVAL;
    posw_stratum *s = calloc(1, sizeof *s);
    if (s == NULL) return POSW_ENOMEM;
    s->o = *o;
    s->o.keys = NULL;
    set_defaults(&s->o);
    s->accounts = calloc(s->o.accounts_max, sizeof *s->accounts);
    if (s->accounts == NULL) {
        free(s);
        return POSW_ENOMEM;
    }
    if (o->key_count > 0) memcpy(s->keys, o->keys, o->key_count * sizeof *s->keys);
    s->node = n;
    s->chain = posw_node_chain(n);
    s->algorithm = posw_stratum_algorithm(posw_chain_params(s->chain)->pow);
    s->reads_own_time = posw_difficulty_reads_own_time(posw_chain_params(s->chain)->difficulty_rule);
    s->next_id = 1;
    s->next_extra = posw_load_be32(o->seed); /* another node's miners of the same address search elsewhere */
    posw_map_init(&s->by_id, sizeof(uint64_t), sizeof(stratum_conn *), o->seed);
    posw_map_init(&s->by_site, sizeof s->first->site, sizeof(unsigned), o->seed);
    const posw_node_service service = {
        .event = on_event, .chain_changed = on_chain_changed, .tx_accepted = on_tx, .arg = s};
    posw_node_set_service(n, POSW_SERVICE_STRATUM, &service);
    *out = s;
    return POSW_OK;
}

void posw_stratum_free(posw_stratum *s) {
    if (s == NULL) return;
    posw_node_set_service(s->node, POSW_SERVICE_STRATUM, &(posw_node_service){0});
    for (size_t i = 0; i < STRATUM_SHARES_MAX; i++)
        if (s->shares[i].id != 0) stratum_account_leave(s->shares[i].account);
    while (s->first != NULL)
        forget(s, s->first);
    for (size_t i = 0; i < s->o.accounts_max; i++)
        stratum_account_clear(&s->accounts[i]);
    posw_map_clear(&s->by_id);
    posw_map_clear(&s->by_site);
    posw_wipe(s->keys, sizeof s->keys);
    free(s->accounts);
    free(s);
}

posw_stratum_counters posw_stratum_read_counters(const posw_stratum *s) {
    return s->counters;
}
