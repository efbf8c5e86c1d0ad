#include <octavo/octavo.h>

OCTAVO_NOTE("nats", "1.0.0", 1u << OCTAVO_KIND_PUBSUB, OCTAVO_PLUGIN_UNLOADABLE, "pubsub.jetstream");
