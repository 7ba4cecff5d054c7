/* Block files: what is exported is what is imported, by any number of threads; and what a bad file costs. */
#include "chain/harness.h"
#include "io/block_file.h"
#include "io/temporary.h"

#include <sys/stat.h>

enum { BLOCKS = 150 };

typedef struct {
    char dir[TEMPORARY_SIZE], path[TEMPORARY_SIZE + 32];
    posw_chain_spec spec;
    h_node source; /* of BLOCKS blocks */
    posw_message msg;
} world;

static int setup(void **state) {
    world *w = calloc(1, sizeof *w);
    temporary_make_fast(w->dir);
    snprintf(w->path, sizeof w->path, "%s/blocks.rlp", w->dir);
    h_spec(&w->spec);
    h_open(&w->source, &w->spec);
    h_grow(w->source.chain, BLOCKS);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world *w = *state;
    h_close(&w->source);
    posw_chain_spec_clear(&w->spec);
    temporary_remove(w->dir);
    free(w);
    return 0;
}

/* ---- files ---- */

static void write_file(const world *w, posw_bytes b) {
    FILE *f = fopen(w->path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.data, 1, b.size, f), b.size);
    assert_int_equal(fclose(f), 0);
}

static posw_buf read_file(const char *path) {
    posw_buf b = {0};
    uint8_t chunk[65536];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        posw_buf_append(&b, chunk, n);
    fclose(f);
    return b;
}

static void append_blocks(posw_buf *out, posw_chain *c, uint64_t first, uint64_t last) {
    for (uint64_t n = first; n <= last; n++) {
        h_block b = h_copy(c, n);
        posw_buf_append(out, b.bytes.data, b.bytes.size);
        h_block_clear(&b);
    }
}

static posw_buf blocks_of(posw_chain *c, uint64_t first, uint64_t last) {
    posw_buf b = {0};
    append_blocks(&b, c, first, last);
    return b;
}

static void export_range(world *w, uint64_t first, uint64_t last) {
    const posw_block_file_options o = {0};
    const int rc = posw_block_file_export(w->source.chain, w->path, first, last, &o, &w->msg);
    if (rc != POSW_OK) fail_msg("%s", w->msg.text);
}

/* ---- importing ---- */

typedef struct {
    posw_block_file_progress last;
    uint64_t calls, stop_after;
} watcher;

static int watch(void *arg, const posw_block_file_progress *p) {
    watcher *w = arg;
    assert_int_equal(p->blocks, ++w->calls);
    assert_true(p->bytes > w->last.bytes && p->bytes <= p->total_bytes);
    w->last = *p;
    return w->calls == w->stop_after;
}

static int import(world *w, posw_chain *c, unsigned threads, uint64_t commit, watcher *seen) {
    const posw_block_file_options o = {
        .threads = threads, .pow = &h_pow, .commit_blocks = commit, .progress = watch, .arg = seen};
    memset(&w->msg, 0, sizeof w->msg);
    const int rc = posw_block_file_import(c, w->path, &o, &w->msg);
    assert_int_equal(w->msg.text[0] == '\0', rc == POSW_OK);
    return rc;
}

static void says(const world *w, const char *part) {
    if (strstr(w->msg.text, part) == NULL) fail_msg("'%s' does not say '%s'", w->msg.text, part);
}

static uint64_t height(const h_node *n) {
    return posw_chain_tip(n->chain)->number;
}

/* ---- there and back ---- */

static void export_is_the_blocks(void **state) {
    world *w = *state;
    posw_buf expected = blocks_of(w->source.chain, 3, 17);
    export_range(w, 3, 17);
    posw_buf got = read_file(w->path);
    assert_int_equal(got.size, expected.size);
    assert_memory_equal(got.data, expected.data, expected.size);
    posw_buf_clear(&got);
    posw_buf_clear(&expected);
}

