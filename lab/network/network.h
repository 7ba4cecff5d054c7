/* Whole networks: nodes of lab/world that mine, pass on blocks and are attacked, over lines that take time.
 *
 * The honest nodes have equal hash power, or that of a list of miners, and are connected as world_name_peers does.
 * Difficulty begins where blocks come every block_time_s, and stays so or follows the rule of a chain. There are no
 * transactions.
 *
 * An attacker is two machines: one that mines on blocks that nobody else knows (it has no connections, and is handed
 * blocks), and a gateway without hash power that hears of the public chain and gives out what is to be known. */
#ifndef POSW_LAB_NETWORK_H
#define POSW_LAB_NETWORK_H

#include "base/error.h"
#include "rules/chain_sim.h"
#include "rules/times.h"
#include "run/sample.h"
#include "state/genesis.h"

#include <string.h>

enum network_attack {
    NETWORK_NO_ATTACK,
    /* The strategy SM1 (Eyal and Sirer 2014): blocks are kept back, and shown to make others' blocks worthless. */
    NETWORK_SELFISH,
    /* A payment is undone: a hidden branch from the block before it, shown when a node (the exchange) has seen
     * `confirmations` blocks, the payment's own one included, and the branch is heavier. */
    NETWORK_REORG,
    /* An exchange that mines with `victim_share` sees the attacker alone for `eclipse_s`, which gives it a payment and
     * its confirmations; then it meets the others' chain again. */
    NETWORK_ECLIPSE
};

enum { NETWORK_NODES_MAX = 1000, NETWORK_PEERS_MAX = 6, NETWORK_BLOCKS_MAX = 10000, NETWORK_SETTLE_MAX = 200000 };

typedef struct {
    enum network_attack attack;
    size_t nodes;         /* honest ones, 2 .. NETWORK_NODES_MAX */
    unsigned peers;       /* that each of them dials beside its forerunner, 0 .. NETWORK_PEERS_MAX */
    uint32_t latency_ms;  /* of a pair of machines in one direction: half of it to one and a half */
    uint32_t jitter_ms;   /* more, for each message */
    uint64_t bytes_per_s; /* that a machine sends */
    uint32_t block_time_s;
    uint64_t blocks;                 /* of a run: it ends after so many block times */
    const char *weight;              /* a preset whose F the attack meets: "pow", "ticket" or "quarkchain" */
    double alpha;                    /* share of all hash power that the attacker has; 0 without attack */
    double reach;                    /* share of the honest nodes that the gateway is connected to, > 0 */
    uint64_t tickets;                /* that the attacker has; honest nodes always have one free */
    uint64_t confirmations, give_up; /* reorg: given up when so many blocks behind */
    double victim_share;
    uint64_t eclipse_s;
    /* selfish, reorg: by what the difficulty follows, if blocks have times; the attacker's hash has no part in the
     * first one then where it mines in secret from the start (reorg) */
    enum lab_times times;
    enum posw_difficulty_rule rule; /* one that does not read the block's own time */
    uint64_t difficulty_blocks;
    uint64_t seed;
    const posw_params *chain; /* its rules but the proof of work, and under an attack the difficulty's; block_time_s is
                                 its own then. NULL: `weight`, and without times a difficulty that stays */
    const chain_sim_miner *miners; /* of `nodes` entries, each with one identity: hash in any unit, stake. NULL: all
                                      alike. Without attack only */
    posw_u256 supply_wei;          /* with miners: coins that exist, their stakes among them */
    const double *parts; /* with miners: of the blocks that each finds, by which delays are weighed; of `nodes`
                            entries. NULL: of the hash */
    uint64_t settle;     /* block times before anything is counted */
} network_setup;

/* What was counted in one run; to be added up over runs. */
typedef struct {
    bool done;
    uint64_t found, main;             /* blocks found by anybody; in the chain at the end */
    uint64_t reached[3], arrivals;    /* blocks that came to half, 90 % and 99 % of the nodes; that came to a node */
    double reached_ms[3], arrival_ms; /* times of these, added up */
    double delay_ms, delay_power;     /* the same, and 1, in parts of all that is found by those who waited, added up */
    double own_power;                 /* the same of the finders of all blocks, who do not wait */
    uint64_t attacker_main;           /* selfish: its blocks in the chain */
    uint64_t races;                   /* two blocks of one height that nodes were divided between, */
    double followers;                 /* and the parts of the nodes that were on the attacker's, added up */
    uint64_t trials, successes;       /* reorg, eclipse */
    uint64_t deliveries;          /* blocks that came to a node which had not found them, from the first moment on */
    uint32_t *found_of, *main_of; /* of each honest node: the caller's memory, of `nodes` entries; NULL: not counted */
} network_result;

/* Nothing is counted yet. */
static inline void network_result_begin(network_result *r, size_t nodes) {
    *r = (network_result){.found_of = r->found_of, .main_of = r->main_of};
    if (r->found_of != NULL) memset(r->found_of, 0, nodes * sizeof *r->found_of);
    if (r->main_of != NULL) memset(r->main_of, 0, nodes * sizeof *r->main_of);
}

/* The chain of a run. POSW_OK; POSW_EINVAL with a sentence in msg: no chain can have these rules and stakes;
 * POSW_ENOMEM. The caller clears it, whatever is returned. */
int network_chain(posw_chain_spec *out, const network_setup *s, posw_message *msg);
/* One run; out: found_of and main_of as the caller has set them. The same setup and seed give the same result. POSW_OK,
 * or an operating error. */
int network_run(network_result *out, const network_setup *setup);
/* The same in a process of its own, so that runs on several threads share nothing: the world keeps tables for its
 * process. begin: called there first; NULL allowed. stop: asked here ten times a second whether to end the run; NULL
 * allowed. False: it could not be started, has failed, or was ended. */
bool network_run_apart(network_result *out, const network_setup *setup, void (*begin)(void), bool (*stop)(void));

/* What part of the blocks each miner finds in the counted time when a block reaches everybody at once: as power is
 * divided where stake alone decides, else from chain_sim.h, which runs the same time from genesis again and again.
 * share: of `nodes` entries. False: out of memory. After Ctrl-C of what was done. The same for any number of threads.
 */
bool network_expected(lab_sample *share, const network_setup *setup, unsigned threads);

/* How likely the eclipse works when blocks come at once to all who may see them: the victim's side finds at least z
 * blocks meanwhile and the others more than that side (of two chains of one length the next block decides). */
double network_eclipse_exact(double alpha, double victim_share, uint64_t z, double block_times);
/* Found blocks that do not stay, where a node hears of a block after mean_delay on average (Decker and Wattenhofer
 * 2013, section 4): 1 - e^(-delay / block time) blocks meet a rival; one of the two is lost. */
double network_stale_expected(double mean_delay_s, double block_time_s);

#endif
