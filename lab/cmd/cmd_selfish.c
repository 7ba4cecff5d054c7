/* posw lab selfish */
#include "commands.h"
#include "exact/selfish.h"
#include "options.h"
#include "posw/difficulty.h"
#include "rules/selfish_sim.h"
#include "times_option.h"

#include <math.h>

static const char *const policies[] = {"optimal", "sm1", NULL};
static const char *const ties[] = {"gamma", "uniform", "earlier", NULL};
enum policy { POLICY_OPTIMAL, POLICY_SM1 };

static const cli_option options[] = {
    {"alpha", "A", NULL, "share of the hash that the attacker has, 0 to 1"},
    {"gamma", "G", NULL, "part of the honest hash on the attacker's branch in a race; 0, or 0.5 under --tie uniform"},
    {"policy", "POLICY", "optimal", "optimal (decision process) or sm1 (Eyal and Sirer)"},
    {"tie", "RULE", "gamma",
     "gamma: races only against a block just seen; uniform: honest miners choose at random; earlier: of equally long "
     "branches of two blocks or more, the attacker's is heavier, as earlier times make it under asert"},
    {"truncation", "T", "80", "optimal: longest branch that is followed, 4 to 200"},
    {"threshold", NULL, NULL, "the share above which it pays, in place of a revenue"},
    {"simulate", NULL, NULL, "play SM1 on the consensus code's fork choice, difficulty, windows and weights"},
    LAB_TIMES_OPTIONS("simulates; "),
    {"block-time", "SECONDS", "15", "with --times: block time"},
    {"trail", "BLOCKS", "0", "simulate: how far it may be behind, once it has a block, before it gives up; SM1: 0"},
    {"ticket-share", "S", NULL, "the attacker's tickets in parts of the window [no lack of them]; simulates"},
    {"blocks", "N", "20000000", "simulate: blocks that are found"},
    {"boost", "M", "1024", "simulate with --ticket-share: boost"},
    {"window", "BLOCKS", "2016", "simulate with --ticket-share or --times: window"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

typedef struct {
    double alpha, gamma;
    size_t policy, tie;
    uint64_t truncation;
    bool threshold;
} question;

static bool read_question(const cli *c, question *q) {
    *q = (question){.threshold = cli_switch(c, "threshold")};
    if (!lab_option_choice(c, "policy", policies, &q->policy) || !lab_option_choice(c, "tie", ties, &q->tie) ||
        !cli_u64(c, "truncation", LAB_SELFISH_TRUNCATION_MIN, LAB_SELFISH_TRUNCATION_MAX, &q->truncation))
        return false;
    q->gamma = q->tie == LAB_TIE_UNIFORM ? 0.5 : 0;
    if (cli_given(c, "gamma") && !lab_option_number(c, "gamma", 0, 1, &q->gamma)) return false;
    return q->threshold || lab_option_number(c, "alpha", 0, 1, &q->alpha);
}

static double revenue_of(const question *q) {
    if (q->policy == POLICY_OPTIMAL)
        return lab_selfish_optimal(q->alpha, q->gamma, (enum lab_tie)q->tie, (unsigned)q->truncation);
    return q->tie == LAB_TIE_EARLIER ? lab_selfish_sm1_earlier(q->alpha, q->gamma)
                                     : lab_selfish_sm1(q->alpha, q->gamma);
}

static double threshold_of(const question *q) {
    if (q->policy == POLICY_OPTIMAL)
        return lab_selfish_optimal_threshold(q->gamma, (enum lab_tie)q->tie, (unsigned)q->truncation);
    return q->tie == LAB_TIE_EARLIER ? lab_selfish_sm1_earlier_threshold(q->gamma)
                                     : lab_selfish_sm1_threshold(q->gamma);
}

static void explain(lab_report *r, const question *q) {
    if (q->policy == POLICY_SM1)
        lab_model(r, "the strategy SM1 of Eyal and Sirer 2014, closed form");
    else
        lab_model(
            r,
            "the best strategy: Markov decision process of Sapirshtein, Sompolinsky and Zohar 2016, solved exactly "
            "for branches of at most %u blocks: %s bound",
            (unsigned)q->truncation, q->threshold ? "an upper" : "a lower");
    if (q->tie == LAB_TIE_EARLIER)
        lab_assume(r,
                   "difficulty follows each parent's time, as by asert with a long half-life: of two branches of the "
                   "same length, two blocks or more, the attacker's is heavier by a little; a race of one block each "
                   "goes by gamma");
    else if (q->tie == LAB_TIE_UNIFORM)
        lab_assume(r, "uniform tie breaking: in a race an honest block is found on the attacker's branch with the "
                      "probability gamma, also when the honest branch was seen first");
    else
        lab_assume(r,
                   "the attacker can race only against an honest block that has just appeared; the part gamma of the "
                   "honest hash then mines on its branch");
    if (q->tie != LAB_TIE_EARLIER)
        lab_assume(r, "all blocks of a race are equally hard, as under asert-lag (--times); under asert they are not "
                      "(--tie earlier)");
    lab_assume(r, "plain proof of work, or tickets without end on both sides; rewards are counted after the difficulty "
                  "has adjusted");
    lab_note(r, "under the ticket rule the revenue cannot exceed the attacker's share of the tickets");
}

/* Revenue over alpha, for the web page; SM1 costs nothing, the best strategy is drawn at a coarse truncation. */
static void draw(lab_report *r, const question *q) {
    enum { POINTS = 24, COARSE = 24 };
    double x[POINTS], honest[POINTS], sm1[POINTS], optimal[POINTS];
    for (int i = 0; i < POINTS; i++) {
        x[i] = honest[i] = 0.02 * (i + 1);
        sm1[i] = q->tie == LAB_TIE_EARLIER ? lab_selfish_sm1_earlier(x[i], q->gamma) : lab_selfish_sm1(x[i], q->gamma);
        optimal[i] = lab_selfish_optimal(x[i], q->gamma, (enum lab_tie)q->tie, COARSE);
    }
    lab_chart *chart = lab_chart_new(r, LAB_CHART_LINE, 0, "Share of the main chain's blocks", "share of the hash",
                                     "share of the blocks");
    if (chart == NULL) return;
    lab_chart_series(chart, "honest", x, honest, POINTS);
    lab_chart_series(chart, "SM1", x, sm1, POINTS);
    lab_chart_series(chart, "best strategy (branches of 24)", x, optimal, POINTS);
}

/* ---- played ---- */

static bool read_clock(const cli *c, selfish_setup *s) {
    static const char *const clock[] = {"block-time", NULL};
    lab_times_options o;
    if (!lab_option_times(c, s->window, &o)) return false;
    s->times = o.times;
    s->rule = o.rule;
    s->difficulty_blocks = o.blocks;
    if (s->times == LAB_NO_TIMES && !lab_option_absent(c, clock, "--times true or false")) return false;
    return cli_u64(c, "block-time", 1, 3600, &s->block_time_s);
}

static bool read_simulation(const cli *c, const question *q, selfish_setup *s) {
    static const char *const of_tickets[] = {"boost", NULL}, *const of_both[] = {"window", NULL};
    lab_random_options random;
    *s = (selfish_setup){
        .alpha = q->alpha, .gamma = q->gamma, .has_tickets = cli_given(c, "ticket-share"), .progress = true};
    if (q->tie != LAB_TIE_GAMMA)
        return cli_usage(c,
                         "--simulate, --times and --ticket-share play SM1 on blocks that weigh what they weigh: they "
                         "know no --tie"),
               false;
    if (q->threshold && s->has_tickets) return cli_usage(c, "--ticket-share knows no --threshold"), false;
    if (cli_given(c, "policy") && q->policy != POLICY_SM1)
        return cli_usage(c, "--simulate, --times and --ticket-share play --policy sm1"), false;
    if (!s->has_tickets && s->alpha >= 0.5)
        return cli_usage(c,
                         "--simulate without --ticket-share needs an --alpha below 0.5: with half of the hash a lead "
                         "need never end, and in the long run all blocks are the attacker's"),
               false;
    if (!s->has_tickets && !lab_option_absent(c, of_tickets, "--ticket-share")) return false;
    if (!s->has_tickets && !cli_given(c, "times") && !lab_option_absent(c, of_both, "--ticket-share or --times"))
        return false;
    if (s->has_tickets && !lab_option_number(c, "ticket-share", 0, 100, &s->ticket_share)) return false;
    if (!cli_u64(c, "blocks", SELFISH_CHAINS, (uint64_t)1 << 40, &s->blocks) ||
        !cli_u64(c, "boost", 1, UINT64_MAX, &s->boost) || !cli_u64(c, "window", 2, 65536, &s->window) ||
        !cli_u64(c, "trail", 0, 100, &s->trail) || !read_clock(c, s) || !lab_option_random(c, &random))
        return false;
    s->seed = random.seed;
    s->threads = random.threads;
    return true;
}

static void put_inputs(lab_report *r, const question *q, const selfish_setup *s) {
    if (!q->threshold) lab_input_number(r, "alpha", "attacker's share of the hash", s->alpha, "");
    lab_input_number(r, "gamma", "honest hash on its branch in a race", s->gamma, "");
    lab_input_text(r, "policy", "strategy", "sm1");
    if (s->trail > 0) lab_input_integer(r, "trail", "how far it may be behind", s->trail, "blocks");
    lab_input_times(r, &(lab_times_options){s->times, s->rule, s->difficulty_blocks});
    if (s->times != LAB_NO_TIMES) lab_input_integer(r, "block_time", "block time", s->block_time_s, "s");
    if (s->has_tickets) {
        lab_input_number(r, "ticket_share", "its tickets / window", s->ticket_share, "");
        lab_input_integer(r, "boost", "boost", s->boost, "");
        lab_input_integer(r, "window", "window", s->window, "blocks");
    }
    lab_input_integer(r, "blocks", "blocks", s->blocks, "");
    lab_input_integer(r, "seed", "seed", s->seed, "");
}

static void put_simulation(lab_report *r, const selfish_setup *s, const selfish_result *d) {
    const lab_sample revenue = selfish_over_chains(d, d->revenue), stale = selfish_over_chains(d, d->stale);
    const bool timed = s->times != LAB_NO_TIMES;
    lab_estimate(r, "revenue", "share of the blocks", lab_sample_mean(&revenue), lab_sample_error(&revenue), "");
    lab_number(r, "gain", "over the honest share", s->alpha > 0 ? lab_sample_mean(&revenue) / s->alpha : 1, "");
    lab_number(r, "closed_form", "SM1 in closed form, without tickets", lab_selfish_sm1(s->alpha, s->gamma), "");
    if (timed && s->rule == POSW_DIFFICULTY_ASERT)
        lab_number(r, "closed_form_earlier", "the same where earlier times win a tie",
                   lab_selfish_sm1_earlier(s->alpha, s->gamma), "");
    lab_estimate(r, "stale", "found blocks that are lost", lab_sample_mean(&stale), lab_sample_error(&stale), "");
    if (timed) {
        const lab_sample hardness = selfish_over_chains(d, d->hardness);
        lab_estimate(r, "hardness", "difficulty of its blocks / of honest ones", lab_sample_mean(&hardness),
                     lab_sample_error(&hardness), "");
    }
    if (d->blocks_done < s->blocks / SELFISH_CHAINS * SELFISH_CHAINS)
        lab_interrupted(r, d->blocks_done, s->blocks, "blocks");
}

static void explain_simulation(lab_report *r, const selfish_setup *s) {
    lab_model(r,
              "the strategy SM1 of Eyal and Sirer 2014, played block by block on the consensus code's fork choice%s%s",
              s->times != LAB_NO_TIMES ? ", rule of difficulty" : "", s->has_tickets ? ", windows and weights" : "");
    lab_assume(r,
               "blocks reach everybody at once%s; the part gamma of the honest hash mines on the attacker's block in a "
               "race",
               s->times != LAB_NO_TIMES ? "" : " and have the same difficulty");
    if (s->times != LAB_NO_TIMES)
        lab_assume(r, "it shows its branch when the next honest block could make theirs as heavy; %s",
                   s->times == LAB_TRUE_TIMES ? "all clocks are right and all times true"
                                              : "each of its blocks says a second after its parent");
    if (s->trail > 0)
        lab_assume(r, "it goes on with a branch that is at most %u blocks behind (trail-stubborn, Nayak et al. 2016)",
                   (unsigned)s->trail);
    if (s->has_tickets) lab_assume(r, "honest miners always have a ticket free");
    lab_assume(r, "%d chains, of which the standard errors come", SELFISH_CHAINS);
}

static bool simulate(lab_report *r, const question *q, const selfish_setup *s) {
    if (!q->threshold) {
        selfish_result d;
        if (!selfish_run(&d, s)) return false;
        put_simulation(r, s, &d);
        return true;
    }
    selfish_threshold t;
    if (!selfish_find_threshold(&t, s)) return false;
    lab_estimate(r, "threshold", "pays above this share of the hash", t.alpha, t.standard_error, "");
    lab_assume(r, "%u runs of so many blocks", t.runs);
    if (t.runs_done < t.runs) {
        lab_note(r, "it lies between %g and %g", t.low, t.high);
        lab_interrupted(r, t.runs_done, t.runs, "runs");
    }
    return true;
}

static int run_simulation(const cli *c, const question *q) {
    selfish_setup s;
    if (!read_simulation(c, q, &s)) return CLI_USAGE;
    lab_report *r = lab_report_new("selfish", "What does it bring to keep blocks back?");
    if (r == NULL) return lab_report_print(c, r);
    put_inputs(r, q, &s);
    explain_simulation(r, &s);
    if (!simulate(r, q, &s)) return lab_report_free(r), cli_fail("out of memory");
    return lab_report_print(c, r);
}

static int run(cli *c) {
    question q;
    if (!read_question(c, &q)) return CLI_USAGE;
    /* with few tickets nothing but the simulation knows the answer */
    if (cli_switch(c, "simulate") || cli_given(c, "ticket-share") || cli_given(c, "times"))
        return run_simulation(c, &q);
    static const char *const played[] = {"blocks",           "boost",      "window", "trail", "rule",
                                         "half-life-blocks", "block-time", NULL};
    if (!lab_option_absent(c, played, "--simulate, --times or --ticket-share")) return CLI_USAGE;
    lab_report *r = lab_report_new("selfish", "What does it bring to keep blocks back?");
    if (r == NULL) return lab_report_print(c, r);
    const double answer = q.threshold ? threshold_of(&q) : revenue_of(&q);
    if (isnan(answer)) return lab_report_free(r), cli_fail("out of memory");
    if (!q.threshold) lab_input_number(r, "alpha", "attacker's share of the hash", q.alpha, "");
    lab_input_number(r, "gamma", "honest hash on its branch in a race", q.gamma, "");
    lab_input_text(r, "policy", "strategy", policies[q.policy]);
    lab_input_text(r, "tie", "tie rule", ties[q.tie]);
    if (q.threshold)
        lab_number(r, "threshold", "pays above this share of the hash", answer, "");
    else {
        lab_number(r, "revenue", "share of the blocks", answer, "");
        lab_number(r, "gain", "over the honest share", q.alpha > 0 ? answer / q.alpha : 1, "");
    }
    explain(r, &q);
    if (cli_given(c, "html")) draw(r, &q);
    return lab_report_print(c, r);
}

const cli_command lab_command_selfish = {
    "lab selfish",
    "--alpha A [--gamma G] [OPTIONS]",
    "revenue of selfish mining, and from what share it pays",
    "Tells what share of the main chain's blocks a miner gets by keeping blocks back, with the strategy SM1 or with "
    "the "
    "best one; with --threshold, from what share of the hash that pays. JSON keys: revenue, gain, threshold; of what "
    "is "
    "played also stale, closed_form, with --times hardness, and under asert closed_form_earlier.",
    "posw lab selfish --alpha 0.35 --gamma 0 --policy optimal\nposw lab selfish --threshold --gamma 0.5 --tie "
    "uniform\nposw lab selfish --alpha 0.4 --policy sm1 --ticket-share 0.4\nposw lab selfish --alpha 0.4 --times true "
    "--rule asert "
    "--blocks 2000000",
    options,
    0,
    0,
    run,
};
