/* Lines in which threads say what they do, and who judges them by it. */
#define _GNU_SOURCE
#include "octavo_busy.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECOND 1000000000ll
/* An inline operation holds up all others. */
#define INLINE_NS SECOND
#define REACTOR_NS (5 * SECOND)
/* A worker may block, as long as somebody waits for it and a little longer. */
#define WORKER_NS (5 * SECOND)
/* … or so long, for a call without a deadline. */
#define NO_DEADLINE_NS (60 * SECOND)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

octavo_busy *octavo_busy_take(octavo_busy_table *table, octavo_busy line) {
    octavo_busy *taken = NULL;
    uint32_t i, used;
    if (!table || !line.kind) return NULL;
    pthread_mutex_lock(&lock);
    used = table->used < OCTAVO_BUSY_LINES ? table->used : OCTAVO_BUSY_LINES;
    for (i = 0; i < used && __atomic_load_n(&table->lines[i].kind, __ATOMIC_RELAXED); i++) {}
    if (i < OCTAVO_BUSY_LINES) {
        taken = &table->lines[i];
        taken->thread = (uint32_t)syscall(SYS_gettid);
        taken->instance = line.instance;
        /* Its user before may have left it in the middle: even is outside. */
        __atomic_store_n(&taken->turn, (taken->turn | 1) + 1, __ATOMIC_RELAXED);
        __atomic_store_n(&taken->kind, line.kind, __ATOMIC_RELEASE);
        if (i == used) __atomic_store_n(&table->used, used + 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

void octavo_busy_give_back(octavo_busy *line) { __atomic_store_n(&line->kind, 0, __ATOMIC_RELEASE); }

octavo_busy octavo_busy_look(const octavo_busy *line) {
    octavo_busy seen = {.reserved = 0};
    seen.kind = __atomic_load_n(&line->kind, __ATOMIC_ACQUIRE);
    seen.turn = __atomic_load_n(&line->turn, __ATOMIC_ACQUIRE);
    seen.call = __atomic_load_n(&line->call, __ATOMIC_RELAXED);
    seen.deadline_ns = __atomic_load_n(&line->deadline_ns, __ATOMIC_RELAXED);
    seen.thread = __atomic_load_n(&line->thread, __ATOMIC_RELAXED);
    seen.instance = __atomic_load_n(&line->instance, __ATOMIC_RELAXED);
    seen.op = __atomic_load_n(&line->op, __ATOMIC_RELAXED);
    return seen;
}

int octavo_busy_is_over(const octavo_busy *seen, octavo_watched *watched, int64_t now) {
    int64_t inside = now - watched->since;
    if (!seen->kind || seen->turn != watched->turn || !(seen->turn & 1)) {
        *watched = (octavo_watched){.turn = seen->turn, .since = now};
        return 0;
    }
    switch (seen->kind) {
    case OCTAVO_BUSY_INLINE: return inside >= INLINE_NS;
    case OCTAVO_BUSY_REACTOR: return inside >= REACTOR_NS;
    case OCTAVO_BUSY_WORKER:
        return seen->deadline_ns ? inside >= WORKER_NS && now - WORKER_NS >= seen->deadline_ns : inside >= NO_DEADLINE_NS + WORKER_NS;
    default: return 0;
    }
}
