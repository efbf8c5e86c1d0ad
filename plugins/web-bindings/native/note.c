#include <octavo/octavo.h>

OCTAVO_NOTE("web-bindings", "1.0.0", 1u << OCTAVO_KIND_BINDING, OCTAVO_PLUGIN_UNLOADABLE, "bindings.http\0bindings.smtp");
