#include "difficulty_files.h"

#include "io/file.h"
#include "options.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "rules/ethereum.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Bitcoin's compact targets: one byte of size, three of mantissa ---- */

static posw_u256 target_of_bits(uint32_t bits) {
    const unsigned size = bits >> 24;
    const posw_u256 mantissa = posw_u256_from_u64(bits & 0x7fffff);
    if (size <= 3) return posw_u256_shr(&mantissa, 8 * (3 - size));
    return size > 32 ? POSW_U256_ZERO : posw_u256_shl(&mantissa, 8 * (size - 3));
}

static uint32_t bits_of_target(const posw_u256 *target) {
    unsigned size = (posw_u256_bits(target) + 7) / 8;
    posw_u256 m = size <= 3 ? posw_u256_shl(target, 8 * (3 - size)) : posw_u256_shr(target, 8 * (size - 3));
    if (m.w[0] & 0x800000) { /* the sign bit stays clear */
        m = posw_u256_shr(&m, 8);
        size++;
    }
    return (uint32_t)(m.w[0] | size << 24);
}

/* ---- official runs ---- */

typedef struct {
    uint64_t height, parent_time, bits;
    unsigned seen; /* bit for each of the three */
} anchor;

static void read_header_line(anchor *a, const char *line) {
    a->seen |= sscanf(line, "## anchor height: %" SCNu64, &a->height) == 1 ? 1 : 0;
    a->seen |= sscanf(line, "## anchor parent time: %" SCNu64, &a->parent_time) == 1 ? 2 : 0;
    a->seen |= sscanf(line, "## anchor nBits: %" SCNx64, &a->bits) == 1 ? 4 : 0;
}

static bool line_matches(const anchor *a, uint64_t height, uint64_t time, uint64_t bits) {
    enum { BLOCK_TIME_S = 600, HALF_LIFE_S = 2 * 24 * 3600 };
    const posw_u256 target_max = target_of_bits(0x1d00ffff), from = target_of_bits((uint32_t)a->bits);
    const posw_u256 t = posw_asert_target(&from, (int64_t)(time - a->parent_time), height - a->height, BLOCK_TIME_S,
                                          HALF_LIFE_S, &target_max);
    return bits_of_target(&t) == bits;
}

/* Header lines begin with #. False: the line is none of a run. */
static bool read_line(anchor *a, const char *line, uint64_t *lines, uint64_t *mismatches) {
    uint64_t iteration, height, time, bits;
    if (line[0] == '#' || line[strspn(line, " \r\n")] == '\0') {
        read_header_line(a, line);
        return true;
    }
    const posw_u256 from = target_of_bits((uint32_t)a->bits);
    if (a->seen != 7 || posw_u256_is_zero(&from) ||
        sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNx64, &iteration, &height, &time, &bits) != 4)
        return false;
    ++*lines;
    *mismatches += !line_matches(a, height, time, bits);
    return true;
}

int lab_asert_check(const cli *c, const char *path, uint64_t *lines, uint64_t *mismatches) {
    enum { SIZE_MAX_BYTES = 64 * 1024 * 1024 };
    posw_buf text = {0};
    posw_message msg = {""};
    anchor a = {0};
    bool good = true;
    *lines = *mismatches = 0;
    if (posw_file_read(&text, path, SIZE_MAX_BYTES, &msg) != POSW_OK) return cli_usage(c, "%s", msg.text);
    posw_buf_byte(&text, 0);
    if (text.failed) {
        posw_buf_clear(&text);
        return cli_fail("out of memory");
    }
    char *rest = (char *)text.data;
    for (char *line; good && (line = strsep(&rest, "\n")) != NULL;)
        good = read_line(&a, line, lines, mismatches);
    posw_buf_clear(&text);
    if (good && *lines > 0) return CLI_OK;
    return cli_usage(c,
                     "%s is not a run of aserti3-2d: header lines with anchor height, anchor parent time and anchor "
                     "nBits, then lines of iteration, height, time and target",
                     path);
}

/* ---- reading a case ---- */

typedef struct {
    const cli *c;
    const char *path;
    const json_t *object;
    size_t number; /* of the case, from 1 */
    bool failed;   /* a sentence was said */
} reader;

static void refuse(reader *r, const char *key, const char *what) {
    if (!r->failed) (void)cli_usage(r->c, "%s: case %zu: %s %s", r->path, r->number, key, what);
    r->failed = true;
}

