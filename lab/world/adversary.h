/* Machines that break the rules. Each is a whole node, with what it sends changed, held back or made up, and with its
 * own finds of proofs of work made into blocks that no honest node makes. Whatever it does costs it what it would cost
 * in earnest: one find, one block; only signatures are free. */
#ifndef POSW_LAB_ADVERSARY_H
#define POSW_LAB_ADVERSARY_H

#include "world.h"

enum adversary_kind {
    ADVERSARY_WITHHOLDS,   /* keeps its blocks back and gives them out together later */
    ADVERSARY_INVALID,     /* makes invalid blocks: state, difficulty, signature, stake, time, gas */
    ADVERSARY_SPAMS,       /* headers without work, with and without forged stake proofs; junk frames */
    ADVERSARY_STALLS,      /* answers nothing, or half */
    ADVERSARY_LIES,        /* flips bytes, gives wrong bodies, claims any weight */
    ADVERSARY_EQUIVOCATES, /* many blocks of one proof of work: the signature is not part of it */
    ADVERSARY_FLOODS,      /* addresses, transactions, requests */
    ADVERSARY_KINDS
};
const char *adversary_text(enum adversary_kind kind);

typedef struct adversary adversary;

/* Takes the machine over from now on. The object must live as long as the world; free it after that. NULL: out of
 * memory. */
adversary *adversary_new(world *w, size_t machine, enum adversary_kind kind);
void adversary_free(adversary *a);
/* It goes on as an honest node. */
void adversary_rest(adversary *a);

#endif
