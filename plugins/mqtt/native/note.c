#include <octavo/octavo.h>

OCTAVO_NOTE("mqtt", "1.0.0", 1u << OCTAVO_KIND_PUBSUB | 1u << OCTAVO_KIND_BINDING, OCTAVO_PLUGIN_UNLOADABLE,
            "pubsub.mqtt3\0pubsub.mqtt\0bindings.mqtt3\0bindings.mqtt");
