/* Questions in order, each with a default, a reason, and what the laboratory says about it. Every answer goes through
 * the table of new_chain.h at once, with all the others. */
#include "cli/wizard.h"

#include "base/bytes.h"
#include "base/units.h"
#include "cli/keys.h"
#include "cli/lab.h"
#include "io/runner.h"
#include "posw/u256.h"
#include "wallet/address.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHARE_QUESTION = 14, ALTERNATIVES_MAX = 5, USUAL_DEPTH = 60, TARGET = NEW_CHAIN_CHOICES, ASK_AGAIN = -1 };

/* What the laboratory is asked about a question. */
enum effect {
    EFFECT_NONE,
    EFFECT_CHOICES, /* the answers in `alternatives`, for the last 60 blocks */
    EFFECT_HOUR,    /* the same, for the last hour */
    EFFECT_VALUE,   /* coins that are worth more or less */
    EFFECT_STAKED,  /* nobody stakes yet, or 40 % do */
    EFFECT_HASH,    /* how much of the cost is hash */
};

static const char SOMEBODY[] = "0x0000000000000000000000000000000000000001";

typedef struct {
    const char *option; /* NULL: where to write */
    const char *ask, *why;
    enum effect effect;
    const char *alternatives[ALTERNATIVES_MAX + 1];
    const char *of; /* the option that these answer; NULL: this one */
} question;

static const question QUESTIONS[] = {
    {"name",
     "Name of the chain",
     "Wallets and pages show it. It has no effect on the cost of an attack.",
     EFFECT_NONE,
     {NULL},
     NULL},
    {"ticker",
     "Symbol of its coin",
     "1 to 6 of A-Z and 0-9; wallets warn of one that a well-known coin has. No effect on the cost of an attack.",
     EFFECT_NONE,
     {NULL},
     NULL},
    {"chain-id",
     "Chain id",
     "A number that no other chain uses keeps payments from being repeated there; this one is drawn by lot. No effect "
     "on the cost of an attack.",
     EFFECT_NONE,
     {NULL},
     NULL},
    {"supply",
     "Coins at the start",
     "Their number does not matter for the cost of an attack; what all of them are worth does.",
     EFFECT_VALUE,
     {NULL},
     NULL},
    {"accounts",
     "Who owns them: ADDRESS=AMOUNT or ADDRESS=PERCENT%, separated by commas",
     "Whoever holds the stake needs only the hash for an attack: give coins to many who do not belong together.",
     EFFECT_NONE,
     {NULL},
     NULL},
    {"stakes",
     "And who stakes from the first block: MINER=AMOUNT or MINER=PERCENT%",
     "Without stakes in the file none is in force in the first two epochs, when a new chain is weakest. 25 % of the "
     "coins are a ticket for every block, under the usual rule.",
     EFFECT_STAKED,
     {NULL},
     NULL},
    {"block-time",
     "Seconds between blocks",
     "Shorter ones confirm sooner; longer ones lose fewer blocks to the time that messages take.",
     EFFECT_HOUR,
     {"5", "15", "60", NULL},
     NULL},
    {"pow",
     "Proof of work: argon2id, randomx or keccak256",
     "argon2id is quick to check and mined by stock miners; randomx suits ordinary processors best; keccak256 is for "
     "development.",
     EFFECT_HASH,
     {NULL},
     NULL},
    {"difficulty",
     "Difficulty of the first blocks",
     "Hashes a second of the first miners, times the block time, times 1024 if they have tickets from the first block; "
     "it follows the miners by itself. No lasting effect on the cost of an attack.",
     EFFECT_NONE,
     {NULL},
     NULL},
    {"weight",
     "How stake amplifies work: ticket, quarkchain, diode, quadratic, linear, sqrt or pow",
     "Under ticket each boosted block uses up locked coins, so that an attack needs more stake the deeper it goes; "
     "under the others one stake amplifies any amount of rented hash.",
     EFFECT_CHOICES,
     {"ticket", "quarkchain", "diode", "linear", "pow", NULL},
     NULL},
    {"reward",
     "New coins of each block at first",
     "They pay for the hash; more of them buy more of it, at the expense of all who hold coins.",
     EFFECT_CHOICES,
     {"0.5 coin", "2 coin", "8 coin", NULL},
     NULL},
    {"halving",
     "Blocks after which the reward halves (or a time such as 700 days; 0: never)",
     "Each halving halves what an attacker without stake must pay.",
     EFFECT_NONE,
     {NULL},
     NULL},
    {"tail",
     "The reward never falls below",
     "The tail pays for security when the halvings are over. A chain that paid only this much:",
     EFFECT_CHOICES,
     {"0 coin", "0.1 coin", "1 coin", NULL},
     NULL},
    {"treasury",
     "Treasury: an address that gets a part of each reward, or none",
     "It pays for the chain's upkeep, and can be changed later by an upgrade only. What it gets pays for no hash.",
     EFFECT_CHOICES,
     {"0%", "10%", "30%", NULL},
     "treasury-share"},
    {"treasury-share",
     "Its part of the reward, in percent",
     "0% to 100%, in hundredths of a percent; the figures above say what it does to the cost of an attack.",
     EFFECT_NONE,
     {NULL},
     NULL},
    {"unbonding",
     "How long unstaked coins stay locked: blocks, or a time such as 7 days",
     "The lock holds an attacker's coins until the attack is known and their price has fallen.",
     EFFECT_CHOICES,
     {"1 day", "7 days", "30 days", NULL},
     NULL},
    {NULL,
     "Where to write it: a file whose name ends in .json, or a folder for all that a community needs",
     "The folder gets the chain file, keys of boot nodes, units, a compose file, a wallet page and a README.",
     EFFECT_NONE,
     {NULL},
     NULL},
};

