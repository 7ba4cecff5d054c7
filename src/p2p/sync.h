/* What the files of synchronisation share: sync.c (which chain, from whom), headers.c (checking them), bodies.c
 * (fetching and importing blocks), givers.c (of whom), serve.c (answering others). */
#ifndef POSW_P2P_SYNC_H
#define POSW_P2P_SYNC_H

#include "p2p/branch.h"
#include "p2p/p2p_internal.h"
#include "posw/tree.h"

enum {
    SYNC_BRANCHES_MAX = 8,
    SYNC_ASK_MS = 10 * 1000,    /* an answer to GET_HEADERS must come within this; */
    SYNC_ASK_LATE_MS = 1000,    /* after this another is asked as well, after twice that a third, and so on */
    SYNC_QUIET_MS = 2 * 1000,   /* a peer whose headers led nowhere is not asked again before */
    SYNC_LOOK_MS = 60 * 1000,   /* while one gives headers, others are asked so often whether theirs are the same */
    SYNC_CLOSE_BLOCKS = 8,      /* a branch that lacks no more than these is kept for as long after its latest header */
    SYNC_ORPHAN_MS = 60 * 1000, /* a branch whose giver went away waits so long for another */
    SYNC_REFUSED_MS = 10 * 60 * 1000, /* a peer whose chain cannot be followed is not asked again before */
    SYNC_SETTLE_MS = 60 * 1000,       /* not behind for so long: caught up */
    SYNC_SHOWN_MS = 60 * 60 * 1000,   /* headers that do not outweigh the tip put that off no longer */
    SYNC_KNOWN_MAX = POSW_P2P_HEADERS_AHEAD / POSW_MSG_HEADERS_MAX + 1, /* answers in a row with nothing new */
    SYNC_SHARE_FIRST = 4,      /* blocks that a peer may owe before it has given any */
    SYNC_AHEAD_MS = 1000,      /* it may owe what it gives in about this time */
    SYNC_LATE_MIN_MS = 50,     /* a block that all others wait for is late after this, and so many */
    SYNC_LATE_TIMES = 4,       /* times what blocks take at present, */
    SYNC_LATE_FIRST_MS = 500,  /* which is this before any has come; */
    SYNC_LATE_AGAIN_MS = 20,   /* seen so much later again, it is asked of another as well */
    SYNC_MEAN_OF = 16,         /* blocks */
    SYNC_BLOCK_MS = 64 * 1000, /* whoever owes blocks and gives none for so long is left */
    SYNC_WINDOW = 1024,        /* blocks asked for beyond the first that is missing */
    SYNC_WINDOW_OTHERS = 16,   /* of a branch that is not the heaviest */
    SYNC_WINDOW_BYTES = 64 * 1024 * 1024,
    SYNC_IN_FLIGHT = POSW_MSG_BLOCKS_MAX,
    SYNC_NEAR = 512,      /* a peer that claims no more than this ahead of the tip is asked while another is */
    SYNC_STEP_TXS = 2048, /* imported in one step, */
    SYNC_STEP_BLOCKS = 64,
    SYNC_HERE_MAX = 8,
    SYNC_SEALS = 64,              /* latest proofs of work that are remembered, with POSW_COPIES_MAX signatures each */
    SYNC_PATIENCE_MS = 10 * 1000, /* so long headers without their blocks hold up mining and compact blocks; */
    SYNC_PATIENCE_BACK = 10,      /* a part of the time without such comes back */
    SYNC_STARVED_MS = 160 * 1000, /* a branch of which no block has come for so long goes */
    SYNC_BULK_FROM = 64,          /* blocks to go: commits are joined, */
    SYNC_BULK_BLOCKS = 512,       /* so many */
    SYNC_ANSWERS_S = 32,          /* answers to GET_HEADERS that one peer gets in a second, */
    SYNC_ANSWERS_BURST = 16,      /* and at once after a rest */
    SYNC_DAMAGE_MS = 600 * 1000,  /* a damaged block that is asked for is told of so often at most */
};

