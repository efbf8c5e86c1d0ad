/* Looks at what the threads of a helper do, and names the one that does not come out of the plugin. */
#include <string.h>

#include "isolated.h"

/* Requests that nobody takes. */
#define TAKE_NS 2000000000ll
#define DEFAULT_WORKERS 4u
#define MAX_WORKERS 64u

/* Workers that the instance may have at most, those that were replaced among them. */
static uint32_t workers_of(octavo_isolated *isolated, uint32_t instance) {
    uint32_t count = 0;
    pthread_mutex_lock(&isolated->lock);
    if (instance < MAX_INSTANCES && isolated->proxies[instance]) count = isolated->proxies[instance]->type->workers;
    pthread_mutex_unlock(&isolated->lock);
    if (!count) count = DEFAULT_WORKERS;
    return 2 * (count < MAX_WORKERS ? count : MAX_WORKERS);
}

/* Workers of the instance that don't come back. */
static uint32_t stuck_workers(const octavo_helper *helper, uint32_t instance) {
    uint32_t i, count = 0;
    for (i = 0; i < OCTAVO_BUSY_LINES; i++) count += helper->watched[i].is_stuck && helper->watched[i].instance == instance;
    return count;
}

static const char *note_of(const octavo_busy *line) {
    switch (line->kind) {
    case OCTAVO_BUSY_INLINE: return "hang: an inline operation has not returned for 1 s";
    case OCTAVO_BUSY_REACTOR: return "hang: the reactor has been inside of the plugin's code for 5 s";
    default: return "hang: all workers of a component are stuck, 5 s after the deadlines of their calls";
    }
}

const char *watch_threads(octavo_helper *helper, int64_t now, octavo_hang *hang) {
    const octavo_busy_table *table = octavo_busy_lines(helper->p);
    uint32_t used = __atomic_load_n(&table->used, __ATOMIC_ACQUIRE), i;
    if (used > OCTAVO_BUSY_LINES) used = OCTAVO_BUSY_LINES;
    for (i = 0; i < used; i++) {
        octavo_busy line = octavo_busy_look(&table->lines[i]);
        octavo_watched *watched = &helper->watched[i];
        if (!octavo_busy_is_over(&line, watched, now) || watched->is_stuck) continue;
        watched->is_stuck = line.kind == OCTAVO_BUSY_WORKER;
        watched->instance = line.instance;
        if (watched->is_stuck && stuck_workers(helper, line.instance) < workers_of(helper->isolated, line.instance)) {
            /* The others go on, and another one takes its place. */
            helper_say(helper, (octavo_message){.type = OCTAVO_MESSAGE_ADD_WORKER, .instance = line.instance});
            continue;
        }
        *hang = (octavo_hang){line.call, line.thread, line.instance, line.op};
        return note_of(&line);
    }
    return NULL;
}

const char *watch_channels(octavo_helper *helper, int64_t now) {
    uint32_t i;
    for (i = 0; i < helper->loops; i++) {
        uint32_t tail = __atomic_load_n(&octavo_segment_words(helper->h, i)->tail, __ATOMIC_RELAXED);
        uint32_t head = __atomic_load_n(&octavo_segment_words(helper->p, i)->head, __ATOMIC_RELAXED);
        if (tail == head || head != helper->heads[i].head || !helper->heads[i].since) {
            helper->heads[i].head = head;
            helper->heads[i].since = now;
        } else if (now - helper->heads[i].since >= TAKE_NS) {
            return "hang: its dispatcher has not taken a request for 2 s";
        }
    }
    return NULL;
}
