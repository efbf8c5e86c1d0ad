/* A thread that writes into shared memory while it is read: what a helper that has lost its mind does. */
#ifndef OCTAVO_FUZZING_SCRIBBLER_H
#define OCTAVO_FUZZING_SCRIBBLER_H

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

/* Where it writes; NULL: nowhere. Atomic. */
static uint8_t *scribbler_memory;
static uint64_t scribbler_size;

static void *scribbler_run(void *argument) {
    uint64_t state = 0x9e3779b97f4a7c15;
    (void)argument;
    for (;;) {
        uint8_t *memory = __atomic_load_n(&scribbler_memory, __ATOMIC_ACQUIRE);
        /* xorshift: what is written need not be good, only quick. */
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if (!memory) sched_yield();
        else if (state & 64) __atomic_store_n(memory + (state >> 8) % scribbler_size, (uint8_t)(state >> 40), __ATOMIC_RELAXED);
        /* Counts, offsets and sizes that are nearly right are worse than noise. */
        else __atomic_store_n((uint64_t *)(void *)(memory + ((state >> 8) % (scribbler_size / 8)) * 8), state >> 52, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void scribbler_start(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, scribbler_run, NULL)) abort();
    pthread_detach(thread);
}

static void scribble(void *memory, uint64_t size) {
    scribbler_size = size;
    __atomic_store_n(&scribbler_memory, (uint8_t *)memory, __ATOMIC_RELEASE);
}

static void scribble_no_more(void) { __atomic_store_n(&scribbler_memory, NULL, __ATOMIC_RELEASE); }

#endif
