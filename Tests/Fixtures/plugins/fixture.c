/*
 * A plugin for tests: one small store in each execution model, that misbehaves on request. The key of a
 * get says how it is answered; the component's metadata says how it starts. Compiled with
 *   VERSION  text, the plugin's version, also the value of the key "version"
 *   ID       text, the plugin's id
 *   TYPE_FLAGS, NOTE (0: without a note)
 *   DIES_IF  path: where that file exists, its process ends when it is loaded
 *   DIES_AFTER_US  its process ends by itself so many microseconds after it was loaded
 */
#define _GNU_SOURCE
#include <octavo/octavo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef ID
#define ID "fixture"
#endif
#ifndef TYPE_FLAGS
#define TYPE_FLAGS 0
#endif
#ifndef NOTE
#define NOTE 1
#endif
#ifndef UNHEALTHY
#define UNHEALTHY 0
#endif
#ifndef FORMAT
#define FORMAT 1
#endif

#define ENTRIES 64
#define KEPT 2048

#define INLINE_NAME "state." ID
#define REACTOR_NAME "state." ID "-reactor"
#define BLOCKING_NAME "state." ID "-blocking"

#if NOTE
OCTAVO_NOTE(ID, VERSION, 1u << OCTAVO_KIND_STATE, OCTAVO_PLUGIN_UNLOADABLE,
            INLINE_NAME "\0" REACTOR_NAME "\0" BLOCKING_NAME);
#endif

static const octavo_host *host;
static int starts; /* of all instances */

typedef struct entry {
    char key[64], value[64];
} entry;

typedef struct store {
    octavo_instance *instance;
    int execution;
    pthread_mutex_t lock;
    entry entries[ENTRIES];
    octavo_call kept[KEPT]; /* calls that were not completed */
    int kept_count;
    octavo_call start;
    int64_t fail_starts, block_start_ms, hang_start, hang_destroy_ms, refuse, label;
    int running; /* operations on the stack, to see whether they overlap */
    int overlaps;
    int cancels;
} store;

static int is(octavo_str text, const char *word) {
    return text.size == strlen(word) && !memcmp(text.data, word, text.size);
}

static int begins(octavo_str text, const char *word) {
    return text.size >= strlen(word) && !memcmp(text.data, word, strlen(word));
}

static int64_t number(octavo_str text, const char *word) {
    char copy[32] = {0};
    size_t skip = strlen(word), size = text.size - skip;
    memcpy(copy, text.data + skip, size < sizeof copy - 1 ? size : sizeof copy - 1);
    return atoll(copy);
}

static void pause_ms(int64_t ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static int32_t reply(octavo_call call, const void *data, size_t size) {
    octavo_state_get_reply answer;
    memset(&answer, 0, sizeof answer);
    answer.size = sizeof answer;
    answer.flags = OCTAVO_STATE_FOUND;
    answer.value = (octavo_bytes){data, size};
    return host->complete(call, NULL, &answer);
}

static int32_t reply_number(octavo_call call, long long value) {
    char text[32];
    return reply(call, text, (size_t)snprintf(text, sizeof text, "%lld", value));
}

static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    store *made = calloc(1, sizeof *made);
    uint32_t i;
    made->instance = instance;
    made->execution = is(config->type, REACTOR_NAME) ? OCTAVO_EXECUTION_REACTOR
                      : is(config->type, BLOCKING_NAME) ? OCTAVO_EXECUTION_BLOCKING : OCTAVO_EXECUTION_INLINE;
    pthread_mutex_init(&made->lock, NULL);
    for (i = 0; i < config->values.count; i++) {
        const octavo_value *value = octavo_list_at(config->values, i);
        if (is(value->name, "failStarts")) made->fail_starts = value->integer;
        if (is(value->name, "blockStart")) made->block_start_ms = value->integer / 1000000;
        if (is(value->name, "hangStart")) made->hang_start = value->integer;
        if (is(value->name, "hangDestroy")) made->hang_destroy_ms = value->integer / 1000000;
        if (is(value->name, "label")) made->label = value->integer;
        if (is(value->name, "refuse")) made->refuse = value->integer;
    }
    if (made->refuse) {
        free(made);
        octavo_fail(host, call, OCTAVO_CODE_INVALID_ARGUMENT, NULL, octavo_text("the fixture was told to refuse"));
        return OCTAVO_FAILED;
    }
    *self = made;
    return OCTAVO_OK;
}

