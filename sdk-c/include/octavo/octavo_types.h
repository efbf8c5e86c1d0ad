/* The vocabulary of the ABI: slices, lists, calls, errors and the head of every request. */
#ifndef OCTAVO_TYPES_H
#define OCTAVO_TYPES_H

#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus)
#define OCTAVO_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define OCTAVO_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#if defined(__clang__)
#define OCTAVO_NULLABLE _Nullable
#define OCTAVO_NONNULL _Nonnull
#define OCTAVO_BEGIN _Pragma("clang assume_nonnull begin")
#define OCTAVO_END _Pragma("clang assume_nonnull end")
#else
#define OCTAVO_NULLABLE
#define OCTAVO_NONNULL
#define OCTAVO_BEGIN
#define OCTAVO_END
#endif

/* A layout that later versions may only append to. */
#define OCTAVO_ASSERT_SIZE(type, bytes) \
    OCTAVO_STATIC_ASSERT(sizeof(type) == (bytes), #type " has changed its size")
#define OCTAVO_ASSERT_OFFSET(type, member, bytes) \
    OCTAVO_STATIC_ASSERT(offsetof(type, member) == (bytes), #type "." #member " has moved")

OCTAVO_STATIC_ASSERT(sizeof(void *) == 8, "the Octavo ABI needs a 64-bit platform");
#if defined(__BYTE_ORDER__)
OCTAVO_STATIC_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the Octavo ABI is little-endian");
#endif

#define OCTAVO_ABI_MAJOR 1
#define OCTAVO_ABI_MINOR 0

OCTAVO_BEGIN

/* What a host function answers. */
#define OCTAVO_OK 0           /* done */
#define OCTAVO_STALE 1        /* the call, source, timer or watch has ended: nothing was changed */
#define OCTAVO_WAIT 2         /* the stream is full: go on when on_writable is called */
#define OCTAVO_NO_CREDIT 3    /* the source may not deliver now: wait for credit */
#define OCTAVO_INVALID 4      /* an argument breaks the rules of the function */
#define OCTAVO_TOO_LARGE 5    /* over a limit of the runtime */
#define OCTAVO_NO_MEMORY 6
#define OCTAVO_UNSUPPORTED 7  /* this runtime does not offer the function */
#define OCTAVO_FAILED 8       /* a function that failed and gave its error through complete() */

/* Bytes that somebody else owns. NULL data is absent, size 0 with data is empty. */
typedef struct octavo_bytes {
    const uint8_t *OCTAVO_NULLABLE data;
    uint64_t size;
} octavo_bytes;

/* Text: UTF-8, not NUL-terminated. Otherwise as octavo_bytes. */
typedef struct octavo_str {
    const char *OCTAVO_NULLABLE data;
    uint64_t size;
} octavo_str;

/* Memory that the reader may write to. */
typedef struct octavo_buffer {
    uint8_t *OCTAVO_NULLABLE data;
    uint64_t size;
} octavo_buffer;

/* A name and its value. */
typedef struct octavo_pair {
    octavo_str name;
    octavo_str value;
} octavo_pair;

/* `count` elements, `stride` bytes apart, so that elements may grow. */
typedef struct octavo_list {
    const void *OCTAVO_NULLABLE items;
    uint32_t count;
    uint32_t stride;
} octavo_list;

/*
 * One request under way: a slot number and a generation, never a pointer. 0 is no call. A handle
 * that was completed, cancelled by the runtime's own end, or made up, is answered OCTAVO_STALE.
 */
typedef uint64_t octavo_call;

/* A subscription, watch or input that a plugin delivers to. Made by the runtime, 0 is none. */
typedef uint64_t octavo_source;

/* The runtime's side of a component instance. Opaque; valid from create until destroy returns. */
typedef struct octavo_instance octavo_instance;

/* Codes of errors: the numbers of gRPC (google.rpc.Code). */
#define OCTAVO_CODE_OK 0
#define OCTAVO_CODE_CANCELLED 1
#define OCTAVO_CODE_UNKNOWN 2
#define OCTAVO_CODE_INVALID_ARGUMENT 3
#define OCTAVO_CODE_DEADLINE_EXCEEDED 4
#define OCTAVO_CODE_NOT_FOUND 5
#define OCTAVO_CODE_ALREADY_EXISTS 6
#define OCTAVO_CODE_PERMISSION_DENIED 7
#define OCTAVO_CODE_RESOURCE_EXHAUSTED 8
#define OCTAVO_CODE_FAILED_PRECONDITION 9
#define OCTAVO_CODE_ABORTED 10
#define OCTAVO_CODE_OUT_OF_RANGE 11
#define OCTAVO_CODE_UNIMPLEMENTED 12
#define OCTAVO_CODE_INTERNAL 13
#define OCTAVO_CODE_UNAVAILABLE 14
#define OCTAVO_CODE_DATA_LOSS 15
#define OCTAVO_CODE_UNAUTHENTICATED 16

/* Flags of errors. */
#define OCTAVO_ERROR_RETRYABLE 0x1u             /* the same request may succeed later */
#define OCTAVO_ERROR_THROTTLED 0x2u             /* the backend asks for less; see retry_after_ns */
#define OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT 0x4u /* a write may be in the backend all the same */
#define OCTAVO_ERROR_OUTAGE 0x8u                /* the backend is away: counts against health */
#define OCTAVO_ERROR_PERMANENT 0x10u            /* never repeat this request */

/* Stable words for `reason` that the runtime understands. Plugins may use others. */
#define OCTAVO_REASON_ETAG_MISMATCH "ETAG_MISMATCH" /* the stored etag is another one */
#define OCTAVO_REASON_ETAG_INVALID "ETAG_INVALID"   /* this store can't have such an etag */

/*
 * Why a call failed. `message` is for a person: what failed, why, and what to do about it. Never
 * put a secret or a payload in it. Owned by the writer; copied before complete() returns.
 */
typedef struct octavo_error {
    uint32_t size;
    int32_t code;           /* OCTAVO_CODE_* */
    uint32_t flags;         /* OCTAVO_ERROR_* */
    uint32_t reserved;
    int64_t retry_after_ns; /* with THROTTLED or RETRYABLE: not before; 0 = not known */
    octavo_str reason;      /* a stable word in capitals */
    octavo_str message;
    octavo_list details;    /* of octavo_pair */
} octavo_error;

/* The error of one item of a bulk request; code 0 = none. */
typedef struct octavo_item_error {
    int32_t code;
    uint32_t flags;
    octavo_str reason;
    octavo_str message;
} octavo_item_error;

/* Flags of a request's head. */
#define OCTAVO_REQUEST_REPLAY 0x1u /* sent again after a helper died */

/*
 * The start of every request. Readable until the plugin has completed the call (or the instance
 * is destroyed), also when the runtime has meanwhile answered the app. Read-only: in a helper
 * process a write to it faults.
 */
typedef struct octavo_head {
    uint32_t size;            /* of the whole request structure */
    uint32_t flags;           /* OCTAVO_REQUEST_* */
    int64_t deadline_ns;      /* CLOCK_MONOTONIC; 0 = none */
    octavo_str trace_parent;  /* W3C traceparent, absent when the call is not traced */
    octavo_str app_id;        /* of the caller */
    octavo_list metadata;     /* of octavo_pair: the caller's metadata of this request */
} octavo_head;

/* The request that ends a source, of every kind. */
typedef struct octavo_source_request {
    octavo_head head;
    octavo_source source;
} octavo_source_request;

/* A reply that carries nothing but its size; complete(call, NULL, NULL) says the same. */
typedef struct octavo_empty_reply {
    uint32_t size;
    uint32_t flags;
} octavo_empty_reply;

OCTAVO_END

/* Whether the structure at `pointer` is long enough to hold `member`. */
#define OCTAVO_HAS(pointer, member) \
    ((pointer)->size >= offsetof(__typeof__(*(pointer)), member) + sizeof((pointer)->member))

OCTAVO_ASSERT_SIZE(octavo_bytes, 16);
OCTAVO_ASSERT_SIZE(octavo_str, 16);
OCTAVO_ASSERT_SIZE(octavo_buffer, 16);
OCTAVO_ASSERT_SIZE(octavo_pair, 32);
OCTAVO_ASSERT_SIZE(octavo_list, 16);
OCTAVO_ASSERT_OFFSET(octavo_list, count, 8);
OCTAVO_ASSERT_OFFSET(octavo_list, stride, 12);
OCTAVO_ASSERT_SIZE(octavo_error, 72);
OCTAVO_ASSERT_OFFSET(octavo_error, code, 4);
OCTAVO_ASSERT_OFFSET(octavo_error, flags, 8);
OCTAVO_ASSERT_OFFSET(octavo_error, retry_after_ns, 16);
OCTAVO_ASSERT_OFFSET(octavo_error, reason, 24);
OCTAVO_ASSERT_OFFSET(octavo_error, message, 40);
OCTAVO_ASSERT_OFFSET(octavo_error, details, 56);
OCTAVO_ASSERT_SIZE(octavo_item_error, 40);
OCTAVO_ASSERT_OFFSET(octavo_item_error, reason, 8);
OCTAVO_ASSERT_OFFSET(octavo_item_error, message, 24);
OCTAVO_ASSERT_SIZE(octavo_head, 64);
OCTAVO_ASSERT_OFFSET(octavo_head, deadline_ns, 8);
OCTAVO_ASSERT_OFFSET(octavo_head, trace_parent, 16);
OCTAVO_ASSERT_OFFSET(octavo_head, app_id, 32);
OCTAVO_ASSERT_OFFSET(octavo_head, metadata, 48);
OCTAVO_ASSERT_SIZE(octavo_source_request, 72);
OCTAVO_ASSERT_SIZE(octavo_empty_reply, 8);

#endif
