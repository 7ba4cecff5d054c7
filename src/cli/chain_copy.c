#include "cli/chain_copy.h"

#include "cli/json_view.h"
#include "cli/rpc_client.h"
#include "cli/snapshots.h"
#include "io/data_copy.h"
#include "io/file.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static volatile sig_atomic_t stopped; /* set by the handler below, nowhere else */

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

bool cli_chain_copy_stopped(void) {
    return stopped != 0;
}

static void take_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int on_progress(void *arg, uint64_t done, uint64_t total) {
    uint64_t *shown_ms = arg;
    const uint64_t now = posw_clock_now_ms();
    if (isatty(STDERR_FILENO) && now - *shown_ms >= 500) {
        *shown_ms = now;
        fprintf(stderr, "\rcopying: %" PRIu64 " of %" PRIu64 " MiB", done >> 20, total >> 20);
    }
    return stopped != 0;
}

static void end_progress(void) {
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
}

/* ---- Where it goes ---- */

static int make_kept(cli_chain_copy *copy, const char *dir) {
    posw_message msg = {""};
    snprintf(copy->dir, sizeof copy->dir, "%.*s", PATH_MAX - 1, dir);
    if (mkdir(dir, 0700) == 0) return CLI_OK;
    copy->dir[0] = '\0';
    if (errno == EEXIST) return cli_fail("%s exists already: name a folder with --keep that can be made", dir);
    (void)posw_file_error(&msg, errno, "create", dir);
    return cli_fail("%s", msg.text);
}

static int make_folder(cli_chain_copy *copy, const cli *c) {
    const char *below = cli_text(c, "tmp"), *env = getenv("TMPDIR");
    posw_message msg = {""};
    copy->keep = cli_given(c, "keep");
    if (copy->keep) return make_kept(copy, cli_text(c, "keep"));
    if (below == NULL) below = env != NULL && env[0] != '\0' ? env : "/var/tmp";
    snprintf(copy->dir, sizeof copy->dir, "%.*s/posw-rehearsal-XXXXXX", PATH_MAX - 32, below);
    if (mkdtemp(copy->dir) != NULL) return CLI_OK;
    (void)posw_file_error(&msg, errno, "create a folder in", below);
    copy->dir[0] = '\0';
    return cli_fail("%s; name another folder with --tmp", msg.text);
}

/* ---- What is copied ---- */

static int fail(int err, const posw_message *msg) {
    return cli_fail("%s%s", msg->text, err == POSW_ENOSPC ? ": free some, or name another folder with --tmp" : "");
}

static int from_datadir(const cli_chain_copy *copy, const char *datadir) {
    posw_message msg = {""};
    uint64_t shown_ms = 0;
    const int err = posw_data_copy(datadir, copy->dir, on_progress, &shown_ms, &msg);
    end_progress();
    if (err == POSW_EBUSY)
        return cli_fail("%s: give --rpc with its address instead of --datadir, and it makes a copy of itself",
                        msg.text);
    return err == POSW_OK ? CLI_OK : fail(err, &msg);
}

static int from_snapshot(const cli_chain_copy *copy, const char *path) {
    posw_message msg = {""};
    uint64_t shown_ms = 0;
    struct stat st;
    const posw_snapshot_restore_options o = {.progress = on_progress, .arg = &shown_ms};
    int err = stat(path, &st) == 0 ? posw_data_copy_room(copy->dir, (uint64_t)st.st_size, &msg)
                                   : posw_file_error(&msg, errno, "read", path);
    if (err == POSW_OK) err = posw_snapshot_restore(path, copy->dir, &o, &msg);
    end_progress();
    return err == POSW_OK ? CLI_OK : fail(err, &msg);
}

/* The snapshot was made for this alone. */
static int from_node(const cli_chain_copy *copy, const cli *c) {
    cli_rpc rpc = {0};
    json_t *status = NULL;
    int code = cli_rpc_open(&rpc, c);
    if (code == CLI_OK) code = cli_snapshots_ask(&rpc, &status, cli_chain_copy_stopped);
    if (code == CLI_OK) {
        const char *path = json_string_value(cli_view(status, "path"));
        if (access(path, R_OK) == 0) {
            code = from_snapshot(copy, path);
            (void)unlink(path);
        } else {
            code = cli_fail("%s, which the node at %s wrote, cannot be read here: run this on its machine and as its "
                            "user, or copy that file and name it with --snapshot",
                            path, rpc.url);
        }
    }
    json_decref(status);
    cli_rpc_close(&rpc);
    return code;
}

static void name_origin(cli_chain_copy *copy, const cli *c) {
    const bool is_dir = cli_given(c, "datadir"), is_file = cli_given(c, "snapshot");
    const char *name = cli_text(c, is_dir ? "datadir" : "snapshot");
    size_t size = is_dir || is_file ? strlen(name) : 0;
    while (is_dir && size > 1 && name[size - 1] == '/')
        size--;
    if (size > PATH_MAX - 4) size = PATH_MAX - 4;
    snprintf(copy->origin, sizeof copy->origin, "%.*s%s", (int)size, name,
             is_dir    ? "/"
             : is_file ? ", "
                       : "the node's ");
}

void cli_chain_copy_blame(const cli_chain_copy *copy, posw_message *msg) {
    const size_t size = strlen(copy->dir);
    const char *at = msg->text, *next;
    posw_buf text = {0};
    for (; (next = strstr(at, copy->dir)) != NULL && next[size] == '/'; at = next + size + 1)
        posw_buf_printf(&text, "%.*s%s", (int)(next - at), at, copy->origin);
    posw_buf_text(&text, at);
    if (!text.failed) (void)posw_message_set(msg, POSW_OK, "%.*s", (int)text.size, (const char *)text.data);
    posw_buf_clear(&text);
}

int cli_chain_copy_make(cli_chain_copy *copy, const cli *c) {
    *copy = (cli_chain_copy){.keep = false};
    if (cli_given(c, "datadir") + cli_given(c, "rpc") + cli_given(c, "snapshot") != 1)
        return cli_usage(c, "name the chain by one of --datadir DIR, --rpc URL and --snapshot FILE");
    take_signals();
    int code = make_folder(copy, c);
    if (code != CLI_OK) return code;
    name_origin(copy, c);
    if (cli_given(c, "datadir"))
        code = from_datadir(copy, cli_text(c, "datadir"));
    else if (cli_given(c, "snapshot"))
        code = from_snapshot(copy, cli_text(c, "snapshot"));
    else
        code = from_node(copy, c);
    if (code == CLI_OK) return CLI_OK;
    copy->keep = false;
    cli_chain_copy_clear(copy);
    return code;
}

void cli_chain_copy_clear(cli_chain_copy *copy) {
    if (copy->dir[0] != '\0' && !copy->keep) posw_data_copy_remove(copy->dir);
    copy->dir[0] = '\0';
}
