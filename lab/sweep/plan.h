/* The cases of a sweep: one command of the laboratory with every combination of the values of its options.
 *
 *      --q 0.1:0.4:0.1 --z 6,60        ->  8 cases: (0.1, 6) (0.1, 60) (0.2, 6) … the last option changes fastest
 *
 * An axis is a list of settings, a setting gives one or several options a value. On the command line an axis is one
 * option; a file can also list whole cases. Heap; main thread to make, any thread to read. */
#ifndef POSW_LAB_SWEEP_PLAN_H
#define POSW_LAB_SWEEP_PLAN_H

#include "cli/cli.h"

enum { SWEEP_CASES_MAX = 100000, SWEEP_AXES_MAX = 40, SWEEP_PAIRS_MAX = 40 };

typedef struct {
    char *name, *value; /* owned; value NULL: a switch */
} sweep_pair;

typedef struct {
    sweep_pair *pairs; /* owned */
    size_t count;
} sweep_setting;

typedef struct {
    sweep_setting *settings; /* owned */
    size_t count;
} sweep_axis;

typedef struct {
    const cli_command *command;
    sweep_axis axes[SWEEP_AXES_MAX];
    size_t axis_count;
    size_t cases; /* the product of all counts */
} sweep_plan;

/* words: COMMAND and its options, as typed. CLI_OK, or an exit code after its sentence. In any case sweep_plan_clear.
 */
int sweep_plan_parse(sweep_plan *out, const cli *c, const char *const *words, size_t count);
/* {"command": "attack", "options": {"depth": [6, 60], "chain": "a.json"}, "cases": [{…options…}, …]}: each option has a
 * value or a list of them; text may be a range or a list as on the command line; true is a switch. `cases` may be left
 * out. */
int sweep_plan_read(sweep_plan *out, const cli *c, const char *path);
void sweep_plan_clear(sweep_plan *p);

/* The setting that an axis has in a case, cases counted from 0. */
const sweep_setting *sweep_setting_of(const sweep_plan *p, size_t axis, size_t number);
/* The value of an option in a case; NULL: it is not given. "" for a switch. */
const char *sweep_value(const sweep_plan *p, size_t number, const char *name);
/* True iff cases differ in it. */
bool sweep_varies(const sweep_plan *p, const char *name);
/* "--q 0.1 --z 6": what the case varies. Appends. */
void sweep_case_text(posw_buf *out, const sweep_plan *p, size_t number);

#endif
