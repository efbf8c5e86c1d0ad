/* Kind `conversation`: language models. */
#ifndef OCTAVO_CONVERSATION_H
#define OCTAVO_CONVERSATION_H

#include "octavo/octavo_stream.h"
#include "octavo/octavo_types.h"

OCTAVO_BEGIN

#define OCTAVO_CONVERSATION_TOOLS 0x1ull
#define OCTAVO_CONVERSATION_STREAM 0x2ull /* writes its answer piece by piece when asked to */

#define OCTAVO_CONVERSATION_OP_CONVERSE 0
#define OCTAVO_CONVERSATION_OP_ON_WRITABLE 1

#define OCTAVO_SPEAKER_SYSTEM 0
#define OCTAVO_SPEAKER_USER 1
#define OCTAVO_SPEAKER_ASSISTANT 2
#define OCTAVO_SPEAKER_TOOL 3
#define OCTAVO_SPEAKER_DEVELOPER 4

/* A call of a tool that the model asks for. */
typedef struct octavo_tool_call {
    octavo_str id;
    octavo_str name;
    octavo_str arguments; /* JSON */
} octavo_tool_call;

typedef struct octavo_conversation_message {
    int32_t role; /* OCTAVO_SPEAKER_SYSTEM … */
    uint32_t flags;
    octavo_str name;
    octavo_str text;
    octavo_str tool_id;     /* of the role TOOL: which call this answers */
    octavo_list tool_calls; /* of octavo_tool_call: of the role ASSISTANT */
} octavo_conversation_message;

typedef struct octavo_tool {
    octavo_str name;
    octavo_str description;
    octavo_str parameters; /* JSON Schema */
} octavo_tool;

#define OCTAVO_CONVERSE_STREAM 0x1u      /* write the text with stream_write as it comes */
#define OCTAVO_CONVERSE_TEMPERATURE 0x2u /* `temperature` is set */

typedef struct octavo_conversation_request {
    octavo_head head;
    octavo_str context;     /* of an earlier reply; absent = a new conversation */
    octavo_list messages;   /* of octavo_conversation_message */
    octavo_list tools;      /* of octavo_tool */
    octavo_str tool_choice; /* "none", "auto", "required" or a name */
    octavo_list parameters; /* of octavo_pair: the model's own, values in JSON */
    octavo_str response_format; /* JSON Schema; absent = free text */
    double temperature;
    uint32_t max_tokens;    /* 0 = the model's own limit */
    uint32_t flags;         /* OCTAVO_CONVERSE_* */
} octavo_conversation_request;

typedef struct octavo_conversation_output {
    octavo_str finish_reason; /* "stop", "length", "tool_calls", … */
    octavo_conversation_message message;
} octavo_conversation_output;

typedef struct octavo_conversation_reply {
    uint32_t size;
    uint32_t flags;
    octavo_str context;
    octavo_str model;
    octavo_list outputs; /* of octavo_conversation_output */
    uint64_t prompt_tokens;
    uint64_t completion_tokens;
} octavo_conversation_reply;

/* Operations of a conversation component. All [exec]; a null member is not offered. */
typedef struct octavo_conversation_ops {
    uint32_t size;
    uint32_t reserved;
    void (*OCTAVO_NULLABLE converse)(void *self, octavo_call call, const octavo_conversation_request *request);
    /* Go on with the stream of the answer. */
    void (*OCTAVO_NULLABLE on_writable)(void *self, octavo_call call, const octavo_writable *writable);
} octavo_conversation_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_tool_call, 48);
OCTAVO_ASSERT_OFFSET(octavo_tool_call, name, 16);
OCTAVO_ASSERT_OFFSET(octavo_tool_call, arguments, 32);
OCTAVO_ASSERT_SIZE(octavo_conversation_message, 72);
OCTAVO_ASSERT_OFFSET(octavo_conversation_message, name, 8);
OCTAVO_ASSERT_OFFSET(octavo_conversation_message, text, 24);
OCTAVO_ASSERT_OFFSET(octavo_conversation_message, tool_id, 40);
OCTAVO_ASSERT_OFFSET(octavo_conversation_message, tool_calls, 56);
OCTAVO_ASSERT_SIZE(octavo_tool, 48);
OCTAVO_ASSERT_OFFSET(octavo_tool, description, 16);
OCTAVO_ASSERT_OFFSET(octavo_tool, parameters, 32);
OCTAVO_ASSERT_SIZE(octavo_conversation_request, 176);
OCTAVO_ASSERT_OFFSET(octavo_conversation_request, context, 64);
OCTAVO_ASSERT_OFFSET(octavo_conversation_request, messages, 80);
OCTAVO_ASSERT_OFFSET(octavo_conversation_request, tools, 96);
OCTAVO_ASSERT_OFFSET(octavo_conversation_request, tool_choice, 112);
OCTAVO_ASSERT_OFFSET(octavo_conversation_request, parameters, 128);
OCTAVO_ASSERT_OFFSET(octavo_conversation_request, response_format, 144);
OCTAVO_ASSERT_OFFSET(octavo_conversation_request, temperature, 160);
OCTAVO_ASSERT_OFFSET(octavo_conversation_request, max_tokens, 168);
OCTAVO_ASSERT_OFFSET(octavo_conversation_request, flags, 172);
OCTAVO_ASSERT_SIZE(octavo_conversation_output, 88);
OCTAVO_ASSERT_OFFSET(octavo_conversation_output, message, 16);
OCTAVO_ASSERT_SIZE(octavo_conversation_reply, 72);
OCTAVO_ASSERT_OFFSET(octavo_conversation_reply, context, 8);
OCTAVO_ASSERT_OFFSET(octavo_conversation_reply, model, 24);
OCTAVO_ASSERT_OFFSET(octavo_conversation_reply, outputs, 40);
OCTAVO_ASSERT_OFFSET(octavo_conversation_reply, prompt_tokens, 56);
OCTAVO_ASSERT_OFFSET(octavo_conversation_reply, completion_tokens, 64);
OCTAVO_ASSERT_OFFSET(octavo_conversation_ops, converse, 8 + 8 * OCTAVO_CONVERSATION_OP_CONVERSE);
OCTAVO_ASSERT_OFFSET(octavo_conversation_ops, on_writable, 8 + 8 * OCTAVO_CONVERSATION_OP_ON_WRITABLE);
OCTAVO_ASSERT_SIZE(octavo_conversation_ops, 24);

#endif
