#include "world_internal.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "p2p/message.h"
#include "posw/u256.h"
#include "store/store_memory.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- Log ---- */

static void say(world *w, size_t i, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(world *w, size_t i, const char *format, ...) {
    char line[1200];
    va_list args;
    int n =
        snprintf(line, sizeof line, "%10" PRIu64 ".%06" PRIu64 " %3zu ", w->now_us / 1000000, w->now_us % 1000000, i);
    va_start(args, format);
    n += vsnprintf(line + n, sizeof line - (size_t)n, format, args);
    va_end(args);
    if (n >= (int)sizeof line) n = sizeof line - 1;
    digest_bytes(&w->digest, line, (size_t)n);
    if (w->o.log != NULL) w->o.log(w->o.arg, line);
}

static void machine_log(void *arg, enum posw_log_level level, const char *category, const char *line) {
    machine *m = arg;
    say(m->w, (size_t)(m - m->w->machines), "%s %s: %s", posw_log_level_name(level), category, line);
}

posw_hash world_log_hash(const world *w) {
    posw_hash out;
    posw_keccak256(&out, &w->digest, sizeof w->digest);
    return out;
}

/* ---- Putting ---- */

void world_put(world *w, happening *h) {
    if (!queue_put(&w->queue, h, NULL)) w->result = POSW_ENOMEM;
}

uint64_t world_index_of(const world *w, const machine *m) {
    return (uint64_t)(m - w->machines);
}

happening world_happening(const world *w, const machine *m, enum what what, uint64_t at_us) {
    return (happening){.at_us = at_us, .what = what, .machine = (uint32_t)world_index_of(w, m), .life = m->life};
}

/* There is one of its kind for a machine, and the latest counts; *alarm is 0 or where it is. */
static void put_alarm(world *w, const machine *m, enum what what, uint64_t at_us, uint64_t generation,
                      uint32_t *alarm) {
    uint32_t slot;
    if (*alarm != 0) {
        queue_put_again(&w->queue, *alarm - 1, at_us, generation);
        return;
    }
    happening h = world_happening(w, m, what, at_us);
    h.number = generation;
    if (queue_put(&w->queue, &h, &slot))
        *alarm = slot + 1;
    else
        w->result = POSW_ENOMEM;
}

/* ---- A machine's life ---- */

static uint64_t clock_ms(const world *w, const machine *m) {
    return (uint64_t)((int64_t)(w->o.start_s * 1000 + w->now_us / 1000) + m->o.skew_ms);
}

uint64_t world_clock_s(const world *w, size_t machine_index) {
    return clock_ms(w, &w->machines[machine_index]) / 1000;
}

static void perform_all(world *w, machine *m, posw_actions *actions);

/* A step may end in another one (a machine that goes down tells its peers nothing, but a liar may act): so there are
 * several. */
static posw_actions take_actions(world *w) {
    return w->spare_count == 0 ? (posw_actions){0} : w->spare[--w->spare_count];
}

static void give_actions(world *w, posw_actions *actions) {
    posw_actions_reset(actions);
    if (w->spare_count < SPARE_MAX)
        w->spare[w->spare_count++] = *actions;
    else
        posw_actions_clear(actions);
}

/* Where a machine stands before something happens to it. */
typedef struct {
    uint64_t height, mined;
    posw_hash tip; /* set for who asks to be told */
} standing;

static void note_standing(const world *w, const machine *m, standing *s) {
    s->height = posw_chain_tip(m->chain)->number;
    s->mined = posw_node_blocks_mined(m->node);
    if (w->o.tip != NULL) s->tip = posw_chain_tip_hash(m->chain);
}

/* Counts what has changed, tells of a new tip, and does what the machine wants. */
static void happened(world *w, machine *m, const standing *before, posw_actions *actions) {
    standing now;
    note_standing(w, m, &now);
    const uint64_t own = now.mined - before->mined;
    if (now.height > before->height)
        w->deliveries += now.height - before->height > own ? now.height - before->height - own : 0;
    if (w->o.tip != NULL && !posw_hash_equal(&before->tip, &now.tip))
        w->o.tip(w->o.arg, w, world_index_of(w, m), &now.tip);
    perform_all(w, m, actions);
}

static void step(world *w, machine *m, posw_event *e) {
    posw_actions actions = take_actions(w);
    standing before;
    note_standing(w, m, &before);
    e->now_ms = clock_ms(w, m);
    posw_node_step(m->node, e, &actions);
    happened(w, m, &before, &actions);
    give_actions(w, &actions);
}

static int open_chain(world *w, machine *m, posw_message *msg) {
    const posw_chain_options co = {.spec = m->o.spec != NULL ? m->o.spec : w->o.spec,
                                   .store = m->store,
                                   .pow = &seal_engine,
                                   .log = &m->log,
                                   .cache_bytes_max = 4 << 20};
    return posw_chain_open(&m->chain, &co, msg);
}

static int empty_disk(machine *m) {
    m->store->ops->close(m->store);
    m->store = posw_store_memory_new_sharing(&m->w->values);
    return m->store != NULL ? POSW_OK : POSW_ENOMEM;
}

static int machine_up(world *w, machine *m) {
    const size_t i = world_index_of(w, m);
    posw_message msg = {""};
    posw_mempool_options mo;
    posw_p2p_options po;
    posw_node_url named[POSW_ARRAY_SIZE(m->o.named)];
    posw_miner_identity id = {.miner = m->miner};
    memcpy(id.secret, m->secret, sizeof id.secret);
    m->life++;
    m->work = (posw_work){0}; /* that of its last life is worth nothing */
    m->search_alarm = m->timer_alarm = 0;
    m->place_count = 0;
    int rc = open_chain(w, m, &msg);
    if (rc != POSW_OK) say(w, i, "the chain does not open: %s", msg.text);
    if (rc == POSW_EMISMATCH) rc = empty_disk(m) == POSW_OK ? open_chain(w, m, &msg) : POSW_ENOMEM;
    if (rc != POSW_OK) return rc;
    posw_mempool_options_default(&mo);
    mo.txs_max = 4096;
    mo.seed[0] = posw_random_u64(&w->random);
    rc = posw_mempool_new(&m->mempool, m->chain, &mo);
    const posw_node_options no = {.chain = m->chain,
                                  .mempool = m->mempool,
                                  .log = &m->log,
                                  .identity = m->is_miner ? &id : NULL,
                                  .pow = &seal_engine,
                                  .late_templates = !w->o.early_templates};
    if (rc == POSW_OK) rc = posw_node_new(&m->node, &no);
    posw_p2p_options_default(&po);
    po.node = m->node;
    po.log = &m->log;
    posw_random_fill(&w->random, po.seed, sizeof po.seed);
    po.self = m->id;
    po.listen_port = m->o.silent ? 0 : m->address.port;
    if (!m->o.silent) po.external = m->address;
    for (unsigned k = 0; k < m->o.named_count; k++)
        named[k] =
            (posw_node_url){.numeric = true, .address = w->machines[m->o.named[k]].address, .port = POSW_P2P_PORT};
    if (m->o.named_only)
        po.named = named, po.named_count = m->o.named_count, po.named_only = true;
    else
        po.bootnodes = named, po.bootnode_count = m->o.named_count;
    po.mine_alone = m->o.mine_alone;
    po.private_network = m->o.private_network;
    po.kept = posw_buf_view(&m->kept);
    if (m->o.outbound_max > 0) po.outbound_max = m->o.outbound_max;
    if (m->o.block_only_max > 0) po.block_only_max = m->o.block_only_max;
    if (m->o.inbound_max > 0) po.inbound_max = m->o.inbound_max;
    if (rc == POSW_OK) rc = posw_p2p_new(&m->p2p, &po);
    if (rc != POSW_OK) return rc;
    m->up = true;
    m->failed = false;
    m->upload_free_us = w->now_us;
    say(w, i, "up at block %" PRIu64, posw_chain_tip(m->chain)->number);
    posw_event e = {.type = POSW_EVENT_TICK};
    posw_actions actions = {0};
    step(w, m, &e);
    posw_p2p_start(m->p2p, &actions);
    perform_all(w, m, &actions);
    posw_actions_clear(&actions);
    return POSW_OK;
}

static void machine_down(world *w, machine *m, const char *why) {
    const size_t i = world_index_of(w, m);
    if (!m->up) return;
    say(w, i, "down: %s", why);
    m->up = false;
    m->life++;
    posw_p2p_free(m->p2p);
    posw_node_free(m->node);
    posw_mempool_free(m->mempool);
    (void)posw_chain_close(m->chain);
    posw_store_memory_fail(m->store, 0, POSW_OK, false);
    m->p2p = NULL;
    m->node = NULL;
    m->mempool = NULL;
    m->chain = NULL;
    for (size_t k = 0; k < w->link_count; k++) {
        link *l = &w->links[k];
        if (l->number != 0 && (l->machine[0] == i || l->machine[1] == i)) link_cut(w, l, 1000, "connection reset");
    }
}

static void come_back(world *w, machine *m, uint64_t down_ms) {
    happening h = world_happening(w, m, WHAT_START, w->now_us + down_ms * 1000);
    if (down_ms != 0) world_put(w, &h);
}

void world_stop(world *w, size_t i, uint64_t down_ms) {
    machine *m = &w->machines[i];
    posw_actions actions = {0};
    if (!m->up) return;
    posw_p2p_stop(m->p2p, &actions);
    perform_all(w, m, &actions);
    posw_actions_clear(&actions);
    machine_down(w, m, "stopped");
    come_back(w, m, down_ms);
}

/* Every later operation of the disk fails while the chain is closed: nothing that was not committed is. */
void world_crash(world *w, size_t i, uint64_t down_ms) {
    machine *m = &w->machines[i];
    if (!m->up) return;
    posw_store_memory_fail(m->store, 1, POSW_EIO, true);
    machine_down(w, m, "power off");
    come_back(w, m, down_ms);
}

void world_disk_fault(world *w, size_t i, uint64_t nth, uint64_t down_ms) {
    machine *m = &w->machines[i];
    if (!m->up) return;
    posw_store_memory_fail(m->store, nth, POSW_EIO, true);
    m->down_ms_after_fault = down_ms;
}

/* ---- Actions ---- */

static void search(world *w, machine *m, const posw_work *work) {
    m->work = *work;
    m->search++;
    if (m->o.hashes_per_s == 0) return;
    const uint64_t mean = seal_mean_us(w, work, m->o.hashes_per_s);
    put_alarm(w, m, WHAT_SEAL, w->now_us + 1 + posw_random_interval(&w->random, mean), m->search, &m->search_alarm);
}

static void set_timer(world *w, machine *m, uint64_t at_ms) {
    const uint64_t now = clock_ms(w, m), in_ms = at_ms > now ? at_ms - now : 0;
    put_alarm(w, m, WHAT_TIMER, w->now_us + (in_ms == 0 ? 1 : in_ms * 1000), ++m->timer, &m->timer_alarm);
}

static void perform(world *w, machine *m, posw_action *a) {
    int side;
    link *l;
    happening h;
    switch (a->type) {
    case POSW_ACTION_MINE:
        search(w, m, &a->work);
        break;
    case POSW_ACTION_MINE_STOP:
        m->search++;
        break;
    case POSW_ACTION_TIMER:
        set_timer(w, m, a->at_ms);
        break;
    case POSW_ACTION_PEER_CONNECT:
        link_dial(w, m, a);
        break;
    case POSW_ACTION_PEER_SEND:
        l = link_of(w, m, a->peer, &side);
        if (l != NULL) link_send(w, m, l, side, &a->data);
        break;
    case POSW_ACTION_PEER_CLOSE:
        link_close(w, m, a->peer);
        break;
    case POSW_ACTION_JOB:
        h = world_happening(w, m, WHAT_JOB, w->now_us + (uint64_t)w->o.job_ms * 1000);
        h.job = a->job;
        a->job = NULL;
        world_put(w, &h);
        break;
    case POSW_ACTION_RESOLVE:
        h = world_happening(w, m, WHAT_RESOLVED, w->now_us + 1000);
        h.data = a->data;
        a->data = (posw_buf){0};
        world_put(w, &h);
        break;
    case POSW_ACTION_SAVE_PEERS:
        posw_buf_clear(&m->kept);
        m->kept = a->data;
        a->data = (posw_buf){0};
        break;
    case POSW_ACTION_FATAL:
        m->failed = true;
        say(w, world_index_of(w, m), "fatal: %.*s", (int)a->data.size, (const char *)a->data.data);
        break;
    case POSW_ACTION_SEND:
    case POSW_ACTION_NOTIFY:
    case POSW_ACTION_LATER:
    case POSW_ACTION_CLOSE:
    case POSW_ACTION_JOURNAL_APPEND:
    case POSW_ACTION_JOURNAL_REPLACE:
    case POSW_ACTION_MINER_SEND:
    case POSW_ACTION_MINER_CLOSE:
        break;
    }
}

/* Of several in one step the last one counts. SIZE_MAX: there is none. */
static size_t last_timer(const posw_actions *actions) {
    for (size_t i = actions->count; i > 0; i--)
        if (actions->items[i - 1].type == POSW_ACTION_TIMER) return i - 1;
    return SIZE_MAX;
}

static void perform_all(world *w, machine *m, posw_actions *actions) {
    const size_t timer = last_timer(actions);
    for (size_t i = 0; i < actions->count && m->up; i++)
        if (i == timer || actions->items[i].type != POSW_ACTION_TIMER) perform(w, m, &actions->items[i]);
    if (!m->failed || !m->up) return;
    machine_down(w, m, "its disk failed");
    come_back(w, m, m->down_ms_after_fault == 0 ? 1000 : m->down_ms_after_fault);
}

/* ---- Happenings ---- */

static int side_of(const world *w, const link *l, const happening *h) {
    (void)w;
    return l->machine[0] == h->machine && l->life[0] == h->life ? 0 : 1;
}

static void on_open(world *w, machine *m, const happening *h) {
    link *l = link_find(w, h->link);
    if (l == NULL || l->cut) return;
    const int side = side_of(w, l, h);
    const machine *other = &w->machines[l->machine[1 - side]];
    posw_event e = {.type = POSW_EVENT_PEER_OPEN,
                    .peer = l->peer[side],
                    .inbound = side == 1,
                    .address = other->address,
                    .node_id = other->id};
    if (side == 1) e.address.port = (uint16_t)(1024 + l->number / LINK_SLOTS % 60000); /* of the one who came */
    l->open[side] = true;
    step(w, m, &e);
}

static void on_closed(world *w, machine *m, const happening *h) {
    posw_event e = {.type = POSW_EVENT_PEER_CLOSED, .peer = h->number, .data = posw_buf_view(&h->data)};
    link *l = link_find(w, h->link);
    if (l != NULL) {
        const int side = side_of(w, l, h);
        e.peer = l->peer[side];
        l->peer[side] = 0;
        link_forget(m, e.peer);
        l->open[side] = false;
        if (l->peer[1 - side] == 0 || !w->machines[l->machine[1 - side]].up ||
            w->machines[l->machine[1 - side]].life != l->life[1 - side])
            l->number = 0;
    }
    if (e.peer != 0) step(w, m, &e);
}

static void on_seal(world *w, machine *m) {
    posw_event e = {.type = POSW_EVENT_SEAL_FOUND, .work_id = m->work.id};
    const posw_work work = m->work;
    const uint64_t generation = m->search;
    if (m->sealer != NULL && m->sealer(m->sealer_arg, w, world_index_of(w, m), &work)) {
        if (m->up && m->search == generation) search(w, m, &work);
        return;
    }
    if (!w->o.early_templates && posw_node_late_work(m->node, work.id, &m->work) != POSW_OK) return;
    if (!seal_draw(w, &m->work.seal_hash, &m->work.target, e.nonce, &e.mix_hash)) return;
    step(w, m, &e);
    if (m->up && m->search == generation) search(w, m, &work); /* it was refused: on with the same work */
}

static void handle_one(world *w, machine *m, happening *h) {
    posw_event e;
    link *l;
    switch (h->what) {
    case WHAT_BYTES:
        l = link_find(w, h->link);
        if (l == NULL || l->peer[side_of(w, l, h)] == 0) return;
        e = (posw_event){
            .type = POSW_EVENT_PEER_DATA, .peer = l->peer[side_of(w, l, h)], .data = posw_buf_view(&h->data)};
        step(w, m, &e);
        break;
    case WHAT_DRAINED:
        l = link_find(w, h->link);
        if (l == NULL || l->cut || l->sent[side_of(w, l, h)] != h->number) return;
        l->undrained[side_of(w, l, h)] = 0;
        e = (posw_event){.type = POSW_EVENT_PEER_DRAINED, .peer = l->peer[side_of(w, l, h)]};
        step(w, m, &e);
        break;
    case WHAT_OPEN:
        on_open(w, m, h);
        break;
    case WHAT_CLOSED:
        on_closed(w, m, h);
        break;
    case WHAT_TIMER:
        if (h->number != m->timer) return;
        e = (posw_event){.type = POSW_EVENT_TICK};
        step(w, m, &e);
        break;
    case WHAT_SEAL:
        if (h->number == m->search) on_seal(w, m);
        break;
    case WHAT_JOB:
        posw_job_run(h->job, &seal_engine, NULL);
        e = (posw_event){.type = POSW_EVENT_JOB_DONE, .job = h->job};
        h->job = NULL;
        step(w, m, &e);
        break;
    case WHAT_RESOLVED:
        e = (posw_event){.type = POSW_EVENT_RESOLVED, .data = posw_bytes_of(h->data.data, h->data.size - 1)};
        step(w, m, &e);
        break;
    case WHAT_START:
    case WHAT_CALL:
        break;
    }
}

static const char *what_text(enum what what) {
    static const char *const names[] = {"bytes", "open", "closed", "drained",  "timer",
                                        "seal",  "job",  "start",  "resolved", "call"};
    return names[what];
}

/* Something later has taken its place. */
static bool is_stale(world *w, const machine *m, const happening *h) {
    const link *l;
    switch (h->what) {
    case WHAT_TIMER:
        return h->number != m->timer;
    case WHAT_SEAL:
        return h->number != m->search;
    case WHAT_DRAINED:
        l = link_find(w, h->link);
        return l == NULL || l->cut || l->sent[side_of(w, l, h)] != h->number;
    case WHAT_BYTES:
    case WHAT_OPEN:
    case WHAT_CLOSED:
    case WHAT_JOB:
    case WHAT_START:
    case WHAT_RESOLVED:
    case WHAT_CALL:
        break;
    }
    return false;
}

/* The digest takes in what the line says, without its letters, and the last bytes of data. */
static void say_event(world *w, const happening *h) {
    if (w->o.log != NULL) {
        char line[160];
        snprintf(line, sizeof line, "%10" PRIu64 ".%06" PRIu64 " %3" PRIu32 " %s %" PRIu64 " %zu", w->now_us / 1000000,
                 w->now_us % 1000000, h->machine, what_text(h->what), h->link, h->data.size);
        w->o.log(w->o.arg, line);
    }
    digest_words(&w->digest, w->now_us << 4 | (uint64_t)h->what, (uint64_t)h->machine << 40 ^ h->link);
    if (h->data.size == 0) return;
    uint64_t end = 0;
    if (h->data.size >= sizeof end)
        memcpy(&end, h->data.data + h->data.size - sizeof end, sizeof end);
    else
        memcpy(&end, h->data.data, h->data.size);
    digest_words(&w->digest, h->data.size, end);
}

static uint64_t real_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

size_t world_costs(const world *w, world_cost *out, size_t max) {
    size_t n = 0;
    for (size_t i = 0; i < KINDS && n < max; i++)
        if (w->costs[i].events > 0) out[n++] = w->costs[i];
    return n;
}

/* Bytes count by the message that they begin with. */
static world_cost *cost_of(world *w, const happening *h) {
    const bool is_message = h->what == WHAT_BYTES && h->data.size > 0;
    const size_t type = is_message ? h->data.data[0] : 0;
    world_cost *c = &w->costs[is_message && type < MESSAGE_TYPES ? WHAT_CALL + 1 + type : (size_t)h->what];
    if (c->name == NULL) c->name = is_message ? posw_msg_name((uint8_t)type) : what_text(h->what);
    return c;
}

static void handle_live(world *w, machine *m, happening *h) {
    world_cost *cost = w->o.measure ? cost_of(w, h) : NULL;
    const uint64_t begin = cost == NULL ? 0 : real_ns();
    w->events++;
    say_event(w, h);
    handle_one(w, m, h);
    if (w->o.check != NULL && w->result == POSW_OK) w->result = w->o.check(w->o.arg, w, h->machine);
    if (cost == NULL) return;
    cost->events++;
    cost->ns += real_ns() - begin;
}

static void handle(world *w, happening *h) {
    machine *m = &w->machines[h->machine];
    if (h->what == WHAT_CALL) {
        h->fn(h->arg, w);
        return;
    }
    if (h->what == WHAT_START) {
        if (!m->up && machine_up(w, m) != POSW_OK) w->result = POSW_EIO;
        return;
    }
    if (!m->up || m->life != h->life) return;
    if (h->what == WHAT_TIMER) m->timer_alarm = 0;
    if (h->what == WHAT_SEAL) m->search_alarm = 0;
    if (is_stale(w, m, h)) return;
    handle_live(w, m, h);
}

int world_run(world *w, uint64_t until_ms) {
    happening h;
    while (w->result == POSW_OK && queue_take(&w->queue, until_ms * 1000, &h)) {
        w->now_us = h.at_us;
        handle(w, &h);
        happening_clear(&h);
    }
    if (w->result == POSW_OK && w->now_us < until_ms * 1000) w->now_us = until_ms * 1000;
    return w->result;
}

void world_at(world *w, uint64_t in_ms, void (*fn)(void *arg, world *w), void *arg) {
    happening h = {.at_us = w->now_us + in_ms * 1000, .what = WHAT_CALL, .fn = fn, .arg = arg};
    world_put(w, &h);
}

void world_partition(world *w, const uint8_t *groups) {
    free(w->groups);
    w->groups = NULL;
    if (groups == NULL) return;
    w->groups = malloc(w->count);
    if (w->groups == NULL) {
        w->result = POSW_ENOMEM;
        return;
    }
    memcpy(w->groups, groups, w->count);
    for (size_t i = 0; i < w->link_count; i++)
        if (w->links[i].number != 0 && !link_can_reach(w, w->links[i].machine[0], w->links[i].machine[1]))
            link_cut(w, &w->links[i], w->o.cut_ms * 1000, "timed out");
}

void world_set_hashes(world *w, size_t i, uint64_t hashes_per_s) {
    machine *m = &w->machines[i];
    m->o.hashes_per_s = hashes_per_s;
    m->is_miner = m->is_miner || hashes_per_s > 0;
    if (!m->up) return;
    const posw_work work = m->work;
    if (work.id != 0) search(w, m, &work);
}

void world_set_spec(world *w, size_t i, const posw_chain_spec *spec) {
    w->machines[i].o.spec = spec;
}

bool world_submit_tx(world *w, size_t i, posw_bytes raw) {
    machine *m = &w->machines[i];
    posw_actions actions = {0};
    enum posw_mempool_refusal refusal = POSW_MEMPOOL_FULL;
    if (!m->up) return false;
    const int rc = posw_node_submit_tx(m->node, raw.data, raw.size, NULL, &refusal, NULL, NULL, &actions);
    perform_all(w, m, &actions);
    posw_actions_clear(&actions);
    if (!m->up) return false;
    posw_event e = {.type = POSW_EVENT_TICK};
    step(w, m, &e);
    return rc == POSW_OK && refusal == POSW_MEMPOOL_ACCEPTED;
}

bool world_submit_block(world *w, size_t i, posw_bytes raw) {
    machine *m = &w->machines[i];
    posw_event tick = {.type = POSW_EVENT_TICK};
    posw_actions actions = {0};
    posw_prepared p;
    posw_verdict v;
    if (m->up) step(w, m, &tick); /* it looks at its clock */
    if (!m->up || posw_prepare(&p, raw.data, raw.size, &seal_engine, NULL, NULL) != POSW_OK) return false;
    standing before;
    note_standing(w, m, &before);
    const int rc = posw_node_submit_block(m->node, &p, &v, &actions);
    posw_prepared_clear(&p);
    happened(w, m, &before, &actions);
    posw_actions_clear(&actions);
    if (m->up) step(w, m, &tick);
    return rc == POSW_OK && v.kind == POSW_VALID;
}

void world_set_tamper(world *w, size_t i, world_tamper fn, void *arg) {
    w->machines[i].tamper = fn;
    w->machines[i].tamper_arg = arg;
}

void world_set_sealer(world *w, size_t i, world_sealer fn, void *arg) {
    w->machines[i].sealer = fn;
    w->machines[i].sealer_arg = arg;
}

bool world_seal(world *w, size_t i, posw_header *h, const posw_u256 *target) {
    enum { UNSIGNED = POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE };
    posw_hash seal_hash, digest;
    posw_signature signature;
    posw_header_seal_hash(&seal_hash, h);
    if (!seal_draw(w, &seal_hash, target, h->nonce, &h->mix_hash)) return false;
    posw_seal_digest(&digest, &seal_hash, h->nonce, &h->mix_hash);
    if (!posw_secp_sign(&signature, &digest, w->machines[i].secret)) return false;
    memcpy(h->extra + UNSIGNED, signature.b, sizeof signature.b);
    return true;
}

void world_cut(world *w, size_t a, size_t b) {
    for (size_t i = 0; i < w->link_count; i++) {
        link *l = &w->links[i];
        if (l->number != 0 &&
            ((l->machine[0] == a && l->machine[1] == b) || (l->machine[0] == b && l->machine[1] == a)))
            link_cut(w, l, 1000, "connection reset");
    }
}

size_t world_peers(const world *w, size_t self, size_t *out, size_t max) {
    size_t n = 0;
    for (size_t other = 0; other < w->count && n < max; other++)
        for (size_t i = 0; i < w->link_count; i++) {
            const link *l = &w->links[i];
            if (l->number == 0 || l->cut || !l->open[0] || !l->open[1]) continue;
            if ((l->machine[0] != self || l->machine[1] != other) && (l->machine[1] != self || l->machine[0] != other))
                continue;
            out[n++] = other;
            break;
        }
    return n;
}

bool world_inject(world *w, size_t from, size_t to, posw_bytes data) {
    for (size_t i = 0; i < w->link_count; i++) {
        link *l = &w->links[i];
        for (int side = 0; side < 2; side++) {
            if (l->number == 0 || l->cut || !l->open[0] || !l->open[1] || l->machine[side] != from ||
                l->machine[1 - side] != to)
                continue;
            posw_buf copy = {0};
            posw_buf_append(&copy, data.data, data.size);
            machine *m = &w->machines[from];
            const world_tamper tamper = m->tamper;
            m->tamper = NULL;
            link_send(w, m, l, side, &copy);
            m->tamper = tamper;
            posw_buf_clear(&copy);
            return true;
        }
    }
    return false;
}

/* ---- The whole ---- */

void world_options_default(world_options *o) {
    *o = (world_options){.latency_ms = 50, .jitter_ms = 10, .job_ms = 1, .cut_ms = 5000};
}

bool world_is_named(const machine_options *m, size_t other) {
    for (unsigned k = 0; k < m->named_count; k++)
        if (m->named[k] == other) return true;
    return false;
}

/* Of small networks some machines get fewer. */
void world_name_peers(machine_options *machines, size_t count, unsigned others, uint64_t seed) {
    uint8_t bytes[POSW_RANDOM_SEED_SIZE] = {'p', 'e', 'e', 'r', 's'};
    enum { TRIES = 64 };
    posw_random random;
    posw_store_be64(bytes + 8, seed);
    posw_random_init(&random, bytes);
    POSW_ASSERT(others < POSW_ARRAY_SIZE(machines->named));
    for (size_t i = 0; i < count; i++) {
        machine_options *m = &machines[i];
        m->named_only = true;
        m->named_count = 0;
        if (i > 0) m->named[m->named_count++] = i - 1;
        for (unsigned tries = 0; tries < TRIES && m->named_count < others + (i > 0); tries++) {
            const size_t to = posw_random_below(&random, count);
            if (to != i && !world_is_named(m, to) && (to > i || !world_is_named(&machines[to], i)))
                m->named[m->named_count++] = to;
        }
    }
}

/* 20.x.0.y: all routable, 64 groups. */
static posw_netaddr address_of(size_t i) {
    return (posw_netaddr){.ip = {[10] = 0xff,
                                 [11] = 0xff,
                                 [12] = 20,
                                 [13] = (uint8_t)(i % 64),
                                 [14] = (uint8_t)(i / 64 / 250),
                                 [15] = (uint8_t)(i / 64 % 250 + 1)},
                          .port = POSW_P2P_PORT};
}

static void secret_of(uint8_t out[32], size_t i) {
    posw_hash h;
    char text[64];
    const int n = snprintf(text, sizeof text, "world machine %zu", i);
    posw_keccak256(&h, text, (size_t)n);
    memcpy(out, h.b, sizeof h.b);
}

posw_address world_miner_of(size_t i) {
    uint8_t secret[32];
    posw_address a = {{0}};
    secret_of(secret, i);
    if (!posw_secp_address(&a, secret)) return (posw_address){{0}};
    return a;
}

static int machine_new(world *w, machine *m, const machine_options *o, size_t i) {
    posw_hash h;
    m->w = w;
    m->o = *o;
    m->is_miner = o->hashes_per_s > 0;
    if (m->o.upload_bytes_per_s == 0) m->o.upload_bytes_per_s = 1250000;
    m->address = address_of(i);
    secret_of(m->secret, i);
    posw_keccak256(&h, m->secret, sizeof m->secret);
    memcpy(m->id.b, h.b, sizeof m->id.b);
    m->log = (posw_log){.level = w->o.log_level, .write = machine_log, .arg = m};
    m->store = posw_store_memory_new_sharing(&w->values);
    return m->store != NULL && posw_secp_address(&m->miner, m->secret) ? POSW_OK : POSW_ENOMEM;
}

int world_new(world **out, const world_options *o) {
    uint8_t seed[POSW_RANDOM_SEED_SIZE] = {0};
    if (sodium_init() < 0) return POSW_EIO; /* without it draws take ten times as long */
    world *w = calloc(1, sizeof *w);
    if (w == NULL) return POSW_ENOMEM;
    seals_begin();
    w->o = *o;
    w->values.unique = true;
    w->count = o->machine_count;
    if (w->o.start_s == 0) w->o.start_s = o->spec->params.genesis_time + 1000;
    posw_store_be64(seed, o->seed);
    posw_random_init(&w->random, seed);
    w->machines = calloc(w->count, sizeof *w->machines);
    int rc = w->machines == NULL ? POSW_ENOMEM : POSW_OK;
    for (size_t i = 0; rc == POSW_OK && i < w->count; i++)
        rc = machine_new(w, &w->machines[i], &o->machines[i], i);
    for (size_t i = 0; rc == POSW_OK && i < w->count; i++) {
        happening h = world_happening(w, &w->machines[i], WHAT_START, posw_random_below(&w->random, 1000 * 1000));
        world_put(w, &h);
    }
    if (rc != POSW_OK) {
        world_free(w);
        return rc;
    }
    *out = w;
    return POSW_OK;
}

void world_free(world *w) {
    if (w == NULL) return;
    for (size_t i = 0; w->machines != NULL && i < w->count; i++) {
        machine *m = &w->machines[i];
        m->w = w;
        w->o.log = NULL;
        machine_down(w, m, "the end");
        if (m->store != NULL) m->store->ops->close(m->store);
        posw_buf_clear(&m->kept);
        free(m->places);
    }
    posw_values_clear(&w->values);
    queue_clear(&w->queue);
    while (w->spare_count > 0)
        posw_actions_clear(&w->spare[--w->spare_count]);
    free(w->machines);
    free(w->links);
    free(w->groups);
    seals_end();
    free(w);
}

uint64_t world_now_us(const world *w) {
    return w->now_us;
}
uint64_t world_now_ms(const world *w) {
    return w->now_us / 1000;
}
uint64_t world_events(const world *w) {
    return w->events;
}
uint64_t world_deliveries(const world *w) {
    return w->deliveries;
}
posw_random *world_random(world *w) {
    return &w->random;
}
size_t world_machine_count(const world *w) {
    return w->count;
}
uint64_t world_life(const world *w, size_t i) {
    return w->machines[i].life;
}
posw_chain *world_chain(const world *w, size_t i) {
    return w->machines[i].chain;
}
posw_mempool *world_mempool(const world *w, size_t i) {
    return w->machines[i].mempool;
}
posw_p2p *world_p2p(const world *w, size_t i) {
    return w->machines[i].p2p;
}
posw_node *world_node(const world *w, size_t i) {
    return w->machines[i].node;
}
posw_store *world_store(const world *w, size_t i) {
    return w->machines[i].store;
}
const uint8_t *world_secret(const world *w, size_t i) {
    return w->machines[i].secret;
}
const posw_pow *world_pow(void) {
    return &seal_engine;
}
const posw_address *world_miner(const world *w, size_t i) {
    return &w->machines[i].miner;
}
posw_netaddr world_address(const world *w, size_t i) {
    return w->machines[i].address;
}
