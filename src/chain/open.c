/* Opening: genesis into an empty store, or memory from a used one. */
#include "chain/chain_internal.h"

#include "base/bytes.h"
#include "crypto/keccak.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- trie nodes of the store ---- */

static int load_node(void *arg, posw_buf *out, const uint8_t *path, size_t path_size) {
    const posw_chain_trie_rows *rows = arg;
    uint8_t key[1 + POSW_TRIE_PATH_MAX];
    posw_bytes value;
    if (path_size > POSW_TRIE_PATH_MAX) return POSW_EINVAL;
    key[0] = rows->prefix;
    memcpy(key + 1, path, path_size);
    const int rc = rows->store->ops->get(rows->store, POSW_TABLE_TRIE, key, 1 + path_size, &value);
    if (rc != POSW_OK) return rc;
    posw_buf_append(out, value.data, value.size);
    return out->failed ? POSW_ENOMEM : POSW_OK;
}

/* ---- the meta table ---- */

static int meta_get(posw_chain *c, const char *name, posw_bytes *value) {
    return c->store->ops->get(c->store, POSW_TABLE_META, name, strlen(name), value);
}

static int meta_hash(posw_chain *c, const char *name, posw_hash *out) {
    posw_bytes value;
    const int rc = meta_get(c, name, &value);
    if (rc != POSW_OK) return rc;
    if (value.size != sizeof out->b) return POSW_ECORRUPT;
    memcpy(out->b, value.data, sizeof out->b);
    return POSW_OK;
}

static int meta_put(posw_chain *c, const char *name, const void *data, size_t size) {
    return c->store->ops->put(c->store, POSW_TABLE_META, name, strlen(name), data, size);
}

/* ---- memory from the store ---- */

int posw_chain_reload(posw_chain *c) {
    posw_hash hash;
    posw_chain_row row;
    c->stale = true;
    c->branch_valid = false;
    c->bulk_blocks = 0;
    int rc = meta_hash(c, "tip", &hash);
    if (rc == POSW_OK) rc = posw_chain_row_get(c, &row, &hash);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
    posw_chain_states_drop_above(c, row.header.number);
    posw_chain_branch_states_clear(c);
    posw_chain_past_clear(c);
    posw_chain_tables_trim(c, 0);
    c->tip = row.header;
    c->tip_hash = hash;
    c->weight = row.weight;
    c->highest = c->tip.number;
    if (posw_chain_state_find(c, c->tip.number) == NULL) {
        posw_state *copy;
        rc = posw_state_copy(&copy, c->committed);
        if (rc != POSW_OK) return rc;
        c->states_low = c->tip.number;
        posw_chain_state_push(c, c->tip.number, copy);
    }
    rc = posw_chain_window_fill(c, c->window, c->tip.number);
    if (rc == POSW_OK) rc = posw_chain_side_load(c);
    if (rc == POSW_OK) rc = posw_chain_prune_load(c);
    if (rc == POSW_OK) c->stale = false;
    return rc;
}

/* The state of the stored tip; reading one account shows that its root is there. */
static int open_state(posw_chain *c) {
    posw_hash hash, main;
    posw_chain_row row;
    posw_account account;
    int rc = posw_chain_main_get(c, &main, 0);
    if (rc == POSW_OK && !posw_hash_equal(&main, &c->genesis_hash)) rc = POSW_ECORRUPT;
    if (rc == POSW_OK) rc = meta_hash(c, "tip", &hash);
    if (rc == POSW_OK) rc = posw_chain_row_get(c, &row, &hash);
    if (rc == POSW_OK) rc = posw_chain_main_get(c, &main, row.header.number);
    if (rc == POSW_OK && !posw_hash_equal(&main, &hash)) rc = POSW_ECORRUPT;
    if (rc == POSW_OK) rc = posw_state_open(&c->committed, &row.header.state_root, &c->source);
    if (rc == POSW_OK) rc = posw_state_account(c->committed, &account, &POSW_STAKING_ADDRESS);
    if (rc == POSW_OK) c->committed_hash = hash;
    return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
}

/* ---- genesis ---- */

/* Everything that a chain file says, so that an unchanged file is recognised without building its genesis state. */
static posw_hash spec_hash(const posw_chain_spec *spec) {
    const posw_params *p = &spec->params;
    const uint64_t numbers[] = {p->genesis_time, p->gas_limit, p->base_fee_initial_wei, spec->account_count,
                                spec->stake_count};
    posw_keccak k;
    posw_hash out;
    posw_params_hash(&out, p);
    posw_keccak_init(&k);
    posw_keccak_update(&k, out.b, sizeof out.b);
    posw_keccak_update(&k, spec->name, sizeof spec->name);
    posw_keccak_update(&k, numbers, sizeof numbers);
    posw_keccak_update(&k, &p->genesis_difficulty, sizeof p->genesis_difficulty);
    for (size_t i = 0; i < spec->account_count; i++) {
        posw_keccak_update(&k, spec->accounts[i].address.b, POSW_ADDRESS_SIZE);
        posw_keccak_update(&k, &spec->accounts[i].balance_wei, sizeof(posw_u256));
    }
    for (size_t i = 0; i < spec->stake_count; i++) {
        posw_keccak_update(&k, spec->stakes[i].miner.b, POSW_ADDRESS_SIZE);
        posw_keccak_update(&k, spec->stakes[i].owner.b, POSW_ADDRESS_SIZE);
        posw_keccak_update(&k, &spec->stakes[i].amount_wei, sizeof(posw_u256));
    }
    posw_keccak_final(&k, &out);
    return out;
}

