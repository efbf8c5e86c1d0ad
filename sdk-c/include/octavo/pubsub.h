/* Kind `pub/sub`: topics, to which messages are published and from which they are delivered. */
#ifndef OCTAVO_PUBSUB_H
#define OCTAVO_PUBSUB_H

#include "octavo/octavo_stream.h"
#include "octavo/octavo_types.h"

OCTAVO_BEGIN

/* Features. */
#define OCTAVO_PUBSUB_BULK_PUBLISH 0x1ull
#define OCTAVO_PUBSUB_MESSAGE_TTL 0x2ull        /* else the runtime drops what is too old when it is delivered */
#define OCTAVO_PUBSUB_ORDERING 0x4ull           /* messages of one ordering key stay in order */
#define OCTAVO_PUBSUB_WILDCARD 0x8ull           /* topics of subscriptions may be patterns of the broker */
#define OCTAVO_PUBSUB_BULK_SUBSCRIBE 0x10ull    /* else the runtime collects */
#define OCTAVO_PUBSUB_NATIVE_DEAD_LETTER 0x20ull /* settles DEAD_LETTER itself; else the runtime publishes */
#define OCTAVO_PUBSUB_NATIVE_DELAY 0x40ull      /* keeps delay_ns of RETRY itself */

#define OCTAVO_PUBSUB_OP_PUBLISH 0
#define OCTAVO_PUBSUB_OP_BULK_PUBLISH 1
#define OCTAVO_PUBSUB_OP_SUBSCRIBE 2
#define OCTAVO_PUBSUB_OP_UNSUBSCRIBE 3
#define OCTAVO_PUBSUB_OP_CREDIT 4
#define OCTAVO_PUBSUB_OP_SETTLE 5

#define OCTAVO_PUBLISH_RAW 0x1u /* `data` is not wrapped in a CloudEvent */

typedef struct octavo_pubsub_publish_request {
    octavo_head head; /* its metadata are those of the message */
    octavo_str topic;
    octavo_bytes data;
    octavo_str content_type;
    octavo_str ordering_key; /* absent = no order asked for */
    int64_t ttl_ns;          /* 0 = the broker's own */
    uint32_t flags;          /* OCTAVO_PUBLISH_* */
    uint32_t reserved;
} octavo_pubsub_publish_request;

typedef struct octavo_pubsub_publish_reply {
    uint32_t size;
    uint32_t flags;
    octavo_str message_id; /* the broker's name for it; absent when not known */
} octavo_pubsub_publish_reply;

typedef struct octavo_pubsub_entry {
    octavo_str id; /* the publisher's own, unique within the request */
    octavo_bytes data;
    octavo_str content_type;
    octavo_str ordering_key;
    int64_t ttl_ns;
    octavo_list metadata; /* of octavo_pair */
} octavo_pubsub_entry;

typedef struct octavo_pubsub_bulk_publish_request {
    octavo_head head;
    octavo_str topic;
    octavo_list entries; /* of octavo_pubsub_entry */
    uint32_t flags;      /* OCTAVO_PUBLISH_* */
    uint32_t reserved;
} octavo_pubsub_bulk_publish_request;

typedef struct octavo_pubsub_entry_result {
    octavo_str id;
    octavo_item_error error;
} octavo_pubsub_entry_result;

/* One result for each entry, in their order. */
typedef struct octavo_pubsub_bulk_publish_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list results; /* of octavo_pubsub_entry_result */
} octavo_pubsub_bulk_publish_reply;

typedef struct octavo_pubsub_subscribe_request {
    octavo_head head; /* its metadata are those of the subscription */
    octavo_source source;
    octavo_str topic;
    octavo_str group;     /* consumers of one group share the messages; absent = the app id */
    octavo_str dead_letter_topic;
    uint32_t bulk_size;   /* messages that may be delivered together; 0 or 1 = one by one */
    uint32_t flags;
    int64_t bulk_wait_ns; /* how long to wait for them */
} octavo_pubsub_subscribe_request;

