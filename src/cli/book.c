#include "cli/book.h"

#include "base/bytes.h"
#include "cli/commands.h"
#include "io/file.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* NULL: this user has none. */
static const char *home_folder(void) {
    const char *home = getenv("HOME");
    const struct passwd *user = home == NULL || *home == '\0' ? getpwuid(getuid()) : NULL;
    if (user != NULL) home = user->pw_dir;
    return home != NULL && *home != '\0' ? home : NULL;
}

int cli_home_path(posw_buf *out, const char *rest) {
    const char *home = home_folder();
    posw_buf_reset(out);
    if (home == NULL) return cli_fail("there is no home directory, and so no ~/.posw/%s; set HOME", rest);
    posw_buf_printf(out, "%s/.posw/%s", home, rest);
    posw_buf_byte(out, 0);
    return out->failed ? cli_fail("out of memory") : CLI_OK;
}

/* ---- the file ---- */

/* What a missing file holds is an empty book. */
static int load(posw_book *out, const char *path, posw_message *msg) {
    posw_buf text = {0};
    posw_message why = {""};
    int err = posw_file_read(&text, path, POSW_BOOK_JSON_MAX, msg);
    if (err == POSW_OK && (err = posw_book_decode(out, (const char *)text.data, text.size, &why)) != POSW_OK)
        (void)posw_message_set(msg, err, "%.200s: %.300s", path, why.text);
    posw_buf_clear(&text);
    return err == POSW_ENOTFOUND ? POSW_OK : err;
}

static int store(const posw_book *book, const char *path) {
    posw_buf text = {0}, folder = {0};
    posw_message msg = {""};
    int code = cli_home_path(&folder, ""), err = POSW_OK;
    posw_book_encode(&text, book);
    if (code == CLI_OK && text.failed) code = cli_fail("out of memory");
    if (code == CLI_OK) err = posw_file_make_directories((const char *)folder.data, 0700, &msg);
    if (code == CLI_OK && err == POSW_OK) err = posw_file_write(path, text.data, text.size, 0600, &msg);
    posw_buf_clear(&text);
    posw_buf_clear(&folder);
    return err == POSW_OK ? code : cli_fail("%s", msg.text);
}

/* One program run, one person, one book. */
static const posw_book *the_book(void) {
    static posw_book book;
    static bool loaded;
    posw_buf path = {0};
    posw_message msg = {""};
    if (!loaded && home_folder() != NULL && cli_home_path(&path, "book.json") == CLI_OK &&
        load(&book, (const char *)path.data, &msg) != POSW_OK)
        fprintf(stderr, "note: the address book cannot be used: %s\n", msg.text);
    loaded = true;
    posw_buf_clear(&path);
    return &book;
}

/* ---- names in other commands ---- */

const char *cli_book_name(const posw_address *a) {
    const posw_book_entry *e = posw_book_name_of(the_book(), a);
    return e != NULL ? e->name : NULL;
}

cli_shown_address cli_show_address(const posw_address *a) {
    cli_shown_address s;
    const char *name = cli_book_name(a);
    const size_t size = posw_eip55_format(s.text, a);
    if (name != NULL) snprintf(s.text + size, sizeof s.text - size, " (%s)", name);
    return s;
}

bool cli_address(const cli *c, const char *what, const char *text, posw_address *out) {
    int err = posw_eip55_parse(out, text, NULL);
    if (err == POSW_OK) return true;
    if (err == POSW_ECHECKSUM) {
        cli_usage(c, "%s %s has a wrong checksum: a letter was mistyped; copy the address again", what, text);
        return false;
    }
    const bool is_name = posw_book_name_check(text, NULL) == POSW_OK;
    const posw_book_entry *e = is_name ? posw_book_find(the_book(), text) : NULL;
    if (e != NULL) {
        *out = e->address;
        return true;
    }
    cli_usage(c, "%s '%s' is not an address: 0x and 40 hexadecimal digits%s", what, text,
              is_name ? ", or a name of the address book ('posw wallet book list')" : "");
    return false;
}

/* ---- posw wallet book ---- */

static const cli_option options[] = {
    {"json", NULL, NULL, "print the result as JSON"},
    {NULL, NULL, NULL, NULL},
};

static void put_entry_json(posw_jw *w, const posw_book_entry *e) {
    posw_jw_object(w);
    posw_jw_kv_string(w, "name", e->name);
    posw_jw_kv_eip55(w, "address", &e->address);
    posw_jw_object_end(w);
}

