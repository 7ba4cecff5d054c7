#include "scenario.h"

#include "adversary.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/units.h"
#include "chain/chainfile.h"
#include "codec/abi.h"
#include "codec/tx.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "posw/u256.h"
#include "state/staking.h"
#include "store/store_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_S = 10,
    ACCOUNTS = 6,
    MACHINES_MAX = 1024,
    BOOTNODES = 3,
    SETTLE_MAX = 30,      /* block times for one more block, */
    TIES_MAX = 8,         /* and so many times: each adversary may have held back a block or two */
    CALM_MS = 20 * 1000,  /* the last blocks are on their way */
    BACK_MS = 42 * 1000,  /* all that is down is up again after */
    HEAL_BLOCKS = 3,      /* of mining after the last fault, */
    QUIET_MS = 25 * 1000, /* and without any more blocks */
    TX_MS = 4000,         /* between transactions */
    FAULT_MS = 15 * 1000, /* between faults */
    STATE_EVERY = 4000,   /* events between two looks at a state */
    UPGRADES = 3,         /* of a chain that has some: gas limit, minimum base fee, treasury */
    UPGRADE_FIRST = 3,    /* the first comes at this block at the earliest, */
    UPGRADE_GAP = 4,      /* and each so many blocks after the one before, at most */
    LAGGARD_MIN = 4,      /* the lowest machine that may lack them: those before are named by all */
    RECOUNTED = 2         /* machines whose chain is counted and built anew at the end */
};

/* Who lacks the upgrades. */
enum laggards { LAGGARDS_NONE, LAGGARDS_LATE, LAGGARDS_FOR_EVER, LAGGARD_KINDS };

typedef struct {
    scenario_options o;
    world *w;
    invariants *inv;
    posw_chain_spec spec, old;  /* old: without the upgrades; its arrays are those of spec */
    posw_random upgrade_random; /* of its own: the draws of a trial without upgrades are as they always were */
    enum laggards laggards;
    bool lags[MACHINES_MAX];
    posw_hash at_upgrade[MACHINES_MAX][UPGRADES]; /* a machine's blocks at the heights, as seen last; 0: none yet */
    posw_hash tips[MACHINES_MAX];
    uint64_t crossed;
    machine_options machines[MACHINES_MAX];
    adversary *adversaries[MACHINES_MAX]; /* NULL: honest */
    posw_random random;
    posw_address accounts[ACCOUNTS];
    bool healed;
    uint64_t hashes, seen_events, txs, faults;
} trial;

void scenario_options_default(scenario_options *o, uint64_t seed) {
    *o = (scenario_options){.seed = seed, .machines = 20, .blocks = 20};
}

/* ---- the chain ---- */

void scenario_account_secret(uint8_t out[32], size_t account) {
    posw_hash h;
    char text[32];
    const int n = snprintf(text, sizeof text, "account %zu", account);
    posw_keccak256(&h, text, (size_t)n);
    memcpy(out, h.b, sizeof h.b);
}

posw_u256 scenario_coins(uint64_t n) {
    const posw_u256 one = posw_coin();
    posw_u256 out;
    return posw_u256_mul_u64(&out, &one, n) ? out : POSW_U256_ZERO;
}

int scenario_spec(posw_chain_spec *out, uint64_t hashes_per_s, size_t stakers, size_t accounts) {
    posw_message msg = {""};
    int rc = posw_chainfile_dev(out);
    if (rc != POSW_OK) return rc;
    posw_params *p = &out->params;
    p->block_time_s = BLOCK_S;
    p->difficulty_rule = POSW_DIFFICULTY_ASERT_LAG;
    p->difficulty_blocks = 32; /* two blocks of lag */
    p->genesis_difficulty = posw_u256_from_u64(BLOCK_S * hashes_per_s);
    p->genesis_time = 1000000;
    p->gas_limit = 3000000;
    p->window_blocks = 24;
    p->epoch_blocks = 16;
    p->unbonding_blocks = 32;
    p->reorg_max_blocks = 16;
    p->weight.ticket_price_wei = scenario_coins(100);
    p->weight.boost = 8;
    out->accounts = calloc(accounts, sizeof *out->accounts);
    out->stakes = calloc(stakers, sizeof *out->stakes);
    if (out->accounts == NULL || out->stakes == NULL) return POSW_ENOMEM;
    for (; out->account_count < accounts; out->account_count++) {
        uint8_t secret[32];
        posw_genesis_account *a = &out->accounts[out->account_count];
        scenario_account_secret(secret, out->account_count);
        if (!posw_secp_address(&a->address, secret)) return POSW_EINVAL;
        a->balance_wei = scenario_coins(100000);
    }
    for (; out->stake_count < stakers; out->stake_count++)
        out->stakes[out->stake_count] =
            (posw_genesis_stake){world_miner_of(out->stake_count), world_miner_of(out->stake_count),
                                 scenario_coins(100 * (1 + out->stake_count % 5))};
    rc = posw_chain_spec_check(out, NULL, &msg);
    if (rc != POSW_OK) fprintf(stderr, "%s\n", msg.text);
    return rc;
}