/* A JSON integer, or digits or 0x-digits in a string. */
static bool number_of(const json_t *v, posw_u256 *out) {
    if (json_is_integer(v) && json_integer_value(v) >= 0) {
        *out = posw_u256_from_u64((uint64_t)json_integer_value(v));
        return true;
    }
    return json_is_string(v) && posw_u256_parse(out, json_string_value(v), json_string_length(v));
}

static posw_u256 get_wide(reader *r, const char *key) {
    posw_u256 v = POSW_U256_ONE;
    if (!number_of(json_object_get(r->object, key), &v) || posw_u256_is_zero(&v))
        refuse(r, key, "must be a whole number above 0, as a number or as text");
    return v;
}

/* `missing` where the key is not there. */
static uint64_t get(reader *r, const char *key, uint64_t min, uint64_t max, uint64_t missing) {
    const json_t *v = json_object_get(r->object, key);
    posw_u256 wide;
    uint64_t n = missing;
    if (v != NULL && (!number_of(v, &wide) || !posw_u256_to_u64(&n, &wide))) n = max == UINT64_MAX ? 0 : max + 1;
    if (n >= min && n <= max) return n;
    refuse(r, key, "is missing or outside its range");
    return min;
}

static const json_t *get_list(reader *r, const char *key, size_t count) {
    const json_t *list = json_object_get(r->object, key);
    if (!json_is_array(list) || (count != 0 && json_array_size(list) != count) || json_array_size(list) == 0)
        refuse(r, key, count != 0 ? "must be a list with one number for each block" : "must be a list of numbers");
    return r->failed ? NULL : list;
}

static posw_u256 item(reader *r, const json_t *list, size_t i, const char *key) {
    posw_u256 v = POSW_U256_ONE;
    if (!number_of(json_array_get(list, i), &v)) refuse(r, key, "must hold whole numbers");
    return v;
}

static uint64_t item_u64(reader *r, const json_t *list, size_t i, const char *key) {
    const posw_u256 wide = item(r, list, i, key);
    uint64_t v = 0;
    if (!posw_u256_to_u64(&v, &wide) || v > (uint64_t)1 << 60) refuse(r, key, "holds a number that is too large");
    return v;
}

/* ---- one case of each rule; what it gives is written to out ---- */

enum { TIME_MAX_BITS = 60 };
static const uint64_t TIME_MAX = (uint64_t)1 << TIME_MAX_BITS;

static posw_u256 next_asert(reader *r) {
    const uint64_t block_time_s = get(r, "blockTime", 1, UINT32_MAX, 600),
                   half_life_s = get(r, "halfLife", 1, TIME_MAX, 172800), height = get(r, "heightDiff", 0, TIME_MAX, 0);
    const json_t *time = json_object_get(r->object, "timeDiff");
    if (!json_is_integer(time)) refuse(r, "timeDiff", "must be a whole number: the time since the anchor's parent");
    const json_t *max = json_object_get(r->object, "targetMax");
    const posw_u256 anchor_target = get_wide(r, "anchorTarget"),
                    top = max == NULL ? POSW_U256_MAX : get_wide(r, "targetMax");
    if (r->failed) return POSW_U256_ONE;
    const posw_u256 t =
        posw_asert_target(&anchor_target, (int64_t)json_integer_value(time), height, block_time_s, half_life_s, &top);
    return posw_difficulty_of_target(&t);
}

/* Empty, for so many blocks; NULL: a sentence was said. The caller frees it. */
static posw_window *window_new(reader *r, uint64_t blocks) {
    const size_t size = posw_window_size(blocks, 0);
    void *memory = r->failed ? NULL : aligned_alloc(64, (size + 63) / 64 * 64);
    if (memory == NULL) refuse(r, "out of memory", "");
    return memory == NULL ? NULL : posw_window_init(memory, blocks, 0, UINT64_MAX);
}

