/* posw chain check, show */
#include "cli/commands.h"

#include "base/units.h"
#include "cli/chain_show.h"
#include "cli/new_chain.h"
#include "cli/stack.h"
#include "cli/upgrade_words.h"
#include "io/file.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "posw/weight.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- check and show ---- */

static const cli_option check_options[] = {{"json", NULL, NULL, "print the result as JSON"}, {NULL, NULL, NULL, NULL}};

static void warn(void *arg, const char *sentence) {
    (void)arg;
    fprintf(stderr, "note: %s\n", sentence);
}

void cli_chain_warn(const posw_chain_spec *spec) {
    posw_chainfile_warnings(spec, warn, NULL);
}

static void collect(void *arg, const char *sentence) {
    posw_jw_string(arg, sentence);
}

static void upgrades_json(posw_jw *w, const posw_params *p) {
    posw_jw_array(w);
    for (size_t i = 0; i < p->upgrade_count; i++) {
        posw_jw_object(w);
        posw_jw_kv_string(w, "name", p->upgrades[i].name);
        posw_jw_kv_u64(w, "height", p->upgrades[i].height);
        posw_jw_key(w, "changes");
        cli_upgrade_changes_json(w, p, i);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}

static int run_check(cli *c) {
    posw_chain_spec spec;
    memset(&spec, 0, sizeof spec);
    int code = cli_spec_read(&spec, c->args[0]);
    if (code != CLI_OK) return code;
    if (cli_switch(c, "json")) {
        posw_buf b = {0};
        posw_jw w;
        posw_jw_init(&w, &b);
        posw_jw_object(&w);
        posw_jw_kv_bool(&w, "valid", true);
        posw_jw_key(&w, "warnings");
        posw_jw_array(&w);
        posw_chainfile_warnings(&spec, collect, &w);
        posw_jw_array_end(&w);
        posw_jw_key(&w, "upgrades");
        upgrades_json(&w, &spec.params);
        posw_jw_object_end(&w);
        code = cli_print(&b);
    } else {
        cli_chain_warn(&spec);
        printf("%s is a valid chain file of %s (chain id %" PRIu64 ")", c->args[0], spec.name, spec.params.chain_id);
        if (spec.params.upgrade_count > 0)
            printf(" with %" PRIu32 " upgrade%s: posw chain rehearse tries what is ahead", spec.params.upgrade_count,
                   spec.params.upgrade_count == 1 ? "" : "s");
        putchar('\n');
    }
    posw_chain_spec_clear(&spec);
    return code;
}

const cli_command cli_command_chain_check = {"chain check",
                                             "[OPTIONS] FILE",
                                             "check a chain file",
                                             "Reads a chain file, checks every rule for its parameters, and notes what "
                                             "is allowed but unwise for a chain that shall carry value.",
                                             "posw chain check mychain.json",
                                             check_options,
                                             1,
                                             1,
                                             run_check};

static void amount_line(const char *label, const posw_u256 *wei, const char *ticker) {
    char text[POSW_AMOUNT_SIZE];
    posw_amount_format(text, wei);
    printf("%-18s %s %s\n", label, text, ticker);
}

static void difficulty_line(const posw_params *p) {
    char genesis[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(genesis, &p->genesis_difficulty);
    printf("%-18s %s", "difficulty rule", posw_difficulty_name(p->difficulty_rule));
    if (posw_difficulty_has_blocks(p->difficulty_rule))
        printf(", %s %" PRIu64 " blocks",
               posw_difficulty_has_half_life(p->difficulty_rule) ? "half-life of" : "measured over",
               p->difficulty_blocks);
    printf(", from %s\n", genesis);
}

void cli_weight_words(char out[CLI_WEIGHT_WORDS], const posw_params *p) {
    const posw_weight_params *w = &p->weight;
    const char *preset = posw_params_preset_of(p), *text = posw_params_preset_text(preset);
    if (text != NULL && text[0] != '\0')
        snprintf(out, CLI_WEIGHT_WORDS, "%s: %s", preset, text);
    else if (w->rule == POSW_WEIGHT_TICKET && w->ramp_blocks > 0)
        snprintf(out, CLI_WEIGHT_WORDS, "tickets, boost %" PRIu64 ", %" PRIu64 " slots, ramp of %" PRIu64 " blocks",
                 w->boost, w->slots, w->ramp_blocks);
    else if (w->rule == POSW_WEIGHT_TICKET)
        snprintf(out, CLI_WEIGHT_WORDS, "tickets, boost %" PRIu64 ", %" PRIu64 " slots", w->boost, w->slots);
    else
        snprintf(out, CLI_WEIGHT_WORDS, "stake to the power of %g, from %" PRIu64 " to %" PRIu64, w->exponent_x2 / 2.0,
                 w->min, w->max);
}

void cli_chain_show(const posw_chain_spec *spec) {
    const posw_params *p = &spec->params;
    char weight[CLI_WEIGHT_WORDS];
    cli_weight_words(weight, p);
    posw_u256 supply = posw_chain_spec_supply(spec);
    printf("%-18s %s (%s)\n%-18s %" PRIu64 "\n%-18s %s\n%-18s %" PRIu64 " s\n", "name", spec->name, spec->ticker,
           "chain id", p->chain_id, "proof of work", posw_pow_name(p->pow), "block time", p->block_time_s);
    difficulty_line(p);
    printf("%-18s %s\n", "weight rule", weight);
    printf("%-18s %" PRIu64 " blocks\n%-18s %" PRIu64 " blocks\n%-18s %" PRIu64 " blocks (%.1f days)\n%-18s %" PRIu64
           " blocks\n",
           "window", p->window_blocks, "epoch", p->epoch_blocks, "unbonding", p->unbonding_blocks,
           (double)(p->unbonding_blocks * p->block_time_s) / 86400, "deepest reorg", p->reorg_max_blocks);
    amount_line("supply at genesis", &supply, spec->ticker);
    if (p->weight.rule == POSW_WEIGHT_TICKET) {
        posw_u256 price = posw_weight_ticket_price(p, &supply); /* there is none under the other rule */
        amount_line("ticket price", &price, spec->ticker);
    }
    amount_line("block reward", &p->reward_initial_wei, spec->ticker);
    if (p->treasury_share > 0) printf("%-18s %.2f %% of it\n", "treasury", p->treasury_share / 100.0);
    printf("%-18s %zu account%s, %zu stake%s\n", "genesis", spec->account_count, posw_plural(spec->account_count),
           spec->stake_count, posw_plural(spec->stake_count));
    for (size_t i = 0; i < p->upgrade_count; i++) {
        char changes[500];
        cli_upgrade_changes_line(changes, sizeof changes, p, i);
        printf("%-18s %s from block %" PRIu64 " on: %s\n", "upgrade", p->upgrades[i].name, p->upgrades[i].height,
               changes);
    }
}

static int run_show(cli *c) {
    posw_chain_spec spec;
    memset(&spec, 0, sizeof spec);
    int code = cli_spec_read(&spec, c->args[0]);
    if (code != CLI_OK) return code;
    if (cli_switch(c, "json")) {
        posw_buf b = {0};
        posw_chainfile_write(&b, &spec);
        if (b.size > 0 && b.data[b.size - 1] == '\n') b.size--;
        code = cli_print(&b);
    } else {
        cli_chain_show(&spec);
    }
    posw_chain_spec_clear(&spec);
    return code;
}

const cli_command cli_command_chain_show = {
    "chain show",
    "[OPTIONS] FILE",
    "show what a chain file means",
    "Prints the chain's parameters in plain words, with what follows from them.",
    "posw chain show mychain.json",
    check_options,
    1,
    1,
    run_show};
