#define _GNU_SOURCE
#include "crypto_native.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where the kernel or a sandbox has no openat2: step by step, and no symbolic link at all. */
static int walk(int folder, const char *name) {
    char part[NAME_MAX + 1];
    int at = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    while (at >= 0) {
        size_t length = strcspn(name, "/");
        int is_last = !name[length];
        if (!length || length > NAME_MAX || (length == 1 && *name == '.') || (length == 2 && !memcmp(name, "..", 2))) {
            close(at);
            errno = EXDEV;
            return -1;
        }
        memcpy(part, name, length);
        part[length] = 0;
        int next = openat(at, part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (is_last ? 0 : O_DIRECTORY));
        int number = errno == ELOOP ? EXDEV : errno;
        close(at);
        errno = number;
        if (is_last) return next;
        name += length + 1;
        at = next;
    }
    return -1;
}

int32_t crypto_open_beneath(const char *folder, const char *name) {
    /* Not to block on a pipe that lies there. */
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    struct stat status;
    int base = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (base < 0) return -1;
    int file = (int)syscall(SYS_openat2, base, name, &how, sizeof how);
    if (file < 0 && (errno == ENOSYS || errno == EPERM)) file = walk(base, name);
    int number = errno;
    close(base);
    if (file >= 0 && (fstat(file, &status) || !S_ISREG(status.st_mode))) {
        close(file);
        file = -1;
        number = EISDIR;
    }
    errno = number;
    return file;
}
