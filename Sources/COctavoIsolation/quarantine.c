/*
 * Requests that kill. A request is known by its fingerprint: component, operation, and a hash of the key,
 * topic, name or path that it is about. What a process died of gets a strike; when that is not known, all calls
 * that it had begun get half of one. Two strikes within ten minutes: no request like it is given to the plugin
 * for ten minutes, twice as long each time, at most a day.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "isolated.h"

#define MINUTE 60000000000ll
#define WINDOW_NS (10 * MINUTE)
#define FIRST_NS (10 * MINUTE)
#define LONGEST_NS (24 * 60 * MINUTE)
#define STRIKES (2 * 2) /* in halves */

static const uint64_t basis = 0xcbf29ce484222325ull;

/* FNV-1a: it tells keys apart; somebody who makes two alike has only his own requests refused. */
static uint64_t mixed(uint64_t hash, const void *data, uint64_t size) {
    const uint8_t *bytes = data;
    uint64_t i;
    for (i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 0x100000001b3ull;
    return hash;
}

/* The text at `at` of a frame that we have written ourselves. */
static uint64_t mixed_text(uint64_t hash, const uint8_t *frame, uint64_t length, const uint8_t *at) {
    uint64_t slice[2];
    memcpy(slice, at, sizeof slice);
    if (slice[0] > length || slice[1] > length - slice[0]) return hash;
    hash = mixed(hash, &slice[1], sizeof slice[1]);
    return mixed(hash, frame + slice[0], slice[1]);
}

/* What the structure is about: its first text, or the first text of each of its first list. */
static uint64_t mixed_subject(uint64_t hash, const uint8_t *frame, uint64_t length, const octavo_layout *layout, const uint8_t *at) {
    const octavo_member *member = layout->members;
    octavo_list list;
    uint32_t i, count = layout->member_count;
    if (count && member->element == &octavo_layout_head) member++, count--;
    if (!count || (uint64_t)(at - frame) + layout->size > length) return hash;
    switch (member->kind) {
    case OCTAVO_MEMBER_STR:
    case OCTAVO_MEMBER_BYTES: return mixed_text(hash, frame, length, at + member->offset);
    case OCTAVO_MEMBER_STRUCT: return mixed_subject(hash, frame, length, member->element, at + member->offset);
    default: break;
    }
    memcpy(&list, at + member->offset, sizeof list);
    for (i = 0; i < list.count; i++) {
        uint64_t place = (uint64_t)(uintptr_t)list.items + (uint64_t)i * list.stride;
        if (place > length) break;
        hash = mixed_subject(hash, frame, length, member->element, frame + place);
    }
    return hash;
}

/* A filter's message is about its path, too: the method alone would set a whole API apart. Not the query, which whoever repeats a
 * request changes most easily. */
static uint64_t mixed_path(uint64_t hash, const uint8_t *frame, uint64_t length) {
    uint64_t slice[2];
    const uint8_t *query;
    if (length < sizeof(octavo_filter_message)) return hash;
    memcpy(slice, frame + offsetof(octavo_filter_message, path), sizeof slice);
    if (slice[0] > length || slice[1] > length - slice[0]) return hash;
    query = memchr(frame + slice[0], '?', slice[1]);
    return mixed(hash, frame + slice[0], query ? (uint64_t)(query - (frame + slice[0])) : slice[1]);
}

uint64_t quarantine_fingerprint(uint64_t component, int32_t kind, uint32_t op, const uint8_t *frame, uint64_t length) {
    uint64_t hash = mixed(mixed(basis, &component, sizeof component), &op, sizeof op);
    if (kind == OCTAVO_KIND_FILTER) hash = mixed_path(hash, frame, length);
    hash = mixed_subject(hash, frame, length, octavo_kind_at(kind)->ops[op].request, frame);
    return hash ? hash : 1;
}

uint64_t quarantine_name(octavo_str component) { return mixed(basis, component.data, component.size); }

static octavo_quarantined *find(quarantine *all, uint64_t fingerprint) {
    uint32_t i;
    for (i = 0; i < all->count; i++)
        if (all->entries[i].fingerprint == fingerprint) return &all->entries[i];
    return NULL;
}

/* A free entry; the one that was struck longest ago makes room. */
static octavo_quarantined *make_room(quarantine *all) {
    uint32_t i, oldest = 0;
    if (all->count < OCTAVO_QUARANTINE_MAX) return &all->entries[all->count++];
    for (i = 1; i < all->count; i++)
        if (all->entries[i].struck_ns < all->entries[oldest].struck_ns) oldest = i;
    return &all->entries[oldest];
}

static void count_held(quarantine *all, int64_t now) {
    uint32_t i, held = 0;
    for (i = 0; i < all->count; i++) held += all->entries[i].until_ns > now;
    __atomic_store_n(&all->held, held, __ATOMIC_RELEASE);
}

void quarantine_strike(octavo_isolated *isolated, uint32_t instance, int32_t kind, uint32_t op, const uint8_t *frame, uint64_t length,
                       uint32_t halves, int64_t now) {
    quarantine *all = &isolated->quarantine;
    octavo_quarantined *entry;
    octavo_str name = {NULL, 0};
    uint64_t fingerprint;
    const proxy *it;
    pthread_mutex_lock(&isolated->lock);
    it = instance < MAX_INSTANCES ? isolated->proxies[instance] : NULL;
    if (it && it->config) name = it->config->component;
    fingerprint = quarantine_fingerprint(quarantine_name(name), kind, op, frame, length);
    entry = find(all, fingerprint);
    if (!entry) {
        entry = make_room(all);
        memset(entry, 0, sizeof *entry);
        entry->fingerprint = fingerprint;
        entry->kind = kind;
        entry->op = op;
        if (name.size) memcpy(entry->component, name.data, name.size < sizeof entry->component ? name.size : sizeof entry->component - 1);
    }
    if (now - entry->struck_ns > WINDOW_NS) entry->halves = 0;
    entry->struck_ns = now;
    entry->halves += halves;
    entry->deaths++;
    if (entry->halves >= STRIKES) {
        entry->halves = 0;
        entry->pause_ns = entry->pause_ns ? entry->pause_ns * 2 : FIRST_NS;
        if (entry->pause_ns > LONGEST_NS) entry->pause_ns = LONGEST_NS;
        entry->until_ns = now + entry->pause_ns;
    }
    count_held(all, now);
    pthread_mutex_unlock(&isolated->lock);
}

int64_t quarantine_left(octavo_isolated *isolated, uint64_t fingerprint, int64_t now) {
    const octavo_quarantined *entry;
    int64_t left = 0;
    pthread_mutex_lock(&isolated->lock);
    entry = find(&isolated->quarantine, fingerprint);
    if (entry && entry->until_ns > now) left = entry->until_ns - now;
    else count_held(&isolated->quarantine, now);
    pthread_mutex_unlock(&isolated->lock);
    return left;
}

uint32_t octavo_isolated_quarantine(octavo_isolated *isolated, octavo_quarantined *out, uint32_t room) {
    struct timespec time;
    uint32_t i, count = 0;
    int64_t now;
    clock_gettime(CLOCK_MONOTONIC, &time);
    now = (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
    pthread_mutex_lock(&isolated->lock);
    for (i = 0; i < isolated->quarantine.count && count < room; i++)
        if (isolated->quarantine.entries[i].until_ns > now) out[count++] = isolated->quarantine.entries[i];
    pthread_mutex_unlock(&isolated->lock);
    return count;
}

uint32_t octavo_isolated_release(octavo_isolated *isolated, uint64_t fingerprint) {
    quarantine *all = &isolated->quarantine;
    uint32_t i, released = 0;
    pthread_mutex_lock(&isolated->lock);
    for (i = 0; i < all->count; i++) {
        if (fingerprint && all->entries[i].fingerprint != fingerprint) continue;
        released += all->entries[i].until_ns != 0;
        all->entries[i--] = all->entries[--all->count];
    }
    count_held(all, 0);
    pthread_mutex_unlock(&isolated->lock);
    return released;
}
