/*
 * The table of what threads do that run plugins' code: its lines, and which thread has been inside for too long.
 * The runtime keeps one for itself, and reads that of each helper.
 */
#ifndef OCTAVO_BUSY_H
#define OCTAVO_BUSY_H

#include <octavo_channel.h>

OCTAVO_BEGIN

/* A line for the calling thread; NULL when there is none left, or `line` is of no kind. [any] */
octavo_busy *OCTAVO_NULLABLE octavo_busy_take(octavo_busy_table *table, octavo_busy line);
void octavo_busy_give_back(octavo_busy *line);

/* What the one who looks remembers of a line. */
typedef struct octavo_watched {
    uint64_t turn;
    int64_t since; /* it has been seen like this */
    uint32_t instance;
    int is_stuck;  /* the looker's: it knows already */
} octavo_watched;

/* The line, read once: its thread may change it meanwhile. */
octavo_busy octavo_busy_look(const octavo_busy *line);
/* Whether its thread has been inside of the plugin for longer than its kind may. When it has moved since the last look,
   `watched` begins anew, with is_stuck = 0. */
int octavo_busy_is_over(const octavo_busy *seen, octavo_watched *watched, int64_t now);

OCTAVO_END

#endif
