/*
 * A plugin for tests of the APIs: stores that keep values in memory, do what a key tells them, and say
 * what they were asked for. What a key means is decided by its part after the last '||':
 *   error:<code>:<REASON>   any operation fails so
 *   never                   get and write do not answer before they are cancelled or the store stops
 *   cancels, started        how often a call was cancelled, or left unanswered
 *   last                    the last write, or query, as JSON
 *   request                 this very get as JSON
 *   empty, binary, expiring values of a kind
 */
#define _GNU_SOURCE
#include <octavo/octavo.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 128
#define KEPT 64

OCTAVO_NOTE("scripted", "1.0.0", 1u << OCTAVO_KIND_STATE | 1u << OCTAVO_KIND_SECRET_STORE, OCTAVO_PLUGIN_UNLOADABLE,
            "state.scripted\0state.scripted-full\0secretstores.scripted");

static const octavo_host *host;

typedef struct entry {
    char *key, *value;
    size_t key_size, size;
    unsigned version;
} entry;

typedef struct store {
    pthread_mutex_t lock;
    entry entries[ENTRIES];
    char *last;
    octavo_call kept[KEPT];
    int kept_count, started, cancels, full;
    unsigned version;
} store;

/* MARK: Describing */

static void text(FILE *out, const char *data, size_t size, int present) {
    if (!present) {
        fputs("null", out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < size; i++)
        if (data[i] == '"' || data[i] == '\\') fprintf(out, "\\%c", data[i]);
        else if ((unsigned char)data[i] < 32) fprintf(out, "\\u%04x", data[i]);
        else fputc(data[i], out);
    fputc('"', out);
}

static void str(FILE *out, const char *name, octavo_str value) {
    fprintf(out, "\"%s\":", name);
    text(out, value.data, value.size, value.data != NULL);
}

static void pairs(FILE *out, octavo_list list) {
    fputs("\"metadata\":{", out);
    for (uint32_t i = 0; i < list.count; i++) {
        const octavo_pair *pair = octavo_list_at(list, i);
        if (i) fputc(',', out);
        text(out, pair->name.data, pair->name.size, 1);
        fputc(':', out);
        text(out, pair->value.data, pair->value.size, 1);
    }
    fputc('}', out);
}

static void write_out(FILE *out, const octavo_state_write *write) {
    fputc('{', out);
    str(out, "key", write->key);
    fputs(",\"value\":", out);
    text(out, (const char *)write->value.data, write->value.size, write->value.data != NULL);
    fputc(',', out);
    str(out, "etag", write->etag);
    fputc(',', out);
    str(out, "contentType", write->content_type);
    fprintf(out, ",\"ttl\":%lld,\"concurrency\":%d,\"consistency\":%d,\"operation\":%d,", (long long)write->ttl_ns,
            write->concurrency, write->consistency, write->operation);
    pairs(out, write->metadata);
    fputc('}', out);
}

static void remember(store *me, char *description) {
    free(me->last);
    me->last = description;
}

/* MARK: Scripts */

static octavo_str script(octavo_str key) {
    for (size_t i = key.size; i >= 2; i--)
        if (key.data[i - 1] == '|' && key.data[i - 2] == '|') return (octavo_str){key.data + i, key.size - i};
    return key;
}

static int is(octavo_str given, const char *word) {
    return given.size == strlen(word) && !memcmp(given.data, word, given.size);
}

/* Whether the key asks for an error, which it then is. */
static int scripted_error(octavo_str key, octavo_item_error *error) {
    static _Thread_local char words[128];
    octavo_str given = script(key);
    if (given.size < 6 || given.size >= sizeof words || memcmp(given.data, "error:", 6)) return 0;
    memcpy(words, given.data, given.size);
    words[given.size] = 0;
    char *reason = strchr(words + 6, ':');
    memset(error, 0, sizeof *error);
    error->code = atoi(words + 6);
    error->reason = octavo_text(reason ? reason + 1 : "");
    error->message = octavo_text("the backend said no");
    return 1;
}

static void fail(octavo_call call, const octavo_item_error *item) {
    octavo_error error;
    memset(&error, 0, sizeof error);
    error.size = sizeof error;
    error.code = item->code;
    error.reason = item->reason;
    error.message = item->message;
    host->complete(call, &error, NULL);
}

/* MARK: Values, with the lock held */

static entry *find(store *me, octavo_str key) {
    for (int i = 0; i < ENTRIES; i++)
        if (me->entries[i].key && me->entries[i].key_size == key.size && !memcmp(me->entries[i].key, key.data, key.size))
            return &me->entries[i];
    return NULL;
}

static void erase(entry *at) {
    free(at->key);
    free(at->value);
    memset(at, 0, sizeof *at);
}

/* Whether the write may happen. */
static int check(store *me, const octavo_state_write *write, octavo_item_error *error) {
    entry *at = find(me, write->key);
    char etag[32];
    memset(error, 0, sizeof *error);
    if (scripted_error(write->key, error)) return 0;
    if (!write->etag.data) {
        if (write->concurrency != OCTAVO_CONCURRENCY_FIRST_WRITE || !at || write->operation == OCTAVO_STATE_REMOVE)
            return 1;
    } else {
        for (size_t i = 0; i < write->etag.size; i++)
            if (write->etag.data[i] < '0' || write->etag.data[i] > '9') {
                *error = (octavo_item_error){OCTAVO_CODE_INVALID_ARGUMENT, 0, octavo_text(OCTAVO_REASON_ETAG_INVALID),
                                             octavo_text("the etag is not a number")};
                return 0;
            }
        snprintf(etag, sizeof etag, "%u", at ? at->version : 0);
        if (at && is(write->etag, etag)) return 1;
    }
    *error = (octavo_item_error){OCTAVO_CODE_ABORTED, 0, octavo_text(OCTAVO_REASON_ETAG_MISMATCH),
                                 octavo_text("somebody else wrote meanwhile")};
    return 0;
}

static void apply(store *me, const octavo_state_write *write) {
    entry *at = find(me, write->key);
    if (at) erase(at);
    if (write->operation == OCTAVO_STATE_REMOVE) return;
    for (int i = 0; !at && i < ENTRIES; i++)
        if (!me->entries[i].key) at = &me->entries[i];
    if (!at) return;
    at->key_size = write->key.size;
    at->key = memcpy(malloc(at->key_size + 1), write->key.data, at->key_size);
    at->size = write->value.size;
    at->value = malloc(at->size + 1);
    if (at->size) memcpy(at->value, write->value.data, at->size);
    at->version = ++me->version;
}

/* MARK: Operations */

static int keep(store *me, octavo_call call) {
    if (me->kept_count == KEPT) return 0;
    me->kept[me->kept_count++] = call;
    me->started++;
    return 1;
}

static void get(void *self, octavo_call call, const octavo_state_get_request *request) {
    store *me = self;
    octavo_state_get_reply reply;
    octavo_item_error error;
    octavo_str word = script(request->key);
    octavo_pair expires = {octavo_text("ttlExpireTime"), octavo_text("2030-01-01T00:00:00Z")};
    char etag[32], *made = NULL;
    size_t size = 0;
    if (scripted_error(request->key, &error)) {
        fail(call, &error);
        return;
    }
    memset(&reply, 0, sizeof reply);
    reply.size = sizeof reply;
    reply.flags = OCTAVO_STATE_FOUND;
    reply.etag = octavo_text("7");
    pthread_mutex_lock(&me->lock);
    if (is(word, "never") && keep(me, call)) {
        pthread_mutex_unlock(&me->lock);
        return;
    }
    if (is(word, "request")) {
        FILE *out = open_memstream(&made, &size);
        fputc('{', out);
        str(out, "key", request->key);
        fprintf(out, ",\"consistency\":%d,\"hasDeadline\":%s,", request->consistency,
                request->head.deadline_ns ? "true" : "false");
        pairs(out, request->head.metadata);
        fputc('}', out);
        fclose(out);
        reply.value = (octavo_bytes){(const uint8_t *)made, size};
    } else if (is(word, "cancels") || is(word, "started")) {
        snprintf(etag, sizeof etag, "%d", is(word, "cancels") ? me->cancels : me->started);
        reply.value = (octavo_bytes){(const uint8_t *)etag, strlen(etag)};
    } else if (is(word, "last")) {
        reply.value = (octavo_bytes){(const uint8_t *)me->last, me->last ? strlen(me->last) : 0};
    } else if (is(word, "empty")) {
        reply.value = (octavo_bytes){(const uint8_t *)"", 0};
    } else if (is(word, "binary")) {
        reply.value = (octavo_bytes){(const uint8_t *)"\xff\x00z", 3};
    } else if (is(word, "expiring")) {
        reply.value = (octavo_bytes){(const uint8_t *)"1", 1};
        reply.content_type = octavo_text("text/plain");
        reply.metadata = OCTAVO_LIST(&expires, 1);
    } else {
        entry *at = find(me, request->key);
        if (at) {
            snprintf(etag, sizeof etag, "%u", at->version);
            reply.etag = octavo_text(etag);
            reply.value = (octavo_bytes){(const uint8_t *)at->value, at->size};
        } else {
            reply.flags = 0;
            reply.etag = (octavo_str){0};
        }
    }
    host->complete(call, NULL, &reply);
    pthread_mutex_unlock(&me->lock);
    free(made);
}

static void write_one(void *self, octavo_call call, const octavo_state_write_request *request) {
    store *me = self;
    octavo_item_error error;
    char *made = NULL;
    size_t size = 0;
    pthread_mutex_lock(&me->lock);
    if (is(script(request->write.key), "never") && keep(me, call)) {
        pthread_mutex_unlock(&me->lock);
        return;
    }
    FILE *out = open_memstream(&made, &size);
    write_out(out, &request->write);
    fclose(out);
    remember(me, made);
    int may = check(me, &request->write, &error);
    if (may) apply(me, &request->write);
    pthread_mutex_unlock(&me->lock);
    if (may) octavo_done(host, call);
    else fail(call, &error);
}

static void bulk_get(void *self, octavo_call call, const octavo_state_bulk_get_request *request) {
    store *me = self;
    octavo_state_item *items = calloc(request->keys.count + 1, sizeof *items);
    octavo_state_bulk_get_reply reply = {sizeof reply, 0, OCTAVO_LIST(items, request->keys.count)};
    pthread_mutex_lock(&me->lock);
    for (uint32_t i = 0; i < request->keys.count; i++) {
        const octavo_state_key *key = octavo_list_at(request->keys, i);
        entry *at = find(me, key->key);
        items[i].key = key->key;
        if (scripted_error(key->key, &items[i].error) || !at) continue;
        items[i].flags = OCTAVO_STATE_FOUND;
        items[i].value = (octavo_bytes){(const uint8_t *)at->value, at->size};
        items[i].etag = octavo_text("1");
    }
    host->complete(call, NULL, &reply);
    pthread_mutex_unlock(&me->lock);
    free(items);
}

static void describe_all(store *me, const octavo_state_writes_request *request) {
    char *made = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&made, &size);
    fputs("{\"writes\":[", out);
    for (uint32_t i = 0; i < request->writes.count; i++) {
        if (i) fputc(',', out);
        write_out(out, octavo_list_at(request->writes, i));
    }
    fputs("],", out);
    pairs(out, request->head.metadata);
    fputc('}', out);
    fclose(out);
    remember(me, made);
}

