/* posw chain rehearse */
#include "cli/commands.h"

#include "cli/chain_copy.h"
#include "cli/rehearse.h"
#include "cli/rpc_client.h"
#include "cli/stack.h"
#include "cli/upgrade_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const cli_option options[] = {
    {"chain", "NEW.json", NULL, "the new chain file, which names the upgrade"},
    CLI_CHAIN_COPY_OPTIONS,
    {"at", "HEIGHT", NULL, "rehearse with the upgrade at this block, in the copy"},
    {"soon", NULL, NULL,
     "the same, 10 blocks after the chain's latest; so it is for an upgrade more than 5,000 blocks ahead"},
    {"blocks", "N", "20", "blocks to make after the height; into the next epoch, if that is near and nothing is said"},
    {"json", NULL, NULL, "print the result as JSON"},
    {NULL, NULL, NULL, NULL},
};

/* ---- Output ---- */

static const char *const MARKS[] = {[CLI_FINDING_GOOD] = "ok", [CLI_FINDING_BAD] = "BAD", [CLI_FINDING_NOTE] = "note"};
static const char *const KINDS[] = {[CLI_FINDING_GOOD] = "ok", [CLI_FINDING_BAD] = "bad", [CLI_FINDING_NOTE] = "note"};

static const char GOOD[] = "The rehearsal went well: on this chain the upgrade does what the chain file says.";
static const char BAD[] =
    "The rehearsal failed: do not publish this chain file, and tell its makers what is marked BAD.";

static void show_upgrades(const posw_chain_spec *asked, const cli_rehearsal *r) {
    for (size_t i = r->first; i < r->first + r->count; i++) {
        const posw_upgrade *u = &asked->params.upgrades[i];
        const uint64_t height = r->spec.params.upgrades[i].height;
        cli_change changes[CLI_CHANGES_MAX];
        printf("%-10s %s, at block %" PRIu64, "upgrade", u->name, u->height);
        if (height != u->height) printf("; moved to block %" PRIu64 " for the rehearsal", height);
        putchar('\n');
        const size_t count = cli_upgrade_changes(changes, &asked->params, i);
        for (size_t k = 0; k < count; k++)
            printf("%-10s %s: %s, then %s\n", "changes", changes[k].label, changes[k].from, changes[k].to);
    }
}

static int show(const posw_chain_spec *asked, const cli_rehearsal *r, const char *kept) {
    printf("%-10s %s (chain id %" PRIu64 "), a copy taken at block %" PRIu64 "\n", "chain", asked->name,
           asked->params.chain_id, r->tip);
    show_upgrades(asked, r);
    putchar('\n');
    for (size_t i = 0; i < r->finding_count; i++)
        printf("%-5s %s\n", MARKS[r->findings[i].kind], r->findings[i].text);
    if (kept != NULL)
        printf("\nThe copy is in %s. No node may use it on the network: its latest blocks are made up.\n", kept);
    printf("\n%s\n", r->good ? GOOD : BAD);
    return fflush(stdout) == 0 ? CLI_OK : cli_fail("the output could not be written");
}

