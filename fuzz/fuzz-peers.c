/* What a node keeps of other nodes between its runs: the table of addresses and the bans. What is accepted is written
 * back byte for byte. The first byte says which of them the rest is. */
#include "fuzz.h"

#include "p2p/addrman.h"
#include "p2p/bans.h"

static const uint8_t SEED[32] = {1};

static void addresses(posw_bytes in) {
    posw_addrman *a;
    posw_addrman_entry e;
    posw_buf out = {0};
    if (posw_addrman_decode(&a, in, SEED, false) != POSW_OK) return;
    posw_addrman_encode(&out, a);
    fuzz_same(&out, in.data, in.size);
    for (unsigned table = POSW_ADDRMAN_EITHER; table <= POSW_ADDRMAN_TRIED; table++)
        (void)posw_addrman_select(a, &e, (enum posw_addrman_table)table, 1700000000);
    posw_addrman_resolve_collisions(a, 1700000000);
    posw_addrman_free(a);
    posw_buf_clear(&out);
}

static int count_ban(void *arg, const posw_subnet *s, uint64_t until_s) {
    posw_subnet again;
    char text[POSW_SUBNET_TEXT];
    posw_subnet_text(text, s);
    POSW_ASSERT(posw_subnet_parse(&again, text) && memcmp(&again, s, sizeof again) == 0 && until_s > 0);
    ++*(size_t *)arg;
    return 0;
}

static void bans(posw_bytes in) {
    posw_bans *b;
    posw_buf out = {0};
    size_t count = 0;
    POSW_ASSERT(posw_bans_new(&b, SEED) == POSW_OK);
    if (posw_bans_decode(b, in) == POSW_OK) {
        posw_bans_encode(&out, b);
        fuzz_same(&out, in.data, in.size);
        POSW_ASSERT(posw_bans_walk(b, 0, count_ban, &count) == 0 && count <= POSW_BANS_MAX);
    }
    posw_bans_free(b);
    posw_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    if (data[0] % 2 == 0)
        addresses((posw_bytes){data + 1, size - 1});
    else
        bans((posw_bytes){data + 1, size - 1});
    return 0;
}
