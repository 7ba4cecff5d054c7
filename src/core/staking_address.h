/* Where the staking contract lives (S1): 0x00...00706f7377. */
#ifndef POSW_CORE_STAKING_ADDRESS_H
#define POSW_CORE_STAKING_ADDRESS_H

#include "posw/types.h"

extern const posw_address POSW_STAKING_ADDRESS;

#endif
