#include "octavo_sources.h"

#include <stdlib.h>
#include <string.h>

#include "instance.h"
#include "octavo_ring.h"

#define OPEN 1u
/* More credit than anybody uses. */
#define ALL (INT64_MAX / 2)

typedef struct source_slot {
    uint64_t word;   /* generation << 8 | OPEN; atomic */
    int64_t credit;  /* atomic */
    const octavo_source_kind *kind; /* atomic */
    uint32_t queued;   /* atomic */
    uint32_t overrun;  /* atomic: a failure for that is on the way */
    octavo_instance *instance;
    void *context;
    octavo_message_fn message;
    octavo_source_end_fn end;
} source_slot;

/* Something from another thread: a message, or an error. What it carries is flattened behind it. */
typedef struct arrival {
    struct arrival *next;
    octavo_source source;
    uint64_t token;
    uint64_t is_end;
    uint8_t flat[];
} arrival;

typedef struct source_table {
    octavo_calls *calls;
    arrival *inbox; /* atomic; newest first */
    uint32_t next;  /* where to look for a free slot */
    uint32_t made;  /* slots that were ever used */
    source_slot slots[OCTAVO_SOURCES_MAX];
} source_table;

static source_table *tables[OCTAVO_CALLS_MAX_TABLES]; /* atomic; never freed */

/* Handle: generation (32 bits), table (8), slot (24), as of a call. */
static source_table *table_of(octavo_source source) {
    return __atomic_load_n(&tables[source >> 24 & 0xff], __ATOMIC_ACQUIRE);
}

static source_slot *slot_of(source_table *table, octavo_source source) {
    uint32_t index = (uint32_t)(source & 0xffffff);
    return table && index < OCTAVO_SOURCES_MAX ? &table->slots[index] : NULL;
}

static int is_open(const source_slot *slot, octavo_source source) {
    return __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE) == ((source >> 32) << 8 | OPEN);
}

static source_slot *open_slot(octavo_source source) {
    source_slot *slot = slot_of(table_of(source), source);
    return slot && is_open(slot, source) ? slot : NULL;
}

octavo_source octavo_source_open(octavo_calls *calls, const octavo_source_kind *kind, octavo_instance *instance, void *context,
                                 octavo_message_fn message, octavo_source_end_fn end) {
    uint32_t index = octavo_calls_index(calls), at, i;
    source_table *table = __atomic_load_n(&tables[index], __ATOMIC_ACQUIRE);
    source_slot *slot;
    uint64_t generation;
    if (!table) {
        /* Pages of slots that are never used are never touched. */
        table = calloc(1, sizeof *table);
        if (!table) return 0;
        table->calls = calls;
        __atomic_store_n(&tables[index], table, __ATOMIC_RELEASE);
    }
    for (i = 0; i < OCTAVO_SOURCES_MAX; i++) {
        at = (table->next + i) % OCTAVO_SOURCES_MAX;
        if (!(__atomic_load_n(&table->slots[at].word, __ATOMIC_RELAXED) & OPEN)) break;
    }
    if (i == OCTAVO_SOURCES_MAX) return 0;
    /* Those that were used are used again. */
    table->next = at + 1 < table->made ? at + 1 : 0;
    if (at >= table->made) table->made = at + 1;
    slot = &table->slots[at];
    generation = (__atomic_load_n(&slot->word, __ATOMIC_RELAXED) >> 8) + 1;
    if (!(uint32_t)generation) generation++;
    slot->instance = instance;
    slot->context = context;
    slot->message = message;
    slot->end = end;
    __atomic_store_n(&slot->queued, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->overrun, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->credit, kind->credit == OCTAVO_NO_OP ? ALL : 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->kind, kind, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->word, (uint64_t)(uint32_t)generation << 8 | OPEN, __ATOMIC_RELEASE);
    return (uint64_t)(uint32_t)generation << 32 | (uint64_t)index << 24 | at;
}

