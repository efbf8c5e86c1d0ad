#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, filter_message, STRUCT(octavo_filter_message, head, head), STR(octavo_filter_message, method),
       STR(octavo_filter_message, path), LIST(octavo_filter_message, headers, pair),
       BYTES(octavo_filter_message, body));
LAYOUT(static, filter_reply, STR(octavo_filter_reply, path), LIST(octavo_filter_reply, set, pair),
       LIST(octavo_filter_reply, removed, str), BYTES(octavo_filter_reply, body));

static const octavo_op ops[] = {
    OP("on_request", REPEATABLE, 0, filter_message, REPLY(filter_reply)),
    OP("on_response", REPEATABLE, 0, filter_message, REPLY(filter_reply)),
};

const octavo_kind octavo_kind_filter = {
    "filter", "middleware.", OCTAVO_KIND_FILTER, sizeof ops / sizeof ops[0], sizeof(octavo_filter_ops), 0, ops};
