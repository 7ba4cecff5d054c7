/* The messages of the network (doc/network.md section 2): frames, and each message in and out. Pure; nothing is
 * allocated but by the posw_buf that is written to.
 *
 * In: cut frames off the bytes with posw_msg_frame_cut, then decode the payload of a type with its
 * posw_msg_<name>_decode. Decoders are strict: false is a violation. Members that follow the described ones in a list
 * (a later version's) are well-formed RLP and otherwise ignored. What is decoded is a view of the payload and borrowed
 * from it: lists are walked or indexed, and were checked whole by the decoder, so walking them cannot fail.
 *
 * Out: posw_msg_<name>_encode appends a whole frame to a buffer (whose sticky error tells of a lack of memory). Lists
 * of any length are written with a posw_msg_writer. Counts above the table's are bugs of the caller and asserted; what
 * depends on sizes is refused with false and leaves the buffer as it was. */
#ifndef POSW_P2P_MESSAGE_H
#define POSW_P2P_MESSAGE_H

#include "base/buf.h"
#include "base/netaddr.h"
#include "codec/block.h"
#include "codec/rlp.h"
#include "p2p/fork.h"
#include "posw/header.h"
#include "posw/stake.h"

/* constant, value, name, limit of the payload in bytes */
#define POSW_MSG_TABLE(X)                                        \
    X(POSW_MSG_HELLO, 0x00, "HELLO", 1024)                       \
    X(POSW_MSG_GOODBYE, 0x01, "GOODBYE", 512)                    \
    X(POSW_MSG_PING, 0x02, "PING", 256)                          \
    X(POSW_MSG_PONG, 0x03, "PONG", 64)                           \
    X(POSW_MSG_GET_ADDRESSES, 0x04, "GET_ADDRESSES", 16)         \
    X(POSW_MSG_ADDRESSES, 0x05, "ADDRESSES", 80 * 1024)          \
    X(POSW_MSG_GET_HEADERS, 0x10, "GET_HEADERS", 4 * 1024)       \
    X(POSW_MSG_HEADERS, 0x11, "HEADERS", 1024 * 1024)            \
    X(POSW_MSG_GET_BLOCKS, 0x12, "GET_BLOCKS", 4 * 1024)         \
    X(POSW_MSG_BLOCK, 0x13, "BLOCK", POSW_BLOCK_SIZE_MAX + 64)   \
    X(POSW_MSG_NOT_FOUND, 0x14, "NOT_FOUND", 4 * 1024)           \
    X(POSW_MSG_ANNOUNCE, 0x15, "ANNOUNCE", 16 * 1024)            \
    X(POSW_MSG_COMPACT, 0x16, "COMPACT", 8 * 1024 * 1024)        \
    X(POSW_MSG_GET_BLOCK_TXS, 0x17, "GET_BLOCK_TXS", 512 * 1024) \
    X(POSW_MSG_BLOCK_TXS, 0x18, "BLOCK_TXS", 8 * 1024 * 1024)    \
    X(POSW_MSG_SEND_COMPACT, 0x19, "SEND_COMPACT", 16)           \
    X(POSW_MSG_TX_HASHES, 0x20, "TX_HASHES", 36 * 1024)          \
    X(POSW_MSG_GET_TXS, 0x21, "GET_TXS", 9 * 1024)               \
    X(POSW_MSG_TXS, 0x22, "TXS", 1024 * 1024)

enum posw_msg_type {
#define X(constant, value, name, limit) constant = value,
    POSW_MSG_TABLE(X)
#undef X
};

enum {
    POSW_MSG_PREFIX = 5, /* of a frame: type and size */
    POSW_MSG_ADDRESSES_MAX = 1000,
    POSW_MSG_LOCATOR_MAX = 64,
    POSW_MSG_HEADERS_MAX = 512,
    POSW_MSG_BLOCKS_MAX = 64, /* of GET_BLOCKS and NOT_FOUND */
    POSW_MSG_ANNOUNCE_MAX = 8,
    POSW_MSG_TX_HASHES_MAX = 1024,
    POSW_MSG_TXS_MAX = 256, /* of GET_TXS and TXS */
    POSW_MSG_SHORT_ID_SIZE = 6,
    POSW_MSG_AGENT_MAX = 64, /* characters that are sent and shown; a longer one is cut when it is shown */
    POSW_MSG_SENTENCE_MAX = 400
};

