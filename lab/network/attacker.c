/* The attackers: what is handed to the machine that mines in secret, and what is given out by the gateway. */
#include "attacker.h"

#include "base/bytes.h"
#include "base/error.h"
#include "codec/block.h"
#include "miner/miner.h"
#include "p2p/message.h"
#include "posw/u256.h"

#include <string.h>

enum { PEERS_MAX = NETWORK_NODES_MAX, HANDED_MAX = 4096 };

size_t attacker_miner(const network_setup *s) {
    return s->nodes;
}
size_t attacker_gateway(const network_setup *s) {
    return s->nodes + 1;
}

/* Under an eclipse the attacker is one node that looks like any other. */
void attacker_machines(machine_options *m, const network_setup *s, uint64_t hashes_per_s) {
    machine_options *miner = &m[attacker_miner(s)];
    *miner = (machine_options){.hashes_per_s = hashes_per_s, .named_only = true};
    if (s->attack == NETWORK_ECLIPSE) {
        miner->named_count = s->nodes > 1 ? 2 : 1;
        miner->named[1] = 1; /* and the victim, machine 0 */
        return;
    }
    miner->silent = miner->mine_alone = true;
    const size_t gateway = attacker_gateway(s);
    const size_t reached = (size_t)(s->reach * (double)s->nodes + 0.5);
    m[gateway] = (machine_options){.named_only = true, .inbound_max = NETWORK_NODES_MAX};
    for (size_t i = 0; i < (reached == 0 ? 1 : reached); i++)
        m[i].named[m[i].named_count++] = gateway;
}

static posw_chain *miner(const network *n) {
    return world_chain(n->w, attacker_miner(n->s));
}
static posw_chain *gateway(const network *n) {
    return world_chain(n->w, attacker_gateway(n->s));
}
static uint64_t height(const posw_chain *c) {
    return posw_chain_tip(c)->number;
}

static bool hash_at(posw_chain *c, posw_hash *out, uint64_t number) {
    return posw_chain_hash_by_number(c, out, number) == POSW_OK;
}

/* The last block that both have in their main chains. */
static uint64_t fork_of(posw_chain *a, posw_chain *b) {
    uint64_t at = height(a) < height(b) ? height(a) : height(b);
    posw_hash x, y;
    while (at > 0 && !(hash_at(a, &x, at) && hash_at(b, &y, at) && posw_hash_equal(&x, &y)))
        at--;
    return at;
}

/* Hands the main chain of one machine to another, from the fork up to a block. */
static void hand_over(network *n, size_t from, size_t to, uint64_t up_to) {
    posw_chain *source = world_chain(n->w, from);
    for (uint64_t i = fork_of(source, world_chain(n->w, to)) + 1; i <= up_to && i <= height(source); i++) {
        posw_buf bytes = {0};
        posw_hash hash;
        posw_chain_block_info known;
        if (hash_at(source, &hash, i) &&
            posw_chain_block_by_hash(world_chain(n->w, to), &known, &hash) == POSW_ENOTFOUND &&
            posw_chain_block_bytes(source, &bytes, &hash) == POSW_OK &&
            !world_submit_block(n->w, to, posw_buf_view(&bytes)))
            n->failed = POSW_EINVAL;
        posw_buf_clear(&bytes);
    }
}

/* Whether a's chain is heavier than b's. */
static bool is_heavier(const posw_chain *a, const posw_chain *b) {
    const posw_u256 x = posw_chain_weight_total(a), y = posw_chain_weight_total(b);
    return posw_u256_cmp(&x, &y) > 0;
}

/* ---- selfish mining ---- */

