/* One event loop's part: puts requests into its channel and takes replies out. No locks: the loop alone is here. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "isolated.h"
#include "octavo_sources.h"

#define SMALL_AREA ((uint64_t)MAX_CALLS * SMALL_FRAME)
/* What a repeated call must have left of its time. */
#define REPLAY_NS 50000000
/* After a memory fault the helper's own count may be wrong by a little. */
#define FAULT_MARGIN 64

OCTAVO_STATIC_ASSERT(SMALL_AREA < AREA, "there is room for large frames");
OCTAVO_STATIC_ASSERT((1024ull << LARGE_CLASSES) / 2 <= AREA - SMALL_AREA, "the largest frame fits");

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

octavo_error isolation_error(int32_t code, const char *reason, const char *message) {
    octavo_error error;
    memset(&error, 0, sizeof error);
    error.size = sizeof error;
    error.code = code;
    error.reason = octavo_text(reason);
    error.message = octavo_text(message);
    return error;
}

static void fail(octavo_call call, int32_t code, uint32_t flags, const char *reason, const char *message) {
    octavo_error error = isolation_error(code, reason, message);
    error.flags = flags;
    octavo_calls_complete(call, &error, NULL);
}

static uint32_t slot_of(octavo_call call) { return (uint32_t)(call & (MAX_CALLS - 1)); }

/* Frames */

static uint32_t class_of(uint64_t length) {
    uint32_t class = 0;
    while (class < LARGE_CLASSES && (1024ull << class) < length) class++;
    return class;
}

/* A place for a request; 0 when there is none. `large`: class + 1, 0 for a small one. */
static int place(loop_state *loop, octavo_call call, uint64_t length, uint64_t *at, uint8_t *large) {
    uint32_t class;
    uint64_t size;
    if (length <= SMALL_FRAME) {
        *at = (uint64_t)slot_of(call) * SMALL_FRAME;
        *large = 0;
        return 1;
    }
    class = class_of(length);
    if (class == LARGE_CLASSES) return 0;
    *large = (uint8_t)(class + 1);
    if (loop->large[class].count) {
        *at = loop->large[class].items[--loop->large[class].count];
        return 1;
    }
    size = 1024ull << class;
    if (size > AREA - loop->large_end) return 0;
    if (loop->large[class].room == loop->large[class].count) {
        /* Room to give it back is made before it is taken. */
        uint32_t room = loop->large[class].room ? loop->large[class].room * 2 : 16;
        uint64_t *items = realloc(loop->large[class].items, room * sizeof *items);
        if (!items) return 0;
        loop->large[class].items = items;
        loop->large[class].room = room;
    }
    *at = loop->large_end;
    loop->large_end += size;
    return 1;
}

static void give_back(loop_state *loop, const flight *it) {
    offsets *free_ones;
    if (!it->large) return;
    free_ones = &loop->large[it->large - 1];
    if (free_ones->count == free_ones->room) {
        uint32_t room = free_ones->room ? free_ones->room * 2 : 16;
        uint64_t *items = realloc(free_ones->items, room * sizeof *items);
        if (!items) return; /* lost until the next process */
        free_ones->items = items;
        free_ones->room = room;
    }
    free_ones->items[free_ones->count++] = it->at;
}

/* Submitting */

static int has_room(const loop_state *loop) {
    return loop->tail - __atomic_load_n(&loop->peer->head, __ATOMIC_ACQUIRE) < OCTAVO_SUBMISSIONS;
}

static void put(loop_state *loop, const octavo_entry *entry) {
    loop->submissions[loop->tail++ & (OCTAVO_SUBMISSIONS - 1)] = *entry;
}

static void ask_turn(octavo_isolated *isolated, loop_state *loop) {
    if (loop->turn_asked) return;
    loop->turn_asked = 1;
    isolated->events.turn(isolated->context, (uint32_t)(loop - isolated->loops));
}

/* Whether the request is one that kills; then its call has ended. */
static int is_refused(octavo_isolated *isolated, octavo_call call, uint64_t name, int32_t kind, uint32_t op, const uint8_t *frame,
                      uint64_t length) {
    octavo_error error;
    int64_t left;
    if (!__atomic_load_n(&isolated->quarantine.held, __ATOMIC_ACQUIRE)) return 0;
    left = quarantine_left(isolated, quarantine_fingerprint(name, kind, op, frame, length), now_ns());
    if (!left) return 0;
    error = isolation_error(OCTAVO_CODE_FAILED_PRECONDITION, "QUARANTINED",
                            "requests like this one have killed the plugin's process twice and are refused for a while; "
                            "see `octavo plugin quarantine list`");
    error.flags = OCTAVO_ERROR_PERMANENT;
    error.retry_after_ns = left;
    octavo_calls_complete(call, &error, NULL);
    return 1;
}

