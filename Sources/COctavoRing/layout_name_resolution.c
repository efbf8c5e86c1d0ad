#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, names_address, STR(octavo_names_address, host), LIST(octavo_names_address, metadata, pair));
LAYOUT(static, names_resolve_request, STRUCT(octavo_names_resolve_request, head, head),
       STR(octavo_names_resolve_request, app_id), STR(octavo_names_resolve_request, name_space));
LAYOUT(static, names_resolve_reply, LIST(octavo_names_resolve_reply, addresses, names_address));
LAYOUT(static, names_advertise_request, STRUCT(octavo_names_advertise_request, head, head),
       STR(octavo_names_advertise_request, app_id), STR(octavo_names_advertise_request, name_space),
       STR(octavo_names_advertise_request, instance),
       STRUCT(octavo_names_advertise_request, address, names_address));
LAYOUT(static, names_watch_request, STRUCT(octavo_names_watch_request, head, head),
       STR(octavo_names_watch_request, app_id), STR(octavo_names_watch_request, name_space));
LAYOUT(, names_change, LIST(octavo_names_change, addresses, names_address));

static const octavo_op ops[] = {
    OP("resolve", REPEATABLE, 0, names_resolve_request, REPLY(names_resolve_reply)),
    OP("advertise", WRITE, OCTAVO_NAMES_ADVERTISE, names_advertise_request, REPLY(empty_reply)),
    OP("withdraw", WRITE, OCTAVO_NAMES_ADVERTISE, names_advertise_request, REPLY(empty_reply)),
    OP("watch", CONDITIONAL, OCTAVO_NAMES_WATCH, names_watch_request, REPLY(empty_reply)),
    OP("unwatch", CONDITIONAL, OCTAVO_NAMES_WATCH, source_request, REPLY(empty_reply)),
};

const octavo_kind octavo_kind_name_resolution = {
    "nameresolution", "nameresolution.", OCTAVO_KIND_NAME_RESOLUTION, sizeof ops / sizeof ops[0], sizeof(octavo_names_ops), 0, ops};
