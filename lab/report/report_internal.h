/* The parts of a report, for its writers. */
#ifndef POSW_LAB_REPORT_INTERNAL_H
#define POSW_LAB_REPORT_INTERNAL_H

#include "report/report.h"

enum { LAB_KEY_SIZE = 48, LAB_LABEL_SIZE = 96, LAB_UNIT_SIZE = 24 };

/* An array that grows; items of the given size. */
typedef struct {
    void *items;
    size_t count, capacity;
} lab_list;

enum lab_kind { LAB_NUMBER, LAB_ESTIMATE, LAB_INTEGER, LAB_TEXT, LAB_BOOL };

typedef struct {
    enum lab_kind kind;
    double number, standard_error;
    uint64_t integer; /* of LAB_INTEGER and LAB_BOOL */
    char *text;       /* owned; of LAB_TEXT */
} lab_value;

typedef struct {
    char key[LAB_KEY_SIZE], label[LAB_LABEL_SIZE], unit[LAB_UNIT_SIZE];
    bool is_input;
    lab_value value;
} lab_figure;

typedef struct {
    char key[LAB_KEY_SIZE];
    double *values; /* owned */
    size_t count;
} lab_array;

typedef struct {
    char key[LAB_KEY_SIZE], label[LAB_LABEL_SIZE], unit[LAB_UNIT_SIZE];
} lab_column_head;

struct lab_table {
    lab_report *report;
    char key[LAB_KEY_SIZE];
    char *title;
    lab_list columns; /* lab_column_head */
    lab_list cells;   /* lab_value, row by row */
};

typedef struct {
    char *label;
    double *x, *y;  /* x NULL: a bar for each label */
    double *errors; /* NULL: none */
    size_t count;
} lab_series;

struct lab_chart {
    lab_report *report;
    enum lab_chart_kind kind;
    unsigned flags;
    char *title, *x_label, *y_label;
    lab_list series; /* lab_series */
    lab_list labels; /* char * */
};

typedef struct {
    char key[LAB_KEY_SIZE];
    char *title, *text; /* owned */
} lab_listing_part;

struct lab_report {
    bool failed;
    char *command, *title, *model;
    lab_list verdict, assumptions, notes; /* char * */
    lab_list figures;                     /* lab_figure */
    lab_list arrays;                      /* lab_array */
    lab_list listings;                    /* lab_listing_part */
    lab_list tables;                      /* lab_table * */
    lab_list charts;                      /* lab_chart * */
    bool interrupted;
    uint64_t done, wanted;
    char *what;
};

/* Rows that are whole. */
size_t lab_table_rows(const lab_table *t);
const lab_value *lab_table_cell(const lab_table *t, size_t row, size_t column);
/* A number as a person reads it: six significant digits, thousands apart where it is large, 1.2e-07 where it is tiny.
 * Returns out. */
char *lab_show_number(char *out, size_t size, double v);
char *lab_show_value(char *out, size_t size, const lab_value *v, const char *unit);

#endif
