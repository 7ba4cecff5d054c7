/* Contract ABI, as far as the staking contract and its callers need it: static words, uint256[] answers, Error(string).
 */
#ifndef POSW_CODEC_ABI_H
#define POSW_CODEC_ABI_H

#include "base/buf.h"
#include "posw/types.h"

/* First four bytes of keccak256(signature), e.g. "stake(address)". */
uint32_t posw_abi_selector(const char *signature);
/* Whole hash, for event topics. */
void posw_abi_topic(posw_hash *out, const char *signature);

/* Input reading: word i after the selector. False when the input is too short or, for an address, its upper 12 bytes
 * are not zero. */
POSW_MUST_USE bool posw_abi_word(posw_u256 *out, posw_bytes input, size_t i);
POSW_MUST_USE bool posw_abi_address(posw_address *out, posw_bytes input, size_t i);

void posw_abi_append_selector(posw_buf *b, const char *signature);
void posw_abi_append_u256(posw_buf *b, const posw_u256 *v);
void posw_abi_append_u64(posw_buf *b, uint64_t v);
void posw_abi_append_address(posw_buf *b, const posw_address *a);
/* (uint256[], uint256[]) */
void posw_abi_append_two_arrays(posw_buf *b, const posw_u256 *first, const posw_u256 *second, size_t count);
/* Error(string), with its selector 08c379a0. */
void posw_abi_append_revert(posw_buf *b, const char *reason);
/* The reason of an Error(string); false if it is not one. NUL-terminated, cut to the size. */
POSW_MUST_USE bool posw_abi_revert_reason(char *out, size_t out_size, posw_bytes data);

#endif
