#include "state/staking_words.h"

void posw_words_fail(posw_words *w, int error) {
    if (w->error == POSW_OK) w->error = error;
}

posw_u256 posw_words_get(posw_words *w, posw_hash slot) {
    posw_u256 v = POSW_U256_ZERO;
    if (w->error == POSW_OK) w->error = posw_state_word(w->state, &v, &slot);
    return w->error == POSW_OK ? v : POSW_U256_ZERO;
}

uint64_t posw_words_get_u64(posw_words *w, posw_hash slot) {
    posw_u256 word = posw_words_get(w, slot);
    uint64_t v = 0;
    if (!posw_u256_to_u64(&v, &word)) posw_words_fail(w, POSW_ECORRUPT);
    return v;
}

posw_address posw_words_get_address(posw_words *w, posw_hash slot) {
    posw_u256 word = posw_words_get(w, slot);
    posw_address a;
    if (!posw_word_to_address(&a, &word)) posw_words_fail(w, POSW_ECORRUPT);
    return a;
}

void posw_words_set(posw_words *w, posw_hash slot, posw_u256 v) {
    if (w->error == POSW_OK) w->error = posw_state_set_word(w->state, &slot, &v);
}

void posw_words_set_u64(posw_words *w, posw_hash slot, uint64_t v) {
    posw_words_set(w, slot, posw_u256_from_u64(v));
}

void posw_words_set_address(posw_words *w, posw_hash slot, const posw_address *a) {
    posw_words_set(w, slot, posw_word_of_address(a));
}

void posw_words_add(posw_words *w, posw_hash slot, const posw_u256 *v) {
    posw_u256 sum = posw_words_get(w, slot);
    if (!posw_u256_add(&sum, &sum, v)) posw_words_fail(w, POSW_ERANGE);
    posw_words_set(w, slot, sum);
}

void posw_words_sub(posw_words *w, posw_hash slot, const posw_u256 *v) {
    posw_u256 difference = posw_words_get(w, slot);
    if (!posw_u256_sub(&difference, &difference, v)) posw_words_fail(w, POSW_ECORRUPT);
    posw_words_set(w, slot, difference);
}
