#include "plan.h"

#include "base/error.h"
#include "io/file.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE_MAX = 16 * 1024 * 1024 };

/* ---- building ---- */

static sweep_axis *add_axis(sweep_plan *p) {
    return p->axis_count < SWEEP_AXES_MAX ? &p->axes[p->axis_count++] : NULL;
}

static sweep_setting *add_setting(sweep_axis *a) {
    if ((a->count & (a->count - 1)) == 0) { /* 0 or a power of two: full */
        sweep_setting *more = realloc(a->settings, (a->count == 0 ? 1 : 2 * a->count) * sizeof *more);
        if (more == NULL) return NULL;
        a->settings = more;
    }
    a->settings[a->count] = (sweep_setting){.pairs = NULL};
    return &a->settings[a->count++];
}

/* value NULL: a switch. False: out of memory. */
static bool add_pair(sweep_setting *s, const char *name, const char *value) {
    sweep_pair *more = s == NULL ? NULL : realloc(s->pairs, (s->count + 1) * sizeof *more);
    if (more == NULL) return false;
    s->pairs = more;
    s->pairs[s->count] = (sweep_pair){strdup(name), value == NULL ? NULL : strdup(value)};
    s->count++;
    return s->pairs[s->count - 1].name != NULL && (value == NULL || s->pairs[s->count - 1].value != NULL);
}

static bool add_value(sweep_axis *a, const char *name, const char *value) {
    return add_pair(add_setting(a), name, value);
}

void sweep_plan_clear(sweep_plan *p) {
    for (size_t i = 0; i < p->axis_count; i++) {
        for (size_t k = 0; k < p->axes[i].count; k++) {
            sweep_setting *s = &p->axes[i].settings[k];
            for (size_t n = 0; n < s->count; n++) {
                free(s->pairs[n].name);
                free(s->pairs[n].value);
            }
            free(s->pairs);
        }
        free(p->axes[i].settings);
    }
    memset(p, 0, sizeof *p);
}

/* ---- values ---- */

static bool read_number(const char *text, const char **end, double *out) {
    char *stop;
    *out = strtod(text, &stop);
    *end = stop;
    return stop != text && isfinite(*out);
}

/* "FROM:TO:STEP" or "FROM:TO:xFACTOR". */
static bool read_range(const char *text, double *from, double *to, double *step, bool *factor) {
    const char *end;
    if (!read_number(text, &end, from) || *end != ':' || !read_number(end + 1, &end, to) || *end != ':') return false;
    *factor = end[1] == 'x';
    return read_number(end + 1 + *factor, &end, step) && *end == '\0';
}

/* CLI_OK, or an exit code after its sentence. */
static int add_range(sweep_axis *a, const cli *c, const char *name, const char *text) {
    double from, to, step;
    bool factor;
    if (!read_range(text, &from, &to, &step, &factor))
        return add_value(a, name, text) ? CLI_OK : cli_fail("out of memory");
    const double steps = factor ? log(to / from) / log(step) : (to - from) / step;
    if (!(steps >= 0 && steps < SWEEP_CASES_MAX) || (factor && !(step > 0 && step != 1 && from > 0)))
        return cli_usage(c, "--%s: a range is FROM:TO:STEP or FROM:TO:xFACTOR, with at most %d values, not '%s'", name,
                         SWEEP_CASES_MAX, text);
    for (double i = 0; i <= floor(steps + 1e-9); i++) {
        char value[40];
        snprintf(value, sizeof value, "%.12g", factor ? from * pow(step, i) : from + i * step);
        if (!add_value(a, name, value)) return cli_fail("out of memory");
    }
    return CLI_OK;
}

/* Values and ranges, separated by commas. */
static int add_values(sweep_axis *a, const cli *c, const char *name, const char *text) {
    char *copy = strdup(text);
    int code = copy == NULL ? cli_fail("out of memory") : CLI_OK;
    for (char *item = copy; code == CLI_OK && item != NULL;) {
        char *next = strchr(item, ',');
        if (next != NULL) *next++ = '\0';
        code = add_range(a, c, name, item);
        item = next;
    }
    free(copy);
    return code;
}

/* ---- the command and its options ---- */

