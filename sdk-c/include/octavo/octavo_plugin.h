/* The plugin's description of itself: the descriptor, its component types, the life of an instance. */
#ifndef OCTAVO_PLUGIN_H
#define OCTAVO_PLUGIN_H

#include "octavo/octavo_types.h"
#include "octavo/octavo_schema.h"
#include "octavo/octavo_host.h"

OCTAVO_BEGIN

/* Kinds of components. A bit set of kinds has bit `1 << kind`. */
#define OCTAVO_KIND_STATE 1
#define OCTAVO_KIND_PUBSUB 2
#define OCTAVO_KIND_CONFIGURATION 3
#define OCTAVO_KIND_LOCK 4
#define OCTAVO_KIND_SEQUENCER 5
#define OCTAVO_KIND_SECRET_STORE 6
#define OCTAVO_KIND_BINDING 7
#define OCTAVO_KIND_OBJECT_STORE 8
#define OCTAVO_KIND_CRYPTO 9
#define OCTAVO_KIND_NAME_RESOLUTION 10
#define OCTAVO_KIND_FILTER 11
#define OCTAVO_KIND_CONVERSATION 12
#define OCTAVO_KIND_CUSTOM 13
#define OCTAVO_KIND_LAST 13

/*
 * Where operations of an instance are called.
 *   INLINE    on event loops of the runtime, from several at once. Must never block: for memory and
 *             arithmetic. More than 1 ms is reported.
 *   REACTOR   on the instance's one thread, never two at a time. Must never block.
 *   BLOCKING  on one of `workers` threads of the instance; may block, may overlap.
 * 3 is reserved.
 */
#define OCTAVO_EXECUTION_INLINE 0
#define OCTAVO_EXECUTION_REACTOR 1
#define OCTAVO_EXECUTION_BLOCKING 2

/* Flags of a plugin. */
#define OCTAVO_PLUGIN_UNLOADABLE 0x1u /* nothing of it is left behind once its instances are destroyed
                                         and stop has returned: it may be unmapped */

/* Flags of a type. */
#define OCTAVO_TYPE_SINGLETON 0x1ull       /* at most one instance in a process */
#define OCTAVO_TYPE_EXCLUSIVE 0x2ull       /* a reload stops the old instance before it starts the new */
#define OCTAVO_TYPE_HOLDS_STATE 0x4ull     /* state lives in the instance: a reload hands it over by
                                              the extension "octavo.handoff/1" */
#define OCTAVO_TYPE_OVERLAP_SOURCES 0x8ull /* old and new instance may subscribe at the same time */

/* The request of start, health, drain and stop. */
typedef struct octavo_life_request {
    octavo_head head;
} octavo_life_request;

typedef struct octavo_reconfigure_request {
    octavo_head head;
    const octavo_config *config; /* every setting, the changed ones included */
} octavo_reconfigure_request;

/* What an instance can do. `size` is set by the runtime. */
typedef struct octavo_features {
    uint32_t size;
    uint32_t max_transaction_ops; /* state: operations in one transaction; 0 = no limit */
    uint64_t bits;                /* the kind's own: OCTAVO_STATE_ETAG … */
    uint64_t max_value_bytes;     /* the biggest payload it takes; 0 = no limit */
} octavo_features;

/*
 * The life of an instance: create, start, (operations, health, reconfigure), drain, stop, destroy.
 * Members that may be null say what the runtime does then.
 */
typedef struct octavo_life {
    uint32_t size;
    uint32_t reserved;
    /*
     * Makes an instance from its checked configuration: no I/O, no threads. Stores its address in
     * `self` and returns OK; or gives the error by host->complete(call, error, NULL) and returns
     * FAILED. `call` ends when it returns. [control]
     */
    int32_t (*create)(const octavo_config *config, octavo_instance *instance, octavo_call call,
                      void *OCTAVO_NULLABLE *OCTAVO_NONNULL self);
    /* Fills in `out`; asked after start, since a server's version may decide. Null: the type's
       features. [control] */
    void (*OCTAVO_NULLABLE features)(void *self, octavo_features *out);
    /* Connects. The deadline is the component's init timeout. Null: nothing to do. [control] */
    void (*OCTAVO_NULLABLE start)(void *self, octavo_call call, const octavo_life_request *request);
    /* A real check of the backend within the deadline. Null: healthy as long as the last
       report_health and the outcome of its calls say so. [control] */
    void (*OCTAVO_NULLABLE health)(void *self, octavo_call call, const octavo_life_request *request);
    /* Takes new values of HOT fields. Null: the runtime makes a new instance. [control] */
    void (*OCTAVO_NULLABLE reconfigure)(void *self, octavo_call call, const octavo_reconfigure_request *request);
    /* Takes no new deliveries and finishes what is under way. [control] */
    void (*OCTAVO_NULLABLE drain)(void *self, octavo_call call, const octavo_life_request *request);
    /* Closes everything; open calls are completed with UNAVAILABLE. [control] */
    void (*OCTAVO_NULLABLE stop)(void *self, octavo_call call, const octavo_life_request *request);
    /* Frees the instance. Afterwards it has no thread, timer, watch, open call or memory. [control] */
    void (*destroy)(void *self);
    /* Nobody waits for this call any more. A hint: it must still be completed. [exec] */
    void (*OCTAVO_NULLABLE cancel)(void *self, octavo_call call);
    /* The table of an extension ("octavo.handoff/1") or NULL. [any] */
    const void *OCTAVO_NULLABLE (*OCTAVO_NULLABLE get_extension)(void *self, octavo_str id);
} octavo_life;