static void start(void *self, octavo_call call, const octavo_life_request *request) {
    store *me = self;
    int count = __atomic_add_fetch(&starts, 1, __ATOMIC_SEQ_CST);
    (void)request;
    if (me->block_start_ms) pause_ms(me->block_start_ms);
    if (me->hang_start) {
        me->start = call;
        return;
    }
    if (count <= me->fail_starts) {
        octavo_fail(host, call, OCTAVO_CODE_UNAVAILABLE, "REFUSED", octavo_text("the backend refused the connection"));
        return;
    }
    octavo_done(host, call);
}

static void health(void *self, octavo_call call, const octavo_life_request *request) {
    (void)self, (void)request;
    if (UNHEALTHY) octavo_fail(host, call, OCTAVO_CODE_UNAVAILABLE, NULL, octavo_text("the fixture is unwell"));
    else octavo_done(host, call);
}

static void stop(void *self, octavo_call call, const octavo_life_request *request) {
    store *me = self;
    int i;
    (void)request;
    if (me->start) octavo_fail(host, me->start, OCTAVO_CODE_UNAVAILABLE, NULL, octavo_text("stopped"));
    for (i = 0; i < me->kept_count; i++)
        octavo_fail(host, me->kept[i], OCTAVO_CODE_UNAVAILABLE, NULL, octavo_text("stopped"));
    octavo_done(host, call);
}

static void destroy(void *self) {
    store *me = self;
    if (me->hang_destroy_ms) pause_ms(me->hang_destroy_ms);
    if (__atomic_load_n(&me->running, __ATOMIC_SEQ_CST)) abort(); /* an operation is still in our code */
    pthread_mutex_destroy(&me->lock);
    memset(me, 0xdd, sizeof *me);
    free(me);
}

static void cancel(void *self, octavo_call call) {
    (void)call;
    __atomic_add_fetch(&((store *)self)->cancels, 1, __ATOMIC_RELAXED);
}

typedef struct job {
    store *me;
    octavo_call call;
    int64_t number;
    void *memory;
} job;

static void finish_job(void *argument) {
    job *given = argument;
    reply(given->call, "later", 5);
    free(given);
}

static void *thread_job(void *argument) {
    pause_ms(((job *)argument)->number);
    finish_job(argument);
    return NULL;
}

static void own_thread(void *argument) { thread_job(argument); }

static void post_job(void *argument) { reply_number(((job *)argument)->call, ((job *)argument)->number); free(argument); }

static void on_pipe(void *argument, int32_t descriptor, uint32_t events) {
    job *given = argument;
    char byte;
    uint64_t watch = (uint64_t)(uintptr_t)given->memory;
    (void)events;
    if (read(descriptor, &byte, 1) != 1) return;
    host->watch_remove(given->me->instance, watch);
    /* A handle that was removed is stale. */
    reply_number(given->call, host->watch_remove(given->me->instance, watch));
    close(descriptor);
    free(given);
}

static void stamp(void *argument) { (void)argument; }

static void *complete_elsewhere(void *argument) {
    job *given = argument;
    given->number = reply(given->call, "thread", 6);
    return given;
}

