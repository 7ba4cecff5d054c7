/* What the files of src/p2p share: the peer, the whole, and what each part offers to the others.
 *
 * Who calls whom: p2p.c receives events and gives frames of ready peers to the part that they belong to; a part never
 * calls p2p.c's event functions, only p2p_send, p2p_violation and p2p_close. A peer that is closed stays in memory,
 * with state P2P_CLOSING, until the event PEER_CLOSED: pointers to peers are good within one step, and a part forgets a
 * peer in its *_peer_gone. */
#ifndef POSW_P2P_P2P_INTERNAL_H
#define POSW_P2P_P2P_INTERNAL_H

#include "base/map.h"
#include "crypto/random.h"
#include "p2p/connect.h"
#include "p2p/message.h"
#include "p2p/p2p.h"

#include <stdio.h>

enum p2p_state { P2P_DIALLING, P2P_HELLO, P2P_READY, P2P_CLOSING };

enum {
    P2P_HELLO_MS = 10 * 1000,
    P2P_PING_MS = 60 * 1000,
    P2P_SILENT_MS = 150 * 1000, /* nothing at all for so long: gone */
    P2P_SAVE_MS = 10 * 60 * 1000,
    P2P_FRAME_MS = 120 * 1000,     /* a frame comes whole within this time, and not drop by drop */
    P2P_IN_MAX = 64 * 1024 * 1024, /* unfinished frames of all peers: beyond, who has most of it goes */
    P2P_KEEP_BUFFER = 64 * 1024,   /* of a peer's input between frames */
    P2P_TICK_MS = 250,             /* how often something that only time moves is looked at */
    P2P_JOBS_PEER_MAX =
        16, /* proofs of work of one peer's headers that are being computed, in jobs; beyond it they are passed over, */
    P2P_JOBS_POW_MAX = 2048, /* of all peers, */
    P2P_JOBS_MAX = 3072,     /* and with the blocks that are being prepared */
    P2P_CLOCK_MAX_S = 60,    /* half of the peers further away than this: the own clock is off */
};

/* GOODBYE codes (doc/network.md section 2). */
enum p2p_goodbye {
    P2P_BYE_OTHER_CHAIN = 1,
    P2P_BYE_OTHER_FORK,
    P2P_BYE_FULL,
    P2P_BYE_VIOLATION,
    P2P_BYE_STOPPING,
    P2P_BYE_SELF,
    P2P_BYE_KNOWN,
    P2P_BYE_SLOW,
    P2P_BYE_BANNED,
    P2P_BYE_VERSION,
    P2P_BYE_CLOCK,
};

typedef struct p2p_sync p2p_sync;
typedef struct p2p_sync_peer p2p_sync_peer;
typedef struct p2p_compact p2p_compact;
typedef struct p2p_compact_peer p2p_compact_peer;
typedef struct p2p_txs p2p_txs;
typedef struct p2p_txs_peer p2p_txs_peer;

typedef struct p2p_peer {
    /* first what is looked at for every peer with every event, or nearly so: two lines of the processor's cache */
    uint64_t id;
    enum posw_p2p_kind kind;
    enum p2p_state state;
    posw_u256 weight; /* with number and hash: its tip, from HELLO, PING and what it shows */
    p2p_compact_peer *compact;
    p2p_sync_peer *sync; /* each part's own, owned by it */
    p2p_txs_peer *relay;
    size_t jobs; /* proofs of work: P2P_JOBS_PEER_MAX */
    posw_hash hash;
    uint64_t number;
    posw_netaddr address;
    posw_node_id node_id;
    posw_buf in;    /* a frame that has not come whole, */
    uint64_t in_ms; /* and when it began */
    uint64_t opened_ms, heard_ms, ping_sent_ms, next_ping_ms;
    uint8_t ping_nonce[8];         /* of the open ping; ping_sent_ms 0: none is open */
    uint32_t ping_ms, ping_min_ms; /* UINT32_MAX: none yet */
    /* from HELLO and PING */
    uint32_t version, flags;
    uint64_t parts, unknown_upgrade; /* p2p_fork_judgement */
    uint16_t listen_port;
    int64_t clock_ahead_s; /* its clock at HELLO, minus now_ms: that goes on evenly when the own clock is set back */
    char agent[POSW_P2P_AGENT_MAX + 1];
    /* usefulness, for eviction and operators */
    size_t unsent; /* bytes given to the performer since it was last DRAINED: an upper bound of what waits */
    uint64_t bytes_in, bytes_out, blocks, txs, last_block_ms, last_tx_ms;
    bool gave_addresses; /* a peer is answered once */
    posw_addr_quota address_quota;
    uint64_t next_address_ms; /* own address told again */
    bool reported;            /* its dial's result has been told to connect */
} p2p_peer;

