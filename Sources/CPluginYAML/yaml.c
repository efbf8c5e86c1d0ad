#include "plugin_yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define MAX_DEPTH 64
#define MAX_SIZE (16u << 20)

struct text {
    char *bytes;
    size_t size, room;
    int failed;
};

static void put(struct text *text, const char *bytes, size_t size) {
    if (text->failed) return;
    if (text->size + size + 1 > text->room) {
        size_t room = (text->size + size + 1) * 2;
        char *grown = room > MAX_SIZE ? NULL : realloc(text->bytes, room);
        if (!grown) {
            text->failed = 1;
            return;
        }
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = 0;
}

static void put_scalar(struct text *text, const unsigned char *bytes, size_t size) {
    put(text, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        char escaped[8];
        if (bytes[i] == '"' || bytes[i] == '\\' || bytes[i] < 0x20) {
            int count = snprintf(escaped, sizeof escaped, "\\u%04x", bytes[i]);
            put(text, escaped, (size_t)count);
        } else {
            put(text, (const char *)bytes + i, 1);
        }
    }
    put(text, "\"", 1);
}

/* What stands between the value that comes now and what came before it in its map or list. */
struct level {
    int is_map, count;
};

static void separate(struct text *text, struct level *levels, int depth) {
    struct level *level = &levels[depth];
    if (depth == 0) return;
    if (level->is_map && level->count % 2 == 1) put(text, ":", 1);
    else if (level->count > 0) put(text, ",", 1);
    level->count++;
}

static const char *add(struct text *text, struct level *levels, int *depth, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        separate(text, levels, *depth);
        put_scalar(text, event->data.scalar.value, event->data.scalar.length);
        return NULL;
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        if (levels[*depth].is_map && levels[*depth].count % 2 == 0) return "a name in it is no text";
        if (*depth + 1 >= MAX_DEPTH) return "it is nested too deep";
        separate(text, levels, *depth);
        *depth += 1;
        levels[*depth].is_map = event->type == YAML_MAPPING_START_EVENT;
        levels[*depth].count = 0;
        put(text, levels[*depth].is_map ? "{" : "[", 1);
        return NULL;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        put(text, levels[*depth].is_map ? "}" : "]", 1);
        *depth -= 1;
        return NULL;
    case YAML_ALIAS_EVENT: return "it has an alias (*name)";
    default: return NULL;
    }
}

char *plugin_yaml_to_json(const char *bytes, size_t size, char *problem, size_t room) {
    struct text text = {NULL, 0, 0, 0};
    struct level levels[MAX_DEPTH + 1] = {{0, 0}};
    yaml_parser_t parser;
    const char *failure = NULL;
    int depth = 0, is_over = 0, documents = 0;
    if (!yaml_parser_initialize(&parser)) {
        snprintf(problem, room, "there is no memory for it");
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, size);
    while (!is_over && !failure) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            snprintf(problem, room, "line %zu: %s", parser.problem_mark.line + 1, parser.problem ? parser.problem : "it can't be read");
            break;
        }
        is_over = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1) failure = "it has several documents";
        else failure = add(&text, levels, &depth, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (failure) snprintf(problem, room, "%s", failure);
    else if (is_over && (text.failed || !text.bytes)) snprintf(problem, room, text.failed ? "it is too big" : "it is empty");
    else if (is_over) return text.bytes;
    free(text.bytes);
    return NULL;
}
