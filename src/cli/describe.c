/* Man page and shell completions, made from the same table as the help. */
#include "cli/cli.h"

#include <string.h>

static void roff(posw_buf *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (strncmp(text, "…", strlen("…")) == 0) { /* would be lost outside of UTF-8 */
            posw_buf_text(out, "\\&...");
            text += strlen("…") - 1;
        } else if (*text == '-')
            posw_buf_text(out, "\\-");
        else if (*text == '\\')
            posw_buf_text(out, "\\e");
        else if ((*text == '.' || *text == '\'') && (out->size == 0 || out->data[out->size - 1] == '\n'))
            posw_buf_printf(out, "\\&%c", *text);
        else
            posw_buf_byte(out, (uint8_t)*text);
    }
}

static void man_options(posw_buf *out, const cli_option *o) {
    for (; o->name != NULL; o++) {
        posw_buf_text(out, ".TP\n.B ");
        roff(out, "--");
        roff(out, o->name);
        if (o->value != NULL) posw_buf_printf(out, " \\fI%s\\fR", o->value);
        posw_buf_text(out, "\n");
        roff(out, o->help);
        if (o->def != NULL) {
            posw_buf_text(out, " (default: ");
            roff(out, o->def);
            posw_buf_text(out, ")");
        }
        posw_buf_text(out, "\n");
    }
}

static void man_command(posw_buf *out, const cli_command *c) {
    posw_buf_printf(out, ".SS posw %s ", c->name);
    roff(out, c->args);
    posw_buf_text(out, "\n");
    roff(out, c->text);
    posw_buf_text(out, "\n");
    man_options(out, c->options);
    posw_buf_text(out, ".PP\nExample:\n.PP\n.nf\n");
    roff(out, c->example);
    posw_buf_text(out, "\n.fi\n");
}

static void man_head(posw_buf *out) {
    const cli_program *p = &cli_this_program;
    posw_buf_text(out, ".TH ");
    for (const char *c = p->page; *c != '\0'; c++)
        posw_buf_byte(out, (uint8_t)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c));
    posw_buf_text(out, " 1 \"\" \"posw " POSW_VERSION "\" \"User Commands\"\n.SH NAME\n");
    roff(out, p->page);
    posw_buf_text(out, " \\- ");
    roff(out, p->summary);
    posw_buf_text(out, "\n.SH SYNOPSIS\n.B ");
    roff(out, p->name);
    posw_buf_text(out, "\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n");
    roff(out, p->text);
    posw_buf_text(out, "\n.SH COMMON OPTIONS\n");
}

void cli_write_man(posw_buf *out) {
    man_head(out);
    man_options(out, cli_common_options);
    posw_buf_text(out, ".SH COMMANDS\n");
    for (const cli_command *const *c = cli_commands; *c != NULL; c++)
        man_command(out, *c);
    posw_buf_text(
        out, ".SH EXIT STATUS\n0: done. 1: failed, with one sentence that says why and what to do. 2: wrong usage.\n");
}

/* The names of options: all, or only those with a value. */
static void words_of(posw_buf *out, const cli_option *o, bool with_value) {
    for (; o->name != NULL; o++)
        if (!with_value || o->value != NULL) posw_buf_printf(out, "--%s ", o->name);
}

void cli_write_words(posw_buf *out, const cli_command *command) {
    words_of(out, command->options, false);
    words_of(out, cli_common_options, false);
    posw_buf_byte(out, '\n');
    words_of(out, command->options, true);
    words_of(out, cli_common_options, true);
}

/* What the program of the laboratory has: its commands, or the two lines of options of one. */
static const char bash_lab[] =
    "    if [ \"${COMP_WORDS[1]}\" = lab ] && [ \"$COMP_CWORD\" -ge 2 ]; then\n"
    "        local lab; [ \"$COMP_CWORD\" -eq 2 ] || lab=${COMP_WORDS[2]}\n"
    "        { read -r words; read -r valued; } <<<\"$(\"${COMP_WORDS[0]}\" lab words $lab 2>/dev/null)\"\n"
    "        valued=\" $valued \"\n"
    "    fi\n";

static void bash(posw_buf *out) {
    posw_buf_text(
        out, "# bash completion for posw\n_posw() {\n    local cur=${COMP_WORDS[COMP_CWORD]} words=\"\" valued=\"\"\n"
             "    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (const cli_command *const *c = cli_commands; *c != NULL; c++) {
        posw_buf_printf(out, "    \"%s%s) words=\"", (*c)->name, strchr((*c)->name, ' ') != NULL ? "\"*" : " \"*");
        words_of(out, (*c)->options, false);
        words_of(out, cli_common_options, false);
        posw_buf_text(out, "\" valued=\" ");
        words_of(out, (*c)->options, true);
        words_of(out, cli_common_options, true);
        posw_buf_text(out, "\" ;;\n");
    }
    posw_buf_text(out, "    esac\n    case \"$COMP_CWORD:${COMP_WORDS[1]}\" in\n    1:*) words=\"");
    for (const cli_command *const *c = cli_commands; *c != NULL; c++) {
        const char *space = strchr((*c)->name, ' ');
        posw_buf_append(out, (*c)->name, space != NULL ? (size_t)(space - (*c)->name) : strlen((*c)->name));
        posw_buf_text(out, " ");
    }
    posw_buf_text(out, "\" ;;\n");
    for (const cli_command *const *c = cli_commands; *c != NULL; c++) {
        const char *space = strchr((*c)->name, ' ');
        if (space != NULL)
            posw_buf_printf(out, "    2:%.*s) words=\"$words %s\" ;;&\n", (int)(space - (*c)->name), (*c)->name,
                            space + 1);
    }
    /* an option's value, and what matches no word, is completed as a file name (-o default) */
    posw_buf_text(out, "    esac\n");
    posw_buf_text(out, bash_lab);
    posw_buf_text(out, "    case \"$valued\" in *\" ${COMP_WORDS[COMP_CWORD-1]} \"*) words=\"\" ;; esac\n"
                       "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -o default -F _posw posw\n");
}

/* zsh runs bash completions through its own bridge. */
static void zsh(posw_buf *out) {
    posw_buf_text(out, "#compdef posw\nautoload -U +X bashcompinit && bashcompinit\n");
    bash(out);
}

int cli_write_completion(posw_buf *out, const char *shell) {
    if (strcmp(shell, "bash") == 0)
        bash(out);
    else if (strcmp(shell, "zsh") == 0)
        zsh(out);
    else
        return POSW_EINVAL;
    return out->failed ? POSW_ENOMEM : POSW_OK;
}
