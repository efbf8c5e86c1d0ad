#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, lock_request, STRUCT(octavo_lock_request, head, head), STR(octavo_lock_request, resource),
       STR(octavo_lock_request, owner));
LAYOUT_PLAIN(static, lock_reply);

static const octavo_op ops[] = {
    OP("try_lock", CONDITIONAL, 0, lock_request, REPLY(lock_reply)),
    OP("unlock", CONDITIONAL, 0, lock_request, REPLY(lock_reply)),
    OP("extend", CONDITIONAL, OCTAVO_LOCK_EXTEND, lock_request, REPLY(lock_reply)),
};

const octavo_kind octavo_kind_lock = {
    "lock", "lock.", OCTAVO_KIND_LOCK, sizeof ops / sizeof ops[0], sizeof(octavo_lock_ops), 0, ops};
