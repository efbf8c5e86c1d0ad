/* The one thread of a reactor instance: requests, posts, timers and descriptor watches. */
#define _GNU_SOURCE
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "instance.h"

#define MAX_WATCHES 4096u
#define MAX_TIMERS 65536u
#define MAX_POSTS 65536u
#define BATCH 64

typedef struct watch {
    int descriptor; /* -1: free */
    uint32_t generation;
    uint32_t events;
    octavo_watch_fn fn;
    void *argument;
} watch;

typedef struct timer {
    int64_t when_ns;
    uint64_t id;
    octavo_fn fn;
    void *argument;
} timer;

typedef struct post {
    struct post *next;
    octavo_fn fn;
    void *argument;
} post;

struct reactor {
    octavo_instance *instance;
    pthread_t thread;
    int running;
    int poll, door;
    octavo_slot *inbox; /* atomic; newest first */
    uint32_t queued;    /* atomic */
    int asleep;         /* atomic: the door must be rung */
    int halted;         /* atomic */
    int sealed;         /* of the thread itself: nothing of the plugin's is called any more */
    uint32_t dropped;   /* posts that came too late */
    pthread_mutex_t lock; /* of posts */
    post *first_post, *last_post;
    uint32_t posts;
    watch *watches;
    uint32_t watch_room, watch_count;
    timer *timers; /* a heap, earliest first */
    uint32_t timer_count, timer_room;
    uint64_t next_timer;
};

static _Thread_local const reactor *here;

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int octavo_reactor_is_here(const reactor *loop) { return here == loop; }

reactor *octavo_reactor_new(octavo_instance *instance) {
    reactor *loop = calloc(1, sizeof *loop);
    /* Each ring is an edge: nobody has to take the count back. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = UINT64_MAX};
    if (!loop) return NULL;
    loop->instance = instance;
    loop->next_timer = 1;
    pthread_mutex_init(&loop->lock, NULL);
    loop->poll = epoll_create1(EPOLL_CLOEXEC);
    loop->door = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->poll < 0 || loop->door < 0 || epoll_ctl(loop->poll, EPOLL_CTL_ADD, loop->door, &event)) {
        octavo_reactor_free(loop);
        return NULL;
    }
    return loop;
}

/* After something was put where the thread looks before it sleeps. */
static void ring(reactor *loop) {
    uint64_t one = 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&loop->asleep, __ATOMIC_RELAXED) && __atomic_exchange_n(&loop->asleep, 0, __ATOMIC_RELAXED))
        while (write(loop->door, &one, sizeof one) < 0 && errno == EINTR) {}
}

