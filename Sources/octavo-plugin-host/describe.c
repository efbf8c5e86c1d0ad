#include "describe.h"

#include <dlfcn.h>
#include <octavo/octavo.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

#define MAX_TYPES 256u

static const char *const executions[] = {"inline", "reactor", "blocking"};
static const char *const field_types[] = {"string", "integer",   "number", "boolean", "duration",
                                          "byte size", "url", "enum",   "list"};
OCTAVO_STATIC_ASSERT(OCTAVO_EXECUTION_BLOCKING == 2 && OCTAVO_FIELD_LIST == 8, "the tables of names follow the constants");

static const char *execution_name(int32_t execution) {
    return execution >= 0 && execution <= OCTAVO_EXECUTION_BLOCKING ? executions[execution] : "unknown";
}

static void print_texts(const char *name, octavo_list list) {
    uint32_t i;
    printf(",\"%s\":[", name);
    for (i = 0; list.items && list.stride >= sizeof(octavo_str) && i < list.count; i++) {
        if (i) putchar(',');
        json_text(stdout, *(const octavo_str *)octavo_list_at(list, i));
    }
    putchar(']');
}

static void print_flag(const char *name, int value) { printf(",\"%s\":%s", name, value ? "true" : "false"); }

static void print_field(const octavo_field *field) {
    putchar('{');
    json_member(stdout, "name", field->name, 1);
    json_member(stdout, "type",
                octavo_text(field->type >= 0 && field->type <= OCTAVO_FIELD_LIST ? field_types[field->type] : "unknown"), 0);
    print_texts("aliases", field->aliases);
    print_texts("allowed", field->allowed);
    print_flag("required", (field->flags & OCTAVO_FIELD_REQUIRED) != 0);
    print_flag("sensitive", (field->flags & OCTAVO_FIELD_SENSITIVE) != 0);
    print_flag("hot", (field->flags & OCTAVO_FIELD_HOT) != 0);
    if (field->flags & OCTAVO_FIELD_HAS_MINIMUM) printf(",\"minimum\":%.17g", field->minimum);
    if (field->flags & OCTAVO_FIELD_HAS_MAXIMUM) printf(",\"maximum\":%.17g", field->maximum);
    if (field->default_text.data) json_member(stdout, "default", field->default_text, 0);
    if (field->profile.size) json_member(stdout, "profile", field->profile, 0);
    if (field->deprecated_by.size) json_member(stdout, "deprecatedBy", field->deprecated_by, 0);
    json_member(stdout, "description", field->description, 0);
    if (field->example.size) json_member(stdout, "example", field->example, 0);
    putchar('}');
}

static void print_schema(const octavo_schema *schema) {
    uint32_t i;
    json_member(stdout, "title", schema->title, 0);
    json_member(stdout, "description", schema->description, 0);
    json_member(stdout, "maturity", schema->maturity, 0);
    printf(",\"fields\":[");
    for (i = 0; schema->fields.items && schema->fields.stride >= sizeof(octavo_field) && i < schema->fields.count; i++) {
        if (i) putchar(',');
        print_field(octavo_list_at(schema->fields, i));
    }
    putchar(']');
    print_texts("links", schema->links);
    printf(",\"operations\":[");
    for (i = 0; schema->operations.items && schema->operations.stride >= sizeof(octavo_operation) && i < schema->operations.count; i++) {
        const octavo_operation *operation = octavo_list_at(schema->operations, i);
        if (i) putchar(',');
        putchar('{');
        json_member(stdout, "name", operation->name, 1);
        json_member(stdout, "description", operation->description, 0);
        putchar('}');
    }
    putchar(']');
}

/* The operations of the kind that the type has. */
static void print_calls(const octavo_kind *kind, const octavo_type *type) {
    uint32_t i, count = 0;
    printf(",\"calls\":[");
    for (i = 0; kind && type->ops && i < kind->op_count; i++) {
        const octavo_op *op = &kind->ops[i];
        if (!octavo_op_at(type->ops, i) || (op->feature && (type->features & op->feature) != op->feature)) continue;
        if (count++) putchar(',');
        json_text(stdout, octavo_text(op->name));
    }
    putchar(']');
}

static void print_type(const octavo_type *type) {
    const octavo_kind *kind = octavo_kind_at(type->kind);
    putchar('{');
    json_member(stdout, "name", type->name, 1);
    json_member(stdout, "version", type->version, 0);
    json_member(stdout, "kind", octavo_text(kind ? kind->name : "unknown"), 0);
    json_member(stdout, "execution", octavo_text(execution_name(type->execution)), 0);
    print_texts("aliases", type->aliases);
    printf(",\"features\":%llu", (unsigned long long)type->features);
    print_calls(kind, type);
    print_flag("singleton", (type->flags & OCTAVO_TYPE_SINGLETON) != 0);
    print_flag("exclusive", (type->flags & OCTAVO_TYPE_EXCLUSIVE) != 0);
    print_flag("holdsState", (type->flags & OCTAVO_TYPE_HOLDS_STATE) != 0);
    if (type->schema && type->schema->size >= sizeof *type->schema) print_schema(type->schema);
    putchar('}');
}

static int complain(const char *path, const char *cause) {
    fprintf(stderr, "plugin %s %s\n", path, cause);
    return 1;
}

int describe(const char *path) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol;
    octavo_plugin_v1_fn entry;
    const octavo_plugin *plugin;
    uint32_t i;
    if (!handle) {
        fprintf(stderr, "plugin %s can't be loaded: %s\n", path, dlerror());
        return 1;
    }
    symbol = dlsym(handle, OCTAVO_ENTRY_SYMBOL);
    if (!symbol) return complain(path, "does not export " OCTAVO_ENTRY_SYMBOL);
    memcpy(&entry, &symbol, sizeof entry);
    plugin = entry();
    if (!plugin) return complain(path, "returned no descriptor");
    if (plugin->size < sizeof *plugin) return complain(path, "has a descriptor that is too short");
    if (plugin->type_count > MAX_TYPES) return complain(path, "offers more than 256 types");
    putchar('{');
    json_member(stdout, "id", plugin->id, 1);
    json_member(stdout, "version", plugin->version, 0);
    json_member(stdout, "vendor", plugin->vendor, 0);
    json_member(stdout, "description", plugin->description, 0);
    printf(",\"abiMinor\":%u,\"minHostMinor\":%u", plugin->abi_minor, plugin->min_host_minor);
    print_flag("unloadable", (plugin->flags & OCTAVO_PLUGIN_UNLOADABLE) != 0);
    printf(",\"types\":[");
    for (i = 0; i < plugin->type_count; i++) {
        const octavo_type *type = plugin->types[i];
        if (!type || type->size < sizeof *type) {
            fflush(stdout);
            return complain(path, "has a type that is null or too short");
        }
        if (i) putchar(',');
        print_type(type);
    }
    puts("]}");
    /* Not unloaded: the process ends, and its destructors are none of our business. */
    return fflush(stdout) || ferror(stdout) ? complain(path, "could not be described: standard output is closed") : 0;
}
