/* A report for people at a terminal. */
#include "report_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_SIZE = 160 };

/* "1234567.5" -> "1,234,567.5" */
static void group_thousands(char *out, size_t size, const char *digits) {
    const char *start = digits + (*digits == '-');
    const size_t whole = strspn(start, "0123456789");
    size_t n = 0;
    if (start != digits && n + 1 < size) out[n++] = '-';
    for (size_t i = 0; i < strlen(start) && n + 2 < size; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0) out[n++] = ',';
        out[n++] = start[i];
    }
    out[n] = '\0';
}

char *lab_show_number(char *out, size_t size, double v) {
    char digits[64];
    const double a = fabs(v);
    if (!isfinite(v))
        snprintf(out, size, "%s", isnan(v) ? "-" : v > 0 ? "unlimited" : "-unlimited");
    else if (a >= 1e15 || (a < 1e-4 && a > 0))
        snprintf(out, size, "%.4g", v);
    else {
        snprintf(digits, sizeof digits, a >= 1e5 ? "%.0f" : "%.6g", v);
        if (a >= 1000)
            group_thousands(out, size, digits);
        else
            snprintf(out, size, "%s", digits);
    }
    return out;
}

char *lab_brief(char *out, size_t size, double v) {
    char digits[64];
    const double a = fabs(v);
    if (!isfinite(v)) return lab_show_number(out, size, v);
    if (a != 0 && (a >= 1e15 || a < 1e-4)) {
        snprintf(out, size, "%.2g", v);
        return out;
    }
    const int places = a >= 100 || a == floor(a) ? 0 : a >= 10 ? 1 : a >= 1 ? 2 : 2 - (int)floor(log10(a + (a == 0)));
    snprintf(digits, sizeof digits, "%.*f", places, v);
    group_thousands(out, size, digits);
    return out;
}

char *lab_show_value(char *out, size_t size, const lab_value *v, const char *unit) {
    char number[SHOWN_SIZE], error[SHOWN_SIZE];
    const char *gap = *unit != '\0' ? " " : "";
    switch (v->kind) {
    case LAB_NUMBER:
        snprintf(out, size, "%s%s%s", lab_show_number(number, sizeof number, v->number), gap, unit);
        break;
    case LAB_ESTIMATE:
        error[0] = '\0'; /* one chain, or nothing at all, has no error */
        if (isfinite(v->standard_error)) snprintf(error, sizeof error, " ± %.2g", v->standard_error);
        snprintf(out, size, "%s%s%s%s", lab_show_number(number, sizeof number, v->number), error, gap, unit);
        break;
    case LAB_INTEGER:
        snprintf(number, sizeof number, "%" PRIu64, v->integer);
        group_thousands(error, sizeof error, number);
        snprintf(out, size, "%s%s%s", error, gap, unit);
        break;
    case LAB_TEXT:
        snprintf(out, size, "%s", v->text != NULL ? v->text : "");
        break;
    case LAB_BOOL:
        snprintf(out, size, "%s", v->integer != 0 ? "yes" : "no");
        break;
    }
    return out;
}