/* Notes that the helper has the call, whose frame is in place. */
static void take_off(loop_state *loop, octavo_call call, flight note, int64_t deadline) {
    octavo_entry entry = {.call = call, .at = note.at, .length = note.length, .deadline_ns = deadline,
                          .kind = OCTAVO_ENTRY_CALL, .instance = note.instance, .op = note.op};
    uint32_t slot = slot_of(call);
    note.call = call;
    note.submission = loop->tail;
    loop->flights[slot] = note;
    if (slot >= loop->high) loop->high = slot + 1;
    loop->in_flight++;
    put(loop, &entry);
}

/* Tells the helper what it does not know of yet. */
static void publish(loop_state *loop) {
    uint32_t rung = loop->rung;
    if (loop->published == loop->tail) return;
    loop->published = loop->tail;
    __atomic_store_n(&loop->own->tail, loop->tail, __ATOMIC_RELEASE);
    /* The end of the turn looks for answers: those that come until then need not ring. */
    octavo_wake_up(loop->own);
    octavo_ring_doorbell(loop->peer, &loop->rung, loop->helper->doorbell);
    loop->has_published = 1;
    loop->has_woken |= rung != loop->rung;
}

static void wait_for_room(loop_state *loop, waiting_call *node) {
    node->next = NULL;
    if (loop->first) loop->last->next = node;
    else loop->first = node;
    loop->last = node;
    loop->waiting++;
}

static waiting_call *waiting_new(uint64_t length) {
    waiting_call *node = malloc(sizeof *node + length);
    if (node) memset(node, 0, sizeof *node);
    return node;
}

/* Keeps a copy of the request until there is room, or a process. */
static void put_aside(loop_state *loop, proxy *to, uint32_t op, octavo_call call, const octavo_layout *layout,
                      const void *request) {
    uint64_t length = octavo_flat_size(layout, request);
    waiting_call *node;
    if (loop->waiting >= MAX_WAITING) {
        fail(call, OCTAVO_CODE_RESOURCE_EXHAUSTED, OCTAVO_ERROR_RETRYABLE, "QUEUE_FULL",
             "too many requests wait for the isolated plugin already; it is too slow for this load, or being restarted");
        return;
    }
    node = length == OCTAVO_FLAT_INVALID ? NULL : waiting_new(length);
    if (!node) {
        fail(call, OCTAVO_CODE_RESOURCE_EXHAUSTED, 0, "NO_MEMORY", "there is no memory for the request");
        return;
    }
    octavo_flatten(layout, request, node->frame, length, 1);
    node->call = call;
    node->deadline_ns = octavo_calls_deadline(call);
    node->length = length;
    node->instance = to->id;
    node->op = (uint16_t)op;
    node->kind = (uint8_t)to->type->type.kind;
    node->name = to->name;
    wait_for_room(loop, node);
}

