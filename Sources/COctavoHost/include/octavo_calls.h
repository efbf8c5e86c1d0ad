/*
 * Calls under way. A call is a slot of a table and a generation; a handle that a plugin keeps too
 * long, uses twice or makes up is answered STALE and can't touch freed memory.
 *
 * A table belongs to one event loop (its owner's thread opens, delivers and frees slots) or is
 * direct (any thread; guarded by a lock; for the few calls of the control plane). Completion comes
 * from any thread. On the owner's thread it is delivered at once; from elsewhere the reply is
 * flattened and queued, and the owner is woken once for a batch.
 *
 * Memory of slots is never given back while the process lives, so a stale handle always finds a
 * generation to be compared with.
 */
#ifndef OCTAVO_CALLS_H
#define OCTAVO_CALLS_H

#include <octavo/octavo.h>

OCTAVO_BEGIN

typedef struct octavo_calls octavo_calls;

#define OCTAVO_CALLS_MAX_TABLES 256u
#define OCTAVO_CALLS_BLOCK 256u      /* slots are made in blocks */
#define OCTAVO_CALLS_MAX_BLOCKS 64u  /* 16,384 calls in flight a table */
#define OCTAVO_CALLS_FRAME 640u      /* bytes of a slot's own request frame */
#define OCTAVO_CALLS_NONE UINT32_MAX

/* A slot is free, open, done (its completion is on the way to the owner) or expired (the caller was
   answered, the plugin has not completed it yet). */
#define OCTAVO_SLOT_FREE 0u
#define OCTAVO_SLOT_OPEN 1u
#define OCTAVO_SLOT_DONE 2u
#define OCTAVO_SLOT_EXPIRED 3u
#define OCTAVO_SLOT_BUSY 4u /* for some instructions: between open and expired */

typedef struct octavo_slot {
    uint64_t word;               /* generation << 8 | state; atomic */
    octavo_call call;            /* its handle since it was opened */
    uint32_t index;
    uint32_t op;                 /* operation number, for reports */
    uint32_t next;               /* list of open or of free slots; owner */
    uint32_t previous;
    int64_t deadline_ns;         /* 0 = none */
    int64_t opened_ns;           /* 0 = not measured */
    int64_t expired_ns;
    void *OCTAVO_NULLABLE waiter;            /* the owner's */
    octavo_instance *OCTAVO_NULLABLE instance;
    const octavo_op *OCTAVO_NULLABLE info;
    octavo_op_fn OCTAVO_NULLABLE function;
    struct octavo_slot *OCTAVO_NULLABLE queued; /* next in an executor's inbox */
    uint8_t *OCTAVO_NULLABLE reply_buffer;   /* atomic */
    uint64_t reply_buffer_size;
    uint8_t *frame;              /* `own_frame` or a bigger one */
    uint64_t frame_size;
    octavo_calls *table;
    uint32_t tracked;                /* the owner's */
    uint32_t held;                   /* the owner's: not given to the plugin yet */
    void *OCTAVO_NULLABLE holder;    /* the owner's: what it waits for */
    uint8_t own_frame[OCTAVO_CALLS_FRAME];
} octavo_slot;

/*
 * How the owner hears of an ended call: `error` or `reply` (NULL for an empty one), valid during the
 * call. The owner frees the slot. For a slot that had expired nothing is given but the slot.
 */
typedef void (*octavo_deliver_fn)(void *owner, octavo_slot *slot, const octavo_error *OCTAVO_NULLABLE error,
                                  const void *OCTAVO_NULLABLE reply);
/* Asks the owner to call octavo_calls_drain() on its thread soon. [any] */
typedef void (*octavo_wake_fn)(void *owner);

/* A new table, or NULL when there are OCTAVO_CALLS_MAX_TABLES or no memory. `wake` NULL makes it a
   direct one. */
octavo_calls *OCTAVO_NULLABLE octavo_calls_new(void *owner, octavo_deliver_fn deliver,
                                               octavo_wake_fn OCTAVO_NULLABLE wake, uint32_t max_slots);
/* Takes the table out of service: calls that are left are freed without a word, its handles are STALE
   from now on. Its memory is kept for the next table. Owner's thread. */
