/* A transaction in words, so that a person sees what a key is asked to sign. */
#ifndef POSW_CLI_TX_WORDS_H
#define POSW_CLI_TX_WORDS_H

#include "cli/wait.h"
#include "wallet/tx_file.h"

/* One line: "12.5 coin from … to …", or a call of the staking contract in its own words ("stake of 1000 coin by … for
 * the miner …"); what is not understood is said to be so. */
void cli_tx_sentence(posw_buf *b, const posw_address *from, const posw_tx *tx);
/* Of a signed one. */
void cli_tx_hash_text(char out[CLI_HASH_TEXT_SIZE], const posw_tx_file *f);
/* Lines: what it does, the fee at most, the chain, the nonce, and who signed. No line end after the last. */
void cli_tx_page(posw_buf *b, const posw_tx_file *f);

#endif
