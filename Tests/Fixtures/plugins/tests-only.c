/*
 * A plugin that misbehaves on request, in every way that a runtime must survive: the key of a get says how.
 * Any other key is answered with itself. One type for each execution model.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <octavo/octavo.h>
#include <octavo_channel.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ID "tests-only"

OCTAVO_NOTE(ID, "1.0.0", 1u << OCTAVO_KIND_STATE, OCTAVO_PLUGIN_UNLOADABLE,
            "state." ID "\0state." ID "-reactor\0state." ID "-blocking");

static const octavo_host *host;
static pthread_mutex_t twice_locked = PTHREAD_MUTEX_INITIALIZER;
static octavo_call kept;

typedef struct store {
    octavo_instance *instance;
} store;

static int is(octavo_str text, const char *word) { return text.size == strlen(word) && !memcmp(text.data, word, text.size); }

static void reply(octavo_call call, const void *data, size_t size) {
    octavo_state_get_reply answer;
    memset(&answer, 0, sizeof answer);
    answer.size = sizeof answer;
    answer.flags = OCTAVO_STATE_FOUND;
    answer.value = (octavo_bytes){data, size};
    host->complete(call, NULL, &answer);
}

static void reply_number(octavo_call call, long long number) {
    char text[32];
    reply(call, text, (size_t)snprintf(text, sizeof text, "%lld", number));
}

/* MARK: Faults */

static volatile int zero;

static void signal_fault(octavo_str key) {
    if (is(key, "segv")) *(volatile int *)16 = 1;
    if (is(key, "bus")) {
        int file = memfd_create("hole", 0);
        volatile char *memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
        (void)*memory;
    }
    if (is(key, "fpe")) zero = 100 / zero;
    if (is(key, "ill")) __builtin_trap();
}

static void double_free(void) {
    void *volatile memory = malloc(2048);
    free(memory);
    free(memory);
}

static int recurse(volatile int depth) {
    volatile char room[4096];
    if (depth == 1 << 30) return 0;
    room[0] = (char)depth;
    return recurse(depth + 1) + room[0];
}

static void deadlock(void) {
    pthread_mutex_lock(&twice_locked);
    pthread_mutex_lock(&twice_locked);
}

/* Comes back, late. */
static void sleep_for(octavo_str milliseconds) {
    struct timespec pause = {0, 0};
    long count = 0;
    size_t i;
    for (i = 0; i < milliseconds.size; i++) count = count * 10 + (milliseconds.data[i] - '0');
    pause.tv_sec = count / 1000;
    pause.tv_nsec = count % 1000 * 1000000;
    nanosleep(&pause, NULL);
}

/* In a thread that the runtime does not know of. */
static void *fail_alone(void *argument) {
    (void)argument;
    *(volatile int *)16 = 1;
    return NULL;
}

static void thread_fault(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, fail_alone, NULL) == 0) pthread_join(thread, NULL);
}

static void endless(void) {
    for (;;) __asm__ volatile("" ::: "memory");
}

/* Touched, so that it counts. */
static void eat_memory(void) {
    const struct timespec pause = {0, 5000000};
    for (;;) {
        void *piece = malloc(8u << 20);
        if (piece) memset(piece, 0xaa, 8u << 20);
        nanosleep(&pause, NULL);
    }
}

static int leak_descriptors(void) {
    int count = 0;
    while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) count++;
    return count;
}

/* Spins in processes of its own; how many it got. */
static int spawn_processes(void) {
    int count = 0, i;
    pid_t made[64];
    for (i = 0; i < 64; i++) {
        made[count] = fork();
        if (made[count] == 0) {
            pause();
            _exit(0);
        }
        if (made[count] < 0) break;
        count++;
    }
    for (i = 0; i < count; i++) {
        kill(made[i], SIGKILL);
        waitpid(made[i], NULL, 0);
    }
    return count;
}

