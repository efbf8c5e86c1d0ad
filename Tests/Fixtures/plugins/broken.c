/* A plugin that breaks one rule: CASE says which. */
#include <octavo/octavo.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define NOTHING 0
#define NULL_ID 1
#define BAD_ID 2
#define BAD_VERSION 3
#define NO_TYPES 4
#define NULL_TYPE 5
#define DUPLICATE_TYPE 6
#define WRONG_PREFIX 7
#define UNKNOWN_KIND 8
#define NO_LIFE 9
#define NO_CREATE 10
#define NO_OPS 11
#define SHORT_OPS 12
#define NO_GET 13
#define SHORT_DESCRIPTOR 14
#define SHORT_TYPE 15
#define SHORT_LIFE 16
#define SHORT_SCHEMA 17
#define NEWER_HOST 18
#define UNKNOWN_FEATURE 19
#define NULL_DESCRIPTOR 20
#define START_FAILS 21
#define BAD_EXECUTION 22
#define NULL_FIELD 23
#define BAD_FIELD 24
#define BAD_DEFAULT 25
#define NO_TYPE_NAME 26
#define ALIAS_PREFIX 27

#define TEXT(literal) {literal, sizeof literal - 1}

static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    (void)config, (void)instance, (void)call;
    *self = (void *)(uintptr_t)1;
    return OCTAVO_OK;
}
static void destroy(void *self) { (void)self; }
static void get(void *self, octavo_call call, const octavo_state_get_request *request) { (void)self, (void)call, (void)request; }
static void set(void *self, octavo_call call, const octavo_state_write_request *request) { (void)self, (void)call, (void)request; }

static octavo_life life = {.size = sizeof life, .create = create, .destroy = destroy};
static octavo_state_ops ops = {.size = sizeof ops, .get = get, .set = set, .remove = set};
static octavo_field field = {.name = TEXT("port"), .type = OCTAVO_FIELD_INTEGER};
static octavo_schema schema = {.size = sizeof schema, .fields = {&field, 1, sizeof field}};
static octavo_str alias __attribute__((unused)) = TEXT("pubsub.other");
static octavo_type type = {
    .size = sizeof type, .kind = OCTAVO_KIND_STATE, .name = TEXT("state.broken"), .version = TEXT("v1"),
    .schema = &schema, .life = &life, .ops = &ops,
};
static const octavo_type *types[] = {&type, &type};
static const octavo_host *host;

static int32_t start(const octavo_host *given, octavo_call call) {
    host = given;
#ifdef DIES
    abort();
#endif
#ifdef REFUSED_BY
    if (!access(REFUSED_BY, F_OK)) {
        octavo_fail(host, call, OCTAVO_CODE_FAILED_PRECONDITION, NULL, octavo_text("a file forbids it"));
        return OCTAVO_FAILED;
    }
#endif
    if (CASE != START_FAILS) return OCTAVO_OK;
    octavo_fail(host, call, OCTAVO_CODE_FAILED_PRECONDITION, NULL, octavo_text("its licence has run out"));
    return OCTAVO_FAILED;
}

static octavo_plugin plugin = {
    .size = sizeof plugin, .id = TEXT("broken"), .version = TEXT("1.0.0"), .types = types, .type_count = 1, .start = start,
};

#if CASE == NOTHING && defined(WITH_NOTE)
OCTAVO_NOTE(NOTE_ID, NOTE_VERSION, 1u << OCTAVO_KIND_STATE, 0, NOTE_TYPES);
#endif

#ifdef ENTRY_V2
const octavo_plugin *octavo_plugin_v2(void) { return &plugin; }
#elif !defined(NO_ENTRY)
const octavo_plugin *octavo_plugin_v1(void) {
    const octavo_str none = {NULL, 0};
    switch (CASE) {
    case NULL_ID: plugin.id = none; break;
    case BAD_ID: plugin.id = (octavo_str)TEXT("Broken/.."); break;
    case BAD_VERSION: plugin.version = (octavo_str)TEXT("new"); break;
    case NO_TYPES: plugin.type_count = 0; break;
    case NULL_TYPE: types[0] = NULL; break;
    case DUPLICATE_TYPE: plugin.type_count = 2; break;
    case WRONG_PREFIX: type.name = (octavo_str)TEXT("pubsub.broken"); break;
    case UNKNOWN_KIND: type.kind = 99; break;
    case NO_LIFE: type.life = NULL; break;
    case NO_CREATE: life.create = NULL; break;
    case NO_OPS: type.ops = NULL; break;
    case SHORT_OPS: ops.size = 8; break;
    case NO_GET: ops.get = NULL; break;
    case SHORT_DESCRIPTOR: plugin.size = 64; break;
    case SHORT_TYPE: type.size = 96; break;
    case SHORT_LIFE: life.size = 16; break;
    case SHORT_SCHEMA: schema.size = 8; break;
    case NEWER_HOST: plugin.min_host_minor = 7; break;
    case UNKNOWN_FEATURE: plugin.requires_features = OCTAVO_FEATURE_STREAMS | 1ull << 40; break;
    case NULL_DESCRIPTOR: return NULL;
    case BAD_EXECUTION: type.execution = 3; break;
    case NULL_FIELD: field.name = none; break;
    case BAD_FIELD: field.type = 42; break;
    case BAD_DEFAULT: field.default_text = (octavo_str)TEXT("many"); break;
    case NO_TYPE_NAME: type.name = none; break;
    case ALIAS_PREFIX: type.aliases = (octavo_list){&alias, 1, sizeof alias}; break;
    default: break;
    }
    return &plugin;
}
#endif