/* timestamps: those of the latest blocks, the parent's last; of the lag and one more at least, or all since genesis. */
static posw_u256 next_asert_lag(reader *r) {
    posw_params p = {.difficulty_rule = POSW_DIFFICULTY_ASERT_LAG};
    posw_header parent = {.number = get(r, "number", 0, TIME_MAX, UINT64_MAX)};
    p.genesis_difficulty = get_wide(r, "genesisDifficulty");
    p.genesis_time = get(r, "genesisTime", 0, TIME_MAX, UINT64_MAX);
    p.block_time_s = get(r, "blockTime", 1, 3600, 15);
    p.difficulty_blocks = get(r, "halfLife", 1, 65536, 1008);
    p.window_blocks = get(r, "window", 1, 65536, 2016);
    const json_t *times = get_list(r, "timestamps", 0);
    const uint64_t lag = posw_difficulty_lag(p.difficulty_blocks, p.window_blocks), count = json_array_size(times),
                   needed = 1 + (lag < parent.number ? lag : parent.number);
    if (count < needed) refuse(r, "timestamps", "must hold one more than the lag, a sixteenth of halfLife, or all");
    posw_window *w = window_new(r, needed);
    if (w == NULL) return POSW_U256_ONE;
    for (size_t i = count - needed; !r->failed && i < count; i++) {
        const uint64_t before = parent.timestamp;
        parent.timestamp = item_u64(r, times, i, "timestamps");
        if (i > count - needed && parent.timestamp <= before) refuse(r, "timestamps", "must rise");
        if (!r->failed) posw_window_push(w, &(posw_window_entry){.timestamp = parent.timestamp});
    }
    const posw_u256 next = r->failed ? POSW_U256_ONE : posw_difficulty_next(&p, w, &parent, parent.timestamp + 1);
    free(w);
    return next;
}

/* As LWMA-3 does: a timestamp that does not increase counts as one second after the one before. */
static posw_u256 next_lwma3(reader *r) {
    enum { BLOCKS_MAX = 1024, BLOCKS_MIN = 6 };
    posw_params p = {.difficulty_rule = POSW_DIFFICULTY_LWMA3};
    const uint64_t blocks = get(r, "blocks", BLOCKS_MIN, BLOCKS_MAX, 60);
    p.block_time_s = get(r, "blockTime", 1, 3600, 60);
    const json_t *times = get_list(r, "timestamps", blocks + 1), *difficulties = get_list(r, "difficulties", blocks);
    posw_window *w = window_new(r, blocks);
    if (w == NULL) return POSW_U256_ONE;
    posw_header parent = {.number = blocks};
    for (size_t i = 0; i <= blocks; i++) {
        uint64_t t = item_u64(r, times, i, "timestamps");
        if (i > 0 && t <= parent.timestamp) t = parent.timestamp + 1;
        parent.timestamp = t;
        parent.difficulty = i == 0 ? POSW_U256_ONE : item(r, difficulties, i - 1, "difficulties");
        posw_window_push(w, &(posw_window_entry){.timestamp = t, .difficulty = parent.difficulty});
    }
    p.difficulty_blocks = blocks;
    const posw_u256 next = posw_difficulty_next(&p, w, &parent, parent.timestamp + 1);
    free(w);
    return next;
}

static posw_u256 next_bitcoin2016(reader *r) {
    const uint64_t block_time_s = get(r, "blockTime", 1, 3600, 600), blocks = get(r, "blocks", 2, 65536, 2016),
                   first = get(r, "firstTimestamp", 0, TIME_MAX, UINT64_MAX),
                   last = get(r, "lastTimestamp", 0, TIME_MAX, UINT64_MAX);
    const posw_u256 difficulty = get_wide(r, "parentDifficulty");
    if (r->failed) return POSW_U256_ONE;
    const posw_u256 target = posw_difficulty_of_target(&difficulty);
    const posw_u256 next = posw_difficulty_retarget(&target, last > first ? last - first : 0, blocks * block_time_s);
    return posw_difficulty_of_target(&next);
}

/* 0, 1, or the hash of the list: that of no uncles is Ethereum's well-known one. */
static bool has_uncles(reader *r) {
    static const char none[] = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";
    const json_t *v = json_object_get(r->object, "parentUncles");
    posw_u256 n;
    if (v == NULL) return false;
    if (!number_of(v, &n)) refuse(r, "parentUncles", "must be 0, 1 or a hash");
    return !r->failed && !posw_u256_is_zero(&n) && !(json_is_string(v) && strcmp(json_string_value(v), none) == 0);
}