static void any_number_of_threads(void **state) {
    world *w = *state;
    export_range(w, 1, BLOCKS);
    for (unsigned threads = 0; threads <= 3; threads++)
        for (uint64_t commit = 1; commit <= 64; commit *= 8) {
            h_node n;
            watcher seen = {0};
            h_open(&n, &w->spec);
            assert_int_equal(import(w, n.chain, threads, commit, &seen), POSW_OK);
            assert_int_equal(seen.last.blocks, BLOCKS);
            assert_int_equal(seen.last.transactions, BLOCKS); /* one in each */
            assert_int_equal(seen.last.known, 0);
            assert_int_equal(seen.last.number, BLOCKS);
            assert_int_equal(seen.last.bytes, seen.last.total_bytes);
            h_same(n.chain, w->source.chain);
            h_reopen(&n);
            h_same(n.chain, w->source.chain);
            h_close(&n);
        }
}

static void genesis_may_be_there(void **state) {
    world *w = *state;
    export_range(w, 0, BLOCKS);
    h_node n;
    watcher seen = {0};
    h_open(&n, &w->spec);
    assert_int_equal(import(w, n.chain, 1, 10, &seen), POSW_OK);
    assert_int_equal(seen.last.known, 1);
    h_same(n.chain, w->source.chain);
    h_close(&n);
}

/* ---- known blocks ---- */

static void known_blocks_are_passed_over(void **state) {
    world *w = *state;
    export_range(w, 1, BLOCKS);
    const uint64_t heights[] = {1, 63, 64, 65, 100, 128, BLOCKS};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(heights); i++)
        for (unsigned threads = 0; threads <= 2; threads++) {
            h_node n;
            watcher seen = {0};
            h_open(&n, &w->spec);
            h_feed(n.chain, w->source.chain, 1, heights[i]);
            assert_int_equal(import(w, n.chain, threads, 16, &seen), POSW_OK);
            assert_int_equal(seen.last.known, heights[i]);
            assert_int_equal(seen.last.blocks, BLOCKS);
            assert_int_equal(seen.last.transactions, BLOCKS - heights[i]);
            assert_int_equal(seen.last.number, BLOCKS);
            h_same(n.chain, w->source.chain);
            h_close(&n);
        }
}

/* Known ones and new ones in turn; twice in one file; a side branch, whose blocks are new though the tip does not move.
 */
static void mixed_files(void **state) {
    world *w = *state;
    posw_buf file = {0};
    for (uint64_t n = 1; n <= 90; n++) {
        append_blocks(&file, w->source.chain, n, n);
        append_blocks(&file, w->source.chain, n > 2 ? n - 2 : n, n);
    }
    write_file(w, posw_buf_view(&file));
    for (unsigned threads = 0; threads <= 2; threads++) {
        h_node n;
        watcher seen = {0};
        h_open(&n, &w->spec);
        assert_int_equal(import(w, n.chain, threads, 8, &seen), POSW_OK);
        assert_int_equal(height(&n), 90);
        assert_int_equal(seen.last.blocks - seen.last.known, 90);
        assert_int_equal(seen.last.transactions, 90);
        h_check_state(n.chain);
        h_close(&n);
    }
    posw_buf_clear(&file);
}

static void side_branches(void **state) {
    world *w = *state;
    h_node other, n;
    watcher seen = {0};
    h_open(&other, &w->spec);
    h_feed(other.chain, w->source.chain, 1, 20);
    for (int i = 0; i < 4; i++) {
        h_block b = h_simple(other.chain, 3, 7);
        h_import_valid(other.chain, &b);
        h_block_clear(&b);
    }
    posw_buf file = blocks_of(other.chain, 1, 24);
    append_blocks(&file, w->source.chain, 21, 30); /* the heavier one */
    write_file(w, posw_buf_view(&file));
    posw_buf_clear(&file);
    h_open(&n, &w->spec);
    assert_int_equal(import(w, n.chain, 1, 4, &seen), POSW_OK);
    assert_int_equal(seen.last.known, 0);
    assert_int_equal(seen.last.blocks, 34);
    assert_int_equal(height(&n), 30);
    h_check_state(n.chain);
    h_close(&n);
    h_close(&other);
}

