#include <octavo/octavo.h>

OCTAVO_NOTE("names", "1.0.0", 1u << OCTAVO_KIND_NAME_RESOLUTION, OCTAVO_PLUGIN_UNLOADABLE,
            "nameresolution.structuredformat\0nameresolution.structured\0nameresolution.kubernetes\0nameresolution.mdns");
