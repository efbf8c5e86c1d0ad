/*
 * What the runtime reads of a helper's memory: completions, and the replies and messages that they name. The input says
 * which calls and which source the helper has, and what it answers and delivers; a second thread writes into the ring and the replies while they are read. Each
 * call must end once, whatever the helper writes, and no read may leave the private copy.
 */
#include "../../../Sources/COctavoIsolation/loop.c"

#include <sys/mman.h>

#include "../scribbler.h"
#include "octavo_instances.h"

#define CALLS 8u
#define REPLY_ROOM 8192u

/* What loop.c has of helper.c. */
void octavo_helper_kill(octavo_helper *helper, const char *reason) {
    (void)helper;
    (void)reason;
}
int32_t octavo_helper_is_alive(octavo_helper *helper) {
    (void)helper;
    return 1;
}
void octavo_helper_retain(octavo_helper *helper) { (void)helper; }
void octavo_helper_release(octavo_helper *helper) { (void)helper; }

static octavo_isolated *isolated;
static octavo_helper helper;
static octavo_calls *calls;
static uint32_t ended;
static int seen[MAX_CALLS];

static void turn(void *context, uint32_t loop) {
    (void)context;
    (void)loop;
}

static void wake(void *owner) { (void)owner; }

/* Reads every byte, as a waiter would. */
static void read_all(const octavo_layout *layout, const void *structure) {
    uint64_t size = octavo_flat_size(layout, structure);
    if (size == OCTAVO_FLAT_INVALID) abort(); /* what was checked is not valid */
    uint8_t *copy = malloc(size + 8);
    octavo_flatten(layout, structure, copy, size, 1);
    free(copy);
}

static const octavo_life life = {.size = sizeof life};
static const octavo_type type = {.size = sizeof type, .kind = OCTAVO_KIND_PUBSUB, .life = &life};
static octavo_instance *instance;
static const octavo_source_kind *source_kind;
static uint32_t credit;

static void message(void *context, uint64_t token, const void *structure) {
    (void)context, (void)token;
    if (source_kind->credit != OCTAVO_NO_OP && !credit--) abort(); /* more than it had credit for */
    read_all(source_kind->message, structure);
}

static void source_end(void *context, const octavo_error *error) {
    (void)context;
    read_all(&octavo_layout_error, error);
}

