/* Messages of somebody who means harm, for tests: right in form with random contents, and broken ones. All from one
 * generator, so that a seed gives the same messages again. */
#ifndef POSW_TEST_NETWORK_MESSAGES_H
#define POSW_TEST_NETWORK_MESSAGES_H

#include "crypto/random.h"
#include "p2p/message.h"

/* What the other side has shown, for messages that look as if they belonged to its chain. */
typedef struct {
    const posw_msg_hello *hello; /* its own */
    const posw_hash *known;      /* hashes of its blocks; at least one */
    size_t known_count;
    const posw_header *header; /* one of its headers, NULL: none known yet */
} messages_context;

/* Appends one frame that every decoder takes and that an honest peer might send at this time, as far as its form goes:
 * it asks for what is not there, tells what is not known, answers what was not asked where that is allowed. */
void messages_right(posw_buf *out, const messages_context *c, posw_random *r);
/* The same, but of a kind that is never right at this time: an answer without a question, a second HELLO. */
void messages_unasked(posw_buf *out, const messages_context *c, posw_random *r);
/* One frame that cannot be decoded: bits flipped, bytes cut out or doubled, sizes beyond the limit, types that do not
 * exist, lists that hold too many. */
void messages_broken(posw_buf *out, const messages_context *c, posw_random *r);

/* Does the receiver's decoder take this whole frame? */
bool messages_decodes(const posw_buf *frame);

#endif
