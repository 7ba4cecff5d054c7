/* A file of block bodies after a crash or on a bad disk: opening the log at any end, reading at any position, checking
 * it, and appending. The first 12 bytes are the committed end, the rest is the file. */
#include "fuzz.h"

#include "base/bytes.h"
#include "io/body_files.h"
#include "io/temporary.h"

enum { FILE_MAX = 1 << 16 };

static char folder[TEMPORARY_SIZE];

static void remove_folder(void) {
    temporary_remove(folder);
}

static void name_of(char out[TEMPORARY_SIZE + 16], unsigned file) {
    (void)snprintf(out, TEMPORARY_SIZE + 16, "%s/blk%05u.dat", folder, file);
}

static void write_file(const uint8_t *data, size_t size) {
    char name[TEMPORARY_SIZE + 16];
    name_of(name, 0);
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    POSW_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
    name_of(name, 1);
    (void)unlink(name);
}

/* Walks the log as its records say where the next one is; what reads without an error is inside the end. */
static void read_all(posw_body_files *b, const uint8_t *data, const posw_body_end *end) {
    posw_buf out = {0};
    for (uint64_t offset = 0; offset + POSW_BODY_HEADER_SIZE <= end->offset;) {
        posw_message msg = {{0}};
        const uint64_t size = posw_load_be32(data + offset + 4);
        posw_buf_reset(&out);
        const int rc = posw_body_files_read(b, offset + 1, &out, &msg);
        POSW_ASSERT((rc == POSW_OK) == (msg.text[0] == '\0'));
        if (rc == POSW_OK) POSW_ASSERT(out.size == size && offset + POSW_BODY_HEADER_SIZE + size <= end->offset);
        offset += POSW_BODY_HEADER_SIZE + size;
    }
    posw_buf_reset(&out);
    POSW_ASSERT(posw_body_files_read(b, 0, &out, NULL) == POSW_ENOTFOUND);
    POSW_ASSERT(posw_body_files_read(b, (uint64_t)end->offset + 1, &out, NULL) != POSW_OK);
    POSW_ASSERT(posw_body_files_read(b, UINT64_MAX, &out, NULL) != POSW_OK && out.size == 0);
    posw_buf_clear(&out);
}

static void append_and_read(posw_body_files *b) {
    uint64_t pos;
    posw_buf out = {0};
    if (posw_body_files_append(b, "record", 6, &pos, NULL) != POSW_OK) return;
    POSW_ASSERT(posw_body_files_read(b, pos, &out, NULL) == POSW_OK && out.size == 6 &&
                memcmp(out.data, "record", 6) == 0);
    posw_body_files_abort(b, true);
    posw_buf_reset(&out);
    POSW_ASSERT(posw_body_files_read(b, pos, &out, NULL) != POSW_OK);
    posw_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_body_end end;
    posw_body_files *b;
    posw_message msg = {{0}};
    if (size < POSW_BODY_END_SIZE || size > FILE_MAX || !posw_body_end_decode(&end, data, POSW_BODY_END_SIZE)) return 0;
    if (folder[0] == '\0') {
        temporary_make_fast(folder);
        POSW_ASSERT(atexit(remove_folder) == 0);
    }
    end.file = 0;
    data += POSW_BODY_END_SIZE;
    size -= POSW_BODY_END_SIZE;
    write_file(data, size);
    const posw_body_options o = {.directory = folder, .prefix = "blk", .genesis = {{1}}, .file_size_max = 1 << 20};
    const int rc = posw_body_files_open(&b, &o, &end, &msg);
    POSW_ASSERT((rc == POSW_OK) == (msg.text[0] == '\0'));
    if (rc != POSW_OK) return 0;
    POSW_ASSERT(end.offset <= size);
    read_all(b, data, &end);
    (void)posw_body_files_check(b, NULL, NULL, NULL);
    append_and_read(b);
    posw_body_files_close(b);
    return 0;
}