static void bulk_write(void *self, octavo_call call, const octavo_state_writes_request *request) {
    store *me = self;
    octavo_state_write_result *results = calloc(request->writes.count + 1, sizeof *results);
    octavo_state_bulk_write_reply reply = {sizeof reply, 0, OCTAVO_LIST(results, request->writes.count)};
    pthread_mutex_lock(&me->lock);
    describe_all(me, request);
    for (uint32_t i = 0; i < request->writes.count; i++) {
        const octavo_state_write *write = octavo_list_at(request->writes, i);
        results[i].key = write->key;
        if (check(me, write, &results[i].error)) apply(me, write);
    }
    pthread_mutex_unlock(&me->lock);
    host->complete(call, NULL, &reply);
    free(results);
}

static void transact(void *self, octavo_call call, const octavo_state_writes_request *request) {
    store *me = self;
    octavo_item_error error = {0};
    int may = 1;
    pthread_mutex_lock(&me->lock);
    describe_all(me, request);
    for (uint32_t i = 0; may && i < request->writes.count; i++)
        may = check(me, octavo_list_at(request->writes, i), &error);
    for (uint32_t i = 0; may && i < request->writes.count; i++) apply(me, octavo_list_at(request->writes, i));
    pthread_mutex_unlock(&me->lock);
    if (may) octavo_done(host, call);
    else fail(call, &error);
}

