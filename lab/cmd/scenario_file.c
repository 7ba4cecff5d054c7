#include "cmd/scenario_file.h"

#include "io/file.h"

#include <stdio.h>
#include <string.h>

enum { FILE_SIZE_MAX = 1 << 20 };

static const char *builtin(const char *name) {
    for (const lab_builtin_scenario *b = LAB_BUILTIN_SCENARIOS; b->name != NULL; b++)
        if (strcmp(b->name, name) == 0) return b->text;
    return NULL;
}

bool lab_scenario_open(const cli *c, const char *where, const char *name, lab_scenario_file *out) {
    const char *text = builtin(name);
    posw_buf file = {0};
    posw_message message = {""};
    bool ok = true;
    if (text == NULL && posw_file_read(&file, name, FILE_SIZE_MAX, &message) < 0) {
        cli_usage(c, "%s: '%s' is neither built in nor a file that can be read (%s)", where, name, message.text);
        ok = false;
    } else if (!lab_scenario_read(out, text != NULL ? text : (const char *)file.data,
                                  text != NULL ? strlen(text) : file.size, &message)) {
        cli_usage(c, "%s: %s: %s", where, name, message.text);
        ok = false;
    }
    posw_buf_clear(&file);
    if (ok) snprintf(out->name, sizeof out->name, "%s", name);
    return ok;
}
