#include "report_internal.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

static char *copy_text(lab_report *r, const char *text) {
    char *copy = strdup(text);
    if (copy == NULL) r->failed = true;
    return copy;
}

/* Room for one more item of this size, zeroed; NULL: out of memory. */
static void *list_add(lab_report *r, lab_list *l, size_t size) {
    if (l->count == l->capacity) {
        const size_t capacity = l->capacity == 0 ? 8 : l->capacity * 2;
        void *items = realloc(l->items, capacity * size);
        if (items == NULL) {
            r->failed = true;
            return NULL;
        }
        l->items = items;
        l->capacity = capacity;
    }
    void *item = (char *)l->items + l->count++ * size;
    memset(item, 0, size);
    return item;
}

static double *copy_numbers(lab_report *r, const double *values, size_t count) {
    double *copy = malloc(count * sizeof *copy + 1);
    if (copy == NULL)
        r->failed = true;
    else if (count > 0)
        memcpy(copy, values, count * sizeof *copy);
    return copy;
}

static void set_name(char *out, size_t size, const char *text) {
    POSW_ASSERT(strlen(text) < size);
    memcpy(out, text, strlen(text) + 1);
}

static void texts_free(lab_list *l) {
    for (size_t i = 0; i < l->count; i++)
        free(((char **)l->items)[i]);
    free(l->items);
}

static void table_free(lab_table *t) {
    for (size_t i = 0; i < t->cells.count; i++)
        free(((lab_value *)t->cells.items)[i].text);
    free(t->cells.items);
    free(t->columns.items);
    free(t->title);
    free(t);
}

static void chart_free(lab_chart *c) {
    for (size_t i = 0; i < c->series.count; i++) {
        lab_series *s = (lab_series *)c->series.items + i;
        free(s->label);
        free(s->x);
        free(s->y);
        free(s->errors);
    }
    free(c->series.items);
    texts_free(&c->labels);
    free(c->title);
    free(c->x_label);
    free(c->y_label);
    free(c);
}

lab_report *lab_report_new(const char *command, const char *title) {
    lab_report *r = calloc(1, sizeof *r);
    if (r == NULL) return NULL;
    r->command = copy_text(r, command);
    r->title = copy_text(r, title);
    return r;
}

void lab_report_free(lab_report *r) {
    if (r == NULL) return;
    texts_free(&r->verdict);
    texts_free(&r->assumptions);
    texts_free(&r->notes);
    for (size_t i = 0; i < r->figures.count; i++)
        free(((lab_figure *)r->figures.items)[i].value.text);
    free(r->figures.items);
    for (size_t i = 0; i < r->arrays.count; i++)
        free(((lab_array *)r->arrays.items)[i].values);
    free(r->arrays.items);
    for (size_t i = 0; i < r->listings.count; i++) {
        free(((lab_listing_part *)r->listings.items)[i].title);
        free(((lab_listing_part *)r->listings.items)[i].text);
    }
    free(r->listings.items);
    for (size_t i = 0; i < r->tables.count; i++)
        table_free(((lab_table **)r->tables.items)[i]);
    free(r->tables.items);
    for (size_t i = 0; i < r->charts.count; i++)
        chart_free(((lab_chart **)r->charts.items)[i]);
    free(r->charts.items);
    free(r->command);
    free(r->title);
    free(r->model);
    free(r->what);
    free(r);
}

bool lab_report_failed(const lab_report *r) {
    return r->failed;
}

/* ---- sentences ---- */

static char *format_text(lab_report *r, const char *format, va_list ap) {
    char *text = NULL;
    if (vasprintf(&text, format, ap) >= 0) return text;
    r->failed = true;
    return NULL;
}

static void add_sentence(lab_report *r, lab_list *l, const char *format, va_list ap) {
    char **place = list_add(r, l, sizeof *place);
    if (place != NULL) *place = format_text(r, format, ap);
}

void lab_model(lab_report *r, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    free(r->model);
    r->model = format_text(r, format, ap);
    va_end(ap);
}

void lab_verdict(lab_report *r, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    add_sentence(r, &r->verdict, format, ap);
    va_end(ap);
}

void lab_assume(lab_report *r, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    add_sentence(r, &r->assumptions, format, ap);
    va_end(ap);
}

void lab_note(lab_report *r, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    add_sentence(r, &r->notes, format, ap);
    va_end(ap);
}

void lab_interrupted(lab_report *r, uint64_t done, uint64_t wanted, const char *what) {
    free(r->what);
    r->interrupted = true;
    r->done = done;
    r->wanted = wanted;
    r->what = copy_text(r, what);
}

/* ---- figures ---- */

static void add_figure(lab_report *r, const char *key, const char *label, const char *unit, bool is_input,
                       lab_value value) {
    lab_figure *f = list_add(r, &r->figures, sizeof *f);
    if (f == NULL) {
        free(value.text);
        return;
    }
    set_name(f->key, sizeof f->key, key);
    set_name(f->label, sizeof f->label, label);
    set_name(f->unit, sizeof f->unit, unit);
    f->is_input = is_input;
    f->value = value;
}

void lab_number(lab_report *r, const char *key, const char *label, double value, const char *unit) {
    add_figure(r, key, label, unit, false, (lab_value){.kind = LAB_NUMBER, .number = value});
}

void lab_estimate(lab_report *r, const char *key, const char *label, double value, double standard_error,
                  const char *unit) {
    add_figure(r, key, label, unit, false,
               (lab_value){.kind = LAB_ESTIMATE, .number = value, .standard_error = standard_error});
}

void lab_integer(lab_report *r, const char *key, const char *label, uint64_t value, const char *unit) {
    add_figure(r, key, label, unit, false, (lab_value){.kind = LAB_INTEGER, .integer = value});
}

