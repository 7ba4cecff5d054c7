/* JSON-RPC: any text gets an answer that is valid JSON-RPC, or none. Each input meets a fresh node, once as an HTTP
 * body and once as a message of a stream. The chain below it is made once, for speed: no input can extend it, since
 * that takes a signature. */
#include "world.h"

#include "rpc/rpc.h"

#include <jansson.h>

typedef struct {
    posw_node *node;
    posw_rpc *rpc;
    posw_actions actions;
} client;

static void client_open(client *c, const world *w) {
    const posw_rpc_options r = {.batch_max = 20, .answer_bytes_max = 1 << 20, .filters_max = 8, .subscriptions_max = 4};
    *c = (client){.node = world_node(w)};
    POSW_ASSERT(posw_rpc_new(&c->rpc, c->node, &r) == POSW_OK);
}

static void client_close(client *c) {
    posw_rpc_free(c->rpc);
    posw_node_free(c->node);
    posw_actions_clear(&c->actions);
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
    static world shared;
    if (memmem(data, size, "evm_", 4) != NULL && memmem(data, size, "mine", 4) != NULL)
        return 0; /* would extend the chain */
    if (shared.chain == NULL) {
        world_open(&shared);
        world_mine(&shared, 2);
    }
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
