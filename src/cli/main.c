#include "cli/cli.h"
#include "cli/lab.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* A mapped file (the state, or a file of blocks to import) that was cut while it is in use, or that its disk cannot
 * read: there is nothing to go back to. What was committed is safe. Only calls that a signal handler may make. */
static void on_bus_error(int number) {
    static const char text[] = "posw: a file in use was cut short or cannot be read: check the disk of the data "
                               "directory, and run 'posw db verify' on it\n";
    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(CLI_FAILED);
}

static void set_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_bus_error;
    (void)sigaction(SIGBUS, &action, NULL);
    /* a closed pipe or a file-size limit becomes an error that is reported where it happens */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

/* A standard stream that the parent closed must not become the number of a data file. */
static void open_standard_streams(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
    open_standard_streams();
    set_signals();
    if (argc > 1 && strcmp(argv[1], "lab") == 0) return cli_lab_main(argv);
    return cli_main(argc, argv);
}
