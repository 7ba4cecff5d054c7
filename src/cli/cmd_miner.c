/* posw miner: mines for an address on a node of somebody else, or of another machine. */
#include "cli/commands.h"

#include "base/bytes.h"
#include "base/netaddr.h"
#include "base/units.h"
#include "io/rig.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PORT = 3333 };

static const cli_option options[] = {
    {"url", "URL", NULL,
     "the node's door for miners: stratum+tcp://HOST:PORT, or with --fingerprint stratum+ssl://HOST:PORT"},
    {"fingerprint", "HEX", NULL, "use TLS, and only with the certificate of this fingerprint, which the node prints"},
    {"login", "ADDRESS", NULL, "the address to mine for; .NAME behind it names the machine"},
    {"threads", "N", "0", "threads that search; 0: one for each core"},
    {"throttle", "PERCENT", "0", "rest so much of the time, for a cool and quiet machine: 0 to 90"},
    {"report", "SECONDS", "60", "time between two lines about the speed; 0: only at the end"},
    {"shares", "N", "0", "stop after so many accepted shares; 0: mine until Ctrl-C"},
    {"json", NULL, NULL, "one JSON object a line for programs"},
    {NULL, NULL, NULL, NULL},
};

typedef struct {
    bool json;
    double per_s; /* hashes, of the latest report; 0: not known yet */
    bool has_stake;
    posw_stratum_stake stake; /* that was spoken of last */
} miner;

/* ---- numbers for people ---- */

typedef struct {
    char text[POSW_AMOUNT_SIZE];
} shown;

static shown speed(double per_s) {
    static const char *const units[] = {"H/s", "kH/s", "MH/s", "GH/s"};
    size_t i = 0;
    shown s;
    for (; per_s >= 10000 && i + 1 < POSW_ARRAY_SIZE(units); i++)
        per_s /= 1000;
    (void)snprintf(s.text, sizeof s.text, "%.*f %s", per_s < 100 ? 1 : 0, per_s, units[i]);
    return s;
}

static shown duration(double s) {
    shown d;
    if (!isfinite(s))
        (void)snprintf(d.text, sizeof d.text, "for ever");
    else if (s < 120)
        (void)snprintf(d.text, sizeof d.text, "%.1f s", s);
    else if (s < 7200)
        (void)snprintf(d.text, sizeof d.text, "%.0f min", s / 60);
    else if (s < 172800)
        (void)snprintf(d.text, sizeof d.text, "%.1f h", s / 3600);
    else
        (void)snprintf(d.text, sizeof d.text, "%.1f days", s / 86400);
    return d;
}

static shown coins(const posw_u256 *wei) {
    shown s;
    (void)posw_amount_format(s.text, wei);
    return s;
}

enum { FOLD_SIZE = POSW_U256_DEC_SIZE + 8 };

