/* The command line: one table of commands and options gives parsing, --help, the config file's keys, shell completions
 * and man pages.
 *
 * A command's run() returns an exit code: CLI_OK, CLI_FAILED after cli_fail() said one sentence (what is wrong and what
 * to do), or CLI_USAGE after cli_usage(). */
#ifndef POSW_CLI_CLI_H
#define POSW_CLI_CLI_H

#include "base/error.h"
#include "base/json_writer.h"
#include "base/log.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };
enum { CLI_ARGS_MAX = 96, CLI_VALUES_MAX = 64, CLI_HOST_SIZE = 64 };

typedef struct {
    const char *name;  /* without dashes; the config file's key */
    const char *value; /* what it takes, as shown in the help: "FILE"; NULL: a switch */
    const char *def;   /* default as text, NULL: none */
    const char *help;  /* one line, no full stop */
} cli_option;

typedef struct cli cli;

typedef struct {
    const char *name;          /* "dev", "chain new" */
    const char *args;          /* "[OPTIONS] FILE" */
    const char *summary;       /* one line */
    const char *text;          /* a paragraph for --help and the man page */
    const char *example;       /* command lines, one a line */
    const cli_option *options; /* ends with a NULL name */
    size_t args_min, args_max;
    int (*run)(cli *c);
} cli_command;

/* One invocation. */
struct cli {
    const cli_command *command;
    const char *args[CLI_ARGS_MAX]; /* positional */
    size_t arg_count;
    struct {
        const cli_option *option;
        const char *value; /* "" for a switch */
        bool from_file;
    } values[CLI_VALUES_MAX];
    size_t value_count;
    char *config_text; /* owned; values point into it */
    posw_log log;
};

/* The program of this table, for its help and its man page. */
typedef struct {
    const char *name;    /* as typed before a command: "posw", "posw lab" */
    const char *page;    /* of the man page: "posw-lab" */
    const char *summary; /* one line, plain ASCII */
    const char *text;    /* a paragraph */
    const char *example; /* lines, each with its end */
} cli_program;
extern const cli_program cli_this_program;
/* Every command, ended by a NULL name. */
extern const cli_command *const cli_commands[];
/* Options that all commands have (help, log-level) and those of commands with a node behind them. */
extern const cli_option cli_common_options[];

/* The option's text: given, else its default, else NULL. The name must be in the command's table (asserted). The last
 * one given counts. */
const char *cli_text(const cli *c, const char *name);
bool cli_given(const cli *c, const char *name);
bool cli_switch(const cli *c, const char *name);
/* Comma-separated values as a NULL-terminated list; free() the list (one block). NULL if the option is absent. */
const char **cli_list(const cli *c, const char *name);
/* Checked numbers and amounts: false after a usage sentence was printed. */
POSW_MUST_USE bool cli_u64(const cli *c, const char *name, uint64_t min, uint64_t max, uint64_t *out);
POSW_MUST_USE bool cli_size(const cli *c, const char *name, uint64_t min_bytes, uint64_t *out_bytes); /* "2 GiB" */
POSW_MUST_USE bool cli_amount(const cli *c, const char *name, posw_u256 *out);
/* "PORT", "HOST:PORT" or "[::1]:PORT"; without a host 127.0.0.1. Whether the host is a numeric address is seen when it
 * is listened on. False: it is none of these, and nothing is written. */
POSW_MUST_USE bool cli_place(const char *text, char host[CLI_HOST_SIZE], uint16_t *port);
/* An address with a right checksum or without any, or a name of the address book (cli/book.h). */
POSW_MUST_USE bool cli_address(const cli *c, const char *what, const char *text, posw_address *out);

/* "posw: <sentence>" on stderr; returns CLI_FAILED, CLI_USAGE. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the buffer and a newline on stdout and clears it. */
int cli_print(posw_buf *b);

/* posw_main: parses argv and runs. */
int cli_main(int argc, char **argv);
void cli_help(const cli_command *command); /* NULL: of posw itself */
/* Roff and completion text of the whole table, for `posw man` and `posw completion`. The completion of `posw lab` asks
 * `posw lab words` while it runs, since this program does not know the laboratory's table. */
void cli_write_man(posw_buf *out);
/* The options of a command of this table, on one line, and those that take a value, on the next. */
void cli_write_words(posw_buf *out, const cli_command *command);
int cli_write_completion(posw_buf *out, const char *shell);

/* Log lines to stderr, or to the FILE that log->arg is set to: "2026-01-31T12:00:00.123Z info chain: …". */
void cli_log_init(posw_log *log, enum posw_log_level level);

#endif
