/* The C side of the redis plugin: its TLS is that of all plugins. */
#ifndef OCTAVO_REDIS_NATIVE_H
#define OCTAVO_REDIS_NATIVE_H

#include <plugin_tls.h>

#endif
