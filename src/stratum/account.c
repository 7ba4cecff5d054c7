/* The work of an address that connections are logged in with. */
#include "stratum/stratum_internal.h"

#include "base/bytes.h"

#include <inttypes.h>

static void work_clear(stratum_work *w) {
    if (w->used) posw_chain_template_clear(&w->t);
    memset(w, 0, sizeof *w);
}

/* The node has this address's own key. */
static bool is_own(const posw_stratum *s, const posw_address *miner) {
    for (size_t i = 0; i < s->o.key_count; i++)
        if (posw_address_equal(&s->keys[i].address, miner)) return true;
    return false;
}

/* Anybody may name a key of the node the signer: so places are kept for the node's own addresses. */
static unsigned strangers_max(const posw_stratum *s) {
    const unsigned half = s->o.accounts_max / 2, own = (unsigned)s->o.key_count;
    return s->o.accounts_max - (own < half ? own : half);
}

/* Whether an address that is not the node's own may be logged in: it is already, or one more may be. */
static bool stranger_has_room(const posw_stratum *s, const posw_address *miner) {
    unsigned n = 0;
    for (size_t i = 0; i < s->o.accounts_max; i++) {
        const stratum_account *a = &s->accounts[i];
        if (a->users == 0) continue;
        if (posw_address_equal(&a->miner, miner)) return true;
        n += !is_own(s, &a->miner);
    }
    return n < strangers_max(s);
}

/* H8: the key of whoever signs for this miner in the next block; NULL: the node has not got it. */
static const posw_stratum_key *key_for(const posw_stratum *s, const posw_address *miner) {
    for (size_t i = 0; i < s->o.key_count; i++)
        if (posw_miner_is_signer(s->chain, miner, &s->keys[i].address)) return &s->keys[i];
    return NULL;
}

static void address_text(char out[2 * POSW_ADDRESS_SIZE + 3], const posw_address *a) {
    memcpy(out, "0x", 2);
    posw_hex_encode(out + 2, a->b, sizeof a->b);
}

static int no_key(const posw_stratum *s, const posw_address *miner, posw_message *why) {
    char text[2 * POSW_ADDRESS_SIZE + 3], own[2 * POSW_ADDRESS_SIZE + 3];
    address_text(text, miner);
    if (s->o.key_count == 0)
        return posw_message_set(why, POSW_EAUTH,
                                "Cannot mine for %s: this node has no key to sign blocks with (--stratum-keys)", text);
    address_text(own, &s->keys[0].address);
    return posw_message_set(
        why, POSW_EAUTH,
        "Cannot mine for %s: this node has not got its signer's key; stake and name %s the signer (posw stake signer)",
        text, own);
}

/* A new template; the oldest is forgotten. */
static int make_work(posw_stratum *s, stratum_account *a, posw_actions *out) {
    stratum_work made = {.used = true, .serial = s->next_id++};
    int err = posw_miner_template(s->chain, posw_node_mempool(s->node), &a->miner, posw_node_now_s(s->node), &made.t);
    if (err == POSW_OK && (err = posw_miner_work(s->chain, &made.t, made.serial, &made.work)) != POSW_OK)
        posw_chain_template_clear(&made.t);
    if (err != POSW_OK) {
        posw_node_operating_error(s->node, err, "a block template for a miner could not be made", out);
        return err;
    }
    a->current = (a->current + 1) % STRATUM_WORKS;
    work_clear(&a->works[a->current]);
    a->works[a->current] = made;
    a->made_ms = s->now_ms;
    a->pool_changed = false;
    stratum_stake_of(&a->stake, s->chain, &a->miner, &made.work.difficulty);
    return POSW_OK;
}

static void age(posw_stratum *s, stratum_account *a) {
    const posw_hash tip = posw_chain_tip_hash(s->chain);
    for (size_t i = 0; i < STRATUM_WORKS; i++)
        if (a->works[i].used && !posw_hash_equal(&a->works[i].t.parent, &tip)) posw_miner_template_age(&a->works[i].t);
}

