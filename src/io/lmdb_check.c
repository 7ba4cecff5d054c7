#include "io/lmdb_check.h"

#include "base/bytes.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE_SIZE_MIN = 4096, PAGE_SIZE_MAX = 32768, DEPTH_MAX = 32, KEY_MAX = 511, META_PAGES = 2 };
enum { BRANCH = 1, LEAF = 2, OVERFLOW = 4, META = 8 }; /* flags of a page */
enum { BIG_DATA = 1, SUB_TREE = 2 };                   /* flags of a node in a leaf */
enum { INTEGER_KEYS = 8 };                             /* flag of the table of free pages */
static const uint32_t MAGIC = 0xbeefc0de, VERSION = 1;
static const uint64_t NO_PAGE = UINT64_MAX;

typedef struct {
    uint64_t number;
    uint16_t pad, flags, lower, upper; /* overflow pages: the last two are their number */
} page_head;
typedef struct {
    uint32_t pad;
    uint16_t flags, depth;
    uint64_t pages[3], entries, root;
} tree_record;
typedef struct {
    page_head head;
    uint32_t magic, version;
    uint64_t address, map_size;
    tree_record free, tables;
    uint64_t last_page, transaction;
} meta_record;
typedef struct {
    uint16_t low, high, flags, key_size; /* data size, or with the flags the child's number */
} node_head;
_Static_assert(sizeof(page_head) == 16 && sizeof(tree_record) == 48 && sizeof(node_head) == 8, "as on the disk");

/* A page on the way down, and which of its nodes comes next. */
typedef struct {
    const uint8_t *page;
    unsigned next, count;
} step;

typedef struct {
    const uint8_t *file;
    uint64_t page_size, pages;
    uint8_t *seen; /* a bit a page */
} walk;

/* ---- pages ---- */

/* The page, which nobody referred to before; NULL: it cannot be. */
static const uint8_t *take_page(walk *w, uint64_t number, page_head *head) {
    if (number < META_PAGES || number >= w->pages || (w->seen[number / 8] & 1 << number % 8) != 0) return NULL;
    const uint8_t *page = w->file + number * w->page_size;
    w->seen[number / 8] |= (uint8_t)(1 << number % 8);
    memcpy(head, page, sizeof *head);
    return head->number == number ? page : NULL;
}

static bool check_overflow(walk *w, uint64_t first, uint64_t size) {
    const uint64_t count = (sizeof(page_head) - 1 + size) / w->page_size + 1;
    page_head head;
    if (take_page(w, first, &head) == NULL || head.flags != OVERFLOW || count > w->pages - first) return false;
    if (((uint64_t)head.upper << 16 | head.lower) != count) return false;
    for (uint64_t i = first + 1; i < first + count; i++) { /* these have no heads */
        if ((w->seen[i / 8] & 1 << i % 8) != 0) return false;
        w->seen[i / 8] |= (uint8_t)(1 << i % 8);
    }
    return true;
}

static node_head node_at(const uint8_t *page, unsigned i, size_t *at) {
    node_head n;
    uint16_t offset;
    memcpy(&offset, page + sizeof(page_head) + 2 * i, sizeof offset);
    memcpy(&n, page + offset, sizeof n);
    *at = offset;
    return n;
}

static uint64_t child_of(const node_head *n) {
    return (uint64_t)n->flags << 32 | (uint64_t)n->high << 16 | n->low;
}

/* Bytes of the node, with its padding to an even number; 0: it cannot be. */
static uint64_t node_size(const node_head *n, bool is_leaf, bool is_main) {
    const uint64_t data = (uint64_t)n->high << 16 | n->low;
    uint64_t size = sizeof *n + n->key_size;
    if (n->key_size > KEY_MAX || (is_leaf && n->key_size == 0)) return 0;
    if (!is_leaf) return size + size % 2;
    if (is_main ? n->flags != SUB_TREE || data != sizeof(tree_record) : n->flags != 0 && n->flags != BIG_DATA) return 0;
    size += n->flags == BIG_DATA ? sizeof(uint64_t) : data;
    return size + size % 2;
}

/* The nodes lie side by side up to the page's end. */
static bool check_nodes(const walk *w, const uint8_t *page, const page_head *h, unsigned count, bool is_main) {
    uint8_t used[PAGE_SIZE_MAX / 2 / 8] = {0};
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        uint16_t offset;
        size_t at;
        memcpy(&offset, page + sizeof *h + 2 * i, sizeof offset);
        if (offset % 2 != 0 || offset < h->upper || offset > w->page_size - sizeof(node_head)) return false;
        const node_head n = node_at(page, i, &at);
        const uint64_t size = node_size(&n, h->flags == LEAF, is_main);
        if (size == 0 || size > w->page_size - at) return false;
        for (uint64_t k = at / 2; k < (at + size) / 2; k++) {
            if ((used[k / 8] & 1 << k % 8) != 0) return false;
            used[k / 8] |= (uint8_t)(1 << k % 8);
        }
        sum += size;
    }
    return sum == w->page_size - h->upper;
}

