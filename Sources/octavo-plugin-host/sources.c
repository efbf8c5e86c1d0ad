/*
 * Sources of the runtime that plugins here deliver to. Their handles are the runtime's; what is known of one comes
 * with the requests that open it and give it credit. The runtime checks both again.
 */
#include <octavo_source_kinds.h>
#include <octavo_sources.h>
#include <stdlib.h>
#include <string.h>

#include "serve.h"

#define TABLES 256u
#define ALL (INT64_MAX / 2)

typedef struct known {
    octavo_source source; /* atomic */
    int64_t credit;       /* atomic */
    const octavo_source_kind *kind; /* atomic */
} known;

/* Of one event loop of the runtime. */
typedef struct source_table {
    uint32_t channel;
    known slots[OCTAVO_SOURCES_MAX];
} source_table;

static source_table *tables[TABLES]; /* atomic; made by the dispatcher, never freed */

static known *slot_of(octavo_source source, uint32_t *channel) {
    source_table *table = __atomic_load_n(&tables[source >> 24 & 0xff], __ATOMIC_ACQUIRE);
    uint32_t index = (uint32_t)(source & 0xffffff);
    if (!table || index >= OCTAVO_SOURCES_MAX) return NULL;
    *channel = table->channel;
    return &table->slots[index];
}

static void note_open(const octavo_source_kind *kind, octavo_source source, uint32_t channel) {
    source_table *table = __atomic_load_n(&tables[source >> 24 & 0xff], __ATOMIC_ACQUIRE);
    known *slot;
    if (!table) {
        table = calloc(1, sizeof *table);
        if (!table) return; /* the plugin's deliveries are STALE */
        table->channel = channel;
        __atomic_store_n(&tables[source >> 24 & 0xff], table, __ATOMIC_RELEASE);
    }
    if ((source & 0xffffff) >= OCTAVO_SOURCES_MAX) return;
    slot = &table->slots[source & 0xffffff];
    __atomic_store_n(&slot->source, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->credit, kind->credit == OCTAVO_NO_OP ? ALL : 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->kind, kind, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->source, source, __ATOMIC_RELEASE);
}

static void note_credit(octavo_source source, uint32_t messages) {
    uint32_t channel;
    known *slot = slot_of(source, &channel);
    if (!slot || __atomic_load_n(&slot->source, __ATOMIC_ACQUIRE) != source) return;
    if (messages) __atomic_add_fetch(&slot->credit, messages, __ATOMIC_RELEASE);
    else __atomic_store_n(&slot->credit, 0, __ATOMIC_RELEASE);
}

void sources_note(const octavo_kind *kind, uint32_t op, const void *request, uint32_t channel) {
    const octavo_source_kind *sources = octavo_source_kind_at(kind->kind);
    if (!sources) return;
    if ((int32_t)op == sources->open) note_open(sources, octavo_request_source(request), channel);
    else if ((int32_t)op == sources->credit)
        note_credit(octavo_request_source(request), ((const octavo_credit_request *)request)->messages);
}

int32_t sources_deliver(octavo_source source, uint64_t token, const void *message) {
    octavo_entry entry = {.call = source, .token = token, .kind = OCTAVO_ENTRY_MESSAGE};
    const octavo_source_kind *kind;
    uint32_t channel, size;
    int64_t credit;
    int32_t answer;
    known *slot = slot_of(source, &channel);
    if (!slot) return OCTAVO_STALE;
    if (!message) return OCTAVO_INVALID;
    /* Read before the handle: it is this source's only if the slot did not change hands meanwhile. */
    kind = __atomic_load_n(&slot->kind, __ATOMIC_ACQUIRE);
    credit = __atomic_load_n(&slot->credit, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&slot->source, __ATOMIC_ACQUIRE) != source) return OCTAVO_STALE;
    memcpy(&size, message, sizeof size);
    if (size < kind->message->min_size) return OCTAVO_INVALID;
    do {
        if (credit <= 0) return OCTAVO_NO_CREDIT;
    } while (!__atomic_compare_exchange_n(&slot->credit, &credit, credit - 1, 1, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    answer = dispatcher_send(channel, entry, kind->message, message);
    if (answer != OCTAVO_OK) __atomic_add_fetch(&slot->credit, 1, __ATOMIC_RELEASE);
    return answer;
}

int32_t sources_failed(octavo_source source, const octavo_error *error) {
    octavo_entry entry = {.call = source, .kind = OCTAVO_ENTRY_SOURCE_FAILED};
    uint32_t channel;
    known *slot = slot_of(source, &channel);
    if (!slot || __atomic_load_n(&slot->source, __ATOMIC_ACQUIRE) != source) return OCTAVO_STALE;
    if (!error || error->size < octavo_layout_error.min_size) return OCTAVO_INVALID;
    return dispatcher_send(channel, entry, &octavo_layout_error, error);
}
