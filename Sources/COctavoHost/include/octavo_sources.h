/*
 * Sources: what plugins deliver messages to. A source is a slot of its loop's table and a generation, as a call
 * is; a handle that is kept too long or made up is answered STALE and reaches nobody.
 *
 * The owner's thread (the one of the loop's call table) opens, closes and grants; any thread delivers. What comes from
 * elsewhere is flattened and queued, and the owner is woken once for a batch; octavo_calls_drain hands it over.
 */
#ifndef OCTAVO_SOURCES_H
#define OCTAVO_SOURCES_H

#include <octavo_source_kinds.h>

#include "octavo_calls.h"

OCTAVO_BEGIN

/* Open sources of one event loop. */
#define OCTAVO_SOURCES_MAX 4096u
/* Messages of one source that may wait for the owner when its kind knows no credit. */
#define OCTAVO_SOURCE_QUEUE 1024u

/* How the owner hears of a message: the structure of the source's kind, valid during the call. It may be shorter
   than the owner's own when the plugin is older. */
typedef void (*octavo_message_fn)(void *context, uint64_t token, const void *message);
/* … and that the source has ended by itself, or that messages were lost because they came faster than they were
   taken: it is to be opened again. */
typedef void (*octavo_source_end_fn)(void *context, const octavo_error *error);

/* Opens a source of `instance` for messages of that kind, with no credit, or with all of it when the kind knows none.
   0 without memory or when OCTAVO_SOURCES_MAX are open. Owner's thread. */
octavo_source octavo_source_open(octavo_calls *calls, const octavo_source_kind *kind, octavo_instance *instance, void *context,
                                 octavo_message_fn message, octavo_source_end_fn end);
/* Nothing more is heard of it. Owner's thread. */
void octavo_source_close(octavo_source source);
/* So many more messages may come. Owner's thread. */
void octavo_source_grant(octavo_source source, uint32_t messages);
/* No more may come until the next grant. Owner's thread. */
void octavo_source_pause(octavo_source source);
/* Whose it is; NULL when it is not open. Owner's thread. */
octavo_instance *OCTAVO_NULLABLE octavo_source_instance(octavo_source source);
/* How many are open on the instance. Owner's thread. */
uint32_t octavo_sources_of(const octavo_calls *calls, const octavo_instance *instance);
/* Its kind, and whether the calling thread is its owner's; NULL when it is not open. */
const octavo_source_kind *OCTAVO_NULLABLE octavo_source_kind_of(octavo_source source, int32_t *is_here);

/* The host functions; see octavo_host. [any] */
int32_t octavo_sources_deliver(octavo_source source, uint64_t token, const void *message);
int32_t octavo_sources_failed(octavo_source source, const octavo_error *error);

/* What octavo_calls_drain and octavo_calls_retire do for the sources of that table. */
void octavo_sources_drain(const octavo_calls *calls);
void octavo_sources_retire(const octavo_calls *calls);

OCTAVO_END

#endif
