#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, state_get_request, STRUCT(octavo_state_get_request, head, head), STR(octavo_state_get_request, key));
LAYOUT(static, state_get_reply, BYTES(octavo_state_get_reply, value), STR(octavo_state_get_reply, etag),
       STR(octavo_state_get_reply, content_type), LIST(octavo_state_get_reply, metadata, pair));
LAYOUT(static, state_write, STR(octavo_state_write, key), BYTES(octavo_state_write, value),
       STR(octavo_state_write, etag), STR(octavo_state_write, content_type),
       LIST(octavo_state_write, metadata, pair));
LAYOUT(static, state_write_request, STRUCT(octavo_state_write_request, head, head),
       STRUCT(octavo_state_write_request, write, state_write));
LAYOUT(static, state_write_reply, STR(octavo_state_write_reply, etag));
LAYOUT(static, state_key, STR(octavo_state_key, key));
LAYOUT(static, state_bulk_get_request, STRUCT(octavo_state_bulk_get_request, head, head),
       LIST(octavo_state_bulk_get_request, keys, state_key));
LAYOUT(static, state_item, STR(octavo_state_item, key), BYTES(octavo_state_item, value),
       STR(octavo_state_item, etag), STR(octavo_state_item, content_type), LIST(octavo_state_item, metadata, pair),
       STRUCT(octavo_state_item, error, item_error));
LAYOUT(static, state_bulk_get_reply, LIST(octavo_state_bulk_get_reply, items, state_item));
LAYOUT(static, state_writes_request, STRUCT(octavo_state_writes_request, head, head),
       LIST(octavo_state_writes_request, writes, state_write));
LAYOUT(static, state_write_result, STR(octavo_state_write_result, key), STR(octavo_state_write_result, etag),
       STRUCT(octavo_state_write_result, error, item_error));
LAYOUT(static, state_bulk_write_reply, LIST(octavo_state_bulk_write_reply, results, state_write_result));
LAYOUT(static, query_value, STR(octavo_query_value, text));
LAYOUT(static, query_node, STR(octavo_query_node, path), LIST(octavo_query_node, values, query_value));
LAYOUT(static, query_sort, STR(octavo_query_sort, path));
LAYOUT(static, state_query_request, STRUCT(octavo_state_query_request, head, head),
       STR(octavo_state_query_request, key_prefix), LIST(octavo_state_query_request, nodes, query_node),
       LIST(octavo_state_query_request, sort, query_sort), STR(octavo_state_query_request, token));
LAYOUT(static, state_query_reply, LIST(octavo_state_query_reply, items, state_item),
       STR(octavo_state_query_reply, token), LIST(octavo_state_query_reply, metadata, pair));
LAYOUT(static, state_keys_request, STRUCT(octavo_state_keys_request, head, head),
       STR(octavo_state_keys_request, pattern), STR(octavo_state_keys_request, token));
LAYOUT(static, state_keys_reply, LIST(octavo_state_keys_reply, keys, str), STR(octavo_state_keys_reply, token));
LAYOUT(static, state_prefix_request, STRUCT(octavo_state_prefix_request, head, head),
       STR(octavo_state_prefix_request, prefix));
LAYOUT_PLAIN(static, state_count_reply);

static const octavo_op ops[] = {
    OP("get", REPEATABLE, 0, state_get_request, REPLY(state_get_reply)),
    OP("set", WRITE, 0, state_write_request, REPLY(state_write_reply)),
    OP("remove", WRITE, 0, state_write_request, REPLY(state_write_reply)),
    OP("bulk_get", REPEATABLE, OCTAVO_STATE_BULK, state_bulk_get_request, REPLY(state_bulk_get_reply)),
    OP("bulk_set", WRITE, OCTAVO_STATE_BULK, state_writes_request, REPLY(state_bulk_write_reply)),
    OP("bulk_remove", WRITE, OCTAVO_STATE_BULK, state_writes_request, REPLY(state_bulk_write_reply)),
    OP("transact", WRITE, OCTAVO_STATE_TRANSACTION, state_writes_request, REPLY(empty_reply)),
    OP("query", REPEATABLE, OCTAVO_STATE_QUERY, state_query_request, REPLY(state_query_reply)),
    OP("keys", REPEATABLE, OCTAVO_STATE_KEYS_LIKE, state_keys_request, REPLY(state_keys_reply)),
    OP("remove_prefix", WRITE, OCTAVO_STATE_REMOVE_PREFIX, state_prefix_request, REPLY(state_count_reply)),
};

const octavo_kind octavo_kind_state = {
    "state", "state.", OCTAVO_KIND_STATE, sizeof ops / sizeof ops[0], sizeof(octavo_state_ops), 0, ops};
