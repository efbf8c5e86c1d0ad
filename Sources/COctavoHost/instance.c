#define _GNU_SOURCE
#include "instance.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

/* An inline call that takes longer holds up everything else on its event loop. */
#define INLINE_BUDGET_NS 1000000
/* One call in so many is measured: two readings of the clock cost as much as a small call. */
#define INLINE_SAMPLE 64u
/* What threads of a plugin's own get to return from their function after destroy. */
#define THREADS_END_MS 2000

#define DEFAULT_WORKERS 4u
#define MAX_WORKERS 64u

octavo_instance_events octavo_events;
_Thread_local octavo_instance *octavo_running;
_Thread_local octavo_call octavo_running_call;
_Thread_local octavo_busy *octavo_line;

octavo_call octavo_current_call(void) { return octavo_running_call; }

void octavo_instances_set_events(const octavo_instance_events *events) { octavo_events = *events; }

octavo_instance *octavo_instance_new(const octavo_type *type, const char *name, void *context, uint32_t queue_limit,
                                     uint64_t *stale) {
    octavo_instance *instance = calloc(1, sizeof *instance);
    uint32_t count = type->workers ? type->workers : DEFAULT_WORKERS;
    if (!instance) return NULL;
    instance->type = type;
    instance->context = context;
    instance->queue_limit = queue_limit;
    instance->stale = stale;
    snprintf(instance->name, sizeof instance->name, "%s", name);
    if (type->execution == OCTAVO_EXECUTION_REACTOR) {
        instance->reactor = octavo_reactor_new(instance);
        if (!instance->reactor) goto fail;
    } else if (type->execution == OCTAVO_EXECUTION_BLOCKING) {
        instance->workers = octavo_workers_new(instance, count < MAX_WORKERS ? count : MAX_WORKERS);
        if (!instance->workers) goto fail;
    }
    return instance;
fail:
    free(instance);
    return NULL;
}

int octavo_instance_run(octavo_instance *instance) {
    if (instance->reactor) return octavo_reactor_run(instance->reactor);
    if (instance->workers) return octavo_workers_run(instance->workers);
    return 0;
}

void octavo_instance_halt(octavo_instance *instance) {
    if (instance->reactor) octavo_reactor_halt(instance->reactor);
    if (instance->workers) octavo_workers_halt(instance->workers);
}

void octavo_instance_free(octavo_instance *instance) {
    if (instance->reactor) octavo_reactor_free(instance->reactor);
    if (instance->workers) octavo_workers_free(instance->workers);
    free(instance);
}

void octavo_instance_set_number(octavo_instance *instance, uint32_t number) { instance->number = number; }

void octavo_instance_set_remote(octavo_instance *instance, const void *remote) { instance->remote = remote; }
const void *octavo_instance_remote(const octavo_instance *instance) { return instance->remote; }

int octavo_instance_add_worker(octavo_instance *instance) {
    return instance->workers ? octavo_workers_add(instance->workers) : EAGAIN;
}

void octavo_thread_set_line(octavo_busy *line) { octavo_line = line; }

void octavo_thread_step(void) {
    octavo_busy *line = octavo_line;
    if (line) __atomic_store_n(&line->turn, line->turn + 2, __ATOMIC_RELEASE);
}

void octavo_instance_set_self(octavo_instance *instance, void *self) { instance->self = self; }
void *octavo_instance_self(const octavo_instance *instance) { return instance->self; }

octavo_instance_counters *octavo_instance_counters_of(octavo_instance *instance, uint32_t table) {
    return &instance->counters[table % OCTAVO_CALLS_MAX_TABLES];
}

