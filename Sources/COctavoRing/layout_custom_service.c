#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, custom_method, STR(octavo_custom_method, service), STR(octavo_custom_method, name));
LAYOUT(static, custom_methods_request, STRUCT(octavo_custom_methods_request, head, head));
LAYOUT(static, custom_methods_reply, LIST(octavo_custom_methods_reply, methods, custom_method),
       BYTES(octavo_custom_methods_reply, descriptor_set));
LAYOUT(static, custom_invoke_request, STRUCT(octavo_custom_invoke_request, head, head),
       STR(octavo_custom_invoke_request, service), STR(octavo_custom_invoke_request, method),
       BYTES(octavo_custom_invoke_request, message));
LAYOUT(static, custom_invoke_reply, BYTES(octavo_custom_invoke_reply, message),
       LIST(octavo_custom_invoke_reply, headers, pair), LIST(octavo_custom_invoke_reply, trailers, pair));

static const octavo_op ops[] = {
    OP("methods", REPEATABLE, 0, custom_methods_request, REPLY(custom_methods_reply)),
    OP("invoke", WRITE, 0, custom_invoke_request, REPLY(custom_invoke_reply)),
    OP("on_chunk", WRITE, 0, chunk, NULL),
    OP("on_writable", WRITE, 0, writable, NULL),
};

const octavo_kind octavo_kind_custom_service = {
    "custom", "custom.", OCTAVO_KIND_CUSTOM, sizeof ops / sizeof ops[0], sizeof(octavo_custom_service_ops), 0, ops};
