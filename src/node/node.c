#include "node/node_internal.h"

#include "base/bytes.h"
#include "crypto/secp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int posw_node_new(posw_node **out, const posw_node_options *o) {
    posw_node *n = calloc(1, sizeof *n);
    if (n == NULL) return POSW_ENOMEM;
    n->options = *o;
    n->options.identity = NULL;
    if (n->options.template_refresh_ms == 0) n->options.template_refresh_ms = 1000;
    if (o->identity != NULL) {
        n->identity = *o->identity;
        n->has_identity = true;
        n->can_sign = posw_secp_address(&n->signer, n->identity.secret);
    }
    n->next_work_id = 1;
    n->mining_wake_ms = UINT64_MAX;
    n->prune_wake_ms = o->prune_bytes == 0 ? UINT64_MAX : 0;
    for (int i = 0; i < POSW_SERVICE_COUNT; i++)
        n->wake_ms[i] = UINT64_MAX;
    *out = n;
    return POSW_OK;
}

void posw_node_free(posw_node *n) {
    if (n == NULL) return;
    node_templates_clear(n);
    posw_miner_identity_clear(&n->identity);
    free(n);
}

void posw_node_set_service(posw_node *n, enum posw_node_service_slot slot, const posw_node_service *s) {
    n->services[slot] = *s;
}

void posw_node_set_interrupt(posw_node *n, bool (*asked)(void *arg), void *arg) {
    n->interrupt_asked = asked;
    n->interrupt_arg = arg;
}

void node_operating_error(posw_node *n, int err, const char *what, posw_actions *out) {
    posw_log_write(n->options.log, POSW_LOG_ERROR, "node", "%s: %s", what, posw_error_text(err));
    if (err != POSW_EIO && err != POSW_ENOSPC && err != POSW_ECORRUPT && err != POSW_ENOMEM) return;
    posw_action *a = posw_actions_push(out, POSW_ACTION_FATAL);
    if (a == NULL) return;
    posw_buf_printf(&a->data, "%s: %s%s", what, posw_error_text(err), posw_error_remedy(err));
}

static void announce(posw_node *n) {
    /* a development chain makes one a second: there it is said only when asked for */
    const enum posw_log_level level = n->options.development ? POSW_LOG_DEBUG : POSW_LOG_INFO;
    if (!posw_log_wants(n->options.log, level)) return;
    const posw_header *tip = posw_chain_tip(n->options.chain);
    posw_hash hash = posw_chain_tip_hash(n->options.chain);
    char hex[2 * POSW_HASH_SIZE + 1];
    posw_hex_encode(hex, hash.b, sizeof hash.b);
    posw_log_write(n->options.log, level, "chain", "block %" PRIu64 " 0x%.16s…, gas %" PRIu64, tip->number, hex,
                   tip->gas_used);
}

void posw_node_operating_error(posw_node *n, int err, const char *what, posw_actions *out) {
    node_operating_error(n, err, what, out);
}

uint64_t node_stopwatch_us(const posw_node *n) {
    return n->options.stopwatch_us == NULL ? 0 : n->options.stopwatch_us();
}

void node_count_import(posw_node *n, uint64_t began_us) {
    if (n->options.stopwatch_us == NULL) return;
    posw_histogram_add(&n->counters.import_us, &posw_histogram_times, node_stopwatch_us(n) - began_us);
}

static void count_change(posw_node_counters *c, const posw_chain_change *change) {
    c->blocks_imported += change->added_count;
    if (change->removed_count == 0) return;
    c->reorgs++;
    posw_histogram_add(&c->reorg_depth, &posw_histogram_depths, change->removed_count);
}

void node_chain_changed(posw_node *n, const posw_chain_change *change, posw_actions *out) {
    if (change->added_count == 0) return;
    count_change(&n->counters, change);
    announce(n);
    node_templates_age(n);
    int err = posw_mempool_follow(n->options.mempool, change, posw_node_now_s(n));
    if (err != POSW_OK) node_operating_error(n, err, "the mempool could not follow the chain", out);
    if (change->removed_count > 0) posw_actions_push(out, POSW_ACTION_JOURNAL_REPLACE); /* what came back waits again */
    for (int i = 0; i < POSW_SERVICE_COUNT; i++) {
        const posw_node_service *s = &n->services[i];
        if (s->chain_changed != NULL) s->chain_changed(s->arg, n, change, out);
    }
    node_mining_update(n, out);
    node_prune_later(n);
}