static posw_u256 next_ethereum(reader *r, bool byzantium) {
    const uint64_t before = get(r, "parentTimestamp", 0, TIME_MAX, UINT64_MAX),
                   now = get(r, "currentTimestamp", 0, TIME_MAX, UINT64_MAX),
                   number = get(r, "currentBlockNumber", 0, TIME_MAX, 0);
    const posw_u256 parent = get_wide(r, "parentDifficulty");
    const bool uncles = has_uncles(r);
    if (r->failed) return POSW_U256_ONE;
    const uint64_t elapsed_s = now > before ? now - before : 0;
    return byzantium ? lab_ethereum_byzantium(&parent, elapsed_s, number, uncles)
                     : lab_ethereum_homestead(&parent, elapsed_s, number);
}

static posw_u256 next_step(reader *r, lab_table *t) {
    const posw_u256 floor = posw_u256_from_u64(65536); /* D7 */
    const uint64_t block_time_s = get(r, "blockTime", 1, 3600, 15);
    posw_u256 d = get_wide(r, "parentDifficulty");
    const json_t *elapsed = get_list(r, "elapsed", 0);
    for (size_t i = 0; !r->failed && i < json_array_size(elapsed); i++) {
        char text[POSW_U256_DEC_SIZE];
        const uint64_t elapsed_s = item_u64(r, elapsed, i, "elapsed");
        d = posw_difficulty_step(&d, elapsed_s, block_time_s, &floor);
        posw_u256_to_dec(text, &d);
        lab_cell_integer(t, r->number);
        lab_cell_integer(t, elapsed_s);
        lab_cell_text(t, text);
    }
    return d;
}

/* ---- a file of cases ---- */

enum next_rule { NEXT_ASERT, NEXT_ASERT_LAG, NEXT_LWMA3, NEXT_BITCOIN2016, NEXT_HOMESTEAD, NEXT_BYZANTIUM, NEXT_STEP };
static const char *const next_rules[] = {"asert",     "asert-lag", "lwma3", "bitcoin2016",
                                         "homestead", "byzantium", "step",  NULL};

static posw_u256 next_of(reader *r, enum next_rule rule, lab_table *steps) {
    switch (rule) {
    case NEXT_ASERT:
        return next_asert(r);
    case NEXT_ASERT_LAG:
        return next_asert_lag(r);
    case NEXT_LWMA3:
        return next_lwma3(r);
    case NEXT_BITCOIN2016:
        return next_bitcoin2016(r);
    case NEXT_HOMESTEAD:
        return next_ethereum(r, false);
    case NEXT_BYZANTIUM:
        return next_ethereum(r, true);
    case NEXT_STEP:
        return next_step(r, steps);
    }
    return POSW_U256_ONE;
}

/* The expected result of a case, under our key or Ethereum's. */
static const json_t *expected_of(const json_t *object) {
    const json_t *v = json_object_get(object, "expected");
    return v != NULL ? v : json_object_get(object, "currentDifficulty");
}

typedef struct {
    uint64_t cases, mismatches, expected;
    posw_u256 last;
} outcome;

static bool do_case(reader *r, enum next_rule rule, lab_table *rows, lab_table *steps, outcome *out) {
    char text[POSW_U256_DEC_SIZE], wanted[POSW_U256_DEC_SIZE] = "";
    posw_u256 expected;
    const json_t *e = expected_of(r->object);
    if (e != NULL && !number_of(e, &expected)) refuse(r, "expected", "must be a whole number, as a number or as text");
    if (!r->failed) out->last = next_of(r, rule, steps);
    if (r->failed) return false;
    const bool matches = e == NULL || posw_u256_equal(&expected, &out->last);
    if (e != NULL) posw_u256_to_dec(wanted, &expected);
    posw_u256_to_dec(text, &out->last);
    lab_cell_integer(rows, r->number);
    lab_cell_text(rows, text);
    lab_cell_text(rows, wanted);
    lab_cell_text(rows, e == NULL ? "" : matches ? "yes" : "no");
    out->cases++;
    out->expected += e != NULL;
    out->mismatches += !matches;
    return true;
}

/* Objects that hold other objects are groups of cases, as in Ethereum's own files; names with _ are remarks. */
static bool is_group(const json_t *v) {
    const char *key;
    json_t *member;
    if (json_is_array(v)) return true;
    json_object_foreach((json_t *)v, key, member) if (json_is_object(member)) return true;
    return false;
}

enum { DEPTH_MAX = 8 };

