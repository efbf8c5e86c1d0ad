/*
 * The note: what a plugin offers, readable from the file without running any of its code.
 *
 * An ELF note of owner "OCTAVO", type 1, in section .note.octavo. Its description is an
 * octavo_note_head, then texts, each ended by a NUL: the id, the version, the names of the component
 * types; then one more NUL. It must agree with the descriptor.
 */
#ifndef OCTAVO_NOTE_H
#define OCTAVO_NOTE_H

#include <stdint.h>

#include "octavo/octavo_types.h"

#define OCTAVO_NOTE_OWNER "OCTAVO"
#define OCTAVO_NOTE_TYPE 1

typedef struct octavo_note_head {
    uint16_t major;
    uint16_t minor; /* OCTAVO_ABI_MINOR that the plugin was built with */
    uint32_t kinds; /* bit 1 << kind for each kind among its types */
    uint32_t flags; /* OCTAVO_PLUGIN_* */
    uint32_t reserved;
} octavo_note_head;

/*
 * Puts the note into an object file. Once a plugin, in a C file at file level:
 *
 *   OCTAVO_NOTE("redis", "1.0.0", 1u << OCTAVO_KIND_STATE, OCTAVO_PLUGIN_UNLOADABLE,
 *               "state.redis\0state.redis-legacy")
 *
 * The last argument is the names of all types and their aliases, separated by \0.
 */
#define OCTAVO_NOTE(id, version, kinds, flags, types)                                           \
    __attribute__((section(".note.octavo"), used, aligned(4))) static const struct {            \
        uint32_t name_size, description_size, type;                                             \
        char owner[8];                                                                          \
        octavo_note_head head;                                                                  \
        char text[sizeof(id "\0" version "\0" types "\0")];                                     \
    } octavo_note_of_this_plugin = {                                                            \
        sizeof(OCTAVO_NOTE_OWNER),                                                              \
        sizeof(octavo_note_head) + sizeof(id "\0" version "\0" types "\0"),                     \
        OCTAVO_NOTE_TYPE,                                                                       \
        OCTAVO_NOTE_OWNER,                                                                      \
        {OCTAVO_ABI_MAJOR, OCTAVO_ABI_MINOR, (kinds), (flags), 0},                              \
        id "\0" version "\0" types "\0"}

OCTAVO_ASSERT_SIZE(octavo_note_head, 16);

#endif
