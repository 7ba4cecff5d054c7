#include "state/staking_ledger.h"

#include "base/bytes.h"

enum { RECENT = 2, AMOUNT_BITS = 128 };

/* ---- deposits ---- */

posw_staking_deposit posw_ledger_deposit(posw_words *w, const posw_address *owner, const posw_address *miner) {
    posw_hash slot = posw_slot_deposit(owner, miner);
    posw_staking_deposit d = {.miner = *miner, .total_wei = posw_words_get(w, slot)};
    for (unsigned i = 0; i < RECENT; i++) {
        posw_u256 word = posw_words_get(w, posw_slot_deposit_recent(&slot, i));
        if (!posw_word_unpack_amount(&d.recent[i].epoch, &d.recent[i].amount_wei, &word))
            posw_words_fail(w, POSW_ECORRUPT);
    }
    return d;
}

static void save_deposit(posw_words *w, const posw_address *owner, const posw_staking_deposit *d) {
    posw_hash slot = posw_slot_deposit(owner, &d->miner);
    posw_words_set(w, slot, d->total_wei);
    for (unsigned i = 0; i < RECENT; i++) {
        uint64_t epoch = posw_u256_is_zero(&d->recent[i].amount_wei) ? 0 : d->recent[i].epoch;
        posw_words_set(w, posw_slot_deposit_recent(&slot, i), posw_word_pack_amount(epoch, &d->recent[i].amount_wei));
    }
}

static posw_u256 sum(posw_words *w, const posw_u256 *a, const posw_u256 *b) {
    posw_u256 v = POSW_U256_ZERO;
    if (!posw_u256_add(&v, a, b)) posw_words_fail(w, POSW_ERANGE);
    return v;
}

static posw_u256 difference(posw_words *w, const posw_u256 *a, const posw_u256 *b) {
    posw_u256 v = POSW_U256_ZERO;
    if (!posw_u256_sub(&v, a, b)) posw_words_fail(w, POSW_ECORRUPT);
    return v;
}

/* A deposit of this epoch joins the newest one if that is of the same epoch; else the newest becomes the second. What
 * is pushed out is two epochs old at least and has no clock of interest any more. */
static void add_recent(posw_words *w, posw_staking_deposit *d, const posw_u256 *wei, uint64_t epoch) {
    if (d->recent[0].epoch != epoch && !posw_u256_is_zero(&d->recent[0].amount_wei)) {
        d->recent[1] = d->recent[0];
        d->recent[0].amount_wei = POSW_U256_ZERO;
    }
    d->recent[0].epoch = epoch;
    d->recent[0].amount_wei = sum(w, &d->recent[0].amount_wei, wei);
}

/* The newest deposits go first (S4), so that what already counts keeps counting as long as possible. */
static void take_recent(posw_staking_deposit *d, posw_u256 wei) {
    for (unsigned i = 0; i < RECENT; i++) {
        posw_u256 *amount = &d->recent[i].amount_wei;
        posw_u256 left = posw_u256_sub_sat(&wei, amount);
        *amount = posw_u256_sub_sat(amount, &wei);
        wei = left;
    }
    if (posw_u256_is_zero(&d->recent[0].amount_wei)) {
        d->recent[0] = d->recent[1];
        d->recent[1].amount_wei = POSW_U256_ZERO;
    }
}

/* ---- lists: places from 1; the last member moves into a gap ---- */

static void list_miner(posw_words *w, const posw_address *miner) {
    uint64_t place = posw_words_get_u64(w, posw_slot_fixed(POSW_SLOT_MINERS)) + 1;
    posw_words_set_u64(w, posw_slot_fixed(POSW_SLOT_MINERS), place);
    posw_words_set_address(w, posw_slot_miner_at(place), miner);
    posw_words_set_u64(w, posw_slot_place(miner), place);
}

static void unlist_miner(posw_words *w, const posw_address *miner) {
    uint64_t count = posw_words_get_u64(w, posw_slot_fixed(POSW_SLOT_MINERS));
    uint64_t place = posw_words_get_u64(w, posw_slot_place(miner));
    posw_address last = posw_words_get_address(w, posw_slot_miner_at(count));
    if (place == 0 || place > count) posw_words_fail(w, POSW_ECORRUPT);
    posw_words_set_address(w, posw_slot_miner_at(place), &last);
    posw_words_set_u64(w, posw_slot_place(&last), place);
    posw_words_set_u64(w, posw_slot_miner_at(count), 0);
    posw_words_set_u64(w, posw_slot_place(miner), 0);
    posw_words_set_u64(w, posw_slot_fixed(POSW_SLOT_MINERS), count - 1);
}