static int list(const cli *c, const posw_book *book) {
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    if (cli_switch(c, "json")) {
        posw_jw_object(&w);
        posw_jw_key(&w, "names");
        posw_jw_array(&w);
        for (size_t i = 0; i < book->count; i++)
            put_entry_json(&w, &book->entries[i]);
        posw_jw_array_end(&w);
        posw_jw_object_end(&w);
        return cli_print(&b);
    }
    if (book->count == 0) fputs("the address book is empty; 'posw wallet book add NAME ADDRESS' puts one in\n", stderr);
    for (size_t i = 0; i < book->count; i++) {
        char address[POSW_EIP55_SIZE];
        posw_eip55_format(address, &book->entries[i].address);
        printf("%s  %s\n", address, book->entries[i].name);
    }
    return fflush(stdout) == 0 ? CLI_OK : cli_fail("the output could not be written");
}

static int say(const cli *c, const char *done, const posw_book_entry *e) {
    posw_buf b = {0};
    posw_jw w;
    char address[POSW_EIP55_SIZE];
    posw_eip55_format(address, &e->address);
    posw_jw_init(&w, &b);
    if (cli_switch(c, "json"))
        put_entry_json(&w, e);
    else
        posw_buf_printf(&b, "%s: %s is %s", done, e->name, address);
    return cli_print(&b);
}

static int add(const cli *c, posw_book *book, const char *path) {
    const char *name = c->args[1];
    posw_message msg = {""};
    posw_address address;
    int err = posw_book_name_check(name, &msg);
    if (err != POSW_OK) return cli_usage(c, "'%s': %s", name, msg.text);
    if (!cli_address(c, "the address", c->args[2], &address)) return CLI_USAGE;
    if ((err = posw_book_add(book, name, &address, &msg)) == POSW_EEXIST)
        return cli_fail("%s, for %s; take it out first if it shall mean another address", msg.text,
                        cli_show_address(&posw_book_find(book, name)->address).text);
    if (err != POSW_OK) return cli_fail("%s", msg.text);
    const int code = store(book, path);
    return code == CLI_OK ? say(c, "added", posw_book_find(book, name)) : code;
}

static int take_out(const cli *c, posw_book *book, const char *path) {
    const posw_book_entry *e = posw_book_find(book, c->args[1]);
    if (e == NULL) return cli_fail("there is no name '%s' in the address book", c->args[1]);
    const posw_book_entry gone = *e;
    const int code = posw_book_remove(book, gone.name) == POSW_OK ? store(book, path) : CLI_FAILED;
    return code == CLI_OK ? say(c, "taken out", &gone) : code;
}

/* add, list or remove, by the number of arguments that each has. */
static int act(const cli *c, posw_book *book, const char *path) {
    const char *action = c->arg_count > 0 ? c->args[0] : "list";
    if (strcmp(action, "list") == 0 && c->arg_count <= 1) return list(c, book);
    if (strcmp(action, "add") == 0 && c->arg_count == 3) return add(c, book, path);
    if (strcmp(action, "remove") == 0 && c->arg_count == 2) return take_out(c, book, path);
    return cli_usage(c, "write 'add NAME ADDRESS', 'list' or 'remove NAME'");
}

static int run(cli *c) {
    posw_book book = {0};
    posw_buf path = {0};
    posw_message msg = {""};
    int code = cli_home_path(&path, "book.json");
    if (code == CLI_OK && load(&book, (const char *)path.data, &msg) != POSW_OK) code = cli_fail("%s", msg.text);
    if (code == CLI_OK) code = act(c, &book, (const char *)path.data);
    posw_book_clear(&book);
    posw_buf_clear(&path);
    return code;
}

const cli_command cli_command_wallet_book = {
    "wallet book",
    "[OPTIONS] add NAME ADDRESS | list | remove NAME",
    "names for addresses",
    "Keeps names for addresses in ~/.posw/book.json. A name can stand wherever an address is asked for, and is printed "
    "beside its address. A name begins with a letter and has letters, digits, '-', '_' and '.'; it never moves to "
    "another address by itself.",
    "posw wallet book add alice 0x…\nposw wallet book list\nposw send --from me --to alice --amount \"1 coin\"\nposw "
    "wallet book remove alice",
    options,
    0,
    3,
    run};
