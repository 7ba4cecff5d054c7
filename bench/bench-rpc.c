/* Transfers sent through RPC batches to a real development node with 1 s blocks, until all are mined.
 *
 * Usage: bench-rpc PATH_OF_POSW [TRANSFERS [BATCH]]   (default 30,000 in batches of 100, ten senders, one connection)
 *
 * Prints transfers a second from the first byte sent to the block that holds the last, and beside it how many
 * signatures a second one core recovers in the same run: the bound of admission. Goal: 10,000 transfers a second. */
#include "base/buf.h"
#include "base/bytes.h"
#include "bench.h"
#include "codec/tx.h"
#include "posw/u256.h"
#include "wallet/hd.h"
#include "wallet/mnemonic.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SENDERS = 10, ANSWER_MAX = 1 << 20 };

static double now(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what) {
    perror(what);
    exit(2);
}

static pid_t start_node(const char *posw, unsigned *port) {
    int out[2];
    if (pipe(out) != 0) die("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        execl(posw, posw, "dev", "--port", "0", "--json-ready", "--log-level", "warn", (char *)NULL);
        die(posw);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    char line[1024];
    const char *at = f != NULL && fgets(line, sizeof line, f) != NULL ? strstr(line, "\"port\":") : NULL;
    if (at == NULL) die("the node did not start");
    *port = (unsigned)atoi(at + 7);
    return pid;
}

static int dial(unsigned port) {
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) die("connect");
    return fd;
}

/* Posts a body and reads the whole answer into `answer` (NUL-terminated); returns where its body starts. */
static const char *post(int fd, const posw_buf *body, char *answer) {
    char head[160];
    int n =
        snprintf(head, sizeof head,
                 "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                 body->size);
    if (send(fd, head, (size_t)n, MSG_MORE) != n) die("send");
    for (size_t done = 0; done < body->size;) {
        ssize_t k = send(fd, body->data + done, body->size - done, 0);
        if (k <= 0) die("send");
        done += (size_t)k;
    }
    size_t size = 0, want = SIZE_MAX;
    const char *start = NULL;
    while (size < want) {
        ssize_t k = recv(fd, answer + size, ANSWER_MAX - 1 - size, 0);
        if (k <= 0) die("recv");
        size += (size_t)k;
        answer[size] = '\0';
        if (start != NULL || (start = strstr(answer, "\r\n\r\n")) == NULL) continue;
        start += 4;
        want = (size_t)(start - answer) + strtoull(strstr(answer, "Content-Length: ") + 16, NULL, 10);
    }
    return start;
}

static uint64_t nonce_of(int fd, const posw_address *a, char *answer) {
    char hex[41];
    posw_buf body = {0};
    posw_hex_encode(hex, a->b, sizeof a->b);
    posw_buf_printf(
        &body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getTransactionCount\",\"params\":[\"0x%s\",\"latest\"]}",
        hex);
    const char *result = strstr(post(fd, &body, answer), "\"result\":\"0x");
    posw_buf_clear(&body);
    return result == NULL ? 0 : strtoull(result + 12, NULL, 16);
}

static void sign(posw_buf *out, const uint8_t secret[32], uint64_t nonce, uint32_t to) {
    posw_tx tx = {.type = POSW_TX_DYNAMIC_FEE,
                  .chain_id = 1337,
                  .nonce = nonce,
                  .gas_limit = 21000,
                  .has_to = true,
                  .is_protected = true};
    tx.max_fee = posw_u256_from_u64(20000000000);
    tx.max_tip = posw_u256_from_u64(1000000000);
    tx.value = posw_u256_from_u64(1);
    posw_store_be32(tx.to.b, to % 5000);
    tx.to.b[19] = 1;
    if (!posw_tx_sign(out, &tx, secret)) exit(2);
}

static double recover_bound(const posw_buf *raw) {
    posw_tx tx;
    posw_address a;
    double start = now();
    int n = 0;
    if (posw_tx_decode(&tx, raw->data, raw->size) != POSW_TX_OK) exit(2);
    for (; n < 5000; n++)
        if (!posw_tx_sender(&a, &tx)) exit(2);
    return n / (now() - start);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: bench-rpc PATH_OF_POSW [TRANSFERS [BATCH]]\n");
        return 2;
    }
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 30000, batch = argc > 3 ? (unsigned)atoi(argv[3]) : 100, port;
    uint8_t seed[64], secrets[SENDERS][32];
    posw_address addresses[SENDERS];
    if (posw_mnemonic_seed(seed, "test test test test test test test test test test test junk", "", NULL) != POSW_OK)
        return 2;
    for (uint32_t i = 0; i < SENDERS; i++)
        if (posw_hd_account(secrets[i], &addresses[i], seed, i) != POSW_OK) return 2;
    unsigned bodies_count = (count + batch - 1) / batch;
    posw_buf *bodies = calloc(bodies_count, sizeof *bodies), raw = {0};
    char *answer = malloc(ANSWER_MAX), hex[1024];
    if (bodies == NULL || answer == NULL) return 2;
    for (unsigned i = 0; i < count; i++) {
        posw_buf *b = &bodies[i / batch];
        posw_buf_reset(&raw);
        sign(&raw, secrets[i % SENDERS], i / SENDERS, i);
        posw_hex_encode(hex, raw.data, raw.size);
        posw_buf_printf(b,
                        "%s{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"eth_sendRawTransaction\",\"params\":[\"0x%s\"]}",
                        i % batch == 0 ? "[" : ",", i, hex);
        if (i % batch == batch - 1 || i + 1 == count) posw_buf_text(b, "]");
    }
    double bound = recover_bound(&raw);
    pid_t pid = start_node(argv[1], &port);
    int fd = dial(port);
    double start = now();
    unsigned refused = 0;
    for (unsigned i = 0; i < bodies_count; i++)
        if (strstr(post(fd, &bodies[i], answer), "\"error\"") != NULL) refused++;
    double sent = now();
    uint64_t per_sender = count / SENDERS;
    while (nonce_of(fd, &addresses[SENDERS - 1], answer) < per_sender && now() - sent < 60)
        usleep(5000);
    double mined = now();
    printf("sent %u transfers in %.2f s: %.0f /s (%.2f of one core's %.0f recoveries/s); refused batches %u\n", count,
           sent - start, count / (sent - start), count / (sent - start) / bound, bound, refused);
    printf("sent and mined in %.2f s: %.0f /s; anvil 1.7.1, measured before: 5596", mined - start,
           count / (mined - start));
    bench_goal(refused == 0 && count / (mined - start) >= 10000, "10000 /s or more");
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    close(fd);
    for (unsigned i = 0; i < bodies_count; i++)
        posw_buf_clear(&bodies[i]);
    free(bodies);
    free(answer);
    posw_buf_clear(&raw);
    return refused == 0 ? bench_end() : 2;
}
