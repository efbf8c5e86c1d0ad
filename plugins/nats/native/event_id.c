#include "nats_native.h"

#include <string.h>

static size_t skip_space(const char *json, size_t size, size_t at) {
    while (at < size && (json[at] == ' ' || json[at] == '\t' || json[at] == '\n' || json[at] == '\r')) at++;
    return at;
}

/* `at` is behind the opening quotation mark; behind the closing one after it, or `size`. */
static size_t skip_text(const char *json, size_t size, size_t at, int *is_plain) {
    *is_plain = 1;
    for (; at < size && json[at] != '"'; at++)
        if (json[at] == '\\') {
            *is_plain = 0;
            at++;
        } else if ((unsigned char)json[at] < 0x20) {
            *is_plain = 0;
        }
    return at < size ? at + 1 : size;
}

size_t nats_event_id(const char *json, size_t size, const char **id) {
    size_t at = skip_space(json, size, 0), depth = 0;
    int is_plain, wants_name = 1;
    *id = NULL;
    if (at >= size || json[at] != '{') return 0;
    for (; at < size; at++) {
        switch (json[at]) {
        case '{': case '[': depth++; break;
        case '}': case ']': if (depth-- <= 1) return 0; break;
        case ',': wants_name = 1; break;
        case '"': {
            size_t start = at + 1, end = skip_text(json, size, start, &is_plain);
            int is_id = depth == 1 && wants_name && end - start == 3 && memcmp(json + start, "id\"", 3) == 0;
            at = end - 1;
            if (depth != 1 || !wants_name) break;
            wants_name = 0;
            if (!is_id) break;
            start = skip_space(json, size, end);
            if (start >= size || json[start] != ':') return 0;
            start = skip_space(json, size, start + 1);
            if (start >= size || json[start] != '"') return 0;
            end = skip_text(json, size, ++start, &is_plain);
            if (!is_plain || end > size || end <= start || json[end - 1] != '"') return 0;
            *id = json + start;
            return end - 1 - start;
        }
        default: break;
        }
    }
    return 0;
}