/* ---- bad files ---- */

static void torn_files(void **state) {
    world *w = *state;
    posw_buf whole = blocks_of(w->source.chain, 1, 5), four = blocks_of(w->source.chain, 1, 4);
    for (size_t cut = four.size; cut < whole.size; cut += cut < four.size + 16 || cut > whole.size - 4 ? 1 : 97) {
        h_node n;
        watcher seen = {0};
        char place[64];
        write_file(w, posw_bytes_of(whole.data, cut));
        h_open(&n, &w->spec);
        const int rc = import(w, n.chain, (unsigned)(cut % 3), 1 + cut % 9, &seen);
        assert_int_equal(rc, cut == four.size ? POSW_OK : POSW_EPARSE);
        assert_int_equal(height(&n), 4);
        if (rc != POSW_OK) {
            snprintf(place, sizeof place, "at byte %zu is not a whole block", four.size);
            says(w, place);
            says(w, "the blocks before it were kept: get a whole copy of the file");
        }
        h_reopen(&n);
        assert_int_equal(height(&n), 4);
        h_close(&n);
    }
    posw_buf_clear(&whole);
    posw_buf_clear(&four);
}

static void what_is_no_block_file(void **state) {
    world *w = *state;
    watcher seen = {0};
    h_node n;
    h_open(&n, &w->spec);
    assert_int_equal(import(w, n.chain, 1, 1, &seen), POSW_ENOTFOUND);
    says(w, w->path);
    write_file(w, (posw_bytes){(const uint8_t *)"", 0});
    assert_int_equal(import(w, n.chain, 1, 1, &seen), POSW_EPARSE);
    says(w, "is not a file with blocks");
    const char *const texts[] = {"hello, world", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x80",
                                 "\xbf\xff\xff\xff\xff\xff\xff\xff\xff", "\xfb\xff\xff\xff\xff"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(texts); i++) {
        write_file(w, posw_bytes_of(texts[i], strlen(texts[i])));
        assert_int_equal(import(w, n.chain, 1, 1, &seen), POSW_EPARSE);
        says(w, "what stands at byte 0 is not a whole block");
    }
    /* a list that is framed well, and no block */
    const char *const lists[] = {"\xc0", "\xc1\xc0", "\xc3\xc0\xc0\xc0"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(lists); i++) {
        write_file(w, posw_bytes_of(lists[i], strlen(lists[i])));
        const int rc = import(w, n.chain, i % 2, 1, &seen);
        assert_true(rc == POSW_EINVAL || rc == POSW_EPARSE); /* as soon as it is seen */
        says(w, "at byte 0 ");
    }
    assert_int_equal(remove(w->path), 0);
    assert_int_equal(mkdir(w->path, 0700), 0);
    assert_int_equal(import(w, n.chain, 1, 1, &seen), POSW_EPARSE);
    assert_int_equal(seen.calls, 0);
    h_close(&n);
}

static void another_genesis(posw_chain_spec *spec) {
    spec->params.genesis_time++;
}

static void foreign_blocks(void **state) {
    world *w = *state;
    posw_chain_spec spec;
    h_node foreign, n;
    watcher seen = {0};
    h_spec(&spec);
    another_genesis(&spec);
    h_open(&foreign, &spec);
    h_grow(foreign.chain, 3);
    h_open(&n, &w->spec);
    posw_buf file = blocks_of(foreign.chain, 1, 3);
    write_file(w, posw_buf_view(&file));
    assert_int_equal(import(w, n.chain, 2, 10, &seen), POSW_EINVAL);
    says(w, "the parent of block 1 is not known; the file starts beyond this chain's tip or belongs to another chain");
    posw_buf_clear(&file);
    file = blocks_of(foreign.chain, 0, 3);
    write_file(w, posw_buf_view(&file));
    assert_int_equal(import(w, n.chain, 2, 10, &seen), POSW_EINVAL);
    says(w, "starts with the genesis block of another chain");
    posw_buf_clear(&file);
    export_range(w, 5, 9); /* the right chain, but too high */
    assert_int_equal(import(w, n.chain, 0, 1, &seen), POSW_EINVAL);
    says(w, "the parent of block 5 is not known");
    assert_int_equal(height(&n), 0);
    assert_int_equal(seen.calls, 0);
    h_close(&n);
    h_close(&foreign);
    posw_chain_spec_clear(&spec);
}