void octavo_calls_retire(octavo_calls *calls);
/* Says that the calling thread is the owner's. */
void octavo_calls_bind(octavo_calls *calls);
/* Whether it is. */
int octavo_calls_is_bound(const octavo_calls *calls);
/* Asks the owner to drain the table; for a table that is not a direct one. [any] */
void octavo_calls_wake(octavo_calls *calls);
/* What the table was made for. */
void *octavo_calls_owner(const octavo_calls *calls);
/* The number of the table, for counters of an instance. */
uint32_t octavo_calls_index(const octavo_calls *calls);

/* Takes a free slot with a zeroed frame of at least `bytes`; NULL when all are in use or there is no
   memory. Owner's thread (any for a direct table). */
octavo_slot *OCTAVO_NULLABLE octavo_calls_open(octavo_calls *calls, uint64_t bytes);
/* The handle that a plugin gets. */
static inline octavo_call octavo_calls_handle(const octavo_slot *slot) { return slot->call; }
/* Hands a slot back; whatever its state. Owner's thread. */
void octavo_calls_free(octavo_slot *slot);
/* From open to expired: 1, and the caller may be answered. 0: its completion is already on the way. */
int octavo_calls_expire(octavo_slot *slot);
/* The same by handle, for a direct table, whose slots may be other calls' by now: 1, and `waiter` is the
   slot's, which has none any more; or 0. */
int octavo_calls_give_up(octavo_call call, void *OCTAVO_NULLABLE *OCTAVO_NONNULL waiter);
/* Ends a call of a direct table in the plugin's place: the slot, to be freed, or NULL when it has ended. */
octavo_slot *OCTAVO_NULLABLE octavo_calls_take(octavo_call call);
/* Frees the slots of an instance that was destroyed and can't complete them any more; for a direct table. */
void octavo_calls_forget(octavo_calls *calls, const octavo_instance *instance);
/* Hands over what other threads have delivered to sources of the table, and then what they have completed. Owner's
   thread. */
void octavo_calls_drain(octavo_calls *calls);
/* Slot `index` of the table; it must have been opened before. Owner's thread. */
octavo_slot *octavo_calls_slot(octavo_calls *calls, uint32_t index);
/* Slots in use: open, done or expired. */
uint32_t octavo_calls_in_use(const octavo_calls *calls);

/* The host functions of calls; see octavo_host. */
int32_t octavo_calls_complete(octavo_call call, const octavo_error *OCTAVO_NULLABLE error,
                              const void *OCTAVO_NULLABLE reply);
int32_t octavo_calls_reply_buffer(octavo_call call, uint64_t size, octavo_buffer *out);
int64_t octavo_calls_deadline(octavo_call call);
int32_t octavo_calls_is_open(octavo_call call);
/* The waiter of a call that has not ended, else NULL. A hint: it may end meanwhile. */
void *OCTAVO_NULLABLE octavo_calls_waiter(octavo_call call);

/* What a crash report says of a call. */
typedef struct octavo_call_facts {
    void *OCTAVO_NULLABLE waiter; /* NULL: it has ended */
    uint32_t instance;            /* octavo_instance_set_number's */
    uint32_t op;
    uint32_t tracked;             /* the owner's */
} octavo_call_facts;
/* For a signal handler. */
octavo_call_facts octavo_calls_facts(octavo_call call);
/* Bytes of its request, flattened; 0 when it has ended or its request can't be read. For a signal handler, and at its
   end: the plugin may have spoilt what is read. */
uint64_t octavo_calls_request_bytes(octavo_call call);

/* Completions that came too late, twice, or for no call, since the process began. Those that come from a
   thread of an instance are counted there, too: by then the slot may be another plugin's. */
uint64_t octavo_calls_stale_total(void);

/* Whether the slot is still that call's, and nobody has completed it or given up on it. */
static inline int octavo_slot_is_open(const octavo_slot *slot, octavo_call call) {
    return __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE) == ((call >> 32) << 8 | OCTAVO_SLOT_OPEN);
}

/* Whether the owner has not been told of the call's end yet. Owner's thread. */
static inline int octavo_slot_is_pending(const octavo_slot *slot, octavo_call call) {
    uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_RELAXED);
    return word >> 8 == call >> 32 && (word & 0xff) != OCTAVO_SLOT_FREE;
}

static inline uint32_t octavo_slot_state(const octavo_slot *slot) {
    return (uint32_t)(__atomic_load_n(&slot->word, __ATOMIC_ACQUIRE) & 0xff);
}

OCTAVO_END

#endif
