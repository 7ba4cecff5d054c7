/* A chain on the command line, for the differential test (spec/differential.py): one command a line from standard
 * input, one answer line each on standard output. Numbers are decimal, bytes are hexadecimal without a prefix, "-"
 * stands for nothing.
 *
 *      open JSON               a chain of this chain file; a chain that was open is dropped
 *                              -> ok GENESIS STATE_ROOT PARAMS_HASH | refused SENTENCE
 *      params KEY=VALUE...     judges parameters alone (P1 to P8, U1; an upgrade has all its values named); what is not
 * named is as in posw_params_default
 *                              -> VERDICT PARAMS_HASH REWARD_TOTAL
 *      import NOW BLOCK        -> VERDICT TIP | error NAME
 *      light NOW HEADER PROOF  a header on a known block, as a client that has no state checks it -> VERDICT
 *      follow COUNT            a light client takes all headers of the main chain with their proofs, COUNT at a time
 *                              -> VERDICT light HASH NUMBER WEIGHT
 *      next TIME               for the block on the tip at this time
 *                              -> next DIFFICULTY BASE_FEE STAKE_ROOT TICKET_PRICE SUBSIDY
 *      miner ADDRESS           on the tip -> miner WEIGHT USED TARGET STAKE SIGNER PROOF
 *      account ADDRESS         after the tip -> account NONCE BALANCE
 *      call FROM TO VALUE GAS INPUT
 *                              a message from outside, after the tip -> call STATUS GAS OUTPUT | error NAME
 *      block HASH              -> block main|side NUMBER WEIGHT SIZE | error NAME
 *      deep 0|1                the reorg limit on or off -> ok
 *      bulk BLOCKS             joined commits (0: off) -> ok
 *      reopen                  closes, and opens again from what was stored -> TIP
 *      verify                  checks everything that is stored -> ok | refused SENTENCE
 *
 *      TIP      tip HASH NUMBER WEIGHT STATE_ROOT OUT IN, where OUT and IN count the blocks that left and joined the
 *               main chain
 *      VERDICT  "valid - -", or "invalid" or "not-yet" with the rule's number and name: "invalid H7 TARGET"
 *
 * A command that it does not know, or an operating error where none may be, ends it with status 2. */
#include "base/bytes.h"
#include "chain/chain.h"
#include "crypto/keccak.h"
#include "posw/difficulty.h"
#include "posw/light.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "state/staking.h"
#include "store/store_memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 64, FOLLOW_MAX = 64 };

typedef struct {
    posw_chain_spec spec;
    posw_store *store;
    posw_chain *chain; /* NULL: none is open */
    bool deep;         /* what the operator wants lasts over a reopening */
    char *words[WORDS_MAX];
    size_t count;
} driver;

static _Noreturn void give_up(const char *what, const char *detail) {
    fprintf(stderr, "posw-replay: %s: %s\n", what, detail);
    exit(2);
}

/* ---- the engine ---- */

static bool keccak_hash(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch;
    (void)key;
    posw_keccak256(out, input, POSW_POW_INPUT_SIZE);
    return true;
}
static const posw_pow engine = {.name = "keccak256", .hash = keccak_hash};

/* ---- reading ---- */

static uint64_t number_of(const char *text) {
    posw_u256 wide;
    uint64_t v;
    if (!posw_u256_parse(&wide, text, strlen(text)) || !posw_u256_to_u64(&v, &wide)) give_up("not a number", text);
    return v;
}

static posw_u256 wide_of(const char *text) {
    posw_u256 v;
    if (!posw_u256_parse(&v, text, strlen(text))) give_up("not a number", text);
    return v;
}

/* In place: the bytes take the room of the first half of the digits. */
static posw_bytes bytes_of(char *text) {
    const size_t size = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    uint8_t *out = (uint8_t *)text;
    if (size > 0 && (strlen(text) % 2 != 0 || !posw_hex_decode(out, size, text, 2 * size))) give_up("not bytes", text);
    return (posw_bytes){out, size};
}

static posw_address address_of(char *text) {
    posw_address a;
    const posw_bytes b = bytes_of(text);
    if (b.size != sizeof a.b) give_up("not an address", text);
    memcpy(a.b, b.data, sizeof a.b);
    return a;
}

/* ---- writing ---- */

static void say_bytes(const void *data, size_t size) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    putchar(' ');
    if (size == 0) putchar('-');
    for (size_t i = 0; i < size; i++) {
        putchar(digits[p[i] >> 4]);
        putchar(digits[p[i] & 15]);
    }
}

