/* Kind `configuration`: items that apps read and watch. */
#ifndef OCTAVO_CONFIGURATION_H
#define OCTAVO_CONFIGURATION_H

#include "octavo/octavo_types.h"

OCTAVO_BEGIN

#define OCTAVO_CONFIGURATION_WATCH 0x1ull
#define OCTAVO_CONFIGURATION_WRITE 0x2ull  /* set and remove */
#define OCTAVO_CONFIGURATION_GROUPS 0x4ull /* groups and labels keep items apart */

#define OCTAVO_CONFIGURATION_OP_GET 0
#define OCTAVO_CONFIGURATION_OP_SET 1
#define OCTAVO_CONFIGURATION_OP_REMOVE 2
#define OCTAVO_CONFIGURATION_OP_WATCH 3
#define OCTAVO_CONFIGURATION_OP_UNWATCH 4

typedef struct octavo_configuration_item {
    octavo_str key;
    octavo_str value;   /* absent in a change: the item was removed */
    octavo_str version; /* absent when the store has none. A store that gives the versions itself refuses a set with one: INVALID_ARGUMENT */
    octavo_str group;
    octavo_str label;
    octavo_list metadata; /* of octavo_pair */
} octavo_configuration_item;

/* Of get and remove. */
typedef struct octavo_configuration_keys_request {
    octavo_head head;
    octavo_list keys; /* of octavo_str; empty = all */
    octavo_str group; /* absent = the default one */
    octavo_str label;
} octavo_configuration_keys_request;

typedef struct octavo_configuration_get_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list items; /* of octavo_configuration_item: those that exist */
} octavo_configuration_get_reply;

typedef struct octavo_configuration_set_request {
    octavo_head head;
    octavo_list items; /* of octavo_configuration_item */
} octavo_configuration_set_request;

/* Deliver the present items first: one change with OCTAVO_CONFIGURATION_PRESENT, an empty one when there are none. By it
   the runtime finds out what has changed while no watch was open. */
#define OCTAVO_CONFIGURATION_SEND_PRESENT 0x1u

typedef struct octavo_configuration_watch_request {
    octavo_head head;
    octavo_source source;
    octavo_list keys; /* of octavo_str; empty = all */
    octavo_str group;
    octavo_str label;
    uint32_t flags; /* OCTAVO_CONFIGURATION_SEND_PRESENT */
    uint32_t reserved;
} octavo_configuration_watch_request;

#define OCTAVO_CONFIGURATION_PRESENT 0x1u /* these are all that there are: what is not named does not exist */

/* Delivered when watched items have changed: each with its newest value. */
typedef struct octavo_configuration_change {
    uint32_t size;
    uint32_t flags; /* OCTAVO_CONFIGURATION_PRESENT */
    octavo_list items; /* of octavo_configuration_item */
} octavo_configuration_change;

/* Operations of a configuration store. All [exec]; a null member is not offered. */
typedef struct octavo_configuration_ops {
    uint32_t size;
    uint32_t reserved;
    /* Keys that don't exist are left out. Repeatable. */
    void (*OCTAVO_NULLABLE get)(void *self, octavo_call call, const octavo_configuration_keys_request *request);
    void (*OCTAVO_NULLABLE set)(void *self, octavo_call call, const octavo_configuration_set_request *request);
    void (*OCTAVO_NULLABLE remove)(void *self, octavo_call call, const octavo_configuration_keys_request *request);
    /* Opens a source of changes. Whatever changes after its completion is delivered. */
    void (*OCTAVO_NULLABLE watch)(void *self, octavo_call call, const octavo_configuration_watch_request *request);
    void (*OCTAVO_NULLABLE unwatch)(void *self, octavo_call call, const octavo_source_request *request);
} octavo_configuration_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_configuration_item, 96);
OCTAVO_ASSERT_OFFSET(octavo_configuration_item, value, 16);
OCTAVO_ASSERT_OFFSET(octavo_configuration_item, version, 32);
OCTAVO_ASSERT_OFFSET(octavo_configuration_item, group, 48);
OCTAVO_ASSERT_OFFSET(octavo_configuration_item, label, 64);
OCTAVO_ASSERT_OFFSET(octavo_configuration_item, metadata, 80);
OCTAVO_ASSERT_SIZE(octavo_configuration_keys_request, 112);
OCTAVO_ASSERT_OFFSET(octavo_configuration_keys_request, keys, 64);
OCTAVO_ASSERT_OFFSET(octavo_configuration_keys_request, group, 80);
OCTAVO_ASSERT_OFFSET(octavo_configuration_keys_request, label, 96);
OCTAVO_ASSERT_SIZE(octavo_configuration_get_reply, 24);
OCTAVO_ASSERT_OFFSET(octavo_configuration_get_reply, items, 8);
OCTAVO_ASSERT_SIZE(octavo_configuration_set_request, 80);
OCTAVO_ASSERT_OFFSET(octavo_configuration_set_request, items, 64);
OCTAVO_ASSERT_SIZE(octavo_configuration_watch_request, 128);
OCTAVO_ASSERT_OFFSET(octavo_configuration_watch_request, source, 64);
OCTAVO_ASSERT_OFFSET(octavo_configuration_watch_request, keys, 72);
OCTAVO_ASSERT_OFFSET(octavo_configuration_watch_request, group, 88);
OCTAVO_ASSERT_OFFSET(octavo_configuration_watch_request, label, 104);
OCTAVO_ASSERT_OFFSET(octavo_configuration_watch_request, flags, 120);
OCTAVO_ASSERT_SIZE(octavo_configuration_change, 24);
OCTAVO_ASSERT_OFFSET(octavo_configuration_change, items, 8);
OCTAVO_ASSERT_OFFSET(octavo_configuration_ops, get, 8 + 8 * OCTAVO_CONFIGURATION_OP_GET);
OCTAVO_ASSERT_OFFSET(octavo_configuration_ops, set, 8 + 8 * OCTAVO_CONFIGURATION_OP_SET);
OCTAVO_ASSERT_OFFSET(octavo_configuration_ops, remove, 8 + 8 * OCTAVO_CONFIGURATION_OP_REMOVE);
OCTAVO_ASSERT_OFFSET(octavo_configuration_ops, watch, 8 + 8 * OCTAVO_CONFIGURATION_OP_WATCH);
OCTAVO_ASSERT_OFFSET(octavo_configuration_ops, unwatch, 8 + 8 * OCTAVO_CONFIGURATION_OP_UNWATCH);
OCTAVO_ASSERT_SIZE(octavo_configuration_ops, 48);

#endif
