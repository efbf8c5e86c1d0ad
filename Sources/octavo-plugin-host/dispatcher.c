/*
 * Takes calls out of the channels and gives them to the instances; flattens what comes back into the
 * completion ring. One thread takes; any thread completes, under the channel's lock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <octavo_ring.h>

#include "serve.h"

/* Calls taken in one go, so that no channel waits for another. */
#define BATCH 64u
/* A structure of a small request, its lists included. */
#define SMALL_FRAME 4096u
/* Replies go around within the first so many bytes, unless more are under way. */
#define WINDOW (1u << 20)
/* How long the thread looks for more before it sleeps. */
#define SPIN_NS 20000
/* Spinning that finds nothing is switched off for a while: a sidecar leaves the processor to the app. */
#define SPIN_WINDOW 32u
#define SPIN_HITS 20u
#define SPIN_PAUSE_MIN 256u
#define SPIN_PAUSE_MAX 65536u

typedef struct channel {
    octavo_words *own;         /* in P */
    const octavo_words *peer;  /* in H */
    const octavo_entry *submissions;
    octavo_entry *completions;
    const uint8_t *requests;
    uint8_t *replies;
    octavo_calls *calls;
    octavo_call *local;        /* by slot of the runtime's handle: ours */
    uint32_t head;             /* submissions taken */
    pthread_mutex_t lock;      /* of what follows */
    uint32_t tail;             /* completions published */
    uint32_t rung;
    uint64_t written;          /* bytes of `replies`, counted since the start */
    int doorbell;
} channel;

static channel channels[OCTAVO_CHANNELS_MAX];
static uint32_t channel_count;
static uint64_t area_size;
static uint64_t passes; /* turns of the dispatcher; atomic */
static int asleep;      /* atomic */

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The runtime is slow to read: the plugin waits, which is what back-pressure is. */
static void pause_a_little(void) {
    const struct timespec little = {0, 20000};
    octavo_thread_step();
    nanosleep(&little, NULL);
}

/* Room for `bytes` of a reply (at most half of the area), in one piece: its place, and in `end` the count after it. Under the lock. */
static uint8_t *reply_room(channel *to, uint64_t bytes, uint64_t *end) {
    uint64_t at = to->written % area_size, begin = to->written, again = begin + area_size - at;
    if (at + bytes > area_size) begin = again;
    /* Back to the start as soon as it is free: memory that is not needed is not touched. */
    else if (at && at + bytes > WINDOW && again + bytes - __atomic_load_n(&to->peer->released, __ATOMIC_ACQUIRE) <= area_size)
        begin = again;
    while (begin + bytes - __atomic_load_n(&to->peer->released, __ATOMIC_ACQUIRE) > area_size) pause_a_little();
    *end = begin + bytes;
    return to->replies + begin % area_size;
}

static void publish(channel *to, octavo_entry entry) {
    while (to->tail - __atomic_load_n(&to->peer->head, __ATOMIC_ACQUIRE) >= OCTAVO_COMPLETIONS) pause_a_little();
    to->completions[to->tail & (OCTAVO_COMPLETIONS - 1)] = entry;
    __atomic_store_n(&to->own->tail, ++to->tail, __ATOMIC_RELEASE);
    octavo_ring_doorbell(to->peer, &to->rung, to->doorbell);
}

static const octavo_error *too_large(octavo_error *error) {
    memset(error, 0, sizeof *error);
    error->size = sizeof *error;
    error->code = OCTAVO_CODE_RESOURCE_EXHAUSTED;
    error->reason = octavo_text("REPLY_TOO_LARGE");
    error->message = octavo_text("the reply does not fit into the memory that is shared with the isolated plugin");
    return error;
}

/* Publishes the entry with the structure flattened, which takes `size` bytes; none for 0. */
static void send(channel *to, octavo_entry entry, const octavo_layout *layout, const void *structure, uint64_t size) {
    pthread_mutex_lock(&to->lock);
    if (size) {
        uint64_t end;
        uint8_t *room = reply_room(to, size, &end);
        octavo_flatten(layout, structure, room, size, 1);
        entry.at = (uint64_t)(room - to->replies);
        entry.length = size;
        to->written = end;
    }
    entry.released = to->written;
    publish(to, entry);
    pthread_mutex_unlock(&to->lock);
}

int32_t dispatcher_send(uint32_t number, octavo_entry entry, const octavo_layout *layout, const void *structure) {
    uint64_t size = octavo_flat_size(layout, structure);
    if (size == OCTAVO_FLAT_INVALID) return OCTAVO_INVALID;
    if (size > area_size / 2) return OCTAVO_TOO_LARGE;
    send(&channels[number], entry, layout, structure, size);
    return OCTAVO_OK;
}

