/*
 * An owner that opens calls, gives them up and is told of their end, against threads that complete them once,
 * twice, late, or by handles that were made up. Run it under AddressSanitizer and ThreadSanitizer.
 *
 *   calls_check SEED CALLS
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "octavo_calls.h"
#include "octavo_instances.h"

#define THREADS 3
#define OPEN 64u

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

/* Handles that the threads may complete; 0 = none. */
static octavo_call shelf[OPEN]; /* atomic */
static uint64_t woken;          /* atomic */
static int is_over;             /* atomic */
static uint64_t ended, failed, given_up;

static uint32_t draw(uint64_t *state, uint32_t bound) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % bound;
}

/* Ends the call by its own number, or by an error. */
static void complete(uint64_t *state, octavo_call call) {
    octavo_state_get_reply reply;
    octavo_error error;
    char text[32];
    octavo_buffer buffer;
    memset(&reply, 0, sizeof reply);
    memset(&error, 0, sizeof error);
    reply.size = sizeof reply;
    error.size = sizeof error;
    error.code = OCTAVO_CODE_NOT_FOUND;
    error.message = octavo_text("no such thing");
    snprintf(text, sizeof text, "%llu", (unsigned long long)call);
    reply.value.data = (const uint8_t *)text;
    reply.value.size = strlen(text);
    if (draw(state, 8) == 0 && octavo_calls_reply_buffer(call, 32, &buffer) == OCTAVO_OK) memset(buffer.data, 1, 32);
    if (draw(state, 4)) octavo_calls_complete(call, NULL, &reply);
    else octavo_calls_complete(call, &error, NULL);
}

static void *run(void *argument) {
    uint64_t state = (uint64_t)(uintptr_t)argument;
    octavo_call last = 0;
    while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
        octavo_call call = __atomic_exchange_n(&shelf[draw(&state, OPEN)], 0, __ATOMIC_ACQ_REL);
        switch (draw(&state, 8)) {
        case 0: complete(&state, last); break;                                     /* late, or twice */
        case 1: complete(&state, last ^ ((uint64_t)draw(&state, 4) << 32)); break; /* made up */
        case 2: complete(&state, (uint64_t)draw(&state, UINT32_MAX) << 32 | draw(&state, UINT32_MAX)); break;
        case 3: octavo_calls_deadline(last); break;
        default: break;
        }
        if (!call) {
            sched_yield();
            continue;
        }
        complete(&state, call);
        last = call;
    }
    return NULL;
}

static void on_end(void *owner, octavo_slot *slot, const octavo_error *error, const void *reply) {
    uint32_t *open = owner;
    if (slot->waiter) {
        if (error) {
            CHECK(error->code == OCTAVO_CODE_NOT_FOUND && error->message.size == strlen("no such thing"));
            failed++;
        } else {
            const octavo_state_get_reply *value = reply;
            CHECK(value && value->value.size > 0 && value->value.data[0] >= '0' && value->value.data[0] <= '9');
        }
        ended++;
    }
    octavo_calls_free(slot);
    --*open;
}

static void on_wake(void *owner) {
    (void)owner;
    __atomic_add_fetch(&woken, 1, __ATOMIC_RELEASE);
}

int main(int count, char **arguments) {
    uint64_t seed = count > 1 ? strtoull(arguments[1], NULL, 10) : 1, state = seed, wanted, done = 0, seen = 0;
    const octavo_op *info = &octavo_kind_at(OCTAVO_KIND_STATE)->ops[OCTAVO_STATE_OP_GET];
    octavo_slot *slots[OPEN] = {NULL};
    octavo_call calls_open[OPEN] = {0};
    uint32_t open = 0, i;
    octavo_calls *calls = octavo_calls_new(&open, on_end, on_wake, OPEN * 4);
    pthread_t threads[THREADS];
    wanted = count > 2 ? strtoull(arguments[2], NULL, 10) : 100000;
    CHECK(calls);
    octavo_calls_bind(calls);
    for (i = 0; i < THREADS; i++) CHECK(!pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)(seed * 31 + i + 1)));
    while (done < wanted) {
        for (i = 0; i < OPEN && done < wanted; i++) {
            if (calls_open[i] && octavo_calls_is_open(calls_open[i])) {
                /* Now and then nobody waits any more. */
                if (draw(&state, 64) == 0 && octavo_calls_expire(slots[i])) {
                    slots[i]->waiter = NULL;
                    given_up++;
                }
                continue;
            }
            if (__atomic_load_n(&shelf[i], __ATOMIC_ACQUIRE)) continue;
            slots[i] = octavo_calls_open(calls, draw(&state, 16) ? 64 : 5000);
            if (!slots[i]) continue;
            __atomic_store_n(&slots[i]->info, info, __ATOMIC_RELAXED);
            slots[i]->waiter = slots;
            calls_open[i] = octavo_calls_handle(slots[i]);
            open++;
            done++;
            __atomic_store_n(&shelf[i], calls_open[i], __ATOMIC_RELEASE);
        }
        if (__atomic_load_n(&woken, __ATOMIC_ACQUIRE) != seen) {
            seen = __atomic_load_n(&woken, __ATOMIC_ACQUIRE);
            octavo_calls_drain(calls);
        } else {
            sched_yield();
        }
    }
    while (open) {
        octavo_calls_drain(calls);
        sched_yield();
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    CHECK(octavo_calls_in_use(calls) == 0);
    CHECK(ended + given_up == wanted);
    octavo_calls_retire(calls);
    printf("%llu calls: %llu ended, %llu of them with an error, %llu given up, %llu completions too late\n",
           (unsigned long long)wanted, (unsigned long long)ended, (unsigned long long)failed, (unsigned long long)given_up,
           (unsigned long long)octavo_calls_stale_total());
    CHECK(failed > 100 && given_up > 100 && octavo_calls_stale_total() > 100);
    return 0;
}
