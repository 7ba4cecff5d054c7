/* SIGINT and SIGTERM: the first one stops the node; none ends the program before what it holds is safe. SIGHUP, where
 * it means something: the log is reopened.
 *
 * The runner's caller still has to close the store after the loop. A second signal meanwhile (an impatient Ctrl-C, a
 * service manager, a shell that signals the whole group) says nothing new and must change neither the data nor the exit
 * code. So the signals are ignored from the end of the loop on: they are not restored, as the program is about to end.
 */
#include "io/runner_internal.h"

#include <sys/signalfd.h>
#include <unistd.h>

static void on_signal(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    (void)runner_signal_came(poll->data);
}

bool runner_take_signals(runner *r) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    if (r->o->reload != NULL || r->notify.fd >= 0) sigaddset(&wanted, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &wanted, &r->old_signals);
    r->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    r->signal_poll.data = r;
    return r->signal_fd >= 0 && uv_poll_init(&r->loop, &r->signal_poll, r->signal_fd) == 0 &&
           uv_poll_start(&r->signal_poll, UV_READABLE, on_signal) == 0;
}

bool runner_signal_came(void *arg) {
    runner *r = arg;
    struct signalfd_siginfo info;
    if (r->stopping) return true;
    do {
        if (read(r->signal_fd, &info, sizeof info) != sizeof info) return false;
        if (info.ssi_signo == SIGHUP) notify_reload(r);
    } while (info.ssi_signo == SIGHUP);
    posw_log_write(r->log, POSW_LOG_INFO, "node", "stopping (%s)",
                   info.ssi_signo == SIGINT ? "interrupted" : "terminated");
    runner_stop(r);
    return true;
}

void runner_end_signals(runner *r) {
    struct signalfd_siginfo info;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGINT, &ignore, NULL);
    (void)sigaction(SIGTERM, &ignore, NULL);
    if (r->o->reload != NULL || r->notify.fd >= 0) (void)sigaction(SIGHUP, &ignore, NULL);
    while (r->signal_fd >= 0 && read(r->signal_fd, &info, sizeof info) == sizeof info) {
    }
    if (r->signal_fd >= 0) close(r->signal_fd);
    (void)pthread_sigmask(SIG_SETMASK, &r->old_signals, NULL); /* one that waits here is dropped now */
}
