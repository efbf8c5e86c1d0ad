/*
 * Octavo plugin ABI, major version 1.
 *
 * A plugin is a shared object that exports one function, octavo_plugin_v1(), which returns a
 * constant description of the component types that it offers. Everything else is reached through
 * tables of functions.
 *
 * Rules that hold everywhere:
 *  - 64-bit little-endian only. Sizes and offsets of all structures are fixed and asserted.
 *  - Structures and tables begin with their size in bytes. They grow by appending; a member
 *    beyond `size`, or zero, means "as before". Test with OCTAVO_HAS(pointer, member).
 *  - A structure is allocated and freed by its writer. Nobody frees the other side's memory.
 *  - Text is UTF-8 and not NUL-terminated. `data == NULL` is absent, `size == 0` with data is empty.
 *  - Durations and deadlines are nanoseconds of CLOCK_MONOTONIC, wall time is nanoseconds since 1970.
 *  - No call from a plugin to the runtime ever blocks or waits for an answer.
 *
 * Threads. Each function carries a tag:
 *   [control]  the instance's control thread; never at the same time as another [control] call of
 *              this instance. For a reactor type it is the reactor thread.
 *   [exec]     as the type's `execution` says, see OCTAVO_EXECUTION_INLINE and its siblings.
 *   [reactor]  the thread of a reactor instance.
 *   [any]      any thread at any time.
 */
#ifndef OCTAVO_OCTAVO_H
#define OCTAVO_OCTAVO_H

#include <stddef.h>
#include <stdint.h>

#include "octavo/octavo_types.h"
#include "octavo/octavo_schema.h"
#include "octavo/octavo_host.h"
#include "octavo/octavo_plugin.h"

#include "octavo/octavo_stream.h"

#include "octavo/state.h"
#include "octavo/pubsub.h"
#include "octavo/configuration.h"
#include "octavo/lock.h"
#include "octavo/sequencer.h"
#include "octavo/secret_store.h"
#include "octavo/binding.h"
#include "octavo/object_store.h"
#include "octavo/crypto.h"
#include "octavo/name_resolution.h"
#include "octavo/filter.h"
#include "octavo/conversation.h"
#include "octavo/custom_service.h"

#include "octavo/handoff.h"

#include "octavo/octavo_layout.h"
#include "octavo/octavo_inline.h"
#include "octavo/octavo_note.h"

#endif
