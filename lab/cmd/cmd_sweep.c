/* posw lab sweep: a command of the laboratory for many values of its options, on this machine's threads or, under
 * mpirun, on many machines.
 *
 * Each case is run as its command line would be, and its report is taken as JSON. The processes of a cluster share the
 * cases by turns and send what they found to the first one, which alone makes the table, in the order of the cases: so
 * it is the same for any number of threads and processes. */
#include "commands.h"
#include "options.h"
#include "run/cluster.h"
#include "run/parallel.h"
#include "sweep/plan.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 40, CHARTS_MAX = 4, SERIES_MAX = 8, NAME_SIZE = 96 };

static const cli_option options[] = {
    {"file", "FILE", NULL, "read the command and its options from a JSON file"},
    {"keys", "LIST", NULL, "JSON keys that become columns, separated by commas [all that differ]"},
    {"threads", "N", "0",
     "threads of each process; 0: one for each processor, or one under mpirun; the answer is the same"},
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

/* ---- running the cases ---- */

typedef struct {
    const sweep_plan *plan;
    int rank, size;
    posw_buf *results; /* one for each case of this process, in order */
    int *codes;
    bool *done;
} crew;

static size_t cases_of(const sweep_plan *p, int rank, int size) {
    return p->cases > (size_t)rank ? (p->cases - (size_t)rank + (size_t)size - 1) / (size_t)size : 0;
}

/* The case as a command line, in one block with its words. NULL: out of memory. */
static char **line_of(const sweep_plan *p, size_t number, int *argc) {
    posw_buf text = {0};
    size_t words = 3, offset = 0;
    posw_buf_printf(&text, "posw%clab%c%s%c", 0, 0, strchr(p->command->name, ' ') + 1, 0);
    for (size_t a = 0; a < p->axis_count; a++) {
        const sweep_setting *s = sweep_setting_of(p, a, number);
        for (size_t i = 0; i < s->count; i++, words++)
            posw_buf_printf(&text, "--%s%s%s%c", s->pairs[i].name, s->pairs[i].value != NULL ? "=" : "",
                            s->pairs[i].value != NULL ? s->pairs[i].value : "", 0);
    }
    char **argv = text.failed ? NULL : malloc((words + 1) * sizeof *argv + text.size);
    if (argv != NULL) {
        char *copy = memcpy(argv + words + 1, text.data, text.size);
        for (size_t i = 0; i < words; i++) {
            argv[i] = copy + offset;
            offset += strlen(copy + offset) + 1;
        }
        argv[words] = NULL;
    }
    *argc = (int)words;
    posw_buf_clear(&text);
    return argv;
}

static void run_case(void *arg, size_t task) {
    crew *w = arg;
    int argc;
    char **argv = line_of(w->plan, task * (size_t)w->size + (size_t)w->rank, &argc);
    lab_report_divert(&w->results[task]);
    w->codes[task] = argv == NULL ? cli_fail("out of memory") : cli_main(argc, argv);
    lab_report_divert(NULL);
    free(argv);
}

/* "NUMBER JSON" lines of all cases that are done, on process 0. CLI_OK, or an exit code after its sentence. */
static int run_cases(const sweep_plan *p, unsigned threads, int rank, int size, posw_buf *all) {
    const size_t mine = cases_of(p, rank, size);
    crew w = {p,
              rank,
              size,
              calloc(mine + 1, sizeof *w.results),
              calloc(mine + 1, sizeof *w.codes),
              calloc(mine + 1, sizeof *w.done)};
    posw_buf lines = {0};
    int code = w.results == NULL || w.codes == NULL || w.done == NULL ? cli_fail("out of memory") : CLI_OK;
    const lab_parallel work = {.tasks = mine,
                               .threads = threads == 0 && size > 1 ? 1 : threads,
                               .what = size == 1 ? "cases" : NULL,
                               .run = run_case,
                               .arg = &w,
                               .done = w.done};
    if (code == CLI_OK && mine > 0) lab_parallel_run(&work);
    for (size_t i = 0; code == CLI_OK && i < mine; i++) {
        const size_t number = i * (size_t)size + (size_t)rank;
        if (!w.done[i]) continue;
        if (w.codes[i] == CLI_OK) {
            posw_buf_printf(&lines, "%zu ", number);
            posw_buf_append(&lines, w.results[i].data, w.results[i].size);
            posw_buf_byte(&lines, '\n');
            if (w.results[i].failed) lines.failed = true;
            continue;
        }
        posw_buf text = {0};
        sweep_case_text(&text, p, number);
        cli_fail("this was case %zu: %.*s", number + 1, (int)text.size,
                 text.data != NULL ? (const char *)text.data : "");
        posw_buf_clear(&text);
        code = w.codes[i];
    }
    if (code == CLI_OK && lines.failed) code = cli_fail("out of memory");
    const bool good = lab_cluster_all(code == CLI_OK);
    if (good && !lab_cluster_gather(all, &lines)) code = cli_fail("out of memory");
    for (size_t i = 0; w.results != NULL && i < mine; i++)
        posw_buf_clear(&w.results[i]);
    free(w.results);
    free(w.codes);
    free(w.done);
    posw_buf_clear(&lines);
    return good || code != CLI_OK ? code : CLI_FAILED;
}

/* ---- the table ---- */

typedef struct {
    const sweep_plan *plan;
    json_t **results;                /* one for each case, NULL where it was not done */
    size_t done, whole;              /* cases; whole: those that Ctrl-C has not cut short */
    const char *varied[COLUMNS_MAX]; /* options, borrowed from the plan */
    size_t varied_count;
    const char *keys[COLUMNS_MAX]; /* borrowed from the results or from the command line */
    size_t key_count;
} table;

static bool is_whole(const json_t *result) {
    return !json_is_false(json_object_get(result, "complete"));
}

static bool read_results(table *t, posw_buf *all) {
    t->results = calloc(t->plan->cases, sizeof(json_t *));
    if (t->results == NULL) return false;
    for (size_t at = 0; at < all->size;) {
        char *line = (char *)all->data + at, *json;
        char *end = memchr(line, '\n', all->size - at);
        const size_t number = strtoull(line, &json, 10);
        json_t *o = json_loadb(json, (size_t)(end - json), 0, NULL);
        if (o == NULL || number >= t->plan->cases) return false;
        t->results[number] = o;
        t->done++;
        t->whole += is_whole(o);
        at += (size_t)(end - line) + 1;
    }
    return true;
}

static bool same_word(const char *option, const char *key) {
    size_t i = 0;
    for (; option[i] != '\0' && (option[i] == key[i] || (option[i] == '-' && key[i] == '_')); i++) {
    }
    return option[i] == key[i];
}

static void collect_varied(table *t) {
    for (const cli_option *o = t->plan->command->options; o->name != NULL && t->varied_count < COLUMNS_MAX; o++)
        if (sweep_varies(t->plan, o->name)) t->varied[t->varied_count++] = o->name;
}

static bool is_figure(const json_t *v) {
    return json_is_number(v) || json_is_boolean(v) || json_is_string(v) || json_is_null(v);
}

/* What is said of every case in the same words, and what was asked, is no result. */
static bool is_result(const table *t, const char *key) {
    static const char *const never[] = {"command", "model_text", "complete", "done", "wanted"};
    const char *error = strstr(key, "standard_error");
    const json_t *first = NULL;
    bool differs = t->plan->cases == 1;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(never); i++)
        if (strcmp(key, never[i]) == 0) return false;
    if (error != NULL) return false;
    for (const cli_option *o = t->plan->command->options; o->name != NULL; o++)
        if (same_word(o->name, key)) return false;
    for (size_t i = 0; i < t->plan->cases && !differs; i++) {
        const json_t *v = json_object_get(t->results[i], key);
        if (v == NULL) continue;
        if (first == NULL) first = v;
        differs = !json_equal(v, first);
    }
    return differs;
}

