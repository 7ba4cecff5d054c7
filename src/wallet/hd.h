/* Hierarchical keys: private derivation of BIP-32, and the accounts that Ethereum wallets show (BIP-44, coin type 60).
 *
 *   seed --master--> m --child 44'--> --60'--> --0'--> --0--> --child i--> the i-th account
 *
 * A hardened child (written 44', index + 2^31) is derived from the parent's secret, another from its public key. All
 * memory is the caller's; whoever holds a posw_hd_key wipes it with posw_hd_key_clear. Source: BIP-32, BIP-44. */
#ifndef POSW_WALLET_HD_H
#define POSW_WALLET_HD_H

#include "base/error.h"

#define POSW_HD_HARDENED 0x80000000u
/* The first account of every common Ethereum wallet. */
#define POSW_HD_DEFAULT_PATH "m/44'/60'/0'/0/0"

enum {
    POSW_HD_DEPTH_MAX = 16, /* indices in a path; wallets use five */
    POSW_HD_SEED_MIN = 16,
    POSW_HD_SEED_MAX = 64,
    POSW_HD_PATH_SIZE = 2 + POSW_HD_DEPTH_MAX * 12, /* "m", "/2147483647'" each, NUL */
};

typedef struct {
    uint8_t secret[32];
    uint8_t chain_code[32];
} posw_hd_key;

typedef struct {
    uint32_t index[POSW_HD_DEPTH_MAX]; /* with POSW_HD_HARDENED where hardened */
    size_t depth;
} posw_hd_path;

/* "m", or "m/" and indices below 2^31 divided by "/", each hardened by a following ', h or H. No sign, blank, leading
 * zero or empty part. NUL-terminated. POSW_EPARSE with `msg` (may be NULL); *out is written only on success. */
POSW_MUST_USE int posw_hd_path_parse(posw_hd_path *out, const char *text, posw_message *msg);
/* The canonical text ("m/44'/60'"), NUL-terminated; returns its length. depth <= POSW_HD_DEPTH_MAX (asserted). */
size_t posw_hd_path_format(char out[POSW_HD_PATH_SIZE], const posw_hd_path *path);

/* The master key m of a seed of 16..64 bytes: POSW_EINVAL for another size, POSW_ERANGE for the one seed in 2^127 that
 * has no key. */
POSW_MUST_USE int posw_hd_master(posw_hd_key *out, const uint8_t *seed, size_t seed_size);
/* One step down; `out` may be `parent`. POSW_ERANGE for the one index in 2^127 that has no key: take the next. */
POSW_MUST_USE int posw_hd_child(posw_hd_key *out, const posw_hd_key *parent, uint32_t index);
/* All steps of a path; `out` may be `master`. A step costs about 30 us, a hardened one 2 us. */
POSW_MUST_USE int posw_hd_derive(posw_hd_key *out, const posw_hd_key *master, const posw_hd_path *path);
/* Wipes; NULL allowed. */
void posw_hd_key_clear(posw_hd_key *key);

/* Secret and address of m/44'/60'/0'/0/index: what wallets call account number index + 1. index < 2^31, else
 * POSW_EINVAL. `address` may be NULL. The caller wipes `secret`. */
POSW_MUST_USE int posw_hd_account(uint8_t secret[32], posw_address *address, const uint8_t seed[64], uint32_t index);

#endif
