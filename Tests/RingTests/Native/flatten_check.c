/*
 * Random structures of every layout, flattened and compared with what they were; and structures that
 * break the rules. Run it under AddressSanitizer: all memory has exactly the size that it says.
 *
 *   flatten_check SEED ROUNDS
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "octavo_control.h"
#include "octavo_ring.h"

static uint64_t state;

static uint32_t draw(uint32_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % bound;
}

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

/* Everything that a round allocates. */
static void *blocks[1 << 16];
static size_t block_count;

static void *take(size_t size) {
    void *memory = malloc(size ? size : 1);
    CHECK(memory && block_count < sizeof blocks / sizeof blocks[0]);
    memset(memory, (int)draw(256), size);
    return blocks[block_count++] = memory;
}

static void drop_all(void) {
    while (block_count) free(blocks[--block_count]);
}

/* Fills `size` bytes at `at` as `layout` says; members beyond `size` don't exist. */
static void fill(const octavo_layout *layout, uint8_t *at, uint32_t size, int depth) {
    uint32_t i;
    for (i = 0; i < layout->member_count; i++) {
        const octavo_member *member = &layout->members[i];
        uint8_t *place = at + member->offset;
        if (member->kind == OCTAVO_MEMBER_STRUCT) {
            if (member->offset < size)
                fill(member->element, place, size - member->offset < member->element->size ? size - member->offset : member->element->size, depth);
        } else if (member->offset + 16 > size) {
            continue;
        } else if (member->kind == OCTAVO_MEMBER_LIST) {
            octavo_list list = {NULL, 0, 0};
            uint32_t count = depth < 3 ? draw(4) : 0, j;
            if (count) {
                /* A newer writer's elements are longer than ours. */
                list.stride = member->element->size + 8 * draw(3);
                list.count = count;
                list.items = take((size_t)count * list.stride);
                for (j = 0; j < count; j++)
                    fill(member->element, (uint8_t *)(uintptr_t)list.items + (size_t)j * list.stride, list.stride, depth + 1);
            }
            memcpy(place, &list, sizeof list);
        } else {
            octavo_bytes slice = {NULL, 0};
            if (draw(4)) {
                slice.size = draw(3) ? draw(40) : draw(5000);
                slice.data = take(slice.size);
            }
            memcpy(place, &slice, sizeof slice);
        }
    }
}

/* An address in the frame as what it points at; offsets are resolved against `frame`. */
static const uint8_t *resolve(const uint8_t *slot, const uint8_t *frame, uint64_t used, int relative, uint64_t size) {
    uint64_t value, offset;
    memcpy(&value, slot, sizeof value);
    if (!value) return NULL;
    offset = relative ? value : value - (uint64_t)(uintptr_t)frame;
    CHECK(offset < used && size <= used - offset && offset % 8 == 0);
    return frame + offset;
}

/* `copy` (whole) must say what the first `size` bytes of `from` said, and nothing else. */
static void compare(const octavo_layout *layout, const uint8_t *from, uint32_t size, const uint8_t *copy, const uint8_t *frame,
                    uint64_t used, int relative) {
    uint32_t at = 0, i, known = size < layout->size ? size : layout->size;
    uint8_t plain[4096];
    CHECK(layout->size <= sizeof plain);
    memset(plain, 1, layout->size);
    for (i = 0; i < layout->member_count; i++) {
        const octavo_member *member = &layout->members[i];
        const uint8_t *place = from + member->offset, *other = copy + member->offset;
        int exists;
        if (member->kind == OCTAVO_MEMBER_STRUCT) {
            uint32_t inner = known > member->offset ? known - member->offset : 0;
            memset(plain + member->offset, 0, member->element->size);
            if (inner) compare(member->element, place, inner < member->element->size ? inner : member->element->size, other, frame, used, relative);
            continue;
        }
        memset(plain + member->offset, 0, 16);
        exists = member->offset + 16 <= known;
        if (member->kind == OCTAVO_MEMBER_LIST) {
            octavo_list list = {NULL, 0, 0}, flat;
            const uint8_t *items;
            uint32_t j;
            if (exists) memcpy(&list, place, sizeof list);
            memcpy(&flat, other, sizeof flat);
            CHECK(flat.count == list.count);
            items = resolve(other, frame, used, relative, (uint64_t)flat.count * member->element->size);
            CHECK((items == NULL) == (list.count == 0));
            if (flat.count) CHECK(flat.stride == member->element->size);
            for (j = 0; j < list.count; j++)
                compare(member->element, (const uint8_t *)list.items + (size_t)j * list.stride, list.stride,
                        items + (size_t)j * flat.stride, frame, used, relative);
        } else {
            octavo_bytes slice = {NULL, 0}, flat;
            const uint8_t *data;
            if (exists) memcpy(&slice, place, sizeof slice);
            memcpy(&flat, other, sizeof flat);
            data = resolve(other, frame, used, relative, slice.size);
            CHECK((data == NULL) == (slice.data == NULL));
            if (exists) CHECK(flat.size == slice.size);
            if (data) CHECK(memcmp(data, slice.data, slice.size) == 0);
        }
    }
    /* Numbers are copied as they are; the size is the copy's own when the writer's was longer. */
    for (at = 0; at < layout->size; at++) {
        if (!plain[at] || (from != NULL && copy == frame && at < 4)) continue;
        CHECK(copy[at] == (at < known ? from[at] : 0));
    }
}