static bool has_key(const table *t, const char *key) {
    for (size_t i = 0; i < t->key_count; i++)
        if (strcmp(t->keys[i], key) == 0) return true;
    return false;
}

static void collect_keys(table *t) {
    for (size_t i = 0; i < t->plan->cases; i++) {
        const char *key;
        json_t *v;
        json_object_foreach(t->results[i], key, v) {
            if (t->key_count < COLUMNS_MAX && is_figure(v) && !has_key(t, key) && is_result(t, key))
                t->keys[t->key_count++] = key;
        }
    }
}

/* The standard error beside a figure; not a number: none. The first estimate of a report has it under a bare key. */
static double error_of(const json_t *o, const char *key) {
    char name[128];
    const char *k, *before = NULL;
    json_t *v;
    snprintf(name, sizeof name, "%s_standard_error", key);
    if (json_is_number(json_object_get(o, name))) return json_number_value(json_object_get(o, name));
    json_object_foreach((json_t *)o, k, v) {
        if (strcmp(k, "standard_error") == 0 && before != NULL && strcmp(before, key) == 0)
            return json_is_number(v) ? json_number_value(v) : NAN;
        before = k;
    }
    return NAN;
}

static void put_json_cell(lab_table *out, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    const double error = error_of(o, key);
    if (json_is_string(v))
        lab_cell_text(out, json_string_value(v));
    else if (json_is_boolean(v))
        lab_cell_text(out, json_is_true(v) ? "yes" : "no");
    else if (json_is_integer(v) && json_integer_value(v) >= 0)
        lab_cell_integer(out, (uint64_t)json_integer_value(v));
    else if (json_is_number(v) && error > 0)
        lab_cell_estimate(out, json_number_value(v), error);
    else
        lab_cell_number(out, json_is_number(v) ? json_number_value(v) : NAN);
}