static void journal_load(posw_node *n, posw_bytes data) {
    size_t accepted = 0;
    int err = posw_mempool_journal_read(n->options.mempool, data.data, data.size, posw_node_now_s(n), &accepted);
    if (err != POSW_OK)
        posw_log_write(n->options.log, POSW_LOG_WARN, "mempool", "the journal could not be read: %s",
                       posw_error_text(err));
    if (accepted > 0) n->pool_changed = true;
}

/* A development chain may have been mined ahead of the clock (evm_mine); its time then goes on from its tip. */
static void follow_development_time(posw_node *n) {
    uint64_t tip_s = posw_chain_tip(n->options.chain)->timestamp;
    if (n->options.development && posw_node_now_s(n) < tip_s) n->offset_s += tip_s - posw_node_now_s(n);
}

/* ---- Time ---- */

static void arm(posw_node *n, posw_actions *out) {
    uint64_t at = n->mining_wake_ms < n->prune_wake_ms ? n->mining_wake_ms : n->prune_wake_ms;
    for (int i = 0; i < POSW_SERVICE_COUNT; i++)
        if (n->wake_ms[i] < at) at = n->wake_ms[i];
    n->rearm = false;
    if (at == UINT64_MAX) return;
    posw_action *a = posw_actions_push(out, POSW_ACTION_TIMER);
    if (a != NULL) a->at_ms = at;
}

void node_mining_wake(posw_node *n, uint64_t at_ms, posw_actions *out) {
    n->mining_wake_ms = at_ms;
    arm(n, out);
}

void posw_node_wake_at(posw_node *n, enum posw_node_service_slot slot, uint64_t at_ms) {
    if (n->wake_ms[slot] == at_ms) return;
    n->wake_ms[slot] = at_ms;
    n->rearm = true;
}

static void tick(posw_node *n, posw_actions *out) {
    n->rearm = true; /* the timer has been used up */
    if (n->mining_wake_ms <= n->now_ms) n->mining_wake_ms = UINT64_MAX;
    for (int i = 0; i < POSW_SERVICE_COUNT; i++)
        if (n->wake_ms[i] <= n->now_ms) n->wake_ms[i] = UINT64_MAX;
    node_mining_update(n, out);
}

void posw_node_hold_mining(posw_node *n, bool hold, posw_actions *out) {
    if (n->mining_held == hold) return;
    n->mining_held = hold;
    node_mining_update(n, out);
}

/* ---- Events ---- */

static void tell_services(posw_node *n, const posw_event *e, posw_actions *out) {
    for (int i = 0; i < POSW_SERVICE_COUNT; i++) {
        const posw_node_service *s = &n->services[i];
        if (s->event != NULL) s->event(s->arg, n, e, out);
    }
}

void posw_node_step(posw_node *n, const posw_event *e, posw_actions *out) {
    const posw_node_service *rpc = &n->services[POSW_SERVICE_RPC], *stratum = &n->services[POSW_SERVICE_STRATUM];
    if (e->now_ms > n->now_ms) n->now_ms = e->now_ms;
    n->behind_ms = e->behind_ms < n->now_ms ? e->behind_ms : 0;
    follow_development_time(n);
    switch (e->type) {
    case POSW_EVENT_TICK:
        tick(n, out);
        tell_services(n, e, out);
        node_prune(n, out);
        break;
    case POSW_EVENT_CLIENT_DATA:
        if (rpc->client_data != NULL) rpc->client_data(rpc->arg, n, e, out);
        break;
    case POSW_EVENT_CLIENT_CLOSED:
        if (rpc->client_closed != NULL) rpc->client_closed(rpc->arg, n, e->client);
        break;
    case POSW_EVENT_SEAL_FOUND:
        node_seal_found(n, e, out);
        break;
    case POSW_EVENT_JOURNAL:
        journal_load(n, e->data);
        node_mining_update(n, out);
        break;
    case POSW_EVENT_PEER_OPEN:
    case POSW_EVENT_PEER_DATA:
    case POSW_EVENT_PEER_CLOSED:
    case POSW_EVENT_PEER_DRAINED:
    case POSW_EVENT_JOB_DONE:
    case POSW_EVENT_RESOLVED:
        tell_services(n, e, out);
        if (e->type == POSW_EVENT_JOB_DONE) posw_job_free(e->job);
        break;
    case POSW_EVENT_MINER_OPEN:
    case POSW_EVENT_MINER_DATA:
    case POSW_EVENT_MINER_CLOSED:
        if (stratum->event != NULL) stratum->event(stratum->arg, n, e, out);
        break;
    }
    if (n->rearm) arm(n, out);
}