octavo_instance_leftovers octavo_instance_leftovers_of(octavo_instance *instance) {
    octavo_instance_leftovers left = {0, 0, 0, 0, 0};
    if (instance->reactor) octavo_reactor_leftovers(instance->reactor, &left);
    left.threads = __atomic_load_n(&instance->threads, __ATOMIC_ACQUIRE);
    left.memory = __atomic_load_n(&instance->memory, __ATOMIC_ACQUIRE);
    return left;
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void run_inline(octavo_instance *instance, octavo_slot *slot) {
    octavo_instance_counters *counters = &instance->counters[octavo_calls_index(slot->table)];
    const octavo_op *info = slot->info;
    int64_t began, took;
    octavo_running = instance;
    if (counters->calls % INLINE_SAMPLE) {
        octavo_run_slot(instance, slot);
        octavo_running = NULL;
        return;
    }
    began = now_ns();
    octavo_run_slot(instance, slot);
    took = now_ns() - began;
    octavo_running = NULL;
    if (took < INLINE_BUDGET_NS) return;
    counters->slow++;
    if (octavo_events.slow) octavo_events.slow(instance->context, info, took);
}

int octavo_instance_submit(octavo_instance *instance, octavo_slot *slot) {
    if (instance->reactor) return octavo_reactor_submit(instance->reactor, slot);
    if (instance->workers) return octavo_workers_submit(instance->workers, slot);
    run_inline(instance, slot);
    return 0;
}

void octavo_instance_control(octavo_instance *instance, octavo_fn fn, void *argument) {
    octavo_instance *outer = octavo_running;
    int has_line = octavo_line != NULL;
    if (instance->reactor) {
        octavo_reactor_control(instance->reactor, fn, argument);
        return;
    }
    if (!has_line) octavo_thread_began(instance, OCTAVO_BUSY_CONTROL);
    octavo_running = instance;
    if (!has_line) octavo_enter(instance, NULL);
    fn(argument);
    if (!has_line) octavo_leave();
    octavo_running = outer;
    if (!has_line) octavo_thread_ended();
}

static void run_destroy(void *argument) {
    octavo_instance *instance = argument;
    instance->type->life->destroy(instance->self);
    /* What it left behind would be called with memory that it has just freed. */
    if (instance->reactor) octavo_reactor_seal(instance->reactor);
}

void octavo_instance_end(octavo_instance *instance) {
    const struct timespec pause = {0, 1000000};
    int i;
    /* An operation that has completed its call may still be on its way out of the plugin's code. */
    if (instance->workers) octavo_workers_halt(instance->workers);
    octavo_instance_control(instance, run_destroy, instance);
    octavo_instance_halt(instance);
    for (i = 0; i < THREADS_END_MS && __atomic_load_n(&instance->threads, __ATOMIC_ACQUIRE); i++) nanosleep(&pause, NULL);
}

typedef struct hint {
    octavo_instance *instance;
    octavo_call call;
} hint;

static void run_hint(void *argument) {
    hint given = *(hint *)argument;
    free(argument);
    given.instance->type->life->cancel(given.instance->self, given.call);
}

void octavo_instance_cancel(octavo_instance *instance, octavo_call call) {
    const octavo_life *life = instance->type->life;
    hint *given;
    if (!OCTAVO_HAS(life, cancel) || !life->cancel || instance->workers) return;
    if (!instance->reactor) {
        life->cancel(instance->self, call);
        return;
    }
    given = malloc(sizeof *given);
    if (!given) return;
    *given = (hint){instance, call};
    if (octavo_reactor_post(instance->reactor, run_hint, given) != OCTAVO_OK) free(given);
}

const octavo_type *octavo_instance_type(const octavo_instance *instance) { return instance->type; }
void *octavo_instance_context(const octavo_instance *instance) { return instance->context; }

void octavo_thread_name(const char *name) { prctl(PR_SET_NAME, name); }

typedef struct detached {
    octavo_fn fn;
    void *argument;
    char name[OCTAVO_INSTANCE_NAME];
} detached;

static void *run_detached(void *argument) {
    detached start = *(detached *)argument;
    free(argument);
    octavo_thread_name(start.name);
    start.fn(start.argument);
    return NULL;
}

int octavo_thread_create(pthread_t *thread, void *(*fn)(void *), void *argument) {
    static const int process_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM, SIGPIPE};
    sigset_t blocked, before;
    size_t i;
    int failed;
    sigemptyset(&blocked);
    for (i = 0; i < sizeof process_signals / sizeof *process_signals; i++) sigaddset(&blocked, process_signals[i]);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    failed = pthread_create(thread, NULL, fn, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

int octavo_thread_detached(const char *name, octavo_fn fn, void *argument) {
    detached *start = malloc(sizeof *start);
    pthread_t thread;
    int failed;
    if (!start) return ENOMEM;
    *start = (detached){fn, argument, {0}};
    snprintf(start->name, sizeof start->name, "%s", name);
    failed = octavo_thread_create(&thread, run_detached, start);
    if (failed) {
        free(start);
        return failed;
    }
    pthread_detach(thread);
    return 0;
}
