/*
 * Extension "octavo.handoff/1": takes what an instance holds in memory over to the instance that
 * replaces it at a reload. For types with OCTAVO_TYPE_HOLDS_STATE. The runtime gets the table of the
 * old instance and that of the new one by octavo_life.get_extension; no operation is called on either
 * of them while it runs.
 */
#ifndef OCTAVO_HANDOFF_H
#define OCTAVO_HANDOFF_H

#include "octavo/octavo_types.h"

#define OCTAVO_EXTENSION_HANDOFF "octavo.handoff/1"

OCTAVO_BEGIN

/* Takes a piece of the state; copied before it returns. OK, or anything else: stop and return it. */
typedef int32_t (*octavo_handoff_sink)(void *OCTAVO_NULLABLE argument, octavo_bytes piece);

typedef struct octavo_handoff {
    uint32_t size;
    uint32_t format; /* number of the plugin's own format; old and new must have the same */
    /* Gives the whole state piece by piece to `sink`; changes nothing. OK, or what sink answered. [control] */
    int32_t (*export_state)(void *self, octavo_handoff_sink sink, void *OCTAVO_NULLABLE argument);
    /* Takes one piece, in the order of the export. OK, or FAILED: the reload is given up. [control] */
    int32_t (*import_state)(void *self, octavo_bytes piece);
} octavo_handoff;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_handoff, 24);

#endif
