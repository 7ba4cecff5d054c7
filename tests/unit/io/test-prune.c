/* A node on a real disk whose chain grows: what its files take is measured against the promise of --prune after every
 * block, what is indexed is what is there, and a process that is killed goes on with the same chain. */
#include "base/scale.h"
#include "chain/harness.h"
#include "io/temporary.h"

#include "io/block_file.h"
#include "io/runner.h"
#include "io/store_lmdb.h"
#include "node/node.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_SIZE = 64 << 10, PROMISE = 2 << 20, BLOCKS = 1900 };

typedef struct {
    char dir[TEMPORARY_SIZE];
    posw_chain_spec spec;
    h_node n;
    posw_mempool *pool;
    posw_node *node;
    uint64_t now_ms;
    uint32_t file_size; /* 0: FILE_SIZE */
    uint64_t promise;   /* 0: PROMISE */
} world;

static void open_world(world *w) {
    const posw_store_lmdb_options small_files = {.log_file_size_max = w->file_size == 0 ? FILE_SIZE : w->file_size};
    posw_mempool_options mo;
    posw_message msg = {""};
    w->n = (h_node){.spec = &w->spec};
    if (posw_store_lmdb_open(&w->n.store, w->dir, &(posw_hash){{9}}, &small_files, &msg) != POSW_OK)
        fail_msg("%s", msg.text);
    const posw_chain_options o = h_options(&w->spec, w->n.store);
    if (posw_chain_open(&w->n.chain, &o, &msg) != POSW_OK) fail_msg("%s", msg.text);
    posw_mempool_options_default(&mo);
    ok(posw_mempool_new(&w->pool, w->n.chain, &mo));
    const posw_node_options no = {
        .chain = w->n.chain, .mempool = w->pool, .pow = &h_pow, .prune_bytes = w->promise == 0 ? PROMISE : w->promise};
    ok(posw_node_new(&w->node, &no));
}

static void close_world(world *w) {
    posw_node_free(w->node);
    posw_mempool_free(w->pool);
    h_close(&w->n);
}

/* Ticks as long as they are asked for soon; time passes with them. */
static void settle(world *w) {
    for (bool again = true; again;) {
        posw_actions out = {0};
        again = false;
        posw_node_step(w->node, &(posw_event){.type = POSW_EVENT_TICK, .now_ms = w->now_ms}, &out);
        for (size_t i = 0; i < out.count; i++) {
            assert_int_not_equal(out.items[i].type, POSW_ACTION_FATAL);
            if (out.items[i].type != POSW_ACTION_TIMER || out.items[i].at_ms > w->now_ms + 100) continue;
            again = true;
            w->now_ms = out.items[i].at_ms;
        }
        posw_actions_clear(&out);
    }
}

static void submit(world *w, const h_block *b) {
    posw_prepared p;
    posw_verdict v;
    posw_actions out = {0};
    w->now_ms = b->header.timestamp * 1000;
    posw_node_step(w->node, &(posw_event){.type = POSW_EVENT_TICK, .now_ms = w->now_ms}, &out);
    posw_actions_reset(&out);
    ok(posw_prepare(&p, b->bytes.data, b->bytes.size, &h_pow, NULL, NULL));
    ok(posw_node_submit_block(w->node, &p, &v, &out));
    assert_int_equal(v.kind, POSW_VALID);
    posw_prepared_clear(&p);
    posw_actions_clear(&out);
}

/* Two transfers a block. */
static void grow(world *w) {
    const uint64_t nonce = h_nonce(w->n.chain, 5);
    h_plan plan = {
        .miner = 1, .gap_s = 2, .tx_count = 2, .txs = {h_transfer(5, nonce, 6, 1), h_transfer(5, nonce + 1, 7, 1)}};
    h_block b = h_build(w->n.chain, &plan);
    submit(w, &b);
    h_block_clear(&b);
    settle(w);
}

