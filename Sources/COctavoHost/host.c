/* The host table: each function finds its instance, table or reactor and goes there. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "instance.h"
#include "octavo_sources.h"

#define LOG_MESSAGE_MAX 4096

static int32_t no_stream_write(octavo_call call, octavo_bytes chunk) { return (void)call, (void)chunk, OCTAVO_UNSUPPORTED; }
static int32_t no_stream_credit(octavo_call call, uint32_t chunks) { return (void)call, (void)chunks, OCTAVO_UNSUPPORTED; }
static uint64_t no_span_begin(octavo_call call, octavo_str name) { return (void)call, (void)name, 0; }
static void no_span_attribute(uint64_t span, octavo_str name, octavo_str value) { (void)span, (void)name, (void)value; }
static void no_span_end(uint64_t span, const octavo_error *error) { (void)span, (void)error; }
static int32_t no_config_get(octavo_instance *instance, octavo_str store, octavo_list keys, octavo_values_fn fn,
                             void *argument) {
    return (void)instance, (void)store, (void)keys, (void)fn, (void)argument, OCTAVO_UNSUPPORTED;
}
static int32_t no_reply_fd(octavo_call call, int32_t descriptor, uint64_t offset, uint64_t length) {
    return (void)call, (void)descriptor, (void)offset, (void)length, OCTAVO_UNSUPPORTED;
}

static int32_t host_deliver(octavo_source source, uint64_t token, const void *message) {
    return octavo_events.deliver ? octavo_events.deliver(source, token, message) : octavo_sources_deliver(source, token, message);
}

static int32_t host_source_failed(octavo_source source, const octavo_error *error) {
    return octavo_events.source_failed ? octavo_events.source_failed(source, error) : octavo_sources_failed(source, error);
}

static void host_log(octavo_instance *instance, octavo_call call, int32_t level, octavo_str message,
                     octavo_list fields) {
    if (message.size > LOG_MESSAGE_MAX) message.size = LOG_MESSAGE_MAX;
    if (octavo_events.log) octavo_events.log(instance ? instance->context : NULL, call, level, message, fields);
}

static int32_t host_log_enabled(octavo_instance *instance, int32_t level) {
    return octavo_events.log_enabled ? octavo_events.log_enabled(instance ? instance->context : NULL, level) : 0;
}

static uint64_t host_metric_define(octavo_instance *instance, const octavo_metric *metric) {
    return instance && octavo_events.metric_define ? octavo_events.metric_define(instance->context, metric) : 0;
}

static void host_metric_update(uint64_t metric, octavo_list labels, double value) {
    if (metric && octavo_events.metric_update) octavo_events.metric_update(metric, labels, value);
}

static int64_t host_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static uint64_t host_timer_set(octavo_instance *instance, int64_t delay_ns, octavo_fn fn, void *argument) {
    return instance && instance->reactor ? octavo_reactor_timer_set(instance->reactor, delay_ns, fn, argument) : 0;
}

static int32_t host_timer_cancel(octavo_instance *instance, uint64_t timer) {
    return instance && instance->reactor ? octavo_reactor_timer_cancel(instance->reactor, timer) : OCTAVO_UNSUPPORTED;
}

static uint64_t host_watch_add(octavo_instance *instance, int32_t descriptor, uint32_t events, octavo_watch_fn fn,
                               void *argument) {
    return instance && instance->reactor ? octavo_reactor_watch_add(instance->reactor, descriptor, events, fn, argument) : 0;
}

static int32_t host_watch_change(octavo_instance *instance, uint64_t watch, uint32_t events) {
    return instance && instance->reactor ? octavo_reactor_watch_change(instance->reactor, watch, events) : OCTAVO_UNSUPPORTED;
}

static int32_t host_watch_remove(octavo_instance *instance, uint64_t watch) {
    return instance && instance->reactor ? octavo_reactor_watch_remove(instance->reactor, watch) : OCTAVO_UNSUPPORTED;
}

static int32_t host_post(octavo_instance *instance, octavo_fn fn, void *argument) {
    return instance && instance->reactor ? octavo_reactor_post(instance->reactor, fn, argument) : OCTAVO_UNSUPPORTED;
}

/* The size is kept before the memory, which stays 16-aligned. */
static void *host_alloc(octavo_instance *instance, uint64_t size) {
    uint64_t *block = instance && size < SIZE_MAX - 16 ? malloc(size + 16) : NULL;
    if (!block) return NULL;
    block[0] = size;
    __atomic_add_fetch(&instance->memory, size, __ATOMIC_RELAXED);
    return block + 2;
}

static void host_free(octavo_instance *instance, void *memory) {
    uint64_t *block = memory;
    if (!block || !instance) return;
    __atomic_sub_fetch(&instance->memory, block[-2], __ATOMIC_RELAXED);
    free(block - 2);
}