/* What a node that was dialled said last about its rules: posw_p2p_upgrade_needed counts these. Whoever is connected
 * says it each minute, and whoever was refused and is one of those to be dialled (again: after 5 minutes) as often; so
 * those that were heard last are they, and some that were dialled and left lately. What nobody has repeated for an hour
 * is as good as gone, and counts only while there is nothing newer: a node that is alone knows nothing better. */
enum { P2P_WORDS_MAX = 16, P2P_WORD_MS = 60 * 60 * 1000 };
typedef struct {
    posw_netaddr address;
    uint64_t at_ms;  /* when */
    bool lacks;      /* it follows rules that our chain file lacks, or names some for a block that is past here */
    uint64_t height; /* from this block on; if it does not lack: the upgrade of which it speaks that we do not know; 0:
                        none known */
} p2p_word;

struct posw_p2p {
    posw_p2p_options options;
    posw_node *node;
    posw_chain *chain;
    posw_mempool *mempool;
    const posw_log *log;
    posw_random random;
    posw_connect *connect; /* policy, addresses, bans */
    p2p_peer **peers;      /* by id: in the order in which they came */
    size_t peer_count, peer_capacity;
    size_t jobs; /* given away and not yet back, also those of peers that are gone */
    uint64_t next_outbound;
    uint64_t now_ms, wake_ms, next_tick_ms; /* wake_ms: the tick that was asked for; UINT64_MAX: none */
    uint8_t own_nonce[8];                   /* of HELLO: who hears it has dialled itself */
    uint8_t evict_secret[16];
    uint64_t start_ms;
    uint64_t save_ms;  /* when addresses are kept next */
    uint64_t block_ms; /* when the tip last moved: a stale tip asks for one more peer */
    bool warned_alone, warned_stranded;
    bool was_connected; /* ever in this run */
    posw_hash genesis;
    p2p_fork_id fork;              /* of the tip */
    p2p_word words[P2P_WORDS_MAX]; /* the latest heard last */
    size_t word_count;
    bool lack_said; /* in the log, since it was not so last */
    p2p_sync *sync;
    p2p_compact *compact;
    p2p_txs *txs;
    posw_p2p_status counters;                     /* the counting members only */
    posw_p2p_traffic traffic[POSW_MSG_KINDS + 1]; /* by posw_msg_kind; the last: of no message */
    size_t handling;                              /* the kind of the message that is being read; POSW_MSG_KINDS: none */
    int chain_error;                              /* of a read in this step: the node is told at its end */
    bool stopping;
};

/* ---- p2p.c ---- */
/* So much waits for this peer to read that nothing large is added: answers are put off until DRAINED. */
enum { P2P_UNSENT_MAX = 4 * 1024 * 1024 };
static inline bool p2p_is_full(const p2p_peer *peer) {
    return peer->unsent > P2P_UNSENT_MAX;
}
p2p_peer *p2p_find(const posw_p2p *p, uint64_t id); /* NULL: gone */
p2p_peer *p2p_add_peer(posw_p2p *p, uint64_t id, enum posw_p2p_kind kind,
                       const posw_netaddr *address); /* NULL: out of memory */
/* HELLO was right: the parts take the peer in. */
void p2p_peer_ready(posw_p2p *p, p2p_peer *peer, posw_actions *out);
void p2p_close(posw_p2p *p, p2p_peer *peer, posw_actions *out);
/* Sends a frame (built with message.h into a->data). */
posw_action *p2p_send_begin(posw_p2p *p, p2p_peer *peer,
                            posw_actions *out);                 /* NULL: out of memory, or closing: do nothing */
