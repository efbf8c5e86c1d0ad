/*
 * Messages between the runtime and a helper process, over a stream socket that both got at birth. Never on
 * the path of a call. A body is one flattened structure, or nothing.
 */
#ifndef OCTAVO_CONTROL_H
#define OCTAVO_CONTROL_H

#include <octavo/octavo.h>

OCTAVO_BEGIN

/* Descriptors that a helper finds open. */
#define OCTAVO_HELPER_CONTROL 3
#define OCTAVO_HELPER_SEGMENT_H 4
#define OCTAVO_HELPER_SEGMENT_P 5
#define OCTAVO_HELPER_BLACK_BOX 6
#define OCTAVO_HELPER_DOORBELL 7     /* the helper sleeps on it */
#define OCTAVO_HELPER_LOOP_DOORBELLS 8 /* one for each channel */

/* A body is never longer. */
#define OCTAVO_MESSAGE_MAX (4u << 20)
/* Parts that pieces of state are cut into, and what a piece may have in all. */
#define OCTAVO_PART_MAX (1u << 20)
#define OCTAVO_PIECE_MAX (1u << 30)

typedef enum octavo_message_type {
    /* runtime to helper */
    OCTAVO_MESSAGE_CREATE = 1, /* `number`: type of a plugin, see OCTAVO_WIRE_TYPE; body: octavo_config */
    OCTAVO_MESSAGE_START,      /* `deadline_ns`; as the next three: answered by ANSWER, perhaps with an error */
    OCTAVO_MESSAGE_HEALTH,
    OCTAVO_MESSAGE_DRAIN,
    OCTAVO_MESSAGE_STOP,
    OCTAVO_MESSAGE_FEATURES,   /* answered with an octavo_features */
    OCTAVO_MESSAGE_DESTROY,    /* answered with an octavo_remains */
    OCTAVO_MESSAGE_HANDOFF,    /* answered: `deadline_ns` 1 when there is octavo.handoff/1, `instance` its format */
    OCTAVO_MESSAGE_EXPORT,     /* PIECEs of the same token, then the answer: `deadline_ns` what the export said */
    OCTAVO_MESSAGE_IMPORT,     /* a part of a piece, raw; `deadline_ns` 1: more of it comes, and only then there
                                  is no answer. `deadline_ns` of the answer: what the import said */
    OCTAVO_MESSAGE_PING,
    OCTAVO_MESSAGE_LOG_LEVEL,  /* `number`: lines below it need not be sent */
    OCTAVO_MESSAGE_QUIT,       /* the plugins' stop, then the end */
    OCTAVO_MESSAGE_LOAD,       /* another plugin; `number`: its place; body: the path, raw; answered with an octavo_wire_plugin */
    OCTAVO_MESSAGE_UNLOAD,     /* `number`: its place; no instance of it is left. `deadline_ns` 1: it can be unmapped */
    OCTAVO_MESSAGE_ADD_WORKER, /* one of `instance` is stuck, and the rest must not starve */
    OCTAVO_MESSAGE_TAKEN,      /* a PIECE of `instance` with that token was; `number`: what the sink said */
    OCTAVO_MESSAGE_PLACED,     /* the first, to a process that was started with placed=0: it is where its limits are */
    /* helper to runtime */
    OCTAVO_MESSAGE_HELLO,      /* body: octavo_wire_plugin */
    OCTAVO_MESSAGE_REFUSED,    /* it can't be loaded; body: octavo_error */
    OCTAVO_MESSAGE_ANSWER,     /* `number` 0: done; 1: body is an octavo_error */
    OCTAVO_MESSAGE_PONG,
    OCTAVO_MESSAGE_LOG,        /* `number`: level; body: octavo_log_line */
    OCTAVO_MESSAGE_REPORT,     /* `number`: OCTAVO_HEALTH_*; body: octavo_log_line with the reason */
    OCTAVO_MESSAGE_PIECE,      /* a part of a piece, raw; `deadline_ns` 1: more of it comes. The next one waits for TAKEN */
    OCTAVO_MESSAGE_LAST
} octavo_message_type;

