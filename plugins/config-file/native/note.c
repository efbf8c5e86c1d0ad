#include <octavo/octavo.h>

OCTAVO_NOTE("config-file", "1.0.0", 1u << OCTAVO_KIND_CONFIGURATION, OCTAVO_PLUGIN_UNLOADABLE, "configuration.file");
