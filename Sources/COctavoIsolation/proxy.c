/* What the rest of the runtime calls of an isolated plugin: life functions and operations of its types. */
#define _GNU_SOURCE
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolated.h"

/* Functions of a plugin that do no I/O get so long; stop and destroy, too. */
#define PATIENCE_NS 10000000000ll

/* An operation's function is told only the instance, so each number has one of its own. */
#define OP_COUNT 32
#define TRAMPOLINE(n) \
    static void op_##n(void *self, octavo_call call, const void *request) { loop_submit(self, n, call, request); }
#define EIGHT(x, y) x(y##0) x(y##1) x(y##2) x(y##3) x(y##4) x(y##5) x(y##6) x(y##7)
EIGHT(TRAMPOLINE, )
TRAMPOLINE(8) TRAMPOLINE(9)
EIGHT(TRAMPOLINE, 1) TRAMPOLINE(18) TRAMPOLINE(19)
EIGHT(TRAMPOLINE, 2) TRAMPOLINE(28) TRAMPOLINE(29)
TRAMPOLINE(30) TRAMPOLINE(31)

#define NAME(n) op_##n,
static const octavo_op_fn trampolines[OP_COUNT] = {
    EIGHT(NAME, ) NAME(8) NAME(9) EIGHT(NAME, 1) NAME(18) NAME(19) EIGHT(NAME, 2) NAME(28) NAME(29) NAME(30) NAME(31)};

octavo_helper *isolated_current(octavo_isolated *isolated) {
    octavo_helper *helper;
    pthread_mutex_lock(&isolated->lock);
    helper = isolated->current;
    if (helper) octavo_helper_retain(helper);
    pthread_mutex_unlock(&isolated->lock);
    return helper;
}

static octavo_error away(void) {
    octavo_error error = isolation_error(OCTAVO_CODE_UNAVAILABLE, "PLUGIN_RESTARTING",
                                         "the plugin's process has ended and is being started again");
    error.flags = OCTAVO_ERROR_OUTAGE | OCTAVO_ERROR_RETRYABLE;
    return error;
}

static octavo_config *copy_config(const octavo_config *config, uint32_t *size) {
    uint64_t bytes = octavo_flat_size(&octavo_layout_config, config);
    octavo_config *copy = bytes > OCTAVO_MESSAGE_MAX ? NULL : malloc(bytes);
    if (!copy) return NULL;
    octavo_flatten(&octavo_layout_config, config, copy, bytes, 0);
    *size = (uint32_t)bytes;
    return copy;
}

static void forget(proxy *it) {
    pthread_mutex_lock(&it->isolated->lock);
    it->isolated->proxies[it->id] = NULL;
    pthread_mutex_unlock(&it->isolated->lock);
    if (it->config) {
        explicit_bzero(it->config, it->config_size);
        free(it->config);
    }
    free(it);
}

static proxy *register_proxy(octavo_isolated *isolated) {
    proxy *made = calloc(1, sizeof *made);
    uint32_t i;
    if (!made) return NULL;
    pthread_mutex_lock(&isolated->lock);
    for (i = 0; i < MAX_INSTANCES; i++) {
        uint32_t id = (isolated->next_id + i) % MAX_INSTANCES;
        if (isolated->proxies[id]) continue;
        made->id = id;
        made->isolated = isolated;
        isolated->proxies[id] = made;
        isolated->next_id = id + 1;
        break;
    }
    pthread_mutex_unlock(&isolated->lock);
    if (made->isolated) return made;
    free(made);
    return NULL;
}

static int32_t refuse(octavo_call call, int32_t code, const char *reason, const char *message) {
    octavo_error error = isolation_error(code, reason, message);
    octavo_calls_complete(call, &error, NULL);
    return OCTAVO_FAILED;
}

