/*
 * What a plugin in Embedded Swift needs from C: the system's headers, memory for constant tables,
 * a small lock, and atomic counters. Everything is linked into the plugin itself.
 */
#ifndef OCTAVO_PLUGIN_KIT_H
#define OCTAVO_PLUGIN_KIT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/*
 * Zeroed, 16-aligned memory inside the plugin's own image: it lives exactly as long as the plugin is
 * mapped, so that descriptors, schemas and tables leave nothing behind. Ends the process when the
 * 64 KiB are used up: a mistake that the first call of octavo_plugin_v1 shows. Not thread-safe; only
 * for the once-run building of the descriptor.
 */
void *plugin_kit_static(size_t size);

/*
 * A lock of four bytes, 0 when free. For sections of a few hundred nanoseconds: it spins a little,
 * then sleeps in the kernel.
 */
typedef struct plugin_kit_lock {
    uint32_t state; /* 0 free, 1 taken, 2 taken and somebody may sleep */
} plugin_kit_lock;

void plugin_kit_lock_slow(plugin_kit_lock *lock);
void plugin_kit_wake(plugin_kit_lock *lock);

static inline void plugin_kit_acquire(plugin_kit_lock *lock) {
    uint32_t expected = 0;
    if (!__atomic_compare_exchange_n(&lock->state, &expected, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        plugin_kit_lock_slow(lock);
}

static inline void plugin_kit_release(plugin_kit_lock *lock) {
    if (__atomic_exchange_n(&lock->state, 0, __ATOMIC_RELEASE) == 2) plugin_kit_wake(lock);
}

/* Counters shared by threads. */
static inline void plugin_kit_retain(uint32_t *count) { __atomic_fetch_add(count, 1, __ATOMIC_RELAXED); }

/* 1 when this was the last one: the caller frees. */
static inline int32_t plugin_kit_drop(uint32_t *count) {
    return __atomic_fetch_sub(count, 1, __ATOMIC_ACQ_REL) == 1;
}

static inline int64_t plugin_kit_add(int64_t *counter, int64_t amount) {
    return __atomic_add_fetch(counter, amount, __ATOMIC_RELAXED);
}

static inline int64_t plugin_kit_load(const int64_t *counter) { return __atomic_load_n(counter, __ATOMIC_RELAXED); }

/*
 * A thread that the plugin joins, so that none of its code runs any more when an instance is destroyed.
 * It takes no signals. 0, or an errno.
 */
int32_t plugin_kit_thread_start(pthread_t *thread, const char *name, void (*fn)(void *_Nullable),
                                void *_Nullable argument);

/* CLOCK_MONOTONIC and CLOCK_REALTIME in nanoseconds. */
int64_t plugin_kit_monotonic(void);
int64_t plugin_kit_wall(void);

/*
 * A descriptor that is readable between set and clear; -1 when there is none to be had. `wait` returns when it is readable,
 * `descriptor` (-1: none) has one of `events` (POLL*), or `nanoseconds` are over: the events of `descriptor`, 0 for none.
 */
int32_t plugin_kit_event(void);
void plugin_kit_event_set(int32_t event);
void plugin_kit_event_clear(int32_t event);
int32_t plugin_kit_event_wait(int32_t event, int32_t descriptor, int32_t events, int64_t nanoseconds);

/* errno of the last call of this thread, and its text (for a person). */
int32_t plugin_kit_errno(void);
void plugin_kit_error_text(int32_t number, char *text, size_t size);

/* A number as text that reads back as the same number; its length. */
int32_t plugin_kit_format_double(double number, char *text, size_t size);

/* The process's environment: "NAME=value" texts, then NULL. Nobody changes it after the start. */
char *_Nullable const *_Nullable plugin_kit_environment(void);

/* Opens a file for reading; -1 and errno on failure. */
int32_t plugin_kit_open(const char *path);

/* Tells of the name of each entry of a folder that does not begin with a point; -1 and errno on failure. */
int32_t plugin_kit_folder(const char *path, void (*each)(void *_Nullable argument, const char *name), void *_Nullable argument);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