/* A process that outlives this one, unless somebody ends it: its number. */
static int leave_process(void) {
    pid_t made = fork();
    if (made == 0) {
        pause();
        _exit(0);
    }
    return made;
}

/* MARK: Lies */

/* Where the memory of that name that this process may write is mapped. */
static uint8_t *shared(const char *name, size_t *size) {
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    unsigned long from, to;
    uint8_t *found = NULL;
    while (maps && !found && fgets(line, sizeof line, maps)) {
        if (!strstr(line, name) || sscanf(line, "%lx-%lx", &from, &to) != 2) continue;
        found = (uint8_t *)from;
        *size = to - from;
    }
    if (maps) fclose(maps);
    return found;
}

static uint64_t random_word(void) {
    static uint64_t seed = 88172645463325252ull;
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}

/* Spoils the indices and the rings, and what lies behind them here and there. */
static void scribble(void) {
    size_t size = 0, at;
    uint64_t *p = (uint64_t *)(void *)shared("memfd:octavo-p ", &size);
    if (!p) abort();
    for (at = 0; at < (1u << 20) / 8; at++) p[at] = random_word();
    for (at = 0; at < 4096; at++) p[random_word() % (size / 8)] = random_word();
}

/* Publishes an entry that it has made up; `change` says how it differs from the last answer. */
static void forge(octavo_call call, const char *change) {
    size_t size = 0;
    void *p = shared("memfd:octavo-p ", &size);
    octavo_words *words;
    octavo_entry *ring, entry;
    if (!p) abort();
    words = octavo_segment_words(p, 0);
    ring = octavo_completions(p, 0);
    if (!words->tail) abort();
    entry = ring[(words->tail - 1) & (OCTAVO_COMPLETIONS - 1)];
    (void)call;
    if (!strcmp(change, "older")) entry.call -= 1ull << 32;
    if (!strcmp(change, "outside")) entry.at = 1ull << 40;
    if (!strcmp(change, "length")) entry.length = UINT64_MAX - 7;
    if (!strcmp(change, "kind")) entry.kind = OCTAVO_ENTRY_CALL;
    ring[words->tail & (OCTAVO_COMPLETIONS - 1)] = entry;
    __atomic_store_n(&words->tail, words->tail + 1, __ATOMIC_RELEASE);
}

/* MARK: Limits */

/* 0, or the errno of something that a profile forbids. */
static int forbidden(octavo_str key) {
    errno = 0;
    if (is(key, "try:ptrace")) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    else if (is(key, "try:exec")) execl("/bin/true", "true", NULL);
    else if (is(key, "try:internet")) socket(AF_INET, SOCK_STREAM, 0);
    else if (is(key, "try:socket")) socket(AF_UNIX, SOCK_STREAM, 0);
    else if (is(key, "try:fork")) {
        pid_t child = fork();
        if (!child) _exit(0);
        if (child > 0) {
            waitpid(child, NULL, 0);
            errno = 0;
        }
    } else errno = EINVAL;
    return errno;
}

