#define _GNU_SOURCE
#include "serve.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <octavo/octavo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "limits.h"

/* Requests that may wait for a reactor or for workers. */
#define QUEUE_LIMIT 16384u
#define MAX_TYPES 256u

/* A life function that is to be called. */
typedef struct errand {
    struct errand *next;
    served *to;
    octavo_message message;
    void *body; /* of CREATE: octavo_config; of IMPORT: bytes */
} errand;

/* A plugin of this process. On the main thread alone. */
typedef struct place {
    void *handle;
    const octavo_plugin *plugin; /* NULL: there is none */
} place;

static place places[OCTAVO_PLUGINS_MAX];
/* The question that a plugin is loaded for; 0: nobody has asked, the process was born with it. */
static uint64_t loading;
static served *instances[MAX_INSTANCES]; /* atomic */
static octavo_calls *life_calls;
static pthread_mutex_t sending = PTHREAD_MUTEX_INITIALIZER;
static int32_t log_level = OCTAVO_LOG_INFO; /* atomic */
static uint64_t stale;

void tell(octavo_message message, const octavo_layout *layout, const void *structure) {
    int failed;
    pthread_mutex_lock(&sending);
    failed = octavo_message_send(OCTAVO_HELPER_CONTROL, message, layout, structure);
    pthread_mutex_unlock(&sending);
    /* The runtime is gone: there is nobody to serve. */
    if (failed == EPIPE || failed == ECONNRESET) _exit(0);
}

void tell_bytes(octavo_message message, octavo_bytes body) {
    int failed;
    pthread_mutex_lock(&sending);
    failed = octavo_message_send_bytes(OCTAVO_HELPER_CONTROL, message, body);
    pthread_mutex_unlock(&sending);
    if (failed == EPIPE || failed == ECONNRESET) _exit(0);
}

static octavo_error plain_error(int32_t code, const char *message) {
    octavo_error error;
    memset(&error, 0, sizeof error);
    error.size = sizeof error;
    error.code = code;
    error.message = octavo_text(message);
    return error;
}

static void answer(uint64_t token, const octavo_error *error) {
    octavo_message message = {.type = OCTAVO_MESSAGE_ANSWER, .token = token, .number = error ? 1 : 0};
    tell(message, &octavo_layout_error, error);
}

static void answer_with(uint64_t token, const octavo_layout *layout, const void *structure) {
    octavo_message message = {.type = OCTAVO_MESSAGE_ANSWER, .token = token};
    tell(message, layout, structure);
}

served *instance_at(uint32_t id) {
    return id < MAX_INSTANCES ? __atomic_load_n(&instances[id], __ATOMIC_ACQUIRE) : NULL;
}

/* A life function has completed its call. */
static void deliver_life(void *owner, octavo_slot *slot, const octavo_error *error, const void *reply) {
    uint64_t token = (uint64_t)(uintptr_t)slot->waiter;
    (void)owner, (void)reply;
    octavo_calls_free(slot);
    answer(token, error);
}

static octavo_slot *open_life(const errand *it) {
    octavo_slot *slot = octavo_calls_open(life_calls, sizeof(octavo_life_request));
    octavo_life_request *request;
    if (!slot) return NULL;
    request = (octavo_life_request *)(void *)slot->frame;
    memset(request, 0, sizeof *request);
    request->head.size = sizeof *request;
    request->head.deadline_ns = it->message.deadline_ns;
    slot->deadline_ns = it->message.deadline_ns;
    slot->info = NULL;
    slot->waiter = (void *)(uintptr_t)it->message.token;
    return slot;
}

typedef void (*life_fn)(void *self, octavo_call call, const octavo_life_request *request);

typedef struct life_run {
    const errand *it;
    life_fn function;
    octavo_slot *slot;
} life_run;

static void run_life_here(void *argument) {
    life_run *run = argument;
    run->function(octavo_instance_self(run->it->to->raw), octavo_calls_handle(run->slot),
                  (const octavo_life_request *)(const void *)run->slot->frame);
}

