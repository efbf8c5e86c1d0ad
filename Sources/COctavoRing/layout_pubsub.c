#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, pubsub_publish_request, STRUCT(octavo_pubsub_publish_request, head, head),
       STR(octavo_pubsub_publish_request, topic), BYTES(octavo_pubsub_publish_request, data),
       STR(octavo_pubsub_publish_request, content_type), STR(octavo_pubsub_publish_request, ordering_key));
LAYOUT(static, pubsub_publish_reply, STR(octavo_pubsub_publish_reply, message_id));
LAYOUT(static, pubsub_entry, STR(octavo_pubsub_entry, id), BYTES(octavo_pubsub_entry, data),
       STR(octavo_pubsub_entry, content_type), STR(octavo_pubsub_entry, ordering_key),
       LIST(octavo_pubsub_entry, metadata, pair));
LAYOUT(static, pubsub_bulk_publish_request, STRUCT(octavo_pubsub_bulk_publish_request, head, head),
       STR(octavo_pubsub_bulk_publish_request, topic),
       LIST(octavo_pubsub_bulk_publish_request, entries, pubsub_entry));
LAYOUT(static, pubsub_entry_result, STR(octavo_pubsub_entry_result, id),
       STRUCT(octavo_pubsub_entry_result, error, item_error));
LAYOUT(static, pubsub_bulk_publish_reply, LIST(octavo_pubsub_bulk_publish_reply, results, pubsub_entry_result));
LAYOUT(static, pubsub_subscribe_request, STRUCT(octavo_pubsub_subscribe_request, head, head),
       STR(octavo_pubsub_subscribe_request, topic), STR(octavo_pubsub_subscribe_request, group),
       STR(octavo_pubsub_subscribe_request, dead_letter_topic));
LAYOUT(, pubsub_message, STR(octavo_pubsub_message, topic), BYTES(octavo_pubsub_message, data),
       STR(octavo_pubsub_message, content_type), STR(octavo_pubsub_message, message_id),
       STR(octavo_pubsub_message, ordering_key), LIST(octavo_pubsub_message, metadata, pair));

static const octavo_op ops[] = {
    OP("publish", WRITE, 0, pubsub_publish_request, REPLY(pubsub_publish_reply)),
    OP("bulk_publish", WRITE, OCTAVO_PUBSUB_BULK_PUBLISH, pubsub_bulk_publish_request,
       REPLY(pubsub_bulk_publish_reply)),
    OP("subscribe", CONDITIONAL, 0, pubsub_subscribe_request, REPLY(empty_reply)),
    OP("unsubscribe", CONDITIONAL, 0, source_request, REPLY(empty_reply)),
    OP("credit", CONDITIONAL, 0, credit_request, NULL),
    OP("settle", CONDITIONAL, 0, settle_request, NULL),
};

const octavo_kind octavo_kind_pubsub = {
    "pubsub", "pubsub.", OCTAVO_KIND_PUBSUB, sizeof ops / sizeof ops[0], sizeof(octavo_pubsub_ops), 0, ops};
