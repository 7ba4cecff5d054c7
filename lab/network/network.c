#include "network.h"

#include "attacker.h"
#include "chain/chainfile.h"
#include "counts.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "rules/clock.h"
#include "world/scenario.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HASHES = 1000 * 1000 * 1000, PRICE_COINS = 100, LOOK_MS = 100 };

/* ---- the chain ---- */

static void add_stake(posw_chain_spec *spec, size_t machine, const posw_u256 *wei) {
    if (posw_u256_is_zero(wei)) return;
    const posw_address miner = world_miner_of(machine);
    spec->stakes[spec->stake_count++] = (posw_genesis_stake){miner, miner, *wei};
}

posw_u256 network_stake(const network_setup *s, const posw_params *p, size_t node) {
    if (s->miners != NULL) return s->miners[node].stake_wei;
    if (p->weight.rule != POSW_WEIGHT_TICKET) return POSW_U256_ZERO;
    return scenario_coins((2 * p->window_blocks / s->nodes + 8) * PRICE_COINS);
}

static void add_tickets(posw_chain_spec *spec, const network_setup *s) {
    const posw_u256 honest = network_stake(s, &spec->params, 0);
    const posw_u256 attacker = scenario_coins(s->tickets * PRICE_COINS);
    spec->params.weight.ticket_price_wei = scenario_coins(PRICE_COINS);
    for (size_t i = 0; i < s->nodes; i++)
        add_stake(spec, i, &honest);
    add_stake(spec, attacker_miner(s), &attacker);
}

/* All other coins lie on an account that does nothing. */
static void add_miners(posw_chain_spec *spec, const network_setup *s) {
    posw_u256 rest = s->supply_wei;
    for (size_t i = 0; i < s->nodes; i++) {
        add_stake(spec, i, &s->miners[i].stake_wei);
        rest = posw_u256_sub_sat(&rest, &s->miners[i].stake_wei);
    }
    if (!posw_u256_is_zero(&rest))
        spec->accounts[spec->account_count++] = (posw_genesis_account){world_miner_of(network_machines(s)), rest};
}

static void take_difficulty(posw_params *p, const network_setup *s) {
    p->difficulty_rule = POSW_DIFFICULTY_FIXED; /* two branches of one length have one weight */
    if (s->times == LAB_NO_TIMES) return;
    p->difficulty_rule = s->rule;
    p->difficulty_blocks = s->difficulty_blocks;
}

static void take_rules(posw_params *p, const network_setup *s) {
    *p = *s->chain;
    p->pow = POSW_POW_KECCAK256; /* found by drawing */
    if (s->attack == NETWORK_NO_ATTACK) return;
    take_difficulty(p, s);
    p->weight.ramp_blocks = 0;
}

static bool make_rules(posw_params *p, const network_setup *s) {
    const posw_params dev = *p;
    posw_params_default(p);
    if (!posw_params_preset(p, s->weight)) return false;
    p->chain_id = dev.chain_id;
    p->genesis_time = dev.genesis_time;
    p->block_time_s = s->block_time_s;
    take_difficulty(p, s);
    return true;
}

double network_first_weight(const network_setup *s, const posw_params *p, size_t node) {
    if (s->miners == NULL && p->weight.rule == POSW_WEIGHT_TICKET) return (double)posw_weight_boost(p, 1);
    const posw_u256 stake = s->miners == NULL ? POSW_U256_ZERO : s->miners[node].stake_wei;
    const posw_u256 f = posw_weight(p, 1, &stake, &s->supply_wei, 0);
    return lab_double_of(&f);
}

void network_hash_parts(const network_setup *s, double *parts) {
    const bool victim = s->attack == NETWORK_ECLIPSE;
    double all = 0;
    for (size_t i = 0; i < s->nodes && s->miners != NULL; i++)
        all += s->miners[i].hash;
    for (size_t i = 0; i < s->nodes; i++)
        parts[i] = s->miners != NULL ? s->miners[i].hash / all
                                     : (1 - s->alpha - s->victim_share) / (double)(s->nodes - victim);
    if (victim) parts[0] = s->victim_share;
}