typedef struct octavo_message {
    uint32_t type;
    uint32_t length; /* of the body */
    uint64_t token;  /* of a request and its answer */
    uint32_t instance;
    int32_t number;
    int64_t deadline_ns;
} octavo_message;

typedef struct octavo_log_line {
    uint32_t size;
    uint32_t reserved;
    octavo_call call; /* the runtime's handle, 0 = none */
    octavo_str text;
    octavo_list fields; /* of octavo_pair */
} octavo_log_line;

/* What is left of an instance after destroy; all 0 when it cleaned up. */
typedef struct octavo_remains {
    uint32_t size;
    uint32_t watches, timers, threads, posts;
    uint32_t reserved;
    uint64_t memory;
} octavo_remains;

#define OCTAVO_WIRE_DRAIN 0x1u /* bits of octavo_wire_type.life: what is not null */
#define OCTAVO_WIRE_STOP 0x2u
#define OCTAVO_WIRE_START 0x4u
#define OCTAVO_WIRE_HEALTH 0x8u
#define OCTAVO_WIRE_CANCEL 0x10u
#define OCTAVO_WIRE_EXTENSION 0x20u

typedef struct octavo_wire_type {
    uint32_t size;
    int32_t kind;
    int32_t execution;
    uint32_t workers;
    uint64_t flags;
    uint64_t features;
    uint64_t ops;     /* bit n: operation n is there */
    uint32_t life;    /* OCTAVO_WIRE_* */
    uint32_t has_schema;
    octavo_str name;
    octavo_str version;
    octavo_list aliases; /* of octavo_str */
    octavo_schema schema;
} octavo_wire_type;

typedef struct octavo_wire_plugin {
    uint32_t size;
    uint32_t flags;
    uint32_t abi_minor;
    uint32_t min_host_minor;
    uint64_t requires_features;
    octavo_str build; /* of the helper: must be the runtime's */
    octavo_str id;
    octavo_str version;
    octavo_str vendor;
    octavo_str description;
    octavo_list types; /* of octavo_wire_type */
} octavo_wire_plugin;

extern const octavo_layout octavo_layout_config;
extern const octavo_layout octavo_layout_features;
extern const octavo_layout octavo_layout_log_line;
extern const octavo_layout octavo_layout_remains;
extern const octavo_layout octavo_layout_wire_plugin;

/* Plugins of one helper, and `number` of CREATE. */
#define OCTAVO_PLUGINS_MAX 64u
#define OCTAVO_WIRE_TYPE(plugin, type) ((int32_t)((plugin) << 16 | (type)))

/* What both sides compare, so that a helper of another release is never talked to. */
octavo_str octavo_build_id(void);

/* Sends a message whose body is `structure` flattened, or empty. 0, or an errno; E2BIG: over the limit.
   One sender at a time. */
int octavo_message_send(int socket, octavo_message message, const octavo_layout *OCTAVO_NULLABLE layout,
                        const void *OCTAVO_NULLABLE structure);
/* The same with a body of plain bytes. */
int octavo_message_send_bytes(int socket, octavo_message message, octavo_bytes body);
/* Waits for a message. `body` is to be freed, NULL when there is none. 0, EPIPE at the end of the stream,
   EPROTO when the peer breaks the framing, or an errno. */
int octavo_message_receive(int socket, octavo_message *message, void *OCTAVO_NULLABLE *OCTAVO_NONNULL body);
/* Reads a received body as the structure of `layout`: to be freed, or NULL when it breaks a rule. */
void *OCTAVO_NULLABLE octavo_message_body(const octavo_layout *layout, const void *OCTAVO_NULLABLE body, uint32_t length);

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_message, 32);

#endif
