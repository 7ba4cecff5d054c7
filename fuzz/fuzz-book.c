/* libFuzzer entry for address books: what is accepted is written, and reads back as the same text. */
#include "base/bytes.h"
#include "wallet/book.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_book book = {0}, again = {0};
    posw_message msg = {""};
    if (posw_book_decode(&book, (const char *)data, size, &msg) != POSW_OK) {
        POSW_ASSERT(msg.text[0] != '\0' && book.count == 0); /* a refusal is always explained */
        return 0;
    }
    posw_buf first = {0}, second = {0};
    posw_book_encode(&first, &book);
    POSW_ASSERT(posw_book_decode(&again, (const char *)first.data, first.size, NULL) == POSW_OK);
    posw_book_encode(&second, &again);
    POSW_ASSERT(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    for (size_t i = 0; i < book.count; i++)
        POSW_ASSERT(posw_book_find(&again, book.entries[i].name) != NULL);
    posw_buf_clear(&first);
    posw_buf_clear(&second);
    posw_book_clear(&book);
    posw_book_clear(&again);
    return 0;
}
