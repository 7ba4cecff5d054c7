/* A report for programs: one object. Inputs, figures, arrays and tables stand under their keys at the top. */
#include "report_internal.h"

#include "base/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_number(posw_jw *w, double v) {
    if (isfinite(v))
        posw_jw_double(w, v);
    else
        posw_jw_null(w);
}

static void put_value(posw_jw *w, const lab_value *v) {
    switch (v->kind) {
    case LAB_NUMBER:
    case LAB_ESTIMATE:
        put_number(w, v->number);
        break;
    case LAB_INTEGER:
        posw_jw_u64(w, v->integer);
        break;
    case LAB_TEXT:
        posw_jw_string(w, v->text != NULL ? v->text : "");
        break;
    case LAB_BOOL:
        posw_jw_bool(w, v->integer != 0);
        break;
    }
}

static void put_figures(const lab_report *r, posw_jw *w) {
    bool first_error = true;
    for (size_t i = 0; i < r->figures.count; i++) {
        const lab_figure *f = (const lab_figure *)r->figures.items + i;
        char key[LAB_KEY_SIZE + sizeof "_standard_error"];
        posw_jw_key(w, f->key);
        put_value(w, &f->value);
        if (f->value.kind != LAB_ESTIMATE) continue;
        snprintf(key, sizeof key, "%s%sstandard_error", first_error ? "" : f->key, first_error ? "" : "_");
        posw_jw_key(w, key);
        put_number(w, f->value.standard_error);
        first_error = false;
    }
}

static void put_table(const lab_table *t, posw_jw *w) {
    posw_jw_key(w, t->key);
    posw_jw_array(w);
    for (size_t row = 0; row < lab_table_rows(t); row++) {
        posw_jw_object(w);
        for (size_t c = 0; c < t->columns.count; c++) {
            const char *key = ((const lab_column_head *)t->columns.items)[c].key;
            const lab_value *v = lab_table_cell(t, row, c);
            posw_jw_key(w, key);
            put_value(w, v);
            if (v->kind != LAB_ESTIMATE) continue;
            char error_key[LAB_KEY_SIZE + sizeof "_standard_error"];
            snprintf(error_key, sizeof error_key, "%s_standard_error", key);
            posw_jw_key(w, error_key);
            put_number(w, v->standard_error);
        }
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}

static void put_sentences(const lab_list *l, posw_jw *w, const char *key) {
    if (l->count == 0) return;
    posw_jw_key(w, key);
    posw_jw_array(w);
    for (size_t i = 0; i < l->count; i++)
        posw_jw_string(w, ((char **)l->items)[i]);
    posw_jw_array_end(w);
}

void lab_report_json(const lab_report *r, posw_buf *out) {
    posw_jw w;
    posw_jw_init(&w, out);
    posw_jw_object(&w);
    posw_jw_kv_string(&w, "command", r->command);
    put_figures(r, &w);
    for (size_t i = 0; i < r->arrays.count; i++) {
        const lab_array *a = (const lab_array *)r->arrays.items + i;
        posw_jw_key(&w, a->key);
        posw_jw_array(&w);
        for (size_t n = 0; n < a->count; n++)
            put_number(&w, a->values[n]);
        posw_jw_array_end(&w);
    }
    for (size_t i = 0; i < r->tables.count; i++)
        put_table(((lab_table **)r->tables.items)[i], &w);
    for (size_t i = 0; i < r->listings.count; i++) {
        const lab_listing_part *l = (const lab_listing_part *)r->listings.items + i;
        posw_jw_kv_string(&w, l->key, l->text);
    }
    posw_jw_kv_bool(&w, "complete", !r->interrupted);
    if (r->interrupted) {
        posw_jw_kv_u64(&w, "done", r->done);
        posw_jw_kv_u64(&w, "wanted", r->wanted);
    }
    if (r->model != NULL) posw_jw_kv_string(&w, "model_text", r->model);
    put_sentences(&r->verdict, &w, "verdict");
    put_sentences(&r->assumptions, &w, "assumptions");
    put_sentences(&r->notes, &w, "notes");
    posw_jw_object_end(&w);
    if (r->failed) out->failed = true;
}
