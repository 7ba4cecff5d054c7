/* The folder of a new chain: templates of src/cli/bundle with the chain's own values, and what the laboratory says. */
#include "cli/bundle.h"

#include "cli/chain_show.h"

#include "base/bytes.h"
#include "base/netaddr.h"
#include "base/units.h"
#include "chain/chainfile.h"
#include "cli/bundle_texts.h"
#include "cli/lab.h"
#include "cli/new_chain.h"
#include "cli/stack.h"
#include "io/file.h"
#include "io/identity.h"

#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 16, BOOT_NODES_MAX = 16, KEYS_MAX = 32, P2P_PORT = 30301, PATH_SIZE = 4096 };

/* One thing that a template may name. */
typedef struct {
    const char *key;
    posw_buf text;
} value;

typedef struct {
    char name[NEW_CHAIN_SLUG_SIZE + 32]; /* below the folder */
    posw_buf text;
    bool was_there;
} file;

typedef struct {
    const cli *c;
    const posw_chain_spec *spec;
    const char *folder;
    char slug[NEW_CHAIN_SLUG_SIZE];
    const char **hosts, **rpc_urls; /* owned */
    size_t host_count;
    posw_buf boot_nodes; /* posw://…, separated by commas */
    bool hosts_known;
    value values[KEYS_MAX];
    size_t value_count;
    file files[FILES_MAX];
    size_t file_count;
} bundle;

/* ---- templates ---- */

static posw_buf *value_new(bundle *b, const char *key) {
    POSW_ASSERT(b->value_count < KEYS_MAX);
    value *v = &b->values[b->value_count++];
    v->key = key;
    return &v->text;
}

static void put(bundle *b, const char *key, const char *text) {
    posw_buf_text(value_new(b, key), text);
}

static void put_number(bundle *b, const char *key, uint64_t n) {
    posw_buf_printf(value_new(b, key), "%" PRIu64, n);
}

static void put_amount(bundle *b, const char *key, const posw_u256 *wei) {
    char text[POSW_AMOUNT_SIZE];
    posw_amount_format(text, wei);
    put(b, key, text);
}

static const posw_buf *find_value(const bundle *b, const char *key, size_t size) {
    for (size_t i = 0; i < b->value_count; i++)
        if (strlen(b->values[i].key) == size && memcmp(b->values[i].key, key, size) == 0) return &b->values[i].text;
    return NULL;
}

/* @KEY@ becomes its value; an @ that begins no known key stays. */
static void fill(posw_buf *out, const bundle *b, const char *text) {
    while (*text != '\0') {
        const size_t plain = strcspn(text, "@");
        posw_buf_append(out, text, plain);
        text += plain;
        if (*text == '\0') return;
        const char *end = strchr(text + 1, '@');
        const posw_buf *v = end != NULL ? find_value(b, text + 1, (size_t)(end - text) - 1) : NULL;
        if (v != NULL)
            posw_buf_append(out, v->data, v->size);
        else
            posw_buf_byte(out, '@');
        text = v != NULL ? end + 1 : text + 1;
    }
}

const char *cli_bundle_text_of(const char *name) {
    const cli_bundle_text *t = CLI_BUNDLE_TEXTS;
    while (t->name != NULL && strcmp(t->name, name) != 0)
        t++;
    POSW_ASSERT(t->name != NULL);
    return t->text;
}

static posw_buf *file_new(bundle *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static posw_buf *file_new(bundle *b, const char *format, ...) {
    POSW_ASSERT(b->file_count < FILES_MAX);
    file *f = &b->files[b->file_count++];
    va_list ap;
    va_start(ap, format);
    vsnprintf(f->name, sizeof f->name, format, ap);
    va_end(ap);
    return &f->text;
}

/* ---- options ---- */

static bool is_web_url(const char *url) {
    static const char *const starts[] = {"https://", "http://127.0.0.1", "http://localhost", "http://[::1]"};
    if (url[strcspn(url, " \"'<>\\")] != '\0') return false;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(starts); i++) {
        const size_t size = strlen(starts[i]);
        if (strncmp(url, starts[i], size) != 0) continue;
        return i == 0 ? url[size] != '\0' : url[size] == '\0' || url[size] == ':' || url[size] == '/';
    }
    return false;
}

