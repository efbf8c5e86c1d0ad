/* The memory that the runtime and a helper share, and the descriptors that the helper is born with. */
#define _GNU_SOURCE
#include "segments.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

int segment_open(const char *name, uint64_t size, int writable, int *descriptor, void **memory) {
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | (writable ? F_SEAL_FUTURE_WRITE : 0);
    int made = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), failed;
    if (made < 0) return errno;
    *memory = MAP_FAILED;
    if (ftruncate(made, (off_t)size) == 0)
        *memory = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, made, 0);
    /* Mapped for writing before it is sealed: nobody else can be. */
    if (*memory == MAP_FAILED || fcntl(made, F_ADD_SEALS, seals)) {
        failed = errno;
        if (*memory != MAP_FAILED) munmap(*memory, size);
        close(made);
        return failed;
    }
    /* Payloads of apps don't belong into a core dump. */
    madvise(*memory, size, MADV_DONTDUMP);
    *descriptor = made;
    return 0;
}
