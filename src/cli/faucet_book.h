/* What a faucet has given and has still to give: its limits, and the file that keeps them.
 *
 * Every payment is written down before anything is sent, and counts from then on, so that a crash at any moment can
 * make the faucet give less than it may but never more. The file has a line of JSON for each change; a last line that a
 * crash has cut is as if it had not been written. */
#ifndef POSW_CLI_FAUCET_BOOK_H
#define POSW_CLI_FAUCET_BOOK_H

#include "base/buf.h"
#include "base/error.h"
#include "base/netaddr.h"

/* What one faucet remembers at most: payments of the time that its limits look back. */
enum { FAUCET_PAYMENTS_MAX = 100000, FAUCET_QUEUE_MAX = 32, FAUCET_HOURS_MAX = 24 * 31 };

enum faucet_state {
    FAUCET_QUEUED, /* accepted; counts */
    FAUCET_SIGNED, /* a transaction is written down; it may have been sent */
    FAUCET_SENT,   /* a node has taken it */
    FAUCET_PAID,   /* it is in a block */
    FAUCET_FAILED, /* it can never happen; does not count */
};

typedef struct {
    uint64_t id;
    uint64_t time_s; /* of acceptance, since 1970 */
    posw_address to;
    uint8_t group[POSW_NETGROUP_SIZE]; /* of who asked */
    posw_u256 amount_wei;
    enum faucet_state state;
    uint64_t nonce; /* from FAUCET_SIGNED on */
    posw_hash hash;
    posw_buf raw; /* the signed transaction, while it may have to be sent again */
} faucet_payment;

typedef struct {
    posw_u256 amount_wei, day_wei; /* of a payment; of all payments of any 24 hours */
    uint64_t hours;                /* in which one address is paid once, and one part of the network per_group times */
    uint64_t per_group;            /* 0: any number */
} faucet_limits;

typedef struct faucet_book faucet_book;

/* Opens DIR/payments.jsonl (made if missing, 0600), alone (POSW_EBUSY). What the limits no longer look at is dropped.
 * POSW_ECORRUPT: a line that is none, with its number. */
int faucet_book_open(faucet_book **out, const char *dir, const faucet_limits *limits, uint64_t now_s,
                     posw_message *msg);
void faucet_book_close(faucet_book *b); /* NULL allowed */

/* A new payment of who asks from this part of the network, written down. POSW_EFULL with a sentence for who asks: a
 * limit is reached, and when it will not be any more; another code: it could not be written. *out: borrowed until the
 * next accept. */
int faucet_book_accept(faucet_book *b, faucet_payment **out, const posw_address *to,
                       const uint8_t group[POSW_NETGROUP_SIZE], uint64_t now_s, posw_message *msg);
/* Writes down that it is in its state now. */
POSW_MUST_USE int faucet_book_note(faucet_book *b, const faucet_payment *p, posw_message *msg);

/* NULL: there is none with this number. */
faucet_payment *faucet_book_find(faucet_book *b, uint64_t id);
/* The oldest that is queued or signed; NULL: none. Borrowed until the next accept. */
faucet_payment *faucet_book_next(faucet_book *b);
/* The oldest that was sent and is in no block yet. */
faucet_payment *faucet_book_unconfirmed(faucet_book *b);
/* The latest to this address. */
const faucet_payment *faucet_book_latest(const faucet_book *b, const posw_address *to);
/* Queued or signed. */
size_t faucet_book_waiting(const faucet_book *b);
/* What may still be given now, in wei. */
posw_u256 faucet_book_left(const faucet_book *b, uint64_t now_s);
/* One above the greatest nonce of those that are signed or sent and in no block yet; 0: there are none. */
uint64_t faucet_book_nonce(const faucet_book *b);

#endif
