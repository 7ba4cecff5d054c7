#include "cmd/chain_option.h"

#include "io/file.h"
#include "posw/chainfile.h"

#include <math.h>

bool lab_rule_option(const cli *c, const char *option, const char *text, lab_rule *out, bool *named) {
    if (text == NULL) return cli_usage(c, "--%s is needed: %s", option, LAB_CHAIN_HELP), false;
    *named = lab_rule_named(out, text);
    if (*named) return true;
    posw_buf file = {0};
    posw_message message = {""};
    posw_params p;
    char why[POSW_CHAINFILE_MESSAGE_SIZE] = "";
    if (posw_file_read(&file, text, POSW_CHAINFILE_SIZE_MAX, &message) < 0) {
        cli_usage(c, "--%s: '%s' is neither a preset nor a file that can be read (%s)", option, text, message.text);
        return false;
    }
    const bool ok =
        posw_params_read(&p, NULL, (const char *)file.data, file.size, why, sizeof why) == POSW_CHAINFILE_OK;
    posw_buf_clear(&file);
    if (!ok) return cli_usage(c, "--%s: %s: %s", option, text, why), false;
    lab_rule_of(out, &p);
    return true;
}

void lab_rule_fit(lab_rule *r, bool named, const lab_scenario *s) {
    if (!named || isnan(s->block_time_s)) return;
    posw_params *p = &r->params;
    const double before = (double)p->block_time_s, now = fmax(1, round(s->block_time_s));
    const uint64_t unbonding = (uint64_t)ceil((double)p->unbonding_blocks * before / now), least = 2 * p->epoch_blocks;
    p->block_time_s = (uint64_t)now;
    p->unbonding_blocks = unbonding > least ? unbonding : least;
}

bool lab_rule_override(const cli *c, lab_rule *r) {
    enum { WINDOW_MAX = 65536 };
    uint64_t window = r->params.window_blocks, boost = r->params.weight.boost;
    const bool given = cli_given(c, "window") || cli_given(c, "boost");
    if (given && !lab_rule_is_ticket(r)) return cli_usage(c, "--window and --boost belong to the ticket rule"), false;
    if (cli_given(c, "window") && !cli_u64(c, "window", 2, WINDOW_MAX, &window)) return false;
    if (cli_given(c, "boost") && !cli_u64(c, "boost", 1, (uint64_t)1 << 40, &boost)) return false;
    r->params.window_blocks = window;
    r->params.weight.boost = boost;
    return true;
}