static void round_trip(const octavo_layout *layout, int has_size) {
    /* A writer of another version: shorter by whole members, or longer. */
    uint32_t size = layout->size + (has_size ? 8 * draw(4) : 0);
    uint8_t *from, *frame;
    uint64_t need, used;
    int relative = (int)draw(2);
    from = take(size);
    if (has_size) memcpy(from, &size, sizeof size);
    fill(layout, from, size, 0);
    if (has_size) memcpy(from, &size, sizeof size);
    need = octavo_flat_size(layout, from);
    CHECK(need != OCTAVO_FLAT_INVALID && need % 8 == 0 && need >= layout->size);
    frame = take(need);
    used = octavo_flatten(layout, from, frame, need, relative);
    CHECK(used == need);
    compare(layout, from, size, frame, frame, used, relative);
    {
        uint32_t written;
        memcpy(&written, frame, sizeof written);
        CHECK(written == (size < layout->size ? size : layout->size));
    }
    /* One byte too little is refused, and nothing is written beyond it. */
    {
        uint64_t less = need - 1 - draw((uint32_t)(need < 1000 ? need : 1000));
        uint8_t *small = take(less);
        CHECK(octavo_flatten(layout, from, small, less, relative) == OCTAVO_FLAT_INVALID);
    }
}

/* What another process has flattened reads the same; what it has spoilt is refused or stays inside. */
static void unflatten(const octavo_layout *layout) {
    uint8_t *from = take(layout->size), *frame, *whole, *again, *spoilt;
    uint64_t need, used, copy_below = draw(3) ? (draw(2) ? UINT64_MAX : draw(64)) : 0;
    int i;
    fill(layout, from, layout->size, 0);
    memcpy(from, &layout->size, sizeof layout->size);
    need = octavo_flat_size(layout, from);
    frame = take(need);
    CHECK(octavo_flatten(layout, from, frame, need, 1) == need);
    whole = take(need);
    used = octavo_unflatten(layout, frame, need, whole, need, copy_below);
    CHECK(used != OCTAVO_FLAT_INVALID && used <= need);
    again = take(need);
    CHECK(octavo_flat_size(layout, whole) == need && octavo_flatten(layout, whole, again, need, 1) == need);
    compare(layout, from, layout->size, again, again, need, 1);
    for (i = 0; i < 20; i++) {
        uint64_t length = draw(4) ? need : draw((uint32_t)need + 1), changes = 1 + draw(4);
        spoilt = take(length);
        memcpy(spoilt, frame, length);
        while (changes-- && length) {
            uint64_t at = draw(2) ? draw((uint32_t)length) : draw((uint32_t)(length < layout->size ? length : layout->size));
            static const uint8_t odd[] = {0, 1, 7, 8, 0x7f, 0x80, 0xff};
            spoilt[at] = draw(2) ? (uint8_t)draw(256) : odd[draw(sizeof odd)];
        }
        whole = take((length + 7) & ~7ull);
        used = octavo_unflatten(layout, spoilt, length, whole, (length + 7) & ~7ull, copy_below);
        if (used == OCTAVO_FLAT_INVALID) continue;
        CHECK(used <= ((length + 7) & ~7ull));
        /* Reading all that it points at finds only memory that is there. */
        need = octavo_flat_size(layout, whole);
        if (need == OCTAVO_FLAT_INVALID || need > 1 << 24) {
            need = octavo_flat_size(layout, from);
            continue;
        }
        again = take(need);
        CHECK(octavo_flatten(layout, whole, again, need, 1) == need);
        need = octavo_flat_size(layout, from);
    }
}

/* The first slice or list of a layout, and one of its kind. */
static const octavo_member *first(const octavo_layout *layout, uint32_t kind) {
    uint32_t i;
    for (i = 0; i < layout->member_count; i++)
        if (layout->members[i].kind == kind) return &layout->members[i];
    return NULL;
}

