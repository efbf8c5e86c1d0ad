#include <octavo/octavo.h>

OCTAVO_NOTE("aws", "1.0.0", 1u << OCTAVO_KIND_BINDING, OCTAVO_PLUGIN_UNLOADABLE, "bindings.aws.s3");
