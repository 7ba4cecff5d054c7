/* TLS as a stranger sees it. The first byte chooses: 0: the rest goes to an end that listens; 1: to one that dials;
 * else two ends talk, and the rest says which of the bytes on their way are changed: triples of place (2) and mask (1).
 * Nothing that a stranger says may end well, and nothing may be read beyond it. */
#include "fuzz.h"

#include "io/tls.h"

#include <stdlib.h>

static posw_tls_context *context(void) {
    static posw_tls_context *c; /* for all runs; never freed */
    if (c != NULL) return c;
    posw_identity *id;
    const uint8_t seed[32] = {1};
    POSW_ASSERT(posw_identity_from_seed(&id, seed) == POSW_OK && posw_tls_context_new(&c, id) == POSW_OK);
    posw_identity_free(id);
    return c;
}

static posw_tls *end(bool server) {
    posw_tls *t;
    POSW_ASSERT(posw_tls_new(&t, context(), server, NULL) == POSW_OK);
    return t;
}

static void stranger(bool server, const uint8_t *data, size_t size) {
    posw_tls *t = end(server);
    posw_buf plain = {0};
    const size_t half = size / 2;
    (void)posw_tls_feed(t, data, half, &plain);
    const enum posw_tls_state state = posw_tls_feed(t, data + half, size - half, &plain);
    POSW_ASSERT(state == POSW_TLS_HANDSHAKE || state == POSW_TLS_FAILED);
    POSW_ASSERT(plain.size == 0 && (state == POSW_TLS_FAILED) == (posw_tls_reason(t)[0] != '\0'));
    posw_buf_clear(&plain);
    posw_tls_free(t);
}

/* Carries what one end has to say; *place counts the bytes of both. */
static bool carry(posw_tls *from, posw_tls *to, posw_buf *plain, size_t *place, const uint8_t *changes, size_t size) {
    posw_buf *out = posw_tls_output(from);
    if (out->size == 0) return false;
    for (size_t i = 0; i + 3 <= size; i += 3) {
        const size_t at = (size_t)changes[i] << 8 | changes[i + 1];
        if (at >= *place && at < *place + out->size) out->data[at - *place] ^= changes[i + 2];
    }
    *place += out->size;
    (void)posw_tls_feed(to, out->data, out->size, plain);
    posw_buf_reset(out);
    return true;
}

static void two_ends(const uint8_t *changes, size_t size) {
    posw_tls *const ends[] = {end(false), end(true)};
    posw_buf heard[2] = {{0}, {0}};
    size_t place = 0;
    bool said[2] = {false, false};
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < 2; i++) {
            if (posw_tls_state_now(ends[i]) == POSW_TLS_OPEN && !said[i])
                said[i] = posw_tls_write(ends[i], (const uint8_t *)"hello", 5);
            more = carry(ends[i], ends[1 - i], &heard[1 - i], &place, changes, size) || more;
        }
    }
    for (int i = 0; i < 2; i++) { /* all of what was said, or nothing */
        POSW_ASSERT(heard[i].size == 0 || (heard[i].size == 5 && memcmp(heard[i].data, "hello", 5) == 0));
        POSW_ASSERT(size >= 3 || heard[i].size == 5);
        posw_buf_clear(&heard[i]);
        posw_tls_free(ends[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    if (data[0] < 2)
        stranger(data[0] == 0, data + 1, size - 1);
    else
        two_ends(data + 1, size - 1);
    return 0;
}
