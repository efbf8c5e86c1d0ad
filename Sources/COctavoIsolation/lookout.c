/* Looks after a helper process while it lives: whether it answers, hangs, or has too much. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "isolated.h"

#define TICK_NS (TICK_MS * 1000000ll)
/* What a thread that hangs gets to say where. */
#define LAST_WORDS_NS 1000000000ll
#define ASK_NS 500000000ll
#define HANG_NS 2000000000ll

/* A doorbell that was not rung, because a word in shared memory was spoilt, delays and does not hang. */
static void ring_again(octavo_helper *helper) {
    const uint64_t one = 1;
    uint32_t i;
    for (i = 0; i < helper->isolated->loop_count; i++) {
        const octavo_words *h = octavo_segment_words(helper->h, i), *p = octavo_segment_words(helper->p, i);
        if (__atomic_load_n(&h->tail, __ATOMIC_RELAXED) != __atomic_load_n(&p->head, __ATOMIC_RELAXED) &&
            write(helper->doorbell, &one, sizeof one) < 0) return;
        if (__atomic_load_n(&p->tail, __ATOMIC_RELAXED) != __atomic_load_n(&h->head, __ATOMIC_RELAXED) &&
            write(helper->doorbells[i], &one, sizeof one) < 0) return;
    }
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void heard_from(octavo_helper *helper) {
    helper->heard_at = now_ns();
    helper->asked_at = 0;
}

/* Asks for a sign of life now and then. 0, or -1: it has not come for too long. */
static int check_life(octavo_helper *helper) {
    int64_t now = now_ns();
    if (helper->asked_at) return now - helper->asked_at < HANG_NS ? 0 : -1;
    if (now - helper->heard_at < ASK_NS) return 0;
    helper->asked_at = now;
    helper_say(helper, (octavo_message){.type = OCTAVO_MESSAGE_PING});
    return 0;
}

/* Ends a helper with a thread that hangs: its handler of SIGABRT writes down where, if it still can. */
static void end_hanging(octavo_helper *helper, const char *reason, const octavo_hang *hang, int64_t now) {
    int is_signalled;
    pthread_mutex_lock(&helper->lock);
    if (!helper->reason[0]) snprintf(helper->reason, sizeof helper->reason, "%s", reason);
    helper->hang = *hang;
    /* The number is the helper's word; the kernel takes it only for a thread of that very process. */
    is_signalled = !helper->has_ended && hang->thread && syscall(SYS_tgkill, helper->pid, (int)hang->thread, SIGABRT) == 0;
    pthread_mutex_unlock(&helper->lock);
    helper->kill_at = now + LAST_WORDS_NS;
    if (!is_signalled) octavo_helper_kill(helper, reason);
}

static void forgive(int64_t *mark, int64_t late) {
    if (*mark) *mark += late;
}

static void forgive_all(octavo_helper *helper, int64_t late) {
    uint32_t i;
    forgive(&helper->asked_at, late);
    forgive(&helper->heard_at, late);
    for (i = 0; i < OCTAVO_BUSY_LINES; i++) forgive(&helper->watched[i].since, late);
    for (i = 0; i < helper->loops; i++) forgive(&helper->heads[i].since, late);
}

/* Time in which the helper could not have answered counts against nobody: who looks late was kept from running, by a
   machine with too much to do or one that stood still, and so may the helper have been; and one that wants a
   processor and does not get it, because of others, is slow and does not hang. */
static void forgive_waiting(octavo_helper *helper, int64_t now) {
    int64_t passed = now - helper->looked_at, spent = processor_time(helper->pid), share = spent - helper->spent;
    helper->spent = spent;
    if (!helper->looked_at) return;
    if (passed > 2 * TICK_NS) forgive_all(helper, passed - 2 * TICK_NS);
    else if (share >= 0 && 2 * share < passed && wants_processor(helper->pid)) forgive_all(helper, passed - share);
}

void look_after(octavo_helper *helper) {
    octavo_hang hang = {0};
    const char *fault;
    int64_t now = now_ns();
    if (now - helper->looked_at < TICK_NS) return;
    forgive_waiting(helper, now);
    helper->looked_at = now;
    if (helper->kill_at) {
        if (now >= helper->kill_at) octavo_helper_kill(helper, "hang: a thread does not come out of the plugin's code");
        return;
    }
    ring_again(helper);
    fault = watch_usage(helper, now);
    if (fault) {
        octavo_helper_kill(helper, fault);
        return;
    }
    if (helper->isolated->limits.may_hang) return;
    fault = watch_threads(helper, now, &hang);
    if (!fault) fault = watch_channels(helper, now);
    if (fault) end_hanging(helper, fault, &hang, now);
    else if (check_life(helper)) octavo_helper_kill(helper, "hang: no sign of life for 2 s");
}