static void run_life(const errand *it, life_fn function) {
    life_run run = {it, function, NULL};
    octavo_error error;
    if (!it->to->created || !function) {
        answer(it->message.token, NULL);
        return;
    }
    run.slot = open_life(it);
    if (!run.slot) {
        error = plain_error(OCTAVO_CODE_RESOURCE_EXHAUSTED, "the plugin's process has no memory");
        answer(it->message.token, &error);
        return;
    }
    octavo_instance_control(it->to->raw, run_life_here, &run);
}

typedef struct create_run {
    const errand *it;
    octavo_slot *slot;
    octavo_call call;
    int32_t outcome;
    void *self;
} create_run;

static void create_here(void *argument) {
    create_run *run = argument;
    served *to = run->it->to;
    run->outcome = to->type->life->create(run->it->body, to->raw, run->call, &run->self);
}

static void run_create(const errand *it) {
    create_run run = {it, NULL, 0, OCTAVO_FAILED, NULL};
    served *to = it->to;
    octavo_error error;
    int failed = octavo_instance_run(to->raw);
    if (failed) {
        error = plain_error(OCTAVO_CODE_RESOURCE_EXHAUSTED, "the plugin's process can't start the component's threads");
        answer(it->message.token, &error);
        return;
    }
    run.slot = open_life(it);
    if (!run.slot) {
        error = plain_error(OCTAVO_CODE_RESOURCE_EXHAUSTED, "the plugin's process has no memory");
        answer(it->message.token, &error);
        return;
    }
    run.call = octavo_calls_handle(run.slot);
    octavo_instance_control(to->raw, create_here, &run);
    if (run.outcome == OCTAVO_OK && run.self) {
        octavo_slot *slot;
        octavo_instance_set_self(to->raw, run.self);
        to->created = 1;
        slot = octavo_calls_take(run.call);
        if (slot) octavo_calls_free(slot);
        __atomic_store_n(&instances[to->id], to, __ATOMIC_RELEASE);
        answer(it->message.token, NULL);
        return;
    }
    error = plain_error(OCTAVO_CODE_INTERNAL, "create failed without saying why");
    octavo_calls_complete(run.call, &error, NULL); /* unless it has */
}

typedef struct features_run {
    served *to;
    octavo_features features;
} features_run;

static void features_here(void *argument) {
    features_run *run = argument;
    run->to->type->life->features(octavo_instance_self(run->to->raw), &run->features);
}

static void run_features(const errand *it) {
    features_run run = {it->to, {sizeof(octavo_features), 0, it->to->type->features, 0}};
    if (it->to->created && it->to->type->life->features) octavo_instance_control(it->to->raw, features_here, &run);
    run.features.size = sizeof run.features;
    answer_with(it->message.token, &octavo_layout_features, &run.features);
}

/* Returns whether the instance is gone; otherwise its memory is kept. */
static void run_destroy(const errand *it) {
    octavo_remains remains = {.size = sizeof remains};
    octavo_instance_leftovers left;
    served *to = it->to;
    __atomic_store_n(&instances[to->id], NULL, __ATOMIC_RELEASE);
    dispatcher_pass();
    if (to->created) octavo_instance_end(to->raw);
    else octavo_instance_halt(to->raw);
    left = octavo_instance_leftovers_of(to->raw);
    remains.watches = left.watches;
    remains.timers = left.timers;
    remains.threads = left.threads;
    remains.posts = left.posts;
    remains.memory = left.memory;
    if (!left.threads) octavo_instance_free(to->raw);
    answer_with(it->message.token, &octavo_layout_remains, &remains);
}

