#include <octavo/octavo.h>

OCTAVO_NOTE("consul", "1.0.0", 1u << OCTAVO_KIND_NAME_RESOLUTION, OCTAVO_PLUGIN_UNLOADABLE,
            "nameresolution.consul\0nameresolution.hashicorp.consul");
