/* What every web page carries with it, made at build time by tools/embed: the style sheet, the script that draws, and
 * Chart.js with its licence. */
#ifndef POSW_LAB_PAGE_H
#define POSW_LAB_PAGE_H

#include <stddef.h>

struct lab_page_part {
    const unsigned char *text; /* size bytes, no NUL at the end */
    size_t size;
    const char *digest; /* "sha256-…" as in a Content-Security-Policy */
};

extern const struct lab_page_part lab_page_style, lab_page_draw, lab_page_theme, lab_page_chart, lab_page_chart_licence;

#endif
