/* Writes JSON to a stream. */
#ifndef OCTAVO_PLUGIN_HOST_JSON_H
#define OCTAVO_PLUGIN_HOST_JSON_H

#include <octavo/octavo.h>
#include <stdio.h>

/* A string with its quotes. Bytes that are not UTF-8 become U+FFFD; absent text is "". */
void json_text(FILE *out, octavo_str text);
/* `"name":` and then a string, with a comma in front unless `first`. */
void json_member(FILE *out, const char *name, octavo_str text, int first);

#endif