/* ---- drawing ---- */

static uint64_t below(trial *t, uint64_t n) {
    return posw_random_below(&t->random, n);
}
static uint64_t between(trial *t, uint64_t low, uint64_t high) {
    return low + below(t, high - low + 1);
}
static size_t liars_of(const trial *t) {
    return t->o.no_adversaries ? 0 : t->o.machines / 5;
}

/* The liars are the last ones. Everybody knows at least one honest machine. */
static uint64_t draw_machines(trial *t) {
    const size_t n = t->o.machines, honest = n - liars_of(t);
    uint64_t hashes = 0;
    for (size_t i = 0; i < n; i++) {
        machine_options *m = &t->machines[i];
        m->hashes_per_s = between(t, 200, 2000);
        m->skew_ms = (int64_t)below(t, 6000) - 3000;
        m->upload_bytes_per_s = between(t, 100, 2000) * 1000;
        m->outbound_max = (unsigned)between(t, 3, 5);
        m->block_only_max = 1;
        m->silent = i >= 2 && below(t, 8) == 0;
        m->named_count = (unsigned)between(t, 1, BOOTNODES);
        for (unsigned k = 0; k < m->named_count; k++) {
            do
                m->named[k] = k == 0 ? below(t, honest < 4 ? honest : 4) : below(t, n);
            while (m->named[k] == i);
        }
        hashes += m->hashes_per_s;
    }
    t->machines[0].silent = t->machines[1].silent = t->machines[2].silent = t->machines[3].silent = false;
    return hashes;
}

/* ---- upgrades ---- */

/* One of each kind, in an order that is drawn. */
static void draw_upgrades(trial *t) {
    posw_params *p = &t->spec.params;
    const uint64_t turn = posw_random_below(&t->upgrade_random, UPGRADES);
    uint64_t height = UPGRADE_FIRST + posw_random_below(&t->upgrade_random, UPGRADE_GAP);
    for (uint64_t i = 0; i < UPGRADES; i++) {
        posw_upgrade *u = &p->upgrades[i];
        *u = (posw_upgrade){.height = height, .rules = posw_params_rules(p, height)};
        snprintf(u->name, sizeof u->name, "upgrade-%d", (int)i + 1);
        switch ((i + turn) % UPGRADES) {
        case 0:
            u->rules.gas_limit = u->rules.gas_limit * (1 + posw_random_below(&t->upgrade_random, 4)) / 2 + 1;
            break;
        case 1:
            u->rules.base_fee_min_wei += 1 + posw_random_below(&t->upgrade_random, 2000000000);
            break;
        default:
            u->rules.treasury = world_miner_of(0);
            u->rules.treasury_share = 500 + (uint32_t)posw_random_below(&t->upgrade_random, 2000);
            break;
        }
        p->upgrade_count++;
        height += 1 + posw_random_below(&t->upgrade_random, UPGRADE_GAP);
    }
}

static void draw_laggards(trial *t) {
    const size_t end = t->o.machines - liars_of(t);
    for (size_t i = LAGGARD_MIN; i < end; i++) {
        t->lags[i] = t->laggards != LAGGARDS_NONE && posw_random_below(&t->upgrade_random, 3) == 0;
        if (!t->lags[i]) continue;
        t->machines[i].spec = &t->old;
        if (t->laggards == LAGGARDS_FOR_EVER) invariants_set_apart(t->inv, i);
    }
}

static int begin_upgrades(trial *t) {
    posw_message msg = {""};
    if (t->o.seed % 3 != 0) return POSW_OK;
    t->laggards = (enum laggards)(t->o.seed / 3 % LAGGARD_KINDS);
    t->old = t->spec;
    draw_upgrades(t);
    draw_laggards(t);
    const int rc = posw_chain_spec_check(&t->spec, NULL, &msg);
    if (rc != POSW_OK) fprintf(stderr, "%s\n", msg.text);
    return rc;
}

