#include "posw/posw.h"

const char *posw_version(void) {
    return POSW_VERSION_STRING;
}
