/* A mutator for inputs that are RLP, perhaps behind one byte (a transaction's or receipt's type, a trie node's depth):
 * it changes one item somewhere in the tree and writes the prefixes of all lists around it anew, so that the change is
 * not refused for a wrong length. One mutation in four is libFuzzer's own, which breaks the form. Linked into the
 * targets that libFuzzer runs only. */
#include "fuzz.h"

#include "base/random.h"
#include "codec/rlp.h"

#include <stdlib.h>

enum { LEVELS_MAX = 16, ITEMS_MAX = 64, CONTENT_ROOM = 64 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* A list on the way to the item, as its content, and where the way goes on in it. */
typedef struct {
    posw_bytes content, item;
} level;

/* The items of a list, at most ITEMS_MAX; 0: none, or not well formed. */
static size_t items_of(posw_bytes items[ITEMS_MAX], posw_bytes content) {
    posw_rlp r = posw_rlp_reader(content.data, content.size);
    size_t count = 0;
    while (count < ITEMS_MAX && posw_rlp_more(&r))
        items[count++] = posw_rlp_raw(&r);
    return r.failed ? 0 : count;
}

static bool enter(posw_bytes *content, posw_bytes item) {
    posw_rlp r = posw_rlp_reader(item.data, item.size);
    if (!posw_rlp_next_is_list(&r)) return false;
    const posw_rlp inner = posw_rlp_list(&r);
    *content = (posw_bytes){inner.p, (size_t)(inner.end - inner.p)};
    return posw_rlp_done(&r);
}

/* Goes down at random; the last level's item is what will be changed. Returns the number of levels, 0: no list. */
static size_t choose(level way[LEVELS_MAX], posw_bytes whole, uint64_t *random) {
    posw_bytes items[ITEMS_MAX];
    size_t depth = 0;
    while (depth < LEVELS_MAX && enter(&way[depth].content, whole)) {
        const size_t count = items_of(items, way[depth].content);
        if (count == 0) break;
        whole = way[depth].item = items[random_below(random, count)];
        depth++;
        if (random_below(random, 8) == 0) break;
    }
    return depth;
}

static void append_number(posw_buf *out, uint64_t *random) {
    static const uint64_t edges[] = {0, 1, 127, 128, 255, 256, 20999, 21000, UINT32_MAX, INT64_MAX, UINT64_MAX};
    const posw_u256 wide = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    const size_t i = random_below(random, POSW_ARRAY_SIZE(edges) + 1);
    if (i < POSW_ARRAY_SIZE(edges))
        posw_rlp_append_u64(out, edges[i]);
    else
        posw_rlp_append_u256(out, &wide);
}

static void append_changed_bytes(posw_buf *out, posw_bytes item) {
    posw_rlp r = posw_rlp_reader(item.data, item.size);
    const posw_bytes content = posw_rlp_bytes(&r);
    uint8_t *room = malloc(content.size + CONTENT_ROOM);
    POSW_ASSERT(room != NULL);
    if (content.size > 0) memcpy(room, content.data, content.size);
    posw_rlp_append_bytes(out, room, LLVMFuzzerMutate(room, content.size, content.size + CONTENT_ROOM));
    free(room);
}

/* What stands in the place of the item: nothing, it twice, a neighbour, an edge, or the same with other bytes. */
static void append_changed(posw_buf *out, const level *at, uint64_t *random) {
    posw_bytes items[ITEMS_MAX];
    const size_t count = items_of(items, at->content);
    switch (random_below(random, 8)) {
    case 0:
        return;
    case 1:
        posw_buf_append(out, at->item.data, at->item.size);
        posw_buf_append(out, at->item.data, at->item.size);
        return;
    case 2: {
        const posw_bytes other = items[random_below(random, count)];
        posw_buf_append(out, other.data, other.size);
        return;
    }
    case 3:
        append_number(out, random);
        return;
    case 4:
        posw_rlp_append_list(out, 0);
        return;
    default:
        if (at->item.data[0] < 0xc0)
            append_changed_bytes(out, at->item);
        else
            append_number(out, random);
    }
}

/* The way's lists around `inner`, which takes the place of the last level's item. */
static void rebuild(posw_buf *out, const level *way, size_t depth, posw_buf *inner) {
    for (size_t i = depth; i-- > 0;) {
        const level *l = &way[i];
        const size_t before = (size_t)(l->item.data - l->content.data), after = before + l->item.size;
        posw_buf_reset(out);
        posw_rlp_append_list(out, before + inner->size + l->content.size - after);
        posw_buf_append(out, l->content.data, before);
        posw_buf_append(out, inner->data, inner->size);
        posw_buf_append(out, l->content.data + after, l->content.size - after);
        posw_buf_reset(inner);
        posw_buf_append(inner, out->data, out->size);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    level way[LEVELS_MAX];
    uint64_t random = seed;
    const size_t skip = size > 0 && data[0] < 0xc0 ? 1 : 0;
    const size_t depth = choose(way, (posw_bytes){data + skip, size - skip}, &random);
    if (depth == 0 || random_below(&random, 4) == 0) return LLVMFuzzerMutate(data, size, max_size);
    posw_buf inner = {0}, whole = {0};
    append_changed(&inner, &way[depth - 1], &random);
    rebuild(&whole, way, depth, &inner);
    if (!whole.failed && !inner.failed && whole.size <= max_size - skip && whole.size > 0) {
        memcpy(data + skip, whole.data, whole.size);
        size = skip + whole.size;
    }
    posw_buf_clear(&inner);
    posw_buf_clear(&whole);
    return size;
}
