/* Finding the command, help, logs. */
#include "cli/cli.h"

#include "cli/options.h"
#include "cli/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void log_line(void *arg, enum posw_log_level level, const char *category, const char *line) {
    FILE *out = arg != NULL ? arg : stderr;
    struct timespec ts;
    struct tm tm;
    char when[32];
    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    fprintf(out, "%s.%03ldZ %-5s %s: %s\n", when, ts.tv_nsec / 1000000, posw_log_level_name(level), category, line);
}

void cli_log_init(posw_log *log, enum posw_log_level level) {
    *log = (posw_log){.level = level, .write = log_line, .arg = NULL};
}

static void print_options(const cli_option *o) {
    for (; o != NULL && o->name != NULL; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-26s %s", left, o->help);
        if (o->def != NULL) printf(" [%s]", o->def);
        putchar('\n');
    }
}

static void help_all(void) {
    printf("%s - %s\n\nUsage: %s COMMAND [OPTIONS]\n\nCommands:\n", cli_this_program.name, cli_this_program.summary,
           cli_this_program.name);
    for (const cli_command *const *c = cli_commands; *c != NULL; c++)
        printf("  %-20s %s\n", (*c)->name, (*c)->summary);
    printf("\n  --help                     of a command: its options and an example\n  --version\n\nExample:\n%s",
           cli_this_program.example);
}

void cli_help(const cli_command *command) {
    if (command == NULL) {
        help_all();
        return;
    }
    printf("posw %s - %s\n\nUsage: posw %s %s\n\n%s\n\nOptions:\n", command->name, command->summary, command->name,
           command->args, command->text);
    print_options(command->options);
    print_options(cli_common_options);
    puts("\nExample:");
    for (const char *p = command->example; *p != '\0';) {
        const char *end = strchr(p, '\n');
        size_t size = end != NULL ? (size_t)(end - p) : strlen(p);
        printf("  %.*s\n", (int)size, p);
        p += size + (end != NULL);
    }
}

/* Matches one or two leading words; *used tells how many. */
static const cli_command *find_command(int argc, char **argv, int *used) {
    for (const cli_command *const *c = cli_commands; *c != NULL; c++) {
        const char *space = strchr((*c)->name, ' ');
        size_t first = space != NULL ? (size_t)(space - (*c)->name) : strlen((*c)->name);
        if (strlen(argv[1]) != first || memcmp(argv[1], (*c)->name, first) != 0) continue;
        if (space == NULL) {
            *used = 2;
            return *c;
        }
        if (argc > 2 && strcmp(argv[2], space + 1) == 0) {
            *used = 3;
            return *c;
        }
    }
    return NULL;
}

/* The second word may be an argument, or the other half of the name. */
static int refuse_command(const char *first, const char *second, bool group) {
    char both[64];
    const int n = snprintf(both, sizeof both, "%s%s%s", first, *second != '\0' ? " " : "", second);
    cli_suggestion one = {.word = first, .size = strlen(first)};
    cli_suggestion two = {.word = both, .size = n < (int)sizeof both ? (size_t)n : sizeof both - 1};
    for (const cli_command *const *c = cli_commands; *c != NULL; c++) {
        if (!group) cli_suggest(&one, (*c)->name, strcspn((*c)->name, " "));
        cli_suggest(&two, (*c)->name, strlen((*c)->name));
    }
    const cli_suggestion *s = two.nearest != NULL ? &two : &one;
    const char *name = group || two.nearest != NULL ? both : first;
    if (s->nearest == NULL) return cli_usage(NULL, "unknown command '%s'", name);
    return cli_usage(NULL, "unknown command '%s' (did you mean '%.*s'?)", name, (int)s->nearest_size, s->nearest);
}

/* "posw chain" alone: what there is under it. */
static int unknown_command(int argc, char **argv) {
    bool group = false;
    size_t size = strlen(argv[1]);
    for (const cli_command *const *c = cli_commands; *c != NULL; c++) {
        if (strncmp((*c)->name, argv[1], size) != 0 || (*c)->name[size] != ' ') continue;
        if (!group) printf("Usage: posw %s COMMAND [OPTIONS]\n\nCommands:\n", argv[1]);
        group = true;
        printf("  %-20s %s\n", (*c)->name, (*c)->summary);
    }
    if (group && (argc == 2 || strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0))
        return argc == 2 ? CLI_USAGE : CLI_OK;
    return refuse_command(argv[1], argc > 2 ? argv[2] : "", group);
}

static int run_command(cli *c) {
    enum posw_log_level level;
    if (!posw_log_level_parse(&level, cli_text(c, "log-level")))
        return cli_usage(c, "--log-level must be error, warn, info, debug or trace");
    cli_log_init(&c->log, level);
    if (c->arg_count < c->command->args_min)
        return cli_usage(c, "an argument is missing: posw %s %s", c->command->name, c->command->args);
    if (c->arg_count > c->command->args_max)
        return cli_usage(c, "unexpected argument '%s'", c->args[c->command->args_max]);
    return c->command->run(c);
}

static int run_line(int argc, char **argv) {
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        help_all();
        return argc < 2 ? CLI_USAGE : CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        puts("posw " POSW_VERSION);
        return CLI_OK;
    }
    int used = 0;
    cli c;
    memset(&c, 0, sizeof c);
    c.command = find_command(argc, argv, &used);
    if (c.command == NULL) return unknown_command(argc, argv);
    int code = cli_parse_arguments(&c, argc - used, argv + used);
    if (code == CLI_OK && cli_switch(&c, "help")) {
        cli_help(c.command);
        return CLI_OK;
    }
    if (code == CLI_OK) code = cli_read_config(&c);
    if (code == CLI_OK) code = run_command(&c);
    free(c.config_text);
    return code;
}

/* What was printed may fail to get out as late as now: a full disk must not look like success. */
int cli_main(int argc, char **argv) {
    const int code = run_line(argc, argv);
    const bool out = fflush(stdout) == 0 && !ferror(stdout);
    return code == CLI_OK && !out ? cli_fail("the output could not be written") : code;
}
