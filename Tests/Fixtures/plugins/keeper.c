/*
 * Locks and configuration in memory, for tests of the APIs: `lock.keeper` with fencing tokens, `lock.plain` without
 * extend, `configuration.keeper` with everything, `configuration.fixed`, which can only be read.
 *
 * A resource or a key that contains "error:CODE:REASON" is answered with that error, which names it.
 */
#define _GNU_SOURCE
#include <octavo/octavo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

OCTAVO_NOTE("keeper", "1.0.0", 1u << OCTAVO_KIND_LOCK | 1u << OCTAVO_KIND_CONFIGURATION, OCTAVO_PLUGIN_UNLOADABLE,
            "lock.keeper\0lock.plain\0configuration.keeper\0configuration.fixed");

#define PLACES 64
static const octavo_host *host;

typedef struct entry {
    char name[128], value[128], version[16];
    int used;
} entry;

typedef struct keeper {
    entry entries[PLACES];
    octavo_source sources[PLACES];
    char only[PLACES][128]; /* the one key of a watch; empty: all */
    uint64_t tokens;
} keeper;

static void copy(char *to, size_t size, octavo_str from) {
    size_t count = from.size < size - 1 ? from.size : size - 1;
    if (count) memcpy(to, from.data, count);
    to[count] = 0;
}

static entry *find(keeper *it, octavo_str name, int makes) {
    char text[128];
    entry *empty = NULL;
    copy(text, sizeof text, name);
    for (int i = 0; i < PLACES; i++) {
        if (it->entries[i].used && !strcmp(it->entries[i].name, text)) return &it->entries[i];
        if (!it->entries[i].used && !empty) empty = &it->entries[i];
    }
    if (!makes || !empty) return NULL;
    memset(empty, 0, sizeof *empty);
    memcpy(empty->name, text, sizeof text);
    empty->used = 1;
    return empty;
}

/* 1 when the name asked for an error, which the call has got. */
static int is_error(octavo_call call, octavo_str name) {
    char text[128], reason[64] = "";
    octavo_error error;
    const char *at;
    int code = 13;
    copy(text, sizeof text, name);
    at = strstr(text, "error:");
    if (!at) return 0;
    sscanf(at, "error:%d:%63s", &code, reason);
    memset(&error, 0, sizeof error);
    error.size = sizeof error;
    error.code = code;
    error.reason = octavo_text(reason);
    error.message = octavo_text(text);
    if (!strcmp(reason, "LOST")) error.flags = OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT;
    host->complete(call, &error, NULL);
    return 1;
}

static void answer(octavo_call call, int32_t result, uint64_t fencing) {
    octavo_lock_reply reply = {sizeof reply, result, fencing};
    host->complete(call, NULL, &reply);
}

static void try_lock(void *self, octavo_call call, const octavo_lock_request *request) {
    keeper *it = self;
    entry *made;
    if (is_error(call, request->resource)) return;
    if (find(it, request->resource, 0)) return answer(call, OCTAVO_LOCK_HELD, 0);
    made = find(it, request->resource, 1);
    copy(made->value, sizeof made->value, request->owner);
    snprintf(made->version, sizeof made->version, "%lld", (long long)(request->expiry_ns / 1000000000));
    answer(call, OCTAVO_LOCK_OK, ++it->tokens);
}

static void plain_lock(void *self, octavo_call call, const octavo_lock_request *request) {
    keeper *it = self;
    it->tokens = UINT64_MAX;
    try_lock(self, call, request);
}

static int refused(octavo_call call, entry *found, const octavo_lock_request *request) {
    char owner[128];
    if (is_error(call, request->resource)) return 1;
    copy(owner, sizeof owner, request->owner);
    if (!found) answer(call, OCTAVO_LOCK_NOT_FOUND, 0);
    else if (strcmp(found->value, owner)) answer(call, OCTAVO_LOCK_OTHER_OWNER, 0);
    else return 0;
    return 1;
}

static void unlock(void *self, octavo_call call, const octavo_lock_request *request) {
    entry *found = find(self, request->resource, 0);
    if (refused(call, found, request)) return;
    found->used = 0;
    answer(call, OCTAVO_LOCK_OK, 0);
}

static void extend(void *self, octavo_call call, const octavo_lock_request *request) {
    keeper *it = self;
    if (!refused(call, find(it, request->resource, 0), request)) answer(call, OCTAVO_LOCK_OK, it->tokens);
}

static octavo_configuration_item item_of(entry *from) {
    octavo_configuration_item item;
    memset(&item, 0, sizeof item);
    item.key = octavo_text(from->name);
    if (from->used) item.value = octavo_text(from->value);
    if (from->version[0]) item.version = octavo_text(from->version);
    return item;
}

static uint32_t collect(keeper *it, octavo_list keys, octavo_configuration_item *items) {
    uint32_t count = 0;
    for (int i = 0; i < PLACES; i++) {
        int wanted = keys.count == 0;
        for (uint32_t k = 0; k < keys.count; k++) {
            octavo_str key = *(const octavo_str *)(const void *)((const uint8_t *)keys.items + k * keys.stride);
            wanted |= find(it, key, 0) == &it->entries[i];
        }
        if (it->entries[i].used && wanted) items[count++] = item_of(&it->entries[i]);
    }
    return count;
}

