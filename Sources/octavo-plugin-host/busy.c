/* The lines in which this process's threads say what they do; the runtime looks at them. */
#include <octavo_busy.h>

#include "serve.h"

static octavo_busy_table *table;

void busy_open(void *segment_p) { table = octavo_busy_lines(segment_p); }

octavo_busy *busy_take(octavo_busy line) { return octavo_busy_take(table, line); }

void busy_give_back(octavo_busy *line) { octavo_busy_give_back(line); }
