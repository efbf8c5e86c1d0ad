#include <octavo/octavo.h>

OCTAVO_NOTE("kubernetes", "1.0.0", 1u << OCTAVO_KIND_SECRET_STORE, OCTAVO_PLUGIN_UNLOADABLE, "secretstores.kubernetes");
