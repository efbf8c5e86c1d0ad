/*
 * Flattening of requests and replies by the layout table. Runtime and helper share it. It allocates
 * nothing and decides nothing.
 */
#ifndef OCTAVO_RING_H
#define OCTAVO_RING_H

#include <octavo/octavo.h>

OCTAVO_BEGIN

/* Nesting of structures and lists that is followed; the ABI needs three. */
#define OCTAVO_FLAT_MAX_DEPTH 4
/* More elements than this in one list are refused. */
#define OCTAVO_FLAT_MAX_COUNT (1u << 20)

/* What octavo_flat_size and octavo_flatten answer for a structure that breaks the rules. */
#define OCTAVO_FLAT_INVALID UINT64_MAX

/*
 * Bytes that `structure` and all that it points at take when flattened; 8-aligned. INVALID: its size
 * member is below the layout's minimum, a slice has a size but no data, a list's stride is smaller
 * than its element, a count or the depth is over the limit, or the sum overflows.
 */
uint64_t octavo_flat_size(const octavo_layout *layout, const void *structure);

/*
 * Copies `structure` and all that it points at to `destination` (8-aligned, `capacity` bytes).
 * Slices of the copy hold addresses inside `destination`, or, with `relative` = 1, offsets from
 * the start of the frame, 0 for absent, as they are kept in shared memory.
 * Members that the writer's version does not have are zero in the copy; members that it has and we
 * don't know are dropped. Returns the bytes used, or INVALID.
 */
uint64_t octavo_flatten(const octavo_layout *layout, const void *structure, void *destination,
                        uint64_t capacity, int relative);

/*
 * Reads a structure that was flattened with `relative` = 1 by another process, which may have lied and
 * may change `frame` (8-aligned, `length` bytes) at any moment. Structures and lists are copied to
 * `destination` (8-aligned) first and checked there; nothing of the frame is interpreted twice.
 * Text, and payloads shorter than `copy_below`, are copied, too; longer payloads stay where they are,
 * inside the frame: they may be copied on, not interpreted. `copy_below` = 0 trusts the writer and leaves
 * text in place as well. `capacity` = `length` is enough for what octavo_flatten made.
 * Returns the bytes used, or INVALID: an offset, count, stride, size or depth breaks the rules.
 */
uint64_t octavo_unflatten(const octavo_layout *layout, const void *frame, uint64_t length, void *destination,
                          uint64_t capacity, uint64_t copy_below);

OCTAVO_END

#endif