/* The next that has not yet taken the new file restarts with it. */
static void take_new_file(void *arg, world *w) {
    trial *t = arg;
    for (size_t i = 0; i < t->o.machines; i++) {
        if (!t->lags[i]) continue;
        t->lags[i] = false;
        world_set_spec(w, i, &t->spec);
        world_stop(w, i, 1000 + posw_random_below(&t->upgrade_random, 9000));
        return;
    }
}

/* At any time until the world has healed. */
static void plan_new_files(trial *t) {
    for (size_t i = 0; i < t->o.machines && t->laggards == LAGGARDS_LATE; i++)
        if (t->lags[i])
            world_at(t->w, posw_random_below(&t->upgrade_random, t->o.blocks * BLOCK_S * 1000), take_new_file, t);
}

/* Has another block taken the place of one at an upgrade's height? */
static void count_crossings(trial *t, world *w, size_t machine) {
    posw_chain *c = world_chain(w, machine);
    const posw_params *p = &t->spec.params;
    if (p->upgrade_count == 0 || c == NULL) return;
    const posw_hash tip = posw_chain_tip_hash(c), none = {{0}};
    if (posw_hash_equal(&tip, &t->tips[machine])) return;
    t->tips[machine] = tip;
    for (uint32_t i = 0; i < p->upgrade_count; i++) {
        posw_hash now = none; /* after an empty disk */
        const bool passed = p->upgrades[i].height <= posw_chain_tip(c)->number;
        if (passed && posw_chain_hash_by_number(c, &now, p->upgrades[i].height) != POSW_OK) return;
        posw_hash *seen = &t->at_upgrade[machine][i];
        t->crossed += passed && !posw_hash_equal(seen, &none) && !posw_hash_equal(seen, &now);
        *seen = now;
    }
}

/* ---- transactions ---- */

static posw_bytes call_data(trial *t, posw_buf *input, uint64_t what, posw_u256 *value) {
    const posw_address miner = world_miner_of(below(t, t->o.machines));
    const posw_u256 some = scenario_coins(between(t, 1, 300));
    *value = POSW_U256_ZERO;
    switch (what) {
    case 0:
        posw_abi_append_selector(input, "stake(address)");
        posw_abi_append_address(input, &miner);
        *value = some;
        break;
    case 1:
        posw_abi_append_selector(input, "unstake(address,uint256)");
        posw_abi_append_address(input, &miner);
        posw_abi_append_u256(input, &some);
        break;
    default:
        posw_abi_append_selector(input, "withdraw()");
        break;
    }
    return posw_buf_view(input);
}

static void send_tx(void *arg, world *w) {
    trial *t = arg;
    const size_t from = below(t, ACCOUNTS), machine = below(t, t->o.machines);
    uint8_t secret[32];
    uint64_t nonce;
    posw_buf input = {0}, raw = {0};
    posw_tx tx = {.type = POSW_TX_DYNAMIC_FEE,
                  .is_protected = true,
                  .chain_id = t->spec.params.chain_id,
                  .gas_limit = 21000,
                  .has_to = true};
    if (!t->healed) world_at(w, 1 + posw_random_interval(&t->random, TX_MS), send_tx, t);
    if (world_mempool(w, machine) == NULL ||
        posw_mempool_next_nonce(world_mempool(w, machine), &nonce, &t->accounts[from]) != POSW_OK)
        return;
    tx.nonce = nonce;
    tx.max_fee = posw_u256_from_u64(100000000000);
    tx.max_tip = posw_u256_from_u64(between(t, 1, 5) * 1000000000);
    if (below(t, 2) == 0) {
        tx.to = POSW_STAKING_ADDRESS;
        tx.gas_limit = 200000;
        tx.input = call_data(t, &input, below(t, 3), &tx.value);
    } else {
        tx.to = t->accounts[below(t, ACCOUNTS)];
        tx.value = posw_u256_from_u64(between(t, 1, 1000000));
    }
    scenario_account_secret(secret, from);
    if (posw_tx_sign(&raw, &tx, secret)) t->txs += world_submit_tx(w, machine, posw_buf_view(&raw));
    posw_buf_clear(&input);
    posw_buf_clear(&raw);
}

/* ---- faults ---- */

static void join(void *arg, world *w) {
    (void)arg;
    world_partition(w, NULL);
}

static void split(trial *t, world *w) {
    uint8_t groups[MACHINES_MAX];
    for (size_t i = 0; i < t->o.machines; i++)
        groups[i] = (uint8_t)below(t, 2);
    world_partition(w, groups);
    world_at(w, between(t, 5, 40) * 1000, join, t);
}

