/* posw lab: runs posw-lab, a program of its own beside this one, so that a node carries nothing of the laboratory. */
#include "cli/lab.h"

#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

/* The path of posw-lab: in the folder of this program, or in lab/ below it, where a build has it. */
static bool find_program(char out[PATH_SIZE]) {
    static const char *const names[] = {"posw-lab", "lab/posw-lab"};
    char self[PATH_SIZE];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0) return false;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL) return false;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(names); i++) {
        const int size = snprintf(out, PATH_SIZE, "%.*s/%s", (int)(slash - self), self, names[i]);
        if (size > 0 && size < PATH_SIZE && access(out, X_OK) == 0) return true;
    }
    return false;
}

bool cli_lab_installed(void) {
    char path[PATH_SIZE];
    return find_program(path);
}

int cli_lab_main(char **argv) {
    char path[PATH_SIZE];
    if (!find_program(path))
        return cli_fail("posw-lab is not beside this program: 'make build' makes it, and 'make install' installs both");
    execv(path, argv);
    return cli_fail("cannot run %s: %s", path, strerror(errno));
}

static const cli_option none[] = {{NULL, NULL, NULL, NULL}};

/* Only reached through the table: main() hands the command over before options are read. */
static int run(cli *c) {
    return cli_usage(c, "a command is missing");
}

const cli_command cli_command_lab = {
    "lab",
    "COMMAND [OPTIONS]",
    "the laboratory: attacks, fairness, energy; 'posw lab' lists it",
    "Answers what a founder, a miner or a researcher asks about weight rules, with the consensus code of the node. "
    "'posw lab' lists its commands, posw-lab(1) explains them.",
    "posw lab double-spend --q 0.3 --z 6",
    none,
    0,
    0,
    run,
};
