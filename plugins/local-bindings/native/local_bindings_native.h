/* Files below a folder, for `bindings.localstorage`. Paths are relative, without `.` and `..`; no link is followed. */
#ifndef LOCAL_BINDINGS_NATIVE_H
#define LOCAL_BINDINGS_NATIVE_H

#include <stddef.h>
#include <stdint.h>

/* Makes and opens the folder; its name without links goes to `name`, PATH_MAX bytes. -1 and errno on failure; EPERM for a
   folder of the system's own. The caller closes it. */
int32_t storage_open_root(const char *path, char *name);
/* Writes a whole file, and the folders that it is in. 0 or an errno. */
int32_t storage_write(int32_t root, const char *path, const void *data, size_t size);
/* Opens a file for reading: a descriptor, which the caller closes, or minus an errno. EFBIG above 256 MiB. */
int32_t storage_open(int32_t root, const char *path, intptr_t *size);
/* Removes a file, or a folder that is empty. 0 or an errno. */
int32_t storage_remove(int32_t root, const char *path);
/* Names every file in the folder and in those below; "" is the root. 0 or an errno; EFBIG for more than 100,000. */
int32_t storage_list(int32_t root, const char *path, void (*found)(void *context, const char *path), void *context);

#endif
