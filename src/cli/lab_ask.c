/* What other commands ask the laboratory: posw-lab is run, as a person would, on a chain file and a scenario in memory.
 */
#include "chain/chainfile.h"
#include "cli/lab.h"
#include "cli/new_chain.h"

#include "base/units.h"
#include "posw/u256.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 1 << 20 };
static const double COINS_OF_EMPTY_CHAIN = 1e7;
const cli_lab_market CLI_LAB_MARKET = {.value_usd = 1e7, .staked_share = 0.4};

static double coins(const posw_u256 *wei) {
    char text[POSW_AMOUNT_SIZE];
    posw_amount_format(text, wei);
    return strtod(text, NULL);
}

/* The numbers of the scenario ten-million, but for what this chain and the market say. */
static json_t *scenario(const posw_chain_spec *spec, const cli_lab_market *m) {
    const posw_params *p = &spec->params;
    const posw_u256 supply_wei = posw_chain_spec_supply(spec);
    const double at_genesis = coins(&supply_wei), supply = at_genesis > 0 ? at_genesis : COINS_OF_EMPTY_CHAIN;
    const double reward = coins(&p->reward_initial_wei) * (1 - p->treasury_share / 1e4);
    return json_pack("{s:f, s:f, s:f, s:I, s:i, s:f, s:s, s:f, s:f, s:f, s:f, s:f}", "price_usd", m->value_usd / supply,
                     "supply", supply, "block_reward", reward, "block_time_s", (json_int_t)p->block_time_s, "miners",
                     200, "staked_share", m->staked_share, "stakes", "equal", "pareto_exponent", 1.5, "interest_rate",
                     0.05, "delta", 0.3, "hardware_share", 0.2, "electricity_usd_per_kwh", 0.1);
}

/* A file that has no name; -1: none. The child has it under /proc/self/fd. */
static int memory_file(const void *data, size_t size) {
    int fd = memfd_create("posw", 0);
    if (fd >= 0 && write(fd, data, size) == (ssize_t)size) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static int chain_file(const posw_chain_spec *spec) {
    posw_buf text = {0};
    posw_chainfile_write(&text, spec);
    int fd = text.failed ? -1 : memory_file(text.data, text.size);
    posw_buf_clear(&text);
    return fd;
}

static int scenario_file(const posw_chain_spec *spec, const cli_lab_market *market) {
    json_t *o = scenario(spec, market);
    char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    int fd = text != NULL ? memory_file(text, strlen(text)) : -1;
    free(text);
    json_decref(o);
    return fd;
}

_Noreturn static void become_lab(int chain, int world, uint64_t depth, int out) {
    char chain_path[32], world_path[32], number[24];
    snprintf(chain_path, sizeof chain_path, "/proc/self/fd/%d", chain);
    snprintf(world_path, sizeof world_path, "/proc/self/fd/%d", world);
    snprintf(number, sizeof number, "%llu", (unsigned long long)depth);
    char *argv[] = {"posw",     "lab",     "attack", "--chain", chain_path, "--scenario",
                    world_path, "--depth", number,   "--json",  NULL};
    const int nothing = open("/dev/null", O_RDWR);
    (void)dup2(nothing, STDIN_FILENO);
    (void)dup2(nothing, STDERR_FILENO);
    (void)dup2(out, STDOUT_FILENO);
    (void)cli_lab_main(argv);
    _exit(127);
}

static json_t *read_answer(int fd) {
    posw_buf b = {0};
    char chunk[4096];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof chunk)) != 0) {
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 || b.size > ANSWER_MAX) break;
        posw_buf_append(&b, chunk, (size_t)got);
    }
    json_t *answer = b.failed ? NULL : json_loadb((const char *)b.data, b.size, 0, NULL);
    posw_buf_clear(&b);
    return answer;
}

static json_t *run_lab(int chain, int world, uint64_t depth) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return NULL;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) become_lab(chain, world, depth, ends[1]);
    close(ends[1]);
    json_t *answer = child > 0 ? read_answer(ends[0]) : NULL;
    close(ends[0]);
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (answer != NULL && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
        json_decref(answer);
        answer = NULL;
    }
    return answer;
}

static bool number(double *out, const json_t *answer, const char *key) {
    const json_t *v = json_object_get(answer, key);
    *out = json_number_value(v);
    return json_is_number(v);
}

bool cli_lab_ask_attack(cli_lab_attack *out, const posw_chain_spec *spec, const cli_lab_market *market,
                        uint64_t depth) {
    if (!cli_lab_installed()) return false;
    const int chain = chain_file(spec), world = scenario_file(spec, market);
    json_t *answer = chain >= 0 && world >= 0 ? run_lab(chain, world, depth) : NULL;
    if (chain >= 0) close(chain);
    if (world >= 0) close(world);
    cli_lab_attack a;
    const bool ok = number(&a.cost_usd, answer, "cost_usd") && number(&a.hash_usd, answer, "hash_part") &&
                    number(&a.no_stake_usd, answer, "pure_hash_cost_usd") &&
                    number(&a.stake_coins, answer, "stake_coins");
    json_decref(answer);
    if (ok) *out = a;
    return ok;
}

const char *cli_lab_usd(char out[CLI_LAB_USD_SIZE], double usd) {
    char digits[32];
    const double unit = usd >= 1000 ? pow(10, floor(log10(usd)) - 2) : 1;
    if (usd < 99.5) {
        snprintf(out, CLI_LAB_USD_SIZE, "%.2g", usd);
        return out;
    }
    snprintf(digits, sizeof digits, "%.0f", usd < 1e18 ? round(usd / unit) * unit : 1e18);
    size_t n = 0;
    for (const char *p = digits; *p != '\0'; p++) {
        if (p != digits && strlen(p) % 3 == 0) out[n++] = ',';
        out[n++] = *p;
    }
    out[n] = '\0';
    return out;
}
