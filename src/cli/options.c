/* Reading options from the command line and from the config file. */
#include "cli/options.h"

#include "base/units.h"
#include "cli/suggest.h"
#include "io/file.h"
#include "posw/u256.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_SIZE_MAX = 256 * 1024 };

const cli_option cli_common_options[] = {
    {"config", "FILE", NULL, "read options from a file of 'name = value' lines; the command line wins"},
    {"log-level", "LEVEL", "info", "error, warn, info, debug or trace"},
    {"help", NULL, NULL, "show this help"},
    {NULL, NULL, NULL, NULL},
};

static const cli_option *find_in(const cli_option *o, const char *name, size_t size) {
    for (; o != NULL && o->name != NULL; o++)
        if (strlen(o->name) == size && memcmp(o->name, name, size) == 0) return o;
    return NULL;
}

static const cli_option *find_option(const cli *c, const char *name, size_t size) {
    const cli_option *o = find_in(c->command->options, name, size);
    return o != NULL ? o : find_in(cli_common_options, name, size);
}

int cli_fail(const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    fputs("posw: ", stderr);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    return CLI_FAILED;
}

int cli_usage(const cli *c, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    fputs("posw: ", stderr);
    vfprintf(stderr, format, ap);
    va_end(ap);
    if (c != NULL && c->command != NULL)
        fprintf(stderr, "; see 'posw %s --help'\n", c->command->name);
    else
        fputs("; see 'posw --help'\n", stderr);
    return CLI_USAGE;
}

int cli_print(posw_buf *b) {
    bool ok = !b->failed && fwrite(b->data, 1, b->size, stdout) == b->size && fputc('\n', stdout) != EOF &&
              fflush(stdout) == 0;
    posw_buf_clear(b);
    return ok ? CLI_OK : cli_fail("the output could not be written");
}

static int add_value(cli *c, const cli_option *o, const char *value, bool from_file) {
    if (c->value_count == CLI_VALUES_MAX) return cli_usage(c, "too many options");
    c->values[c->value_count].option = o;
    c->values[c->value_count].value = value;
    c->values[c->value_count].from_file = from_file;
    c->value_count++;
    return CLI_OK;
}

static int refuse_option(const cli *c, const char *name, size_t size) {
    cli_suggestion s = {.word = name, .size = size};
    for (const cli_option *o = c->command->options; o != NULL && o->name != NULL; o++)
        cli_suggest(&s, o->name, strlen(o->name));
    for (const cli_option *o = cli_common_options; o->name != NULL; o++)
        cli_suggest(&s, o->name, strlen(o->name));
    if (s.nearest == NULL) return cli_usage(c, "unknown option --%.*s", (int)size, name);
    return cli_usage(c, "unknown option --%.*s (did you mean --%.*s?)", (int)size, name, (int)s.nearest_size,
                     s.nearest);
}

static int parse_long(cli *c, int argc, char **argv, int *i) {
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t size = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const cli_option *o = find_option(c, name, size);
    if (o == NULL) return refuse_option(c, name, size);
    if (o->value == NULL)
        return equals != NULL ? cli_usage(c, "--%s takes no value", o->name) : add_value(c, o, "", false);
    if (equals != NULL) return add_value(c, o, equals + 1, false);
    if (*i + 1 >= argc) return cli_usage(c, "--%s needs a value (%s)", o->name, o->value);
    return add_value(c, o, argv[++*i], false);
}

int cli_parse_arguments(cli *c, int argc, char **argv) {
    bool only_args = false;
    for (int i = 0; i < argc; i++) {
        int err = CLI_OK;
        if (!only_args && strcmp(argv[i], "--") == 0)
            only_args = true;
        else if (!only_args && strcmp(argv[i], "-h") == 0)
            err = add_value(c, find_in(cli_common_options, "help", 4), "", false);
        else if (!only_args && strncmp(argv[i], "--", 2) == 0)
            err = parse_long(c, argc, argv, &i);
        else if (!only_args && argv[i][0] == '-' && argv[i][1] != '\0')
            err = cli_usage(c, "unknown option %s", argv[i]);
        else if (c->arg_count == CLI_ARGS_MAX)
            err = cli_usage(c, "too many arguments");
        else
            c->args[c->arg_count++] = argv[i];
        if (err != CLI_OK) return err;
    }
    return CLI_OK;
}

static char *trim(char *text) {
    while (*text == ' ' || *text == '\t')
        text++;
    size_t size = strlen(text);
    while (size > 0 && strchr(" \t\r", text[size - 1]) != NULL)
        text[--size] = '\0';
    return text;
}

static int config_line(cli *c, const char *path, unsigned number, char *line) {
    line = trim(line);
    if (*line == '\0' || *line == '#') return CLI_OK;
    char *equals = strchr(line, '=');
    if (equals == NULL) return cli_fail("%s line %u: write 'name = value'", path, number);
    *equals = '\0';
    const char *name = trim(line);
    char *value = trim(equals + 1);
    size_t size = strlen(value);
    if (size >= 2 && value[0] == '"' && value[size - 1] == '"') {
        value[size - 1] = '\0';
        value++;
    }
    const cli_option *o = find_option(c, name, strlen(name));
    if (o == NULL || strcmp(name, "config") == 0 || strcmp(name, "help") == 0)
        return cli_fail("%s line %u: unknown key '%s'; the keys are the options of 'posw %s --help'", path, number,
                        name, c->command->name);
    if (o->value != NULL) return add_value(c, o, value, true);
    if (strcmp(value, "true") == 0) return add_value(c, o, "", true);
    if (strcmp(value, "false") == 0) return CLI_OK;
    return cli_fail("%s line %u: %s is a switch: write true or false", path, number, name);
}

