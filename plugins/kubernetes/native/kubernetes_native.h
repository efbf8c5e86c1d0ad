/* The C side of the kubernetes plugin: YAML, which libyaml reads. */
#ifndef OCTAVO_KUBERNETES_NATIVE_H
#define OCTAVO_KUBERNETES_NATIVE_H

#include <stddef.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/*
 * The first document of a YAML text as JSON: each scalar is a string there. To be freed with free; NULL on failure, and `problem` says
 * why. Aliases, several documents and more than 64 levels are failures.
 */
char *_Nullable kubernetes_json_of_yaml(const char *text, size_t size, char *problem, size_t room);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
