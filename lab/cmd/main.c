/* posw-lab: the program behind `posw lab`. A program of its own, so that a node carries none of it; both share the
 * command line's tables. Started as `posw-lab lab COMMAND` by posw, or as `posw-lab COMMAND` by a person. */
#include "cli/cli.h"

#include <string.h>

enum { ARGS_MAX = 256 };

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int help(void) {
    char *line[] = {"posw-lab", "--help", NULL};
    return cli_main(2, line);
}

int main(int argc, char **argv) {
    static char group[] = "lab";
    char *line[ARGS_MAX + 1] = {argv[0], group};
    const int first = argc > 1 && strcmp(argv[1], group) == 0 ? 2 : 1;
    if (argc - first + 2 > ARGS_MAX) return cli_usage(NULL, "too many arguments");
    if (argc == first) {
        help();
        return CLI_USAGE;
    }
    if (is_help(argv[first])) return help();
    if (strcmp(argv[first], "--version") == 0) return cli_main(2, (char *[]){argv[0], argv[first], NULL});
    if (argv[first][0] == '-')
        return cli_usage(&(cli){.command = &(cli_command){.name = group}}, "unknown option %s", argv[first]);
    for (int i = first; i <= argc; i++)
        line[i - first + 2] = argv[i];
    return cli_main(argc - first + 2, line);
}
