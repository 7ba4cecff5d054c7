/* A report as a web page that needs nothing beside itself: text, tables and figures are written here and are complete
 * without a script; the charts are data in JSON, drawn by page/draw.js with Chart.js. What a person wrote (a chain's
 * name) goes through put_text or the JSON writer, and a Content-Security-Policy names the digests of the two scripts
 * and of the style sheet, so that nothing else would run and no other host is asked. */
#include "page.h"
#include "report_internal.h"

#include "base/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_SIZE = 1024, DATA_POINTS_MAX = 120 };

/* ---- text ---- */

static void put_text(posw_buf *out, const char *text) {
    for (; *text != '\0'; text++)
        switch (*text) {
        case '<':
            posw_buf_text(out, "&lt;");
            break;
        case '>':
            posw_buf_text(out, "&gt;");
            break;
        case '&':
            posw_buf_text(out, "&amp;");
            break;
        case '"':
            posw_buf_text(out, "&quot;");
            break;
        default:
            posw_buf_byte(out, (uint8_t)*text);
        }
}

/* before, the text, after. */
static void put_within(posw_buf *out, const char *before, const char *text, const char *after) {
    posw_buf_text(out, before);
    put_text(out, text);
    posw_buf_text(out, after);
}

static void put_part(posw_buf *out, const struct lab_page_part *part) {
    posw_buf_append(out, part->text, part->size);
}

static void put_value(posw_buf *out, const lab_value *v, const char *unit) {
    char shown[SHOWN_SIZE];
    const lab_value bare = {
        .kind = v->kind == LAB_ESTIMATE ? LAB_NUMBER : v->kind, .number = v->number, .integer = v->integer};
    if (v->kind == LAB_TEXT)
        put_text(out, v->text != NULL ? v->text : "");
    else
        put_text(out, lab_show_value(shown, sizeof shown, &bare, ""));
    if (v->kind == LAB_ESTIMATE && v->standard_error > 0)
        posw_buf_printf(out, " <span class=error>± %.2g</span>", v->standard_error);
    if (*unit != '\0') put_within(out, " <span class=unit>", unit, "</span>");
}

/* ---- the parts of the page ---- */

static void put_head(posw_buf *out, const lab_report *r) {
    posw_buf_text(out, "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n");
    posw_buf_printf(out,
                    "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; style-src "
                    "'%s'; script-src '%s' '%s' '%s'; base-uri 'none'; form-action 'none'\">\n",
                    lab_page_style.digest, lab_page_theme.digest, lab_page_chart.digest, lab_page_draw.digest);
    posw_buf_text(out,
                  "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=color-scheme content=\"light dark\">\n<meta name=generator content=\"posw " POSW_VERSION
                  "\">\n<link rel=icon href=\"data:,\">\n");
    put_within(out, "<title>", r->title, " · posw lab ");
    put_within(out, "", r->command, "</title>\n<style>");
    put_part(out, &lab_page_style);
    posw_buf_text(out, "</style>\n<script>");
    put_part(out, &lab_page_theme);
    posw_buf_text(out, "</script>\n</head>\n<body>\n");
}

static void put_figure(posw_buf *out, const lab_figure *f) {
    const bool words = f->value.kind == LAB_TEXT && f->value.text != NULL && strlen(f->value.text) > 24;
    put_within(out, "<div><dt>", f->label, words && !f->is_input ? "</dt><dd class=words>" : "</dt><dd>");
    put_value(out, &f->value, f->unit);
    posw_buf_text(out, "</dd></div>\n");
}

static void put_figures(posw_buf *out, const lab_report *r, bool inputs) {
    bool any = false;
    for (size_t i = 0; i < r->figures.count; i++) {
        const lab_figure *f = (const lab_figure *)r->figures.items + i;
        if (f->is_input != inputs) continue;
        if (!any)
            posw_buf_text(out, inputs ? "<dl class=asked aria-label=\"What was asked\">\n"
                                      : "<h2>Answer</h2>\n<dl class=answers>\n");
        any = true;
        put_figure(out, f);
    }
    if (any) posw_buf_text(out, "</dl>\n");
}

static void put_column_head(posw_buf *out, const lab_column_head *h, bool number) {
    put_within(out, number ? "<th scope=col class=n>" : "<th scope=col>", h->label, "");
    if (*h->unit != '\0') put_within(out, "<small>", h->unit, "</small>");
    posw_buf_text(out, "</th>");
}

static void put_cell(posw_buf *out, const lab_value *v, bool first) {
    const bool number = v->kind != LAB_TEXT && v->kind != LAB_BOOL;
    const char *element = first && !number ? "th scope=row" : "td";
    posw_buf_printf(out, "<%s%s>", element, number ? " class=n" : "");
    put_value(out, v, "");
    posw_buf_printf(out, "</%.2s>", element);
}

