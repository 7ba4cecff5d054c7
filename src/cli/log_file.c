#include "cli/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int open_end(const char *path) {
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

int cli_log_file_open(cli_log_file *l, cli *c) {
    *l = (cli_log_file){.path = cli_text(c, "log-file")};
    if (l->path == NULL) return CLI_OK;
    const int fd = open_end(l->path);
    l->file = fd < 0 ? NULL : fdopen(fd, "a");
    if (l->file == NULL) {
        const int error = errno;
        if (fd >= 0) close(fd);
        return cli_fail("cannot write %s: %s; choose another --log-file", l->path, strerror(error));
    }
    (void)setvbuf(l->file, NULL, _IOLBF, BUFSIZ);
    c->log.arg = l->file;
    return CLI_OK;
}

/* The stream keeps its number, so that a line is in one file or the other. */
void cli_log_file_reopen(cli_log_file *l, const cli *c) {
    if (l->file == NULL) return;
    const int fd = open_end(l->path);
    if (fd < 0 || fflush(l->file) != 0 || dup3(fd, fileno(l->file), O_CLOEXEC) < 0)
        posw_log_write(&c->log, POSW_LOG_WARN, "node", "the log file cannot be opened again: %s: %s", l->path,
                       strerror(errno));
    else
        posw_log_write(&c->log, POSW_LOG_INFO, "node", "the log goes on here");
    if (fd >= 0) close(fd);
}

void cli_log_file_close(cli_log_file *l, cli *c) {
    if (l->file == NULL) return;
    c->log.arg = NULL;
    (void)fclose(l->file);
    l->file = NULL;
}
