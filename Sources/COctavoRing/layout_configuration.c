#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, configuration_item, STR(octavo_configuration_item, key), STR(octavo_configuration_item, value),
       STR(octavo_configuration_item, version), STR(octavo_configuration_item, group),
       STR(octavo_configuration_item, label), LIST(octavo_configuration_item, metadata, pair));
LAYOUT(static, configuration_keys_request, STRUCT(octavo_configuration_keys_request, head, head),
       LIST(octavo_configuration_keys_request, keys, str), STR(octavo_configuration_keys_request, group),
       STR(octavo_configuration_keys_request, label));
LAYOUT(static, configuration_get_reply, LIST(octavo_configuration_get_reply, items, configuration_item));
LAYOUT(static, configuration_set_request, STRUCT(octavo_configuration_set_request, head, head),
       LIST(octavo_configuration_set_request, items, configuration_item));
LAYOUT(static, configuration_watch_request, STRUCT(octavo_configuration_watch_request, head, head),
       LIST(octavo_configuration_watch_request, keys, str), STR(octavo_configuration_watch_request, group),
       STR(octavo_configuration_watch_request, label));
LAYOUT(, configuration_change, LIST(octavo_configuration_change, items, configuration_item));

static const octavo_op ops[] = {
    OP("get", REPEATABLE, 0, configuration_keys_request, REPLY(configuration_get_reply)),
    OP("set", WRITE, OCTAVO_CONFIGURATION_WRITE, configuration_set_request, REPLY(empty_reply)),
    OP("remove", WRITE, OCTAVO_CONFIGURATION_WRITE, configuration_keys_request, REPLY(empty_reply)),
    OP("watch", CONDITIONAL, OCTAVO_CONFIGURATION_WATCH, configuration_watch_request, REPLY(empty_reply)),
    OP("unwatch", CONDITIONAL, OCTAVO_CONFIGURATION_WATCH, source_request, REPLY(empty_reply)),
};

const octavo_kind octavo_kind_configuration = {
    "configuration", "configuration.", OCTAVO_KIND_CONFIGURATION, sizeof ops / sizeof ops[0], sizeof(octavo_configuration_ops), 0, ops};