static bool do_all(reader *r, const json_t *v, unsigned depth, enum next_rule rule, lab_table *rows, lab_table *steps,
                   outcome *out) {
    const char *key;
    json_t *member;
    size_t i;
    if (depth > DEPTH_MAX || !(json_is_object(v) || json_is_array(v))) {
        r->number++;
        refuse(r, "a case", "must be a JSON object");
        return false;
    }
    if (!is_group(v)) {
        r->object = v;
        r->number++;
        return do_case(r, rule, rows, steps, out);
    }
    if (json_is_array(v)) {
        json_array_foreach(v, i, member) if (!do_all(r, member, depth + 1, rule, rows, steps, out)) return false;
        return true;
    }
    json_object_foreach((json_t *)v, key, member) {
        if (key[0] != '_' && !do_all(r, member, depth + 1, rule, rows, steps, out)) return false;
    }
    return true;
}

static lab_table *rows_table(lab_report *r) {
    lab_table *t = lab_table_new(r, "cases", "Cases");
    lab_column(t, "case", "case", "");
    lab_column(t, "difficulty", "next difficulty", "");
    lab_column(t, "expected", "expected", "");
    lab_column(t, "matches", "matches", "");
    return t;
}

static lab_table *steps_table(lab_report *r) {
    lab_table *t = lab_table_new(r, "steps", "Blocks");
    lab_column(t, "case", "case", "");
    lab_column(t, "elapsed", "time to come", "s");
    lab_column(t, "difficulty", "difficulty", "");
    return t;
}

static void put_outcome(lab_report *r, const outcome *o) {
    char text[POSW_U256_DEC_SIZE];
    uint64_t small;
    posw_u256_to_dec(text, &o->last);
    if (posw_u256_to_u64(&small, &o->last) && small < (uint64_t)1 << 53)
        lab_integer(r, "difficulty", "next difficulty (of the last case)", small, "");
    else
        lab_text(r, "difficulty", "next difficulty (of the last case)", text);
    lab_integer(r, "cases_counted", "cases", o->cases, "");
    lab_integer(r, "lines", "cases with an expected result", o->expected, "");
    lab_integer(r, "mismatches", "of those, different", o->mismatches, "");
}

static int report_cases(const cli *c, enum next_rule rule, const char *path, const json_t *all) {
    lab_report *r = lab_report_new("difficulty", "What is the next difficulty?");
    if (r == NULL) return lab_report_print(c, r);
    reader in = {.c = c, .path = path};
    outcome out = {.last = POSW_U256_ONE};
    lab_input_text(r, "rule", "rule", next_rules[rule]);
    lab_table *rows = rows_table(r), *steps = rule == NEXT_STEP ? steps_table(r) : NULL;
    if (!do_all(&in, all, 0, rule, rows, steps, &out) || out.cases == 0) {
        if (!in.failed) (void)cli_usage(c, "%s holds no case", path);
        lab_report_free(r);
        return CLI_USAGE;
    }
    put_outcome(r, &out);
    if (rule == NEXT_BYZANTIUM || rule == NEXT_HOMESTEAD)
        lab_model(
            r, "Ethereum's rule with the difficulty bomb of its block number; a chain of this kit has no bomb and no "
               "uncles");
    else
        lab_model(r, "the consensus code's function");
    return lab_report_print(c, r);
}

int lab_difficulty_next(const cli *c, const char *rule, const char *path) {
    enum { SIZE_MAX_BYTES = 64 * 1024 * 1024 };
    posw_buf text = {0};
    posw_message msg = {""};
    json_error_t error;
    size_t which = 0;
    while (next_rules[which] != NULL && strcmp(next_rules[which], rule) != 0)
        which++;
    if (next_rules[which] == NULL)
        return cli_usage(
            c, "with --next the rule must be asert, asert-lag, lwma3, bitcoin2016, homestead, byzantium or step");
    if (posw_file_read(&text, path, SIZE_MAX_BYTES, &msg) != POSW_OK) return cli_usage(c, "%s", msg.text);
    json_t *all = json_loadb((const char *)text.data, text.size, 0, &error);
    posw_buf_clear(&text);
    if (all == NULL) return cli_usage(c, "%s is not JSON: %s in line %d", path, error.text, error.line);
    const int code = report_cases(c, (enum next_rule)which, path, all);
    json_decref(all);
    return code;
}