/* A call has ended; on any thread. */
static void deliver(void *owner, octavo_slot *slot, const octavo_error *error, const void *reply) {
    channel *to = owner;
    octavo_entry entry;
    octavo_error rule;
    const octavo_layout *layout = error ? &octavo_layout_error : slot->info->reply;
    const void *structure = error ? (const void *)error : reply;
    uint64_t size = structure ? octavo_flat_size(layout, structure) : 0;
    memset(&entry, 0, sizeof entry);
    entry.call = (octavo_call)(uintptr_t)slot->waiter;
    entry.kind = error ? OCTAVO_ENTRY_ERROR : OCTAVO_ENTRY_REPLY;
    if (size == OCTAVO_FLAT_INVALID || size > area_size / 2) {
        entry.kind = OCTAVO_ENTRY_ERROR;
        structure = too_large(&rule);
        layout = &octavo_layout_error;
        size = octavo_flat_size(layout, structure);
    }
    send(to, entry, layout, structure, size);
    octavo_calls_free(slot);
}

static void refuse(octavo_call call, int32_t code, const char *reason, const char *message) {
    octavo_error error;
    memset(&error, 0, sizeof error);
    error.size = sizeof error;
    error.code = code;
    error.flags = OCTAVO_ERROR_RETRYABLE;
    error.reason = octavo_text(reason);
    error.message = octavo_text(message);
    octavo_calls_complete(call, &error, NULL);
}

/* Ends a call that can't be opened here. */
static void refuse_entry(channel *from, const octavo_entry *entry, int32_t code, const char *reason, const char *message) {
    octavo_slot *slot = octavo_calls_open(from->calls, 0);
    if (!slot) return; /* no memory at all: the caller's deadline ends the call */
    slot->info = NULL;
    slot->waiter = (void *)(uintptr_t)entry->call;
    refuse(octavo_calls_handle(slot), code, reason, message);
}

static void take_call(channel *from, const octavo_entry *entry) {
    served *to = instance_at(entry->instance);
    const octavo_op *info;
    octavo_op_fn function;
    octavo_slot *slot;
    octavo_call call;
    uint64_t room = entry->length < SMALL_FRAME ? entry->length : SMALL_FRAME;
    int refused;
    if (!to || entry->op >= to->kind->op_count || !(function = octavo_op_at(to->type->ops, entry->op))) {
        refuse_entry(from, entry, OCTAVO_CODE_UNAVAILABLE, "COMPONENT_STOPPED", "the component is being stopped");
        return;
    }
    info = &to->kind->ops[entry->op];
    slot = octavo_calls_open(from->calls, room);
    if (slot && octavo_unflatten(info->request, from->requests + entry->at, entry->length, slot->frame, slot->frame_size, 0) ==
                    OCTAVO_FLAT_INVALID) {
        octavo_calls_free(slot);
        slot = octavo_calls_open(from->calls, entry->length);
        if (slot && octavo_unflatten(info->request, from->requests + entry->at, entry->length, slot->frame,
                                     slot->frame_size, 0) == OCTAVO_FLAT_INVALID) {
            octavo_calls_free(slot);
            slot = NULL;
        }
    }
    if (!slot) {
        refuse_entry(from, entry, OCTAVO_CODE_RESOURCE_EXHAUSTED, "NO_MEMORY", "the plugin's process has no memory for the request");
        return;
    }
    slot->info = info;
    slot->op = entry->op;
    slot->function = function;
    slot->instance = to->raw;
    slot->deadline_ns = entry->deadline_ns;
    slot->tracked = (uint32_t)(entry->length < UINT32_MAX ? entry->length : UINT32_MAX);
    slot->waiter = (void *)(uintptr_t)entry->call;
    call = octavo_calls_handle(slot);
    from->local[entry->call & (MAX_CALLS - 1)] = call;
    sources_note(to->kind, entry->op, slot->frame, (uint32_t)(from - channels));
    refused = octavo_instance_submit(to->raw, slot);
    if (refused == EAGAIN)
        refuse(call, OCTAVO_CODE_RESOURCE_EXHAUSTED, "QUEUE_FULL",
               "too many requests wait for this component already; its backend is too slow for this load");
    else if (refused)
        refuse(call, OCTAVO_CODE_UNAVAILABLE, "COMPONENT_STOPPED", "the component is being stopped");
}

static void take_cancel(channel *from, const octavo_entry *entry) {
    served *to = instance_at(entry->instance);
    octavo_call call = from->local[entry->call & (MAX_CALLS - 1)];
    if (to && call && octavo_calls_is_open(call)) octavo_instance_cancel(to->raw, call);
}

/* Whether there was anything to take. */
static int take(channel *from) {
    uint32_t tail = __atomic_load_n(&from->peer->tail, __ATOMIC_ACQUIRE), count = tail - from->head, i;
    if (!count) return 0;
    if (count > BATCH) count = BATCH;
    for (i = 0; i < count; i++) {
        const octavo_entry entry = from->submissions[from->head & (OCTAVO_SUBMISSIONS - 1)];
        /* Claimed before it is dispatched: after a crash the runtime knows that it may have had effects. */
        __atomic_store_n(&from->own->head, ++from->head, __ATOMIC_RELEASE);
        if (entry.kind == OCTAVO_ENTRY_CALL) take_call(from, &entry);
        else if (entry.kind == OCTAVO_ENTRY_CANCEL) take_cancel(from, &entry);
    }
    return 1;
}