typedef struct {
    const cli *c;
    wizard_answers *answers;
    char *given[NEW_CHAIN_CHOICES + 1]; /* borrowed from the command line */
    uint64_t genesis_time;
    bool lab;
    bool has_key;
    posw_address key; /* the first of the keystore */
} wizard;

bool wizard_possible(void) {
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static size_t place_of(const question *q) {
    return q->option == NULL ? (size_t)TARGET : new_chain_find(q->option);
}

static char **answer_at(const wizard *w, size_t place) {
    return place == TARGET ? &w->answers->target : &w->answers->texts[place];
}

/* ---- defaults ---- */

static bool first_key(void *arg, const cli_key_file *f) {
    wizard *w = arg;
    if (f->keystore == NULL || !f->has_address) return true;
    w->has_key = true;
    w->key = f->address;
    return false;
}

static size_t read_all(const wizard *w, new_chain *n, posw_message *msg) {
    const char *texts[NEW_CHAIN_CHOICES];
    for (size_t i = 0; i < NEW_CHAIN_CHOICES; i++)
        texts[i] = w->answers->texts[i] != NULL ? w->answers->texts[i]
                   : NEW_CHAIN_TABLE[i].needed  ? "1" /* not asked yet: what all of these permit */
                                                : w->given[i];
    return new_chain_read(n, texts, NULL, w->genesis_time, msg);
}

/* The first letters of the words, or of the only one. */
static void default_ticker(char out[POSW_CHAIN_TICKER_MAX + 1], const char *name) {
    size_t n = 0;
    const bool one_word = strchr(name, ' ') == NULL;
    for (const char *p = name; *p != '\0' && n < 4; p++) {
        const char c = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        const bool fits = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (fits && (one_word || p == name || p[-1] == ' ')) out[n++] = c;
    }
    out[n] = '\0';
    if (n < 2) memcpy(out, "COIN", sizeof "COIN");
}

static void default_id(char *out, size_t size) {
    enum { LEAST = 100000000, MOST = 2147483629 };
    uint64_t n;
    posw_random_bytes(&n, sizeof n);
    snprintf(out, size, "%" PRIu64, LEAST + n % (MOST - LEAST + 1));
}

/* What is left of the supply, for the first owner. */
static void default_stakes(const wizard *w, char *out, size_t size) {
    new_chain n;
    char rest_text[POSW_AMOUNT_SIZE], address[POSW_EIP55_SIZE];
    posw_u256 rest = POSW_U256_ZERO;
    (void)read_all(w, &n, NULL);
    const posw_u256 owned = posw_chain_spec_supply(&n.spec);
    snprintf(out, size, "none");
    if (n.spec.account_count > 0 && n.has_supply && posw_u256_sub(&rest, &n.supply_wei, &owned) &&
        !posw_u256_is_zero(&rest)) {
        posw_eip55_format(address, &n.spec.accounts[0].address);
        posw_amount_format(rest_text, &rest);
        snprintf(out, size, "%s=%s", address, rest_text);
    }
    new_chain_clear(&n);
}

/* What stands in the file when nothing is said. */
static void default_unbonding(const wizard *w, char *out, size_t size) {
    new_chain n;
    (void)read_all(w, &n, NULL);
    const uint64_t blocks = n.spec.params.unbonding_blocks;
    if (blocks == 7 * 86400 / n.spec.params.block_time_s)
        snprintf(out, size, "7 days");
    else
        snprintf(out, size, "%" PRIu64, blocks);
    new_chain_clear(&n);
}

static void default_accounts(const wizard *w, char *out, size_t size) {
    char address[POSW_EIP55_SIZE];
    posw_eip55_format(address, &w->key);
    snprintf(out, size, w->has_key ? "%s=70%%" : "none", address);
}

static void default_of(const wizard *w, const question *q, char *out, size_t size) {
    const size_t place = place_of(q);
    const char *before = *answer_at(w, place), *given = w->given[place];
    char slug[NEW_CHAIN_SLUG_SIZE];
    if (before != NULL || given != NULL)
        snprintf(out, size, "%s", before != NULL ? before : given);
    else if (q->option == NULL)
        snprintf(out, size, "%s", (new_chain_slug(slug, w->answers->texts[new_chain_find("name")]), slug));
    else if (strcmp(q->option, "name") == 0)
        snprintf(out, size, "My Chain");
    else if (strcmp(q->option, "ticker") == 0)
        default_ticker(out, w->answers->texts[new_chain_find("name")]);
    else if (strcmp(q->option, "chain-id") == 0)
        default_id(out, size);
    else if (strcmp(q->option, "supply") == 0)
        snprintf(out, size, w->has_key ? "10000000 coin" : "0 coin");
    else if (strcmp(q->option, "accounts") == 0)
        default_accounts(w, out, size);
    else if (strcmp(q->option, "stakes") == 0)
        default_stakes(w, out, size);
    else if (strcmp(q->option, "treasury") == 0)
        snprintf(out, size, "none");
    else if (strcmp(q->option, "treasury-share") == 0)
        snprintf(out, size, "0%%");
    else if (strcmp(q->option, "unbonding") == 0)
        default_unbonding(w, out, size);
    else
        snprintf(out, size, "%s", cli_text(w->c, q->option));
}

/* ---- what the laboratory says ---- */

static void say_cost(double usd, const char *with, bool first, bool last) {
    char text[CLI_LAB_USD_SIZE];
    printf("%s%s USD %s", first ? " about " : last ? " and " : ", ", cli_lab_usd(text, usd), with);
}

typedef struct {
    const char *label;
    double cost;
} figure;

static void print_figures(const char *what, const figure *f, size_t count) {
    if (count == 0) return;
    printf("  Replacing %s costs", what);
    for (size_t i = 0; i < count; i++)
        say_cost(f[i].cost, f[i].label, i == 0, i + 1 == count);
    puts(".");
}

/* The cost with each alternative answer. */
static void compare_choices(const wizard *w, const question *q) {
    const size_t place = q->of != NULL ? new_chain_find(q->of) : place_of(q), treasury = new_chain_find("treasury");
    const bool is_tail = strcmp(q->option, "tail") == 0;
    char *const treasury_before = w->answers->texts[treasury];
    if (q->of != NULL) w->answers->texts[treasury] = (char *)(uintptr_t)SOMEBODY;
    figure figures[ALTERNATIVES_MAX];
    char labels[ALTERNATIVES_MAX][48];
    size_t count = 0;
    for (const char *const *text = q->alternatives; *text != NULL; text++) {
        new_chain n;
        cli_lab_attack a;
        char *const before = w->answers->texts[place];
        w->answers->texts[place] = (char *)(uintptr_t)*text;
        const size_t judged = read_all(w, &n, NULL);
        w->answers->texts[place] = before;
        if (is_tail) n.spec.params.reward_initial_wei = n.spec.params.reward_tail_wei;
        const uint64_t hour = 3600 / n.spec.params.block_time_s;
        if (judged != place &&
            cli_lab_ask_attack(&a, &n.spec, &CLI_LAB_MARKET, q->effect == EFFECT_HOUR ? hour : USUAL_DEPTH)) {
            snprintf(labels[count], sizeof labels[count], q->effect == EFFECT_HOUR ? "at %s s" : "with %s", *text);
            figures[count] = (figure){labels[count], a.cost_usd};
            count++;
        }
        new_chain_clear(&n);
    }
    w->answers->texts[treasury] = treasury_before;
    print_figures(q->effect == EFFECT_HOUR ? "the last hour" : "the last 60 blocks", figures, count);
}

static void compare_markets(const wizard *w, enum effect effect) {
    static const struct {
        enum effect effect;
        const char *label;
        cli_lab_market market;
    } markets[] = {{EFFECT_VALUE, "if all coins are worth 1 million USD", {1e6, 0.4}},
                   {EFFECT_VALUE, "at 10 million", {1e7, 0.4}},
                   {EFFECT_VALUE, "at 100 million", {1e8, 0.4}},
                   {EFFECT_STAKED, "while nobody stakes", {1e7, 0}},
                   {EFFECT_STAKED, "when 40 % of the coins are staked", {1e7, 0.4}}};
    figure figures[ALTERNATIVES_MAX];
    size_t count = 0;
    new_chain n;
    (void)read_all(w, &n, NULL);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(markets); i++) {
        cli_lab_attack a;
        if (markets[i].effect != effect || !cli_lab_ask_attack(&a, &n.spec, &markets[i].market, USUAL_DEPTH)) continue;
        figures[count++] = (figure){markets[i].label, a.cost_usd};
    }
    print_figures("the last 60 blocks", figures, count);
    new_chain_clear(&n);
}

