#include "octavo_calls.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "instance.h"
#include "octavo_ring.h"
#include "octavo_sources.h"

/* A completion from another thread: what it carries is flattened behind it. */
typedef struct completion {
    struct completion *next;
    octavo_slot *slot;
    const octavo_error *error;
    const void *reply;
    uint64_t reserved; /* keeps `flat` 16-aligned */
    uint8_t flat[];
} completion;

struct octavo_calls {
    octavo_slot *blocks[OCTAVO_CALLS_MAX_BLOCKS]; /* atomic */
    uint32_t index;
    uint32_t max_slots;
    uint32_t made;   /* slots that were ever free */
    uint32_t in_use;
    uint32_t free;   /* first of the list of free slots */
    int active;      /* atomic */
    void *owner;
    octavo_deliver_fn deliver;
    octavo_wake_fn wake;
    completion *inbox; /* atomic; newest first */
    pthread_mutex_t lock; /* of a direct table */
};

static octavo_calls *tables[OCTAVO_CALLS_MAX_TABLES]; /* atomic; never freed */
static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t stale_total;
static _Thread_local octavo_calls *bound;

/* Handle: generation (32 bits), table (8), slot (24). */
static octavo_call handle_of(const octavo_slot *slot) {
    uint64_t generation = __atomic_load_n(&slot->word, __ATOMIC_RELAXED) >> 8;
    return generation << 32 | (uint64_t)slot->table->index << 24 | slot->index;
}

static octavo_slot *slot_of(octavo_call call) {
    octavo_calls *calls = __atomic_load_n(&tables[call >> 24 & 0xff], __ATOMIC_ACQUIRE);
    uint32_t index = (uint32_t)(call & 0xffffff);
    octavo_slot *block;
    if (!calls || index >= OCTAVO_CALLS_BLOCK * OCTAVO_CALLS_MAX_BLOCKS) return NULL;
    block = __atomic_load_n(&calls->blocks[index / OCTAVO_CALLS_BLOCK], __ATOMIC_ACQUIRE);
    return block ? &block[index % OCTAVO_CALLS_BLOCK] : NULL;
}

static int32_t stale(void) {
    __atomic_add_fetch(&stale_total, 1, __ATOMIC_RELAXED);
    if (octavo_running && octavo_running->stale) __atomic_add_fetch(octavo_running->stale, 1, __ATOMIC_RELAXED);
    return OCTAVO_STALE;
}

static uint64_t word_of(octavo_call call, uint32_t state) { return (call >> 32) << 8 | state; }

/* Whether the slot still is this call's, answered or not. */
static int is_current(const octavo_slot *slot, octavo_call call) {
    uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);
    uint32_t state = (uint32_t)(word & 0xff);
    return word >> 8 == call >> 32 && state != OCTAVO_SLOT_FREE && state != OCTAVO_SLOT_DONE;
}

uint64_t octavo_calls_stale_total(void) { return __atomic_load_n(&stale_total, __ATOMIC_RELAXED); }

static int is_direct(const octavo_calls *calls) { return calls->wake == NULL; }

static octavo_slot *slot_at(octavo_calls *calls, uint32_t index) {
    return &calls->blocks[index / OCTAVO_CALLS_BLOCK][index % OCTAVO_CALLS_BLOCK];
}

octavo_calls *octavo_calls_new(void *owner, octavo_deliver_fn deliver, octavo_wake_fn wake, uint32_t max_slots) {
    octavo_calls *calls = NULL;
    uint32_t i;
    pthread_mutex_lock(&tables_lock);
    for (i = 0; i < OCTAVO_CALLS_MAX_TABLES; i++) {
        calls = tables[i];
        if (calls && __atomic_load_n(&calls->active, __ATOMIC_ACQUIRE)) continue;
        if (!calls) {
            calls = calloc(1, sizeof *calls);
            if (!calls) break;
            calls->index = i;
            calls->free = OCTAVO_CALLS_NONE;
            pthread_mutex_init(&calls->lock, NULL);
        }
        calls->owner = owner;
        calls->deliver = deliver;
        calls->wake = wake;
        calls->max_slots = max_slots < OCTAVO_CALLS_BLOCK * OCTAVO_CALLS_MAX_BLOCKS
                               ? max_slots : OCTAVO_CALLS_BLOCK * OCTAVO_CALLS_MAX_BLOCKS;
        __atomic_store_n(&calls->active, 1, __ATOMIC_RELEASE);
        __atomic_store_n(&tables[i], calls, __ATOMIC_RELEASE);
        break;
    }
    if (i == OCTAVO_CALLS_MAX_TABLES) calls = NULL;
    pthread_mutex_unlock(&tables_lock);
    return calls;
}

