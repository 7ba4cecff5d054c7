/* The upgrades by which the stored blocks were accepted (U2), in META "chain.upgrades": one row of 48 bytes each. A
 * chain file may change those that are ahead, as often as its people like, and none that is in force here. A side
 * branch may reach beyond the tip, since it is weight that counts: its blocks that were accepted by other rules are
 * forgotten, and judged anew when they come again. */
#include "chain/chain_internal.h"

#include "base/bytes.h"

#include <inttypes.h>

enum { ROW = 48 };

static const char KEY[] = "chain.upgrades";

/* height (8) ‖ gas limit (8) ‖ minimum base fee (8) ‖ treasury's share (4) ‖ treasury (20). Names are no rules. */
static void encode(uint8_t out[ROW], const posw_upgrade *u) {
    posw_store_be64(out, u->height);
    posw_store_be64(out + 8, u->rules.gas_limit);
    posw_store_be64(out + 16, u->rules.base_fee_min_wei);
    posw_store_be32(out + 24, u->rules.treasury_share);
    memcpy(out + 28, u->rules.treasury.b, POSW_ADDRESS_SIZE);
}

static void decode(posw_upgrade *out, const uint8_t in[ROW]) {
    *out = (posw_upgrade){.height = posw_load_be64(in),
                          .rules = {.gas_limit = posw_load_be64(in + 8),
                                    .base_fee_min_wei = posw_load_be64(in + 16),
                                    .treasury_share = posw_load_be32(in + 24)}};
    memcpy(out->rules.treasury.b, in + 28, POSW_ADDRESS_SIZE);
}

/* The parameters as they were when the store was written last. */
static int stored_params(posw_chain *c, posw_params *out) {
    posw_bytes value;
    *out = c->spec->params;
    out->upgrade_count = 0;
    const int rc = c->store->ops->get(c->store, POSW_TABLE_META, KEY, strlen(KEY), &value);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_OK : rc;
    if (value.size % ROW != 0 || value.size / ROW > POSW_UPGRADES_MAX) return POSW_ECORRUPT;
    for (; out->upgrade_count < value.size / ROW; out->upgrade_count++)
        decode(&out->upgrades[out->upgrade_count], value.data + (size_t)out->upgrade_count * ROW);
    return POSW_OK;
}

/* The first block of `a`'s upgrades that the two judge by different rules; UINT64_MAX: none. */
static uint64_t first_other(const posw_params *a, const posw_params *b) {
    for (uint32_t i = 0; i < a->upgrade_count; i++) {
        const uint64_t height = a->upgrades[i].height;
        const posw_rules x = posw_params_rules(a, height), y = posw_params_rules(b, height);
        if (!posw_rules_equal(&x, &y)) return height;
    }
    return UINT64_MAX;
}

static size_t mark_side_from(posw_chain *c, uint64_t height) {
    size_t pos = 0, marked = 0;
    void *value;
    while (posw_map_next(&c->side, &pos, NULL, &value)) {
        posw_chain_side *node = value;
        node->marked = node->number >= height;
        marked += node->marked;
    }
    return marked;
}

/* height: of the first block that has other rules now. */
static int write_list(posw_chain *c, uint64_t height) {
    const posw_params *p = &c->spec->params;
    uint8_t rows[POSW_UPGRADES_MAX * ROW];
    const bool drops = mark_side_from(c, height) > 0;
    for (uint32_t i = 0; i < p->upgrade_count; i++)
        encode(rows + (size_t)i * ROW, &p->upgrades[i]);
    int rc = posw_chain_begin(c);
    if (rc == POSW_OK)
        rc = c->store->ops->put(c->store, POSW_TABLE_META, KEY, strlen(KEY), rows, (size_t)p->upgrade_count * ROW);
    if (rc == POSW_OK && drops) rc = posw_chain_side_delete_marked(c);
    if (rc == POSW_OK) rc = posw_chain_end_small(c);
    if (rc != POSW_OK) return posw_chain_fail(c, rc);
    if (drops) posw_chain_side_drop_marked(c);
    return POSW_OK;
}

int posw_chain_upgrades_check(posw_chain *c, posw_message *msg) {
    posw_params stored;
    const int rc = stored_params(c, &stored);
    if (rc != POSW_OK) return rc;
    const uint64_t ours = first_other(&c->spec->params, &stored), theirs = first_other(&stored, &c->spec->params);
    const uint64_t height = ours < theirs ? ours : theirs;
    if (height == UINT64_MAX) return POSW_OK;
    if (height > c->tip.number) return write_list(c, height);
    return posw_message_set(
        msg, POSW_EMISMATCH,
        "this chain file has other rules from block %" PRIu64 " on than the file by which the blocks up to %" PRIu64
        " were accepted here: use the former chain file, or move the data directory's folders state and "
        "blocks away and fetch the chain anew or begin with a snapshot of a block before %" PRIu64,
        height, c->tip.number, height);
}