/* Has the process make the instance. OK, or FAILED: `call` has the error. */
static int32_t create_in(octavo_helper *helper, proxy *it, octavo_call call) {
    octavo_message message = {.type = OCTAVO_MESSAGE_CREATE, .instance = it->id, .number = OCTAVO_WIRE_TYPE(it->type->member, it->type->index)};
    octavo_message answer;
    octavo_error *error;
    void *body = NULL;
    int failed = helper_ask(helper, message, &octavo_layout_config, it->config, PATIENCE_NS, &answer, &body);
    if (failed == -1) return refuse(call, OCTAVO_CODE_UNAVAILABLE, "PLUGIN_CRASHED", "the plugin's process ended in create");
    if (failed) return refuse(call, OCTAVO_CODE_DEADLINE_EXCEEDED, "TIMEOUT", "create has not returned within 10 s; it must not do any I/O");
    if (!answer.number) {
        free(body);
        it->created = 1;
        return OCTAVO_OK;
    }
    error = octavo_message_body(&octavo_layout_error, body, answer.length);
    free(body);
    if (error) octavo_calls_complete(call, error, NULL);
    else refuse(call, OCTAVO_CODE_INTERNAL, "PROTOCOL_VIOLATION", "the plugin's process gave an error that can't be read");
    free(error);
    return OCTAVO_FAILED;
}

static int32_t proxy_create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    const proxy_type *type = (const proxy_type *)(const void *)octavo_instance_type(instance);
    proxy *made = register_proxy(type->isolated);
    octavo_helper *helper;
    int32_t outcome;
    if (!made) return refuse(call, OCTAVO_CODE_RESOURCE_EXHAUSTED, "NO_MEMORY", "there is no memory for an instance");
    made->raw = instance;
    octavo_instance_set_remote(instance, type->isolated);
    made->type = type;
    made->config = copy_config(config, &made->config_size);
    made->name = quarantine_name(config->component);
    helper = isolated_current(type->isolated);
    if (!made->config) outcome = refuse(call, OCTAVO_CODE_RESOURCE_EXHAUSTED, "NO_MEMORY", "the settings of the component are too large");
    else if (!helper) outcome = refuse(call, OCTAVO_CODE_RESOURCE_EXHAUSTED, "PLUGIN_RESTARTING", "the plugin's process has ended and is being started again");
    else outcome = create_in(helper, made, call);
    if (helper) octavo_helper_release(helper);
    if (outcome != OCTAVO_OK) {
        forget(made);
        return outcome;
    }
    *self = made;
    return OCTAVO_OK;
}

/* A life function that completes its call. */
static void ask(proxy *it, uint32_t type, octavo_call call, const octavo_life_request *request) {
    octavo_helper *helper = isolated_current(it->isolated);
    octavo_message message = {.type = type, .instance = it->id, .deadline_ns = request->head.deadline_ns};
    octavo_error error = away();
    if (!helper || !it->created) octavo_calls_complete(call, &error, NULL);
    else helper_ask_for(helper, message, call);
    if (helper) octavo_helper_release(helper);
}

static void proxy_start(void *self, octavo_call call, const octavo_life_request *request) {
    ((proxy *)self)->started = 1;
    ask(self, OCTAVO_MESSAGE_START, call, request);
}
static void proxy_health(void *self, octavo_call call, const octavo_life_request *request) {
    ask(self, OCTAVO_MESSAGE_HEALTH, call, request);
}
static void proxy_drain(void *self, octavo_call call, const octavo_life_request *request) {
    ask(self, OCTAVO_MESSAGE_DRAIN, call, request);
}
static void proxy_stop(void *self, octavo_call call, const octavo_life_request *request) {
    ((proxy *)self)->started = 0;
    ask(self, OCTAVO_MESSAGE_STOP, call, request);
}

static void proxy_features(void *self, octavo_features *out) {
    proxy *it = self;
    octavo_helper *helper = isolated_current(it->isolated);
    octavo_message message = {.type = OCTAVO_MESSAGE_FEATURES, .instance = it->id}, answer;
    octavo_features *features;
    void *body = NULL;
    if (!helper) return;
    if (helper_ask(helper, message, NULL, NULL, PATIENCE_NS, &answer, &body) == 0) {
        features = octavo_message_body(&octavo_layout_features, body, answer.length);
        if (features) {
            features->size = out->size;
            memcpy(out, features, out->size < sizeof *features ? out->size : sizeof *features);
        }
        free(features);
        free(body);
    }
    octavo_helper_release(helper);
}

