/* posw-lab: the program behind `posw lab`. A program of its own, so that a node carries none of it; both share the
 * command line's tables. Started as `posw-lab lab COMMAND` by posw, or as `posw-lab COMMAND` by a person. */
#include "cli/cli.h"
#include "memo.h"

#include <string.h>

enum { ARGS_MAX = 256 };

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int help(void) {
    char *line[] = {"posw-lab", "--help", NULL};
    return cli_main(2, line);
}

static bool is_command(const char *word) {
    for (const cli_command *const *c = cli_commands; *c != NULL; c++)
        if (strcmp(strchr((*c)->name, ' ') + 1, word) == 0) return true;
    return false;
}

/* An option of the sweep itself that is followed by a value. */
static bool takes_value(const char *word) {
    static const char *const names[] = {"--threads", "--file", "--config", "--log-level"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(names); i++)
        if (strcmp(word, names[i]) == 0) return true;
    return false;
}

/* What is said of the whole output, wherever it stands. *valued: a value follows. */
static bool is_form(const char *word, bool *valued) {
    *valued = strcmp(word, "--html") == 0 || strcmp(word, "--keys") == 0;
    return *valued || strncmp(word, "--html=", 7) == 0 || strncmp(word, "--keys=", 7) == 0 ||
           strcmp(word, "--json") == 0 || strcmp(word, "--help") == 0;
}

/* posw lab sweep --json double-spend --q 0.1,0.2: what follows the inner command is its own, except for the form of the
 * output. So words from the command on go behind a "--", and those of the form before it. line: "posw", "lab", "sweep",
 * …; room for one word more. Returns the new count. */
static int arrange_sweep(char **line, int count) {
    char *inner[ARGS_MAX + 1];
    static char separator[] = "--";
    int inner_count = 0, outer_count = 3;
    for (int i = 3; i < count; i++)
        if (strcmp(line[i], separator) == 0) return count;
    for (int i = 3; i < count; i++) {
        bool valued;
        const bool form = is_form(line[i], &valued), found = inner_count > 0;
        if (!found) valued |= takes_value(line[i]);
        if (!form && (found || is_command(line[i]))) {
            inner[inner_count++] = line[i];
            continue;
        }
        line[outer_count++] = line[i];
        if (valued && i + 1 < count) line[outer_count++] = line[++i];
    }
    if (inner_count == 0) return count;
    line[outer_count++] = separator;
    memcpy(line + outer_count, inner, (size_t)inner_count * sizeof *inner);
    line[outer_count + inner_count] = NULL;
    return outer_count + inner_count;
}

int main(int argc, char **argv) {
    static char group[] = "lab";
    memo_set(false); /* for worlds alone, in processes of their own */
    char *line[ARGS_MAX + 2] = {argv[0], group};
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
    int count = argc - first + 2;
    if (strcmp(argv[first], "sweep") == 0) count = arrange_sweep(line, count);
    return cli_main(count, line);
}
