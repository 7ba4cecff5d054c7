/* posw import, export, db verify: long work on a data directory, with progress and Ctrl-C. */
#include "cli/commands.h"

#include "base/units.h"
#include "cli/stack.h"
#include "io/block_file.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted; /* set by the handler below, nowhere else */

static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static void watch_interrupts(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

typedef struct {
    const cli *c;
    uint64_t started_ms, shown_ms;
    posw_block_file_progress last;
    uint64_t pruned; /* verify: blocks before this have no bodies; 0: all have */
} watch;

static void show(watch *w, const char *what, uint64_t done, uint64_t total, uint64_t number, bool final) {
    uint64_t now = posw_clock_now_ms();
    if (!final && now - w->shown_ms < 500) return;
    w->shown_ms = now;
    if (cli_switch(w->c, "json") || !isatty(STDERR_FILENO)) return;
    double seconds = (double)(now - w->started_ms + 1) / 1000;
    fprintf(stderr, "\r%s block %" PRIu64 ", %.1f %%, %.0f blocks/s", what, number,
            total == 0 ? 100.0 : 100.0 * (double)done / (double)total, (double)w->last.blocks / seconds);
    if (w->c->command == &cli_command_import)
        fprintf(stderr, ", %.0f transactions/s", (double)w->last.transactions / seconds);
    fprintf(stderr, "   %s", final ? "\n" : "");
}

static int on_file_progress(void *arg, const posw_block_file_progress *p) {
    watch *w = arg;
    w->last = *p;
    show(w, w->c->command == &cli_command_import ? "importing" : "exporting", p->bytes, p->total_bytes, p->number,
         false);
    return interrupted;
}

/* Only an import counts transactions and knows blocks that were there already. */
static void report_plain(const watch *w, const char *verb, double seconds) {
    const posw_block_file_progress *p = &w->last;
    if (w->c->command == &cli_command_import)
        printf("%s %" PRIu64 " block%s with %" PRIu64
               " transaction%s in %.1f s (%.0f transactions/s), up to block %" PRIu64,
               verb, p->blocks - p->known, posw_plural(p->blocks - p->known), p->transactions,
               posw_plural(p->transactions), seconds, seconds > 0 ? (double)p->transactions / seconds : 0.0, p->number);
    else
        printf("%s %" PRIu64 " block%s in %.1f s, up to block %" PRIu64, verb, p->blocks, posw_plural(p->blocks),
               seconds, p->number);
    if (p->known > 0) printf("; %" PRIu64 " were there already", p->known);
    if (w->pruned > 0) printf("; blocks before %" PRIu64 " are pruned: their headers were verified", w->pruned);
    putchar('\n');
}

static int report(watch *w, const char *verb) {
    double seconds = (double)(posw_clock_now_ms() - w->started_ms) / 1000;
    show(w, verb, 1, 1, w->last.number, true);
    if (!cli_switch(w->c, "json")) {
        report_plain(w, verb, seconds);
        return CLI_OK;
    }
    posw_buf b = {0};
    posw_jw j;
    posw_jw_init(&j, &b);
    posw_jw_object(&j);
    posw_jw_kv_u64(&j, "blocks", w->last.blocks);
    if (w->c->command == &cli_command_import) {
        posw_jw_kv_u64(&j, "transactions", w->last.transactions);
        posw_jw_kv_u64(&j, "known", w->last.known);
    }
    posw_jw_kv_u64(&j, "height", w->last.number);
    if (w->c->command == &cli_command_db_verify) posw_jw_kv_u64(&j, "firstBody", w->pruned);
    posw_jw_key(&j, "seconds");
    posw_jw_double(&j, seconds);
    posw_jw_object_end(&j);
    return cli_print(&b);
}

#define DATADIR_OPTIONS                                                                              \
    {"chain", "FILE", NULL, "chain file"}, {"datadir", "DIR", NULL, "the chain's data directory"}, { \
        "json", NULL, NULL, "print the result as JSON"                                               \
    }

/* import makes a data directory; reading commands must not, or a mistyped path would look like an empty chain. */
static int open_chain(cli *c, cli_stack *s, bool may_create) {
    if (cli_text(c, "chain") == NULL || cli_text(c, "datadir") == NULL)
        return cli_usage(c, "--chain FILE and --datadir DIR are needed");
    if (!may_create && access(cli_text(c, "datadir"), F_OK) != 0)
        return cli_fail("%s: there is no data directory; check --datadir", cli_text(c, "datadir"));
    int code = cli_spec_read(&s->spec, cli_text(c, "chain"));
    return code != CLI_OK ? code : cli_stack_open_chain(s, c, cli_text(c, "datadir"));
}

static int close_chain(cli_stack *s, int code) {
    int closed = cli_stack_close(s);
    return code != CLI_OK ? code : closed;
}

/* ---- import ---- */

static const cli_option import_options[] = {
    DATADIR_OPTIONS,
    {"threads", "N", NULL, "threads that check signatures and work (default: one for each processor)"},
    {"commit-blocks", "N", "100", "blocks that are made durable together"},
    {NULL, NULL, NULL, NULL},
};

static int run_import(cli *c) {
    cli_stack s = {0};
    uint64_t threads = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), commit_blocks;
    if (cli_given(c, "threads") && !cli_u64(c, "threads", 1, 256, &threads)) return CLI_USAGE;
    if (!cli_u64(c, "commit-blocks", 1, 100000, &commit_blocks)) return CLI_USAGE;
    int code = open_chain(c, &s, true);
    if (code == CLI_OK) {
        posw_message msg = {""};
        watch w = {.c = c, .started_ms = posw_clock_now_ms()};
        posw_block_file_options o = {.threads = (unsigned)threads - 1,
                                     .pow = s.pow,
                                     .commit_blocks = commit_blocks,
                                     .progress = on_file_progress,
                                     .arg = &w};
        watch_interrupts();
        int err = posw_block_file_import(s.chain, c->args[0], &o, &msg);
        code = err == POSW_OK ? report(&w, "imported") : cli_fail("%s", msg.text);
    }
    return close_chain(&s, code);
}

