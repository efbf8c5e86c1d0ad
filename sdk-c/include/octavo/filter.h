/* Kind `filter`: looks at requests and responses on their way, and changes or answers them. */
#ifndef OCTAVO_FILTER_H
#define OCTAVO_FILTER_H

#include "octavo/octavo_types.h"

OCTAVO_BEGIN

#define OCTAVO_FILTER_BODY 0x1ull /* wants bodies; else they are not collected for it */

#define OCTAVO_FILTER_OP_ON_REQUEST 0
#define OCTAVO_FILTER_OP_ON_RESPONSE 1

/*
 * Of both. The head's metadata has `remote-address`, who asks, where it is known, and of a response `header.NAME` for each header of
 * its request as it came.
 */
typedef struct octavo_filter_message {
    octavo_head head;
    octavo_str method;
    octavo_str path;     /* with its query */
    octavo_list headers; /* of octavo_pair; names in lower case */
    octavo_bytes body;   /* absent without BODY, or when it is too big to be collected */
    int32_t status;      /* of a response */
    uint32_t flags;
} octavo_filter_message;

#define OCTAVO_FILTER_CONTINUE 0 /* as it is */
#define OCTAVO_FILTER_CHANGE 1   /* with the changes of the reply */
#define OCTAVO_FILTER_ANSWER 2   /* the reply is the answer; nothing else is asked */

typedef struct octavo_filter_reply {
    uint32_t size;
    int32_t action;      /* OCTAVO_FILTER_* */
    int32_t status;      /* of ANSWER, or of a response that is changed; 0 = as it is */
    uint32_t flags;
    octavo_str path;     /* present: the new one */
    octavo_list set;     /* of octavo_pair: headers that replace those of the same name */
    octavo_list removed; /* of octavo_str: headers to take out */
    octavo_bytes body;   /* present: the new one */
} octavo_filter_reply;

/* Operations of a filter. All [exec], repeatable; a null member is not offered. An error ends the request. */
typedef struct octavo_filter_ops {
    uint32_t size;
    uint32_t reserved;
    void (*OCTAVO_NULLABLE on_request)(void *self, octavo_call call, const octavo_filter_message *message);
    void (*OCTAVO_NULLABLE on_response)(void *self, octavo_call call, const octavo_filter_message *message);
} octavo_filter_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_filter_message, 136);
OCTAVO_ASSERT_OFFSET(octavo_filter_message, method, 64);
OCTAVO_ASSERT_OFFSET(octavo_filter_message, path, 80);
OCTAVO_ASSERT_OFFSET(octavo_filter_message, headers, 96);
OCTAVO_ASSERT_OFFSET(octavo_filter_message, body, 112);
OCTAVO_ASSERT_OFFSET(octavo_filter_message, status, 128);
OCTAVO_ASSERT_OFFSET(octavo_filter_message, flags, 132);
OCTAVO_ASSERT_SIZE(octavo_filter_reply, 80);
OCTAVO_ASSERT_OFFSET(octavo_filter_reply, action, 4);
OCTAVO_ASSERT_OFFSET(octavo_filter_reply, status, 8);
OCTAVO_ASSERT_OFFSET(octavo_filter_reply, flags, 12);
OCTAVO_ASSERT_OFFSET(octavo_filter_reply, path, 16);
OCTAVO_ASSERT_OFFSET(octavo_filter_reply, set, 32);
OCTAVO_ASSERT_OFFSET(octavo_filter_reply, removed, 48);
OCTAVO_ASSERT_OFFSET(octavo_filter_reply, body, 64);
OCTAVO_ASSERT_OFFSET(octavo_filter_ops, on_request, 8 + 8 * OCTAVO_FILTER_OP_ON_REQUEST);
OCTAVO_ASSERT_OFFSET(octavo_filter_ops, on_response, 8 + 8 * OCTAVO_FILTER_OP_ON_RESPONSE);
OCTAVO_ASSERT_SIZE(octavo_filter_ops, 24);

#endif
