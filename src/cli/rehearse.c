#include "cli/rehearse.h"

#include "base/bytes.h"
#include "base/units.h"
#include "cli/stack.h"
#include "io/store_lmdb.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRANSFERS = 3,         /* in a block that is not to be full */
    TRANSFERS_FULL = 4000, /* and in one that is, at most */
    /* A branch here cannot be longer than an epoch, where it would have a stake table of its own: */
    EPOCH_SHORT = 12, /* below this many blocks the branches are as short as can be, */
    BRANCH_LEAST = 4  /* which is this; with shorter epochs none is tried */
};

/* A block that is kept to be imported later. */
typedef struct {
    posw_buf bytes;
    uint64_t time_s;
} block;

typedef struct {
    const cli_rehearse_options *o;
    cli_rehearsal *out;
    posw_message *msg;
    posw_miner_identity id; /* made for this; has no stake */
    posw_params before;     /* the rules without the upgrade that is being rehearsed, and later ones */
    posw_store *store;      /* NULL: closed */
    posw_chain *chain;
    posw_chain_spec opened; /* what the chain is open with */
    uint64_t last;          /* block to be made, for the progress */
    uint64_t transfers;     /* made since the last finding about them */
    uint64_t fullest_gas, fullest_limit;
} rehearsal;

/* ---- Findings ---- */