static void tell_hash(const wizard *w) {
    cli_lab_attack a;
    char all[CLI_LAB_USD_SIZE], hash[CLI_LAB_USD_SIZE], alone[CLI_LAB_USD_SIZE];
    new_chain n;
    (void)read_all(w, &n, NULL);
    if (cli_lab_ask_attack(&a, &n.spec, &CLI_LAB_MARKET, USUAL_DEPTH))
        printf("  Replacing the last 60 blocks costs about %s USD, of which %s are hash, and %s USD without stake: "
               "what counts is how much "
               "hash of this kind is for rent.\n",
               cli_lab_usd(all, a.cost_usd), cli_lab_usd(hash, a.hash_usd), cli_lab_usd(alone, a.no_stake_usd));
    new_chain_clear(&n);
}

static void tell_effect(const wizard *w, const question *q) {
    if (!w->lab) return;
    switch (q->effect) {
    case EFFECT_NONE:
        return;
    case EFFECT_CHOICES:
    case EFFECT_HOUR:
        compare_choices(w, q);
        return;
    case EFFECT_VALUE:
    case EFFECT_STAKED:
        compare_markets(w, q->effect);
        return;
    case EFFECT_HASH:
        tell_hash(w);
        return;
    }
}

/* ---- asking ---- */

/* One line without blanks around it, owned by the caller; NULL at the end of input. */
static char *read_line(void) {
    char *line = NULL;
    size_t room = 0;
    fflush(stdout);
    ssize_t size = getline(&line, &room, stdin);
    if (size < 0) {
        free(line);
        return NULL;
    }
    while (size > 0 && strchr(" \t\r\n", line[size - 1]) != NULL)
        line[--size] = '\0';
    char *text = strdup(line + strspn(line, " \t"));
    free(line);
    return text;
}

