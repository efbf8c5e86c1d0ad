/* What a process leaves behind when it crashes, a helper or the runtime: written by its signal handler, read by the
   runtime, or by the next one, after its end. Believed no more than anything else that a helper writes. */
#ifndef OCTAVO_BLACK_BOX_H
#define OCTAVO_BLACK_BOX_H

#include <octavo/octavo.h>

OCTAVO_BEGIN

#define OCTAVO_BLACK_BOX_FRAMES 64u
#define OCTAVO_BLACK_BOX_MODULES 64u

/* A mapped object: where it lies and which file it is. */
typedef struct octavo_module {
    uint64_t base, end;
    char path[240];
} octavo_module;

typedef struct octavo_black_box {
    uint32_t written; /* 1 once all but backtrace and request_bytes is there; atomic */
    int32_t signal;
    int32_t code;     /* si_code */
    int32_t thread;   /* kernel id */
    uint64_t address; /* si_addr */
    uint64_t counter; /* of the program, at the fault */
    octavo_call call; /* the runtime's handle of the call on the thread, 0 = none */
    uint32_t has_call; /* `op` and `request_bytes` are of a call, which may have been answered already */
    uint32_t instance; /* whose code the thread was inside of */
    uint32_t op;
    uint32_t is_inside; /* the thread was inside of a plugin's code, or of what that had called */
    uint64_t request_bytes;
    int64_t time_ns;    /* since 1970 */
    int32_t sender;     /* process that sent the signal, when `code` says that one did */
    uint32_t kind;      /* OCTAVO_BUSY_* of the thread, 0 = none of those */
    char thread_name[16];
    uint32_t frame_count;
    uint32_t module_count;
    uint64_t frames[OCTAVO_BLACK_BOX_FRAMES];
    octavo_module modules[OCTAVO_BLACK_BOX_MODULES];
} octavo_black_box;

OCTAVO_END

#endif
