/*
 * Two threads at the two ends of a channel, each asleep whenever there is nothing to do: every entry
 * arrives, in order, and no wake-up is lost. Run it under ThreadSanitizer, too.
 *
 *   channel_check SEED ENTRIES
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "octavo_channel.h"

#define AREA 65536u

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

typedef struct end {
    octavo_words *own;
    const octavo_words *peer;
    octavo_entry *out;
    const octavo_entry *in;
    uint32_t out_size, in_size;
    uint32_t tail, head, rung;
    int bell, peer_bell;
    uint64_t state, sent, seen, sleeps;
    int echoes;
} end;

static uint64_t entries;

static uint32_t draw(end *one, uint32_t bound) {
    one->state = one->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(one->state >> 33) % bound;
}

/* Longer than any turn of the other end: a wake-up was lost. */
static void sleep_on(end *one) {
    struct pollfd bell = {one->bell, POLLIN, 0};
    uint64_t rings;
    one->sleeps++;
    CHECK(poll(&bell, 1, 20000) == 1);
    CHECK(read(one->bell, &rings, sizeof rings) == sizeof rings);
}

static void put(end *one, uint64_t number) {
    octavo_entry entry;
    while (one->tail - __atomic_load_n(&one->peer->head, __ATOMIC_ACQUIRE) >= one->out_size) sched_yield();
    memset(&entry, (int)(number & 0xff), sizeof entry);
    entry.call = number;
    one->out[one->tail & (one->out_size - 1)] = entry;
    __atomic_store_n(&one->own->tail, ++one->tail, __ATOMIC_RELEASE);
    octavo_ring_doorbell(one->peer, &one->rung, one->peer_bell);
}

static int take(end *one) {
    uint32_t tail = __atomic_load_n(&one->peer->tail, __ATOMIC_ACQUIRE);
    int any = tail != one->head;
    while (one->head != tail) {
        octavo_entry entry = one->in[one->head & (one->in_size - 1)];
        CHECK(entry.call == one->seen && entry.token == (one->seen & 0xff) * 0x0101010101010101ull);
        one->seen++;
        __atomic_store_n(&one->own->head, ++one->head, __ATOMIC_RELEASE);
        if (one->echoes) put(one, entry.call);
    }
    return any;
}

static int has_more(const end *one) { return __atomic_load_n(&one->peer->tail, __ATOMIC_ACQUIRE) != one->head; }

static void *run(void *argument) {
    end *one = argument;
    while (one->seen < entries) {
        if (!one->echoes && one->sent < entries && one->sent - one->seen < 500) {
            uint32_t burst = 1 + draw(one, draw(one, 10) ? 3 : 200);
            while (burst-- && one->sent < entries) put(one, one->sent++);
        }
        if (take(one)) continue;
        if (draw(one, 4) == 0) sched_yield();
        octavo_go_to_sleep(one->own);
        if (!has_more(one)) sleep_on(one);
        octavo_wake_up(one->own);
    }
    return NULL;
}

int main(int count, char **arguments) {
    uint64_t seed = count > 1 ? strtoull(arguments[1], NULL, 10) : 1;
    void *h = aligned_alloc(4096, octavo_segment_h_size(1, AREA)), *p = aligned_alloc(4096, octavo_segment_p_size(1, AREA));
    int bells[2] = {eventfd(0, 0), eventfd(0, 0)};
    end runtime = {.state = seed}, helper = {.state = seed + 1, .echoes = 1};
    pthread_t threads[2];
    entries = count > 2 ? strtoull(arguments[2], NULL, 10) : 100000;
    CHECK(h && p && bells[0] >= 0 && bells[1] >= 0);
    memset(h, 0, octavo_segment_h_size(1, AREA));
    memset(p, 0, octavo_segment_p_size(1, AREA));
    runtime.own = octavo_segment_words(h, 0);
    runtime.peer = octavo_segment_words(p, 0);
    runtime.out = octavo_submissions(h, 0);
    runtime.in = octavo_completions(p, 0);
    runtime.out_size = OCTAVO_SUBMISSIONS;
    runtime.in_size = OCTAVO_COMPLETIONS;
    helper.own = octavo_segment_words(p, 0);
    helper.peer = octavo_segment_words(h, 0);
    helper.out = octavo_completions(p, 0);
    helper.in = octavo_submissions(h, 0);
    helper.out_size = OCTAVO_COMPLETIONS;
    helper.in_size = OCTAVO_SUBMISSIONS;
    runtime.bell = helper.peer_bell = bells[0];
    helper.bell = runtime.peer_bell = bells[1];
    CHECK(!pthread_create(&threads[0], NULL, run, &runtime) && !pthread_create(&threads[1], NULL, run, &helper));
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    CHECK(runtime.seen == entries && helper.seen == entries);
    printf("%llu entries there and back; asleep %llu and %llu times\n", (unsigned long long)entries,
           (unsigned long long)runtime.sleeps, (unsigned long long)helper.sleeps);
    CHECK(runtime.sleeps > 10 && helper.sleeps > 10);
    free(h);
    free(p);
    return 0;
}
