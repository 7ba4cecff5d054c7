/* A simulated world: many whole nodes in one process, with a clock, a network and disks of its own.
 *
 * Each machine runs the very objects of the daemon (chain, mempool, miner, p2p; the in-memory store), and the world
 * does what src/io does for them: it performs their actions and brings their events, in an order that depends on the
 * seed alone. One seed, one event log, byte for byte.
 *
 *  - Clock: microseconds from 0; each machine's own clock may be off (skew_ms).
 *  - Network: a message leaves a machine at its upload rate, one after the other, and arrives after the latency of the
 * pair, in order within its connection. A partition cuts connections between groups (after cut_ms, as TCP notices late)
 * and lets no new ones be made.
 *  - Mining: a machine with `hashes_per_s` finds a seal after an exponential time with the mean of its real target
 * (difficulty and weight); the proof of work is then drawn below that target and known to all as the right one. No
 * hashing. Signatures are drawn, too, where memo.c is linked.
 *  - Disks: a crash drops what was not committed; faults of the store end the node as they would the daemon, and it is
 * started again.
 *
 * After each event world_options.check may look at everything. Not thread safe: the table of proofs of work is the
 * process's. */
#ifndef POSW_LAB_WORLD_H
#define POSW_LAB_WORLD_H

#include "crypto/random.h"
#include "p2p/p2p.h"

typedef struct world world;

typedef struct {
    uint64_t hashes_per_s;       /* 0: does not mine */
    uint64_t upload_bytes_per_s; /* default 1,250,000 */
    int64_t skew_ms;
    bool silent; /* does not listen */
    unsigned named_count;
    size_t named[8]; /* machines that it is told to connect to (bootnodes when not named_only) */
    bool named_only;
    bool mine_alone;
    bool private_network;
    unsigned outbound_max, block_only_max; /* 0: as the daemon has it */
    unsigned inbound_max;
    const posw_chain_spec *spec; /* its chain file, of the same genesis; borrowed. NULL: the world's */
} machine_options;

typedef struct {
    uint64_t seed;
    const posw_chain_spec *spec; /* borrowed; pow keccak256 */
    size_t machine_count;
    uint32_t latency_ms, jitter_ms;  /* of a pair: latency_ms/2 .. latency_ms*3/2, and up to jitter_ms more for each
                                        message; default 50, 10 */
    uint32_t job_ms;                 /* time of a job; default 1 */
    uint64_t cut_ms;                 /* until a cut connection is noticed; default 5,000 */
    uint64_t start_s;                /* unix time at 0; default genesis + 1,000 */
    bool early_templates;            /* machines make each block that they search for, as the daemon does, instead of
                                        those alone that are found. What they mine is the same but for transactions: the
                                        pool of the find instead of that of up to a second before it */
    const machine_options *machines; /* machine_count of them */
    enum posw_log_level
        log_level; /* of the machines' own lines in the log; default POSW_LOG_ERROR + nothing if log is NULL */
    void (*log)(void *arg, const char *line); /* every event and every line of a machine; NULL: none */
    /* After each event of this machine; non-zero ends the run and is its result. NULL: none. */
    int (*check)(void *arg, world *w, size_t machine);
    /* This machine has another tip, by its own find or another's; world_now_us says when. NULL: none. */
    void (*tip)(void *arg, world *w, size_t machine, const posw_hash *tip);
    bool measure; /* world_costs; 50 ns an event. Decides nothing */
    void *arg;    /* of log, check and tip; with none of them a world is quickest */
} world_options;
void world_options_default(world_options *o);

/* A network without address gossip: each machine is told to dial its forerunner and so many others drawn from the seed
 * (at most 7), and nobody else; together they are connected. Links of a machine: 2 * (1 + others) on average. */
void world_name_peers(machine_options *machines, size_t count, unsigned others, uint64_t seed);
/* It is told to dial that one. */
bool world_is_named(const machine_options *m, size_t other);

int world_new(world **out, const world_options *o);
void world_free(world *w);