/* Of a block every block_time_s from all the hash that there is, the attacker's among it unless it never shows. */
static bool first_difficulty(posw_u256 *out, const posw_params *p, const network_setup *s) {
    double power = 0, *parts = calloc(s->nodes, sizeof *parts);
    if (parts == NULL) return false;
    network_hash_parts(s, parts);
    for (size_t i = 0; i < s->nodes; i++)
        power += parts[i] * network_first_weight(s, p, i);
    const bool is_hidden = s->attack == NETWORK_REORG && s->times != LAB_NO_TIMES;
    if (!is_hidden) power += s->alpha * network_first_weight(s, p, 0);
    *out = lab_u256_of(floor(power * HASHES * (double)p->block_time_s + 0.5));
    free(parts);
    return true;
}

int network_chain(posw_chain_spec *spec, const network_setup *s, posw_message *msg) {
    *spec = (posw_chain_spec){0};
    const int rc = posw_chainfile_dev(spec);
    if (rc != POSW_OK) return rc;
    posw_params *p = &spec->params;
    if (s->chain != NULL)
        take_rules(p, s);
    else if (!make_rules(p, s))
        return POSW_EINVAL;
    spec->stakes = calloc(s->nodes + 2, sizeof *spec->stakes);
    spec->accounts = calloc(1, sizeof *spec->accounts);
    if (spec->stakes == NULL || spec->accounts == NULL) return POSW_ENOMEM;
    if (s->miners != NULL)
        add_miners(spec, s);
    else if (p->weight.rule == POSW_WEIGHT_TICKET)
        add_tickets(spec, s);
    if (!first_difficulty(&p->genesis_difficulty, p, s)) return POSW_ENOMEM;
    return posw_chain_spec_check(spec, NULL, msg);
}

/* ---- the machines ---- */

uint64_t network_hashes(double part) {
    const uint64_t hashes = (uint64_t)(part * HASHES + 0.5);
    return part > 0 && hashes == 0 ? 1 : hashes;
}

static void make_machines(machine_options *m, const network_setup *s) {
    double parts[NETWORK_NODES_MAX];
    world_name_peers(m, s->nodes, s->peers, s->seed);
    network_hash_parts(s, parts);
    for (size_t i = 0; i < s->nodes; i++) {
        m[i].hashes_per_s = network_hashes(parts[i]);
        m[i].inbound_max = NETWORK_NODES_MAX;
    }
    if (s->attack != NETWORK_NO_ATTACK) attacker_machines(m, s, network_hashes(s->alpha));
    for (size_t i = 0; i < network_machines(s); i++)
        m[i].upload_bytes_per_s = s->bytes_per_s;
}

size_t network_machines(const network_setup *s) {
    static const size_t more[] = {
        [NETWORK_NO_ATTACK] = 0, [NETWORK_SELFISH] = 2, [NETWORK_REORG] = 2, [NETWORK_ECLIPSE] = 1};
    return s->nodes + more[s->attack];
}

/* ---- what is counted ---- */

static void note_found(network *n, size_t machine, const posw_hash *hash) {
    bool added;
    found_block *b = posw_map_put(&n->blocks, hash, &added);
    if (b == NULL) {
        n->failed = POSW_ENOMEM;
        return;
    }
    if (!added) return; /* it has come back to its own block */
    *b = (found_block){
        .found_us = world_now_us(n->w), .machine = machine, .reached = 1, .hidden = machine >= n->s->nodes};
    if (b->hidden)
        n->out->found++;
    else
        count_found(n->out, machine, n->power[machine]);
}

/* Of a block that an attacker held back there are no times. */
static void note_arrival(network *n, size_t machine, const posw_hash *hash) {
    found_block *b = posw_map_find(&n->blocks, hash);
    if (b == NULL || b->hidden) return;
    count_arrival(n->out, n->s->nodes, n->power[machine], world_now_us(n->w) - b->found_us, ++b->reached);
}

