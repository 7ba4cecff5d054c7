/* What an attacker's blocks say of their time. */
#ifndef POSW_LAB_TIMES_H
#define POSW_LAB_TIMES_H

enum lab_times {
    LAB_NO_TIMES,   /* nothing that counts: all blocks are equally hard */
    LAB_TRUE_TIMES, /* difficulty follows by a rule, and their time is that of a clock that is right */
    LAB_FALSE_TIMES /* the same, but each says that it came a second after its parent */
};

#endif