static void deliver(void *owner, octavo_slot *slot, const octavo_error *error, const void *reply) {
    const octavo_layout *layout = error ? &octavo_layout_error : slot->info->reply;
    const void *structure = error ? (const void *)error : reply;
    (void)owner;
    if (seen[slot->index]++) abort(); /* ended twice */
    ended++;
    if (structure && layout) read_all(layout, structure);
    octavo_calls_free(slot);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    uint64_t size_h = octavo_segment_h_size(1, AREA), size_p = octavo_segment_p_size(1, AREA);
    (void)argc;
    (void)argv;
    isolated = calloc(1, sizeof *isolated + sizeof isolated->loops[0]);
    isolated->loop_count = 1;
    isolated->events.turn = turn;
    helper.h = mmap(NULL, size_h, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    helper.p = mmap(NULL, size_p, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    helper.doorbell = -1;
    calls = octavo_calls_new(isolated, deliver, wake, MAX_CALLS);
    if (helper.h == MAP_FAILED || helper.p == MAP_FAILED || !calls) abort();
    octavo_calls_bind(calls);
    instance = octavo_instance_new(&type, "fuzz", isolated, 16, NULL);
    if (!instance) abort();
    octavo_instance_set_remote(instance, isolated);
    scribbler_start();
    return 0;
}

/* The next bytes of the input; zeros after its end. */
static const uint8_t *input;
static size_t left;
static void next(void *to, size_t size) {
    size_t count = size < left ? size : left;
    memset(to, 0, size);
    memcpy(to, input, count);
    input += count;
    left -= count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    loop_state *loop = &isolated->loops[0];
    octavo_words *words = octavo_segment_words(helper.p, 0);
    octavo_entry *ring = octavo_completions(helper.p, 0);
    uint8_t *area = octavo_area_p(helper.p, 1, AREA, 0);
    static const int32_t kinds[] = {OCTAVO_KIND_PUBSUB, OCTAVO_KIND_BINDING, OCTAVO_KIND_CONFIGURATION, OCTAVO_KIND_SECRET_STORE};
    octavo_call open[CALLS];
    octavo_source source;
    uint8_t shape[4];
    uint32_t count, answers, i;
    input = data;
    left = size;
    memset(words, 0, sizeof *words);
    memset(octavo_segment_words(helper.h, 0), 0, sizeof *words);
    memset(ring, 0, 2 * CALLS * sizeof *ring);
    memset(seen, 0, sizeof seen);
    ended = 0;
    octavo_isolated_attach(isolated, 0, octavo_calls_index(calls), &helper);
    next(shape, sizeof shape);
    count = 1 + shape[0] % CALLS;
    answers = 1 + shape[1] % (2 * CALLS);
    source_kind = octavo_source_kind_at(kinds[shape[1] >> 6]);
    source = octavo_source_open(calls, source_kind, instance, &source, message, source_end);
    credit = shape[0] >> 6;
    octavo_source_grant(source, credit);
    /* Of a source of somebody else's, or of none. */
    if (shape[2] & 0x40) octavo_instance_set_remote(instance, shape[2] & 0x80 ? NULL : &source);
    for (i = 0; i < count; i++) {
        octavo_slot *slot = octavo_calls_open(calls, 0);
        uint8_t which[2];
        flight note = {0};
        const octavo_layout *request;
        next(which, sizeof which);
        note.kind = (uint8_t)(1 + which[0] % OCTAVO_KIND_LAST);
        note.op = (uint16_t)(which[1] % octavo_kind_at(note.kind)->op_count);
        slot->info = &octavo_kind_at(note.kind)->ops[note.op];
        slot->op = note.op;
        open[i] = octavo_calls_handle(slot);
        note.at = (uint64_t)slot_of(open[i]) * SMALL_FRAME;
        /* A request with nothing in it. */
        request = slot->info->request;
        note.length = (request->size + 7u) & ~7u;
        if (note.length > SMALL_FRAME) abort();
        memset(loop->requests + note.at, 0, note.length);
        memcpy(loop->requests + note.at, &request->size, sizeof request->size);
        take_off(loop, open[i], note, 0);
    }
    publish(loop);
    for (i = 0; i < answers; i++) {
        octavo_entry entry;
        uint8_t how[4];
        next(&how, sizeof how);
        memset(&entry, 0, sizeof entry);
        if (how[0] & 0x80) next(&entry, sizeof entry);
        else {
            entry.kind = OCTAVO_ENTRY_REPLY + (how[0] & 1);
            entry.at = (how[2] & 15) * 512u;
            entry.length = how[3] * 8u;
            entry.released = loop->released + entry.length;
        }
        if (!(how[0] & 0x40)) entry.call = open[how[1] % count];
        if (how[0] & 0x20) {
            entry.kind = how[0] & 0x10 ? OCTAVO_ENTRY_SOURCE_FAILED : OCTAVO_ENTRY_MESSAGE;
            if (!(how[0] & 0x40)) entry.call = source;
            if (how[0] & 0x08) entry.call ^= 1ull << (how[1] & 63);
        }
        ring[i] = entry;
        if (entry.at <= REPLY_ROOM - 512) next(area + entry.at, 256);
    }
    __atomic_store_n(&words->tail, shape[2] & 1 ? shape[3] * 97u : answers, __ATOMIC_RELEASE);
    __atomic_store_n(&words->head, shape[2] & 2 ? shape[3] : count, __ATOMIC_RELEASE);
    if (shape[2] & 4) scribble(area, REPLY_ROOM);
    else if (shape[2] & 8) scribble(ring, 2 * CALLS * sizeof *ring);
    octavo_isolated_drain(isolated, 0);
    octavo_isolated_detach(isolated, 0, &helper, (int)(shape[2] >> 6) % 3, shape[2] & 32 ? open[0] : 0, shape[2] & 16);
    scribble_no_more();
    octavo_calls_drain(calls);
    octavo_source_close(source);
    octavo_instance_set_remote(instance, isolated);
    octavo_isolated_refuse(isolated, 0, 0);
    if (ended != count) abort(); /* a call without an end */
    if (octavo_isolated_in_flight(isolated, 0) || octavo_calls_in_use(calls)) abort();
    return 0;
}