static void fold(char out[FOLD_SIZE], const posw_u256 *weight) {
    char number[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(number, weight);
    if (strcmp(number, "1") == 0)
        (void)snprintf(out, FOLD_SIZE, "once");
    else
        (void)snprintf(out, FOLD_SIZE, "%s times", number);
}

static double real(const posw_u256 *v) {
    return ldexp((double)v->w[3], 192) + ldexp((double)v->w[2], 128) + ldexp((double)v->w[1], 64) + (double)v->w[0];
}

/* Mean time to a block with F times the base target. */
static shown time_with(const miner *m, const posw_u256 *difficulty, const posw_u256 *weight) {
    const double hashes = real(difficulty) / real(weight);
    return duration(m->per_s > 0 ? (hashes > 1 ? hashes : 1) / m->per_s : INFINITY);
}

/* At the chain's mean time between blocks. */
static shown time_until(const posw_stratum_job *j, uint64_t block) {
    const uint64_t blocks = block > j->height ? block - j->height : 0;
    return duration((double)blocks * (double)j->stake.coming.block_time_s);
}

/* ---- what stake does ---- */

static void print_times(const miner *m, const posw_stratum_stake *s) {
    if (m->per_s <= 0 || posw_u256_equal(&s->weight, &s->step_weight)) return;
    printf(": at this speed a block in %s instead of %s", time_with(m, &s->difficulty, &s->step_weight).text,
           time_with(m, &s->difficulty, &s->weight).text);
}

static void print_tickets(const miner *m, const posw_stratum_stake *s) {
    char boost[FOLD_SIZE];
    fold(boost, &s->boost);
    const bool is_free = s->tickets > s->used;
    printf("stake    %s coin, %" PRIu64 " ticket%s, %" PRIu64 " of them used up: a hash counts %s\n",
           coins(&s->stake_wei).text, s->tickets, posw_plural(s->tickets), s->used < s->tickets ? s->used : s->tickets,
           is_free ? boost : "once");
    if (posw_u256_is_zero(&s->step_wei)) return;
    printf("         with %s coin more, ", coins(&s->step_wei).text);
    if (is_free) {
        printf("one ticket more: one block more of %" PRIu64 " may be found with a hash that counts %s\n",
               s->window_blocks, boost);
        return;
    }
    printf("one free ticket: a hash counts %s until a block uses it up for %" PRIu64 " blocks", boost,
           s->window_blocks);
    print_times(m, s);
    putchar('\n');
}

static void print_power(const miner *m, const posw_stratum_stake *s) {
    char now[FOLD_SIZE], then[FOLD_SIZE];
    fold(now, &s->weight);
    fold(then, &s->step_weight);
    printf("stake    %s coin: a hash counts %s\n", coins(&s->stake_wei).text, now);
    if (posw_u256_is_zero(&s->step_wei)) return;
    printf("         with %s coin more, it counts %s", coins(&s->step_wei).text, then);
    print_times(m, s);
    putchar('\n');
}

static void print_change(const posw_stratum_job *j, const posw_u256 *before, const posw_u256 *after, uint64_t from) {
    const bool is_more = posw_u256_cmp(after, before) > 0;
    const posw_u256 by = is_more ? posw_u256_sub_sat(after, before) : posw_u256_sub_sat(before, after);
    printf("         %s coin %s from block %" PRIu64 " on, in about %s\n", coins(&by).text,
           is_more ? "more count" : "fewer count", from, time_until(j, from).text);
}

/* What was staked or unstaked and does not show yet. */
static void print_coming(const posw_stratum_job *j) {
    const posw_stratum_coming *c = &j->stake.coming;
    const posw_u256 *next = c->next_from > 0 ? &c->next_wei : &j->stake.stake_wei;
    if (c->next_from > 0) print_change(j, &j->stake.stake_wei, next, c->next_from);
    if (c->later_from > 0) print_change(j, next, &c->later_wei, c->later_from);
    if (c->exit_block > 0)
        printf("         %s coin are on their way out, the last of them free in block %" PRIu64 ", in about %s\n",
               coins(&c->exiting_wei).text, c->exit_block, time_until(j, c->exit_block).text);
    if (!posw_u256_is_zero(&c->unlocked_wei))
        printf("         %s coin are free: take them with 'posw stake withdraw'\n", coins(&c->unlocked_wei).text);
}

/* When it has changed; and again when the speed is known for the first time. */
static void print_stake(miner *m, const posw_stratum_job *j, bool again) {
    if (j == NULL || !j->has_stake) return;
    posw_stratum_stake s = j->stake;
    s.difficulty = m->stake.difficulty; /* which changes with each block, and is nothing to speak of */
    const bool is_same = m->has_stake && memcmp(&s, &m->stake, sizeof s) == 0;
    m->stake = j->stake;
    m->has_stake = true;
    if (is_same && !again) return;
    if (j->stake.tickets_rule)
        print_tickets(m, &j->stake);
    else
        print_power(m, &j->stake);
    print_coming(j);
}

/* ---- lines for people ---- */

static double expected_hashes(const posw_stratum_job *j) {
    return j == NULL ? INFINITY : ldexp(1, 64) / (double)j->target;
}

static void print_report(miner *m, const posw_rig_event *e) {
    const bool first = m->per_s == 0;
    m->per_s = e->report_ms == 0 ? 0 : (double)e->report_hashes * 1000 / (double)e->report_ms;
    printf("speed    %s, accepted %" PRIu64 ", rejected %" PRIu64 ", %.0f hashes in all", speed(m->per_s).text,
           e->accepted, e->rejected, (double)e->hashes);
    if (e->job != NULL && m->per_s > 0)
        printf("; a block in %s on average", duration(expected_hashes(e->job) / m->per_s).text);
    putchar('\n');
    if (first) print_stake(m, e->job, true);
}

static void print_event(miner *m, const posw_rig_event *e) {
    switch (e->news) {
    case POSW_RIG_CONNECTED:
        printf("connected to %s\n", e->text);
        break;
    case POSW_RIG_LOST:
        printf("not connected: %s; next try in %.1f s\n", e->text, (double)e->retry_ms / 1000);
        break;
    case POSW_RIG_WELCOME:
        puts("logged in");
        break;
    case POSW_RIG_JOB:
        printf("job      block %" PRIu64 ", %s, %.4g hashes on average\n", e->job->height, e->job->algorithm,
               expected_hashes(e->job));
        print_stake(m, e->job, false);
        break;
    case POSW_RIG_FOUND:
        break;
    case POSW_RIG_ACCEPTED:
        printf("accepted %" PRIu64 ", rejected %" PRIu64 "\n", e->accepted, e->rejected);
        break;
    case POSW_RIG_REJECTED:
        printf("rejected: %s (accepted %" PRIu64 ", rejected %" PRIu64 ")\n", e->text, e->accepted, e->rejected);
        break;
    case POSW_RIG_NOTICE:
        printf("the node says: %s\n", e->text);
        break;
    case POSW_RIG_REPORT:
        print_report(m, e);
        break;
    }
}

/* ---- lines for programs ---- */

static const char *name_of(enum posw_rig_news news) {
    static const char *const names[] = {"connected", "lost",     "welcome", "job",   "found",
                                        "accepted",  "rejected", "notice",  "report"};
    return names[news];
}

static void json_coming(posw_jw *w, const posw_stratum_coming *c) {
    if (c->next_from > 0) {
        posw_jw_kv_quantity_u256(w, "nextStake", &c->next_wei);
        posw_jw_kv_u64(w, "nextFrom", c->next_from);
    }
    if (c->later_from > 0) {
        posw_jw_kv_quantity_u256(w, "laterStake", &c->later_wei);
        posw_jw_kv_u64(w, "laterFrom", c->later_from);
    }
    if (c->exit_block > 0) {
        posw_jw_kv_quantity_u256(w, "exiting", &c->exiting_wei);
        posw_jw_kv_u64(w, "exitBlock", c->exit_block);
    }
    if (!posw_u256_is_zero(&c->unlocked_wei)) posw_jw_kv_quantity_u256(w, "unlocked", &c->unlocked_wei);
}

static void json_job(posw_jw *w, const posw_stratum_job *j) {
    posw_jw_kv_u64(w, "height", j->height);
    posw_jw_kv_string(w, "algorithm", j->algorithm);
    posw_jw_kv_quantity(w, "target", j->target);
    if (!j->has_stake) return;
    posw_jw_kv_quantity_u256(w, "weight", &j->stake.weight);
    posw_jw_kv_quantity_u256(w, "stake", &j->stake.stake_wei);
    posw_jw_kv_quantity_u256(w, "moreStake", &j->stake.step_wei);
    posw_jw_kv_quantity_u256(w, "moreWeight", &j->stake.step_weight);
    json_coming(w, &j->stake.coming);
    if (!j->stake.tickets_rule) return;
    posw_jw_kv_u64(w, "tickets", j->stake.tickets);
    posw_jw_kv_u64(w, "used", j->stake.used);
}

static void print_json(const posw_rig_event *e) {
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    posw_jw_object(&w);
    posw_jw_kv_string(&w, "event", name_of(e->news));
    posw_jw_kv_u64(&w, "ms", e->ms);
    if (e->text != NULL && e->text[0] != '\0') posw_jw_kv_string(&w, "text", e->text);
    if (e->news == POSW_RIG_LOST) posw_jw_kv_u64(&w, "retryMs", e->retry_ms);
    if (e->news == POSW_RIG_JOB) json_job(&w, e->job);
    posw_jw_kv_u64(&w, "accepted", e->accepted);
    posw_jw_kv_u64(&w, "rejected", e->rejected);
    if (e->news == POSW_RIG_REPORT) {
        posw_jw_kv_u64(&w, "hashes", e->hashes);
        posw_jw_key(&w, "hashesPerSecond");
        posw_jw_double(&w, e->report_ms == 0 ? 0 : (double)e->report_hashes * 1000 / (double)e->report_ms);
    }
    posw_jw_object_end(&w);
    (void)cli_print(&b);
}

static void on_event(void *arg, const posw_rig_event *e) {
    miner *m = arg;
    if (m->json)
        print_json(e);
    else
        print_event(m, e);
    (void)fflush(stdout);
}

/* ---- the command ---- */

static bool read_url(const cli *c, posw_node_url *out) {
    const char *scheme = cli_given(c, "fingerprint") ? "stratum+ssl://" : "stratum+tcp://", *url = cli_text(c, "url");
    if (strncmp(url, scheme, strlen(scheme)) == 0) url += strlen(scheme);
    return strstr(url, "://") == NULL && posw_node_url_parse(out, url, PORT);
}

static int run(cli *c) {
    posw_node_url url;
    posw_address address;
    posw_message msg = {""};
    uint64_t threads, throttle, report, shares;
    const char *login = cli_text(c, "login"), *pin = cli_text(c, "fingerprint");
    uint8_t fingerprint[POSW_FINGERPRINT_SIZE];
    if (cli_text(c, "url") == NULL || login == NULL)
        return cli_usage(c, "--url stratum+tcp://HOST:PORT and --login ADDRESS are needed");
    if (!read_url(c, &url))
        return cli_usage(c, "--url must be like stratum+tcp://203.0.113.7:3333, or stratum+ssl://… with --fingerprint");
    if (pin != NULL && !posw_hex_decode(fingerprint, sizeof fingerprint, pin, strlen(pin)))
        return cli_usage(c, "--fingerprint must be 64 hexadecimal digits");
    char account[64];
    (void)snprintf(account, sizeof account, "%.*s", (int)strcspn(login, ".+"), login);
    if (!cli_address(c, "--login", account, &address)) return CLI_USAGE;
    if (strlen(login) > POSW_STRATUM_LOGIN_MAX) return cli_usage(c, "--login is too long");
    if (!cli_u64(c, "threads", 0, 256, &threads) || !cli_u64(c, "throttle", 0, 90, &throttle) ||
        !cli_u64(c, "report", 0, 86400, &report) || !cli_u64(c, "shares", 0, UINT64_MAX, &shares))
        return CLI_USAGE;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (threads == 0) threads = cores < 1 ? 1 : cores > 256 ? 256 : (uint64_t)cores;
    miner m = {.json = cli_switch(c, "json")};
    const posw_rig_options o = {.host = url.host,
                                .port = url.port,
                                .fingerprint = pin == NULL ? NULL : fingerprint,
                                .login = login,
                                .agent = "posw-miner/" POSW_VERSION,
                                .threads = (unsigned)threads,
                                .throttle = (unsigned)throttle,
                                .shares = shares,
                                .report_ms = report * 1000,
                                .said = on_event,
                                .arg = &m};
    const int err = posw_rig_run(&o, &msg);
    return err == POSW_OK ? CLI_OK : cli_fail("%s", msg.text[0] != '\0' ? msg.text : posw_error_text(err));
}

const cli_command cli_command_miner = {
    "miner",
    "--url URL --login ADDRESS [OPTIONS]",
    "mine for an address on another node",
    "Searches blocks for an address on a node that was started with --stratum, and tells what it has found and what "
    "more "
    "stake would change. The node signs the blocks, so it must hold the key of the address or be its signer (posw "
    "stake signer). "
    "When the connection is lost, or the node is behind the chain, it tries again after 1 s, later after up to a "
    "minute; "
    "when the node refuses the login for good it ends and says why. Stop it with Ctrl-C. xmrig speaks the same "
    "protocol.",
    "posw miner --url stratum+tcp://203.0.113.7:3333 --login 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266.desk\n"
    "posw miner --url stratum+tcp://203.0.113.7:3333 --login 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 --threads 2 "
    "--throttle 30",
    options,
    0,
    0,
    run};
