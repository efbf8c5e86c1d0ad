/* YAML for plugins, which libyaml reads. */
#ifndef OCTAVO_PLUGIN_YAML_H
#define OCTAVO_PLUGIN_YAML_H

#include <stddef.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/*
 * The first document of a YAML text as JSON: each scalar is a string there. To be freed with free; NULL on failure, and `problem` says
 * why. Aliases, several documents and more than 64 levels are failures.
 */
char *_Nullable plugin_yaml_to_json(const char *text, size_t size, char *problem, size_t room);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
