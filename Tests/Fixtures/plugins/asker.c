/* A binding for tests: its one event is the app's id, as the request that reads it says it. */
#include <octavo/octavo.h>
#include <stdlib.h>
#include <string.h>

OCTAVO_NOTE("asker", "1.0.0", 1u << OCTAVO_KIND_BINDING, OCTAVO_PLUGIN_UNLOADABLE, "bindings.asker");

typedef struct asker {
    octavo_source source; /* 0: none, or its event has been delivered */
    char name[64];
    uint64_t size;
} asker;

static const octavo_host *host;

static void invoke(void *self, octavo_call call, const octavo_binding_invoke_request *request) {
    octavo_error error;
    (void)self, (void)request;
    memset(&error, 0, sizeof error);
    error.size = sizeof error;
    error.code = OCTAVO_CODE_UNIMPLEMENTED;
    error.message = octavo_text("it is read only");
    host->complete(call, &error, NULL);
}

static void read_events(void *self, octavo_call call, const octavo_binding_read_request *request) {
    asker *it = self;
    it->source = request->source;
    it->size = request->head.app_id.size < sizeof it->name ? request->head.app_id.size : sizeof it->name;
    if (it->size) memcpy(it->name, request->head.app_id.data, it->size);
    octavo_done(host, call);
}

static void close_source(void *self, octavo_call call, const octavo_source_request *request) {
    asker *it = self;
    (void)request;
    it->source = 0;
    octavo_done(host, call);
}

static void credit(void *self, octavo_call call, const octavo_credit_request *request) {
    asker *it = self;
    octavo_binding_event event;
    (void)call;
    if (!request->messages || it->source != request->source) return;
    memset(&event, 0, sizeof event);
    event.size = sizeof event;
    event.data = (octavo_bytes){(const uint8_t *)it->name, it->size};
    it->source = 0;
    if (host->deliver(request->source, 1, &event) != OCTAVO_OK) abort();
}

static void settle(void *self, octavo_call call, const octavo_settle_request *request) { (void)self, (void)call, (void)request; }

static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    (void)config, (void)instance, (void)call;
    *self = calloc(1, sizeof(asker));
    return *self ? OCTAVO_OK : OCTAVO_FAILED;
}

static void start(void *self, octavo_call call, const octavo_life_request *request) {
    (void)self, (void)request;
    octavo_done(host, call);
}

static const octavo_life life = {.size = sizeof life, .create = create, .start = start, .destroy = free};
static const octavo_binding_ops ops = {
    .size = sizeof ops, .invoke = invoke, .read = read_events, .close = close_source, .credit = credit, .settle = settle};

#define TEXT(literal) {literal, sizeof literal - 1}
static const octavo_type type = {
    .size = sizeof type, .kind = OCTAVO_KIND_BINDING, .execution = OCTAVO_EXECUTION_REACTOR, .features = OCTAVO_BINDING_INPUT,
    .name = TEXT("bindings.asker"), .version = TEXT("v1"), .life = &life, .ops = &ops};
static const octavo_type *const types[] = {&type};

static int32_t plugin_start(const octavo_host *given, octavo_call call) {
    (void)call;
    host = given;
    return OCTAVO_OK;
}

static const octavo_plugin plugin = {
    .size = sizeof plugin, .flags = OCTAVO_PLUGIN_UNLOADABLE, .id = TEXT("asker"), .version = TEXT("1.0.0"), .types = types,
    .type_count = 1, .start = plugin_start,
};

const octavo_plugin *octavo_plugin_v1(void) { return &plugin; }