void loop_submit(proxy *to, uint32_t op, octavo_call call, const void *request) {
    octavo_isolated *isolated = to->isolated;
    uint16_t index = __atomic_load_n(&isolated->loop_of_table[call >> 24 & 0xff], __ATOMIC_ACQUIRE);
    int32_t kind = to->type->type.kind;
    const octavo_layout *layout = octavo_kind_at(kind)->ops[op].request;
    loop_state *loop;
    flight note;
    uint64_t length;
    if (!index) {
        fail(call, OCTAVO_CODE_UNAVAILABLE, OCTAVO_ERROR_RETRYABLE, "PLUGIN_STARTING", "the isolated plugin is being started");
        return;
    }
    loop = &isolated->loops[index - 1];
    if (loop->refusal.size) {
        octavo_calls_complete(call, &loop->refusal, NULL);
        return;
    }
    if (!loop->helper && !octavo_kind_at(kind)->ops[op].reply) {
        /* It steers a source of the process that has ended. */
        octavo_calls_complete(call, NULL, NULL);
        return;
    }
    if (!loop->helper || loop->first || !has_room(loop)) {
        put_aside(loop, to, op, call, layout, request);
        if (loop->helper) ask_turn(isolated, loop);
        return;
    }
    memset(&note, 0, sizeof note);
    note.instance = to->id;
    note.op = (uint16_t)op;
    note.kind = (uint8_t)kind;
    note.at = (uint64_t)slot_of(call) * SMALL_FRAME;
    length = octavo_flatten(layout, request, loop->requests + note.at, SMALL_FRAME, 1);
    if (length == OCTAVO_FLAT_INVALID) {
        length = octavo_flat_size(layout, request);
        if (length == OCTAVO_FLAT_INVALID || !place(loop, call, length, &note.at, &note.large)) {
            fail(call, OCTAVO_CODE_RESOURCE_EXHAUSTED, OCTAVO_ERROR_RETRYABLE, "REQUEST_TOO_LARGE",
                 "the request does not fit into the memory that is shared with the isolated plugin");
            return;
        }
        octavo_flatten(layout, request, loop->requests + note.at, length, 1);
    }
    note.length = length;
    note.name = to->name;
    if (is_refused(isolated, call, to->name, kind, op, loop->requests + note.at, length)) {
        give_back(loop, &note);
        return;
    }
    take_off(loop, call, note, octavo_calls_deadline(call));
    ask_turn(isolated, loop);
    /* A helper that sleeps wakes while the turn goes on. */
    if (loop->in_flight == 1 && __atomic_load_n(&loop->peer->sleep, __ATOMIC_RELAXED) & 1) publish(loop);
}

void loop_cancel(proxy *to, octavo_call call) {
    octavo_isolated *isolated = to->isolated;
    uint16_t index = __atomic_load_n(&isolated->loop_of_table[call >> 24 & 0xff], __ATOMIC_ACQUIRE);
    octavo_entry entry = {.call = call, .kind = OCTAVO_ENTRY_CANCEL, .instance = to->id};
    loop_state *loop = index ? &isolated->loops[index - 1] : NULL;
    /* A hint: without room it is not given. */
    if (!loop || !loop->helper || loop->flights[slot_of(call)].call != call || !has_room(loop)) return;
    put(loop, &entry);
    ask_turn(isolated, loop);
}

/* Calls that waited go to the helper, as far as there is room. */
static void resume(octavo_isolated *isolated, loop_state *loop) {
    while (loop->first && has_room(loop)) {
        waiting_call *node = loop->first;
        flight note;
        memset(&note, 0, sizeof note);
        loop->first = node->next;
        loop->waiting--;
        note.length = node->length;
        note.instance = node->instance;
        note.op = node->op;
        note.kind = node->kind;
        note.is_replay = node->is_replay;
        note.name = node->name;
        if (!octavo_calls_is_open(node->call)) {
            /* Given up meanwhile: frees its slot. */
            octavo_calls_complete(node->call, NULL, NULL);
        } else if (is_refused(isolated, node->call, node->name, node->kind, node->op, node->frame, node->length)) {
            /* It has killed again meanwhile. */
        } else if (!place(loop, node->call, node->length, &note.at, &note.large)) {
            fail(node->call, OCTAVO_CODE_RESOURCE_EXHAUSTED, OCTAVO_ERROR_RETRYABLE, "REQUEST_TOO_LARGE",
                 "the request does not fit into the memory that is shared with the isolated plugin");
        } else {
            memcpy(loop->requests + note.at, node->frame, node->length);
            take_off(loop, node->call, note, node->deadline_ns);
        }
        free(node);
    }
}


/* Taking */

/* A frame, read on the stack if it fits: a variable of each thread would be memory of every thread of the process. */
typedef struct scratch {
    uint64_t *memory; /* NULL: there is nothing, or no memory for it */
    uint64_t *owned;
    uint64_t room[(COPY_BELOW + 16384) / 8];
} scratch;

/* Copies and checks what an entry names. NULL, or what rule it breaks. */
static const char *read_frame(loop_state *loop, const octavo_entry *entry, const octavo_layout *layout, scratch *to) {
    uint64_t capacity = sizeof to->room;
    to->memory = to->owned = NULL;
    if (entry->at % 8 || entry->at > AREA || entry->length > AREA - entry->at)
        return "protocol violation: an answer outside of its memory";
    if (entry->released - loop->released > AREA) return "protocol violation: a count that runs away";
    if (!entry->length) return NULL;
    if (!layout) return "protocol violation: a reply where there is none";
    to->memory = to->room;
    if (entry->length > capacity) {
        capacity = (entry->length + 7) & ~7ull;
        to->memory = to->owned = malloc(capacity);
    }
    if (!to->memory || octavo_unflatten(layout, loop->replies + entry->at, entry->length, to->memory, capacity, COPY_BELOW) !=
                           OCTAVO_FLAT_INVALID) return NULL;
    free(to->owned);
    return "protocol violation: an answer whose structure is broken";
}