struct p2p_sync_peer {
    /* what it was asked */
    uint64_t request, request_ms;       /* GET_HEADERS; 0: none is open */
    uint64_t quiet_until_ms, looked_ms; /* looked: asked beside another, last; 0: never */
    unsigned known;                     /* answers in a row with nothing new */
    posw_hash asked[SYNC_IN_FLIGHT];    /* GET_BLOCKS */
    uint64_t asked_ms[SYNC_IN_FLIGHT];
    size_t asked_count, unsent_asked; /* unsent_asked: the last of them are not yet in a message */
    size_t share, room;               /* it may owe so many; in this round it may be asked for so many more */
    uint64_t gave_ms, took_ms;        /* its latest answer, or the first question since; how long the answer took */
    bool late;                        /* lets others wait: asked nothing more before it has answered */
    /* branches of which it answered NOT_FOUND while its tip was this: it is asked for them again when it has another */
    posw_hash lacks_at;
    uint64_t lacks[SYNC_BRANCHES_MAX];
    size_t lacks_next;
    /* what it asked and waits for, because it does not read fast enough, or asked for headers too often */
    posw_hash wanted[SYNC_IN_FLIGHT];
    size_t wanted_count;
    bool headers_wanted;
    uint64_t headers_request, headers_from, headers_count;
    uint64_t answers_milli, answers_ms; /* thousandths of answers that it may have at that time */
};

/* A block that was rebuilt and told to others: its import waits for the next event, so that they hear of it before. */
typedef struct {
    posw_prepared block;
    uint64_t peer;
} p2p_here;

struct p2p_sync {
    p2p_here here[SYNC_HERE_MAX + 1]; /* behind the last one that of p2p_sync_room_here */
    size_t here_count;
    void *copies_memory;
    posw_copies *copies; /* a signature is not part of the proof of work: one find gives any number of headers */

    p2p_branch *branches[SYNC_BRANCHES_MAX];
    size_t branch_count;
    uint64_t next_branch, next_request;
    size_t asking;      /* peers whose `request` is open */
    uint64_t took_mean; /* SYNC_MEAN_OF times the mean of what blocks take, in ms */
    size_t block_bytes; /* mean size of blocks, without what is below 16 */
    uint64_t start;     /* number of the tip when the present catching up began */
    bool behind, bulk, caught_up;
    bool waits;                           /* for what was promised: blocks of proved headers, or headers */
    uint64_t patience_ms, patience_at_ms; /* what is left of SYNC_PATIENCE_MS, and when that was reckoned */
    uint64_t settled_ms;      /* caught up then, if nothing else comes; 0: neither behind nor in company yet */
    uint64_t shown_ms;        /* until then it puts that off that somebody shows a chain which is no heavier yet */
    uint64_t damage_ms;       /* from then on a damaged block is told of again */
    bool importing;           /* inside posw_node_submit_block: branches stay as they are */
    char problem[160];        /* a heavier chain that cannot be followed, */
    char pruned_away[160];    /* or none of whose peers has the old blocks */
    posw_u256 problem_weight; /* of that chain, as far as it was shown: the problem is over with a tip of this weight */
};

/* ---- sync.c ---- */
p2p_branch *sync_branch(const p2p_sync *s, uint64_t id); /* NULL: gone */
void sync_drop_branch(p2p_sync *s, p2p_branch *b);
/* The branch that holds this block and the record's index; NULL: none. */
p2p_branch *sync_find_record(const p2p_sync *s, const posw_hash *hash, size_t *index);
bool sync_chain_has(posw_p2p *p, const posw_hash *hash);
/* Its source gives more of it, or has not been asked for it for long. */
bool sync_is_led(const posw_p2p *p, const p2p_branch *b);
/* From this block on (NULL: from the ends of branches that nobody feeds, or the main chain's tip), unless a request is
 * open. */