/* Frees a slot that nobody will complete. 0: somebody is completing it right now. */
static int drop(octavo_slot *slot) {
    uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);
    uint32_t state = (uint32_t)(word & 0xff);
    if (state == OCTAVO_SLOT_FREE) return 1;
    if (state != OCTAVO_SLOT_OPEN && state != OCTAVO_SLOT_EXPIRED) return 0;
    if (!__atomic_compare_exchange_n(&slot->word, &word, (word & ~0xffull) | OCTAVO_SLOT_DONE, 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) return 0;
    octavo_calls_free(slot);
    return 1;
}

void octavo_calls_retire(octavo_calls *calls) {
    uint32_t i;
    octavo_sources_retire(calls);
    /* The owner's list ends with it: a slot that is free keeps its place in the list of free ones. */
    for (i = 0; i < calls->made; i++) slot_at(calls, i)->tracked = 0;
    i = 0;
    while (i < calls->made) {
        if (drop(slot_at(calls, i))) {
            i++;
        } else {
            /* Its completion is a few instructions away from the inbox. */
            octavo_calls_drain(calls);
            sched_yield();
        }
    }
    if (bound == calls) bound = NULL;
    __atomic_store_n(&calls->active, 0, __ATOMIC_RELEASE);
}

void octavo_calls_forget(octavo_calls *calls, const octavo_instance *instance) {
    uint32_t i;
    for (i = 0; i < __atomic_load_n(&calls->made, __ATOMIC_ACQUIRE); i++) {
        octavo_slot *slot = slot_at(calls, i);
        if (__atomic_load_n(&slot->instance, __ATOMIC_RELAXED) != instance) continue;
        if (octavo_slot_state(slot) == OCTAVO_SLOT_EXPIRED) drop(slot);
    }
}

void octavo_calls_bind(octavo_calls *calls) { bound = calls; }
int octavo_calls_is_bound(const octavo_calls *calls) { return bound == calls; }
void octavo_calls_wake(octavo_calls *calls) { calls->wake(calls->owner); }
uint32_t octavo_calls_index(const octavo_calls *calls) { return calls->index; }
void *octavo_calls_owner(const octavo_calls *calls) { return calls->owner; }
uint32_t octavo_calls_in_use(const octavo_calls *calls) { return __atomic_load_n(&calls->in_use, __ATOMIC_RELAXED); }

octavo_slot *octavo_calls_slot(octavo_calls *calls, uint32_t index) { return slot_at(calls, index); }

static octavo_slot *make_slot(octavo_calls *calls) {
    octavo_slot *block, *slot;
    uint32_t index = calls->made;
    if (index % OCTAVO_CALLS_BLOCK == 0) {
        block = calloc(OCTAVO_CALLS_BLOCK, sizeof *block);
        if (!block) return NULL;
        __atomic_store_n(&calls->blocks[index / OCTAVO_CALLS_BLOCK], block, __ATOMIC_RELEASE);
    }
    slot = slot_at(calls, index);
    slot->index = index;
    slot->table = calls;
    slot->frame = slot->own_frame;
    slot->frame_size = sizeof slot->own_frame;
    /* Generations begin at 1, so that handle 0 is never a call. */
    __atomic_store_n(&slot->word, 1ull << 8 | OCTAVO_SLOT_FREE, __ATOMIC_RELAXED);
    __atomic_store_n(&calls->made, index + 1, __ATOMIC_RELEASE);
    return slot;
}