void octavo_source_close(octavo_source source) {
    source_slot *slot = open_slot(source);
    if (slot) __atomic_store_n(&slot->word, (source >> 32) << 8, __ATOMIC_RELEASE);
}

void octavo_source_grant(octavo_source source, uint32_t messages) {
    source_slot *slot = open_slot(source);
    if (slot) __atomic_add_fetch(&slot->credit, messages, __ATOMIC_RELEASE);
}

void octavo_source_pause(octavo_source source) {
    source_slot *slot = open_slot(source);
    if (slot) __atomic_store_n(&slot->credit, 0, __ATOMIC_RELEASE);
}

octavo_instance *octavo_source_instance(octavo_source source) {
    source_slot *slot = open_slot(source);
    return slot ? slot->instance : NULL;
}

uint32_t octavo_sources_of(const octavo_calls *calls, const octavo_instance *instance) {
    source_table *table = __atomic_load_n(&tables[octavo_calls_index(calls)], __ATOMIC_ACQUIRE);
    uint32_t i, count = 0;
    for (i = 0; table && i < table->made; i++)
        count += (__atomic_load_n(&table->slots[i].word, __ATOMIC_RELAXED) & OPEN) && table->slots[i].instance == instance;
    return count;
}

const octavo_source_kind *octavo_source_kind_of(octavo_source source, int32_t *is_here) {
    source_table *table = table_of(source);
    source_slot *slot = slot_of(table, source);
    const octavo_source_kind *kind;
    if (!slot) return NULL;
    kind = __atomic_load_n(&slot->kind, __ATOMIC_ACQUIRE);
    if (!is_open(slot, source)) return NULL;
    *is_here = octavo_calls_is_bound(table->calls);
    return kind;
}

/* Delivering */

