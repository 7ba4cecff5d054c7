/* What a node (or whoever answers there) sends to our miner: what is read is the same when it is written and read
 * again, and the miner's side makes something of all of it. */
#include "fuzz.h"

#include "base/bytes.h"
#include "stratum/client.h"

static void check(posw_bytes line) {
    posw_stratum_reply r, again;
    posw_buf text = {0};
    if (posw_stratum_reply_decode(&r, line) != POSW_OK) return;
    posw_stratum_reply_encode(&text, &r);
    POSW_ASSERT(!text.failed && text.data[text.size - 1] == '\n');
    POSW_ASSERT(posw_stratum_reply_decode(&again, posw_bytes_of(text.data, text.size - 1)) == POSW_OK);
    POSW_ASSERT(memcmp(&r, &again, sizeof r) == 0);
    posw_buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const posw_hash result = {{1}};
    posw_stratum_client c = {0};
    posw_stratum_said said;
    posw_buf out = {0};
    posw_stratum_client_login(&c, &out, "0x", "fuzz", NULL);
    for (int i = 0; i < 3; i++)
        posw_stratum_client_submit(&c, &out, 1, result.b, &result);
    POSW_ASSERT(posw_stratum_client_add(&c, posw_bytes_of(data, size)));
    do {
        posw_stratum_client_next(&c, &said);
        POSW_ASSERT(said.job.target != 0 ||
                    (said.type != POSW_STRATUM_SAID_WELCOME && said.type != POSW_STRATUM_SAID_JOB));
    } while (said.type != POSW_STRATUM_SAID_NOTHING && said.type != POSW_STRATUM_SAID_GARBAGE);
    posw_stratum_client_clear(&c);
    posw_buf_clear(&out);
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        const size_t line = end == NULL ? size - at : (size_t)(end - data) - at;
        check(posw_bytes_of(data + at, line));
        at += line + 1;
    }
    return 0;
}
