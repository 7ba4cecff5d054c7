/* The list of upgrades (U1): what changes at which height. Each begins with the rules before it and names what differs,
 * under the keys that the chain file has for the same value. */
#include "base/bytes.h"
#include "chainfile/reader.h"
#include "core/staking_address.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct {
    posw_chainfile_reader *r;
    size_t index;
    posw_upgrade out;
} upgrade_reader;

/* "upgrades[3].fees.minimum" */
static const char *path_of(const upgrade_reader *u, char out[POSW_CHAINFILE_PATH_SIZE], const char *key) {
    char safe[POSW_CHAINFILE_QUOTE_SIZE];
    snprintf(out, POSW_CHAINFILE_PATH_SIZE, "upgrades[%zu].%s", u->index, posw_chainfile_quote(safe, key));
    return out;
}

/* An object with no other keys than these; NULL where the key is not there. */
static bool object_with(const upgrade_reader *u, json_t **out, const json_t *parent, const char *name,
                        const char *const *keys) {
    char path[POSW_CHAINFILE_PATH_SIZE], inner[POSW_CHAINFILE_PATH_SIZE], safe[POSW_CHAINFILE_QUOTE_SIZE];
    json_t *o = json_object_get(parent, name), *value;
    const char *key;
    *out = o;
    if (o == NULL) return true;
    if (!json_is_object(o))
        return POSW_CHAINFILE_REFUSE(u->r, POSW_EPARSE, "%s is %s: write an object { ... }", path_of(u, path, name),
                                     posw_chainfile_type_of(o));
    json_object_foreach(o, key, value) {
        if (strcmp(key, keys[0]) == 0 || (keys[1] != NULL && strcmp(key, keys[1]) == 0)) continue;
        snprintf(inner, sizeof inner, "%s.%s", name, posw_chainfile_quote(safe, key));
        return POSW_CHAINFILE_REFUSE(u->r, POSW_EPARSE,
                                     "%s is nothing that an upgrade can change: correct or remove it",
                                     path_of(u, path, inner));
    }
    return true;
}

static bool check_keys(const upgrade_reader *u, json_t *o) {
    static const char *const keys[] = {"height", "name", "gasLimit", "fees", "reward"};
    char path[POSW_CHAINFILE_PATH_SIZE];
    const char *key;
    json_t *value;
    if (!json_is_object(o))
        return POSW_CHAINFILE_REFUSE(u->r, POSW_EPARSE,
                                     "upgrades[%zu] is %s: write { \"height\": ..., \"name\": ..., and what changes }",
                                     u->index, posw_chainfile_type_of(o));
    json_object_foreach(o, key, value) {
        bool known = false;
        for (size_t i = 0; i < POSW_ARRAY_SIZE(keys); i++)
            known = known || strcmp(key, keys[i]) == 0;
        if (!known)
            return POSW_CHAINFILE_REFUSE(u->r, POSW_EPARSE,
                                         "%s is nothing that an upgrade can change: correct or remove it",
                                         path_of(u, path, key));
    }
    return true;
}

static bool read_place(upgrade_reader *u, const json_t *o, uint64_t height_before) {
    const json_t *height = json_object_get(o, "height"), *name = json_object_get(o, "name");
    const uint64_t height_max = ((uint64_t)1 << 40) - 1;
    char path[POSW_CHAINFILE_PATH_SIZE];
    if (height == NULL)
        return POSW_CHAINFILE_REFUSE(u->r, POSW_EPARSE,
                                     "upgrades[%zu].height is missing: give the number of the first block under the "
                                     "new rules",
                                     u->index);
    if (!posw_chainfile_u64(u->r, &u->out.height, height, path_of(u, path, "height"))) return false;
    if (u->out.height <= height_before || u->out.height > height_max)
        return POSW_CHAINFILE_REFUSE(u->r, POSW_EINVAL,
                                     "%s is %" PRIu64 ": write a number from %" PRIu64 " to %" PRIu64
                                     ", each upgrade above the one before",
                                     path, u->out.height, height_before + 1, height_max);
    if (name == NULL)
        return POSW_CHAINFILE_REFUSE(u->r, POSW_EPARSE,
                                     "upgrades[%zu].name is missing: give the upgrade a name of at most %d bytes",
                                     u->index, POSW_UPGRADE_NAME_MAX);
    return posw_chainfile_name(u->r, u->out.name, name, path_of(u, path, "name"));
}