static int read_options(bundle *b) {
    const char *explorer = cli_text(b->c, "explorer");
    posw_node_url parsed;
    b->rpc_urls = cli_list(b->c, "rpc-urls");
    b->hosts = cli_list(b->c, "boot-hosts");
    if (b->rpc_urls == NULL || b->rpc_urls[0] == NULL) return cli_usage(b->c, "--rpc-urls needs at least one address");
    for (size_t i = 0; b->rpc_urls[i] != NULL; i++)
        if (!is_web_url(b->rpc_urls[i]))
            return cli_usage(
                b->c, "--rpc-urls: wallets take https://…, and http:// for 127.0.0.1 and localhost only, not '%s'",
                b->rpc_urls[i]);
    if (explorer != NULL && (strncmp(explorer, "https://", 8) != 0 || !is_web_url(explorer)))
        return cli_usage(b->c, "--explorer must be an address that begins with https://");
    for (; b->hosts != NULL && b->hosts[b->host_count] != NULL; b->host_count++)
        if (b->host_count == BOOT_NODES_MAX || strchr(b->hosts[b->host_count], '@') != NULL ||
            !posw_node_url_parse(&parsed, b->hosts[b->host_count], P2P_PORT))
            return cli_usage(b->c, "--boot-hosts takes at most %d of HOST, HOST:PORT or ADDRESS:PORT, and '%s' is none",
                             BOOT_NODES_MAX, b->hosts[b->host_count]);
    b->hosts_known = b->host_count > 0;
    if (!b->hosts_known) b->host_count = 1;
    return CLI_OK;
}

/* ---- keys ---- */

static void path_of(char out[PATH_SIZE], const bundle *b, const char *name) {
    snprintf(out, PATH_SIZE, "%s/%s", b->folder, name);
}

static void boot_node(bundle *b, size_t i, const posw_node_id *id) {
    char hex[2 * sizeof id->b + 1];
    posw_node_url at = {.port = P2P_PORT};
    posw_hex_encode(hex, id->b, sizeof id->b);
    if (b->hosts_known) POSW_ASSERT(posw_node_url_parse(&at, b->hosts[i], P2P_PORT));
    const bool v6 = strchr(at.host, ':') != NULL;
    posw_buf_printf(&b->boot_nodes, "%sposw://%s@%s%s%s:%u", i > 0 ? "," : "", hex, v6 ? "[" : "",
                    b->hosts_known ? at.host : "HOST", v6 ? "]" : "", at.port);
}

/* A key that is there stays, whatever --force says: it may be in use. made: how many are new. */
static int make_keys(bundle *b, size_t *made) {
    char name[48], path[PATH_SIZE];
    posw_message msg = {""};
    path_of(path, b, "keys");
    if (posw_file_make_directories(path, 0700, &msg) != POSW_OK) return cli_fail("%s", msg.text);
    for (size_t i = 0; i < b->host_count; i++) {
        posw_identity *id;
        snprintf(name, sizeof name, "keys/boot-%zu.key", i + 1);
        path_of(path, b, name);
        *made += access(path, F_OK) != 0;
        if (posw_identity_open(&id, path, &msg) != POSW_OK) return cli_fail("%s", msg.text);
        const posw_node_id node = posw_identity_node_id(id);
        posw_identity_free(id);
        boot_node(b, i, &node);
    }
    return CLI_OK;
}

static void remove_keys(const bundle *b, size_t made) {
    char name[48], path[PATH_SIZE];
    for (size_t i = b->host_count; made > 0 && i > 0; i--, made--) {
        snprintf(name, sizeof name, "keys/boot-%zu.key", i);
        path_of(path, b, name);
        (void)unlink(path);
    }
    path_of(path, b, "keys");
    (void)rmdir(path);
}

/* ---- values ---- */

static void append_html(posw_buf *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '<')
            posw_buf_text(out, "&lt;");
        else if (*text == '&')
            posw_buf_text(out, "&amp;");
        else if (*text == '"')
            posw_buf_text(out, "&quot;");
        else
            posw_buf_byte(out, (uint8_t)*text);
    }
}