static int run_errand(const errand *it) {
    const octavo_life *life = it->to->type->life;
    switch (it->message.type) {
    case OCTAVO_MESSAGE_CREATE: run_create(it); break;
    case OCTAVO_MESSAGE_START: run_life(it, life->start); break;
    case OCTAVO_MESSAGE_HEALTH: run_life(it, life->health); break;
    case OCTAVO_MESSAGE_DRAIN: run_life(it, life->drain); break;
    case OCTAVO_MESSAGE_STOP: run_life(it, life->stop); break;
    case OCTAVO_MESSAGE_FEATURES: run_features(it); break;
    case OCTAVO_MESSAGE_HANDOFF: handoff_describe(it->to, &it->message); break;
    case OCTAVO_MESSAGE_EXPORT: handoff_export(it->to, &it->message); break;
    case OCTAVO_MESSAGE_IMPORT: handoff_import(it->to, &it->message, it->body); break;
    default: run_destroy(it); return 1;
    }
    return 0;
}

/* The thread of an instance's life functions: they may block, and no other instance waits for them. */
static void *live(void *argument) {
    served *to = argument;
    errand *it;
    int ended = 0;
    prctl(PR_SET_NAME, "oct-life");
    black_box_thread();
    while (!ended) {
        pthread_mutex_lock(&to->lock);
        while (!to->first) pthread_cond_wait(&to->work, &to->lock);
        it = to->first;
        to->first = it->next;
        pthread_mutex_unlock(&to->lock);
        ended = run_errand(it);
        if (it->body && it->message.type == OCTAVO_MESSAGE_CREATE) explicit_bzero(it->body, sizeof(octavo_config));
        free(it->body);
        free(it);
    }
    black_box_thread_ended();
    pthread_mutex_destroy(&to->lock);
    pthread_cond_destroy(&to->work);
    sem_destroy(&to->handing.taken);
    free(to->handing.piece);
    free(to);
    return NULL;
}

/* `served` by number before it answers calls. On the main thread alone. */
static served *known[MAX_INSTANCES];

static served *make(const octavo_message *message) {
    served *made = calloc(1, sizeof *made);
    pthread_t thread;
    if (!made) return NULL;
    made->id = message->instance;
    made->type = places[message->number >> 16].plugin->types[message->number & 0xffff];
    made->kind = octavo_kind_at(made->type->kind);
    made->raw = octavo_instance_new(made->type, "oct-instance", made, QUEUE_LIMIT, &stale);
    if (made->raw) octavo_instance_set_number(made->raw, made->id);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->work, NULL);
    sem_init(&made->handing.taken, 0, 0);
    if (!made->raw || pthread_create(&thread, NULL, live, made)) {
        if (made->raw) octavo_instance_free(made->raw);
        free(made);
        return NULL;
    }
    pthread_detach(thread);
    return made;
}

static void give(served *to, const octavo_message *message, void *body) {
    errand *it = calloc(1, sizeof *it);
    if (!it) _exit(1);
    it->to = to;
    it->message = *message;
    it->body = body;
    pthread_mutex_lock(&to->lock);
    if (to->first) to->last->next = it;
    else to->first = it;
    to->last = it;
    pthread_cond_signal(&to->work);
    pthread_mutex_unlock(&to->lock);
}

/* Which optional functions the type has. */
static uint32_t life_bits(const octavo_life *life) {
    return (life->drain ? OCTAVO_WIRE_DRAIN : 0) | (life->stop ? OCTAVO_WIRE_STOP : 0) | (life->start ? OCTAVO_WIRE_START : 0) |
           (life->health ? OCTAVO_WIRE_HEALTH : 0) | (life->cancel ? OCTAVO_WIRE_CANCEL : 0) |
           (life->get_extension ? OCTAVO_WIRE_EXTENSION : 0);
}

