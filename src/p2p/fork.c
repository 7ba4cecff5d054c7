#include "p2p/fork.h"

#include "base/bytes.h"

#include <string.h>

/* CRC-32 of four bits at a time: the remainders of 0 to 15. */
static const uint32_t CRC_OF_NIBBLE[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                           0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                           0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};

static uint32_t crc_add(uint32_t crc, const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ CRC_OF_NIBBLE[crc & 15];
        crc = crc >> 4 ^ CRC_OF_NIBBLE[crc & 15];
    }
    return crc;
}

/* Of the genesis hash and the first upgrades. */
static void hash_after(uint8_t out[4], const posw_hash *genesis, const posw_params *p, uint32_t passed) {
    uint32_t crc = crc_add(UINT32_MAX, genesis->b, sizeof genesis->b);
    for (uint32_t i = 0; i < passed; i++) {
        uint8_t height[8];
        posw_store_be64(height, p->upgrades[i].height);
        crc = crc_add(crc, height, sizeof height);
    }
    posw_store_be32(out, ~crc);
}

static uint32_t passed_at(const posw_params *p, uint64_t number) {
    uint32_t n = 0;
    while (n < p->upgrade_count && p->upgrades[n].height <= number)
        n++;
    return n;
}

static uint64_t height_of(const posw_params *p, uint32_t i) {
    return i < p->upgrade_count ? p->upgrades[i].height : 0;
}

p2p_fork_id p2p_fork_id_at(const posw_hash *genesis, const posw_params *p, uint64_t number) {
    const uint32_t passed = passed_at(p, number);
    p2p_fork_id id = {.next = height_of(p, passed)};
    hash_after(id.hash, genesis, p, passed);
    return id;
}

/* How many of our upgrades the other has passed; above their count: it is on a way that we do not know. */
static uint32_t passed_there(const posw_hash *genesis, const posw_params *p, const uint8_t hash[4]) {
    for (uint32_t n = 0; n <= p->upgrade_count; n++) {
        uint8_t own[4];
        hash_after(own, genesis, p, n);
        if (memcmp(own, hash, sizeof own) == 0) return n;
    }
    return UINT32_MAX;
}

static bool is_known(const posw_params *p, uint64_t height) {
    for (uint32_t i = 0; i < p->upgrade_count; i++)
        if (p->upgrades[i].height == height) return true;
    return false;
}

p2p_fork_judgement p2p_fork_judge(const posw_hash *genesis, const posw_params *p, uint64_t number,
                                  const p2p_fork_id *theirs) {
    const uint32_t here = passed_at(p, number), there = passed_there(genesis, p, theirs->hash);
    if (there == UINT32_MAX) return (p2p_fork_judgement){.verdict = P2P_FORK_WE_LACK};
    const uint64_t own_next = height_of(p, there);
    if (there < here) { /* it must be on its way to the upgrade that we have passed */
        if (theirs->next == own_next) return (p2p_fork_judgement){.verdict = P2P_FORK_FITS};
        return (p2p_fork_judgement){.verdict = P2P_FORK_THEY_LACK, .height = own_next};
    }
    if (theirs->next != 0 && theirs->next <= number)
        return (p2p_fork_judgement){.verdict = P2P_FORK_WE_LACK, .height = theirs->next};
    p2p_fork_judgement j = {.verdict = P2P_FORK_FITS};
    if (theirs->next != own_next) {
        j.parts = theirs->next == 0 || (own_next != 0 && own_next < theirs->next) ? own_next : theirs->next;
        if (!is_known(p, theirs->next)) j.unknown = theirs->next;
    }
    return j;
}
