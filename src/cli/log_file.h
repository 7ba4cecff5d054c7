/* --log-file: where log lines go instead of stderr, reopened when its file was moved away (logrotate). */
#ifndef POSW_CLI_LOG_FILE_H
#define POSW_CLI_LOG_FILE_H

#include "cli/cli.h"

#include <stdio.h>

#define CLI_LOG_FILE_OPTION \
    { "log-file", "FILE", NULL, "append log lines to this file, not to stderr; SIGHUP opens it again" }

typedef struct {
    FILE *file;       /* NULL: stderr */
    const char *path; /* borrowed */
} cli_log_file;

/* Opens the file that the option names, if it does (mode 0640), and sends c->log there. CLI_OK, or CLI_FAILED after its
 * sentence. */
int cli_log_file_open(cli_log_file *l, cli *c);
/* By its name again; if that fails, the file that is open stays, and the log says why. */
void cli_log_file_reopen(cli_log_file *l, const cli *c);
/* The log is stderr's again. */
void cli_log_file_close(cli_log_file *l, cli *c);

#endif
