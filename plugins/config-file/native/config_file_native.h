/* The C side of the config-file plugin: inotify in a form that Swift can say. */
#ifndef OCTAVO_CONFIG_FILE_NATIVE_H
#define OCTAVO_CONFIG_FILE_NATIVE_H

#include <stdint.h>

/* Watches a folder for files that were written and closed, moved, linked or removed. A descriptor that does not block, or
   -1 and errno. */
int32_t config_file_watch(const char *_Nonnull folder);

/* What config_file_drain has found. */
#define CONFIG_FILE_GONE 1  /* the folder itself is gone, or can't be watched any more */
#define CONFIG_FILE_NAMED 2 /* a file of that name was touched */

/* Takes what there is to read off the descriptor. */
int32_t config_file_drain(int32_t descriptor, const char *_Nonnull name);

#endif
