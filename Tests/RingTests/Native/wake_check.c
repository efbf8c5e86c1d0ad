/*
 * Every interleaving of a side that publishes and rings with a side that takes and sleeps, over the channel's own
 * functions: a state in which one sleeps, nothing is on its way to wake it and something was published is a lost
 * wake-up. Stores wait in a buffer of their thread until they reach memory, in any order for different words but for
 * releases, so that what a processor may do is among what is tried.
 *
 *   wake_check MESSAGES [BREAK]     exit code 0: no wake-up is lost; 1: one is, and how
 *
 * BREAK leaves out a part of the protocol; each must be found: 1 the publisher's fence, 2 the sleeper's fence, 3 the
 * sleeper's second look, 4 the number that tells one sleep from the next.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static uint32_t model_load(const uint32_t *at);
static void model_store(uint32_t *at, uint32_t value, int order);
static void model_fence(void);
static ssize_t model_write(int file, const void *data, size_t size);

#define __atomic_load_n(at, order) model_load(at)
#define __atomic_store_n(at, value, order) model_store(at, value, order)
#define __atomic_thread_fence(order) model_fence()
#define write(file, data, size) model_write(file, data, size)
#include "../../../Sources/COctavoRing/channel.c"
#undef write

enum { PUBLISHER, SLEEPER, THREADS };
enum { RUNS, AT_FENCE, AT_BELL, OVER };
#define BUFFER 8
#define STEPS 400
#define STACK 65536

typedef struct pending {
    uint32_t *at;
    uint32_t value;
    int is_release;
} pending;

static uint32_t messages, left_out;
static octavo_words publisher_words, sleeper_words;
static uint32_t bell;
static ucontext_t scheduler, contexts[THREADS];
static char stacks[THREADS][STACK];
static int states[THREADS], current;
static uint64_t histories[THREADS];
static pending buffers[THREADS][BUFFER];
static int counts[THREADS];

/* What the scheduler has chosen on the present path, and how many choices there were. */
static int path[STEPS], widths[STEPS], depth;

static void die(const char *what) {
    fprintf(stderr, "wake_check: %s\n", what);
    exit(2);
}

static void yield(int state) {
    states[current] = state;
    swapcontext(&contexts[current], &scheduler);
}

static void remember(uint64_t value) { histories[current] = (histories[current] ^ (value + 1)) * 0x100000001b3ull; }

static uint32_t model_load(const uint32_t *at) {
    uint32_t value;
    int i;
    yield(RUNS);
    value = *at;
    for (i = 0; i < counts[current]; i++)
        if (buffers[current][i].at == at) value = buffers[current][i].value;
    remember(value);
    return value;
}

static void model_store(uint32_t *at, uint32_t value, int order) {
    yield(RUNS);
    remember(value);
    if (counts[current] == BUFFER) die("a store buffer is full");
    buffers[current][counts[current]++] = (pending){at, value, order == __ATOMIC_RELEASE};
}

static void model_fence(void) {
    if ((left_out == 1 && current == PUBLISHER) || (left_out == 2 && current == SLEEPER)) return;
    yield(AT_FENCE);
    remember(77);
}

static ssize_t model_write(int file, const void *data, size_t size) {
    (void)file, (void)data;
    yield(RUNS);
    remember(78);
    bell = 1;
    return (ssize_t)size;
}

static void wait_for_bell(void) {
    yield(AT_BELL);
    remember(79);
    bell = 0;
}

/* As loop.c and dispatcher.c publish. */
static void publisher(void) {
    uint32_t rung = 0, i;
    for (i = 1; i <= messages; i++) {
        __atomic_store_n(&publisher_words.tail, i, __ATOMIC_RELEASE);
        octavo_ring_doorbell(&sleeper_words, &rung, 0);
    }
    yield(OVER);
}

/* As dispatcher.c's dispatch sleeps, and loop.c's drain. */
static void sleeper(void) {
    uint32_t head = 0;
    while (head != messages) {
        uint32_t tail = __atomic_load_n(&publisher_words.tail, __ATOMIC_ACQUIRE);
        if (tail != head) {
            head = tail;
            continue;
        }
        if (left_out == 4) {
            __atomic_store_n(&sleeper_words.sleep, 1, __ATOMIC_RELAXED);
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
        } else {
            octavo_go_to_sleep(&sleeper_words);
        }
        if (left_out == 3 || __atomic_load_n(&publisher_words.tail, __ATOMIC_ACQUIRE) == head) wait_for_bell();
        octavo_wake_up(&sleeper_words);
    }
    yield(OVER);
}

