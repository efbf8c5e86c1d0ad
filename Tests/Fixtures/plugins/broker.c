/*
 * A broker for tests: one topic, whose messages and acknowledgements are files in the folder of the setting `folder`,
 * so that they outlive the process; without one it forgets them. One type for each execution model. A watch delivers
 * as many changes as the setting `changes` says, from a thread of its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <octavo/octavo.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "1.0.0"
#endif

OCTAVO_NOTE("broker", VERSION, 1u << OCTAVO_KIND_PUBSUB | 1u << OCTAVO_KIND_CONFIGURATION, OCTAVO_PLUGIN_UNLOADABLE,
            "pubsub.broker\0pubsub.broker-reactor\0pubsub.broker-blocking\0configuration.broker");

#define MESSAGES 200000u
#define SOURCES 16u
#define WAITS 0u
#define DELIVERED 1u
#define DONE 2u

typedef struct source {
    octavo_source handle; /* 0: none */
    uint64_t credit;
} source;

typedef struct broker {
    octavo_instance *instance;
    pthread_mutex_t lock;
    char folder[256];
    long changes, failures;
    char *texts[MESSAGES];
    uint8_t states[MESSAGES];
    octavo_source to[MESSAGES];
    uint64_t count, from;
    source sources[SOURCES];
    octavo_source watched;
    int messages, acks;
    off_t messages_read;
} broker;

static const octavo_host *host;

static void fail(octavo_call call, int32_t code, const char *message) {
    octavo_error error;
    memset(&error, 0, sizeof error);
    error.size = sizeof error;
    error.code = code;
    error.message = octavo_text(message);
    host->complete(call, &error, NULL);
}

static void add(broker *it, const char *text, size_t size) {
    if (it->count == MESSAGES) abort();
    it->texts[it->count] = strndup(text, size);
    it->states[it->count++] = WAITS;
}

static int open_file(const broker *it, const char *name) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", it->folder, name);
    return open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void append(int file, const char *text, size_t size) {
    char line[300];
    int length = snprintf(line, sizeof line, "%.*s\n", (int)size, text);
    if (write(file, line, (size_t)length) != length) abort();
}

/* Lines of the file from `*at` on, whole ones only. */
static void read_lines(broker *it, int file, off_t *at, void (*take)(broker *, const char *, size_t)) {
    char buffer[65536];
    ssize_t got;
    while ((got = pread(file, buffer, sizeof buffer, *at)) > 0) {
        char *from = buffer, *end;
        while ((end = memchr(from, '\n', (size_t)(buffer + got - from)))) {
            take(it, from, (size_t)(end - from));
            from = end + 1;
        }
        if (from == buffer) return;
        *at += from - buffer;
    }
}

static void take_ack(broker *it, const char *text, size_t size) {
    unsigned long at = strtoul(text, NULL, 10);
    (void)size;
    if (at < it->count) it->states[at] = DONE;
}

/* What other instances, and processes before, have written. */
static void sync_messages(broker *it) {
    if (it->folder[0]) read_lines(it, it->messages, &it->messages_read, add);
}

/* Under the lock, which deliver may be called under: it never calls back. */
static void pump(broker *it) {
    sync_messages(it);
    while (it->from < it->count && it->states[it->from] == DONE) it->from++;
    for (uint64_t i = it->from; i < it->count; i++) {
        source *to = NULL;
        octavo_pubsub_message message;
        int32_t answer;
        if (it->states[i] != WAITS) continue;
        for (uint32_t k = 0; k < SOURCES && !to; k++)
            if (it->sources[k].handle && it->sources[k].credit) to = &it->sources[k];
        if (!to) return;
        memset(&message, 0, sizeof message);
        message.size = sizeof message;
        message.topic = octavo_text("topic");
        message.data = (octavo_bytes){(const uint8_t *)it->texts[i], strlen(it->texts[i])};
        answer = host->deliver(to->handle, i + 1, &message);
        if (answer != OCTAVO_OK) {
            /* NO_CREDIT: it is being paused, and will be told so; STALE: it has ended. */
            to->credit = 0;
            i--;
            continue;
        }
        to->credit--;
        it->states[i] = DELIVERED;
        it->to[i] = to->handle;
    }
}

static void give_back(broker *it, octavo_source handle) {
    for (uint64_t i = it->from; i < it->count; i++)
        if (it->states[i] == DELIVERED && it->to[i] == handle) it->states[i] = WAITS;
}

