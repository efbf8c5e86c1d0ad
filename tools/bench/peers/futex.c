/*
 * Two threads on two processors that wake each other by bare futexes: what a wake-up of another processor costs on
 * this machine, and nothing else.
 *
 *   futex FIRST SECOND     prints {"wake_up_us": N}: half of a round trip, the middle of 1,000, with a pause of half a
 *                          millisecond between two, so that both processors have gone to sleep
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 1000

static _Alignas(64) uint32_t ping;
static _Alignas(64) uint32_t pong;
static int processors[2];

static void pin(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    if (sched_setaffinity(0, sizeof set, &set)) exit(1);
}

static void wait_until(uint32_t *word, uint32_t value) {
    for (;;) {
        uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
        if (now == value) return;
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
    }
}

static void set_and_wake(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *other(void *argument) {
    uint32_t round;
    (void)argument;
    pin(processors[1]);
    for (round = 1; round <= ROUNDS; round++) {
        wait_until(&ping, round);
        set_and_wake(&pong, round);
    }
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int compare(const void *one, const void *two) {
    double a = *(const double *)one, b = *(const double *)two;
    return (a > b) - (a < b);
}

int main(int count, char **words) {
    static double times[ROUNDS];
    pthread_t thread;
    uint32_t round;
    if (count != 3) return 2;
    processors[0] = atoi(words[1]);
    processors[1] = atoi(words[2]);
    if (pthread_create(&thread, NULL, other, NULL)) return 1;
    pin(processors[0]);
    for (round = 1; round <= ROUNDS; round++) {
        double begin;
        usleep(500);
        begin = now();
        set_and_wake(&ping, round);
        wait_until(&pong, round);
        times[round - 1] = now() - begin;
    }
    pthread_join(thread, NULL);
    qsort(times, ROUNDS, sizeof *times, compare);
    printf("{\"wake_up_us\": %.3f}\n", times[ROUNDS / 2] / 2);
    return 0;
}