static void on_tip(void *arg, world *w, size_t machine, const posw_hash *tip) {
    network *n = arg;
    if (!n->counting) return;
    const posw_header *h = posw_chain_tip(world_chain(w, machine));
    if (posw_address_equal(&h->beneficiary, world_miner(w, machine)))
        note_found(n, machine, tip);
    else if (machine < n->s->nodes)
        note_arrival(n, machine, tip);
    if (n->s->attack != NETWORK_NO_ATTACK) attacker_tip(n, machine);
}

/* A selfish miner that is ahead at the end shows what it has. */
static posw_chain *last_chain(const network *n) {
    if (n->s->attack != NETWORK_SELFISH) return world_chain(n->w, 0);
    posw_chain *a = world_chain(n->w, attacker_miner(n->s)), *b = world_chain(n->w, attacker_gateway(n->s));
    const posw_u256 x = posw_chain_weight_total(a), y = posw_chain_weight_total(b);
    return posw_u256_cmp(&x, &y) > 0 ? a : b;
}

static void count_main(network *n) {
    posw_chain *c = last_chain(n);
    const posw_address attacker = world_miner_of(attacker_miner(n->s));
    for (uint64_t i = n->base + 1; i <= posw_chain_tip(c)->number; i++) {
        posw_chain_block_info info;
        if (posw_chain_block_by_number(c, &info, i) != POSW_OK) continue;
        n->out->main++;
        n->out->attacker_main += posw_address_equal(&info.header.beneficiary, &attacker);
        const found_block *b = posw_map_find(&n->blocks, &info.hash);
        if (b != NULL && !b->hidden && n->out->main_of != NULL) n->out->main_of[b->machine]++;
    }
}

/* ---- a run ---- */

/* The nodes connect, and the chain settles. */
uint64_t network_begin_ms(const network_setup *s) {
    enum { WARM_MS = 30 * 1000 };
    return WARM_MS + s->settle * s->block_time_s * 1000;
}

static int live(network *n) {
    const network_setup *s = n->s;
    const uint64_t begin_ms = network_begin_ms(s);
    int rc = world_run(n->w, begin_ms);
    if (rc != POSW_OK) return rc;
    n->base = posw_chain_tip(world_chain(n->w, 0))->number;
    n->counting = true;
    if (s->attack != NETWORK_NO_ATTACK) attacker_begin(n);
    const uint64_t end_ms = begin_ms + s->blocks * s->block_time_s * 1000;
    for (uint64_t at = begin_ms; rc == POSW_OK && n->failed == POSW_OK && !n->over && at < end_ms;) {
        at += (uint64_t)s->block_time_s * 1000;
        rc = world_run(n->w, at);
    }
    if (rc == POSW_OK) rc = n->failed;
    if (rc == POSW_OK) count_main(n);
    return rc;
}

int network_run(network_result *out, const network_setup *setup) {
    posw_chain_spec spec = {0};
    posw_message msg = {""};
    world_options o;
    network n = {.s = setup, .out = out};
    network_result_begin(out, setup->nodes);
    machine_options *m = calloc(network_machines(setup), sizeof *m);
    if (m == NULL) return POSW_ENOMEM;
    int rc = network_chain(&spec, setup, &msg);
    if (rc != POSW_OK) goto done;
    network_hash_parts(setup, n.power);
    if (setup->parts != NULL) memcpy(n.power, setup->parts, setup->nodes * sizeof *n.power);
    make_machines(m, setup);
    world_options_default(&o);
    o.seed = setup->seed;
    o.spec = &spec;
    o.machine_count = network_machines(setup);
    o.machines = m;
    o.latency_ms = setup->latency_ms;
    o.jitter_ms = setup->jitter_ms;
    o.start_s = spec.params.genesis_time + 1;
    o.tip = on_tip;
    o.arg = &n;
    posw_map_init(&n.blocks, POSW_HASH_SIZE, sizeof(found_block), NULL);
    rc = world_new(&n.w, &o);
    if (rc == POSW_OK) {
        rc = live(&n);
        out->deliveries = world_deliveries(n.w);
        world_free(n.w);
    }
    posw_map_clear(&n.blocks);
done:
    posw_chain_spec_clear(&spec);
    free(m);
    out->done = rc == POSW_OK;
    return rc;
}