/* In a unit a percent sign begins a specifier. */
static void append_unit(posw_buf *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '%') posw_buf_byte(out, '%');
        posw_buf_byte(out, (uint8_t)*text);
    }
}

/* The parameter of wallet_addEthereumChain (EIP-3085). What could end the script element is escaped. */
static bool put_network(bundle *b) {
    char id[24];
    const char *explorer = cli_text(b->c, "explorer");
    json_t *urls = json_array();
    snprintf(id, sizeof id, "0x%" PRIx64, b->spec->params.chain_id);
    for (size_t i = 0; b->rpc_urls[i] != NULL; i++)
        json_array_append_new(urls, json_string(b->rpc_urls[i]));
    json_t *o =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:i}, s:o}", "chainId", id, "chainName", b->spec->name, "nativeCurrency",
                  "name", b->spec->ticker, "symbol", b->spec->ticker, "decimals", 18, "rpcUrls", urls);
    if (o != NULL && explorer != NULL) json_object_set_new(o, "blockExplorerUrls", json_pack("[s]", explorer));
    char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    posw_buf *out = value_new(b, "NETWORK-JSON");
    for (const char *p = text; p != NULL && *p != '\0'; p++) {
        if (*p == '<' || *p == '>' || *p == '&')
            posw_buf_printf(out, "\\u%04x", *p);
        else
            posw_buf_byte(out, (uint8_t)*p);
    }
    free(text);
    return text != NULL;
}

static void put_boot(bundle *b) {
    posw_buf *option = value_new(b, "BOOT-OPTION"), *line = value_new(b, "BOOT-LINE"),
             *text = value_new(b, "BOOT-TEXT");
    const int size = (int)b->boot_nodes.size;
    const char *nodes = (const char *)b->boot_nodes.data;
    if (b->hosts_known) posw_buf_printf(option, " --bootnodes %.*s", size, nodes);
    posw_buf_printf(line, "%sbootnodes = %.*s",
                    b->hosts_known ? "" : "# With the host of a boot node in place of HOST:\n# ", size, nodes);
    posw_buf_printf(text,
                    "A boot node is an ordinary node that others ask first. It has a key of the folder `keys` as "
                    "`node.key` in its data folder; keep "
                    "these files secret. %s",
                    b->hosts_known
                        ? "`boot-nodes.txt` has the addresses."
                        : "Where it runs is not written yet: put its host into `boot-nodes.txt` and `node.conf`.");
}

static void put_figures(bundle *b) {
    static const uint64_t depths[] = {6, 60, 600};
    posw_buf *out = value_new(b, "FIGURES");
    char cost[CLI_LAB_USD_SIZE], alone[CLI_LAB_USD_SIZE];
    size_t rows = 0;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(depths); i++) {
        cli_lab_attack a;
        if (!cli_lab_ask_attack(&a, b->spec, &CLI_LAB_MARKET, depths[i])) continue;
        if (rows++ == 0)
            posw_buf_text(out, "| blocks to replace | dollars | without any stake | coins that must be bought and "
                               "locked |\n| --- | --- | --- | --- |\n");
        posw_buf_printf(out, "| %" PRIu64 " | %s | %s | %.0f |\n", depths[i], cli_lab_usd(cost, a.cost_usd),
                        cli_lab_usd(alone, a.no_stake_usd), a.stake_coins);
    }
    posw_buf_text(out, rows > 0 ? "\nComputed by `posw lab attack` for coins that are together worth 10 million USD, "
                                  "40 % of them staked, and an attack that costs the "
                                  "attacker 30 % of the price of its coins. With your own economy:\n\n    posw lab "
                                  "attack --chain chain.json --scenario FILE --depth 60\n"
                                : "The laboratory was not there when this was written. It tells what an attack "
                                  "costs:\n\n    posw lab attack --chain chain.json --depth 60\n");
}

static int put_genesis(bundle *b) {
    char text[2 * sizeof(posw_hash) + 3] = "0x";
    posw_hash h;
    const int err = cli_genesis_hash(b->spec, &h);
    if (err != POSW_OK) return cli_fail("the genesis block cannot be made: %s", posw_error_text(err));
    posw_hex_encode(text + 2, h.b, sizeof h.b);
    put(b, "GENESIS", text);
    return CLI_OK;
}

