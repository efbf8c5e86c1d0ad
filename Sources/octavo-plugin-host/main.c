/*
 * Runs code of plugins in a process of its own, so that nothing in it can harm the runtime.
 *
 *   octavo-plugin-host describe FILE    prints what the plugin says of itself, as JSON
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "describe.h"

int main(int count, char **arguments) {
    if (count == 3 && !strcmp(arguments[1], "describe")) {
        /* A plugin that hangs in a constructor must not be waited for. */
        alarm(10);
        return describe(arguments[2]);
    }
    fprintf(stderr, "usage: octavo-plugin-host describe FILE\n");
    return 2;
}