static void publish(void *self, octavo_call call, const octavo_pubsub_publish_request *request) {
    broker *it = self;
    octavo_pubsub_publish_reply reply;
    pthread_mutex_lock(&it->lock);
    if (it->folder[0]) append(it->messages, (const char *)request->data.data, request->data.size);
    else add(it, (const char *)request->data.data, request->data.size);
    pump(it);
    pthread_mutex_unlock(&it->lock);
    memset(&reply, 0, sizeof reply);
    reply.size = sizeof reply;
    reply.message_id = octavo_text(VERSION);
    host->complete(call, NULL, &reply);
}

static void subscribe(void *self, octavo_call call, const octavo_pubsub_subscribe_request *request) {
    broker *it = self;
    octavo_pubsub_message eager;
    uint32_t k = 0;
    memset(&eager, 0, sizeof eager);
    eager.size = sizeof eager;
    /* Nothing may be delivered without credit. */
    if (host->deliver(request->source, 1, &eager) != OCTAVO_NO_CREDIT) abort();
    pthread_mutex_lock(&it->lock);
    if (it->failures > 0) {
        it->failures--;
        pthread_mutex_unlock(&it->lock);
        fail(call, OCTAVO_CODE_UNAVAILABLE, "not yet");
        return;
    }
    while (k < SOURCES && it->sources[k].handle) k++;
    if (k == SOURCES) abort();
    if (it->folder[0]) {
        off_t from = 0;
        sync_messages(it);
        read_lines(it, it->acks, &from, take_ack);
    }
    it->sources[k] = (source){request->source, 0};
    pthread_mutex_unlock(&it->lock);
    octavo_done(host, call);
}

static source *find(broker *it, octavo_source handle) {
    for (uint32_t k = 0; k < SOURCES; k++)
        if (it->sources[k].handle == handle) return &it->sources[k];
    return NULL;
}

static void unsubscribe(void *self, octavo_call call, const octavo_source_request *request) {
    broker *it = self;
    source *found;
    pthread_mutex_lock(&it->lock);
    found = find(it, request->source);
    if (found) found->handle = 0;
    give_back(it, request->source);
    pump(it);
    pthread_mutex_unlock(&it->lock);
    octavo_done(host, call);
}

static void credit(void *self, octavo_call call, const octavo_credit_request *request) {
    broker *it = self;
    source *found;
    if (call) abort();
    pthread_mutex_lock(&it->lock);
    found = find(it, request->source);
    if (found) found->credit = request->messages ? found->credit + request->messages : 0;
    pump(it);
    pthread_mutex_unlock(&it->lock);
}

static void settle(void *self, octavo_call call, const octavo_settle_request *request) {
    broker *it = self;
    uint64_t at = request->token - 1;
    char line[32];
    if (call) abort();
    pthread_mutex_lock(&it->lock);
    if (!find(it, request->source)) {
        /* It has ended it, which the runtime did not know yet. */
        if (it->from <= at && at < it->count && it->states[at] == DELIVERED && it->to[at] == request->source) abort();
        pthread_mutex_unlock(&it->lock);
        return;
    }
    if (at >= it->count || it->states[at] != DELIVERED || it->to[at] != request->source) abort(); /* settled twice, or not its own */
    it->states[at] = request->outcome == OCTAVO_SETTLE_RETRY ? WAITS : DONE;
    if (it->folder[0] && it->states[at] == DONE)
        append(it->acks, line, (size_t)snprintf(line, sizeof line, "%llu", (unsigned long long)at));
    if (!strcmp(it->texts[at], "end")) {
        octavo_error error;
        memset(&error, 0, sizeof error);
        error.size = sizeof error;
        error.code = OCTAVO_CODE_UNAVAILABLE;
        error.message = octavo_text("the broker has gone");
        find(it, request->source)->handle = 0;
        give_back(it, request->source);
        host->source_failed(request->source, &error);
    }
    pump(it);
    pthread_mutex_unlock(&it->lock);
}

