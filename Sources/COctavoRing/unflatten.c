#include "octavo_ring.h"

#include <string.h>

/* A frame of another process, and the private memory that its structures are copied to. */
typedef struct reading {
    const uint8_t *frame;
    uint64_t length;
    uint8_t *memory;
    uint64_t capacity;
    uint64_t used;
    uint64_t copy_below;
} reading;

static int fix(reading *in, const octavo_layout *layout, uint64_t at, int depth);

static uint64_t reserve(reading *in, uint64_t bytes) {
    uint64_t at = in->used;
    if (bytes > in->capacity - at || ((bytes + 7) & ~7ull) > in->capacity - at) return OCTAVO_FLAT_INVALID;
    in->used = at + ((bytes + 7) & ~7ull);
    return at;
}

static int fix_slice(reading *in, int is_text, uint64_t at) {
    uint64_t slot, size, copy;
    const uint8_t *data = NULL;
    memcpy(&slot, in->memory + at, sizeof slot);
    memcpy(&size, in->memory + at + offsetof(octavo_bytes, size), sizeof size);
    if (slot == 0) {
        if (size) return -1;
    } else {
        if (slot > in->length || size > in->length - slot) return -1;
        data = in->frame + slot;
        /* Text is interpreted, which must not happen in memory that may change meanwhile. */
        if (in->copy_below && (is_text || size < in->copy_below)) {
            copy = reserve(in, size ? size : 1);
            if (copy == OCTAVO_FLAT_INVALID) return -1;
            memcpy(in->memory + copy, data, size);
            data = in->memory + copy;
        }
    }
    memcpy(in->memory + at, &data, sizeof data);
    return 0;
}

static int fix_list(reading *in, const octavo_layout *element, uint64_t at, int depth) {
    octavo_list list;
    uint64_t slot, copy, bytes;
    uint32_t i;
    memcpy(&list, in->memory + at, sizeof list);
    memcpy(&slot, in->memory + at, sizeof slot);
    list.items = NULL;
    if (slot == 0) {
        if (list.count) return -1;
    } else {
        if (list.count == 0 || list.count > OCTAVO_FLAT_MAX_COUNT || list.stride != element->size) return -1;
        bytes = (uint64_t)list.count * list.stride;
        if (slot > in->length || slot % 8 || bytes > in->length - slot) return -1;
        copy = reserve(in, bytes);
        if (copy == OCTAVO_FLAT_INVALID) return -1;
        memcpy(in->memory + copy, in->frame + slot, bytes);
        for (i = 0; i < list.count; i++)
            if (fix(in, element, copy + (uint64_t)i * list.stride, depth + 1)) return -1;
        list.items = in->memory + copy;
    }
    memcpy(in->memory + at, &list.items, sizeof list.items);
    return 0;
}

/* Turns the offsets in the private copy at `at` into addresses. */
static int fix(reading *in, const octavo_layout *layout, uint64_t at, int depth) {
    uint32_t i;
    if (depth > OCTAVO_FLAT_MAX_DEPTH) return -1;
    for (i = 0; i < layout->member_count; i++) {
        const octavo_member *member = &layout->members[i];
        uint64_t to = at + member->offset;
        int failed;
        switch (member->kind) {
        case OCTAVO_MEMBER_STRUCT: failed = fix(in, member->element, to, depth + 1); break;
        case OCTAVO_MEMBER_LIST: failed = fix_list(in, member->element, to, depth); break;
        default: failed = fix_slice(in, member->kind == OCTAVO_MEMBER_STR, to); break;
        }
        if (failed) return -1;
    }
    return 0;
}

uint64_t octavo_unflatten(const octavo_layout *layout, const void *frame, uint64_t length, void *destination,
                          uint64_t capacity, uint64_t copy_below) {
    reading in = {frame, length, destination, capacity & ~7ull, 0, copy_below};
    uint32_t size;
    uint64_t at;
    if (length < layout->size) return OCTAVO_FLAT_INVALID;
    at = reserve(&in, layout->size);
    if (at == OCTAVO_FLAT_INVALID) return OCTAVO_FLAT_INVALID;
    memcpy(in.memory, frame, layout->size);
    memcpy(&size, in.memory, sizeof size);
    /* An older plugin's structure is shorter; what it lacks is zero in the frame. */
    if (size < layout->min_size || size > layout->size || fix(&in, layout, at, 0)) return OCTAVO_FLAT_INVALID;
    return in.used;
}