static void get(void *self, octavo_call call, const octavo_state_get_request *request) {
    store *me = self;
    octavo_str key = request->key;
    int i;
    if (__atomic_add_fetch(&me->running, 1, __ATOMIC_SEQ_CST) > 1) __atomic_add_fetch(&me->overlaps, 1, __ATOMIC_SEQ_CST);
    if (is(key, "version")) {
        reply(call, VERSION, strlen(VERSION));
    } else if (is(key, "label")) {
        reply_number(call, me->label);
    } else if (begins(key, "later:")) {
        job *given = calloc(1, sizeof *given);
        *given = (job){me, call, number(key, "later:"), NULL};
        if (me->execution == OCTAVO_EXECUTION_REACTOR)
            host->timer_set(me->instance, given->number * 1000000, finish_job, given);
        else if (me->execution == OCTAVO_EXECUTION_BLOCKING)
            thread_job(given);
        else
            host->thread_start(me->instance, octavo_text("fixture-own"), own_thread, given);
    } else if (is(key, "pid")) {
        reply_number(call, getpid());
    } else if (is(key, "fault")) {
        *(volatile int *)16 = 1;
    } else if (is(key, "abort")) {
        abort();
    } else if (is(key, "exit")) {
        _exit(3);
    } else if (is(key, "freeze")) {
        raise(SIGSTOP);
    } else if (begins(key, "linger:")) {
        int64_t milliseconds = number(key, "linger:");
        reply(call, "gone", 4);
        pause_ms(milliseconds);
    } else if (is(key, "never")) {
        pthread_mutex_lock(&me->lock);
        me->kept[me->kept_count++ % KEPT] = call;
        pthread_mutex_unlock(&me->lock);
    } else if (is(key, "complete-kept")) {
        long long stale = 0;
        pthread_mutex_lock(&me->lock);
        for (i = 0; i < me->kept_count; i++) stale += reply(me->kept[i], "late", 4) == OCTAVO_STALE;
        me->kept_count = 0;
        pthread_mutex_unlock(&me->lock);
        reply_number(call, stale);
    } else if (is(key, "twice")) {
        octavo_call again = call;
        reply(call, "first", 5);
        reply(again, "second", 6);
    } else if (is(key, "race")) {
        /* Four threads complete the same call: one may win. */
        pthread_t threads[4];
        job jobs[4];
        int won = 0;
        for (i = 0; i < 4; i++) {
            jobs[i] = (job){me, call, 0, NULL};
            pthread_create(&threads[i], NULL, complete_elsewhere, &jobs[i]);
        }
        for (i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
            won += jobs[i].number == OCTAVO_OK;
        }
        if (won > 1) abort(); /* none: the call had ended before */
    } else if (is(key, "forged")) {
        octavo_buffer buffer;
        uint64_t seed = 88172645463325252ull, wrong = 0;
        for (i = 0; i < 10000; i++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            if (seed == call) continue;
            wrong += reply(seed, "forged", 6) != OCTAVO_STALE;
            wrong += host->reply_buffer(seed, 8, &buffer) != OCTAVO_STALE;
            wrong += host->is_open(seed) != 0;
            wrong += (uint64_t)host->deadline(seed) != 0;
        }
        wrong += reply(0, "forged", 6) != OCTAVO_STALE;
        wrong += reply(UINT64_MAX, "forged", 6) != OCTAVO_STALE;
        wrong += reply(call ^ (1ull << 32), "forged", 6) != OCTAVO_STALE;
        reply_number(call, (long long)wrong);
    } else if (is(key, "short")) {
        uint32_t size = 4;
        host->complete(call, NULL, &size);
    } else if (is(key, "short-error")) {
        uint32_t size = 4;
        host->complete(call, (const octavo_error *)(const void *)&size, NULL);
    } else if (is(key, "bad-code")) {
        octavo_fail(host, call, 99, NULL, octavo_text("impossible"));
    } else if (is(key, "bad-slice")) {
        reply(call, NULL, 77);
    } else if (is(key, "outage")) {
        octavo_error error;
        memset(&error, 0, sizeof error);
        error.size = sizeof error;
        error.code = OCTAVO_CODE_UNAVAILABLE;
        error.flags = OCTAVO_ERROR_OUTAGE;
        error.message = octavo_text("the backend is away");
        host->complete(call, &error, NULL);
    } else if (is(key, "buffer")) {
        octavo_buffer buffer, second;
        if (host->reply_buffer(call, 100000, &buffer) == OCTAVO_OK) {
            if (host->reply_buffer(call, 8, &second) == OCTAVO_OK) abort(); /* one a call */
            memset(buffer.data, 'b', buffer.size);
            reply(call, buffer.data, buffer.size);
        } else {
            octavo_done(host, call);
        }
    } else if (is(key, "open")) {
        reply_number(call, host->is_open(call) && (host->deadline(call) != 0) == (request->head.deadline_ns != 0));
    } else if (begins(key, "post:")) {
        job *given = calloc(1, sizeof *given);
        *given = (job){me, call, number(key, "post:"), NULL};
        host->post(me->instance, post_job, given);
    } else if (is(key, "pipe")) {
        job *given = calloc(1, sizeof *given);
        int ends[2];
        if (pipe(ends)) abort();
        *given = (job){me, call, 0, NULL};
        given->memory = (void *)(uintptr_t)host->watch_add(me->instance, ends[0], OCTAVO_EVENT_READABLE, on_pipe, given);
        if (write(ends[1], "x", 1) != 1) abort();
        close(ends[1]);
    } else if (is(key, "forget-timer")) {
        host->timer_set(me->instance, 3600ll * 1000000000, stamp, NULL);
        reply_number(call, 0);
    } else if (is(key, "cancels")) {
        reply_number(call, __atomic_load_n(&me->cancels, __ATOMIC_RELAXED));
    } else if (is(key, "overlaps")) {
        reply_number(call, __atomic_load_n(&me->overlaps, __ATOMIC_RELAXED));
    } else if (is(key, "role")) {
        reply_number(call, host->thread_is(me->instance, OCTAVO_ROLE_REACTOR) * 2 +
                               host->thread_is(me->instance, OCTAVO_ROLE_WORKER));
    } else if (begins(key, "sleep:")) {
        pause_ms(number(key, "sleep:"));
        reply(call, "slept", 5);
    } else if (is(key, "log")) {
        for (i = 0; i < 1000; i++)
            host->log(me->instance, call, OCTAVO_LOG_WARNING, octavo_text("a line of the fixture"), (octavo_list){0});
        reply_number(call, 0);
    } else {
        octavo_state_get_reply answer;
        memset(&answer, 0, sizeof answer);
        answer.size = sizeof answer;
        pthread_mutex_lock(&me->lock);
        for (i = 0; i < ENTRIES; i++) {
            if (!me->entries[i].key[0] || !is(key, me->entries[i].key)) continue;
            answer.flags = OCTAVO_STATE_FOUND;
            answer.value = (octavo_bytes){(const uint8_t *)me->entries[i].value, strlen(me->entries[i].value)};
            break;
        }
        /* Under the lock on purpose: a waiter that calls again at once must not dead-lock. */
        host->complete(call, NULL, &answer);
        pthread_mutex_unlock(&me->lock);
    }
    __atomic_sub_fetch(&me->running, 1, __ATOMIC_SEQ_CST);
}

