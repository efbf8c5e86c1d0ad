#include <octavo/octavo.h>

OCTAVO_NOTE("local-bindings", "1.0.0", 1u << OCTAVO_KIND_BINDING, OCTAVO_PLUGIN_UNLOADABLE,
            "bindings.cron\0bindings.localstorage");