/* Tells all peers of the gateway of a block, whatever the gateway itself holds for the best one. */
static void tell(network *n, uint64_t number) {
    static const uint8_t nonce[8] = {0};
    size_t peers[PEERS_MAX];
    posw_chain_block_info info;
    posw_stake_proof proof;
    posw_buf out = {0};
    const size_t from = attacker_gateway(n->s);
    if (posw_chain_block_by_number(miner(n), &info, number) != POSW_OK) return;
    const bool has = posw_chain_stake_proof(miner(n), &proof, number, &info.header.beneficiary) == POSW_OK;
    if (posw_msg_compact_encode(&out, &info.header, has ? &proof : NULL, nonce, NULL, 0, NULL, 0)) {
        const size_t count = world_peers(n->w, from, peers, PEERS_MAX);
        for (size_t i = 0; i < count; i++)
            (void)world_inject(n->w, from, peers[i], posw_buf_view(&out));
    }
    posw_buf_clear(&out);
}

static void show(network *n, uint64_t from, uint64_t up_to) {
    hand_over(n, attacker_miner(n->s), attacker_gateway(n->s), up_to);
    for (uint64_t i = from; i <= up_to; i++)
        tell(n, i);
}

/* The next block after two of one height: the part of the nodes that were on the attacker's. */
static void note_race(network *n) {
    size_t on = 0;
    for (size_t i = 0; i < n->s->nodes; i++) {
        const posw_hash tip = posw_chain_tip_hash(world_chain(n->w, i));
        const posw_hash parent = posw_chain_tip(world_chain(n->w, i))->parent_hash;
        on += posw_hash_equal(&tip, &n->race_tip) || posw_hash_equal(&parent, &n->race_tip);
    }
    n->out->races++;
    n->out->followers += (double)on / (double)n->s->nodes;
    n->noted = true;
}

/* Two branches of one length are known; of two single blocks, which have one parent, none is heavier. */
static void begin_race(network *n, uint64_t length) {
    n->racing = length == 1;
    n->noted = false;
    n->race_tip = posw_chain_tip_hash(miner(n));
}

/* The next honest block could make the public chain as heavy as the attacker's. */
static bool is_close(const network *n) {
    const posw_u256 own = posw_chain_weight_total(miner(n)), others = posw_chain_weight_total(gateway(n));
    const posw_u256 next = posw_chain_next_difficulty(gateway(n), world_clock_s(n->w, attacker_gateway(n->s)));
    const posw_u256 then = posw_u256_add_sat(&others, &next);
    return posw_u256_cmp(&then, &own) >= 0;
}

/* The attacker's branch up to this block is as heavy as the public chain: others may mine on it. */
static bool is_level(const network *n, uint64_t number) {
    const posw_u256 others = posw_chain_weight_total(gateway(n));
    posw_chain_block_info info;
    return posw_chain_block_by_number(miner(n), &info, number) == POSW_OK &&
           posw_u256_equal(&info.weight_total, &others);
}

/* Where all blocks are equally hard it shows its branch when it is level or one ahead, and before that as many blocks
 * as the others have. */
static void move_selfish(network *n) {
    hand_over(n, attacker_gateway(n->s), attacker_miner(n->s), UINT64_MAX);
    const uint64_t fork = fork_of(miner(n), gateway(n));
    const uint64_t own = height(miner(n)) - fork, others = height(gateway(n)) - fork;
    const bool they_found = height(gateway(n)) > n->seen;
    if (own == 0) {
        n->racing = false; /* it mines on their block */
    } else if (n->racing && own > others && is_close(n)) {
        n->racing = false;
        show(n, fork + own, fork + own);
    } else if (they_found && others > 0 && is_close(n)) {
        show(n, fork + 1, fork + own);
        if (own == others) begin_race(n, own);
    } else if (they_found && others > 0 && is_level(n, fork + others)) {
        show(n, fork + others, fork + others);
    }
    n->seen = height(gateway(n));
}

/* ---- payments undone ---- */

static void next_trial(network *n) {
    hand_over(n, attacker_gateway(n->s), attacker_miner(n->s), UINT64_MAX);
    n->fork = fork_of(miner(n), gateway(n));
}

static void end_trial(network *n, bool success) {
    n->out->trials++;
    n->out->successes += success;
    n->over = success && n->s->tickets > 0; /* its tickets are used up now */
    next_trial(n);
}

