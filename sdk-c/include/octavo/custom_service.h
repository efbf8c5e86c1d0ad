/* Kind `custom service`: a gRPC service of the plugin's own, served by the runtime. */
#ifndef OCTAVO_CUSTOM_SERVICE_H
#define OCTAVO_CUSTOM_SERVICE_H

#include "octavo/octavo_stream.h"
#include "octavo/octavo_types.h"

OCTAVO_BEGIN

#define OCTAVO_CUSTOM_OP_METHODS 0
#define OCTAVO_CUSTOM_OP_INVOKE 1
#define OCTAVO_CUSTOM_OP_ON_CHUNK 2
#define OCTAVO_CUSTOM_OP_ON_WRITABLE 3

#define OCTAVO_METHOD_CLIENT_STREAM 0x1u
#define OCTAVO_METHOD_SERVER_STREAM 0x2u
#define OCTAVO_METHOD_REPEATABLE 0x4u

typedef struct octavo_custom_method {
    octavo_str service; /* "shop.v1.Orders" */
    octavo_str name;    /* "Place" */
    uint32_t flags;     /* OCTAVO_METHOD_* */
    uint32_t reserved;
} octavo_custom_method;

typedef struct octavo_custom_methods_request {
    octavo_head head;
} octavo_custom_methods_request;

typedef struct octavo_custom_methods_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list methods;         /* of octavo_custom_method */
    octavo_bytes descriptor_set; /* google.protobuf.FileDescriptorSet, for reflection and HTTP; may be absent */
} octavo_custom_methods_reply;

typedef struct octavo_custom_invoke_request {
    octavo_head head; /* its metadata are those of the request */
    octavo_str service;
    octavo_str method;
    octavo_bytes message; /* absent with CLIENT_STREAM: messages come as chunks, one each */
} octavo_custom_invoke_request;

typedef struct octavo_custom_invoke_reply {
    uint32_t size;
    uint32_t flags;
    octavo_bytes message; /* absent with SERVER_STREAM: messages were written with stream_write, one each */
    octavo_list headers;  /* of octavo_pair */
    octavo_list trailers; /* of octavo_pair */
} octavo_custom_invoke_reply;

/* Operations of a custom service. All [exec]. */
typedef struct octavo_custom_service_ops {
    uint32_t size;
    uint32_t reserved;
    /* What the service offers; asked once after start. */
    void (*OCTAVO_NULLABLE methods)(void *self, octavo_call call, const octavo_custom_methods_request *request);
    void (*OCTAVO_NULLABLE invoke)(void *self, octavo_call call, const octavo_custom_invoke_request *request);
    /* The next message of a client's stream. */
    void (*OCTAVO_NULLABLE on_chunk)(void *self, octavo_call call, const octavo_chunk *chunk);
    void (*OCTAVO_NULLABLE on_writable)(void *self, octavo_call call, const octavo_writable *writable);
} octavo_custom_service_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_custom_method, 40);
OCTAVO_ASSERT_OFFSET(octavo_custom_method, name, 16);
OCTAVO_ASSERT_OFFSET(octavo_custom_method, flags, 32);
OCTAVO_ASSERT_SIZE(octavo_custom_methods_request, 64);
OCTAVO_ASSERT_SIZE(octavo_custom_methods_reply, 40);
OCTAVO_ASSERT_OFFSET(octavo_custom_methods_reply, methods, 8);
OCTAVO_ASSERT_OFFSET(octavo_custom_methods_reply, descriptor_set, 24);
OCTAVO_ASSERT_SIZE(octavo_custom_invoke_request, 112);
OCTAVO_ASSERT_OFFSET(octavo_custom_invoke_request, service, 64);
OCTAVO_ASSERT_OFFSET(octavo_custom_invoke_request, method, 80);
OCTAVO_ASSERT_OFFSET(octavo_custom_invoke_request, message, 96);
OCTAVO_ASSERT_SIZE(octavo_custom_invoke_reply, 56);
OCTAVO_ASSERT_OFFSET(octavo_custom_invoke_reply, message, 8);
OCTAVO_ASSERT_OFFSET(octavo_custom_invoke_reply, headers, 24);
OCTAVO_ASSERT_OFFSET(octavo_custom_invoke_reply, trailers, 40);
OCTAVO_ASSERT_OFFSET(octavo_custom_service_ops, methods, 8 + 8 * OCTAVO_CUSTOM_OP_METHODS);
OCTAVO_ASSERT_OFFSET(octavo_custom_service_ops, invoke, 8 + 8 * OCTAVO_CUSTOM_OP_INVOKE);
OCTAVO_ASSERT_OFFSET(octavo_custom_service_ops, on_chunk, 8 + 8 * OCTAVO_CUSTOM_OP_ON_CHUNK);
OCTAVO_ASSERT_OFFSET(octavo_custom_service_ops, on_writable, 8 + 8 * OCTAVO_CUSTOM_OP_ON_WRITABLE);
OCTAVO_ASSERT_SIZE(octavo_custom_service_ops, 40);

#endif