/* A message, or the end of a source. */
static const char *take_message(octavo_isolated *isolated, loop_state *loop, const octavo_entry *entry) {
    int32_t is_here = 0;
    const octavo_source_kind *kind = octavo_source_kind_of(entry->call, &is_here);
    const octavo_layout *layout = entry->kind == OCTAVO_ENTRY_MESSAGE && kind ? kind->message : &octavo_layout_error;
    const char *broken;
    scratch scratch;
    int32_t answer;
    if (kind && (!is_here || octavo_instance_remote(octavo_source_instance(entry->call)) != isolated))
        return "protocol violation: a message for a source that is not its own";
    if (!entry->length) return "protocol violation: a message without anything";
    if (!kind) {
        /* It was closed meanwhile: whatever it is, nobody wants it. */
        if (entry->released - loop->released > AREA) return "protocol violation: a count that runs away";
        loop->released = entry->released;
        return NULL;
    }
    broken = read_frame(loop, entry, layout, &scratch);
    if (broken) return broken;
    if (!scratch.memory) return "there is no memory for a message";
    answer = entry->kind == OCTAVO_ENTRY_MESSAGE ? octavo_sources_deliver(entry->call, entry->token, scratch.memory)
                                                 : octavo_sources_failed(entry->call, (const octavo_error *)(const void *)scratch.memory);
    free(scratch.owned);
    loop->released = entry->released;
    return answer == OCTAVO_NO_CREDIT ? "protocol violation: more messages than a source has credit for" : NULL;
}

/* Reads one completion, of which `entry` is a private copy. NULL, or what rule it breaks. */
static const char *take(octavo_isolated *isolated, loop_state *loop, const octavo_entry *entry) {
    flight *note = &loop->flights[slot_of(entry->call)];
    const octavo_layout *layout;
    const char *broken;
    scratch scratch;
    flight it;
    if (entry->kind == OCTAVO_ENTRY_MESSAGE || entry->kind == OCTAVO_ENTRY_SOURCE_FAILED) return take_message(isolated, loop, entry);
    if (note->call != entry->call || !entry->call) return "protocol violation: an answer to a call that it does not have";
    if (entry->kind == OCTAVO_ENTRY_ERROR) layout = &octavo_layout_error;
    else if (entry->kind == OCTAVO_ENTRY_REPLY) layout = octavo_kind_at(note->kind)->ops[note->op].reply;
    else return "protocol violation: an entry that is no answer";
    if (entry->kind == OCTAVO_ENTRY_ERROR && !entry->length) return "protocol violation: an error without its text";
    broken = read_frame(loop, entry, layout, &scratch);
    if (broken) return broken;
    it = *note;
    note->call = 0;
    loop->in_flight--;
    give_back(loop, &it);
    if (entry->length && !scratch.memory)
        fail(it.call, OCTAVO_CODE_RESOURCE_EXHAUSTED, OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT, "NO_MEMORY", "there is no memory for the reply");
    else if (entry->kind == OCTAVO_ENTRY_ERROR) octavo_calls_complete(it.call, (const octavo_error *)(const void *)scratch.memory, NULL);
    else octavo_calls_complete(it.call, NULL, scratch.memory);
    free(scratch.owned);
    /* The reply has been read; its memory may be written again. */
    loop->released = entry->released;
    return NULL;
}

/* NULL, or the rule that the helper has broken. */
static const char *take_all(octavo_isolated *isolated, loop_state *loop) {
    uint32_t tail = __atomic_load_n(&loop->peer->tail, __ATOMIC_ACQUIRE);
    const char *broken = NULL;
    if (loop->published - __atomic_load_n(&loop->peer->head, __ATOMIC_ACQUIRE) > OCTAVO_SUBMISSIONS)
        return "protocol violation: it has taken requests that it was not given";
    if (tail - loop->seen > OCTAVO_COMPLETIONS) return "protocol violation: more answers than there is room for";
    while (loop->seen != tail && !broken) {
        const octavo_entry entry = loop->completions[loop->seen & (OCTAVO_COMPLETIONS - 1)];
        loop->seen++;
        broken = take(isolated, loop, &entry);
        __atomic_store_n(&loop->own->released, loop->released, __ATOMIC_RELEASE);
        __atomic_store_n(&loop->own->head, loop->seen, __ATOMIC_RELEASE);
    }
    return broken;
}

