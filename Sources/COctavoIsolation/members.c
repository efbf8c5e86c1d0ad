/* The plugins of a process: what they offer, how they come and go. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolated.h"

/* A plugin's stop does no I/O. */
#define UNLOAD_NS 10000000000ll

static int same(octavo_str one, octavo_str other) {
    return one.size == other.size && (!one.size || !memcmp(one.data, other.data, one.size));
}

/* A later process: the file is the same copy, so it must say the same. */
static int compare(const member *it, octavo_wire_plugin *hello, char *cause, uint64_t room) {
    int differs = !same(hello->id, it->descriptor.id) || hello->types.count != it->descriptor.type_count;
    if (differs) snprintf(cause, room, "its process describes another plugin than the one before");
    free(hello);
    return differs ? -1 : 0;
}

static int fill_types(octavo_isolated *isolated, uint32_t number, const octavo_wire_plugin *hello, char *cause, uint64_t room) {
    member *it = &isolated->members[number];
    uint32_t i;
    for (i = 0; i < hello->types.count; i++) {
        const octavo_wire_type *from = (const octavo_wire_type *)hello->types.items + i;
        proxy_type *to = &it->types[i];
        to->isolated = isolated;
        to->member = number;
        to->index = i;
        to->workers = from->workers;
        to->life = proxy_life(from);
        to->type = (octavo_type){.size = sizeof to->type, .kind = from->kind, .execution = OCTAVO_EXECUTION_INLINE,
                                 .flags = from->flags, .features = from->features, .name = from->name,
                                 .version = from->version, .aliases = from->aliases,
                                 .schema = from->has_schema ? &from->schema : NULL, .life = &to->life};
        to->type.ops = proxy_ops(from);
        it->type_list[i] = &to->type;
        if (to->type.ops) continue;
        snprintf(cause, room, "it offers a kind of component that this runtime does not know");
        return -1;
    }
    return 0;
}

static void forget_types(member *it, uint32_t count) {
    uint32_t i;
    for (i = 0; it->types && i < count; i++) free((void *)(uintptr_t)it->types[i].type.ops);
    free(it->types);
    free(it->type_list);
    it->types = NULL;
    it->type_list = NULL;
}

void member_free(member *it) {
    forget_types(it, it->descriptor.type_count);
    free(it->hello);
    free(it->path);
    memset(it, 0, sizeof *it);
}

int member_describe(octavo_isolated *isolated, uint32_t number, void *said, char *cause, uint64_t room) {
    octavo_wire_plugin *hello = said;
    member *it = &isolated->members[number];
    uint32_t count = hello->types.count;
    if (!same(hello->build, octavo_build_id())) {
        snprintf(cause, room, "octavo-plugin-host is of another release; install the one that came with this runtime");
        free(hello);
        return -1;
    }
    if (!it->path) {
        snprintf(cause, room, "it was taken out meanwhile");
        free(hello);
        return -1;
    }
    if (it->hello) return compare(it, hello, cause, room);
    it->types = calloc(count ? count : 1, sizeof *it->types);
    it->type_list = calloc(count ? count : 1, sizeof *it->type_list);
    snprintf(cause, room, "there is no memory");
    if (!it->types || !it->type_list || fill_types(isolated, number, hello, cause, room)) {
        forget_types(it, it->types ? count : 0);
        free(hello);
        return -1;
    }
    it->descriptor = (octavo_plugin){.size = sizeof it->descriptor, .flags = hello->flags,
                                     .abi_minor = hello->abi_minor, .min_host_minor = hello->min_host_minor,
                                     .requires_features = hello->requires_features, .id = hello->id,
                                     .version = hello->version, .vendor = hello->vendor,
                                     .description = hello->description, .types = it->type_list, .type_count = count};
    it->hello = hello;
    return 0;
}

const octavo_plugin *octavo_isolated_descriptor(const octavo_isolated *isolated, uint32_t number) {
    return &isolated->members[number].descriptor;
}

/* Coming and going */

/* Has the process load the member. 0, or -1 with the cause. */
static int load_into(octavo_helper *helper, uint32_t number, const char *path, int64_t timeout_ns, char *cause, uint64_t room) {
    octavo_isolated *isolated = helper->isolated;
    octavo_bytes text = {(const uint8_t *)path, strlen(path)};
    octavo_message message = {.type = OCTAVO_MESSAGE_LOAD, .number = (int32_t)number}, answer;
    void *body = NULL, *hello;
    octavo_error *error;
    int failed = helper_ask(helper, message, NULL, &text, timeout_ns, &answer, &body);
    if (failed) {
        snprintf(cause, room, failed == -1 ? "the process of its group ended while it was loaded" : "it was not loaded in time");
        return -1;
    }
    if (answer.number) {
        error = octavo_message_body(&octavo_layout_error, body, answer.length);
        snprintf(cause, room, "%.*s", error ? (int)(error->message.size < room ? error->message.size : room - 1) : 0, error ? error->message.data : "");
        free(error);
        free(body);
        return -1;
    }
    hello = octavo_message_body(&octavo_layout_wire_plugin, body, answer.length);
    free(body);
    if (!hello) {
        snprintf(cause, room, "its process described it in a way that can't be read");
        return -1;
    }
    pthread_mutex_lock(&isolated->lock);
    failed = member_describe(isolated, number, hello, cause, room);
    if (!failed) helper->loaded[number] = isolated->members[number].serial;
    pthread_mutex_unlock(&isolated->lock);
    return failed;
}

