#include "posw/verdict.h"

typedef struct {
    const char *number, *text;
} rule_words;

static const rule_words RULES[POSW_RULE_COUNT] = {
#define X(name, number, text) [name] = {number, text},
    POSW_RULE_TABLE(X)
#undef X
};

const char *posw_rule_number(enum posw_rule rule) {
    return (unsigned)rule < POSW_RULE_COUNT ? RULES[rule].number : "";
}

const char *posw_rule_text(enum posw_rule rule) {
    return (unsigned)rule < POSW_RULE_COUNT ? RULES[rule].text : "unknown rule";
}