/* A component type. Constant for as long as the plugin is loaded. */
typedef struct octavo_type {
    uint32_t size;
    int32_t kind;        /* OCTAVO_KIND_* */
    int32_t execution;   /* OCTAVO_EXECUTION_* */
    uint32_t workers;    /* threads of a BLOCKING instance; 0 = the runtime's choice */
    uint64_t flags;      /* OCTAVO_TYPE_* */
    uint64_t features;   /* what instances may be able to do: bits of the kind */
    octavo_str name;     /* "state.redis" */
    octavo_str version;  /* "v1" */
    octavo_list aliases; /* of octavo_str: other names of the type */
    const octavo_schema *OCTAVO_NULLABLE schema; /* null: no metadata at all */
    const octavo_life *life;
    const void *ops;     /* the kind's table: octavo_state_ops … */
} octavo_type;

/* The descriptor. Constant, returned by octavo_plugin_v1(). */
typedef struct octavo_plugin {
    uint32_t size;
    uint32_t flags;          /* OCTAVO_PLUGIN_* */
    uint32_t abi_minor;      /* OCTAVO_ABI_MINOR that it was built with */
    uint32_t min_host_minor; /* the oldest runtime that it works with */
    uint64_t requires_features; /* OCTAVO_FEATURE_* that it can't do without */
    octavo_str id;           /* short name, [a-z0-9-]: "redis" */
    octavo_str version;      /* semantic version */
    octavo_str vendor;
    octavo_str description;
    const octavo_type *OCTAVO_NONNULL const *OCTAVO_NONNULL types;
    uint32_t type_count;
    uint32_t reserved;
    /* Called once after loading, before any create. OK, or FAILED after
       host->complete(call, error, NULL). `host` stays valid until stop has returned. [control] */
    int32_t (*OCTAVO_NULLABLE start)(const octavo_host *host, octavo_call call);
    /* Called once, after the last destroy. [control] */
    void (*OCTAVO_NULLABLE stop)(void);
    /* The table of an extension or NULL. [any] */
    const void *OCTAVO_NULLABLE (*OCTAVO_NULLABLE get_extension)(octavo_str id);
} octavo_plugin;

/*
 * The one symbol that a plugin exports. Pure: no I/O, no threads, no allocation. Returns NULL, or a
 * description that stays as it is. [any]
 */
typedef const octavo_plugin *OCTAVO_NULLABLE (*octavo_plugin_v1_fn)(void);
#define OCTAVO_ENTRY_SYMBOL "octavo_plugin_v1"

OCTAVO_END

#if defined(__GNUC__)
#define OCTAVO_EXPORT __attribute__((visibility("default")))
#else
#define OCTAVO_EXPORT
#endif

OCTAVO_ASSERT_SIZE(octavo_life_request, 64);
OCTAVO_ASSERT_SIZE(octavo_reconfigure_request, 72);
OCTAVO_ASSERT_SIZE(octavo_features, 24);
OCTAVO_ASSERT_OFFSET(octavo_features, bits, 8);
OCTAVO_ASSERT_SIZE(octavo_life, 88);
OCTAVO_ASSERT_OFFSET(octavo_life, create, 8);
OCTAVO_ASSERT_OFFSET(octavo_life, features, 16);
OCTAVO_ASSERT_OFFSET(octavo_life, start, 24);
OCTAVO_ASSERT_OFFSET(octavo_life, health, 32);
OCTAVO_ASSERT_OFFSET(octavo_life, reconfigure, 40);
OCTAVO_ASSERT_OFFSET(octavo_life, drain, 48);
OCTAVO_ASSERT_OFFSET(octavo_life, stop, 56);
OCTAVO_ASSERT_OFFSET(octavo_life, destroy, 64);
OCTAVO_ASSERT_OFFSET(octavo_life, cancel, 72);
OCTAVO_ASSERT_OFFSET(octavo_life, get_extension, 80);
OCTAVO_ASSERT_SIZE(octavo_type, 104);
OCTAVO_ASSERT_OFFSET(octavo_type, flags, 16);
OCTAVO_ASSERT_OFFSET(octavo_type, features, 24);
OCTAVO_ASSERT_OFFSET(octavo_type, name, 32);
OCTAVO_ASSERT_OFFSET(octavo_type, version, 48);
OCTAVO_ASSERT_OFFSET(octavo_type, aliases, 64);
OCTAVO_ASSERT_OFFSET(octavo_type, schema, 80);
OCTAVO_ASSERT_OFFSET(octavo_type, life, 88);
OCTAVO_ASSERT_OFFSET(octavo_type, ops, 96);
OCTAVO_ASSERT_SIZE(octavo_plugin, 128);
OCTAVO_ASSERT_OFFSET(octavo_plugin, requires_features, 16);
OCTAVO_ASSERT_OFFSET(octavo_plugin, id, 24);
OCTAVO_ASSERT_OFFSET(octavo_plugin, version, 40);
OCTAVO_ASSERT_OFFSET(octavo_plugin, types, 88);
OCTAVO_ASSERT_OFFSET(octavo_plugin, type_count, 96);
OCTAVO_ASSERT_OFFSET(octavo_plugin, start, 104);
OCTAVO_ASSERT_OFFSET(octavo_plugin, stop, 112);
OCTAVO_ASSERT_OFFSET(octavo_plugin, get_extension, 120);

#endif
