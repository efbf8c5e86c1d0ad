/* What the operator lets this process have. Applied before anything of the plugin's runs; never taken back. */
#define _GNU_SOURCE
#include "limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "seccomp.h"

/* Between two looks of the runtime a process must not take the machine's memory. */
#define MEMORY_MARGIN (512ull << 20)

int64_t limits_number(int count, char *const *words, const char *name) {
    size_t size = strlen(name);
    int i;
    for (i = 0; i < count; i++)
        if (!strncmp(words[i], name, size) && words[i][size] == '=') return strtoll(words[i] + size + 1, NULL, 10);
    return -1;
}

static int limit(int what, uint64_t soft, uint64_t hard) {
    struct rlimit now, wanted = {soft, hard};
    if (getrlimit((__rlimit_resource_t)what, &now)) return errno;
    if (now.rlim_max != RLIM_INFINITY && wanted.rlim_max > now.rlim_max) wanted.rlim_max = now.rlim_max;
    if (wanted.rlim_cur > wanted.rlim_max) wanted.rlim_cur = wanted.rlim_max;
    return setrlimit((__rlimit_resource_t)what, &wanted) ? errno : 0;
}

/* Whoever has no core leaves none behind, whose writing would delay the answers of its callers; and it is
   the first to go when memory runs out. */
static void stand_back(void) {
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    if (write(file, "500", 3) < 0) errno = 0;
    close(file);
}

const char *limits_apply(int count, char *const *words, char *cause, size_t room) {
    int64_t memory = limits_number(count, words, "memory"), cpu = limits_number(count, words, "cpu");
    int64_t descriptors = limits_number(count, words, "descriptors"), processes = limits_number(count, words, "processes");
    int64_t profile = limits_number(count, words, "seccomp"), network = limits_number(count, words, "network");
    const char *what = "no new privileges";
    int failed = 0;
    stand_back();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) failed = errno;
    if (!failed) what = "no core dumps", failed = limit(RLIMIT_CORE, 0, 0);
    if (!failed && descriptors > 0) what = "descriptors", failed = limit(RLIMIT_NOFILE, (uint64_t)descriptors, (uint64_t)descriptors);
    if (!failed && memory > 0) {
        uint64_t most = 2 * (uint64_t)memory + MEMORY_MARGIN;
        what = "memory";
        failed = limit(RLIMIT_DATA, most, most);
    }
    /* At the soft limit comes SIGXCPU, which the report then names. */
    if (!failed && cpu > 0) what = "CPU time", failed = limit(RLIMIT_CPU, (uint64_t)cpu, (uint64_t)cpu + 1);
    if (!failed && processes > 0) what = "processes", failed = limit(RLIMIT_NPROC, (uint64_t)processes, (uint64_t)processes);
    /* A network of its own has nothing in it. Where that is not allowed, the filter alone keeps sockets away. */
    if (!failed && network == 0 && unshare(CLONE_NEWNET)) errno = 0;
    if (!failed && (profile > 0 || network == 0 || processes == 0)) {
        what = "the seccomp profile";
        failed = seccomp_install((int)profile, network == 0, processes == 0);
    }
    if (!failed) return NULL;
    snprintf(cause, room, "its process can't be limited (%s): %s", what, strerror(failed));
    return cause;
}
