/* What a helper process has of the machine's. The kernel counts; the helper is not asked. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "isolated.h"

/* Counting descriptors may mean to read a folder. */
#define COUNT_NS 1000000000ll
/* Whoever has so few left can't work any more. */
#define DESCRIPTORS_LEFT 4u

/* Of a small file of /proc; 0 when it is not there any more. */
static size_t contents(int pid, const char *name, char *text, size_t room) {
    char path[64];
    ssize_t count;
    int file;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    count = read(file, text, room - 1);
    close(file);
    if (count < 0) count = 0;
    text[count] = 0;
    return (size_t)count;
}

/* Resident pages that are nobody else's. */
static uint64_t own_memory(int pid) {
    unsigned long long size, resident, shared;
    char text[256];
    if (!contents(pid, "statm", text, sizeof text) || sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3) return 0;
    return (resident > shared ? resident - shared : 0) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint32_t entries(int pid, const char *name) {
    char path[64];
    struct stat facts;
    uint32_t count = 0;
    DIR *folder;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    /* Newer kernels say how many there are. */
    if (!strcmp(name, "fd") && stat(path, &facts) == 0 && facts.st_size > 0) return (uint32_t)facts.st_size;
    folder = opendir(path);
    while (folder && readdir(folder)) count++;
    if (folder) closedir(folder);
    return count > 2 ? count - 2 : 0;
}

const char *watch_usage(octavo_helper *helper, int64_t now) {
    const octavo_limits *limits = &helper->isolated->limits;
    octavo_usage usage = helper->usage;
    uint32_t most = limits->descriptors ? limits->descriptors : OCTAVO_DESCRIPTORS;
    usage.memory = own_memory(helper->pid);
    /* It has just been killed: what counts is what it had. */
    if (!usage.memory) return NULL;
    if (now - helper->counted_at >= COUNT_NS) {
        helper->counted_at = now;
        usage.descriptors = entries(helper->pid, "fd");
        usage.threads = entries(helper->pid, "task");
    }
    pthread_mutex_lock(&helper->lock);
    helper->usage = usage;
    pthread_mutex_unlock(&helper->lock);
    if (limits->memory && usage.memory > limits->memory) return "memory: it has more than its limit allows";
    if (usage.descriptors + DESCRIPTORS_LEFT > most) return "descriptors: it has opened all that its limit allows, and leaks them";
    return NULL;
}

int64_t processor_time(int pid) {
    struct timespec spent;
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &spent)) return 0;
    return (int64_t)spent.tv_sec * 1000000000 + spent.tv_nsec;
}

int wants_processor(int pid) {
    char name[64], text[256];
    const struct dirent *entry;
    const char *behind;
    DIR *folder;
    int is_running = 0;
    snprintf(name, sizeof name, "/proc/%d/task", pid);
    folder = opendir(name);
    while (folder && !is_running && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.' || snprintf(name, sizeof name, "task/%.20s/stat", entry->d_name) < 0) continue;
        /* The state follows the thread's name, which may hold anything. */
        if (!contents(pid, name, text, sizeof text) || !(behind = strrchr(text, ')'))) continue;
        is_running = behind[1] == ' ' && behind[2] == 'R';
    }
    if (folder) closedir(folder);
    return is_running;
}
