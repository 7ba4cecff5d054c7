/* Messages of the network: the type (1 byte) and a payload through its decoder, every list to its end, and back
 * (tests/unit/p2p/recode.h); then the whole input as a stream of frames. */
#include "fuzz.h"

#include "p2p/recode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_buf out = {0};
    if (size == 0) return 0;
    const posw_bytes payload = {data + 1, size - 1};
    if (payload.size <= posw_msg_limit(data[0])) (void)recode(&out, data[0], payload);
    for (size_t at = 0; at < size;) {
        posw_msg_frame frame;
        size_t used;
        if (posw_msg_frame_cut(&frame, &used, data + at, size - at) != POSW_MSG_CUT_WHOLE) break;
        POSW_ASSERT(used <= size - at && frame.payload.size + POSW_MSG_PREFIX == used &&
                    frame.payload.size <= posw_msg_limit(frame.type));
        (void)recode(&out, frame.type, frame.payload);
        at += used;
    }
    posw_buf_clear(&out);
    return 0;
}
