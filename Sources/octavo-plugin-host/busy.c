/* The lines in which this process's threads say what they do; the runtime looks at them. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#include "serve.h"

static octavo_busy_table *table;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void busy_open(void *segment_p) { table = octavo_busy_lines(segment_p); }

octavo_busy *busy_take(octavo_busy line) {
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

void busy_give_back(octavo_busy *line) { __atomic_store_n(&line->kind, 0, __ATOMIC_RELEASE); }
