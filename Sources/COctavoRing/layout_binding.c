#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, binding_invoke_request, STRUCT(octavo_binding_invoke_request, head, head),
       STR(octavo_binding_invoke_request, operation), BYTES(octavo_binding_invoke_request, data),
       STR(octavo_binding_invoke_request, content_type));
LAYOUT(static, binding_invoke_reply, BYTES(octavo_binding_invoke_reply, data),
       STR(octavo_binding_invoke_reply, content_type), LIST(octavo_binding_invoke_reply, metadata, pair));
LAYOUT(static, binding_read_request, STRUCT(octavo_binding_read_request, head, head));
LAYOUT(, binding_event, BYTES(octavo_binding_event, data), STR(octavo_binding_event, content_type),
       LIST(octavo_binding_event, metadata, pair));

static const octavo_op ops[] = {
    OP("invoke", WRITE, OCTAVO_BINDING_OUTPUT, binding_invoke_request, REPLY(binding_invoke_reply)),
    OP("read", CONDITIONAL, OCTAVO_BINDING_INPUT, binding_read_request, REPLY(empty_reply)),
    OP("close", CONDITIONAL, OCTAVO_BINDING_INPUT, source_request, REPLY(empty_reply)),
    OP("credit", CONDITIONAL, OCTAVO_BINDING_INPUT, credit_request, NULL),
    OP("settle", CONDITIONAL, OCTAVO_BINDING_INPUT, settle_request, NULL),
};

const octavo_kind octavo_kind_binding = {
    "binding", "bindings.", OCTAVO_KIND_BINDING, sizeof ops / sizeof ops[0], sizeof(octavo_binding_ops), 0, ops};