static void cut_some(trial *t, world *w) {
    const size_t a = below(t, t->o.machines);
    for (size_t b = 0; b < t->o.machines; b++)
        if (below(t, 2) == 0) world_cut(w, a, b);
}

static void fault(void *arg, world *w) {
    trial *t = arg;
    const size_t i = below(t, t->o.machines);
    if (t->healed) return;
    t->faults++;
    switch (below(t, 6)) {
    case 0:
        split(t, w);
        break;
    case 1:
        world_crash(w, i, between(t, 1, 40) * 1000);
        break;
    case 2:
        world_stop(w, i, between(t, 1, 40) * 1000);
        break;
    case 3:
        world_disk_fault(w, i, between(t, 1, 300), between(t, 1, 30) * 1000);
        break;
    case 4:
        cut_some(t, w);
        break;
    default:
        for (size_t k = 0; k < 3; k++)
            world_set_hashes(w, below(t, t->o.machines), between(t, 100, 4000));
        break;
    }
    world_at(w, 1 + posw_random_interval(&t->random, FAULT_MS), fault, t);
}

/* ---- the run ---- */

/* The machine's disk does not fail for who looks at it. */
static int check(void *arg, world *w, size_t machine) {
    trial *t = arg;
    posw_store_memory_pause(world_store(w, machine), true);
    int rc = invariants_event(t->inv, w, machine);
    if (rc == 0 && ++t->seen_events % STATE_EVERY == 0) rc = invariants_state(t->inv, w, machine);
    count_crossings(t, w, machine);
    posw_store_memory_pause(world_store(w, machine), false);
    return rc;
}

static int recount(trial *t, size_t machine) {
    return invariants_recount(t->inv, t->w, machine) != 0 || invariants_rebuild(t->inv, t->w, machine) != 0;
}

static int check_end(trial *t) {
    if (invariants_converged(t->inv, t->w) != 0) return 1;
    for (size_t i = 0; i < t->o.machines; i++)
        if (invariants_state(t->inv, t->w, i) != 0) return 1;
    for (size_t i = 0; i < RECOUNTED; i++)
        if (recount(t, i) != 0) return 1;
    for (size_t i = 0; i < t->o.machines; i++) /* and one that has stayed behind */
        if (t->lags[i]) return recount(t, i);
    return 0;
}

/* The heaviest chain that an honest machine has. */
static posw_u256 heaviest(const trial *t) {
    posw_u256 most = POSW_U256_ZERO;
    for (size_t i = 0; i < t->o.machines; i++) {
        if (t->adversaries[i] != NULL || t->lags[i] || world_chain(t->w, i) == NULL) continue;
        const posw_u256 weight = posw_chain_weight_total(world_chain(t->w, i));
        if (posw_u256_cmp(&weight, &most) > 0) most = weight;
    }
    return most;
}

/* Machine 0 goes on alone until it knows a heavier chain than any was, and everybody has heard of it. It may lack the
 * last block itself (of blocks that share one proof of work a node takes the first, or what others build on). */
static int one_more_block(trial *t) {
    const posw_u256 weight = heaviest(t);
    int rc = POSW_OK;
    world_set_hashes(t->w, 0, t->hashes);
    for (int i = 0; rc == POSW_OK && i < SETTLE_MAX; i++) {
        rc = world_run(t->w, world_now_ms(t->w) + BLOCK_S * 1000);
        const posw_u256 now =
            rc != POSW_OK || world_chain(t->w, 0) == NULL ? weight : posw_chain_weight_total(world_chain(t->w, 0));
        if (posw_u256_cmp(&now, &weight) > 0) break;
    }
    world_set_hashes(t->w, 0, 0);
    return rc == POSW_OK ? world_run(t->w, world_now_ms(t->w) + QUIET_MS) : rc;
}

/* Blocks of one weight may stand at the end, and an adversary may show one that it held back beside the block that was
 * to decide: a node keeps what it saw first (F2), so that only one more block decides. */
static int settle(trial *t) {
    for (size_t i = 0; i < t->o.machines; i++) {
        world_set_hashes(t->w, i, 0);
        posw_store_memory_fail(world_store(t->w, i), 0, POSW_OK, false); /* a fault that has not come yet */
    }
    int rc = world_run(t->w, world_now_ms(t->w) + CALM_MS);
    for (int i = 0; rc == POSW_OK && i < TIES_MAX; i++) {
        rc = one_more_block(t);
        if (rc != POSW_OK || !invariants_tied(t->inv, t->w)) break;
    }
    return rc;
}