int octavo_reactor_submit(reactor *loop, octavo_slot *slot) {
    octavo_slot *head;
    if (__atomic_load_n(&loop->halted, __ATOMIC_ACQUIRE)) return ESHUTDOWN;
    if (__atomic_add_fetch(&loop->queued, 1, __ATOMIC_RELAXED) > loop->instance->queue_limit) {
        __atomic_sub_fetch(&loop->queued, 1, __ATOMIC_RELAXED);
        return EAGAIN;
    }
    head = __atomic_load_n(&loop->inbox, __ATOMIC_RELAXED);
    do slot->queued = head;
    while (!__atomic_compare_exchange_n(&loop->inbox, &head, slot, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    if (!head) ring(loop);
    return 0;
}

int octavo_reactor_post(reactor *loop, octavo_fn fn, void *argument) {
    post *item = malloc(sizeof *item);
    int answer = OCTAVO_OK;
    if (!item) return OCTAVO_NO_MEMORY;
    *item = (post){NULL, fn, argument};
    pthread_mutex_lock(&loop->lock);
    if (loop->halted) {
        answer = OCTAVO_STALE;
    } else if (loop->posts >= MAX_POSTS) {
        answer = OCTAVO_TOO_LARGE;
    } else {
        if (loop->last_post) loop->last_post->next = item;
        else loop->first_post = item;
        loop->last_post = item;
        loop->posts++;
    }
    pthread_mutex_unlock(&loop->lock);
    if (answer == OCTAVO_OK) ring(loop);
    else free(item);
    return answer;
}

/* A function of the plugin's that is not an operation. */
static void run_own(reactor *loop, octavo_fn fn, void *argument) {
    octavo_enter(loop->instance, NULL);
    fn(argument);
    octavo_leave();
}

static int run_posts(reactor *loop) {
    post *item, *next;
    pthread_mutex_lock(&loop->lock);
    item = loop->first_post;
    loop->first_post = loop->last_post = NULL;
    loop->posts = 0;
    pthread_mutex_unlock(&loop->lock);
    if (!item) return 0;
    for (; item; item = next) {
        next = item->next;
        if (loop->sealed) loop->dropped++;
        else run_own(loop, item->fn, item->argument);
        free(item);
    }
    return 1;
}

static int run_requests(reactor *loop) {
    octavo_slot *slot = __atomic_exchange_n(&loop->inbox, NULL, __ATOMIC_ACQUIRE), *in_order = NULL, *next;
    uint32_t count = 0;
    for (; slot; slot = next, count++) {
        next = slot->queued;
        slot->queued = in_order;
        in_order = slot;
    }
    if (!count) return 0;
    for (slot = in_order; slot; slot = next) {
        next = slot->queued;
        octavo_run_slot(loop->instance, slot);
    }
    __atomic_sub_fetch(&loop->queued, count, __ATOMIC_RELAXED);
    return 1;
}

static void sift_down(reactor *loop, uint32_t at) {
    for (;;) {
        uint32_t child = at * 2 + 1;
        timer moved = loop->timers[at];
        if (child >= loop->timer_count) return;
        if (child + 1 < loop->timer_count && loop->timers[child + 1].when_ns < loop->timers[child].when_ns) child++;
        if (loop->timers[child].when_ns >= moved.when_ns) return;
        loop->timers[at] = loop->timers[child];
        loop->timers[child] = moved;
        at = child;
    }
}

static void sift_up(reactor *loop, uint32_t at) {
    while (at) {
        uint32_t parent = (at - 1) / 2;
        timer moved = loop->timers[at];
        if (loop->timers[parent].when_ns <= moved.when_ns) return;
        loop->timers[at] = loop->timers[parent];
        loop->timers[parent] = moved;
        at = parent;
    }
}

static void remove_timer(reactor *loop, uint32_t at) {
    loop->timers[at] = loop->timers[--loop->timer_count];
    if (at < loop->timer_count) {
        sift_down(loop, at);
        sift_up(loop, at);
    }
}

uint64_t octavo_reactor_timer_set(reactor *loop, int64_t delay_ns, octavo_fn fn, void *argument) {
    uint32_t at = loop->timer_count;
    if (here != loop || at >= MAX_TIMERS) return 0;
    if (at == loop->timer_room) {
        uint32_t room = loop->timer_room ? loop->timer_room * 2 : 16;
        timer *grown = realloc(loop->timers, room * sizeof *grown);
        if (!grown) return 0;
        loop->timers = grown;
        loop->timer_room = room;
    }
    loop->timers[at] = (timer){now_ns() + (delay_ns > 0 ? delay_ns : 0), loop->next_timer++, fn, argument};
    loop->timer_count++;
    sift_up(loop, at);
    return loop->next_timer - 1;
}

int32_t octavo_reactor_timer_cancel(reactor *loop, uint64_t id) {
    uint32_t i;
    if (here != loop) return OCTAVO_INVALID;
    for (i = 0; i < loop->timer_count; i++) {
        if (loop->timers[i].id != id) continue;
        remove_timer(loop, i);
        return OCTAVO_OK;
    }
    return OCTAVO_STALE;
}

/* Timers that are due now; those that they set wait for the next turn, so that none can starve it. */
static void run_timers(reactor *loop) {
    uint64_t last = loop->next_timer;
    int64_t now = loop->timer_count ? now_ns() : 0;
    while (!loop->sealed && loop->timer_count && loop->timers[0].when_ns <= now && loop->timers[0].id < last) {
        timer due = loop->timers[0];
        remove_timer(loop, 0);
        run_own(loop, due.fn, due.argument);
    }
}

static int timeout_ms(const reactor *loop) {
    int64_t left;
    if (!loop->timer_count) return -1;
    left = loop->timers[0].when_ns - now_ns();
    if (left <= 0) return 0;
    return left > 60ll * 1000 * 1000000 ? 60 * 1000 : (int)((left + 999999) / 1000000);
}

static uint32_t poll_events(uint32_t events) {
    return (events & OCTAVO_EVENT_READABLE ? EPOLLIN | EPOLLRDHUP : 0) | (events & OCTAVO_EVENT_WRITABLE ? EPOLLOUT : 0);
}

/* Handle of a watch: generation and position + 1. */
static watch *watch_of(reactor *loop, uint64_t handle) {
    uint32_t position = (uint32_t)handle - 1;
    watch *found = here == loop && position < loop->watch_room ? &loop->watches[position] : NULL;
    return found && found->descriptor >= 0 && found->generation == handle >> 32 ? found : NULL;
}

uint64_t octavo_reactor_watch_add(reactor *loop, int descriptor, uint32_t events, octavo_watch_fn fn, void *argument) {
    struct epoll_event event;
    uint32_t position;
    watch *entry;
    if (here != loop) return 0;
    for (position = 0; position < loop->watch_room && loop->watches[position].descriptor >= 0; position++) {}
    if (position == loop->watch_room) {
        uint32_t i, room = loop->watch_room ? loop->watch_room * 2 : 8;
        watch *grown = room <= MAX_WATCHES ? realloc(loop->watches, room * sizeof *grown) : NULL;
        if (!grown) return 0;
        for (i = loop->watch_room; i < room; i++) grown[i] = (watch){-1, 0, 0, NULL, NULL};
        loop->watches = grown;
        loop->watch_room = room;
    }
    entry = &loop->watches[position];
    event.events = poll_events(events);
    event.data.u64 = (uint64_t)(entry->generation + 1) << 32 | (position + 1);
    if (epoll_ctl(loop->poll, EPOLL_CTL_ADD, descriptor, &event)) return 0;
    *entry = (watch){descriptor, entry->generation + 1, events, fn, argument};
    loop->watch_count++;
    return event.data.u64;
}

int32_t octavo_reactor_watch_change(reactor *loop, uint64_t handle, uint32_t events) {
    struct epoll_event event;
    watch *entry = watch_of(loop, handle);
    if (!entry) return OCTAVO_STALE;
    if (entry->events == events) return OCTAVO_OK;
    event.events = poll_events(events);
    event.data.u64 = handle;
    if (epoll_ctl(loop->poll, EPOLL_CTL_MOD, entry->descriptor, &event)) return OCTAVO_INVALID;
    entry->events = events;
    return OCTAVO_OK;
}

int32_t octavo_reactor_watch_remove(reactor *loop, uint64_t handle) {
    watch *entry = watch_of(loop, handle);
    if (!entry) return OCTAVO_STALE;
    epoll_ctl(loop->poll, EPOLL_CTL_DEL, entry->descriptor, NULL);
    entry->descriptor = -1;
    loop->watch_count--;
    return OCTAVO_OK;
}

static void dispatch(reactor *loop, const struct epoll_event *event) {
    /* A watch that a callback of this turn removed has another generation by now. */
    watch *entry = watch_of(loop, event->data.u64);
    uint32_t events = 0;
    if (!entry || loop->sealed) return;
    if (event->events & (EPOLLIN | EPOLLRDHUP)) events |= OCTAVO_EVENT_READABLE;
    if (event->events & EPOLLOUT) events |= OCTAVO_EVENT_WRITABLE;
    if (event->events & (EPOLLERR | EPOLLHUP)) events |= OCTAVO_EVENT_CLOSED;
    octavo_enter(loop->instance, NULL);
    entry->fn(entry->argument, entry->descriptor, events);
    octavo_leave();
}

static void *run(void *argument) {
    reactor *loop = argument;
    struct epoll_event events[BATCH];
    int count, i;
    here = loop;
    octavo_thread_name(loop->instance->name);
    octavo_thread_began(loop->instance, OCTAVO_BUSY_REACTOR);
    for (;;) {
        int busy = run_requests(loop) | run_posts(loop);
        run_timers(loop);
        if (!busy && __atomic_load_n(&loop->halted, __ATOMIC_ACQUIRE)) break;
        __atomic_store_n(&loop->asleep, 1, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (busy || __atomic_load_n(&loop->inbox, __ATOMIC_RELAXED) || __atomic_load_n(&loop->first_post, __ATOMIC_RELAXED))
            __atomic_store_n(&loop->asleep, 0, __ATOMIC_RELAXED);
        count = epoll_wait(loop->poll, events, BATCH,
                           __atomic_load_n(&loop->asleep, __ATOMIC_RELAXED) ? timeout_ms(loop) : 0);
        __atomic_store_n(&loop->asleep, 0, __ATOMIC_RELAXED);
        for (i = 0; i < count; i++) {
            if (events[i].data.u64 != UINT64_MAX) dispatch(loop, &events[i]);
        }
    }
    octavo_thread_ended();
    return NULL;
}

int octavo_reactor_run(reactor *loop) {
    int failed = octavo_thread_create(&loop->thread, run, loop);
    if (failed) return failed;
    loop->running = 1;
    return 0;
}

typedef struct control {
    octavo_instance *instance;
    octavo_fn fn;
    void *argument;
    sem_t done;
} control;

static void run_control(void *argument) {
    control *call = argument;
    octavo_thread_change(OCTAVO_BUSY_CONTROL);
    call->fn(call->argument);
    octavo_thread_change(OCTAVO_BUSY_REACTOR);
    sem_post(&call->done);
}

void octavo_reactor_control(reactor *loop, octavo_fn fn, void *argument) {
    control call = {loop->instance, fn, argument, {{0}}};
    if (here == loop || !loop->running) {
        fn(argument);
        return;
    }
    sem_init(&call.done, 0, 0);
    if (octavo_reactor_post(loop, run_control, &call) == OCTAVO_OK)
        while (sem_wait(&call.done) && errno == EINTR) {}
    else fn(argument);
    sem_destroy(&call.done);
}

void octavo_reactor_seal(reactor *loop) { loop->sealed = 1; }

void octavo_reactor_halt(reactor *loop) {
    if (!loop->running) return;
    pthread_mutex_lock(&loop->lock);
    __atomic_store_n(&loop->halted, 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&loop->lock);
    __atomic_store_n(&loop->asleep, 1, __ATOMIC_RELAXED);
    ring(loop);
    pthread_join(loop->thread, NULL);
    loop->running = 0;
}

void octavo_reactor_free(reactor *loop) {
    octavo_reactor_halt(loop);
    if (loop->poll >= 0) close(loop->poll);
    if (loop->door >= 0) close(loop->door);
    free(loop->watches);
    free(loop->timers);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

void octavo_reactor_leftovers(reactor *loop, octavo_instance_leftovers *out) {
    out->watches = loop->watch_count;
    out->timers = loop->timer_count;
    out->posts = loop->posts + loop->dropped;
}
