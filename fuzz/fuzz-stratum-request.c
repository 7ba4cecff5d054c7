/* What a miner sends, in pieces: lines are cut, each is read; what is read is the same when it is written and read
 * again. The first byte says how long the pieces are (0: all at once). */
#include "fuzz.h"

#include "base/bytes.h"
#include "stratum/line.h"
#include "stratum/message.h"

static void check(posw_bytes line) {
    static const char algorithm[] = "argon2/chukwa";
    posw_stratum_request r, again;
    posw_buf text = {0};
    posw_message why = {""};
    const int err = posw_stratum_request_decode(&r, line, algorithm, &why);
    POSW_ASSERT(err == POSW_OK || err == POSW_EPARSE || (err == POSW_EINVAL && why.text[0] != '\0'));
    if (err != POSW_OK) return;
    posw_stratum_request_encode(&text, &r, r.knows ? algorithm : r.lists_algorithms ? "other" : NULL);
    POSW_ASSERT(!text.failed && text.data[text.size - 1] == '\n');
    POSW_ASSERT(posw_stratum_request_decode(&again, posw_bytes_of(text.data, text.size - 1), algorithm, &why) ==
                POSW_OK);
    if (r.method != POSW_STRATUM_SUBMIT) r.session = again.session = 0;
    POSW_ASSERT(memcmp(&r, &again, sizeof r) == 0);
    posw_buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_stratum_lines lines = {0};
    posw_bytes line;
    if (size == 0) return 0;
    const size_t piece = data[0] == 0 ? size : data[0];
    for (size_t at = 1; at < size; at += piece) {
        enum posw_stratum_cut cut;
        POSW_ASSERT(posw_stratum_lines_add(&lines, posw_bytes_of(data + at, size - at < piece ? size - at : piece)));
        while ((cut = posw_stratum_lines_next(&lines, &line)) == POSW_STRATUM_CUT_LINE) {
            POSW_ASSERT(line.size <= POSW_STRATUM_LINE_MAX);
            check(line);
        }
        if (cut == POSW_STRATUM_CUT_TOO_LONG) break;
        POSW_ASSERT(lines.buf.size - lines.at <= POSW_STRATUM_LINE_MAX);
    }
    posw_stratum_lines_clear(&lines);
    return 0;
}
