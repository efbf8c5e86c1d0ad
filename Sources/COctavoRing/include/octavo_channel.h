/*
 * Channels between the runtime and a helper process: two segments of shared memory, each written by one
 * side alone. Segment H is the runtime's (submissions and their frames), segment P the helper's
 * (completions and their frames). There is one channel for each event loop, which alone uses it on the
 * runtime's side; in the helper a lock of its own does that.
 */
#ifndef OCTAVO_CHANNEL_H
#define OCTAVO_CHANNEL_H

#include <octavo/octavo.h>

OCTAVO_BEGIN

#define OCTAVO_CHANNELS_MAX 64u
#define OCTAVO_SUBMISSIONS 1024u /* powers of two */
#define OCTAVO_COMPLETIONS 2048u

/* What an entry is. */
#define OCTAVO_ENTRY_CALL 1u   /* submission: the request is in the frame */
#define OCTAVO_ENTRY_CANCEL 2u /* submission: nobody waits for `call` any more */
#define OCTAVO_ENTRY_REPLY 3u  /* completion: the reply is in the frame; length 0 is an empty one */
#define OCTAVO_ENTRY_ERROR 4u  /* completion: an octavo_error is in the frame */
#define OCTAVO_ENTRY_MESSAGE 5u /* completion: `call` is a source, the message is in the frame, `token` its name */
#define OCTAVO_ENTRY_SOURCE_FAILED 6u /* completion: `call` is a source that has ended; an octavo_error is in the frame */

typedef struct octavo_entry {
    octavo_call call;     /* the runtime's handle */
    uint64_t at;          /* of the frame, from the start of the channel's frame area */
    uint64_t length;
    int64_t deadline_ns;
    uint64_t released;    /* completion: end of the frame in the area's running count */
    uint32_t kind;        /* OCTAVO_ENTRY_* */
    uint32_t instance;
    uint32_t op;
    uint32_t flags;
    uint64_t token;
} octavo_entry;

/* One side's words of a channel. Indices run freely and wrap; `sleep` is odd while its side sleeps. */
typedef struct octavo_words {
    _Alignas(64) uint32_t tail; /* entries published; atomic */
    _Alignas(64) uint32_t head; /* entries of the other side taken; atomic */
    uint32_t processor;         /* helper: where it last went to sleep, + 1; a hint; atomic */
    uint64_t released;          /* runtime: of P's frame area, bytes read since the start; atomic */
    _Alignas(64) uint32_t sleep; /* atomic */
} octavo_words;

/* What a thread that runs a plugin's code is doing. It writes, the runtime looks and measures by its own clock:
   entering and leaving cost no reading of a clock. */
typedef struct octavo_busy {
    _Alignas(64) uint64_t turn; /* odd while the plugin's code runs; atomic */
    octavo_call call;           /* the runtime's handle, 0 = a timer, a watch or a post; atomic */
    int64_t deadline_ns;        /* of that call, 0 = none; atomic */
    uint32_t kind;              /* OCTAVO_BUSY_*, 0 = the line is nobody's; atomic */
    uint32_t thread;            /* its kernel id */
    uint32_t instance;          /* octavo_instance_set_number's; atomic */
    uint32_t op;                /* of the call; atomic */
    uint64_t reserved;
} octavo_busy;

/* Which thread a line is of, and so how long it may stay inside of the plugin. */
#define OCTAVO_BUSY_INLINE 1u  /* it serves every inline instance */
#define OCTAVO_BUSY_REACTOR 2u
#define OCTAVO_BUSY_WORKER 3u
#define OCTAVO_BUSY_CONTROL 4u /* a life function, which has a limit of its own */

/* Threads beyond are not watched. */
#define OCTAVO_BUSY_LINES 1023u

typedef struct octavo_busy_table {
    _Alignas(64) uint32_t used; /* lines below have been somebody's; atomic */
    octavo_busy lines[OCTAVO_BUSY_LINES];
} octavo_busy_table;

/* Sizes of both segments for so many channels with frame areas of `area` bytes (a multiple of 4096). */
uint64_t octavo_segment_h_size(uint32_t channels, uint64_t area);
uint64_t octavo_segment_p_size(uint32_t channels, uint64_t area);

/* Places in the segments. */
octavo_words *octavo_segment_words(void *segment, uint32_t channel);
octavo_entry *octavo_submissions(void *segment_h, uint32_t channel);
octavo_entry *octavo_completions(void *segment_p, uint32_t channel);
uint8_t *octavo_area_h(void *segment_h, uint32_t channels, uint64_t area, uint32_t channel);
uint8_t *octavo_area_p(void *segment_p, uint32_t channels, uint64_t area, uint32_t channel);
octavo_busy_table *octavo_busy_lines(void *segment_p);

/* Rings `doorbell` (an eventfd) unless the peer is awake or has been rung in this sleep; `rung` is the
   caller's memory of the last sleep that it rang in. To be called after the tail was published. */
void octavo_ring_doorbell(const octavo_words *peer, uint32_t *rung, int doorbell);
/* Announces that its side goes to sleep: whatever is published afterwards rings. The caller must look at
   the peer's tail once more before it sleeps. */
void octavo_go_to_sleep(octavo_words *own);
/* Announces that its side is awake. */
void octavo_wake_up(octavo_words *own);

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_entry, 64);
OCTAVO_ASSERT_SIZE(octavo_words, 192);
OCTAVO_ASSERT_SIZE(octavo_busy, 64);
OCTAVO_ASSERT_SIZE(octavo_busy_table, 65536);

#endif