static bool enter(walk *w, step *out, uint64_t number, bool is_leaf, bool is_main) {
    page_head h;
    const uint8_t *page = take_page(w, number, &h);
    if (page == NULL || h.flags != (is_leaf ? LEAF : BRANCH)) return false;
    if (h.lower < sizeof h || h.lower % 2 != 0 || h.lower > h.upper || h.upper > w->page_size) return false;
    *out = (step){.page = page, .count = (h.lower - (unsigned)sizeof h) / 2};
    return out->count >= (is_leaf ? 1u : 2u) && check_nodes(w, page, &h, out->count, is_main);
}

/* ---- trees ---- */

static bool is_tree(const tree_record *t) {
    return t->flags == 0 && (t->root == NO_PAGE ? t->depth == 0 : t->depth > 0 && t->depth <= DEPTH_MAX);
}

/* `table` is called for each tree that a leaf of the main one names; NULL: this is none of that kind. */
static bool check_leaf(walk *w, const step *leaf, bool (*table)(walk *w, const tree_record *t)) {
    for (unsigned i = 0; i < leaf->count; i++) {
        size_t at;
        const node_head n = node_at(leaf->page, i, &at);
        const uint8_t *data = leaf->page + at + sizeof n + n.key_size;
        tree_record record;
        uint64_t first;
        if (table != NULL) {
            memcpy(&record, data, sizeof record);
            if (!table(w, &record)) return false;
        } else if (n.flags == BIG_DATA) {
            memcpy(&first, data, sizeof first);
            if (!check_overflow(w, first, (uint64_t)n.high << 16 | n.low)) return false;
        }
    }
    return true;
}

static bool check_tree(walk *w, const tree_record *t, bool (*table)(walk *w, const tree_record *t)) {
    step way[DEPTH_MAX];
    unsigned depth = 0;
    if (!is_tree(t)) return false;
    if (t->root == NO_PAGE) return true;
    if (!enter(w, &way[depth++], t->root, t->depth == 1, table != NULL)) return false;
    while (depth > 0) {
        step *s = &way[depth - 1];
        const bool is_leaf = depth == t->depth;
        size_t at;
        if (is_leaf && !check_leaf(w, s, table)) return false;
        if (is_leaf || s->next == s->count) {
            depth--;
            continue;
        }
        const node_head n = node_at(s->page, s->next++, &at);
        if (!enter(w, &way[depth], child_of(&n), depth + 1u == t->depth, table != NULL)) return false;
        depth++;
    }
    return true;
}

static bool check_table(walk *w, const tree_record *t) {
    return check_tree(w, t, NULL);
}

/* ---- the file ---- */

static bool is_meta(const meta_record *m, uint64_t number) {
    return m->head.number == number && m->head.flags == META && m->magic == MAGIC && m->version == VERSION &&
           m->transaction == number && m->free.flags == INTEGER_KEYS && m->free.depth == 0 && m->free.entries == 0 &&
           m->free.root == NO_PAGE;
}

/* Sizes that the rest relies on. */
static bool read_metas(walk *w, meta_record *newest, uint64_t size) {
    meta_record first;
    memcpy(&first, w->file, sizeof first);
    w->page_size = first.free.pad;
    if (w->page_size < PAGE_SIZE_MIN || w->page_size > PAGE_SIZE_MAX || (w->page_size & (w->page_size - 1)) != 0 ||
        size < META_PAGES * w->page_size)
        return false;
    memcpy(newest, w->file + w->page_size, sizeof *newest);
    if (!is_meta(&first, 0) || first.tables.root != NO_PAGE || first.tables.flags != 0 || !is_meta(newest, 1) ||
        newest->free.pad != w->page_size || newest->last_page >= size / w->page_size)
        return false;
    w->pages = newest->last_page + 1;
    return true;
}

static int check_mapped(const uint8_t *file, uint64_t size, const char *path, posw_message *msg) {
    walk w = {.file = file};
    meta_record newest;
    bool ok = read_metas(&w, &newest, size);
    if (ok && (w.seen = calloc(w.pages / 8 + 1, 1)) == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    ok = ok && check_tree(&w, &newest.tables, check_table);
    free(w.seen);
    return ok ? POSW_OK
              : posw_message_set(msg, POSW_ECORRUPT, "%.300s is not as LMDB writes it: it is damaged, or made up",
                                 path);
}

int posw_lmdb_check(const char *path, posw_message *msg) {
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        const int code = posw_file_error(msg, errno, "read", path);
        if (fd >= 0) close(fd);
        return code;
    }
    const size_t size = (size_t)st.st_size;
    void *file = size < PAGE_SIZE_MIN ? NULL : mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    const int errnum = errno;
    close(fd);
    if (file == NULL) return posw_message_set(msg, POSW_ECORRUPT, "%.300s is too short for a state", path);
    if (file == MAP_FAILED) return posw_file_error(msg, errnum, "map", path);
    const int code = check_mapped(file, size, path, msg);
    munmap(file, size);
    return code;
}
