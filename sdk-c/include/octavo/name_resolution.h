/* Kind `name resolution`: where the instances of an app are. */
#ifndef OCTAVO_NAME_RESOLUTION_H
#define OCTAVO_NAME_RESOLUTION_H

#include "octavo/octavo_types.h"

OCTAVO_BEGIN

#define OCTAVO_NAMES_ADVERTISE 0x1ull /* advertise and withdraw */
#define OCTAVO_NAMES_WATCH 0x2ull

#define OCTAVO_NAMES_OP_RESOLVE 0
#define OCTAVO_NAMES_OP_ADVERTISE 1
#define OCTAVO_NAMES_OP_WITHDRAW 2
#define OCTAVO_NAMES_OP_WATCH 3
#define OCTAVO_NAMES_OP_UNWATCH 4

typedef struct octavo_names_address {
    octavo_str host;      /* a name or a number */
    uint32_t port;
    uint32_t weight;      /* relative to the others; 0 = as the others */
    int64_t lifetime_ns;  /* how long it may be used without asking again; 0 = not known */
    octavo_list metadata; /* of octavo_pair */
} octavo_names_address;

typedef struct octavo_names_resolve_request {
    octavo_head head;
    octavo_str app_id;
    octavo_str name_space; /* absent = the asking app's */
    uint32_t port;         /* the usual one, for resolvers that know only hosts */
    uint32_t reserved;
} octavo_names_resolve_request;

/* None is NOT_FOUND, not an empty list. */
typedef struct octavo_names_resolve_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list addresses; /* of octavo_names_address */
} octavo_names_resolve_reply;

/* Of advertise and withdraw: this runtime itself. */
typedef struct octavo_names_advertise_request {
    octavo_head head;
    octavo_str app_id;
    octavo_str name_space;
    octavo_str instance; /* a name that no other instance of the app has */
    octavo_names_address address;
} octavo_names_advertise_request;

typedef struct octavo_names_watch_request {
    octavo_head head;
    octavo_source source;
    octavo_str app_id;
    octavo_str name_space;
} octavo_names_watch_request;

/* Delivered first at once, then when the addresses have changed: all that there are now. */
typedef struct octavo_names_change {
    uint32_t size;
    uint32_t flags;
    octavo_list addresses; /* of octavo_names_address */
} octavo_names_change;

/* Operations of a resolver. All [exec]; a null member is not offered. */
typedef struct octavo_names_ops {
    uint32_t size;
    uint32_t reserved;
    /* Repeatable. */
    void (*OCTAVO_NULLABLE resolve)(void *self, octavo_call call, const octavo_names_resolve_request *request);
    /* Stays advertised (renewed by the plugin) until withdraw or stop. */
    void (*OCTAVO_NULLABLE advertise)(void *self, octavo_call call, const octavo_names_advertise_request *request);
    void (*OCTAVO_NULLABLE withdraw)(void *self, octavo_call call, const octavo_names_advertise_request *request);
    /* Opens a source of changes. */
    void (*OCTAVO_NULLABLE watch)(void *self, octavo_call call, const octavo_names_watch_request *request);
    void (*OCTAVO_NULLABLE unwatch)(void *self, octavo_call call, const octavo_source_request *request);
} octavo_names_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_names_address, 48);
OCTAVO_ASSERT_OFFSET(octavo_names_address, port, 16);
OCTAVO_ASSERT_OFFSET(octavo_names_address, weight, 20);
OCTAVO_ASSERT_OFFSET(octavo_names_address, lifetime_ns, 24);
OCTAVO_ASSERT_OFFSET(octavo_names_address, metadata, 32);
OCTAVO_ASSERT_SIZE(octavo_names_resolve_request, 104);
OCTAVO_ASSERT_OFFSET(octavo_names_resolve_request, app_id, 64);
OCTAVO_ASSERT_OFFSET(octavo_names_resolve_request, name_space, 80);
OCTAVO_ASSERT_OFFSET(octavo_names_resolve_request, port, 96);
OCTAVO_ASSERT_SIZE(octavo_names_resolve_reply, 24);
OCTAVO_ASSERT_OFFSET(octavo_names_resolve_reply, addresses, 8);
OCTAVO_ASSERT_SIZE(octavo_names_advertise_request, 160);
OCTAVO_ASSERT_OFFSET(octavo_names_advertise_request, app_id, 64);
OCTAVO_ASSERT_OFFSET(octavo_names_advertise_request, name_space, 80);
OCTAVO_ASSERT_OFFSET(octavo_names_advertise_request, instance, 96);
OCTAVO_ASSERT_OFFSET(octavo_names_advertise_request, address, 112);
OCTAVO_ASSERT_SIZE(octavo_names_watch_request, 104);
OCTAVO_ASSERT_OFFSET(octavo_names_watch_request, source, 64);
OCTAVO_ASSERT_OFFSET(octavo_names_watch_request, app_id, 72);
OCTAVO_ASSERT_OFFSET(octavo_names_watch_request, name_space, 88);
OCTAVO_ASSERT_SIZE(octavo_names_change, 24);
OCTAVO_ASSERT_OFFSET(octavo_names_change, addresses, 8);
OCTAVO_ASSERT_OFFSET(octavo_names_ops, resolve, 8 + 8 * OCTAVO_NAMES_OP_RESOLVE);
OCTAVO_ASSERT_OFFSET(octavo_names_ops, advertise, 8 + 8 * OCTAVO_NAMES_OP_ADVERTISE);
OCTAVO_ASSERT_OFFSET(octavo_names_ops, withdraw, 8 + 8 * OCTAVO_NAMES_OP_WITHDRAW);
OCTAVO_ASSERT_OFFSET(octavo_names_ops, watch, 8 + 8 * OCTAVO_NAMES_OP_WATCH);
OCTAVO_ASSERT_OFFSET(octavo_names_ops, unwatch, 8 + 8 * OCTAVO_NAMES_OP_UNWATCH);
OCTAVO_ASSERT_SIZE(octavo_names_ops, 48);

#endif
