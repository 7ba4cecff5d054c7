/* JSON-RPC: any text gets an answer that is valid JSON-RPC, or none. Each input meets a fresh node, once as an HTTP
 * body and once as a message of a stream. The chain below it is made once, for speed: no input can extend it, since
 * that takes a signature. */
#include "fuzz.h"

#include "base/bytes.h"
#include "base/units.h"
#include "crypto/keccak.h"
#include "posw/u256.h"
#include "rpc/rpc.h"
#include "store/store_memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool pow_hash(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch;
    (void)key;
    posw_keccak256(out, input, POSW_POW_INPUT_SIZE);
    return true;
}

static const posw_pow POW = {.name = "keccak256", .hash = pow_hash};

/* What all inputs share. */
typedef struct {
    posw_chain_spec spec;
    posw_store *store;
    posw_chain *chain;
    posw_mempool *pool;
    posw_miner_identity id;
} base;

typedef struct {
    posw_node *node;
    posw_rpc *rpc;
    posw_actions actions;
} client;

static void make_spec(posw_chain_spec *spec, const posw_address *rich) {
    POSW_ASSERT(posw_chainfile_dev(spec) == POSW_OK);
    const posw_u256 coin = posw_coin();
    posw_u256 thousand;
    POSW_ASSERT(posw_u256_mul_u64(&thousand, &coin, 1000));
    spec->params.genesis_difficulty = POSW_U256_ONE;
    spec->params.gas_limit = 30000000;
    spec->accounts = calloc(1, sizeof *spec->accounts);
    spec->stakes = calloc(1, sizeof *spec->stakes);
    POSW_ASSERT(spec->accounts != NULL && spec->stakes != NULL);
    spec->account_count = spec->stake_count = 1;
    spec->accounts[0] = (posw_genesis_account){*rich, thousand};
    spec->stakes[0] = (posw_genesis_stake){*rich, *rich, thousand};
}

static void client_open(client *c, const base *b) {
    const posw_node_options n = {
        .chain = b->chain, .mempool = b->pool, .identity = &b->id, .development = true, .pow = &POW};
    const posw_rpc_options r = {.batch_max = 20, .answer_bytes_max = 1 << 20, .filters_max = 8, .subscriptions_max = 4};
    *c = (client){0};
    POSW_ASSERT(posw_node_new(&c->node, &n) == POSW_OK);
    POSW_ASSERT(posw_rpc_new(&c->rpc, c->node, &r) == POSW_OK);
}

static void client_close(client *c) {
    posw_rpc_free(c->rpc);
    posw_node_free(c->node);
    posw_actions_clear(&c->actions);
}

/* Genesis and two blocks. */
static void base_open(base *b) {
    client c;
    b->id = (posw_miner_identity){.secret = {[31] = 1}};
    POSW_ASSERT(posw_secp_address(&b->id.miner, b->id.secret));
    make_spec(&b->spec, &b->id.miner);
    b->store = posw_store_memory_new();
    POSW_ASSERT(b->store != NULL);
    const posw_chain_options o = {.spec = &b->spec, .store = b->store, .pow = &POW};
    POSW_ASSERT(posw_chain_open(&b->chain, &o, NULL) == POSW_OK);
    posw_mempool_options m;
    posw_mempool_options_default(&m);
    POSW_ASSERT(posw_mempool_new(&b->pool, b->chain, &m) == POSW_OK);
    client_open(&c, b);
    for (int i = 0; i < 2; i++)
        POSW_ASSERT(posw_node_mine_now(c.node, &c.actions) == POSW_OK);
    client_close(&c);
}

static bool is_answer(const json_t *v) {
    return json_is_object(v) && json_object_size(v) == 3 && json_object_get(v, "id") != NULL &&
           (json_object_get(v, "error") == NULL) != (json_object_get(v, "result") == NULL);
}

static void check_answer(posw_bytes text) {
    if (text.size == 0) return;
    json_t *v = json_loadb((const char *)text.data, text.size, 0, NULL);
    POSW_ASSERT(json_is_array(v) ? json_array_size(v) > 0 : is_answer(v));
    for (size_t i = 0; i < json_array_size(v); i++)
        POSW_ASSERT(is_answer(json_array_get(v, i)));
    json_decref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static base shared;
    if (memmem(data, size, "evm_", 4) != NULL && memmem(data, size, "mine", 4) != NULL)
        return 0; /* would extend the chain */
    if (shared.chain == NULL) base_open(&shared);
    for (int stream = 0; stream < 2; stream++) {
        client c;
        posw_buf answer = {0};
        client_open(&c, &shared);
        posw_rpc_handle(c.rpc, 1, stream != 0, posw_bytes_of(data, size), &answer, &c.actions);
        check_answer(posw_buf_view(&answer));
        posw_buf_clear(&answer);
        client_close(&c);
    }
    return 0;
}