static void put(store *me, octavo_str key, octavo_bytes value) {
    int i, at = -1;
    for (i = 0; i < ENTRIES && at < 0; i++)
        if (me->entries[i].key[0] && is(key, me->entries[i].key)) at = i;
    for (i = 0; i < ENTRIES && at < 0; i++)
        if (!me->entries[i].key[0]) at = i;
    if (at < 0) return;
    snprintf(me->entries[at].key, sizeof me->entries[at].key, "%.*s", (int)key.size, key.data);
    snprintf(me->entries[at].value, sizeof me->entries[at].value, "%.*s", (int)value.size, (const char *)value.data);
}

static void set(void *self, octavo_call call, const octavo_state_write_request *request) {
    store *me = self;
    pthread_mutex_lock(&me->lock);
    put(me, request->write.key, request->write.value);
    pthread_mutex_unlock(&me->lock);
    octavo_reply_state_write(host, call, octavo_text("1"));
}

static void remove_key(void *self, octavo_call call, const octavo_state_write_request *request) {
    (void)self, (void)request;
    octavo_done(host, call);
}

static int32_t export_state(void *self, octavo_handoff_sink sink, void *argument) {
    store *me = self;
    int i;
    for (i = 0; i < ENTRIES; i++) {
        octavo_bytes piece = {(const uint8_t *)&me->entries[i], sizeof me->entries[i]};
        int32_t answer = me->entries[i].key[0] ? sink(argument, piece) : OCTAVO_OK;
        if (answer != OCTAVO_OK) return answer;
    }
    return OCTAVO_OK;
}