void p2p_send_end(posw_p2p *p, p2p_peer *peer, posw_action *a); /* counts bytes */
void p2p_goodbye(posw_p2p *p, p2p_peer *peer, enum p2p_goodbye code, const char *sentence, posw_actions *out);
/* What no honest node does: goodbye, and the address is discouraged. what: a few words for log and peer. */
void p2p_violation(posw_p2p *p, p2p_peer *peer, const char *what, posw_actions *out);
/* Ready peers, in the order of connection, for parts that speak to all: i from 0, NULL at the end; skips others. */
static inline p2p_peer *p2p_ready_peer(const posw_p2p *p, size_t *i) {
    while (*i < p->peer_count) {
        p2p_peer *peer = p->peers[(*i)++];
        if (peer->state == P2P_READY) return peer;
    }
    return NULL;
}
/* A job for another thread; owner and id come back in JOB_DONE as job->id. */
void p2p_run_job(posw_p2p *p, posw_job *job, posw_actions *out);
/* May this peer's headers cost another job? A false proof shows only when the job is done, so there must not be many
 * until then. */
bool p2p_may_prove(const posw_p2p *p, const p2p_peer *peer);
/* What reading the chain gave: true for POSW_OK. Anything but that, POSW_ENOTFOUND and POSW_EPRUNED is a disk that
 * fails, which must not pass for an unknown block: the node ends by it. (But for the damaged blocks of serve.c.) */
bool p2p_was_read(posw_p2p *p, int rc);
/* The world's clock, by which bans end: the operator reads until when. */
static inline uint64_t p2p_wall_s(const posw_p2p *p) {
    return (posw_node_now_ms(p->node) - posw_node_behind_ms(p->node)) / 1000;
}
/* For qsort. */
int p2p_compare_hashes(const void *a, const void *b);
/* Asks for a tick at this time. */
void p2p_wake(posw_p2p *p, uint64_t at_ms);
/* A block was brought by this peer first / the chain grew by it: usefulness. */
void p2p_peer_brought_block(posw_p2p *p, uint64_t peer);

/* Job ids: who made the job. */
enum { P2P_JOB_OWNER_SHIFT = 56, P2P_JOB_SYNC = 1, P2P_JOB_COMPACT = 2 };

/* ---- peer.c: one peer: greeting, pings, farewell ---- */
void p2p_peer_open(posw_p2p *p, p2p_peer *peer, posw_actions *out);
/* HELLO, GOODBYE, PING, PONG. False: malformed. */
bool p2p_peer_message(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f, posw_actions *out);
void p2p_peer_tick(posw_p2p *p, p2p_peer *peer, posw_actions *out);

/* ---- contacts.c: who is connected: dials, addresses, places ---- */
int p2p_contacts_new(posw_p2p *p);
void p2p_contacts_tick(posw_p2p *p, posw_actions *out);
/* What became of a dial, once for each outbound peer. */
void p2p_report_dial(posw_p2p *p, p2p_peer *peer, enum posw_dial_result result);
/* May this inbound peer stay? Makes room if need be; false: goodbye was said. */
bool p2p_has_place(posw_p2p *p, p2p_peer *peer, posw_actions *out);
void p2p_contacts_ready(posw_p2p *p, p2p_peer *peer, posw_actions *out); /* HELLO was right: addresses */
/* GET_ADDRESSES, ADDRESSES */
bool p2p_contacts_message(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f, posw_actions *out);
void p2p_save(posw_p2p *p, posw_actions *out);
p2p_peer *p2p_dial(posw_p2p *p, enum posw_p2p_kind kind, const posw_netaddr *address, const posw_node_id *id,
                   posw_actions *out);

/* ---- sync.c, headers.c, bodies.c: which chain to follow, and fetching it ---- */
int p2p_sync_new(posw_p2p *p);
void p2p_sync_free(posw_p2p *p);
int p2p_sync_peer_ready(posw_p2p *p, p2p_peer *peer, posw_actions *out); /* after HELLO: may ask for headers */
void p2p_sync_peer_leaves(
    posw_p2p *p, p2p_peer *peer); /* is closed: nothing more comes of it; what it owed is asked of others in time */