static int put_values(bundle *b) {
    const posw_params *p = &b->spec->params;
    const posw_u256 supply = posw_chain_spec_supply(b->spec);
    char weight[CLI_WEIGHT_WORDS];
    cli_weight_words(weight, p);
    put(b, "NAME", b->spec->name);
    append_html(value_new(b, "NAME-HTML"), b->spec->name);
    append_unit(value_new(b, "NAME-UNIT"), b->spec->name);
    put(b, "TICKER", b->spec->ticker);
    put(b, "SLUG", b->slug);
    put_number(b, "CHAIN-ID", p->chain_id);
    put_number(b, "BLOCK-TIME", p->block_time_s);
    put(b, "POW", posw_pow_name(p->pow));
    put(b, "WEIGHT", weight);
    put_amount(b, "SUPPLY", &supply);
    put_amount(b, "REWARD", &p->reward_initial_wei);
    posw_buf *treasury = value_new(b, "TREASURY");
    if (p->treasury_share > 0)
        posw_buf_printf(treasury, ", of which the treasury gets %.2f %%", p->treasury_share / 100.0);
    put_number(b, "UNBONDING-BLOCKS", p->unbonding_blocks);
    posw_buf_printf(value_new(b, "UNBONDING-DAYS"), "%.1f", (double)(p->unbonding_blocks * p->block_time_s) / 86400);
    put_number(b, "EPOCH", p->epoch_blocks);
    put_number(b, "REORG", p->reorg_max_blocks);
    put(b, "STAKE-TEXT",
        b->spec->stake_count > 0 ? "This chain has stakes from its first block."
                                 : "This chain starts without: in its first two epochs no stake can count.");
    put_boot(b);
    put_figures(b);
    posw_buf *urls = value_new(b, "RPC-URLS-HTML");
    for (size_t i = 0; b->rpc_urls[i] != NULL; i++) {
        if (i > 0) posw_buf_text(urls, "<br>");
        append_html(urls, b->rpc_urls[i]);
    }
    return put_network(b) ? put_genesis(b) : cli_fail("out of memory");
}

/* ---- files ---- */

/* The unit of the package, with names of this chain in place of those of the only one. */
static void write_unit(posw_buf *out, const bundle *b) {
    static const struct {
        const char *from, *to; /* with the slug at the end */
    } changes[] = {{"Description=posw node", NULL},
                   {"/etc/posw/posw.conf", "/etc/posw/@SLUG@.conf"},
                   {"/etc/posw/chain.json", "/etc/posw/@SLUG@.json"},
                   {"/var/lib/posw", "/var/lib/posw-@SLUG@"},
                   {"%S/posw", "%S/posw-@SLUG@"},
                   {"StateDirectory=posw", "StateDirectory=posw-@SLUG@"}};
    for (const char *text = cli_bundle_text_of("posw"); *text != '\0';) {
        size_t i = 0;
        while (i < POSW_ARRAY_SIZE(changes) && strncmp(text, changes[i].from, strlen(changes[i].from)) != 0)
            i++;
        if (i == POSW_ARRAY_SIZE(changes)) {
            posw_buf_byte(out, (uint8_t)*text++);
            continue;
        }
        fill(out, b, changes[i].to != NULL ? changes[i].to : "Description=Node of @NAME-UNIT@");
        text += strlen(changes[i].from);
    }
}

static bool make_files(bundle *b) {
    posw_chainfile_write(file_new(b, "chain.json"), b->spec);
    fill(file_new(b, "node.conf"), b, cli_bundle_text_of("node"));
    write_unit(file_new(b, "posw-%s.service", b->slug), b);
    fill(file_new(b, "compose.yml"), b, cli_bundle_text_of("compose"));
    fill(file_new(b, "add-network.html"), b, cli_bundle_text_of("add-network"));
    fill(file_new(b, "README.md"), b, cli_bundle_text_of("README"));
    posw_buf *nodes = file_new(b, "boot-nodes.txt");
    for (size_t i = 0; i < b->boot_nodes.size; i++)
        posw_buf_byte(nodes, b->boot_nodes.data[i] == ',' ? '\n' : b->boot_nodes.data[i]);
    posw_buf_byte(nodes, '\n');
    for (size_t i = 0; i < b->file_count; i++)
        if (b->files[i].text.failed) return false;
    return true;
}