static int32_t import_state(void *self, octavo_bytes piece) {
    const entry *from = (const entry *)(const void *)piece.data;
    if (piece.size != sizeof *from) return OCTAVO_FAILED;
    put(self, octavo_text(from->key), (octavo_bytes){(const uint8_t *)from->value, strlen(from->value)});
    return OCTAVO_OK;
}

static const octavo_handoff handoff = {sizeof handoff, FORMAT, export_state, import_state};

static const void *get_extension(void *self, octavo_str id) {
    (void)self;
    return is(id, OCTAVO_EXTENSION_HANDOFF) ? &handoff : NULL;
}

static const octavo_life life = {
    sizeof life, 0, create, NULL, start, health, NULL, NULL, stop, destroy, cancel, get_extension,
};

static const octavo_state_ops ops = {.size = sizeof ops, .get = get, .set = set, .remove = remove_key};

#define TEXT(literal) {literal, sizeof literal - 1}
static const octavo_str words[] = {TEXT("red"), TEXT("green")};
static const octavo_str host_aliases[] = {TEXT("server")};
static const octavo_field fields[] = {
    {.name = TEXT("failStarts"), .type = OCTAVO_FIELD_INTEGER},
    {.name = TEXT("blockStart"), .type = OCTAVO_FIELD_DURATION},
    {.name = TEXT("hangStart"), .type = OCTAVO_FIELD_BOOLEAN},
    {.name = TEXT("hangDestroy"), .type = OCTAVO_FIELD_DURATION},
    {.name = TEXT("refuse"), .type = OCTAVO_FIELD_BOOLEAN},
    {.name = TEXT("label"), .type = OCTAVO_FIELD_INTEGER},
    {.name = TEXT("host"), .aliases = {host_aliases, 1, sizeof(octavo_str)}},
    {.name = TEXT("colour"), .type = OCTAVO_FIELD_ENUM, .allowed = {words, 2, sizeof(octavo_str)}},
};
static const octavo_schema schema = {
    .size = sizeof schema, .title = TEXT("Fixture"),
    .fields = {fields, sizeof fields / sizeof *fields, sizeof(octavo_field)},
};

#define TYPE(name, execution)                                                                    \
    {sizeof(octavo_type), OCTAVO_KIND_STATE, execution, 3, TYPE_FLAGS, OCTAVO_STATE_ETAG, TEXT(name), TEXT("v1"), \
     {NULL, 0, 0}, &schema, &life, &ops}
static const octavo_type inline_type = TYPE(INLINE_NAME, OCTAVO_EXECUTION_INLINE);
static const octavo_type reactor_type = TYPE(REACTOR_NAME, OCTAVO_EXECUTION_REACTOR);
static const octavo_type blocking_type = TYPE(BLOCKING_NAME, OCTAVO_EXECUTION_BLOCKING);
static const octavo_type *const types[] = {&inline_type, &reactor_type, &blocking_type};

#ifdef DIES_IF
__attribute__((constructor)) static void die(void) {
    if (!access(DIES_IF, F_OK)) _exit(3);
}
#endif

#ifdef DIES_AFTER_US
static void *dying(void *unused) {
    usleep(DIES_AFTER_US);
    _exit(3);
    return unused;
}
__attribute__((constructor)) static void die_soon(void) {
    pthread_t thread;
    if (!pthread_create(&thread, NULL, dying, NULL)) pthread_detach(thread);
}
#endif

static int32_t plugin_start(const octavo_host *given, octavo_call call) {
    (void)call;
    host = given;
    return OCTAVO_OK;
}

static const octavo_plugin plugin = {
    .size = sizeof plugin, .flags = OCTAVO_PLUGIN_UNLOADABLE, .id = TEXT(ID), .version = TEXT(VERSION),
    .types = types, .type_count = 3, .start = plugin_start,
};

const octavo_plugin *octavo_plugin_v1(void) { return &plugin; }
