/* Signals as numbers on a pipe: a handler may do little more than write. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "octavo_instances.h"

static int door = -1;

static void on_signal(int number) {
    int saved = errno;
    uint8_t byte = (uint8_t)number;
    if (write(door, &byte, 1) < 0) {} /* a full pipe: whoever reads it knows enough */
    errno = saved;
}

int octavo_signals_open(const int *numbers, int count) {
    struct sigaction action;
    int ends[2], i;
    if (pipe2(ends, O_CLOEXEC)) return -1;
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    door = ends[1];
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < count; i++) sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    return ends[0];
}
