#include "io/block_file.h"

#include "base/bytes.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "io/file.h"
#include "io/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Blocks that may be prepared ahead: enough to keep threads busy, bounded in memory by 64 blocks of 8 MiB at worst. */
enum { SLOTS = 64 };

enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_RUNNING, SLOT_DONE };

typedef struct {
    enum slot_state state;
    posw_bytes bytes; /* in the mapped file */
    posw_prepared prepared;
    int err;
    bool is_known;   /* to the chain already: not prepared, not imported */
    uint64_t number; /* of a known block */
} slot;

typedef struct {
    const posw_block_file_options *o;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    slot slots[SLOTS];
    uint64_t filled, taken, consumed; /* counts; slot = count % SLOTS */
    bool ending;
    pthread_t *threads;
    unsigned thread_count;
} pipeline;

/* Prepares one waiting block; false: there is none. The lock is held on entry and exit. */
static bool prepare_next(pipeline *p, void *scratch) {
    while (p->taken < p->filled && p->slots[p->taken % SLOTS].state == SLOT_DONE)
        p->taken++; /* known */
    if (p->taken == p->filled) return false;
    slot *s = &p->slots[p->taken++ % SLOTS];
    s->state = SLOT_RUNNING;
    pthread_mutex_unlock(&p->lock);
    int err = posw_prepare(&s->prepared, s->bytes.data, s->bytes.size, p->o->pow, scratch, NULL);
    pthread_mutex_lock(&p->lock);
    s->err = err;
    s->state = SLOT_DONE;
    pthread_cond_broadcast(&p->done);
    return true;
}

static void *scratch_new(const posw_pow *pow) {
    return pow != NULL && pow->scratch_new != NULL ? pow->scratch_new() : NULL;
}
static void scratch_free(const posw_pow *pow, void *scratch) {
    if (scratch != NULL) pow->scratch_free(scratch);
}

static void *preparer_main(void *arg) {
    pipeline *p = arg;
    void *scratch = scratch_new(p->o->pow);
    pthread_mutex_lock(&p->lock);
    while (!p->ending)
        if (!prepare_next(p, scratch)) pthread_cond_wait(&p->work, &p->lock);
    pthread_mutex_unlock(&p->lock);
    scratch_free(p->o->pow, scratch);
    return NULL;
}

static int pipeline_start(pipeline *p, const posw_block_file_options *o) {
    memset(p, 0, sizeof *p);
    p->o = o;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    p->threads = calloc(o->threads + 1, sizeof *p->threads);
    if (p->threads == NULL) return POSW_ENOMEM;
    /* fewer threads than wanted is slower, not wrong */
    while (p->thread_count < o->threads && pthread_create(&p->threads[p->thread_count], NULL, preparer_main, p) == 0)
        p->thread_count++;
    return POSW_OK;
}

static void pipeline_stop(pipeline *p) {
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    for (size_t i = 0; i < SLOTS; i++)
        if (p->slots[i].state == SLOT_DONE && p->slots[i].err == POSW_OK && !p->slots[i].is_known)
            posw_prepared_clear(&p->slots[i].prepared);
    free(p->threads);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
}

/* Does the chain have this block? Then nothing needs to be computed for it: a file whose import was interrupted is gone
 * through again in no time. */
static bool is_known(posw_chain *c, posw_bytes bytes, uint64_t *number) {
    posw_chain_block_info info;
    posw_hash hash;
    posw_rlp file = posw_rlp_reader(bytes.data, bytes.size), block = posw_rlp_list(&file);
    posw_bytes header = posw_rlp_raw(&block);
    posw_keccak256(&hash, header.data, header.size);
    if (header.size == 0 || posw_chain_block_by_hash(c, &info, &hash) != POSW_OK) return false;
    *number = info.header.number;
    return true;
}

/* Cuts further blocks off the file into free slots. POSW_EPARSE: what follows is not a block. */
static int fill(pipeline *p, posw_chain *c, posw_bytes *rest) {
    while (rest->size > 0 && p->filled - p->consumed < SLOTS) {
        size_t size = posw_block_frame(rest->data, rest->size);
        if (size == 0 || size > rest->size) return POSW_EPARSE;
        slot *s = &p->slots[p->filled % SLOTS]; /* free: the others do not look at it */
        memset(s, 0, sizeof *s);
        s->bytes = posw_bytes_of(rest->data, size);
        s->is_known = is_known(c, s->bytes, &s->number);
        pthread_mutex_lock(&p->lock);
        s->state = s->is_known ? SLOT_DONE : SLOT_WAITING;
        p->filled++;
        pthread_cond_signal(&p->work);
        pthread_mutex_unlock(&p->lock);
        rest->data += size;
        rest->size -= size;
    }
    return POSW_OK;
}

