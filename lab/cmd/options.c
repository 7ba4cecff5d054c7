#include "options.h"

#include "io/file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool lab_option_number(const cli *c, const char *name, double min, double max, double *out) {
    const char *text = cli_text(c, name);
    char *end;
    if (text == NULL) {
        cli_usage(c, "--%s is needed", name);
        return false;
    }
    errno = 0;
    const double v = strtod(text, &end);
    if (end == text || *end != '\0' || errno == ERANGE || !(v >= min && v <= max) || strpbrk(text, "xXnN") != NULL) {
        cli_usage(c, "--%s must be a number from %g to %g, not '%s'", name, min, max, text);
        return false;
    }
    *out = v;
    return true;
}

bool lab_option_random(const cli *c, lab_random_options *out) {
    uint64_t threads;
    if (!cli_u64(c, "seed", 0, UINT64_MAX, &out->seed) || !cli_u64(c, "threads", 0, 256, &threads)) return false;
    out->threads = (unsigned)threads;
    return true;
}

bool lab_option_choice(const cli *c, const char *name, const char *const *names, size_t *out) {
    const char *text = cli_text(c, name);
    posw_buf all = {0};
    for (size_t i = 0; text != NULL && names[i] != NULL; i++) {
        if (strcmp(text, names[i]) != 0) continue;
        *out = i;
        return true;
    }
    for (size_t i = 0; names[i] != NULL; i++)
        posw_buf_printf(&all, "%s%s", i == 0 ? "" : names[i + 1] == NULL ? " or " : ", ", names[i]);
    posw_buf_byte(&all, 0);
    if (text == NULL)
        cli_usage(c, "--%s is needed: %s", name, all.failed ? "" : (const char *)all.data);
    else
        cli_usage(c, "--%s must be %s, not '%s'", name, all.failed ? "something else" : (const char *)all.data, text);
    posw_buf_clear(&all);
    return false;
}

static _Thread_local posw_buf *diverted;

void lab_report_divert(posw_buf *out) {
    diverted = out;
}

bool lab_option_absent(const cli *c, const char *const *names, const char *what) {
    for (size_t i = 0; names[i] != NULL && diverted == NULL; i++)
        if (cli_given(c, names[i])) return cli_usage(c, "--%s goes with %s", names[i], what), false;
    return true;
}

static int write_page(const char *path, const lab_report *r) {
    posw_buf page = {0};
    lab_report_html(r, &page);
    FILE *f = page.failed ? NULL : fopen(path, "wb");
    const bool opened = f != NULL;
    bool ok = opened && fwrite(page.data, 1, page.size, f) == page.size;
    if (opened && fclose(f) != 0) ok = false;
    const bool no_memory = page.failed;
    posw_buf_clear(&page);
    if (no_memory) return cli_fail("out of memory");
    return ok ? CLI_OK : cli_fail("cannot write %s: %s", path, strerror(errno));
}

int lab_report_print(const cli *c, lab_report *r) {
    posw_buf out = {0};
    if (r == NULL || lab_report_failed(r)) {
        lab_report_free(r);
        return cli_fail("out of memory");
    }
    int code = CLI_OK;
    if (diverted != NULL) {
        lab_report_json(r, diverted);
        lab_report_free(r);
        return CLI_OK;
    }
    if (cli_given(c, "html")) code = write_page(cli_text(c, "html"), r);
    if (cli_switch(c, "json"))
        lab_report_json(r, &out);
    else {
        lab_report_text(r, &out);
        if (out.size > 0 && !out.failed) out.size--; /* cli_print ends the line */
    }
    lab_report_free(r);
    const int printed = cli_print(&out);
    return code == CLI_OK ? printed : code;
}
