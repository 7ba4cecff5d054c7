/* The pages of the RPC door: found by their path, revalidated by their ETag. Links of wallets lead to their views. */
#include "io/server_internal.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_HEADERS_MAX = 1024, VIEW_NAME_MAX = 66 }; /* a hash: 0x and 64 digits */

/* The path without its query equals the page's. */
static bool is_path(const char *asked, const char *path) {
    const size_t size = strlen(path);
    return strncmp(asked, path, size) == 0 && (asked[size] == '\0' || asked[size] == '?' || asked[size] == '#');
}

static const posw_page *find_page(const posw_pages *pages, const char *asked) {
    for (size_t i = 0; i < pages->count; i++)
        if (is_path(asked, pages->items[i].path)) return &pages->items[i];
    return NULL;
}

/* If-None-Match is "*" or a list of tags. */
static bool has_page(const conn *c, const posw_page *p) {
    const char *known = c->headers[HEADER_IF_NONE_MATCH];
    return strcmp(known, "*") == 0 || strstr(known, p->etag) != NULL;
}

/* Wallets put such paths behind the address of an explorer (EIP-3091); the dashboard has these views behind "#". *size:
 * of the path alone. */
static bool is_view(const char *asked, size_t *size) {
    static const char *const views[] = {"/tx/", "/address/", "/block/"};
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < POSW_ARRAY_SIZE(views); i++) {
        const size_t start = strlen(views[i]);
        if (strncmp(asked, views[i], start) != 0) continue;
        const size_t named = strspn(asked + start, plain);
        *size = start + named;
        return named > 0 && named <= VIEW_NAME_MAX && is_path(asked + *size, "");
    }
    return false;
}

/* Relative, since a proxy may have put a path of its own in front. */
static void answer_view(conn *c, size_t size) {
    char headers[PAGE_HEADERS_MAX];
    (void)snprintf(headers, sizeof headers, "Location: ../#%.*s\r\nCache-Control: no-cache\r\n", (int)size, c->path);
    http_answer_with(c, 302, "text/plain", headers, (posw_bytes){NULL, 0});
}

void http_answer_page(conn *c) {
    static const char none[] = "there is no such page; the dashboard is at /\n";
    const posw_pages *pages = c->server->o.pages;
    const posw_page *p = c->path_cut ? NULL : find_page(pages, c->path);
    char headers[PAGE_HEADERS_MAX];
    size_t view_size;
    if (p == NULL && !c->path_cut && is_view(c->path, &view_size)) {
        answer_view(c, view_size);
        return;
    }
    if (p == NULL) {
        http_answer_with(c, 404, "text/plain", "", (posw_bytes){(const uint8_t *)none, sizeof none - 1});
        return;
    }
    const int n = snprintf(headers, sizeof headers,
                           "ETag: %s\r\nCache-Control: no-cache\r\nContent-Security-Policy: %s\r\n"
                           "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
                           "Cross-Origin-Resource-Policy: same-origin\r\n",
                           p->etag, pages->policy);
    POSW_ASSERT(n > 0 && (size_t)n < sizeof headers);
    if (has_page(c, p))
        http_answer_with(c, 304, "", headers, (posw_bytes){NULL, 0});
    else
        http_answer_with(c, 200, p->type, headers, (posw_bytes){p->data, p->size});
}