static void describe_type(octavo_wire_type *out, const octavo_type *type) {
    const octavo_kind *kind = octavo_kind_at(type->kind);
    uint32_t i;
    memset(out, 0, sizeof *out);
    out->size = sizeof *out;
    out->kind = type->kind;
    out->execution = type->execution;
    out->workers = type->workers;
    out->flags = type->flags;
    out->features = type->features;
    out->life = type->life ? life_bits(type->life) : 0;
    out->name = type->name;
    out->version = type->version;
    out->aliases = type->aliases;
    for (i = 0; kind && type->ops && i < kind->op_count; i++)
        if (octavo_op_at(type->ops, i)) out->ops |= 1ull << i;
    out->has_schema = type->schema != NULL;
    if (type->schema) memcpy(&out->schema, type->schema, type->schema->size < sizeof out->schema ? type->schema->size : sizeof out->schema);
    out->schema.size = sizeof out->schema;
}

static void refuse(const octavo_error *error) {
    if (loading) answer(loading, error);
    else tell((octavo_message){.type = OCTAVO_MESSAGE_REFUSED}, &octavo_layout_error, error);
}

static int refuse_plugin(const char *cause) {
    char text[1024];
    octavo_error error;
    snprintf(text, sizeof text, "%s", cause);
    error = plain_error(OCTAVO_CODE_FAILED_PRECONDITION, text);
    refuse(&error);
    return 1;
}

static void deliver_start(void *owner, octavo_slot *slot, const octavo_error *error, const void *reply) {
    (void)owner, (void)reply;
    octavo_calls_free(slot);
    if (error) refuse(error);
}

/* The plugin's own start. 1 when it failed, and the runtime knows. */
static int start_plugin(const octavo_plugin *plugin) {
    static octavo_calls *calls;
    octavo_slot *slot;
    octavo_call call;
    if (!plugin->start) return 0;
    if (!calls) calls = octavo_calls_new(&calls, deliver_start, NULL, 4);
    slot = calls ? octavo_calls_open(calls, 64) : NULL;
    if (!slot) return refuse_plugin("there is no memory");
    slot->info = NULL;
    call = octavo_calls_handle(slot);
    if (plugin->start(octavo_host_table(), call) == OCTAVO_OK) {
        slot = octavo_calls_take(call);
        if (slot) octavo_calls_free(slot);
        return 0;
    }
    if (octavo_calls_is_open(call)) return refuse_plugin("its start failed without saying why");
    return 1;
}

static int say_hello(const octavo_plugin *plugin) {
    octavo_wire_plugin hello;
    octavo_wire_type *types = calloc(plugin->type_count ? plugin->type_count : 1, sizeof *types);
    uint32_t i;
    if (!types) return 1;
    memset(&hello, 0, sizeof hello);
    hello.size = sizeof hello;
    hello.flags = plugin->flags;
    hello.abi_minor = plugin->abi_minor;
    hello.min_host_minor = plugin->min_host_minor;
    hello.requires_features = plugin->requires_features;
    hello.build = octavo_build_id();
    hello.id = plugin->id;
    hello.version = plugin->version;
    hello.vendor = plugin->vendor;
    hello.description = plugin->description;
    hello.types = (octavo_list){types, plugin->type_count, sizeof *types};
    for (i = 0; i < plugin->type_count; i++) describe_type(&types[i], plugin->types[i]);
    if (loading) answer_with(loading, &octavo_layout_wire_plugin, &hello);
    else tell((octavo_message){.type = OCTAVO_MESSAGE_HELLO}, &octavo_layout_wire_plugin, &hello);
    free(types);
    return 0;
}

/* NULL, or what is wrong with the descriptor. */
static const char *check(const octavo_plugin *plugin) {
    uint32_t i;
    if (!plugin) return "it returned no descriptor";
    if (plugin->size < sizeof *plugin || plugin->type_count > MAX_TYPES || (plugin->type_count && !plugin->types))
        return "its descriptor is too short, or offers more than 256 types";
    for (i = 0; i < plugin->type_count; i++) {
        const octavo_type *type = plugin->types[i];
        if (!type || type->size < sizeof *type || !type->life || !type->ops || !octavo_kind_at(type->kind) ||
            type->life->size < sizeof(octavo_life) || !type->life->create || !type->life->destroy)
            return "one of its types is null, too short, or lacks its functions";
    }
    return NULL;
}