/* ---- Frames ---- */

/* Types numbered without gaps, in the order of the table. */
enum {
#define X(constant, value, name, limit) constant##_KIND,
    POSW_MSG_TABLE(X)
#undef X
        POSW_MSG_KINDS
};
/* POSW_MSG_KINDS: there is no such type. */
size_t posw_msg_kind(uint8_t type);
/* "HELLO"; "other" for POSW_MSG_KINDS. */
const char *posw_msg_kind_name(size_t kind);

/* The largest payload of a type; 0: there is no such type. */
size_t posw_msg_limit(uint8_t type);
/* "HELLO"; "unknown" for what is none. Static storage. */
const char *posw_msg_name(uint8_t type);

typedef struct {
    uint8_t type;
    posw_bytes payload; /* borrowed from the input */
} posw_msg_frame;

enum posw_msg_cut {
    POSW_MSG_CUT_WHOLE, /* *out is a frame, and *size its bytes with the prefix */
    POSW_MSG_CUT_MORE,  /* more bytes are needed: *size in all (at least the prefix) */
    POSW_MSG_CUT_BAD,   /* no such type, or too large: a violation */
};
/* The first frame of the bytes. Bad ones are seen as soon as the prefix is there, before any memory goes to them. */
enum posw_msg_cut posw_msg_frame_cut(posw_msg_frame *out, size_t *size, const uint8_t *in, size_t in_size);

/* Bytes from outside as a text that can be shown and logged: printable ASCII, everything else a question mark, at most
 * room - 1 characters, NUL-terminated. */
void posw_msg_text(char *out, size_t room, posw_bytes in);

/* ---- HELLO, GOODBYE, PING, PONG ---- */

enum {
    POSW_MSG_HELLO_RELAYS = 1,
    POSW_MSG_HELLO_SEEDER = 2,
    POSW_MSG_HELLO_SYNCING = 4,
    POSW_MSG_HELLO_RECENT =
        8 /* pruned: of its latest POSW_CHAIN_BODIES_MIN blocks it has the bodies, of others perhaps */
};

typedef struct {
    uint64_t version, chain_id;
    posw_hash genesis;
    p2p_fork_id fork;
    uint64_t number; /* of the tip */
    posw_hash hash;
    posw_u256 weight;
    uint64_t flags; /* POSW_MSG_HELLO_*; unknown ones are ignored */
    uint16_t port;  /* 0: does not listen */
    uint64_t time_s;
    uint8_t nonce[8];
    posw_bytes agent; /* any bytes: posw_msg_text before it is shown; when encoding, cut to POSW_MSG_AGENT_MAX */
} posw_msg_hello;
void posw_msg_hello_encode(posw_buf *out, const posw_msg_hello *m);
POSW_MUST_USE bool posw_msg_hello_decode(posw_msg_hello *out, posw_bytes payload);

typedef struct {
    uint64_t code;       /* of doc/network.md; others can come from a later version */
    posw_bytes sentence; /* any bytes: posw_msg_text before it is shown; when encoding, cut to POSW_MSG_SENTENCE_MAX */
} posw_msg_goodbye;
void posw_msg_goodbye_encode(posw_buf *out, uint64_t code, const char *sentence);
POSW_MUST_USE bool posw_msg_goodbye_decode(posw_msg_goodbye *out, posw_bytes payload);

typedef struct {
    uint8_t nonce[8];
    uint64_t number;
    posw_hash hash;
    posw_u256 weight;
    p2p_fork_id fork;
} posw_msg_ping;
void posw_msg_ping_encode(posw_buf *out, const posw_msg_ping *m);
POSW_MUST_USE bool posw_msg_ping_decode(posw_msg_ping *out, posw_bytes payload);
void posw_msg_pong_encode(posw_buf *out, const uint8_t nonce[8]);
POSW_MUST_USE bool posw_msg_pong_decode(uint8_t nonce[8], posw_bytes payload);

/* ---- Lists of any length, written one by one ---- */

/* begin, add what there is, end; nothing else may go to the buffer meanwhile. An add that returns false has added
 * nothing (the list is full by count or bytes, or there is no memory): end the list, and begin another if more is to be
 * sent. */
typedef struct {
    posw_buf *out;
    enum posw_msg_type type;
    size_t frame, outer, inner; /* where they begin in the buffer */
    size_t count;
} posw_msg_writer;
void posw_msg_end(posw_msg_writer *w);

