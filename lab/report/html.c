/* A report as a web page. */
#include "report_internal.h"

void lab_report_html(const lab_report *r, posw_buf *out) {
    posw_buf text = {0};
    lab_report_text(r, &text);
    posw_buf_text(out, "<!doctype html><meta charset=\"utf-8\"><pre>");
    posw_buf_append(out, text.data, text.size);
    posw_buf_text(out, "</pre>");
    if (text.failed) out->failed = true;
    posw_buf_clear(&text);
}
