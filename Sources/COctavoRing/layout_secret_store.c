#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, secret_get_request, STRUCT(octavo_secret_get_request, head, head),
       STR(octavo_secret_get_request, name));
LAYOUT(static, secret_get_reply, LIST(octavo_secret_get_reply, pairs, pair));
LAYOUT(static, secret_bulk_get_request, STRUCT(octavo_secret_bulk_get_request, head, head));
LAYOUT(static, secret, STR(octavo_secret, name), LIST(octavo_secret, pairs, pair));
LAYOUT(static, secret_bulk_get_reply, LIST(octavo_secret_bulk_get_reply, secrets, secret));
LAYOUT(, secret_rotation, STRUCT(octavo_secret_rotation, secret, secret));
LAYOUT(static, secret_watch_request, STRUCT(octavo_secret_watch_request, head, head),
       LIST(octavo_secret_watch_request, names, str));

static const octavo_op ops[] = {
    OP("get", REPEATABLE, 0, secret_get_request, REPLY(secret_get_reply)),
    OP("bulk_get", REPEATABLE, OCTAVO_SECRET_BULK, secret_bulk_get_request, REPLY(secret_bulk_get_reply)),
    OP("watch", CONDITIONAL, OCTAVO_SECRET_ROTATION, secret_watch_request, REPLY(empty_reply)),
    OP("unwatch", CONDITIONAL, OCTAVO_SECRET_ROTATION, source_request, REPLY(empty_reply)),
};

const octavo_kind octavo_kind_secret_store = {
    "secretstore", "secretstores.", OCTAVO_KIND_SECRET_STORE, sizeof ops / sizeof ops[0],
    sizeof(octavo_secret_store_ops), 0, ops};