static void refusals(const octavo_layout *layout) {
    uint8_t *from = take(layout->size);
    uint32_t size = layout->size, less = layout->min_size - 1;
    const octavo_member *member;
    memset(from, 0, layout->size);
    memcpy(from, &less, sizeof less);
    CHECK(octavo_flat_size(layout, from) == OCTAVO_FLAT_INVALID);
    less = 0;
    memcpy(from, &less, sizeof less);
    CHECK(octavo_flat_size(layout, from) == OCTAVO_FLAT_INVALID);
    memcpy(from, &size, sizeof size);
    CHECK(octavo_flat_size(layout, from) == ((layout->size + 7) & ~7u));
    if ((member = first(layout, OCTAVO_MEMBER_STR)) || (member = first(layout, OCTAVO_MEMBER_BYTES))) {
        octavo_bytes slice = {NULL, 1};
        memcpy(from + member->offset, &slice, sizeof slice);
        CHECK(octavo_flat_size(layout, from) == OCTAVO_FLAT_INVALID);
        slice.data = from;
        slice.size = UINT64_MAX;
        memcpy(from + member->offset, &slice, sizeof slice);
        CHECK(octavo_flat_size(layout, from) == OCTAVO_FLAT_INVALID);
        slice.size = UINT64_MAX - 7;
        memcpy(from + member->offset, &slice, sizeof slice);
        CHECK(octavo_flat_size(layout, from) == OCTAVO_FLAT_INVALID);
        memset(from + member->offset, 0, 16);
    }
    if ((member = first(layout, OCTAVO_MEMBER_LIST))) {
        octavo_list list = {NULL, 1, 4096};
        memcpy(from + member->offset, &list, sizeof list);
        CHECK(octavo_flat_size(layout, from) == OCTAVO_FLAT_INVALID);
        list = (octavo_list){from, OCTAVO_FLAT_MAX_COUNT + 1, 4096};
        memcpy(from + member->offset, &list, sizeof list);
        CHECK(octavo_flat_size(layout, from) == OCTAVO_FLAT_INVALID);
        list = (octavo_list){from, 1, member->element->min_size - 1};
        memcpy(from + member->offset, &list, sizeof list);
        CHECK(octavo_flat_size(layout, from) == OCTAVO_FLAT_INVALID);
    }
}

/* A structure that holds a list of itself has no end but the limit of depth. */
static void endless(void) {
    struct node { uint32_t size, flags; octavo_list next; };
    static octavo_layout layout;
    octavo_member member = {"next", offsetof(struct node, next), OCTAVO_MEMBER_LIST, &layout};
    struct node node = {sizeof node, 0, {&node, 1, sizeof node}};
    layout = (octavo_layout){"node", sizeof node, sizeof node, 1, 0, &member};
    CHECK(octavo_flat_size(&layout, &node) == OCTAVO_FLAT_INVALID);
}

static void measure(void) {
    static const char value[] = "0123456789012345678901234567890123456789012345678901234567890123";
    octavo_state_get_reply reply = {sizeof reply, OCTAVO_STATE_FOUND, {(const uint8_t *)value, 64}, {"12", 2}, {NULL, 0}, {NULL, 0, 0}};
    const octavo_layout *layout = octavo_kind_at(OCTAVO_KIND_STATE)->ops[OCTAVO_STATE_OP_GET].reply;
    uint64_t frame[64], sum = 0;
    struct timespec from, to;
    int i, rounds = 2000000;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (i = 0; i < rounds; i++) sum += octavo_flatten(layout, &reply, frame, sizeof frame, 1);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("get reply of 64 bytes: %.1f ns (%d)\n",
           ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / rounds, (int)(sum & 1));
}

int main(int count, char **arguments) {
    uint64_t seed = count > 1 ? strtoull(arguments[1], NULL, 10) : 1;
    int rounds = count > 2 ? atoi(arguments[2]) : 100, round, kinds = 0;
    int32_t kind;
    uint32_t op;
    if (count > 1 && !strcmp(arguments[1], "measure")) {
        measure();
        return 0;
    }
    state = seed;
    endless();
    for (round = 0; round < rounds; round++) {
        kinds = 0;
        for (kind = -1; kind <= OCTAVO_KIND_LAST + 1; kind++) {
            const octavo_kind *found = octavo_kind_at(kind);
            if (!found) {
                CHECK(kind < OCTAVO_KIND_STATE || kind > OCTAVO_KIND_LAST);
                continue;
            }
            kinds++;
            CHECK(found->kind == kind && found->ops_min_size == 8 + 8 * found->op_count);
            for (op = 0; op < found->op_count; op++) {
                round_trip(found->ops[op].request, 1);
                unflatten(found->ops[op].request);
                refusals(found->ops[op].request);
                if (found->ops[op].reply) {
                    round_trip(found->ops[op].reply, 1);
                    unflatten(found->ops[op].reply);
                    refusals(found->ops[op].reply);
                }
                drop_all();
            }
        }
        round_trip(&octavo_layout_error, 1);
        unflatten(&octavo_layout_error);
        unflatten(&octavo_layout_config);
        unflatten(&octavo_layout_wire_plugin);
        round_trip(&octavo_layout_pubsub_message, 1);
        round_trip(&octavo_layout_configuration_change, 1);
        round_trip(&octavo_layout_secret_rotation, 1);
        round_trip(&octavo_layout_binding_event, 1);
        round_trip(&octavo_layout_names_change, 1);
        drop_all();
    }
    CHECK(kinds == OCTAVO_KIND_LAST || rounds == 0);
    printf("seed %llu: %d rounds over %d kinds\n", (unsigned long long)seed, rounds, kinds);
    return 0;
}
