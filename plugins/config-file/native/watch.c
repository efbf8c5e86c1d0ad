#define _GNU_SOURCE
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "config_file_native.h"

int32_t config_file_watch(const char *folder) {
    int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
    if (descriptor >= 0 && inotify_add_watch(descriptor, folder, events) < 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

int32_t config_file_drain(int32_t descriptor, const char *name) {
    char buffer[16384] __attribute__((aligned(8)));
    int32_t found = 0;
    ssize_t got;
    while ((got = read(descriptor, buffer, sizeof buffer)) > 0) {
        for (char *at = buffer; at < buffer + got;) {
            const struct inotify_event *event = (const struct inotify_event *)at;
            if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) found |= CONFIG_FILE_GONE;
            if (event->mask & IN_Q_OVERFLOW || (event->len && !strcmp(event->name, name))) found |= CONFIG_FILE_NAMED;
            at += sizeof *event + event->len;
        }
    }
    return found;
}
