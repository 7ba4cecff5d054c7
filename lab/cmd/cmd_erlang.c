/* posw lab erlang, posw lab variance */
#include "commands.h"
#include "exact/erlang.h"
#include "exact/variance.h"
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_MAX = 32, TICKETS_MAX = 100000 };

static const cli_option erlang_options[] = {
    {"tickets", "M", NULL, "tickets of each miner, all alike"},
    {"ratio", "R", NULL, "tickets of all miners for each block of the window, above 1"},
    {"load", "A", NULL,
     "in place of --ratio: boosted blocks a window that a miner would make with tickets without end"},
    {"classes", "LIST", NULL,
     "in place of --tickets: miners with different tickets, as M or M:PART, separated by commas; "
     "each class holds PART of all tickets (equal parts by default)"},
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static bool read_class(const cli *c, const char *text, double *tickets, double *part) {
    char *end;
    errno = 0;
    *part = 1;
    *tickets = strtod(text, &end);
    if (end != text && *end == ':') *part = strtod(end + 1, &end);
    if (errno == 0 && *end == '\0' && *tickets >= 1 && *tickets <= TICKETS_MAX && *part > 0 && *part <= 1e9)
        return true;
    cli_usage(c, "--classes: '%s' must be tickets from 1 to %d, or tickets:part", text, TICKETS_MAX);
    return false;
}

/* Miners whose hash is in proportion to their tickets; parts become numbers of miners. */
static bool read_classes(const cli *c, double window, double ratio, lab_erlang_class *classes, size_t *count) {
    const char **list = cli_list(c, "classes");
    double parts = 0;
    bool ok = list != NULL;
    if (!ok) cli_fail("out of memory");
    for (*count = 0; ok && list[*count] != NULL; ++*count) {
        if (*count == CLASSES_MAX) {
            cli_usage(c, "--classes: at most %d classes", CLASSES_MAX);
            ok = false;
            break;
        }
        double tickets, part;
        ok = read_class(c, list[*count], &tickets, &part);
        if (!ok) break;
        classes[*count] = (lab_erlang_class){.miners = part / tickets, .hash = tickets, .tickets = tickets};
        parts += part;
    }
    free(list);
    if (ok && *count == 0) return cli_usage(c, "--classes names no class"), false;
    for (size_t i = 0; ok && i < *count; i++)
        classes[i].miners *= window * ratio / parts;
    return ok;
}

static void explain(lab_report *r) {
    lab_model(r, "the ticket rule as a loss system (Erlang B): a boosted block takes one of the miner's tickets for a "
                 "whole window");
    lab_assume(r, "window large, each miner a small part of the chain, blocks without a boost not counted");
}

static int run_classes(cli *c, double ratio) {
    static const double WINDOW = 1e6; /* only ratios matter */
    lab_erlang_class classes[CLASSES_MAX];
    size_t count;
    double boosted;
    if (!read_classes(c, WINDOW, ratio, classes, &count)) return CLI_USAGE;
    lab_report *r = lab_report_new("erlang", "How much of the hash is boosted?");
    if (r == NULL) return lab_report_print(c, r);
    if (!lab_erlang_classes(classes, count, WINDOW, &boosted))
        return lab_report_free(r), cli_usage(c, "--ratio must be above 1: there must be more tickets than blocks");
    explain(r);
    lab_assume(r, "hash in proportion to tickets");
    lab_input_number(r, "ratio", "tickets for each block of the window", ratio, "");
    lab_number(r, "boosted_share", "hash that is boosted", boosted, "");
    lab_table *t = lab_table_new(r, "classes", "Miners by tickets");
    if (t != NULL) {
        lab_column(t, "tickets", "tickets", "");
        lab_column(t, "boosted_share", "boosted", "");
        lab_column(t, "share_per_ticket", "blocks a ticket and window", "");
        lab_column(t, "against_largest", "against the largest", "");
    }
    double best = 0;
    for (size_t i = 0; i < count; i++)
        best = fmax(best, classes[i].share / classes[i].tickets);
    for (size_t i = 0; t != NULL && i < count; i++) {
        const lab_erlang_class *k = &classes[i];
        lab_cell_number(t, k->tickets);
        lab_cell_number(t, k->boosted);
        lab_cell_number(t, k->share * WINDOW / k->tickets);
        lab_cell_number(t, k->share / k->tickets / best);
    }
    return lab_report_print(c, r);
}

static int run_alike(cli *c) {
    double tickets, ratio = NAN, load = NAN;
    if (!lab_option_number(c, "tickets", 0.1, TICKETS_MAX, &tickets)) return CLI_USAGE;
    if (cli_given(c, "load") == cli_given(c, "ratio"))
        return cli_usage(c, "one of --ratio and --load is needed beside --tickets");
    if (cli_given(c, "ratio") && !lab_option_number(c, "ratio", 1, 1e6, &ratio)) return CLI_USAGE;
    if (cli_given(c, "load") && !lab_option_number(c, "load", 0, 1e9, &load)) return CLI_USAGE;
    lab_report *r = lab_report_new("erlang", "How much of the hash is boosted?");
    if (r == NULL) return lab_report_print(c, r);
    explain(r);
    if (!isnan(ratio)) {
        load = lab_erlang_load(tickets, tickets / ratio);
        lab_input_number(r, "ratio", "tickets for each block of the window", ratio, "");
    }
    const double boosted = isinf(load) ? 0 : 1 - lab_erlang_b(tickets, load);
    lab_input_number(r, "tickets", "tickets of a miner", tickets, "");
    lab_number(r, "boosted_share", "hash that is boosted", boosted, "");
    lab_number(r, "loss", "blocks that find no free ticket", 1 - boosted, "");
    lab_number(r, "load", "offered load A", load, "tickets");
    lab_number(r, "carried", "tickets in use on average", isnan(ratio) ? load * boosted : tickets / ratio, "tickets");
    return lab_report_print(c, r);
}

static int run_erlang(cli *c) {
    double ratio;
    if (!cli_given(c, "classes")) return run_alike(c);
    if (cli_given(c, "tickets") || cli_given(c, "load"))
        return cli_usage(c, "--classes goes with --ratio, without --tickets and --load");
    if (!lab_option_number(c, "ratio", 1, 1e6, &ratio)) return CLI_USAGE;
    return run_classes(c, ratio);
}

const cli_command lab_command_erlang = {
    "lab erlang",
    "--tickets M --ratio R [OPTIONS]",
    "how much hash waits for a free ticket",
    "Tells what part of the hash is boosted under the ticket rule, when miners have M tickets each, and R for each "
    "block "
    "of the window together. JSON keys: boosted_share, loss, load, carried; classes.",
    "posw lab erlang --tickets 5 --ratio 2\nposw lab erlang --classes 1,2,5,10,50 --ratio 2",
    erlang_options,
    0,
    0,
    run_erlang,
};

/* ---- variance ---- */

static const cli_option variance_options[] = {
    {"share", "X", NULL, "share of the blocks, above 0 to 1"},
    {"block-time", "SECONDS", "60", "time between blocks"},
    {"days", "DAYS", "30.4375", "length of the period; a month by default"},
    {"shares-per-block", "N", "1", "pieces that each reward is spread over: weak blocks, or the shares of a pool"},
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static int run_variance(cli *c) {
    double share, block_time, days, pieces;
    if (!lab_option_number(c, "share", 1e-15, 1, &share) ||
        !lab_option_number(c, "block-time", 0.001, 1e6, &block_time) ||
        !lab_option_number(c, "days", 1e-6, 1e6, &days) || !lab_option_number(c, "shares-per-block", 1, 1e9, &pieces))
        return CLI_USAGE;
    lab_report *r = lab_report_new("variance", "How uneven is a solo miner's income?");
    if (r == NULL) return lab_report_print(c, r);
    const double blocks = days * 86400 / block_time;
    const lab_variance_result v = lab_variance(share, blocks, pieces);
    lab_input_number(r, "share", "share of the blocks", share, "");
    lab_input_number(r, "block_time_s", "time between blocks", block_time, "s");
    lab_input_number(r, "days", "period", days, "days");
    lab_number(r, "cv", "coefficient of variation of the income", v.variation, "");
    lab_number(r, "p0", "probability of no income at all", v.none, "");
    lab_number(r, "expected_blocks", "blocks expected", v.expected, "");
    lab_number(r, "wait_days", "mean time to the first block", v.wait_blocks * block_time / 86400, "days");
    lab_number(r, "days_for_10_percent", "time until the income is within 10 % (one sigma)",
               v.blocks_for_10 * block_time / 86400, "days");
    lab_model(r, "each block is the miner's with its share as probability, independently: binomial");
    lab_assume(r, "the share and the reward stay as they are");
    return lab_report_print(c, r);
}

const cli_command lab_command_variance = {
    "lab variance",
    "--share X [OPTIONS]",
    "how uneven the income of a solo miner is",
    "Tells the spread of a solo miner's income over a period, and how likely it finds nothing. JSON keys: cv, p0, "
    "expected_blocks, wait_days, days_for_10_percent.",
    "posw lab variance --share 0.0001 --block-time 60",
    variance_options,
    0,
    0,
    run_variance,
};