void sync_ask_headers(posw_p2p *p, p2p_peer *peer, const posw_hash *from, posw_actions *out);
/* A block of this branch has come and was right: it is no promise only. is_best: no other was heavier. */
void sync_note_fed(posw_p2p *p, p2p_branch *b, bool is_best);
/* Not to be followed (F3): whoever gave it is not asked again for long. */
void sync_refuse_branch(posw_p2p *p, p2p_branch *b);
/* Of two chains that grow in step, over a line that is slower than they are, the other is never the heavier one for
 * long enough to begin with it then. So a branch of some blocks that lacks little is kept while it grows, and its
 * blocks are fetched ahead: it is a side branch of the chain when its next block comes. */
bool sync_is_close(const posw_p2p *p, const p2p_branch *b);
/* Everything that may now go on: bodies asked for, blocks imported, headers continued. */
void sync_advance(posw_p2p *p, posw_actions *out);

/* ---- headers.c ---- */
bool sync_on_headers(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out);
bool sync_on_announce(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out);
void sync_pow_done(posw_p2p *p, posw_job *job, posw_actions *out);

/* ---- bodies.c ---- */
bool sync_on_block(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out);
bool sync_on_not_found(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out);
void sync_prepared(posw_p2p *p, posw_job *job, posw_actions *out);
void sync_ask_bodies(posw_p2p *p, posw_actions *out);
void sync_import(posw_p2p *p, posw_actions *out);
/* All branches whose proved headers outweigh the tip, or nearly so, the heaviest first. Returns how many. */
size_t sync_heavy_branches(posw_p2p *p, p2p_branch *out[SYNC_BRANCHES_MAX]);
/* What this peer owed is wanted again. */
void sync_release_asked(posw_p2p *p, p2p_peer *peer);
/* The heaviest branch whose proved headers outweigh the tip, and whose blocks are to be had if there is a choice; NULL:
 * none. */
p2p_branch *sync_best_branch(posw_p2p *p);

/* ---- givers.c ---- */
/* Begins a round: how many blocks each peer may be asked for in it. */
void sync_make_room(posw_p2p *p);
/* Whom to ask for this block in this round, other than `avoid` (0: anybody). NULL: nobody. */
p2p_peer *sync_giver(const posw_p2p *p, const p2p_branch *b, const p2p_record *r, uint64_t avoid);
/* Peers have this block on their chains, and every one of them keeps only later ones. */
bool sync_is_pruned_away(const posw_p2p *p, const p2p_branch *b, const p2p_record *r);
/* It is asked for this block: with the next GET_BLOCKS to this peer, which the caller sends. */
void sync_note_asked(posw_p2p *p, p2p_peer *peer, p2p_record *r);
/* Takes the hash off the list of what this peer owes: it gave it, or said that it has none. False: it was not on it. */
bool sync_note_answered(posw_p2p *p, p2p_peer *peer, const posw_hash *hash);
/* A block of its was right. */
void sync_note_right(posw_p2p *p, p2p_peer *peer);
/* It said that it lacks a block of this branch: it is asked for none of it while its tip is the same. */
void sync_note_lacks(p2p_peer *peer, const p2p_branch *b);
/* The time from which on a block is late. */
uint64_t sync_late_after_ms(const posw_p2p *p);
void sync_wake_when_late(posw_p2p *p, const p2p_branch *b);
/* On ticks, between which the loop reads: blocks that are late are put on others (sent with the next round), and
 * whoever owes blocks for too long is left. */
void sync_check_late(posw_p2p *p, posw_actions *out);

/* ---- serve.c ---- */
bool sync_on_get_headers(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out);
bool sync_on_get_blocks(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out);
void sync_serve_waiting(posw_p2p *p, p2p_peer *peer, posw_actions *out);
void sync_answer_waiting(posw_p2p *p, posw_actions *out); /* headers, to whoever may have them by now */

#endif