static int refuse_existing(const bundle *b, const char *name) {
    char path[PATH_SIZE];
    path_of(path, b, name);
    if (cli_switch(b->c, "force") || access(path, F_OK) != 0) return CLI_OK;
    return cli_fail("%s exists already; choose another folder or add --force", path);
}

/* Before anything is made. */
static int check_free(const bundle *b) {
    static const char *const names[] = {"chain.json",       "node.conf", "compose.yml",
                                        "add-network.html", "README.md", "boot-nodes.txt"};
    char unit[sizeof b->files[0].name];
    if (strlen(b->folder) + sizeof unit + 2 > PATH_SIZE) return cli_fail("the name of the folder is too long");
    snprintf(unit, sizeof unit, "posw-%s.service", b->slug);
    int code = refuse_existing(b, unit);
    for (size_t i = 0; code == CLI_OK && i < POSW_ARRAY_SIZE(names); i++)
        code = refuse_existing(b, names[i]);
    return code;
}

static int write_files(bundle *b) {
    char path[PATH_SIZE];
    posw_message msg = {""};
    for (size_t i = 0; i < b->file_count; i++) {
        file *f = &b->files[i];
        path_of(path, b, f->name);
        f->was_there = access(path, F_OK) == 0;
        if (posw_file_write(path, f->text.data, f->text.size, 0644, &msg) == POSW_OK) continue;
        for (size_t k = 0; k < i; k++) {
            path_of(path, b, b->files[k].name);
            if (!b->files[k].was_there) (void)unlink(path);
        }
        return cli_fail("%s", msg.text);
    }
    return CLI_OK;
}

static void tell(const bundle *b) {
    printf("wrote into %s:\n", b->folder);
    for (size_t i = 0; i < b->file_count; i++)
        printf("  %s\n", b->files[i].name);
    printf("  keys/  %zu key%s of boot nodes: keep them secret\n", b->host_count, b->host_count == 1 ? "" : "s");
    printf("%.*s\n", (int)b->boot_nodes.size, (const char *)b->boot_nodes.data);
    printf("the first node, with %s/keys/boot-1.key as ./data/node.key:\n"
           "  posw node --chain %s/chain.json --datadir ./data --mine 0x… --mine-alone\n",
           b->folder, b->folder);
}

/* Whole or not at all, also when somebody presses Ctrl-C: that waits until the files are there. */
static int write_all(bundle *b) {
    sigset_t quiet, before;
    size_t made = 0;
    sigemptyset(&quiet);
    sigaddset(&quiet, SIGINT);
    sigaddset(&quiet, SIGTERM);
    sigaddset(&quiet, SIGHUP);
    sigprocmask(SIG_BLOCK, &quiet, &before);
    const bool folder_was_there = access(b->folder, F_OK) == 0;
    int code = make_keys(b, &made);
    if (code == CLI_OK) code = put_values(b);
    if (code == CLI_OK && !make_files(b)) code = cli_fail("out of memory");
    if (code == CLI_OK) code = write_files(b);
    if (code != CLI_OK) {
        remove_keys(b, made);
        if (!folder_was_there) (void)rmdir(b->folder);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}

int cli_bundle_write(const cli *c, const posw_chain_spec *spec, const char *folder) {
    bundle *b = calloc(1, sizeof *b);
    if (b == NULL) return cli_fail("out of memory");
    b->c = c;
    b->spec = spec;
    b->folder = folder;
    new_chain_slug(b->slug, spec->name);
    int code = read_options(b);
    if (code == CLI_OK) code = check_free(b);
    if (code == CLI_OK) code = write_all(b);
    if (code == CLI_OK) tell(b);
    for (size_t i = 0; i < b->value_count; i++)
        posw_buf_clear(&b->values[i].text);
    for (size_t i = 0; i < b->file_count; i++)
        posw_buf_clear(&b->files[i].text);
    posw_buf_clear(&b->boot_nodes);
    free(b->hosts);
    free(b->rpc_urls);
    free(b);
    return code;
}
