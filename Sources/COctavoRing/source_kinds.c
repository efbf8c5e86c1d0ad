#include "octavo_source_kinds.h"

#include <string.h>

static const octavo_source_kind pubsub = {
    OCTAVO_KIND_PUBSUB, OCTAVO_PUBSUB_OP_SUBSCRIBE, OCTAVO_PUBSUB_OP_UNSUBSCRIBE, OCTAVO_PUBSUB_OP_CREDIT,
    OCTAVO_PUBSUB_OP_SETTLE, 0, &octavo_layout_pubsub_message};
static const octavo_source_kind binding = {
    OCTAVO_KIND_BINDING, OCTAVO_BINDING_OP_READ, OCTAVO_BINDING_OP_CLOSE, OCTAVO_BINDING_OP_CREDIT,
    OCTAVO_BINDING_OP_SETTLE, 0, &octavo_layout_binding_event};
static const octavo_source_kind configuration = {
    OCTAVO_KIND_CONFIGURATION, OCTAVO_CONFIGURATION_OP_WATCH, OCTAVO_CONFIGURATION_OP_UNWATCH, OCTAVO_NO_OP,
    OCTAVO_NO_OP, 0, &octavo_layout_configuration_change};
static const octavo_source_kind secret_store = {
    OCTAVO_KIND_SECRET_STORE, OCTAVO_SECRET_OP_WATCH, OCTAVO_SECRET_OP_UNWATCH, OCTAVO_NO_OP, OCTAVO_NO_OP, 0,
    &octavo_layout_secret_rotation};
static const octavo_source_kind name_resolution = {
    OCTAVO_KIND_NAME_RESOLUTION, OCTAVO_NAMES_OP_WATCH, OCTAVO_NAMES_OP_UNWATCH, OCTAVO_NO_OP, OCTAVO_NO_OP, 0,
    &octavo_layout_names_change};

const octavo_source_kind *octavo_source_kind_at(int32_t kind) {
    switch (kind) {
    case OCTAVO_KIND_PUBSUB: return &pubsub;
    case OCTAVO_KIND_BINDING: return &binding;
    case OCTAVO_KIND_CONFIGURATION: return &configuration;
    case OCTAVO_KIND_SECRET_STORE: return &secret_store;
    case OCTAVO_KIND_NAME_RESOLUTION: return &name_resolution;
    default: return NULL;
    }
}

OCTAVO_ASSERT_OFFSET(octavo_source_request, source, sizeof(octavo_head));
OCTAVO_ASSERT_OFFSET(octavo_credit_request, source, sizeof(octavo_head));
OCTAVO_ASSERT_OFFSET(octavo_settle_request, source, sizeof(octavo_head));
OCTAVO_ASSERT_OFFSET(octavo_pubsub_subscribe_request, source, sizeof(octavo_head));
OCTAVO_ASSERT_OFFSET(octavo_binding_read_request, source, sizeof(octavo_head));
OCTAVO_ASSERT_OFFSET(octavo_configuration_watch_request, source, sizeof(octavo_head));
OCTAVO_ASSERT_OFFSET(octavo_secret_watch_request, source, sizeof(octavo_head));
OCTAVO_ASSERT_OFFSET(octavo_names_watch_request, source, sizeof(octavo_head));

octavo_source octavo_request_source(const void *request) {
    octavo_source source;
    memcpy(&source, (const uint8_t *)request + sizeof(octavo_head), sizeof source);
    return source;
}
