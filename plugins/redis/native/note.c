#include <octavo/octavo.h>

OCTAVO_NOTE("redis", "1.0.0", 1u << OCTAVO_KIND_STATE | 1u << OCTAVO_KIND_PUBSUB | 1u << OCTAVO_KIND_LOCK | 1u << OCTAVO_KIND_CONFIGURATION |
                1u << OCTAVO_KIND_BINDING,
            OCTAVO_PLUGIN_UNLOADABLE, "state.redis\0pubsub.redis\0lock.redis\0configuration.redis\0bindings.redis");
