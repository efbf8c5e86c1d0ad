#define _GNU_SOURCE
#include "local_bindings_native.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST (256l << 20)
#define MOST_FILES 100000
#define DEEPEST 64

static int begins(const char *path, const char *folder) {
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == 0);
}

/* Each folder of the path, where it is missing. */
static int make_folders(const char *path) {
    char part[PATH_MAX];
    size_t size = strlen(path);
    if (size >= sizeof part) return ENAMETOOLONG;
    for (size_t at = 1; at <= size; at++) {
        if (path[at] != '/' && path[at] != 0) continue;
        memcpy(part, path, at);
        part[at] = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST) return errno;
    }
    return 0;
}

int32_t storage_open_root(const char *path, char *name) {
    static const char *const system_folders[] = {"/proc", "/sys", "/boot", "/var/run/secrets", "/run/secrets"};
    int error = make_folders(path);
    if (error) {
        errno = error;
        return -1;
    }
    if (!realpath(path, name)) return -1;
    for (size_t i = 0; i < sizeof system_folders / sizeof *system_folders; i++)
        if (begins(name, system_folders[i])) {
            errno = EPERM;
            return -1;
        }
    return open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The folder of the last part of the path, opened part by part without following a link; or minus an errno. */
static int open_parent(int root, const char *path, int creates, const char **last) {
    int folder = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *slash;
    if (folder < 0) return -errno;
    while ((slash = strchr(path, '/'))) {
        char part[NAME_MAX + 1];
        size_t size = (size_t)(slash - path);
        int next, error;
        if (size > NAME_MAX) {
            close(folder);
            return -ENAMETOOLONG;
        }
        memcpy(part, path, size);
        part[size] = 0;
        if (creates) mkdirat(folder, part, 0777);
        next = openat(folder, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        error = errno;
        if (next < 0 && error == ENOTDIR) {
            struct stat about;
            if (fstatat(folder, part, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(about.st_mode)) error = ELOOP;
        }
        close(folder);
        if (next < 0) return -error;
        folder = next;
        path = slash + 1;
    }
    *last = path;
    return folder;
}

int32_t storage_write(int32_t root, const char *path, const void *data, size_t size) {
    static atomic_uint counter;
    char temporary[64];
    const char *last, *from = data;
    int folder = open_parent(root, path, 1, &last), file, error = 0;
    if (folder < 0) return -folder;
    snprintf(temporary, sizeof temporary, ".octavo-%d-%u", (int)getpid(), atomic_fetch_add(&counter, 1));
    file = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file < 0) {
        error = errno;
        close(folder);
        return error;
    }
    while (size > 0) {
        ssize_t done = write(file, from, size);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) {
            error = errno;
            break;
        }
        from += done;
        size -= (size_t)done;
    }
    if (close(file) != 0 && !error) error = errno;
    /* Nobody sees half of it; a link of that name is replaced, not followed. */
    if (!error && renameat(folder, temporary, folder, last) != 0) error = errno;
    if (error) unlinkat(folder, temporary, 0);
    close(folder);
    return error;
}

int32_t storage_open(int32_t root, const char *path, intptr_t *size) {
    const char *last;
    struct stat about;
    int folder = open_parent(root, path, 0, &last), file, error = 0;
    if (folder < 0) return folder;
    /* A pipe must not be waited for. */
    file = openat(folder, last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    error = errno;
    close(folder);
    if (file < 0) return -error;
    error = 0;
    if (fstat(file, &about) != 0) error = errno;
    else if (S_ISDIR(about.st_mode)) error = EISDIR;
    else if (!S_ISREG(about.st_mode)) error = EINVAL;
    else if (about.st_size > LARGEST) error = EFBIG;
    if (error) {
        close(file);
        return -error;
    }
    *size = (intptr_t)about.st_size;
    return file;
}

int32_t storage_remove(int32_t root, const char *path) {
    const char *last;
    int folder = open_parent(root, path, 0, &last), error = 0;
    if (folder < 0) return -folder;
    if (unlinkat(folder, last, 0) != 0) {
        error = errno;
        if (error == EISDIR) error = unlinkat(folder, last, AT_REMOVEDIR) == 0 ? 0 : errno;
    }
    close(folder);
    return error;
}

typedef struct walk {
    void (*found)(void *, const char *);
    void *context;
    char path[PATH_MAX];
    int count, depth;
} walk;

/* Closes `folder`. */
static int list_folder(walk *it, int folder, size_t length) {
    DIR *entries = fdopendir(folder);
    struct dirent *entry;
    int error = 0;
    if (!entries) {
        error = errno;
        close(folder);
        return error;
    }
    while (!error && (entry = readdir(entries))) {
        struct stat about;
        int written;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        /* On its way to be a file. */
        if (strncmp(entry->d_name, ".octavo-", 8) == 0) continue;
        written = snprintf(it->path + length, sizeof it->path - length, "%s%s", length ? "/" : "", entry->d_name);
        if (written < 0 || (size_t)written >= sizeof it->path - length) continue;
        if (fstatat(folder, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISDIR(about.st_mode)) {
            int next = it->depth < DEEPEST ? openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
            if (next < 0) continue;
            it->depth++;
            error = list_folder(it, next, length + (size_t)written);
            it->depth--;
        } else if (++it->count > MOST_FILES) {
            error = EFBIG;
        } else {
            it->found(it->context, it->path);
        }
    }
    closedir(entries);
    return error;
}

int32_t storage_list(int32_t root, const char *path, void (*found)(void *, const char *), void *context) {
    walk it = {.found = found, .context = context};
    const char *last;
    int folder = open_parent(root, path, 0, &last), chosen;
    if (folder < 0) return -folder;
    chosen = openat(folder, *last ? last : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (chosen < 0) {
        int error = errno;
        close(folder);
        return error;
    }
    close(folder);
    snprintf(it.path, sizeof it.path, "%s", path);
    return list_folder(&it, chosen, strlen(it.path));
}