/* Maps, checks and starts a plugin, and says what it offers. 1 when that failed, and the runtime knows. */
static int load(uint32_t number, const char *path) {
    place *it = &places[number];
    octavo_plugin_v1_fn entry;
    const char *fault;
    void *symbol;
    it->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!it->handle) return refuse_plugin(dlerror());
    symbol = dlsym(it->handle, OCTAVO_ENTRY_SYMBOL);
    if (!symbol) return refuse_plugin("it does not export " OCTAVO_ENTRY_SYMBOL);
    memcpy(&entry, &symbol, sizeof entry);
    it->plugin = entry();
    fault = check(it->plugin);
    if (fault || start_plugin(it->plugin)) {
        it->plugin = NULL;
        return fault ? refuse_plugin(fault) : 1;
    }
    black_box_modules();
    return say_hello(it->plugin);
}

/* No instance of it is left. */
static void take_out(uint32_t number, int unmaps) {
    place *it = &places[number];
    if (it->plugin && it->plugin->stop) it->plugin->stop();
    it->plugin = NULL;
    if (it->handle && unmaps) dlclose(it->handle);
    it->handle = NULL;
}

/* Loads another plugin, whose path are plain bytes. */
static void bring_in(uint32_t number, const void *path, uint32_t length, uint64_t token) {
    char text[PATH_MAX];
    loading = token;
    /* One that the runtime has taken out while this process waited for its turn. */
    take_out(number, 0);
    if (length >= sizeof text) {
        refuse_plugin("its path is too long");
    } else {
        if (length) memcpy(text, path, length);
        text[length] = 0;
        if (load(number, text)) take_out(number, 1);
    }
    loading = 0;
}

/* Whether `number` of a CREATE is a type here. */
static int has_type(int32_t number) {
    uint32_t place = (uint32_t)number >> 16, type = (uint32_t)number & 0xffff;
    return number >= 0 && place < OCTAVO_PLUGINS_MAX && places[place].plugin && type < places[place].plugin->type_count;
}

/* 0, or why the runtime's message can't be followed. */
static const char *follow(const octavo_message *message, const void *body) {
    octavo_error error;
    void *kept = NULL;
    uint32_t place;
    switch (message->type) {
    case OCTAVO_MESSAGE_PING: tell((octavo_message){.type = OCTAVO_MESSAGE_PONG, .token = message->token}, NULL, NULL); return NULL;
    case OCTAVO_MESSAGE_LOG_LEVEL: __atomic_store_n(&log_level, message->number, __ATOMIC_RELAXED); return NULL;
    case OCTAVO_MESSAGE_QUIT:
        for (place = 0; place < OCTAVO_PLUGINS_MAX; place++) take_out(place, 0);
        exit(0);
    case OCTAVO_MESSAGE_LOAD:
    case OCTAVO_MESSAGE_UNLOAD:
        if (message->number < 0 || message->number >= (int32_t)OCTAVO_PLUGINS_MAX) return "a place that is none";
        if (message->type == OCTAVO_MESSAGE_LOAD) {
            bring_in((uint32_t)message->number, body, message->length, message->token);
            return NULL;
        }
        take_out((uint32_t)message->number, message->deadline_ns != 0);
        answer(message->token, NULL);
        return NULL;
    case OCTAVO_MESSAGE_ADD_WORKER: {
        served *stuck = instance_at(message->instance);
        if (stuck) octavo_instance_add_worker(stuck->raw);
        return NULL;
    }
    case OCTAVO_MESSAGE_TAKEN:
        if (message->instance < MAX_INSTANCES && known[message->instance]) handoff_taken(known[message->instance], message);
        return NULL;
    default: break;
    }
    if (message->type > OCTAVO_MESSAGE_IMPORT || message->instance >= MAX_INSTANCES) return "an unknown message";
    if (message->type == OCTAVO_MESSAGE_CREATE) {
        if (known[message->instance] || !has_type(message->number)) return "an instance that can't be made";
        kept = octavo_message_body(&octavo_layout_config, body, message->length);
        if (!kept) return "a configuration that can't be read";
        known[message->instance] = make(message);
    }
    if (message->type == OCTAVO_MESSAGE_IMPORT && message->length) {
        kept = malloc(message->length);
        if (!kept) _exit(1);
        memcpy(kept, body, message->length);
    }
    if (!known[message->instance]) {
        free(kept);
        error = plain_error(OCTAVO_CODE_RESOURCE_EXHAUSTED, "the plugin's process has no such instance, or no memory for it");
        answer(message->token, &error);
        return NULL;
    }
    give(known[message->instance], message, kept);
    if (message->type == OCTAVO_MESSAGE_DESTROY) known[message->instance] = NULL;
    return NULL;
}