static void move_reorg(network *n) {
    const network_setup *s = n->s;
    posw_chain *exchange = world_chain(n->w, 0);
    posw_hash own, seen;
    if (height(miner(n)) == n->fork && height(gateway(n)) == n->fork) return;
    const bool paid = height(exchange) >= n->fork + s->confirmations;
    const bool undone = height(miner(n)) > n->fork && hash_at(miner(n), &own, n->fork + 1) &&
                        hash_at(exchange, &seen, n->fork + 1) && posw_hash_equal(&own, &seen);
    if (undone)
        end_trial(n, true);
    else if (paid && is_heavier(miner(n), gateway(n)) && is_heavier(miner(n), exchange))
        hand_over(n, attacker_miner(s), attacker_gateway(s), UINT64_MAX);
    else if (height(gateway(n)) > height(miner(n)) + s->give_up)
        end_trial(n, false);
}

/* ---- eclipse ---- */

static void eclipse_begins(void *arg, world *w);

/* Both sides have met again, or had the time to. */
static void eclipse_judged(void *arg, world *w) {
    network *n = arg;
    posw_hash now;
    const bool replaced = hash_at(world_chain(w, 0), &now, n->fork + 1) && !posw_hash_equal(&now, &n->victim_at);
    n->out->trials++;
    n->out->successes += n->victim_grew >= n->s->confirmations && replaced;
    eclipse_begins(n, w);
}

static void eclipse_ends(void *arg, world *w) {
    network *n = arg;
    posw_chain *victim = world_chain(w, 0);
    n->victim_grew = height(victim) - n->fork;
    memset(&n->victim_at, 0, sizeof n->victim_at);
    (void)hash_at(victim, &n->victim_at, n->fork + 1);
    world_partition(w, NULL);
    world_at(w, 20 * 1000 * (uint64_t)n->s->block_time_s, eclipse_judged, n);
}

static void eclipse_begins(void *arg, world *w) {
    network *n = arg;
    uint8_t groups[NETWORK_NODES_MAX + 2] = {0};
    groups[0] = groups[attacker_miner(n->s)] = 1;
    n->fork = height(world_chain(w, 0));
    world_partition(w, groups);
    world_at(w, n->s->eclipse_s * 1000, eclipse_ends, n);
}

/* ---- false times ---- */

/* In place of the block that it has found: the same, but it says that it came a second after its parent. */
static bool seal_hasty(void *arg, world *w, size_t machine, const posw_work *work) {
    network *n = arg;
    posw_chain_template t = {0};
    posw_buf block = {0};
    if (posw_miner_template(world_chain(w, machine), NULL, world_miner(w, machine), 0, &t) == POSW_OK &&
        world_seal(w, machine, &t.header, &work->target))
        posw_block_encode(&block, &t.header, NULL, 0);
    if (block.size == 0 || block.failed || !world_submit_block(w, machine, posw_buf_view(&block)))
        n->failed = POSW_EINVAL;
    posw_buf_clear(&block);
    posw_chain_template_clear(&t);
    return true;
}

/* ---- moves ---- */

static void move(void *arg, world *w) {
    network *n = arg;
    (void)w;
    n->called = false;
    if (n->s->attack == NETWORK_SELFISH)
        move_selfish(n);
    else
        move_reorg(n);
}

/* Not inside the event that brought the tip: between events. */
void attacker_tip(network *n, size_t machine) {
    if (n->s->attack == NETWORK_ECLIPSE) return;
    if (n->racing && !n->noted && machine != attacker_gateway(n->s)) {
        const posw_header *tip = posw_chain_tip(world_chain(n->w, machine));
        if (posw_address_equal(&tip->beneficiary, world_miner(n->w, machine))) note_race(n);
    }
    const bool concerns = machine >= n->s->nodes || machine == 0;
    if (!concerns || n->called) return;
    n->called = true;
    world_at(n->w, 0, move, n);
}

void attacker_begin(network *n) {
    n->seen = height(world_chain(n->w, 0));
    if (n->s->times == LAB_FALSE_TIMES) world_set_sealer(n->w, attacker_miner(n->s), seal_hasty, n);
    if (n->s->attack == NETWORK_ECLIPSE)
        eclipse_begins(n, n->w);
    else
        next_trial(n);
}
