/* An upgrade on a copy of the chain (posw chain rehearse): blocks are made up to its height, over it and beyond, by the
 * rules of a chain file that names it, and each thing that must hold at such a height is tried and told as a finding.
 * The proof of work is that of cli/trial_branch.h; all other rules are the chain's. */
#ifndef POSW_CLI_REHEARSE_H
#define POSW_CLI_REHEARSE_H

#include "cli/trial_branch.h"

enum {
    CLI_REHEARSE_LEAD = 10,      /* blocks before an upgrade that is moved near the tip */
    CLI_REHEARSE_FAR = 5000,     /* blocks: an upgrade further ahead is moved by itself */
    CLI_REHEARSE_BLOCKS = 20,    /* made after the height, by default */
    CLI_REHEARSE_EPOCH_NEAR = 64 /* and more of them, if an epoch ends within so many */
};

enum cli_finding_kind { CLI_FINDING_GOOD, CLI_FINDING_BAD, CLI_FINDING_NOTE };
typedef struct {
    enum cli_finding_kind kind;
    const char *name; /* static; what was tried: "new block, old rules" */
    char text[400];   /* a sentence without its full stop */
} cli_finding;

typedef struct {
    const posw_chain_spec *spec; /* of the new chain file; borrowed */
    const char *dir;             /* the copy */
    uint64_t at;                 /* height to move the next upgrade to; 0: as far as it goes */
    bool soon;                   /* move it to CLI_REHEARSE_LEAD blocks after the tip */
    uint64_t blocks;             /* after the last upgrade's height; 0: the default */
    bool (*stopped)(void);
    void (*progress)(void *arg, uint64_t number, uint64_t last); /* may be NULL */
    void *arg;
} cli_rehearse_options;

typedef struct {
    posw_chain_spec spec; /* with the heights of the rehearsal; its arrays are the options' */
    uint64_t tip;         /* at which the copy was taken */
    posw_hash tip_hash;
    size_t first, count;   /* of spec.params.upgrades, those that were rehearsed */
    cli_finding *findings; /* owned */
    size_t finding_count;
    bool good; /* nothing bad was found */
} cli_rehearsal;

/* POSW_OK with findings; POSW_ENOTFOUND: no upgrade is ahead; POSW_EINVAL: `at` is not ahead; POSW_EMISMATCH: the copy
 * is of another chain; POSW_ECANCELED; or an operating error. All but POSW_OK with a sentence. */
int cli_rehearse(cli_rehearsal *out, const cli_rehearse_options *o, posw_message *msg);
void cli_rehearsal_clear(cli_rehearsal *r);

#endif
