/* posw snapshot create, restore. */
#include "cli/commands.h"

#include "cli/json_view.h"
#include "cli/snapshots.h"
#include "cli/wait.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- create ---- */

static const cli_option create_options[] = {
    CLI_RPC_OPTION,
    {"chain", "FILE", NULL, "with --datadir: chain file"},
    {"datadir", "DIR", NULL, "of a node that does not run: its data directory"},
    {"json", NULL, NULL, "print the result as JSON"},
    {NULL, NULL, NULL, NULL},
};

static int tell(const cli *c, const char *path, uint64_t bytes) {
    if (cli_switch(c, "json")) {
        posw_buf b = {0};
        posw_jw w;
        posw_jw_init(&w, &b);
        posw_jw_object(&w);
        posw_jw_kv_string(&w, "path", path);
        posw_jw_kv_u64(&w, "bytes", bytes);
        posw_jw_object_end(&w);
        return cli_print(&b);
    }
    printf("wrote %s, %" PRIu64 " bytes\n", path, bytes);
    return fflush(stdout) == 0 ? CLI_OK : cli_fail("the output could not be written");
}

static int wait_for(cli *c, cli_rpc *rpc) {
    json_t *status = NULL;
    int code = cli_snapshots_ask(rpc, &status, NULL);
    if (code == CLI_OK) code = tell(c, json_string_value(cli_view(status, "path")), cli_view_u64(status, "bytes"));
    json_decref(status);
    return code;
}

static int create_stopped(cli *c) {
    cli_stack s = {0};
    cli_snapshots snapshots;
    int code = access(cli_text(c, "datadir"), F_OK) == 0
                   ? cli_spec_read(&s.spec, cli_text(c, "chain"))
                   : cli_fail("%s: there is no data directory; check --datadir", cli_text(c, "datadir"));
    if (code == CLI_OK) code = cli_stack_open_chain(&s, c, cli_text(c, "datadir"));
    if (code == CLI_OK) {
        cli_snapshots_open(&snapshots, &s, cli_text(c, "datadir"));
        code = cli_snapshots_make(&snapshots);
        if (code == CLI_OK) code = tell(c, snapshots.path, snapshots.last.bytes);
        cli_snapshots_close(&snapshots);
    }
    const int closed = cli_stack_close(&s);
    return code != CLI_OK ? code : closed;
}

static int run_create(cli *c) {
    cli_rpc rpc = {0};
    if (cli_given(c, "datadir") != cli_given(c, "chain"))
        return cli_usage(c, "--datadir and --chain belong together; a running node needs neither");
    if (cli_given(c, "datadir")) return create_stopped(c);
    int code = cli_rpc_open(&rpc, c);
    if (code == CLI_OK) code = wait_for(c, &rpc);
    cli_rpc_close(&rpc);
    return code;
}

const cli_command cli_command_snapshot_create = {
    "snapshot create",
    "[OPTIONS]",
    "copy the chain of a running node",
    "Has a node write its whole chain into one file below DATADIR/snapshots, while it goes on. The file is a tar "
    "archive with the sums of its "
    "parts: 'posw snapshot restore' makes a data directory of it. It holds no keys. At most 4 lie there; move them "
    "elsewhere.",
    "posw snapshot create\nposw snapshot create --rpc http://127.0.0.1:8546\nposw snapshot create --chain mychain.json "
    "--datadir ./data",
    create_options,
    0,
    0,
    run_create};

/* ---- restore ---- */

static const cli_option restore_options[] = {
    {"chain", "FILE", NULL, "chain file"},
    {"datadir", "DIR", NULL, "data directory to make"},
    {"json", NULL, NULL, "print the result as JSON"},
    {NULL, NULL, NULL, NULL},
};

static volatile sig_atomic_t interrupted; /* set by the handler below, nowhere else */

static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

typedef struct {
    cli *c;
    posw_chain_spec *spec;
    uint64_t height, shown_ms;
    posw_hash hash;
} restoring;

static int on_progress(void *arg, uint64_t done, uint64_t total) {
    restoring *r = arg;
    const uint64_t now = posw_clock_now_ms();
    if (isatty(STDERR_FILENO) && now - r->shown_ms >= 500) {
        r->shown_ms = now;
        fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " MiB", done >> 20, total >> 20);
    }
    return interrupted;
}

/* It is a chain, and this one; its tip's state is there. */
static int on_check(void *arg, const char *dir, posw_message *msg) {
    restoring *r = arg;
    cli_stack s = {.spec = *r->spec};
    memset(r->spec, 0, sizeof *r->spec); /* the stack's now */
    const int code = cli_stack_open_chain(&s, r->c, dir);
    if (code == CLI_OK) {
        r->height = posw_chain_tip(s.chain)->number;
        r->hash = posw_chain_tip_hash(s.chain);
    }
    (void)cli_stack_close(&s);
    return code == CLI_OK ? POSW_OK : posw_message_set(msg, POSW_EMISMATCH, "nothing was restored");
}

static int tell_restored(const restoring *r) {
    posw_buf b = {0};
    posw_jw w;
    if (!cli_switch(r->c, "json")) {
        char hash[CLI_HASH_TEXT_SIZE];
        cli_hash_text(hash, &r->hash);
        printf("restored up to block %" PRIu64 ", %s; every sum is right\n", r->height, hash);
        return fflush(stdout) == 0 ? CLI_OK : cli_fail("the output could not be written");
    }
    posw_jw_init(&w, &b);
    posw_jw_object(&w);
    posw_jw_kv_u64(&w, "height", r->height);
    posw_jw_kv_hash(&w, "hash", &r->hash);
    posw_jw_object_end(&w);
    return cli_print(&b);
}

static int run_restore(cli *c) {
    posw_chain_spec spec = {0};
    posw_message msg = {""};
    restoring r = {.c = c, .spec = &spec};
    struct sigaction action;
    if (cli_text(c, "chain") == NULL || cli_text(c, "datadir") == NULL)
        return cli_usage(c, "--chain FILE and --datadir DIR are needed");
    int code = cli_spec_read(&spec, cli_text(c, "chain"));
    if (code != CLI_OK) return code;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    const posw_snapshot_restore_options o = {.check = on_check, .progress = on_progress, .arg = &r};
    const int err = posw_snapshot_restore(c->args[0], cli_text(c, "datadir"), &o, &msg);
    if (isatty(STDERR_FILENO)) fputc('\n', stderr);
    posw_chain_spec_clear(&spec);
    return err == POSW_OK ? tell_restored(&r) : cli_fail("%s", msg.text);
}

const cli_command cli_command_snapshot_restore = {
    "snapshot restore",
    "--chain FILE --datadir DIR [OPTIONS] SNAPSHOT",
    "make a data directory from a snapshot",
    "Unpacks what 'posw snapshot create' wrote, checks the sum of every part and the form of the state, and that it "
    "holds this chain with the state of its last block. That tells of damage and not of lies: of what a stranger gave "
    "you, compare the hash of that block with one that you trust, and run 'posw db verify'.",
    "posw snapshot restore --chain mychain.json --datadir ./data block-1234-at-1700000000.tar",
    restore_options,
    1,
    1,
    run_restore};
