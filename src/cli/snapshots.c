#include "cli/snapshots.h"

#include "cli/json_view.h"
#include "io/file.h"
#include "io/store_lmdb.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char FOLDER[] = "snapshots", ENDING[] = ".tar", HALF_ENDING[] = ".tar.partial"; /* see io/snapshot.c */

static bool ends_with(const char *name, const char *ending) {
    const size_t size = strlen(name), ending_size = strlen(ending);
    return size > ending_size && strcmp(name + size - ending_size, ending) == 0;
}

/* What a killed node has left of one: as large as the chain, and nobody goes on with it. */
static void remove_halves(const char *datadir) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s/%s", PATH_MAX - 128, datadir, FOLDER);
    DIR *dir = opendir(folder);
    if (dir == NULL) return;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        if (ends_with(e->d_name, HALF_ENDING)) (void)unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
}

static int check_count(const char *folder, posw_message *msg) {
    DIR *dir = opendir(folder);
    unsigned count = 0;
    if (dir == NULL) return posw_message_set(msg, POSW_EIO, "cannot read %.300s", folder);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        count += ends_with(e->d_name, ENDING);
    closedir(dir);
    if (count < CLI_SNAPSHOTS_MAX) return POSW_OK;
    return posw_message_set(msg, POSW_EFULL, "%.300s holds %u snapshots already: move or remove some", folder, count);
}

/* It takes about what the chain takes; some room is left for the node itself. */
static int check_room(const cli_snapshots *s, posw_message *msg) {
    posw_store_lmdb_numbers n;
    posw_store_lmdb_read_numbers(s->stack->store, &n);
    if (n.disk_bytes == 0 || n.disk_free_bytes > n.used_bytes + n.used_bytes / 4) return POSW_OK;
    return posw_message_set(msg, POSW_ENOSPC,
                            "%" PRIu64 " MiB are free and a snapshot takes up to %" PRIu64 " MiB: free some space",
                            n.disk_free_bytes >> 20, n.used_bytes >> 20);
}

/* Block and second are in the name, and from the second one of both on, which it is. */
static void name_path(cli_snapshots *s, const char *folder) {
    const uint64_t block = posw_chain_tip(s->stack->chain)->number, second = posw_clock_now_ms() / 1000;
    char number[24] = "";
    unsigned n = 1;
    do {
        snprintf(s->path, sizeof s->path, "%.*s/block-%" PRIu64 "-at-%" PRIu64 "%s%s", PATH_MAX - 96, folder, block,
                 second, number, ENDING);
        snprintf(number, sizeof number, "-%u", ++n);
    } while (access(s->path, F_OK) == 0);
}

static int choose_path(cli_snapshots *s, posw_message *msg) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s/%s", PATH_MAX - 128, s->datadir, FOLDER);
    int code = posw_file_make_directories(folder, 0700, msg);
    if (code == POSW_OK) code = check_count(folder, msg);
    if (code == POSW_OK) name_path(s, folder);
    return code;
}

static int on_start(void *arg, posw_message *msg) {
    cli_snapshots *s = arg;
    if (s->wanted || s->running != NULL) return posw_message_set(msg, POSW_EBUSY, "a snapshot is being made already");
    int code = check_room(s, msg);
    if (code == POSW_OK) code = choose_path(s, msg);
    if (code == POSW_OK) s->wanted = s->any = true;
    return code;
}

static void on_read(void *arg, posw_rpc_snapshot *out) {
    cli_snapshots *s = arg;
    if (s->running != NULL) posw_snapshot_read(s->running, &s->last);
    *out = (posw_rpc_snapshot){.state = POSW_RPC_SNAPSHOT_NONE};
    if (!s->any) return;
    out->path = s->path;
    out->bytes = s->last.bytes;
    out->problem = s->last.msg.text;
    if (s->wanted || s->running != NULL)
        out->state = POSW_RPC_SNAPSHOT_RUNNING; /* until the store is as before */
    else
        out->state = s->last.result == POSW_OK ? POSW_RPC_SNAPSHOT_DONE : POSW_RPC_SNAPSHOT_FAILED;
}

void cli_snapshots_open(cli_snapshots *s, const cli_stack *stack, const char *datadir) {
    *s = (cli_snapshots){.stack = stack, .datadir = datadir};
    remove_halves(datadir);
    if (stack->rpc != NULL) posw_rpc_set_snapshots(stack->rpc, &(posw_rpc_snapshots){on_start, on_read, s});
}

static void begin(cli_snapshots *s) {
    s->wanted = false;
    s->last = (posw_snapshot_progress){0};
    s->last.result = posw_snapshot_start(&s->running, s->stack->store, s->path, &s->last.msg);
    if (s->last.result != POSW_OK) s->running = NULL;
}

void cli_snapshots_rest(cli_snapshots *s) {
    if (s->wanted) begin(s);
    if (s->running == NULL) return;
    posw_snapshot_read(s->running, &s->last);
    if (!s->last.done) return;
    posw_snapshot_finish(s->running, false);
    s->running = NULL;
}

void cli_snapshots_close(cli_snapshots *s) {
    if (s->running != NULL) posw_snapshot_finish(s->running, true);
    if (s->stack != NULL && s->stack->rpc != NULL) posw_rpc_set_snapshots(s->stack->rpc, &(posw_rpc_snapshots){0});
    s->running = NULL;
}

int cli_snapshots_make(cli_snapshots *s) {
    posw_message msg = {""};
    if (on_start(s, &msg) != POSW_OK) return cli_fail("%s", msg.text);
    do {
        cli_snapshots_rest(s);
        (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    } while (s->running != NULL);
    return s->last.result == POSW_OK ? CLI_OK : cli_fail("%s", s->last.msg.text);
}

int cli_snapshots_ask(cli_rpc *rpc, json_t **status, bool (*stopped)(void)) {
    int code = cli_rpc_call(rpc, status, "admin_snapshot", json_array());
    while (code == CLI_OK && strcmp(cli_view_text(*status, "state").text, "running") == 0) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        json_decref(*status);
        *status = NULL;
        code = stopped != NULL && stopped() ? cli_fail("interrupted; the node goes on with its snapshot")
                                            : cli_rpc_call(rpc, status, "admin_snapshotStatus", json_array());
    }
    if (code != CLI_OK) return code;
    const json_t *problem = cli_view(*status, "problem");
    if (strcmp(cli_view_text(*status, "state").text, "done") == 0 && json_is_string(cli_view(*status, "path")))
        return CLI_OK;
    return cli_fail("the node could not make a snapshot: %s",
                    json_is_string(problem) ? cli_json_sentence(problem).text : "it has been started again");
}