/* Runs until this time. POSW_OK, or what `check` said. */
int world_run(world *w, uint64_t until_ms);
uint64_t world_now_ms(const world *w);
uint64_t world_now_us(const world *w);
/* Of all latencies: in one direction between two machines, without jitter. */
uint64_t world_latency_us(const world *w, size_t a, size_t b);
/* The same of the world that these options make. */
uint64_t world_pair_latency_us(uint64_t seed, uint32_t latency_ms, size_t a, size_t b);
/* What the events of each kind took in real time, the messages of each type apart. */
typedef struct {
    const char *name;
    uint64_t events, ns;
} world_cost;
size_t world_costs(const world *w, world_cost *out, size_t max);
uint64_t world_events(const world *w);     /* handled so far */
uint64_t world_deliveries(const world *w); /* blocks that a machine imported which it had not mined */
posw_hash world_log_hash(const world *w);  /* of all event lines so far: equal for equal seeds */
posw_random *world_random(world *w);       /* for scenarios: the same seed, the same draws */

/* A machine's parts; NULL while it is down. */
posw_chain *world_chain(const world *w, size_t machine);
posw_mempool *world_mempool(const world *w, size_t machine);
posw_p2p *world_p2p(const world *w, size_t machine);
posw_node *world_node(const world *w, size_t machine);
posw_store *world_store(const world *w, size_t machine);
const posw_address *world_miner(const world *w, size_t machine);
posw_netaddr world_address(const world *w, size_t machine);
uint64_t world_clock_s(const world *w, size_t machine);
size_t world_machine_count(const world *w);
uint64_t world_life(const world *w, size_t machine); /* another number with each start */

/* ---- What happens to them ---- */
/* In this many ms; fn runs between events. */
void world_at(world *w, uint64_t in_ms, void (*fn)(void *arg, world *w), void *arg);
/* groups: one number for each machine; different ones cannot reach each other. NULL: all can. */
void world_partition(world *w, const uint8_t *groups);
/* Power off: nothing is said to anybody; comes back after down_ms (0: never) with what its disk had. */
void world_crash(world *w, size_t machine, uint64_t down_ms);
/* Clean stop; comes back after down_ms (0: never). */
void world_stop(world *w, size_t machine, uint64_t down_ms);
/* Its disk fails at the nth operation from now on; the node ends, and comes back after down_ms. */
void world_disk_fault(world *w, size_t machine, uint64_t nth, uint64_t down_ms);
void world_set_hashes(world *w, size_t machine, uint64_t hashes_per_s);
/* Its chain file from its next start on; borrowed. If its blocks are by other rules it begins with an empty disk then,
 * as a node advises that does not start for this. */
void world_set_spec(world *w, size_t machine, const posw_chain_spec *spec);
/* False: refused, or the machine is down. */
bool world_submit_tx(world *w, size_t machine, posw_bytes raw);
/* Hands a machine an encoded block, as a file would be imported; false: invalid, its parent is not known, or the
 * machine is down. One that is known already is fine. */
bool world_submit_block(world *w, size_t machine, posw_bytes raw);

/* Cuts the connections between two machines, as a bad line does; they may connect again at once. */
void world_cut(world *w, size_t a, size_t b);

/* What a machine is known by before there is a world. */
posw_address world_miner_of(size_t machine);
const uint8_t *world_secret(const world *w, size_t machine); /* of its miner; 32 bytes */
/* The proof of work of all worlds: what was found, and keccak256 of everything else. */
const posw_pow *world_pow(void);
/* Machines that it has an open connection with, each once, ascending; their number, at most max. */
size_t world_peers(const world *w, size_t machine, size_t *out, size_t max);

/* ---- Liars ---- */
/* Called when this machine has found a seal, in its place; true: nothing else is done with the find. NULL: honest. */
typedef bool (*world_sealer)(void *arg, world *w, size_t machine, const posw_work *work);
void world_set_sealer(world *w, size_t machine, world_sealer fn, void *arg);
/* Fills nonce, mixHash (below this target, and from now on the right one) and the machine's signature into a header
 * whose other fields are complete. */
bool world_seal(world *w, size_t machine, posw_header *h, const posw_u256 *target);
/* Sees every piece that this machine is about to send and may change it, or drop it by returning false. NULL: honest.
 */
typedef bool (*world_tamper)(void *arg, world *w, size_t from, size_t to, posw_buf *data);
void world_set_tamper(world *w, size_t machine, world_tamper fn, void *arg);
/* Sends bytes as if this machine had, over its connection to `to`; false: there is none. */
bool world_inject(world *w, size_t from, size_t to, posw_bytes data);

#endif