bool posw_node_mining_is_held(const posw_node *n) {
    return n->mining_held;
}
posw_chain *posw_node_chain(posw_node *n) {
    return n->options.chain;
}
posw_mempool *posw_node_mempool(posw_node *n) {
    return n->options.mempool;
}
uint64_t posw_node_now_s(const posw_node *n) {
    return (n->now_ms - n->behind_ms) / 1000 + n->offset_s;
}
uint64_t posw_node_now_ms(const posw_node *n) {
    return n->now_ms;
}
uint64_t posw_node_behind_ms(const posw_node *n) {
    return n->behind_ms;
}
const posw_log *posw_node_log(const posw_node *n) {
    return n->options.log;
}
bool posw_node_interrupted(const posw_node *n) {
    return n->interrupt_asked != NULL && n->interrupt_asked(n->interrupt_arg);
}
bool posw_node_is_development(const posw_node *n) {
    return n->options.development;
}
const posw_address *posw_node_miner(const posw_node *n) {
    return n->has_identity ? &n->identity.miner : NULL;
}
posw_node_counters posw_node_read_counters(const posw_node *n) {
    return n->counters;
}
uint64_t posw_node_blocks_mined(const posw_node *n) {
    return n->counters.blocks_mined;
}

/* Records of one step are written together. */
static void journal_append(const posw_mempool_entry *e, posw_actions *out) {
    posw_action *last = out->count > 0 ? &out->items[out->count - 1] : NULL;
    posw_action *a = last != NULL && last->type == POSW_ACTION_JOURNAL_APPEND
                         ? last
                         : posw_actions_push(out, POSW_ACTION_JOURNAL_APPEND);
    if (a != NULL) posw_mempool_journal_record(&a->data, e);
}

static void tx_accepted(posw_node *n, const posw_hash *hash, posw_actions *out) {
    const posw_mempool_entry *e = posw_mempool_find(n->options.mempool, hash);
    POSW_ASSERT(e != NULL);
    n->counters.txs_submitted++;
    journal_append(e, out);
    for (int i = 0; i < POSW_SERVICE_COUNT; i++) {
        const posw_node_service *s = &n->services[i];
        if (s->tx_accepted != NULL) s->tx_accepted(s->arg, n, e, out);
    }
    if (n->pool_changed) return;
    n->pool_changed = true;
    node_mining_update(n, out); /* asks for the tick at which the template takes it in */
}

int posw_node_submit_tx(posw_node *n, const uint8_t *raw, size_t size, const posw_address *sender,
                        enum posw_mempool_refusal *refusal, posw_message *text, posw_hash *hash, posw_actions *out) {
    posw_hash own;
    if (hash == NULL) hash = &own;
    int err = posw_mempool_add(n->options.mempool, refusal, text, hash, raw, size, sender, posw_node_now_s(n));
    if (err != POSW_OK) {
        node_operating_error(n, err, "a transaction could not be judged", out);
        return err;
    }
    if (*refusal == POSW_MEMPOOL_ACCEPTED)
        tx_accepted(n, hash, out);
    else
        n->counters.txs_refused++;
    return POSW_OK;
}

int posw_node_submit_block(posw_node *n, posw_prepared *p, posw_verdict *verdict, posw_actions *out) {
    posw_chain_change change = {0};
    const uint64_t began_us = node_stopwatch_us(n);
    int err = posw_chain_import(n->options.chain, p, posw_node_now_s(n), verdict, &change);
    node_count_import(n, began_us);
    if (err != POSW_OK) {
        node_operating_error(n, err, "a block could not be stored", out);
        return err;
    }
    node_chain_changed(n, &change, out);
    return POSW_OK;
}
