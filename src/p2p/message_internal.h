/* What the files of message.h share: opening and closing payloads, beginning and ending frames. */
#ifndef POSW_P2P_MESSAGE_INTERNAL_H
#define POSW_P2P_MESSAGE_INTERNAL_H

#include "p2p/message.h"

enum { HASH_ENCODED = 1 + POSW_HASH_SIZE };

/* The members of a payload that is one list and nothing else, within the limit of its type. */
POSW_MUST_USE bool msg_open(posw_rlp *list, enum posw_msg_type type, posw_bytes payload);
/* At the end of the described members: what follows is well-formed. */
POSW_MUST_USE bool msg_close(posw_rlp *list);
POSW_MUST_USE bool msg_read_hashes(posw_msg_hashes *out, posw_rlp *list, size_t max);
/* A number of at most 32 bits; larger sets the error. */
uint32_t msg_read_u32(posw_rlp *list);
/* [header, proof] without the brackets; the hash is set, */
POSW_MUST_USE bool msg_read_header(posw_msg_header *out, posw_rlp *list);
/* or is not. */
POSW_MUST_USE bool msg_read_header_form(posw_msg_header *out, posw_rlp *list);

/* A frame whose payload's list is appended between the two. */
typedef struct {
    size_t frame, list;
} msg_mark;
msg_mark msg_begin(posw_buf *out, enum posw_msg_type type);
void msg_end(posw_buf *out, msg_mark mark);
/* The start of a frame whose list's content is `content` bytes, which the caller appends, */
void msg_begin_sized(posw_buf *out, enum posw_msg_type type, size_t content);
/* or writes at once where this says. NULL: out of memory, and `out` has failed. */
uint8_t *msg_extend(posw_buf *out, enum posw_msg_type type, size_t content);

/* For posw_msg_writer: the list of items begins here. */
void msg_writer_begin(posw_msg_writer *w, posw_buf *out, enum posw_msg_type type);
void msg_writer_list(posw_msg_writer *w);
/* Before and after an item: false (and the item is taken back) when it does not fit any more. */
POSW_MUST_USE bool msg_writer_room(const posw_msg_writer *w, size_t count_max);
POSW_MUST_USE bool msg_writer_keep(posw_msg_writer *w, size_t before);

typedef struct {
    uint8_t header[POSW_HEADER_SIZE_MAX], proof[POSW_STAKE_PROOF_SIZE_MAX];
    size_t header_size, proof_size;
} msg_head;
/* Writes the proof; NULL: the empty string. Returns its size. */
size_t msg_proof_encode(uint8_t out[POSW_STAKE_PROOF_SIZE_MAX], const posw_stake_proof *proof);
/* Both encoded. */
void msg_head_encode(msg_head *out, const posw_header *header, const posw_stake_proof *proof);

#endif
