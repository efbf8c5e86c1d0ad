#include "plugin_kit.h"

#include <dirent.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

static _Alignas(16) uint8_t room[64 * 1024];
static size_t used;

void *plugin_kit_static(size_t size) {
    size_t at = used;
    size = (size + 15) & ~(size_t)15;
    if (size > sizeof room - at) abort();
    used = at + size;
    return room + at;
}

static void futex(plugin_kit_lock *lock, int operation, uint32_t value) {
    int saved = errno;
    syscall(SYS_futex, &lock->state, operation, value, NULL, NULL, 0);
    errno = saved;
}

void plugin_kit_lock_slow(plugin_kit_lock *lock) {
    int turn;
    for (turn = 0; turn < 100; turn++) {
        uint32_t expected = 0;
        if (__atomic_load_n(&lock->state, __ATOMIC_RELAXED) == 0 &&
            __atomic_compare_exchange_n(&lock->state, &expected, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    while (__atomic_exchange_n(&lock->state, 2, __ATOMIC_ACQUIRE) != 0) futex(lock, FUTEX_WAIT_PRIVATE, 2);
}

void plugin_kit_wake(plugin_kit_lock *lock) { futex(lock, FUTEX_WAKE_PRIVATE, 1); }

typedef struct start {
    void (*fn)(void *);
    void *argument;
} start;

static void *run(void *argument) {
    start given = *(start *)argument;
    free(argument);
    given.fn(given.argument);
    return NULL;
}

int32_t plugin_kit_thread_start(pthread_t *thread, const char *name, void (*fn)(void *), void *argument) {
    start *given = malloc(sizeof *given);
    sigset_t all, before;
    int failed;
    if (!given) return ENOMEM;
    *given = (start){fn, argument};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(thread, NULL, run, given);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) free(given);
    else pthread_setname_np(*thread, name);
    return failed;
}

static int64_t clock_ns(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t plugin_kit_monotonic(void) { return clock_ns(CLOCK_MONOTONIC); }
int64_t plugin_kit_wall(void) { return clock_ns(CLOCK_REALTIME); }

int32_t plugin_kit_event(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void plugin_kit_event_set(int32_t event) { (void)!write(event, &(uint64_t){1}, 8); }

void plugin_kit_event_clear(int32_t event) {
    uint64_t count;
    (void)!read(event, &count, sizeof count);
}

int32_t plugin_kit_event_wait(int32_t event, int32_t descriptor, int32_t events, int64_t nanoseconds) {
    struct pollfd both[2] = {{.fd = event, .events = POLLIN}, {.fd = descriptor, .events = (short)events}};
    /* Rounded up: otherwise the last millisecond would be spent in turns. */
    int64_t milliseconds = (nanoseconds + 999999) / 1000000;
    if (milliseconds < 0) milliseconds = 0;
    if (milliseconds > INT_MAX) milliseconds = INT_MAX;
    return poll(both, descriptor < 0 ? 1 : 2, (int)milliseconds) > 0 ? both[1].revents : 0;
}

int32_t plugin_kit_errno(void) { return errno; }

void plugin_kit_error_text(int32_t number, char *text, size_t size) {
    const char *known = strerror_r(number, text, size);
    if (known != text) snprintf(text, size, "%s", known);
}

int32_t plugin_kit_format_double(double number, char *text, size_t size) {
    int length = snprintf(text, size, "%.17g", number);
    return length < 0 || (size_t)length >= size ? 0 : length;
}

char *const *plugin_kit_environment(void) { return environ; }

int32_t plugin_kit_open(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }

int32_t plugin_kit_folder(const char *path, void (*each)(void *argument, const char *name), void *argument) {
    DIR *entries = opendir(path);
    struct dirent *entry;
    if (!entries) return -1;
    while ((entry = readdir(entries))) {
        if (entry->d_name[0] != '.') each(argument, entry->d_name);
    }
    closedir(entries);
    return 0;
}
