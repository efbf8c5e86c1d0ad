#include <octavo/octavo.h>

OCTAVO_NOTE("sqlite", "1.0.0", 1u << OCTAVO_KIND_STATE, OCTAVO_PLUGIN_UNLOADABLE, "state.sqlite\0state.sqlite3");
