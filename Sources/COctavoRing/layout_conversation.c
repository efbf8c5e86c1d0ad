#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, tool_call, STR(octavo_tool_call, id), STR(octavo_tool_call, name), STR(octavo_tool_call, arguments));
LAYOUT(static, conversation_message, STR(octavo_conversation_message, name),
       STR(octavo_conversation_message, text), STR(octavo_conversation_message, tool_id),
       LIST(octavo_conversation_message, tool_calls, tool_call));
LAYOUT(static, tool, STR(octavo_tool, name), STR(octavo_tool, description), STR(octavo_tool, parameters));
LAYOUT(static, conversation_request, STRUCT(octavo_conversation_request, head, head),
       STR(octavo_conversation_request, context),
       LIST(octavo_conversation_request, messages, conversation_message),
       LIST(octavo_conversation_request, tools, tool), STR(octavo_conversation_request, tool_choice),
       LIST(octavo_conversation_request, parameters, pair), STR(octavo_conversation_request, response_format));
LAYOUT(static, conversation_output, STR(octavo_conversation_output, finish_reason),
       STRUCT(octavo_conversation_output, message, conversation_message));
LAYOUT(static, conversation_reply, STR(octavo_conversation_reply, context), STR(octavo_conversation_reply, model),
       LIST(octavo_conversation_reply, outputs, conversation_output));

static const octavo_op ops[] = {
    OP("converse", WRITE, 0, conversation_request, REPLY(conversation_reply)),
    OP("on_writable", WRITE, 0, writable, NULL),
};

const octavo_kind octavo_kind_conversation = {
    "conversation", "conversation.", OCTAVO_KIND_CONVERSATION, sizeof ops / sizeof ops[0], sizeof(octavo_conversation_ops), 0, ops};