/* Columns on a terminal: bytes of UTF-8 that begin a character. */
static size_t width_of(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

static void put_padded(posw_buf *out, const char *text, size_t width, bool right) {
    const size_t used = width_of(text), pad = used < width ? width - used : 0;
    if (right) posw_buf_printf(out, "%*s", (int)pad, "");
    posw_buf_text(out, text);
    if (!right) posw_buf_printf(out, "%*s", (int)pad, "");
}

static void put_figures(const lab_report *r, posw_buf *out, bool inputs) {
    size_t width = 0;
    for (size_t i = 0; i < r->figures.count; i++) {
        const lab_figure *f = (const lab_figure *)r->figures.items + i;
        if (f->is_input == inputs && width_of(f->label) > width) width = width_of(f->label);
    }
    for (size_t i = 0; i < r->figures.count; i++) {
        const lab_figure *f = (const lab_figure *)r->figures.items + i;
        char shown[1024];
        if (f->is_input != inputs) continue;
        posw_buf_text(out, "  ");
        put_padded(out, f->label, width, false);
        posw_buf_printf(out, "  %s\n", lab_show_value(shown, sizeof shown, &f->value, f->unit));
    }
}

static void head_text(char *out, size_t size, const lab_column_head *h) {
    snprintf(out, size, "%s%s%s", h->label, *h->unit != '\0' ? ", " : "", h->unit);
}

static void put_table(const lab_table *t, posw_buf *out) {
    const size_t columns = t->columns.count, rows = lab_table_rows(t);
    char shown[SHOWN_SIZE];
    size_t *widths = calloc(columns + 1, sizeof *widths);
    if (widths == NULL) {
        out->failed = true;
        return;
    }
    for (size_t c = 0; c < columns; c++) {
        head_text(shown, sizeof shown, (const lab_column_head *)t->columns.items + c);
        widths[c] = width_of(shown);
        for (size_t row = 0; row < rows; row++) {
            const size_t w = width_of(lab_show_value(shown, sizeof shown, lab_table_cell(t, row, c), ""));
            if (w > widths[c]) widths[c] = w;
        }
    }
    posw_buf_printf(out, "\n%s\n\n", t->title);
    for (size_t c = 0; c < columns; c++) {
        const bool right = rows > 0 && lab_table_cell(t, 0, c)->kind != LAB_TEXT;
        head_text(shown, sizeof shown, (const lab_column_head *)t->columns.items + c);
        posw_buf_text(out, "  ");
        put_padded(out, shown, widths[c], right);
    }
    posw_buf_text(out, "\n");
    for (size_t row = 0; row < rows; row++) {
        for (size_t c = 0; c < columns; c++) {
            const lab_value *v = lab_table_cell(t, row, c);
            posw_buf_text(out, "  ");
            put_padded(out, lab_show_value(shown, sizeof shown, v, ""), widths[c], v->kind != LAB_TEXT);
        }
        posw_buf_text(out, "\n");
    }
    free(widths);
}

static void put_sentences(const lab_list *l, posw_buf *out, const char *title) {
    if (l->count == 0) return;
    posw_buf_printf(out, "\n%s\n", title);
    for (size_t i = 0; i < l->count; i++)
        posw_buf_printf(out, "  - %s\n", ((char **)l->items)[i]);
}

/* A paragraph in lines that a terminal holds. */
static void put_paragraph(posw_buf *out, const char *text) {
    enum { LINE = 100 };
    size_t at = 0;
    while (*text != '\0') {
        char word[256];
        const size_t size = strcspn(text, " "),
                     width = snprintf(word, sizeof word, "%.*s", (int)size, text) < 0 ? 0 : width_of(word);
        if (at > 0 && at + 1 + width > LINE) {
            posw_buf_text(out, "\n");
            at = 0;
        }
        posw_buf_printf(out, "%s%.*s", at > 0 ? " " : "", (int)size, text);
        at += width + (at > 0);
        text += size + strspn(text + size, " ");
    }
    posw_buf_text(out, "\n\n");
}

void lab_report_text(const lab_report *r, posw_buf *out) {
    posw_buf_printf(out, "%s\n\n", r->title);
    for (size_t i = 0; i < r->verdict.count; i++)
        put_paragraph(out, ((char **)r->verdict.items)[i]);
    put_figures(r, out, true);
    if (r->figures.count > 0) posw_buf_text(out, "\n");
    put_figures(r, out, false);
    for (size_t i = 0; i < r->tables.count; i++)
        put_table(((lab_table **)r->tables.items)[i], out);
    for (size_t i = 0; i < r->listings.count; i++) {
        const lab_listing_part *l = (const lab_listing_part *)r->listings.items + i;
        posw_buf_printf(out, "\n%s\n\n%s\n", l->title, l->text);
    }
    if (r->interrupted)
        posw_buf_printf(out, "\nEnded early: %" PRIu64 " of %" PRIu64 " %s were done.\n", r->done, r->wanted, r->what);
    if (r->model != NULL) posw_buf_printf(out, "\nModel: %s\n", r->model);
    put_sentences(&r->assumptions, out, "Assumes:");
    put_sentences(&r->notes, out, "Mind:");
    if (r->failed) out->failed = true;
}