/* What the folder takes, as a person would see it. */
static uint64_t bytes_on_disk(const world *w) {
    char path[TEMPORARY_SIZE + 16];
    uint64_t bytes = 0;
    snprintf(path, sizeof path, "%s/blocks", w->dir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        struct stat st;
        if (e->d_name[0] == '.') continue;
        assert_int_equal(fstatat(dirfd(dir), e->d_name, &st, 0), 0);
        bytes += (uint64_t)st.st_size;
    }
    closedir(dir);
    return bytes;
}

static int count_row(void *arg, posw_bytes key, posw_bytes value) {
    (void)key, (void)value;
    ++*(uint64_t *)arg;
    return 0;
}

static uint64_t indexed(const world *w) {
    uint64_t rows = 0;
    ok(w->n.store->ops->walk(w->n.store, POSW_TABLE_TXS, NULL, 0, count_row, &rows));
    return rows;
}

static void check_index(const world *w, uint64_t txs) {
    const uint64_t tip = posw_chain_tip(w->n.chain)->number, first = posw_chain_first_body(w->n.chain);
    assert_int_equal(indexed(w), txs * (tip - (first == 0 ? 1 : first) + 1));
}

/* An export of all that there is begins where bodies do, and nothing below can be had. */
static void check_export(const world *w) {
    const uint64_t tip = posw_chain_tip(w->n.chain)->number, first = posw_block_file_first(w->n.chain);
    const posw_block_file_options o = {.progress = NULL};
    char path[TEMPORARY_SIZE + 16];
    posw_message msg;
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/export", w->dir);
    assert_int_equal(first, posw_chain_first_body(w->n.chain));
    assert_int_equal(posw_block_file_export(w->n.chain, path, first - 1, tip, &o, &msg), POSW_EPRUNED);
    assert_int_not_equal(stat(path, &st), 0);
    ok(posw_block_file_export(w->n.chain, path, first, tip, &o, &msg));
    assert_int_equal(unlink(path), 0);
}

static void disk_keeps_the_promise(void **state) {
    world w = {.now_ms = 0};
    uint64_t most = 0, all, before_pruning = 0;
    (void)state;
    temporary_make_fast(w.dir);
    h_spec(&w.spec);
    open_world(&w);
    for (unsigned i = 0; i < BLOCKS; i++) {
        grow(&w);
        const uint64_t bytes = bytes_on_disk(&w);
        if (bytes > PROMISE) fail_msg("block %u: %llu bytes", i, (unsigned long long)bytes);
        if (posw_chain_first_body(w.n.chain) == 0) before_pruning = i;
        if (bytes > most) most = bytes;
        if (i % 300 == 0) check_index(&w, 2);
    }
    check_index(&w, 2);
    all = most + posw_chain_pruned_bytes(w.n.chain);
    print_message("%d blocks, promised %d KiB: at most %llu of %llu KiB, pruned from block %llu on, first body %llu\n",
                  BLOCKS, PROMISE >> 10, (unsigned long long)most >> 10, (unsigned long long)all >> 10,
                  (unsigned long long)before_pruning, (unsigned long long)posw_chain_first_body(w.n.chain));
    assert_true(most > PROMISE - 2 * FILE_SIZE && all > PROMISE + 8 * FILE_SIZE);
    assert_true(posw_chain_first_body(w.n.chain) > 300);
    check_export(&w);
    h_verify(w.n.chain);
    close_world(&w);
    /* what is left opens as it was, and is whole */
    open_world(&w);
    assert_true(bytes_on_disk(&w) <= PROMISE);
    ok(posw_store_lmdb_check_logs(w.n.store, NULL, NULL));
    h_verify(w.n.chain);
    close_world(&w);
    temporary_remove(w.dir);
    posw_chain_spec_clear(&w.spec);
}