/* Everything with the prefix, whatever the filter; what was asked for is the last request. */
static void query(void *self, octavo_call call, const octavo_state_query_request *request) {
    store *me = self;
    octavo_state_item items[ENTRIES];
    octavo_state_query_reply reply;
    char *made = NULL;
    size_t size = 0;
    uint32_t count = 0;
    FILE *out = open_memstream(&made, &size);
    fputc('{', out);
    str(out, "prefix", request->key_prefix);
    fputc(',', out);
    str(out, "token", request->token);
    fprintf(out, ",\"limit\":%u,\"nodes\":[", request->limit);
    for (uint32_t i = 0; i < request->nodes.count; i++) {
        const octavo_query_node *node = octavo_list_at(request->nodes, i);
        fprintf(out, "%s{\"operation\":%d,\"first\":%u,\"count\":%u,", i ? "," : "", node->operation, node->first_child,
                node->child_count);
        str(out, "path", node->path);
        fputs(",\"values\":[", out);
        for (uint32_t j = 0; j < node->values.count; j++) {
            const octavo_query_value *value = octavo_list_at(node->values, j);
            fprintf(out, "%s{\"type\":%d,\"boolean\":%d,", j ? "," : "", value->type, value->boolean);
            str(out, "text", value->text);
            fputc('}', out);
        }
        fputs("]}", out);
    }
    fputs("],\"sort\":[", out);
    for (uint32_t i = 0; i < request->sort.count; i++) {
        const octavo_query_sort *sort = octavo_list_at(request->sort, i);
        fprintf(out, "%s{\"descending\":%d,", i ? "," : "", sort->descending);
        str(out, "path", sort->path);
        fputc('}', out);
    }
    fputs("],", out);
    pairs(out, request->head.metadata);
    fputc('}', out);
    fclose(out);
    memset(&reply, 0, sizeof reply);
    memset(items, 0, sizeof items);
    pthread_mutex_lock(&me->lock);
    remember(me, made);
    for (int i = 0; i < ENTRIES; i++) {
        entry *at = &me->entries[i];
        if (!at->key || at->key_size < request->key_prefix.size ||
            memcmp(at->key, request->key_prefix.data, request->key_prefix.size))
            continue;
        items[count].key = (octavo_str){at->key, at->key_size};
        items[count].flags = OCTAVO_STATE_FOUND;
        items[count].value = (octavo_bytes){(const uint8_t *)at->value, at->size};
        items[count++].etag = octavo_text("3");
    }
    reply.size = sizeof reply;
    reply.items = OCTAVO_LIST(items, count);
    if (request->limit) reply.token = octavo_text("more");
    host->complete(call, NULL, &reply);
    pthread_mutex_unlock(&me->lock);
}

