/* What the runtime offers a plugin. */
#ifndef OCTAVO_HOST_H
#define OCTAVO_HOST_H

#include "octavo/octavo_types.h"
#include "octavo/octavo_schema.h"

OCTAVO_BEGIN

/* Bits of octavo_host.features and octavo_plugin.requires. */
#define OCTAVO_FEATURE_CALLS 0x1ull    /* complete, reply_buffer, deadline, is_open */
#define OCTAVO_FEATURE_STREAMS 0x2ull  /* stream_write, stream_credit */
#define OCTAVO_FEATURE_SOURCES 0x4ull  /* deliver, source_failed */
#define OCTAVO_FEATURE_METRICS 0x8ull
#define OCTAVO_FEATURE_TRACING 0x10ull
#define OCTAVO_FEATURE_REACTOR 0x20ull /* watches, timers, post */
#define OCTAVO_FEATURE_MEMORY 0x40ull
#define OCTAVO_FEATURE_THREADS 0x80ull
#define OCTAVO_FEATURE_SECRETS 0x100ull
#define OCTAVO_FEATURE_CONFIG 0x200ull
#define OCTAVO_FEATURE_REPLY_FD 0x400ull

#define OCTAVO_LOG_TRACE 0
#define OCTAVO_LOG_DEBUG 1
#define OCTAVO_LOG_INFO 2
#define OCTAVO_LOG_WARNING 3
#define OCTAVO_LOG_ERROR 4

#define OCTAVO_HEALTH_UNKNOWN 0
#define OCTAVO_HEALTH_HEALTHY 1
#define OCTAVO_HEALTH_DEGRADED 2
#define OCTAVO_HEALTH_UNHEALTHY 3

#define OCTAVO_METRIC_COUNTER 0
#define OCTAVO_METRIC_GAUGE 1
#define OCTAVO_METRIC_HISTOGRAM 2

/* What a watch waits for, and what it reports. */
#define OCTAVO_EVENT_READABLE 0x1u
#define OCTAVO_EVENT_WRITABLE 0x2u
#define OCTAVO_EVENT_CLOSED 0x4u /* hang-up or error; reported whether asked for or not */

#define OCTAVO_ROLE_CONTROL 0
#define OCTAVO_ROLE_REACTOR 1
#define OCTAVO_ROLE_WORKER 2
#define OCTAVO_ROLE_LOOP 3

/* A metric of a plugin. Label names are fixed here, so the number of series is bounded. */
typedef struct octavo_metric {
    uint32_t size;
    int32_t kind;       /* OCTAVO_METRIC_COUNTER … */
    octavo_str name;    /* snake_case, without the prefix that the runtime gives */
    octavo_str unit;    /* "seconds", "bytes" or absent */
    octavo_str help;
    octavo_list labels; /* of octavo_str */
} octavo_metric;

typedef void (*octavo_fn)(void *OCTAVO_NULLABLE argument);
typedef void (*octavo_watch_fn)(void *OCTAVO_NULLABLE argument, int32_t descriptor, uint32_t events);
/* `error` or `values` (of octavo_pair); both valid during the call. */
typedef void (*octavo_values_fn)(void *OCTAVO_NULLABLE argument, const octavo_error *OCTAVO_NULLABLE error,
                                 octavo_list values);

/*
 * The table of host services. Valid for as long as the plugin is loaded. A null member, or one
 * beyond `size`, is not offered; `features` says so in groups.
 */
