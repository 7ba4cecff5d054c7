#include "cli/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <http_parser.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    const cli_http_target *target;
    uint64_t deadline_ms;
    int fd;
    posw_buf *answer;
    bool complete, too_large;
    posw_message *msg;
} exchange;

static uint64_t monotonic_ms(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- the socket ---- */

static int fail_errno(const exchange *x, int code, int errnum) {
    char buffer[128];
    return posw_message_set(x->msg, code, "%s", strerror_r(errnum, buffer, sizeof buffer));
}

static int wait_for(const exchange *x, short events) {
    for (;;) {
        uint64_t now = monotonic_ms();
        struct pollfd p = {.fd = x->fd, .events = events};
        if (now >= x->deadline_ms) break;
        int n = poll(&p, 1, (int)(x->deadline_ms - now));
        if (n > 0) return POSW_OK;
        if (n < 0 && errno != EINTR) return fail_errno(x, POSW_EIO, errno);
    }
    return posw_message_set(x->msg, POSW_EIO, "no answer within %u s", (x->target->timeout_ms + 999) / 1000);
}

static int connect_to(exchange *x, const struct addrinfo *a) {
    x->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (x->fd < 0) return fail_errno(x, POSW_EIO, errno);
    if (connect(x->fd, a->ai_addr, a->ai_addrlen) == 0) return POSW_OK;
    if (errno != EINPROGRESS) return fail_errno(x, POSW_ENOTFOUND, errno);
    int code = wait_for(x, POLLOUT);
    if (code != POSW_OK) return code;
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    return error == 0 ? POSW_OK : fail_errno(x, POSW_ENOTFOUND, error);
}

static int connect_any(exchange *x) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int error = getaddrinfo(x->target->host, x->target->port, &hints, &list);
    if (error != 0) return posw_message_set(x->msg, POSW_ENOTFOUND, "%s: %s", x->target->host, gai_strerror(error));
    int code = POSW_ENOTFOUND;
    for (const struct addrinfo *a = list; a != NULL && code != POSW_OK; a = a->ai_next) {
        code = connect_to(x, a);
        if (code != POSW_OK && x->fd >= 0) {
            close(x->fd);
            x->fd = -1;
        }
    }
    freeaddrinfo(list);
    return code;
}

static int send_all(exchange *x, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t put = send(x->fd, data, size, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno != EAGAIN) return fail_errno(x, POSW_EIO, errno);
        if (put < 0) {
            int code = wait_for(x, POLLOUT);
            if (code != POSW_OK) return code;
            continue;
        }
        data += put;
        size -= (size_t)put;
    }
    return POSW_OK;
}

/* ---- the answer ---- */

static int on_body(http_parser *p, const char *at, size_t size) {
    exchange *x = p->data;
    x->too_large = size > x->target->answer_max || x->answer->size > x->target->answer_max - size;
    if (x->too_large) return 1;
    posw_buf_append(x->answer, at, size);
    return x->answer->failed;
}

static int on_complete(http_parser *p) {
    exchange *x = p->data;
    x->complete = true;
    http_parser_pause(p, 1); /* nothing after the answer is of interest */
    return 0;
}

static int parse(exchange *x, http_parser *p, const http_parser_settings *s, const char *data, size_t size) {
    size_t done = http_parser_execute(p, s, data, size);
    if (x->complete) return POSW_OK;
    if (x->too_large)
        return posw_message_set(x->msg, POSW_EFULL, "the answer has more than %zu bytes", x->target->answer_max);
    if (x->answer->failed) return posw_message_set(x->msg, POSW_ENOMEM, "out of memory");
    if (size == 0)
        return posw_message_set(x->msg, POSW_EIO, "the connection was closed before the answer was complete");
    return done == size ? POSW_OK : posw_message_set(x->msg, POSW_EIO, "what answers there does not speak HTTP");
}

static int receive(exchange *x, unsigned *status) {
    http_parser parser;
    http_parser_settings settings;
    char chunk[16384];
    http_parser_init(&parser, HTTP_RESPONSE);
    http_parser_settings_init(&settings);
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    parser.data = x;
    while (!x->complete) {
        ssize_t got = recv(x->fd, chunk, sizeof chunk, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno != EAGAIN) return fail_errno(x, POSW_EIO, errno);
        int code = got < 0 ? wait_for(x, POLLIN) : parse(x, &parser, &settings, chunk, (size_t)got);
        if (code != POSW_OK) return code;
    }
    *status = parser.status_code;
    return POSW_OK;
}

static int post(exchange *x, posw_bytes body, unsigned *status) {
    const cli_http_target *t = x->target;
    posw_buf request = {0};
    bool v6 = strchr(t->host, ':') != NULL;
    posw_buf_printf(&request,
                    "POST %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUser-Agent: posw/" POSW_VERSION "\r\n"
                    "Content-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                    t->path, v6 ? "[" : "", t->host, v6 ? "]" : "", t->port, body.size);
    posw_buf_append(&request, body.data, body.size);
    int code = request.failed ? posw_message_set(x->msg, POSW_ENOMEM, "out of memory") : connect_any(x);
    if (code == POSW_OK) code = send_all(x, request.data, request.size);
    if (code == POSW_OK) code = receive(x, status);
    posw_buf_clear(&request);
    return code;
}

int cli_http_post(const cli_http_target *t, posw_bytes body, unsigned *status, posw_buf *answer, posw_message *msg) {
    exchange x = {.target = t, .deadline_ms = monotonic_ms() + t->timeout_ms, .fd = -1, .answer = answer, .msg = msg};
    int code = post(&x, body, status);
    if (x.fd >= 0) close(x.fd);
    return code;
}