/* States that were looked at: a set of hashes. */
#define SEEN (1u << 22)
static uint64_t *seen;
static uint32_t seen_count;

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash ^= value + 0x9e3779b97f4a7c15ull + (hash << 6) + (hash >> 2);
    hash ^= hash >> 31;
    return hash * 0xbf58476d1ce4e5b9ull;
}

static int is_new(void) {
    uint64_t hash = 1;
    uint32_t at;
    int t, i;
    hash = mix(hash, publisher_words.tail);
    hash = mix(hash, sleeper_words.sleep);
    hash = mix(hash, bell);
    for (t = 0; t < THREADS; t++) {
        hash = mix(mix(hash, histories[t]), (uint64_t)states[t]);
        for (i = 0; i < counts[t]; i++)
            hash = mix(mix(hash, (uint64_t)(buffers[t][i].at == &publisher_words.tail)), buffers[t][i].value);
        hash = mix(hash, 1000);
    }
    if (!hash) hash = 1;
    for (at = (uint32_t)(hash % SEEN); seen[at]; at = (at + 1) % SEEN)
        if (seen[at] == hash) return 0;
    if (++seen_count > SEEN / 2) die("too many states");
    seen[at] = hash;
    return 1;
}

/* A store may reach memory before those that were made earlier, to other words, unless it is a release. */
static int may_drain(int thread, int index) {
    int i;
    for (i = 0; i < index; i++)
        if (buffers[thread][index].is_release || buffers[thread][i].at == buffers[thread][index].at) return 0;
    return 1;
}

static void drain(int thread, int index) {
    *buffers[thread][index].at = buffers[thread][index].value;
    memmove(&buffers[thread][index], &buffers[thread][index + 1], sizeof(pending) * (size_t)(--counts[thread] - index));
}

static int is_enabled(int thread) {
    return states[thread] == RUNS || (states[thread] == AT_FENCE && !counts[thread]) || (states[thread] == AT_BELL && bell);
}

typedef struct step {
    int thread, store; /* store -1: the thread goes on */
} step;

static int choices(step *out) {
    int count = 0, t, i;
    for (t = 0; t < THREADS; t++) {
        if (is_enabled(t)) out[count++] = (step){t, -1};
        for (i = 0; i < counts[t]; i++)
            if (may_drain(t, i)) out[count++] = (step){t, i};
    }
    return count;
}

static void start(int thread, void (*function)(void)) {
    getcontext(&contexts[thread]);
    contexts[thread].uc_stack.ss_sp = stacks[thread];
    contexts[thread].uc_stack.ss_size = STACK;
    contexts[thread].uc_link = NULL;
    makecontext(&contexts[thread], function, 0);
    states[thread] = RUNS;
    histories[thread] = 1;
    counts[thread] = 0;
    /* To its first step. */
    current = thread;
    swapcontext(&scheduler, &contexts[thread]);
}

/* Follows the path as far as it was chosen, then the first of the choices that are new. 0: a wake-up is lost. */
static int run(void) {
    int at;
    memset(&publisher_words, 0, sizeof publisher_words);
    memset(&sleeper_words, 0, sizeof sleeper_words);
    bell = 0;
    start(PUBLISHER, publisher);
    start(SLEEPER, sleeper);
    for (at = 0;; at++) {
        step steps[2 * (BUFFER + 1)];
        int count = choices(steps);
        if (!count) {
            depth = at;
            return states[SLEEPER] == OVER;
        }
        if (at == STEPS) die("a path that does not end");
        if (at >= depth) {
            if (!is_new()) {
                depth = at;
                return 1;
            }
            path[at] = 0;
            widths[at] = count;
            depth = at + 1;
        }
        if (steps[path[at]].store >= 0) {
            drain(steps[path[at]].thread, steps[path[at]].store);
        } else {
            current = steps[path[at]].thread;
            swapcontext(&scheduler, &contexts[current]);
        }
    }
}

int main(int count, char **arguments) {
    uint64_t runs = 0;
    messages = count > 1 ? (uint32_t)atoi(arguments[1]) : 3;
    left_out = count > 2 ? (uint32_t)atoi(arguments[2]) : 0;
    seen = calloc(SEEN, sizeof *seen);
    if (!seen) die("there is no memory");
    for (;;) {
        runs++;
        if (!run()) {
            fprintf(stderr, "a wake-up is lost after %d steps, in run %llu\n", depth, (unsigned long long)runs);
            return 1;
        }
        while (depth && path[depth - 1] + 1 == widths[depth - 1]) depth--;
        if (!depth) break;
        path[depth - 1]++;
    }
    printf("%u states, %llu runs: no wake-up is lost\n", seen_count, (unsigned long long)runs);
    return 0;
}
