/* What a service manager is told (the protocol of systemd's sd_notify, without its library): datagrams of lines
 * "NAME=value" to the socket in NOTIFY_SOCKET. Where there is none, nothing happens. */
#ifndef POSW_IO_NOTIFY_H
#define POSW_IO_NOTIFY_H

#include "base/error.h"

#include <sys/socket.h>
#include <sys/un.h>

typedef struct {
    int fd; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_size;
} posw_notify;

/* Reads NOTIFY_SOCKET: the path of a socket, or @name for an abstract one; anything else is as if it was absent. */
void posw_notify_open(posw_notify *n);
/* Lines, each with its end but the last. A message that cannot be sent is lost. */
void posw_notify_say(const posw_notify *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
void posw_notify_close(posw_notify *n);
/* How long this process may be silent, from WATCHDOG_USEC (if WATCHDOG_PID is absent or this process), in ms, at least
 * 2; 0: as long as it likes. */
uint64_t posw_notify_watchdog_ms(void);

#endif
