/* posw lab double-spend, posw lab confirmations */
#include "commands.h"
#include "exact/double_spend.h"
#include "options.h"
#include "rules/double_spend_sim.h"

#include <math.h>
#include <string.h>

enum { Z_MAX = 100000 };

/* In the order of enum lab_double_spend_model, and after it the models that need more than q and z. */
static const char *const models[] = {"nakamoto", "rosenfeld", "strict", "tickets", NULL};
static const char *const all_models[] = {"nakamoto", "rosenfeld", "strict", "tickets", "simulate", NULL};
enum { MODEL_TICKETS = LAB_DOUBLE_SPEND_STRICT + 1 };
#define MODEL_HELP "nakamoto, rosenfeld, strict or tickets"

static const char *model_text(size_t model) {
    if (model == MODEL_TICKETS)
        return "exact, against the ticket rule: as strict, and the attacker can make at most as many blocks as it has "
               "tickets";
    switch ((enum lab_double_spend_model)model) {
    case LAB_DOUBLE_SPEND_NAKAMOTO:
        return "Nakamoto 2008, section 11: the attacker's progress is Poisson, and a tie counts as success";
    case LAB_DOUBLE_SPEND_ROSENFELD:
        return "Rosenfeld 2014: exact (negative binomial), with one block mined beforehand, or a tie counted as "
               "success";
    case LAB_DOUBLE_SPEND_STRICT:
        return "exact (negative binomial), nothing mined beforehand, and the branch must become strictly longer";
    }
    return "";
}

typedef struct {
    double q;
    size_t model;
    uint64_t tickets;
} question;

static bool read_question(const cli *c, const char *const *known, question *out) {
    if (!lab_option_number(c, "q", 0, 1, &out->q) || !lab_option_choice(c, "model", known, &out->model)) return false;
    if (out->model == MODEL_TICKETS) {
        if (!cli_given(c, "tickets"))
            return cli_usage(c, "--tickets is needed with --model tickets: how many the attacker has"), false;
        return cli_u64(c, "tickets", 0, LAB_TICKETS_MAX, &out->tickets);
    }
    static const char *const of_tickets[] = {"tickets", NULL};
    return lab_option_absent(c, of_tickets, "--model tickets");
}

static void put_question(lab_report *r, const question *q) {
    lab_input_number(r, "q", "attacker's share of the hash", q->q, "");
    lab_input_text(r, "model", "model", models[q->model]);
    if (q->model == MODEL_TICKETS) {
        lab_input_integer(r, "tickets", "attacker's tickets", q->tickets, "");
        lab_assume(r, "hash counts with its boost on both sides; without a ticket the attacker makes no block at all");
    }
    lab_model(r, "%s", model_text(q->model));
}