int cli_read_config(cli *c) {
    const char *path = cli_text(c, "config");
    if (path == NULL) return CLI_OK;
    posw_buf text = {0};
    posw_message msg = {""};
    if (posw_file_read(&text, path, CONFIG_SIZE_MAX, &msg) != POSW_OK) return cli_fail("%s", msg.text);
    posw_buf_byte(&text, 0);
    if (text.failed) return cli_fail("out of memory");
    c->config_text = (char *)text.data; /* kept: values point into it */
    unsigned number = 1;
    for (char *line = c->config_text; line != NULL; number++) {
        char *next = strchr(line, '\n');
        if (next != NULL) *next++ = '\0';
        int err = config_line(c, path, number, line);
        if (err != CLI_OK) return err;
        line = next;
    }
    return CLI_OK;
}

/* The command line wins over the file; of several on the same side the last counts. */
static const char *given(const cli *c, const char *name) {
    const char *from_file = NULL, *from_line = NULL;
    for (size_t i = 0; i < c->value_count; i++) {
        if (strcmp(c->values[i].option->name, name) != 0) continue;
        if (c->values[i].from_file)
            from_file = c->values[i].value;
        else
            from_line = c->values[i].value;
    }
    return from_line != NULL ? from_line : from_file;
}

const char *cli_text(const cli *c, const char *name) {
    const cli_option *o = find_option(c, name, strlen(name));
    POSW_ASSERT(o != NULL);
    const char *value = given(c, name);
    return value != NULL ? value : o->def;
}

bool cli_given(const cli *c, const char *name) {
    return given(c, name) != NULL;
}
bool cli_switch(const cli *c, const char *name) {
    return given(c, name) != NULL;
}

const char **cli_list(const cli *c, const char *name) {
    const char *text = cli_text(c, name);
    if (text == NULL) return NULL;
    size_t commas = 0, size = strlen(text) + 1;
    for (const char *p = text; *p != '\0'; p++)
        commas += *p == ',';
    const char **list = calloc(1, (commas + 2) * sizeof *list + size);
    if (list == NULL) return NULL;
    char *copy = (char *)(list + commas + 2);
    memcpy(copy, text, size);
    size_t n = 0;
    for (char *item = copy; item != NULL;) {
        char *next = strchr(item, ',');
        if (next != NULL) *next++ = '\0';
        item = trim(item);
        if (*item != '\0') list[n++] = item;
        item = next;
    }
    return list;
}

bool cli_u64(const cli *c, const char *name, uint64_t min, uint64_t max, uint64_t *out) {
    const char *text = cli_text(c, name);
    posw_u256 v;
    uint64_t n;
    if (text != NULL && strncmp(text, "0x", 2) != 0 && posw_u256_parse(&v, text, strlen(text)) &&
        posw_u256_to_u64(&n, &v) && n >= min && n <= max) {
        *out = n;
        return true;
    }
    cli_usage(c, "--%s must be a whole number from %llu to %llu", name, (unsigned long long)min,
              (unsigned long long)max);
    return false;
}

bool cli_size(const cli *c, const char *name, uint64_t min_bytes, uint64_t *out_bytes) {
    const char *text = cli_text(c, name);
    uint64_t bytes;
    if (text == NULL || !posw_size_parse(&bytes, text)) {
        cli_usage(c, "--%s must be a whole number with a unit, such as 2GiB or \"5000 MiB\"", name);
        return false;
    }
    if (bytes < min_bytes) {
        cli_usage(c, "--%s must be at least %llu MiB", name, (unsigned long long)(min_bytes >> 20));
        return false;
    }
    *out_bytes = bytes;
    return true;
}

bool cli_amount(const cli *c, const char *name, posw_u256 *out) {
    const char *text = cli_text(c, name);
    if (text != NULL && posw_amount_parse(out, text)) return true;
    cli_usage(
        c, "--%s must be an amount such as \"12.5 coin\", \"3 gwei\" or \"100 wei\", with at most 18, 9 and 0 decimals",
        name);
    return false;
}

bool cli_place(const char *text, char host[CLI_HOST_SIZE], uint16_t *port) {
    const char *colon = strrchr(text, ':'), *digits = colon == NULL ? text : colon + 1;
    char *end;
    const unsigned long n = strtoul(digits, &end, 10);
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    if (*digits < '0' || *digits > '9' || *end != '\0' || n > 65535) return false;
    if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
        text++;
        size -= 2;
    }
    if (size >= CLI_HOST_SIZE || (colon != NULL && size == 0)) return false;
    if (colon == NULL)
        (void)snprintf(host, CLI_HOST_SIZE, "127.0.0.1");
    else
        (void)snprintf(host, CLI_HOST_SIZE, "%.*s", (int)size, text);
    *port = (uint16_t)n;
    return true;
}
