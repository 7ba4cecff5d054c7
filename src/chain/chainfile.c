/* Reading the whole chain file: names and parameters (src/chainfile), and the allocation. */
#include "chain/chainfile.h"

#include "base/bytes.h"
#include "chainfile/reader.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    posw_chainfile_reader base;
    posw_chain_spec spec;
} reader;

static bool read_accounts(reader *r) {
    json_t *accounts = json_object_get(r->base.sections[POSW_SECTION_TOP], "accounts"), *value;
    const char *key;
    char path[POSW_CHAINFILE_PATH_SIZE], safe[POSW_CHAINFILE_QUOTE_SIZE];
    if (accounts == NULL) return true;
    if (!json_is_object(accounts))
        return POSW_CHAINFILE_REFUSE(&r->base, POSW_EPARSE, "accounts is %s: write an object of address and amount",
                                     posw_chainfile_type_of(accounts));
    const size_t count = json_object_size(accounts);
    if (count > POSW_GENESIS_ACCOUNTS_MAX)
        return POSW_CHAINFILE_REFUSE(&r->base, POSW_EINVAL, "accounts has %zu members: at most %d are allowed", count,
                                     POSW_GENESIS_ACCOUNTS_MAX);
    if (count == 0) return true;
    r->spec.accounts = calloc(count, sizeof *r->spec.accounts);
    if (r->spec.accounts == NULL)
        return POSW_CHAINFILE_REFUSE(&r->base, POSW_ENOMEM, "%s", posw_error_text(POSW_ENOMEM));
    json_object_foreach(accounts, key, value) {
        posw_genesis_account *a = &r->spec.accounts[r->spec.account_count++];
        if (!posw_chainfile_address_text(&r->base, &a->address, key, "accounts")) return false;
        snprintf(path, sizeof path, "accounts.%s", posw_chainfile_quote(safe, key));
        if (!posw_chainfile_amount(&r->base, &a->balance_wei, value, path)) return false;
    }
    return true;
}

static bool read_stake(reader *r, posw_genesis_stake *out, json_t *stake, size_t index) {
    static const char *const keys[] = {"miner", "owner", "amount"};
    char path[POSW_CHAINFILE_PATH_SIZE], safe[POSW_CHAINFILE_QUOTE_SIZE];
    const char *key;
    json_t *value;
    if (!json_is_object(stake))
        return POSW_CHAINFILE_REFUSE(&r->base, POSW_EPARSE,
                                     "stakes[%zu] is %s: write { \"miner\": ..., \"owner\": ..., \"amount\": ... }",
                                     index, posw_chainfile_type_of(stake));
    json_object_foreach(stake, key, value) {
        if (strcmp(key, keys[0]) != 0 && strcmp(key, keys[1]) != 0 && strcmp(key, keys[2]) != 0)
            return POSW_CHAINFILE_REFUSE(&r->base, POSW_EPARSE,
                                         "stakes[%zu].%s is not a key of a chain file: correct or remove it", index,
                                         posw_chainfile_quote(safe, key));
    }
    for (size_t i = 0; i < 3; i++) {
        value = json_object_get(stake, keys[i]);
        if (value == NULL)
            return POSW_CHAINFILE_REFUSE(&r->base, POSW_EPARSE,
                                         "stakes[%zu].%s is missing: a stake has miner, owner and amount", index,
                                         keys[i]);
        snprintf(path, sizeof path, "stakes[%zu].%s", index, keys[i]);
        if (i < 2 && !posw_chainfile_address(&r->base, i == 0 ? &out->miner : &out->owner, value, path)) return false;
        if (i == 2 && !posw_chainfile_amount(&r->base, &out->amount_wei, value, path)) return false;
    }
    return true;
}

static bool read_stakes(reader *r) {
    json_t *stakes = json_object_get(r->base.sections[POSW_SECTION_TOP], "stakes");
    if (stakes == NULL) return true;
    if (!json_is_array(stakes))
        return POSW_CHAINFILE_REFUSE(&r->base, POSW_EPARSE, "stakes is %s: write a list [ ... ]",
                                     posw_chainfile_type_of(stakes));
    const size_t count = json_array_size(stakes);
    if (count > POSW_GENESIS_ACCOUNTS_MAX)
        return POSW_CHAINFILE_REFUSE(&r->base, POSW_EINVAL, "stakes has %zu members: at most %d are allowed", count,
                                     POSW_GENESIS_ACCOUNTS_MAX);
    if (count == 0) return true;
    r->spec.stakes = calloc(count, sizeof *r->spec.stakes);
    if (r->spec.stakes == NULL) return POSW_CHAINFILE_REFUSE(&r->base, POSW_ENOMEM, "%s", posw_error_text(POSW_ENOMEM));
    r->spec.stake_count = count;
    for (size_t i = 0; i < count; i++)
        if (!read_stake(r, &r->spec.stakes[i], json_array_get(stakes, i), i)) return false;
    return true;
}

static bool read_root(reader *r, json_t *root) {
    if (!posw_chainfile_read_head(&r->base, root)) return false;
    memcpy(r->spec.name, r->base.head.name, sizeof r->spec.name);
    memcpy(r->spec.ticker, r->base.head.ticker, sizeof r->spec.ticker);
    r->spec.params = r->base.head.params;
    if (!read_accounts(r) || !read_stakes(r)) return false;
    r->base.code = posw_chain_spec_check(&r->spec, NULL, r->base.msg);
    return r->base.code == POSW_OK;
}

int posw_chainfile_read(posw_chain_spec *out, const char *text, size_t size, posw_message *msg) {
    reader r = {.base = {.msg = msg}};
    json_t *root = posw_chainfile_load(&r.base, text, size);
    const bool ok = root != NULL && read_root(&r, root);
    json_decref(root);
    if (!ok) {
        posw_chain_spec_clear(&r.spec);
        return r.base.code;
    }
    *out = r.spec;
    return POSW_OK;
}