static void lie_about_the_state(void *arg, posw_header *h) {
    (void)arg;
    h->state_root.b[0] ^= 1;
}

static void a_refused_block(void **state) {
    world *w = *state;
    for (unsigned threads = 0; threads <= 2; threads++) {
        h_node n, maker;
        watcher seen = {0};
        char place[64];
        h_open(&maker, &w->spec);
        h_feed(maker.chain, w->source.chain, 1, 70);
        h_plan plan = {.miner = 1, .before_seal = lie_about_the_state};
        h_block bad = h_build(maker.chain, &plan);
        posw_buf file = blocks_of(maker.chain, 1, 70);
        snprintf(place, sizeof place, "block 71 at byte %zu was refused", file.size);
        posw_buf_append(&file, bad.bytes.data, bad.bytes.size);
        append_blocks(&file, w->source.chain, 71, 140);
        write_file(w, posw_buf_view(&file));
        h_open(&n, &w->spec);
        assert_int_equal(import(w, n.chain, threads, 30, &seen), POSW_EINVAL);
        says(w, place);
        says(w, posw_rule_text(POSW_RULE_STATE_ROOT));
        says(w, posw_rule_number(POSW_RULE_STATE_ROOT));
        assert_int_equal(height(&n), 70);
        h_reopen(&n);
        assert_int_equal(height(&n), 70);
        h_close(&n);
        h_close(&maker);
        h_block_clear(&bad);
        posw_buf_clear(&file);
    }
}

/* ---- interruption ---- */

static void interrupted_and_gone_on(void **state) {
    world *w = *state;
    export_range(w, 1, BLOCKS);
    for (unsigned threads = 0; threads <= 2; threads++) {
        h_node n;
        h_open(&n, &w->spec);
        uint64_t done = 0;
        while (done + 40 < BLOCKS) {
            watcher seen = {.stop_after = done + 40};
            char place[64];
            assert_int_equal(import(w, n.chain, threads, 100, &seen), POSW_ECANCELED);
            assert_int_equal(seen.last.known, done);
            done += 40;
            snprintf(place, sizeof place, "interrupted after block %u", (unsigned)done);
            says(w, place);
            h_reopen(&n); /* what was imported stays */
            assert_int_equal(height(&n), done);
        }
        watcher seen = {0};
        assert_int_equal(import(w, n.chain, threads, 100, &seen), POSW_OK);
        assert_int_equal(seen.last.known, done);
        h_same(n.chain, w->source.chain);
        h_close(&n);
    }
}

static void store_faults(void **state) {
    world *w = *state;
    export_range(w, 1, 40);
    unsigned failed = 0;
    for (uint64_t nth = 1; nth < 4000; nth = nth * 5 / 4 + 1) {
        h_node n;
        watcher seen = {0}, again = {0};
        h_open(&n, &w->spec);
        posw_store_memory_fail(n.store, nth, POSW_ENOSPC, true);
        const int rc = import(w, n.chain, (unsigned)(nth % 3), 1 + nth % 20, &seen);
        posw_store_memory_fail(n.store, 0, POSW_OK, false);
        if (rc != POSW_OK) {
            assert_int_equal(rc, POSW_ENOSPC);
            says(w, "no space left on the disk");
            failed++;
        }
        assert_int_equal(import(w, n.chain, 1, 5, &again), POSW_OK);
        assert_int_equal(height(&n), 40);
        h_check_state(n.chain);
        h_close(&n);
    }
    assert_true(failed > 5);
}

