#ifndef OCTAVO_SEGMENTS_H
#define OCTAVO_SEGMENTS_H

#include <stdint.h>

/* Makes a segment of shared memory that can't change its size, mapped here: for writing by this process
   alone, or for reading. 0, or an errno. */
int segment_open(const char *name, uint64_t size, int writable, int *descriptor, void **memory);

#endif
