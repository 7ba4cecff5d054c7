#include "io/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void posw_notify_open(posw_notify *n) {
    const char *path = getenv("NOTIFY_SOCKET");
    const size_t size = path == NULL ? 0 : strlen(path);
    *n = (posw_notify){.fd = -1};
    if (size < 2 || (path[0] != '/' && path[0] != '@') || size >= sizeof n->address.sun_path) return;
    n->address.sun_family = AF_UNIX;
    memcpy(n->address.sun_path, path, size);
    if (path[0] == '@') n->address.sun_path[0] = '\0';
    n->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (path[0] == '/'));
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void posw_notify_say(const posw_notify *n, const char *format, ...) {
    char text[1024];
    va_list args;
    if (n->fd < 0) return;
    va_start(args, format);
    const int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size <= 0 || (size_t)size >= sizeof text) return;
    (void)sendto(n->fd, text, (size_t)size, MSG_NOSIGNAL, (const struct sockaddr *)&n->address, n->address_size);
}

void posw_notify_close(posw_notify *n) {
    if (n->fd >= 0) close(n->fd);
    n->fd = -1;
}

/* A decimal number without anything else. */
static bool number_of(const char *text, uint64_t *out) {
    char *end;
    if (text == NULL || *text < '0' || *text > '9') return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

uint64_t posw_notify_watchdog_ms(void) {
    const char *pid = getenv("WATCHDOG_PID");
    uint64_t us, owner;
    if (!number_of(getenv("WATCHDOG_USEC"), &us) || us == 0) return 0;
    if (pid != NULL && (!number_of(pid, &owner) || owner != (uint64_t)getpid())) return 0;
    return us < 2000 ? 2 : us / 1000;
}
