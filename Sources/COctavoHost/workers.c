/* Threads of a blocking instance, and the bounded queue before them. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "instance.h"

struct workers {
    octavo_instance *instance;
    pthread_mutex_t lock;
    pthread_cond_t work;
    octavo_slot *first, *last;
    uint32_t queued, idle, count, running; /* at most twice `count` run */
    int halted;
    pthread_t threads[];
};

static _Thread_local const workers *here;

workers *octavo_workers_new(octavo_instance *instance, uint32_t count) {
    workers *all = calloc(1, sizeof *all + 2 * count * sizeof(pthread_t));
    if (!all) return NULL;
    all->instance = instance;
    all->count = count;
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->work, NULL);
    return all;
}

static void *work(void *argument) {
    workers *all = argument;
    octavo_slot *slot;
    here = all;
    octavo_thread_name(all->instance->name);
    octavo_thread_began(all->instance, OCTAVO_BUSY_WORKER);
    pthread_mutex_lock(&all->lock);
    for (;;) {
        while (!all->first && !all->halted) {
            all->idle++;
            pthread_cond_wait(&all->work, &all->lock);
            all->idle--;
        }
        slot = all->first;
        if (!slot) break;
        all->first = slot->queued;
        if (!all->first) all->last = NULL;
        all->queued--;
        pthread_mutex_unlock(&all->lock);
        octavo_run_slot(all->instance, slot);
        pthread_mutex_lock(&all->lock);
    }
    pthread_mutex_unlock(&all->lock);
    octavo_thread_ended();
    return NULL;
}

static int begin(workers *all) {
    int failed = octavo_thread_create(&all->threads[all->running], work, all);
    if (failed) return failed;
    all->running++;
    return 0;
}

int octavo_workers_run(workers *all) {
    /* The others are made when there is work for them: most components never need all. */
    return begin(all);
}

int octavo_workers_add(workers *all) {
    int failed = EAGAIN;
    pthread_mutex_lock(&all->lock);
    if (!all->halted && all->running < 2 * all->count) failed = begin(all);
    pthread_mutex_unlock(&all->lock);
    return failed;
}

int octavo_workers_submit(workers *all, octavo_slot *slot) {
    int answer = 0, wake = 0;
    slot->queued = NULL;
    pthread_mutex_lock(&all->lock);
    if (all->halted) {
        answer = ESHUTDOWN;
    } else if (all->queued >= all->instance->queue_limit) {
        answer = EAGAIN;
    } else {
        if (all->last) all->last->queued = slot;
        else all->first = slot;
        all->last = slot;
        all->queued++;
        wake = all->idle > 0;
        /* Without a thread the ones that are there do the work. */
        if (all->queued > all->idle && all->running < all->count) (void)begin(all);
    }
    pthread_mutex_unlock(&all->lock);
    if (wake) pthread_cond_signal(&all->work);
    return answer;
}

void octavo_workers_halt(workers *all) {
    uint32_t i;
    pthread_mutex_lock(&all->lock);
    all->halted = 1;
    pthread_cond_broadcast(&all->work);
    pthread_mutex_unlock(&all->lock);
    for (i = 0; i < all->running; i++) pthread_join(all->threads[i], NULL);
    all->running = 0;
}

void octavo_workers_free(workers *all) {
    octavo_workers_halt(all);
    pthread_cond_destroy(&all->work);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

int octavo_workers_is_here(const workers *all) { return here == all; }