static int live(trial *t) {
    const uint64_t faults_ms = t->o.blocks * BLOCK_S * 1000;
    int rc = world_run(t->w, faults_ms);
    if (rc != POSW_OK) return rc;
    t->healed = true;
    rc = world_run(t->w, faults_ms + BACK_MS); /* all are back, and what was split is joined */
    if (rc != POSW_OK) return rc;
    world_partition(t->w, NULL);
    rc = world_run(t->w, faults_ms + BACK_MS + HEAL_BLOCKS * BLOCK_S * 1000);
    return rc == POSW_OK ? settle(t) : rc;
}

static void log_line(void *arg, const char *line) {
    const trial *t = arg;
    t->o.log(t->o.arg, line);
}

static int populate(trial *t) {
    world_options o;
    t->hashes = draw_machines(t);
    int rc = scenario_spec(&t->spec, t->hashes, t->o.machines / 3, ACCOUNTS);
    if (rc != POSW_OK) return rc;
    rc = begin_upgrades(t);
    if (rc != POSW_OK) return rc;
    for (size_t i = 0; i < ACCOUNTS; i++)
        t->accounts[i] = t->spec.accounts[i].address;
    world_options_default(&o);
    o.seed = t->o.seed;
    o.spec = &t->spec;
    o.machine_count = t->o.machines;
    o.machines = t->machines;
    o.latency_ms = (uint32_t)between(t, 5, 300);
    o.jitter_ms = (uint32_t)between(t, 0, 100);
    o.job_ms = (uint32_t)between(t, 0, 20);
    o.cut_ms = between(t, 100, 30000);
    o.start_s = t->spec.params.genesis_time + between(t, 0, 100);
    o.log = t->o.log == NULL ? NULL : log_line;
    o.log_level = t->o.log_level;
    o.check = check;
    o.arg = t;
    return world_new(&t->w, &o);
}

static int begin(trial *t) {
    int rc = populate(t);
    if (rc != POSW_OK) return rc;
    for (size_t i = t->o.machines - liars_of(t); i < t->o.machines; i++) {
        t->adversaries[i] = adversary_new(t->w, i, (enum adversary_kind)below(t, ADVERSARY_KINDS));
        if (t->adversaries[i] == NULL) return POSW_ENOMEM;
        invariants_set_honest(t->inv, i, false);
    }
    plan_new_files(t);
    world_at(t->w, 10 * 1000, send_tx, t);
    if (!t->o.no_faults) world_at(t->w, 20 * 1000, fault, t);
    return POSW_OK;
}

static void finish(trial *t, scenario_result *out) {
    memcpy(out->problem, invariants_problem(t->inv), sizeof out->problem);
    out->log_hash = world_log_hash(t->w);
    out->events = world_events(t->w);
    out->deliveries = world_deliveries(t->w);
    out->tip = world_chain(t->w, 0) == NULL ? 0 : posw_chain_tip(world_chain(t->w, 0))->number;
    out->txs = t->txs;
    out->faults = t->faults;
    out->upgrades = t->spec.params.upgrade_count;
    out->crossed = t->crossed;
}

int scenario_run(scenario_result *out, const scenario_options *o) {
    uint8_t seed[POSW_RANDOM_SEED_SIZE] = {'t', 'r', 'i', 'a', 'l'};
    memset(out, 0, sizeof *out);
    if (o->machines < 4 || o->machines > MACHINES_MAX) return POSW_EINVAL;
    trial *t = calloc(1, sizeof *t);
    if (t == NULL) return POSW_ENOMEM;
    t->o = *o;
    posw_store_be64(seed + 8, o->seed);
    posw_random_init(&t->random, seed);
    seed[0] = 'T'; /* others */
    posw_random_init(&t->upgrade_random, seed);
    t->inv = invariants_new(o->machines);
    int rc = t->inv == NULL ? POSW_ENOMEM : begin(t);
    if (rc == POSW_OK) {
        rc = live(t);
        if (rc == POSW_OK) (void)check_end(t);
        finish(t, out);
        if (out->problem[0] != 0) rc = POSW_OK;
    }
    world_free(t->w);
    for (size_t i = 0; i < o->machines; i++)
        adversary_free(t->adversaries[i]);
    invariants_free(t->inv);
    posw_chain_spec_clear(&t->spec);
    free(t);
    return rc;
}