static const cli_option double_spend_options[] = {
    {"q", "Q", NULL, "share of the hash that the attacker has, 0 to 1"},
    {"z", "Z", NULL, "confirmations that the receiver waits for"},
    {"model", "MODEL", "rosenfeld", "nakamoto, rosenfeld, strict, tickets or simulate"},
    {"tickets", "B", NULL, "models tickets and simulate: tickets that the attacker has in the window"},
    {"trials", "N", "1000000", "simulate: races"},
    {"boost", "M", "1024", "simulate with --tickets: boost"},
    {"window", "BLOCKS", "2016", "simulate with --tickets: window"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

/* ---- races on the consensus code's own tree, windows and weights ---- */

static bool read_simulation(const cli *c, double_spend_setup *s) {
    static const char *const of_tickets[] = {"boost", "window", NULL};
    lab_random_options random;
    *s = (double_spend_setup){.has_tickets = cli_given(c, "tickets"), .progress = true};
    if (!s->has_tickets && !lab_option_absent(c, of_tickets, "--tickets")) return false;
    if (s->has_tickets && !cli_u64(c, "tickets", 0, 1 << 24, &s->tickets)) return false;
    if (!lab_option_number(c, "q", 0, 1, &s->q) || !cli_u64(c, "z", 1, DOUBLE_SPEND_SIM_Z_MAX, &s->z) ||
        !cli_u64(c, "trials", 1, (uint64_t)1 << 40, &s->trials) || !cli_u64(c, "boost", 1, UINT64_MAX, &s->boost) ||
        !cli_u64(c, "window", 2, 65536, &s->window) || !lab_option_random(c, &random))
        return false;
    s->seed = random.seed;
    s->threads = random.threads;
    return true;
}

static void put_simulation(lab_report *r, const double_spend_setup *s, const double_spend_result *d) {
    const double n = (double)d->trials, p = d->trials > 0 ? (double)d->successes / n : NAN;
    lab_input_number(r, "q", "attacker's share of the hash", s->q, "");
    lab_input_text(r, "model", "model", "simulate");
    if (s->has_tickets) {
        lab_input_integer(r, "tickets", "attacker's tickets", s->tickets, "");
        lab_input_integer(r, "boost", "boost", s->boost, "");
        lab_input_integer(r, "window", "window", s->window, "blocks");
    }
    lab_input_integer(r, "z", "confirmations", s->z, "");
    lab_input_integer(r, "trials", "trials", s->trials, "");
    lab_input_integer(r, "seed", "seed", s->seed, "");
    /* of none or all of n a standard error of about 1 / n, so that an error bar never says "certain" */
    lab_estimate(r, "probability", "probability", p, sqrt((p * (1 - p) + 1 / n) / n), "");
    lab_integer(r, "trials_counted", "trials counted", d->trials, "");
    lab_number(r, "blocks_per_trial", "blocks in a trial", d->blocks, "");
    if (d->given_up > 0) lab_integer(r, "undecided", "trials without an end after 20,000 blocks", d->given_up, "");
}

static int run_simulation(const cli *c) {
    double_spend_setup s;
    double_spend_result d;
    if (!read_simulation(c, &s)) return CLI_USAGE;
    if (!double_spend_run(&d, &s)) return cli_fail("out of memory");
    lab_report *r = lab_report_new("double-spend", "How likely is a confirmed payment undone?");
    if (r == NULL) return lab_report_print(c, r);
    put_simulation(r, &s, &d);
    lab_model(r,
              "races on the consensus code's fork choice%s: nothing mined beforehand, and the branch must become "
              "strictly heavier, since ties go to what nodes saw first",
              s.has_tickets ? ", windows and weights" : "");
    lab_assume(r, "all blocks have the same difficulty and reach everybody at once");
    if (s.has_tickets)
        lab_assume(r, "honest miners always have a ticket free; the attacker has all of its tickets free when the fork "
                      "begins, and without one it mines on unboosted");
    lab_assume(r, "the attacker gives up when it would still catch up with a chance below 1e-9");
    if (d.given_up > 0 && s.q >= 0.5 && !s.has_tickets)
        lab_assume(r, "trials without an end count as undone: with half of the hash the attacker is ahead some time");
    if (d.trials < s.trials) lab_interrupted(r, d.trials, s.trials, "trials");
    return lab_report_print(c, r);
}

static int run_double_spend(cli *c) {
    static const char *const played[] = {"trials", "boost", "window", NULL};
    question q = {0};
    uint64_t z;
    const char *model = cli_text(c, "model");
    if (model != NULL && strcmp(model, "simulate") == 0) return run_simulation(c);
    if (!read_question(c, all_models, &q) || !lab_option_absent(c, played, "--model simulate")) return CLI_USAGE;
    if (!cli_u64(c, "z", 0, q.model == MODEL_TICKETS ? LAB_TICKETS_MAX : Z_MAX, &z)) return CLI_USAGE;
    lab_report *r = lab_report_new("double-spend", "How likely is a confirmed payment undone?");
    if (r == NULL) return lab_report_print(c, r);
    const double p = q.model == MODEL_TICKETS ? lab_double_spend_tickets(q.q, z, q.tickets)
                                              : lab_double_spend((enum lab_double_spend_model)q.model, q.q, z);
    put_question(r, &q);
    lab_input_integer(r, "z", "confirmations", z, "");
    lab_number(r, "probability", "probability", p, "");
    lab_number(r, "standard_error", "standard error", 0, "");
    lab_assume(r, "the attacker goes on %s, and the shares of hash stay as they are",
               q.model == MODEL_TICKETS ? "while it has tickets" : "for ever");
    return lab_report_print(c, r);
}

const cli_command lab_command_double_spend = {
    "lab double-spend",
    "--q Q --z Z [OPTIONS]",
    "probability that a confirmed payment is undone",
    "Tells how likely an attacker with a share of the hash undoes a payment that has z confirmations. JSON keys: "
    "probability, standard_error.",
    "posw lab double-spend --q 0.3 --z 6 --model rosenfeld --json\nposw lab double-spend --q 0.3 --z 6 --model "
    "simulate\nposw lab double-spend --q 0.6 --z 6 --model tickets "
    "--tickets 10",
    double_spend_options,
    0,
    0,
    run_double_spend,
};

static const cli_option confirmations_options[] = {
    {"q", "Q", NULL, "share of the hash that the attacker has, 0 to 1"},
    {"risk", "R", "0.001", "the probability must be below it"},
    {"model", "MODEL", "rosenfeld", MODEL_HELP},
    {"tickets", "B", NULL, "model tickets: tickets that the attacker has in the window"},
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static int run_confirmations(cli *c) {
    question q = {0};
    double risk;
    if (!read_question(c, models, &q) || !lab_option_number(c, "risk", 1e-300, 1, &risk)) return CLI_USAGE;
    lab_report *r = lab_report_new("confirmations", "How many confirmations are enough?");
    if (r == NULL) return lab_report_print(c, r);
    const uint64_t z = q.model == MODEL_TICKETS
                           ? lab_confirmations_tickets(q.q, risk, q.tickets)
                           : lab_confirmations((enum lab_double_spend_model)q.model, q.q, risk, Z_MAX);
    put_question(r, &q);
    lab_input_number(r, "risk", "accepted risk", risk, "");
    if (z == UINT64_MAX) {
        lab_number(r, "confirmations", "confirmations", INFINITY, "");
        lab_note(r, "no number of confirmations up to %d is enough against this share", Z_MAX);
    } else
        lab_integer(r, "confirmations", "confirmations", z, "");
    return lab_report_print(c, r);
}

const cli_command lab_command_confirmations = {
    "lab confirmations",
    "--q Q --risk R [OPTIONS]",
    "confirmations that keep a double spend below a risk",
    "Tells the least number of confirmations with which a double spend succeeds with less than the accepted "
    "probability. JSON key: confirmations.",
    "posw lab confirmations --q 0.1 --risk 0.001 --model nakamoto",
    confirmations_options,
    0,
    0,
    run_confirmations,
};