static void list_for_owner(posw_words *w, const posw_address *owner, const posw_address *miner) {
    uint64_t place = posw_words_get_u64(w, posw_slot_owner_count(owner)) + 1;
    posw_words_set_u64(w, posw_slot_owner_count(owner), place);
    posw_words_set_address(w, posw_slot_owner_miner_at(owner, place), miner);
    posw_words_set_u64(w, posw_slot_owner_place(owner, miner), place);
}

static void unlist_for_owner(posw_words *w, const posw_address *owner, const posw_address *miner) {
    uint64_t count = posw_words_get_u64(w, posw_slot_owner_count(owner));
    uint64_t place = posw_words_get_u64(w, posw_slot_owner_place(owner, miner));
    posw_address last = posw_words_get_address(w, posw_slot_owner_miner_at(owner, count));
    if (place == 0 || place > count) posw_words_fail(w, POSW_ECORRUPT);
    posw_words_set_address(w, posw_slot_owner_miner_at(owner, place), &last);
    posw_words_set_u64(w, posw_slot_owner_place(owner, &last), place);
    posw_words_set_u64(w, posw_slot_owner_miner_at(owner, count), 0);
    posw_words_set_u64(w, posw_slot_owner_place(owner, miner), 0);
    posw_words_set_u64(w, posw_slot_owner_count(owner), count - 1);
}

/* ---- stake ---- */

const char *posw_ledger_stake_refusal(posw_words *w, const posw_params *p, const posw_address *owner,
                                      const posw_address *miner, const posw_u256 *wei) {
    if (posw_address_is_zero(miner)) return "stake: the miner is the zero address";
    if (posw_u256_is_zero(wei) || posw_u256_cmp(wei, &p->stake_min_wei) < 0)
        return "stake: the amount is below the chain's minimum stake";
    posw_u256 staked = posw_words_get(w, posw_slot_fixed(POSW_SLOT_STAKED));
    if (!posw_u256_add(&staked, &staked, wei) || posw_u256_bits(&staked) > AMOUNT_BITS)
        return "stake: the total stake would be too large";
    posw_u256 stake = posw_words_get(w, posw_slot_stake(miner));
    if (posw_u256_is_zero(&stake) && posw_words_get_u64(w, posw_slot_fixed(POSW_SLOT_MINERS)) >= POSW_STAKE_MINERS_MAX)
        return "stake: the list of miners is full; stake for a miner that is in it";
    if (posw_words_get_u64(w, posw_slot_owner_place(owner, miner)) == 0 &&
        posw_words_get_u64(w, posw_slot_owner_count(owner)) >= POSW_STAKE_DEPOSITS_MAX)
        return "stake: you stake for 64 miners already; unstake from one first";
    return NULL;
}

void posw_ledger_stake(posw_words *w, const posw_address *owner, const posw_address *miner, const posw_u256 *wei,
                       uint64_t epoch) {
    posw_u256 stake = posw_words_get(w, posw_slot_stake(miner));
    if (posw_u256_is_zero(&stake)) list_miner(w, miner);
    posw_staking_deposit d = posw_ledger_deposit(w, owner, miner);
    if (posw_u256_is_zero(&d.total_wei)) list_for_owner(w, owner, miner);
    d.total_wei = sum(w, &d.total_wei, wei);
    add_recent(w, &d, wei, epoch);
    if (w->error != POSW_OK) return;
    save_deposit(w, owner, &d);
    posw_words_add(w, posw_slot_stake(miner), wei);
    posw_words_add(w, posw_slot_fixed(POSW_SLOT_STAKED), wei);
}

/* ---- unstake ---- */

typedef struct {
    uint64_t first, next;
} exit_range;

static exit_range load_exit_range(posw_words *w, const posw_address *owner) {
    exit_range r;
    posw_u256 word = posw_words_get(w, posw_slot_exit_range(owner));
    if (!posw_word_unpack_range(&r.first, &r.next, &word) || r.next - r.first > POSW_STAKE_EXITS_MAX) {
        posw_words_fail(w, POSW_ECORRUPT);
        return (exit_range){0, 0};
    }
    return r;
}

static posw_staking_exit load_exit(posw_words *w, const posw_address *owner, uint64_t i) {
    posw_staking_exit e;
    posw_u256 word = posw_words_get(w, posw_slot_exit(owner, i));
    if (!posw_word_unpack_amount(&e.unlock_block, &e.amount_wei, &word)) posw_words_fail(w, POSW_ECORRUPT);
    return e;
}