/* The next block in order, prepared; the caller's thread prepares while it would wait. */
static slot *next_slot(pipeline *p, void *scratch) {
    pthread_mutex_lock(&p->lock);
    slot *s = &p->slots[p->consumed % SLOTS];
    while (s->state != SLOT_DONE)
        if (!prepare_next(p, scratch)) pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return s;
}

static void release_slot(pipeline *p, slot *s) {
    pthread_mutex_lock(&p->lock);
    s->state = SLOT_FREE;
    p->consumed++;
    if (p->taken < p->consumed) p->taken = p->consumed; /* nobody took it: it was known */
    pthread_mutex_unlock(&p->lock);
}

/* A block in a file, for sentences. */
typedef struct {
    const char *path;
    uint64_t number, at; /* at: byte */
} place;

static int refused(posw_message *msg, const place *b, posw_verdict v) {
    if (v.kind == POSW_NOT_YET && v.rule == POSW_RULE_UNKNOWN_PARENT)
        return posw_message_set(msg, POSW_EINVAL,
                                "%s: the parent of block %" PRIu64
                                " is not known; the file starts beyond this chain's tip or belongs to another chain",
                                b->path, b->number);
    if (v.kind == POSW_INVALID && v.rule == POSW_RULE_PARENT && b->number == 0)
        return posw_message_set(msg, POSW_EINVAL, "%s starts with the genesis block of another chain", b->path);
    return posw_message_set(
        msg, POSW_EINVAL,
        "%s: block %" PRIu64 " at byte %" PRIu64
        " was refused: %s (rule %s); the blocks before it were kept: is the file of this chain, and undamaged?",
        b->path, b->number, b->at, posw_rule_text(v.rule), posw_rule_number(v.rule));
}

/* A second copy in the same file was not known yet when it was read; a child of the tip cannot be. */
static bool came_meanwhile(posw_chain *c, const posw_block *b) {
    posw_hash tip = posw_chain_tip_hash(c);
    posw_chain_block_info info;
    return !posw_hash_equal(&b->header.parent_hash, &tip) && posw_chain_block_by_hash(c, &info, &b->hash) == POSW_OK;
}

static int import_prepared(posw_chain *c, slot *s, place *b, posw_block_file_progress *p, posw_message *msg) {
    posw_verdict v;
    posw_chain_change change = {0};
    uint64_t txs = s->prepared.block.tx_count;
    b->number = s->prepared.block.header.number;
    bool known = came_meanwhile(c, &s->prepared.block);
    int err = posw_chain_import(c, &s->prepared, posw_clock_now_ms() / 1000, &v, &change);
    if (err != POSW_OK) {
        posw_prepared_clear(&s->prepared);
        return posw_message_set(msg, err, "block %" PRIu64 " of %s could not be stored: %s%s", b->number, b->path,
                                posw_error_text(err), posw_error_remedy(err));
    }
    if (v.kind != POSW_VALID) return refused(msg, b, v);
    p->transactions += known ? 0 : txs;
    p->known += known;
    return POSW_OK;
}

static int import_slot(posw_chain *c, slot *s, place *b, posw_block_file_progress *p, posw_message *msg) {
    if (s->err != POSW_OK) return posw_message_set(msg, s->err, "%s: %s", b->path, posw_error_text(s->err));
    int err = POSW_OK;
    b->number = s->number;
    if (s->is_known)
        p->known++;
    else
        err = import_prepared(c, s, b, p, msg);
    if (err != POSW_OK) return err;
    p->blocks++;
    p->number = b->number;
    return POSW_OK;
}

static int run_import(posw_chain *c, posw_bytes file, const char *path, const posw_block_file_options *o,
                      posw_message *msg) {
    pipeline *p = malloc(sizeof *p);
    if (p == NULL || pipeline_start(p, o) != POSW_OK) {
        free(p);
        return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    }
    posw_bytes rest = file;
    posw_block_file_progress progress = {.total_bytes = file.size};
    void *scratch = scratch_new(o->pow);
    int err = POSW_OK, torn = POSW_OK;
    while (err == POSW_OK) {
        if (torn == POSW_OK) torn = fill(p, c, &rest);
        if (p->consumed == p->filled) break;
        slot *s = next_slot(p, scratch);
        progress.bytes = (uint64_t)(s->bytes.data + s->bytes.size - file.data);
        place b = {.path = path, .at = (uint64_t)(s->bytes.data - file.data)};
        err = import_slot(c, s, &b, &progress, msg);
        release_slot(p, s);
        if (err == POSW_OK && o->progress != NULL && o->progress(o->arg, &progress) != 0)
            err = posw_message_set(msg, POSW_ECANCELED,
                                   "interrupted after block %" PRIu64 "; run the same command again to go on",
                                   progress.number);
    }
    scratch_free(o->pow, scratch);
    pipeline_stop(p);
    free(p);
    if (err == POSW_OK && torn != POSW_OK)
        err = posw_message_set(
            msg, POSW_EPARSE,
            "%s: what stands at byte %" PRIu64
            " is not a whole block; the blocks before it were kept: get a whole copy of the file and start again",
            path, (uint64_t)(rest.data - file.data));
    return err;
}

