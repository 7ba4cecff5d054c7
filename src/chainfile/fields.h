/* The table of the chain file's plain values, for its reader and its writer. Values that need more than a type (name,
 * pow, rules, presets, exponent, treasury, allocation) are handled by name in both. */
#ifndef POSW_CHAINFILE_FIELDS_H
#define POSW_CHAINFILE_FIELDS_H

#include "posw/difficulty.h"

enum posw_chainfile_section {
    POSW_SECTION_TOP,
    POSW_SECTION_DIFFICULTY,
    POSW_SECTION_WEIGHT,
    POSW_SECTION_STAKE,
    POSW_SECTION_REWARD,
    POSW_SECTION_FEES,
    POSW_SECTION_COUNT
};

enum posw_chainfile_type {
    POSW_FIELD_NUMBER, /* uint64_t: a JSON integer, or its digits in a string where a JSON integer would be too large */
    POSW_FIELD_NUMBER256, /* posw_u256: digits in a string, or a JSON integer */
    POSW_FIELD_AMOUNT,    /* posw_u256, wei: "12.5 coin" */
    POSW_FIELD_AMOUNT64   /* uint64_t, wei: "1 gwei" */
};

/* When a value means something: others are refused, so that nobody believes in a setting that does nothing. */
enum posw_chainfile_when {
    POSW_WHEN_ALWAYS,
    POSW_WHEN_HALF_LIFE,
    POSW_WHEN_WINDOWED, /* difficulty by a number of past blocks: lwma3, bitcoin2016 */
    POSW_WHEN_POWER,
    POSW_WHEN_TICKET
};

typedef struct {
    enum posw_chainfile_section section;
    const char *key;
    enum posw_chainfile_type type;
    size_t offset; /* in posw_params */
    enum posw_chainfile_when when;
} posw_chainfile_field;

enum {
    POSW_CHAINFILE_FIELD_COUNT = 23,
    POSW_CHAINFILE_POW_COUNT = POSW_POW_RANDOMX + 1,
    POSW_CHAINFILE_DIFFICULTY_RULE_COUNT = POSW_DIFFICULTY_ASERT_LAG + 1
};
extern const posw_chainfile_field POSW_CHAINFILE_FIELDS[POSW_CHAINFILE_FIELD_COUNT];
/* "" for the top, else the section's key. */
extern const char *const POSW_CHAINFILE_SECTIONS[POSW_SECTION_COUNT];
/* Indexed by the enums of posw/params.h. */
extern const char *const POSW_CHAINFILE_WEIGHT_RULES[2], *const POSW_CHAINFILE_FEE_RULES[2];
/* Indexed by twice the exponent; NULL where there is no such exponent. */
extern const char *const POSW_CHAINFILE_EXPONENTS[7];

static inline bool posw_chainfile_applies(const posw_chainfile_field *f, const posw_params *p) {
    switch (f->when) {
    case POSW_WHEN_ALWAYS:
        return true;
    case POSW_WHEN_HALF_LIFE:
        return posw_difficulty_has_half_life(p->difficulty_rule);
    case POSW_WHEN_WINDOWED:
        return !posw_difficulty_has_half_life(p->difficulty_rule) && posw_difficulty_has_blocks(p->difficulty_rule);
    case POSW_WHEN_POWER:
        return p->weight.rule == POSW_WEIGHT_POWER;
    case POSW_WHEN_TICKET:
        return p->weight.rule == POSW_WEIGHT_TICKET;
    }
    return false;
}

#endif
