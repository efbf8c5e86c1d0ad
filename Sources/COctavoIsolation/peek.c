/*
 * Looking for an answer instead of going to sleep. To sleep and be woken costs more than most plugins need for an
 * answer; looking costs time that other calls of the loop could have. So it is done where the answer can come soon,
 * and as long as that pays.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <time.h>

#include "isolated.h"

/* With more under way the next turn finds answers anyway. */
#define FEW_FLIGHTS 4
/* An inline plugin in a helper that is awake has answered by then. */
#define AWAKE_NS 2000
/* A sleeping processor takes some tens of microseconds to wake, whatever wakes it. */
#define ASLEEP_NS 60000
/* Of the loop's time at most one part in so many goes into waiting for helpers to wake. */
#define ASLEEP_SHARE 4
/* The processor went to somebody else. */
#define TAKEN_NS 200000
#define YIELDS 2

/* Windows of looks with too few hits close a gate for a while, twice as long each time. */
#define WINDOW 32u
#define HITS 20u
#define PAUSE_MIN 256u
#define PAUSE_MAX 65536u

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int is_open(gate *it) {
    if (!it->closed) return 1;
    it->closed--;
    return 0;
}

static void close_for_a_while(gate *it) {
    it->pause = it->pause >= PAUSE_MAX / 2 ? PAUSE_MAX : it->pause ? it->pause * 2 : PAUSE_MIN;
    it->closed = it->pause;
    it->looks = it->hits = 0;
}

static void note(gate *it, int found) {
    it->hits += (uint32_t)found;
    if (++it->looks < WINDOW) return;
    if (it->hits < HITS) close_for_a_while(it);
    else it->pause = PAUSE_MIN / 2;
    it->looks = it->hits = 0;
}

static int is_there(const loop_state *loop) { return __atomic_load_n(&loop->peer->tail, __ATOMIC_ACQUIRE) != loop->seen; }

static int spin(const loop_state *loop, int64_t until) {
    int found = 0, i;
    do {
        for (i = 0; i < 16 && !found; i++) {
            found = is_there(loop);
            relax();
        }
    } while (!found && now_ns() < until);
    return found;
}

/* The helper has been woken on this processor, which it only needs to be given. */
static int give_way(const loop_state *loop, gate *it) {
    int64_t before = now_ns();
    int i, found = 0;
    for (i = 0; i < YIELDS && !found; i++) {
        sched_yield();
        found = is_there(loop);
    }
    if (now_ns() - before > TAKEN_NS) close_for_a_while(it);
    else note(it, found);
    return found;
}

void peek(const octavo_isolated *isolated, loop_state *loop, int woken) {
    peeking *it = &loop->peeking;
    int64_t now;
    int found;
    if (!woken) {
        if (isolated->processors > 1 && loop->in_flight <= FEW_FLIGHTS && is_open(&it->awake))
            note(&it->awake, spin(loop, now_ns() + AWAKE_NS));
        return;
    }
    if (loop->in_flight > 1) return;
    if (__atomic_load_n(&loop->peer->processor, __ATOMIC_RELAXED) == (uint32_t)sched_getcpu() + 1) {
        /* If it has gone to another processor all the same, it is waited for there. */
        if (is_open(&it->here) && give_way(loop, &it->here)) return;
    }
    if (isolated->processors == 1 || !is_open(&it->elsewhere)) return;
    now = now_ns();
    if (now < it->not_before) return;
    found = spin(loop, now + ASLEEP_NS);
    note(&it->elsewhere, found);
    it->not_before = now_ns() + (now_ns() - now) * (ASLEEP_SHARE - 1);
}