/* state: fresh, with the chain's source or none; then it is the genesis state. */
static int build_genesis(const posw_chain *c, posw_header *header, posw_hash *hash, posw_state **out,
                         const posw_state_source *source) {
    posw_state *state;
    int rc = posw_state_open(&state, &POSW_TRIE_EMPTY_ROOT, source);
    if (rc != POSW_OK) return rc;
    rc = posw_genesis_build(header, state, c->spec);
    if (rc != POSW_OK) {
        posw_state_free(state);
        return rc;
    }
    posw_header_hash(hash, header);
    *out = state;
    return POSW_OK;
}

static int write_genesis_rows(posw_chain *c, const posw_header *header, const posw_hash *hash, posw_state *state) {
    const posw_execution_result nothing = {0};
    const posw_hash spec = spec_hash(c->spec);
    posw_buf bytes = {0};
    uint8_t format[8];
    posw_store_be64(format, POSW_CHAIN_FORMAT);
    posw_block_encode(&bytes, header, NULL, 0);
    const posw_chain_executed x = {.header = header,
                                   .hash = hash,
                                   .weight = header->difficulty,
                                   .bytes = posw_buf_view(&bytes),
                                   .size = (uint32_t)bytes.size,
                                   .result = &nothing,
                                   .state = state};
    int rc = bytes.failed ? POSW_ENOMEM : posw_chain_begin(c);
    if (rc == POSW_OK) rc = posw_chain_write_executed(c, &x);
    if (rc == POSW_OK) rc = meta_put(c, "chain.format", format, sizeof format);
    if (rc == POSW_OK) rc = meta_put(c, "chain.genesis", hash->b, sizeof hash->b);
    if (rc == POSW_OK) rc = meta_put(c, "chain.spec", spec.b, sizeof spec.b);
    if (rc == POSW_OK) rc = posw_chain_commit_tip(c, state, hash);
    posw_buf_clear(&bytes);
    return rc;
}

static int write_genesis(posw_chain *c) {
    posw_header header;
    posw_state *state;
    int rc = build_genesis(c, &header, &c->genesis_hash, &state, &c->source);
    if (rc != POSW_OK) return rc;
    rc = write_genesis_rows(c, &header, &c->genesis_hash, state);
    posw_state_free(state);
    return rc == POSW_OK ? POSW_OK : posw_chain_fail(c, rc);
}

/* ---- a used store ---- */

static int note_spec(posw_chain *c, const posw_hash *spec) {
    int rc = posw_chain_begin(c);
    if (rc == POSW_OK) rc = meta_put(c, "chain.spec", spec->b, sizeof spec->b);
    if (rc == POSW_OK) rc = posw_chain_end_small(c);
    return rc == POSW_OK ? POSW_OK : posw_chain_fail(c, rc);
}

static int check_chain(posw_chain *c, posw_message *msg) {
    const posw_hash spec = spec_hash(c->spec);
    posw_hash stored_spec, genesis;
    posw_header header;
    posw_state *state;
    int rc = meta_hash(c, "chain.spec", &stored_spec);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
    if (posw_hash_equal(&spec, &stored_spec)) return POSW_OK;
    rc = build_genesis(c, &header, &genesis, &state, NULL);
    if (rc != POSW_OK) return rc;
    posw_state_free(state);
    if (posw_hash_equal(&genesis, &c->genesis_hash)) return note_spec(c, &spec);
    char ours[2 * POSW_HASH_SIZE + 1], theirs[2 * POSW_HASH_SIZE + 1];
    posw_hex_encode(ours, genesis.b, sizeof genesis.b);
    posw_hex_encode(theirs, c->genesis_hash.b, sizeof c->genesis_hash.b);
    return posw_message_set(msg, POSW_EMISMATCH,
                            "the data directory belongs to another chain (genesis 0x%.16s..., this chain file gives "
                            "0x%.16s...): use its chain "
                            "file, or another data directory",
                            theirs, ours);
}

static int check_format(posw_chain *c, posw_message *msg) {
    posw_bytes value;
    const int rc = meta_get(c, "chain.format", &value);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
    const uint64_t format = posw_chain_meta_u64(value);
    if (format == POSW_CHAIN_FORMAT) return POSW_OK;
    return posw_message_set(msg, POSW_EUNSUPPORTED,
                            "the data has format %" PRIu64
                            ", this program reads format %d: use the version that wrote it",
                            format, POSW_CHAIN_FORMAT);
}