typedef struct octavo_host {
    uint32_t size;
    uint32_t minor;    /* OCTAVO_ABI_MINOR of the runtime */
    uint64_t features; /* OCTAVO_FEATURE_* */

    /*
     * Ends a call: with `error`, or with the reply structure of its operation (NULL for an empty
     * one). Both, and what they point at, are copied before it returns. The first complete of a
     * call wins; any later one answers STALE and changes nothing. INVALID: the reply's size is
     * smaller than the structure's first version. [any]
     */
    int32_t (*complete)(octavo_call call, const octavo_error *OCTAVO_NULLABLE error,
                        const void *OCTAVO_NULLABLE reply);
    /*
     * Memory of `size` bytes that ends up in the reply without another copy, when its address is
     * put in a slice of the reply. Owned by the runtime; valid until complete. One a call.
     * STALE, TOO_LARGE, NO_MEMORY. [any]
     */
    int32_t (*reply_buffer)(octavo_call call, uint64_t size, octavo_buffer *out);
    /* Sends a chunk (at most 256 KiB) of a stream; copied before it returns. WAIT: taken, but give
       no more until on_writable. STALE. [any] */
    int32_t (*stream_write)(octavo_call call, octavo_bytes chunk);
    /* Lets `chunks` more incoming chunks in. [any] */
    int32_t (*stream_credit)(octavo_call call, uint32_t chunks);
    /* When the call must have ended; 0 = no deadline or no such call. [any] */
    int64_t (*deadline)(octavo_call call);
    /* 1 while somebody still waits for the answer, else 0. [any] */
    int32_t (*is_open)(octavo_call call);

    /* Hands over a message of a source: the message structure of its kind, copied before it
       returns. `token` is the plugin's own name for it, settled exactly once. NO_CREDIT, STALE. [any] */
    int32_t (*deliver)(octavo_source source, uint64_t token, const void *message);
    /* The source ended by itself; the runtime opens it again. [any] */
    int32_t (*source_failed)(octavo_source source, const octavo_error *error);

    /* One log line with fields (octavo_pair). `call` may be 0. Rate-limited. [any] */
    void (*log)(octavo_instance *OCTAVO_NULLABLE instance, octavo_call call, int32_t level,
                octavo_str message, octavo_list fields);
    /* Whether a line of this level would be written: 1 or 0. [any] */
    int32_t (*log_enabled)(octavo_instance *OCTAVO_NULLABLE instance, int32_t level);

    /* A handle for the metric, 0 when there are too many. Call it in create or start. [control] */
    uint64_t (*metric_define)(octavo_instance *instance, const octavo_metric *metric);
    /* Adds to a counter or sets a gauge; `labels` (octavo_str) in the order of the definition. [any] */
    void (*metric_add)(uint64_t metric, octavo_list labels, double value);
    /* Records a value in a histogram. [any] */
    void (*metric_record)(uint64_t metric, octavo_list labels, double value);

    /* A span below the call's; 0 when the call is not traced (the other two then do nothing). [any] */
    uint64_t (*span_begin)(octavo_call call, octavo_str name);
    void (*span_attribute)(uint64_t span, octavo_str name, octavo_str value);
    void (*span_end)(uint64_t span, const octavo_error *OCTAVO_NULLABLE error);

    /* CLOCK_MONOTONIC in nanoseconds. [any] */
    int64_t (*now)(void);
    /* Calls `fn(argument)` once on the reactor thread after `delay_ns`. The timer's handle, 0 when
       there are too many. [reactor] */
    uint64_t (*timer_set)(octavo_instance *instance, int64_t delay_ns, octavo_fn fn,
                          void *OCTAVO_NULLABLE argument);
    /* STALE when it has fired. [reactor] */
    int32_t (*timer_cancel)(octavo_instance *instance, uint64_t timer);

    /* Calls `fn` on the reactor thread while one of `events` (OCTAVO_EVENT_*) holds: level-triggered.
       The descriptor stays the plugin's. The watch's handle, 0 when the descriptor can't be watched.
       [reactor] */
    uint64_t (*watch_add)(octavo_instance *instance, int32_t descriptor, uint32_t events,
                          octavo_watch_fn fn, void *OCTAVO_NULLABLE argument);
    /* New `events`; 0 pauses the watch. [reactor] */
    int32_t (*watch_change)(octavo_instance *instance, uint64_t watch, uint32_t events);
    /* Before the descriptor is closed. [reactor] */
    int32_t (*watch_remove)(octavo_instance *instance, uint64_t watch);
    /* Runs `fn(argument)` on the reactor thread, in the order of the posts. STALE after stop. [any] */
    int32_t (*post)(octavo_instance *instance, octavo_fn fn, void *OCTAVO_NULLABLE argument);

    /* Memory with the instance's name on it and under its limit. 16-aligned. Optional to use. [any] */
    void *OCTAVO_NULLABLE (*OCTAVO_NULLABLE alloc)(octavo_instance *instance, uint64_t size);
    void *OCTAVO_NULLABLE (*OCTAVO_NULLABLE resize)(octavo_instance *instance, void *OCTAVO_NULLABLE memory,
                                                    uint64_t size);
    void (*OCTAVO_NULLABLE free)(octavo_instance *instance, void *OCTAVO_NULLABLE memory);

    /* A thread of the plugin's own, named and counted. It must have ended before destroy returns. [any] */
    int32_t (*thread_start)(octavo_instance *instance, octavo_str name, octavo_fn fn,
                            void *OCTAVO_NULLABLE argument);
    /* 1 when the calling thread has the role (OCTAVO_ROLE_*) for this instance; for asserts. [any] */
    int32_t (*thread_is)(octavo_instance *instance, int32_t role);

    /* Reads a secret, or configuration items, from a component of the runtime; `fn` is called once,
       on the reactor thread of a reactor instance, else on a thread of the runtime. [any] */
    int32_t (*secret_get)(octavo_instance *instance, octavo_str store, octavo_str name, octavo_values_fn fn,
                          void *OCTAVO_NULLABLE argument);
    int32_t (*config_get)(octavo_instance *instance, octavo_str store, octavo_list keys, octavo_values_fn fn,
                          void *OCTAVO_NULLABLE argument);

    /* What the instance knows of its backend (OCTAVO_HEALTH_*), whenever it changes. [any] */
    void (*report_health)(octavo_instance *instance, int32_t state, octavo_str reason);

    /* Answers a call with a range of an open regular file instead of bytes. The descriptor is
       duplicated. Put an empty slice in the reply's data. [any] */
    int32_t (*reply_fd)(octavo_call call, int32_t descriptor, uint64_t offset, uint64_t length);

    /* Fills `out` with random bytes that are fit for keys. [any] */
    void (*random)(octavo_buffer out);
} octavo_host;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_metric, 72);
OCTAVO_ASSERT_OFFSET(octavo_host, features, 8);
OCTAVO_ASSERT_OFFSET(octavo_host, complete, 16);
OCTAVO_ASSERT_OFFSET(octavo_host, reply_buffer, 24);
OCTAVO_ASSERT_OFFSET(octavo_host, stream_write, 32);
OCTAVO_ASSERT_OFFSET(octavo_host, stream_credit, 40);
OCTAVO_ASSERT_OFFSET(octavo_host, deadline, 48);
OCTAVO_ASSERT_OFFSET(octavo_host, is_open, 56);
OCTAVO_ASSERT_OFFSET(octavo_host, deliver, 64);
OCTAVO_ASSERT_OFFSET(octavo_host, source_failed, 72);
OCTAVO_ASSERT_OFFSET(octavo_host, log, 80);
OCTAVO_ASSERT_OFFSET(octavo_host, log_enabled, 88);
OCTAVO_ASSERT_OFFSET(octavo_host, metric_define, 96);
OCTAVO_ASSERT_OFFSET(octavo_host, metric_add, 104);
OCTAVO_ASSERT_OFFSET(octavo_host, metric_record, 112);
OCTAVO_ASSERT_OFFSET(octavo_host, span_begin, 120);
OCTAVO_ASSERT_OFFSET(octavo_host, span_attribute, 128);
OCTAVO_ASSERT_OFFSET(octavo_host, span_end, 136);
OCTAVO_ASSERT_OFFSET(octavo_host, now, 144);
OCTAVO_ASSERT_OFFSET(octavo_host, timer_set, 152);
OCTAVO_ASSERT_OFFSET(octavo_host, timer_cancel, 160);
OCTAVO_ASSERT_OFFSET(octavo_host, watch_add, 168);
OCTAVO_ASSERT_OFFSET(octavo_host, watch_change, 176);
OCTAVO_ASSERT_OFFSET(octavo_host, watch_remove, 184);
OCTAVO_ASSERT_OFFSET(octavo_host, post, 192);
OCTAVO_ASSERT_OFFSET(octavo_host, alloc, 200);
OCTAVO_ASSERT_OFFSET(octavo_host, resize, 208);
OCTAVO_ASSERT_OFFSET(octavo_host, free, 216);
OCTAVO_ASSERT_OFFSET(octavo_host, thread_start, 224);
OCTAVO_ASSERT_OFFSET(octavo_host, thread_is, 232);
OCTAVO_ASSERT_OFFSET(octavo_host, secret_get, 240);
OCTAVO_ASSERT_OFFSET(octavo_host, config_get, 248);
OCTAVO_ASSERT_OFFSET(octavo_host, report_health, 256);
OCTAVO_ASSERT_OFFSET(octavo_host, reply_fd, 264);
OCTAVO_ASSERT_OFFSET(octavo_host, random, 272);
OCTAVO_ASSERT_SIZE(octavo_host, 280);

#endif
