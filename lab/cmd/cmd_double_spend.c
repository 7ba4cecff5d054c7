/* posw lab double-spend, posw lab confirmations */
#include "commands.h"
#include "exact/double_spend.h"
#include "options.h"

#include <math.h>

enum { Z_MAX = 100000 };

static const char *const models[] = {"nakamoto", "rosenfeld", "strict", NULL};

static const char *model_text(size_t model) {
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

static const cli_option double_spend_options[] = {
    {"q", "Q", NULL, "share of the hash that the attacker has, 0 to 1"},
    {"z", "Z", NULL, "confirmations that the receiver waits for"},
    {"model", "MODEL", "rosenfeld", "nakamoto, rosenfeld or strict"},
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static int run_double_spend(cli *c) {
    double q;
    uint64_t z;
    size_t model;
    if (!lab_option_number(c, "q", 0, 1, &q) || !cli_u64(c, "z", 0, Z_MAX, &z) ||
        !lab_option_choice(c, "model", models, &model))
        return CLI_USAGE;
    lab_report *r = lab_report_new("double-spend", "How likely is a confirmed payment undone?");
    if (r == NULL) return lab_report_print(c, r);
    lab_input_number(r, "q", "attacker's share of the hash", q, "");
    lab_input_integer(r, "z", "confirmations", z, "");
    lab_input_text(r, "model", "model", models[model]);
    lab_number(r, "probability", "probability", lab_double_spend((enum lab_double_spend_model)model, q, z), "");
    lab_number(r, "standard_error", "standard error", 0, "");
    lab_model(r, "%s", model_text(model));
    lab_assume(r, "the attacker goes on for ever, and the shares of hash stay as they are");
    return lab_report_print(c, r);
}

const cli_command lab_command_double_spend = {
    "lab double-spend",
    "--q Q --z Z [OPTIONS]",
    "probability that a confirmed payment is undone",
    "Tells how likely an attacker with a share of the hash undoes a payment that has z confirmations. JSON keys: "
    "probability, standard_error.",
    "posw lab double-spend --q 0.3 --z 6 --model rosenfeld --json",
    double_spend_options,
    0,
    0,
    run_double_spend,
};

static const cli_option confirmations_options[] = {
    {"q", "Q", NULL, "share of the hash that the attacker has, 0 to 1"},
    {"risk", "R", "0.001", "the probability must be below it"},
    {"model", "MODEL", "rosenfeld", "nakamoto, rosenfeld or strict"},
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static int run_confirmations(cli *c) {
    double q, risk;
    size_t model;
    if (!lab_option_number(c, "q", 0, 1, &q) || !lab_option_number(c, "risk", 1e-300, 1, &risk) ||
        !lab_option_choice(c, "model", models, &model))
        return CLI_USAGE;
    lab_report *r = lab_report_new("confirmations", "How many confirmations are enough?");
    if (r == NULL) return lab_report_print(c, r);
    const uint64_t z = lab_confirmations((enum lab_double_spend_model)model, q, risk, Z_MAX);
    lab_input_number(r, "q", "attacker's share of the hash", q, "");
    lab_input_number(r, "risk", "accepted risk", risk, "");
    lab_input_text(r, "model", "model", models[model]);
    if (z == UINT64_MAX) {
        lab_number(r, "confirmations", "confirmations", INFINITY, "");
        lab_note(r, "no number of confirmations up to %d is enough against this share", Z_MAX);
    } else
        lab_integer(r, "confirmations", "confirmations", z, "");
    lab_model(r, "%s", model_text(model));
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
