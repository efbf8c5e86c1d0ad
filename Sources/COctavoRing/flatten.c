#include "octavo_ring.h"

#include <string.h>

/*
 * Where a flattened structure is put together. `used` only grows; sums are checked against
 * `capacity`, which is UINT64_MAX / 2 when only the size is asked for, so that they can't wrap.
 */
typedef struct frame {
    uint8_t *memory; /* NULL: count only */
    uint64_t capacity;
    uint64_t used;
    int relative;
} frame;

static int walk(frame *out, const octavo_layout *layout, const uint8_t *from, uint32_t size, uint64_t at, int depth);

/* Room for `bytes`, 8-aligned; its offset, or INVALID. */
static uint64_t reserve(frame *out, uint64_t bytes) {
    uint64_t at = out->used;
    if (bytes > out->capacity - at || ((bytes + 7) & ~7ull) > out->capacity - at) return OCTAVO_FLAT_INVALID;
    out->used = at + ((bytes + 7) & ~7ull);
    return at;
}

/* What a slot of the copy holds for the bytes at offset `at`. */
static uint64_t slot_value(const frame *out, uint64_t at) {
    return out->relative ? at : (uint64_t)(uintptr_t)(out->memory + at);
}

static int put_slice(frame *out, const uint8_t *member, uint64_t at) {
    octavo_bytes slice;
    uint64_t data, slot = 0;
    memcpy(&slice, member, sizeof slice);
    if (!slice.data) {
        if (slice.size) return -1;
    } else {
        /* An empty slice keeps an address of its own: empty is not absent. */
        data = reserve(out, slice.size ? slice.size : 1);
        if (data == OCTAVO_FLAT_INVALID) return -1;
        if (out->memory) {
            memcpy(out->memory + data, slice.data, slice.size);
            slot = slot_value(out, data);
        }
    }
    if (out->memory) memcpy(out->memory + at, &slot, sizeof slot);
    return 0;
}

static int put_list(frame *out, const octavo_layout *element, const uint8_t *member, uint64_t at, int depth) {
    octavo_list list;
    uint64_t data, slot = 0;
    uint32_t i;
    memcpy(&list, member, sizeof list);
    if (!list.items || list.count == 0) {
        if (!list.items && list.count) return -1;
        list.count = 0;
    } else {
        if (list.count > OCTAVO_FLAT_MAX_COUNT || list.stride < element->min_size) return -1;
        data = reserve(out, (uint64_t)list.count * element->size);
        if (data == OCTAVO_FLAT_INVALID) return -1;
        for (i = 0; i < list.count; i++) {
            const uint8_t *item = (const uint8_t *)list.items + (uint64_t)i * list.stride;
            if (walk(out, element, item, list.stride, data + (uint64_t)i * element->size, depth + 1)) return -1;
        }
        if (out->memory) slot = slot_value(out, data);
    }
    if (out->memory) {
        list.stride = element->size;
        memcpy(out->memory + at + offsetof(octavo_list, count), &list.count, sizeof list.count);
        memcpy(out->memory + at + offsetof(octavo_list, stride), &list.stride, sizeof list.stride);
        memcpy(out->memory + at, &slot, sizeof slot);
    }
    return 0;
}

/* Copies one structure, of which the writer has `size` bytes, to offset `at`. */
static int walk(frame *out, const octavo_layout *layout, const uint8_t *from, uint32_t size, uint64_t at, int depth) {
    uint32_t i, known = size < layout->size ? size : layout->size;
    if (depth > OCTAVO_FLAT_MAX_DEPTH) return -1;
    if (out->memory) {
        memcpy(out->memory + at, from, known);
        if (known < layout->size) memset(out->memory + at + known, 0, layout->size - known);
    }
    for (i = 0; i < layout->member_count; i++) {
        const octavo_member *member = &layout->members[i];
        uint64_t to = at + member->offset;
        int failed;
        if (member->kind == OCTAVO_MEMBER_STRUCT) {
            uint32_t inner = known > member->offset ? known - member->offset : 0;
            if (inner == 0) continue;
            if (inner > member->element->size) inner = member->element->size;
            failed = walk(out, member->element, from + member->offset, inner, to, depth + 1);
        } else if (member->offset + sizeof(octavo_bytes) > known) {
            continue; /* the writer does not have it: absent */
        } else if (member->kind == OCTAVO_MEMBER_LIST) {
            failed = put_list(out, member->element, from + member->offset, to, depth);
        } else {
            failed = put_slice(out, from + member->offset, to);
        }
        if (failed) return -1;
    }
    return 0;
}

static uint64_t flatten(frame *out, const octavo_layout *layout, const void *structure) {
    uint32_t size;
    uint64_t at;
    memcpy(&size, structure, sizeof size);
    if (size < layout->min_size) return OCTAVO_FLAT_INVALID;
    at = reserve(out, layout->size);
    if (at == OCTAVO_FLAT_INVALID || walk(out, layout, structure, size, at, 0)) return OCTAVO_FLAT_INVALID;
    if (out->memory && size > layout->size) memcpy(out->memory, &layout->size, sizeof size);
    return out->used;
}

uint64_t octavo_flat_size(const octavo_layout *layout, const void *structure) {
    frame out = {NULL, UINT64_MAX / 2, 0, 0};
    return flatten(&out, layout, structure);
}

uint64_t octavo_flatten(const octavo_layout *layout, const void *structure, void *destination, uint64_t capacity,
                        int relative) {
    frame out = {destination, capacity & ~7ull, 0, relative};
    return flatten(&out, layout, structure);
}
