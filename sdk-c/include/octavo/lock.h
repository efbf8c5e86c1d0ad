/* Kind `lock`: locks that expire, each with an owner. */
#ifndef OCTAVO_LOCK_H
#define OCTAVO_LOCK_H

#include "octavo/octavo_types.h"

OCTAVO_BEGIN

#define OCTAVO_LOCK_EXTEND 0x1ull  /* extend is offered */
#define OCTAVO_LOCK_FENCING 0x2ull /* replies carry a fencing token */

#define OCTAVO_LOCK_OP_TRY_LOCK 0
#define OCTAVO_LOCK_OP_UNLOCK 1
#define OCTAVO_LOCK_OP_EXTEND 2

/* Of all three. */
typedef struct octavo_lock_request {
    octavo_head head;
    octavo_str resource;
    octavo_str owner;
    int64_t expiry_ns; /* from now, more than 0; not of unlock */
} octavo_lock_request;

/* Answers, not errors. */
#define OCTAVO_LOCK_OK 0          /* locked, unlocked, extended */
#define OCTAVO_LOCK_HELD 1        /* try_lock: somebody has it */
#define OCTAVO_LOCK_NOT_FOUND 2   /* unlock, extend: nobody has it */
#define OCTAVO_LOCK_OTHER_OWNER 3 /* unlock, extend: it belongs to another owner */

typedef struct octavo_lock_reply {
    uint32_t size;
    int32_t result;  /* OCTAVO_LOCK_OK … */
    uint64_t fencing; /* grows with every owner of the resource; 0 = not known */
} octavo_lock_reply;

/* Operations of a lock store. All [exec]; a null member is not offered. */
typedef struct octavo_lock_ops {
    uint32_t size;
    uint32_t reserved;
    /* Never waits for the lock. An owner that has it already gets HELD. */
    void (*OCTAVO_NULLABLE try_lock)(void *self, octavo_call call, const octavo_lock_request *request);
    void (*OCTAVO_NULLABLE unlock)(void *self, octavo_call call, const octavo_lock_request *request);
    /* Sets the expiry anew, counted from now. */
    void (*OCTAVO_NULLABLE extend)(void *self, octavo_call call, const octavo_lock_request *request);
} octavo_lock_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_lock_request, 104);
OCTAVO_ASSERT_OFFSET(octavo_lock_request, resource, 64);
OCTAVO_ASSERT_OFFSET(octavo_lock_request, owner, 80);
OCTAVO_ASSERT_OFFSET(octavo_lock_request, expiry_ns, 96);
OCTAVO_ASSERT_SIZE(octavo_lock_reply, 16);
OCTAVO_ASSERT_OFFSET(octavo_lock_reply, result, 4);
OCTAVO_ASSERT_OFFSET(octavo_lock_reply, fencing, 8);
OCTAVO_ASSERT_OFFSET(octavo_lock_ops, try_lock, 8 + 8 * OCTAVO_LOCK_OP_TRY_LOCK);
OCTAVO_ASSERT_OFFSET(octavo_lock_ops, unlock, 8 + 8 * OCTAVO_LOCK_OP_UNLOCK);
OCTAVO_ASSERT_OFFSET(octavo_lock_ops, extend, 8 + 8 * OCTAVO_LOCK_OP_EXTEND);
OCTAVO_ASSERT_SIZE(octavo_lock_ops, 32);

#endif