/* Its work is kept for whoever comes back soon: else every login would cost a template. */
void stratum_account_leave(stratum_account *a) {
    a->users--;
}

void stratum_account_clear(stratum_account *a) {
    for (size_t i = 0; i < STRATUM_WORKS; i++)
        work_clear(&a->works[i]);
    memset(a, 0, sizeof *a);
}

/* That of this address, else an empty place, else one that nobody uses; NULL: there is none. */
static stratum_account *place(posw_stratum *s, const posw_address *miner) {
    stratum_account *empty = NULL, *left = NULL;
    for (size_t i = 0; i < s->o.accounts_max; i++) {
        stratum_account *a = &s->accounts[i];
        const bool is_empty = a->users == 0 && a->made_ms == 0;
        if (!is_empty && posw_address_equal(&a->miner, miner)) return a;
        if (is_empty && empty == NULL) empty = a;
        if (a->users == 0 && left == NULL) left = a;
    }
    if (empty == NULL && left != NULL) stratum_account_clear(left);
    return empty != NULL ? empty : left;
}

/* So many templates a second are made for logins, the latter half of them for own addresses only; those on a new tip
 * come beside. */
static bool may_make(posw_stratum *s, bool own) {
    const uint64_t second = s->now_ms / 1000;
    if (s->login_second != second) s->login_works = 0;
    s->login_second = second;
    if (s->login_works >= (own ? STRATUM_LOGIN_WORKS : STRATUM_LOGIN_WORKS / 2)) return false;
    s->login_works++;
    return true;
}

static int full(posw_message *why, unsigned most, const char *whose) {
    return posw_message_set(why, POSW_EFULL, "This node mines for %u address%s%s already; try again later", most,
                            most == 1 ? "" : "es", whose);
}

int stratum_account_get(posw_stratum *s, stratum_account **account, const posw_address *miner, posw_message *why,
                        posw_actions *out) {
    const posw_stratum_key *key = key_for(s, miner);
    if (key == NULL) return no_key(s, miner, why);
    const bool own = is_own(s, miner);
    if (!own && !stranger_has_room(s, miner)) return full(why, strangers_max(s), " of others");
    stratum_account *a = place(s, miner);
    if (a == NULL) return full(why, s->o.accounts_max, "");
    a->miner = *miner;
    a->key = key;
    if (!a->works[a->current].used || (a->users == 0 && s->now_ms >= a->made_ms + s->o.pool_refresh_ms)) {
        if (!may_make(s, own)) return posw_message_set(why, POSW_EFULL, "Too many logins at once; try again");
        const int err = make_work(s, a, out);
        if (err != POSW_OK) return posw_message_set(why, err, "No block template could be made");
    }
    a->users++;
    *account = a;
    return POSW_OK;
}

stratum_work *stratum_account_work(stratum_account *a, uint64_t serial) {
    for (size_t i = 0; i < STRATUM_WORKS; i++)
        if (a->works[i].used && a->works[i].serial == serial) return &a->works[i];
    return NULL;
}

static void close_all(posw_stratum *s, stratum_account *a, const char *why, posw_actions *out) {
    for (stratum_conn *c = s->first, *next; c != NULL; c = next) {
        next = c->next;
        if (c->account != a) continue;
        stratum_refuse(c, "null", out, "%s", why);
        stratum_close(s, c, out);
    }
}

void stratum_account_renew(posw_stratum *s, stratum_account *a, posw_actions *out) {
    posw_message why = {""};
    age(s, a);
    a->key = key_for(s, &a->miner);
    if (a->key == NULL) {
        (void)no_key(s, &a->miner, &why);
        close_all(s, a, why.text, out);
        return;
    }
    if (make_work(s, a, out) != POSW_OK) return;
    for (stratum_conn *c = s->first; c != NULL; c = c->next)
        if (c->account == a) stratum_give_job(s, c, POSW_STRATUM_JOB, "null", out);
}