/* What a child has counted, into its parent's memory: the struct, and the counts of each node, if wanted. */
static size_t pieces_of(network_result *r, const network_setup *s, struct iovec out[3]) {
    const size_t size = s->nodes * sizeof *r->found_of;
    size_t n = 0;
    out[n++] = (struct iovec){r, sizeof *r};
    if (r->found_of != NULL) out[n++] = (struct iovec){r->found_of, size};
    if (r->main_of != NULL) out[n++] = (struct iovec){r->main_of, size};
    return n;
}

static _Noreturn void child_main(int end, network_result *r, const network_setup *setup, void (*begin)(void)) {
    struct iovec pieces[3];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (begin != NULL) begin();
    (void)network_run(r, setup);
    for (size_t i = 0, n = pieces_of(r, setup, pieces); i < n; i++)
        if (write(end, pieces[i].iov_base, pieces[i].iov_len) != (ssize_t)pieces[i].iov_len) _exit(1);
    _exit(0);
}

/* False: nothing is to be read any more, or the reader is to stop. */
static bool wait_for(int end, bool (*stop)(void)) {
    struct pollfd p = {.fd = end, .events = POLLIN};
    while (stop == NULL || !stop()) {
        const int ready = poll(&p, 1, LOOK_MS);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
    return false;
}

static bool receive(int end, struct iovec to, bool (*stop)(void)) {
    size_t got = 0;
    while (got < to.iov_len && wait_for(end, stop)) {
        const ssize_t n = read(end, (uint8_t *)to.iov_base + got, to.iov_len - got);
        if (n <= 0) break;
        got += (size_t)n;
    }
    return got == to.iov_len;
}

bool network_run_apart(network_result *out, const network_setup *setup, void (*begin)(void), bool (*stop)(void)) {
    int ends[2], status;
    struct iovec pieces[3];
    network_result_begin(out, setup->nodes);
    if (pipe(ends) != 0) return false;
    const pid_t child = fork();
    if (child == 0) child_main(ends[1], out, setup, begin);
    (void)close(ends[1]);
    bool whole = child > 0;
    for (size_t i = 0, n = pieces_of(out, setup, pieces); i < n && whole; i++)
        whole = receive(ends[0], pieces[i], stop);
    (void)close(ends[0]);
    if (child > 0 && !whole) (void)kill(child, SIGKILL);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return whole && out->done;
}

/* ---- closed forms ---- */

double network_stale_expected(double mean_delay_s, double block_time_s) {
    /* of 1 + f found blocks f are lost, f being the rivals of a block that stays */
    const double f = -expm1(-mean_delay_s / block_time_s);
    return f / (1 + f);
}

static double poisson(double mean, uint64_t k) {
    return mean == 0 ? k == 0 : exp((double)k * log(mean) - mean - lgamma((double)k + 1));
}

double network_eclipse_exact(double alpha, double victim_share, uint64_t z, double block_times) {
    const double inside = (alpha + victim_share) * block_times, others = 1 - alpha - victim_share;
    const double outside = others * block_times;
    double sum = 0, at_most = 0; /* outside blocks up to k */
    const uint64_t end = (uint64_t)(2 * block_times + 20 * sqrt(block_times) + 50);
    for (uint64_t k = 0; k < end; k++) {
        const double equal = poisson(outside, k);
        at_most += equal;
        if (k >= z) sum += poisson(inside, k) * (1 - at_most + others * equal);
    }
    return sum;
}