static void upgrades_json(posw_jw *w, const posw_chain_spec *asked, const cli_rehearsal *r) {
    posw_jw_array(w);
    for (size_t i = r->first; i < r->first + r->count; i++) {
        posw_jw_object(w);
        posw_jw_kv_string(w, "name", asked->params.upgrades[i].name);
        posw_jw_kv_u64(w, "height", asked->params.upgrades[i].height);
        posw_jw_kv_u64(w, "rehearsedAt", r->spec.params.upgrades[i].height);
        posw_jw_key(w, "changes");
        cli_upgrade_changes_json(w, &asked->params, i);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}

static void findings_json(posw_jw *w, const cli_rehearsal *r) {
    posw_jw_array(w);
    for (size_t i = 0; i < r->finding_count; i++) {
        posw_jw_object(w);
        posw_jw_kv_string(w, "check", r->findings[i].name);
        posw_jw_kv_string(w, "result", KINDS[r->findings[i].kind]);
        posw_jw_kv_string(w, "text", r->findings[i].text);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}

static int show_json(const posw_chain_spec *asked, const cli_rehearsal *r, const char *kept) {
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    posw_jw_object(&w);
    posw_jw_kv_string(&w, "chain", asked->name);
    posw_jw_kv_u64(&w, "chainId", asked->params.chain_id);
    posw_jw_kv_u64(&w, "tip", r->tip);
    posw_jw_kv_hash(&w, "tipHash", &r->tip_hash);
    posw_jw_key(&w, "upgrades");
    upgrades_json(&w, asked, r);
    posw_jw_key(&w, "checks");
    findings_json(&w, r);
    if (kept != NULL) posw_jw_kv_string(&w, "copy", kept);
    posw_jw_kv_bool(&w, "good", r->good);
    posw_jw_kv_string(&w, "verdict", r->good ? GOOD : BAD);
    posw_jw_object_end(&w);
    return cli_print(&b);
}

/* ---- The run ---- */

typedef struct {
    uint64_t shown_ms;
} shown;

static void on_progress(void *arg, uint64_t number, uint64_t last) {
    shown *s = arg;
    const uint64_t now = posw_clock_now_ms();
    if (!isatty(STDERR_FILENO) || now - s->shown_ms < 500) return;
    s->shown_ms = now;
    fprintf(stderr, "\rblock %" PRIu64 " of %" PRIu64, number, last);
}

static int rehearse(cli *c, const posw_chain_spec *spec, const cli_chain_copy *copy, cli_rehearse_options *o) {
    cli_rehearsal r;
    posw_message msg = {""};
    shown s = {0};
    o->spec = spec;
    o->dir = copy->dir;
    o->stopped = cli_chain_copy_stopped;
    o->progress = on_progress;
    o->arg = &s;
    const int err = cli_rehearse(&r, o, &msg);
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    if (err == POSW_ECORRUPT) {
        if (!copy->keep) cli_chain_copy_blame(copy, &msg);
        return cli_fail("what was copied is damaged (posw db verify examines a data directory): %s", msg.text);
    }
    if (err != POSW_OK) return cli_fail("%s", msg.text);
    const char *kept = copy->keep ? copy->dir : NULL;
    int code = cli_switch(c, "json") ? show_json(spec, &r, kept) : show(spec, &r, kept);
    if (code == CLI_OK && !r.good) code = CLI_FAILED;
    cli_rehearsal_clear(&r);
    return code;
}

static bool read_options(const cli *c, cli_rehearse_options *o) {
    *o = (cli_rehearse_options){.soon = cli_switch(c, "soon")};
    if (cli_given(c, "at") && !cli_u64(c, "at", 1, UINT64_MAX >> 2, &o->at)) return false;
    return !cli_given(c, "blocks") || cli_u64(c, "blocks", 1, 1000000, &o->blocks);
}

static int run(cli *c) {
    posw_chain_spec spec = {0};
    cli_chain_copy copy = {.keep = false};
    cli_rehearse_options o;
    if (cli_text(c, "chain") == NULL)
        return cli_usage(c, "--chain NEW.json is needed: the chain file with the upgrade");
    if (cli_given(c, "at") && cli_switch(c, "soon")) return cli_usage(c, "--at and --soon exclude each other");
    if (!read_options(c, &o)) return CLI_USAGE;
    int code = cli_spec_read(&spec, cli_text(c, "chain"));
    if (code == CLI_OK && spec.params.upgrade_count == 0)
        code = cli_fail("%s names no upgrade: add one to its \"upgrades\" (see posw chain show)", cli_text(c, "chain"));
    if (code == CLI_OK) code = cli_chain_copy_make(&copy, c);
    if (code == CLI_OK) code = rehearse(c, &spec, &copy, &o);
    cli_chain_copy_clear(&copy);
    posw_chain_spec_clear(&spec);
    return code;
}

const cli_command cli_command_chain_rehearse = {
    "chain rehearse",
    "--chain NEW.json (--datadir DIR | --rpc URL | --snapshot FILE) [OPTIONS]",
    "try an upgrade on a copy of the chain",
    "Copies a live chain, opens the copy with a chain file that names an upgrade, and makes blocks up to its height, "
    "over "
    "it and beyond, with transactions in them and a proof of work that costs nothing; every other rule is the chain's. "
    "It "
    "tells what changes, whether old and new rules refuse each other's blocks at the height, whether a reorganisation "
    "across it and a restart leave the same state, and what a node says that has not followed. The original is only "
    "read, and the copy is removed. It ends with 0 when all is well, else with 1.",
    "posw chain rehearse --chain new.json --datadir ./data\nposw chain rehearse --chain new.json --rpc "
    "http://127.0.0.1:8545 --soon\nposw chain rehearse --chain new.json --snapshot block-1234-at-1700000000.tar --at "
    "1300",
    options,
    0,
    0,
    run};
