/* posw peers: who a node is connected to, and the operator's word on it. */
#include "cli/commands.h"

#include "cli/json_view.h"
#include "node/node.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const cli_option options[] = {
    {"add", "NODE", NULL, "stay connected to this node: posw://ID@HOST:PORT or HOST:PORT"},
    {"remove", "NODE", NULL, "no longer"},
    {"disconnect", "NUMBER", NULL, "close the connection with this number, such as in-2 or out-1"},
    {"ban", "SUBNET", NULL, "close and refuse connections of an address (1.2.3.4) or subnet (10.0.0.0/8)"},
    {"seconds", "N", "86400", "how long --ban lasts"},
    {"unban", "SUBNET", NULL, "lift a ban"},
    {"bans", NULL, NULL, "list the bans"},
    {"json", NULL, NULL, "print the node's answer as JSON"},
    CLI_RPC_OPTION,
    {NULL, NULL, NULL, NULL},
};

/* A command with one text; says whether it changed anything. */
static int command(cli *c, cli_rpc *rpc, const char *method, json_t *params, const char *done, const char *nothing) {
    json_t *result = NULL;
    const int code = cli_rpc_call(rpc, &result, method, params);
    if (code != CLI_OK) return code;
    const bool changed = json_is_true(result);
    if (cli_switch(c, "json")) return cli_json_print(result);
    json_decref(result);
    if (!changed) return cli_fail("%s", nothing);
    return puts(done) >= 0 && fflush(stdout) == 0 ? CLI_OK : cli_fail("the output could not be written");
}

static int show_bans(cli *c, cli_rpc *rpc) {
    json_t *list = NULL;
    const json_t *ban;
    size_t i;
    const int code = cli_rpc_call(rpc, &list, "admin_bans", json_array());
    if (code != CLI_OK) return code;
    if (cli_switch(c, "json")) return cli_json_print(list);
    json_array_foreach(list, i, ban) {
        const time_t until = (time_t)cli_view_u64(ban, "until");
        struct tm tm;
        char text[32];
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", gmtime_r(&until, &tm));
        printf("%-44s until %s UTC\n", cli_view_text(ban, "subnet").text, text);
    }
    if (json_array_size(list) == 0) puts("no address is banned");
    json_decref(list);
    return fflush(stdout) == 0 ? CLI_OK : cli_fail("the output could not be written");
}

/* Numbers of connections that came and that were made are counted each from 1; the node tells them apart by a bit. */
static void peer_number(char *out, size_t size, const char *number) {
    const uint64_t n = strtoull(number, NULL, 10);
    snprintf(out, size, "%s-%" PRIu64, n & POSW_PEER_OUTBOUND ? "out" : "in", (uint64_t)(n & ~POSW_PEER_OUTBOUND));
}

/* The number as the node wants it; others than ours go to it as they are. */
static json_t *peer_of_text(const char *text) {
    const bool out = strncmp(text, "out-", 4) == 0;
    const char *digits = text + (out ? 4 : strncmp(text, "in-", 3) == 0 ? 3 : 0);
    char number[32];
    uint64_t n;
    if (digits == text || strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 18)
        return json_string(text);
    n = strtoull(digits, NULL, 10) | (out ? POSW_PEER_OUTBOUND : 0);
    snprintf(number, sizeof number, "%" PRIu64, n);
    return json_string(number);
}

static void show_peer(const json_t *p, uint64_t now) {
    const uint64_t connected = cli_view_u64(p, "connected");
    char ping[32] = "-", number[32];
    peer_number(number, sizeof number, cli_view_text(p, "peer").text);
    if (cli_view(p, "pingMs") != NULL) snprintf(ping, sizeof ping, "%" PRIu64 " ms", cli_view_u64(p, "pingMs"));
    printf("%-10s %-10s %-28s %9" PRIu64 " %8s %7" PRIu64 " s %9" PRIu64 " kB in %7" PRIu64 " kB out  %s\n", number,
           cli_view_text(p, "kind").text, cli_view_text(p, "network.remoteAddress").text,
           cli_view_u64(p, "protocols.posw.number"), ping, now > connected ? now - connected : 0,
           cli_view_u64(p, "bytesIn") / 1024, cli_view_u64(p, "bytesOut") / 1024, cli_view_text(p, "name").text);
}