void p2p_sync_peer_gone(posw_p2p *p, p2p_peer *peer,
                        posw_actions *out); /* frees peer->sync; asks others for what it owed */
/* The peer told its tip (HELLO, PING). */
void p2p_sync_peer_tip(posw_p2p *p, p2p_peer *peer, posw_actions *out);
/* GET_HEADERS, HEADERS, GET_BLOCKS, BLOCK, NOT_FOUND, ANNOUNCE. False: malformed (p2p.c makes the violation of it). */
bool p2p_sync_message(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f, posw_actions *out);
void p2p_sync_job_done(posw_p2p *p, posw_job *job, posw_actions *out);
void p2p_sync_peer_drained(posw_p2p *p, p2p_peer *peer, posw_actions *out);
void p2p_sync_tick(posw_p2p *p, posw_actions *out);
void p2p_sync_chain_changed(posw_p2p *p, const posw_chain_change *change, posw_actions *out);
bool p2p_sync_is_behind(const posw_p2p *p); /* then the miner rests and transactions are not asked for */
/* It has not caught up yet and cannot: a heavier chain is known, and all peers that have it have pruned the next block.
 * The miner rests then, too. */
bool p2p_sync_is_stranded(posw_p2p *p);
bool p2p_sync_has_more(
    posw_p2p *p); /* some blocks that outweigh the tip are on their way: others need not hear of it */
void p2p_sync_status(const posw_p2p *p, posw_p2p_status *s);
size_t p2p_sync_peer_memory(const p2p_peer *peer);
/* For compact.c: is this header right (known parent, all checks but the proof of work output)? Its verdict; *weight: of
 * its chain; *seal: with a valid one, what is left to ask about its seal, but for the key; *own_signature: the
 * beneficiary's. An unknown parent is NOT_YET F2: then call p2p_sync_ask_headers. */
posw_verdict p2p_sync_check_header(posw_p2p *p, const posw_header *h, const posw_hash *hash,
                                   const posw_stake_proof *proof, posw_u256 *weight, posw_job_pow *seal,
                                   bool *own_signature);
/* Yet another header of a proof of work that has come with enough signatures already: to be passed over, unless others
 * have built on it. Remembers it otherwise. */
bool p2p_sync_is_copy(posw_p2p *p, const posw_header *h, const posw_hash *hash);
/* Its parent is the last header of a branch whose blocks are not here yet. */
bool p2p_sync_extends_branch(const posw_p2p *p, const posw_header *h);
/* A header that came beside a block which is not taken now: as if it had been announced. */
void p2p_sync_announced(posw_p2p *p, p2p_peer *peer, const posw_msg_header *m, posw_actions *out);
void p2p_sync_ask_headers(posw_p2p *p, p2p_peer *peer, posw_actions *out);
/* Adds a header of the main chain, with its stake proof where H10 asks for it, to HEADERS, ANNOUNCE (serve.c). */
bool p2p_add_header(posw_p2p *p, posw_msg_writer *w, const posw_header *h);
bool p2p_header_proof(posw_p2p *p, posw_stake_proof *out, const posw_header *h); /* false: it needs none */
/* A block of the chain with the hashes of its transactions, without checks and senders: views of `bytes`, which must
 * stay. */
int p2p_decode_block(posw_prepared *out, const posw_buf *bytes);
/* Where a block that is rebuilt can be made: whoever does not call p2p_sync_block_here then clears it again. */
posw_prepared *p2p_sync_room_here(posw_p2p *p);
/* The block there is whole, with known senders: it is imported at the beginning of the next event, when what this step
 * sends has left: others do not wait for its execution, nor for the disk. */
void p2p_sync_block_here(posw_p2p *p, p2p_peer *peer, posw_actions *out);
void p2p_sync_import_here(posw_p2p *p, posw_actions *out);
bool p2p_sync_wants(const posw_p2p *p, const posw_hash *hash); /* asked for already, or here and not yet imported */

