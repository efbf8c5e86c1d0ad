#include <octavo/octavo.h>

#include "memory_native.h"

OCTAVO_NOTE("memory", "1.0.0", 1u << OCTAVO_KIND_STATE | 1u << OCTAVO_KIND_PUBSUB, OCTAVO_PLUGIN_UNLOADABLE,
            "state.in-memory\0pubsub.in-memory");
