/* Options that commands of the laboratory share, and reading numbers. */
#ifndef POSW_LAB_OPTIONS_H
#define POSW_LAB_OPTIONS_H

#include "cli/cli.h"
#include "report/report.h"

/* Last in the option table of every command, before the end. */
#define LAB_OUTPUT_OPTIONS                                                               \
    {"json", NULL, NULL, "print one JSON object"}, {                                     \
        "html", "FILE", NULL, "write a web page with charts, which needs no other files" \
    }
/* Of commands that draw random numbers. */
#define LAB_RANDOM_OPTIONS                                                                \
    {"seed", "N", "1", "seed of all random draws: the same seed, the same answer"}, {     \
        "threads", "N", "0", "threads; 0: one for each processor; the answer is the same" \
    }

typedef struct {
    uint64_t seed;
    unsigned threads;
} lab_random_options;

/* A number within [min, max], from the option or its default; false after a usage sentence. An option without default
 * that is missing is one. */
POSW_MUST_USE bool lab_option_number(const cli *c, const char *name, double min, double max, double *out);
POSW_MUST_USE bool lab_option_random(const cli *c, lab_random_options *out);
/* One of the names, ended by NULL: its index. */
POSW_MUST_USE bool lab_option_choice(const cli *c, const char *name, const char *const *names, size_t *out);

/* Options that mean something beside `what` only ("--model simulate"): false after a usage sentence if one of the names
 * (ended by NULL) is given. So nobody takes it for heard. The cases of a sweep, which share their options, may give it.
 */
POSW_MUST_USE bool lab_option_absent(const cli *c, const char *const *names, const char *what);

/* Writes the report as the options say and frees it. NULL: out of memory. CLI_OK or an exit code after its sentence: a
 * page that cannot be written costs neither text nor JSON. */
int lab_report_print(const cli *c, lab_report *r);
/* From here on lab_report_print() on this thread appends JSON to `out` and writes nothing else (posw lab sweep); NULL:
 * as before. */
void lab_report_divert(posw_buf *out);

#endif
