/* The operations of each kind; one file a kind defines its table. */
#ifndef OCTAVO_KINDS_H
#define OCTAVO_KINDS_H

#include <octavo/octavo.h>

extern const octavo_kind octavo_kind_state;
extern const octavo_kind octavo_kind_secret_store;

#endif