static void put_table(posw_buf *out, const lab_table *t) {
    const lab_column_head *heads = t->columns.items;
    const size_t rows = lab_table_rows(t);
    put_within(out, "<div class=wide role=region tabindex=0 aria-label=\"", t->title, "\"><table>");
    put_within(out, "<caption>", t->title, "</caption>\n<thead><tr>");
    for (size_t c = 0; c < t->columns.count; c++)
        put_column_head(out, heads + c,
                        rows > 0 && lab_table_cell(t, 0, c)->kind != LAB_TEXT &&
                            lab_table_cell(t, 0, c)->kind != LAB_BOOL);
    posw_buf_text(out, "</tr></thead>\n<tbody>\n");
    for (size_t row = 0; row < rows; row++) {
        posw_buf_text(out, "<tr>");
        for (size_t c = 0; c < t->columns.count; c++)
            put_cell(out, lab_table_cell(t, row, c), c == 0);
        posw_buf_text(out, "</tr>\n");
    }
    posw_buf_text(out, "</tbody></table></div>\n");
}

/* ---- charts ---- */

static size_t chart_points(const lab_chart *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->series.count; i++)
        n += ((const lab_series *)c->series.items)[i].count;
    return n;
}

/* What a point of a chart stands at: its label, or x. */
static void put_place(posw_buf *out, const lab_chart *c, const lab_series *s, size_t i) {
    const lab_value v = {.kind = LAB_NUMBER, .number = s->x != NULL ? s->x[i] : 0};
    if (s->x == NULL && i < c->labels.count)
        put_text(out, ((char **)c->labels.items)[i]);
    else
        put_value(out, &v, "");
}

/* The chart in numbers, for who cannot see it. */
static void put_data(posw_buf *out, const lab_chart *c) {
    if (chart_points(c) > DATA_POINTS_MAX) return;
    put_within(out,
               "<details><summary>The numbers of this chart</summary><div class=wide role=region tabindex=0 "
               "aria-label=\"The numbers of the chart: ",
               c->title, "\"><table><thead><tr><th scope=col>Series</th>");
    put_within(out, "<th scope=col>", *c->x_label != '\0' ? c->x_label : "at", "</th>");
    put_within(out, "<th scope=col class=n>", c->y_label, "</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < c->series.count; i++) {
        const lab_series *s = (const lab_series *)c->series.items + i;
        for (size_t p = 0; p < s->count; p++) {
            const lab_value y = {
                .kind = LAB_ESTIMATE, .number = s->y[p], .standard_error = s->errors != NULL ? s->errors[p] : 0};
            put_within(out, "<tr><td>", s->label, "</td><td>");
            put_place(out, c, s, p);
            posw_buf_text(out, "</td><td class=n>");
            put_value(out, &y, "");
            posw_buf_text(out, "</td></tr>\n");
        }
    }
    posw_buf_text(out, "</tbody></table></div></details>");
}

static void put_chart(posw_buf *out, const lab_chart *c, size_t number) {
    put_within(out, "<figure>\n<figcaption>", c->title, "</figcaption>\n");
    posw_buf_printf(out, "<div class=plot><canvas id=chart-%zu role=img", number);
    put_within(out, " aria-label=\"", c->title, ": ");
    put_text(out, c->y_label);
    if (*c->x_label != '\0') put_within(out, " against ", c->x_label, "");
    for (size_t i = 0; i < c->series.count; i++)
        put_within(out, i == 0 ? "; " : ", ", ((const lab_series *)c->series.items)[i].label, "");
    posw_buf_text(out, "\"></canvas></div>\n");
    put_data(out, c);
    posw_buf_text(out, "</figure>\n");
}

/* A logarithmic axis has no place for what is not above zero, and JSON none for what is not finite: a gap. */
static void json_numbers(posw_jw *w, const char *key, const double *values, size_t count, bool logarithmic) {
    posw_jw_key(w, key);
    posw_jw_array(w);
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]) && (!logarithmic || values[i] > 0))
            posw_jw_double(w, values[i]);
        else
            posw_jw_null(w);
    posw_jw_array_end(w);
}

static void json_series(posw_jw *w, const lab_chart *c, const lab_series *s) {
    posw_jw_object(w);
    posw_jw_kv_string(w, "label", s->label);
    if (s->x != NULL) json_numbers(w, "x", s->x, s->count, c->flags & LAB_CHART_LOG_X);
    json_numbers(w, "y", s->y, s->count, c->flags & LAB_CHART_LOG_Y);
    if (s->errors != NULL) json_numbers(w, "errors", s->errors, s->count, false);
    posw_jw_object_end(w);
}