static void say_hash(const posw_hash *h) {
    say_bytes(h->b, sizeof h->b);
}

static void say_wide(const posw_u256 *v) {
    char text[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(text, v);
    printf(" %s", text);
}

static const char *name_of(enum posw_rule rule) {
    static const char *const names[] = {
#define X(name, number, text) #name,
        POSW_RULE_TABLE(X)
#undef X
    };
    return names[rule] + strlen("POSW_RULE_");
}

static void say_verdict(posw_verdict v) {
    switch (v.kind) {
    case POSW_VALID:
        fputs("valid - -", stdout);
        return;
    case POSW_INVALID:
        printf("invalid %s %s", posw_rule_number(v.rule), name_of(v.rule));
        return;
    case POSW_NOT_YET:
        printf("not-yet %s %s", posw_rule_number(v.rule), name_of(v.rule));
        return;
    }
}

static void say_tip(const driver *d, const posw_chain_change *change) {
    const posw_hash hash = posw_chain_tip_hash(d->chain);
    const posw_header *tip = posw_chain_tip(d->chain);
    const posw_u256 weight = posw_chain_weight_total(d->chain);
    fputs("tip", stdout);
    say_hash(&hash);
    printf(" %" PRIu64, tip->number);
    say_wide(&weight);
    say_hash(&tip->state_root);
    printf(" %zu %zu\n", change->removed_count, change->added_count);
}

static void say_error(int code) {
    printf("error %s\n", posw_error_name(code));
}

static void must(int code, const char *what) {
    if (code != POSW_OK) give_up(what, posw_error_name(code));
}

/* ---- open, close ---- */

static void drop_chain(driver *d) {
    if (d->chain != NULL) must(posw_chain_close(d->chain), "close");
    if (d->store != NULL) d->store->ops->close(d->store);
    posw_chain_spec_clear(&d->spec);
    d->chain = NULL;
    d->store = NULL;
    d->deep = false;
    d->spec = (posw_chain_spec){0};
}

static int open_chain(driver *d, posw_message *msg) {
    const posw_chain_options options = {.spec = &d->spec, .store = d->store, .pow = &engine};
    return posw_chain_open(&d->chain, &options, msg);
}

static void do_open(driver *d) {
    posw_message msg = {{0}};
    posw_hash params;
    drop_chain(d);
    const posw_bytes json = bytes_of(d->words[1]);
    if (posw_chainfile_read(&d->spec, (const char *)json.data, json.size, &msg) != POSW_OK) {
        printf("refused %s\n", msg.text);
        return;
    }
    d->store = posw_store_memory_new();
    if (d->store == NULL) give_up("store", "out of memory");
    if (open_chain(d, &msg) != POSW_OK) give_up("open", msg.text);
    const posw_hash genesis = posw_chain_genesis_hash(d->chain);
    posw_params_hash(&params, &d->spec.params);
    fputs("ok", stdout);
    say_hash(&genesis);
    say_hash(&posw_chain_tip(d->chain)->state_root);
    say_hash(&params);
    putchar('\n');
}

static void do_reopen(driver *d) {
    posw_message msg = {{0}};
    const posw_chain_change nothing = {0};
    must(posw_chain_close(d->chain), "close");
    d->chain = NULL;
    if (open_chain(d, &msg) != POSW_OK) give_up("reopen", msg.text);
    posw_chain_allow_deep_reorg(d->chain, d->deep);
    say_tip(d, &nothing);
}

static void do_verify(driver *d) {
    posw_message msg = {{0}};
    if (posw_chain_verify(d->chain, NULL, NULL, &msg) == POSW_OK)
        puts("ok");
    else
        printf("refused %s\n", msg.text);
}

/* ---- parameters ---- */

typedef struct {
    const char *key;
    char type; /* q uint64_t, d uint32_t, e an enum, w posw_u256, a posw_address */
    size_t offset;
} param;

static const param PARAMS[] = {
    {"chain_id", 'q', offsetof(posw_params, chain_id)},
    {"pow", 'e', offsetof(posw_params, pow)},
    {"block_time", 'q', offsetof(posw_params, block_time_s)},
    {"window", 'q', offsetof(posw_params, window_blocks)},
    {"epoch", 'q', offsetof(posw_params, epoch_blocks)},
    {"unbonding", 'q', offsetof(posw_params, unbonding_blocks)},
    {"max_reorg", 'q', offsetof(posw_params, reorg_max_blocks)},
    {"difficulty_rule", 'e', offsetof(posw_params, difficulty_rule)},
    {"difficulty_blocks", 'q', offsetof(posw_params, difficulty_blocks)},
    {"weight_rule", 'e', offsetof(posw_params, weight.rule)},
    {"unit", 'w', offsetof(posw_params, weight.unit_wei)},
    {"min", 'q', offsetof(posw_params, weight.min)},
    {"max", 'q', offsetof(posw_params, weight.max)},
    {"exponent_x2", 'd', offsetof(posw_params, weight.exponent_x2)},
    {"boost", 'q', offsetof(posw_params, weight.boost)},
    {"slots", 'q', offsetof(posw_params, weight.slots)},
    {"price", 'w', offsetof(posw_params, weight.ticket_price_wei)},
    {"ramp", 'q', offsetof(posw_params, weight.ramp_blocks)},
    {"stake_min", 'w', offsetof(posw_params, stake_min_wei)},
    {"reward", 'w', offsetof(posw_params, reward_initial_wei)},
    {"halving", 'q', offsetof(posw_params, halving_blocks)},
    {"tail", 'w', offsetof(posw_params, reward_tail_wei)},
    {"treasury", 'a', offsetof(posw_params, treasury)},
    {"treasury_share", 'd', offsetof(posw_params, treasury_share)},
    {"fee_rule", 'e', offsetof(posw_params, fee_rule)},
    {"pool_blocks", 'q', offsetof(posw_params, pool_blocks)},
    {"base_fee_min", 'q', offsetof(posw_params, base_fee_min_wei)},
    {"base_fee", 'q', offsetof(posw_params, base_fee_initial_wei)},
    {"genesis_time", 'q', offsetof(posw_params, genesis_time)},
    {"genesis_difficulty", 'w', offsetof(posw_params, genesis_difficulty)},
    {"gas_limit", 'q', offsetof(posw_params, gas_limit)},
    {"upgrade_height", 'q', offsetof(posw_params, upgrades[0].height)},
    {"upgrade_gas_limit", 'q', offsetof(posw_params, upgrades[0].rules.gas_limit)},
    {"upgrade_base_fee_min", 'q', offsetof(posw_params, upgrades[0].rules.base_fee_min_wei)},
    {"upgrade_treasury", 'a', offsetof(posw_params, upgrades[0].rules.treasury)},
    {"upgrade_treasury_share", 'd', offsetof(posw_params, upgrades[0].rules.treasury_share)},
};

static void set_param(posw_params *p, const param *field, char *value) {
    uint8_t *out = (uint8_t *)p + field->offset;
    if (field->type == 'a') {
        const posw_address a = address_of(value);
        memcpy(out, a.b, sizeof a.b);
    } else if (field->type == 'w') {
        const posw_u256 wide = wide_of(value);
        memcpy(out, &wide, sizeof wide);
    } else {
        const uint64_t v = number_of(value);
        const uint32_t small = (uint32_t)v;
        if (field->type != 'q' && small != v) give_up("too large", field->key);
        if (field->type == 'q')
            memcpy(out, &v, sizeof v);
        else
            memcpy(out, &small, sizeof small);
    }
}

static void do_params(driver *d) {
    posw_params p;
    posw_params_default(&p);
    for (size_t i = 1; i < d->count; i++) {
        char *equals = strchr(d->words[i], '=');
        size_t k = 0;
        if (equals == NULL) give_up("no value", d->words[i]);
        *equals = '\0';
        while (k < POSW_ARRAY_SIZE(PARAMS) && strcmp(PARAMS[k].key, d->words[i]) != 0)
            k++;
        if (k == POSW_ARRAY_SIZE(PARAMS)) give_up("unknown parameter", d->words[i]);
        set_param(&p, &PARAMS[k], equals + 1);
    }
    p.upgrade_count = p.upgrades[0].height != 0 || p.upgrades[0].rules.gas_limit != 0;
    memcpy(p.upgrades[0].name, "up", sizeof "up");
    posw_hash hash;
    const posw_u256 total = posw_params_reward_total(&p);
    posw_params_hash(&hash, &p);
    say_verdict(posw_params_check(&p));
    say_hash(&hash);
    say_wide(&total);
    putchar('\n');
}

/* ---- blocks ---- */

static void do_import(driver *d) {
    posw_prepared prepared;
    posw_verdict verdict;
    posw_chain_change change;
    const posw_bytes block = bytes_of(d->words[2]);
    int rc = posw_prepare(&prepared, block.data, block.size, &engine, NULL, NULL);
    if (rc == POSW_OK) {
        rc = posw_chain_import(d->chain, &prepared, number_of(d->words[1]), &verdict, &change);
        posw_prepared_clear(&prepared);
    }
    if (rc != POSW_OK) {
        say_error(rc);
        return;
    }
    say_verdict(verdict);
    putchar(' ');
    say_tip(d, &change);
}

/* Everything that a light client checks, in its order (V2). */
static posw_verdict judge_light(const posw_check_context *context, const posw_header *h, const posw_stake_proof *proof,
                                uint64_t now_s) {
    const posw_hash no_key = {{0}};
    bool ok;
    posw_verdict v = posw_check_header_fields(context, h);
    if (v.kind == POSW_VALID) v = posw_check_header_time(context->params, h, now_s);
    if (v.kind == POSW_VALID) v = posw_check_header_proof(context, h, proof);
    return v.kind == POSW_VALID ? posw_seal_check_pow(&ok, h, &engine, NULL, &no_key) : v;
}

static posw_verdict judge_placed(const driver *d, const posw_header *h, const posw_stake_proof *proof, uint64_t now_s) {
    posw_chain_place place;
    posw_check_context context = {
        .params = posw_chain_params(d->chain), .parent = &place.parent, .parent_hash = &place.parent_hash};
    posw_window *window;
    if (posw_chain_find_place(d->chain, &place, &h->parent_hash) != POSW_OK)
        return posw_not_yet(POSW_RULE_UNKNOWN_PARENT);
    void *memory = aligned_alloc(16, (posw_chain_window_size(d->chain) + 15) / 16 * 16);
    if (memory == NULL) give_up("window", "out of memory");
    must(posw_chain_window_copy(d->chain, memory, &window, &place), "window");
    context.window = window;
    const posw_verdict v = judge_light(&context, h, proof, now_s);
    free(memory);
    return v;
}

static void do_light(driver *d) {
    posw_header h;
    posw_stake_proof proof;
    const uint64_t now_s = number_of(d->words[1]);
    const posw_bytes header = bytes_of(d->words[2]), encoded = bytes_of(d->words[3]);
    posw_verdict v = posw_invalid(POSW_RULE_HEADER_FORM);
    if (posw_header_decode(&h, header.data, header.size)) {
        const bool given = encoded.size > 0,
                   decoded = given && posw_stake_proof_decode(&proof, encoded.data, encoded.size);
        v = given && !decoded ? posw_not_yet(POSW_RULE_STAKE_PROOF)
                              : judge_placed(d, &h, decoded ? &proof : NULL, now_s);
    }
    say_verdict(v);
    putchar('\n');
}

/* ---- the whole chain as a light client ---- */

/* Headers with their proofs: as many as fit, from block `first` on. */
typedef struct {
    posw_header headers[FOLLOW_MAX];
    posw_stake_proof proofs[FOLLOW_MAX];
    posw_light_item items[FOLLOW_MAX];
} follow_batch;

static void load_batch(const driver *d, follow_batch *b, uint64_t first, size_t count) {
    for (size_t i = 0; i < count; i++) {
        posw_chain_block_info info;
        must(posw_chain_block_by_number(d->chain, &info, first + i), "block");
        b->headers[i] = info.header;
        const bool proven =
            posw_chain_stake_proof(d->chain, &b->proofs[i], first + i, &info.header.beneficiary) == POSW_OK;
        b->items[i] = (posw_light_item){&b->headers[i], proven ? &b->proofs[i] : NULL};
    }
}

static posw_verdict follow_chain(const driver *d, posw_light *light, follow_batch *b, size_t most) {
    const uint64_t tip = posw_chain_tip(d->chain)->number;
    posw_verdict v = posw_valid();
    while (v.kind == POSW_VALID && light->tip.number < tip) {
        const uint64_t left = tip - light->tip.number;
        const size_t count = left < most ? (size_t)left : most;
        size_t accepted;
        bool ok;
        load_batch(d, b, light->tip.number + 1, count);
        v = posw_light_extend(&ok, &accepted, light, b->items, count, UINT64_MAX);
        if (!ok) give_up("follow", "the engine failed");
    }
    return v;
}

static void do_follow(driver *d) {
    const posw_params *p = posw_chain_params(d->chain);
    const uint64_t most = number_of(d->words[1]);
    posw_chain_block_info genesis;
    posw_light light;
    if (most < 1 || most > FOLLOW_MAX) give_up("follow", "1 to 64 at a time");
    follow_batch *b = calloc(1, sizeof *b);
    void *memory = aligned_alloc(16, (posw_window_size(p->window_blocks, 0) + 15) / 16 * 16);
    if (b == NULL || memory == NULL) give_up("follow", "out of memory");
    posw_window *window = posw_window_init(memory, p->window_blocks, 0, 2 * p->window_blocks * p->block_time_s);
    must(posw_chain_block_by_number(d->chain, &genesis, 0), "genesis");
    if (!posw_light_init(&light, p, window, posw_pow_keccak256(), NULL, &genesis.header))
        give_up("follow", "not a genesis of these parameters");
    say_verdict(follow_chain(d, &light, b, (size_t)most));
    fputs(" light", stdout);
    say_hash(&light.tip_hash);
    printf(" %" PRIu64, light.tip.number);
    say_wide(&light.weight);
    putchar('\n');
    free(memory);
    free(b);
}

/* ---- questions ---- */

/* W3; 0 under `power`, as S7 has it. */
static posw_u256 ticket_price(const driver *d, uint64_t number) {
    const posw_params *p = posw_chain_params(d->chain);
    if (p->weight.rule == POSW_WEIGHT_POWER) return POSW_U256_ZERO;
    return posw_weight_ticket_price(p, &posw_chain_table(d->chain, number)->supply_wei);
}

static void do_next(driver *d) {
    const posw_params *p = posw_chain_params(d->chain);
    const posw_header *tip = posw_chain_tip(d->chain);
    const uint64_t number = tip->number + 1;
    const posw_hash root = posw_chain_stake_root(d->chain, number);
    const posw_u256 difficulty = posw_difficulty_next(p, posw_chain_window(d->chain), tip, number_of(d->words[1]));
    const posw_u256 price = ticket_price(d, number);
    const posw_u256 subsidy = posw_reward_subsidy(p, number);
    fputs("next", stdout);
    say_wide(&difficulty);
    printf(" %" PRIu64, posw_base_fee_next(p, tip->number, tip->base_fee_wei, tip->gas_used));
    say_hash(&root);
    say_wide(&price);
    say_wide(&subsidy);
    putchar('\n');
}

static void do_miner(driver *d) {
    const posw_address miner = address_of(d->words[1]);
    const posw_header *tip = posw_chain_tip(d->chain);
    const posw_window *window = posw_chain_window(d->chain);
    const posw_stake_entry *entry = posw_stake_table_find(posw_chain_table(d->chain, tip->number + 1), &miner);
    const posw_u256 difficulty = posw_difficulty_next(posw_chain_params(d->chain), window, tip, tip->timestamp + 1);
    const posw_u256 weight = posw_chain_next_weight(d->chain, &miner), target = posw_seal_target(&difficulty, &weight);
    uint8_t proof_bytes[POSW_STAKE_PROOF_SIZE_MAX];
    posw_stake_proof proof;
    size_t proof_size = 0;
    if (posw_chain_stake_proof(d->chain, &proof, tip->number + 1, &miner) == POSW_OK)
        proof_size = posw_stake_proof_encode(proof_bytes, &proof);
    fputs("miner", stdout);
    say_wide(&weight);
    printf(" %" PRIu64, posw_window_used(window, &miner));
    say_wide(&target);
    say_wide(entry == NULL ? &POSW_U256_ZERO : &entry->stake_wei);
    say_bytes(entry == NULL ? miner.b : entry->signer.b, POSW_ADDRESS_SIZE);
    say_bytes(proof_bytes, proof_size);
    putchar('\n');
}

static void do_account(driver *d) {
    posw_state *s;
    posw_account account;
    const posw_address a = address_of(d->words[1]);
    must(posw_chain_state_at(d->chain, &s, posw_chain_tip(d->chain)->number), "state");
    must(posw_state_account(s, &account, &a), "account");
    posw_state_free(s);
    printf("account %" PRIu64, account.nonce);
    say_wide(&account.balance_wei);
    putchar('\n');
}

static const char *status_text(enum posw_call_status status) {
    switch (status) {
    case POSW_CALL_OK:
        return "ok";
    case POSW_CALL_REVERTED:
        return "reverted";
    case POSW_CALL_OUT_OF_GAS:
        return "out-of-gas";
    }
    return "?";
}

/* The reason of a revert is for people: it only has to be an Error(string). */
static void say_call(const posw_call_result *result, posw_bytes output) {
    static const uint8_t error[4] = {0x08, 0xc3, 0x79, 0xa0};
    printf("call %s %" PRIu64, status_text(result->status), result->gas_used);
    if (result->status == POSW_CALL_REVERTED && output.size > 4 && memcmp(output.data, error, 4) == 0)
        fputs(" Error", stdout);
    else
        say_bytes(output.data, output.size);
    putchar('\n');
}

static void do_call(driver *d) {
    const uint64_t tip = posw_chain_tip(d->chain)->number;
    const posw_staking_env env = {.params = posw_chain_params(d->chain),
                                  .number = tip + 1,
                                  .table = posw_chain_table(d->chain, tip + 1),
                                  .window = posw_chain_window(d->chain)};
    const posw_message_call message = {.from = address_of(d->words[1]),
                                       .has_to = true,
                                       .to = address_of(d->words[2]),
                                       .value_wei = wide_of(d->words[3]),
                                       .gas_limit = number_of(d->words[4]),
                                       .input = bytes_of(d->words[5])};
    posw_call_result result;
    posw_buf output = {0};
    posw_state *s;
    must(posw_chain_state_at(d->chain, &s, tip), "state");
    const int rc = posw_execute_call(&result, &output, s, &env, &message);
    posw_state_free(s);
    if (rc != POSW_OK) {
        say_error(rc);
    } else {
        say_call(&result, posw_buf_view(&output));
    }
    posw_buf_clear(&output);
}

static void do_block(driver *d) {
    posw_chain_block_info info;
    posw_hash hash;
    const posw_bytes b = bytes_of(d->words[1]);
    if (b.size != sizeof hash.b) give_up("not a hash", "block");
    memcpy(hash.b, b.data, sizeof hash.b);
    const int rc = posw_chain_block_by_hash(d->chain, &info, &hash);
    if (rc != POSW_OK) {
        say_error(rc);
        return;
    }
    printf("block %s %" PRIu64, info.is_main ? "main" : "side", info.header.number);
    say_wide(&info.weight_total);
    printf(" %zu\n", info.size);
}

static void do_deep(driver *d) {
    d->deep = number_of(d->words[1]) != 0;
    posw_chain_allow_deep_reorg(d->chain, d->deep);
    puts("ok");
}

static void do_bulk(driver *d) {
    const uint64_t blocks = number_of(d->words[1]);
    must(posw_chain_bulk(d->chain, blocks > 0, blocks), "bulk");
    puts("ok");
}

/* ---- commands ---- */

typedef struct {
    const char *name;
    size_t words; /* with the command; 0: any number */
    bool needs_chain;
    void (*run)(driver *d);
} command;

static const command COMMANDS[] = {
    {"open", 2, false, do_open},      {"params", 0, false, do_params}, {"import", 3, true, do_import},
    {"light", 4, true, do_light},     {"next", 2, true, do_next},      {"miner", 2, true, do_miner},
    {"account", 2, true, do_account}, {"call", 6, true, do_call},      {"block", 2, true, do_block},
    {"deep", 2, true, do_deep},       {"bulk", 2, true, do_bulk},      {"reopen", 1, true, do_reopen},
    {"verify", 1, true, do_verify},   {"follow", 2, true, do_follow},
};

static void split(driver *d, char *line) {
    d->count = 0;
    for (char *rest = line, *word; (word = strtok_r(rest, " \n", &rest)) != NULL;) {
        if (d->count == WORDS_MAX) give_up("too many words", d->words[0]);
        d->words[d->count++] = word;
    }
}

static void run(driver *d) {
    for (size_t i = 0; i < POSW_ARRAY_SIZE(COMMANDS); i++) {
        const command *c = &COMMANDS[i];
        if (strcmp(c->name, d->words[0]) != 0) continue;
        if (c->words != 0 && c->words != d->count) give_up("wrong number of words", c->name);
        if (c->needs_chain && d->chain == NULL) give_up("no chain is open", c->name);
        c->run(d);
        return;
    }
    give_up("unknown command", d->words[0]);
}

int main(void) {
    driver d = {0};
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        split(&d, line);
        if (d.count == 0) continue;
        run(&d);
        fflush(stdout);
    }
    free(line);
    drop_chain(&d);
    return 0;
}