octavo_slot *octavo_calls_open(octavo_calls *calls, uint64_t bytes) {
    octavo_slot *slot = NULL;
    if (is_direct(calls)) pthread_mutex_lock(&calls->lock);
    if (calls->free != OCTAVO_CALLS_NONE) {
        slot = slot_at(calls, calls->free);
        calls->free = slot->next;
    } else if (calls->made < calls->max_slots) {
        slot = make_slot(calls);
    }
    if (slot) __atomic_store_n(&calls->in_use, calls->in_use + 1, __ATOMIC_RELAXED);
    if (is_direct(calls)) pthread_mutex_unlock(&calls->lock);
    if (!slot) return NULL;
    slot->next = slot->previous = OCTAVO_CALLS_NONE;
    if (bytes > sizeof slot->own_frame) {
        slot->frame = malloc(bytes);
        if (!slot->frame) {
            slot->frame = slot->own_frame;
            octavo_calls_free(slot);
            return NULL;
        }
        slot->frame_size = bytes;
    }
    slot->call = handle_of(slot);
    __atomic_store_n(&slot->word, (__atomic_load_n(&slot->word, __ATOMIC_RELAXED) & ~0xffull) | OCTAVO_SLOT_OPEN, __ATOMIC_RELEASE);
    return slot;
}

void octavo_calls_free(octavo_slot *slot) {
    octavo_calls *calls = slot->table;
    uint64_t generation = (__atomic_load_n(&slot->word, __ATOMIC_RELAXED) >> 8) + 1;
    if (slot->frame != slot->own_frame) {
        free(slot->frame);
        slot->frame = slot->own_frame;
        slot->frame_size = sizeof slot->own_frame;
    }
    if (slot->reply_buffer) {
        free(__atomic_exchange_n(&slot->reply_buffer, NULL, __ATOMIC_ACQ_REL));
        slot->reply_buffer_size = 0;
    }
    slot->waiter = NULL;
    slot->held = 0;
    slot->tracked = 0;
    __atomic_store_n(&slot->instance, NULL, __ATOMIC_RELAXED);
    slot->deadline_ns = slot->opened_ns = slot->expired_ns = 0;
    if (is_direct(calls)) pthread_mutex_lock(&calls->lock);
    __atomic_store_n(&slot->word, generation << 8 | OCTAVO_SLOT_FREE, __ATOMIC_RELEASE);
    __atomic_store_n(&calls->in_use, calls->in_use - 1, __ATOMIC_RELAXED);
    /* A slot whose generation would wrap is retired: its handles would come true again. */
    if (generation < UINT32_MAX) {
        slot->next = calls->free;
        calls->free = slot->index;
    }
    if (is_direct(calls)) pthread_mutex_unlock(&calls->lock);
}

