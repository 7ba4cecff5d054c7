/* Chain files: a refusal is explained; what is accepted keeps every rule and is written back canonically:
 * write(read(write(x))) = write(x). */
#include "fuzz.h"

#include "chain/chainfile.h"

static void ignore_warning(void *arg, const char *sentence) {
    (void)arg;
    POSW_ASSERT(sentence[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_chain_spec spec, again;
    posw_message msg = {{0}};
    posw_buf first = {0}, second = {0};
    if (posw_chainfile_read(&spec, (const char *)data, size, &msg) != POSW_OK) {
        POSW_ASSERT(msg.text[0] != '\0');
        return 0;
    }
    POSW_ASSERT(posw_chain_spec_check(&spec, NULL, NULL) == POSW_OK);
    posw_chainfile_warnings(&spec, ignore_warning, NULL);
    posw_chainfile_write(&first, &spec);
    POSW_ASSERT(!first.failed && posw_chainfile_read(&again, (const char *)first.data, first.size, NULL) == POSW_OK);
    posw_chainfile_write(&second, &again);
    fuzz_same(&second, first.data, first.size);
    posw_buf_clear(&first);
    posw_buf_clear(&second);
    posw_chain_spec_clear(&spec);
    posw_chain_spec_clear(&again);
    return 0;
}