static const char *drain(octavo_isolated *isolated, loop_state *loop) {
    const char *broken = NULL;
    octavo_wake_up(loop->own);
    for (;;) {
        broken = take_all(isolated, loop);
        if (broken) break;
        octavo_go_to_sleep(loop->own);
        if (__atomic_load_n(&loop->peer->tail, __ATOMIC_ACQUIRE) == loop->seen) break;
        octavo_wake_up(loop->own);
    }
    return broken;
}

void octavo_isolated_drain(octavo_isolated *isolated, uint32_t index) {
    loop_state *loop = &isolated->loops[index];
    const char *broken;
    if (!loop->helper || loop->draining) return;
    loop->draining = 1;
    broken = drain(isolated, loop);
    loop->draining = 0;
    if (broken) octavo_helper_kill(loop->helper, broken);
    else if (loop->first) ask_turn(isolated, loop);
}

void octavo_isolated_flush(octavo_isolated *isolated, uint32_t index) {
    loop_state *loop = &isolated->loops[index];
    loop->turn_asked = 0;
    if (!loop->helper) return;
    resume(isolated, loop);
    publish(loop);
    if (loop->has_published) peek(isolated, loop, loop->has_woken);
    loop->has_published = loop->has_woken = 0;
    octavo_isolated_drain(isolated, index);
}

/* Coming and going */

/* What steers sources of a process that has ended is not for the next one. Whoever hears of an end may submit more, so
   the list is whole by then. */
static void forget_steering(loop_state *loop) {
    waiting_call **at = &loop->first, *node, *forgotten = NULL;
    loop->last = NULL;
    while ((node = *at)) {
        if (octavo_kind_at(node->kind)->ops[node->op].reply) {
            loop->last = node;
            at = &node->next;
            continue;
        }
        *at = node->next;
        loop->waiting--;
        node->next = forgotten;
        forgotten = node;
    }
    while ((node = forgotten)) {
        forgotten = node->next;
        octavo_calls_complete(node->call, NULL, NULL);
        free(node);
    }
}

int octavo_isolated_attach(octavo_isolated *isolated, uint32_t index, uint32_t table, octavo_helper *helper) {
    loop_state *loop = &isolated->loops[index];
    uint32_t class;
    if (!loop->flights) loop->flights = calloc(MAX_CALLS, sizeof *loop->flights);
    if (!loop->flights || loop->helper) return -1;
    /* One that has died on the way here is not waited for: whoever took it from the other loops has passed. */
    if (!octavo_helper_is_alive(helper)) return -1;
    octavo_helper_retain(helper);
    loop->table = table;
    loop->helper = helper;
    loop->own = octavo_segment_words(helper->h, index);
    loop->peer = octavo_segment_words(helper->p, index);
    loop->submissions = octavo_submissions(helper->h, index);
    loop->completions = octavo_completions(helper->p, index);
    loop->requests = octavo_area_h(helper->h, isolated->loop_count, AREA, index);
    loop->replies = octavo_area_p(helper->p, isolated->loop_count, AREA, index);
    loop->tail = loop->published = loop->seen = loop->rung = 0;
    loop->released = 0;
    loop->large_end = SMALL_AREA;
    for (class = 0; class < LARGE_CLASSES; class++) loop->large[class].count = 0;
    loop->refusal.size = 0;
    octavo_go_to_sleep(loop->own);
    __atomic_store_n(&isolated->loop_of_table[table & 0xff], (uint16_t)(index + 1), __ATOMIC_RELEASE);
    octavo_isolated_flush(isolated, index);
    return 0;
}