static void proxy_destroy(void *self) {
    proxy *it = self;
    octavo_helper *helper = isolated_current(it->isolated);
    octavo_message message = {.type = OCTAVO_MESSAGE_DESTROY, .instance = it->id}, answer;
    void *body = NULL;
    /* What it leaves behind there ends with the process. */
    if (helper && it->created) helper_ask(helper, message, NULL, NULL, PATIENCE_NS, &answer, &body);
    free(body);
    if (helper) octavo_helper_release(helper);
    forget(it);
}

static void proxy_cancel(void *self, octavo_call call) { loop_cancel(self, call); }

/* Waits for the answer to a step. 0, or -1 with the cause. */
static int step_done(octavo_helper *helper, question *asked, const char *step, int64_t timeout_ns, char *cause, uint64_t room) {
    octavo_message answer;
    octavo_error *error;
    void *body = NULL;
    int failed = helper_answer(helper, asked, timeout_ns, &answer, &body);
    if (failed == -1) snprintf(cause, room, "its process ended again");
    else if (failed) snprintf(cause, room, "%s gave no answer in time", step);
    if (failed) return -1;
    if (answer.number) {
        error = octavo_message_body(&octavo_layout_error, body, answer.length);
        snprintf(cause, room, "%.*s", error ? (int)(error->message.size < room ? error->message.size : room - 1) : 0, error ? error->message.data : "");
        free(error);
    }
    free(body);
    return answer.number ? -1 : 0;
}

/* Starts an instance again in a new process; start follows create without a wait: the helper keeps their order,
   and starts nothing that it could not make. 0, or -1 with the cause. */
static int revive(octavo_helper *helper, proxy *it, int64_t timeout_ns, char *cause, uint64_t room) {
    octavo_message message = {.type = OCTAVO_MESSAGE_CREATE, .instance = it->id,
                              .number = OCTAVO_WIRE_TYPE(it->type->member, it->type->index)};
    question create, start;
    int starts = it->started && it->type->life.start, failed;
    snprintf(cause, room, "its process ended again");
    if (helper_pose(helper, &create, message, &octavo_layout_config, it->config)) return -1;
    message = (octavo_message){.type = OCTAVO_MESSAGE_START, .instance = it->id};
    if (starts && helper_pose(helper, &start, message, NULL, NULL)) starts = 0;
    failed = step_done(helper, &create, "create", timeout_ns, cause, room);
    if (!failed) it->created = 1;
    if (starts) {
        char unused[64];
        failed |= step_done(helper, &start, "start", timeout_ns, failed ? unused : cause, failed ? sizeof unused : room);
    }
    return failed ? -1 : 0;
}

int octavo_helper_adopt(octavo_helper *helper, int64_t timeout_ns, char *cause, uint64_t room) {
    octavo_isolated *isolated = helper->isolated;
    uint32_t id;
    int is_complete = 0;
    if (members_complete(helper, timeout_ns, cause, room)) return -1;
    for (id = 0; id < MAX_INSTANCES; id++) {
        proxy *it;
        pthread_mutex_lock(&isolated->lock);
        it = isolated->proxies[id];
        pthread_mutex_unlock(&isolated->lock);
        if (it && it->created && revive(helper, it, timeout_ns, cause, room)) return -1;
    }
    /* A plugin may have come meanwhile; it has no instances yet. */
    while (!is_complete) {
        if (members_complete(helper, timeout_ns, cause, room)) return -1;
        pthread_mutex_lock(&isolated->lock);
        is_complete = members_are_complete(helper);
        if (is_complete) isolated->current = helper;
        pthread_mutex_unlock(&isolated->lock);
    }
    if (octavo_helper_is_alive(helper)) return 0;
    /* It died before it was the present one, so nobody may have taken it away again. */
    pthread_mutex_lock(&isolated->lock);
    if (isolated->current == helper) isolated->current = NULL;
    pthread_mutex_unlock(&isolated->lock);
    snprintf(cause, room, "its process ended again");
    return -1;
}