int octavo_calls_expire(octavo_slot *slot) {
    uint64_t open = (__atomic_load_n(&slot->word, __ATOMIC_RELAXED) & ~0xffull) | OCTAVO_SLOT_OPEN;
    return __atomic_compare_exchange_n(&slot->word, &open, (open & ~0xffull) | OCTAVO_SLOT_EXPIRED, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

int octavo_calls_give_up(octavo_call call, void **waiter) {
    octavo_slot *slot = slot_of(call);
    uint64_t open = word_of(call, OCTAVO_SLOT_OPEN);
    if (!slot) return 0;
    /* While it is busy nobody else can end the call, so the waiter has one taker. */
    if (!__atomic_compare_exchange_n(&slot->word, &open, word_of(call, OCTAVO_SLOT_BUSY), 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) return 0;
    *waiter = slot->waiter;
    slot->waiter = NULL;
    __atomic_store_n(&slot->word, word_of(call, OCTAVO_SLOT_EXPIRED), __ATOMIC_RELEASE);
    return 1;
}

octavo_slot *octavo_calls_take(octavo_call call) {
    octavo_slot *slot = slot_of(call);
    uint64_t open = word_of(call, OCTAVO_SLOT_OPEN);
    if (!slot) return NULL;
    return __atomic_compare_exchange_n(&slot->word, &open, word_of(call, OCTAVO_SLOT_DONE), 0, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED) ? slot : NULL;
}

/* An error of ours in place of a reply that breaks the rules. */
static void breach(octavo_error *error, const char *message) {
    memset(error, 0, sizeof *error);
    error->size = sizeof *error;
    error->code = OCTAVO_CODE_INTERNAL;
    error->flags = OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT;
    error->reason = octavo_text("PLUGIN_BREACH");
    error->message = octavo_text(message);
}

/* Replies of an older or newer minor version are brought to the size that this build knows. */
static int same_version(const octavo_layout *layout, const void *structure) {
    uint32_t size;
    memcpy(&size, structure, sizeof size);
    return size >= layout->size;
}

static completion *flat_completion(octavo_slot *slot, const octavo_layout *layout, const void *structure) {
    uint64_t size = octavo_flat_size(layout, structure);
    completion *node;
    if (size == OCTAVO_FLAT_INVALID) return NULL;
    node = malloc(sizeof *node + size);
    if (!node) return NULL;
    node->slot = slot;
    node->error = NULL;
    node->reply = NULL;
    if (octavo_flatten(layout, structure, node->flat, size, 0) == OCTAVO_FLAT_INVALID) {
        free(node);
        return NULL;
    }
    return node;
}

/* Wins the right to end the call: OPEN to DONE. 1 won, 0 lost, -1 it had expired (now DONE too). */
static int claim(octavo_slot *slot, octavo_call call) {
    uint64_t done = word_of(call, OCTAVO_SLOT_DONE);
    for (;;) {
        uint64_t word = word_of(call, OCTAVO_SLOT_OPEN);
        if (__atomic_compare_exchange_n(&slot->word, &word, done, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return 1;
        if (word == word_of(call, OCTAVO_SLOT_EXPIRED)) {
            if (__atomic_compare_exchange_n(&slot->word, &word, done, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return -1;
        } else if (word == word_of(call, OCTAVO_SLOT_BUSY)) {
            sched_yield();
        } else {
            return 0;
        }
    }
}

static int32_t deliver_here(octavo_slot *slot, const octavo_error *error, const void *reply, int32_t answer) {
    octavo_calls *calls = slot->table;
    const octavo_layout *layout = error ? &octavo_layout_error : slot->info ? slot->info->reply : NULL;
    const void *structure = error ? (const void *)error : reply;
    completion *flat = NULL;
    if (structure && layout && !same_version(layout, structure)) {
        flat = flat_completion(slot, layout, structure);
        if (flat && error) error = (const octavo_error *)flat->flat;
        if (flat && !error) reply = flat->flat;
    }
    calls->deliver(calls->owner, slot, error, reply);
    free(flat);
    return answer;
}

static void enqueue(octavo_calls *calls, completion *node) {
    completion *head = __atomic_load_n(&calls->inbox, __ATOMIC_RELAXED);
    do node->next = head;
    while (!__atomic_compare_exchange_n(&calls->inbox, &head, node, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    /* Whoever puts the first one in wakes; the rest of the batch rides along. */
    if (!head) calls->wake(calls->owner);
}

int32_t octavo_calls_complete(octavo_call call, const octavo_error *error, const void *reply) {
    octavo_slot *slot = slot_of(call);
    octavo_calls *calls;
    const octavo_layout *layout;
    const octavo_op *info;
    const void *structure;
    octavo_error rule;
    completion *node;
    uint32_t size = 0;
    int32_t answer = OCTAVO_OK;
    int won, here;

    if (!slot || !is_current(slot, call)) return stale();
    calls = slot->table;
    here = bound == calls || is_direct(calls);
    /* Of a handle that was made up it may be another call's, or just being written. */
    info = __atomic_load_n(&slot->info, __ATOMIC_RELAXED);
    layout = error ? &octavo_layout_error : info ? info->reply : NULL;
    /* The layout is this call's only if the slot did not change hands while it was read: a structure
       read by another operation's layout would be read beyond its end. */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (!is_current(slot, call)) return stale();
    structure = error ? (const void *)error : reply;
    if (structure) memcpy(&size, structure, sizeof size);
    if (structure && (!layout || size < layout->min_size)) {
        breach(&rule, error ? "the plugin gave an error structure that is too short"
                            : "the plugin gave a reply structure that is too short");
        structure = error = &rule;
        layout = &octavo_layout_error;
        answer = OCTAVO_INVALID;
    } else if (error && (error->code < OCTAVO_CODE_CANCELLED || error->code > OCTAVO_CODE_UNAUTHENTICATED)) {
        breach(&rule, "the plugin gave an error whose code is none of gRPC's");
        structure = error = &rule;
        answer = OCTAVO_INVALID;
    }
    if (here) {
        won = claim(slot, call);
        if (won == 0) return stale();
        if (won < 0) {
            stale();
            calls->deliver(calls->owner, slot, NULL, NULL);
            return OCTAVO_STALE;
        }
        return deliver_here(slot, error, error ? NULL : reply, answer);
    }

    node = structure ? flat_completion(slot, layout, structure) : malloc(sizeof *node);
    if (!node) {
        breach(&rule, "the plugin gave a reply that can't be copied: a slice without data, a list that is too "
                      "long, or more than the memory holds");
        error = &rule;
        answer = OCTAVO_INVALID;
        node = flat_completion(slot, &octavo_layout_error, &rule);
        if (!node) return OCTAVO_NO_MEMORY; /* the caller's deadline ends the call */
        structure = &rule;
    }
    node->slot = slot;
    node->error = error ? (const octavo_error *)node->flat : NULL;
    node->reply = !error && structure ? node->flat : NULL;
    won = claim(slot, call);
    if (won == 0) {
        free(node);
        return stale();
    }
    if (won < 0) {
        node->error = NULL;
        node->reply = NULL;
        answer = stale();
    }
    enqueue(calls, node);
    return answer;
}

void octavo_calls_drain(octavo_calls *calls) {
    completion *node, *in_order = NULL, *next;
    /* A wake-up that was on its way when the table went to another loop. */
    if (bound != calls) return;
    /* A message that was delivered before a call of its source ended comes before that end. */
    octavo_sources_drain(calls);
    node = __atomic_exchange_n(&calls->inbox, NULL, __ATOMIC_ACQUIRE);
    for (; node; node = next) {
        next = node->next;
        node->next = in_order;
        in_order = node;
    }
    for (node = in_order; node; node = next) {
        next = node->next;
        calls->deliver(calls->owner, node->slot, node->error, node->reply);
        free(node);
    }
}

int32_t octavo_calls_reply_buffer(octavo_call call, uint64_t size, octavo_buffer *out) {
    octavo_slot *slot = slot_of(call);
    uint8_t *memory, *none = NULL;
    if (!slot || !octavo_calls_is_open(call)) return OCTAVO_STALE;
    if (size > OCTAVO_REPLY_BUFFER_MAX) return OCTAVO_TOO_LARGE;
    memory = malloc(size ? size : 1);
    if (!memory) return OCTAVO_NO_MEMORY;
    if (!__atomic_compare_exchange_n(&slot->reply_buffer, &none, memory, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        free(memory);
        return OCTAVO_INVALID;
    }
    slot->reply_buffer_size = size;
    out->data = memory;
    out->size = size;
    return OCTAVO_OK;
}

void *octavo_calls_waiter(octavo_call call) {
    octavo_slot *slot = slot_of(call);
    return slot && is_current(slot, call) ? slot->waiter : NULL;
}

octavo_call_facts octavo_calls_facts(octavo_call call) {
    octavo_call_facts facts = {NULL, 0, 0, 0};
    octavo_slot *slot = slot_of(call);
    if (!slot) return facts;
    facts.instance = slot->instance ? slot->instance->number : 0;
    facts.op = slot->op;
    facts.tracked = slot->tracked;
    if (is_current(slot, call)) facts.waiter = slot->waiter;
    return facts;
}

uint64_t octavo_calls_request_bytes(octavo_call call) {
    octavo_slot *slot = slot_of(call);
    uint64_t bytes;
    if (!slot || !is_current(slot, call) || !slot->info) return 0;
    bytes = octavo_flat_size(slot->info->request, slot->frame);
    return bytes == OCTAVO_FLAT_INVALID ? 0 : bytes;
}

int64_t octavo_calls_deadline(octavo_call call) {
    octavo_slot *slot = slot_of(call);
    return slot && octavo_calls_is_open(call) ? slot->deadline_ns : 0;
}

int32_t octavo_calls_is_open(octavo_call call) {
    octavo_slot *slot = slot_of(call);
    return slot && octavo_slot_is_open(slot, call);
}