/* The rules that span several choices are judged where the last of them is asked. */
static bool ends_group(const question *q) {
    return strcmp(q->option, "stakes") == 0 || strcmp(q->option, "unbonding") == 0 ||
           strcmp(q->option, "treasury-share") == 0;
}

static bool is_empty_folder(const char *path) {
    size_t entries = 0;
    DIR *dir = opendir(path);
    if (dir == NULL) return false;
    while (entries < 3 && readdir(dir) != NULL)
        entries++; /* . and .. are two */
    closedir(dir);
    return entries < 3;
}

/* A file that is not there, or a folder with nothing in it, or one that is to be overwritten. */
static bool is_free(const wizard *w) {
    const char *target = w->answers->target;
    if (cli_switch(w->c, "force") || access(target, F_OK) != 0 || is_empty_folder(target)) return true;
    printf("  There is something at %s already: choose another name, or start again with --force.\n", target);
    return false;
}

/* Judges the answer that has been put in its place. */
static bool permitted(const wizard *w, const question *q) {
    new_chain n;
    posw_message msg = {""};
    if (q->option == NULL) return is_free(w);
    const size_t place = place_of(q), judged = read_all(w, &n, &msg);
    new_chain_clear(&n);
    if (judged == place)
        printf("  This %s.\n", msg.text);
    else if (judged > NEW_CHAIN_CHOICES && ends_group(q))
        printf("  This cannot be: %s.\n", msg.text);
    else
        return true;
    return false;
}