/* kill -9 at no chosen moment (at every system call: io-store-crash), again and again, of a node that prunes. */
static void killed_again_and_again(void **state) {
    world w = {.now_ms = 0};
    uint64_t random = 20261129;
    (void)state;
    temporary_make_fast(w.dir);
    h_spec(&w.spec);
    open_world(&w);
    for (unsigned i = 0; i < BLOCKS - 100; i++)
        grow(&w);
    close_world(&w);
    for (unsigned kill_at = 0; kill_at < 25; kill_at++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            open_world(&w);
            for (;;)
                grow(&w);
        }
        usleep((useconds_t)(2000 + random_below(&random, 30000)));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        open_world(&w);
        settle(&w);
        assert_true(bytes_on_disk(&w) <= PROMISE);
        check_index(&w, 2);
        ok(posw_store_lmdb_check_logs(w.n.store, NULL, NULL));
        close_world(&w);
    }
    open_world(&w);
    assert_true(posw_chain_first_body(w.n.chain) > 100);
    h_verify(w.n.chain);
    close_world(&w);
    temporary_remove(w.dir);
    posw_chain_spec_clear(&w.spec);
}

/* ---- how long a step takes ---- */

enum { MANY_BLOCKS = 20000, MANY_TXS = 20, MANY_FILE_SIZE = 4 << 20, MANY_PROMISE = 64 << 20 };

static void grow_much(world *w) {
    uint64_t nonce = 0;
    ok(posw_chain_bulk(w->n.chain, true, 500));
    for (unsigned i = 0; i < MANY_BLOCKS; i++) {
        h_plan plan = {.miner = 1, .gap_s = 2, .tx_count = MANY_TXS};
        for (unsigned k = 0; k < MANY_TXS; k++)
            plan.txs[k] = h_transfer(5, nonce++, 6 + k % 2, 0);
        h_block b = h_extend(w->n.chain, &plan);
        h_block_clear(&b);
    }
    ok(posw_chain_bulk(w->n.chain, false, 0));
}

static int compare_us(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* As posw node --prune 64MiB on a directory that was whole until then. Times are told, not judged: the disk is
 * anybody's.
 */
static void steps_are_short(void **state) {
    world w = {.now_ms = 0, .file_size = MANY_FILE_SIZE, .promise = MANY_PROMISE};
    posw_chain_pruning p;
    size_t steps = 0;
    (void)state;
    if (!scale_is_long()) skip();
    temporary_make(w.dir);
    h_spec(&w.spec);
    open_world(&w);
    grow_much(&w);
    const uint64_t before = bytes_on_disk(&w), rows = indexed(&w);
    uint64_t *us = calloc(MANY_BLOCKS, sizeof *us), sum = 0;
    do {
        const uint64_t begin = posw_clock_stopwatch_us();
        ok(posw_chain_prune(w.n.chain, MANY_PROMISE, &p));
        us[steps] = posw_clock_stopwatch_us() - begin;
        sum += us[steps];
    } while (p.more && ++steps < MANY_BLOCKS);
    const uint64_t after = bytes_on_disk(&w), gone = rows - indexed(&w);
    check_index(&w, MANY_TXS);
    assert_true(after <= MANY_PROMISE && after > MANY_PROMISE - 2 * MANY_FILE_SIZE);
    assert_true(steps > 100 && p.bytes == after);
    qsort(us, steps, sizeof *us, compare_us);
    print_message(
        "%d blocks of %d transfers, %llu to %llu MiB: %zu steps, %llu index rows, %llu ms in all; a step: median "
        "%llu us, 99 %% %llu us, longest %llu us\n",
        MANY_BLOCKS, MANY_TXS, (unsigned long long)before >> 20, (unsigned long long)after >> 20, steps,
        (unsigned long long)gone, (unsigned long long)sum / 1000, (unsigned long long)us[steps / 2],
        (unsigned long long)us[steps * 99 / 100], (unsigned long long)us[steps - 1]);
    free(us);
    close_world(&w);
    temporary_remove(w.dir);
    posw_chain_spec_clear(&w.spec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disk_keeps_the_promise),
        cmocka_unit_test(killed_again_and_again),
        cmocka_unit_test(steps_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