static int find(rehearsal *r, enum cli_finding_kind kind, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int find(rehearsal *r, enum cli_finding_kind kind, const char *name, const char *format, ...) {
    cli_rehearsal *out = r->out;
    cli_finding *grown = realloc(out->findings, (out->finding_count + 1) * sizeof *grown);
    if (grown == NULL) return posw_message_set(r->msg, POSW_ENOMEM, "out of memory");
    out->findings = grown;
    cli_finding *f = &grown[out->finding_count++];
    *f = (cli_finding){.kind = kind, .name = name};
    va_list args;
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    if (kind == CLI_FINDING_BAD) out->good = false;
    return POSW_OK;
}

static int failed(rehearsal *r, int err, const char *what) {
    if (err == POSW_OK || (r->msg != NULL && r->msg->text[0] != '\0')) return err;
    return posw_message_set(r->msg, err, "%s: %s", what, posw_error_text(err));
}

static const char *verdict_text(char out[160], const posw_verdict *v) {
    if (v->kind == POSW_VALID) return "it is valid";
    snprintf(out, 160, "%s, %s", posw_rule_number(v->rule), posw_rule_text(v->rule));
    return out;
}

/* ---- Opening and closing the copy ---- */

static int close_copy(rehearsal *r) {
    int err = r->chain != NULL ? posw_chain_close(r->chain) : POSW_OK;
    if (r->store != NULL) r->store->ops->close(r->store);
    r->chain = NULL;
    r->store = NULL;
    return failed(r, err, "the copy could not be stored");
}

/* As a node does it with a chain file of these parameters; without a log, which would tell of reorganisations that are
 * made on purpose. */
static int open_copy(rehearsal *r, const posw_params *p, posw_message *msg) {
    posw_hash genesis;
    r->opened = *r->o->spec;
    r->opened.params = *p;
    int err = cli_genesis_hash(&r->opened, &genesis);
    if (err == POSW_OK) err = posw_store_lmdb_open(&r->store, r->o->dir, &genesis, NULL, msg);
    if (err != POSW_OK) return err;
    const posw_chain_options co = {.spec = &r->opened, .store = r->store, .pow = cli_trial_pow()};
    err = posw_chain_open(&r->chain, &co, msg);
    if (err == POSW_OK)
        posw_chain_allow_deep_reorg(r->chain, true); /* chains with a tiny limit can be rehearsed, too */
    return err;
}

static int reopen(rehearsal *r, const posw_params *p) {
    int err = close_copy(r);
    if (err == POSW_OK) err = failed(r, open_copy(r, p, r->msg), "the copy could not be opened");
    return err;
}

static const posw_params *after(const rehearsal *r) {
    return &r->out->spec.params;
}

/* ---- Blocks ---- */

static int import(rehearsal *r, const posw_buf *bytes, uint64_t now_s, posw_verdict *v, posw_chain_change *change) {
    posw_prepared p;
    int err = posw_prepare(&p, bytes->data, bytes->size, cli_trial_pow(), NULL, NULL);
    if (err != POSW_OK) return failed(r, err, "a block could not be checked");
    *v = p.verdict;
    err = p.verdict.kind == POSW_VALID ? posw_chain_import(r->chain, &p, now_s, v, change) : POSW_OK;
    if (err != POSW_OK && r->store != NULL && posw_store_lmdb_last_message(r->store)->text[0] != '\0')
        *r->msg = *posw_store_lmdb_last_message(r->store);
    posw_prepared_clear(&p);
    return failed(r, err, "a block could not be imported");
}

static int import_or_refuse(rehearsal *r, const posw_buf *bytes, uint64_t number, uint64_t now_s) {
    posw_chain_change change;
    posw_verdict v;
    char text[160];
    const int err = import(r, bytes, now_s, &v, &change);
    if (err != POSW_OK || v.kind == POSW_VALID) return err;
    (void)find(r, CLI_FINDING_BAD, "blocks", "block %" PRIu64 " was made by the rules and is refused by them: %s",
               number, verdict_text(text, &v));
    return POSW_OK;
}

static uint64_t next_time(const rehearsal *r, const posw_header *parent) {
    return parent->timestamp + after(r)->block_time_s;
}

static void count_block(rehearsal *r, const cli_branch *b) {
    r->transfers += b->transfers;
    if (b->tip.gas_used <= r->fullest_gas) return;
    r->fullest_gas = b->tip.gas_used;
    r->fullest_limit = b->tip.gas_limit;
}

static int interrupted(rehearsal *r, uint64_t number) {
    if (r->o->stopped != NULL && r->o->stopped()) return posw_message_set(r->msg, POSW_ECANCELED, "interrupted");
    if (r->o->progress != NULL) r->o->progress(r->o->arg, number, r->last);
    return POSW_OK;
}

/* One block on the tip, built by these rules, in `out`, and not imported. */
static int build(rehearsal *r, block *out, const posw_params *rules, size_t transfers) {
    const posw_header *tip = posw_chain_tip(r->chain);
    cli_branch b;
    int err = cli_branch_open(&b, r->chain, rules, &r->id, tip->number);
    out->time_s = next_time(r, tip);
    posw_buf_reset(&out->bytes);
    if (err == POSW_OK) err = cli_branch_add(&b, &out->bytes, out->time_s, transfers);
    if (err == POSW_OK) count_block(r, &b);
    cli_branch_close(&b);
    return failed(r, err, "a block could not be made");
}

/* Up to block `number`; block `full` (0: none) as full as the miner's coins make it. */
static int mine_to(rehearsal *r, uint64_t number, uint64_t full) {
    block made = {0};
    int err = posw_chain_bulk(r->chain, true, 256);
    for (uint64_t n = posw_chain_tip(r->chain)->number + 1; err == POSW_OK && r->out->good && n <= number; n++) {
        err = interrupted(r, n);
        if (err == POSW_OK) err = build(r, &made, after(r), n == full ? TRANSFERS_FULL : TRANSFERS);
        if (err == POSW_OK) err = import_or_refuse(r, &made.bytes, n, made.time_s);
    }
    posw_buf_clear(&made.bytes);
    if (err == POSW_OK) err = posw_chain_bulk(r->chain, false, 1);
    return failed(r, err, "a block could not be stored");
}

static int tell_blocks(rehearsal *r, uint64_t first, uint64_t last, const char *rules) {
    char full[96] = "";
    if (r->fullest_gas > 0)
        snprintf(full, sizeof full, ", the fullest with %" PRIu64 " of %" PRIu64 " gas", r->fullest_gas,
                 r->fullest_limit);
    const int err =
        find(r, CLI_FINDING_GOOD, "blocks",
             "blocks %" PRIu64 " to %" PRIu64 " were made and accepted by the rules %s: %" PRIu64 " transfers%s", first,
             last, rules, r->transfers, full);
    r->transfers = r->fullest_gas = r->fullest_limit = 0;
    return err;
}

/* ---- At the height ---- */

static bool same_bytes(const block *a, const block *b) {
    return a->bytes.size == b->bytes.size && memcmp(a->bytes.data, b->bytes.data, a->bytes.size) == 0;
}

/* A block that is refused leaves everything as it was; should it be taken, the copy goes on from it. */
static int try_refused(rehearsal *r, const block *b, const char *name, const char *what) {
    posw_chain_change change;
    posw_verdict v;
    char text[160];
    const int err = import(r, &b->bytes, b->time_s, &v, &change);
    if (err != POSW_OK) return err;
    if (v.kind == POSW_INVALID) return find(r, CLI_FINDING_GOOD, name, "%s: %s", what, verdict_text(text, &v));
    return find(r, CLI_FINDING_BAD, name, "%s, and yet it is taken: nodes of both files would part later", what);
}

/* The copy stands at the block before the height and is open by the new rules, as it is afterwards. */
static int try_boundary(rehearsal *r, uint64_t height) {
    block by_old = {0}, by_new = {0};
    char what[160];
    int err = build(r, &by_old, &r->before, TRANSFERS);
    if (err == POSW_OK) err = build(r, &by_new, after(r), TRANSFERS);
    r->transfers = r->fullest_gas = r->fullest_limit = 0;
    if (err == POSW_OK && same_bytes(&by_old, &by_new)) {
        err = find(r, CLI_FINDING_NOTE, "both rules",
                   "block %" PRIu64 " is the same by old and new rules: they part later, when what changes matters",
                   height);
    } else if (err == POSW_OK) {
        snprintf(what, sizeof what, "block %" PRIu64 " of the old rules is refused by the new ones", height);
        err = try_refused(r, &by_old, "old block, new rules", what);
        if (err == POSW_OK) err = reopen(r, &r->before);
        snprintf(what, sizeof what, "block %" PRIu64 " of the new rules is refused by the old ones", height);
        if (err == POSW_OK) err = try_refused(r, &by_new, "new block, old rules", what);
        if (err == POSW_OK) err = reopen(r, after(r));
    }
    posw_buf_clear(&by_old.bytes);
    posw_buf_clear(&by_new.bytes);
    return err;
}

/* ---- A reorganisation across the height and back ---- */

typedef struct {
    block *blocks; /* owned */
    size_t count;
    posw_hash root; /* after the last */
} branch;

static void branch_clear(branch *b) {
    for (size_t i = 0; b->blocks != NULL && i < b->count; i++)
        posw_buf_clear(&b->blocks[i].bytes);
    free(b->blocks);
    *b = (branch){0};
}

/* `count` blocks on block `number`. All branches have their blocks at the same times, so that the longer one is the
 * heavier one under any rule of difficulty; variant: by which they differ. */
static int grow(rehearsal *r, branch *out, uint64_t number, size_t count, uint8_t variant, size_t transfers) {
    cli_branch b;
    int err = cli_branch_open(&b, r->chain, after(r), &r->id, number);
    b.variant = variant;
    out->blocks = calloc(count, sizeof *out->blocks);
    out->count = count;
    if (err == POSW_OK && out->blocks == NULL) err = POSW_ENOMEM;
    for (size_t i = 0; err == POSW_OK && i < count; i++) {
        out->blocks[i].time_s = next_time(r, &b.tip);
        err = cli_branch_add(&b, &out->blocks[i].bytes, out->blocks[i].time_s, transfers);
    }
    if (err == POSW_OK) out->root = b.tip.state_root;
    cli_branch_close(&b);
    return failed(r, err, "a branch could not be made");
}

/* Imports it all; *removed: blocks that it took back. */
static int switch_to(rehearsal *r, const branch *b, size_t *removed) {
    *removed = 0;
    for (size_t i = 0; i < b->count; i++) {
        posw_chain_change change;
        posw_verdict v;
        char text[160];
        const int err = import(r, &b->blocks[i].bytes, b->blocks[i].time_s, &v, &change);
        if (err != POSW_OK) return err;
        if (v.kind != POSW_VALID)
            return find(r, CLI_FINDING_BAD, "reorganisation", "a block of another branch is refused: %s",
                        verdict_text(text, &v));
        *removed += change.removed_count;
    }
    return POSW_OK;
}

/* What the state really holds, not what the header says. */
static int root_of_tip(rehearsal *r, posw_hash *out) {
    posw_state *s;
    const int err = posw_chain_state_at(r->chain, &s, posw_chain_tip(r->chain)->number);
    if (err != POSW_OK) return failed(r, err, "the state of the tip could not be read");
    *out = posw_state_root(s);
    posw_state_free(s);
    return POSW_OK;
}

static int judge_return(rehearsal *r, const branch *home, size_t away, size_t back, uint64_t height) {
    posw_hash root = {{0}};
    const int err = root_of_tip(r, &root);
    if (err != POSW_OK) return err;
    if (away == 0 || back == 0)
        return find(r, CLI_FINDING_BAD, "reorganisation", "a heavier branch across block %" PRIu64 " did not take over",
                    height);
    if (!posw_hash_equal(&root, &home->root))
        return find(r, CLI_FINDING_BAD, "reorganisation",
                    "after a reorganisation across block %" PRIu64 " and back the state root is another one", height);
    return find(r, CLI_FINDING_GOOD, "reorganisation",
                "a heavier branch took back %zu block%s across block %" PRIu64
                ", another one those %zu; undone and done "
                "again, the state root is the same",
                away, posw_plural(away), height, back);
}

/* The main chain stands some blocks beyond the height. A branch from below it grows longer than the main chain; then
 * the main chain, which was prepared for that, grows longer again. */
static int try_reorg(rehearsal *r, uint64_t height, uint64_t below) {
    const uint64_t tip = posw_chain_tip(r->chain)->number, fork = height - 1 - below;
    branch away = {0}, home = {0};
    size_t removed_away = 0, removed_home = 0;
    int err = grow(r, &away, fork, (size_t)(tip - fork + 2), 1, 1);
    if (err == POSW_OK) err = grow(r, &home, tip, 4, 0, 2);
    if (err == POSW_OK) err = switch_to(r, &away, &removed_away);
    if (err == POSW_OK) err = switch_to(r, &home, &removed_home);
    if (err == POSW_OK && r->out->good) err = judge_return(r, &home, removed_away, removed_home, height);
    branch_clear(&away);
    branch_clear(&home);
    return err;
}

static int try_restart(rehearsal *r) {
    const posw_hash hash = posw_chain_tip_hash(r->chain);
    posw_hash before = {{0}}, now = {{0}};
    int err = root_of_tip(r, &before);
    if (err == POSW_OK) err = reopen(r, after(r));
    if (err == POSW_OK) err = root_of_tip(r, &now);
    if (err != POSW_OK) return err;
    const posw_hash again = posw_chain_tip_hash(r->chain);
    const bool same = posw_hash_equal(&hash, &again) && posw_hash_equal(&before, &now);
    return find(r, same ? CLI_FINDING_GOOD : CLI_FINDING_BAD, "restart",
                same ? "closed and opened again, the copy stands at the same block %" PRIu64 " with the same state root"
                     : "closed and opened again, the copy stands elsewhere, at block %" PRIu64,
                posw_chain_tip(r->chain)->number);
}

/* It has opened: what does it say of the next block? */
static int try_next_block(rehearsal *r, uint64_t tip_before) {
    const uint64_t tip = posw_chain_tip(r->chain)->number;
    block next = {0};
    posw_chain_change change;
    posw_verdict v = posw_valid();
    char text[160];
    int err = build(r, &next, after(r), TRANSFERS);
    if (err == POSW_OK) err = import(r, &next.bytes, next.time_s, &v, &change);
    posw_buf_clear(&next.bytes);
    if (err != POSW_OK) return err;
    return find(r, CLI_FINDING_NOTE, "old file",
                "a node that is started with the old chain file at block %" PRIu64 " stands at block %" PRIu64
                " and of the next block says: %s",
                tip_before, tip, verdict_text(text, &v));
}

/* What a node says that is started beyond the height with the file of before. The last thing that is tried: the copy
 * may be another one afterwards. */
static int try_old_file(rehearsal *r) {
    const uint64_t tip = posw_chain_tip(r->chain)->number;
    posw_message said = {""};
    int err = close_copy(r);
    if (err != POSW_OK) return err;
    if (open_copy(r, &r->before, &said) == POSW_OK)
        err = try_next_block(r, tip);
    else
        err = find(r, CLI_FINDING_NOTE, "old file",
                   "a node that is started with the old chain file at block %" PRIu64 " does not start, and says: %s",
                   tip, said.text);
    const int closed = close_copy(r);
    return err == POSW_OK ? closed : err;
}

/* ---- One upgrade, and all ---- */

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static int rehearse_one(rehearsal *r, size_t i) {
    const uint64_t height = after(r)->upgrades[i].height, start = posw_chain_tip(r->chain)->number;
    const bool short_epochs = after(r)->epoch_blocks < EPOCH_SHORT;
    const uint64_t beyond = short_epochs ? 1 : 5, below = least(short_epochs ? 0 : 3, height - 1 - start);
    r->before = *after(r);
    r->before.upgrade_count = (uint32_t)i;
    int err = mine_to(r, height - 1, height - 1);
    if (err == POSW_OK && r->out->good && height - 1 > start)
        err = tell_blocks(r, start + 1, height - 1, "before the upgrade");
    if (err == POSW_OK && r->out->good) err = try_boundary(r, height);
    if (err == POSW_OK && r->out->good) err = mine_to(r, height + beyond, height);
    if (err == POSW_OK && r->out->good) err = tell_blocks(r, height, height + beyond, "of the upgrade");
    if (err == POSW_OK && r->out->good && after(r)->epoch_blocks >= BRANCH_LEAST) err = try_reorg(r, height, below);
    if (err == POSW_OK && r->out->good) err = try_restart(r);
    return err;
}

static int mine_rest(rehearsal *r) {
    const uint64_t first = posw_chain_tip(r->chain)->number + 1;
    if (first > r->last) return POSW_OK;
    int err = mine_to(r, r->last, 0);
    if (err == POSW_OK && r->out->good) err = tell_blocks(r, first, r->last, "of the upgrade");
    if (err != POSW_OK || !r->out->good) return err;
    const uint64_t epoch = posw_epoch_of(after(r), r->last);
    return epoch == posw_epoch_of(after(r), first - 1)
               ? POSW_OK
               : find(r, CLI_FINDING_GOOD, "epoch", "an epoch boundary was crossed, into epoch %" PRIu64, epoch);
}

/* Where the rehearsed upgrades stand in the copy: as in the file, or behind each other near the tip. */
static int place_upgrades(rehearsal *r, posw_message *msg) {
    posw_params *p = &r->out->spec.params;
    const cli_rehearse_options *o = r->o;
    const uint64_t tip = r->out->tip;
    size_t first = 0;
    while (first < p->upgrade_count && p->upgrades[first].height <= tip)
        first++;
    if (first == p->upgrade_count) {
        if (first == 0) return posw_message_set(msg, POSW_ENOTFOUND, "the chain file names no upgrade");
        return posw_message_set(msg, POSW_ENOTFOUND,
                                "the chain is at block %" PRIu64
                                ", behind the last upgrade of the chain file, at block %" PRIu64
                                ": there is nothing to rehearse",
                                tip, p->upgrades[first - 1].height);
    }
    if (o->at != 0 && o->at <= tip)
        return posw_message_set(msg, POSW_EINVAL, "the chain is at block %" PRIu64 " already: --at must be above it",
                                tip);
    r->out->first = first;
    r->out->count = p->upgrade_count - first;
    const bool far = p->upgrades[p->upgrade_count - 1].height - tip > CLI_REHEARSE_FAR;
    if (o->at == 0 && !o->soon && !far) return POSW_OK;
    uint64_t height = o->at != 0 ? o->at : tip + CLI_REHEARSE_LEAD;
    for (size_t i = first; i < p->upgrade_count; i++, height += 2 * CLI_REHEARSE_LEAD)
        p->upgrades[i].height = height;
    return POSW_OK;
}

/* The default goes on into the next epoch if that is near. */
static uint64_t last_block(const rehearsal *r) {
    const posw_params *p = after(r);
    const uint64_t height = p->upgrades[p->upgrade_count - 1].height;
    if (r->o->blocks != 0) return height + r->o->blocks;
    const uint64_t left = p->epoch_blocks - height % p->epoch_blocks + 2;
    return height + (left > CLI_REHEARSE_BLOCKS && left <= CLI_REHEARSE_EPOCH_NEAR ? left : CLI_REHEARSE_BLOCKS);
}

static int make_identity(rehearsal *r) {
    do
        posw_random_bytes(r->id.secret, sizeof r->id.secret);
    while (!posw_secp_address(&r->id.miner, r->id.secret));
    return POSW_OK;
}

static int run(rehearsal *r) {
    int err = make_identity(r);
    if (err == POSW_OK) err = failed(r, open_copy(r, after(r), r->msg), "the copy could not be opened");
    if (err == POSW_EMISMATCH && r->store == NULL)
        return posw_message_set(r->msg, err,
                                "the new chain file is of another chain than this data: every parameter but the "
                                "upgrades must be as in the present file");
    if (err != POSW_OK) return err;
    r->out->tip = posw_chain_tip(r->chain)->number;
    r->out->tip_hash = posw_chain_tip_hash(r->chain);
    err = place_upgrades(r, r->msg);
    if (err == POSW_OK) r->last = last_block(r);
    if (err == POSW_OK) err = reopen(r, after(r)); /* with the heights of the rehearsal */
    if (err == POSW_OK)
        err =
            find(r, CLI_FINDING_GOOD, "open", "the copy opens with the new chain file, at block %" PRIu64, r->out->tip);
    for (size_t i = 0; err == POSW_OK && r->out->good && i < r->out->count; i++)
        err = rehearse_one(r, r->out->first + i);
    if (err == POSW_OK && r->out->good) err = mine_rest(r);
    return err == POSW_OK && r->out->good ? try_old_file(r) : err;
}

int cli_rehearse(cli_rehearsal *out, const cli_rehearse_options *o, posw_message *msg) {
    rehearsal r = {.o = o, .out = out, .msg = msg};
    *out = (cli_rehearsal){.spec = *o->spec, .good = true};
    int err = run(&r);
    const int closed = close_copy(&r);
    if (err == POSW_OK) err = closed;
    posw_miner_identity_clear(&r.id);
    if (err != POSW_OK) cli_rehearsal_clear(out);
    return err;
}

void cli_rehearsal_clear(cli_rehearsal *r) {
    free(r->findings);
    *r = (cli_rehearsal){.findings = NULL};
}
