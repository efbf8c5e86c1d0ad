/* Kind `secret store`: named secrets, each a set of pairs. */
#ifndef OCTAVO_SECRET_STORE_H
#define OCTAVO_SECRET_STORE_H

#include "octavo/octavo_types.h"

OCTAVO_BEGIN

#define OCTAVO_SECRET_MULTI_VALUE 0x1ull /* a secret may have several pairs */
#define OCTAVO_SECRET_BULK 0x2ull
#define OCTAVO_SECRET_ROTATION 0x4ull    /* watch is offered */

#define OCTAVO_SECRET_OP_GET 0
#define OCTAVO_SECRET_OP_BULK_GET 1
#define OCTAVO_SECRET_OP_WATCH 2
#define OCTAVO_SECRET_OP_UNWATCH 3

typedef struct octavo_secret_get_request {
    octavo_head head;
    octavo_str name;
} octavo_secret_get_request;

/* The pairs of one secret. A secret of one value has one pair, named as the secret. */
typedef struct octavo_secret_get_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list pairs; /* of octavo_pair */
} octavo_secret_get_reply;

typedef struct octavo_secret_bulk_get_request {
    octavo_head head;
} octavo_secret_bulk_get_request;

typedef struct octavo_secret {
    octavo_str name;
    octavo_list pairs; /* of octavo_pair */
} octavo_secret;

typedef struct octavo_secret_bulk_get_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list secrets; /* of octavo_secret */
} octavo_secret_bulk_get_reply;

typedef struct octavo_secret_watch_request {
    octavo_head head;
    octavo_source source; /* what rotations are delivered to */
    octavo_list names;    /* of octavo_str */
} octavo_secret_watch_request;

/* Delivered when a watched secret has changed. */
typedef struct octavo_secret_rotation {
    uint32_t size;
    uint32_t flags;
    octavo_secret secret;
} octavo_secret_rotation;

/* Operations of a secret store. All [exec]; a null member is not offered. */
typedef struct octavo_secret_store_ops {
    uint32_t size;
    uint32_t reserved;
    /* One secret; NOT_FOUND when there is none of that name. Repeatable. */
    void (*OCTAVO_NULLABLE get)(void *self, octavo_call call, const octavo_secret_get_request *request);
    /* All secrets. Repeatable. */
    void (*OCTAVO_NULLABLE bulk_get)(void *self, octavo_call call, const octavo_secret_bulk_get_request *request);
    /* Opens a source of rotations. */
    void (*OCTAVO_NULLABLE watch)(void *self, octavo_call call, const octavo_secret_watch_request *request);
    void (*OCTAVO_NULLABLE unwatch)(void *self, octavo_call call, const octavo_source_request *request);
} octavo_secret_store_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_secret_get_request, 80);
OCTAVO_ASSERT_OFFSET(octavo_secret_get_request, name, 64);
OCTAVO_ASSERT_SIZE(octavo_secret_get_reply, 24);
OCTAVO_ASSERT_SIZE(octavo_secret_bulk_get_request, 64);
OCTAVO_ASSERT_SIZE(octavo_secret, 32);
OCTAVO_ASSERT_SIZE(octavo_secret_bulk_get_reply, 24);
OCTAVO_ASSERT_SIZE(octavo_secret_watch_request, 88);
OCTAVO_ASSERT_SIZE(octavo_secret_rotation, 40);
OCTAVO_ASSERT_OFFSET(octavo_secret_store_ops, get, 8 + 8 * OCTAVO_SECRET_OP_GET);
OCTAVO_ASSERT_OFFSET(octavo_secret_store_ops, bulk_get, 8 + 8 * OCTAVO_SECRET_OP_BULK_GET);
OCTAVO_ASSERT_OFFSET(octavo_secret_store_ops, watch, 8 + 8 * OCTAVO_SECRET_OP_WATCH);
OCTAVO_ASSERT_OFFSET(octavo_secret_store_ops, unwatch, 8 + 8 * OCTAVO_SECRET_OP_UNWATCH);
OCTAVO_ASSERT_SIZE(octavo_secret_store_ops, 40);

#endif