static int map_file(const char *path, posw_bytes *out, posw_message *msg) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang the program */
    if (fd < 0) return posw_file_error(msg, errno, "open", path);
    struct stat st;
    void *data = NULL;
    int err = POSW_OK;
    if (fstat(fd, &st) != 0)
        err = posw_file_error(msg, errno, "read", path);
    else if (!S_ISREG(st.st_mode) || st.st_size == 0)
        err = posw_message_set(msg, POSW_EPARSE, "%s is not a file with blocks", path);
    else if ((data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        err = posw_file_error(msg, errno, "map", path);
    close(fd);
    if (err == POSW_OK) *out = posw_bytes_of(data, (size_t)st.st_size);
    return err;
}

int posw_block_file_import(posw_chain *c, const char *path, const posw_block_file_options *o, posw_message *msg) {
    posw_bytes file = {NULL, 0};
    int err = map_file(path, &file, msg);
    if (err != POSW_OK) return err;
    bool bulk = o->commit_blocks > 1;
    if (bulk) err = posw_chain_bulk(c, true, o->commit_blocks);
    if (err == POSW_OK) err = run_import(c, file, path, o, msg);
    if (bulk) {
        int end = posw_chain_bulk(c, false, 0);
        if (end != POSW_OK && (err == POSW_OK || err == POSW_EINVAL || err == POSW_EPARSE ||
                               err == POSW_ECANCELED)) /* not kept after all */
            err = posw_message_set(msg, end, "the last blocks could not be stored: %s%s", posw_error_text(end),
                                   posw_error_remedy(end));
    }
    munmap((void *)(uintptr_t)file.data, file.size);
    return err;
}

static int export_blocks(posw_chain *c, FILE *f, const char *path, uint64_t first, uint64_t last,
                         const posw_block_file_options *o, posw_message *msg) {
    posw_block_file_progress progress = {.total_bytes = last - first + 1};
    posw_buf bytes = {0};
    int err = POSW_OK;
    for (uint64_t n = first; err == POSW_OK && n <= last; n++) {
        posw_hash hash;
        posw_buf_reset(&bytes);
        err = posw_chain_hash_by_number(c, &hash, n);
        if (err == POSW_OK) err = posw_chain_block_bytes(c, &bytes, &hash);
        if (err != POSW_OK) {
            posw_message_set(msg, err, "block %" PRIu64 " cannot be read: %s; run 'posw db verify'", n,
                             posw_error_text(err));
            break;
        }
        if (fwrite(bytes.data, 1, bytes.size, f) != bytes.size) err = posw_file_error(msg, errno, "write", path);
        progress.blocks++;
        progress.bytes = progress.blocks;
        progress.number = n;
        if (err == POSW_OK && o->progress != NULL && o->progress(o->arg, &progress) != 0)
            err = posw_message_set(msg, POSW_ECANCELED, "interrupted; no file was written");
    }
    posw_buf_clear(&bytes);
    return err;
}

uint64_t posw_block_file_first(const posw_chain *c) {
    const uint64_t kept = posw_chain_first_body(c);
    return kept > 1 ? kept : 1;
}

int posw_block_file_export(posw_chain *c, const char *path, uint64_t first, uint64_t last,
                           const posw_block_file_options *o, posw_message *msg) {
    char part[4096];
    uint64_t tip = posw_chain_tip(c)->number;
    if (first > last || last > tip)
        return posw_message_set(msg, POSW_ERANGE,
                                "there are no blocks %" PRIu64 " to %" PRIu64 "; this chain has blocks 0 to %" PRIu64,
                                first, last, tip);
    if (first < posw_chain_first_body(c))
        return posw_message_set(msg, POSW_EPRUNED, "blocks before %" PRIu64 " are pruned here",
                                posw_chain_first_body(c));
    if ((size_t)snprintf(part, sizeof part, "%s.part", path) >= sizeof part)
        return posw_message_set(msg, POSW_EINVAL, "the path is too long");
    FILE *f = fopen(part, "wb");
    if (f == NULL) return posw_file_error(msg, errno, "create", part);
    int err = export_blocks(c, f, part, first, last, o, msg);
    if (err == POSW_OK && (fflush(f) != 0 || fsync(fileno(f)) != 0)) err = posw_file_error(msg, errno, "write", part);
    if (fclose(f) != 0 && err == POSW_OK) err = posw_file_error(msg, errno, "write", part);
    if (err == POSW_OK && rename(part, path) != 0) err = posw_file_error(msg, errno, "rename", part);
    if (err != POSW_OK) unlink(part);
    return err;
}