/* Unlock blocks never decrease, so only the last open exit can be of the same block. */
static bool joins_last_exit(posw_words *w, const posw_address *owner, exit_range r, uint64_t unlock_block) {
    return r.next > r.first && load_exit(w, owner, r.next - 1).unlock_block == unlock_block;
}

const char *posw_ledger_unstake_refusal(posw_words *w, const posw_params *p, const posw_address *owner,
                                        const posw_address *miner, const posw_u256 *wei, uint64_t unlock_block) {
    if (posw_u256_is_zero(wei)) return "unstake: the amount is zero";
    posw_u256 rest = posw_words_get(w, posw_slot_deposit(owner, miner));
    if (!posw_u256_sub(&rest, &rest, wei)) return "unstake: more than you have staked for this miner";
    if (!posw_u256_is_zero(&rest) && posw_u256_cmp(&rest, &p->stake_min_wei) < 0)
        return "unstake: what stays would be below the chain's minimum stake; unstake less or everything";
    exit_range r = load_exit_range(w, owner);
    if (r.next - r.first >= POSW_STAKE_EXITS_MAX && !joins_last_exit(w, owner, r, unlock_block))
        return "unstake: 64 exits are open already; withdraw first";
    return NULL;
}

static void add_exit(posw_words *w, const posw_address *owner, const posw_u256 *wei, uint64_t unlock_block) {
    exit_range r = load_exit_range(w, owner);
    posw_u256 amount = *wei;
    if (joins_last_exit(w, owner, r, unlock_block)) {
        r.next--;
        posw_u256 before = load_exit(w, owner, r.next).amount_wei;
        amount = sum(w, &amount, &before);
    }
    if (w->error != POSW_OK) return;
    posw_words_set(w, posw_slot_exit(owner, r.next), posw_word_pack_amount(unlock_block, &amount));
    posw_words_set(w, posw_slot_exit_range(owner), posw_word_pack_range(r.first, r.next + 1));
}

void posw_ledger_unstake(posw_words *w, const posw_address *owner, const posw_address *miner, const posw_u256 *wei,
                         uint64_t unlock_block) {
    posw_staking_deposit d = posw_ledger_deposit(w, owner, miner);
    d.total_wei = difference(w, &d.total_wei, wei);
    take_recent(&d, *wei);
    if (w->error != POSW_OK) return;
    save_deposit(w, owner, &d);
    if (posw_u256_is_zero(&d.total_wei)) unlist_for_owner(w, owner, miner);
    posw_words_sub(w, posw_slot_stake(miner), wei);
    posw_u256 stake = posw_words_get(w, posw_slot_stake(miner));
    if (posw_u256_is_zero(&stake)) unlist_miner(w, miner);
    posw_words_sub(w, posw_slot_fixed(POSW_SLOT_STAKED), wei);
    posw_words_add(w, posw_slot_fixed(POSW_SLOT_EXITING), wei);
    add_exit(w, owner, wei, unlock_block);
}

/* ---- withdraw ---- */

posw_ledger_due posw_ledger_find_due(posw_words *w, const posw_address *owner, uint64_t number) {
    exit_range r = load_exit_range(w, owner);
    posw_ledger_due due = {.first = r.first, .next = r.next};
    for (uint64_t i = r.first; i < r.next; i++) {
        posw_staking_exit e = load_exit(w, owner, i);
        if (e.unlock_block > number) {
            due.next_unlock = e.unlock_block;
            break;
        }
        due.wei = sum(w, &due.wei, &e.amount_wei);
        due.count++;
    }
    return due;
}

void posw_ledger_withdraw(posw_words *w, const posw_address *owner, const posw_ledger_due *due) {
    uint64_t first = due->first + due->count;
    for (uint64_t i = due->first; i < first; i++)
        posw_words_set_u64(w, posw_slot_exit(owner, i), 0);
    posw_words_set(w, posw_slot_exit_range(owner),
                   first == due->next ? POSW_U256_ZERO : posw_word_pack_range(first, due->next));
    posw_words_sub(w, posw_slot_fixed(POSW_SLOT_EXITING), &due->wei);
}

size_t posw_ledger_exits(posw_words *w, posw_staking_exit out[POSW_STAKE_EXITS_MAX], const posw_address *owner) {
    exit_range r = load_exit_range(w, owner);
    size_t n = 0;
    for (uint64_t i = r.first; i < r.next; i++)
        out[n++] = load_exit(w, owner, i);
    return n;
}