/* Under the lock. */
static int lacks(const octavo_helper *helper, uint32_t number) {
    const member *it = &helper->isolated->members[number];
    return it->hello && helper->loaded[number] != it->serial;
}

/* The first member that the process lacks; its path is to be freed. NULL: there is none. */
static char *missing(const octavo_helper *helper, uint32_t *number) {
    octavo_isolated *isolated = helper->isolated;
    char *path = NULL;
    pthread_mutex_lock(&isolated->lock);
    for (*number = 0; *number < OCTAVO_PLUGINS_MAX && !path; (*number)++)
        if (lacks(helper, *number)) path = strdup(isolated->members[*number].path);
    pthread_mutex_unlock(&isolated->lock);
    (*number)--;
    return path;
}

int members_are_complete(const octavo_helper *helper) {
    uint32_t i;
    for (i = 0; i < OCTAVO_PLUGINS_MAX; i++)
        if (lacks(helper, i)) return 0;
    return 1;
}

int members_complete(octavo_helper *helper, int64_t timeout_ns, char *cause, uint64_t room) {
    uint32_t number;
    char *path;
    while ((path = missing(helper, &number))) {
        int failed = load_into(helper, number, path, timeout_ns, cause, room);
        free(path);
        if (failed) return -1;
    }
    return 0;
}

/* A place for a plugin, or -1. */
static int32_t reserve(octavo_isolated *isolated, const char *path) {
    int32_t i, found = -1;
    pthread_mutex_lock(&isolated->lock);
    for (i = 0; i < (int32_t)OCTAVO_PLUGINS_MAX && found < 0; i++) {
        if (isolated->members[i].path) continue;
        isolated->members[i].path = strdup(path);
        isolated->members[i].serial = ++isolated->next_serial;
        if (isolated->members[i].path) found = i;
        break;
    }
    pthread_mutex_unlock(&isolated->lock);
    return found;
}

int32_t octavo_isolated_add(octavo_isolated *isolated, const char *path, int64_t timeout_ns, char *cause, uint64_t room) {
    int32_t number = reserve(isolated, path);
    octavo_helper *helper = number < 0 ? NULL : isolated_current(isolated), *later;
    int failed = 1;
    if (number < 0) snprintf(cause, room, "its group has %u plugins already, or there is no memory", OCTAVO_PLUGINS_MAX);
    else if (!helper) snprintf(cause, room, "the process of its group has ended and is being started again");
    else failed = load_into(helper, (uint32_t)number, path, timeout_ns, cause, room);
    if (helper) octavo_helper_release(helper);
    if (failed) {
        if (number >= 0) octavo_isolated_remove(isolated, (uint32_t)number, 1);
        return -1;
    }
    /* One that has taken over meanwhile. It may die of this; the next one then has it from the start. */
    later = isolated_current(isolated);
    if (later) {
        members_complete(later, timeout_ns, cause, room);
        octavo_helper_release(later);
    }
    return number;
}

void octavo_isolated_remove(octavo_isolated *isolated, uint32_t number, int32_t unmap) {
    octavo_message message = {.type = OCTAVO_MESSAGE_UNLOAD, .number = (int32_t)number, .deadline_ns = unmap}, answer;
    octavo_helper *helper = isolated_current(isolated);
    member gone;
    void *body = NULL;
    pthread_mutex_lock(&isolated->lock);
    gone = isolated->members[number];
    memset(&isolated->members[number], 0, sizeof gone);
    pthread_mutex_unlock(&isolated->lock);
    if (helper && gone.hello) helper_ask(helper, message, NULL, NULL, UNLOAD_NS, &answer, &body);
    if (helper) octavo_helper_release(helper);
    free(body);
    member_free(&gone);
}

uint32_t octavo_isolated_members(octavo_isolated *isolated) {
    uint32_t i, count = 0;
    pthread_mutex_lock(&isolated->lock);
    for (i = 0; i < OCTAVO_PLUGINS_MAX; i++) count += isolated->members[i].path != NULL;
    pthread_mutex_unlock(&isolated->lock);
    return count;
}
