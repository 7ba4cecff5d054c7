#include "cli/tx_words.h"

#include "base/bytes.h"
#include "base/units.h"
#include "cli/book.h"
#include "codec/abi.h"
#include "posw/u256.h"
#include "state/state.h"

#include <inttypes.h>

enum { SELECTOR_SIZE = 4, WORD = POSW_HASH_SIZE };

/* A struct, so that it can be an argument. */
typedef struct {
    char text[POSW_AMOUNT_SIZE];
} shown_amount;
static shown_amount amount(const posw_u256 *wei) {
    shown_amount s;
    posw_amount_format(s.text, wei);
    return s;
}

/* ---- calls of the staking contract ---- */

/* The input is this function's selector and so many words, no byte more. */
static bool is_call(const posw_tx *tx, const char *signature, size_t words) {
    return tx->input.size == SELECTOR_SIZE + words * WORD &&
           posw_load_be32(tx->input.data) == posw_abi_selector(signature);
}

static bool say_staking(posw_buf *b, const posw_address *from, const posw_tx *tx) {
    posw_address who;
    posw_u256 coins;
    const bool paid = !posw_u256_is_zero(&tx->value);
    if (is_call(tx, "stake(address)", 1) && posw_abi_address(&who, tx->input, 0))
        posw_buf_printf(b, "stake of %s coin by %s for the miner %s", amount(&tx->value).text,
                        cli_show_address(from).text, cli_show_address(&who).text);
    else if (paid)
        return false; /* the others take no coins */
    else if (is_call(tx, "unstake(address,uint256)", 2) && posw_abi_address(&who, tx->input, 0) &&
             posw_abi_word(&coins, tx->input, 1))
        posw_buf_printf(b, "removal of %s coin of %s from the stake of the miner %s", amount(&coins).text,
                        cli_show_address(from).text, cli_show_address(&who).text);
    else if (is_call(tx, "withdraw()", 0))
        posw_buf_printf(b, "withdrawal of the unlocked coins of %s", cli_show_address(from).text);
    else if (is_call(tx, "setSigner(address)", 1) && posw_abi_address(&who, tx->input, 0))
        posw_buf_printf(b, "signer of the miner %s: %s, from the second next epoch on", cli_show_address(from).text,
                        posw_address_is_zero(&who) ? "itself" : cli_show_address(&who).text);
    else
        return false;
    return true;
}

void cli_tx_sentence(posw_buf *b, const posw_address *from, const posw_tx *tx) {
    const bool staking = tx->has_to && posw_address_equal(&tx->to, &POSW_STAKING_ADDRESS);
    if (staking && say_staking(b, from, tx)) return;
    posw_buf_printf(b, "%s coin from %s to ", amount(&tx->value).text, cli_show_address(from).text);
    if (tx->has_to)
        posw_buf_printf(b, "%s%s", cli_show_address(&tx->to).text, staking ? " (the staking contract)" : "");
    else
        posw_buf_text(b, "a new contract");
    if (tx->input.size > 0)
        posw_buf_printf(b, ", with %zu byte%s of data that %s not understood here", tx->input.size,
                        posw_plural(tx->input.size), tx->input.size == 1 ? "is" : "are");
}

/* ---- the page ---- */

void cli_tx_hash_text(char out[CLI_HASH_TEXT_SIZE], const posw_tx_file *f) {
    posw_hash h;
    const posw_tx raw = {.raw = posw_buf_view(&f->raw)};
    posw_tx_hash(&h, &raw);
    cli_hash_text(out, &h);
}

void cli_tx_page(posw_buf *b, const posw_tx_file *f) {
    const posw_tx *tx = &f->tx;
    char genesis[CLI_HASH_TEXT_SIZE];
    posw_u256 fee, all;
    if (!posw_u256_mul_u64(&fee, &tx->max_fee, tx->gas_limit)) fee = POSW_U256_MAX;
    all = posw_u256_add_sat(&fee, &tx->value);
    cli_hash_text(genesis, &f->genesis);
    cli_tx_sentence(b, &f->from, tx);
    posw_buf_printf(b, "\nfee          at most %s coin; %s coin with what is sent", amount(&fee).text,
                    amount(&all).text);
    /* The id is what is signed. The name is a stranger's text, so it comes last: it cannot pass for the id. */
    posw_buf_printf(b, "\nfor          chain id %" PRIu64 ", called %s (%s)\ngenesis      %s", tx->chain_id,
                    f->chain_name, f->ticker, genesis);
    posw_buf_printf(b, "\nnonce        %" PRIu64 ": it comes after %" PRIu64 " other%s of this sender", tx->nonce,
                    tx->nonce, tx->nonce == 1 ? "" : "s");
    if (f->raw.size > 0) {
        char hash[CLI_HASH_TEXT_SIZE];
        cli_tx_hash_text(hash, f);
        posw_buf_printf(b, "\nsigned       yes\ntransaction  %s", hash);
    } else {
        posw_buf_text(b, "\nsigned       no");
    }
}