static int show_page(const json_t *status, const json_t *peers) {
    const json_t *p, *url = cli_view(status, "url");
    const posw_message problem = cli_json_sentence(cli_view(status, "problem"));
    size_t i;
    printf("%-15s %s\n", "this node", json_is_string(url) ? cli_json_sentence(url).text : "?");
    printf("%-15s %" PRIu64 " in, %" PRIu64 " out; %" PRIu64 " address%s known\n", "peers",
           cli_view_u64(status, "inbound"), cli_view_u64(status, "outbound"), cli_view_u64(status, "addresses"),
           cli_view_u64(status, "addresses") == 1 ? "" : "es");
    if (json_is_true(cli_view(status, "syncing")))
        printf("%-15s up to block %" PRIu64 "\n", "synchronising", cli_view_u64(status, "syncTip"));
    if (problem.text[0] != '\0') printf("%-15s %s\n", "problem", problem.text);
    if (json_array_size(peers) > 0)
        printf("\n%-10s %-10s %-28s %9s %8s %9s %15s %14s  %s\n", "number", "kind", "address", "block", "ping",
               "connected", "received", "sent", "program");
    json_array_foreach(peers, i, p) show_peer(p, (uint64_t)time(NULL));
    return fflush(stdout) == 0 ? CLI_OK : cli_fail("the output could not be written");
}

static int show_peers(cli *c, cli_rpc *rpc) {
    json_t *status = NULL, *peers = NULL;
    int code = cli_rpc_call(rpc, &status, "posw_networkStatus", json_array());
    if (code == CLI_OK && !json_is_true(cli_view(status, "enabled")))
        code = cli_fail("%s runs without a network", rpc->url);
    if (code == CLI_OK) code = cli_rpc_call(rpc, &peers, "admin_peers", json_array());
    if (code == CLI_OK)
        code = cli_switch(c, "json") ? cli_json_print(json_pack("{s:O, s:O}", "status", status, "peers", peers))
                                     : show_page(status, peers);
    json_decref(status);
    json_decref(peers);
    return code;
}

static int act(cli *c, cli_rpc *rpc) {
    const char *text;
    uint64_t seconds;
    if (!cli_u64(c, "seconds", 1, UINT32_MAX, &seconds)) return CLI_USAGE;
    if ((text = cli_text(c, "add")) != NULL)
        return command(c, rpc, "admin_addPeer", json_pack("[s]", text), "added",
                       "this node is on the list already, or the list is full");
    if ((text = cli_text(c, "remove")) != NULL)
        return command(c, rpc, "admin_removePeer", json_pack("[s]", text), "removed",
                       "this node is not on the list: see posw peers");
    if ((text = cli_text(c, "disconnect")) != NULL)
        return command(c, rpc, "admin_disconnect", json_pack("[o]", peer_of_text(text)), "closed",
                       "there is no connection with this number: see posw peers");
    if ((text = cli_text(c, "ban")) != NULL)
        return command(c, rpc, "admin_ban", json_pack("[s, I]", text, (json_int_t)seconds), "banned",
                       "nothing was changed");
    if ((text = cli_text(c, "unban")) != NULL)
        return command(c, rpc, "admin_unban", json_pack("[s]", text), "lifted",
                       "this address is not banned: see posw peers --bans");
    return cli_switch(c, "bans") ? show_bans(c, rpc) : show_peers(c, rpc);
}

static int run(cli *c) {
    static const char *const acts[] = {"add", "remove", "disconnect", "ban", "unban", "bans"};
    cli_rpc rpc = {0};
    size_t given = 0;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        given += cli_given(c, acts[i]);
    if (given > 1) return cli_usage(c, "one thing at a time: --add, --remove, --disconnect, --ban, --unban or --bans");
    int code = cli_rpc_open(&rpc, c);
    if (code == CLI_OK) code = act(c, &rpc);
    cli_rpc_close(&rpc);
    return code;
}

const cli_command cli_command_peers = {
    "peers",
    "[OPTIONS]",
    "show and change a node's connections",
    "Shows the peers of a running node: who came and who was dialled, where their chains stand, and what is wrong if "
    "something is. With an option "
    "it adds or removes a node to stay connected to, closes a connection, or bans an address.",
    "posw peers\nposw peers --add posw://…@203.0.113.7:30301\nposw peers --ban 203.0.113.0/24 --seconds 3600",
    options,
    0,
    0,
    run};