static void json_chart(posw_jw *w, const lab_chart *c) {
    static const char *const kinds[] = {
        [LAB_CHART_LINE] = "line", [LAB_CHART_SCATTER] = "scatter", [LAB_CHART_BAR] = "bar"};
    posw_jw_object(w);
    posw_jw_kv_string(w, "kind", kinds[c->kind]);
    posw_jw_kv_bool(w, "log_x", c->flags & LAB_CHART_LOG_X);
    posw_jw_kv_bool(w, "log_y", c->flags & LAB_CHART_LOG_Y);
    posw_jw_kv_string(w, "x", c->x_label);
    posw_jw_kv_string(w, "y", c->y_label);
    posw_jw_key(w, "labels");
    posw_jw_array(w);
    for (size_t i = 0; i < c->labels.count; i++)
        posw_jw_string(w, ((char **)c->labels.items)[i]);
    posw_jw_array_end(w);
    posw_jw_key(w, "series");
    posw_jw_array(w);
    for (size_t i = 0; i < c->series.count; i++)
        json_series(w, c, (const lab_series *)c->series.items + i);
    posw_jw_array_end(w);
    posw_jw_object_end(w);
}

/* Inside a script element only "<" can end anything; in JSON it stands in strings alone. */
static void put_json_data(posw_buf *out, const lab_report *r) {
    posw_buf json = {0};
    posw_jw w;
    posw_jw_init(&w, &json);
    posw_jw_array(&w);
    for (size_t i = 0; i < r->charts.count; i++)
        json_chart(&w, ((lab_chart **)r->charts.items)[i]);
    posw_jw_array_end(&w);
    posw_buf_text(out, "<script type=\"application/json\" id=charts>");
    for (size_t i = 0; i < json.size; i++)
        if (json.data[i] == '<')
            posw_buf_text(out, "\\u003c");
        else
            posw_buf_byte(out, json.data[i]);
    posw_buf_text(out, "</script>\n");
    if (json.failed) out->failed = true;
    posw_buf_clear(&json);
}

static void put_scripts(posw_buf *out, const lab_report *r) {
    put_json_data(out, r);
    posw_buf_text(out, "<!--\n");
    put_part(out, &lab_page_chart_licence);
    posw_buf_text(out, "-->\n<script>");
    put_part(out, &lab_page_chart);
    posw_buf_text(out, "</script>\n<script>");
    put_part(out, &lab_page_draw);
    posw_buf_text(out, "</script>\n");
}

/* ---- words ---- */

static void put_list(posw_buf *out, const lab_list *l, const char *title) {
    if (l->count == 0) return;
    posw_buf_printf(out, "<section class=words-of><h2>%s</h2><ul>\n", title);
    for (size_t i = 0; i < l->count; i++)
        put_within(out, "<li>", ((char **)l->items)[i], "</li>\n");
    posw_buf_text(out, "</ul></section>\n");
}

static void put_verdict(posw_buf *out, const lab_report *r) {
    if (r->verdict.count > 0) posw_buf_text(out, "<section class=verdict aria-label=Verdict>\n");
    for (size_t i = 0; i < r->verdict.count; i++)
        put_within(out, "<p>", ((char **)r->verdict.items)[i], "</p>\n");
    if (r->verdict.count > 0) posw_buf_text(out, "</section>\n");
    if (r->interrupted) {
        posw_buf_printf(out, "<p class=early>Ended early: %" PRIu64 " of %" PRIu64 " ", r->done, r->wanted);
        put_within(out, "", r->what, " were done.</p>\n");
    }
}

void lab_report_html(const lab_report *r, posw_buf *out) {
    if (r->failed) {
        out->failed = true;
        return;
    }
    put_head(out, r);
    put_within(out, "<header>\n<div><p class=command>posw lab ", r->command, "</p>\n");
    put_within(out, "<h1>", r->title,
               "</h1></div>\n<button id=scheme type=button hidden></button>\n</header>\n<main>\n");
    put_verdict(out, r);
    put_figures(out, r, true);
    put_figures(out, r, false);
    if (r->charts.count > 0) posw_buf_text(out, "<div class=charts>\n");
    for (size_t i = 0; i < r->charts.count; i++)
        put_chart(out, ((lab_chart **)r->charts.items)[i], i);
    if (r->charts.count > 0) posw_buf_text(out, "</div>\n");
    for (size_t i = 0; i < r->tables.count; i++)
        put_table(out, ((lab_table **)r->tables.items)[i]);
    for (size_t i = 0; i < r->listings.count; i++) {
        const lab_listing_part *l = (const lab_listing_part *)r->listings.items + i;
        put_within(out, "<h2>", l->title, "</h2>\n<div class=wide role=region tabindex=0 aria-label=\"");
        put_within(out, "", l->title, "\">");
        put_within(out, "<pre>", l->text, "</pre></div>\n");
    }
    if (r->model != NULL) put_within(out, "<section class=words-of><h2>Model</h2><p>", r->model, "</p></section>\n");
    put_list(out, &r->assumptions, "Assumes");
    put_list(out, &r->notes, "Mind");
    posw_buf_text(out, "</main>\n<footer><p>Written by posw lab " POSW_VERSION
                       ". The same question and seed give this page again, byte for byte. "
                       "The charts are drawn by Chart.js, which is inside this page.</p></footer>\n");
    put_scripts(out, r);
    posw_buf_text(out, "</body>\n</html>\n");
}
