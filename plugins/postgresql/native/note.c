#include <octavo/octavo.h>

OCTAVO_NOTE("postgresql", "1.0.0", 1u << OCTAVO_KIND_STATE | 1u << OCTAVO_KIND_CONFIGURATION | 1u << OCTAVO_KIND_BINDING,
            OCTAVO_PLUGIN_UNLOADABLE,
            "state.postgresql\0state.postgres\0configuration.postgresql\0configuration.postgres\0bindings.postgresql\0bindings.postgres");