static void *host_resize(octavo_instance *instance, void *memory, uint64_t size) {
    uint64_t before = memory ? ((uint64_t *)memory)[-2] : 0;
    void *moved = host_alloc(instance, size);
    if (!moved) return NULL;
    if (memory) memcpy(moved, memory, before < size ? before : size);
    host_free(instance, memory);
    return moved;
}

typedef struct own_thread {
    octavo_instance *instance;
    octavo_fn fn;
    void *argument;
} own_thread;

static void *run_thread(void *argument) {
    own_thread start = *(own_thread *)argument;
    free(argument);
    octavo_thread_began(start.instance, 0);
    start.fn(start.argument);
    octavo_thread_ended();
    __atomic_sub_fetch(&start.instance->threads, 1, __ATOMIC_RELEASE);
    return NULL;
}

static int32_t host_thread_start(octavo_instance *instance, octavo_str name, octavo_fn fn, void *argument) {
    own_thread *start = instance && fn ? malloc(sizeof *start) : NULL;
    char short_name[OCTAVO_INSTANCE_NAME] = {0};
    pthread_t thread;
    if (!instance || !fn) return OCTAVO_INVALID;
    if (!start) return OCTAVO_NO_MEMORY;
    *start = (own_thread){instance, fn, argument};
    __atomic_add_fetch(&instance->threads, 1, __ATOMIC_RELAXED);
    if (octavo_thread_create(&thread, run_thread, start)) {
        __atomic_sub_fetch(&instance->threads, 1, __ATOMIC_RELAXED);
        free(start);
        return OCTAVO_NO_MEMORY;
    }
    if (name.data) memcpy(short_name, name.data, name.size < sizeof short_name - 1 ? name.size : sizeof short_name - 1);
    pthread_setname_np(thread, short_name);
    pthread_detach(thread);
    return OCTAVO_OK;
}

static int32_t host_thread_is(octavo_instance *instance, int32_t role) {
    if (!instance) return 0;
    switch (role) {
    case OCTAVO_ROLE_REACTOR: return instance->reactor && octavo_reactor_is_here(instance->reactor);
    case OCTAVO_ROLE_WORKER: return instance->workers && octavo_workers_is_here(instance->workers);
    default: return 0;
    }
}

static int32_t host_secret_get(octavo_instance *instance, octavo_str store, octavo_str name, octavo_values_fn fn,
                               void *argument) {
    if (!instance || !fn) return OCTAVO_INVALID;
    if (!octavo_events.secret_get) return OCTAVO_UNSUPPORTED;
    return octavo_events.secret_get(instance->context, store, name, fn, argument);
}

static void host_report_health(octavo_instance *instance, int32_t state, octavo_str reason) {
    if (instance && octavo_events.health) octavo_events.health(instance->context, state, reason);
}

static void host_random(octavo_buffer out) {
    uint64_t done = 0;
    while (done < out.size) {
        ssize_t got = getrandom(out.data + done, out.size - done, 0);
        if (got > 0) done += (uint64_t)got;
    }
}

static const octavo_host table = {
    .size = sizeof(octavo_host),
    .minor = OCTAVO_ABI_MINOR,
    .features = OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_SOURCES | OCTAVO_FEATURE_REACTOR | OCTAVO_FEATURE_MEMORY | OCTAVO_FEATURE_THREADS,
    .complete = octavo_calls_complete,
    .reply_buffer = octavo_calls_reply_buffer,
    .stream_write = no_stream_write,
    .stream_credit = no_stream_credit,
    .deadline = octavo_calls_deadline,
    .is_open = octavo_calls_is_open,
    .deliver = host_deliver,
    .source_failed = host_source_failed,
    .log = host_log,
    .log_enabled = host_log_enabled,
    .metric_define = host_metric_define,
    .metric_add = host_metric_update,
    .metric_record = host_metric_update,
    .span_begin = no_span_begin,
    .span_attribute = no_span_attribute,
    .span_end = no_span_end,
    .now = host_now,
    .timer_set = host_timer_set,
    .timer_cancel = host_timer_cancel,
    .watch_add = host_watch_add,
    .watch_change = host_watch_change,
    .watch_remove = host_watch_remove,
    .post = host_post,
    .alloc = host_alloc,
    .resize = host_resize,
    .free = host_free,
    .thread_start = host_thread_start,
    .thread_is = host_thread_is,
    .secret_get = host_secret_get,
    .config_get = no_config_get,
    .report_health = host_report_health,
    .reply_fd = no_reply_fd,
    .random = host_random,
};

const octavo_host *octavo_host_table(void) { return &table; }