static void get(void *self, octavo_call call, const octavo_configuration_keys_request *request) {
    octavo_configuration_item items[PLACES];
    octavo_configuration_get_reply reply = {sizeof reply, 0, {items, 0, sizeof items[0]}};
    if (request->keys.count && is_error(call, *(const octavo_str *)request->keys.items)) return;
    reply.items.count = collect(self, request->keys, items);
    host->complete(call, NULL, &reply);
}

static void tell(keeper *it, entry *changed) {
    octavo_configuration_item item = item_of(changed);
    octavo_configuration_change change = {sizeof change, 0, {&item, 1, sizeof item}};
    for (int i = 0; i < PLACES; i++)
        if (it->sources[i] && (!it->only[i][0] || !strcmp(it->only[i], changed->name))) host->deliver(it->sources[i], 0, &change);
}

static void set(void *self, octavo_call call, const octavo_configuration_set_request *request) {
    for (uint32_t i = 0; i < request->items.count; i++) {
        const octavo_configuration_item *item =
            (const octavo_configuration_item *)(const void *)((const uint8_t *)request->items.items + i * request->items.stride);
        entry *made;
        if (is_error(call, item->key)) return;
        made = find(self, item->key, 1);
        copy(made->value, sizeof made->value, item->value);
        copy(made->version, sizeof made->version, item->version);
        tell(self, made);
    }
    octavo_done(host, call);
}

static void remove_items(void *self, octavo_call call, const octavo_configuration_keys_request *request) {
    for (uint32_t i = 0; i < request->keys.count; i++) {
        entry *found = find(self, *(const octavo_str *)(const void *)((const uint8_t *)request->keys.items + i * request->keys.stride), 0);
        if (!found) continue;
        found->used = 0;
        found->version[0] = 0;
        tell(self, found);
    }
    octavo_done(host, call);
}

static void watch(void *self, octavo_call call, const octavo_configuration_watch_request *request) {
    keeper *it = self;
    octavo_configuration_item items[PLACES];
    octavo_configuration_change change = {sizeof change, OCTAVO_CONFIGURATION_PRESENT, {items, 0, sizeof items[0]}};
    int k = 0;
    if (request->keys.count && is_error(call, *(const octavo_str *)request->keys.items)) return;
    while (k < PLACES && it->sources[k]) k++;
    if (k == PLACES) abort();
    it->sources[k] = request->source;
    it->only[k][0] = 0;
    if (request->keys.count) copy(it->only[k], sizeof it->only[k], *(const octavo_str *)request->keys.items);
    change.items.count = collect(it, request->keys, items);
    if (request->flags & OCTAVO_CONFIGURATION_SEND_PRESENT) host->deliver(request->source, 0, &change);
    octavo_done(host, call);
}

static void unwatch(void *self, octavo_call call, const octavo_source_request *request) {
    keeper *it = self;
    for (int k = 0; k < PLACES; k++)
        if (it->sources[k] == request->source) it->sources[k] = 0;
    octavo_done(host, call);
}

static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    (void)config, (void)instance, (void)call;
    *self = calloc(1, sizeof(keeper));
    return *self ? OCTAVO_OK : OCTAVO_FAILED;
}

static void start(void *self, octavo_call call, const octavo_life_request *request) {
    (void)self, (void)request;
    octavo_done(host, call);
}

static const octavo_life life = {.size = sizeof life, .create = create, .start = start, .destroy = free};
static const octavo_lock_ops locks = {.size = sizeof locks, .try_lock = try_lock, .unlock = unlock, .extend = extend};
static const octavo_lock_ops plain = {.size = sizeof plain, .try_lock = plain_lock, .unlock = unlock};
static const octavo_configuration_ops items = {
    .size = sizeof items, .get = get, .set = set, .remove = remove_items, .watch = watch, .unwatch = unwatch};
static const octavo_configuration_ops fixed = {.size = sizeof fixed, .get = get};

#define TEXT(literal) {literal, sizeof literal - 1}
#define TYPE(kind, features, name, ops) \
    {sizeof(octavo_type), kind, OCTAVO_EXECUTION_REACTOR, 0, 0, features, TEXT(name), TEXT("v1"), {NULL, 0, 0}, NULL, &life, ops}
static const octavo_type lock_type = TYPE(OCTAVO_KIND_LOCK, OCTAVO_LOCK_EXTEND | OCTAVO_LOCK_FENCING, "lock.keeper", &locks);
static const octavo_type plain_type = TYPE(OCTAVO_KIND_LOCK, 0, "lock.plain", &plain);
static const octavo_type items_type = TYPE(
    OCTAVO_KIND_CONFIGURATION, OCTAVO_CONFIGURATION_WATCH | OCTAVO_CONFIGURATION_WRITE, "configuration.keeper", &items);
static const octavo_type fixed_type = TYPE(OCTAVO_KIND_CONFIGURATION, 0, "configuration.fixed", &fixed);
static const octavo_type *const types[] = {&lock_type, &plain_type, &items_type, &fixed_type};

static int32_t plugin_start(const octavo_host *given, octavo_call call) {
    (void)call;
    host = given;
    return OCTAVO_OK;
}

static const octavo_plugin plugin = {
    .size = sizeof plugin, .flags = OCTAVO_PLUGIN_UNLOADABLE, .id = TEXT("keeper"), .version = TEXT("1.0.0"),
    .types = types, .type_count = 4, .start = plugin_start,
};

const octavo_plugin *octavo_plugin_v1(void) { return &plugin; }
