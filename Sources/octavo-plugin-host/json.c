#include "json.h"

/* Length of the UTF-8 sequence at `at`, 0 when it is none (RFC 3629 §4). */
static size_t sequence(const unsigned char *at, uint64_t left) {
    static const unsigned char low[] = {0xc2, 0xe0, 0xe1, 0xed, 0xee, 0xf0, 0xf1, 0xf4, 0xf5};
    size_t length = at[0] < low[0] ? 0 : at[0] < low[1] ? 2 : at[0] < low[5] ? 3 : at[0] < low[8] ? 4 : 0, i;
    if (at[0] < 0x80) return 1;
    if (!length || length > left) return 0;
    for (i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    if (at[0] == 0xe0 && at[1] < 0xa0) return 0;
    if (at[0] == 0xed && at[1] > 0x9f) return 0;
    if (at[0] == 0xf0 && at[1] < 0x90) return 0;
    if (at[0] == 0xf4 && at[1] > 0x8f) return 0;
    return length;
}

void json_text(FILE *out, octavo_str text) {
    uint64_t i = 0;
    fputc('"', out);
    while (text.data && i < text.size) {
        const unsigned char *at = (const unsigned char *)text.data + i;
        size_t length = sequence(at, text.size - i);
        if (!length) {
            fputs("\\ufffd", out);
            length = 1;
        } else if (*at == '"' || *at == '\\') {
            fprintf(out, "\\%c", *at);
        } else if (*at < 0x20 || *at == 0x7f) {
            fprintf(out, "\\u%04x", *at);
        } else {
            fwrite(at, 1, length, out);
        }
        i += length;
    }
    fputc('"', out);
}

void json_member(FILE *out, const char *name, octavo_str text, int first) {
    fprintf(out, "%s\"%s\":", first ? "" : ",", name);
    json_text(out, text);
}
