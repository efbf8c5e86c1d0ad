/*
 * Runs code of plugins in a process of its own, so that nothing in it can harm the runtime.
 *
 *   octavo-plugin-host describe FILE               prints what the plugin says of itself, as JSON
 *   octavo-plugin-host serve FILE CHANNELS AREA [place=NUMBER] [LIMIT=NUMBER …]
 *                                                  serves it to the runtime that has started this process
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "describe.h"
#include "limits.h"
#include "serve.h"

int main(int count, char **arguments) {
    if (count == 3 && !strcmp(arguments[1], "describe")) {
        /* A plugin that hangs in a constructor must not be waited for. */
        alarm(10);
        return describe(arguments[2]);
    }
    if (count >= 5 && !strcmp(arguments[1], "serve")) {
        unsigned long channels = strtoul(arguments[3], NULL, 10);
        unsigned long long area = strtoull(arguments[4], NULL, 10);
        int64_t place = limits_number(count - 5, arguments + 5, "place");
        if (channels >= 1 && channels <= OCTAVO_CHANNELS_MAX && area >= 65536 && area % 4096 == 0)
            return serve(place < 0 ? 0 : (uint32_t)(place % OCTAVO_PLUGINS_MAX), arguments[2], (uint32_t)channels, area, count - 5, arguments + 5);
    }
    fprintf(stderr, "usage: octavo-plugin-host describe FILE\n");
    return 2;
}
