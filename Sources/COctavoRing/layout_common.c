#include "kinds.h"
#include "layout_macros.h"

/* An element that is itself a slice is described as a structure of one member at offset 0. */
static const octavo_member str_members[] = {{"text", 0, OCTAVO_MEMBER_STR, NULL}};
const octavo_layout octavo_layout_str = {"str", sizeof(octavo_str), sizeof(octavo_str), 1, 0, str_members};

LAYOUT(, pair, STR(octavo_pair, name), STR(octavo_pair, value));
LAYOUT(, error, STR(octavo_error, reason), STR(octavo_error, message), LIST(octavo_error, details, pair));
LAYOUT(, item_error, STR(octavo_item_error, reason), STR(octavo_item_error, message));
LAYOUT(, head, STR(octavo_head, trace_parent), STR(octavo_head, app_id), LIST(octavo_head, metadata, pair));
LAYOUT(, life_request, STRUCT(octavo_life_request, head, head));
LAYOUT(, source_request, STRUCT(octavo_source_request, head, head));
LAYOUT_PLAIN(, empty_reply);

const octavo_kind *octavo_kind_at(int32_t kind) {
    switch (kind) {
    case OCTAVO_KIND_STATE: return &octavo_kind_state;
    case OCTAVO_KIND_SECRET_STORE: return &octavo_kind_secret_store;
    case OCTAVO_KIND_PUBSUB: return &octavo_kind_pubsub;
    case OCTAVO_KIND_CONFIGURATION: return &octavo_kind_configuration;
    case OCTAVO_KIND_LOCK: return &octavo_kind_lock;
    case OCTAVO_KIND_SEQUENCER: return &octavo_kind_sequencer;
    case OCTAVO_KIND_BINDING: return &octavo_kind_binding;
    case OCTAVO_KIND_OBJECT_STORE: return &octavo_kind_object_store;
    case OCTAVO_KIND_CRYPTO: return &octavo_kind_crypto;
    case OCTAVO_KIND_NAME_RESOLUTION: return &octavo_kind_name_resolution;
    case OCTAVO_KIND_FILTER: return &octavo_kind_filter;
    case OCTAVO_KIND_CONVERSATION: return &octavo_kind_conversation;
    case OCTAVO_KIND_CUSTOM: return &octavo_kind_custom_service;
    default: return NULL;
    }
}
