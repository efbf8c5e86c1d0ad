/*
 * What a helper reads of the runtime's memory: submissions and the requests that they name. The runtime is trusted with
 * where a request lies; what is in it comes from its callers, and a second thread changes it while it is read. Each
 * call must be answered once.
 */
#include "../../../Sources/octavo-plugin-host/dispatcher.c"

#include "../scribbler.h"

#define AREA (1ull << 20)
#define CALLS 8u

/* What dispatcher.c has of the other files. */
static served instances[OCTAVO_KIND_LAST + 1];
served *instance_at(uint32_t id) { return id <= OCTAVO_KIND_LAST && instances[id].raw ? &instances[id] : NULL; }
void busy_open(void *segment_p) { (void)segment_p; }
octavo_busy *busy_take(octavo_busy line) {
    (void)line;
    return NULL;
}
void black_box_thread(void) {}

/* Every operation reads the whole request by its own layout, and answers nothing. Two of a kind may have one size. */
static void echo(const octavo_kind *kind, uint32_t op, octavo_call call, const void *request) {
    const octavo_layout *layout = kind->ops[op].request;
    if (op >= kind->op_count) abort();
    if (((const octavo_head *)request)->size == layout->size && octavo_flat_size(layout, request) > 1u << 30) abort();
    octavo_calls_complete(call, NULL, NULL);
}

#define EACH(M) \
    M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15) M(16) M(17) M(18) M(19) M(20) M(21) \
    M(22) M(23) M(24) M(25) M(26) M(27) M(28) M(29) M(30) M(31)
#define ECHO(OP) \
    static void echo_##OP(void *self, octavo_call call, const void *request) { echo(self, OP, call, request); }
EACH(ECHO)

typedef struct table {
    uint32_t size, reserved;
    octavo_op_fn ops[32];
} table;

static table ops;
static octavo_type types[OCTAVO_KIND_LAST + 1];
static channel *one;
static void *h, *p;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static const octavo_life life = {.size = sizeof life};
    uint32_t i;
    (void)argc;
    (void)argv;
    h = mmap(NULL, octavo_segment_h_size(1, AREA), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p = mmap(NULL, octavo_segment_p_size(1, AREA), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (h == MAP_FAILED || p == MAP_FAILED) abort();
    channel_count = 1;
    area_size = AREA;
    one = &channels[0];
    one->own = octavo_segment_words(p, 0);
    one->peer = octavo_segment_words(h, 0);
    one->submissions = octavo_submissions(h, 0);
    one->completions = octavo_completions(p, 0);
    one->requests = octavo_area_h(h, 1, AREA, 0);
    one->replies = octavo_area_p(p, 1, AREA, 0);
    one->doorbell = -1;
    one->local = calloc(MAX_CALLS, sizeof *one->local);
    one->calls = octavo_calls_new(one, deliver, NULL, MAX_CALLS * 4);
    pthread_mutex_init(&one->lock, NULL);
    ops.size = sizeof ops;
#define PUT(OP) ops.ops[OP] = (octavo_op_fn)echo_##OP;
    EACH(PUT)
    for (i = 1; i <= OCTAVO_KIND_LAST; i++) {
        types[i] = (octavo_type){.size = sizeof types[i], .kind = (int32_t)i, .life = &life, .ops = &ops};
        instances[i].id = i;
        instances[i].type = &types[i];
        instances[i].kind = octavo_kind_at((int32_t)i);
        instances[i].raw = octavo_instance_new(&types[i], "fuzz", &types[i], 1024, NULL);
        if (!instances[i].raw) abort();
        octavo_instance_set_self(instances[i].raw, (void *)(uintptr_t)octavo_kind_at((int32_t)i));
        if (octavo_instance_run(instances[i].raw)) abort();
    }
    scribbler_start();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    octavo_words *words = octavo_segment_words(h, 0);
    octavo_entry *ring = octavo_submissions(h, 0);
    uint8_t *area = octavo_area_h(h, 1, AREA, 0);
    uint32_t count, calls = 0, i, before = one->tail;
    size_t share;
    if (size < 8) return 0;
    count = 1 + data[0] % CALLS;
    share = (size - 1) / count;
    if (share < 8) return 0;
    for (i = 0; i < count; i++) {
        const uint8_t *part = data + 1 + i * share;
        octavo_entry entry;
        uint64_t length = share - 8;
        memset(&entry, 0, sizeof entry);
        entry.call = 1u + i;
        entry.kind = part[0] & 7 ? OCTAVO_ENTRY_CALL : OCTAVO_ENTRY_CANCEL;
        entry.instance = part[1] % (OCTAVO_KIND_LAST + 2u);
        entry.op = part[2] % 32;
        entry.at = i * 16384ull;
        entry.length = length;
        memcpy(area + entry.at, part + 8, length);
        /* The size in front is the runtime's own word. */
        if (instance_at(entry.instance) && entry.op < instances[entry.instance].kind->op_count && length >= 4 && part[3] & 1) {
            uint32_t own = instances[entry.instance].kind->ops[entry.op].request->size;
            memcpy(area + entry.at, &own, sizeof own);
        }
        calls += entry.kind == OCTAVO_ENTRY_CALL;
        ring[(one->head + i) & (OCTAVO_SUBMISSIONS - 1)] = entry;
    }
    if (data[0] & 0x80) scribble(area, CALLS * 16384ull);
    __atomic_store_n(&words->tail, one->head + count, __ATOMIC_RELEASE);
    take_all();
    scribble_no_more();
    if (one->tail - before != calls) abort(); /* each is answered once */
    /* The runtime has read them. */
    __atomic_store_n(&words->head, one->tail, __ATOMIC_RELEASE);
    __atomic_store_n(&words->released, one->written, __ATOMIC_RELEASE);
    if (octavo_calls_in_use(one->calls)) abort();
    return 0;
}
