#include "invariants.h"

#include "base/bytes.h"
#include "base/error.h"
#include "chain/chain_internal.h"
#include "p2p/sync.h"
#include "posw/u256.h"
#include "state/account.h"
#include "state/staking.h"
#include "store/store_memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    bool liar, apart;
    uint64_t life; /* in which it was seen last */
    posw_hash tip;
    posw_u256 weight;
    uint64_t violations;
} seen;

struct invariants {
    size_t count;
    char problem[INVARIANTS_PROBLEM];
    seen machines[];
};

invariants *invariants_new(size_t machines) {
    invariants *v = calloc(1, sizeof *v + machines * sizeof v->machines[0]);
    if (v != NULL) v->count = machines;
    return v;
}

void invariants_free(invariants *v) {
    free(v);
}
void invariants_set_honest(invariants *v, size_t machine, bool honest) {
    v->machines[machine].liar = !honest;
}
void invariants_set_apart(invariants *v, size_t machine) {
    v->machines[machine].apart = true;
}
bool invariants_is_honest(const invariants *v, size_t machine) {
    return !v->machines[machine].liar;
}
const char *invariants_problem(const invariants *v) {
    return v->problem;
}

static int broken(invariants *v, world *w, size_t machine, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int broken(invariants *v, world *w, size_t machine, const char *format, ...) {
    va_list args;
    if (v->problem[0] != 0) return 1;
    const posw_chain *c = world_chain(w, machine);
    int n = snprintf(v->problem, sizeof v->problem, "at %" PRIu64 " ms machine %zu, block %" PRIu64 ": ",
                     world_now_ms(w), machine, c == NULL ? 0 : posw_chain_tip(c)->number);
    va_start(args, format);
    vsnprintf(v->problem + n, sizeof v->problem - (size_t)n, format, args);
    va_end(args);
    return 1;
}

static bool is_watched(const invariants *v, const world *w, size_t machine) {
    return !v->machines[machine].liar && world_chain(w, machine) != NULL;
}

/* ---- after every event ---- */

static int check_tip(invariants *v, world *w, size_t machine, seen *s, posw_chain *c) {
    posw_hash best;
    const posw_header *tip = posw_chain_tip(c);
    const posw_u256 weight = posw_chain_weight_total(c);
    if (s->life == world_life(w, machine) && posw_u256_cmp(&weight, &s->weight) <= 0)
        return broken(v, w, machine, "F1: the tip moved and its weight did not grow");
    if (posw_chain_side_best(c, &best)) return broken(v, w, machine, "F1: a side branch is heavier than the tip");
    const posw_window *window = posw_chain_window(c);
    const posw_window_entry is = posw_window_at(window, 0), should = posw_chain_entry_of(tip);
    if (is.timestamp != should.timestamp || is.boosted != should.boosted ||
        !posw_address_equal(&is.miner, &should.miner))
        return broken(v, w, machine, "W4: the window does not stand at the tip");
    if (c->side.count > POSW_CHAIN_SIDE_MAX) return broken(v, w, machine, "%zu side blocks are kept", c->side.count);
    return 0;
}

static int check_violations(invariants *v, world *w, size_t machine, seen *s) {
    posw_p2p *p = world_p2p(w, machine);
    if (p->counters.violations == s->violations) return 0;
    s->violations = p->counters.violations;
    for (size_t i = 0; i < v->count; i++) {
        const posw_netaddr a = world_address(w, i);
        if (i != machine && !v->machines[i].liar &&
            posw_bans_is_discouraged(posw_connect_bans(p->connect), &a, world_clock_s(w, machine)))
            return broken(v, w, machine, "it discouraged machine %zu, which is honest", i);
    }
    return 0;
}

int invariants_event(invariants *v, world *w, size_t machine) {
    if (!is_watched(v, w, machine)) return 0;
    seen *s = &v->machines[machine];
    posw_chain *c = world_chain(w, machine);
    const posw_hash tip = posw_chain_tip_hash(c);
    const bool same_life = s->life == world_life(w, machine);
    if (!same_life) s->violations = 0;
    if (check_violations(v, w, machine, s) != 0) return 1;
    if (same_life && posw_hash_equal(&tip, &s->tip)) return 0;
    if (check_tip(v, w, machine, s, c) != 0) return 1;
    s->life = world_life(w, machine);
    s->tip = tip;
    s->weight = posw_chain_weight_total(c);
    return 0;
}

/* ---- the state ---- */

typedef struct {
    posw_u256 sum;
    bool failed;
} balances;

static int add_balance(void *arg, const uint8_t *key, size_t key_size, posw_bytes value) {
    balances *b = arg;
    posw_account a;
    (void)key, (void)key_size;
    if (!posw_account_decode(&a, value) || !posw_u256_add(&b->sum, &b->sum, &a.balance_wei)) b->failed = true;
    return b->failed ? 1 : 0;
}

static int check_memory(invariants *v, world *w, size_t machine) {
    posw_p2p *p = world_p2p(w, machine);
    posw_p2p_status status;
    posw_p2p_peer_info peers[256];
    posw_p2p_read_status(p, &status);
    if (status.memory > INVARIANTS_P2P_MEMORY_MAX)
        return broken(v, w, machine, "its network part holds %zu bytes", status.memory);
    const size_t n = posw_p2p_peers(p, peers, POSW_ARRAY_SIZE(peers));
    for (size_t i = 0; i < n && i < POSW_ARRAY_SIZE(peers); i++)
        if (peers[i].memory > POSW_P2P_PEER_MEMORY)
            return broken(v, w, machine, "it holds %zu bytes for one peer", peers[i].memory);
    return 0;
}

int invariants_state(invariants *v, world *w, size_t machine) {
    posw_state *state;
    posw_staking_totals totals;
    balances b = {.sum = POSW_U256_ZERO};
    if (!is_watched(v, w, machine)) return 0;
    posw_chain *c = world_chain(w, machine);
    if (posw_chain_state_at(c, &state, posw_chain_tip(c)->number) != POSW_OK)
        return broken(v, w, machine, "the tip has no state");
    const posw_hash root = posw_state_root(state);
    int rc = posw_staking_read_totals(state, &totals);
    if (rc == POSW_OK) rc = posw_state_walk_accounts(state, add_balance, &b);
    posw_state_free(state);
    if (!posw_hash_equal(&root, &posw_chain_tip(c)->state_root))
        return broken(v, w, machine, "the state is not that of the tip");
    if (rc != POSW_OK || b.failed) return broken(v, w, machine, "the state cannot be walked");
    if (!posw_u256_equal(&b.sum, &totals.supply_wei))
        return broken(v, w, machine, "S9: the supply is not the sum of the balances");
    return check_memory(v, w, machine);
}

/* ---- from the blocks ---- */

int invariants_recount(invariants *v, world *w, size_t machine) {
    posw_message msg = {""};
    if (!is_watched(v, w, machine)) return 0;
    if (posw_chain_verify(world_chain(w, machine), NULL, NULL, &msg) != POSW_OK)
        return broken(v, w, machine, "recount: %s", msg.text);
    return 0;
}

static int import_one(posw_chain *to, posw_chain *from, uint64_t number, posw_verdict *verdict) {
    posw_hash hash;
    posw_buf bytes = {0};
    posw_prepared p = {0};
    posw_chain_change change;
    int rc = posw_chain_hash_by_number(from, &hash, number);
    if (rc == POSW_OK) rc = posw_chain_block_bytes(from, &bytes, &hash);
    if (rc == POSW_OK) rc = posw_prepare(&p, bytes.data, bytes.size, world_pow(), NULL, NULL);
    if (rc == POSW_OK) rc = posw_chain_import(to, &p, UINT32_MAX, verdict, &change);
    posw_prepared_clear(&p);
    posw_buf_clear(&bytes);
    return rc;
}

int invariants_rebuild(invariants *v, world *w, size_t machine) {
    posw_chain *fresh;
    posw_message msg = {""};
    if (!is_watched(v, w, machine)) return 0;
    posw_chain *c = world_chain(w, machine);
    posw_store *store = posw_store_memory_new();
    const posw_chain_options o = {
        .spec = posw_chain_get_spec(c), .store = store, .pow = world_pow(), .cache_bytes_max = 4 << 20};
    if (store == NULL) return broken(v, w, machine, "no memory for a fresh chain");
    int result = posw_chain_open(&fresh, &o, &msg) == POSW_OK
                     ? 0
                     : broken(v, w, machine, "a fresh chain does not open: %s", msg.text);
    if (result == 0) {
        for (uint64_t n = 1; result == 0 && n <= posw_chain_tip(c)->number; n++) {
            posw_verdict verdict = posw_valid();
            const int rc = import_one(fresh, c, n, &verdict);
            if (rc != POSW_OK || verdict.kind != POSW_VALID)
                result = broken(v, w, machine, "a fresh chain refuses its block %" PRIu64 ": %s, %s", n,
                                posw_error_text(rc), posw_rule_text(verdict.rule));
        }
        const posw_hash a = posw_chain_tip_hash(fresh), b = posw_chain_tip_hash(c);
        if (result == 0 && !posw_hash_equal(&a, &b))
            result = broken(v, w, machine, "a fresh chain from its blocks has another tip");
        (void)posw_chain_close(fresh);
    }
    store->ops->close(store);
    return result;
}

/* ---- together ---- */

/* Where its synchronisation stands, for whoever has to find out. */
static void describe_sync(char *out, size_t room, posw_p2p *p) {
    size_t at = 0, i = 0;
    out[0] = 0;
    for (size_t k = 0; k < p->sync->branch_count && at < room; k++) {
        const p2p_branch *b = p->sync->branches[k];
        const int n = snprintf(out + at, room - at,
                               "; branch on %" PRIu64
                               ": %zu headers, %zu proved, %zu imported, next body %d, source %" PRIx64 "%s",
                               b->base_number, b->count, b->proved, b->imported,
                               b->imported < b->count ? (int)b->records[b->imported].body : -1, b->source & 0xffffff,
                               b->closed ? ", closed" : "");
        at += n < 0 ? 0 : (size_t)n;
    }
    for (const p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL && at < room;) {
        const int n =
            snprintf(out + at, room - at, "; peer %" PRIx64 " at %" PRIu64 " asked %zu%s%s", peer->id & 0xffffff,
                     peer->number, peer->sync == NULL ? 0 : peer->sync->asked_count,
                     peer->sync != NULL && peer->sync->request != 0 ? " headers" : "",
                     peer->sync != NULL && posw_hash_equal(&peer->sync->lacks_at, &peer->hash) ? " lacks" : "");
        at += n < 0 ? 0 : (size_t)n;
    }
}

static bool is_one_of_all(const invariants *v, size_t machine) {
    return !v->machines[machine].liar && !v->machines[machine].apart;
}

bool invariants_tied(const invariants *v, world *w) {
    const posw_chain *first = NULL;
    bool differ = false;
    for (size_t i = 0; i < v->count; i++) {
        const posw_chain *c = is_one_of_all(v, i) ? world_chain(w, i) : NULL;
        if (first == NULL) first = c;
        if (c == NULL) continue;
        const posw_u256 a = posw_chain_weight_total(first), b = posw_chain_weight_total(c);
        const posw_hash x = posw_chain_tip_hash(first), y = posw_chain_tip_hash(c);
        if (posw_u256_cmp(&a, &b) != 0) return false;
        differ = differ || !posw_hash_equal(&x, &y);
    }
    return differ;
}

int invariants_converged(invariants *v, world *w) {
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < v->count; i++) {
        if (!is_one_of_all(v, i)) continue;
        if (world_chain(w, i) == NULL) return broken(v, w, i, "it is down at the end");
        if (first == SIZE_MAX) first = i;
        const posw_hash a = posw_chain_tip_hash(world_chain(w, first)), b = posw_chain_tip_hash(world_chain(w, i));
        if (!posw_hash_equal(&a, &b)) {
            char sync[INVARIANTS_PROBLEM];
            describe_sync(sync, sizeof sync, world_p2p(w, i));
            return broken(v, w, i, "no convergence: machine %zu is at another block, %" PRIu64 "%s", first,
                          posw_chain_tip(world_chain(w, first))->number, sync);
        }
    }
    return 0;
}
