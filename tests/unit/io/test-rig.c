/* The outside miner's way to its node: which of the addresses of a name it dials. */
#include "base/test.h"
#include "io/rig.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a name with two addresses, of which the node has the second ---- */

static struct sockaddr_in places[2];
static struct addrinfo found[2];

/* In the place of the C library's, for libuv. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **out) {
    (void)name, (void)hints;
    for (size_t i = 0; i < 2; i++) {
        places[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(service))};
        places[i].sin_addr.s_addr = htonl(i == 0 ? INADDR_LOOPBACK + 8 : INADDR_LOOPBACK);
        found[i] = (struct addrinfo){.ai_family = AF_INET,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_addr = (struct sockaddr *)&places[i],
                                     .ai_addrlen = sizeof places[i],
                                     .ai_next = i == 0 ? &found[1] : NULL};
    }
    *out = found;
    return 0;
}

__attribute__((visibility("default"))) void freeaddrinfo(struct addrinfo *list) {
    (void)list;
}

/* ---- a node that takes one login, and refuses it for good ---- */

typedef struct {
    int listener;
    char said[512];
} node;

static void *serve(void *arg) {
    static const char refusal[] = "{\"id\":1,\"error\":{\"code\":-2,\"message\":\"enough\"}}\n";
    node *n = arg;
    const int fd = accept(n->listener, NULL, NULL);
    if (fd < 0) return NULL;
    const ssize_t size = recv(fd, n->said, sizeof n->said - 1, 0);
    if (size > 0) (void)!write(fd, refusal, sizeof refusal - 1);
    close(fd);
    return NULL;
}

static void on_news(void *arg, const posw_rig_event *e) {
    enum { PATIENCE = 8 };
    unsigned *lost = arg;
    if (e->news == POSW_RIG_LOST && ++*lost == PATIENCE) raise(SIGINT);
}

static void each_address_is_tried(void **state) {
    (void)state;
    node n = {.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof a;
    pthread_t thread;
    unsigned lost = 0;
    posw_message msg = {""};
    assert_int_equal(bind(n.listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(n.listener, 1), 0);
    assert_int_equal(getsockname(n.listener, (struct sockaddr *)&a, &size), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve, &n), 0);
    const posw_rig_options o = {.host = "node.example.org",
                                .port = ntohs(a.sin_port),
                                .login = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
                                .agent = "test",
                                .threads = 1,
                                .retry_first_ms = 1,
                                .said = on_news,
                                .arg = &lost};
    const int err = posw_rig_run(&o, &msg);
    shutdown(n.listener, SHUT_RDWR); /* in case that nobody came */
    pthread_join(thread, NULL);
    close(n.listener);
    assert_int_equal(err, POSW_EAUTH);
    assert_string_equal(msg.text, "the node refuses the login: enough");
    assert_non_null(strstr(n.said, "\"login\":\"0xf39F"));
    assert_int_equal(lost, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_address_is_tried)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
