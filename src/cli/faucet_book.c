#include "cli/faucet_book.h"

#include "base/bytes.h"
#include "base/units.h"
#include "io/file.h"
#include "io/lock_file.h"
#include "posw/u256.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAY_S = 86400, HOUR_S = 3600, FILE_SIZE_MAX = 256 << 20, RAW_MAX = 1024 };
static const char *const STATES[] = {"queued", "signed", "sent", "paid", "failed"};

struct faucet_book {
    faucet_limits limits;
    faucet_payment *payments; /* by id */
    size_t count, room;
    uint64_t next_id;
    int lock, fd;
    char *path;
};

/* ---- lines ---- */

static json_t *hex_json(const void *data, size_t size) {
    char text[2 * RAW_MAX + 3] = "0x";
    POSW_ASSERT(size <= RAW_MAX);
    if (size > 0) posw_hex_encode(text + 2, data, size);
    return json_string(text);
}

static bool has_transaction(enum faucet_state state) {
    return state == FAUCET_SIGNED || state == FAUCET_SENT || state == FAUCET_PAID;
}

static char *line_of(const faucet_payment *p) {
    char wei[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(wei, &p->amount_wei);
    json_t *o = json_pack("{s:I, s:I, s:o, s:o, s:s, s:s}", "id", (json_int_t)p->id, "time", (json_int_t)p->time_s,
                          "to", hex_json(p->to.b, sizeof p->to.b), "group", hex_json(p->group, sizeof p->group), "wei",
                          wei, "state", STATES[p->state]);
    if (o != NULL && has_transaction(p->state)) {
        json_object_set_new(o, "nonce", json_integer((json_int_t)p->nonce));
        json_object_set_new(o, "hash", hex_json(p->hash.b, sizeof p->hash.b));
    }
    if (o != NULL && p->raw.size > 0) json_object_set_new(o, "raw", hex_json(p->raw.data, p->raw.size));
    char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return text;
}

static bool read_hex(void *out, size_t size, const json_t *v) {
    const char *text = json_string_value(v);
    return text != NULL && posw_hex_decode_prefixed(out, size, text, strlen(text));
}

static bool read_transaction(faucet_payment *p, const json_t *o) {
    const json_t *raw = json_object_get(o, "raw"), *nonce = json_object_get(o, "nonce");
    const size_t size = json_string_length(raw) / 2;
    if (!has_transaction(p->state)) return true;
    if (!json_is_integer(nonce) || json_integer_value(nonce) < 0 ||
        !read_hex(p->hash.b, sizeof p->hash.b, json_object_get(o, "hash")))
        return false;
    p->nonce = (uint64_t)json_integer_value(nonce);
    if (raw == NULL) return p->state == FAUCET_PAID;
    if (size < 2 || size - 1 > RAW_MAX) return false;
    uint8_t *room = posw_buf_extend(&p->raw, size - 1);
    return room != NULL && read_hex(room, size - 1, raw);
}

/* The caller clears p->raw in any case. */
static bool read_line(faucet_payment *p, const char *text, size_t size) {
    json_t *o = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *id = json_object_get(o, "id"), *time = json_object_get(o, "time");
    const char *wei = json_string_value(json_object_get(o, "wei")),
               *state = json_string_value(json_object_get(o, "state"));
    memset(p, 0, sizeof *p);
    bool ok = json_is_integer(id) && json_integer_value(id) > 0 && json_is_integer(time) &&
              json_integer_value(time) >= 0 && wei != NULL && state != NULL;
    size_t i = 0;
    while (ok && i < POSW_ARRAY_SIZE(STATES) && strcmp(STATES[i], state) != 0)
        i++;
    ok = ok && i < POSW_ARRAY_SIZE(STATES) && posw_u256_parse(&p->amount_wei, wei, strlen(wei)) &&
         read_hex(p->to.b, sizeof p->to.b, json_object_get(o, "to")) &&
         read_hex(p->group, sizeof p->group, json_object_get(o, "group"));
    if (ok) {
        p->id = (uint64_t)json_integer_value(id);
        p->time_s = (uint64_t)json_integer_value(time);
        p->state = (enum faucet_state)i;
        ok = read_transaction(p, o);
    }
    json_decref(o);
    return ok;
}

/* ---- payments ---- */

static faucet_payment *add(faucet_book *b) {
    if (b->count == b->room) {
        const size_t room = b->room == 0 ? 64 : 2 * b->room;
        faucet_payment *more = realloc(b->payments, room * sizeof *more);
        if (more == NULL) return NULL;
        b->payments = more;
        b->room = room;
    }
    faucet_payment *p = &b->payments[b->count++];
    memset(p, 0, sizeof *p);
    return p;
}

faucet_payment *faucet_book_find(faucet_book *b, uint64_t id) {
    for (size_t i = b->count; i > 0; i--)
        if (b->payments[i - 1].id == id) return &b->payments[i - 1];
    return NULL;
}

/* Takes over read->raw. */
static bool put(faucet_book *b, const faucet_payment *read) {
    faucet_payment *p = faucet_book_find(b, read->id);
    if (p == NULL) p = add(b);
    if (p == NULL) return false;
    posw_buf_clear(&p->raw);
    *p = *read;
    if (p->id >= b->next_id) b->next_id = p->id + 1;
    return true;
}

static bool is_waiting(const faucet_payment *p) {
    return p->state == FAUCET_QUEUED || p->state == FAUCET_SIGNED;
}

/* A clock that was set back makes a payment look as if it came later than now: it counts. */
static bool is_within(const faucet_payment *p, uint64_t now_s, uint64_t seconds) {
    return p->state != FAUCET_FAILED && (p->time_s > now_s || now_s - p->time_s < seconds);
}

static void drop_old(faucet_book *b, uint64_t now_s) {
    const uint64_t kept_s = b->limits.hours * HOUR_S > DAY_S ? b->limits.hours * HOUR_S : DAY_S;
    size_t kept = 0;
    for (size_t i = 0; i < b->count; i++) {
        faucet_payment *p = &b->payments[i];
        const bool open = is_waiting(p) || p->state == FAUCET_SENT;
        if (open || is_within(p, now_s, kept_s))
            b->payments[kept++] = *p;
        else
            posw_buf_clear(&p->raw);
    }
    b->count = kept;
}

/* ---- the file ---- */

static int load(faucet_book *b, const posw_buf *text, posw_message *msg) {
    const char *at = (const char *)text->data, *end = at + text->size;
    for (unsigned number = 1; at < end; number++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        faucet_payment p;
        if (line_end == NULL) return POSW_OK; /* cut by a crash: it had not been acted upon */
        const bool ok = read_line(&p, at, (size_t)(line_end - at));
        if (ok && put(b, &p)) {
            at = line_end + 1;
            continue;
        }
        posw_buf_clear(&p.raw);
        if (ok) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
        return posw_message_set(
            msg, POSW_ECORRUPT,
            "%s line %u is damaged: put a backup in its place, or move it away to begin with fresh limits", b->path,
            number);
    }
    return POSW_OK;
}

static int rewrite(faucet_book *b, posw_message *msg) {
    posw_buf text = {0};
    for (size_t i = 0; i < b->count; i++) {
        char *line = line_of(&b->payments[i]);
        posw_buf_text(&text, line != NULL ? line : "");
        posw_buf_byte(&text, '\n');
        if (line == NULL) text.failed = true;
        free(line);
    }
    const int err = text.failed ? posw_message_set(msg, POSW_ENOMEM, "out of memory")
                                : posw_file_write(b->path, text.data, text.size, 0600, msg);
    posw_buf_clear(&text);
    return err;
}

static int open_file(faucet_book *b, uint64_t now_s, posw_message *msg) {
    posw_buf text = {0};
    int err = posw_file_read(&text, b->path, FILE_SIZE_MAX, msg);
    if (err == POSW_ENOTFOUND) err = POSW_OK;
    if (err == POSW_OK) err = load(b, &text, msg);
    posw_buf_clear(&text);
    if (err != POSW_OK) return err;
    drop_old(b, now_s);
    err = rewrite(b, msg);
    if (err != POSW_OK) return err;
    b->fd = open(b->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    return b->fd >= 0 ? POSW_OK : posw_file_error(msg, errno, "open", b->path);
}

int faucet_book_open(faucet_book **out, const char *dir, const faucet_limits *limits, uint64_t now_s,
                     posw_message *msg) {
    faucet_book *b = calloc(1, sizeof *b);
    char *lock = NULL;
    if (b == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    *b = (faucet_book){.limits = *limits, .next_id = 1, .lock = -1, .fd = -1};
    int err = posw_file_make_directories(dir, 0700, msg);
    if (err == POSW_OK && (asprintf(&b->path, "%s/payments.jsonl", dir) < 0 || asprintf(&lock, "%s/lock", dir) < 0))
        err = posw_message_set(msg, POSW_ENOMEM, "out of memory");
    if (err == POSW_OK) err = posw_lock_file_take(&b->lock, lock, dir, msg);
    if (err == POSW_OK) err = open_file(b, now_s, msg);
    free(lock);
    if (err == POSW_OK)
        *out = b;
    else
        faucet_book_close(b);
    return err;
}

void faucet_book_close(faucet_book *b) {
    if (b == NULL) return;
    for (size_t i = 0; i < b->count; i++)
        posw_buf_clear(&b->payments[i].raw);
    free(b->payments);
    if (b->fd >= 0) close(b->fd);
    posw_lock_file_release(b->lock);
    free(b->path);
    free(b);
}

/* A line that could not be written whole is taken away again, so that the next does not join it. */
int faucet_book_note(faucet_book *b, const faucet_payment *p, posw_message *msg) {
    char *line = line_of(p);
    const off_t end = lseek(b->fd, 0, SEEK_END);
    if (line == NULL || end < 0) {
        free(line);
        return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    }
    const size_t size = strlen(line);
    line[size] = '\n';
    const bool ok = write(b->fd, line, size + 1) == (ssize_t)size + 1 && fdatasync(b->fd) == 0;
    const int why = errno;
    free(line);
    if (ok) return POSW_OK;
    (void)!ftruncate(b->fd, end);
    return posw_file_error(msg, why, "write", b->path);
}

/* ---- limits ---- */

static int refuse_for(posw_message *msg, const char *what, uint64_t seconds) {
    const uint64_t minutes = (seconds + 59) / 60;
    if (minutes < 120)
        return posw_message_set(msg, POSW_EFULL, "%s; ask again in %" PRIu64 " minute%s", what, minutes,
                                minutes == 1 ? "" : "s");
    return posw_message_set(msg, POSW_EFULL, "%s; ask again in %" PRIu64 " hours", what, (minutes + 59) / 60);
}

static uint64_t rest(const faucet_payment *p, uint64_t now_s, uint64_t seconds) {
    return p->time_s > now_s ? seconds : seconds - (now_s - p->time_s);
}

static int check_asker(const faucet_book *b, const posw_address *to, const uint8_t group[POSW_NETGROUP_SIZE],
                       uint64_t now_s, posw_message *msg) {
    const uint64_t seconds = b->limits.hours * HOUR_S;
    uint64_t of_group = 0;
    const faucet_payment *first = NULL;
    for (size_t i = 0; i < b->count; i++) {
        const faucet_payment *p = &b->payments[i];
        if (!is_within(p, now_s, seconds)) continue;
        if (posw_address_equal(&p->to, to))
            return refuse_for(msg, "this address has had its coins", rest(p, now_s, seconds));
        if (memcmp(p->group, group, POSW_NETGROUP_SIZE) != 0) continue;
        if (first == NULL) first = p;
        of_group++;
    }
    if (b->limits.per_group == 0 || of_group < b->limits.per_group) return POSW_OK;
    return refuse_for(msg, "your part of the network has had its coins", rest(first, now_s, seconds));
}

posw_u256 faucet_book_left(const faucet_book *b, uint64_t now_s) {
    posw_u256 given = POSW_U256_ZERO;
    for (size_t i = 0; i < b->count; i++)
        if (is_within(&b->payments[i], now_s, DAY_S)) given = posw_u256_add_sat(&given, &b->payments[i].amount_wei);
    return posw_u256_sub_sat(&b->limits.day_wei, &given);
}

static int check_day(const faucet_book *b, uint64_t now_s, posw_message *msg) {
    const posw_u256 left = faucet_book_left(b, now_s);
    if (posw_u256_cmp(&left, &b->limits.amount_wei) >= 0) return POSW_OK;
    uint64_t wait = DAY_S;
    for (size_t i = 0; i < b->count; i++)
        if (is_within(&b->payments[i], now_s, DAY_S) && rest(&b->payments[i], now_s, DAY_S) < wait)
            wait = rest(&b->payments[i], now_s, DAY_S);
    return refuse_for(msg, "all coins of this day are given away", wait);
}

int faucet_book_accept(faucet_book *b, faucet_payment **out, const posw_address *to,
                       const uint8_t group[POSW_NETGROUP_SIZE], uint64_t now_s, posw_message *msg) {
    drop_old(b, now_s);
    int err = check_asker(b, to, group, now_s, msg);
    if (err == POSW_OK) err = check_day(b, now_s, msg);
    if (err != POSW_OK) return err;
    if (faucet_book_waiting(b) >= FAUCET_QUEUE_MAX || b->count >= FAUCET_PAYMENTS_MAX)
        return posw_message_set(msg, POSW_EFULL, "too many are waiting; ask again in some minutes");
    faucet_payment *p = add(b);
    if (p == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    p->id = b->next_id++;
    p->time_s = now_s;
    p->to = *to;
    p->amount_wei = b->limits.amount_wei;
    memcpy(p->group, group, POSW_NETGROUP_SIZE);
    err = faucet_book_note(b, p, msg);
    if (err == POSW_OK)
        *out = p;
    else
        b->count--;
    return err;
}

/* ---- reading ---- */

static faucet_payment *first_in(faucet_book *b, enum faucet_state one, enum faucet_state other) {
    for (size_t i = 0; i < b->count; i++)
        if (b->payments[i].state == one || b->payments[i].state == other) return &b->payments[i];
    return NULL;
}

faucet_payment *faucet_book_next(faucet_book *b) {
    return first_in(b, FAUCET_QUEUED, FAUCET_SIGNED);
}

faucet_payment *faucet_book_unconfirmed(faucet_book *b) {
    return first_in(b, FAUCET_SENT, FAUCET_SENT);
}

const faucet_payment *faucet_book_latest(const faucet_book *b, const posw_address *to) {
    for (size_t i = b->count; i > 0; i--)
        if (posw_address_equal(&b->payments[i - 1].to, to)) return &b->payments[i - 1];
    return NULL;
}

size_t faucet_book_waiting(const faucet_book *b) {
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        n += is_waiting(&b->payments[i]);
    return n;
}

uint64_t faucet_book_nonce(const faucet_book *b) {
    uint64_t next = 0;
    for (size_t i = 0; i < b->count; i++) {
        const faucet_payment *p = &b->payments[i];
        if ((p->state == FAUCET_SIGNED || p->state == FAUCET_SENT) && p->nonce >= next) next = p->nonce + 1;
    }
    return next;
}
