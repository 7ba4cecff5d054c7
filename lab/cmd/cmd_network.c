/* posw lab network */
#include "commands.h"
#include "exact/double_spend.h"
#include "exact/selfish.h"
#include "heap.h"
#include "memo.h"
#include "network/blocks.h"
#include "network_miners.h"
#include "options.h"
#include "posw/difficulty.h"
#include "rules/clock.h"
#include "run/parallel.h"
#include "times_option.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const models[] = {"nodes", "blocks", NULL};
static const char *const attacks[] = {"none", "selfish", "reorg", "eclipse", NULL};
static const char *const weights[] = {"pow", "ticket", "quarkchain", NULL};
enum { RUNS_MAX = 10000 };

static const cli_option options[] = {
    {"model", "MODEL", "nodes",
     "nodes: whole nodes, up to 1000; blocks: fork choice and connections only, up to 20000"},
    {"attack", "ATTACK", "none", "none, selfish, reorg or eclipse"},
    {"alpha", "A", "0.3", "attacks: share of all hash power that the attacker has, 0 to 1"},
    {"confirmations", "Z", "6",
     "reorg, eclipse: blocks after which the exchange takes a payment for final, its own included"},
    {"weight", "PRESET", "pow", "pow, ticket or quarkchain; honest miners then always have a ticket free"},
    {"tickets", "B", "0", "the attacker's tickets, under a ticket rule"},
    LAB_TIMES_OPTIONS("selfish, reorg; "),
    {"reach", "R", "1", "selfish, reorg: part of the nodes that the attacker is connected to"},
    {"give-up", "BLOCKS", "20", "reorg: the attacker begins anew when it is so far behind"},
    {"victim-share", "V", "0.05", "eclipse: share of all hash power that the exchange has"},
    {"eclipse-blocks", "BLOCKS", "20", "eclipse: how long it lasts, in block times"},
    {"chain", "FILE", NULL, "chain file: its block time, weights, window and, without attack, difficulty rule"},
    {"miners", "FILE", NULL, "JSON list of miners, a node each: name, hash, stake, count; without attack"},
    {"supply", "AMOUNT", NULL, "with --miners: coins that exist [those of the chain file's accounts and stakes]"},
    {"settle", "BLOCKS", NULL,
     "block times before anything is counted [0; with --miners and tickets those of two windows and two half-lives]"},
    {"nodes", "N", "20", "honest nodes, all of them miners of one size; 2 to 1000, with --model blocks to 20000"},
    {"peers", "N", "2", "nodes that each of them dials beside its forerunner, 0 to 6"},
    {"latency", "MS", "50", "of a pair of nodes: half of it to one and a half"},
    {"jitter", "MS", "10", "more, for each message"},
    {"bandwidth", "BYTES", "1250000", "bytes a second that a node sends"},
    {"block-bytes", "BYTES", "630", "--model blocks: what a block takes on a line; 630 without transactions"},
    {"block-time", "SECONDS", "10", "time between blocks"},
    {"blocks", "N", "400", "block times of a run"},
    {"runs", "N", "16", "networks, of which the standard errors come"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

/* ---- what is asked ---- */

typedef struct {
    network_setup s;
    size_t runs;
    unsigned threads;
    bool of_blocks; /* the model, */
    uint64_t block_bytes;
    uint64_t eclipse_blocks;
    lab_times_options times;
    bool tickets;         /* the weights are of the ticket rule */
    posw_chain_spec file; /* --chain */
    posw_chain_spec spec; /* of a run */
    lab_miners miners;    /* --miners */
} question;

static size_t nodes_max(const question *q) {
    return q->of_blocks ? BLOCKS_NODES_MAX : NETWORK_NODES_MAX;
}

static bool read_model(const cli *c, question *q) {
    size_t model;
    if (!lab_option_choice(c, "model", models, &model) ||
        !cli_u64(c, "block-bytes", BLOCKS_BYTES_DEFAULT, BLOCKS_BYTES_MAX, &q->block_bytes))
        return false;
    q->of_blocks = model == 1;
    if (!q->of_blocks && cli_given(c, "block-bytes"))
        return cli_usage(c, "--block-bytes does not go with --model nodes, whose blocks are as large as they are"),
               false;
    return true;
}

static bool read_network(const cli *c, question *q) {
    network_setup *s = &q->s;
    uint64_t nodes, peers, latency, jitter, block_time, runs;
    if (!cli_u64(c, "nodes", 2, nodes_max(q), &nodes) || !cli_u64(c, "peers", 0, NETWORK_PEERS_MAX, &peers) ||
        !cli_u64(c, "latency", 0, 60000, &latency) || !cli_u64(c, "jitter", 0, 60000, &jitter) ||
        !cli_u64(c, "bandwidth", 1000, (uint64_t)1 << 40, &s->bytes_per_s) ||
        !cli_u64(c, "block-time", 1, 3600, &block_time) || !cli_u64(c, "blocks", 10, NETWORK_BLOCKS_MAX, &s->blocks) ||
        !cli_u64(c, "runs", 2, RUNS_MAX, &runs))
        return false;
    s->nodes = nodes;
    s->peers = (unsigned)peers;
    s->latency_ms = (uint32_t)latency;
    s->jitter_ms = (uint32_t)jitter;
    s->block_time_s = (uint32_t)block_time;
    q->runs = runs;
    return true;
}

/* Options that the attack does not know are named, so that nobody takes them for heard. */
static bool are_known(const cli *c, enum network_attack attack) {
    static const struct {
        const char *option;
        unsigned attacks; /* 1 << attack */
    } of[] = {{"alpha", 14},  {"confirmations", 12}, {"reach", 6},         {"times", 6},
              {"give-up", 4}, {"victim-share", 8},   {"eclipse-blocks", 8}};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        if (cli_given(c, of[i].option) && (of[i].attacks >> attack & 1) == 0)
            return cli_usage(c, "--%s does not go with --attack %s", of[i].option, attacks[attack]), false;
    return true;
}

/* Block time and weights: of the chain file, or of the options. */
static int read_chain(const cli *c, question *q) {
    static const char *const own[] = {"weight", "block-time", "rule", "half-life-blocks"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (cli_given(c, "chain") && cli_given(c, own[i]))
            return cli_usage(c, "--%s does not go with --chain, whose file says it", own[i]);
    if (!cli_given(c, "chain")) {
        size_t weight;
        if (!lab_option_choice(c, "weight", weights, &weight)) return CLI_USAGE;
        q->s.weight = weights[weight];
        q->tickets = weight != 0;
        return CLI_OK;
    }
    const int code = lab_chain_read(c, cli_text(c, "chain"), &q->file);
    if (code != CLI_OK) return code;
    q->s.chain = &q->file.params;
    q->s.block_time_s = (uint32_t)q->file.params.block_time_s;
    q->s.weight = posw_params_preset_of(&q->file.params);
    q->tickets = q->file.params.weight.rule == POSW_WEIGHT_TICKET;
    return CLI_OK;
}

/* By the chain file's rule, or that of the options. */
static bool read_times(const cli *c, question *q) {
    network_setup *s = &q->s;
    posw_params rules;
    posw_params_default(&rules);
    if (s->chain != NULL) rules = *s->chain;
    if (!lab_option_times(c, rules.window_blocks, &q->times)) return false;
    if (q->times.times == LAB_NO_TIMES) return true;
    if (s->chain != NULL) {
        if (lab_own_timestamp(&rules) || rules.difficulty_rule == POSW_DIFFICULTY_FIXED)
            return cli_usage(
                       c,
                       "--times needs a difficulty that follows, and not by a block's own time: asert-lag, asert, "
                       "lwma3 or bitcoin2016; the chain file has %s",
                       posw_difficulty_name(rules.difficulty_rule)),
                   false;
        q->times.rule = rules.difficulty_rule;
        q->times.blocks = rules.difficulty_blocks;
    }
    s->times = q->times.times;
    s->rule = q->times.rule;
    s->difficulty_blocks = q->times.blocks;
    return true;
}

static bool read_attack(const cli *c, question *q) {
    network_setup *s = &q->s;
    size_t attack;
    if (!lab_option_choice(c, "attack", attacks, &attack) || !lab_option_number(c, "alpha", 0, 0.95, &s->alpha) ||
        !lab_option_number(c, "reach", 0, 1, &s->reach) ||
        !lab_option_number(c, "victim-share", 0, 0.9, &s->victim_share) ||
        !cli_u64(c, "confirmations", 1, 1000, &s->confirmations) || !cli_u64(c, "give-up", 1, 1000, &s->give_up) ||
        !cli_u64(c, "tickets", 0, LAB_TICKETS_MAX, &s->tickets) ||
        !cli_u64(c, "eclipse-blocks", 1, 1000, &q->eclipse_blocks) || !are_known(c, (enum network_attack)attack) ||
        !read_times(c, q))
        return false;
    s->attack = (enum network_attack)attack;
    if (q->of_blocks && attack != NETWORK_NO_ATTACK)
        return cli_usage(c, "--attack %s does not go with --model blocks: attacks are played on whole nodes",
                         attacks[attack]),
               false;
    if (cli_given(c, "tickets") && (!q->tickets || attack == NETWORK_NO_ATTACK || attack == NETWORK_ECLIPSE))
        return cli_usage(c, "--tickets goes with --weight ticket or quarkchain, and --attack selfish or reorg"), false;
    if (q->tickets && attack == NETWORK_ECLIPSE)
        return cli_usage(c, "--attack eclipse is not played under a ticket rule: take --weight pow and give the shares "
                            "of the boosted hash"),
               false;
    if (attack == NETWORK_NO_ATTACK) s->alpha = 0;
    if (attack != NETWORK_ECLIPSE) s->victim_share = 0;
    if (s->alpha + s->victim_share >= 1)
        return cli_usage(c, "--alpha and --victim-share leave no hash power to the others"), false;
    s->eclipse_s = q->eclipse_blocks * s->block_time_s;
    return true;
}

static int read_miners(const cli *c, question *q) {
    network_setup *s = &q->s;
    if (!cli_given(c, "miners")) return cli_given(c, "supply") ? cli_usage(c, "--supply goes with --miners") : CLI_OK;
    if (s->attack != NETWORK_NO_ATTACK)
        return cli_usage(c, "--miners does not go with --attack %s", attacks[s->attack]);
    if (cli_given(c, "nodes")) return cli_usage(c, "--nodes does not go with --miners: each miner is a node");
    const int code = lab_miners_read(c, cli_text(c, "miners"), &q->miners);
    if (code != CLI_OK) return code;
    const lab_miners *m = &q->miners;
    if (m->miner_count < 2 || m->miner_count > nodes_max(q))
        return cli_usage(c, "%s: a network has 2 to %zu miners%s", cli_text(c, "miners"), nodes_max(q),
                         q->of_blocks ? "" : ", and more with --model blocks");
    for (size_t i = 0; i < m->group_count; i++)
        if (m->groups[i].identities > 1)
            return cli_usage(c, "%s: %s: a node mines with one identity; give each as a miner of its own",
                             cli_text(c, "miners"), m->groups[i].name);
    s->miners = m->miners;
    s->nodes = m->miner_count;
    return CLI_OK;
}

/* The chain that all this makes, judged as a node would. */
static int make_chain(const cli *c, question *q) {
    network_setup *s = &q->s;
    posw_message msg = {""};
    posw_params rules;
    posw_params_default(&rules);
    if (s->chain != NULL) rules = *s->chain;
    const bool known = s->chain != NULL || posw_params_preset(&rules, s->weight);
    const posw_u256 of_file = posw_chain_spec_supply(&q->file);
    if (known && s->miners != NULL && !lab_supply_read(c, &rules, of_file, &q->miners, &s->supply_wei))
        return CLI_USAGE;
    const int rc = network_chain(&q->spec, s, &msg);
    const posw_params *p = &q->spec.params;
    if (rc == POSW_ENOMEM) return cli_fail("out of memory");
    if (rc != POSW_OK) return cli_usage(c, "no chain can have these rules and stakes: %s", msg.text);
    /* in the first window no ticket comes back, and at its end they are fewest; the difficulty follows later */
    const uint64_t half_life = posw_difficulty_has_half_life(p->difficulty_rule) ? p->difficulty_blocks : 0;
    s->settle = s->miners != NULL && q->tickets ? 2 * p->window_blocks + 2 * half_life : 0;
    if (s->settle > NETWORK_SETTLE_MAX) s->settle = NETWORK_SETTLE_MAX;
    if (cli_given(c, "settle") && !cli_u64(c, "settle", 0, NETWORK_SETTLE_MAX, &s->settle)) return CLI_USAGE;
    return CLI_OK;
}

static int read_question(const cli *c, question *q) {
    lab_random_options random;
    *q = (question){.runs = 0};
    if (!read_model(c, q) || !read_network(c, q) || !lab_option_random(c, &random)) return CLI_USAGE;
    q->s.seed = random.seed;
    q->threads = random.threads;
    int code = read_chain(c, q);
    if (code == CLI_OK && !read_attack(c, q)) code = CLI_USAGE;
    if (code == CLI_OK) code = read_miners(c, q);
    if (code == CLI_OK) code = make_chain(c, q);
    return code;
}

static void clear_question(question *q) {
    posw_chain_spec_clear(&q->file);
    posw_chain_spec_clear(&q->spec);
    lab_miners_clear(&q->miners);
}

/* ---- the runs ---- */

typedef struct {
    const question *q;
    network_result *results;
    uint32_t *counts; /* of each miner in each run: found, main; NULL: there is no list of miners */
} job;

static void remember(void) {
    memo_set(true);
}

static void run_one(void *arg, size_t task) {
    job *j = arg;
    network_setup s = j->q->s;
    network_result *r = &j->results[task];
    s.seed = s.seed * 1000003 + task;
    if (j->counts != NULL) {
        r->found_of = j->counts + 2 * task * s.nodes;
        r->main_of = r->found_of + s.nodes;
    }
    const bool done = j->q->of_blocks
                          ? blocks_run(r, &s, &j->q->spec, j->q->block_bytes, lab_stopping) == POSW_OK && r->done
                          : network_run_apart(r, &s, remember, lab_stopping);
    r->done = done;
}

/* ---- the answer ---- */

typedef struct {
    network_result sum;
    lab_sample stale, reached[3], revenue, gamma, ratio;
    miners_answer miners;
    uint64_t done;
} answer;

static double part(double a, uint64_t b) {
    return b == 0 ? NAN : a / (double)b;
}

static void add_run(answer *a, const question *q, const network_result *r) {
    network_result *s = &a->sum;
    a->done++;
    s->found += r->found;
    s->main += r->main;
    s->deliveries += r->deliveries;
    s->arrivals += r->arrivals;
    s->arrival_ms += r->arrival_ms;
    s->delay_ms += r->delay_ms;
    s->delay_power += r->delay_power;
    s->own_power += r->own_power;
    s->trials += r->trials;
    s->successes += r->successes;
    s->races += r->races;
    lab_sample_add(&a->stale, 1 - part((double)r->main, r->found), (double)r->found);
    for (size_t i = 0; i < 3; i++)
        lab_sample_add(&a->reached[i], part(r->reached_ms[i], r->reached[i]), (double)r->reached[i]);
    lab_sample_add(&a->revenue, part((double)r->attacker_main, r->main), (double)r->main);
    lab_sample_add(&a->gamma, part(r->followers, r->races), (double)r->races);
    lab_sample_add(&a->ratio, part((double)q->s.blocks, r->main), (double)r->main);
    miners_add(&a->miners, r);
}

static void put_question(lab_report *r, const question *q) {
    const network_setup *s = &q->s;
    lab_input_text(r, "model", "model", models[q->of_blocks]);
    lab_input_text(r, "attack", "attack", attacks[s->attack]);
    if (s->attack != NETWORK_NO_ATTACK) lab_input_number(r, "alpha", "attacker's share of the hash", s->alpha, "");
    if (s->chain != NULL) lab_input_text(r, "chain", "chain", q->file.name);
    if (s->chain != NULL && s->attack == NETWORK_NO_ATTACK) {
        const posw_u256 supply = posw_chain_spec_supply(&q->spec);
        lab_report_chain(r, &q->spec.params, s->miners != NULL ? &s->supply_wei : &supply);
    } else
        lab_input_text(r, "weight", "weight rule", s->weight);
    if (s->tickets > 0) lab_input_integer(r, "tickets", "attacker's tickets", s->tickets, "");
    if (s->attack == NETWORK_SELFISH || s->attack == NETWORK_REORG)
        lab_input_number(r, "reach", "part of the nodes it is connected to", s->reach, "");
    if (s->attack >= NETWORK_REORG) lab_input_integer(r, "confirmations", "confirmations", s->confirmations, "blocks");
    if (s->attack == NETWORK_REORG) lab_input_integer(r, "give_up", "gives up when behind by", s->give_up, "blocks");
    lab_input_times(r, &q->times);
    if (s->attack == NETWORK_ECLIPSE) {
        lab_input_number(r, "victim_share", "exchange's share of the hash", s->victim_share, "");
        lab_input_integer(r, "eclipse_blocks", "length of the eclipse", q->eclipse_blocks, "block times");
    }
    lab_input_integer(r, "nodes", "nodes", s->nodes, "");
    lab_input_integer(r, "peers", "dialled beside the forerunner", s->peers, "");
    lab_input_integer(r, "latency_ms", "latency", s->latency_ms, "ms");
    lab_input_integer(r, "jitter_ms", "jitter", s->jitter_ms, "ms");
    lab_input_integer(r, "bytes_per_s", "upload", s->bytes_per_s, "bytes/s");
    if (q->of_blocks) lab_input_integer(r, "block_bytes", "size of a block", q->block_bytes, "bytes");
    lab_input_integer(r, "block_time_s", "block time", s->block_time_s, "s");
    if (s->settle > 0) lab_input_integer(r, "settle", "block times before counting", s->settle, "");
    lab_input_integer(r, "blocks", "block times of a run", s->blocks, "");
    lab_input_integer(r, "runs", "runs", q->runs, "");
    lab_input_integer(r, "seed", "seed", s->seed, "");
}

static void put_propagation(lab_report *r, const question *q, const answer *a) {
    static const char *const keys[] = {"propagation_p50_ms", "propagation_p90_ms", "propagation_p99_ms"};
    static const char *const labels[] = {"half of the nodes have a block after", "90 % of them", "99 % of them"};
    const network_result *sum = &a->sum;
    /* the finder waits for nothing */
    const double delay_ms = sum->delay_ms / sum->delay_power * (1 - part(sum->own_power, sum->found));
    const double block_time_s = lab_sample_mean(&a->ratio) * q->s.block_time_s;
    lab_estimate(r, "stale_rate", "found blocks that are lost", lab_sample_mean(&a->stale), lab_sample_error(&a->stale),
                 "");
    lab_number(r, "expected_stale_rate", "expected for this delay",
               network_stale_expected(delay_ms / 1000, block_time_s), "");
    lab_estimate(r, "mean_ratio", "mean block time / block time", lab_sample_mean(&a->ratio),
                 lab_sample_error(&a->ratio), "");
    lab_number(r, "mean_delay_ms", "mean delay, over all hash power", delay_ms, "ms");
    for (size_t i = 0; i < 3; i++)
        lab_estimate(r, keys[i], labels[i], lab_sample_mean(&a->reached[i]), lab_sample_error(&a->reached[i]), "ms");
}

static void put_selfish(lab_report *r, const question *q, const answer *a) {
    const double gamma = a->sum.races == 0 ? 0 : lab_sample_mean(&a->gamma);
    lab_estimate(r, "revenue", "attacker's share of the chain", lab_sample_mean(&a->revenue),
                 lab_sample_error(&a->revenue), "");
    lab_number(r, "gain", "over its share of the hash", q->s.alpha > 0 ? lab_sample_mean(&a->revenue) / q->s.alpha : 1,
               "");
    lab_estimate(r, "gamma", "nodes on its block in a race", gamma, lab_sample_error(&a->gamma), "");
    lab_integer(r, "races", "races", a->sum.races, "");
    lab_number(r, "closed_form", "SM1 in closed form at this gamma, without delay", lab_selfish_sm1(q->s.alpha, gamma),
               "");
    if (q->s.times != LAB_NO_TIMES && q->s.rule == POSW_DIFFICULTY_ASERT)
        lab_number(r, "closed_form_earlier", "the same where earlier times win a tie",
                   lab_selfish_sm1_earlier(q->s.alpha, gamma), "");
    lab_number(r, "threshold", "pays above this share of the hash at this gamma", lab_selfish_sm1_threshold(gamma), "");
    lab_estimate(r, "stale_rate", "found blocks that are lost", lab_sample_mean(&a->stale), lab_sample_error(&a->stale),
                 "");
}

static double exact_of(const question *q) {
    const network_setup *s = &q->s;
    if (s->attack == NETWORK_ECLIPSE)
        return network_eclipse_exact(s->alpha, s->victim_share, s->confirmations,
                                     (double)s->eclipse_s / s->block_time_s);
    if (!q->tickets) return lab_double_spend(LAB_DOUBLE_SPEND_STRICT, s->alpha, s->confirmations);
    return lab_double_spend_tickets(s->alpha, s->confirmations, s->tickets);
}

static void put_success(lab_report *r, const question *q, const answer *a) {
    const double n = (double)a->sum.trials, p = part((double)a->sum.successes, a->sum.trials);
    const bool eclipse = q->s.attack == NETWORK_ECLIPSE;
    /* of none or all of n a standard error of about 1 / n, so that an error bar never says "certain" */
    const double error = a->sum.trials == 0 ? NAN : sqrt((p * (1 - p) + 1 / n) / n);
    lab_estimate(r, "probability", "attacks that succeed", p, error, "");
    lab_number(r, "closed_form", "exact, when blocks come at once", exact_of(q), "");
    if (eclipse)
        lab_number(r, "without_eclipse", "double spend without the eclipse, exact",
                   lab_double_spend(LAB_DOUBLE_SPEND_STRICT, q->s.alpha, q->s.confirmations), "");
    lab_integer(r, "trials", "attacks", a->sum.trials, "");
    lab_integer(r, "successes", "of them with success", a->sum.successes, "");
}

static void explain_miners(lab_report *r, const question *q) {
    if (q->s.chain != NULL)
        lab_assume(
            r,
            "of the chain file all rules are the nodes' own but these: proofs of work are drawn and cost no time "
            "to check, and its accounts and stakes make room for those of the simulated miners%s",
            q->s.attack == NETWORK_NO_ATTACK ? ""
            : q->s.times == LAB_NO_TIMES     ? "; under an attack its difficulty stays and its boost has no ramp"
                                             : "; under an attack its boost has no ramp");
    if (q->s.miners == NULL) {
        lab_assume(r, "the nodes have equal hash power");
        return;
    }
    if (q->tickets)
        lab_assume(r,
                   "expected shares: the chain of `posw lab shares` with these miners, run from genesis over the same "
                   "block times, with blocks that reach everybody at once");
    else
        lab_assume(r, "expected shares: hash times weight of the stake, over the sum of all");
    lab_note(r, "a share of the chain above the expected one is what better connections, or many own blocks that need "
                "not travel, are worth");
}

static void explain_times(lab_report *r, const question *q) {
    if (q->s.times == LAB_NO_TIMES) return;
    if (q->s.times == LAB_FALSE_TIMES)
        lab_assume(
            r, "each block of the attacker's says that it came a second after its parent; all other clocks are right");
    else
        lab_assume(r, "all clocks are right and all times true");
    lab_assume(
        r, "%s; the closed form is for blocks that are all equally hard",
        q->s.attack == NETWORK_REORG
            ? "the attacker's hash comes from elsewhere: the difficulty begins where the honest hash alone finds a "
              "block every block time"
            : "it shows its branch when the next honest block could make theirs as heavy");
}

static void explain(lab_report *r, const question *q) {
    lab_model(r, q->of_blocks
                     ? "blocks on their way through a network: nodes are fork choice, connections and how this program "
                       "passes blocks on; difficulty, weights and tickets are computed by the functions that it uses"
                     : "whole nodes of this program, each with its own chain, connections and miner, over a simulated "
                       "network; mining follows the real targets");
    if (q->of_blocks)
        lab_assume(r,
                   "blocks are always as large and execution takes no time; connections never fail, clocks agree, and "
                   "nothing but blocks takes up the lines");
    const bool stays = q->s.times == LAB_NO_TIMES && (q->s.chain == NULL || q->s.attack != NETWORK_NO_ATTACK);
    if (stays)
        lab_assume(r, "the difficulty stays as it begins; there are no transactions");
    else
        lab_assume(r,
                   "the difficulty begins where blocks come every block time, and follows the chain's rule from there; "
                   "there are no transactions");
    explain_miners(r, q);
    explain_times(r, q);
    switch (q->s.attack) {
    case NETWORK_NO_ATTACK:
        lab_assume(r, "expected: a block meets a rival with the probability 1 - e^(-delay / block time) (Decker and "
                      "Wattenhofer 2013), "
                      "and one of the two is lost");
        break;
    case NETWORK_SELFISH:
        lab_assume(
            r, "the strategy SM1 of Eyal and Sirer 2014; gamma is measured when the next block after a race is found");
        break;
    case NETWORK_REORG:
        lab_assume(r, "nothing is mined beforehand, and the branch must become strictly heavier; the exchange takes a "
                      "payment for "
                      "final when its own node shows the confirmations");
        lab_assume(r, "the attacker gives up when it is %d blocks behind; the exact value is for one that never does",
                   (int)q->s.give_up);
        break;
    case NETWORK_ECLIPSE:
        lab_assume(
            r,
            "the exchange's node sees the attacker's alone, mines with it, and meets the others again at the end; the "
            "attack succeeds when the payment had its confirmations and is gone then");
        break;
    }
    lab_assume(r,
               "standard errors come from the spread of the runs, those of a probability from the number of attacks");
    if (q->tickets && q->s.miners == NULL) {
        lab_assume(
            r, "every honest miner has a ticket free for each of its blocks; hash counts with its boost on both sides");
        lab_note(r, "without a free ticket the attacker's hash counts 1 / boost");
    }
    lab_note(r, "a node that many people connect to is seen by many: whoever is better connected than the attacker is "
                "not shown here");
}

static void draw(lab_report *r, const answer *a) {
    double x[3] = {.5, .9, .99}, y[3], errors[3];
    for (size_t i = 0; i < 3; i++) {
        y[i] = lab_sample_mean(&a->reached[i]);
        errors[i] = lab_sample_error(&a->reached[i]);
    }
    lab_chart *chart =
        lab_chart_new(r, LAB_CHART_LINE, 0, "How a block spreads", "part of the nodes", "ms after it was found");
    if (chart != NULL) lab_chart_estimates(chart, "blocks", x, y, errors, 3);
}

static int report(const cli *c, const question *q, answer *a) {
    lab_report *r = lab_report_new("network", q->of_blocks ? "What does a network of nodes do?"
                                                           : "What does a network of whole nodes do?");
    if (r == NULL) return lab_report_print(c, r);
    put_question(r, q);
    if (q->s.attack == NETWORK_NO_ATTACK)
        put_propagation(r, q, a);
    else if (q->s.attack == NETWORK_SELFISH)
        put_selfish(r, q, a);
    else
        put_success(r, q, a);
    lab_integer(r, "found", "blocks found", a->sum.found, "");
    lab_integer(r, "deliveries", "blocks that came to a node which had not found them", a->sum.deliveries, "");
    miners_put(r, &a->miners, &q->spec.params, &q->s.supply_wei);
    explain(r, q);
    if (cli_given(c, "html")) draw(r, a);
    if (a->done < q->runs) lab_interrupted(r, a->done, q->runs, "runs");
    return lab_report_print(c, r);
}

static bool run_all(const question *q, answer *a) {
    job j = {.q = q, .results = calloc(q->runs, sizeof *j.results)};
    bool *done = calloc(q->runs, sizeof *done);
    if (q->s.miners != NULL) j.counts = calloc(q->runs, 2 * q->s.nodes * sizeof *j.counts);
    bool failed = j.results == NULL || done == NULL || (q->s.miners != NULL && j.counts == NULL);
    if (!failed) {
        const lab_parallel p = {
            .tasks = q->runs, .threads = q->threads, .what = "runs", .run = run_one, .arg = &j, .done = done};
        if (!q->of_blocks) heap_for_worlds();
        (void)lab_parallel_run(&p);
        for (size_t i = 0; i < q->runs; i++) {
            if (done[i] && j.results[i].done) add_run(a, q, &j.results[i]);
            failed |= done[i] && !j.results[i].done && !lab_stopping();
        }
    }
    free(j.results);
    free(j.counts);
    free(done);
    return !failed;
}

static int run(cli *c) {
    question q;
    answer a = {.done = 0};
    int code = read_question(c, &q);
    if (code == CLI_OK) {
        if (!miners_new(&a.miners, q.s.miners != NULL ? &q.miners : NULL) || !miners_expect(&a.miners, &q.s, q.threads))
            code = cli_fail("out of memory");
        else if (!run_all(&q, &a))
            code = cli_fail("a run could not be made: not enough memory or processes; try fewer --threads or --nodes");
        else
            code = report(c, &q, &a);
    }
    miners_clear(&a.miners);
    clear_question(&q);
    return code;
}

const cli_command lab_command_network = {
    "lab network",
    "[--model MODEL] [--attack ATTACK] [--chain FILE] [--miners FILE] [OPTIONS]",
    "stale blocks, propagation, and attacks on a network of whole nodes",
    "Runs networks of whole nodes, each with its own chain, connections and miner, over lines that take time. Tells "
    "how "
    "many blocks are lost and how they spread; what selfish mining brings there; how often a payment is undone at an "
    "exchange, by hash alone or with an eclipse. With --miners, a list as that of `posw lab shares`, each miner is a "
    "node "
    "with its own hash and stake. --model blocks leaves the nodes away and keeps what becomes of blocks: the same "
    "answers "
    "without an attack, for up to 20000 nodes and some sixty times as fast. JSON keys: model, deliveries, "
    "stale_rate, expected_stale_rate, mean_ratio, mean_delay_ms, "
    "propagation_p50_ms, propagation_p90_ms, propagation_p99_ms; with --miners: share, expected_share, stale (one "
    "number a miner, in the order of the file: its part of the chain, the same without a network, and of its blocks "
    "those that are lost), miners (one object an entry: found_share, share, expected_share and stale_rate, each with "
    "its KEY_standard_error); selfish: revenue, gamma, closed_form, threshold; "
    "reorg "
    "and eclipse: probability, closed_form, trials.",
    "posw lab network --nodes 50 --block-time 10 --latency 100\nposw lab network --model blocks --nodes 10000 "
    "--block-time 10 --latency 100\nposw lab network --chain mychain.json --miners "
    "miners.json --latency 400\nposw lab network --attack selfish --alpha 0.4\nposw lab "
    "network --attack selfish --alpha 0.4 --times true --rule asert\nposw lab "
    "network --attack reorg --alpha 0.3 --confirmations 3\nposw lab network --attack eclipse --alpha 0.2 "
    "--confirmations 4",
    options,
    0,
    0,
    run,
};