static int take_all(void) {
    int any = 0;
    uint32_t i;
    for (i = 0; i < channel_count; i++) any |= take(&channels[i]);
    __atomic_add_fetch(&passes, 1, __ATOMIC_SEQ_CST);
    return any;
}

static int waiting(void) {
    uint32_t i;
    for (i = 0; i < channel_count; i++)
        if (__atomic_load_n(&channels[i].peer->tail, __ATOMIC_ACQUIRE) != channels[i].head) return 1;
    return 0;
}

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Whether spinning has paid lately. */
typedef struct gate {
    uint32_t spins, hits, closed, pause;
    int allowed;
} gate;

static int spin(gate *gate) {
    int64_t until;
    int found = 0;
    if (!gate->allowed) return 0;
    if (gate->closed) {
        gate->closed--;
        return 0;
    }
    until = now_ns() + SPIN_NS;
    do {
        int i;
        for (i = 0; i < 64 && !found; i++) {
            found = waiting();
            relax();
        }
    } while (!found && now_ns() < until);
    gate->hits += (uint32_t)found;
    if (++gate->spins == SPIN_WINDOW) {
        if (gate->hits < SPIN_HITS) {
            gate->pause = gate->pause < SPIN_PAUSE_MAX ? gate->pause * 2 : SPIN_PAUSE_MAX;
            gate->closed = gate->pause;
        } else {
            gate->pause = SPIN_PAUSE_MIN;
        }
        gate->spins = gate->hits = 0;
    }
    return found;
}

static void *dispatch(void *argument) {
    gate gate = {0, 0, 0, SPIN_PAUSE_MIN, 0};
    cpu_set_t allowed;
    uint64_t rings;
    uint32_t i;
    int processor;
    (void)argument;
    prctl(PR_SET_NAME, "oct-dispatch");
    black_box_thread();
    octavo_thread_set_line(busy_take((octavo_busy){.kind = OCTAVO_BUSY_INLINE}));
    gate.allowed = sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) > 1;
    for (;;) {
        if (take_all() || spin(&gate)) continue;
        processor = sched_getcpu();
        for (i = 0; i < channel_count; i++) {
            __atomic_store_n(&channels[i].own->processor, (uint32_t)(processor + 1), __ATOMIC_RELAXED);
            octavo_go_to_sleep(channels[i].own);
        }
        if (!waiting()) {
            __atomic_store_n(&asleep, 1, __ATOMIC_SEQ_CST);
            if (read(OCTAVO_HELPER_DOORBELL, &rings, sizeof rings) < 0 && errno != EINTR) _exit(1);
            __atomic_store_n(&asleep, 0, __ATOMIC_SEQ_CST);
        }
        for (i = 0; i < channel_count; i++) octavo_wake_up(channels[i].own);
    }
    return NULL;
}

void dispatcher_pass(void) {
    const struct timespec little = {0, 100000};
    uint64_t before = __atomic_load_n(&passes, __ATOMIC_SEQ_CST);
    /* A turn that began after the instance was taken away does not see it. */
    while (!__atomic_load_n(&asleep, __ATOMIC_SEQ_CST) && __atomic_load_n(&passes, __ATOMIC_SEQ_CST) < before + 2)
        nanosleep(&little, NULL);
}

int dispatcher_start(uint32_t count, uint64_t area) {
    void *h = mmap(NULL, octavo_segment_h_size(count, area), PROT_READ, MAP_SHARED, OCTAVO_HELPER_SEGMENT_H, 0);
    void *p = mmap(NULL, octavo_segment_p_size(count, area), PROT_READ | PROT_WRITE, MAP_SHARED, OCTAVO_HELPER_SEGMENT_P, 0);
    pthread_t thread;
    uint32_t i;
    int failed;
    if (h == MAP_FAILED || p == MAP_FAILED) return errno;
    madvise(h, octavo_segment_h_size(count, area), MADV_DONTDUMP);
    madvise(p, octavo_segment_p_size(count, area), MADV_DONTDUMP);
    close(OCTAVO_HELPER_SEGMENT_H);
    close(OCTAVO_HELPER_SEGMENT_P);
    busy_open(p);
    channel_count = count;
    area_size = area;
    for (i = 0; i < count; i++) {
        channel *one = &channels[i];
        one->own = octavo_segment_words(p, i);
        one->peer = octavo_segment_words(h, i);
        one->submissions = octavo_submissions(h, i);
        one->completions = octavo_completions(p, i);
        one->requests = octavo_area_h(h, count, area, i);
        one->replies = octavo_area_p(p, count, area, i);
        one->doorbell = OCTAVO_HELPER_LOOP_DOORBELLS + (int)i;
        one->local = calloc(MAX_CALLS, sizeof *one->local);
        one->calls = octavo_calls_new(one, deliver, NULL, MAX_CALLS * 4);
        if (!one->calls || !one->local || pthread_mutex_init(&one->lock, NULL)) return ENOMEM;
    }
    failed = pthread_create(&thread, NULL, dispatch, NULL);
    if (failed) return failed;
    pthread_detach(thread);
    return 0;
}
