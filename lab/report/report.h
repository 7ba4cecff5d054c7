/* What a command of the laboratory found, for people and for programs.
 *
 * A command builds one report and hands it to lab_report_print(), which writes it as text, as JSON (--json) or as a web
 * page (--html). So every answer names its model, what it assumes, its seed and its error bars, in every form, and a
 * program finds each figure under the key that the command's help gives.
 *
 * A report holds the same bytes for the same question: never put times, thread counts or dates into it.
 *
 * All text is copied. Running out of memory sticks and is reported by lab_report_print(). */
#ifndef POSW_LAB_REPORT_H
#define POSW_LAB_REPORT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lab_report lab_report;
typedef struct lab_table lab_table; /* owned by its report */
typedef struct lab_chart lab_chart; /* owned by its report */

/* command: as typed ("double-spend"); title: one line. NULL: out of memory. */
lab_report *lab_report_new(const char *command, const char *title);
void lab_report_free(lab_report *r); /* NULL allowed */

/* The answer in plain words, a paragraph a call: shown first, in JSON an array under "verdict". */
void lab_verdict(lab_report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The model in a sentence; each assumption in one; what the answer does not say or not protect against. */
void lab_model(lab_report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lab_assume(lab_report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lab_note(lab_report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Figures, in the order in which they are shown. key: in JSON (lower_case); label: for people; unit: "" or "blocks",
 * "USD", "%". A number that is not finite is null in JSON. lab_input is shown apart, as what was asked. */
void lab_number(lab_report *r, const char *key, const char *label, double value, const char *unit);
/* With its standard error, in JSON under `standard_error` for the first one of a report and KEY_standard_error for the
 * others. */
void lab_estimate(lab_report *r, const char *key, const char *label, double value, double standard_error,
                  const char *unit);
void lab_integer(lab_report *r, const char *key, const char *label, uint64_t value, const char *unit);
void lab_text(lab_report *r, const char *key, const char *label, const char *text);
void lab_bool(lab_report *r, const char *key, const char *label, bool value);
void lab_input_number(lab_report *r, const char *key, const char *label, double value, const char *unit);
void lab_input_integer(lab_report *r, const char *key, const char *label, uint64_t value, const char *unit);
void lab_input_text(lab_report *r, const char *key, const char *label, const char *text);

/* A text of several lines, shown as it is after the tables: a file. In JSON a string. */
void lab_listing(lab_report *r, const char *key, const char *title, const char *text);

/* A list of numbers under a key: in JSON only (tables show them to people). */
void lab_numbers(lab_report *r, const char *key, const double *values, size_t count);

/* A table: in JSON an array under `key` of one object a row. Columns first, then rows, cell by cell from the left. */
lab_table *lab_table_new(lab_report *r, const char *key, const char *title);
void lab_column(lab_table *t, const char *key, const char *label, const char *unit);
void lab_cell_number(lab_table *t, double v); /* not finite: a dash */
/* With its standard error, in JSON under KEY_standard_error. */
void lab_cell_estimate(lab_table *t, double v, double standard_error);
void lab_cell_integer(lab_table *t, uint64_t v);
void lab_cell_text(lab_table *t, const char *text);

/* A chart: in the web page only. */
enum lab_chart_kind { LAB_CHART_LINE, LAB_CHART_SCATTER, LAB_CHART_BAR };
enum { LAB_CHART_LOG_X = 1, LAB_CHART_LOG_Y = 2 };
lab_chart *lab_chart_new(lab_report *r, enum lab_chart_kind kind, unsigned flags, const char *title,
                         const char *x_label, const char *y_label);
/* Copies `count` points. Labels for LAB_CHART_BAR are set once with lab_chart_labels, and x is NULL there. */
void lab_chart_series(lab_chart *c, const char *label, const double *x, const double *y, size_t count);
/* The same with a standard error for each point (0: none is drawn). */
void lab_chart_estimates(lab_chart *c, const char *label, const double *x, const double *y, const double *errors,
                         size_t count);
void lab_chart_labels(lab_chart *c, const char *const *labels, size_t count);

/* A number inside a sentence, with three or four digits: "1,240", "0.0123". Returns out. */
char *lab_brief(char *out, size_t size, double v);

/* The work was ended before its end (Ctrl-C): said in every form. done of wanted: trials, blocks, cases. */
void lab_interrupted(lab_report *r, uint64_t done, uint64_t wanted, const char *what);

/* ---- the forms; each appends to out ---- */
void lab_report_text(const lab_report *r, posw_buf *out);
void lab_report_json(const lab_report *r, posw_buf *out);
void lab_report_html(const lab_report *r, posw_buf *out);
bool lab_report_failed(const lab_report *r);

#endif