/* Commands that make a report, without the sweep itself. */
static const cli_command *find_command(const char *word) {
    for (const cli_command *const *i = cli_commands; *i != NULL; i++) {
        const char *name = strchr((*i)->name, ' ') + 1;
        if (strcmp(name, word) != 0 || strcmp(name, "sweep") == 0) continue;
        for (const cli_option *o = (*i)->options; o->name != NULL; o++)
            if (strcmp(o->name, "html") == 0) return *i;
    }
    return NULL;
}

static const cli_option *find_option(const cli_command *command, const char *name) {
    static const char *const outer[] = {"json", "html"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(outer); i++)
        if (strcmp(name, outer[i]) == 0) return NULL;
    for (const cli_option *o = command->options; o->name != NULL; o++)
        if (strcmp(o->name, name) == 0) return o;
    return NULL;
}

static int set_command(sweep_plan *p, const cli *c, const char *word) {
    p->command = find_command(word);
    return p->command != NULL ? CLI_OK : cli_usage(c, "'%s' is no command that can be swept", word);
}

static int count_cases(sweep_plan *p, const cli *c) {
    p->cases = 1;
    for (size_t i = 0; i < p->axis_count; i++) {
        p->cases *= p->axes[i].count;
        if (p->cases > SWEEP_CASES_MAX) return cli_usage(c, "more than %d cases", SWEEP_CASES_MAX);
    }
    return CLI_OK;
}

static int add_option(sweep_plan *p, const cli *c, const char *name, const char *value) {
    const cli_option *o = find_option(p->command, name);
    if (o == NULL) return cli_usage(c, "posw %s has no option --%s to sweep", p->command->name, name);
    if (o->value != NULL && value == NULL) return cli_usage(c, "--%s needs a value (%s)", name, o->value);
    if (o->value == NULL && value != NULL) return cli_usage(c, "--%s takes no value", name);
    sweep_axis *a = add_axis(p);
    if (a == NULL) return cli_usage(c, "more than %d options", SWEEP_AXES_MAX);
    if (o->value == NULL) return add_value(a, name, NULL) ? CLI_OK : cli_fail("out of memory");
    return add_values(a, c, name, value);
}

int sweep_plan_parse(sweep_plan *out, const cli *c, const char *const *words, size_t count) {
    memset(out, 0, sizeof *out);
    int code = set_command(out, c, words[0]);
    for (size_t i = 1; code == CLI_OK && i < count; i++) {
        char name[64];
        const char *word = words[i], *equals = strchr(word, '=');
        if (strncmp(word, "--", 2) != 0) return cli_usage(c, "'%s' is no option of posw %s", word, out->command->name);
        snprintf(name, sizeof name, "%.*s", equals != NULL ? (int)(equals - word - 2) : (int)strlen(word + 2),
                 word + 2);
        const cli_option *o = find_option(out->command, name);
        const bool takes_next = o != NULL && o->value != NULL && equals == NULL && i + 1 < count;
        code = add_option(out, c, name, equals != NULL ? equals + 1 : takes_next ? words[++i] : NULL);
    }
    return code == CLI_OK ? count_cases(out, c) : code;
}

/* ---- files ---- */