static void get(void *self, octavo_call call, const octavo_state_get_request *request) {
    octavo_str key = request->key;
    store *me = self;
    if (is(key, "segv")) host->log(me->instance, call, OCTAVO_LOG_WARNING, octavo_text("about to fail"), (octavo_list){0});
    signal_fault(key);
    if (is(key, "abort")) abort();
    else if (is(key, "exit")) exit(3);
    else if (is(key, "double-free")) double_free();
    else if (is(key, "stack")) recurse(0);
    else if (is(key, "deadlock")) deadlock();
    else if (is(key, "endless")) endless();
    else if (is(key, "thread-segv")) thread_fault();
    else if (key.size > 6 && !memcmp(key.data, "sleep:", 6)) {
        sleep_for((octavo_str){key.data + 6, key.size - 6});
        reply(call, "awake", 5);
    } else if (is(key, "stop")) raise(SIGSTOP);
    else if (is(key, "memory")) eat_memory();
    else if (is(key, "descriptors")) reply_number(call, leak_descriptors());
    else if (is(key, "processes")) reply_number(call, spawn_processes());
    else if (is(key, "leave")) reply_number(call, leave_process());
    else if (is(key, "scribble")) scribble();
    else if (is(key, "never")) return;
    else if (is(key, "keep")) kept = call;
    else if (is(key, "late")) {
        reply(kept, "late", 4);
        reply(call, "ok", 2);
    } else if (is(key, "twice")) {
        reply(call, "first", 5);
        reply(call, "second", 6);
    } else if (is(key, "forge-twice")) forge(call, "same");
    else if (is(key, "forge-older")) forge(call, "older");
    else if (is(key, "forge-outside")) forge(call, "outside");
    else if (is(key, "forge-length")) forge(call, "length");
    else if (is(key, "forge-kind")) forge(call, "kind");
    else if (is(key, "pid")) reply_number(call, getpid());
    else if (key.size > 4 && !memcmp(key.data, "try:", 4)) reply_number(call, forbidden(key));
    else if (key.size > 4 && !memcmp(key.data, "env:", 4)) {
        char name[64] = {0};
        const char *value;
        memcpy(name, key.data + 4, key.size - 4 < 63 ? key.size - 4 : 63);
        value = getenv(name);
        reply(call, value ? value : "", value ? strlen(value) : 0);
    } else reply(call, key.data, key.size);
}

static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    store *made = calloc(1, sizeof *made);
    (void)config, (void)call;
#ifdef CRASH_IN_CREATE
    *(volatile int *)16 = 1;
#endif
    if (!made) return OCTAVO_FAILED;
    made->instance = instance;
    *self = made;
    return OCTAVO_OK;
}

static void start(void *self, octavo_call call, const octavo_life_request *request) {
    (void)self, (void)request;
    octavo_done(host, call);
}

static void destroy(void *self) { free(self); }

static void set(void *self, octavo_call call, const octavo_state_write_request *request) {
    (void)self;
    if (is(request->write.key, "segv")) *(volatile int *)16 = 1;
    octavo_reply_state_write(host, call, octavo_text("1"));
}

static void remove_key(void *self, octavo_call call, const octavo_state_write_request *request) {
    (void)self, (void)request;
    octavo_done(host, call);
}

static const octavo_life life = {.size = sizeof life, .create = create, .start = start, .destroy = destroy};
static const octavo_state_ops ops = {.size = sizeof ops, .get = get, .set = set, .remove = remove_key};

#define TEXT(literal) {literal, sizeof literal - 1}
#define TYPE(name, execution) \
    {sizeof(octavo_type), OCTAVO_KIND_STATE, execution, 2, 0, 0, TEXT(name), TEXT("v1"), {NULL, 0, 0}, NULL, &life, &ops}
static const octavo_type inline_type = TYPE("state." ID, OCTAVO_EXECUTION_INLINE);
static const octavo_type reactor_type = TYPE("state." ID "-reactor", OCTAVO_EXECUTION_REACTOR);
static const octavo_type blocking_type = TYPE("state." ID "-blocking", OCTAVO_EXECUTION_BLOCKING);
static const octavo_type *const types[] = {&inline_type, &reactor_type, &blocking_type};

#ifdef CRASH_IN_CONSTRUCTOR
__attribute__((constructor)) static void construct(void) { *(volatile int *)16 = 1; }
#endif

static int32_t plugin_start(const octavo_host *given, octavo_call call) {
    (void)call;
#ifdef CRASH_IN_START
    *(volatile int *)16 = 1;
#endif
    host = given;
    return OCTAVO_OK;
}

static const octavo_plugin plugin = {
    .size = sizeof plugin, .flags = OCTAVO_PLUGIN_UNLOADABLE, .id = TEXT(ID), .version = TEXT("1.0.0"),
    .types = types, .type_count = 3, .start = plugin_start,
};

const octavo_plugin *octavo_plugin_v1(void) { return &plugin; }
