#include <octavo/octavo.h>

OCTAVO_NOTE("crypto", "1.0.0", 1u << OCTAVO_KIND_CRYPTO, OCTAVO_PLUGIN_UNLOADABLE,
            "crypto.dapr.localstorage\0crypto.dapr.jwks");
