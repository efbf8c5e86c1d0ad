/* Kind `binding`: operations on, and events of, a system outside. */
#ifndef OCTAVO_BINDING_H
#define OCTAVO_BINDING_H

#include "octavo/octavo_stream.h"
#include "octavo/octavo_types.h"

OCTAVO_BEGIN

#define OCTAVO_BINDING_OUTPUT 0x1ull   /* invoke; its operations are in the type's schema */
#define OCTAVO_BINDING_INPUT 0x2ull    /* read */
#define OCTAVO_BINDING_RESPONSE 0x4ull /* the app's answer to an event is sent back */

#define OCTAVO_BINDING_OP_INVOKE 0
#define OCTAVO_BINDING_OP_READ 1
#define OCTAVO_BINDING_OP_CLOSE 2
#define OCTAVO_BINDING_OP_CREDIT 3
#define OCTAVO_BINDING_OP_SETTLE 4

typedef struct octavo_binding_invoke_request {
    octavo_head head; /* its metadata are those of the invocation */
    octavo_str operation;
    octavo_bytes data;
    octavo_str content_type;
} octavo_binding_invoke_request;

typedef struct octavo_binding_invoke_reply {
    uint32_t size;
    uint32_t flags;
    octavo_bytes data;
    octavo_str content_type;
    octavo_list metadata; /* of octavo_pair */
} octavo_binding_invoke_reply;

typedef struct octavo_binding_read_request {
    octavo_head head;
    octavo_source source;
} octavo_binding_read_request;

/* What is delivered. */
typedef struct octavo_binding_event {
    uint32_t size;
    uint32_t flags;
    octavo_bytes data;
    octavo_str content_type;
    octavo_list metadata; /* of octavo_pair */
} octavo_binding_event;

/* Operations of a binding. All [exec]; a null member is not offered. */
typedef struct octavo_binding_ops {
    uint32_t size;
    uint32_t reserved;
    /* A write, unless the schema calls the operation REPEATABLE. */
    void (*OCTAVO_NULLABLE invoke)(void *self, octavo_call call, const octavo_binding_invoke_request *request);
    /* Opens the source of events; completed when it stands. */
    void (*OCTAVO_NULLABLE read)(void *self, octavo_call call, const octavo_binding_read_request *request);
    void (*OCTAVO_NULLABLE close)(void *self, octavo_call call, const octavo_source_request *request);
    /* No call; see octavo_credit_request. */
    void (*OCTAVO_NULLABLE credit)(void *self, octavo_call call, const octavo_credit_request *request);
    /* No call; carries the app's answer with RESPONSE. */
    void (*OCTAVO_NULLABLE settle)(void *self, octavo_call call, const octavo_settle_request *request);
} octavo_binding_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_binding_invoke_request, 112);
OCTAVO_ASSERT_OFFSET(octavo_binding_invoke_request, operation, 64);
OCTAVO_ASSERT_OFFSET(octavo_binding_invoke_request, data, 80);
OCTAVO_ASSERT_OFFSET(octavo_binding_invoke_request, content_type, 96);
OCTAVO_ASSERT_SIZE(octavo_binding_invoke_reply, 56);
OCTAVO_ASSERT_OFFSET(octavo_binding_invoke_reply, data, 8);
OCTAVO_ASSERT_OFFSET(octavo_binding_invoke_reply, content_type, 24);
OCTAVO_ASSERT_OFFSET(octavo_binding_invoke_reply, metadata, 40);
OCTAVO_ASSERT_SIZE(octavo_binding_read_request, 72);
OCTAVO_ASSERT_OFFSET(octavo_binding_read_request, source, 64);
OCTAVO_ASSERT_SIZE(octavo_binding_event, 56);
OCTAVO_ASSERT_OFFSET(octavo_binding_event, data, 8);
OCTAVO_ASSERT_OFFSET(octavo_binding_event, content_type, 24);
OCTAVO_ASSERT_OFFSET(octavo_binding_event, metadata, 40);
OCTAVO_ASSERT_OFFSET(octavo_binding_ops, invoke, 8 + 8 * OCTAVO_BINDING_OP_INVOKE);
OCTAVO_ASSERT_OFFSET(octavo_binding_ops, read, 8 + 8 * OCTAVO_BINDING_OP_READ);
OCTAVO_ASSERT_OFFSET(octavo_binding_ops, close, 8 + 8 * OCTAVO_BINDING_OP_CLOSE);
OCTAVO_ASSERT_OFFSET(octavo_binding_ops, credit, 8 + 8 * OCTAVO_BINDING_OP_CREDIT);
OCTAVO_ASSERT_OFFSET(octavo_binding_ops, settle, 8 + 8 * OCTAVO_BINDING_OP_SETTLE);
OCTAVO_ASSERT_SIZE(octavo_binding_ops, 48);

#endif