static bool number_of(const char *text, double *out) {
    char *end;
    if (text == NULL) return false;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out);
}

static void put_option_cell(lab_table *out, const char *value) {
    double v;
    if (number_of(value, &v) && v >= 0 && v < 1e15 && v == floor(v))
        lab_cell_integer(out, (uint64_t)v);
    else if (number_of(value, &v))
        lab_cell_number(out, v);
    else
        lab_cell_text(out, value == NULL ? "-" : *value == '\0' ? "yes" : value);
}

/* "cost_usd" -> "cost usd" */
static const char *label_of(char out[64], const char *key) {
    snprintf(out, 64, "%s", key);
    for (char *c = out; *c != '\0'; c++)
        if (*c == '_' || *c == '-') *c = ' ';
    return out;
}

static void put_table(lab_report *r, const table *t) {
    char label[64], key[64];
    lab_table *out = lab_table_new(r, "cases", "Every case");
    lab_column(out, "case", "case", "");
    for (size_t i = 0; i < t->varied_count; i++) {
        snprintf(key, sizeof key, "%.47s", t->varied[i]);
        for (char *c = key; *c != '\0'; c++)
            if (*c == '-') *c = '_';
        lab_column(out, key, label_of(label, t->varied[i]), "");
    }
    for (size_t i = 0; i < t->key_count; i++) {
        snprintf(key, sizeof key, "%.47s", t->keys[i]);
        lab_column(out, key, label_of(label, t->keys[i]), "");
    }
    const bool some_cut = t->whole < t->done;
    if (some_cut) lab_column(out, "complete", "complete", "");
    for (size_t n = 0; n < t->plan->cases; n++) {
        if (t->results[n] == NULL) continue;
        lab_cell_integer(out, n + 1);
        for (size_t i = 0; i < t->varied_count; i++)
            put_option_cell(out, sweep_value(t->plan, n, t->varied[i]));
        for (size_t i = 0; i < t->key_count; i++)
            put_json_cell(out, t->results[n], t->keys[i]);
        if (some_cut) lab_cell_text(out, is_whole(t->results[n]) ? "yes" : "no");
    }
}

/* ---- charts: the first varied number across, a line for each combination of the others ---- */

static bool all_numbers(const table *t, const char *option) {
    double v;
    for (size_t n = 0; n < t->plan->cases; n++)
        if (!number_of(sweep_value(t->plan, n, option), &v)) return false;
    return true;
}

/* The varied option of most values, all of them numbers; varied_count: there is none. */
static size_t axis_across(const table *t) {
    size_t best = t->varied_count, most = 2;
    for (size_t i = 0; i < t->varied_count; i++) {
        size_t values = t->plan->cases; /* of a file's list of cases */
        for (size_t a = 0; a < t->plan->axis_count; a++) {
            const sweep_setting *s = t->plan->axes[a].settings;
            if (s->count == 1 && strcmp(s->pairs[0].name, t->varied[i]) == 0) values = t->plan->axes[a].count;
        }
        if (values <= most || !all_numbers(t, t->varied[i])) continue;
        best = i;
        most = values;
    }
    return best;
}

/* What a case has beside the option across. */
static void rest_of(const table *t, size_t number, size_t across, char *out, size_t size) {
    size_t used = 0;
    *out = '\0';
    for (size_t i = 0; i < t->varied_count && used + 1 < size; i++) {
        const char *v = sweep_value(t->plan, number, t->varied[i]);
        if (i == across) continue;
        const int n =
            snprintf(out + used, size - used, "%s%s %s", used > 0 ? ", " : "", t->varied[i], v == NULL ? "-" : v);
        if (n > 0) used += (size_t)n;
    }
}

