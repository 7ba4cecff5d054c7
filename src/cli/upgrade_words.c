#include "cli/upgrade_words.h"

#include "base/bytes.h"
#include "wallet/address.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Adds a row if the texts differ. */
static void row(cli_change *out, size_t *count, const char *label, const char *key, const char *from, const char *to) {
    if (strcmp(from, to) == 0) return;
    cli_change *c = &out[(*count)++];
    c->label = label;
    c->key = key;
    snprintf(c->from, sizeof c->from, "%s", from);
    snprintf(c->to, sizeof c->to, "%s", to);
}

static void number(char out[96], uint64_t v, const char *unit) {
    snprintf(out, 96, "%" PRIu64 "%s", v, unit);
}

static void fee(char out[96], uint64_t wei) {
    if (wei % 1000000000 == 0)
        number(out, wei / 1000000000, " gwei");
    else
        number(out, wei, " wei");
}

static void percent(char out[96], uint32_t hundredths) {
    snprintf(out, 96, "%u.%02u %%", (unsigned)(hundredths / 100), (unsigned)(hundredths % 100));
}

static void address(char out[96], const posw_address *a) {
    char text[POSW_EIP55_SIZE];
    posw_eip55_format(text, a);
    snprintf(out, 96, "%s", text);
}

size_t cli_upgrade_changes(cli_change out[CLI_CHANGES_MAX], const posw_params *p, size_t i) {
    const uint64_t height = p->upgrades[i].height;
    const posw_rules a = posw_params_rules(p, height - 1), b = posw_params_rules(p, height);
    char from[96], to[96];
    size_t count = 0;
    number(from, a.gas_limit, "");
    number(to, b.gas_limit, "");
    row(out, &count, "gas limit", "gasLimit", from, to);
    fee(from, a.base_fee_min_wei);
    fee(to, b.base_fee_min_wei);
    row(out, &count, "least base fee", "fees.minimum", from, to);
    address(from, &a.treasury);
    address(to, &b.treasury);
    row(out, &count, "treasury", "reward.treasury", from, to);
    percent(from, a.treasury_share);
    percent(to, b.treasury_share);
    row(out, &count, "treasury's share", "reward.treasuryShare", from, to);
    return count;
}

void cli_upgrade_changes_line(char *out, size_t size, const posw_params *p, size_t i) {
    cli_change changes[CLI_CHANGES_MAX];
    const size_t count = cli_upgrade_changes(changes, p, i);
    size_t at = 0;
    snprintf(out, size, "changes nothing");
    for (size_t k = 0; k < count && at < size; k++)
        at += (size_t)snprintf(out + at, size - at, "%s%s %s to %s", k > 0 ? ", " : "", changes[k].label,
                               changes[k].from, changes[k].to);
}

void cli_upgrade_changes_json(posw_jw *w, const posw_params *p, size_t i) {
    cli_change changes[CLI_CHANGES_MAX];
    const size_t count = cli_upgrade_changes(changes, p, i);
    posw_jw_array(w);
    for (size_t k = 0; k < count; k++) {
        posw_jw_object(w);
        posw_jw_kv_string(w, "parameter", changes[k].key);
        posw_jw_kv_string(w, "from", changes[k].from);
        posw_jw_kv_string(w, "to", changes[k].to);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}
