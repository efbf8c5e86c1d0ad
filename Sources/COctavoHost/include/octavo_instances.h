/*
 * Instances of components in this process, and the threads that they run on: none (inline), a
 * reactor, or workers.
 */
#ifndef OCTAVO_INSTANCES_H
#define OCTAVO_INSTANCES_H

#include <octavo_channel.h>

#include "octavo_calls.h"

OCTAVO_BEGIN

/* Counters of an instance, one set for each call table: written by its owner alone. */
typedef struct octavo_instance_counters {
    uint64_t calls;
    uint64_t errors;
    uint64_t in_flight; /* given to the plugin and not completed, the expired ones among them */
    uint64_t expired;   /* answered by the runtime, not completed by the plugin */
    uint64_t outages;   /* errors that said that the backend is away */
    uint64_t slow;      /* inline calls that held the loop for longer than a millisecond */
    uint64_t reserved[2]; /* a cache line of their own */
} octavo_instance_counters;

/* Text that a slice can't outlive: what an instance tells of itself goes to these, on any thread. */
typedef struct octavo_instance_events {
    void (*OCTAVO_NULLABLE log)(void *OCTAVO_NULLABLE context, octavo_call call, int32_t level, octavo_str message, octavo_list fields);
    int32_t (*OCTAVO_NULLABLE log_enabled)(void *OCTAVO_NULLABLE context, int32_t level);
    void (*OCTAVO_NULLABLE health)(void *OCTAVO_NULLABLE context, int32_t state, octavo_str reason);
    int32_t (*OCTAVO_NULLABLE secret_get)(void *OCTAVO_NULLABLE context, octavo_str store, octavo_str name, octavo_values_fn fn,
                          void *OCTAVO_NULLABLE argument);
    uint64_t (*OCTAVO_NULLABLE metric_define)(void *OCTAVO_NULLABLE context, const octavo_metric *metric);
    void (*OCTAVO_NULLABLE metric_update)(uint64_t metric, octavo_list labels, double value);
    /* A thread that runs a plugin's code has begun; `line` is what is known of it. Returns where it is to be
       written what the thread does, NULL: nowhere. On that thread. */
    octavo_busy *OCTAVO_NULLABLE (*OCTAVO_NULLABLE thread_began)(octavo_busy line);
    /* Its end, with what thread_began has returned. On that thread. */
    void (*OCTAVO_NULLABLE thread_ended)(octavo_busy *OCTAVO_NULLABLE line);
    /* What the plugin delivers, if that does not go to sources of this process; answers as octavo_host's do. */
    int32_t (*OCTAVO_NULLABLE deliver)(octavo_source source, uint64_t token, const void *message);
    int32_t (*OCTAVO_NULLABLE source_failed)(octavo_source source, const octavo_error *error);
    /* An inline operation held its event loop for so long. On that loop. */
    void (*OCTAVO_NULLABLE slow)(void *OCTAVO_NULLABLE context, const octavo_op *OCTAVO_NULLABLE info, int64_t ns);
} octavo_instance_events;

/* What events of all instances go to. Set once, before the first instance. */
void octavo_instances_set_events(const octavo_instance_events *events);

/* The table that plugins are given. */
const octavo_host *octavo_host_table(void);

/*
 * A new instance of `type`; nothing of the plugin is called. `name` becomes its threads' name.
 * `queue_limit` bounds requests that wait for its reactor or workers. `stale` counts completions of its
 * that come too late; atomic, it outlives the instance, NULL for nobody. NULL without memory or threads.
 */
octavo_instance *OCTAVO_NULLABLE octavo_instance_new(const octavo_type *type, const char *name, void *context,
                                                     uint32_t queue_limit, uint64_t *OCTAVO_NULLABLE stale);
/* Starts its threads. 0, or an errno. */
int octavo_instance_run(octavo_instance *instance);
/* The end of a started instance: its workers end, then the plugin's destroy on the control thread, after
   which nothing of the plugin's is called any more; then its other threads end. Blocks. No call of it may be
   open, and no operation of an inline one on any stack. */
void octavo_instance_end(octavo_instance *instance);
/* Stops its threads after what is queued. */
void octavo_instance_halt(octavo_instance *instance);
/* Frees it. No call of it may be open. */
void octavo_instance_free(octavo_instance *instance);

/* What a thread's line calls the instance; 0 until it is set. */
void octavo_instance_set_number(octavo_instance *instance, uint32_t number);
/* The instance is in another process, and `remote` speaks to it: operations without a reply are given their call,
   too, and `remote` completes it. Before its first call. */
void octavo_instance_set_remote(octavo_instance *instance, const void *OCTAVO_NULLABLE remote);
/* NULL: it is in this process. */
const void *OCTAVO_NULLABLE octavo_instance_remote(const octavo_instance *instance);
/* One more worker, in the place of one that does not come back; up to twice as many as the type has. 0, or
   EAGAIN: there are as many as may be, or it has no workers. */
int octavo_instance_add_worker(octavo_instance *instance);
/* The line that the calling thread writes what it does into; for the threads that call octavo_instance_submit
   on an inline instance. NULL: none. */
void octavo_thread_set_line(octavo_busy *OCTAVO_NULLABLE line);
/* The calling thread waits for something else than the plugin, and is not stuck. */
void octavo_thread_step(void);

void octavo_instance_set_self(octavo_instance *instance, void *OCTAVO_NULLABLE self);
void *OCTAVO_NULLABLE octavo_instance_self(const octavo_instance *instance);
octavo_instance_counters *octavo_instance_counters_of(octavo_instance *instance, uint32_t table);

/* What is left behind; all 0 is the proof that destroy cleaned up. */
typedef struct octavo_instance_leftovers {
    uint32_t watches;
    uint32_t timers;
    uint32_t threads;
    uint32_t posts;
    uint64_t memory;
} octavo_instance_leftovers;
octavo_instance_leftovers octavo_instance_leftovers_of(octavo_instance *instance);

/*
 * Calls slot->function with the instance's self, the slot's handle and its frame, where the type's
 * execution says: here and now, or on the reactor or a worker. 0, or EAGAIN when the queue is full
 * or ESHUTDOWN when the instance was halted: then nothing was called. Owner's thread of the slot.
 */
int octavo_instance_submit(octavo_instance *instance, octavo_slot *slot);

/* Hints that nobody waits for the call any more: the type's cancel, on the reactor or here when inline;
   workers are not asked. */
void octavo_instance_cancel(octavo_instance *instance, octavo_call call);
/* The type that the instance was made of. */
const octavo_type *octavo_instance_type(const octavo_instance *instance);
/* The context that the instance was made with. */
void *OCTAVO_NULLABLE octavo_instance_context(const octavo_instance *instance);

/*
 * Calls a life function on the control thread: the reactor thread of a reactor instance, otherwise
 * the calling one. Waits until `fn` has returned (not for the call's completion).
 */
void octavo_instance_control(octavo_instance *instance, octavo_fn fn, void *OCTAVO_NULLABLE argument);

/* The call whose operation runs on this thread, 0 for none: what a crash report names. May be called by a
   signal handler. */
octavo_call octavo_current_call(void);

/* From now on the signals arrive as bytes on the descriptor that is returned (-1: errno), and SIGPIPE is
   ignored. Once a process. */
int octavo_signals_open(const int *numbers, int count);

/* Runs `fn` on a new detached thread of that name, 0 or an errno. */
int octavo_thread_detached(const char *name, octavo_fn fn, void *OCTAVO_NULLABLE argument);

OCTAVO_END

#endif