/* MARK: Secrets */

static void secret_get(void *self, octavo_call call, const octavo_secret_get_request *request) {
    octavo_item_error error;
    octavo_pair pair = {request->name, octavo_text("hush")};
    octavo_secret_get_reply reply = {sizeof reply, 0, OCTAVO_LIST(&pair, is(request->name, "empty") ? 0 : 1)};
    (void)self;
    if (scripted_error(request->name, &error)) fail(call, &error);
    else host->complete(call, NULL, &reply);
}

static void secret_bulk_get(void *self, octavo_call call, const octavo_secret_bulk_get_request *request) {
    octavo_pair pair[] = {{octavo_text("one"), octavo_text("1")}, {octavo_text("two"), octavo_text("2")}};
    octavo_secret secrets[] = {{pair[0].name, OCTAVO_LIST(&pair[0], 1)}, {pair[1].name, OCTAVO_LIST(&pair[1], 1)}};
    octavo_secret_bulk_get_reply reply = {sizeof reply, 0, OCTAVO_LIST(secrets, 2)};
    (void)self, (void)request;
    host->complete(call, NULL, &reply);
}

/* MARK: Life */

static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    store *made = calloc(1, sizeof *made);
    pthread_mutexattr_t again;
    (void)instance, (void)call;
    /* Whoever is told of a completion may call again before complete() returns. */
    pthread_mutexattr_init(&again);
    pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&made->lock, &again);
    pthread_mutexattr_destroy(&again);
    made->full = is(config->type, "state.scripted-full");
    *self = made;
    return OCTAVO_OK;
}

