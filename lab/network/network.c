#include "network.h"

#include "attacker.h"
#include "base/error.h"
#include "chain/chainfile.h"
#include "posw/u256.h"
#include "world/scenario.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HASHES = 1000 * 1000, WARM_MS = 30 * 1000, PRICE_COINS = 100, LOOK_MS = 100 };

/* ---- the chain ---- */

static void add_stake(posw_chain_spec *spec, size_t machine, uint64_t tickets) {
    if (tickets == 0) return;
    const posw_address miner = world_miner_of(machine);
    spec->stakes[spec->stake_count++] = (posw_genesis_stake){miner, miner, scenario_coins(tickets * PRICE_COINS)};
}

/* Under a ticket rule every honest node has twice the tickets that its part of the blocks uses up. */
static int make_spec(posw_chain_spec *spec, const network_setup *s) {
    posw_message msg = {""};
    int rc = posw_chainfile_dev(spec);
    if (rc != POSW_OK) return rc;
    posw_params *p = &spec->params;
    const posw_params dev = *p;
    posw_params_default(p);
    if (!posw_params_preset(p, s->weight)) return POSW_EINVAL;
    p->chain_id = dev.chain_id;
    p->genesis_time = dev.genesis_time;
    p->block_time_s = s->block_time_s;
    p->difficulty_rule = POSW_DIFFICULTY_FIXED; /* two branches of one length have one weight */
    const bool tickets = p->weight.rule == POSW_WEIGHT_TICKET;
    const uint64_t boost = tickets ? p->weight.boost : 1;
    posw_u256 difficulty = posw_u256_from_u64((uint64_t)s->block_time_s * HASHES);
    if (!posw_u256_mul_u64(&difficulty, &difficulty, boost)) return POSW_EINVAL;
    p->genesis_difficulty = difficulty;
    spec->stakes = calloc(s->nodes + 2, sizeof *spec->stakes);
    if (spec->stakes == NULL) return POSW_ENOMEM;
    if (tickets) {
        p->weight.ticket_price_wei = scenario_coins(PRICE_COINS);
        for (size_t i = 0; i < s->nodes; i++)
            add_stake(spec, i, 2 * p->window_blocks / s->nodes + 8);
        add_stake(spec, attacker_miner(s), s->tickets);
    }
    return posw_chain_spec_check(spec, NULL, &msg);
}

/* ---- the machines ---- */

static uint64_t part_of_hash(double part) {
    return (uint64_t)(part * HASHES + 0.5);
}

static void make_machines(machine_options *m, const network_setup *s) {
    const bool victim = s->attack == NETWORK_ECLIPSE;
    const double honest = 1 - s->alpha - (victim ? s->victim_share : 0);
    world_name_peers(m, s->nodes, s->peers, s->seed);
    for (size_t i = 0; i < s->nodes; i++) {
        m[i].hashes_per_s = part_of_hash(honest / (double)(s->nodes - victim));
        m[i].inbound_max = NETWORK_NODES_MAX;
    }
    if (victim) m[0].hashes_per_s = part_of_hash(s->victim_share);
    if (s->attack != NETWORK_NO_ATTACK) attacker_machines(m, s, part_of_hash(s->alpha));
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
    *b = (found_block){.found_us = world_now_us(n->w), .reached = 1, .hidden = machine >= n->s->nodes};
    n->out->found++;
}

/* Times until a part of the nodes has a block. Blocks that an attacker held back have none. */
static void note_arrival(network *n, const posw_hash *hash) {
    static const double parts[3] = {.5, .9, .99};
    found_block *b = posw_map_find(&n->blocks, hash);
    if (b == NULL || b->hidden) return;
    const double ms = (double)(world_now_us(n->w) - b->found_us) / 1000;
    b->reached++;
    n->out->arrivals++;
    n->out->arrival_ms += ms;
    for (size_t i = 0; i < 3; i++) {
        if (b->reached != (uint32_t)ceil(parts[i] * (double)n->s->nodes)) continue;
        n->out->reached[i]++;
        n->out->reached_ms[i] += ms;
    }
}

static void on_tip(void *arg, world *w, size_t machine, const posw_hash *tip) {
    network *n = arg;
    if (!n->counting) return;
    const posw_header *h = posw_chain_tip(world_chain(w, machine));
    if (posw_address_equal(&h->beneficiary, world_miner(w, machine)))
        note_found(n, machine, tip);
    else if (machine < n->s->nodes)
        note_arrival(n, tip);
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
    }
}

/* ---- a run ---- */

static int live(network *n) {
    const network_setup *s = n->s;
    int rc = world_run(n->w, WARM_MS); /* they connect */
    if (rc != POSW_OK) return rc;
    n->base = posw_chain_tip(world_chain(n->w, 0))->number;
    n->counting = true;
    if (s->attack != NETWORK_NO_ATTACK) attacker_begin(n);
    const uint64_t end_ms = WARM_MS + s->blocks * s->block_time_s * 1000;
    for (uint64_t at = WARM_MS; rc == POSW_OK && n->failed == POSW_OK && !n->over && at < end_ms;) {
        at += (uint64_t)s->block_time_s * 1000;
        rc = world_run(n->w, at);
    }
    if (rc == POSW_OK) rc = n->failed;
    if (rc == POSW_OK) count_main(n);
    return rc;
}

int network_run(network_result *out, const network_setup *setup) {
    posw_chain_spec spec = {0};
    world_options o;
    network n = {.s = setup, .out = out};
    *out = (network_result){0};
    machine_options *m = calloc(network_machines(setup), sizeof *m);
    if (m == NULL) return POSW_ENOMEM;
    int rc = make_spec(&spec, setup);
    if (rc != POSW_OK) goto done;
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
        world_free(n.w);
    }
    posw_map_clear(&n.blocks);
done:
    posw_chain_spec_clear(&spec);
    free(m);
    out->done = rc == POSW_OK;
    return rc;
}

static _Noreturn void child_main(int end, const network_setup *setup, void (*begin)(void)) {
    network_result r;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (begin != NULL) begin();
    (void)network_run(&r, setup);
    _exit(write(end, &r, sizeof r) == (ssize_t)sizeof r ? 0 : 1);
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

bool network_run_apart(network_result *out, const network_setup *setup, void (*begin)(void), bool (*stop)(void)) {
    int ends[2], status;
    size_t got = 0;
    *out = (network_result){0};
    if (pipe(ends) != 0) return false;
    const pid_t child = fork();
    if (child == 0) child_main(ends[1], setup, begin);
    (void)close(ends[1]);
    while (child > 0 && got < sizeof *out && wait_for(ends[0], stop)) {
        const ssize_t n = read(ends[0], (uint8_t *)out + got, sizeof *out - got);
        if (n <= 0) break;
        got += (size_t)n;
    }
    (void)close(ends[0]);
    if (child > 0 && got < sizeof *out) (void)kill(child, SIGKILL);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return got == sizeof *out && out->done;
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