/* What is delivered. */
typedef struct octavo_pubsub_message {
    uint32_t size;
    uint32_t flags;
    octavo_str topic; /* where it was published, also for a wildcard */
    octavo_bytes data;
    octavo_str content_type;
    octavo_str message_id;
    octavo_str ordering_key;
    int64_t published_ns;  /* wall time; 0 = not known */
    uint32_t attempt;      /* how often it was delivered before; 0 also when not known */
    uint32_t reserved;
    octavo_list metadata;  /* of octavo_pair */
} octavo_pubsub_message;

/* Operations of a pub/sub component. All [exec]; a null member is not offered. */
typedef struct octavo_pubsub_ops {
    uint32_t size;
    uint32_t reserved;
    /* Completed when the broker has taken the message over. */
    void (*OCTAVO_NULLABLE publish)(void *self, octavo_call call, const octavo_pubsub_publish_request *request);
    /* Each entry on its own. */
    void (*OCTAVO_NULLABLE bulk_publish)(void *self, octavo_call call, const octavo_pubsub_bulk_publish_request *request);
    /* Opens a source; completed when the subscription stands. Nothing is delivered before credit. */
    void (*OCTAVO_NULLABLE subscribe)(void *self, octavo_call call, const octavo_pubsub_subscribe_request *request);
    /* Ends a source: nothing more is delivered once it is completed. */
    void (*OCTAVO_NULLABLE unsubscribe)(void *self, octavo_call call, const octavo_source_request *request);
    /* No call; see octavo_credit_request. */
    void (*OCTAVO_NULLABLE credit)(void *self, octavo_call call, const octavo_credit_request *request);
    /* No call; once for each token. */
    void (*OCTAVO_NULLABLE settle)(void *self, octavo_call call, const octavo_settle_request *request);
} octavo_pubsub_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_pubsub_publish_request, 144);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_publish_request, topic, 64);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_publish_request, data, 80);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_publish_request, content_type, 96);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_publish_request, ordering_key, 112);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_publish_request, ttl_ns, 128);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_publish_request, flags, 136);
OCTAVO_ASSERT_SIZE(octavo_pubsub_publish_reply, 24);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_publish_reply, message_id, 8);
OCTAVO_ASSERT_SIZE(octavo_pubsub_entry, 88);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_entry, data, 16);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_entry, content_type, 32);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_entry, ordering_key, 48);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_entry, ttl_ns, 64);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_entry, metadata, 72);
OCTAVO_ASSERT_SIZE(octavo_pubsub_bulk_publish_request, 104);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_bulk_publish_request, topic, 64);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_bulk_publish_request, entries, 80);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_bulk_publish_request, flags, 96);
OCTAVO_ASSERT_SIZE(octavo_pubsub_entry_result, 56);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_entry_result, error, 16);
OCTAVO_ASSERT_SIZE(octavo_pubsub_bulk_publish_reply, 24);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_bulk_publish_reply, results, 8);
OCTAVO_ASSERT_SIZE(octavo_pubsub_subscribe_request, 136);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_subscribe_request, source, 64);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_subscribe_request, topic, 72);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_subscribe_request, group, 88);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_subscribe_request, dead_letter_topic, 104);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_subscribe_request, bulk_size, 120);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_subscribe_request, flags, 124);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_subscribe_request, bulk_wait_ns, 128);
OCTAVO_ASSERT_SIZE(octavo_pubsub_message, 120);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_message, topic, 8);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_message, data, 24);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_message, content_type, 40);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_message, message_id, 56);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_message, ordering_key, 72);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_message, published_ns, 88);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_message, attempt, 96);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_message, metadata, 104);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_ops, publish, 8 + 8 * OCTAVO_PUBSUB_OP_PUBLISH);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_ops, bulk_publish, 8 + 8 * OCTAVO_PUBSUB_OP_BULK_PUBLISH);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_ops, subscribe, 8 + 8 * OCTAVO_PUBSUB_OP_SUBSCRIBE);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_ops, unsubscribe, 8 + 8 * OCTAVO_PUBSUB_OP_UNSUBSCRIBE);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_ops, credit, 8 + 8 * OCTAVO_PUBSUB_OP_CREDIT);
OCTAVO_ASSERT_OFFSET(octavo_pubsub_ops, settle, 8 + 8 * OCTAVO_PUBSUB_OP_SETTLE);
OCTAVO_ASSERT_SIZE(octavo_pubsub_ops, 56);

#endif