static void features(void *self, octavo_features *out) {
    if (((store *)self)->full) out->max_transaction_ops = 3;
}

static void start(void *self, octavo_call call, const octavo_life_request *request) {
    (void)self, (void)request;
    octavo_done(host, call);
}

static void stop(void *self, octavo_call call, const octavo_life_request *request) {
    store *me = self;
    (void)request;
    for (int i = 0; i < me->kept_count; i++)
        octavo_fail(host, me->kept[i], OCTAVO_CODE_UNAVAILABLE, NULL, octavo_text("the store stops"));
    octavo_done(host, call);
}

static void destroy(void *self) {
    store *me = self;
    for (int i = 0; i < ENTRIES; i++) erase(&me->entries[i]);
    free(me->last);
    pthread_mutex_destroy(&me->lock);
    free(me);
}

static void cancel(void *self, octavo_call call) {
    store *me = self;
    pthread_mutex_lock(&me->lock);
    me->cancels++;
    for (int i = 0; i < me->kept_count; i++) {
        if (me->kept[i] != call) continue;
        me->kept[i] = me->kept[--me->kept_count];
        octavo_fail(host, call, OCTAVO_CODE_CANCELLED, NULL, octavo_text("cancelled"));
        break;
    }
    pthread_mutex_unlock(&me->lock);
}

static const octavo_life life = {
    .size = sizeof life, .create = create, .features = features, .start = start, .health = start, .stop = stop,
    .destroy = destroy, .cancel = cancel,
};

static const octavo_state_ops few = {.size = sizeof few, .get = get, .set = write_one, .remove = write_one};
static const octavo_state_ops all = {
    .size = sizeof all, .get = get, .set = write_one, .remove = write_one, .bulk_get = bulk_get,
    .bulk_set = bulk_write, .bulk_remove = bulk_write, .transact = transact, .query = query,
};
static const octavo_secret_store_ops secrets = {
    .size = sizeof secrets, .get = secret_get, .bulk_get = secret_bulk_get,
};

#define TEXT(literal) {literal, sizeof literal - 1}
static const octavo_schema schema = {.size = sizeof schema, .title = TEXT("Scripted")};
#define TYPE(kind, features, name, ops)                                                                        \
    {sizeof(octavo_type), kind, OCTAVO_EXECUTION_INLINE, 3, 0, features, TEXT(name), TEXT("v1"), {NULL, 0, 0}, \
     &schema, &life, ops}
static const octavo_type few_type = TYPE(OCTAVO_KIND_STATE, OCTAVO_STATE_ETAG | OCTAVO_STATE_TTL, "state.scripted", &few);
static const octavo_type full_type =
    TYPE(OCTAVO_KIND_STATE,
         OCTAVO_STATE_ETAG | OCTAVO_STATE_TTL | OCTAVO_STATE_BULK | OCTAVO_STATE_TRANSACTION | OCTAVO_STATE_QUERY,
         "state.scripted-full", &all);
static const octavo_type secret_type =
    TYPE(OCTAVO_KIND_SECRET_STORE, OCTAVO_SECRET_BULK, "secretstores.scripted", &secrets);
static const octavo_type *const types[] = {&few_type, &full_type, &secret_type};

static int32_t plugin_start(const octavo_host *given, octavo_call call) {
    (void)call;
    host = given;
    return OCTAVO_OK;
}

static const octavo_plugin plugin = {
    .size = sizeof plugin, .flags = OCTAVO_PLUGIN_UNLOADABLE, .id = TEXT("scripted"), .version = TEXT("1.0.0"),
    .types = types, .type_count = 3, .start = plugin_start,
};

const octavo_plugin *octavo_plugin_v1(void) { return &plugin; }