/* ---- exporting ---- */

static int stop_at_ten(void *arg, const posw_block_file_progress *p) {
    *(uint64_t *)arg = p->blocks;
    return p->number == 10;
}

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

static void ranges_that_are_not_there(void **state) {
    world *w = *state;
    const posw_block_file_options o = {0};
    const uint64_t bad[][2] = {{2, 1}, {1, BLOCKS + 1}, {BLOCKS + 1, BLOCKS + 1}, {0, UINT64_MAX}, {UINT64_MAX, 0}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        assert_int_equal(posw_block_file_export(w->source.chain, w->path, bad[i][0], bad[i][1], &o, &w->msg),
                         POSW_ERANGE);
        says(w, "this chain has blocks 0 to 150");
        assert_false(exists(w->path));
    }
}

static void whole_or_not_at_all(void **state) {
    world *w = *state;
    uint64_t blocks = 0;
    char part[sizeof w->path + 8];
    const posw_block_file_options o = {.progress = stop_at_ten, .arg = &blocks}, plain = {0};
    snprintf(part, sizeof part, "%s.part", w->path);
    write_file(w, posw_bytes_of("precious", 8));
    assert_int_equal(posw_block_file_export(w->source.chain, w->path, 1, 20, &o, &w->msg), POSW_ECANCELED);
    assert_int_equal(blocks, 10);
    posw_buf kept = read_file(w->path);
    assert_int_equal(kept.size, 8);
    assert_false(exists(part));
    posw_store_memory_fail(w->source.store, 9, POSW_EIO, false);
    assert_int_equal(posw_block_file_export(w->source.chain, w->path, 1, 20, &plain, &w->msg), POSW_EIO);
    posw_store_memory_fail(w->source.store, 0, POSW_OK, false);
    says(w, "cannot be read");
    posw_buf_clear(&kept);
    kept = read_file(w->path);
    assert_int_equal(kept.size, 8);
    assert_false(exists(part));
    posw_buf_clear(&kept);
    export_range(w, 1, 2);
    assert_false(exists(part));
}

static void places_that_cannot_be_written(void **state) {
    world *w = *state;
    const posw_block_file_options o = {0};
    char path[sizeof w->path + 16], *lengthy = malloc(5001);
    snprintf(path, sizeof path, "%s/no/blocks", w->dir);
    assert_int_equal(posw_block_file_export(w->source.chain, path, 1, 2, &o, &w->msg), POSW_ENOTFOUND);
    says(w, path);
    memset(lengthy, 'x', 5000);
    lengthy[5000] = '\0';
    assert_int_equal(posw_block_file_export(w->source.chain, lengthy, 1, 2, &o, &w->msg), POSW_EINVAL);
    if (access("/dev/full", W_OK) == 0) {
        snprintf(path, sizeof path, "%s/full", w->dir);
        char part[sizeof path + 8];
        snprintf(part, sizeof part, "%s.part", path);
        assert_int_equal(symlink("/dev/full", part), 0);
        assert_int_equal(posw_block_file_export(w->source.chain, path, 1, BLOCKS, &o, &w->msg), POSW_ENOSPC);
        says(w, "free some space");
        assert_false(exists(path));
    }
    free(lengthy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(export_is_the_blocks),
        TEST(any_number_of_threads),
        TEST(genesis_may_be_there),
        TEST(known_blocks_are_passed_over),
        TEST(mixed_files),
        TEST(side_branches),
        TEST(torn_files),
        TEST(what_is_no_block_file),
        TEST(foreign_blocks),
        TEST(a_refused_block),
        TEST(interrupted_and_gone_on),
        TEST(store_faults),
        TEST(ranges_that_are_not_there),
        TEST(whole_or_not_at_all),
        TEST(places_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
