/* A snapshot of a stranger, unpacked into a data directory: what is accepted is there byte for byte and nothing else
 * is; of what is refused nothing is left, and a sentence says why. The first byte: 1: behind the rest, the right sums
 * and the end are put, which no mutation finds. */
#include "fuzz.h"

#include "io/snapshot.h"
#include "io/tar.h"
#include "io/temporary.h"

#include "base/bytes.h"

#include <sodium.h>
#include <sys/stat.h>

enum {
    FILE_MAX = 1 << 16,
    FILES_MAX = FILE_MAX / POSW_TAR_BLOCK,
    BELOW_SIZE = TEMPORARY_SIZE + 16 + POSW_TAR_NAME_SIZE
};

typedef struct {
    char name[POSW_TAR_NAME_SIZE];
    posw_bytes contents;
} entry;

static char folder[TEMPORARY_SIZE];

static void remove_folder(void) {
    temporary_remove(folder);
}

static const char *below(const char *name) {
    static char path[BELOW_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* The files of an archive up to the first head that is none, or contents that are cut short. */
static size_t entries_of(entry out[FILES_MAX], const uint8_t *data, size_t size) {
    uint64_t bytes, time_s;
    size_t n = 0;
    for (size_t at = 0; size - at >= POSW_TAR_BLOCK; n++) {
        entry *e = &out[n];
        if (!posw_tar_head_decode(e->name, &bytes, &time_s, data + at)) break;
        at += POSW_TAR_BLOCK;
        if (bytes > size - at || posw_tar_padding(bytes) > size - at - bytes) break;
        e->contents = posw_bytes_of(data + at, (size_t)bytes);
        at += (size_t)bytes + posw_tar_padding(bytes);
    }
    return n;
}

static void append_zeros(posw_buf *b, size_t size) {
    uint8_t *at = posw_buf_extend(b, size);
    POSW_ASSERT(at != NULL);
    memset(at, 0, size);
}

static void append_sums(posw_buf *archive, const entry *entries, size_t count) {
    posw_buf sums = {0};
    for (size_t i = 0; i < count; i++) {
        uint8_t digest[crypto_hash_sha256_BYTES];
        char hex[2 * sizeof digest + 1];
        (void)crypto_hash_sha256(digest, entries[i].contents.data, entries[i].contents.size);
        posw_hex_encode(hex, digest, sizeof digest);
        posw_buf_printf(&sums, "%s  %s\n", hex, entries[i].name);
    }
    uint8_t *head = posw_buf_extend(archive, POSW_TAR_BLOCK);
    POSW_ASSERT(head != NULL);
    posw_tar_head_encode(head, "SHA256SUMS", sums.size, 0);
    posw_buf_append(archive, sums.data, sums.size);
    append_zeros(archive, posw_tar_padding(sums.size) + 2 * POSW_TAR_BLOCK);
    posw_buf_clear(&sums);
}

static void check_file(const entry *e) {
    char name[sizeof "data/" + sizeof e->name];
    struct stat st;
    (void)snprintf(name, sizeof name, "data/%.*s", POSW_TAR_NAME_SIZE - 1, e->name);
    FILE *f = fopen(below(name), "rb");
    POSW_ASSERT(f != NULL && fstat(fileno(f), &st) == 0 && (size_t)st.st_size == e->contents.size);
    for (size_t i = 0; i < e->contents.size; i++)
        POSW_ASSERT(fgetc(f) == e->contents.data[i]);
    POSW_ASSERT(fclose(f) == 0 && unlink(below(name)) == 0);
}

/* Taken away name by name: then nothing else was there. */
static void check_unpacked(const entry *entries, size_t count) {
    bool has_sums = false;
    for (size_t i = 0; i < count && !has_sums; i++) {
        has_sums = strcmp(entries[i].name, "SHA256SUMS") == 0;
        if (!has_sums) check_file(&entries[i]);
    }
    POSW_ASSERT(has_sums && rmdir(below("data/state")) == 0 && rmdir(below("data/blocks")) == 0);
}

static int call_it_right(void *arg, const char *dir, posw_message *msg) {
    (void)arg, (void)msg;
    POSW_ASSERT(strncmp(dir, folder, strlen(folder)) == 0);
    return POSW_OK;
}

/* Never NULL, as fwrite wants it. */
static const void *data_of(const posw_buf *b) {
    return b->size == 0 ? "" : (const void *)b->data;
}

static void restore(const posw_buf *archive) {
    static entry entries[FILES_MAX];
    const posw_snapshot_restore_options o = {.check = call_it_right};
    posw_message msg = {""};
    FILE *f = fopen(below("file.tar"), "wb");
    POSW_ASSERT(f != NULL && fwrite(data_of(archive), 1, archive->size, f) == archive->size && fclose(f) == 0);
    char path[BELOW_SIZE], data[BELOW_SIZE];
    memcpy(path, below("file.tar"), BELOW_SIZE);
    memcpy(data, below("data"), BELOW_SIZE);
    const int code = posw_snapshot_restore(path, data, &o, &msg);
    POSW_ASSERT((code == POSW_OK) == (msg.text[0] == '\0'));
    POSW_ASSERT(code == POSW_OK || code == POSW_EPARSE || code == POSW_ECHECKSUM);
    if (code == POSW_OK) check_unpacked(entries, entries_of(entries, archive->data, archive->size));
    POSW_ASSERT(unlink(below("data/LOCK")) == 0 && rmdir(data) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static entry entries[FILES_MAX];
    posw_buf archive = {0};
    if (size == 0 || size > FILE_MAX) return 0;
    if (folder[0] == '\0') {
        temporary_make_fast(folder);
        POSW_ASSERT(atexit(remove_folder) == 0);
    }
    posw_buf_append(&archive, data + 1, size - 1);
    if (data[0] == 1) append_sums(&archive, entries, entries_of(entries, data + 1, size - 1));
    restore(&archive);
    posw_buf_clear(&archive);
    return 0;
}
