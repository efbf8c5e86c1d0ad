/* The limits of a helper process. */
#ifndef OCTAVO_PLUGIN_HOST_LIMITS_H
#define OCTAVO_PLUGIN_HOST_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Applies what the words ask for: memory=BYTES, cpu=SECONDS, descriptors=N, processes=N (0: not one),
 * seccomp=1 (standard) or 2 (strict), network=0 (none). Before the first other thread. NULL, or the cause,
 * in `room` bytes of `cause`.
 */
const char *limits_apply(int count, char *const *words, char *cause, size_t room);

/* `name=NUMBER` of the words; -1 when there is none. */
int64_t limits_number(int count, char *const *words, const char *name);

#endif
