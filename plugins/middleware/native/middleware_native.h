/* The C side of the middleware plugin: its note. */
#ifndef OCTAVO_MIDDLEWARE_NATIVE_H
#define OCTAVO_MIDDLEWARE_NATIVE_H

#endif
