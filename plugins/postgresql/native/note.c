#include <octavo/octavo.h>

OCTAVO_NOTE("postgresql", "1.0.0", 1u << OCTAVO_KIND_STATE, OCTAVO_PLUGIN_UNLOADABLE,
            "state.postgresql\0state.postgres");
