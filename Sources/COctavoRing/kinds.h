/* The operations of each kind; one file a kind defines its table. */
#ifndef OCTAVO_KINDS_H
#define OCTAVO_KINDS_H

#include <octavo/octavo.h>

extern const octavo_kind octavo_kind_state;
extern const octavo_kind octavo_kind_secret_store;
extern const octavo_kind octavo_kind_pubsub;
extern const octavo_kind octavo_kind_configuration;
extern const octavo_kind octavo_kind_lock;
extern const octavo_kind octavo_kind_sequencer;
extern const octavo_kind octavo_kind_binding;
extern const octavo_kind octavo_kind_object_store;
extern const octavo_kind octavo_kind_crypto;
extern const octavo_kind octavo_kind_name_resolution;
extern const octavo_kind octavo_kind_filter;
extern const octavo_kind octavo_kind_conversation;
extern const octavo_kind octavo_kind_custom_service;

#endif
