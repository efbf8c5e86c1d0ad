/* A control group (cgroup v2) of a helper's own: limits that the kernel keeps, and an end for all that it has started.
   Files and their meaning: Linux, Documentation/admin-guide/cgroup-v2.rst. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "isolated.h"
#include "segments.h"

#define PATH_ROOM 4096
#define PERIOD_US 100000u
/* What the kernel needs for a process and charges to its group. */
#define KERNEL_MEMORY (16ull << 20)
/* Processes that were killed need a moment to be gone. */
#define PATIENCE_MS 2000

static int file_of(const char *folder, const char *name, char *path) {
    return snprintf(path, PATH_ROOM, "%s/%s", folder, name) < PATH_ROOM ? 0 : ENAMETOOLONG;
}

/* 0, or an errno. */
static int put(const char *folder, const char *name, const char *text) {
    char path[PATH_ROOM];
    int file, failed = file_of(folder, name, path);
    if (failed) return failed;
    file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return errno;
    failed = write(file, text, strlen(text)) < 0 ? errno : 0;
    close(file);
    return failed;
}

/* 0 when it can't be read. */
static size_t get(const char *folder, const char *name, char *text, size_t room) {
    char path[PATH_ROOM];
    ssize_t count = -1;
    int file;
    if (file_of(folder, name, path)) return 0;
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    count = read(file, text, room);
    close(file);
    return count < 0 ? 0 : (size_t)count;
}

int64_t octavo_cgroup_event(const char *text, uint64_t size, const char *name) {
    const uint64_t length = strlen(name);
    uint64_t at = 0, end;
    for (; at < size; at = end + 1) {
        int64_t value = 0;
        for (end = at; end < size && text[end] != '\n'; end++) {}
        if (end - at < length + 2 || memcmp(text + at, name, length) || text[at + length] != ' ') continue;
        for (at += length + 1; at < end; at++) {
            if (text[at] < '0' || text[at] > '9') return -1;
            if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text[at] - '0', &value)) return -1;
        }
        return value;
    }
    return -1;
}

int32_t octavo_cgroup_is_folder(const char *path) {
    struct statfs facts;
    return statfs(path, &facts) == 0 && facts.f_type == CGROUP2_SUPER_MAGIC;
}

static void fail(octavo_helper *helper, const char *what, int error) {
    if (!helper->cgroup_cause[0]) snprintf(helper->cgroup_cause, sizeof helper->cgroup_cause, "%s: %s", what, strerror(error));
}

/* Writes the limits for whose controllers the group has files. */
static void limit(octavo_helper *helper, const char *group) {
    const octavo_limits *limits = &helper->isolated->limits;
    char text[64];
    int failed;
    if (limits->memory && limits->cgroup_controllers & OCTAVO_CGROUP_MEMORY) {
        /* What is shared with the runtime is charged to whoever touches it first: replies to the helper. The exact limit is
           the runtime's look at the process; this one keeps it from leaping over that. */
        const uint64_t shared = octavo_segment_p_size(helper->loops, AREA);
        snprintf(text, sizeof text, "%llu", (unsigned long long)(limits->memory + shared + KERNEL_MEMORY));
        failed = put(group, "memory.max", text);
        if (failed) fail(helper, "memory.max", failed);
        else helper->cgroup_limits |= OCTAVO_CGROUP_MEMORY;
        /* The limit is of memory, not of what can be moved elsewhere; without swap there is no such file. */
        put(group, "memory.swap.max", "0");
        put(group, "memory.oom.group", "1");
    }
    if (limits->millicpus && limits->cgroup_controllers & OCTAVO_CGROUP_CPU) {
        snprintf(text, sizeof text, "%llu %u", (unsigned long long)limits->millicpus * PERIOD_US / 1000, PERIOD_US);
        failed = put(group, "cpu.max", text);
        if (failed) fail(helper, "cpu.max", failed);
        else helper->cgroup_limits |= OCTAVO_CGROUP_CPU;
    }
    if (limits->processes > 0 && limits->cgroup_controllers & OCTAVO_CGROUP_PIDS) {
        snprintf(text, sizeof text, "%d", limits->processes);
        failed = put(group, "pids.max", text);
        if (failed) fail(helper, "pids.max", failed);
        else helper->cgroup_limits |= OCTAVO_CGROUP_PIDS;
    }
}

/* 0, or an errno. */
static int make(octavo_helper *helper) {
    static uint32_t last; /* atomic */
    char path[PATH_ROOM], name[64];
    int i, failed = EEXIST;
    /* Of containers with one folder several may have this process's number. */
    for (i = 0; i < 1000 && failed == EEXIST; i++) {
        snprintf(name, sizeof name, "octavo-%d-%u", (int)getpid(), __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED));
        failed = file_of(helper->isolated->limits.cgroup, name, path);
        if (!failed) failed = mkdir(path, 0755) ? errno : 0;
    }
    if (failed) return failed;
    helper->cgroup = strdup(path);
    if (helper->cgroup) return 0;
    rmdir(path);
    return ENOMEM;
}

void cgroup_place(octavo_helper *helper) {
    char pid[16];
    int i, failed = ENOENT;
    if (!helper->isolated->limits.cgroup) return;
    snprintf(pid, sizeof pid, "%d", helper->pid);
    /* Another runtime that starts may take an empty group for one that was left behind. */
    for (i = 0; i < 3 && failed == ENOENT; i++) {
        const char *what = "a group can't be made";
        helper->cgroup_limits = 0;
        helper->cgroup_cause[0] = 0;
        failed = make(helper);
        if (!failed) {
            limit(helper, helper->cgroup);
            what = "its process can't be put into a group";
            failed = put(helper->cgroup, "cgroup.procs", pid);
        }
        if (!failed) break;
        helper->cgroup_limits = 0;
        helper->cgroup_cause[0] = 0;
        fail(helper, what, failed);
        if (helper->cgroup) rmdir(helper->cgroup);
        free(helper->cgroup);
        helper->cgroup = NULL;
    }
}

void cgroup_kill(const octavo_helper *helper) {
    if (helper->cgroup) put(helper->cgroup, "cgroup.kill", "1");
}

int cgroup_ran_out_of_memory(const octavo_helper *helper) {
    char text[1024];
    size_t size = helper->cgroup ? get(helper->cgroup, "memory.events", text, sizeof text) : 0;
    return octavo_cgroup_event(text, size, "oom_kill") > 0;
}

int cgroup_remove(const octavo_helper *helper) { return !helper->cgroup || rmdir(helper->cgroup) == 0 || errno == ENOENT; }

void cgroup_remove_patiently(const octavo_helper *helper) {
    const struct timespec pause = {0, 5000000};
    int waited;
    for (waited = 0; !cgroup_remove(helper) && errno == EBUSY && waited < PATIENCE_MS; waited += 5) {
        cgroup_kill(helper);
        nanosleep(&pause, NULL);
    }
}

int32_t octavo_helper_cgroup(const octavo_helper *helper, char *cause, uint64_t room) {
    snprintf(cause, room, "%s", helper->cgroup_cause);
    return (int32_t)helper->cgroup_limits | (helper->cgroup ? OCTAVO_CGROUP_PLACED : 0);
}