static int32_t take_credit(source_slot *slot) {
    int64_t credit = __atomic_load_n(&slot->credit, __ATOMIC_ACQUIRE);
    do {
        if (credit <= 0) return OCTAVO_NO_CREDIT;
    } while (!__atomic_compare_exchange_n(&slot->credit, &credit, credit - 1, 1, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    return OCTAVO_OK;
}

static void give_back_credit(source_slot *slot) { __atomic_add_fetch(&slot->credit, 1, __ATOMIC_RELEASE); }

static void enqueue(source_table *table, arrival *node) {
    arrival *head = __atomic_load_n(&table->inbox, __ATOMIC_RELAXED);
    do node->next = head;
    while (!__atomic_compare_exchange_n(&table->inbox, &head, node, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    if (!head) octavo_calls_wake(table->calls);
}

static int32_t post(source_table *table, octavo_source source, uint64_t token, int is_end, const octavo_layout *layout,
                    const void *structure) {
    uint64_t size = octavo_flat_size(layout, structure);
    arrival *node;
    if (size == OCTAVO_FLAT_INVALID) return OCTAVO_INVALID;
    if (size > OCTAVO_REPLY_BUFFER_MAX) return OCTAVO_TOO_LARGE;
    node = malloc(sizeof *node + size);
    if (!node) return OCTAVO_NO_MEMORY;
    if (octavo_flatten(layout, structure, node->flat, size, 0) == OCTAVO_FLAT_INVALID) {
        free(node);
        return OCTAVO_INVALID;
    }
    node->source = source;
    node->token = token;
    node->is_end = (uint64_t)is_end;
    enqueue(table, node);
    return OCTAVO_OK;
}

static void post_overrun(source_table *table, octavo_source source, source_slot *slot) {
    octavo_error error;
    if (__atomic_exchange_n(&slot->overrun, 1, __ATOMIC_ACQ_REL)) return;
    memset(&error, 0, sizeof error);
    error.size = sizeof error;
    error.code = OCTAVO_CODE_RESOURCE_EXHAUSTED;
    error.reason = octavo_text("SOURCE_OVERRUN");
    error.message = octavo_text("changes come faster than they are taken; the source is opened again");
    if (post(table, source, 0, 1, &octavo_layout_error, &error) != OCTAVO_OK) __atomic_store_n(&slot->overrun, 0, __ATOMIC_RELEASE);
}

int32_t octavo_sources_deliver(octavo_source source, uint64_t token, const void *message) {
    source_table *table = table_of(source);
    source_slot *slot = slot_of(table, source);
    const octavo_source_kind *kind;
    uint32_t size;
    int32_t answer;
    if (!slot || !message) return slot ? OCTAVO_INVALID : OCTAVO_STALE;
    /* Read before the word: the kind is this source's only if the slot did not change hands meanwhile. */
    kind = __atomic_load_n(&slot->kind, __ATOMIC_ACQUIRE);
    if (!is_open(slot, source)) return OCTAVO_STALE;
    memcpy(&size, message, sizeof size);
    if (size < kind->message->min_size) return OCTAVO_INVALID;
    answer = take_credit(slot);
    if (answer != OCTAVO_OK) return answer;
    if (octavo_calls_is_bound(table->calls) && !__atomic_load_n(&slot->queued, __ATOMIC_ACQUIRE) && size >= kind->message->size) {
        slot->message(slot->context, token, message);
        return OCTAVO_OK;
    }
    if (__atomic_add_fetch(&slot->queued, 1, __ATOMIC_ACQ_REL) > OCTAVO_SOURCE_QUEUE && kind->credit == OCTAVO_NO_OP) {
        post_overrun(table, source, slot);
        answer = OCTAVO_NO_CREDIT;
    } else {
        answer = post(table, source, token, 0, kind->message, message);
    }
    if (answer == OCTAVO_OK) return OCTAVO_OK;
    __atomic_sub_fetch(&slot->queued, 1, __ATOMIC_RELEASE);
    give_back_credit(slot);
    return answer;
}

int32_t octavo_sources_failed(octavo_source source, const octavo_error *error) {
    source_table *table = table_of(source);
    source_slot *slot = slot_of(table, source);
    if (!slot || !is_open(slot, source)) return OCTAVO_STALE;
    if (!error || error->size < octavo_layout_error.min_size) return OCTAVO_INVALID;
    /* Never at once: what was delivered before comes first, and the plugin may hold a lock. */
    return post(table, source, 0, 1, &octavo_layout_error, error);
}

/* Taking */

static void arrive(source_table *table, arrival *node) {
    source_slot *slot = slot_of(table, node->source);
    /* It was closed meanwhile. */
    if (!is_open(slot, node->source)) return;
    if (node->is_end) {
        slot->end(slot->context, (const octavo_error *)(const void *)node->flat);
        return;
    }
    __atomic_sub_fetch(&slot->queued, 1, __ATOMIC_RELEASE);
    slot->message(slot->context, node->token, node->flat);
}

void octavo_sources_drain(const octavo_calls *calls) {
    source_table *table = __atomic_load_n(&tables[octavo_calls_index(calls)], __ATOMIC_ACQUIRE);
    arrival *node, *in_order = NULL, *next;
    if (!table || !__atomic_load_n(&table->inbox, __ATOMIC_RELAXED)) return;
    node = __atomic_exchange_n(&table->inbox, NULL, __ATOMIC_ACQUIRE);
    for (; node; node = next) {
        next = node->next;
        node->next = in_order;
        in_order = node;
    }
    for (node = in_order; node; node = next) {
        next = node->next;
        arrive(table, node);
        free(node);
    }
}

void octavo_sources_retire(const octavo_calls *calls) {
    source_table *table = __atomic_load_n(&tables[octavo_calls_index(calls)], __ATOMIC_ACQUIRE);
    uint32_t i;
    if (!table) return;
    for (i = 0; i < table->made; i++) {
        uint64_t word = __atomic_load_n(&table->slots[i].word, __ATOMIC_RELAXED);
        __atomic_store_n(&table->slots[i].word, word & ~(uint64_t)OPEN, __ATOMIC_RELEASE);
    }
    octavo_sources_drain(calls);
}