octavo_life proxy_life(const octavo_wire_type *type) {
    octavo_life life = {.size = sizeof life, .create = proxy_create, .features = proxy_features, .destroy = proxy_destroy};
    if (type->life & OCTAVO_WIRE_START) life.start = proxy_start;
    if (type->life & OCTAVO_WIRE_HEALTH) life.health = proxy_health;
    if (type->life & OCTAVO_WIRE_DRAIN) life.drain = proxy_drain;
    if (type->life & OCTAVO_WIRE_STOP) life.stop = proxy_stop;
    if (type->life & OCTAVO_WIRE_EXTENSION) life.get_extension = proxy_get_extension;
    life.cancel = proxy_cancel;
    return life;
}

void *proxy_ops(const octavo_wire_type *type) {
    const octavo_kind *kind = octavo_kind_at(type->kind);
    uint8_t *table;
    uint32_t size, i;
    if (!kind || kind->op_count > OP_COUNT) return NULL;
    size = (uint32_t)(sizeof(uint64_t) + kind->op_count * sizeof(octavo_op_fn));
    table = calloc(1, size);
    if (!table) return NULL;
    memcpy(table, &size, sizeof size);
    for (i = 0; i < kind->op_count; i++)
        if (type->ops >> i & 1) memcpy(table + sizeof(uint64_t) + i * sizeof(octavo_op_fn), &trampolines[i], sizeof(octavo_op_fn));
    return table;
}

/* The variables of this process that the helper may see. */
static char **chosen_environment(const octavo_limits *limits) {
    char **made = calloc(limits->environment_count + 1, sizeof *made);
    uint32_t i, count = 0;
    for (i = 0; made && i < limits->environment_count; i++) {
        const char *value = getenv(limits->environment[i]);
        if (value && asprintf(&made[count], "%s=%s", limits->environment[i], value) > 0) count++;
    }
    return made;
}

octavo_isolated *octavo_isolated_new(const char *host, const char *path, uint32_t loops, const octavo_limits *limits,
                                     const octavo_isolated_events *events, void *context) {
    octavo_isolated *made;
    cpu_set_t allowed;
    if (!loops || loops > OCTAVO_CHANNELS_MAX) return NULL;
    made = calloc(1, sizeof *made + loops * sizeof(loop_state));
    if (!made) return NULL;
    made->host = strdup(host);
    made->members[0].path = strdup(path);
    made->members[0].serial = made->next_serial = 1;
    made->limits = *limits;
    made->limits.environment = NULL;
    made->limits.cgroup = limits->cgroup ? strdup(limits->cgroup) : NULL;
    made->environment = chosen_environment(limits);
    made->loop_count = loops;
    made->processors = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    made->events = *events;
    made->context = context;
    pthread_mutex_init(&made->lock, NULL);
    if (made->host && made->members[0].path && made->environment) return made;
    octavo_isolated_free(made);
    return NULL;
}

void octavo_isolated_free(octavo_isolated *isolated) {
    uint32_t i, class;
    for (i = 0; i < isolated->loop_count; i++) {
        free(isolated->loops[i].flights);
        for (class = 0; class < LARGE_CLASSES; class++) free(isolated->loops[i].large[class].items);
    }
    for (i = 0; i < OCTAVO_PLUGINS_MAX; i++) member_free(&isolated->members[i]);
    for (i = 0; isolated->environment && isolated->environment[i]; i++) free(isolated->environment[i]);
    free(isolated->environment);
    free((void *)isolated->limits.cgroup);
    free(isolated->host);
    pthread_mutex_destroy(&isolated->lock);
    free(isolated);
}
