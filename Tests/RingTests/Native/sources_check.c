/*
 * An owner that opens sources, grants credit, pauses and closes them, against threads that deliver with and without
 * credit, late, and to handles that were made up. No source gets more than it was granted, or anything after its end,
 * and what was accepted for one that stays open arrives. Run it under AddressSanitizer and ThreadSanitizer.
 *
 *   sources_check SEED MESSAGES
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "octavo_instances.h"
#include "octavo_sources.h"

#define THREADS 3
#define OPEN 16u

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

typedef struct subscriber {
    octavo_source source; /* the owner's; 0: none */
    octavo_source shown;  /* to the threads; atomic */
    const octavo_source_kind *kind;
    uint64_t granted, received, accepted; /* `accepted`: by the threads; atomic */
    int ended;
} subscriber;

static subscriber subscribers[OPEN];
static octavo_calls *calls;
static uint64_t woken;  /* atomic */
static int is_over;     /* atomic */
static uint64_t total;
static uint32_t delivering[OPEN]; /* threads between reading a handle and having the answer; atomic */

static uint32_t draw(uint64_t *state, uint32_t bound) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % bound;
}

static void wake(void *owner) {
    (void)owner;
    __atomic_add_fetch(&woken, 1, __ATOMIC_RELEASE);
}

static void no_call(void *owner, octavo_slot *slot, const octavo_error *error, const void *reply) {
    (void)owner, (void)slot, (void)error, (void)reply;
}

/* The text says which source it is for. */
static void received(void *context, uint64_t token, const void *message) {
    subscriber *it = context;
    char text[32];
    octavo_bytes data;
    CHECK(it->source);
    CHECK(token == it->source);
    it->received++;
    total++;
    snprintf(text, sizeof text, "%llu", (unsigned long long)token);
    if (it->kind->credit == OCTAVO_NO_OP) {
        const octavo_configuration_change *change = message;
        CHECK(change->items.count == 1);
        data = *(const octavo_bytes *)(const void *)&((const octavo_configuration_item *)change->items.items)->value;
    } else {
        CHECK(it->received <= it->granted);
        data = ((const octavo_pubsub_message *)message)->data;
    }
    CHECK(data.size == strlen(text) && !memcmp(data.data, text, data.size));
}

static void source_end(void *context, const octavo_error *error) {
    subscriber *it = context;
    CHECK(it->source && error->message.size);
    it->ended = 1;
}

static int32_t deliver(octavo_source source, const octavo_source_kind *kind) {
    octavo_pubsub_message message;
    octavo_configuration_item item;
    octavo_configuration_change change;
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)source);
    if (kind->credit == OCTAVO_NO_OP) {
        memset(&item, 0, sizeof item);
        memset(&change, 0, sizeof change);
        item.value = octavo_text(text);
        change.size = sizeof change;
        change.items = (octavo_list){&item, 1, sizeof item};
        return octavo_sources_deliver(source, source, &change);
    }
    memset(&message, 0, sizeof message);
    message.size = sizeof message;
    message.data = (octavo_bytes){(const uint8_t *)text, strlen(text)};
    return octavo_sources_deliver(source, source, &message);
}

static void *run(void *argument) {
    uint64_t state = (uint64_t)(uintptr_t)argument;
    octavo_source last = 0;
    const octavo_source_kind *last_kind = NULL;
    while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
        uint32_t which = draw(&state, OPEN);
        subscriber *it = &subscribers[which];
        const octavo_source_kind *kind;
        octavo_source source;
        __atomic_add_fetch(&delivering[which], 1, __ATOMIC_SEQ_CST);
        source = __atomic_load_n(&it->shown, __ATOMIC_SEQ_CST);
        if (source) {
            kind = it->kind;
            if (deliver(source, kind) == OCTAVO_OK) __atomic_add_fetch(&it->accepted, 1, __ATOMIC_RELAXED);
            last = source;
            last_kind = kind;
        }
        __atomic_sub_fetch(&delivering[which], 1, __ATOMIC_SEQ_CST);
        /* Late: a source may have taken its place, and perhaps of another kind. */
        if (last_kind && draw(&state, 4) == 0) deliver(last ^ 1ull << (32 + draw(&state, 32)), last_kind);
        if (draw(&state, 64) == 0) {
            octavo_pubsub_message nonsense;
            memset(&nonsense, 0, sizeof nonsense);
            nonsense.size = draw(&state, 8);
            CHECK(octavo_sources_deliver(draw(&state, UINT32_MAX), 0, &nonsense) != OCTAVO_OK);
        }
        if (!source) sched_yield();
    }
    return NULL;
}

static void close_one(uint32_t which) {
    subscriber *it = &subscribers[which];
    octavo_source source = it->source;
    /* Nobody reads what is about to change. */
    __atomic_store_n(&it->shown, 0, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&delivering[which], __ATOMIC_SEQ_CST)) sched_yield();
    octavo_calls_drain(calls);
    if (!it->ended) CHECK(it->received == __atomic_load_n(&it->accepted, __ATOMIC_RELAXED));
    octavo_source_close(source);
    it->source = 0;
    CHECK(deliver(source, it->kind) == OCTAVO_STALE);
}

int main(int count, char **arguments) {
    uint64_t state = count > 1 ? strtoull(arguments[1], NULL, 10) : 1, messages = count > 2 ? strtoull(arguments[2], NULL, 10) : 1000;
    octavo_instance *instance = (octavo_instance *)(void *)&subscribers;
    pthread_t threads[THREADS];
    uint32_t i;
    calls = octavo_calls_new(&calls, no_call, wake, 16);
    CHECK(calls);
    octavo_calls_bind(calls);
    for (i = 0; i < THREADS; i++) CHECK(!pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)(state * 7 + i + 1)));
    while (total < messages) {
        uint32_t which = draw(&state, OPEN);
        subscriber *it = &subscribers[which];
        if (!it->source) {
            octavo_source source;
            it->kind = octavo_source_kind_at(draw(&state, 4) ? OCTAVO_KIND_PUBSUB : OCTAVO_KIND_CONFIGURATION);
            it->granted = it->received = it->accepted = 0;
            it->ended = 0;
            source = octavo_source_open(calls, it->kind, instance, it, received, source_end);
            CHECK(source);
            it->source = source;
            __atomic_store_n(&it->shown, source, __ATOMIC_SEQ_CST);
        } else if (draw(&state, 40) == 0) {
            close_one(which);
        } else if (it->kind->credit != OCTAVO_NO_OP) {
            uint32_t grant = draw(&state, 20);
            it->granted += grant;
            octavo_source_grant(it->source, grant);
        }
        if (__atomic_exchange_n(&woken, 0, __ATOMIC_ACQUIRE)) octavo_calls_drain(calls);
        else sched_yield();
    }
    for (i = 0; i < OPEN; i++)
        if (subscribers[i].source) close_one(i);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    octavo_calls_retire(calls);
    printf("%llu messages\n", (unsigned long long)total);
    return 0;
}
