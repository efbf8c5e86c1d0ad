#include <octavo/octavo.h>

OCTAVO_NOTE("local-secrets", "1.0.0", 1u << OCTAVO_KIND_SECRET_STORE, OCTAVO_PLUGIN_UNLOADABLE,
            "secretstores.local.env\0secretstores.local.file");
