/* Typed wrappers and small conveniences over the host table. */
#ifndef OCTAVO_INLINE_H
#define OCTAVO_INLINE_H

#include <string.h>

#include "octavo/octavo_host.h"
#include "octavo/octavo_plugin.h"
#include "octavo/secret_store.h"
#include "octavo/state.h"

OCTAVO_BEGIN

/* A slice of a NUL-terminated text that outlives the slice. */
static inline octavo_str octavo_text(const char *text) {
    octavo_str slice = {text, (uint64_t)strlen(text)};
    return slice;
}

/* A list over an array. */
#define OCTAVO_LIST(array, number) \
    ((octavo_list){(array), (uint32_t)(number), (uint32_t)sizeof(*(array))})

/* Element `index` of a list; the caller keeps index < list.count. */
static inline const void *octavo_list_at(octavo_list list, uint32_t index) {
    return (const uint8_t *)list.items + (size_t)index * list.stride;
}

/* Ends a call with an error. [any] */
static inline int32_t octavo_fail(const octavo_host *host, octavo_call call, int32_t code,
                                  const char *OCTAVO_NULLABLE reason, octavo_str message) {
    octavo_error error;
    memset(&error, 0, sizeof error);
    error.size = sizeof error;
    error.code = code;
    if (reason) error.reason = octavo_text(reason);
    error.message = message;
    return host->complete(call, &error, NULL);
}

/* Ends a call whose reply is empty. [any] */
static inline int32_t octavo_done(const octavo_host *host, octavo_call call) {
    return host->complete(call, NULL, NULL);
}

static inline int32_t octavo_reply_state_get(const octavo_host *host, octavo_call call,
                                             const octavo_state_get_reply *reply) {
    return host->complete(call, NULL, reply);
}

static inline int32_t octavo_reply_state_write(const octavo_host *host, octavo_call call, octavo_str etag) {
    octavo_state_write_reply reply;
    memset(&reply, 0, sizeof reply);
    reply.size = sizeof reply;
    reply.etag = etag;
    return host->complete(call, NULL, &reply);
}

static inline int32_t octavo_reply_secret_get(const octavo_host *host, octavo_call call,
                                              const octavo_secret_get_reply *reply) {
    return host->complete(call, NULL, reply);
}

/* The shape that all operations have. */
typedef void (*octavo_op_fn)(void *self, octavo_call call, const void *request);

/* Operation `index` of a kind's table, NULL when the table is too short or has none. For hosts. */
static inline octavo_op_fn OCTAVO_NULLABLE octavo_op_at(const void *ops, uint32_t index) {
    uint32_t size = *(const uint32_t *)ops;
    octavo_op_fn op;
    size_t offset = 8 + (size_t)index * 8;
    if (offset + 8 > size) return NULL;
    memcpy(&op, (const uint8_t *)ops + offset, sizeof op);
    return op;
}

OCTAVO_END

#endif