/* Changes, one after the other, as fast as they are taken. */
static void deliver_changes(void *argument) {
    broker *it = argument;
    for (long i = 1; i <= it->changes; i++) {
        char text[32];
        octavo_configuration_item item;
        octavo_configuration_change change;
        memset(&item, 0, sizeof item);
        memset(&change, 0, sizeof change);
        snprintf(text, sizeof text, "%ld", i);
        item.key = octavo_text("number");
        item.value = octavo_text(text);
        change.size = sizeof change;
        change.items = (octavo_list){&item, 1, sizeof item};
        if (host->deliver(it->watched, 0, &change) == OCTAVO_NO_CREDIT) return;
    }
}

static void get(void *self, octavo_call call, const octavo_configuration_keys_request *request) {
    octavo_configuration_get_reply none;
    (void)self, (void)request;
    memset(&none, 0, sizeof none);
    none.size = sizeof none;
    host->complete(call, NULL, &none);
}

static void watch(void *self, octavo_call call, const octavo_configuration_watch_request *request) {
    broker *it = self;
    it->watched = request->source;
    octavo_done(host, call);
    host->thread_start(it->instance, octavo_text("changes"), deliver_changes, it);
}

static void unwatch(void *self, octavo_call call, const octavo_source_request *request) {
    (void)self, (void)request;
    octavo_done(host, call);
}

static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    broker *made = calloc(1, sizeof *made);
    (void)call;
    if (!made) return OCTAVO_FAILED;
    made->instance = instance;
    pthread_mutex_init(&made->lock, NULL);
    for (uint32_t i = 0; i < config->values.count; i++) {
        const octavo_value *value = (const octavo_value *)((const uint8_t *)config->values.items + i * config->values.stride);
        char text[256] = {0};
        memcpy(text, value->text.data, value->text.size < 255 ? value->text.size : 255);
        if (value->name.size == 6) memcpy(made->folder, text, sizeof text);
        if (value->name.size == 7) made->changes = atol(text);
        if (value->name.size == 8) made->failures = atol(text);
    }
    if (made->folder[0]) {
        made->messages = open_file(made, "messages");
        made->acks = open_file(made, "acks");
        if (made->messages < 0 || made->acks < 0) abort();
    }
    *self = made;
    return OCTAVO_OK;
}

static void start(void *self, octavo_call call, const octavo_life_request *request) {
    (void)self, (void)request;
    octavo_done(host, call);
}

static void destroy(void *self) {
    broker *it = self;
    for (uint64_t i = 0; i < it->count; i++) free(it->texts[i]);
    if (it->folder[0]) {
        close(it->messages);
        close(it->acks);
    }
    free(it);
}

static const octavo_life life = {.size = sizeof life, .create = create, .start = start, .destroy = destroy};
static const octavo_pubsub_ops ops = {.size = sizeof ops, .publish = publish, .subscribe = subscribe,
                                      .unsubscribe = unsubscribe, .credit = credit, .settle = settle};
static const octavo_configuration_ops watch_ops = {.size = sizeof watch_ops, .get = get, .watch = watch, .unwatch = unwatch};

#define TEXT(literal) {literal, sizeof literal - 1}
#define TYPE(kind, name, execution, ops) \
    {sizeof(octavo_type), kind, execution, 2, 0, 0, TEXT(name), TEXT("v1"), {NULL, 0, 0}, NULL, &life, ops}
static const octavo_type inline_type = TYPE(OCTAVO_KIND_PUBSUB, "pubsub.broker", OCTAVO_EXECUTION_INLINE, &ops);
static const octavo_type reactor_type = TYPE(OCTAVO_KIND_PUBSUB, "pubsub.broker-reactor", OCTAVO_EXECUTION_REACTOR, &ops);
static const octavo_type blocking_type = TYPE(OCTAVO_KIND_PUBSUB, "pubsub.broker-blocking", OCTAVO_EXECUTION_BLOCKING, &ops);
static const octavo_type watch_type = TYPE(OCTAVO_KIND_CONFIGURATION, "configuration.broker", OCTAVO_EXECUTION_INLINE, &watch_ops);
static const octavo_type *const types[] = {&inline_type, &reactor_type, &blocking_type, &watch_type};

static int32_t plugin_start(const octavo_host *given, octavo_call call) {
    (void)call;
    host = given;
    return OCTAVO_OK;
}

static const octavo_plugin plugin = {
    .size = sizeof plugin, .flags = OCTAVO_PLUGIN_UNLOADABLE, .id = TEXT("broker"), .version = TEXT(VERSION),
    .types = types, .type_count = 4, .start = plugin_start,
};

const octavo_plugin *octavo_plugin_v1(void) { return &plugin; }