static int is_row(void *arg, posw_bytes key, posw_bytes value) {
    (void)arg, (void)key, (void)value;
    return 1;
}

/* Without the genesis row a store must be empty: a damaged one is not begun anew. */
static int begin_chain(posw_chain *c) {
    const int rc = c->store->ops->walk(c->store, POSW_TABLE_HEADERS, NULL, 0, is_row, NULL);
    if (rc != POSW_OK) return rc > 0 ? POSW_ECORRUPT : rc;
    return write_genesis(c);
}

/* After a stop between storing the best branch and switching to it. How deep it leaves the chain was judged when its
 * blocks arrived (F3). */
static int finish_switch(posw_chain *c) {
    c->allow_deep = true;
    const int rc = posw_chain_activate_best(c);
    c->allow_deep = false;
    return rc;
}

static int open_store(posw_chain *c, posw_message *msg) {
    int rc = meta_hash(c, "chain.genesis", &c->genesis_hash);
    if (rc == POSW_ENOTFOUND) {
        rc = begin_chain(c);
    } else {
        if (rc == POSW_OK) rc = check_format(c, msg);
        if (rc == POSW_OK) rc = check_chain(c, msg);
        if (rc == POSW_OK) rc = open_state(c);
    }
    if (rc == POSW_OK) rc = posw_chain_reload(c);
    if (rc == POSW_OK) rc = posw_chain_upgrades_check(c, msg);
    if (rc == POSW_OK) rc = finish_switch(c);
    return rc;
}

/* ---- making and freeing ---- */

static posw_window *new_window(posw_chain *c) {
    const posw_params *p = &c->spec->params;
    void *memory = aligned_alloc(16, c->window_size);
    if (memory == NULL) return NULL;
    return posw_window_init(memory, p->window_blocks, p->reorg_max_blocks, 2 * p->window_blocks * p->block_time_s);
}

static int init(posw_chain *c, const posw_chain_options *opt) {
    const posw_params *p = &opt->spec->params;
    c->spec = opt->spec;
    c->store = opt->store;
    c->pow = opt->pow;
    c->log = opt->log;
    c->cache_bytes_max = opt->cache_bytes_max == 0 ? POSW_CHAIN_CACHE_BYTES : opt->cache_bytes_max;
    c->undo_bytes_max = opt->undo_bytes_max == 0 ? POSW_CHAIN_UNDO_BYTES : opt->undo_bytes_max;
    c->account_rows = (posw_chain_trie_rows){c->store, 'a'};
    c->storage_rows = (posw_chain_trie_rows){c->store, 's'};
    c->source =
        (posw_state_source){.accounts = {load_node, &c->account_rows}, .storage = {load_node, &c->storage_rows}};
    c->side_floor = UINT64_MAX;
    c->bulk_blocks_max = 1;
    posw_map_init(&c->side, POSW_HASH_SIZE, sizeof(posw_chain_side), NULL);
    posw_map_init(&c->seals, sizeof(uint64_t), sizeof(uint32_t), NULL);
    c->window_size = (posw_window_size(p->window_blocks, p->reorg_max_blocks) + 15) & ~(size_t)15;
    c->window = new_window(c);
    c->branch_window = new_window(c);
    const int rc = posw_chain_invalid_init(c);
    return c->window == NULL || c->branch_window == NULL ? POSW_ENOMEM : rc;
}

static void chain_free(posw_chain *c) {
    for (size_t i = 0; i < POSW_CHAIN_STATES_MAX; i++)
        posw_state_free(c->states[i]);
    posw_state_free(c->committed);
    posw_chain_branch_states_clear(c);
    posw_chain_past_clear(c);
    posw_chain_tables_trim(c, 0);
    posw_map_clear(&c->side);
    posw_map_clear(&c->seals);
    posw_chain_invalid_clear(c);
    if (c->pow_scratch != NULL) c->pow->scratch_free(c->pow_scratch);
    free(c->window);
    free(c->branch_window);
    free(c->removed);
    free(c->added);
    free(c);
}

int posw_chain_open(posw_chain **out, const posw_chain_options *opt, posw_message *msg) {
    posw_message unused, *m = msg == NULL ? &unused : msg;
    m->text[0] = '\0';
    posw_chain *c = calloc(1, sizeof *c);
    int rc = c == NULL ? POSW_ENOMEM : init(c, opt);
    if (rc == POSW_OK) rc = open_store(c, m);
    if (rc == POSW_OK) {
        *out = c;
        return POSW_OK;
    }
    if (c != NULL) chain_free(c);
    if (m->text[0] != '\0') return rc;
    if (rc == POSW_ECORRUPT) return posw_message_set(m, rc, "the stored chain is damaged: " POSW_STORE_REMEDY);
    return posw_message_set(m, rc, "the chain cannot be opened: %s%s", posw_error_text(rc), posw_error_remedy(rc));
}

int posw_chain_close(posw_chain *c) {
    if (c == NULL) return POSW_OK;
    const int rc = posw_chain_flush(c);
    chain_free(c);
    return rc;
}
