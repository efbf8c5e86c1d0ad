#include <octavo/octavo.h>

OCTAVO_NOTE("etcd", "1.0.0", 1u << OCTAVO_KIND_STATE | 1u << OCTAVO_KIND_LOCK | 1u << OCTAVO_KIND_CONFIGURATION | 1u << OCTAVO_KIND_NAME_RESOLUTION,
            OCTAVO_PLUGIN_UNLOADABLE, "state.etcd\0lock.etcd\0configuration.etcd\0nameresolution.etcd");
