/*
 * A small state store that keeps to the ABI, but for the one rule that FAULT names: what `octavo plugin check` is
 * tried on. FAULT 0 breaks none.
 */
#define _GNU_SOURCE
#include <octavo/octavo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NONE 0
#define LEAK_DESCRIPTOR 1    /* each instance leaves one open */
#define LEAK_THREAD 2        /* each instance leaves one running */
#define LEAK_HOST_MEMORY 3   /* each instance leaves memory of the host */
#define COMPLETE_TWICE 4
#define COMPLETE_NEVER 5     /* remove */
#define COMPLETE_LATE 25     /* the first remove takes 6 s */
#define CRASH_ON_ABSENT 6    /* get with an absent key */
#define CALL_EXIT 7          /* get with an empty key */
#define SLOW_INLINE 8        /* get takes 3 ms */
#define READ_PAST_END 9      /* takes slices for C strings */
#define LOST_LOCK 10         /* an etag is checked before the lock is taken */
#define CUT_AT_NUL 11        /* values end at their first NUL */
#define SILENT_ERROR 12      /* an error without a message */
#define HANG_IN_DESTROY 14
#define SIGNAL_HANDLER 15
#define CHANGE_FOLDER 16
#define IGNORE_ETAG 17
#define NO_OPERATION 18      /* the feature BULK without its operations */
#define CRASH_IN_CREATE 19
#define SHORT_REPLY 20       /* a reply whose size is nothing */
#define HANG_IN_START 21
#define FALSE_NOTE 22        /* another version in the note */
#define UNKNOWN_PLACE 23     /* answers differently where it is isolated */
#define NO_NOTE 24

#ifndef FAULT
#define FAULT NONE
#endif

#if FAULT == FALSE_NOTE
OCTAVO_NOTE("faulty", "2.0.0", 1u << OCTAVO_KIND_STATE, OCTAVO_PLUGIN_UNLOADABLE, "state.faulty");
#elif FAULT != NO_NOTE
OCTAVO_NOTE("faulty", "1.0.0", 1u << OCTAVO_KIND_STATE, OCTAVO_PLUGIN_UNLOADABLE, "state.faulty");
#endif

typedef struct entry {
    struct entry *next;
    char *key;
    uint8_t *value;
    size_t key_size, size;
    uint64_t version;
} entry;

typedef struct store {
    pthread_mutex_t lock;
    entry *entries;
    uint64_t version;
} store;

static const octavo_host *host;

static entry *find(store *self, octavo_str key) {
    entry *one;
    for (one = self->entries; one; one = one->next)
        if (one->key_size == key.size && (key.size == 0 || !memcmp(one->key, key.data, key.size))) return one;
    return NULL;
}

static void forget(entry *one) {
    free(one->key);
    free(one->value);
    free(one);
}

static void discard(store *self, entry *gone) {
    entry **place = &self->entries;
    while (*place != gone) place = &(*place)->next;
    *place = gone->next;
    forget(gone);
}

static octavo_str etag_text(uint64_t version, char text[24]) {
    return (octavo_str){text, (uint64_t)snprintf(text, 24, "%llu", (unsigned long long)version)};
}

static int refuses(const entry *one, const octavo_state_write *write_) {
    char text[24];
    octavo_str etag;
    if (FAULT == IGNORE_ETAG) return 0;
    if (!write_->etag.data) return write_->concurrency == OCTAVO_CONCURRENCY_FIRST_WRITE && one;
    if (!one) return 1;
    etag = etag_text(one->version, text);
    return etag.size != write_->etag.size || memcmp(etag.data, write_->etag.data, etag.size) != 0;
}

static void mismatch(octavo_call call) {
    octavo_fail(host, call, OCTAVO_CODE_ABORTED, "ETAG_MISMATCH", octavo_text("The etag is not the value's."));
}

static void wait_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void get(void *pointer, octavo_call call, const octavo_state_get_request *request) {
    store *self = pointer;
    octavo_state_get_reply reply = {.size = sizeof reply};
    char text[24];
    uint8_t *copy = NULL;
    entry *one;
    if (FAULT == CRASH_ON_ABSENT && !request->key.data) *(volatile int *)8 = 1;
    if (FAULT == CALL_EXIT && request->key.data && request->key.size == 0) exit(7);
    if (FAULT == SLOW_INLINE) wait_ms(3);
    if (FAULT == READ_PAST_END && request->key.data && strlen(request->key.data) > 1u << 30) return;
    if (FAULT == SILENT_ERROR && !request->key.data) {
        octavo_fail(host, call, OCTAVO_CODE_INVALID_ARGUMENT, NULL, (octavo_str){NULL, 0});
        return;
    }
    if (FAULT == UNKNOWN_PLACE && !request->key.data) {
        char name[64] = {0};
        ssize_t size = readlink("/proc/self/exe", name, sizeof name - 1);
        (void)size;
        if (strstr(name, "plugin-host") || strlen(name) > 62) {
            char whole[4096] = {0};
            size = readlink("/proc/self/exe", whole, sizeof whole - 1);
            if (strstr(whole, "octavo-plugin-host")) {
                octavo_fail(host, call, OCTAVO_CODE_INVALID_ARGUMENT, NULL, octavo_text("A key is needed here."));
                return;
            }
        }
    }
    pthread_mutex_lock(&self->lock);
    one = find(self, request->key);
    if (one) {
        size_t size = FAULT == CUT_AT_NUL ? strnlen((char *)one->value, one->size) : one->size;
        copy = malloc(size + 1);
        memcpy(copy, one->value, size);
        reply.flags = OCTAVO_STATE_FOUND;
        reply.value = (octavo_bytes){copy, size};
        reply.etag = etag_text(one->version, text);
    }
    pthread_mutex_unlock(&self->lock);
    if (FAULT == SHORT_REPLY) reply.size = 4;
    octavo_reply_state_get(host, call, &reply);
    if (FAULT == COMPLETE_TWICE) octavo_reply_state_get(host, call, &reply);
    free(copy);
}

