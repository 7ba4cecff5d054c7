/* Upgrades ahead (doc/founders.md): when a node speaks of one, and in which words. Pure functions.
 *
 *  - One that its chain file names: at the start, 30, 7 and 1 days before, and when it is there.
 *  - One that only peers speak of, for which this node needs another chain file: at once, 30, 7 and 1 days before, and
 * from its height on each hour, since it follows the wrong chain from there.
 *
 * Days are blocks left times the block time: nobody has to agree about them. */
#ifndef POSW_NODE_UPGRADES_H
#define POSW_NODE_UPGRADES_H

#include "base/error.h"
#include "posw/params.h"

enum posw_upgrade_stage {
    POSW_UPGRADE_FAR, /* more than 30 days ahead */
    POSW_UPGRADE_DAYS_30,
    POSW_UPGRADE_DAYS_7,
    POSW_UPGRADE_DAYS_1,
    POSW_UPGRADE_REACHED /* the latest block is of its height or later */
};
/* Seconds until block `height` when `tip` is the latest; 0: it is there; saturates. */
uint64_t posw_upgrade_seconds(uint64_t tip, uint64_t height, uint64_t block_time_s);
enum posw_upgrade_stage posw_upgrade_stage_of(uint64_t tip, uint64_t height, uint64_t block_time_s);

enum { POSW_UPGRADE_REPEAT_S = 3600 };
/* What has been said of one upgrade. Zeroed: nothing. */
typedef struct {
    bool any;
    enum posw_upgrade_stage stage; /* the latest that was spoken of */
    uint64_t at_s;                 /* when, by a clock that only goes on */
} posw_upgrade_said;
/* Is it time to speak? Then *said remembers it. known: the chain file names it. A stage that comes back, in a
 * reorganisation, is no news. */
bool posw_upgrade_due(posw_upgrade_said *said, bool known, enum posw_upgrade_stage stage, uint64_t now_s);

/* Is what peers say of an unknown upgrade to be believed? missed: a node that was dialled has passed it. networks:
 * parts of the network (address groups) whose peers expect it. all: parts in which there are peers that follow our
 * rules so far.
 *
 * A claim costs nothing, and who has one address has a thousand of the same part. So two parts must say so; one is
 * enough where there is no other, as in a home or a company: a warning too many there is better than none. Once the
 * block is passed, those who have upgraded are no peers any more: then the word of one who was dialled is believed if
 * at most one part is left that thinks as we do; with more of them it is told, but /health/ready stays as it is, or one
 * liar in the address tables would take every node of a chain out of service.
 *
 * Mining always goes on: a miner that stops would be what a liar wanted, and one that is really left behind loses what
 * it would have lost anyway, and is told each hour. */
bool posw_upgrade_is_credible(bool missed, size_t networks, size_t all);

/* What peers say of an upgrade that the chain file does not name. */
typedef struct {
    uint64_t height; /* 0: not known, which may be when it is missed */
    bool missed;     /* a node that was dialled has passed it, and this one cannot */
    size_t networks; /* parts of the network that expect it, while it is ahead */
    bool credible;
} posw_upgrade_news;
/* REACHED when it is missed. */
enum posw_upgrade_stage posw_upgrade_news_stage(const posw_upgrade_news *n, uint64_t tip, uint64_t block_time_s);

/* "in about 6 days", "in about 5 hours", "within the hour", "now": NUL-terminated. */
enum { POSW_UPGRADE_WHEN_SIZE = 40 };
void posw_upgrade_when(char out[POSW_UPGRADE_WHEN_SIZE], uint64_t seconds);
/* The log's sentence, NUL-terminated: of one that the chain file names, and of one that peers speak of. */
void posw_upgrade_known_text(char *out, size_t size, const char *name, uint64_t height, uint64_t tip,
                             uint64_t block_time_s);
void posw_upgrade_news_text(char *out, size_t size, const posw_upgrade_news *n, uint64_t tip, uint64_t block_time_s);

#endif
