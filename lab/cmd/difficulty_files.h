/* Difficulty rules on cases from files: official runs, and single cases in JSON. */
#ifndef POSW_LAB_DIFFICULTY_FILES_H
#define POSW_LAB_DIFFICULTY_FILES_H

#include "cli/cli.h"

/* Compares each line of a run of aserti3-2d (header lines with the anchor; then iteration, height, time, target in
 * compact form). CLI_OK, or an exit code after its sentence. */
int lab_asert_check(const cli *c, const char *path, uint64_t *lines, uint64_t *mismatches);
/* Computes every case of the file and prints the report. */
int lab_difficulty_next(const cli *c, const char *rule, const char *path);

#endif