static void settle(loop_state *loop, const flight *it, int is_claimed, int is_culprit, int64_t now) {
    const octavo_op *info = &octavo_kind_at(it->kind)->ops[it->op];
    int64_t deadline;
    int may_have = is_claimed && info->op_class != OCTAVO_CLASS_REPEATABLE;
    waiting_call *node;
    /* What steers a source ends with the source, which ends with the process. */
    if (!octavo_calls_is_open(it->call) || !info->reply) {
        octavo_calls_complete(it->call, NULL, NULL);
        return;
    }
    deadline = octavo_calls_deadline(it->call);
    if (!is_culprit && !may_have && !(is_claimed && it->is_replay) && (!deadline || deadline - now >= REPLAY_NS) &&
        loop->waiting < MAX_WAITING && (node = waiting_new(it->length))) {
        memcpy(node->frame, loop->requests + it->at, it->length);
        if (is_claimed) {
            octavo_head head;
            memcpy(&head, node->frame, sizeof head);
            head.flags |= OCTAVO_REQUEST_REPLAY;
            memcpy(node->frame, &head, sizeof head);
        }
        node->call = it->call;
        node->deadline_ns = deadline;
        node->length = it->length;
        node->instance = it->instance;
        node->op = it->op;
        node->kind = it->kind;
        node->is_replay = (uint8_t)(it->is_replay | is_claimed);
        node->name = it->name;
        wait_for_room(loop, node);
        return;
    }
    fail(it->call, OCTAVO_CODE_UNAVAILABLE,
         OCTAVO_ERROR_OUTAGE | (may_have ? OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT : OCTAVO_ERROR_RETRYABLE) |
             (is_culprit ? OCTAVO_ERROR_PERMANENT : 0),
         "PLUGIN_CRASHED",
         may_have ? "the plugin's process ended during the call; it may have taken effect (see `octavo plugin crashes`)"
                  : "the plugin's process ended during the call (see `octavo plugin crashes`)");
}

void octavo_isolated_detach(octavo_isolated *isolated, uint32_t index, octavo_helper *helper, int trust, octavo_call culprit,
                            int blames) {
    loop_state *loop = &isolated->loops[index];
    int64_t now = now_ns();
    uint32_t head, slot;
    if (loop->helper != helper) return;
    /* What it had answered before its end counts, up to the first thing that can't be true. */
    if (!loop->draining) take_all(isolated, loop);
    head = __atomic_load_n(&loop->peer->head, __ATOMIC_ACQUIRE);
    if (loop->published - head > OCTAVO_SUBMISSIONS) trust = OCTAVO_TRUST_NONE;
    /* Whoever hears of an end may submit more, which waits for the next process. */
    loop->helper = NULL;
    forget_steering(loop);
    for (slot = 0; slot < loop->high; slot++) {
        flight it = loop->flights[slot];
        int is_claimed;
        if (!it.call) continue;
        loop->flights[slot].call = 0;
        loop->in_flight--;
        is_claimed = trust == OCTAVO_TRUST_NONE
            /* What was not published it can't have seen. */
            ? (int32_t)(it.submission - loop->published) < 0
            : (int32_t)(it.submission - head) < (trust == OCTAVO_TRUST_MARGIN ? FAULT_MARGIN : 0);
        if (it.call == culprit || (!culprit && blames && is_claimed))
            quarantine_strike(isolated, it.instance, it.kind, it.op, loop->requests + it.at, it.length, it.call == culprit ? 2 : 1, now);
        settle(loop, &it, is_claimed, it.call == culprit, now);
    }
    loop->high = 0;
    octavo_helper_release(helper);
}

void octavo_isolated_refuse(octavo_isolated *isolated, uint32_t index, int keeps_dying) {
    loop_state *loop = &isolated->loops[index];
    waiting_call *node = loop->first;
    if (loop->helper) return;
    loop->refusal = keeps_dying
        ? isolation_error(OCTAVO_CODE_UNAVAILABLE, "PLUGIN_CRASH_LOOP",
                          "the plugin's process keeps dying; look at `octavo plugin crashes`, then `octavo plugin restart`")
        : isolation_error(OCTAVO_CODE_UNAVAILABLE, "PLUGIN_RESTARTING", "the plugin's process has ended and is being started again");
    loop->refusal.flags = OCTAVO_ERROR_OUTAGE | OCTAVO_ERROR_RETRYABLE;
    loop->refusal.retry_after_ns = keeps_dying ? 30000000000 : 250000000;
    loop->first = NULL;
    loop->waiting = 0;
    while (node) {
        waiting_call *next = node->next;
        octavo_calls_complete(node->call, &loop->refusal, NULL);
        free(node);
        node = next;
    }
}

uint32_t octavo_isolated_in_flight(const octavo_isolated *isolated, uint32_t index) {
    return isolated->loops[index].in_flight + isolated->loops[index].waiting;
}
