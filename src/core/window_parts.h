/* What the core asks a window besides posw/window.h. Not exported. */
#ifndef POSW_CORE_WINDOW_PARTS_H
#define POSW_CORE_WINDOW_PARTS_H

#include "posw/params.h"
#include "posw/window.h"

/* True iff it was made for the W and the unlock time of these parameters (W4): another one counts other tickets. */
bool posw_window_is_of(const posw_window *w, const posw_params *p);

#endif