static void on_log(void *context, octavo_call call, int32_t level, octavo_str text, octavo_list fields) {
    const served *from = context;
    octavo_log_line line = {.size = sizeof line, .call = call, .text = text, .fields = fields};
    octavo_message message = {.type = OCTAVO_MESSAGE_LOG, .number = level, .instance = from ? from->id : UINT32_MAX};
    line.call = 0;
    tell(message, &octavo_layout_log_line, &line);
}

static int32_t on_log_enabled(void *context, int32_t level) {
    (void)context;
    return level >= __atomic_load_n(&log_level, __ATOMIC_RELAXED);
}

static void on_health(void *context, int32_t state, octavo_str reason) {
    const served *from = context;
    octavo_log_line line = {.size = sizeof line, .text = reason};
    octavo_message message = {.type = OCTAVO_MESSAGE_REPORT, .number = state, .instance = from ? from->id : UINT32_MAX};
    tell(message, &octavo_layout_log_line, &line);
}

static octavo_busy *on_thread_began(octavo_busy line) {
    black_box_thread();
    return busy_take(line);
}

static void on_thread_ended(octavo_busy *line) {
    if (line) busy_give_back(line);
    black_box_thread_ended();
}

int serve(uint32_t first, const char *path, uint32_t channels, uint64_t area, int limit_count, char *const *limits) {
    const octavo_instance_events events = {.log = on_log, .log_enabled = on_log_enabled, .health = on_health, .thread_began = on_thread_began,
                                           .thread_ended = on_thread_ended, .deliver = sources_deliver, .source_failed = sources_failed};
    octavo_message message;
    void *body;
    char cause[256];
    int failed;
    octavo_instances_set_events(&events);
    /* Nothing is to be had before the runtime has put this process where its limits are. */
    if (limits_number(limit_count, limits, "placed") == 0) {
        if (octavo_message_receive(OCTAVO_HELPER_CONTROL, &message, &body)) _exit(0);
        free(body);
        if (message.type != OCTAVO_MESSAGE_PLACED) _exit(1);
    }
    if (limits_apply(limit_count, limits, cause, sizeof cause)) return refuse_plugin(cause);
    black_box_open();
    life_calls = octavo_calls_new(&life_calls, deliver_life, NULL, MAX_CALLS);
    if (!life_calls) return 1;
    failed = dispatcher_start(channels, area);
    if (failed) return refuse_plugin(strerror(failed));
    if (load(first, path)) return 1;
    for (;;) {
        const char *fault;
        failed = octavo_message_receive(OCTAVO_HELPER_CONTROL, &message, &body);
        if (failed) _exit(failed == EPIPE ? 0 : 1);
        fault = follow(&message, body);
        free(body);
        if (fault) {
            fprintf(stderr, "octavo-plugin-host: the runtime sent %s\n", fault);
            _exit(1);
        }
    }
}