/* ---- ADDRESSES, GET_ADDRESSES ---- */

typedef struct {
    posw_netaddr address;
    posw_node_id id; /* zero: not known */
    uint64_t seen_s; /* unix time when it was last known to be there */
} posw_msg_address;
typedef struct {
    posw_rlp rest;
    size_t count;
} posw_msg_addresses;
void posw_msg_get_addresses_encode(posw_buf *out);
POSW_MUST_USE bool posw_msg_get_addresses_decode(posw_bytes payload);
void posw_msg_addresses_begin(posw_msg_writer *w, posw_buf *out);
bool posw_msg_addresses_add(posw_msg_writer *w, const posw_msg_address *a);
POSW_MUST_USE bool posw_msg_addresses_decode(posw_msg_addresses *out, posw_bytes payload);
bool posw_msg_addresses_next(posw_msg_address *out, posw_msg_addresses *list); /* false: that was all */

/* ---- Hashes: GET_BLOCKS, NOT_FOUND, TX_HASHES, GET_TXS; and in GET_HEADERS ---- */

typedef struct {
    const uint8_t *items; /* encoded: use posw_msg_hash_at */
    size_t count;
} posw_msg_hashes;
posw_hash posw_msg_hash_at(const posw_msg_hashes *list, size_t i); /* i < count (asserted) */
/* type: one of these four; count at most its limit. */
void posw_msg_hashes_encode(posw_buf *out, enum posw_msg_type type, const posw_hash *hashes, size_t count);
POSW_MUST_USE bool posw_msg_hashes_decode(posw_msg_hashes *out, enum posw_msg_type type, posw_bytes payload);

/* ---- Headers: GET_HEADERS, HEADERS, ANNOUNCE ---- */

typedef struct {
    uint64_t request; /* comes back in the answer */
    posw_msg_hashes locator;
    uint64_t wanted; /* 1..512 */
} posw_msg_get_headers;
void posw_msg_get_headers_encode(posw_buf *out, uint64_t request, const posw_hash *locator, size_t locator_count,
                                 uint64_t wanted);
POSW_MUST_USE bool posw_msg_get_headers_decode(posw_msg_get_headers *out, posw_bytes payload);

typedef struct {
    posw_header header;
    posw_hash hash;
    posw_bytes raw; /* the encoded header */
    bool has_proof;
    posw_stake_proof proof; /* with has_proof */
} posw_msg_header;
typedef struct {
    posw_rlp rest;
    size_t count;
} posw_msg_header_list;
/* The next one, decoded again from the view (about 2 us with its hash and proof). */
bool posw_msg_headers_next(posw_msg_header *out, posw_msg_header_list *list);

void posw_msg_headers_begin(posw_msg_writer *w, posw_buf *out, uint64_t request);
void posw_msg_announce_begin(posw_msg_writer *w, posw_buf *out);
/* To either. proof: NULL: none. */
bool posw_msg_headers_add(posw_msg_writer *w, const posw_header *header, const posw_stake_proof *proof);

typedef struct {
    uint64_t request;
    posw_msg_header_list list;
} posw_msg_headers;
/* Form only: whether they link is the reader's to check. */
POSW_MUST_USE bool posw_msg_headers_decode(posw_msg_headers *out, posw_bytes payload);
void posw_msg_announce_encode_single(posw_buf *out, const posw_header *header, const posw_stake_proof *proof);
/* The encoded header of an ANNOUNCE of one block, without a look into it; false: it is not of that form. */
POSW_MUST_USE bool posw_msg_announce_single(posw_bytes *header, posw_bytes payload);
/* Its header, when the hash is known already; false: malformed. */
POSW_MUST_USE bool posw_msg_announce_decode_single(posw_msg_header *out, const posw_hash *hash, posw_bytes payload);
/* Each is a child of the one before. */
POSW_MUST_USE bool posw_msg_announce_decode(posw_msg_header_list *out, posw_bytes payload);

/* ---- BLOCK ---- */

/* block: the encoding, at most POSW_BLOCK_SIZE_MAX (asserted). */
void posw_msg_block_encode(posw_buf *out, posw_bytes block);
/* The view of an encoded block, whose form is not checked beyond being an RLP list of an allowed size: that is
 * posw_block_decode's. */