/* ---- compact.c: new blocks at the tip ---- */
int p2p_compact_new(posw_p2p *p);
void p2p_compact_free(posw_p2p *p);
int p2p_compact_peer_ready(posw_p2p *p, p2p_peer *peer, posw_actions *out);
void p2p_compact_peer_gone(posw_p2p *p, p2p_peer *peer, posw_actions *out);
bool p2p_compact_message(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f,
                         posw_actions *out); /* COMPACT, GET_BLOCK_TXS, BLOCK_TXS, SEND_COMPACT */
void p2p_compact_job_done(posw_p2p *p, posw_job *job, posw_actions *out);
void p2p_compact_tick(posw_p2p *p, posw_actions *out);
/* New blocks of the main chain: COMPACT to those that want it, ANNOUNCE to the rest, unless they have it. */
void p2p_compact_chain_changed(posw_p2p *p, const posw_chain_change *change, posw_actions *out);
/* It brought a new block: it is asked to send the next ones at once. */
void p2p_compact_peer_brought(posw_p2p *p, p2p_peer *peer, posw_actions *out);
/* This peer has (sent us, or was sent) this block. */
void p2p_compact_peer_has(posw_p2p *p, p2p_peer *peer, const posw_hash *hash);
/* Of an encoded header (1 to POSW_HEADER_SIZE_MAX bytes) that came beside a new block. Most come several times in a
 * row, each time of another peer: they are known by their bytes. */
posw_hash p2p_compact_hash(posw_p2p *p, posw_bytes header);
bool p2p_compact_is_rebuilding(const posw_p2p *p, const posw_hash *hash);
size_t p2p_compact_peer_memory(const p2p_peer *peer);

/* ---- txs.c: transactions ---- */
int p2p_txs_new(posw_p2p *p);
void p2p_txs_free(posw_p2p *p);
int p2p_txs_peer_ready(posw_p2p *p, p2p_peer *peer, posw_actions *out);
void p2p_txs_peer_gone(posw_p2p *p, p2p_peer *peer, posw_actions *out);
void p2p_txs_peer_drained(posw_p2p *p, p2p_peer *peer, posw_actions *out);
bool p2p_txs_message(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f,
                     posw_actions *out); /* TX_HASHES, GET_TXS, TXS */
void p2p_txs_tick(posw_p2p *p, posw_actions *out);
void p2p_txs_accepted(posw_p2p *p, const posw_mempool_entry *e, posw_actions *out); /* by the pool, from anywhere */
void p2p_txs_chain_changed(posw_p2p *p, const posw_chain_change *change);
/* It has announced this transaction, or was told of it: so it has it in all likelihood. */
bool p2p_txs_peer_knows(const posw_p2p *p, const p2p_peer *peer, const posw_hash *hash);
size_t p2p_txs_peer_memory(const p2p_peer *peer);

/* ---- upgrades.c ---- */
enum { P2P_UPGRADE_GROUPS_MAX = 64 }; /* that are told apart */
/* The own fork id, after the tip moved. */
void p2p_upgrades_update(posw_p2p *p);
/* A fork id of HELLO or PING, with the number of the tip that came with it. False: the peer has been told goodbye. */
bool p2p_upgrades_heard(posw_p2p *p, p2p_peer *peer, const p2p_fork_id *theirs, uint64_t number, posw_actions *out);
/* This side or that has a block of this number: true if the two part there, and goodbye has been said. */
bool p2p_upgrades_passed(posw_p2p *p, p2p_peer *peer, uint64_t number, posw_actions *out);
void p2p_upgrades_chain_changed(posw_p2p *p, posw_actions *out);
/* A violation (what: the sentence), unless the block of this number lies beyond where the peer's rules part from ours.
 */
void p2p_blame(posw_p2p *p, p2p_peer *peer, uint64_t number, enum posw_rule rule, const char *what, posw_actions *out);

/* ---- peer.c ---- */
/* Goodbye of a kind that is counted, and remembered of an address that was dialled. */
void p2p_refuse(posw_p2p *p, p2p_peer *peer, enum posw_dial_result result, enum p2p_goodbye code, const char *sentence,
                posw_actions *out);

#endif