const cli_command cli_command_import = {"import",
                                        "--chain FILE --datadir DIR [OPTIONS] BLOCKS",
                                        "import a file of blocks",
                                        "Checks and executes every block of the file and makes it durable. It may be "
                                        "interrupted and started again: blocks that are there already are skipped.",
                                        "posw import --chain mychain.json --datadir ./data blocks.rlp",
                                        import_options,
                                        1,
                                        1,
                                        run_import};

/* ---- export ---- */

static const cli_option export_options[] = {
    DATADIR_OPTIONS,
    {"first", "N", NULL, "first block (default: 1, or the lowest one that is not pruned)"},
    {"last", "N", NULL, "last block (default: the tip)"},
    {"force", NULL, NULL, "overwrite the file"},
    {NULL, NULL, NULL, NULL},
};

static int export_range(cli *c, cli_stack *s) {
    if (!cli_switch(c, "force") && access(c->args[0], F_OK) == 0)
        return cli_fail("%s exists already; choose another name or add --force", c->args[0]);
    uint64_t tip = posw_chain_tip(s->chain)->number, first = posw_block_file_first(s->chain), last = tip;
    const uint64_t kept = posw_chain_first_body(s->chain);
    if ((cli_given(c, "first") && !cli_u64(c, "first", 0, UINT64_MAX, &first)) ||
        (cli_given(c, "last") && !cli_u64(c, "last", 0, UINT64_MAX, &last)))
        return CLI_USAGE;
    if (last > tip) return cli_fail("the chain ends at block %" PRIu64 "; choose --last up to that", tip);
    if (first < kept)
        return cli_fail("blocks before %" PRIu64 " are pruned here: choose --first %" PRIu64 " or later", kept, kept);
    if (first > last)
        return cli_fail("there is nothing to export: first block %" PRIu64 ", last %" PRIu64, first, last);
    posw_message msg = {""};
    watch w = {.c = c, .started_ms = posw_clock_now_ms()};
    posw_block_file_options o = {.progress = on_file_progress, .arg = &w};
    watch_interrupts();
    int err = posw_block_file_export(s->chain, c->args[0], first, last, &o, &msg);
    return err == POSW_OK ? report(&w, "exported") : cli_fail("%s", msg.text);
}

static int run_export(cli *c) {
    cli_stack s = {0};
    int code = open_chain(c, &s, false);
    if (code == CLI_OK) code = export_range(c, &s);
    return close_chain(&s, code);
}

const cli_command cli_command_export = {"export",
                                        "--chain FILE --datadir DIR [OPTIONS] BLOCKS",
                                        "export blocks to a file",
                                        "Writes blocks of the main chain to a new file, one after another, as posw "
                                        "import and other Ethereum tools read them.",
                                        "posw export --chain mychain.json --datadir ./data blocks.rlp",
                                        export_options,
                                        1,
                                        1,
                                        run_export};

/* ---- db verify ---- */

static const cli_option verify_options[] = {DATADIR_OPTIONS, {NULL, NULL, NULL, NULL}};

static int on_verify(void *arg, uint64_t number, uint64_t tip) {
    watch *w = arg;
    w->last.blocks = w->last.number = number;
    show(w, "verifying", number, tip, number, false);
    return interrupted;
}

static int run_verify(cli *c) {
    cli_stack s = {0};
    int code = open_chain(c, &s, false);
    if (code == CLI_OK) {
        posw_message msg = {""};
        watch w = {.c = c, .started_ms = posw_clock_now_ms(), .pruned = posw_chain_first_body(s.chain)};
        watch_interrupts();
        int err = posw_chain_verify(s.chain, on_verify, &w, &msg);
        w.last.blocks = w.last.number = posw_chain_tip(s.chain)->number;
        code = err == POSW_OK ? report(&w, "verified")
                              : cli_fail("%s", msg.text[0] != '\0' ? msg.text : posw_error_text(err));
    }
    return close_chain(&s, code);
}

const cli_command cli_command_db_verify = {
    "db verify",
    "--chain FILE --datadir DIR [OPTIONS]",
    "check everything that is stored",
    "Reads every block of the main chain again and checks hashes, links, seals, bodies, receipts, stake tables and the "
    "whole state; of pruned blocks all but bodies and receipts. Nothing is executed again: that is what 'posw import' "
    "does with exported blocks. The node must not be running.",
    "posw db verify --chain mychain.json --datadir ./data",
    verify_options,
    0,
    0,
    run_verify};