POSW_MUST_USE bool posw_msg_block_decode(posw_bytes *block, posw_bytes payload);

/* ---- COMPACT and what belongs to it ---- */

/* Short ids are 48-bit numbers here. */
typedef struct {
    uint64_t k[2];
} posw_short_id_key;
posw_short_id_key posw_short_id_key_of(const posw_hash *block, const uint8_t nonce[8]);
uint64_t posw_short_id(const posw_short_id_key *key, const posw_hash *tx_hash);

typedef struct {
    uint32_t index; /* of the transaction in the block, from 0 */
    posw_bytes raw; /* its envelope */
} posw_msg_prefilled;
typedef struct {
    const uint8_t *ids; /* encoded: use posw_msg_short_id_at */
    size_t id_count;
    posw_rlp prefilled; /* walk with posw_msg_prefilled_next */
    size_t prefilled_count;
} posw_msg_compact_txs;
typedef struct {
    posw_msg_header head;
    uint8_t nonce[8];
    posw_msg_compact_txs
        txs; /* id_count + prefilled_count transactions in all; ids are those that are not prefilled, in order */
} posw_msg_compact;
/* prefilled: by ascending index, none beyond the last transaction (asserted). False: does not fit (send ANNOUNCE). */
POSW_MUST_USE bool posw_msg_compact_encode(posw_buf *out, const posw_header *header, const posw_stake_proof *proof,
                                           const uint8_t nonce[8], const uint64_t *short_ids, size_t id_count,
                                           const posw_msg_prefilled *prefilled, size_t prefilled_count);
/* For who has the encoded header, and sends it to many. */
POSW_MUST_USE bool posw_msg_compact_encode_raw(posw_buf *out, posw_bytes header, const posw_stake_proof *proof,
                                               const uint8_t nonce[8], const uint64_t *short_ids, size_t id_count,
                                               const posw_msg_prefilled *prefilled, size_t prefilled_count);
/* Its encoded header, without a look into it and what follows. */
POSW_MUST_USE bool posw_msg_compact_header(posw_bytes *header, posw_bytes payload);
POSW_MUST_USE bool posw_msg_compact_decode(posw_msg_compact *out, posw_bytes payload);
/* For who has hashed that header already. */
POSW_MUST_USE bool posw_msg_compact_decode_known(posw_msg_compact *out, const posw_hash *hash, posw_bytes payload);
uint64_t posw_msg_short_id_at(const posw_msg_compact_txs *txs, size_t i);         /* i < id_count (asserted) */
bool posw_msg_prefilled_next(posw_msg_prefilled *out, posw_msg_compact_txs *txs); /* by ascending index */

typedef struct {
    posw_hash block;
    posw_rlp rest; /* walk with posw_msg_indexes_next */
    size_t count;
} posw_msg_get_block_txs;
/* indexes: ascending (asserted). */
void posw_msg_get_block_txs_encode(posw_buf *out, const posw_hash *block, const uint32_t *indexes, size_t count);
POSW_MUST_USE bool posw_msg_get_block_txs_decode(posw_msg_get_block_txs *out, posw_bytes payload);
bool posw_msg_indexes_next(uint32_t *out, posw_msg_get_block_txs *m);

void posw_msg_send_compact_encode(posw_buf *out, bool on);
POSW_MUST_USE bool posw_msg_send_compact_decode(bool *on, posw_bytes payload);

/* ---- Transactions: BLOCK_TXS, TXS ---- */

typedef struct {
    posw_rlp rest;
    size_t count;
} posw_msg_tx_list;
/* The next envelope; its form is posw_tx_decode's to judge, it is only not empty. */
bool posw_msg_txs_next(posw_bytes *raw, posw_msg_tx_list *list);

void posw_msg_block_txs_begin(posw_msg_writer *w, posw_buf *out, const posw_hash *block);
void posw_msg_txs_begin(posw_msg_writer *w, posw_buf *out);
bool posw_msg_txs_add(posw_msg_writer *w, posw_bytes raw); /* to either */

typedef struct {
    posw_hash block;
    posw_msg_tx_list txs;
} posw_msg_block_txs;
POSW_MUST_USE bool posw_msg_block_txs_decode(posw_msg_block_txs *out, posw_bytes payload);
POSW_MUST_USE bool posw_msg_txs_decode(posw_msg_tx_list *out, posw_bytes payload);

#endif
