/* A filter for tests: does with a request, or its answer, what the request's header x-do says. */
#include <octavo/octavo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

OCTAVO_NOTE("filter", "1.0.0", 1u << OCTAVO_KIND_FILTER, OCTAVO_PLUGIN_UNLOADABLE, "middleware.http.filter\0middleware.http.body");

static const octavo_host *host;

static int is(octavo_str text, const char *word) { return text.size == strlen(word) && !memcmp(text.data, word, text.size); }

static octavo_str find(octavo_list pairs, const char *name) {
    for (uint32_t index = 0; index < pairs.count; index++) {
        const octavo_pair *pair = (const void *)((const char *)pairs.items + (size_t)index * pairs.stride);
        if (is(pair->name, name)) return pair->value;
    }
    return (octavo_str){NULL, 0};
}

static void fail(octavo_call call, int32_t code) {
    octavo_error error = {.size = sizeof error, .code = code, .message = octavo_text("as it was told to")};
    host->complete(call, &error, NULL);
}

static octavo_list one(const octavo_pair *pairs, uint32_t count) { return (octavo_list){pairs, count, sizeof *pairs}; }

static void request(void *self, octavo_call call, const octavo_filter_message *message) {
    octavo_str what = find(message->headers, "x-do");
    octavo_filter_reply reply = {.size = sizeof reply, .action = OCTAVO_FILTER_CONTINUE};
    (void)self;
    if (is(what, "crash")) raise(SIGSEGV);
    if (is(what, "hang")) return;
    if (is(what, "fail")) {
        fail(call, OCTAVO_CODE_INTERNAL);
        return;
    }
    if (is(what, "nothing")) {
        octavo_done(host, call);
        return;
    }
    octavo_pair pairs[3];
    memset(pairs, 0, sizeof pairs);
    if (is(what, "smuggle")) {
        reply.action = OCTAVO_FILTER_CHANGE;
        pairs[0] = (octavo_pair){octavo_text("x-a"), octavo_text("1\r\nx-b: 2")};
        pairs[1] = (octavo_pair){octavo_text("x c: 3\r\nx-d"), octavo_text("4")};
        pairs[2] = (octavo_pair){octavo_text("Transfer-Encoding"), octavo_text("chunked")};
        reply.set = one(pairs, 3);
    } else if (is(what, "path")) {
        reply.action = OCTAVO_FILTER_CHANGE;
        reply.path = find(message->headers, "x-path");
    } else if (is(what, "status")) {
        reply.action = OCTAVO_FILTER_ANSWER;
        reply.status = 99;
    } else if (is(what, "action")) {
        reply.action = 77;
    } else if (is(what, "answer")) {
        reply.action = OCTAVO_FILTER_ANSWER;
        reply.status = 418;
        pairs[0] = (octavo_pair){octavo_text("x-from"), octavo_text("filter")};
        reply.set = one(pairs, 1);
        reply.body = (octavo_bytes){(const uint8_t *)"short", 5};
    } else if (is(what, "mark")) {
        reply.action = OCTAVO_FILTER_CHANGE;
        pairs[0] = (octavo_pair){octavo_text("x-peer"), find(message->head.metadata, "remote-address")};
        pairs[1] = (octavo_pair){octavo_text("x-path-seen"), message->path};
        pairs[2] = (octavo_pair){octavo_text("x-body-seen"), octavo_text(message->body.data ? "yes" : "no")};
        reply.set = one(pairs, 3);
        octavo_str gone = octavo_text("x-secret");
        reply.removed = (octavo_list){&gone, 1, sizeof gone};
        host->complete(call, NULL, &reply);
        return;
    }
    host->complete(call, NULL, &reply);
}

static void response(void *self, octavo_call call, const octavo_filter_message *message) {
    octavo_str what = find(message->head.metadata, "header.x-do-back");
    octavo_filter_reply reply = {.size = sizeof reply, .action = OCTAVO_FILTER_CONTINUE};
    octavo_pair pair = {octavo_text("x-back"), octavo_text("seen")};
    (void)self;
    if (is(what, "fail")) {
        fail(call, OCTAVO_CODE_UNAVAILABLE);
        return;
    }
    if (what.size) {
        reply.action = OCTAVO_FILTER_CHANGE;
        reply.set = one(&pair, 1);
        if (is(what, "status")) reply.status = 299;
        if (is(what, "body")) reply.body = (octavo_bytes){(const uint8_t *)"other", 5};
    }
    host->complete(call, NULL, &reply);
}

static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    (void)config, (void)instance, (void)call;
    *self = calloc(1, 1);
    return *self ? OCTAVO_OK : OCTAVO_FAILED;
}

static void start(void *self, octavo_call call, const octavo_life_request *given) {
    (void)self, (void)given;
    octavo_done(host, call);
}

static const octavo_life life = {.size = sizeof life, .create = create, .start = start, .destroy = free};
static const octavo_filter_ops ops = {.size = sizeof ops, .on_request = request, .on_response = response};

#define TEXT(literal) {literal, sizeof literal - 1}
static const octavo_type plain = {
    .size = sizeof plain, .kind = OCTAVO_KIND_FILTER, .execution = OCTAVO_EXECUTION_BLOCKING, .workers = 2,
    .name = TEXT("middleware.http.filter"), .version = TEXT("v1"), .life = &life, .ops = &ops};
static const octavo_type body = {
    .size = sizeof body, .kind = OCTAVO_KIND_FILTER, .execution = OCTAVO_EXECUTION_REACTOR, .features = OCTAVO_FILTER_BODY,
    .name = TEXT("middleware.http.body"), .version = TEXT("v1"), .life = &life, .ops = &ops};
static const octavo_type *const types[] = {&plain, &body};

static int32_t plugin_start(const octavo_host *given, octavo_call call) {
    (void)call;
    host = given;
    return OCTAVO_OK;
}

static const octavo_plugin plugin = {
    .size = sizeof plugin, .flags = OCTAVO_PLUGIN_UNLOADABLE, .id = TEXT("filter"), .version = TEXT("1.0.0"), .types = types,
    .type_count = 2, .start = plugin_start,
};

const octavo_plugin *octavo_plugin_v1(void) { return &plugin; }
