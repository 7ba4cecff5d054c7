/* The files of web/, put into the program by tools/embed: the dashboard, which every node serves beside its RPC. */
#ifndef POSW_CLI_DASHBOARD_H
#define POSW_CLI_DASHBOARD_H

#include "io/pages.h"

extern const posw_pages cli_dashboard;

#endif