static void set(void *pointer, octavo_call call, const octavo_state_write_request *request) {
    store *self = pointer;
    const octavo_state_write *write_ = &request->write;
    char text[24];
    uint64_t version;
    entry *one;
    if (FAULT == LOST_LOCK) {
        int refused;
        pthread_mutex_lock(&self->lock);
        refused = refuses(find(self, write_->key), write_);
        pthread_mutex_unlock(&self->lock);
        if (refused) return mismatch(call);
        wait_ms(1);
    }
    pthread_mutex_lock(&self->lock);
    one = find(self, write_->key);
    if (FAULT != LOST_LOCK && refuses(one, write_)) {
        pthread_mutex_unlock(&self->lock);
        return mismatch(call);
    }
    if (!one) {
        one = calloc(1, sizeof *one);
        one->key = malloc(write_->key.size + 1);
        if (write_->key.size) memcpy(one->key, write_->key.data, write_->key.size);
        one->key_size = write_->key.size;
        one->next = self->entries;
        self->entries = one;
    }
    free(one->value);
    one->value = malloc(write_->value.size + 1);
    if (write_->value.size) memcpy(one->value, write_->value.data, write_->value.size);
    one->size = write_->value.size;
    version = one->version = ++self->version;
    pthread_mutex_unlock(&self->lock);
    octavo_reply_state_write(host, call, etag_text(version, text));
}

static void remove_key(void *pointer, octavo_call call, const octavo_state_write_request *request) {
    store *self = pointer;
    entry *one;
    static int is_warm;
    if (FAULT == COMPLETE_NEVER) return;
    if (FAULT == COMPLETE_LATE && !__atomic_exchange_n(&is_warm, 1, __ATOMIC_RELAXED)) wait_ms(6000);
    pthread_mutex_lock(&self->lock);
    one = find(self, request->write.key);
    if (refuses(one, &request->write)) {
        pthread_mutex_unlock(&self->lock);
        return mismatch(call);
    }
    if (one) discard(self, one);
    pthread_mutex_unlock(&self->lock);
    octavo_reply_state_write(host, call, (octavo_str){NULL, 0});
}

static void *idle(void *argument) {
    for (;;) pause();
    return argument;
}

static void ignored(int number) { (void)number; }

static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    store *made = calloc(1, sizeof *made);
    (void)config;
    (void)call;
    pthread_mutex_init(&made->lock, NULL);
    if (FAULT == CRASH_IN_CREATE) abort();
    if (FAULT == LEAK_DESCRIPTOR && open("/dev/null", O_RDONLY) < 0) abort();
    if (FAULT == LEAK_THREAD) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, idle, NULL)) abort();
        pthread_detach(thread);
    }
    if (FAULT == LEAK_HOST_MEMORY && !host->alloc(instance, 100)) abort();
    if (FAULT == SIGNAL_HANDLER) signal(SIGUSR2, ignored);
    if (FAULT == CHANGE_FOLDER && chdir("/")) abort();
    *self = made;
    return OCTAVO_OK;
}

static void start(void *self, octavo_call call, const octavo_life_request *request) {
    (void)self;
    (void)request;
    if (FAULT == HANG_IN_START) pause();
    octavo_done(host, call);
}

static void destroy(void *pointer) {
    store *self = pointer;
    entry *one = self->entries, *next;
    if (FAULT == HANG_IN_DESTROY)
        for (;;) pause();
    for (; one; one = next) {
        next = one->next;
        forget(one);
    }
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static const octavo_state_ops ops = {.size = sizeof ops, .get = get, .set = set, .remove = remove_key};
static const octavo_life life = {.size = sizeof life, .create = create, .start = start, .destroy = destroy};

#define TEXT(literal) {literal, sizeof(literal) - 1}
static const octavo_type type = {
    .size = sizeof type, .kind = OCTAVO_KIND_STATE,
    .execution = FAULT == LOST_LOCK || FAULT == COMPLETE_LATE ? OCTAVO_EXECUTION_BLOCKING : OCTAVO_EXECUTION_INLINE, .workers = 4,
    .features = OCTAVO_STATE_ETAG | (FAULT == NO_OPERATION ? OCTAVO_STATE_BULK : 0), .name = TEXT("state.faulty"),
    .version = TEXT("v1"), .life = &life, .ops = &ops};
static const octavo_type *const types[] = {&type};

static int32_t begin(const octavo_host *table, octavo_call call) {
    (void)call;
    host = table;
    return OCTAVO_OK;
}

static const octavo_plugin plugin = {
    .size = sizeof plugin, .flags = OCTAVO_PLUGIN_UNLOADABLE, .abi_minor = OCTAVO_ABI_MINOR,
    .requires_features = OCTAVO_FEATURE_CALLS, .id = TEXT("faulty"), .version = TEXT("1.0.0"), .vendor = TEXT("tests"),
    .description = TEXT("breaks one rule"), .types = types, .type_count = 1, .start = begin};

OCTAVO_EXPORT const octavo_plugin *octavo_plugin_v1(void);
const octavo_plugin *octavo_plugin_v1(void) { return &plugin; }
