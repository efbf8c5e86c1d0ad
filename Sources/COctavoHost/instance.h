/* The runtime's side of an instance. */
#ifndef OCTAVO_INSTANCE_H
#define OCTAVO_INSTANCE_H

#include <pthread.h>

#include "octavo_instances.h"

/* More than this is never one reply. */
#define OCTAVO_REPLY_BUFFER_MAX (256ull << 20)
#define OCTAVO_INSTANCE_NAME 16

typedef struct reactor reactor;
typedef struct workers workers;

struct octavo_instance {
    const octavo_type *type;
    void *self;
    void *context;
    char name[OCTAVO_INSTANCE_NAME];
    reactor *reactor; /* of a reactor type */
    workers *workers; /* of a blocking type */
    uint32_t queue_limit;
    uint64_t *stale; /* atomic */
    uint32_t threads; /* of its own, made by thread_start; atomic */
    uint64_t memory;  /* bytes given by alloc; atomic */
    uint32_t number;  /* for the line of a thread */
    const void *remote; /* of an instance in another process: who speaks to it */
    octavo_instance_counters counters[OCTAVO_CALLS_MAX_TABLES];
};

extern octavo_instance_events octavo_events;

/* Whose code runs on this thread; NULL on a thread that a plugin made behind our back. */
extern _Thread_local octavo_instance *octavo_running;
/* The call whose operation is on this thread's stack. */
extern _Thread_local octavo_call octavo_running_call;

/* Where this thread writes what it does; NULL: nobody looks. */
extern _Thread_local octavo_busy *octavo_line;

/* What a thread that runs a plugin's code begins with. `kind`: OCTAVO_BUSY_*, 0 = it serves no calls. */
static inline void octavo_thread_began(octavo_instance *instance, uint32_t kind) {
    octavo_running = instance;
    if (octavo_events.thread_began)
        octavo_line = octavo_events.thread_began((octavo_busy){.kind = kind, .instance = instance->number});
}

static inline void octavo_thread_ended(void) {
    if (octavo_events.thread_ended) octavo_events.thread_ended(octavo_line);
    octavo_line = NULL;
}

/* The thread goes into the plugin's code, for the call of `slot` or for none. Plain stores to a cache line
   of its own: the hand of whoever looks measures the time. */
static inline void octavo_enter(const octavo_instance *instance, const octavo_slot *slot) {
    octavo_busy *line = octavo_line;
    if (!line) return;
    __atomic_store_n(&line->call, slot ? (octavo_call)(uintptr_t)slot->waiter : 0, __ATOMIC_RELAXED);
    __atomic_store_n(&line->deadline_ns, slot ? slot->deadline_ns : 0, __ATOMIC_RELAXED);
    __atomic_store_n(&line->instance, instance->number, __ATOMIC_RELAXED);
    __atomic_store_n(&line->op, slot ? slot->op : UINT32_MAX, __ATOMIC_RELAXED);
    __atomic_store_n(&line->turn, line->turn + 1, __ATOMIC_RELEASE);
}

static inline void octavo_leave(void) {
    octavo_busy *line = octavo_line;
    if (line) __atomic_store_n(&line->turn, line->turn + 1, __ATOMIC_RELEASE);
}

/* The thread, which is inside, goes on as one of another kind: CONTROL, or what it was. */
static inline void octavo_thread_change(uint32_t kind) {
    octavo_busy *line = octavo_line;
    if (!line) return;
    /* First, so that whoever sees the kind of before again sees that time has begun anew. */
    __atomic_store_n(&line->turn, line->turn + 2, __ATOMIC_RELEASE);
    __atomic_store_n(&line->kind, kind, __ATOMIC_RELEASE);
}

/* Names the calling thread; cheaper than to name another one. */
void octavo_thread_name(const char *name);

/* pthread_create for a thread that runs a plugin's code: signals go to the runtime's own threads. */
int octavo_thread_create(pthread_t *thread, void *(*fn)(void *), void *argument);

/* Runs the function of a slot on the calling thread. An operation without a reply is told no call; who has the
   instance itself ends it, unless the operation goes on in another process. */
static inline void octavo_run_slot(octavo_instance *instance, octavo_slot *slot) {
    octavo_call call = octavo_calls_handle(slot);
    int is_told = slot->info && !slot->info->reply;
    octavo_running_call = call;
    octavo_enter(instance, slot);
    slot->function(instance->self, is_told && !instance->remote ? 0 : call, slot->frame);
    octavo_leave();
    octavo_running_call = 0;
    if (is_told && !instance->remote) octavo_calls_complete(call, NULL, NULL);
}

reactor *octavo_reactor_new(octavo_instance *instance);
int octavo_reactor_run(reactor *reactor);
int octavo_reactor_submit(reactor *reactor, octavo_slot *slot);
void octavo_reactor_control(reactor *reactor, octavo_fn fn, void *argument);
/* Nothing of the plugin's is called any more; what comes is counted. On the reactor's thread. */
void octavo_reactor_seal(reactor *reactor);
void octavo_reactor_halt(reactor *reactor);
void octavo_reactor_free(reactor *reactor);
int octavo_reactor_is_here(const reactor *reactor);
int octavo_reactor_post(reactor *reactor, octavo_fn fn, void *argument);
uint64_t octavo_reactor_timer_set(reactor *reactor, int64_t delay_ns, octavo_fn fn, void *argument);
int32_t octavo_reactor_timer_cancel(reactor *reactor, uint64_t timer);
uint64_t octavo_reactor_watch_add(reactor *reactor, int descriptor, uint32_t events, octavo_watch_fn fn,
                                  void *argument);
int32_t octavo_reactor_watch_change(reactor *reactor, uint64_t watch, uint32_t events);
int32_t octavo_reactor_watch_remove(reactor *reactor, uint64_t watch);
void octavo_reactor_leftovers(reactor *reactor, octavo_instance_leftovers *out);

workers *octavo_workers_new(octavo_instance *instance, uint32_t count);
int octavo_workers_run(workers *workers);
int octavo_workers_submit(workers *workers, octavo_slot *slot);
int octavo_workers_add(workers *workers);
void octavo_workers_halt(workers *workers);
void octavo_workers_free(workers *workers);
int octavo_workers_is_here(const workers *workers);

#endif