static bool read_gas_and_fees(upgrade_reader *u, const json_t *o) {
    static const char *const keys[] = {"minimum", NULL};
    const json_t *gas = json_object_get(o, "gasLimit");
    char path[POSW_CHAINFILE_PATH_SIZE];
    posw_rules *rules = &u->out.rules;
    json_t *fees;
    posw_u256 wei;
    path_of(u, path, "gasLimit");
    if (gas != NULL && !posw_chainfile_u64(u->r, &rules->gas_limit, gas, path)) return false;
    if (rules->gas_limit < 5000 || rules->gas_limit > INT64_MAX)
        return POSW_CHAINFILE_REFUSE(u->r, POSW_EINVAL, "%s is %" PRIu64 ": write a number from 5000 to %" PRIi64, path,
                                     rules->gas_limit, INT64_MAX);
    if (!object_with(u, &fees, o, "fees", keys)) return false;
    const json_t *minimum = json_object_get(fees, "minimum");
    if (minimum == NULL) return true;
    if (!posw_chainfile_amount(u->r, &wei, minimum, path_of(u, path, "fees.minimum"))) return false;
    if (!posw_u256_to_u64(&rules->base_fee_min_wei, &wei))
        return POSW_CHAINFILE_REFUSE(u->r, POSW_EINVAL, "%s is 2^64 wei or more: write a smaller amount", path);
    return rules->base_fee_min_wei > 0 ||
           POSW_CHAINFILE_REFUSE(u->r, POSW_EINVAL, "%s is 0: write at least \"1 wei\"", path);
}

static bool read_treasury(upgrade_reader *u, const json_t *o) {
    static const char *const keys[] = {"treasury", "treasuryShare"};
    char path[POSW_CHAINFILE_PATH_SIZE];
    posw_rules *rules = &u->out.rules;
    const bool had_none = rules->treasury_share == 0 && posw_address_is_zero(&rules->treasury);
    json_t *reward;
    if (!object_with(u, &reward, o, "reward", keys)) return false;
    const json_t *treasury = json_object_get(reward, keys[0]), *share = json_object_get(reward, keys[1]);
    if (treasury != NULL &&
        !posw_chainfile_address(u->r, &rules->treasury, treasury, path_of(u, path, "reward.treasury")))
        return false;
    uint64_t parts = rules->treasury_share;
    path_of(u, path, "reward.treasuryShare");
    if (share != NULL && !posw_chainfile_u64(u->r, &parts, share, path)) return false;
    if (parts > 10000)
        return POSW_CHAINFILE_REFUSE(u->r, POSW_EINVAL, "%s is in hundredths of a percent: write 0 to 10000", path);
    rules->treasury_share = (uint32_t)parts;
    if (parts > 0 && had_none && treasury == NULL)
        return POSW_CHAINFILE_REFUSE(u->r, POSW_EINVAL,
                                     "upgrades[%zu].reward.treasury is missing: reward.treasuryShare needs an address "
                                     "to pay to",
                                     u->index);
    if (parts > 0 && posw_address_equal(&rules->treasury, &POSW_STAKING_ADDRESS))
        return POSW_CHAINFILE_REFUSE(
            u->r, POSW_EINVAL,
            "upgrades[%zu].reward.treasury is the staking contract: name an address that somebody can spend from",
            u->index);
    return true;
}

static bool read_upgrade(posw_chainfile_reader *r, json_t *o, size_t index) {
    posw_params *p = &r->head.params;
    const uint64_t height_before = index == 0 ? 0 : p->upgrades[index - 1].height;
    const posw_rules before = posw_params_rules(p, height_before);
    upgrade_reader u = {.r = r, .index = index, .out = {.rules = before}};
    if (!check_keys(&u, o) || !read_place(&u, o, height_before)) return false;
    if (!read_gas_and_fees(&u, o) || !read_treasury(&u, o)) return false;
    if (posw_rules_equal(&before, &u.out.rules))
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL,
                                     "upgrades[%zu] changes nothing: name what differs from the rules before it, or "
                                     "remove it",
                                     index);
    p->upgrades[index] = u.out;
    p->upgrade_count = (uint32_t)index + 1;
    return true;
}

bool posw_chainfile_read_upgrades(posw_chainfile_reader *r) {
    json_t *list = json_object_get(r->sections[POSW_SECTION_TOP], "upgrades");
    if (list == NULL) return true;
    if (!json_is_array(list))
        return POSW_CHAINFILE_REFUSE(r, POSW_EPARSE, "upgrades is %s: write a list [ ... ]",
                                     posw_chainfile_type_of(list));
    const size_t count = json_array_size(list);
    if (count > POSW_UPGRADES_MAX)
        return POSW_CHAINFILE_REFUSE(r, POSW_EINVAL, "upgrades has %zu members: at most %d are allowed", count,
                                     POSW_UPGRADES_MAX);
    for (size_t i = 0; i < count; i++)
        if (!read_upgrade(r, json_array_get(list, i), i)) return false;
    return true;
}