/* Over two decades, and nothing at or below zero. */
static bool wants_log(const double *v, size_t count) {
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(v[i])) continue;
        low = fmin(low, v[i]);
        high = fmax(high, v[i]);
    }
    return low > 0 && high > 100 * low;
}

/* The points of all cases that agree with case `like` in everything but what is across. */
static void put_series(lab_chart *c, const table *t, size_t across, const char *key, size_t like, const char *label,
                       double *room) {
    const size_t n = t->plan->cases;
    double *x = room, *y = room + n, *errors = room + 2 * n;
    char want[NAME_SIZE], here[NAME_SIZE];
    size_t count = 0;
    rest_of(t, like, across, want, sizeof want);
    for (size_t i = like; i < n; i++) {
        const json_t *v = json_object_get(t->results[i], key);
        rest_of(t, i, across, here, sizeof here);
        if (strcmp(want, here) != 0 || !number_of(sweep_value(t->plan, i, t->varied[across]), &x[count])) continue;
        y[count] = json_is_number(v) ? json_number_value(v) : NAN;
        errors[count] = error_of(t->results[i], key);
        if (!isfinite(errors[count])) errors[count] = 0;
        count++;
    }
    lab_chart_estimates(c, *want != '\0' ? want : label, x, y, errors, count);
}

static void put_chart(lab_report *r, const table *t, size_t across, const char *key, double *room) {
    const size_t n = t->plan->cases;
    char names[SERIES_MAX][NAME_SIZE], label[64], x_label[64], here[NAME_SIZE];
    size_t series = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_object_get(t->results[i], key);
        if (!number_of(sweep_value(t->plan, i, t->varied[across]), &room[i])) room[i] = NAN;
        room[n + i] = json_is_number(v) ? json_number_value(v) : NAN;
    }
    const unsigned flags =
        (wants_log(room, n) ? LAB_CHART_LOG_X : 0u) | (wants_log(room + n, n) ? LAB_CHART_LOG_Y : 0u);
    label_of(label, key);
    lab_chart *c = lab_chart_new(r, LAB_CHART_LINE, flags, label, label_of(x_label, t->varied[across]), label);
    for (size_t i = 0; i < n && series < SERIES_MAX; i++) {
        bool known = false;
        rest_of(t, i, across, here, sizeof here);
        for (size_t k = 0; k < series; k++)
            known |= strcmp(names[k], here) == 0;
        if (known) continue;
        memcpy(names[series++], here, sizeof here);
        put_series(c, t, across, key, i, label, room);
    }
}

static void put_charts(lab_report *r, const table *t) {
    const size_t across = axis_across(t);
    size_t charts = 0;
    double *room = across == t->varied_count ? NULL : calloc(3 * t->plan->cases, sizeof *room);
    if (room == NULL) return; /* a table without charts */
    for (size_t i = 0; i < t->key_count && charts < CHARTS_MAX; i++) {
        const json_t *v = NULL;
        for (size_t n = 0; n < t->plan->cases && v == NULL; n++)
            if (json_is_number(json_object_get(t->results[n], t->keys[i])))
                v = json_object_get(t->results[n], t->keys[i]);
        if (v == NULL) continue;
        put_chart(r, t, across, t->keys[i], room);
        charts++;
    }
    free(room);
}

/* What every case says of its model. */
static void put_words(lab_report *r, const table *t) {
    for (size_t n = 0; n < t->plan->cases; n++) {
        json_t *o = t->results[n];
        if (o == NULL) continue;
        const char *model = json_string_value(json_object_get(o, "model_text"));
        if (model != NULL) lab_model(r, "of the first case: %s", model);
        size_t i;
        json_t *sentence;
        json_array_foreach(json_object_get(o, "assumptions"), i, sentence) {
            lab_assume(r, "%s", json_string_value(sentence));
        }
        return;
    }
}

