/* Passwords and other small secrets: from a file, or typed without echo. Nothing here goes through buffers that are not
 * wiped. */
#include "cli/keys.h"

#include "base/bytes.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

/* A program that has a secret leaves no picture of its memory on the disk, as Ctrl-\ at the prompt would. One byte is
 * the limit that also keeps the kernel from piping the picture to a program (core(5)). */
static void leave_no_core(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur <= 1) return;
    limit.rlim_cur = 1;
    (void)setrlimit(RLIMIT_CORE, &limit);
}

/* ---- files ---- */

/* Bytes read, `size` when there is more than that, -1 with errno. */
static ssize_t read_up_to(int fd, char *out, size_t size) {
    size_t n = 0;
    while (n < size) {
        ssize_t got = read(fd, out + n, size - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

int cli_secret_file(char *out, size_t size, const char *what, const char *path) {
    posw_message msg = {""};
    leave_no_core();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read_up_to(fd, out, size) : -1;
    if (got < 0) {
        (void)posw_file_error(&msg, errno, "read", path);
        if (fd >= 0) close(fd);
        return cli_fail("%s: %s", what, msg.text);
    }
    close(fd);
    if ((size_t)got < size && memchr(out, '\0', (size_t)got) == NULL) {
        out[got] = '\0';
        return CLI_OK;
    }
    posw_wipe(out, size);
    if ((size_t)got == size)
        return cli_fail("%s: %s has more than %zu bytes; is it the right file?", what, path, size - 1);
    return cli_fail("%s: %s is not a text file; is it the right file?", what, path);
}

/* The rest of a file after its first line may be anything short, as editors leave it. */
static int password_from_file(char *out, size_t size, const char *path) {
    char text[2 * CLI_PASSWORD_SIZE];
    int code = cli_secret_file(text, sizeof text, "--password-file", path);
    if (code != CLI_OK) return code;
    size_t line = strcspn(text, "\n");
    if (line > 0 && text[line] == '\n' && text[line - 1] == '\r') line--;
    if (line < size) {
        memcpy(out, text, line);
        out[line] = '\0';
    } else {
        code = cli_fail("--password-file: the first line of %s is longer than %zu bytes", path, size - 1);
    }
    posw_wipe(text, sizeof text);
    return code;
}

/* ---- the terminal ---- */

static volatile sig_atomic_t caught; /* set by the handler below, nowhere else */

static void on_signal(int number) {
    caught = number;
}

static const int quiet_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* A terminal with its echo off; signals wait until it is on again. */
typedef struct {
    int fd;
    struct termios before;
    struct sigaction actions[POSW_ARRAY_SIZE(quiet_signals)], stop_action;
} terminal;

static bool terminal_open(terminal *t) {
    leave_no_core();
    t->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (t->fd < 0) return false;
    if (tcgetattr(t->fd, &t->before) != 0) {
        close(t->fd);
        return false;
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal; /* without SA_RESTART: read ends */
    caught = 0;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(quiet_signals); i++)
        sigaction(quiet_signals[i], &action, &t->actions[i]);
    action.sa_handler = SIG_IGN;
    sigaction(SIGTSTP, &action, &t->stop_action);
    struct termios quiet = t->before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    (void)tcsetattr(t->fd, TCSAFLUSH, &quiet);
    return true;
}

static void terminal_close(terminal *t) {
    (void)tcsetattr(t->fd, TCSAFLUSH, &t->before);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(quiet_signals); i++)
        sigaction(quiet_signals[i], &t->actions[i], NULL);
    sigaction(SIGTSTP, &t->stop_action, NULL);
    close(t->fd);
    if (caught != 0) raise(caught);
}

static void say(const terminal *t, const char *text) {
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t put = write(t->fd, text, size);
        if (put <= 0) return;
        text += put;
        size -= (size_t)put;
    }
}

/* One typed line. */
static int ask(const terminal *t, char *out, size_t size, const char *what, const char *prompt) {
    size_t n = 0;
    bool done = false, too_long = false;
    say(t, prompt);
    while (!done && caught == 0) {
        char ch;
        ssize_t got = read(t->fd, &ch, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || ch == '\n')
            done = true;
        else if (n + 1 < size)
            out[n++] = ch;
        else
            too_long = true;
    }
    out[n] = '\0';
    say(t, "\n");
    if (caught != 0) return cli_fail("interrupted; nothing was done");
    return too_long ? cli_fail("the %s is longer than %zu bytes", what, size - 1) : CLI_OK;
}

static int password_from_terminal(char *out, size_t size, bool repeat) {
    terminal t;
    char again[CLI_PASSWORD_SIZE];
    if (!terminal_open(&t)) return cli_fail("there is no terminal to ask for the password; give --password-file FILE");
    int code = ask(&t, out, size, "password", repeat ? "New password: " : "Password: ");
    if (code == CLI_OK && repeat) {
        code = ask(&t, again, sizeof again, "password", "The same again: ");
        if (code == CLI_OK && strcmp(out, again) != 0) code = cli_fail("the two passwords differ; nothing was done");
        posw_wipe(again, sizeof again);
    }
    terminal_close(&t);
    return code;
}

int cli_ask_secret(char *out, size_t size, const char *what, const char *instead) {
    terminal t;
    char prompt[64];
    if (!terminal_open(&t)) return cli_fail("there is no terminal to ask for the %s; give %s FILE", what, instead);
    snprintf(prompt, sizeof prompt, "The %s (not shown): ", what);
    const int code = ask(&t, out, size, what, prompt);
    terminal_close(&t);
    if (code != CLI_OK) posw_wipe(out, size);
    return code;
}

int cli_password(const cli *c, char *out, size_t size, bool repeat) {
    const char *path = cli_text(c, "password-file");
    int code = path != NULL ? password_from_file(out, size, path) : password_from_terminal(out, size, repeat);
    if (code == CLI_OK && repeat && out[0] == '\0')
        code = cli_fail("an empty password protects nothing; choose another one");
    if (code != CLI_OK) posw_wipe(out, size);
    return code;
}
