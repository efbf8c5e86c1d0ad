#include <octavo/octavo.h>

OCTAVO_NOTE("rabbitmq", "1.0.0", 1u << OCTAVO_KIND_PUBSUB | 1u << OCTAVO_KIND_BINDING, OCTAVO_PLUGIN_UNLOADABLE,
            "pubsub.rabbitmq\0bindings.rabbitmq");