/* What all cases have in common, and the seed, where the command draws random numbers. */
static void put_common(lab_report *r, const sweep_plan *p) {
    posw_buf text = {0};
    for (const cli_option *o = p->command->options; o->name != NULL; o++) {
        const char *value = sweep_varies(p, o->name) ? NULL : sweep_value(p, 0, o->name);
        if (value == NULL && strcmp(o->name, "seed") == 0 && !sweep_varies(p, o->name)) value = o->def;
        if (value != NULL)
            posw_buf_printf(&text, "%s--%s%s%s", text.size > 0 ? " " : "", o->name, *value != '\0' ? " " : "", value);
    }
    posw_buf_byte(&text, 0);
    if (text.size > 1 && !text.failed) lab_input_text(r, "common", "in every case", (const char *)text.data);
    posw_buf_clear(&text);
}

/* A key that no case has is a slip of the pen. */
static int check_keys(const cli *c, const table *t) {
    for (size_t i = 0; i < t->key_count; i++) {
        bool found = t->done == 0;
        for (size_t n = 0; n < t->plan->cases && !found; n++)
            found = json_object_get(t->results[n], t->keys[i]) != NULL;
        if (!found)
            return cli_usage(c, "--keys: no case has '%s'; 'posw %s --help' lists them", t->keys[i],
                             t->plan->command->name);
    }
    return CLI_OK;
}

static int print_sweep(const cli *c, const sweep_plan *p, posw_buf *all) {
    table t = {.plan = p};
    const char **keys = cli_list(c, "keys");
    char title[128];
    if (!read_results(&t, all)) {
        free(keys);
        return cli_fail("out of memory"); /* what was gathered was written by this program */
    }
    collect_varied(&t);
    for (size_t i = 0; keys != NULL && keys[i] != NULL && i < COLUMNS_MAX; i++)
        t.keys[t.key_count++] = keys[i];
    if (keys == NULL) collect_keys(&t);
    snprintf(title, sizeof title, "posw %.40s, %zu case%s", p->command->name, p->cases, p->cases == 1 ? "" : "s");
    int code = check_keys(c, &t);
    lab_report *r = code == CLI_OK ? lab_report_new("sweep", title) : NULL;
    if (r != NULL) {
        lab_input_text(r, "swept", "command", p->command->name);
        put_common(r, p);
        lab_integer(r, "count", "cases", t.done, "");
        put_table(r, &t);
        put_charts(r, &t);
        put_words(r, &t);
        if (t.whole < p->cases) lab_interrupted(r, t.whole, p->cases, "cases");
    }
    if (code == CLI_OK) code = lab_report_print(c, r);
    for (size_t i = 0; i < p->cases; i++)
        json_decref(t.results[i]);
    free(t.results);
    free(keys);
    return code;
}

static int sweep(const cli *c, int rank, int size) {
    sweep_plan p = {.command = NULL};
    posw_buf all = {0};
    uint64_t threads;
    if (!cli_u64(c, "threads", 0, 256, &threads)) return CLI_USAGE;
    int code = CLI_OK;
    if (cli_given(c, "file") == (c->arg_count > 0))
        code = cli_usage(c, "give a command with its options, or --file");
    else if (cli_given(c, "file"))
        code = sweep_plan_read(&p, c, cli_text(c, "file"));
    else
        code = sweep_plan_parse(&p, c, c->args, c->arg_count);
    if (code == CLI_OK) code = run_cases(&p, (unsigned)threads, rank, size, &all);
    if (code == CLI_OK && rank == 0) code = print_sweep(c, &p, &all);
    posw_buf_clear(&all);
    sweep_plan_clear(&p);
    return code;
}

static int run(cli *c) {
    int rank, size;
    if (lab_cluster_join(&rank, &size) != POSW_OK)
        return cli_fail("mpirun started several processes, and this program was built without MPI: configure the build "
                        "with -Dmpi=enabled");
    const int code = sweep(c, rank, size);
    lab_cluster_leave();
    return code;
}

const cli_command lab_command_sweep = {
    "lab sweep",
    "[OPTIONS] COMMAND [COMMAND'S OPTIONS]",
    "a command for many values of its options, in one table",
    "Runs another command of the laboratory for every combination of the values of its options: lists (6,60,2016), "
    "ranges (FROM:TO:STEP, or "
    "FROM:TO:xFACTOR), or what a JSON file says: {\"command\": \"attack\", \"options\": {\"depth\": [6, 60]}, "
    "\"cases\": [{…}, …]}. Runs on all "
    "processors of this machine; with a build that has MPI, on a cluster: mpirun posw lab sweep … prints the same. "
    "JSON keys: count, cases.",
    "posw lab sweep double-spend --q 0.05:0.45:0.05 --z 2,6,20 --model strict",
    options,
    0,
    CLI_ARGS_MAX,
    run,
};
