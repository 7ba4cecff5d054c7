/* Reading a scenario: a JSON object of the economy around a chain, and for documented attacks of what happened
 * (doc/lab.md lists the keys).
 *
 * Strict: a key that is unknown, given twice, of the wrong type or out of range is refused with a sentence that names
 * it. What is not given is as in lab_scenario_default, but lock_hours and block_time_s: the chain's. Any thread. */
#ifndef POSW_LAB_SCENARIO_READ_H
#define POSW_LAB_SCENARIO_READ_H

#include "base/error.h"
#include "exact/scenario.h"

enum { LAB_SOURCES_MAX = 4, LAB_UNCERTAIN_MAX = 16, LAB_TEXT_SIZE = 512 };

/* A documented attack. NAN: not known. */
typedef struct {
    bool given;
    char coin[64], date[32];
    char what[LAB_TEXT_SIZE]; /* what happened, in a sentence */
    double depth;             /* blocks replaced; 0: another kind of attack, which stake does not answer */
    double double_spent_usd;
    double cost_usd; /* published estimate of what the attacker paid for hash */
    char sources[LAB_SOURCES_MAX][256];
    size_t source_count;
    char uncertain[LAB_UNCERTAIN_MAX][48]; /* keys whose figures are rough or disputed */
    size_t uncertain_count;
} lab_documented_attack;

typedef struct {
    char name[64]; /* as it was asked for */
    char about[LAB_TEXT_SIZE];
    lab_scenario scenario;
    lab_documented_attack attack;
} lab_scenario_file;

/* text need not end with a NUL. False with a sentence in msg; *out (with an empty name) is written on success only. */
POSW_MUST_USE bool lab_scenario_read(lab_scenario_file *out, const char *text, size_t size, posw_message *msg);

#endif