void lab_text(lab_report *r, const char *key, const char *label, const char *text) {
    add_figure(r, key, label, "", false, (lab_value){.kind = LAB_TEXT, .text = copy_text(r, text)});
}

void lab_bool(lab_report *r, const char *key, const char *label, bool value) {
    add_figure(r, key, label, "", false, (lab_value){.kind = LAB_BOOL, .integer = value});
}

void lab_input_number(lab_report *r, const char *key, const char *label, double value, const char *unit) {
    add_figure(r, key, label, unit, true, (lab_value){.kind = LAB_NUMBER, .number = value});
}

void lab_input_integer(lab_report *r, const char *key, const char *label, uint64_t value, const char *unit) {
    add_figure(r, key, label, unit, true, (lab_value){.kind = LAB_INTEGER, .integer = value});
}

void lab_input_text(lab_report *r, const char *key, const char *label, const char *text) {
    add_figure(r, key, label, "", true, (lab_value){.kind = LAB_TEXT, .text = copy_text(r, text)});
}

void lab_numbers(lab_report *r, const char *key, const double *values, size_t count) {
    lab_array *a = list_add(r, &r->arrays, sizeof *a);
    if (a == NULL) return;
    set_name(a->key, sizeof a->key, key);
    a->values = copy_numbers(r, values, count);
    a->count = a->values == NULL ? 0 : count;
}

void lab_listing(lab_report *r, const char *key, const char *title, const char *text) {
    lab_listing_part *l = list_add(r, &r->listings, sizeof *l);
    if (l == NULL) return;
    set_name(l->key, sizeof l->key, key);
    l->title = copy_text(r, title);
    l->text = copy_text(r, text);
}

/* ---- tables ---- */

/* A new object of the report whose address stands; NULL: out of memory. */
static void *add_object(lab_report *r, lab_list *l, size_t size) {
    void *object = calloc(1, size);
    void **place = object == NULL ? NULL : list_add(r, l, sizeof *place);
    if (place == NULL) {
        r->failed = true;
        free(object);
        return NULL;
    }
    *place = object;
    return object;
}

lab_table *lab_table_new(lab_report *r, const char *key, const char *title) {
    lab_table *t = add_object(r, &r->tables, sizeof *t);
    if (t == NULL) return NULL;
    t->report = r;
    set_name(t->key, sizeof t->key, key);
    t->title = copy_text(r, title);
    return t;
}

void lab_column(lab_table *t, const char *key, const char *label, const char *unit) {
    if (t == NULL) return;
    POSW_ASSERT(t->cells.count == 0);
    lab_column_head *h = list_add(t->report, &t->columns, sizeof *h);
    if (h == NULL) return;
    set_name(h->key, sizeof h->key, key);
    set_name(h->label, sizeof h->label, label);
    set_name(h->unit, sizeof h->unit, unit);
}

static void add_cell(lab_table *t, lab_value v) {
    lab_value *cell = list_add(t->report, &t->cells, sizeof *cell);
    if (cell != NULL)
        *cell = v;
    else
        free(v.text);
}

void lab_cell_number(lab_table *t, double v) {
    if (t != NULL) add_cell(t, (lab_value){.kind = LAB_NUMBER, .number = v});
}

void lab_cell_estimate(lab_table *t, double v, double standard_error) {
    if (t != NULL) add_cell(t, (lab_value){.kind = LAB_ESTIMATE, .number = v, .standard_error = standard_error});
}

void lab_cell_integer(lab_table *t, uint64_t v) {
    if (t != NULL) add_cell(t, (lab_value){.kind = LAB_INTEGER, .integer = v});
}

void lab_cell_text(lab_table *t, const char *text) {
    if (t != NULL) add_cell(t, (lab_value){.kind = LAB_TEXT, .text = copy_text(t->report, text)});
}

size_t lab_table_rows(const lab_table *t) {
    return t->columns.count == 0 ? 0 : t->cells.count / t->columns.count;
}

const lab_value *lab_table_cell(const lab_table *t, size_t row, size_t column) {
    return (const lab_value *)t->cells.items + row * t->columns.count + column;
}

/* ---- charts ---- */

lab_chart *lab_chart_new(lab_report *r, enum lab_chart_kind kind, unsigned flags, const char *title,
                         const char *x_label, const char *y_label) {
    lab_chart *c = add_object(r, &r->charts, sizeof *c);
    if (c == NULL) return NULL;
    c->report = r;
    c->kind = kind;
    c->flags = flags;
    c->title = copy_text(r, title);
    c->x_label = copy_text(r, x_label);
    c->y_label = copy_text(r, y_label);
    return c;
}

void lab_chart_series(lab_chart *c, const char *label, const double *x, const double *y, size_t count) {
    lab_chart_estimates(c, label, x, y, NULL, count);
}

void lab_chart_estimates(lab_chart *c, const char *label, const double *x, const double *y, const double *errors,
                         size_t count) {
    if (c == NULL) return;
    lab_series *s = list_add(c->report, &c->series, sizeof *s);
    if (s == NULL) return;
    s->label = copy_text(c->report, label);
    if (x != NULL) s->x = copy_numbers(c->report, x, count);
    s->y = copy_numbers(c->report, y, count);
    if (errors != NULL) s->errors = copy_numbers(c->report, errors, count);
    s->count = count;
}

void lab_chart_labels(lab_chart *c, const char *const *labels, size_t count) {
    if (c == NULL) return;
    for (size_t i = 0; i < count; i++) {
        char **place = list_add(c->report, &c->labels, sizeof *place);
        if (place != NULL) *place = copy_text(c->report, labels[i]);
    }
}