/* Which question comes next: the same one after a refusal; -1 at the end of input. */
static int ask_one(wizard *w, int i) {
    const question *q = &QUESTIONS[i];
    char **answer = answer_at(w, place_of(q)), usual[1024];
    default_of(w, q, usual, sizeof usual);
    printf("%s [%s]: ", q->ask, usual);
    char *line = read_line();
    if (line == NULL) return -1;
    if (strcmp(line, "back") == 0) {
        free(line);
        return i > 0 ? i - 1 : 0;
    }
    if (*line == '\0') {
        free(line);
        line = strdup(usual);
    }
    char *before = *answer;
    *answer = line;
    if (line != NULL && permitted(w, q)) {
        free(before);
        return i + 1;
    }
    *answer = before;
    free(line);
    return i;
}

/* Then nobody is asked for its share. */
static bool has_no_treasury(wizard *w) {
    char **treasury = &w->answers->texts[new_chain_find("treasury")],
         **share = &w->answers->texts[new_chain_find("treasury-share")];
    if (*treasury == NULL || strcmp(*treasury, "none") != 0) return false;
    free(*share);
    *share = NULL;
    return true;
}

/* The share of a treasury, which is asked for where there is one, has the treasury's number. */
static int ask_all(wizard *w, int i) {
    const int count = POSW_ARRAY_SIZE(QUESTIONS);
    int shown = -1;
    while (i < count) {
        if (i != shown) {
            printf("\n%d of %d. %s\n", i < SHARE_QUESTION ? i + 1 : i, count - 1, QUESTIONS[i].why);
            tell_effect(w, &QUESTIONS[i]);
        }
        shown = i;
        i = ask_one(w, i);
        if (i == SHARE_QUESTION && has_no_treasury(w)) i += shown < SHARE_QUESTION ? 1 : -1;
        if (i < 0) return cli_fail("the questions ended early; nothing was written");
    }
    return CLI_OK;
}

static int confirm(const wizard *w, void (*show)(const posw_chain_spec *spec)) {
    new_chain n;
    posw_message msg = {""};
    const size_t judged = read_all(w, &n, &msg);
    if (judged == NEW_CHAIN_CHOICES) {
        puts("");
        show(&n.spec);
    }
    new_chain_clear(&n);
    if (judged != NEW_CHAIN_CHOICES) return cli_fail("%s; nothing was written", msg.text);
    for (;;) {
        printf("\nWrite it to %s? yes, no or back [yes]: ", w->answers->target);
        char *line = read_line();
        const bool yes = line != NULL && (*line == '\0' || strcmp(line, "yes") == 0 || strcmp(line, "y") == 0);
        const bool no = line == NULL || strcmp(line, "no") == 0 || strcmp(line, "n") == 0;
        const bool back = line != NULL && strcmp(line, "back") == 0;
        free(line);
        if (yes) return CLI_OK;
        if (no) return cli_fail("nothing was written");
        if (back) return ASK_AGAIN;
    }
}

int wizard_ask(const cli *c, wizard_answers *out, const char *target, uint64_t genesis_time,
               void (*show)(const posw_chain_spec *spec)) {
    wizard w = {.c = c, .answers = out, .genesis_time = genesis_time, .lab = cli_lab_installed()};
    posw_buf dir = {0};
    for (size_t i = 0; i < NEW_CHAIN_CHOICES; i++)
        if (cli_given(c, NEW_CHAIN_TABLE[i].option))
            w.given[i] = (char *)(uintptr_t)cli_text(c, NEW_CHAIN_TABLE[i].option);
    w.given[TARGET] = (char *)(uintptr_t)target;
    if (cli_keystore_dir(c, &dir) == CLI_OK) (void)cli_keystore_scan((const char *)dir.data, first_key, &w);
    posw_buf_clear(&dir);
    puts("A new chain, in a few questions. Enter takes what stands in [brackets], back goes one question back, Ctrl-C "
         "leaves\n"
         "without a trace; nothing is written before the end.");
    puts(w.lab ? "Costs of attacks are computed by posw-lab for what you have answered so far, for a chain whose coins "
                 "are together worth\n"
                 "10 million USD, 40 % of them staked, with prices that fall by 30 % when an attack is known; posw lab "
                 "attack takes others."
               : "posw-lab is not beside this program ('make build' makes it), so nothing is said about the cost of "
                 "attacks in dollars.");
    int code = ask_all(&w, 0);
    while (code == CLI_OK && (code = confirm(&w, show)) == ASK_AGAIN)
        code = ask_all(&w, POSW_ARRAY_SIZE(QUESTIONS) - 1);
    return code;
}

void wizard_answers_clear(wizard_answers *a) {
    for (size_t i = 0; i < NEW_CHAIN_CHOICES; i++)
        free(a->texts[i]);
    free(a->target);
    memset(a, 0, sizeof *a);
}