/* A JSON value as text of the command line; false: it is none. */
static bool value_text(const json_t *v, char *out, size_t size) {
    int n = -1;
    if (json_is_string(v))
        n = snprintf(out, size, "%s", json_string_value(v));
    else if (json_is_integer(v))
        n = snprintf(out, size, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        n = snprintf(out, size, "%.17g", json_real_value(v));
    return n >= 0 && (size_t)n < size;
}

static int read_option(sweep_plan *p, const cli *c, const char *path, const char *name, const json_t *v) {
    char text[512];
    if (json_is_true(v)) return add_option(p, c, name, NULL);
    if (!json_is_array(v))
        return value_text(v, text, sizeof text)
                   ? add_option(p, c, name, text)
                   : cli_usage(c, "%s: \"%s\" must be a number, text, true or a list", path, name);
    const cli_option *o = find_option(p->command, name);
    sweep_axis *a = o != NULL && o->value != NULL && json_array_size(v) > 0 ? add_axis(p) : NULL;
    if (a == NULL) return cli_usage(c, "%s: posw %s cannot take a list for --%s", path, p->command->name, name);
    int code = CLI_OK;
    for (size_t i = 0; code == CLI_OK && i < json_array_size(v); i++)
        code = value_text(json_array_get(v, i), text, sizeof text)
                   ? add_range(a, c, name, text)
                   : cli_usage(c, "%s: \"%s\" must list numbers or texts", path, name);
    return code;
}

static int read_case(sweep_plan *p, sweep_axis *a, const cli *c, const char *path, json_t *object) {
    sweep_setting *s = add_setting(a);
    const char *name;
    json_t *v;
    if (s == NULL) return cli_fail("out of memory");
    json_object_foreach(object, name, v) {
        char text[512];
        const cli_option *o = find_option(p->command, name);
        const bool is_switch = json_is_true(v);
        if (o == NULL || s->count == SWEEP_PAIRS_MAX || (o->value == NULL) != is_switch ||
            (!is_switch && !value_text(v, text, sizeof text)))
            return cli_usage(c, "%s: case %zu: \"%s\" must be an option of posw %s with one value", path, a->count,
                             name, p->command->name);
        if (!add_pair(s, name, is_switch ? NULL : text)) return cli_fail("out of memory");
    }
    return CLI_OK;
}

static int read_object(sweep_plan *p, const cli *c, const char *path, json_t *root) {
    json_t *options = json_object_get(root, "options"), *cases = json_object_get(root, "cases"), *v;
    const char *command = json_string_value(json_object_get(root, "command")), *name;
    const size_t known = 1 + (options != NULL) + (cases != NULL);
    if (command == NULL || json_object_size(root) != known || (options != NULL && !json_is_object(options)) ||
        (cases != NULL && json_array_size(cases) == 0))
        return cli_usage(c,
                         "%s must be an object with \"command\", and \"options\" (an object) or \"cases\" (a list of "
                         "objects) or both",
                         path);
    int code = set_command(p, c, command);
    if (code != CLI_OK) return code;
    json_object_foreach(options, name, v) {
        code = read_option(p, c, path, name, v);
        if (code != CLI_OK) return code;
    }
    sweep_axis *a = cases != NULL ? add_axis(p) : NULL;
    if (cases != NULL && a == NULL) return cli_usage(c, "more than %d options", SWEEP_AXES_MAX);
    for (size_t i = 0; code == CLI_OK && i < json_array_size(cases); i++)
        code = read_case(p, a, c, path, json_array_get(cases, i));
    return code == CLI_OK ? count_cases(p, c) : code;
}

int sweep_plan_read(sweep_plan *out, const cli *c, const char *path) {
    posw_buf text = {0};
    posw_message msg = {""};
    json_error_t error;
    memset(out, 0, sizeof *out);
    if (posw_file_read(&text, path, FILE_SIZE_MAX, &msg) != POSW_OK) return cli_usage(c, "%s", msg.text);
    json_t *root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    posw_buf_clear(&text);
    if (root == NULL) return cli_usage(c, "%s line %d: %s", path, error.line, error.text);
    const int code = read_object(out, c, path, root);
    json_decref(root);
    return code;
}

/* ---- reading ---- */

const sweep_setting *sweep_setting_of(const sweep_plan *p, size_t axis, size_t number) {
    for (size_t i = p->axis_count; i-- > axis + 1;)
        number /= p->axes[i].count;
    return &p->axes[axis].settings[number % p->axes[axis].count];
}

const char *sweep_value(const sweep_plan *p, size_t number, const char *name) {
    const char *value = NULL;
    for (size_t a = 0; a < p->axis_count; a++) {
        const sweep_setting *s = sweep_setting_of(p, a, number);
        for (size_t i = 0; i < s->count; i++)
            if (strcmp(s->pairs[i].name, name) == 0) value = s->pairs[i].value != NULL ? s->pairs[i].value : "";
    }
    return value;
}

bool sweep_varies(const sweep_plan *p, const char *name) {
    const char *first = sweep_value(p, 0, name);
    for (size_t i = 1; i < p->cases; i++) {
        const char *v = sweep_value(p, i, name);
        if ((v == NULL) != (first == NULL) || (v != NULL && strcmp(v, first) != 0)) return true;
    }
    return false;
}

void sweep_case_text(posw_buf *out, const sweep_plan *p, size_t number) {
    const size_t start = out->size;
    for (size_t a = 0; a < p->axis_count; a++) {
        const sweep_setting *s = sweep_setting_of(p, a, number);
        for (size_t i = 0; p->axes[a].count > 1 && i < s->count; i++)
            posw_buf_printf(out, "%s--%s%s%s", out->size > start ? " " : "", s->pairs[i].name,
                            s->pairs[i].value != NULL ? " " : "", s->pairs[i].value != NULL ? s->pairs[i].value : "");
    }
}
