/* Pages that the RPC door shows by GET and HEAD beside JSON-RPC: a fixed table in memory. A path is looked up as it is
 * written, so no other file can be reached. What a request's Host must be (server.h) holds for pages too, and they
 * count as requests of their address. */
#ifndef POSW_IO_PAGES_H
#define POSW_IO_PAGES_H

#include <stddef.h>

typedef struct {
    const char *path; /* "/…", as it stands in the request without a query; at most 127 bytes */
    const char *type; /* Content-Type */
    const char *etag; /* with its quotes */
    const unsigned char *data;
    size_t size;
} posw_page;

/* Constant; borrowed by the server. */
typedef struct posw_pages {
    const posw_page *items;
    size_t count;
    const char *policy; /* the Content-Security-Policy of all of them */
} posw_pages;

#endif
