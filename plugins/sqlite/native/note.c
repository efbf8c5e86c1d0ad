#include <octavo/octavo.h>

OCTAVO_NOTE("sqlite", "1.0.0", 1u << OCTAVO_KIND_STATE | 1u << OCTAVO_KIND_PUBSUB | 1u << OCTAVO_KIND_LOCK | 1u << OCTAVO_KIND_CONFIGURATION |
                1u << OCTAVO_KIND_NAME_RESOLUTION,
            OCTAVO_PLUGIN_UNLOADABLE, "state.sqlite\0state.sqlite3\0pubsub.sqlite\0lock.sqlite\0configuration.sqlite\0nameresolution.sqlite");
